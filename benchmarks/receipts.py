"""How long a receipt takes: made in the process, fetched over HTTP, verified offline; and how large it is."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from functools import partial

from api.client import Client
from benchmarks.generate import Shape, document
from benchmarks.measure import Result, milliseconds, seconds_of
from benchmarks.processes import serving
from benchmarks.scale import Workshop
from ledger import receipt
from ledger.hashing import leaf_hash
from ledger.policy import Policy
from ledger.store.ledger_store import LedgerStore
from node.home import Home
from node.receipts import FinalView


def run(place: Workshop) -> Result:
    """Receipts of records all over a ledger: p50 and p99 in the process and over HTTP, offline verification, bytes."""
    scale = place.scale
    return {
        f"{shape.records} records, {shape.per_entry} per entry": measure(
            place.ledger(shape), shape.records, scale.receipts
        )
        for shape in (Shape(scale.batches, 100), Shape(scale.singles, 1))
    }


def measure(home: Home, records: int, count: int) -> Result:
    """The figures of one ledger, over `count` records spread all over it; the node is started for it, cold."""
    numbers = random.Random(20260101).choices(range(records), k=count)
    wanted = [leaf_hash(document(number)) for number in numbers]
    made, texts = _in_process(home, wanted)
    policy = Policy.parse(home.policy.read_bytes())
    verified = [seconds_of(partial(receipt.verify, text, policy)) for text in texts]
    fetched = _over_http(home, wanted)
    sizes = [len(text.encode()) for text in texts]
    return {
        "in_process": milliseconds(made),
        "over_http": milliseconds(fetched),
        "verify_offline": milliseconds(verified),
        "bytes": {"median": statistics.median(sizes), "low": min(sizes), "high": max(sizes)},
    }


def _in_process(home: Home, wanted: Sequence[bytes]) -> tuple[list[float], list[str]]:
    store = LedgerStore.open(home.ledger)
    texts: list[str] = []
    try:
        final = FinalView(store, store.signed_checkpoint() or "")

        def make(record_id: bytes) -> None:
            place = final.place(record_id)
            if place is None:
                raise RuntimeError("the ledger lacks a record that was put on it")
            texts.append(final.receipt(place).text())

        seconds = [seconds_of(partial(make, record_id)) for record_id in wanted]
    finally:
        store.close()
    return seconds, texts


def _over_http(home: Home, wanted: Sequence[bytes]) -> list[float]:
    """One connection, one request after the other."""
    with serving(home.path) as node, Client(node.url) as client:
        client.status()
        return [seconds_of(partial(client.receipt, record_id)) for record_id in wanted]
