"""What must hold whatever happened, judged by an independent checker from the nodes' HTTP answers alone."""

from __future__ import annotations

from tests.faults.checker import Checker, Figures
from tests.network.figures import Meter, Row
from tests.network.hall import Hall


class Judge:
    """A checker for each node, which goes on from what it has seen before."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._checkers = [Checker(hall.genesis) for _ in hall.served]

    def check(self, *which: int) -> Figures:
        """Read the ledgers of these nodes (all); compare each with the book of what that node acknowledged, and with the
        others.
        """
        chosen = which or range(len(self._checkers))
        total = Figures()
        for number in chosen:
            checker = self._checkers[number]
            node = self._hall.http(number)
            try:
                node.wait_until_quiet()
                checker.check(node, self._hall.books[number].read())
            finally:
                node.close()
            total.add(checker.figures)
        checkers = [self._checkers[number] for number in chosen]
        # Every node has all entries; each is one entry.
        total.final = max(len(checker.places) for checker in checkers)
        if any((one.places, one.roots) != (checkers[0].places, checkers[0].roots) for one in checkers):
            total.two_roots += 1
        faults = [fault for checker in checkers for fault in checker.faults]
        assert not faults, faults
        assert not total.two_roots, "the nodes have different ledgers"
        return total


def check_all(hall: Hall, *which: int) -> Figures:
    """The same from the beginning."""
    return Judge(hall).check(*which)


def row(fault: str, figures: Figures, meter: Meter) -> Row:
    """What is kept about a fault. Raises AssertionError if the meter saw a fork."""
    assert not meter.forks, meter.forks
    return Row(
        fault=fault,
        offered=figures.offered,
        acknowledged=figures.acknowledged,
        final=figures.final,
        refused=figures.refused,
        lost=figures.lost,
        duplicated=figures.duplicated,
        forks=figures.two_roots + len(meter.forks),
        seconds=round(meter.longest, 1),
    )
