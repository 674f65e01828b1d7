"""Mass balance: more out than in, loss on the way, what was never shipped, gaps in custody.

Rules: whatever left an item is compared with whatever came in, over all time, for the item as a whole, for each member that
held it, and for each site where every move names one. An item of which the ledger shows no beginning is not judged by its
total. Loss within the tolerance that the lot's owner declared is for information; gain has no tolerance, and many small losses
have one together: that of what was made.

A transformation gives no more mass than it took; what an event names and the ledger does not follow counts on either side, and
what a lot declares of itself in another dimension (180 packs, 36 kg) makes it compare. Volume may grow (what is whipped or
diluted does), and where inputs are not all said in mass they may make up for it: that is a question, and no accusation. Pieces
and boxes are packed anew, and are not compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
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
from ledger.origin.units import EXACT, MASS, MAX_SCALE, VOLUME, Quantity, milli

ON_THE_WAY_MS: Final = 7 * words.DAY_MS
"""So long something shipped may be on its way before it is missed."""
BASIS_POINTS: Final = 10_000
_RECORDS: Final = 100
"""Records that a finding about a count names beside the count's own: the newest of them."""
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
    partial: list[Shipment] = []
    for shipment in flows.shipments:
        if shipment.open == ZERO:
            continue
        if shipment.receipts:
            partial.append(shipment)
            yield _loss(flows, shipment, tolerance)
        elif as_of_ms - shipment.move.event.time_ms > ON_THE_WAY_MS:
            yield _missing(flows, shipment, as_of_ms)
    made = flows.total(MADE)
    if (
        len(partial) > 1
        and made > ZERO
        and all(_is_within(one.open, one.move.amount or ZERO, tolerance) for one in partial)
        and not _is_within(flows.lost, made, tolerance)
    ):
        yield _losses_together(flows, partial, made, tolerance)


def _is_within(lost: Decimal, of: Decimal, tolerance: int) -> bool:
    return EXACT.multiply(lost, Decimal(BASIS_POINTS)) <= EXACT.multiply(of, Decimal(tolerance))


def _losses_together(flows: Flows, partial: list[Shipment], made: Decimal, tolerance: int) -> Finding:
    """Losses that are each within the tolerance, and together beyond it."""
    (vi_item, en_item), (vi_lost, en_lost) = (
        words.thing(flows.item),
        words.amount(flows.dimension, flows.lost),
    )
    vi_made, en_made = words.amount(flows.dimension, made)
    lost, unit = flows.shown(flows.lost)
    return Finding(
        "balance.transit-loss",
        Severity.WARNING,
        (flows.item,),
        _ids(move for one in partial for move in (one.move, *one.receipts)),
        {
            "scope": "lot",
            "lost": lost,
            "unit": unit,
            "made": flows.shown(made)[0],
            "shipments": len(partial),
            "tolerance_bp": tolerance,
        },
        f"Hao hụt {vi_lost} qua {len(partial)} lần vận chuyển, trên {vi_made} làm ra: {vi_item}; "
        "từng lần trong mức đã khai, cộng lại thì vượt.",
        f"{en_lost} lost in {len(partial)} shipments of {en_item}, of which {en_made} were made: "
        "each within the declared tolerance, together beyond it.",
    )


def _loss(flows: Flows, shipment: Shipment, tolerance: int) -> Finding:
    sent = shipment.move.amount or ZERO
    lost, unit = flows.shown(shipment.open)
    within = _is_within(shipment.open, sent, tolerance)
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
    yield from _elsewhere(flows)
    if any(move.kind == MADE for move in flows.unknown):
        # What was made without an amount may make up for it, or may have been recorded to hide it.
        if gone > made > ZERO:
            yield _more_out(flows, "lot", "", (made, gone), flows.of(MADE, *_GONE), severity=Severity.WARNING)
        return
    if gone > made:
        yield _more_out(flows, "lot", "", (made, gone), flows.of(MADE, *_GONE))
        return
    held = stocks(flows)
    moves: dict[Holder, list[Move]] = {}
    for move in flows.of(*_IN, *_OUT):
        moves.setdefault(Holder(move.event.by, move.event.site), []).append(move)
        moves.setdefault(Holder(move.event.by), []).append(move)
    for holder, stock in sorted(held.items()):
        if stock.left >= ZERO:
            continue
        own = list(dict.fromkeys(moves[holder]))
        if stock.came == ZERO or _may_be_unrecorded(flows, stock.left.copy_negate()):
            yield _never_had(flows, holder, stock, own)
        else:
            yield _more_out(
                flows, "site" if holder.site else "member", holder.member, (stock.came, stock.went), own
            )


def _elsewhere(flows: Flows) -> Iterator[Finding]:
    """More out than in, in a dimension that the sums leave out although some was made in it."""
    for dimension, moves in flows.others().items():
        made, gone = (
            _total(move.said.base for move in moves if move.said is not None and move.kind in kinds)
            for kinds in ((MADE,), _GONE)
        )
        if gone > made > ZERO:
            own = [move for move in moves if move.kind in {MADE, *_GONE}]
            yield _more_out(
                flows, "lot", "", (made, gone), own, severity=Severity.WARNING, dimension=dimension
            )


