"""What a record type is: field table, subject, authority, rule.

Rules: every record names the authority it speaks for (`authority`, a member's identifier), and the author's key must act
for that member in one of the type's roles. A type's `rule` is a pure function of the state it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self

from ledger.encoding import Value, decode
from ledger.entry import check_record_size
from ledger.errors import CannotTellError, FormatError, RefusedError
from ledger.fields import IDENTIFIER, Body, Field, check_body
from ledger.hashing import leaf_hash
from ledger.rows import Identifier, KeyRow, MemberRow, SubjectRow

MAX_TYPE_BYTES = 32
"""Bytes of a type's name."""

IN_FORCE = "in-force"
"""The one status that is good, whatever the subject: every other one says what ended it."""

AUTHORITY = Field("authority", IDENTIFIER, "the member for which the record speaks")


class Subject(NamedTuple):
    """What a record is about; with its history it stands under one key of the state."""

    kind: str
    authority: str
    identifier: Identifier


class RuleState(Protocol):
    """What a record's rule may see and change: the state as it is when the record's turn comes."""

    @property
    def time_ms(self) -> int:
        """Chain time of the block being applied."""

    @property
    def chain_id(self) -> bytes:
        """The ledger's identifier."""

    @property
    def parameters(self) -> Mapping[str, int]:
        """The ledger's parameters."""

    @property
    def author_key(self) -> bytes:
        """The key that signed the entry."""

    @property
    def author(self) -> str:
        """The member for which that key acts: the record's authority, or one that succeeds it."""

    @property
    def administrators(self) -> tuple[str, ...]:
        """The members that are administrators now, in ascending order."""

    @property
    def approved(self) -> bool:
        """Whether the record is being executed because a quorum of the administrators approved it."""

    def member(self, member: str) -> MemberRow | None:
        """A member's row."""

    def key(self, public_key: bytes) -> KeyRow | None:
        """A key's row."""

    def put_member(self, member: str, row: MemberRow) -> None:
        """Set a member's row."""

    def put_key(self, public_key: bytes, row: KeyRow) -> None:
        """Set a key's row."""

    def subject(self, subject: Subject) -> SubjectRow | None:
        """Where another subject stands."""

    def append(self, subject: Subject, status: str) -> None:
        """Append this record to the history of another subject too, and set that subject's status."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a row of any kind (`ledger.rows.row_key`)."""

    def put(self, key: bytes, value: bytes) -> None:
        """Set a row of any kind."""

    def execute(self, action: Record) -> None:
        """Do what an approved record says, and append this record to its subject's history. Raises as its rule does."""


def check_approved(state: RuleState) -> None:
    """What concerns everybody takes a quorum: alone, a sole administrator is one.

    Raises RefusedError, rule `governance.quorum`.
    """
    if not state.approved and len(state.administrators) > 1:
        raise RefusedError(
            "governance.quorum",
            "the ledger has several administrators: propose this, and a quorum of them approves it",
            permanent=False,
        )


def _no_check(_: Body) -> None:
    """For types whose field table says it all."""


def _no_lookups(_: Body) -> tuple[bytes, ...]:
    """For types nobody looks up by content."""
    return ()


def _joins_none(_: Body) -> int:
    """For types whose records join a few other histories at most."""
    return 0


@dataclass(frozen=True, slots=True)
class RecordType:
    """One type of record."""

    name: str
    """Short name with a version, such as `doc.anchor/1`."""
    meaning: str
    """One sentence for the specification."""
    fields: tuple[Field, ...]
    """The field table; `authority` among them."""
    roles: frozenset[str]
    """The author's key, and its member, need one of these."""
    subject: Callable[[Body], Subject]
    """Whose history the record is appended to."""
    rule: Callable[[RuleState, str | None, Body], str]
    """Judges the record on the state and the subject's status so far (None: nothing was recorded about it), and returns
    the new status. Raises RefusedError."""
    check: Callable[[Body], None] = field(default=_no_check)
    """What one field means for another, without any state. Raises RefusedError."""
    by_successor: bool = False
    """Whether a member that succeeds the authority may author it too, once the authority has ended."""
    single: bool = False
    """Whether an entry holds at most one record of all such types: applying it costs more than a few rows."""
    joins: Callable[[Body], int] = field(default=_joins_none)
    """How many histories of other subjects it joins, for types whose records may join many: an entry's are limited."""
    lookups: Callable[[Body], tuple[bytes, ...]] = field(default=_no_lookups)
    """Keys under which an index (never consensus) finds the record again."""


class Record(NamedTuple):
    """A record whose body follows its type's field table."""

    type: RecordType
    body: Body
    raw: bytes
    """Canonical bytes."""

    @property
    def id(self) -> bytes:
        """32 bytes: the record's leaf hash."""
        return leaf_hash(self.raw)

    @property
    def authority(self) -> str:
        """Identifier of the member for which the record speaks."""
        return text(self.body, "authority")

    @property
    def subject(self) -> Subject:
        """What the record is about."""
        return self.type.subject(self.body)

    @classmethod
    def parse(cls, raw: bytes, types: Mapping[str, RecordType]) -> Self:
        """Read canonical bytes with the types given; see `ledger.records.parse_record`."""
        check_record_size(raw)
        name, body = split_record(raw)
        record_type = types.get(name)
        if record_type is None:
            raise CannotTellError("record.type-unknown", f"record type {name!r} is not known here")
        check_body(record_type.fields, body)
        record_type.check(body)
        return cls(record_type, body, raw)


def split_record(raw: bytes) -> tuple[str, Body]:
    """Type name and body of a record, known or not. Raises FormatError, rule `record.shape` or `encoding.*`."""
    value = decode(raw)
    if not isinstance(value, list) or len(value) != 2:
        raise FormatError("record.shape", "a record is [type, body]")
    name, body = value
    if (
        not isinstance(name, str)
        or not 1 <= len(name.encode()) <= MAX_TYPE_BYTES
        or not isinstance(body, dict)
    ):
        raise FormatError("record.shape", "a record is [type, body]: a short name and a map")
    return name, body


def text(body: Body, name: str) -> str:
    """A field that the table says is text."""
    value = body[name]
    if not isinstance(value, str):
        raise FormatError("record.shape", f"field {name!r} is not text")
    return value


def octets(body: Body, name: str) -> bytes:
    """A field that the table says is bytes."""
    value = body[name]
    if not isinstance(value, bytes):
        raise FormatError("record.shape", f"field {name!r} is not bytes")
    return value


def integer(body: Body, name: str) -> int:
    """A field that the table says is an integer."""
    value = body[name]
    if not isinstance(value, int):
        raise FormatError("record.shape", f"field {name!r} is not an integer")
    return value


def words(body: Body, name: str) -> tuple[str, ...]:
    """A field that the table says is a list of words."""
    value: Value = body[name]
    if not isinstance(value, list):
        raise FormatError("record.shape", f"field {name!r} is not a list")
    return tuple(str(item) for item in value)
