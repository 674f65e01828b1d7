"""Index rows compared by a sum: no wrong row, no missing one and no row too many gets past it, and nor does a repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import verify
from ledger.entry import encode_record
from ledger.errors import StoreCorruptError
from ledger.store import layout, swap
from ledger.store.database import Database, Reader
from ledger.verify import AuditFailure
from ledger.verify.lookups import SECRET_SIZE, Row, added, sum_of
from ledger.verify.sources.stored import StoreSource, open_store
from tests.chains import Chain

SECRET = bytes(range(SECRET_SIZE))

rows = st.lists(st.tuples(st.binary(max_size=4), st.binary(max_size=4)), max_size=6)


@given(rows, rows)
def test_the_sum_says_whether_two_lists_have_the_same_rows(one: list[Row], other: list[Row]) -> None:
    assert (sum_of(one, SECRET) == sum_of(other, SECRET)) == (sorted(one) == sorted(other))


@given(rows, rows)
def test_sums_add_up(one: list[Row], other: list[Row]) -> None:
    assert added(sum_of(one, SECRET), sum_of(other, SECRET)) == sum_of([*other, *one], SECRET)


@given(rows, st.binary(max_size=3))
def test_what_keys_begin_with_need_not_be_in_them(one: list[Row], prefix: bytes) -> None:
    whole = [(prefix + key, value) for key, value in one]
    assert sum_of(one, SECRET, prefix) == sum_of(whole, SECRET)


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


@dataclass
class Unreadable(Reader):
    """A database whose index rows cannot be read the first few times."""

    true: Reader
    times: int
    row: bytes = b""
    """One row beside them that is wrong."""

    @property
    def path(self) -> Path:
        return self.true.path

    def get(self, key: bytes) -> bytes | None:
        return b"wrong" if key == self.row else self.true.get(key)

    def iterate(self, prefix: bytes = b"", **how: Any) -> Iterator[Row]:  # noqa: ANN401
        for key, value in self.true.iterate(prefix, **how):
            if key.startswith(layout.LOOKUP) and self.times:
                self.times -= 1
                raise StoreCorruptError("store.corrupt", "the disk says no")
            yield key, b"wrong" if key == self.row else value


def test_index_rows_that_cannot_be_read_are_named_in_their_turn(tmp_path: Path) -> None:
    REPEATING.write_store(tmp_path / "store").close()
    with open_store(tmp_path / "store") as source:
        # Once, when nothing has been executed: nobody needs to hear of it.
        verify.audit(StoreSource(Unreadable(source.reader, 1)))
        with pytest.raises(AuditFailure) as caught:
            verify.audit(StoreSource(Unreadable(source.reader, 2)))
        assert caught.value.rule == "store.corrupt"
        block = layout.numbered(layout.BLOCK, 3)
        with pytest.raises(AuditFailure, match="block 3") as caught:
            verify.audit(StoreSource(Unreadable(source.reader, 2, row=block)))
        assert caught.value.rule == "store.row-differs"
