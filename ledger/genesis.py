"""The genesis document: everything a ledger starts from.

Rules (docs/spec.md, "Genesis"): `chain_id` is the SHA-256 of the document's canonical bytes; leaf 0 of the log is
`[2, document]`; the first state is a function of the document and of nothing else, so nobody authors or signs it.

Document = `[1, origin, nonce, rules_version, time_ms, members, keys, validators, parameters]`; the four lists are sorted
by their first item, without repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ledger import keys
from ledger.block import RULES_VERSION
from ledger.encoding import Value, decode, encode
from ledger.entry import GENESIS_TAG, KEY_SIZE, MAX_TIME_MS, NONCE_SIZE
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError, VerificationError
from ledger.fields import IDENTIFIER, Bytes, ChoiceList, Integer, Text
from ledger.hashing import sha256
from ledger.note import COSIGNING_KEY, LOG_KEY, VerifierKey
from ledger.policy import Policy, quorum_size
from ledger.roles import ROLES

GENESIS_VERSION = 1
MAX_GENESIS_BYTES = 60_000
"""Leaves have a 16-bit length in the entry bundles; this leaves room for the leaf's own framing."""
MAX_NAME_BYTES = 200

TIME_AHEAD = "entry-time-ahead-ms"
"""Parameter: how far an entry's claimed time may be after its block's, milliseconds."""
KEY_GRACE = "key-grace-ms"
"""Parameter: how long after retirement what a key signed before may still be submitted, milliseconds."""
DEFAULT_PARAMETERS = {TIME_AHEAD: 5 * 60 * 1000, KEY_GRACE: 7 * 24 * 3600 * 1000}


ENGINE, HEADER, LOG, COSIGNING, WITNESS = "engine", "header", "log", "cosigning", "witness"
"""Purposes of a validator's keys, in the order in which the array of a validator lists them."""


@dataclass(frozen=True, slots=True)
class GenesisMember:
    """A member from the start: identifier, name for people, roles in ascending order."""

    id: str
    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GenesisKey:
    """A key from the start: whom it acts for, and in which roles."""

    public_key: bytes
    member: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Validator:
    """A validator: the name it cosigns under and its keys, distinct for distinct statements (32 bytes each)."""

    name: str
    engine_key: bytes
    header_key: bytes
    log_key: bytes
    cosigning_key: bytes
    witness_key: bytes | None = None
    """What it cosigns other ledgers' checkpoints with, if it does; a genesis document names none."""

    @property
    def keys(self) -> tuple[tuple[str, bytes], ...]:
        """Its keys, each behind the purpose that it serves."""
        found = (
            (ENGINE, self.engine_key),
            (HEADER, self.header_key),
            (LOG, self.log_key),
            (COSIGNING, self.cosigning_key),
        )
        return found if self.witness_key is None else (*found, (WITNESS, self.witness_key))

    def value(self) -> list[Value]:
        """The validator as the array that is encoded in the genesis document and in the state."""
        return [self.name, *(key for _, key in self.keys)]


@dataclass(frozen=True, slots=True)
class Genesis:
    """A genesis document."""

    origin: str
    nonce: bytes
    rules_version: int
    time_ms: int
    members: tuple[GenesisMember, ...]
    keys: tuple[GenesisKey, ...]
    validators: tuple[Validator, ...]
    parameters: dict[str, int] = field(default_factory=lambda: dict(DEFAULT_PARAMETERS))

    def value(self) -> list[Value]:
        """The document as the array that is encoded."""
        return [
            GENESIS_VERSION,
            self.origin,
            self.nonce,
            self.rules_version,
            self.time_ms,
            [[m.id, m.name, list(m.roles)] for m in self.members],
            [[k.public_key, k.member, list(k.roles)] for k in self.keys],
            [v.value() for v in self.validators],
            [[name, number] for name, number in sorted(self.parameters.items())],
        ]

    def encoded(self) -> bytes:
        """The document's canonical bytes."""
        return encode(self.value())

    @property
    def chain_id(self) -> bytes:
        """32 bytes: SHA-256 of the document."""
        return sha256(self.encoded())

    def leaf(self) -> bytes:
        """Leaf 0 of the log: `[2, document]`."""
        return encode([GENESIS_TAG, self.value()])


