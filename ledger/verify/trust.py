"""What an audit trusts: a policy, or the validators that the genesis document names.

Rules: with a policy from elsewhere, everything hangs from a checkpoint that its quorum cosigned. Without one, the policy
is the one that the genesis document implies: that shows that a ledger agrees with itself and with its own validators, and
not that it is the ledger one had in mind.

Validators change. Who they were, block by block, is proved by transitions that a source tells beside its log
(`ledger.epochs`): each is cosigned by the set before it, and an audit also finds its closing checkpoint's root in the log that
it checks. The policy that is trusted may be that of any epoch; those before it are told by the log itself.

Not here: reading files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ledger.block import parse_header_leaf
from ledger.epochs import Epochs
from ledger.errors import VerificationError
from ledger.genesis import Genesis, Validator, genesis_policy
from ledger.policy import CheckedCheckpoint, Policy, Trust
from ledger.transitions import Transitions
from ledger.verify.segments import BlockFact


@runtime_checkable
class TellsTransitions(Protocol):
    """A source that tells how the validators changed; one that does not is taken to know of no change."""

    def transitions(self) -> bytes | None:
        """The file of transitions, or None where there is none. Raises as other reads of a source."""


def transitions_of(source: object, genesis: Genesis) -> Transitions:
    """What a source tells of the validators' changes; nothing of it is believed yet. Raises FormatError, CannotTellError."""
    data = source.transitions() if isinstance(source, TellsTransitions) else None
    return Transitions(genesis_policy(genesis).format(), ()) if data is None else Transitions.parse(data)


@dataclass(frozen=True, slots=True)
class ValidatorSets:
    """Who the validators of a ledger were, by the sizes at which they changed."""

    sets: tuple[tuple[Validator, ...], ...]
    closings: tuple[tuple[int, bytes], ...]
    """Size and root of each closing checkpoint; behind it the next set begins."""

    @classmethod
    def of(cls, found: Transitions, genesis: Genesis) -> ValidatorSets:
        """The sets that follow from the genesis document. Raises as `Epochs.follow`."""
        chain = Epochs.follow(genesis_policy(genesis), found)
        closings = [epoch.closing for epoch in chain.epochs if epoch.closing is not None]
        if closings and (closings[0].header.chain_id, closings[0].before) != (
            genesis.chain_id,
            genesis.validators,
        ):
            raise VerificationError("epochs.chain", "the transitions are those of another ledger")
        return cls(
            (genesis.validators, *(closing.validators for closing in closings)),
            tuple((closing.size, closing.root) for closing in closings),
        )

    def _number(self, size: int) -> int:
        return sum(size > closing for closing, _ in self.closings)

    def at(self, size: int) -> tuple[Validator, ...]:
        """The set that judges a checkpoint of tree size `size`."""
        return self.sets[self._number(size)]

    def header_keys(self, first: int, end: int) -> frozenset[bytes]:
        """Keys that may sign headers whose log indexes are from `first` up to before `end`."""
        numbers = range(max(0, self._number(first + 1) - 1), self._number(end) + 1)
        return _header_keys([validator for number in numbers for validator in self.sets[number]])

    def check_block(self, last: BlockFact | None, fact: BlockFact) -> None:
        """Check who proposed a block, and, where it closes an epoch, that the log has the root that was cosigned.

        Raises VerificationError (`header.proposer`, `epochs.root`).
        """
        if not self.closings or last is None:
            return
        number = self._number(fact.size)
        allowed = list(self.sets[number])
        # An engine takes a change over two heights later, so in the next one those who went may still propose.
        if (
            number
            and last.size == self.closings[number - 1][0]
            and fact.engine_height == last.engine_height + 1
        ):
            allowed += self.sets[number - 1]
        if parse_header_leaf(fact.leaf).proposer not in _header_keys(allowed):
            raise VerificationError(
                "header.proposer", "the proposer was not a validator when the block was made"
            )
        for size, root in self.closings:
            if fact.size == size and fact.root != root:
                raise VerificationError(
                    "epochs.root",
                    f"the validators of this log changed at size {size} under another root than this log has there",
                    expected=root,
                    got=fact.root,
                )


def _header_keys(validators: Sequence[Validator]) -> frozenset[bytes]:
    return frozenset(validator.header_key for validator in validators)


def trust_of(policy: Policy | None, found: Transitions, genesis: Genesis) -> Trust:
    """What follows from the policy that is trusted, or from the genesis document. Raises as `Epochs.follow`."""
    pinned = policy or genesis_policy(genesis)
    return Epochs.follow(pinned, found) if found.steps else pinned


def check_checkpoint(text: str, policy: Trust, genesis: Genesis) -> CheckedCheckpoint:
    """Check the signatures of a checkpoint, and that it is of this ledger. Raises as `Policy.check`, and
    VerificationError (`checkpoint.origin`).
    """
    checked = policy.check(text)
    origin = checked.checkpoint.origin
    if origin != genesis.origin:
        detail = f"the checkpoint is of {origin!a}, the log of {genesis.origin!a}"
        raise VerificationError("checkpoint.origin", detail)
    return checked
