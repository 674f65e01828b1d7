"""A watched folder: which of its files are papers, and which of those are finished.

Rules: a file is looked at again and again, and counts as finished when its size, its time and its identity have stayed the
same for a while and nobody has it open for writing. Names that programs give to unfinished work are passed over; so are
hidden files, links, empty files, receipts and salts. Looking changes nothing.

It looks at intervals and asks for no notices from the system: folders that offices share over a network give none.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from api.cli.files import RECEIPT_SUFFIX, SALT_SUFFIX

_UNFINISHED = (
    ".part",
    ".partial",
    ".crdownload",
    ".download",
    ".tmp",
    ".temp",
    ".swp",
    ".lock",
    ".filepart",
    "~",
)
_OURS = (RECEIPT_SUFFIX, SALT_SUFFIX)
_HIDDEN = (".", "~$")
_CLUTTER = frozenset({"thumbs.db", "desktop.ini"})
_LOCK_START, _LOCK_END = ".~lock.", "#"
"""LibreOffice names the lock of `a.odt` so: `.~lock.a.odt#`."""
_BUSY = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a file's content is taken to be the same as before."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """The stamp of a regular file, or None if there is none."""
        try:
            status = path.lstat()
        except OSError:
            return None
        return cls.from_status(status) if stat.S_ISREG(status.st_mode) else None

    @classmethod
    def from_status(cls, status: os.stat_result) -> Stamp:
        """From what the system says of a file."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    def text(self) -> str:
        """As it is kept: the numbers are too large for the project's encoding."""
        return f"{self.size} {self.mtime_ns} {self.inode}"


def is_paper(name: str) -> bool:
    """Whether a file's name is one that a finished paper may have."""
    lower = name.lower()
    return not (lower.startswith(_HIDDEN) or lower.endswith((*_UNFINISHED, *_OURS)) or lower in _CLUTTER)


def walk(folder: Path) -> tuple[dict[Path, Stamp], dict[Path, OSError]]:
    """The papers in a folder and those below it, and the folders that cannot be looked into."""
    found: dict[Path, Stamp] = {}
    closed: dict[Path, OSError] = {}
    waiting = [folder]
    while waiting:
        directory = waiting.pop()
        try:
            with os.scandir(directory) as entries:
                listed = list(entries)
        except OSError as error:
            closed[directory] = error
            continue
        locked = {
            entry.name[len(_LOCK_START) : -len(_LOCK_END)]
            for entry in listed
            if entry.name.startswith(_LOCK_START) and entry.name.endswith(_LOCK_END)
        }
        for entry in listed:
            if entry.name in locked or not is_paper(entry.name):
                continue
            # Between listing and looking, a file may go away.
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_size > 0:
                        found[Path(entry.path)] = Stamp.from_status(status)
    return found, closed


@dataclass(slots=True)
class Settling:
    """Which files have stayed the same, and since when. `seconds`: for how long they must."""

    seconds: float
    _since: dict[Path, tuple[Stamp, float]] = field(default_factory=dict)

    def settled(self, files: Iterable[tuple[Path, Stamp]], now: float) -> list[tuple[Path, Stamp]]:
        """Those of `files` that have stayed the same for long enough. `now`: seconds of a clock that never goes back."""
        before, self._since = self._since, {}
        ready = []
        for path, stamp in files:
            kept = before.get(path)
            since = kept[1] if kept is not None and kept[0] == stamp else now
            self._since[path] = (stamp, since)
            if now - since >= self.seconds:
                ready.append((path, stamp))
        return ready


def is_being_written(path: Path) -> bool:
    """Whether some program has the file open for writing or keeps it locked, as far as this system lets us know.

    A lease for reading is refused while anybody writes (Linux, `fcntl(2)`); it is given back at once. Where leases or locks
    are not to be had, the answer is no, and time alone must tell.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return _is_leased_or_locked(descriptor)
    finally:
        os.close(descriptor)


def _is_leased_or_locked(descriptor: int) -> bool:
    if hasattr(fcntl, "F_SETLEASE"):
        try:
            # Whoever opens the file for writing meanwhile makes the system send us a signal. SIGURG is one that is ignored
            # unless somebody asks for it; the usual one would end the program.
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            # EACCES: it is somebody else's file, and so leases are not for us.
            if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError as error:
        return error.errno in _BUSY
    return False
