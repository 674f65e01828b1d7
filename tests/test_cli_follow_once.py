"""`sogoc follow --once`: stopped and continued, a source that dies in the middle, a policy of another ledger, and its bar."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger.store.ledger_store import LedgerStore
from node import following
from node.home import Home
from tests.chains import Chain, chain_of
from tests.faults.serving import CHECKOUT
from tests.processes import to_be_killed
from tests.serving import Done, quiet_logs, sogoc
from tests.source_over_http import Answer, Source
from tests.test_snapshot import Keeper

__all__ = ["quiet_logs"]


def _slowly() -> Iterator[bytes]:
    for _ in range(200):
        yield b"x"
        time.sleep(0.1)


HANGS: Answer = ({"content-length": "1000000"}, _slowly())
BREAKS_OFF: Answer = ({"content-length": "1000000"}, [b"x"])


@pytest.fixture(scope="module")
def chain() -> Chain:
    return chain_of(12, 60, 1)


@pytest.fixture
def source(chain: Chain) -> Iterator[Source]:
    made = Source(Keeper(chain))
    yield made
    made.close()


@pytest.fixture
def policy(chain: Chain, tmp_path: Path) -> Path:
    path = tmp_path / "policy"
    path.write_text(chain.policy.format(), encoding="utf-8")
    return path


def follow(source: Source, policy: Path, home: Path) -> Done:
    return sogoc("follow", source.address("copy"), "--policy", policy, "--home", home, "--once", "--json")


def head(home: Path) -> tuple[int, bytes]:
    store = LedgerStore.open(Home(home).ledger)
    try:
        return store.head.size, store.head.root
    finally:
        store.close()


def test_a_source_that_dies_in_the_middle_is_followed_on_from_there(
    source: Source, chain: Chain, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CHUNK_LEAVES", 100)
    home = tmp_path / "copy"
    source.instead = lambda path: BREAKS_OFF if "/tile/records/001" in path else None
    done = follow(source, policy, home)
    assert (done.code, done.rule) == (ExitCode.CANNOT_TELL, "node.unreachable")
    reached, _ = head(home)
    assert 100 < reached < 256
    source.instead = lambda _: None
    done = follow(source, policy, home)
    assert (done.code, done.json["size"]) == (0, chain.size)
    assert head(home) == (chain.size, chain.image().root)
    # Another time there is nothing to copy.
    del source.asked[:]
    assert follow(source, policy, home).json["size"] == chain.size
    assert not [path for path in source.asked if "/tile/records/" in path]


def test_a_policy_of_another_ledger_copies_nothing(source: Source, tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    strange.write_text(Chain(2).policy.format(), encoding="utf-8")
    home = tmp_path / "copy"
    done = follow(source, strange, home)
    assert (done.code, done.rule) == (ExitCode.CANNOT_TELL, "policy.quorum-missing")
    assert not Home(home).ledger.exists()
    assert not Home(home).genesis.exists()


class Terminal:
    """`sogoc follow --once` with a terminal of its own."""

    def __init__(self, source: Source, policy: Path, home: Path) -> None:
        self._ours, theirs = pty.openpty()
        words = ("follow", source.address("copy"), "--policy", str(policy), "--home", str(home), "--once")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.small_chunks", *words],
            cwd=CHECKOUT,
            env=to_be_killed(COLUMNS="120", TERM="xterm"),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.shown = ""

    def look(self) -> bool:
        """Read what is shown next; False when there will be no more."""
        try:
            data = os.read(self._ours, 65_536)
        except OSError:
            data = b""
        # Colours are between the numbers.
        self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(errors="replace"))
        return bool(data)

    def until(self, pattern: str) -> None:
        """Look until something is shown."""
        end = time.monotonic() + 60
        while not re.search(pattern, self.shown):
            assert time.monotonic() < end, self.shown[-500:]
            assert self.look(), self.shown[-500:]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


def test_the_bar_moves_has_a_rate_and_goes_on_after_ctrl_c(
    source: Source, chain: Chain, policy: Path, tmp_path: Path
) -> None:
    home = tmp_path / "copy"
    source.instead = lambda path: HANGS if "/tile/records/002" in path else None
    first = Terminal(source, policy, home)
    try:
        first.until(rf"[1-9]\d+/{chain.size} +[\d,]+/s ")
        # What a terminal does when Ctrl-C is typed.
        first.process.send_signal(signal.SIGINT)
        while first.look():
            pass
        assert first.process.wait(60) != 0
    finally:
        first.close()
    assert "Chép và kiểm tra" in first.shown
    assert "Traceback" not in first.shown
    reached, _ = head(home)
    assert 0 < reached < chain.size
    source.instead = lambda _: None
    second = Terminal(source, policy, home)
    try:
        while second.look():
            pass
        assert second.process.wait(60) == 0
    finally:
        second.close()
    shown = [int(one) for one in re.findall(rf"(\d+)/{chain.size} ", second.shown)]
    assert min(shown) >= reached
    assert shown[-1] == chain.size
    assert "Đã chép đến" in second.shown
