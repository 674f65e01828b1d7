"""The other side of an ingest measurement: a process that sends entries signed beforehand and waits until they are final.

    python -m benchmarks.load URL[,URL…] FILE ENTRIES-PER-REQUEST CONNECTIONS

It uses `api.client` as any program would, one client for each connection, which go to the addresses in turn, and prints one
line of JSON: seconds from the first byte sent until the last entry was final, and the latency of each request. A request
that ends otherwise is an error.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from api.client import Client
from ledger.entry import Entry

_LENGTH_BYTES = 4


def write_submissions(path: Path, entries: Iterator[Entry]) -> int:
    """Write entries as they will be sent, each with its length before it; returns how many there are."""
    count = 0
    with path.open("wb") as file:
        for entry in entries:
            data = entry.submission()
            file.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
            count += 1
    return count


def read_submissions(path: Path) -> list[bytes]:
    """What `write_submissions` wrote."""
    data, submissions, at = path.read_bytes(), [], 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        submissions.append(data[start:at])
    return submissions


@dataclass
class _Work:
    """Requests still to be sent, shared by the connections."""

    requests: Iterator[Sequence[bytes]]
    lock: threading.Lock = field(default_factory=threading.Lock)
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def next(self) -> Sequence[bytes] | None:
        with self.lock:
            return next(self.requests, None)


def _send(work: _Work, client: Client) -> None:
    try:
        while (request := work.next()) is not None:
            started = time.perf_counter()
            outcomes = client.submit(request, wait_final=True)
            work.latencies.append(time.perf_counter() - started)
            work.errors += [str(outcome) for outcome in outcomes if outcome.status != "final"]
    except Exception as error:  # noqa: BLE001  whatever it was, the measurement is void and must say so
        work.errors.append(repr(error))


def send_all(
    urls: Sequence[str], submissions: Sequence[bytes], per_request: int, connections: int
) -> dict[str, object]:
    """Send everything over some connections at once; returns seconds and the latency of each request."""
    requests = (submissions[at : at + per_request] for at in range(0, len(submissions), per_request))
    work = _Work(requests)
    clients = [Client(urls[number % len(urls)]) for number in range(connections)]
    for client in clients:
        client.status()  # connected before the clock starts
    threads = [threading.Thread(target=_send, args=(work, client)) for client in clients]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    for client in clients:
        client.close()
    return {"seconds": seconds, "latencies": work.latencies, "errors": work.errors[:5]}


def main(arguments: Sequence[str]) -> None:
    """The program."""
    urls, file, per_request, connections = arguments
    submissions = read_submissions(Path(file))
    print(json.dumps(send_all(urls.split(","), submissions, int(per_request), int(connections))))


if __name__ == "__main__":
    main(sys.argv[1:])
