"""From what the ledger holds to the shapes of answers.

Rules: everything is read from the one view that is passed in.
"""

from __future__ import annotations

import base64

from api.http.context import Context
from api.http.models import EntryAnswer, InclusionAnswer, RecordAnswer, Refusal, SubjectAnswer
from api.wire import json_value
from ledger.encoding import decode
from ledger.entry import Entry, entry_from_parts, parse_leaf
from ledger.errors import StoreCorruptError
from ledger.records import Record, Subject, parse_record
from ledger.rows import MemberRow, SubjectRow, entry_key, member_key, subject_key
from ledger.rules import Place, is_late
from ledger.tiles import inclusion_proof
from node.outbox import Refusal as OutboxRefusal
from node.receipts import FinalView


def b64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode()


def entry_index(final: FinalView, entry_id: bytes) -> int | None:
    """Log index of an entry, or None."""
    value = final.view.get(entry_key(entry_id))
    if value is None:
        return None
    index = decode(value)
    if not isinstance(index, int):
        raise StoreCorruptError(
            "state.entry", "the row of an entry is no log index: run `sogoc audit --level full`"
        )
    return index


def stored_entry(final: FinalView, index: int) -> Entry:
    """The entry whose leaf stands at `index`."""
    return entry_from_parts(final.view.leaf(index), final.records(index))


def entry_answer(context: Context, final: FinalView, index: int) -> EntryAnswer:
    """A final entry."""
    entry = stored_entry(final, index)
    block = context.places.find(final.view, index)
    return EntryAnswer(
        id=entry.id.hex(),
        status="final",
        index=index,
        height=block.height,
        time_ms=block.time_ms,
        author_key=entry.body.author_key.hex(),
        claimed_ms=entry.body.time_ms,
        late=is_late(entry.body.time_ms, block.time_ms),
        leaf=b64(entry.leaf),
        records=[record_id.hex() for record_id in entry.record_ids],
    )


def refused_answer(entry_id: bytes, refusal: OutboxRefusal) -> EntryAnswer:
    """An entry that was acknowledged and refused later."""
    return EntryAnswer(
        id=entry_id.hex(),
        status="refused",
        refusal=Refusal(
            code=refusal.rule, detail=refusal.detail, height=refusal.height, time_ms=refusal.time_ms
        ),
    )


def subject_row(final: FinalView, subject: Subject) -> SubjectRow:
    """Where the subject of a record stands, as the state has it."""
    data = final.view.get(subject_key(*subject))
    if data is None:
        raise StoreCorruptError(
            "state.subject", "the state has lost a record's subject: run `sogoc audit --level full`"
        )
    return SubjectRow.parse(data)


def subject_answer(final: FinalView, record: Record) -> SubjectAnswer:
    """Where a record's subject stands."""
    subject = record.subject
    row = subject_row(final, subject)
    identifier = subject.identifier
    return SubjectAnswer(
        kind=subject.kind,
        authority=subject.authority,
        id=identifier.hex() if isinstance(identifier, bytes) else identifier,
        status=row.status,
        since_ms=row.time_ms,
        records=row.history.size,
    )


def record_answer(context: Context, final: FinalView, place: Place) -> RecordAnswer:
    """The record at a place."""
    entry_body, signature = parse_leaf(final.view.leaf(place.index))
    record = parse_record(final.record(place))
    block = context.places.find(final.view, place.index)
    member = final.view.get(member_key(record.authority))
    return RecordAnswer(
        id=record.id.hex(),
        type=record.type.name,
        authority=record.authority,
        authority_name=None if member is None else MemberRow.parse(member).name,
        body={name: json_value(value) for name, value in record.body.items()},
        raw=b64(record.raw),
        entry=Entry(entry_body, signature, ()).id.hex(),
        index=place.index,
        record_index=place.record_index,
        height=block.height,
        time_ms=block.time_ms,
        claimed_ms=entry_body.time_ms,
        late=is_late(entry_body.time_ms, block.time_ms),
        author_key=entry_body.author_key.hex(),
        subject=subject_answer(final, record),
    )


def header_inclusion(final: FinalView) -> InclusionAnswer:
    """The last header with its inclusion path under the checkpoint."""
    index = final.size - 1
    return InclusionAnswer(
        leaf=b64(final.view.header_leaf(final.view.head.height)),
        index=index,
        path=[step.hex() for step in inclusion_proof(final.view, index, final.size)],
    )
