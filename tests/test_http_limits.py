"""Limits: token buckets, sizes that are checked before anything is parsed, and what they answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from api.http import body as body_module
from api.http.app import create_app
from api.http.body import BodyBudget, read_body
from api.http.limits import Buckets, Limits, address_name, author_key_of
from api.http.problem import HttpError
from api.wire import MSGPACK, encode_batch
from ledger.entry import Entry, encode_record
from ledger.keys import SigningKey
from node.config import Config
from node.service import Node
from tests.support import document_record, key_of, new_key, register_key, running_node, sign


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


# -- buckets -----------------------------------------------------------------------------------------------------------


def test_a_bucket_empties_and_fills_again(clock: Clock) -> None:
    buckets = Buckets(10, 60, clock=clock)
    assert [buckets.try_take(b"a", 1) for _ in range(10)] == [0.0] * 10
    assert buckets.try_take(b"a", 1) == pytest.approx(6)
    assert buckets.try_take(b"b", 1) == 0
    clock.now += 6
    assert buckets.try_take(b"a", 1) == 0
    assert buckets.try_take(b"a", 1) > 0
    clock.now += 10_000
    assert [buckets.try_take(b"a", 1) for _ in range(11)][-1] > 0


def test_an_overdrawn_bucket_waits_longer(clock: Clock) -> None:
    buckets = Buckets(10, 10, clock=clock)
    buckets.take(b"a", 25)
    assert buckets.seconds_until(b"a", 1) == pytest.approx(16)
    assert buckets.seconds_until(b"b", 11) == pytest.approx(1)  # more than a full bucket: not all at once
    clock.now += 16
    assert buckets.seconds_until(b"a", 1) == 0


def test_a_limit_of_zero_is_none(clock: Clock) -> None:
    buckets = Buckets(0, 60, clock=clock)
    buckets.take(b"a", 10**9)
    assert (buckets.try_take(b"a", 10**9), buckets.seconds_until(b"a", 1), len(buckets)) == (0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=200))
def test_the_number_of_buckets_is_bounded(steps: list[tuple[int, bool]]) -> None:
    buckets = Buckets(3, 60, clock=lambda: 0.0, max_buckets=8)
    taken: dict[int, int] = {}
    for name, is_checked in steps:
        if is_checked:
            taken[name] = taken.get(name, 0) + (buckets.try_take(b"%d" % name, 1) == 0)
        else:
            buckets.take(b"%d" % name, 1)
        assert len(buckets) <= 8
    if len({name for name, _ in steps}) <= 8:
        assert all(count <= 3 for count in taken.values())


def test_addresses_share_what_their_owner_has() -> None:
    assert address_name("192.0.2.1") != address_name("192.0.2.2")
    assert address_name("2001:db8::1") == address_name("2001:db8::ffff:1:2:3")
    assert address_name("2001:db8::1") != address_name("2001:db8:0:1::1")
    assert address_name("a name") == b"a name"
    assert len(address_name("x" * 1000)) == 64


def test_the_key_of_a_submission_is_found_before_it_is_parsed(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        entry = sign(node)
        larger = sign(node, [b"x" * (70 + n) for n in range(300)])
    assert author_key_of(entry.submission()) == entry.body.author_key
    assert author_key_of(larger.submission()) == larger.body.author_key
    for other in (b"", b"\x93\x00", b"\x93\x00\xc4" + bytes(100), entry.submission()[:70], entry.leaf):
        assert author_key_of(other) is None


def test_the_limits_of_a_node(clock: Clock) -> None:
    limits = Limits(
        Config(requests_per_address_per_minute=60, entries_per_key_per_minute=3, megabytes_per_key_per_day=1),
        clock=clock,
    )
    for _ in range(60):
        limits.check_address("192.0.2.1")
    with pytest.raises(HttpError) as caught:
        limits.check_address("192.0.2.1")
    assert (caught.value.rule, caught.value.status) == ("limit.address", 429)
    assert caught.value.retry_after == pytest.approx(1)
    limits.check_address("192.0.2.1", cost=0.0)
    limits.check_sender("192.0.2.1")
    limits.charge_sender("192.0.2.1", 500)
    limits.charge_sender("192.0.2.1", 58_500)
    with pytest.raises(HttpError, match=r"limit\.address-refused"):
        limits.check_sender("192.0.2.1")
    limits.check_sender("192.0.2.2")
    limits.charge_sender(None, 10**9)
    limits.check_sender(None)
    limits.charge_refused(b"refused", 2_500)
    with pytest.raises(HttpError, match=r"limit\.key-entries"):
        limits.check_key(b"refused", entries=1, size=1)
    limits.check_key(b"k", entries=3, size=1)
    for _ in range(3):
        limits.charge_key(b"k", 400_000)
    with pytest.raises(HttpError, match=r"limit\.key-entries"):
        limits.check_key(b"k", entries=1, size=1)
    clock.now += 60
    with pytest.raises(HttpError, match=r"limit\.key-bytes"):
        limits.check_key(b"k", entries=1, size=1)
    clock.now += 86_400
    limits.check_key(b"k", entries=1, size=1)


# -- over HTTP ---------------------------------------------------------------------------------------------------------


def post(http: TestClient, body: bytes) -> Any:  # noqa: ANN401
    return http.post("/v1/entries?wait=final", content=body, headers={"content-type": MSGPACK})


def test_an_address_that_asks_too_often(tmp_path: Path) -> None:
    with (
        running_node(tmp_path, requests_per_address_per_minute=5) as node,
        TestClient(create_app(node)) as http,
    ):
        assert [http.get("/healthz").status_code for _ in range(5)] == [200] * 5
        response = http.get("/healthz")
        assert (response.status_code, response.json()["code"]) == (429, "limit.address")
        assert response.json()["retry"] is True
        assert 1 <= int(response.headers["retry-after"]) <= 12
        assert response.headers["x-content-type-options"] == "nosniff"
        assert post(http, sign(node).submission()).status_code == 429


def test_static_tiles_cost_less(tmp_path: Path) -> None:
    with (
        running_node(tmp_path, requests_per_address_per_minute=5) as node,
        TestClient(create_app(node)) as http,
    ):
        assert {http.get("/tile/0/000.p/2").status_code for _ in range(40)} == {200}


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[tuple[Node, TestClient]]:
    with running_node(tmp_path, entries_per_key_per_minute=3) as node, TestClient(create_app(node)) as http:
        yield node, http


def test_a_key_that_signs_too_much(strict: tuple[Node, TestClient]) -> None:
    node, http = strict
    entries = [sign(node) for _ in range(4)]
    for entry in entries[:3]:
        assert post(http, entry.submission()).status_code == 200
    response = post(http, entries[3].submission())
    assert (response.status_code, response.json()["code"], response.json()["retry"]) == (
        429,
        "limit.key-entries",
        True,
    )
    assert int(response.headers["retry-after"]) >= 1
    # What is on the ledger may be asked for again all the same once there is room; another key is not concerned.
    key = new_key()
    register_key(node, key)
    assert post(http, sign(node, key=key).submission()).status_code == 200


def test_a_batch_counts_entry_by_entry(strict: tuple[Node, TestClient]) -> None:
    node, http = strict
    response = post(http, encode_batch([sign(node).submission() for _ in range(5)]))
    assert response.status_code == 207
    codes = [result.get("problem", {}).get("code") for result in response.json()["results"]]
    assert codes == [None, None, None, "limit.key-entries", "limit.key-entries"]


def test_nobody_uses_up_anothers_quota(strict: tuple[Node, TestClient]) -> None:
    node, http = strict
    entry = sign(node)
    for at in range(10):
        forged = bytearray(sign(node).submission())
        forged[-100 - at] ^= 1
        assert post(http, bytes(forged)).status_code in {400, 422}
    assert post(http, entry.submission()).status_code == 200
    for _ in range(10):
        assert (
            post(http, entry.submission()).status_code == 200
        )  # a copy of what is on the ledger costs nothing
    assert post(http, sign(node).submission()).status_code == 200
    assert post(http, sign(node).submission()).status_code == 200
    assert post(http, sign(node).submission()).status_code == 429


def heavy(node: Node, key: SigningKey | str = "office", records: int = 2_000) -> bytes:
    """A well-signed entry whose last record is refused: all the others were judged for nothing."""
    unknown = encode_record(
        "doc.withdraw/1", {"authority": "office", "document": secrets.token_bytes(32), "reason": "other"}
    )
    return sign(node, [*(document_record() for _ in range(records)), unknown], key=key).submission()


def test_a_key_pays_for_what_it_signed_and_the_node_judged_for_nothing(tmp_path: Path) -> None:
    with (
        running_node(tmp_path, entries_per_key_per_minute=100) as node,
        TestClient(create_app(node)) as http,
    ):
        # Each has some 200 kB, which is as much work as 200 small ones.
        codes = [post(http, heavy(node)).json()["code"] for _ in range(2)]
        assert codes == ["document.unknown", "limit.key-entries"]
        # What breaks a rule that needs no state was signed too.
        key, same = new_key(), document_record()
        register_key(node, key)
        twice = sign(node, [same, same, *(document_record() for _ in range(2_000))], key=key).submission()
        assert [post(http, twice).json()["code"] for _ in range(2)] == [
            "entry.records-repeat",
            "limit.key-entries",
        ]


def test_a_forgery_is_charged_to_its_sender_and_not_to_the_key(tmp_path: Path) -> None:
    with (
        running_node(tmp_path, entries_per_key_per_minute=20, requests_per_address_per_minute=20) as node,
        TestClient(create_app(node)) as http,
    ):
        entry = sign(node, [document_record() for _ in range(1_500)])
        forged = Entry(entry.body, bytes(64), entry.records).submission()
        first, second = (post(http, forged) for _ in range(2))
        assert first.json()["code"].startswith("signature.")
        assert (second.status_code, second.json()["code"]) == (429, "limit.address-refused")
        assert int(second.headers["retry-after"]) > 60
        # Whoever has used that up may still read, and the key's owner may write from elsewhere.
        assert http.get("/healthz").status_code == 200
        assert post(http, entry.submission()).status_code == 429
        with TestClient(create_app(node), client=("192.0.2.7", 4711)) as elsewhere:
            assert post(elsewhere, entry.submission()).status_code == 200


def test_an_address_pays_for_copies_and_for_what_cannot_be_read(tmp_path: Path) -> None:
    with running_node(tmp_path, requests_per_address_per_minute=20) as node:
        entry = sign(node, [document_record() for _ in range(1_500)]).submission()
        with TestClient(create_app(node)) as http:
            codes = [post(http, entry).json().get("code") for _ in range(3)]
            assert codes == [None, None, "limit.address-refused"]
        with TestClient(create_app(node)) as http:
            codes = [post(http, b"\x92\x01\x90" + bytes(150_000)).json()["code"] for _ in range(2)]
            assert codes == ["encoding.trailing-bytes", "limit.address-refused"]


def test_entries_that_are_taken_cost_an_address_nothing_more(tmp_path: Path) -> None:
    with (
        running_node(tmp_path, requests_per_address_per_minute=20) as node,
        TestClient(create_app(node)) as http,
    ):
        for _ in range(4):
            assert (
                post(http, sign(node, [document_record() for _ in range(300)]).submission()).status_code
                == 200
            )


def test_a_key_that_sends_too_many_bytes(tmp_path: Path) -> None:
    with running_node(tmp_path, megabytes_per_key_per_day=1) as node, TestClient(create_app(node)) as http:
        app = http.app
        app.state.context.limits.charge_key(key_of(node).public_key, 1_100_000)  # type: ignore[attr-defined]
        response = post(http, sign(node).submission())
        assert (response.status_code, response.json()["code"]) == (429, "limit.key-bytes")


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with running_node(tmp_path_factory.mktemp("limits")) as node, TestClient(create_app(node)) as client:
        yield client


def test_long_addresses(http: TestClient) -> None:
    for url in ("/" + "x" * 3_000, "/healthz?" + "x" * 5_000):
        response = http.get(url)
        assert (response.status_code, response.json()["code"]) == (414, "http.address-size")


def test_many_or_long_headers(http: TestClient) -> None:
    for headers in ({f"x-{n}": "1" for n in range(120)}, {"x": "y" * 40_000}):
        response = http.get("/healthz", headers=headers)
        assert (response.status_code, response.json()["code"]) == (431, "http.headers-size")


# -- bodies ------------------------------------------------------------------------------------------------------------


def request_of(messages: list[dict[str, Any]], headers: dict[str, str] | None = None) -> Request:
    """A request whose body arrives in these messages, and then no more."""
    queue = iter(messages)

    async def receive() -> Any:  # noqa: ANN401
        for message in queue:
            return message
        return await asyncio.Event().wait()

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


def chunk(data: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


def read(messages: list[dict[str, Any]], limit: int = 10, **options: Any) -> bytes:  # noqa: ANN401
    headers = options.pop("headers", None)
    budget = options.pop("budget", None) or BodyBudget()
    return asyncio.run(read_body(request_of(messages, headers), budget, limit, **options)).data


def refused(messages: list[dict[str, Any]], limit: int = 10, **options: Any) -> str:  # noqa: ANN401
    with pytest.raises(HttpError) as caught:
        read(messages, limit, **options)
    return caught.value.rule


def test_a_body_in_pieces() -> None:
    assert read([chunk(b"ab"), chunk(b""), chunk(b"cd", more=False)]) == b"abcd"
    assert read([chunk(b"x" * 10, more=False)]) == b"x" * 10


def test_a_body_is_counted_as_it_arrives() -> None:
    assert refused([chunk(b"x" * 6), chunk(b"x" * 5)]) == "http.body-size"


def test_a_declared_length_is_believed_when_it_is_too_large() -> None:
    for length in ("11", "9" * 30):
        assert refused([], headers={"content-length": length}) == "http.body-size"
    assert read([chunk(b"ab", more=False)], headers={"content-length": "-1"}) == b"ab"
    assert refused([chunk(b"x" * 11, more=False)], headers={"content-length": "1"}) == "http.body-size"


def test_the_limit_may_fall_once_the_body_is_seen() -> None:
    def narrow(first: bytes) -> int:
        return 4 if first == b"ab" else 10

    assert refused([chunk(b"a"), chunk(b"bcde")], narrow=narrow) == "http.body-size"
    assert read([chunk(b"a"), chunk(b"cdefg", more=False)], narrow=narrow) == b"acdefg"
    assert read([chunk(b"a", more=False)], narrow=narrow) == b"a"


def test_a_sender_that_stops_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "IDLE_SECONDS", 0.02)
    assert refused([chunk(b"ab")]) == "http.body-timeout"
    assert refused([chunk(b""), chunk(b"")]) == "http.body-timeout"


def test_a_sender_that_is_slow_for_ever_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "WHOLE_SECONDS", 0.0)
    assert refused([chunk(b"a")]) == "http.body-timeout"


def test_a_connection_that_ends() -> None:
    assert refused([chunk(b"ab"), {"type": "http.disconnect"}]) == "http.body-incomplete"


def test_all_bodies_together_stay_within_a_budget() -> None:
    budget = BodyBudget(10)
    body = asyncio.run(read_body(request_of([chunk(b"x" * 8, more=False)]), budget, 100))
    assert refused([chunk(b"x" * 3, more=False)], 100, budget=budget) == "http.busy"
    with body as data:
        assert data == b"x" * 8
    assert read([chunk(b"x" * 10, more=False)], 100, budget=budget) == b"x" * 10


def test_what_was_refused_is_not_held() -> None:
    budget = BodyBudget(10)
    for _ in range(5):
        assert refused([chunk(b"x" * 6), chunk(b"x" * 3)], 8, budget=budget) == "http.body-size"
    assert read([chunk(b"x" * 10, more=False)], 100, budget=budget) == b"x" * 10
