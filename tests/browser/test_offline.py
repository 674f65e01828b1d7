"""With no network: the pages after a first visit, and the one-file verifier from a disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.cli.maintenance import export
from api.qr import offline_link
from ledger.entry import encode_record
from ledger.hashing import leaf_hash
from node.compact_receipts import compact_receipt
from tests.browser.conftest import VERDICT_MS, Site, Visit, made_visit, pdf
from tests.browser.test_access import overflow, serious
from tests.support import MEMBER, document_record, make_home, put, running_node, sign

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WORKER_AFTER_MS = 3_000
"""So long the worker waits until what the person came for is done (house.js)."""
READY = "navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)"


def visited(visit: Visit, site: Site) -> None:
    """A first visit, at the end of which the page can do without the network."""
    visit.page.clock.install()
    visit.open()
    visit.give(site.paper("report"))
    visit.page.clock.fast_forward(WORKER_AFTER_MS)
    visit.page.wait_for_function(f"() => {READY}", timeout=VERDICT_MS)


def test_the_page_opens_and_checks_after_a_first_visit(visit: Visit, site: Site) -> None:
    visited(visit, site)
    receipt = site.receipt("report")
    visit.open()
    assert visit.page.locator("#offline-note").is_hidden()
    visit.context.set_offline(True)
    visit.open()
    assert visit.page.locator("h1").inner_text() == "Kiểm tra giấy tờ"
    assert "không nối mạng" in visit.page.locator("#offline-note").inner_text()
    assert visit.give(site.paper("report"), receipt) == "in-force status.in-force"
    assert "Chưa hỏi được tình trạng mới hơn" in visit.text()
    visit.open()
    assert visit.give(site.file("x.pdf", pdf("report") + b"x"), receipt) == "bad document.hash"
    visit.open()
    assert visit.give(site.paper("report")) == "unknown answer.outage"
    assert "không nối mạng" in visit.text()
    visit.open("/c/7K4M")
    assert visit.verdict() == "unknown lookup-code.check"


KEPT = """async () => Object.fromEntries(await Promise.all((await caches.keys()).map(async (name) =>
  [name, (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname)])))"""

UNTIL_KEPT = """async (path) => {
  for (let turn = 0; turn < 400; turn++) {
    if (await caches.match(path)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} is not kept`);
}"""


def test_nothing_about_the_ledger_is_kept_and_nothing_that_is_for_others(visit: Visit, site: Site) -> None:
    visited(visit, site)
    (kept,) = visit.page.evaluate(KEPT).values()
    assert [path for path in kept if not path.startswith("/static/")] == ["/"]
    assert not [path for path in kept if "trace" in path or "inspector" in path or "explorer" in path]
    # Another page joins it when it is visited in its turn.
    for path, script in (("/truy-xuat", "trace.js"), ("/kiem-tra", "inspector.js")):
        visit.open(path)
        visit.page.clock.fast_forward(WORKER_AFTER_MS)
        visit.page.evaluate(UNTIL_KEPT, path)
        (kept,) = visit.page.evaluate(KEPT).values()
        assert [one for one in kept if one.endswith(f"/joined/{script}")], path


def test_a_new_version_keeps_what_the_last_one_kept_and_ends_those_before(visit: Visit, site: Site) -> None:
    visit.open("/v1/status")
    old = """async () => {
      for (const [name, path] of [["sogoc-1", "/kiem-tra"], ["office-1", "/van-phong"], ["sogoc-2", "/truy-xuat"]])
        await (await caches.open(name)).put(path, new Response("old"));
    }"""
    visit.page.evaluate(old)
    visited(visit, site)
    found = visit.page.evaluate(KEPT)
    (new,) = found.keys() - {"sogoc-2", "office-1"}
    assert {path for path in found[new] if not path.startswith("/static/")} == {"/", "/truy-xuat"}
    assert {path.rpartition("/")[2] for path in found[new]} >= {"verify.js", "trace.js"}
    visit.context.set_offline(True)
    visit.open("/truy-xuat")
    assert visit.page.locator("#main").count() == 1


def looked(site: Site) -> str:
    """The receipt of a record that is neither a paper nor a certificate."""
    site.put(
        "look",
        encode_record(
            "access.log/1",
            {
                "authority": MEMBER,
                "owner": MEMBER,
                "item": bytes(32),
                "nonce": bytes(16),
                "purpose": "audit",
                "legal_ground": "legal-duty",
            },
        ),
    )
    return site.receipt("look")


def test_a_paper_is_judged_without_what_only_other_records_need(visit: Visit, site: Site) -> None:
    visit.open()
    assert visit.give(site.paper("report")) == "in-force status.in-force"
    loaded = [request.url.rpartition("/")[2] for request in visit.requests if "/joined/" in request.url]
    assert loaded == ["verify.js"]
    other = looked(site)
    visit.page.route("**/verify.records-governance.js", lambda route: route.abort())
    assert visit.give(other, to="#receipts") == "unknown browser.part-missing"
    assert "không nối mạng" in visit.text()


def test_what_a_first_visit_did_not_need_is_there_with_no_network(visit: Visit, site: Site) -> None:
    visited(visit, site)
    other = looked(site)
    visit.context.set_offline(True)
    visit.open()
    assert visit.give(other, to="#receipts") == "in-force status.logged"


def test_a_mended_page_reaches_people_at_their_next_visit(visit: Visit, site: Site) -> None:
    visited(visit, site)
    mended = "<!doctype html><title>mended</title><h1>mended</h1>"
    visit.context.route(site.url + "/", lambda route: route.fulfill(body=mended, content_type="text/html"))
    visit.open()
    assert visit.page.locator("h1").inner_text() == "mended"


@pytest.fixture(scope="module")
def exported(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "so-goc"
    export(site.url, folder, as_json=True)
    return folder


@pytest.fixture
def stand_alone(chromium: Browser, site: Site, exported: Path) -> Iterator[Visit]:
    """The file `verifier.html` of an export, opened from the disk, with the network cut off."""
    context = chromium.new_context(viewport={"width": 360, "height": 740}, offline=True)
    visit = made_visit(context, site)
    visit.page.goto((exported / "verifier.html").as_uri())
    yield visit
    asked = [
        request.url for request in visit.requests if not request.url.startswith(("file:", "data:", "blob:"))
    ]
    context.close()
    assert visit.complaints == []
    assert asked == []


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("report", "in-force status.in-force"),
        ("withdrawn", "ended status.withdrawn"),
        ("superseded", "ended status.superseded"),
    ],
)
def test_the_one_file_verifier(stand_alone: Visit, site: Site, name: str, verdict: str) -> None:
    assert stand_alone.give(site.paper(name), site.receipt(name)) == verdict


def test_the_one_file_verifier_holds_what_only_other_records_need(stand_alone: Visit, site: Site) -> None:
    assert stand_alone.give(looked(site)) == "in-force status.logged"


def test_the_one_file_verifier_on_a_forgery(stand_alone: Visit, site: Site) -> None:
    assert stand_alone.give(site.paper("plain"), site.receipt("report")) == "bad document.hash"


def test_the_one_file_verifier_with_one_s_own_policy(stand_alone: Visit, site: Site, tmp_path: Path) -> None:
    other = make_home(tmp_path / "other").policy.read_text()
    stand_alone.page.locator("#policies").set_input_files(site.file("policy", other))
    stand_alone.page.locator("#policy-offered").wait_for()
    assert stand_alone.give(site.paper("report"), site.receipt("report")) == "in-force status.in-force"
    stand_alone.page.locator("#offered-take").click()
    stand_alone.page.locator("#sure").click()
    stand_alone.page.get_by_text("Đang dùng chính sách từ tệp bạn chọn").first.wait_for()
    assert stand_alone.give(site.paper("report"), site.receipt("report")).split()[0] in {"unknown", "bad"}
    assert stand_alone.page.locator("#own-policy").count() == 1


def test_the_one_file_verifier_takes_no_policy_that_comes_with_a_paper(
    stand_alone: Visit, site: Site, tmp_path: Path
) -> None:
    content = pdf("somebody's own")
    with running_node(tmp_path / "theirs") as node:
        record = document_record(content)
        put(node, sign(node, [record]))
        place = node.final.place(leaf_hash(record))
        assert place is not None
        given = (
            site.file("own.pdf", content),
            site.file("own.tlog-proof", node.final.receipt(place).text()),
            site.file("guide.txt", node.policy.format()),
        )
    assert stand_alone.give(*given).split()[0] in {"unknown", "bad"}
    assert "HỢP LỆ" not in stand_alone.title()
    assert stand_alone.page.locator("#policy-offered").count() == 1


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_in_the_one_file_verifier(
    stand_alone: Visit, site: Site, exported: Path, axe: str, dark: bool
) -> None:
    stand_alone.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    assert serious(stand_alone, axe) == []
    for paper, receipt in (("report", "report"), ("withdrawn", "withdrawn"), ("plain", "report")):
        stand_alone.give(site.paper(paper), site.receipt(receipt))
        stand_alone.page.locator("#proof summary").click()
        assert serious(stand_alone, axe) == [], paper
        stand_alone.page.reload()
    result_of_export(stand_alone, exported)
    assert serious(stand_alone, axe) == []
    stand_alone.page.reload()
    stand_alone.page.locator("#policies").set_input_files(
        site.file("policy", site.node.policy.format() + "\n")
    )
    stand_alone.page.locator("#policy-state").wait_for()
    assert serious(stand_alone, axe) == []


@pytest.mark.parametrize(("width", "size"), [(320, "100%"), (360, "100%"), (640, "200%")])
def test_the_one_file_verifier_on_a_small_screen_and_with_large_letters(
    stand_alone: Visit, site: Site, exported: Path, width: int, size: str
) -> None:
    page = stand_alone.page
    page.set_viewport_size({"width": width, "height": 740})

    def fits() -> bool:
        page.evaluate("size => { document.documentElement.style.fontSize = size; }", size)
        return overflow(stand_alone) <= 0

    assert fits()
    for paper, receipt in (("report", "report"), ("withdrawn", "withdrawn"), ("plain", "report")):
        stand_alone.give(site.paper(paper), site.receipt(receipt))
        page.locator("#proof summary").click()
        assert fits(), paper
        page.reload()
    result_of_export(stand_alone, exported)
    assert fits()


def test_the_one_file_verifier_by_the_keyboard_alone(stand_alone: Visit, site: Site) -> None:
    """Every choice is reached and opened by keys, and the verdict gets the focus."""
    page = stand_alone.page
    keys = page.keyboard

    def focused() -> str:
        return str(page.evaluate("document.activeElement.id || document.activeElement.className"))

    keys.press("Tab")
    assert focused() == "skip"
    keys.press("Enter")
    assert focused() == "main"
    # What a key opens is noted in the place of the system's own dialog.
    page.evaluate(
        """() => {
          globalThis.opened = [];
          for (const field of document.querySelectorAll("input[type=file]"))
            field.addEventListener("click", (event) => { event.preventDefault(); globalThis.opened.push(field.id); });
        }"""
    )
    for _ in range(8):
        keys.press("Tab")
        if focused().startswith("choose"):
            keys.press("Enter")
        if focused() == "choose-export":
            break
    assert page.evaluate("globalThis.opened") == ["files", "policies", "export"]
    assert stand_alone.give(site.paper("report"), site.receipt("report")) == "in-force status.in-force"
    assert focused() == "verdict-title"
    for _ in range(12):
        keys.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    keys.press("Enter")
    assert page.locator("#proof").get_attribute("open") is not None
    names = page.evaluate(
        """[...document.querySelectorAll("button, a, input, summary")].filter((one) => one.checkVisibility())
          .map((one) => (one.getAttribute("aria-label") ?? one.textContent ?? "").trim())"""
    )
    assert all(names)


def result_of_export(visit: Visit, folder: Path) -> str:
    visit.page.locator("#export").set_input_files(str(folder))
    panel = visit.page.locator("[data-export]")
    panel.wait_for(timeout=VERDICT_MS)
    return f"{panel.get_attribute('data-export')} {panel.inner_text()}"


def test_the_one_file_verifier_checks_the_export_beside_it(stand_alone: Visit, exported: Path) -> None:
    assert result_of_export(stand_alone, exported).startswith("good ")


@pytest.mark.parametrize("part", ["entries", "records", "checkpoint", "gone"])
def test_a_changed_export_is_told_from_a_broken_one(
    stand_alone: Visit, exported: Path, tmp_path: Path, part: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(exported, folder)
    if part in {"entries", "records"}:
        path = next((folder / "tile" / part).rglob("[0-9]*"))
        path = next(path.iterdir()) if path.is_dir() else path
        data = bytearray(path.read_bytes())
        # In the one paper's own words, or in what its office signed.
        data[data.index(b"BC-UBND") if part == "records" else len(data) // 2] ^= 1
        path.write_bytes(data)
        assert result_of_export(stand_alone, folder).startswith("bad ")
    elif part == "checkpoint":
        text = (folder / "checkpoint").read_text()
        (folder / "checkpoint").write_text(text.replace("\n", "\n1", 1))
        assert result_of_export(stand_alone, folder).startswith("bad ")
    else:
        shutil.rmtree(folder / "tile" / "records")
        assert "tile/records" in result_of_export(stand_alone, folder)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("licence", "in-force status.in-force"),
        ("old-licence", "ended status.expired"),
        ("revoked-licence", "ended status.revoked"),
        ("report", "in-force status.in-force"),
    ],
)
def test_the_offline_code_verifies_with_no_network(visit: Visit, site: Site, name: str, verdict: str) -> None:
    final = site.node.final
    place = final.place(site.records[name])
    assert place is not None
    link = offline_link(site.url, compact_receipt(final, place, site.node.policy).encoded())
    visited(visit, site)
    visit.context.set_offline(True)
    visit.page.goto("about:blank")
    visit.page.goto(link)
    assert visit.verdict() == verdict
    assert "#" not in visit.page.url
    visit.context.set_offline(False)
    visit.page.goto("about:blank")
    visit.page.goto(link)
    assert visit.verdict() == verdict
    assert "UBND phường Phú Sơn" in visit.text()


def test_a_forged_offline_code(visit: Visit, site: Site) -> None:
    final = site.node.final
    place = final.place(site.records["licence"])
    assert place is not None
    data = compact_receipt(final, place, site.node.policy).encoded()
    visited(visit, site)
    visit.context.set_offline(True)
    for at in range(5, len(data), max(1, len(data) // 12)):
        forged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        visit.page.goto("about:blank")
        visit.page.goto(offline_link(site.url, forged))
        assert visit.verdict().split()[0] in {"bad", "unknown"}
