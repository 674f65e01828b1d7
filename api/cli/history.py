"""`sogoc history`: every record about one thing, checked to be all there is before any is shown.

Rules: what the node sends is believed in nothing: the proof is verified against a policy, and it must be about what was asked
for. A history that was saved is verified again without a network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.cli.anchor import DEFAULT_NODE, NodeOption
from api.cli.files import escape_path, read_policy
from api.cli.output import JsonOption, UsageError, console, iso_time, local_time, print_json
from api.client import Client
from api.wire import json_value
from ledger import lookup_code
from ledger.errors import LedgerError, RefusedError, VerificationError
from ledger.gs1 import parse_item
from ledger.hashing import HASH_SIZE
from ledger.history import VerifiedHistory, verify
from ledger.history_form import MAX_FILE_BYTES, encode_file, parse_file
from ledger.policy import Trust
from ledger.records import Record, Subject, goods

HISTORY_SUFFIX = ".history"
_RELATIONS = {
    "doc.supersede/1": ("thay bằng / replaced by", "thay cho / in place of"),
    "doc.correct/1": ("đính chính bằng / corrected by", "đính chính cho / corrects"),
}
"""What a record about two documents says of the one, and of the other, by its type."""
_BYTES_FROM = 16
"""An identifier of at least so many bytes in hexadecimal stands for those bytes."""


def history(
    thing: Annotated[
        str,
        typer.Argument(
            help="Mã bản ghi, mã tra cứu, loại/cơ quan/số hiệu, hàng hóa (01/GTIN/10/LÔ), hoặc tệp đã lưu"
            " / record id, lookup code, kind/authority/identifier, goods (01/GTIN/10/LOT), or a saved file"
        ),
    ],
    *,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            help="Chính sách tin cậy; mặc định hỏi nút / the trust policy; the node's own by default",
            envvar="SOGOC_POLICY",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Lưu bằng chứng / file to save the proof in")
    ] = None,
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """Toàn bộ bản ghi về một việc, đã kiểm tra là đủ. Every record about one thing, proved to be all there is."""
    path = Path(thing)
    if path.is_file():
        parts = parse_file(_read(path))
        found = verify(parts, read_policy(policy))
    else:
        with Client(node) as client:
            parts, found = _ask(client, thing, read_policy(policy, client))
    if output is not None:
        _write(output, encode_file(parts))
    if as_json:
        print_json(as_dictionary(found))
    else:
        _print(found)
        if output is not None:
            console.print(f"[green]Đã lưu / saved:[/] {escape_path(output)}")


def _ask(client: Client, thing: str, policy: Trust) -> tuple[list[bytes], VerifiedHistory]:
    """The parts of a node's answer, and what they prove, which is about the thing that was asked for."""
    wanted = _wanted(client, thing)
    parts = client.history(wanted)
    found = verify(parts, policy)
    if isinstance(wanted, Subject):
        is_it = found.subject == wanted
    else:
        is_it = any(record.record_id == wanted for record in found.records)
    if not is_it:
        raise VerificationError(
            "history.other-subject", "the node answered with the history of something else"
        )
    return parts, found


def _wanted(client: Client, thing: str) -> Subject | bytes:
    """What somebody means: a record id, or a subject. A code is looked up, and its record's id is checked against it."""
    if "/" in thing:
        kind, _, rest = thing.partition("/")
        authority, _, identifier = rest.partition("/")
        if kind in ("00", "01", "code"):
            return goods.thing(parse_item(thing).path)
        if kind in (goods.THING, goods.LOT) and authority:
            return Subject(kind, authority, parse_item(identifier).path)
        if not kind or not authority or not identifier or "/" in identifier:
            raise UsageError("history.thing", "a subject is written kind/authority/identifier")
        return Subject(kind, authority, _identifier(identifier))
    if len(thing) == 2 * HASH_SIZE:
        try:
            return bytes.fromhex(thing)
        except ValueError as error:
            raise UsageError("history.thing", "a record id is 64 hexadecimal digits") from error
    try:
        code = lookup_code.parse(thing)
    except LedgerError as error:
        raise UsageError(
            error.rule, f"{thing!a} is no file, record id or subject, and no lookup code: {error.detail}"
        ) from error
    ids = [record.record_id for record in client.code(code)]
    if not ids:
        raise RefusedError("code.unknown", "no record of this ledger has this code")
    if any(not lookup_code.matches(code, record_id) for record_id in ids):
        raise VerificationError("code.other-record", "the node answered with a record of another code")
    if len(ids) > 1:
        listed = ", ".join(record_id.hex() for record_id in ids)
        raise UsageError("code.several", f"several records have this code; name one by its id: {listed}")
    return ids[0]


