"""JSON as events are written in it: read strictly, written in the canonical form of RFC 8785.

Rules: no member is named twice, there is no NaN and no null, and every number is one that all programs read alike: an integer
within ±(2**53-1), or a decimal of at most 15 digits between a millionth and 10**15. Such numbers have one canonical text,
without
an exponent. Text holds no control characters (XML could not carry them) and no half of a surrogate pair. Sizes and depth are
limited before anything is built.

What this module does not do: know what EPCIS is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any, Final

import rfc8785

from ledger.encoding import MAX_INT
from ledger.errors import FormatError

Json = dict[str, Any]
"""A JSON object; decimals are `Decimal`."""

MAX_DEPTH: Final = 16
"""Levels of objects and arrays inside each other in one event."""
MAX_NODES: Final = 20_000
"""Values in one document's event, names not counted."""
_MAX_DIGITS: Final = 15
_LONGEST_NUMBER: Final = 40
_EXACT: Final = Context(prec=2 * _LONGEST_NUMBER)
"""Nothing of a number that is read here is rounded away, so none of too many digits passes as a shorter one."""
_SMALLEST, _LARGEST = Decimal("0.000001"), Decimal(10) ** _MAX_DIGITS
_SHOWN: Final = 60


class EpcisError(FormatError):
    """Something in an event or document is not as it must be; `pointer` (RFC 6901) says where."""

    def __init__(self, rule: str, pointer: str, detail: str) -> None:
        """`rule` begins with `epcis.`; the sentence names the place."""
        where = pointer if len(pointer) <= 2 * _SHOWN else pointer[: 2 * _SHOWN] + "…"
        super().__init__(rule, f"at {where or 'the top'}: {detail}")
        self.pointer = pointer


def join(pointer: str, name: str | int) -> str:
    """The JSON pointer of a member or element below `pointer` (RFC 6901 §3)."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def split_pointer(pointer: str) -> list[str]:
    """The names in a JSON pointer. Raises FormatError, rule `epcis.pointer`."""
    if pointer and not pointer.startswith("/"):
        raise FormatError("epcis.pointer", f"a JSON pointer begins with '/', not {pointer[:_SHOWN]!a}")
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]


def shown(value: object) -> str:
    """A value for an error message: short, and in ASCII."""
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def parse_object(data: bytes, *, max_bytes: int) -> Json:
    """Read a JSON object of at most `max_bytes`. Numbers and texts are checked by `check_values`.

    Raises FormatError: `epcis.size`, `epcis.json`, `epcis.name-twice`, `epcis.number`, `epcis.depth`.
    """
    if len(data) > max_bytes:
        raise FormatError("epcis.size", f"at most {max_bytes} bytes of JSON are read, not {len(data)}")
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except RecursionError as error:
        raise FormatError("epcis.depth", f"at most {MAX_DEPTH} levels of JSON are read") from error
    except ValueError as error:
        raise FormatError("epcis.json", f"this is not JSON in UTF-8: {_ascii(str(error))}") from error
    if not isinstance(value, dict):
        raise FormatError("epcis.json", "a JSON object was expected")
    return value


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError("epcis.name-twice", f"an object names the member {shown(twice)} twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER or not -MAX_INT <= int(digits) <= MAX_INT:
        raise FormatError("epcis.number", f"an integer is within ±(2**53-1), not {shown(digits)}")
    return int(digits)


def _decimal(digits: str) -> int | Decimal:
    if len(digits) <= _LONGEST_NUMBER:
        number = plain_number(Decimal(digits))
        if number is not None:
            return number
    raise FormatError(
        "epcis.number",
        f"a decimal has at most {_MAX_DIGITS} digits and lies between 0.000001 and 10**15, not {shown(digits)}",
    )


def plain_number(value: Decimal) -> int | Decimal | None:
    """The number in lowest form, an integer where it is one; None for one that is out of bounds."""
    if value.is_zero():
        return 0
    # Exponents first: normalising 1E+999999999 would cost nothing, but turning it into digits would.
    if not -_MAX_DIGITS <= value.adjusted() < _MAX_DIGITS:
        return None
    number = value.normalize(_EXACT)
    if len(number.as_tuple().digits) > _MAX_DIGITS or not _SMALLEST <= abs(number) < _LARGEST:
        return None
    return int(number) if number == number.to_integral_value() else number


def number_text(value: float | Decimal) -> str:
    """A number that was read here, as its one plain text."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _no_constant(name: str) -> None:
    raise FormatError("epcis.number", f"{name} is not a number of JSON")


