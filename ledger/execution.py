"""Executing a block: from a state and some entries to the header that commits to the result.

Rules (docs/spec.md, "Blocks"): the header of a block is a function of the previous header, the log before it, its
entries, the time and engine height it is given, and the proposer. Proposing and checking are the same computation, so
that they cannot disagree.

What this module does not do: store anything or sign anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ledger.block import NO_PARENT, NO_PROPOSER, Header
from ledger.errors import VerificationError
from ledger.genesis import Genesis
from ledger.hashing import leaf_hash, leaf_hashes
from ledger.merkle import CompactRange
from ledger.rows import StateReader, genesis_rows
from ledger.rules import Effects, ParsedEntry, apply_entries
from ledger.state import EMPTY_STATE_ROOT, PageSource, update
from ledger.validators import check_proposer


class LedgerState(StateReader, PageSource, Protocol):
    """Rows of a state and the pages of its tree."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of a chain: its last header, and the log up to and including that header's leaf."""

    header: Header
    header_hash: bytes
    log: CompactRange

    @property
    def size(self) -> int:
        """Tree size."""
        return self.log.size


@dataclass(frozen=True, slots=True)
class Executed:
    """What executing a block gives; nothing of it is stored yet."""

    header: Header
    rows: dict[bytes, bytes]
    pages: dict[bytes, bytes]
    lookups: list[tuple[bytes, bytes]]
    tip: Tip


class _NoState:
    """The state before the genesis block."""

    def get(self, key: bytes) -> bytes | None:  # noqa: ARG002  nothing stands under any key
        return None

    def page(self, path: bytes) -> bytes | None:  # noqa: ARG002  nor in any page
        return None


def execute_genesis(genesis: Genesis) -> Executed:
    """The genesis block: leaf 0 is the document, leaf 1 the first header."""
    rows = genesis_rows(genesis)
    change = update(_NoState(), EMPTY_STATE_ROOT, rows)
    log = CompactRange(1, (leaf_hash(genesis.leaf()),))
    header = Header(
        rules_version=genesis.rules_version,
        chain_id=genesis.chain_id,
        height=0,
        engine_height=0,
        parent=NO_PARENT,
        time_ms=genesis.time_ms,
        first_index=0,
        entry_count=1,
        log_root=log.root(),
        state_root=change.root,
        proposer=NO_PROPOSER,
    )
    return Executed(header, rows, change.pages, [], tip_after(header, log))


def tip_after(header: Header, log_before: CompactRange) -> Tip:
    """The tip once `header` is appended to the log before it."""
    header_hash = header.hash()
    return Tip(header, header_hash, log_before.append(header_hash))


def check_follows(tip: Tip, *, engine_height: int, time_ms: int) -> None:
    """Raise VerificationError unless a block at this time and engine height may follow `tip`."""
    parent = tip.header
    if time_ms <= parent.time_ms:
        raise VerificationError(
            "header.time", f"a block's time must be later than its parent's {parent.time_ms} ms"
        )
    if engine_height <= parent.engine_height:
        raise VerificationError("header.engine-height", "a block's engine height must be above its parent's")


def seal(
    state: LedgerState,
    tip: Tip,
    leaves: Sequence[bytes],
    effects: Effects,
    *,
    engine_height: int,
    time_ms: int,
    proposer: bytes,
) -> Executed:
    """The block after `tip` whose entry leaves are `leaves`, given what applying them did. Raises as `check_follows`."""
    check_follows(tip, engine_height=engine_height, time_ms=time_ms)
    if not leaves:
        raise VerificationError("header.entry-count", "a block has at least one entry")
    parent = tip.header
    change = update(state, parent.state_root, effects.rows)
    log = tip.log.extend(leaf_hashes(leaves))
    header = replace(
        parent,
        height=parent.height + 1,
        engine_height=engine_height,
        parent=tip.header_hash,
        time_ms=time_ms,
        first_index=tip.size,
        entry_count=len(leaves),
        log_root=log.root(),
        state_root=change.root,
        proposer=proposer,
    )
    return Executed(header, effects.rows, change.pages, effects.lookups, tip_after(header, log))


def execute_as(state: LedgerState, tip: Tip, header: Header, entries: Sequence[ParsedEntry]) -> Executed:
    """Execute a block that somebody proposed and demand that its header is exactly what follows.

    Signatures are the caller's to check. Raises VerificationError naming the header field that differs, or RefusedError,
    FormatError or CannotTellError for the first entry that the rules do not allow.
    """
    check_follows(tip, engine_height=header.engine_height, time_ms=header.time_ms)
    check_proposer(state, tip.header, header)
    effects = apply_entries(state, tip.header.chain_id, header.time_ms, tip.size, entries)
    executed = seal(
        state,
        tip,
        [parsed.entry.leaf for parsed in entries],
        effects,
        engine_height=header.engine_height,
        time_ms=header.time_ms,
        proposer=header.proposer,
    )
    check_same_header(executed.header, header)
    return executed


def check_same_header(expected: Header, got: Header) -> None:
    """Raise VerificationError, rule `header.<field>`, at the first field of `got` that differs from `expected`."""
    for name in Header.__dataclass_fields__:
        wanted, found = getattr(expected, name), getattr(got, name)
        if wanted != found:
            rule = f"header.{name.replace('_', '-')}"
            if isinstance(wanted, bytes) and isinstance(found, bytes):
                raise VerificationError(
                    rule, f"{name} of block {got.height} is wrong", expected=wanted, got=found
                )
            raise VerificationError(rule, f"{name} of block {got.height} must be {wanted}, not {found}")
