"""What was witnessed goes onto the witness's own ledger: forward only, in one entry, and never twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.errors import FormatError, LedgerError, RefusedError
from ledger.hashing import leaf_hash, sha256
from ledger.keys import SigningKey
from ledger.receipt import verify
from ledger.records import parse_record
from ledger.records.witness import LEDGER, WITNESS, WitnessedRow, witnessed_key
from ledger.rows import SubjectRow, subject_key
from node.service import Node, clock_ms
from node.witness.anchoring import MAX_RECORDS_AT_ONCE, Anchoring, records_due
from node.witness.book import Seen
from tests.support import MEMBER, new_key, put, register_key, running_node, sign

ROOT = sha256(b"a root")


@pytest.fixture(scope="module")
def auditor() -> SigningKey:
    return new_key()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, auditor: SigningKey) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("anchoring")) as node:
        register_key(node, auditor, roles=("auditor",))
        yield node


def seen(origin: str, size: int, cosigned_s: int = 1_000) -> Seen:
    return Seen(origin, size, sha256(f"{origin} {size}".encode()), cosigned_s, "text")


def witnessed(node: Node, origin: str) -> WitnessedRow | None:
    data = node.final.view.get(witnessed_key(MEMBER, origin))
    return None if data is None else WitnessedRow.parse(data)


def anchoring(node: Node, key: SigningKey, *items: Seen, seconds: float = 3_600) -> Anchoring:
    return Anchoring(node, key, lambda: items, seconds=seconds, clock_ms=clock_ms)


def anchored(node: Node, key: SigningKey, *items: Seen) -> bytes | None:
    entry_id = anchoring(node, key, *items).anchor()
    if entry_id is not None:
        node.wait(entry_id).result(20)
    return entry_id


# -- the record ----------------------------------------------------------------------------------------------------------


def body(**changes: Value) -> dict[str, Value]:
    good: dict[str, Value] = {
        "authority": MEMBER,
        "origin": "phường-9.example/sổ gốc",
        "size": 10,
        "root": ROOT,
        "cosigned_s": 100,
    }
    return good | changes


def submit(node: Node, key: SigningKey | str, **changes: Value) -> None:
    put(node, sign(node, [encode_record(WITNESS, body(**changes))], key=key))


def refused(node: Node, key: SigningKey | str, **changes: Value) -> str:
    with pytest.raises(RefusedError) as caught:
        submit(node, key, **changes)
    return caught.value.rule


def test_a_record_stands_under_the_hash_of_the_origin(node: Node, auditor: SigningKey) -> None:
    submit(node, auditor)
    raw = encode_record(WITNESS, body())
    subject = parse_record(raw).subject
    assert subject == (LEDGER, MEMBER, sha256("phường-9.example/sổ gốc".encode()))
    data = node.final.view.get(subject_key(*subject))
    assert data is not None
    assert SubjectRow.parse(data).history.size == 1
    # And has a receipt like any other.
    place = node.final.place(leaf_hash(raw))
    assert place is not None
    verified = verify(node.final.receipt(place), node.policy)
    assert (verified.record.raw, verified.record.subject) == (raw, subject)


def test_what_is_said_of_a_ledger_goes_forward(node: Node, auditor: SigningKey) -> None:
    of = {"origin": "forward.example"}
    submit(node, auditor, **of)
    assert refused(node, auditor, **of, size=9, cosigned_s=200) == "witness.backwards"
    assert refused(node, auditor, **of, root=bytes(32), cosigned_s=200) == "witness.second-root"
    assert refused(node, auditor, **of) == "witness.not-later"
    assert refused(node, auditor, **of, size=11, cosigned_s=100) == "witness.not-later"
    submit(node, auditor, **of, cosigned_s=101)
    submit(node, auditor, **of, size=11, cosigned_s=102)
    assert witnessed(node, "forward.example") == WitnessedRow(11, ROOT, 102)
    # Of another ledger the same may be said.
    submit(node, auditor, origin="Forward.example", size=3)


def test_an_issuers_key_says_nothing_of_other_ledgers(node: Node) -> None:
    assert refused(node, "office", origin="role.example") == "authority.role"
    submit(node, "admin", origin="role.example")


def test_rows_are_read_back_and_nothing_else_is() -> None:
    row = WitnessedRow(4, ROOT, 7)
    assert WitnessedRow.parse(row.encoded()) == row
    for data in (b"\x90", b"\x93\x01\x02\x03", b"\x01"):
        with pytest.raises(FormatError):
            WitnessedRow.parse(data)


histories = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.integers(0, 3), st.sampled_from([b"\x01", b"\x02"]), st.integers(0, 5)
    ),
    max_size=12,
)


@given(histories)
def test_the_rule_says_what_a_slow_one_says(said: list[tuple[str, int, bytes, int]]) -> None:
    state = _State()
    told: list[tuple[str, int, bytes, int]] = []
    for origin, size, root, time_s in said:
        before = [one for one in told if one[0] == origin]
        # Against all that was said before of this ledger, and not only the last of it.
        wanted = (
            all(size >= one[1] for one in before)
            and all(root == one[2] for one in before if one[1] == size)
            and all(time_s > one[3] for one in before)
        )
        record = parse_record(
            encode_record(WITNESS, body(origin=origin, size=size, root=root * 32, cosigned_s=time_s))
        )
        try:
            record.type.rule(state, None, record.body)  # type: ignore[arg-type]
        except RefusedError:
            assert not wanted
        else:
            assert wanted
            told.append((origin, size, root, time_s))


class _State:
    """The rows of a state, and nothing else of it."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.rows[key] = value


