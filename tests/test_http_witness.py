"""`/add-checkpoint` and `/v1/witness` over HTTP: statuses and bodies of the protocol; and the commands that make a witness."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.http.app import create_app
from ledger import evidence as evidences
from ledger.note import VerifierKey
from ledger.witnessing import MAX_REQUEST_BYTES, PATH, format_request
from node import keyfiles
from node.evidence import EvidenceBook
from node.home import WITNESS_KEY
from node.metrics import Metrics
from node.service import Node
from node.witness.acting import Witness
from tests.serving import sogoc
from tests.support import ORIGIN, make_home, running_node
from tests.witnesses import KEY, NOW_S, VKEY, WardLog, cosigned_s, open_witness, witness_home


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("witness")) as node:
        yield node


@pytest.fixture
def log() -> WardLog:
    log = WardLog()
    log.grow(9)
    return log


@pytest.fixture
def http(node: Node, log: WardLog, tmp_path: Path) -> Iterator[TestClient]:
    witness = open_witness(witness_home(tmp_path / "home", log))
    with TestClient(create_app(node, witness=witness)) as client:
        yield client


def test_statuses_and_bodies_are_the_protocols(http: TestClient, log: WardLog) -> None:
    good = http.post(PATH, content=log.request(0, 5))
    assert (good.status_code, good.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert cosigned_s(good.text, log, 5) == NOW_S
    conflict = http.post(PATH, content=log.request(0))
    assert (conflict.status_code, conflict.headers["content-type"], conflict.text) == (
        409,
        "text/x.tlog.size",
        "5\n",
    )
    stranger = WardLog("stranger.example", leaves=log.leaves)
    forged = WardLog(log.origin, (keyfiles.new_key(),), log.leaves)
    for request, status, code in (
        (stranger.request(0), 404, "witness.unknown-ledger"),
        (forged.request(0), 403, "witness.not-signed"),
        (format_request(6, [], log.checkpoint(5)).encode(), 400, "witness.old-size-above"),
        (b"old 5\n", 400, "witness.request"),
        (format_request(5, [], log.checkpoint()).encode(), 422, "witness.path"),
        (b"x" * (MAX_REQUEST_BYTES + 1), 413, "http.body-size"),
    ):
        answer = http.post(PATH, content=request)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert http.get(PATH).status_code == 405


def test_what_was_seen_is_shown(http: TestClient, log: WardLog) -> None:
    assert http.get("/v1/witness").json() == {"vkey": VKEY.vkey, "ledgers": [], "outside": []}
    http.post(PATH, content=log.request(0, 5))
    (shown,) = http.get("/v1/witness").json()["ledgers"]
    assert shown == {
        "origin": log.origin,
        "size": 5,
        "root": log.root(5).hex(),
        "cosigned_s": NOW_S,
        "checkpoint": log.checkpoint(5),
    }


def test_evidence_against_a_witnessed_ledger_is_shown_and_checked_by_command(
    node: Node, log: WardLog, tmp_path: Path
) -> None:
    home = witness_home(tmp_path / "home", log)
    witness = Witness(
        home,
        KEY,
        evidence=node.evidence,
        metrics=node.metrics,
        clock_ms=lambda: NOW_S * 1000,
    )
    with TestClient(create_app(node, witness=witness)) as http:
        http.post(PATH, content=log.request(0, 5))
        http.post(PATH, content=log.fork(2).request(5))
        (item,) = http.get("/v1/evidence").json()["evidence"]
        assert (item["signer"], item["proved"]) == (log.origin, True)
        assert 'sogoc_witness_requests_total{outcome="witness.path"} 1.0' in http.get("/metrics").text
    evidences.verify(evidences.parse(item["text"]))
    (tmp_path / "evidence").write_text(item["text"])
    (tmp_path / "policy").write_text(log.policy)
    done = sogoc("evidence", tmp_path / "evidence", "--policy", tmp_path / "policy", "--json")
    assert (done.code, done.json["signer"]) == (0, log.origin)


def test_a_node_that_is_no_witness(node: Node, log: WardLog) -> None:
    with TestClient(create_app(node)) as http:
        answer = http.post(PATH, content=log.request(0))
        assert (answer.status_code, answer.json()["code"]) == (404, "witness.none")
        assert http.get("/v1/witness").json() == {"vkey": None, "ledgers": [], "outside": []}


def test_commands_make_a_witness_and_show_it(tmp_path: Path, log: WardLog) -> None:
    home = make_home(tmp_path / "node")
    made = sogoc("witness", "init", home.path, "--insecure-no-passphrase", "--json")
    assert made.code == 0, made.output
    key = VerifierKey.parse(made.json["vkey"])
    assert key.name == f"{ORIGIN}/witness"
    (home.witnessed / "ward").write_text(log.policy)
    witness = Witness(
        home,
        keyfiles.load(home.key(WITNESS_KEY), None),
        evidence=EvidenceBook(home.evidence),
        metrics=Metrics(),
        clock_ms=lambda: NOW_S * 1000,
    )
    assert witness.key == key
    before = sogoc("witness", "show", home.path, "--json")
    assert before.json["ledgers"][0]["size"] == 0
    witness.add_checkpoint(log.request(0, 5))
    shown = sogoc("witness", "show", home.path, "--json")
    assert (shown.json["vkey"], shown.json["ledgers"]) == (
        key.vkey,
        [{"origin": log.origin, "size": 5, "root": log.root(5).hex(), "cosigned_s": NOW_S}],
    )
    assert log.origin in sogoc("witness", "show", home.path).output
    # Neither the key nor what it has cosigned is ever replaced.
    assert sogoc("witness", "init", home.path, "--insecure-no-passphrase").rule == "key-file.exists"
    home.key(WITNESS_KEY).unlink()
    again = sogoc("witness", "init", home.path, "--insecure-no-passphrase", "--name", "other.example")
    assert again.rule == "witness.exists"
