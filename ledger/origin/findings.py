"""All checks together: from a story to its findings.

Rules: deterministic, whatever order the records came in; the heaviest first. Findings of one item rest on its own history, on
those of the carriers it was in, and on the recalls of what it was made from: all of that must be in the story. A finding
never blocks anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ledger.origin import balance, papers, recall, seen, times, words
from ledger.origin.flows import MADE, Carriers, Flows, flows_of, is_carrier, move_of
from ledger.origin.graph import cycles
from ledger.origin.model import TRANSFORMATION, Finding, OriginEvent, Severity, Story, Taken


class Judgement:
    """A story with its flows computed once: findings, sums, recalls."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.carriers = Carriers(story)
        self.reach = recall.reached(story)
        self._flows: dict[str, Flows] = {}

    def flows(self, item: str) -> Flows:
        """All moves of an item."""
        found = self._flows.get(item)
        if found is None:
            found = self._flows[item] = flows_of(self.story, self.carriers, item)
        return found

    def status(self, item: str) -> str:
        """Where an item stands with regard to recalls."""
        return recall.status_of(self.story, self.reach, item)

    def findings(self, items: Collection[str], as_of_ms: int) -> tuple[Finding, ...]:
        """What concerns these items, at a chain time, milliseconds since the epoch."""
        story = self.story
        wanted = sorted(item for item in items if item in story.things)
        found = [finding for item in wanted for finding in self._of_item(item, as_of_ms)]
        events = {
            event.record_id: event
            for item in wanted
            for holder in (item, *self.carriers.all_parents(item))
            for event in story.events_of(holder)
        }
        by_item = _FlowsByItem(self)
        for event in events.values():
            found += times.ahead(event)
            found += papers.certificates(story, event)
            found += balance.judge_transformation(story, by_item, event)
        found += times.late(events.values())
        found += _repeated(events.values())
        found += _troubles(story, frozenset(wanted))
        found += _errors(story, wanted)
        found += cycles(story, frozenset(wanted))
        # Two items may give the same finding about what they share.
        return tuple(
            sorted({finding.sort_key: finding for finding in found}.values(), key=lambda one: one.sort_key)
        )

    def _of_item(self, item: str, as_of_ms: int) -> Iterator[Finding]:
        story, flows = self.story, self.flows(item)
        if not story.things[item].whole:
            yield _cut(item, story.things[item].records)
            return
        if not is_carrier(item) or not self.carriers.packings(item):
            # What a carrier is known to hold is judged itself, wherever the carrier went.
            yield from balance.judge(story, flows, as_of_ms)
        yield from times.before_beginning(flows, self.carriers)
        yield from times.received_early(flows)
        yield from times.expired(story, flows)
        yield from seen.reused(story, flows, self.carriers)
        yield from seen.places(story, flows, self.carriers)
        yield from seen.travel(story, flows)
        yield from papers.ocop(story, flows)
        yield from recall.judge(story, self.reach, flows)
        yield from _owners(story, flows)


class _FlowsByItem(dict[str, Flows]):
    """Flows by item, computed when they are asked for."""

    def __init__(self, judgement: Judgement) -> None:
        super().__init__()
        self._judgement = judgement

    def get(self, item: str, default: Flows | None = None) -> Flows | None:  # type: ignore[override]
        """The flows of an item in the story."""
        return self._judgement.flows(item) if item in self._judgement.story.things else default

    def __missing__(self, item: str) -> Flows:
        return self._judgement.flows(item)


def _cut(item: str, records: int) -> Finding:
    vi_item, en_item = words.thing(item)
    return Finding(
        "history.too-long",
        Severity.WARNING,
        (item,),
        (),
        {"records": records},
        f"{words.capital(vi_item)} có {records} bản ghi, quá nhiều để cộng trong một câu trả lời; chưa kiểm tra.",
        f"{words.capital(en_item)} has {records} records, too many for one answer: its sums were not made.",
    )


def _troubles(story: Story, wanted: frozenset[str]) -> Iterator[Finding]:
    for trouble in story.troubled:
        if wanted.isdisjoint(trouble.items):
            continue
        unreadable = "unreadable" in trouble.what
        named = ", ".join(trouble.what)
        yield Finding(
            "event.mismatch",
            Severity.SERIOUS,
            trouble.items,
            (trouble.record_id,),
            {"by": trouble.by, "fields": named},
            "Sự kiện không đọc được theo chuẩn EPCIS 2.0, không tính vào tổng."
            if unreadable
            else f"Phần tóm tắt của bản ghi không khớp nội dung sự kiện ({named}); chỉ tin nội dung sự kiện.",
            "The event cannot be read as EPCIS 2.0, and is in no sum."
            if unreadable
            else f"The record's summary is not what the event says ({named}); the event itself is believed.",
        )


