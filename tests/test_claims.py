"""Claims and what is shown of them: against the recursive definition, and every way to cheat by its rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.claims import (
    MAX_CLAIMS,
    MAX_VALUE_BYTES,
    Claim,
    ClaimValue,
    Disclosure,
    FullClaims,
    ShownClaim,
    claim_mac,
    commit,
    parse_claims,
)
from ledger.encoding import MAX_INT, Value, decode, encode
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from tests.reference import mth
from tests.twins import certificates as twin

pytestmark = pytest.mark.usefixtures("no_network")

SALT = bytes(range(32))
CLAIMS = (
    Claim("ho_ten", "Nguyễn Thị Không Có Thật"),
    Claim("ngay_sinh", "1990-02-03"),
    Claim("hang_sao", 4),
    Claim("dan_toc", None),
    Claim("thuong_tru", True),
)
FULL = FullClaims(CLAIMS, SALT)
ROOT = FULL.root

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._", min_size=1, max_size=64)
values: st.SearchStrategy[ClaimValue] = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INT, MAX_INT)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
)
claim_lists = st.lists(st.tuples(names, values), min_size=1, max_size=40, unique_by=lambda pair: pair[0])
salts = st.binary(min_size=32, max_size=32)


def full(claims: list[tuple[str, ClaimValue]], salt: bytes) -> FullClaims:
    return FullClaims(tuple(Claim(*pair) for pair in claims), salt)


@given(claim_lists, salts)
def test_the_root_is_the_one_of_the_definition(claims: list[tuple[str, ClaimValue]], salt: bytes) -> None:
    held = full(claims, salt)
    assert held.root == commit(held.claims, salt) == twin.claims_root(claims, salt)
    held.verify(held.root, len(claims))
    assert parse_claims(decode(encode(held.to_value()))) == held


@given(claim_lists, salts, st.data())
def test_any_choice_of_claims_can_be_shown_and_holds(
    claims: list[tuple[str, ClaimValue]], salt: bytes, data: st.DataObject
) -> None:
    held = full(claims, salt)
    chosen = data.draw(st.sets(st.sampled_from([name for name, _ in claims]), min_size=1))
    shown = held.disclose(chosen)
    shown.verify(held.root, len(claims))
    assert [claim.name for claim in shown.shown] == [name for name, _ in claims if name in chosen]
    encoded = encode(shown.to_value())
    assert parse_claims(decode(encoded)) == shown
    # What is not shown is not in there: neither the salt nor the leaf nor the blinding of a hidden claim.
    assert salt not in encoded
    for name, _ in claims:
        if name not in chosen:
            assert claim_mac(salt, name) not in encoded


@given(st.data())
def test_a_shown_claim_with_anything_changed_is_refused(data: st.DataObject) -> None:
    shown = FULL.disclose({"ngay_sinh", "hang_sao"})
    at = data.draw(st.integers(0, 1))
    item = shown.items[at]
    change = data.draw(
        st.sampled_from(["value", "name", "mac", "index", "path-bit", "path-short", "path-long"])
    )
    match change:
        case "value":
            value = data.draw(values.filter(lambda one: encode(one) != encode(item.claim.value)))
            wrong = replace(item, claim=Claim(item.claim.name, value))
        case "name":
            name = data.draw(names.filter(lambda one: one not in ("ngay_sinh", "hang_sao")))
            wrong = replace(item, claim=Claim(name, item.claim.value))
        case "mac":
            wrong = replace(item, mac=bytes([item.mac[0] ^ 1, *item.mac[1:]]))
        case "index":
            # Its place in the list must stay in order, or it is refused for that.
            wrong = replace(item, index={0: 0, 1: data.draw(st.sampled_from([3, 4, 5, 255]))}[at])
        case "path-bit":
            wrong = replace(item, path=(bytes(32), *item.path[1:]))
        case "path-short":
            wrong = replace(item, path=item.path[:-1])
        case _:
            wrong = replace(item, path=(*item.path, bytes(32)))
    items = (wrong, shown.items[1]) if at == 0 else (shown.items[0], wrong)
    with pytest.raises(VerificationError) as caught:
        Disclosure(5, items).verify(ROOT, 5)
    assert caught.value.rule == "claims.proof"


def test_two_claims_cannot_swap_their_values_or_names() -> None:
    first, second = FULL.disclose({"ho_ten", "ngay_sinh"}).items
    swapped_values = (
        replace(first, claim=Claim("ho_ten", second.claim.value)),
        replace(second, claim=Claim("ngay_sinh", first.claim.value)),
    )
    swapped_names = (
        replace(first, claim=Claim("ngay_sinh", first.claim.value)),
        replace(second, claim=Claim("ho_ten", second.claim.value)),
    )
    for items in (swapped_values, swapped_names):
        with pytest.raises(VerificationError) as caught:
            Disclosure(5, items).verify(ROOT, 5)
        assert caught.value.rule == "claims.proof"


def test_an_inner_node_cannot_pass_for_a_claim() -> None:
    """The subtree over the first two claims has a hash that leads to the root; no claim has that hash."""
    leaves = twin.claims_leaves([(claim.name, claim.value) for claim in CLAIMS], SALT)
    path = (mth(leaves[2:4]), mth(leaves[4:]))
    item = ShownClaim(0, CLAIMS[0], claim_mac(SALT, "ho_ten"), path)
    with pytest.raises(VerificationError) as caught:
        Disclosure(5, (item,)).verify(ROOT, 5)
    assert caught.value.rule == "claims.proof"


@pytest.mark.parametrize("count", [1, 4, 6])
def test_another_count_is_refused(count: int) -> None:
    for held in (FULL, FULL.disclose({"ho_ten"})):
        with pytest.raises(VerificationError) as caught:
            held.verify(ROOT, count)
        assert caught.value.rule == "claims.count"


def test_other_claims_another_salt_and_another_order_are_refused() -> None:
    others = (
        FullClaims((Claim("ho_ten", "Người khác"), *CLAIMS[1:]), SALT),
        FullClaims(CLAIMS, bytes(32)),
        FullClaims((CLAIMS[1], CLAIMS[0], *CLAIMS[2:]), SALT),
        # An integer is not a truth value, though Python takes them for equal.
        FullClaims((*CLAIMS[:4], Claim("thuong_tru", 1)), SALT),
    )
    for other in others:
        with pytest.raises(VerificationError) as caught:
            other.verify(ROOT, 5)
        assert caught.value.rule == "claims.root"


def test_only_what_there_is_can_be_shown() -> None:
    with pytest.raises(FormatError) as caught:
        FULL.disclose({"ho_ten", "dia_chi"})
    assert caught.value.rule == "claims.name-unknown"


MANY: Value = [[f"n{number}", number] for number in range(MAX_CLAIMS + 1)]
MALFORMED: list[tuple[str, Value]] = [
    ("claims.shape", None),
    ("claims.shape", []),
    ("claims.shape", [0]),
    ("claims.shape", [False, SALT, []]),
    ("claims.shape", [0, SALT, [], []]),
    ("claims.shape", [0, SALT, ["ho_ten"]]),
    ("claims.shape", [0, SALT, [["ho_ten"]]]),
    ("claims.name", [0, SALT, [[1, "x"]]]),
    ("claims.name", [0, SALT, [["", "x"]]]),
    ("claims.name", [0, SALT, [["Họ tên", "x"]]]),
    ("claims.name", [0, SALT, [["a" * 65, "x"]]]),
    ("claims.name-twice", [0, SALT, [["a", 1], ["a", 2]]]),
    ("claims.value", [0, SALT, [["a", [1]]]]),
    ("claims.value", [0, SALT, [["a", b"x"]]]),
    ("claims.value", [0, SALT, [["a", "x" * (MAX_VALUE_BYTES + 1)]]]),
    ("claims.salt", [0, SALT[:31], [["a", 1]]]),
    ("claims.limit", [0, SALT, []]),
    ("claims.limit", [0, SALT, MANY]),
    ("claims.limit", [1, 0, [[0, "a", 1, SALT, []]]]),
    ("claims.limit", [1, MAX_CLAIMS + 1, [[0, "a", 1, SALT, []]]]),
    ("claims.limit", [1, 5, []]),
    ("claims.shape", [1, True, [[0, "a", 1, SALT, []]]]),
    ("claims.shape", [1, 5, [[True, "a", 1, SALT, []]]]),
    ("claims.shape", [1, 5, [[0, "a", 1, SALT]]]),
    ("claims.shape", [1, 5, [[0, "a", 1, SALT[:31], []]]]),
    ("claims.shape", [1, 5, [[0, "a", 1, SALT, [SALT[:31]]]]]),
    ("claims.shape", [1, 5, [[0, "a", 1, SALT, [SALT] * 65]]]),
    ("claims.order", [1, 5, [[1, "a", 1, SALT, []], [0, "b", 1, SALT, []]]]),
    ("claims.order", [1, 5, [[1, "a", 1, SALT, []], [1, "b", 1, SALT, []]]]),
    ("claims.name-twice", [1, 5, [[0, "a", 1, SALT, []], [1, "a", 1, SALT, []]]]),
]


@pytest.mark.parametrize(("rule", "value"), MALFORMED)
def test_malformed_claims_are_refused_by_their_rule(rule: str, value: Value) -> None:
    with pytest.raises(FormatError) as caught:
        parse_claims(value)
    assert caught.value.rule == rule


def test_another_form_is_not_called_wrong() -> None:
    with pytest.raises(CannotTellError) as caught:
        parse_claims([2, SALT, []])
    assert caught.value.rule == "claims.form"


def test_values_at_their_limits_are_taken_and_beyond_refused() -> None:
    FullClaims((Claim("a", "x" * MAX_VALUE_BYTES), Claim("b", MAX_INT)), SALT)
    for value in ("ơ" * (MAX_VALUE_BYTES // 2 + 1), MAX_INT + 1, -MAX_INT - 1, "\ud800"):
        with pytest.raises(FormatError) as caught:
            FullClaims((Claim("a", value),), SALT)
        assert caught.value.rule == "claims.value"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 300) | st.text(max_size=5) | st.binary(max_size=33),
        lambda inner: st.lists(inner, max_size=5),
    )
)
def test_whatever_stands_in_a_file_is_read_or_refused(value: Value) -> None:
    try:
        claims = parse_claims(value)
    except LedgerError:
        return
    assert claims.to_value() == value
