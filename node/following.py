"""Following a ledger: its blocks copied from somebody else's node, each one verified and executed before it is kept.

Rules: nothing is believed of the source. Its checkpoint must be cosigned as the pinned policy demands (and the changes of
validators since); the blocks up to it are shown to lie in that very log, a few thousand leaves or some megabytes at a time,
*before* any of them is stored, and are then executed like a validator's. Only a checkpoint whose every block was executed is
served. So a source that lies costs time and a bounded piece of memory, and never leaves a trace in the store.

What this module does not do: take entries, sign anything, or know HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol

import structlog

from ledger import proofs, tiles
from ledger.checkpoint import parse as parse_checkpoint
from ledger.errors import LedgerError, RefusedError, StoreError, VerificationError
from ledger.genesis import Genesis
from ledger.hashing import leaf_hashes
from ledger.merkle import CompactRange
from ledger.policy import Policy
from ledger.store.ledger_store import LedgerStore
from ledger.store.values import StoredBlock
from ledger.verify.sources.base import LogSource
from ledger.verify.trust import check_checkpoint, transitions_of, trust_of
from node.home import Home, HomeError
from node.log_blocks import read_blocks, read_genesis
from node.replay import Replay, create_store

CHUNK_LEAVES: Final = 4_096
"""Leaves that are fetched and proved together before their blocks are executed; a block more than that comes alone."""
CHUNK_BYTES: Final = 16_000_000
"""Bytes of leaves and records with which a chunk is full, whatever the number of its leaves."""
POLL_SECONDS: Final = 2.0
_MAX_PAUSE_SECONDS: Final = 60.0

Progress = Callable[[int, int], None]
"""Hears of leaves stored so far, and of how many there are."""

_log = structlog.get_logger("follow")


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """A checkpoint under which all blocks are stored."""

    text: str
    size: int


def create(home: Home, source: LogSource, policy: Policy) -> Genesis:
    """Begin a follower's store in a home that has none, from the genesis document that the source's cosigned log holds.

    Raises as `catch_up`, and HomeError (`home.exists`).
    """
    if home.ledger.exists():
        raise HomeError("home.exists", f"{home.ledger} is there already")
    text = source.checkpoint()
    size = parse_checkpoint(text).size
    genesis = read_genesis(source, size)
    trust = trust_of(policy, transitions_of(source, genesis), genesis)
    head = check_checkpoint(text, trust, genesis).checkpoint
    chunk = next(_chunks(read_blocks(source, 0, 0, size)))
    _prove(source, CompactRange(), chunk, head.size, head.root)
    home.ledger.parent.mkdir(parents=True, exist_ok=True)
    create_store(home.ledger, chunk[0]).close()
    return genesis


def catch_up(
    store: LedgerStore,
    source: LogSource,
    policy: Policy,
    genesis: Genesis,
    *,
    report: Progress = lambda _done, _all: None,
    stopping: Callable[[], bool] = lambda: False,
) -> CaughtUp | None:
    """Copy all blocks up to the source's checkpoint; returns that, or None if it is older than the store or `stopping` said
    so.

    Raises CannotTellError or VerificationError if the checkpoint or a block is not what a quorum signed (rules `policy.*`,
    `epochs.*`, `proof.*`, `follow.fork`, or the chain rule that is broken), FormatError, StoreError, and what the source
    raises.
    """
    trust = trust_of(policy, transitions_of(source, genesis), genesis)
    head = check_checkpoint(source.checkpoint(), trust, genesis).checkpoint
    if head.size < store.head.size:
        return None
    replay = Replay(store)
    report(store.head.size, head.size)
    for chunk in _chunks(read_blocks(source, store.head.height + 1, store.head.size, head.size)):
        _prove(source, store.log, chunk, head.size, head.root)
        for block in chunk:
            if stopping():
                return None
            replay.commit(block)
        report(store.head.size, head.size)
    if store.head.root != head.root:
        raise VerificationError(
            "follow.fork",
            f"a quorum has signed another ledger at size {head.size} than the one that was followed so far: keep this "
            "directory and the source's checkpoint, and find out which history is true",
            expected=store.head.root,
            got=head.root,
        )
    return CaughtUp(source.checkpoint(), head.size)


def _chunks(blocks: Iterator[StoredBlock]) -> Iterator[list[StoredBlock]]:
    chunk: list[StoredBlock] = []
    leaves = size = 0
    for block in blocks:
        chunk.append(block)
        leaves += len(block.leaves) + 1
        size += len(block.header_leaf) + sum(map(len, block.leaves))
        size += sum(map(len, chain.from_iterable(block.records)))
        if leaves >= CHUNK_LEAVES or size >= CHUNK_BYTES:
            yield chunk
            chunk, leaves, size = [], 0, 0
    if chunk:
        yield chunk


def _prove(
    source: LogSource, log: CompactRange, chunk: Sequence[StoredBlock], size: int, root: bytes
) -> None:
    """Check that the log with these blocks added is the beginning of the one that was signed. Raises VerificationError."""
    for block in chunk:
        log = log.extend(leaf_hashes([*block.leaves, block.header_leaf]))
    if log.size > size:
        raise VerificationError("follow.length", "the source has more blocks than its checkpoint covers")
    path = tiles.consistency_proof(source, log.size, size)
    proofs.verify_consistency(log.size, size, path, log.root(), root)


# -- as a node's engine --------------------------------------------------------------------------------------------------


class FollowEvents(Protocol):
    """What a follower tells its node."""

    def caught_up(self, reached: CaughtUp) -> None:
        """All blocks under this checkpoint are stored."""

    def failed(self, error: Exception) -> None:
        """The follower cannot go on."""


@dataclass(frozen=True, slots=True)
class FollowPart:
    """Whom a node follows, and by which policy."""

    address: str
    """Where the source is, for people."""
    open_source: Callable[[], LogSource]
    """A view of the source as it is now."""
    policy: Policy
    report: Progress = lambda _done, _all: None
    from_snapshot: bool = False
    """The node's store begins with a state (`node.snapshot`); the blocks before it are copied elsewhere."""


