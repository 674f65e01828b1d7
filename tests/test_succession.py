"""Succession: handover, declaration and cancellation, each rule by its name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import encode
from ledger.errors import FormatError, RefusedError
from ledger.records.succession import (
    MAX_PREDECESSORS,
    MAX_SUCCESSORS,
    NOTICE_MS,
    IdentifierList,
    SuccessionRow,
    succession_key,
)
from ledger.rows import MemberRow
from ledger.succession import MAX_MEMBERS, acts_for, line_of
from tests.hall import (
    ADMINISTRATORS,
    COOP,
    DAY_MS,
    Hall,
    admit,
    approval,
    cancel,
    declare,
    end_key,
    hand_over,
    proposal,
    set_roles,
)
from tests.reference_rules import Json

ONE, TWO, THREE, FOUR, FIVE = ADMINISTRATORS
DECISION = "Nghị quyết 1686/NQ-UBTVQH15"


@pytest.fixture
def hall() -> Hall:
    return Hall(3)


def decided(hall: Hall, member: str) -> SuccessionRow:
    return SuccessionRow.parse(hall.state.rows[succession_key(member)])


# --- in advance -------------------------------------------------------------------------------------------------------


def test_an_authority_hands_over_and_signs_until_then(hall: Hall) -> None:
    at = hall.time_ms + 30 * DAY_MS
    hall.good(ONE, hand_over(ONE, TWO, at=at, decision=DECISION))
    recorded_ms = hall.time_ms
    assert (hall.member(ONE).ended_ms, hall.member(ONE).successors) == (at, (TWO,))
    assert hall.member(TWO).predecessors == (ONE,)
    assert decided(hall, ONE) == SuccessionRow("merge", DECISION, False, recorded_ms)
    for name in (ONE, TWO):
        assert hall.history("member", name, name).history.size == 1
    hall.time_ms = at - 1
    hall.good(f"{ONE} office", paper(ONE, 1))
    hall.time_ms = at
    hall.good(f"{ONE} office", paper(ONE, 2))
    hall.time_ms = at + 1
    assert hall.send(f"{ONE} office", paper(ONE, 3)) == ("member.ended", True)
    # What was on its way is served for the grace period.
    assert hall.send(f"{ONE} office", paper(ONE, 3), time_ms=at) is None
    hall.time_ms = at + 7 * DAY_MS + 1
    assert hall.send(f"{ONE} office", paper(ONE, 4), time_ms=at) == ("member.ended", True)


def paper(by: str, number: int) -> tuple[str, Json]:
    body: Json = {"authority": by, "commitment": bytes([number]) * 32}
    return "doc.anchor/1", body


def test_from_the_effective_time_on_it_is_no_administrator(hall: Hall) -> None:
    hall.good(ONE, hand_over(ONE, TWO, at=hall.time_ms + DAY_MS))
    before = hall.propose(TWO, admit(TWO, "truong-hoc", "office"))
    assert hall.proposal(before).voters == (ONE, TWO, THREE)
    hall.good(ONE, approval(ONE, TWO, before))
    hall.time_ms += DAY_MS
    # Its vote does not count any more: two votes of three are not the quorum.
    hall.good(THREE, approval(THREE, TWO, before))
    assert hall.proposal(before).outcome == "in-force"
    assert hall.proposal(hall.propose(TWO, admit(TWO, "tram", "office"))).voters == (TWO, THREE)


def test_a_handover_lies_a_day_ahead(hall: Hall) -> None:
    """So that one that was signed with a stolen key can be called off."""
    assert NOTICE_MS == DAY_MS
    for at in (0, hall.time_ms - 1, hall.time_ms, hall.time_ms + 1, hall.time_ms + DAY_MS - 1):
        assert hall.send(ONE, hand_over(ONE, TWO, at=at)) == ("succession.not-ahead", True)
    hall.good(ONE, hand_over(ONE, TWO, at=hall.time_ms + DAY_MS))
    hall.time_ms += DAY_MS - 1
    hall.good(ONE, cancel(ONE, ONE))


def test_an_administrator_s_end_takes_an_administrator_s_key(hall: Hall) -> None:
    """A vote ends with the member, so a key that may not touch an administrator's key does not end the member either."""
    hall.good(ONE, hall.register(ONE, ONE, "manager", "key-manager"))
    at = hall.time_ms + DAY_MS
    assert hall.send("manager", hand_over(ONE, COOP, at=at)) == ("authority.role", False)
    assert hall.member(ONE).ended_ms is None
    hall.good(ONE, hand_over(ONE, COOP, at=at))
    assert hall.send("manager", cancel(ONE, ONE)) == ("authority.role", False)
    hall.good(ONE, cancel(ONE, ONE))


