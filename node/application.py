"""The application: the verbs of ABCI 2.0 over the chain rules, and nothing about who calls them.

Rules: an engine only orders. `prepare` and `process` execute on an overlay and store nothing; `finalize` executes the
decided block (or finds it among the candidates already executed) and keeps it in memory; `commit` writes it in one synced
batch. Until `commit` returns, the block has not happened. An empty engine block makes no ledger block: it advances the
stored engine height alone, and the application hash stays.

What this module does not do: no clock, no thread, no network, and no cosignature: that comes after the commit, elsewhere.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.block import Header, SignedHeader, parse_header_leaf, parse_signed_header
from ledger.entry import Entry, parse_submission
from ledger.errors import (
    CannotTellError,
    FormatError,
    LedgerError,
    RefusedError,
    StoreCorruptError,
    VerificationError,
)
from ledger.execution import Executed, Tip, check_follows, execute_as, seal
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.rows import VALIDATORS_KEY, parse_validators
from ledger.rules import Effects, Overlay, ParsedEntry, apply_entry
from ledger.store.commit import BlockCommit
from ledger.store.ledger_store import LedgerStore
from ledger.tiles import compact_range
from ledger.validators import current_set, engine_updates, header_key_at, proposers

HEADER_RESERVE_BYTES = 640
"""Room that a proposal keeps for its signed header and an engine's framing; a signed header stays under 420 bytes."""
ENTRY_OVERHEAD_BYTES = 16
"""Framing an engine may add to each transaction, at most."""
_CACHE_BYTES = 16 * 1024 * 1024
_CACHE_CANDIDATES = 4


