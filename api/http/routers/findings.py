"""`/v1/findings`: what does not add up, for one thing or ledger-wide.

Rules: nothing is computed ahead and nothing is kept: findings follow from histories, so any node that has these gives the
same. The ledger-wide list goes over the log from its end, so many leaves and things a request; a thing is judged where its
newest record stands, once, and a lot that is recalled brings with it everything made from it. A page may be empty and still
have a next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request

from api.http.context import context_of
from api.http.items import item_of
from api.http.models import Hash, Model, TimeMs
from api.http.problem import HttpError
from api.http.routers.trace import LIMITS, Depth, ItemPath, limits_of
from ledger.origin.findings import Judgement
from ledger.origin.graph import Direction, Limits, explore
from ledger.origin.model import Finding
from ledger.rules import Place
from node.origin import MEMORY, ViewSource, is_newest, recent, things_of
from node.receipts import FinalView

MAX_LEAVES = 2_000
"""Leaves that one request goes over."""
MAX_THINGS = 100
"""Things that it judges; the record that reaches this many is finished."""
_AROUND = Limits(depth=16, width=200, things=300, events=3_000, records=LIMITS.records)
"""How far a thing's surroundings are read in the ledger-wide list."""
_CURSOR = re.compile(r"(\d{1,15})-(\d{1,5})", re.ASCII)

router = APIRouter(tags=["origin"])

Severity = Literal["info", "warning", "serious"]


class FindingAnswer(Model):
    """Something that does not add up, with all it rests on."""

    rule: str = Field(examples=["balance.transit-loss"])
    severity: Severity
    items: list[str]
    records: list[Hash]
    figures: dict[str, str | int]
    vi: str
    en: str


class FindingsAnswer(Model):
    """The findings of a thing, or of all things in its trace."""

    item: str
    scope: Literal["thing", "trace"]
    as_of_ms: TimeMs
    things: int = Field(description="How many things were judged.")
    truncated: bool = Field(description="Whether a limit left something out.")
    findings: list[FindingAnswer]


class DatedFinding(FindingAnswer):
    """A finding of the ledger-wide list."""

    time_ms: TimeMs | None = Field(description="When the newest record that it rests on was recorded.")


class FindingsPage(Model):
    """A page of the ledger-wide findings."""

    findings: list[DatedFinding]
    things: int = Field(description="How many things were judged for this page.")
    next: str | None = Field(
        description="Pass it as `before` to go on, also if there is no finding: then nothing matched so far.",
        examples=["4711-0"],
    )
    as_of_ms: TimeMs
    size: int = Field(description="Tree size of the checkpoint that this answer is of.")


@router.get("/v1/findings/{item:path}", summary="What does not add up about a thing")
def get_findings_of(
    request: Request,
    item: ItemPath,  # noqa: ARG001  read from the address as it came
    scope: Annotated[
        Literal["thing", "trace"],
        Query(description="Only this thing, or everything it was made from and that was made from it."),
    ] = "trace",
    depth: Depth = LIMITS.depth,
) -> FindingsAnswer:
    """The heaviest first. The same histories give the same findings, on any node and offline. 400 `gs1.*`."""
    path = item_of(request, 2).path
    source = ViewSource(context_of(request).final)
    direction: Direction = "both" if scope == "trace" else "back"
    found = explore(source, path, direction, limits_of(depth), memory=MEMORY)
    items = list(found.nodes) if scope == "trace" else [path]
    as_of_ms = source.as_of_ms
    findings = Judgement(found.story).findings(items, as_of_ms)
    return FindingsAnswer(
        item=path,
        scope=scope,
        as_of_ms=as_of_ms,
        things=len(items),
        truncated=found.truncated,
        findings=[answer_of(one) for one in findings],
    )


