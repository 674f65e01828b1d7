"""`validator.set/1`: who orders, applies and cosigns. One record changes one validator; it is governed.

Rules (docs/adr/0015): one record puts a validator in, or gives one of the set new keys, or lets one leave, or lets one take
another's place. It names the number of the set that it changes (how often the set was changed before), so that whoever
approves knows what comes of it, and no two changes that were proposed side by side make a set that nobody has seen.

A key that is given is a new one: nobody's before on this ledger, neither a member's nor a validator's, and it shows that its
owner holds it, for this validator and this purpose. A key that went does not come back. The set is never empty. What is
changed counts from the next block on (`ledger.validators`).

The set has one history, the subject `("validators", "validators", "validators")`: so a list of all changes can be proved to be
complete.
"""

from __future__ import annotations

from typing import Final

from ledger import keys
from ledger.encoding import encode
from ledger.errors import RefusedError, VerificationError
from ledger.fields import MAX_TIME_MS, NUMBER_ALPHABET, Ascii, Body, Bytes, Field, Integer, Text
from ledger.genesis import COSIGNING, ENGINE, HEADER, LOG, MAX_NAME_BYTES, WITNESS, Validator
from ledger.hashing import KEY_POSSESSION, signed_message
from ledger.records.base import (
    AUTHORITY,
    IN_FORCE,
    RecordType,
    RuleState,
    Subject,
    integer,
    octets,
    text,
)
from ledger.records.members import DECISION, check_governed
from ledger.roles import ADMINISTRATOR
from ledger.rows import (
    VALIDATORS_BEFORE_KEY,
    VALIDATORS_KEY,
    ValidatorsBefore,
    validator_key_key,
    validators_value,
)
from ledger.validators import MAX_VALIDATORS, current_set, is_validator_key, set_before

VALIDATORS: Final = "validators"
"""Kind, authority and identifier of the one subject of this family: the set belongs to no member."""
SUBJECT: Final = Subject(VALIDATORS, VALIDATORS, VALIDATORS)

VALIDATOR_LOOKUP: Final = b"validator/"
"""Lookup keys of the changes: this, then the record id."""

PURPOSES: Final = (ENGINE, HEADER, LOG, COSIGNING, WITNESS)
REQUIRED: Final = PURPOSES[:-1]
"""Purposes for which every validator has a key; witnessing other ledgers is its own choice."""

RESERVED: Final = frozenset({"none", "validators"})
"""Names that mean something else in a policy."""


def possession_message(chain_id: bytes, validator: str, purpose: str, public_key: bytes) -> bytes:
    """What a key signs to show that its owner holds it when it becomes a validator's.

    Four items, so that it is never the statement by which a member's key is registered, which has three.
    """
    return signed_message(KEY_POSSESSION, encode([chain_id, validator, purpose, public_key]))


def _key_fields() -> tuple[Field, ...]:
    fields: list[Field] = []
    for purpose in PURPOSES:
        fields.append(
            Field(
                f"{purpose}_key",
                Bytes(32),
                f"a new {purpose} key; without it the old one stays",
                required=False,
            )
        )
        fields.append(
            Field(
                f"{purpose}_possession",
                Bytes(64),
                f'its signature over `[chain_id, validator, "{purpose}", key]`, context `sogoc/v1/key-possession`',
                required=False,
            )
        )
    return tuple(fields)


def _new_keys(body: Body) -> dict[str, bytes]:
    """The keys that a record brings, by purpose."""
    return {purpose: octets(body, f"{purpose}_key") for purpose in PURPOSES if f"{purpose}_key" in body}


def _check(body: Body) -> None:
    given = _new_keys(body)
    for purpose in PURPOSES:
        if (f"{purpose}_key" in body) != (f"{purpose}_possession" in body):
            raise RefusedError(
                "validator.key-pair", "a key and the signature that shows its possession go together"
            )
    if ("validator" in body) != bool(given):
        raise RefusedError(
            "validator.keys-missing",
            "a validator is named together with the keys that it gets, and only then",
        )
    if not given and "leaves" not in body:
        raise RefusedError("validator.nothing", "the record changes nothing: name who comes or who leaves")
    if body.get("validator") in RESERVED:
        raise RefusedError("validator.name", f"no validator is called {' or '.join(sorted(RESERVED))}")
    if "leaves" in body and body["leaves"] == body.get("validator"):
        raise RefusedError("validator.name", "who gets keys does not leave")
    if len(set(given.values())) != len(given):
        raise RefusedError(
            "validator.key-used", "one key may make one kind of statement only: all keys differ"
        )