class ParsedCache:
    """Submissions already parsed, the newest up to 16 MiB (four blocks' worth), so that each is checked once. Thread-safe."""

    def __init__(self, max_bytes: int = _CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._parsed: OrderedDict[bytes, ParsedEntry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, submission: bytes) -> ParsedEntry | None:
        """The parsed form of these very bytes, or None."""
        with self._lock:
            return self._parsed.get(submission)

    def put(self, submission: bytes, parsed: ParsedEntry) -> None:
        """Remember; the oldest make room."""
        with self._lock:
            if submission not in self._parsed:
                self._parsed[submission] = parsed
                self._bytes += len(submission)
            while self._bytes > self._max_bytes:
                oldest, _ = self._parsed.popitem(last=False)
                self._bytes -= len(oldest)


@dataclass(frozen=True, slots=True)
class Info:
    """Where the application stands: what an engine needs to resume."""

    engine_height: int
    ledger_height: int
    app_hash: bytes
    """Leaf hash of the last header."""


@dataclass(frozen=True, slots=True)
class Finalized:
    """What the engine is told of a decided block."""

    app_hash: bytes
    """Leaf hash of the last header."""
    validator_updates: tuple[tuple[bytes, int], ...] = ()
    """Engine keys that the block has brought in (power 1) or removed (power 0), each once, in order of key."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A block that has been executed and is not yet committed."""

    executed: Executed
    signature: bytes
    entries: tuple[Entry, ...]


class Application:
    """The verbs. One caller at a time for all but `check`, which only reads what is committed."""

    def __init__(
        self, store: LedgerStore, header_key: SigningKey | None, *, next_header_key: SigningKey | None = None
    ) -> None:
        """`header_key` signs the headers this node proposes; None for a node that only follows. `next_header_key` takes its
        place as soon as it is the one that the state names.
        """
        self._store = store
        self._header_keys = tuple(key for key in (next_header_key, header_key) if key is not None)
        self._parsed = ParsedCache()
        self._candidates: OrderedDict[bytes, Candidate] = OrderedDict()
        self._finalized: tuple[int, Candidate | None] | None = None
        self._tip = load_tip(store)

    @property
    def tip(self) -> Tip:
        """The last committed header and the log behind it."""
        return self._tip

    @property
    def store(self) -> LedgerStore:
        """The store the application commits to."""
        return self._store

    @property
    def header_key(self) -> SigningKey | None:
        """The key that signs the next header: the one of this node's that the set in force names; None if there is none."""
        named = {validator.header_key for validator in current_set(self._store)}
        return next((key for key in self._header_keys if key.public_key in named), None)

    def proposer_at(self, engine_height: int, address: bytes) -> bytes:
        """The header key of whom an engine names by the address of its engine key (20 bytes), for `process` and `finalize`.

        Raises VerificationError (`header.proposer`).
        """
        return header_key_at(self._store, self._tip.header, engine_height, address)

    def info(self) -> Info:
        """Last committed engine height, ledger height and application hash."""
        return Info(self._store.head.engine_height, self._tip.header.height, self._tip.header_hash)

    def parse(self, submission: bytes) -> ParsedEntry:
        """Check all of a submission that does not depend on state (form, records root, signature, field tables), once.

        Raises FormatError, CannotTellError, VerificationError or RefusedError: what fails here can never become valid. What
        fails behind the signature says who signed it (`LedgerError.signed_by`).
        """
        known = self._parsed.get(submission)
        if known is not None:
            return known
        entry = parse_submission(submission)
        entry.check_records_root()
        entry.verify_signature()
        try:
            parsed = ParsedEntry.of(entry)
        except LedgerError as error:
            error.signed_by = entry.body.author_key
            raise
        self._parsed.put(submission, parsed)
        return parsed

    def check(self, submission: bytes, now_ms: int) -> ParsedEntry:
        """Whether a submission may enter the mempool: form, signature, and the rules against the committed state at `now_ms`.

        Raises FormatError, VerificationError or CannotTellError (never valid), or RefusedError (`permanent` or only for now).
        """
        parsed = self.parse(submission)
        tip = self._tip
        overlay = Overlay(self._store, tip.header.chain_id, max(now_ms, tip.header.time_ms + 1))
        apply_entry(overlay, parsed, tip.size)
        return parsed

    def prepare(
        self, submissions: Sequence[bytes], *, engine_height: int, time_ms: int, max_bytes: int
    ) -> tuple[list[bytes], list[tuple[bytes, LedgerError]]]:
        """As proposer: build a proposal `[signed header, submission, …]` of at most `max_bytes`, or an empty one.

        Also returns the submissions that were left out because they are refused, with the reason; those left out for
        room are in neither list. Raises StoreError.
        """
        header_key = self.header_key
        if header_key is None:
            return [], []
        tip = self._tip
        time_ms = header_time_ms(tip, time_ms)
        check_follows(tip, engine_height=engine_height, time_ms=time_ms)
        overlay = Overlay(self._store, tip.header.chain_id, time_ms)
        effects = Effects()
        chosen: list[bytes] = []
        entries: list[Entry] = []
        refused: list[tuple[bytes, LedgerError]] = []
        room = max_bytes - HEADER_RESERVE_BYTES
        for submission in submissions:
            if len(submission) + ENTRY_OVERHEAD_BYTES > room:
                continue
            try:
                parsed = self.parse(submission)
                effects.lookups += apply_entry(overlay, parsed, tip.size + len(entries))
            except (RefusedError, FormatError, VerificationError, CannotTellError) as error:
                refused.append((submission, error))
                continue
            room -= len(submission) + ENTRY_OVERHEAD_BYTES
            chosen.append(submission)
            entries.append(parsed.entry)
        if not entries:
            return [], refused
        effects.rows = overlay.rows
        executed = seal(
            self._store,
            tip,
            [entry.leaf for entry in entries],
            effects,
            engine_height=engine_height,
            time_ms=time_ms,
            proposer=header_key.public_key,
        )
        signed = SignedHeader(executed.header, executed.header.sign(header_key))
        proposal = [signed.encoded(), *chosen]
        self._remember(proposal, Candidate(executed, signed.signature, tuple(entries)))
        return proposal, refused

    def process(
        self, proposal: Sequence[bytes], *, engine_height: int, time_ms: int, proposer: bytes
    ) -> None:
        """As validator: accept a proposal or raise the rule it breaks; deterministic, stores nothing.

        `time_ms` is the engine's time for the block and `proposer` the header key of whoever the engine says proposed it:
        neither is the proposer's to choose. Raises VerificationError, FormatError, RefusedError or CannotTellError (all of
        them mean: reject); a StoreError means: stop.
        """
        if proposal:
            self._candidate(proposal, engine_height, time_ms, proposer)

    def finalize(
        self, proposal: Sequence[bytes], *, engine_height: int, time_ms: int, proposer: bytes
    ) -> Finalized:
        """Execute the decided block; its application hash is its header's leaf hash (unchanged for an empty block).

        Raises as `process`; a decided block that is invalid must halt the node, since the engine's quorum is broken.
        """
        if not proposal:
            self._finalized = (engine_height, None)
            return Finalized(self._tip.header_hash)
        candidate = self._candidate(proposal, engine_height, time_ms, proposer)
        self._finalized = (engine_height, candidate)
        executed = candidate.executed
        changed = executed.rows.get(VALIDATORS_KEY)
        updates = (
            () if changed is None else engine_updates(current_set(self._store), parse_validators(changed))
        )
        return Finalized(executed.tip.header_hash, updates)

    def commit(self, cosigning_key_id: bytes | None = None) -> Candidate | None:
        """Write the finalized block in one synced batch and return it; None after an empty engine block.

        `cosigning_key_id` (32 bytes) names the key that will cosign this checkpoint: (size, root) is recorded in the same
        batch, before any signature can leave. Raises StoreError; then nothing is known to have happened, and the store
        must be opened again.
        """
        if self._finalized is None:
            raise VerificationError("engine.order", "commit without a finalized block")
        engine_height, candidate = self._finalized
        if candidate is None:
            self._store.advance_engine(engine_height)
        else:
            self._store.commit(
                block_commit(candidate.executed, candidate.signature, candidate.entries),
                engine_height=engine_height,
                cosign_key_id=cosigning_key_id,
            )
            self._tip = candidate.executed.tip
        self._finalized = None
        self._candidates.clear()
        return candidate

    def _candidate(
        self, proposal: Sequence[bytes], engine_height: int, time_ms: int, proposer: bytes
    ) -> Candidate:
        known = self._candidates.get(_proposal_id(proposal))
        if known is not None:
            self._check_header(known.executed.header, engine_height, time_ms, proposer)
            return known
        signed = parse_signed_header(proposal[0])
        header = signed.header
        self._check_header(header, engine_height, time_ms, proposer)
        header.verify_signature(signed.signature)
        entries = tuple(self.parse(submission) for submission in proposal[1:])
        if not entries:
            raise VerificationError("proposal.empty", "a proposal without entries has no header either")
        executed = execute_as(self._store, self._tip, header, entries)
        candidate = Candidate(executed, signed.signature, tuple(parsed.entry for parsed in entries))
        self._remember(proposal, candidate)
        return candidate

    def _check_header(self, header: Header, engine_height: int, time_ms: int, proposer: bytes) -> None:
        """What the engine decided, the header must say."""
        if header.engine_height != engine_height:
            raise VerificationError(
                "header.engine-height",
                f"the header says engine height {header.engine_height}, the engine {engine_height}",
            )
        expected_ms = header_time_ms(self._tip, time_ms)
        if header.time_ms != expected_ms:
            raise VerificationError(
                "header.time",
                f"the header says {header.time_ms} ms, the engine's time makes it {expected_ms}",
            )
        allowed = proposers(self._store, self._tip.header, engine_height)
        if header.proposer != proposer or proposer not in {validator.header_key for validator in allowed}:
            raise VerificationError(
                "header.proposer", "the header is not signed by the validator whose turn it was"
            )

    def _remember(self, proposal: Sequence[bytes], candidate: Candidate) -> None:
        self._candidates[_proposal_id(proposal)] = candidate
        while len(self._candidates) > _CACHE_CANDIDATES:
            self._candidates.popitem(last=False)


def header_time_ms(tip: Tip, engine_time_ms: int) -> int:
    """The time a header must have after `tip`: the engine's, floored to milliseconds, but always later than the parent's."""
    return max(engine_time_ms, tip.header.time_ms + 1)


def _proposal_id(proposal: Sequence[bytes]) -> bytes:
    """Which proposal this is: the signed header commits to the entries' leaves, but not to the bytes that came."""
    return sha256(b"".join(sha256(item) for item in proposal))


def block_commit(executed: Executed, signature: bytes, entries: Sequence[Entry]) -> BlockCommit:
    """What the store writes for an executed block."""
    header = executed.header
    return BlockCommit(
        header_leaf=header.leaf(),
        header_signature=signature,
        height=header.height,
        first_index=header.first_index,
        time_ms=header.time_ms,
        leaves=tuple(entry.leaf for entry in entries),
        records=tuple(entry.records for entry in entries),
        state_root=header.state_root,
        state_rows=executed.rows,
        state_pages=executed.pages,
        lookups=tuple(executed.lookups),
    )


def genesis_commit(executed: Executed, genesis_leaf: bytes) -> BlockCommit:
    """What the store writes for the genesis block."""
    commit = block_commit(executed, b"", ())
    return BlockCommit(
        header_leaf=commit.header_leaf,
        header_signature=b"",
        height=0,
        first_index=0,
        time_ms=commit.time_ms,
        leaves=(genesis_leaf,),
        records=((),),
        state_root=commit.state_root,
        state_rows=commit.state_rows,
        state_pages=commit.state_pages,
        lookups=(),
    )


def load_tip(store: LedgerStore) -> Tip:
    """The tip of a stored chain. Raises StoreCorruptError if the log's tiles do not give the root the head names."""
    head = store.head
    header = parse_header_leaf(store.header_leaf(head.height))
    log = compact_range(store, head.size)
    if log.root() != head.root or header.hash() != head.header_hash:
        raise StoreCorruptError(
            "store.head", "the head of the chain does not match its log: run `sogoc rebuild`"
        )
    return Tip(header, head.header_hash, log)
