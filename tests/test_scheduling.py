"""Several workers take every test once, and each begins with long ones."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.scheduling import LONG, dealt

ROOT = Path(__file__).resolve().parent.parent
PLACES = [place for places in LONG for place in places]
FILES = [
    *(place if place.endswith(".py") else f"{place}test_a.py" for place in PLACES),
    "tests/test_merkle.py",
]

collected = st.lists(st.sampled_from(FILES), max_size=60)


@given(collected, st.integers(1, 9))
def test_every_test_is_taken_once(files: list[str], workers: int) -> None:
    tests = [(path, (path, number)) for number, path in enumerate(files)]
    order = dealt(tests, workers)
    assert sorted(order) == sorted(test for _, test in tests)
    # What lies in one file stays in its order, so that what a file shares is made once.
    for path in FILES:
        numbers = [number for at, number in order if at == path]
        assert numbers == sorted(numbers)


def test_each_worker_begins_with_a_share_of_the_long_ones() -> None:
    tests = [("tests/test_merkle.py", "short")] * 300 + [(place, place) for place in PLACES]
    for workers in range(1, len(LONG) + 1):
        order = dealt(tests, workers)
        left, start, begun = len(order), 0, []
        for number in range(workers):  # as xdist's worksteal hands the list out at first
            begun.append(order[start])
            share = left // (workers - number)
            start, left = start + share, left - share
        assert begun == [places[0] for places in LONG[:workers]]


def test_the_long_ones_are_where_the_list_says() -> None:
    assert [place for place in PLACES if not (ROOT / place).exists()] == []
