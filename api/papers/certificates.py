"""A certificate as a sheet of paper: what it says, and the codes by which it is checked.

Rules: the claims are on the ledger, as a commitment, before the paper is made, so its codes lead to something. The codes never
prove the file that they are printed in: its own hash is anchored afterwards, as a second record of the same certificate. That
hash is public, so the file holds a mark that follows from the salt: whoever lacks the salt cannot try out claims against it.

The everyday code holds no salt: the sheet shows the claims, its offline code carries claims and salt, and its file is told by
its hash. A salt behind the link would only let a photograph of the code alone confirm a guess.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

from api import qr
from api.certificates.schemas import Schema
from api.papers.typesetting import typeset
from ledger.claims import Claim, FullClaims
from ledger.errors import FormatError
from ledger.lookup_code import code_of, grouped

LOCAL: Final = timezone(timedelta(hours=7))
"""Vietnam's time: the day on a paper is the day there."""
NUMBER_FIELD: Final = "so"
"""The claim that is the paper's number stands where papers have it, at the top left."""
EVERYDAY_MILLIMETRES: Final = 30.0
_MARK_PREFIX: Final = b"sheet\x00"


@dataclass(frozen=True, slots=True)
class CertificatePaper:
    """What a certificate's paper shows."""

    schema: Schema
    claims: FullClaims
    record_id: bytes
    """Of the `cert.issue/1` record: the lookup code follows from it."""
    issuer: str
    origin: str
    site: str
    """Where it is checked, such as `https://so-goc.example`."""
    issued_ms: int
    valid_from: str | None = None
    valid_until: str | None = None
    compact: bytes | None = None
    """Canonical bytes of a compact receipt, for the second code; None for none."""


def render(paper: CertificatePaper) -> bytes:
    """The paper as PDF. Raises PaperError, or FormatError (`qr.*`: an address or receipt that no code holds)."""
    return typeset("certificate.typ", _data(paper), time_s=paper.issued_ms // 1000)


def _data(paper: CertificatePaper) -> Mapping[str, Any]:
    values = {claim.name: claim for claim in paper.claims.claims}
    code = code_of(paper.record_id)
    day = datetime.fromtimestamp(paper.issued_ms / 1000, UTC).astimezone(LOCAL).date()
    until, until_en = _validity(paper)
    everyday = qr.everyday_code(qr.everyday_link(paper.site, code))
    return {
        "mark": hmac.new(paper.claims.salt, _MARK_PREFIX + paper.record_id, hashlib.sha256).hexdigest(),
        "title": paper.schema.label.vietnamese,
        "title_en": paper.schema.label.english,
        "issuer": paper.issuer,
        "number": _number(paper.schema, values),
        "rows": _rows(paper.schema, values),
        "validity": until,
        "validity_en": until_en,
        "dated": f"Ngày {day.day:02} tháng {day.month:02} năm {day.year}",
        "site": paper.site,
        "origin": paper.origin,
        "code": grouped(code),
        "everyday": qr.svg(everyday, millimetres=EVERYDAY_MILLIMETRES).decode(),
        "offline": _offline(paper),
    }


def _offline(paper: CertificatePaper) -> str | None:
    """The second code, if there is a receipt for it and one code holds it: otherwise the first one leads to everything."""
    if paper.compact is None:
        return None
    try:
        code = qr.offline_code(qr.offline_link(paper.site, paper.compact))
    except FormatError as error:
        if error.rule != "qr.too-large":
            raise
        return None
    return qr.svg(code, millimetres=qr.OFFLINE_MILLIMETRES).decode()


def _number(schema: Schema, values: Mapping[str, Claim]) -> str:
    for field in schema.fields:
        if field.name == NUMBER_FIELD and field.name in values:
            return f"Số: {field.shown(values[field.name].value)}"
    return ""


def _rows(schema: Schema, values: Mapping[str, Claim]) -> list[dict[str, str]]:
    return [
        {
            "label": field.label.vietnamese,
            "label_en": field.label.english,
            "value": field.shown(values[field.name].value),
        }
        for field in schema.fields
        if field.name != NUMBER_FIELD and field.name in values and values[field.name].value is not None
    ]


def _validity(paper: CertificatePaper) -> tuple[str, str]:
    first, last = _said(paper.valid_from), _said(paper.valid_until)
    if last:
        return (
            f"Có giá trị từ {first} đến hết {last}.",
            f"Valid from {paper.valid_from} to {paper.valid_until}.",
        )
    if first:
        return f"Có giá trị từ {first}.", f"Valid from {paper.valid_from}."
    return "", ""


def _said(day: str | None) -> str:
    return "" if day is None else date.fromisoformat(day).strftime("%d/%m/%Y")
