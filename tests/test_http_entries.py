"""`/v1/entries`: what is taken, what is refused with which code, and that a repeat is answered with the first one's place."""

from __future__ import annotations

import base64
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from api.http import gathering
from api.http.app import create_app
from api.http.intake import refusal_problem
from api.http.models import BatchResult, EntryAnswer, EntryResult, Problem
from api.http.routers import entries as entries_router
from api.wire import JSON, MAX_BATCH_ENTRIES, MSGPACK, PROBLEM, encode_batch
from ledger.encoding import encode
from ledger.entry import MAX_SUBMISSION_BYTES, Entry, encode_record
from ledger.errors import RefusedError
from ledger.keys import SigningKey
from node.outbox import Refusal
from node.outcomes import Accepted
from node.service import Node, clock_ms
from tests.serving import serving
from tests.support import (
    document_record,
    make_node,
    new_key,
    put,
    register_key,
    register_member,
    retire_key,
    running_node,
    second_signature,
    sign,
)

DAY_MS = 24 * 3600 * 1000
SEED = bytes(range(32))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("entries")) as node:
        yield node


@pytest.fixture(scope="module")
def http(node: Node) -> Iterator[TestClient]:
    with TestClient(create_app(node)) as client:
        yield client


def post(http: TestClient, body: bytes, *, wait: bool = True) -> Response:
    response: Response = http.post(
        "/v1/entries",
        params={"wait": "final"} if wait else None,
        content=body,
        headers={"content-type": MSGPACK},
    )
    return response


def as_json(entry: Entry) -> dict[str, Any]:
    return {
        "leaf": base64.b64encode(entry.leaf).decode(),
        "records": [base64.b64encode(record).decode() for record in entry.records],
    }


def assert_problem(response: Response, status: int, code: str, *, retry: bool = False) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM), response.text
    problem = Problem.model_validate_json(response.content)
    assert (problem.status, problem.code, problem.retry) == (status, code, retry)
    assert problem.type == f"/docs/errors#{code}"


def test_an_entry_becomes_final_with_its_place(node: Node, http: TestClient) -> None:
    entry = sign(node, [document_record(), document_record()])
    response = post(http, entry.submission())
    assert response.status_code == 200
    result = EntryResult.model_validate_json(response.content)
    assert (result.id, result.status, result.late) == (entry.id.hex(), "final", False)
    assert result.records == [record_id.hex() for record_id in entry.record_ids]
    assert result.index is not None
    assert node.final.view.leaf(result.index) == entry.leaf
    assert result.height == node.final.view.height_of_index(result.index)


def test_without_waiting_an_entry_is_accepted_and_becomes_final_later(node: Node, http: TestClient) -> None:
    entry = sign(node)
    response = post(http, entry.submission(), wait=False)
    assert response.status_code == 202
    result = EntryResult.model_validate_json(response.content)
    assert (result.id, result.status, result.index) == (entry.id.hex(), "accepted", None)
    node.wait(entry.id).result(20)
    answer = EntryAnswer.model_validate_json(http.get(f"/v1/entries/{entry.id.hex()}").content)
    assert answer.status == "final"


def test_a_repeat_is_answered_with_the_first_place(node: Node, http: TestClient) -> None:
    entry = sign(node)
    first = post(http, entry.submission())
    for wait in (True, False):
        again = post(http, entry.submission(), wait=wait)
        assert (again.status_code, again.json()) == (200, first.json())


def test_a_second_signature_over_the_same_body_is_the_same_entry(node: Node, http: TestClient) -> None:
    key = SigningKey.from_seed(SEED)
    register_key(node, key)
    entry = sign(node, key=key)
    again = second_signature(entry, SEED)
    assert again.signature != entry.signature
    again.verify_signature()
    first = post(http, entry.submission())
    second = post(http, again.submission())
    assert (second.status_code, second.json()) == (200, first.json())
    index = first.json()["index"]
    assert node.final.view.leaf(index) == entry.leaf


