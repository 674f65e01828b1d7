"""Health, readiness, metrics, status, events, and the description of the interface."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.http.app import create_app
from api.http.models import Problem, ReadyAnswer, StatusAnswer
from api.http.routers import events
from ledger import checkpoint
from ledger.errors import StoreCorruptError
from ledger.genesis import cosigning_verifier
from node.cosigned import Lag
from node.peers import PeerState
from node.service import Node, clock_ms
from tests.support import ORIGIN, make_node, put, running_node, sign


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("operations")) as node:
        put(node, sign(node))
        yield node


@pytest.fixture(scope="module")
def http(node: Node) -> Iterator[TestClient]:
    with TestClient(create_app(node)) as client:
        yield client


def ready(http: TestClient) -> tuple[int, list[str]]:
    response = http.get("/readyz")
    answer = ReadyAnswer.model_validate_json(response.content)
    assert answer.ready is (response.status_code == 200)
    return response.status_code, [reason.code for reason in answer.reasons]


def test_a_node_that_works(http: TestClient) -> None:
    assert http.get("/healthz").json() == {"alive": True}
    assert ready(http) == (200, [])


def test_status(node: Node, http: TestClient) -> None:
    answer = StatusAnswer.model_validate_json(http.get("/v1/status").content)
    head = node.final.view.head
    assert (answer.origin, answer.chain_id) == (ORIGIN, node.chain_id.hex())
    assert (answer.height, answer.size, answer.root) == (head.height, head.size, head.root.hex())
    assert abs(answer.status_as_of_s - clock_ms() // 1000) < 60
    assert (answer.ready, answer.reasons, answer.outbox) == (True, [], 0)
    assert (answer.standing, answer.behind, answer.peers) == ("validator", 0, [])


def test_what_a_key_has_cosigned_last(node: Node, http: TestClient) -> None:
    key = node.genesis.validators[0].cosigning_key
    text = http.get(f"/v1/cosigned/{key.hex()}").text
    found = checkpoint.parse(text)
    assert found.size == node.final.view.head.size
    (signature,) = found.note.signatures
    line = cosigning_verifier(node.genesis.validators[0])
    assert checkpoint.verify_cosignature(found.note.text, signature, line) > 0
    unknown = http.get(f"/v1/cosigned/{'00' * 32}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "cosigned.unknown")


def test_metrics(http: TestClient, node: Node) -> None:
    text = http.get("/metrics").text
    values = dict(re.findall(r"^(sogoc_\w+) ([\d.e+]+)$", text, re.MULTILINE))
    assert float(values["sogoc_height"]) == node.final.view.head.height
    assert float(values["sogoc_ready"]) == 1
    assert float(values["sogoc_disk_free_bytes"]) > 0
    assert float(values["sogoc_outbox_depth"]) == 0
    node.metrics.ready.set(0)
    assert "sogoc_ready 1.0" in http.get("/metrics").text


def test_a_node_that_has_stopped_is_alive_and_not_ready(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    try:
        node.failed(OSError("/var/lib/secret is gone"))
        with TestClient(create_app(node)) as http:
            assert http.get("/healthz").status_code == 200
            assert ready(http) == (503, ["node.stopped"])
            assert "secret" not in http.get("/readyz").text
            assert http.get("/readyz").headers["retry-after"]
            assert "sogoc_ready 0.0" in http.get("/metrics").text
            assert StatusAnswer.model_validate_json(http.get("/v1/status").content).ready is False
    finally:
        node.stop()


def test_every_reason_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(tmp_path, low_disk_megabytes=10**9, recosign_seconds=1)
    monkeypatch.setattr(type(node.engine), "full", property(lambda _: True))
    try:
        with TestClient(create_app(node, clock_ms=lambda: clock_ms() + 3_600_000)) as http:
            assert ready(http) == (503, ["disk.low", "mempool.full", "cosign.stale"])
    finally:
        node.stop()


@pytest.mark.parametrize(
    ("clocks", "off"),
    [
        ((-3600.0, -3601.0, -3599.0), "+3600 s"),
        ((3600.0, 3601.0, 0.0), "-3600 s"),
        ((3600.0, None, None), ""),
        ((299.0, 299.0, 9999.0), ""),
        ((3600.0, 1.0, 0.0), ""),
    ],
)
def test_a_clock_that_most_of_the_others_contradict_is_told_of(
    node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch, clocks: tuple[float | None, ...], off: str
) -> None:
    peers = tuple(PeerState(f"other-{n}", 0.0, "", clock) for n, clock in enumerate(clocks))
    monkeypatch.setattr(type(node), "peers", property(lambda _: peers))
    answer = ReadyAnswer.model_validate_json(http.get("/readyz").content)
    assert [reason.code for reason in answer.reasons] == (["clock.off"] if off else [])
    assert all(off in reason.detail for reason in answer.reasons)


def be_among_four(node: Node, monkeypatch: pytest.MonkeyPatch, *peers: PeerState) -> None:
    """The ledger has the validators a, b, c and this one; `peers` are those that this node knows."""
    own = node.genesis.validators[0]
    validators = (own, *(replace(own, name=name, cosigning_key=name.encode() * 32) for name in "abc"))
    monkeypatch.setattr(type(node), "validators", property(lambda _: validators))
    monkeypatch.setattr(type(node), "peers", property(lambda _: peers))


def test_who_is_admitted_and_has_no_vote_yet_is_not_missed(
    node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, newcomer = PeerState("a", 31.0, "refused"), PeerState("newcomer", None, "refused")
    be_among_four(node, monkeypatch, gone, PeerState("b", 1.0, ""), PeerState("c", 1.0, ""), newcomer)
    assert ready(http) == (200, [])
    # Whoever votes and is not in this node's settings is not reached either.
    be_among_four(node, monkeypatch, gone, PeerState("b", 1.0, ""), newcomer)
    assert ready(http) == (503, ["quorum.away"])


def test_an_engine_that_is_silent_and_others_who_are_away_are_told_of(
    node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(node.engine), "trouble", "the engine has not answered for 31 s")
    away = (PeerState("a", None, "refused"), PeerState("b", 31.0, "timed out"), PeerState("c", 1.0, ""))
    be_among_four(node, monkeypatch, *away)
    answer = ReadyAnswer.model_validate_json(http.get("/readyz").content)
    assert [reason.code for reason in answer.reasons] == ["engine.trouble", "quorum.away"]
    assert "not reached: a, b" in answer.reasons[1].detail
    assert "goes on without it" in answer.reasons[1].detail


def test_a_node_that_does_not_keep_up_is_told_of(
    node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = tuple(PeerState(name, 1.0, "") for name in "abc")
    be_among_four(node, monkeypatch, *near)
    monkeypatch.setattr(type(node), "others_size", property(lambda _: node.final_size + 70))
    assert ready(http) == (200, [])
    now = time.monotonic()
    node._lag.look(node.store.head.size, node.others_size, now - 29)
    assert ready(http) == (200, [])
    monkeypatch.setattr(node, "_lag", Lag())
    node._lag.look(node.store.head.size, node.others_size, now - 31)
    answer = ReadyAnswer.model_validate_json(http.get("/readyz").content)
    assert [reason.code for reason in answer.reasons] == ["node.behind"]
    assert StatusAnswer.model_validate_json(http.get("/v1/status").content).behind == 70
    far = (*near[:1], *(PeerState(name, 31.0, "timed out") for name in "bc"))
    monkeypatch.setattr(type(node), "peers", property(lambda _: far))
    # Whoever is cut off is behind for that reason.
    assert ready(http) == (503, ["quorum.away"])


def test_a_restored_engine_that_does_not_vote_yet_is_told_of(
    node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(node.engine), "held", "votes after engine height 9")
    assert ready(http) == (503, ["engine.held"])


def test_a_quiet_ledger_whose_checkpoint_is_not_cosigned_again(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    try:
        for ahead, codes in ((1_700_000, []), (2_000_000, ["cosign.stale"])):
            later = clock_ms() + ahead
            with TestClient(create_app(node, clock_ms=partial(int, later))) as http:
                assert ready(http)[1] == codes
    finally:
        node.stop()


def test_a_damaged_store_says_no_more_than_it_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(tmp_path)

    def damaged(*_: object) -> None:
        raise StoreCorruptError("store.row-damaged", "row 17 in /var/lib/sogoc/data is damaged")

    monkeypatch.setattr(type(node.final.view), "get", damaged)
    try:
        with TestClient(create_app(node)) as http:
            response = http.get(f"/v1/entries/{'00' * 32}")
            problem = Problem.model_validate_json(response.content)
            assert (response.status_code, problem.code) == (500, "store.row-damaged")
            assert "/var/lib" not in response.text
    finally:
        node.stop()


def test_a_mistake_of_ours_is_a_problem_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(tmp_path)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(node.final.view), "get", broken)
    monkeypatch.setattr(node, "submit", broken)
    entry = sign(node)
    try:
        with TestClient(create_app(node), raise_server_exceptions=False) as http:
            read = http.get(f"/v1/entries/{'00' * 32}")
            write = http.post(
                "/v1/entries", content=entry.submission(), headers={"content-type": "application/msgpack"}
            )
            for response in (read, write):
                problem = Problem.model_validate_json(response.content)
                assert (response.status_code, problem.code) == (500, "node.unexpected")
                assert response.headers["x-content-type-options"] == "nosniff"
    finally:
        node.stop()


# -- events ------------------------------------------------------------------------------------------------------------


def test_the_newest_checkpoint_is_told_at_once(node: Node, http: TestClient) -> None:
    response = http.get("/v1/events?limit=1")
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = response.text.splitlines()
    assert "event: checkpoint" in lines
    (data,) = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    head = node.final.view.head
    assert (data["size"], data["root"], data["height"]) == (head.size, head.root.hex(), head.height)
    assert data["checkpoint"] == node.final.checkpoint_text
    assert f"id: {head.size}" in lines


def test_a_new_block_is_told_when_it_comes(
    node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(events, "COMMENT_SECONDS", 0.0)
    views = [node.final]
    put(node, sign(node))
    views += [views[0], node.final]
    looks = iter([*views, *[node.final] * 100])
    monkeypatch.setattr(type(node), "final", property(lambda _: next(looks)))
    text = http.get("/v1/events?limit=2").text
    sizes = [int(size) for size in re.findall(r"^id: (\d+)$", text, re.MULTILINE)]
    assert sizes == [views[0].size, views[2].size]
    assert ": quiet" in text


def test_the_number_of_listeners_is_bounded(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_LISTENERS", 0)
    response = http.get("/v1/events")
    assert (response.status_code, response.json()["code"]) == (503, "events.full")
    monkeypatch.setattr(events, "MAX_LISTENERS", 1)
    for _ in range(3):  # each gives its place back
        assert http.get("/v1/events?limit=1").status_code == 200


def test_a_stream_ends_by_itself(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STREAM_SECONDS", 0.05)
    monkeypatch.setattr(events, "POLL_SECONDS", 0.01)
    assert http.get("/v1/events").text.count("event: checkpoint") == 1


# -- the description ---------------------------------------------------------------------------------------------------


def test_the_pages_need_nothing_from_elsewhere(http: TestClient) -> None:
    for path in ("/docs", "/docs/errors"):
        page = http.get(path)
        assert page.status_code == 200
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "<script" not in page.text
        links = re.findall(r'(?:src|href)="([^"]*)"', page.text)
        assert [link for link in links if not link.startswith(("/", "#"))] == []
        for link in set(links):
            if link.startswith("/"):
                assert http.get(link.partition("#")[0]).status_code == 200
    assert http.get("/docs/style.css").headers["content-type"].startswith("text/css")


def test_every_problem_points_to_its_explanation(http: TestClient) -> None:
    problem = http.get("/v1/entries/1").json()
    path, _, code = problem["type"].partition("#")
    assert f'id="{code}"' in http.get(path).text


def test_the_description_names_every_endpoint(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    served = {(path, method) for path, operations in document["paths"].items() for method in operations}
    assert {
        ("/.well-known/did.json", "get"),
        ("/v1/entries", "post"),
        ("/v1/entries/{entry_id}", "get"),
        ("/v1/records/{record_id}", "get"),
        ("/v1/records/{record_id}/receipt", "get"),
        ("/v1/receipts", "post"),
        ("/v1/documents/{document_hash}", "get"),
        ("/v1/blocks", "get"),
        ("/v1/blocks/{height}", "get"),
        ("/v1/state/{key}", "get"),
        ("/v1/snapshot", "get"),
        ("/v1/snapshot/{size}", "get"),
        ("/v1/policy", "get"),
        ("/v1/policy/epochs", "get"),
        ("/v1/members", "get"),
        ("/v1/events", "get"),
        ("/v1/evidence", "get"),
        ("/v1/cosigned/{key}", "get"),
        ("/v1/status", "get"),
        ("/checkpoint", "get"),
        ("/tile/{path}", "get"),
        ("/genesis", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
        ("/v1/certificates/{certificate}", "get"),
        ("/v1/certificates/{certificate}/proof", "get"),
        ("/v1/certificates/{certificate}/receipt", "get"),
        ("/v1/codes/{code}", "get"),
        ("/v1/enrolments", "get"),
        ("/v1/enrolments", "post"),
        ("/v1/exports/{form}/{item}", "get"),
        ("/v1/findings", "get"),
        ("/v1/findings/{item}", "get"),
        ("/v1/papers/certificate", "post"),
        ("/v1/papers/stamp", "post"),
        ("/v1/proposals", "get"),
        ("/v1/records/{record_id}/compact-receipt", "get"),
        ("/v1/registers/{authority}", "get"),
        ("/v1/status-lists/{authority}/{number}", "get"),
        ("/v1/status-lists/{authority}/{number}/{purpose}", "get"),
        ("/v1/subjects/{kind}/{authority}/{identifier}/history", "get"),
        ("/v1/subjects/{record_id}/history", "get"),
        ("/v1/vault/batches", "post"),
        ("/v1/lots", "get"),
        ("/v1/lots/{lot}", "get"),
        ("/v1/places", "get"),
        ("/v1/products", "get"),
        ("/v1/products/{product}", "get"),
        ("/00/{sscc}", "get"),
        ("/01/{goods}", "get"),
        ("/epcis/v2", "get"),
        ("/epcis/v2/bizLocations", "get"),
        ("/epcis/v2/bizLocations/{name}/events", "get"),
        ("/epcis/v2/bizSteps", "get"),
        ("/epcis/v2/bizSteps/{name}/events", "get"),
        ("/epcis/v2/dispositions", "get"),
        ("/epcis/v2/dispositions/{name}/events", "get"),
        ("/epcis/v2/epcs", "get"),
        ("/epcis/v2/epcs/{name}/events", "get"),
        ("/epcis/v2/eventTypes", "get"),
        ("/epcis/v2/eventTypes/{name}/events", "get"),
        ("/epcis/v2/events", "get"),
        ("/epcis/v2/events/{event_id}", "get"),
        ("/epcis/v2/masterData", "get"),
        ("/epcis/v2/readPoints", "get"),
        ("/epcis/v2/readPoints/{name}/events", "get"),
        ("/v1/trace/{item}", "get"),
        ("/v1/vault/carry-out", "post"),
        ("/v1/vault/challenge", "post"),
        ("/v1/vault/items", "post"),
        ("/v1/vault/read", "post"),
        ("/v1/vault/state", "post"),
        ("/v1/witness", "get"),
        ("/add-checkpoint", "post"),
    } == served
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert "422" not in operation["responses"]


def test_every_reference_of_the_description_leads_somewhere(http: TestClient) -> None:
    text = http.get("/openapi.json").text
    schemas = json.loads(text)["components"]["schemas"]
    used = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert used - set(schemas) == set()
    assert {name for name in schemas if name not in used} == set()
