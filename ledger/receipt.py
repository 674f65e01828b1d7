"""Receipts: everything it takes to check one record offline, in one file.

Rules (docs/spec.md, "Receipts"): a receipt *is* a C2SP `tlog-proof` of the entry's leaf. Its `extra` is the canonical
encoding of

    [1, record, record_index, [path, …], entry_leaf, header | nil, state | nil]
    header = [header_leaf, [path, …]]          the last header of the checkpoint, at index size - 1
    state  = [subject, author key, [[member, proof], …]]     state proofs under that header's state root; the members are the
                                               record's authority first, then those that succeed it, nearest first

and is believed in nothing until each part is checked against the cosigned checkpoint: its hash first, and only then
what it says. So "by whom" and "since when" are proved and not claimed.

What this module does not do: no file, no network, no clock. How fresh is fresh enough is for the reader to decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from ledger import proofs, tlog_proof
from ledger.block import Header, parse_header_leaf
from ledger.encoding import Value, decode, encode
from ledger.entry import MAX_RECORD_BYTES, Entry, check_record_size, parse_leaf
from ledger.errors import CannotTellError, FormatError, RefusedError, VerificationError
from ledger.hashing import HASH_SIZE, leaf_hash
from ledger.policy import CheckedCheckpoint, Trust
from ledger.records import Record, parse_record
from ledger.rows import KeyRow, MemberRow, SubjectRow, key_key, member_key, subject_key
from ledger.rules import is_late
from ledger.state import StateProof, verify_membership
from ledger.succession import MAX_MEMBERS, acts_for, line_of
from ledger.tlog_proof import TlogProof

RECEIPT_VERSION = 1
MAX_EXTRA_BYTES = MAX_RECORD_BYTES + 204_800
"""A record, a leaf, a header and `MAX_MEMBERS` + 2 state proofs fit inside, each of the greatest depth."""


@dataclass(frozen=True, slots=True)
class HeaderPart:
    """The last header of the receipt's checkpoint, and its inclusion path."""

    leaf: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class StatePart:
    """State proofs of the record's subject, of the author's key, and of the authority and those that succeed it."""

    subject: StateProof
    key: StateProof
    members: tuple[tuple[str, StateProof], ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it came: well formed, and nothing in it believed."""

    proof: TlogProof
    record: bytes
    record_index: int
    record_path: tuple[bytes, ...]
    entry_leaf: bytes
    header: HeaderPart | None
    state: StatePart | None

    def text(self) -> str:
        """The receipt as the text of a `.tlog-proof` file."""
        return tlog_proof.format(self.proof)

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a `.tlog-proof` file. Raises FormatError, or CannotTellError for a receipt version that is not known."""
        proof = tlog_proof.parse(text)
        if proof.extra is None:
            raise CannotTellError(
                "receipt.no-extra", "the proof carries no record: it is not a receipt of this kind"
            )
        value = decode(proof.extra, max_bytes=MAX_EXTRA_BYTES)
        if not isinstance(value, list) or not value:
            raise FormatError("receipt.shape", "a receipt's extra is an array")
        if value[0] != RECEIPT_VERSION or isinstance(value[0], bool):
            raise CannotTellError("receipt.version", f"receipt version {value[0]!r:.40} is not known here")
        if len(value) != 7:
            raise FormatError("receipt.shape", "a receipt's extra has seven items")
        _, record, record_index, path, entry_leaf, header, state = value
        if not isinstance(record, bytes) or not isinstance(entry_leaf, bytes):
            raise FormatError("receipt.shape", "record and entry leaf are byte strings")
        if not isinstance(record_index, int) or isinstance(record_index, bool) or record_index < 0:
            raise FormatError("receipt.shape", "the record index is a non-negative integer")
        check_record_size(record)
        return cls(
            proof, record, record_index, _path(path), entry_leaf, _header_part(header), _state_part(state)
        )


def make_receipt(  # noqa: PLR0913  one argument for each part of a receipt
    *,
    index: int,
    path: list[bytes],
    checkpoint_text: str,
    record: bytes,
    record_index: int,
    record_path: list[bytes],
    entry_leaf: bytes,
    header: HeaderPart | None,
    state: StatePart | None,
) -> Receipt:
    """Put a receipt together from its parts; `index` and `path` place the entry's leaf in the checkpoint's tree."""
    header_value: Value = None if header is None else [header.leaf, list(header.path)]
    state_value: Value = None
    if state is not None:
        members: list[Value] = [[name, proof.to_value()] for name, proof in state.members]
        state_value = [state.subject.to_value(), state.key.to_value(), members]
    extra = encode(
        [RECEIPT_VERSION, record, record_index, list(record_path), entry_leaf, header_value, state_value]
    )
    proof = TlogProof(index=index, path=tuple(path), checkpoint_text=checkpoint_text, extra=extra)
    return Receipt(proof, record, record_index, tuple(record_path), entry_leaf, header, state)


def _path(value: Value) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > proofs.MAX_PROOF_HASHES:
        raise FormatError("receipt.path", f"a path is a list of at most {proofs.MAX_PROOF_HASHES} hashes")
    path = tuple(item for item in value if isinstance(item, bytes) and len(item) == HASH_SIZE)
    if len(path) != len(value):
        raise FormatError("receipt.path", f"each item of a path is a hash of {HASH_SIZE} bytes")
    return path


def _header_part(value: Value) -> HeaderPart | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], bytes):
        raise FormatError("receipt.header", "the header part is [header leaf, path]")
    return HeaderPart(value[0], _path(value[1]))