def test_the_same_is_not_handed_over_twice(hall: Hall) -> None:
    at = hall.time_ms + 2 * DAY_MS
    hall.good(COOP, hand_over(COOP, TWO, at=at, decision=DECISION))
    hall.time_ms += 1
    assert hall.send(COOP, hand_over(COOP, TWO, at=at, decision=DECISION)) == ("succession.same", False)
    assert hall.history("member", COOP, COOP).history.size == 1
    for other in (
        hand_over(COOP, TWO, at=at),
        hand_over(COOP, TWO, at=at + 1),
        hand_over(COOP, TWO, at=at + 1, kind="rename"),
        hand_over(COOP, THREE, at=at + 1, kind="rename"),
    ):
        hall.good(COOP, other)
    hall.good(COOP, cancel(COOP, COOP))
    hall.good(COOP, hand_over(COOP, THREE, at=at + 1, kind="rename"))


def test_an_entry_holds_one_succession(hall: Hall) -> None:
    """Each is written into the rows of all concerned: an entry of thousands would hold every node up."""
    at = hall.time_ms + DAY_MS
    first, second = hand_over(COOP, TWO, at=at), hand_over(COOP, THREE, at=at)
    for pair in ((first, second), (first, cancel(COOP, COOP)), (cancel(COOP, COOP), first)):
        assert hall.send(COOP, *pair) == ("entry.single", True)
    assert hall.member(COOP).ended_ms is None
    hall.good(
        COOP, hall.register(COOP, COOP, "phone", "producer"), first, end_key("retire", COOP, COOP, "phone")
    )


def test_a_handover_takes_a_key_that_manages_keys(hall: Hall) -> None:
    at = hall.time_ms + DAY_MS
    assert hall.send(f"{ONE} office", hand_over(ONE, TWO, at=at)) == ("authority.role", False)
    assert hall.send(f"{COOP} device", hand_over(COOP, TWO, at=at)) == ("authority.role", False)
    hall.good(COOP, hand_over(COOP, TWO, at=at))


def test_until_it_takes_effect_it_is_replaced_or_called_off(hall: Hall) -> None:
    at = hall.time_ms + DAY_MS
    hall.good(ONE, hand_over(ONE, TWO, at=at))
    hall.good(ONE, hand_over(ONE, COOP, THREE, at=at + DAY_MS, kind="split"))
    assert hall.member(ONE).successors == (COOP, THREE)
    assert hall.member(TWO).predecessors == ()
    assert hall.member(COOP).predecessors == hall.member(THREE).predecessors == (ONE,)
    # All that it concerns have it in their history: whoever was to succeed and does not, too.
    sizes = {name: hall.history("member", name, name).history.size for name in (ONE, TWO, THREE, COOP)}
    assert sizes == {ONE: 2, TWO: 2, THREE: 1, COOP: 1}
    hall.good(ONE, cancel(ONE, ONE))
    assert (hall.member(ONE).ended_ms, hall.member(ONE).successors) == (None, ())
    assert hall.member(COOP).predecessors == hall.member(THREE).predecessors == ()
    assert decided(hall, ONE) == SuccessionRow(None, None, False, hall.time_ms)
    assert hall.send(ONE, cancel(ONE, ONE)) == ("succession.none", False)
    hall.time_ms = at + 2 * DAY_MS
    hall.good(ONE, hand_over(ONE, TWO, at=hall.time_ms + DAY_MS))


def test_what_has_ended_does_not_come_back(hall: Hall) -> None:
    at = hall.time_ms + DAY_MS
    hall.good(ONE, hand_over(ONE, TWO, at=at))
    hall.time_ms = at
    assert hall.send(ONE, cancel(ONE, ONE)) == ("key.not-current", True)
    assert hall.send(ONE, hand_over(ONE, THREE, at=at + 5)) == ("key.not-current", True)
    made = hall.propose(TWO, cancel(TWO, ONE))
    assert hall.approve(THREE, TWO, made) == ("succession.ended", True)
    made = hall.propose(TWO, declare(TWO, ONE, THREE, at=at + DAY_MS))
    assert hall.approve(THREE, TWO, made) == ("succession.ended", True)
    # The administrators may correct who follows, and since when.
    made = hall.propose(TWO, declare(TWO, ONE, THREE, at=at))
    assert hall.approve(THREE, TWO, made) is None
    assert hall.member(ONE).successors == (THREE,)


def test_another_s_handover_is_not_one_s_to_cancel(hall: Hall) -> None:
    hall.good(ONE, hand_over(ONE, TWO, at=hall.time_ms + DAY_MS))
    assert hall.send(TWO, cancel(TWO, ONE)) == ("governance.quorum", False)
    assert hall.send(COOP, cancel(COOP, ONE)) == ("authority.role", False)


# --- declared ---------------------------------------------------------------------------------------------------------


