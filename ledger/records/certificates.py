"""`cert.*`: certificates, and what becomes of them.

Rules: a certificate is known by 16 random bytes. The ledger holds a commitment over its claims (`ledger.claims`), how many
there are, and the days on which it is good, and nothing about a person. Reasons are words out of a list, never free text.
A renewal only ever moves the last day onwards, and only until that day is over (by chain time, in Vietnam): so whoever holds an
older record is not told "in force" for too long, and what has once expired stays so. Whether a certificate has expired follows
from the days in its records: expiry is no status.

What this module does not do: know schemas, claims or days in words; those stay with the issuer and its clients.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger import days
from ledger.encoding import decode, encode
from ledger.errors import FormatError, RefusedError
from ledger.fields import (
    IDENTIFIER_ALPHABET,
    NUMBER_ALPHABET,
    Ascii,
    Body,
    Bytes,
    Choice,
    Date,
    Field,
    Integer,
)
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
from ledger.records.documents import authority_tag, paper_lookup
from ledger.roles import ISSUER
from ledger.rows import row_key

CERTIFICATE = "certificate"
"""Kind of the subjects of this family."""
SUSPENDED, REVOKED = "suspended", "revoked"

ISSUE, RENEW, PAPER = "cert.issue/1", "cert.renew/1", "cert.paper/1"
SUSPEND, REINSTATE, REVOKE = "cert.suspend/1", "cert.reinstate/1", "cert.revoke/1"

CERTIFICATE_SIZE = 16
"""Bytes of a certificate's identifier."""
MAX_CLAIMS = 256
"""Most claims of one certificate: its schema's fields."""
STATUS_LIST_SIZE = 131_072
"""Certificates in one status list: what Bitstring Status List v1.0 asks for at least, so that an index names nobody."""
MAX_STATUS_INDEX = 2**31 - 1

CERTIFICATE_LOOKUP = b"certificate/"
"""Lookup keys of a certificate's records: this, then the 16-byte identifier and `authority_tag`, as another authority may
repeat the identifier."""
STATUS_LIST_LOOKUP = b"status-list/"
"""Lookup keys of the certificates in a status list: `status_list_lookup`."""

REVOCATION_REASONS = frozenset(
    {
        "issued-in-error",
        "obtained-by-deceit",
        "conditions-ended",
        "decision-annulled",
        "holder-request",
        "replaced",
        "other",
    }
)
SUSPENSION_REASONS = frozenset(
    {"under-review", "complaint", "conditions-in-doubt", "holder-request", "other"}
)

_UNTIL_ROW, _INDEX_ROW = "certificate-until", "status-index"
_ISSUERS = frozenset({ISSUER})

_CERTIFICATE = Field("certificate", Bytes(CERTIFICATE_SIZE), "the certificate's identifier: 16 random bytes")


def until_key(authority: str, certificate: bytes) -> bytes:
    """State key of a certificate's last day; its value is `encode(date)`."""
    return row_key(_UNTIL_ROW, authority, certificate)


def status_index_key(authority: str, index: int) -> bytes:
    """State key of a place in an authority's status lists; its value is the certificate's 16-byte identifier, encoded."""
    return row_key(_INDEX_ROW, authority, index)


def status_list_lookup(authority: str, number: int) -> bytes:
    """Lookup key of an authority's status list `number`; behind it follow index (4 bytes, big-endian) and certificate."""
    # An identifier holds no slash, so where the authority ends is plain.
    return STATUS_LIST_LOOKUP + authority.encode() + b"/" + number.to_bytes(8, "big")


def _subject(body: Body) -> Subject:
    return Subject(CERTIFICATE, text(body, "authority"), octets(body, "certificate"))


def _check_days(body: Body) -> None:
    # Dates of one fixed form compare as texts.
    if (
        "valid_from" in body
        and "valid_until" in body
        and text(body, "valid_until") < text(body, "valid_from")
    ):
        raise RefusedError(
            "certificate.days", "the last day on which a certificate is good is before the first"
        )


def _issue(state: RuleState, status: str | None, body: Body) -> str:
    if status is not None:
        raise RefusedError(
            "certificate.exists", "this authority has already issued a certificate of that identifier"
        )
    authority, certificate = text(body, "authority"), octets(body, "certificate")
    if "status_index" in body:
        place = status_index_key(authority, integer(body, "status_index"))
        if state.get(place) is not None:
            raise RefusedError(
                "certificate.status-index", "another certificate has this place in the status list"
            )
        state.put(place, encode(certificate))
    if "valid_until" in body:
        state.put(until_key(authority, certificate), encode(text(body, "valid_until")))
    return IN_FORCE


def _existing(status: str | None) -> str:
    if status is None:
        raise RefusedError(
            "certificate.unknown", "this authority has issued no such certificate", permanent=False
        )
    if status == REVOKED:
        raise RefusedError("certificate.revoked", "the certificate has been revoked, and that is for ever")
    return status


def _in_force(status: str | None) -> str:
    status = _existing(status)
    if status != IN_FORCE:
        raise RefusedError(
            "certificate.not-in-force", f"the certificate is {status!r}, not in force", permanent=False
        )
    return status


