"""The parts in which a history travels: their form, and nothing more.

Rules (docs/spec.md, "Histories"): a part is the canonical encoding of

    [1, subject, checkpoint, header, state proof, first, blocks]
    subject = [kind, authority, identifier]     header = [header_leaf, path]   the checkpoint's last, at index size - 1
    block   = [header_leaf, index, path, entries]
    entry   = [entry_leaf, index, path, records]
    record  = [record, record_index, path]

where `first` is how many records the parts before it show. Blocks, entries and records stand in ascending order, so that what
two records share is carried once.

What this module does not do: believe any of it (`ledger.history` checks).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from ledger import proofs
from ledger.encoding import Value, decode, encode
from ledger.entry import check_record_size
from ledger.errors import CannotTellError, FormatError
from ledger.hashing import HASH_SIZE
from ledger.receipt import HeaderPart
from ledger.records import Subject
from ledger.state import StateProof

HISTORY_VERSION: Final = 1

MAX_PART_RECORDS: Final = 500
"""Records in one part."""

MAX_PART_BYTES: Final = 8_000_000
"""Bytes of one part."""

MAX_FILE_BYTES: Final = 256_000_000
"""Bytes of a file that holds all parts of a history."""

_MAX_PART_ITEMS: Final = 200_000
"""Values in one part: 500 records with three paths each of the greatest length."""

_MAX_INDEX: Final = 2**53 - 1

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class RecordPart:
    """A record, its index in its entry, and its path to the entry's `records_root`."""

    raw: bytes
    index: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class EntryPart:
    """An entry's leaf, its index in the log and its path there; and those of its records that are about the subject."""

    leaf: bytes
    index: int
    path: tuple[bytes, ...]
    records: tuple[RecordPart, ...]


@dataclass(frozen=True, slots=True)
class BlockPart:
    """A block's header leaf, its index in the log and its path there; and those of its entries that matter here."""

    header_leaf: bytes
    index: int
    path: tuple[bytes, ...]
    entries: tuple[EntryPart, ...]


@dataclass(frozen=True, slots=True)
class HistoryPart:
    """A part of a history as it came: well formed, and nothing in it believed."""

    subject: Subject
    checkpoint_text: str
    header: HeaderPart
    state: StateProof
    first: int
    """How many records the parts before this one show."""
    blocks: tuple[BlockPart, ...]

    def encoded(self) -> bytes:
        """The part's canonical bytes."""
        return encode(
            [
                HISTORY_VERSION,
                list(self.subject),
                self.checkpoint_text,
                [self.header.leaf, list(self.header.path)],
                self.state.to_value(),
                self.first,
                [_block_value(block) for block in self.blocks],
            ]
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a part. Raises FormatError (`history.*`, `encoding.*`, `state-proof.*`, `record.*`), or CannotTellError
        (`history.version`) for a version that is not known here.
        """
        value = decode(data, max_bytes=MAX_PART_BYTES, max_items=_MAX_PART_ITEMS)
        if not isinstance(value, list) or not value:
            raise FormatError("history.shape", "a history is an array")
        if value[0] != HISTORY_VERSION or isinstance(value[0], bool):
            raise CannotTellError("history.version", f"history version {value[0]!r:.40} is not known here")
        if len(value) != 7:
            raise FormatError("history.shape", "a part of a history has seven items")
        _, subject, checkpoint_text, header, state, first, blocks = value
        if not isinstance(checkpoint_text, str):
            raise FormatError("history.shape", "the checkpoint is text")
        header_leaf, header_path = _array(header, 2, "header part")
        part = cls(
            _subject(subject),
            checkpoint_text,
            HeaderPart(_bytes(header_leaf), _path(header_path)),
            StateProof.from_value(state),
            _index(first),
            _parts(blocks, _block),
        )
        if sum(len(entry.records) for block in part.blocks for entry in block.entries) > MAX_PART_RECORDS:
            raise FormatError("history.limit", f"a part has at most {MAX_PART_RECORDS} records")
        return part


def encode_file(parts: Sequence[bytes]) -> bytes:
    """All parts of a history as one file: `[1, [part, …]]`."""
    return encode([HISTORY_VERSION, list(parts)])


def parse_file(data: bytes) -> list[bytes]:
    """The parts in a file, none of them read yet. Raises FormatError (`history.shape`, `encoding.*`), or CannotTellError
    (`history.version`).
    """
    value = decode(data, max_bytes=MAX_FILE_BYTES)
    if not isinstance(value, list) or not value:
        raise FormatError("history.shape", "a history's file is [1, [part, …]]")
    if value[0] != HISTORY_VERSION or isinstance(value[0], bool):
        raise CannotTellError("history.version", f"history version {value[0]!r:.40} is not known here")
    if len(value) != 2 or not isinstance(value[1], list):
        raise FormatError("history.shape", "a history's file is [1, [part, …]]")
    return [_bytes(part) for part in value[1]]


def _block_value(block: BlockPart) -> list[Value]:
    entries: list[Value] = [
        [
            entry.leaf,
            entry.index,
            list(entry.path),
            [[record.raw, record.index, list(record.path)] for record in entry.records],
        ]
        for entry in block.entries
    ]
    return [block.header_leaf, block.index, list(block.path), entries]


def _block(value: Value) -> BlockPart:
    leaf, index, path, entries = _array(value, 4, "block")
    return BlockPart(_bytes(leaf), _index(index), _path(path), _parts(entries, _entry))


def _entry(value: Value) -> EntryPart:
    leaf, index, path, records = _array(value, 4, "entry")
    return EntryPart(_bytes(leaf), _index(index), _path(path), _parts(records, _record))


def _record(value: Value) -> RecordPart:
    raw, index, path = _array(value, 3, "record")
    record = RecordPart(_bytes(raw), _index(index), _path(path))
    check_record_size(record.raw)
    return record


def _parts(value: Value, read: Callable[[Value], _Part]) -> tuple[_Part, ...]:
    if not isinstance(value, list):
        raise FormatError("history.shape", "blocks, entries and records are lists")
    return tuple(read(item) for item in value)


def _array(value: Value, size: int, what: str) -> list[Value]:
    if not isinstance(value, list) or len(value) != size:
        raise FormatError("history.shape", f"the {what} of a history has {size} items")
    return value


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise FormatError("history.shape", "records and leaves are byte strings")
    return value


def _index(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_INDEX:
        raise FormatError("history.shape", "indexes are integers from 0")
    return value


def _path(value: Value) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > proofs.MAX_PROOF_HASHES:
        raise FormatError("history.path", f"a path is a list of at most {proofs.MAX_PROOF_HASHES} hashes")
    path = tuple(item for item in value if isinstance(item, bytes) and len(item) == HASH_SIZE)
    if len(path) != len(value):
        raise FormatError("history.path", f"each item of a path is a hash of {HASH_SIZE} bytes")
    return path


def _subject(value: Value) -> Subject:
    kind, authority, identifier = _array(value, 3, "subject")
    if not isinstance(kind, str) or not isinstance(authority, str) or not isinstance(identifier, str | bytes):
        raise FormatError(
            "history.subject", "a subject is [kind, authority, identifier]: two texts, and text or bytes"
        )
    return Subject(kind, authority, identifier)
