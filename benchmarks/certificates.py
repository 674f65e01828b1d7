"""Issuing certificates, from a table to what the holders are given: final on the ledger, checked, on the disk.

`sogoc certify` as it is, called in this process so that the start of Python does not count, against a node in another: it reads
the table and its key, signs once, keeps claims in the node's vault, submits and waits until it is final, fetches and judges
every receipt, makes and signs a Verifiable Credential for each, and syncs the files of all holders. With sheets it typesets
each with both codes, and records their hashes.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path

from api.cli.app import app
from benchmarks.generate import new_home
from benchmarks.measure import Result, in_turns, rates, seconds_of, summary
from benchmarks.processes import Serving, environment, serving
from benchmarks.scale import Workshop
from node.home import Home

_HEADINGS = "so,san_pham,chu_the,dia_chi,nhom,hang_sao,quyet_dinh,ngay_cong_nhan,dai_dien"
_SHEETS = 50
"""Certificates of a batch with sheets: typesetting takes the same time for each."""


def run(place: Workshop) -> Result:
    """Certificates per second, one signature each and one signature for all of them, with everything the holders get."""
    room, count = place.room(), place.scale.certificates
    home = Home(room / "home")
    new_home(home.path)
    with serving(home.path) as node:
        desk = _Desk(node, home, room)
        few = {"one": lambda: desk.seconds(1), "one, no vault": lambda: desk.seconds(1, "--no-vault")}
        many = {
            "batch": lambda: desk.seconds(count),
            "batch, no vault": lambda: desk.seconds(count, "--no-vault"),
        }
        found = in_turns(place.scale.rounds, few) | in_turns(max(1, place.scale.rounds - 2), many)
        result: Result = {"certificates": count}
        for name, seconds in found.items():
            size = 1 if name.startswith("one") else count
            result[name] = {"seconds": summary(seconds), "per_s": summary(rates(size, seconds))}
        if find_spec("typst"):
            sheets = min(count, _SHEETS)
            seconds = [desk.seconds(sheets, "--papers", "--site", "https://so-goc.example")]
            result["sheets"] = {
                "count": sheets,
                "seconds": summary(seconds),
                "per_s": summary(rates(sheets, seconds)),
            }
        result["command_s"] = round(desk.command_seconds(count), 3)
    return result


class _Desk:
    """An issuer at work: each batch has a table and a folder of its own."""

    def __init__(self, node: Serving, home: Home, room: Path) -> None:
        self._node = node
        self._home = home
        self._room = room
        self._batches = 0

    def seconds(self, count: int, *more: str) -> float:
        """How long it takes to issue so many certificates with one signature."""
        arguments, output = self._arguments(count)
        said = io.StringIO()

        def issue() -> None:
            with redirect_stdout(said):
                app([*arguments, *more], standalone_mode=False)

        seconds = seconds_of(issue)
        self._check(json.loads(said.getvalue()), output, count)
        return seconds

    def command_seconds(self, count: int) -> float:
        """The same from the shell's point of view."""
        arguments, output = self._arguments(count)
        said: list[bytes] = []

        def issue() -> None:
            done = subprocess.run(
                [sys.executable, "-m", "api.cli", *arguments],
                env=environment(),
                capture_output=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"sogoc certify failed: {(done.stderr or done.stdout).decode()[-2000:]}")
            said.append(done.stdout)

        seconds = seconds_of(issue)
        self._check(json.loads(said[0]), output, count)
        return seconds

    def _arguments(self, count: int) -> tuple[list[str], Path]:
        self._batches += 1
        table, output = (
            self._room / f"table {self._batches}.csv",
            self._room / f"batch {self._batches}",
        )
        table.write_text(_table(count), encoding="utf-8")
        where = [
            "--node",
            self._node.url,
            "--key",
            str(self._home.key("office")),
            "--policy",
            str(self._home.policy),
        ]
        what = ["--schema", "ocop.1", "--csv", str(table), "-o", str(output)]
        return ["certify", *what, *where, "--json"], output

    @staticmethod
    def _check(answer: dict[str, object], output: Path, count: int) -> None:
        issued = answer["certificates"]
        if not isinstance(issued, list) or len(issued) != count:
            raise RuntimeError(f"{count} certificates were to be issued")
        if len(list(output.glob("*/*.sogoc-proof"))) != count:
            raise RuntimeError("a holder has no proof")


def _table(count: int) -> str:
    lines = (
        f"{number}/CN-OCOP,Mật ong hoa rừng số {number},HTX Dứa Phú Sơn,Phường Phú Sơn,Thực phẩm,4,112/QĐ-UBND,14/03/2025,A"
        for number in range(count)
    )
    return "\n".join((_HEADINGS, *lines)) + "\n"