def test_the_administrators_declare_it_also_afterwards(hall: Hall) -> None:
    hall.time_ms += 30 * DAY_MS
    at = hall.time_ms - 10 * DAY_MS
    made = hall.propose(TWO, declare(TWO, COOP, ONE, at=at, kind="abolition", decision=DECISION))
    hall.approve(ONE, TWO, made)
    hall.approve(THREE, TWO, made)
    assert (hall.member(COOP).ended_ms, hall.member(COOP).successors) == (at, (ONE,))
    assert decided(hall, COOP) == SuccessionRow("abolition", DECISION, True, hall.time_ms)
    assert hall.send(COOP, hand_over(COOP, TWO, at=hall.time_ms + 5)) == ("member.ended", True)


def test_a_declaration_stands_above_a_handover() -> None:
    hall = Hall(1)
    at = hall.time_ms + DAY_MS
    hall.good(ONE, declare(ONE, COOP, ONE, at=at))
    assert hall.send(COOP, hand_over(COOP, ONE, at=at + 1)) == ("succession.declared", False)
    assert hall.send(COOP, cancel(COOP, COOP)) == ("authority.role", False)
    hall.good(ONE, cancel(ONE, COOP))
    hall.good(COOP, hand_over(COOP, ONE, at=at + 1))
    hall.good(ONE, declare(ONE, COOP, ONE, at=at + 2))
    assert hall.member(COOP).ended_ms == at + 2


def test_nobody_ends_before_it_was_a_member() -> None:
    hall = Hall(1)
    registered_ms = hall.member(COOP).registered_ms
    assert hall.send(ONE, declare(ONE, COOP, ONE, at=registered_ms - 1)) == (
        "succession.before-member",
        True,
    )
    hall.good(ONE, declare(ONE, COOP, ONE, at=registered_ms))


def test_members_that_do_not_exist_are_refused_for_now() -> None:
    hall = Hall(1)
    at = hall.time_ms + DAY_MS
    assert hall.send(ONE, declare(ONE, "ghost", COOP, at=at)) == ("member.unknown", False)
    assert hall.send(ONE, declare(ONE, COOP, "ghost", at=at)) == ("member.unknown", False)
    assert hall.send(COOP, hand_over(COOP, "ghost", at=at)) == ("member.unknown", False)
    assert hall.send(ONE, cancel(ONE, "ghost")) == ("member.unknown", False)


# --- both -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "successors", "rule"),
    [
        ("merge", (TWO, THREE), "succession.kind"),
        ("rename", (TWO, THREE), "succession.kind"),
        ("split", (TWO,), "succession.kind"),
        ("abolition", (TWO,), None),
        ("abolition", (TWO, THREE), None),
        ("split", (TWO, THREE), None),
        ("split", (ONE, TWO), "succession.itself"),
        ("merge", (ONE,), "succession.itself"),
    ],
)
def test_what_kinds_there_are(hall: Hall, kind: str, successors: tuple[str, ...], rule: str | None) -> None:
    answer = hall.send(ONE, hand_over(ONE, *successors, at=hall.time_ms + DAY_MS, kind=kind))
    assert answer == (None if rule is None else (rule, True))
    action = declare(TWO, ONE, *successors, at=hall.time_ms, kind=kind)
    if rule is None:
        hall.propose(TWO, action)
        return
    # What makes no sense is not even put to the vote.
    assert hall.send(TWO, proposal(TWO, action, hall.time_ms + 1)) == ("proposal.action", True)
    alone = Hall(1)
    alone.good(ONE, admit(ONE, TWO, "office"), admit(ONE, THREE, "office"))
    assert alone.send(ONE, declare(ONE, ONE, *successors, at=hall.time_ms, kind=kind)) == (rule, True)


def test_a_successor_must_not_have_ended_by_then(hall: Hall) -> None:
    at = hall.time_ms + DAY_MS + 1
    hall.good(TWO, hand_over(TWO, THREE, at=at))
    assert hall.send(ONE, hand_over(ONE, TWO, at=at)) == ("succession.successor-ended", True)
    hall.good(ONE, hand_over(ONE, TWO, at=at - 1))


def test_nobody_succeeds_in_a_circle(hall: Hall) -> None:
    at = hall.time_ms + DAY_MS + 1
    hall.good(TWO, hand_over(TWO, COOP, at=at))
    hall.good(COOP, hand_over(COOP, ONE, at=at + 1))
    assert hall.send(ONE, hand_over(ONE, TWO, at=at - 1)) == ("succession.circle", False)
    hall.good(COOP, cancel(COOP, COOP))
    hall.good(ONE, hand_over(ONE, TWO, at=at - 1))


