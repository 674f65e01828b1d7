"""`validator.set/1` and what follows from it: who proposes, who judges, what an engine is told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.block import Header
from ledger.entry import encode_record
from ledger.errors import FormatError, VerificationError
from ledger.genesis import Validator, genesis_policy, validators_policy
from ledger.hashing import sha256
from ledger.note import LOG_KEY, VerifierKey
from ledger.records.validators import PURPOSES, REQUIRED
from ledger.rows import ValidatorsBefore, parse_validators, validators_value
from ledger.validators import (
    MAX_VALIDATORS,
    check_proposer,
    current_set,
    engine_address,
    engine_updates,
    header_key_at,
    is_validator_key,
    judging_set,
    quorum_of,
)
from tests.chains import ORIGIN, Chain, key, make_genesis, validator_name
from tests.hall import Hall
from tests.reference_rules import Json

ONE, TWO, THREE = "bac-son", "ngoc-trao", "phu-son"
FIRST = validator_name(0)
JOINER = "xa-ben/so-goc"


def four(name: str) -> dict[str, str]:
    """Names of a whole set of keys for a validator, by purpose."""
    return {purpose: f"{name} {purpose}" for purpose in REQUIRED}


@pytest.fixture
def hall() -> Hall:
    return Hall(1)


def names(hall: Hall) -> list[str]:
    return [one.name for one in current_set(hall.state)]


def number(hall: Hall) -> int:
    try:
        return hall.history("validators", "validators", "validators").history.size
    except KeyError:
        return 0


def test_a_validator_joins_gets_new_keys_and_leaves(hall: Hall) -> None:
    hall.good(ONE, hall.validator(ONE, 0, JOINER, **four("a")))
    assert names(hall) == sorted([FIRST, JOINER])
    before = {one.name: one for one in current_set(hall.state)}[JOINER]
    hall.time_ms += 1000
    hall.good(ONE, hall.validator(ONE, 1, JOINER, header="h2", witness="w"))
    after = {one.name: one for one in current_set(hall.state)}[JOINER]
    assert after == replace(before, header_key=key("h2").public_key, witness_key=key("w").public_key)
    hall.time_ms += 1000
    hall.good(ONE, hall.validator(ONE, 2, leaves=FIRST))
    assert names(hall) == [JOINER]
    assert number(hall) == 3


def test_one_takes_anothers_place_in_one_step(hall: Hall) -> None:
    hall.good(ONE, hall.validator(ONE, 0, JOINER, leaves=FIRST, **four("a")))
    assert names(hall) == [JOINER]


def test_with_several_administrators_it_takes_the_quorum_and_joins_the_one_history() -> None:
    hall = Hall(3)
    change = hall.validator(ONE, 0, JOINER, **four("a"))
    assert hall.send(ONE, change) == ("governance.quorum", False)
    made = hall.propose(ONE, change)
    assert hall.approve(TWO, ONE, made) is None
    assert names(hall) == [FIRST]
    assert hall.approve(THREE, ONE, made) is None
    assert names(hall) == sorted([FIRST, JOINER])
    assert number(hall) == 1
    # What was proposed beside it would make a set that nobody approved.
    other = hall.propose(ONE, hall.validator(ONE, 0, "ai-do/so-goc", **four("b")))
    assert hall.approve(TWO, ONE, other) is None
    assert hall.approve(THREE, ONE, other) == ("validator.set-number", True)


def test_a_change_of_a_set_to_come_can_wait(hall: Hall) -> None:
    assert hall.send(ONE, hall.validator(ONE, 1, leaves=FIRST)) == ("validator.set-number", False)


@pytest.mark.parametrize(
    ("rule", "change"),
    {
        "nothing": ("validator.nothing", lambda hall: hall.validator(ONE, 0)),
        "no keys": ("validator.keys-missing", lambda hall: hall.validator(ONE, 0, JOINER)),
        "some keys": (
            "validator.keys-missing",
            lambda hall: hall.validator(ONE, 0, JOINER, log="a", header="b"),
        ),
        "no name": (
            "validator.keys-missing",
            lambda hall: _without(hall.validator(ONE, 0, JOINER, **four("a")), "validator"),
        ),
        "no possession": (
            "validator.key-pair",
            lambda hall: _without(hall.validator(ONE, 0, JOINER, **four("a")), "log_possession"),
        ),
        "possession alone": (
            "validator.key-pair",
            lambda hall: _without(hall.validator(ONE, 0, JOINER, **four("a")), "log_key"),
        ),
        "reserved name": ("validator.name", lambda hall: hall.validator(ONE, 0, "validators", **four("a"))),
        "none as a name": ("validator.name", lambda hall: hall.validator(ONE, 0, "none", **four("a"))),
        "comes and goes": (
            "validator.name",
            lambda hall: hall.validator(ONE, 0, FIRST, leaves=FIRST, header="h"),
        ),
        "one key twice": (
            "validator.key-used",
            lambda hall: hall.validator(ONE, 0, JOINER, **four("a") | {"log": "a engine"}),
        ),
        "a stranger leaves": ("validator.unknown", lambda hall: hall.validator(ONE, 0, leaves="nobody")),
        "the last leaves": ("validator.last", lambda hall: hall.validator(ONE, 0, leaves=FIRST)),
        "a member's key": ("validator.key-used", lambda hall: hall.validator(ONE, 0, FIRST, header=ONE)),
        "another's key": (
            "validator.key-used",
            lambda hall: hall.validator(ONE, 0, JOINER, **four("a") | {"log": "log 0"}),
        ),
        "its own key": ("validator.key-used", lambda hall: hall.validator(ONE, 0, FIRST, header="header 0")),
        "key swapped between purposes": (
            "validator.possession",
            lambda hall: _moved(hall.validator(ONE, 0, JOINER, **four("a")), "log", "header"),
        ),
        "possession for another name": (
            "validator.possession",
            lambda hall: (
                "validator.set/1",
                hall.validator(ONE, 0, "x", **four("a"))[1] | {"validator": JOINER},
            ),
        ),
    }.values(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_rules_refuse(hall: Hall, rule: str, change) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    answer = hall.send(ONE, change(hall))
    assert answer is not None
    assert answer[0] == rule
    assert names(hall) == [FIRST]


def _without(record: tuple[str, Json], field: str) -> tuple[str, Json]:
    name, body = record
    return name, {item: value for item, value in body.items() if item != field}


def _moved(record: tuple[str, Json], one: str, other: str) -> tuple[str, Json]:
    """Two keys in each other's place, each with its own possession."""
    name, body = record
    for part in ("key", "possession"):
        body[f"{one}_{part}"], body[f"{other}_{part}"] = body[f"{other}_{part}"], body[f"{one}_{part}"]
    return name, body


