"""Whose keys are whose business: own keys, another member's keys, rotation, and keys that end by themselves."""

from __future__ import annotations

import pytest

from ledger.entry import encode_record
from ledger.errors import RefusedError
from ledger.hashing import leaf_hash
from ledger.records import parse_record, record_types
from ledger.records.governance import ActionBytes
from ledger.records.members import OWN_DISPUTE_MS
from ledger.records.succession import IdentifierList
from ledger.rows import KeyRow
from tests.chains import key
from tests.hall import ADMINISTRATORS, COOP, DAY_MS, Hall, admit, approval, end_key, set_roles
from tests.reference_rules import Json
from tests.vectorgen.governance import (
    BODIES,
    right_actions,
    right_lists,
    wrong_actions,
    wrong_lists,
)

ONE, TWO, THREE, *_ = ADMINISTRATORS
DEVICE = f"{COOP} device"


@pytest.fixture
def hall() -> Hall:
    return Hall(3)


def paper(by: str, number: int) -> tuple[str, Json]:
    return "doc.anchor/1", {"authority": by, "commitment": bytes([number]) * 32}


# --- one's own keys ---------------------------------------------------------------------------------------------------


def test_an_administrator_s_key_manages_all_keys_of_its_member(hall: Hall) -> None:
    hall.good(ONE, hall.register(ONE, ONE, "second", "administrator", "office"))
    hall.good("second", end_key("retire", ONE, ONE, ONE))
    hall.good("second", end_key("revoke", ONE, ONE, f"{ONE} office", from_ms=hall.time_ms))
    assert hall.key(ONE).retired_ms == hall.key(f"{ONE} office").revoked_ms == hall.time_ms


def test_a_key_manager_manages_keys_but_no_administrator_s(hall: Hall) -> None:
    hall.good(ONE, hall.register(ONE, ONE, "manager", "key-manager"))
    hall.good("manager", hall.register(ONE, ONE, "clerk", "office"))
    hall.good("manager", end_key("retire", ONE, ONE, "clerk"))
    for record in (
        hall.register(ONE, ONE, "crown", "administrator"),
        hall.register(ONE, ONE, "crown", "administrator", "office"),
        end_key("retire", ONE, ONE, ONE),
        end_key("revoke", ONE, ONE, ONE, from_ms=0),
    ):
        assert hall.send("manager", record) == ("authority.role", False), record[0]
    assert hall.send("manager", hall.register(ONE, TWO, "clerk 2", "office")) == ("authority.role", False)
    assert hall.send("manager", end_key("retire", ONE, TWO, TWO)) == ("authority.role", False)


def test_a_member_without_a_vote_manages_its_own_keys(hall: Hall) -> None:
    """A cooperative puts a new phone in service without asking the other members."""
    hall.good(COOP, hall.register(COOP, COOP, "phone", "producer"))
    hall.good(COOP, end_key("revoke", COOP, COOP, "phone", from_ms=0))
    assert hall.send(COOP, hall.register(COOP, COOP, "crown", "administrator")) == ("authority.role", False)


def test_any_key_ends_itself_and_no_other(hall: Hall) -> None:
    assert hall.send(DEVICE, end_key("retire", COOP, COOP, COOP)) == ("authority.role", False)
    assert hall.send(DEVICE, end_key("revoke", COOP, COOP, COOP, from_ms=0)) == ("authority.role", False)
    assert hall.send(DEVICE, hall.register(COOP, COOP, "other", "device")) == ("authority.role", False)
    hall.good(DEVICE, end_key("retire", COOP, COOP, DEVICE))
    hall.good(f"{ONE} office", end_key("revoke", ONE, ONE, f"{ONE} office", from_ms=hall.time_ms))
    assert hall.send(f"{ONE} office", paper(ONE, 1)) == ("key.revoked", True)


