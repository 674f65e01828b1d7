"""`kill -9` at random instants under load, against a real `sogoc serve`.

Thirty seeded rounds over two ledgers. A round that fails names its seed and its number; `scripts/soak --seed` runs
thousands of the same.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.rounds import Rounds

ROUNDS = 15


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_instant_nothing_acknowledged_is_lost_and_no_second_root_is_signed(
    tmp_path: Path, seed: int
) -> None:
    rounds = Rounds(tmp_path, seed)
    try:
        for _ in range(ROUNDS):
            rounds.round()
        rounds.finish()
    finally:
        rounds.close()
    figures = rounds.figures
    print(figures)  # noqa: T201  shown when the test fails, or with -s
    assert figures.kills > ROUNDS
    assert figures.acknowledged >= 10 * ROUNDS
    assert figures.final >= figures.acknowledged - figures.refused
    assert figures.refused > 0
    assert figures.checkpoints > ROUNDS
