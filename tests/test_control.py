"""A served home read row by row over its Unix socket, and over nothing else: audited and backed up as if it were stopped."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from api import served_store
from api.cli.nodes import connect_home
from api.cli.output import ExitCode
from api.http.app import create_app, create_control_app
from api.row_pages import MAX_KEYS, PAGE_BYTES, ROWS, decode_page
from api.served_store import ServedClient, ServedRows, open_served
from ledger.encoding import encode
from ledger.entry import Entry
from ledger.errors import CannotTellError, StoreCorruptError
from ledger.rows import entry_key
from ledger.store import layout, swap
from ledger.store.database import Database, Reader, Snapshot
from ledger.store.ledger_store import LedgerStore
from ledger.verify.sources.stored import open_store
from node.backup import Backup
from node.home import Home
from node.outbox import Outbox
from node.outcomes import Final
from node.restore import release
from node.service import Node
from tests.lost_node import open_node, restore_from
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import document_record, make_node, put, running_node, sign
from tests.test_cli import SOGOC, free_port, wait_for_port

__all__ = ["quiet_logs"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A running node with 600 entries in a few blocks."""
    with running_node(tmp_path_factory.mktemp("control")) as running:
        for _ in range(3):
            put(running, *[sign(running) for _ in range(200)])
        yield running


@pytest.fixture
def control(node: Node) -> Iterator[TestClient]:
    with TestClient(create_control_app(create_app(node))) as client:
        yield client
    for name in list(node.pins._pins):
        node.pins.release(name)


def pin(control: TestClient) -> str:
    answer = control.post("/control/snapshots")
    assert answer.status_code == 201
    return str(answer.json()["id"])


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# -- the addresses -------------------------------------------------------------------------------------------------------


def test_the_network_does_not_reach_it(node: Node) -> None:
    name = node.pins.pin()
    try:
        with TestClient(create_app(node)) as public:
            for path in ("", f"/{name}/rows", f"/{name}/get", f"/{name}/waiting"):
                answer = public.post(f"/control/snapshots{path}", content=encode([b"", None, None, False, 1]))
                assert code(answer) == (404, "http.not-found"), path
            assert code(public.delete(f"/control/snapshots/{name}")) == (404, "http.not-found")
            # (An example there has a DID's "controller".)
            assert "/control" not in public.get("/openapi.json").text
        assert len(node.pins) == 1
    finally:
        node.pins.release(name)


def test_the_socket_also_serves_everything_else(control: TestClient, node: Node) -> None:
    assert control.get("/checkpoint").text == node.final.checkpoint_text
    assert code(control.get("/control/nothing")) == (404, "http.not-found")
    assert code(control.get("/control/snapshots")) == (405, "http.method")


def test_a_page_is_what_the_store_has(control: TestClient, node: Node) -> None:
    name = pin(control)
    prefix, most = layout.LEAF, 7
    answer = control.post(
        f"/control/snapshots/{name}/rows", content=encode([prefix, None, None, False, most])
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, ROWS)
    page = decode_page(answer.content)
    with node.pins.reading(name) as pinned:
        assert page.rows == list(pinned.rows.iterate(prefix))[:most]
    assert not page.is_last
    assert control.delete(f"/control/snapshots/{name}").status_code == 204
    for what, body in (("rows", [b"", None, None, False, 1]), ("get", [b"h"]), ("waiting", [0])):
        answer = control.post(f"/control/snapshots/{name}/{what}", content=encode(body))
        assert code(answer) == (404, "snapshot.unknown")
    assert code(control.delete(f"/control/snapshots/{name}")) == (404, "snapshot.unknown")


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("rows", []),
        ("rows", [b"", None, None, False]),
        ("rows", ["", None, None, False, 1]),
        ("rows", [b"", 1, None, False, 1]),
        ("rows", [b"", None, None, 0, 1]),
        ("rows", [b"", None, None, False, 0]),
        ("rows", [b"", None, None, False, 10_001]),
        ("get", b"h"),
        ("get", ["h"]),
        ("get", [b""]),
        ("get", [b"h"] * (MAX_KEYS + 1)),
        ("waiting", []),
        ("waiting", [-1]),
        ("waiting", [b""]),
    ],
)
def test_what_is_not_of_the_shape_is_refused(control: TestClient, what: str, body: object) -> None:
    path = f"/control/snapshots/{pin(control)}/{what}"
    assert code(control.post(path, content=encode(body))) == (400, "control.request")
    assert control.post(path, content=b"\xc1").status_code == 400
    assert code(control.post(path, content=bytes(2_000_000))) == (413, "http.body-size")


