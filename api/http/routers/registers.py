"""`/v1/registers/{authority}`: an authority's documents and certificates, newest first, as its clerks keep a register.

Rules: a number, with or without its symbol, and a lookup code are found through their indexes, however old the paper is. For
everything else no index is kept: the log is walked from its end, so many leaves for each request, and the answer says where to
go on; so a register of any length costs a request no more than a page of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request

from api.http.context import Context, context_of
from api.http.models import Model, RecordAnswer
from api.http.problem import HttpError
from api.http.shapes import record_answer
from api.pages.words import nfc
from ledger.entry import ENTRY_TAG, leaf_tag
from ledger.errors import CannotTellError, LedgerError, RefusedError
from ledger.fields import IDENTIFIER
from ledger.lookup_code import code_of, prefix_of
from ledger.lookup_code import parse as parse_code
from ledger.records import parse_record
from ledger.records.base import Record
from ledger.records.certificates import CERTIFICATE
from ledger.records.documents import DOCUMENT
from ledger.records.numbering import readings
from ledger.rows import SubjectRow, member_key, subject_key
from ledger.rules import RECORD_LOOKUP, Place
from node.numbered import numbered
from node.receipts import FinalView, parse_place

MAX_LEAVES = 3_000
"""Leaves that one request walks over."""
MAX_RECORDS = 20_000
"""Records that it looks into."""
MAX_LIMIT = 100
MAX_NAMED = 1_000
"""Papers with one number that are listed of an authority: one for each book and year."""
_CURSOR = re.compile(r"(\d{1,15})-(\d{1,5})", re.ASCII)
_SEARCHED = ("number", "symbol", "abstract", "date", "schema", "valid_from", "book")

router = APIRouter(tags=["records"])


class RegisterAnswer(Model):
    """A page of a register."""

    items: list[RecordAnswer] = Field(
        description="The first record of each document or certificate, newest first."
    )
    next: str | None = Field(
        description="Pass it as `before` to go on, also if there is no item: then nothing matched so far.",
        examples=["4711-0"],
    )
    size: int = Field(description="Tree size of the checkpoint that this answer is of.")


@router.get("/v1/registers/{authority}", summary="An authority's register, newest first")
def get_register(
    request: Request,
    authority: Annotated[
        str, Path(description="The member's identifier.", max_length=64, examples=["office"])
    ],
    kind: Annotated[Literal["document", "certificate"], Query(description="What is listed.")] = "document",
    before: Annotated[str | None, Query(description="Where the last page ended.", max_length=24)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 30,
    query: Annotated[
        str,
        Query(
            alias="q",
            description="A number such as `41` or `41/BC-UBND`, a lookup code, or words of abstract, symbol or date.",
            max_length=100,
        ),
    ] = "",
) -> RegisterAnswer:
    """What the authority has anchored or issued, each with where it stands. 404 `member.unknown`."""
    context = context_of(request)
    final = context.final
    try:
        IDENTIFIER.check("authority", authority)
    except RefusedError as error:
        raise HttpError("member.unknown", "this ledger has no such member", status=404) from error
    if final.view.get(member_key(authority)) is None:
        raise HttpError("member.unknown", "this ledger has no such member", status=404)
    start = _start(before, final.size)
    named = _named(final, query, authority, kind)
    if named:
        return _page(context, final, [place for place in named if _is_before(place, start)], limit)
    wanted = nfc(query).casefold().split()
    found: list[RecordAnswer] = []
    following: str | None = None
    for place, record in _walk(final, start):
        following = f"{place.index}-{place.record_index}"
        if record is None or not _belongs(final, record, authority, kind, wanted):
            continue
        found.append(record_answer(context, final, place))
        if len(found) == limit:
            break
    is_over = following is None or following == "0-0"
    return RegisterAnswer(items=found, next=None if is_over else following, size=final.size)


def _named(final: FinalView, query: str, authority: str, kind: str) -> list[Place]:
    """What the query names by number or code, newest first; nothing if it is other words, or names nothing here."""
    found: set[Place] = set()
    if kind == "document":
        for number, symbol in readings(nfc(query)):
            found.update(numbered(final, number, symbol, authority, limit=MAX_NAMED))
    found.update(_coded(final, query))
    belonging = (
        place for place in found if _belongs(final, parse_record(final.record(place)), authority, kind, [])
    )
    return sorted(belonging, key=lambda place: (place.index, place.record_index), reverse=True)


def _coded(final: FinalView, query: str) -> Iterator[Place]:
    """Where the first record of the thing with a lookup code stands: the code may be that of any of its records."""
    try:
        code = parse_code(query)
    except LedgerError:
        return
    for key, value in final.view.lookup(RECORD_LOOKUP + prefix_of(code)):
        if code_of(key.removeprefix(RECORD_LOOKUP)) != code:
            continue
        record = _known(final.record(parse_place(value)))
        data = None if record is None else final.view.get(subject_key(*record.subject))
        issue = None if data is None else final.place(SubjectRow.parse(data).issue)
        if issue is not None:
            yield issue


def _is_before(place: Place, start: Place) -> bool:
    return (place.index, place.record_index) < (start.index, start.record_index)


def _page(context: Context, final: FinalView, places: list[Place], limit: int) -> RegisterAnswer:
    shown = places[:limit]
    following = f"{shown[-1].index}-{shown[-1].record_index}" if len(places) > limit else None
    return RegisterAnswer(
        items=[record_answer(context, final, place) for place in shown], next=following, size=final.size
    )


def _start(before: str | None, size: int) -> Place:
    if before is None:
        return Place(size, 0)
    match = _CURSOR.fullmatch(before)
    if match is None:
        raise HttpError("request.invalid", "`before` is what an earlier page gave as `next`", status=422)
    return Place(min(int(match[1]), size), int(match[2]))


def _walk(final: FinalView, before: Place) -> Iterator[tuple[Place, Record | None]]:
    """Records before a place, newest first; at last `(where it ended, None)`, which is `(0, 0)` at the ledger's beginning."""
    looked_at = 0
    lowest = max(0, before.index - MAX_LEAVES)
    for index in range(min(before.index, final.size - 1), lowest - 1, -1):
        if leaf_tag(final.view.leaf(index)) != ENTRY_TAG:
            continue
        records = final.view.records(index)
        top = min(before.record_index, len(records)) if index == before.index else len(records)
        for at in range(top - 1, -1, -1):
            looked_at += 1
            yield Place(index, at), _known(records[at])
        if looked_at >= MAX_RECORDS:
            yield Place(index, 0), None
            return
    yield Place(lowest, 0), None


def _known(raw: bytes) -> Record | None:
    try:
        return parse_record(raw)
    except CannotTellError:
        return None


def _belongs(final: FinalView, record: Record, authority: str, kind: str, wanted: list[str]) -> bool:
    subject = record.subject
    if (subject.kind, subject.authority) != (
        {"document": DOCUMENT, "certificate": CERTIFICATE}[kind],
        authority,
    ):
        return False
    if wanted:
        text = nfc(" ".join(str(record.body[name]) for name in _SEARCHED if name in record.body)).casefold()
        if not all(word in text for word in wanted):
            return False
    data = final.view.get(subject_key(*subject))
    return data is not None and SubjectRow.parse(data).issue == record.id
