"""Working out ahead, in another process, what blocks do to the state, without having the state.

Rules:

* `apply_entries` is a function of the block and of the rows it reads. Nearly all blocks read a few rows that everybody
  reads (parameters, members, keys), and for the rest rows that are not there yet (the document that is anchored, the
  entry itself). So a worker is given the first kind, takes everything else to be absent, and notes what it read.
* What it worked out counts only if, when the block's turn comes, every row it read has the value that it took it to
  have: then it is what the rules give on the true state. Otherwise the block is applied again, there (`ledger.verify.replay`).
* A block that cannot be applied on the guess is left alone: whoever has the state says what is wrong with it.

Not here: the state tree, and any verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.entry import entry_from_parts
from ledger.errors import CannotTellError, FormatError, RefusedError, VerificationError
from ledger.rows import StateReader
from ledger.rules import Effects, ParsedEntry, apply_entries

Reads = dict[bytes, bytes | None]
"""State rows that were read, with the values they had, or None where there was none."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block to be applied; its signatures and records roots have been checked."""

    time_ms: int
    first_index: int
    leaves: tuple[bytes, ...]
    records: tuple[tuple[bytes, ...], ...]

    def parsed(self) -> list[ParsedEntry]:
        """Its entries. Raises RefusedError, FormatError or CannotTellError for a record that cannot be read."""
        parts = zip(self.leaves, self.records, strict=True)
        return [ParsedEntry.of(entry_from_parts(leaf, records)) for leaf, records in parts]


@dataclass(frozen=True, slots=True)
class Guess:
    """What a block does, if the rows that it read are as they were taken to be."""

    reads: Reads
    effects: Effects


@dataclass(slots=True)
class NotedReads:
    """A state that notes what is read from it; `written` holds what earlier blocks of a batch put there."""

    state: StateReader
    written: dict[bytes, bytes] = field(default_factory=dict)
    reads: Reads = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""
        value = self.written.get(key)
        if value is None:
            value = self.state.get(key)
        # Noted whoever wrote it: what an earlier block wrote was itself worked out on a guess.
        self.reads[key] = value
        return value


def apply_ahead(chain_id: bytes, known: Mapping[bytes, bytes], blocks: tuple[Block, ...]) -> list[Guess]:
    """What consecutive blocks do on a state of which only `known` is known: what an executor is given to run.

    Fewer guesses than blocks where one cannot be applied.
    """
    state = NotedReads(known)
    guesses: list[Guess] = []
    try:
        for block in blocks:
            effects = apply_entries(state, chain_id, block.time_ms, block.first_index, block.parsed())
            guesses.append(Guess(state.reads, effects))
            state.written.update(effects.rows)
            state.reads = {}
    except (RefusedError, VerificationError, FormatError, CannotTellError):
        pass
    return guesses
