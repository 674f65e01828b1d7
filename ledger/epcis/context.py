"""The JSON-LD context of an event: prefixes, and URIs.

Rules: a context is never fetched. The standard's is known by its address; one of somebody's own declares prefixes and nothing
else, and may not redefine the standard's words.

What this module does not do: read events (`ledger.epcis.reading`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ledger.epcis.json_text import EpcisError, join, shown
from ledger.epcis.members import STANDARD_TERMS
from ledger.epcis.vocabulary import CONTEXT, CONTEXTS, STANDARD_PREFIXES

MAX_URI_BYTES: Final = 1_024
OWN_SCHEMES: Final = frozenset({"http", "https", "urn"})
"""What a name begins with that is a URI by itself."""
URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})+")
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def prefixes_of(context: object, pointer: str) -> dict[str, str]:
    """The prefixes that a JSON-LD context declares, the standard's own among them.

    Raises EpcisError: `epcis.context`, `epcis.context-term`.
    """
    prefixes = dict(STANDARD_PREFIXES)
    entries = context if isinstance(context, list) else [] if context is None else [context]
    for number, entry in enumerate(entries):
        where = join(pointer, number) if isinstance(context, list) else pointer
        if isinstance(entry, str):
            read_uri(entry, where)
            continue
        if not isinstance(entry, dict):
            raise EpcisError(
                "epcis.context",
                where,
                "a context is an address, or an object of prefixes and what they stand for",
            )
        for prefix, namespace in entry.items():
            _check_prefix(prefixes, prefix, namespace, join(where, prefix))
            prefixes[prefix] = namespace
    return prefixes


def _check_prefix(known: Mapping[str, str], prefix: str, namespace: object, where: str) -> None:
    if not _PREFIX.fullmatch(prefix) or prefix in OWN_SCHEMES or not isinstance(namespace, str):
        raise EpcisError(
            "epcis.context",
            where,
            'a context of one\'s own maps prefixes, such as "example", to addresses, and nothing else',
        )
    read_uri(namespace, where)
    if prefix in STANDARD_TERMS or STANDARD_PREFIXES.get(prefix, namespace) != namespace:
        raise EpcisError("epcis.context-term", where, f"{shown(prefix)} is the standard's own word")
    if known.get(prefix, namespace) != namespace:
        raise EpcisError("epcis.context-term", where, f"the prefix {shown(prefix)} stands for two things")


def joined_context(*contexts: object, used: Iterator[str]) -> object:
    """One context for an event out of its document's and its own: the standard's, and the prefixes of `used` that are declared.

    Other addresses stay, in order. `used`: texts that may begin with a prefix.
    """
    prefixes: dict[str, str] = {}
    addresses: list[str] = [CONTEXT]
    for context in contexts:
        for entry in context if isinstance(context, list) else [] if context is None else [context]:
            if isinstance(entry, str):
                if entry not in CONTEXTS and entry not in addresses:
                    addresses.append(entry)
            elif isinstance(entry, dict):
                prefixes |= entry
    begun = {text.partition(":")[0] for text in used if ":" in text}
    needed = {
        name: prefixes[name] for name in sorted(prefixes) if name in begun and name not in STANDARD_PREFIXES
    }
    if not needed and len(addresses) == 1:
        return CONTEXT
    return [*addresses, needed] if needed else addresses


def read_uri(value: object, pointer: str) -> str:
    """A URI with its scheme, in ASCII (RFC 3986). Raises EpcisError, rule `epcis.uri`."""
    if (
        not isinstance(value, str)
        or len(value) > MAX_URI_BYTES
        or not URI.fullmatch(value)
        or value.count("#") > 1
    ):
        raise EpcisError(
            "epcis.uri", pointer, f"a URI of at most {MAX_URI_BYTES} letters is expected, not {shown(value)}"
        )
    return value
