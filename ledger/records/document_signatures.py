"""`doc.signatures/1`: what an author found of the signatures in a PDF that it anchored.

Rules: one record is about one signature, or says that there are none. It is its author's statement; nothing here decides from
it whether the document is in force.

What this module does not do: look into a file, or judge a signature.
"""

from __future__ import annotations

from ledger.errors import RefusedError
from ledger.fields import TIME_MS, Body, Bytes, Choice, Field, Integer
from ledger.records.base import AUTHORITY, RecordType, RuleState, integer
from ledger.records.documents import CONCERNED, ROLES, concerned, concerned_lookup, unknown

INTACT, BROKEN = "intact", "broken"
WHOLE_FILE, REVISION, UNCLEAR = "whole-file", "revision", "unclear"
NO_CHANGES, PERMITTED, NOT_PERMITTED = "none", "permitted", "not-permitted"
TRUSTED, UNTRUSTED, EXPIRED, REVOKED, NOT_CHECKED = (
    "trusted",
    "untrusted",
    "expired",
    "revoked",
    "not-checked",
)
MAX_SIGNATURES = 64
"""Signatures of one PDF that statements can be made about."""

_ONE_SIGNATURE = ("certificate", "changes", "coverage", "integrity", "position", "signed_ms", "trust")
_EACH_SIGNATURE = ("changes", "coverage", "integrity", "position", "trust")


def _check_signatures(body: Body) -> None:
    count = integer(body, "count")
    if count == 0:
        for name in _ONE_SIGNATURE:
            if name in body:
                raise RefusedError(
                    "document.signature-fields", f"where no signature was found, field {name!r} says nothing"
                )
        return
    for name in _EACH_SIGNATURE:
        if name not in body:
            raise RefusedError(
                "document.signature-fields", f"a statement about a signature has the field {name!r}"
            )
    if integer(body, "position") > count:
        raise RefusedError(
            "document.signature-position", "a signature's position is among those that were found"
        )


def _signatures(_state: RuleState, status: str | None, _body: Body) -> str:
    if status is None:
        raise unknown()
    return status


TYPES = (
    RecordType(
        name="doc.signatures/1",
        meaning="What the author found when checking one of the signatures in a PDF that it anchored, or that there are none.",
        fields=(
            AUTHORITY,
            CONCERNED,
            Field("count", Integer(0, MAX_SIGNATURES), "signatures that the file holds"),
            Field(
                "position",
                Integer(1, MAX_SIGNATURES),
                "which of them this is about, in the order of signing from 1; required unless `count` is 0",
                required=False,
            ),
            Field("certificate", Bytes(32), "SHA-256 of the signer's certificate (DER)", required=False),
            Field("signed_ms", TIME_MS, "time of signing, as the signature claims it", required=False),
            Field(
                "integrity",
                Choice(frozenset({INTACT, BROKEN})),
                "whether the signature fits what it covers; required unless `count` is 0",
                required=False,
            ),
            Field(
                "coverage",
                Choice(frozenset({WHOLE_FILE, REVISION, UNCLEAR})),
                "whether it covers the whole file, or the file as it was before additions; required unless `count` is 0",
                required=False,
            ),
            Field(
                "changes",
                Choice(frozenset({NO_CHANGES, PERMITTED, NOT_PERMITTED})),
                "what was added to the file after signing; required unless `count` is 0",
                required=False,
            ),
            Field(
                "trust",
                Choice(frozenset({TRUSTED, UNTRUSTED, EXPIRED, REVOKED, NOT_CHECKED})),
                "whether the certificate leads to one that the author trusts; required unless `count` is 0",
                required=False,
            ),
        ),
        roles=ROLES,
        subject=concerned,
        rule=_signatures,
        check=_check_signatures,
        lookups=concerned_lookup,
    ),
)
