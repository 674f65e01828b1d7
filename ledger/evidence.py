"""Evidence that a key has signed two histories: a text file that anybody checks offline, with nobody's help.

Rules: an honest signer of checkpoints never signs two roots at one size, and never two checkpoints of which one is not the
other's beginning. The file holds both checkpoints as they were signed, and names the key:

    sogoc evidence v1
    key <vkey>
    root <base64>           only if the sizes differ: the root, at the smaller size, of the log that the larger one signs
    <base64>…               and the consistency path (RFC 9162 §2.1.4) from that root to the larger checkpoint's
                            an empty line
    <the smaller checkpoint, its number of lines in front>
    <the larger one, likewise>

With two sizes the path shows what the larger log was at the smaller size; the key signed something else there. So neither
an old checkpoint nor a slow node is ever mistaken for a lie.

What this module does not do: find evidence, say whose key it is (`accused_by` asks a policy), or guess who was deceived.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ledger import checkpoint as checkpoints
from ledger import note as notes
from ledger import proofs
from ledger.checkpoint import Checkpoint
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.hashing import HASH_SIZE
from ledger.note import COSIGNING_KEY, LOG_KEY, VerifierKey
from ledger.policy import Policy

MAX_EVIDENCE_BYTES: Final = 300_000
_FAMILY: Final = "sogoc evidence "
_MAGIC: Final = _FAMILY + "v1"
_MAX_PATH: Final = 64
_LINES: Final = re.compile(r"checkpoint ([1-9][0-9]{0,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two checkpoints that one key has signed and that cannot both be true."""

    key: VerifierKey
    earlier_text: str
    """The smaller checkpoint, or either of two of one size."""
    later_text: str
    true_root: bytes | None = None
    """With two sizes: the 32-byte root, at the smaller one, of the log that the larger one signs."""
    path: tuple[bytes, ...] = ()
    """Consistency path from `true_root` to the larger checkpoint's root."""


def parse(data: str | bytes) -> Evidence:
    """Read an evidence file strictly; says nothing about whether it proves anything.

    Raises FormatError (`evidence.*`, `note.*`, `checkpoint.*`), CannotTellError (`evidence.version`).
    """
    text = notes.to_text(data, "evidence", MAX_EVIDENCE_BYTES)
    head, separator, rest = text.partition("\n\n")
    first, *lines = head.split("\n", _MAX_PATH + 3)
    if first != _MAGIC:
        if first.startswith(_FAMILY):
            raise CannotTellError("evidence.version", "evidence of this version is unknown here")
        raise FormatError("evidence.header", f"an evidence file starts with the line {_MAGIC}")
    if not separator:
        raise FormatError("evidence.shape", "an evidence file has an empty line, then two checkpoints")
    if not lines or not lines[0].startswith("key "):
        raise FormatError("evidence.key", "an evidence file names a key in its second line")
    key = VerifierKey.parse(lines.pop(0).removeprefix("key "))
    true_root = None
    if lines:
        if not lines[0].startswith("root ") or len(lines) > _MAX_PATH + 1:
            raise FormatError(
                "evidence.path", f"after the key comes a root and a path of at most {_MAX_PATH} hashes"
            )
        true_root = checkpoints.parse_hash(lines.pop(0).removeprefix("root "), "evidence.path")
    path = tuple(checkpoints.parse_hash(line, "evidence.path") for line in lines)
    earlier, rest = _take_checkpoint(rest)
    later, rest = _take_checkpoint(rest)
    if rest:
        raise FormatError("evidence.shape", "something follows the second checkpoint")
    return Evidence(key, earlier, later, true_root, path)


