"""The engine's process: what is said of one that does not come up."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.keys import SigningKey
from node.engine.cometbft.files import EngineFiles
from node.engine.cometbft.process import EngineProcess

SECONDS = 60.0


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_engine_that_ends_whenever_it_is_started_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = shutil.which("false")
    assert program is not None
    files = EngineFiles(tmp_path / "engine", tmp_path)
    files.home.mkdir()
    keys = (SigningKey.from_seed(bytes(32)), SigningKey.from_seed(bytes([1]) * 32))
    process = EngineProcess(Path(program), files, keys=keys)
    assert process.trouble == ""
    monkeypatch.setattr("node.engine.cometbft.process.TROUBLE_SECONDS", 0.0)
    process.start()
    try:
        # It is started afresh each time, and has never answered: the second is what counts.
        until(lambda: "started again 1 times" in process.trouble)
        assert "engine.log" in process.trouble
    finally:
        process.stop()
    assert not files.engine_key.exists()
    assert not files.peer_key.exists()


ENGINE = """\
import http.server, os, socketserver, sys, time
home = sys.argv[3]
class Status(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"result": {"sync_info": {"latest_block_height": "%d"}}}' % height
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return ""
    def log_message(self, *_):
        pass
class Server(socketserver.UnixStreamServer):
    pass
failed = os.path.exists(home + "/mended") is False
height = 7 if failed else 8
server = Server(home + "/rpc.sock", Status)
if failed:
    print('E[2026] CONSENSUS FAILURE!!! module=consensus err="block time is \\\\"too far\\\\" ahead" stack="x"', flush=True)
server.serve_forever()
"""


def test_an_engine_whose_consensus_has_failed_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It goes on answering, and would for ever.
    program = tmp_path / "cometbft"
    program.write_text(f"#!{sys.executable}\n{ENGINE}", encoding="utf-8")
    program.chmod(0o700)
    monkeypatch.setattr("node.engine.cometbft.process._LOOK_SECONDS", 0.05)
    files = EngineFiles(tmp_path, tmp_path)
    keys = (SigningKey.from_seed(bytes(32)), SigningKey.from_seed(bytes([1]) * 32))
    process = EngineProcess(program, files, keys=keys)
    process.start()
    try:
        until(lambda: 'block time is \\"too far\\" ahead' in process.trouble)
        until(lambda: "started again 2 times" in process.trouble)
        (tmp_path / "mended").touch()
        # What was wrong is over when it decides again.
        until(lambda: process.trouble == "")
    finally:
        process.stop()
