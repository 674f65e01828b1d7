"""Four validators, each on a network of its own, and the cables between them pulled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.network.checking import check_all, row
from tests.network.figures import keep
from tests.network.hall import Hall, needs_cometbft
from tests.network.wires import Wires, wires_or_skip

pytestmark = needs_cometbft


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hall, Wires]]:
    with wires_or_skip(4) as wires:
        hall = Hall(tmp_path_factory.mktemp("parted"), wires=wires)
        try:
            hall.start()
            yield hall, wires
        finally:
            hall.close()


@pytest.fixture
def parted(network: tuple[Hall, Wires]) -> tuple[Hall, Wires]:
    hall, wires = network
    wires.heal()
    hall.restore()
    return hall, wires


def test_two_and_two_halt_and_go_on_when_they_meet_again(parted: tuple[Hall, Wires]) -> None:
    hall, wires = parted
    with (
        hall.load(0, seed=21, pause=0.05, waits=0) as here,
        hall.load(2, seed=22, pause=0.05, waits=0) as there,
        hall.meter() as meter,
    ):
        here.more(20)
        there.more(20)
        wires.part((0, 1), (2, 3))
        # What both had in hand is settled by then; what is taken in later needs votes that do not come.
        here.more(20)
        there.more(20)
        stuck = [hall.final_size(number) for number in range(4)]
        here.more(40)
        there.more(40)
        assert [hall.final_size(number) for number in range(4)] == stuck
        wires.heal()
        hall.until(lambda: hall.final_size(0) > max(stuck), "final again")
    hall.until_agreed(above=max(stuck))
    keep(row("partition 2 + 2, then heal", check_all(hall), meter))


def test_three_go_on_and_the_one_says_that_it_is_behind(parted: tuple[Hall, Wires]) -> None:
    hall, wires = parted
    with (
        hall.load(0, seed=23, pause=0.1) as load,
        hall.load(3, seed=24, threads=1, pause=0.3, waits=0) as alone,
        hall.meter() as meter,
    ):
        load.more(20)
        wires.part((0, 1, 2), (3,))
        alone.more(3)
        stuck = hall.final_size(3)
        hall.until(lambda: hall.final_size(0) > stuck, "final without the one")
        before = hall.final_size(0)
        hall.until(lambda: "quorum.away" in hall.reasons(3), "saying that it is behind")
        assert "goes on without it" in hall.reasons(3)["quorum.away"]
        # It has taken entries in, and shows none of them, nor what the three have made final.
        assert hall.final_size(3) == stuck
        assert hall.waiting(3) > 0
        assert hall.status(3)["size"] == stuck
        assert hall.reasons(0) == hall.reasons(1) == hall.reasons(2) == {}
        hall.until(lambda: hall.final_size(0) > before, "still going on")
        wires.heal()
        hall.until(lambda: not hall.reasons(3), "ready again")
    hall.until_agreed(above=before)
    keep(row("partition 3 + 1, then heal", check_all(hall), meter))
