"""Rows of the state: the keys they stand under, and what is in them.

Rules (docs/spec.md, "State rows"): a key is `encode([kind, …])` of fixed arity, a value is a canonical array or integer;
neither is ever empty, and a row is never removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Protocol, Self

from ledger.encoding import Value, decode, encode
from ledger.entry import MAX_RECORDS
from ledger.errors import FormatError
from ledger.genesis import Genesis, Validator
from ledger.hashing import HASH_SIZE, leaf_hash, leaf_hashes
from ledger.merkle import CompactRange
from ledger.roles import ADMINISTRATOR

MEMBER, KEY, VALIDATORS, PARAMETERS, ADMINISTRATORS, ENTRY, SUBJECT = (
    "member",
    "key",
    "validators",
    "parameters",
    "administrators",
    "entry",
    "subject",
)

Identifier = str | bytes

# Some rows are written for every record there is, and are put together from parts that were encoded before: a hash is
# these two bytes and itself. The tests hold each of them to `encode`.
_HASH_ITEM: Final = b"\xc4\x20"
_INDEX_ITEMS: Final = [encode(index) for index in range(MAX_RECORDS)]
"""The encoding of each index that a record can have in its entry."""


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
    if type(identifier) is bytes and len(identifier) == HASH_SIZE:
        return _subject_prefix(kind, authority) + identifier
    return encode([SUBJECT, kind, authority, identifier])


@lru_cache(maxsize=1_024)
def _subject_prefix(kind: str, authority: str) -> bytes:
    """What the state keys of an authority's subjects begin with, if their identifiers are hashes."""
    return encode([SUBJECT, kind, authority, bytes(HASH_SIZE)])[:-HASH_SIZE]


def place_values(index: int, count: int) -> list[bytes]:
    """`encode([index, i])` for each i below `count`: the places of the records of the entry at `index`."""
    beginning = b"\x92" + encode(index)
    return [beginning + item for item in _index_items(count)]


def _index_items(count: int) -> list[bytes]:
    """The encodings of 0, 1, … below `count`."""
    return _INDEX_ITEMS[:count] if count <= MAX_RECORDS else [encode(index) for index in range(count)]


def row_key(kind: str, *items: Identifier | int) -> bytes:
    """State key `[kind, …]` of a row of a record type's own: each kind has one arity, and no kind is used twice."""
    return encode([kind, *items])


