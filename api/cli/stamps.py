"""`sogoc document stamp`: a copy of an anchored PDF that bears its lookup code, made on this machine.

Rules: the original is not touched and nothing of it is sent. The copy is another file: it is anchored by itself, if it is to be
checked as a file. Issuer and ledger on the stamp are what the node says of the record; whoever scans the code finds the proof.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from api.answers import RecordInfo
from api.cli.anchor import DEFAULT_NODE, NodeOption
from api.cli.files import escape_path
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, print_json
from api.cli.papers import anchors_of, identifier_of
from api.papers.stamping import MAX_BYTES, PaperError, Stamp
from api.papers.stamping import stamp as stamped
from ledger.errors import RefusedError
from ledger.genesis import parse_genesis_leaf
from ledger.lookup_code import code_of, grouped
from node.safe_files import put_file


def stamp(
    file: Annotated[
        Path, typer.Argument(help="Tệp PDF đã neo / an anchored PDF", exists=True, dir_okay=False)
    ],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Tệp mới / the new file")],
    site: Annotated[
        str,
        typer.Option(
            "--site",
            help="Trang kiểm tra mà mã dẫn tới / address of the page that the code leads to: https://so-goc.example",
            envvar="SOGOC_SITE",
        ),
    ],
    authority: Annotated[
        str | None, typer.Option(help="Cơ quan đã neo văn bản / the authority that anchored the document")
    ] = None,
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """Đóng dấu mã tra cứu lên bản sao của một PDF đã neo. Stamp a copy of an anchored PDF with its lookup code."""
    if output.exists():
        raise UsageError("file.exists", f"{output} exists: name another file; nothing is overwritten")
    identifier = identifier_of(str(file))
    pdf = _read(file)
    with connect(node) as client:
        info = _anchor(anchors_of(client, identifier), file, authority)
        origin = parse_genesis_leaf(client.genesis()).origin
    code = code_of(info.record_id)
    copy = stamped(
        pdf, Stamp(code, site, origin, info.authority_name or info.authority), time_s=int(time.time())
    )
    put_file(output, copy)
    if as_json:
        print_json({"file": str(output), "code": grouped(code), "record_id": info.record_id.hex()})
        return
    console.print(f"[green]Đã đóng dấu / stamped:[/] {escape_path(output)}  {grouped(code)}")
    console.print("  bản này là tệp khác: neo riêng nếu cần so khớp tệp / another file: anchor it, too")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            pdf = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError("file.read", f"cannot read {file}: {error.strerror}") from error
    if len(pdf) > MAX_BYTES:
        raise PaperError("paper.size", f"a PDF to be stamped has at most {MAX_BYTES} bytes")
    return pdf


def _anchor(anchors: list[RecordInfo], file: Path, authority: str | None) -> RecordInfo:
    """The record that anchored the document. Raises RefusedError, UsageError."""
    found = [info for info in anchors if authority in (None, info.authority)]
    if not found:
        raise RefusedError("document.unknown", f"{file} is not anchored on this ledger: anchor it first")
    if len(found) > 1:
        raise UsageError(
            "document.several", f"several authorities anchored {file}: name one with --authority"
        )
    return found[0]
