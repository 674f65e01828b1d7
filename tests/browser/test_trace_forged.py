"""A server that lies about goods, in every way that it can: never "registered", no recall hidden, and an outage is no lie."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ledger.encoding import Value, decode, encode
from ledger.origin.graph import Limits
from node.origin import proof_of
from tests.browser.conftest import Site, Visit
from tests.browser.market import market
from tests.browser.test_forged import flipped
from tests.browser.test_trace import verdict
from tests.orchard import CARTON, DRIED, FRESH

MSGPACK = "application/msgpack"
TRACE = "**/v1/trace/**"
HISTORY = "**/v1/subjects/thing/**"
Forge = Callable[[list[Any], Site], None]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with market(tmp_path_factory.mktemp("market")) as made:
        yield made


def proven(site: Site, item: str) -> bytes:
    return proof_of(site.node.final, item, "back", Limits(depth=16)).encoded()


def reworked(data: bytes, change: Callable[[list[Any]], None]) -> bytes:
    value = decode(data, max_bytes=64_000_000)
    assert isinstance(value, list)
    change(value)
    return encode(value)


def history(proof: list[Any], item: str) -> int:
    """Where a thing's history stands in a proof."""
    for at, parts in enumerate(proof[4]):
        part = decode(parts[0], max_bytes=8_000_000)
        assert isinstance(part, list)
        if part[1] == ["thing", "*", item]:
            return at
    raise AssertionError(item)


def in_part(proof: list[Any], item: str, change: Callable[[list[Any]], None]) -> None:
    parts = proof[4][history(proof, item)]
    parts[-1] = reworked(parts[-1], change)


def in_answer(proof: list[Any], change: Callable[[dict[str, Any]], None]) -> None:
    answer = json.loads(proof[5])
    change(answer)
    proof[5] = json.dumps(answer, ensure_ascii=False).encode()


# -- forgeries ---------------------------------------------------------------------------------------------------------


def record_left_out(proof: list[Any], _: Site) -> None:
    in_part(proof, FRESH, lambda part: part[6].pop(1))


def newest_left_out(proof: list[Any], _: Site) -> None:
    in_part(proof, FRESH, lambda part: part[6].pop())


def order_changed(proof: list[Any], _: Site) -> None:
    in_part(proof, FRESH, lambda part: part[6].reverse())


def event_changed(proof: list[Any], _: Site) -> None:
    def change(part: list[Any]) -> None:
        record = part[6][1][3][0][3][0]
        body = decode(record[0])
        assert isinstance(body, list)
        assert isinstance(body[1], dict)
        event = body[1]["event"]
        assert isinstance(event, bytes)
        body[1]["event"] = event.replace(b"1200", b"9200", 1)
        assert body[1]["event"] != event
        record[0] = encode(body)

    in_part(proof, FRESH, change)


def signature_changed(proof: list[Any], _: Site) -> None:
    def change(part: list[Any]) -> None:
        entry = part[6][1][3][0]
        leaf = decode(entry[0])
        assert isinstance(leaf, list)
        assert isinstance(leaf[2], bytes)
        leaf[2] = flipped(leaf[2], 40)
        entry[0] = encode(leaf)

    in_part(proof, FRESH, change)


def another_lot(proof: list[Any], site: Site) -> None:
    other = decode(proven(site, DRIED), max_bytes=64_000_000)
    assert isinstance(other, list)
    proof[:] = other


def another_lot_renamed(proof: list[Any], site: Site) -> None:
    another_lot(proof, site)
    proof[1] = FRESH
    proof[4] = [parts for at, parts in enumerate(proof[4]) if at != history(proof, FRESH)]


def another_lots_history(proof: list[Any], site: Site) -> None:
    other: list[Any] = []
    another_lot(other, site)
    proof[4][history(proof, FRESH)] = other[4][history(other, DRIED)]


