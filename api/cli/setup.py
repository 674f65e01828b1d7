"""`sogoc init` and `sogoc keygen`: a new ledger, a new key."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.output import JsonOption, UsageError, console, print_json, progress
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
    passphrase_file: passphrases.PassphraseFileOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Lập sổ mới: khóa, khối gốc, cấu hình, chính sách. Make a new ledger."""
    origin = origin if origin is not None else f"{directory.resolve().name}.example/so-goc"
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(
            "home.exists", f"{directory} is not empty: choose a directory that does not exist yet"
        )
    passphrase = passphrases.new(passphrase_file, insecure=insecure_no_passphrase)
    with progress("Khóa / keys", len(home.KEY_FILES), quiet=as_json) as report:
        done = iter(range(len(home.KEY_FILES)))
        genesis = home.init(
            directory,
            origin=origin,
            name=name if name is not None else origin,
            member=member,
            time_s=int(time.time()),
            passphrase=passphrase,
            on_key=lambda _: report(next(done) + 1),
        )
    where = home.Home(directory)
    if as_json:
        print_json(
            {
                "directory": str(directory),
                "origin": origin,
                "chain_id": genesis.chain_id.hex(),
                "policy": str(where.policy),
            }
        )
        return
    console.print(f"[bold green]Đã lập sổ / ledger made:[/] {origin}")
    console.print(f"  mã chuỗi / chain id   {genesis.chain_id.hex()}")
    console.print(f"  khóa / keys           {where.keys}/  (sao lưu ở nơi khác / keep a copy elsewhere)")
    console.print(
        f"  chính sách / policy   {where.policy}  (đưa cho người kiểm tra / give it to whoever verifies)"
    )
    console.print(f"  tiếp theo / next      sogoc serve {directory}")


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
