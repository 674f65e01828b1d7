"""One name for a place, in whatever form an event or a query writes it.

Rules: a location number is the same as an SGLN, as a Digital Link of any host, and with a prefix; so is a place of a member's
own, `urn:sogoc:place:<member>:<code>` or an address `…/place/<member>/<code>`. Any other URI is itself. An extension of a
location number is another place, within it; of other places nobody has recorded that they are within each other.
"""

from __future__ import annotations

import re
from typing import Final

from ledger.epcis.addresses import canonical_address

_OWN = re.compile(r"urn:sogoc:place:([-._0-9a-z]{1,64}):([-._0-9A-Za-z]{1,30})")
_OWN_LINK = re.compile(
    r"(?i:https?)://[^/?#]+/(?:[^?#]*/)?place/([-._0-9a-z]{1,64})/([-._0-9A-Za-z]{1,30})(?:[?#].*)?"
)
_NUMBER = re.compile(r"https://id\.gs1\.org/414/([0-9]{13})(?:/254/[^/]+)?")
_WITHIN: Final = "/254/"


def place_name(uri: str) -> str:
    """A place as it is compared: the canonical address of a location number, `place/<member>/<code>`, or the URI."""
    own = _OWN.fullmatch(uri) or _OWN_LINK.fullmatch(uri)
    return f"place/{own[1]}/{own[2]}" if own is not None else canonical_address(uri)


def is_within(place: str, other: str) -> bool:
    """Whether a place, as `place_name` names it, is another or within it."""
    return place == other or place.startswith(other + _WITHIN)


def identifier_of(place: str) -> tuple[str, str | None] | None:
    """Of a named place the location number, or the member's code and the member; None for any other URI."""
    number = _NUMBER.fullmatch(place)
    if number is not None:
        return number[1], None
    _, _, own = place.partition("place/")
    member, _, code = own.partition("/")
    return (code, member) if place.startswith("place/") and code else None
