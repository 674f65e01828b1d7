"""Policy epochs: a chain whose validators change, followed from any policy, and every way to cheat with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint, note
from ledger.encoding import encode
from ledger.epochs import Epochs, TileLinks, extends
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.genesis import Validator, validators_policy
from ledger.note import Note
from ledger.policy import Policy, quorum_size
from ledger.transitions import MAX_TRANSITIONS, Transition, Transitions
from ledger.validators import current_set
from tests.chains import ORIGIN, Chain, key, validator_name
from tests.changing import Changing, Signer


@pytest.fixture(scope="module")
def told() -> Changing:
    """Three epochs of one validator: sizes up to 8, up to 14, and from there."""
    made = Changing()
    made.documents(2)
    made.rotate(0)
    made.documents(2)
    made.rotate(0)
    made.documents(2)
    return made


def rule_of(act, *arguments) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002
    try:
        act(*arguments)
    except LedgerError as error:
        return f"{type(error).__name__} {error.rule}"
    return "good"


def test_epochs_follow_on_each_other_from_the_first_policy(told: Changing) -> None:
    epochs = told.epochs()
    assert told.closings == [8, 14]
    assert [(one.from_size, one.to_size) for one in epochs.epochs] == [(0, 8), (9, 14), (15, None)]
    assert epochs.newest.policy == validators_policy(ORIGIN, current_set(told.chain.state))
    assert Transitions.parse(told.transitions.encoded()) == told.transitions


def test_a_checkpoint_counts_by_the_policy_of_its_own_epoch(told: Changing) -> None:
    epochs = told.epochs()
    for size, number in [(2, 0), (4, 0), (8, 0), (10, 1), (14, 1), (16, 2), (18, 2)]:
        assert epochs.check(told.sign(size, told.sets[number])).checkpoint.size == size
        assert epochs.policy_at(size) == epochs.epochs[number].policy


def test_a_later_policy_leads_on_and_older_sizes_are_not_told(told: Changing) -> None:
    second = told.epochs().epochs[1].policy
    epochs = Epochs.follow(second, told.transitions)
    assert [(one.from_size, one.to_size) for one in epochs.epochs] == [(9, 14), (15, None)]
    assert rule_of(epochs.check, told.sign(4, told.sets[0])) == "CannotTellError policy.epoch-before"
    newest = Epochs.follow(told.epochs().newest.policy, told.transitions)
    assert [(one.from_size, one.to_size) for one in newest.epochs] == [(15, None)]


def test_a_policy_of_ones_own_leads_on_where_it_passes_a_closing_checkpoint(told: Changing) -> None:
    own = Policy.parse(
        "# mine\n"
        + told.policy.format()
        .replace(validator_name(0) + " ", "ward ", 1)
        .replace(f" 1 {validator_name(0)}", " 1 ward")
    )
    assert own != told.policy
    epochs = Epochs.follow(own, told.transitions)
    assert [one.to_size for one in epochs.epochs] == [8, 14, None]
    stranger = Changing()
    stranger.chain = Chain(nonce=b"another nonce 16")
    other = validators_policy("other.example/log", stranger.chain.genesis.validators)
    assert rule_of(Epochs.follow, other, told.transitions) == "CannotTellError policy.epoch-chain"


# --- retired keys -------------------------------------------------------------------------------------------------------


def test_retired_keys_sign_nothing_beyond_their_epoch(told: Changing) -> None:
    epochs = told.epochs()
    for size, number in [(10, 0), (14, 0), (16, 0), (16, 1)]:
        assert (
            rule_of(epochs.check, told.sign(size, told.sets[number]))
            == "VerificationError policy.epoch-ended"
        )
    # Keys of a later epoch do not count for an earlier one either, and nobody is accused of anything.
    assert rule_of(epochs.check, told.sign(4, told.sets[1])) == "CannotTellError policy.no-log-signature"


def test_retired_keys_sign_no_other_tree_of_their_time(told: Changing) -> None:
    epochs, bare = told.epochs(), told.epochs(linked=False)
    for size in (2, 4, 6):
        text = told.sign(size, told.sets[0], root=bytes(32))
        assert rule_of(epochs.check, text) == "VerificationError policy.epoch-root"
        assert rule_of(bare.check, text) == "CannotTellError policy.epoch-unlinked"
        assert rule_of(bare.check, told.sign(size, told.sets[0])) == "CannotTellError policy.epoch-unlinked"
    assert (
        rule_of(bare.check, told.sign(8, told.sets[0], root=bytes(32)))
        == "VerificationError policy.epoch-root"
    )
    assert rule_of(bare.check, told.sign(8, told.sets[0])) == "good"


def test_retired_keys_do_not_say_that_an_old_tree_is_new(told: Changing) -> None:
    later = told.chain.genesis.time_ms // 1000 + 9
    for size in (4, 8):
        text = told.sign(size, told.sets[0], time_s=later)
        assert rule_of(told.epochs().check, text) == "VerificationError policy.epoch-late"


def test_unknown_keys_are_no_forgery(told: Changing) -> None:
    stranger = [Signer(validator_name(0), 9)]
    assert rule_of(told.epochs().check, told.sign(18, stranger)) == "CannotTellError policy.epoch-unknown"
    # Whoever has heard of fewer changes cannot tell either.
    known = Epochs.follow(told.policy, replace(told.transitions, steps=told.transitions.steps[:1]))
    assert rule_of(known.check, told.sign(18, told.sets[2])) == "CannotTellError policy.epoch-unknown"
    assert (
        rule_of(Epochs.pinned(told.policy).check, told.sign(18, told.sets[2]))
        == "CannotTellError policy.epoch-unknown"
    )
    other = checkpoint.body("other.example/log", 18, bytes(32))
    text = note.format(Note(other, (note.sign_log(other, "other.example/log", key("log 0")),)))
    assert rule_of(told.epochs().check, text) == "CannotTellError policy.no-log-signature"


def test_a_log_that_is_another_one_proves_nothing(told: Changing) -> None:
    other = Chain(nonce=b"another nonce 16")
    other.add_documents(*[1] * 30)
    epochs = told.epochs().with_links(TileLinks(other, other.size))
    assert rule_of(epochs.check, told.sign(4, told.sets[0])) == "CannotTellError policy.epoch-link"
    short = Chain()
    assert (
        rule_of(told.epochs().with_links(TileLinks(short, short.size)).check, told.sign(4, told.sets[0]))
        == "CannotTellError policy.epoch-link"
    )


# --- false transitions --------------------------------------------------------------------------------------------------


def follow(told: Changing, *steps: Transition) -> str:
    return rule_of(Epochs.follow, told.policy, replace(told.transitions, steps=steps))


def test_every_part_of_a_transition_is_checked(told: Changing) -> None:
    first, second = told.steps
    assert follow(told, first, second) == "good"
    assert follow(told, second) == "CannotTellError policy.no-log-signature"
    assert follow(told, first, first) == "CannotTellError policy.no-log-signature"
    assert (
        follow(told, replace(first, checkpoint_text=told.sign(8, told.sets[1])))
        == "CannotTellError policy.no-log-signature"
    )
    assert follow(told, replace(first, path=first.path[:-1])).startswith("VerificationError proof.")
    assert follow(told, replace(first, header_leaf=second.header_leaf)).startswith("VerificationError proof.")
    assert follow(told, replace(first, after=second.after)).startswith("VerificationError ")
    assert follow(told, replace(first, before=second.before)).startswith("VerificationError ")
    assert follow(told, replace(first, after=first.before)).startswith("VerificationError ")
    absent = replace(first.after, value=None)
    assert follow(told, replace(first, after=absent)) == "VerificationError epochs.state"
    # By the right keys, over another tree.
    assert follow(
        told, replace(first, checkpoint_text=told.sign(8, told.sets[0], root=bytes(32)))
    ).startswith("VerificationError proof.")


def test_a_checkpoint_that_changed_nothing_closes_no_epoch() -> None:
    """Else a server could cut an epoch in two, and the true transitions would look like a second history."""
    made = Changing()
    made.documents(1)
    made.rotate(0)
    made.documents(1)
    header = made.chain.headers[-1]
    step = made.transition(header, made.sign(header.size, made.sets[1]))
    found = replace(made.transitions, steps=(*made.steps, step))
    assert rule_of(Epochs.follow, made.policy, found) == "VerificationError epochs.unchanged"


def test_no_change_is_passed_over_though_a_quorum_stays() -> None:
    made = Changing(4)
    made.documents(1)
    made.rotate(3)
    made.rotate(2, "header")
    made.rotate(3, "header")
    last = made.steps[-1]
    # Three of the first four still sign at the end: but the state says whom it found.
    text = made.sign(made.closings[-1], made.sets[0][:3])
    found = replace(made.transitions, steps=(replace(last, checkpoint_text=text),))
    assert rule_of(Epochs.follow, made.policy, found) == "VerificationError epochs.skipped"
    found = replace(made.transitions, steps=(made.steps[0], replace(last, checkpoint_text=text)))
    assert rule_of(Epochs.follow, made.policy, found) == "VerificationError epochs.skipped"
    assert rule_of(Epochs.follow, made.policy, made.transitions) == "good"


def test_a_closing_checkpoint_needs_its_quorum() -> None:
    made = Changing(4)
    made.rotate(0)
    text = made.sign(made.closings[0], made.sets[0][:2])
    found = replace(made.transitions, steps=(replace(made.steps[0], checkpoint_text=text),))
    assert rule_of(Epochs.follow, made.policy, found) == "CannotTellError policy.quorum-missing"


def test_what_is_known_is_only_added_to(told: Changing) -> None:
    fewer = replace(told.transitions, steps=told.transitions.steps[:1])
    extends(fewer, told.transitions)
    extends(told.transitions, told.transitions)
    assert rule_of(extends, told.transitions, fewer) == "CannotTellError epochs.older"
    other = replace(told.steps[1], checkpoint_text=told.sign(14, told.sets[1], root=bytes(32)))
    found = replace(told.transitions, steps=(told.steps[0], other))
    assert rule_of(extends, told.transitions, found) == "VerificationError epochs.fork"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ([2, "", []], "epochs.version"),
        ([True, "", []], "epochs.version"),
        ([], "epochs.shape"),
        ("x", "epochs.shape"),
        ([1, "", [], 0], "epochs.shape"),
        ([1, b"", []], "epochs.shape"),
        ([1, "", {}], "epochs.shape"),
        ([1, "", [[]]], "epochs.shape"),
        ([1, "", [["", b"", [], 0]]], "epochs.shape"),
        ([1, "", [[b"", b"", [], 0, 0]]], "epochs.shape"),
        ([1, "", [["", "", [], 0, 0]]], "epochs.shape"),
        ([1, "", [["", b"", 0, 0, 0]]], "epochs.shape"),
        ([1, "", [["", b"", [b"short"], 0, 0]]], "epochs.shape"),
        ([1, "", [["", b"", [bytes(32)] * 65, 0, 0]]], "epochs.shape"),
        ([1, "", [0] * (MAX_TRANSITIONS + 1)], "epochs.limit"),
    ],
)
def test_a_file_of_another_form_is_refused(value, rule: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    with pytest.raises((FormatError, CannotTellError)) as caught:
        Transitions.parse(encode(value))
    assert caught.value.rule == rule


# --- a slow twin --------------------------------------------------------------------------------------------------------

acts = st.lists(st.one_of(st.just(None), st.integers(0, 3)), min_size=1, max_size=5)
asked = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 5), st.integers(1, 15), st.booleans()), max_size=12
)


@given(acts, asked)
def test_random_checkpoints_are_judged_as_the_twin_judges_them(history, questions) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """The twin knows who was a validator at which size, and which tree is true; it looks at no signature."""
    made = Changing(4)
    made.documents(1)
    for act in history:
        if act is None:
            made.documents(1)
        else:
            made.rotate(act)
    made.documents(1)
    epochs = made.epochs()
    end = made.chain.tip.size
    for at, generation, chosen, is_true in questions:
        size = 2 + at % (end - 1)
        number = min(generation, len(made.sets) - 1)
        signers = [one for bit, one in enumerate(made.sets[number]) if chosen >> bit & 1]
        text = made.sign(size, signers, root=None if is_true else bytes(32), time_s=1)
        assert (rule_of(epochs.check, text) == "good") == _counts(made, size, signers, is_true=is_true), size


def _counts(made: Changing, size: int, signers: Sequence[Signer], *, is_true: bool) -> bool:
    number = len([closing for closing in made.closings if closing < size])
    in_force = {(one.name, one.generation) for one in made.sets[number]}
    signed = {(one.name, one.generation) for one in signers} & in_force
    if len(signed) < quorum_size(len(in_force)):
        return False
    # In the epoch that goes on, the quorum's word is all there is; in one that is over, the log is.
    return is_true or number == len(made.sets) - 1


def test_a_validator_is_its_row() -> None:
    assert Validator("a", b"e", b"h", b"l", b"c").keys[0] == ("engine", b"e")
    assert issubclass(VerificationError, LedgerError)
