"""Beginning to follow with a state instead of with all blocks: received from somebody's node, and checked down to each row.

Rules: nothing is believed of the source. Its snapshot's checkpoint must be cosigned as the pinned policy demands, must lie in
the log of its newest checkpoint, and may be neither much older than that nor older than what is here already. The header under
it is proved to be the log's last leaf, and its state root decides on every page and row, one after the other, when they arrive
(`ledger.state.transfer`): so a source that lies is found at once, and costs what came before, on the disk, and no memory.

What is received serves reads of the state until the blocks behind it are here: those are copied and executed as ever
(`node.following`), from the genesis block on, into the ledger's own directory. Then the snapshot is thrown away. So a copy that
began with a snapshot is in the end the same as any other, and what a quorum signed about the state is checked against the
blocks after all.

What this module does not do: HTTP, threads, or serving.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ledger import proofs, tiles
from ledger.block import parse_header_leaf
from ledger.checkpoint import Checkpoint
from ledger.errors import FormatError, StoreCorruptError, VerificationError
from ledger.genesis import Genesis
from ledger.hashing import leaf_hash
from ledger.policy import CheckedCheckpoint, Policy, Trust
from ledger.state.pages import page_path
from ledger.state.transfer import Arriving, SentPage, parse_part
from ledger.store.from_snapshot import Beginning, Inbox
from ledger.tiles import TILE_HEIGHT, TILE_WIDTH, decode_entry_bundle, decode_records_bundle, tile_width
from ledger.verify.sources.base import LogSource
from ledger.verify.trust import check_checkpoint, transitions_of, trust_of
from node.home import Home

MAX_AGE_SECONDS: Final = 2 * 3600
"""How much older a snapshot may be, by what its cosignatures prove, than the source's newest checkpoint."""

Progress = Callable[[int, int], None]
"""Hears of pages received so far; how many there are is known at the end only, until then it is 0."""


class SnapshotSource(LogSource, Protocol):
    """A log whose keeper hands out its state."""

    def snapshot(self) -> str:
        """The checkpoint, with signatures, of the state that is handed out now."""

    def snapshot_part(self, size: int, after: bytes | None) -> bytes:
        """Pages of the state at tree size `size` behind the one with the prefix `after`, as one part
        (`ledger.state.transfer`). Raises, rule `snapshot.gone`, if it is not handed out any more.
        """


@dataclass(frozen=True, slots=True)
class SnapshotHome(Home):
    """A copy's home while it serves from a snapshot."""

    @property
    def ledger(self) -> Path:
        """The store that begins with a state."""
        return snapshot_path(self)


def snapshot_path(home: Home) -> Path:
    """Where a home keeps its snapshot."""
    return home.path / "data" / "snapshot"


def receive(
    home: Home,
    source: SnapshotSource,
    policy: Policy,
    genesis: Genesis,
    *,
    at_least: int = 0,
    report: Progress = lambda _done, _all: None,
) -> int:
    """Receive a snapshot, or the rest of one, into the home; returns its tree size, which is `at_least` or more.

    Raises CannotTellError or VerificationError for what is wrong (rules `policy.*`, `epochs.*`, `proof.*`, `snapshot.*`),
    FormatError, StoreError, and what the source raises; what was received and is right stays, and the next call goes on there,
    if the source still hands out the same.
    """
    newest, trust = _newest(source, policy, genesis)
    inbox = Inbox.resume(snapshot_path(home))
    if inbox is not None and not _is_usable(source, inbox, at_least):
        inbox.close()
        inbox = None
    if inbox is None:
        beginning = _beginning(source, trust, genesis, newest, at_least)
        inbox = Inbox.begin(snapshot_path(home), beginning)
    try:
        _receive_state(source, inbox, report)
    except BaseException:
        inbox.close()
        raise
    inbox.finish()
    return inbox.beginning.header.size


def _newest(source: SnapshotSource, policy: Policy, genesis: Genesis) -> tuple[CheckedCheckpoint, Trust]:
    trust = trust_of(policy, transitions_of(source, genesis), genesis)
    return check_checkpoint(source.checkpoint(), trust, genesis), trust


def _is_usable(source: SnapshotSource, inbox: Inbox, at_least: int) -> bool:
    """Whether the source still hands out what was begun."""
    header = inbox.beginning.header
    if header.size < at_least:
        return False
    try:
        source.snapshot_part(header.size, inbox.after)
        Arriving(inbox, header.state_root, inbox.after)
    except Exception as error:
        if getattr(error, "rule", "") == "snapshot.gone" or isinstance(error, StoreCorruptError):
            return False
        raise
    return True


