"""Audits of a ledger whose validators change: who proposed is checked at every level, and no source is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from ledger.errors import CannotTellError, LedgerError
from ledger.transitions import Transition, Transitions
from ledger.verify import Level, audit
from tests.chains import Image
from tests.changing import Changing

LEVELS = tuple(Level)


@dataclass
class Telling(Image):
    """A log whose source tells how its validators changed."""

    told: bytes | None = None

    def transitions(self) -> bytes | None:
        return self.told


def source(made: Changing, *, signers: int = -1, told: Transitions | None = None) -> Telling:
    chain = made.chain
    text = made.sign(chain.tip.size, made.sets[signers])
    found = made.transitions if told is None else told
    return Telling(list(chain.leaves), [list(items) for items in chain.records], text, found.encoded())


def changed(documents: int = 2) -> Changing:
    """Three of four validators get new keys, one after the other."""
    made = Changing(4)
    made.documents(documents)
    for which in range(3):
        made.rotate(which)
        made.documents(documents)
    return made


def rule(act: Callable[[], object]) -> str:
    try:
        act()
    except LedgerError as error:
        return error.rule
    return "sound"


@pytest.mark.parametrize("level", LEVELS)
def test_an_audit_follows_the_sets(level: Level) -> None:
    made = changed()
    report = audit(source(made), level=level)
    assert report.size == made.chain.tip.size
    assert audit(source(made), made.policy, level=level).size == report.size
    assert audit(source(made), made.epochs().newest.policy, level=level).size == report.size


def test_segments_go_to_workers_with_the_keys_of_their_own_time() -> None:
    made = Changing(4)
    for which in range(2):
        made.chain.add(
            [made.chain.entry(made.chain.documents(1)) for _ in range(300)], proposer=_header(made)
        )
        made.rotate(which)
    made.documents(1)
    with ThreadPoolExecutor(2) as pool:
        for level in LEVELS:
            assert audit(source(made), level=level, executor=pool).size == made.chain.tip.size > 600


def _header(made: Changing, epoch: int = -1) -> str:
    return made.sets[epoch][0].seed("header")


def _add(made: Changing, proposer: str, engine_steps: int) -> None:
    """A block at some engine height, proposed by anybody."""
    header = made.chain.tip.header
    made.chain.tip = replace(
        made.chain.tip, header=replace(header, engine_height=header.engine_height + engine_steps - 1)
    )
    made.chain.add([made.chain.entry(made.chain.documents(1))], proposer=proposer)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("epoch", "steps", "expected"),
    [(0, 1, "sound"), (0, 2, "header.proposer"), (-1, 1, "sound"), (-1, 2, "sound")],
    ids=["removed, next height", "removed, later", "new, next height", "new, later"],
)
def test_a_removed_key_proposes_in_the_next_engine_height_and_no_later(
    level: Level, epoch: int, steps: int, expected: str
) -> None:
    made = Changing(4)
    made.documents(1)
    made.rotate(0)
    _add(made, _header(made, epoch), steps)
    assert rule(lambda: audit(source(made), level=level)) == expected


@pytest.mark.parametrize("level", LEVELS)
def test_a_removed_key_proposes_nothing_two_blocks_later(level: Level) -> None:
    made = Changing(4)
    made.rotate(0)
    made.documents(1)
    _add(made, _header(made, 0), 1)
    assert rule(lambda: audit(source(made), level=level)) == "header.proposer"


@pytest.mark.parametrize("level", LEVELS)
def test_a_key_proposes_nothing_before_it_is_named(level: Level) -> None:
    made = Changing(4)
    _add(made, "header phuson.example/so-goc/v0 1", 1)
    made.rotate(0)
    made.documents(1)
    assert rule(lambda: audit(source(made), level=level)) == "header.proposer"


@pytest.mark.parametrize("level", LEVELS)
def test_transitions_of_another_history_are_found_in_the_log(level: Level) -> None:
    """By the true keys of then: only the log that is hashed tells which history is its own."""
    made, other = Changing(4), Changing(4)
    made.documents(1)
    other.chain.documents(5)
    other.documents(1)
    for one in (made, other):
        one.rotate(0)
        one.documents(1)
    assert made.closings == other.closings
    assert rule(lambda: audit(source(made, told=other.transitions), level=level)) == "epochs.root"


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_not_told_is_no_fault_of_the_log(level: Level) -> None:
    made = changed()

    def told(steps: Sequence[Transition]) -> str:
        found = replace(made.transitions, steps=tuple(steps))
        return rule(lambda: audit(source(made, told=found), level=level))

    assert told(made.steps) == "sound"
    # Three of the four that it knows still sign, and propose: a log that is right is not wrong because its source tells less.
    assert told(made.steps[:2]) == "sound"
    assert told(made.steps[:1]) == "policy.epoch-unknown"
    with pytest.raises(CannotTellError):
        audit(source(made, told=replace(made.transitions, steps=())), level=level)


def test_a_false_transition_is_named() -> None:
    made = changed()
    first, *rest = made.steps
    wrong = replace(made.transitions, steps=(replace(first, before=first.after), *rest))
    assert rule(lambda: audit(source(made, told=wrong), level=Level.LINKS)).startswith("state-proof.")
    broken = source(made)
    broken.told = b"\xc1"
    assert rule(lambda: audit(broken, level=Level.LINKS)).startswith("encoding.")
