"""Certificates kept as a clerk would keep them: a card for each, and days counted with the calendar module.

It shares no code with the library: the words are written out, trees are hashed by the recursive definition, and dates go
through `datetime` with a time zone.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it publishes no type information

from tests import reference

Json = dict[str, Any]
VIETNAM = timezone(timedelta(hours=7))


@dataclass
class Card:
    """What the box says of one certificate."""

    status: str
    until: str | None
    papers: list[bytes] = field(default_factory=list)
    reason: str | None = None
    records: int = 1


@dataclass
class CardBox:
    """Cards by (authority, certificate), and which place of the status lists is whose."""

    cards: dict[tuple[str, bytes], Card] = field(default_factory=dict)
    places: dict[tuple[str, int], bytes] = field(default_factory=dict)

    def write(self, name: str, fields: Json, now_ms: int) -> str | None:
        """Write one record down, or say which rule forbids it; then nothing has changed."""
        who, what = fields["authority"], fields["certificate"]
        card = self.cards.get((who, what))
        if name == "cert.issue/1":
            return self._issue(who, what, card, fields)
        if card is None:
            return "certificate.unknown"
        if card.status == "revoked":
            return "certificate.revoked"
        refusal = self._change(name, card, fields, now_ms)
        if refusal is None:
            card.records += 1
        return refusal

    def _issue(self, who: str, what: bytes, card: Card | None, fields: Json) -> str | None:
        first, last = fields.get("valid_from"), fields.get("valid_until")
        if first and last and date.fromisoformat(last) < date.fromisoformat(first):
            return "certificate.days"
        if card is not None:
            return "certificate.exists"
        place = fields.get("status_index")
        if place is not None and (who, place) in self.places:
            return "certificate.status-index"
        if place is not None:
            self.places[who, place] = what
        self.cards[who, what] = Card("in-force", last)
        return None

    def _change(self, name: str, card: Card, fields: Json, now_ms: int) -> str | None:
        if name == "cert.reinstate/1":
            if card.status != "suspended":
                return "certificate.not-suspended"
            card.status, card.reason = "in-force", None
            return None
        if name == "cert.revoke/1":
            card.status, card.reason = "revoked", fields["reason"]
            return None
        if card.status != "in-force":
            return "certificate.not-in-force"
        if name == "cert.suspend/1":
            card.status, card.reason = "suspended", fields["reason"]
        elif name == "cert.paper/1":
            card.papers.append(fields["hash"])
        elif card.until is None:
            return "certificate.no-end"
        elif date.fromisoformat(fields["valid_until"]) <= date.fromisoformat(card.until):
            return "certificate.renewal-day"
        elif datetime.fromtimestamp(now_ms // 1000, VIETNAM).date() > date.fromisoformat(card.until):
            return "certificate.expired"
        else:
            card.until = fields["valid_until"]
        return None


def claims_leaves(claims: list[tuple[str, Any]], salt: bytes) -> list[bytes]:
    """The leaves of a certificate's claims, as the specification writes them."""
    return [
        msgpack.packb([name, value, hmac.new(salt, name.encode(), hashlib.sha256).digest()])
        for name, value in claims
    ]


def claims_root(claims: list[tuple[str, Any]], salt: bytes) -> bytes:
    """The root over them."""
    return reference.mth(claims_leaves(claims, salt))


def verdict(
    status: str, first: str | None, last: str | None, now_ms: int, *, complete: bool, as_of_ms: int
) -> str:
    """The rule by which a certificate whose receipt is sound is judged."""
    if status != "in-force":
        return f"status.{status}"
    now = datetime.fromtimestamp(now_ms // 1000, VIETNAM)
    if first is not None and now < midnight(first):
        return "status.not-yet"
    if last is None:
        return "status.in-force"
    over = midnight(last) + timedelta(days=1)
    if now < over:
        return "status.in-force"
    if complete and datetime.fromtimestamp(as_of_ms // 1000, VIETNAM) >= over:
        return "status.expired"
    return "certificate.renewal-unknown"


Fact = tuple[str, Any]
"""What a record did, and the last day or the hash of the file in it."""


def disputed_verdict(
    status: str, facts: list[Fact], in_dispute: list[bool], now_ms: int, file: bytes | None
) -> str:
    """The rule by which a certificate is judged whose records are all known, its checkpoint older than any last day.

    What ended it counts, whoever signed it. A renewal is judged in two worlds: in one the office signed the disputed
    ones, in the other it did not. Where both agree, that is the verdict; where they do not, nobody can tell.
    """
    named = [
        fact[1] for fact, doubted in zip(facts, in_dispute, strict=True) if fact[0] == "paper" and not doubted
    ]
    doubted_names = [fact[1] for fact in facts if fact[0] == "paper"]
    if file is not None and file not in doubted_names:
        return "certificate.paper" if named else "certificate.no-paper"
    if status != "in-force":
        return f"status.{status}"
    if in_dispute[0] or (file is not None and file not in named):
        return "key.disputed"
    for fact, doubted in reversed(list(zip(facts, in_dispute, strict=True))):
        if fact[0] == "reinstate":
            if doubted:
                return "key.disputed"
            break
    rules = []
    for believes in (True, False):
        last = None
        for fact, doubted in zip(facts, in_dispute, strict=True):
            if fact[0] == "issue" or (fact[0] == "renew" and (believes or not doubted)):
                last = fact[1]
        rules.append(verdict("in-force", None, last, now_ms, complete=True, as_of_ms=0))
    return rules[0] if rules[0] != "status.in-force" or rules[0] == rules[1] else "key.disputed"


def midnight(day: str) -> datetime:
    """When a day begins in Vietnam."""
    return datetime.combine(date.fromisoformat(day), time(), VIETNAM)
