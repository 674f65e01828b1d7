"""The cases: one event with three hidden parts, its receipts, and everything that may be done to what shows them."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record
from ledger.epcis import record
from ledger.epcis.hiding import Hidden, Shown, disclose
from ledger.epcis.reading import parse
from ledger.epcis.share import Addressee, Share, address
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.records.events import CAPTURE, ERROR
from node.service import Node
from tests.field import COOP, field_node, object_event
from tests.support import document_record, put, sign

FILE = Path(__file__).parent / "vectors.json"
READER, TIME_MS = "Công ty Đồ hộp Hà Trung", 1_790_000_000_000
PRICE, BUYER, PLACE = "/example:price", "/example:buyer", "/destinationList"
POINTERS = [PLACE, BUYER, PRICE]
SECRET = b"s" * 32
GOOD, ENDED = ("in-force", "status.in-force"), ("no-longer-in-force", "status.declared-error")
WRONG, BROKEN = "does-not-match", "cannot-tell"


@dataclass
class Told:
    """The event's record, its receipts, and what it takes to show parts of it."""

    made: record.Prepared
    key: SigningKey
    record_id: bytes
    paper_id: bytes
    receipt: str
    paper: str
    """The receipt of another record."""
    later: str
    """The event's receipt after it was declared an error."""

    def shown(self, *pointers: str) -> Share:
        """A file that shows these parts."""
        return Share(self.receipt, disclose(self.made.hidden, self.made.salt or b"", pointers))

    def to(self, share: Share, key: SigningKey | None = None) -> Addressee:
        """For whom, signed by the event's key or by another."""
        return address(READER, TIME_MS, self.record_id, share.parts, key or self.key)


def make() -> dict[str, Any]:
    """The whole file."""
    with tempfile.TemporaryDirectory() as folder, field_node(Path(folder) / "node") as (node, key):
        told = _told(node, key)
        cases = [*_good(told), *_altered(told), *_forms(told)]
        return {"policy": node.home.policy.read_text(), "cases": cases}


def _told(node: Node, key: SigningKey) -> Told:
    private = {
        PLACE[1:]: [{"type": "location", "destination": "urn:x:kho"}],
        BUYER[1:]: READER,
        PRICE[1:]: 28500,
    }
    value = parse(json.dumps(object_event(**private)).encode()).json
    made = record.prepare(COOP, value, hide_parts=POINTERS, secret=SECRET)
    raw, paper = encode_record(CAPTURE, made.body), document_record()
    put(node, sign(node, [raw], key=key))
    put(node, sign(node, [paper]))
    receipt, other = _receipt(node, raw), _receipt(node, paper)
    declared = {"declarationTime": "2026-11-20T08:00:00Z", "reason": "incorrect_data"}
    body = record.error_body(COOP, value | {"errorDeclaration": declared}, hide_parts=POINTERS, secret=SECRET)
    put(node, sign(node, [encode_record(ERROR, body)], key=key))
    return Told(made, key, leaf_hash(raw), leaf_hash(paper), receipt, other, _receipt(node, raw))


def _receipt(node: Node, raw: bytes) -> str:
    place = node.final.place(leaf_hash(raw))
    assert place is not None
    return node.final.receipt(place).text()


