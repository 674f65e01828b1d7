"""`sogoc follow --snapshot` with real processes: what it serves before it has the blocks, and after a kill."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from api.http.routers import tiles as tile_routes
from ledger.block import parse_header_leaf
from ledger.encoding import decode
from ledger.rows import VALIDATORS_KEY
from ledger.state import StateProof, transfer, verify_membership
from ledger.store.ledger_store import LedgerStore
from ledger.verify import audit
from ledger.verify.sources.stored import open_store
from node.home import Home
from node.service import Node
from node.snapshot import snapshot_path
from tests.faults.serving import GoneError, Http, Served
from tests.serving import quiet_logs, serving, sogoc
from tests.support import document_record, put, running_node, sign

__all__ = ["quiet_logs"]

BUNDLES = 2
SECONDS = 60.0


@dataclass
class Gate:
    """Whether the node hands out the records of the log's first leaves, without which nothing can be executed."""

    is_open: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made, read, part = Gate(), tile_routes._read, transfer.make_part

    def guarded(view: Any, wanted: Any) -> bytes:  # noqa: ANN401
        if made.asked.is_set() and (wanted.level, wanted.n) == ("records", 0):
            made.is_open.wait(SECONDS)
        return read(view, wanted)

    def noted(*arguments: Any) -> bytes:  # noqa: ANN401
        made.asked.set()
        return part(*arguments)

    monkeypatch.setattr(tile_routes, "_read", guarded)
    monkeypatch.setattr("api.http.routers.snapshot.make_part", noted)
    yield made
    made.is_open.set()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "office") as made:
        for first in range(0, 300, 100):
            put(
                made, *(sign(made, [document_record(b"%d" % number)]) for number in range(first, first + 100))
            )
        yield made


def ask(port: int, path: str) -> tuple[int, Any]:
    """Status and answer; (0, None) while nobody answers."""
    http = Http(port)
    try:
        status, body = http.ask("GET", path)
    except GoneError:
        return 0, None
    finally:
        http.close()
    with contextlib.suppress(ValueError):
        return status, json.loads(body)
    return status, body


def until(what: Callable[[], object], words: str) -> None:
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end, words
        time.sleep(0.02)


def test_a_copy_serves_the_state_first_and_the_blocks_later_whenever_it_is_killed(
    node: Node, gate: Gate, tmp_path: Path
) -> None:
    assert node.final_size > 256 * (BUNDLES - 1)
    home = Home(tmp_path / "copy")
    with serving(node) as address:
        copy = Served(home.path, tmp_path / "log.txt")
        options = ("--policy", str(node.home.policy), "--home", str(home.path), "--port", "0", "--snapshot")
        copy.program = (*copy.program[:3], "follow", address, *options)
        try:
            for _ in range(2):
                port = copy.start()
                check_state(port, node)
                assert ask(port, f"/v1/documents/{'00' * 32}")[1]["code"] == "node.backfilling"
                copy.kill()
                assert snapshot_path(home).exists()
            port = copy.start()
            check_state(port, node)
            put(node, sign(node, [document_record(b"later")]))
            until(lambda: ask(port, "/v1/status")[1]["size"] == node.final_size, "it follows on")
            gate.is_open.set()
            until(lambda: not snapshot_path(home).exists(), "the blocks are here")
            until(lambda: ask(newest_port(copy), "/v1/blocks/1")[0] == 200, "blocks are served")
            assert ask(newest_port(copy), "/v1/status")[1]["root"] == node.final.view.head.root.hex()
            copy.stop()
        finally:
            copy.close()
    with open_store(home.ledger) as source:
        assert audit(source, node.policy).size == node.final_size
    LedgerStore.open(home.ledger).close()


def newest_port(copy: Served) -> int:
    """The last address that the process has named: it begins to serve anew when it has all."""
    return int(copy.said().rpartition(b"http://127.0.0.1:")[2].split()[0])


def check_state(port: int, node: Node) -> None:
    """A row of the state, proved from the policy downwards."""
    status, row = ask(port, f"/v1/state/{VALIDATORS_KEY.hex()}")
    assert status == 200
    node.policy.check(row["checkpoint"])
    proof = StateProof.from_value(decode(base64.b64decode(row["proof"])))
    header = parse_header_leaf(base64.b64decode(row["header"]["leaf"]))
    assert proof.value is not None
    verify_membership(header.state_root, VALIDATORS_KEY, proof.value, proof)


def test_what_cannot_go_together_is_said(node: Node, tmp_path: Path) -> None:
    policy = ("--policy", node.home.policy, "--home", tmp_path / "copy")
    done = sogoc("follow", "http://127.0.0.1:9", *policy, "--snapshot", "--once")
    assert (done.code, done.rule) == (2, "follow.once")
