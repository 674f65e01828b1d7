"""Printed codes: the links they hold, and their drawing.

Rules (docs/spec.md, "Printed codes"):

* the everyday code is `https://host/c/<lookup code>`, with the salt behind `#` in base64url without padding where there is
  one: what is behind `#` never leaves the phone. It is of version 10 at most, so any camera reads it;
* the offline code is `https://host/#<number>`, the number being a compact receipt (`ledger.compact_form.to_digits`), drawn as
  digits: so it holds about 2,281 bytes. It is printed at least 60 mm wide;
* both have error correction level M and a quiet zone of four modules. What does not fit is refused, and goes by reference: the
  everyday code and the full receipt say the same.

What this module does not do: know what a receipt says, or read pictures.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import segno
from segno import consts
from segno.encoder import DataOverflowError

from ledger import lookup_code
from ledger.compact_form import from_digits, to_digits
from ledger.errors import FormatError

EVERYDAY_VERSION: Final = 10
"""The largest version of an everyday code: 57 modules wide."""
OFFLINE_VERSION: Final = 40
LEVEL: Final = "m"
"""Error correction: about 15 % of a code may be lost."""
QUIET_ZONE: Final = 4
"""White modules around a code."""
OFFLINE_MILLIMETRES: Final = 60.0
"""The least width of an offline code on paper."""
SALT_SIZE: Final = 32
MAX_LINK_LETTERS: Final = 8_192

_CODE_PATH: Final = re.compile(r"/c/([^/]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Link:
    """What a code's link holds: a lookup code, perhaps with a salt; or a compact receipt."""

    code: str | None
    """Twelve letters without separators, or None in an offline link."""
    salt: bytes | None
    compact: bytes | None
    """Canonical bytes of a compact receipt, unchecked; None in an everyday link."""


def everyday_link(site: str, code: str, salt: bytes | None = None) -> str:
    """The link of an everyday code; `site` is an address such as `https://so-goc.example`, `salt` 32 bytes.

    Raises FormatError (`qr.site`, `qr.salt`, `lookup-code.*`) or VerificationError (`lookup-code.check`).
    """
    link = f"{_site(site)}/c/{lookup_code.parse(code)}"
    if salt is None:
        return link
    if len(salt) != SALT_SIZE:
        raise FormatError("qr.salt", f"a salt has {SALT_SIZE} bytes, not {len(salt)}")
    return f"{link}#{base64.urlsafe_b64encode(salt).decode().rstrip('=')}"


def offline_link(site: str, compact: bytes) -> str:
    """The link of an offline code that holds a compact receipt, in canonical bytes. Raises FormatError (`qr.site`)."""
    return f"{_site(site)}/#{to_digits(compact)}"


def parse_link(link: str) -> Link:
    """What a code's link holds, whatever site it names.

    Raises FormatError (`qr.link`, `lookup-code.*`, `compact.digits`) or VerificationError (`lookup-code.check`).
    """
    if len(link) > MAX_LINK_LETTERS:
        raise FormatError("qr.link", "the link is too long")
    try:
        parts = urlsplit(link)
    except ValueError as error:
        raise FormatError("qr.link", "this is no link") from error
    if parts.scheme not in ("https", "http") or not parts.netloc or parts.query:
        raise FormatError("qr.link", "the link of a code begins with https:// and a host, and has no query")
    if parts.path in ("", "/") and parts.fragment:
        return Link(None, None, from_digits(parts.fragment))
    match = _CODE_PATH.fullmatch(parts.path)
    if match is None:
        raise FormatError("qr.link", "the link of a code holds a lookup code or a compact receipt")
    return Link(lookup_code.parse(match[1]), _salt(parts.fragment) if parts.fragment else None, None)


def everyday_code(link: str) -> segno.QRCode:
    """The code of an everyday link. Raises FormatError (`qr.too-large`) if the site's name is too long for it."""
    code = _made([(link, consts.MODE_BYTE)], "the site's name is too long for an everyday code")
    if int(code.version) > EVERYDAY_VERSION:
        raise FormatError("qr.too-large", "the site's name is too long for an everyday code")
    return code


def offline_code(link: str) -> segno.QRCode:
    """The code of an offline link. Raises FormatError (`qr.too-large`) for a receipt that no code holds."""
    site, mark, digits = link.rpartition("#")
    size = len(from_digits(digits))
    return _made(
        [(site + mark, consts.MODE_BYTE), (digits, consts.MODE_NUMERIC)],
        f"the receipt's {size} bytes do not fit a printed code: print the everyday code, which leads to the whole receipt",
    )


def svg(code: segno.QRCode, *, millimetres: float) -> bytes:
    """A code as SVG, `millimetres` wide with its quiet zone."""
    stream = io.BytesIO()
    modules = code.symbol_size(border=QUIET_ZONE)[0]
    code.save(
        stream,
        kind="svg",
        border=QUIET_ZONE,
        scale=millimetres / modules,
        unit="mm",
        light="#fff",
        svgversion=1.1,
    )
    return stream.getvalue()


def png(code: segno.QRCode, *, pixels_a_module: int = 8) -> bytes:
    """A code as PNG, black on white, with its quiet zone."""
    stream = io.BytesIO()
    code.save(stream, kind="png", border=QUIET_ZONE, scale=pixels_a_module)
    return stream.getvalue()


def _made(segments: list[tuple[str, int]], too_large: str) -> segno.QRCode:
    try:
        return segno.make_qr(segments, error=LEVEL, boost_error=False)  # type: ignore[arg-type]  # segments are taken too
    except DataOverflowError as error:
        raise FormatError("qr.too-large", too_large) from error


def _site(site: str) -> str:
    try:
        parts = urlsplit(site)
        port = parts.port
    except ValueError as error:
        raise FormatError("qr.site", f"{site[:80]!a} is no address") from error
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment and parts.username is None
    if parts.scheme not in ("https", "http") or not parts.hostname or not bare or not site.isascii():
        raise FormatError("qr.site", "a site is written https://host, in the letters of an address")
    return f"{parts.scheme}://{parts.hostname}" + ("" if port is None else f":{port}")


def _salt(text: str) -> bytes:
    try:
        salt = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("qr.link", "what stands behind # is no salt") from error
    if len(salt) != SALT_SIZE or base64.urlsafe_b64encode(salt).decode().rstrip("=") != text:
        raise FormatError("qr.link", f"what stands behind # is no salt of {SALT_SIZE} bytes")
    return salt
