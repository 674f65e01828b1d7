"""A server that lies, in every way that it can about one paper: never "valid", and an outage is never a forgery."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record
from ledger.hashing import leaf_hash
from ledger.lookup_code import code_of
from ledger.tlog_proof import TlogProof
from ledger.tlog_proof import format as format_proof
from ledger.tlog_proof import parse as parse_proof
from node.service import clock_ms
from tests.browser.conftest import Site, Visit, made_visit, pdf
from tests.serving import serving
from tests.support import (
    MEMBER,
    document_record,
    new_key,
    put,
    register_key,
    register_member,
    running_node,
    sign,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

Forge = Callable[[str, Site], str]
RECEIPT = "**/v1/records/*/receipt"


def reworked(text: str, change: Callable[[list[Any]], None]) -> str:
    """A receipt whose `extra` was changed, and is well formed again."""
    proof = parse_proof(text)
    value = decode(proof.extra or b"")
    assert isinstance(value, list)
    change(value)
    return format_proof(TlogProof(proof.index, proof.path, proof.checkpoint_text, encode(value)))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def other_record(text: str, _: Site) -> str:
    def change(value: list[Any]) -> None:
        record = decode(value[1])
        assert isinstance(record, list)
        assert isinstance(record[1], dict)
        record[1]["abstract"] = "Something that the office never wrote"
        value[1] = encode(record)

    return reworked(text, change)


def other_path(text: str, _: Site) -> str:
    proof = parse_proof(text)
    path = (flipped(proof.path[0], 3), *proof.path[1:])
    return format_proof(TlogProof(proof.index, path, proof.checkpoint_text, proof.extra))


def other_root(text: str, _: Site) -> str:
    lines = text.split("\n\n")[1].split("\n")
    return text.replace(lines[2], base64.b64encode(hashlib.sha256(b"another tree").digest()).decode())


def other_origin(text: str, _: Site) -> str:
    return text.replace("\ntest.example/so-goc\n", "\nevil.example/so-goc\n")


def no_cosignatures(text: str, _: Site) -> str:
    return "\n".join(
        line for line in text.split("\n") if not line.startswith("— test.example/so-goc/validator")
    )


def other_state(text: str, _: Site) -> str:
    def change(value: list[Any]) -> None:
        # The proof of the subject's row, of which some byte is another.
        value[6][0] = flip_first_bytes(value[6][0])

    return reworked(text, change)


def flip_first_bytes(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, bytes) and value:
        return flipped(value, len(value) - 1)
    if isinstance(value, list):
        for at, item in enumerate(value):
            changed = flip_first_bytes(item)
            if changed != item:
                return [*value[:at], changed, *value[at + 1 :]]
    return value


def other_signature(text: str, _: Site) -> str:
    def change(value: list[Any]) -> None:
        leaf = decode(value[4])
        assert isinstance(leaf, list)
        assert isinstance(leaf[2], bytes)
        leaf[2] = flipped(leaf[2], 40)
        value[4] = encode(leaf)

    return reworked(text, change)


def no_state(text: str, _: Site) -> str:
    def change(value: list[Any]) -> None:
        value[6] = None

    return reworked(text, change)


def swapped(_: str, site: Site) -> str:
    return site.receipt_text("plain")


FORGERIES: dict[str, tuple[Forge, str]] = {
    "record": (other_record, "bad"),
    "path": (other_path, "bad"),
    "root": (other_root, "bad"),
    "state": (other_state, "bad"),
    "entry signature": (other_signature, "bad"),
    "origin": (other_origin, "bad"),
    "too few cosignatures": (no_cosignatures, "unknown"),
    "no state": (no_state, "unknown"),
    # No evidence at all on the paper that was asked about, and none against it either.
    "another paper's receipt": (swapped, "unknown"),
    "garbage": (lambda _text, _site: "<html>502 Bad Gateway</html>", "unknown"),
    "empty": (lambda _text, _site: "", "unknown"),
    "cut short": (lambda text, _site: text[: len(text) // 2], "unknown"),
    "newer version": (lambda text, _site: text.replace("tlog-proof@v1", "tlog-proof@v2"), "unknown"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_receipt(visit: Visit, site: Site, name: str) -> None:
    forge, verdict = FORGERIES[name]
    text = site.receipt_text("report")
    forged = forge(text, site)
    assert forged != text
    visit.page.route(RECEIPT, lambda route: route.fulfill(body=forged, content_type="text/plain"))
    visit.open()
    assert visit.give(site.paper("report")).split()[0] == verdict
    visit.page.locator("#again").click()
    visit.open("/c/" + code_of(site.records["report"]))
    assert visit.verdict().split()[0] == verdict


@pytest.mark.parametrize("name", [name for name in FORGERIES if name != "another paper's receipt"])
def test_a_forged_receipt_in_hand(visit: Visit, site: Site, name: str) -> None:
    """... and nobody to ask for a better one."""
    forge, verdict = FORGERIES[name]
    visit.page.route("**/v1/records/**", lambda route: route.abort())
    visit.page.route("**/v1/documents/**", lambda route: route.abort())
    visit.open()
    forged = site.file("forged.tlog-proof", forge(site.receipt_text("report"), site))
    assert visit.give(site.paper("report"), forged).split()[0] == verdict


@pytest.mark.parametrize("path", ["/v1/documents/*", "/v1/records/*/receipt", "/v1/policy", "/v1/codes/*"])
@pytest.mark.parametrize("fault", ["500", "gone", "page", "json", "hangs"])
def test_an_outage_is_never_a_forgery(visit: Visit, site: Site, path: str, fault: str) -> None:
    def answer(route: Route) -> None:
        if fault == "gone":
            route.abort()
        elif fault == "page":
            route.fulfill(status=200, body="<h1>Wi-Fi login</h1>", content_type="text/html")
        elif fault == "json":
            route.fulfill(status=200, body=json.dumps({"anchors": [None, {"id": 7}], "records": "x"}))
        elif fault != "hangs":
            route.fulfill(status=int(fault), body="busy")

    visit.page.add_init_script(
        "const wait = setTimeout; globalThis.setTimeout = (then, ms, ...rest) => wait(then, ms === 15000 ? 300 : ms, ...rest);"
    )
    visit.page.route("**" + path, answer)
    visit.open("/c/" + code_of(site.records["report"]) if "codes" in path else "/")
    verdict = visit.verdict() if "codes" in path else visit.give(site.paper("report"))
    assert verdict.split()[0] == "unknown"
    assert "Đây không phải là dấu hiệu giả mạo" in visit.text() or "Không hỏi được máy chủ" in visit.text()


def test_an_answer_about_another_file_is_no_evidence(visit: Visit, site: Site) -> None:
    answer = {
        "anchors": [{"id": site.records["plain"].hex(), "type": "doc.anchor/1", "subject": {"id": "00" * 32}}]
    }
    visit.page.route("**/v1/documents/*", lambda route: route.fulfill(json=answer))
    visit.open()
    assert visit.give(site.paper("report")) == "unknown answer.unreadable"


def test_a_code_that_is_answered_with_another_record(visit: Visit, site: Site) -> None:
    visit.page.route(
        "**/v1/codes/*", lambda route: route.fulfill(json={"records": [{"id": site.records["plain"].hex()}]})
    )
    visit.open("/c/" + code_of(site.records["report"]))
    assert visit.verdict() == "unknown answer.unreadable"


def test_a_hostile_name_is_text(visit: Visit, site: Site) -> None:
    name = "<img src=x onerror=alert(1)><script>alert(2)</script>.pdf".replace("/", "∕")
    visit.open()
    visit.give(site.file(name, pdf("report")))
    assert visit.page.locator("#result img, #result script").count() == 0
    assert "<img src=x" in visit.text()


def test_an_old_state_is_not_called_valid(chromium: Browser, tmp_path: Path) -> None:
    """The server goes on showing the receipt from before the withdrawal."""
    with running_node(tmp_path / "node", clock=clock_ms) as node, serving(node) as url:
        site = Site(node, url, tmp_path)
        site.anchor("report")
        old = site.receipt_text("report")
        context = chromium.new_context()
        visit = made_visit(context, site)
        visit.open()
        assert visit.give(site.paper("report")) == "in-force status.in-force"
        body: dict[str, Value] = {
            "authority": MEMBER,
            "document": hashlib.sha256(pdf("report")).digest(),
            "reason": "unlawful",
        }
        put(node, sign(node, [encode_record("doc.withdraw/1", body)]))
        visit.page.route(RECEIPT, lambda route: route.fulfill(body=old))
        visit.page.locator("#again").click()
        assert visit.give(site.paper("report")) == "unknown answer.stale"
        # Not even when every answer is old, for the clock tells.
        visit.page.route("**/checkpoint", lambda route: route.fulfill(body=old.split("\n\n", 1)[1]))
        visit.page.evaluate("localStorage.removeItem('sogoc.seen')")
        visit.page.clock.install(time=clock_ms() / 1000 + 8 * 3600)
        visit.open()
        assert visit.give(site.paper("report")) == "unknown answer.stale"
        assert "tình trạng cũ" in visit.text()
        context.close()


def test_a_changed_policy_is_shown_and_never_taken_silently(visit: Visit, site: Site) -> None:
    visit.open()
    visit.give(site.paper("report"))
    kept = visit.page.evaluate("JSON.parse(localStorage.getItem('sogoc.policy')).text")
    other = kept.replace("group validators 1", "group validators 1 ").replace(
        "quorum validators", "quorum none"
    )
    visit.page.route("**/v1/policy", lambda route: route.fulfill(body=other, content_type="text/plain"))
    visit.open()
    note = visit.page.locator("#policy-changed")
    note.wait_for()
    assert "quorum none" in note.inner_text()
    assert "quorum validators" in note.inner_text()
    assert visit.page.evaluate("JSON.parse(localStorage.getItem('sogoc.policy')).text") == kept
    # Checked by the old one until the person decides.
    visit.page.route(
        RECEIPT, lambda route: route.fulfill(body=no_cosignatures(site.receipt_text("report"), site))
    )
    assert visit.give(site.paper("report")) == "unknown policy.quorum-missing"
    visit.open()
    note.wait_for()
    visit.page.locator("#policy-take").click()
    visit.page.locator("#sure").click()
    note.wait_for(state="detached")
    assert "quorum none" in kept_policy(visit)


def dropped_together(site: Site, tmp_path: Path) -> tuple[str, str, str]:
    """A paper, its receipt and the policy that calls it good, all of a ledger that somebody made for the purpose."""
    content = pdf("somebody's own")
    with running_node(tmp_path / "theirs") as node:
        record = document_record(content, number="1", symbol="X", date="2026-01-01")
        put(node, sign(node, [record]))
        place = node.final.place(leaf_hash(record))
        assert place is not None
        return (
            site.file("own.pdf", content),
            site.file("own.tlog-proof", node.final.receipt(place).text()),
            site.file("guide.txt", node.policy.format()),
        )


def kept_policy(visit: Visit) -> str:
    return str(visit.page.evaluate("JSON.parse(localStorage.getItem('sogoc.policy')).text"))


@pytest.mark.parametrize("is_known", [True, False])
def test_a_policy_handed_over_with_a_paper_judges_nothing_unasked(
    visit: Visit, site: Site, tmp_path: Path, is_known: bool
) -> None:
    papers = dropped_together(site, tmp_path)
    visit.open()
    if is_known:
        visit.give(site.paper("report"))
        visit.page.locator("#again").click()
    assert visit.give(*papers).split()[0] in {"bad", "unknown"}
    assert "HỢP LỆ" not in visit.title()
    theirs = Path(papers[2]).read_text(encoding="utf-8")
    assert kept_policy(visit) == site.node.policy.format() != theirs
    asked = visit.page.locator("#policy-offered")
    assert "giấy giả" in asked.inner_text()
    assert theirs.split()[1].partition("+")[0] in asked.inner_text()
    prints = visit.page.evaluate(
        "async (texts) => Promise.all(texts.map((await import('/static/js/trust.js')).fingerprint))",
        [theirs, site.node.policy.format()],
    )
    assert all(digits in asked.inner_text() for digits in prints)
    # The first click asks once more; closing that changes nothing, and neither does keeping.
    visit.page.locator("#offered-take").click()
    question = visit.page.locator("dialog")
    assert prints[0] in question.inner_text()
    assert "Dùng sai chính sách" in question.inner_text()
    visit.page.keyboard.press("Escape")
    question.wait_for(state="detached")
    assert kept_policy(visit) != theirs
    visit.page.locator("#offered-keep").click()
    asked.wait_for(state="detached")
    visit.page.locator("#again").click()
    assert visit.give(*papers[:2]).split()[0] in {"bad", "unknown"}
    assert visit.page.locator("#own-policy").count() == 0


def test_a_policy_of_one_s_own_is_named_with_the_verdict(visit: Visit, site: Site, tmp_path: Path) -> None:
    papers = dropped_together(site, tmp_path)
    visit.open()
    visit.give(site.paper("report"))
    visit.page.locator("#again").click()
    visit.page.locator("#files").set_input_files(papers[2])
    visit.page.locator("#offered-take").click()
    visit.page.locator("#sure").click()
    visit.page.locator("#said").filter(has_text="Đang dùng chính sách").wait_for(state="attached")
    assert kept_policy(visit) == Path(papers[2]).read_text(encoding="utf-8")
    assert visit.page.locator("#policy-offered").count() == 0
    assert visit.give(*papers[:2]).startswith("in-force")
    assert "chính sách do bạn tự chọn" in visit.page.locator("#own-policy").inner_text()
    # The same policy once more is no question.
    visit.page.locator("#again").click()
    visit.page.locator("#files").set_input_files(papers[2])
    visit.page.locator("#said").filter(has_text="giống").wait_for(state="attached")
    assert visit.page.locator("#policy-offered").count() == 0


def test_each_authority_speaks_for_its_own_record(visit: Visit, site: Site) -> None:
    site.anchor("shared")
    digest = hashlib.sha256(pdf("shared")).digest()
    key = new_key()
    register_member(site.node, "other-hall", "UBND phường Khác")
    register_key(site.node, key, member="other-hall")
    commitments = [hashlib.sha256(b"%d" % number).digest() for number in range(30)]

    def body(kind: str, **fields: Value) -> bytes:
        return encode_record(kind, {"authority": "other-hall", **fields})

    for records in (
        [document_record(pdf("shared"), authority="other-hall")],
        [body("doc.withdraw/1", document=digest, reason="wrong-content")],
        [body("doc.anchor/1", commitment=one) for one in commitments],
        [body("doc.paper/1", document=one, hash=digest) for one in commitments],
        [body("doc.withdraw/1", document=one, reason="wrong-content") for one in commitments],
    ):
        put(site.node, sign(site.node, records, key=key))
    visit.open()
    assert visit.give(site.paper("shared")) == "in-force status.in-force"
    assert "UBND phường Phú Sơn" in visit.page.locator(".issuer").inner_text()
    others = visit.page.locator(".others li")
    assert "UBND phường Khác" in others.first.inner_text()
    assert {others.nth(at).get_attribute("data-verdict") for at in range(others.count())} == {"ended"}
    assert "Còn nhiều bản ghi khác" in visit.text()


def test_a_receipt_without_state_is_answered_with_the_newest(visit: Visit, site: Site) -> None:
    visit.open()
    forged = site.file("stateless.tlog-proof", no_state(site.receipt_text("report"), site))
    assert visit.give(site.paper("report"), forged) == "in-force status.in-force"
    assert "kiểm tra tình trạng mới nhất" in visit.text()
