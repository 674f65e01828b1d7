"""The gate before public fields: what looks like a person's data is refused, and the field is named.

Rules: text and numbers are looked at, also in what a proposal proposes and in every member of an event's JSON; hashes,
identifiers of members and names of goods (lots, serials, EPC URNs, Digital Link paths) are not. Refused are a citizen's
twelve-digit number, a Vietnamese telephone number and an e-mail address, also when written with spaces, dots or dashes. Digits
that belong to a longer run of digits are no number of these. This is **no chain rule**: it is judged where an entry comes in
(by the node that takes it, and by whoever signs it), it may be mended at any time, and it cannot know a name.

What this module does not do: I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache

from ledger import gs1
from ledger.errors import FormatError, LedgerError, RefusedError
from ledger.fields import IDENTIFIER, Ascii, Text
from ledger.records import record_types
from ledger.records.base import Record
from ledger.records.goods import Octets, TextList
from ledger.records.governance import action_of

_SEPARATOR = r"[ .\-\u00a0]?"


def _digits(pattern: str) -> re.Pattern[str]:
    """`pattern` as a number that stands alone; separators may stand between its digits where `~` is written."""
    return re.compile(r"(?<![\d+])" + pattern.replace("~", _SEPARATOR) + r"(?!\d)", re.ASCII)


_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # Số định danh cá nhân, căn cước: three digits of a province 001–096, then nine.
    ("a citizen's identity number", _digits(r"0~\d~\d~\d~\d~\d~\d~\d~\d~\d~\d~\d")),
    # Mobile numbers begin 03, 05, 07, 08, 09 and have ten digits; fixed lines 02 and eleven; +84 stands for the 0.
    ("a telephone number", _digits(r"0~[35789]~\d~\d~\d~\d~\d~\d~\d~\d")),
    ("a telephone number", _digits(r"0~2~\d~\d~\d~\d~\d~\d~\d~\d~\d")),
    (
        "a telephone number",
        re.compile(r"\+84" + _SEPARATOR + r"(?:\d" + _SEPARATOR + r"){9,10}(?!\d)", re.ASCII),
    ),
    (
        "an e-mail address",
        re.compile(r"[^\s@<>()\[\],;:\"]{1,64}@[^\s@<>()\[\],;:\"]{1,190}\.[A-Za-z]{2,24}\b"),
    ),
)


_SUSPECT = re.compile(r"@|(?:\d" + _SEPARATOR + r"){9}", re.ASCII)
"""What all of them have; nearly every text has not, and is looked at once."""


def check_public(record: Record) -> None:
    """Raise RefusedError, rule `privacy.personal-data`, if a free-text field of `record` seems to hold a person's data."""
    for name, value in _free_text(_proposed(record)):
        what = _suspicion(value)
        if what is not None:
            raise RefusedError(
                "privacy.personal-data",
                f"field {name} seems to hold {what}; nothing about a person may stand on the ledger: "
                "leave it out, hide it, or anchor the paper privately",
            )


def _suspicion(text: str) -> str | None:
    """What a text seems to hold; None if nothing is amiss."""
    if _SUSPECT.search(text):
        for what, pattern in _PATTERNS:
            if pattern.search(text):
                return what
    return None


def _proposed(record: Record) -> Record:
    """What a proposal proposes becomes public with it; a record that proposes nothing readable is looked at itself."""
    try:
        return action_of(record)
    except LedgerError:
        return record


_NAMES_OF_GOODS = frozenset({"lot", "place", "growing_area"})
"""Fields with numbers that a producer or an office gave to goods, or to a place that was registered under it: no person's."""


@cache
def _text_fields(record_type: str) -> tuple[str, ...]:
    """The fields of a type that may hold what a person wrote."""
    return tuple(
        field.name
        for field in record_types()[record_type].fields
        if isinstance(field.kind, Text | TextList | Octets)
        or (
            isinstance(field.kind, Ascii)
            and field.kind is not IDENTIFIER
            and field.name not in _NAMES_OF_GOODS
        )
    )


def _free_text(record: Record) -> Iterator[tuple[str, str]]:
    """Where it stands, in words, and a text."""
    body = record.body
    for name in _text_fields(record.type.name):
        value = body.get(name)
        if isinstance(value, str):
            yield repr(name), value
        elif isinstance(value, list):
            yield from ((repr(name), item) for item in value if isinstance(item, str))
        elif isinstance(value, bytes):
            yield from ((f"{name!r} at {pointer}", text) for pointer, text in json_texts(value))


# -- events ----------------------------------------------------------------------------------------------------------------

_UUID = r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_HASH_NAME = r"ni:///sha-256;[0-9a-f]{64}\?ver=[\w.]+"
_TRANSACTION = r"urn:epcglobal:cbv:bt:[^\s@]+"
_TECHNICAL = re.compile(f"(?:{_UUID}|{_HASH_NAME}|{_TRANSACTION})", re.ASCII | re.IGNORECASE)
"""Names of events, whose digits are chance, and of papers of trade."""
_ADDRESS = re.compile(r"(?P<host>https?://[^/?#]*)(?P<path>/[^?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_PLACE_PATH = re.compile(r"/41[47]/\d{13}(?:/254/[^/]*)?/?\Z", re.ASCII)
"""A location or a party by its GLN, with or without an extension."""
_LOT_NUMBER = "lotNumber"
"""Last part of the names of members that hold a lot as it is printed (CBV 2.0 §9.3)."""


def json_texts(data: bytes) -> Iterator[tuple[str, str]]:
    """Every text in a JSON document with its JSON pointer (RFC 6901), names of members too; but for what only names goods.

    What is no JSON is one text.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        yield "/", data.decode(errors="replace")
        return
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, str):
            yield pointer or "/", _without_goods(value)
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{number}", item) for number, item in enumerate(value)]
        elif isinstance(value, dict):
            for name, item in value.items():
                below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"[:_MAX_POINTER]
                yield below, _without_goods(name)
                if not (isinstance(item, str) and name.endswith(_LOT_NUMBER)):
                    waiting.append((below, item))


_MAX_POINTER = 120
"""Letters of a pointer that is kept."""


def _without_goods(text: str) -> str:
    """The text without the part of it that is a name of goods, a place or an event."""
    if not _SUSPECT.search(text) or _TECHNICAL.fullmatch(text):
        return ""
    address = _ADDRESS.fullmatch(text)
    try:
        if address is not None and not _PLACE_PATH.search(address["path"]):
            gs1.parse_link_path(address["path"])
        elif address is None and text[:8].lower() == "urn:epc:":
            gs1.parse_urn(text)
        elif address is None:
            gs1.parse_item(text)
    except FormatError:
        return text
    # The path of an address names goods or a place; what stands before and behind could say anything.
    return "" if address is None else f"{address['host']} {address['rest']}"
