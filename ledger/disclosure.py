"""The proof file of a certificate: what its holder shows, and what a verifier reads with no network.

Rules (docs/spec.md, "Proof of a certificate"): a `.sogoc-proof` file is the canonical encoding of

    [2, receipt, [[entry_body, record_index, record, place | nil], …], [key proof, …], claims | nil]
    place = [signature, index, [path, …], header_leaf, header_index, [path, …]]

`receipt` is the text of the receipt of one of the certificate's records, with its state part: the one of its issue, where
the file is made by this program. The list holds *every* record of the certificate, in order. It needs no paths of its own:
the state proof in the receipt shows the root and the count of the certificate's history, and the list either is that
history or it is refused. So a renewal, a revocation's reason and the paper's hash are proved together, and nothing can be
left out.

The history commits to each record's entry by its id, and the id is over the body that the author signed: so who signed each
record is proved too. The row of each author's key stands in the state of the same checkpoint: the receipt has that of its own
author, and the key proofs are of the others, each once, in the order in which they first signed. A key that was revoked from
a time on puts in doubt what it may have signed after it: a renewal, a reinstatement, a paper, or the issue. When the first
and the newest record were registered stands in the subject's row; of one between them a place in the log can show it.

`claims` are all the claims with the salt, or only some of them (`ledger.claims`).

What this module does not do: judge (`ledger.verdict`), or read a file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Self

from ledger import merkle, proofs
from ledger.block import parse_header_leaf
from ledger.checkpoint import Checkpoint
from ledger.claims import Disclosure, FullClaims, parse_claims
from ledger.encoding import Value, decode, encode
from ledger.entry import SIGNATURE_SIZE, EntryBody, check_record_size, entry_id, leaf_of, parse_body
from ledger.errors import CannotTellError, FormatError, RefusedError, VerificationError
from ledger.hashing import HASH_SIZE, leaf_hash
from ledger.receipt import Standing
from ledger.records import Record, parse_record
from ledger.records.base import integer, octets, text
from ledger.records.certificates import CERTIFICATE, ISSUE, PAPER, REINSTATE, RENEW, REVOKE, SUSPEND
from ledger.rows import KeyRow, SubjectRow, history_leaf, key_key
from ledger.state import StateProof, verify_membership
from ledger.tlog_proof import MAX_PROOF_BYTES

PROOF_VERSION = 2
PROOF_SUFFIX = ".sogoc-proof"
MAX_RECORDS = 1_000
"""Records of one certificate in a file: a renewal a year leaves room."""
MAX_FILE_BYTES = MAX_PROOF_BYTES + 2_000_000
_MAX_BODY_BYTES = 1_024
_SHAPE = "certificate-proof.shape"


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where an entry stands in the log, and in which block: that shows when it was registered."""

    signature: bytes
    """Of the entry: with the body, it makes the entry's leaf."""
    index: int
    path: tuple[bytes, ...]
    header_leaf: bytes
    """Of the block that holds the entry."""
    header_index: int
    header_path: tuple[bytes, ...]

    def to_value(self) -> Value:
        """As it stands in a file."""
        return [
            self.signature,
            self.index,
            list(self.path),
            self.header_leaf,
            self.header_index,
            list(self.header_path),
        ]

    def time_ms(self, entry_body: bytes, checkpoint: Checkpoint) -> int:
        """Chain time of the entry's block. Raises VerificationError (`proof.*`, `certificate.place`), or what reading a header
        raises.
        """
        size, root = checkpoint.size, checkpoint.root
        leaf = leaf_of(entry_body, self.signature)
        proofs.verify_inclusion(leaf_hash(leaf), self.index, size, self.path, root)
        proofs.verify_inclusion(leaf_hash(self.header_leaf), self.header_index, size, self.header_path, root)
        header = parse_header_leaf(self.header_leaf)
        if header.index != self.header_index or not header.first_index <= self.index < header.index:
            raise VerificationError(
                "certificate.place", "the entry is not in the block that is shown with it"
            )
        return header.time_ms


@dataclass(frozen=True, slots=True)
class SubjectRecord:
    """A record with its place in its entry, as the subject's history commits to it."""

    entry_body: bytes
    """What the entry's author signed, in canonical bytes."""
    record_index: int
    record: bytes
    place: LogPlace | None = None
    """Needed only where it matters when the record was registered, and the subject's row does not say."""

    @property
    def entry_id(self) -> bytes:
        """Id of the entry, 32 bytes."""
        return entry_id(self.entry_body)


