"""The demo's documents: a PDF, a picture and a table, made here, so that a plain clone has real files to anchor."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

_TABLE = """\
chi_tieu,don_vi,ke_hoach,thuc_hien
Hộ gia đình có cáp quang,%,95,95
Tài khoản định danh điện tử,%,80,83
Người trưởng thành có chữ ký số,%,50,52
"""
_LINES = (
    "UY BAN NHAN DAN PHUONG PHU SON",
    "So: 41/BC-UBND                                13/02/2025",
    "",
    "BAO CAO TIEN DO PHAT TRIEN HA TANG SO",
    "",
    "1. Ho gia dinh co cap quang: 95 %",
    "2. Tai khoan dinh danh dien tu: 83 %",
    "3. Nguoi truong thanh co chu ky so: 52 %",
)


def write_documents(directory: Path) -> tuple[Path, Path, Path]:
    """Write the three documents into `directory`; returns the PDF, the picture and the table."""
    pdf, picture, table = directory / "Báo cáo 41.pdf", directory / "ảnh.png", directory / "so-lieu.csv"
    pdf.write_bytes(_pdf(_LINES))
    picture.write_bytes(_png(160, 120))
    table.write_text(_TABLE, encoding="utf-8")
    return pdf, picture, table


def _pdf(lines: tuple[str, ...]) -> bytes:
    """A one-page PDF 1.4 (ISO 32000-1 §7.5) with `lines` of ASCII text in Helvetica."""
    shown = " T* ".join(f"({line}) Tj" for line in lines)
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
