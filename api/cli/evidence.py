"""`sogoc evidence FILE`: whether a file proves that a validator has signed two histories, checked offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli.output import JsonOption, console, print_json
from ledger import evidence as evidences
from ledger.errors import FormatError
from ledger.evidence import MAX_EVIDENCE_BYTES
from ledger.policy import Policy


def evidence(
    file: Annotated[
        Path, typer.Argument(help="Tệp bằng chứng / the evidence file", exists=True, dir_okay=False)
    ],
    *,
    policy: Annotated[
        Path,
        typer.Option(
            "--policy", help="Chính sách, để biết khóa của ai / the policy that says whose key it is"
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Kiểm tra bằng chứng một nút đã ký hai sổ khác nhau. Check evidence that a validator signed two histories."""
    with file.open("rb") as stream:
        data = stream.read(MAX_EVIDENCE_BYTES + 1)
    if len(data) > MAX_EVIDENCE_BYTES:
        raise FormatError("evidence.too-large", f"an evidence file has at most {MAX_EVIDENCE_BYTES} bytes")
    found = evidences.parse(data)
    earlier, later = evidences.verify(found)
    name = evidences.accused_by(found, Policy.parse(policy.read_bytes()))
    if as_json:
        print_json(
            {
                "signer": name,
                "key": found.key.vkey,
                "origin": earlier.origin,
                "checkpoints": [{"size": one.size, "root": one.root.hex()} for one in (earlier, later)],
            }
        )
        return
    console.print(f"[bold red]Đã ký hai sổ khác nhau / has signed two histories:[/] {escape(name)}")
    console.print(f"  sổ / ledger   {escape(earlier.origin)}")
    console.print(f"  khóa / key    {escape(found.key.vkey)}", soft_wrap=True)
    for one in (earlier, later):
        console.print(f"  kích thước / size {one.size}, gốc / root {one.root.hex()}", soft_wrap=True)