def _identifier(text: str) -> str | bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return text
    return data if len(data) >= _BYTES_FROM else text


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError("history.read", f"cannot read {path}: {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError("file.write", f"cannot write {path}: {error.strerror}") from error


def as_dictionary(found: VerifiedHistory) -> dict[str, Any]:
    """A history for programs."""
    kind, authority, identifier = found.subject
    as_of = found.checked.status_as_of_s
    return {
        "kind": kind,
        "authority": authority,
        "id": identifier.hex() if isinstance(identifier, bytes) else identifier,
        "status": found.status,
        "complete": True,
        "origin": found.checked.checkpoint.origin,
        "size": found.checked.checkpoint.size,
        "status_as_of": None if as_of is None else iso_time(as_of),
        "records": [
            {
                "type": one.record.type.name,
                "record_id": one.record_id.hex(),
                "lookup_code": lookup_code.grouped(lookup_code.code_of(one.record_id)),
                "entry_id": one.entry_id.hex(),
                "log_index": one.index,
                "record_index": one.record_index,
                "height": one.height,
                "time": iso_time(one.time_ms / 1000),
                "claimed_time": iso_time(one.claimed_ms / 1000),
                "authority": one.record.authority,
                "author_key": one.author_key.hex(),
                "fields": {name: json_value(value) for name, value in one.record.body.items()},
            }
            for one in found.records
        ],
    }


def _relation(record: Record, identifier: str | bytes) -> str | None:
    """What a record says of this document and another one, if it is about two."""
    body = record.body
    by, document = body.get("by"), body.get("document")
    if record.type.name in _RELATIONS and isinstance(by, bytes) and isinstance(document, bytes):
        passive, active = _RELATIONS[record.type.name]
        return f"{active} {document.hex()}" if by == identifier else f"{passive} {by.hex()}"
    newer = record.subject.identifier
    if body.get("continues") == identifier and isinstance(newer, bytes):
        return f"{_RELATIONS['doc.supersede/1'][0]} {newer.hex()}"
    return None


def _print(found: VerifiedHistory) -> None:
    kind, authority, identifier = found.subject
    shown = identifier.hex() if isinstance(identifier, bytes) else identifier
    title = escape(f"{kind}/{authority}/{shown}")
    if found.row is None:
        console.print(f"[bold]{title}[/]: chưa từng có bản ghi nào / nothing was ever recorded about it")
    else:
        console.print(f"[bold]{title}[/]: {escape(found.row.status)}")
        console.print(
            f"[green]đủ {len(found.records)} bản ghi, đã kiểm tra[/] / all {len(found.records)} records, verified complete"
        )
        for number, one in enumerate(found.records, 1):
            code = lookup_code.grouped(lookup_code.code_of(one.record_id))
            console.print(
                f"  {number:>4}  {local_time(one.time_ms / 1000)}  {escape(one.record.type.name)}"
                f"  {escape(one.record.authority)}  {code}  [dim]{one.record_id.hex()}[/]"
            )
            relation = _relation(one.record, identifier)
            if relation is not None:
                console.print(f"        {relation}")
        console.print(
            "[dim]  không nói khóa nào đã bị thu hồi: kiểm tra biên nhận, hoặc bằng chứng của giấy / "
            "does not show whether a key was revoked: verify receipts, or a certificate's proof[/]"
        )
    as_of = found.checked.status_as_of_s
    if as_of is not None:
        console.print(f"  tình trạng lúc / as of  {local_time(as_of)}")
    console.print(
        f"  sổ / ledger             {escape(found.checked.checkpoint.origin)}, {found.checked.checkpoint.size}"
    )