def _total(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


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
    flows: Flows,
    scope: str,
    member: str,
    sums: tuple[Decimal, Decimal],
    moves: Iterable[Move],
    *,
    severity: Severity | None = None,
    dimension: str = "",
) -> Finding:
    came, went = sums
    dimension = dimension or flows.dimension
    more = EXACT.subtract(went, came)
    (vi_item, en_item), (vi_more, en_more) = words.thing(flows.item), words.amount(dimension, more)
    vi_in, en_in = words.amount(dimension, came)
    vi_out, en_out = words.amount(dimension, went)
    vi_who, en_who = (f" tại {member}", f" at {member}") if member else ("", "")
    figure, unit = Quantity(dimension, more).shown
    return Finding(
        "balance.more-out-than-in",
        # A site may have been filled from another of the same member without a record of it.
        severity or (Severity.WARNING if scope == "site" else Severity.SERIOUS),
        (flows.item,),
        _ids(moves),
        {
            "scope": scope,
            "amount": figure,
            "unit": unit,
            "in": Quantity(dimension, came).shown[0],
            "out": Quantity(dimension, went).shown[0],
        }
        | ({"by": member} if member else {}),
        f"Ra nhiều hơn vào {vi_more}{vi_who}: {vi_item} vào {vi_in}, ra {vi_out}.",
        f"{en_more} more went out than came in{en_who}: of {en_item} {en_in} came in and {en_out} went out.",
    )


def _never_had(flows: Flows, holder: Holder, stock: Stock, moves: Iterable[Move]) -> Finding:
    without = stock.left.copy_negate()
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
    counts = [move for move in flows.of(COUNTED) if move.amount is not None]
    if not counts:
        return
    # What a member has at a place; under None what it has anywhere.
    running: dict[tuple[str, str | None], _Running] = {}
    moves = flows.of(*_IN, *_OUT)
    at = 0
    # Moves and counts stand in order of happening: each is looked at once.
    for count in counts:
        event = count.event
        while at < len(moves) and moves[at].event.sort_key <= event.sort_key:
            for site in (moves[at].event.site, None):
                running.setdefault((moves[at].event.by, site), _Running()).take(moves[at])
            at += 1
        own = [
            running[event.by, site]
            for site in (("", event.site) if event.site else (None,))
            if (event.by, site) in running
        ]
        if count.amount is None or any(one.unknown for one in own):
            continue
        left = _total(one.left for one in own)
        if left == count.amount:
            continue
        records = sorted((move for one in own for move in one.newest), key=lambda move: move.event.sort_key)
        more = count.amount > left
        difference = EXACT.subtract(count.amount, left).copy_abs()
        (vi_item, en_item) = words.thing(flows.item)
        vi_by, en_by = words.amount(flows.dimension, difference)
        vi_is, en_is = words.amount(flows.dimension, count.amount)
        yield Finding(
            "stock.count-differs",
            Severity.WARNING,
            (flows.item,),
            _ids([count, *records[-_RECORDS:]]),
            {
                "by": event.by,
                "counted": flows.shown(count.amount)[0],
                "expected": flows.shown(max(ZERO, left))[0],
                "difference": ("" if more else "-") + flows.shown(difference)[0],
                "unit": flows.shown(difference)[1],
            },
            f"Kiểm kê {vi_item} tại {event.by} được {vi_is}, {'thừa' if more else 'thiếu'} {vi_by} so với ghi nhận.",
            f"{event.by} counted {en_is} of {en_item}: {en_by} {'more' if more else 'less'} than its records give.",
        )


@dataclass(slots=True)
class _Running:
    """What one member has at one place, up to some moment."""

    left: Decimal = ZERO
    unknown: bool = False
    newest: deque[Move] = field(default_factory=lambda: deque(maxlen=_RECORDS))

    def take(self, move: Move) -> None:
        """Add a move."""
        self.newest.append(move)
        if move.amount is None:
            self.unknown = True
        else:
            self.left = (EXACT.add if move.kind in _IN else EXACT.subtract)(self.left, move.amount)


def _unsaid(flows: Flows) -> Iterator[Finding]:
    if not flows.unknown or is_carrier(flows.item):
        return
    vi_item, en_item = words.thing(flows.item)
    number = len(_ids(flows.unknown))
    # Where some of it is said and some not, the sums that are made may hide what is left out.
    said = any(move.amount is not None for move in flows.of(*_IN, *_OUT))
    yield Finding(
        "balance.amount-unknown",
        Severity.WARNING if said else Severity.INFO,
        (flows.item,),
        _ids(flows.unknown),
        {"events": number},
        f"{number} sự kiện về {vi_item} không ghi lượng, hoặc ghi đơn vị không quy đổi được; không tính vào tổng.",
        f"{number} events about {en_item} give no amount, or a unit that does not compare; the sums leave them out.",
    )


