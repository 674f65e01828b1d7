"""Blocks: their headers, and how a header is signed.

Rules (docs/spec.md, "Blocks"): a block is its entries, in order, and then its header as its last leaf. The proposer's
signature over the header travels beside the leaf, never inside it, so that the header's hash does not depend on it.

What this module does not do: execute. Which entries may stand in a block, and what the state root must then be, is
`ledger.rules`' business.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger import keys
from ledger.encoding import Value, decode, encode
from ledger.entry import HEADER_TAG, SIGNATURE_SIZE
from ledger.errors import CannotTellError, FormatError
from ledger.hashing import HASH_SIZE, leaf_hash, signed_message
from ledger.hashing import HEADER as HEADER_CONTEXT

RULES_VERSION = 1
NO_PROPOSER = bytes(32)
"""Proposer of the genesis header, which nobody authors and nobody signs."""
NO_PARENT = bytes(32)
MAX_INTEGER = 2**53 - 1
MAX_HEADER_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header, and what each field commits to."""

    rules_version: int
    """Which chain rules judged the block."""
    chain_id: bytes
    """SHA-256 of the genesis document."""
    height: int
    """0 for the genesis block, then one more for each."""
    engine_height: int
    """Height at which the ordering engine decided this block; may skip, since empty engine blocks leave no trace here."""
    parent: bytes
    """Leaf hash of the previous header (32 zero bytes in the first): the hash chain."""
    time_ms: int
    """Milliseconds since the epoch, later than the parent's. It orders; cosignatures prove time."""
    first_index: int
    """Log index of the block's first entry."""
    entry_count: int
    """Entries in the block; the header's own index is `first_index + entry_count`."""
    log_root: bytes
    """RFC 9162 root over every leaf before this one."""
    state_root: bytes
    """Root of the state tree after the block."""
    proposer: bytes
    """The header key (Ed25519, 32 bytes) that signs this header; zero in the genesis header."""

    @property
    def index(self) -> int:
        """Log index of this header's own leaf."""
        return self.first_index + self.entry_count

    @property
    def size(self) -> int:
        """Tree size once this header is in the log."""
        return self.index + 1

    def value(self) -> list[Value]:
        """The header as the array that is encoded."""
        return [
            self.rules_version,
            self.chain_id,
            self.height,
            self.engine_height,
            self.parent,
            self.time_ms,
            self.first_index,
            self.entry_count,
            self.log_root,
            self.state_root,
            self.proposer,
        ]

    def leaf(self) -> bytes:
        """The header's leaf in the log: `[1, header]`."""
        return encode([HEADER_TAG, self.value()])

    def hash(self) -> bytes:
        """Leaf hash of the header: what the next header names as parent, and the application hash."""
        return leaf_hash(self.leaf())

    def sign(self, key: keys.SigningKey) -> bytes:
        """The proposer's 64-byte signature over this header."""
        return key.sign(signed_message(HEADER_CONTEXT, encode(self.value())))

    def verify_signature(self, signature: bytes) -> None:
        """Raise VerificationError, rule `signature.*`, unless `signature` is the proposer's over this header."""
        keys.verify(self.proposer, signature, signed_message(HEADER_CONTEXT, encode(self.value())))


def _integer(value: Value, name: str, minimum: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= MAX_INTEGER:
        raise FormatError(f"header.{name}", f"{name} must be an integer from {minimum} to {MAX_INTEGER}")
    return value


def _hash(value: Value, name: str) -> bytes:
    if not isinstance(value, bytes) or len(value) != HASH_SIZE:
        raise FormatError(f"header.{name}", f"{name} must be {HASH_SIZE} bytes")
    return value


def parse_header_leaf(leaf: bytes) -> Header:
    """Read `[1, header]`. Raises FormatError, or CannotTellError for a rules version that is not known here."""
    value = decode(leaf, max_bytes=MAX_HEADER_BYTES)
    if not isinstance(value, list) or len(value) != 2 or value[0] != HEADER_TAG or isinstance(value[0], bool):
        raise FormatError("header.leaf", "a header leaf is [1, header]")
    items = value[1]
    if not isinstance(items, list) or not items:
        raise FormatError("header.shape", "a header is an array")
    version = _integer(items[0], "rules-version")
    if version != RULES_VERSION:
        raise CannotTellError("header.rules-version", f"rules version {version} is not known here")
    if len(items) != 11:
        raise FormatError("header.shape", "a header has eleven items")
    return Header(
        rules_version=version,
        chain_id=_hash(items[1], "chain-id"),
        height=_integer(items[2], "height"),
        engine_height=_integer(items[3], "engine-height"),
        parent=_hash(items[4], "parent"),
        time_ms=_integer(items[5], "time"),
        first_index=_integer(items[6], "first-index"),
        entry_count=_integer(items[7], "entry-count", 1),
        log_root=_hash(items[8], "log-root"),
        state_root=_hash(items[9], "state-root"),
        proposer=_hash(items[10], "proposer"),
    )


@dataclass(frozen=True, slots=True)
class SignedHeader:
    """A header and its proposer's signature: how a block opens when it is proposed."""

    header: Header
    signature: bytes

    def encoded(self) -> bytes:
        """As it travels in front of a proposal's submissions: `[1, header leaf, signature]`."""
        return encode([HEADER_TAG, self.header.leaf(), self.signature])


def parse_signed_header(data: bytes) -> SignedHeader:
    """Read `[1, header leaf, signature]`; the signature is not checked. Raises FormatError or CannotTellError."""
    value = decode(data, max_bytes=MAX_HEADER_BYTES + 128)
    if not isinstance(value, list) or len(value) != 3 or value[0] != HEADER_TAG or isinstance(value[0], bool):
        raise FormatError("header.signed", "a signed header is [1, header leaf, signature]")
    _, leaf, signature = value
    if not isinstance(leaf, bytes) or not isinstance(signature, bytes) or len(signature) != SIGNATURE_SIZE:
        raise FormatError("header.signed", "a signed header is [1, header leaf, signature of 64 bytes]")
    return SignedHeader(parse_header_leaf(leaf), signature)
