"""Rows of the state: the keys they stand under, and what is in them.

Rules (docs/spec.md, "State rows"): a key is `encode([kind, …])` of fixed arity, a value is a canonical array or integer;
neither is ever empty, and a row is never removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

from ledger.encoding import Value, decode, encode
from ledger.errors import FormatError
from ledger.genesis import Genesis, Validator
from ledger.hashing import leaf_hash
from ledger.merkle import CompactRange

MEMBER, KEY, VALIDATORS, PARAMETERS, ENTRY, SUBJECT = (
    "member",
    "key",
    "validators",
    "parameters",
    "entry",
    "subject",
)

Identifier = str | bytes


class StateReader(Protocol):
    """Read access to the rows of one state."""

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""


def member_key(member: str) -> bytes:
    """State key of a member's row."""
    return encode([MEMBER, member])


def key_key(public_key: bytes) -> bytes:
    """State key of a public key's row."""
    return encode([KEY, public_key])


def entry_key(entry_id: bytes) -> bytes:
    """State key of an entry's row, whose value is the entry's log index."""
    # ["entry", 32 bytes] written out: this runs once for every entry.
    return b"\x92\xa5entry\xc4\x20" + entry_id


def subject_key(kind: str, authority: str, identifier: Identifier) -> bytes:
    """State key of a subject's row."""
    return encode([SUBJECT, kind, authority, identifier])


VALIDATORS_KEY = encode([VALIDATORS])
PARAMETERS_KEY = encode([PARAMETERS])


def _array(data: bytes, size: int, what: str) -> list[Value]:
    value = decode(data)
    if not isinstance(value, list) or len(value) != size:
        raise FormatError("row.shape", f"a {what} row has {size} items")
    return value


def _str(value: Value) -> str:
    if not isinstance(value, str):
        raise FormatError("row.shape", "a row's item should be text")
    return value


def _int(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FormatError("row.shape", "a row's item should be a non-negative integer")
    return value


def _maybe_int(value: Value) -> int | None:
    return None if value is None else _int(value)


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise FormatError("row.shape", "a row's item should be bytes")
    return value


def _words(value: Value) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise FormatError("row.shape", "a row's item should be a list of words")
    return tuple(_str(item) for item in value)


@dataclass(frozen=True, slots=True)
class MemberRow:
    """`[name, roles, registered_ms]`."""

    name: str
    roles: tuple[str, ...]
    registered_ms: int

    def encoded(self) -> bytes:
        """The row's value."""
        return encode([self.name, list(self.roles), self.registered_ms])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a row's value. Raises FormatError."""
        name, roles, registered = _array(data, 3, "member")
        return cls(_str(name), _words(roles), _int(registered))


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`[member, roles, registered_ms, retired_ms, revoked_ms, disputed_from_ms]`; the last three are nil at first."""

    member: str
    roles: tuple[str, ...]
    registered_ms: int
    retired_ms: int | None = None
    """From this chain time on the key signs nothing new; what it signed before stays good."""
    revoked_ms: int | None = None
    """Chain time at which the key was revoked."""
    disputed_from_ms: int | None = None
    """What the key did from here up to `revoked_ms` is disputed."""

    def encoded(self) -> bytes:
        """The row's value."""
        return encode(
            [
                self.member,
                list(self.roles),
                self.registered_ms,
                self.retired_ms,
                self.revoked_ms,
                self.disputed_from_ms,
            ]
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a row's value. Raises FormatError."""
        member, roles, registered, retired, revoked, disputed = _array(data, 6, "key")
        return cls(
            _str(member),
            _words(roles),
            _int(registered),
            _maybe_int(retired),
            _maybe_int(revoked),
            _maybe_int(disputed),
        )


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """`[status, issue, time_ms, count, root, peaks]`: where a subject stands, and a commitment to all that concerns it."""

    status: str
    issue: bytes
    """Record id of the subject's first record."""
    time_ms: int
    """Chain time of the block that holds the first record."""
    history: CompactRange
    """RFC 9162 tree over `history_leaf` of each of the subject's records, in order; stored as count, root and peaks."""

    def encoded(self) -> bytes:
        """The row's value."""
        history = self.history
        return encode(
            [self.status, self.issue, self.time_ms, history.size, history.root(), list(history.peaks)]
        )

    @staticmethod
    def first_encoded(status: str, issue: bytes, time_ms: int, leaf: bytes) -> bytes:
        """The value of a subject's row after its first record: a tree of one leaf is its own root and only peak."""
        return encode([status, issue, time_ms, 1, leaf, [leaf]])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a row's value. Raises FormatError, also when root and peaks disagree."""
        status, issue, time_ms, count, root, peaks = _array(data, 6, "subject")
        if not isinstance(peaks, list):
            raise FormatError("row.shape", "peaks should be a list")
        history = CompactRange(_int(count), tuple(_bytes(peak) for peak in peaks))
        if history.root() != root:
            raise FormatError("row.history", "a subject's root is not the root of its peaks")
        return cls(_str(status), _bytes(issue), _int(time_ms), history)

    def appended(self, status: str, leaf: bytes) -> Self:
        """The row after one more record, whose history leaf hash is `leaf`."""
        return replace(self, status=status, history=self.history.append(leaf))


def history_leaf(entry_id: bytes, record_index: int, record_id: bytes) -> bytes:
    """Leaf hash, in a subject's history, of one record: over `[entry_id, record_index, record_id]`."""
    return leaf_hash(encode([entry_id, record_index, record_id]))


def validators_value(validators: tuple[Validator, ...]) -> bytes:
    """The value of the validators row: each validator's array, in order of name."""
    return encode([validator.value() for validator in validators])


def parse_validators(data: bytes) -> tuple[Validator, ...]:
    """Read the validators row. Raises FormatError."""
    value = decode(data)
    if not isinstance(value, list):
        raise FormatError("row.shape", "the validators row is a list")
    validators = []
    for row in value:
        if not isinstance(row, list) or len(row) != 5:
            raise FormatError("row.shape", "a validator has five items")
        validators.append(Validator(_str(row[0]), *(_bytes(item) for item in row[1:])))
    return tuple(validators)


def parse_parameters(data: bytes) -> dict[str, int]:
    """Read the parameters row. Raises FormatError."""
    value = decode(data)
    if not isinstance(value, list):
        raise FormatError("row.shape", "the parameters row is a list")
    parameters = {}
    for row in value:
        if not isinstance(row, list) or len(row) != 2:
            raise FormatError("row.shape", "a parameter has a name and a number")
        parameters[_str(row[0])] = _int(row[1])
    return parameters


def genesis_rows(genesis: Genesis) -> dict[bytes, bytes]:
    """The first state: a function of the genesis document alone."""
    rows = {
        VALIDATORS_KEY: validators_value(genesis.validators),
        PARAMETERS_KEY: encode([[name, number] for name, number in sorted(genesis.parameters.items())]),
    }
    for member in genesis.members:
        rows[member_key(member.id)] = MemberRow(member.name, member.roles, genesis.time_ms).encoded()
    for key in genesis.keys:
        rows[key_key(key.public_key)] = KeyRow(key.member, key.roles, genesis.time_ms).encoded()
    return rows
