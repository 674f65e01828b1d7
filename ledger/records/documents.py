"""`doc.*`: documents and what becomes of them.

Rules: a public document is anchored by the SHA-256 of its file and may say what it is, in the words of Nghị định
30/2020/NĐ-CP; anything about a person is anchored by a salted commitment, and then all that is forbidden, because together
it would let somebody guess the paper. What is marked secret is refused either way. The authority is part of the subject's
key, so nobody can squat on another's document by anchoring its hash first.

A number is used once: by one document of an authority in a book and a year. A later document may `continue` the one that
holds the number; then it holds the number, and the earlier one is superseded. A private document carries a tag of its number
in the number's place.

What this module does not do: look into a file, or say what the signatures in one are worth (`document_signatures`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache, partial

from ledger.encoding import decode, encode
from ledger.errors import RefusedError
from ledger.fields import (
    IDENTIFIER,
    MAX_TIME_MS,
    NUMBER_ALPHABET,
    Ascii,
    Body,
    Bytes,
    Choice,
    Date,
    Field,
    Integer,
    MediaType,
    Text,
)
from ledger.hashing import leaf_hash, sha256
from ledger.records.base import (
    AUTHORITY,
    IN_FORCE,
    RecordType,
    RuleState,
    Subject,
    octets,
    text,
)
from ledger.records.document_words import KINDS, REASONS, SECRECIES, UNCLASSIFIED, URGENCIES
from ledger.records.numbering import number_lookup
from ledger.roles import INSPECTOR, ISSUER, OFFICE
from ledger.rows import row_key

DOCUMENT = "document"
"""Kind of the subjects of this family."""
SUPERSEDED, WITHDRAWN = "superseded", "withdrawn"
DOCUMENT_PAPER = "doc.paper/1"

HASH_LOOKUP = b"document/"
"""Lookup keys of documents: this, then the 32-byte hash or commitment, then `authority_tag`. Finds the records whose subject
the document is, one authority after another: what one of them records never stands before what another does."""
PAPER_LOOKUP = b"paper/"
"""Lookup keys of the records that state that a file is a paper of something: this, its 32-byte hash, and `authority_tag`."""
AUTHORITY_TAG_SIZE = 8
"""Bytes of `authority_tag`."""

NUMBER_ROW, NUMBER_TAG_ROW = "number", "number-tag"
"""Rows `["number", authority, book, year, number]` and `["number-tag", authority, tag]`: the record id (bytes) of the newest
document that has the number. An absent book stands as empty text."""

_PUBLIC_ONLY = (
    "abstract",
    "book",
    "date",
    "kind",
    "media_type",
    "number",
    "secrecy",
    "size",
    "symbol",
    "urgency",
)
ROLES = frozenset({OFFICE, ISSUER})
"""Who may record about a document."""
_OWN_ROLES = ROLES | {INSPECTOR}
"""For what any authority does with papers of its own: an inspector's report is anchored, and taken back, by its key alone."""
_TAG_PREFIX = b"number\x00"


def number_tag(secret: bytes, book: str, year: int, number: str) -> bytes:
    """The tag of a private document's number: HMAC-SHA-256(secret, "number" ‖ 0 ‖ encode([book, year, number])).

    `secret` is 32 bytes that the office keeps; whoever lacks it cannot tell which number a tag is of.
    """
    return hmac.new(secret, _TAG_PREFIX + encode([book, year, number]), hashlib.sha256).digest()


def number_key(body: Body) -> bytes | None:
    """State key of the row of a document's number, or None if the record that anchors it carries none."""
    if "number_tag" in body:
        return row_key(NUMBER_TAG_ROW, text(body, "authority"), octets(body, "number_tag"))
    if "number" not in body:
        return None
    authority = text(body, "authority")
    book = text(body, "book") if "book" in body else ""
    return row_key(NUMBER_ROW, authority, book, int(text(body, "date")[:4]), text(body, "number"))


# -- what a record says, without any state -----------------------------------------------------------------------------


def _identifier(body: Body) -> bytes:
    return octets(body, "hash" if "hash" in body else "commitment")


