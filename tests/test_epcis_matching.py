"""What an event answers: every parameter of a query against a slow clerk who shares no code with it, over random events.

What is refused, and what a node makes of it, is in `test_epcis_query.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.epcis.attributes import MDA, Attributes
from api.epcis.comparing import measured
from api.epcis.fields import name_written_out, read_extensions
from api.epcis.items import named
from api.epcis.matching import answers, expander
from api.epcis.query import MAX_PARAMETERS, MAX_VALUES, parse_query
from ledger.epcis.json_text import check_values
from ledger.epcis.reading import read_event
from ledger.epcis.vocabulary import CONTEXT
from ledger.errors import FormatError
from tests.field import gtin_lot, object_event
from tests.twins import epcis_query as clerk

Json = dict[str, Any]

EXTENSIONS = read_extensions("example=https://ns.example.com/epcis/, else=https://else.example/")
REGISTERED: dict[str, Json] = {
    "farm": {"name": "Vườn dứa", "latitude": "20.100000"},
    "coop's store": {"name": "Kho"},
    "pineapples": {"descriptionShort": "Dứa"},
}
CONTEXTS = [CONTEXT, clerk.PREFIXES]


class Registered:
    """Master data of the clerk's world."""

    def of_place(self, place: str) -> Sequence[Attributes]:
        place = place.partition("/254/")[0]
        names = {"https://id.gs1.org/414/8938500000003": "farm", "place/coop/kho": "coop's store"}
        return self._of(names.get(place, ""))

    def of_product(self, item: str) -> Sequence[Attributes]:
        return self._of("pineapples" if item.startswith("01/08938500000010") else "")

    @staticmethod
    def _of(name: str) -> Sequence[Attributes]:
        return [{MDA + key: value for key, value in REGISTERED[name].items()}] if name in REGISTERED else []


def agreed(event: Json, parameters: list[tuple[str, str]], names: frozenset[str] = frozenset()) -> bool:
    """What both say, which must be the same."""
    check_values(event)
    said = answers(event, names, parse_query(parameters, EXTENSIONS), Registered())
    assert said == clerk.yes(event, parameters, set(names), REGISTERED), (event, parameters)
    return said


# -- random events and questions ---------------------------------------------------------------------------------------------


def writings(things: list[str], *, compact: bool = True) -> st.SearchStrategy[str]:
    """Any way of writing one of these."""
    every = [one for thing in things for one in clerk.WRITINGS[thing]]
    return st.sampled_from([one for one in every if compact or not one.startswith(("gs1id:", "x:"))])


ADDRESSED = ["farm", "farm's dock", "somewhere", "sensor", "crate", "box"]
"""What a member of one's own or a sensor names by a URI."""
TIMES = [
    "2025-03-01T08:00:00+07:00",
    "2025-03-01T01:00:00Z",
    "2025-03-01T01:00:00.001Z",
    "2025-03-02T00:00:00Z",
]
NUMBERS = st.sampled_from(
    [0, 1, 5, -3, Decimal("0.5"), Decimal("18.1"), 1000, 2, Decimal("291.25"), Decimal("64.58")]
)
SCALARS = st.one_of(
    NUMBERS, st.sampled_from(["5", "x", "true", "", *TIMES]), st.booleans(), writings(ADDRESSED)
)
NAMES = [
    "example:a",
    "other:a",
    "https://ns.example.com/epcis/a",
    "example:b",
    "else:a",
    "https://else.example/a",
    "plain",
]
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(NAMES), below, max_size=2),
    max_leaves=5,
)
OWN = st.dictionaries(st.sampled_from(NAMES[:-1]), VALUES, max_size=2)
REPORT_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["Temperature", "Mass"]),
    "exception": st.just("ALARM_CONDITION"),
    "component": st.sampled_from(["x", "latitude"]),
    "time": st.sampled_from(TIMES),
    "uom": st.sampled_from(["CEL", "KEL", "FAH", "P1"]),
    "stringValue": st.sampled_from(["SUCCESS", "no"]),
    "booleanValue": st.booleans(),
    "hexBinaryValue": st.sampled_from(["f0", "F0", "00"]),
    "percRank": NUMBERS,
} | dict.fromkeys(clerk.SENSOR_AMOUNTS, NUMBERS)
REPORT_VALUES |= {name: writings(ADDRESSED) for name in clerk.SENSOR_URIS if name != "bizRules"}
METADATA_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "time": st.sampled_from(TIMES),
    "startTime": st.sampled_from(TIMES),
    "endTime": st.sampled_from(TIMES),
    **{
        name: writings(ADDRESSED)
        for name in ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
    },
}