# -- transformations -------------------------------------------------------------------------------------------------------


def judge_transformation(story: Story, flows: Mapping[str, Flows], event: OriginEvent) -> Iterator[Finding]:
    """A transformation that gives more than it took, or says only one half of itself."""
    if event.kind != TRANSFORMATION:
        return
    if not event.inputs or not event.outputs:
        yield _half(event)
        return
    for dimension in (MASS, VOLUME):
        used = _side(story, flows, (*event.inputs, *event.other_inputs), dimension)
        made = _side(story, flows, (*event.outputs, *event.other_outputs), dimension)
        # What one side says in another dimension only does not compare with the other at all.
        if made.total <= used.total or used.total == ZERO:
            continue
        more = EXACT.subtract(made.total, used.total)
        vi_more, en_more = words.amount(dimension, more)
        vi_in, en_in = words.amount(dimension, used.total)
        vi_out, en_out = words.amount(dimension, made.total)
        certain = used.whole and dimension == MASS
        vi_unless, en_unless = (
            ("", "")
            if used.whole
            else (
                " (chưa kể phần đưa vào không ghi lượng quy đổi được)",
                ", beside what it took without an amount that compares",
            )
        )
        yield Finding(
            "balance.more-out-than-in",
            Severity.SERIOUS if certain else Severity.WARNING,
            tuple(dict.fromkeys(share.item for share in (*event.outputs, *event.inputs))),
            (event.record_id,),
            {
                "scope": "transformation",
                "amount": Quantity(dimension, more).shown[0],
                "unit": Quantity(dimension, more).shown[1],
                "in": Quantity(dimension, used.total).shown[0],
                "out": Quantity(dimension, made.total).shown[0],
                "by": event.by,
            },
            f"Chế biến ra nhiều hơn đưa vào {vi_more}: vào {vi_in}, ra {vi_out}{vi_unless}.",
            f"A transformation gave {en_more} more than it took: {en_in} went in and {en_out} came out{en_unless}.",
        )
        return


def _half(event: OriginEvent) -> Finding:
    """Goods that a transformation made of nothing, or of which it says not what they became: no trace leads on from there."""
    shares, others = (
        (event.outputs, event.other_inputs) if event.outputs else (event.inputs, event.other_outputs)
    )
    items = tuple(dict.fromkeys(share.item for share in shares))
    (vi_item, en_item) = words.thing(items[0]) if items else ("", "")
    more = len(items) - 1
    vi_item, en_item = (vi_item, en_item) if more < 1 else (f"{vi_item} (+{more})", f"{en_item} (+{more})")
    made = bool(event.outputs)
    return Finding(
        "custody.gap",
        # What it names otherwise may be salt or a box; where it names nothing, somebody should ask.
        Severity.INFO if others else Severity.WARNING,
        items,
        (event.record_id,),
        {"why": "no-inputs" if made else "no-outputs", "by": event.by, "not_followed": len(others)},
        f"{event.by} ghi đã chế biến {'ra' if made else ''} {vi_item} mà không ghi "
        f"{'làm từ' if made else 'làm ra'} lô, gói hay mã hàng nào: không truy tiếp được.",
        f"{event.by} recorded {'making' if made else 'processing'} {en_item} without naming any goods that "
        f"{'it was made of' if made else 'were made of it'}: no trace leads on from there.",
    )


class _Side(NamedTuple):
    """One side of a transformation in one dimension: what compares of it, and whether that is all."""

    total: Decimal
    whole: bool


def _side(story: Story, flows: Mapping[str, Flows], shares: Iterable[Share], dimension: str) -> _Side:
    total, whole = ZERO, True
    for share in shares:
        amount = _in_dimension(story, flows, share, dimension)
        if amount is None:
            whole = False
        else:
            total = EXACT.add(total, amount)
    return _Side(total, whole)


def _in_dimension(story: Story, flows: Mapping[str, Flows], share: Share, dimension: str) -> Decimal | None:
    """A share in a dimension, by what it says or by what its lot declares; None if it does not compare exactly."""
    said = share_quantity(share)
    if said is None:
        return None
    if said.dimension == dimension:
        return said.base
    content = _content(story, flows, share.item)
    if content is None or content[0] != said.dimension or content[1].dimension != dimension:
        return None
    whole = flows[share.item].total(MADE)
    if whole == ZERO:
        return None
    try:
        part = EXACT.divide(EXACT.multiply(content[1].base, said.base), whole)
    except DecimalException:
        return None  # it does not come out even, or is no amount of goods
    exponent = part.as_tuple().exponent
    return part if isinstance(exponent, int) and exponent >= -MAX_SCALE else None


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
    return {name: flows.shown(amount)[0] for name, amount in sums.items()} | {"unit": unit}
