"""Reading a log from a source, in order: where it starts, how large it is, and then segment by segment.

Rules: what the tiles say is passed on with each segment as a claim, together with the peaks that follow from the claims
before it. What a source cannot give is not raised here but takes its place in the order, so that a fault before it is
named first.

Not here: checking anything but the genesis document and the checkpoint's signatures, on which all the rest depends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from ledger import checkpoint as checkpoints
from ledger.block import parse_header_leaf
from ledger.errors import CannotTellError, FormatError, LedgerError, StoreCorruptError, VerificationError
from ledger.execution import check_same_header, execute_genesis
from ledger.genesis import Genesis, parse_genesis_leaf
from ledger.hashing import HASH_SIZE
from ledger.merkle import CompactRange
from ledger.policy import CheckedCheckpoint, Policy, Trust
from ledger.store import layout
from ledger.tiles import TILE_WIDTH, tile_path, tile_width
from ledger.verify.pieces import pieces
from ledger.verify.report import AuditFailure, Finding, Level, faults_as_failures
from ledger.verify.segments import Job, split_bundle
from ledger.verify.sources.base import LogSource
from ledger.verify.sources.stored import StoreSource
from ledger.verify.trust import ValidatorSets, check_checkpoint, transitions_of, trust_of

LOOK_AHEAD_BYTES = 4 << 20
"""Bytes of segments that wait at most until it is known when their last block was made: about the largest block."""

_LENGTH = 2
"""Bytes of a leaf's length in a bundle."""

_FIRST_SIZE = 2
"""Leaves of the shortest log: the genesis document and its header."""


@dataclass(frozen=True, slots=True)
class Start:
    """What an audit knows before it looks at the log."""

    genesis: Genesis
    policy: Trust
    sets: ValidatorSets
    checkpoint: CheckedCheckpoint
    size: int
    """Leaves to audit: those under the checkpoint; of a store all it has."""
    root: bytes
    """What the root over them is said to be."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A segment that the source could not give, and why."""

    error: LedgerError
    index: int | None
    """The first leaf that is missing, if that is known."""

    def failure(self) -> AuditFailure:
        """What to raise when its turn comes."""
        return AuditFailure(self.error.rule, self.error.detail, index=self.index)


def read_start(source: LogSource, policy: Policy | None) -> Start:
    """Read checkpoint and genesis, and check the one's signatures by `policy` or by what the other implies.

    Raises AuditFailure, or CannotTellError if a quorum is missing or a version is not known.
    """
    with faults_as_failures():
        text = source.checkpoint()
        claimed = checkpoints.parse(text)
        size, root = claimed.size, claimed.root
        if isinstance(source, StoreSource):
            size, root = source.head.size, source.head.root
        if not _FIRST_SIZE <= claimed.size <= size:
            detail = f"a checkpoint of size {claimed.size} cannot be checked against a log of {size} leaves"
            raise VerificationError("checkpoint.size", detail)
        genesis = _read_genesis(source, size)
        found = transitions_of(source, genesis)
        sets, trust = ValidatorSets.of(found, genesis), trust_of(policy, found, genesis)
        older = source.older_checkpoints() if isinstance(source, StoreSource) else ()
        return Start(genesis, trust, sets, _newest_final(chain((text,), older), trust, genesis), size, root)


def _newest_final(texts: Iterable[str], policy: Trust, genesis: Genesis) -> CheckedCheckpoint:
    """The first checkpoint that has its quorum. Raises as `check_checkpoint` for the first of them if none has."""
    missing: CannotTellError | None = None
    for text in texts:
        try:
            return check_checkpoint(text, policy, genesis)
        except CannotTellError as error:
            # A store keeps a checkpoint from its first signature on; the others may still be on their way.
            missing = missing or error
    raise missing or CannotTellError("checkpoint.missing", "there is no checkpoint")


