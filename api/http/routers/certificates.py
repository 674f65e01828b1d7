"""`/v1/certificates` and `/v1/status-lists`: where certificates stand, and what their holders show.

Rules: what a certificate says is not here, because it is not on the ledger. Everything an answer says can be checked with the
proof it points to. An identifier is 16 random bytes, but another authority may repeat it: all of its certificates are listed,
and `authority` chooses one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from api.http.context import Context, context_of
from api.http.models import Hash, Model, TimeMs
from api.http.problem import HttpError
from api.http.shapes import subject_row
from ledger import days
from ledger.credentials.status_list import encode_list
from ledger.disclosure import Certificate, certificate_of
from ledger.encoding import decode
from ledger.fields import IDENTIFIER_ALPHABET
from ledger.records import Record, Subject, parse_record
from ledger.records.base import integer, octets
from ledger.records.certificates import (
    CERTIFICATE,
    CERTIFICATE_LOOKUP,
    CERTIFICATE_SIZE,
    RENEW,
    REVOKED,
    SUSPENDED,
    status_list_lookup,
)
from ledger.records.documents import AUTHORITY_TAG_SIZE
from ledger.rows import MemberRow, member_key, subject_key
from ledger.rules import Place
from ledger.succession import line_of
from node.certificate_proofs import certificate_proof, disputed_at
from node.receipts import FinalView, parse_place

MAX_RECORDS = 1_000
"""Records that are read of one certificate …"""
MAX_LISTED_RECORDS = 100
"""… or, where several authorities are listed, of each: a certificate with more is to be asked for by its authority."""
MAX_AUTHORITIES = 20
"""Authorities that are listed of one identifier."""
MAX_LIST_NUMBER = 2**14 - 1
PROOF_TYPE = "application/vnd.sogoc.proof"
_KEPT_LISTS = 16

router = APIRouter(tags=["certificates"])

CertificateId = Annotated[
    str,
    Path(
        description="The certificate's identifier, 32 hexadecimal digits.",
        pattern=r"^[0-9a-fA-F]{32}$",
        examples=["5a" * CERTIFICATE_SIZE],
    ),
]
Authority = Annotated[
    str | None,
    Query(description="The issuing authority, where several issued one of this identifier.", max_length=64),
]


class IssuerAnswer(Model):
    """Who issued, and who stands in its place."""

    id: str
    name: str
    ended_ms: TimeMs | None
    successors: list[str] = Field(description="Names of those that succeed it and exist, nearest first.")


class CertificateAnswer(Model):
    """Where one certificate stands at the checkpoint."""

    certificate: str = Field(pattern=r"^[0-9a-f]{32}$")
    authority: str
    issuer: IssuerAnswer
    status: str = Field(examples=["in-force"])
    reason: str | None = Field(description="Why it is suspended or revoked, out of the specification's list.")
    schema_name: str = Field(description="Name of the schema of its claims.")
    claims_root: Hash
    claims_count: int
    valid_from: str | None
    valid_until: str | None = Field(description="Its last day, renewals counted.")
    status_index: int | None
    issued_ms: TimeMs
    changed_ms: TimeMs
    papers: list[Hash] = Field(description="SHA-256 of the signed files.")
    records: list[Hash] = Field(description="Ids of all its records, in order.")
    disputed: list[Hash] = Field(
        description="Ids of those of them that a key signed which was revoked from a time on that may be before; days and "
        "papers here count them, and its proof does not."
    )
    receipt: str = Field(
        description="Address of the receipt of its issue; where its last day is over, of the newest renewal."
    )
    proof: str = Field(
        description="Address of the proof that its holder shows, without claims: it knows all of its days."
    )


class CertificatesAnswer(Model):
    """All certificates of an identifier; there is one, unless an authority repeated another's."""

    certificates: list[CertificateAnswer]
    more: bool = Field(
        description="Whether others have this identifier that are not shown: `authority` asks for one of them."
    )
    size: int = Field(description="Tree size of the checkpoint that this answer is of.")


class StatusListAnswer(Model):
    """An authority's status list as the ledger has it; each a Bitstring Status List `encodedList`."""

    authority: str
    number: int
    issued: str = Field(description="Places that certificates have.")
    revocation: str
    suspension: str
    count: int = Field(description="How many places are taken.")
    size: int = Field(description="Tree size of the checkpoint that this answer is of.")
    time_ms: TimeMs = Field(description="Chain time of its last block.")


_Records = list[tuple[Place, Record]]


def _authorities(final: FinalView, identifier: bytes) -> Iterator[str]:
    """Who has a certificate of this identifier."""
    prefix = CERTIFICATE_LOOKUP + identifier
    for group in final.view.lookup_groups(prefix, AUTHORITY_TAG_SIZE):
        _, value = next(final.view.lookup(prefix + group))
        yield parse_record(final.record(parse_place(value))).authority


