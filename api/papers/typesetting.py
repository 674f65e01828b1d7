"""Typesetting with Typst, from templates beside this module and data that is only ever data.

Rules: what comes from outside reaches a template as JSON and is placed as text, never read as markup. Fonts are those that
Typst brings along, which hold Vietnamese, so that a paper looks the same on every machine. The same input gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Any

from ledger.errors import LedgerError

INSTALL = "pip install 'sogoc[papers]'"


class PaperError(LedgerError):
    """A paper that cannot be made; the detail says what to do."""


def missing(error: ImportError) -> PaperError:
    """What to say where the extra is not installed."""
    return PaperError("paper.extra", f"making papers needs {error.name}, which is not installed: {INSTALL}")


@cache
def _typst() -> ModuleType:
    try:
        import typst  # noqa: PLC0415  of an extra that most commands do without
    except ImportError as error:
        raise missing(error) from error
    return typst


@cache
def _template(name: str) -> bytes:
    return files("api.papers").joinpath("templates", name).read_bytes()


def typeset(template: str, data: Mapping[str, Any], *, time_s: int) -> bytes:
    """A PDF (1.7, tagged) out of a template's file name and what it shows; `time_s` is its date, seconds since the epoch.

    Raises PaperError: `paper.extra`, `paper.typeset`.
    """
    typst = _typst()
    try:
        pdf: bytes = typst.compile(
            _template(template),
            format="pdf",
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            timestamp=time_s,
        )
    except typst.TypstError as error:
        raise PaperError("paper.typeset", f"the paper cannot be typeset: {error}") from error
    return pdf
