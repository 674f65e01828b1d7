"""Histories, lookup codes and compact receipts: all that is recorded about one thing, found by little and shown in little.

Rules: a history is one part after another, each made from one view; whether it is complete is the verifier's to check
(`ledger.history`), so the JSON description says nothing that it could not find out itself.
"""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.http.context import context_of, parse_id
from api.http.items import item_of
from api.http.models import Hash, Model, RecordAnswer, TimeMs
from api.http.problem import HttpError
from api.http.routers.records import RecordId
from api.http.shapes import record_answer
from api.wire import JSON, MSGPACK, json_value
from ledger.block import parse_header_leaf
from ledger.entry import Entry, parse_leaf
from ledger.fields import IDENTIFIER_ALPHABET
from ledger.gs1 import CODE_ALPHABET
from ledger.history import next_first
from ledger.history_form import HistoryPart
from ledger.lookup_code import code_of, grouped, parse, prefix_of
from ledger.records import Subject, parse_record
from ledger.records.goods import LOT, PLACE, PRODUCT, THING
from ledger.rows import SubjectRow, subject_key
from ledger.rules import RECORD_LOOKUP
from node.compact_receipts import compact_receipt
from node.histories import history_part, subject_of
from node.receipts import FinalView, parse_place

MAX_MATCHES = 100
"""Records that are looked at, and shown, for one code."""
_LEAST_BYTES = 16
"""An identifier of at least so many bytes in hexadecimal stands for those bytes."""
_NAMED_BY_CODE = (PLACE, PRODUCT)
"""Kinds of subjects whose identifier may be a code of the member's own."""
_NAMED_BY_ITEM = (LOT, THING)
"""Kinds of subjects whose identifier is an item path."""

router = APIRouter(tags=["histories"])

Kind = Annotated[
    str,
    Path(
        description="What sort of thing it is.",
        pattern=r"^[a-z][a-z0-9-]{0,63}$",
        examples=["document"],
    ),
]
Authority = Annotated[
    str,
    Path(
        description="The member that it belongs to; `*` for a thing, which is everybody's.",
        pattern=r"^(\*|[-._0-9a-z]{1,64})$",
        examples=["office"],
    ),
]
Identifier = Annotated[
    str,
    Path(
        description="Its identifier: bytes in hexadecimal, or text; of a thing or a lot its item path, as it stands.",
        min_length=1,
        max_length=600,
        examples=["2c" * 32],
    ),
]
First = Annotated[
    int, Query(alias="from", description="Number of the first record to show.", ge=0, le=2**53 - 1)
]


class SubjectRef(Model):
    """What a history is about."""

    kind: str
    authority: str
    id: str
    """Bytes in hexadecimal, or text."""


class HistoryItem(Model):
    """One record of a history."""

    number: int
    id: Hash
    type: str
    body: dict[str, object]
    entry: Hash
    index: int
    record_index: int
    height: int
    time_ms: TimeMs
    claimed_ms: TimeMs
    author_key: Hash


class HistoryAnswer(Model):
    """A part of a history in words. Its proof is the same address as `application/msgpack`."""

    subject: SubjectRef
    status: str | None
    """Null if nothing was ever recorded about it."""
    records: int
    """How many there are."""
    first: int
    next: int | None
    """Where the next part begins; null if this is the last."""
    items: list[HistoryItem]
    size: int
    """Tree size of the checkpoint that this is as of."""


class CodeAnswer(Model):
    """The records with one lookup code: nearly always one."""

    code: str
    printed: str
    records: list[RecordAnswer]


