"""`doc.*`: documents and what becomes of them.

Rules: a public document is anchored by the SHA-256 of its file and may say what it is; anything about a person is
anchored by a salted commitment, and then size, media type, number, symbol, date and abstract are forbidden, because
together they would let somebody guess the paper. The authority is part of the subject's key, so nobody can squat on
another's document by anchoring its hash first.
"""

from __future__ import annotations

from ledger.errors import RefusedError
from ledger.fields import (
    MAX_TIME_MS,
    NUMBER_ALPHABET,
    Ascii,
    Body,
    Bytes,
    Date,
    Field,
    Integer,
    MediaType,
    Text,
)
from ledger.records.base import AUTHORITY, IN_FORCE, RecordType, RuleState, Subject, octets, text
from ledger.roles import ISSUER, OFFICE

DOCUMENT = "document"
"""Kind of the subjects of this family."""

HASH_LOOKUP = b"document/"
"""Lookup keys of documents: this, then the 32-byte hash or commitment."""

_PUBLIC_ONLY = ("abstract", "date", "media_type", "number", "size", "symbol")


def _identifier(body: Body) -> bytes:
    return octets(body, "hash" if "hash" in body else "commitment")


def _check(body: Body) -> None:
    if ("hash" in body) == ("commitment" in body):
        raise RefusedError(
            "document.hash-or-commitment",
            "a document is anchored by its hash or by a commitment: one of the two",
        )
    if "commitment" in body:
        for name in _PUBLIC_ONLY:
            if name in body:
                raise RefusedError(
                    "document.commitment-discloses",
                    f"with a commitment, field {name!r} is forbidden: it helps to guess the paper",
                )
    elif "media_type" not in body or "size" not in body:
        raise RefusedError(
            "document.description", "a document anchored by its hash states media_type and size"
        )


def _subject(body: Body) -> Subject:
    return Subject(DOCUMENT, text(body, "authority"), _identifier(body))


def _anchor(_state: RuleState, status: str | None, _body: Body) -> str:
    if status is not None:
        raise RefusedError("document.exists", "this authority has already anchored this document")
    return IN_FORCE


def _lookups(body: Body) -> tuple[bytes, ...]:
    return (HASH_LOOKUP + _identifier(body),)


TYPES = (
    RecordType(
        name="doc.anchor/1",
        meaning="An authority states that a document exists as it is, and is in force.",
        fields=(
            AUTHORITY,
            Field("hash", Bytes(32), "SHA-256 of the file, for a public document", required=False),
            Field(
                "commitment",
                Bytes(32),
                'HMAC-SHA-256(salt, "file" ‖ 0x00 ‖ the file), for a document about a person; the salt is 32 random bytes',
                required=False,
            ),
            Field("media_type", MediaType(), "media type of the file; required with `hash`", required=False),
            Field("size", Integer(0, MAX_TIME_MS), "bytes of the file; required with `hash`", required=False),
            Field(
                "number",
                Ascii(1, 20, NUMBER_ALPHABET),
                "số: the document's number in its book",
                required=False,
            ),
            Field(
                "symbol",
                Text(1, 60),
                "ký hiệu: the letters after the number, such as BC-UBND",
                required=False,
            ),
            Field("date", Date(), "ngày ban hành: date of issue printed on the paper", required=False),
            Field("abstract", Text(1, 1000), "trích yếu: what the paper is about, in a line", required=False),
        ),
        roles=frozenset({OFFICE, ISSUER}),
        subject=_subject,
        rule=_anchor,
        check=_check,
        lookups=_lookups,
    ),
)
