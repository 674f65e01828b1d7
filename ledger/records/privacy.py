"""`access.*` and `erase.*`: who looked at what is kept in a vault, and what has been destroyed there.

Rules: an officer records an access before the vault opens (`node.vault`), so the list of accesses to one person's claims can
be proved complete like any history. A tombstone says that the key and the salt of something were destroyed, and why; the
ledger's own records of it stand as they are, since nothing in them is about anybody once the salt is gone. Purposes and legal
grounds are words out of a list: free text could name the person.

What this module does not do: keep, open or destroy anything.
"""

from __future__ import annotations

from ledger.encoding import encode
from ledger.errors import RefusedError
from ledger.fields import DIGITS, IDENTIFIER, LOWER, Ascii, Body, Bytes, Choice, Field
from ledger.hashing import VAULT, sha256, signed_message
from ledger.records.base import AUTHORITY, RecordType, RuleState, Subject, octets, text
from ledger.roles import AUDITOR, INSPECTOR, ISSUER, OFFICE
from ledger.rows import Identifier

ACCESS, ERASURE = "access", "erasure"
"""Kinds of the subjects of this family."""
LOGGED, ERASED = "logged", "erased"

ACCESS_LOG, TOMBSTONE = "access.log/1", "erase.tombstone/1"

ERASURE_LOOKUP = b"erasure/"
"""Lookup keys of tombstones: this, then the record id. So a node that was away finds what it must still destroy."""

PURPOSES = frozenset(
    {"audit", "citizen-request", "complaint", "correction", "inspection", "issue", "print", "verify"}
)
"""Why an officer looks."""

LEGAL_GROUNDS = frozenset(
    {
        "consent",
        "contract",
        "court-order",
        "data-subject-request",
        "legal-duty",
        "public-task",
        "retention-over",
    }
)
"""On what ground, in the terms of the law on personal data (Luật 91/2025/QH15)."""

_ITEM = Field(
    "item", Bytes(32), 'SHA-256 of `["vault", owner, kind of subject, its identifier]`: what is kept'
)
_LEGAL = Field("legal_ground", Choice(LEGAL_GROUNDS), "the legal ground")
_LAW = Field(
    "law",
    Ascii(1, 40, frozenset(LOWER + LOWER.upper() + DIGITS + "-./")),
    "number of the law or decision, such as `91/2025/QH15`",
    required=False,
)


def vault_item(owner: str, kind: str, identifier: Identifier) -> bytes:
    """How the records here, and the vault, name what member `owner` keeps about the subject `(kind, owner, identifier)`."""
    return sha256(encode(["vault", owner, kind, identifier]))


def vault_message(chain_id: bytes, challenge: bytes, verb: str, *about: bytes | str) -> bytes:
    """What an officer's key signs to use a vault: over `[chain_id, challenge, verb, …]`, context `sogoc/v1/vault`.

    `about`: for `store` the owner, the item and the content's SHA-256; for `store-all` the owner and the batch's SHA-256; for
    `state` the owner and the item; for `read` the record id of the access.
    """
    return signed_message(VAULT, encode([chain_id, challenge, verb, *about]))


def vault_place(owner: str, item: bytes) -> bytes:
    """Under what a vault keeps an item: 32 bytes that no other member's record can name, whatever item it states."""
    return sha256(encode(["vault-place", owner, item]))


def _access_subject(body: Body) -> Subject:
    return Subject(ACCESS, text(body, "owner"), octets(body, "item"))


def _erasure_subject(body: Body) -> Subject:
    return Subject(ERASURE, text(body, "authority"), octets(body, "item"))


def _log_access(state: RuleState, _status: str | None, body: Body) -> str:
    if state.subject(Subject(ERASURE, text(body, "owner"), octets(body, "item"))) is not None:
        raise RefusedError("access.erased", "what this access is to has been erased")
    return LOGGED


def _erase(_state: RuleState, status: str | None, _body: Body) -> str:
    if status is not None:
        raise RefusedError("erase.done", "this has been erased already")
    return ERASED


def _erasure_lookup(_: Body) -> tuple[bytes, ...]:
    return (ERASURE_LOOKUP,)


TYPES = (
    RecordType(
        name=ACCESS_LOG,
        meaning="An officer looks at something that a vault keeps: who, what, why and on what ground.",
        fields=(
            AUTHORITY,
            Field("owner", IDENTIFIER, "the member whose vault it is in"),
            _ITEM,
            Field("nonce", Bytes(16), "16 random bytes: each look is a record of its own"),
            Field("purpose", Choice(PURPOSES), "why"),
            _LEGAL,
            _LAW,
        ),
        roles=frozenset({AUDITOR, INSPECTOR, ISSUER, OFFICE}),
        subject=_access_subject,
        rule=_log_access,
    ),
    RecordType(
        name=TOMBSTONE,
        meaning="An authority destroys the key and the salt of something in its vault; the ledger's records of it stay.",
        fields=(AUTHORITY, _ITEM, _LEGAL, _LAW),
        roles=frozenset({ISSUER, OFFICE}),
        subject=_erasure_subject,
        rule=_erase,
        lookups=_erasure_lookup,
        by_successor=True,
    ),
)
