"""How much work fifty ledgers are for the node that witnesses them.

    python -m benchmarks --only witness
    python -m benchmarks.witness [LEDGERS] [STEPS]    # prints, and fills no table

A node that serves, `sogoc serve` with a witness key, is asked over HTTP by four clients for ledgers that grow by a hundred
leaves a step; each request carries the ledger's own checkpoint and its path, each state is synced to the disk before the
answer, and each cosignature is checked afterwards. In turns with it: the same ledgers at sizes that the witness knows, for
which it writes nothing.
Requests are made before anything is timed. Prints JSON, with the unit in the name of each number.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx

from benchmarks.measure import Result, machine, summary
from benchmarks.processes import Serving, serving
from benchmarks.scale import DEFAULT, Workshop
from ledger import checkpoint as checkpoints
from ledger import note as notes
from ledger import tiles
from ledger.hashing import leaf_hash, sha256
from ledger.keys import SigningKey
from ledger.merkle import CompactRange
from ledger.note import COSIGNING_KEY, LOG_KEY, Note, VerifierKey
from ledger.tiles import new_tiles
from ledger.witnessing import PATH, cosignature_by, format_request, parse_cosignatures
from node import keyfiles
from node.home import WITNESS_KEY, Home, init
from node.witness.book import create_book

LEAVES_PER_STEP: Final = 100
CLIENTS: Final = 4


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and the text over which a cosignature must come back."""

    body: bytes
    text: str


class WardLog:
    """A ledger as far as a witness sees it: tiles, and a key that signs checkpoints."""

    def __init__(self, number: int) -> None:
        self.origin = f"phuong-{number}.example/so-goc"
        self._key = SigningKey.from_seed(sha256(b"benchmark ward %d" % number))
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._log = CompactRange()

    @property
    def policy(self) -> str:
        """What the witness is given."""
        return f"log {VerifierKey(self.origin, LOG_KEY, self._key.public_key).vkey}\nquorum none\n"

    def tile(self, level: int, n: int, width: int) -> bytes:
        """A tile's first hashes."""
        return self._tiles[level, n][: width * 32]

    def step(self) -> tuple[Request, Request]:
        """Grow; the request that says so, and the one for the same size again."""
        old = self._log.size
        hashes = [leaf_hash(b"%s %d" % (self.origin.encode(), old + one)) for one in range(LEAVES_PER_STEP)]
        self._tiles |= new_tiles(old, hashes, self.tile)
        self._log = self._log.extend(hashes)
        text = checkpoints.body(self.origin, self._log.size, self._log.root())
        signed = notes.format(Note(text, (notes.sign_log(text, self.origin, self._key),)))
        path = tiles.consistency_proof(self, old, self._log.size) if old else []
        grown = format_request(old, path, signed).encode()
        return Request(grown, text), Request(format_request(self._log.size, [], signed).encode(), text)


def run(place: Workshop) -> Result:
    """How much work a province has with the ledgers of its wards, which it witnesses."""
    return measure(*place.scale.witnessed)


def measure(ledgers: int, steps: int) -> Result:
    """Cosignatures per second, milliseconds and CPU of each, and bytes, for ledgers that grow and ledgers that rest."""
    logs = [WardLog(number) for number in range(ledgers)]
    rounds = [[log.step() for log in logs] for _ in range(steps)]
    with TemporaryDirectory(prefix="sogoc-witness-") as directory:
        home, key = _make_home(Path(directory) / "province", logs)
        with serving(home.path) as node:
            _ask(node, key, [WardLog(0).step()[0]] * 20, expected=(200, 409))  # warm
            growing, resting = _Phase(), _Phase()
            for number, pairs in enumerate(rounds):
                # The first round's request for ward 0 has been answered while the node warmed up.
                first = [pair[0] for pair in pairs]
                growing.add(node, key, first[1:] if number == 0 else first)
                resting.add(node, key, [pair[1] for pair in pairs])
            return {
                "ledgers": ledgers,
                "steps": steps,
                "clients": CLIENTS,
                "growing": growing.result(),
                "resting": resting.result(),
                "book_bytes_per_ledger": sum(
                    path.stat().st_size for path in (home.witness / "logs").iterdir()
                )
                / ledgers,
                "node_peak_mb": node.peak_bytes() / 1e6,
            }


class _Phase:
    """One kind of request, over all rounds."""

    def __init__(self) -> None:
        self._rates: list[float] = []
        self._cpu: list[float] = []
        self._sent = self._received = self._count = 0

    def add(self, node: Serving, key: VerifierKey, requests: Sequence[Request]) -> None:
        cpu, started = _cpu_seconds(node.pid), time.perf_counter()
        received = _ask(node, key, requests)
        self._rates.append(len(requests) / (time.perf_counter() - started))
        self._cpu.append((_cpu_seconds(node.pid) - cpu) * 1000 / len(requests))
        self._sent += sum(len(one.body) for one in requests)
        self._received += received
        self._count += len(requests)

    def result(self) -> Result:
        return {
            "cosignatures": self._count,
            "cosignatures_per_second": summary(self._rates),
            "node_cpu_milliseconds_each": summary(self._cpu),
            "request_bytes_each": self._sent / self._count,
            "answer_bytes_each": self._received / self._count,
        }


def _ask(
    node: Serving, key: VerifierKey, requests: Sequence[Request], *, expected: Sequence[int] = (200,)
) -> int:
    """Send all requests by some clients at once; returns the bytes of the answers. Checks each cosignature afterwards."""
    answers: list[tuple[Request, httpx.Response]] = []

    def send(part: Sequence[Request]) -> None:
        with httpx.Client(base_url=node.url, timeout=60) as client:
            answers.extend((one, client.post(PATH, content=one.body)) for one in part)

    threads = [threading.Thread(target=send, args=(requests[number::CLIENTS],)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(answers) != len(requests):
        raise RuntimeError("a client failed")
    for request, answer in answers:
        if answer.status_code not in expected:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        if answer.status_code == httpx.codes.OK:
            cosignature_by(key, parse_cosignatures(answer.content), request.text)
    return sum(len(answer.content) for _, answer in answers)


def _make_home(path: Path, logs: Sequence[WardLog]) -> tuple[Home, VerifierKey]:
    init(path, origin="tinh.example/so-goc", name="UBND tỉnh", time_s=int(time.time()), passphrase=None)
    home = Home(path)
    fresh = keyfiles.new_key()
    key = VerifierKey("tinh.example/witness", COSIGNING_KEY, fresh.public_key)
    create_book(home, key)
    keyfiles.save(home.key(WITNESS_KEY), fresh, None)
    home.witnessed.mkdir()
    for number, log in enumerate(logs):
        (home.witnessed / f"ward-{number}").write_text(log.policy)
    return home, key


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str]) -> None:
    """The program."""
    ledgers, steps = (*map(int, arguments), *DEFAULT.witnessed[len(arguments) :])
    print(json.dumps({"machine": machine(), "result": measure(ledgers, steps)}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