def test_json_is_taken_too(node: Node, http: TestClient) -> None:
    one, two = sign(node), sign(node)
    response = http.post("/v1/entries?wait=final", json=as_json(one))
    assert (response.status_code, response.json()["id"]) == (200, one.id.hex())
    response = http.post("/v1/entries?wait=final", json={"entries": [as_json(two), as_json(one)]})
    results = BatchResult.model_validate_json(response.content).results
    assert [result.id for result in results] == [two.id.hex(), one.id.hex()]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "request.json"),
        (b"{", "request.json"),
        (b"[" * 100_000, "request.json"),
        (b"1" * 10_000, "request.json"),
        (b"\xff\xfe", "request.json"),
        (b"{}", "request.json"),
        (b'{"leaf": 1, "records": []}', "request.base64"),
        (b'{"leaf": "", "records": ["%"]}', "request.base64"),
        ('{"leaf": "é", "records": []}'.encode(), "request.base64"),
        (b'{"leaf": "", "records": {}}', "request.json"),
        (b'{"leaf": "", "records": [], "more": 1}', "request.json"),
        (b'{"entries": []}', "batch.count"),
        (b'{"entries": {}}', "request.json"),
    ],
)
def test_json_of_another_shape_is_refused(http: TestClient, body: bytes, code: str) -> None:
    response = http.post("/v1/entries", content=body, headers={"content-type": JSON})
    assert_problem(response, 400, code)


def test_each_entry_of_a_batch_is_judged_by_itself(node: Node, http: TestClient) -> None:
    good, other = sign(node), sign(node)
    stranger = sign(node, key=new_key())
    response = post(
        http, encode_batch([good.submission(), b"\x01", stranger.submission(), other.submission()])
    )
    assert response.status_code == 207
    results = BatchResult.model_validate_json(response.content).results
    assert [result.status for result in results] == ["final", "refused", "refused", "final"]
    codes = [result.problem.code for result in results if result.problem]
    assert codes == ["entry.submission", "key.unknown"]
    assert (results[0].id, results[3].id) == (good.id.hex(), other.id.hex())


def test_the_status_of_a_batch(node: Node, http: TestClient) -> None:
    entries = [sign(node) for _ in range(3)]
    batch = encode_batch([entry.submission() for entry in entries])
    assert post(http, batch, wait=False).status_code == 202
    assert post(http, batch).status_code == 200


def test_a_large_batch(node: Node, http: TestClient) -> None:
    entries = [sign(node, key="office") for _ in range(40)]
    response = post(http, encode_batch([entry.submission() for entry in entries]))
    assert [result["id"] for result in response.json()["results"]] == [entry.id.hex() for entry in entries]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "encoding.truncated"),
        (b"\x00", "entry.submission"),
        (b"\x91" * 1000, "encoding.too-deep"),
        (b"\x92\x01", "encoding.truncated"),
        (encode([1, [1]]), "batch.shape"),
        (encode([1, 1]), "batch.shape"),
        (encode([1, []]), "batch.count"),
        (encode([0, b"", [b"a"]]), "encoding.truncated"),
        (encode([0, 1, []]), "entry.submission"),
        (encode([0, b"x", []]), "entry.count"),
        (encode([0, encode([2, []]), [b"a"]]), "entry.leaf"),
    ],
)
def test_malformed_bodies(http: TestClient, body: bytes, code: str) -> None:
    assert_problem(post(http, body), 400, code)


def test_more_entries_than_a_batch_takes(http: TestClient) -> None:
    assert_problem(post(http, encode([1, [b""] * (MAX_BATCH_ENTRIES + 1)])), 400, "batch.count")


def test_an_oversized_entry_is_refused_before_it_is_parsed(http: TestClient) -> None:
    assert_problem(post(http, b"\x93\x00" + bytes(MAX_SUBMISSION_BYTES)), 413, "http.body-size")
    assert post(http, encode_batch([bytes(MAX_SUBMISSION_BYTES + 1)])).status_code == 207
    assert_problem(post(http, b"\x92\x01" + bytes(16_000_000)), 413, "http.body-size")


def test_an_oversized_entry_within_a_batch(http: TestClient) -> None:
    (result,) = post(http, encode_batch([bytes(MAX_SUBMISSION_BYTES + 1)])).json()["results"]
    assert (result["problem"]["code"], result["problem"]["status"]) == ("entry.size", 413)


def test_another_ledgers_entry(node: Node, http: TestClient) -> None:
    assert_problem(post(http, sign(node, chain_id=bytes(32)).submission()), 422, "entry.chain")


def test_an_unknown_key(node: Node, http: TestClient) -> None:
    assert_problem(post(http, sign(node, key=new_key()).submission()), 422, "key.unknown", retry=True)


def test_a_retired_key(node: Node, http: TestClient) -> None:
    key = new_key()
    register_key(node, key)
    before = sign(node, key=key)
    retire_key(node, key)
    assert_problem(
        post(http, sign(node, key=key, time_ms=clock_ms() + 60_000).submission()), 422, "key.retired"
    )
    assert post(http, before.submission()).status_code == 200  # signed before: the grace period covers it


