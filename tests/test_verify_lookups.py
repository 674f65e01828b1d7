"""Index rows compared by a sum: no wrong row, no missing one and no row too many gets past it, and nor does a repeat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import verify
from ledger.entry import encode_record
from ledger.store import layout, swap
from ledger.store.database import Database
from ledger.verify import AuditFailure
from ledger.verify.lookups import SECRET_SIZE, Row, added, sum_of
from ledger.verify.sources.stored import open_store
from tests.chains import Chain

SECRET = bytes(range(SECRET_SIZE))

rows = st.lists(st.tuples(st.binary(max_size=4), st.binary(max_size=4)), max_size=6)


@given(rows, rows)
def test_the_sum_says_whether_two_lists_have_the_same_rows(one: list[Row], other: list[Row]) -> None:
    assert (sum_of(one, SECRET) == sum_of(other, SECRET)) == (sorted(one) == sorted(other))


@given(rows, rows)
def test_sums_add_up(one: list[Row], other: list[Row]) -> None:
    assert added(sum_of(one, SECRET), sum_of(other, SECRET)) == sum_of([*other, *one], SECRET)


def test_another_secret_gives_another_sum() -> None:
    assert sum_of([(b"key", b"value")], SECRET) != sum_of([(b"key", b"value")], bytes(SECRET_SIZE))


def registered(name: str) -> bytes:
    return encode_record(
        "member.roles/1", {"authority": "office", "member": "office", "roles": [*name.split()]}
    )


def repeating_chain() -> Chain:
    """Equal records again and again, whose index rows take each other's place, among documents, over two segments."""
    chain = Chain()
    for number in range(26):
        chain.add_documents(*[1] * 9)
        roles = "administrator auditor issuer office" if number % 2 else "administrator issuer office"
        chain.add([chain.entry([registered(roles)], by="admin")])
    return chain


REPEATING = repeating_chain()


def test_a_store_in_which_rows_took_the_place_of_others_passes(tmp_path: Path) -> None:
    REPEATING.write_store(tmp_path / "store").close()
    with open_store(tmp_path / "store") as source:
        verify.audit(source)


def other_place(found: list[Row], at: int) -> list[tuple[bytes, bytes | None]]:
    return [(found[at][0], found[at - 1][1])]


def swapped(found: list[Row], at: int) -> list[tuple[bytes, bytes | None]]:
    return [(found[at][0], found[at - 1][1]), (found[at - 1][0], found[at][1])]


def dropped(found: list[Row], at: int) -> list[tuple[bytes, bytes | None]]:
    return [(found[at][0], None)]


def too_many(found: list[Row], at: int) -> list[tuple[bytes, bytes | None]]:
    return [(found[at][0] + b"x", found[at][1])]


CHANGES: dict[Callable[[list[Row], int], list[tuple[bytes, bytes | None]]], str] = {
    other_place: "store.row-differs",
    swapped: "store.row-differs",
    dropped: "store.row-missing",
    too_many: "store.row-extra",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kept", [False, True])
def test_a_wrong_row_is_named(
    change: Callable[[list[Row], int], list[tuple[bytes, bytes | None]]], kept: bool, tmp_path: Path
) -> None:
    REPEATING.write_store(tmp_path / "store").close()
    with open_store(tmp_path / "store") as source:
        found = list(source.reader.iterate(layout.LOOKUP))
    # Rows whose place has changed since they were first set are those that an audit keeps.
    first = dict(row for commit in reversed(REPEATING.commits) for row in reversed(commit.lookups))
    at = next(at for at, (key, place) in enumerate(found) if at and (first[key[1:]] != place) == kept)
    changed = change(found, at)
    with Database.open(tmp_path / "store" / swap.CURRENT, create=False) as database:
        database.write(changed)
    with open_store(tmp_path / "store") as source, pytest.raises(AuditFailure) as caught:
        verify.audit(source)
    assert caught.value.rule == CHANGES[change]
    named = min(key for key, _ in changed)
    assert named[1:].hex() in caught.value.detail