def _repeated(events: Iterable[OriginEvent]) -> Iterator[Finding]:
    """Events of one member that say the same of the same moment, and so count twice."""
    alike: dict[object, list[OriginEvent]] = {}
    for event in events:
        if event.kind == TRANSFORMATION or move_of(event):
            what = (event.items, event.inputs, event.outputs, event.other_inputs, event.other_outputs)
            key = (event.by, event.kind, event.action, event.step, event.time_ms, event.site, what)
            alike.setdefault(key, []).append(event)
    for same in alike.values():
        if len(same) == 1:
            continue
        same.sort(key=lambda event: event.order)
        by, number = same[0].by, len(same)
        yield Finding(
            "event.repeated",
            Severity.WARNING,
            tuple(sorted(same[0].named)),
            tuple(event.record_id for event in same),
            {"by": by, "events": number, "event_ms": same[0].time_ms},
            f"{by} ghi {number} sự kiện giống hệt nhau lúc {words.moment(same[0].time_ms)}: có thể một việc ghi nhiều lần.",
            f"{by} recorded {number} events that say the same of {words.moment(same[0].time_ms)}: perhaps one that was "
            "recorded more than once.",
        )


def _errors(story: Story, wanted: list[str]) -> Iterator[Finding]:
    items: dict[bytes, set[str]] = {}
    for item in wanted:
        for record_id in story.things[item].events:
            if record_id in story.errors:
                items.setdefault(record_id, set()).add(item)
    for record_id, of_items in sorted(items.items()):
        taken = story.errors[record_id]
        recalled = _was_recalled(story, taken, of_items)
        yield Finding(
            "event.declared-error",
            Severity.WARNING if recalled else Severity.INFO,
            tuple(sorted(of_items)),
            (record_id, taken.record_id, *([recalled] if recalled else [])),
            {"by": taken.by} | ({"why": "after-recall"} if recalled else {}),
            f"{taken.by} đã khai sự kiện này là ghi nhầm{', sau lệnh thu hồi' if recalled else ''}; không tính vào tổng.",
            f"{taken.by} declared that this event was recorded in error{', after the recall' if recalled else ''}; "
            "it is in no sum.",
        )


def _was_recalled(story: Story, taken: Taken, items: Collection[str]) -> bytes | None:
    """The recall before which an event that moved goods stood, and after which it was taken back; None if there is none."""
    if taken.event is None or not (taken.event.kind == TRANSFORMATION or move_of(taken.event)):
        return None
    notices = [
        notice
        for item in items
        for notice in story.things[item].recalls
        if not notice.lifted and taken.event.recorded_ms <= notice.recorded_ms < taken.recorded_ms
    ]
    return min(notices, key=lambda one: one.order).record_id if notices else None


def _owners(story: Story, flows: Flows) -> Iterator[Finding]:
    thing = story.things[flows.item]
    owners = {lot.by for lot in thing.lots}
    if len(owners) > 1:
        vi_item, en_item = words.thing(flows.item)
        listed = ", ".join(sorted(owners))
        yield Finding(
            "lot.several-owners",
            Severity.WARNING,
            (flows.item,),
            tuple(lot.record_id for lot in thing.lots),
            {"owners": listed},
            f"Nhiều đơn vị cùng tạo {vi_item}: {listed}.",
            f"Several members say that they created {en_item}: {listed}.",
        )
    strangers = [move.event for move in flows.of(MADE) if owners and move.event.by not in owners]
    if strangers and not is_carrier(flows.item):
        vi_item, en_item = words.thing(flows.item)
        listed = ", ".join(sorted({event.by for event in strangers}))
        yield Finding(
            "event.stranger",
            Severity.WARNING,
            (flows.item,),
            tuple(event.record_id for event in strangers),
            {"by": listed},
            f"{listed} ghi đã làm ra {vi_item}, là lô của đơn vị khác.",
            f"{listed} recorded making {en_item}, which is another member's lot.",
        )