def test_a_key_that_went_comes_back_for_nothing(hall: Hall) -> None:
    hall.good(ONE, hall.validator(ONE, 0, FIRST, header="h2"))
    hall.time_ms += 1000
    assert hall.send(ONE, hall.validator(ONE, 1, FIRST, header="header 0")) == ("validator.key-used", True)
    assert hall.send(ONE, hall.register(ONE, ONE, "header 0", "office")) == ("key.validator", True)
    assert hall.send(ONE, hall.register(ONE, ONE, "h2", "office")) == ("key.validator", True)
    assert hall.send(ONE, hall.rotate(ONE, "engine 0")) == ("key.validator", True)
    assert is_validator_key(hall.state, key("header 0").public_key)
    assert not is_validator_key(hall.state, key("h3").public_key)


def test_a_member_may_not_be_admitted_with_a_validators_key(hall: Hall) -> None:
    admission = ("member.register/1", {"authority": ONE, "member": "x", "name": "x", "roles": ["office"]})
    assert hall.send(ONE, hall.seat(admission, "log 0")) == ("key.validator", True)


def test_a_set_has_room_for_so_many_signatures(hall: Hall) -> None:
    for count in range(1, MAX_VALIDATORS):
        hall.time_ms += 1000
        hall.good(ONE, hall.validator(ONE, count - 1, f"v{count}", **four(f"v{count}")))
    more = hall.validator(ONE, MAX_VALIDATORS - 1, "one-more", **four("one more"))
    assert hall.send(ONE, more) == ("validator.many", True)
    validators = current_set(hall.state)
    assert validators_policy(ORIGIN, validators).groups[0].threshold == quorum_of(validators) == 22


# --- random changes, against the twin that a hall carries ---------------------------------------------------------------

changes = st.tuples(
    st.integers(0, 3),  # who gets keys, or nobody
    st.integers(0, 4),  # who leaves, or nobody
    st.lists(st.tuples(st.sampled_from(PURPOSES), st.integers(0, 9)), max_size=6),
    st.sampled_from([0, 0, 0, 0, 1, -1]),
    st.booleans(),
)


@given(st.lists(changes, max_size=25))
def test_random_changes_are_judged_as_the_twin_judges_them(history) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    hall = Hall(1)
    sets = [current_set(hall.state)]
    for gets, leaves, given_keys, off, same_block in history:
        if not same_block:
            hall.time_ms += 1000
        keys = {purpose: f"random {purpose if same_block else ''} {chosen}" for purpose, chosen in given_keys}
        name = [None, FIRST, "v1", "v2"][gets]
        if name == "v1" and len(keys) > 2:
            keys = four(f"{name} {len(sets)}") | keys
        gone = [None, None, FIRST, "v1", "v2"][leaves]
        kind, body = hall.validator(
            ONE, max(0, number(hall) + off), name, leaves=gone, **(keys if name else {})
        )
        # A record must not have 64 bytes.
        hall.send(ONE, (kind, body | {"decision": "12/QĐ-UBND of the ward, which is a longer text"}))
        sets.append(current_set(hall.state))
    for before, after in pairwise(sets):
        told = dict(engine_updates(before, after))
        was, now = ({one.engine_key for one in some} for some in (before, after))
        assert {engine for engine in was | now if told.get(engine, engine in was)} == now
        assert set(told) == was ^ now
        assert now


