"""JSON that is hashed: read strictly, written in the canonical form of RFC 8785.

Rules: a member named twice, a number with a fraction or an exponent, and one that a JavaScript number cannot hold are refused,
because two programs could read two things there. Writing is left to the `rfc8785` library.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import rfc8785

from ledger.encoding import MAX_INT
from ledger.errors import FormatError

MAX_BYTES: Final = 2_000_000

Json = dict[str, Any]
"""A JSON object."""


def canonical(value: Json) -> bytes:
    """The canonical bytes of a JSON object (RFC 8785). Raises FormatError, rule `json.value`."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise FormatError("json.value", f"this has no canonical JSON form: {error}") from error


def parse(data: bytes) -> Json:
    """Read a JSON object. Raises FormatError: `json.size`, `json.syntax`, `json.name-twice`, `json.number`, `json.object`."""
    if len(data) > MAX_BYTES:
        raise FormatError("json.size", f"at most {MAX_BYTES} bytes of JSON are read")
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_float=_no_number,
            parse_constant=_no_number,
            parse_int=_integer,
        )
    except (ValueError, RecursionError) as error:
        raise FormatError("json.syntax", "this is not JSON") from error
    if not isinstance(value, dict):
        raise FormatError("json.object", "a JSON object was expected")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FormatError("json.name-twice", "a JSON object names a member twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -MAX_INT <= int(digits) <= MAX_INT:
        _no_number(digits)
    return int(digits)


def _no_number(digits: str) -> NoReturn:
    raise FormatError("json.number", f"only integers within ±(2**53-1) are read, not {digits[:40]}")
