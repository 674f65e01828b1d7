"""`sogoc product`: what a producer makes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

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
from api.client import Client
from ledger.encoding import Value
from ledger.errors import RefusedError
from ledger.policy import Trust
from ledger.records.products import END, END_REASONS, REGISTER, UPDATE, product

app = typer.Typer(
    help="Sản phẩm: thêm, sửa, dừng, xem. Products: add, update, end, show.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NameOption = Annotated[str | None, typer.Option("--name", help="Tên trên nhãn / name on the label")]
CategoryOption = Annotated[
    str | None,
    typer.Option("--category", help="Nhóm hàng, chữ thường / what sort of goods, such as fruit.dried"),
]
UnitOption = Annotated[
    str | None,
    typer.Option("--unit", help="Đơn vị theo UN/ECE Rec 20: KGM, GRM, LTR, H87 (cái) / unit of measure"),
]
BrandOption = Annotated[str | None, typer.Option("--brand", help="Thương hiệu / trade mark")]
StarsOption = Annotated[
    int | None, typer.Option("--ocop-stars", help="Số sao OCOP / OCOP stars", min=3, max=5)
]
UntilOption = Annotated[
    str | None, typer.Option("--ocop-until", help="Hết hạn OCOP, năm-tháng-ngày / last day of the stars")
]
ImageOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--image",
        help="Tệp ảnh, chỉ ghi mã băm / picture; only its hash is recorded",
        exists=True,
        dir_okay=False,
    ),
]
StandardOption = Annotated[
    list[str] | None,
    typer.Option("--standard", help="Tiêu chuẩn, lặp lại được / a standard; may be repeated"),
]
DescriptionOption = Annotated[
    str | None, typer.Option("--description", help="Mô tả / what a buyer may want to read")
]
ReasonOption = Annotated[str, typer.Option("--reason", help=f"Lý do / why: {', '.join(sorted(END_REASONS))}")]


@app.command("add")
def add(
    goods: ProductArgument,
    *,
    key: KeyOption,
    name: NameOption = None,
    category: CategoryOption = None,
    unit: UnitOption = None,
    brand: BrandOption = None,
    ocop_stars: StarsOption = None,
    ocop_until: UntilOption = None,
    image: ImageOption = None,
    standard: StandardOption = None,
    description: DescriptionOption = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Đăng ký một sản phẩm. Register a product."""
    told = _told(
        name=name,
        category=category,
        unit=unit,
        brand=brand,
        ocop_stars=ocop_stars,
        ocop_until=ocop_until,
        image=image,
        standard=standard,
        description=description,
    )
    for option in ("name", "category", "unit"):
        if option not in told:
            raise UsageError("product.option", f"a product is registered with --{option}")
    sign_and_report(
        REGISTER,
        name_of_goods(goods) | told,
        "Đã đăng ký sản phẩm / product registered:",
        key=key,
        node=node,
        member=None,
        passphrase_file=passphrase_file,
        as_json=as_json,
    )


@app.command("update")
def update(
    goods: ProductArgument,
    *,
    key: KeyOption,
    name: NameOption = None,
    category: CategoryOption = None,
    unit: UnitOption = None,
    brand: BrandOption = None,
    ocop_stars: StarsOption = None,
    ocop_until: UntilOption = None,
    image: ImageOption = None,
    standard: StandardOption = None,
    description: DescriptionOption = None,
    clear: Annotated[
        list[str] | None,
        typer.Option("--clear", help="Bỏ một mục, như brand / a field to leave out from now on"),
    ] = None,
    member: MemberOption = None,
    policy: TrustOption = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sửa mô tả; mục không nêu giữ như cũ. Describe a product anew; what is not named stays as it is."""
    told = _told(
        name=name,
        category=category,
        unit=unit,
        brand=brand,
        ocop_stars=ocop_stars,
        ocop_until=ocop_until,
        image=image,
        standard=standard,
        description=description,
    )
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        authority = member_of(client, signer.public_key, member)
        before = _newest(client, authority, goods, read_policy(policy, client))
        left_out = {"authority", "pad", *(clear or ())}
        fields = {field: value for field, value in before.items() if field not in left_out} | told
        raw = checked_record(UPDATE, authority, fields)
        info = submit_final(client, signer, [raw])
    report(raw, info, "Đã sửa sản phẩm / product updated:", as_json=as_json)


@app.command("end")
def end(
    goods: ProductArgument,
    *,
    key: KeyOption,
    reason: ReasonOption = "discontinued",
    member: MemberOption = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dừng sản xuất một sản phẩm, mãi mãi. A product is made no more, for ever."""
    sign_and_report(
        END,
        name_of_goods(goods) | {"reason": reason},
        "Đã dừng sản phẩm / product ended:",
        key=key,
        node=node,
        member=member,
        passphrase_file=passphrase_file,
        as_json=as_json,
    )


@app.command("show")
def show(
    goods: ProductArgument,
    *,
    member: Annotated[
        str | None, typer.Option("--member", help="Của ai; cần với mã riêng / whose; needed for an own code")
    ] = None,
    policy: TrustOption = None,
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """Xem sản phẩm, đã kiểm tra. Show a product as each producer registered it, verified."""
    named = name_of_goods(goods)
    if "code" in named and member is None:
        raise UsageError("product.member", "a code is its member's own: say whose with --member")
    with connect(node) as client:
        trust = read_policy(policy, client)
        path = str(named["gtin"]) if "gtin" in named else f"code/{member}/{goods}"
        whose = [one.authority for one in client.products(path) if member in (None, one.authority)]
        identifier = str(named.get("gtin", goods))
        found = [described(verified(client, product(who, identifier), trust)) for who in whose]
    if as_json:
        print_json({"products": found})
    else:
        for one in found:
            print_described(one)
    if not found:
        console.print("Chưa ai đăng ký / nobody has registered it")
    raise typer.Exit(
        ExitCode.GOOD if any(one["status"] == "in-force" for one in found) else ExitCode.NO_LONGER_IN_FORCE
    )


def _newest(client: Client, authority: str, goods: str, policy: Trust) -> dict[str, Value]:
    named = name_of_goods(goods)
    history = verified(client, product(authority, str(named.get("gtin", goods))), policy)
    for one in reversed(history.records):
        if one.record.type.name != END:
            return dict(one.record.body)
    raise RefusedError("product.unknown", f"{authority} has registered no such product")


def _told(
    *,
    name: str | None,
    category: str | None,
    unit: str | None,
    brand: str | None,
    ocop_stars: int | None,
    ocop_until: str | None,
    image: list[Path] | None,
    standard: list[str] | None,
    description: str | None,
) -> dict[str, Value]:
    told: dict[str, Value | None] = {
        "name": name,
        "category": category,
        "unit": unit,
        "brand": brand,
        "ocop_stars": ocop_stars,
        "ocop_until": ocop_until,
        "images": [_hash(path) for path in image] if image else None,
        "standards": list(standard) if standard else None,
        "description": description,
    }
    return {field: value for field, value in told.items() if value is not None}


def _hash(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise UsageError("file.read", f"cannot read {path}: {error.strerror}") from error
