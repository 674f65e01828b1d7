"""What the records about goods share: kinds of fields, how goods are named, and the history of a thing that all write to.

Rules: goods have a GTIN of 14 digits or a code of their member's own, one of the two; the ledger names things by item paths
(`ledger.gs1`). What anybody records about a thing joins one history, `Subject("thing", "*", path)`: `*` is no identifier that a
member could have, so it is nobody's, and its one proof shows all that was recorded about the thing, whoever did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ledger import gs1
from ledger.encoding import Value
from ledger.entry import REFUSED_RECORD_BYTES, encode_record
from ledger.errors import FormatError, RefusedError
from ledger.fields import DIGITS, LOWER, Ascii, Body, Field, Integer, Text
from ledger.records.base import RuleState, Subject, text
from ledger.roles import INSPECTOR

THING: Final = "thing"
"""Kind of the subjects that are everybody's."""
COMMONS: Final = "*"
"""Their authority: not a letter of identifiers, so no member can have it."""
NOTED: Final = "-"
"""Their status, always: what became of the thing, its records say."""

PRODUCT: Final = "product"
PLACE: Final = "place"
LOT: Final = "lot"
EVENT: Final = "event"
"""Kinds of the subjects of the families."""
ENDED: Final = "ended"

_DIGITS = frozenset(DIGITS)
_PATH_LETTERS = gs1.UNRESERVED | frozenset("%/")


def _refuse(rule: str, name: str, what: str) -> RefusedError:
    return RefusedError(f"record.field-{rule}", f"field {name!a} {what}")


# -- kinds of fields -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CheckedDigits:
    """Text of exactly `length` ASCII digits, of which the last is the GS1 check digit of those before it."""

    length: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is such digits."""
        Ascii(self.length, self.length, _DIGITS).check(name, value)
        digits = str(value)
        wanted = gs1.check_digit(digits[:-1])
        if digits[-1] != wanted:
            raise _refuse(
                "check-digit", name, f"ends with the check digit {digits[-1]}, which must be {wanted}"
            )

    def describe(self) -> str:
        """The rule in words."""
        return f"text, exactly {self.length} ASCII digits, the last of them the GS1 check digit"


def _item(name: str, value: Value) -> gs1.Item:
    """The item of a field's value. Raises RefusedError, rule `record.field-*`."""
    Ascii(1, gs1.MAX_PATH, _PATH_LETTERS).check(name, value)
    try:
        return gs1.parse_item(str(value))
    except FormatError as error:
        rule = "check-digit" if error.rule == "gs1.check-digit" else "item"
        raise _refuse(rule, name, f"must hold item paths: {error.detail}") from error


@dataclass(frozen=True, slots=True)
class LotPath:
    """The item path of a lot."""

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is the path of a lot."""
        if _item(name, value).lot is None:
            raise _refuse("item", name, "must be the path of a lot")

    def describe(self) -> str:
        """The rule in words."""
        return f"the item path of a lot, 1–{gs1.MAX_PATH} letters"


@dataclass(frozen=True, slots=True)
class ItemList:
    """Different item paths in ascending order, `minimum`..`maximum` of them."""

    minimum: int
    maximum: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is such a list."""
        items = _listed(name, value, self.minimum, self.maximum)
        for item in items:
            _item(name, item)
        paths = [str(item) for item in items]
        if any(path <= before for before, path in pairwise(paths)):
            raise _refuse("order", name, "must be in ascending order, each once")

    def describe(self) -> str:
        """The rule in words."""
        return (
            f"list of {self.minimum} to {self.maximum} different item paths, each of 1–{gs1.MAX_PATH} letters, in "
            "ascending order of their letters"
        )


