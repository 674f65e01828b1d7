"""The words of a witness and of who asks it (c2sp.org/tlog-witness, `add-checkpoint`): a request, and its two kinds of answer.

Rules:

* a request is the line `old N`, at most 63 lines of base64 (the consistency path from N to the checkpoint), an empty line,
  and the signed checkpoint;
* cosignatures come back as signature lines of a note, nothing else;
* a witness that knows another size says so: the size in decimal, and a newline.

What this module does not do: decide anything. Whose signatures count, what was seen before and what may be signed is
`node.witness`'s; whether a path holds is `ledger.proofs`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger import checkpoint as checkpoints
from ledger import note as notes
from ledger.checkpoint import Checkpoint
from ledger.errors import FormatError, VerificationError
from ledger.note import NoteSignature, VerifierKey

PATH: Final = "/add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
"""Media type of the answer by a witness that knows another size."""

MAX_PATH: Final = 63
"""Most hashes in a request."""
MAX_REQUEST_BYTES: Final = 65_536
"""A checkpoint with 64 signatures and the longest path is a quarter of it; post-quantum signatures fit in too."""
MAX_ANSWER_BYTES: Final = 16_384

_OLD: Final = "old "
_TEXT_OF_ANY_NOTE: Final = "answer\n"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request, read and not judged.

    old_size: tree size at which the path begins. path: consistency path (RFC 9162 §2.1.4.1), 32 bytes each. checkpoint: what
    is to be cosigned.
    """

    old_size: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint


def format_request(old_size: int, path: Sequence[bytes], checkpoint_text: str) -> str:
    """Write a request. Raises FormatError for anything that `parse_request` would refuse."""
    lines = [f"{_OLD}{old_size}", *(notes.encode_base64(step) for step in path), "", checkpoint_text]
    text = "\n".join(lines)
    parse_request(text.encode())
    return text


def parse_request(data: bytes) -> AddCheckpoint:
    """Read a request strictly. Raises FormatError (`witness.*`, `note.*`, `checkpoint.*`)."""
    text = notes.to_text(data, "witness", MAX_REQUEST_BYTES)
    head, separator, checkpoint_text = text.partition("\n\n")
    if not separator:
        raise FormatError("witness.request", "an empty line stands between the path and the checkpoint")
    # Counted before the lines are split and decoded.
    if head.count("\n") > MAX_PATH:
        raise FormatError("witness.path-length", f"a path has at most {MAX_PATH} hashes")
    first, *lines = head.split("\n")
    if not first.startswith(_OLD):
        raise FormatError("witness.request", "a request starts with the line `old` and a size")
    return AddCheckpoint(
        checkpoints.parse_decimal(first.removeprefix(_OLD), "witness.old-size"),
        tuple(checkpoints.parse_hash(line, "witness.path-hash") for line in lines),
        checkpoints.parse(checkpoint_text),
    )


def format_size(size: int) -> str:
    """What a witness answers that knows the tree at `size`."""
    return f"{size}\n"


def parse_size(data: bytes) -> int:
    """Read `format_size`'s answer. Raises FormatError, rule `witness.size`."""
    text = notes.to_text(data, "witness", 32)
    if not text.endswith("\n"):
        raise FormatError("witness.size", "a size ends in a newline")
    return checkpoints.parse_decimal(text[:-1], "witness.size")


def parse_cosignatures(data: bytes) -> tuple[NoteSignature, ...]:
    """Read the lines that a witness answers with. Raises FormatError (`witness.*`, `note.*`)."""
    lines = notes.to_text(data, "witness", MAX_ANSWER_BYTES)
    return notes.parse(f"{_TEXT_OF_ANY_NOTE}\n{lines}").signatures


def cosignature_by(
    key: VerifierKey, signatures: Sequence[NoteSignature], checkpoint_body: str
) -> tuple[NoteSignature, int]:
    """The cosignature by `key` among what a witness answered, checked, and its time in seconds since the epoch.

    Lines by other keys are passed over. Raises VerificationError: `witness.not-cosigned` if there is none by this key,
    `signature.*` or `note.*` if it is wrong.
    """
    for one in signatures:
        if (one.name, one.key_id) == (key.name, key.key_id):
            return one, checkpoints.verify_cosignature(checkpoint_body, one, key)
    raise VerificationError("witness.not-cosigned", f"the answer has no cosignature by {key.name}")
