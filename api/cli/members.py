"""`sogoc member`: who takes part, with which keys and roles. Each change is a signed entry, like everything.

Rules: an officer's private key never leaves the officer's machine: `prove` shows there that its owner holds it, and `add` takes
the proof. A new member and its first key are one entry: both or neither. What is registered is checked here first, so that a
mistake costs no signature.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.answers import KeyInfo, MemberInfo
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.enacting import (
    DEFAULT_DAYS,
    DaysOption,
    DecisionOption,
    Speaker,
    Wanted,
    administrator,
    administrators,
    enact,
    key_manager,
    report,
)
from api.cli.files import escape_path
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, iso_time, local_time, print_json
from api.cli.signing import chain_id_of, member_row
from api.client import Client
from ledger import keys as signatures
from ledger.encoding import Value
from ledger.entry import KEY_SIZE, SIGNATURE_SIZE
from ledger.errors import VerificationError
from ledger.hashing import HASH_SIZE
from ledger.keys import SigningKey
from ledger.records.members import possession_message
from ledger.roles import ADMINISTRATOR, ROLES
from node import keyfiles

app = typer.Typer(
    help="Thành viên, khóa và vai trò. Members, their keys and roles.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

MemberOption = Annotated[str, typer.Option("--member", help="Mã cơ quan / the organisation's identifier")]
RolesOption = Annotated[
    str,
    typer.Option(
        "--roles",
        help=f"Vai trò, cách nhau dấu phẩy / roles, with commas between: {', '.join(sorted(ROLES))}",
    ),
]
OfficerKeyOption = Annotated[
    str | None, typer.Option("--public-key", help="Khóa công khai của cán bộ / the officer's public key")
]
PossessionOption = Annotated[
    str | None,
    typer.Option("--possession", help="Chữ ký từ `sogoc member prove` / what `sogoc member prove` printed"),
]
NewKeyOption = Annotated[
    Path | None,
    typer.Option("--new-key", help="Hoặc tạo khóa mới vào tệp này / or make a new key in this file"),
]
NewPassphraseOption = Annotated[
    Path | None,
    typer.Option("--new-passphrase-file", help="Mật khẩu cho khóa mới / passphrase of the new key"),
]
PublicKeyOption = Annotated[
    str, typer.Option("--public-key", help="Khóa công khai / public key, 64 hexadecimal digits")
]


@app.command("prove")
def prove(
    key: Annotated[Path, typer.Argument(help="Tệp khóa của cán bộ / the officer's key file")],
    *,
    member: MemberOption,
    node: NodeOption = DEFAULT_NODE,
    chain_id: Annotated[
        str | None,
        typer.Option(
            "--chain-id", help="Mã chuỗi, nếu không hỏi nút / the chain id, if no node shall be asked"
        ),
    ] = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cán bộ chứng minh mình giữ khóa, trên máy của mình. Show that you hold a key, on your own machine."""
    chain = hex_option(chain_id, HASH_SIZE, "chain-id") if chain_id is not None else None
    signer = passphrases.load_key(key, passphrase_file)
    if chain is None:
        with connect(node) as client:
            chain = chain_id_of(client)
    possession = possession_of(signer, chain, member)
    if as_json:
        print_json(
            {
                "member": member,
                "chain_id": chain.hex(),
                "public_key": signer.public_key.hex(),
                "possession": possession.hex(),
            }
        )
        return
    console.print(
        "[bold green]Gửi hai dòng này cho quản trị viên / give these two lines to the administrator:[/]"
    )
    console.print(f"  --public-key {signer.public_key.hex()}")
    console.print(f"  --possession {possession.hex()}")
    console.print(f"  (cho / for {escape(member)}, mã chuỗi / chain id {chain.hex()})")


@app.command("add")
def add(
    *,
    key: KeyOption,
    member: MemberOption,
    roles: RolesOption,
    node: NodeOption = DEFAULT_NODE,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", help="Tên cơ quan, nếu là thành viên mới / a new member's name (never a person's)"
        ),
    ] = None,
    public_key: OfficerKeyOption = None,
    possession: PossessionOption = None,
    new_key: NewKeyOption = None,
    until: Annotated[
        str | None,
        typer.Option("--until", help="Khóa chỉ dùng đến lúc này / the key signs nothing after this time"),
    ] = None,
    decision: DecisionOption = None,
    days: DaysOption = DEFAULT_DAYS,
    passphrase_file: passphrases.PassphraseFileOption = None,
    new_passphrase_file: NewPassphraseOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Thêm khóa cho cán bộ, hoặc thành viên mới cùng khóa đầu tiên. Put an officer's key, or a new member, in service."""
    wanted = _roles(roles)
    _check_key_options(public_key, possession, new_key)
    if name is not None and until is not None:
        raise UsageError("member.arguments", "a new member's first key has no end: leave out --until")
    more: dict[str, Value] = {} if until is None else {"until_ms": time_ms(until)}
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        who = _who_adds(client, signer, member, name)
        _check_member(client, member, name, wanted)
        body: dict[str, Value] = {"authority": who.member, "member": member, "roles": [*wanted]}
        passphrase = _new_passphrase(new_key, new_passphrase_file, insecure=insecure_no_passphrase)
        body |= _shown_key(chain_id_of(client), member, public_key, possession, new_key, passphrase)
        if name is None:
            record: Wanted = ("key.register/1", body | more)
        else:
            words = unicodedata.normalize("NFC", name)
            record = ("member.register/1", body | {"name": words} | decision_field(decision))
        done = enact(client, who, [record], days=days)
    report(
        done,
        f"Đã thêm / added: {member}" + ("" if name is None else f" ({name})"),
        {"member": member, "public_key": _public_key(body), "roles": [*wanted]},
        as_json=as_json,
    )
    if new_key is not None and not as_json:
        console.print(f"  tệp khóa / key file  {escape_path(new_key)}")