def parse_genesis_leaf(leaf: bytes) -> Genesis:
    """Read leaf 0 of a log. Raises FormatError, rule `genesis.*`, or CannotTellError for an unknown version."""
    value = decode(leaf, max_bytes=MAX_GENESIS_BYTES + 16)
    if (
        not isinstance(value, list)
        or len(value) != 2
        or value[0] != GENESIS_TAG
        or isinstance(value[0], bool)
    ):
        raise FormatError("genesis.leaf", "a genesis leaf is [2, document]")
    return parse_genesis(value[1])


def parse_genesis(value: Value) -> Genesis:
    """Read a decoded genesis document and check it. Raises FormatError, rule `genesis.*`."""
    if not isinstance(value, list) or not value:
        raise FormatError("genesis.shape", "a genesis document is an array")
    if value[0] != GENESIS_VERSION or isinstance(value[0], bool):
        raise CannotTellError("genesis.version", f"genesis version {value[0]!r:.40} is not known here")
    if len(value) != 9:
        raise FormatError("genesis.shape", "a genesis document has nine items")
    try:
        genesis = _build(value)
        check_genesis(genesis)
    except RefusedError as error:
        raise FormatError("genesis.field", error.detail) from error
    if genesis.value() != value:
        # The chain's identifier is made of these very bytes: nothing may be read in two ways.
        raise FormatError("genesis.order", "parameters must stand in ascending order, each once")
    return genesis


def _rows(value: Value, name: str, width: int) -> list[list[Value]]:
    if not isinstance(value, list):
        raise FormatError("genesis.shape", f"{name} must be a list")
    rows = [row for row in value if isinstance(row, list) and len(row) == width]
    if len(rows) != len(value):
        raise FormatError("genesis.shape", f"each row of {name} must have {width} items")
    return rows


def _text(value: Value, name: str) -> str:
    Text(1, 255).check(name, value)
    return str(value)


def _key(value: Value, name: str) -> bytes:
    Bytes(KEY_SIZE).check(name, value)
    return bytes(value) if isinstance(value, bytes) else b""


def _number(value: Value, name: str) -> int:
    Integer(0, MAX_TIME_MS).check(name, value)
    return int(value) if isinstance(value, int) else 0


def _roles(value: Value) -> tuple[str, ...]:
    ChoiceList(ROLES).check("roles", value)
    return tuple(str(role) for role in value) if isinstance(value, list) else ()


def _build(value: list[Value]) -> Genesis:
    Bytes(NONCE_SIZE).check("nonce", value[2])
    return Genesis(
        origin=_text(value[1], "origin"),
        nonce=value[2] if isinstance(value[2], bytes) else b"",
        rules_version=_number(value[3], "rules_version"),
        time_ms=_number(value[4], "time_ms"),
        members=tuple(
            GenesisMember(_text(row[0], "member"), _text(row[1], "name"), _roles(row[2]))
            for row in _rows(value[5], "members", 3)
        ),
        keys=tuple(
            GenesisKey(_key(row[0], "key"), _text(row[1], "member"), _roles(row[2]))
            for row in _rows(value[6], "keys", 3)
        ),
        validators=tuple(
            Validator(_text(row[0], "validator"), *(_key(item, "validator key") for item in row[1:]))
            for row in _rows(value[7], "validators", 5)
        ),
        parameters={
            _text(row[0], "parameter"): _number(row[1], "parameter")
            for row in _rows(value[8], "parameters", 2)
        },
    )


