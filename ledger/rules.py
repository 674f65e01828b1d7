"""The chain rules: a pure function `(state, block) -> state'`.

Rules (docs/spec.md, "Chain rules"): authorization is judged on the state at inclusion; records apply in order, all of an
entry's or none; ordinary records touch one row, at most four. A refusal is for ever (`permanent`) or only for now.

What this module does not do: no clock, no randomness, no file, no network, and no signature of an entry: signatures do
not depend on state, so callers check them where it is cheapest, and once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from ledger.encoding import encode
from ledger.entry import Entry
from ledger.errors import FormatError, LedgerError, RefusedError
from ledger.genesis import KEY_GRACE, TIME_AHEAD
from ledger.hashing import sha256
from ledger.records import Record, Subject, parse_record
from ledger.roles import ADMINISTRATOR
from ledger.rows import (
    ADMINISTRATORS_KEY,
    PARAMETERS_KEY,
    KeyRow,
    MemberRow,
    StateReader,
    SubjectRow,
    entry_key,
    history_leaves,
    key_key,
    member_key,
    parse_administrators,
    parse_parameters,
    place_values,
    subject_key,
)
from ledger.succession import acts_for, line_of

LATE_MS = 24 * 3600 * 1000
"""An entry whose claimed time is further than this behind its block's is flagged late, and accepted."""


MAX_JOINED = 4_096
"""Histories of things that the records of one entry join, in all: no entry takes longer than one that is full of documents."""

_MAX_WRITTEN: Final = 4 * MAX_JOINED
"""Rows of subjects that are kept beside their bytes while a block is applied."""

RECORD_LOOKUP = b"record/"
"""Lookup keys of all records: this, then the 32-byte record id."""

SUBJECT_LOOKUP = b"subject/"
"""Lookup keys of the records of a subject's history but its first: this, 16 bytes of the SHA-256 of the subject's state key,
and the record's number in the history in 4 bytes, big-endian. The first is found by the id that the subject's row names,
unless it is mainly about another subject: then it has a row here too. So most records, which begin a subject, need none."""


def subject_lookup(key: bytes, number: int) -> bytes:
    """Lookup key of record `number`, from 0, of the subject whose state key is `key`."""
    return SUBJECT_LOOKUP + sha256(key)[:16] + number.to_bytes(4, "big")


# A ledger has few keys and members beside its entries, and every entry asks for one of each: their rows are read once
# for each value they have had. What is cached follows from the bytes alone.
_key_row: Final = lru_cache(maxsize=1_024)(KeyRow.parse)
_member_row: Final = lru_cache(maxsize=1_024)(MemberRow.parse)
_administrators: Final = lru_cache(maxsize=16)(parse_administrators)


@lru_cache(maxsize=16)
def _parameters(data: bytes) -> Mapping[str, int]:
    return MappingProxyType(parse_parameters(data))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: log index of its entry, and its own index in the entry."""

    index: int
    record_index: int

    def encoded(self) -> bytes:
        """As it is stored in the indexes."""
        return encode([self.index, self.record_index])


@dataclass(slots=True)
class Effects:
    """What a block, or a part of one, does."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    """State rows to set: raw key to value."""
    lookups: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Index rows: lookup key to encoded place. No consensus depends on them."""


