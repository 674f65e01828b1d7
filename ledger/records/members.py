"""`member.*` and `key.*`: who takes part, and with which keys.

Rules: an administrator registers members, sets their roles, and registers, retires and revokes keys, for the whole ledger
(docs/adr/0008). A retired key stays good for what it signed before; a revoked key leaves a disputed
interval that verdicts mention. A key shows that its owner holds it, by a signature over `[chain_id, member, key]`.
"""

from __future__ import annotations

from dataclasses import replace

from ledger import keys
from ledger.encoding import encode
from ledger.errors import RefusedError, VerificationError
from ledger.fields import IDENTIFIER, TIME_MS, Body, Bytes, ChoiceList, Field, Text
from ledger.genesis import MAX_NAME_BYTES
from ledger.hashing import KEY_POSSESSION as KEY_POSSESSION_CONTEXT
from ledger.hashing import signed_message
from ledger.records.base import (
    AUTHORITY,
    IN_FORCE,
    RecordType,
    RuleState,
    Subject,
    integer,
    octets,
    text,
    words,
)
from ledger.roles import ADMINISTRATOR, ROLES
from ledger.rows import KeyRow, MemberRow

MEMBER, KEY = "member", "key"
RETIRED, REVOKED = "retired", "revoked"

MEMBER_LOOKUP, KEY_LOOKUP = b"member/", b"key/"
"""Lookup keys of the records that register members and keys: this, then the record id. So all of them can be listed."""

_MEMBER = Field("member", IDENTIFIER, "the member concerned")
_ROLES = Field("roles", ChoiceList(ROLES), "roles")
_KEY = Field("key", Bytes(32), "Ed25519 public key")
_ADMINISTRATORS = frozenset({ADMINISTRATOR})


def possession_message(chain_id: bytes, member: str, public_key: bytes) -> bytes:
    """What a key signs to show that its owner holds it when it is registered for `member`."""
    return signed_message(KEY_POSSESSION_CONTEXT, encode([chain_id, member, public_key]))


def _member_lookup(_: Body) -> tuple[bytes, ...]:
    return (MEMBER_LOOKUP,)


def _key_lookup(_: Body) -> tuple[bytes, ...]:
    return (KEY_LOOKUP,)


def _member_subject(body: Body) -> Subject:
    member = text(body, "member")
    return Subject(MEMBER, member, member)


def _key_subject(body: Body) -> Subject:
    return Subject(KEY, text(body, "member"), octets(body, "key"))


def _existing_member(state: RuleState, body: Body) -> MemberRow:
    row = state.member(text(body, "member"))
    if row is None:
        raise RefusedError("member.unknown", f"{text(body, 'member')!r} is not a member", permanent=False)
    return row


def _existing_key(state: RuleState, body: Body) -> KeyRow:
    row = state.key(octets(body, "key"))
    if row is None:
        raise RefusedError("key.unknown", "the key is not registered", permanent=False)
    if row.member != text(body, "member"):
        raise RefusedError("key.other-member", f"the key acts for {row.member!r}")
    return row


def _register_member(state: RuleState, _status: str | None, body: Body) -> str:
    member = text(body, "member")
    if state.member(member) is not None:
        raise RefusedError("member.exists", f"{member!r} is already a member")
    state.put_member(member, MemberRow(text(body, "name"), words(body, "roles"), state.time_ms))
    return IN_FORCE


def _set_roles(state: RuleState, _status: str | None, body: Body) -> str:
    row = _existing_member(state, body)
    state.put_member(text(body, "member"), replace(row, roles=words(body, "roles")))
    return IN_FORCE


def _register_key(state: RuleState, _status: str | None, body: Body) -> str:
    member, public_key = text(body, "member"), octets(body, "key")
    row = _existing_member(state, body)
    if state.key(public_key) is not None:
        raise RefusedError("key.exists", "the key is already registered")
    if not set(words(body, "roles")) <= set(row.roles):
        raise RefusedError("key.roles", "a key can only have roles that its member has", permanent=False)
    try:
        keys.check_public_key(public_key)
        keys.verify(
            public_key, octets(body, "possession"), possession_message(state.chain_id, member, public_key)
        )
    except VerificationError as error:
        raise RefusedError(
            "key.possession", f"the key does not show that its owner holds it: {error.detail}"
        ) from error
    state.put_key(public_key, KeyRow(member, words(body, "roles"), state.time_ms))
    return IN_FORCE


def _retire_key(state: RuleState, _status: str | None, body: Body) -> str:
    row = _existing_key(state, body)
    if row.retired_ms is not None or row.revoked_ms is not None:
        raise RefusedError("key.ended", "the key is already retired or revoked")
    state.put_key(octets(body, "key"), replace(row, retired_ms=state.time_ms))
    return RETIRED


def _revoke_key(state: RuleState, _status: str | None, body: Body) -> str:
    row = _existing_key(state, body)
    if row.revoked_ms is not None:
        raise RefusedError("key.ended", "the key is already revoked")
    if integer(body, "from_ms") > state.time_ms:
        raise RefusedError(
            "key.revoked-ahead", "a key is revoked from now or from an earlier time", permanent=False
        )
    state.put_key(
        octets(body, "key"), replace(row, revoked_ms=state.time_ms, disputed_from_ms=integer(body, "from_ms"))
    )
    return REVOKED


TYPES = (
    RecordType(
        name="member.register/1",
        meaning="An administrator admits a member.",
        fields=(
            AUTHORITY,
            _MEMBER,
            Field("name", Text(1, MAX_NAME_BYTES), "name of the organisation for people (never of a person)"),
            _ROLES,
        ),
        roles=_ADMINISTRATORS,
        subject=_member_subject,
        rule=_register_member,
        lookups=_member_lookup,
    ),
    RecordType(
        name="member.roles/1",
        meaning="An administrator sets what a member may do.",
        fields=(AUTHORITY, _MEMBER, _ROLES),
        roles=_ADMINISTRATORS,
        subject=_member_subject,
        rule=_set_roles,
    ),
    RecordType(
        name="key.register/1",
        meaning="An administrator puts a key in service for a member.",
        fields=(
            AUTHORITY,
            _MEMBER,
            _KEY,
            _ROLES,
            Field(
                "possession",
                Bytes(64),
                "the key's signature over `[chain_id, member, key]`, context `sogoc/v1/key-possession`",
            ),
        ),
        roles=_ADMINISTRATORS,
        subject=_key_subject,
        rule=_register_key,
        lookups=_key_lookup,
    ),
    RecordType(
        name="key.retire/1",
        meaning="A key signs nothing new from now on; what it signed stays good.",
        fields=(AUTHORITY, _MEMBER, _KEY),
        roles=_ADMINISTRATORS,
        subject=_key_subject,
        rule=_retire_key,
    ),
    RecordType(
        name="key.revoke/1",
        meaning="A key is withdrawn; what it did from a given time on is disputed.",
        fields=(AUTHORITY, _MEMBER, _KEY, Field("from_ms", TIME_MS, "start of the disputed interval")),
        roles=_ADMINISTRATORS,
        subject=_key_subject,
        rule=_revoke_key,
    ),
)
