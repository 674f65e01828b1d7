"""What came in and went out: the moves of one item, and which receipt belongs to which shipment.

Rules: an object event that adds makes, one that deletes sells or removes; shipping, receiving and selling move what an event
only observes; a transformation uses and makes. What a carrier holds moves with it: an event that names only the carrier
counts for what was packed into it, and one that names both counts once. Sums ask for no order, so a late entry changes
nothing but its own flag.

A receipt belongs to the shipment that shares a transaction with it, else to one in the same carrier, else to one of which
nothing was received yet, and among these to that of exactly this much, else to the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from ledger.origin.model import (
    ADD,
    AGGREGATION,
    ASSOCIATION,
    DELETE,
    OBJECT,
    TRANSACTION,
    TRANSFORMATION,
    OriginEvent,
    Share,
    Story,
)
from ledger.origin.units import COUNT, EXACT, PIECE, Quantity, quantity

MADE, USED, SHIPPED, RECEIVED, SOLD, REMOVED, COUNTED = (
    "made",
    "used",
    "shipped",
    "received",
    "sold",
    "removed",
    "counted",
)
_VOID: Final = "void_shipping"
_OBSERVED: Final = {
    "shipping": SHIPPED,
    "receiving": RECEIVED,
    # What was announced as shipped and stayed is back where it was.
    _VOID: RECEIVED,
    "retail_selling": SOLD,
    "dispensing": SOLD,
    "consuming": REMOVED,
    "destroying": REMOVED,
    "cycle_counting": COUNTED,
    "stock_taking": COUNTED,
}
_DELETED: Final = frozenset({"retail_selling", "dispensing"})
MAX_NESTING: Final = 16
"""How deep carriers in carriers are looked into."""
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Move:
    """What one event does to an item."""

    event: OriginEvent
    kind: str
    amount: Decimal | None
    """In the base unit of the item's dimension; None if the event does not say how much."""
    carrier: str = ""
    """The carrier by which the item moved, if the event does not name the item itself."""


@dataclass(slots=True)
class Shipment:
    """Something sent, and what was received of it."""

    move: Move
    open: Decimal
    """What is still on its way, or lost."""
    receipts: list[Move] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Excess:
    """What was received beyond all that was sent."""

    move: Move
    amount: Decimal
    shipment: Shipment | None
    """The shipment that it went beyond; None if nothing was sent."""


@dataclass(slots=True)
class Flows:
    """All moves of one item, in one dimension."""

    item: str
    dimension: str
    moves: list[Move]
    shipments: list[Shipment]
    excesses: list[Excess]
    unknown: list[Move]
    """Moves of which the event does not say how much, or in a unit that does not compare."""

    def of(self, *kinds: str) -> list[Move]:
        """The moves of some kinds, in order of happening."""
        return [move for move in self.moves if move.kind in kinds]

    def total(self, *kinds: str) -> Decimal:
        """How much moved, by kind."""
        return _sum(move.amount for move in self.of(*kinds) if move.amount is not None)

    def shown(self, amount: Decimal) -> tuple[str, str]:
        """A figure and its unit."""
        return Quantity(self.dimension, amount).shown

    @property
    def lost(self) -> Decimal:
        """What is missing of shipments that arrived in part."""
        return _sum(one.open for one in self.shipments if one.receipts)

    @property
    def on_the_way(self) -> Decimal:
        """What was shipped and nothing of it received."""
        return _sum(one.open for one in self.shipments if not one.receipts)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def is_carrier(item: str) -> bool:
    """Whether an item is a logistic unit."""
    return item.startswith("00/")


def is_lot(item: str) -> bool:
    """Whether an item is a lot, of a GTIN or of a code of its producer's."""
    return "/10/" in item and not is_carrier(item)


def is_serial(item: str) -> bool:
    """Whether an item is a single piece."""
    return item.startswith("01/") and "/21/" in item


