"""What an event calls things and places: goods and logistic units that the ledger follows, and anybody's own names.

Rules: a check digit must be right. What looks like the number of goods and is no Digital Link or URN is refused, since nobody
who follows the goods would find the event.

What this module does not do: expand prefixes (`ledger.epcis.context`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from ledger.epcis.addresses import canonical_address
from ledger.epcis.json_text import EpcisError, shown
from ledger.errors import FormatError
from ledger.gs1 import gln, item_of_epc

_LOCATION = re.compile(r"https?://[^?#]*/(?:414|417)/([^/?#]+)")
_LIKE_A_LINK = re.compile(r"/(?:(?:01|gtin)/(?:[0-9]{8}|[0-9]{12,14})|(?:00|sscc)/[0-9]{18})(?:[/?#]|$)")
_FOLLOWED_URNS = ("urn:epc:id:sgtin:", "urn:epc:id:sscc:", "urn:epc:class:lgtin:", "urn:epc:idpat:sgtin:")


def item_text(uri: str, pointer: str) -> tuple[str, bool]:
    """How an item is called here, and whether it is goods or a logistic unit that the ledger follows.

    Raises EpcisError with the rule `gs1.*` for what would name such an item and is wrong: a check digit, most often.
    """
    try:
        return _item_of(uri)
    except FormatError as error:
        raise EpcisError(error.rule, pointer, error.detail) from error


@lru_cache(maxsize=8_192)
def _item_of(uri: str) -> tuple[str, bool]:
    # A lot stands in many events: its address is read once for all that are near each other.
    lower = uri.lower()
    if lower.startswith("urn:epc:"):
        # Whoever would write one in capitals would name a thing, and nobody following it would find the event.
        if not lower.startswith(_FOLLOWED_URNS):
            return uri, False
        address = uri
    elif lower.startswith(("http://", "https://")):
        # The event hash takes all forms of a link for one; so does what the ledger follows.
        address = canonical_address(uri)
    else:
        return uri, False
    try:
        return item_of_epc(address).path, True
    except FormatError as error:
        if error.rule != "gs1.link":
            raise
        # An address that is no Digital Link is anybody's own name for a thing, unless it looks like one that was miswritten.
        if address == uri and _LIKE_A_LINK.search(uri) and "/235/" not in uri:
            raise FormatError(
                "gs1.link",
                f"{shown(uri)} has the number of goods or of a logistic unit in it, and is no GS1 Digital Link",
            ) from error
        return uri, False


def checked_location(uri: str, pointer: str) -> str:
    """A place or party; the check digit of a location number in an address must be right."""
    found = _LOCATION.match(uri)
    if found is not None:
        try:
            gln(found[1])
        except FormatError as error:
            raise EpcisError(error.rule, pointer, error.detail) from error
    return uri
