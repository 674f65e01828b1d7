"""The demo's documents: papers, a picture and tables, made here, so that a plain clone has real files to anchor."""

from __future__ import annotations

import json
import struct
import unicodedata
import zlib
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from api.cli import demo_ward
from api.cli.demo_ward import Paper

PICTURE: Final = "ảnh.png"
FIGURES: Final = "so-lieu.csv"
OCOP_TABLE: Final = "ocop.csv"
MARITAL_TABLE: Final = "hon-nhan.csv"
SUCCESSORS_TABLE: Final = "ocop-quang-trung.csv"

_SHEET: Final = """
#let data = json(bytes(sys.inputs.data))
#set page(paper: "a4", margin: (left: 30mm, right: 20mm, y: 22mm))
#set text(font: "Libertinus Serif", size: 13pt, lang: "vi")
#set par(justify: true, first-line-indent: (amount: 10mm, all: true))
#grid(columns: (2fr, 3fr), align: center, row-gutter: 4pt,
  text(12pt, weight: "bold", upper(data.issuer)),
  text(12pt, weight: "bold")[CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM],
  [], text(weight: "bold")[Độc lập - Tự do - Hạnh phúc],
  [Số: #data.number], emph(data.dated))
#v(10mm)
#align(center, text(weight: "bold")[#text(14pt, data.title.at(0)) \\ #data.title.slice(1).join(linebreak())])
#v(6mm)
#for line in data.lines [#line #parbreak()]
#v(12mm)
#align(right, block(width: 70mm, align(center, text(12pt, weight: "bold", data.signed_by))))
"""


def write_documents(folder: Path) -> None:
    """Write all of the ward's files into `folder`; with Typst (of the extra `papers`) the papers look like papers."""
    typeset = _typeset if find_spec("typst") else _plain
    for paper in demo_ward.PAPERS:
        (folder / paper.file).write_bytes(typeset(paper))
    (folder / PICTURE).write_bytes(_png(160, 120))
    for name, table in (
        (FIGURES, demo_ward.FIGURES),
        (OCOP_TABLE, demo_ward.OCOP_TABLE),
        (MARITAL_TABLE, demo_ward.MARITAL_TABLE),
        (SUCCESSORS_TABLE, demo_ward.SUCCESSORS_TABLE),
    ):
        (folder / name).write_text(table, encoding="utf-8")


def _typeset(paper: Paper) -> bytes:
    """A sheet laid out as Nghị định 30/2020/NĐ-CP has it."""
    import typst  # noqa: PLC0415  of an extra that most commands do without

    day = date.fromisoformat(paper.date)
    data = {
        "issuer": paper.issuer,
        "number": f"{paper.number}/{paper.symbol}",
        "dated": f"Ngày {day.day:02} tháng {day.month:02} năm {day.year}",
        "title": paper.title,
        "lines": paper.lines,
        "signed_by": paper.signed_by,
    }
    pdf: bytes = typst.compile(
        _SHEET.encode(),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        timestamp=0,
    )
    return pdf


def _plain(paper: Paper) -> bytes:
    """A one-page PDF 1.4 (ISO 32000-1 §7.5) in Helvetica, which has no Vietnamese letters: so without their marks."""
    words = (paper.issuer, f"{paper.number}/{paper.symbol}, {paper.date}", "", *paper.title, "", *paper.lines)
    shown = " T* ".join(f"({_ascii(line)}) Tj" for line in words)
    content = f"BT /F1 12 Tf 16 TL 60 780 Td {shown} ET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _ascii(line: str) -> str:
    """A line without diacritics and brackets, as PDF's shortest kind of string takes it."""
    plain = unicodedata.normalize("NFD", line).replace("đ", "d").replace("Đ", "D").replace("—", "-")
    return plain.encode("ascii", "ignore").decode().translate({ord(mark): None for mark in "()\\"})


def _png(width: int, height: int) -> bytes:
    """A PNG (ISO/IEC 15948) of a colour gradient, 8-bit RGB."""
    rows = b"".join(
        b"\x00" + b"".join(bytes((x * 255 // width, y * 255 // height, 160)) for x in range(width))
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
