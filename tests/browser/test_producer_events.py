"""Events made in the browser are those that the library reads: the same bytes, hash, things and record, over many of them."""

from __future__ import annotations

import base64
import json
import re
import string
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.pages import words
from ledger.entry import encode_record
from ledger.epcis.event_hash import event_hash, pre_hash
from ledger.epcis.hiding import disclose
from ledger.epcis.json_text import canonical, parse_object
from ledger.epcis.reading import parse
from ledger.epcis.record import body as record_body
from ledger.epcis.record import error_body, prepare
from ledger.epcis.share import Share
from ledger.errors import FormatError
from ledger.gs1 import CHARACTER_SET_82, CODE_ALPHABET, Item, check_digit, item_of_epc, parse_link, sscc
from ledger.records import parse_record
from ledger.records.base import octets
from tests.browser.conftest import Site

MEMBER = "htx-dua"
HOST = "https://so-goc.phuson.example"
OFFSET_MS = 7 * 3_600_000

_MADE = """async (cases) => {
  const from = (name) => import(`/static/${name}.js`);
  const { eventOf } = await from("js/epcis/templates");
  const { errorOf, recordOf, thingsOf } = await from("js/epcis/record");
  const { canonicalText } = await from("js/epcis/jcs");
  const { preHash } = await from("js/epcis/event_hash");
  const { toBase64 } = await from("verify/index");
  return Promise.all(cases.map(async ({ template, facts, host }) => {
    const event = eventOf(template, facts, host);
    const record = await recordOf(event);
    const error = await errorOf(event, "incorrect_data", facts.timeMs + 1000);
    return {
      text: canonicalText(event), pre: preHash(event), things: thingsOf(event),
      kind: record.kind, step: record.step, time: record.time_ms,
      bytes: toBase64(record.event), hash: toBase64(record.event_hash),
      error: [toBase64(error.event), toBase64(error.event_hash), error.things, error.time_ms],
    };
  }));
}"""


@pytest.fixture(scope="module")
def page(chromium: Any, site: Site) -> Iterator[Any]:  # noqa: ANN401  playwright's own
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/san-xuat")
    yield page
    context.close()


def gtins() -> st.SearchStrategy[str]:
    return st.text(string.digits, min_size=13, max_size=13).map(lambda digits: digits + check_digit(digits))


def lots() -> st.SearchStrategy[str]:
    letters = "".join(sorted(CHARACTER_SET_82))
    return st.text(letters, min_size=1, max_size=20).filter(lambda lot: lot not in {".", ".."})


def codes() -> st.SearchStrategy[str]:
    letters = "".join(sorted(CODE_ALPHABET))
    return st.text(letters, min_size=1, max_size=30).filter(lambda code: code not in {".", ".."})


def lot_paths() -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda gtin, lot: Item(gtin=gtin, lot=lot).path, gtins(), lots()),
        st.builds(lambda code, lot: Item(member=MEMBER, code=code, lot=lot).path, codes(), lots()),
    )


def carriers() -> st.SearchStrategy[str]:
    return st.text(string.digits, min_size=17, max_size=17).map(
        lambda digits: "00/" + digits + check_digit(digits)
    )


def parts() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "path": lot_paths(),
            "amount": st.integers(1, 10**12).map(lambda thousandths: thousandths / 1000),
            "unit": st.sampled_from(["KGM", "GRM", "TNE", "LTR", "MLT", "H87"]),
        }
    )