def _state_part(value: Value) -> StatePart | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3:
        raise FormatError("receipt.state", "the state part is [subject, author key, members]")
    subject, key, members = value
    if not isinstance(members, list) or not 1 <= len(members) <= MAX_MEMBERS:
        raise FormatError("receipt.state", f"the state part lists 1 to {MAX_MEMBERS} members")
    return StatePart(
        StateProof.from_value(subject),
        StateProof.from_value(key),
        tuple(_member_part(member) for member in members),
    )


def _member_part(value: Value) -> tuple[str, StateProof]:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise FormatError("receipt.state", "a member is [identifier, state proof]")
    return value[0], StateProof.from_value(value[1])


@dataclass(frozen=True, slots=True)
class Author:
    """Who signed, as the ledger's state has it: proved by the receipt."""

    public_key: bytes
    key: KeyRow
    member: MemberRow
    """The member for which the key acts: the record's authority, or one that succeeds it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the state of the checkpoint's last header says of the record."""

    header: Header
    subject: SubjectRow
    author: Author
    members: Mapping[str, MemberRow]
    """By identifier: the record's authority first, then those that succeed it, nearest first."""

    is_first: bool
    """Whether the record is the first of its subject, so that the subject's time is the record's own."""

    @property
    def disputed(self) -> bool:
        """Whether the author's key was revoked from a time on that may be before the record was registered.

        When a later record of a subject was registered is not proved by its receipt, only that the newest is no older: so it
        is in doubt unless the newest is from before the disputed interval.
        """
        return self.author.key.is_disputed(self.subject.latest_ms(is_first=self.is_first))


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """What a receipt proves, under the policy it was checked with."""

    record: Record
    record_id: bytes
    entry_id: bytes
    index: int
    """Log index of the entry."""
    record_index: int
    claimed_ms: int
    """The author's own clock: a claim, milliseconds since the epoch."""
    author_key: bytes
    checked: CheckedCheckpoint
    """The checkpoint with its cosignatures: proven times are here, in seconds since the epoch."""
    standing: Standing | None
    """None if the receipt carries no state: then nothing is known of status, author's name or date."""

    @property
    def late(self) -> bool:
        """Whether the entry is proved to have come more than a day after the time its author claims."""
        standing = self.standing
        return (
            standing is not None and standing.is_first and is_late(self.claimed_ms, standing.subject.time_ms)
        )


