"""The validator's keys change while somebody keeps the first policy: the page follows, and retired keys forge nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.records.validators import REQUIRED, possession_message
from node.config import Config
from node.home import load_keys
from node.service import Node
from tests.browser.conftest import Site, Visit, made_visit, pdf
from tests.serving import serving
from tests.support import MEMBER, NODE_KEYS, document_record, make_home, new_key, put, sign

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@dataclass
class Changed:
    """A ledger whose keys changed, and a thief's that went on with the old ones from before."""

    site: Site
    thief: Site
    context: Any

    def visit(self) -> Visit:
        return made_visit(self.context, self.site)


@pytest.fixture
def changed(chromium: Browser, tmp_path: Path) -> Iterator[Changed]:
    papers = tmp_path / "papers"
    papers.mkdir()
    home = make_home(tmp_path / "node")
    old = load_keys(home, NODE_KEYS, None)
    new = {"log": new_key(), "validator": new_key(), "header": new_key()}
    first = Node(home, Config(), old)
    first.start()
    put(first, sign(first, [document_record(pdf("before"))]))
    first.stop()
    thief_home = type(home)(tmp_path / "thief")
    shutil.copytree(home.path, thief_home.path)
    nodes = [Node(home, Config(), old, next_keys=new), Node(thief_home, Config(), old)]
    context = chromium.new_context()
    try:
        for node in nodes:
            node.start()
        with serving(nodes[0]) as url, serving(nodes[1]) as other:
            yield Changed(Site(nodes[0], url, papers), Site(nodes[1], other, papers), context)
    finally:
        context.close()
        for node in nodes:
            node.stop()


def change_keys(node: Node) -> None:
    name = node.genesis.validators[0].name
    keys = {
        "header": node._own._sets[1]["header"],
        "log": node._own._sets[1]["log"],
        "cosigning": node._own._sets[1]["validator"],
    }
    body: dict[str, Value] = {"authority": MEMBER, "set": 0, "validator": name}
    for purpose, key in keys.items():
        message = possession_message(node.chain_id, name, purpose, key.public_key)
        body |= {f"{purpose}_key": key.public_key, f"{purpose}_possession": key.sign(message)}
    assert set(keys) < set(REQUIRED)
    put(node, sign(node, [encode_record("validator.set/1", body)], key="admin"))


def test_a_page_follows_the_change_from_the_policy_that_it_keeps(changed: Changed) -> None:
    site = changed.site
    for name in ("second", "third"):
        site.anchor(name)
    before = site.receipt("second")
    visit = changed.visit()
    visit.open()
    assert visit.give(site.paper("second")) == "in-force status.in-force"
    # A receipt that a thief makes of a paper that was never there, before anybody has heard of a change.
    changed.thief.anchor("forged")
    forged = changed.thief.receipt("forged")
    change_keys(site.node)
    site.anchor("after")
    visit.open()
    assert visit.give(site.paper("after")) == "in-force status.in-force"
    # No alarm: what the server shows now follows from what was kept.
    assert visit.page.locator("#policy-changed").count() == 0
    assert visit.page.locator("#fork").count() == 0
    visit.page.locator("#again").click()
    assert visit.give(site.paper("second"), before) == "in-force status.in-force"
    visit.page.locator("#again").click()
    assert visit.give(site.paper("forged"), forged).startswith("bad policy.epoch-")
    assert visit.complaints == []
