"""Ed25519 as this ledger means it: which signatures are valid, and which keys may be registered.

Which signatures are valid is a consensus rule. RFC 8032 leaves room, and libraries differ in that room; two nodes that
differ on one crafted signature are two ledgers. So the rule is closed here:

* the y of the public key A and of R is below p (with the sign bit masked): one encoding per point;
* neither A nor R is a point of small order;
* S is below the group order L;
* R recomputed as S·B − k·A, without multiplying by the cofactor, equals the R of the signature byte for byte.

The last rule is *cofactorless*. libsodium has moved to a cofactored equation in newer releases, so `verify` does not
trust a library by its name: before its first use libsodium must refuse two signatures that only the cofactored equation
accepts; if it accepts one, OpenSSL (which compares bytes) is used in its place, more slowly and with the same verdicts.

What this module does not do: make randomness, read or write key files (see `node.keyfiles`), or decide what is signed
(see `ledger.hashing.signed_message` for the contexts).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl import bindings as libsodium
from nacl.exceptions import BadSignatureError

from ledger.errors import FormatError, VerificationError

PUBLIC_KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
SEED_SIZE: Final = 32

FIELD_PRIME: Final = 2**255 - 19
GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493

_SIGN_BIT: Final = 1 << 255

# The y coordinates of the eight points of small order: orders 4, 1, 2, and the two of order 8.
_SMALL_ORDER_Y: Final = (
    0,
    1,
    FIELD_PRIME - 1,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
)

# Every encoding with a y below p that denotes them. Ten, not eight: for y = 1 and y = -1 the x is zero, and an encoding
# that sets the sign of zero is a second name for the same point.
SMALL_ORDER_ENCODINGS: Final = frozenset(
    (y | sign).to_bytes(32, "little") for y in _SMALL_ORDER_Y for sign in (0, _SIGN_BIT)
)

# Two signatures that satisfy the cofactored equation only (made by `tests/edwards.py`): over the message below, one
# with a torsion point added to R, one by a key with a torsion point added to A.
_PROBE_MESSAGE: Final = b"sogoc/v1/cofactor-probe"
_PROBES: Final = (
    (
        bytes.fromhex("c754d3ab33e3a5688fc99efd0d5826498f74687c0344482e8a34e59576b078f2"),
        bytes.fromhex(
            "507a7fac547f595d44fdce98b5397f7b2a819db8bdfab85c3bcc0ec47ccf6739"
            "4843cb5d9a77afed4e247442413f3ad4bcc394ac41168f62fab40a530ef9be0d"
        ),
    ),
    (
        bytes.fromhex("6e5f6fbf0062c3f0b7b65c6462785b7d636be08276d4db3f0fc041e66862465e"),
        bytes.fromhex(
            "affa978c80323490c45af6fe40408f5660be585f9ccdbe1f1bdb5d711a4d5fae"
            "3de15103fc9b782ceac83dea1173ac2a5ad736b5faa60f2a7828c2f813bc5d0b"
        ),
    ),
)

_Verifier = Callable[[bytes, bytes, bytes], bool]


def verify(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Check that `signature` (64 bytes) over `message` is valid under `public_key` (32 bytes) by the ledger's rule.

    The rule is in the module's head; it is narrower than RFC 8032 §5.1.7 and the same on every node. Both libraries
    release the interpreter's lock while they work, so threads verify in parallel.

    Raises `VerificationError` with a rule `signature.*`: `size`, `key-not-canonical`, `key-small-order`,
    `r-not-canonical`, `r-small-order`, `s-not-canonical`, `mismatch`.
    """
    if len(public_key) != PUBLIC_KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        detail = f"a key has 32 bytes and a signature 64; these have {len(public_key)} and {len(signature)}"
        raise VerificationError("signature.size", detail)
    # This is called once per entry of an audit. The guards are ordered so that an honest signature pays for two set
    # look-ups and three byte comparisons; the exact arithmetic runs only where the top byte leaves a doubt.
    if public_key in SMALL_ORDER_ENCODINGS:
        raise VerificationError("signature.key-small-order", "the public key is a point of small order")
    if public_key[31] & 0x7F == 0x7F and not _y_below_p(public_key):
        raise VerificationError("signature.key-not-canonical", "the public key's y is not below p")
    r = signature[:32]
    if r in SMALL_ORDER_ENCODINGS:
        raise VerificationError("signature.r-small-order", "the signature's R is a point of small order")
    if r[31] & 0x7F == 0x7F and not _y_below_p(r):
        raise VerificationError("signature.r-not-canonical", "the y of the signature's R is not below p")
    if signature[63] >= 0x10 and int.from_bytes(signature[32:], "little") >= GROUP_ORDER:
        raise VerificationError("signature.s-not-canonical", "the signature's S is not below the group order")
    if not _equation()(public_key, signature, message):
        raise VerificationError(
            "signature.mismatch", "the signature is not this key's signature over this message"
        )