def _public_key(body: dict[str, Value]) -> str:
    public_key = body.get("key")
    return public_key.hex() if isinstance(public_key, bytes) else ""


def _new_passphrase(new_key: Path | None, file: Path | None, *, insecure: bool) -> str | None:
    return None if new_key is None else passphrases.new(file, insecure=insecure)


def _shown_key(
    chain_id: bytes,
    member: str,
    public_key: str | None,
    possession: str | None,
    new_key: Path | None,
    passphrase: str | None,
) -> dict[str, Value]:
    """The fields `key` and `possession`: of a key made now in `new_key`, or of the officer's that was named and is checked."""
    if new_key is not None:
        officer = keyfiles.generate(new_key, passphrase)
        return {"key": officer.public_key, "possession": possession_of(officer, chain_id, member)}
    registered = hex_option(public_key or "", KEY_SIZE, "public-key")
    proof = hex_option(possession or "", SIGNATURE_SIZE, "possession")
    _check_possession(registered, proof, chain_id, member)
    return {"key": registered, "possession": proof}


def _who_adds(client: Client, signer: SigningKey, member: str, name: str | None) -> Speaker:
    """A member's own keys are added by whoever manages them; all else takes an administrator."""
    who = key_manager(client, signer)
    return who if who.member == member and name is None else administrator(client, signer)


def _check_key_options(public_key: str | None, possession: str | None, new_key: Path | None) -> None:
    if new_key is not None and (public_key is not None or possession is not None):
        raise UsageError("member.arguments", "--new-key makes a key: leave out --public-key and --possession")
    if new_key is None and (public_key is None or possession is None):
        raise UsageError(
            "member.arguments",
            "name the officer's key by --public-key and --possession (from `sogoc member prove`), or make one with --new-key",
        )
    if new_key is not None and new_key.exists():
        raise UsageError("key-file.exists", f"{new_key} exists: a key file is never overwritten")


def _check_member(client: Client, member: str, name: str | None, roles: tuple[str, ...]) -> None:
    """Say now, and in plain words, what the ledger would refuse."""
    row = member_row(client, member)
    if row is None and name is None:
        raise UsageError(
            "member.unknown", f"{member!r} is not a member: name it with --name if it shall become one"
        )
    if row is not None and name is not None:
        raise UsageError(
            "member.exists", f"{member!r} is a member already ({row.name}): leave out --name to add a key"
        )
    if row is not None and not set(roles) <= set(row.roles):
        missing = ", ".join(sorted(set(roles) - set(row.roles)))
        raise UsageError(
            "key.roles", f"{member!r} does not have the role {missing}: see `sogoc member roles`"
        )


def possession_of(key: SigningKey, chain_id: bytes, member: str) -> bytes:
    """What shows that somebody holds a key, for one member of one ledger."""
    return key.sign(possession_message(chain_id, member, key.public_key))


def _check_possession(public_key: bytes, possession: bytes, chain_id: bytes, member: str) -> None:
    try:
        signatures.check_public_key(public_key)
        signatures.verify(public_key, possession, possession_message(chain_id, member, public_key))
    except VerificationError as error:
        detail = f"--possession does not prove that its owner holds this key, for {member!r} on this ledger: {error.detail}"
        raise UsageError("key.possession", detail) from error


@app.command("list")
def list_members(*, node: NodeOption = DEFAULT_NODE, as_json: JsonOption = False) -> None:
    """Danh sách thành viên và khóa. Members and their keys, retired and revoked ones too."""
    with connect(node) as client:
        members = client.members()
    if as_json:
        print_json(
            {
                "members": [
                    {
                        "id": member.id,
                        "name": member.name,
                        "roles": list(member.roles),
                        "registered": iso_time(member.registered_ms / 1000),
                        "ended": None if member.ended_ms is None else iso_time(member.ended_ms / 1000),
                        "predecessors": list(member.predecessors),
                        "successors": list(member.successors),
                        "keys": [_key_json(key) for key in member.keys],
                    }
                    for member in members
                ]
            }
        )
        return
    for member in members:
        console.print(f"[bold]{escape(member.id)}[/]  {escape(member.name)}  ({', '.join(member.roles)})")
        for line in _line_of(member):
            console.print(f"    [yellow]{escape(line)}[/]")
        for key in member.keys:
            console.print(f"    {key.public_key.hex()}  {', '.join(key.roles)}  {_standing(key)}")


