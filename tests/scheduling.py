"""In which order several workers take the tests.

Rules: a worker begins with what takes long, so that nobody is left alone with it at the end; what is short fills the gaps. The
order is the same in every worker, and nothing is left out or added. The network's tests lie together: its four nodes are
started once, by the worker that keeps them.

`--dist worksteal` gives each worker one run of the list, and lets whoever is done take from the end of another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

LONG: Final = (
    ("tests/network/",),
    ("tests/browser/",),
    (
        "tests/test_demo.py",
        "tests/test_quan_tri.py",
        "tests/test_benchmarks.py",
        "tests/faults/",
        "tests/test_docs.py",
        "tests/test_cli.py",
        "tests/test_newcomer.py",
        "tests/test_vectors.py",
    ),
)
"""What waits for clocks and several nodes; for a browser; for processes that are started and killed, and for whole stories."""


def dealt(tests: Sequence[tuple[str, T]], workers: int) -> list[T]:
    """The tests, each with the path of its file, so that each worker's run begins with a share of the long ones."""
    heads: list[list[T]] = [[] for _ in range(workers)]
    for number, places in enumerate(LONG):
        for place in places:
            heads[number % workers] += [test for path, test in tests if path.startswith(place)]
    every = tuple(place for places in LONG for place in places)
    short = [test for path, test in tests if not path.startswith(every)]
    order: list[T] = []
    left = len(tests)
    for number, head in enumerate(heads):
        share = left // (workers - number)
        fill = max(0, share - len(head))
        order += head + short[:fill]
        short = short[fill:]
        left = len(tests) - len(order)
    return order
