"""Templates of the pages, and what all of them may call. Everything is escaped unless it was made here as markup."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from api.pages import words
from api.pages.assets import assets

FOLDER = Path(__file__).parent / "templates"

_ICT = timezone(timedelta(hours=7))
"""Vietnam's time, all year."""
_LAST_MS = 253_402_000_000_000
"""What lies after the year 9999 is shown as its end."""


@cache
def environment() -> Environment:
    """The templates."""
    found = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(
        static=lambda path: assets().address(path),
        icon=icon,
        iso=iso_time,
        local=local_time,
        number=number,
    )
    return found


def language_tools(language: str) -> dict[str, Callable[..., str]]:
    """What a template says its words with: `t(key)`, and `word_or(key, otherwise)` for what may have none."""

    def t(key: str) -> str:
        return words.word(key, language)

    def word_or(key: str, otherwise: str) -> Markup:
        if not words.has(key):
            return escape(otherwise)
        return Markup('<span data-t="{}">{}</span>').format(key, t(key))

    def type_name(name: str) -> Markup:
        return word_or("type." + name.partition("/")[0], name)

    return {"t": t, "word_or": word_or, "type_name": type_name}


def icon(name: str) -> Markup:
    """A symbol of `icons.svg`."""
    return Markup(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="#i-{}"></use></svg>'
    ).format(name)


def iso_time(ms: int) -> str:
    """For machines; `ms`: milliseconds since the epoch."""
    return _time(ms).isoformat(timespec="seconds").replace("+00:00", "Z")


def local_time(ms: int) -> str:
    """In Vietnam, as people there write it; `ms`: milliseconds since the epoch."""
    return _time(ms).astimezone(_ICT).strftime("%d/%m/%Y %H:%M:%S")


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(min(ms, _LAST_MS) / 1000, UTC)


def number(value: int) -> str:
    """A whole number, grouped as in Vietnam."""
    return f"{value:,}".replace(",", ".")
