"""`sogoc place`: where a producer grows, processes, keeps and sells."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.goods import DEFAULT_NODE, JsonOption, KeyOption, MemberOption, NodeOption, sign_and_report
from api.cli.output import UsageError
from ledger.encoding import Value
from ledger.gs1 import gln
from ledger.records.places import END, END_REASONS, KINDS, MICRODEGREES, REGISTER

app = typer.Typer(
    help="Cơ sở: vùng trồng, xưởng, kho, cửa hàng. Places: fields, workshops, stores, shops.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

PlaceArgument = Annotated[
    str, typer.Argument(help="GLN 13 số, hoặc mã riêng / a GLN, or a code of one's own")
]


@app.command("add")
def add(
    place: PlaceArgument,
    *,
    key: KeyOption,
    name: Annotated[str, typer.Option("--name", help="Tên gọi / what people call it")],
    kind: Annotated[
        str, typer.Option("--kind", help=f"Loại / what is done there: {', '.join(sorted(KINDS))}")
    ],
    growing_area: Annotated[
        str | None, typer.Option("--growing-area", help="Mã số vùng trồng / growing-area code")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address", help="Địa chỉ cơ sở, không ghi nhà dân / a business's, never a household's"
        ),
    ] = None,
    position: Annotated[
        str | None,
        typer.Option("--position", help="Vĩ độ,kinh độ: 20.079,105.867 / latitude,longitude in degrees"),
    ] = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Đăng ký một cơ sở. Register a place."""
    fields: dict[str, Value | None] = {
        **_named(place),
        "name": name,
        "kind": kind,
        "growing_area": growing_area,
        "address": address,
        **_position(position),
    }
    sign_and_report(
        REGISTER,
        fields,
        "Đã đăng ký cơ sở / place registered:",
        key=key,
        node=node,
        member=None,
        passphrase_file=passphrase_file,
        as_json=as_json,
    )


@app.command("end")
def end(
    place: PlaceArgument,
    *,
    key: KeyOption,
    reason: Annotated[
        str, typer.Option("--reason", help=f"Lý do / why: {', '.join(sorted(END_REASONS))}")
    ] = "closed",
    member: MemberOption = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Thôi dùng một cơ sở, mãi mãi. A place is used no more, for ever."""
    sign_and_report(
        END,
        _named(place) | {"reason": reason},
        "Đã đóng cơ sở / place ended:",
        key=key,
        node=node,
        member=member,
        passphrase_file=passphrase_file,
        as_json=as_json,
    )


def _named(place: str) -> dict[str, Value]:
    return (
        {"gln": gln(place)} if len(place) == 13 and place.isascii() and place.isdigit() else {"code": place}
    )


def _position(text: str | None) -> dict[str, Value]:
    if text is None:
        return {}
    try:
        latitude, longitude = (int(Decimal(part.strip()) * MICRODEGREES) for part in text.split(","))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise UsageError(
            "place.position", "a position is latitude,longitude in degrees, such as 20.079,105.867"
        ) from error
    return {"latitude": latitude, "longitude": longitude}
