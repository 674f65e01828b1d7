"""The client: every call against a real node, and every way in which a server can answer wrongly."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api import client as client_module
from api.answers import Fields
from api.client import ApiError, Client
from api.http.app import create_app
from api.wire import PROBLEM
from ledger.block import parse_header_leaf
from ledger.errors import LedgerError
from ledger.hashing import leaf_hash
from ledger.policy import Policy
from ledger.proofs import verify_inclusion
from ledger.receipt import verify
from ledger.rows import key_key, member_key
from ledger.state import verify_absence, verify_membership
from ledger.tiles import decode_entry_bundle, decode_records_bundle, root
from node.service import Node
from tests.support import document_record, key_of, new_key, running_node, sign


class InProcess(httpx.BaseTransport):
    """Hands requests to an application in this process, and their bodies on in pieces."""

    def __init__(self, http: TestClient) -> None:
        self.http = http
        self.requests: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        with self.http.stream(
            request.method, str(request.url), content=request.read(), headers=headers
        ) as response:
            data = b"".join(response.iter_raw())
        kept = [(name, value) for name, value in response.headers.items() if name != "transfer-encoding"]
        return httpx.Response(response.status_code, headers=kept, stream=Pieces(data))


class Pieces(httpx.SyncByteStream):
    def __init__(self, data: bytes) -> None:
        self.data = data

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self.data), 1_000):
            yield self.data[at : at + 1_000]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("client"), requests_per_address_per_minute=0) as node:
        yield node


@pytest.fixture(scope="module")
def transport(node: Node) -> Iterator[InProcess]:
    with TestClient(create_app(node)) as http:
        yield InProcess(http)


@pytest.fixture
def client(transport: InProcess) -> Iterator[Client]:
    transport.requests.clear()
    with Client("http://node.test", transport=transport) as client:
        yield client


# -- against a node ----------------------------------------------------------------------------------------------------


def test_from_a_document_to_a_verified_receipt(node: Node, client: Client) -> None:
    content = b"a file"
    entry = sign(node, [document_record(content), document_record()])
    (outcome,) = client.submit(entry, wait_final=True)
    assert (outcome.status, outcome.entry_id, outcome.problem) == ("final", entry.id, None)
    assert outcome.record_ids == tuple(entry.record_ids)
    assert (outcome.late, outcome.height) == (False, node.final.view.head.height)
    (anchor,) = client.document(hashlib.sha256(content).digest())
    assert (anchor.record_id, anchor.status, anchor.authority) == (entry.record_ids[0], "in-force", "office")
    assert anchor == client.record(anchor.record_id)
    policy = Policy.parse(client.policy())
    proved = verify(client.receipt(anchor.record_id), policy)
    assert (proved.record_id, proved.record.raw) == (anchor.record_id, anchor.raw)
    info = client.entry(entry.id)
    assert (info.status, info.index, info.leaf) == ("final", outcome.index, entry.leaf)
    assert info.record_ids == outcome.record_ids


def test_what_is_accepted_can_be_waited_for(node: Node, client: Client) -> None:
    entry = sign(node)
    (outcome,) = client.submit([entry.submission()])
    assert outcome.status in {"accepted", "final"}
    assert client.wait_until_final(entry.id).status == "final"


def test_waiting_has_an_end(node: Node) -> None:
    answer = {"id": "00" * 32, "status": "accepted"}
    pauses: list[float] = []
    with served(lambda _: httpx.Response(200, json=answer), sleep=pauses.append) as client:
        assert client.wait_until_final(bytes(32), seconds=5).status == "accepted"
    assert 5 <= sum(pauses) < 8


def test_refusals_are_told_one_by_one(node: Node, client: Client) -> None:
    good, stranger = sign(node), sign(node, key=new_key())
    outcomes = client.submit([good, stranger, b"nonsense"], wait_final=True)
    assert [outcome.status for outcome in outcomes] == ["final", "refused", "refused"]
    problem = outcomes[1].problem
    assert problem is not None
    assert (problem.code, problem.status, problem.retry) == ("key.unknown", 422, True)
    assert isinstance(problem, LedgerError)
    assert (outcomes[2].entry_id, outcomes[2].problem and outcomes[2].problem.code) == (
        None,
        "encoding.trailing-bytes",
    )


def test_many_entries_go_in_few_requests(
    node: Node, client: Client, transport: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.wire.MAX_BATCH_ENTRIES", 8)
    entries = [sign(node) for _ in range(20)]
    outcomes = client.submit(entries, wait_final=True)
    assert [outcome.entry_id for outcome in outcomes] == [entry.id for entry in entries]
    assert transport.requests == ["POST /v1/entries"] * 3
    assert client.submit([]) == []


def test_receipts_of_many_documents_are_few_requests(
    node: Node, client: Client, transport: InProcess
) -> None:
    entry = sign(node, [document_record() for _ in range(500)])
    client.submit(entry, wait_final=True)
    transport.requests.clear()
    receipts = client.receipts([*entry.record_ids, bytes(32), entry.record_ids[0]])
    assert transport.requests == ["POST /v1/receipts"]
    assert list(receipts) == entry.record_ids
    policy = Policy.parse(client.policy())
    for record_id in entry.record_ids[::50]:
        assert verify(receipts[record_id], policy).record_id == record_id


def test_receipts_that_do_not_fit_into_one_answer(
    node: Node, client: Client, transport: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.routers.records.MAX_RECEIPTS_LETTERS", 6_000)
    monkeypatch.setattr(client_module, "MAX_RECEIPTS", 8)
    entry = sign(node, [document_record() for _ in range(20)])
    client.submit(entry, wait_final=True)
    transport.requests.clear()
    assert sorted(client.receipts(entry.record_ids)) == sorted(entry.record_ids)
    assert 3 < len(transport.requests) < 12


def test_unknown_things(client: Client) -> None:
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: client.entry(bytes(32)), "entry.unknown"),
        (lambda: client.record(bytes(32)), "record.unknown"),
        (lambda: client.receipt(bytes(32)), "record.unknown"),
        (lambda: list(client.blocks(10**6)), "block.unknown"),
        (lambda: client.tile(0, 10**6, 256), "tile.unknown"),
    ]
    for call, code in calls:
        with pytest.raises(ApiError) as caught:
            call()
        assert (caught.value.code, caught.value.status, caught.value.retry) == (code, 404, False)
    assert client.document(bytes(32)) == []
    assert client.receipts([bytes(32)]) == {}
    assert client.receipts([]) == {}


def test_state_can_be_verified_from_the_checkpoint_down(node: Node, client: Client) -> None:
    policy = Policy.parse(client.policy())
    for key in (member_key("office"), member_key("nobody"), key_key(key_of(node).public_key)):
        state = client.state(key)
        checked = policy.check(state.checkpoint).checkpoint
        verify_inclusion(
            leaf_hash(state.header_leaf), state.header_index, checked.size, state.header_path, checked.root
        )
        state_root = parse_header_leaf(state.header_leaf).state_root
        if state.proof.value is None:
            verify_absence(state_root, key, state.proof)
        else:
            verify_membership(state_root, key, state.proof.value, state.proof)


def test_members(node: Node, client: Client) -> None:
    office = next(member for member in client.members() if member.id == "office")
    assert key_of(node).public_key in [key.public_key for key in office.keys]
    assert all(key.retired_ms is None for key in office.keys)


def test_the_log_as_tiles(node: Node, client: Client) -> None:
    checked = Policy.parse(client.policy()).check(client.checkpoint()).checkpoint
    assert root(client, checked.size) == checked.root
    width = min(256, checked.size)
    leaves = decode_entry_bundle(client.entry_bundle(0, width), width)
    assert leaves[0] == client.genesis() == node.genesis.leaf()
    assert len(decode_records_bundle(client.records_bundle(0, width), width)) == width


def test_blocks_one_after_another(node: Node, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    head = node.final.view.head.height
    assert head >= 3
    monkeypatch.setattr("api.http.routers.chain.MAX_STREAM_BYTES", 2_000)  # so that it takes several requests
    heights = [parse_header_leaf(block.header_leaf).height for block in client.blocks()]
    assert heights == list(range(head + 1))
    assert [parse_header_leaf(block.header_leaf).height for block in client.blocks(1, 2)] == [1, 2]
    assert list(client.blocks(2, 1)) == []


def test_status(node: Node, client: Client) -> None:
    status = client.status()
    assert (status.chain_id, status.size, status.ready) == (node.chain_id, node.final.size, True)
    assert status.reasons == ()


# -- against other servers ---------------------------------------------------------------------------------------------


def served(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> Client:  # noqa: ANN401
    return Client("http://node.test", transport=httpx.MockTransport(answer), **options)


def problem_answer(status: int, code: str, *, retry: bool = False, **headers: str) -> httpx.Response:
    body = {"type": "x", "title": "T", "status": status, "code": code, "detail": "D", "retry": retry}
    return httpx.Response(status, content=json.dumps(body), headers={"content-type": PROBLEM, **headers})


def test_a_problem_is_an_error_with_everything_it_said() -> None:
    with served(lambda _: problem_answer(422, "a.b")) as client, pytest.raises(ApiError) as caught:
        client.checkpoint()
    error = caught.value
    assert (error.code, error.rule, error.status, error.title, error.detail) == ("a.b", "a.b", 422, "T", "D")


def test_a_busy_node_is_asked_again_after_the_time_it_names() -> None:
    answers = [
        problem_answer(503, "mempool.full", retry=True, **{"retry-after": "7"}),
        problem_answer(429, "limit.address", retry=True, **{"retry-after": "100000"}),
        problem_answer(503, "http.busy", retry=True),
        httpx.Response(200, text="at last"),
    ]
    pauses: list[float] = []
    with served(lambda _: answers.pop(0), sleep=pauses.append) as client:
        assert client.checkpoint() == "at last"
    assert pauses == [7, 30, 1]


def test_a_busy_node_is_not_asked_for_ever() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return problem_answer(503, "mempool.full", retry=True)

    with (
        served(answer, repeats=2, sleep=lambda _: None) as client,
        pytest.raises(ApiError, match=r"mempool\.full"),
    ):
        client.submit(b"x")
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("status", "code", "retry"),
    [
        (503, "node.stopped", True),
        (503, "disk.low", True),
        (422, "key.unknown", True),
        (429, "a.b", False),
        (500, "a.b", False),
    ],
)
def test_what_will_not_change_is_not_asked_again(status: int, code: str, retry: bool) -> None:
    def sleep(_: float) -> None:
        raise AssertionError

    with (
        served(lambda _: problem_answer(status, code, retry=retry), sleep=sleep) as client,
        pytest.raises(ApiError),
    ):
        client.checkpoint()


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_no_answer_is_not_a_verdict(failure: type[httpx.TransportError]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise failure("", request=request)

    with served(answer) as client, pytest.raises(ApiError) as caught:
        client.checkpoint()
    assert (caught.value.code, caught.value.status, caught.value.retry) == ("node.unreachable", None, True)


def test_an_answer_that_breaks_off() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"half of"
            raise httpx.ReadError("gone")

    with served(lambda _: httpx.Response(200, stream=Broken())) as client, pytest.raises(ApiError) as caught:
        client.checkpoint()
    assert caught.value.code == "node.unreachable"


@pytest.mark.parametrize("address", ["", "node.test", "ftp://node.test", "http://", "http://a:b"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ApiError, match=r"node\.address"):
        Client(address)


def test_a_server_that_is_no_node() -> None:
    for response in (httpx.Response(404, text="<html>"), httpx.Response(302, headers={"location": "/x"})):
        with served(lambda _, response=response: response) as client, pytest.raises(ApiError) as caught:  # type: ignore[misc]
            client.checkpoint()
        assert caught.value.code == "node.answer"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b'{"id": 1}',
        b'{"id": "x", "status": "final"}',
        b'{"id": "00", "status": "lost"}',
        b'{"id": "00", "status": "final", "index": -1}',
        b'{"id": "00", "status": "final", "leaf": "%"}',
        b"[" * 100_000,
        b'{"id": "00", "status": "final", "late": 1}',
        b'{"id": "00", "status": "final", "records": 1}',
    ],
)
def test_answers_of_another_shape(content: bytes) -> None:
    with (
        served(lambda _: httpx.Response(200, content=content)) as client,
        pytest.raises(ApiError, match=r"node\.answer"),
    ):
        client.entry(bytes(32))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "status", "members", "keys", "results", "receipts", "rest"]), inner
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_no_answer_breaks_the_client(value: Any) -> None:  # noqa: ANN401
    calls: list[Callable[[Client], object]] = [
        lambda client: client.entry(bytes(32)),
        lambda client: client.record(bytes(32)),
        lambda client: client.submit(b"x"),
        lambda client: client.receipts([bytes(32)]),
        lambda client: client.document(bytes(32)),
        lambda client: client.state(b"x"),
        lambda client: client.members(),
        lambda client: client.status(),
        lambda client: list(client.blocks()),
        lambda client: client.tile(0, 0, 1),
    ]
    codes = set()
    with served(lambda _: httpx.Response(200, json=value)) as client:
        for call in calls:
            try:
                call(client)
            except ApiError as error:
                codes.add(error.code)
    assert codes <= {"node.answer"}


def test_a_problem_of_another_shape() -> None:
    response = httpx.Response(422, content=b"{}", headers={"content-type": PROBLEM})
    with served(lambda _: response) as client, pytest.raises(ApiError, match=r"node\.answer"):
        client.checkpoint()


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield bytes(1_000)

    monkeypatch.setattr(client_module, "MAX_BUNDLE_BYTES", 10_000)
    monkeypatch.setattr(client_module, "MAX_LEAVES_BYTES", 10_000)
    with served(lambda _: httpx.Response(200, stream=Endless())) as client:
        asked: list[Callable[[], object]] = [
            lambda: client.entry_bundle(0, 1),
            lambda: client.records_bundle(0, 1),
            lambda: client.tile(0, 0, 256),
            client.checkpoint,
            client.snapshot,
        ]
        for ask in asked:
            with pytest.raises(ApiError, match="longer"):
                ask()


def test_a_tile_of_the_wrong_length() -> None:
    with (
        served(lambda _: httpx.Response(200, content=bytes(31))) as client,
        pytest.raises(ApiError, match=r"node\.answer"),
    ):
        client.tile(0, 0, 1)


def test_damaged_compression() -> None:
    response = httpx.Response(200, stream=Pieces(b"not gzip"), headers={"content-encoding": "gzip"})
    with served(lambda _: response) as client, pytest.raises(ApiError, match=r"node\.answer"):
        client.entry_bundle(0, 1)


def test_results_that_do_not_match_what_was_sent() -> None:
    with (
        served(lambda _: httpx.Response(200, json={"results": []})) as client,
        pytest.raises(ApiError, match="0 results"),
    ):
        client.submit([b"x"])


def test_a_node_that_puts_off_every_receipt() -> None:
    answer = {"receipts": {}, "unknown": [], "rest": ["00" * 32]}
    with (
        served(lambda _: httpx.Response(200, json=answer)) as client,
        pytest.raises(ApiError, match="puts off"),
    ):
        client.receipts([bytes(32)])


def test_a_stream_of_blocks_that_never_begins() -> None:
    for height, message in (
        ("5", "before its first"),
        ("", "how far"),
        ("-1", "how far"),
        ("9" * 5_000, "how far"),
    ):
        response = httpx.Response(200, headers={"sogoc-height": height})
        with served(lambda _, response=response: response) as client, pytest.raises(ApiError, match=message):  # type: ignore[misc]
            list(client.blocks())


def test_members_that_a_newer_node_adds_are_passed_over() -> None:
    assert Fields({"a": "00", "new": object()}).digits("a") == b"\0"


# -- over a real socket ------------------------------------------------------------------------------------------------


def test_over_a_socket(node: Node) -> None:
    config = uvicorn.Config(
        create_app(node), port=0, log_level="error", timeout_graceful_shutdown=1, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        for _ in range(500):
            if server.started:
                break
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with Client(f"http://127.0.0.1:{port}") as client:
            entries = [sign(node) for _ in range(30)]
            assert {outcome.status for outcome in client.submit(entries, wait_final=True)} == {"final"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
                large = http.post(
                    "/v1/entries", content=bytes(2_000_000), headers={"content-type": "application/msgpack"}
                )
                assert (large.status_code, large.json()["code"]) == (413, "http.body-size")
    finally:
        server.should_exit = True
        thread.join(20)
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(ApiError) as unreachable:
        client.status()
    assert unreachable.value.code == "node.unreachable"
