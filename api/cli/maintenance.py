"""`sogoc rebuild`, `export`, `backup` and `restore`: keeping a ledger, and getting it back.

Rules: what is written is complete or not there, and nothing is overwritten. A restored node does not cosign before it holds the
last checkpoint that its key has signed (`node.restore`): until then `restore` ends with exit code 3, cannot tell.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli import passphrases
from api.cli.files import escape_path
from api.cli.nodes import connect, is_address, is_served
from api.cli.output import (
    ExitCode,
    JsonOption,
    UsageError,
    console,
    error_console,
    iso_time,
    local_time,
    print_error,
    print_json,
    progress,
)
from api.cli.sources import open_backup, open_running, open_source
from api.pages.one_file import FILE_NAME, one_file
from ledger.checkpoint import parse as parse_checkpoint
from ledger.errors import LedgerError
from ledger.genesis import genesis_policy
from ledger.verify.sources.export import CHECKPOINT
from ledger.verify.sources.stored import open_store
from node.backup import About
from node.backup import backup as make_backup
from node.export import Exported
from node.export import export as make_export
from node.home import Home
from node.outbox import Outbox
from node.rebuilding import rebuild_store
from node.restore import Own, Released, Restored, read_own
from node.restore import release as release_home
from node.restore import restore as restore_home
from node.safe_files import is_free

_MAX_CHECKPOINT_BYTES = 1_000_000
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
    _refuse_if_served(home)

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


def _refuse_if_served(home: Home) -> None:
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
        print_json({"file": str(out), "bytes": out.stat().st_size} | _about(about))
        return
    console.print(f"[bold green]Đã sao lưu / backed up:[/] {escape_path(out)}  ({out.stat().st_size:,} byte)")
    console.print(f"  sổ / ledger        {escape(about.origin)}, {about.size:,} lá / leaves")
    console.print(f"  sổ chờ / outbox    {about.outbox:,} mục chờ / waiting entries")
    console.print(
        "  khóa / keys        không có trong bản sao lưu: cất riêng / not in it: keep copies of them elsewhere"
    )


def _about(about: About) -> dict[str, str | int]:
    return {
        "origin": about.origin,
        "chain_id": about.chain_id.hex(),
        "size": about.size,
        "root": about.root.hex(),
        "made": iso_time(about.made_s),
        "outbox": about.outbox,
    }


def restore(
    backup_file: Annotated[
        Path | None, typer.Argument(metavar="BACKUP", help="Tệp sao lưu / a backup")
    ] = None,
    directory: Annotated[Path | None, typer.Argument(help="Thư mục mới của nút / a new home")] = None,
    *,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="Thư mục chứa khóa của nút (*.pem) / where its key files are kept"),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            help="Điểm kiểm CUỐI CÙNG khóa này đã ký, do người khác giữ / the LAST one, kept by somebody else: a file or URL",
        ),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Nơi có các khối còn thiếu (URL, bản xuất, sao lưu) / where missing blocks come from",
        ),
    ] = None,
    release: Annotated[
        Path | None,
        typer.Option("--release", help="Cho một nút đang bị giữ ký trở lại / let a held home cosign again"),
    ] = None,
    not_run_since: Annotated[
        bool,
        typer.Option(
            "--not-run-since",
            help="Nút dừng trước khi sao lưu, chưa chạy lại / the node was stopped before the backup and has not run since",
        ),
    ] = False,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Khôi phục nút từ bản sao lưu; chưa ký cho đến khi an toàn. Restore a node; it does not cosign until that is safe."""
    _check_restore(backup_file, directory, keys, checkpoint, mirror, release)
    restored = None
    if release is not None:
        home = Home(release)
        home.read_genesis()
        _refuse_if_served(home)
    else:
        home = Home(directory or Path())
        with (
            open_backup(backup_file or Path(), quiet=as_json) as archive,
            progress("Chạy lại các khối / replaying", None, quiet=as_json) as report,
        ):
            restored = restore_home(archive, home.path, keys, report)
        if not as_json:
            _print_restored(home, restored)
    if checkpoint is None:
        _report_held(home, restored, as_json=as_json)
        raise typer.Exit(ExitCode.CANNOT_TELL)
    try:
        own = partial(read_own, home, passphrases.once(passphrases.existing(passphrase_file)))
        released = _release(home, checkpoint, mirror, own, not_run_since=not_run_since, quiet=as_json)
    except LedgerError as failure:
        if restored is None:
            raise
        # The home is there all the same, and held: both are worth knowing.
        print_error(failure, as_json=False)
        _report_held(home, restored, as_json=as_json, failure=failure)
        raise typer.Exit(_held_code(failure)) from failure
    _report_released(home, restored, released, as_json=as_json)


