"""Under load, a fifth validator joins, one leaves, one gets new keys, and one sleeps through two of these changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger.epochs import Epochs
from ledger.errors import LedgerError
from ledger.note import parse as parse_note
from ledger.receipt import verify
from ledger.store.ledger_store import LedgerStore
from node.home import Home
from tests.faults.serving import Http
from tests.network.checking import check_all
from tests.network.hall import ORIGIN, Hall, free_ports, needs_cometbft
from tests.serving import Done, quiet_logs, sogoc

__all__ = ["quiet_logs"]

pytestmark = needs_cometbft

WARD, PROVINCE, COOP, INSPECTORATE, NEWCOMER = range(5)
OPEN = "--insecure-no-passphrase"
BEHIND_SECONDS = 11
"""A block that is older than ten seconds is one that a validator missed."""


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    made = Hall(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.close()


def good(*arguments: str | Path) -> Done:
    done = sogoc(*arguments)
    assert (done.code, done.rule) == (ExitCode.GOOD, ""), (arguments, done.output)
    return done


def join(hall: Hall) -> Home:
    """What the newcomer's operator and the others' type, before anybody votes."""
    cards, home = hall.folder / "members.json", Home(hall.folder / "homes" / "office-5")
    engine_port, peer_port = free_ports(2)
    address = f"http://127.0.0.1:{hall.port(WARD)}"
    good("network", "members", hall.homes[WARD].path, "--out", cards)
    named = ("--members", cards, "--policy", hall.homes[WARD].policy, "--name", "office-5")
    ports = ("--host", "127.0.0.1", "--engine-port", str(engine_port), "--peer-port", str(peer_port))
    done = good("network", "join", home.path, "--node", address, *named, *ports, OPEN, "--json")
    assert not done.json["needs_engine_data"]
    for one in hall.homes:
        good("network", "admit", one.path, done.json["offer"])
    return home


class Board:
    """The administrators, who change the validators from a node under load."""

    def __init__(self, hall: Hall, node: int) -> None:
        self.hall, self.node = hall, node
        self.address = f"http://127.0.0.1:{hall.port(node)}"

    def decide(self, *command: str | Path) -> None:
        """The ward proposes; two more approve."""
        before = self._set_number()
        signed = self._by(WARD)
        (proposal,) = good("validator", *command, *signed, "--json").json["proposals"]
        for one in (PROVINCE, COOP):
            good("governance", "approve", proposal, *self._by(one), "--yes")
        self.hall.until(lambda: self._set_number() == before + 1, "the validators changed")

    def _by(self, member: int) -> tuple[str | Path, ...]:
        return ("--key", self.hall.homes[member].key("admin"), "--node", self.address)

    def _set_number(self) -> int:
        return int(good("validator", "show", "--node", self.address, "--json").json["set"])


def receipt_of(hall: Hall, number: int, entry_id: str) -> str:
    node = Http(hall.port(number))
    try:
        entry = node.get_json(f"/v1/entries/{entry_id}")
        return node.get(f"/v1/records/{entry['records'][0]}/receipt").decode()
    finally:
        node.close()


def final_entry(hall: Hall, *, newest: bool = False) -> str:
    """An entry of those that the first node has acknowledged, and that is final: the oldest, or the newest."""
    node = Http(hall.port(WARD))
    found: list[str] = []

    def look() -> bool:
        ids = [line["acknowledged"] for line in hall.books[WARD].read() if "acknowledged" in line]
        for entry_id in reversed(ids) if newest else ids:
            if node.get_json(f"/v1/entries/{entry_id}")["status"] == "final":
                found.append(entry_id)
                break
        return bool(found)

    try:
        hall.until(look, "an entry is final")
    finally:
        node.close()
    return found[0]


def cosigned(home: Home, size: int, name: str) -> bool:
    """Whether the store of a home that is not served keeps this validator's cosignature at `size`."""
    store = LedgerStore.open(home.ledger)
    try:
        text = store.signed_checkpoint(size)
    finally:
        store.close()
    return text is not None and any(one.name == name for one in parse_note(text).signatures)


def test_validators_join_leave_and_change_keys_while_entries_come(hall: Hall) -> None:
    newcomer = join(hall)
    good("validator", "keys", hall.homes[COOP].path, OPEN)
    # They read their settings when they start: the power goes, and comes back.
    hall.kill(WARD, PROVINCE, COOP, INSPECTORATE)
    hall.start()
    hall.take_in(newcomer)
    with hall.load(WARD, seed=31) as load:
        hall.start(NEWCOMER)
        load.wait_for(20, seconds=20)
        first = final_entry(hall)
        old = receipt_of(hall, WARD, first)
        hall.kill(INSPECTORATE)
        board = Board(hall, WARD)
        load.wait_for(load.acknowledgements + 10, seconds=20)

        board.decide("set", newcomer.path / "offer.json")
        load.wait_for(load.acknowledgements + 20, seconds=20)
        board.decide("remove", f"{ORIGIN}/{hall.names[PROVINCE]}")
        hall.served[PROVINCE].stop()
        closed = time.monotonic()
        load.wait_for(load.acknowledgements + 20, seconds=20)
        # The one that slept is behind: what it commits now is old.
        hall.until(lambda: time.monotonic() - closed > BEHIND_SECONDS, "old enough")
        hall.start(INSPECTORATE)

        board.decide("set", hall.homes[COOP].path, "--name", f"{ORIGIN}/{hall.names[COOP]}")
        hall.served[COOP].stop()
        good("validator", "switch", hall.homes[COOP].path)
        hall.start(COOP)
        load.wait_for(load.acknowledgements + 20, seconds=20)
    staying = (WARD, COOP, INSPECTORATE, NEWCOMER)
    hall.until_agreed(*staying, above=2)
    figures = check_all(hall, *staying)
    assert figures.acknowledged > 60

    epochs = hall.policy.learn()
    closings = [epoch.closing.size for epoch in epochs.epochs if epoch.closing is not None]
    assert len(closings) == 3
    assert [len(epoch.policy.witnesses) for epoch in epochs.epochs] == [4, 5, 4, 4]
    check_receipts(hall, first, old, epochs)
    for number in staying:
        hall.served[number].stop()
    # It slept when both epochs closed, and has cosigned their ends all the same.
    name = f"{ORIGIN}/{hall.names[INSPECTORATE]}"
    assert [cosigned(hall.homes[INSPECTORATE], size, name) for size in closings] == [True] * 3


def check_receipts(hall: Hall, first: str, old: str, epochs: Epochs) -> None:
    """What was proved before the changes is proved still; what is proved now needs the newest policy alone."""
    assert verify(old, epochs).index > 0
    new = receipt_of(hall, NEWCOMER, final_entry(hall, newest=True))
    assert verify(new, epochs.newest.policy).index > 0
    again = receipt_of(hall, COOP, first)
    assert verify(again, epochs.newest.policy).index == verify(old, epochs).index
    with pytest.raises(LedgerError) as caught:
        verify(new, hall.policy.pinned)
    assert caught.value.rule.startswith("policy."), caught.value.rule
