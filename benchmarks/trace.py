"""Tracing goods: latency against depth, fan-out and size of the ledger; what findings and proofs cost; bytes per event.

A ledger of so many events is written straight into a store. Most are of lots that have nothing to do with each other; spread
evenly among them stand the events of chains of every shape that is asked for: layer by layer, each lot made of two of the
layer before, and at the end one lot made of the whole last layer. So a trace of that lot reads histories from all over the
ledger.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from benchmarks.generate import START_S, new_home
from benchmarks.measure import Result, in_turns, say, seconds_of, summary
from benchmarks.processes import serving
from benchmarks.scale import Workshop
from ledger.entry import Entry, encode_record, sign_entry
from ledger.epcis.json_text import parse_object
from ledger.epcis.record import prepare
from ledger.epcis.times import write_time
from ledger.epcis.vocabulary import CONTEXT
from ledger.execution import seal
from ledger.gs1 import Item
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.origin.findings import Judgement
from ledger.origin.graph import Limits
from ledger.origin.proof import check
from ledger.origin.trace import as_dictionary
from ledger.policy import Policy
from ledger.records.members import possession_message
from ledger.rules import ParsedEntry, apply_entries
from ledger.store.ledger_store import LedgerStore
from node.application import block_commit, load_tip
from node.cosigning import cosign_head
from node.home import DEFAULT_MEMBER, Home, cosigner_of, load_keys
from node.origin import proof_of, trace_of
from node.receipts import FinalView

GROWER = "grower"
GTIN = "08938500000010"
_LIMITS = Limits(depth=32)
_PER_ENTRY = 100
_PER_BLOCK = 5_000
_STEP_MS = 60_000
_WIDEST = 200
"""Inputs of one transformation: an event names at most 256 things."""


@dataclass(frozen=True, slots=True)
class Chain:
    """So many layers of so many lots each."""

    depth: int
    width: int

    @property
    def name(self) -> str:
        """For the results."""
        return f"{self.depth} deep, {self.width} wide"

    def lot(self, layer: int, number: int) -> str:
        """Item path of a lot in the chain."""
        return _lot(f"C{self.depth}-{self.width}-{layer}-{number}")

    @property
    def last(self) -> str:
        """The lot that is made of the whole last layer."""
        return _lot(f"C{self.depth}-{self.width}-end")

    def events(self) -> Iterator[Callable[[int], bytes]]:
        """Its events' records, each to be made at a time in milliseconds since the epoch."""
        for layer in range(self.depth):
            for number in range(self.width):
                own = self.lot(layer, number)
                if layer == 0:
                    yield partial(_made, own)
                else:
                    inputs = sorted(
                        {self.lot(layer - 1, number), self.lot(layer - 1, (number + 1) % self.width)}
                    )
                    yield partial(_processed, inputs, own)
        yield partial(
            _processed, [self.lot(self.depth - 1, number) for number in range(self.width)], self.last
        )


def _lot(name: str) -> str:
    return Item(gtin=GTIN, lot=name).path


def _quantity(item: str, amount: int) -> dict[str, object]:
    return {"epcClass": f"https://id.gs1.org/{item}", "quantity": amount, "uom": "KGM"}


def _event(time_ms: int, **members: object) -> bytes:
    event = {
        "@context": CONTEXT,
        "eventTime": write_time(time_ms),
        "eventTimeZoneOffset": "+07:00",
        "readPoint": {"id": "https://id.gs1.org/414/8938500000010"},
    } | members
    body = prepare(GROWER, parse_object(json.dumps(event).encode(), max_bytes=60_000)).body
    return encode_record("epcis.event/1", body)


def _made(item: str, time_ms: int) -> bytes:
    return _event(
        time_ms,
        type="ObjectEvent",
        action="ADD",
        bizStep="commissioning",
        quantityList=[_quantity(item, 1_000)],
    )


def _processed(inputs: list[str], output: str, time_ms: int) -> bytes:
    return _event(
        time_ms,
        type="TransformationEvent",
        bizStep="creating_class_instance",
        inputQuantityList=[_quantity(item, 1) for item in inputs[:_WIDEST]],
        # Each lot is used by two at most, one kilogram each: nothing gives more than it took.
        outputQuantityList=[_quantity(output, len(inputs))],
    )


