"""State proofs: what is true can be proved, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value, decode, encode
from ledger.errors import FormatError, StoreCorruptError, VerificationError
from ledger.state import EMPTY_STATE_ROOT, StateProof, prove, update, verify_absence, verify_membership
from ledger.state.pages import page_path
from tests.reference_state import ReferenceState, sha256
from tests.test_state_tree import KEYS, VALUES, Pages, apply, rows


@cache
def sample() -> tuple[Pages, bytes, ReferenceState]:
    """A tree with branch pages, and the same rows in the twin."""
    reference, pages = ReferenceState(rows(0, 300)), Pages()
    return pages, apply(pages, EMPTY_STATE_ROOT, reference.rows), reference


def verify(root: bytes, proof: StateProof) -> None:
    if proof.value is None:
        verify_absence(root, proof.key, proof)
    else:
        verify_membership(root, proof.key, proof.value, proof)


HASH = b"\x01" * 32

# Members; absentees, of which the test after this makes sure that some end at a leaf and some at nothing.
SAMPLE_KEYS = [b"key 0", b"key 7", b"key 299", *(b"absent %d" % number for number in range(20))]


def sample_proof(key: bytes) -> StateProof:
    pages, root, reference = sample()
    return prove(pages, root, key, reference.read_row)


def test_the_sample_has_every_kind_of_proof() -> None:
    proofs = [sample_proof(key) for key in SAMPLE_KEYS]
    kinds = {(proof.value is None, proof.other_leaf is None) for proof in proofs}
    assert kinds == {(False, True), (True, True), (True, False)}
    assert any(EMPTY_STATE_ROOT in proof.siblings for proof in proofs)


@given(st.dictionaries(KEYS, VALUES, max_size=150), st.lists(KEYS, max_size=20))
def test_every_proof_is_the_definitions_and_holds(content: dict[bytes, bytes], asked: list[bytes]) -> None:
    reference, pages = ReferenceState(content), Pages()
    root = apply(pages, EMPTY_STATE_ROOT, content)
    for key in [*asked, *list(content)[:20]]:
        proof = prove(pages, root, key, reference.read_row)
        siblings, other = reference.prove(key)
        assert (proof.key, proof.value) == (key, content.get(key))
        assert (list(proof.siblings), proof.other_leaf) == (siblings, other)
        verify(root, proof)
        assert StateProof.from_value(decode(encode(proof.to_value()))) == proof


def test_the_empty_tree_proves_every_absence() -> None:
    proof = prove(Pages(), EMPTY_STATE_ROOT, b"key", ReferenceState().read_row)
    assert proof == StateProof(b"key", None, ())
    verify_absence(EMPTY_STATE_ROOT, b"key", proof)
    assert proof.to_value() == [b"key", None, b"", b"", None]


def test_an_empty_sibling_costs_a_bit() -> None:
    proof = StateProof(b"key", b"value", (EMPTY_STATE_ROOT,) * 200 + (b"\x01" * 32,))
    assert len(encode(proof.to_value())) < 100


def single_changes(proof: StateProof) -> Iterator[StateProof]:
    """Every proof that differs from `proof` in one thing."""
    yield replace(proof, key=proof.key + b"x")
    yield replace(proof, key=b"key 1")
    if proof.value is None:
        yield replace(proof, value=b"value")
    else:
        yield replace(proof, value=None)
        yield replace(proof, value=proof.value + b"x")
    for other in (None, (sha256(b"a"), sha256(b"b")), (sha256(proof.key), sha256(proof.value or b"value"))):
        if other != proof.other_leaf:
            yield replace(proof, other_leaf=other)
    if proof.other_leaf is not None:
        for part, bit in ((0, 0), (0, 255), (1, 0), (1, 255)):
            halves = list(proof.other_leaf)
            halves[part] = flipped(halves[part], bit)
            yield replace(proof, other_leaf=(halves[0], halves[1]))
        yield replace(proof, other_leaf=(proof.other_leaf[0], proof.other_leaf[1] + b"\x00"))
        yield replace(proof, other_leaf=(proof.other_leaf[0][:-1], proof.other_leaf[1]))
    siblings = proof.siblings
    yield replace(proof, siblings=(*siblings, EMPTY_STATE_ROOT))
    yield replace(proof, siblings=(EMPTY_STATE_ROOT, *siblings))
    yield replace(proof, siblings=(*siblings, sha256(b"")))
    yield replace(proof, siblings=siblings[::-1])
    for at, sibling in enumerate(siblings):
        yield replace(proof, siblings=siblings[:at] + siblings[at + 1 :])
        for wrong in (flipped(sibling, 0), flipped(sibling, 255), sibling[:-1], sibling + b"\x00", b""):
            yield replace(proof, siblings=(*siblings[:at], wrong, *siblings[at + 1 :]))
        if sibling != EMPTY_STATE_ROOT:
            yield replace(proof, siblings=(*siblings[:at], EMPTY_STATE_ROOT, *siblings[at + 1 :]))


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit >> 3] ^= 0x80 >> (bit & 7)
    return bytes(changed)


@pytest.mark.parametrize("key", SAMPLE_KEYS)
def test_no_proof_survives_a_change(key: bytes) -> None:
    _, root, reference = sample()
    proof = sample_proof(key)
    verify(root, proof)
    value = reference.rows.get(proof.key)
    for changed in single_changes(proof):
        with pytest.raises(VerificationError):
            verify_absence(root, proof.key, changed)
        with pytest.raises(VerificationError):
            verify_membership(root, proof.key, value or b"value", changed)


@pytest.mark.parametrize("key", SAMPLE_KEYS)
def test_no_bit_of_an_encoded_proof_may_change(key: bytes) -> None:
    _, root, reference = sample()
    value = reference.rows.get(key)
    data = encode(sample_proof(key).to_value())

    def check(encoded: bytes) -> None:
        proof = StateProof.from_value(decode(encoded))
        if value is None:
            verify_absence(root, key, proof)
        else:
            verify_membership(root, key, value, proof)

    check(data)
    for bit in range(8 * len(data)):
        with pytest.raises((FormatError, VerificationError)):
            check(flipped(data, bit))


def test_a_proof_holds_for_its_own_question_only() -> None:
    pages, root, reference = sample()
    member = prove(pages, root, b"key 7", reference.read_row)
    absent = prove(pages, root, b"absent 7", reference.read_row)
    newer = update(pages, root, {b"key 8": b"new"}).root
    questions: list[tuple[Callable[[], None], str]] = [
        (lambda: verify_membership(root, b"key 8", b"value", member), "state-proof.key"),
        (lambda: verify_membership(root, b"key 7", b"other", member), "state-proof.value"),
        (lambda: verify_membership(root, b"key 7", b"", replace(member, value=b"")), "state-proof.value"),
        (lambda: verify_absence(root, b"key 7", member), "state-proof.value"),
        (lambda: verify_membership(newer, b"key 7", b"value", member), "state-proof.root-mismatch"),
        (lambda: verify_membership(b"", b"key 7", b"value", member), "state-proof.root-mismatch"),
        (lambda: verify_absence(root, b"absent 8", absent), "state-proof.key"),
        (lambda: verify_absence(newer, b"absent 7", absent), "state-proof.root-mismatch"),
        (lambda: verify_membership(root, b"absent 7", b"value", absent), "state-proof.value"),
        (lambda: verify_absence(root, b"", replace(absent, key=b"")), "state-proof.key"),
    ]
    for ask, rule in questions:
        with pytest.raises(VerificationError) as caught:
            ask()
        assert caught.value.rule == rule


def test_a_leaf_elsewhere_in_the_tree_proves_no_absence() -> None:
    # The honest proof of a member, relabelled: its leaf is in the tree, but not in the place of the absent key.
    pages, root, reference = sample()
    member = prove(pages, root, b"key 7", reference.read_row)
    leaf = (sha256(b"key 7"), sha256(b"value"))
    for number in range(50):
        key = b"absent %d" % number
        forged = StateProof(key, None, member.siblings, leaf)
        if prove(pages, root, key, reference.read_row) != forged:
            with pytest.raises(VerificationError):
                verify_absence(root, key, forged)


def test_a_leaf_in_a_wrong_place_proves_no_absence() -> None:
    # A malformed tree: its only other leaf stands on the side where its path does not lead. The root fits; no matter.
    key = b"key"
    other = next(
        b"%d" % number for number in range(99) if (sha256(b"%d" % number)[0] ^ sha256(key)[0]) & 0x80
    )
    leaf = sha256(b"\x00" + sha256(other) + sha256(b"value"))
    pair = HASH + leaf if sha256(key)[0] & 0x80 else leaf + HASH
    proof = StateProof(key, None, (HASH,), (sha256(other), sha256(b"value")))
    with pytest.raises(VerificationError) as caught:
        verify_absence(sha256(b"\x01" + pair), key, proof)
    assert caught.value.rule == "state-proof.other-leaf"


def test_the_two_hashes_of_the_other_leaf_cannot_be_cut_elsewhere() -> None:
    leaf = sha256(b"other") + sha256(b"value")
    root = sha256(b"\x00" + leaf)
    verify_absence(root, b"key", StateProof(b"key", None, (), (leaf[:32], leaf[32:])))
    for cut in (0, 16, 31, 33, 48, 64):
        with pytest.raises(VerificationError) as caught:
            verify_absence(root, b"key", StateProof(b"key", None, (), (leaf[:cut], leaf[cut:])))
        assert caught.value.rule == "state-proof.other-leaf"


def test_no_member_can_be_shown_to_be_absent() -> None:
    pages, root, reference = sample()
    for number in range(100):
        key = b"key %d" % number
        member = prove(pages, root, key, reference.read_row)
        leaf = (sha256(key), sha256(b"value"))
        for depth in range(len(member.siblings) + 1):
            for other in (None, leaf, (flipped(leaf[0], 255), leaf[1])):
                with pytest.raises(VerificationError):
                    verify_absence(root, key, StateProof(key, None, member.siblings[:depth], other))


def test_more_siblings_than_a_path_has_bits() -> None:
    proof = StateProof(b"key", b"value", (sha256(b""),) * 257)
    with pytest.raises(VerificationError) as caught:
        verify_membership(EMPTY_STATE_ROOT, b"key", b"value", proof)
    assert caught.value.rule == "state-proof.siblings"
    with pytest.raises(FormatError):
        proof.to_value()


def test_the_deepest_sibling_is_never_empty() -> None:
    value_leaf = sha256(b"\x00" + sha256(b"key") + sha256(b"value"))
    bit = sha256(b"key")[0] >> 7
    pair = EMPTY_STATE_ROOT + value_leaf if bit else value_leaf + EMPTY_STATE_ROOT
    # A tree hashed without the rule that a single leaf moves up: its root leads here, and is refused all the same.
    proof = StateProof(b"key", b"value", (EMPTY_STATE_ROOT,))
    with pytest.raises(VerificationError) as caught:
        verify_membership(sha256(b"\x01" + pair), b"key", b"value", proof)
    assert caught.value.rule == "state-proof.siblings"


HOSTILE: list[tuple[Value, str]] = [
    (None, "shape"),
    (b"", "shape"),
    ({}, "shape"),
    ([], "shape"),
    ([b"k", b"v", b"\x80", HASH], "shape"),
    ([b"k", b"v", b"\x80", HASH, None, None], "shape"),
    (["k", b"v", b"\x80", HASH, None], "key"),
    ([b"", b"v", b"\x80", HASH, None], "key"),
    ([None, b"v", b"\x80", HASH, None], "key"),
    ([b"k", b"", b"\x80", HASH, None], "value"),
    ([b"k", "v", b"\x80", HASH, None], "value"),
    ([b"k", False, b"\x80", HASH, None], "value"),
    ([b"k", b"v", None, HASH, None], "present"),
    ([b"k", b"v", 128, HASH, None], "present"),
    ([b"k", b"v", b"\x00", b"", None], "present"),
    ([b"k", b"v", b"\x80\x00", HASH, None], "present"),
    ([b"k", b"v", b"\x01" * 33, HASH * 33, None], "present"),
    ([b"k", b"v", b"\x80", None, None], "siblings"),
    ([b"k", b"v", b"\x80", [HASH], None], "siblings"),
    ([b"k", b"v", b"\x80", b"", None], "siblings"),
    ([b"k", b"v", b"\x80", HASH[1:], None], "siblings"),
    ([b"k", b"v", b"\x80", HASH + b"\x00", None], "siblings"),
    ([b"k", b"v", b"\x80", HASH * 2, None], "siblings"),
    ([b"k", b"v", b"", HASH, None], "siblings"),
    ([b"k", b"v", b"\xc0", HASH, None], "siblings"),
    ([b"k", b"v", b"\x80", EMPTY_STATE_ROOT, None], "siblings"),
    ([b"k", b"v", b"\xc0", EMPTY_STATE_ROOT + HASH, None], "siblings"),
    ([b"k", b"v", b"\x80", HASH, HASH * 2], "other-leaf"),
    ([b"k", None, b"\x80", HASH, HASH], "other-leaf"),
    ([b"k", None, b"\x80", HASH, b""], "other-leaf"),
    ([b"k", None, b"\x80", HASH, HASH * 3], "other-leaf"),
    ([b"k", None, b"\x80", HASH, [HASH, HASH]], "other-leaf"),
    ([b"k", None, b"\x80", HASH, False], "other-leaf"),
]


@pytest.mark.parametrize(("value", "rule"), HOSTILE)
def test_hostile_values_are_refused(value: Value, rule: str) -> None:
    with pytest.raises(FormatError) as caught:
        StateProof.from_value(value)
    assert caught.value.rule == f"state-proof.{rule}"


ANY_BIN = st.sampled_from([b"", b"\x00", b"\x80", b"\x01", b"\xff" * 32, HASH, HASH * 2, EMPTY_STATE_ROOT])
ANY_VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 300), st.text(max_size=2), ANY_BIN, st.binary(max_size=70)
)


@given(
    st.one_of(
        ANY_VALUE, st.lists(ANY_VALUE, max_size=7), st.lists(ANY_BIN | st.none(), min_size=5, max_size=5)
    )
)
def test_whatever_is_taken_is_given_back(value: Value) -> None:
    try:
        proof = StateProof.from_value(value)
    except FormatError:
        return
    assert proof.to_value() == value


@pytest.mark.parametrize(
    "proof",
    [
        StateProof(b"", b"v", ()),
        StateProof(b"k", b"", ()),
        StateProof(b"k", b"v", (EMPTY_STATE_ROOT,)),
        StateProof(b"k", b"v", (HASH, EMPTY_STATE_ROOT)),
        StateProof(b"k", b"v", (b"short",)),
        StateProof(b"k", b"v", (HASH + b"\x00" * 8, HASH[8:])),
        StateProof(b"k", b"v", (), (HASH, HASH)),
        StateProof(b"k", None, (), (HASH, b"")),
        StateProof(b"k", None, (), (HASH + HASH[:8], HASH[8:])),
    ],
)
def test_what_has_no_encoded_form_is_not_encoded(proof: StateProof) -> None:
    with pytest.raises(FormatError):
        proof.to_value()


def test_a_proof_that_would_not_hold_is_never_returned() -> None:
    good, root, reference = sample()
    with pytest.raises(FormatError):
        prove(good, root, b"", reference.read_row)
    faults = [
        (Pages(good), sha256(b"another root"), reference.read_row, "state.proof"),
        (Pages(), root, reference.read_row, "state.page-missing"),
        (Pages(good), root, lambda key_hash: None, "state.row"),
        (Pages(good), root, lambda key_hash: (b"key 8", b"value"), "state.row"),
        (Pages(good), root, lambda key_hash: (b"key 7", b""), "state.row"),
        (Pages(good), root, lambda key_hash: (b"key 7", b"changed"), "state.proof"),
    ]
    top = page_path(b"")
    faults[0][0][top] = good[top]
    for pages, asked, read_row, rule in faults:
        with pytest.raises(StoreCorruptError) as caught:
            prove(pages, asked, b"key 7", read_row)
        assert caught.value.rule == rule
    damaged = Pages(good)
    damaged[top] = flipped(good[top], 8 * 200)
    wrong = 0
    for number in range(64):
        try:
            verify(root, prove(damaged, root, b"key %d" % number, reference.read_row))
        except StoreCorruptError:
            wrong += 1
    assert wrong > 40
