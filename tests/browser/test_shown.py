"""What a producer shows to one reader: by link and file, opened and kept on another phone; what was altered is told plainly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.epcis.hiding import Hidden
from ledger.epcis.share import Share, share_of_link
from node.service import Node
from tests.browser.conftest import Site, Visit, made_visit
from tests.browser.test_access import overflow, serious
from tests.browser.test_offline import UNTIL_KEPT, WORKER_AFTER_MS
from tests.browser.test_producer import FINAL_MS, PHONE, Farm, farm  # noqa: F401  a fixture
from tests.serving import sogoc

READER = "Ngân hàng Nông nghiệp Bỉm Sơn"
PRICE = "/sogoc:price"


@dataclass
class Shown:
    """A link as the producer's page made it, and the file beside it."""

    farm: Farm
    link: str
    file: bytes

    @property
    def fragment(self) -> str:
        return "#" + self.link.partition("#")[2]

    @property
    def node(self) -> Node:
        return self.farm.node


@pytest.fixture(scope="module")
def shown(farm: Farm) -> Shown:  # noqa: F811  the fixture that is imported above
    phone = farm.phone()
    page = phone.page
    phone.stocked(95)
    phone.deed("ship")
    page.locator("#fold-hush summary").click()
    page.locator("#hush-buyer").fill("Công ty Đồ hộp Hà Trung")
    page.locator("#hush-price").fill("28.500 đồng một cân")
    page.locator("#hush-place").check()
    page.locator("#deed-amount").fill("700")
    phone.sign()
    phone.is_final()
    phone.tab("da-ky")
    page.locator(".job").first.get_by_text("Cho một người xem").click()
    page.locator("#share-link").click()
    page.locator("dialog [role=alert]").wait_for()
    page.locator("#share-sogocprice").check()
    page.locator("#share-link").click()
    assert "Ghi tên" in page.locator("dialog [role=alert]").inner_text()
    page.locator("#share-reader").fill(f"  {READER} ")
    page.locator("#share-link").click()
    page.locator("#share-address").wait_for()
    assert page.evaluate("document.activeElement.id") == "share-copy"
    seen = "() => document.querySelector('#share-copy').getBoundingClientRect().bottom <= innerHeight"
    assert page.evaluate(seen)
    assert overflow(phone.visit) <= 0
    link = page.locator("#share-address").input_value()
    with page.expect_download() as waiting:
        page.locator("#share-do").click()
    file = Path(waiting.value.path()).read_bytes()
    phone.leave()
    assert phone.visit.complaints == []
    return Shown(farm, link, file)


@pytest.fixture
def reader(shown: Shown) -> Iterator[Visit]:
    """Somebody else, on a phone."""
    context = shown.farm.chromium.new_context(**PHONE)
    visit = made_visit(context, Site(shown.node, shown.farm.url, shown.farm.papers))
    yield visit
    context.close()
    assert visit.complaints == []


def opened(visit: Visit, fragment: str) -> str:
    visit.page.goto("about:blank")
    visit.open(f"/chia-se{fragment}")
    return visit.verdict()


def altered(shown: Shown, share: Share) -> str:
    """The fragment of a link that carries another share."""
    return "#" + share.link(shown.farm.url).partition("#")[2]


def test_a_reader_opens_the_link(shown: Shown, reader: Visit, axe: str) -> None:
    assert shown.link.startswith(f"{shown.farm.url}/chia-se#")
    assert len(shown.link) < 700
    assert opened(reader, shown.fragment) == "in-force status.in-force"
    page = reader.page
    assert page.locator("#by").inner_text() == "HTX Dứa Đồng Giao"
    assert READER in page.locator("#for").inner_text()
    assert page.locator("#for").get_attribute("data-for") == "author"
    part = page.locator("#shown [data-pointer]")
    assert [one.get_attribute("data-pointer") for one in part.all()] == [PRICE]
    assert "28.500 đồng một cân" in part.inner_text()
    assert page.locator("#rest").get_attribute("data-rest") == "2"
    assert "Hà Trung" not in page.locator("#shown").inner_text()
    assert page.evaluate("location.hash") == ""
    assert overflow(reader) <= 0
    assert serious(reader, axe) == []
    # What was shown was sent nowhere.
    for request in reader.requests:
        assert shown.fragment[1:40] not in request.url
        assert "28.500" not in (request.post_data or "")
    # The same as a file, which needs no network.
    with page.expect_download() as waiting:
        page.locator("#keep").click()
    kept = shown.farm.file("giu-lai.sogoc-share", Path(waiting.value.path()).read_bytes())
    checked = sogoc("verify", kept, "--policy", shown.node.home.policy, "--json")
    assert (checked.code, checked.json["shown"]) == (
        0,
        {PRICE: json.dumps("28.500 đồng một cân", ensure_ascii=False)},
    )