def _observed(item: str, number: int, time_ms: int) -> bytes:
    return _event(
        time_ms + number,
        type="ObjectEvent",
        action="OBSERVE",
        bizStep="inspecting",
        quantityList=[_quantity(item, 1_000)],
    )


def run(place: Workshop) -> Result:
    """Milliseconds of traces, findings and proofs, and bytes per event, at growing sizes of the ledger."""
    chains = [Chain(*shape) for shape in place.scale.chains]
    return {
        "chains": [chain.name for chain in chains],
        "sizes": [_measure(place, events, chains) for events in place.scale.events],
    }


def _measure(place: Workshop, events: int, chains: list[Chain]) -> Result:
    home = Home(place.room() / "home")
    generated = seconds_of(lambda: generate(home.path, events, chains, place.scale.lot_events))
    say(f"  {events:,} events in {generated:.0f} s")
    store = LedgerStore.open(home.ledger)
    try:
        with store.snapshot() as view:
            text = view.signed_checkpoint()
            if text is None:
                raise ValueError("the ledger was not signed")
            final = FinalView(view, text)
            found = {chain.name: _chain(place, final, home, chain) for chain in chains}
            lots = {str(count): _lot_costs(place, final, count) for count in place.scale.lot_events}
    finally:
        store.close()
    size = sum(file.stat().st_size for file in home.ledger.rglob("*") if file.is_file())
    over_http = {}
    with serving(home.path) as node, httpx.Client(base_url=node.url, timeout=60) as client:
        for chain in chains:
            path = f"/v1/trace/{chain.last}?depth=32"
            _fetch(client, path)  # the first request of a kind loads what it needs
            seconds = [seconds_of(partial(_fetch, client, path)) for _ in range(place.scale.rounds)]
            over_http[chain.name] = summary([one * 1e3 for one in seconds])
    return {
        "events": events,
        "generated_s": round(generated, 1),
        "bytes_per_event": round(size / events, 1),
        "chains": found,
        "over_http_ms": over_http,
        "findings_of_a_lot": lots,
    }


