"""Entries and records: what people sign.

Rules (docs/spec.md, "Records and entries"):

* a record is the canonical bytes of `[type, body]`; its id is its leaf hash; exactly 64 bytes are refused, so that no
  record shares a preimage shape with a tree node;
* an entry is one signature over `[1, chain_id, author_key, nonce, time_ms, count, records_root]`, where `records_root` is
  the RFC 9162 tree root over its records in order;
* the entry id is over the body and not over the signature, since some signers add randomness.

What this module does not do: judge. Whether an entry may enter the ledger is `ledger.rules`' business; nothing here
reads state, and no signature is checked before somebody calls `verify_signature`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ledger import keys, merkle
from ledger.encoding import Value, decode, encode
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.hashing import ENTRY as ENTRY_CONTEXT
from ledger.hashing import HASH_SIZE, leaf_hashes, sha256, signed_message

ENTRY_VERSION = 1
ENTRY_TAG, HEADER_TAG, GENESIS_TAG = 0, 1, 2
"""First item of every log leaf: what kind of leaf it is."""

NONCE_SIZE = 16
SIGNATURE_SIZE = 64
KEY_SIZE = 32
MAX_RECORDS = 4096
"""Records in one entry."""
MAX_RECORD_BYTES = 65_535
"""Bytes of one record: the tile bundles give each a 16-bit length."""
MAX_SUBMISSION_BYTES = 700_000
"""Bytes of an entry with its records: an engine's transaction, base64 included, must stay under 1,000,000."""
REFUSED_RECORD_BYTES = 64
"""A record of this length would look like two concatenated node hashes."""
MAX_TIME_MS = 2**53 - 1
SUBMISSION_TAG, BATCH_TAG = 0, 1


@dataclass(frozen=True, slots=True)
class EntryBody:
    """What an author signs. Field by field: the rule it follows and what it commits to."""

    chain_id: bytes
    """32 bytes: the ledger this is meant for; an entry cannot be replayed on another."""
    author_key: bytes
    """32 bytes: the Ed25519 public key that signs."""
    nonce: bytes
    """16 random bytes: two otherwise equal entries stay apart."""
    time_ms: int
    """The author's own clock, milliseconds since the epoch: a claim, not a proof."""
    count: int
    """Records in the entry, 1 to 4,096."""
    records_root: bytes
    """RFC 9162 tree root over the records."""

    def encoded(self) -> bytes:
        """The canonical bytes of the body, which the signature and the entry id cover."""
        return encode(
            [
                ENTRY_VERSION,
                self.chain_id,
                self.author_key,
                self.nonce,
                self.time_ms,
                self.count,
                self.records_root,
            ]
        )


@dataclass(frozen=True)
class Entry:
    """A signed entry with its records (canonical bytes each), well formed but not yet judged."""

    body: EntryBody
    signature: bytes
    records: tuple[bytes, ...]

    @cached_property
    def body_bytes(self) -> bytes:
        """Canonical bytes of the body."""
        return self.body.encoded()

    @cached_property
    def id(self) -> bytes:
        """32 bytes: SHA-256 over the entry context, a zero byte and the body."""
        return entry_id(self.body_bytes)

    @cached_property
    def leaf(self) -> bytes:
        """The entry's leaf in the log: `[0, body, signature]`."""
        return leaf_of(self.body_bytes, self.signature)

    @cached_property
    def record_ids(self) -> list[bytes]:
        """The leaf hash of each record, in order."""
        return leaf_hashes(self.records)

    def submission(self) -> bytes:
        """The bytes in which an entry travels with its records: `[0, leaf, [record, …]]`."""
        return encode([SUBMISSION_TAG, self.leaf, list(self.records)])

    def verify_signature(self) -> None:
        """Raise VerificationError, rule `signature.*`, unless the author's signature covers the body."""
        keys.verify(self.body.author_key, self.signature, signed_message(ENTRY_CONTEXT, self.body_bytes))

    def check_records_root(self) -> None:
        """Raise VerificationError unless count and records root are those of the records."""
        if self.body.count != len(self.records):
            raise VerificationError(
                "entry.count",
                f"the entry signs {self.body.count} records but {len(self.records)} came with it",
            )
        root = merkle.root_of_hashes(self.record_ids)
        if root != self.body.records_root:
            raise VerificationError(
                "entry.records-root",
                "the records are not those that were signed",
                expected=self.body.records_root,
                got=root,
            )


def entry_id(body_bytes: bytes) -> bytes:
    """The id of an entry, from its canonical body."""
    return sha256(signed_message(ENTRY_CONTEXT, body_bytes))


def leaf_of(body_bytes: bytes, signature: bytes) -> bytes:
    """`[0, body, signature]` without encoding the body a second time."""
    # 0x93: an array of three; 0x00: the entry tag; 0xc4 0x40: 64 bytes of signature.
    return b"\x93\x00" + body_bytes + b"\xc4\x40" + signature


def encode_record(record_type: str, body: dict[str, Value]) -> bytes:
    """The canonical bytes of the record `[type, body]`. Raises FormatError if a value cannot be encoded."""
    return encode([record_type, body])