def check_values(value: object, pointer: str = "") -> None:
    """Check depth, count, texts and kinds of everything below `value`.

    Raises EpcisError: `epcis.depth`, `epcis.values-many`, `epcis.text`, `epcis.null`.
    """
    if _is_plain(value):
        return
    # Something is wrong, or in letters that must be looked at one by one: now it is asked where.
    for count, (where, depth, item) in enumerate(_walk(value, pointer), start=1):
        if depth > MAX_DEPTH:
            raise EpcisError("epcis.depth", where, f"at most {MAX_DEPTH} levels inside each other are read")
        if count > MAX_NODES:
            raise EpcisError("epcis.values-many", where, f"an event holds at most {MAX_NODES} values")
        if item is None:
            raise EpcisError("epcis.null", where, "null says nothing: leave the member out")
        if isinstance(item, str):
            check_text(item, where)
        elif isinstance(item, dict):
            for name in item:
                check_text(name, where)


def _is_plain(value: object) -> bool:
    """Whether nothing below `value` can be refused, found without a pointer to each: most events are of ASCII alone."""
    layer = [value]
    count = 0
    for _ in range(MAX_DEPTH + 1):
        below: list[object] = []
        count += len(layer)
        if count > MAX_NODES:
            return False
        for item in layer:
            if isinstance(item, str):
                if not (item.isascii() and item.isprintable()):
                    return False
            elif isinstance(item, dict):
                for name in item:
                    if not (name.isascii() and name.isprintable()):
                        return False
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif item is None or isinstance(item, tuple):
                return False
        if not below:
            return True
        layer = below
    return False


def _walk(value: object, pointer: str) -> Iterator[tuple[str, int, object]]:
    stack: list[tuple[str, int, object]] = [(pointer, 0, value)]
    while stack:
        where, depth, item = stack.pop()
        yield where, depth, item
        if isinstance(item, Mapping):
            stack.extend((join(where, name), depth + 1, below) for name, below in item.items())
        elif isinstance(item, Sequence) and not isinstance(item, str):
            stack.extend((join(where, number), depth + 1, below) for number, below in enumerate(item))


def check_text(text: str, pointer: str) -> None:
    """Raise EpcisError, rule `epcis.text`, for text that holds control characters or half of a surrogate pair."""
    if text.isascii() and text.isprintable():
        return
    for letter in text:
        code = ord(letter)
        if code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:
            raise EpcisError(
                "epcis.text", pointer, f"text holds no control characters and no surrogates, not U+{code:04X}"
            )


def canonical(value: object) -> bytes:
    """The canonical bytes of what was read here (RFC 8785). Raises FormatError, rule `epcis.value`."""
    try:
        return rfc8785.dumps(_plain(value))
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise FormatError("epcis.value", f"this has no canonical JSON form: {_ascii(str(error))}") from error


def _plain(value: object) -> Any:  # noqa: ANN401  JSON is anything
    # At most 15 digits: the nearest double has them as its shortest text, so nothing is lost.
    if isinstance(value, Decimal):
        number = plain_number(value)
        if number is None:
            raise FormatError("epcis.number", f"{shown(value)} is out of bounds")
        return float(number) if isinstance(number, Decimal) else number
    if isinstance(value, dict):
        return {name: _plain(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(below) for below in value]
    return value


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
