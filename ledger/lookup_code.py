"""Lookup codes: twelve letters on a paper, by which a person finds its record.

Rules (docs/spec.md, "Lookup codes"):

* the letters are the ten digits and `ACDEFGHJKMNPQRTVWXY`: 29, a prime. None of them looks like another that is used: what is
  left out, `B I L O S U Z`, is read as the one it looks like, `8 1 1 0 5 V 2`; small letters as capitals;
* the first eleven letters are a number to the base 29, most significant first: the first 53 bits of the record's id, so that
  the index of records finds it and JavaScript holds it exactly;
* the twelfth is such that the sum of weight × value over all letters is a multiple of 29, where the weights are 12, 11, … 1.
  All weights differ, all are below 29, and 29 is prime: so any one wrong letter is noticed, and any two letters that have
  changed places, neighbours or not;
* it is printed in three groups of four, `7K4M-2XRD-3WPA`, and read with or without hyphens and spaces.

A code proves nothing: it says where to look. Codes of two records may be equal, and then both are found. Among 10⁸ records one
given code is shared by another record with a chance of 10⁸ / 2⁵³, one in 90 million; about half a pair of all of them
(10¹⁶ / 2 / 2⁵³ = 0.56) shares one.
"""

from __future__ import annotations

from typing import Final

from ledger.errors import FormatError, VerificationError
from ledger.hashing import HASH_SIZE

ALPHABET: Final = "0123456789ACDEFGHJKMNPQRTVWXY"
"""The letters in order of their values, 0 to 28."""

LOOK_ALIKES: Final = {"B": "8", "I": "1", "L": "1", "O": "0", "S": "5", "U": "V", "Z": "2"}
"""Letters that are never printed, and what each is read as."""

SEPARATORS: Final = (
    " -\N{NO-BREAK SPACE}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}"
)
"""What may stand anywhere between the letters: word processors make several of it."""

LETTERS: Final = 12
"""Letters of a code, the check letter included."""

BITS: Final = 53
"""Bits of the record's id in a code."""

MAX_TYPED: Final = 64
"""Most characters that are looked at, separators included."""

_BASE: Final = len(ALPHABET)
_GROUP: Final = 4
_PREFIX_BYTES: Final = BITS // 8
_VALUES: Final = (
    {letter: value for value, letter in enumerate(ALPHABET)}
    | {letter.lower(): value for value, letter in enumerate(ALPHABET)}
    | {odd: ALPHABET.index(letter) for odd, letter in LOOK_ALIKES.items()}
    | {odd.lower(): ALPHABET.index(letter) for odd, letter in LOOK_ALIKES.items()}
)


def code_of(record_id: bytes) -> str:
    """The code of a record by its id (32 bytes): twelve letters without separators. Raises FormatError."""
    if len(record_id) != HASH_SIZE:
        raise FormatError("lookup-code.record-id", f"a record id has {HASH_SIZE} bytes, not {len(record_id)}")
    number = int.from_bytes(record_id, "big") >> (8 * HASH_SIZE - BITS)
    values: list[int] = []
    for _ in range(LETTERS - 1):
        number, value = divmod(number, _BASE)
        values.insert(0, value)
    check = -_weighted([*values, 0]) % _BASE
    return "".join(ALPHABET[value] for value in (*values, check))


def grouped(code: str) -> str:
    """A code as it is printed: groups of four with hyphens between them."""
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def parse(typed: str) -> str:
    """The code that somebody typed, as `code_of` gives it.

    Raises FormatError (`lookup-code.letters`, `lookup-code.length`, `lookup-code.range`) for what no code looks like, and
    VerificationError (`lookup-code.check`) for one that was mistyped.
    """
    values = _read(typed)
    if _weighted(values) % _BASE:
        raise VerificationError(
            "lookup-code.check",
            "a letter of the code is wrong, or two have changed places: compare it with the paper",
        )
    if _number(values) >> BITS:
        raise FormatError("lookup-code.range", "no record has this code: its number is too large")
    return "".join(ALPHABET[value] for value in values)


def prefix_of(code: str) -> bytes:
    """The first six bytes of the id of every record with this code: where an index is looked into.

    `matches` tells which of the records found there have it. Raises as `parse` does.
    """
    return (_number(_read(parse(code))) >> (BITS - 8 * _PREFIX_BYTES)).to_bytes(_PREFIX_BYTES, "big")


def matches(code: str, record_id: bytes) -> bool:
    """Whether a record's id has this code. Raises as `parse` and `code_of` do."""
    return parse(code) == code_of(record_id)


def _read(typed: str) -> list[int]:
    if len(typed) > MAX_TYPED:
        raise FormatError("lookup-code.length", f"a code has {LETTERS} letters, and this has far more")
    values: list[int] = []
    for letter in typed:
        if letter in SEPARATORS:
            continue
        value = _VALUES.get(letter)
        if value is None:
            raise FormatError(
                "lookup-code.letters", f"a code has no {letter!a} in it: it is made of digits and letters"
            )
        values.append(value)
    if len(values) != LETTERS:
        raise FormatError("lookup-code.length", f"a code has {LETTERS} letters, and this has {len(values)}")
    return values


def _weighted(values: list[int]) -> int:
    return sum((LETTERS - at) * value for at, value in enumerate(values))


def _number(values: list[int]) -> int:
    number = 0
    for value in values[:-1]:
        number = number * _BASE + value
    return number
