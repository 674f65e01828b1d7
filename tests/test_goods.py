"""What becomes of goods: each rule by its name, all of them against the shelf of `tests.twins.goods`, and the histories of
things, which are everybody's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import Value, encode
from ledger.entry import MAX_SUBMISSION_BYTES, Entry, EntryBody
from ledger.errors import RefusedError
from ledger.gs1 import Item
from ledger.hashing import leaf_hash, sha256
from ledger.keys import SigningKey
from ledger.merkle import root_of_hashes
from ledger.records import Subject, parse_record, record_types
from ledger.records.events import BYTES_OF_A_THING, MAX_THINGS
from ledger.records.goods import COMMONS, THING, padded, thing
from ledger.roles import DEVICE, INSPECTOR, OFFICE, PRODUCER
from ledger.rows import KeyRow, MemberRow, SubjectRow, genesis_rows, key_key, member_key, subject_key
from ledger.rules import MAX_JOINED, ParsedEntry, apply_entries
from tests.chains import START_MS, State, key, make_genesis
from tests.twins import goods as twin

GENESIS = make_genesis()
CHAIN_ID = GENESIS.chain_id
COOP, SHOP, OLD, NEW, INSPECTORS, SENSOR = (
    "htx-nga-my",
    "cua-hang",
    "htx-cu",
    "htx-moi",
    "thanh-tra",
    "cam-bien",
)
ENDED_MS = START_MS + 1_000_000
EVENT = b'{"type":"ObjectEvent","epcList":["as","long","as","three","things","ask","for"]}'
GTIN, OTHER_GTIN, GLN = "08938500000027", "08938500000010", "8938500000010"
LOT = f"01/{GTIN}/10/DSD%2F1"
CARTON = "00/089385000000000010"

MEMBERS: dict[str, MemberRow] = {
    COOP: MemberRow("HTX Nga Mỹ", (PRODUCER,), START_MS),
    SHOP: MemberRow("Cửa hàng", (PRODUCER,), START_MS),
    OLD: MemberRow("HTX cũ", (PRODUCER,), START_MS, ENDED_MS, (), (NEW,)),
    NEW: MemberRow("HTX mới", (PRODUCER,), START_MS, None, (OLD,), ()),
    INSPECTORS: MemberRow("Thanh tra", (INSPECTOR, OFFICE), START_MS),
    SENSOR: MemberRow("Cảm biến", (DEVICE,), START_MS),
}
KEYS: dict[str, KeyRow] = {
    **{who: KeyRow(who, row.roles, START_MS) for who, row in MEMBERS.items()},
    "inspectors' clerk": KeyRow(INSPECTORS, (OFFICE,), START_MS),
}


def record(name: str, authority: str, fields: dict[str, Value]) -> bytes:
    return padded(name, {"authority": authority, **fields})


def product(verb: str = "register", authority: str = COOP, /, **fields: Value) -> bytes:
    body: dict[str, Value] = {"name": "Dứa sấy dẻo 200 g", "category": "fruit.dried", "unit": "H87"}
    if verb == "end":
        body = {"reason": "discontinued"}
    if "code" not in fields:
        body["gtin"] = GTIN
    return record(f"product.{verb}/1", authority, body | fields)


def place(verb: str = "register", authority: str = COOP, /, **fields: Value) -> bytes:
    body: dict[str, Value] = (
        {"name": "Xưởng", "kind": "packing"} if verb == "register" else {"reason": "moved"}
    )
    if "code" not in fields:
        body["gln"] = GLN
    return record(f"place.{verb}/1", authority, body | fields)


def lot(authority: str = COOP, /, **fields: Value) -> bytes:
    body: dict[str, Value] = {"lot": "DSD/1"}
    if "code" not in fields:
        body["gtin"] = GTIN
    return record("lot.create/1", authority, body | fields)


def change(verb: str, authority: str = COOP, /, **fields: Value) -> bytes:
    reason = "contamination" if verb == "recall" else "tested-safe"
    return record(f"lot.{verb}/1", authority, {"owner": COOP, "item": LOT, "reason": reason, **fields})


def event(number: int = 0, authority: str = COOP, /, **fields: Value) -> bytes:
    body: dict[str, Value] = {
        "event": EVENT,
        "event_hash": sha256(b"event %d" % number),
        "kind": "object",
        "things": [LOT],
        "time_ms": START_MS,
    }
    return record("epcis.event/1", authority, body | fields)


def without(raw: bytes, *names: str) -> bytes:
    parsed = parse_record(raw)
    return encode(
        [parsed.type.name, {name: value for name, value in parsed.body.items() if name not in names}]
    )


def error(number: int = 0, authority: str = COOP, /, **fields: Value) -> bytes:
    return record(
        "epcis.error/1",
        authority,
        {
            "event": EVENT,
            "event_hash": sha256(b"event %d" % number),
            "things": [LOT],
            "time_ms": START_MS,
            **fields,
        },
    )


@dataclass
class Market:
    """A ledger with producers, one of which ends, and inspectors."""

    state: State = field(default_factory=lambda: State(dict(genesis_rows(GENESIS))))
    time_ms: int = START_MS + 1000
    nonce: int = 0

    def __post_init__(self) -> None:
        self.state.rows.update({member_key(who): row.encoded() for who, row in MEMBERS.items()})
        self.state.rows.update({key_key(key(name).public_key): row.encoded() for name, row in KEYS.items()})

    def entry(self, records: tuple[bytes, ...], signer: SigningKey) -> Entry:
        self.nonce += 1
        root = root_of_hashes([leaf_hash(one) for one in records])
        nonce = self.nonce.to_bytes(16, "big")
        body = EntryBody(CHAIN_ID, signer.public_key, nonce, self.time_ms, len(records), root)
        return Entry(body, bytes(64), records)

    def put(self, *records: bytes, by: str = COOP) -> None:
        """One entry of these records, a second later; raises what the rules raise."""
        self.time_ms += 1000
        parsed = ParsedEntry.of(self.entry(records, key(by)))
        self.state.rows.update(apply_entries(self.state, CHAIN_ID, self.time_ms, 2, [parsed]).rows)

    def refusal(self, *records: bytes, by: str = COOP) -> tuple[str, bool]:
        """Rule of the refusal, and whether it is for ever; nothing has changed then."""
        before = dict(self.state.rows)
        with pytest.raises(RefusedError) as caught:
            self.put(*records, by=by)
        assert self.state.rows == before
        return caught.value.rule, caught.value.permanent

    def row(self, subject: Subject) -> SubjectRow | None:
        data = self.state.rows.get(subject_key(*subject))
        return None if data is None else SubjectRow.parse(data)

    def status(self, kind: str, authority: str, identifier: str | bytes) -> str | None:
        row = self.row(Subject(kind, authority, identifier))
        return None if row is None else row.status

    def noted(self, path: str = LOT) -> int:
        row = self.row(thing(path))
        return 0 if row is None else row.history.size


def test_a_lots_life() -> None:
    market = Market()
    market.put(product(), place())
    market.put(lot(place=GLN, quantity=180_000, unit="H87", produced="2026-11-20", expires="2026-11-20"))
    market.put(event(), event(1, things=[CARTON, LOT]))
    market.put(error(1, things=[CARTON, LOT]))
    market.put(change("recall"))
    assert market.status("lot", COOP, LOT) == "recalled"
    market.put(change("release"))
    assert market.status("lot", COOP, LOT) == "in-force"
    market.put(product("update", ocop_stars=4, ocop_until="2029-01-01"))
    market.put(product("end"), place("end"))
    assert market.status("product", COOP, GTIN) == market.status("place", COOP, GLN) == "ended"
    assert (market.noted(), market.noted(CARTON)) == (6, 2)
    row = market.row(thing(LOT))
    assert row is not None
    assert row.status == "-"


REFUSED: list[tuple[str, bool, list[bytes], bytes]] = [
    ("product.exists", True, [product()], product(name="X")),
    ("product.exists", True, [product(), product("end")], product(name="X")),
    ("product.unknown", False, [], product("update")),
    ("product.unknown", False, [product()], product("end", code="X")),
    ("product.ended", True, [product(), product("end")], product("update")),
    ("product.ended", True, [product(), product("end")], product("end", reason="other")),
    ("place.exists", True, [place()], place(name="X")),
    ("place.unknown", False, [], place("end")),
    ("place.ended", True, [place(), place("end")], place("end", reason="closed")),
    ("lot.exists", True, [product(), lot()], lot(unit="H87", quantity=1)),
    ("product.unknown", False, [], lot()),
    ("product.unknown", False, [product(code="X")], lot(code="Y")),
    ("product.ended", True, [product(), product("end")], lot()),
    ("place.unknown", False, [product()], lot(place=GLN)),
    ("place.ended", True, [product(), place(), place("end")], lot(place=GLN)),
    ("lot.unknown", False, [product()], change("recall")),
    ("lot.unknown", False, [product()], change("release")),
    ("lot.not-inspector", False, [product(), lot()], change("recall", owner=SHOP)),
    ("lot.recalled", False, [product(), lot(), change("recall")], change("recall", reason="other")),
    ("lot.not-recalled", False, [product(), lot()], change("release")),
    (
        "lot.not-recalled",
        False,
        [product(), lot(), change("recall"), change("release")],
        change("release", reason="other"),
    ),
    ("event.exists", True, [event()], event(event=EVENT + b" ")),
    ("event.exists", True, [event(), error()], event(event=EVENT + b" ")),
    ("event.unknown", False, [], error()),
    ("event.declared-error", True, [event(), error()], error(event=EVENT + b" ")),
    ("event.things", True, [event()], error(things=[CARTON, LOT])),
    ("event.things", True, [event(things=[CARTON, LOT])], error(things=[LOT])),
]


@pytest.mark.parametrize(("rule", "permanent", "before", "refused"), REFUSED)
def test_what_the_rules_refuse(rule: str, permanent: bool, before: list[bytes], refused: bytes) -> None:
    market = Market()
    for one in before:
        market.put(one)
    if rule == "lot.not-inspector":
        market.put(product("register", SHOP), lot(SHOP), by=SHOP)
    assert market.refusal(refused) == (rule, permanent)


FIELDS: list[tuple[str, bytes]] = [
    ("product.gtin-or-code", product(gtin=GTIN, code="X")),
    ("product.code", product(code="..")),
    ("product.code", product(code=".")),
    ("product.code", product(code="0" * 14)),
    ("product.code", place(code="0" * 13)),
    ("product.ocop", product(ocop_until="2028-01-01")),
    ("place.gln-or-code", place(gln=GLN, code="X")),
    ("place.position", place(latitude=1)),
    ("place.position", place(longitude=1)),
    ("lot.name", lot(lot="..")),
    ("lot.name", lot("..", code="A")),
    ("lot.quantity", lot(quantity=1)),
    ("lot.quantity", lot(unit="KGM")),
    ("lot.days", lot(produced="2026-01-02", expires="2026-01-01")),
    ("event.hash-or-tag", event(event_tag=bytes(32))),
    ("event.size", event(event=bytes(19))),
    ("event.size", event(event=bytes(39), things=[CARTON, LOT])),
    ("event.size", error(event=bytes(39), things=[CARTON, LOT])),
    ("event.hidden-pair", event(hidden_root=bytes(32))),
    ("event.hidden-pair", event(hidden_count=1)),
    ("event.hidden-hash", event(hidden_root=bytes(32), hidden_count=1)),
    ("record.field-check-digit", product(gtin="08938500000028")),
    ("record.field-check-digit", place(gln="8938500000011")),
    ("record.field-check-digit", event(things=["01/08938500000028/10/A"])),
    ("record.field-length", product(gtin="8938500000027")),
    ("record.field-range", product(ocop_stars=2)),
    ("record.field-range", product(ocop_stars=6)),
    ("record.field-alphabet", product(unit="kg")),
    ("record.field-item", change("recall", item=f"01/{GTIN}")),
    ("record.field-item", event(things=[f"01/{GTIN}/10/A/21/7"])),
    ("record.field-order", event(things=[LOT, CARTON])),
    ("record.field-order", event(things=[LOT, LOT])),
    ("record.field-length", event(things=[])),
    ("record.field-length", event(event=bytes(60_001))),
    ("record.field-unknown", event(price="12000")),
    ("record.field-missing", without(event(), "things")),
]


@pytest.mark.parametrize(("rule", "raw"), FIELDS)
def test_what_no_state_can_mend(rule: str, raw: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_record(raw)
    assert (caught.value.rule, caught.value.permanent) == (rule, True)


def test_goods_and_events_have_a_name() -> None:
    for raw, name, rule in (
        (product(), "gtin", "product.gtin-or-code"),
        (place(), "gln", "place.gln-or-code"),
        (lot(), "gtin", "product.gtin-or-code"),
        (event(), "event_hash", "event.hash-or-tag"),
        (error(), "event_hash", "event.hash-or-tag"),
        (product("end"), "gtin", "product.gtin-or-code"),
        (place("end"), "gln", "place.gln-or-code"),
    ):
        with pytest.raises(RefusedError) as caught:
            parse_record(without(raw, name))
        assert caught.value.rule == rule


# --- who may ------------------------------------------------------------------------------------------------------------


def test_roles() -> None:
    market = Market()
    for raw in (product(), place(), lot(), product("update"), product("end"), place("end"), change("recall")):
        assert parse_record(raw).type.roles >= {PRODUCER}
    assert market.refusal(product("register", INSPECTORS), by=INSPECTORS) == ("authority.role", False)
    assert market.refusal(product("register", SENSOR), by=SENSOR) == ("authority.role", False)
    market.put(event(0, SENSOR), by=SENSOR)
    market.put(event(0, INSPECTORS), by=INSPECTORS)
    assert market.refusal(event(1, INSPECTORS), by="inspectors' clerk") == ("authority.role", False)
    assert market.refusal(product("register", SHOP)) == ("authority.not-acting", True)
    market.put(product(), lot())
    assert market.refusal(change("recall", SENSOR), by=SENSOR) == ("authority.role", False)
    assert market.refusal(change("recall", SHOP), by=SHOP) == ("lot.not-inspector", False)
    assert market.refusal(change("recall", INSPECTORS), by="inspectors' clerk") == ("authority.role", False)


def test_owner_and_inspector_recall_each_by_itself() -> None:
    market = Market()
    market.put(product(), lot())
    market.put(change("recall", INSPECTORS), by=INSPECTORS)
    assert market.refusal(change("release")) == ("lot.recalled-by-inspector", False)
    assert market.refusal(change("recall", INSPECTORS, reason="other"), by=INSPECTORS) == (
        "lot.recalled",
        False,
    )
    market.put(change("recall"))
    market.put(change("release"))
    assert market.status("lot", COOP, LOT) == "recalled"
    market.put(change("recall", reason="quality"))
    market.put(change("release", INSPECTORS), by=INSPECTORS)
    assert market.status("lot", COOP, LOT) == "in-force"
    assert market.refusal(change("release", reason="other")) == ("lot.not-recalled", False)
    market.put(change("recall", reason="allergen"))
    market.put(change("release", INSPECTORS, reason="corrected"), by=INSPECTORS)
    assert market.status("lot", COOP, LOT) == "in-force"
    # Created, and eight times recalled or released.
    assert market.noted() == 1 + 7


def test_a_successor_goes_on_with_what_there_is_and_begins_nothing_in_the_old_name() -> None:
    market = Market()
    own: dict[str, Value] = {"owner": OLD}
    market.put(product("register", OLD), place("register", OLD), lot(OLD), event(0, OLD), by=OLD)
    for raw in (product("update", OLD), change("recall", OLD, **own)):
        assert market.refusal(raw, by=NEW) == ("authority.not-acting", False)
    market.time_ms = ENDED_MS
    for raw in (
        product("update", OLD, brand="Nga Mỹ"),
        change("recall", OLD, **own),
        change("release", OLD, **own),
        error(0, OLD, event=EVENT + b" "),
        product("end", OLD),
        place("end", OLD),
    ):
        market.put(raw, by=NEW)
    for raw in (
        product("register", OLD, code="X"),
        place("register", OLD, code="X"),
        lot(OLD, lot="X"),
        event(1, OLD),
    ):
        assert market.refusal(raw, by=NEW) == ("authority.not-acting", True)
    assert market.refusal(change("recall", OLD, **own), by=SHOP) == ("authority.not-acting", False)


def test_two_members_have_their_own_products_and_lots_of_one_name_and_one_history_of_the_thing() -> None:
    market = Market()
    market.put(product(), lot())
    market.put(product("register", SHOP), lot(SHOP), event(0, SHOP), by=SHOP)
    market.put(change("recall"))
    assert market.status("lot", COOP, LOT) == "recalled"
    assert market.status("lot", SHOP, LOT) == "in-force"
    assert market.noted() == 4


def test_nobody_can_have_the_commons() -> None:
    with pytest.raises(RefusedError) as caught:
        parse_record(product("register", COMMONS))
    assert caught.value.rule == "record.field-alphabet"
    assert THING not in {
        parse_record(raw).subject.kind for raw in (product(), place(), lot(), event(), change("recall"))
    }


# --- what it costs --------------------------------------------------------------------------------------------------------


def paths(count: int) -> list[Value]:
    return [f"01/{GTIN}/10/{number:05}" for number in range(count)]


def test_an_entry_names_so_many_things_and_no_more() -> None:
    market = Market()
    full = MAX_JOINED // MAX_THINGS
    least = bytes(BYTES_OF_A_THING * MAX_THINGS)
    events = [event(number, things=paths(MAX_THINGS), event=least) for number in range(full)]
    market.put(*events)
    assert market.noted(str(paths(1)[0])) == full
    more = [event(100 + number, things=paths(MAX_THINGS), event=least) for number in range(full)]
    assert market.refusal(*more, event(99)) == ("entry.things", True)
    assert sum(map(len, more)) < MAX_SUBMISSION_BYTES / 2


def test_a_record_that_joins_histories_says_how_many() -> None:
    for name, kind in record_types().items():
        assert (kind.joins is not record_types()["doc.anchor/1"].joins) == any(
            one.name == "things" for one in kind.fields
        ), name


# --- the shelf --------------------------------------------------------------------------------------------------------------

who = st.sampled_from([COOP, SHOP])
names = st.sampled_from(
    [{"gtin": GTIN}, {"gtin": OTHER_GTIN}, {"code": "X"}, {}, {"gtin": GTIN, "code": "X"}, {"code": ".."}]
)
place_names = st.sampled_from([{"gln": GLN}, {"code": "P"}, {"code": "0" * 13}, {}])
lots = st.sampled_from(["A", "DSD/1", "%", ".", "..", "A B"[:1]])
things = st.lists(
    st.sampled_from([CARTON, LOT, f"01/{GTIN}", f"01/{OTHER_GTIN}/10/A", f"code/{COOP}/X/10/A"]),
    min_size=1,
    max_size=3,
    unique=True,
).map(sorted)


def maybe(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


def bodies(
    name: str, *parts: st.SearchStrategy[dict[str, Any]]
) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    def joined(authority: str, *found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"authority": authority}
        for part in found:
            body |= part
        return name, body

    return st.builds(
        joined,
        who if not name.startswith(("lot.re", "epcis")) else st.sampled_from([COOP, SHOP, INSPECTORS]),
        *parts,
    )


def just(**fields: Value) -> st.SearchStrategy[dict[str, Any]]:
    return st.just(dict(fields))


described = just(name="Dứa", category="fruit", unit="KGM")
stars = maybe(ocop_stars=st.just(3), ocop_until=st.just("2028-01-01"))
days = st.sampled_from(["2026-11-19", "2026-11-20"])
named_events = st.sampled_from(
    [{"event_hash": bytes([number]) * 32} for number in range(2)] + [{"event_tag": bytes(32)}, {}]
)
recalls = st.builds(
    lambda owner, lot_name: {"owner": owner, "item": lot_name},
    who,
    st.sampled_from([f"01/{GTIN}/10/A", LOT, f"code/{COOP}/X/10/A"]),
)
RECORDS = st.one_of(
    bodies("product.register/1", names, described, stars),
    bodies("product.update/1", names, described, stars),
    bodies("product.end/1", names, just(reason="other")),
    bodies(
        "place.register/1",
        place_names,
        just(name="P", kind="farm"),
        maybe(latitude=st.just(1), longitude=st.just(1)),
    ),
    bodies("place.end/1", place_names, just(reason="other")),
    bodies(
        "lot.create/1",
        names,
        st.builds(lambda name: {"lot": name}, lots),
        maybe(
            produced=days,
            expires=days,
            quantity=st.just(1),
            unit=st.just("KGM"),
            place=st.sampled_from([GLN, "P"]),
        ),
    ),
    bodies("lot.recall/1", recalls, just(reason="other")),
    bodies("lot.release/1", recalls, just(reason="other")),
    bodies(
        "epcis.event/1",
        named_events,
        st.builds(lambda found: {"things": found}, things),
        st.sampled_from([EVENT, EVENT[:40]]).map(lambda data: {"event": data}),
        just(kind="object", time_ms=1),
        maybe(hidden_root=st.just(bytes(32)), hidden_count=st.just(1)),
    ),
    bodies(
        "epcis.error/1",
        named_events,
        st.builds(lambda found: {"things": found}, things),
        just(event=EVENT, time_ms=1),
    ),
)
BEGINNING: list[tuple[str, dict[str, Any]]] = [
    (
        "product.register/1",
        {"authority": COOP, "gtin": GTIN, "name": "Dứa", "category": "fruit", "unit": "KGM"},
    ),
    (
        "product.register/1",
        {"authority": COOP, "code": "X", "name": "Dứa", "category": "fruit", "unit": "KGM"},
    ),
    ("lot.create/1", {"authority": COOP, "gtin": GTIN, "lot": "A"}),
]


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORDS, max_size=25), st.booleans())
def test_the_ledger_says_what_the_shelf_says(records: list[tuple[str, dict[str, Any]]], begun: bool) -> None:
    market, shelf = Market(), twin.Shelf()
    for number, (name, body) in enumerate([*(BEGINNING if begun else []), *records]):
        expected = shelf.write(name, body, inspector=body["authority"] == INSPECTORS)
        assert attempt(market, padded(name, body), body["authority"]) == expected, (number, name, body)
    compare(market, shelf)


def attempt(market: Market, raw: bytes, by: str) -> str | None:
    """The rule that refuses a record, or None."""
    try:
        market.put(raw, by=by)
    except RefusedError as refused:
        return refused.rule
    return None


def compare(market: Market, shelf: twin.Shelf) -> None:
    cards: list[tuple[str, dict[tuple[str, str], str]]] = [
        ("product", shelf.products),
        ("place", shelf.places),
        ("lot", shelf.lots),
    ]
    for kind, found in cards:
        for (authority, name), status in found.items():
            assert market.status(kind, authority, name) == status
    for (authority, identifier), known in shelf.events.items():
        assert market.status("event", authority, identifier) == known["status"]
    counts = {path: market.noted(path) for path in shelf.things}
    assert counts == {path: len(found) for path, found in shelf.things.items()}


def test_what_the_index_finds() -> None:
    def keys(raw: bytes) -> set[bytes]:
        parsed = parse_record(raw)
        return set(parsed.type.lookups(parsed.body))

    who, at = COOP.encode(), START_MS.to_bytes(8, "big")
    assert keys(product()) == {
        b"product/" + GTIN.encode() + b"/" + who + b"/",
        b"product-member/" + who + b"/" + GTIN.encode() + b"/",
    }
    assert keys(product("end", code="X")) == {b"product/X/" + who + b"/"}
    assert keys(place()) == {
        b"place/" + GLN.encode() + b"/" + who + b"/",
        b"place-member/" + who + b"/" + GLN.encode() + b"/",
    }
    path = LOT.encode()
    assert keys(lot()) == {
        b"lot/" + path + b"/",
        b"lot-member/" + who + b"/" + path + b"/",
        b"lot-owner/" + path + b"/" + who + b"/",
    }
    assert keys(change("recall", INSPECTORS)) == {b"lot/" + path + b"/"}
    found = b"event/" + sha256(b"event 0") + who + b"/"
    assert keys(error()) == {found}
    by_time = {b"event-time/" + at, b"event-kind/object/" + at, b"event-member/" + who + b"/" + at}
    assert keys(event()) == {found} | by_time
    assert keys(event(step="shipping")) == {found, b"event-step/shipping/" + at} | by_time


def test_no_name_makes_a_record_of_64_bytes() -> None:
    seen = set()
    for length in range(1, 31):
        code = "c" * length
        for raw in (
            product("register", "h", code=code, name="n", category="c", unit="KG"),
            product("end", "htx", code=code),
            place("register", "h", code=code, name="n"),
            place("end", "htx", code=code),
            lot("htx", code=code),
            lot(SHOP, lot="L" * min(length, 20)),
        ):
            parsed = parse_record(raw)
            seen.add((parsed.type.name, "pad" in parsed.body))
    assert {name for name, is_padded in seen if is_padded} >= {
        "product.end/1",
        "place.register/1",
        "place.end/1",
        "lot.create/1",
    }


def test_a_lots_path_is_as_the_twin_builds_it() -> None:
    for name in ("A", "DSD/1", "%", 'a"b', "(1)", "a~".replace("~", "!")):
        body: dict[str, Any] = {"authority": COOP, "gtin": GTIN, "lot": name}
        assert parse_record(padded("lot.create/1", body)).subject.identifier == twin.lot_path(body)
        assert Item(gtin=GTIN, lot=name).path == twin.lot_path(body)