class FollowEngine:
    """In place of an engine: blocks come from the source, and entries go there."""

    def __init__(self, store: LedgerStore, genesis: Genesis, events: FollowEvents, part: FollowPart) -> None:
        """Nothing is fetched before `start`."""
        self._store = store
        self._genesis = genesis
        self._events = events
        self._part = part
        self._stopping = threading.Event()
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="sogoc-follow", daemon=True)

    depth = 0
    full = False
    trouble = ""
    held = ""

    @property
    def problem(self) -> str:
        """Why the source was not followed the last time; empty if it was."""
        return self._problem

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def halt(self) -> None:
        """Fetch nothing further; does not wait."""
        self._stopping.set()

    def stop(self) -> None:
        """Finish the block in hand and stop."""
        self.halt()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def add(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """A follower takes no entries. Raises RefusedError, rule `node.follower`."""
        if items:
            raise refused(self._part.address)

    def withdraw(self, entry_ids: Sequence[bytes]) -> list[bytes]:
        """Whatever waits here from an earlier life as a validator is in no engine."""
        return list(entry_ids)

    def _run(self) -> None:
        keep_trying(self._follow_once, self._stopping, self._note, self._events.failed)

    def _follow_once(self) -> bool:
        self._follow()
        self._problem = ""
        return False

    def _follow(self) -> None:
        part = self._part
        reached = catch_up(
            self._store,
            part.open_source(),
            part.policy,
            self._genesis,
            report=part.report,
            stopping=self._stopping.is_set,
        )
        if reached is not None:
            self._events.caught_up(reached)

    def _note(self, error: LedgerError) -> None:
        problem = f"{error.rule}: {error.detail}"
        if problem != self._problem:
            _log.warning("the source cannot be followed now", source=self._part.address, problem=problem)
        self._problem = problem


def keep_trying(
    what: Callable[[], bool],
    stopping: threading.Event,
    note: Callable[[LedgerError], None],
    failed: Callable[[Exception], None],
) -> None:
    """Do something again and again, at growing intervals while it fails, until it says that it is done or `stopping` is set.

    `note` hears of what another try may mend; `failed`, once, of what it cannot: a store that fails, a fork.
    """
    pause = POLL_SECONDS
    while not stopping.is_set():
        try:
            if what():
                return
        except StoreError as error:
            failed(error)
            return
        except LedgerError as error:
            note(error)
            if error.rule == "follow.fork":
                failed(error)
                return
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)
        except Exception as error:  # noqa: BLE001  whatever it is, the node must not go on as if it followed
            _log.exception("following failed", error=str(error))
            failed(error)
            return
        else:
            pause = POLL_SECONDS
        stopping.wait(pause)


def refused(address: str) -> RefusedError:
    """Why a follower takes no entries."""
    return RefusedError(
        "node.follower",
        f"this node copies the ledger and takes no entries: send them to {address}",
        permanent=False,
    )
