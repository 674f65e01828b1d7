"""Events as records: what stands beside their bytes, what is hidden, and what is shown to one reader."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle
from ledger.encoding import Value, encode
from ledger.entry import encode_record
from ledger.epcis import hiding, record
from ledger.epcis.hiding import Hidden, Shown, commit, disclose, hide, reveal, verify
from ledger.epcis.json_text import canonical, join, parse_object
from ledger.epcis.reading import parse
from ledger.epcis.share import Share, check
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.hashing import leaf_hash
from ledger.records import parse_record
from ledger.records.events import CAPTURE, ERROR
from node.service import Node
from tests.field import COOP, ONE_OF_EACH, field_node, object_event, transaction_event
from tests.support import document_record, put, sign

SECRET, SALT = b"s" * 32, b"t" * 32
PRIVATE: dict[str, Any] = {
    "destinationList": [
        {"type": "owning_party", "destination": "urn:epc:id:pgln:8938500.00010"},
        {"type": "location", "destination": "urn:x:y"},
    ],
    "example:price": 25000,
    "example:buyer": {"example:name": "Chợ Bỉm Sơn"},
}
POINTERS = ["/destinationList", "/example:buyer/example:name", "/example:price"]


def read(value: dict[str, Any]) -> dict[str, Any]:
    return parse(json.dumps(value).encode()).json


# -- records -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ONE_OF_EACH)
def test_a_record_follows_from_its_event(make: Any) -> None:  # noqa: ANN401
    value = read(make())
    body = record.body(COOP, value)
    raw = encode_record(CAPTURE, body)
    event = record.read(parse_record(raw).body)
    assert event == parse(canonical(value))
    assert (body["things"], body["time_ms"], body["kind"]) == (
        list(event.things),
        event.event_time_ms,
        event.kind,
    )
    assert body.get("step") == event.step
    assert "hidden_root" not in body
    assert record.identity_in(record.identifier(body)) == body["event_hash"]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "association"},
        {"time_ms": 1},
        {"step": "packing"},
        {"things": ["01/08938500000027"]},
        {"event_hash": bytes(32)},
        {"event": b" " + canonical(read(object_event()))},
        {"event": canonical(read(object_event(hour=9)))},
        {
            "event": canonical(
                read(object_event(errorDeclaration={"declarationTime": "2025-01-01T00:00:00Z"}))
            )
        },
    ],
)
def test_a_record_that_says_another_thing_than_its_event(change: dict[str, Value]) -> None:
    body = record.body(COOP, read(object_event()))
    with pytest.raises(VerificationError) as refused:
        record.read(body | change)
    assert refused.value.rule == "event.mismatch"


def test_bytes_that_are_no_event() -> None:
    for data in (b"", b"{}", b"\x00", canonical({"type": "ObjectEvent"})):
        with pytest.raises(FormatError):
            record.read(record.body(COOP, read(object_event())) | {"event": data})


def test_what_cannot_be_recorded() -> None:
    for value, rule in (
        (object_event(quantityList=[{"epcClass": "urn:x:y"}]), "epcis.no-things"),
        (object_event(**{"example:note": "x" * 60_000}), "epcis.event-size"),
        (
            object_event(errorDeclaration={"declarationTime": "2025-01-01T00:00:00Z"}),
            "epcis.error-declaration",
        ),
    ):
        with pytest.raises(FormatError) as refused:
            record.prepare(COOP, read(value))
        assert refused.value.rule == rule
    with pytest.raises(FormatError) as missing:
        record.error_body(COOP, read(object_event()))
    assert missing.value.rule == "epcis.error-declaration"


def test_an_error_declaration_is_of_the_same_event() -> None:
    value = read(object_event(**PRIVATE))
    declared = value | {"errorDeclaration": {"declarationTime": "2025-04-01T00:00:00Z"}}
    for hidden in ([], POINTERS):
        body = record.body(COOP, value, hide=hidden, secret=SECRET)
        error = record.error_body(COOP, declared, hide_parts=hidden, secret=SECRET)
        for name in ("event_hash", "event_tag", "things"):
            assert error.get(name) == body.get(name)
        event = record.read(parse_record(encode_record(ERROR, error)).body)
        assert event.error_declaration is not None
        if hidden:
            assert b"25000" not in encode_record(ERROR, error)
        with pytest.raises(VerificationError):
            record.read(error | {"time_ms": 5})


# -- hiding --------------------------------------------------------------------------------------------------------------


def test_hidden_parts_are_gone_and_can_be_put_back() -> None:
    value = read(object_event(**PRIVATE))
    made = record.prepare(COOP, value, hide_parts=POINTERS, secret=SECRET)
    raw = encode_record(CAPTURE, made.body)
    for text in (b"25000", "Bỉm".encode(), b"8938500.00010", b"urn:x:y"):
        assert text not in raw
    assert made.body["event_tag"] == hmac.digest(SECRET, made.digest, hashlib.sha256)
    assert made.body["hidden_count"] == 3
    assert "event_hash" not in made.body
    public = record.read(parse_record(raw).body).json
    assert canonical(reveal(public, made.hidden)) == canonical(value) == made.whole
    # Whoever makes the record again, makes the same bytes.
    assert record.prepare(COOP, value, hide_parts=POINTERS[::-1], secret=SECRET) == made
    other = record.prepare(COOP, value, hide_parts=POINTERS, secret=b"x" * 32)
    assert other.body["hidden_root"] != made.body["hidden_root"]


def test_the_only_transaction_of_an_event_is_hidden_behind_a_word() -> None:
    value = read(transaction_event())
    made = record.prepare(COOP, value, hide_parts=["/bizTransactionList"], secret=SECRET)
    public = record.read(made.body).json
    assert public["bizTransactionList"] == [{"bizTransaction": "urn:sogoc:hidden"}]
    assert reveal(public, made.hidden) == value


@pytest.mark.parametrize(
    ("pointers", "rule"),
    [
        (["/nothing"], "epcis.hide-unknown"),
        (["/destinationList/2"], "epcis.hide-unknown"),
        (["/destinationList/x"], "epcis.hide-unknown"),
        (["/destinationList/00"], "epcis.hide-unknown"),
        (["/destinationList/-1"], "epcis.hide-unknown"),
        (["/action/x"], "epcis.hide-unknown"),
        ([""], "epcis.hide-unknown"),
        (["x"], "epcis.pointer"),
        (["/destinationList", "/destinationList/0"], "epcis.hide-nested"),
        (["/quantityList"], "epcis.missing"),
        (["/quantityList/0"], "epcis.missing"),
        (["/action"], "epcis.missing"),
        (["/eventTime"], "epcis.missing"),
        (["/type"], "epcis.type"),
        (["/epcList"], "epcis.hide-item"),
        (["/@context"], "epcis.prefix"),
    ],
)
def test_what_cannot_be_hidden(pointers: list[str], rule: str) -> None:
    value = read(object_event(epcList=["urn:epc:id:sgtin:893850.0000001.1"], **PRIVATE))
    if rule == "epcis.missing" and pointers[0].startswith("/quantityList"):
        value = read(object_event(**PRIVATE))
    with pytest.raises(FormatError) as refused:
        record.prepare(COOP, value, hide_parts=pointers, secret=SECRET)
    assert refused.value.rule == rule


def test_hiding_takes_a_secret() -> None:
    for secret in (None, b"", b"short"):
        with pytest.raises(FormatError) as refused:
            record.prepare(COOP, read(object_event(**PRIVATE)), hide_parts=POINTERS, secret=secret)
        assert refused.value.rule == "epcis.hide-secret"


names = st.text("abc/~:é", min_size=1, max_size=4)
trees = st.recursive(
    st.integers(-5, 5) | st.text("xyz", max_size=3) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def pointers_in(value: Any, pointer: str = "") -> Iterator[str]:  # noqa: ANN401
    for name, below in value.items() if isinstance(value, dict) else enumerate(value):
        yield join(pointer, name)
        if isinstance(below, dict | list):
            yield from pointers_in(below, join(pointer, name))


@given(value=st.dictionaries(names, trees, min_size=1, max_size=4), data=st.data())
def test_any_parts_can_be_hidden_shown_and_put_back(value: dict[str, Any], data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from(list(pointers_in(value))), min_size=1))
    chosen = {pointer for pointer in chosen if not any(pointer.startswith(f"{other}/") for other in chosen)}
    public, hidden = hide(value, chosen)
    assert {part.pointer for part in hidden} == chosen
    assert reveal(public, hidden) == value
    root = commit(hidden, SALT)
    # The tree is the plain one over encode([pointer, text, HMAC(salt, pointer)]).
    leaves = [
        encode([pointer, text, hmac.digest(SALT, pointer.encode(), hashlib.sha256)])
        for pointer, text in hidden
    ]
    assert root == merkle.root(leaves)
    some = data.draw(st.sets(st.sampled_from(sorted(chosen)), min_size=1))
    shown = disclose(hidden, SALT, some)
    verify(shown, root, len(hidden))
    assert {item.part.pointer for item in shown} == some


def test_shown_parts_that_were_changed() -> None:
    value = read(object_event(**PRIVATE))
    _, hidden = hide(value, POINTERS)
    root = commit(hidden, SALT)
    shown = disclose(hidden, SALT, POINTERS)
    one, two = shown[0], shown[1]

    def wrong(items: tuple[Shown, ...], *, count: int = 3, expected: str = "share.proof") -> None:
        with pytest.raises((VerificationError, FormatError)) as refused:
            verify(items, root, count)
        assert refused.value.rule == expected

    wrong((replace(one, part=one.part._replace(text='"y"')),))
    wrong((replace(one, part=one.part._replace(pointer="/sourceList")),))
    wrong((replace(one, part=two.part),))
    wrong((replace(one, index=1),))
    wrong((replace(one, index=7),))
    wrong((replace(one, mac=bytes(32)),))
    wrong((replace(one, mac=b""),))
    wrong((replace(one, path=two.path[::-1]),))
    wrong((replace(one, path=()),))
    wrong((one,), count=2)
    wrong((two, one), expected="epcis.hide-order")
    wrong((one, one), expected="epcis.hide-order")
    wrong((), expected="epcis.hide-limit")
    wrong((replace(one, part=one.part._replace(text=" 1")),), expected="epcis.value")
    wrong((replace(one, part=one.part._replace(text="1,2")),), expected="epcis.json")


def test_limits_of_hiding() -> None:
    many = {f"a{number}": number for number in range(hiding.MAX_HIDDEN + 1)}
    with pytest.raises(FormatError) as refused:
        hide(many, [f"/{name}" for name in many])
    assert refused.value.rule == "epcis.hide-limit"
    with pytest.raises(FormatError) as long:
        hide({"a": "x" * 40_000}, ["/a"])
    assert long.value.rule == "epcis.hide-limit"
    with pytest.raises(FormatError) as salt:
        commit([Hidden("/a", "1")], b"")
    assert salt.value.rule == "epcis.hide-salt"
    with pytest.raises(FormatError) as unknown:
        disclose([Hidden("/a", "1")], SALT, ["/b"])
    assert unknown.value.rule == "epcis.hide-unknown"


# -- shares --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, record.Prepared, str]]:
    """A node with one such event, and the receipt of its record."""
    with field_node(tmp_path_factory.mktemp("share")) as (node, key):
        value = read(object_event(**PRIVATE))
        made = record.prepare(COOP, value, hide_parts=POINTERS, secret=SECRET)
        raw = encode_record(CAPTURE, made.body)
        put(node, sign(node, [raw], key=key))
        place = node.final.place(leaf_hash(raw))
        assert place is not None
        yield node, made, node.final.receipt(place).text()


def share_of(made: record.Prepared, receipt: str, *pointers: str) -> Share:
    assert made.salt is not None
    return Share(receipt, disclose(made.hidden, made.salt, pointers or POINTERS))


def test_a_share_proves_what_it_shows(shared: tuple[Node, record.Prepared, str]) -> None:
    node, made, receipt = shared
    data = share_of(made, receipt, "/example:price").encoded()
    assert b"urn:epc:id:pgln" not in data
    assert SECRET not in data
    assert made.salt not in (None, b"")
    assert bytes(made.salt or b"") not in data
    found = check(Share.parse(data), node.policy)
    assert found.shown == (Hidden("/example:price", "25000"),)
    assert (found.hidden, found.revealed["example:price"]) == (3, 25000)
    assert "destinationList" not in found.revealed
    everything = check(share_of(made, receipt), node.policy)
    assert canonical(everything.revealed) == made.whole


def test_shares_that_do_not_hold(shared: tuple[Node, record.Prepared, str]) -> None:
    node, made, receipt = shared
    share = share_of(made, receipt, "/example:price")
    (shown,) = share.parts
    lie = replace(share, parts=(replace(shown, part=Hidden("/example:price", "1")),))
    with pytest.raises(VerificationError) as refused:
        check(lie, node.policy)
    assert refused.value.rule == "share.proof"
    plain = document_record()
    put(node, sign(node, [plain]))
    place = node.final.place(leaf_hash(plain))
    assert place is not None
    with pytest.raises(VerificationError) as other:
        check(Share(node.final.receipt(place).text(), share.parts), node.policy)
    assert other.value.rule == "share.record"


@given(data=st.data())
def test_a_share_changed_anywhere(shared: tuple[Node, record.Prepared, str], data: st.DataObject) -> None:
    node, made, receipt = shared
    whole = share_of(made, receipt, "/example:price").encoded()
    changed = bytearray(whole)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        found = check(Share.parse(bytes(changed)), node.policy)
    except (FormatError, VerificationError, CannotTellError):
        return
    # What was changed says nothing of the event: a cosignature beyond the quorum, or a signer's name.
    assert found.shown == (Hidden("/example:price", "25000"),)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [1],
        [1, "receipt", []],
        [1, 7, [[0, "/a", "1", bytes(32), []]]],
        [1, "receipt", [[0, "/a", "1", bytes(32)]]],
        [1, "receipt", [[-1, "/a", "1", bytes(32), []]]],
        [1, "receipt", [[0, "/a", "1", bytes(32), [1]]]],
        [1, "receipt", [[0, "/a", "1", bytes(32), [bytes(32)] * 65]]],
        [True, "receipt", [[0, "/a", "1", bytes(32), []]]],
        [2, "receipt", [[0, "/a", "1", bytes(32), []]]],
    ],
)
def test_what_is_no_share(value: Value) -> None:
    with pytest.raises((FormatError, CannotTellError)) as refused:
        Share.parse(encode(value))
    assert refused.value.rule in ("share.shape", "share.version")


def test_a_part_of_any_json() -> None:
    values: list[Any] = ["x", 1, 2.5, [1, {"a": "b"}], {"z": [], "a": {}}, True]
    for value in values:
        text = canonical(parse_object(json.dumps({"a": value}).encode(), max_bytes=1_000)["a"]).decode()
        assert canonical(hiding.parse_value(text)).decode() == text


def test_a_share_is_written_in_one_way() -> None:
    assert Share("r", (Shown(0, Hidden("/a", "1"), bytes(32), ()),)).encoded() == encode(
        [2, "r", [[0, "/a", "1", bytes(32), []]], None]
    )
