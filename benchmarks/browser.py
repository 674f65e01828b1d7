"""Verification in a browser: milliseconds for each receipt in Chromium, and the first verdict on a slow phone.

The modules are those that a node serves, and the page is its own. What is timed is one call: parse, three signatures or
more with WebCrypto, the inclusion proofs, three state proofs, the verdict. The policy has been read before, as on any
second receipt. The first verdict of all is `benchmarks.pages`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from api.client import Client
from api.pages.assets import assets
from benchmarks import pages
from benchmarks.generate import Shape, document
from benchmarks.measure import Result, UnavailableError, milliseconds
from benchmarks.processes import serving
from benchmarks.scale import Workshop
from ledger.hashing import leaf_hash

_MEASURE = """async ([module, texts, policy]) => {
  const { judgeReceipt } = await import(module);
  const times = [];
  for (const text of [texts[0], ...texts]) {
    const started = performance.now();
    const judgement = await judgeReceipt(text, policy, { nowMs: Date.now() });
    times.push(performance.now() - started);
    if (judgement.verdict !== "in-force") throw new Error(`${judgement.verdict}: ${judgement.rule}`);
  }
  return times;
}"""


def run(place: Workshop) -> Result:
    """Receipts verified in Chromium, milliseconds each; and the first verdict of all on a cold, slow phone."""
    if not find_spec("playwright"):
        raise UnavailableError("playwright is not installed: it belongs to the extra `test`")
    if not Path(pages.CHROMIUM).exists():
        raise UnavailableError(f"there is no {pages.CHROMIUM}")
    scale = place.scale
    return {
        "receipts": _receipts(place, Shape(scale.batches, 100)),
        "first_verdict": pages.measure(max(1, scale.rounds)),
    }


def _receipts(place: Workshop, shape: Shape) -> Result:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only what needs a browser asks for it

    home, count = place.ledger(shape), place.scale.browser
    with serving(home.path) as node, sync_playwright() as playwright:
        step = max(1, shape.records // count)
        with Client(node.url) as client:
            texts = [client.receipt(leaf_hash(document(number * step))) for number in range(count)]
        browser = playwright.chromium.launch(executable_path=pages.CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(node.url)
        given = [f"/static/{assets().version}/verify/index.js", texts, home.policy.read_text("utf-8")]
        found: Result = {"records": shape.records}
        for name, slowdown in (("full_speed", 1), ("slowed_down", pages.CPU_SLOWDOWN)):
            session = page.context.new_cdp_session(page)
            session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
            first, *others = page.evaluate(_MEASURE, given)
            # The first of all reads the modules and the policy.
            found.setdefault("first_ms", round(first, 2))
            found[name] = milliseconds([value / 1e3 for value in others])
        browser.close()
    return found
