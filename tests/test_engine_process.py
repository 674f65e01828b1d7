"""The engine's process: what is said of one that does not come up."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from ledger.keys import SigningKey
from node.engine.cometbft.files import EngineFiles
from node.engine.cometbft.process import EngineProcess

SECONDS = 30.0


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
        end = time.monotonic() + SECONDS
        # It is started afresh each time, and has never answered: the second is what counts.
        while "started again 1 times" not in process.trouble:
            assert time.monotonic() < end, process.trouble
            time.sleep(0.01)
        assert "engine.log" in process.trouble
    finally:
        process.stop()
    assert not files.engine_key.exists()
    assert not files.peer_key.exists()