# -- the thread ----------------------------------------------------------------------------------------------------------


def test_all_ledgers_seen_are_one_entry(node: Node, auditor: SigningKey) -> None:
    wards = [seen(f"ward-{number}.example", number + 1) for number in range(50)]
    height = node.final.view.head.height
    assert anchored(node, auditor, *wards) is not None
    assert node.final.view.head.height == height + 1
    for one in wards:
        assert witnessed(node, one.origin) == WitnessedRow(one.size, one.root, one.cosigned_s)
    assert anchored(node, auditor, *wards) is None
    grown = replace(wards[3], size=99, cosigned_s=2_000)
    records = records_due([*wards[:3], grown], node.final.view, MEMBER)
    assert [parse_record(one).body["origin"] for one in records] == ["ward-3.example"]
    anchored(node, auditor, *wards, grown)
    row = witnessed(node, "ward-3.example")
    assert row is not None
    assert row.size == 99


def test_what_a_record_cannot_hold_is_left_out_and_stops_nothing(node: Node) -> None:
    good = seen("good.example", 5)
    items = [seen("x" * 256, 5), seen("huge.example", 2**53), good]
    records = records_due(items, node.final.view, MEMBER)
    assert [parse_record(one).body["origin"] for one in records] == [good.origin]
    many = [seen(f"many-{number}.example", 5) for number in range(MAX_RECORDS_AT_ONCE + 5)]
    assert len(records_due(many, node.final.view, MEMBER)) == MAX_RECORDS_AT_ONCE


def test_a_key_that_is_in_nobodys_service(node: Node) -> None:
    with pytest.raises(LedgerError) as caught:
        anchoring(node, new_key(), seen("nobody.example", 1)).anchor()
    assert caught.value.rule == "witness.anchor-key"


def test_the_thread_records_now_and_then_and_lives_through_a_refusal(node: Node, auditor: SigningKey) -> None:
    items: list[Seen] = []
    refused = threading.Event()

    def look() -> list[Seen]:
        if not items:
            refused.set()
            raise RefusedError("disk.low", "not now", permanent=False)
        return items

    thread = Anchoring(node, auditor, look, seconds=0.02, clock_ms=clock_ms)
    thread.start()
    try:
        assert refused.wait(20)
        items.append(seen("thread.example", 8))
        deadline = time.monotonic() + 20
        while witnessed(node, "thread.example") is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        thread.stop()
