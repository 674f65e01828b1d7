"""Compact receipts: issue and status of one record in so few bytes that a printed code holds them.

Rules (docs/spec.md, "Compact receipts"): the verifier has pinned a chain id and a policy whose log lines all bear one name, the
origin. From them and from what the receipt carries (`ledger.compact_form`) everything else follows in turn: record, record id,
subject, its row (whose first record this is), state root, header (with the log's root before it), root, checkpoint. If the
quorum cosigned that very checkpoint, nothing in the receipt was changed.

What a compact receipt does not show: the author, and so no dispute about the author's key; and, of a subject with several
records, what the later ones say beyond the status. For those there is the full receipt.

What this module does not do: no file, no network, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger import checkpoint as checkpoints
from ledger.block import RULES_VERSION, Header
from ledger.checkpoint import Checkpoint
from ledger.claims import Claim, FullClaims
from ledger.compact_form import COSIGNATURE_BYTES, CompactReceipt, checked
from ledger.errors import CannotTellError, LedgerError, RefusedError, VerificationError
from ledger.hashing import HASH_SIZE, node_hash, sha256
from ledger.merkle import CompactRange
from ledger.note import COSIGNING_KEY, KEY_ID_SIZE, NoteSignature
from ledger.policy import Policy, Trust, Witness
from ledger.records import Record, parse_record
from ledger.rows import SubjectRow, subject_key
from ledger.state import StateProof, leaf_record
from ledger.state.nodes import bit_of


@dataclass(frozen=True, slots=True)
class VerifiedCompact:
    """What a compact receipt proves, under the policy and chain id it was checked with."""

    record: Record
    record_id: bytes
    row: SubjectRow
    """Where the record's subject stands. The record is its first one."""
    header: Header
    """The last header of the checkpoint."""
    origin: str
    root: bytes
    """Of the log at `header.size`: what was cosigned."""
    cosignatures: tuple[tuple[str, int], ...]
    """The policy's name of each witness that cosigned, with the newest time it gave, in the policy's order."""
    existed_by_s: int
    """The record existed no later than this, in seconds since the epoch."""
    status_as_of_s: int
    """This was the status as of this time, in seconds since the epoch."""
    claims: tuple[Claim, ...]
    """All claims of a certificate; none where the receipt does not carry them."""
    salt: bytes | None
    """Of the commitment to a file, where the receipt carries it."""

    @property
    def status(self) -> str:
        """The subject's status."""
        return self.row.status


def verify(receipt: CompactReceipt | bytes, trust: Trust, chain_id: bytes) -> VerifiedCompact:
    """Check a compact receipt against a pinned policy (or epochs) and chain id (32 bytes), and return what it proves.

    Raises FormatError (not a compact receipt), VerificationError (it is wrong), or CannotTellError (a version, type or key
    unknown here, too few cosignatures, or a policy that compact receipts cannot be checked with): the last is not a forgery.
    """
    if not isinstance(receipt, CompactReceipt):
        receipt = CompactReceipt.parse(receipt)
    record = _known_record(receipt.record)
    row = SubjectRow(
        receipt.status,
        record.id,
        receipt.time_ms,
        receipt.changed_ms,
        CompactRange(receipt.count, receipt.peaks),
    )
    header = _header(receipt, chain_id, _state_root(receipt, record, row))
    root = _log_before(receipt).append(header.hash()).root()
    policy = trust.policy_at(header.size)
    origin = _origin(policy)
    times_s = _cosigned_times(receipt.cosignatures, policy, checkpoints.body(origin, header.size, root))
    proven = policy.quorum_times(times_s)
    if proven is None:
        raise CannotTellError(
            "compact.no-quorum", "the policy asks for no cosignature, and a compact receipt has nothing else"
        )
    trust.confirm(header.size, root, proven.status_as_of_s)
    return VerifiedCompact(
        record=record,
        record_id=row.issue,
        row=row,
        header=header,
        origin=origin,
        root=root,
        cosignatures=tuple((one.name, times_s[one.name]) for one in policy.witnesses if one.name in times_s),
        existed_by_s=proven.existed_by_s,
        status_as_of_s=proven.status_as_of_s,
        claims=receipt.private.claims if isinstance(receipt.private, FullClaims) else (),
        salt=receipt.private if isinstance(receipt.private, bytes) else None,
    )


def _known_record(raw: bytes) -> Record:
    try:
        return parse_record(raw)
    except RefusedError as error:
        raise VerificationError(error.rule, error.detail) from error


def _state_root(receipt: CompactReceipt, record: Record, row: SubjectRow) -> bytes:
    """The root of the state in which the subject has this row, by the siblings (ICS-23 `SmtSpec`)."""
    key = subject_key(*record.subject)
    key_hash = sha256(key)
    node = leaf_record(key, row.encoded())[HASH_SIZE:]
    for depth in range(len(receipt.siblings) - 1, -1, -1):
        sibling = receipt.siblings[depth]
        node = node_hash(sibling, node) if bit_of(key_hash, depth) else node_hash(node, sibling)
    return node


