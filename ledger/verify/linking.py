"""Putting the segments of an audit together, in order: headers follow on headers, tiles on tiles, states on states.

Rules:

* A block's height, place, parent, engine height and time follow on those of the block before it, whichever segments
  they stand in.
* The root after the block that the checkpoint names is the checkpoint's, and the log ends with a header.
* What is wrong in a lower block is raised first; in one block first what its leaves say of themselves, then how it
  follows on the one before, then its rows in a store, then the chain rules.

Not here: reading a source but for the upper tiles, and checking leaves.
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger.block import NO_PARENT
from ledger.errors import FormatError, VerificationError
from ledger.merkle import root_of_hashes
from ledger.tiles import TILE_WIDTH, tile_path
from ledger.verify.ahead import Part
from ledger.verify.reading import Start
from ledger.verify.replay import Replay
from ledger.verify.report import AuditFailure, Finding
from ledger.verify.segments import BlockFact, Job, Result
from ledger.verify.sources.base import LogSource
from ledger.verify.stored import RowCheck


class Linker:
    """An audit as far as it has come."""

    def __init__(self, source: LogSource, start: Start, rows: RowCheck | None, replay: Replay | None) -> None:
        self.entries = 0
        self.records = 0
        self._start = start
        self._rows = rows
        self._replay = replay
        self._tiles = UpperTiles(source)
        self._last: BlockFact | None = None
        self._met_checkpoint = False

    def take(self, job: Job, result: Result, parts: Iterable[Part]) -> None:
        """Take the next segment, what was found in it, and what its entries were worked out to do.

        Raises AuditFailure, CannotTellError, StoreError.
        """
        base = self._last.height + 1 if self._last else 0
        if self._replay is not None:
            self._replay.segment(job, parts)
        for fact in result.facts:
            self._block(fact)
            if self._replay is not None:
                self._replay.block(fact)
        if result.finding is not None:
            raise result.finding.error(base + result.finding.headers_before)
        self.entries += result.entries
        self.records += result.records
        if job.ends_tile:
            self._tiles.add(1, job.node)

    def finish(self) -> BlockFact:
        """Check what only shows at the end of the log; return its last block. Raises as `take`."""
        start, last = self._start, self._last
        if last is None or last.size != start.size:
            raise AuditFailure("log.end", "the log does not end with a header", index=start.size - 1)
        if last.root != start.root:
            detail = f"the log of {start.size} leaves does not have the root that is claimed for it"
            raise AuditFailure("checkpoint.root", detail, height=last.height)
        if not self._met_checkpoint:
            size = start.checkpoint.checkpoint.size
            raise AuditFailure("checkpoint.size", f"no block ends at the checkpoint's size {size}")
        self._tiles.finish()
        return last

    def _block(self, fact: BlockFact) -> None:
        try:
            _check_follows(self._last, fact)
            self._start.sets.check_block(self._last, fact)
        except VerificationError as error:
            height = self._last.height + 1 if self._last else 0
            raise Finding.of(error, fact.index).error(height) from error
        checkpoint = self._start.checkpoint.checkpoint
        if fact.size == checkpoint.size:
            self._met_checkpoint = True
            if fact.root != checkpoint.root:
                detail = f"the checkpoint of size {fact.size} signs another root than that of this log"
                raise AuditFailure("checkpoint.root", detail, height=fact.height)
        if self._rows is not None:
            self._rows.block(fact)
        self._last = fact


# What the genesis header follows on. (It was also compared, field by field, with the one that the document gives.)
_BEFORE_GENESIS = BlockFact(
    index=-1,
    height=-1,
    engine_height=-1,
    time_ms=-1,
    first_index=0,
    parent=b"",
    hash=NO_PARENT,
    root=b"",
    state_root=b"",
    leaf=b"",
)


def _check_follows(last: BlockFact | None, fact: BlockFact) -> None:
    """Check that a block follows on the last one. Raises VerificationError, rule `header.<field>`."""
    last = last or _BEFORE_GENESIS
    if fact.height != last.height + 1:
        raise VerificationError(
            "header.height", f"the block must have height {last.height + 1}, not {fact.height}"
        )
    if fact.first_index != last.index + 1:
        raise VerificationError(
            "header.first-index", f"the block must begin at {last.index + 1}, not {fact.first_index}"
        )
    if fact.parent != last.hash:
        raise VerificationError(
            "header.parent",
            "the header names another parent than the one before it",
            expected=last.hash,
            got=fact.parent,
        )
    if fact.engine_height <= last.engine_height:
        raise VerificationError("header.engine-height", "a block's engine height must be above its parent's")
    if fact.time_ms <= last.time_ms:
        raise VerificationError(
            "header.time", f"a block's time must be later than its parent's {last.time_ms} ms"
        )


class UpperTiles:
    """The tiles of level 2 and above, made again from those of level 1, and compared with the source's."""

    def __init__(self, source: LogSource) -> None:
        self._source = source
        self._growing: list[list[bytes]] = []
        self._full: list[int] = []

    def add(self, level: int, node: bytes) -> None:
        """Take the next hash of a level. Raises AuditFailure if it completes a tile that the source has otherwise."""
        while len(self._growing) <= level:
            self._growing.append([])
            self._full.append(0)
        tile = self._growing[level]
        tile.append(node)
        if len(tile) == TILE_WIDTH:
            self._compare(level)
            self._full[level] += 1
            self._growing[level] = []
            self.add(level + 1, root_of_hashes(tile))

    def finish(self) -> None:
        """Compare the partial tiles. Raises AuditFailure."""
        for level, tile in enumerate(self._growing):
            if tile:
                self._compare(level)

    def _compare(self, level: int) -> None:
        # What is in level 1 came from the source, and each hash of it was compared with the leaves below.
        if level == 1:
            return
        tile = self._growing[level]
        n = self._full[level]
        path = tile_path(level, n, len(tile))
        index = n * TILE_WIDTH ** (level + 1)
        try:
            found = self._source.tile(level, n, len(tile))
        except FormatError as error:
            raise AuditFailure(error.rule, error.detail, index=index) from error
        if found != b"".join(tile):
            raise AuditFailure(
                "tile.hash", f"{path} does not have the hashes that follow from the leaves", index=index
            )