def places() -> st.SearchStrategy[str | None]:
    glns = st.text(string.digits, min_size=12, max_size=12).map(
        lambda digits: f"https://id.gs1.org/414/{digits}{check_digit(digits)}"
    )
    return st.one_of(st.none(), glns, codes().map(lambda code: f"urn:sogoc:place:{MEMBER}:{code}"))


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    template = draw(st.sampled_from(["harvest", "process", "pack", "unpack", "ship", "receive", "sell"]))
    by_carrier = template in {"ship", "receive", "unpack"} and draw(st.booleans())
    facts: dict[str, Any] = {
        "timeMs": draw(st.integers(0, 4_102_444_800_000)),
        "place": draw(places()),
        "parts": [] if by_carrier else draw(st.lists(parts(), min_size=1, max_size=4)),
    }
    if template in {"pack", "unpack"} or by_carrier:
        facts["unit"] = draw(carriers())
    if template == "process":
        facts["made"] = draw(st.lists(parts(), min_size=1, max_size=3))
    return {"template": template, "facts": facts, "host": HOST}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(several=st.lists(cases(), min_size=20, max_size=40))
def test_events_of_templates_are_what_the_library_makes_of_them(
    page: Any,  # noqa: ANN401
    several: list[dict[str, Any]],
) -> None:
    for case, made in zip(several, page.evaluate(_MADE, several), strict=True):
        data = base64.b64decode(made["bytes"])
        assert data == made["text"].encode()
        event = parse_object(data, max_bytes=100_000)
        assert canonical(event) == data
        assert made["pre"] == pre_hash(event)
        assert base64.b64decode(made["hash"]) == event_hash(event)
        wanted = record_body(MEMBER, event)
        read = parse(data)
        assert made["things"] == list(read.things) == wanted["things"]
        assert (made["kind"], made["step"], made["time"]) == (
            wanted["kind"],
            wanted["step"],
            case["facts"]["timeMs"],
        )
        assert wanted["event"] == data
        data, digest, things, time_ms = made["error"]
        declared = parse_object(base64.b64decode(data), max_bytes=100_000)
        assert error_body(MEMBER, declared) == {
            "authority": MEMBER,
            "event": base64.b64decode(data),
            "event_hash": base64.b64decode(digest),
            "things": things,
            "time_ms": time_ms,
        }
        # What stands in the event is what was asked for: lots, amounts, carrier.
        facts = case["facts"]
        asked = {part["path"] for part in [*facts["parts"], *facts.get("made", [])]}
        asked |= {facts["unit"]} if "unit" in facts else set()
        assert set(read.things) == asked
        lists = (read.quantities, read.child_quantities, read.input_quantities, read.output_quantities)
        amounts = sorted(Decimal(str(part["amount"])) for part in [*facts["parts"], *facts.get("made", [])])
        assert sorted(one.amount for each in lists for one in each if one.amount is not None) == amounts
        assert parse_record(encode_record("epcis.event/1", wanted)).body == wanted


_HIDDEN = """async ({ cases, secret, receipt }) => {
  const from = (name) => import(`/static/${name}.js`);
  const { eventOf } = await from("js/epcis/templates");
  const { hiddenErrorOf, hiddenRecordOf, shareOf } = await from("js/epcis/hiding");
  const { canonical } = await from("js/epcis/jcs");
  const { preHash } = await from("js/epcis/event_hash");
  const { fromBase64, toBase64 } = await from("verify/index");
  return Promise.all(cases.map(async ({ template, facts, host, pointers }) => {
    const event = eventOf(template, facts, host);
    const { body, salt, tag } = await hiddenRecordOf(event, pointers, fromBase64(secret));
    const error = await hiddenErrorOf(event, pointers, tag, "incorrect_data", facts.timeMs + 1000);
    const written = (value) => (value instanceof Uint8Array ? { base64: toBase64(value) } : value);
  const plain = (fields) => Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, written(value)]));
    return {
      whole: toBase64(canonical(event)), pre: preHash(event), body: plain(body), error: plain(error), salt: toBase64(salt),
      share: toBase64(await shareOf(receipt, event, pointers, salt, pointers.slice(-1))),
    };
  }));
}"""


