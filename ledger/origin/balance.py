"""Mass balance: more out than in, loss on the way, what was never shipped, gaps in custody.

Rules: whatever left an item is compared with whatever came in, over all time, for the item as a whole, for each member that
held it, and for each site where every move names one. An item of which the ledger shows no beginning is not judged by its
total. Loss within the tolerance that the lot's owner declared is for information; gain has no tolerance. A transformation may
not give more mass, volume or pieces than it took, where all of it compares; what a lot declares of itself in another
dimension (180 packs, 36 kg) makes it compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from ledger.origin import words
from ledger.origin.flows import (
    COUNTED,
    MADE,
    RECEIVED,
    REMOVED,
    SHIPPED,
    SOLD,
    USED,
    ZERO,
    Flows,
    Move,
    Shipment,
    is_carrier,
    share_quantity,
)
from ledger.origin.model import TRANSFORMATION, Finding, LotClaim, OriginEvent, Severity, Share, Story
from ledger.origin.units import COUNT, EXACT, Quantity, milli, plain

ON_THE_WAY_MS: Final = 7 * words.DAY_MS
"""So long something shipped may be on its way before it is missed."""
BASIS_POINTS: Final = 10_000
_IN: Final = (MADE, RECEIVED)
_OUT: Final = (USED, SHIPPED, SOLD, REMOVED)
_GONE: Final = (USED, SOLD, REMOVED)


class Holder(NamedTuple):
    """Who held something, and where if every move says so."""

    member: str
    site: str = ""


class Stock(NamedTuple):
    """What one holder had of an item."""

    came: Decimal
    made: Decimal
    went: Decimal
    shipped: Decimal

    @property
    def left(self) -> Decimal:
        """What is still there; negative if more went than came."""
        return EXACT.subtract(self.came, self.went)


def tolerance_of(lots: Iterable[LotClaim]) -> int:
    """The declared tolerance of a lot in basis points: the owner's, the smallest if several say they are; 0 if none is."""
    return min((lot.tolerance for lot in lots if lot.tolerance is not None), default=0)


def stocks(flows: Flows) -> dict[Holder, Stock]:
    """What each holder had: by member and site, unless a site would have given what it never had; then by member alone."""
    moving = [move for move in flows.moves if move.kind != COUNTED and move.amount is not None]
    if all(move.event.site for move in moving):
        by_site = _stocks(moving, with_site=True)
        if all(stock.left >= ZERO or stock.came > ZERO for stock in by_site.values()):
            return by_site
    return _stocks(moving, with_site=False)


def _stocks(moves: Iterable[Move], *, with_site: bool) -> dict[Holder, Stock]:
    found: dict[Holder, Stock] = {}
    for move in moves:
        amount = move.amount or ZERO
        holder = Holder(move.event.by, move.event.site if with_site else "")
        came, made, went, shipped = found.get(holder, Stock(ZERO, ZERO, ZERO, ZERO))
        if move.kind in _IN:
            came = EXACT.add(came, amount)
            made = EXACT.add(made, amount) if move.kind == MADE else made
        else:
            went = EXACT.add(went, amount)
            shipped = EXACT.add(shipped, amount) if move.kind == SHIPPED else shipped
        found[holder] = Stock(came, made, went, shipped)
    return found


def never_shipped(flows: Flows) -> Decimal:
    """What stayed where it was made although some of it was shipped."""
    total = ZERO
    for stock in stocks(flows).values():
        if stock.made > ZERO and stock.shipped > ZERO and stock.left > ZERO:
            total = EXACT.add(total, stock.left)
    return total


def left(flows: Flows) -> Decimal:
    """What is left of an item anywhere: made or received from outside, and neither used, sold, removed, lost nor on its way."""
    gone = EXACT.add(flows.total(*_GONE), EXACT.add(flows.lost, flows.on_the_way))
    came = flows.total(MADE)
    for excess in flows.excesses:
        came = EXACT.add(came, excess.amount)
    return max(ZERO, EXACT.subtract(came, gone))


