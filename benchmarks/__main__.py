"""The harness: `python -m benchmarks [--quick | --large] [--only NAME …] [--output FOLDER]`.

Runs the questions one after the other and writes `<name>.json` for each; then draws the plots, if matplotlib is there, and
fills the tables of `docs/performance.md`. What is in the checkout is replaced only by a run at full size.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import structlog

from benchmarks import plots, tables
from benchmarks.measure import UnavailableError, machine, say
from benchmarks.processes import CHECKOUT
from benchmarks.questions import QUESTIONS
from benchmarks.scale import DEFAULT, LARGE, QUICK, workshop

RESULTS = CHECKOUT / "benchmarks" / "results"
PLOTS = CHECKOUT / "docs" / "performance"


def main(arguments: Sequence[str] | None = None) -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, under two minutes")
    parser.add_argument("--large", action="store_true", help="growth up to three million records")
    parser.add_argument(
        "--only", nargs="+", choices=sorted(QUESTIONS), metavar="NAME", help=", ".join(QUESTIONS)
    )
    parser.add_argument(
        "--output", type=Path, help="folder for results and plots, instead of the checkout's own"
    )
    options = parser.parse_args(arguments)
    scale = QUICK if options.quick else LARGE if options.large else DEFAULT
    if scale is not DEFAULT and options.output is None:
        parser.error("--quick and --large need --output: the checkout's own results are of the usual size")
    results = options.output or RESULTS
    results.mkdir(parents=True, exist_ok=True)
    # A node in this process (`alternatives`) would tell of every block here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with workshop(scale) as place:
        for name, run in QUESTIONS.items():
            if options.only and name not in options.only:
                continue
            say(f"{name}: {(run.__doc__ or '').splitlines()[0]}")
            before, started = machine(), time.perf_counter()
            try:
                result = run(place)
            except UnavailableError as error:
                say(f"  not asked: {error}")
                continue
            seconds = round(time.perf_counter() - started, 1)
            found = {"question": name, "seconds": seconds, "machine": before, "result": result}
            text = json.dumps(found, indent=1, ensure_ascii=False)
            (results / f"{name}.json").write_text(text + "\n", encoding="utf-8")
            say(f"  {seconds} s")
    if find_spec("matplotlib"):
        plots.draw(results, options.output or PLOTS)
    if options.output is None:
        tables.write()


if __name__ == "__main__":
    main()