def test_by_itself_a_key_disputes_the_last_day_only(hall: Hall) -> None:
    """Else whoever steals a clerk's key, or leaves in anger, puts all that the clerk ever signed in doubt."""
    assert OWN_DISPUTE_MS == DAY_MS
    hall.time_ms += 100 * DAY_MS
    office = f"{ONE} office"
    for from_ms in (0, hall.time_ms - DAY_MS - 1):
        early = end_key("revoke", ONE, ONE, office, from_ms=from_ms)
        assert hall.send(office, early) == ("key.dispute-early", False)
    assert hall.key(office).revoked_ms is None
    hall.good(office, end_key("revoke", ONE, ONE, office, from_ms=hall.time_ms - DAY_MS))
    # A key that manages keys sets any start, of itself too.
    hall.good(COOP, end_key("revoke", COOP, COOP, f"{COOP} device", from_ms=0))
    hall.good(COOP, end_key("revoke", COOP, COOP, COOP, from_ms=0))


def test_who_manages_a_revoked_key_sets_the_start_anew(hall: Hall) -> None:
    office, revoked_ms = f"{ONE} office", hall.time_ms
    hall.good(office, end_key("revoke", ONE, ONE, office, from_ms=hall.time_ms))
    hall.time_ms += 5
    again = end_key("revoke", ONE, ONE, office, from_ms=revoked_ms)
    assert hall.send(ONE, again) == ("key.ended", True)
    hall.good(ONE, end_key("revoke", ONE, ONE, office, from_ms=3))
    row = hall.key(office)
    assert (row.revoked_ms, row.disputed_from_ms) == (revoked_ms, 3)
    assert hall.history("key", ONE, key(office).public_key).history.size == 2
    assert hall.send(ONE, end_key("revoke", ONE, ONE, office, from_ms=hall.time_ms + 1)) == (
        "key.revoked-ahead",
        False,
    )
    # Another member's takes a quorum, this time too.
    made = hall.propose(TWO, end_key("revoke", TWO, ONE, office, from_ms=revoked_ms))
    assert hall.approve(ONE, TWO, made) is None
    assert hall.approve(THREE, TWO, made) is None
    assert hall.key(office).disputed_from_ms == revoked_ms


def test_another_member_s_keys_take_a_quorum(hall: Hall) -> None:
    for record in (
        hall.register(ONE, COOP, "other", "producer"),
        end_key("retire", ONE, COOP, COOP),
        end_key("revoke", ONE, TWO, TWO, from_ms=0),
    ):
        assert hall.send(ONE, record) == ("governance.quorum", False), record[0]
    made = hall.propose(ONE, hall.register(ONE, COOP, "other", "producer"))
    hall.approve(TWO, ONE, made)
    assert hall.approve(THREE, ONE, made) is None
    assert hall.key("other") == KeyRow(COOP, ("producer",), hall.time_ms)


# --- admission --------------------------------------------------------------------------------------------------------


def test_a_member_may_come_with_its_first_key() -> None:
    hall = Hall(1)
    hall.good(ONE, hall.seat(admit(ONE, "truong-hoc", "key-manager", "office"), "teacher"))
    assert hall.key("teacher") == KeyRow("truong-hoc", ("key-manager", "office"), hall.time_ms)
    assert hall.history("key", "truong-hoc", key("teacher").public_key).status == "in-force"
    assert hall.send(ONE, hall.seat(admit(ONE, "tram-y-te", "office"), "teacher")) == ("key.exists", True)


def test_nobody_becomes_an_administrator_without_a_key_that_can_vote() -> None:
    """Else a sole administrator that admits a second one without a key could never decide on anything again."""
    hall = Hall(1)
    assert hall.send(ONE, admit(ONE, TWO, "administrator")) == ("member.key-missing", True)
    promotion = set_roles(ONE, COOP, "administrator", "producer")
    assert hall.send(ONE, promotion) == ("member.key-missing", True)
    hall.good(ONE, hall.seat(promotion, "coop vote"))
    assert hall.key("coop vote").roles == ("administrator",)
    # From now on both have to agree, and can.
    made = hall.propose("coop vote", admit(COOP, "truong-hoc", "office"))
    assert hall.approve(ONE, COOP, made) is None
    assert hall.member("truong-hoc").roles == ("office",)
    # Who is one already shows nothing.
    again = hall.propose(ONE, set_roles(ONE, COOP, "administrator", "device", "producer"))
    assert hall.send("coop vote", approval(COOP, ONE, again)) is None


