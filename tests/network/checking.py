"""What must hold whatever happened, judged by an independent checker from the nodes' HTTP answers alone."""

from __future__ import annotations

from tests.faults.checker import Checker, Figures
from tests.faults.serving import Http
from tests.network.hall import Hall


def check_all(hall: Hall, *which: int) -> Figures:
    """Read the ledgers of these nodes (all); compare each with the book of what that node acknowledged, and with the others."""
    total = Figures()
    ledgers = []
    for number in which or range(len(hall.served)):
        checker = Checker(hall.genesis)
        node = Http(hall.port(number))
        try:
            node.wait_until_quiet()
            checker.check(node, hall.books[number].read())
        finally:
            node.close()
        assert checker.faults == []
        total.add(checker.figures)
        ledgers.append((checker.places, checker.roots))
    assert all(ledger == ledgers[0] for ledger in ledgers), "the nodes have different ledgers"
    return total
