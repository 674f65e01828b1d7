"""Checkpoints and cosignatures: what a log says of itself, and who says they saw it.

Rules (c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature):

* a checkpoint is a signed note whose text is the origin, the size in decimal without leading zeros, the root in base64,
  each on a line; further lines are extensions: kept, signed, and given no meaning here;
* a cosignature (type 0x04) is 8 bytes of time (seconds since the epoch, big endian, at most 2^63 - 1) and an Ed25519
  signature over "cosignature/v1", "time N" and the checkpoint's text, each ending in a newline;
* the cosignature does not cover the cosigner's name, so a key cosigns under one name only.

What this module does not do: know the time (a cosignature from the future is the caller's to judge), decide whose
signatures are enough (see `ledger.policy`), or promise that two checkpoints are consistent (see `ledger.proofs`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ledger import keys
from ledger import note as notes
from ledger.errors import FormatError, VerificationError
from ledger.note import COSIGNING_KEY, Note, NoteSignature, VerifierKey

MAX_SIZE: Final = 2**63 - 1
"""The largest tree size, as in the other implementations of the format, which hold it in 64 signed bits."""

MAX_TIME_S: Final = 2**63 - 1
"""The latest time of a cosignature, in seconds since the epoch (c2sp.org/tlog-cosignature)."""

ROOT_SIZE: Final = 32

_TIME_SIZE: Final = 8
_COSIGNATURE_SIZE: Final = _TIME_SIZE + keys.SIGNATURE_SIZE

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The text of a checkpoint, read: what is signed.

    origin: the log's name. size: number of leaves. root: the RFC 9162 root over them, 32 bytes. extensions: the lines
    after the third, as they are.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint with its signatures, none of which has been checked.

    origin: the log's name. size: number of leaves. root: the RFC 9162 root over them, 32 bytes. note: the text as it
    was signed (extension lines included) and all signature lines.
    """

    origin: str
    size: int
    root: bytes
    note: Note

    @property
    def extensions(self) -> tuple[str, ...]:
        """The lines of the text after the third: opaque, and covered by the signatures."""
        return tuple(self.note.text.split("\n")[3:-1])


def parse(text: str | bytes) -> Checkpoint:
    """Read a signed checkpoint strictly. Checks no signature: that is `Policy.check`.

    Raises `FormatError` with a rule `note.*` or `checkpoint.*`.
    """
    return from_note(notes.parse(text))


def from_note(note: Note) -> Checkpoint:
    """Read the text of a parsed note as a checkpoint. Raises `FormatError` with a rule `checkpoint.*`."""
    head = parse_body(note.text)
    return Checkpoint(head.origin, head.size, head.root, note)


def format(checkpoint: Checkpoint) -> str:  # noqa: A001 - the verb of every codec here; called as checkpoint.format
    """Write a checkpoint with its signatures; the inverse of `parse`. Raises `FormatError`."""
    return notes.format(checkpoint.note)


def parse_body(text: str) -> TreeHead:
    """Read the signed text of a checkpoint (no signatures). Raises `FormatError` with a rule `checkpoint.*`."""
    notes.check_text(text)
    lines = text[:-1].split("\n")
    if len(lines) < 3:
        detail = f"a checkpoint has at least three lines (origin, size, root), this one {len(lines)}"
        raise FormatError("checkpoint.lines", detail)
    if "" in lines:
        raise FormatError("checkpoint.empty-line", "no line of a checkpoint is empty")
    origin, size_text, root_text, *extensions = lines
    return TreeHead(
        origin,
        parse_decimal(size_text, "checkpoint.size"),
        parse_hash(root_text, "checkpoint.root"),
        tuple(extensions),
    )


def body(origin: str, size: int, root: bytes, extensions: tuple[str, ...] = ()) -> str:
    """Write the text of a checkpoint, to be signed and cosigned. Raises `FormatError` if it would not read back."""
    if not 0 <= size <= MAX_SIZE:
        raise FormatError("checkpoint.size", f"a size is between 0 and {MAX_SIZE}, not {size}")
    if len(root) != ROOT_SIZE:
        raise FormatError("checkpoint.root", f"a root has {ROOT_SIZE} bytes, this one {len(root)}")
    for line in (origin, *extensions):
        if not line or "\n" in line:
            raise FormatError(
                "checkpoint.empty-line", "origin and extensions are one line each, and not empty"
            )
    text = "".join(f"{line}\n" for line in (origin, str(size), notes.encode_base64(root), *extensions))
    notes.check_text(text)
    return text


def cosign(body: str, name: str, signing_key: keys.SigningKey, time_s: int) -> NoteSignature:
    """Cosign a checkpoint's text (type 0x04, "cosignature/v1") under a key name at `time_s` (seconds since the epoch).

    Raises `FormatError` if `body` is no checkpoint's text, the name cannot name a key, or the time is out of range.
    """
    parse_body(body)
    if not 0 <= time_s <= MAX_TIME_S:
        raise FormatError("cosignature.time", f"a time is between 0 and {MAX_TIME_S} seconds, not {time_s}")
    key = VerifierKey(name, COSIGNING_KEY, signing_key.public_key)
    signature = signing_key.sign(_cosigned_message(body, time_s))
    return NoteSignature(name, key.key_id, time_s.to_bytes(_TIME_SIZE, "big") + signature)


def verify_cosignature(body: str, signature: NoteSignature, key: VerifierKey) -> int:
    """Check one cosignature over a checkpoint's text, and return its time in seconds since the epoch.

    Raises `VerificationError` (`note.wrong-key`, `cosignature.size`, `cosignature.time`, `signature.*`).
    """
    notes.check_pointed_at(signature, key, COSIGNING_KEY)
    data = signature.signature
    if len(data) != _COSIGNATURE_SIZE:
        detail = (
            f"{key.name}'s cosignature has {len(data)} bytes, an Ed25519 cosignature has {_COSIGNATURE_SIZE}"
        )
        raise VerificationError("cosignature.size", detail)
    time_s = int.from_bytes(data[:_TIME_SIZE], "big")
    if time_s > MAX_TIME_S:
        raise VerificationError(
            "cosignature.time", f"{key.name}'s cosignature has a time above 2^63 - 1 seconds"
        )
    keys.verify(key.public_key, data[_TIME_SIZE:], _cosigned_message(body, time_s))
    return time_s


def parse_decimal(text: str, rule: str) -> int:
    """Read an ASCII decimal without sign or leading zeros, at most 2^63 - 1. Raises `FormatError` under `rule`."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        detail = f"this is a decimal number from 0 to {MAX_SIZE} without leading zeros: {text[:40]!a}"
        raise FormatError(rule, detail)
    return int(text)


def parse_hash(text: str, rule: str) -> bytes:
    """Read 32 bytes in canonical base64. Raises `FormatError` under `rule`."""
    data = notes.decode_base64(text, rule)
    if len(data) != ROOT_SIZE:
        raise FormatError(rule, f"a SHA-256 hash has {ROOT_SIZE} bytes, this one {len(data)}")
    return data


def _cosigned_message(body: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{body}".encode()