def test_an_author_who_does_not_act_for_the_authority(node: Node, http: TestClient) -> None:
    register_member(node, "bac-son", "UBND phường Bắc Sơn")
    entry = sign(node, [document_record(authority="bac-son")])
    assert_problem(post(http, entry.submission()), 422, "authority.not-acting")


def test_a_wrong_signature(node: Node, http: TestClient) -> None:
    entry = sign(node)
    forged = Entry(
        entry.body,
        entry.signature[:40] + bytes([entry.signature[40] ^ 1]) + entry.signature[41:],
        entry.records,
    )
    response = post(http, forged.submission())
    assert response.status_code == 422
    assert response.json()["code"].startswith("signature.")


def test_records_that_were_not_signed(node: Node, http: TestClient) -> None:
    entry = sign(node)
    assert_problem(
        post(http, Entry(entry.body, entry.signature, (document_record(),)).submission()),
        422,
        "entry.records-root",
    )


def test_a_record_of_an_unknown_type(node: Node, http: TestClient) -> None:
    record = encode_record("doc.unheard-of/1", {"authority": "office"})
    assert_problem(post(http, sign(node, [record]).submission()), 422, "record.type-unknown")


def test_a_field_of_the_wrong_type(node: Node, http: TestClient) -> None:
    response = post(http, sign(node, [document_record(size=True)]).submission())
    assert response.status_code == 422
    assert response.json()["code"].startswith("record.field-")


def test_a_claimed_time_too_far_ahead(node: Node, http: TestClient) -> None:
    entry = sign(node, time_ms=clock_ms() + 6 * 60 * 1000)
    assert_problem(post(http, entry.submission()), 422, "entry.time-ahead", retry=True)
    assert post(http, sign(node, time_ms=clock_ms() + 4 * 60 * 1000).submission()).status_code == 200


def test_a_late_entry_is_accepted_and_flagged(node: Node, http: TestClient) -> None:
    entry = sign(node, time_ms=clock_ms() - 2 * DAY_MS)
    result = post(http, entry.submission()).json()
    assert (result["status"], result["late"]) == ("final", True)
    assert http.get(f"/v1/entries/{entry.id.hex()}").json()["late"] is True
    record = http.get(f"/v1/records/{entry.record_ids[0].hex()}").json()
    assert record["late"] is True


def test_the_same_document_twice(node: Node, http: TestClient) -> None:
    content = secrets.token_bytes(8)
    assert post(http, sign(node, [document_record(content)]).submission()).status_code == 200
    assert_problem(post(http, sign(node, [document_record(content)]).submission()), 422, "document.exists")


@pytest.mark.parametrize("media_type", ["", "text/plain", "multipart/form-data", "application/msgpack2"])
def test_other_media_types(http: TestClient, media_type: str) -> None:
    response = http.post("/v1/entries", content=b"x", headers={"content-type": media_type})
    assert_problem(response, 415, "http.media-type")


def test_media_types_have_parameters_and_no_case(node: Node, http: TestClient) -> None:
    entry = sign(node)
    response = http.post(
        "/v1/entries?wait=final",
        content=entry.submission(),
        headers={"content-type": "Application/MsgPack; v=1"},
    )
    assert response.status_code == 200


def test_compressed_bodies(http: TestClient) -> None:
    response = http.post(
        "/v1/entries", content=b"x", headers={"content-type": MSGPACK, "content-encoding": "gzip"}
    )
    assert_problem(response, 415, "http.content-encoding")


@pytest.mark.parametrize("query", ["wait=", "wait=forever", "wait=final&wait=final", "x=1"])
def test_other_queries(http: TestClient, query: str) -> None:
    response = http.post(f"/v1/entries?{query}", content=b"x", headers={"content-type": MSGPACK})
    assert_problem(response, 400, "request.query")


def test_other_methods(http: TestClient) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert_problem(http.request(method, "/v1/entries"), 405, "http.method")


# -- asking about entries ---------------------------------------------------------------------------------------------


def test_a_final_entry_is_described(node: Node, http: TestClient) -> None:
    entry = sign(node, [document_record(), document_record()])
    put(node, entry)
    answer = EntryAnswer.model_validate_json(http.get(f"/v1/entries/{entry.id.hex().upper()}").content)
    assert (answer.id, answer.status) == (entry.id.hex(), "final")
    assert base64.b64decode(answer.leaf or "") == entry.leaf
    assert answer.records == [record_id.hex() for record_id in entry.record_ids]
    assert answer.author_key == entry.body.author_key.hex()
    assert answer.claimed_ms == entry.body.time_ms