def some_of(values: dict[str, st.SearchStrategy[Any]], most: int = 4) -> st.SearchStrategy[Json]:
    """An object with some of these members, and some of one's own."""
    chosen = st.lists(st.sampled_from(sorted(values)), unique=True, max_size=most)
    return st.builds(
        lambda own, held: held | own,
        OWN,
        chosen.flatmap(lambda names: st.fixed_dictionaries({name: values[name] for name in names})),
    )


SENSOR = st.builds(
    lambda own, held: held | own,
    OWN,
    st.fixed_dictionaries(
        {"sensorReport": st.lists(some_of(REPORT_VALUES), min_size=1, max_size=2)},
        optional={"sensorMetadata": some_of(METADATA_VALUES)},
    ),
)
PLACE = st.builds(lambda own, uri: {"id": uri} | own, OWN, writings(clerk.PLACES))
QUANTITY = st.builds(
    lambda uri, held: {"epcClass": uri} | held,
    writings(clerk.ITEMS),
    st.fixed_dictionaries(
        {}, optional={"quantity": NUMBERS, "uom": st.sampled_from(["KGM", "GRM", "TNE", "LTR", "DZN", "XBX"])}
    ),
)
LINKS = {
    member: st.lists(
        st.fixed_dictionaries({"type": st.sampled_from(kinds), name: writings(["order", "farm", "coop's store"])}), max_size=2
    )
    for member, name, kinds in (
        ("bizTransactionList", "bizTransaction", ["po", "inv"]),
        ("sourceList", "source", ["owning_party", "location"]),
        ("destinationList", "destination", ["owning_party", "location"]),
    )
}  # fmt: skip
STEPS = ["shipping", "cbv:BizStep-shipping", "https://ref.gs1.org/cbv/BizStep-packing", "example:drying"]
DISPOSITIONS = ["active", "cbv:Disp-active", "in_transit", "https://ns.example.com/epcis/lost"]
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "action": st.sampled_from(["ADD", "OBSERVE"]),
    "bizStep": st.sampled_from(STEPS),
    "disposition": st.sampled_from(DISPOSITIONS),
    "persistentDisposition": st.fixed_dictionaries(
        {}, optional={"set": st.lists(st.sampled_from(DISPOSITIONS)), "unset": st.lists(st.sampled_from(DISPOSITIONS))}
    ),
    "readPoint": PLACE,
    "bizLocation": PLACE,
    "transformationID": writings(["order", "sensor"]),
    "sensorElementList": st.lists(SENSOR, max_size=2),
    "ilmd": OWN,
    "errorDeclaration": OWN,
    **LINKS,
    **dict.fromkeys(("epcList", "childEPCs", "inputEPCList", "outputEPCList"), st.lists(writings(clerk.ITEMS), max_size=2)),
    "parentID": writings(clerk.ITEMS),
    **dict.fromkeys(
        ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"), st.lists(QUANTITY, max_size=2)
    ),
}  # fmt: skip


