"""Evidence of two signed histories: what proves it, and all that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint as checkpoints
from ledger import evidence as evidences
from ledger import merkle, note
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.evidence import Evidence
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, LOG_KEY, Note, VerifierKey
from ledger.policy import Policy

ORIGIN = "tinh.example/so-goc"
LIAR, OTHER = SigningKey.from_seed(b"\x01" * 32), SigningKey.from_seed(b"\x02" * 32)
LIAR_KEY = VerifierKey("tinh.example/liar", COSIGNING_KEY, LIAR.public_key)


def _hashes(*names: str) -> list[bytes]:
    return [leaf_hash(name.encode()) for name in names]


def _checkpoint(leaves: list[bytes], *signers: SigningKey, origin: str = ORIGIN) -> str:
    text = checkpoints.body(origin, len(leaves), merkle.root_of_hashes(leaves))
    signatures = [note.sign_log(text, ORIGIN, signers[0])]
    names = {LIAR.public_key: LIAR_KEY.name, OTHER.public_key: "tinh.example/other"}
    signatures += [checkpoints.cosign(text, names[one.public_key], one, 1_700_000_000) for one in signers]
    return note.format(Note(text, tuple(signatures)))


def _evidence(earlier: list[bytes], later: list[bytes], **changes: object) -> Evidence:
    """What a finder would write who has seen both logs."""
    size = len(earlier)
    made = Evidence(LIAR_KEY, _checkpoint(earlier, LIAR), _checkpoint(later, LIAR))
    if size < len(later):
        made = replace(
            made,
            true_root=merkle.root_of_hashes(later[:size]),
            path=tuple(merkle.consistency_path(later, size)),
        )
    return replace(made, **changes)  # type: ignore[arg-type]


@given(st.integers(1, 20), st.integers(0, 20), st.data())
def test_a_fork_is_proved_at_every_pair_of_sizes(size: int, more: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, size - 1))
    later = _hashes(*(str(number) for number in range(size + more)))
    earlier = later[:size]
    earlier[place] = leaf_hash(b"another")
    made = _evidence(earlier, later)
    read = evidences.parse(evidences.format(made))
    assert read == made
    first, second = evidences.verify(read)
    assert (first.size, second.size) == (size, size + more)


@given(st.integers(1, 20), st.integers(0, 20))
def test_an_honest_signer_is_never_accused(size: int, more: int) -> None:
    leaves = _hashes(*(str(number) for number in range(size + more)))
    with pytest.raises(VerificationError) as caught:
        evidences.verify(_evidence(leaves[:size], leaves))
    assert caught.value.rule == "evidence.same"


FORK = _evidence(_hashes("a", "x", "c"), _hashes("a", "b", "c", "d", "e"))
SAME_SIZE = _evidence(_hashes("a", "x"), _hashes("a", "b"))


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (replace(FORK, true_root=b"\x00" * 32), "proof.root-mismatch"),
        (replace(FORK, path=FORK.path[:-1]), "proof.length"),
        (replace(FORK, true_root=None, path=()), "evidence.order"),
        (replace(FORK, earlier_text=FORK.later_text, later_text=FORK.earlier_text), "evidence.order"),
        (replace(SAME_SIZE, true_root=b"\x00" * 32), "evidence.order"),
        (replace(SAME_SIZE, later_text=SAME_SIZE.earlier_text), "evidence.same"),
        (replace(SAME_SIZE, later_text=_checkpoint(_hashes("a", "b"), OTHER)), "evidence.not-signed"),
        (
            replace(SAME_SIZE, later_text=_checkpoint(_hashes("a", "b"), LIAR, origin="other.example/so")),
            "evidence.origin",
        ),
        (
            replace(SAME_SIZE, key=VerifierKey(LIAR_KEY.name, COSIGNING_KEY, OTHER.public_key)),
            "evidence.not-signed",
        ),
    ],
)
def test_what_proves_nothing(made: Evidence, rule: str) -> None:
    with pytest.raises(VerificationError) as caught:
        evidences.verify(evidences.parse(evidences.format(made)))
    assert caught.value.rule == rule


def test_a_signature_put_under_another_checkpoint_is_no_evidence() -> None:
    parsed = checkpoints.parse(SAME_SIZE.later_text).note
    stolen = checkpoints.parse(SAME_SIZE.earlier_text).note.signatures
    made = replace(SAME_SIZE, later_text=note.format(Note(parsed.text, stolen)))
    with pytest.raises(VerificationError) as caught:
        evidences.verify(made)
    assert caught.value.rule.startswith("signature.")


def test_log_signatures_are_evidence_too() -> None:
    made = replace(SAME_SIZE, key=VerifierKey(ORIGIN, LOG_KEY, LIAR.public_key))
    evidences.verify(made)


def test_the_policy_tells_whose_key_it_is() -> None:
    log = VerifierKey(ORIGIN, LOG_KEY, OTHER.public_key)
    policy = Policy.for_validators([log], [LIAR_KEY], 1)
    assert evidences.accused_by(FORK, policy) == LIAR_KEY.name
    by_log = replace(FORK, key=log)
    assert evidences.accused_by(by_log, policy) == ORIGIN
    with pytest.raises(VerificationError) as caught:
        evidences.accused_by(replace(FORK, key=VerifierKey("n", COSIGNING_KEY, OTHER.public_key)), policy)
    assert caught.value.rule == "evidence.unknown-key"


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("sogoc evidence v1", "sogoc evidence v2", "evidence.version"),
        ("sogoc evidence v1", "evidence", "evidence.header"),
        ("\n\n", "\n", "evidence.path"),
        ("key ", "kei ", "evidence.key"),
        ("root ", "rood ", "evidence.path"),
        ("checkpoint 6", "checkpoint 99", "evidence.shape"),
        ("checkpoint 6", "checkpoint 06", "evidence.shape"),
        ("checkpoint 6", "6", "evidence.shape"),
    ],
)
def test_a_file_of_another_shape_is_refused(before: str, after: str, rule: str) -> None:
    text = evidences.format(FORK)
    assert before in text
    with pytest.raises((FormatError, CannotTellError)) as caught:
        evidences.parse(text.replace(before, after, 1))
    assert caught.value.rule == rule


def test_nothing_may_follow() -> None:
    with pytest.raises(FormatError) as caught:
        evidences.parse(evidences.format(FORK) + "more\n")
    assert caught.value.rule == "evidence.shape"


@given(st.data())
def test_a_changed_character_never_accuses_anybody_else(data: st.DataObject) -> None:
    text = evidences.format(FORK)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.sampled_from("Aa0 \n+/=—é")) + text[place + 1 :]
    try:
        read = evidences.parse(changed)
        evidences.verify(read)
    except LedgerError:
        return
    assert read.key.public_key == LIAR.public_key


@pytest.mark.parametrize("made", [replace(SAME_SIZE, path=(b"\x00" * 32,)), replace(FORK, path=(b"short",))])
def test_what_would_not_read_back_is_not_written(made: Evidence) -> None:
    with pytest.raises(FormatError) as caught:
        evidences.format(made)
    assert caught.value.rule == "evidence.path"
