"""`member.*`, `key.*` and `parameter.*`: who takes part, with which keys, under which limits.

Rules (docs/adr/0009): what concerns everybody (members, their roles, parameters, another member's keys) is governed: a
sole administrator does it, several administrators propose it and a quorum approves. Its own keys are a member's own
business: a key that manages keys registers and ends them, any key replaces or ends itself. A retired key stays good for
what it signed before; a revoked key leaves a disputed interval that verdicts mention. By itself a key disputes only what it
signed of late (`OWN_DISPUTE_MS`): who manages it may set another start, also once it is revoked. A key shows that its owner
holds it, by a signature over `[chain_id, member, key]`. The grace period is for papers on their way, never for any of this.
"""

from __future__ import annotations

from dataclasses import replace

from ledger import keys
from ledger.encoding import encode
from ledger.errors import RefusedError, VerificationError
from ledger.fields import (
    IDENTIFIER,
    TIME_MS,
    Body,
    Bytes,
    Choice,
    ChoiceList,
    Field,
    Integer,
    Text,
)
from ledger.genesis import DEFAULT_PARAMETERS, KEY_GRACE, MAX_NAME_BYTES, TIME_AHEAD
from ledger.hashing import KEY_POSSESSION as KEY_POSSESSION_CONTEXT
from ledger.hashing import signed_message
from ledger.records.base import (
    AUTHORITY,
    IN_FORCE,
    RecordType,
    RuleState,
    Subject,
    check_approved,
    integer,
    octets,
    text,
    words,
)
from ledger.roles import ADMINISTRATOR, KEY_MANAGER, ROLES
from ledger.rows import PARAMETERS_KEY, KeyRow, MemberRow, parse_parameters
from ledger.validators import is_validator_key

MEMBER, KEY, PARAMETER = "member", "key", "parameter"
"""Kinds of the subjects of this family."""
RETIRED, REVOKED = "retired", "revoked"

MEMBER_LOOKUP, KEY_LOOKUP = b"member/", b"key/"
"""Lookup keys of the records that register members and keys: this, then the record id. So all of them can be listed."""

PARAMETER_BOUNDS = {TIME_AHEAD: (0, 24 * 3600 * 1000), KEY_GRACE: (0, 90 * 24 * 3600 * 1000)}
"""Least and greatest value of each parameter, milliseconds: a slip of the finger must not undo a rule."""
_GREATEST = max(greatest for _, greatest in PARAMETER_BOUNDS.values())

OWN_DISPUTE_MS = 24 * 3600 * 1000
"""How far back a key may dispute what it signed itself, milliseconds: a thief shall not undo years of a clerk's work."""

MAX_DECISION_BYTES = 200

DECISION = Field(
    "decision",
    Text(1, MAX_DECISION_BYTES),
    "the legal decision behind it: its number and who made it (never a person's name)",
    required=False,
)
_MEMBER = Field("member", IDENTIFIER, "the member concerned")
_ROLES = Field("roles", ChoiceList(ROLES), "roles")
_KEY = Field("key", Bytes(32), "Ed25519 public key")
_POSSESSION = Field(
    "possession",
    Bytes(64),
    "the key's signature over `[chain_id, member, key]`, context `sogoc/v1/key-possession`",
)
_ITS_KEY = (
    Field(
        "key",
        Bytes(32),
        "a key of the member; required, with `possession`, when the member becomes an administrator",
        required=False,
    ),
    Field(
        "possession",
        Bytes(64),
        "that key's signature over `[chain_id, member, key]`, context `sogoc/v1/key-possession`",
        required=False,
    ),
)
_ADMINISTRATORS = frozenset({ADMINISTRATOR})
KEY_MANAGERS = frozenset({ADMINISTRATOR, KEY_MANAGER})
"""Roles that manage the keys of their own member."""


def possession_message(chain_id: bytes, member: str, public_key: bytes) -> bytes:
    """What a key signs to show that its owner holds it when it is registered for `member`."""
    return signed_message(KEY_POSSESSION_CONTEXT, encode([chain_id, member, public_key]))


def author_roles(state: RuleState) -> frozenset[str]:
    """Roles in which the author's key acts, as things stand when the record's turn comes."""
    key, member = state.key(state.author_key), state.member(state.author)
    if key is None or member is None:
        return frozenset()
    return frozenset(key.roles) & frozenset(member.roles)


