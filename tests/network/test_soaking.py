"""The random schedule is its seed's, has every kind of fault, and a few rounds of it pass."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from tests.network.figures import keep
from tests.network.hall import needs_cometbft
from tests.network.soaking import KINDS, VALIDATORS, NetworkRounds, plan

ROUNDS = 2


def test_a_seed_gives_its_schedule_again() -> None:
    first = list(islice(plan(7), 100))
    assert first == list(islice(plan(7), 100))
    assert first != list(islice(plan(8), 100))
    assert {fault.kind for fault in first} == set(KINDS)
    for fault in first:
        assert sorted(one for group in fault.groups for one in group) == list(range(VALIDATORS))
        assert 0.5 <= fault.seconds <= 4.5
        assert len(set(fault.loaded)) == 2


@needs_cometbft
def test_a_few_random_rounds(tmp_path: Path) -> None:
    said: list[str] = []
    rounds = NetworkRounds(tmp_path / "network", seed=1, say=said.append)
    try:
        for _ in range(ROUNDS):
            rounds.round()
        keep(rounds.row)
        rounds.finish()
    finally:
        rounds.close()
    planned = enumerate(islice(plan(1), ROUNDS), 1)
    assert said[-ROUNDS:] == [f"seed=1 round={number} {fault}" for number, fault in planned]