def _count(final: FinalView, authority: str, identifier: bytes) -> int:
    return subject_row(final, Subject(CERTIFICATE, authority, identifier)).history.size


def _records(final: FinalView, authority: str, identifier: bytes) -> _Records:
    """A certificate's records, all of them, in order: also one that was recorded in the same words before."""
    subject = Subject(CERTIFICATE, authority, identifier)
    count = _count(final, authority, identifier)
    if count > MAX_RECORDS:
        raise HttpError(
            "certificate.records-many", "the certificate has too many records to list", status=422
        )
    return [(place, parse_record(final.record(place))) for place in final.places(subject, range(count))]


def _not_found(detail: str) -> HttpError:
    return HttpError("certificate.not-found", detail, status=404)


def _one(final: FinalView, identifier: bytes, authority: str | None) -> _Records:
    if authority is None:
        found = list(islice(_authorities(final, identifier), 2))
        if not found:
            raise _not_found("this ledger has no such certificate")
        if len(found) > 1:
            raise _not_found("several authorities issued a certificate of this identifier: name one")
        (authority,) = found
    elif final.view.get(subject_key(CERTIFICATE, authority, identifier)) is None:
        raise _not_found("this authority issued no such certificate")
    return _records(final, authority, identifier)


@router.get("/v1/certificates/{certificate}", summary="Where a certificate stands")
def get_certificate(
    request: Request, certificate: CertificateId, authority: Authority = None
) -> CertificatesAnswer:
    """Status, days, issuer and records of the certificate. 404 `certificate.not-found`."""
    final = context_of(request).final
    identifier = bytes.fromhex(certificate)
    more = False
    if authority is not None:
        found = [_one(final, identifier, authority)]
    else:
        names = list(islice(_authorities(final, identifier), MAX_AUTHORITIES + 1))
        if len(names) < 2:
            found = [_one(final, identifier, None)]
        else:
            short = [
                name
                for name in names[:MAX_AUTHORITIES]
                if _count(final, name, identifier) <= MAX_LISTED_RECORDS
            ]
            more = len(short) < len(names)
            found = [_records(final, name, identifier) for name in short]
    found.sort(key=lambda records: (records[0][0].index, records[0][0].record_index))
    return CertificatesAnswer(
        certificates=[_answer(final, identifier, records) for records in found],
        more=more,
        size=final.size,
    )


def _answer(final: FinalView, identifier: bytes, records: _Records) -> CertificateAnswer:
    known: Certificate = certificate_of([record for _, record in records])
    body, authority = known.issue.body, known.issue.authority
    row = subject_row(final, known.issue.subject)
    disputed = disputed_at(final, row, [place for place, _ in records])
    address = f"/v1/certificates/{identifier.hex()}"
    return CertificateAnswer(
        certificate=identifier.hex(),
        authority=authority,
        issuer=_issuer(final, authority),
        status=row.status,
        reason=known.reason,
        schema_name=known.schema,
        claims_root=octets(body, "claims_root").hex(),
        claims_count=integer(body, "claims_count"),
        valid_from=known.valid_from,
        valid_until=known.valid_until,
        status_index=integer(body, "status_index") if "status_index" in body else None,
        issued_ms=row.time_ms,
        changed_ms=row.changed_ms,
        papers=[paper.hex() for paper in known.papers],
        records=[record.id.hex() for _, record in records],
        disputed=[records[number][1].id.hex() for number in sorted(disputed)],
        receipt=f"{address}/receipt?authority={authority}",
        proof=f"{address}/proof?authority={authority}",
    )


def _issuer(final: FinalView, authority: str) -> IssuerAnswer:
    def row_of(member: str) -> MemberRow | None:
        data = final.view.get(member_key(member))
        return None if data is None else MemberRow.parse(data)

    line = line_of(authority, row_of)
    issuer = line[authority]
    return IssuerAnswer(
        id=authority,
        name=issuer.name,
        ended_ms=issuer.ended_ms,
        successors=[row.name for member, row in line.items() if member != authority and row.ended_ms is None],
    )