def _suspend(_state: RuleState, status: str | None, _body: Body) -> str:
    _in_force(status)
    return SUSPENDED


def _reinstate(_state: RuleState, status: str | None, _body: Body) -> str:
    if _existing(status) != SUSPENDED:
        raise RefusedError("certificate.not-suspended", "the certificate is not suspended", permanent=False)
    return IN_FORCE


def _revoke(_state: RuleState, status: str | None, _body: Body) -> str:
    _existing(status)
    return REVOKED


def _renew(state: RuleState, status: str | None, body: Body) -> str:
    status = _in_force(status)
    key = until_key(text(body, "authority"), octets(body, "certificate"))
    value = state.get(key)
    if value is None:
        raise RefusedError("certificate.no-end", "the certificate has no last day: there is nothing to renew")
    until = _day(value)
    if text(body, "valid_until") <= until:
        raise RefusedError(
            "certificate.renewal-day", f"a renewal moves the last day onwards, and that is {until} already"
        )
    if state.time_ms >= days.after_ms(until):
        raise RefusedError(
            "certificate.expired", f"the certificate's last day, {until}, is over: issue another one"
        )
    state.put(key, encode(text(body, "valid_until")))
    return status


def _day(value: bytes) -> str:
    until = decode(value)
    if not isinstance(until, str):
        raise FormatError("row.shape", "a certificate's last day is text")
    return until


def _paper(_state: RuleState, status: str | None, _body: Body) -> str:
    return _in_force(status)


def _lookups(body: Body) -> tuple[bytes, ...]:
    return (CERTIFICATE_LOOKUP + octets(body, "certificate") + authority_tag(text(body, "authority")),)


def _issue_lookups(body: Body) -> tuple[bytes, ...]:
    if "status_index" not in body:
        return _lookups(body)
    number, index = divmod(integer(body, "status_index"), STATUS_LIST_SIZE)
    place = index.to_bytes(4, "big") + octets(body, "certificate")
    return (*_lookups(body), status_list_lookup(text(body, "authority"), number) + place)


def _paper_lookups(body: Body) -> tuple[bytes, ...]:
    return (*_lookups(body), paper_lookup(body))


_DECISION = Field(
    "decision",
    Ascii(1, 40, NUMBER_ALPHABET),
    "number of the decision, such as `12/QD-UBND`; `-` for none (a record must not have 64 bytes)",
    required=False,
)


def _later(
    name: str,
    meaning: str,
    rule: Callable[[RuleState, str | None, Body], str],
    *fields: Field,
) -> RecordType:
    """A record about a certificate that exists, which a successor of its issuer may author too."""
    return RecordType(
        name=name,
        meaning=meaning,
        fields=(AUTHORITY, _CERTIFICATE, *fields),
        roles=_ISSUERS,
        subject=_subject,
        rule=rule,
        by_successor=True,
        lookups=_lookups,
    )


TYPES = (
    RecordType(
        name=ISSUE,
        meaning="An authority issues a certificate, committing to its claims without showing them.",
        fields=(
            AUTHORITY,
            _CERTIFICATE,
            Field("schema", Ascii(1, 64, IDENTIFIER_ALPHABET), "name and version of what the claims are"),
            Field("claims_root", Bytes(32), "root of the tree over the certificate's claims"),
            Field("claims_count", Integer(1, MAX_CLAIMS), "how many claims there are: the schema's fields"),
            Field("valid_from", Date(), "first day on which it is good, in Vietnam's time", required=False),
            Field("valid_until", Date(), "last day on which it is good, in Vietnam's time", required=False),
            Field(
                "status_index",
                Integer(0, MAX_STATUS_INDEX),
                f"place in the authority's status lists of {STATUS_LIST_SIZE} each, drawn at random",
                required=False,
            ),
        ),
        roles=_ISSUERS,
        subject=_subject,
        rule=_issue,
        check=_check_days,
        lookups=_issue_lookups,
    ),
    RecordType(
        name=PAPER,
        meaning="The issuer states which signed file is the certificate's paper.",
        fields=(
            AUTHORITY,
            _CERTIFICATE,
            Field(
                "hash",
                Bytes(32),
                "SHA-256 of the signed file, which holds random bytes so that nobody guesses it",
            ),
        ),
        roles=_ISSUERS,
        subject=_subject,
        rule=_paper,
        lookups=_paper_lookups,
    ),
    _later(
        SUSPEND,
        "A certificate is not good until it is reinstated.",
        _suspend,
        Field("reason", Choice(SUSPENSION_REASONS), "why, out of a list"),
    ),
    _later(REINSTATE, "A suspended certificate is good again.", _reinstate, _DECISION),
    _later(
        REVOKE,
        "A certificate is good no more, for ever.",
        _revoke,
        Field("reason", Choice(REVOCATION_REASONS), "why, out of a list"),
    ),
    _later(
        RENEW,
        "A certificate stays good until a later day.",
        _renew,
        Field("valid_until", Date(), "the new last day, in Vietnam's time: later than the one before"),
    ),
)
