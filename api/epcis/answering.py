"""From what was found to the documents of an answer.

Rules: an event goes out as it is recorded, with two members that its hash does not cover: `recordTime`, the chain time of its
block, and `eventID`, by which this repository finds it again, unless it has one of its own. Beside the list of events stands
the list `sogoc:records`, in the same order: the record's id, with which anybody fetches the proof, who recorded it, how many
parts are hidden, and whether the record disagrees with its event. Nothing is put into an event that would change its hash.
What the ledger holds as an event and cannot be read as one is left out.
"""

from __future__ import annotations

from collections.abc import Callable

from api.epcis.finding import Found, identifier_of
from ledger.epcis.document import query_document
from ledger.epcis.json_text import Json, canonical
from ledger.epcis.times import write_time
from ledger.rules import Place
from node.receipts import FinalView

PREFIX, NAMESPACE = "sogoc", "urn:sogoc:epcis:"

TimeOf = Callable[[Place], int]
"""Chain time of the block that holds a record."""


def results(found: tuple[Found, ...], time_of: TimeOf, *, created_ms: int) -> bytes:
    """The document that answers a query."""
    return query_document(
        [event_answer(one, time_of) for one in found],
        created_ms=created_ms,
        prefixes={PREFIX: NAMESPACE},
        extras={f"{PREFIX}:records": [_record(one) for one in found]},
    )


def one_event(found: Found, time_of: TimeOf) -> bytes:
    """An event by itself, with its context."""
    return canonical(event_answer(found, time_of))


def event_answer(found: Found, time_of: TimeOf) -> Json:
    """An event with the time at which it was recorded, and its identifier."""
    return found.event | {
        "recordTime": write_time(time_of(found.place)),
        "eventID": identifier_of(found),
    }


def _record(found: Found) -> Json:
    body = found.record.body
    said: Json = {"record": found.record.id.hex(), "authority": found.record.authority}
    if found.error is not None:
        said["error"] = found.error.id.hex()
    if found.mismatch:
        said["mismatch"] = True
    if "hidden_count" in body:
        said["hidden"] = body["hidden_count"]
    return said


# -- what there is -----------------------------------------------------------------------------------------------------------


def collection(members: list[str]) -> bytes:
    """A list of names (EPCIS 2.0 §12.7)."""
    return canonical(
        {
            "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            "type": "Collection",
            "member": members,
        }
    )


def groups(final: FinalView, prefix: bytes, tail: int, *, after: str, limit: int) -> list[str]:
    """The names in lookup keys, each once, in order, beyond `after`: between `prefix` and a `/` with `tail` bytes behind."""
    found: list[str] = []
    # The letter after the slash is "0": from there on, everything of this name is passed.
    start = prefix + after.encode() + b"0" if after else prefix
    while len(found) < limit:
        row = next(final.view.lookup(prefix, start=start), None)
        if row is None:
            break
        name = row[0][len(prefix) : -tail - 1]
        found.append(name.decode())
        start = prefix + name + b"0"
    return found