def _check_anchor(body: Body) -> None:
    if body.get("secrecy", UNCLASSIFIED) != UNCLASSIFIED:
        raise RefusedError(
            "document.secret", "a paper marked secret is not anchored: nothing about it may leave the office"
        )
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
    elif "number_tag" in body:
        raise RefusedError(
            "document.number-tag",
            "a tag stands for the number of a private document; a public one states its number",
        )
    if "number" in body and "date" not in body:
        raise RefusedError(
            "document.number-date", "a document with a number states its date: numbers start anew each year"
        )
    if "book" in body and "number" not in body:
        raise RefusedError("document.book-alone", "a book is stated with the number that it gave")
    _check_continues(body)


def _check_continues(body: Body) -> None:
    if "continues" not in body:
        return
    if "number" not in body and "number_tag" not in body:
        raise RefusedError(
            "document.continues-alone", "a document continues another in its number: state the number too"
        )
    if body["continues"] == _identifier(body):
        raise RefusedError("document.by-itself", "a document cannot take its own place")


def _check_copy(body: Body) -> None:
    if "original_authority" in body and "original" not in body:
        raise RefusedError("document.original-alone", "original_authority is stated with the original")
    _check_continues(body)


def _other_authority(body: Body) -> str:
    return text(body, "by_authority" if "by_authority" in body else "authority")


def _check_other(body: Body) -> None:
    if body["by"] == body["document"] and _other_authority(body) == body["authority"]:
        raise RefusedError("document.by-itself", "a document cannot take its own place")


def _check_paper(body: Body) -> None:
    if body["hash"] == body["document"]:
        raise RefusedError(
            "document.by-itself", "a document's stamped copy is another file than the document"
        )


# -- what the state makes of it ----------------------------------------------------------------------------------------


def concerned(body: Body) -> Subject:
    """The document that a record is about which does not anchor it."""
    return Subject(DOCUMENT, text(body, "authority"), octets(body, "document"))


def _new_document(body: Body) -> Subject:
    return Subject(DOCUMENT, text(body, "authority"), _identifier(body))


def _check_new(status: str | None) -> None:
    if status is not None:
        raise RefusedError("document.exists", "this authority has already anchored this document")


def _check_in_force(status: str | None) -> None:
    if status is None:
        raise unknown()
    if status != IN_FORCE:
        raise RefusedError("document.not-in-force", f"the document is no longer in force: it is {status}")


def unknown() -> RefusedError:
    """The refusal of a record about a document that its authority never anchored; it may be anchored yet."""
    return RefusedError("document.unknown", "this authority has anchored no such document", permanent=False)


def _take_number(state: RuleState, record_type: str, body: Body) -> None:
    """Write the record into the row of the document's number, if the number is free or held by the one it continues."""
    key = number_key(body)
    if key is None:
        return
    held = state.get(key)
    if "continues" in body:
        _continue(state, body, None if held is None else decode(held))
    elif held is not None:
        holder = decode(held)
        raise RefusedError(
            "document.number-taken",
            f"the number is held by the document of record {holder.hex() if isinstance(holder, bytes) else holder}: "
            "a corrected or newer version of that paper continues it",
        )
    state.put(key, encode(leaf_hash(encode([record_type, dict(body)]))))


def _continue(state: RuleState, body: Body, holder: object) -> None:
    earlier = Subject(DOCUMENT, text(body, "authority"), octets(body, "continues"))
    row = state.subject(earlier)
    if row is None:
        raise unknown()
    if row.issue != holder:
        raise RefusedError(
            "document.continues", "the document that this one continues does not hold its number"
        )
    if row.status == WITHDRAWN:
        state.append(earlier, WITHDRAWN)
        return
    _check_in_force(row.status)
    state.append(earlier, SUPERSEDED)


def _anchor(state: RuleState, status: str | None, body: Body) -> str:
    _check_new(status)
    _take_number(state, "doc.anchor/1", body)
    return IN_FORCE


