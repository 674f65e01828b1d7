"""Who acts for whom: the walk along successors against a twin that tries every way, and the ends that authors meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.genesis import DEFAULT_PARAMETERS, KEY_GRACE
from ledger.rows import KeyRow, MemberRow, key_key, member_key
from ledger.succession import MAX_MEMBERS, acts_for, line_of
from tests.chains import document, key
from tests.test_rules import Desk

GRACE_MS = DEFAULT_PARAMETERS[KEY_GRACE]
NAMES = ["a", "b", "c", "d", "e"]


def ways(member: str, rows: dict[str, MemberRow], time_ms: int, gone: tuple[str, ...] = ()) -> set[str]:
    """Everybody who acts for `member`, found by following each way on its own."""
    row = rows.get(member)
    if row is None or row.ended_ms is None or row.ended_ms > time_ms or member in gone:
        return {member}
    return {member}.union(*(ways(name, rows, time_ms, (*gone, member)) for name in row.successors))


rows_of_members = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(
        MemberRow,
        st.just("Tên"),
        st.just(("office",)),
        st.just(0),
        st.none() | st.integers(0, 10),
        st.just(()),
        st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple),
    ),
)


@given(rows_of_members, st.sampled_from(NAMES), st.integers(0, 10))
def test_acting_for_an_authority_is_reachability_over_ended_members(
    rows: dict[str, MemberRow], authority: str, time_ms: int
) -> None:
    line = line_of(authority, rows.get)
    assert set(line) <= set(rows)
    reached = ways(authority, rows, time_ms)
    for author in NAMES:
        expected = author == authority or (author in reached and author in rows)
        assert acts_for(author, authority, line, time_ms) == expected


def test_the_nearest_come_first_and_a_walk_ends() -> None:
    row = MemberRow("Tên", ("office",), 0, ended_ms=0)
    chain = {f"m{number:02}": replace(row, successors=(f"m{number + 1:02}",)) for number in range(30)}
    line = line_of("m00", chain.get)
    assert list(line) == [f"m{number:02}" for number in range(MAX_MEMBERS)]
    assert acts_for("m15", "m00", line, 0)
    assert not acts_for("m16", "m00", line, 0)
    split = {
        "old": replace(row, successors=("east", "west")),
        "east": replace(row, successors=("far",)),
        "west": row,
        "far": row,
    }
    assert list(line_of("old", split.get)) == ["old", "east", "west", "far"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def end_member(desk: Desk, at_ms: int) -> None:
    desk.state.rows[member_key("office")] = replace(desk_member(desk), ended_ms=at_ms).encoded()


def desk_member(desk: Desk) -> MemberRow:
    return MemberRow.parse(desk.state.rows[member_key("office")])


def limit_key(desk: Desk, at_ms: int) -> None:
    name = key_key(key("office").public_key)
    desk.state.rows[name] = replace(KeyRow.parse(desk.state.rows[name]), until_ms=at_ms).encoded()


@pytest.mark.parametrize(("end", "rule"), [(end_member, "member.ended"), (limit_key, "key.expired")])
def test_an_end_is_served_to_the_last_moment_of_grace_and_not_after(
    desk: Desk, end: Callable[[Desk, int], None], rule: str
) -> None:
    end_ms = desk.time_ms
    end(desk, end_ms)
    desk.bring(desk.entry(document(1)))
    desk.time_ms = end_ms + 1
    assert desk.refusal(desk.entry(document(2))) == (rule, True)
    desk.bring(desk.entry(document(2), time_ms=end_ms))
    desk.time_ms = end_ms + GRACE_MS
    desk.bring(desk.entry(document(3), time_ms=end_ms))
    desk.time_ms += 1
    assert desk.refusal(desk.entry(document(4), time_ms=end_ms)) == (rule, True)
