"""What `sogoc certify` says and lists: mistakes by row and column, how far it came, what was issued.

Rules: what is said of a failure is exact: which rows are issued, which are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from api.certificates.issuing import Plan
from api.certificates.packs import Pack
from api.certificates.schemas import Schema
from api.certificates.table import Mistake, Table, read_table, write_table
from api.cli.files import escape_path
from api.cli.output import ExitCode, UsageError, console, error_console, print_json
from ledger.disclosure import PROOF_SUFFIX
from ledger.errors import FormatError
from node.safe_files import put_file

PLAN_SUFFIX = ".sogoc-plan"
PLAN_NAME = f"ke-hoach{PLAN_SUFFIX}"
LIST_NAME = "danh-sach.csv"
_SHOWN_MISTAKES = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of an issue are: in a folder with those for the holders, or beside the table if there are none."""

    plan: Path
    listed: Path
    folder: Path | None

    @classmethod
    def of(cls, output: Path | None, table: Path) -> Place:
        """In the folder `output`, or beside the table."""
        if output is not None:
            return cls(output / PLAN_NAME, output / LIST_NAME, output)
        return cls(
            table.with_name(table.name + PLAN_SUFFIX), table.with_name(f"{table.name}.{LIST_NAME}"), None
        )


@dataclass(slots=True)
class Progress:
    """What has been done when something stops."""

    plan: Plan
    packs: list[tuple[Pack, str]] = field(default_factory=list)
    """With the folder of each; an empty name where there is none."""
    sheets: dict[bytes, Path] = field(default_factory=dict)
    """By certificate."""


def checked_table(path: Path, data: bytes, form: Schema, *, as_json: bool) -> Table:
    """The table of a CSV file with no mistake in it; otherwise they are printed and the command ends. Raises UsageError."""
    try:
        table = read_table(data, form)
    except FormatError as error:
        raise UsageError(error.rule, f"{path}: {error.detail}") from error
    if not table.mistakes:
        return table
    if as_json:
        print_json({"mistakes": [_mistake_json(mistake) for mistake in table.mistakes]})
    else:
        _print_mistakes(path, table.mistakes)
    raise typer.Exit(ExitCode.USAGE)


def _mistake_json(mistake: Mistake) -> dict[str, Any]:
    return {
        "row": mistake.row,
        "column": mistake.column,
        "vi": mistake.vietnamese,
        "en": mistake.english,
    }


def _print_mistakes(path: Path, mistakes: Sequence[Mistake]) -> None:
    error_console.print(
        f"[bold red]{escape_path(path)}: {len(mistakes)} lỗi, chưa cấp giấy nào / mistakes, nothing was issued[/]"
    )
    for mistake in mistakes[:_SHOWN_MISTAKES]:
        where = f"dòng / row {mistake.row}" + (f", cột / column “{mistake.column}”" if mistake.column else "")
        error_console.print(
            f"  {escape(where)}: {escape(mistake.vietnamese)} [dim]/ {escape(mistake.english)}[/]"
        )
    if len(mistakes) > _SHOWN_MISTAKES:
        error_console.print(f"  … và {len(mistakes) - _SHOWN_MISTAKES} lỗi nữa / and more")


def print_stopped(done: Progress, number: int, place: Place) -> None:
    """Say exactly which rows are issued and which are not, when an entry fails."""
    batches = done.plan.batches
    waiting = [one.row for one in batches[number].planned]
    later = [one.row for batch in batches[number + 1 :] for one in batch.planned]
    lines = []
    if done.packs:
        rows = [pack.row for pack, _ in done.packs]
        lines.append(f"đã cấp và có hồ sơ / issued, files written: {_rows(rows)}")
    lines.append(f"dừng ở / stopped at: {_rows(waiting)} (tất cả hoặc không giấy nào / all of them or none)")
    if later:
        lines.append(f"chưa gửi / not submitted: {_rows(later)}")
    lines.append(
        f"chạy lại đúng lệnh này để tiếp tục, không cấp trùng / run the same command again to go on: {place.plan}"
    )
    for line in lines:
        error_console.print(f"  {escape(line)}")


def _rows(rows: Sequence[int]) -> str:
    return f"{len(rows)} giấy, dòng / rows {rows[0]}–{rows[-1]}"


def write_list(done: Progress, place: Place) -> None:
    """Write which row is which certificate, and where its files are. Raises StoreError."""
    rows = ((pack.row, pack.certificate.hex(), pack.record_id.hex(), where) for pack, where in done.packs)
    text = write_table(("dòng / row", "mã giấy / certificate", "bản ghi / record", "thư mục / folder"), rows)
    put_file(place.listed, text.encode(), mode=0o600)


def print_report(done: Progress, place: Place, *, in_vault: bool, as_json: bool) -> None:
    """Say what was issued, and what to do with it."""
    if as_json:
        print_json(
            {
                "schema": done.plan.schema,
                "authority": done.plan.authority,
                "entries": len(done.plan.batches),
                "in_vault": in_vault,
                "certificates": [
                    {
                        "row": pack.row,
                        "certificate": pack.certificate.hex(),
                        "record_id": pack.record_id.hex(),
                        "folder": None if place.folder is None else str(place.folder / where),
                    }
                    | (
                        {"sheet": str(done.sheets[pack.certificate])}
                        if pack.certificate in done.sheets
                        else {}
                    )
                    for pack, where in done.packs
                ],
            }
        )
        return
    console.print(
        f"[bold green]Đã cấp {len(done.packs)} giấy / certificates issued[/], "
        f"{len(done.plan.batches)} chữ ký / signatures  →  {escape_path(place.folder or place.listed)}"
    )
    if in_vault:
        console.print(
            "  nội dung và muối đã ở trong kho của cơ quan / claims and salts are in the office's vault"
        )
    if place.folder is None:
        return
    if done.sheets:
        console.print(f"  {len(done.sheets)} bản giấy PDF đã ghi sổ / sheets, stated on the ledger")
    console.print(
        f"  trao cho từng người thư mục của họ; tệp {PROOF_SUFFIX} có muối, phải giữ kín / hand each folder to its holder; "
        f"{PROOF_SUFFIX} files hold salts: keep them secret"
    )