def _log_before(receipt: CompactReceipt) -> CompactRange:
    """The log before the header: the siblings of its last leaf are the peaks of the tree without it."""
    return CompactRange(receipt.first_index + receipt.entry_count, receipt.path[::-1])


def _header(receipt: CompactReceipt, chain_id: bytes, state_root: bytes) -> Header:
    return Header(
        rules_version=RULES_VERSION,
        chain_id=chain_id,
        height=receipt.height,
        engine_height=receipt.engine_height,
        parent=receipt.parent,
        time_ms=receipt.header_time_ms,
        first_index=receipt.first_index,
        entry_count=receipt.entry_count,
        log_root=_log_before(receipt).root(),
        state_root=state_root,
        proposer=receipt.proposer,
    )


def _origin(policy: Policy) -> str:
    names = {log.key.name for log in policy.logs}
    if len(names) != 1:
        raise CannotTellError(
            "compact.origin",
            "the policy lists logs of several names, or none: the receipt does not say whose it is",
        )
    return names.pop()


def _cosigned_times(cosignatures: Iterable[bytes], policy: Policy, body: str) -> dict[str, int]:
    """The newest time of each witness of the policy that cosigned. Keys the policy does not list are passed over.

    Raises VerificationError (`compact.mismatch`) if a listed key did not sign this.
    """
    by_id: dict[bytes, list[Witness]] = {}
    for witness in policy.witnesses:
        if witness.key.type == COSIGNING_KEY:
            by_id.setdefault(witness.key.key_id, []).append(witness)
    times_s: dict[str, int] = {}
    for data in cosignatures:
        listed = by_id.get(data[:KEY_ID_SIZE], [])
        if listed:
            name, time_s = _signer(data, listed, body)
            times_s[name] = max(time_s, times_s.get(name, 0))
    return times_s


def _signer(data: bytes, listed: Sequence[Witness], body: str) -> tuple[str, int]:
    """Which of the witnesses with this key id cosigned, and when."""
    last: LedgerError | None = None
    for witness in listed:
        signature = NoteSignature(witness.key.name, data[:KEY_ID_SIZE], data[KEY_ID_SIZE:])
        try:
            return witness.name, checkpoints.verify_cosignature(body, signature, witness.key)
        except VerificationError as error:
            last = error
    raise VerificationError(
        "compact.mismatch", f"what the receipt says is not what {listed[0].key.name} cosigned"
    ) from last


def make_compact(
    *,
    record: Record,
    row: SubjectRow,
    proof: StateProof,
    header: Header,
    path: Sequence[bytes],
    checkpoint: Checkpoint,
    policy: Policy,
) -> CompactReceipt:
    """Put a compact receipt together, without claims or salt: those are the holder's (`CompactReceipt.with_private`).

    `path` is the inclusion path of the checkpoint's last header. Of the checkpoint's cosignatures the newest are taken, as many
    as the policy's quorum needs. Raises RefusedError (`compact.not-first`) for a record that is not its subject's first:
    the row names no other.
    """
    if row.issue != record.id:
        raise RefusedError(
            "compact.not-first",
            "only the record that began its subject has a compact receipt; take the full receipt",
        )
    return checked(
        CompactReceipt(
            record_type=record.type.name,
            body=record.body,
            private=None,
            status=row.status,
            time_ms=row.time_ms,
            changed_ms=row.changed_ms,
            count=row.history.size,
            peaks=row.history.peaks,
            siblings=proof.siblings,
            height=header.height,
            engine_height=header.engine_height,
            parent=header.parent,
            header_time_ms=header.time_ms,
            first_index=header.first_index,
            entry_count=header.entry_count,
            proposer=header.proposer,
            path=tuple(path),
            cosignatures=_fewest(checkpoint, policy),
        )
    )


def _fewest(checkpoint: Checkpoint, policy: Policy) -> tuple[bytes, ...]:
    """The newest cosignatures of a checkpoint that satisfy the policy together. Raises CannotTellError if all do not."""
    offered: list[tuple[int, bytes]] = []
    known = {(one.key.name, one.key.key_id) for one in policy.witnesses if one.key.type == COSIGNING_KEY}
    for line in checkpoint.note.signatures:
        data = line.key_id + line.signature
        if (line.name, line.key_id) in known and len(data) == COSIGNATURE_BYTES:
            offered.append((int.from_bytes(line.signature[:8], "big"), data))
    offered.sort(key=lambda one: -one[0])
    chosen: list[bytes] = []
    for _, data in offered:
        chosen.append(data)
        times_s = _cosigned_times(chosen, policy, checkpoint.note.text)
        try:
            policy.quorum_times(times_s)
        except CannotTellError:
            continue
        return tuple(chosen)
    raise CannotTellError(
        "policy.quorum-missing", "the checkpoint does not carry the cosignatures of the policy's quorum"
    )
