"""The four verdicts a person is given, and how they follow from a receipt.

Rules: there are four, never two. Showing an outage, a missing proof, a withdrawal or an expiry as a forgery is a false
alarm; whatever cannot be judged is "cannot tell". A verdict holds for the time at which the checkpoint's quorum last
vouched for it: how old is too old is shown to the reader, and not decided here.

The days of a certificate are judged at `now_ms`, which the caller passes in. A last day that is over makes a certificate
"expired" only if it is proved that nothing renewed it: all of its records are known, and the checkpoint is no older than
that day. Otherwise somebody may have renewed it since, and the verdict is "cannot tell". Since a renewal never moves the
last day back, a day that is still to come decides by itself; since nothing that is over is renewed, what has expired stays so.
The first day stands in the issue alone: without it, no other record's receipt says that a certificate is good. Nor does the
issue's own say so where others may have suspended and reinstated it since: who did stands in the certificate's proof.

A status that ended something is told first, and a dispute over the author's key beside it: in doubt is only what would else
be in force. What was done once and for all, such as an access that was logged, is recorded for good: that is "valid".

What this module does not do: hash files, find receipts, or read a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ledger import days
from ledger.claims import Claim, Disclosure, FullClaims
from ledger.disclosure import (
    Certificate,
    CertificateProof,
    SubjectRecord,
    certificate_of,
    certificate_of_issue,
    verify_records,
)
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.policy import Trust
from ledger.receipt import Receipt, Standing, VerifiedReceipt, verify
from ledger.records.base import IN_FORCE, octets
from ledger.records.certificates import CERTIFICATE, ISSUE, PAPER
from ledger.records.documents import DOCUMENT, DOCUMENT_PAPER
from ledger.records.governance import EXECUTED
from ledger.records.privacy import ERASED, LOGGED
from ledger.state import StateProof

DONE = frozenset({ERASED, EXECUTED, LOGGED})
"""Statuses beside `in-force` that ended nothing: what the record says was done, and stays done."""
_REINSTATED_COUNT = 3
"""Records of a certificate that was suspended and reinstated: its issue and these two, at least."""
_PAPERS = frozenset({PAPER, DOCUMENT_PAPER})
"""Records that name a file by its hash, which is a paper of what they are about."""


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
_REFINED = {
    "status.revoked": ("ĐÃ THU HỒI", "authentic, revoked"),
    "status.superseded": ("ĐÃ THAY THẾ", "authentic, superseded"),
    "status.withdrawn": ("ĐÃ THU HỒI", "authentic, withdrawn"),
    "status.suspended": ("TẠM ĐÌNH CHỈ", "authentic, suspended"),
    "status.expired": ("HẾT HẠN", "authentic, expired"),
    "status.not-yet": ("CHƯA ĐẾN NGÀY CÓ HIỆU LỰC", "authentic, not in force yet"),
}
"""What "authentic, not in force" is called, by rule."""
_DONE_RULES = frozenset(f"status.{status}" for status in DONE)
_RECORDED = (_WORDS[Verdict.IN_FORCE][0], "valid, recorded")
"""What "valid" is called for what was done once and for all: there is nothing that could be in force."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """The authority that a record speaks for, and who stands in its place once it has ended."""

    identifier: str
    name: str
    ended_ms: int | None
    """Chain time at which it ended, milliseconds since the epoch; None while it exists."""
    successors: tuple[str, ...]
    """Names of the authorities that have succeeded it and exist, nearest first; none while it exists."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, the rule and reason behind it, and what was proved where something was."""

    verdict: Verdict
    rule: str
    reason: str
    proved: VerifiedReceipt | None = None
    since_ms: int | None = None
    """Since when a thing is no longer in force, or from when on it will be; milliseconds since the epoch."""
    certificate: Certificate | None = None
    """What its records say, where a certificate was judged."""
    claims: tuple[Claim, ...] = ()
    """Claims that were shown and are the certificate's."""

    @property
    def headline(self) -> tuple[str, str]:
        """The verdict as it is called in this case, in Vietnamese and English."""
        if self.verdict is Verdict.NO_LONGER_IN_FORCE and self.rule in _REFINED:
            return _REFINED[self.rule]
        if self.verdict is Verdict.IN_FORCE and self.rule in _DONE_RULES:
            return _RECORDED
        return _WORDS[self.verdict]

    @property
    def disputed(self) -> bool:
        """Whether a key that signed is revoked from a time on that may be before the record, whatever the verdict.

        Of a certificate whose records are all at hand, any of them counts.
        """
        if self.certificate is not None and self.certificate.disputed:
            return True
        return self.proved is not None and self.proved.standing is not None and self.proved.standing.disputed

    @property
    def issuer(self) -> Issuer | None:
        """Who issued, and who succeeds; None if that is not proved."""
        if self.proved is None or self.proved.standing is None:
            return None
        return issuer_of(self.proved.record.authority, self.proved.standing)