def check_current(state: RuleState) -> None:
    """The grace period does not reach keys, members and governance: who decides on these is in service at chain time.

    Else whoever keeps a retired key could date an entry back and use it to admit a new one. Raises RefusedError, rule
    `key.not-current`.
    """
    key, member = state.key(state.author_key), state.member(state.author)
    if (
        key is None
        or member is None
        or key.retired_ms is not None
        or key.revoked_ms is not None
        or (key.until_ms is not None and state.time_ms > key.until_ms)
        or (member.ended_ms is not None and state.time_ms >= member.ended_ms)
    ):
        raise RefusedError(
            "key.not-current",
            "only a key that is in service, of an authority that has not ended, decides on keys, members and governance",
        )


def check_governed(state: RuleState) -> None:
    """What concerns everybody: approved by a quorum, or done by a sole administrator with a key that is in service.

    That it is an administrator's is for the record type's roles to say, or for `check_administrator`. Raises RefusedError,
    rules `key.not-current` and `governance.quorum`.
    """
    if not state.approved:
        check_current(state)
        check_approved(state)


def check_administrator(state: RuleState) -> None:
    """For what some keys may do by themselves, and else only administrators. Raises RefusedError, rule `authority.role`."""
    if not state.approved and ADMINISTRATOR not in author_roles(state):
        raise RefusedError("authority.role", "this takes an administrator's key", permanent=False)


def _check_key_manager(state: RuleState, body: Body, roles: tuple[str, ...], *, itself: bool = False) -> None:
    """Whose keys are whose business: `roles` are the key's, `itself` says that it may also be the author's own."""
    if state.approved:
        return
    check_current(state)
    if text(body, "member") != state.author:
        check_administrator(state)
        check_approved(state)
        return
    if itself and octets(body, "key") == state.author_key:
        return
    if _manages(state, roles):
        return
    raise RefusedError(
        "authority.role",
        "a member's keys are managed by a key with the role administrator, or key-manager if the key is no administrator's",
        permanent=False,
    )


def _manages(state: RuleState, roles: tuple[str, ...]) -> bool:
    """Whether the author's key manages keys of its own member that have `roles`."""
    held = author_roles(state)
    return ADMINISTRATOR in held or (KEY_MANAGER in held and ADMINISTRATOR not in roles)


def _member_lookups(body: Body) -> tuple[bytes, ...]:
    return (MEMBER_LOOKUP, KEY_LOOKUP) if "key" in body else (MEMBER_LOOKUP,)


def _roles_lookups(body: Body) -> tuple[bytes, ...]:
    return (KEY_LOOKUP,) if "key" in body else ()


def _key_lookup(_: Body) -> tuple[bytes, ...]:
    return (KEY_LOOKUP,)


def _member_subject(body: Body) -> Subject:
    member = text(body, "member")
    return Subject(MEMBER, member, member)


def _key_subject(body: Body) -> Subject:
    return Subject(KEY, text(body, "member"), octets(body, "key"))


def _rotation_subject(body: Body) -> Subject:
    return Subject(KEY, text(body, "authority"), octets(body, "key"))


def _parameter_subject(body: Body) -> Subject:
    name = text(body, "name")
    return Subject(PARAMETER, name, name)


def existing_member(state: RuleState, member: str) -> MemberRow:
    """A member's row. Raises RefusedError, rule `member.unknown`."""
    row = state.member(member)
    if row is None:
        raise RefusedError("member.unknown", f"{member!r} is not a member", permanent=False)
    return row


def _existing_key(state: RuleState, body: Body) -> KeyRow:
    row = state.key(octets(body, "key"))
    if row is None:
        raise RefusedError("key.unknown", "the key is not registered", permanent=False)
    if row.member != text(body, "member"):
        raise RefusedError("key.other-member", f"the key acts for {row.member!r}")
    return row


def _check_roles(body: Body) -> None:
    if ("key" in body) != ("possession" in body):
        raise RefusedError("member.key-pair", "a key and the signature that shows its possession go together")


def _check_admission(body: Body) -> None:
    _check_roles(body)
    if ADMINISTRATOR in words(body, "roles") and "key" not in body:
        raise _no_vote_without_key()


def _no_vote_without_key() -> RefusedError:
    # An administrator that cannot sign still counts among those of whom a quorum is asked: two of them, one without a
    # key, would never decide on anything again.
    return RefusedError("member.key-missing", "who becomes an administrator shows a key that can vote")


