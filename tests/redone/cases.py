"""The cases: what happened to one thing, and which findings of these kinds follow, written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ledger.days import after_ms, first_ms
from ledger.hashing import sha256
from ledger.origin.model import (
    CertificateFact,
    Facts,
    OriginEvent,
    ProductFact,
    RecallNotice,
    Share,
    Story,
)
from tests.supply_chains import (
    DAY_MS,
    HOUR_MS,
    PLACES,
    START_MS,
    carton_path,
    lot_path,
    serial_path,
    story_of,
)

LOT, SOURCE, BOX, PIECE = lot_path(1), lot_path(2), carton_path(1), serial_path(1)
GTIN = "08938500000010"
PAPER = f"urn:sogoc:certificate:so-nn:{'0a' * 16}"
DAY = "2026-09-21"
NOON = first_ms(DAY) + 12 * HOUR_MS
REACHES, REUSED, EXPIRED = "recall.reaches-sold", "serial.reused", "certificate.not-in-force"
SERIOUS, WARNING, INFO = "serious", "warning", "info"


@dataclass(frozen=True)
class Redone:
    """A story, the thing that is looked at, and the (rule, severity) of each finding of these kinds."""

    desc: str
    story: Story
    expected: tuple[tuple[str, str], ...] = ()
    item: str = LOT
    as_of_ms: int = START_MS + 400 * DAY_MS


class _Writer:
    """Events one hour apart, each recorded as it happens unless it is said when."""

    def __init__(self) -> None:
        self.events: list[OriginEvent] = []

    def add(
        self,
        step: str,
        *shares: Share,
        action: str = "OBSERVE",
        kind: str = "object",
        **more: Any,  # noqa: ANN401
    ) -> _Writer:
        number = len(self.events)
        at = more.pop("at", START_MS + number * HOUR_MS)
        recorded = more.pop("recorded", at)
        one = OriginEvent(
            sha256(b"event %d" % number), more.pop("by", "farm"), kind, action, step, at, recorded, (number, 0),
            site="414/8938500000019", items=shares,
        )  # fmt: skip
        self.events.append(replace(one, **more))
        return self

    def made(self, item: str = LOT, amount: str = "100", **more: Any) -> _Writer:  # noqa: ANN401
        return self.add("commissioning", kilos(item, amount), action="ADD", **more)

    def sold(self, amount: str | None = "10", item: str = LOT, **more: Any) -> _Writer:  # noqa: ANN401
        return self.add("retail_selling", kilos(item, amount), **more)

    def story(self, *recalls: tuple[str, int], facts: Facts | None = None) -> Story:
        """The story, with standing recalls of (item, recorded at)."""
        found = story_of(self.events, {LOT: "farm"})
        things = dict(found.things)
        for number, (item, at) in enumerate(recalls):
            notice = RecallNotice(
                sha256(b"recall %d" % number), "farm", "farm", at, (1_000 + number, 0), "quality"
            )
            things[item] = replace(things[item], recalls=(*things[item].recalls, notice))
        return replace(found, things=things, facts=facts or Facts(places=PLACES))


def kilos(item: str, amount: str | None) -> Share:
    return Share(item, None if amount is None else Decimal(amount), "" if amount is None else "KGM")


def _recalls() -> Iterator[Redone]:
    at = START_MS + 90 * 60_000
    sold = _Writer().made().sold().sold("2.5")
    yield Redone("recalled, and nothing was sold", _Writer().made().story((LOT, at)))
    yield Redone("sold, and not recalled", sold.story())
    yield Redone("sold before and after the recall", sold.story((LOT, at)), ((REACHES, SERIOUS),))
    late = _Writer().made().sold(recorded=START_MS + 2 * DAY_MS)
    yield Redone(
        "told after the recall that it was sold before", late.story((LOT, at)), ((REACHES, SERIOUS),)
    )
    unsaid = _Writer().made().sold(None)
    yield Redone("sold, nobody says how much", unsaid.story((LOT, at)), ((REACHES, SERIOUS),))
    used = (
        _Writer()
        .made(SOURCE, "50")
        .add("", kind="transformation", action="", inputs=(kilos(SOURCE, "50"),), outputs=(kilos(LOT, "40"),))
        .sold()
    )
    yield Redone("made from what is recalled", used.story((SOURCE, at)), ((REACHES, SERIOUS),))
    shipped = (
        _Writer()
        .made()
        .add("shipping", kilos(LOT, "30"))
        .add("receiving", kilos(LOT, "20"), by="shop")
        .sold(by="shop")
    )
    yield Redone("sold out of what was shipped", shipped.story((LOT, at)), ((REACHES, SERIOUS),))
    packed = (
        _Writer()
        .made()
        .add("packing", kilos(LOT, "60"), kind="aggregation", action="ADD", parent=BOX)
        .add("shipping", Share(BOX))
        .add("receiving", Share(BOX), by="shop")
        .add("retail_selling", Share(BOX), by="shop")
    )
    yield Redone("sold in its box", packed.story((LOT, at)), ((REACHES, SERIOUS),))


def _serials() -> Iterator[Redone]:
    once = _Writer().add("commissioning", Share(PIECE), action="ADD")
    yield Redone("a piece that was made once", once.story(), item=PIECE)
    twice = (
        _Writer()
        .add("commissioning", Share(PIECE), action="ADD")
        .add("commissioning", Share(PIECE), action="ADD", by="shop")
    )
    yield Redone("a piece that was made twice", twice.story(), ((REUSED, SERIOUS),), item=PIECE)

    def boxed(days: int, *, whole: bool = True) -> _Writer:
        out = () if whole else (kilos(LOT, "10"),)
        writer = (
            _Writer().made().add("packing", kilos(LOT, "10"), kind="aggregation", action="ADD", parent=BOX)
        )
        writer.add("unpacking", *out, kind="aggregation", action="DELETE", parent=BOX)
        at = START_MS + days * DAY_MS
        return writer.add("packing", kilos(LOT, "10"), kind="aggregation", action="ADD", parent=BOX, at=at)

    yield Redone("a box used again within a year", boxed(30).story(), ((REUSED, WARNING),), item=BOX)
    yield Redone(
        "a box emptied by name and used again", boxed(30, whole=False).story(), ((REUSED, WARNING),), item=BOX
    )
    yield Redone("a box used again after a year", boxed(366).story(), item=BOX)
    half = (
        _Writer()
        .made()
        .add("packing", kilos(LOT, "10"), kilos(SOURCE, "10"), kind="aggregation", action="ADD", parent=BOX)
    )
    half.add("unpacking", kilos(SOURCE, "10"), kind="aggregation", action="DELETE", parent=BOX)
    half.add("packing", kilos(LOT, "10"), kind="aggregation", action="ADD", parent=BOX)
    yield Redone("a box that was never empty", half.story(), item=BOX)


def _papers() -> Iterator[Redone]:
    def under(fact: CertificateFact | None) -> Story:
        facts = Facts(certificates={} if fact is None else {PAPER: fact})
        return _Writer().made(at=NOON, certificates=(PAPER, "https://example.com/vietgap")).story(facts=facts)

    out = ((EXPIRED, WARNING),)
    yield Redone("a certificate that the ledger does not have", under(None))
    yield Redone("a certificate in force on its only day", under(CertificateFact(DAY, DAY)))
    yield Redone("a certificate that begins tomorrow", under(CertificateFact("2026-09-22")), out)
    yield Redone("a certificate that ended yesterday", under(CertificateFact("", "2026-09-20")), out)
    yield Redone(
        "a certificate suspended at that moment", under(CertificateFact(turns=((NOON, "suspended"),))), out
    )
    turns = ((NOON - 2, "suspended"), (NOON - 1, "in-force"))
    yield Redone("a certificate reinstated before", under(CertificateFact(turns=turns)))
    yield Redone("a certificate revoked after", under(CertificateFact(turns=((NOON + 1, "revoked"),))))

    def starred(*terms: tuple[int, int, str], at: int = NOON) -> Story:
        product = ProductFact("farm", "Dứa", ocop=terms, record_id=sha256(b"product"))
        return _Writer().made(at=at).story(facts=Facts(products={("farm", GTIN): product}))

    yield Redone("no stars", starred((0, 0, "")))
    yield Redone("stars on their last day", starred((0, 3, DAY)))
    yield Redone("stars the day after", starred((0, 3, DAY), at=after_ms(DAY)), out)
    yield Redone("stars given anew before", starred((0, 3, "2026-01-01"), (NOON, 4, "2027-01-01")))
    yield Redone("stars given anew after", starred((0, 3, "2026-01-01"), (NOON + 1, 4, "2027-01-01")), out)
    yield Redone("stars that nobody had described yet", starred((NOON + 1, 3, "2026-01-01")), out)
    yield Redone("stars without a last day", starred((0, 5, "")))


def _late() -> Iterator[Redone]:
    def behind(milliseconds: int, **more: Any) -> _Writer:  # noqa: ANN401
        return _Writer().made(recorded=START_MS + milliseconds, **more)

    info, warning = (("entry.late", INFO),), (("entry.late", WARNING),)
    yield Redone("three days to the millisecond", behind(3 * DAY_MS).story())
    yield Redone("a millisecond more", behind(3 * DAY_MS + 1).story(), info)
    yield Redone("thirty days to the millisecond", behind(30 * DAY_MS).story(), info)
    yield Redone("more than thirty days", behind(30 * DAY_MS + 1).story(), warning)
    both = (
        behind(4 * DAY_MS)
        .sold(recorded=START_MS + 40 * DAY_MS)
        .sold(by="shop", recorded=START_MS + 5 * DAY_MS)
    )
    yield Redone("of two members and of both weights", both.story(), (*info, *warning, *info))


CASES = (*_recalls(), *_serials(), *_papers(), *_late())
