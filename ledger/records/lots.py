"""`lot.*`: goods made together, and their recall.

Rules: a producer creates lots of its own products, as long as they have not ended. Its lot is recalled by the producer, by
whoever succeeded it, or by an inspector. Each of the two recalls by itself: the producer lifts its own recall only, and while
an inspector's stands the lot stays recalled; an inspector lifts both. All of it also joins the history of the thing, which is
everybody's.

What this module does not do: follow a recall to what was made from the lot. That is arithmetic over events.
"""

from __future__ import annotations

from ledger import gs1
from ledger.encoding import decode, encode
from ledger.errors import FormatError, RefusedError
from ledger.fields import IDENTIFIER, MAX_TIME_MS, Ascii, Body, Choice, Date, Field, Integer
from ledger.records.base import AUTHORITY, IN_FORCE, RecordType, RuleState, Subject, text
from ledger.records.goods import (
    CODE,
    GTIN,
    LOT,
    PAD,
    UNIT,
    LotPath,
    acts_as_inspector,
    check_goods,
    goods,
    lot_item,
    note,
)
from ledger.records.places import check_place, place
from ledger.records.products import check_product, product
from ledger.roles import INSPECTOR, PRODUCER
from ledger.rows import row_key

CREATE, RECALL, RELEASE = "lot.create/1", "lot.recall/1", "lot.release/1"
RECALLED = "recalled"

LOT_LOOKUP = b"lot/"
"""Lookup keys of the records of lots: this, the item path and `/`: whoever has a lot of that name."""
LOT_MEMBER_LOOKUP = b"lot-member/"
"""Lookup keys of the lots that a member created: this, the member, `/`, then the item path and `/`."""

LOT_OWNER_LOOKUP = b"lot-owner/"
"""Lookup keys of who created lots: this, the item path, `/`, the member and `/`."""

RECALL_ROW = "lot-recall"
"""Rows `["lot-recall", owner, item path]`: `[whether the owner recalls it, the inspector that does or nil]`."""

RECALL_REASONS = frozenset(
    {
        "contamination",
        "allergen",
        "foreign-body",
        "labelling",
        "quality",
        "expired",
        "counterfeit",
        "ordered",
        "other",
    }
)
RELEASE_REASONS = frozenset({"tested-safe", "recalled-in-error", "corrected", "ordered", "other"})
MAX_TOLERANCE = 10_000
"""Basis points in a whole."""
THOUSANDTHS = 1_000
"""In a unit: quantities are whole thousandths."""


def lot(owner: str, path: str) -> Subject:
    """A member's lot, by its item path."""
    return Subject(LOT, owner, path)


def recall_key(owner: str, path: str) -> bytes:
    """State key of who recalls a lot."""
    return row_key(RECALL_ROW, owner, path)


def _recalls(state: RuleState, key: bytes) -> tuple[bool, str | None]:
    value = state.get(key)
    if value is None:
        return False, None
    match decode(value):
        case [bool(by_owner), (str() | None) as inspector]:
            return by_owner, inspector
    raise FormatError("row.shape", "a recall's row has two items")


# -- creating ------------------------------------------------------------------------------------------------------------


def _subject(body: Body) -> Subject:
    return lot(text(body, "authority"), lot_item(body).path)


def _check(body: Body) -> None:
    check_goods(body)
    try:
        lot_item(body)
    except FormatError as error:
        raise RefusedError("lot.name", error.detail) from error
    if ("quantity" in body) != ("unit" in body):
        raise RefusedError("lot.quantity", "a quantity is stated with its unit")
    # Dates of one fixed form compare as texts.
    if "produced" in body and "expires" in body and text(body, "expires") < text(body, "produced"):
        raise RefusedError("lot.days", "the lot would expire before it was made")


def _create(state: RuleState, status: str | None, body: Body) -> str:
    if status is not None:
        raise RefusedError("lot.exists", "this authority has already created this lot")
    authority = text(body, "authority")
    of = state.subject(product(authority, goods(body)))
    check_product(None if of is None else of.status)
    if "place" in body:
        at = state.subject(place(authority, text(body, "place")))
        check_place(None if at is None else at.status)
    note(state, lot_item(body).path)
    return IN_FORCE


# -- recall --------------------------------------------------------------------------------------------------------------


def _owners(body: Body) -> Subject:
    return lot(text(body, "owner"), text(body, "item"))