def issuer_of(authority: str, standing: Standing) -> Issuer:
    """An authority and its successors as a receipt's state part has them."""
    now_ms = standing.header.time_ms
    row = standing.members[authority]
    if row.ended_ms is None or now_ms < row.ended_ms:
        return Issuer(authority, row.name, None, ())
    successors = tuple(
        member.name
        for identifier, member in standing.members.items()
        if identifier != authority and (member.ended_ms is None or now_ms < member.ended_ms)
    )
    return Issuer(authority, row.name, row.ended_ms, successors)


def judge_receipt(receipt: Receipt | str | bytes, policy: Trust, *, now_ms: int | None = None) -> Judgement:
    """The verdict on a receipt by itself, whatever its record is about.

    `now_ms`: the reader's clock, milliseconds since the epoch, which the days of a certificate are judged at.
    """
    judgement = _judge_status(receipt, policy)
    proved = judgement.proved
    if proved is None or proved.standing is None or proved.record.subject.kind != CERTIFICATE:
        return judgement
    if proved.record.type.name == ISSUE:
        certificate = certificate_of_issue(proved.record, alone=_is_alone(proved.standing))
        return _without_records(_judge_days(replace(judgement, certificate=certificate), now_ms))
    if judgement.verdict is not Verdict.IN_FORCE:
        return judgement
    return replace(
        judgement,
        verdict=Verdict.CANNOT_TELL,
        rule="certificate.days-unknown",
        reason="the receipt does not say on which days the certificate is good: get the certificate's proof",
    )


def _is_alone(standing: Standing) -> bool:
    return standing.is_first and standing.subject.history.size == 1


def _without_records(judgement: Judgement) -> Judgement:
    """Refine "in force" by what a certificate's issue does not show: that nobody disputes what brought it back."""
    proved = judgement.proved
    if judgement.verdict is not Verdict.IN_FORCE or proved is None or proved.standing is None:
        return judgement
    count = proved.standing.subject.history.size
    if count < _REINSTATED_COUNT:
        return judgement
    return replace(
        judgement,
        verdict=Verdict.CANNOT_TELL,
        rule="certificate.reinstatement-unknown",
        reason=f"the certificate has {count} records: whether it was suspended, and who reinstated it, stands in its proof",
    )


def _judge_status(receipt: Receipt | str | bytes, policy: Trust) -> Judgement:
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
    return _status(proved, disputed=proved.standing is not None and proved.standing.disputed)


def _status(proved: VerifiedReceipt, *, disputed: bool) -> Judgement:
    standing = proved.standing
    if standing is None:
        return Judgement(
            Verdict.CANNOT_TELL,
            "receipt.no-state",
            "recorded for certain, but the receipt does not say whether it is in force",
            proved,
        )
    status = standing.subject.status
    if status != IN_FORCE and status not in DONE:
        return Judgement(
            Verdict.NO_LONGER_IN_FORCE,
            f"status.{status}",
            f"the ledger has it as {status!r}",
            proved,
            standing.subject.changed_ms,
        )
    if disputed:
        return Judgement(
            Verdict.CANNOT_TELL,
            "key.disputed",
            "the signing key was revoked, and what it did at that time is disputed",
            proved,
        )
    if status in DONE:
        return Judgement(Verdict.IN_FORCE, f"status.{status}", f"recorded for good, as {status!r}", proved)
    return Judgement(
        Verdict.IN_FORCE, "status.in-force", "recorded, and in force at the time of the checkpoint", proved
    )