def listed(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(strategy, min_size=1, max_size=3).map(",".join)


OPS = st.sampled_from(["EQ", "GT", "GE", "LT", "LE"])
FIGURES = st.sampled_from(["0", "1", "5", "-3", "0.5", "18.1", "1000", "291.25", "0.001", "64.58", "12"])
FIELDS = st.sampled_from([*NAMES[:1], *NAMES[2:6]])
SCOPES = st.sampled_from(["", "", *(f"{one}_" for one in clerk.SCOPES)])


def parameter(
    name: str | st.SearchStrategy[str], value: st.SearchStrategy[str]
) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.just(name) if isinstance(name, str) else name, value)


@st.composite
def of_ones_own(draw: st.DrawFn) -> tuple[str, str]:
    op = draw(st.sampled_from(["EQ", "EQ", "GT", "GE", "LT", "LE", "EXISTS"]))
    name = f"{op}_{draw(st.sampled_from(['', 'INNER_']))}{draw(SCOPES)}{draw(FIELDS)}"
    if op == "EXISTS":
        return name, draw(st.sampled_from(["", "true", "1"]))
    if op == "EQ":
        return name, draw(
            listed(st.sampled_from(["5", "x", "true", "0.50", *TIMES]) | writings(ADDRESSED, compact=False))
        )
    return name, draw(st.sampled_from(TIMES) | FIGURES)


@st.composite
def of_sensors(draw: st.DrawFn) -> tuple[str, str]:
    member = draw(st.sampled_from(sorted({*REPORT_VALUES, *METADATA_VALUES} - {"uom"})))
    scopes = [
        "",
        *(["SENSORMETADATA_"] if member in METADATA_VALUES else []),
        *(["SENSORREPORT_"] if member in REPORT_VALUES else []),
    ]
    scope = draw(st.sampled_from(scopes))
    op = draw(OPS)
    if member in clerk.SENSOR_AMOUNTS:
        return f"{op}_{scope}{member}_{draw(st.sampled_from(['CEL', 'KEL', 'FAH', 'P1']))}", draw(FIGURES)
    if member == "percRank":
        return f"{op}_{scope}{member}", draw(FIGURES)
    if member in clerk.SENSOR_TIMES:
        return f"{op}_{scope}{member}", draw(st.sampled_from(TIMES))
    if member in clerk.SENSOR_URIS:
        return f"EQ_{scope}{member}", draw(listed(writings(ADDRESSED, compact=False)))
    known = {
        "type": ["Temperature", "Mass"],
        "exception": ["ALARM_CONDITION"],
        "component": ["x", "latitude"],
        "stringValue": ["SUCCESS", "no"],
        "booleanValue": ["true", "false"],
        "hexBinaryValue": ["f0", "F0", "00"],
    }
    return f"EQ_{scope}{member}", draw(listed(st.sampled_from(known[member])))