def test_at_most_a_few_snapshots_are_held(control: TestClient, node: Node) -> None:
    for _ in range(4):
        pin(control)
    answer = control.post("/control/snapshots")
    assert code(answer) == (503, "snapshot.limit")
    assert answer.headers["retry-after"] == "10"
    assert len(node.pins) == 4


# -- reading -------------------------------------------------------------------------------------------------------------


class Watching(httpx.BaseTransport):
    """The application without a socket, and the size of each answer."""

    def __init__(self, control: TestClient) -> None:
        self._control = control
        self.sizes: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._control.request(request.method, request.url.path, content=request.read())
        self.sizes.append(len(answer.content))
        return httpx.Response(
            answer.status_code,
            headers={"content-type": answer.headers["content-type"]} if answer.content else {},
            content=answer.content,
        )


def test_nothing_of_a_local_reader_is_left_that_would_look_for_a_database() -> None:
    methods = {name for name in vars(Reader) if not name.startswith("_")}
    assert methods - {"path", "check_files"} <= set(vars(ServedRows))


def test_every_way_of_reading_gives_what_a_snapshot_gives(control: TestClient, node: Node) -> None:
    client = ServedClient("http://localhost", transport=Watching(control))
    with open_served(node.home, client) as served, node.pins.reading(served.name) as pinned:
        true = pinned.rows
        # `reading` is held once: what follows asks the node, so it is let go of first.
        rows = list(true.iterate())
        kinds = {key[:1] for key, _ in rows}
        expected = {
            (prefix, reverse): list(true.iterate(prefix, reverse=reverse))
            for prefix in (b"", *kinds)
            for reverse in (False, True)
        }
        some = (
            [key for key, _ in rows[::7]] + [key + b"\0" for key, _ in rows[::31]] + [b"b", b"l\xff", b"zz"]
        )
        values = true.get_many(some)
        start, stop = rows[40][0], rows[900][0]
        part = [list(true.iterate(b"", start=start, stop=stop, reverse=way)) for way in (False, True)]
    with open_served(node.home, client) as served:
        reader = served.source.reader
        for (prefix, reverse), wanted in expected.items():
            assert list(reader.iterate(prefix, reverse=reverse)) == wanted
        assert [reader.get(key) for key in some] == values
        assert [reader.get(key) for key in reversed(some)] == values[::-1]
        assert reader.get_many(some) == values
        assert [
            list(reader.iterate(b"", start=start, stop=stop, reverse=way)) for way in (False, True)
        ] == part
        assert reader.check_files() == len(rows)
    assert len(node.pins) == 0