def judge(story: Story, flows: Flows, as_of_ms: int) -> Iterator[Finding]:
    """All that the balance of one item gives."""
    yield from _losses(story, flows, as_of_ms)
    yield from _gains(flows)
    yield from _totals(story, flows)
    yield from _stayed(flows)
    yield from _counts(flows)
    yield from _unsaid(flows)


def _ids(moves: Iterable[Move]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(move.event.record_id for move in moves))


# -- on the way ----------------------------------------------------------------------------------------------------------


def _losses(story: Story, flows: Flows, as_of_ms: int) -> Iterator[Finding]:
    thing = story.things.get(flows.item)
    tolerance = tolerance_of(thing.lots if thing is not None else ())
    for shipment in flows.shipments:
        if shipment.open == ZERO:
            continue
        if shipment.receipts:
            yield _loss(flows, shipment, tolerance)
        elif as_of_ms - shipment.move.event.time_ms > ON_THE_WAY_MS:
            yield _missing(flows, shipment, as_of_ms)


def _loss(flows: Flows, shipment: Shipment, tolerance: int) -> Finding:
    sent = shipment.move.amount or ZERO
    lost, unit = flows.shown(shipment.open)
    within = EXACT.multiply(shipment.open, Decimal(BASIS_POINTS)) <= EXACT.multiply(sent, Decimal(tolerance))
    (vi_item, en_item), (vi_lost, en_lost) = (
        words.thing(flows.item),
        words.amount(flows.dimension, shipment.open),
    )
    vi_sent, en_sent = words.amount(flows.dimension, sent)
    vi_got, en_got = words.amount(flows.dimension, EXACT.subtract(sent, shipment.open))
    return Finding(
        "balance.transit-loss",
        Severity.INFO if within else Severity.WARNING,
        (flows.item,),
        _ids([shipment.move, *shipment.receipts]),
        {
            "lost": lost,
            "unit": unit,
            "sent": flows.shown(sent)[0],
            "received": flows.shown(EXACT.subtract(sent, shipment.open))[0],
            "tolerance_bp": tolerance,
        },
        f"Hao hụt {vi_lost} trên đường: {vi_item} xuất {vi_sent}, nhận {vi_got}"
        + (", trong mức hao hụt đã khai." if within else ", ngoài mức hao hụt đã khai."),
        f"{en_lost} lost on the way: {en_sent} of {en_item} were shipped and {en_got} received"
        + (", within the declared tolerance." if within else ", beyond the declared tolerance."),
    )


def _missing(flows: Flows, shipment: Shipment, as_of_ms: int) -> Finding:
    event = shipment.move.event
    vi_item, en_item = words.thing(flows.item)
    vi_open, en_open = words.amount(flows.dimension, shipment.open)
    vi_ago, en_ago = words.span(as_of_ms - event.time_ms)
    return Finding(
        "custody.gap",
        Severity.WARNING,
        (flows.item,),
        (event.record_id,),
        {
            "why": "shipped-never-received",
            "amount": flows.shown(shipment.open)[0],
            "unit": flows.shown(shipment.open)[1],
            "by": event.by,
            "shipped_ms": event.time_ms,
        },
        f"Xuất {vi_open} của {vi_item} cách đây {vi_ago}, chưa nơi nào ghi nhận đã nhận.",
        f"{en_open} of {en_item} were shipped {en_ago} ago, and nobody recorded receiving them.",
    )


def _gains(flows: Flows) -> Iterator[Finding]:
    vi_item, en_item = words.thing(flows.item)
    for excess in flows.excesses:
        vi_more, en_more = words.amount(flows.dimension, excess.amount)
        figure, unit = flows.shown(excess.amount)
        figures = {"amount": figure, "unit": unit, "by": excess.move.event.by}
        if excess.shipment is None:
            yield Finding(
                "custody.gap",
                Severity.WARNING,
                (flows.item,),
                (excess.move.event.record_id,),
                {"why": "received-never-shipped"} | figures,
                f"Nhận {vi_more} của {vi_item} mà không có ghi nhận xuất.",
                f"{en_more} of {en_item} were received, and nobody recorded shipping them.",
            )
        else:
            yield Finding(
                "balance.more-out-than-in",
                Severity.SERIOUS,
                (flows.item,),
                _ids([excess.move, excess.shipment.move]),
                {"scope": "shipment"} | figures,
                f"Nhận nhiều hơn xuất {vi_more}: {vi_item}.",
                f"{en_more} more of {en_item} were received than were shipped.",
            )