ITEM_LISTS = sorted({member for members in clerk.LISTS.values() for member in members.split()})
QUANTITIES = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
PATTERNS = st.sampled_from(sorted(clerk.COVERS))
QUESTIONS: list[tuple[tuple[str, ...], st.SearchStrategy[tuple[str, str]]]] = [
    ((), of_ones_own()),
    ((), of_sensors()),
    *(
        (tuple(members.split()), parameter(name, listed(writings(clerk.ITEMS, compact=False) | PATTERNS)))
        for name, members in clerk.LISTS.items()
    ),
    (("action",), parameter("EQ_action", listed(st.sampled_from(["ADD", "OBSERVE", "DELETE"])))),
    (
        ("bizStep",),
        parameter("EQ_bizStep", listed(st.sampled_from([*STEPS[:3], "https://ns.example.com/epcis/drying"]))),
    ),
    (("disposition",), parameter("EQ_disposition", listed(st.sampled_from(DISPOSITIONS)))),
    *(
        (
            ("persistentDisposition",),
            parameter(f"EQ_persistentDisposition_{what}", listed(st.sampled_from(DISPOSITIONS))),
        )
        for what in ("set", "unset")
    ),
    *(
        ((member,), parameter(f"{op}_{member}", listed(writings(clerk.PLACES, compact=False))))
        for member in ("readPoint", "bizLocation")
        for op in ("EQ", "WD")
    ),
    (
        ("transformationID",),
        parameter("EQ_transformationID", listed(writings(["order", "sensor"], compact=False))),
    ),
    *(
        ((member,), parameter(name, listed(writings(["order", "farm", "coop's store"], compact=False))))
        for member, name in (
            ("bizTransactionList", "EQ_bizTransaction_po"),
            ("sourceList", "EQ_source_location"),
            ("destinationList", "EQ_destination_owning_party"),
        )
    ),
    (("sensorElementList",), parameter("EXISTS_sensorElementList", st.just(""))),
    (
        QUANTITIES,
        parameter(
            st.builds(
                "{}_quantity{}".format, OPS, st.sampled_from(["", "_KGM", "_GRM", "_TNE", "_H87", "_XBX"])
            ),
            FIGURES,
        ),
    ),
    *(
        ((member,), parameter(f"HASATTR_{member}", listed(st.sampled_from(["name", "latitude"]))))
        for member in ("readPoint", "bizLocation")
    ),
    *(
        ((member,), parameter(f"EQATTR_{member}_name", listed(st.sampled_from(["Kho", "Vườn dứa"]))))
        for member in ("readPoint", "bizLocation")
    ),
    (tuple(ITEM_LISTS), parameter("HASATTR_epcClass", st.sampled_from(["name", "descriptionShort"]))),
    (tuple(ITEM_LISTS), parameter("EQATTR_epcClass_descriptionShort", st.sampled_from(["Kho", "Dứa"]))),
    ((), parameter("EQ_eventID", listed(st.sampled_from(["urn:uuid:1", "urn:uuid:2"])))),
]
"""Each with the members of an event that it is about: an event without them would answer nothing."""
HOLDERS: dict[str, str] = {"ILMD": "ilmd", "ERROR_DECLARATION": "errorDeclaration"}


@st.composite
def cases(
    draw: st.DrawFn, needs: tuple[str, ...], question: st.SearchStrategy[tuple[str, str]]
) -> tuple[Json, tuple[str, str]]:
    """An event, and a question that it may answer: it has what is asked about, nearly always, with whatever value."""
    name, value = draw(question)
    asked = draw(st.lists(st.sampled_from(needs), min_size=1, max_size=3, unique=True)) if needs else []
    event: Json = {"@context": CONTEXTS} | {member: draw(MEMBERS[member]) for member in asked}
    words = name.split("_")
    if ":" in name:
        scope = next((one for one in clerk.SCOPES if f"_{one}_" in name), "")
        own = draw(st.dictionaries(st.sampled_from(NAMES[:-1]), VALUES, min_size=1, max_size=3))
        report = {"type": "Mass"} | (own if scope == "SENSORREPORT" else {})
        element = {"sensorReport": [report]} | (own if scope == "SENSORELEMENT" else {})
        if scope == "SENSORMETADATA":
            element["sensorMetadata"] = own
        if scope.startswith("SENSOR"):
            event["sensorElementList"] = [draw(SENSOR), element]
        elif scope in ("readPoint", "bizLocation"):
            event[scope] = {"id": "urn:x:y"} | own
        else:
            event |= {HOLDERS[scope]: own} if scope else own
    elif not needs and name != "EQ_eventID":
        member = words[2] if words[1].startswith("SENSOR") else words[1]
        reports = [
            {member: draw(REPORT_VALUES[member]), "uom": draw(REPORT_VALUES["uom"])}
            for _ in range(2)
            if member in REPORT_VALUES
        ]
        element = {"sensorReport": [one for one in reports if draw(st.booleans())]}
        if member in METADATA_VALUES and draw(st.booleans()):
            element["sensorMetadata"] = {member: draw(METADATA_VALUES[member])}
        event["sensorElementList"] = [element, *draw(st.lists(SENSOR, max_size=1))]
    return event, (name, value)


