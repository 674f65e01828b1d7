"""`kill -9` at random instants under load, for as long as you like: what tests/faults/test_node_crashes.py does thirty times.

Each ledger is killed `--each` times, then stopped in peace and audited, and a new one begins under the next seed. Prints what
happened; ends with 1 at the first thing that must not happen, and keeps that ledger, its log and its book.

With `--network` it is four validators (with `cometbft`), of which some are killed, stopped, slowed down or, where root may
make network namespaces, cut off from each other, by the schedule of the seed (`--plan` prints it and does nothing else);
after each round an independent checker compares what all four serve with what each of them acknowledged.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.faults.checker import Figures  # noqa: E402  the checkout's own packages, wherever this is run from
from tests.faults.rounds import Rounds  # noqa: E402
from tests.network.soaking import NetworkRounds, plan  # noqa: E402


def main() -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first ledger; the others follow")
    parser.add_argument("--minutes", type=float, help="go on for about so long")
    parser.add_argument(
        "--rounds", type=int, help="or for so many rounds under load (1,000 if neither is given)"
    )
    parser.add_argument("--each", type=int, default=50, help="rounds on one ledger")
    parser.add_argument("--folder", type=Path, help="where ledgers are made (a temporary folder)")
    parser.add_argument("--network", action="store_true", help="four validators instead of one node")
    parser.add_argument("--plan", action="store_true", help="of a network: print the seed's schedule only")
    arguments = parser.parse_args()
    wanted = arguments.rounds or (None if arguments.minutes else 1_000)
    if arguments.plan:
        for number, fault in enumerate(islice(plan(arguments.seed), min(wanted or 1_000, arguments.each)), 1):
            print(f"seed={arguments.seed} round={number} {fault}")
        return 0
    until = None if arguments.minutes is None else time.monotonic() + arguments.minutes * 60
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="sogoc-soak-"))
    total, done, seed, began = Figures(), 0, arguments.seed, time.monotonic()
    longest = 0.0

    def is_over() -> bool:
        return (wanted is not None and done >= wanted) or (until is not None and time.monotonic() >= until)

    while not is_over():
        one = folder / f"seed-{seed}"
        soak: Rounds | NetworkRounds = NetworkRounds(one, seed) if arguments.network else Rounds(one, seed)
        try:
            while not is_over() and soak.number < arguments.each:
                soak.round()
                done += 1
            soak.finish()
        except KeyboardInterrupt:
            print(f"stopped by hand, {total}")
            return 130
        except Exception as error:  # noqa: BLE001  whatever it is, it must not happen
            print(
                f"FAILED after {done} rounds, seed {seed}, round {soak.number}: see {soak.folder}",
                file=sys.stderr,
            )
            print(f"{soak.figures}\n{error}", file=sys.stderr)
            return 1
        finally:
            soak.close()
        total.add(soak.figures)
        seconds = time.monotonic() - began
        words = f"seed={seed} rounds={done} seconds={seconds:.0f} {total}"
        if isinstance(soak, NetworkRounds):
            longest = max(longest, soak.longest)
            words += f" longest_without_finality={longest:.1f}"
        print(words, flush=True)
        shutil.rmtree(soak.folder)
        seed += 1
    if arguments.folder is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