class Carriers:
    """What was packed into carriers, and taken out of them."""

    def __init__(self, story: Story) -> None:
        self._packings: dict[str, list[OriginEvent]] = {}
        self._above: dict[str, frozenset[str]] = {}
        self._amounts: dict[tuple[str, str, int, str], Decimal | None] = {}
        self.parents: dict[str, set[str]] = {}
        """Of each item the carriers that it was ever packed into."""
        for event in story.events.values():
            if event.kind in {AGGREGATION, ASSOCIATION} and event.parent:
                self._packings.setdefault(event.parent, []).append(event)
                for share in event.items:
                    self.parents.setdefault(share.item, set()).add(event.parent)
        for events in self._packings.values():
            events.sort(key=lambda event: event.sort_key)

    def packings(self, carrier: str) -> list[OriginEvent]:
        """The events that packed or unpacked a carrier, in order of happening."""
        return self._packings.get(carrier, [])

    def packings_of(self, item: str) -> list[OriginEvent]:
        """The events that packed an item into a carrier."""
        return [
            event
            for parent in sorted(self.parents.get(item, ()))
            for event in self.packings(parent)
            if event.action != DELETE and any(share.item == item for share in event.items)
        ]

    def all_parents(self, item: str) -> frozenset[str]:
        """The carriers that an item was in, also by way of others."""
        known = self._above.get(item)
        if known is not None:
            return known
        found: set[str] = set()
        left = [item]
        while left:
            for parent in self.parents.get(left.pop(), ()):
                if parent not in found:
                    found.add(parent)
                    left.append(parent)
        above = self._above[item] = frozenset(found)
        return above

    def amount(self, carrier: str, item: str, time_ms: int, dimension: str, depth: int = 0) -> Decimal | None:
        """How much of an item a carrier held at a time; zero if it is not in it, None if a packing does not say.

        A carrier that by the claimed times was packed only later held what was packed then: times are judged on their own.
        """
        if depth >= MAX_NESTING:
            return ZERO
        # Each carrier is looked into once, however many ways lead to it: what somebody packed in itself ends here too.
        key = (carrier, item, time_ms, dimension)
        if key not in self._amounts:
            self._amounts[key] = ZERO
            held = self._held(carrier, item, (time_ms, dimension, depth), whole=False)
            if held == ZERO:
                held = self._held(carrier, item, (time_ms, dimension, depth), whole=True)
            self._amounts[key] = held
        return self._amounts[key]

    def _held(self, carrier: str, item: str, at: tuple[int, str, int], *, whole: bool) -> Decimal | None:
        time_ms, dimension, depth = at
        held = ZERO
        inside: set[str] = set()
        for event in self.packings(carrier):
            if not whole and event.time_ms > time_ms:
                continue
            if event.action == DELETE:
                if whole or event.time_ms >= time_ms:
                    continue
                if not event.items:
                    held, inside = ZERO, set()
            for share in event.items:
                if share.item == item:
                    amount = amount_of(share, dimension)
                    if amount is None:
                        return None
                    held = (
                        max(ZERO, EXACT.subtract(held, amount))
                        if event.action == DELETE
                        else EXACT.add(held, amount)
                    )
                elif is_carrier(share.item):
                    (inside.discard if event.action == DELETE else inside.add)(share.item)
        for inner in sorted(inside):
            amount = self.amount(inner, item, time_ms, dimension, depth + 1)
            if amount is None:
                return None
            held = EXACT.add(held, amount)
        return held


def amount_of(share: Share, dimension: str) -> Decimal | None:
    """A share in a dimension's base unit; None if it does not say, or is of another dimension."""
    found = share_quantity(share)
    return None if found is None or found.dimension != dimension else found.base


def share_quantity(share: Share) -> Quantity | None:
    """A share as a quantity: one piece where a single thing is named without an amount; None if it does not say."""
    if share.amount is None:
        return Quantity(COUNT, Decimal(1)) if is_serial(share.item) or is_carrier(share.item) else None
    return quantity(share.amount, share.unit or PIECE)


def _named(event: OriginEvent, item: str) -> Iterator[tuple[Share, str]]:
    """The shares of an item in an event that does something to it, each with what it does."""
    if event.kind == TRANSFORMATION:
        yield from ((share, USED) for share in event.inputs if share.item == item)
        yield from ((share, MADE) for share in event.outputs if share.item == item)
    elif event.kind in {OBJECT, TRANSACTION}:
        kind = _kind(event)
        if kind:
            yield from ((share, kind) for share in event.items if share.item == item)


def _kind(event: OriginEvent) -> str:
    if event.kind == OBJECT and event.action == ADD:
        return MADE
    if event.kind == OBJECT and event.action == DELETE:
        return SOLD if event.step in _DELETED else REMOVED
    return _OBSERVED.get(event.step, "")


