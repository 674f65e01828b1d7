"""A lookup code stamped on a paper that exists: a copy of the PDF with a small panel on its last page.

Rules:

* the original is not touched; what comes out is another file with another hash, whose own hash is anchored afterwards
  (`doc.paper/1`). That hash is public, so the copy holds random bytes: nobody guesses the paper from it;
* a PDF that holds signatures is refused: a stamp would break them. Stamp first, sign after (PAdES);
* a PDF that is encrypted, damaged or too large is refused, and named;
* the panel stands at the bottom left of the last page as it is seen, also where the page is turned or its origin is moved.

What this module does not do: ask a ledger for anything.
"""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api import qr
from api.papers.typesetting import PaperError, missing, typeset
from ledger.lookup_code import grouped

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

MAX_BYTES: Final = 200_000_000
_MARGIN: Final = 14.0
"""Points between the page's edges and the panel."""
_MARK: Final = "/SoGocMark"
"""Where the random bytes stand in the copy's information dictionary."""
_MARK_SIZE: Final = 16
_SMALLEST: Final = 200.0
"""Points: a page narrower or lower than this has no room for the panel."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a panel says."""

    code: str
    """Twelve letters (`ledger.lookup_code`)."""
    site: str
    origin: str
    issuer: str


def stamp(pdf: bytes, what: Stamp, *, time_s: int) -> bytes:
    """A copy of `pdf` with the panel on its last page; `time_s` dates the panel, seconds since the epoch.

    Raises PaperError: `paper.extra`, `paper.size`, `paper.unreadable`, `paper.encrypted`, `paper.signed`, `paper.page`;
    FormatError (`qr.*`, `lookup-code.*`).
    """
    try:
        from pypdf import PdfReader, PdfWriter  # noqa: PLC0415  of an extra that most commands do without
        from pypdf.errors import PyPdfError  # noqa: PLC0415  as above
    except ImportError as error:
        raise missing(error) from error
    if len(pdf) > MAX_BYTES:
        raise PaperError("paper.size", f"a PDF to be stamped has at most {MAX_BYTES} bytes")
    try:
        reader = PdfReader(io.BytesIO(pdf), strict=False)
        _check(reader)
        writer = PdfWriter(clone_from=reader)
        page = writer.pages[-1]
        page.transfer_rotation_to_content()
        panel = PdfReader(io.BytesIO(_panel(page, what, time_s))).pages[0]
        box = page.cropbox
        page.merge_translated_page(panel, float(box.left), float(box.bottom))
        writer.add_metadata({_MARK: secrets.token_hex(_MARK_SIZE)})
        out = io.BytesIO()
        writer.write(out)
    except PaperError:
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise PaperError("paper.unreadable", f"this is not a PDF that can be stamped: {error}") from error
    return out.getvalue()


def _check(reader: PdfReader) -> None:
    from pypdf.generic import DictionaryObject  # noqa: PLC0415  as in `stamp`

    if reader.is_encrypted:
        raise PaperError("paper.encrypted", "the PDF is encrypted: stamp a copy without a password")
    if not reader.pages:
        raise PaperError("paper.unreadable", "the PDF has no pages")
    form = reader.root_object.get("/AcroForm")
    fields = None if form is None else form.get_object()
    if isinstance(fields, DictionaryObject) and int(fields.get("/SigFlags", 0)) & 1:
        raise PaperError(
            "paper.signed", "the PDF is signed, and a stamp would break that: stamp first, sign after"
        )


def _panel(page: PageObject, what: Stamp, time_s: int) -> bytes:
    width, height = float(page.cropbox.width), float(page.cropbox.height)
    if min(width, height) < _SMALLEST:
        raise PaperError("paper.page", "the last page is too small for a stamp")
    link = qr.everyday_link(what.site, what.code)
    data = {
        "width": width,
        "height": height,
        "left": _MARGIN,
        "bottom": _MARGIN,
        "everyday": qr.svg(qr.everyday_code(link), millimetres=22.0).decode(),
        "code": grouped(what.code),
        "site": what.site,
        "origin": what.origin,
        "issuer": what.issuer,
    }
    return typeset("stamp.typ", data, time_s=time_s)
