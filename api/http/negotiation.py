"""What a program that speaks EPCIS may ask of an answer, and say of what it sends (EPCIS 2.0 §12.4: headers).

Rules: this ledger speaks EPCIS 2.0 and CBV 2.0, in JSON and JSON-LD. Whoever cannot take that is told so (406), and whoever
sends something else too (415); nothing is answered in another version or form than was asked for. Events are given as they were
recorded: their identifiers are never translated, since anybody may compare the bytes. `GS1-CBV-XML-Format` is about XML, of
which there is none, and says nothing here.

What this module does not do: read prefixes (`api.epcis.fields.read_extensions`), or know who asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from api.http.problem import HttpError
from api.wire import JSON

LD_JSON: Final = "application/ld+json"
VERSION: Final = "2.0.0"
"""Of EPCIS and of CBV."""
VERSION_HEADERS: Final = {
    "gs1-epcis-version": VERSION,
    "gs1-cbv-version": VERSION,
    "gs1-epcis-min": VERSION,
    "gs1-epcis-max": VERSION,
    "gs1-cbv-min": VERSION,
    "gs1-cbv-max": VERSION,
    "gs1-epc-format": "Never_Translates",
}
"""What OPTIONS and every answer say."""
_OURS: Final = tuple(int(part) for part in VERSION.split("."))
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,2}")
_FORMATS: Final = {
    "no_preference": True,
    "never_translates": True,
    "always_gs1_digital_link": False,
    "always_epc_urn": False,
}
_QUALITY = re.compile(r"q=0(?:\.0{0,3})?")
_TAKEN: Final = (JSON, LD_JSON)


def check_wishes(headers: Mapping[str, str]) -> None:
    """Raise HttpError (406: `epcis.version-range`, `epcis.epc-format`) where this ledger cannot answer as it is asked to."""
    for what in ("epcis", "cbv"):
        least, most = (_version(headers.get(f"gs1-{what}-{end}")) for end in ("min", "max"))
        if (least and _padded(least) > _OURS) or (most and _OURS[: len(most)] > most):
            raise _range(f"GS1-{what.upper()}-Min and -Max leave no room for {VERSION}, which is spoken here")
    wanted = headers.get("gs1-epc-format", "No_Preference").strip()
    if not _FORMATS.get(wanted.lower(), False):
        raise HttpError(
            "epcis.epc-format",
            "events are given as they were recorded, each identifier in the form in which it was written: GS1-EPC-Format is "
            "No_Preference or Never_Translates",
            status=406,
        )


def check_content(headers: Mapping[str, str]) -> None:
    """Raise HttpError (415: `http.media-type`, `epcis.content-version`) for what says that it is nothing read here."""
    sent = headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in _TAKEN:
        raise HttpError("http.media-type", f"send {JSON} or {LD_JSON}; XML is not taken", status=415)
    for what in ("epcis", "cbv"):
        said = _version(headers.get(f"gs1-{what}-version"))
        if said and said != _OURS[: len(said)]:
            raise HttpError(
                "epcis.content-version",
                f"what is sent is of {what.upper()} 2.0, or says nothing of its version in GS1-{what.upper()}-Version",
                status=415,
            )


def media_type(headers: Mapping[str, str]) -> str:
    """JSON-LD for those who ask for it, else JSON. Raises HttpError, 406 `http.not-acceptable`, for whoever takes neither."""
    ranges = list(_ranges(headers.get("accept", "")))
    if not ranges:
        return JSON
    for one in ranges:
        if one == LD_JSON:
            return LD_JSON
        if one in (JSON, "application/*", "*/*"):
            return JSON
    raise HttpError(
        "http.not-acceptable", f"answers are {JSON} or {LD_JSON}: ask for one of them in Accept", status=406
    )


def _ranges(accept: str) -> Iterable[str]:
    """The media ranges of an `Accept` header that are not ruled out (RFC 9110 §12.5.1), in their order."""
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name and not any(_QUALITY.fullmatch(one) for one in parameters):
            yield name


def _version(text: str | None) -> tuple[int, ...]:
    if text is None or not text.strip():
        return ()
    if not _VERSION.fullmatch(text.strip()):
        raise _range("a version is written 2.0.0 or 2.0")
    return tuple(int(part) for part in text.strip().split("."))


def _padded(version: tuple[int, ...]) -> tuple[int, ...]:
    return version + (0,) * (len(_OURS) - len(version))


def _range(detail: str) -> HttpError:
    return HttpError("epcis.version-range", detail, status=406)
