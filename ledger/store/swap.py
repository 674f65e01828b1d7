"""Putting a new database in the place of an old one, so that a crash leaves one of them there, whole.

Rules: inside a ledger's directory the database is `db`. A new one is filled under a name of its own (`db.new.…`),
synced whole and renamed `db.ready`; then the old one is moved aside to `db.old`, and the new one moved in. Between
these two moves there is no `db`: `finish`, called on every opening, then makes the second. That is safe because
nothing is called `db.ready` before it is complete. Left-overs of a swap that was cut short are removed by the next
one, never on opening.

Not here: what the databases hold.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ledger.errors import StoreCorruptError, StoreLockedError
from ledger.store.database import Database, sync_directory, translate

CURRENT: Final = "db"
READY: Final = "db.ready"
ASIDE: Final = "db.old"
_NEW_PREFIX: Final = "db.new."


def finish(path: Path) -> None:
    """Complete a swap in the directory `path` that was cut short between its two moves. Raises StoreError."""
    if (path / CURRENT).exists() or not (path / READY).exists():
        return
    try:
        (path / READY).rename(path / CURRENT)
        sync_directory(path)
    except OSError as error:
        raise translate(error, path) from error


@contextmanager
def new_database(path: Path, *, replace: bool) -> Iterator[Path]:
    """A directory to fill with a new database, which is to be closed before the block ends; removed if that raises.

    At the end of the block it becomes the database in `path`; with `replace` it takes the place of the old one,
    which must be closed too, and without there must be none. Raises StoreError, StoreLockedError if another process
    has opened the old one meanwhile (which then stays).
    """
    try:
        if not replace:
            path.mkdir(mode=0o700, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=_NEW_PREFIX, dir=path))
    except OSError as error:
        raise translate(error, path) from error
    try:
        yield new
        sync_files(new)
        _put_in_place(path, new, replace=replace)
    except OSError as error:
        raise translate(error, path) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _put_in_place(path: Path, new: Path, *, replace: bool) -> None:
    current, ready, aside = path / CURRENT, path / READY, path / ASIDE
    for left_over in (ready, aside):
        if left_over.exists():
            shutil.rmtree(left_over)
    new.rename(ready)
    sync_directory(path)
    if replace:
        current.rename(aside)
        try:
            _check_unused(aside)
        except StoreLockedError:
            aside.rename(current)
            shutil.rmtree(ready)
            raise
    try:
        ready.rename(current)
    except FileNotFoundError:  # another process is opening the ledger, and was first to finish
        if not current.exists():
            raise
    sync_directory(path)
    shutil.rmtree(aside, ignore_errors=True)


def _check_unused(old: Path) -> None:
    """Raise StoreLockedError if a process opened the database between its closing and its move."""
    try:
        Database.open(old, create=False).close()
    except StoreCorruptError:
        return  # damaged, which may be why it is replaced; its lock was free


def sync_files(directory: Path) -> None:
    """Make all files in `directory` durable: they were written without waiting for the disk. Raises OSError."""
    for child in directory.iterdir():
        descriptor = os.open(child, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_directory(directory)