def check_public_key(public_key: bytes) -> None:
    """Check that `public_key` may be registered: 32 bytes, canonical, not of small order, in the prime-order subgroup.

    Registration is stricter than `verify`: a key outside the subgroup can make signatures whose verdict depends on the
    equation a verifier uses, and no honest key is there (libsodium's `is_valid_point`).

    Raises `VerificationError` with a rule `key.*`: `size`, `not-canonical`, `small-order`, `not-in-subgroup`.
    """
    if len(public_key) != PUBLIC_KEY_SIZE:
        raise VerificationError("key.size", f"a public key has 32 bytes, this one {len(public_key)}")
    if not _y_below_p(public_key):
        raise VerificationError("key.not-canonical", "the public key's y is not below p")
    if public_key in SMALL_ORDER_ENCODINGS:
        raise VerificationError("key.small-order", "the public key is a point of small order")
    if not libsodium.crypto_core_ed25519_is_valid_point(bytes(public_key)):
        detail = "the public key is not a point of the prime-order subgroup"
        raise VerificationError("key.not-in-subgroup", detail)


def equation_library() -> str:
    """Name the library that computes the last rule here: `libsodium`, or `openssl` where that is cofactored."""
    return "libsodium" if _equation() is _libsodium_equation else "openssl"


class SigningKey:
    """An Ed25519 private key in memory. It prints as its public key, never as its seed, and cannot be pickled."""

    __slots__ = ("_public_key", "_secret")

    def __init__(self, public_key: bytes, secret: bytes) -> None:
        """Hold a key pair as libsodium keeps it (`secret` = seed ‖ public key); use `from_seed` to make one."""
        self._public_key = public_key
        self._secret = secret

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """Derive the key pair of a 32-byte seed (RFC 8032 §5.1.5). Raises `FormatError` (`key.seed-size`)."""
        if len(seed) != SEED_SIZE:
            raise FormatError("key.seed-size", f"a seed has {SEED_SIZE} bytes, this one {len(seed)}")
        return cls(*libsodium.crypto_sign_seed_keypair(bytes(seed)))

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._public_key

    @property
    def seed(self) -> bytes:
        """The 32-byte seed, for writing an encrypted key file; nothing else should need it."""
        return self._secret[:SEED_SIZE]

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte deterministic signature over `message` (RFC 8032 §5.1.6); the caller adds the context."""
        return libsodium.crypto_sign(message, self._secret)[:SIGNATURE_SIZE]

    def __repr__(self) -> str:
        return f"SigningKey(public_key={self._public_key.hex()})"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled: pass its file instead")


def _y_below_p(encoded: bytes) -> bool:
    """Whether the 255-bit y of an encoded point is below p, the sign bit masked."""
    return int.from_bytes(encoded, "little") & (_SIGN_BIT - 1) < FIELD_PRIME


def _libsodium_equation(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        libsodium.crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


def _openssl_equation(public_key: bytes, signature: bytes, message: bytes) -> bool:
    # A key object shared between threads is slower than one made for each call: its reference count becomes a point of
    # contention. Making one costs about 2 µs.
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@cache
def _equation() -> _Verifier:
    """The fastest library that compares R byte for byte, found by asking it rather than by its version."""
    if any(_libsodium_equation(public_key, signature, _PROBE_MESSAGE) for public_key, signature in _PROBES):
        return _openssl_equation
    return _libsodium_equation
