"""Links between validators: pinned certificates on both sides, news sent once and until it arrives, answers checked."""

from __future__ import annotations

import contextlib
import gzip
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path

import pytest

from ledger.errors import VerificationError
from ledger.keys import SigningKey
from node.peer_tls import client_context, make_certificate, server_context
from node.peers import PATH, Peer, PeerLink

SECONDS = 30.0
NAMES = ("ward", "province", "stranger")
KEYS = {name: SigningKey.from_seed(bytes([number]) * 32) for number, name in enumerate(NAMES, 1)}


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / f"{name}.pem" for name in NAMES}
    for name, path in found.items():
        path.write_bytes(make_certificate(KEYS[name], f"example/{name}"))
    return found


class Listener:
    """A peer's listener that notes what it is told and answers what it is given."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.told: list[str] = []
        self.asked = 0
        self.answer = ""
        self.status = 200
        self.lie: Callable[[], Iterable[bytes]] | None = None
        """What follows the headers, instead of the answer."""
        self.headers: dict[str, str] = {}
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if listener.status == 200:
                    listener.told.append(body.decode())
                self._reply("")

            def do_GET(self) -> None:
                listener.asked += 1
                self._reply(listener.answer)

            def _reply(self, text: str) -> None:
                assert self.path == PATH
                self.send_response(listener.status)
                if listener.lie is not None:
                    self.close_connection = True
                    for name, value in listener.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    # Whoever has heard enough hangs up.
                    with contextlib.suppress(OSError):
                        for piece in listener.lie():
                            self.wfile.write(piece)
                    return
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Gathered:
    text: str | None = None
    lacks: tuple[str, ...] = ()
    received: list[tuple[str, str]] = field(default_factory=list)
    refuse: bool = False

    def newest_text(self) -> str | None:
        return self.text

    def missing(self) -> tuple[str, ...]:
        return self.lacks

    def receive(self, name: str, text: str) -> None:
        if self.refuse:
            raise VerificationError("signature.invalid", "forged")
        self.received.append((name, text))


def _until(what: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def listener(certificates: dict[str, Path]) -> Iterator[Listener]:
    listening = Listener(server_context(certificates["province"], KEYS["province"], [certificates["ward"]]))
    yield listening
    listening.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.peers.ASK_SECONDS", 0.05)
    monkeypatch.setattr("node.peers._FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("node.peers._MAX_PAUSE_SECONDS", 0.1)


def _link(
    listener: Listener,
    certificates: dict[str, Path],
    gathered: Gathered,
    *,
    by: str = "ward",
    pins: str = "province",
    ahead_ms: int = 0,
) -> PeerLink:
    peer = Peer("province", listener.url, certificates[pins])
    return PeerLink(
        peer,
        client_context(certificates[by], KEYS[by], peer.certificate),
        gathered,
        gathered.receive,
        lambda: time.time_ns() // 1_000_000 + ahead_ms,
    )


@pytest.mark.usefixtures("quick")
def test_news_is_sent_once_and_what_is_missing_is_asked_for(
    listener: Listener, certificates: dict[str, Path]
) -> None:
    gathered = Gathered("first")
    listener.answer = "their checkpoint"
    link = _link(listener, certificates, gathered)
    link.start()
    try:
        _until(lambda: gathered.received == [("province", "their checkpoint")])
        gathered.text = "second"
        link.tell()
        _until(lambda: listener.told == ["first", "second"])
        asked = listener.asked
        gathered.lacks = ("province",)
        _until(lambda: listener.asked > asked)
        assert link.state.problem == ""
        assert link.state.reached_s is not None
    finally:
        link.stop()
    assert listener.told == ["first", "second"]


@pytest.mark.usefixtures("quick")
def test_news_is_sent_until_it_is_taken(listener: Listener, certificates: dict[str, Path]) -> None:
    listener.status = 503
    link = _link(listener, certificates, Gathered("news"))
    link.start()
    try:
        _until(lambda: "503" in link.state.problem)
        listener.status = 200
        _until(lambda: listener.told == ["news"])
        _until(lambda: link.state.problem == "")
    finally:
        link.stop()


@pytest.mark.usefixtures("quick")
def test_a_forged_answer_is_a_problem_that_names_itself(
    listener: Listener, certificates: dict[str, Path]
) -> None:
    listener.answer = "forged"
    link = _link(listener, certificates, Gathered(refuse=True))
    link.start()
    try:
        _until(lambda: "signature.invalid" in link.state.problem)
    finally:
        link.stop()


def _drip() -> Iterator[bytes]:
    for _ in range(200):
        yield b"x"
        time.sleep(0.02)


LIES: dict[str, tuple[str, dict[str, str], Callable[[], Iterable[bytes]]]] = {
    "an answer without end": ("peer.too-large", {}, lambda: repeat(b"x" * 65_536)),
    "more than it says": ("peer.too-large", {"Content-Length": str(10**12)}, lambda: repeat(b"x" * 65_536)),
    "a hundred megabytes in a hundred kilobytes": (
        "peer.answer",
        {"Content-Encoding": "gzip"},
        lambda: [gzip.compress(bytes(100_000_000), 1)],
    ),
    "no text": ("peer.answer", {}, lambda: [b"\xff\xfe"]),
    "a drop now and then": ("peer.slow", {}, _drip),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("lie", LIES)
def test_an_answer_is_read_no_further_than_a_checkpoint_is_long(
    listener: Listener,
    certificates: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    lie: str,
    method: str,
) -> None:
    monkeypatch.setattr("node.peers._WHOLE_SECONDS", 0.3)
    rule, listener.headers, listener.lie = LIES[lie]
    gathered = Gathered("news" if method == "POST" else None, lacks=("province",))
    link = _link(listener, certificates, gathered)
    link.start()
    try:
        _until(lambda: rule in link.state.problem)
    finally:
        listener.lie = None
        link.stop()
    assert gathered.received == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("by", "pins"), [("stranger", "province"), ("ward", "stranger")])
def test_a_certificate_that_was_not_exchanged_reaches_nobody(
    listener: Listener, certificates: dict[str, Path], by: str, pins: str
) -> None:
    gathered = Gathered("secret")
    link = _link(listener, certificates, gathered, by=by, pins=pins)
    link.start()
    try:
        _until(lambda: link.state.problem)
    finally:
        link.stop()
    assert listener.told == []
    assert gathered.received == []


@pytest.mark.usefixtures("quick")
def test_a_peer_that_goes_while_all_is_quiet_is_missed(
    certificates: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A quiet ledger's checkpoint is signed again once in ten minutes: nothing is sent, and nothing missing.
    monkeypatch.setattr("node.peers.QUIET_SECONDS", 0.1)
    context = server_context(certificates["province"], KEYS["province"], [certificates["ward"]])
    listening = Listener(context)
    link = _link(listening, certificates, Gathered("news"))
    link.start()
    try:
        _until(lambda: listening.told == ["news"])
        asked = listening.asked
        _until(lambda: listening.asked > asked + 1)
        listening.close()
        _until(lambda: link.state.problem)
        reached = link.state.reached_s
        assert reached is not None
        _until(lambda: (link.state.reached_s or 0) > reached + 0.2)
    finally:
        link.stop()


@pytest.mark.usefixtures("quick")
def test_a_peers_clock_is_compared_with_ones_own(listener: Listener, certificates: dict[str, Path]) -> None:
    link = _link(listener, certificates, Gathered(), ahead_ms=3_600_000)
    assert link.state.clock_s is None
    link.start()
    try:
        _until(lambda: link.state.reached_s is not None and link.state.clock_s is not None)
        assert link.state.clock_s == pytest.approx(-3600, abs=30)
    finally:
        link.stop()


def test_keys_are_left_nowhere(
    certificates: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    client_context(certificates["ward"], KEYS["ward"], certificates["province"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.pem" for name in NAMES)
