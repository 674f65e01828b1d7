"""A disk of one's own for one node: a file system in a file, that can be made slow and can be filled.

Slow: the kernel lets the node's and its engine's processes write so many times a second to this disk (a cgroup's
`blkio.throttle.write_iops_device`), and to no other; what is simulated is the speed alone. Full: a large file beside the
home leaves no room.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

_CONTROL: Final = Path("/sys/fs/cgroup/blkio")
_LIMIT: Final = "blkio.throttle.write_iops_device"
_IGNORED: Final = shutil.ignore_patterns("lost+found", "*.sock")


class Disk:
    """A mounted file system."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._group = _CONTROL / f"sogoc-test-{os.getpid()}"
        self._filler = path / "filler"

    @property
    def free(self) -> int:
        """Bytes that are left."""
        return shutil.disk_usage(self.path).free

    def slow(self, writes_per_second: int, processes: Iterable[int]) -> None:
        """Let these processes, and all that they start, write so often."""
        self._group.mkdir(exist_ok=True)
        device = self.path.stat().st_dev
        limit = f"{os.major(device)}:{os.minor(device)} {writes_per_second}"
        (self._group / _LIMIT).write_text(limit, encoding="ascii")
        for process in processes:
            (self._group / "cgroup.procs").write_text(str(process), encoding="ascii")

    def restore(self) -> None:
        """As fast and as empty as it was."""
        self._filler.unlink(missing_ok=True)
        if self._group.exists():
            for process in (self._group / "cgroup.procs").read_text(encoding="ascii").split():
                with contextlib.suppress(OSError):  # it ended meanwhile
                    (_CONTROL / "cgroup.procs").write_text(process, encoding="ascii")
            self._group.rmdir()

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes."""
        with self._filler.open("ab") as file, contextlib.suppress(OSError):
            while (room := self.free - leave) > 0:
                file.write(bytes(min(room, 1_000_000)))
                file.flush()


def may_throttle() -> str:
    """Why a disk cannot be made slow here; empty if it can."""
    if not (_CONTROL / _LIMIT).exists() or not os.access(_CONTROL / "cgroup.procs", os.W_OK):
        return f"a disk is made slow by {_CONTROL / _LIMIT}, which is not here, or not for this user"
    return ""


@contextlib.contextmanager
def disk_or_skip(path: Path, megabytes: int) -> Iterator[Disk]:
    """A disk at `path`, with what is there now; at the end, what is on it then is at `path` again.

    Skips the test where the system does not let us mount one.
    """
    if not shutil.which("mkfs.ext4"):
        pytest.skip("there is no mkfs.ext4 here")
    image, aside = path.with_name(f"{path.name}.img"), path.with_name(f"{path.name}.aside")
    with image.open("wb") as file:
        file.truncate(megabytes * 1_000_000)
    _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
    path.rename(aside)
    path.mkdir(mode=0o700)
    try:
        _run("mount", "-o", "loop", str(image), str(path))
    except (OSError, subprocess.CalledProcessError) as error:
        path.rmdir()
        aside.rename(path)
        pytest.skip(f"this user may not mount a file system: {error}")
    disk = Disk(path)
    try:
        shutil.copytree(aside, path, dirs_exist_ok=True, ignore=_IGNORED)
        yield disk
    finally:
        disk.restore()
        shutil.rmtree(aside)
        shutil.copytree(path, aside, ignore=_IGNORED)
        _unmount(path)
        path.rmdir()
        aside.rename(path)
        image.unlink()


def _unmount(path: Path) -> None:
    """Whoever was killed may still be about to write; a mount that stayed would be in everybody's way."""
    for _ in range(100):
        with contextlib.suppress(subprocess.CalledProcessError):
            _run("umount", str(path))
            return
        time.sleep(0.1)
    _run("umount", "--lazy", str(path))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
