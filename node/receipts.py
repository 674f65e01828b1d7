"""Making receipts from a view of the ledger at a signed checkpoint.

Rules: all parts of a receipt are read from one snapshot, the one whose head the checkpoint signs; addresses are computed
first and fetched second.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

from ledger.block import parse_header_leaf
from ledger.encoding import Value, decode
from ledger.entry import parse_leaf
from ledger.errors import FormatError, StoreCorruptError
from ledger.genesis import validators_policy
from ledger.hashing import leaf_hashes
from ledger.merkle import HeldTree
from ledger.policy import Policy
from ledger.receipt import HeaderPart, Receipt, StatePart, make_receipt
from ledger.records import Subject, parse_record
from ledger.rows import MemberRow, SubjectRow, key_key, member_key, subject_key
from ledger.rules import RECORD_LOOKUP, Place, subject_lookup
from ledger.state import StateProof, prove
from ledger.store.view import LedgerView
from ledger.succession import line_of
from ledger.tiles import inclusion_proof
from ledger.validators import judging_set

_KEPT_ENTRIES = 4

_policy_of = lru_cache(maxsize=16)(validators_policy)


class _Entries:
    """Records of the entries read last: whoever asks for one record of an entry often asks for the next one of it."""

    __slots__ = ("_kept", "_lock")

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[bytes, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, view: LedgerView, index: int) -> tuple[bytes, ...]:
        with self._lock:
            records = self._kept.get(index)
            if records is not None:
                self._kept.move_to_end(index)
                return records
        records = view.records(index)
        with self._lock:
            self._kept[index] = records
            while len(self._kept) > _KEPT_ENTRIES:
                self._kept.popitem(last=False)
        return records


@dataclass(frozen=True, slots=True)
class FinalView:
    """The ledger at its newest final checkpoint: a snapshot and the signed text that covers it."""

    view: LedgerView
    checkpoint_text: str
    _entries: _Entries = field(default_factory=_Entries, init=False, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Tree size of the checkpoint."""
        return self.view.head.size

    @property
    def policy(self) -> Policy:
        """The policy that judges this checkpoint: that of the validators in force before its last block."""
        header = parse_header_leaf(self.view.header_leaf(self.view.head.height))
        origin = self.checkpoint_text[: self.checkpoint_text.index("\n")]
        return _policy_of(origin, judging_set(self.view, header))

    def prove(self, key: bytes) -> StateProof:
        """A membership or absence proof for a state key, under the head's state root."""
        return prove(self.view, self.view.head.state_root, key, self.view.read_row)

    def place(self, record_id: bytes) -> Place | None:
        """Where a record stands, or None."""
        for _, value in self.view.lookup(RECORD_LOOKUP + record_id):
            return parse_place(value)
        return None

    def records(self, index: int) -> tuple[bytes, ...]:
        """The records of the entry at `index`."""
        return self._entries.get(self.view, index)

    def record(self, place: Place) -> bytes:
        """The record at a place."""
        return _record_at(self.records(place.index), place)

    def places(self, subject: Subject, numbers: Iterable[int]) -> Iterator[Place]:
        """Where those records of a subject's history stand that have these numbers, from 0; those that do not exist are
        left out. Raises StoreCorruptError (`index.subject`) if the index has lost one.
        """
        key = subject_key(*subject)
        data = self.view.get(key)
        if data is None:
            return
        row = SubjectRow.parse(data)
        for number in numbers:
            if not 0 <= number < row.history.size:
                continue
            found = next(self.view.lookup(subject_lookup(key, number)), None)
            place = parse_place(found[1]) if found else self.place(row.issue) if number == 0 else None
            if place is None:
                raise StoreCorruptError(
                    "index.subject", "the index has lost a record of this subject: run `sogoc rebuild`"
                )
            yield place

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
            records = self.records(index)
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