def _held_code(failure: LedgerError) -> ExitCode:
    return ExitCode.DOES_NOT_MATCH if failure.rule == "restore.fork" else ExitCode.CANNOT_TELL


def _check_restore(
    backup_file: Path | None,
    directory: Path | None,
    keys: Path | None,
    checkpoint: str | None,
    mirror: str | None,
    release: Path | None,
) -> None:
    if release is None and (backup_file is None or directory is None):
        raise UsageError(
            "restore.arguments", "name a backup and a new directory, or a held home with --release"
        )
    if release is not None and (backup_file is not None or keys is not None):
        raise UsageError(
            "restore.arguments", "--release takes a home that was restored before: no backup and no --keys"
        )
    if release is not None and checkpoint is None:
        raise UsageError(
            "restore.arguments", "--release needs the last checkpoint that this key has signed: --checkpoint"
        )
    if mirror is not None and checkpoint is None:
        raise UsageError(
            "restore.arguments", "--from goes with --checkpoint: it says up to where blocks are needed"
        )
    if directory is not None and not is_free(directory):
        raise UsageError(
            "files.exists", f"{directory} is not empty: name a directory that does not exist yet"
        )


def _release(
    home: Home, checkpoint: str, mirror: str | None, own: Own, *, not_run_since: bool, quiet: bool
) -> Released:
    text = _read_checkpoint(checkpoint)
    with progress("Bổ sung khối / catching up", None, quiet=quiet) as report:
        if mirror is None:
            return release_home(home, text, own=own, not_run_since=not_run_since, progress=report)
        with open_source(mirror, quiet=quiet) as log:
            return release_home(home, text, log, own=own, not_run_since=not_run_since, progress=report)


def _read_checkpoint(where: str) -> str:
    """A checkpoint from a file, a folder that has one, or a server that does."""
    if is_address(where):
        with connect(where.removesuffix("/").removesuffix(f"/{CHECKPOINT}")) as client:
            return client.checkpoint()
    path = Path(where) / CHECKPOINT if Path(where).is_dir() else Path(where)
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_CHECKPOINT_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("checkpoint.read", f"cannot read the checkpoint {path}: {error}") from error
    parse_checkpoint(text)
    return text


def _print_restored(home: Home, restored: Restored) -> None:
    console.print(f"[bold green]Đã khôi phục / restored:[/] {escape_path(home.path)}")
    console.print(
        f"  sổ / ledger        {escape(restored.about.origin)}, {restored.about.size:,} lá / leaves"
    )
    console.print(f"  sao lưu lúc / made {local_time(restored.about.made_s)}")
    console.print(f"  ký lúc / cosigned  {local_time(restored.cosigned_s)}")
    names = ", ".join(restored.keys) or "chưa có / none: put the key files into keys/ before serving"
    console.print(f"  khóa / keys        {names}")


def _report_held(
    home: Home, restored: Restored | None, *, as_json: bool, failure: LedgerError | None = None
) -> None:
    if as_json:
        value: dict[str, object] = {"directory": str(home.path), "held": True}
        if restored is not None:
            value["backup"] = _about(restored.about)
        if failure is not None:
            value["error"] = {"code": failure.rule, "detail": failure.detail}
        print_json(value)
        return
    console.print(
        "[bold yellow]ĐANG BỊ GIỮ / HELD:[/] nút chưa được ký cho đến khi có điểm kiểm cuối cùng mà khóa này đã ký, do người "
        "khác giữ / the node must not cosign until it holds the last checkpoint that its key has signed, kept by somebody else"
    )
    console.print(
        f"  tiếp theo / next   sogoc restore --release {escape_path(home.path)} --checkpoint FILE_OR_URL [--from …]"
    )


def _report_released(home: Home, restored: Restored | None, released: Released, *, as_json: bool) -> None:
    if as_json:
        value: dict[str, object] = {
            "directory": str(home.path),
            "held": False,
            "checkpoint": {
                "size": released.size,
                "root": released.root.hex(),
                "cosigned": iso_time(released.cosigned_s),
            },
            "size": released.head_size,
        }
        if restored is not None:
            value["backup"] = _about(restored.about)
        print_json(value)
        return
    console.print(
        f"[bold green]Khớp điểm kiểm / equal to the checkpoint:[/] {released.size:,} lá / leaves, {released.root.hex()}"
    )
    console.print(
        f"  ký lúc / cosigned  {local_time(released.cosigned_s)}  — khóa này không được ký gì sau lúc đó / "
        "this key must not have signed anything after that"
    )
    console.print(f"  tiếp theo / next   sogoc serve {escape_path(home.path)}")
