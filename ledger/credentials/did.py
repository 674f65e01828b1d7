"""Ed25519 keys as the W3C names them: Multikey, `did:key` and `did:web`.

Rules: a Multikey is the multicodec prefix 0xed01 and the 32 bytes, in base58btc; `did:key:<multikey>` is a DID whose one key is
in its name. For `did:web:<domain>` the key stands in the fragment of the verification method, and that it belongs to the
domain is shown by the domain's DID document, or by the ledger.
"""

from __future__ import annotations

from typing import Any, Final

from ledger.credentials.multibase import base58btc, parse_base58btc
from ledger.errors import CannotTellError, FormatError

_ED25519: Final = b"\xed\x01"
_KEY_SIZE: Final = 32
DID_KEY, DID_WEB = "did:key:", "did:web:"
_DOMAIN_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.%ABCDEF:_")


def multikey(public_key: bytes) -> str:
    """An Ed25519 public key (32 bytes) as a Multikey: `z6Mk…`."""
    return base58btc(_ED25519 + public_key)


def parse_multikey(text: str) -> bytes:
    """The 32-byte key in a Multikey. Raises FormatError (`did.multikey`), CannotTellError for a key of another kind."""
    data = parse_base58btc(text)
    if not data.startswith(_ED25519):
        raise CannotTellError("did.key-type", "only Ed25519 keys are known here")
    if len(data) != len(_ED25519) + _KEY_SIZE:
        raise FormatError("did.multikey", f"an Ed25519 key has {_KEY_SIZE} bytes")
    return data[len(_ED25519) :]


def did_key(public_key: bytes) -> str:
    """The `did:key` of an Ed25519 public key."""
    return DID_KEY + multikey(public_key)


def did_web(domain: str) -> str:
    """The `did:web` of a domain, with a port if it has one (`example.vn:8443`). Raises FormatError, rule `did.domain`."""
    name = domain.replace(":", "%3A")
    if not name or not _DOMAIN_LETTERS.issuperset(name) or "/" in name:
        raise FormatError("did.domain", f"{domain[:100]!a} is not a domain name")
    return DID_WEB + name


def verification_method(did: str, public_key: bytes) -> str:
    """The name of a key under a DID: the DID, `#`, and the key as a Multikey."""
    return f"{did}#{multikey(public_key)}"


def parse_verification_method(text: str) -> tuple[str, bytes]:
    """DID and key of a verification method.

    Raises FormatError (`did.method`), CannotTellError (`did.method-unknown`: a method, or a key under it, that needs asking).
    """
    did, hash_sign, fragment = text.partition("#")
    if not hash_sign:
        raise FormatError("did.method", "a verification method is a DID, # and the name of a key")
    if not did.startswith((DID_KEY, DID_WEB)):
        raise CannotTellError("did.method-unknown", f"the DID method of {did[:60]!a} is not known here")
    if did.startswith(DID_KEY) and did.removeprefix(DID_KEY) != fragment:
        raise FormatError("did.method", "a did:key has one key, the one it is named by")
    if not fragment.startswith("z6Mk"):
        raise CannotTellError(
            "did.method-unknown", "the key is not in its own name, and nobody is asked here"
        )
    return did, parse_multikey(fragment)


def did_document(did: str, public_keys: list[bytes]) -> dict[str, Any]:
    """The DID document to publish for a `did:web`, at `/.well-known/did.json`."""
    methods = [verification_method(did, key) for key in public_keys]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [
            {"id": method, "type": "Multikey", "controller": did, "publicKeyMultibase": multikey(key)}
            for method, key in zip(methods, public_keys, strict=True)
        ],
        "assertionMethod": methods,
    }
