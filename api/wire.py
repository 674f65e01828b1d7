"""What travels between a client and a node beside JSON: batches of entries, and blocks in a stream.

Rules:

* one entry travels as its submission, `[0, leaf, [record, …]]` (`ledger.entry`); several as the batch
  `[1, [submission, …]]`, each submission a byte string; both are canonical bytes, and their first two bytes tell them apart;
* a stream of blocks is a row of frames: four bytes with the length of what follows (big-endian), then the canonical bytes of
  `[header leaf, proposer's signature, [submission, …]]`, in order of height. The genesis header has an empty signature, and
  the one submission of block 0 is `[0, genesis leaf, []]`.

What this module does not do: HTTP, or believe anything: a block that was read is to be verified by whoever uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from ledger.encoding import Value, decode, encode
from ledger.entry import BATCH_TAG, ENTRY_TAG, MAX_SUBMISSION_BYTES, SUBMISSION_TAG, leaf_tag
from ledger.errors import FormatError

MSGPACK = "application/msgpack"
JSON = "application/json"
PROBLEM = "application/problem+json"
BLOCK_STREAM = "application/vnd.sogoc.blocks"
"""Media type of a stream of block frames."""

MAX_BATCH_BYTES = 16_000_000
"""Bytes of one request with several entries."""
MAX_BATCH_ENTRIES = 4_096
"""Entries in one request: a few tenths of a second of signature checks."""
MAX_RECEIPTS = 1_000
"""Receipts asked for in one request."""
MAX_BLOCK_FRAME_BYTES = 16_000_000
"""Bytes of one block in a stream; what an engine proposes stays below 8 MB."""

BATCH_PREFIX = b"\x92\x01"
"""How the canonical bytes of every batch begin: an array of two, the batch tag."""

_LENGTH_BYTES = 4


def json_value(value: Value) -> object:
    """A decoded value for JSON: bytes become lowercase hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {name: json_value(item) for name, item in value.items()}
    return value


def encode_batch(submissions: Sequence[bytes]) -> bytes:
    """`[1, [submission, …]]`."""
    return encode([BATCH_TAG, list(submissions)])


def decode_batch(data: bytes) -> list[bytes]:
    """The submissions of a batch, none of them read yet. Raises FormatError (`batch.*`, `encoding.*`)."""
    if len(data) > MAX_BATCH_BYTES:
        raise FormatError("batch.size", f"a batch has at most {MAX_BATCH_BYTES} bytes")
    value = decode(data, max_bytes=MAX_BATCH_BYTES)
    if not isinstance(value, list) or len(value) != 2 or value[0] != BATCH_TAG or isinstance(value[0], bool):
        raise FormatError("batch.shape", "a batch is [1, [submission, …]]")
    items = value[1]
    if not isinstance(items, list):
        raise FormatError("batch.shape", "a batch is [1, [submission, …]]")
    submissions = [item for item in items if isinstance(item, bytes)]
    if len(submissions) != len(items):
        raise FormatError("batch.shape", "each submission of a batch is a byte string")
    check_batch_count(len(submissions))
    return submissions


def check_batch_count(count: int) -> None:
    """Raise FormatError, rule `batch.count`, for a batch of none or of too many."""
    if not 1 <= count <= MAX_BATCH_ENTRIES:
        raise FormatError("batch.count", f"a batch has 1 to {MAX_BATCH_ENTRIES} entries, not {count}")


def split_batches(submissions: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Runs of submissions, in order, each of which fits into one batch."""
    start = size = 0
    for at, submission in enumerate(submissions):
        # 8: the array's and the byte string's own framing, at most.
        added = len(submission) + 8
        if at > start and (size + added > MAX_BATCH_BYTES - 16 or at - start == MAX_BATCH_ENTRIES):
            yield submissions[start:at]
            start, size = at, 0
        size += added
    if start < len(submissions):
        yield submissions[start:]


@dataclass(frozen=True, slots=True)
class BlockFrame:
    """A block as it travels: nothing in it is verified."""

    header_leaf: bytes
    signature: bytes
    """64 bytes; empty in the genesis block."""
    submissions: tuple[bytes, ...]

    @classmethod
    def of(
        cls, header_leaf: bytes, signature: bytes, leaves: Sequence[bytes], records: Sequence[Sequence[bytes]]
    ) -> Self:
        """The frame of a block, given its leaves (without the header) and the records beside each."""
        pairs = zip(leaves, records, strict=True)
        return cls(
            header_leaf,
            signature,
            tuple(encode([SUBMISSION_TAG, leaf, list(items)]) for leaf, items in pairs),
        )

    def encoded(self) -> bytes:
        """The frame with its length in front."""
        data = encode([self.header_leaf, self.signature, list(self.submissions)])
        return len(data).to_bytes(_LENGTH_BYTES, "big") + data

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what follows the length. Raises FormatError, rule `blocks.frame` or `encoding.*`."""
        value = decode(data, max_bytes=MAX_BLOCK_FRAME_BYTES)
        if not isinstance(value, list) or len(value) != 3:
            raise FormatError(
                "blocks.frame", "a block in a stream is [header leaf, signature, [submission, …]]"
            )
        header_leaf, signature, items = value
        if (
            not isinstance(header_leaf, bytes)
            or not isinstance(signature, bytes)
            or not isinstance(items, list)
        ):
            raise FormatError(
                "blocks.frame", "a block in a stream is [header leaf, signature, [submission, …]]"
            )
        submissions = tuple(item for item in items if isinstance(item, bytes))
        if len(submissions) != len(items):
            raise FormatError("blocks.frame", "each submission of a block is a byte string")
        return cls(header_leaf, signature, submissions)

    def parts(self) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
        """Leaf and records of each submission. Raises FormatError, or CannotTellError for a leaf of an unknown kind."""
        for submission in self.submissions:
            value = decode(submission, max_bytes=MAX_SUBMISSION_BYTES)
            if not isinstance(value, list) or len(value) != 3 or value[0] != SUBMISSION_TAG:
                raise FormatError("blocks.frame", "a submission is [0, leaf, [record, …]]")
            _, leaf, items = value
            if not isinstance(leaf, bytes) or not isinstance(items, list):
                raise FormatError("blocks.frame", "a submission is [0, leaf, [record, …]]")
            records = tuple(item for item in items if isinstance(item, bytes))
            if len(records) != len(items) or (not records and leaf_tag(leaf) == ENTRY_TAG):
                raise FormatError(
                    "blocks.frame", "an entry of a block comes with its records, each a byte string"
                )
            yield leaf, records


def read_frames(chunks: Iterable[bytes]) -> Iterator[BlockFrame]:
    """The blocks of a stream that arrives in pieces of any size; never holds more than one block and one piece.

    Raises FormatError, rule `blocks.frame` or `blocks.truncated`.
    """
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= _LENGTH_BYTES:
            length = int.from_bytes(buffer[:_LENGTH_BYTES], "big")
            if length > MAX_BLOCK_FRAME_BYTES:
                raise FormatError(
                    "blocks.frame",
                    f"a block in a stream has at most {MAX_BLOCK_FRAME_BYTES} bytes, not {length}",
                )
            if len(buffer) < _LENGTH_BYTES + length:
                break
            yield BlockFrame.parse(bytes(buffer[_LENGTH_BYTES : _LENGTH_BYTES + length]))
            del buffer[: _LENGTH_BYTES + length]
    if buffer:
        raise FormatError("blocks.truncated", "the stream of blocks ends within a block")
