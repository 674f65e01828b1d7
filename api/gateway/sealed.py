"""Whole events on the producer's machine, encrypted: what it takes to show a hidden part to somebody later.

Rules: one file that only grows, one row for each event with hidden parts: its identity, which parts are hidden, and its
canonical bytes, in a box under a key that follows from the producer's secret (XSalsa20-Poly1305, a fresh nonce for each). A
row is
on the disk before its event is acknowledged. A row that a crash cut short is the last one, was never acknowledged, and is cut
off when the file is next opened to write. Others may read meanwhile.

What this module does not do: keep the secret (`node.keyfiles` does), or delete: who deletes the file keeps what it proves a
secret for ever.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from ledger.encoding import Value, decode, encode
from ledger.errors import FormatError, StoreCorruptError
from node.safe_files import disk_error, sync_names

MAX_ROW_BYTES: Final = 400_000
_LENGTH: Final = 4
_CONTEXT: Final = b"sogoc/v1/event-seal"


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as its producer keeps it."""

    identity: bytes
    """The tag under which the ledger has it."""
    hidden: tuple[str, ...]
    """JSON pointers of its hidden parts."""
    whole: bytes
    """Its canonical bytes, nothing left out."""


class Sealed:
    """The file, opened to append. One process at a time (the journal's lock sees to that)."""

    def __init__(self, path: Path, secret: bytes) -> None:
        """Open the file, which is made if it is not there. Raises StoreError."""
        self._path = path
        self._box = _box(secret)
        self._mutex = threading.Lock()
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_APPEND, 0o600)
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            self._length = _whole_length(path)
            self._file.truncate(self._length)
            sync_names(path.parent)
        except OSError as error:
            raise disk_error(error, path) from error

    def append(self, items: Iterable[Kept]) -> None:
        """Add rows; on return they are on the disk, or nothing of them is in the file. Raises StoreError."""
        data = b"".join(_row(item, self._box) for item in items)
        if not data:
            return
        with self._mutex:
            try:
                # A disk that fills up takes a part and says how much: half a row would hide all that come after it.
                left = memoryview(data)
                while left:
                    left = left[self._file.write(left) or 0 :]
                os.fsync(self._file.fileno())
            except OSError as error:
                self._file.truncate(self._length)
                raise disk_error(error, self._path) from error
            self._length += len(data)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read_sealed(path: Path, secret: bytes, identity: bytes) -> Kept | None:
    """The event with this identity; None if it is not kept here.

    Raises StoreCorruptError, rule `gateway.sealed`, for a row that the secret does not open.
    """
    box = _box(secret)
    found = None
    try:
        with path.open("rb") as file:
            for name, sealed in _rows(file):
                if name == identity:
                    found = sealed
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, path) from error
    return None if found is None else _opened(identity, found, box)


def _box(secret: bytes) -> SecretBox:
    return SecretBox(hmac.digest(secret, _CONTEXT, hashlib.sha256))


def _row(item: Kept, box: SecretBox) -> bytes:
    hidden: list[Value] = list(item.hidden)
    row = encode([item.identity, bytes(box.encrypt(encode([item.identity, hidden, item.whole])))])
    return len(row).to_bytes(_LENGTH, "big") + row


def _rows(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Identity and box of each whole row, one at a time: the file grows for years."""
    while len(head := file.read(_LENGTH)) == _LENGTH:
        length = int.from_bytes(head, "big")
        if length > MAX_ROW_BYTES:
            raise _damaged()
        row = file.read(length)
        if len(row) < length:
            return
        try:
            value = decode(row, max_bytes=MAX_ROW_BYTES)
        except FormatError as error:
            raise _damaged() from error
        match value:
            case [bytes() as identity, bytes() as sealed]:
                yield identity, sealed
            case _:
                raise _damaged()


def _whole_length(path: Path) -> int:
    """How much of the file is whole rows."""
    size = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        while len(head := file.read(_LENGTH)) == _LENGTH:
            end = at + _LENGTH + int.from_bytes(head, "big")
            if end > size:
                break
            at = end
            file.seek(at)
    return at


def _opened(identity: bytes, sealed: bytes, box: SecretBox) -> Kept:
    try:
        value = decode(box.decrypt(sealed), max_bytes=MAX_ROW_BYTES)
    except (CryptoError, FormatError) as error:
        raise _damaged() from error
    match value:
        case [bytes() as name, list() as hidden, bytes() as whole] if name == identity:
            return Kept(identity, tuple(str(pointer) for pointer in hidden), whole)
        case _:
            raise _damaged()


def _damaged() -> StoreCorruptError:
    return StoreCorruptError(
        "gateway.sealed", "a row of the sealed events is damaged, or was sealed under another secret"
    )
