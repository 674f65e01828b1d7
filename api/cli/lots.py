"""`sogoc lot`: goods made together, and their recall."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli import passphrases
from api.cli.files import read_policy
from api.cli.goods import (
    DEFAULT_NODE,
    JsonOption,
    KeyOption,
    MemberOption,
    NodeOption,
    ProductArgument,
    TrustOption,
    checked_record,
    described,
    lot_item_of,
    member_of,
    name_of_goods,
    print_described,
    report,
    sign_and_report,
    verified,
)
from api.cli.nodes import connect
from api.cli.output import ExitCode, UsageError, console, print_json
from api.cli.signing import submit_final
from ledger.encoding import MAX_INT, Value
from ledger.records.goods import thing
from ledger.records.lots import (
    CREATE,
    RECALL,
    RECALL_REASONS,
    RECALLED,
    RELEASE,
    RELEASE_REASONS,
    THOUSANDTHS,
    lot,
)

app = typer.Typer(
    help="Lô hàng: tạo, thu hồi, bỏ thu hồi, xem, liệt kê. Lots: create, recall, release, show, list.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z][A-Za-z0-9]{1,2})", re.ASCII)

LotArgument = Annotated[str, typer.Argument(help="Số lô như in trên nhãn / lot as it is printed")]
MaybeLotArgument = Annotated[str | None, typer.Argument(help="Số lô, khi đã ghi GTIN / lot, behind a GTIN")]
LotOfArgument = Annotated[
    str,
    typer.Argument(
        help="GTIN, mã riêng, đường dẫn 01/…/10/…, hoặc liên kết trên tem / or the link on a label"
    ),
]
OwnerOption = Annotated[
    str | None,
    typer.Option("--owner", help="Lô của ai, nếu không phải của mình / whose lot, if not one's own"),
]


@app.command("create")
def create(
    goods: ProductArgument,
    number: LotArgument,
    *,
    key: KeyOption,
    produced: Annotated[
        str | None, typer.Option("--produced", help="Ngày làm ra, năm-tháng-ngày / day of making")
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="Hạn dùng / last day on which it is good")
    ] = None,
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="Số lượng kèm đơn vị: 1200KGM / how much, with its unit")
    ] = None,
    tolerance: Annotated[
        str | None, typer.Option("--tolerance", help="Hao hụt cho phép, phần trăm / normal loss, in per cent")
    ] = None,
    place: Annotated[
        str | None, typer.Option("--place", help="Cơ sở: GLN hoặc mã / place where it was made")
    ] = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tạo một lô hàng. Create a lot of a product."""
    fields: dict[str, Value | None] = {
        **name_of_goods(goods),
        "lot": number,
        "produced": produced,
        "expires": expires,
        "place": place,
        **_quantity(quantity),
        "tolerance": None if tolerance is None else _scaled(tolerance, 100, "tolerance"),
    }
    sign_and_report(
        CREATE,
        fields,
        "Đã tạo lô / lot created:",
        key=key,
        node=node,
        member=None,
        passphrase_file=passphrase_file,
        as_json=as_json,
    )


