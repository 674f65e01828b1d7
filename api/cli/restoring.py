"""`sogoc restore`: a node from its backup, and the wait until it may cosign again.

Rules: nothing is overwritten. A restored node does not cosign before it holds the last checkpoint that its key has signed
(`node.restore`): until then `restore` ends with exit code 3, cannot tell. A validator among several asks the others for it, and
for all else that it needs (`api.cli.rejoining`).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.answers import ApiError
from api.cli import passphrases
from api.cli.files import escape_path
from api.cli.maintenance import about_json, refuse_if_served
from api.cli.nodes import connect, is_address
from api.cli.output import (
    ExitCode,
    JsonOption,
    UsageError,
    console,
    iso_time,
    local_time,
    print_error,
    print_json,
    progress,
)
from api.cli.rejoining import Rejoined, print_held
from api.cli.rejoining import rejoin as rejoin_home
from api.cli.sources import open_backup, open_source
from api.client import Client
from ledger.checkpoint import parse as parse_checkpoint
from ledger.errors import LedgerError
from ledger.store.ledger_store import LedgerStore
from ledger.verify.sources.export import CHECKPOINT
from node.cosigned import Cosigned
from node.home import Home
from node.keyfiles import PassphraseSource
from node.restore import Own, Released, Restored, cosigners, read_own
from node.restore import release as release_home
from node.restore import restore as restore_home
from node.safe_files import is_free

_MAX_CHECKPOINT_BYTES = 1_000_000
_NOT_FOUND = 404


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
    rejoin: Annotated[
        bool,
        typer.Option(
            "--rejoin",
            help="Nút xác thực trong mạng: hỏi các bên khác mọi thứ còn thiếu / a validator among several: ask the others for "
            "everything that is missing",
        ),
    ] = False,
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
    _check_restore(backup_file, directory, keys, checkpoint, mirror, release, rejoin=rejoin)
    restored = None
    if release is not None:
        home = Home(release)
        home.read_genesis()
        refuse_if_served(home)
    else:
        home = Home(directory or Path())
        with (
            open_backup(backup_file or Path(), quiet=as_json) as archive,
            progress("Chạy lại các khối / replaying", None, quiet=as_json) as report,
        ):
            restored = restore_home(archive, home.path, keys, report)
        if not as_json:
            _print_restored(home, restored)
    if checkpoint is None and not rejoin:
        _report_held(home, restored, as_json=as_json)
        raise typer.Exit(ExitCode.CANNOT_TELL)
    passphrase = passphrases.once(passphrases.existing(passphrase_file))
    own = partial(read_own, home, passphrase)
    rejoined = None
    try:
        if checkpoint is None:
            rejoined = _rejoin(home, own, passphrase, quiet=as_json)
            released = rejoined.released
        else:
            released = _release(home, checkpoint, mirror, own, not_run_since=not_run_since, quiet=as_json)
    except LedgerError as failure:
        if restored is None or not home.cosign_hold.exists():
            raise
        # The home is there all the same, and held: both are worth knowing.
        print_error(failure, as_json=False)
        _report_held(home, restored, as_json=as_json, failure=failure)
        raise typer.Exit(_held_code(failure)) from failure
    _report_released(home, restored, released, rejoined, as_json=as_json)


def _rejoin(home: Home, own: Own, passphrase: PassphraseSource, *, quiet: bool) -> Rejoined:
    with progress("Bổ sung khối / catching up", None, quiet=quiet) as report:
        return rejoin_home(home, own, passphrase, report)


def _held_code(failure: LedgerError) -> ExitCode:
    return ExitCode.DOES_NOT_MATCH if failure.rule == "restore.fork" else ExitCode.CANNOT_TELL


def _check_restore(
    backup_file: Path | None,
    directory: Path | None,
    keys: Path | None,
    checkpoint: str | None,
    mirror: str | None,
    release: Path | None,
    *,
    rejoin: bool,
) -> None:
    if rejoin and (checkpoint is not None or mirror is not None):
        raise UsageError(
            "restore.arguments",
            "--rejoin asks the other validators: no --checkpoint and no --from goes with it",
        )
    if release is None and (backup_file is None or directory is None):
        raise UsageError(
            "restore.arguments", "name a backup and a new directory, or a held home with --release"
        )
    if release is not None and (backup_file is not None or keys is not None):
        raise UsageError(
            "restore.arguments", "--release takes a home that was restored before: no backup and no --keys"
        )
    if release is not None and checkpoint is None and not rejoin:
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
    text = _read_checkpoint(checkpoint, home, own)
    with progress("Bổ sung khối / catching up", None, quiet=quiet) as report:
        if mirror is None:
            return release_home(home, text, own=own, not_run_since=not_run_since, progress=report)
        with open_source(mirror, quiet=quiet) as log:
            return release_home(home, text, log, own=own, not_run_since=not_run_since, progress=report)


def _read_checkpoint(where: str, home: Home, own: Own) -> str:
    """A checkpoint from a file, a folder that has one, or a server that does: of a node, the newest that this home's key has
    cosigned, which the newest of all need not be.
    """
    if is_address(where):
        with connect(where.removesuffix("/").removesuffix(f"/{CHECKPOINT}")) as client:
            text = client.checkpoint()
            return text if _is_alone(home) else _newest_by(client, own, text)
    path = Path(where) / CHECKPOINT if Path(where).is_dir() else Path(where)
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_CHECKPOINT_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("checkpoint.read", f"cannot read the checkpoint {path}: {error}") from error
    parse_checkpoint(text)
    return text


def _is_alone(home: Home) -> bool:
    store = LedgerStore.open(home.ledger)
    try:
        return len({one.name for one in cosigners(store)}) == 1
    finally:
        store.close()


def _newest_by(client: Client, own: Own, text: str) -> str:
    found = []
    for _, key in own():
        try:
            found.append(Cosigned.parse(client.cosigned(key)))
        except ApiError as error:
            # A mirror has no such address, and a node need not know this key.
            if error.status != _NOT_FOUND:
                raise
    return max(found, key=lambda one: (one.size, one.time_s)).text if found else text


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
            value["backup"] = about_json(restored.about)
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


def _report_released(
    home: Home, restored: Restored | None, released: Released, rejoined: Rejoined | None, *, as_json: bool
) -> None:
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
            value["backup"] = about_json(restored.about)
        if rejoined is not None:
            value["rejoined"] = {"answered": list(rejoined.answered), "votes": not rejoined.held}
        print_json(value)
        return
    console.print(
        f"[bold green]Khớp điểm kiểm / equal to the checkpoint:[/] {released.size:,} lá / leaves, {released.root.hex()}"
    )
    console.print(
        f"  ký lúc / cosigned  {local_time(released.cosigned_s)}  — khóa này không được ký gì sau lúc đó / "
        "this key must not have signed anything after that"
    )
    if rejoined is not None:
        console.print(f"  theo / told by     {escape(', '.join(rejoined.answered))}")
        if rejoined.held:
            print_held()
    console.print(f"  tiếp theo / next   sogoc serve {escape_path(home.path)}")
