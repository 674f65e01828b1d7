"""How figures stand in the tables of `docs/performance.md`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its columns but the first set to the right."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """A figure for people: three significant digits, thousands set apart."""
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 100:
        return f"{rounded:,.0f}"
    return f"{rounded:g}"


def median(value: dict[str, Any]) -> str:
    """The median of a summary."""
    return number(value["median"])


def spread(value: dict[str, Any]) -> str:
    """The median of a summary, with the lowest and the highest."""
    return f"{number(value['median'])} ({number(value['low'])}–{number(value['high'])})"
