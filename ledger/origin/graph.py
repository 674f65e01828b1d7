"""Which things came from which: a trace backward and forward, within limits.

Rules: backward of a lot stand the inputs of the transformations that made it, of a carrier what was packed into it; forward
of anything stand the outputs of the transformations that used it and the carriers it was packed into. Being packed together
makes nothing from anything, so a trace never goes from a carrier on to what else it held. Layer by layer, each thing once, in
the order of the paths: the same histories give the same answer. What goes beyond a limit is left out and said to be.

What this module does not do: read from anywhere; whoever asks brings a source of histories.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from ledger.origin import words
from ledger.origin.flows import is_carrier
from ledger.origin.model import ADD, TRANSFORMATION, Facts, Finding, OriginEvent, Placed, Severity, Story
from ledger.origin.story import Memory, Teller, fact_subjects, facts_of
from ledger.records import Subject
from ledger.records.goods import thing

Direction = Literal["back", "forward", "both"]

FACT_RECORDS: Final = 2_000
"""Records that are read of a product, a place or a certificate."""
MAX_DEPTH: Final = 64
"""Deepest trace that may be asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a trace goes."""

    depth: int = 16
    """Layers in each direction."""
    width: int = 500
    """Things of one layer."""
    things: int = 2_000
    """Things whose histories are read."""
    events: int = 10_000
    """Events that are read."""
    records: int = 10_000
    """Records of one thing, as far as the events allow."""


class Source(Protocol):
    """Where histories come from: a node's view, or a proof."""

    def history(self, subject: Subject, most: int) -> tuple[Sequence[Placed], int]:
        """The first `most` records about a subject, in order, and how many there are."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """What a trace found."""

    start: str
    nodes: dict[str, int]
    """Things of the trace to their layer: negative backward, 0 the start, positive forward."""
    story: Story
    """The nodes, and every carrier that one of them was in."""
    truncated: bool


def is_class(item: str) -> bool:
    """Whether an item is all goods of a sort: what is recorded about these is no lot's history."""
    return not is_carrier(item) and "/10/" not in item and "/21/" not in item


def explore(
    source: Source,
    start: str,
    direction: Direction = "both",
    limits: Limits = Limits(),
    *,
    check_hashes: bool = True,
    with_facts: bool = True,
    memory: Memory | None = None,
) -> Exploration:
    """Trace an item path (`ledger.gs1.parse_item` has read it) both ways or one, and gather all that is needed to judge it."""
    explorer = _Explorer(source, limits, Teller(check_hashes=check_hashes, memory=memory))
    nodes = explorer.walk(start, direction)
    story = explorer.teller.story()
    facts = Facts()
    if with_facts:
        subjects = fact_subjects(story)
        most = min(limits.records, FACT_RECORDS)
        facts = facts_of({subject: source.history(subject, most)[0] for subject in subjects})
    return Exploration(
        start,
        nodes,
        replace(story, facts=facts),
        explorer.truncated,
    )


