"""The EPCIS query interface of a node: the standard's parameters, paging, names, and what it refuses."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from httpx import Response
from starlette.testclient import TestClient

from api.epcis import finding, query, walking
from api.epcis.query import Token, parse_query
from api.http.app import create_app
from ledger.entry import encode_record
from ledger.epcis import record
from ledger.epcis.document import parse_document
from ledger.epcis.event_hash import event_hash, hash_uri
from ledger.epcis.reading import read_event
from ledger.epcis.times import read_time
from ledger.errors import FormatError
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.records.events import CAPTURE, ERROR
from node.service import Node
from tests import field
from tests.field import COOP, FARM, ONE_OF_EACH, SHOP, field_node, gtin_lot, object_event
from tests.support import new_key, put, register_key, register_member, sign

SECRET = b"k" * 32
SHOP_URN = f"urn:epc:id:sgln:{SHOP.rpartition('/')[2][:9]}.{SHOP.rpartition('/')[2][9:12]}.0"
PRICE: dict[str, Any] = {"example:price": 25000}
GARBAGE = (
    b"\xff",
    b"not json",
    b"[]",
    b'{"type":NaN}',
    b'{"type":"ObjectEvent"}',
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"type":"\\ud800"}',
    b'{"@context":[7],"type":"ObjectEvent","action":"ADD"}',
)
WRONG = field.object_event(lot="SAI", day=20, action="ADD", bizStep="receiving")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, SigningKey, dict[str, bytes]]]:
    """A ledger with one event of each type, 25 shipments, one with hidden parts, and one declared in error."""
    with field_node(tmp_path_factory.mktemp("query"), requests_per_address_per_minute=0) as (node, key):
        records = {}
        events = [make() for make in ONE_OF_EACH]
        events += [
            object_event(lot="XUAT", day=10, hour=hour, step="shipping", readPoint={"id": SHOP})
            for hour in range(8, 20)
        ]
        for event in events:
            (records[event["type"] + event["eventTime"]],) = field.put_events(node, key, event)
        named = object_event(
            day=11,
            quantityList=[{"epcClass": "lots:10/TIENTO", "quantity": 1, "uom": "KGM"}],
            bizLocation={"id": "example:loc/7"},
            persistentDisposition={"set": ["completeness_verified"]},
            step="example:drying",
            sensorElementList=[
                {
                    "sensorReport": [
                        {
                            "type": "Temperature",
                            "value": Decimal("18.1"),
                            "uom": "CEL",
                            "example:raw": {"example:pin": 4},
                        }
                    ]
                }
            ],
            **{"example:note": "khô", "example:details": {"example:layers": 3}},
        )
        named["@context"] = [
            *named["@context"][:1],
            named["@context"][1] | {"lots": f"{gtin_lot().rpartition('/10/')[0]}/"},
        ]
        (records["named"],) = field.put_events(node, key, named)
        hidden = object_event(lot="KIN", day=15, disposition="in_transit", **PRICE)
        records["hidden"] = field.event_record(hidden, hide=["/example:price"], secret=SECRET)
        put(node, sign(node, [records["hidden"]], key=key))
        (records["wrong"],) = field.put_events(node, key, WRONG)
        declared = WRONG | {
            "errorDeclaration": {"declarationTime": "2025-03-21T08:00:00Z", "reason": "incorrect_data"}
        }
        records["error"] = encode_record(ERROR, record.error_body(COOP, declared))
        put(node, sign(node, [records["error"]], key=key))
        for number, garbage in enumerate(GARBAGE):
            body = record.body(COOP, object_event(lot="RAC", day=26)) | {
                "event": garbage.ljust(40),
                "event_hash": bytes([number]) * 32,
            }
            put(node, sign(node, [encode_record(CAPTURE, body)], key=key))
        product = encode_record("product.register/1", field.lot_body())
        lot = encode_record(
            "lot.create/1",
            {"authority": COOP, "gtin": field.FRESH, "lot": "A/1", "quantity": 5, "unit": "KGM"},
        )
        place = encode_record(
            "place.register/1", {"authority": COOP, "gln": FARM[-13:], "name": "Vườn dứa", "kind": "farm"}
        )
        put(node, sign(node, [product, place], key=key))
        put(node, sign(node, [lot], key=key))
        yield node, key, records


@pytest.fixture(scope="module")
def http(made: tuple[Node, SigningKey, dict[str, bytes]]) -> Iterator[TestClient]:
    with TestClient(create_app(made[0])) as client:
        yield client


def events_of(response: Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    parse_document(response.content)
    found: list[dict[str, Any]] = response.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return found


def ask(http: TestClient, **parameters: str) -> list[dict[str, Any]]:
    return events_of(http.get("/epcis/v2/events", params=parameters))


def refusal(http: TestClient, path: str, **parameters: str) -> tuple[int, str]:
    response = http.get(path, params=parameters)
    return response.status_code, response.json()["code"]


def all_pages(http: TestClient, path: str, **parameters: str) -> list[list[dict[str, Any]]]:
    pages = []
    response = http.get(path, params=parameters)
    for _ in range(200):
        pages.append(events_of(response))
        link = response.headers.get("link")
        if link is None:
            return pages
        address, _, rel = link.partition(">")
        assert rel == '; rel="next"'
        response = http.get(address.removeprefix("<"))
    raise AssertionError("the pages have no end")


def test_the_newest_comes_first(http: TestClient) -> None:
    times = [read_time(event["eventTime"], "") for event in ask(http, perPage="100")]
    assert len(times) == 5 + 12 + 3
    assert times == sorted(times, reverse=True)
    assert [read_time(event["eventTime"], "") for event in ask(http, orderDirection="ASC")] == times[::-1]


def test_an_answer_can_be_read_and_names_its_records(
    http: TestClient, made: tuple[Node, SigningKey, dict[str, bytes]]
) -> None:
    response = http.get("/epcis/v2/events", params={"eventType": "TransformationEvent"})
    body = response.json()["epcisBody"]["queryResults"]["resultsBody"]
    (event,), (said,) = body["eventList"], body["sogoc:records"]
    raw = made[2]["TransformationEvent" + event["eventTime"]]
    assert said == {"record": leaf_hash(raw).hex(), "authority": COOP}
    assert http.get(f"/v1/records/{said['record']}/receipt").status_code == 200
    whole = event | {"@context": response.json()["@context"]}
    assert hash_uri(event_hash(read_event(whole).json)) == event["eventID"]
    assert event["recordTime"].endswith("Z")


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"eventType": "ObjectEvent"}, 16),
        ({"eventType": "AggregationEvent,AssociationEvent"}, 2),
        ({"GE_eventTime": "2025-03-10T00:00:00+07:00", "LT_eventTime": "2025-03-10T10:00:00+07:00"}, 2),
        ({"GE_eventTime": "2099-01-01T00:00:00Z"}, 0),
        ({"EQ_action": "ADD"}, 4),
        ({"EQ_action": "ADD,OBSERVE"}, 19),
        ({"EQ_bizStep": "shipping"}, 12),
        ({"EQ_bizStep": "cbv:BizStep-shipping"}, 12),
        ({"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-packing"}, 1),
        ({"EQ_bizStep": "packing,shipping", "eventType": "AggregationEvent"}, 1),
        ({"EQ_bizStep": "https://ns.example.com/drying"}, 0),
        ({"EQ_disposition": "in_transit"}, 1),
        ({"EQ_readPoint": SHOP}, 12),
        ({"EQ_bizLocation": SHOP}, 0),
        ({"EQ_bizTransaction_po": "urn:epcglobal:cbv:bt:8938500000003:4711"}, 1),
        ({"EQ_bizTransaction_inv": "urn:epcglobal:cbv:bt:8938500000003:4711"}, 0),
        ({"MATCH_epc": "https://id.gs1.org/00/089385000000000010"}, 1),
        ({"MATCH_epc": "urn:epc:id:sscc:8938500.0000000001"}, 1),
        ({"MATCH_epc": "urn:epc:id:giai:8938500.sensor1"}, 1),
        ({"MATCH_parentID": "https://id.gs1.org/00/089385000000000010"}, 2),
        ({"MATCH_parentID": "urn:epc:id:sscc:8938500.0000000001"}, 2),
        ({"MATCH_anyEPC": "https://example.com/x/00/089385000000000010?y=1"}, 3),
        ({"MATCH_epcClass": gtin_lot()}, 1),
        ({"MATCH_epcClass": "urn:epc:class:lgtin:893850.0000001.L2503"}, 1),
        ({"MATCH_epcClass": "urn:epc:idpat:sgtin:893850.0000001.*"}, 16),
        ({"MATCH_inputEPCClass": gtin_lot()}, 1),
        ({"MATCH_outputEPCClass": gtin_lot()}, 0),
        ({"MATCH_outputEPCClass": gtin_lot(field.DRIED, "P1")}, 1),
        ({"MATCH_anyEPCClass": gtin_lot()}, 2),
        ({"MATCH_anyEPCClass": f"{gtin_lot()},{gtin_lot(field.DRIED, 'P1')}", "orderBy": "recordTime"}, 3),
        ({"MATCH_inputEPC": gtin_lot(), "MATCH_outputEPC": gtin_lot()}, 0),
        ({"EQ_readPoint": SHOP_URN}, 12),
        ({"WD_readPoint": SHOP_URN}, 12),
        ({"WD_readPoint": f"{SHOP}/254/dock"}, 0),
        ({"EQ_persistentDisposition_set": "completeness_verified"}, 1),
        ({"EQ_persistentDisposition_unset": "completeness_verified"}, 0),
        ({"MATCH_epcClass": gtin_lot(lot="TIENTO")}, 1),
        ({"EQ_bizLocation": "https://ns.example.com/epcis/loc/7"}, 1),
        ({"GE_errorDeclarationTime": "2025-03-21T08:00:00Z"}, 1),
        ({"LT_errorDeclarationTime": "2025-03-21T08:00:00Z"}, 0),
        ({"EQ_errorReason": "incorrect_data"}, 1),
        ({"EQ_errorReason": "did_not_occur"}, 0),
        ({"EQ_correctiveEventID": "urn:uuid:1"}, 0),
        ({"EQ_bizStep": "shipping", "maxEventCount": "12"}, 12),
        ({"EQ_https://ns.example.com/epcis/note": "khô"}, 1),
        ({"EQ_INNER_https://ns.example.com/epcis/layers": "3"}, 1),
        ({"GT_INNER_https://ns.example.com/epcis/layers": "3"}, 0),
        ({"EQ_INNER_SENSORREPORT_https://ns.example.com/epcis/pin": "4"}, 1),
        ({"EQ_type": "Temperature", "GT_value_FAH": "64.5"}, 1),
        ({"GT_value_FAH": "64.6"}, 0),
        ({"EQ_bizStep": "https://ns.example.com/epcis/drying"}, 1),
        ({"GE_quantity_TNE": "1.2"}, 15),
        ({"MATCH_any": "urn:epc:idpat:sscc:8938500.*"}, 3),
        ({"MATCH_epc": "https://id.gs1.org/8004/8938500sensor1"}, 1),
        ({"EQATTR_readPoint_name": "Vườn dứa"}, 4),
        ({"EQATTR_readPoint_name": "Vườn khác"}, 0),
        ({"HASATTR_epcClass": "descriptionShort", "eventType": "TransformationEvent"}, 1),
        ({"HASATTR_epcClass": "descriptionShort", "eventType": "TransactionEvent"}, 0),
        ({"EXISTS_errorDeclaration": ""}, 1),
        ({"EXISTS_errorDeclaration": "true", "MATCH_epcClass": gtin_lot(lot="SAI")}, 1),
        ({"GE_recordTime": "2025-01-01T00:00:00Z"}, 20),
        ({"LT_recordTime": "2025-01-01T00:00:00Z"}, 0),
        ({"GE_recordTime": "2025-01-01T00:00:00Z", "EQ_bizStep": "shipping"}, 12),
    ],
)
def test_what_answers(http: TestClient, parameters: dict[str, str], count: int) -> None:
    assert len(ask(http, **parameters)) == count


def test_an_event_is_found_by_its_identifier(
    http: TestClient, made: tuple[Node, SigningKey, dict[str, bytes]]
) -> None:
    for event in ask(http, eventType="AggregationEvent,TransactionEvent") + ask(
        http, EQ_disposition="in_transit"
    ):
        identifier = event["eventID"]
        assert [one["eventID"] for one in ask(http, EQ_eventID=identifier)] == [identifier]
        response = http.get(f"/epcis/v2/events/{quote(identifier, safe='')}")
        assert response.json()["eventTime"] == event["eventTime"]
        assert (
            leaf_hash(made[2]["hidden"]).hex() == response.headers["sogoc-record"]
            or event["type"] != "ObjectEvent"
        )
    assert refusal(http, f"/epcis/v2/events/{quote(hash_uri(bytes(32)), safe='')}") == (
        404,
        "epcis.event-unknown",
    )
    assert refusal(http, "/epcis/v2/events/urn:uuid:1") == (404, "epcis.event-unknown")


def test_hidden_parts_are_not_shown_and_counted(http: TestClient) -> None:
    response = http.get("/epcis/v2/events", params={"MATCH_anyEPCClass": gtin_lot(lot="KIN")})
    (event,) = events_of(response)
    assert "example:price" not in event
    assert event["eventID"].startswith("urn:sogoc:event:")
    assert response.json()["epcisBody"]["queryResults"]["resultsBody"]["sogoc:records"][0]["hidden"] == 1
    assert b"25000" not in response.content


def test_an_error_declaration_stands_in_its_event(
    http: TestClient, made: tuple[Node, SigningKey, dict[str, bytes]]
) -> None:
    response = http.get("/epcis/v2/events", params={"EXISTS_errorDeclaration": ""})
    (event,) = events_of(response)
    assert event["errorDeclaration"]["reason"] == "incorrect_data"
    (said,) = response.json()["epcisBody"]["queryResults"]["resultsBody"]["sogoc:records"]
    assert (said["record"], said["error"]) == (
        leaf_hash(made[2]["wrong"]).hex(),
        leaf_hash(made[2]["error"]).hex(),
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"orderDirection": "ASC"},
        {"EQ_bizStep": "shipping,packing"},
        {"orderBy": "recordTime"},
        {"orderBy": "recordTime", "orderDirection": "ASC"},
        {"GE_recordTime": "2025-01-01T00:00:00Z", "orderDirection": "ASC"},
        {"MATCH_epcClass": gtin_lot(lot="XUAT")},
        {"MATCH_epcClass": gtin_lot(lot="XUAT"), "orderBy": "recordTime"},
        {"MATCH_epcClass": gtin_lot(lot="XUAT"), "orderBy": "recordTime", "orderDirection": "ASC"},
    ],
)
@pytest.mark.parametrize(("examined", "leaves"), [(1_000, 10_000), (2, 10_000), (1_000, 3)])
def test_pages_hold_everything_once(
    http: TestClient, parameters: dict[str, str], examined: int, leaves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [event["eventID"] for event in ask(http, **parameters, perPage="100")]
    monkeypatch.setattr(finding, "MAX_EXAMINED", examined)
    monkeypatch.setattr(walking, "MAX_LEAVES", leaves)
    pages = all_pages(http, "/epcis/v2/events", **parameters, perPage="4")
    assert all(len(page) <= 4 for page in pages)
    assert [event["eventID"] for event in itertools.chain(*pages)] == whole
    limited = all_pages(http, "/epcis/v2/events", **parameters, perPage="4", eventCountLimit="7")
    assert [event["eventID"] for event in itertools.chain(*limited)] == whole[:7]


def test_a_long_history_is_answered_in_the_order_of_the_ledger(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "MAX_GATHERED", 3)
    lot = gtin_lot(lot="XUAT")
    assert len(ask(http, MATCH_epcClass=lot)) == 12
    status = refusal(http, "/epcis/v2/events", MATCH_epcClass=lot, orderBy="eventTime")
    assert status == (400, "epcis.query-costly")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"EQ_bizstep": "shipping"}, "epcis.query-parameter"),
        ({"HASATTR_example:note": "x"}, "epcis.query-unsupported"),
        ({"EQATTR_example:note_x": "x"}, "epcis.query-unsupported"),
        ({"EQ_example:note": "x"}, "epcis.query-prefix"),
        ({"EXISTS_ILMD_example:note": ""}, "epcis.query-prefix"),
        ({"GE_SENSORREPORT_value": "x"}, "epcis.query-value"),
        ({"eventCountLimit": "1", "maxEventCount": "1"}, "epcis.query-value"),
        ({"EQ_bizTransaction_": "urn:x:y"}, "epcis.query-parameter"),
        ({"eventType": "QuantityEvent"}, "epcis.query-value"),
        ({"EQ_bizStep": "flying"}, "epcis.query-value"),
        ({"EQ_action": "add"}, "epcis.query-value"),
        ({"GE_eventTime": "yesterday"}, "epcis.time"),
        ({"MATCH_epc": "https://id.gs1.org/01/08938500000011/21/1"}, "gs1.check-digit"),
        ({"MATCH_epc": ""}, "epcis.query-value"),
        ({"MATCH_epc": "not a uri"}, "epcis.query-value"),
        ({"MATCH_epc": ",".join(["urn:x:y"] * 51)}, "epcis.query-value"),
        ({"perPage": "0"}, "epcis.query-value"),
        ({"perPage": "²"}, "epcis.query-value"),
        ({"eventCountLimit": "9999999999"}, "epcis.query-value"),
        ({"orderBy": "bizStep"}, "epcis.query-value"),
        ({"orderDirection": "DOWN"}, "epcis.query-value"),
        ({"EXISTS_errorDeclaration": "no"}, "epcis.query-value"),
        ({"nextPageToken": "!"}, "epcis.query-token"),
        ({"nextPageToken": "AAAA"}, "epcis.query-token"),
        ({"nextPageToken": Token(b"1234", None).encoded(), "orderBy": "recordTime"}, "epcis.query-token"),
    ],
)
def test_what_cannot_be_asked(http: TestClient, parameters: dict[str, str], code: str) -> None:
    assert refusal(http, "/epcis/v2/events", **parameters) == (400, code)


def test_a_prefix_is_what_the_header_says_and_not_what_it_is_called(http: TestClient) -> None:
    def said(header: str, name: str) -> int:
        response = http.get("/epcis/v2/events", params={name: "khô"}, headers={"gs1-extensions": header})
        return len(events_of(response))

    assert said("example=https://ns.example.com/epcis/", "EQ_example:note") == 1
    assert said("e=https://ns.example.com/epcis/, cbv=https://ref.gs1.org/cbv/", "EQ_e:note") == 1
    assert said("example=https://else.example/", "EQ_example:note") == 0
    response = http.get("/epcis/v2/events", params={"EQ_e:note": "khô"}, headers={"gs1-extensions": "e=x y"})
    assert (response.status_code, response.json()["code"]) == (400, "epcis.query-prefix")


def test_the_next_page_needs_no_header(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MAX_EXAMINED", 3)
    response = http.get(
        "/epcis/v2/events",
        params={"EXISTS_e:note": ""},
        headers={"gs1-extensions": "e=https://ns.example.com/epcis/"},
    )
    found = events_of(response)
    for _ in range(20):
        if "link" not in response.headers:
            break
        response = http.get(response.headers["link"].partition(">")[0].removeprefix("<"))
        found += events_of(response)
    assert [event["example:note"] for event in found] == ["khô"]


@pytest.mark.parametrize(
    "path",
    [
        "eventTypes/ObjectEvent/events?eventType=AggregationEvent",
        "bizSteps/shipping/events?EQ_bizStep=shipping",
        f"epcs/{quote(gtin_lot(), safe='')}/events?MATCH_any=urn:x:y",
    ],
)
def test_what_the_address_says_is_not_said_again(http: TestClient, path: str) -> None:
    response = http.get(f"/epcis/v2/{path}")
    assert (response.status_code, response.json()["code"]) == (400, "epcis.query-conflict")


def test_times_that_leave_nothing(http: TestClient) -> None:
    for member in ("eventTime", "recordTime", "errorDeclarationTime"):
        at = "2025-03-10T00:00:00Z"
        for order in ("ASC", "DESC"):
            nothing = {f"GE_{member}": at, f"LT_{member}": at, "orderDirection": order}
            assert ask(http, **nothing) == []
            assert ask(http, **nothing | {f"LT_{member}": "2024-01-01T00:00:00Z"}) == []


def test_a_page_of_large_events_ends_early_and_goes_on(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [event["eventID"] for event in ask(http, perPage="100")]
    monkeypatch.setattr(finding, "MAX_BYTES", 1_500)
    pages = all_pages(http, "/epcis/v2/events", perPage="100")
    assert len(pages) > 5
    assert [event["eventID"] for event in itertools.chain(*pages)] == whole
    monkeypatch.undo()
    monkeypatch.setattr(finding, "MAX_LOOKED_UP", 2)
    pages = all_pages(http, "/epcis/v2/events", HASATTR_epcClass="descriptionShort", perPage="100")
    assert len(pages) > 5
    monkeypatch.undo()
    assert list(itertools.chain(*pages)) == ask(http, HASATTR_epcClass="descriptionShort", perPage="100")


def test_an_address_with_too_many_values_is_refused_before_it_is_read(http: TestClient) -> None:
    many = ",".join([gtin_lot(lot=f"L{number}") for number in range(400)])
    assert refusal(http, "/epcis/v2/events", MATCH_epcClass=many) == (414, "http.address-size")
    names = {f"EQ_https://a.example/{number}": "x" for number in range(65)}
    assert refusal(http, "/epcis/v2/events", **names) == (400, "epcis.query-value")


def test_more_than_was_allowed_for_is_no_answer(http: TestClient) -> None:
    response = http.get("/epcis/v2/events", params={"EQ_bizStep": "shipping", "maxEventCount": "11"})
    assert (response.status_code, response.json()["code"]) == (413, "epcis.query-too-large")
    first = http.get(
        "/epcis/v2/events", params={"EQ_bizStep": "shipping", "maxEventCount": "11", "perPage": "8"}
    )
    assert first.status_code == 200
    assert http.get(first.headers["link"].split(">")[0][1:]).status_code == 413


def test_a_parameter_that_may_stand_once() -> None:
    with pytest.raises(FormatError) as refused:
        parse_query([("orderBy", "eventTime"), ("orderBy", "recordTime")])
    assert refused.value.rule == "epcis.query-value"
    assert parse_query([("eventType", "ObjectEvent"), ("eventType", "AggregationEvent")]).kinds == {
        "object",
        "aggregation",
    }
    assert parse_query([("perPage", "5000")]).page == query.MAX_PAGE


@pytest.mark.parametrize("position", [b"", b"x" * 12, b"y" * 40])
@pytest.mark.parametrize("left", [None, 1, 1_000_000])
def test_tokens_come_back(position: bytes, left: int | None) -> None:
    token = Token(position, left)
    assert Token.parse(token.encoded()) == token


def test_names(http: TestClient) -> None:
    def members(path: str) -> list[str]:
        found: list[str] = http.get(f"/epcis/v2/{path}").json()["member"]
        return found

    assert members("eventTypes") == [
        "ObjectEvent",
        "AggregationEvent",
        "TransactionEvent",
        "TransformationEvent",
        "AssociationEvent",
    ]
    assert members("bizSteps") == ["commissioning", "packing", "receiving", "shipping"]
    assert members("epcs") == [f"https://id.gs1.org/01/{field.FRESH}/10/A%2F1"]
    assert members("bizLocations") == members("readPoints") == [FARM]
    assert "in_transit" in members("dispositions")
    first = http.get("/epcis/v2/bizSteps?perPage=3")
    assert first.json()["member"] == ["commissioning", "packing", "receiving"]
    following = first.headers["link"].split(">")[0].removeprefix("<")
    assert http.get(following).json()["member"] == ["shipping"]
    for path in ("eventTypes", "bizSteps", "epcs", "masterData", "dispositions"):
        assert refusal(http, f"/epcis/v2/{path}", x="1") == (400, "epcis.query-parameter")
    assert refusal(http, "/epcis/v2/bizSteps", nextPageToken="é") == (400, "epcis.query-token")


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("eventTypes/ObjectEvent", 16),
        ("bizSteps/shipping", 12),
        ("bizSteps/https%3A%2F%2Fref.gs1.org%2Fcbv%2FBizStep-packing", 1),
        ("dispositions/in_transit", 1),
        (f"bizLocations/{quote(SHOP, safe='')}", 0),
        (f"readPoints/{quote(SHOP, safe='')}", 12),
        (f"epcs/{quote(gtin_lot(), safe='')}", 2),
        (f"epcs/{quote('https://id.gs1.org/00/089385000000000010', safe='')}", 3),
    ],
)
def test_events_under_a_name(http: TestClient, path: str, count: int) -> None:
    assert len(events_of(http.get(f"/epcis/v2/{path}/events"))) == count


def test_master_data(http: TestClient) -> None:
    response = http.get("/epcis/v2/masterData")
    document = parse_document(response.content)
    assert [one["type"].rpartition(":")[2] for one in document.vocabularies] == [
        "EPCClass",
        "BusinessLocation",
    ]
    product = document.vocabularies[0]["vocabularyElementList"][0]
    assert product["id"] == f"https://id.gs1.org/01/{field.FRESH}"
    assert {"id": "urn:epcglobal:cbv:mda:descriptionShort", "attribute": "Dứa gai tươi"} in product[
        "attributes"
    ]


def test_what_is_no_event_is_not_shown_and_what_lies_is_marked(tmp_path: Path) -> None:
    with field_node(tmp_path) as (node, key):
        value = object_event(lot="LIE")
        body = record.body(COOP, value) | {"time_ms": 5}
        put(node, sign(node, [encode_record(CAPTURE, body)], key=key))
        with TestClient(create_app(node)) as http:
            response = http.get("/epcis/v2/events")
            assert events_of(response)[0]["eventTime"] == value["eventTime"]
            (said,) = response.json()["epcisBody"]["queryResults"]["resultsBody"]["sogoc:records"]
            assert said["mismatch"] is True


def test_another_event_under_the_same_hash_does_not_stand_in_its_way(tmp_path: Path) -> None:
    with field_node(tmp_path) as (node, key):
        value = object_event(lot="TRUE")
        squatter = new_key()
        register_member(node, "squatter", "Người khác", ["producer"])
        register_key(node, squatter, member="squatter", roles=["producer"])
        other = record.body("squatter", object_event(lot="FALSE"))
        planted = other | {"event_hash": event_hash(read_event(value).json)}
        put(node, sign(node, [encode_record(CAPTURE, planted)], key=squatter))
        field.put_events(node, key, value)
        with TestClient(create_app(node)) as http:
            found = http.get(
                f"/epcis/v2/events/{quote(hash_uri(event_hash(read_event(value).json)), safe='')}"
            )
            assert found.json()["quantityList"] == value["quantityList"]


def test_a_node_captures_nothing_and_says_who_does(http: TestClient) -> None:
    for method, path in (("POST", "capture"), ("GET", "capture"), ("POST", "events")):
        response = http.request(method, f"/epcis/v2/{path}", content=json.dumps(object_event()))
        assert (response.status_code, response.json()["code"]) == (403, "epcis.capture-elsewhere")
        assert "sogoc gateway" in response.json()["detail"]


def test_queries_are_not_kept(http: TestClient) -> None:
    for method, path in (
        ("GET", "queries"),
        ("POST", "queries"),
        ("GET", "queries/mine/events"),
        ("DELETE", "queries/x"),
    ):
        response = http.request(method, f"/epcis/v2/{path}")
        assert (response.status_code, response.json()["code"]) == (501, "epcis.queries-none")


def test_what_there_is_says_what_it_speaks(http: TestClient) -> None:
    members = http.get("/epcis/v2").json()["member"]
    assert {"events", "eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions"} <= set(
        members
    )
    for path in (
        "",
        *(f"/{name}" for name in members),
        "/capture",
        "/queries",
        "/bizSteps/shipping/events",
        "/events/urn:uuid:1",
    ):
        options = http.request("OPTIONS", f"/epcis/v2{path}")
        assert (options.status_code, options.content) == (204, b""), path
        assert options.headers["gs1-epcis-max"] == options.headers["gs1-cbv-min"] == "2.0.0"
        assert options.headers["gs1-epc-format"] == "Never_Translates"
    assert refusal(http, "/epcis/v2/nothing") == (404, "http.not-found")
    assert http.put("/epcis/v2/events").status_code == 405


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"gs1-epcis-min": "2.0", "gs1-epcis-max": "2.0"}, 200, ""),
        ({"gs1-epcis-min": "1.2", "gs1-epcis-max": "2.1.0", "gs1-cbv-max": "2"}, 200, ""),
        ({"gs1-epcis-max": "1.2"}, 406, "epcis.version-range"),
        ({"gs1-epcis-min": "2.0.1"}, 406, "epcis.version-range"),
        ({"gs1-cbv-min": "2.1"}, 406, "epcis.version-range"),
        ({"gs1-cbv-max": "1.9.9"}, 406, "epcis.version-range"),
        ({"gs1-epcis-min": "two"}, 406, "epcis.version-range"),
        ({"gs1-epc-format": "No_Preference"}, 200, ""),
        ({"gs1-epc-format": "Never_Translates"}, 200, ""),
        ({"gs1-epc-format": "Always_GS1_Digital_Link"}, 406, "epcis.epc-format"),
        ({"gs1-epc-format": "whatever"}, 406, "epcis.epc-format"),
        ({"gs1-cbv-xml-format": "Always_URN"}, 200, ""),
        ({"accept": "application/xml"}, 406, "http.not-acceptable"),
        ({"accept": "application/json;q=0, text/html"}, 406, "http.not-acceptable"),
        ({"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, 200, ""),
        ({"accept": "application/*"}, 200, ""),
        ({"accept": ""}, 200, ""),
    ],
)
def test_what_a_client_can_take(http: TestClient, headers: dict[str, str], status: int, code: str) -> None:
    for path in ("/epcis/v2/events?perPage=1", "/epcis/v2/eventTypes", "/epcis/v2/masterData"):
        response = http.get(path, headers=headers)
        assert response.status_code == status, response.text
        if code:
            assert response.json()["code"] == code
            assert response.headers["content-type"] == "application/problem+json"


def test_versions(http: TestClient) -> None:
    response = http.request("OPTIONS", "/epcis/v2/events")
    assert response.status_code == 204
    assert response.headers["gs1-epcis-version"] == "2.0.0"
    assert http.get("/epcis/v2/events").headers["gs1-cbv-version"] == "2.0.0"
    accepted = http.get("/epcis/v2/events", headers={"accept": "application/ld+json"})
    assert accepted.headers["content-type"] == "application/ld+json"
