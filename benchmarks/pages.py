"""The first verdict on a cold, slow phone: from following a QR code's link to the verdict on the screen.

Rules: a new browser context each time, so that nothing is in a cache and no service worker runs; processor slowed down four
times and the network shaped by Chromium itself (CDP): 1.6 Mbit/s down, 0.75 Mbit/s up, 150 ms a round trip, which is what
browsers' own tools call a slow 4G or fast 3G. The clock starts at navigation and stops when the verdict is in the page, and
is the browser's own. A second visit, with what the first left behind, is measured beside it.

Run by itself, since it needs a browser: `python -m benchmarks.pages [rounds]` prints JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.generate import new_home
from benchmarks.measure import Result, milliseconds
from benchmarks.processes import environment, serving
from ledger.lookup_code import code_of
from ledger.policy import Policy
from ledger.receipt import verify
from node.home import Home

CHROMIUM = "/usr/bin/chromium"
CPU_SLOWDOWN = 4
NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
    "connectionType": "cellular3g",
}
GOAL_MS = 3_000
_VERDICT = "[data-verdict][data-rule]"


def measure(rounds: int) -> Result:
    """Milliseconds to the first verdict, cold and on a second visit."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only this benchmark needs a browser

    with tempfile.TemporaryDirectory(prefix="sogoc-pages-") as folder, sync_playwright() as playwright:
        home = Home(Path(folder) / "home")
        new_home(home.path)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with serving(home.path) as node:
            link = f"{node.url}/c/{_anchored(Path(folder), home, node.url)}"
            cold, bytes_sent = [], []
            again = []
            for _ in range(rounds):
                context = browser.new_context(viewport={"width": 360, "height": 740})
                page = context.new_page()
                received = _shape(context, page)
                cold.append(_verdict_ms(page, link))
                bytes_sent.append(received["bytes"])
                page.wait_for_function("() => navigator.serviceWorker.ready.then(() => true)", timeout=60_000)
                page.goto("about:blank")
                again.append(_verdict_ms(page, link))
                context.close()
        browser.close()
    return {
        "profile": f"CPU ÷ {CPU_SLOWDOWN}, 1.6 Mbit/s down, 150 ms a round trip",
        "goal_ms": GOAL_MS,
        "cold_ms": milliseconds([one / 1000 for one in cold]),
        "cold_ms_values": [round(one) for one in cold],
        "second_visit_ms_values": [round(one) for one in again],
        "bytes_over_the_network": max(bytes_sent),
    }


def _anchored(folder: Path, home: Home, url: str) -> str:
    """The lookup code of a document that was put on the ledger just now."""
    paper = folder / "Báo cáo 41.pdf"
    paper.write_bytes(b"%PDF-1.7\n" + b"a page\n" * 10_000)
    command = [
        sys.executable,
        "-m",
        "api.cli",
        "anchor",
        "--node",
        url,
        "--key",
        str(home.key("office")),
        str(paper),
    ]
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    receipt = Path(f"{paper}.tlog-proof").read_bytes()
    return code_of(verify(receipt, Policy.parse(home.policy.read_bytes())).record_id)


def _shape(context: Any, page: Any) -> dict[str, int]:  # noqa: ANN401  playwright is imported only where it is used
    """Slow the page down; the count of bytes that it receives from now on."""
    received = {"bytes": 0}

    def count(event: dict[str, Any]) -> None:
        received["bytes"] += int(event["encodedDataLength"])

    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", NETWORK)
    session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    session.on("Network.loadingFinished", count)
    return received


def _verdict_ms(page: Any, link: str) -> float:  # noqa: ANN401
    page.add_init_script(
        f"""new MutationObserver((_, watch) => {{
          if (!document.querySelector("{_VERDICT}")) return;
          watch.disconnect();
          requestAnimationFrame(() => {{ globalThis.verdictMs = performance.now(); }});
        }}).observe(document, {{ childList: true, subtree: true }});"""
    )
    page.goto(link)
    page.wait_for_function("() => globalThis.verdictMs !== undefined", timeout=60_000)
    verdict = page.locator(_VERDICT).first.get_attribute("data-verdict")
    if verdict != "in-force":
        raise RuntimeError(f"the page says {verdict} to a paper in force")
    return float(page.evaluate("globalThis.verdictMs"))


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5), indent=1, ensure_ascii=False))