def test_a_reader_opens_the_file(shown: Shown, reader: Visit) -> None:
    reader.open("/chia-se")
    assert reader.give(shown.farm.file("gia.sogoc-share", shown.file)) == "in-force status.in-force"
    assert "28.500" in reader.page.locator("#shown").inner_text()
    reader.page.locator("#again").click()
    assert reader.page.locator("#choose").is_visible()
    # Another policy's keys, and a file that is none.
    assert reader.give(shown.farm.file("cut.sogoc-share", shown.file[:-40])).startswith("unknown ")
    reader.page.locator("#again").click()
    assert reader.give(shown.farm.file("paper.pdf", b"%PDF-1.7")).startswith("unknown ")


def test_the_page_for_papers_says_where_to_open_it(shown: Shown, reader: Visit) -> None:
    reader.open()
    assert reader.give(shown.farm.file("gia.sogoc-share", shown.file)) == "unknown share.page"
    assert "/chia-se" in reader.text()


def test_it_opens_a_file_with_no_network(shown: Shown, reader: Visit) -> None:
    """After a first visit, by the policy that was kept here; a link needs a network, and without one only that is said."""
    reader.page.clock.install()
    reader.open("/chia-se")
    reader.page.clock.fast_forward(WORKER_AFTER_MS)
    reader.page.evaluate(UNTIL_KEPT, "/chia-se")
    assert reader.give(shown.farm.file("gia.sogoc-share", shown.file)) == "in-force status.in-force"
    reader.context.set_offline(True)
    reader.open("/chia-se")
    assert reader.give(shown.farm.file("gia.sogoc-share", shown.file)) == "in-force status.in-force"
    assert "28.500" in reader.page.locator("#shown").inner_text()
    assert opened(reader, shown.fragment).startswith("unknown ")


def test_what_was_altered_is_told_and_not_shown(shown: Shown, reader: Visit) -> None:
    share = share_of_link(shown.link)
    (part,) = share.parts
    told = share.addressee
    assert told is not None
    cheaper = replace(share, parts=(replace(part, part=Hidden(PRICE, '"18.500 đồng một cân"')),))
    assert opened(reader, altered(shown, cheaper)) == "bad share.proof"
    assert "18.500" not in reader.text()
    assert "28.500" not in reader.text()
    forwarded = replace(share, addressee=told._replace(reader="Người khác"))
    assert opened(reader, altered(shown, forwarded)) == "bad share.reader"
    assert "Người khác" not in reader.text()
    for wrong in (shown.fragment[:-30], "#AAAA", "#không-phải"):
        assert opened(reader, wrong).startswith("unknown ")
        assert reader.page.locator("#todo").is_visible()


def test_an_outage_is_no_forgery(shown: Shown, reader: Visit) -> None:
    reader.open("/chia-se")
    reader.page.route("**/v1/records/**", lambda route: route.abort())
    reader.page.evaluate("(fragment) => { location.hash = fragment; }", shown.fragment)
    assert reader.verdict().startswith("unknown ")
    assert reader.page.locator("#shown").count() == 0
    reader.page.unroute("**/v1/records/**")
    reader.page.evaluate("(fragment) => { location.hash = fragment; }", shown.fragment)
    reader.page.locator("#shown").wait_for(timeout=FINAL_MS)


def test_the_command_line_checks_the_link(shown: Shown) -> None:
    policy = shown.node.home.policy
    done = sogoc("gateway", "check", shown.link, "--policy", policy, "--json")
    assert (done.code, done.json["to"], done.json["to_by_author"], done.json["hidden"]) == (
        0,
        READER,
        True,
        3,
    )
    assert list(done.json["shown"]) == [PRICE]
    assert READER in sogoc("gateway", "check", shown.link, "--policy", policy).output
    assert sogoc("gateway", "check", shown.link[:-30], "--policy", policy).code != 0
