"""`succession.*`: an authority is merged, split, renamed or abolished, and others take over its business.

Rules (docs/adr/0009): an authority is an identifier with an interval, never a code or a name. When it takes effect is apart
from when it is recorded: the predecessor signs a handover in advance (`handover`), or the administrators declare it, also
afterwards (`declare`, governed). A handover takes effect `NOTICE_MS` after its block at the earliest, so that one signed with
a stolen key can be called off; for an administrator it takes an administrator's key. Until then its author may replace or
cancel it. A declaration stands above a handover, and only another decision of the administrators changes it. What has ended
never comes back. The record joins the histories of all the members concerned, so an entry holds one such record. At least one
administrator remains.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from ledger.encoding import Value, decode, encode
from ledger.errors import FormatError, RefusedError
from ledger.fields import IDENTIFIER, TIME_MS, Body, Choice, Field
from ledger.records.base import (
    AUTHORITY,
    IN_FORCE,
    RecordType,
    RuleState,
    Subject,
    integer,
    text,
    words,
)
from ledger.records.members import (
    DECISION,
    KEY_MANAGERS,
    MEMBER,
    check_administrator,
    check_current,
    check_governed,
    existing_member,
)
from ledger.roles import ADMINISTRATOR
from ledger.rows import MemberRow, row_key
from ledger.succession import line_of

SUCCESSION = "succession"
"""Kind of this family's rows: `["succession", predecessor]`."""

MERGE, SPLIT, RENAME, ABOLITION = "merge", "split", "rename", "abolition"
MAX_SUCCESSORS = 8
"""Most successors of one authority: an abolished district's business goes to several communes, and a receipt proves the row
of each (`ledger.succession.MAX_MEMBERS` of them at most)."""
MAX_PREDECESSORS = 64
"""Most authorities whose business one member takes over: its row stands in every receipt of theirs."""

NOTICE_MS = 24 * 3600 * 1000
"""A handover takes effect at least so long after the block that holds it, milliseconds: there is time to call it off."""

_MERGED = frozenset({MERGE, RENAME})
"""Kinds with exactly one successor."""


@dataclass(frozen=True, slots=True)
class IdentifierList:
    """Different member identifiers in ascending order, `minimum`..`maximum` of them."""

    minimum: int
    maximum: int

    def check(self, name: str, value: Value) -> None:
        """Raise RefusedError unless `value` is such a list."""
        if not isinstance(value, list):
            raise RefusedError("record.field-kind", f"field {name!a} must be a list")
        if not self.minimum <= len(value) <= self.maximum:
            raise RefusedError(
                "record.field-length",
                f"field {name!a} must list {self.minimum} to {self.maximum} members, not {len(value)}",
            )
        for item in value:
            IDENTIFIER.check(name, item)
        names = [str(item) for item in value]
        if names != sorted(set(names)):
            raise RefusedError("record.field-order", f"field {name!a} must be in ascending order, each once")

    def describe(self) -> str:
        """The rule in words."""
        return f"list of {self.minimum}–{self.maximum} different members in ascending order, each {IDENTIFIER.describe()}"


@dataclass(frozen=True, slots=True)
class SuccessionRow:
    """`[kind, decision, declared, recorded_ms]`: how a member's end was decided; its own row has when, and who follows."""

    kind: str | None
    """Merge, split, rename or abolition; None once it was cancelled."""
    decision: str | None
    """The legal decision, if it was named."""
    declared: bool
    """Whether a quorum declared it: then a handover of the predecessor does not change it."""
    recorded_ms: int
    """Chain time of the block that holds the record."""

    def encoded(self) -> bytes:
        """The row's value."""
        return encode([self.kind, self.decision, self.declared, self.recorded_ms])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a row's value. Raises FormatError."""
        value = decode(data)
        if not isinstance(value, list) or len(value) != 4:
            raise FormatError("row.shape", "a succession row has 4 items")
        kind, decision, declared, recorded = value
        if (
            not isinstance(kind, str | None)
            or not isinstance(decision, str | None)
            or not isinstance(declared, bool)
            or not isinstance(recorded, int)
        ):
            raise FormatError("row.shape", "an item of a succession row is of another kind than it should be")
        return cls(kind, decision, declared, recorded)


