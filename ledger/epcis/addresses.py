"""One address for what may be written in several ways: EPC URNs and GS1 Digital Links in the form that the event hash wants.

Rules (CBV 2.0 §8.9.2, GS1 Digital Link URI Syntax 1.2 §4.11): the host is `id.gs1.org`, the query is gone, a GTIN has 14
digits, and only the finest level of identification stays: a serial without its lot. What is neither such a URN nor such an
address, or is one of them wrongly, stays as it is.

What this module does not do: refuse anything. Which items an event may name is decided where it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ledger.errors import FormatError
from ledger.gs1 import check_digit, unescape

_HOST: Final = "https://id.gs1.org"
_KEPT: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';=")
"""Letters that stand for themselves in the canonical form; every other one is percent-encoded."""

_URN = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):([^?#/]+)")
_LINK = re.compile(r"(?i:https?)://[^/?#]+(/[^?#]*)(?:[?#].*)?")
_AI_OF_NAME: Final = {
    "gtin": "01",
    "itip": "8006",
    "cpid": "8010",
    "gln": "414",
    "party": "417",
    "gsrnp": "8017",
    "gsrn": "8018",
    "gcn": "255",
    "sscc": "00",
    "gdti": "253",
    "ginc": "401",
    "gsin": "402",
    "grai": "8003",
    "giai": "8004",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
}
_VALUE = r"[!-~]"
_KEYS: Final = {
    "00": re.compile(r"[0-9]{18}"),
    "01": re.compile(r"[0-9]{8}|[0-9]{12,14}"),
    "253": re.compile(rf"[0-9]{{13}}{_VALUE}{{0,17}}"),
    "255": re.compile(r"[0-9]{13,25}"),
    "401": re.compile(rf"{_VALUE}{{1,30}}"),
    "402": re.compile(r"[0-9]{17}"),
    "414": re.compile(r"[0-9]{13}"),
    "417": re.compile(r"[0-9]{13}"),
    "8003": re.compile(rf"[0-9]{{14}}{_VALUE}{{0,16}}"),
    "8004": re.compile(rf"{_VALUE}{{1,30}}"),
    "8006": re.compile(r"[0-9]{18}"),
    "8010": re.compile(rf"{_VALUE}{{1,30}}"),
    "8017": re.compile(r"[0-9]{18}"),
    "8018": re.compile(r"[0-9]{18}"),
}
"""Keys, and what their values look like."""
_QUALIFIERS: Final = {
    "01": ("22", "10", "21", "235"),
    "414": ("254",),
    "8006": ("22", "10", "21"),
    "8010": ("8011",),
}
_FINEST: Final = ("21", "235", "10", "254", "8011")
"""Of the qualifiers there, the first of these stays."""


def canonical_address(text: str) -> str:
    """The canonical Digital Link of an EPC URN or a Digital Link; any other text as it is."""
    urn = _URN.fullmatch(text)
    if urn is not None:
        return _of_urn(urn[1], urn[2], urn[3].split(".")) or text
    link = _LINK.fullmatch(text)
    return (link and _of_link(link[1])) or text


def _escape(text: str) -> str:
    return "".join(letter if letter in _KEPT else f"%{ord(letter):02X}" for letter in text)


def _plain_text(text: str) -> str:
    """Text with its escapes undone; empty for what cannot stand in an identifier."""
    try:
        plain = unescape(text)
    except FormatError:
        return ""
    return plain if plain.isascii() and plain.isprintable() else ""


def _link(key: str, value: str, qualifier: str = "", inner: str = "") -> str:
    rest = f"/{qualifier}/{_escape(inner)}" if qualifier else ""
    return f"{_HOST}/{key}/{_escape(value)}{rest}"


# -- Digital Links -------------------------------------------------------------------------------------------------------


def _of_link(path: str) -> str | None:
    parts = path[1:].split("/")
    for start, part in enumerate(parts):
        key = _AI_OF_NAME.get(part, part)
        if key in _KEYS and start + 1 < len(parts):
            found = _of_parts(key, [_plain_text(value) for value in parts[start + 1 :]])
            if found is not None:
                return found
    return None


def _of_parts(key: str, parts: list[str]) -> str | None:
    value, *rest = parts
    if not _KEYS[key].fullmatch(value) or len(rest) % 2:
        return None
    names = [_AI_OF_NAME.get(name, name) for name in rest[::2]]
    qualifiers = dict(zip(names, rest[1::2], strict=True))
    if len(qualifiers) != len(names) or not set(_QUALIFIERS.get(key, ())).issuperset(names):
        return None
    if not all(qualifiers.values()):
        return None
    if key == "01":
        value = value.rjust(14, "0")
    finest = next((name for name in _FINEST if name in qualifiers), None)
    return _link(key, value) if finest is None else _link(key, value, finest, qualifiers[finest])


# -- EPC URNs ------------------------------------------------------------------------------------------------------------


def _digits(prefix: str, rest: str, length: int) -> str | None:
    """Company prefix and reference joined, if they are digits and so many; a prefix has 6 to 12."""
    whole = prefix + rest
    right = 6 <= len(prefix) <= 12 and len(whole) == length and whole.isascii() and whole.isdigit()
    return whole if right else None


def _with_indicator(prefix: str, rest: str, length: int) -> str | None:
    """A GTIN or an SSCC with its check digit: the reference's first digit goes in front (EPC Tag Data Standard §7)."""
    if _digits(prefix, rest, length) is None or not rest:
        return None
    whole = rest[0] + prefix + rest[1:]
    return whole + check_digit(whole)


