"""Status lists: one bit for each certificate of an authority, in the form of W3C Bitstring Status List v1.0.

Rules: a list has at least 131,072 bits, so that asking for it names nobody. Bit 0 is the most significant bit of the first
byte. The bits are compressed by gzip and written in base64url behind `u`. A set bit means revoked in the list for
revocation, and suspended in the one for suspension.

What this module does not do: find out which certificates are revoked. The ledger knows (`cert.revoke/1`, `cert.suspend/1`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from ledger.credentials.jcs import Json
from ledger.credentials.multibase import base64url, parse_base64url
from ledger.credentials.vc import CONTEXT, Issuer
from ledger.errors import FormatError
from ledger.records.certificates import STATUS_LIST_SIZE

MAX_LIST_BYTES: Final = 1 << 22
"""Bytes of an uncompressed list that are read: far above what anybody publishes, far below what hurts."""
_GZIP: Final = 31
"""zlib's code for: a gzip header and nothing else, the largest window."""


def encode_list(indexes: Iterable[int]) -> str:
    """The `encodedList` of 131,072 bits in which `indexes` are set. Raises FormatError, rule `status-list.index`."""
    bits = bytearray(STATUS_LIST_SIZE // 8)
    for index in indexes:
        if not 0 <= index < STATUS_LIST_SIZE:
            raise FormatError("status-list.index", f"a list has the indexes 0 to {STATUS_LIST_SIZE - 1}")
        bits[index >> 3] |= 0x80 >> (index & 7)
    # zlib writes no time into the header.
    return base64url(zlib.compress(bytes(bits), wbits=_GZIP))


def decode_list(text: str) -> bytes:
    """The bits of an `encodedList`. Raises FormatError (`multibase.base64url`, `status-list.gzip`, `status-list.size`)."""
    reader = zlib.decompressobj(_GZIP)
    try:
        bits = reader.decompress(parse_base64url(text), MAX_LIST_BYTES)
    except zlib.error as error:
        raise FormatError("status-list.gzip", "the list is not compressed by gzip, or damaged") from error
    if not reader.eof or reader.unused_data:
        raise FormatError("status-list.gzip", "the compressed list ends too early, too late, or is too long")
    if len(bits) * 8 < STATUS_LIST_SIZE:
        raise FormatError("status-list.size", f"a list has at least {STATUS_LIST_SIZE} bits")
    return bits


def is_set(bits: bytes, index: int) -> bool:
    """Whether the bit at `index` is set. Raises FormatError, rule `status-list.index`, outside the list."""
    if not 0 <= index < len(bits) * 8:
        raise FormatError("status-list.index", f"the list has no index {index}")
    return bool(bits[index >> 3] & (0x80 >> (index & 7)))


def list_credential(
    issuer: Issuer, number: int, purpose: str, indexes: Iterable[int], *, valid_from: str
) -> Json:
    """The unsigned credential that publishes a list. `valid_from`: RFC 3339 time of the statuses."""
    url = issuer.status_list(number, purpose)
    return {
        "@context": [CONTEXT],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": {"id": issuer.did, "name": issuer.name},
        "validFrom": valid_from,
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": encode_list(indexes),
        },
    }
