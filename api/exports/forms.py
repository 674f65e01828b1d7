"""Every export by its name, made from a trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.exports import epcis, passport, picture, steps, tables
from api.exports.steps import Name
from api.wire import JSON
from ledger.origin.findings import Judgement
from ledger.origin.graph import Exploration

SVG: Final = "image/svg+xml"


@dataclass(frozen=True, slots=True)
class Form:
    """One form of export."""

    media_type: str
    make: Callable[[Exploration, Name], bytes]
    about: str


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _steps_csv(found: Exploration, name: Name) -> bytes:
    return tables.to_csv(steps.HEADER, [one.row(name) for one in steps.steps_of(found, found.start)])


def _steps_json(found: Exploration, name: Name) -> bytes:
    lines = [one.as_dictionary(name) for one in steps.steps_of(found, found.start)]
    return _json({"item": found.start, "truncated": found.truncated, "steps": lines})


def _passport_csv(found: Exploration, name: Name) -> bytes:
    return tables.to_csv(passport.HEADER, passport.rows(passport.passport_of(found, name)))


def _passport_json(found: Exploration, name: Name) -> bytes:
    return _json({"item": found.start, "truncated": found.truncated} | passport.passport_of(found, name))


FORMS: Final[dict[str, Form]] = {
    "steps.csv": Form(
        tables.MEDIA_TYPE, _steps_csv, "một bước trước, một bước sau / one step back, one step forward"
    ),
    "steps.json": Form(JSON, _steps_json, "như trên, dạng JSON / the same as JSON"),
    "passport.csv": Form(
        tables.MEDIA_TYPE, _passport_csv, "mười trường theo Thông tư 02/2024 / the ten fields"
    ),
    "passport.json": Form(JSON, _passport_json, "như trên, dạng JSON / the same as JSON"),
    "epcis.jsonld": Form(
        epcis.MEDIA_TYPE,
        lambda found, _: epcis.document_of(found),
        "tài liệu EPCIS 2.0 / an EPCIS 2.0 document",
    ),
    "trace.svg": Form(
        SVG, lambda found, _: picture.draw(found, Judgement(found.story)).encode(), "sơ đồ / a picture"
    ),
}
"""By the name that whoever asks gives."""