class _Explorer:
    def __init__(self, source: Source, limits: Limits, teller: Teller) -> None:
        self._source = source
        self._limits = limits
        self.teller = teller
        self.truncated = False

    def walk(self, start: str, direction: Direction) -> dict[str, int]:
        self._load(start)
        nodes = {start: 0}
        if direction in {"back", "both"}:
            self._layers(nodes, start, -1)
        if direction in {"forward", "both"}:
            self._layers(nodes, start, 1)
        self._carriers(list(nodes))
        return nodes

    def _load(self, item: str) -> bool:
        """Read a thing's history, if the limits allow; whether it is there."""
        if item in self.teller.things:
            return True
        if len(self.teller.things) >= self._limits.things or self.teller.events >= self._limits.events:
            self.truncated = True
            return False
        most = min(self._limits.records, self._limits.events - self.teller.events)
        history, records = self._source.history(thing(item), most)
        if not self.teller.add(item, history, records).whole:
            self.truncated = True
        return True

    def _layers(self, nodes: dict[str, int], start: str, sign: int) -> None:
        layer = [start]
        for depth in range(1, self._limits.depth + 1):
            following = sorted(self._next_to(layer, sign) - nodes.keys())
            if len(following) > self._limits.width:
                self.truncated = True
                following = following[: self._limits.width]
            layer = []
            for item in following:
                # Goods as a class stand in the graph, and are not followed: their history is that of all lots.
                if is_class(item):
                    nodes[item] = sign * depth
                elif self._load(item):
                    nodes[item] = sign * depth
                    layer.append(item)
            if not layer:
                return
        if self._next_to(layer, sign) - nodes.keys():
            self.truncated = True

    def _next_to(self, layer: list[str], sign: int) -> set[str]:
        """What the things of a layer came from, or what came of them: each event is looked at once, however many it joins."""
        here = frozenset(layer)
        events = {event.record_id: event for item in layer for event in self.teller.events_of(item)}
        found: set[str] = set()
        for event in events.values():
            found.update(_before(event, here) if sign < 0 else _after(event, here))
        return found

    def _carriers(self, items: Iterable[str]) -> None:
        """Read the histories of all carriers that the things were in: what moved a carrier moved them."""
        left = [item for item in items if item in self.teller.things]
        while left:
            parents = {
                event.parent
                for item in left
                for event in self.teller.events_of(item)
                if event.parent and event.parent != item and event.parent not in self.teller.things
            }
            left = [parent for parent in sorted(parents) if self._load(parent)]


def _before(event: OriginEvent, items: frozenset[str]) -> Iterator[str]:
    if event.kind == TRANSFORMATION:
        if any(share.item in items for share in event.outputs):
            yield from (share.item for share in event.inputs)
    elif event.parent in items and event.action == ADD:
        yield from (share.item for share in event.items)


def _after(event: OriginEvent, items: frozenset[str]) -> Iterator[str]:
    if event.kind == TRANSFORMATION:
        if any(share.item in items for share in event.inputs):
            yield from (share.item for share in event.outputs)
    elif (
        event.parent
        and event.action == ADD
        and any(share.item in items and share.item != event.parent for share in event.items)
    ):
        yield event.parent


def cycles(story: Story, wanted: Collection[str]) -> Iterator[Finding]:
    """Things that were made from themselves, by whatever way round."""
    made = [event for event in story.events.values() if event.kind == TRANSFORMATION]
    # By way of the event: an edge for each pair would be thousands for each event.
    edges = {(share.item, event.record_id) for event in made for share in event.inputs}
    core = {
        one
        for one in _core(edges, {(event.record_id, share.item) for event in made for share in event.outputs})
        if isinstance(one, str)
    }
    if core.isdisjoint(wanted):
        return
    records = [
        event
        for event in made
        if any(share.item in core for share in event.inputs)
        and any(share.item in core for share in event.outputs)
    ]
    items = sorted(core)
    vi_item, en_item = words.thing(items[0])
    yield Finding(
        "graph.cycle",
        Severity.WARNING,
        tuple(items),
        tuple(event.record_id for event in sorted(records, key=lambda event: event.sort_key)),
        {"things": len(items)},
        f"{words.capital(vi_item)} được làm từ chính nó, qua {len(records)} lần chế biến.",
        f"{words.capital(en_item)} was made from itself, by {len(records)} transformations.",
    )


def _core(used: set[tuple[str, bytes]], made: set[tuple[bytes, str]]) -> set[str | bytes]:
    """What is left when everything that nothing leads to, and everything that leads nowhere, is taken away again and again."""
    down: dict[str | bytes, set[str | bytes]] = {}
    up: dict[str | bytes, set[str | bytes]] = {}
    edges: list[tuple[str | bytes, str | bytes]] = [*used, *made]
    for a, b in edges:
        down.setdefault(a, set()).add(b)
        up.setdefault(b, set()).add(a)
    left = down.keys() | up.keys()
    loose = [item for item in left if not down.get(item) or not up.get(item)]
    while loose:
        item = loose.pop()
        if item not in left:
            continue
        left.discard(item)
        for neighbours, back in ((down, up), (up, down)):
            for other in neighbours.get(item, ()):
                back[other].discard(item)
                if other in left and not back[other]:
                    loose.append(other)
    return left
