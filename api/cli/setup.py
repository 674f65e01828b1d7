"""`sogoc init` and `sogoc keygen`: a new ledger, a new key."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.output import JsonOption, UsageError, console, error_console, print_json, progress
from ledger.errors import FormatError, RefusedError
from ledger.fields import Text
from ledger.genesis import MAX_NAME_BYTES
from ledger.note import check_key_name
from node import home, keyfiles


def init(
    directory: Annotated[Path, typer.Argument(help="Thư mục mới / a directory that does not exist yet")],
    *,
    origin: Annotated[
        str | None,
        typer.Option(
            "--origin", help="Tên của sổ, như tên miền / the ledger's name, such as phuson.example/so-goc"
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", help="Tên cơ quan (không phải tên người) / the organisation's name, not a person's"
        ),
    ] = None,
    member: Annotated[
        str, typer.Option("--member", help="Mã cơ quan / the organisation's identifier")
    ] = home.DEFAULT_MEMBER,
    recovery_key: Annotated[
        Path | None,
        typer.Option(
            "--recovery-key",
            help="Tạo luôn khóa quản trị dự phòng vào tệp này, để cất nơi khác / also make a spare administrator's key here",
        ),
    ] = None,
    recovery_passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--recovery-passphrase-file",
            help="Tệp chứa mật khẩu riêng của khóa dự phòng / a passphrase of its own for that key",
        ),
    ] = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Lập sổ mới: khóa, khối gốc, cấu hình, chính sách. Make a new ledger."""
    origin = origin if origin is not None else f"{directory.resolve().name}.example/so-goc"
    _check_origin(origin)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(
            "home.exists", f"{directory} is not empty: choose a directory that does not exist yet"
        )
    _check_recovery(directory, recovery_key, recovery_passphrase_file)
    passphrase = passphrases.new(passphrase_file, insecure=insecure_no_passphrase)
    spare = None
    if recovery_key is not None:
        spare = keyfiles.generate(
            recovery_key, _recovery_passphrase(recovery_passphrase_file, passphrase, passphrase_file)
        )
    try:
        with progress("Khóa / keys", len(home.KEY_FILES), quiet=as_json) as report:
            done = iter(range(len(home.KEY_FILES)))
            genesis = home.init(
                directory,
                origin=origin,
                name=name if name is not None else origin,
                member=member,
                time_s=int(time.time()),
                passphrase=passphrase,
                recovery_key=None if spare is None else spare.public_key,
                on_key=lambda _: report(next(done) + 1),
            )
    except BaseException:
        # The key of a ledger that was not made would only be taken for one that matters.
        if recovery_key is not None:
            recovery_key.unlink(missing_ok=True)
        raise
    where = home.Home(directory)
    if as_json:
        print_json(
            {
                "directory": str(directory),
                "origin": origin,
                "chain_id": genesis.chain_id.hex(),
                "policy": str(where.policy),
            }
            | ({} if recovery_key is None else {"recovery_key": str(recovery_key)})
        )
        return
    console.print(f"[bold green]Đã lập sổ / ledger made:[/] {origin}")
    console.print(f"  mã chuỗi / chain id   {genesis.chain_id.hex()}")
    console.print(f"  khóa / keys           {where.keys}/  (sao lưu ở nơi khác / keep a copy elsewhere)")
    console.print(
        f"  chính sách / policy   {where.policy}  (đưa cho người kiểm tra / give it to whoever verifies)"
    )
    if recovery_key is None:
        console.print(
            "  [yellow]một khóa quản trị / one administrator's key[/]: mất là không thêm được ai nữa; tạo khóa dự phòng ngay "
            "(docs/huong-dan/quan-tri.md) / lose it and nobody can be admitted again: make a spare one"
        )
    else:
        console.print(
            f"  khóa dự phòng / spare {recovery_key}  (cất vào két, xóa khỏi máy này / keep it in a safe, not on this machine)"
        )
    console.print(f"  tiếp theo / next      sogoc serve {directory}")


def _check_origin(origin: str) -> None:
    """Raise UsageError unless a log can have this name (docs/spec.md, "Genesis"): it stands in every checkpoint."""
    # The one validator is named after the ledger, and its name has the same bound.
    most = MAX_NAME_BYTES - len("/validator")
    try:
        check_key_name(origin)
        Text(1, most).check("origin", origin)
    except (FormatError, RefusedError) as error:
        raise UsageError(
            "genesis.origin",
            f"'{origin}' cannot name a ledger: --origin takes 1 to {most} bytes without spaces and without '+', such as "
            "phuson.example/so-goc",
        ) from error


def _check_recovery(directory: Path, file: Path | None, passphrase_file: Path | None) -> None:
    if file is None:
        if passphrase_file is not None:
            raise UsageError("recovery.file", "--recovery-passphrase-file goes with --recovery-key")
        return
    if file.exists():
        raise UsageError("key-file.exists", f"{file} exists: a key file is never overwritten")
    if file.resolve().is_relative_to(directory.resolve()):
        raise UsageError(
            "recovery.place",
            f"{file} would be lost together with {directory}: name a file elsewhere, best on another medium",
        )


def _recovery_passphrase(
    file: Path | None, passphrase: str | None, passphrase_file: Path | None
) -> str | None:
    """A passphrase of its own where one is given or can be asked for: a spare key that falls with the first is no spare."""
    if passphrase is None:
        return None
    if file is None and passphrase_file is None and sys.stdin.isatty():
        error_console.print("Mật khẩu riêng cho khóa dự phòng / a passphrase of its own for the spare key:")
        return passphrases.new(None, insecure=False)
    return passphrase if file is None else keyfiles.resolve_passphrase(file=file)


def keygen(
    file: Annotated[Path, typer.Argument(help="Tệp khóa mới / file for the new key")],
    *,
    passphrase_file: passphrases.PassphraseFileOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tạo khóa ký mới cho cán bộ hoặc thiết bị. Make a new signing key; register it with `sogoc member add`."""
    if file.exists():
        raise UsageError("key-file.exists", f"{file} exists: a key file is never overwritten")
    key = keyfiles.generate(file, passphrases.new(passphrase_file, insecure=insecure_no_passphrase))
    if as_json:
        print_json({"file": str(file), "public_key": key.public_key.hex()})
        return
    console.print(f"[bold green]Đã tạo khóa / key made:[/] {file}")
    console.print(f"  khóa công khai / public key  {key.public_key.hex()}")
