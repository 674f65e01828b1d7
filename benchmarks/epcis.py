"""Capturing events through the gateway, and asking a node for them: events per second, milliseconds, bytes per event.

Capture is measured at a real `sogoc gateway` in a process of its own, in front of a node in another: how many events a second
are acknowledged, which means on the disk, and how many are on the ledger, signed and final, from the first request to the last
record. One half has parts that are hidden, as trade events have. Queries are timed over HTTP on ledgers of growing size, made
as `benchmarks.trace` makes them.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx

from api.cli.signing import submit_final
from api.client import Client
from benchmarks.generate import START_S, new_home
from benchmarks.measure import Result, milliseconds, rates, say, seconds_of, summary
from benchmarks.processes import environment, serving
from benchmarks.scale import Workshop
from benchmarks.trace import GTIN, generate
from ledger.entry import encode_record, sign_entry
from ledger.epcis.json_text import Json, parse_object
from ledger.epcis.record import body, prepare
from ledger.epcis.times import write_time
from ledger.epcis.vocabulary import CONTEXT
from ledger.keys import SigningKey
from ledger.records.members import possession_message
from node import keyfiles
from node.home import DEFAULT_MEMBER, Home, load_keys

_COOP = "coop"
_PER_DOCUMENT = 100
_SECRET = bytes(32)
_HIDDEN = "/destinationList"
_PAUSE_SECONDS = 0.02


def run(place: Workshop) -> Result:
    """Events captured per second, bytes per event, and milliseconds of queries as the ledger grows."""
    return {
        "capture": _capture(place),
        "bytes": _bytes(),
        "reading_us": _reading(place),
        "sizes": [_queries(place, events) for events in place.scale.events],
    }


def event(number: int) -> Json:
    """An event of a lot that no other number has; every second one says to whom the goods went."""
    value: Json = {
        "@context": CONTEXT,
        "type": "ObjectEvent",
        "eventTime": write_time(START_S * 1_000 + number),
        "eventTimeZoneOffset": "+07:00",
        "action": "OBSERVE",
        "bizStep": "shipping",
        "disposition": "in_transit",
        "readPoint": {"id": "https://id.gs1.org/414/8938500000010"},
        "quantityList": [
            {"epcClass": f"https://id.gs1.org/01/{GTIN}/10/E{number}", "quantity": 120, "uom": "KGM"}
        ],
    }
    if number % 2:
        value["destinationList"] = [
            {"type": "owning_party", "destination": "https://id.gs1.org/417/8938500000102"}
        ]
    return value


# -- capture -----------------------------------------------------------------------------------------------------------


def _capture(place: Workshop) -> Result:
    room = place.room()
    home = Home(room / "home")
    new_home(home.path)
    key = SigningKey.from_seed(bytes(range(32)))
    key_file = room / "coop.pem"
    keyfiles.save(key_file, key, None)
    result: Result = {}
    with serving(home.path) as node:
        _admit(node.url, home, key)
        numbers = iter(range(10**9))
        with _gateway(key_file, node.url, room / "state") as url, httpx.Client(timeout=120) as client:
            _round(client, url, [next(numbers)])  # what is loaded first
            for name, count, size in (
                ("one by one", place.scale.documents, 1),
                ("a hundred at once", place.scale.documents * 20, _PER_DOCUMENT),
            ):
                acknowledged, recorded = [], []
                for _ in range(place.scale.rounds):
                    chosen = [next(numbers) for _ in range(count)]
                    documents = [chosen[at : at + size] for at in range(0, count, size)]
                    first, all_of_it = _round(client, url, *documents)
                    acknowledged.append(first)
                    recorded.append(all_of_it)
                result[name] = {
                    "events": count,
                    "acknowledged_per_s": summary(rates(count, acknowledged)),
                    "recorded_per_s": summary(rates(count, recorded)),
                }
    return result


def _round(client: httpx.Client, url: str, *documents: list[int]) -> tuple[float, float]:
    """Seconds until all was acknowledged, and until all was on the ledger."""
    bodies = [_document(numbers) for numbers in documents]
    started = time.perf_counter()
    for data in bodies:
        answer = client.post(f"{url}/capture", content=data, headers={"content-type": "application/json"})
        if answer.status_code != 202:
            raise ValueError(f"a capture was answered {answer.status_code}: {answer.text}")
    acknowledged = time.perf_counter() - started
    while client.get(url.removesuffix("/epcis/v2") + "/healthz").json()["waiting"]:
        time.sleep(_PAUSE_SECONDS)
    return acknowledged, time.perf_counter() - started


def _document(numbers: list[int]) -> bytes:
    events = [
        {name: value for name, value in event(number).items() if name != "@context"} for number in numbers
    ]
    return json.dumps(
        {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": write_time(START_S * 1_000),
            "epcisBody": {"eventList": events},
        }
    ).encode()


def _admit(url: str, home: Home, key: SigningKey) -> None:
    """Put the co-operative and its key in service."""
    with Client(url) as client:
        chain_id = home.read_genesis().chain_id
        admission = encode_record(
            "member.register/1",
            {
                "authority": DEFAULT_MEMBER,
                "member": _COOP,
                "name": "HTX",
                "roles": ["producer"],
                "key": key.public_key,
                "possession": key.sign(possession_message(chain_id, _COOP, key.public_key)),
            },
        )
        submit_final(client, load_keys(home, ("admin",), None)["admin"], [admission])


@contextmanager
def _gateway(key_file: Path, node: str, state: Path) -> Iterator[str]:
    """The address of a gateway in a process of its own, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "api.cli", "gateway", "--key", str(key_file), "--node", node]
    command += ["--state", str(state), "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment(), stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/healthz")
                    break
                except httpx.TransportError as error:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("the gateway did not start") from error
                    time.sleep(_PAUSE_SECONDS)
            yield f"http://127.0.0.1:{port}/epcis/v2"
        finally:
            process.terminate()
            process.wait()


