"""`sogoc network init`: a ledger of several organisations, one home for each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.output import JsonOption, UsageError, console, print_json, progress
from ledger.roles import ISSUER, OFFICE
from node.config import DEFAULT_CONFIG
from node.engine.cometbft.process import EngineMissingError, find_program
from node.home import KEY_FILES
from node.network_init import (
    HTTP_PORT,
    NETWORK_KEYS,
    Organisation,
    example_organisations,
    init_network,
)

app = typer.Typer(
    help="Nhiều cơ quan cùng giữ một sổ / several organisations keep one ledger", no_args_is_help=True
)

LOOPBACK = "127.0.0.1"


@app.command("init")
def init(
    out: Annotated[Path, typer.Argument(help="Thư mục mới / a directory that does not exist yet")],
    *,
    validators: Annotated[
        int | None,
        typer.Option(
            "--validators", min=1, max=16, help="Số nút xác thực / how many; 4 unless members are named"
        ),
    ] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(
            "--member", help="Cơ quan, dạng MÃ=TÊN, mỗi nút một cơ quan / an organisation, as ID=NAME; repeat"
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            "--host", help="Địa chỉ máy của từng nút / address of each one's machine, in order; 127.0.0.1"
        ),
    ] = None,
    origin: Annotated[
        str, typer.Option("--origin", help="Tên của sổ / the ledger's name")
    ] = "tinh.example/so-goc",
    passphrase_file: passphrases.PassphraseFileOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Lập sổ của nhiều cơ quan, mỗi cơ quan một thư mục chạy được ngay. Make one complete home for each organisation."""
    organisations = _organisations(validators, member or [])
    hosts = _hosts(host or [], len(organisations))
    passphrase = passphrases.new(passphrase_file, insecure=insecure_no_passphrase)
    count = len(organisations) * (len(KEY_FILES) + len(NETWORK_KEYS))
    with progress("Khóa / keys", count, quiet=as_json) as report:
        done = iter(range(count))
        genesis = init_network(
            out,
            organisations,
            origin=origin,
            hosts=hosts,
            passphrase=passphrase,
            time_s=int(time.time()),
            config=_config,
            on_key=lambda _: report(next(done) + 1),
        )
    homes = [str(out / one.id) for one in organisations]
    if as_json:
        print_json({"origin": origin, "chain_id": genesis.chain_id.hex(), "homes": homes})
        return
    console.print(f"[bold green]Đã lập sổ chung / network made:[/] {origin}")
    console.print(f"  mã chuỗi / chain id   {genesis.chain_id.hex()}")
    console.print("  mỗi cơ quan chạy / each organisation runs:")
    for home in homes:
        console.print(f"    sogoc serve {home}")
    try:
        find_program()
    except EngineMissingError as error:
        console.print(f"[yellow]Còn thiếu / still missing:[/] {error.detail}")


def _organisations(validators: int | None, members: list[str]) -> tuple[Organisation, ...]:
    if not members:
        return example_organisations(4 if validators is None else validators)
    if validators is not None and validators != len(members):
        raise UsageError(
            "network.members", f"--validators says {validators}, but {len(members)} members are named"
        )
    found = []
    for text in members:
        identifier, equals, name = text.partition("=")
        if not equals or not identifier or not name:
            raise UsageError("network.members", f"{text!r} is not of the form ID=NAME")
        found.append(Organisation(identifier, name, (ISSUER, OFFICE)))
    if len({one.id for one in found}) != len(found):
        raise UsageError("network.members", "two members have the same identifier")
    return tuple(found)


def _hosts(hosts: list[str], count: int) -> list[str]:
    if not hosts:
        return [LOOPBACK] * count
    if len(hosts) != count:
        raise UsageError(
            "network.hosts", f"{count} validators need {count} hosts, or none; {len(hosts)} are named"
        )
    return hosts


def _config(port: int) -> str:
    return DEFAULT_CONFIG.replace(f"port = {HTTP_PORT}", f"port = {port}")