def _beginning(
    source: SnapshotSource, trust: Trust, genesis: Genesis, newest: CheckedCheckpoint, at_least: int
) -> Beginning:
    text = source.snapshot()
    checked = check_checkpoint(text, trust, genesis)
    head = checked.checkpoint
    if head.size < at_least:
        raise VerificationError(
            "snapshot.old",
            f"the snapshot is of size {head.size}, and the ledger had {at_least} leaves before",
        )
    age = (newest.status_as_of_s or 0) - (checked.status_as_of_s or 0)
    if age > MAX_AGE_SECONDS:
        raise VerificationError(
            "snapshot.old",
            f"the snapshot is {age} seconds older than the newest checkpoint of the same source: it is not the state of now",
        )
    _check_same_log(source, head, newest.checkpoint)
    edge = _edge_tiles(source, head.size)
    leaf, signature = _last_header(source, head.size)
    path = tiles.inclusion_proof(_Edge(edge), head.size - 1, head.size)
    proofs.verify_inclusion(leaf_hash(leaf), head.size - 1, head.size, path, head.root)
    header = parse_header_leaf(leaf)
    if header.size != head.size:
        raise VerificationError(
            "snapshot.header", "the checkpoint of the snapshot does not end with its header"
        )
    if tiles.root(_Edge(edge), head.size) != head.root:
        raise VerificationError(
            "snapshot.tiles", "the tiles at the end of the log do not give the root under the snapshot"
        )
    header.verify_signature(signature)
    return Beginning(text, head.root, leaf, signature, edge)


def _check_same_log(source: SnapshotSource, head: Checkpoint, newest: Checkpoint) -> None:
    """Both checkpoints are of one log, whichever is the larger."""
    smaller, larger = sorted((head, newest), key=lambda one: one.size)
    path = tiles.consistency_proof(source, smaller.size, larger.size)
    proofs.verify_consistency(smaller.size, larger.size, path, smaller.root, larger.root)


def _edge_tiles(source: SnapshotSource, size: int) -> dict[tuple[int, int], bytes]:
    """The tiles that hold the last leaf, and those above it: what it takes to append, and to prove it."""
    found: dict[tuple[int, int], bytes] = {}
    level = 0
    while size >> (TILE_HEIGHT * level):
        n = (size - 1) >> (TILE_HEIGHT * (level + 1))
        width = tile_width(level, n, size)
        if width:
            found[level, n] = source.tile(level, n, width)
        level += 1
    return found


def _last_header(source: SnapshotSource, size: int) -> tuple[bytes, bytes]:
    n = (size - 1) // TILE_WIDTH
    width = tile_width("entries", n, size)
    leaf = decode_entry_bundle(source.entry_bundle(n, width), width)[-1]
    items = decode_records_bundle(source.records_bundle(n, width), width)[-1]
    if len(items) != 1:
        raise FormatError("snapshot.header", "the last header of the snapshot has no signature beside it")
    return leaf, items[0]


class _Edge:
    """The tiles at the edge of a log, as a source."""

    def __init__(self, edge: dict[tuple[int, int], bytes]) -> None:
        self._edge = edge

    def tile(self, level: int, n: int, width: int) -> bytes:
        data = self._edge.get((level, n), b"")[: 32 * width]
        if len(data) != 32 * width:
            raise FormatError("snapshot.tiles", "a tile at the end of the log is missing or too short")
        return data


def _receive_state(source: SnapshotSource, inbox: Inbox, report: Progress) -> None:
    header = inbox.beginning.header
    arriving = Arriving(inbox, header.state_root, inbox.after)
    done = 0
    while arriving.wanted is not None:
        sent = parse_part(source.snapshot_part(header.size, inbox.after))
        if not sent:
            break
        for page in sent:
            arriving.take(page)
        _keep(inbox, sent)
        arriving.written()
        done += len(sent)
        report(done, 0)
    arriving.finish()


def _keep(inbox: Inbox, sent: Sequence[SentPage]) -> None:
    inbox.put(
        ((page_path(one.prefix), one.page) for one in sent),
        (row for one in sent for row in one.rows),
        sent[-1].prefix,
    )