def _set(state: RuleState, _status: str | None, body: Body) -> str:
    check_governed(state)
    _check_number(state, body)
    before = current_set(state)
    after = {one.name: one for one in before}
    if "leaves" in body and after.pop(text(body, "leaves"), None) is None:
        raise RefusedError("validator.unknown", f"{text(body, 'leaves')!r} is not a validator")
    given = _new_keys(body)
    if given:
        name = text(body, "validator")
        _check_keys(state, name, given, body)
        after[name] = _with_keys(name, after.get(name), given)
    if not after:
        raise RefusedError("validator.last", "a ledger needs at least one validator")
    if len(after) > MAX_VALIDATORS:
        raise RefusedError("validator.many", f"a ledger has at most {MAX_VALIDATORS} validators")
    _put(state, before, tuple(after[name] for name in sorted(after, key=str.encode)))
    return IN_FORCE


def _check_number(state: RuleState, body: Body) -> None:
    row = state.subject(SUBJECT)
    number, wanted = (0 if row is None else row.history.size), integer(body, "set")
    if number != wanted:
        raise RefusedError(
            "validator.set-number",
            f"this changes set number {wanted} of the validators, and number {number} is in force",
            permanent=wanted < number,
        )


def _check_keys(state: RuleState, name: str, given: dict[str, bytes], body: Body) -> None:
    for purpose, public_key in given.items():
        if state.key(public_key) is not None or is_validator_key(state, public_key):
            raise RefusedError(
                "validator.key-used", f"the {purpose} key is or was in use on this ledger: make a new one"
            )
        message = possession_message(state.chain_id, name, purpose, public_key)
        try:
            keys.check_public_key(public_key)
            keys.verify(public_key, octets(body, f"{purpose}_possession"), message)
        except VerificationError as error:
            raise RefusedError(
                "validator.possession",
                f"the {purpose} key does not show that its owner holds it: {error.detail}",
            ) from error


def _with_keys(name: str, before: Validator | None, given: dict[str, bytes]) -> Validator:
    found = given if before is None else dict(before.keys) | given
    missing = [purpose for purpose in REQUIRED if purpose not in found]
    if missing:
        raise RefusedError(
            "validator.keys-missing", f"a new validator needs a key for each purpose: {', '.join(missing)}"
        )
    return Validator(
        name,
        engine_key=found[ENGINE],
        header_key=found[HEADER],
        log_key=found[LOG],
        cosigning_key=found[COSIGNING],
        witness_key=found.get(WITNESS),
    )


def _put(state: RuleState, before: tuple[Validator, ...], after: tuple[Validator, ...]) -> None:
    kept = {key for one in after for _, key in one.keys}
    for one in before:
        for purpose, key in one.keys:
            if key not in kept:
                state.put(validator_key_key(key), encode([one.name, purpose, state.time_ms]))
    # Of several changes in one block only the first finds the set that was in force.
    in_force = set_before(state, state.time_ms) or before
    state.put(VALIDATORS_BEFORE_KEY, ValidatorsBefore(state.time_ms, in_force).encoded())
    state.put(VALIDATORS_KEY, validators_value(after))


SET = RecordType(
    name="validator.set/1",
    meaning=(
        "A validator joins, gets new keys, leaves, or takes the place of one that leaves; from the next block on. Governed."
    ),
    fields=(
        AUTHORITY,
        Field(
            "set",
            Integer(0, MAX_TIME_MS),
            "number of the set that is changed: 0 for that of the genesis document",
        ),
        Field(
            "validator",
            Ascii(1, MAX_NAME_BYTES, NUMBER_ALPHABET),
            "name of the validator that gets keys: the one it cosigns under",
            required=False,
        ),
        *_key_fields(),
        Field("leaves", Text(1, MAX_NAME_BYTES), "name of the validator that leaves", required=False),
        DECISION,
    ),
    roles=frozenset({ADMINISTRATOR}),
    subject=lambda _: SUBJECT,
    rule=_set,
    check=_check,
    lookups=lambda _: (VALIDATOR_LOOKUP,),
)

TYPES = (SET,)
