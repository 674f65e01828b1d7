"""A ledger as the static files it is served as: one way to read it from a store, a folder, a backup or a node.

Rules: a path is the one under which the file is served over HTTP (`checkpoint`, `tile/entries/000.p/12`, …; see
c2sp.org/tlog-tiles). Whoever reads says the most bytes it takes. Nothing that is read is believed here: the readers check
it against a checkpoint.

What this module does not do: HTTP (`api` gives a `LogFiles` of its own), writing, judging.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ledger.entry import HEADER_TAG, MAX_SUBMISSION_BYTES, leaf_tag
from ledger.errors import CannotTellError, FormatError, StoreError
from ledger.genesis import Genesis, parse_genesis_leaf
from ledger.store.values import StoredBlock
from ledger.store.view import LedgerView
from ledger.tiles import (
    TILE_WIDTH,
    Level,
    decode_entry_bundle,
    decode_records_bundle,
    parse_tile_path,
    tile_path,
    tile_width,
)
from node.cosigning import genesis_policy

CHECKPOINT_PATH, POLICY_PATH, GENESIS_PATH = "checkpoint", "policy", "genesis"
MAX_TEXT_BYTES = 1_000_000
"""Most bytes of a checkpoint, a policy or a genesis file."""
MAX_BUNDLE_BYTES = TILE_WIDTH * (MAX_SUBMISSION_BYTES + 2 * 4096 + 2)
"""Most bytes of a bundle: 256 entries, each with all the records that an entry may have."""


class MissingFileError(CannotTellError):
    """There is no such file in this copy of a ledger."""

    def __init__(self, path: str, where: str) -> None:
        super().__init__("files.missing", f"there is no {path} in {where}")


class LogFiles(Protocol):
    """Where the files of a ledger are read from."""

    def read(self, path: str, max_bytes: int) -> bytes:
        """The file at `path`. Raises MissingFileError, FormatError (`files.too-large`), or what its place raises."""


def too_large(path: str, max_bytes: int) -> FormatError:
    """The error for a file that is larger than its format allows."""
    return FormatError("files.too-large", f"{path} has more than {max_bytes} bytes")


class StoreFiles:
    """The files of a ledger in a store, up to its newest signed checkpoint."""

    def __init__(self, view: LedgerView) -> None:
        self._view = view

    def read(self, path: str, max_bytes: int) -> bytes:  # noqa: ARG002  what the store holds had its limits when it was written
        """As `LogFiles`. Raises StoreError."""
        view = self._view
        if path == CHECKPOINT_PATH:
            text = view.signed_checkpoint()
            if text is None:
                raise MissingFileError(path, "this store: no checkpoint has been cosigned yet")
            return text.encode()
        if path == GENESIS_PATH:
            return view.leaf(0)
        if path == POLICY_PATH:
            return genesis_policy(parse_genesis_leaf(view.leaf(0))).format().encode()
        try:
            level, n, width = parse_tile_path(path)
            if level == "entries":
                return view.entry_bundle(n, width)
            if level == "records":
                return view.records_bundle(n, width)
            return view.tile(level, n, width)
        except StoreError as error:
            if error.rule != "store.not-there":
                raise
            raise MissingFileError(path, "this store") from error


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """The files of a ledger in a folder: an export, or what a mirror has copied."""

    folder: Path

    def read(self, path: str, max_bytes: int) -> bytes:
        """As `LogFiles`. Raises StoreError (`files.read`)."""
        try:
            with (self.folder / path).open("rb") as stream:
                data = stream.read(max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise MissingFileError(path, str(self.folder)) from error
        except OSError as error:
            raise StoreError("files.read", f"cannot read {self.folder / path}: {error.strerror}") from error
        if len(data) > max_bytes:
            raise too_large(path, max_bytes)
        return data


def read_genesis(files: LogFiles, size: int) -> Genesis:
    """The genesis document: leaf 0 of a log of `size` leaves. Raises FormatError, CannotTellError."""
    if size < 1:
        raise FormatError("files.empty", "an empty log has no genesis document")
    return parse_genesis_leaf(_leaves(files, 0, tile_width("entries", 0, size))[0])


def read_bundles(
    files: LogFiles, start: int, size: int
) -> Iterator[tuple[int, list[bytes], list[list[bytes]]]]:
    """Leaves `start` to `size` in runs of at most 256: index of the first, the leaves, and the items beside each.

    Raises FormatError (`tiles.*`), MissingFileError, and what `files` raises.
    """
    for n in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
        width = tile_width("entries", n, size)
        leaves, records = _leaves(files, n, width), _records(files, n, width)
        skipped = max(0, start - n * TILE_WIDTH)
        yield n * TILE_WIDTH + skipped, leaves[skipped:], records[skipped:]


def _leaves(files: LogFiles, n: int, width: int) -> list[bytes]:
    data, got = _bundle(files, "entries", n, width)
    return decode_entry_bundle(data, got)[:width]


def _records(files: LogFiles, n: int, width: int) -> list[list[bytes]]:
    data, got = _bundle(files, "records", n, width)
    return decode_records_bundle(data, got)[:width]


def _bundle(files: LogFiles, level: Level, n: int, width: int) -> tuple[bytes, int]:
    """A bundle and its width: the full one if the log has grown and the partial one is gone (c2sp.org/tlog-tiles)."""
    try:
        return files.read(tile_path(level, n, width), MAX_BUNDLE_BYTES), width
    except MissingFileError:
        if width == TILE_WIDTH:
            raise
        try:
            return files.read(tile_path(level, n), MAX_BUNDLE_BYTES), TILE_WIDTH
        except MissingFileError:
            pass
        raise


def read_blocks(files: LogFiles, height: int, start: int, size: int) -> Iterator[StoredBlock]:
    """The blocks of a log from leaf `start`, where the block at `height` begins, up to `size`; nothing in them is judged.

    Raises as `read_bundles`, and FormatError (`files.block`) if the log does not end with a header.
    """
    leaves: list[bytes] = []
    records: list[tuple[bytes, ...]] = []
    first = start
    for _, some_leaves, some_records in read_bundles(files, start, size):
        for leaf, items in zip(some_leaves, some_records, strict=True):
            if leaf_tag(leaf) != HEADER_TAG:
                leaves.append(leaf)
                records.append(tuple(items))
                continue
            signature = items[0] if len(items) == 1 else b""
            if len(items) > 1:
                raise FormatError("files.block", f"the header of block {height} has more than one signature beside it")
            yield StoredBlock(height, leaf, signature, first, tuple(leaves), tuple(records))
            first += len(leaves) + 1
            height += 1
            leaves, records = [], []
    if leaves:
        raise FormatError("files.block", f"the log ends at size {size} in the middle of a block")
