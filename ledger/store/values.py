"""What stands in the rows that this package writes for itself, and the two ways in which a row can be wrong.

Rules: a row is read strictly; one that cannot be what was written is `store.row-damaged`, one that must be there
and is not is `store.row-missing`, and the error names the row and what to do.

Not here: reading rows from the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ledger.encoding import Value, decode, encode
from ledger.errors import FormatError, StoreCorruptError
from ledger.hashing import HASH_SIZE

_SHORT = 256
"""Bytes from which on a byte string has a longer header."""

_REMEDY = (
    "Stop here and check the disk; then rebuild the store, or restore it from a backup or from the peers."
)


def missing(what: str) -> StoreCorruptError:
    """The error for a row that must be there and is not; `what` names it, for people."""
    return StoreCorruptError("store.row-missing", f"The store has lost a row it must have: {what}. {_REMEDY}")


def damaged(what: str) -> StoreCorruptError:
    """The error for a row that cannot be what was written; `what` names it, for people."""
    return StoreCorruptError(
        "store.row-damaged", f"A row of the store is not what was written: {what}. {_REMEDY}"
    )


def items(data: bytes, count: int, what: str) -> list[Value]:
    """The items of a row whose value is an array of `count`. Raises StoreCorruptError, naming the row `what`."""
    try:
        value = decode(data)
    except FormatError as error:
        raise damaged(what) from error
    if not isinstance(value, list) or len(value) != count:
        raise damaged(what)
    return value


def integer(value: Value, what: str) -> int:
    """An item that is a number, from 0 up. Raises StoreCorruptError."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise damaged(what)
    return value


def hash_of(value: Value, what: str) -> bytes:
    """An item that is a hash. Raises StoreCorruptError."""
    if not isinstance(value, bytes) or len(value) != HASH_SIZE:
        raise damaged(what)
    return value


def state_row(key: bytes, value: bytes) -> bytes:
    """What a row of the state is stored as: `encode([key, value])`, without asking what they are."""
    return b"\x92" + _binary(key) + _binary(value)


def _binary(data: bytes) -> bytes:
    return b"\xc4" + len(data).to_bytes(1, "big") + data if len(data) < _SHORT else encode(data)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a ledger stands: its last block."""

    height: int
    engine_height: int
    """Last engine height taken in; above the header's own where empty engine blocks followed."""
    size: int
    """Leaves in the log, the last header's included."""
    root: bytes
    """Root of the log at `size`: what a checkpoint of this block signs."""
    header_hash: bytes
    """Leaf hash of the last header: the application hash."""
    state_root: bytes
    time_ms: int
    """The last header's time, milliseconds since the epoch."""

    def encoded(self) -> bytes:
        """The head row's value."""
        log = [self.size, self.root, self.header_hash]
        return encode([self.height, self.engine_height, *log, self.state_root, self.time_ms])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a head row. Raises StoreCorruptError (`store.row-damaged`)."""
        height, engine_height, size, root, header_hash, state_root, time_ms = items(data, 7, "head")
        return cls(
            integer(height, "head"),
            integer(engine_height, "head"),
            integer(size, "head"),
            hash_of(root, "head"),
            hash_of(header_hash, "head"),
            hash_of(state_root, "head"),
            integer(time_ms, "head"),
        )


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block as it is stored; `leaves` and `records` are without the header's."""

    height: int
    header_leaf: bytes
    header_signature: bytes
    first_index: int
    leaves: tuple[bytes, ...]
    records: tuple[tuple[bytes, ...], ...]