def _copy(state: RuleState, status: str | None, body: Body) -> str:
    _check_new(status)
    if "original" in body:
        # Not appended to the original's history: it may be another authority's, which nobody else may lengthen.
        holder = text(body, "original_authority" if "original_authority" in body else "authority")
        row = state.subject(Subject(DOCUMENT, holder, octets(body, "original")))
        if row is None:
            raise RefusedError(
                "document.original-unknown", f"{holder!r} has anchored no such original", permanent=False
            )
        if row.status != IN_FORCE:
            raise RefusedError("document.original-not-in-force", f"the original is {row.status}")
    _take_number(state, "doc.copy/1", body)
    return IN_FORCE


def _by_another(after: str, state: RuleState, status: str | None, body: Body) -> str:
    """Judge a record by which one document changes what another is; it joins the histories of both."""
    _check_in_force(status)
    holder = _other_authority(body)
    if holder not in (body["authority"], state.author):
        raise RefusedError(
            "document.by-other-authority",
            f"the other document is one of {holder!r}, which is neither the authority nor the one that acts for it",
        )
    other = Subject(DOCUMENT, holder, octets(body, "by"))
    row = state.subject(other)
    if row is None:
        raise RefusedError(
            "document.by-unknown", f"{holder!r} has not anchored the other document", permanent=False
        )
    if row.status != IN_FORCE:
        raise RefusedError("document.by-not-in-force", f"the other document is {row.status}")
    state.append(other, IN_FORCE)
    return after


def _withdraw(_state: RuleState, status: str | None, _body: Body) -> str:
    _check_in_force(status)
    return WITHDRAWN


def _paper(_state: RuleState, status: str | None, _body: Body) -> str:
    _check_in_force(status)
    return IN_FORCE


@lru_cache(maxsize=1_024)
def authority_tag(authority: str) -> bytes:
    """What stands for an authority in the lookup keys of what several may record about: the first 8 bytes of its SHA-256."""
    return sha256(authority.encode())[:AUTHORITY_TAG_SIZE]


def paper_lookup(body: Body) -> bytes:
    """The lookup key of a record whose `hash` is that of a paper."""
    return PAPER_LOOKUP + octets(body, "hash") + authority_tag(text(body, "authority"))


def concerned_lookup(body: Body) -> tuple[bytes, ...]:
    """The lookup key of a record about a document that it does not anchor."""
    return (HASH_LOOKUP + octets(body, "document") + authority_tag(text(body, "authority")),)


def _new_document_lookup(body: Body) -> tuple[bytes, ...]:
    tag = authority_tag(text(body, "authority"))
    return (HASH_LOOKUP + _identifier(body) + tag, *number_lookup(body, tag))


def _paper_lookups(body: Body) -> tuple[bytes, ...]:
    return (*concerned_lookup(body), paper_lookup(body))


CONCERNED = Field("document", Bytes(32), "the document concerned: its hash or commitment")
_BY_AUTHORITY = Field(
    "by_authority",
    IDENTIFIER,
    "whose document `by` is, if not the authority's: the member that acts for it now",
    required=False,
)
_COMMITMENT = (
    'HMAC-SHA-256(salt, "file" ‖ 0x00 ‖ the file), for a document about a person; the salt is 32 random bytes'
)
_NUMBER_TAG = Field(
    "number_tag",
    Bytes(32),
    'with a commitment, in the place of the number: HMAC-SHA-256(secret, "number" ‖ 0x00 ‖ encode([book, year, number])), '
    "the secret being 32 bytes that the office keeps",
    required=False,
)
_CONTINUES = Field(
    "continues",
    Bytes(32),
    "hash or commitment of the authority's document that has this number: this one takes over the number and supersedes it",
    required=False,
)


def _changing(
    name: str,
    meaning: str,
    fields: tuple[Field, ...],
    rule: Callable[[RuleState, str | None, Body], str],
    check: Callable[[Body], None],
) -> RecordType:
    """A type of record by which the authority, or who succeeds it, changes where a document stands."""
    return RecordType(
        name=name,
        meaning=meaning,
        fields=(AUTHORITY, CONCERNED, *fields),
        roles=_OWN_ROLES,
        subject=concerned,
        rule=rule,
        check=check,
        by_successor=True,
        lookups=concerned_lookup,
    )