def format(evidence: Evidence) -> str:  # noqa: A001 - the verb of every codec here; called as evidence.format
    """Write an evidence file; the inverse of `parse`. Raises FormatError for anything that `parse` would refuse."""
    if len(evidence.path) > _MAX_PATH or any(len(step) != HASH_SIZE for step in evidence.path):
        raise FormatError("evidence.path", f"a path is at most {_MAX_PATH} hashes of {HASH_SIZE} bytes")
    if evidence.true_root is None and evidence.path:
        raise FormatError("evidence.path", "a path leads from a root, and there is none")
    lines = [_MAGIC, f"key {evidence.key.vkey}"]
    if evidence.true_root is not None:
        lines.append(f"root {notes.encode_base64(evidence.true_root)}")
    lines += (notes.encode_base64(step) for step in evidence.path)
    text = "\n".join(lines) + "\n\n"
    for one in (evidence.earlier_text, evidence.later_text):
        checkpoints.parse(one)
        text += f"checkpoint {one.count(chr(10))}\n{one}"
    if len(text.encode()) > MAX_EVIDENCE_BYTES:
        raise FormatError("evidence.too-large", f"an evidence file has at most {MAX_EVIDENCE_BYTES} bytes")
    return text


def verify(evidence: Evidence) -> tuple[Checkpoint, Checkpoint]:
    """Check that the key signed both checkpoints and that they exclude each other; returns them, the smaller one first.

    Raises VerificationError (`evidence.origin`, `evidence.not-signed`, `evidence.order`, `evidence.same`, `proof.*`,
    `signature.*`) if it proves nothing, FormatError if a checkpoint cannot be read.
    """
    earlier, later = checkpoints.parse(evidence.earlier_text), checkpoints.parse(evidence.later_text)
    if earlier.origin != later.origin:
        raise VerificationError("evidence.origin", "the two checkpoints are of different ledgers")
    for one in (earlier, later):
        _check_signed(one, evidence.key)
    if earlier.size > later.size:
        raise VerificationError("evidence.order", "the smaller checkpoint comes first")
    if earlier.size == later.size:
        if evidence.true_root is not None:
            raise VerificationError("evidence.order", "two checkpoints of one size need no path")
        if earlier.root == later.root:
            raise VerificationError(
                "evidence.same", "both checkpoints say the same: there is no contradiction"
            )
        return earlier, later
    if evidence.true_root is None:
        raise VerificationError("evidence.order", "two checkpoints of different sizes need a root and a path")
    proofs.verify_consistency(earlier.size, later.size, evidence.path, evidence.true_root, later.root)
    if evidence.true_root == earlier.root:
        raise VerificationError("evidence.same", "the smaller checkpoint is the beginning of the larger one")
    return earlier, later


def accused_by(evidence: Evidence, policy: Policy) -> str:
    """The name under which a policy lists the key. Raises VerificationError, rule `evidence.unknown-key`, if it does not."""
    for witness in policy.witnesses:
        if witness.key == evidence.key:
            return witness.name
    for log in policy.logs:
        if log.key == evidence.key:
            return log.key.name
    raise VerificationError("evidence.unknown-key", "the key that signed both is none that the policy names")


def _check_signed(checkpoint: Checkpoint, key: VerifierKey) -> None:
    text = checkpoint.note.text
    for signature in checkpoint.note.signatures:
        if (signature.name, signature.key_id) != (key.name, key.key_id):
            continue
        if key.type == COSIGNING_KEY:
            checkpoints.verify_cosignature(text, signature, key)
            return
        if key.type == LOG_KEY:
            notes.verify_log_signature(text, signature, key)
            return
    raise VerificationError(
        "evidence.not-signed",
        f"the checkpoint of size {checkpoint.size} has no signature by the key that is accused",
    )


def _take_checkpoint(text: str) -> tuple[str, str]:
    line, _, rest = text.partition("\n")
    match = _LINES.fullmatch(line)
    if match is None:
        raise FormatError(
            "evidence.shape", "a checkpoint has the number of its lines in front: `checkpoint 8`"
        )
    lines = rest.split("\n", int(match[1]))
    if len(lines) != int(match[1]) + 1:
        raise FormatError("evidence.shape", "a checkpoint has fewer lines than are announced")
    found = "\n".join(lines[:-1]) + "\n"
    checkpoints.parse(found)
    return found, lines[-1]
