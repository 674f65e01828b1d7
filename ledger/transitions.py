"""Files of transitions: how the validators of a ledger changed, in a form that proves itself (`ledger.epochs`).

Rules (docs/spec.md, "Policy epochs"): a file is the canonical encoding of `[1, policy, [transition, …]]`, `policy` being that
of the first epoch, and a transition `[checkpoint, header leaf, [path, …], proof of the validators row, proof of the
validators-before row]`, in order of size. A change whose checkpoint has no quorum yet is not told.

What this module does not do: believe or check what it reads (`ledger.epochs`); no file, no network, no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, Self

from ledger import proofs
from ledger.encoding import Value, decode, encode
from ledger.errors import CannotTellError, FormatError
from ledger.genesis import Genesis, genesis_policy, validators_policy
from ledger.hashing import HASH_SIZE
from ledger.note import MAX_NOTE_BYTES
from ledger.policy import MAX_POLICY_BYTES
from ledger.rows import ValidatorsBefore
from ledger.state import StateProof
from ledger.tiles import TileSource, inclusion_proof

EPOCHS_VERSION: Final = 1
MAX_EPOCHS_BYTES: Final = 16_000_000
MAX_TRANSITIONS: Final = 1_000
"""Changes of validators that a file tells: twice a year for five centuries."""


class ChangedLog(TileSource, Protocol):
    """A stored ledger, as far as it tells of its validators (`ledger.store.view.LedgerView`)."""

    def validator_changes(self) -> Iterator[tuple[int, StateProof, StateProof]]:
        """Tree sizes after blocks that changed the validators, ascending, each with its two state proofs."""

    def signed_checkpoint(self, size: int) -> str | None:
        """The checkpoint of `size` with its signatures, or None."""

    def leaf(self, index: int) -> bytes:
        """A leaf of the log."""


@dataclass(frozen=True, slots=True)
class Transition:
    """How one epoch ends and the next begins. Nothing in it is believed before `Epochs.follow` has checked it."""

    checkpoint_text: str
    """The closing checkpoint with its signatures."""
    header_leaf: bytes
    """The leaf of its last header."""
    path: tuple[bytes, ...]
    """That leaf's inclusion path, at index `size - 1`."""
    after: StateProof
    """Of the validators row under that header's state root."""
    before: StateProof
    """Of the row that says when they were changed, and who they were before, under the same root."""

    def value(self) -> list[Value]:
        """The transition as the array that is encoded."""
        return [
            self.checkpoint_text,
            self.header_leaf,
            list(self.path),
            self.after.to_value(),
            self.before.to_value(),
        ]

    @classmethod
    def parse(cls, value: Value) -> Self:
        """Read a decoded transition. Raises FormatError, rule `epochs.shape` or `state-proof.*`."""
        if not isinstance(value, list) or len(value) != 5:
            raise FormatError("epochs.shape", "a transition has five items")
        text, leaf, path, after, before = value
        if not isinstance(text, str) or len(text) > MAX_NOTE_BYTES or not isinstance(leaf, bytes):
            raise FormatError(
                "epochs.shape", "a transition begins with a checkpoint's text and a header leaf"
            )
        if not isinstance(path, list) or len(path) > proofs.MAX_PROOF_HASHES:
            raise FormatError("epochs.shape", f"a path is a list of at most {proofs.MAX_PROOF_HASHES} hashes")
        hashes = tuple(item for item in path if isinstance(item, bytes) and len(item) == HASH_SIZE)
        if len(hashes) != len(path):
            raise FormatError("epochs.shape", f"each item of a path is a hash of {HASH_SIZE} bytes")
        return cls(text, leaf, hashes, StateProof.from_value(after), StateProof.from_value(before))


@dataclass(frozen=True, slots=True)
class Transitions:
    """A file of transitions: the first epoch's policy as text, and how the epochs follow on each other."""

    first_policy: str
    steps: tuple[Transition, ...]

    def encoded(self) -> bytes:
        """The file's bytes."""
        return encode([EPOCHS_VERSION, self.first_policy, [step.value() for step in self.steps]])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file of transitions. Raises FormatError (`epochs.*`), CannotTellError (`epochs.version`)."""
        value = decode(data, max_bytes=MAX_EPOCHS_BYTES, max_items=64 * MAX_TRANSITIONS + 1_000)
        if not isinstance(value, list) or not value:
            raise FormatError("epochs.shape", "a file of transitions is an array")
        if value[0] != EPOCHS_VERSION or isinstance(value[0], bool):
            raise CannotTellError(
                "epochs.version", f"version {value[0]!r:.40} of transitions is not known here"
            )
        if len(value) != 3 or not isinstance(value[1], str) or not isinstance(value[2], list):
            raise FormatError("epochs.shape", "a file of transitions is [1, policy, transitions]")
        if len(value[1]) > MAX_POLICY_BYTES or len(value[2]) > MAX_TRANSITIONS:
            raise FormatError("epochs.limit", f"a file tells of at most {MAX_TRANSITIONS} transitions")
        return cls(value[1], tuple(Transition.parse(step) for step in value[2]))


def read_transitions(log: ChangedLog, genesis: Genesis) -> Transitions:
    """The changes of validators in a stored ledger, up to the first whose closing checkpoint has no quorum yet.

    Raises StoreCorruptError, FormatError or VerificationError for rows that cannot be what was stored.
    """
    steps: list[Transition] = []
    for size, after, before in log.validator_changes():
        text = log.signed_checkpoint(size)
        if text is None or before.value is None:
            break
        try:
            validators_policy(genesis.origin, ValidatorsBefore.parse(before.value).validators).check(text)
        except CannotTellError:
            break
        path = tuple(inclusion_proof(log, size - 1, size))
        steps.append(Transition(text, log.leaf(size - 1), path, after, before))
    return Transitions(genesis_policy(genesis).format(), tuple(steps))
