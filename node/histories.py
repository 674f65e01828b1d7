"""Making histories from a view of the ledger at a signed checkpoint.

Rules: all of a part is read from one snapshot, the one whose head the checkpoint signs. Where a subject's records stand is told
by the index (`ledger.rules.SUBJECT_LOOKUP`); a part that the state does not agree with is never returned.

What this module does not do: check signatures, which depends on no index (`ledger.history.verify` does).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from ledger import merkle
from ledger.block import parse_header_leaf
from ledger.entry import Entry, parse_leaf
from ledger.errors import StoreCorruptError
from ledger.hashing import leaf_hash, leaf_hashes
from ledger.history_form import MAX_PART_RECORDS, BlockPart, EntryPart, HistoryPart, RecordPart
from ledger.merkle import CompactRange
from ledger.receipt import HeaderPart
from ledger.records import Subject, parse_record
from ledger.rows import SubjectRow, history_leaf, subject_key
from ledger.rules import Place, subject_lookup
from ledger.tiles import inclusion_proof
from node.receipts import FinalView, parse_place

FULL_BYTES: Final = 3_000_000
"""A part ends with the record that makes its records this long, in bytes; the next one may be asked for."""


def subject_of(final: FinalView, record_id: bytes) -> Subject | None:
    """What the record with this id is about; None if the ledger has no such record."""
    place = final.place(record_id)
    return None if place is None else parse_record(final.record(place)).subject


def history_part(
    final: FinalView, subject: Subject, *, first: int = 0, most: int = MAX_PART_RECORDS
) -> HistoryPart:
    """The part of a subject's history that begins with record `first`, of at most `most` records.

    Behind the last record, and for a subject nobody recorded anything about, it shows no record. Raises StoreCorruptError
    (`index.subject`) if the index has lost one.
    """
    key = subject_key(*subject)
    proof = final.prove(key)
    row = None if proof.value is None else SubjectRow.parse(proof.value)
    places = [] if row is None else list(_places(final, key, row, first, most))
    blocks = tuple(_blocks(final, places))
    if row is not None and first == 0 and len(places) == row.history.size:
        _check(row, blocks)
    view, size = final.view, final.size
    return HistoryPart(
        subject=subject,
        checkpoint_text=final.checkpoint_text,
        header=HeaderPart(view.header_leaf(view.head.height), tuple(inclusion_proof(view, size - 1, size))),
        state=proof,
        first=first,
        blocks=blocks,
    )


def _places(final: FinalView, key: bytes, row: SubjectRow, first: int, most: int) -> Iterator[Place]:
    length = 0
    for number in range(first, min(first + most, row.history.size)):
        place = _place(final, key, row, number)
        if place is None:
            raise _lost()
        yield place
        length += len(final.record(place))
        if length >= FULL_BYTES:
            return


def _place(final: FinalView, key: bytes, row: SubjectRow, number: int) -> Place | None:
    for _, value in final.view.lookup(subject_lookup(key, number)):
        return parse_place(value)
    return final.place(row.issue) if number == 0 else None


def _blocks(final: FinalView, places: Iterable[Place]) -> Iterator[BlockPart]:
    view, size = final.view, final.size
    entries = [(index, list(group)) for index, group in groupby(places, key=lambda place: place.index)]
    while entries:
        leaf = view.header_leaf(view.height_of_index(entries[0][0]))
        end = parse_header_leaf(leaf).index
        count = sum(index < end for index, _ in entries)
        if not count:
            raise _lost()
        yield BlockPart(
            header_leaf=leaf,
            index=end,
            path=tuple(inclusion_proof(view, end, size)),
            entries=tuple(_entry(final, index, group) for index, group in entries[:count]),
        )
        entries = entries[count:]


def _entry(final: FinalView, index: int, places: Iterable[Place]) -> EntryPart:
    view = final.view
    records = view.records(index)
    hashes = leaf_hashes(records)
    return EntryPart(
        leaf=view.leaf(index),
        index=index,
        path=tuple(inclusion_proof(view, index, final.size)),
        records=tuple(
            RecordPart(
                final.record(place),
                place.record_index,
                tuple(merkle.inclusion_path(hashes, place.record_index)),
            )
            for place in places
        ),
    )


def _check(row: SubjectRow, blocks: Iterable[BlockPart]) -> None:
    tree = CompactRange()
    for block in blocks:
        for part in block.entries:
            entry_id = Entry(*parse_leaf(part.leaf), records=()).id
            tree = tree.extend(
                history_leaf(entry_id, record.index, leaf_hash(record.raw)) for record in part.records
            )
    if tree != row.history:
        raise _lost()


def _lost() -> StoreCorruptError:
    return StoreCorruptError(
        "index.subject", "the index has lost a record of this subject: run `sogoc rebuild`"
    )