def texts() -> st.SearchStrategy[str]:
    """What people type, and what looks like a number, a word of the standard's or a label."""
    odd = [
        "28000",
        "028.50",
        "1e3",
        "-5",
        "0,5",
        ".5",
        "00",
        "9" * 20,
        "1E-9",
        "a:b",
        "https://x.example/01/1",
        "gs1 x",
    ]
    odd += [f"https://x.example/01/08938500000027/10/A?b={number}" for number in range(2)]
    return st.one_of(
        st.sampled_from(odd),
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
        .map(lambda text: unicodedata.normalize("NFC", text.strip()))
        .filter(lambda text: bool(text) and not re.match(r"^[A-Za-z_]+:", text)),
    )


@st.composite
def hidden_cases(draw: st.DrawFn) -> dict[str, Any]:
    case = draw(cases())
    told = draw(st.dictionaries(st.sampled_from(["buyer", "price", "invoice", "plot"]), texts(), min_size=1))
    pointers = sorted(f"/sogoc:{name}" for name in told)
    if case["facts"]["place"] is not None and draw(st.booleans()):
        pointers = ["/readPoint", *pointers]
    return case | {"facts": case["facts"] | {"told": told}, "pointers": pointers}


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(several=st.lists(hidden_cases(), min_size=10, max_size=25), secret=st.binary(min_size=32, max_size=32))
def test_hidden_parts_are_what_the_library_makes_of_them(
    page: Any,  # noqa: ANN401
    several: list[dict[str, Any]],
    secret: bytes,
) -> None:
    """The same record, error declaration, salt and share, byte by byte: what one of them hides, the other shows."""
    asked = {"cases": several, "secret": base64.b64encode(secret).decode(), "receipt": "a receipt"}
    for case, made in zip(several, page.evaluate(_HIDDEN, asked), strict=True):
        whole = parse_object(base64.b64decode(made["whole"]), max_bytes=100_000)
        assert made["pre"] == pre_hash(whole)
        wanted = prepare(MEMBER, whole, hide_parts=case["pointers"], secret=secret)
        assert _read_back(made["body"]) | {"authority": MEMBER} == wanted.body
        assert base64.b64decode(made["salt"]) == wanted.salt
        declared = whole | {
            "errorDeclaration": parse_object(_read_back(made["error"])["event"], max_bytes=100_000)[
                "errorDeclaration"
            ]
        }
        error = error_body(MEMBER, declared, hide_parts=case["pointers"], secret=secret)
        assert _read_back(made["error"]) | {"authority": MEMBER} == error
        assert wanted.salt is not None
        shown = disclose(wanted.hidden, wanted.salt, case["pointers"][-1:])
        assert base64.b64decode(made["share"]) == Share("a receipt", shown).encoded()
        for text in case["facts"]["told"].values():
            # Nothing of what is hidden stands in what is recorded; short texts may by accident.
            assert len(text) < 8 or json.dumps(text, ensure_ascii=False).encode() not in octets(
                wanted.body, "event"
            )


def _read_back(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64decode(value["base64"]) if isinstance(value, dict) else value
        for name, value in fields.items()
    }


def test_what_an_event_is_found_by_cannot_be_hidden(page: Any) -> None:  # noqa: ANN401
    said = page.evaluate(
        """async () => {
          const { publicOf } = await import("/static/js/epcis/hiding.js");
          const event = { type: "ObjectEvent", eventTime: "2026-11-22T08:00:00.000+07:00", epcList: [], readPoint: {} };
          return [["/readPoint"], ["/type"], ["/eventTime"], ["/epcList"], ["/there-is-none"]].map((pointers) => {
            try {
              return Object.keys(publicOf(event, pointers)).length;
            } catch (error) {
              return error.rule;
            }
          });
        }"""
    )
    assert said == [3, *["epcis.hide-item"] * 4]


