"""Products, places, lots, labels' addresses and the histories of things, as a node serves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.client import Client
from api.http.app import create_app
from api.http.routers.digital_link import LINKSET
from api.wire import PROBLEM
from ledger.encoding import Value
from ledger.errors import VerificationError
from ledger.gs1 import Item, parse_item
from ledger.history import verify
from ledger.history_form import HistoryPart
from ledger.policy import Policy
from ledger.records.goods import padded, thing
from node.service import Node, clock_ms
from tests import orchard
from tests.chains import key
from tests.orchard import CARTON, COOP, DRIED, DRIED_GTIN, FARM, FRESH, FRESH_GTIN, INSPECTOR, SHOP
from tests.support import put, running_node, sign

TEA = f"code/{COOP}/CHE-1"
TEA_LOT = f"{TEA}/10/A%2F%25"


def record(name: str, authority: str, /, **fields: Value) -> bytes:
    return padded(name, {"authority": authority, **fields})


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("goods"), requests_per_address_per_minute=0) as node:
        orchard.plant(node, now_ms=clock_ms())
        dried: dict[str, Value] = {"gtin": DRIED_GTIN, "category": "fruit.dried", "unit": "H87"}
        put(
            node,
            sign(
                node,
                [
                    record("product.register/1", COOP, code="CHE-1", name="Chè", category="tea", unit="KGM"),
                    record("lot.create/1", COOP, code="CHE-1", lot="A/%"),
                    record("product.update/1", COOP, name="Dứa sấy dẻo 250 g", **dried),
                    record("product.end/1", COOP, gtin=FRESH_GTIN, reason="discontinued"),
                ],
                key=key(COOP),
            ),
        )
        put(node, sign(node, [record("product.register/1", SHOP, name="Dứa sấy", **dried)], key=key(SHOP)))
        recall = record("lot.recall/1", INSPECTOR, owner=COOP, item=DRIED, reason="quality")
        put(node, sign(node, [recall], key=key(INSPECTOR)))
        yield node


@pytest.fixture(scope="module")
def http(node: Node) -> Iterator[TestClient]:
    with TestClient(create_app(node), follow_redirects=False) as http:
        yield http


def assert_problem(response: Any, status: int, code: str) -> None:  # noqa: ANN401
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM), response.text
    assert response.json()["code"] == code


# --- what there is --------------------------------------------------------------------------------------------------------


def test_a_product_is_shown_as_each_member_describes_it_now(http: TestClient) -> None:
    answer = http.get(f"/v1/products/{DRIED_GTIN}").json()
    assert [(one["authority"], one["status"], one["fields"]["name"]) for one in answer["items"]] == [
        (SHOP, "in-force", "Dứa sấy"),
        (COOP, "in-force", "Dứa sấy dẻo 250 g"),
    ]
    assert answer["items"][1]["records"] == 2
    for path in ("8938500000027", f"01/{DRIED_GTIN}", f"01%2F{DRIED_GTIN}"):
        assert http.get(f"/v1/products/{path}").json() == answer
    (tea,) = http.get(f"/v1/products/{TEA}").json()["items"]
    assert (tea["item"], tea["fields"]["name"]) == (TEA, "Chè")
    (fresh,) = http.get(f"/v1/products/{FRESH_GTIN}").json()["items"]
    assert (fresh["status"], fresh["fields"]["name"]) == ("ended", "Dứa gai tươi")


def test_a_lot_says_that_it_is_recalled_and_by_whom(http: TestClient) -> None:
    gtin, _, lot = DRIED.removeprefix("01/").partition("/10/")
    (one,) = http.get(f"/v1/lots/{gtin}/{lot}").json()["items"]
    assert (one["item"], one["authority"], one["status"]) == (DRIED, COOP, "recalled")
    assert one["recalled_by"] == [COOP, INSPECTOR]
    assert one["product"]["fields"]["name"] == "Dứa sấy dẻo 250 g"
    assert http.get(f"/v1/lots/{DRIED}").json()["items"] == [one]
    assert http.get(f"/v1/lots/{quote(DRIED, safe='')}").json()["items"] == [one]
    # A server in between may have undone the escapes.
    assert http.get(f"/v1/lots/{gtin}/{lot.replace('%2F', '/')}").json()["items"] == [one]
    (tea,) = http.get(f"/v1/lots/{TEA_LOT}").json()["items"]
    assert (tea["item"], tea["fields"]["lot"], tea["recalled_by"]) == (TEA_LOT, "A/%", [])


def test_all_lots_of_a_product_whoever_created_them(http: TestClient, node: Node) -> None:
    """Two members have goods of one GTIN, and another product's number begins like a member's lot: each lot comes once."""
    mine = [Item(gtin=DRIED_GTIN, lot=name).path for name in ("A", "A/1", "A0")]
    records = [record("lot.create/1", SHOP, gtin=DRIED_GTIN, lot=name) for name in ("A0", "A/1", "A")]
    put(node, sign(node, records, key=key(SHOP)))
    wanted = [(SHOP, path) for path in mine] + [(COOP, DRIED)]
    for limit in (1, 2, 4, 100):
        found: list[tuple[str, str]] = []
        after: str | None = ""
        while after is not None:
            page = http.get("/v1/lots", params={"product": DRIED_GTIN, "limit": limit, "after": after}).json()
            assert 0 < len(page["items"]) <= limit
            found += [(one["authority"], one["item"]) for one in page["items"]]
            after = page["next"]
        # In the order of the index, where a slash stands behind each path.
        assert found == sorted(wanted, key=lambda one: (one[0], f"{one[1]}/"))
    (tea,) = http.get("/v1/lots", params={"product": TEA}).json()["items"]
    assert tea["item"] == TEA_LOT
    assert_problem(http.get("/v1/lots", params={"product": "08938500000041"}), 404, "product.unknown")
    assert_problem(http.get("/v1/lots", params={"product": "08938500000028"}), 400, "gs1.check-digit")
    assert_problem(http.get("/v1/lots", params={"product": DRIED}), 400, "request.item")
    assert_problem(http.get("/v1/lots", params={"product": TEA, "member": COOP}), 422, "request.invalid")
    assert_problem(http.get("/v1/lots"), 422, "request.invalid")


def test_what_a_member_has_comes_in_pages(http: TestClient) -> None:
    for path, names in (
        ("products", {FRESH_GTIN, DRIED_GTIN, "CHE-1"}),
        ("lots", {FRESH, DRIED, TEA_LOT}),
        ("places", {FARM, orchard.PLANT}),
    ):
        found: list[str] = []
        after = ""
        for _ in range(10):
            page = http.get(f"/v1/{path}?member={COOP}&limit=1&after={quote(after, safe='')}").json()
            assert len(page["items"]) == 1
            (one,) = page["items"]
            found.append(
                one["place"]
                if path == "places"
                else one["item"]
                if path == "lots"
                else one["fields"].get("gtin") or one["fields"]["code"]
            )
            if page["next"] is None:
                break
            after = page["next"]
        assert (sorted(found), len(found)) == (sorted(names), len(names))
        assert http.get(f"/v1/{path}?member=truong").status_code == 404
        assert_problem(http.get(f"/v1/{path}?member=Nobody"), 404, "member.unknown")
    (farm,) = http.get(f"/v1/places?place={FARM}").json()["items"]
    assert (farm["authority"], farm["fields"]["kind"]) == (COOP, "farm")
    assert http.get("/v1/places?place=X").json()["items"] == []
    assert_problem(http.get("/v1/places"), 422, "request.invalid")
    assert_problem(http.get(f"/v1/places?member={COOP}&place=X"), 422, "request.invalid")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/products/08938500000028", 400, "gs1.check-digit"),
        ("/v1/products/0893850000002", 400, "gs1.check-digit"),
        ("/v1/products/123", 400, "gs1.length"),
        ("/v1/products/chè", 400, "gs1.charset"),
        (f"/v1/products/{DRIED}", 400, "request.item"),
        ("/v1/products/8938500000041", 404, "product.unknown"),
        (f"/v1/products/code/{COOP}/X", 404, "product.unknown"),
        ("/v1/lots/08938500000028/A", 400, "gs1.check-digit"),
        (f"/v1/lots/{DRIED_GTIN}/{'a' * 21}", 400, "gs1.length"),
        (f"/v1/lots/{DRIED_GTIN}/a%20b", 400, "gs1.charset"),
        (f"/v1/lots/01/{DRIED_GTIN}", 400, "request.item"),
        (f"/v1/lots/{DRIED_GTIN}/X", 404, "lot.unknown"),
        ("/01/08938500000028/10/A", 400, "gs1.check-digit"),
        (f"/01/{DRIED_GTIN}/17/251231", 400, "gs1.link"),
        (f"/01/{DRIED_GTIN}/10/%C3%B4", 400, "gs1.charset"),
        ("/00/089385000000000011", 400, "gs1.check-digit"),
        ("/00/123", 400, "gs1.length"),
        (f"/01/{DRIED_GTIN}?linkType=gs1:hasRetailers", 404, "link.type"),
        ("/v1/subjects/thing/*/01/08938500000028/10/A/history", 400, "gs1.check-digit"),
    ],
)
def test_what_is_mistyped_or_not_there(http: TestClient, path: str, status: int, code: str) -> None:
    assert_problem(http.get(path), status, code)


def test_a_mistyped_digit_is_explained(http: TestClient) -> None:
    assert "must be 7" in http.get("/01/08938500000028").json()["detail"]


# --- labels ---------------------------------------------------------------------------------------------------------------


def linkset(response: Any) -> dict[str, Any]:  # noqa: ANN401
    assert (response.status_code, response.headers["content-type"]) == (200, LINKSET)
    (one,) = response.json()["linkset"]
    found: dict[str, Any] = one
    return found


def test_a_person_gets_the_page_and_a_program_all_links(http: TestClient) -> None:
    label = f"/{DRIED}"
    page = http.get(label, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f'data-item="{DRIED}"' in page.text
    assert 'rel="linkset"' in page.headers["link"]
    assert "accept" in page.headers["vary"].split(", ")
    misread = http.get(f"/01/{DRIED_GTIN[:-1]}8/10/A", headers={"accept": "text/html"})
    assert (misread.status_code, misread.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert 'data-wrong="gs1.check-digit"' in misread.text
    for accept in ("*/*", ""):
        response = http.get(label, headers={"accept": accept})
        assert (response.status_code, response.headers["location"]) == (307, f"/truy-xuat#{label}")
        assert 'rel="linkset"' in response.headers["link"]
        assert "accept" in response.headers["vary"]
    wanted = linkset(http.get(f"{label}?linkType=all"))
    assert wanted["anchor"].endswith(label)
    assert {name.rpartition("/")[2] for name in wanted if name != "anchor"} == {
        "defaultLink",
        "pip",
        "traceability",
        "epcis",
        "certificationInfo",
        "masterData",
        "recallStatus",
    }
    for name, targets in wanted.items():
        if name != "anchor":
            assert all(target["href"].startswith("http") and target["title"] for target in targets), name
    for accept in (LINKSET, f"text/html;q=0.4,{LINKSET}", "application/json", f"{LINKSET};q=0.9, */*;q=0.1"):
        assert linkset(http.get(label, headers={"accept": accept})) == wanted
    for accept, status in (
        (f"{LINKSET};q=0", 307),
        (f"{LINKSET};q=0.1,text/html", 200),
        (f"{LINKSET};q=x", 307),
    ):
        assert http.get(label, headers={"accept": accept}).status_code == status


def test_links_lead_to_something(http: TestClient) -> None:
    for path in (DRIED, FRESH, CARTON, f"01/{DRIED_GTIN}", f"01/{DRIED_GTIN}/21/7"):
        for name, targets in linkset(http.get(f"/{path}?linkType=all")).items():
            if name == "anchor":
                assert urlsplit(targets).path == f"/{path}"
                continue
            for target in targets:
                parts = urlsplit(target["href"])
                if parts.path != "/truy-xuat":
                    response = http.get(f"{parts.path}?{parts.query}" if parts.query else parts.path)
                    assert response.status_code == 200, (target, response.text)


def test_a_link_type_leads_to_what_it_names_and_the_query_goes_along(http: TestClient) -> None:
    for name in ("traceability", "gs1:traceability", "https://ref.gs1.org/voc/traceability"):
        response = http.get(f"/{DRIED}?linkType={quote(name, safe='')}&17=251231")
        assert (response.status_code, response.headers["location"]) == (307, f"/truy-xuat?17=251231#/{DRIED}")
    response = http.get(f"/{DRIED}?linkType=gs1:recallStatus")
    assert response.headers["location"] == f"/v1/lots/{DRIED}"
    response = http.get(f"/{DRIED}?linkType=gs1:epcis&a=b")
    assert response.headers["location"].startswith("/epcis/v2/events?MATCH_anyEPCClass=")
    assert response.headers["location"].endswith("&a=b")
    assert linkset(http.get(f"/{DRIED}?linkType=linkset"))


def test_a_lot_and_a_serial_stand_on_one_label(http: TestClient) -> None:
    found = linkset(http.get(f"/{DRIED}/21/0007?linkType=all"))
    assert urlsplit(found["anchor"]).path == f"/01/{DRIED_GTIN}/21/0007"
    (recall,) = found["https://ref.gs1.org/voc/recallStatus"]
    assert urlsplit(recall["href"]).path == f"/v1/lots/{DRIED}"


def test_a_location_never_leaves_this_node(http: TestClient) -> None:
    for path in (f"/{DRIED}", f"/{DRIED}?linkType=gs1:pip&x=//evil.example"):
        location = http.get(path, headers={"host": "evil.example"}).headers["location"]
        assert location.startswith("/truy-xuat")
        assert not urlsplit(location).netloc


lots = st.text("!\"%&'()*+,-./0123456789:;<=>?ABCXYZ_abcxyz", min_size=1, max_size=20).filter(
    lambda text: text not in (".", "..")
)


@settings(deadline=None, max_examples=60)
@given(lots)
def test_every_lot_is_the_same_on_a_label_and_in_the_page(http: TestClient, lot: str) -> None:
    item = Item(gtin=DRIED_GTIN, lot=lot)
    response = http.get(f"/{item.path}")
    assert response.headers["location"] == f"/truy-xuat#/{item.path}"
    answer = http.get(f"/v1/subjects/thing/*/{item.path}/history").json()
    assert answer["subject"] == {"kind": "thing", "authority": "*", "id": item.path}
    assert parse_item(answer["subject"]["id"]).lot == lot


# --- completeness -----------------------------------------------------------------------------------------------------------

Liar = Callable[[bytes], bytes]


def client_of(http: TestClient, lie: Liar = lambda data: data) -> Client:
    """A client whose server may change what the node says."""

    def handle(request: httpx.Request) -> httpx.Response:
        answer = http.get(str(request.url), headers=dict(request.headers))
        kept = {"content-type": answer.headers["content-type"]}
        return httpx.Response(answer.status_code, headers=kept, content=lie(answer.content))

    return Client("http://node.test", transport=httpx.MockTransport(handle))


def test_a_lots_history_is_everybodys_and_complete(http: TestClient) -> None:
    policy = Policy.parse(http.get("/v1/policy").text)
    for path in (DRIED, FRESH, CARTON):
        with client_of(http) as client:
            history = verify(client.history(thing(path)), policy)
        assert history.subject == thing(path)
        authors = {one.record.authority for one in history.records}
        assert authors == {DRIED: {COOP, SHOP, INSPECTOR}, FRESH: {COOP}, CARTON: {COOP, SHOP}}[path]
        assert len(history.records) == http.get(f"/v1/subjects/thing/*/{path}/history").json()["records"]


def test_leaving_any_record_out_is_found_offline(http: TestClient) -> None:
    policy = Policy.parse(http.get("/v1/policy").text)
    with client_of(http) as client:
        (whole,) = client.history(thing(DRIED))
    part = HistoryPart.parse(whole)
    assert len(part.blocks) > 3
    for left_out in range(len(part.blocks)):
        blocks = part.blocks[:left_out] + part.blocks[left_out + 1 :]
        with pytest.raises(VerificationError) as caught:
            verify(replace(part, blocks=blocks).encoded(), policy)
        assert caught.value.rule == "history.count"
