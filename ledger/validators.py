"""The validators of a ledger as its state has them: who may propose, whose cosignatures count, what an engine is told.

Rules (docs/spec.md, "Validators"):

* what a block does to the set counts from the next block on. So a checkpoint is judged by the set in the state of its last
  header's parent, and a block that changes the set is still cosigned by the set before it;
* a header is proposed by a validator of the state before its block. An engine that orders for several takes over a change
  two of its heights later, so in the very next engine height a key that was just removed may still propose;
* an engine is told one net change for each key and block, and never left without a validator.

What this module does not do: change the set (`ledger.records.validators`), check signatures, or know an engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.block import Header
from ledger.errors import FormatError, VerificationError
from ledger.genesis import Validator
from ledger.hashing import sha256
from ledger.policy import quorum_size
from ledger.rows import (
    VALIDATORS_BEFORE_KEY,
    VALIDATORS_KEY,
    StateReader,
    ValidatorsBefore,
    parse_validators,
    validator_key_key,
)

MAX_VALIDATORS: Final = 32
"""A note holds 64 signatures, and each validator signs a checkpoint as the log and as a cosigner."""

ENGINE_ADDRESS_SIZE: Final = 20

IN, OUT = 1, 0
"""Voting powers that an engine is told: every validator has the same, and one of power 0 is none any more."""


def current_set(state: StateReader) -> tuple[Validator, ...]:
    """The validators from the block after this state on. Raises FormatError (`state.missing`)."""
    data = state.get(VALIDATORS_KEY)
    if data is None:
        raise FormatError("state.missing", "the state has no validators row")
    return parse_validators(data)


def set_before(state: StateReader, changed_ms: int) -> tuple[Validator, ...] | None:
    """The set that the block of chain time `changed_ms` has replaced, if that is the last change; None otherwise."""
    data = state.get(VALIDATORS_BEFORE_KEY)
    if data is None:
        return None
    row = ValidatorsBefore.parse(data)
    return row.validators if row.changed_ms == changed_ms else None


def judging_set(state: StateReader, header: Header) -> tuple[Validator, ...]:
    """Whose cosignatures count on the checkpoint that ends with `header`; `state` is the one after its block.

    No two blocks have one time, so the time says whether it was this block that changed the set.
    """
    return set_before(state, header.time_ms) or current_set(state)


def quorum_of(validators: Sequence[Validator]) -> int:
    """How many of them must cosign."""
    return quorum_size(len(validators))


def proposers(state: StateReader, parent: Header, engine_height: int) -> tuple[Validator, ...]:
    """Who may propose the block at `engine_height` after `parent`, whose state is `state`: the set, and for one engine
    height those that `parent` has removed.
    """
    now = current_set(state)
    if engine_height != parent.engine_height + 1:
        return now
    return (*now, *(set_before(state, parent.time_ms) or ()))


def check_proposer(state: StateReader, parent: Header, header: Header) -> None:
    """Raise VerificationError, rule `header.proposer`, unless a validator of `state`, the one after `parent`, proposed it."""
    allowed = proposers(state, parent, header.engine_height)
    if header.proposer not in {validator.header_key for validator in allowed}:
        raise VerificationError("header.proposer", "the proposer was not a validator when the block was made")


def engine_address(engine_key: bytes) -> bytes:
    """20 bytes by which CometBFT names the owner of an Ed25519 key: the beginning of its SHA-256."""
    return sha256(engine_key)[:ENGINE_ADDRESS_SIZE]


def header_key_at(state: StateReader, parent: Header, engine_height: int, address: bytes) -> bytes:
    """The header key of whom an engine names as proposer by `address`.

    Raises VerificationError (`header.proposer`) if it is none of those who may propose.
    """
    for validator in proposers(state, parent, engine_height):
        if engine_address(validator.engine_key) == address:
            return validator.header_key
    raise VerificationError("header.proposer", "the engine names a proposer that is not a validator")


def engine_updates(before: Sequence[Validator], after: Sequence[Validator]) -> tuple[tuple[bytes, int], ...]:
    """What an engine is told after a block: each engine key that came (`IN`) or went (`OUT`), once, in order of key."""
    old, new = {one.engine_key for one in before}, {one.engine_key for one in after}
    return tuple(sorted([(key, IN) for key in new - old] + [(key, OUT) for key in old - new]))


def is_validator_key(state: StateReader, public_key: bytes) -> bool:
    """Whether a key is a validator's, or was: it then makes no other kind of statement, and is not taken back."""
    if any(public_key == key for one in current_set(state) for _, key in one.keys):
        return True
    return state.get(validator_key_key(public_key)) is not None
