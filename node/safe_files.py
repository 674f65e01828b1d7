"""Writing files and folders that are complete and on the disk before they have their names, and never overwrite anything.

What this module does not do: say what is in them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.errors import LedgerError, StoreError


class OccupiedError(LedgerError):
    """The place where something is to be written holds something already."""


def disk_error(error: OSError, path: Path) -> StoreError:
    """What the system said about writing to `path`, with what to do about it."""
    why = error.strerror or str(error)
    return StoreError(
        "files.write", f"cannot write {path}: {why}. Nothing was left behind; mend this and run it again"
    )


def sync_names(directory: Path) -> None:
    """Make the names in a directory durable. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a directory, and say so.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def write_synced(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a new file and sync it; its name is the caller's to sync. Raises OSError, also if the file exists."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def put_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a whole file or nothing, synced, in the place of what stands there. Raises StoreError (`files.write`)."""
    temporary = _temporary(path)
    try:
        write_synced(temporary, data, mode=mode)
        temporary.replace(path)
        sync_names(path.parent)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextmanager
def new_file(target: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A file to write that takes the name `target` at the end of the block, and goes away if the block raises.

    Raises OccupiedError (`files.exists`), StoreError (`files.write`).
    """
    if target.is_symlink() or target.exists():
        raise OccupiedError("files.exists", f"{target} exists: name another file; nothing is overwritten")
    temporary = _temporary(target)
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
            # 1. All bytes are on the disk before the file has its name.
            stream.flush()
            os.fsync(stream.fileno())
        # 2. The name appears at once. (A hard link would refuse a name that was taken meanwhile, but memory sticks have none.)
        temporary.rename(target)
        # 3. The name is on the disk before anybody relies on it.
        sync_names(target.parent)
    except OSError as error:
        raise disk_error(error, target) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextmanager
def new_folder(target: Path, *, mode: int = 0o755) -> Iterator[Path]:
    """A folder to fill that takes the name `target` at the end of the block, and goes away if the block raises.

    The files in it are the caller's to sync; their names are synced here. `target` must not exist or be an empty folder.
    Raises OccupiedError (`files.exists`), StoreError (`files.write`).
    """
    target = target.absolute()
    if not is_free(target):
        raise OccupiedError("files.exists", f"{target} is not empty: name a folder that does not exist yet")
    temporary = _temporary(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir(mode=0o700)
        yield temporary
        # 1. All names inside are on the disk before the folder has its own.
        for directory, _, _ in os.walk(temporary):
            sync_names(Path(directory))
        temporary.chmod(mode)
        # 2. The name appears at once. A rename replaces an empty folder, and fails on any other.
        temporary.rename(target)
        # 3. The name is on the disk before anybody relies on it.
        sync_names(target.parent)
    except OSError as error:
        raise disk_error(error, target) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_free(target: Path) -> bool:
    """Whether a new folder may take this name: there is nothing there, or an empty folder."""
    if target.is_symlink() or not target.exists():
        return not target.is_symlink()
    return target.is_dir() and not any(target.iterdir())


def _temporary(target: Path) -> Path:
    """A hidden name beside `target`, on the same file system."""
    return target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.tmp")