class Overlay:
    """Rows set so far, over a state that is not changed. Also what a record's rule may see (`RuleState`)."""

    def __init__(self, state: StateReader, chain_id: bytes, time_ms: int) -> None:
        self._state = state
        self.chain_id = chain_id
        self.time_ms = time_ms
        self.rows: dict[bytes, bytes] = {}
        self._pending: dict[bytes, bytes] = {}
        self._effect: RecordEffect | None = None
        self._joined: list[bytes] = []
        self._written: dict[bytes, tuple[bytes, SubjectRow]] = {}
        self.author_key = b""
        self.author = ""
        self.approved = False
        self.parameters: Mapping[str, int] = _parameters(_required(state, PARAMETERS_KEY, "parameters"))

    def get(self, key: bytes) -> bytes | None:
        """The value under `key` as things stand now."""
        value = self._pending.get(key)
        if value is None:
            value = self.rows.get(key)
        return value if value is not None else self._state.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Set a row for the entry being applied; `keep` or `drop` decides what becomes of it."""
        self._pending[key] = value

    def keep(self) -> None:
        """The entry is applied: its rows stand."""
        self.rows.update(self._pending)
        self._pending.clear()

    def drop(self) -> None:
        """The entry is refused: as if it had never come."""
        self._pending.clear()
        self._joined.clear()

    def member(self, member: str) -> MemberRow | None:
        """A member's row."""
        data = self.get(member_key(member))
        return None if data is None else _member_row(data)

    def key(self, public_key: bytes) -> KeyRow | None:
        """A key's row."""
        data = self.get(key_key(public_key))
        return None if data is None else _key_row(data)

    @property
    def administrators(self) -> tuple[str, ...]:
        """The members that are administrators at this time."""
        return tuple(name for name in self._administrators() if not self._has_ended(name))

    def _administrators(self) -> tuple[str, ...]:
        return _administrators(_required(self, ADMINISTRATORS_KEY, "administrators"))

    def _has_ended(self, member: str) -> bool:
        row = self.member(member)
        return row is None or (row.ended_ms is not None and self.time_ms >= row.ended_ms)

    def put_member(self, member: str, row: MemberRow) -> None:
        """Set a member's row, and list the member among the administrators if its roles say so."""
        self.put(member_key(member), row.encoded())
        before = set(self._administrators())
        after = before | {member} if ADMINISTRATOR in row.roles else before - {member}
        if after != before:
            self.put(ADMINISTRATORS_KEY, encode(sorted(after)))

    def put_key(self, public_key: bytes, row: KeyRow) -> None:
        """Set a key's row."""
        self.put(key_key(public_key), row.encoded())

    def begin(self, author_key: bytes, author: str) -> None:
        """Turn to an entry: who signed it, and for which member."""
        self.author_key, self.author = author_key, author

    def apply(self, record: Record, effect: RecordEffect) -> Sequence[bytes]:
        """Apply one record of the entry, and return the keys of its index rows.

        Raises RefusedError, FormatError or CannotTellError.
        """
        self._effect = effect
        before = self._subject(effect.subject_key)
        status = record.type.rule(self, None if before is None else before.status, record.body)
        self._append(effect.subject_key, before, status)
        if not self._joined:
            return effect.lookups
        joined, self._joined = self._joined, []
        if before is not None and before.issue == effect.record_id:
            # The subject's first record word for word once more: its id goes on leading to where it first stood.
            return joined
        return [*effect.lookups, *joined]

    def subject(self, subject: Subject) -> SubjectRow | None:
        """Where a subject stands."""
        return self._subject(subject_key(*subject))

    def append(self, subject: Subject, status: str) -> None:
        """Append the record being applied to the history of another subject, and set that subject's status."""
        key = subject_key(*subject)
        self._append(key, self._subject(key), status)

    def execute(self, action: Record) -> None:
        """Do what a record says that a quorum has approved; the record being applied joins its subject's history."""
        before = self.subject(action.subject)
        self.approved = True
        try:
            status = action.type.rule(self, None if before is None else before.status, action.body)
        finally:
            self.approved = False
        self.append(action.subject, status)

    def _subject(self, key: bytes) -> SubjectRow | None:
        data = self.get(key)
        if data is None:
            return None
        # Events of one entry name the same things again: what was put together here need not be taken apart.
        written = self._written.get(key)
        return written[1] if written is not None and written[0] is data else SubjectRow.parse(data)

    def _append(self, key: bytes, before: SubjectRow | None, status: str) -> None:
        effect = self._effect
        if effect is None:
            raise ValueError("no record is being applied")
        if before is None:
            row = SubjectRow.first_encoded(status, effect.record_id, self.time_ms, effect.history_leaf)
            if key != effect.subject_key:
                self._joined.append(subject_lookup(key, 0))
        else:
            after = before.appended(status, effect.history_leaf, self.time_ms)
            row = after.encoded()
            if len(self._written) < _MAX_WRITTEN:
                self._written[key] = row, after
            self._joined.append(subject_lookup(key, before.history.size))
        self.put(key, row)


def _required(state: StateReader, key: bytes, what: str) -> bytes:
    value = state.get(key)
    if value is None:
        raise FormatError("state.missing", f"the state has no {what} row")
    return value


class RecordEffect(NamedTuple):
    """What a record does whatever the state."""

    record_id: bytes
    subject_key: bytes
    history_leaf: bytes
    lookups: tuple[bytes, ...]
    """Keys of its index rows."""


