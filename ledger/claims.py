"""Claims of a certificate: a commitment to all of them, so that each may be shown without the others.

Rules (docs/spec.md, "Claims"): a claim is a name and a value: text, an integer, true or false, or nil where the schema's
field was left empty. The schema fixes which claims there are, and their order. The ledger holds the RFC 9162 tree root over

    encode([name, value, HMAC-SHA-256(salt, name)])

one leaf for each claim in that order, and their count. The salt is 32 random bytes, one for each certificate: it never
goes on the ledger, and whoever destroys it leaves a commitment that nobody can try guesses on. A shown claim comes with its
HMAC and its path; what is not shown stays behind a hash that its own HMAC blinds.

In a file (`ledger.disclosure`) claims are one of

    [0, salt, [[name, value], …]]                       all of them
    [1, count, [[index, name, value, mac, [path, …]], …]]      some of them, in ascending order of index

What this module does not do: know schemas, make salts, or decide whether a root deserves trust (`ledger.receipt`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from ledger import merkle, proofs
from ledger.encoding import MAX_INT, Value, encode
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.fields import IDENTIFIER_ALPHABET
from ledger.hashing import HASH_SIZE, leaf_hash, leaf_hashes

SALT_SIZE = 32
MAX_CLAIMS = 256
MAX_NAME_LETTERS = 64
MAX_VALUE_BYTES = 4_096
"""Bytes of UTF-8 of one text."""
_FULL, _SHOWN = 0, 1

ClaimValue = str | int | bool | None


class Claim(NamedTuple):
    """One claim: the schema's name for it, and its value."""

    name: str
    value: ClaimValue


def claim_mac(salt: bytes, name: str) -> bytes:
    """HMAC-SHA-256(salt, name): 32 bytes that blind a claim's leaf, different for each name."""
    return hmac.digest(salt, name.encode(), hashlib.sha256)


def claim_leaf(claim: Claim, mac: bytes) -> bytes:
    """The data of a claim's leaf in the tree."""
    return encode([claim.name, claim.value, mac])


def commit(claims: Sequence[Claim], salt: bytes) -> bytes:
    """The 32-byte root over all claims, in the schema's order. Raises FormatError (`claims.*`)."""
    return merkle.root_of_hashes(_leaf_hashes(claims, salt))


@dataclass(frozen=True, slots=True)
class FullClaims:
    """All claims of a certificate with its salt: what the holder keeps."""

    claims: tuple[Claim, ...]
    salt: bytes

    def __post_init__(self) -> None:
        """Check form and limits. Raises FormatError (`claims.*`)."""
        _check_claims(self.claims)
        _check_salt(self.salt)

    @property
    def shown(self) -> tuple[Claim, ...]:
        """The claims that can be read: all."""
        return self.claims

    @property
    def root(self) -> bytes:
        """What the ledger should hold."""
        return commit(self.claims, self.salt)

    def verify(self, root: bytes, count: int) -> None:
        """Check that these are the claims committed to by `root`, `count` of them.

        Raises VerificationError, rule `claims.count` or `claims.root`.
        """
        _check_count(len(self.claims), count)
        got = self.root
        if got != root:
            raise VerificationError(
                "claims.root", "the claims are not those of the certificate", expected=root, got=got
            )

    def disclose(self, names: Collection[str]) -> Disclosure:
        """Only the claims named, with what it takes to check them. Raises FormatError (`claims.name-unknown`)."""
        known = {claim.name for claim in self.claims}
        for name in names:
            if name not in known:
                raise FormatError("claims.name-unknown", f"the certificate has no claim {name[:40]!a}")
        hashes = _leaf_hashes(self.claims, self.salt)
        shown = tuple(
            ShownClaim(
                index, claim, claim_mac(self.salt, claim.name), tuple(merkle.inclusion_path(hashes, index))
            )
            for index, claim in enumerate(self.claims)
            if claim.name in names
        )
        return Disclosure(len(self.claims), shown)

    def to_value(self) -> Value:
        """As it stands in a file."""
        pairs: list[Value] = [[claim.name, claim.value] for claim in self.claims]
        return [_FULL, self.salt, pairs]