@router.get(
    "/v1/certificates/{certificate}/receipt",
    summary="A certificate's receipt",
    response_class=PlainTextResponse,
    responses={
        200: {"description": "A C2SP tlog-proof", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
)
def get_certificate_receipt(
    request: Request, certificate: CertificateId, authority: Authority = None
) -> Response:
    """The receipt of its issue; once the last day that this states is over, of the newest renewal. 404
    `certificate.not-found`. No one receipt knows all of a certificate's days: its proof does.
    """
    final = context_of(request).final
    records = _one(final, bytes.fromhex(certificate), authority)
    place, issue = records[0]
    until = issue.body.get("valid_until")
    if isinstance(until, str) and days.day_of(final.view.head.time_ms) > until:
        place = next((place for place, record in reversed(records) if record.type.name == RENEW), place)
    return PlainTextResponse(final.receipt(place).text(), headers={"cache-control": "no-cache"})


@router.get(
    "/v1/certificates/{certificate}/proof",
    summary="A certificate's proof, without claims",
    response_class=Response,
    responses={
        200: {
            "description": "A .sogoc-proof file; see the specification",
            "content": {PROOF_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def get_certificate_proof(
    request: Request, certificate: CertificateId, authority: Authority = None
) -> Response:
    """The receipt of its issue, all of its records and their authors' keys: status, days and papers in one file. 404
    `certificate.not-found`.
    """
    final = context_of(request).final
    records = _one(final, bytes.fromhex(certificate), authority)
    row = subject_row(final, records[0][1].subject)
    proof = certificate_proof(final, row, [place for place, _ in records])
    return Response(proof.encoded(), media_type=PROOF_TYPE, headers={"cache-control": "no-cache"})


class _Lists:
    """The lists asked for most recently: one is made again when the ledger has grown."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[bytes, str, int], StatusListAnswer] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, context: Context, authority: str, number: int) -> StatusListAnswer:
        """The list under the newest checkpoint."""
        final = context.final
        key = (context.node.genesis.chain_id, authority, number)
        # One at a time: a long list is made once, and not by everybody who waits for it.
        with self._lock:
            answer = self._kept.get(key)
            if answer is None or answer.size < final.size:
                answer = self._kept[key] = _list(context, final, authority, number)
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT_LISTS:
                self._kept.popitem(last=False)
            return answer


_lists = _Lists()


def _list(context: Context, final: FinalView, authority: str, number: int) -> StatusListAnswer:
    prefix = status_list_lookup(authority, number)
    issued: list[int] = []
    by_status: dict[object, list[int]] = {REVOKED: [], SUSPENDED: []}
    for key, _ in final.view.lookup(prefix):
        index = int.from_bytes(key[len(prefix) : len(prefix) + 4], "big")
        identifier = key[len(prefix) + 4 : len(prefix) + 4 + CERTIFICATE_SIZE]
        issued.append(index)
        data = final.view.get(subject_key(CERTIFICATE, authority, identifier))
        row = None if data is None else decode(data)
        if isinstance(row, list):
            by_status.setdefault(row[0], []).append(index)
    return StatusListAnswer(
        authority=authority,
        number=number,
        issued=encode_list(issued),
        revocation=encode_list(by_status[REVOKED]),
        suspension=encode_list(by_status[SUSPENDED]),
        count=len(issued),
        size=final.size,
        time_ms=context.places.find(final.view, final.size - 1).time_ms,
    )


ListAuthority = Annotated[str, Path(description="The issuing authority.", min_length=1, max_length=64)]
ListNumber = Annotated[int, Path(description="The list's number, from 0.", ge=0, le=MAX_LIST_NUMBER)]


@router.get(
    "/v1/status-lists/{authority}/{number}", summary="An authority's status list, as the ledger has it"
)
def get_status_list(request: Request, authority: ListAuthority, number: ListNumber) -> StatusListAnswer:
    """Which places are taken, revoked and suspended. Empty for an authority that issued nothing."""
    _check_authority(authority)
    return _lists.get(context_of(request), authority, number)


@router.get(
    "/v1/status-lists/{authority}/{number}/{purpose}",
    summary="An authority's status list as a credential",
    response_class=FileResponse,
    responses={
        200: {
            "description": "A BitstringStatusListCredential",
            "content": {"application/vc": {"schema": {"type": "object"}}},
        }
    },
)
def get_status_list_credential(
    request: Request,
    authority: ListAuthority,
    number: ListNumber,
    purpose: Annotated[Literal["revocation", "suspension"], Path(description="What a set bit means.")],
) -> Response:
    """The credential that the issuer signed, as it lies in the node's home. 404 `status-list.unknown`."""
    _check_authority(authority)
    path = context_of(request).node.home.path / "status-lists" / list_file_name(authority, number, purpose)
    if not path.is_file():
        raise HttpError(
            "status-list.unknown", "the issuer has published no such status list here", status=404
        )
    return FileResponse(path, media_type="application/vc", headers={"cache-control": "max-age=300"})


def list_file_name(authority: str, number: int, purpose: str) -> str:
    """The name of a status list credential's file in the folder `status-lists` of a node's home."""
    return f"{authority}.{number}.{purpose}.json"


def _check_authority(authority: str) -> None:
    if not IDENTIFIER_ALPHABET.issuperset(authority):
        raise HttpError("status-list.unknown", "no authority has such an identifier", status=404)
