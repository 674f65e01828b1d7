"""Governance: proposals, votes, the quorum and the expiry, each rule by its name, and at random against the twin."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value, encode
from ledger.entry import REFUSED_RECORD_BYTES, encode_record
from ledger.errors import FormatError, RefusedError
from ledger.genesis import KEY_GRACE, TIME_AHEAD
from ledger.hashing import leaf_hash
from ledger.records import parse_record, record_types
from ledger.records.governance import (
    GOVERNED,
    MAX_ACTION_BYTES,
    MAX_OPEN_MS,
    PROPOSAL_LOOKUP,
    ActionBytes,
    ProposalRow,
    action_of,
)
from ledger.records.members import KEY_LOOKUP, MEMBER_LOOKUP, PARAMETER_BOUNDS
from ledger.rows import PARAMETERS_KEY, parse_parameters
from tests.chains import key, validator_name
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
    set_parameter,
    set_roles,
    withdrawal,
)
from tests.reference_rules import Json

ONE, TWO, THREE, FOUR, FIVE = ADMINISTRATORS
SCHOOL = "truong-hoc"


@pytest.fixture
def hall() -> Hall:
    return Hall(3)


# --- what is governed -------------------------------------------------------------------------------------------------


def test_a_sole_administrator_acts_directly() -> None:
    hall = Hall(1)
    hall.good(ONE, admit(ONE, SCHOOL, "office"))
    hall.good(ONE, hall.register(ONE, SCHOOL, SCHOOL, "office"))
    hall.good(ONE, set_roles(ONE, SCHOOL, "auditor"))
    hall.good(ONE, end_key("retire", ONE, COOP, COOP))
    hall.good(ONE, set_parameter(ONE, KEY_GRACE, DAY_MS))


def governed(hall: Hall, by: str) -> list[tuple[str, Json]]:
    """One record of each governed type."""
    return [
        admit(by, SCHOOL, "office"),
        set_roles(by, COOP, "producer"),
        hall.register(by, COOP, "another", "producer"),
        end_key("retire", by, COOP, COOP),
        end_key("revoke", by, COOP, COOP, from_ms=0),
        set_parameter(by, KEY_GRACE, DAY_MS),
        declare(by, COOP, by, at=hall.time_ms),
        cancel(by, COOP),
        hall.validator(by, 0, validator_name(0), header="header of the validator, anew"),
    ]


def test_of_several_administrators_none_acts_alone(hall: Hall) -> None:
    records = governed(hall, ONE)
    assert {name for name, _ in records} == set(GOVERNED)
    for record in records:
        assert hall.send(ONE, record) == ("governance.quorum", False), record[0]


def test_every_governed_record_can_be_proposed_and_is_done_with_the_quorum(hall: Hall) -> None:
    hall.good(COOP, hand_over(COOP, ONE, at=hall.time_ms + DAY_MS))
    for action in (governed(hall, ONE)[-2], *governed(hall, ONE)[:-2], governed(hall, ONE)[-1]):
        hall.time_ms += 1000
        made = hall.propose(ONE, action)
        assert hall.approve(TWO, ONE, made) is None
        assert hall.proposal(made).outcome == "in-force"
        assert hall.approve(THREE, ONE, made) is None, action[0]
        assert hall.proposal(made).outcome == "executed"


@pytest.mark.parametrize("count", range(1, 6))
def test_the_quorum_is_more_than_two_thirds(count: int) -> None:
    hall = Hall(count)
    needed = 2 * count // 3 + 1
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    for votes, voter in enumerate(ADMINISTRATORS[1:count], start=1):
        done = votes >= needed
        assert (hall.proposal(made).outcome == "executed") == done
        assert hall.approve(voter, ONE, made) == (("proposal.closed", True) if done else None)
    row = hall.proposal(made)
    assert (row.outcome, row.quorum, len(row.approvals)) == ("executed", needed, needed)
    assert hall.member(SCHOOL).roles == ("office",)


def test_the_row_says_who_may_vote_who_has_and_what_became_of_it(hall: Hall) -> None:
    action = admit(ONE, SCHOOL, "office")
    made = hall.propose(ONE, action, days=7)
    proposed_ms = hall.time_ms
    assert hall.proposal(made) == ProposalRow(
        ONE, encode_record(*action), proposed_ms, proposed_ms + 7 * DAY_MS, (ONE, TWO, THREE), 3, (ONE,)
    )
    hall.time_ms += 5
    hall.approve(THREE, ONE, made)
    hall.approve(TWO, ONE, made)
    row = hall.proposal(made)
    assert (row.approvals, row.outcome, row.decided_ms) == ((ONE, THREE, TWO), "executed", proposed_ms + 5)
    # The proposal's history is the proposal and its votes; the vote that decided is also the member's.
    assert hall.history("proposal", ONE, made).history.size == 3
    assert hall.history("proposal", ONE, made).status == "executed"
    member = hall.history("member", SCHOOL, SCHOOL)
    assert (member.history.size, member.status) == (1, "in-force")
    assert member.issue == leaf_hash(encode_record(*approval(TWO, ONE, made)))


# --- proposing --------------------------------------------------------------------------------------------------------


def test_a_proposal_expires_within_ninety_days(hall: Hall) -> None:
    action = admit(ONE, SCHOOL, "office")
    assert MAX_OPEN_MS == 90 * DAY_MS
    late, now = proposal(ONE, action, hall.time_ms + MAX_OPEN_MS + 1), proposal(ONE, action, hall.time_ms)
    assert hall.send(ONE, late) == ("proposal.expiry-far", False)
    assert hall.send(ONE, now) == ("proposal.expired", True)
    hall.time_ms += 1
    hall.good(ONE, late)


def test_the_same_proposal_is_made_once(hall: Hall) -> None:
    action = admit(ONE, SCHOOL, "office")
    expires_ms = hall.time_ms + DAY_MS
    hall.good(ONE, proposal(ONE, action, expires_ms))
    assert hall.send(ONE, proposal(ONE, action, expires_ms)) == ("proposal.exists", True)
    hall.good(ONE, proposal(ONE, action, expires_ms + 1))


def test_a_member_proposes_what_it_says_itself(hall: Hall) -> None:
    record = proposal(ONE, admit(TWO, SCHOOL, "office"), hall.time_ms + DAY_MS)
    assert hall.send(ONE, record) == ("proposal.authority", True)


def test_only_governed_records_are_proposed(hall: Hall) -> None:
    for action in (
        ("doc.anchor/1", {"authority": ONE, "commitment": bytes(32)}),
        hall.rotate(ONE, "new"),
        hand_over(ONE, TWO, at=hall.time_ms + 1),
        withdrawal(ONE, bytes(32)),
        proposal(ONE, admit(ONE, SCHOOL, "office"), hall.time_ms + DAY_MS),
    ):
        assert action[0] not in GOVERNED
        record = proposal(ONE, action, hall.time_ms + DAY_MS)
        assert hall.send(ONE, record) == ("proposal.action", True), action[0]


@pytest.mark.parametrize(
    "action",
    [
        b"\xc1",
        b"\x90",
        encode(["member.register/1", {}]),
        encode(["member.register/9", {}]),
        encode(["member.register/1", {"authority": ONE, "member": "Xã", "name": "a", "roles": ["office"]}]),
        encode(["parameter.set/1", {"authority": ONE, "name": KEY_GRACE, "value": 2**52}]),
        # Not canonical: the keys of the map are in another order.
        b"\x92" + encode("member.roles/1") + b"\x83"
        + b"".join(encode(item) for item in ("roles", ["office"], "member", ONE, "authority", ONE)),
    ],
)  # fmt: skip
def test_what_is_proposed_is_a_well_made_record(hall: Hall, action: bytes) -> None:
    """Judged by the product alone: the twin is only shown what can be read."""
    body: dict[str, Value] = {"authority": ONE, "action": action, "expires_ms": hall.time_ms + DAY_MS}
    record = parse_record(encode_record("governance.propose/1", body))
    assert record.type.lookups(record.body) == (PROPOSAL_LOOKUP,)
    with pytest.raises(RefusedError) as caught:
        action_of(record)
    assert (caught.value.rule, caught.value.permanent) == ("proposal.action", True)


def test_the_bytes_of_an_action() -> None:
    kind = ActionBytes(MAX_ACTION_BYTES)
    kind.check("action", b"a")
    kind.check("action", bytes(MAX_ACTION_BYTES))
    for value, rule in (
        (b"", "record.field-length"),
        (bytes(MAX_ACTION_BYTES + 1), "record.field-length"),
        ("a", "record.field-kind"),
        (None, "record.field-kind"),
    ):
        with pytest.raises(RefusedError) as caught:
            kind.check("action", value)
        assert caught.value.rule == rule
    assert str(MAX_ACTION_BYTES) in kind.describe()


def test_a_proposal_is_found_among_what_it_would_register(hall: Hall) -> None:
    for action, lookups in (
        (admit(ONE, SCHOOL, "office"), (PROPOSAL_LOOKUP, MEMBER_LOOKUP)),
        (hall.seat(admit(ONE, SCHOOL, "office"), SCHOOL), (PROPOSAL_LOOKUP, MEMBER_LOOKUP, KEY_LOOKUP)),
        (hall.seat(set_roles(ONE, COOP, "administrator"), "vote"), (PROPOSAL_LOOKUP, KEY_LOOKUP)),
        (hall.register(ONE, COOP, "another", "producer"), (PROPOSAL_LOOKUP, KEY_LOOKUP)),
        (set_roles(ONE, COOP, "producer"), (PROPOSAL_LOOKUP,)),
    ):
        record = parse_record(encode_record(*proposal(ONE, action, hall.time_ms)))
        assert record.type.lookups(record.body) == lookups
        assert action_of(record).raw == encode_record(*action)
        assert action_of(action_of(record)).raw == encode_record(*action)


def test_without_a_vote_nothing_is_proposed_but_one_s_own_succession(hall: Hall) -> None:
    expires_ms = hall.time_ms + DAY_MS
    assert hall.send(COOP, proposal(COOP, set_roles(COOP, COOP, "producer"), expires_ms)) == (
        "authority.role",
        False,
    )
    other = declare(COOP, ONE, TWO, at=hall.time_ms)
    assert hall.send(COOP, proposal(COOP, other, expires_ms)) == ("authority.role", False)
    made = hall.propose(COOP, declare(COOP, ONE, COOP, at=hall.time_ms))
    assert hall.proposal(made).approvals == ()
    assert hall.approve(TWO, COOP, made) is None
    assert hall.approve(THREE, COOP, made) is None
    assert hall.member(ONE).ended_ms is None
    assert hall.approve(ONE, COOP, made) is None
    assert hall.member(ONE).successors == (COOP,)
    assert hall.administrators == 3
    # From now on ONE has ended: its keys sign nothing, and the quorum of what is proposed next is of the other two.
    hall.time_ms += 1
    assert hall.send(ONE, set_roles(ONE, COOP, "producer")) == ("member.ended", True)
    assert hall.proposal(hall.propose(TWO, admit(TWO, SCHOOL, "office"))).voters == (TWO, THREE)


# --- voting -----------------------------------------------------------------------------------------------------------


def test_nobody_votes_twice(hall: Hall) -> None:
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    assert hall.approve(ONE, ONE, made) == ("proposal.approved", True)
    assert hall.approve(TWO, ONE, made) is None
    assert hall.approve(TWO, ONE, made) == ("proposal.approved", True)
    # Another key of the same member is the same vote.
    hall.good(TWO, hall.register(TWO, TWO, "second of two", "administrator"))
    assert hall.send("second of two", approval(TWO, ONE, made)) == ("proposal.approved", True)


def test_who_is_no_administrator_has_no_vote(hall: Hall) -> None:
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    assert hall.approve(COOP, ONE, made) == ("authority.role", False)
    assert hall.send(f"{TWO} office", approval(TWO, ONE, made)) == ("authority.role", False)
    assert hall.send(TWO, approval(THREE, ONE, made)) == ("authority.not-acting", True)


def test_an_unknown_proposal_or_another_s_is_refused_for_now(hall: Hall) -> None:
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    assert hall.approve(TWO, ONE, bytes(32)) == ("proposal.unknown", False)
    assert hall.approve(TWO, THREE, made) == ("proposal.unknown", False)
    assert hall.send(TWO, withdrawal(TWO, made)) == ("proposal.unknown", False)


def test_a_proposal_takes_votes_up_to_its_last_moment(hall: Hall) -> None:
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"), days=1)
    hall.time_ms += DAY_MS
    assert hall.approve(TWO, ONE, made) is None
    hall.time_ms += 1
    assert hall.approve(THREE, ONE, made) == ("proposal.expired", True)
    assert hall.send(ONE, withdrawal(ONE, made)) == ("proposal.expired", True)
    assert hall.proposal(made).outcome == "in-force"


def test_the_proposer_withdraws_and_that_is_the_end_of_it(hall: Hall) -> None:
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    hall.good(ONE, withdrawal(ONE, made))
    row = hall.proposal(made)
    assert (row.outcome, row.decided_ms) == ("withdrawn", hall.time_ms)
    assert hall.history("proposal", ONE, made).status == "withdrawn"
    assert hall.approve(TWO, ONE, made) == ("proposal.closed", True)
    assert hall.send(ONE, withdrawal(ONE, made)) == ("proposal.closed", True)


def test_open_proposals_keep_their_voters_and_the_next_ones_have_new_ones(hall: Hall) -> None:
    before = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    promotion = set_roles(ONE, COOP, "administrator", "key-manager", "producer")
    voted = hall.propose(ONE, hall.seat(promotion, "coop vote"))
    hall.good(TWO, approval(TWO, ONE, voted))
    hall.good(THREE, approval(THREE, ONE, voted))
    # The cooperative is an administrator now, and has a key that votes: but not on what is open.
    assert hall.send("coop vote", approval(COOP, ONE, before)) == ("proposal.no-vote", True)
    assert hall.approve(COOP, ONE, before) == ("authority.role", False)
    assert hall.proposal(before).voters == (ONE, TWO, THREE)
    next_one = hall.propose(ONE, admit(ONE, "tram-y-te", "office"))
    assert hall.proposal(next_one).voters == (ONE, COOP, TWO, THREE)
    assert hall.proposal(next_one).quorum == 3


def test_a_new_administrator_does_not_vote_on_what_is_open() -> None:
    hall = Hall(2)
    before = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    join = hall.propose(ONE, hall.seat(admit(ONE, THREE, "administrator"), THREE))
    assert hall.approve(TWO, ONE, join) is None
    assert hall.approve(THREE, ONE, before) == ("proposal.no-vote", True)
    assert hall.proposal(hall.propose(THREE, admit(THREE, "tram", "office"))).quorum == 3


def test_the_vote_of_a_member_that_is_no_administrator_any_more_does_not_count() -> None:
    hall = Hall(4)
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    hall.approve(TWO, ONE, made)
    down = hall.propose(THREE, set_roles(THREE, TWO, "office"))
    hall.approve(ONE, THREE, down)
    hall.approve(FOUR, THREE, down)
    assert hall.member(TWO).roles == ("office",)
    # Three have approved, but only two of them count.
    assert hall.approve(THREE, ONE, made) is None
    row = hall.proposal(made)
    assert (row.approvals, row.counted((ONE, THREE, FOUR)), row.quorum) == (
        (ONE, TWO, THREE),
        (ONE, THREE),
        3,
    )
    assert row.outcome == "in-force"
    assert hall.approve(FOUR, ONE, made) is None
    assert hall.proposal(made).outcome == "executed"


def test_what_cannot_be_done_refuses_the_vote_that_would_do_it(hall: Hall) -> None:
    """Nothing is half done, and the proposal stays open: it can be done later, or expires."""
    needs_member = hall.propose(ONE, hall.register(ONE, SCHOOL, SCHOOL, "office"))
    assert hall.approve(TWO, ONE, needs_member) is None
    assert hall.approve(THREE, ONE, needs_member) == ("member.unknown", False)
    assert hall.proposal(needs_member).approvals == (ONE, TWO)
    # Approved after what it needs, it is done.
    member = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    assert hall.approve(TWO, ONE, member) is None
    assert hall.approve(THREE, ONE, member) is None
    assert hall.approve(THREE, ONE, needs_member) is None
    assert hall.key(SCHOOL).member == SCHOOL
    again = hall.propose(TWO, admit(TWO, SCHOOL, "office"))
    assert hall.approve(ONE, TWO, again) is None
    assert hall.approve(THREE, TWO, again) == ("member.exists", True)


def test_an_entry_holds_one_vote(hall: Hall) -> None:
    """What a vote carries out may be a succession: an entry does one thing of that kind."""
    member = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    seat = hall.propose(ONE, hall.register(ONE, SCHOOL, SCHOOL, "office"))
    both = hall.send(TWO, approval(TWO, ONE, member), approval(TWO, ONE, seat))
    assert both == ("entry.single", True)
    assert hall.proposal(member).approvals == (ONE,)
    handed = hand_over(TWO, ONE, at=hall.time_ms + DAY_MS)
    assert hall.send(TWO, approval(TWO, ONE, member), handed) == ("entry.single", True)
    hall.good(TWO, approval(TWO, ONE, member), hall.register(TWO, TWO, "clerk's new", "office"))


def test_an_approval_does_not_leak_into_the_next_record(hall: Hall) -> None:
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    hall.approve(TWO, ONE, made)
    both = hall.send(THREE, approval(THREE, ONE, made), set_roles(THREE, COOP, "producer"))
    assert both == ("governance.quorum", False)
    assert hall.proposal(made).outcome == "in-force"


# --- the keys that decide ---------------------------------------------------------------------------------------------


def test_a_retired_key_decides_nothing_though_the_grace_period_lasts(hall: Hall) -> None:
    """An entry dated back would otherwise let an administrator that has left admit a key of its own."""
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    hall.good(TWO, hall.register(TWO, TWO, "second of two", "administrator"))
    hall.good("second of two", end_key("retire", TWO, TWO, TWO))
    hall.time_ms += DAY_MS
    early = hall.time_ms - 2 * DAY_MS
    for record in (
        approval(TWO, ONE, made),
        proposal(TWO, admit(TWO, "tram", "office"), hall.time_ms + DAY_MS),
        withdrawal(TWO, made),
        hall.register(TWO, TWO, "third of two", "administrator"),
        hall.rotate(TWO, "third of two"),
        end_key("revoke", TWO, TWO, "second of two", from_ms=0),
        hand_over(TWO, ONE, at=hall.time_ms + 1),
        admit(TWO, "tram", "office"),
    ):
        assert hall.send(TWO, record, time_ms=early) == ("key.not-current", True), record[0]


def test_an_ended_member_decides_nothing_though_the_grace_period_lasts(hall: Hall) -> None:
    made = hall.propose(ONE, admit(ONE, SCHOOL, "office"))
    hall.good(TWO, hand_over(TWO, ONE, at=hall.time_ms + DAY_MS))
    hall.time_ms += DAY_MS
    assert hall.approve(TWO, ONE, made) == ("key.not-current", True)


# --- parameters -------------------------------------------------------------------------------------------------------


def test_a_parameter_counts_from_the_next_block_on() -> None:
    hall = Hall(1)
    hall.good(ONE, set_parameter(ONE, TIME_AHEAD, 10), set_parameter(ONE, KEY_GRACE, 7))
    assert parse_parameters(hall.state.rows[PARAMETERS_KEY]) == {TIME_AHEAD: 10, KEY_GRACE: 7}
    ahead = hall.send(ONE, set_roles(ONE, COOP, "producer"), time_ms=hall.time_ms + 11)
    assert ahead == ("entry.time-ahead", False)
    assert hall.history("parameter", TIME_AHEAD, TIME_AHEAD).history.size == 1


def test_a_parameter_has_bounds() -> None:
    hall = Hall(1)
    for name, (least, greatest) in PARAMETER_BOUNDS.items():
        hall.good(ONE, set_parameter(ONE, name, greatest))
        hall.good(ONE, set_parameter(ONE, name, least))
    assert hall.send(ONE, set_parameter(ONE, TIME_AHEAD, DAY_MS + 1)) == ("parameter.range", True)
    for name, value in ((KEY_GRACE, 90 * DAY_MS + 1), (KEY_GRACE, -1), ("no-such", 1)):
        with pytest.raises(RefusedError) as caught:
            parse_record(encode_record(*set_parameter(ONE, name, value)))
        assert caught.value.rule == "record.field-range"


# --- the row ----------------------------------------------------------------------------------------------------------


def test_a_row_is_read_as_it_was_written_and_in_no_other_shape(hall: Hall) -> None:
    row = hall.proposal(hall.propose(ONE, admit(ONE, SCHOOL, "office")))
    assert ProposalRow.parse(row.encoded()) == row
    items: list[Any] = [ONE, b"a", 1, 2, [ONE], 1, [], "in-force", None]
    assert ProposalRow.parse(encode(items)).voters == (ONE,)
    for place, wrong in enumerate((1, "a", "b", None, "c", "d", 5, 6, "e")):
        with pytest.raises(FormatError):
            ProposalRow.parse(encode([*items[:place], wrong, *items[place + 1 :]]))
    with pytest.raises(FormatError):
        ProposalRow.parse(encode(items[:-1]))


# --- at random, against the twin --------------------------------------------------------------------------------------

Step = tuple[str, int, int, int]
"""What, by whom, on what, and how."""
VERBS = ("propose", "propose", "approve", "approve", "approve", "withdraw", "direct", "tick", "own")


class Meeting:
    """Administrators who propose, vote and come and go, in any order."""

    def __init__(self, administrators: int) -> None:
        self.hall = Hall(administrators)
        self.made: list[tuple[str, bytes]] = []
        self.rules: set[str | None] = set()
        self.keys = 0

    def step(self, verb: str, who: int, what: int, how: int) -> None:
        hall = self.hall
        speakers = [*ADMINISTRATORS[: hall.administrators], COOP]
        by = speakers[who % len(speakers)]
        if verb == "tick":
            hall.time_ms += (1, DAY_MS, 7 * DAY_MS, 40 * DAY_MS)[how % 4]
            return
        if verb == "propose":
            days = (1, 30, 90, 0, 91)[how % 5]
            record = proposal(by, self._action(by, what), hall.time_ms + days * DAY_MS)
            self.made.append((by, leaf_hash(encode_record(*record))))
        elif verb in {"approve", "withdraw"}:
            if not self.made:
                return
            proposer, made = self.made[what % len(self.made)]
            record = approval(by, proposer, made) if verb == "approve" else withdrawal(by, made)
            if how == 0:
                record = approval(by, by, made)
        elif verb == "direct":
            record = self._action(by, what)
        else:
            record = self._own(by, what, how)
        if len(encode_record(*record)) == REFUSED_RECORD_BYTES:
            return  # no record may have 64 bytes, whatever it says
        answer = hall.send(by, record)
        self.rules.add(None if answer is None else answer[0])

    def _action(self, by: str, what: int) -> tuple[str, Json]:
        hall = self.hall
        other = ADMINISTRATORS[what % hall.administrators]
        actions: tuple[tuple[str, Json], ...] = (
            set_roles(by, other, "office"),
            set_roles(by, other, "administrator", "key-manager", "office"),
            hall.seat(
                set_roles(by, COOP, "administrator", "device", "key-manager", "producer"), f"vote {self.keys}"
            ),
            set_roles(by, COOP, "device", "key-manager", "producer"),
            hall.seat(admit(by, SCHOOL, "administrator", "office"), SCHOOL),
            hall.register(by, COOP, f"coop {self.keys}", "producer"),
            set_parameter(by, KEY_GRACE, (what % 3) * DAY_MS),
            declare(by, other, COOP, at=hall.time_ms + (what % 3 - 1) * DAY_MS),
            declare(by, COOP, other, at=hall.time_ms + DAY_MS),
            cancel(by, COOP),
            end_key("revoke", by, COOP, f"{COOP} device", from_ms=0),
            hall.rotate(by, "never"),
        )
        return actions[what % len(actions)]

    def _own(self, by: str, what: int, how: int) -> tuple[str, Json]:
        hall = self.hall
        self.keys += 1
        return (
            hall.register(by, by, f"coop {self.keys}", "administrator" if how % 2 else "key-manager"),
            end_key("retire", by, by, f"coop {self.keys - 1}"),
            hand_over(by, ADMINISTRATORS[how % hall.administrators], at=hall.time_ms + DAY_MS),
            cancel(by, by),
        )[what % 4]


steps = st.lists(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 5), st.integers(0, 40), st.integers(0, 7)), max_size=30
)


@given(st.integers(1, 5), steps)
def test_random_meetings_are_judged_as_the_twin_judges_them(administrators: int, history: list[Step]) -> None:
    meeting = Meeting(administrators)
    for step in history:
        meeting.step(*step)


def test_long_meetings_reach_every_rule() -> None:
    """Else the test above would compare two machines that refuse for one reason only."""
    seen: set[str | None] = set()
    for seed in range(60):
        rng = random.Random(seed)
        meeting = Meeting(1 + seed % 5)
        for _ in range(60):
            meeting.step(rng.choice(VERBS), rng.randrange(6), rng.randrange(41), rng.randrange(8))
        seen |= meeting.rules
    assert seen >= REACHED, sorted(map(str, REACHED - seen))


REACHED = {
    None,
    "authority.role",
    "governance.quorum",
    "key.exists",
    "key.not-current",
    "key.unknown",
    "proposal.action",
    "proposal.approved",
    "proposal.closed",
    "proposal.expired",
    "proposal.expiry-far",
    "proposal.unknown",
    "succession.declared",
    "succession.none",
    "succession.same",
}


def test_every_governed_type_is_a_type() -> None:
    types = record_types()
    for name, record_type in GOVERNED.items():
        assert types[name] is record_type
    assert key(ONE).public_key != key(TWO).public_key