def _register_member(state: RuleState, _status: str | None, body: Body) -> str:
    check_governed(state)
    member = text(body, "member")
    if state.member(member) is not None:
        raise RefusedError("member.exists", f"{member!r} is already a member")
    if "key" in body:
        _put_new_key(state, member, body, KeyRow(member, words(body, "roles"), state.time_ms))
        state.append(Subject(KEY, member, octets(body, "key")), IN_FORCE)
    state.put_member(member, MemberRow(text(body, "name"), words(body, "roles"), state.time_ms))
    return IN_FORCE


def _set_roles(state: RuleState, _status: str | None, body: Body) -> str:
    check_governed(state)
    member, roles = text(body, "member"), words(body, "roles")
    row = existing_member(state, member)
    if "key" in body:
        if ADMINISTRATOR not in roles:
            raise RefusedError("member.key-unasked", "a key is shown by who becomes an administrator")
        _put_new_key(state, member, body, KeyRow(member, (ADMINISTRATOR,), state.time_ms))
        state.append(Subject(KEY, member, octets(body, "key")), IN_FORCE)
    elif ADMINISTRATOR in roles and ADMINISTRATOR not in row.roles:
        raise _no_vote_without_key()
    state.put_member(member, replace(row, roles=roles))
    return IN_FORCE


def _put_new_key(state: RuleState, member: str, body: Body, row: KeyRow) -> None:
    _check_unregistered(state, body)
    _check_new_key(state, member, body)
    state.put_key(octets(body, "key"), row)


def _check_new_key(state: RuleState, member: str, body: Body) -> None:
    """A key nobody has registered yet, and whose owner holds it."""
    public_key = octets(body, "key")
    try:
        keys.check_public_key(public_key)
        keys.verify(
            public_key, octets(body, "possession"), possession_message(state.chain_id, member, public_key)
        )
    except VerificationError as error:
        raise RefusedError(
            "key.possession", f"the key does not show that its owner holds it: {error.detail}"
        ) from error


def _check_unregistered(state: RuleState, body: Body) -> None:
    if state.key(octets(body, "key")) is not None:
        raise RefusedError("key.exists", "the key is already registered")
    if is_validator_key(state, octets(body, "key")):
        raise RefusedError("key.validator", "the key is or was a validator's: it makes no other statements")


def _register_key(state: RuleState, _status: str | None, body: Body) -> str:
    member, public_key, roles = text(body, "member"), octets(body, "key"), words(body, "roles")
    _check_key_manager(state, body, roles)
    row = existing_member(state, member)
    _check_unregistered(state, body)
    if not set(roles) <= set(row.roles):
        raise RefusedError("key.roles", "a key can only have roles that its member has", permanent=False)
    until_ms = integer(body, "until_ms") if "until_ms" in body else None
    if until_ms is not None and until_ms <= state.time_ms:
        raise RefusedError("key.until-past", "the time for which the key was to be valid is over")
    _check_new_key(state, member, body)
    state.put_key(public_key, KeyRow(member, roles, state.time_ms, until_ms))
    return IN_FORCE


def _rotate_key(state: RuleState, _status: str | None, body: Body) -> str:
    check_current(state)
    _check_unregistered(state, body)
    _check_new_key(state, state.author, body)
    old = state.key(state.author_key)
    if old is None:  # `check_current` has seen it
        raise RefusedError("key.unknown", "the key is not registered", permanent=False)
    state.put_key(octets(body, "key"), KeyRow(old.member, old.roles, state.time_ms, old.until_ms))
    state.put_key(state.author_key, replace(old, retired_ms=state.time_ms))
    state.append(Subject(KEY, old.member, state.author_key), RETIRED)
    return IN_FORCE


def _retire_key(state: RuleState, _status: str | None, body: Body) -> str:
    row = _existing_key(state, body)
    _check_key_manager(state, body, row.roles, itself=True)
    if row.retired_ms is not None or row.revoked_ms is not None:
        raise RefusedError("key.ended", "the key is already retired or revoked")
    state.put_key(octets(body, "key"), replace(row, retired_ms=state.time_ms))
    return RETIRED


