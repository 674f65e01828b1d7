"""What `sogoc product`, `sogoc place` and `sogoc lot` have in common: signing one record, and showing what verifies.

Rules: the record is checked by its type's field table before it is signed, so a mistyped GTIN costs no signature. What is shown
was read out of a history that verified and is complete; of the node only the names of the members are believed whose goods they
are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.answers import EntryInfo
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.nodes import connect
from api.cli.output import JsonOption, console, iso_time, print_json
from api.cli.signing import key_row, submit_final
from api.client import Client
from api.wire import json_value
from ledger.encoding import Value
from ledger.errors import FormatError, VerificationError
from ledger.gs1 import Item, gtin14, parse_item, parse_link
from ledger.history import VerifiedHistory, verify
from ledger.policy import Trust
from ledger.records import Subject, parse_record
from ledger.records.goods import padded

__all__ = ["DEFAULT_NODE", "JsonOption", "KeyOption", "NodeOption"]

MemberOption = Annotated[
    str | None,
    typer.Option(
        "--member", help="Làm thay cơ quan mà mình kế thừa / act for the member that one's own succeeded"
    ),
]
ProductArgument = Annotated[str, typer.Argument(help="GTIN, hoặc mã riêng / a GTIN, or a code of one's own")]
TrustOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        help="Chính sách tin cậy; mặc định hỏi nút / the trust policy; the node's own by default",
        envvar="SOGOC_POLICY",
    ),
]


def name_of_goods(text: str) -> dict[str, Value]:
    """The field that names a product: digits are a GTIN, anything else a code. Raises FormatError, rule `gs1.*`."""
    if text.isascii() and text.isdigit():
        return {"gtin": gtin14(text)}
    return {"code": text}


def lot_item_of(product: str, lot: str | None, member: str) -> Item:
    """The lot that somebody means: GTIN or code and lot, an item path, or the address on a label. Raises FormatError."""
    if lot is not None:
        name = name_of_goods(product)
        return (
            Item(gtin=str(name["gtin"]), lot=lot)
            if "gtin" in name
            else Item(member=member, code=product, lot=lot)
        )
    item = parse_link(product).lot if "://" in product else parse_item(product)
    if item is None or item.lot is None:
        raise FormatError("gs1.item", "name a lot: a GTIN and its lot, or a path such as 01/<gtin>/10/<lot>")
    return item


def member_of(client: Client, public_key: bytes, member: str | None) -> str:
    """For whom a record speaks: the key's own member, unless another was named."""
    own = key_row(client, public_key).member
    return own if member is None else member


def sign_and_report(
    record_type: str,
    fields: Mapping[str, Value | None],
    message: str,
    *,
    key: Path,
    node: str,
    member: str | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Sign one record of these fields (None: left out) for the key's member, wait until it is final, and say so."""
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        authority = member_of(client, signer.public_key, member)
        record = checked_record(record_type, authority, fields)
        info = submit_final(client, signer, [record])
    report(record, info, message, as_json=as_json)


def checked_record(record_type: str, authority: str, fields: Mapping[str, Value | None]) -> bytes:
    """A record's bytes, checked by its type's field table. Raises RefusedError."""
    body = {"authority": authority} | {name: value for name, value in fields.items() if value is not None}
    raw = padded(record_type, body)
    parse_record(raw)
    return raw


def report(raw: bytes, info: EntryInfo, message: str, *, as_json: bool) -> None:
    """Say what stands on the ledger now."""
    record = parse_record(raw)
    kind, authority, identifier = record.subject
    shown = identifier.hex() if isinstance(identifier, bytes) else identifier
    if as_json:
        print_json(
            {
                "record_id": record.id.hex(),
                "record_type": record.type.name,
                "authority": record.authority,
                "subject": {"kind": kind, "authority": authority, "id": shown},
                "entry": info.entry_id.hex(),
                "index": info.index,
                "height": info.height,
            }
        )
        return
    console.print(f"[bold green]{escape(message)}[/]  {escape(shown)}")
    console.print(f"  bản ghi / record  {record.id.hex()}")


def verified(client: Client, subject: Subject, policy: Trust) -> VerifiedHistory:
    """All that is recorded about a subject, proved. Raises VerificationError, CannotTellError, ApiError."""
    found = verify(client.history(subject), policy)
    if found.subject != subject:
        raise VerificationError(
            "history.other-subject", "the node answered with the history of something else"
        )
    return found


def described(found: VerifiedHistory) -> dict[str, Any]:
    """Where something stands, for programs: the fields of the newest record that describes it."""
    kind, authority, identifier = found.subject
    of_it = [one for one in found.records if "reason" not in one.record.body]
    newest = of_it[-1] if of_it else None
    as_of = found.checked.status_as_of_s
    return {
        "kind": kind,
        "authority": authority,
        "id": identifier.hex() if isinstance(identifier, bytes) else identifier,
        "status": found.status,
        "records": len(found.records),
        "status_as_of": None if as_of is None else iso_time(as_of),
        "fields": {}
        if newest is None
        else {name: json_value(value) for name, value in newest.record.body.items()},
    }


def print_described(one: Mapping[str, Any]) -> None:
    """The same for people."""
    colour = "green" if one["status"] == "in-force" else "bold red"
    status = {
        "in-force": "còn hiệu lực / in force",
        "ended": "đã dừng / ended",
        "recalled": "ĐÃ THU HỒI / recalled",
    }
    console.print(
        f"[bold]{escape(one['authority'])}[/]  {escape(one['id'])}  "
        f"[{colour}]{status.get(one['status'], escape(str(one['status'])))}[/]"
    )
    for name, value in one["fields"].items():
        if name not in ("authority", "pad"):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            console.print(f"  {name:<14} {escape(shown)}")
