"""A ledger that rewrites its past, with its own keys: the browser remembers, and says so in words.

A slow or silly server does not raise the alarm.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ledger.errors import VerificationError
from ledger.policy import Policy
from ledger.proofs import verify_consistency
from node.service import Node
from tests.browser.conftest import Site, Visit, made_visit
from tests.serving import serving
from tests.support import make_node, put, sign

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route


@dataclass
class Twins:
    """Two ledgers that began as one, and what each shows."""

    site: Site
    other: Site
    context: Any

    def visit(self) -> Visit:
        return made_visit(self.context, self.site)

    def show_other(self, visit: Visit) -> None:
        """From now on the person is answered out of the other ledger."""

        def answer(route: Route) -> None:
            route.fulfill(response=route.fetch(url=route.request.url.replace(self.site.url, self.other.url)))

        for path in ("/checkpoint", "/tile/**", "/v1/**"):
            visit.page.route(self.site.url + path, answer)


def started(path: Path) -> Node:
    node = make_node(path)
    node.start()
    return node


@pytest.fixture
def twins(chromium: Browser, tmp_path: Path) -> Iterator[Twins]:
    first = started(tmp_path / "one")
    put(first, sign(first))
    first.stop()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    nodes = [started(tmp_path / name) for name in ("one", "two")]
    context = chromium.new_context(accept_downloads=True)
    try:
        with serving(nodes[0]) as one, serving(nodes[1]) as two:
            papers = tmp_path / "papers"
            papers.mkdir()
            yield Twins(Site(nodes[0], one, papers), Site(nodes[1], two, papers), context)
    finally:
        context.close()
        for node in nodes:
            node.stop()


@pytest.mark.parametrize(("seen", "shown"), [(1, 1), (1, 4), (2, 3)])
def test_two_histories_raise_an_alarm_that_can_be_saved(
    twins: Twins, tmp_path: Path, seen: int, shown: int
) -> None:
    for number in range(seen):
        twins.site.anchor(f"mine {number}")
    for number in range(shown):
        twins.other.anchor(f"theirs {number}")
    visit = twins.visit()
    visit.open()
    assert visit.give(twins.site.paper("mine 0")) == "in-force status.in-force"
    assert visit.page.locator("#fork").count() == 0
    twins.show_other(visit)
    visit.page.locator("#again").click()
    assert visit.give(twins.other.paper("theirs 0")) == "unknown ledger.fork"
    alarm = visit.page.locator("#fork")
    assert "hai lịch sử khác nhau" in alarm.inner_text()
    assert alarm.get_attribute("role") == "alert"
    # What to do stands before the digits, which are folded.
    assert "Gốc cây" not in alarm.inner_text()
    alarm.locator("summary").click()
    assert "Gốc cây" in alarm.inner_text()
    with visit.page.expect_download() as waiting:
        visit.page.locator("#fork-save").click()
    waiting.value.save_as(tmp_path / "evidence.json")
    evidence = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    check_evidence(evidence, twins.site.node.policy)
    text, policy = json.dumps(evidence), twins.site.node.policy.format()
    visit.page.evaluate(
        "async ([text, policy]) => (await import('/static/verify/index.js')).checkEvidence(text, policy)",
        [text, policy],
    )
    # It stays until somebody takes it away.
    visit.open()
    visit.page.locator("#fork").wait_for()
    visit.page.locator("#fork-clear").click()
    visit.page.locator("#sure").click()
    visit.page.locator("#fork").wait_for(state="detached")
    assert visit.give(twins.other.paper("theirs 0")) == "in-force status.in-force"
    assert visit.complaints == []


def check_evidence(evidence: dict[str, Any], policy: Policy) -> None:
    """Anybody who trusts the policy sees two trees that cannot both be: with the library alone."""
    old, new = (policy.check(evidence[name]["text"]).checkpoint for name in ("first", "second"))
    assert old.origin == new.origin
    if old.size == new.size:
        assert old.root != new.root
        return
    proof = [bytes.fromhex(step) for step in evidence["proof"]]
    # The hashes lead to the newer root, and what they say of the older tree is not what was signed.
    verify_consistency(old.size, new.size, proof, bytes.fromhex(evidence["firstRootInSecond"]), new.root)
    with pytest.raises(VerificationError):
        verify_consistency(old.size, new.size, proof, old.root, new.root)


def test_a_ledger_that_grows_raises_nothing(twins: Twins) -> None:
    visit = twins.visit()
    for number in range(6):
        twins.site.anchor(f"paper {number}")
        visit.open()
        assert visit.give(twins.site.paper(f"paper {number}")) == "in-force status.in-force"
        assert visit.page.locator('[data-step="check.history"]').get_attribute("data-state") == "yes"
    assert visit.page.locator("#fork").count() == 0
    seen = json.loads(visit.page.evaluate("localStorage.getItem('sogoc.seen')"))
    assert [one["size"] for one in seen.values()] == [str(twins.site.node.final.size)]


@pytest.mark.parametrize("fault", ["missing", "garbage"])
def test_a_server_that_cannot_show_its_tiles_is_not_accused(twins: Twins, fault: str) -> None:
    twins.site.anchor("one")
    visit = twins.visit()
    visit.open()
    assert visit.give(twins.site.paper("one")) == "in-force status.in-force"
    twins.site.anchor("two")

    def answer(route: Route) -> None:
        body = route.fetch().body()
        route.fulfill(status=404) if fault == "missing" else route.fulfill(body=bytes(len(body)))

    visit.page.route("**/tile/**", answer)
    visit.page.locator("#again").click()
    assert visit.give(twins.site.paper("two")) == "in-force status.in-force"
    assert visit.page.locator("#fork").count() == 0
    assert "chưa chứng minh được" in visit.text()
    assert visit.page.locator('[data-step="check.history"]').get_attribute("data-state") == "open"
