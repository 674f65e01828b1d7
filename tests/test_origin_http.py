"""Traces and findings over HTTP: of the example lot on a running node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from api.http.app import create_app
from api.http.routers.findings import FindingsAnswer, FindingsPage
from api.http.routers.trace import TraceAnswer
from api.wire import MSGPACK
from ledger.origin.proof import check
from node.service import Node, clock_ms
from tests import orchard
from tests.chains import key
from tests.orchard import CARTON, COOP, DRIED, FRESH, SHOP, Orchard
from tests.support import put, running_node, sign

KNOWN = ["recall.reaches-sold", "balance.transit-loss", "stock.never-shipped"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("origin"), requests_per_address_per_minute=0) as node:
        yield node


@pytest.fixture(scope="module")
def planted(node: Node) -> Orchard:
    return orchard.plant(node, now_ms=clock_ms())


@pytest.fixture(scope="module")
def http(node: Node, planted: Orchard) -> Iterator[TestClient]:
    with TestClient(create_app(node)) as client:
        yield client


def test_a_trace_in_words(http: TestClient, planted: Orchard) -> None:
    answer = TraceAnswer.model_validate_json(http.get(f"/v1/trace/{DRIED}").content)
    assert [(node.item, node.layer, node.status) for node in answer.nodes] == [
        (FRESH, -1, "in-force"),
        (DRIED, 0, "recalled"),
        (CARTON, 1, "recalled-upstream"),
    ]
    fresh, dried, carton = answer.nodes
    assert dried.product is not None
    assert (dried.product.name, dried.product.authority) == ("Dứa sấy dẻo 200 g", COOP)
    assert dried.recall is not None
    assert dried.recall.own
    assert carton.recall is not None
    assert not carton.recall.own
    assert fresh.quantity is not None
    assert (fresh.quantity["lost"], fresh.quantity["unit"]) == ("5", "KGM")
    assert dried.quantity is not None
    assert (dried.quantity["sold"], dried.quantity["never_shipped"], dried.quantity["left"]) == (
        "18",
        "120",
        "162",
    )
    steps = {link.event: link for link in answer.links}
    made = steps[planted.ids["dried"].hex()]
    assert (made.from_, made.to, made.by_name) == ([FRESH], [DRIED], orchard.NAMES[COOP])
    assert made.place is not None
    assert made.place.name == "Xưởng sấy Phú Sơn"
    packed = steps[planted.ids["packed"].hex()]
    assert (packed.from_, packed.to) == ([DRIED], [CARTON])
    assert not answer.truncated


def test_directions_and_depth(http: TestClient) -> None:
    def items(item: str, **query: object) -> list[str]:
        return [one["item"] for one in http.get(f"/v1/trace/{item}", params=query).json()["nodes"]]

    assert items(DRIED, direction="back") == [FRESH, DRIED]
    assert items(DRIED, direction="forward") == [DRIED, CARTON]
    assert items(FRESH, depth=1) == [FRESH, DRIED]
    assert http.get(f"/v1/trace/{FRESH}", params={"depth": 1}).json()["truncated"]
    assert items(CARTON) == [FRESH, DRIED, CARTON]


def test_an_item_may_be_encoded_again(http: TestClient) -> None:
    assert http.get(f"/v1/trace/{quote(DRIED, safe='')}").json()["item"] == DRIED


def test_nothing_is_known_of_another_lot(http: TestClient) -> None:
    answer = TraceAnswer.model_validate_json(http.get("/v1/trace/01/08938500000010/10/X").content)
    (node,) = answer.nodes
    assert (node.status, node.records, answer.links) == ("unknown", 0, [])


def test_a_wrong_digit_is_said(http: TestClient) -> None:
    response = http.get("/v1/trace/01/08938500000011/10/X")
    assert (response.status_code, response.json()["code"]) == (400, "gs1.check-digit")


def test_findings_of_the_lot(http: TestClient, planted: Orchard) -> None:
    answer = FindingsAnswer.model_validate_json(http.get(f"/v1/findings/{DRIED}").content)
    assert [one.rule for one in answer.findings] == KNOWN
    alone = FindingsAnswer.model_validate_json(
        http.get(f"/v1/findings/{FRESH}", params={"scope": "thing"}).content
    )
    assert [one.rule for one in alone.findings] == ["balance.transit-loss"]
    assert alone.findings[0].records == [
        planted.ids["shipped fresh"].hex(),
        planted.ids["received fresh"].hex(),
    ]


def test_ledger_wide_findings(http: TestClient) -> None:
    def rules(**query: str) -> list[str]:
        page = FindingsPage.model_validate_json(http.get("/v1/findings", params=query).content)
        assert page.next is None
        return sorted(one.rule for one in page.findings)

    assert rules() == sorted(KNOWN)
    assert rules(severity="serious") == ["recall.reaches-sold"]
    assert rules(rule="balance") == ["balance.transit-loss"]
    assert rules(member=SHOP) == ["recall.reaches-sold"]
    assert rules(member="office") == []


def test_ledger_wide_findings_page_by_page(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.http.routers.findings.MAX_LEAVES", 7)
    found: list[str] = []
    query: dict[str, str] = {}
    for _ in range(50):
        page = FindingsPage.model_validate_json(http.get("/v1/findings", params=query).content)
        found += [one.rule for one in page.findings]
        if page.next is None:
            break
        query = {"before": page.next}
    assert sorted(found) == sorted(KNOWN)


@pytest.mark.parametrize("before", ["x", "1", "1-", "-1-0", "99999999999999999-0"])
def test_a_cursor_is_not_made_up(http: TestClient, before: str) -> None:
    response = http.get("/v1/findings", params={"before": before})
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid")


def test_the_proof_over_http(node: Node, http: TestClient) -> None:
    response = http.get(f"/v1/trace/{DRIED}", headers={"accept": MSGPACK})
    checked = check(response.content, node.policy)
    assert [one.rule for one in checked.findings] == KNOWN


@pytest.mark.parametrize(
    ("form", "media_type", "begins"),
    [
        ("steps.csv", "text/csv; charset=utf-8", b"\xef\xbb\xbf"),
        ("steps.json", "application/json", b"{"),
        ("passport.csv", "text/csv; charset=utf-8", b"\xef\xbb\xbf"),
        ("passport.json", "application/json", b"{"),
        ("epcis.jsonld", "application/ld+json", b'{"@context"'),
        ("trace.svg", "image/svg+xml", b"<svg "),
    ],
)
def test_exports(http: TestClient, form: str, media_type: str, begins: bytes) -> None:
    response = http.get(f"/v1/exports/{form}/{DRIED}")
    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    assert response.content.startswith(begins)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert form in response.headers["content-disposition"]


def test_an_export_nobody_knows(http: TestClient) -> None:
    assert http.get(f"/v1/exports/x.csv/{DRIED}").status_code == 422


@pytest.mark.parametrize("form", ["steps.csv", "passport.json", "epcis.jsonld", "trace.svg"])
def test_exports_of_what_nobody_recorded(http: TestClient, form: str) -> None:
    assert http.get(f"/v1/exports/{form}/01/08938500000010/10/X").status_code == 200
    assert http.get(f"/v1/exports/{form}/01/08938500000010").status_code == 200


def test_a_recall_upstream_is_said_at_once(tmp_path: Path) -> None:
    with running_node(tmp_path, requests_per_address_per_minute=0) as node:
        orchard.plant(node, now_ms=clock_ms(), recalled=False)
        with TestClient(create_app(node)) as client:
            address = f"/v1/lots/{DRIED}"
            assert client.get(address).json()["items"][0]["recalled_upstream"] == []
            step = orchard.recall(clock_ms(), item=FRESH)
            put(node, sign(node, step.records, key=key(step.key)))
            (lot,) = client.get(address).json()["items"]
            assert (lot["status"], lot["recalled_upstream"]) == ("in-force", [FRESH])
            nodes = {one["item"]: one["status"] for one in client.get(f"/v1/trace/{DRIED}").json()["nodes"]}
            assert nodes == {FRESH: "recalled", DRIED: "recalled-upstream", CARTON: "recalled-upstream"}
            found = client.get(f"/v1/findings/{FRESH}").json()["findings"]
            assert (found[0]["rule"], found[0]["items"]) == ("recall.reaches-sold", [DRIED])
            wide = client.get("/v1/findings", params={"severity": "serious"}).json()["findings"]
            assert [(one["rule"], one["items"]) for one in wide] == [("recall.reaches-sold", [DRIED])]