_BOTH: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A part of the history: as proof, or in words.",
        "model": HistoryAnswer,
        "content": {MSGPACK: {"schema": {"type": "string", "format": "binary"}}},
    }
}
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The compact receipt, in canonical bytes.",
        "content": {MSGPACK: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get(
    "/v1/subjects/{kind}/{authority}/{identifier:path}/history",
    summary="Every record about one thing, with proof that there is no other",
    response_class=Response,
    responses=_BOTH,
)
def get_history(
    request: Request, kind: Kind, authority: Authority, identifier: Identifier, first: First = 0
) -> Response:
    """A part of the history, from record `from` on. With `accept: application/msgpack` it is the proof (see the
    specification); otherwise a description of it. A thing about which nothing was recorded has an empty history.
    """
    final = context_of(request).final
    if kind in _NAMED_BY_ITEM:
        subject = Subject(kind, authority, item_of(request, 4, "/history").path)
    else:
        subject = _subject(final, kind, authority, identifier)
    return _answer(request, final, subject, first)


@router.get(
    "/v1/subjects/{record_id}/history",
    summary="The same, for what a record is about",
    response_class=Response,
    responses=_BOTH,
)
def get_history_of_record(request: Request, record_id: RecordId, first: First = 0) -> Response:
    """The history of the thing that a record is about. 404 `record.unknown`."""
    final = context_of(request).final
    subject = subject_of(final, parse_id(record_id, "a record id"))
    if subject is None:
        raise HttpError("record.unknown", "this ledger has no such record", status=404)
    return _answer(request, final, subject, first)


@router.get("/v1/codes/{code}", summary="The record that a lookup code stands for")
def get_code(
    request: Request,
    code: Annotated[str, Path(description="As it was typed.", max_length=256, examples=["0000-0000-0000"])],
) -> CodeAnswer:
    """Every record with this code: two in the rarest of cases. 404 `code.unknown`; 422 `lookup-code.check` if a letter is
    wrong.
    """
    context = context_of(request)
    final = context.final
    read = parse(code)
    places = [
        parse_place(value)
        for key, value in islice(final.view.lookup(RECORD_LOOKUP + prefix_of(read)), MAX_MATCHES)
        if code_of(key.removeprefix(RECORD_LOOKUP)) == read
    ]
    if not places:
        raise HttpError("code.unknown", "no record of this ledger has this code", status=404)
    return CodeAnswer(
        code=read, printed=grouped(read), records=[record_answer(context, final, place) for place in places]
    )


@router.get(
    "/v1/records/{record_id}/compact-receipt",
    summary="A record's compact receipt",
    response_class=Response,
    responses=_BYTES,
)
def get_compact_receipt(request: Request, record_id: RecordId) -> Response:
    """Issue and status in as few bytes as there are, without claims or salt: whoever holds them adds them. 404
    `record.unknown`; 422 `compact.not-first` for a record that did not begin what it is about.
    """
    context = context_of(request)
    final = context.final
    place = final.place(parse_id(record_id, "a record id"))
    if place is None:
        raise HttpError("record.unknown", "this ledger has no such record", status=404)
    receipt = compact_receipt(final, place, final.policy)
    return Response(receipt.encoded(), media_type=MSGPACK, headers={"cache-control": "no-cache"})


def _subject(final: FinalView, kind: str, authority: str, identifier: str) -> Subject:
    """The subject that an address names: a text identifier where there is such a subject, or where it cannot be bytes."""
    named = Subject(kind, authority, identifier)
    if len(identifier) < 2 * _LEAST_BYTES or final.view.get(subject_key(*named)) is not None:
        return _text_subject(named)
    try:
        return Subject(kind, authority, bytes.fromhex(identifier))
    except ValueError:
        return _text_subject(named)


def _text_subject(named: Subject) -> Subject:
    letters = CODE_ALPHABET if named.kind in _NAMED_BY_CODE else IDENTIFIER_ALPHABET
    if not letters.issuperset(str(named.identifier)):
        raise HttpError(
            "request.invalid",
            f"an identifier in text has {'' if letters is CODE_ALPHABET else 'small '}letters, digits, '-', '.' and '_' only",
            status=422,
        )
    return named


def _answer(request: Request, final: FinalView, subject: Subject, first: int) -> Response:
    part = history_part(final, subject, first=first)
    headers = {"cache-control": "no-cache", "vary": "accept"}
    if MSGPACK in request.headers.get("accept", ""):
        return Response(part.encoded(), media_type=MSGPACK, headers=headers)
    answer = _description(final, part)
    return JSONResponse(answer.model_dump(mode="json"), media_type=JSON, headers=headers)


def _description(final: FinalView, part: HistoryPart) -> HistoryAnswer:
    row = None if part.state.value is None else SubjectRow.parse(part.state.value)
    kind, authority, identifier = part.subject
    return HistoryAnswer(
        subject=SubjectRef(
            kind=kind,
            authority=authority,
            id=identifier.hex() if isinstance(identifier, bytes) else identifier,
        ),
        status=None if row is None else row.status,
        records=0 if row is None else row.history.size,
        first=part.first,
        next=next_first(part),
        items=_items(part),
        size=final.size,
    )


def _items(part: HistoryPart) -> list[HistoryItem]:
    items: list[HistoryItem] = []
    for block in part.blocks:
        header = parse_header_leaf(block.header_leaf)
        for shown in block.entries:
            body, signature = parse_leaf(shown.leaf)
            entry_id = Entry(body, signature, ()).id
            for item in shown.records:
                record = parse_record(item.raw)
                items.append(
                    HistoryItem(
                        number=part.first + len(items),
                        id=record.id.hex(),
                        type=record.type.name,
                        body={name: json_value(value) for name, value in record.body.items()},
                        entry=entry_id.hex(),
                        index=shown.index,
                        record_index=item.index,
                        height=header.height,
                        time_ms=header.time_ms,
                        claimed_ms=body.time_ms,
                        author_key=body.author_key.hex(),
                    )
                )
    return items