@dataclass(frozen=True, slots=True)
class CertificateProof:
    """A proof file as it came: well formed, and nothing in it believed."""

    receipt: str
    records: tuple[SubjectRecord, ...]
    keys: tuple[StateProof, ...] = ()
    """Rows of the keys that signed a record, but not the receipt's: in the order in which each first signed."""
    claims: FullClaims | Disclosure | None = None

    def encoded(self) -> bytes:
        """The file's bytes."""
        records: list[Value] = [
            [
                item.entry_body,
                item.record_index,
                item.record,
                None if item.place is None else item.place.to_value(),
            ]
            for item in self.records
        ]
        keys: list[Value] = [proof.to_value() for proof in self.keys]
        claims = None if self.claims is None else self.claims.to_value()
        return encode([PROOF_VERSION, self.receipt, records, keys, claims])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a proof file. Raises FormatError, or CannotTellError for a version or form that is not known."""
        value = decode(data, max_bytes=MAX_FILE_BYTES)
        if not isinstance(value, list) or not value:
            raise FormatError(_SHAPE, "a certificate's proof is an array")
        if value[0] != PROOF_VERSION or isinstance(value[0], bool):
            raise CannotTellError(
                "certificate-proof.version", f"proof version {value[0]!r:.40} is not known here"
            )
        if len(value) != 5:
            raise FormatError(_SHAPE, "a certificate's proof has five items")
        _, receipt, records, keys, claims = value
        if not isinstance(receipt, str) or not isinstance(records, list) or not isinstance(keys, list):
            raise FormatError(
                _SHAPE, "a proof holds a receipt's text, a list of records, and one of keys' rows"
            )
        if not 1 <= len(records) <= MAX_RECORDS or len(keys) > MAX_RECORDS:
            raise FormatError(
                _SHAPE, f"a proof lists 1 to {MAX_RECORDS} records, and at most as many keys' rows"
            )
        return cls(
            receipt,
            tuple(_subject_record(item) for item in records),
            tuple(StateProof.from_value(item) for item in keys),
            None if claims is None else parse_claims(claims),
        )

    def with_claims(self, claims: FullClaims | Disclosure | None) -> CertificateProof:
        """The same proof with these claims."""
        return replace(self, claims=claims)

    def disclose(self, names: Collection[str]) -> CertificateProof:
        """The same proof with only the claims named; without any, none. Raises FormatError (`claims.*`)."""
        if not isinstance(self.claims, FullClaims):
            raise FormatError("claims.hidden", "only who has all claims and the salt can choose among them")
        return self.with_claims(self.claims.disclose(names) if names else None)


def _subject_record(value: Value) -> SubjectRecord:
    match value:
        case [bytes() as body, int() as index, bytes() as record, place] if (
            not isinstance(index, bool) and index >= 0
        ):
            check_record_size(record)
            return SubjectRecord(body, index, record, None if place is None else _log_place(place))
        case _:
            raise FormatError(_SHAPE, "a record in a proof is [entry body, record index, record, place]")


def _log_place(value: Value) -> LogPlace:
    match value:
        case [
            bytes() as signature,
            int() as index,
            list() as path,
            bytes() as leaf,
            int() as header_index,
            list() as header_path,
        ] if len(signature) == SIGNATURE_SIZE and index >= 0 and header_index >= 0:
            if not isinstance(index, bool) and not isinstance(header_index, bool):
                return LogPlace(signature, index, _path(path), leaf, header_index, _path(header_path))
    raise FormatError(_SHAPE, "a place is [signature, index, path, header leaf, index, path]")


def _path(value: list[Value]) -> tuple[bytes, ...]:
    path = tuple(item for item in value if isinstance(item, bytes) and len(item) == HASH_SIZE)
    if len(path) != len(value) or len(path) > proofs.MAX_PROOF_HASHES:
        raise FormatError(_SHAPE, f"a path is a list of at most {proofs.MAX_PROOF_HASHES} hashes")
    return path


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the records of a certificate say together."""

    issue: Record
    complete: bool
    """Whether all of its records are known: then so are its last day, its papers and its last reason."""
    valid_until: str | None
    """Its last day as far as the records go, without renewals that are disputed."""
    papers: tuple[bytes, ...] = ()
    """SHA-256 of the signed files, in order, without those that only disputed records name."""
    reason: str | None = None
    """Why it was suspended or revoked, while it is."""
    issue_key: bytes | None = None
    """The public key that signed its issue, where that is known."""
    disputed: frozenset[int] = frozenset()
    """Which of its records, from 0, may have been signed in the disputed interval of a revoked key."""
    disputed_until: str | None = None
    """A later last day, which rests on disputed renewals."""
    disputed_papers: tuple[bytes, ...] = ()
    """SHA-256 of the files that only disputed records name."""
    status_disputed: bool = False
    """Whether its issue is disputed, or the reinstatement since which it is not suspended: it may not be in force."""

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


@dataclass(frozen=True, slots=True)
class AuthoredRecord:
    """A record of a certificate, and who signed it: proved."""

    record: Record
    author_key: bytes
    disputed: bool
    """Whether the key was revoked from a time on that may be before the record was registered."""


