"""`place.*`: where a producer works.

Rules: a place is its producer's, known by GLN or by a code of the producer's own. An address is a business's, never a
household's: that is why it is left out where the two are one, and why a position is whole microdegrees or nothing.
"""

from __future__ import annotations

from ledger import gs1
from ledger.errors import RefusedError
from ledger.fields import NUMBER_ALPHABET, Ascii, Body, Choice, Field, Integer, Text
from ledger.records.base import AUTHORITY, IN_FORCE, RecordType, RuleState, Subject, text
from ledger.records.goods import ENDED, PAD, PLACE, CheckedDigits, check_own_code
from ledger.roles import PRODUCER

REGISTER, END = "place.register/1", "place.end/1"

PLACE_LOOKUP = b"place/"
"""Lookup keys of a place's records: this, its GLN or code, `/`, the member and `/`."""
PLACE_MEMBER_LOOKUP = b"place-member/"
"""Lookup keys of the places that a member registered: this, the member, `/`, then GLN or code and `/`."""

KINDS = frozenset({"farm", "processing", "packing", "warehouse", "shop", "other"})
END_REASONS = frozenset({"closed", "moved", "registered-in-error", "ordered", "other"})
MICRODEGREES = 1_000_000
"""In a degree."""

_PRODUCERS = frozenset({PRODUCER})
_GLN = Field("gln", CheckedDigits(13), "global location number", required=False)
_CODE = Field(
    "code",
    Ascii(1, gs1.MAX_CODE, gs1.CODE_ALPHABET),
    "the member's own code, for a place without a GLN",
    required=False,
)


def place(authority: str, identifier: str) -> Subject:
    """A member's place, by GLN (13 digits) or by the member's code."""
    return Subject(PLACE, authority, identifier)


def place_identifier(body: Body) -> str:
    """By what the place is known: its GLN, or its own code."""
    return text(body, "gln" if "gln" in body else "code")


def _subject(body: Body) -> Subject:
    return place(text(body, "authority"), place_identifier(body))


def _check_name(body: Body) -> None:
    if ("gln" in body) == ("code" in body):
        raise RefusedError(
            "place.gln-or-code", "a place is named by a GLN or by a code of the member's own: one of the two"
        )
    check_own_code(body, 13)


def _check(body: Body) -> None:
    _check_name(body)
    if ("latitude" in body) != ("longitude" in body):
        raise RefusedError("place.position", "a position is a latitude and a longitude: both, or neither")


def check_place(status: str | None) -> None:
    """Raise RefusedError, rule `place.unknown` or `place.ended`, unless a place of this status stands."""
    if status is None:
        raise RefusedError("place.unknown", "this authority has registered no such place", permanent=False)
    if status != IN_FORCE:
        raise RefusedError("place.ended", "the place has ended, and that is for ever")


def _register(_state: RuleState, status: str | None, _body: Body) -> str:
    if status is not None:
        raise RefusedError("place.exists", "this authority has already registered this place")
    return IN_FORCE


def _end(_state: RuleState, status: str | None, _body: Body) -> str:
    check_place(status)
    return ENDED


def _lookups(body: Body) -> tuple[bytes, ...]:
    return (PLACE_LOOKUP + place_identifier(body).encode() + b"/" + text(body, "authority").encode() + b"/",)


def _register_lookups(body: Body) -> tuple[bytes, ...]:
    member = (
        PLACE_MEMBER_LOOKUP + text(body, "authority").encode() + b"/" + place_identifier(body).encode() + b"/"
    )
    return (*_lookups(body), member)


TYPES = (
    RecordType(
        name=REGISTER,
        meaning="A producer registers a place where it grows, processes, keeps or sells.",
        fields=(
            AUTHORITY,
            _GLN,
            _CODE,
            Field("name", Text(1, 200), "what people call it"),
            Field("kind", Choice(KINDS), "what is done there"),
            Field("growing_area", Ascii(1, 40, NUMBER_ALPHABET), "mã số vùng trồng", required=False),
            Field("address", Text(1, 300), "of a business, never of a household", required=False),
            Field(
                "latitude",
                Integer(-90 * MICRODEGREES, 90 * MICRODEGREES),
                "microdegrees north of the equator (WGS 84)",
                required=False,
            ),
            Field(
                "longitude",
                Integer(-180 * MICRODEGREES, 180 * MICRODEGREES),
                "microdegrees east of Greenwich (WGS 84)",
                required=False,
            ),
            PAD,
        ),
        roles=_PRODUCERS,
        subject=_subject,
        rule=_register,
        check=_check,
        lookups=_register_lookups,
    ),
    RecordType(
        name=END,
        meaning="A place is used no more, for ever.",
        fields=(AUTHORITY, _GLN, _CODE, Field("reason", Choice(END_REASONS), "why, out of a list"), PAD),
        roles=_PRODUCERS,
        subject=_subject,
        rule=_end,
        check=_check_name,
        by_successor=True,
        lookups=_lookups,
    ),
)