def _read_genesis(source: LogSource, size: int) -> Genesis:
    """The genesis document of a log, and its header as it must follow from that. Raises AuditFailure, CannotTellError."""
    bundle = source.entry_bundle(0, min(size, TILE_WIDTH))
    leaves, problem = split_bundle(bundle, _FIRST_SIZE, counted=False)
    index = 0
    try:
        # Bytes that follow are the other leaves, and looked at in their turn.
        if problem and len(leaves) < _FIRST_SIZE:
            index = len(leaves)
            raise problem
        genesis = parse_genesis_leaf(leaves[0][0])
        index = 1
        check_same_header(execute_genesis(genesis).header, parse_header_leaf(leaves[1][0]))
        return genesis
    except LedgerError as error:
        raise Finding.of(error, index).error(0) from error


def segments(source: LogSource, start: Start, level: Level) -> Iterator[Job | Unreadable]:
    """The segments of the log in order, at level FULL in pieces; after one that cannot be read there are no more."""
    chain_id = start.genesis.chain_id
    before = CompactRange()
    nodes = b""
    for number in range(-(-start.size // TILE_WIDTH)):
        width = min(TILE_WIDTH, start.size - number * TILE_WIDTH)
        try:
            if number % TILE_WIDTH == 0:
                nodes = _tile(source, 1, number // TILE_WIDTH, start.size)
            place = number % TILE_WIDTH * HASH_SIZE
            node = nodes[place : place + HASH_SIZE]
            job = Job(
                level=level,
                chain_id=chain_id,
                header_keys=start.sets.header_keys(number * TILE_WIDTH, number * TILE_WIDTH + width),
                number=number,
                width=width,
                peaks=before.peaks,
                entries=source.entry_bundle(number, width),
                records=source.records_bundle(number, width),
                tile=_tile(source, 0, number, start.size),
                node=node,
                root=b"" if node else start.root,
            )
            # At the other levels nobody waits for one of them before the rest can be gone on with.
            yield from pieces(job) if level >= Level.FULL else (job,)
        except (FormatError, StoreCorruptError) as error:
            yield Unreadable(error, _first_missing(source, number, width))
            return
        if node:
            before = before.append(node)


def with_times(found: Iterable[Job | Unreadable], genesis: Genesis) -> Iterator[Job | Unreadable]:
    """The segments, each with the time in the first header behind it, as far as that is not too far behind."""
    # All headers of a ledger begin with the same bytes: tags, rules version, chain id.
    leaf = execute_genesis(genesis).header.leaf()
    beginning = leaf[: leaf.index(genesis.chain_id) + HASH_SIZE]
    waiting: deque[Job] = deque()
    size = 0
    for one in found:
        time_ms = _first_time(one, beginning) if isinstance(one, Job) else None
        while waiting and (time_ms is not None or size > LOOK_AHEAD_BYTES or isinstance(one, Unreadable)):
            job = waiting.popleft()
            size -= job.size
            yield replace(job, next_time_ms=time_ms)
        if isinstance(one, Unreadable):
            yield one
        else:
            waiting.append(one)
            size += one.size
    yield from waiting


def _first_time(job: Job, beginning: bytes) -> int | None:
    """What the first header in a segment says is the time of its block; nobody has looked yet whether it is right."""
    at = job.entries.find(beginning)
    if at < _LENGTH:
        return None
    end = at + int.from_bytes(job.entries[at - _LENGTH : at], "big")
    try:
        return parse_header_leaf(job.entries[at:end]).time_ms
    except LedgerError:
        return None


def _tile(source: LogSource, level: int, n: int, size: int) -> bytes:
    """A tile as it is in a log of `size` leaves; empty if there is none. Raises FormatError (`tiles.length`)."""
    width = tile_width(level, n, size)
    if not width:
        return b""
    tile = source.tile(level, n, width)
    if len(tile) != width * HASH_SIZE:
        detail = f"{tile_path(level, n, width)} has {len(tile)} bytes, not {width * HASH_SIZE}"
        raise FormatError("tiles.length", detail)
    return tile


def _first_missing(source: LogSource, number: int, width: int) -> int | None:
    if not isinstance(source, StoreSource):
        return None
    missing = [source.first_missing(kind, number, width) for kind in (layout.LEAF, layout.RECORDS)]
    return min((index for index in missing if index is not None), default=None)