def test_a_member_that_the_hash_does_not_know_is_refused(page: Any) -> None:  # noqa: ANN401
    """A hash that leaves something out would be another event's."""
    said = page.evaluate(
        """async () => {
          const { preHash } = await import("/static/js/epcis/event_hash.js");
          const event = {
            type: "ObjectEvent", eventTime: "2026-11-22T08:00:00.000+07:00", eventTimeZoneOffset: "+07:00", action: "OBSERVE",
          };
          const tries = [
            { ilmd: {} },
            { readPoint: { id: "https://x.example/a", name: "b" } },
            { quantityList: [{ epcClass: "https://x.example", quantity: 1e15 }] },
          ];
          const tried = tries.map((more) => {
            try {
              return preHash({ ...event, ...more });
            } catch (error) {
              return error.rule;
            }
          });
          return [preHash(event).length > 0, ...tried];
        }"""
    )
    assert said == [True, "epcis.member", "epcis.member", "epcis.number"]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    links=st.lists(
        st.one_of(
            st.builds(lambda path: f"{HOST}/{path}", st.one_of(lot_paths(), carriers())),
            st.builds(
                lambda gtin, lot, serial: (
                    f"http://x.example/a/{Item(gtin=gtin, lot=lot).path}/21/{serial}?a=b#c"
                ),
                gtins(),
                lots(),
                st.text(string.digits, min_size=1, max_size=20),
            ),
            st.text(max_size=80).map(lambda tail: f"https://x.example/01/{tail}"),
        ),
        min_size=20,
        max_size=40,
    )
)
def test_labels_are_read_as_the_library_reads_them(page: Any, links: list[str]) -> None:  # noqa: ANN401
    links = [link for link in links if link.encode("utf-8", "replace").decode() == link and link.isascii()]
    found = page.evaluate(
        """async (links) => {
          const { pathOfUri } = await import("/static/js/epcis/gs1.js");
          return links.map((link) => { try { return pathOfUri(link); } catch (error) { return null; } });
        }""",
        links,
    )
    for link, path in zip(links, found, strict=True):
        try:
            wanted = item_of_epc(link).path
        except FormatError:
            wanted = None
        if path is not None or wanted is None:
            assert path == wanted, link
        else:
            # The browser reads fewer forms than the library (variants), and never another thing.
            assert "/22/" in parse_link(link).item.path or "/22/" in link or "%" in link, link


def test_the_next_carrier_s_number(page: Any) -> None:  # noqa: ANN401
    numbers = ["089385000000000010", "089385000000009991"]
    numbers = [digits[:17] + check_digit(digits[:17]) for digits in numbers]
    last = "0893850000000" + "9999"
    found = page.evaluate(
        """async (all) => {
          const { nextSscc } = await import("/static/js/epcis/gs1.js");
          return all.map((one) => nextSscc(one));
        }""",
        [*numbers, last + check_digit(last)],
    )
    for before, after in zip(numbers, found[:-1], strict=True):
        assert sscc(after)
        assert int(after[:17]) == int(before[:17]) + 1
    assert found[-1] is None


def test_amounts_are_read_as_people_here_write_them(page: Any) -> None:  # noqa: ANN401
    typed: dict[str, int | None] = {
        "1.200": 1_200_000,
        "1200": 1_200_000,
        "1.200,5": 1_200_500,
        "0,5": 500,
        "1.5": 1_500,
        "1,25": 1_250,
        "12.345.678": 12_345_678_000,
        " 1 200 ": 1_200_000,
    }
    typed |= dict.fromkeys(["0", "", "-5", "1e3", "1,2,3", "1.2345", "12345678901", "một"])
    found = page.evaluate(
        """async (all) => {
          const { readAmount } = await import("/static/js/producer/amounts.js");
          return all.map((one) => readAmount(one));
        }""",
        list(typed),
    )
    assert dict(zip(typed, found, strict=True)) == typed


def test_all_words_are_there() -> None:
    table = json.loads((words.FOLDER / "producer.json").read_text("utf-8"))
    assert all(len(both) == 2 and all(both) for both in table.values())