def test_an_administrator_remains() -> None:
    hall = Hall(2)
    at = hall.time_ms + DAY_MS
    hall.good(ONE, hand_over(ONE, TWO, at=at))
    assert hall.send(TWO, hand_over(TWO, COOP, at=at + 1)) == ("succession.no-administrator", False)
    promotion = set_roles(ONE, COOP, "administrator", "device", "key-manager", "producer")
    made = hall.propose(ONE, hall.seat(promotion, "coop vote"))
    assert hall.approve(TWO, ONE, made) is None
    hall.good(TWO, hand_over(TWO, COOP, at=at + 1))


def test_only_so_many_are_taken_over() -> None:
    """Their names stand in the successor's row, and that in each of their receipts."""
    hall = Hall(1)
    hall.good(ONE, admit(ONE, "xa-1", "office"), admit(ONE, "xa-2", "office"))
    hall.twin.members[COOP]["predecessors"] = [f"m{number:03}" for number in range(MAX_PREDECESSORS - 1)]
    hall.state.rows.update(hall.twin.rows())
    hall.good(ONE, declare(ONE, "xa-1", COOP, at=hall.time_ms))
    assert len(hall.member(COOP).predecessors) == MAX_PREDECESSORS
    assert hall.send(ONE, declare(ONE, "xa-2", COOP, at=hall.time_ms)) == ("succession.too-many", False)


# --- the list of successors, and the row ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("a", "kind"),
        (None, "kind"),
        ([], "length"),
        ([f"m{number}" for number in range(MAX_SUCCESSORS + 1)], "length"),
        (["b", "a"], "order"),
        (["a", "a"], "order"),
        (["A"], "alphabet"),
        ([""], "length"),
        ([1], "kind"),
    ],
)
def test_a_list_of_members_in_order(value: Any, rule: str) -> None:  # noqa: ANN401  any value at all
    with pytest.raises(RefusedError) as caught:
        IdentifierList(1, MAX_SUCCESSORS).check("successors", value)
    assert caught.value.rule == f"record.field-{rule}"


@given(st.lists(st.text("abc-", min_size=1, max_size=3)))
def test_exactly_the_lists_in_order_are_accepted(names: list[str]) -> None:
    good = names == sorted(set(names)) and 1 <= len(names) <= MAX_SUCCESSORS
    try:
        IdentifierList(1, MAX_SUCCESSORS).check("successors", list(names))
    except RefusedError:
        assert not good
    else:
        assert good
    assert str(MAX_SUCCESSORS) in IdentifierList(1, MAX_SUCCESSORS).describe()
    assert MAX_SUCCESSORS < MAX_MEMBERS


def test_a_row_is_read_as_it_was_written_and_in_no_other_shape() -> None:
    row = SuccessionRow("merge", DECISION, True, 5)
    assert SuccessionRow.parse(row.encoded()) == row
    items: list[Any] = ["merge", None, False, 5]
    assert SuccessionRow.parse(encode(items)).decision is None
    for place, wrong in enumerate((1, 2, 3, "a")):
        with pytest.raises(FormatError):
            SuccessionRow.parse(encode([*items[:place], wrong, *items[place + 1 :]]))
    with pytest.raises(FormatError):
        SuccessionRow.parse(encode(items[:-1]))


# --- who acts for whom ------------------------------------------------------------------------------------------------


def test_who_acts_for_whom_follows_the_rows_and_the_time() -> None:
    rows = {
        "ward": MemberRow("Phường", ("office",), 0, 10, (), ("city", "new")),
        "new": MemberRow("Phường mới", ("office",), 0, 20, ("ward",), ("newest",)),
        "newest": MemberRow("Phường mới nhất", ("office",), 0, None, ("new",)),
        "city": MemberRow("Thành phố", ("office",), 0, None, ("ward",)),
    }
    line = line_of("ward", rows.get)
    assert list(line) == ["ward", "city", "new", "newest"]
    expected = {"ward": 0, "city": 10, "new": 10, "newest": 20}
    for author, since in expected.items():
        assert acts_for(author, "ward", line, since)
        assert author == "ward" or not acts_for(author, "ward", line, since - 1)
    assert not acts_for("stranger", "ward", line, 99)
    assert list(line_of("ghost", rows.get)) == []


def test_a_walk_is_short_and_goes_round_no_circle() -> None:
    def row(number: int) -> MemberRow:
        return MemberRow("x", ("office",), 0, 1, (), (f"{number + 1}",))

    rows = {f"{number}": row(number) for number in range(40)}
    assert list(line_of("0", rows.get)) == [f"{number}" for number in range(MAX_MEMBERS)]
    circle = {"a": MemberRow("a", (), 0, 1, (), ("b",)), "b": MemberRow("b", (), 0, 1, (), ("a",))}
    assert list(line_of("a", circle.get)) == ["a", "b"]
    assert acts_for("b", "a", circle, 1)
    assert not acts_for("c", "a", circle, 1)
