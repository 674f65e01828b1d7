"""A trace as a picture: things in columns by layer, arrows from what was used to what was made.

Rules: an SVG of its own, with no script, no style sheet from elsewhere and no text that could be markup. What it shows stands
in its title and description too, and whoever shows it puts the table beside it. A recall is told by words and a thick border,
not by colour alone. The same trace gives the same picture. Beyond `MAX_NODES` things the nearest are drawn, and the picture
says how many are not.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from ledger.origin import papers, words
from ledger.origin.findings import Judgement
from ledger.origin.graph import Exploration
from ledger.origin.model import ADD, TRANSFORMATION
from ledger.origin.recall import RECALLED, RECALLED_UPSTREAM

MAX_NODES: Final = 400
_WIDTH, _HEIGHT = 220, 64
_GAP_X, _GAP_Y = 90, 22
_MARGIN, _TOP = 24, 24
_FONT: Final = 'font-family="system-ui, sans-serif" font-size="13"'
_ARROW_HEAD: Final = (
    '<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#475467"/></marker></defs>'
)
_LETTERS: Final = 28
"""Letters of a line in a box."""
_SWEEPS: Final = 4
"""How often the order within the layers is mended."""
_STATUS: Final = {RECALLED: "ĐÃ THU HỒI", RECALLED_UPSTREAM: "LIÊN QUAN LÔ THU HỒI"}
_COLOURS: Final = {RECALLED: ("#fdecec", "#b42318"), RECALLED_UPSTREAM: ("#fff4e5", "#b54708")}


def edges_of(found: Exploration) -> list[tuple[str, str]]:
    """Arrows between things of a trace: made from, and packed into. Each once, in order."""
    pairs = set()
    for event in found.story.events.values():
        if event.kind == TRANSFORMATION:
            pairs |= {(a.item, b.item) for a in event.inputs for b in event.outputs}
        elif event.parent and event.action == ADD:
            pairs |= {(share.item, event.parent) for share in event.items}
    return sorted((a, b) for a, b in pairs if a != b and a in found.nodes and b in found.nodes)


def draw(found: Exploration, judgement: Judgement) -> str:
    """The picture as SVG text."""
    nearest = sorted(found.nodes, key=lambda item: (abs(found.nodes[item]), found.nodes[item], item))
    drawn = set(nearest[:MAX_NODES])
    edges = [(a, b) for a, b in edges_of(found) if a in drawn and b in drawn]
    columns = _columns({item: found.nodes[item] for item in drawn}, edges)
    place = {
        item: (_MARGIN + x * (_WIDTH + _GAP_X), _TOP + y * (_HEIGHT + _GAP_Y))
        for x, column in enumerate(columns)
        for y, item in enumerate(column)
    }
    width = 2 * _MARGIN + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
    left_out = len(found.nodes) - len(drawn)
    height = 2 * _TOP + max(map(len, columns)) * (_HEIGHT + _GAP_Y) + (24 if left_out else 0)
    vi_item, _ = words.thing(found.start)
    shape = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="t d" {shape} {_FONT}>',
        f'<title id="t">{_text(f"Sơ đồ truy xuất {vi_item}")}</title>',
        f'<desc id="d">{_text(_description(found, judgement, edges, left_out))}</desc>',
        _ARROW_HEAD,
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    parts += [_arrow(place[a], place[b]) for a, b in edges]
    parts += [
        _box(found, judgement, item, place[item]) for item in sorted(drawn, key=lambda one: (place[one], one))
    ]
    if left_out:
        parts.append(
            f'<text x="{_MARGIN}" y="{height - 12}" fill="#475467">… và {left_out} đối tượng nữa</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _columns(layers: dict[str, int], edges: list[tuple[str, str]]) -> list[list[str]]:
    """The things of each layer, ordered so that arrows cross little: each goes to the middle of those it hangs on."""
    columns = [
        sorted(item for item, at in layers.items() if at == layer) for layer in sorted(set(layers.values()))
    ]
    beside: dict[str, list[str]] = {}
    for a, b in edges:
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    for _ in range(_SWEEPS):
        rank = {item: y for column in columns for y, item in enumerate(column)}
        for column in columns:
            column.sort(
                key=lambda item: (
                    # Twice the mean, as a whole number: the order is the same on every machine.
                    2 * sum(rank[one] for one in beside.get(item, (item,))) // len(beside.get(item, (item,))),
                    item,
                )
            )
            rank |= {item: y for y, item in enumerate(column)}
    return columns


def _text(text: str) -> str:
    return escape("".join(letter if letter.isprintable() else " " for letter in text))


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"


def _label(found: Exploration, item: str) -> tuple[str, str]:
    fact = papers.product_of(found.story, item)
    vi_item, _ = words.thing(item)
    return (
        vi_item.split(" của ")[0] if fact is not None else words.capital(vi_item)
    ), "" if fact is None else fact.name


def _box(found: Exploration, judgement: Judgement, item: str, at: tuple[int, int]) -> str:
    x, y = at
    status = judgement.status(item)
    fill, stroke = _COLOURS.get(
        status, ("#f0f5ff", "#175cd3") if item == found.start else ("#f8fafc", "#98a2b3")
    )
    thick = 3 if status in _STATUS or item == found.start else 1
    name, product = _label(found, item)
    lines = [("600", _cut(words.capital(name))), ("400", _cut(product))]
    if status in _STATUS:
        lines.append(("700", _STATUS[status]))
    texts = "".join(
        f'<text x="{x + 10}" y="{y + 20 + 18 * number}" font-weight="{weight}" fill="#101828">{_text(line)}</text>'
        for number, (weight, line) in enumerate(one for one in lines if one[1])
    )
    return (
        f"<g><title>{_text(item)}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="{fill}" stroke={quoteattr(stroke)} '
        f'stroke-width="{thick}"/>{texts}</g>'
    )


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = (start[0] + _WIDTH, start[1] + _HEIGHT // 2), (end[0], end[1] + _HEIGHT // 2)
    bend = max(40, abs(x2 - x1) // 2)
    return (
        f'<path d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}" fill="none" stroke="#475467" '
        'stroke-width="1.4" marker-end="url(#a)"/>'
    )


def _description(
    found: Exploration, judgement: Judgement, edges: list[tuple[str, str]], left_out: int
) -> str:
    sentences = [f"{len(found.nodes)} đối tượng, {len(edges)} mũi tên."]
    sentences += [f"{words.capital(words.thing(a)[0])} → {words.thing(b)[0]}." for a, b in edges[:50]]
    if len(edges) > 50:
        sentences.append(f"Và {len(edges) - 50} mũi tên nữa.")
    sentences += [
        f"{words.capital(words.thing(item)[0])}: {_STATUS[status].lower()}."
        for item in sorted(found.nodes)
        if (status := judgement.status(item)) in _STATUS
    ][:50]
    if left_out:
        sentences.append(f"{left_out} đối tượng không vẽ ở đây.")
    return " ".join(sentences)
