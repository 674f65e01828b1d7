"""Anchoring many documents through the command line, end to end: hash, sign once, submit, fetch and check the receipts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.generate import new_home
from benchmarks.measure import Result, seconds_of, summary
from benchmarks.processes import Serving, environment, serving
from benchmarks.scale import Workshop
from node.home import Home

_FILE_BYTES = 100_000


def run(place: Workshop) -> Result:
    """`sogoc anchor` over many PDFs, from the shell's point of view."""
    room, count = place.room(), place.scale.documents
    home = Home(room / "home")
    new_home(home.path)
    fresh, again, alone = [], [], []
    files: list[Path] = []
    with serving(home.path) as node:
        for round_number in range(max(1, place.scale.rounds - 2)):
            files = _write_files(room / f"documents {round_number}", count)
            fresh.append(seconds_of(lambda: _anchor(node, home, files)))  # noqa: B023  called at once
            again.append(seconds_of(lambda: _anchor(node, home, files)))  # noqa: B023
            one = _write_files(room / f"one {round_number}", 1)
            alone.append(seconds_of(lambda: _anchor(node, home, one)))  # noqa: B023
    if not all(Path(f"{file}.tlog-proof").is_file() for file in files):
        raise RuntimeError("a file has no receipt")
    _sogoc("verify", str(files[0]), "--policy", str(home.policy))
    return {
        "documents": count,
        "anchor_s": summary(fresh),
        "anchor_ms_per_document": summary([one / count * 1e3 for one in fresh]),
        "anchor_one_document_s": summary(alone),
        "anchor_again_s": summary(again),
    }


def _write_files(folder: Path, count: int) -> list[Path]:
    """PDFs of 100 KB as far as anchoring is concerned, which hashes whatever is in a file: no two alike."""
    folder.mkdir()
    files = [folder / f"Báo cáo {number}.pdf" for number in range(count)]
    for file in files:
        file.write_bytes(b"%PDF-1.7\n" + f"% {file}\n".encode() + bytes(_FILE_BYTES))
    return files


def _anchor(node: Serving, home: Home, files: Sequence[Path]) -> None:
    _sogoc("anchor", "--node", node.url, "--key", str(home.key("office")), "--json", *map(str, files))


def _sogoc(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments], env=environment(), capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"sogoc {arguments[0]} failed: {(done.stderr or done.stdout).decode()[-2000:]}")
