"""Field tables: what a record body may hold, judged the same way by every node for ever.

Rules: a kind checks type, length, range and alphabet with plain arithmetic, and nothing else. No regular expression,
no Unicode table, no locale and no clock takes part, because two versions of those would be two ledgers. A bool is not
an integer here. Lengths of text are in UTF-8 bytes.

What this module does not do: normalise. Clients send NFC; the chain never judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ledger.encoding import Value
from ledger.errors import RefusedError

Body = Mapping[str, Value]

MAX_TIME_MS = 2**53 - 1
"""The largest time or integer a record may hold, so that JavaScript can hold it too."""

LOWER = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
IDENTIFIER_ALPHABET = frozenset(LOWER + DIGITS + "-._")
"""Letters that may stand in strings which become state keys."""
NUMBER_ALPHABET = frozenset(LOWER + LOWER.upper() + DIGITS + "-./_")
MEDIA_TYPE_ALPHABET = frozenset(LOWER + DIGITS + "!#$&^_.+-")
_WORD_START = frozenset(LOWER + DIGITS)

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CONTROLS = frozenset(
    map(chr, (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)))
)
"""What terminals obey, breaks a line, or turns the direction of writing so that a name reads as another. Written out, so
that no Unicode table decides."""
_CONTROLS_SAID = "U+0000–U+001F, U+007F–U+009F, U+2028–U+202E and U+2066–U+2069"
_SHOWN = 40
"""Letters of a name from outside that an error repeats."""


class Kind(Protocol):
    """One kind of value: checks it, and describes itself for the specification's field tables."""

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError, rule `record.field-*`, unless `value` is of this kind."""

    def describe(self) -> str:
        """The rule in words, for `docs/spec.md`."""


def _refuse(rule: str, name: str, what: str) -> RefusedError:
    return RefusedError(f"record.field-{rule}", f"field {name[:_SHOWN]!a} {what}")


@dataclass(frozen=True, slots=True)
class Text:
    """UTF-8 text of `minimum`..`maximum` bytes without control characters (`_CONTROLS`)."""

    minimum: int
    maximum: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is such text."""
        if not isinstance(value, str):
            raise _refuse("kind", name, "must be text")
        try:
            length = len(value.encode())
        except UnicodeEncodeError as error:
            raise _refuse("alphabet", name, "must not hold half of a surrogate pair") from error
        if not self.minimum <= length <= self.maximum:
            raise _refuse(
                "length", name, f"must be {self.minimum} to {self.maximum} bytes of UTF-8, not {length}"
            )
        if not _CONTROLS.isdisjoint(value):
            raise _refuse("alphabet", name, "must not hold control characters")

    def describe(self) -> str:
        """The rule in words."""
        return f"text, {self.minimum}–{self.maximum} bytes of UTF-8, none of {_CONTROLS_SAID}"


