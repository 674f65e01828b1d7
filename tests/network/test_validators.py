"""Four validators of four organisations: one ledger, a quorum for each block, and what happens when some are gone."""

from __future__ import annotations

from ledger.checkpoint import parse as parse_checkpoint
from ledger.receipt import verify
from tests.network.checking import check_all, row
from tests.network.figures import keep
from tests.network.hall import Hall, needs_cometbft

pytestmark = needs_cometbft


def test_what_one_takes_in_all_have_and_any_proof_holds(hall: Hall) -> None:
    with hall.load(0, seed=1) as load:
        load.more(60)
    size = hall.until_agreed(above=2)
    figures = check_all(hall)
    assert figures.final > 0
    entry_id = next(line["acknowledged"] for line in hall.books[0].read() if "acknowledged" in line)
    for number in range(4):
        status, text = hall.ask(number, "/checkpoint")
        assert status == 200
        checked = hall.policy.check(text.decode())
        assert len(checked.cosignatures) >= 3
        assert parse_checkpoint(text.decode()).size == size
        node = hall.http(number)
        entry = node.get_json(f"/v1/entries/{entry_id}")
        receipt = node.get(f"/v1/records/{entry['records'][0]}/receipt").decode()
        node.close()
        verify(receipt, hall.policy)


def test_three_go_on_without_the_fourth_which_catches_up(hall: Hall) -> None:
    with hall.load(0, seed=2) as load, hall.meter() as meter:
        load.more(20)
        hall.kill(3)
        killed = hall.final_size(0)
        hall.until(lambda: hall.final_size(1) > killed, "final without the fourth")
        load.more(40)
        hall.start(3)
    hall.until_agreed(above=killed)
    keep(row("kill -9 of one, then start", check_all(hall), meter))


def test_two_of_four_cannot_make_anything_final(hall: Hall) -> None:
    with hall.load(0, seed=3, pause=0.05, waits=0) as load, hall.meter() as meter:
        load.more(20)
        hall.pause(2, 3)
        # What was under way is settled by then; what is taken in later needs votes that do not come.
        load.more(20)
        stuck = hall.final_size(0)
        load.more(40)
        assert hall.final_size(0) == hall.final_size(1) == stuck
        hall.resume(2, 3)
        hall.until(lambda: hall.final_size(0) > stuck, "final again")
    hall.until_agreed(above=stuck)
    keep(row("two of four stopped (SIGSTOP), then on", check_all(hall), meter))


def test_all_are_killed_again_and_again_and_nothing_acknowledged_is_lost(hall: Hall) -> None:
    with hall.meter() as meter:
        for seed in range(10, 13):
            with hall.load(seed % 4, seed) as load:
                load.wait_for(15, seconds=20)
                hall.kill(0, 1, 2, 3)
            hall.start()
    hall.until_agreed(above=2)
    figures = check_all(hall)
    assert figures.acknowledged > 0
    keep(row("kill -9 of all, three times", figures, meter))
    for number in range(4):
        hall.served[number].stop()
    assert [hall.engine_processes(number) for number in range(4)] == [[], [], [], []]