VALIDATORS_KEY = encode([VALIDATORS])
VALIDATORS_BEFORE_KEY = encode(["validators-before"])
"""Its value says when the validators were last changed, and which they were before (`ValidatorsBefore`)."""
PARAMETERS_KEY = encode([PARAMETERS])
ADMINISTRATORS_KEY = encode([ADMINISTRATORS])
"""Its value lists, in ascending order, the members that have the role `administrator`: governance counts their votes."""


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
    """`[name, roles, registered_ms, ended_ms, predecessors, successors]`; the fourth is nil at first, the last two empty."""

    name: str
    roles: tuple[str, ...]
    registered_ms: int
    ended_ms: int | None = None
    """Chain time at which the authority ends: from then on its keys sign nothing new, and its successors act for it."""
    predecessors: tuple[str, ...] = ()
    """Identifiers of the members whose business it took over, in ascending order."""
    successors: tuple[str, ...] = ()
    """Identifiers of the members that take over its business, in ascending order."""

    def encoded(self) -> bytes:
        """The row's value."""
        return encode(
            [
                self.name,
                list(self.roles),
                self.registered_ms,
                self.ended_ms,
                list(self.predecessors),
                list(self.successors),
            ]
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a row's value. Raises FormatError."""
        name, roles, registered, ended, predecessors, successors = _array(data, 6, "member")
        return cls(
            _str(name),
            _words(roles),
            _int(registered),
            _maybe_int(ended),
            _words(predecessors),
            _words(successors),
        )


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`[member, roles, registered_ms, until_ms, retired_ms, revoked_ms, disputed_from_ms]`; the last three are nil at first."""

    member: str
    roles: tuple[str, ...]
    registered_ms: int
    until_ms: int | None = None
    """Chain time after which the key signs nothing new, set when it was registered; nil for no such end."""
    retired_ms: int | None = None
    """From this chain time on the key signs nothing new; what it signed before stays good."""
    revoked_ms: int | None = None
    """Chain time at which the key was revoked."""
    disputed_from_ms: int | None = None
    """What the key did from here up to `revoked_ms` is disputed."""

    def is_disputed(self, latest_ms: int) -> bool:
        """Whether something that the key did, no later than chain time `latest_ms`, may lie in the disputed interval."""
        return self.disputed_from_ms is not None and latest_ms >= self.disputed_from_ms

    def encoded(self) -> bytes:
        """The row's value."""
        return encode(
            [
                self.member,
                list(self.roles),
                self.registered_ms,
                self.until_ms,
                self.retired_ms,
                self.revoked_ms,
                self.disputed_from_ms,
            ]
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a row's value. Raises FormatError."""
        member, roles, registered, until, retired, revoked, disputed = _array(data, 7, "key")
        return cls(
            _str(member),
            _words(roles),
            _int(registered),
            _maybe_int(until),
            _maybe_int(retired),
            _maybe_int(revoked),
            _maybe_int(disputed),
        )


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """`[status, issue, time_ms, changed_ms, count, root, peaks]`: where a subject stands, and a commitment to its history."""

    status: str
    issue: bytes
    """Record id of the subject's first record."""
    time_ms: int
    """Chain time of the block that holds the first record."""
    changed_ms: int
    """Chain time of the block that holds the newest record."""
    history: CompactRange
    """RFC 9162 tree over `history_leaf` of each of the subject's records, in order; stored as count, root and peaks."""

    def latest_ms(self, *, is_first: bool) -> int:
        """The chain time after which a record of the subject was not registered: the first has its own, a later one that of
        the newest.
        """
        return self.time_ms if is_first else self.changed_ms

    def encoded(self) -> bytes:
        """The row's value."""
        history = self.history
        return encode(
            [
                self.status,
                self.issue,
                self.time_ms,
                self.changed_ms,
                history.size,
                history.root(),
                list(history.peaks),
            ]
        )

    @staticmethod
    def first_encoded(status: str, issue: bytes, time_ms: int, leaf: bytes) -> bytes:
        """The value of a subject's row after its first record: a tree of one leaf is its own root and only peak.

        `issue` and `leaf` have 32 bytes.
        """
        beginning, times = _first_parts(status, time_ms)
        return beginning + issue + times + leaf + b"\x91\xc4\x20" + leaf

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a row's value. Raises FormatError, also when root and peaks disagree."""
        status, issue, time_ms, changed_ms, count, root, peaks = _array(data, 7, "subject")
        if not isinstance(peaks, list):
            raise FormatError("row.shape", "peaks should be a list")
        history = CompactRange(_int(count), tuple(_bytes(peak) for peak in peaks))
        if history.root() != root:
            raise FormatError("row.history", "a subject's root is not the root of its peaks")
        return cls(_str(status), _bytes(issue), _int(time_ms), _int(changed_ms), history)

    def appended(self, status: str, leaf: bytes, time_ms: int) -> Self:
        """The row after one more record, whose history leaf hash is `leaf`, in a block at chain time `time_ms`."""
        return replace(self, status=status, changed_ms=time_ms, history=self.history.append(leaf))


@lru_cache(maxsize=64)
def _first_parts(status: str, time_ms: int) -> tuple[bytes, bytes]:
    """A subject's row after its first record, up to the record's id and from there to the leaf: the same in all of a block."""
    times = encode(time_ms)
    return b"\x97" + encode(status) + _HASH_ITEM, times + times + b"\x01" + _HASH_ITEM


def history_leaf(entry_id: bytes, record_index: int, record_id: bytes) -> bytes:
    """Leaf hash, in a subject's history, of one record: over `[entry_id, record_index, record_id]`."""
    return leaf_hash(encode([entry_id, record_index, record_id]))


def history_leaves(entry_id: bytes, record_ids: Sequence[bytes]) -> list[bytes]:
    """`history_leaf` of each record of an entry, in order; faster. All ids have 32 bytes."""
    beginning = b"\x93" + _HASH_ITEM + entry_id
    return leaf_hashes(
        beginning + item + _HASH_ITEM + record_id
        for item, record_id in zip(_index_items(len(record_ids)), record_ids, strict=True)
    )


def validators_value(validators: tuple[Validator, ...]) -> bytes:
    """The value of the validators row: each validator's array, in order of name."""
    return encode([validator.value() for validator in validators])


def parse_validators(data: bytes) -> tuple[Validator, ...]:
    """Read the validators row. Raises FormatError."""
    return _validators(decode(data))


def _validators(value: Value) -> tuple[Validator, ...]:
    if not isinstance(value, list):
        raise FormatError("row.shape", "the validators row is a list")
    validators = []
    for row in value:
        if not isinstance(row, list) or len(row) not in {5, 6}:
            raise FormatError("row.shape", "a validator has five items, or six with a witness key")
        validators.append(Validator(_str(row[0]), *(_bytes(item) for item in row[1:])))
    return tuple(validators)


@dataclass(frozen=True, slots=True)
class ValidatorsBefore:
    """`[changed_ms, validators]`: the set that was in force up to and in the block of chain time `changed_ms`."""

    changed_ms: int
    validators: tuple[Validator, ...]

    def encoded(self) -> bytes:
        """The row's value."""
        return encode([self.changed_ms, [one.value() for one in self.validators]])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the row's value. Raises FormatError."""
        changed, validators = _array(data, 2, "validators-before")
        return cls(_int(changed), _validators(validators))


def validator_key_key(public_key: bytes) -> bytes:
    """State key of a key that was a validator's: its value is `[validator's name, purpose, chain time of its end]`."""
    return row_key("validator-key", public_key)


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


def parse_administrators(data: bytes) -> tuple[str, ...]:
    """Read the administrators row. Raises FormatError."""
    return _words(decode(data))


def genesis_rows(genesis: Genesis) -> dict[bytes, bytes]:
    """The first state: a function of the genesis document alone."""
    rows = {
        VALIDATORS_KEY: validators_value(genesis.validators),
        PARAMETERS_KEY: encode([[name, number] for name, number in sorted(genesis.parameters.items())]),
    }
    administrators = [member.id for member in genesis.members if ADMINISTRATOR in member.roles]
    rows[ADMINISTRATORS_KEY] = encode(administrators)
    for member in genesis.members:
        rows[member_key(member.id)] = MemberRow(member.name, member.roles, genesis.time_ms).encoded()
    for key in genesis.keys:
        rows[key_key(key.public_key)] = KeyRow(key.member, key.roles, genesis.time_ms).encoded()
    return rows
