"""The genesis document: one form, and everything that a ledger stands on is checked before it starts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value, decode, encode
from ledger.entry import GENESIS_TAG, leaf_tag
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError
from ledger.genesis import (
    DEFAULT_PARAMETERS,
    KEY_GRACE,
    MAX_GENESIS_BYTES,
    TIME_AHEAD,
    Genesis,
    GenesisKey,
    GenesisMember,
    check_genesis,
    genesis_policy,
    parse_genesis,
    parse_genesis_leaf,
)
from ledger.hashing import sha256
from ledger.policy import Policy
from ledger.roles import ROLES
from tests.chains import START_MS, key, make_genesis

GENESIS = make_genesis(3)

roles = st.lists(st.sampled_from(sorted(ROLES)), min_size=1, unique=True).map(
    lambda words: tuple(sorted(words))
)
names = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-._", min_size=1, max_size=64)
people = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)


@st.composite
def documents(draw: st.DrawFn) -> Genesis:
    ids = sorted(draw(st.sets(names, min_size=1, max_size=5)))
    keys = [key(f"genesis {number}").public_key for number in range(draw(st.integers(0, 6)))]
    return replace(
        make_genesis(draw(st.integers(1, 5))),
        nonce=draw(st.binary(min_size=16, max_size=16)),
        time_ms=draw(st.integers(0, 2**53 - 1)),
        members=tuple(GenesisMember(one, draw(people), draw(roles)) for one in ids),
        keys=tuple(GenesisKey(one, draw(st.sampled_from(ids)), draw(roles)) for one in sorted(keys)),
        parameters={name: draw(st.integers(0, 2**53 - 1)) for name in DEFAULT_PARAMETERS},
    )


@given(documents())
def test_a_document_comes_back_from_its_leaf(genesis: Genesis) -> None:
    leaf = genesis.leaf()
    again = parse_genesis_leaf(leaf)
    assert again == genesis
    assert again.leaf() == leaf
    assert leaf_tag(leaf) == GENESIS_TAG
    assert genesis.chain_id == sha256(encode(genesis.value()))
    check_genesis(genesis)
    Policy.parse(genesis_policy(genesis).format())


def test_every_single_byte_changes_the_chain_or_is_refused() -> None:
    """No two leaves are one ledger: what still parses is byte for byte another document with another identifier."""
    leaf, chain_id = GENESIS.leaf(), GENESIS.chain_id
    read = 0
    for at in range(len(leaf)):
        for mask in (0x01, 0x20, 0x80):
            changed = leaf[:at] + bytes([leaf[at] ^ mask]) + leaf[at + 1 :]
            try:
                genesis = parse_genesis_leaf(changed)
            except LedgerError:
                continue
            read += 1
            assert genesis.leaf() == changed
            assert genesis.chain_id != chain_id
    assert read > 20


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises((FormatError, CannotTellError)):
        parse_genesis_leaf(data)


def rule_of(genesis: Genesis) -> str:
    """The rule that refuses a document when it is read from a leaf."""
    with pytest.raises((FormatError, CannotTellError)) as caught:
        parse_genesis_leaf(genesis.leaf())
    with pytest.raises((FormatError, RefusedError, CannotTellError)):
        check_genesis(genesis)
    return caught.value.rule


def with_parameters(*rows: Value) -> bytes:
    return encode([2, [*GENESIS.value()[:8], list(rows)]])


def test_parameters_have_one_form() -> None:
    """Read into a dictionary, a second form would be another leaf with the same chain_id."""
    first: list[Value] = [TIME_AHEAD, 5]
    second: list[Value] = [KEY_GRACE, 7]
    assert parse_genesis_leaf(with_parameters(first, second)).parameters == {TIME_AHEAD: 5, KEY_GRACE: 7}
    other: list[Value] = [TIME_AHEAD, 4]
    for rows in ([second, first], [first, first, second], [other, first, second], [first, second, second]):
        with pytest.raises(FormatError) as caught:
            parse_genesis_leaf(with_parameters(*rows))
        assert caught.value.rule == "genesis.order"


def test_unknown_rules_are_not_called_wrong() -> None:
    assert rule_of(replace(GENESIS, rules_version=2)) == "genesis.rules-version"
    value = GENESIS.value()
    with pytest.raises(CannotTellError) as caught:
        parse_genesis([2, "another", "shape"])
    assert caught.value.rule == "genesis.version"
    with pytest.raises(CannotTellError):
        parse_genesis([True, *value[1:]])


@pytest.mark.parametrize("space", ["\u0085", "\u00a0", "\u1680", "\u2003", "\u2028", "\u3000", " ", "+"])
def test_an_origin_holds_no_space_of_any_kind_and_no_plus_sign(space: str) -> None:
    """The list of spaces is written out in `ledger.note`: an interpreter's own would change with its Unicode version."""
    rule = "genesis.field" if space in {"\u0085", "\u2028"} else "genesis.policy"
    assert rule_of(replace(GENESIS, origin=f"phu{space}son")) == rule