@dataclass(frozen=True, slots=True)
class Ascii:
    """Text of `minimum`..`maximum` letters out of `alphabet` (all ASCII)."""

    minimum: int
    maximum: int
    alphabet: frozenset[str]

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is such text."""
        if not isinstance(value, str):
            raise _refuse("kind", name, "must be text")
        if not self.minimum <= len(value) <= self.maximum:
            raise _refuse(
                "length", name, f"must be {self.minimum} to {self.maximum} letters, not {len(value)}"
            )
        if not self.alphabet.issuperset(value):
            raise _refuse("alphabet", name, f"may only hold the letters {''.join(sorted(self.alphabet))}")

    def describe(self) -> str:
        """The rule in words."""
        return f"text, {self.minimum}–{self.maximum} letters of `{''.join(sorted(self.alphabet))}`"


IDENTIFIER = Ascii(1, 64, IDENTIFIER_ALPHABET)
"""The kind of member identifiers."""


_MEDIA_TYPE_LETTERS = Ascii(3, 127, MEDIA_TYPE_ALPHABET | {"/"})


@dataclass(frozen=True, slots=True)
class MediaType:
    """`type/subtype` in lower case, 3 to 127 letters, no parameters (RFC 6838 §4.2: each begins with a letter or digit)."""

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is a media type."""
        _MEDIA_TYPE_LETTERS.check(name, value)
        parts = str(value).split("/")
        if len(parts) != 2 or not all(part[:1] in _WORD_START for part in parts):
            raise _refuse("alphabet", name, "must be a media type such as application/pdf")

    def describe(self) -> str:
        """The rule in words."""
        letters = "".join(sorted(MEDIA_TYPE_ALPHABET - _WORD_START))
        return (
            "media type without parameters, 3–127 letters: two parts joined by one `/`, each a letter `a`–`z` or digit, then "
            f"letters `a`–`z`, digits and `{letters}`"
        )


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar date `YYYY-MM-DD` (proleptic Gregorian), years 1900 to 9999."""

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is a date that exists."""
        if not isinstance(value, str):
            raise _refuse("kind", name, "must be text")
        digits = value[0:4] + value[5:7] + value[8:10]
        if len(value) != 10 or value[4] != "-" or value[7] != "-" or not set(DIGITS).issuperset(digits):
            raise _refuse("alphabet", name, "must be a date written YYYY-MM-DD")
        year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        if not (year >= 1900 and 1 <= month <= 12):
            raise _refuse("range", name, "must be a date from 1900-01-01 on")
        if not 1 <= day <= _DAYS[month - 1] + (1 if leap and month == 2 else 0):
            raise _refuse("range", name, "must be a day that the month has")

    def describe(self) -> str:
        """The rule in words."""
        return "date `YYYY-MM-DD` in ASCII digits that exists in the Gregorian calendar, 1900-01-01 to 9999-12-31"


@dataclass(frozen=True, slots=True)
class Bytes:
    """Exactly `length` bytes."""

    length: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is `length` bytes."""
        if not isinstance(value, bytes):
            raise _refuse("kind", name, "must be bytes")
        if len(value) != self.length:
            raise _refuse("length", name, f"must be {self.length} bytes, not {len(value)}")

    def describe(self) -> str:
        """The rule in words."""
        return f"bytes, exactly {self.length}"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `minimum` to `maximum`, both included."""

    minimum: int
    maximum: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is such an integer (a bool is not)."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise _refuse("kind", name, "must be an integer")
        if not self.minimum <= value <= self.maximum:
            raise _refuse("range", name, f"must be from {self.minimum} to {self.maximum}, not {value}")

    def describe(self) -> str:
        """The rule in words."""
        return f"integer, {self.minimum} to {self.maximum}"


TIME_MS = Integer(0, MAX_TIME_MS)
"""Milliseconds since 1970-01-01T00:00:00Z."""


@dataclass(frozen=True, slots=True)
class ChoiceList:
    """One or more different words out of `choices`, in ascending order."""

    choices: frozenset[str]

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is such a list."""
        if not isinstance(value, list):
            raise _refuse("kind", name, "must be a list")
        for item in value:
            if not isinstance(item, str) or item not in self.choices:
                raise _refuse("range", name, f"may only list {', '.join(sorted(self.choices))}")
        words = [str(item) for item in value]
        if not words or words != sorted(set(words)):
            raise _refuse("order", name, "must list at least one word, each once, in ascending order")

    def describe(self) -> str:
        """The rule in words."""
        return f"list of different words in ascending order, at least one, out of: {', '.join(sorted(self.choices))}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One word out of `choices`."""

    choices: frozenset[str]

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is one of the words."""
        if not isinstance(value, str) or value not in self.choices:
            raise _refuse("range", name, f"must be one of {', '.join(sorted(self.choices))}")

    def describe(self) -> str:
        """The rule in words."""
        return f"one of: {', '.join(sorted(self.choices))}"


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a field table."""

    name: str
    kind: Kind
    meaning: str
    required: bool = True


def check_body(fields: tuple[Field, ...], body: Body) -> None:
    """Check `body` against a field table: nothing missing, nothing unknown, each value of its kind.

    Raises RefusedError with a `record.field-*` rule.
    """
    known = 0
    for field in fields:
        if field.name in body:
            known += 1
            field.kind.check(field.name, body[field.name])
        elif field.required:
            raise _refuse("missing", field.name, "is required")
    if known != len(body):
        unknown = sorted(set(body) - {field.name for field in fields})
        raise _refuse("unknown", unknown[0], "is not a field of this record type")
