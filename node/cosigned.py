"""The newest checkpoint that each validator is known to have cosigned, whoever else has: for a validator that was restored from
a backup and must learn what its key has signed last (`node.restore`), and for whoever asks how far the others are.

Rules: only cosignatures that were checked come here. A larger size takes the place of a smaller one, and at one size the later
time. It is kept in a file, so that a restart forgets nothing but the last seconds: others know those too.

What this module does not do: decide what is final (`node.finality`), or judge roots: a checkpoint of more leaves than there are
here is believed to be by its key, and nothing more.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import structlog

from ledger import checkpoint as checkpoints
from ledger import note as notes
from ledger.checkpoint import Checkpoint
from ledger.encoding import Value, decode, encode
from ledger.errors import LedgerError
from ledger.genesis import Validator
from ledger.note import COSIGNING_KEY, Note, NoteSignature, VerifierKey
from ledger.policy import quorum_size
from node.safe_files import put_file

_TIME_SIZE: Final = 8
_MAX_FILE_BYTES: Final = 4_000_000

_log = structlog.get_logger("cosigned")


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What a key has cosigned last, as far as is known here."""

    size: int
    time_s: int
    """When, by its own clock, seconds since the epoch."""
    text: str
    """The checkpoint with this one signature."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one that was kept. Raises FormatError."""
        found = checkpoints.parse(text)
        return cls(found.size, _time_of(found.note.signatures[0]), text)


class CosignedBook:
    """What was cosigned last, by public key (32 bytes). All methods may be called from any thread."""

    def __init__(self, path: Path | None) -> None:
        """Read the file `path`; one that is missing or cannot be read is begun anew. None: nothing is kept."""
        self._path = path
        self._lock = threading.Lock()
        self._newest: dict[bytes, Cosigned] = {}
        self._is_saved = True
        if path is None:
            return
        try:
            with path.open("rb") as stream:
                rows = decode(stream.read(_MAX_FILE_BYTES), max_bytes=_MAX_FILE_BYTES)
            if isinstance(rows, list):
                self._newest = dict(map(_row, rows))
        except FileNotFoundError:
            pass
        except (OSError, LedgerError, ValueError, IndexError) as error:
            _log.warning("what others cosigned last cannot be read", file=str(path), problem=str(error))

    def heard(self, key: VerifierKey, checkpoint: Checkpoint, signature: NoteSignature) -> None:
        """A key has cosigned a checkpoint; the signature was checked."""
        if key.type != COSIGNING_KEY:
            return
        told = (checkpoint.size, _time_of(signature))
        with self._lock:
            known = self._newest.get(key.public_key)
            if known is None or told > (known.size, known.time_s):
                text = notes.format(Note(checkpoint.note.text, (signature,)))
                self._newest[key.public_key] = Cosigned(*told, text)
                self._is_saved = False

    def is_news(self, key: VerifierKey, size: int) -> bool:
        """Whether a cosignature by this key on a checkpoint of `size` would be newer than what is known."""
        known = self._newest.get(key.public_key)
        return key.type == COSIGNING_KEY and (known is None or size > known.size)

    def newest(self, public_key: bytes) -> Cosigned | None:
        """What this key has cosigned last; None if nothing is known."""
        return self._newest.get(public_key)

    def reached(self, others: Sequence[Validator], all_of_them: int) -> int:
        """The largest tree size that so many of `others` have cosigned that one of them must be honest; `all_of_them` is how
        many validators there are.
        """
        sizes = sorted((self._size_of(one) for one in others), reverse=True)
        may_lie = all_of_them - quorum_size(all_of_them)
        return sizes[may_lie] if may_lie < len(sizes) else 0

    def save(self) -> None:
        """Write the file if there is anything new. Raises StoreError."""
        with self._lock:
            if self._is_saved or self._path is None:
                return
            rows: list[Value] = [[key, one.text] for key, one in sorted(self._newest.items())]
            self._is_saved = True
        put_file(self._path, encode(rows), mode=0o600)

    def _size_of(self, validator: Validator) -> int:
        known = self._newest.get(validator.cosigning_key)
        return 0 if known is None else known.size


class Lag:
    """How long a node has not got to where the others were: not how far they are ahead at this moment, which they always may
    be by a block.
    """

    def __init__(self) -> None:
        self._goal = 0
        self._since = 0.0

    def look(self, here: int, there: int, now_s: float) -> None:
        """Note the tree sizes of this node and of the others, at `now_s` (seconds of a clock that only goes on)."""
        if here >= self._goal:
            self._goal, self._since = max(here, there), now_s

    def seconds(self, here: int, now_s: float) -> float:
        """For how long the others have had more than there is here now; 0 if they have not."""
        return now_s - self._since if here < self._goal else 0.0


def _time_of(signature: NoteSignature) -> int:
    # A cosignature begins with its time, the most significant octet first (c2sp.org/tlog-cosignature).
    return int.from_bytes(signature.signature[:_TIME_SIZE], "big")


def _row(row: Value) -> tuple[bytes, Cosigned]:
    match row:
        case [bytes(key), str(text)]:
            return key, Cosigned.parse(text)
    raise ValueError("not a key and a checkpoint")
