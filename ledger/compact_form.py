"""The form of compact receipts, as bytes and as a decimal number.

Rules (docs/spec.md, "Compact receipts"): nothing is carried that the verifier can compute. A compact receipt is the canonical
encoding of

    [1, type, body, private, subject, state, header, path, cosignatures]
    private      = nil; or [0, salt, [[name, value], …]], the claims (`ledger.claims`); or 32 bytes, the salt of a file
    subject      = [status, time_ms, changed_ms or nil, count, peaks]
    state        = [present, siblings]                         as in a state proof
    header       = [height, engine_height, parent, time_ms, first_index, entry_count, proposer]
    path         = the header's path in the log, leaf upwards; its hashes are all the peaks of the tree before the header
    cosignatures = key id ‖ time ‖ signature of each, 76 bytes: what stands in base64 on the line of a note

Where the claims are, `body` leaves out `claims_root` and `claims_count`. `changed_ms` is nil where it equals `time_ms`.

What this module does not do: believe any of it (`ledger.compact_receipt` checks), or draw codes (`api.qr`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ledger.claims import FullClaims, parse_claims
from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record
from ledger.errors import CannotTellError, FormatError
from ledger.hashing import HASH_SIZE
from ledger.merkle import MAX_SIZE
from ledger.note import KEY_ID_SIZE
from ledger.state import StateProof

COMPACT_VERSION: Final = 1

MAX_BYTES: Final = 16_384
"""Bytes of a compact receipt; what a printed code holds is far less."""

COSIGNATURE_BYTES: Final = KEY_ID_SIZE + 8 + 64
"""Bytes of one cosignature: key id, time in seconds (big-endian), Ed25519 signature."""

MAX_COSIGNATURES: Final = 64

SALT_SIZE: Final = 32

_DIGITS_AT_ONCE: Final = 4_000
"""Decimal digits converted in one step: Python refuses more than 4,300."""

_RECOMPUTED: Final = ("claims_root", "claims_count")


@dataclass(frozen=True, slots=True)
class CompactReceipt:
    """A compact receipt as it came: well formed, and nothing in it believed."""

    record_type: str
    body: Mapping[str, Value]
    """The record's body, without what follows from the claims."""
    private: FullClaims | bytes | None
    """The claims with their salt, or a file's salt (32 bytes), or neither: then the holder adds them (`with_private`)."""
    status: str
    time_ms: int
    changed_ms: int
    count: int
    peaks: tuple[bytes, ...]
    siblings: tuple[bytes, ...]
    """Of the subject's row in the state, root first; an empty subtree is 32 zero bytes."""
    height: int
    engine_height: int
    parent: bytes
    header_time_ms: int
    first_index: int
    entry_count: int
    proposer: bytes
    path: tuple[bytes, ...]
    cosignatures: tuple[bytes, ...]

    @property
    def record(self) -> bytes:
        """The record's canonical bytes."""
        body = dict(self.body)
        if isinstance(self.private, FullClaims):
            body |= {"claims_root": self.private.root, "claims_count": len(self.private.claims)}
        return encode_record(self.record_type, body)

    def with_private(self, private: FullClaims | bytes) -> CompactReceipt:
        """The same with what only the holder has: a certificate's claims and salt, or the salt of a file's commitment.

        Raises VerificationError (`claims.count`, `claims.root`) for claims of another certificate, FormatError
        (`compact.private`) where they do not belong.
        """
        if isinstance(private, bytes):
            return checked(replace(self, private=private))
        root, count = self.body.get("claims_root"), self.body.get("claims_count")
        if not isinstance(root, bytes) or not isinstance(count, int):
            raise FormatError("compact.private", "this record commits to no claims")
        private.verify(root, count)
        body = {name: value for name, value in self.body.items() if name not in _RECOMPUTED}
        return checked(replace(self, body=body, private=private))

    def encoded(self) -> bytes:
        """The receipt's canonical bytes."""
        private = self.private.to_value() if isinstance(self.private, FullClaims) else self.private
        changed = None if self.changed_ms == self.time_ms else self.changed_ms
        subject: list[Value] = [self.status, self.time_ms, changed, self.count, b"".join(self.peaks)]
        header: list[Value] = [
            self.height,
            self.engine_height,
            self.parent,
            self.header_time_ms,
            self.first_index,
            self.entry_count,
            self.proposer,
        ]
        return encode(
            [
                COMPACT_VERSION,
                self.record_type,
                dict(self.body),
                private,
                subject,
                _packed(self.siblings),
                header,
                b"".join(self.path),
                b"".join(self.cosignatures),
            ]
        )

    @classmethod
    def parse(cls, data: bytes) -> CompactReceipt:
        """Read a compact receipt. Raises FormatError (`compact.*`, `claims.*`, `encoding.*`, `state-proof.*`), or
        CannotTellError (`compact.version`) for a version that is not known here.
        """
        value = decode(data, max_bytes=MAX_BYTES)
        if not isinstance(value, list) or not value:
            raise FormatError("compact.shape", "a compact receipt is an array")
        if value[0] != COMPACT_VERSION or isinstance(value[0], bool):
            raise CannotTellError(
                "compact.version", f"compact receipt version {value[0]!r:.40} is not known here"
            )
        match value[1:]:
            case [
                str() as record_type,
                dict() as body,
                private,
                [str() as status, time_ms, changed_ms, count, bytes() as peaks],
                [bytes() as present, bytes() as siblings],
                [height, engine_height, parent, header_time_ms, first_index, entry_count, proposer],
                bytes() as path,
                bytes() as cosignatures,
            ]:
                pass
            case _:
                raise FormatError(
                    "compact.shape", "the parts of a compact receipt have other forms than these"
                )
        if changed_ms == time_ms:
            raise FormatError("compact.shape", "an equal time of the newest record is left out")
        return checked(
            cls(
                record_type=record_type,
                body=body,
                private=_private(private),
                status=status,
                time_ms=_number(time_ms),
                changed_ms=_number(time_ms if changed_ms is None else changed_ms),
                count=_number(count),
                peaks=_pieces(peaks, HASH_SIZE),
                siblings=_unpacked(present, siblings),
                height=_number(height),
                engine_height=_number(engine_height),
                parent=_hash(parent),
                header_time_ms=_number(header_time_ms),
                first_index=_number(first_index),
                entry_count=_number(entry_count),
                proposer=_hash(proposer),
                path=_pieces(path, HASH_SIZE),
                cosignatures=_pieces(cosignatures, COSIGNATURE_BYTES),
            )
        )


