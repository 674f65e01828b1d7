"""`sogoc label`: a sheet of stickers for a lot, of what the ledger has about it.

Rules: the node is believed in nothing: the histories of lot and product are verified against a policy before a line of them
is printed. Labels of a lot that is recalled are not made. Setting them takes the extra `papers` on this machine.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from api.cli.anchor import DEFAULT_NODE, NodeOption
from api.cli.files import escape_path, read_policy
from api.cli.output import JsonOption, UsageError, console, print_json
from api.cli.signing import member_row
from api.cli.trace import TrustOption, item_of
from api.client import Client
from api.papers.labels import LAYOUTS, LotFacts, label_sheets, layout_named, lot_labels
from ledger.errors import RefusedError, VerificationError
from ledger.fields import Body
from ledger.history import VerifiedHistory, verify
from ledger.policy import Trust
from ledger.records import Subject, goods
from ledger.records.base import IN_FORCE
from ledger.records.lots import CREATE, lot
from ledger.records.products import END, product


def label(
    thing: Annotated[
        str,
        typer.Argument(
            help="GTIN, đường dẫn 01/…, code/…, hoặc liên kết trên tem / GTIN, item path, or link"
        ),
    ],
    number: Annotated[
        str | None, typer.Argument(metavar="[LOT]", help="Số lô, khi đã ghi GTIN / lot, behind a GTIN")
    ] = None,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Tệp PDF / file for the PDF")],
    site: Annotated[
        str,
        typer.Option(
            "--site",
            help="Trang mà mã dẫn tới / address of the pages that codes lead to: https://so-goc.example",
            envvar="SOGOC_SITE",
        ),
    ],
    sheet: Annotated[
        str, typer.Option("--sheet", help=f"Giấy tem / stickers: {', '.join(LAYOUTS)}")
    ] = "a4-21",
    count: Annotated[
        int | None, typer.Option("--count", help="Số tem, mặc định một tờ / labels, one sheet by default")
    ] = None,
    used: Annotated[
        int, typer.Option("--used", help="Số tem đã bóc trên tờ đầu / stickers gone from the first sheet")
    ] = 0,
    serials_from: Annotated[
        int | None,
        typer.Option(
            "--serials-from", help="Mỗi tem một số riêng, từ số này / a serial on each, from here", min=0
        ),
    ] = None,
    member: Annotated[
        str | None, typer.Option("--member", help="Lô của ai, khi trùng số / whose lot, if several have it")
    ] = None,
    policy: TrustOption = None,
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """In tem truy xuất của một lô (PDF, giấy tem A4). Label sheets of a lot, for A4 stickers."""
    shape = layout_named(sheet)
    path = item_of(thing, number)
    with Client(node) as client:
        facts = _facts(client, path, member, read_policy(policy, client))
    wanted = shape.count - used if count is None else count
    labels = lot_labels(facts, site=site, count=wanted, first=serials_from)
    pdf = label_sheets(labels, layout=sheet, site=site, used=used, time_s=int(time.time()))
    try:
        output.write_bytes(pdf)
    except OSError as error:
        raise UsageError("file.write", f"cannot write {output}: {error.strerror}") from error
    if as_json:
        print_json(
            {"file": str(output), "labels": len(labels), "item": path, "links": [one.link for one in labels]}
        )
    else:
        console.print(f"[green]Đã lưu / saved:[/] {escape_path(output)} · {len(labels)} tem / labels")


def _facts(client: Client, path: str, member: str | None, policy: Trust) -> LotFacts:
    """What the ledger proves about the lot. Raises UsageError, RefusedError (`label.*`), VerificationError."""
    told = _history(client, goods.thing(path), policy)
    owners = {one.record.authority for one in told.records if one.record.type.name == CREATE}
    if member is None and len(owners) > 1:
        raise UsageError(
            "label.member",
            f"several members have a lot of this name; say --member: {', '.join(sorted(owners))}",
        )
    owner = member or next(iter(owners), None)
    if owner is None or owner not in owners:
        raise RefusedError("label.unknown", "the ledger has no such lot", permanent=False)
    own = _history(client, lot(owner, path), policy)
    if own.status != IN_FORCE:
        raise RefusedError("label.recalled", f"the lot is {own.status}: no more labels are made of it")
    created = own.records[0].record.body
    row = member_row(client, owner)
    return LotFacts(
        created,
        _described(_history(client, product(owner, goods.goods(created)), policy)),
        owner if row is None else row.name,
    )


def _described(history: VerifiedHistory) -> Body | None:
    """What the newest record that describes a product says."""
    found = [one.record.body for one in history.records if one.record.type.name != END]
    return found[-1] if found else None


def _history(client: Client, subject: Subject, policy: Trust) -> VerifiedHistory:
    found = verify(client.history(subject), policy)
    if found.subject != subject:
        raise VerificationError(
            "history.other-subject", "the node answered with the history of something else"
        )
    return found