@pytest.mark.parametrize("most", [1, 2, 37])
def test_pages_are_put_together_without_a_gap(
    node: Node, control: TestClient, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(served_store, "PAGE_ROWS", most)
    monkeypatch.setattr(served_store, "_AHEAD_ROWS", most)
    neighbours = [(b"x" + bytes(length), b"%d" % length) for length in range(6)]
    node.store._database.write(neighbours)
    client = ServedClient("http://localhost", transport=Watching(control))
    try:
        with open_served(node.home, client) as served, node.store.rows() as true:
            reader = served.source.reader
            assert list(reader.iterate(b"x")) == neighbours
            assert list(reader.iterate(b"x", reverse=True)) == neighbours[::-1]
            start, stop = layout.numbered(layout.LEAF, 100), layout.numbered(layout.LEAF, 190)
            for reverse in (False, True):
                wanted = list(true.iterate(layout.LEAF, start=start, stop=stop, reverse=reverse))
                assert len(wanted) == 90
                assert list(reader.iterate(layout.LEAF, start=start, stop=stop, reverse=reverse)) == wanted
            for index in (*range(95, 105), 3, 104, 700):
                key = layout.numbered(layout.LEAF, index)
                assert reader.get(key) == true.get(key)
                assert reader.get(key + b"\0") is None
    finally:
        node.store._database.write([(key, None) for key, _ in neighbours])


def large(node: Node) -> Entry:
    """An entry of about half a page."""
    return sign(node, [document_record() for _ in range(4_000)])


def test_no_answer_is_larger_than_a_page(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        put(node, *[large(node) for _ in range(7)])
        with TestClient(create_control_app(create_app(node))) as control:
            watching = Watching(control)
            with open_served(node.home, ServedClient("http://localhost", transport=watching)) as served:
                keys = [layout.numbered(layout.RECORDS, index) for index in range(served.source.head.size)]
                records = served.source.reader.get_many(keys)
                total = sum(len(value or b"") for value in records)
                largest = max(len(value or b"") for value in records)
                assert served.source.records_bundle(0, served.source.head.size) == b"".join(
                    value or b"" for value in records
                )
    assert total > 2 * PAGE_BYTES
    assert max(watching.sizes) < PAGE_BYTES + largest + 100


def test_gets_in_order_are_fetched_together(control: TestClient, node: Node) -> None:
    watching = Watching(control)
    with open_served(node.home, ServedClient("http://localhost", transport=watching)) as served:
        before = len(watching.sizes)
        for index in range(600):
            assert served.source.reader.get(layout.numbered(layout.LEAF, index)) is not None
        assert len(watching.sizes) - before <= 4


def test_a_node_that_let_go_cannot_tell(control: TestClient, node: Node) -> None:
    client = ServedClient("http://localhost", transport=Watching(control))
    with open_served(node.home, client) as served:
        node.pins.release(served.name)
        with pytest.raises(CannotTellError) as caught:
            list(served.source.reader.iterate())
        assert caught.value.rule == "snapshot.unknown"
        with pytest.raises(CannotTellError):
            list(served.waiting())


def test_a_node_that_knows_nothing_of_it_is_named(node: Node) -> None:
    with TestClient(create_app(node)) as public:
        client = ServedClient("http://localhost", transport=Watching(public))
        with pytest.raises(CannotTellError) as caught:
            client.pin()
    assert caught.value.rule == "node.older"


def test_a_snapshot_is_let_go_whatever_happens(control: TestClient, node: Node) -> None:
    client = ServedClient("http://localhost", transport=Watching(control))

    def fail() -> None:
        with open_served(node.home, client):
            assert len(node.pins) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(node.pins) == 0


# -- audits --------------------------------------------------------------------------------------------------------------


def audit(home: Home) -> Done:
    return sogoc("audit", home.path, "--json", "--workers", "0")


def verdict(done: Done) -> tuple[int, str, str]:
    """How an audit ended, and what it names."""
    return done.code, done.json.get("code", ""), done.json.get("detail", "")


def first_of(database: Database, kind: bytes) -> tuple[bytes, bytes]:
    return next(iter(database.iterate(kind)))


def changed(kind: bytes) -> Callable[[Database], tuple[bytes, bytes | None]]:
    def change(database: Database) -> tuple[bytes, bytes | None]:
        key, value = first_of(database, kind)
        return key, value[:-1] + bytes((value[-1] ^ 1,))

    return change


def missing(kind: bytes) -> Callable[[Database], tuple[bytes, bytes | None]]:
    return lambda database: (first_of(database, kind)[0], None)


FAULTS: list[tuple[str, Callable[[Database], tuple[bytes, bytes | None]]]] = [
    ("store.row-differs", changed(layout.LOOKUP)),
    ("store.row-differs", changed(layout.STATE_PAGE)),
    ("store.row-differs", changed(layout.STATE_ROW)),
    ("store.row-differs", changed(layout.CHECKPOINT)),
    ("store.row-differs", changed(layout.BLOCK)),
    ("", changed(layout.TILE)),
    ("store.row-missing", missing(layout.LOOKUP)),
    ("store.row-missing", missing(layout.STATE_PAGE)),
    ("store.row-extra", lambda database: (first_of(database, layout.LOOKUP)[0] + b"\0", b"")),
    ("store.row-extra", lambda _: (b"x", b"nobody knows this row")),
    ("store.row-extra", lambda database: (layout.numbered(layout.LEAF, 1_000_000), b"")),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("written")
    with running_node(path) as node:
        put(node, *[sign(node) for _ in range(5)])
        put(node, *[sign(node) for _ in range(5)])
    return path


@pytest.mark.parametrize(("rule", "fault"), FAULTS, ids=[f"{n} {rule}" for n, (rule, _) in enumerate(FAULTS)])
def test_a_planted_row_is_found_while_served_as_when_stopped(
    written: Path, tmp_path: Path, rule: str, fault: Callable[[Database], tuple[bytes, bytes | None]]
) -> None:
    shutil.copytree(written / "node", tmp_path / "node")
    with running_node(tmp_path) as node, serving(node) as address:
        assert audit(node.home).code == ExitCode.GOOD
        # As a disk or another program would: the node itself does not look at these rows again.
        node.store._database.write([fault(node.store._database)])
        served = audit(node.home)
        # Over the network only the log is there to be audited, and that is whole.
        if rule:
            assert sogoc("audit", address, "--workers", "0").code == ExitCode.GOOD
    stopped = audit(node.home)
    assert served.code == ExitCode.DOES_NOT_MATCH
    assert verdict(served) == verdict(stopped)
    if rule:
        assert served.json["code"] == rule
    assert len(node.pins) == 0


def rotten_place(home: Home, tmp_path: Path) -> tuple[Path, int]:
    """A byte of a table of the running node's store that opening does not look at and reading does."""
    table = max((home.ledger / swap.CURRENT).glob("*.ldb"), key=lambda path: path.stat().st_size)
    for position in range(table.stat().st_size // 2, table.stat().st_size, 997):
        copy = tmp_path / "copy"
        shutil.copytree(home.ledger, copy, ignore=lambda _, names: {"LOCK"}.intersection(names))
        flip(copy / swap.CURRENT / table.name, position)
        try:
            LedgerStore.open(copy).close()
            with open_store(copy) as source:
                source.reader.check_files()
        except StoreCorruptError as error:
            if error.rule == "store.corrupt":
                return table, position
        finally:
            shutil.rmtree(copy)
    raise AssertionError("no such place was found")


def flip(path: Path, position: int) -> None:
    """Change one byte where it is: the file is mapped into the memory of whoever has it open."""
    with path.open("r+b") as stream:
        stream.seek(position)
        byte = stream.read(1)[0]
        stream.seek(position)
        stream.write(bytes((byte ^ 0xFF,)))


def test_a_checksum_that_does_not_fit_is_reported_as_what_it_is(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        for _ in range(3):
            put(node, *[sign(node) for _ in range(200)])
    make_node(tmp_path).stop()  # opening it puts the rows of the log into a table
    with running_node(tmp_path) as node, serving(node):
        table, position = rotten_place(node.home, tmp_path)
        flip(table, position)
        served = audit(node.home)
    stopped = audit(node.home)
    assert verdict(served) == verdict(stopped)
    assert (served.code, served.json["code"]) == (ExitCode.DOES_NOT_MATCH, "store.corrupt")


def test_damage_in_the_middle_of_an_iteration_comes_after_the_rows_before_it(
    node: Node, control: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = layout.numbered(layout.LEAF, 300)
    iterate, get = Snapshot.iterate, Snapshot.get

    def broken(self: Snapshot, prefix: bytes = b"", **bounds: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        for key, value in iterate(self, prefix, **bounds):  # type: ignore[arg-type]
            if key == bad:
                raise StoreCorruptError("store.corrupt", "rot")
            yield key, value

    def broken_get(self: Snapshot, key: bytes) -> bytes | None:
        if key == bad:
            raise StoreCorruptError("store.corrupt", "rot")
        return get(self, key)

    monkeypatch.setattr(Snapshot, "iterate", broken)
    monkeypatch.setattr(Snapshot, "get", broken_get)
    with open_served(node.home, ServedClient("http://localhost", transport=Watching(control))) as served:
        reader = served.source.reader
        seen: list[bytes] = []
        with pytest.raises(StoreCorruptError) as caught:
            seen.extend(key for key, _ in reader.iterate(layout.LEAF))
        assert caught.value.detail == "rot"
        assert seen == [layout.numbered(layout.LEAF, index) for index in range(300)]
        # One by one: only the damaged row fails, whatever was fetched along with it.
        for index in range(290, 310):
            key = layout.numbered(layout.LEAF, index)
            if key == bad:
                with pytest.raises(StoreCorruptError):
                    reader.get(key)
            else:
                assert reader.get(key) is not None
        with pytest.raises(StoreCorruptError):
            reader.get_many([layout.numbered(layout.LEAF, index) for index in (1, 300, 2)])
        assert served.source.first_missing(layout.LEAF, 1, 256) == 300


@contextmanager
def load(node: Node) -> Iterator[list[bytes]]:
    """Entries being written by another thread, for as long as the block lasts; the ids of those that were acknowledged."""
    stop = threading.Event()
    acknowledged: list[bytes] = []

    def write() -> None:
        while not stop.is_set():
            entries = [sign(node) for _ in range(5)]
            node.submit([entry.submission() for entry in entries])
            acknowledged.extend(entry.id for entry in entries)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield acknowledged
    finally:
        stop.set()
        writer.join()


def test_a_clean_home_under_load_is_clean(tmp_path: Path) -> None:
    with running_node(tmp_path) as node, serving(node), load(node):
        sizes = []
        for _ in range(3):
            done = audit(node.home)
            assert done.code == ExitCode.GOOD, done.output
            sizes.append(done.json["size"])
        assert sizes == sorted(set(sizes))
        assert node.store.head.size > sizes[-1]
        assert len(node.pins) == 0


def test_a_node_that_stops_meanwhile_cannot_tell(tmp_path: Path) -> None:
    with running_node(tmp_path) as node, serving(node), connect_home(node.home) as client:
        with open_served(node.home, client) as served:
            node.pins.close()
            with pytest.raises(CannotTellError):
                list(served.source.reader.iterate())
        assert audit(node.home) == Done(ExitCode.CANNOT_TELL, "", "node.stopped")


# -- backups -------------------------------------------------------------------------------------------------------------


def test_a_backup_of_a_running_node_has_what_waits(tmp_path: Path) -> None:
    """A node that is not ordering: what it acknowledged is not final at any moment of the backup."""
    node = make_node(tmp_path)
    entries = [sign(node, [document_record()]) for _ in range(30)]
    with serving(node):
        node.submit([entry.submission() for entry in entries])
        text = node.final.checkpoint_text
        done = sogoc("backup", node.home.path, tmp_path / "backup.tar", "--json")
        assert (done.code, done.json["outbox"], done.json["size"]) == (ExitCode.GOOD, 30, 2)
        assert "30 mục chờ" in sogoc("backup", node.home.path, tmp_path / "again.tar").output
    node.stop()
    restored = restore_from(tmp_path / "backup.tar", tmp_path / "restored", node.home.keys)
    release(restored, text, not_run_since=True)
    again = open_node(restored)
    try:
        assert [one.entry_id for one in again.outbox.waiting()] == [entry.id for entry in entries]
        again.start()
        for entry in entries:
            assert isinstance(again.wait(entry.id).result(20), Final)
    finally:
        again.stop()


def test_many_waiting_entries_come_in_pages(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    big = [large(node) for _ in range(5)]
    try:
        node.submit([entry.submission() for entry in big])
        with TestClient(create_control_app(create_app(node))) as control:
            watching = Watching(control)
            with open_served(node.home, ServedClient("http://localhost", transport=watching)) as served:
                waiting = list(served.waiting())
        assert waiting == list(node.outbox.waiting())
        assert max(watching.sizes) < PAGE_BYTES + len(big[0].submission()) + 200
        assert len([size for size in watching.sizes if size > PAGE_BYTES // 2]) > 1
    finally:
        node.stop()


def test_a_journal_that_lost_a_row_does_not_become_a_backup(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    try:
        node.submit([sign(node).submission(), sign(node).submission()])
        node.outbox._database.write([(b"q" + (1).to_bytes(8, "big"), None)])
        with serving(node):
            done = sogoc("backup", node.home.path, tmp_path / "backup.tar")
        assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "outbox.missing")
        assert not (tmp_path / "backup.tar").exists()
    finally:
        node.stop()


def test_backups_under_load_have_everything_that_was_acknowledged(tmp_path: Path) -> None:
    archives: list[tuple[Path, list[bytes]]] = []
    with running_node(tmp_path) as node, serving(node), load(node) as acknowledged:
        for number in range(3):
            before = list(acknowledged)
            out = tmp_path / f"{number}.tar"
            assert sogoc("backup", node.home.path, out, "--json").code == ExitCode.GOOD
            archives.append((out, before))
    assert archives[-1][1]
    for number, (out, before) in enumerate(archives):
        with Backup(out) as opened:
            waiting = {one.entry_id for one in opened.waiting()}
            assert opened.about.outbox == len(waiting)
        home = restore_from(out, tmp_path / f"home{number}")
        with open_store(home.ledger) as source:
            assert [
                entry_id
                for entry_id in before
                if entry_id not in waiting and source.get(entry_key(entry_id)) is None
            ] == []
        outbox = Outbox.open(home.outbox, create=False)
        assert {one.entry_id for one in outbox.waiting()} == waiting
        outbox.close()


# -- the program ---------------------------------------------------------------------------------------------------------


def test_the_program_keeps_its_socket_to_its_own_user_and_audits_through_it(
    written: Path, tmp_path: Path
) -> None:
    home = Home(shutil.copytree(written / "node", tmp_path / "node"))
    port = free_port()
    node = subprocess.Popen(
        [*SOGOC, "serve", str(home.path), "--port", str(port)], env=os.environ | {"PYTHONPATH": "."}
    )
    try:
        wait_for_port(port, node)
        deadline = time.monotonic() + 10
        while not home.socket.exists() or home.socket.stat().st_mode & 0o777 != 0o600:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert stat.S_ISSOCK(home.socket.stat().st_mode)
        answer = httpx.post(f"http://127.0.0.1:{port}/control/snapshots")
        assert code(answer) == (404, "http.not-found")
        assert audit(home).code == ExitCode.GOOD
    finally:
        node.send_signal(signal.SIGTERM)
        assert node.wait(30) == 0
