"""Policy epochs: proofs that outlive a change of validators.

Rules (docs/spec.md, "Policy epochs"): an epoch is `[from_size, to_size, policy]`. It ends with the *closing checkpoint*: that
of the block which changes the validators, still cosigned by those before. A *transition* proves the next epoch out of the one
before it: the closing checkpoint, its last header, and two state proofs under that header: who the validators are now, and that
it was this very block that changed them, and whom it found. So whoever has pinned one policy can follow all later changes
offline, believes nobody in between, and there is one true transition for each change.

What counts:

* cosignatures count only inside their epoch: by the policy in force at that tree size, and by no other;
* keys that are retired may be lost or sold one day, and could then sign any tree of their time. So a checkpoint in an epoch
  that is over counts only if it is shown to be part of the log that the closing checkpoint signs: by a consistency proof,
  which anybody may bring (`links`), since it cannot be forged. Without one it is "cannot tell";
* nothing in an epoch that is over is as of a later time than its closing checkpoint: honest validators sign nothing after it;
* what is signed by keys that are unknown here, beyond the last change that is known, is "cannot tell", never "forged".

What this module does not do: no file, no network, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, Self

from ledger import checkpoint as checkpoints
from ledger import proofs, tiles
from ledger.block import Header, parse_header_leaf
from ledger.checkpoint import Checkpoint
from ledger.errors import CannotTellError, FormatError, StoreError, VerificationError
from ledger.genesis import Genesis, Validator, genesis_policy, validators_policy
from ledger.hashing import leaf_hash
from ledger.note import Note
from ledger.policy import CheckedCheckpoint, Policy
from ledger.rows import VALIDATORS_BEFORE_KEY, VALIDATORS_KEY, ValidatorsBefore, parse_validators
from ledger.state import StateProof, verify_membership
from ledger.tiles import AtSize, TileSource
from ledger.transitions import ChangedLog, Transition, Transitions, read_transitions


class Links(Protocol):
    """Where consistency proofs come from. Nothing of them is believed but what leads to a closing checkpoint."""

    def link(self, size: int, closing: int) -> tuple[bytes, list[bytes]]:
        """The root at tree size `size`, and the consistency proof from there to `closing` (RFC 9162 §2.1.4)."""


@dataclass(frozen=True, slots=True)
class TileLinks:
    """Links out of the hash tiles of a log of `log_size` leaves."""

    source: TileSource
    log_size: int

    def link(self, size: int, closing: int) -> tuple[bytes, list[bytes]]:
        """Raises FormatError (`tiles.length`), VerificationError (`proof.size`), and what the source raises."""
        if closing > self.log_size:
            raise FormatError(
                "tiles.length", f"the log that was named has {self.log_size} leaves, and {closing} are needed"
            )
        source = AtSize(self.source, self.log_size)
        return tiles.root(source, size), tiles.consistency_proof(source, size, closing)


class Closing(NamedTuple):
    """How an epoch that is over ended."""

    size: int
    root: bytes
    time_s: int
    """The newest time of a cosignature under it, seconds since the epoch."""
    origin: str
    header: Header
    before: tuple[Validator, ...]
    """The validators up to here."""
    validators: tuple[Validator, ...]
    """Those who came after."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """`[from_size, to_size, policy]`: which policy judges checkpoints of these tree sizes."""

    from_size: int
    policy: Policy
    closing: Closing | None = None
    """None for the newest that is known."""

    @property
    def to_size(self) -> int | None:
        """The last tree size of the epoch, or None."""
        return None if self.closing is None else self.closing.size


@dataclass(frozen=True, slots=True)
class Epochs:
    """The epochs that follow from a pinned policy, oldest first; each begins where the one before it ends (`Trust`)."""

    epochs: tuple[Epoch, ...]
    links: Links | None = None
    """Where the consistency proofs come from that old checkpoints need."""

    @classmethod
    def pinned(cls, policy: Policy) -> Self:
        """Before any transition is known: one policy for every size."""
        return cls((Epoch(0, policy),))

    @classmethod
    def follow(cls, policy: Policy, found: Transitions, links: Links | None = None) -> Self:
        """The epochs that `found` proves to whoever trusts `policy`, which is that of any of them.

        Epochs before the pinned one are left out: their keys sign for nobody here. Raises VerificationError or FormatError for
        a transition that is wrong, and CannotTellError (`policy.epoch-chain`) if the chain does not lead from `policy`.
        """
        start, is_listed = _start(policy, found)
        from_size = checkpoints.parse(found.steps[start - 1].checkpoint_text).size + 1 if start else 0
        known: list[Epoch] = []
        newest = Epoch(from_size, policy)
        for step in found.steps[start:]:
            closing = _closing(newest, step, known[-1].closing if known else None)
            if not known and is_listed and _policy_text(closing.origin, closing.before) != policy.format():
                raise VerificationError(
                    "epochs.skipped", f"before size {closing.size} the validators were changed once more"
                )
            known.append(replace(newest, closing=closing))
            newest = Epoch(closing.size + 1, validators_policy(closing.origin, closing.validators))
        return cls((*known, newest), links)

    def with_links(self, links: Links | None) -> Epochs:
        """The same, with another place to take consistency proofs from."""
        return replace(self, links=links)

    @property
    def newest(self) -> Epoch:
        """The last epoch that is known."""
        return self.epochs[-1]

    def at(self, size: int) -> Epoch:
        """The epoch that judges tree size `size`. Raises CannotTellError (`policy.epoch-before`) for one before the first."""
        for epoch in reversed(self.epochs):
            if size >= epoch.from_size:
                return epoch
        raise CannotTellError(
            "policy.epoch-before",
            f"the checkpoint of size {size} is older than the policy that is pinned here, which begins at "
            f"{self.epochs[0].from_size}: pin an older policy, or ask for a new receipt",
        )

    def policy_at(self, size: int) -> Policy:
        """The policy that judges tree size `size`. Raises as `at`."""
        return self.at(size).policy

    def check(self, note: Note | Checkpoint | str | bytes) -> CheckedCheckpoint:
        """Check a checkpoint by the policy of its epoch, and, in one that is over, that the closing checkpoint covers it.

        Raises as `Policy.check`, and besides VerificationError (`policy.epoch-ended`: keys that were retired before;
        `policy.epoch-late`, `policy.epoch-root`) and CannotTellError (`policy.epoch-before`, `policy.epoch-unknown`: by keys of
        an epoch that is not known here; `policy.epoch-unlinked`, `policy.epoch-link`).
        """
        checkpoint = _checkpoint(note)
        epoch = self.at(checkpoint.size)
        try:
            checked = epoch.policy.check(checkpoint)
        except CannotTellError as error:
            self._check_not_retired(checkpoint, epoch)
            if epoch.closing is None and self._is_ours(checkpoint):
                detail = (
                    "the checkpoint is by other keys than the newest that are known here; if the validators were changed "
                    f"since, the transitions tell: fetch them ({error.detail})"
                )
                raise CannotTellError("policy.epoch-unknown", detail) from error
            raise
        self.confirm(checkpoint.size, checkpoint.root, checked.status_as_of_s)
        return checked

    def confirm(self, size: int, root: bytes, as_of_s: int | None) -> None:
        """Check that a checkpoint of an epoch that is over is not after its end, and is covered by its closing checkpoint.

        Raises as `check`.
        """
        closing = self.at(size).closing
        if closing is None:
            return
        if as_of_s is not None and as_of_s > closing.time_s:
            raise VerificationError(
                "policy.epoch-late",
                f"the checkpoint of size {size} was cosigned after its keys had been retired at size {closing.size}",
            )
        expected = closing.root if size == closing.size else self._covers(closing, size)
        if root != expected:
            raise _other_root(size, expected, root)

    def _covers(self, closing: Closing, size: int) -> bytes:
        """The root at `size` of the log that the closing checkpoint signs. Raises CannotTellError."""
        if self.links is None:
            raise CannotTellError(
                "policy.epoch-unlinked",
                f"the keys under this checkpoint were retired at size {closing.size}; that it is older needs the log: name a "
                "node, a mirror or an export, or ask for a new receipt",
            )
        try:
            root, path = self.links.link(size, closing.size)
            proofs.verify_consistency(size, closing.size, path, root, closing.root)
        except (FormatError, VerificationError, StoreError) as error:
            raise CannotTellError(
                "policy.epoch-link",
                f"the log that was named is not that of the pinned ledger, or is damaged: {error.detail}",
            ) from error
        return root

    def _check_not_retired(self, checkpoint: Checkpoint, epoch: Epoch) -> None:
        """Say so if it is the keys of an epoch before this one that signed. Raises VerificationError."""
        for earlier in self.epochs:
            if earlier.closing is None or earlier.from_size >= epoch.from_size:
                return
            try:
                earlier.policy.check(checkpoint)
            except CannotTellError:
                continue
            raise VerificationError(
                "policy.epoch-ended",
                f"the checkpoint of size {checkpoint.size} is by keys that were retired at size {earlier.closing.size}",
            )

    def _is_ours(self, checkpoint: Checkpoint) -> bool:
        return checkpoint.origin in {log.key.name for log in self.newest.policy.logs}


def extends(known: Transitions, found: Transitions) -> None:
    """Check that `found` tells of the same changes as `known`, and perhaps of more.

    Raises VerificationError (`epochs.fork`) if it tells of another one, CannotTellError (`epochs.older`) if of fewer.
    """
    for number, (ours, theirs) in enumerate(zip(known.steps, found.steps, strict=False)):
        mine, other = checkpoints.parse(ours.checkpoint_text), checkpoints.parse(theirs.checkpoint_text)
        if (mine.origin, mine.size, mine.root) != (other.origin, other.size, other.root):
            raise VerificationError(
                "epochs.fork",
                f"transition {number} is another one than is kept here: there are two histories of the validators. Keep both "
                "files, and find out which history is true",
                expected=mine.root,
                got=other.root,
            )
    if len(found.steps) < len(known.steps):
        raise CannotTellError(
            "epochs.older",
            f"this tells of {len(found.steps)} changes; {len(known.steps)} are known here already",
        )


def _start(policy: Policy, found: Transitions) -> tuple[int, bool]:
    """The number of the epoch whose policy is pinned, and whether it is that policy word for word."""
    wanted = policy.format()
    for number in range(len(found.steps) + 1):
        if _said_policy(found, number) == wanted:
            return number, True
    # A policy of one's own, with other names, addresses or witnesses: it begins where it first passes a closing checkpoint.
    for number, step in enumerate(found.steps):
        try:
            policy.check(step.checkpoint_text)
        except CannotTellError:
            continue
        return number, False
    raise CannotTellError(
        "policy.epoch-chain",
        "the transitions do not lead from the policy that is pinned here: they are another ledger's",
    )


def _said_policy(found: Transitions, number: int) -> str:
    """The policy that epoch `number` is said to have; the one before the pinned one need not be right."""
    if number == 0:
        return Policy.parse(found.first_policy).format()
    step = found.steps[number - 1]
    origin = checkpoints.parse(step.checkpoint_text).origin
    return _policy_text(origin, parse_validators(_value(step.after)))


def _policy_text(origin: str, validators: tuple[Validator, ...]) -> str:
    return validators_policy(origin, validators).format()


def _closing(epoch: Epoch, step: Transition, last: Closing | None) -> Closing:
    """Check how an epoch ends. Raises VerificationError, FormatError, CannotTellError."""
    checked = epoch.policy.check(step.checkpoint_text)
    origin, size, root = checked.checkpoint.origin, checked.checkpoint.size, checked.checkpoint.root
    if size < max(epoch.from_size, 1):
        raise VerificationError(
            "epochs.order", f"an epoch that begins at size {epoch.from_size} does not end at {size}"
        )
    proofs.verify_inclusion(leaf_hash(step.header_leaf), size - 1, size, step.path, root)
    header = parse_header_leaf(step.header_leaf)
    if header.size != size:
        raise VerificationError(
            "epochs.header-index", f"the header closes size {header.size}, not the checkpoint's {size}"
        )
    if last is not None and header.chain_id != last.header.chain_id:
        raise VerificationError(
            "epochs.chain",
            "two transitions are of different ledgers",
            expected=last.header.chain_id,
            got=header.chain_id,
        )
    verify_membership(header.state_root, VALIDATORS_KEY, _value(step.after), step.after)
    verify_membership(header.state_root, VALIDATORS_BEFORE_KEY, _value(step.before), step.before)
    before = ValidatorsBefore.parse(_value(step.before))
    if before.changed_ms != header.time_ms:
        raise VerificationError(
            "epochs.unchanged", f"the block that ends at size {size} did not change the validators"
        )
    if last is not None and before.validators != last.validators:
        raise VerificationError(
            "epochs.skipped",
            f"between two transitions, before size {size}, the validators were changed once more",
        )
    time_s = max((time for _, time in checked.cosignatures), default=0)
    after = parse_validators(_value(step.after))
    return Closing(size, root, time_s, origin, header, before.validators, after)


def _value(proof: StateProof) -> bytes:
    if proof.value is None:
        raise VerificationError("epochs.state", "a transition shows no validators")
    return proof.value


def _checkpoint(note: Note | Checkpoint | str | bytes) -> Checkpoint:
    if isinstance(note, Checkpoint):
        return checkpoints.from_note(note.note)
    return checkpoints.from_note(note) if isinstance(note, Note) else checkpoints.parse(note)


def _other_root(size: int, expected: bytes, got: bytes) -> VerificationError:
    return VerificationError(
        "policy.epoch-root",
        f"the checkpoint of size {size} is of another log than the one that its epoch's closing checkpoint signs",
        expected=expected,
        got=got,
    )


def stored_epochs(log: ChangedLog, genesis: Genesis) -> Epochs:
    """The epochs of a stored ledger, from the one that its genesis document implies. Raises as `Epochs.follow`."""
    return Epochs.follow(genesis_policy(genesis), read_transitions(log, genesis))
