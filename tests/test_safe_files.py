"""Files and folders appear whole, after they are on the disk, and never in the place of anything."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ledger.errors import StoreError
from node import safe_files
from node.safe_files import OccupiedError, is_free, new_file, new_folder, put_file, write_synced


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the disk, in order: syncs of files and directories, and renames."""
    seen: list[str] = []
    fsync, rename, replace = os.fsync, Path.rename, Path.replace

    def watched_fsync(descriptor: int) -> None:
        seen.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def watched_rename(self: Path, target: Path) -> Path:
        seen.append(f"name {Path(target).name}")
        return rename(self, target)

    def watched_replace(self: Path, target: Path) -> Path:
        seen.append(f"name {Path(target).name}")
        return replace(self, target)

    monkeypatch.setattr("node.safe_files.os.fsync", watched_fsync)
    monkeypatch.setattr(Path, "rename", watched_rename)
    monkeypatch.setattr(Path, "replace", watched_replace)
    return seen


def test_a_folder_is_on_the_disk_before_and_after_it_has_its_name(tmp_path: Path, events: list[str]) -> None:
    with new_folder(tmp_path / "out") as folder:
        (folder / "tile").mkdir()
        write_synced(folder / "tile" / "000", b"x")
    hidden = folder.name
    assert events == [
        "sync 000",
        f"sync {hidden}",
        "sync tile",
        "name out",
        f"sync {tmp_path.name}",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_is_on_the_disk_before_and_after_it_has_its_name(tmp_path: Path, events: list[str]) -> None:
    with new_file(tmp_path / "out") as stream:
        stream.write(b"x")
    assert events[0].startswith("sync .out.")
    assert events[1:] == ["name out", f"sync {tmp_path.name}"]
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    events.clear()
    put_file(tmp_path / "out", b"y")
    assert events[0].startswith("sync .out.")
    assert events[1:] == ["name out", f"sync {tmp_path.name}"]
    assert (tmp_path / "out").read_bytes() == b"y"


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def fill_folder() -> None:
        with new_folder(tmp_path / "folder") as folder:
            write_synced(folder / "file", b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fill_folder()
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "file"):
        raise ZeroDivisionError
    with pytest.raises(StoreError) as caught, new_file(tmp_path / "none" / "file"):
        pass
    assert (caught.value.rule, "No such file" in caught.value.detail) == ("files.write", True)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_was_taken_meanwhile_stays_as_it_is(tmp_path: Path) -> None:
    def take_the_name() -> None:
        with new_folder(tmp_path / "out"):
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "theirs").write_text("kept")

    with pytest.raises(StoreError):
        take_the_name()
    assert (tmp_path / "out" / "theirs").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_free(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    free = [
        name for name in ("none", "empty", "file", "link", "dangling", "full") if is_free(tmp_path / name)
    ]
    assert free == ["none", "empty"]
    for name in ("link", "dangling"):
        with pytest.raises(OccupiedError), new_file(tmp_path / name):
            pass


def test_a_file_system_that_cannot_sync_directories_is_one_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(code: int) -> None:
        def fsync(_: int) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr("node.safe_files.os.fsync", fsync)

    refuse(errno.EINVAL)
    safe_files.sync_names(tmp_path)
    refuse(errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        safe_files.sync_names(tmp_path)