def check_genesis(genesis: Genesis) -> None:
    """Check what the shape alone does not say: order, references, distinct and sound keys, names that notes can hold.

    Raises FormatError or RefusedError, or CannotTellError for rules of a version that is not known here.
    """
    if genesis.rules_version != RULES_VERSION:
        raise CannotTellError(
            "genesis.rules-version", f"rules version {genesis.rules_version} is not known here"
        )
    Text(1, MAX_NAME_BYTES).check("origin", genesis.origin)
    for member in genesis.members:
        IDENTIFIER.check("member", member.id)
        Text(1, MAX_NAME_BYTES).check("name", member.name)
    _sorted([m.id for m in genesis.members], "members")
    _sorted([k.public_key for k in genesis.keys], "keys")
    _sorted([v.name for v in genesis.validators], "validators")
    if len(genesis.encoded()) > MAX_GENESIS_BYTES:
        raise FormatError("genesis.size", f"a genesis document has at most {MAX_GENESIS_BYTES} bytes")
    if set(genesis.parameters) != set(DEFAULT_PARAMETERS):
        raise FormatError("genesis.parameters", f"the parameters are {', '.join(sorted(DEFAULT_PARAMETERS))}")
    names = {m.id for m in genesis.members}
    for key in genesis.keys:
        if key.member not in names:
            raise FormatError("genesis.member", f"a key acts for {key.member!r}, which is not a member")
    if not genesis.validators:
        raise FormatError("genesis.validators", "a ledger needs at least one validator")
    every = [k.public_key for k in genesis.keys]
    for validator in genesis.validators:
        every += [key for _, key in validator.keys]
    if len(set(every)) != len(every):
        raise FormatError(
            "genesis.keys-distinct", "one key may make one kind of statement only: all keys must differ"
        )
    _check_keys(every)
    _check_policy(genesis)


def _check_keys(every: Sequence[bytes]) -> None:
    try:
        for key in every:
            keys.check_public_key(key)
    except VerificationError as error:
        raise FormatError("genesis.key", error.detail) from error


def cosigning_verifier(validator: Validator) -> VerifierKey:
    """The verifier key of a validator's cosignatures."""
    return VerifierKey(validator.name, COSIGNING_KEY, validator.cosigning_key)


def genesis_policy(genesis: Genesis) -> Policy:
    """The trust policy that a genesis document implies: any validator's log key, and a quorum of cosignatures.

    Raises FormatError or VerificationError for a document that implies none.
    """
    validators = genesis.validators
    return Policy.for_validators(
        [VerifierKey(genesis.origin, LOG_KEY, validator.log_key) for validator in validators],
        [cosigning_verifier(validator) for validator in validators],
        quorum_size(len(validators)),
    )


def validators_policy(origin: str, validators: Sequence[Validator]) -> Policy:
    """The trust policy of a set of validators of the ledger `origin`, as `genesis_policy` makes that of the first one.

    The genesis document must imply a policy without two log keys of one key id; whoever joins later could search for such a
    key (it has four bytes). Then the second is left out: any log line suffices, and no cosigner is lost by it.
    """
    logs: dict[bytes, VerifierKey] = {}
    for validator in validators:
        key = VerifierKey(origin, LOG_KEY, validator.log_key)
        logs.setdefault(key.key_id, key)
    return Policy.for_validators(
        list(logs.values()), [cosigning_verifier(one) for one in validators], quorum_size(len(validators))
    )


def _check_policy(genesis: Genesis) -> None:
    """A document from which no trust policy follows is refused: names, their number, key ids."""
    try:
        genesis_policy(genesis)
    except LedgerError as error:
        raise FormatError("genesis.policy", f"no trust policy can be made of it: {error.detail}") from error


def _sorted(names: Sequence[str | bytes], what: str) -> None:
    raw = [name.encode() if isinstance(name, str) else name for name in names]
    if any(a >= b for a, b in pairwise(raw)):
        raise FormatError("genesis.order", f"{what} must stand in ascending order, each once")