@pytest.mark.parametrize(("needs", "question"), QUESTIONS)
def test_every_parameter_answers_as_the_clerk_does(
    needs: tuple[str, ...], question: st.SearchStrategy[tuple[str, str]]
) -> None:
    said = set()

    @settings(max_examples=300 if not needs else 60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases(needs, question))
    def check(case: tuple[Json, tuple[str, str]]) -> None:
        event, asked = case
        said.add(agreed(event, [asked], frozenset({"urn:uuid:1"})))

    check()
    # Questions that nothing answers, or everything, would show nothing.
    assert said == {True, False}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_all_parameters_must_hold(data: st.DataObject) -> None:
    event: Json = {}
    asked: dict[str, str] = {}
    for needs, question in data.draw(st.lists(st.sampled_from(QUESTIONS), min_size=2, max_size=3)):
        part, (name, value) = data.draw(cases(needs, question))
        event |= part
        asked[name] = value
    agreed(event, list(asked.items()), frozenset({"urn:uuid:1"}))


# -- by hand -----------------------------------------------------------------------------------------------------------------

TRIP = object_event(
    readPoint={"id": "urn:epc:id:sgln:8938500.00000.0", "example:zone": "B"},
    bizLocation={"id": "https://id.gs1.org/414/8938500000003/254/dock"},
    action="ADD",
    ilmd={"example:variety": "Queen", "cbvmda:countryOfOrigin": "VN", "example:soil": {"example:ph": Decimal("5.5")}},
    sensorElementList=[
        {
            "sensorMetadata": {"deviceID": "urn:epc:id:giai:8938500.sensor1", "startTime": "2025-03-01T01:00:00Z"},
            "sensorReport": [
                {"type": "Temperature", "minValue": Decimal("18.1"), "maxValue": Decimal("26.4"), "uom": "CEL"},
                {"type": "RelativeHumidity", "value": 80, "uom": "A93", "example:raw": "7"},
            ],
        }
    ],
    **{"example:workers": 4, "example:checked": "2025-03-01T09:30:00+07:00", "example:tools": [{"example:name": "knife"}]},
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "yes"),
    [
        ("EQ_example:workers", "4", True),
        ("EQ_https://ns.example.com/epcis/workers", "4.0", True),
        ("GE_example:workers", "5", False),
        ("LT_example:checked", "2025-03-01T03:00:00Z", True),
        ("GT_example:checked", "7", False),
        ("EQ_INNER_example:name", "saw,knife", True),
        ("EQ_example:name", "knife", False),
        ("EXISTS_example:tools", "", True),
        ("EXISTS_example:hats", "", False),
        ("EQ_ILMD_example:variety", "Queen", True),
        ("EQ_ILMD_cbvmda:countryOfOrigin", "VN", True),
        ("EQ_INNER_ILMD_example:ph", "5.5", True),
        ("EQ_ILMD_example:ph", "5.5", False),
        ("EXISTS_INNER_ILMD_example:ph", "", True),
        ("EQ_readPoint_example:zone", "B", True),
        ("EQ_bizLocation_example:zone", "B", False),
        ("EQ_SENSORREPORT_example:raw", "7", True),
        ("GT_SENSORREPORT_example:raw", "6", False),
        ("EQ_type", "Temperature", True),
        ("GE_minValue_CEL", "18.1", True),
        ("GT_maxValue_FAH", "79.5", True),
        ("GT_maxValue_FAH", "79.52", False),
        ("LE_maxValue_KEL", "299.55", True),
        ("EQ_value_A93", "80", True),
        ("EQ_value_CEL", "80", False),
        ("EQ_deviceID", "https://id.gs1.org/8004/8938500sensor1", True),
        ("EQ_SENSORREPORT_deviceID", "https://id.gs1.org/8004/8938500sensor1", False),
        ("GE_startTime", "2025-03-01T01:00:00Z", True),
        ("EQ_quantity_KGM", "1200", True),
        ("EQ_quantity_TNE", "1.2", True),
        ("GE_quantity_LTR", "1", False),
        ("EQ_quantity", "1200", False),
        ("EQ_readPoint", "https://example.com/x/414/8938500000003", True),
        ("EQ_bizLocation", "https://id.gs1.org/414/8938500000003", False),
        ("WD_bizLocation", "urn:epc:id:sgln:8938500.00000.0", True),
        ("WD_readPoint", "https://id.gs1.org/414/893850000000", False),
        ("MATCH_epcClass", "urn:epc:idpat:sgtin:8938500.*.*", True),
        ("MATCH_epcClass", "urn:epc:idpat:sgtin:8938501.*.*", False),
        ("EQATTR_readPoint_name", "Vườn dứa", True),
        ("HASATTR_epcClass", "cbvmda:descriptionShort", True),
    ],
)
def test_by_hand(name: str, value: str, yes: bool) -> None:
    read_event(TRIP)
    said = answers(TRIP, frozenset(), parse_query([(name, value)], EXTENSIONS), Registered())
    assert said is yes


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("EQ_unknown:a", "1", "epcis.query-prefix"),
        ("EXISTS_ILMD_unknown:a", "", "epcis.query-prefix"),
        ("EQATTR_readPoint_unknown:a", "1", "epcis.query-prefix"),
        ("GE_example:a", "much", "epcis.query-value"),
        ("GE_example:a", "1,2", "epcis.query-value"),
        ("EXISTS_example:a", "no", "epcis.query-value"),
        ("GE_value", "1", "epcis.query-value"),
        ("GE_value_CEL", "warm", "epcis.query-value"),
        ("EQ_type", "Heat", "epcis.query-value"),
        ("EQ_deviceID", "sensor 1", "epcis.query-value"),
        ("EQ_hexBinaryValue", "xyz", "epcis.query-value"),
        ("EQ_booleanValue", "yes", "epcis.query-value"),
        ("GE_time", "noon", "epcis.query-value"),
        ("GE_time", "2025-03-01T08:00:00", "epcis.query-value"),
        ("GE_deviceID", "urn:x:y", "epcis.query-parameter"),
        ("EXISTS_deviceID", "", "epcis.query-parameter"),
        ("EQ_SENSORREPORT_startTime", "2025-03-01T08:00:00Z", "epcis.query-parameter"),
        ("EQ_percRank_CEL", "1", "epcis.query-parameter"),
        ("EQ_userID", "1", "epcis.query-parameter"),
        ("HASATTR_bizStep", "name", "epcis.query-unsupported"),
        ("EQATTR_source_name", "x", "epcis.query-unsupported"),
        ("EQATTR_readPoint", "x", "epcis.query-unsupported"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:*.000001.*", "epcis.query-value"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:8938500.*", "epcis.query-value"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:89.*.*", "epcis.query-value"),
        ("MATCH_epc", "urn:epc:idpat:unknown:8938500.*", "epcis.query-value"),
        ("MATCH_epc", "urn:epc:idpat:giai:8938500.1.*", "epcis.query-value"),
        ("MATCH_epc", "urn:epc:idpat:grai:8938500.1.*", "epcis.query-value"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:8938500.0001.*", "gs1.urn"),
        ("EQ_example:a", ",".join(["x"] * (MAX_VALUES + 1)), "epcis.query-value"),
    ],
)
def test_what_cannot_be_asked_says_why(name: str, value: str, rule: str) -> None:
    with pytest.raises(FormatError) as refused:
        parse_query([(name, value)], EXTENSIONS)
    assert refused.value.rule == rule
    assert refused.value.detail.isascii()