TYPES = (
    RecordType(
        name="doc.anchor/1",
        meaning="An authority states that a document exists as it is, and is in force.",
        fields=(
            AUTHORITY,
            Field("hash", Bytes(32), "SHA-256 of the file, for a public document", required=False),
            Field("commitment", Bytes(32), _COMMITMENT, required=False),
            Field("media_type", MediaType(), "media type of the file; required with `hash`", required=False),
            Field("size", Integer(0, MAX_TIME_MS), "bytes of the file; required with `hash`", required=False),
            Field(
                "number",
                Ascii(1, 20, NUMBER_ALPHABET),
                "số: the document's number in its book, once a year",
                required=False,
            ),
            Field(
                "symbol",
                Text(1, 60),
                "ký hiệu: the letters after the number, such as BC-UBND",
                required=False,
            ),
            Field(
                "book",
                IDENTIFIER,
                "sổ: the register that gave the number, where the authority keeps several",
                required=False,
            ),
            Field(
                "date",
                Date(),
                "ngày ban hành: date of issue printed on the paper; required with `number`",
                required=False,
            ),
            Field("kind", Choice(frozenset(KINDS)), "tên loại: what sort of paper it is", required=False),
            Field("abstract", Text(1, 1000), "trích yếu: what the paper is about, in a line", required=False),
            Field("urgency", Choice(frozenset(URGENCIES)), "độ khẩn; absent: not urgent", required=False),
            Field(
                "secrecy",
                Choice(frozenset(SECRECIES)),
                f"độ mật; whatever says more than `{UNCLASSIFIED}` is refused",
                required=False,
            ),
            _NUMBER_TAG,
            _CONTINUES,
        ),
        roles=_OWN_ROLES,
        subject=_new_document,
        rule=_anchor,
        check=_check_anchor,
        lookups=_new_document_lookup,
    ),
    RecordType(
        name="doc.copy/1",
        meaning="An authority certifies a copy that it made of a paper (chứng thực bản sao).",
        fields=(
            AUTHORITY,
            Field("commitment", Bytes(32), "the copy: " + _COMMITMENT),
            _NUMBER_TAG,
            _CONTINUES,
            Field(
                "original",
                Bytes(32),
                "hash or commitment of the original, if that stands on this ledger and is in force",
                required=False,
            ),
            Field(
                "original_authority",
                IDENTIFIER,
                "who anchored the original, if not the authority itself",
                required=False,
            ),
        ),
        roles=ROLES,
        subject=_new_document,
        rule=_copy,
        check=_check_copy,
        lookups=_new_document_lookup,
    ),
    _changing(
        "doc.supersede/1",
        "A document is no longer in force, because another has taken its place.",
        (Field("by", Bytes(32), "hash or commitment of the document that takes its place"), _BY_AUTHORITY),
        partial(_by_another, SUPERSEDED),
        _check_other,
    ),
    _changing(
        "doc.withdraw/1",
        "A document is no longer in force, and none has taken its place.",
        (Field("reason", Choice(frozenset(REASONS)), "why, as a code"),),
        _withdraw,
        lambda _: None,
    ),
    _changing(
        "doc.correct/1",
        "Another document corrects this one (đính chính), which stays in force as corrected.",
        (Field("by", Bytes(32), "hash or commitment of the document that corrects it"), _BY_AUTHORITY),
        partial(_by_another, IN_FORCE),
        _check_other,
    ),
    RecordType(
        name=DOCUMENT_PAPER,
        meaning="The authority states which file is a stamped copy of its document, whose code leads to it.",
        fields=(
            AUTHORITY,
            CONCERNED,
            Field(
                "hash",
                Bytes(32),
                "SHA-256 of the stamped file, which holds random bytes so that nobody guesses it",
            ),
        ),
        roles=ROLES,
        subject=concerned,
        rule=_paper,
        check=_check_paper,
        lookups=_paper_lookups,
    ),
)