def verify_records(
    standing: Standing,
    checkpoint: Checkpoint,
    records: Sequence[SubjectRecord],
    keys: Sequence[StateProof],
) -> tuple[AuthoredRecord, ...]:
    """Check that `records` are all of a subject's, in order, and `keys` the rows of their authors' keys; returns them read.

    `standing`: of the subject at this checkpoint, with the row of its receipt's author. Raises VerificationError
    (`certificate.records`, `certificate.keys`, `certificate.place`, `proof.*`, `state-proof.*` or the rule that a record
    breaks), CannotTellError (a type or version unknown here), or FormatError (a body, header or row that cannot be read).
    """
    check_history(standing.subject, records)
    authors = [_author_key(item.entry_body) for item in records]
    rows = _key_rows(standing, authors, keys)
    times = [
        None if item.place is None else item.place.time_ms(item.entry_body, checkpoint) for item in records
    ]
    disputed = disputed_records(standing.subject, [rows[key] for key in authors], times)
    return tuple(
        AuthoredRecord(_read(item.record), key, number in disputed)
        for number, (item, key) in enumerate(zip(records, authors, strict=True))
    )


def check_history(row: SubjectRow, records: Sequence[SubjectRecord]) -> None:
    """Check that `records` are all of a subject's, in order. Raises VerificationError (`certificate.records`)."""
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


def disputed_records(
    row: SubjectRow, author_rows: Sequence[KeyRow], times_ms: Sequence[int | None]
) -> frozenset[int]:
    """Which of a subject's records are disputed, from 0.

    `author_rows`: of each one's author's key, in order; `times_ms`: when each was registered, as far as that is known.
    """
    latest = [
        row.latest_ms(is_first=number == 0) if time_ms is None else time_ms
        for number, time_ms in enumerate(times_ms)
    ]
    return frozenset(
        number
        for number, (author, latest_ms) in enumerate(zip(author_rows, latest, strict=True))
        if author.is_disputed(latest_ms)
    )


def _author_key(entry_body: bytes) -> bytes:
    body: EntryBody = parse_body(decode(entry_body, max_bytes=_MAX_BODY_BYTES))
    return body.author_key


def _key_rows(
    standing: Standing, authors: Sequence[bytes], proofs: Sequence[StateProof]
) -> dict[bytes, KeyRow]:
    """The rows of the authors' keys: the receipt's author's, and those proved here, each once, in order."""
    rows = {standing.author.public_key: standing.author.key}
    others = [key for key in dict.fromkeys(authors) if key not in rows]
    if len(others) != len(proofs):
        raise VerificationError(
            "certificate.keys",
            f"{len(others)} keys beside the receipt's signed records of it, and rows of {len(proofs)} are here",
        )
    for public_key, proof in zip(others, proofs, strict=True):
        if proof.value is None:
            raise VerificationError("certificate.keys", "a key that signed a record has no row in the state")
        verify_membership(standing.header.state_root, key_key(public_key), proof.value, proof)
        rows[public_key] = KeyRow.parse(proof.value)
    return rows


def _read(raw: bytes) -> Record:
    try:
        return parse_record(raw)
    except RefusedError as error:
        raise VerificationError(error.rule, error.detail) from error


def certificate_of(records: Sequence[Record], disputed: Collection[int] = ()) -> Certificate:
    """What all the records of a certificate, in order, say together; `disputed`: which of them are, from 0.

    Raises VerificationError (`certificate.records`).
    """
    if not records or records[0].type.name != ISSUE:
        raise VerificationError("certificate.records", "the first record of a certificate is its issue")
    issue = records[0]
    until = latest = text(issue.body, "valid_until") if "valid_until" in issue.body else None
    papers: list[bytes] = []
    disputed_papers: list[bytes] = []
    reason: str | None = None
    reinstatement = 0
    for number, record in enumerate(records[1:], 1):
        # Records of other families that concern the certificate change none of these.
        match record.type.name:
            case name if name == RENEW:
                latest = text(record.body, "valid_until")
                until = until if number in disputed else latest
            case name if name == PAPER:
                (disputed_papers if number in disputed else papers).append(octets(record.body, "hash"))
            case name if name in (SUSPEND, REVOKE):
                reason = text(record.body, "reason")
            case name if name == REINSTATE:
                reason, reinstatement = None, number
    return Certificate(
        issue,
        complete=True,
        valid_until=until,
        papers=tuple(papers),
        reason=reason,
        disputed=frozenset(disputed),
        disputed_until=None if latest == until else latest,
        disputed_papers=tuple(paper for paper in disputed_papers if paper not in papers),
        status_disputed=0 in disputed or reinstatement in disputed,
    )


def certificate_of_issue(record: Record, *, alone: bool) -> Certificate:
    """What a certificate's issue says by itself; `alone`: it is proved that nothing else was recorded of it."""
    certificate = certificate_of((record,))
    return replace(certificate, complete=alone)


def is_certificate(record: Record) -> bool:
    """Whether a record is about a certificate."""
    return record.subject.kind == CERTIFICATE