# -- bytes, and reading ------------------------------------------------------------------------------------------------


def _bytes() -> Result:
    """What one event takes: as it is sent, in canonical form, as a record, and its share of an entry of a hundred."""
    found: Result = {}
    for name, number, parts in (("plain", 0, ()), ("with a hidden part", 1, (_HIDDEN,))):
        made = prepare(_COOP, event(number), hide_parts=parts, secret=_SECRET)
        records = [
            encode_record("epcis.event/1", body(_COOP, event(number + 2 * n), hide=parts, secret=_SECRET))
            for n in range(_PER_DOCUMENT)
        ]
        entry = sign_entry(
            SigningKey.from_seed(bytes(32)), chain_id=bytes(32), nonce=bytes(16), time_ms=0, records=records
        )
        found[name] = {
            "sent": len(json.dumps(event(number)).encode()),
            "canonical": len(made.whole),
            "record": len(records[0]),
            "submission_of_100": round(len(entry.submission()) / _PER_DOCUMENT, 1),
        }
    return found


def _reading(place: Workshop) -> Result:
    """Microseconds to read, check, hash and prepare one event, in this process."""
    texts = [json.dumps(event(number)).encode() for number in range(200)]

    def prepare_all(parts: tuple[str, ...], first: int) -> None:
        for text in texts[first::2]:
            prepare(_COOP, parse_object(text, max_bytes=100_000), hide_parts=parts, secret=_SECRET)

    plain = [seconds_of(partial(prepare_all, (), 0)) for _ in range(place.scale.rounds)]
    hidden = [seconds_of(partial(prepare_all, (_HIDDEN,), 1)) for _ in range(place.scale.rounds)]
    return {
        "plain": summary([one / 100 * 1e6 for one in plain]),
        "with a hidden part": summary([one / 100 * 1e6 for one in hidden]),
    }


# -- queries -----------------------------------------------------------------------------------------------------------


def _queries(place: Workshop, events: int) -> Result:
    home = Home(place.room() / "home")
    lots = place.scale.lot_events
    generated = seconds_of(lambda: generate(home.path, events, [], lots))
    say(f"  {events:,} events in {generated:.0f} s")
    lot = f"https://id.gs1.org/01/{GTIN}/10/L{lots[-1]}"
    # A block of five thousand events is a minute after the one before; nearly all happened when the ledger began.
    began, middle = write_time(START_S * 1_000), write_time((START_S + events // 10_000 * 60) * 1_000)
    questions: dict[str, dict[str, str]] = {
        "the newest": {},
        "of a lot": {"MATCH_anyEPCClass": lot, "orderBy": "recordTime"},
        "of a step": {"EQ_bizStep": "inspecting"},
        "from a time on": {"GE_eventTime": began, "orderDirection": "ASC"},
        "recorded from a time on": {"GE_recordTime": middle, "orderDirection": "ASC"},
        "looked through": {"EQ_bizLocation": "urn:example:nowhere"},
    }
    found: Result = {}
    with serving(home.path) as node, httpx.Client(base_url=node.url, timeout=60) as client:
        for name, parameters in questions.items():
            _ask(client, parameters)  # the first of a kind loads what it needs
            seconds = [seconds_of(partial(_ask, client, parameters)) for _ in range(20)]
            found[name] = milliseconds(seconds)
    return {"events": events, "generated_s": round(generated, 1), "queries": found}


def _ask(client: httpx.Client, parameters: dict[str, str]) -> None:
    answer = client.get("/epcis/v2/events", params=parameters)
    if answer.status_code != 200:
        raise ValueError(f"a query was answered {answer.status_code}: {answer.text}")
