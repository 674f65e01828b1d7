"""`governance.*`: what concerns everybody is proposed, and done when a quorum of the administrators has approved it.

Rules (docs/adr/0009): a proposal carries a whole record, the action, and names who may vote on it: the members that are
administrators when it is proposed. Its quorum is ⌊2n/3⌋ + 1 of these n. The proposer's vote counts at once. Votes are
counted whenever one is cast; the vote of a member that is no administrator any more does not count. With the quorum the
action is done, by that same record; if the action cannot be done, that vote is refused, and nothing is half done. A
proposal that has expired, was withdrawn or is done takes no more votes. The tally stands in the state: row
`["proposal", id]`, where the id is the record id of the proposal, so whoever approves has signed what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record
from ledger.errors import FormatError, LedgerError, RefusedError
from ledger.fields import IDENTIFIER, TIME_MS, Body, Bytes, Field
from ledger.hashing import HASH_SIZE, leaf_hash
from ledger.policy import quorum_size
from ledger.records import members, succession, validators
from ledger.records.base import (
    AUTHORITY,
    IN_FORCE,
    Record,
    RecordType,
    RuleState,
    Subject,
    integer,
    octets,
    text,
    words,
)
from ledger.records.members import KEY_MANAGERS, author_roles, check_current
from ledger.roles import ADMINISTRATOR
from ledger.rows import row_key

PROPOSAL = "proposal"
"""Kind of the subjects of this family, and of its rows."""
EXECUTED, WITHDRAWN = "executed", "withdrawn"
"""What becomes of a proposal; while it is open it is `in-force`."""

PROPOSAL_LOOKUP = b"proposal/"
"""Lookup keys of proposals: this, then the record id."""

MAX_ACTION_BYTES = 4_096
"""Bytes of a proposed record: far more than any governed type needs."""
MAX_OPEN_MS = 90 * 24 * 3600 * 1000
"""A proposal expires at most so long after the block that holds it, milliseconds: who decides must not be forgotten."""

GOVERNED = MappingProxyType(
    {
        record_type.name: record_type
        for record_type in (*members.TYPES, *succession.TYPES, *validators.TYPES)
        if record_type.name
        in {
            "key.register/1",
            "key.retire/1",
            "key.revoke/1",
            "member.register/1",
            "member.roles/1",
            "parameter.set/1",
            "succession.cancel/1",
            "succession.declare/1",
            "validator.set/1",
        }
    }
)
"""Record types that a quorum may decide on, by name: nothing else may be proposed."""


@dataclass(frozen=True, slots=True)
class ActionBytes:
    """A proposed record: 1 to `maximum` bytes here; what they say is the rule's to judge."""

    maximum: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is that many bytes."""
        if not isinstance(value, bytes):
            raise RefusedError("record.field-kind", f"field {name!a} must be bytes")
        if not 1 <= len(value) <= self.maximum:
            raise RefusedError(
                "record.field-length", f"field {name!a} must be 1 to {self.maximum} bytes, not {len(value)}"
            )

    def describe(self) -> str:
        """The rule in words."""
        return f"bytes, 1–{self.maximum}"


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """`[proposer, action, proposed_ms, expires_ms, voters, quorum, approvals, outcome, decided_ms]`, the last nil at first."""

    proposer: str
    action: bytes
    """Canonical bytes of the record that is proposed."""
    proposed_ms: int
    """Chain time of the proposal's block."""
    expires_ms: int
    """Chain time after which it takes no more votes."""
    voters: tuple[str, ...]
    """The members that were administrators when it was proposed, in ascending order."""
    quorum: int
    approvals: tuple[str, ...]
    """The members that have approved, in the order in which they did."""
    outcome: str = IN_FORCE
    decided_ms: int | None = None
    """Chain time at which it was executed or withdrawn."""

    def counted(self, administrators: tuple[str, ...]) -> tuple[str, ...]:
        """The approvals that count while `administrators` are the administrators."""
        return tuple(voter for voter in self.approvals if voter in administrators)

    def encoded(self) -> bytes:
        """The row's value."""
        return encode(
            [
                self.proposer,
                self.action,
                self.proposed_ms,
                self.expires_ms,
                list(self.voters),
                self.quorum,
                list(self.approvals),
                self.outcome,
                self.decided_ms,
            ]
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a row's value. Raises FormatError."""
        value = decode(data)
        if not isinstance(value, list) or len(value) != 9:
            raise FormatError("row.shape", "a proposal row has 9 items")
        proposer, action, proposed, expires, voters, quorum, approvals, outcome, decided = value
        if (
            not isinstance(proposer, str)
            or not isinstance(action, bytes)
            or not isinstance(proposed, int)
            or not isinstance(expires, int)
            or not isinstance(voters, list)
            or not isinstance(quorum, int)
            or not isinstance(approvals, list)
            or not isinstance(outcome, str)
            or not isinstance(decided, int | None)
        ):
            raise FormatError("row.shape", "an item of a proposal row is of another kind than it should be")
        votes = tuple(map(str, voters)), quorum, tuple(map(str, approvals))
        return cls(proposer, action, proposed, expires, *votes, outcome, decided)


def proposal_key(proposal: bytes) -> bytes:
    """State key of a proposal's row; `proposal` is the record id of its `governance.propose/1`."""
    return row_key(PROPOSAL, proposal)


def parse_action(raw: bytes) -> Record:
    """Read a proposed record. Raises RefusedError, rule `proposal.action`, unless it is of a governed type and well made."""
    try:
        return Record.parse(raw, GOVERNED)
    except LedgerError as error:
        raise RefusedError(
            "proposal.action", f"what is proposed is not a record that a quorum may decide on: {error.detail}"
        ) from error


def action_of(record: Record) -> Record:
    """The record that `record` proposes, or `record` itself if it proposes none."""
    return parse_action(octets(record.body, "action")) if record.type.name == PROPOSE.name else record


def _proposal_id(body: Body) -> bytes:
    return leaf_hash(encode_record("governance.propose/1", dict(body)))


def _proposed(body: Body) -> Subject:
    return Subject(PROPOSAL, text(body, "authority"), _proposal_id(body))


def _approved(body: Body) -> Subject:
    return Subject(PROPOSAL, text(body, "proposer"), octets(body, "proposal"))


def _withdrawn(body: Body) -> Subject:
    return Subject(PROPOSAL, text(body, "authority"), octets(body, "proposal"))


def _lookups(body: Body) -> tuple[bytes, ...]:
    """Members and keys that are registered by a proposal are found in the same lists as the others."""
    try:
        action = parse_action(octets(body, "action"))
    except RefusedError:
        return (PROPOSAL_LOOKUP,)
    return (PROPOSAL_LOOKUP, *action.type.lookups(action.body))


def _propose(state: RuleState, status: str | None, body: Body) -> str:
    check_current(state)
    if status is not None:
        raise RefusedError("proposal.exists", "the same has been proposed already, with the same expiry")
    expires_ms = integer(body, "expires_ms")
    if expires_ms <= state.time_ms:
        raise RefusedError("proposal.expired", "the proposal has expired before it was made")
    if expires_ms > state.time_ms + MAX_OPEN_MS:
        days = MAX_OPEN_MS // (24 * 3600 * 1000)
        raise RefusedError("proposal.expiry-far", f"a proposal expires within {days} days", permanent=False)
    action = parse_action(octets(body, "action"))
    if action.authority != state.author:
        raise RefusedError(
            "proposal.authority", "a member proposes what it says itself, not what another says"
        )
    votes = ADMINISTRATOR in author_roles(state)
    if not votes and not _is_successor(state.author, action):
        raise RefusedError("authority.role", "to propose this takes an administrator's key", permanent=False)
    voters = state.administrators
    row = ProposalRow(
        proposer=state.author,
        action=action.raw,
        proposed_ms=state.time_ms,
        expires_ms=expires_ms,
        voters=voters,
        quorum=quorum_size(len(voters)),
        approvals=(state.author,) if votes else (),
    )
    return _settle(state, _proposal_id(body), row, action)


def _is_successor(author: str, action: Record) -> bool:
    """Whoever shall succeed an authority that cannot sign any more may ask the administrators, without a vote of its own."""
    return action.type.name == "succession.declare/1" and author in words(action.body, "successors")


def _settle(state: RuleState, proposal: bytes, row: ProposalRow, action: Record) -> str:
    """Count, and do what is proposed if the votes suffice; returns the proposal's status."""
    if len(row.counted(state.administrators)) >= row.quorum:
        state.execute(action)
        row = replace(row, outcome=EXECUTED, decided_ms=state.time_ms)
    state.put(proposal_key(proposal), row.encoded())
    return row.outcome


def _open_proposal(state: RuleState, proposer: str, body: Body) -> ProposalRow:
    data = state.get(proposal_key(octets(body, "proposal")))
    row = None if data is None else ProposalRow.parse(data)
    if row is None or row.proposer != proposer:
        raise RefusedError("proposal.unknown", f"{proposer!r} has made no such proposal", permanent=False)
    if row.outcome != IN_FORCE:
        raise RefusedError("proposal.closed", f"the proposal is {row.outcome} already")
    if state.time_ms > row.expires_ms:
        raise RefusedError("proposal.expired", "the proposal has expired")
    return row


def _approve(state: RuleState, _status: str | None, body: Body) -> str:
    check_current(state)
    row = _open_proposal(state, text(body, "proposer"), body)
    if state.author not in row.voters or ADMINISTRATOR not in author_roles(state):
        raise RefusedError(
            "proposal.no-vote",
            "the members that vote are those that were administrators when it was proposed, and still are",
            permanent=state.author not in row.voters,
        )
    if state.author in row.approvals:
        raise RefusedError("proposal.approved", f"{state.author!r} has approved this already")
    row = replace(row, approvals=(*row.approvals, state.author))
    return _settle(state, octets(body, "proposal"), row, parse_action(row.action))


def _withdraw(state: RuleState, _status: str | None, body: Body) -> str:
    check_current(state)
    row = _open_proposal(state, state.author, body)
    row = replace(row, outcome=WITHDRAWN, decided_ms=state.time_ms)
    state.put(proposal_key(octets(body, "proposal")), row.encoded())
    return WITHDRAWN


_PROPOSAL = Field("proposal", Bytes(HASH_SIZE), "record id of the `governance.propose/1`")

PROPOSE = RecordType(
    name="governance.propose/1",
    meaning="A member proposes a governed record; an administrator votes for it by that.",
    fields=(
        AUTHORITY,
        Field(
            "action",
            ActionBytes(MAX_ACTION_BYTES),
            "canonical bytes of a record of a governed type, of the same authority",
        ),
        Field("expires_ms", TIME_MS, "chain time after which the proposal takes no more votes"),
    ),
    roles=KEY_MANAGERS,
    subject=_proposed,
    rule=_propose,
    lookups=_lookups,
)

TYPES = (
    PROPOSE,
    RecordType(
        name="governance.approve/1",
        meaning="An administrator votes for a proposal; the vote that makes the quorum does what is proposed.",
        fields=(AUTHORITY, Field("proposer", IDENTIFIER, "the member that proposed"), _PROPOSAL),
        roles=frozenset({ADMINISTRATOR}),
        subject=_approved,
        rule=_approve,
        single=True,
    ),
    RecordType(
        name="governance.withdraw/1",
        meaning="A member takes back what it proposed.",
        fields=(AUTHORITY, _PROPOSAL),
        roles=KEY_MANAGERS,
        subject=_withdrawn,
        rule=_withdraw,
    ),
)
