"""`sogoc export`, `backup`, `restore`, `rebuild`, `status`, `doctor`: as they are run, on stopped and on running nodes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger import checkpoint
from ledger.store import layout, swap
from ledger.store.database import Database
from node.home import Home
from node.service import clock_ms
from tests.lost_node import Lost, back_up, lose_a_node, open_node
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import make_node, put, running_node, sign

__all__ = ["quiet_logs"]


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    return lose_a_node(tmp_path_factory.mktemp("lost"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    with running_node(tmp_path) as node:
        put(node, *[sign(node) for _ in range(3)])
    return node.home


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- export and backup -------------------------------------------------------------------------------------------------


def test_an_export_is_the_same_from_address_socket_store_and_backup(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        put(node, *[sign(node) for _ in range(3)])
        with serving(node) as address:
            assert sogoc("export", address, tmp_path / "address").code == ExitCode.GOOD
            assert sogoc("export", node.home.path, tmp_path / "socket").code == ExitCode.GOOD
            assert sogoc("backup", node.home.path, tmp_path / "backup.tar").code == ExitCode.GOOD
    done = sogoc("export", node.home.path, tmp_path / "store", "--json")
    assert done.code == ExitCode.GOOD
    assert done.json["chain_id"] == node.chain_id.hex()
    assert sogoc("export", tmp_path / "backup.tar", tmp_path / "backup").code == ExitCode.GOOD
    assert sogoc("export", tmp_path / "store", tmp_path / "export").code == ExitCode.GOOD
    wanted = files_of(tmp_path / "store")
    assert len(wanted) == 8
    for name in ("address", "socket", "backup", "export"):
        assert files_of(tmp_path / name) == wanted, name


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Any web server that serves a folder, and knows nothing of ledgers; the block gets its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_export_on_any_web_server_is_a_mirror(home: Home, tmp_path: Path) -> None:
    assert sogoc("export", home.path, tmp_path / "export").code == ExitCode.GOOD
    with web_server(tmp_path / "export") as address:
        done = sogoc("audit", address, "--level", "full", "--policy", home.policy, "--json")
        assert (done.code, done.rule, done.json["entries"]) == (ExitCode.GOOD, "", 3)
        assert sogoc("export", address, tmp_path / "again").code == ExitCode.GOOD
        # What only a node can do, it does not do; that is no verdict on the ledger.
        asked = sogoc("receipt", "00" * 32, "-o", tmp_path / "r", "--node", address)
        assert (asked.code, asked.rule) == (ExitCode.CANNOT_TELL, "node.answer")
    assert files_of(tmp_path / "again") == files_of(tmp_path / "export")


def test_an_export_is_refused_where_something_is(home: Home, tmp_path: Path) -> None:
    assert sogoc("export", home.path, home.path) == Done(ExitCode.USAGE, "", "files.exists")
    assert sogoc("export", tmp_path / "nothing", tmp_path / "out").rule == "source.unknown"
    assert sogoc("export", "http://127.0.0.1:9", tmp_path / "out") == Done(
        ExitCode.CANNOT_TELL, "", "node.unreachable"
    )
    assert not (tmp_path / "out").exists()


def test_a_backup_of_a_stopped_node_has_its_outbox(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    node.submit([sign(node).submission()])
    node.stop()
    done = sogoc("backup", node.home.path, tmp_path / "backup.tar", "--json")
    assert (done.code, done.json["outbox"], done.json["size"]) == (ExitCode.GOOD, 1, 2)
    assert sogoc("backup", node.home.path, tmp_path / "backup.tar").rule == "files.exists"
    assert "1 mục chờ" in sogoc("backup", node.home.path, tmp_path / "again.tar").output


def test_a_held_store_without_a_socket_is_named(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        done = sogoc("backup", node.home.path, tmp_path / "backup.tar")
    assert (done.code, done.rule) == (ExitCode.USAGE, "store.locked")
    assert not (tmp_path / "backup.tar").exists()


# -- restore -----------------------------------------------------------------------------------------------------------


def test_the_drill_by_command(lost: Lost, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    done = sogoc("restore", lost.backup, home.path, "--keys", lost.keys)
    assert done.code == ExitCode.CANNOT_TELL
    assert "ĐANG BỊ GIỮ" in done.output
    assert "sogoc restore --release" in home.cosign_hold.read_text()
    # The vault's key is no key that cosigns, and without it the home would come back without its vault.
    assert files_of(home.keys) == files_of(lost.keys)
    assert "vault.pem" in files_of(home.keys)
    assert sogoc("serve", home.path, "--port", "0") == Done(ExitCode.USAGE, "", "cosign.held")
    assert sogoc("status", home.path, "--json").json["reasons"][0]["code"] == "cosign.held"
    assert sogoc("doctor", home.path).code == ExitCode.DOES_NOT_MATCH

    (tmp_path / "last").write_text(lost.last)
    done = sogoc("restore", "--release", home.path, "--checkpoint", tmp_path / "last")
    assert (done.code, done.rule) == (ExitCode.CANNOT_TELL, "restore.blocks-missing")
    done = sogoc(
        "restore", "--release", home.path, "--checkpoint", tmp_path / "last", "--from", lost.mirror, "--json"
    )
    assert done.code == ExitCode.GOOD
    wanted = checkpoint.parse(lost.last)
    assert done.json["held"] is False
    assert (done.json["checkpoint"]["size"], done.json["checkpoint"]["root"]) == (
        wanted.size,
        wanted.root.hex(),
    )
    open_node(home).stop()


def test_restore_and_release_in_one_from_a_server(lost: Lost, tmp_path: Path) -> None:
    """The mirror is another node that is served: here the lost one itself, brought back by its mirror."""
    kept = Home(tmp_path / "kept")
    done = sogoc(
        "restore",
        lost.backup,
        kept.path,
        "--keys",
        lost.keys,
        "--checkpoint",
        lost.mirror,
        "--from",
        lost.mirror,
    )
    assert done.code == ExitCode.GOOD
    assert "Khớp điểm kiểm" in done.output
    node = open_node(kept)
    try:
        with serving(node) as address:
            home = Home(tmp_path / "home")
            for where in (address, f"{address}/checkpoint"):
                shutil.rmtree(home.path, ignore_errors=True)
                done = sogoc(
                    "restore", lost.backup, home.path, "--checkpoint", where, "--from", address, "--json"
                )
                assert done.code == ExitCode.GOOD
                assert done.json["size"] == checkpoint.parse(lost.last).size
                assert not home.cosign_hold.exists()
    finally:
        node.stop()


def test_a_restore_that_cannot_be_released_is_there_and_held(lost: Lost, tmp_path: Path) -> None:
    (tmp_path / "own").write_text(lost.backed_up)
    home = Home(tmp_path / "home")
    done = sogoc("restore", lost.backup, home.path, "--checkpoint", tmp_path / "own", "--json")
    assert done.code == ExitCode.CANNOT_TELL
    assert (done.json["held"], done.json["error"]["code"]) == (True, "restore.checkpoint-same")
    assert home.cosign_hold.exists()
    done = sogoc("restore", "--release", home.path, "--checkpoint", tmp_path / "own", "--not-run-since")
    assert done.code == ExitCode.GOOD


def test_two_histories_are_exit_code_one(lost: Lost, tmp_path: Path) -> None:
    forked = Home(tmp_path / "forked")
    sogoc("restore", lost.backup, forked.path, "--keys", lost.keys)
    forked.cosign_hold.unlink()
    node = open_node(forked)
    node.start()
    for _ in range(4):
        put(node, sign(node))
    node.stop()
    done = sogoc(
        "restore",
        lost.backup,
        tmp_path / "home",
        "--checkpoint",
        lost.mirror,
        "--from",
        forked.path,
        "--json",
    )
    assert done.code == ExitCode.DOES_NOT_MATCH
    assert done.json["error"]["code"] == "restore.fork"
    assert (tmp_path / "home" / "FORK-EVIDENCE").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("backup.tar",),
        ("backup.tar", "new", "--from", "x"),
        ("--release", "home"),
        ("backup.tar", "--release", "home", "--checkpoint", "x"),
        ("--release", "home", "--checkpoint", "x", "--keys", "keys"),
    ],
)
def test_arguments_that_do_not_go_together(arguments: tuple[str, ...]) -> None:
    done = sogoc("restore", *arguments)
    assert (done.code, done.rule) == (ExitCode.USAGE, "restore.arguments")


def test_restore_names_what_is_missing(lost: Lost, tmp_path: Path) -> None:
    assert sogoc("restore", tmp_path / "none.tar", tmp_path / "home").rule == "backup.missing"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine").touch()
    assert sogoc("restore", lost.backup, tmp_path / "home").rule == "files.exists"
    done = sogoc("restore", lost.backup, tmp_path / "new", "--checkpoint", tmp_path / "none", "--json")
    assert (done.code, done.json["error"]["code"]) == (ExitCode.CANNOT_TELL, "checkpoint.read")


# -- rebuild -----------------------------------------------------------------------------------------------------------


def test_a_rebuild_ends_byte_identical(home: Home) -> None:
    done = sogoc("rebuild", home.path, "--json")
    assert done.code == ExitCode.GOOD
    assert done.json["identical"] is True
    assert done.json["digest_before"] == done.json["digest_after"]
    assert done.json["height"] >= 1
    assert "Giống hệt" in sogoc("rebuild", home.path).output


@pytest.mark.parametrize(
    "kind", [layout.TILE, layout.STATE_ROW, layout.STATE_PAGE, layout.LOOKUP, layout.CHECKPOINT]
)
def test_a_rebuild_mends_what_follows_from_the_blocks(home: Home, kind: bytes) -> None:
    good = sogoc("rebuild", home.path, "--json").json["digest_after"]
    with Database.open(home.ledger / swap.CURRENT, create=False) as database:
        key, value = next(database.iterate(kind))
        database.write([(key, bytes((value[0] ^ 1,)) + value[1:])])
    done = sogoc("rebuild", home.path, "--json")
    assert done.code == ExitCode.GOOD
    assert done.json["identical"] is False
    assert done.json["digest_after"] == good


@pytest.mark.parametrize("kind", [layout.LEAF, layout.RECORDS])
def test_a_rebuild_does_not_paper_over_a_changed_source_row(home: Home, kind: bytes) -> None:
    with Database.open(home.ledger / swap.CURRENT, create=False) as database:
        rows = [(key, value) for key, value in database.iterate(kind) if layout.number_of(key) == 3]
        key, value = rows[0]
        database.write([(key, value[:-1] + bytes((value[-1] ^ 1,)))])
    done = sogoc("rebuild", home.path)
    assert done.code == ExitCode.DOES_NOT_MATCH
    with Database.open(home.ledger / swap.CURRENT, create=False) as database:
        assert database.get(key) == value[:-1] + bytes((value[-1] ^ 1,)), "the old store stays as it was"


def test_a_rebuild_needs_the_store_to_itself(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        assert sogoc("rebuild", node.home.path).rule == "store.locked"
        with serving(node):
            assert sogoc("rebuild", node.home.path) == Done(ExitCode.USAGE, "", "node.running")


# -- status and doctor -------------------------------------------------------------------------------------------------


def test_status_of_a_running_and_of_a_stopped_node(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        put(node, sign(node))
        with serving(node) as address:
            by_socket = sogoc("status", node.home.path, "--json").json
            by_address = sogoc("status", address, "--json").json
            assert "Đang chạy, sẵn sàng" in sogoc("status", address).output
    stopped = sogoc("status", node.home.path, "--json").json
    same = ("origin", "chain_id", "height", "size", "root", "block_time", "outbox")
    for name in same:
        assert by_socket[name] == by_address[name] == stopped[name], name
    assert (by_socket["running"], by_socket["ready"], stopped["running"]) == (True, True, False)
    assert by_socket["uptime_s"] < 60
    assert stopped["cosigned"] >= stopped["block_time"][:19]
    assert "Không chạy" in sogoc("status", node.home.path).output


def test_status_of_nothing(tmp_path: Path) -> None:
    assert sogoc("status", tmp_path) == Done(ExitCode.USAGE, "", "home.missing")
    assert sogoc("status", "http://127.0.0.1:9").code == ExitCode.CANNOT_TELL


def test_doctor_by_command(home: Home) -> None:
    done = sogoc("doctor", home.path, "--json")
    assert (done.code, done.json["verdict"], done.json["running"]) == (ExitCode.GOOD, "warning", False)
    assert sogoc("doctor", home.path, "--strict").code == ExitCode.DOES_NOT_MATCH
    home.policy.unlink()
    done = sogoc("doctor", home.path)
    assert done.code == ExitCode.DOES_NOT_MATCH
    assert "1 lỗi / errors" in done.output
    assert sogoc("doctor", home.path / "nothing").rule == "home.missing"


def test_doctor_of_a_running_node_and_its_clock(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        put(node, sign(node))
        with serving(node) as address:
            done = sogoc("doctor", node.home.path, "--node", address, "--json")
            found = {one["check"]: one["severity"] for one in done.json["findings"]}
            assert done.code == ExitCode.GOOD
            assert (found["node.answer"], found["clock"], found["clock.other"]) == ("good", "good", "good")
            assert "store.open" not in found
    done = sogoc("doctor", node.home.path, "--node", "http://127.0.0.1:9", "--json")
    found = {one["check"]: one["severity"] for one in done.json["findings"]}
    assert (done.code, found["clock.other"]) == (ExitCode.GOOD, "warning")
    assert sogoc("doctor", node.home.path, "--node", "nonsense").rule == "node.address"


def test_doctor_of_a_running_node_that_is_not_ready(tmp_path: Path) -> None:
    with running_node(tmp_path, low_disk_megabytes=1_000_000_000) as node, serving(node):
        done = sogoc("doctor", node.home.path, "--json")
        status = sogoc("status", node.home.path)
    assert done.code == ExitCode.DOES_NOT_MATCH
    found = {one["check"]: one["severity"] for one in done.json["findings"]}
    assert found["node.disk.low"] == "error"
    assert "chưa sẵn sàng" in status.output


def test_a_restored_home_of_a_node_that_never_died(home: Home, tmp_path: Path) -> None:
    """Moving a node to another machine: stopped, backed up, and not run since."""
    back_up(home, tmp_path / "backup.tar")
    done = sogoc(
        "restore", tmp_path / "backup.tar", tmp_path / "moved", "--keys", home.keys, "--checkpoint", _own(home, tmp_path),
        "--not-run-since",
    )  # fmt: skip
    assert done.code == ExitCode.GOOD
    node = open_node(Home(tmp_path / "moved"))
    assert node.final.view.head.time_ms <= clock_ms()
    node.stop()


def _own(home: Home, tmp_path: Path) -> Path:
    assert sogoc("export", home.path, tmp_path / "kept").code == ExitCode.GOOD
    return tmp_path / "kept" / "checkpoint"
