"""What came in and went out: the moves of one item, and which receipt belongs to which shipment.

Rules: an object event that adds makes, one that deletes sells or removes; shipping, receiving and selling move what an event
only observes; a transformation uses and makes. What a carrier holds moves with it: an event that names only the carrier
counts for what was packed into it, and one that names both counts once. An event that sees what is packed packs nothing. A
transaction event beside an object event that says the same of the same moment is the same move. Sums ask for no order, so a
late entry changes nothing but its own flag.

Amounts are summed in one dimension: that in which the lot's owner made it, else whoever did; mass, volume and pieces before any
unit that compares with itself only. What is said in another is in no sum, and shown beside them.

A receipt belongs to the shipment that shares a transaction with it, else to one in the same carrier, else to one of which
nothing was received yet, and among these to that of exactly this much, else to the oldest. Two members' clocks differ by ten
minutes at most. Where shipments and receipts are too many to compare each with each, the oldest come first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
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
from ledger.origin.units import COUNT, EXACT, MASS, PIECE, VOLUME, Quantity, quantity

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
CLOCKS_MS: Final = 10 * 60_000
"""So far two members' clocks may differ."""
MAX_NESTING: Final = 16
"""How deep carriers in carriers are looked into."""
MAX_PAIRS: Final = 250_000
"""Comparisons of a receipt with a shipment; what would take more is paired in order of time."""
ZERO: Final = Decimal(0)
_DIMENSIONS: Final = frozenset({MASS, VOLUME, COUNT})


