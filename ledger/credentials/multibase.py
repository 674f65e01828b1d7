"""Bytes as text in two of the bases of Multibase: base58btc (`z`) and base64url without padding (`u`).

Rules (W3C Controlled Identifiers v1.0, "Multibase"): base58btc writes the bytes as one number in base 58, most significant
digit first, behind one `1` for each leading zero byte. What does not write back to itself is refused.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from ledger.errors import FormatError

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
MAX_BASE58_LETTERS: Final = 256
"""Reading takes time that grows with the square of the length; keys and signatures are far below."""


def base58btc(data: bytes) -> str:
    """`z` and the base58btc of `data`."""
    number = int.from_bytes(data, "big")
    letters: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        letters.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "z" + _ALPHABET[0] * zeros + "".join(reversed(letters))


def parse_base58btc(text: str) -> bytes:
    """Read what `base58btc` writes. Raises FormatError, rule `multibase.base58`."""
    if not text.startswith("z") or len(text) > MAX_BASE58_LETTERS:
        raise FormatError(
            "multibase.base58", f"a base58btc text begins with z and has at most {MAX_BASE58_LETTERS} letters"
        )
    number = 0
    for letter in text[1:]:
        digit = _DIGITS.get(letter)
        if digit is None:
            raise FormatError("multibase.base58", f"{letter!a} is no letter of base58btc")
        number = number * 58 + digit
    body = text[1:]
    zeros = len(body) - len(body.lstrip(_ALPHABET[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def base64url(data: bytes) -> str:
    """`u` and the base64url of `data`, without padding."""
    return "u" + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse_base64url(text: str) -> bytes:
    """Read what `base64url` writes. Raises FormatError, rule `multibase.base64url`."""
    body = text[1:]
    try:
        if text[:1] != "u" or "+" in body or "/" in body or "=" in body:
            raise ValueError
        data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("multibase.base64url", "this is not u and base64url without padding") from error
    if base64url(data) != text:
        raise FormatError("multibase.base64url", "the last letter holds bits that no byte has")
    return data
