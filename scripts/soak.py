"""`kill -9` at random instants under load, for as long as you like: what tests/faults/test_node_crashes.py does thirty times.

Each ledger is killed `--each` times, then stopped in peace and audited, and a new one begins under the next seed. Prints what
happened; ends with 1 at the first thing that must not happen, and keeps that ledger, its log and its book.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.faults.checker import Figures  # noqa: E402  the checkout's own packages, wherever this is run from
from tests.faults.rounds import Rounds  # noqa: E402


def main() -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first ledger; the others follow")
    parser.add_argument("--minutes", type=float, help="go on for about so long")
    parser.add_argument(
        "--rounds", type=int, help="or for so many kills under load (1,000 if neither is given)"
    )
    parser.add_argument("--each", type=int, default=50, help="rounds on one ledger")
    parser.add_argument("--folder", type=Path, help="where ledgers are made (a temporary folder)")
    arguments = parser.parse_args()
    wanted = arguments.rounds or (None if arguments.minutes else 1_000)
    until = None if arguments.minutes is None else time.monotonic() + arguments.minutes * 60
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="sogoc-soak-"))
    total, done, seed, began = Figures(), 0, arguments.seed, time.monotonic()

    def is_over() -> bool:
        return (wanted is not None and done >= wanted) or (until is not None and time.monotonic() >= until)

    while not is_over():
        rounds = Rounds(folder / f"seed-{seed}", seed)
        try:
            while not is_over() and rounds.number < arguments.each:
                rounds.round()
                done += 1
            rounds.finish()
        except KeyboardInterrupt:
            print(f"stopped by hand, {total}")
            return 130
        except Exception as error:  # noqa: BLE001  whatever it is, it must not happen
            print(
                f"FAILED after {done} rounds, seed {seed}, round {rounds.number}: see {rounds.folder}",
                file=sys.stderr,
            )
            print(f"{rounds.figures}\n{error}", file=sys.stderr)
            return 1
        finally:
            rounds.close()
        total.add(rounds.figures)
        seconds = time.monotonic() - began
        print(f"seed={seed} rounds={done} seconds={seconds:.0f} {total}", flush=True)
        shutil.rmtree(rounds.folder)
        seed += 1
    if arguments.folder is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
