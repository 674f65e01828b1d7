"""Runs the tests of faults among several validators and writes their figures into docs/faults.md.

The figures of the last run are kept in docs/faults.json, and the page's tables are made from them: `--check` demands that
they still are, and runs nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.network.figures import VARIABLE  # noqa: E402  the checkout's own, wherever this is run from

PAGE = ROOT / "docs" / "faults.md"
KEPT = ROOT / "docs" / "faults.json"
COMMAND = "python scripts/faults.py"
_BLOCK = re.compile(r"(<!-- figures: faults -->\n).*?(<!-- end -->)", re.DOTALL)
_COLUMNS = ("offered", "acknowledged", "final", "refused", "lost", "duplicated", "forks")


def measure() -> dict[str, Any]:
    """Run the tests; what they kept, and where and when that was."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.jsonl"
        began = dt.datetime.now(dt.UTC)
        load = os.getloadavg()[0]
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/network"]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {VARIABLE: str(figures)}, check=False)
        if done.returncode:
            sys.exit("the tests fail: no figures are kept")
        rows = [json.loads(line) for line in figures.read_text(encoding="utf-8").splitlines()]
    return {
        "command": COMMAND,
        "date": began.isoformat(timespec="seconds"),
        "machine": f"{_processor()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}",
        "load": round(load, 1),
        "rows": rows,
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else platform.machine()


def page(text: str, kept: dict[str, Any]) -> str:
    """The page with the tables of a run."""
    lines = [
        f"`{kept['command']}`, begun {kept['date']}, on {kept['machine']}; one-minute load average before it: {kept['load']}.",
        "",
        f"| fault | {' | '.join(_COLUMNS)} | longest without finality |",
        f"|---|{'---:|' * (len(_COLUMNS) + 1)}",
    ]
    for row in kept["rows"]:
        counts = " | ".join(f"{row[name]:,}" for name in _COLUMNS)
        lines.append(f"| {row['fault']} | {counts} | {row['seconds']:.1f} s |")
    made, times = _BLOCK.subn(lambda found: found[1] + "\n" + "\n".join(lines) + "\n\n" + found[2], text)
    if times != 1:
        sys.exit(f"{PAGE} has no place for the figures")
    return made


def main() -> None:
    """Run and write, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="run nothing, compare page and figures")
    parser.add_argument("--again", action="store_true", help="run nothing, write the page again")
    arguments = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    if arguments.check:
        if page(text, json.loads(KEPT.read_text(encoding="utf-8"))) != text:
            sys.exit("docs/faults.md is not what docs/faults.json says: run scripts/faults.py --again")
        return
    if not arguments.again:
        KEPT.write_text(json.dumps(measure(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(text, json.loads(KEPT.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