def _checked(prefix: str, rest: str, length: int, front: str = "") -> str | None:
    whole = _digits(prefix, rest, length)
    return None if whole is None else front + whole + check_digit(front + whole)


def _inner(parts: list[str]) -> str | None:
    """What stands behind the last dot that counts, with its escapes undone."""
    return _plain_text(".".join(parts)) or None


def _numbered(key: str, length: int, front: str = "") -> Callable[[list[str]], str | None]:
    """A number with its check digit, and a serial behind it as part of the value."""

    def make(parts: list[str]) -> str | None:
        number = _checked(parts[0], parts[1], length, front) if len(parts) >= 3 else None
        serial = _inner(parts[2:])
        return None if number is None or serial is None else _link(key, number + serial)

    return make


def _plain(key: str, length: int) -> Callable[[list[str]], str | None]:
    """A number without anything behind it."""

    def make(parts: list[str]) -> str | None:
        if len(parts) != 2:
            return None
        number = _checked(parts[0], parts[1], length)
        return None if number is None else _link(key, number)

    return make


def _joined(key: str) -> Callable[[list[str]], str | None]:
    """A company prefix and a reference of letters, joined."""

    def make(parts: list[str]) -> str | None:
        reference = _inner(parts[1:])
        if not (6 <= len(parts[0]) <= 12 and parts[0].isascii() and parts[0].isdigit()) or reference is None:
            return None
        return _link(key, parts[0] + reference)

    return make


def _goods(qualifier: str) -> Callable[[list[str]], str | None]:
    """A GTIN with a lot, a serial or another qualifier."""

    def make(parts: list[str]) -> str | None:
        gtin = _with_indicator(parts[0], parts[1], 13) if len(parts) >= 3 else None
        inner = _inner(parts[2:])
        return None if gtin is None or inner is None else _link("01", gtin, qualifier, inner)

    return make


def _sscc(parts: list[str]) -> str | None:
    number = _with_indicator(parts[0], parts[1], 17) if len(parts) == 2 else None
    return None if number is None else _link("00", number)


def _sgln(parts: list[str]) -> str | None:
    number = _checked(parts[0], parts[1], 12) if len(parts) >= 3 else None
    extension = _inner(parts[2:])
    if number is None or extension is None:
        return None
    return _link("414", number) if extension == "0" else _link("414", number, "254", extension)


def _cpi(parts: list[str]) -> str | None:
    if len(parts) < 3 or not parts[-1].isdigit() or not parts[0].isdigit():
        return None
    part = _inner(parts[1:-1])
    return None if part is None else _link("8010", parts[0] + part, "8011", parts[-1])


def _itip(parts: list[str]) -> str | None:
    if len(parts) < 5 or not all(len(part) == 2 and part.isdigit() for part in parts[2:4]):
        return None
    gtin, serial = _with_indicator(parts[0], parts[1], 13), _inner(parts[4:])
    if gtin is None or serial is None:
        return None
    return _link("8006", gtin + parts[2] + parts[3], "21", serial)


def _pattern_of_goods(parts: list[str]) -> str | None:
    gtin = _with_indicator(parts[0], parts[1], 13) if len(parts) == 3 and parts[2] == "*" else None
    return None if gtin is None else _link("01", gtin)


def _pattern(key: str, front: str = "") -> Callable[[list[str]], str | None]:
    def make(parts: list[str]) -> str | None:
        number = _checked(parts[0], parts[1], 12, front) if len(parts) == 3 and parts[2] == "*" else None
        return None if number is None else _link(key, number)

    return make


_SCHEMES: Final[dict[tuple[str, str], Callable[[list[str]], str | None]]] = {
    ("id", "sgtin"): _goods("21"),
    ("id", "upui"): _goods("235"),
    ("class", "lgtin"): _goods("10"),
    ("id", "sscc"): _sscc,
    ("id", "sgln"): _sgln,
    ("id", "pgln"): _plain("417", 12),
    ("id", "gsrn"): _plain("8018", 17),
    ("id", "gsrnp"): _plain("8017", 17),
    ("id", "gsin"): _plain("402", 16),
    ("id", "grai"): _numbered("8003", 12, "0"),
    ("id", "gdti"): _numbered("253", 12),
    ("id", "sgcn"): _numbered("255", 12),
    ("id", "giai"): _joined("8004"),
    ("id", "ginc"): _joined("401"),
    ("id", "cpi"): _cpi,
    ("id", "itip"): _itip,
    ("idpat", "sgtin"): _pattern_of_goods,
    ("idpat", "upui"): _pattern_of_goods,
    ("idpat", "grai"): _pattern("8003", "0"),
    ("idpat", "gdti"): _pattern("253"),
    ("idpat", "sgcn"): _pattern("255"),
}


def _of_urn(space: str, scheme: str, parts: list[str]) -> str | None:
    make = _SCHEMES.get((space, scheme))
    return None if make is None or len(parts) < 2 else make(parts)