def succession_key(predecessor: str) -> bytes:
    """State key of the row that says how a member's end was decided."""
    return row_key(SUCCESSION, predecessor)


def _member_subject(member: str) -> Subject:
    return Subject(MEMBER, member, member)


def _handover_subject(body: Body) -> Subject:
    return _member_subject(text(body, "authority"))


def _predecessor_subject(body: Body) -> Subject:
    return _member_subject(text(body, "predecessor"))


def _check(body: Body, predecessor: str) -> None:
    successors = words(body, "successors")
    if predecessor in successors:
        raise RefusedError("succession.itself", "an authority cannot succeed itself")
    kind = text(body, "kind")
    if (kind in _MERGED and len(successors) != 1) or (kind == SPLIT and len(successors) < 2):
        raise RefusedError(
            "succession.kind", "a merger or a new name has one successor, a split at least two"
        )


def _check_handover(body: Body) -> None:
    _check(body, text(body, "authority"))


def _check_declaration(body: Body) -> None:
    _check(body, text(body, "predecessor"))


def _decided(state: RuleState, predecessor: str) -> SuccessionRow | None:
    data = state.get(succession_key(predecessor))
    return None if data is None else SuccessionRow.parse(data)


def _check_own(state: RuleState, member: str) -> None:
    """Its own end is a member's own business; an administrator's takes an administrator's key, since a vote ends with it."""
    check_current(state)
    if member in state.administrators:
        check_administrator(state)


def _hand_over(state: RuleState, _status: str | None, body: Body) -> str:
    predecessor = text(body, "authority")
    _check_own(state, predecessor)
    decided = _decided(state, predecessor)
    if decided is not None and decided.declared:
        raise RefusedError(
            "succession.declared", "the administrators have decided on this authority's end", permanent=False
        )
    if integer(body, "effective_ms") < state.time_ms + NOTICE_MS:
        raise RefusedError(
            "succession.not-ahead", "an authority hands over at least 24 hours before that takes effect"
        )
    if decided is not None and _repeats(existing_member(state, predecessor), decided, body):
        raise RefusedError("succession.same", "exactly this has been handed over already", permanent=False)
    return _succeed(state, predecessor, body, declared=False)


def _repeats(row: MemberRow, decided: SuccessionRow, body: Body) -> bool:
    decision = text(body, "decision") if "decision" in body else None
    return (row.ended_ms, row.successors, decided.kind, decided.decision) == (
        integer(body, "effective_ms"),
        words(body, "successors"),
        text(body, "kind"),
        decision,
    )


def _declare(state: RuleState, _status: str | None, body: Body) -> str:
    check_governed(state)
    predecessor, effective_ms = text(body, "predecessor"), integer(body, "effective_ms")
    row = existing_member(state, predecessor)
    if effective_ms < row.registered_ms:
        raise RefusedError(
            "succession.before-member", "the authority cannot have ended before it was a member"
        )
    if _has_ended(row, state.time_ms) and effective_ms > state.time_ms:
        raise RefusedError("succession.ended", "an authority that has ended does not come back")
    return _succeed(state, predecessor, body, declared=True)


def _cancel(state: RuleState, _status: str | None, body: Body) -> str:
    predecessor = text(body, "predecessor")
    decided = _decided(state, predecessor)
    if predecessor == state.author and not state.approved and not (decided is not None and decided.declared):
        _check_own(state, predecessor)
    else:
        check_administrator(state)
        check_governed(state)
    row = existing_member(state, predecessor)
    if row.ended_ms is None:
        raise RefusedError("succession.none", "the authority has not been handed over", permanent=False)
    if _has_ended(row, state.time_ms):
        raise RefusedError("succession.ended", "an authority that has ended does not come back")
    _set(state, predecessor, row, None, ())
    state.put(succession_key(predecessor), SuccessionRow(None, None, False, state.time_ms).encoded())  # noqa: FBT003  a row's item
    return IN_FORCE


