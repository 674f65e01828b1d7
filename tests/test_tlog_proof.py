"""Proof files: one text per proof, and a leaf that is proved or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint as checkpoints
from ledger import merkle, tlog_proof
from ledger import note as notes
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, LOG_KEY, Note, VerifierKey
from ledger.policy import Policy
from ledger.tlog_proof import TlogProof

ORIGIN = "phuson.example/so-goc"
LOG_SEED, WITNESS_SEED = SigningKey.from_seed(b"l" * 32), SigningKey.from_seed(b"w" * 32)
WITNESS = VerifierKey("witness.example", COSIGNING_KEY, WITNESS_SEED.public_key)
POLICY = Policy.for_validators([VerifierKey(ORIGIN, LOG_KEY, LOG_SEED.public_key)], [WITNESS], 1)

LEAVES = [leaf_hash(bytes([number])) for number in range(21)]


def signed_checkpoint(size: int, root: bytes) -> str:
    body = checkpoints.body(ORIGIN, size, root)
    signatures = (
        notes.sign_log(body, ORIGIN, LOG_SEED),
        checkpoints.cosign(body, WITNESS.name, WITNESS_SEED, 1_764_000_000),
    )
    return notes.format(Note(body, signatures))


def proof_of(index: int, size: int, extra: bytes | None = None) -> TlogProof:
    leaves = LEAVES[:size]
    path = tuple(merkle.inclusion_path(leaves, index))
    return TlogProof(index, path, signed_checkpoint(size, merkle.root_of_hashes(leaves)), extra)


CHECKPOINT = signed_checkpoint(21, merkle.root_of_hashes(LEAVES))
GOOD = tlog_proof.format(proof_of(5, 21, b"\x00\xffextra"))

proofs = st.builds(
    TlogProof,
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=64).map(tuple),
    st.just(CHECKPOINT),
    st.none() | st.binary(min_size=1, max_size=100),
)


@given(proofs)
def test_round_trip(proof: TlogProof) -> None:
    text = tlog_proof.format(proof)
    assert tlog_proof.parse(text) == proof
    assert tlog_proof.parse(text.encode()) == proof


@given(proofs, st.data())
def test_a_changed_file_is_refused_or_reads_as_another(proof: TlogProof, data: st.DataObject) -> None:
    text = tlog_proof.format(proof).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.binary(max_size=2)) + text[place + 1 :]
    try:
        other = tlog_proof.parse(changed)
    except (FormatError, CannotTellError):
        return
    assert tlog_proof.format(other).encode() == changed


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_input_is_read_or_refused(data: str | bytes) -> None:
    with pytest.raises((FormatError, CannotTellError)):
        tlog_proof.parse(data)


def test_the_layout_is_that_of_the_format() -> None:
    proof = proof_of(5, 21, b"abc")
    steps = "".join(f"{notes.encode_base64(step)}\n" for step in proof.path)
    assert (
        tlog_proof.format(proof)
        == f"c2sp.org/tlog-proof@v1\nextra YWJj\nindex 5\n{steps}\n{proof.checkpoint_text}"
    )
    alone = proof_of(0, 1)
    assert tlog_proof.format(alone) == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{alone.checkpoint_text}"


@pytest.mark.parametrize("size", range(1, 22))
def test_every_leaf_of_small_trees_is_proved_at_its_own_place_only(size: int) -> None:
    for index in range(size):
        proof = tlog_proof.parse(tlog_proof.format(proof_of(index, size)))
        checked = proof.verify(LEAVES[index], POLICY)
        assert checked.checkpoint.size == size
        assert checked.existed_by_s == 1_764_000_000
        with pytest.raises(VerificationError):
            proof.verify(LEAVES[(index + 1) % 21], POLICY)
        for other in (index + 1, index ^ 1, size):
            if other != index:
                moved = TlogProof(other, proof.path, proof.checkpoint_text)
                with pytest.raises(VerificationError):
                    moved.verify(LEAVES[index], POLICY)


def test_the_extra_changes_no_verdict() -> None:
    assert proof_of(5, 21, b"anything").verify(LEAVES[5], POLICY) == proof_of(5, 21).verify(LEAVES[5], POLICY)


def test_a_proof_is_no_better_than_its_checkpoint() -> None:
    proof = proof_of(5, 21)
    stranger = Policy.for_validators([VerifierKey(ORIGIN, LOG_KEY, WITNESS_SEED.public_key)], [WITNESS], 1)
    with pytest.raises(CannotTellError) as unknown:
        proof.verify(LEAVES[5], stranger)
    assert unknown.value.rule == "policy.no-log-signature"
    body = checkpoints.body(ORIGIN, 22, bytes(32))
    forged = notes.format(Note(body, checkpoints.parse(proof.checkpoint_text).note.signatures))
    with pytest.raises(VerificationError) as wrong:
        TlogProof(5, proof.path, forged).verify(LEAVES[5], POLICY)
    assert wrong.value.rule == "signature.mismatch"
    with pytest.raises(VerificationError) as mismatch:
        TlogProof(5, tuple(reversed(proof.path)), proof.checkpoint_text).verify(LEAVES[5], POLICY)
    assert mismatch.value.rule == "proof.root-mismatch"


HEAD = "c2sp.org/tlog-proof@v1\n"
STEP = notes.encode_base64(bytes(32)) + "\n"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("tlog-proof.header", ""),
        ("tlog-proof.header", "\n" + GOOD),
        ("tlog-proof.header", " " + GOOD),
        ("tlog-proof.header", "c2sp.org/tlog-proof\nindex 0\n\n" + CHECKPOINT),
        ("tlog-proof.header", CHECKPOINT),
        ("tlog-proof.no-checkpoint", HEAD + "index 0\n" + STEP),
        ("tlog-proof.no-checkpoint", HEAD),
        ("tlog-proof.extra", HEAD + "extra \nindex 0\n\n" + CHECKPOINT),
        ("tlog-proof.extra", HEAD + "extra YWI\nindex 0\n\n" + CHECKPOINT),
        ("tlog-proof.extra", HEAD + "extra YWJ=\nindex 0\n\n" + CHECKPOINT),
        ("tlog-proof.extra", HEAD + "extra  YWJj\nindex 0\n\n" + CHECKPOINT),
        ("tlog-proof.extra", HEAD + "extra YWJj \nindex 0\n\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + "extra\nindex 0\n\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + "extra YWJj\nextra YWJj\nindex 0\n\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + "\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + STEP + "\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + "index 00\n\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + "index 05\n\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + "index -1\n\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + "index +1\n\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + "index \n\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + "index 1 \n\n" + CHECKPOINT),
        ("tlog-proof.index", HEAD + f"index {2**63}\n\n" + CHECKPOINT),
        ("tlog-proof.path", HEAD + "index 1\nextra YWJj\n\n" + CHECKPOINT),
        ("tlog-proof.path", HEAD + "index 1\n" + STEP[:-2] + "\n\n" + CHECKPOINT),
        ("tlog-proof.path", HEAD + "index 1\nAAAA\n\n" + CHECKPOINT),
        ("tlog-proof.path", HEAD + "index 1\n" + STEP * 65 + "\n" + CHECKPOINT),
        ("tlog-proof.path", HEAD + "index 1\n" + STEP * 20_000 + "\n" + CHECKPOINT),
        ("note.no-signatures", HEAD + "index 1\n\n"),
        ("note.no-signatures", HEAD + "index 1\n\ntext\n"),
        ("checkpoint.empty-line", HEAD + "index 1\n\n\n" + CHECKPOINT),
        ("note.no-final-newline", GOOD[:-1]),
        ("note.no-signatures", GOOD + "\n"),
        ("tlog-proof.control-character", GOOD.replace("\n", "\r\n")),
        ("tlog-proof.too-large", HEAD + "extra " + "A" * 1_000_000),
    ],
)
def test_malformed_files_are_refused_by_name(rule: str, text: str) -> None:
    with pytest.raises(FormatError) as caught:
        tlog_proof.parse(text)
    assert caught.value.rule == rule


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(FormatError) as caught:
        tlog_proof.parse(GOOD.encode() + b"\xff")
    assert caught.value.rule == "tlog-proof.not-utf-8"


def test_another_version_is_cannot_tell() -> None:
    with pytest.raises(CannotTellError) as caught:
        tlog_proof.parse(GOOD.replace("@v1", "@v2"))
    assert caught.value.rule == "tlog-proof.version"


@pytest.mark.parametrize(
    "proof",
    [
        TlogProof(-1, (), CHECKPOINT),
        TlogProof(2**63, (), CHECKPOINT),
        TlogProof(0, (bytes(31),), CHECKPOINT),
        TlogProof(0, (bytes(32),) * 65, CHECKPOINT),
        TlogProof(0, (), CHECKPOINT[1:-1]),
        TlogProof(0, (), CHECKPOINT, b""),
        TlogProof(0, (), CHECKPOINT, bytes(750_000)),
    ],
)
def test_what_would_not_read_back_is_not_written(proof: TlogProof) -> None:
    with pytest.raises(FormatError):
        tlog_proof.format(proof)


def test_the_largest_record_fits_into_extra() -> None:
    proof = proof_of(5, 21, bytes(700_000))
    assert tlog_proof.parse(tlog_proof.format(proof)) == proof
