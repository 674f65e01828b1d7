"""The gate before public fields: what looks like a person's data is refused, and the field is named.

Rules: text and numbers are looked at, also in what a proposal proposes; hashes and identifiers of members are not. Refused
are a citizen's twelve-digit number, a Vietnamese telephone number and an e-mail address, also when written with spaces, dots
or dashes. Digits that belong to a longer run of digits are no number of these. This is **no chain rule**: it is judged where
an entry comes in (by whoever signs it, and by the node that takes it), it may be mended at any time, and it cannot know a name.

What this module does not do: I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from ledger.errors import LedgerError, RefusedError
from ledger.fields import IDENTIFIER, Ascii, Text
from ledger.records import record_types
from ledger.records.base import Record
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
        if not _SUSPECT.search(value):
            continue
        for what, pattern in _PATTERNS:
            if pattern.search(value):
                raise RefusedError(
                    "privacy.personal-data",
                    f"field {name!r} seems to hold {what}; nothing about a person may stand on the ledger: "
                    "leave it out, or anchor the paper privately",
                )


def _proposed(record: Record) -> Record:
    """What a proposal proposes becomes public with it; a record that proposes nothing readable is looked at itself."""
    try:
        return action_of(record)
    except LedgerError:
        return record


@cache
def _text_fields(record_type: str) -> tuple[str, ...]:
    """The fields of a type that may hold what a person wrote."""
    return tuple(
        field.name
        for field in record_types()[record_type].fields
        if isinstance(field.kind, Text) or (isinstance(field.kind, Ascii) and field.kind is not IDENTIFIER)
    )


def _free_text(record: Record) -> Iterator[tuple[str, str]]:
    body = record.body
    for name in _text_fields(record.type.name):
        value = body.get(name)
        if isinstance(value, str):
            yield name, value
