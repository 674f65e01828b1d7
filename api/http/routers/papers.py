"""`/v1/papers`: sheets and stamps made for an officer, who has the claims but no typesetting in a browser.

Rules: asked like the vault, with a signature over a fresh challenge (`node.vault.access`), since what is typeset is private and
typesetting takes time. Nothing of it is kept or logged. What is printed comes from what was checked here: claims must be those
that the ledger commits to.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from api.certificates.schemas import schemas
from api.http.problem import HttpError
from api.http.routers.vault import Asked, answer_signed, described, octets_of, text_of
from api.papers.certificates import CertificatePaper, render
from api.papers.stamping import MAX_BYTES, Stamp, stamp
from ledger.claims import FullClaims, parse_claims
from ledger.disclosure import MAX_FILE_BYTES
from ledger.encoding import decode
from ledger.errors import FormatError, RefusedError, VerificationError
from ledger.hashing import sha256
from ledger.lookup_code import code_of
from ledger.records import Record, parse_record
from ledger.records.base import octets, text
from ledger.records.certificates import ISSUE
from ledger.records.documents import DOCUMENT
from ledger.rules import Place
from node.compact_receipts import compact_receipt
from node.vault.access import member_row

MAX_STAMP_BYTES = min(MAX_BYTES, 40_000_000)
_PDF = "application/pdf"
_SHEET: dict[str, dict[str, object]] = {_PDF: {"type": "string", "format": "binary"}}


async def post_certificate(request: Request) -> Response:
    """A certificate's sheet: `[key, challenge, signature, record id, site, claims]`, claims as in a proof file."""
    return await answer_signed(request, MAX_FILE_BYTES, 6, "paper", _certificate)


async def post_stamp(request: Request) -> Response:
    """A stamped copy of a PDF: `[key, challenge, signature, record id, site, pdf]`."""
    return await answer_signed(request, MAX_STAMP_BYTES, 6, "stamp", _stamp)


def _certificate(asked: Asked) -> Response:
    place, record = _record(asked)
    if record.type.name != ISSUE:
        raise HttpError(
            "paper.record", "a sheet is made of the record that issued the certificate", status=422
        )
    claims = parse_claims(decode(octets_of(asked.about[2]), max_bytes=MAX_FILE_BYTES))
    body = record.body
    if not isinstance(claims, FullClaims) or claims.root != octets(body, "claims_root"):
        raise HttpError("paper.claims", "these are not all the claims that the ledger commits to", status=422)
    schema = schemas().get(text(body, "schema"))
    if schema is None:
        raise HttpError("paper.schema", f"the schema {text(body, 'schema')!r} is not known here", status=422)
    context = asked.context
    pdf = render(
        CertificatePaper(
            schema=schema,
            claims=claims,
            record_id=record.id,
            issuer=_issuer(asked, record),
            origin=context.node.genesis.origin,
            site=text_of(asked.about[1]),
            issued_ms=context.places.find(asked.final.view, place.index).time_ms,
            valid_from=text(body, "valid_from") if "valid_from" in body else None,
            valid_until=text(body, "valid_until") if "valid_until" in body else None,
            compact=_compact(asked, place, claims),
        )
    )
    return _answer(pdf)


def _compact(asked: Asked, place: Place, claims: FullClaims) -> bytes | None:
    """The offline code's receipt with its claims, or None where there is none for this record."""
    try:
        bare = compact_receipt(asked.final, place, asked.final.policy)
        return bare.with_private(claims).encoded()
    except (RefusedError, FormatError, VerificationError):
        return None  # the everyday code leads to the whole receipt


def _stamp(asked: Asked) -> Response:
    _, record = _record(asked)
    if record.subject.kind != DOCUMENT:
        raise HttpError(
            "paper.record", "a stamp is made of the record that anchored the document", status=422
        )
    pdf = octets_of(asked.about[2])
    if sha256(pdf) != record.subject.identifier and "commitment" not in record.body:
        raise HttpError("paper.file", "this is not the file that the record anchors", status=422)
    what = Stamp(
        code_of(record.id), text_of(asked.about[1]), asked.context.node.genesis.origin, _issuer(asked, record)
    )
    return _answer(stamp(pdf, what, time_s=asked.context.clock_ms() // 1000))


def _record(asked: Asked) -> tuple[Place, Record]:
    record_id = octets_of(asked.about[0])
    place = asked.final.place(record_id) if len(record_id) == 32 else None
    if place is None:
        raise HttpError("record.unknown", "this ledger has no such record", status=404)
    record = parse_record(asked.final.record(place))
    asked.check_owner(record.authority)
    return place, record


def _issuer(asked: Asked, record: Record) -> str:
    row = member_row(asked.final, record.authority)
    if row is None:
        raise HttpError("member.unknown", "this ledger has no such member", status=404)
    return row.name


def _answer(pdf: bytes) -> Response:
    return Response(pdf, media_type=_PDF, headers={"cache-control": "no-store"})


POST_ROUTES = (
    (
        "/v1/papers/certificate",
        post_certificate,
        described(
            "A certificate as a sheet of paper",
            "`[key, challenge, signature, record id, site, claims]`",
            "A PDF.",
            _SHEET,
        ),
    ),
    (
        "/v1/papers/stamp",
        post_stamp,
        described(
            "A stamped copy of a PDF",
            "`[key, challenge, signature, record id, site, pdf]`",
            "A PDF.",
            _SHEET,
        ),
    ),
)
"""Path, endpoint and description of each address that takes a body."""