@router.get("/v1/findings", summary="What does not add up on the ledger, newest first")
def get_findings(
    request: Request,
    severity: Annotated[Severity | None, Query(description="Only of this weight.")] = None,
    rule: Annotated[
        str | None,
        Query(description="Only of this rule, or of a family of them.", max_length=64, examples=["custody"]),
    ] = None,
    member: Annotated[
        str | None, Query(description="Only what rests on a record of this member.", max_length=64)
    ] = None,
    since_ms: Annotated[
        int | None, Query(description="Only what rests on a record from this time on.", ge=0, le=2**53 - 1)
    ] = None,
    until_ms: Annotated[
        int | None,
        Query(description="Only what rests on no record of this time or later.", ge=0, le=2**53 - 1),
    ] = None,
    before: Annotated[str | None, Query(description="Where the last page ended.", max_length=24)] = None,
) -> FindingsPage:
    """Goes over the log from its end. A thing is judged on the page of its newest record, with all that is known by now."""
    final = context_of(request).final
    page = _Page(final)
    following = page.fill(_start(before, final.size))
    shown = [
        (finding, time_ms)
        for finding in page.findings.values()
        for time_ms in [page.time_of(finding)]
        if (severity is None or finding.severity == severity)
        and (rule is None or finding.rule == rule or finding.rule.startswith(f"{rule}."))
        and (member is None or page.concerns(finding, member))
        and (since_ms is None or (time_ms is not None and time_ms >= since_ms))
        and (until_ms is None or (time_ms is not None and time_ms < until_ms))
    ]
    return FindingsPage(
        findings=[DatedFinding(**answer_of(one).model_dump(), time_ms=time_ms) for one, time_ms in shown],
        things=page.things,
        next=None if following == Place(0, 0) else f"{following.index}-{following.record_index}",
        as_of_ms=page.as_of_ms,
        size=final.size,
    )


def answer_of(finding: Finding) -> FindingAnswer:
    """A finding as it is sent."""
    return FindingAnswer.model_validate(finding.as_dictionary())


def _start(before: str | None, size: int) -> Place:
    if before is None:
        return Place(size, 0)
    match = _CURSOR.fullmatch(before)
    if match is None:
        raise HttpError("request.invalid", "`before` is what an earlier page gave as `next`", status=422)
    return Place(min(int(match[1]), size), int(match[2]))


class _Page:
    """Judges the things whose newest record lies in a stretch of the log."""

    def __init__(self, final: FinalView) -> None:
        self._final = final
        self._source = ViewSource(final)
        self._authors: dict[bytes, str] = {}
        self._times: dict[bytes, int] = {}
        self.as_of_ms = self._source.as_of_ms
        self.things = 0
        self.findings: dict[tuple[str, str, tuple[bytes, ...]], Finding] = {}

    def fill(self, before: Place) -> Place:
        """Judge from a place backward; returns where to go on."""
        judged: set[str] = set()
        for place, record in recent(self._final, before, MAX_LEAVES):
            if record is None:
                return place
            for item in things_of(record):
                if item not in judged and is_newest(self._final, item, place):
                    judged.add(item)
                    self._judge(item)
            if self.things >= MAX_THINGS:
                return place
        return Place(0, 0)

    def _judge(self, item: str) -> None:
        found = explore(self._source, item, "back", _AROUND)
        items: Iterable[str] = [item]
        thing = found.story.things.get(item)
        if thing is not None and thing.recalled is not None:
            found = explore(self._source, item, "both", _AROUND)
            items = [one for one, layer in found.nodes.items() if layer >= 0]
        self.things += 1
        for event in found.story.events.values():
            self._authors[event.record_id] = event.by
            self._times[event.record_id] = event.recorded_ms
        for one in found.story.things.values():
            self._authors |= {lot.record_id: lot.by for lot in one.lots}
            self._authors |= {notice.record_id: notice.by for notice in one.recalls}
            self._times |= {lot.record_id: lot.recorded_ms for lot in one.lots}
            self._times |= {notice.record_id: notice.recorded_ms for notice in one.recalls}
        for trouble in found.story.troubled:
            self._authors[trouble.record_id] = trouble.by
        for taken in found.story.errors.values():
            self._authors[taken.record_id] = taken.by
        for finding in Judgement(found.story).findings(list(items), self.as_of_ms):
            self.findings.setdefault((finding.rule, finding.en, finding.records), finding)

    def concerns(self, finding: Finding, member: str) -> bool:
        """Whether a finding rests on a record of a member."""
        return any(self._authors.get(record_id) == member for record_id in finding.records)

    def time_of(self, finding: Finding) -> int | None:
        """When the newest record that a finding rests on was recorded; None if that is not known here."""
        for record_id in finding.records:
            # Of an event that cannot be read, or that was taken back, the story has no more than its id.
            if record_id not in self._times:
                recorded_ms = self._source.recorded_ms(record_id)
                if recorded_ms is not None:
                    self._times[record_id] = recorded_ms
        times = [self._times[record_id] for record_id in finding.records if record_id in self._times]
        return max(times, default=None)
