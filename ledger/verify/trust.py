"""What an audit trusts: a policy, or the validators that the genesis document names.

Rules: with a policy from elsewhere, everything hangs from a checkpoint that its quorum cosigned. Without one, the policy
is the one that the genesis document implies: that shows that a ledger agrees with itself and with its own validators, and
not that it is the ledger one had in mind.

Not here: reading files.
"""

from __future__ import annotations

from ledger.errors import VerificationError
from ledger.genesis import Genesis
from ledger.policy import CheckedCheckpoint, Policy


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