def judge_document(
    file_hash: bytes,
    receipt: Receipt | str | bytes,
    policy: Trust,
    *,
    commitment: bytes | None = None,
    now_ms: int | None = None,
) -> Judgement:
    """The verdict on a file, by its SHA-256 and, for whoever has the salt, its salted commitment (32 bytes each).

    A file that is not the one in a sound receipt is "does not match". A receipt for something else than a document is
    "cannot tell", and so is a document that was committed to, for whoever lacks the salt. The receipt of a stamped
    copy or of a certificate's paper is taken too; the days of that certificate stand in its proof (`judge_certificate`).
    """
    judgement = judge_receipt(receipt, policy, now_ms=now_ms)
    proved = judgement.proved
    if proved is None:
        return judgement
    record = proved.record
    is_paper = record.type.name in _PAPERS
    if not is_paper and record.subject.kind != DOCUMENT:
        return Judgement(
            Verdict.CANNOT_TELL, "receipt.other-kind", "the receipt is not one for a document", proved
        )
    anchored = octets(record.body, "hash") if is_paper else record.subject.identifier
    # A record that came later names the document, and does not say whether it does so by hash or by commitment.
    by_hash = is_paper or "commitment" not in record.body
    by_commitment = not is_paper and "hash" not in record.body
    if (by_hash and anchored == file_hash) or (by_commitment and anchored == commitment):
        return judgement
    if by_commitment and commitment is None:
        return Judgement(
            Verdict.CANNOT_TELL,
            "document.salt-missing",
            "the document was anchored privately, or may have been: its salt is needed",
            proved,
        )
    return Judgement(
        Verdict.DOES_NOT_MATCH,
        "document.hash",
        "the file is not the one that was anchored: its content differs",
        proved,
    )


def judge_proof(
    proof: CertificateProof | bytes, policy: Trust, *, now_ms: int | None, file_hash: bytes | None = None
) -> Judgement:
    """The verdict on a certificate, by its proof file and, if it is given, the SHA-256 of its paper."""
    if not isinstance(proof, CertificateProof):
        try:
            proof = CertificateProof.parse(proof)
        except CannotTellError as error:
            return Judgement(Verdict.CANNOT_TELL, error.rule, error.detail)
        except FormatError as error:
            return Judgement(
                Verdict.CANNOT_TELL, error.rule, f"this is not a proof that can be read: {error.detail}"
            )
    return judge_certificate(
        proof.claims,
        proof.receipt,
        policy,
        now_ms=now_ms,
        records=proof.records,
        keys=proof.keys,
        file_hash=file_hash,
    )


def judge_certificate(
    claims: FullClaims | Disclosure | None,
    receipt: Receipt | str | bytes,
    policy: Trust,
    *,
    now_ms: int | None,
    records: Sequence[SubjectRecord] = (),
    keys: Sequence[StateProof] = (),
    file_hash: bytes | None = None,
) -> Judgement:
    """The verdict on a certificate: its claims, or those that are shown, its status and its days.

    `receipt` is of any of its records; `records` are all of them, and `keys` the rows of their authors' keys but the
    receipt's; or none if they are not at hand: then the receipt must be the one of the issue if claims are to be checked, and
    of all disputes only one over its own author's key is known. `file_hash`: SHA-256 of what is said to be its paper. Claims
    or a paper that are not the certificate's are "does not match".
    """
    judgement = _judge_status(receipt, policy)
    proved = judgement.proved
    if proved is None:
        return judgement
    if proved.record.subject.kind != CERTIFICATE:
        return Judgement(
            Verdict.CANNOT_TELL, "receipt.other-kind", "the receipt is not one for a certificate", proved
        )
    try:
        certificate = _certificate(proved, records, keys)
        if certificate is None:
            return _without_issue(judgement, claims, file_hash, now_ms, policy, receipt)
        if claims is not None:
            certificate.verify_claims(claims)
        _check_paper(certificate, file_hash)
    except CannotTellError as error:
        return Judgement(Verdict.CANNOT_TELL, error.rule, error.detail, proved)
    except FormatError as error:
        return Judgement(
            Verdict.CANNOT_TELL, error.rule, f"a record in it cannot be read: {error.detail}", proved
        )
    except VerificationError as error:
        return Judgement(Verdict.DOES_NOT_MATCH, error.rule, error.detail, proved)
    if records and proved.standing is not None:
        # Whose receipt came with them does not matter: who signed what the status rests on is known.
        paper_disputed = file_hash is not None and file_hash in certificate.disputed_papers
        judgement = _status(proved, disputed=certificate.status_disputed or paper_disputed)
    shown = () if claims is None else claims.shown
    judgement = _judge_days(replace(judgement, certificate=certificate, claims=shown), now_ms)
    return judgement if records else _without_records(judgement)


