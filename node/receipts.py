"""Making receipts from a view of the ledger at a signed checkpoint.

Rules: all parts of a receipt are read from one snapshot, the one whose head the checkpoint signs; addresses are computed
first and fetched second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from ledger.encoding import Value, decode
from ledger.entry import parse_leaf
from ledger.errors import FormatError, StoreCorruptError
from ledger.hashing import leaf_hashes
from ledger.merkle import HeldTree
from ledger.receipt import HeaderPart, Receipt, StatePart, make_receipt
from ledger.records import parse_record
from ledger.rows import MemberRow, key_key, member_key, subject_key
from ledger.rules import RECORD_LOOKUP, Place
from ledger.state import StateProof, prove
from ledger.store.view import LedgerView
from ledger.succession import line_of
from ledger.tiles import inclusion_proof


@dataclass(frozen=True, slots=True)
class FinalView:
    """The ledger at its newest final checkpoint: a snapshot and the signed text that covers it."""

    view: LedgerView
    checkpoint_text: str

    @property
    def size(self) -> int:
        """Tree size of the checkpoint."""
        return self.view.head.size

    def prove(self, key: bytes) -> StateProof:
        """A membership or absence proof for a state key, under the head's state root."""
        return prove(self.view, self.view.head.state_root, key, self.view.read_row)

    def place(self, record_id: bytes) -> Place | None:
        """Where a record stands, or None."""
        for _, value in self.view.lookup(RECORD_LOOKUP + record_id):
            return parse_place(value)
        return None

    def record(self, place: Place) -> bytes:
        """The record at a place."""
        return _record_at(self.view.records(place.index), place)

    def receipt(self, place: Place) -> Receipt:
        """The full receipt of the record at a place."""
        ((_, receipt),) = self.receipts((place,))
        return receipt

    def receipts(self, places: Iterable[Place]) -> Iterator[tuple[Place, Receipt]]:
        """The full receipts of many records, in order of place. What they share is read and proven once.

        One is made as it is taken, so whoever has enough may stop. Raises StoreCorruptError.
        """
        view, size = self.view, self.size
        header = HeaderPart(view.header_leaf(view.head.height), tuple(inclusion_proof(view, size - 1, size)))
        authors = _Proofs(self)
        ordered = sorted(set(places), key=lambda place: (place.index, place.record_index))
        for index, of_entry in groupby(ordered, key=lambda place: place.index):
            records = view.records(index)
            tree = HeldTree(leaf_hashes(records))
            entry_leaf = view.leaf(index)
            author_key = parse_leaf(entry_leaf)[0].author_key
            path = inclusion_proof(view, index, size)
            for place in of_entry:
                record = _record_at(records, place)
                receipt = make_receipt(
                    index=index,
                    path=path,
                    checkpoint_text=self.checkpoint_text,
                    record=record,
                    record_index=place.record_index,
                    record_path=tree.path(place.record_index),
                    entry_leaf=entry_leaf,
                    header=header,
                    state=self._standing(record, author_key, authors),
                )
                yield place, receipt

    def _standing(self, record: bytes, author_key: bytes, authors: _Proofs) -> StatePart:
        key = authors.prove(key_key(author_key))
        if key.value is None:
            raise StoreCorruptError(
                "state.key", "the state has lost an author's key: run `sogoc audit --level full`"
            )
        parsed = parse_record(record)
        return StatePart(
            subject=self.prove(subject_key(*parsed.subject)),
            key=key,
            members=tuple(
                (name, authors.prove(member_key(name))) for name in line_of(parsed.authority, self._member)
            ),
        )

    def _member(self, member: str) -> MemberRow | None:
        data = self.view.get(member_key(member))
        return None if data is None else MemberRow.parse(data)


@dataclass(slots=True)
class _Proofs:
    """State proofs of keys and members, of which many receipts have the same few."""

    final: FinalView
    known: dict[bytes, StateProof] = field(default_factory=dict)

    def prove(self, key: bytes) -> StateProof:
        """As `FinalView.prove`."""
        proof = self.known.get(key)
        if proof is None:
            proof = self.known[key] = self.final.prove(key)
        return proof


def _record_at(records: tuple[bytes, ...], place: Place) -> bytes:
    if place.record_index >= len(records):
        raise StoreCorruptError(
            "index.place", "the index points behind an entry's last record: run `sogoc rebuild`"
        )
    return records[place.record_index]


def parse_place(data: bytes) -> Place:
    """Read an encoded place. Raises FormatError."""
    value: Value = decode(data)
    if isinstance(value, list) and len(value) == 2:
        index, record_index = value
        if isinstance(index, int) and isinstance(record_index, int):
            return Place(index, record_index)
    raise FormatError("index.place", "a place is [index, record index]")