def test_the_twin_would_notice(hall: Hall) -> None:
    """The hall compares rows after every step: one that is off is seen."""
    hall.twin.validators = {}
    with pytest.raises(AssertionError):
        hall.good(ONE, hall.validator(ONE, 0, FIRST, header="h2"))


# --- who proposes and who judges ----------------------------------------------------------------------------------------


def change(chain: Chain, number: int, name: str, /, **keys: str) -> Header:
    """A block with one change of the validators."""
    hall = Hall(1)
    hall.genesis = chain.genesis
    _, body = hall.validator("office", number, name, **keys)
    return chain.add([chain.entry([encode_record("validator.set/1", body)], by="admin")])


@pytest.fixture
def changed() -> Chain:
    """A chain whose second block gives its validator a new engine and header key."""
    chain = Chain()
    chain.add_documents(1)
    change(chain, 0, FIRST, header="header new", engine="engine new")
    return chain


def _next(chain: Chain, proposer: str, engine_step: int = 1) -> Header:
    return replace(
        chain.headers[-1],
        height=chain.headers[-1].height + 1,
        engine_height=chain.headers[-1].engine_height + engine_step,
        proposer=key(proposer).public_key,
    )


def test_a_checkpoint_is_judged_by_the_set_before_its_last_block(changed: Chain) -> None:
    old, new = changed.genesis.validators, current_set(changed.state)
    assert old != new
    assert judging_set(changed.state, changed.headers[-1]) == old
    changed.add([changed.entry(changed.documents(1))], proposer="header new")
    assert judging_set(changed.state, changed.headers[-1]) == new
    assert judging_set(Chain().state, Chain().headers[0]) == old


def test_a_removed_proposer_may_for_one_engine_height_and_no_longer(changed: Chain) -> None:
    parent = changed.headers[-1]
    check_proposer(changed.state, parent, _next(changed, "header new"))
    check_proposer(changed.state, parent, _next(changed, "header 0"))
    check_proposer(changed.state, parent, _next(changed, "header new", engine_step=2))
    with pytest.raises(VerificationError, match=r"header\.proposer"):
        check_proposer(changed.state, parent, _next(changed, "header 0", engine_step=2))
    changed.add([changed.entry(changed.documents(1))], proposer="header 0")
    with pytest.raises(VerificationError, match=r"header\.proposer"):
        check_proposer(changed.state, changed.headers[-1], _next(changed, "header 0"))


def test_a_proposer_is_found_by_the_address_that_the_engine_names(changed: Chain) -> None:
    state, parent = changed.state, changed.headers[-1]
    old, new = (engine_address(key(name).public_key) for name in ("engine 0", "engine new"))
    assert old == sha256(key("engine 0").public_key)[:20]
    height = parent.engine_height + 1
    assert header_key_at(state, parent, height, old) == key("header 0").public_key
    assert header_key_at(state, parent, height, new) == key("header new").public_key
    assert header_key_at(state, parent, height + 1, new) == key("header new").public_key
    with pytest.raises(VerificationError, match=r"header\.proposer"):
        header_key_at(state, parent, height + 1, old)


def test_a_set_without_its_row_is_no_set() -> None:
    with pytest.raises(FormatError, match=r"state\.missing"):
        current_set(Hall(1).state.__class__())


def test_rows_read_back() -> None:
    validators = (*make_genesis(2).validators, Validator("w", *(bytes([n]) * 32 for n in range(5))))
    assert parse_validators(validators_value(validators)) == validators
    row = ValidatorsBefore(7, validators)
    assert ValidatorsBefore.parse(row.encoded()) == row
    for broken in (b"\x91\x92\xa1a\x01", b"\x01"):
        with pytest.raises(FormatError):
            parse_validators(broken)
        with pytest.raises(FormatError):
            ValidatorsBefore.parse(broken)


def test_a_log_key_made_to_collide_takes_nobodys_place() -> None:
    """Key ids have four bytes: who joins could search for one that a listed log key has, and spoil every checkpoint."""
    genesis = make_genesis(2)
    one, two = genesis.validators
    assert validators_policy(genesis.origin, (one, two)) == genesis_policy(genesis)
    colliding = replace(two, log_key=one.log_key)
    policy = validators_policy(genesis.origin, (one, colliding))
    assert [log.key for log in policy.logs] == [VerifierKey(genesis.origin, LOG_KEY, one.log_key)]
    assert len(policy.witnesses) == 2