def _line_of(member: MemberInfo) -> list[str]:
    lines = []
    if member.ended_ms is not None:
        until = local_time(member.ended_ms / 1000)
        lines.append(f"đến / until {until}; kế thừa / successors: {', '.join(member.successors)}")
    if member.predecessors:
        lines.append(f"kế thừa của / succeeds: {', '.join(member.predecessors)}")
    return lines


def _key_json(key: KeyInfo) -> dict[str, Any]:
    times = {
        "registered": key.registered_ms,
        "until": key.until_ms,
        "retired": key.retired_ms,
        "revoked": key.revoked_ms,
        "disputed_from": key.disputed_from_ms,
    }
    return {"public_key": key.public_key.hex(), "roles": list(key.roles)} | {
        name: None if ms is None else iso_time(ms / 1000) for name, ms in times.items()
    }


def _standing(key: KeyInfo) -> str:
    if key.revoked_ms is not None:
        disputed = local_time((key.disputed_from_ms or key.revoked_ms) / 1000)
        return f"[red]thu hồi / revoked {local_time(key.revoked_ms / 1000)}, tranh chấp từ / disputed from {disputed}[/]"
    if key.retired_ms is not None:
        return f"[yellow]thôi dùng / retired {local_time(key.retired_ms / 1000)}[/]"
    if key.until_ms is not None:
        return f"[green]dùng đến / valid until {local_time(key.until_ms / 1000)}[/]"
    return "[green]đang dùng / in service[/]"


@app.command("roles")
def set_roles(
    *,
    key: KeyOption,
    member: MemberOption,
    roles: RolesOption,
    node: NodeOption = DEFAULT_NODE,
    public_key: OfficerKeyOption = None,
    possession: PossessionOption = None,
    new_key: NewKeyOption = None,
    decision: DecisionOption = None,
    days: DaysOption = DEFAULT_DAYS,
    passphrase_file: passphrases.PassphraseFileOption = None,
    new_passphrase_file: NewPassphraseOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Đặt lại vai trò của một thành viên. Set what a member may do; who becomes an administrator shows a key for that."""
    wanted = _roles(roles)
    shows_key = (public_key, possession, new_key) != (None, None, None)
    if shows_key:
        _check_key_options(public_key, possession, new_key)
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        row = member_row(client, member)
        if row is None:
            raise UsageError("member.unknown", f"{member!r} is not a member")
        who = administrator(client, signer)
        if ADMINISTRATOR not in wanted and administrators(client) == (member,):
            raise UsageError(
                "member.last-administrator",
                f"{member!r} is the only administrator: without one the ledger admits nobody and mends nothing, for ever",
            )
        if shows_key != (ADMINISTRATOR in wanted and ADMINISTRATOR not in row.roles):
            detail = "a key is named (--public-key and --possession, or --new-key) for a member that becomes an administrator"
            raise UsageError("member.arguments", f"{detail}, and only then")
        body: dict[str, Value] = {"authority": who.member, "member": member, "roles": [*wanted]}
        if shows_key:
            passphrase = _new_passphrase(new_key, new_passphrase_file, insecure=insecure_no_passphrase)
            body |= _shown_key(chain_id_of(client), member, public_key, possession, new_key, passphrase)
        done = enact(client, who, [("member.roles/1", body | decision_field(decision))], days=days)
    found: dict[str, Any] = {"member": member, "roles": [*wanted]}
    if shows_key:
        found["public_key"] = _public_key(body)
    report(done, f"Vai trò của / roles of {member}: {', '.join(wanted)}", found, as_json=as_json)


def decision_field(decision: str | None) -> dict[str, Value]:
    """The field `decision` of a record, if one was named."""
    return {} if decision is None else {"decision": unicodedata.normalize("NFC", decision)}


def _roles(text: str) -> tuple[str, ...]:
    roles = tuple(sorted({word.strip() for word in text.split(",") if word.strip()}))
    unknown = [role for role in roles if role not in ROLES]
    if not roles or unknown:
        what = f"{unknown[0]!r} is not a role" if unknown else "name at least one role"
        raise UsageError("member.roles", f"{what}; the roles are {', '.join(sorted(ROLES))}")
    return roles


def hex_option(text: str, size: int, option: str) -> bytes:
    """Bytes of an option in hexadecimal. Raises UsageError (`arguments.hex`)."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) != size:
        raise UsageError("arguments.hex", f"--{option} takes {2 * size} hexadecimal digits")
    return data


def time_ms(text: str) -> int:
    """A time as people write it (ISO 8601; this machine's zone if none is named), in milliseconds since the epoch."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            "arguments.time", f"{text!r} is not a time such as 2026-03-01 or 2026-03-01T08:00+07:00"
        ) from error
    return int(moment.astimezone().timestamp() * 1000)