@dataclass(frozen=True)
class ParsedEntry:
    """An entry whose records have been read: all that can be judged without a state has been."""

    entry: Entry
    records: tuple[Record, ...]

    @cached_property
    def effects(self) -> tuple[RecordEffect, ...]:
        """What each record does whatever the state: computed once, though an entry is applied at admission and again."""
        record_ids = self.entry.record_ids
        leaves = history_leaves(self.entry.id, record_ids)
        effects: list[RecordEffect] = []
        for record, record_id, leaf in zip(self.records, record_ids, leaves, strict=True):
            record_type, body, _ = record
            lookups = [RECORD_LOOKUP + record_id]
            lookups += [lookup + record_id for lookup in record_type.lookups(body)]
            effects.append(
                RecordEffect(record_id, subject_key(*record_type.subject(body)), leaf, tuple(lookups))
            )
        return tuple(effects)

    @cached_property
    def authored(self) -> tuple[Record, ...]:
        """The first record of each type for each authority, in order: who may author these may author them all."""
        first: dict[tuple[str, str], Record] = {}
        for record in self.records:
            first.setdefault((record.authority, record.type.name), record)
        return tuple(first.values())

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Read the entry's records, each against its type's field table, no two equal, one `single` at most, and no more than
        `MAX_JOINED` things named.

        Raises RefusedError, FormatError or CannotTellError with the rule that is broken; what is refused here no later
        state under these rules can admit.
        """
        if len(set(entry.records)) != len(entry.records):
            raise RefusedError("entry.records-repeat", "two records of one entry are equal")
        records = tuple(parse_record(raw) for raw in entry.records)
        if sum(record.type.single for record in records) > 1:
            raise RefusedError(
                "entry.single", "an entry holds one succession or one vote on a proposal, and not several"
            )
        joined = sum(record.type.joins(record.body) for record in records)
        if joined > MAX_JOINED:
            raise RefusedError(
                "entry.things",
                f"the events of an entry name at most {MAX_JOINED} things in all, not {joined}",
            )
        return cls(entry, records)


def check_author(overlay: Overlay, parsed: ParsedEntry) -> None:
    """Judge who signs, for whom, and when, on the state as it stands. Raises RefusedError."""
    body = parsed.entry.body
    if body.chain_id != overlay.chain_id:
        raise RefusedError("entry.chain", "the entry was signed for another ledger")
    if body.time_ms > overlay.time_ms + overlay.parameters[TIME_AHEAD]:
        ahead = (body.time_ms - overlay.time_ms) // 1000
        raise RefusedError(
            "entry.time-ahead", f"the entry's claimed time is {ahead} s ahead of the block's", permanent=False
        )
    key = overlay.key(body.author_key)
    if key is None:
        raise RefusedError(
            "key.unknown", "the author's key is not registered on this ledger", permanent=False
        )
    if key.revoked_ms is not None:
        raise RefusedError("key.revoked", "the author's key has been revoked")
    if key.retired_ms is not None and (
        body.time_ms > key.retired_ms or overlay.time_ms > key.retired_ms + overlay.parameters[KEY_GRACE]
    ):
        raise RefusedError(
            "key.retired", "the author's key has been retired, and the grace period does not cover this entry"
        )
    if key.until_ms is not None and _is_over(overlay, body.time_ms, key.until_ms):
        raise RefusedError(
            "key.expired",
            "the author's key was valid for a time that is over, and the grace period does not cover this entry",
        )
    member = overlay.member(key.member)
    if member is None:
        raise RefusedError("member.unknown", f"{key.member!r} is not a member", permanent=False)
    if member.ended_ms is not None and _is_over(overlay, body.time_ms, member.ended_ms):
        raise RefusedError(
            "member.ended",
            f"the authority {key.member!r} has ended, and the grace period does not cover this entry",
        )
    roles = frozenset(key.roles) & frozenset(member.roles)
    for record in parsed.authored:
        _check_authority(overlay, record, key.member, roles)
    overlay.begin(body.author_key, key.member)


def _is_over(overlay: Overlay, claimed_ms: int, end_ms: int) -> bool:
    """Whether what is claimed to be of `claimed_ms` comes too late for something that ended at `end_ms`."""
    return overlay.time_ms > end_ms and (
        claimed_ms > end_ms or overlay.time_ms > end_ms + overlay.parameters[KEY_GRACE]
    )


def _check_authority(overlay: Overlay, record: Record, member: str, roles: frozenset[str]) -> None:
    authority = record.authority
    if authority != member and not (
        record.type.by_successor
        and acts_for(member, authority, line_of(authority, overlay.member), overlay.time_ms)
    ):
        raise RefusedError(
            "authority.not-acting",
            f"the author's key acts for {member!r}, not for {authority!r}",
            permanent=not record.type.by_successor,
        )
    if not roles & record.type.roles:
        raise RefusedError(
            "authority.role",
            f"{record.type.name} needs the role {' or '.join(sorted(record.type.roles))}, which the author's key does not have",
            permanent=False,
        )


def apply_entry(overlay: Overlay, parsed: ParsedEntry, index: int) -> list[tuple[bytes, bytes]]:
    """Apply one entry that will stand at log `index`: all of its records or, when one is refused, none.

    Changes `overlay` and returns the index rows. Raises RefusedError, FormatError or CannotTellError.
    """
    entry = parsed.entry
    row_key = entry_key(entry.id)
    if overlay.get(row_key) is not None:
        raise RefusedError("entry.duplicate", "the entry is already on the ledger")
    check_author(overlay, parsed)
    lookups: list[tuple[bytes, bytes]] = []
    try:
        places = place_values(index, len(parsed.records))
        for record, effect, place in zip(parsed.records, parsed.effects, places, strict=True):
            lookups.extend((key, place) for key in overlay.apply(record, effect))
    except LedgerError:
        overlay.drop()
        raise
    overlay.put(row_key, encode(index))
    overlay.keep()
    return lookups


def apply_entries(
    state: StateReader, chain_id: bytes, time_ms: int, first_index: int, entries: Sequence[ParsedEntry]
) -> Effects:
    """Apply a block's entries, in order. Raises RefusedError, FormatError or CannotTellError at the first not allowed."""
    overlay = Overlay(state, chain_id, time_ms)
    effects = Effects()
    for offset, entry in enumerate(entries):
        effects.lookups += apply_entry(overlay, entry, first_index + offset)
    effects.rows = overlay.rows
    return effects


def is_late(entry_time_ms: int, chain_time_ms: int) -> bool:
    """Whether an entry's claimed time is more than a day behind the chain's (both milliseconds since the epoch)."""
    return chain_time_ms - entry_time_ms > LATE_MS