def _by_owner(state: RuleState, status: str | None, body: Body) -> bool:
    """Whether the record speaks for the lot's owner; if not, it must be an inspector's."""
    if status is None:
        raise RefusedError("lot.unknown", "that member has created no such lot", permanent=False)
    if body["authority"] == body["owner"]:
        return True
    if not acts_as_inspector(state):
        raise RefusedError(
            "lot.not-inspector",
            "a lot of another member is recalled and released by an inspector",
            permanent=False,
        )
    return False


def _recall(state: RuleState, status: str | None, body: Body) -> str:
    by_owner = _by_owner(state, status, body)
    key = recall_key(text(body, "owner"), text(body, "item"))
    owner, inspector = _recalls(state, key)
    if owner if by_owner else inspector is not None:
        raise RefusedError("lot.recalled", "the lot has been recalled already", permanent=False)
    state.put(key, encode([True, inspector] if by_owner else [owner, text(body, "authority")]))
    note(state, text(body, "item"))
    return RECALLED


def _release(state: RuleState, status: str | None, body: Body) -> str:
    by_owner = _by_owner(state, status, body)
    key = recall_key(text(body, "owner"), text(body, "item"))
    owner, inspector = _recalls(state, key)
    if status != RECALLED:
        raise RefusedError("lot.not-recalled", "the lot is not recalled", permanent=False)
    if by_owner and not owner:
        raise RefusedError(
            "lot.recalled-by-inspector",
            "an inspector recalled the lot: only an inspector lifts that",
            permanent=False,
        )
    left = inspector if by_owner else None
    state.put(key, encode([False, left]))
    note(state, text(body, "item"))
    return IN_FORCE if left is None else RECALLED


# -- finding them again ----------------------------------------------------------------------------------------------------


def _create_lookups(body: Body) -> tuple[bytes, ...]:
    path, owner = lot_item(body).path.encode(), text(body, "authority").encode()
    return (
        LOT_LOOKUP + path + b"/",
        LOT_MEMBER_LOOKUP + owner + b"/" + path + b"/",
        LOT_OWNER_LOOKUP + path + b"/" + owner + b"/",
    )


def _lookups(body: Body) -> tuple[bytes, ...]:
    return (LOT_LOOKUP + text(body, "item").encode() + b"/",)


def _later(name: str, meaning: str, rule: str, reasons: frozenset[str]) -> RecordType:
    return RecordType(
        name=name,
        meaning=meaning,
        fields=(
            AUTHORITY,
            Field(
                "owner",
                IDENTIFIER,
                "the member whose lot it is; another than `authority` for an inspector's record",
            ),
            Field("item", LotPath(), "the lot"),
            Field("reason", Choice(reasons), "why, out of a list"),
        ),
        roles=frozenset({PRODUCER, INSPECTOR}),
        subject=_owners,
        rule=_recall if rule == "recall" else _release,
        by_successor=True,
        lookups=_lookups,
    )


TYPES = (
    RecordType(
        name=CREATE,
        meaning="A producer creates a lot of one of its products.",
        fields=(
            AUTHORITY,
            GTIN,
            CODE,
            Field("lot", Ascii(1, gs1.MAX_LOT, gs1.CHARACTER_SET_82), "as it is printed on the label"),
            Field("produced", Date(), "day on which it was made or harvested", required=False),
            Field("expires", Date(), "last day on which it is good", required=False),
            Field(
                "quantity",
                Integer(0, MAX_TIME_MS),
                "how much of it, in thousandths of `unit`",
                required=False,
            ),
            Field("unit", UNIT, "code of UN/ECE Recommendation 20, such as KGM", required=False),
            Field(
                "tolerance",
                Integer(0, MAX_TOLERANCE),
                "loss of weight that is normal for it, in basis points of the quantity",
                required=False,
            ),
            Field(
                "place",
                Ascii(1, gs1.MAX_CODE, gs1.CODE_ALPHABET),
                "where it was made: GLN or code of a place that the authority registered",
                required=False,
            ),
            PAD,
        ),
        roles=frozenset({PRODUCER}),
        subject=_subject,
        rule=_create,
        check=_check,
        lookups=_create_lookups,
    ),
    _later(RECALL, "A lot is called back: nobody should sell or use it.", "recall", RECALL_REASONS),
    _later(
        RELEASE,
        "A recall is lifted by whoever recalled the lot, or by an inspector.",
        "release",
        RELEASE_REASONS,
    ),
)
