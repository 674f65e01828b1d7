"""Proof files: a leaf's place in a log, with the checkpoint that vouches for the log (c2sp.org/tlog-proof).

Rules:

* a first line that names the format; an `extra` line or none; an `index` line; the inclusion path, one hash a line,
  from the leaf's sibling upwards; an empty line; the signed checkpoint as it is;
* base64 is canonical, the index is a decimal without leading zeros, a path has at most 64 hashes, a file at most
  1,000,000 bytes: one text per proof.

`extra` is opaque and covered by no signature: whoever reads it must check it by other means.

What this module does not do: compute leaf hashes or paths, or know what a leaf says (see `ledger.receipt`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger import checkpoint as checkpoints
from ledger import note as notes
from ledger import proofs
from ledger.errors import CannotTellError, FormatError
from ledger.policy import CheckedCheckpoint, Trust

MAX_PROOF_BYTES: Final = 1_000_000
MAX_PATH: Final = 64

_MAGIC: Final = "c2sp.org/tlog-proof@v1"
_FAMILY: Final = "c2sp.org/tlog-proof@"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof file's parts, none of which has been checked against another.

    index: the leaf's place in the log, from 0. path: the inclusion path, 32 bytes each, from the leaf's sibling
    upwards. checkpoint_text: the signed checkpoint as it was issued. extra: opaque bytes, not authenticated; None if
    there are none (an empty `extra` does not exist).
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint_text: str
    extra: bytes | None = None

    def verify(self, leaf_hash: bytes, policy: Trust) -> CheckedCheckpoint:
        """Check that the leaf with `leaf_hash` (32 bytes) is in the log at `index`, in a tree that `policy` accepts.

        Nothing in `extra` is looked at. Raises like `Policy.check`, and `VerificationError` (`proof.*`) if the path
        does not lead to the checkpoint's root (RFC 9162 §2.1.3.2).
        """
        checked = policy.check(self.checkpoint_text)
        checkpoint = checked.checkpoint
        proofs.verify_inclusion(leaf_hash, self.index, checkpoint.size, self.path, checkpoint.root)
        return checked


def parse(data: str | bytes) -> TlogProof:
    """Read a proof file strictly, its checkpoint included.

    Raises `FormatError` (`tlog-proof.*`, `note.*`, `checkpoint.*`), `CannotTellError` (`tlog-proof.version`) for a
    version of the format that is unknown here.
    """
    text = notes.to_text(data, "tlog-proof", MAX_PROOF_BYTES)
    head, separator, checkpoint_text = text.partition("\n\n")
    lines = head.split("\n", MAX_PATH + 4)
    if lines[0] != _MAGIC:
        if lines[0].startswith(_FAMILY):
            detail = f"this proof has version {lines[0][len(_FAMILY) :][:40]!a}, and only v1 is known here"
            raise CannotTellError("tlog-proof.version", detail)
        raise FormatError("tlog-proof.header", f"a proof file starts with the line {_MAGIC}")
    if not separator:
        raise FormatError("tlog-proof.no-checkpoint", "a proof file has an empty line, then a checkpoint")
    rest = lines[1:]
    extra: bytes | None = None
    if rest and rest[0].startswith("extra "):
        extra = notes.decode_base64(rest.pop(0).removeprefix("extra "), "tlog-proof.extra")
        if not extra:
            raise FormatError("tlog-proof.extra", "an extra line with nothing in it is to be left out")
    if not rest or not rest[0].startswith("index "):
        raise FormatError("tlog-proof.index", "a proof file has an index line where this one has another")
    index = checkpoints.parse_decimal(rest.pop(0).removeprefix("index "), "tlog-proof.index")
    if len(rest) > MAX_PATH:
        raise FormatError("tlog-proof.path", f"an inclusion path has at most {MAX_PATH} hashes")
    path = tuple(checkpoints.parse_hash(line, "tlog-proof.path") for line in rest)
    checkpoints.parse(checkpoint_text)
    return TlogProof(index, path, checkpoint_text, extra)


def format(proof: TlogProof) -> str:  # noqa: A001 - the verb of every codec here; called as tlog_proof.format
    """Write a proof file; the inverse of `parse`. Raises `FormatError` for anything that `parse` would refuse."""
    if not 0 <= proof.index <= checkpoints.MAX_SIZE:
        raise FormatError(
            "tlog-proof.index", f"an index is between 0 and {checkpoints.MAX_SIZE}, not {proof.index}"
        )
    if len(proof.path) > MAX_PATH or any(len(step) != checkpoints.ROOT_SIZE for step in proof.path):
        raise FormatError("tlog-proof.path", f"an inclusion path is at most {MAX_PATH} hashes of 32 bytes")
    if proof.extra == b"":
        raise FormatError("tlog-proof.extra", "there is no empty extra: leave it out")
    checkpoints.parse(proof.checkpoint_text)
    lines = [_MAGIC]
    if proof.extra is not None:
        lines.append(f"extra {notes.encode_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += (notes.encode_base64(step) for step in proof.path)
    text = "\n".join(lines) + "\n\n" + proof.checkpoint_text
    if len(text.encode()) > MAX_PROOF_BYTES:
        raise FormatError("tlog-proof.too-large", f"a proof file has at most {MAX_PROOF_BYTES} bytes")
    return text