def check_record_size(record: bytes) -> None:
    """Raise FormatError, rule `record.size`, for an empty, overlong or 64-byte record."""
    if not record or len(record) > MAX_RECORD_BYTES:
        raise FormatError("record.size", f"a record has 1 to {MAX_RECORD_BYTES} bytes, not {len(record)}")
    if len(record) == REFUSED_RECORD_BYTES:
        raise FormatError(
            "record.size-64", "a record of exactly 64 bytes is refused: it could pass for a tree node"
        )


def sign_entry(
    key: keys.SigningKey, *, chain_id: bytes, nonce: bytes, time_ms: int, records: Sequence[bytes]
) -> Entry:
    """Sign one entry over `records` (canonical bytes each). `nonce` is 16 random bytes, `time_ms` the author's clock.

    Raises FormatError if a limit is broken.
    """
    if not 1 <= len(records) <= MAX_RECORDS:
        raise FormatError("entry.count", f"an entry has 1 to {MAX_RECORDS} records, not {len(records)}")
    for record in records:
        check_record_size(record)
    body = EntryBody(
        chain_id=chain_id,
        author_key=key.public_key,
        nonce=nonce,
        time_ms=time_ms,
        count=len(records),
        records_root=merkle.root(records),
    )
    signature = key.sign(signed_message(ENTRY_CONTEXT, body.encoded()))
    entry = Entry(body, signature, tuple(records))
    if len(entry.submission()) > MAX_SUBMISSION_BYTES:
        raise FormatError("entry.size", f"an entry with its records has at most {MAX_SUBMISSION_BYTES} bytes")
    return entry


def _integer(value: Value, name: str, minimum: int, maximum: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise FormatError(f"entry.{name}", f"{name} must be an integer from {minimum} to {maximum}")
    return value


def _bytes(value: Value, name: str, size: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != size:
        raise FormatError(f"entry.{name}", f"{name} must be {size} bytes")
    return value


def parse_body(value: Value) -> EntryBody:
    """Read a decoded entry body. Raises CannotTellError for an unknown version, FormatError for anything else wrong."""
    if not isinstance(value, list) or not value:
        raise FormatError("entry.shape", "an entry body is an array")
    if value[0] != ENTRY_VERSION or isinstance(value[0], bool):
        raise CannotTellError("entry.version", f"entry version {value[0]!r:.40} is not known here")
    if len(value) != 7:
        raise FormatError("entry.shape", "an entry body has seven items")
    return EntryBody(
        chain_id=_bytes(value[1], "chain-id", HASH_SIZE),
        author_key=_bytes(value[2], "author-key", KEY_SIZE),
        nonce=_bytes(value[3], "nonce", NONCE_SIZE),
        time_ms=_integer(value[4], "time", 0, MAX_TIME_MS),
        count=_integer(value[5], "count", 1, MAX_RECORDS),
        records_root=_bytes(value[6], "records-root", HASH_SIZE),
    )


def leaf_tag(leaf: bytes) -> int:
    """Which kind of leaf the bytes are, by their first item. Raises CannotTellError for an unknown tag."""
    known = {b"\x93\x00": ENTRY_TAG, b"\x92\x01": HEADER_TAG, b"\x92\x02": GENESIS_TAG}
    tag = known.get(leaf[:2])
    if tag is None:
        raise CannotTellError("leaf.tag", f"a leaf that starts with {leaf[:2].hex()} is not known here")
    return tag


def parse_leaf(leaf: bytes) -> tuple[EntryBody, bytes]:
    """Read an entry leaf: its body and its signature. Raises FormatError or CannotTellError."""
    value = decode(leaf, max_bytes=1_024)
    if not isinstance(value, list) or len(value) != 3 or value[0] != ENTRY_TAG or isinstance(value[0], bool):
        raise FormatError("entry.leaf", "an entry leaf is [0, body, signature]")
    return parse_body(value[1]), _bytes(value[2], "signature", SIGNATURE_SIZE)


def entry_from_parts(leaf: bytes, records: Sequence[bytes]) -> Entry:
    """An entry from its leaf and the records beside it; sizes are checked, root and signature are not."""
    body, signature = parse_leaf(leaf)
    for record in records:
        check_record_size(record)
    return Entry(body, signature, tuple(records))


def parse_submission(data: bytes) -> Entry:
    """Read one submission `[0, leaf, [record, …]]`. Raises FormatError (rules `entry.*`, `record.*`, `encoding.*`)."""
    if len(data) > MAX_SUBMISSION_BYTES:
        raise FormatError("entry.size", f"an entry with its records has at most {MAX_SUBMISSION_BYTES} bytes")
    return _entry_from_value(decode(data, max_bytes=MAX_SUBMISSION_BYTES))


def _entry_from_value(value: Value) -> Entry:
    if (
        not isinstance(value, list)
        or len(value) != 3
        or value[0] != SUBMISSION_TAG
        or isinstance(value[0], bool)
    ):
        raise FormatError("entry.submission", "a submission is [0, leaf, [record, …]]")
    leaf, records = value[1], value[2]
    if not isinstance(leaf, bytes) or not isinstance(records, list):
        raise FormatError("entry.submission", "a submission is [0, leaf, [record, …]]")
    if not 1 <= len(records) <= MAX_RECORDS:
        raise FormatError("entry.count", f"an entry has 1 to {MAX_RECORDS} records, not {len(records)}")
    checked = [record for record in records if isinstance(record, bytes)]
    if len(checked) != len(records):
        raise FormatError("entry.submission", "each record of a submission is a byte string")
    return entry_from_parts(leaf, checked)