# -- sums ----------------------------------------------------------------------------------------------------------------


def _totals(story: Story, flows: Flows) -> Iterator[Finding]:
    made, gone = flows.total(MADE), flows.total(*_GONE)
    if is_carrier(flows.item) or not flows.of(*_IN, *_OUT):
        return
    if not flows.of(MADE):
        yield _no_beginning(flows)
        return
    yield from _declared(story, flows, made)
    if any(move.kind == MADE for move in flows.unknown):
        return
    if gone > made:
        yield _more_out(flows, "lot", "", (made, gone), flows.of(MADE, *_GONE))
        return
    for holder, stock in sorted(stocks(flows).items()):
        if stock.left >= ZERO:
            continue
        own = [
            move
            for move in flows.of(*_IN, *_OUT)
            if move.event.by == holder.member and (not holder.site or move.event.site == holder.site)
        ]
        if stock.came == ZERO or _may_be_unrecorded(flows, -stock.left):
            yield _never_had(flows, holder, stock, own)
        else:
            yield _more_out(
                flows, "site" if holder.site else "member", holder.member, (stock.came, stock.went), own
            )


def _may_be_unrecorded(flows: Flows, missing: Decimal) -> bool:
    """Whether what a holder lacks may be of shipments that nobody recorded receiving.

    Which shipment a receipt was of is not always told, so what seems lost of others counts too, once one was never received.
    """
    return flows.on_the_way > ZERO and missing <= EXACT.add(flows.on_the_way, flows.lost)


def _no_beginning(flows: Flows) -> Finding:
    vi_item, en_item = words.thing(flows.item)
    return Finding(
        "custody.gap",
        Severity.WARNING,
        (flows.item,),
        _ids(flows.of(*_IN, *_OUT))[:1],
        {"why": "no-beginning"},
        f"Không có ghi nhận {vi_item} được làm ra ở đâu, từ gì.",
        f"Nothing on the ledger says where {en_item} began, or of what it was made.",
    )


def _more_out(
    flows: Flows, scope: str, member: str, sums: tuple[Decimal, Decimal], moves: Iterable[Move]
) -> Finding:
    came, went = sums
    more = EXACT.subtract(went, came)
    (vi_item, en_item), (vi_more, en_more) = words.thing(flows.item), words.amount(flows.dimension, more)
    vi_in, en_in = words.amount(flows.dimension, came)
    vi_out, en_out = words.amount(flows.dimension, went)
    vi_who, en_who = (f" tại {member}", f" at {member}") if member else ("", "")
    return Finding(
        "balance.more-out-than-in",
        # A site may have been filled from another of the same member without a record of it.
        Severity.WARNING if scope == "site" else Severity.SERIOUS,
        (flows.item,),
        _ids(moves),
        {
            "scope": scope,
            "amount": flows.shown(more)[0],
            "unit": flows.shown(more)[1],
            "in": flows.shown(came)[0],
            "out": flows.shown(went)[0],
        }
        | ({"by": member} if member else {}),
        f"Ra nhiều hơn vào {vi_more}{vi_who}: {vi_item} vào {vi_in}, ra {vi_out}.",
        f"{en_more} more went out than came in{en_who}: of {en_item} {en_in} came in and {en_out} went out.",
    )


def _never_had(flows: Flows, holder: Holder, stock: Stock, moves: Iterable[Move]) -> Finding:
    without = -stock.left
    (vi_item, en_item), (vi_out, en_out) = (
        words.thing(flows.item),
        words.amount(flows.dimension, without),
    )
    figure, unit = flows.shown(without)
    return Finding(
        "custody.gap",
        Severity.WARNING,
        (flows.item,),
        _ids(moves),
        {"why": "held-without-receipt", "by": holder.member, "amount": figure, "unit": unit},
        f"{holder.member} xuất, dùng hoặc bán {vi_out} của {vi_item} mà không có ghi nhận đã nhận.",
        f"{holder.member} shipped, used or sold {en_out} of {en_item} without having recorded receiving it.",
    )


