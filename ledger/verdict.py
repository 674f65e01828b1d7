"""The four verdicts a person is given, and how they follow from a receipt.

Rules: there are four, never two. Showing an outage, a missing proof or a withdrawal as a forgery is a false alarm;
whatever cannot be judged is "cannot tell".

What this module does not do: hash files or find receipts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.policy import Policy
from ledger.receipt import Receipt, VerifiedReceipt, verify
from ledger.records.base import IN_FORCE
from ledger.records.documents import DOCUMENT


class Verdict(Enum):
    """A verdict; its value is the exit code that programs see."""

    IN_FORCE = 0
    DOES_NOT_MATCH = 1
    CANNOT_TELL = 3
    NO_LONGER_IN_FORCE = 4

    @property
    def vietnamese(self) -> str:
        """The verdict as a citizen reads it."""
        return _WORDS[self][0]

    @property
    def english(self) -> str:
        """The verdict in English."""
        return _WORDS[self][1]


_WORDS = {
    Verdict.IN_FORCE: ("HỢP LỆ", "valid, in force"),
    Verdict.DOES_NOT_MATCH: ("KHÔNG HỢP LỆ", "does not match"),
    Verdict.CANNOT_TELL: ("CHƯA KIỂM TRA ĐƯỢC", "cannot tell"),
    Verdict.NO_LONGER_IN_FORCE: ("KHÔNG CÒN HIỆU LỰC", "authentic, no longer in force"),
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, the rule and reason behind it, and what was proved where something was."""

    verdict: Verdict
    rule: str
    reason: str
    proved: VerifiedReceipt | None = None


def judge_receipt(receipt: Receipt | str | bytes, policy: Policy) -> Judgement:
    """The verdict on a receipt by itself, whatever its record is about."""
    try:
        proved = verify(receipt, policy)
    except CannotTellError as error:
        return Judgement(Verdict.CANNOT_TELL, error.rule, error.detail)
    except FormatError as error:
        return Judgement(
            Verdict.CANNOT_TELL, error.rule, f"this is not a receipt that can be read: {error.detail}"
        )
    except VerificationError as error:
        return Judgement(Verdict.DOES_NOT_MATCH, error.rule, error.detail)
    return _status(proved)


def _status(proved: VerifiedReceipt) -> Judgement:
    standing = proved.standing
    if standing is None:
        return Judgement(
            Verdict.CANNOT_TELL,
            "receipt.no-state",
            "recorded for certain, but the receipt does not say whether it is in force",
            proved,
        )
    if standing.disputed:
        return Judgement(
            Verdict.CANNOT_TELL,
            "key.disputed",
            "the signing key was revoked, and what it did at that time is disputed",
            proved,
        )
    status = standing.subject.status
    if status != IN_FORCE:
        return Judgement(
            Verdict.NO_LONGER_IN_FORCE, f"status.{status}", f"the ledger has it as {status!r}", proved
        )
    return Judgement(
        Verdict.IN_FORCE, "status.in-force", "recorded, and in force at the time of the checkpoint", proved
    )


def judge_document(
    file_hash: bytes, receipt: Receipt | str | bytes, policy: Policy, *, commitment: bytes | None = None
) -> Judgement:
    """The verdict on a file, by its SHA-256 and, for whoever has the salt, its salted commitment (32 bytes each).

    A file that is not the one in a sound receipt is "does not match". A receipt for something else than a document is
    "cannot tell", and so is a document that was committed to, for whoever lacks the salt.
    """
    judgement = judge_receipt(receipt, policy)
    proved = judgement.proved
    if proved is None:
        return judgement
    if proved.record.subject.kind != DOCUMENT:
        return Judgement(
            Verdict.CANNOT_TELL, "receipt.other-kind", "the receipt is not one for a document", proved
        )
    is_committed = "commitment" in proved.record.body
    if is_committed and commitment is None:
        return Judgement(
            Verdict.CANNOT_TELL,
            "document.salt-missing",
            "the document was anchored privately: its salt is needed",
            proved,
        )
    if proved.record.subject.identifier != (commitment if is_committed else file_hash):
        return Judgement(
            Verdict.DOES_NOT_MATCH,
            "document.hash",
            "the file is not the one that was anchored: its content differs",
            proved,
        )
    return judgement