def test_a_key_and_its_possession_go_together() -> None:
    hall = Hall(1)
    for record in (admit(ONE, TWO, "administrator"), set_roles(ONE, COOP, "administrator")):
        kind, body = hall.seat(record, "vote")
        for missing in ("key", "possession"):
            half = {name: value for name, value in body.items() if name != missing}
            assert hall.send(ONE, (kind, half)) == ("member.key-pair", True)
        stolen = body | {"possession": hall.possession(THREE, "vote")}
        assert hall.send(ONE, (kind, stolen)) == ("key.possession", True)
    unasked = hall.seat(set_roles(ONE, COOP, "producer"), "vote")
    assert hall.send(ONE, unasked) == ("member.key-unasked", True)


# --- rotation ---------------------------------------------------------------------------------------------------------


def test_a_key_puts_another_in_its_place(hall: Hall) -> None:
    until_ms = hall.time_ms + 90 * DAY_MS
    hall.good(ONE, hall.register(ONE, ONE, "old", "key-manager", "office", until_ms=until_ms))
    hall.time_ms += DAY_MS
    record = hall.rotate(ONE, "new")
    hall.good("old", record)
    assert hall.key("new") == KeyRow(ONE, ("key-manager", "office"), hall.time_ms, until_ms)
    assert hall.key("old").retired_ms == hall.time_ms
    hall.good("new", paper(ONE, 1))
    # Both keys have it in their histories.
    old, new = key("old").public_key, key("new").public_key
    assert hall.history("key", ONE, old).status == "retired"
    assert hall.history("key", ONE, old).history.size == 2
    row = hall.history("key", ONE, new)
    assert (row.status, row.issue) == ("in-force", leaf_hash(encode_record(*record)))
    hall.time_ms += 1
    assert hall.send("old", paper(ONE, 2)) == ("key.retired", True)


def test_a_device_rotates_its_key_and_gains_nothing(hall: Hall) -> None:
    hall.good(DEVICE, hall.rotate(COOP, "new device"))
    assert hall.key("new device").roles == ("device",)


def test_a_rotation_is_to_a_new_key_that_its_owner_holds(hall: Hall) -> None:
    assert hall.send(DEVICE, hall.rotate(COOP, COOP)) == ("key.exists", True)
    assert hall.send(DEVICE, hall.rotate(COOP, DEVICE)) == ("key.exists", True)
    name, body = hall.rotate(COOP, "new device")
    stolen = body | {"possession": hall.possession(ONE, "new device")}
    assert hall.send(DEVICE, (name, stolen)) == ("key.possession", True)
    assert hall.send(DEVICE, hall.rotate(ONE, "new device")) == ("authority.not-acting", True)


def test_a_key_rotates_once(hall: Hall) -> None:
    both = hall.send(DEVICE, hall.rotate(COOP, "first"), hall.rotate(COOP, "second"))
    assert both == ("key.not-current", True)
    hall.good(DEVICE, hall.rotate(COOP, "first"))
    assert hall.send(DEVICE, hall.rotate(COOP, "second")) == ("key.not-current", True)


# --- validity ---------------------------------------------------------------------------------------------------------


