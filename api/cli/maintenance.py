"""`sogoc rebuild`, `export` and `backup`: keeping a ledger (`api.cli.restoring` gets it back).

Rules: what is written is complete or not there, and nothing is overwritten.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli.files import escape_path
from api.cli.nodes import is_served
from api.cli.output import (
    JsonOption,
    UsageError,
    console,
    error_console,
    iso_time,
    print_json,
    progress,
)
from api.cli.sources import open_running, open_source
from api.pages.one_file import FILE_NAME, one_file
from ledger.genesis import genesis_policy
from ledger.verify.sources.stored import open_store
from node.backup import About
from node.backup import backup as make_backup
from node.export import Exported
from node.export import export as make_export
from node.home import Home
from node.outbox import Outbox
from node.rebuilding import rebuild_store
from node.safe_files import is_free

_STAGES = {
    "before": "Tổng kiểm trước / digest before",
    "blocks": "Dựng lại / rebuilding",
    "after": "Tổng kiểm sau / digest after",
}


def rebuild(
    directory: Annotated[Path, typer.Argument(help="Thư mục của nút đã dừng / home of a stopped node")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Dựng lại mọi chỉ mục, cây băm và trạng thái từ các khối. Make every index, tile and state page again from the blocks."""
    home = Home(directory)
    home.read_genesis()
    refuse_if_served(home)

    def stage(name: str) -> None:
        if not as_json:
            error_console.print(f"[dim]{_STAGES[name]} …[/]")

    with progress(_STAGES["blocks"], None, quiet=as_json) as report:
        rebuilt = rebuild_store(home.ledger, stage=stage, progress=report)
    if as_json:
        print_json(
            {
                "height": rebuilt.head.height,
                "size": rebuilt.head.size,
                "root": rebuilt.head.root.hex(),
                "digest_before": None if rebuilt.before is None else rebuilt.before.hex(),
                "digest_after": rebuilt.after.hex(),
                "identical": rebuilt.identical,
            }
        )
        return
    before = "không đọc được / unreadable" if rebuilt.before is None else rebuilt.before.hex()
    verdict = (
        "[bold green]Giống hệt từng byte / identical, byte by byte[/]"
        if rebuilt.identical
        else "[bold yellow]Đã sửa: kho cũ không khớp các khối / mended: the old store was not what follows from its blocks[/]"
    )
    console.print(f"[bold green]Đã dựng lại / rebuilt:[/] {rebuilt.head.height + 1:,} khối / blocks")
    console.print(f"  tổng kiểm trước / before  {before}")
    console.print(f"  tổng kiểm sau / after     {rebuilt.after.hex()}")
    console.print(f"  {verdict}")


def refuse_if_served(home: Home) -> None:
    """Raise UsageError (`node.running`) if a node serves this home."""
    if is_served(home):
        raise UsageError(
            "node.running", f"a node is serving {home.path}: stop it first, this needs the store to itself"
        )


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="Thư mục nút (kể cả đang chạy), URL, bản sao lưu / a node's home, an address, or a backup"
        ),
    ],
    out: Annotated[Path, typer.Argument(help="Thư mục mới / a folder that does not exist yet")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Xuất cả sổ thành thư mục tệp tĩnh, kiểm tra được không cần nút. Export the whole ledger as static files."""
    if not is_free(out):
        raise UsageError("files.exists", f"{out} is not empty: name a folder that does not exist yet")
    with (
        open_source(source, quiet=as_json) as log,
        progress("Xuất / exporting", None, quiet=as_json) as report,
    ):
        exported = make_export(log, out, report, beside=_verifier)
    covered = exported.checked.checkpoint
    if as_json:
        print_json(
            {
                "folder": str(out),
                "origin": exported.genesis.origin,
                "chain_id": exported.genesis.chain_id.hex(),
                "size": covered.size,
                "root": covered.root.hex(),
            }
        )
        return
    console.print(f"[bold green]Đã xuất / exported:[/] {escape_path(out)}  ({covered.size:,} lá / leaves)")
    console.print(f"  sổ / ledger      {escape(exported.genesis.origin)}")
    console.print(f"  kiểm tra / check sogoc audit {escape_path(out)} --level full")
    console.print(f"  mở bằng trình duyệt / open in a browser  {escape_path(out / FILE_NAME)}")


def _verifier(exported: Exported) -> dict[str, bytes]:
    """The page that checks receipts and the export itself, for whoever opens the folder with nothing but a browser."""
    page = one_file(
        policy=genesis_policy(exported.genesis).format(),
        origin=exported.genesis.origin,
        chain_id=exported.genesis.chain_id,
        transitions=exported.transitions.encoded(),
    )
    return {FILE_NAME: page}


def backup(
    directory: Annotated[Path, typer.Argument(help="Thư mục của nút / the node's home")],
    out: Annotated[Path, typer.Argument(help="Tệp sao lưu mới (.tar) / a new backup file (.tar)")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Sao lưu nút, kể cả khi đang chạy; không chứa khóa nào. Back up a node, also while it serves; no key is in it."""
    home = Home(directory)
    home.read_genesis()
    if out.exists():
        raise UsageError("files.exists", f"{out} exists: name another file; nothing is overwritten")
    now_s = int(time.time())
    with progress("Sao lưu / backing up", None, quiet=as_json) as report:
        if is_served(home):
            with open_running(home) as served:
                about = make_backup(home, served.source, served.waiting(), out, time_s=now_s, progress=report)
        else:
            with open_store(home.ledger) as store:
                outbox = Outbox.open(home.outbox, create=False)
                try:
                    about = make_backup(home, store, outbox.waiting(), out, time_s=now_s, progress=report)
                finally:
                    outbox.close()
    _report_backup(about, out, as_json=as_json)


def _report_backup(about: About, out: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"file": str(out), "bytes": out.stat().st_size} | about_json(about))
        return
    console.print(f"[bold green]Đã sao lưu / backed up:[/] {escape_path(out)}  ({out.stat().st_size:,} byte)")
    console.print(f"  sổ / ledger        {escape(about.origin)}, {about.size:,} lá / leaves")
    console.print(f"  sổ chờ / outbox    {about.outbox:,} mục chờ / waiting entries")
    console.print(
        "  khóa / keys        không có trong bản sao lưu: cất riêng / not in it: keep copies of them elsewhere"
    )


def about_json(about: About) -> dict[str, str | int]:
    """What a backup says of itself, for `--json`."""
    return {
        "origin": about.origin,
        "chain_id": about.chain_id.hex(),
        "size": about.size,
        "root": about.root.hex(),
        "made": iso_time(about.made_s),
        "outbox": about.outbox,
    }