def _declared(story: Story, flows: Flows, made: Decimal) -> Iterator[Finding]:
    thing = story.things.get(flows.item)
    for lot in thing.lots if thing is not None else ():
        declared = None if lot.quantity is None else milli(lot.quantity, lot.unit)
        if declared is None or declared.dimension != flows.dimension or made <= declared.base:
            continue
        more = EXACT.subtract(made, declared.base)
        (vi_item, en_item), (vi_more, en_more) = words.thing(flows.item), words.amount(flows.dimension, more)
        yield Finding(
            "balance.more-than-declared",
            Severity.WARNING,
            (flows.item,),
            (lot.record_id, *_ids(flows.of(MADE))),
            {
                "amount": flows.shown(more)[0],
                "unit": flows.shown(more)[1],
                "declared": declared.shown[0],
                "made": flows.shown(made)[0],
            },
            f"Làm ra nhiều hơn khai khi tạo lô {vi_more}: {vi_item}.",
            f"{en_more} more of {en_item} were made than its lot was declared to have.",
        )


def _stayed(flows: Flows) -> Iterator[Finding]:
    rest = never_shipped(flows)
    if rest == ZERO or is_carrier(flows.item):
        return
    (vi_item, en_item), (vi_rest, en_rest) = words.thing(flows.item), words.amount(flows.dimension, rest)
    figure, unit = flows.shown(rest)
    yield Finding(
        "stock.never-shipped",
        Severity.INFO,
        (flows.item,),
        _ids(flows.of(MADE, SHIPPED)),
        {
            "amount": figure,
            "unit": unit,
            "made": flows.shown(flows.total(MADE))[0],
            "shipped": flows.shown(flows.total(SHIPPED))[0],
        },
        f"Còn {vi_rest} của {vi_item} chưa xuất khỏi nơi làm ra.",
        f"{en_rest} of {en_item} were never shipped from where they were made.",
    )


def _counts(flows: Flows) -> Iterator[Finding]:
    for count in flows.of(COUNTED):
        if count.amount is None:
            continue
        event = count.event
        own = [
            move
            for move in flows.of(*_IN, *_OUT)
            if move.event.by == event.by
            and move.event.sort_key <= event.sort_key
            and (not event.site or move.event.site in {"", event.site})
        ]
        if any(move.amount is None for move in own):
            continue
        stock = _stocks(own, with_site=False).get(Holder(event.by), Stock(ZERO, ZERO, ZERO, ZERO))
        if stock.left == count.amount:
            continue
        more = count.amount > stock.left
        difference = abs(EXACT.subtract(count.amount, stock.left))
        (vi_item, en_item) = words.thing(flows.item)
        vi_by, en_by = words.amount(flows.dimension, difference)
        vi_is, en_is = words.amount(flows.dimension, count.amount)
        yield Finding(
            "stock.count-differs",
            Severity.WARNING,
            (flows.item,),
            _ids([count, *own]),
            {
                "by": event.by,
                "counted": flows.shown(count.amount)[0],
                "expected": flows.shown(max(ZERO, stock.left))[0],
                "difference": ("" if more else "-") + flows.shown(difference)[0],
                "unit": flows.shown(difference)[1],
            },
            f"Kiểm kê {vi_item} tại {event.by} được {vi_is}, {'thừa' if more else 'thiếu'} {vi_by} so với ghi nhận.",
            f"{event.by} counted {en_is} of {en_item}: {en_by} {'more' if more else 'less'} than its records give.",
        )


def _unsaid(flows: Flows) -> Iterator[Finding]:
    if not flows.unknown or is_carrier(flows.item):
        return
    vi_item, en_item = words.thing(flows.item)
    number = len(_ids(flows.unknown))
    yield Finding(
        "balance.amount-unknown",
        Severity.INFO,
        (flows.item,),
        _ids(flows.unknown),
        {"events": number},
        f"{number} sự kiện về {vi_item} không ghi lượng, hoặc ghi đơn vị không quy đổi được; không tính vào tổng.",
        f"{number} events about {en_item} give no amount, or a unit that does not compare; the sums leave them out.",
    )


