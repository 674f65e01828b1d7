"""Tables as CSV that a spreadsheet reads rightly and never runs.

Rules: UTF-8 with a byte-order mark, so that Excel shows Vietnamese; commas, CRLF, quotes where needed (RFC 4180). A cell that
begins with `=`, `+`, `-`, `@`, their full-width twins, a tab or a line's end would be a formula to a spreadsheet, also after
blanks: an apostrophe goes in front of it. Other control characters are taken out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def safe_cell(text: str) -> str:
    """A text that a spreadsheet takes for text."""
    text = "".join(letter for letter in text if letter in "\t\r\n" or (letter >= " " and letter != "\x7f"))
    starts = text.startswith(_FORMULA) or text.lstrip(" \u00a0\u3000\ufeff").startswith(_FORMULA)
    return f"'{text}" if starts else text


def to_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A table as CSV bytes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([safe_cell(cell) for cell in header])
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")