def _by_carrier(event: OriginEvent, item: str, carriers: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Carriers of the item that an event moves without naming the item itself."""
    if event.kind not in {OBJECT, TRANSACTION} or item in event.named:
        return
    kind = _OBSERVED.get(event.step, "") if event.action != ADD else ""
    if event.kind == OBJECT and event.action == DELETE:
        return
    if kind and kind != COUNTED:
        yield from ((share.item, kind) for share in event.items if share.item in carriers)


def flows_of(story: Story, carriers: Carriers, item: str) -> Flows:
    """All moves of an item, and its shipments with what was received of them."""
    parents = carriers.all_parents(item)
    events = {event.record_id: event for event in story.events_of(item)}
    for parent in parents:
        events |= {event.record_id: event for event in story.events_of(parent)}
    ordered = sorted(events.values(), key=lambda event: event.sort_key)
    dimension = _dimension(ordered, item)
    moves: list[Move] = []
    unknown: list[Move] = []
    for event in ordered:
        found = [Move(event, kind, amount_of(share, dimension)) for share, kind in _named(event, item)]
        named = event.named
        for carrier, kind in _by_carrier(event, item, parents):
            if not named.isdisjoint(carriers.all_parents(carrier)):
                continue  # what holds it is named too, and counts for it
            amount = carriers.amount(carrier, item, event.time_ms, dimension)
            if amount != ZERO:
                found.append(Move(event, kind, amount, carrier))
        moves += found
        unknown += [move for move in found if move.amount is None]
    shipments, excesses = _paired(moves, carriers)
    return Flows(item, dimension, moves, shipments, excesses, unknown)


def _dimension(events: list[OriginEvent], item: str) -> str:
    """The dimension in which the item was made, else the one in which it is first spoken of; pieces if none is."""
    first = ""
    for event in events:
        for share, kind in _named(event, item):
            found = share_quantity(share)
            if found is not None and kind == MADE:
                return found.dimension
            first = first or ("" if found is None else found.dimension)
    if first:
        return first
    for event in events:
        for share in event.items:
            found = share_quantity(share) if share.item == item else None
            if found is not None:
                return found.dimension
    return COUNT


def _paired(moves: list[Move], carriers: Carriers) -> tuple[list[Shipment], list[Excess]]:
    shipments = [
        Shipment(move, move.amount) for move in moves if move.kind == SHIPPED and move.amount is not None
    ]
    receipts = [move for move in moves if move.kind == RECEIVED and move.amount is not None]
    excesses = []
    unmatched = []
    for move in receipts:
        left, last = _fill(shipments, move, move.amount or ZERO, carriers)
        if left > ZERO and last is None and _closed(shipments, move) is None:
            unmatched.append(move)
        elif left > ZERO:
            excesses.append(Excess(move, left, last or _closed(shipments, move)))
    for move in unmatched:
        # What is left has no shipment before it: perhaps one that is claimed to be later, of which nothing arrived.
        amount = move.amount or ZERO
        later = [
            one
            for one in shipments
            if not one.receipts and one.open == amount and _may_be(one, move, carriers)
        ]
        if later:
            found = min(later, key=lambda one: _rank(one, move, amount))
            found.open, found.receipts = ZERO, [move]
        else:
            excesses.append(Excess(move, amount, None))
    return shipments, excesses


def _fill(
    shipments: list[Shipment], move: Move, left: Decimal, carriers: Carriers
) -> tuple[Decimal, Shipment | None]:
    """Give a receipt to the shipments that it is of; what is left of it, and the last of these."""
    last: Shipment | None = None
    bound = [one for one in shipments if _is_bound(one, move)]
    candidates = bound or [
        one
        for one in shipments
        if one.move.event.time_ms <= move.event.time_ms and _may_be(one, move, carriers)
    ]
    while left > ZERO:
        found = min(
            (one for one in candidates if one.open > ZERO),
            key=lambda one: _rank(one, move, left),
            default=None,
        )
        if found is None:
            break
        taken = min(left, found.open)
        found.open = EXACT.subtract(found.open, taken)
        found.receipts.append(move)
        left = EXACT.subtract(left, taken)
        last = found
    return left, last


def _may_be(shipment: Shipment, move: Move, carriers: Carriers) -> bool:
    """Whether a receipt may be of a shipment: in no other carrier, and not by whoever sent it from where it was sent."""
    sent, got = shipment.move.event, move.event
    if sent.site and (sent.by, sent.site) == (got.by, got.site) and got.step != _VOID:
        return False
    one, other = shipment.move.carrier, move.carrier
    return (
        not one
        or not other
        or one == other
        or one in carriers.all_parents(other)
        or other in carriers.all_parents(one)
    )


def _rank(shipment: Shipment, move: Move, left: Decimal) -> tuple[bool, bool, bool, bool, bool, int, bytes]:
    event = shipment.move.event
    return (
        not _shares_transaction(shipment, move),
        not (move.carrier and shipment.move.carrier == move.carrier),
        bool(shipment.receipts),
        shipment.open != left,
        shipment.open < left,
        event.time_ms,
        event.record_id,
    )


def _shares_transaction(shipment: Shipment, move: Move) -> bool:
    return not set(shipment.move.event.transactions).isdisjoint(move.event.transactions)


def _is_bound(shipment: Shipment, move: Move) -> bool:
    """Whether a receipt names the shipment that it is of, so that what is too much belongs to no other."""
    return _shares_transaction(shipment, move) or bool(move.carrier and shipment.move.carrier == move.carrier)


def _closed(shipments: list[Shipment], move: Move) -> Shipment | None:
    """The shipment that a receipt of nothing more belongs to, if it names one."""
    return next((one for one in shipments if _is_bound(one, move)), None)
