"""`product.*`: what a producer makes.

Rules: a product is its producer's, known by GTIN or by a code of the producer's own. Two producers may register one GTIN: the
ledger does not judge to whom GS1 gave it, and shows both. An update states all of it anew. What has ended stays so.

What this module does not do: know categories, units or standards; they are words for people.
"""

from __future__ import annotations

from ledger.errors import RefusedError
from ledger.fields import IDENTIFIER_ALPHABET, Ascii, Body, Choice, Date, Field, Integer, Text
from ledger.records.base import AUTHORITY, IN_FORCE, RecordType, RuleState, Subject, text
from ledger.records.goods import (
    CODE,
    ENDED,
    GTIN,
    PAD,
    PRODUCT,
    UNIT,
    HashList,
    TextList,
    check_goods,
    goods,
)
from ledger.roles import PRODUCER

REGISTER, UPDATE, END = "product.register/1", "product.update/1", "product.end/1"

PRODUCT_LOOKUP = b"product/"
"""Lookup keys of a product's records: this, its GTIN or code, `/`, and the member: whoever registered it."""
PRODUCT_MEMBER_LOOKUP = b"product-member/"
"""Lookup keys of the products that a member registered: this, the member, `/`, then GTIN or code and `/`."""

MIN_STARS, MAX_STARS = 3, 5
"""Stars of OCOP (Quyết định 148/QĐ-TTg 2023): what has fewer is no OCOP product."""
MAX_IMAGES = 8
MAX_STANDARDS = 16
END_REASONS = frozenset({"discontinued", "replaced", "registered-in-error", "ordered", "other"})

_PRODUCERS = frozenset({PRODUCER})


def product(authority: str, identifier: str) -> Subject:
    """A member's product, by GTIN (14 digits) or by the member's code."""
    return Subject(PRODUCT, authority, identifier)


def _subject(body: Body) -> Subject:
    return product(text(body, "authority"), goods(body))


def _check(body: Body) -> None:
    check_goods(body)
    if "ocop_until" in body and "ocop_stars" not in body:
        raise RefusedError("product.ocop", "the last day of OCOP stars is stated with the stars")


def check_product(status: str | None) -> None:
    """Raise RefusedError, rule `product.unknown` or `product.ended`, unless a product of this status stands."""
    if status is None:
        raise RefusedError(
            "product.unknown", "this authority has registered no such product", permanent=False
        )
    if status != IN_FORCE:
        raise RefusedError("product.ended", "the product has ended, and that is for ever")


def _register(_state: RuleState, status: str | None, _body: Body) -> str:
    if status is not None:
        raise RefusedError("product.exists", "this authority has already registered this product")
    return IN_FORCE


def _update(_state: RuleState, status: str | None, _body: Body) -> str:
    check_product(status)
    return IN_FORCE


def _end(_state: RuleState, status: str | None, _body: Body) -> str:
    check_product(status)
    return ENDED


def _lookups(body: Body) -> tuple[bytes, ...]:
    return (PRODUCT_LOOKUP + goods(body).encode() + b"/" + text(body, "authority").encode() + b"/",)


def _register_lookups(body: Body) -> tuple[bytes, ...]:
    member = PRODUCT_MEMBER_LOOKUP + text(body, "authority").encode() + b"/" + goods(body).encode() + b"/"
    return (*_lookups(body), member)


_DESCRIPTION = (
    AUTHORITY,
    GTIN,
    CODE,
    Field("name", Text(1, 200), "as it stands on the label"),
    Field("category", Ascii(1, 64, IDENTIFIER_ALPHABET), "what sort of goods, as a short word"),
    Field("unit", UNIT, "in which it is counted or measured: code of UN/ECE Recommendation 20, such as KGM"),
    Field("brand", Text(1, 100), "trade mark", required=False),
    Field("ocop_stars", Integer(MIN_STARS, MAX_STARS), "stars of the OCOP programme", required=False),
    Field("ocop_until", Date(), "last day of the decision that gave the stars", required=False),
    Field("images", HashList(MAX_IMAGES), "SHA-256 of pictures, the one to show first", required=False),
    Field("standards", TextList(MAX_STANDARDS, 100), "standards and rules that it meets", required=False),
    Field("description", Text(1, 2_000), "what a buyer may want to read", required=False),
    PAD,
)

TYPES = (
    RecordType(
        name=REGISTER,
        meaning="A producer registers a product.",
        fields=_DESCRIPTION,
        roles=_PRODUCERS,
        subject=_subject,
        rule=_register,
        check=_check,
        lookups=_register_lookups,
    ),
    RecordType(
        name=UPDATE,
        meaning="A product is described anew: what is not stated again no longer holds.",
        fields=_DESCRIPTION,
        roles=_PRODUCERS,
        subject=_subject,
        rule=_update,
        check=_check,
        by_successor=True,
        lookups=_lookups,
    ),
    RecordType(
        name=END,
        meaning="A product is made no more, for ever: no lot of it can be created.",
        fields=(AUTHORITY, GTIN, CODE, Field("reason", Choice(END_REASONS), "why, out of a list"), PAD),
        roles=_PRODUCERS,
        subject=_subject,
        rule=_end,
        check=check_goods,
        by_successor=True,
        lookups=_lookups,
    ),
)
