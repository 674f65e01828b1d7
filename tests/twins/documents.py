"""The document family kept as a clerk would keep it in a notebook: a page for each document, a line for each number.

It shares no code with the library: the words are written out, and nothing is encoded but the tags that a test gives it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

METADATA = (
    "abstract",
    "book",
    "date",
    "kind",
    "media_type",
    "number",
    "secrecy",
    "size",
    "symbol",
    "urgency",
)


class RefusalError(Exception):
    """A rule's name."""


@dataclass
class Page:
    """What the notebook says of one document."""

    status: str = "in-force"
    lines: list[str] = field(default_factory=list)
    """Types of the records that concern it, in order."""


@dataclass
class Notebook:
    """Pages by (authority, document), and which document has a number."""

    pages: dict[tuple[str, bytes], Page] = field(default_factory=dict)
    numbers: dict[tuple[Any, ...], bytes] = field(default_factory=dict)

    def write(self, author: str, name: str, fields: Json) -> str | None:
        """Write one record down, or say which rule forbids it; then nothing has changed."""
        before = copy.deepcopy((self.pages, self.numbers))
        try:
            look_at(name, fields)
            self._write(author, name, fields)
        except RefusalError as refusal:
            self.pages, self.numbers = before
            return str(refusal)
        return None

    def _write(self, author: str, name: str, fields: Json) -> None:
        who = fields["authority"]
        if name in ("doc.anchor/1", "doc.copy/1"):
            self._new(who, name, fields)
            return
        page = self.pages.get((who, fields["document"]))
        if page is None:
            raise RefusalError("document.unknown")
        if name == "doc.signatures/1":
            page.lines.append(name)
            return
        if page.status != "in-force":
            raise RefusalError("document.not-in-force")
        if name == "doc.paper/1":
            page.lines.append(name)
            return
        if name == "doc.withdraw/1":
            page.status = "withdrawn"
            page.lines.append(name)
            return
        owner = fields.get("by_authority", who)
        if owner not in (who, author):
            raise RefusalError("document.by-other-authority")
        other = self.pages.get((owner, fields["by"]))
        if other is None:
            raise RefusalError("document.by-unknown")
        if other.status != "in-force":
            raise RefusalError("document.by-not-in-force")
        other.lines.append(name)
        page.lines.append(name)
        if name == "doc.supersede/1":
            page.status = "superseded"

    def _new(self, who: str, name: str, fields: Json) -> None:
        document = fields.get("hash") or fields["commitment"]
        if (who, document) in self.pages:
            raise RefusalError("document.exists")
        if "original" in fields:
            original = self.pages.get((fields.get("original_authority", who), fields["original"]))
            if original is None:
                raise RefusalError("document.original-unknown")
            if original.status != "in-force":
                raise RefusalError("document.original-not-in-force")
        number: tuple[Any, ...] | None = None
        if "number_tag" in fields:
            number = (who, fields["number_tag"])
        elif "number" in fields:
            number = (who, fields.get("book", ""), fields["date"].split("-")[0], fields["number"])
        if number is not None:
            self._number(who, number, name, fields)
            self.numbers[number] = document
        self.pages[who, document] = Page(lines=[name])

    def _number(self, who: str, number: tuple[Any, ...], name: str, fields: Json) -> None:
        holder = self.numbers.get(number)
        if "continues" not in fields:
            if holder is not None:
                raise RefusalError("document.number-taken")
            return
        earlier = self.pages.get((who, fields["continues"]))
        if earlier is None:
            raise RefusalError("document.unknown")
        if holder != fields["continues"]:
            raise RefusalError("document.continues")
        if earlier.status == "superseded":
            raise RefusalError("document.not-in-force")
        if earlier.status == "in-force":
            earlier.status = "superseded"
        earlier.lines.append(name)


def look_at(name: str, fields: Json) -> None:
    """What is wrong with a record whatever the notebook says."""
    if name == "doc.anchor/1":
        _look_at_anchor(fields)
    if name in ("doc.anchor/1", "doc.copy/1"):
        if "original_authority" in fields and "original" not in fields:
            raise RefusalError("document.original-alone")
        if "continues" in fields:
            if not {"number", "number_tag"} & fields.keys():
                raise RefusalError("document.continues-alone")
            if fields["continues"] in (fields.get("hash"), fields.get("commitment")):
                raise RefusalError("document.by-itself")
    if name == "doc.paper/1" and fields["document"] == fields["hash"]:
        raise RefusalError("document.by-itself")
    if name in ("doc.supersede/1", "doc.correct/1"):
        owner = fields.get("by_authority", fields["authority"])
        if (owner, fields["by"]) == (fields["authority"], fields["document"]):
            raise RefusalError("document.by-itself")


def _look_at_anchor(fields: Json) -> None:
    if fields.get("secrecy") in ("mat", "toi-mat", "tuyet-mat"):
        raise RefusalError("document.secret")
    if ("hash" in fields) == ("commitment" in fields):
        raise RefusalError("document.hash-or-commitment")
    if "commitment" in fields:
        if any(word in fields for word in METADATA):
            raise RefusalError("document.commitment-discloses")
    elif "media_type" not in fields or "size" not in fields:
        raise RefusalError("document.description")
    elif "number_tag" in fields:
        raise RefusalError("document.number-tag")
    if "number" in fields and "date" not in fields:
        raise RefusalError("document.number-date")
    if "book" in fields and "number" not in fields:
        raise RefusalError("document.book-alone")
