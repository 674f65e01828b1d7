"""What a witness has cosigned last, for each ledger: durable before the cosignature leaves.

Rules: one file for each origin, replaced as a whole and synced before a key is touched, so that a crash at any moment leaves
the old statement or the new one, and never two. Whoever has the key has this book too: a book that is missing, or is
another key's, is refused, since a witness without its memory would sign a second history. A file that cannot be read stops
that one ledger, and is never taken for nothing.

What this module does not do: judge what is to be remembered (`node.witness.acting`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger import checkpoint as checkpoints
from ledger.errors import LedgerError, StoreCorruptError
from ledger.hashing import EMPTY_ROOT, sha256
from ledger.note import COSIGNING_KEY, VerifierKey
from node.home import Home, HomeError
from node.safe_files import put_file

IDENTITY: Final = "identity"
LOGS: Final = "logs"
_TIME: Final = "time "


@dataclass(frozen=True, slots=True)
class Seen:
    """The last state of a ledger that this witness has cosigned."""

    origin: str
    size: int
    root: bytes
    cosigned_s: int
    """When it first did, seconds since the epoch."""
    text: str
    """The checkpoint with its ledger's signatures; empty for a ledger that was never cosigned."""


def nothing_of(origin: str) -> Seen:
    """Where every ledger begins."""
    return Seen(origin, 0, EMPTY_ROOT, 0, "")


class WitnessBook:
    """The directory `data/witness`. One thread at a time for each origin."""

    def __init__(self, home: Home, public_key: bytes) -> None:
        """Open the book of the witness that has `public_key`. Raises HomeError (`witness.book`)."""
        self._directory = home.witness
        self.key = read_identity(home)
        if self.key.public_key != public_key:
            raise HomeError(
                "witness.book",
                f"{self._directory} is what another key has cosigned: keys/witness.pem and it belong together",
            )

    def last(self, origin: str) -> Seen:
        """What was cosigned last. Raises StoreCorruptError (`witness.damaged`)."""
        path = self._path(origin)
        try:
            data = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return nothing_of(origin)
        except (OSError, UnicodeDecodeError) as error:
            raise _damaged(path, str(error)) from error
        return _parse(path, data, origin)

    def remember(self, seen: Seen) -> None:
        """Make it durable. Raises StoreError (`files.write`); then it may be durable or not, and must not be signed."""
        put_file(self._path(seen.origin), f"{_TIME}{seen.cosigned_s}\n{seen.text}".encode(), mode=0o600)

    def _path(self, origin: str) -> Path:
        return self._directory / LOGS / sha256(origin.encode())[:16].hex()


def create_book(home: Home, key: VerifierKey) -> None:
    """Make the empty book of a new witness key. Raises HomeError (`witness.exists`), StoreError, OSError."""
    if home.witness.exists():
        raise HomeError(
            "witness.exists", f"{home.witness} exists: what was cosigned is never forgotten or begun anew"
        )
    (home.witness / LOGS).mkdir(mode=0o700, parents=True)
    put_file(home.witness / IDENTITY, f"{key.vkey}\n".encode())


def read_identity(home: Home) -> VerifierKey:
    """Under which name and key this home's witness cosigns. Raises HomeError (`witness.book`)."""
    path = home.witness / IDENTITY
    try:
        key = VerifierKey.parse(path.read_text(encoding="utf-8").removesuffix("\n"))
    except (OSError, UnicodeDecodeError, LedgerError) as error:
        raise HomeError(
            "witness.book",
            f"{path} is missing or damaged, and with it the memory of what keys/witness.pem has cosigned. Put it back as it "
            "was last, or move the key and data/witness away and make a witness of another name (`sogoc witness init`)",
        ) from error
    if key.type != COSIGNING_KEY or not (home.witness / LOGS).is_dir():
        raise HomeError("witness.book", f"{home.witness} is not the book of a witness")
    return key


def _parse(path: Path, data: str, origin: str) -> Seen:
    first, _, text = data.partition("\n")
    if not first.startswith(_TIME):
        raise _damaged(path, "it does not begin with a time")
    try:
        time_s = checkpoints.parse_decimal(first.removeprefix(_TIME), "witness.damaged")
        checkpoint = checkpoints.parse(text)
    except LedgerError as error:
        raise _damaged(path, error.detail) from error
    if checkpoint.origin != origin:
        raise _damaged(path, f"it is of {checkpoint.origin!a}")
    return Seen(origin, checkpoint.size, checkpoint.root, time_s, text)


def _damaged(path: Path, why: str) -> StoreCorruptError:
    return StoreCorruptError(
        "witness.damaged",
        f"{path} says what this witness has cosigned last, and cannot be read ({why}): that ledger is not cosigned until the "
        "file is put back as it was last",
    )
