"""Which databases this process has open, so that none is opened twice.

Rules: LevelDB's lock keeps other processes out, but the system frees it as soon as this process closes any handle
on the file `LOCK`, and LevelDB itself does so when it refuses a second opening in the same process. So that is
refused here first.

Not here: other processes; LevelDB's lock sees to them.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final, TypeAlias

from ledger.errors import StoreLockedError

Identity: TypeAlias = tuple[int, int]
"""Device and inode of a directory: which one it is, whatever names lead to it."""


def locked(path: Path, by_whom: str) -> StoreLockedError:
    """The error for a database that is in use `by_whom`, with what to do about it."""
    detail = f"{path} is in use {by_whom}. While a node serves a directory, commands go through that node; or stop it first."
    return StoreLockedError("store.locked", detail)


class OpenDirectories:
    """The directories whose databases this process has open."""

    def __init__(self) -> None:
        self._claimed: set[Identity] = set()
        self._changing = threading.Lock()

    def claim(self, path: Path) -> Identity:
        """Raise StoreLockedError if this process has the database in `path` open already. Raises OSError."""
        status = path.stat()
        identity = (status.st_dev, status.st_ino)
        with self._changing:
            if identity in self._claimed:
                raise locked(path, "by this process")
            self._claimed.add(identity)
        return identity

    def free(self, identity: Identity) -> None:
        """Allow the database to be opened again."""
        with self._changing:
            self._claimed.discard(identity)


OPEN_DIRECTORIES: Final = OpenDirectories()
