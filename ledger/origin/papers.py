"""Certificates, standards and OCOP stars that were not in force when something was made under them.

Rules: a certificate of this ledger counts on the days and in the status that its own records give it at the event's time,
whatever became of it later. OCOP stars count until the last day that the product's record of that time names. What an event
points to and the ledger does not have is no finding: it cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger import days
from ledger.origin import words
from ledger.origin.flows import MADE, Flows
from ledger.origin.model import CertificateFact, Finding, OriginEvent, ProductFact, Severity, Story
from ledger.records.base import IN_FORCE


def certificates(story: Story, event: OriginEvent) -> Iterator[Finding]:
    """Certificates that an event points to and that were not in force then."""
    for name in event.certificates:
        fact = story.facts.certificates.get(name)
        why = None if fact is None else _why_not(fact, event.time_ms)
        if why is None:
            continue
        code, vi_why, en_why = why
        yield Finding(
            "certificate.not-in-force",
            Severity.WARNING,
            tuple(sorted(event.named)),
            (event.record_id,),
            {"certificate": name, "why": code, "event_ms": event.time_ms},
            f"Chứng nhận mà sự kiện dẫn ra {vi_why} lúc {words.moment(event.time_ms)}.",
            f"The certificate that the event points to {en_why} at {words.moment(event.time_ms)}.",
        )


def _why_not(fact: CertificateFact, time_ms: int) -> tuple[str, str, str] | None:
    if fact.valid_from and time_ms < days.first_ms(fact.valid_from):
        return "not-yet", "chưa có hiệu lực", "was not good yet"
    if fact.valid_until and time_ms >= days.after_ms(fact.valid_until):
        return "expired", "đã hết hạn", "had expired"
    status = IN_FORCE
    for since_ms, turned in fact.turns:
        if since_ms <= time_ms:
            status = turned
    if status != IN_FORCE:
        return status, "không còn hiệu lực", f"was {status}"
    return None


def product_of(story: Story, item: str) -> ProductFact | None:
    """The product of an item as the lot's owner registered it, else as a member that made some of it did; or None."""
    match item.split("/"):
        case ["01", gtin, *_]:
            code = gtin
        case ["code", member, own, *_]:
            return story.facts.products.get((member, own))
        case _:
            return None
    thing = story.things.get(item)
    owners = [] if thing is None else [lot.by for lot in thing.lots]
    makers = [
        event.by
        for event in story.events_of(item)
        if event.action == "ADD" or any(share.item == item for share in event.outputs)
    ]
    for member in (*owners, *makers):
        fact = story.facts.products.get((member, code))
        if fact is not None:
            return fact
    return None


def ocop(story: Story, flows: Flows) -> Iterator[Finding]:
    """Goods made under stars whose term was over."""
    fact = product_of(story, flows.item)
    if fact is None:
        return
    for move in flows.of(MADE):
        event = move.event
        terms = [term for term in fact.ocop if term[0] <= event.time_ms] or list(fact.ocop[:1])
        if not terms:
            continue
        _, stars, until = terms[-1]
        if not stars or not until or event.time_ms < days.after_ms(until):
            continue
        vi_item, en_item = words.thing(flows.item)
        yield Finding(
            "certificate.not-in-force",
            Severity.WARNING,
            (flows.item,),
            (event.record_id, fact.record_id),
            {
                "certificate": "ocop",
                "stars": stars,
                "until": until,
                "event_ms": event.time_ms,
                "why": "expired",
            },
            f"OCOP {stars} sao đã hết hạn ngày {until} khi làm ra {vi_item}.",
            f"The {stars} OCOP stars had ended on {until} when {en_item} was made.",
        )