def wrong_checkpoint(proof: list[Any], _: Site) -> None:
    def change(part: list[Any]) -> None:
        lines = part[2].split("\n")
        lines[2] = "A" * 42 + "A="
        part[2] = "\n".join(lines)

    in_part(proof, FRESH, change)


def state_changed(proof: list[Any], _: Site) -> None:
    def change(part: list[Any]) -> None:
        part[3][0] = flipped(part[3][0], len(part[3][0]) - 40)

    in_part(proof, FRESH, change)


def no_history(proof: list[Any], _: Site) -> None:
    proof[4] = []


def fewer_layers(proof: list[Any], _: Site) -> None:
    proof[3][0] = 0


def event_made_up(proof: list[Any], _: Site) -> None:
    in_answer(proof, lambda answer: answer["trace"]["links"][0].update(event="ab" * 32))


def recall_made_up(proof: list[Any], _: Site) -> None:
    in_answer(proof, lambda answer: answer["trace"]["nodes"][0].update(status="recalled"))


FORGERIES: dict[str, tuple[Forge, str, str]] = {
    "a record left out": (record_left_out, "bad", "history."),
    "the newest record left out": (newest_left_out, "bad", "history.count"),
    "another order": (order_changed, "bad", "history."),
    "an event changed": (event_changed, "bad", ""),
    "a signature changed": (signature_changed, "bad", ""),
    "another lot's proof": (another_lot, "bad", "trace.item"),
    "another lot's proof under this name": (another_lot_renamed, "bad", "trace.history-missing"),
    "another lot's history": (another_lots_history, "bad", "trace.history-missing"),
    "a wrong checkpoint": (wrong_checkpoint, "bad", ""),
    "the state changed": (state_changed, "bad", ""),
    "fewer layers than asked": (fewer_layers, "bad", "trace.asked"),
    "an event made up": (event_made_up, "bad", "trace.answer"),
    "a recall made up": (recall_made_up, "bad", "trace.answer"),
    "no history at all": (no_history, "bad", "trace.history-missing"),
}


def serve(visit: Visit, data: bytes) -> None:
    """The trace in words as it is, and this instead of its proof."""

    def answer(route: Any) -> None:  # noqa: ANN401
        if MSGPACK in route.request.headers.get("accept", ""):
            route.fulfill(body=data, content_type=MSGPACK)
        else:
            route.continue_()

    visit.page.route(TRACE, answer)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_proof(visit: Visit, site: Site, name: str) -> None:
    forge, expected, rule = FORGERIES[name]
    serve(visit, reworked(proven(site, FRESH), lambda value: forge(value, site)))
    visit.open(f"/{FRESH}")
    assert verdict(visit) == expected
    assert str(visit.page.locator("[data-verdict]").get_attribute("data-rule")).startswith(rule)
    # Nothing that was not proven is shown as history.
    assert visit.page.locator("#history, #proven").count() == 0
    assert "không nói gì về hàng hóa" in visit.text()


@pytest.mark.parametrize(
    "data", [b"", b"<html>502 Bad Gateway</html>", b"\x96", encode([2, "x"]), encode([1, 2, 3])]
)
def test_what_cannot_be_read_is_no_lie(visit: Visit, data: bytes) -> None:
    serve(visit, data)
    visit.open(f"/{FRESH}")
    assert verdict(visit) == "unknown"


@pytest.mark.parametrize("how", ["too few cosignatures", "another ledger"])
def test_what_nobody_we_trust_has_signed_is_no_lie(visit: Visit, site: Site, how: str) -> None:
    def other(text: str) -> str:
        return (
            uncosigned(text)
            if how == "too few cosignatures"
            else text.replace("test.example", "evil.example")
        )

    def change(value: list[Any]) -> None:
        for parts in value[4]:
            parts[0] = reworked(parts[0], lambda part: part.__setitem__(2, other(part[2])))

    serve(visit, reworked(proven(site, FRESH), change))
    visit.open(f"/{FRESH}")
    assert verdict(visit) == "unknown"


