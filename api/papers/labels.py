"""Label sheets: stickers with the code of a lot, or of each of its pieces, on the usual A4 sheets.

Rules:

* a code is the GS1 Digital Link of the thing on this ledger's own site (`https://host/01/<gtin>/10/<lot>[/21/<serial>]`), error
  correction level M, black on white with its quiet zone. A module is at least 0.33 mm wide, so that an ordinary phone reads
  it; where it would be less, the sheet is refused and a larger sticker named;
* what is on the label comes as data and is placed as text. What does not fit is cut at the label's edge, never into its
  neighbour's;
* a sheet that was begun is used up: printing starts behind the stickers that are gone.

What this module does not do: ask a ledger whether the lot is there, or may still be sold. Whoever calls does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from api import qr
from api.papers.typesetting import typeset
from ledger.errors import FormatError
from ledger.fields import Body
from ledger.gs1 import Item, format_link
from ledger.records.base import integer, text
from ledger.records.goods import lot_item

A4: Final = (210.0, 297.0)
"""Millimetres."""
MAX_LABELS: Final = 1_040
"""Of one file: sixteen sheets of the smallest stickers."""
LEAST_MODULE: Final = 0.33
"""Millimetres of one module of a code."""
_PADDING: Final = 1.5
"""Millimetres between a sticker's edge and what is printed on it: printers are never quite in place."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Stickers on one sheet of A4, in millimetres."""

    columns: int
    rows: int
    width: float
    height: float
    left: float
    top: float
    gap: float = 0.0
    """Between columns; there is none between rows."""

    @property
    def count(self) -> int:
        """Stickers on a sheet."""
        return self.columns * self.rows

    def place(self, at: int) -> tuple[float, float]:
        """Left and top edge of the sticker number `at`, counted along the rows from 0."""
        row, column = divmod(at, self.columns)
        return self.left + column * (self.width + self.gap), self.top + row * self.height

    @property
    def code_width(self) -> float:
        """How wide a code is on it, with its quiet zone: what the height allows, and at most half of the width."""
        return min(self.height, self.width / 2) - 2 * _PADDING


LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType(
    {
        "a4-8": Layout(2, 4, 99.1, 67.7, 4.65, 13.1, 2.6),
        "a4-14": Layout(2, 7, 99.1, 38.1, 4.65, 15.15, 2.6),
        "a4-21": Layout(3, 7, 63.5, 38.1, 7.2, 15.15, 2.55),
        "a4-24": Layout(3, 8, 70.0, 37.0, 0.0, 0.5),
        "a4-65": Layout(5, 13, 38.1, 21.2, 4.65, 10.7, 2.5),
    }
)
"""Sheets that any stationer has, by their name: the paper, and the stickers on one sheet."""


@dataclass(frozen=True, slots=True)
class Label:
    """What one sticker shows."""

    link: str
    """Where its code leads."""
    title: str
    lines: tuple[str, ...] = ()
    """Below the title, most important first: a small sticker shows the first ones."""


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What a label says of a lot: bodies of records that the ledger has."""

    lot: Body
    """Of `lot.create/1`."""
    product: Body | None
    """Of the newest record that describes the product."""
    producer: str
    """What the lot's owner is called."""

    @property
    def item(self) -> Item:
        """The lot."""
        return lot_item(self.lot)


def lot_labels(facts: LotFacts, *, site: str, count: int, first: int | None = None) -> list[Label]:
    """`count` labels of a lot; with `first`, each with a serial of its own, counted up from there.

    `site`: this ledger's pages, `https://host`. Raises FormatError: `label.count`, `label.serials`, `gs1.*`.
    """
    if not 1 <= count <= MAX_LABELS:
        raise FormatError("label.count", f"a file holds 1 to {MAX_LABELS} labels, not {count}")
    item = facts.item
    lines = _lines(facts)
    title = text(facts.product, "name") if facts.product is not None else facts.producer
    if first is None:
        return [Label(format_link(item, site), title, lines)] * count
    if item.gtin is None:
        raise FormatError(
            "label.serials", "single pieces are named by GTIN and serial: goods without a GTIN have none"
        )
    numbers = [str(number) for number in range(first, first + count)]
    return [
        Label(
            format_link(Item(gtin=item.gtin, serial=number), site, lot=item.lot),
            title,
            (*lines, f"Số {number}"),
        )
        for number in numbers
    ]


def _lines(facts: LotFacts) -> tuple[str, ...]:
    lot, product = facts.lot, facts.product
    lines = [f"Lô {text(lot, 'lot')}"]
    if "expires" in lot:
        lines.append(f"HSD {_day(text(lot, 'expires'))}")
    if "produced" in lot:
        lines.append(f"NSX {_day(text(lot, 'produced'))}")
    lines.append(facts.producer)
    if product is not None and "ocop_stars" in product:
        until = f" (đến {_day(text(product, 'ocop_until'))})" if "ocop_until" in product else ""
        lines.append(f"OCOP {'★' * integer(product, 'ocop_stars')}{until}")
    return tuple(lines)


def _day(iso: str) -> str:
    return date.fromisoformat(iso).strftime("%d/%m/%Y")


def label_sheets(
    labels: Sequence[Label], *, layout: str, site: str, used: int = 0, time_s: int, language: str = "vi"
) -> bytes:
    """A PDF of stickers; `used` of the first sheet are gone already, `time_s` dates the file, seconds since the epoch.

    Raises FormatError: `label.layout`, `label.count`, `label.used`, `label.too-small`, `qr.too-large`; PaperError.
    """
    shape = layout_named(layout)
    if not 1 <= len(labels) <= MAX_LABELS:
        raise FormatError("label.count", f"a file holds 1 to {MAX_LABELS} labels, not {len(labels)}")
    if not 0 <= used < shape.count:
        raise FormatError("label.used", f"of {shape.count} stickers on a sheet, {used} cannot be used up")
    codes = {link: _code(link, shape) for link in dict.fromkeys(label.link for label in labels)}
    sheets: list[list[dict[str, Any]]] = [[]]
    at = used
    for label in labels:
        if at == shape.count:
            sheets.append([])
            at = 0
        left, top = shape.place(at)
        sheets[-1].append(
            {"left": left, "top": top, "link": label.link, "title": label.title, "lines": list(label.lines)}
        )
        at += 1
    data = {
        "language": language,
        "width": shape.width,
        "height": shape.height,
        "padding": _PADDING,
        "code": shape.code_width,
        "codes": codes,
        "site": site.partition("://")[2],
        "sheets": sheets,
    }
    return typeset("labels.typ", data, time_s=time_s)


def layout_named(name: str) -> Layout:
    """A layout of `LAYOUTS`. Raises FormatError (`label.layout`)."""
    if name not in LAYOUTS:
        raise FormatError(
            "label.layout", f"there is no such sheet of stickers; there are {', '.join(LAYOUTS)}"
        )
    return LAYOUTS[name]


def _code(link: str, shape: Layout) -> str:
    code = qr.everyday_code(link)
    module = shape.code_width / code.symbol_size(border=qr.QUIET_ZONE)[0]
    if module < LEAST_MODULE:
        raise FormatError(
            "label.too-small",
            "the link is too long for a code that a phone reads on so small a sticker: take a larger one",
        )
    return qr.svg(code, millimetres=shape.code_width).decode()
