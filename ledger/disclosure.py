"""The proof file of a certificate: what its holder shows, and what a verifier reads with no network.

Rules (docs/spec.md, "Proof of a certificate"): a `.sogoc-proof` file is the canonical encoding of

    [1, receipt, [[entry_id, record_index, record], …], claims | nil]

`receipt` is the text of the receipt of one of the certificate's records, with its state part: the one of its issue, where
the file is made by this program. The list holds *every* record of the certificate, in order. It needs no paths of its own:
the state proof in the receipt shows the root and the count of the certificate's history, and the list either is that
history or it is refused. So a renewal, a revocation's reason and the paper's hash are proved together, and nothing can be
left out. `claims` are all the claims with the salt, or only some of them (`ledger.claims`).

What this module does not do: judge (`ledger.verdict`), or read a file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Self

from ledger import merkle
from ledger.claims import Disclosure, FullClaims, parse_claims
from ledger.encoding import Value, decode, encode
from ledger.entry import check_record_size
from ledger.errors import CannotTellError, FormatError, RefusedError, VerificationError
from ledger.hashing import HASH_SIZE, leaf_hash
from ledger.records import Record, parse_record
from ledger.records.base import integer, octets, text
from ledger.records.certificates import CERTIFICATE, ISSUE, PAPER, REINSTATE, RENEW, REVOKE, SUSPEND
from ledger.rows import SubjectRow, history_leaf
from ledger.tlog_proof import MAX_PROOF_BYTES

PROOF_VERSION = 1
PROOF_SUFFIX = ".sogoc-proof"
MAX_RECORDS = 1_000
"""Records of one certificate in a file: a renewal a year leaves room."""
MAX_FILE_BYTES = MAX_PROOF_BYTES + 2_000_000


@dataclass(frozen=True, slots=True)
class SubjectRecord:
    """A record with its place in its entry, as the subject's history commits to it."""

    entry_id: bytes
    record_index: int
    record: bytes


@dataclass(frozen=True, slots=True)
class CertificateProof:
    """A proof file as it came: well formed, and nothing in it believed."""

    receipt: str
    records: tuple[SubjectRecord, ...]
    claims: FullClaims | Disclosure | None = None

    def encoded(self) -> bytes:
        """The file's bytes."""
        records: list[Value] = [[item.entry_id, item.record_index, item.record] for item in self.records]
        claims = None if self.claims is None else self.claims.to_value()
        return encode([PROOF_VERSION, self.receipt, records, claims])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a proof file. Raises FormatError, or CannotTellError for a version or form that is not known."""
        value = decode(data, max_bytes=MAX_FILE_BYTES)
        if not isinstance(value, list) or not value:
            raise FormatError("certificate-proof.shape", "a certificate's proof is an array")
        if value[0] != PROOF_VERSION or isinstance(value[0], bool):
            raise CannotTellError(
                "certificate-proof.version", f"proof version {value[0]!r:.40} is not known here"
            )
        if len(value) != 4:
            raise FormatError("certificate-proof.shape", "a certificate's proof has four items")
        _, receipt, records, claims = value
        if not isinstance(receipt, str) or not isinstance(records, list):
            raise FormatError(
                "certificate-proof.shape", "a proof holds a receipt's text and a list of records"
            )
        if not 1 <= len(records) <= MAX_RECORDS:
            raise FormatError("certificate-proof.shape", f"a proof lists 1 to {MAX_RECORDS} records")
        return cls(
            receipt,
            tuple(_subject_record(item) for item in records),
            None if claims is None else parse_claims(claims),
        )

    def disclose(self, names: Collection[str]) -> CertificateProof:
        """The same proof with only the claims named; without any, none. Raises FormatError (`claims.*`)."""
        if not isinstance(self.claims, FullClaims):
            raise FormatError("claims.hidden", "only who has all claims and the salt can choose among them")
        return replace(self, claims=self.claims.disclose(names) if names else None)


def _subject_record(value: Value) -> SubjectRecord:
    match value:
        case [bytes() as entry_id, int() as index, bytes() as record] if (
            len(entry_id) == HASH_SIZE and not isinstance(index, bool) and index >= 0
        ):
            check_record_size(record)
            return SubjectRecord(entry_id, index, record)
        case _:
            raise FormatError(
                "certificate-proof.shape", "a record in a proof is [entry id, record index, record]"
            )


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the records of a certificate say together."""

    issue: Record
    complete: bool
    """Whether all of its records are known: then so are its last day, its papers and its last reason."""
    valid_until: str | None
    """Its last day as far as the records go."""
    papers: tuple[bytes, ...] = ()
    """SHA-256 of the signed files, in order."""
    reason: str | None = None
    """Why it was suspended or revoked, while it is."""

    @property
    def schema(self) -> str:
        """Name of the schema of its claims."""
        return text(self.issue.body, "schema")

    @property
    def valid_from(self) -> str | None:
        """Its first day."""
        return text(self.issue.body, "valid_from") if "valid_from" in self.issue.body else None

    @property
    def identifier(self) -> bytes:
        """Its 16 bytes."""
        return octets(self.issue.body, "certificate")

    def verify_claims(self, claims: FullClaims | Disclosure) -> None:
        """Check that claims are this certificate's. Raises VerificationError (`claims.*`)."""
        body = self.issue.body
        claims.verify(octets(body, "claims_root"), integer(body, "claims_count"))


def verify_records(row: SubjectRow, records: Sequence[SubjectRecord]) -> tuple[Record, ...]:
    """Check that `records` are all of a subject's, in order, against its row; returns them read.

    Raises VerificationError (`certificate.records`, or the rule that a record breaks), CannotTellError (a type unknown here).
    """
    if len(records) != row.history.size:
        raise VerificationError(
            "certificate.records", f"the subject has {row.history.size} records and {len(records)} are here"
        )
    root = merkle.root_of_hashes(
        [history_leaf(item.entry_id, item.record_index, leaf_hash(item.record)) for item in records]
    )
    if root != row.history.root():
        raise VerificationError(
            "certificate.records",
            "these are not the subject's records in order",
            expected=row.history.root(),
            got=root,
        )
    return tuple(_read(item.record) for item in records)


def _read(raw: bytes) -> Record:
    try:
        return parse_record(raw)
    except RefusedError as error:
        raise VerificationError(error.rule, error.detail) from error


def certificate_of(records: Sequence[Record]) -> Certificate:
    """What all the records of a certificate, in order, say together. Raises VerificationError (`certificate.records`)."""
    if not records or records[0].type.name != ISSUE:
        raise VerificationError("certificate.records", "the first record of a certificate is its issue")
    issue = records[0]
    until = text(issue.body, "valid_until") if "valid_until" in issue.body else None
    papers: list[bytes] = []
    reason: str | None = None
    for record in records[1:]:
        # Records of other families that concern the certificate change none of these.
        match record.type.name:
            case name if name == RENEW:
                until = text(record.body, "valid_until")
            case name if name == PAPER:
                papers.append(octets(record.body, "hash"))
            case name if name in (SUSPEND, REVOKE):
                reason = text(record.body, "reason")
            case name if name == REINSTATE:
                reason = None
    return Certificate(issue, complete=True, valid_until=until, papers=tuple(papers), reason=reason)


def certificate_of_issue(record: Record, *, alone: bool) -> Certificate:
    """What a certificate's issue says by itself; `alone`: it is proved that nothing else was recorded of it."""
    certificate = certificate_of((record,))
    return replace(certificate, complete=alone)


def is_certificate(record: Record) -> bool:
    """Whether a record is about a certificate."""
    return record.subject.kind == CERTIFICATE
