"""An export as a source: a folder of static files, under the paths that C2SP tlog-tiles gives them.

Rules: `checkpoint`, `tile/…`, and beside the log `genesis` (leaf 0), `policy` and `policy-epochs`. A missing file is
FormatError (`export.missing`); a tile wider than what is asked for is cut. Nothing outside the folder is opened, and no file
of more than the largest bundle is read.

Not here: what the bytes mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ledger.errors import CannotTellError, FormatError
from ledger.hashing import HASH_SIZE
from ledger.tiles import TILE_WIDTH, Level, tile_path

CHECKPOINT: Final = "checkpoint"
GENESIS: Final = "genesis"
POLICY: Final = "policy"
TRANSITIONS: Final = "policy-epochs"

MAX_FILE_BYTES: Final = 256 * 1_000_000
"""A bundle of 256 of the largest entries stays below this."""


class ExportSource:
    """A folder that `sogoc export` made, or that a mirror of a node filled."""

    def __init__(self, folder: Path) -> None:
        """Read from `folder`. Raises FormatError (`export.missing`) if it has no checkpoint."""
        self.folder = folder
        self._checkpoint = self._text(CHECKPOINT)

    def checkpoint(self) -> str:
        """The checkpoint."""
        return self._checkpoint

    def tile(self, level: int, n: int, width: int) -> bytes:
        """The first `width` hashes of tile `n` of `level`."""
        found = self._widest(level, n, width)
        if len(found) % HASH_SIZE or len(found) > TILE_WIDTH * HASH_SIZE:
            raise FormatError("tiles.length", f"{tile_path(level, n, width)} is not made of whole hashes")
        return found[: width * HASH_SIZE]

    def entry_bundle(self, n: int, width: int) -> bytes:
        """Leaves `256 n` and following, `width` of them."""
        return self._read(tile_path("entries", n, width))

    def records_bundle(self, n: int, width: int) -> bytes:
        """What stands beside those leaves."""
        return self._read(tile_path("records", n, width))

    def genesis(self) -> bytes | None:
        """The genesis leaf as it lies beside the log, or None in a folder that holds the log alone."""
        return self._read(GENESIS) if (self.folder / GENESIS).exists() else None

    def policy(self) -> str | None:
        """The policy that the export carries (no reason to trust it), or None."""
        return self._text(POLICY) if (self.folder / POLICY).exists() else None

    def transitions(self) -> bytes | None:
        """How the validators changed, as the export tells it, or None."""
        return self._read(TRANSITIONS) if (self.folder / TRANSITIONS).exists() else None

    def _widest(self, level: Level, n: int, width: int) -> bytes:
        try:
            return self._read(tile_path(level, n, width))
        except FormatError:
            if width == TILE_WIDTH:
                raise
            return self._read(tile_path(level, n))

    def _text(self, name: str) -> str:
        try:
            return self._read(name).decode()
        except UnicodeDecodeError as error:
            raise FormatError("export.text", f"{name} in {self.folder} is not UTF-8 text") from error

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise FormatError("export.too-large", f"{path} has more than {MAX_FILE_BYTES} bytes")
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FormatError("export.missing", f"{name} is missing in {self.folder}") from error
        except OSError as error:
            raise CannotTellError("export.unreadable", f"{path} cannot be read ({error})") from error