def _certificate(
    proved: VerifiedReceipt, records: Sequence[SubjectRecord], keys: Sequence[StateProof]
) -> Certificate | None:
    """What is proved of a certificate; None if its issue is not at hand."""
    if records and proved.standing is not None:
        known = verify_records(proved.standing, proved.checked.checkpoint, records, keys)
        disputed = [number for number, item in enumerate(known) if item.disputed]
        certificate = certificate_of([item.record for item in known], disputed)
        return replace(certificate, issue_key=known[0].author_key)
    if proved.record.type.name != ISSUE:
        return None
    alone = proved.standing is not None and _is_alone(proved.standing)
    return replace(certificate_of_issue(proved.record, alone=alone), issue_key=proved.author_key)


def _without_issue(
    judgement: Judgement,
    claims: FullClaims | Disclosure | None,
    file_hash: bytes | None,
    now_ms: int | None,
    policy: Trust,
    receipt: Receipt | str | bytes,
) -> Judgement:
    if claims is None and file_hash is None:
        return judge_receipt(receipt, policy, now_ms=now_ms)
    return replace(
        judgement,
        verdict=Verdict.CANNOT_TELL,
        rule="certificate.records-missing",
        reason="the receipt is not that of the issue, and the certificate's records are not with it: get its proof",
    )


def _check_paper(certificate: Certificate, file_hash: bytes | None) -> None:
    if file_hash is None or file_hash in (*certificate.papers, *certificate.disputed_papers):
        return
    if not certificate.complete:
        raise CannotTellError(
            "certificate.papers-unknown",
            "which file is the certificate's paper stands in records that are not here",
        )
    if not certificate.papers:
        raise CannotTellError(
            "certificate.no-paper", "the issuer has not stated which file is the certificate's paper"
        )
    raise VerificationError(
        "certificate.paper", "the file is not the certificate's paper: its content differs"
    )


def _judge_days(judgement: Judgement, now_ms: int | None) -> Judgement:
    """Refine "in force" by the days of a certificate."""
    certificate = judgement.certificate
    if certificate is None or judgement.verdict is not Verdict.IN_FORCE:
        return judgement
    first = certificate.valid_from
    if first is not None and now_ms is not None and now_ms < days.first_ms(first):
        return replace(
            judgement,
            verdict=Verdict.NO_LONGER_IN_FORCE,
            rule="status.not-yet",
            reason=f"the certificate is good from {first} on",
            since_ms=days.first_ms(first),
        )
    if certificate.valid_until is not None:
        return _judge_last_day(judgement, certificate, certificate.valid_until, now_ms)
    return _without_clock(judgement) if first is not None and now_ms is None else judgement


def _without_clock(judgement: Judgement) -> Judgement:
    return replace(
        judgement,
        verdict=Verdict.CANNOT_TELL,
        rule="certificate.time-missing",
        reason="the certificate is good on certain days only, and nobody said what day it is",
    )


def _judge_last_day(
    judgement: Judgement, certificate: Certificate, until: str, now_ms: int | None
) -> Judgement:
    """Refine "in force" by a certificate's last day, which is `until` as far as nothing is disputed."""
    proved = judgement.proved
    if judgement.verdict is not Verdict.IN_FORCE or proved is None or proved.standing is None:
        return judgement
    if now_ms is None:
        return _without_clock(judgement)
    if now_ms < days.after_ms(until):
        return judgement
    latest = certificate.disputed_until or until
    over_ms = days.after_ms(latest)
    if now_ms < over_ms:
        return replace(
            judgement,
            verdict=Verdict.CANNOT_TELL,
            rule="key.disputed",
            reason=f"the last day was {until}; a key that was revoked renewed it until {latest}, which is disputed",
        )
    as_of_s = proved.checked.status_as_of_s
    as_of_ms = proved.standing.header.time_ms if as_of_s is None else as_of_s * 1_000
    # Complete: it is proved to be the newest last day that the checkpoint knows of.
    if certificate.complete and as_of_ms >= over_ms:
        return replace(
            judgement,
            verdict=Verdict.NO_LONGER_IN_FORCE,
            rule="status.expired",
            reason=f"the certificate was good until {latest}, and has not been renewed",
            since_ms=over_ms,
        )
    return replace(
        judgement,
        verdict=Verdict.CANNOT_TELL,
        rule="certificate.renewal-unknown",
        reason=f"this proof knows of {latest} as the last day and cannot show whether it was renewed since: get the newest",
        since_ms=over_ms,
    )