def test_a_key_ends_by_itself(hall: Hall) -> None:
    until_ms = hall.time_ms + DAY_MS
    hall.good(ONE, hall.register(ONE, ONE, "deputy", "administrator", "office", until_ms=until_ms))
    assert hall.key("deputy").until_ms == until_ms
    hall.time_ms = until_ms
    hall.good("deputy", paper(ONE, 1))
    hall.good("deputy", end_key("retire", ONE, ONE, f"{ONE} office"))
    hall.time_ms += 1
    assert hall.send("deputy", paper(ONE, 2)) == ("key.expired", True)
    assert hall.send("deputy", paper(ONE, 2), time_ms=until_ms) is None
    assert hall.send("deputy", hall.rotate(ONE, "more"), time_ms=until_ms) == ("key.not-current", True)
    hall.time_ms = until_ms + 7 * DAY_MS + 1
    assert hall.send("deputy", paper(ONE, 3), time_ms=until_ms) == ("key.expired", True)


def test_an_end_lies_ahead(hall: Hall) -> None:
    for until_ms in (0, hall.time_ms):
        record = hall.register(ONE, ONE, "deputy", "office", until_ms=until_ms)
        assert hall.send(ONE, record) == ("key.until-past", True)
    hall.good(ONE, hall.register(ONE, ONE, "deputy", "office", until_ms=hall.time_ms + 1))


# --- the way back -----------------------------------------------------------------------------------------------------


def test_a_stolen_key_that_was_rotated_is_revoked_with_what_came_of_it(hall: Hall) -> None:
    """A thief may rotate; whoever manages the member's keys revokes both, and what they did since then is disputed."""
    hall.good(f"{ONE} office", hall.rotate(ONE, "thief's"))
    theft_ms = hall.time_ms
    hall.time_ms += DAY_MS
    hall.good("thief's", paper(ONE, 1))
    hall.good(
        ONE,
        end_key("revoke", ONE, ONE, f"{ONE} office", from_ms=theft_ms),
        end_key("revoke", ONE, ONE, "thief's", from_ms=theft_ms),
        hall.register(ONE, ONE, "clerk's new", "office"),
    )
    assert hall.send("thief's", paper(ONE, 2)) == ("key.revoked", True)
    assert hall.key("thief's").disputed_from_ms == theft_ms


def test_a_member_that_has_lost_all_keys_gets_one_by_a_quorum(hall: Hall) -> None:
    made = hall.propose(ONE, hall.register(ONE, TWO, "back", "administrator"))
    lost = hall.propose(ONE, end_key("retire", ONE, TWO, TWO))
    for proposal in (made, lost):
        assert hall.approve(THREE, ONE, proposal) is None
        # With three administrators, all three must agree: the one that lost its key cannot.
        assert hall.proposal(proposal).outcome == "in-force"


def test_with_four_administrators_one_may_lose_all_its_keys() -> None:
    hall = Hall(4)
    made = hall.propose(ONE, hall.register(ONE, TWO, "back", "administrator"))
    hall.approve(THREE, ONE, made)
    hall.approve(ADMINISTRATORS[3], ONE, made)
    assert hall.key("back").member == TWO
    hall.good("back", end_key("revoke", TWO, TWO, TWO, from_ms=hall.time_ms))


# --- as records -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BODIES)
def test_a_good_body_is_read_and_every_field_is_in_it(name: str) -> None:
    read = parse_record(encode_record(name, BODIES[name]))
    assert read.type is record_types()[name]
    assert {field.name for field in read.type.fields} == set(read.body)
    assert read.authority == "office"


@pytest.mark.parametrize("name", BODIES)
def test_values_at_the_edge_of_the_two_kinds(name: str) -> None:
    for one in record_types()[name].fields:
        if isinstance(one.kind, ActionBytes):
            good, bad = right_actions(one.kind), wrong_actions(one.kind)
        elif isinstance(one.kind, IdentifierList):
            good, bad = right_lists(one.kind), wrong_lists(one.kind)
        else:
            continue
        for _, value in good:
            parse_record(encode_record(name, BODIES[name] | {one.name: value}))
        for what, value, rule in bad:
            with pytest.raises(RefusedError) as caught:
                parse_record(encode_record(name, BODIES[name] | {one.name: value}))
            assert caught.value.rule == f"record.field-{rule}", what