# -- transformations -------------------------------------------------------------------------------------------------------


def judge_transformation(story: Story, flows: Mapping[str, Flows], event: OriginEvent) -> Iterator[Finding]:
    """A transformation that gives more than it took, where both sides compare."""
    if event.kind != TRANSFORMATION or not event.inputs or not event.outputs:
        return
    for dimension in sorted(_dimensions(story, flows, event)):
        used = _side(story, flows, event.inputs, dimension)
        made = _side(story, flows, event.outputs, dimension)
        if used is None or made is None or made <= used:
            continue
        more = EXACT.subtract(made, used)
        vi_more, en_more = words.amount(dimension, more)
        vi_in, en_in = words.amount(dimension, used)
        vi_out, en_out = words.amount(dimension, made)
        figure, unit = Quantity(dimension, more).shown
        yield Finding(
            "balance.more-out-than-in",
            Severity.SERIOUS,
            tuple(dict.fromkeys(share.item for share in (*event.outputs, *event.inputs))),
            (event.record_id,),
            {
                "scope": "transformation",
                "amount": figure,
                "unit": unit,
                "in": Quantity(dimension, used).shown[0],
                "out": Quantity(dimension, made).shown[0],
                "by": event.by,
            },
            f"Chế biến ra nhiều hơn đưa vào {vi_more}: vào {vi_in}, ra {vi_out}.",
            f"A transformation gave {en_more} more than it took: {en_in} went in and {en_out} came out.",
        )
        return


def _dimensions(story: Story, flows: Mapping[str, Flows], event: OriginEvent) -> set[str]:
    found = set()
    for share in (*event.inputs, *event.outputs):
        said = share_quantity(share)
        if said is not None and said.dimension != COUNT:
            found.add(said.dimension)
        content = _content(story, flows, share.item)
        if content is not None:
            found.add(content[1].dimension)
    return found


def _side(
    story: Story,
    flows: Mapping[str, Flows],
    shares: Iterable[Share],
    dimension: str,
) -> Decimal | None:
    total = ZERO
    for share in shares:
        said = share_quantity(share)
        if said is None:
            return None
        if said.dimension == dimension:
            total = EXACT.add(total, said.base)
            continue
        content = _content(story, flows, share.item)
        if content is None or content[0] != said.dimension or content[1].dimension != dimension:
            return None
        whole = flows[share.item].total(MADE)
        part = EXACT.multiply(content[1].base, said.base)
        # Only where the division comes out even is it a figure; otherwise the two do not compare exactly.
        if whole == ZERO or part % whole != ZERO:
            return None
        total = EXACT.add(total, EXACT.divide(part, whole))
    return total


def _content(story: Story, flows: Mapping[str, Flows], item: str) -> tuple[str, Quantity] | None:
    """Of a lot that declares itself in another dimension than it was made in: that dimension, and what it declares."""
    thing, own = story.things.get(item), flows.get(item)
    if thing is None or own is None:
        return None
    for lot in thing.lots:
        declared = None if lot.quantity is None else milli(lot.quantity, lot.unit)
        if declared is not None and declared.dimension != own.dimension:
            return own.dimension, declared
    return None


def figures(flows: Flows) -> dict[str, str]:
    """The sums of an item, for programs."""
    unit = flows.shown(ZERO)[1]
    sums = {
        "made": flows.total(MADE),
        "used": flows.total(USED),
        "shipped": flows.total(SHIPPED),
        "received": flows.total(RECEIVED),
        "sold": flows.total(SOLD),
        "removed": flows.total(REMOVED),
        "lost": flows.lost,
        "on_the_way": flows.on_the_way,
        "never_shipped": never_shipped(flows),
        "left": left(flows),
    }
    return {name: plain(Decimal(flows.shown(amount)[0])) for name, amount in sums.items()} | {"unit": unit}
