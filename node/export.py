"""Exporting a ledger: a folder of static files that outlives the node, and that other people's programs can check.

Rules:

* the paths are those under which a node serves the same files: `checkpoint`, `tile/…` (c2sp.org/tlog-tiles; records beside
  the entries), `policy`, `policy-epochs`, `genesis`; any web server makes a mirror of the folder;
* only leaves, the records beside them and the checkpoint are read. Hash tiles are computed, and the whole must give the
  root of a checkpoint that the ledger's own policy passes, so that an export of somebody else's node proves itself;
* each entry's records must be those that it signs. Signatures and rules are an audit's business;
* one bundle is in memory at a time, however long the log;
* the folder appears complete and synced under its name, or not at all, and nothing is ever overwritten.

What this module does not do: HTTP, and believing where the files came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ledger import checkpoint
from ledger.entry import ENTRY_TAG, entry_from_parts, leaf_tag
from ledger.errors import VerificationError
from ledger.genesis import Genesis, genesis_policy
from ledger.hashing import HASH_SIZE, leaf_hashes
from ledger.merkle import CompactRange
from ledger.policy import CheckedCheckpoint
from ledger.tiles import TILE_WIDTH, encode_entry_bundle, encode_records_bundle, new_tiles, tile_path
from ledger.transitions import Transitions
from ledger.verify.sources.base import LogSource
from ledger.verify.trust import transitions_of, trust_of
from node.export_readme import readme
from node.log_blocks import read_bundles, read_genesis
from node.safe_files import disk_error, new_folder, write_synced

CHECKPOINT_PATH, GENESIS_PATH, POLICY_PATH, README_PATH = "checkpoint", "genesis", "policy", "README.txt"
TRANSITIONS_PATH = "policy-epochs"
"""There once the validators have changed: how they did, from the policy on that lies beside it."""

Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is."""


class Sink(Protocol):
    """Where the files of an export go, each once, none larger than a bundle."""

    def add(self, path: str, data: bytes) -> None:
        """Take one file."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds: the ledger, and the checkpoint that covers all of it."""

    genesis: Genesis
    checked: CheckedCheckpoint
    checkpoint_text: str
    transitions: Transitions
    """How the validators changed, from the policy on that the genesis document implies."""

    @property
    def size(self) -> int:
        """Tree size of the checkpoint."""
        return self.checked.checkpoint.size


Beside = Callable[[Exported], Mapping[str, bytes]]
"""Files that go along with an export, by path: what the caller has for whoever opens the folder."""


@dataclass(frozen=True, slots=True)
class FolderSink:
    """Writes into a folder; each file is synced."""

    folder: Path

    def add(self, path: str, data: bytes) -> None:
        """Take one file. Raises StoreError: what the disk said."""
        target = self.folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_synced(target, data)
        except OSError as error:
            raise disk_error(error, target) from error


def export(
    source: LogSource,
    out_dir: Path,
    progress: Progress = lambda _done, _of: None,
    *,
    beside: Beside = lambda _exported: {},
) -> Exported:
    """Write the ledger read from `source` to the folder `out_dir`, which must not exist or be empty.

    `progress` hears leaves done and leaves in all; `beside` gives further files that the folder is to hold.
    Raises OccupiedError (`files.exists`), VerificationError (`export.root`,
    `entry.*`, and what the checkpoint breaks), FormatError, CannotTellError (files are missing), StoreError.
    """
    with new_folder(out_dir) as folder:
        sink = FolderSink(folder)
        exported = write_log(source, sink, progress)
        for path, data in beside(exported).items():
            sink.add(path, data)
        return exported


def write_log(source: LogSource, sink: Sink, progress: Progress = lambda _done, _of: None) -> Exported:
    """Write checkpoint, genesis, policy, README, bundles and hash tiles to `sink`. Raises as `export`."""
    text = source.checkpoint()
    genesis, checked = check_checkpoint(source, text)
    sink.add(GENESIS_PATH, genesis.leaf())
    sink.add(POLICY_PATH, genesis_policy(genesis).format().encode())
    found = transitions_of(source, genesis)
    if found.steps:
        sink.add(TRANSITIONS_PATH, found.encoded())
    _write_tiles(source, sink, checked, progress)
    sink.add(CHECKPOINT_PATH, text.encode())
    covered = checked.checkpoint
    about = readme(origin=genesis.origin, chain_id=genesis.chain_id, size=covered.size, root=covered.root)
    sink.add(README_PATH, about.encode())
    return Exported(genesis, checked, text, found)


def check_checkpoint(source: LogSource, text: str) -> tuple[Genesis, CheckedCheckpoint]:
    """The genesis document of the log in `source`, and the checkpoint `text` as the policy passes it that this implies, or
    that follows from it by the changes of validators which `source` tells.

    Raises FormatError, VerificationError, CannotTellError.
    """
    # The claimed size only says how wide the first bundle is; the signatures are checked right after.
    genesis = read_genesis(source, checkpoint.parse(text).size)
    return genesis, trust_of(None, transitions_of(source, genesis), genesis).check(text)


def _write_tiles(source: LogSource, sink: Sink, checked: CheckedCheckpoint, progress: Progress) -> None:
    size = checked.checkpoint.size
    log = CompactRange()
    tiles = _TileWriter(sink)
    progress(0, size)
    for first, leaves, records in read_bundles(source, 0, size):
        for leaf, items in zip(leaves, records, strict=True):
            if leaf_tag(leaf) == ENTRY_TAG:
                entry_from_parts(leaf, items).check_records_root()
        n, width = first // TILE_WIDTH, len(leaves)
        sink.add(tile_path("entries", n, width), encode_entry_bundle(leaves))
        sink.add(tile_path("records", n, width), encode_records_bundle(records))
        hashes = leaf_hashes(leaves)
        tiles.append(first, hashes)
        log = log.extend(hashes)
        progress(log.size, size)
    tiles.finish()
    if log.root() != checked.checkpoint.root:
        detail = f"The leaves that were read do not have the root that the checkpoint of size {size} signs"
        raise VerificationError("export.root", detail, expected=checked.checkpoint.root, got=log.root())


class _TileWriter:
    """Makes hash tiles of leaves in order; holds one partial tile for each level."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._partial: dict[int, tuple[int, bytes]] = {}

    def append(self, first: int, hashes: list[bytes]) -> None:
        made = new_tiles(first, hashes, lambda level, _n, _width: self._partial[level][1])
        for (level, n), tile in made.items():
            if len(tile) == TILE_WIDTH * HASH_SIZE:
                self._sink.add(tile_path(level, n), tile)
                self._partial.pop(level, None)
            else:
                self._partial[level] = (n, tile)

    def finish(self) -> None:
        for level, (n, tile) in self._partial.items():
            self._sink.add(tile_path(level, n, len(tile) // HASH_SIZE), tile)
