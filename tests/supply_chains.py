"""Random supply chains in which nothing is lost from sight: what an honest chain records, and what is where at its end.

The simulation is the slow obvious twin of `ledger.origin.flows`: it moves goods between holders one by one, in order, and
writes down the event that an honest member would record. It never looks at sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from ledger.gs1 import Item, check_digit
from ledger.hashing import sha256
from ledger.origin.model import Facts, LotClaim, OriginEvent, PlaceFact, Share, Story, Taken, Thing

START_MS: Final = 1_790_000_000_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
MEMBERS: Final = ("farm", "plant", "shop", "store")
PLACES: Final = {
    f"414/893850000{number}": PlaceFact(
        name=member, by=member, latitude=20_000_000 + 100_000 * at, longitude=105_000_000
    )
    for at, (member, number) in enumerate(zip(MEMBERS, ("0019", "0026", "0033", "0040"), strict=True))
}
"""A place for each member, each some eleven kilometres from the next."""
SITES: Final = dict(zip(MEMBERS, PLACES, strict=True))


def lot_path(number: int) -> str:
    return Item(gtin="08938500000010", lot=f"L{number}").path


def carton_path(number: int) -> str:
    digits = f"08938500000{number:06}"
    return Item(sscc=digits + check_digit(digits)).path


def serial_path(number: int) -> str:
    return Item(gtin="08938500000027", serial=f"S{number}").path


@dataclass
class Supply:
    """Goods in the hands of members, and what was recorded about them."""

    events: list[OriginEvent] = field(default_factory=list)
    holds: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """(member, lot): kilograms."""
    sold: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    lost: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    made_by: dict[str, str] = field(default_factory=dict)
    shipped_by_maker: set[str] = field(default_factory=set)
    now_ms: int = START_MS
    lots: int = 0
    cartons: int = 0

    def record(
        self, member: str, kind: str, step: str = "", action: str = "OBSERVE", **fields: object
    ) -> OriginEvent:
        """Write an event down, three hours after the one before."""
        self.now_ms += 3 * HOUR_MS
        number = len(self.events)
        event = OriginEvent(
            record_id=sha256(b"event %d" % number),
            by=member,
            kind=kind,
            action="" if kind == "transformation" else action,
            step=step,
            time_ms=self.now_ms,
            recorded_ms=self.now_ms + 300_000,
            order=(number + 2, 0),
            site=SITES[member],
        )
        event = replace(event, **fields)  # type: ignore[arg-type]
        self.events.append(event)
        return event

    def make(self, member: str, amount: Decimal) -> str:
        lot = self._new_lot(member, amount)
        self.record(member, "object", "commissioning", "ADD", items=(Share(lot, amount, "KGM"),))
        return lot

    def _new_lot(self, member: str, amount: Decimal) -> str:
        self.lots += 1
        lot = lot_path(self.lots)
        self.holds[member, lot] += amount
        self.made_by[lot] = member
        return lot

    def process(self, member: str, inputs: list[tuple[str, Decimal]], outputs: list[Decimal]) -> list[str]:
        for lot, amount in inputs:
            self.holds[member, lot] -= amount
        made = [self._new_lot(member, amount) for amount in outputs]
        self.record(
            member,
            "transformation",
            "creating_class_instance",
            inputs=tuple(Share(lot, amount, "KGM") for lot, amount in inputs),
            # Other units of the same amount.
            outputs=tuple(
                Share(lot, amount * 1000, "GRM") for lot, amount in zip(made, outputs, strict=True)
            ),
        )
        return made

    def ship(self, member: str, to: str, lot: str, amount: Decimal, lost: Decimal = Decimal(0)) -> None:
        self._leave(member, lot, amount)
        self.record(member, "object", "shipping", items=(Share(lot, amount, "KGM"),))
        self.record(to, "object", "receiving", items=(Share(lot, amount - lost, "KGM"),))
        self.holds[to, lot] += amount - lost
        self.lost[lot] += lost

    def _leave(self, member: str, lot: str, amount: Decimal) -> None:
        self.holds[member, lot] -= amount
        if self.made_by[lot] == member:
            self.shipped_by_maker.add(lot)

    def ship_packed(self, member: str, to: str, contents: list[tuple[str, Decimal]], *, nested: bool) -> None:
        self.cartons += 1
        carton = outer = carton_path(self.cartons)
        shares = tuple(Share(lot, amount, "KGM") for lot, amount in contents)
        self.record(member, "aggregation", "packing", "ADD", parent=carton, items=shares)
        if nested:
            self.cartons += 1
            outer = carton_path(self.cartons)
            self.record(member, "aggregation", "packing", "ADD", parent=outer, items=(Share(carton),))
        for lot, amount in contents:
            self._leave(member, lot, amount)
            self.holds[to, lot] += amount
        self.record(member, "object", "shipping", items=(Share(outer),))
        self.record(to, "object", "receiving", items=(Share(outer),))
        if nested:
            self.record(to, "aggregation", "unpacking", "DELETE", parent=outer)
        self.record(to, "aggregation", "unpacking", "DELETE", parent=carton, items=shares)

    def sell(self, member: str, lot: str, amount: Decimal) -> None:
        self.holds[member, lot] -= amount
        self.sold[lot] += amount
        self.record(member, "object", "retail_selling", items=(Share(lot, amount, "KGM"),))

    def destroy(self, member: str, lot: str, amount: Decimal) -> None:
        self.holds[member, lot] -= amount
        self.record(member, "object", "destroying", "DELETE", items=(Share(lot, amount, "KGM"),))

    # -- what is where -----------------------------------------------------------------------------------------------

    def left(self, lot: str) -> Decimal:
        return sum((amount for (_, one), amount in self.holds.items() if one == lot), Decimal(0))

    def never_shipped(self, lot: str) -> Decimal:
        return self.holds[self.made_by[lot], lot] if lot in self.shipped_by_maker else Decimal(0)

    @property
    def as_of_ms(self) -> int:
        return self.now_ms + 30 * DAY_MS

    def story(self, *, tolerance: int = 10_000) -> Story:
        return story_of(self.events, self.made_by, tolerance=tolerance)


def story_of(
    events: Iterable[OriginEvent],
    owners: dict[str, str],
    *,
    tolerance: int = 10_000,
    taken_back: frozenset[bytes] = frozenset(),
) -> Story:
    """A story of events, each in the history of every item that it names."""
    listed = sorted(events, key=lambda event: event.order)
    items = sorted({item for event in listed for item in event.named} | owners.keys())
    things = {}
    for number, item in enumerate(items):
        ids = tuple(event.record_id for event in listed if item in event.named)
        lots = (
            (LotClaim(sha256(b"lot %d" % number), owners[item], START_MS, tolerance=tolerance),)
            if item in owners
            else ()
        )
        things[item] = Thing(item, ids, lots, records=len(ids) + len(lots))
    return Story(
        things=things,
        events={event.record_id: event for event in listed if event.record_id not in taken_back},
        errors={
            event.record_id: Taken(sha256(event.record_id), "farm", event.recorded_ms, event)
            for event in listed
            if event.record_id in taken_back
        },
        facts=Facts(places=PLACES),
    )


amounts = st.integers(1, 999_999).map(lambda grams: Decimal(grams).scaleb(-3))
parts = st.integers(1, 1000)


def part_of(amount: Decimal, thousandths: int) -> Decimal:
    """So many thousandths of an amount, in whole grams, at least one."""
    return max(
        Decimal("0.001"), (amount * thousandths / 1000).quantize(Decimal("0.001"), rounding="ROUND_DOWN")
    )


@st.composite
def supplies(draw: st.DrawFn, *, least: int = 1, most: int = 14) -> Supply:
    """An honest chain of some steps."""
    supply = Supply()
    for _ in range(draw(st.integers(1, 3))):
        supply.make(draw(st.sampled_from(MEMBERS[:2])), draw(amounts))
    for _ in range(draw(st.integers(least, most))):
        held = [(member, lot) for (member, lot), amount in sorted(supply.holds.items()) if amount > 0]
        if not held:
            break
        member, lot = draw(st.sampled_from(held))
        amount = part_of(supply.holds[member, lot], draw(parts))
        other = draw(st.sampled_from([one for one in MEMBERS if one != member]))
        match draw(
            st.sampled_from(["ship", "lose", "pack", "nest", "process", "process", "sell", "destroy"])
        ):
            case "ship":
                supply.ship(member, other, lot, amount)
            case "lose":
                # Something arrives: what never does is a gap, and no loss.
                supply.ship(
                    member,
                    other,
                    lot,
                    amount,
                    lost=min(amount - Decimal("0.001"), part_of(amount, draw(parts))),
                )
            case "pack" | "nest" as how:
                contents = [(lot, amount)]
                more = [one for who, one in held if who == member and one != lot]
                contents += [(one, supply.holds[member, one]) for one in more[:1]]
                supply.ship_packed(member, other, contents, nested=how == "nest")
            case "process":
                inputs = [(lot, amount)]
                inputs += [
                    (one, supply.holds[member, one]) for who, one in held if who == member and one != lot
                ][:2]
                whole = sum((one for _, one in inputs), Decimal(0))
                first = part_of(whole, draw(parts))
                rest = [whole - first] if whole > first and draw(st.booleans()) else []
                supply.process(member, inputs, [first, *rest])
            case "sell":
                supply.sell(member, lot, amount)
            case _:
                supply.destroy(member, lot, amount)
    return supply