def checked(receipt: CompactReceipt) -> CompactReceipt:
    """The receipt itself, if its parts go together. Raises FormatError (`compact.*`)."""
    if isinstance(receipt.private, FullClaims) and any(name in receipt.body for name in _RECOMPUTED):
        raise FormatError("compact.private", "what follows from the claims is not carried beside them")
    if isinstance(receipt.private, bytes) and "commitment" not in receipt.body:
        raise FormatError("compact.private", "there is a file's salt, and the record commits to no file")
    if receipt.count < 1 or len(receipt.peaks) != receipt.count.bit_count():
        raise FormatError("compact.peaks", "a subject's peaks are as many as its count has one bits")
    size = receipt.first_index + receipt.entry_count
    if receipt.entry_count < 1 or size >= MAX_SIZE or len(receipt.path) != size.bit_count():
        raise FormatError("compact.path", "a header's path has a hash for each one bit of its index")
    if len(receipt.cosignatures) > MAX_COSIGNATURES:
        raise FormatError("compact.cosignatures", f"there are at most {MAX_COSIGNATURES} cosignatures")
    return receipt


def _private(value: Value) -> FullClaims | bytes | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        if len(value) != SALT_SIZE:
            raise FormatError("compact.private", f"a file's salt has {SALT_SIZE} bytes, not {len(value)}")
        return value
    claims = parse_claims(value)
    if not isinstance(claims, FullClaims):
        raise FormatError("compact.private", "a compact receipt shows all claims or none")
    return claims


def _number(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FormatError("compact.shape", "the numbers of a compact receipt are integers from 0")
    return value


def _hash(value: Value) -> bytes:
    if not isinstance(value, bytes) or len(value) != HASH_SIZE:
        raise FormatError("compact.shape", f"parent and proposer are {HASH_SIZE} bytes")
    return value


def _pieces(data: bytes, size: int) -> tuple[bytes, ...]:
    if len(data) % size:
        raise FormatError("compact.shape", f"these bytes are pieces of {size}, and {len(data)} are not that")
    return tuple(data[start : start + size] for start in range(0, len(data), size))


def _packed(siblings: tuple[bytes, ...]) -> list[Value]:
    """`[present, siblings]`, as they stand in a state proof."""
    return StateProof(b"\x00", b"\x00", siblings).to_value()[2:4]


def _unpacked(present: bytes, siblings: bytes) -> tuple[bytes, ...]:
    return StateProof.from_value([b"\x00", b"\x00", present, siblings, None]).siblings


def to_digits(data: bytes) -> str:
    """A compact receipt as one decimal number: its bytes, big-endian. Printed codes hold digits more densely than bytes."""
    number = int.from_bytes(data, "big")
    pieces: list[str] = []
    step = 10**_DIGITS_AT_ONCE
    while number >= step:
        number, rest = divmod(number, step)
        pieces.append(str(rest).zfill(_DIGITS_AT_ONCE))
    pieces.append(str(number))
    return "".join(reversed(pieces))


def from_digits(text: str) -> bytes:
    """The bytes that a decimal number stands for; the first is never zero. Raises FormatError (`compact.digits`)."""
    if not text or len(text) > 3 * MAX_BYTES or not (text.isascii() and text.isdigit()) or text[0] == "0":
        raise FormatError(
            "compact.digits", "a compact receipt is written as one decimal number that does not begin with 0"
        )
    number = 0
    for start in range(0, len(text), _DIGITS_AT_ONCE):
        piece = text[start : start + _DIGITS_AT_ONCE]
        number = number * 10 ** len(piece) + int(piece)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
