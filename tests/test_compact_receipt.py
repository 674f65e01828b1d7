"""Compact receipts: what they carry adds up to what a quorum cosigned, or they are refused; and they are small."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import receipt as full
from ledger.checkpoint import cosign
from ledger.checkpoint import parse as parse_checkpoint
from ledger.compact_form import CompactReceipt, from_digits, to_digits
from ledger.compact_receipt import VerifiedCompact, verify
from ledger.encoding import decode, encode
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError, VerificationError
from ledger.genesis import genesis_policy
from ledger.hashing import leaf_hash
from ledger.policy import Log
from ledger.rules import Place
from node.compact_receipts import compact_receipt
from node.receipts import FinalView
from tests.chains import key, make_genesis, validator_name
from tests.vectorgen.case import flip
from tests.vectorgen.compact import (
    CHANGES,
    CLAIMS,
    DOCUMENT,
    ISSUE,
    OFFERED,
    OTHER,
    PLACES,
    PRIVATE,
    REVOKED,
    compact,
    issue,
    ledger,
)
from tests.vectorgen.ledgers import PRIVATE_FILE, QUORUM, SALT, VALIDATORS, commitment

pytestmark = pytest.mark.usefixtures("no_network")

POLICY, CHAIN_ID = ledger().policy, ledger().genesis.chain_id


def verified(receipt: CompactReceipt | bytes) -> VerifiedCompact:
    data = receipt if isinstance(receipt, bytes) else receipt.encoded()
    return verify(data, POLICY, CHAIN_ID)


def refused(receipt: CompactReceipt | bytes, family: type[LedgerError] = VerificationError) -> str:
    """The rule by which a compact receipt is refused."""
    with pytest.raises(LedgerError) as caught:
        verified(receipt)
    assert type(caught.value) is family, caught.value
    return caught.value.rule


# --- honest ones ------------------------------------------------------------------------------------------------------


def test_a_certificate_with_its_claims() -> None:
    receipt = compact().with_private(CLAIMS)
    assert "claims_root" not in receipt.body
    proved = verified(receipt)
    assert proved.record.raw == issue()
    assert proved.record_id == leaf_hash(issue())
    assert proved.claims == CLAIMS.claims
    assert (proved.status, proved.row.history.size, proved.salt) == ("in-force", 1, None)
    assert proved.origin == ledger().genesis.origin
    assert (proved.header, proved.root) == (ledger().headers[-1], ledger().root)
    assert len(proved.cosignatures) == QUORUM


def test_it_says_the_same_as_the_full_receipt() -> None:
    for which in (ISSUE, OFFERED, DOCUMENT, PRIVATE):
        whole = full.verify(ledger().parts(*PLACES[which]).text(), POLICY)
        proved = verified(compact(which))
        assert whole.standing is not None
        assert proved.row == whole.standing.subject
        assert (proved.record, proved.record_id) == (whole.record, whole.record_id)
        assert proved.header == whole.standing.header
        assert (proved.existed_by_s, proved.status_as_of_s) == (
            whole.checked.existed_by_s,
            whole.checked.status_as_of_s,
        )


def test_a_certificate_that_was_revoked() -> None:
    proved = verified(compact(OFFERED).with_private(CLAIMS))
    assert proved.status == "revoked"
    assert proved.row.history.size == 2
    assert proved.row.changed_ms > proved.row.time_ms


def test_a_private_document_with_its_salt() -> None:
    proved = verified(compact(PRIVATE).with_private(SALT))
    assert proved.salt is not None
    assert commitment(PRIVATE_FILE, proved.salt) == proved.record.body["commitment"]


def test_without_what_the_holder_has_it_proves_as_much_of_the_record() -> None:
    proved = verified(compact())
    assert (proved.claims, proved.salt) == ((), None)
    assert proved.record.raw == issue()


def test_what_is_encoded_reads_back() -> None:
    for receipt in (
        compact(),
        compact().with_private(CLAIMS),
        compact(OFFERED).with_private(CLAIMS),
        compact(PRIVATE).with_private(SALT),
    ):
        assert CompactReceipt.parse(receipt.encoded()) == receipt


def test_the_fewest_cosignatures_are_taken_and_the_newest() -> None:
    text = ledger().checkpoint_by((0,))
    body = parse_checkpoint(text).note.text
    lines = [
        cosign(body, validator_name(number), key(f"cosigning {number}"), time_s).line
        for number, time_s in ((1, 500), (2, 400), (3, 300), (1, 200))
    ]
    receipt = compact(checkpoint=text + "".join(lines))
    newest = ledger().headers[-1].time_ms // 1000 + 1
    assert sorted(int.from_bytes(one[4:12], "big") for one in receipt.cosignatures) == [400, 500, newest]
    assert verified(receipt).status_as_of_s == 400


def test_a_checkpoint_without_a_quorum_makes_none() -> None:
    with pytest.raises(CannotTellError) as caught:
        compact(checkpoint=ledger().checkpoint_by(range(QUORUM - 1)))
    assert caught.value.rule == "policy.quorum-missing"


def test_only_the_first_record_of_a_subject_has_one() -> None:
    with pytest.raises(RefusedError) as caught:
        compact(REVOKED)
    assert caught.value.rule == "compact.not-first"


def test_it_is_small() -> None:
    """Beside state and log paths, which grow with the ledger, an in-force certificate takes less than 850 bytes here."""
    receipt = compact().with_private(CLAIMS)
    paths = 32 * (len([one for one in receipt.siblings if one != bytes(32)]) + len(receipt.path))
    assert len(receipt.encoded()) - paths < 850
    assert len(receipt.encoded()) < len(b64decode(ledger().parts(2).text().split()[2]))


# --- wrong ones -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_in_it_can_be_changed(name: str) -> None:
    assert refused(CHANGES[name](compact().with_private(CLAIMS))) == "compact.mismatch"


def test_a_record_that_the_rules_do_not_know_is_no_certificate() -> None:
    honest = compact().with_private(CLAIMS)
    wrong = replace(honest, body={**honest.body, "valid_from": "2026-02-30"})
    assert refused(wrong).startswith("record.")
    assert refused(replace(honest, record_type="cert.issue/2"), CannotTellError) == "record.type-unknown"


def test_another_ledger_s_policy_or_chain_id() -> None:
    receipt = compact()
    with pytest.raises(VerificationError) as caught:
        verify(receipt, POLICY, OTHER)
    assert caught.value.rule == "compact.mismatch"
    stranger = genesis_policy(make_genesis(7))
    with pytest.raises(CannotTellError) as unknown:
        verify(
            receipt,
            replace(stranger, witnesses=stranger.witnesses[4:], groups=(), quorum=stranger.witnesses[4].name),
            CHAIN_ID,
        )
    assert unknown.value.rule == "policy.quorum-missing"
    with pytest.raises(CannotTellError) as none:
        verify(receipt, replace(POLICY, groups=(), quorum="none"), CHAIN_ID)
    assert none.value.rule == "compact.no-quorum"


def test_a_policy_with_two_origins_cannot_check_it() -> None:
    other = Log(
        replace(POLICY.logs[0].key, name="other.example/so-goc", public_key=key("another log").public_key)
    )
    for logs in ((*POLICY.logs, other), ()):
        with pytest.raises(CannotTellError) as caught:
            verify(compact(), replace(POLICY, logs=logs), CHAIN_ID)
        assert caught.value.rule == "compact.origin"


def test_too_few_cosignatures_are_no_forgery() -> None:
    receipt = compact()
    for cosignatures in ((), receipt.cosignatures[1:], receipt.cosignatures[:1] * QUORUM):
        assert (
            refused(replace(receipt, cosignatures=cosignatures), CannotTellError) == "policy.quorum-missing"
        )


def test_unknown_keys_are_passed_over_and_one_wrong_signature_condemns() -> None:
    receipt = compact()
    stranger = b"\x01\x02\x03\x04" + bytes(72)
    assert verified(replace(receipt, cosignatures=(stranger, *receipt.cosignatures))) == verified(receipt)
    wrong = (*receipt.cosignatures, flip(receipt.cosignatures[0], 30))
    assert refused(replace(receipt, cosignatures=wrong)) == "compact.mismatch"


def test_claims_of_another_certificate_do_not_go_into_it() -> None:
    with pytest.raises(VerificationError) as caught:
        compact().with_private(replace(CLAIMS, salt=bytes(32)))
    assert caught.value.rule == "claims.root"
    for which, private in ((DOCUMENT, CLAIMS), (ISSUE, SALT)):
        with pytest.raises(FormatError) as misplaced:
            compact(which).with_private(private)
        assert misplaced.value.rule == "compact.private"


# --- form -------------------------------------------------------------------------------------------------------------


HONEST = compact().with_private(CLAIMS).encoded()
SHAPES: list[tuple[Callable[[list[Any]], Any], str]] = [
    (lambda v: v[:8], "compact.shape"),
    (lambda v: [*v, None], "compact.shape"),
    (lambda v: {"compact": 1}, "compact.shape"),
    (lambda v: [v[0], 1, *v[2:]], "compact.shape"),
    (lambda v: [*v[:2], [], *v[3:]], "compact.shape"),
    (lambda v: [*v[:2], v[2] | {"claims_root": bytes(32)}, *v[3:]], "compact.private"),
    (lambda v: [*v[:2], v[2] | {"claims_count": 6}, *v[3:]], "compact.private"),
    (lambda v: [*v[:3], bytes(31), *v[4:]], "compact.private"),
    (lambda v: [*v[:3], bytes(32), *v[4:]], "compact.private"),
    (lambda v: [*v[:3], CLAIMS.disclose({"born"}).to_value(), *v[4:]], "compact.private"),
    (lambda v: [*v[:3], [0, bytes(31), v[3][2]], *v[4:]], "claims.salt"),
    (lambda v: [*v[:4], [*v[4][:2], v[4][1], *v[4][3:]], *v[5:]], "compact.shape"),
    (lambda v: [*v[:4], [*v[4][:3], 0, b""], *v[5:]], "compact.peaks"),
    (lambda v: [*v[:4], [*v[4][:3], 3, v[4][4]], *v[5:]], "compact.peaks"),
    (lambda v: [*v[:4], [*v[4][:3], True, v[4][4]], *v[5:]], "compact.shape"),
    (lambda v: [*v[:4], [*v[4][:4], bytes(31)], *v[5:]], "compact.shape"),
    (lambda v: [*v[:5], [b"\x00", b""], *v[6:]], "state-proof.present"),
    (lambda v: [*v[:5], [v[5][0], v[5][1][:-1]], *v[6:]], "state-proof.siblings"),
    (lambda v: [*v[:6], [*v[6][:2], bytes(31), *v[6][3:]], *v[7:]], "compact.shape"),
    (lambda v: [*v[:6], [-1, *v[6][1:]], *v[7:]], "compact.shape"),
    (lambda v: [*v[:6], [*v[6][:5], 0, v[6][6]], *v[7:]], "compact.path"),
    (lambda v: [*v[:7], v[7][32:], v[8]], "compact.path"),
    (lambda v: [*v[:8], v[8][1:]], "compact.shape"),
    (lambda v: [*v[:8], bytes(76 * 65)], "compact.cosignatures"),
]


@pytest.mark.parametrize(("change", "rule"), SHAPES, ids=range(len(SHAPES)))
def test_what_is_not_of_the_form_is_no_forgery(change: Callable[[list[Any]], Any], rule: str) -> None:
    value = decode(HONEST)
    assert isinstance(value, list)
    assert refused(encode(change(value)), FormatError) == rule


def test_an_unknown_version_is_not_called_wrong() -> None:
    assert refused(encode([2, "whatever"]), CannotTellError) == "compact.version"
    assert refused(encode([True]), CannotTellError) == "compact.version"
    assert refused(bytes(16_385), FormatError) == "encoding.too-large"


def test_every_single_bit_is_bound() -> None:
    verified(HONEST)
    accepted = []
    for at in range(len(HONEST)):
        changed = HONEST[:at] + bytes([HONEST[at] ^ 1 << at % 8]) + HONEST[at + 1 :]
        try:
            verified(changed)
        except LedgerError:
            continue
        accepted.append(at)
    assert not accepted


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises((FormatError, CannotTellError)):
        verified(data)


# --- as a number ------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=3_000))
def test_bytes_and_digits_are_the_same(rest: bytes) -> None:
    data = b"\x99" + rest
    digits = to_digits(data)
    assert digits.isdigit()
    assert from_digits(digits) == data
    if len(data) < 1_700:
        assert digits == str(int.from_bytes(data, "big"))
    assert len(digits) <= len(data) * 2.4083 + 1


@pytest.mark.parametrize("text", ["", "0", "012", "12a", " 12", "1٣", "-1", "1" * 50_000])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        from_digits(text)
    assert caught.value.rule == "compact.digits"


# --- made by a node ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def final(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinalView]:
    store = ledger().write_store(tmp_path_factory.mktemp("compact") / "ledger")
    yield FinalView(store, ledger().checkpoint_by(range(VALIDATORS)))
    store.close()


def test_a_node_makes_the_same(final: FinalView) -> None:
    for which in (ISSUE, OFFERED, DOCUMENT, PRIVATE):
        assert compact_receipt(final, Place(*PLACES[which]), POLICY) == compact(which)
    with pytest.raises(RefusedError):
        compact_receipt(final, Place(*PLACES[REVOKED]), POLICY)
