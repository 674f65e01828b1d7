"""The page reads the events that the library reads, and no others: by shared vectors, and over random broken events."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.epcis.reading import parse
from ledger.errors import FormatError
from tests.browser.conftest import Site
from tests.field import CONTEXTS, object_event
from tests.test_epcis_event_hash import events
from tests.test_epcis_reading import JUNK, REFUSED, VECTORS

Json = dict[str, Any]

_READ = """async (texts) => {
  const { parseEvent } = await import("/static/js/epcis/reading.js");
  const { readEvent } = await import("/static/js/trace/happened.js");
  return texts.map((text) => {
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const said = readEvent(bytes);
    const named = said && [...said.items, ...said.inputs, ...said.outputs].map((one) => one.item);
    const items = said && [...new Set(named.concat(said.parent || []))].sort();
    try {
      parseEvent(bytes);
      return { rule: "", items, timeMs: said && said.timeMs };
    } catch (error) {
      return { rule: error.rule ?? String(error), items, timeMs: null };
    }
  });
}"""


@pytest.fixture(scope="module")
def page(chromium: Any, site: Site) -> Iterator[Any]:  # noqa: ANN401  playwright's own
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/truy-xuat")
    yield page
    context.close()


def in_library(data: bytes) -> Json:
    """What the library says of an event's bytes, as the page says it."""
    try:
        event = parse(data)
    except FormatError as error:
        return {"rule": error.rule, "items": None, "timeMs": None}
    return {"rule": "", "items": list(event.things), "timeMs": event.event_time_ms}


def in_page(page: Any, several: list[bytes]) -> list[Json]:  # noqa: ANN401
    found: list[Json] = page.evaluate(_READ, [data.decode("latin-1") for data in several])
    return found


def test_the_page_reads_what_the_vectors_say(page: Any) -> None:  # noqa: ANN401
    several = [one["text"].encode("utf-8", "surrogatepass") for one in VECTORS]
    for vector, said in zip(VECTORS, in_page(page, several), strict=True):
        assert said["rule"] == vector["rule"], vector["desc"]
        assert (said["items"] is None) == bool(vector["rule"]), vector["desc"]


def test_the_page_refuses_what_the_library_refuses(page: Any) -> None:  # noqa: ANN401
    several = [json.dumps(object_event(**members)).encode() for members, _, _ in REFUSED]
    for data, said, (members, _, _) in zip(several, in_page(page, several), REFUSED, strict=True):
        # How a lot or a number is wrong, the page says in fewer words.
        assert said["rule"] == in_library(data)["rule"] or said["rule"].startswith("gs1."), members
        assert said["items"] is None


EDGES = st.sampled_from(
    [
        "https://id.gs1.org/01/08938500000010/10/A%2FB/21/7",
        "https://x.example/01/08938500000010/21/7/10/A",
        "https://x.example/a/8938500000010/01/08938500000010?x",
        "https://x.example/01/8938500000010/22/V",
        "https://x.example/01/08938500000011",
        "HTTPS://X.example/GTIN/08938500000010",
        "https://x.example/00/089385000000000010/",
        "https://x.example/00/089385000000000011",
        "https://x.example/code/coop/tea/10/T%2F1",
        "https://x.example/code/Coop/tea",
        "https://x.example/414/8938500000004",
        "urn:epc:id:sgtin:893850.0000001.A%2F1",
        "urn:epc:id:sgtin:893850.0000001.%C3%A9",
        "URN:EPC:ID:SGTIN:893850.0000001.1",
        "urn:epc:idpat:sgtin:893850.0000001.*",
        "urn:epc:id:sscc:8938500.0000000001",
        "urn:epc:id:giai:8938500.1",
        "example:a",
        "gs1://x",
        "cbv:BizStep-shipping",
        "cbv:Disp-active",
        "shipping",
        "2025-02-30T00:00:00Z",
        "2024-02-29T23:59:59.9999999Z",
        "0099-01-01T00:00:00Z",
        "2025-03-01T08:00:00-14:01",
        0.1234567890123456,
        1e15,
        1e-7,
        9007199254740993,
        "\u0085",
        "\ufeff",
    ]
)


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """An event in which something is gone, something else, or too much, as JSON."""
    # A copy of all that is put in, too: what is broken here is nobody else's.
    value: Any = copy.deepcopy({"@context": CONTEXTS} | draw(events()))
    for _ in range(draw(st.integers(0, 2))):
        holder: Any = value
        name: Any = draw(st.sampled_from(sorted(holder)))
        while isinstance(holder[name], dict | list) and holder[name] and draw(st.booleans()):
            holder = holder[name]
            name = draw(
                st.sampled_from(sorted(holder) if isinstance(holder, dict) else list(range(len(holder))))
            )
        change = draw(st.sampled_from(["drop", "junk", "edge", "edge", "add"]))
        if change == "drop":
            del holder[name]
        elif change in ("junk", "edge"):
            holder[name] = copy.deepcopy(draw(JUNK if change == "junk" else EDGES))
        elif isinstance(holder, dict):
            names = [
                "x",
                "example:x",
                "urn:x:y",
                "http:",
                "action",
                "ilmd",
                "epcList",
                "parentID",
                "__proto__",
            ]
            holder[draw(st.sampled_from(names))] = copy.deepcopy(draw(JUNK | EDGES))
        if not value:
            break
    return json.dumps(value, ensure_ascii=draw(st.booleans()), default=float).encode("utf-8", "surrogatepass")


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(several=st.lists(broken(), min_size=20, max_size=40))
def test_random_events_are_read_by_both_or_by_neither(page: Any, several: list[bytes]) -> None:  # noqa: ANN401
    for data, said in zip(several, in_page(page, several), strict=True):
        wanted = in_library(data)
        # Where several things are wrong, which is told first is each program's own affair.
        assert bool(said["rule"]) == bool(wanted["rule"]), (data, said, wanted)
        assert (said["items"], said["timeMs"]) == (wanted["items"], wanted["timeMs"]), data
