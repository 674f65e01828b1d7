"""The CBV event hash: known values, what must and must not change it, and GS1 Germany's reference implementation beside it.

The reference is PyPI's `epcis-event-hash-generator` 1.9.3 (MIT; `interop/epcis/requirements.txt`). It calls itself a
prototype, and
brings a web server and a JSON-LD processor along, so it is no dependency; where it is not installed, its tests are skipped.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.epcis.addresses import canonical_address
from ledger.epcis.event_hash import digest_of_uri, event_hash, hash_uri, pre_hash
from ledger.epcis.json_text import canonical, parse_object
from ledger.epcis.reading import read_event
from ledger.epcis.vocabulary import CONTEXT
from tests.field import ONE_OF_EACH, object_event

NAMESPACE = "https://ns.example.com/epcis/"
PREFIXES = {"example": NAMESPACE, "cbvmda": "urn:epcglobal:cbv:mda:"}


def read(value: dict[str, Any]) -> dict[str, Any]:
    """As it comes out of a file."""
    return read_event(parse_object(json.dumps(value).encode(), max_bytes=1_000_000)).json


def digest(value: dict[str, Any]) -> str:
    return event_hash(read(value)).hex()


# -- known values ------------------------------------------------------------------------------------------------------------

SHIPPED: dict[str, Any] = {
    "@context": [CONTEXT, {"gs1": "https://gs1.org/voc/"}, {"example": NAMESPACE}],
    "type": "ObjectEvent",
    "eventTime": "2020-03-04T11:00:30+01:00",
    "eventTimeZoneOffset": "+01:00",
    "epcList": ["urn:epc:id:sgtin:0614141.011111.987"],
    "action": "OBSERVE",
    "bizStep": "departing",
    "disposition": "in_transit",
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.0", "example:myField1": "AB-12"},
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epc:id:gdti:4012345.11111.123"}],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
    "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00000"}],
    "example:userExt": "CD-34",
}
INSPECTED: dict[str, Any] = {
    "@context": [CONTEXT, {"gs1": "https://gs1.org/voc/"}],
    "type": "ObjectEvent",
    "eventTime": "2020-04-01T15:00:00+01:00",
    "eventTimeZoneOffset": "+01:00",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
    "action": "OBSERVE",
    "bizStep": "inspecting",
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.0"},
    "sensorElementList": [
        {
            "sensorMetadata": {
                "deviceID": "urn:epc:id:giai:4000001.111",
                "deviceMetadata": "https://id.gs1.org/8004/4000001111",
            },
            "sensorReport": [
                {"type": "Temperature", "value": 26, "sDev": 0.1, "uom": "CEL"},
                {"type": "AbsoluteHumidity", "value": 12.1, "uom": "A93"},
                {
                    "type": "Dimensionless",
                    "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
                    "value": 0.05,
                    "uom": "C35",
                },
                {
                    "type": "Dimensionless",
                    "chemicalSubstance": "urn:epcglobal:cbv:inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N",
                    "value": 0.18,
                    "uom": "C35",
                },
            ],
        }
    ],
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # Examples 2 and 3 of the reference's own documents, hashed by its release 1.9.3.
        (INSPECTED, "8e02ec93db57a1a331fcf617fe3d567eaa5c38c5002806976fff22d4db1152a6"),
        (SHIPPED, "a13cbe6c8bb6df3710b3edaeff760a1365ec8fd69ca1f4d7e0c10eb5189a883a"),
    ],
)
def test_known_values(value: dict[str, Any], expected: str) -> None:
    assert digest(value) == expected


def test_the_text_that_is_hashed() -> None:
    assert pre_hash(read(SHIPPED)) == (
        "eventType=ObjectEvent"
        "eventTime=2020-03-04T10:00:30.000Z"
        "eventTimeZoneOffset=+01:00"
        "epcListepc=https://id.gs1.org/01/00614141111114/21/987"
        "action=OBSERVE"
        "bizStep=https://ref.gs1.org/cbv/BizStep-departing"
        "disposition=https://ref.gs1.org/cbv/Disp-in_transit"
        "readPointid=https://id.gs1.org/414/4012345000115{https://ns.example.com/epcis/}myField1=AB-12"
        "bizTransactionListtype=https://ref.gs1.org/cbv/BTT-pobizTransaction=https://id.gs1.org/253/4012345111118123"
        "destinationListtype=https://ref.gs1.org/cbv/SDT-owning_partydestination=https://id.gs1.org/417/0614141000005"
        "sourceListtype=https://ref.gs1.org/cbv/SDT-owning_partysource=https://id.gs1.org/417/4012345000009"
        "{https://ns.example.com/epcis/}userExt=CD-34"
    )


def test_identifiers() -> None:
    digest_bytes = bytes(range(32))
    assert digest_of_uri(hash_uri(digest_bytes)) == digest_bytes
    for text in (
        "",
        "ni:///sha-256;00?ver=CBV2.0",
        hash_uri(digest_bytes).upper(),
        hash_uri(digest_bytes) + "x",
    ):
        assert digest_of_uri(text) is None


# -- what does not matter, and what does -------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ONE_OF_EACH)
def test_the_hash_says_which_event_it_is_and_not_what_became_of_it(make: Any) -> None:  # noqa: ANN401
    value = make()
    later = value | {
        "eventID": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "recordTime": "2026-01-01T00:00:00Z",
        "errorDeclaration": {"declarationTime": "2026-01-01T00:00:00Z", "reason": "incorrect_data"},
        "rdfs:comment": "seen",
    }
    assert digest(later) == digest(value)
    assert canonical(read(later)) != canonical(read(value))


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"eventTime": "2025-03-01T01:00:00Z"}, {"eventTime": "2025-03-01T08:00:00.000+07:00"}),
    ({"eventTime": "2025-03-01T01:00:00.9996Z"}, {"eventTime": "2025-03-01T01:00:01Z"}),
    ({"bizStep": "cbv:BizStep-shipping"}, {"bizStep": "shipping"}),
    ({"bizStep": "https://ref.gs1.org/cbv/BizStep-shipping"}, {"bizStep": "shipping"}),
    (
        {"readPoint": {"id": "urn:epc:id:sgln:8938500.00000.0"}},
        {"readPoint": {"id": "https://x.example/414/8938500000003?a=b"}},
    ),
    ({"example:a": "7"}, {"example:a": 7}),
    ({"example:a": "07.50"}, {"example:a": 7.5}),
    ({"example:a": " x "}, {"example:a": "x"}),
    ({"example:a": ["2", "1"]}, {"example:a": [1, 2]}),
    ({"example:a": {"#text": "5"}}, {"example:a": 5}),
    ({"example:a": True}, {"example:a": "true"}),
    ({"@context": [CONTEXT, {"other": NAMESPACE}], "other:a": "example"}, {"example:a": "example"}),
    ({"epcList": []}, {}),
    (
        {"bizTransactionList": [{"bizTransaction": "urn:x:y", "type": "po"}]},
        {"bizTransactionList": [{"type": "https://ref.gs1.org/cbv/BTT-po", "bizTransaction": "urn:x:y"}]},
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_ways_of_writing_one_event(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digest(object_event(**one)) == digest(object_event(**other))


DIFFERENT: list[dict[str, Any]] = [
    {"eventTime": "2025-03-01T08:00:00.001+07:00"},
    {"eventTimeZoneOffset": "+08:00"},
    {"action": "ADD"},
    {"step": "packing"},
    {"disposition": "active"},
    {"lot": "L2504"},
    {"gtin": "08938500000027"},
    {"quantityList": [{"epcClass": "https://id.gs1.org/01/08938500000010/10/L2503", "quantity": 1200, "uom": "GRM"}]},
    {"quantityList": [{"epcClass": "https://id.gs1.org/01/08938500000010/10/L2503", "quantity": 1200.5, "uom": "KGM"}]},
    {"readPoint": {"id": "https://id.gs1.org/414/8938500000102"}},
    {"bizLocation": {"id": "https://id.gs1.org/414/8938500000003"}},
    {"example:a": "x"},
    {"certificationInfo": "https://example.com/c"},
    {"persistentDisposition": {"set": ["in_transit"]}},
    {"persistentDisposition": {"unset": ["in_transit"]}},
    {"sourceList": [{"type": "location", "source": "urn:x:y"}]},
    {"destinationList": [{"type": "location", "destination": "urn:x:y"}]},
    {"sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 4}]}]},
]  # fmt: skip


def test_another_event_has_another_hash() -> None:
    hashes = [digest(object_event())] + [digest(object_event(**members)) for members in DIFFERENT]
    assert len(set(hashes)) == len(hashes)


# -- canonical addresses -----------------------------------------------------------------------------------------------------

HOST = "https://id.gs1.org"
ADDRESSES = [
    ("urn:epc:id:sgtin:4012345.011111.9876", f"{HOST}/01/04012345111118/21/9876"),
    ("urn:epc:id:sgtin:4012345.011111.a%2fb!", f"{HOST}/01/04012345111118/21/a%2Fb%21"),
    ("urn:epc:id:sscc:4012345.0000000333", f"{HOST}/00/040123450000003338"),
    ("urn:epc:id:sgln:4012345.00011.987", f"{HOST}/414/4012345000115/254/987"),
    ("urn:epc:id:sgln:4012345.00011.0", f"{HOST}/414/4012345000115"),
    ("urn:epc:id:pgln:4012345.00000", f"{HOST}/417/4012345000009"),
    ("urn:epc:id:grai:4012345.11111.1234", f"{HOST}/8003/040123451111181234"),
    ("urn:epc:id:giai:4000001.111", f"{HOST}/8004/4000001111"),
    ("urn:epc:id:gsrn:4012345.1234567890", f"{HOST}/8018/401234512345678900"),
    ("urn:epc:id:gsrnp:4012345.1234567890", f"{HOST}/8017/401234512345678900"),
    ("urn:epc:id:gdti:4012345.11111.123", f"{HOST}/253/4012345111118123"),
    ("urn:epc:id:cpi:4012345.98765.12345", f"{HOST}/8010/401234598765/8011/12345"),
    ("urn:epc:id:sgcn:4012345.01234.9876", f"{HOST}/255/40123450123479876"),
    ("urn:epc:id:ginc:4012345.ABC", f"{HOST}/401/4012345ABC"),
    ("urn:epc:id:gsin:4012345.222333444", f"{HOST}/402/40123452223334442"),
    ("urn:epc:id:itip:4012345.011111.02.04.987", f"{HOST}/8006/040123451111180204/21/987"),
    ("urn:epc:id:upui:4012345.011111.987", f"{HOST}/01/04012345111118/235/987"),
    ("urn:epc:class:lgtin:4012345.012345.Lot987", f"{HOST}/01/04012345123456/10/Lot987"),
    ("urn:epc:idpat:sgtin:4012345.012345.*", f"{HOST}/01/04012345123456"),
    ("urn:epc:idpat:grai:4012345.11111.*", f"{HOST}/8003/04012345111118"),
    ("urn:epc:idpat:gdti:4012345.11111.*", f"{HOST}/253/4012345111118"),
    ("urn:epc:idpat:sgcn:4012345.01234.*", f"{HOST}/255/4012345012347"),
    ("urn:epc:idpat:upui:4012345.011111.*", f"{HOST}/01/04012345111118"),
    ("https://example.com/some/01/04012345111118/10/L1/21/S1?x=1#y", f"{HOST}/01/04012345111118/21/S1"),
    ("http://example.com/gtin/4012345111118/lot/L1", f"{HOST}/01/04012345111118/10/L1"),
    ("https://example.com/414/4012345000115/254/32a", f"{HOST}/414/4012345000115/254/32a"),
    ("https://id.gs1.org/01/04012345111118/21/a%2fb", f"{HOST}/01/04012345111118/21/a%2Fb"),
]
LEFT = [
    "urn:epc:id:sgtin:4012345.11111.9876",
    "urn:epc:id:sgtin:40123.1234567.9876",
    "urn:epc:id:sgtin:4012345.011111",
    "urn:epc:id:other:4012345.1",
    "urn:epc:id:sscc:4012345.000000033",
    "urn:epc:id:gsrn:4012345.12345",
    "urn:uuid:00000000-0000-4000-8000-000000000001",
    "https://example.com/",
    "https://example.com/01/4012",
    "https://example.com/01/04012345111118/10",
    "https://example.com/01/04012345111118/99/x",
    "https://example.com/01/04012345111118/10/%zz",
    "text",
    "",
]


@pytest.mark.parametrize(("text", "expected"), ADDRESSES)
def test_addresses_have_one_form(text: str, expected: str) -> None:
    assert canonical_address(text) == expected
    assert canonical_address(expected) == expected


@pytest.mark.parametrize("text", LEFT)
def test_what_is_no_such_address_stays(text: str) -> None:
    assert canonical_address(text) == text


@given(
    st.text("urn:epcidsgtl.*0123456789/%?#htps", max_size=40)
    | st.sampled_from([a for a, _ in ADDRESSES]).map(lambda a: a[:-1])
)
def test_any_text_has_one_form(text: str) -> None:
    once = canonical_address(text)
    assert canonical_address(once) == once


# -- the reference -----------------------------------------------------------------------------------------------------------

serials = st.text("ABCxyz0123456789-_.", min_size=1, max_size=12).filter(lambda text: set(text) != {"."})
digits = st.integers(0, 999_999).map(lambda number: f"{number:06d}")
epcs = st.one_of(
    st.builds("urn:epc:id:sgtin:4012345.{}.{}".format, digits, serials),
    st.builds("urn:epc:id:sscc:4012345.0{}{}".format, digits, st.integers(100, 999)),
    st.builds("urn:epc:id:giai:4012345.{}".format, serials),
)
classes = st.one_of(
    st.builds("urn:epc:class:lgtin:4012345.{}.{}".format, digits, serials),
    st.builds("urn:epc:idpat:sgtin:4012345.{}.*".format, digits),
)
numbers = st.integers(-(10**6), 10**6) | st.integers(1, 10**7).map(lambda number: number / 1000)
letters = st.text("abcdefgh", min_size=2, max_size=6).map(lambda text: f"q{text}q")
values = st.one_of(letters, numbers, st.lists(letters, min_size=1, max_size=3))
own = st.dictionaries(
    letters.map("example:{}".format),
    values | st.dictionaries(letters.map("example:{}".format), values, min_size=1, max_size=3),
    max_size=3,
)
times = st.datetimes().map(
    lambda moment: (
        moment.replace(year=2020 + moment.year % 10, microsecond=moment.microsecond // 1000 * 1000).isoformat(
            timespec="milliseconds"
        )
        + "+07:00"
    )
)
quantities = st.lists(
    st.fixed_dictionaries(
        {"epcClass": classes, "quantity": numbers, "uom": st.sampled_from(["KGM", "LTR", "GRM"])}
    ),
    min_size=1,
    max_size=3,
)
epc_lists = st.lists(epcs, min_size=1, max_size=4, unique=True)
places = st.builds(
    lambda extension, more: {"id": f"urn:epc:id:sgln:4012345.00011.{extension}"} | more, serials, own
)


def links(member: str, kinds: list[str]) -> st.SearchStrategy[list[dict[str, str]]]:
    # The reference hashes type and value in the order of the file; ours is type first.
    one = st.tuples(st.sampled_from(kinds), letters).map(
        lambda pair: {"type": pair[0], member: f"urn:example:{pair[1]}"}
    )
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda link: link[member])


reports = st.fixed_dictionaries(
    {"type": st.sampled_from(["Temperature", "Mass"]), "value": numbers},
    optional={"uom": st.sampled_from(["CEL", "KGM"]), "sDev": numbers, "time": times, "stringValue": letters},
)
sensors = st.lists(
    st.builds(
        lambda device, time, more, report: {
            "sensorMetadata": {"deviceID": device, "time": time} | more,
            "sensorReport": report,
        },
        st.just("urn:epc:id:giai:4000001.111"),
        times,
        own,
        st.lists(reports, min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=2,
)
common: dict[str, st.SearchStrategy[Any]] = {
    "bizStep": st.sampled_from(["shipping", "receiving", "commissioning"]),
    "disposition": st.sampled_from(["in_transit", "active"]),
    "readPoint": places,
    "bizLocation": places,
    "bizTransactionList": links("bizTransaction", ["po", "inv"]),
    "sourceList": links("source", ["location", "owning_party"]),
    "destinationList": links("destination", ["location", "owning_party"]),
    "sensorElementList": sensors,
    "certificationInfo": st.lists(
        letters.map("https://example.com/{}".format), min_size=1, max_size=2, unique=True
    ),
}
whats: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "ObjectEvent": st.fixed_dictionaries(
        {"action": st.just("ADD"), "epcList": epc_lists},
        optional={"quantityList": quantities, "ilmd": own.filter(bool)},
    ),
    "AggregationEvent": st.fixed_dictionaries(
        {"action": st.just("ADD"), "parentID": epcs, "childEPCs": epc_lists},
        optional={"childQuantityList": quantities},
    ),
    "TransactionEvent": st.fixed_dictionaries(
        {"action": st.just("ADD"), "epcList": epc_lists, "bizTransactionList": common["bizTransactionList"]},
        optional={"quantityList": quantities, "parentID": epcs},
    ),
    "TransformationEvent": st.fixed_dictionaries(
        {"inputEPCList": epc_lists, "outputQuantityList": quantities},
        optional={"inputQuantityList": quantities, "outputEPCList": epc_lists, "ilmd": own.filter(bool)},
    ),
    "AssociationEvent": st.fixed_dictionaries(
        {"action": st.just("ADD"), "parentID": epcs, "childEPCs": epc_lists},
        optional={"childQuantityList": quantities},
    ),
}


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(whats)))
    return {
        "type": kind,
        "eventTime": draw(times),
        "eventTimeZoneOffset": "+07:00",
        **draw(st.fixed_dictionaries({}, optional=common)),
        **draw(whats[kind]),
        **draw(own),
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=events(), seed=st.integers())
def test_the_reference_makes_the_same_text(value: dict[str, Any], seed: int) -> None:
    generator = pytest.importorskip(
        "epcis_event_hash_generator.hash_generator", reason="the reference is not installed"
    )
    reader = pytest.importorskip("epcis_event_hash_generator.json_to_py")
    document = {
        "@context": [CONTEXT, PREFIXES],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2025-01-01T00:00:00Z",
        "epcisBody": {"eventList": [copy.deepcopy(value)]},
    }
    (theirs,) = generator.derive_prehashes_from_events(reader.event_list_from_epcis_document_json(document))
    ours = read(_shuffled(value, random.Random(seed)) | {"@context": [CONTEXT, PREFIXES]})
    assert pre_hash(ours) == theirs


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(value=events(), seed=st.integers())
def test_order_does_not_matter(value: dict[str, Any], seed: int) -> None:
    context = {"@context": [CONTEXT, PREFIXES]}
    assert digest(_shuffled(value, random.Random(seed)) | context) == digest(value | context)
    again = parse_object(canonical(read(value | context)), max_bytes=1_000_000)
    assert event_hash(again).hex() == digest(value | context)


def _shuffled(value: Any, order: random.Random) -> Any:  # noqa: ANN401
    """The same with members and elements in another order."""
    if isinstance(value, dict):
        names = sorted(value)
        order.shuffle(names)
        return {name: _shuffled(value[name], order) for name in names}
    if isinstance(value, list):
        items = [_shuffled(item, order) for item in value]
        order.shuffle(items)
        return items
    return value
