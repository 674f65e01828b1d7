"""Tables of certificates to issue: a CSV file read strictly, every mistake named by row and column.

Rules: UTF-8, with or without a byte order mark; commas or semicolons; the first row names the columns, by a field's name or its
Vietnamese or English label. Values are normalised to NFC. All mistakes are found before anything is signed. What is
written out for a spreadsheet cannot be taken for a formula.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from api.certificates.schemas import FieldValueError, Schema, SchemaField, read_date
from ledger.claims import Claim
from ledger.errors import FormatError

MAX_TABLE_BYTES: Final = 64_000_000
MAX_ROWS: Final = 100_000
_BOM: Final = "\ufeff"
_DELIMITERS: Final = ",;\t"
"""The first of them wins where several find as many headings."""
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
VALID_FROM, VALID_UNTIL = "valid_from", "valid_until"
_DAY_COLUMNS: Final = {
    VALID_FROM: ("valid_from", "có giá trị từ", "valid from"),
    VALID_UNTIL: ("valid_until", "có giá trị đến", "valid until"),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a table."""

    row: int
    """As a spreadsheet counts: the row of the headings is 1."""
    column: str
    vietnamese: str
    english: str


@dataclass(frozen=True, slots=True)
class Row:
    """One certificate to issue."""

    number: int
    """As a spreadsheet counts."""
    claims: tuple[Claim, ...]
    valid_from: str | None = None
    valid_until: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read: rows to issue, or mistakes to mend."""

    rows: tuple[Row, ...]
    mistakes: tuple[Mistake, ...]


def read_table(data: bytes, schema: Schema) -> Table:
    """Read a CSV file for a schema. Raises FormatError (`table.size`, `table.encoding`, `table.csv`, `table.empty`)."""
    lines = _lines(data, schema)
    if not lines:
        raise FormatError("table.empty", "the table is empty: its first row names the columns")
    columns, mistakes = _columns(lines[0], schema)
    if mistakes:
        return Table((), tuple(mistakes))
    rows: list[Row] = []
    seen: dict[tuple[object, ...], int] = {}
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        row, wrong = _row(number, cells, columns, schema)
        mistakes += wrong
        if wrong:
            continue
        first = seen.setdefault((row.claims, row.valid_from, row.valid_until), number)
        if first != number:
            mistakes.append(
                Mistake(number, "", f"giống hệt dòng {first}: cấp hai lần?", f"is the same as row {first}")
            )
        rows.append(row)
    if len(rows) > MAX_ROWS:
        raise FormatError("table.size", f"a table has at most {MAX_ROWS} rows")
    if not rows and not mistakes:
        raise FormatError("table.empty", "the table has headings and no row")
    return Table(() if mistakes else tuple(rows), tuple(mistakes))


def _lines(data: bytes, schema: Schema) -> list[list[str]]:
    if len(data) > MAX_TABLE_BYTES:
        raise FormatError("table.size", f"a table has at most {MAX_TABLE_BYTES} bytes")
    try:
        text = data.decode().removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise FormatError(
            "table.encoding", f"the table is not UTF-8: save it as 'CSV UTF-8' (near byte {error.start})"
        ) from error
    if "\0" in text:
        raise FormatError("table.csv", "the table holds a zero byte: it is not a text")
    first = text.partition("\n")[0]
    known = _names(schema)
    try:
        # Which of them separates columns is told by which finds more headings that are known.
        delimiter = max(
            _DELIMITERS, key=lambda mark: sum(_fold(cell) in known for cell in _split(first, mark))
        )
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise FormatError("table.csv", f"the table cannot be read as CSV: {error}") from error


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _names(schema: Schema) -> dict[str, str]:
    """Every way to write a heading, to the column it names."""
    names = {_fold(way): column for column, ways in _DAY_COLUMNS.items() for way in ways}
    for field in schema.fields:
        for way in (field.name, field.label.vietnamese, field.label.english):
            names[_fold(way)] = field.name
    return names


def _columns(headings: Sequence[str], schema: Schema) -> tuple[list[str], list[Mistake]]:
    known = _names(schema)
    columns: list[str] = []
    mistakes: list[Mistake] = []
    for heading in headings:
        column = known.get(_fold(heading), "")
        if not column and heading.strip():
            listed = ", ".join(field.label.vietnamese for field in schema.fields)
            mistakes.append(
                Mistake(
                    1,
                    _short(heading),
                    f"không có cột này; các cột là: {listed}",
                    f"is no column of {schema.name}: {', '.join(field.name for field in schema.fields)}",
                )
            )
        elif column and column in columns:
            mistakes.append(Mistake(1, _short(heading), "cột này có hai lần", "stands there twice"))
        columns.append(column)
    mistakes += [
        Mistake(
            1,
            field.label.vietnamese,
            "thiếu cột bắt buộc này",
            f"the required column {field.name} is missing",
        )
        for field in schema.fields
        if field.required and field.name not in columns
    ]
    return columns, mistakes


def _row(
    number: int, cells: Sequence[str], columns: Sequence[str], schema: Schema
) -> tuple[Row, list[Mistake]]:
    mistakes: list[Mistake] = []
    if any(cell.strip() for cell in cells[len(columns) :]):
        mistakes.append(
            Mistake(
                number,
                "",
                f"có {len(cells)} ô mà chỉ có {len(columns)} cột (dấu phân cách trong ô phải nằm trong ngoặc kép)",
                f"has {len(cells)} cells for {len(columns)} columns: quote cells that hold a separator",
            )
        )
    values = {column: cell for column, cell in zip(columns, cells, strict=False) if column}
    claims: list[Claim] = []
    for field in schema.fields:
        try:
            claims.append(Claim(field.name, field.read(values.get(field.name, ""))))
        except FieldValueError as problem:
            mistakes.append(_mistake(number, field, problem))
    days: dict[str, str | None] = {}
    for column, ways in _DAY_COLUMNS.items():
        text = unicodedata.normalize("NFC", values.get(column, "")).strip()
        try:
            days[column] = read_date(text) if text else None
        except FieldValueError as problem:
            mistakes.append(Mistake(number, ways[1], problem.vietnamese, problem.english))
    first, last = days.get(VALID_FROM), days.get(VALID_UNTIL)
    if first is not None and last is not None and last < first:
        mistakes.append(
            Mistake(number, _DAY_COLUMNS[VALID_UNTIL][1], "trước ngày bắt đầu", "is before the first day")
        )
    return Row(number, tuple(claims), first, last), mistakes


def _mistake(number: int, field: SchemaField, problem: FieldValueError) -> Mistake:
    return Mistake(number, field.label.vietnamese, problem.vietnamese, problem.english)


def write_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV text for a spreadsheet, with a byte order mark. No cell can be taken for a formula."""
    out = io.StringIO(newline="")
    out.write(_BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([safe_cell(heading) for heading in headings])
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def safe_cell(value: object) -> str:
    """A cell as text; one that a spreadsheet would compute is quoted by an apostrophe in front."""
    text = "" if value is None else str(value)
    # Spreadsheets pass over spaces in front, and take full-width signs for what they look like.
    start = unicodedata.normalize("NFKC", text).lstrip(" \u00a0")
    return "'" + text if start.startswith(_FORMULA_STARTS) or text.startswith(_FORMULA_STARTS) else text


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _short(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text.strip()[:60])
