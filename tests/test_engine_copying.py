"""An engine's stores on their way to another validator, and the height below which a restored one does not vote."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import plyvel
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from api.http.peers import create_peer_app
from ledger.errors import CannotTellError, FormatError, RefusedError, StoreError
from node.engine.cometbft.copying import STORES, archive, take, unpack
from node.engine.cometbft.process import _wait_until_stopped
from node.engine.cometbft.voting import held_to, let_vote, never_voted
from node.home import Home, HomeError
from node.network_join import fetch_engine_data, hold_votes, put_engine_data
from node.peer_engine import PeerEngine


def write_stores(data: Path) -> None:
    """Stores as LevelDB keeps them, with what lies beside them in an engine's data."""
    for store in STORES:
        database = plyvel.DB(str(data / store), create_if_missing=True, write_buffer_size=64_000)
        for number in range(2_000):
            database.put(b"%s %d" % (store.encode(), number), b"x" * 100)
        database.close()
    assert list(data.glob("*/*.ldb"))
    (data / "priv_validator_state.json").write_text('{"height": "7", "round": 0, "step": 3}')
    (data / "cs.wal").mkdir()
    (data / "cs.wal" / "wal").write_bytes(b"diary")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "engine" / "data"
    folder.mkdir(parents=True)
    write_stores(folder)
    return folder


def taken(data: Path) -> Path:
    into = data.parent / "copy"
    into.mkdir()
    take(data, into)
    return into


def rows(database: Path) -> dict[bytes, bytes]:
    opened = plyvel.DB(str(database), create_if_missing=False)
    try:
        return dict(opened)
    finally:
        opened.close()


def sent(folder: Path) -> io.BytesIO:
    return io.BytesIO(b"".join(archive(folder)))


def test_what_arrives_is_the_stores_and_nothing_else(data: Path, tmp_path: Path) -> None:
    into = tmp_path / "there"
    into.mkdir()
    unpack(sent(taken(data)), into)
    assert sorted(path.name for path in into.iterdir()) == sorted(STORES)
    for store in STORES:
        assert rows(into / store) == rows(data / store)


def test_it_goes_on_being_a_copy_while_the_engine_goes_on(data: Path, tmp_path: Path) -> None:
    database = plyvel.DB(str(data / STORES[0]), write_buffer_size=64_000)
    database.put(b"in the journal", b"and in no table yet")
    before = dict(database)
    copy = taken(data)
    database.put(b"later", b"in the same journal")
    for number in range(5_000):
        database.put(b"later %d" % number, b"y" * 100)
    database.compact_range()
    database.close()
    into = tmp_path / "there"
    into.mkdir()
    unpack(sent(copy), into)
    assert rows(into / STORES[0]) == before