@dataclass(frozen=True, slots=True)
class HashList:
    """1 to `maximum` different hashes of 32 bytes; their order is the author's."""

    maximum: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is such a list."""
        items = _listed(name, value, 1, self.maximum)
        for item in items:
            if not isinstance(item, bytes):
                raise _refuse("kind", name, "must list bytes")
            if len(item) != 32:
                raise _refuse("length", name, f"must list hashes of 32 bytes, not {len(item)}")
        if len({item for item in items if isinstance(item, bytes)}) != len(items):
            raise _refuse("order", name, "must list each hash once")

    def describe(self) -> str:
        """The rule in words."""
        return f"list of 1 to {self.maximum} different hashes of 32 bytes, in any order"


@dataclass(frozen=True, slots=True)
class TextList:
    """1 to `maximum` different texts of 1 to `longest` bytes; their order is the author's."""

    maximum: int
    longest: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is such a list."""
        items = _listed(name, value, 1, self.maximum)
        one = Text(1, self.longest)
        for item in items:
            one.check(name, item)
        if len({str(item) for item in items}) != len(items):
            raise _refuse("order", name, "must list each text once")

    def describe(self) -> str:
        """The rule in words."""
        return f"list of 1 to {self.maximum} different texts, in any order; each is {Text(1, self.longest).describe()}"


@dataclass(frozen=True, slots=True)
class Octets:
    """`minimum`..`maximum` bytes."""

    minimum: int
    maximum: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is that many bytes."""
        if not isinstance(value, bytes):
            raise _refuse("kind", name, "must be bytes")
        if not self.minimum <= len(value) <= self.maximum:
            raise _refuse("length", name, f"must be {self.minimum} to {self.maximum} bytes, not {len(value)}")

    def describe(self) -> str:
        """The rule in words."""
        return f"bytes, {self.minimum}–{self.maximum}"


def _listed(name: str, value: Value, minimum: int, maximum: int) -> list[Value]:
    if not isinstance(value, list):
        raise _refuse("kind", name, "must be a list")
    if not minimum <= len(value) <= maximum:
        raise _refuse("length", name, f"must list {minimum} to {maximum}, not {len(value)}")
    return value


# -- fields that several types have ------------------------------------------------------------------------------------------

GTIN = Field(
    "gtin", CheckedDigits(14), "GTIN in 14 digits: leading zeros fill a shorter one up", required=False
)
CODE = Field(
    "code",
    Ascii(1, gs1.MAX_CODE, gs1.CODE_ALPHABET),
    "the member's own code, for goods without a GTIN",
    required=False,
)
PAD = Field(
    "pad",
    Integer(0, 0),
    "says nothing: it stands where the record would otherwise have 64 bytes, which none may have",
    required=False,
)
UNIT = Ascii(2, 3, frozenset(LOWER.upper() + DIGITS))
"""A unit of measure by its code of UN/ECE Recommendation 20, such as KGM; the ledger does not know the list."""


def check_goods(body: Body) -> None:
    """Raise RefusedError unless `body` names goods by GTIN or by code: `product.gtin-or-code`, `product.code`."""
    if ("gtin" in body) == ("code" in body):
        raise RefusedError(
            "product.gtin-or-code",
            "goods are named by a GTIN or by a code of the member's own: one of the two",
        )
    check_own_code(body, 14)


def check_own_code(body: Body, number_length: int) -> None:
    """Raise RefusedError, rule `product.code`, for an own code that could pass for a GS1 number or for a step in an address."""
    if "code" not in body:
        return
    code = text(body, "code")
    if code in (".", "..") or (len(code) == number_length and _DIGITS.issuperset(code)):
        raise RefusedError(
            "product.code",
            f"an own code is neither dots alone nor {number_length} digits, which would pass for a GS1 number",
        )


def padded(record_type: str, body: Mapping[str, Value]) -> bytes:
    """The canonical bytes of a record whose type has the field `pad`, with that field where they would else be 64."""
    raw = encode_record(record_type, dict(body))
    return raw if len(raw) != REFUSED_RECORD_BYTES else encode_record(record_type, {**body, PAD.name: 0})


def goods(body: Body) -> str:
    """By what a product of the record's authority is known: its GTIN, or its own code."""
    return text(body, "gtin" if "gtin" in body else "code")


def lot_item(body: Body) -> gs1.Item:
    """The lot that a record of `authority`, `gtin` or `code`, and `lot` is about. Raises FormatError (`gs1.charset`)."""
    lot = text(body, "lot")
    if "gtin" in body:
        return gs1.Item(gtin=text(body, "gtin"), lot=lot)
    return gs1.Item(member=text(body, "authority"), code=text(body, "code"), lot=lot)


# -- the history that is everybody's -----------------------------------------------------------------------------------------


def thing(path: str) -> Subject:
    """The subject of all that anybody records about a thing, by its item path."""
    return Subject(THING, COMMONS, path)


def note(state: RuleState, path: str) -> None:
    """Append the record being applied to a thing's history."""
    state.append(thing(path), NOTED)


def acts_as_inspector(state: RuleState) -> bool:
    """Whether the author's key, and its member, have the role of an inspector."""
    key, member = state.key(state.author_key), state.member(state.author)
    return key is not None and member is not None and INSPECTOR in key.roles and INSPECTOR in member.roles
