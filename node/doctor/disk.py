"""Checks of the disk: room, and whether what is written and synced comes through."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.config import Config
from node.doctor.finding import Finding, error, good, warning
from node.home import Home

_SLOW_SYNC_SECONDS: Final = 1.0
_LOW_DISK_FACTOR: Final = 4


def check_disk(home: Home, config: Config) -> Iterator[Finding]:
    """Room, and whether what is written and synced comes through."""
    place = home.ledger.parent if home.ledger.parent.is_dir() else home.path
    usage = shutil.disk_usage(place)
    free, low = usage.free // 1_000_000, config.low_disk_megabytes
    text = f"còn trống / free: {free:,} MB"
    grow = "dọn hoặc mở rộng đĩa / free some room or move to a larger disk"
    if free < low:
        yield error(
            "disk.space", f"{text} < {low:,} MB: nút không nhận mục mới / the node takes no new entries", grow
        )
    elif free < _LOW_DISK_FACTOR * low:
        yield warning("disk.space", f"{text}; nút ngừng nhận ở / intake stops at {low:,} MB", grow)
    else:
        yield good("disk.space", text)
    inodes = os.statvfs(place)
    if inodes.f_files and not inodes.f_favail:
        yield error(
            "disk.inodes", "đĩa hết chỗ cho tệp mới / the file system has no room for another file", grow
        )
    yield _check_writing(place)


def _check_writing(place: Path) -> Finding:
    probe = place / f".doctor-{secrets.token_hex(8)}"
    began = time.monotonic()
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b"x" * 4096)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as failure:
        return error(
            "disk.write",
            f"không ghi được / cannot write in {place}: {failure.strerror}",
            "kiểm tra chủ sở hữu, quyền, và đĩa có bị gắn chỉ đọc không / check owner, permissions, and whether the disk "
            "is mounted read-only",
        )
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
    seconds = time.monotonic() - began
    if seconds > _SLOW_SYNC_SECONDS:
        return warning(
            "disk.write",
            f"ghi chậm / a synced write takes {seconds:.1f} s",
            "mỗi khối cần một lần ghi như vậy; kiểm tra đĩa / each block takes one of these: check the disk",
        )
    return good("disk.write", f"ghi và đồng bộ được / a synced write takes {1000 * seconds:.0f} ms")