def uncosigned(text: str) -> str:
    return "\n".join(
        line for line in text.split("\n") if not line.startswith("— test.example/so-goc/validator")
    )


def hide_recall(value: list[Any]) -> None:
    """The answer says that nothing is wrong; the history that shows the recall is not there."""
    value[4] = [parts for at, parts in enumerate(value[4]) if at != history(value, DRIED)]

    def change(answer: dict[str, Any]) -> None:
        for node in answer["trace"]["nodes"]:
            node.update(status="in-force", recall=None)
        answer["findings"] = []

    in_answer(value, change)


def test_a_recall_further_up_cannot_be_hidden(visit: Visit, site: Site) -> None:
    serve(visit, reworked(proven(site, CARTON), hide_recall))
    visit.open(f"/{CARTON}")
    assert verdict(visit) == "recalled-upstream"


def test_a_history_that_is_refused_is_never_good(visit: Visit, site: Site) -> None:
    serve(visit, reworked(proven(site, CARTON), hide_recall))
    visit.page.route(HISTORY, lambda route: route.fulfill(status=404, body='{"code": "subject.unknown"}'))
    visit.open(f"/{CARTON}")
    assert verdict(visit) == "unknown"
    assert visit.page.locator("[data-verdict]").get_attribute("data-rule") == "trace.history-missing"


def test_a_recall_that_the_answer_denies_is_told(visit: Visit, site: Site) -> None:
    def deny(answer: dict[str, Any]) -> None:
        for node in answer["trace"]["nodes"]:
            node.update(status="in-force", recall=None)

    def change(value: list[Any]) -> None:
        in_answer(value, deny)

    serve(visit, reworked(proven(site, DRIED), change))
    visit.open(f"/{DRIED}")
    assert verdict(visit) == "recalled"


def test_a_finding_about_records_nobody_has_seen(visit: Visit, site: Site) -> None:
    made_up: dict[str, Value] = {
        "rule": "label.cloned", "severity": "serious", "items": [FRESH], "records": ["cd" * 32], "figures": {},
        "vi": "Tem bị chép ở hai nơi.", "en": "The label was copied.",
    }  # fmt: skip

    def change(value: list[Any]) -> None:
        in_answer(value, lambda answer: answer["findings"].append(made_up))

    serve(visit, reworked(proven(site, FRESH), change))
    visit.open(f"/{FRESH}")
    assert verdict(visit) == "registered"
    assert "chưa thấy" in visit.page.locator("[data-rule='label.cloned']").inner_text()
    assert visit.page.locator("[data-proven=no]").count() == 1


def test_an_older_ledger_than_was_seen(visit: Visit, site: Site) -> None:
    """A server that goes back to before a recall is not believed by a phone that saw more."""
    visit.open(f"/{FRESH}")
    assert verdict(visit) == "registered"
    visit.page.evaluate(
        """() => {
          const seen = JSON.parse(localStorage.getItem("sogoc.seen"));
          for (const one of Object.values(seen)) one.size = String(BigInt(one.size) + 100n);
          localStorage.setItem("sogoc.seen", JSON.stringify(seen));
        }"""
    )
    visit.open(f"/{FRESH}")
    assert verdict(visit) == "unknown"
    assert visit.page.locator("[data-verdict]").get_attribute("data-rule") == "trace.stale"


def test_a_server_that_hides_a_recall_in_words_only(visit: Visit) -> None:
    def hide(route: Any) -> None:  # noqa: ANN401
        if MSGPACK in route.request.headers.get("accept", ""):
            route.continue_()
            return
        answer = route.fetch()
        value = answer.json()
        for node in value["nodes"]:
            node.update(status="in-force", recall=None)
        route.fulfill(json=value)

    visit.page.route(TRACE, hide)
    visit.open(f"/{DRIED}")
    assert verdict(visit) == "recalled"