@pytest.mark.parametrize("letter", ["\u180e", "\u200b", "ú"])
def test_an_origin_may_hold_what_is_no_space_in_notes(letter: str) -> None:
    check_genesis(replace(GENESIS, origin=f"phu{letter}son"))


@pytest.mark.parametrize("name", ["none", "validators", "a b", "a+b", "a\u2003b"])
def test_validators_have_names_that_a_policy_can_hold(name: str) -> None:
    one = replace(GENESIS.validators[0], name=name)
    assert rule_of(replace(GENESIS, validators=(one,))) == "genesis.policy"


@pytest.mark.parametrize("field", ["engine_key", "header_key", "log_key", "cosigning_key"])
def test_validators_have_keys_that_may_be_registered(field: str) -> None:
    one = replace(GENESIS.validators[0], **{field: b"\x01" + bytes(31)})  # type: ignore[arg-type]
    assert rule_of(replace(GENESIS, validators=(one,))) == "genesis.key"


def test_one_key_makes_one_kind_of_statement() -> None:
    first, second, third = GENESIS.validators
    for other in (
        replace(second, log_key=second.cosigning_key),
        replace(second, header_key=first.header_key),
        replace(second, engine_key=GENESIS.keys[0].public_key),
    ):
        assert rule_of(replace(GENESIS, validators=(first, other, third))) == "genesis.keys-distinct"


def test_keys_act_for_members() -> None:
    stranger = replace(GENESIS.keys[0], member="school")
    assert rule_of(replace(GENESIS, keys=(stranger,))) == "genesis.member"


def test_lists_ascend_without_repeats() -> None:
    for changed in (
        replace(GENESIS, keys=tuple(reversed(GENESIS.keys))),
        replace(GENESIS, validators=tuple(reversed(GENESIS.validators))),
        replace(GENESIS, members=GENESIS.members * 2),
    ):
        assert rule_of(changed) == "genesis.order"


def test_names_ascend_as_bytes_of_utf_8() -> None:
    """U+FFFF comes before U+10000, though its UTF-16 unit is the larger one."""
    low, high = (
        replace(one, name=f"v{letter}")
        for one, letter in zip(GENESIS.validators, "\uffff\U00010000", strict=False)
    )
    check_genesis(replace(GENESIS, validators=(low, high)))
    assert rule_of(replace(GENESIS, validators=(high, low))) == "genesis.order"


def test_a_ledger_has_a_validator() -> None:
    assert rule_of(replace(GENESIS, validators=())) == "genesis.validators"


def test_the_limit_on_bytes() -> None:
    def with_members(count: int) -> Genesis:
        return replace(
            GENESIS,
            members=tuple(GenesisMember(f"m{number:05}", "x" * 200, ("office",)) for number in range(count)),
            keys=(),
        )

    fits = next(
        count for count in range(300, 0, -1) if len(with_members(count).encoded()) <= MAX_GENESIS_BYTES
    )
    parse_genesis_leaf(with_members(fits).leaf())
    with pytest.raises(FormatError) as caught:
        check_genesis(with_members(fits + 1))
    assert caught.value.rule == "genesis.size"
    with pytest.raises(FormatError) as caught:
        parse_genesis_leaf(with_members(fits + 1).leaf())
    assert caught.value.rule in ("genesis.size", "encoding.too-large")


def test_the_default_parameters_are_five_minutes_and_seven_days() -> None:
    assert make_genesis().parameters == {TIME_AHEAD: 300_000, KEY_GRACE: 604_800_000}
    value = decode(make_genesis().encoded())
    assert isinstance(value, list)
    assert value[4] == START_MS
    assert value[8] == [[TIME_AHEAD, 300_000], [KEY_GRACE, 604_800_000]]