def _fetch(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    if response.status_code != 200:
        raise ValueError(f"a trace was answered {response.status_code}")


def _chain(place: Workshop, final: FinalView, home: Home, chain: Chain) -> Result:
    def trace() -> None:
        found, source = trace_of(final, chain.last, "back", _LIMITS, check_hashes=False)
        answer = as_dictionary(found, Judgement(found.story), "back", source.as_of_ms)
        if len(answer["nodes"]) != chain.depth * chain.width + 1 or answer["truncated"]:
            raise ValueError(f"the trace has {len(answer['nodes'])} things")

    def findings() -> None:
        found, source = trace_of(final, chain.last, "back", _LIMITS)
        if Judgement(found.story).findings(found.nodes, source.as_of_ms):
            raise ValueError("an honest chain has findings")

    seconds = in_turns(
        place.scale.rounds, {"trace": partial(seconds_of, trace), "findings": partial(seconds_of, findings)}
    )
    proof = proof_of(final, chain.last, "back", _LIMITS).encoded()
    policy = _policy(home)
    checked = seconds_of(lambda: check(proof, policy))
    return {
        "things": chain.depth * chain.width + 1,
        "trace_ms": summary([one * 1e3 for one in seconds["trace"]]),
        "findings_ms": summary([one * 1e3 for one in seconds["findings"]]),
        "proof_bytes": len(proof),
        "check_ms": round(checked * 1e3, 1),
    }


def _policy(home: Home) -> Policy:
    return Policy.parse(home.policy.read_bytes())


def _lot_costs(place: Workshop, final: FinalView, count: int) -> Result:
    """Findings of one lot with so many events."""

    def findings() -> None:
        found, source = trace_of(final, _lot(f"L{count}"), "both", _LIMITS)
        Judgement(found.story).findings(found.nodes, source.as_of_ms)

    seconds = [seconds_of(findings) for _ in range(place.scale.rounds)]
    return {"findings_ms": summary([one * 1e3 for one in seconds])}


# -- the ledger ----------------------------------------------------------------------------------------------------------


def _schedule(
    events: int, chains: list[Chain], lot_events: tuple[int, ...]
) -> Iterator[Callable[[int], bytes]]:
    """The records of the ledger: those of the chains and of the long lots, spread evenly among others."""
    wanted = [make for chain in chains for make in chain.events()]
    wanted += [
        partial(_made, _lot(f"L{count}")) if number == 0 else partial(_observed, _lot(f"L{count}"), number)
        for count in lot_events
        for number in range(count)
    ]
    filler = max(0, events - len(wanted))
    template = _made(_lot("F0000000"), START_S * 1_000)
    every = max(1, filler // max(1, len(wanted)))
    given = 0
    for number, make in enumerate(wanted):
        yield make
        share = filler - given if number == len(wanted) - 1 else min(every, filler - given)
        for other in range(given, given + share):
            yield partial(_filler, template, other)
        given += share


def _filler(template: bytes, number: int, _time_ms: int) -> bytes:
    """An event of a lot that no other number has: the template with another lot and, in the hash's place, other bytes."""
    record = template.replace(b"F0000000", b"F%07d" % number)
    at = record.index(b"event_hash") + len(b"event_hash") + 2
    return record[:at] + sha256(b"filler %d" % number) + record[at + 32 :]


def generate(path: Path, events: int, chains: list[Chain], lot_events: tuple[int, ...]) -> None:
    """Make a ledger of so many events with its home at `path`, final to the last block."""
    genesis = new_home(path)
    home = Home(path)
    keys = load_keys(home, ("admin", "header", "log", "validator"), None)
    grower = SigningKey.from_seed(sha256(b"benchmarks grower"))
    cosigner = cosigner_of(genesis, genesis.validators[0], keys["log"], keys["validator"])
    store = LedgerStore.open(home.ledger)
    try:
        time_ms = load_tip(store).header.time_ms
        chain_id = genesis.chain_id
        blocks = _blocks(_schedule(events, chains, lot_events), chain_id, grower, time_ms)
        admission = encode_record(
            "member.register/1",
            {
                "authority": DEFAULT_MEMBER,
                "member": GROWER,
                "name": "Grower",
                "roles": ["producer"],
                "key": grower.public_key,
                "possession": grower.sign(possession_message(chain_id, GROWER, grower.public_key)),
            },
        )
        tip = load_tip(store)
        for at_ms, entries in _with_first(
            [_sign(keys["admin"], chain_id, [admission], time_ms)], time_ms, blocks
        ):
            parsed = [ParsedEntry.of(entry) for entry in entries]
            effects = apply_entries(store, chain_id, at_ms, tip.size, parsed)
            executed = seal(
                store,
                tip,
                [entry.leaf for entry in entries],
                effects,
                engine_height=tip.header.engine_height + 1,
                time_ms=at_ms,
                proposer=keys["header"].public_key,
            )
            store.commit(
                block_commit(executed, executed.header.sign(keys["header"]), entries),
                engine_height=executed.header.engine_height,
                cosign_key_id=cosigner.key_id,
            )
            cosign_head(store, cosigner, at_ms // 1_000)
            tip = executed.tip
    finally:
        store.close()


def _with_first(
    first: list[Entry], time_ms: int, blocks: Iterator[tuple[int, list[Entry]]]
) -> Iterator[tuple[int, list[Entry]]]:
    yield time_ms + 1_000, first
    yield from blocks


def _blocks(
    makers: Iterator[Callable[[int], bytes]], chain_id: bytes, key: SigningKey, time_ms: int
) -> Iterator[tuple[int, list[Entry]]]:
    """Blocks of entries; each event is of the minute before its block."""
    records: list[bytes] = []
    at_ms = time_ms + 2 * _STEP_MS
    for make in makers:
        records.append(make(at_ms - _STEP_MS + len(records)))
        if len(records) == _PER_BLOCK:
            yield at_ms, _entries(records, chain_id, key, at_ms)
            records = []
            at_ms += _STEP_MS
    if records:
        yield at_ms, _entries(records, chain_id, key, at_ms)


def _entries(records: list[bytes], chain_id: bytes, key: SigningKey, at_ms: int) -> list[Entry]:
    return [
        _sign(key, chain_id, records[first : first + _PER_ENTRY], at_ms)
        for first in range(0, len(records), _PER_ENTRY)
    ]


def _sign(key: SigningKey, chain_id: bytes, records: list[bytes], time_ms: int) -> Entry:
    return sign_entry(key, chain_id=chain_id, nonce=secrets.token_bytes(16), time_ms=time_ms, records=records)