def verify(receipt: Receipt | str | bytes, policy: Trust) -> VerifiedReceipt:
    """Check every part of a receipt and return what it proves.

    Raises FormatError (not a receipt), VerificationError (it is wrong, and which part), or CannotTellError (a version, type or
    key unknown to this verifier or policy, or too few cosignatures): the last is not a forgery.
    """
    if not isinstance(receipt, Receipt):
        receipt = Receipt.parse(receipt)
    checked = receipt.proof.verify(leaf_hash(receipt.entry_leaf), policy)
    entry = _verified_entry(receipt)
    record = _known_record(receipt.record)
    standing = _standing(receipt, entry, record, checked)
    return VerifiedReceipt(
        record=record,
        record_id=record.id,
        entry_id=entry.id,
        index=receipt.proof.index,
        record_index=receipt.record_index,
        claimed_ms=entry.body.time_ms,
        author_key=entry.body.author_key,
        checked=checked,
        standing=standing,
    )


def _verified_entry(receipt: Receipt) -> Entry:
    body, signature = parse_leaf(receipt.entry_leaf)
    entry = Entry(body, signature, (receipt.record,))
    proofs.verify_inclusion(
        leaf_hash(receipt.record), receipt.record_index, body.count, receipt.record_path, body.records_root
    )
    entry.verify_signature()
    return entry


def _known_record(raw: bytes) -> Record:
    try:
        return parse_record(raw)
    except RefusedError as error:
        # A quorum would not have let it in; so it is not this ledger's rules that judged it.
        raise VerificationError(error.rule, error.detail) from error


def _standing(receipt: Receipt, entry: Entry, record: Record, checked: CheckedCheckpoint) -> Standing | None:
    if receipt.header is None:
        return None
    header = _last_header(receipt.header, entry, checked)
    if receipt.state is None:
        return None
    subject = SubjectRow.parse(_proved(header, receipt.state.subject, subject_key(*record.subject)))
    key = KeyRow.parse(_proved(header, receipt.state.key, key_key(entry.body.author_key)))
    members = _members(header, receipt.state.members, record.authority)
    _check_author(key.member, record, members, header)
    author = Author(entry.body.author_key, key, members[key.member])
    return Standing(header, subject, author, members, is_first=subject.issue == record.id)


def _check_author(member: str, record: Record, members: Mapping[str, MemberRow], header: Header) -> None:
    if member == record.authority:
        return
    if not record.type.by_successor:
        raise VerificationError(
            "receipt.author", f"the author's key acts for {member!r}, not for {record.authority!r}"
        )
    if not acts_for(member, record.authority, members, header.time_ms):
        # The administrators may have corrected since who succeeds; then it acted by right, and this is no forgery.
        raise CannotTellError(
            "receipt.author",
            f"{member!r}, for which the author's key acts, does not succeed {record.authority!r} now; it may have then",
        )


def _members(header: Header, parts: Sequence[tuple[str, StateProof]], authority: str) -> dict[str, MemberRow]:
    """The members' rows, proved: exactly the authority and those that succeed it, in order."""
    proved = {name: MemberRow.parse(_proved(header, proof, member_key(name))) for name, proof in parts}
    wrong = VerificationError(
        "receipt.members", "the members are not the record's authority and those that succeed it, in order"
    )

    def row_of(name: str) -> MemberRow:
        # Whomever the walk asks for must be listed: otherwise a nearer one could be left out for one farther away.
        if name not in proved:
            raise wrong
        return proved[name]

    line = line_of(authority, row_of)
    if list(line) != [name for name, _ in parts]:
        raise wrong
    return line


def _last_header(part: HeaderPart, entry: Entry, checked: CheckedCheckpoint) -> Header:
    size = checked.checkpoint.size
    # Where the last header stands follows from the checkpoint alone: so it is known to be the ledger's before it is read.
    proofs.verify_inclusion(leaf_hash(part.leaf), size - 1, size, part.path, checked.checkpoint.root)
    header = parse_header_leaf(part.leaf)
    if header.size != size:
        raise VerificationError(
            "receipt.header-index", f"the header closes size {header.size}, not the checkpoint's {size}"
        )
    if header.chain_id != entry.body.chain_id:
        raise VerificationError(
            "receipt.chain",
            "entry and header are of different ledgers",
            expected=header.chain_id,
            got=entry.body.chain_id,
        )
    return header


def _proved(header: Header, proof: StateProof, key: bytes) -> bytes:
    if proof.value is None:
        raise VerificationError("receipt.state-absent", "the state proof shows that there is no such row")
    verify_membership(header.state_root, key, proof.value, proof)
    return proof.value
