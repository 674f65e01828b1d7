"""Disks that are full, read-only, or give back other bytes than were put there."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from ledger.errors import StoreError
from ledger.store import swap
from ledger.store.database import Database
from ledger.store.ledger_store import LedgerStore
from ledger.store.rebuild import content_digest
from tests import permissions
from tests.faults.commit_loop import CHECKOUT, KEY_ID, chain_of, next_block
from tests.store_chain import Chain
from tests.test_store_ledger import check_same


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of its own; skips the test where the system does not let us mount one."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"this user may not mount a file system: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(path)], check=True)


def fill(store: LedgerStore, chain: Chain) -> StoreError:
    """Commit until the disk refuses."""
    for _ in range(5_000):
        block = chain.block(entries=20, records=20)
        try:
            store.commit(block, chain.header.engine_height, cosign_key_id=KEY_ID)
        except StoreError as error:
            return error
    pytest.fail("the disk never was full")


def test_on_a_full_disk_the_store_stops_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        chain = Chain()
        store = LedgerStore.create(disk / "ledger", chain.genesis())
        error = fill(store, chain)
        assert error.rule == "store.full"
        assert "Free some" in error.detail
        acknowledged = store.head
        with pytest.raises(StoreError, match="in-doubt"):
            store.advance_engine(acknowledged.engine_height + 1)
        assert store.block(acknowledged.height).height == acknowledged.height  # it can still be read
        store.close()
        # Started again with the disk as full as it was: a clear stop or an opening, but never a loss.
        with contextlib.suppress(StoreError):
            LedgerStore.open(disk / "ledger").close()
        remount(disk, "size=64m")
        store = LedgerStore.open(disk / "ledger")
        blocks = chain.blocks
        assert store.head.height in {acknowledged.height, acknowledged.height + 1}
        if store.head.height == acknowledged.height:
            store.commit(blocks[-1], chain.header.engine_height, cosign_key_id=KEY_ID)
        check_same(store, chain)
        store.close()


def test_at_the_limit_on_the_size_of_files_the_store_stops_and_nothing_is_lost(tmp_path: Path) -> None:
    # The same as a full disk, where no file system can be mounted.
    program = (
        "import resource, sys, pathlib\n"
        "from ledger.errors import StoreError\n"
        "from tests.faults import commit_loop\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "try: commit_loop.commit_blocks(pathlib.Path(sys.argv[1]))\n"
        "except StoreError as error: commit_loop.say(error.rule, 0)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "ledger")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    *_, last, stopped = [line.split() for line in done.stdout.splitlines()]
    assert stopped[0] == "store.full"
    store = LedgerStore.open(tmp_path / "ledger")
    assert store.head.height in {int(last[1]), int(last[1]) + 1}
    chain = chain_of(store.head.height)
    assert store.log == chain.log
    next_block(chain)
    store.commit(chain.blocks[-1], chain.header.engine_height)
    store.close()


def make_ledger(path: Path, blocks: int) -> Chain:
    chain = Chain()
    store = LedgerStore.create(path, chain.genesis())
    for number in range(blocks):
        block = chain.block(entries=number % 3 + 1, records=number % 3)
        store.commit(block, chain.header.engine_height, cosign_key_id=KEY_ID)
    store.close()
    return chain


def test_a_read_only_file_system_is_named_as_such(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        chain = make_ledger(disk / "ledger", 3)
        remount(disk, "ro")
        attempts: list[Callable[[], object]] = [
            lambda: LedgerStore.open(disk / "ledger"),
            lambda: LedgerStore.create(disk / "other", Chain().genesis()),
        ]
        for attempt in attempts:
            with pytest.raises(StoreError, match="read-only") as caught:
                attempt()
            assert caught.value.rule == "store.read-only"
        remount(disk, "rw")
        store = LedgerStore.open(disk / "ledger")
        check_same(store, chain)
        store.close()


def test_a_directory_without_permission_is_named_as_such(tmp_path: Path) -> None:
    make_ledger(tmp_path / "ledger", 1)
    (tmp_path / "ledger" / swap.CURRENT).chmod(0o500)
    with permissions.obeyed(), pytest.raises(StoreError) as caught:
        LedgerStore.open(tmp_path / "ledger")
    assert caught.value.rule == "store.read-only"
    (tmp_path / "ledger" / swap.CURRENT).chmod(0o700)
    LedgerStore.open(tmp_path / "ledger").close()


# --- changed bytes -----------------------------------------------------------------------------------------------------


def in_log(path: Path) -> None:
    """All rows are in LevelDB's log, as after the first start."""


def in_tables(path: Path) -> None:
    """All rows are in a table, as after a restart."""
    LedgerStore.open(path).close()


def verdict(path: Path, digest: bytes) -> str:
    """What becomes of a ledger with a changed byte: found, or opened with exactly the rows that were written."""
    try:
        store = LedgerStore.open(path)
        try:
            same = content_digest(store._database) == digest
        finally:
            store.close()
    except StoreError as error:
        return error.rule
    return "the same" if same else "other rows"


@pytest.mark.parametrize("arrange", [in_log, in_tables])
def test_a_changed_byte_in_any_file_is_found_or_changes_nothing(
    tmp_path: Path, arrange: Callable[[Path], None]
) -> None:
    whole = tmp_path / "whole"
    make_ledger(whole, 3)
    arrange(whole)
    with Database.open(whole / swap.CURRENT, create=False) as database:
        digest = content_digest(database)
    shutil.rmtree(whole)
    make_ledger(whole, 3)
    arrange(whole)
    files = sorted(child for child in (whole / swap.CURRENT).iterdir() if child.stat().st_size)
    random = Random(1)
    verdicts: dict[str, set[str]] = {}
    for file in files:
        size = file.stat().st_size
        for position in sorted(random.sample(range(size), min(size, 25))):
            changed_copy = tmp_path / "changed"
            shutil.copytree(whole, changed_copy)
            copied = changed_copy / swap.CURRENT / file.name
            data = bytearray(copied.read_bytes())
            data[position] ^= 1 << random.randrange(8)
            copied.write_bytes(data)
            name = file.suffix or file.name.split("-")[0]
            verdicts.setdefault(name, set()).add(verdict(changed_copy, digest))
            shutil.rmtree(changed_copy)
    assert "other rows" not in set().union(*verdicts.values())
    # Notes for people, and a lower bound with a spare: no change to these changes a row.
    for name in ("LOG", ".old"):
        assert verdicts.pop(name, {"the same"}) == {"the same"}
    assert verdicts.pop("HIGH") <= {"the same", "store.high-water"}
    # The rows themselves, and what leads to them: all found. (A table has a filter that reading does without.)
    assert "the same" not in verdicts.get(".log", set())
    assert "the same" not in verdicts["CURRENT"] | verdicts["MANIFEST"]
    assert verdicts[".log"] if arrange is in_log else verdicts[".ldb"] - {"the same"}