@dataclass(frozen=True, slots=True)
class Move:
    """What one event does to an item."""

    event: OriginEvent
    kind: str
    amount: Decimal | None
    """In the base unit of the item's dimension; None if the event does not say how much."""
    carrier: str = ""
    """The carrier by which the item moved, if the event does not name the item itself."""
    said: Quantity | None = None
    """What the event says, where that is in another dimension."""


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

    def others(self) -> dict[str, list[Move]]:
        """Moves that are said in other dimensions, by dimension."""
        found: dict[str, list[Move]] = {}
        for move in self.unknown:
            if move.said is not None:
                found.setdefault(move.said.dimension, []).append(move)
        return dict(sorted(found.items()))

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
        self._naming: dict[tuple[str, str], list[OriginEvent]] = {}
        self._inner: dict[str, set[str]] = {}
        self._emptied: dict[str, list[int]] = {}
        self._above: dict[str, frozenset[str]] = {}
        self._amounts: dict[tuple[str, str, int, str], Decimal | None] = {}
        self._lines: dict[tuple[str, str, str], tuple[list[int], list[Decimal | None]]] = {}
        self.parents: dict[str, set[str]] = {}
        """Of each item the carriers that it was ever packed into."""
        for event in story.events.values():
            if event.kind in {AGGREGATION, ASSOCIATION} and event.parent:
                self._packings.setdefault(event.parent, []).append(event)
                for share in event.items:
                    self.parents.setdefault(share.item, set()).add(event.parent)
        for parent, events in self._packings.items():
            events.sort(key=lambda event: event.sort_key)
            for event in events:
                for item in dict.fromkeys(share.item for share in event.items):
                    self._naming.setdefault((parent, item), []).append(event)
                    if is_carrier(item):
                        self._inner.setdefault(parent, set()).add(item)
                if event.action == DELETE and not event.items:
                    self._emptied.setdefault(parent, []).append(_counts_from(event))

    def packings(self, carrier: str) -> list[OriginEvent]:
        """The events that packed or unpacked a carrier, in order of happening."""
        return self._packings.get(carrier, [])

    def packings_of(self, item: str) -> list[OriginEvent]:
        """The events that packed an item into a carrier."""
        return [
            event
            for parent in sorted(self.parents.get(item, ()))
            for event in self._naming[parent, item]
            if event.action != DELETE
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
            self._amounts[key] = self._held(carrier, item, self._moment(carrier, time_ms), dimension, depth)
        return self._amounts[key]

    def _moment(self, carrier: str, time_ms: int) -> int:
        """The time itself, or for what had not been packed by then: just before it was first unpacked."""
        packings = self.packings(carrier)
        first = next((event.time_ms for event in packings if event.action != DELETE), None)
        if first is None or first <= time_ms:
            return time_ms
        return next(
            (event.time_ms for event in packings if event.action == DELETE and event.time_ms >= first),
            packings[-1].time_ms,
        )

    def _held(self, carrier: str, item: str, time_ms: int, dimension: str, depth: int) -> Decimal | None:
        held = self._at(carrier, item, time_ms, dimension)
        if held is None:
            return None
        for inner in sorted(self._inner.get(carrier, set()) & self.all_parents(item)):
            if self._at(carrier, inner, time_ms, COUNT) == ZERO:
                continue
            amount = self.amount(inner, item, time_ms, dimension, depth + 1)
            if amount is None:
                return None
            held = EXACT.add(held, amount)
        return held

    def _at(self, carrier: str, item: str, time_ms: int, dimension: str) -> Decimal | None:
        """How much of an item lay in a carrier by itself."""
        times, amounts = self._line(carrier, item, dimension)
        at = bisect_right(times, time_ms)
        return amounts[at - 1] if at else ZERO

    def _line(self, carrier: str, item: str, dimension: str) -> tuple[list[int], list[Decimal | None]]:
        """How much of an item lay in a carrier from which time on, computed once."""
        key = (carrier, item, dimension)
        if key not in self._lines:
            times: list[int] = []
            amounts: list[Decimal | None] = []
            held: Decimal | None = ZERO
            emptied = self._emptied.get(carrier, [])
            events = sorted(
                self._naming.get((carrier, item), []),
                key=lambda event: (_counts_from(event), event.record_id),
            )
            for event in events:
                since = _counts_from(event)
                if times and (gone := _next_after(emptied, times[-1])) is not None and gone <= since:
                    times.append(gone)
                    amounts.append(ZERO)
                    held = ZERO
                held = _packed(event, item, dimension, held)
                times.append(since)
                amounts.append(held)
            if times and (gone := _next_after(emptied, times[-1])) is not None:
                times.append(gone)
                amounts.append(ZERO)
            self._lines[key] = times, amounts
        return self._lines[key]


def _counts_from(event: OriginEvent) -> int:
    """From which time on a packing counts: what is taken out was still in at that moment."""
    return event.time_ms + (event.action == DELETE)


def _next_after(times: Sequence[int], time_ms: int) -> int | None:
    at = bisect_right(times, time_ms)
    return times[at] if at < len(times) else None


def _packed(event: OriginEvent, item: str, dimension: str, held: Decimal | None) -> Decimal | None:
    """What a carrier holds of an item after one event that names both."""
    total = ZERO
    for share in event.items:
        if share.item == item:
            amount = amount_of(share, dimension)
            if amount is None:
                return None
            total = EXACT.add(total, amount)
    if held is None:
        return None
    if event.action == DELETE:
        return max(ZERO, EXACT.subtract(held, total))
    # Whoever only sees what is packed packs nothing more.
    return EXACT.add(held, total) if event.action == ADD else max(held, total)


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
    else:
        kind = move_of(event)
        if kind:
            yield from ((share, kind) for share in event.items if share.item == item)


def move_of(event: OriginEvent) -> str:
    """What an object or transaction event does to what it names; empty if nothing, or for another kind of event."""
    if event.kind == OBJECT and event.action == ADD:
        return MADE
    if event.kind == OBJECT and event.action == DELETE:
        return SOLD if event.step in _DELETED else REMOVED
    if event.kind == OBJECT or (event.kind == TRANSACTION and event.action != DELETE):
        return _OBSERVED.get(event.step, "")
    return ""


def _by_carrier(event: OriginEvent, item: str, carriers: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Carriers of the item that an event moves without naming the item itself.

    That a carrier's number ends says nothing of what it held, unless the step says that it was sold or is gone.
    """
    if event.kind not in {OBJECT, TRANSACTION} or item in event.named:
        return
    kind = "" if event.action == ADD and event.kind == OBJECT else _OBSERVED.get(event.step, "")
    if event.action == DELETE and (event.kind == TRANSACTION or kind not in {SOLD, REMOVED}):
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
    thing = story.things.get(item)
    dimension = _dimension(ordered, item, frozenset() if thing is None else {lot.by for lot in thing.lots})
    moves: list[Move] = []
    for event in ordered:
        found = [_move(event, kind, share, dimension) for share, kind in _named(event, item)]
        named = event.named
        for carrier, kind in _by_carrier(event, item, parents):
            if not named.isdisjoint(carriers.all_parents(carrier)):
                continue  # what holds it is named too, and counts for it
            amount = carriers.amount(carrier, item, event.time_ms, dimension)
            if amount != ZERO:
                found.append(Move(event, kind, amount, carrier))
        moves += found
    moves = _once(moves)
    shipments, excesses = _paired(moves, carriers)
    return Flows(item, dimension, moves, shipments, excesses, [move for move in moves if move.amount is None])


def _move(event: OriginEvent, kind: str, share: Share, dimension: str) -> Move:
    found = share_quantity(share)
    if found is None or found.dimension == dimension:
        return Move(event, kind, None if found is None else found.base)
    return Move(event, kind, None, said=found)


def _once(moves: list[Move]) -> list[Move]:
    """Moves without those of transaction events that an object event tells too: the same member, moment, place and amount."""
    told = {_what(move) for move in moves if move.event.kind == OBJECT}
    return [move for move in moves if move.event.kind != TRANSACTION or _what(move) not in told]


def _what(move: Move) -> tuple[str, str, int, str, str, Decimal | None, Quantity | None]:
    event = move.event
    return event.by, move.kind, event.time_ms, event.site, move.carrier, move.amount, move.said


def _dimension(events: list[OriginEvent], item: str, owners: Iterable[str]) -> str:
    """The dimension in which its owner made an item, else anybody, else the one in which it is first spoken of; or pieces."""
    owners = frozenset(owners)
    made: list[tuple[bool, bool, int, str]] = []
    first = ""
    for number, event in enumerate(events):
        for share, kind in _named(event, item):
            found = share_quantity(share)
            if found is None:
                continue
            if kind == MADE:
                made.append(
                    (event.by not in owners, found.dimension not in _DIMENSIONS, number, found.dimension)
                )
            first = first or found.dimension
    if made:
        return min(made)[-1]
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
    if len(shipments) * len(receipts) > MAX_PAIRS:
        return shipments, _in_order(shipments, receipts)
    known = _Bound(shipments)
    excesses = []
    unmatched = []
    for move in receipts:
        bound = known.of(move)
        left, last = _fill(shipments, bound, move, carriers)
        if left > ZERO and last is None and not bound:
            unmatched.append(move)
        elif left > ZERO:
            excesses.append(Excess(move, left, last or bound[0]))
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


def _in_order(shipments: list[Shipment], receipts: list[Move]) -> list[Excess]:
    """Pair the oldest with the oldest, in one pass; what goes beyond all that was sent."""
    waiting = deque(shipments)
    excesses = []
    for move in receipts:
        left = move.amount or ZERO
        while left > ZERO and waiting:
            found = waiting[0]
            taken = min(left, found.open)
            found.open = EXACT.subtract(found.open, taken)
            found.receipts.append(move)
            left = EXACT.subtract(left, taken)
            if found.open == ZERO:
                waiting.popleft()
        if left > ZERO:
            excesses.append(Excess(move, left, None))
    return excesses


class _Bound:
    """Shipments by what a receipt may name: a business transaction, or a carrier."""

    def __init__(self, shipments: list[Shipment]) -> None:
        self._by_name: dict[tuple[str, str], list[tuple[int, Shipment]]] = {}
        for number, one in enumerate(shipments):
            for name in _names(one.move):
                self._by_name.setdefault(name, []).append((number, one))

    def of(self, move: Move) -> list[Shipment]:
        """Those that a receipt names, in order of happening."""
        found = {number: one for name in _names(move) for number, one in self._by_name.get(name, ())}
        return [found[number] for number in sorted(found)]


def _names(move: Move) -> Iterator[tuple[str, str]]:
    yield from (("transaction", name) for name in move.event.transactions)
    if move.carrier:
        yield "carrier", move.carrier


def _fill(
    shipments: list[Shipment], bound: list[Shipment], move: Move, carriers: Carriers
) -> tuple[Decimal, Shipment | None]:
    """Give a receipt to the shipments that it is of; what is left of it, and the last of these."""
    left = move.amount or ZERO
    last: Shipment | None = None
    while left > ZERO:
        found = _likeliest(bound or shipments, move, left, carriers, named=bool(bound))
        if found is None:
            break
        taken = min(left, found.open)
        found.open = EXACT.subtract(found.open, taken)
        found.receipts.append(move)
        left = EXACT.subtract(left, taken)
        last = found
    return left, last


def _likeliest(
    shipments: list[Shipment], move: Move, left: Decimal, carriers: Carriers, *, named: bool
) -> Shipment | None:
    """The open shipment of which so much of a receipt is likeliest to be; they stand in order of happening."""
    # No rank is better than this one, and what comes later has no better time: where it is found, nobody need look on.
    best = (
        not named or not move.event.transactions,
        not named or not move.carrier,
        False,
        False,
        False,
    )
    found: tuple[tuple[bool, bool, bool, bool, bool, int, bytes], Shipment] | None = None
    for one in shipments:
        if one.open == ZERO:
            continue
        if not named:
            sent = one.move.event
            if sent.time_ms > move.event.time_ms + CLOCKS_MS:
                break
            if sent.time_ms > move.event.time_ms + slack(sent, move.event) or not _may_be(
                one, move, carriers
            ):
                continue
        rank = _rank(one, move, left)
        if found is None or rank < found[0]:
            found = rank, one
            if rank[:5] == best:
                break
    return None if found is None else found[1]


def slack(one: OriginEvent, other: OriginEvent) -> int:
    """By how many milliseconds the clocks behind two events may differ."""
    return 0 if one.by == other.by else CLOCKS_MS


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


def is_bound(shipment: Shipment, move: Move) -> bool:
    """Whether a receipt names the shipment that it is of, so that no other can be meant."""
    return _shares_transaction(shipment, move) or bool(move.carrier and shipment.move.carrier == move.carrier)