@dataclass(frozen=True, slots=True)
class ShownClaim:
    """One claim with the evidence that it is the certificate's."""

    index: int
    claim: Claim
    mac: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Some claims of a certificate; of the others nothing but their number is said."""

    count: int
    items: tuple[ShownClaim, ...]

    def __post_init__(self) -> None:
        """Check form and limits. Raises FormatError (`claims.*`)."""
        if not 1 <= self.count <= MAX_CLAIMS:
            raise FormatError("claims.limit", f"a certificate has 1 to {MAX_CLAIMS} claims")
        _check_claims(self.shown)
        indexes = [item.index for item in self.items]
        if any(a >= b for a, b in pairwise(indexes)):
            raise FormatError("claims.order", "shown claims stand in ascending order of index, each once")

    @property
    def shown(self) -> tuple[Claim, ...]:
        """The claims that can be read."""
        return tuple(item.claim for item in self.items)

    def verify(self, root: bytes, count: int) -> None:
        """Check that each shown claim is the certificate's, at its index.

        Raises VerificationError: `claims.count`, `claims.proof`.
        """
        _check_count(self.count, count)
        for item in self.items:
            try:
                proofs.verify_inclusion(
                    leaf_hash(claim_leaf(item.claim, item.mac)), item.index, count, item.path, root
                )
            except VerificationError as error:
                detail = (
                    f"claim {item.claim.name!a} is not the certificate's claim {item.index}: {error.detail}"
                )
                raise VerificationError(
                    "claims.proof", detail, expected=error.expected, got=error.got
                ) from error

    def to_value(self) -> Value:
        """As it stands in a file."""
        items: list[Value] = [
            [item.index, item.claim.name, item.claim.value, item.mac, list(item.path)] for item in self.items
        ]
        return [_SHOWN, self.count, items]


def parse_claims(value: Value) -> FullClaims | Disclosure:
    """Read what `to_value` makes. Raises FormatError (`claims.*`), CannotTellError for a form that is not known."""
    match value:
        case [bool(), *_]:
            raise FormatError("claims.shape", "a claims part begins with an integer")
        case [0, bytes() as salt, list() as pairs]:
            return FullClaims(tuple(_pair(pair) for pair in pairs), salt)
        case [1, int() as count, list() as items] if not isinstance(count, bool):
            return Disclosure(count, tuple(_item(item) for item in items))
        case [int() as form, *_] if form not in (_FULL, _SHOWN):
            raise CannotTellError("claims.form", f"claims of form {form} are not known here")
        case _:
            raise FormatError(
                "claims.shape", "a claims part is [0, salt, claims] or [1, count, shown claims]"
            )


def _pair(value: Value) -> Claim:
    if not isinstance(value, list) or len(value) != 2:
        raise FormatError("claims.shape", "a claim is [name, value]")
    return _claim(*value)


def _claim(name: Value, value: Value) -> Claim:
    if not isinstance(name, str):
        raise FormatError("claims.name", "a claim's name is text")
    if isinstance(value, bytes | list | dict):
        raise FormatError("claims.value", "a claim's value is text, an integer, true, false or nil")
    return Claim(name, value)


def _item(value: Value) -> ShownClaim:
    match value:
        case [int() as index, name, claimed, bytes() as mac, list() as path] if not isinstance(index, bool):
            pass
        case _:
            raise FormatError("claims.shape", "a shown claim is [index, name, value, mac, path]")
    hashes = tuple(step for step in path if isinstance(step, bytes) and len(step) == HASH_SIZE)
    if len(mac) != HASH_SIZE or len(hashes) != len(path) or len(path) > proofs.MAX_PROOF_HASHES:
        raise FormatError("claims.shape", f"mac and path of a shown claim are hashes of {HASH_SIZE} bytes")
    return ShownClaim(index, _claim(name, claimed), mac, hashes)


def _leaf_hashes(claims: Sequence[Claim], salt: bytes) -> list[bytes]:
    _check_claims(claims)
    _check_salt(salt)
    return leaf_hashes(claim_leaf(claim, claim_mac(salt, claim.name)) for claim in claims)


def _check_salt(salt: bytes) -> None:
    if len(salt) != SALT_SIZE:
        raise FormatError("claims.salt", f"a salt has {SALT_SIZE} bytes, not {len(salt)}")


def _check_claims(claims: Sequence[Claim]) -> None:
    if not 1 <= len(claims) <= MAX_CLAIMS:
        raise FormatError("claims.limit", f"a certificate has 1 to {MAX_CLAIMS} claims, not {len(claims)}")
    for name, value in claims:
        if not 1 <= len(name) <= MAX_NAME_LETTERS or not IDENTIFIER_ALPHABET.issuperset(name):
            raise FormatError(
                "claims.name",
                f"a claim's name is 1 to {MAX_NAME_LETTERS} letters a-z, digits, '-', '.' and '_'",
            )
        _check_value(value)
    if len({name for name, _ in claims}) != len(claims):
        raise FormatError("claims.name-twice", "two claims have the same name")


def _check_value(value: ClaimValue) -> None:
    if isinstance(value, str):
        try:
            length = len(value.encode())
        except UnicodeEncodeError as error:
            raise FormatError("claims.value", "a claim's text holds half of a surrogate pair") from error
        if length > MAX_VALUE_BYTES:
            raise FormatError("claims.value", f"a claim's text has at most {MAX_VALUE_BYTES} bytes of UTF-8")
    elif isinstance(value, int) and not -MAX_INT <= value <= MAX_INT:
        raise FormatError("claims.value", "a claim's integer is not within ±(2**53-1)")


def _check_count(got: int, count: int) -> None:
    if got != count:
        raise VerificationError(
            "claims.count", f"there are {got} claims here, and the certificate has {count}"
        )