def _has_ended(row: MemberRow, time_ms: int) -> bool:
    return row.ended_ms is not None and row.ended_ms <= time_ms


def _succeed(state: RuleState, predecessor: str, body: Body, *, declared: bool) -> str:
    effective_ms, successors = integer(body, "effective_ms"), words(body, "successors")
    for name in successors:
        successor = existing_member(state, name)
        if _has_ended(successor, effective_ms):
            raise RefusedError("succession.successor-ended", f"{name!r} has itself ended by then")
        if predecessor in line_of(name, state.member):
            raise RefusedError("succession.circle", f"{predecessor!r} succeeds {name!r}", permanent=False)
    _check_administrator_remains(state, predecessor)
    row = existing_member(state, predecessor)
    _set(state, predecessor, row, effective_ms, successors)
    decision = text(body, "decision") if "decision" in body else None
    state.put(
        succession_key(predecessor),
        SuccessionRow(text(body, "kind"), decision, declared, state.time_ms).encoded(),
    )
    return IN_FORCE


def _check_administrator_remains(state: RuleState, predecessor: str) -> None:
    administrators = state.administrators
    if predecessor not in administrators:
        return
    for name in administrators:
        row = state.member(name)
        if name != predecessor and row is not None and row.ended_ms is None:
            return
    raise RefusedError(
        "succession.no-administrator",
        f"{predecessor!r} is the last administrator: give the role to another member first",
        permanent=False,
    )


def _set(
    state: RuleState, predecessor: str, row: MemberRow, ended_ms: int | None, successors: tuple[str, ...]
) -> None:
    """Write the end into the rows and the histories of all concerned: those that succeed now, and those that did before."""
    state.put_member(predecessor, replace(row, ended_ms=ended_ms, successors=successors))
    for name in sorted({*row.successors, *successors}):
        other = existing_member(state, name)
        before = {*other.predecessors}
        after = before | {predecessor} if name in successors else before - {predecessor}
        if len(after) > MAX_PREDECESSORS:
            raise RefusedError(
                "succession.too-many",
                f"{name!r} takes over the business of {MAX_PREDECESSORS} members at most",
                permanent=False,
            )
        state.put_member(name, replace(other, predecessors=tuple(sorted(after))))
        state.append(_member_subject(name), IN_FORCE)


_SUCCESSORS = Field("successors", IdentifierList(1, MAX_SUCCESSORS), "who takes over its business")
_EFFECTIVE = Field("effective_ms", TIME_MS, "chain time at which the predecessor ends")
_KIND = Field("kind", Choice(frozenset({MERGE, SPLIT, RENAME, ABOLITION})), "what becomes of the predecessor")
_PREDECESSOR = Field("predecessor", IDENTIFIER, "the authority that ends")

TYPES = (
    RecordType(
        name="succession.handover/1",
        meaning="An authority hands over in advance: from a given time on it signs nothing, and its successors act for it.",
        fields=(AUTHORITY, _SUCCESSORS, _EFFECTIVE, _KIND, DECISION),
        roles=KEY_MANAGERS,
        subject=_handover_subject,
        rule=_hand_over,
        single=True,
        check=_check_handover,
    ),
    RecordType(
        name="succession.declare/1",
        meaning="The end and the successors of an authority that does not sign this itself, also afterwards. Governed.",
        fields=(AUTHORITY, _PREDECESSOR, _SUCCESSORS, _EFFECTIVE, _KIND, DECISION),
        roles=frozenset({ADMINISTRATOR}),
        subject=_predecessor_subject,
        rule=_declare,
        single=True,
        check=_check_declaration,
    ),
    RecordType(
        name="succession.cancel/1",
        meaning="A succession that has not taken effect is called off: a handover by its author, a declaration governed.",
        fields=(AUTHORITY, _PREDECESSOR, DECISION),
        roles=KEY_MANAGERS,
        subject=_predecessor_subject,
        rule=_cancel,
        single=True,
    ),
)
