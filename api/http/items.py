"""Item paths in addresses: `01/<gtin>/10/<lot>` behind a prefix, as whoever asks may have written them.

Rules: an item path is part of an address as it stands, so it is read from the address as it came, where `%2F` is not yet a
slash. A client that encodes the whole path once more, slashes too, means the same; so does one that escapes letters needlessly,
or leaves out a GTIN's leading zeros. A wrong check digit is a 400 that says which digit is expected.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.requests import Request

from ledger.errors import FormatError
from ledger.gs1 import Item, gtin14, parse_item, parse_link_path


def raw_tail(request: Request, skip: int, suffix: str = "") -> str:
    """The request's path behind its first `skip` segments and without `suffix`, still percent-encoded."""
    raw = request.scope.get("raw_path")
    path = raw.decode("latin-1") if isinstance(raw, bytes) else quote(request.scope["path"])
    parts = path.split("?", 1)[0].lstrip("/").split("/", skip)
    return parts[skip].removesuffix(suffix) if len(parts) > skip else ""


def read_item(raw: str) -> Item:
    """The item that the rest of an address names. Raises FormatError, rule `gs1.*`."""
    for text in (raw, unquote(raw)):
        try:
            return parse_item(text)
        except FormatError:
            continue
    return parse_link_path(raw if "/" in raw else unquote(raw)).item


def item_of(request: Request, skip: int, suffix: str = "") -> Item:
    """The item in the request's address, behind `skip` segments. Raises FormatError, rule `gs1.*`."""
    return read_item(raw_tail(request, skip, suffix))


def goods_of(raw: str) -> Item:
    """Goods as `<gtin>`, `01/<gtin>` or `code/<member>/<code>`. Raises FormatError, rule `gs1.*`."""
    text = unquote(raw)
    return Item(gtin=gtin14(text)) if "/" not in text else read_item(raw)
