"""What an audit trusts: a policy, or the validators that the genesis document names.

Rules: with a policy from elsewhere, everything hangs from a checkpoint that its quorum cosigned. Without one, the policy
is the one that the genesis document implies: that shows that a ledger agrees with itself and with its own validators, and
not that it is the ledger one had in mind.

Not here: reading files.
"""

from __future__ import annotations

from ledger.errors import VerificationError
from ledger.genesis import Genesis
from ledger.note import COSIGNING_KEY, LOG_KEY, VerifierKey
from ledger.policy import CheckedCheckpoint, Policy, quorum_size


def genesis_policy(genesis: Genesis) -> Policy:
    """The policy that a genesis document implies: any validator's log key, and a quorum of cosignatures."""
    return Policy.for_validators(
        [VerifierKey(genesis.origin, LOG_KEY, validator.log_key) for validator in genesis.validators],
        [VerifierKey(one.name, COSIGNING_KEY, one.cosigning_key) for one in genesis.validators],
        quorum_size(len(genesis.validators)),
    )


def check_checkpoint(text: str, policy: Policy, genesis: Genesis) -> CheckedCheckpoint:
    """Check the signatures of a checkpoint, and that it is of this ledger. Raises as `Policy.check`, and
    VerificationError (`checkpoint.origin`).
    """
    checked = policy.check(text)
    origin = checked.checkpoint.origin
    if origin != genesis.origin:
        detail = f"the checkpoint is of {origin!a}, the log of {genesis.origin!a}"
        raise VerificationError("checkpoint.origin", detail)
    return checked