def _revoke_key(state: RuleState, _status: str | None, body: Body) -> str:
    row = _existing_key(state, body)
    _check_key_manager(state, body, row.roles, itself=True)
    public_key, from_ms = octets(body, "key"), integer(body, "from_ms")
    if from_ms > state.time_ms:
        raise RefusedError(
            "key.revoked-ahead", "a key is revoked from now or from an earlier time", permanent=False
        )
    if row.revoked_ms is not None and row.disputed_from_ms == from_ms:
        raise RefusedError("key.ended", "the key is already revoked from that time on")
    by_itself = not state.approved and public_key == state.author_key and not _manages(state, row.roles)
    if by_itself and from_ms < state.time_ms - OWN_DISPUTE_MS:
        raise RefusedError(
            "key.dispute-early",
            "by itself a key disputes what it signed in the last 24 hours; who manages it may set an earlier time",
            permanent=False,
        )
    revoked_ms = state.time_ms if row.revoked_ms is None else row.revoked_ms
    state.put_key(public_key, replace(row, revoked_ms=revoked_ms, disputed_from_ms=from_ms))
    return REVOKED


def _check_parameter(body: Body) -> None:
    least, greatest = PARAMETER_BOUNDS[text(body, "name")]
    if not least <= integer(body, "value") <= greatest:
        raise RefusedError(
            "parameter.range",
            f"{text(body, 'name')} is from {least} to {greatest}, not {integer(body, 'value')}",
        )


def _set_parameter(state: RuleState, _status: str | None, body: Body) -> str:
    check_governed(state)
    data = state.get(PARAMETERS_KEY)
    parameters = {} if data is None else parse_parameters(data)
    parameters[text(body, "name")] = integer(body, "value")
    # Blocks are judged by the parameters they found: this one counts from the next block on.
    state.put(PARAMETERS_KEY, encode([[name, number] for name, number in sorted(parameters.items())]))
    return IN_FORCE


TYPES = (
    RecordType(
        name="member.register/1",
        meaning="A member is admitted, perhaps with its first key, which has the member's roles. Governed.",
        fields=(
            AUTHORITY,
            _MEMBER,
            Field("name", Text(1, MAX_NAME_BYTES), "name of the organisation for people (never of a person)"),
            _ROLES,
            *_ITS_KEY,
            DECISION,
        ),
        roles=_ADMINISTRATORS,
        subject=_member_subject,
        rule=_register_member,
        check=_check_admission,
        lookups=_member_lookups,
    ),
    RecordType(
        name="member.roles/1",
        meaning="What a member may do is set anew; one that becomes an administrator shows a key for that. Governed.",
        fields=(AUTHORITY, _MEMBER, _ROLES, *_ITS_KEY, DECISION),
        roles=_ADMINISTRATORS,
        subject=_member_subject,
        rule=_set_roles,
        check=_check_roles,
        lookups=_roles_lookups,
    ),
    RecordType(
        name="key.register/1",
        meaning="A key is put in service: by its own member, or governed.",
        fields=(
            AUTHORITY,
            _MEMBER,
            _KEY,
            _ROLES,
            _POSSESSION,
            Field("until_ms", TIME_MS, "chain time after which the key signs nothing new", required=False),
        ),
        roles=KEY_MANAGERS,
        subject=_key_subject,
        rule=_register_key,
        lookups=_key_lookup,
    ),
    RecordType(
        name="key.rotate/1",
        meaning="The author's key puts another in its place, with its roles and its end, and is retired.",
        fields=(AUTHORITY, _KEY, _POSSESSION),
        roles=ROLES,
        subject=_rotation_subject,
        rule=_rotate_key,
        lookups=_key_lookup,
    ),
    RecordType(
        name="key.retire/1",
        meaning="A key signs nothing new from now on; what it signed stays good. By itself, its own member, or governed.",
        fields=(AUTHORITY, _MEMBER, _KEY),
        roles=ROLES,
        subject=_key_subject,
        rule=_retire_key,
    ),
    RecordType(
        name="key.revoke/1",
        meaning=(
            "A key is withdrawn; what it did from a given time on is disputed. By itself, its own member, or governed. "
            "Once more, it sets that time anew."
        ),
        fields=(AUTHORITY, _MEMBER, _KEY, Field("from_ms", TIME_MS, "start of the disputed interval")),
        roles=ROLES,
        subject=_key_subject,
        rule=_revoke_key,
    ),
    RecordType(
        name="parameter.set/1",
        meaning="A parameter of the ledger is set, from the next block on. Governed.",
        fields=(
            AUTHORITY,
            Field("name", Choice(frozenset(DEFAULT_PARAMETERS)), "the parameter"),
            Field("value", Integer(0, _GREATEST), "its value, milliseconds; each parameter has bounds"),
            DECISION,
        ),
        roles=_ADMINISTRATORS,
        subject=_parameter_subject,
        rule=_set_parameter,
        check=_check_parameter,
    ),
)
