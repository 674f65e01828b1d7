"""Which items a `MATCH_…` parameter names: one by its URI, or many by an EPC pattern.

Rules (EPCIS 2.0 §8.2.7.1, EPC Tag Data Standard §8): an item is the same in whatever form it is written, as a URN, a GS1
Digital Link or an item path. A pattern is `urn:epc:idpat:<scheme>:…` with a `*` in its last fields: all of a product, all of a
company, or all of a scheme. The company is the row of digits that the pattern names, of whatever length. Goods of a product
that a pattern names are found however an event names them: as a class, a lot or a single piece.

What this module does not do: look into events (`api.epcis.matching`), or choose an index (`api.epcis.finding`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.epcis.addresses import canonical_address
from ledger.epcis.json_text import shown
from ledger.epcis.naming import item_text
from ledger.errors import FormatError

_QUANTITIES = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_EPCS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList", "parentID")
MATCHES: Final[Mapping[str, tuple[str, ...]]] = {
    "MATCH_epc": ("epcList", "childEPCs"),
    "MATCH_parentID": ("parentID",),
    "MATCH_inputEPC": ("inputEPCList",),
    "MATCH_outputEPC": ("outputEPCList",),
    "MATCH_anyEPC": _EPCS,
    "MATCH_epcClass": ("quantityList", "childQuantityList"),
    "MATCH_inputEPCClass": ("inputQuantityList",),
    "MATCH_outputEPCClass": ("outputQuantityList",),
    "MATCH_anyEPCClass": _QUANTITIES,
    "MATCH_any": (*_EPCS, *_QUANTITIES),
}
"""Parameters that name items, and the members of an event in which they look. `MATCH_any` is not the standard's: it asks
whether an event names an item in whatever way."""

_HOST: Final = "https://id.gs1.org"
_PATTERN = re.compile(r"urn:epc:(?:idpat|id|class):([a-z]+):([^?#/]*)")
_COMPANY = re.compile(r"[0-9]{6,12}")
_SCHEMES: Final[Mapping[str, tuple[str, int, int]]] = {
    "sgtin": ("01", 1, 3),
    "lgtin": ("01", 1, 3),
    "upui": ("01", 1, 3),
    "sscc": ("00", 1, 2),
    "itip": ("8006", 1, 5),
    "sgln": ("414", 0, 3),
    "pgln": ("417", 0, 2),
    "grai": ("8003", 1, 3),
    "giai": ("8004", 0, 2),
    "gdti": ("253", 0, 3),
    "sgcn": ("255", 0, 3),
    "gsrn": ("8018", 0, 2),
    "gsrnp": ("8017", 0, 2),
    "ginc": ("401", 0, 2),
    "gsin": ("402", 0, 2),
    "cpi": ("8010", 0, 3),
}
"""Of each scheme the key of its addresses, how many digits stand there before the company's, and the fields of its URN."""
_GOODS = frozenset({"sgtin", "lgtin"})
_PRODUCTS = frozenset({"sgtin", "lgtin", "upui", "grai", "gdti", "sgcn", "sgln"})
"""Schemes whose second field is a number of its own, under which serials or extensions stand."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Many items: those whose name begins with `start`, and has `digits` at a place."""

    start: str
    digits: str = ""
    at: int = 0

    def matches(self, text: str) -> bool:
        """Whether an item is one of them."""
        return text.startswith(self.start) and text.startswith(self.digits, self.at)


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one `MATCH_…` parameter."""

    members: tuple[str, ...]
    """Members of an event in which one of them must stand."""
    exact: frozenset[str]
    """Items as `named` names them."""
    patterns: tuple[Pattern, ...]
    followed: bool
    """Whether all are items that the ledger keeps a history of."""

    def matches(self, text: str) -> bool:
        """Whether an item is one of them."""
        return text in self.exact or any(pattern.matches(text) for pattern in self.patterns)


def named(uri: str) -> str:
    """An item in the one form in which it is compared: its path, or the canonical address of what is no goods.

    Raises EpcisError (`gs1.*`) for what would name goods and is wrong.
    """
    text, followed = item_text(uri, "")
    return text if followed else canonical_address(text)


def read_items(name: str, texts: Iterable[str], read_uri: Callable[[str, str], str]) -> Items:
    """The items of a parameter; `read_uri` checks each value. Raises FormatError: `epcis.query-value`, `gs1.*`."""
    exact: set[str] = set()
    patterns: list[Pattern] = []
    followed = True
    for text in texts:
        uri = read_uri(name, text)
        found = _PATTERN.fullmatch(uri)
        if found is not None and found[2].endswith("*") and (found[1] in _SCHEMES or ":idpat:" in uri):
            some, all_of = _pattern(name, uri, found[1], found[2].split("."))
            exact |= some
            patterns.append(all_of)
            followed = False
            continue
        path, known = item_text(uri, f"/{name}")
        exact.add(path if known else canonical_address(path))
        followed = followed and known
    return Items(MATCHES[name], frozenset(exact), tuple(patterns), followed)


def _pattern(name: str, uri: str, scheme: str, parts: list[str]) -> tuple[set[str], Pattern]:
    """What a pattern names by itself, and all that it stands for."""
    key, before, fields = _SCHEMES.get(scheme, ("", 0, 0))
    given = parts[: parts.index("*")] if "*" in parts else parts
    starred = parts[len(given) :]
    wrong = len(parts) != fields or set(starred) != {"*"} or "*" in "".join(given)
    if wrong or len(given) > 2 or not all(part.isascii() and part.isdigit() for part in given):
        raise _no_pattern(name, uri)
    if len(given) == 2:
        return _under_number(name, uri, scheme, given)
    if given and not _COMPANY.fullmatch(given[0]):
        raise _no_pattern(name, uri)
    start = f"{key}/" if scheme in _GOODS or key == "00" else f"{_HOST}/{key}/"
    return set(), Pattern(start, "".join(given), len(start) + before)


def _under_number(name: str, uri: str, scheme: str, given: list[str]) -> tuple[set[str], Pattern]:
    if scheme not in _PRODUCTS:
        raise _no_pattern(name, uri)
    whole = ".".join(given)
    if scheme in _GOODS:
        path, _ = item_text(f"urn:epc:idpat:sgtin:{whole}.*", f"/{name}")
        return {path}, Pattern(f"{path}/")
    written = f"urn:epc:id:sgln:{whole}.0" if scheme == "sgln" else f"urn:epc:idpat:{scheme}:{whole}.*"
    address = canonical_address(written)
    if address == written:
        raise _no_pattern(name, uri)
    # A serial is part of these keys' values, and stands behind a slash in the others.
    below = {"upui": "/235/", "sgln": "/254/"}.get(scheme, "")
    return {address}, Pattern(address + below)


def _no_pattern(name: str, uri: str) -> FormatError:
    return FormatError(
        "epcis.query-value",
        f"{name} takes patterns whose last fields are *, such as urn:epc:idpat:sgtin:893850.0000001.* or "
        f"urn:epc:idpat:sscc:8938500.*, not {shown(uri)}",
    )