@pytest.mark.parametrize(
    "name",
    [
        "priv_validator_state.json",
        "blockstore.db/../../../keys/engine.pem",
        "/etc/passwd",
        "blockstore.db/LOCK",
        "cs.wal/wal",
        "other.db/CURRENT",
        "blockstore.db/CURRENT/x",
    ],
)
def test_nothing_is_written_under_another_name(tmp_path: Path, name: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    stream.seek(0)
    with pytest.raises(FormatError, match="has no place"):
        unpack(stream, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        link = tarfile.TarInfo("state.db/CURRENT")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    stream.seek(0)
    with pytest.raises(FormatError, match="has no place"):
        unpack(stream, tmp_path)


def test_an_archive_that_was_cut_short_is_refused(data: Path, tmp_path: Path) -> None:
    whole = sent(taken(data)).getvalue()
    for number, cut in enumerate((0, 100, len(whole) // 3, len(whole) - 20_000)):
        into = tmp_path / f"there-{number}"
        into.mkdir()
        with pytest.raises(FormatError):
            unpack(io.BytesIO(whole[:cut]), into)


def test_a_copy_made_by_hand_does_as_well(data: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with pytest.raises(HomeError) as caught:
        put_engine_data(home, data)
    assert caught.value.rule == "network.engine-data"
    own = home.engine / "data"
    own.mkdir(parents=True)
    (own / "priv_validator_state.json").write_text("its own")
    (own / "cs.wal").mkdir()
    called: list[bool] = []
    put_engine_data(home, data.parent, lambda: called.append((own / "state.db").exists()))
    assert called == [False]
    assert sorted(path.name for path in own.iterdir()) == sorted([*STORES, "priv_validator_state.json"])
    assert (own / "priv_validator_state.json").read_text() == "its own"
    assert rows(own / STORES[0]) == rows(data / STORES[0])


# -- between nodes -----------------------------------------------------------------------------------------------------


class Engine:
    """What the listener asks of an engine."""

    held = ""

    def __init__(self, data: Path) -> None:
        self.copy = taken(data)
        self.busy = False
        self.given_back = 0

    def height(self) -> int:
        return 12

    @contextmanager
    def stores(self) -> Iterator[Path]:
        if self.busy:
            raise RefusedError("engine.copying", "somebody else is served", permanent=False)
        self.busy = True
        try:
            yield self.copy
        finally:
            self.busy, self.given_back = False, self.given_back + 1


class Cosignatures:
    def newest_cosigned(self) -> str | None:
        return None

    def take_cosignatures(self, sender: str, text: str) -> None:
        raise AssertionError(sender + text)


@pytest.fixture
def engine(data: Path) -> Engine:
    return Engine(data)


@pytest.fixture
def client(engine: Engine) -> Iterator[httpx.Client]:
    public = PlainTextResponse("what everybody may ask")
    with TestClient(create_peer_app(Cosignatures(), engine, public)) as made:
        yield made


def test_a_peer_gives_its_stores_to_one_at_a_time(
    engine: Engine, client: httpx.Client, tmp_path: Path
) -> None:
    peer = PeerEngine("ward", client)
    assert (peer.state().height, peer.state().votes) == (12, True)
    engine.held = "restored"
    assert not peer.state().votes
    home, before = Home(tmp_path / "home"), []
    fetch_engine_data(home, peer, lambda: before.append((home.engine / "data" / "state.db").exists()))
    assert before == [False], "what must be done before is done before"
    assert rows(home.engine / "data" / "state.db") == rows(engine.copy / "state.db")
    assert (engine.busy, engine.given_back) == (False, 1)
    engine.busy = True
    with pytest.raises(CannotTellError) as caught:
        fetch_engine_data(home, peer, lambda: None)
    assert caught.value.rule == "network.peer"
    assert rows(home.engine / "data" / "state.db") == rows(engine.copy / "state.db"), "what was there stays"


def test_all_else_is_what_everybody_may_ask(client: httpx.Client) -> None:
    assert client.get("/checkpoint").text == "what everybody may ask"
    assert client.get("/v1/engine").json() == {"height": 12, "votes": True}


def test_a_peer_that_talks_nonsense_is_none() -> None:
    answers = iter([b"[]", b"{}", b'{"height": "x", "votes": 1}', b"<html>"])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=next(answers)))
    with httpx.Client(base_url="http://peer", transport=transport) as client:
        for _ in range(4):
            with pytest.raises(CannotTellError) as caught:
                PeerEngine("ward", client).state()
            assert caught.value.rule == "network.peer"


# -- standing still, and voting ----------------------------------------------------------------------------------------


def test_a_process_that_stands_still_has_stopped_before_anything_is_read() -> None:
    counting = (
        "import threading,time\n[threading.Thread(target=time.sleep, args=(60,)).start() for _ in range(8)]\n"
    )
    process = subprocess.Popen([sys.executable, "-c", counting])
    try:
        process.send_signal(signal.SIGSTOP)
        _wait_until_stopped(process.pid)
        states = [path.read_text().rpartition(")")[2].split()[0] for path in task_states(process.pid)]
        assert set(states) == {"T"}
    finally:
        process.kill()
        process.wait()


def task_states(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").glob("*/stat"))


def test_a_restored_validator_is_held_and_one_that_has_voted_is_left_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    voted = home.engine / "data" / "priv_validator_state.json"
    assert never_voted(voted)
    hold_votes(home, 9)
    assert (held_to(voted), never_voted(voted)) == (9, False)
    # CometBFT refuses a smaller height, and at this one every round up to this, which is the last there is.
    assert json.loads(voted.read_text()) == {"height": "9", "round": 2**31 - 1, "step": 3}
    hold_votes(home, 99)
    assert held_to(voted) == 9
    let_vote(voted)
    assert (held_to(voted), never_voted(voted)) == (0, True)
    voted.write_text('{"height": "8", "round": 1, "step": 2, "signature": "AA==", "signbytes": "00"}')
    hold_votes(home, 9)
    assert (held_to(voted), never_voted(voted)) == (0, False)
    assert json.loads(voted.read_text())["height"] == "8", "what it has voted on stays as it is"
    voted.write_text("half a fi")
    with pytest.raises(StoreError) as caught:
        never_voted(voted)
    assert caught.value.rule == "engine.voted"