def test_an_unknown_entry(http: TestClient) -> None:
    assert_problem(http.get(f"/v1/entries/{'00' * 32}"), 404, "entry.unknown")


@pytest.mark.parametrize("name", ["0", "g" * 64, "0" * 63, "0" * 65, "٣" * 64])
def test_what_is_no_id(http: TestClient, name: str) -> None:
    assert_problem(http.get(f"/v1/entries/{name}"), 400, "request.id")


# -- a node that is not running, or stops ------------------------------------------------------------------------------


def test_who_hangs_up_is_not_waited_for(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "LISTEN_AFTER_SECONDS", 0.05)
    node = make_node(tmp_path_factory.mktemp("hanging-up"))
    entry = sign(node)
    body = entry.submission()
    head = (
        "POST /v1/entries?wait=final HTTP/1.1\r\nhost: x\r\n"
        f"content-type: {MSGPACK}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    try:
        with serving(node) as address:
            port = int(address.rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                connection.sendall(head.encode() + body)
                wait_until(lambda: entry.id in node._waiting._futures)
                time.sleep(0.2)
                assert entry.id in node._waiting._futures
            wait_until(lambda: not node._waiting._futures)
    finally:
        node.stop()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_wait_gives_up_and_says_accepted(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries_router, "WAIT_SECONDS", 0.05)
    node = make_node(tmp_path_factory.mktemp("stopped"))
    try:
        entry = sign(node)
        with TestClient(create_app(node)) as http:
            response = post(http, entry.submission())
            assert (response.status_code, response.json()["status"]) == (202, "accepted")
            assert node._waiting._futures == {}
            assert http.get(f"/v1/entries/{entry.id.hex()}").json() == {
                "id": entry.id.hex(),
                "status": "accepted",
            }
            node.start()
            node.wait(entry.id).result(20)
            assert post(http, entry.submission()).json()["status"] == "final"
    finally:
        node.stop()


def test_an_entry_that_was_refused_later_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    node = make_node(tmp_path_factory.mktemp("refused"))
    try:
        entry = sign(node)
        (outcome,) = node.submit([entry.submission()])
        assert isinstance(outcome, Accepted)
        node.refused(entry.id, RefusedError("key.revoked", "the author's key has been revoked"))
        with TestClient(create_app(node)) as http:
            answer = EntryAnswer.model_validate_json(http.get(f"/v1/entries/{entry.id.hex()}").content)
            assert (answer.status, answer.refusal and answer.refusal.code) == ("refused", "key.revoked")
    finally:
        node.stop()


def test_an_entry_that_is_refused_while_its_sender_waits(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = make_node(tmp_path_factory.mktemp("waiting"))
    try:
        entry = sign(node)
        refuse = node.engine.add

        def add(items: Any) -> None:  # noqa: ANN401
            refuse(items)
            for entry_id, _ in items:
                node.refused(entry_id, RefusedError("key.revoked", "the author's key has been revoked"))

        monkeypatch.setattr(node.engine, "add", add)
        with TestClient(create_app(node)) as http:
            assert_problem(post(http, entry.submission()), 422, "key.revoked")
            other = post(http, encode_batch([sign(node).submission()]))
            assert (other.status_code, other.json()["results"][0]["problem"]["code"]) == (207, "key.revoked")
    finally:
        node.stop()


def test_a_node_that_has_stopped_takes_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    node = make_node(tmp_path_factory.mktemp("failed"))
    try:
        node.failed(OSError("the disk is gone"))
        with TestClient(create_app(node)) as http:
            response = post(http, sign(node).submission())
            assert_problem(response, 503, "node.stopped", retry=True)
            assert int(response.headers["retry-after"]) > 0
            assert "disk" not in response.json()["detail"]
    finally:
        node.stop()


def test_a_full_disk_stops_intake_and_not_reading(tmp_path_factory: pytest.TempPathFactory) -> None:
    node = make_node(tmp_path_factory.mktemp("full"), low_disk_megabytes=10**9)
    try:
        with TestClient(create_app(node)) as http:
            response = post(http, sign(node).submission())
            assert_problem(response, 503, "disk.low", retry=True)
            assert_problem(post(http, encode_batch([sign(node).submission()])), 503, "disk.low", retry=True)
            assert "retry-after" in response.headers
            assert http.get("/checkpoint").status_code == 200
    finally:
        node.stop()


def test_a_refusal_keeps_its_words() -> None:
    problem = Problem.model_validate(refusal_problem(Refusal("key.revoked", "it was revoked", 3, 1)))
    assert (problem.code, problem.status) == ("key.revoked", 422)
