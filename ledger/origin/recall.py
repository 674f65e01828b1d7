"""What a recall reaches: a lot, everything made from it, and what of that was sold.

Rules: a recall stands until whoever recalled lifts it. Everything made from a recalled lot, however far down, is recalled
upstream; so is a carrier that holds any of it. A finding says how much was sold, before and after the recall, and how much is
still to be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from ledger.origin import words
from ledger.origin.balance import left, never_shipped
from ledger.origin.flows import SOLD, ZERO, Flows, is_carrier
from ledger.origin.model import ADD, TRANSFORMATION, Finding, OriginEvent, RecallNotice, Severity, Story
from ledger.origin.units import EXACT

IN_FORCE, RECALLED, RECALLED_UPSTREAM, UNKNOWN = "in-force", "recalled", "recalled-upstream", "unknown"


def reached(story: Story) -> dict[str, RecallNotice]:
    """Every item that a standing recall reaches, with the recall: its own, else the newest of those it was made from."""
    into: dict[str, list[OriginEvent]] = {}
    for event in story.events.values():
        for share in event.inputs if event.kind == TRANSFORMATION else ():
            into.setdefault(share.item, []).append(event)
        if event.parent and event.action == ADD:
            for share in event.items:
                into.setdefault(share.item, []).append(event)
    own = {item: notice for item, thing in story.things.items() if (notice := thing.recalled) is not None}
    found: dict[str, RecallNotice] = {}
    walked: set[bytes] = set()
    # The newest recall goes first, and what it reached is not walked again: each item and each event once.
    for item, notice in sorted(own.items(), key=lambda one: (one[1].order, one[0]), reverse=True):
        left_to_walk = [item]
        while left_to_walk:
            at = left_to_walk.pop()
            if at in found:
                continue
            found[at] = notice
            for event in into.get(at, ()):
                if event.record_id not in walked:
                    walked.add(event.record_id)
                    left_to_walk += (share.item for share in event.outputs)
                    left_to_walk += [event.parent] if event.parent else []
    return found | own


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def status_of(story: Story, reach: Mapping[str, RecallNotice], item: str) -> str:
    """Where an item stands with regard to recalls."""
    thing = story.things.get(item)
    if thing is not None and thing.recalled is not None:
        return RECALLED
    if item in reach:
        return RECALLED_UPSTREAM
    # Of a history that was not read to its end nobody knows what stands in the rest: a recall, perhaps.
    return UNKNOWN if thing is None or not thing.records or not thing.whole else IN_FORCE


def judge(story: Story, reach: Mapping[str, RecallNotice], flows: Flows) -> Iterator[Finding]:
    """What a recall means for one item: what of it was sold."""
    notice = reach.get(flows.item)
    sold = flows.total(SOLD)
    unsaid = len({move.event.record_id for move in flows.of(SOLD) if move.amount is None})
    if notice is None or (sold == ZERO and not unsaid) or is_carrier(flows.item):
        return
    after = [move for move in flows.of(SOLD) if move.event.time_ms > notice.recorded_ms]
    sold_after = _sum(move.amount for move in after if move.amount is not None)
    told_after = _sum(
        move.amount
        for move in flows.of(SOLD)
        if move.event.time_ms <= notice.recorded_ms < move.event.recorded_ms and move.amount is not None
    )
    own = status_of(story, reach, flows.item) == RECALLED
    rest, stayed = left(flows), never_shipped(flows)
    out = max(ZERO, EXACT.subtract(rest, stayed))
    (vi_item, en_item), (vi_sold, en_sold) = words.thing(flows.item), words.amount(flows.dimension, sold)
    vi_out, en_out = words.amount(flows.dimension, out)
    vi_what, en_what = (
        ("bị thu hồi", "is recalled") if own else ("làm từ lô bị thu hồi", "was made from a recalled lot")
    )
    vi_after, en_after = "", ""
    if sold_after:
        vi_amount, en_amount = words.amount(flows.dimension, sold_after)
        vi_after, en_after = (
            f", trong đó {vi_amount} sau lệnh thu hồi",
            f", {en_amount} of it after the recall",
        )
    if told_after:
        vi_amount, en_amount = words.amount(flows.dimension, told_after)
        vi_after += f", {vi_amount} khai là bán trước nhưng ghi vào sổ sau lệnh thu hồi"
        en_after += f", {en_amount} claimed to be before it and recorded after"
    if unsaid:
        vi_after += f", chưa kể {unsaid} lần bán không ghi lượng quy đổi được"
        en_after += f", beside {unsaid} sales without an amount that compares"
    yield Finding(
        "recall.reaches-sold",
        Severity.SERIOUS,
        (flows.item,),
        (notice.record_id, *dict.fromkeys(move.event.record_id for move in flows.of(SOLD))),
        {
            "sold": flows.shown(sold)[0],
            "sold_after": flows.shown(sold_after)[0],
            "at_sellers": flows.shown(out)[0],
            "never_shipped": flows.shown(stayed)[0],
            "on_the_way": flows.shown(flows.on_the_way)[0],
            "unit": flows.shown(sold)[1],
            "reason": notice.reason,
        }
        | ({"told_after": flows.shown(told_after)[0]} if told_after else {})
        | ({"sales_without_amount": unsaid} if unsaid else {}),
        f"{words.capital(vi_item)} {vi_what}: đã bán {vi_sold}{vi_after}; còn {vi_out} ở nơi bán.",
        f"{words.capital(en_item)} {en_what}: {en_sold} were sold{en_after}, and {en_out} are still with sellers.",
    )