def test_how_many_parameters_a_query_has() -> None:
    many = [(f"EQ_example:a{number}", "1") for number in range(MAX_PARAMETERS)]
    assert len(parse_query(many, EXTENSIONS).conditions) == MAX_PARAMETERS
    with pytest.raises(FormatError) as refused:
        parse_query([*many, ("EQ_example:b", "1")], EXTENSIONS)
    assert refused.value.rule == "epcis.query-value"


@pytest.mark.parametrize(
    "header",
    [
        "example",
        "=https://a.example/",
        "e=a b",
        "cbv=https://evil.example/",
        "a=https://a/,a=https://b/",
        ",",
        "é=https://a/",
    ],
)
def test_extensions_that_say_nothing(header: str) -> None:
    with pytest.raises(FormatError) as refused:
        read_extensions(header)
    assert refused.value.rule == "epcis.query-prefix"


def test_names_for_the_next_page_need_no_header() -> None:
    for name in ("EQ_example:a", "GE_INNER_ILMD_example:a", "EXISTS_SENSORREPORT_example:a"):
        whole = name_written_out(name, EXTENSIONS)
        assert whole == name.replace("example:", clerk.NAMESPACE)
        assert parse_query([(whole, "")] if "EXISTS" in name else [(whole, "1")]) == parse_query(
            [(name, "")] if "EXISTS" in name else [(name, "1")], EXTENSIONS
        )
    assert name_written_out("EQ_bizStep", EXTENSIONS) == "EQ_bizStep"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"@context": [7], "readPoint": "x", "bizLocation": {"id": 7}},
        {
            "quantityList": {"epcClass": 7},
            "epcList": 7,
            "sensorElementList": [7, {"sensorReport": 7, "sensorMetadata": []}],
        },
        {
            "ilmd": [],
            "errorDeclaration": 7,
            "persistentDisposition": {"set": 7},
            "bizTransactionList": [7, {"type": 7}],
        },
        {"epcList": ["https://id.gs1.org/01/08938500000011"], "bizStep": ["x"], "transformationID": {}},
        {
            "sensorElementList": [
                {"sensorReport": [{"value": "7", "uom": 7, "time": 7, "hexBinaryValue": {}, "type": []}]}
            ]
        },
        {"quantityList": [{"epcClass": gtin_lot(), "quantity": "7", "uom": ["KGM"]}]},
    ],
)
def test_what_is_no_event_answers_nothing_and_breaks_nothing(event: Json) -> None:
    asked = [
        ("EQ_readPoint", "urn:x:y"),
        ("WD_bizLocation", "urn:x:y"),
        ("MATCH_any", gtin_lot(lot="OTHER")),
        ("EQ_quantity_KGM", "7"),
        ("EQ_ILMD_example:a", "1"),
        ("EXISTS_ERROR_DECLARATION_example:a", ""),
        ("EQ_persistentDisposition_set", "active"),
        ("EQ_bizTransaction_po", "urn:x:y"),
        ("EQ_transformationID", "urn:x:y"),
        ("GE_value_CEL", "1"),
        ("GE_time", "2025-03-01T08:00:00Z"),
        ("EQ_type", "Mass"),
        ("EQ_hexBinaryValue", "7"),
        ("HASATTR_epcClass", "name"),
    ]
    for one in asked:
        assert answers(event, frozenset(), parse_query([one], EXTENSIONS), Registered()) is False


def test_amounts_across_units_are_exact() -> None:
    def same(one: tuple[str, str], other: tuple[str, str]) -> bool:
        return measured(Decimal(one[0]), one[1]) == measured(Decimal(other[0]), other[1])

    assert same(("0", "CEL"), ("32", "FAH"))
    assert same(("-40", "CEL"), ("-40", "FAH"))
    assert same(("1", "LBR"), ("0.45359237", "KGM"))
    assert same(("1", "DZN"), ("12", ""))
    assert not same(("1", "KGM"), ("1", "LTR"))


def test_an_item_in_whatever_form() -> None:
    expand: Callable[[str], str] = expander({"@context": CONTEXTS})
    for thing, forms in clerk.WRITINGS.items():
        if thing in clerk.ITEMS:
            assert len({named(expand(one)) for one in forms}) == 1, thing
