"""Goods kept as a co-operative's book-keeper would: shelves of cards, and for each thing a list of who wrote what about it.

It shares no code with the library: paths are built and read with string methods, check digits by adding up one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote, unquote

Json = dict[str, Any]

SET_82 = set("!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")


def check_digit(digits: str) -> str:
    """Add every second digit from the right thrice, the others once, and fill up to the next ten."""
    total, thrice = 0, True
    for digit in digits[::-1]:
        total += int(digit) * 3 if thrice else int(digit)
        thrice = not thrice
    fill = 0
    while (total + fill) % 10:
        fill += 1
    return str(fill)


def lot_path(fields: Json) -> str:
    """The path of the lot that a record creates."""
    start = f"01/{fields['gtin']}" if "gtin" in fields else f"code/{fields['authority']}/{fields['code']}"
    return f"{start}/10/{quote(fields['lot'], safe='')}"


def is_item_path(text: str) -> bool:
    """Whether it is the one way to write what it names."""
    parts = text.split("/")
    if not text.isascii() or parts[0] not in ("00", "01", "code"):
        return False
    if parts[0] == "00":
        return len(parts) == 2 and good_number(parts[1], 18)
    if parts[0] == "01":
        if len(parts) < 2 or not good_number(parts[1], 14):
            return False
        rest, keys = parts[2:], {"10", "21"}
    else:
        if len(parts) < 3 or not 1 <= len(parts[1]) <= 64 or not 1 <= len(parts[2]) <= 30:
            return False
        if any(part in (".", "..") for part in parts[1:3]) or parts[1] != parts[1].lower():
            return False
        if not all(letter.isalnum() or letter in "-._" for letter in parts[1] + parts[2]):
            return False
        rest, keys = parts[3:], {"10"}
    if not rest:
        return True
    if len(rest) != 2 or rest[0] not in keys:
        return False
    printed = unquote(rest[1], errors="replace")
    return (
        1 <= len(printed) <= 20
        and set(printed) <= SET_82
        and printed not in (".", "..")
        and quote(printed, safe="") == rest[1]
    )


def good_number(text: str, length: int) -> bool:
    """Whether it is a GS1 number of that many digits."""
    return (
        len(text) == length
        and all(letter in "0123456789" for letter in text)
        and check_digit(text[:-1]) == text[-1]
    )


def _name(fields: Json, number: str) -> str:
    name: str = fields[number] if number in fields else fields["code"]
    return name


@dataclass
class Shelf:
    """What the books say. Cards are by (authority, name); a thing's list holds (who, which record)."""

    products: dict[tuple[str, str], str] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    lots: dict[tuple[str, str], str] = field(default_factory=dict)
    recalls: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    events: dict[tuple[str, bytes], Json] = field(default_factory=dict)
    things: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def write(self, name: str, fields: Json, *, inspector: bool) -> str | None:
        """Write one record down, or say which rule forbids it; then nothing has changed."""
        family, verb = name.removesuffix("/1").split(".")
        alone = alone_refusal(name, fields)
        if alone is not None:
            return alone
        if family == "product":
            return self._card(self.products, "product", verb, fields, _name(fields, "gtin"))
        if family == "place":
            return self._card(self.places, "place", verb, fields, _name(fields, "gln"))
        if name == "lot.create/1":
            return self._create(fields)
        if family == "lot":
            return self._recall(verb, fields, inspector=inspector)
        return self._event(verb, fields)

    def _card(
        self, cards: dict[tuple[str, str], str], what: str, verb: str, fields: Json, name: str
    ) -> str | None:
        key = (fields["authority"], name)
        if verb == "register":
            if key in cards:
                return f"{what}.exists"
            cards[key] = "in-force"
            return None
        if key not in cards:
            return f"{what}.unknown"
        if cards[key] == "ended":
            return f"{what}.ended"
        if verb == "end":
            cards[key] = "ended"
        return None

    def _create(self, fields: Json) -> str | None:
        who = fields["authority"]
        path = lot_path(fields)
        if (who, path) in self.lots:
            return "lot.exists"
        for what, cards, name in (
            ("product", self.products, _name(fields, "gtin")),
            ("place", self.places, fields.get("place")),
        ):
            if name is None:
                continue
            if (who, name) not in cards:
                return f"{what}.unknown"
            if cards[who, name] == "ended":
                return f"{what}.ended"
        self.lots[who, path] = "in-force"
        self._note(path, who, "lot.create/1")
        return None

    def _recall(self, verb: str, fields: Json, *, inspector: bool) -> str | None:
        lot = (fields["owner"], fields["item"])
        if lot not in self.lots:
            return "lot.unknown"
        own = fields["authority"] == fields["owner"]
        if not own and not inspector:
            return "lot.not-inspector"
        standing = self.recalls.setdefault(lot, set())
        side = "owner" if own else "inspector"
        if verb == "recall":
            if side in standing:
                return "lot.recalled"
            standing.add(side)
        else:
            if not standing:
                return "lot.not-recalled"
            if own and "owner" not in standing:
                return "lot.recalled-by-inspector"
            if own:
                standing.discard("owner")
            else:
                standing.clear()
        self.lots[lot] = "recalled" if standing else "in-force"
        self._note(fields["item"], fields["authority"], f"lot.{verb}/1")
        return None

    def _event(self, verb: str, fields: Json) -> str | None:
        key = (fields["authority"], fields.get("event_hash") or fields["event_tag"])
        known = self.events.get(key)
        if verb == "event":
            if known is not None:
                return "event.exists"
            self.events[key] = {"status": "in-force", "things": fields["things"]}
        else:
            if known is None:
                return "event.unknown"
            if known["status"] != "in-force":
                return "event.declared-error"
            if known["things"] != fields["things"]:
                return "event.things"
            known["status"] = "declared-error"
        for path in fields["things"]:
            self._note(path, fields["authority"], f"epcis.{verb}/1")
        return None

    def _note(self, path: str, who: str, name: str) -> None:
        self.things.setdefault(path, []).append((who, name))


def alone_refusal(name: str, fields: Json) -> str | None:
    """What one field means for another, without any book."""
    family, verb = name.removesuffix("/1").split(".")
    if family == "epcis":
        return _event_refusal(fields)
    if verb in ("recall", "release"):
        return None
    number, length = ("gln", 13) if family == "place" else ("gtin", 14)
    if (number in fields) is ("code" in fields):
        return "place.gln-or-code" if family == "place" else "product.gtin-or-code"
    code = fields.get("code", "a")
    if code in (".", "..") or (len(code) == length and all(letter in "0123456789" for letter in code)):
        return "product.code"
    if family == "lot":
        return _lot_refusal(fields)
    if "ocop_until" in fields and "ocop_stars" not in fields:
        return "product.ocop"
    return "place.position" if ("latitude" in fields) is not ("longitude" in fields) else None


def _lot_refusal(fields: Json) -> str | None:
    if not is_item_path(lot_path(fields)):
        return "lot.name"
    if ("quantity" in fields) is not ("unit" in fields):
        return "lot.quantity"
    made, good_until = fields.get("produced"), fields.get("expires")
    if made and good_until and date.fromisoformat(good_until) < date.fromisoformat(made):
        return "lot.days"
    return None


def _event_refusal(fields: Json) -> str | None:
    if ("event_hash" in fields) is ("event_tag" in fields):
        return "event.hash-or-tag"
    if len(fields["event"]) < 20 * len(fields["things"]):
        return "event.size"
    if ("hidden_root" in fields) is not ("hidden_count" in fields):
        return "event.hidden-pair"
    return "event.hidden-hash" if "hidden_root" in fields and "event_hash" in fields else None
