"""What must hold whatever happened, judged by an independent checker from the nodes' HTTP answers alone."""

from __future__ import annotations

from dataclasses import fields

from tests.faults.checker import Checker, Figures
from tests.network.figures import Meter, Row
from tests.network.hall import Hall


def check_all(hall: Hall, *which: int) -> Figures:
    """Read the ledgers of these nodes (all), from where they were read last; compare each with the book of what that node
    acknowledged, and with the others; none of them may have seen an honest one sign two histories. Returns what has happened
    since the last time.
    """
    checkers = [hall.checkers[number] for number in which or range(len(hall.checkers))]
    for number in which or range(len(hall.checkers)):
        node = hall.http(number)
        try:
            node.wait_until_quiet()
            hall.checkers[number].check(node, hall.books[number].read())
            # Whoever signs twice tells the others: nobody who is honest may have been seen to.
            signers = {one["signer"] for one in node.get_json("/v1/evidence")["evidence"]}
            assert signers <= hall.liars, signers - hall.liars
        finally:
            node.close()
    total = _total(checkers)
    if any((one.places, one.roots) != (checkers[0].places, checkers[0].roots) for one in checkers):
        total.two_roots += 1
    faults = [fault for checker in checkers for fault in checker.faults]
    assert not faults, faults
    assert not total.two_roots, "the nodes have different ledgers"
    before, hall.figures = hall.figures, total
    since = Figures()
    for one in fields(Figures):
        setattr(since, one.name, getattr(total, one.name) - getattr(before, one.name))
    return since


def _total(checkers: list[Checker]) -> Figures:
    total = Figures()
    for checker in checkers:
        total.add(checker.figures)
    # Every node has all entries; each is one entry.
    total.final = max(len(checker.places) for checker in checkers)
    return total


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