@app.command("recall")
def recall(
    goods: LotOfArgument,
    number: MaybeLotArgument = None,
    *,
    key: KeyOption,
    reason: Annotated[
        str, typer.Option("--reason", help=f"Lý do / why: {', '.join(sorted(RECALL_REASONS))}")
    ],
    owner: OwnerOption = None,
    member: MemberOption = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Thu hồi một lô: của mình, hoặc với vai trò thanh tra. Call a lot back: one's own, or as an inspector."""
    message = "Đã thu hồi lô / lot recalled:"
    _change(
        RECALL,
        goods,
        number,
        message,
        reason=reason,
        key=key,
        owner=owner,
        member=member,
        node=node,
        passphrase_file=passphrase_file,
        as_json=as_json,
    )


@app.command("release")
def release(
    goods: LotOfArgument,
    number: MaybeLotArgument = None,
    *,
    key: KeyOption,
    reason: Annotated[
        str, typer.Option("--reason", help=f"Lý do / why: {', '.join(sorted(RELEASE_REASONS))}")
    ],
    owner: OwnerOption = None,
    member: MemberOption = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bỏ lệnh thu hồi. Lift a recall."""
    message = "Đã bỏ thu hồi / recall lifted:"
    _change(
        RELEASE,
        goods,
        number,
        message,
        reason=reason,
        key=key,
        owner=owner,
        member=member,
        node=node,
        passphrase_file=passphrase_file,
        as_json=as_json,
    )


@app.command("show")
def show(
    goods: LotOfArgument,
    number: MaybeLotArgument = None,
    *,
    member: Annotated[
        str | None, typer.Option("--member", help="Của ai; cần với mã riêng / whose; needed for an own code")
    ] = None,
    policy: TrustOption = None,
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """Xem lô hàng và mọi bản ghi về nó, đã kiểm tra là đủ. Show a lot and every record about it, proved complete."""
    item = lot_item_of(goods, number, member or "")
    with connect(node) as client:
        trust = read_policy(policy, client)
        whose = [one.authority for one in client.lots(item.path) if member in (None, one.authority)]
        found = [described(verified(client, lot(who, item.path), trust)) for who in whose]
        everything = verified(client, thing(item.path), trust)
    recalled = any(one["status"] == RECALLED for one in found)
    records = [
        {"type": one.record.type.name, "authority": one.record.authority, "record_id": one.record_id.hex()}
        for one in everything.records
    ]
    if as_json:
        print_json(
            {"item": item.path, "recalled": recalled, "lots": found, "records": records, "complete": True}
        )
    else:
        for one in found:
            print_described(one)
        if not found:
            console.print("Chưa ai tạo lô này / nobody has created this lot")
        console.print(
            f"  đủ {len(records)} bản ghi của mọi bên / all {len(records)} records of everybody, verified"
        )
        for record in records:
            console.print(f"    {record['type']:<16} {record['authority']}  [dim]{record['record_id']}[/]")
    raise typer.Exit(
        ExitCode.NO_LONGER_IN_FORCE if recalled else ExitCode.GOOD if found else ExitCode.DOES_NOT_MATCH
    )


@app.command("list")
def list_lots(
    goods: ProductArgument,
    *,
    member: Annotated[
        str | None, typer.Option("--member", help="Của ai; cần với mã riêng / whose; needed for an own code")
    ] = None,
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """Mọi lô của một sản phẩm, của bất cứ ai, theo chỉ mục của nút. All lots of a product, whoever's, by the node's index."""
    name = name_of_goods(goods)
    if "code" in name and member is None:
        raise UsageError("lot.member", "a product that has a code of its member's own is named with --member")
    with connect(node) as client:
        found = client.lots_of_product(str(name["gtin"]) if "gtin" in name else f"code/{member}/{goods}")
    lots = [one for one in found if member in (None, one.authority)]
    if as_json:
        rows = [
            {
                "authority": one.authority,
                "lot": one.body.get("lot"),
                "status": one.status,
                "record_id": one.issue.hex(),
            }
            for one in lots
        ]
        print_json({"lots": rows, "verified": False})
    else:
        for one in lots:
            mark = "[red]đã thu hồi / recalled[/]" if one.status == RECALLED else ""
            console.print(f"  {escape(str(one.body.get('lot')))}  {escape(one.authority)}  {mark}")
        console.print(f"  {len(lots)} lô, theo chỉ mục của nút / lots, by the node's index")
    raise typer.Exit(ExitCode.GOOD if lots else ExitCode.DOES_NOT_MATCH)


def _change(
    record_type: str,
    goods: str,
    number: str | None,
    message: str,
    *,
    reason: str,
    key: Path,
    owner: str | None,
    member: str | None,
    node: str,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        authority = member_of(client, signer.public_key, member)
        whose = authority if owner is None else owner
        item = lot_item_of(goods, number, whose)
        raw = checked_record(record_type, authority, {"owner": whose, "item": item.path, "reason": reason})
        info = submit_final(client, signer, [raw])
    report(raw, info, message, as_json=as_json)


def _quantity(text: str | None) -> dict[str, Value]:
    if text is None:
        return {}
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise UsageError("lot.quantity", "a quantity is stated with its unit, such as 1200KGM or 180H87")
    return {"quantity": _scaled(found[1], THOUSANDTHS, "quantity"), "unit": found[2].upper()}


def _scaled(text: str, by: int, option: str) -> int:
    try:
        value = Decimal(text) * by
        whole = int(value)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise UsageError(f"lot.{option}", f"{text!a} is not a number") from error
    if whole != value or not 0 <= whole <= MAX_INT:
        raise UsageError(f"lot.{option}", f"{text} is negative, too large, or finer than a ledger holds")
    return whole
