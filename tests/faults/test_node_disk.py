"""A whole node on a disk that is full, nearly full, or read-only: a clear stop or a clear refusal, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.http.app import create_app
from ledger.entry import Entry
from ledger.errors import RefusedError, StoreError
from ledger.verify import audit
from ledger.verify.sources.stored import open_store
from node.outcomes import Accepted, Final
from node.service import Node
from tests import permissions
from tests.faults.serving import CHECKOUT, SECONDS, SERVE
from tests.faults.test_store_disk import remount, small_disk
from tests.support import document_record, make_home, make_node, put, running_node, sign

MEGABYTE = 1_000_000


def large(node: Node) -> Entry:
    """An entry of about 100 kB, so that a small disk is soon full."""
    return sign(node, [document_record(abstract="đ" * 480) for _ in range(90)])


def fill(node: Node, acknowledged: list[Entry]) -> RefusedError | StoreError:
    """Submit until the node takes nothing more; returns why."""
    for _ in range(2_000):
        entry = large(node)
        try:
            (outcome,) = node.submit([entry.submission()])
        except (RefusedError, StoreError) as error:
            return error
        assert outcome == Accepted(entry.id)
        acknowledged.append(entry)
    pytest.fail("the disk never was full")


def check_all_final(node: Node, acknowledged: list[Entry]) -> None:
    """Everything acknowledged is on the ledger, once; the ledger takes more; and all of it passes an audit."""
    for entry in acknowledged:
        assert isinstance(node.wait(entry.id).result(SECONDS), Final)
    last = sign(node, [document_record(os.urandom(16))])  # another process may have counted its documents too
    put(node, last)
    final = node.final
    leaves = [final.view.leaf(index) for index in range(final.size)]
    assert {leaves.count(entry.leaf) for entry in (*acknowledged, last)} == {1}
    node.stop()
    with open_store(node.home.ledger) as source:
        audit(source)


def test_below_the_low_water_mark_intake_stops_before_the_disk_is_full(tmp_path: Path) -> None:
    acknowledged: list[Entry] = []
    with small_disk(tmp_path / "disk", "16m") as disk:
        node = make_node(disk, low_disk_megabytes=6)
        http = TestClient(create_app(node))
        assert http.get("/readyz").json() == {"ready": True, "reasons": []}
        node.start()
        error = fill(node, acknowledged)
        assert error.rule == "disk.low"
        assert "6 MB" in error.detail
        assert len(acknowledged) > 5
        # What it has acknowledged becomes final in the room that is left, and reading goes on.
        for entry in acknowledged:
            assert isinstance(node.wait(entry.id).result(SECONDS), Final)
        assert node.failure is None
        assert 0 < node.free_bytes() < 6 * MEGABYTE
        ready = http.get("/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        assert [reason["code"] for reason in ready.json()["reasons"]] == ["disk.low"]
        headers = {"content-type": "application/msgpack"}
        refused = http.post("/v1/entries", content=sign(node).submission(), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "disk.low")
        assert int(refused.headers["retry-after"]) > 0
        read = http.get(f"/v1/entries/{acknowledged[-1].id.hex()}")
        assert (read.status_code, read.json()["status"]) == (200, "final")
        assert http.get(f"/v1/records/{acknowledged[-1].record_ids[0].hex()}/receipt").status_code == 200
        # With room it goes on by itself.
        remount(disk, "size=64m")
        assert http.get("/readyz").json()["ready"]
        check_all_final(node, acknowledged)


def test_on_a_full_disk_a_node_stops_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    acknowledged: list[Entry] = []
    with small_disk(tmp_path / "disk", "8m") as disk:
        node = make_node(disk, low_disk_megabytes=0)
        node.start()
        fill(node, acknowledged)
        assert len(acknowledged) > 5
        assert isinstance(node.failure, StoreError)
        assert node.failure.rule == "store.full"
        assert "Free some" in node.failure.detail
        with pytest.raises(StoreError, match=r"node\.stopped"):
            node.submit([sign(node).submission()])
        final = node.final
        assert node.policy.check(final.checkpoint_text).checkpoint.size == final.view.head.size
        assert final.view.leaf(final.size - 1)
        node.stop()
        # Started again on the full disk: a clear stop, or it opens; never a loss.
        with contextlib.suppress(StoreError):
            make_node(disk, low_disk_megabytes=0).stop()
        remount(disk, "size=64m")
        node = make_node(disk, low_disk_megabytes=0)
        node.start()
        check_all_final(node, acknowledged)


PROGRAM = """
import resource, sys
from pathlib import Path
from ledger.errors import StoreError
from tests.faults.test_node_disk import large
from tests.support import make_node
node = make_node(Path(sys.argv[1]), low_disk_megabytes=0)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, 2_500_000))
node.start()
try:
    while True:
        entry = large(node)
        node.submit([entry.submission()])
        print("acknowledged", entry.submission().hex(), file=sys.stderr, flush=True)
except StoreError as error:
    print("stopped", error.rule, node.failure.rule, file=sys.stderr, flush=True)
    node.stop()
"""


def test_at_the_limit_on_the_size_of_files_a_node_stops_and_nothing_is_lost(tmp_path: Path) -> None:
    # The same as a full disk, where no file system can be mounted.
    make_home(tmp_path / "node")
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=SECONDS)
    *said, stopped = [line.split() for line in done.stderr.splitlines()]
    assert {words[0] for words in said} == {"acknowledged"}
    acknowledged = [words[1] for words in said]
    assert stopped[0] == "stopped"
    assert stopped[1] in {"store.full", "node.stopped"}
    assert stopped[2] == "store.full"
    assert len(acknowledged) > 3
    with running_node(tmp_path) as node:
        entries = [node.application.parse(bytes.fromhex(line)).entry for line in acknowledged]
        check_all_final(node, entries)


def serve_says(home: Path) -> tuple[int, str]:
    """Exit code and words of `sogoc serve` where it cannot."""
    command = [*SERVE, str(home), "--port", "0"]
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_read_only_file_system_stops_the_start_with_a_word_about_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "32m") as disk:
        entry = None
        with running_node(disk, low_disk_megabytes=1) as node:
            entry = sign(node)
            put(node, entry)
        remount(disk, "ro")
        for _ in range(2):
            with pytest.raises(StoreError, match="read-only") as caught:
                make_node(disk, low_disk_megabytes=1)
            assert caught.value.rule == "store.read-only"
        code, words = serve_says(node.home.path)
        assert code not in {0, -6, -11}
        assert "store.read-only" in words
        assert "Traceback" not in words
        remount(disk, "rw")
        node = make_node(disk, low_disk_megabytes=1)
        node.start()
        check_all_final(node, [entry])


def test_a_directory_without_permission_stops_the_start_with_a_word_about_it(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        entry = sign(node)
        put(node, entry)
    current = next(node.home.ledger.iterdir())
    current.chmod(0o500)
    try:
        with permissions.obeyed(), pytest.raises(StoreError) as caught:
            make_node(tmp_path)
        assert caught.value.rule == "store.read-only"
    finally:
        current.chmod(0o700)
    node = make_node(tmp_path)
    node.start()
    check_all_final(node, [entry])
