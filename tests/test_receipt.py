"""Receipts: what a node hands out verifies, what anybody changes does not, and nothing is believed unchecked.

The wrong receipts, one file each, are in `tests/vectors/receipt/`. Here is what holds for all of them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import tlog_proof
from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.hashing import sha256
from ledger.receipt import MAX_EXTRA_BYTES, Receipt, VerifiedReceipt, make_receipt, verify
from ledger.rules import LATE_MS, Place
from ledger.tlog_proof import TlogProof
from node.receipts import FinalView
from tests.chains import START_MS, document, key
from tests.vectorgen.ledgers import (
    FIVE,
    LATE,
    ONE,
    PRIVATE,
    PUPIL,
    SCHOOL,
    Ledger,
    Parts,
    base,
    commitment,
    end_key,
    honest,
    register_key,
)
from tests.vectorgen.successors import begun, declare, withdraw

pytestmark = pytest.mark.usefixtures("no_network")

PLACES = (
    (ONE, 0),
    *((FIVE, at) for at in range(5)),
    (PRIVATE, 0),
    (SCHOOL, 0),
    (SCHOOL, 1),
    (PUPIL, 0),
    (LATE, 0),
)
POLICY = honest().policy


def verified(parts: Parts) -> VerifiedReceipt:
    return verify(parts.text(), POLICY)


@pytest.mark.parametrize(("index", "at"), PLACES)
def test_every_record_has_a_receipt_that_verifies(index: int, at: int) -> None:
    ledger = honest()
    parts = ledger.parts(index, at)
    proved = verified(parts)
    assert proved.record.raw == ledger.records[index][at]
    assert (proved.index, proved.record_index) == (index, at)
    assert proved.record_id == proved.record.id
    standing = proved.standing
    assert standing is not None
    assert standing.header == ledger.headers[-1]
    assert standing.subject.status == "in-force"
    assert standing.is_first
    assert not standing.disputed
    height = next(header.height for header in ledger.headers if header.first_index <= index < header.index)
    assert standing.subject.time_ms == ledger.headers[height].time_ms
    assert proved.checked.existed_by_s == ledger.headers[-1].time_ms // 1000 + 1
    assert proved.late == (index == LATE)


def test_by_whom_and_since_when_are_proved() -> None:
    proved = verified(honest().parts(PUPIL))
    assert proved.standing is not None
    assert proved.standing.author.member.name == "Trường THCS Phú Sơn"
    assert proved.standing.author.key.member == "school"
    assert proved.standing.author.key.roles == ("office",)
    assert proved.author_key == proved.standing.author.public_key == key("school").public_key
    assert proved.claimed_ms == proved.standing.subject.time_ms


def test_what_a_node_makes_of_its_store_is_what_the_parts_say(tmp_path: Path) -> None:
    ledger = base()
    store = ledger.write_store(tmp_path / "ledger")
    try:
        view = FinalView(store, ledger.checkpoint_by(range(3)))
        for index, at in PLACES:
            receipt = view.receipt(Place(index, at))
            assert receipt.text() == ledger.parts(index, at).text()
            assert verify(receipt, POLICY) == verify(receipt.text(), POLICY)
    finally:
        store.close()


@given(st.sampled_from(PLACES))
def test_a_receipt_comes_back_from_its_text(place: tuple[int, int]) -> None:
    text = honest().parts(*place).text()
    receipt = Receipt.parse(text)
    assert receipt.text() == text
    assert Receipt.parse(text.encode()) == receipt
    again = make_receipt(
        index=receipt.proof.index,
        path=list(receipt.proof.path),
        checkpoint_text=receipt.proof.checkpoint_text,
        record=receipt.record,
        record_index=receipt.record_index,
        record_path=list(receipt.record_path),
        entry_leaf=receipt.entry_leaf,
        header=receipt.header,
        state=receipt.state,
    )
    assert again == receipt


EXTRA = encode(list(honest().parts(FIVE, 2).extra))


def with_extra(extra: bytes) -> str:
    parts = honest().parts(FIVE, 2)
    return tlog_proof.format(TlogProof(parts.index, parts.path, parts.checkpoint, extra))


def test_every_single_byte_of_the_extra_is_bound() -> None:
    """Under a policy without a quorum, which leaves less to compute and no more to be believed."""
    parts = replace(honest().parts(FIVE, 2), checkpoint=honest().checkpoint_by((0,)))
    policy = replace(POLICY, groups=(), quorum="none")
    verify(parts.text(), policy)
    accepted = []
    for at in range(len(EXTRA)):
        changed = EXTRA[:at] + bytes([EXTRA[at] ^ 1 << at % 8]) + EXTRA[at + 1 :]
        proof = TlogProof(parts.index, parts.path, parts.checkpoint, changed)
        try:
            verify(tlog_proof.format(proof), policy)
        except LedgerError:
            continue
        accepted.append(at)
    assert not accepted


@given(st.binary(min_size=1, max_size=200))
def test_any_extra_is_refused_and_nothing_else_happens(extra: bytes) -> None:
    with pytest.raises((FormatError, CannotTellError)):
        verify(with_extra(extra), POLICY)


simple: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**53 - 1) | st.text(max_size=5) | st.binary(max_size=70),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=8,
)


@given(st.integers(0, 6), simple)
def test_any_value_in_the_place_of_a_part_is_refused_or_proves_less(at: int, value: Value) -> None:
    parts = honest().parts(FIVE, 2)
    if value == parts.extra[at] and type(value) is type(parts.extra[at]):
        return
    try:
        proved = verified(parts.put(at, value))
    except LedgerError:
        return
    assert at in (5, 6)
    assert value is None
    assert proved.standing is None


@given(st.sampled_from(PLACES), st.sampled_from(PLACES), st.integers(1, 6))
def test_parts_of_two_receipts_do_not_mix(one: tuple[int, int], other: tuple[int, int], at: int) -> None:
    first, second = honest().parts(*one), honest().parts(*other)
    mixed = first.put(at, second.extra[at])
    if mixed == first:
        verified(mixed)
    else:
        with pytest.raises(LedgerError):
            verified(mixed)


def test_a_receipt_of_one_ledger_proves_nothing_to_another_s_policy() -> None:
    other = replace(POLICY, logs=POLICY.logs[3:], witnesses=POLICY.witnesses)
    with pytest.raises(CannotTellError) as caught:
        verify(honest().parts(ONE).text(), other)
    assert caught.value.rule == "policy.no-log-signature"


def test_hashes_come_before_content() -> None:
    """What is not in the tree is wrong, whatever it says; a version nobody knows is no excuse."""
    parts = honest().parts(FIVE, 2)
    header = parts.extra[5]
    assert isinstance(header, list)
    unknown = encode([1, [2, "later"]])
    for changed in (parts.put(4, encode([0, [2, "later"], bytes(64)])), parts.put(5, [unknown, header[1]])):
        with pytest.raises(VerificationError) as caught:
            verified(changed)
        assert caught.value.rule == "proof.root-mismatch"


def test_a_header_that_is_there_is_checked_though_no_state_stands_under_it() -> None:
    parts = honest().parts(FIVE, 2).put(6, None)
    header = parts.extra[5]
    assert isinstance(header, list)
    assert verified(parts).standing is None
    with pytest.raises(VerificationError):
        verified(parts.put(5, [b"header", header[1]]))


def test_an_unknown_version_is_not_called_wrong() -> None:
    with pytest.raises(CannotTellError) as caught:
        Receipt.parse(with_extra(encode([2, "whatever"])))
    assert caught.value.rule == "receipt.version"
    with pytest.raises(CannotTellError) as caught:
        Receipt.parse(with_extra(encode(["v" * 100_000])))
    assert len(caught.value.detail) < 120


def test_the_limit_on_the_extra_leaves_room_for_the_largest_receipt() -> None:
    key_, row, other = bytes(500), bytes(2_000), None
    proof: list[Value] = [key_, row, b"\xff" * 32, b"\x01" * (256 * 32), other]
    path: list[Value] = [bytes(32)] * 64
    members: list[Value] = [["m" * 64, proof] for _ in range(16)]
    state: list[Value] = [proof, proof, members]
    largest = encode([1, bytes(65_535), 4_095, path, bytes(1_024), [bytes(1_024), path], state])
    assert len(largest) <= MAX_EXTRA_BYTES
    Receipt.parse(with_extra(largest))
    with pytest.raises(FormatError) as caught:
        Receipt.parse(with_extra(bytes(MAX_EXTRA_BYTES + 1)))
    assert caught.value.rule == "encoding.too-large"


# --- disputes ---------------------------------------------------------------------------------------------------------


def revoked(from_ms: int) -> Ledger:
    ledger = base()
    ledger.place([end_key("revoke", "office", "office", from_ms=from_ms)], by="admin")
    return ledger


@pytest.mark.parametrize("distance_ms", [-1, 0, 1])
def test_a_dispute_begins_at_its_first_millisecond(distance_ms: int) -> None:
    since_ms = honest().headers[1].time_ms
    standing = verified(revoked(since_ms + distance_ms).parts(ONE)).standing
    assert standing is not None
    assert standing.subject.time_ms == since_ms
    assert standing.disputed == (distance_ms <= 0)


def test_a_dispute_concerns_the_key_that_signed() -> None:
    for index, disputed in ((ONE, True), (FIVE, True), (PUPIL, False), (SCHOOL, False)):
        standing = verified(revoked(0).parts(index)).standing
        assert standing is not None
        assert standing.disputed is disputed


def test_a_later_record_of_a_subject_has_no_proved_time_of_its_own() -> None:
    ledger = base()
    roles = encode_record(
        "member.roles/1", {"authority": "office", "member": "school", "roles": ["issuer", "office"]}
    )
    index = ledger.place([roles], by="admin", time_ms=START_MS - 2 * LATE_MS)
    proved = verified(ledger.parts(index))
    assert proved.standing is not None
    assert not proved.standing.is_first
    assert proved.standing.subject.history.size == 2
    assert not proved.standing.disputed
    # Three days late in truth, but the subject's time is that of its first record: nothing is claimed.
    assert not proved.late
    ledger.place([register_key(ledger, "office", "second admin", "administrator")], by="admin")
    newest_ms = proved.standing.subject.changed_ms
    # Only that the newest record of the subject is no older is proved: with it, the dispute reaches the record.
    for from_ms, disputed in ((newest_ms + 1, False), (newest_ms, True)):
        ledger.place([end_key("revoke", "office", "admin", from_ms=from_ms)], by="second admin")
        standing = verified(ledger.parts(index)).standing
        assert standing is not None
        assert standing.disputed is disputed
    first = verified(ledger.parts(SCHOOL)).standing
    assert first is not None
    assert not first.disputed


def test_the_newest_state_speaks_of_old_records() -> None:
    ledger = base()
    before = verified(ledger.parts(ONE))
    ledger.place([end_key("retire", "office", "office")], by="admin")
    ledger.place([document(50, authority="school")], by="school")
    after = verified(ledger.parts(ONE))
    assert before.standing is not None
    assert after.standing is not None
    assert after.record_id == before.record_id
    assert before.standing.author.key.retired_ms is None
    assert after.standing.author.key.retired_ms == ledger.headers[-2].time_ms
    assert after.standing.subject == before.standing.subject


def test_whoever_acted_while_it_succeeded_forged_nothing() -> None:
    """The administrators correct who follows; what the wrong one did by right until then stays recorded."""
    ledger = begun()
    at_ms = ledger.headers[-1].time_ms
    ledger.place([declare("school", "joint-school", at_ms=at_ms)], by="admin")
    index = ledger.place([withdraw()], by="joint school", time_ms=ledger.headers[-1].time_ms)
    verified(ledger.parts(index))
    ledger.place([declare("school", "office", at_ms=at_ms)], by="admin")
    with pytest.raises(CannotTellError) as caught:
        verified(ledger.parts(index))
    assert caught.value.rule == "receipt.author"
    # The document itself is the school's own, and stands as it is.
    assert verified(ledger.parts(PUPIL)).record.authority == "school"


def test_a_commitment_s_receipt_says_nothing_of_the_file() -> None:
    proved = verified(honest().parts(PRIVATE))
    assert proved.record.body == {"authority": "office", "commitment": commitment()}
    assert sha256(b"paper 0") not in encode(decode(proved.record.raw))