def _case(desc: str, share: Share | bytes, verdict: str, rule: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    data = share if isinstance(share, bytes) else share.encoded()
    found: dict[str, Any] = {"shown": None, "hidden": None, "reader": None, "byAuthor": False}
    if verdict in {GOOD[0], ENDED[0]} and isinstance(share, Share):
        parts = {item.part.pointer: item.part.text for item in share.parts}
        reader = None if share.addressee is None else share.addressee.reader
        found |= {"shown": parts, "hidden": len(POINTERS), "reader": reader}
    about = {"desc": desc, "share": base64.b64encode(data).decode(), "receipt": None}
    return about | {"verdict": verdict, "rule": rule} | found | more


def _good(told: Told) -> Iterator[dict[str, Any]]:
    price, every = told.shown(PRICE), told.shown(*POINTERS)
    to = told.to(price)
    link = replace(price, evidence=told.record_id, addressee=to)
    old = encode([1, told.receipt, _parts(price)])
    stranger = replace(price, addressee=told.to(price, SigningKey.from_seed(b"k" * 32)))
    yield _case("a file of one part", price, *GOOD)
    yield _case("a file of all parts", every, *GOOD)
    yield _case("a file of the first version", old, *GOOD, shown={PRICE: "28500"}, hidden=3)
    yield _case("for a reader, by the event's key", replace(price, addressee=to), *GOOD, byAuthor=True)
    yield _case("for a reader, by another key", stranger, *GOOD)
    yield _case("a link, and the receipt that was fetched", link, *GOOD, receipt=told.receipt, byAuthor=True)
    yield _case("a link to what was declared an error", link, *ENDED, receipt=told.later, byAuthor=True)
    yield _case("a file with a newer receipt", price, *ENDED, receipt=told.later)


def _altered(told: Told) -> Iterator[dict[str, Any]]:
    price, pair = told.shown(PRICE), told.shown(PLACE, PRICE)
    (part,) = price.parts
    to = told.to(price)
    other_key = SigningKey.from_seed(b"k" * 32).public_key
    link = replace(price, evidence=told.record_id, addressee=to)

    def parts(desc: str, rule: str, *given: Shown) -> dict[str, Any]:
        return _case(desc, replace(price, parts=given), WRONG, rule)

    def addressed(desc: str, **changed: Any) -> dict[str, Any]:  # noqa: ANN401
        return _case(desc, replace(price, addressee=to._replace(**changed)), WRONG, "share.reader")

    def records(desc: str, share: Share, receipt: str | None = None) -> dict[str, Any]:
        return _case(desc, share, WRONG, "share.record", receipt=receipt)

    yield parts("another price", "share.proof", replace(part, part=Hidden(PRICE, "18500")))
    yield parts("the price called otherwise", "share.proof", replace(part, part=Hidden(BUYER, "28500")))
    yield parts("another check", "share.proof", replace(part, mac=bytes(32)))
    yield parts("a check of 31 bytes", "share.proof", replace(part, mac=part.mac[:31]))
    yield parts("a path that lacks a step", "share.proof", replace(part, path=part.path[:-1]))
    yield parts("another place among the parts", "share.proof", replace(part, index=0))
    yield parts("a place beyond the parts", "share.proof", replace(part, index=3))
    lie = replace(part, part=Hidden(PRICE, "1"))
    yield parts("one good part and one altered", "share.proof", pair.parts[0], lie)
    yield parts("parts in another order", "epcis.hide-order", *pair.parts[::-1])
    yield parts("a part twice", "epcis.hide-order", part, part)
    yield parts("a value that is not canonical", "epcis.value", replace(part, part=Hidden(PRICE, "28500.0")))
    yield parts("a value that is no JSON", "epcis.json", replace(part, part=Hidden(PRICE, "gia")))
    yield addressed("another reader", reader="Người khác")
    yield addressed("another time", time_ms=TIME_MS + 1)
    yield addressed("another key beside the signature", key=other_key)
    yield _case("the reader of other parts", replace(pair, addressee=to), WRONG, "share.reader")
    yield records("the receipt of a paper", replace(price, evidence=told.paper))
    yield records("a link to another record", replace(link, evidence=told.paper_id), told.receipt)
    yield records("a link whose receipt is a paper's", link, told.paper)
    head, last = told.receipt.rstrip("\n").rsplit("\n", 1)
    spoilt = f"{head}\n{last[:-20]}{'B' if last[-20] == 'A' else 'A'}{last[-19:]}\n"
    yield _case("another cosignature", replace(price, evidence=spoilt), WRONG, "signature.mismatch")


def _forms(told: Told) -> Iterator[dict[str, Any]]:
    price = told.shown(PRICE)
    name, at, public, signature = told.to(price)
    parts = _parts(price)
    (part,) = parts
    assert isinstance(part, list)
    text = "a receipt"
    good: list[Value] = [name, at, public, signature]
    shapes: tuple[tuple[str, Value], ...] = (
        ("the first version with a reader", [1, text, parts, good]),
        ("the first version with a record's id", [1, told.record_id, parts]),
        ("this version without a reader's place", [2, text, parts]),
        ("five items", [2, text, parts, good, None]),
        ("a record's id of 31 bytes", [2, told.record_id[:31], parts, good]),
        ("a receipt that is a number", [2, 7, parts, good]),
        ("no parts", [2, text, [], None]),
        ("257 parts", [2, text, parts * 257, None]),
        ("a part without its path", [2, text, [part[:4]], None]),
        ("an index below nothing", [2, text, [[-1, *part[1:]]], None]),
        ("a path of 65 steps", [2, text, [[*part[:4], [bytes(32)] * 65]], None]),
        ("a path of numbers", [2, text, [[*part[:4], [7]]], None]),
        ("a reader of no letters", [2, text, parts, ["", at, public, signature]]),
        ("a reader of 201 letters", [2, text, parts, ["ư" * 201, at, public, signature]]),
        ("a reader that is a number", [2, text, parts, [7, at, public, signature]]),
        ("a time below nothing", [2, text, parts, [name, -1, public, signature]]),
        ("a time that is true", [2, text, parts, [name, True, public, signature]]),
        ("a key of 31 bytes", [2, text, parts, [name, at, public[:31], signature]]),
        ("a signature of 63 bytes", [2, text, parts, [name, at, public, signature[:63]]]),
        ("a reader alone", [2, text, parts, [name]]),
        ("no array", {"share": 2}),
        ("nothing in it", []),
    )
    for desc, value in shapes:
        yield _case(desc, encode(value), BROKEN, "share.shape")
    for desc, version in (("a version to come", 3), ("a version that is true", True)):
        yield _case(desc, encode([version, text, parts, None]), BROKEN, "share.version")
    yield _case("cut short", price.encoded()[:-9], BROKEN, "encoding.truncated")
    yield _case("no bytes", b"", BROKEN, "encoding.truncated")


def _parts(share: Share) -> list[Value]:
    value = decode(share.encoded(), max_bytes=100_000)
    assert isinstance(value, list)
    parts = value[2]
    assert isinstance(parts, list)
    return parts
