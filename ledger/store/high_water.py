"""How many writes a database has acknowledged, kept in a small file beside it.

Rules:

* LevelDB takes a log that ends in the middle of a record for one whose writer died, and drops the record and all
  that follow. That is right after a crash; after a disk fault it takes back what was acknowledged (one changed byte
  in a length is enough), and a validator that goes on from there would sign a second root at a size it has signed
  before. The number in this file does not go back with the database, and so gives it away.
* The file is a lower bound: it is written after the batch is on the disk and is not synced itself. A power cut may
  leave it behind the database, which is harmless, and never ahead.
* Two slots, in different sectors and written in turn, each with its own check: whatever happens to one write, the
  other slot still holds the number before it.

Not here: what is in the database. This finds faults; it cannot stop somebody who rewrites both.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final, Self

from ledger.errors import StoreCorruptError

FILE_NAME: Final = "HIGH-WATER"
"""Name of the file, inside the database's directory; LevelDB leaves files alone whose names it does not know."""

_SLOT_DISTANCE: Final = 4096
_NUMBER_SIZE: Final = 8
_CHECK_SIZE: Final = 8


def _slot(number: int) -> bytes:
    raw = number.to_bytes(_NUMBER_SIZE, "big")
    return raw + hashlib.sha256(raw).digest()[:_CHECK_SIZE]


class HighWater:
    """The open file of one database."""

    __slots__ = ("_descriptor", "_number")

    def __init__(self, descriptor: int, number: int) -> None:
        self._descriptor = descriptor
        self._number = number

    @classmethod
    def create(cls, directory: Path) -> Self:
        """Make the file in `directory`, at 0 writes, synced. Raises OSError."""
        descriptor = os.open(directory / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, _slot(0), 0)
            os.pwrite(descriptor, _slot(0), _SLOT_DISTANCE)
            os.fsync(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        return cls(descriptor, 0)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the file in `directory`. Raises StoreCorruptError (`store.high-water`) if it is gone or unreadable,
        OSError.
        """
        path = directory / FILE_NAME
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError as error:
            detail = (
                f"{path} is missing, so it cannot be told whether the database still has all that was written. "
                "Restore the directory from a backup, or make the node again from its peers."
            )
            raise StoreCorruptError("store.high-water", detail) from error
        slots = [os.pread(descriptor, _NUMBER_SIZE + _CHECK_SIZE, at) for at in (0, _SLOT_DISTANCE)]
        numbers = [int.from_bytes(slot[:_NUMBER_SIZE], "big") for slot in slots]
        good = [number for number, slot in zip(numbers, slots, strict=True) if slot == _slot(number)]
        if not good:
            os.close(descriptor)
            detail = (
                f"{path} is damaged, so it cannot be told whether the database still has all that was written. "
                "Check the disk, then restore the directory from a backup or make the node again from its peers."
            )
            raise StoreCorruptError("store.high-water", detail)
        return cls(descriptor, max(good))

    @property
    def number(self) -> int:
        """Writes known to have been acknowledged."""
        return self._number

    def record(self, number: int) -> None:
        """Note that write `number` is durable. Raises OSError."""
        os.pwrite(self._descriptor, _slot(number), (number & 1) * _SLOT_DISTANCE)
        self._number = number

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
