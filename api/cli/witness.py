"""`sogoc witness`: cosign other ledgers' checkpoints, and see which (c2sp.org/tlog-witness)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.members import NewPassphraseOption
from api.cli.output import JsonOption, UsageError, console, local_time, print_json
from ledger.note import COSIGNING_KEY, VerifierKey
from node import keyfiles
from node.home import WITNESS_KEY, Home
from node.witness.book import WitnessBook, create_book, read_identity
from node.witness.witnessed import read_witnessed

app = typer.Typer(
    help="Làm chứng cho sổ của nơi khác. Witness other ledgers: cosign what they have signed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

HomeArgument = Annotated[Path, typer.Argument(help="Thư mục của nút / the node's home")]


@app.command("init")
def init(
    directory: HomeArgument,
    *,
    name: Annotated[
        str | None,
        typer.Option(help="Tên nhân chứng / the witness's name, for ever; the ledger's origin and /witness"),
    ] = None,
    new_passphrase_file: NewPassphraseOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tạo khóa nhân chứng và thư mục witnessed/. Make a witness key and the folder of ledgers to be witnessed."""
    home = Home(directory)
    origin = home.read_genesis().origin
    path = home.key(WITNESS_KEY)
    if path.exists():
        raise UsageError("key-file.exists", f"{path} exists: a key file is never overwritten")
    passphrase = passphrases.new(new_passphrase_file, insecure=insecure_no_passphrase)
    # The key is last: without its book it would be refused, and a book without a key signs nothing.
    fresh = keyfiles.new_key()
    key = VerifierKey(name or f"{origin}/witness", COSIGNING_KEY, fresh.public_key)
    create_book(home, key)
    keyfiles.save(path, fresh, passphrase)
    home.witnessed.mkdir(exist_ok=True)
    if as_json:
        print_json({"vkey": key.vkey, "file": str(path), "witnessed": str(home.witnessed)})
        return
    console.print(f"[bold green]Nhân chứng / witness:[/] {key.vkey}", soft_wrap=True, highlight=False)
    console.print(f"  chính sách của các sổ để vào / put the ledgers' policies into  {home.witnessed}")


@app.command("show")
def show(directory: HomeArgument, *, as_json: JsonOption = False) -> None:
    """Nhân chứng này là ai, và đã thấy gì. Who this witness is, and what it has cosigned last."""
    home = Home(directory)
    key = read_identity(home)
    book = WitnessBook(home, key.public_key)
    seen = [book.last(origin) for origin in sorted(read_witnessed(home.witnessed))]
    if as_json:
        rows = [
            {"origin": one.origin, "size": one.size, "root": one.root.hex(), "cosigned_s": one.cosigned_s}
            for one in seen
        ]
        print_json({"vkey": key.vkey, "ledgers": rows})
        return
    console.print(key.vkey, soft_wrap=True, highlight=False)
    for one in seen:
        when = local_time(one.cosigned_s) if one.text else "chưa thấy / not seen yet"
        console.print(f"  {one.origin}  {one.size}  {when}", soft_wrap=True, markup=False)
