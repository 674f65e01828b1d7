"""Finding papers again by their number: an index of public documents, newest year first, however old they are.

Rules: a document that states a number has one lookup key, `number/`, the number, a zero byte, the year counted down (2 bytes),
a tag of the symbol (8 bytes) and the tag of the authority (8 bytes). What people type differs from what is on the ledger in
small things, so numbers are compared without leading zeros, and both without case; of symbols only letters and digits count,
and the letters of Vietnamese by their base letter, composed or not. Which letters these are stands here, so that no Unicode
table decides what an index holds.

What this module does not do: find what has no number, or private documents, whose numbers nobody may read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from ledger.fields import NUMBER_ALPHABET, Body
from ledger.hashing import sha256

NUMBER_LOOKUP: Final = b"number/"
"""Lookup keys of documents that state a number."""
YEAR_SIZE: Final = 2
SYMBOL_TAG_SIZE: Final = 8
MAX_NUMBER_LETTERS: Final = 20
_LAST_YEAR: Final = 0xFFFF

_ASCII: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_LETTERS: Final = (
    "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"
    "ÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬÈÉẺẼẸÊỀẾỂỄỆÌÍỈĨỊÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢÙÚỦŨỤƯỪỨỬỮỰỲÝỶỸỴ"
)
_BASE: Final = (
    {letter: letter for letter in _ASCII}
    | {letter.upper(): letter for letter in _ASCII}
    | {"đ": "d", "Đ": "d"}
    | {letter: unicodedata.normalize("NFD", letter)[0].lower() for letter in _LETTERS}
)


def plain_number(number: str) -> str:
    """A number as it is compared: without leading zeros, in small letters."""
    return number.lower().lstrip("0") or "0"


def plain_symbol(symbol: str) -> str:
    """A symbol as it is compared: `QĐ-UBND` as `qdubnd`."""
    return "".join(_BASE.get(letter, "") for letter in symbol)


@lru_cache(maxsize=1_024)
def symbol_tag(symbol: str) -> bytes:
    """8 bytes that stand for a symbol in a lookup key; an absent one is empty."""
    return sha256(plain_symbol(symbol).encode())[:SYMBOL_TAG_SIZE]


def number_prefix(number: str) -> bytes:
    """What the lookup keys of all documents with a number begin with."""
    return NUMBER_LOOKUP + plain_number(number).encode() + b"\0"


def number_lookup(body: Body, authority_tag: bytes) -> tuple[bytes, ...]:
    """The lookup key of a record that anchors a document, if it states a number."""
    number, date, symbol = (body.get(name, "") for name in ("number", "date", "symbol"))
    if not isinstance(number, str) or not isinstance(date, str) or not isinstance(symbol, str) or not number:
        return ()
    year = (_LAST_YEAR - int(date[:4])).to_bytes(YEAR_SIZE, "big")
    return (number_prefix(number) + year + symbol_tag(symbol) + authority_tag,)


def readings(text: str) -> Iterator[tuple[str, str | None]]:
    """What a text may mean as a number, with or without its symbol: `41`, `41/BC-UBND`, `41-BC-UBND`, `27/2025/QĐ-UBND`."""
    wanted = text.strip()
    if _is_number(wanted):
        yield wanted, None
    for match in re.finditer(r"[/\s_-]+", wanted):
        number, symbol = wanted[: match.start()], wanted[match.end() :]
        if _is_number(number) and plain_symbol(symbol):
            yield number, symbol


def _is_number(text: str) -> bool:
    return (
        0 < len(text) <= MAX_NUMBER_LETTERS
        and NUMBER_ALPHABET.issuperset(text)
        and any(letter.isdigit() for letter in text)
    )
