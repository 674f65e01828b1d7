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

from api.answers import EntryInfo, KeyInfo
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.files import escape_path
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, iso_time, local_time, print_json
from api.cli.signing import chain_id_of, key_row, make_record, member_row, submit_final
from api.client import Client
from ledger import keys as signatures
from ledger.encoding import Value
from ledger.entry import KEY_SIZE, SIGNATURE_SIZE
from ledger.errors import RefusedError, VerificationError
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
    chain = _hex(chain_id, HASH_SIZE, "chain-id") if chain_id is not None else None
    signer = passphrases.load_key(key, passphrase_file)
    if chain is None:
        with connect(node) as client:
            chain = chain_id_of(client)
    possession = _possession(signer, chain, member)
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
    public_key: Annotated[
        str | None, typer.Option("--public-key", help="Khóa công khai của cán bộ / the officer's public key")
    ] = None,
    possession: Annotated[
        str | None,
        typer.Option(
            "--possession", help="Chữ ký từ `sogoc member prove` / what `sogoc member prove` printed"
        ),
    ] = None,
    new_key: Annotated[
        Path | None,
        typer.Option("--new-key", help="Hoặc tạo khóa mới vào tệp này / or make a new key in this file"),
    ] = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option("--new-passphrase-file", help="Mật khẩu cho khóa mới / passphrase of the new key"),
    ] = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Thêm khóa cho cán bộ, hoặc thành viên mới cùng khóa đầu tiên. Put an officer's key, or a new member, in service."""
    wanted = _roles(roles)
    _check_add(public_key, possession, new_key)
    administrator = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        authority = _administrator(client, administrator)
        chain_id = chain_id_of(client)
        _check_member(client, member, name, wanted)
        if new_key is not None:
            passphrase = passphrases.new(new_passphrase_file, insecure=insecure_no_passphrase)
            officer = keyfiles.generate(new_key, passphrase)
            registered, proof = officer.public_key, _possession(officer, chain_id, member)
        else:
            registered = _hex(public_key or "", KEY_SIZE, "public-key")
            proof = _hex(possession or "", SIGNATURE_SIZE, "possession")
            _check_possession(registered, proof, chain_id, member)
        records = []
        if name is not None:
            body: dict[str, Value] = {
                "authority": authority,
                "member": member,
                "name": unicodedata.normalize("NFC", name),
                "roles": [*wanted],
            }
            records.append(make_record("member.register/1", body))
        records.append(
            make_record(
                "key.register/1",
                {
                    "authority": authority,
                    "member": member,
                    "key": registered,
                    "roles": [*wanted],
                    "possession": proof,
                },
            )
        )
        info = submit_final(client, administrator, records)
    _report(
        info,
        f"Đã thêm / added: {member}" + ("" if name is None else f" ({name})"),
        {"member": member, "public_key": registered.hex(), "roles": [*wanted]},
        as_json=as_json,
    )
    if new_key is not None and not as_json:
        console.print(f"  tệp khóa / key file  {escape_path(new_key)}")


def _check_add(public_key: str | None, possession: str | None, new_key: Path | None) -> None:
    if new_key is not None and (public_key is not None or possession is not None):
        raise UsageError("member.arguments", "--new-key makes a key: leave out --public-key and --possession")
    if new_key is None and (public_key is None or possession is None):
        raise UsageError(
            "member.arguments",
            "name the officer's key by --public-key and --possession (from `sogoc member prove`), or make one with --new-key",
        )
    if new_key is not None and new_key.exists():
        raise UsageError("key-file.exists", f"{new_key} exists: a key file is never overwritten")


def _administrator(client: Client, signer: SigningKey) -> str:
    """The member that an administrator's key acts for. Raises RefusedError (`key.unknown`, `authority.role`)."""
    row = key_row(client, signer.public_key)
    if ADMINISTRATOR not in row.roles:
        detail = (
            f"this key acts for {row.member!r} as {', '.join(row.roles)}: it takes an administrator's key"
        )
        raise RefusedError("authority.role", detail)
    return row.member


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


def _possession(key: SigningKey, chain_id: bytes, member: str) -> bytes:
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
                        "keys": [_key_json(key) for key in member.keys],
                    }
                    for member in members
                ]
            }
        )
        return
    for member in members:
        console.print(f"[bold]{escape(member.id)}[/]  {escape(member.name)}  ({', '.join(member.roles)})")
        for key in member.keys:
            console.print(f"    {key.public_key.hex()}  {', '.join(key.roles)}  {_standing(key)}")


def _key_json(key: KeyInfo) -> dict[str, Any]:
    times = {
        "registered": key.registered_ms,
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
    return "[green]đang dùng / in service[/]"


@app.command("roles")
def set_roles(
    *,
    key: KeyOption,
    member: MemberOption,
    roles: RolesOption,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Đặt lại vai trò của một thành viên. Set what a member may do; its keys keep only those of their roles that it has."""
    wanted = _roles(roles)
    administrator = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        if member_row(client, member) is None:
            raise UsageError("member.unknown", f"{member!r} is not a member")
        authority = _administrator(client, administrator)
        record = make_record("member.roles/1", {"authority": authority, "member": member, "roles": [*wanted]})
        info = submit_final(client, administrator, [record])
    found = {"member": member, "roles": [*wanted]}
    _report(info, f"Vai trò của / roles of {member}: {', '.join(wanted)}", found, as_json=as_json)


@app.command("retire-key")
def retire_key(
    *,
    key: KeyOption,
    public_key: PublicKeyOption,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cho một khóa thôi dùng; những gì nó đã ký vẫn đúng. Retire a key: it signs nothing new, what it signed stays good."""
    retired = _hex(public_key, KEY_SIZE, "public-key")
    administrator = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        member = key_row(client, retired).member
        authority = _administrator(client, administrator)
        record = make_record("key.retire/1", {"authority": authority, "member": member, "key": retired})
        info = submit_final(client, administrator, [record])
    _report(
        info,
        f"Khóa thôi dùng / key retired: {retired.hex()} ({member})",
        {"member": member, "public_key": retired.hex()},
        as_json=as_json,
    )


@app.command("revoke-key")
def revoke_key(
    *,
    key: KeyOption,
    public_key: PublicKeyOption,
    since: Annotated[
        str,
        typer.Option(
            "--from",
            help="Từ lúc nào không còn tin được / since when it is not trusted: 2026-03-01T08:00+07:00",
        ),
    ],
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Thu hồi khóa bị lộ hoặc mất. Revoke a key; verdicts then say that what it did from that time on is disputed."""
    revoked, from_ms = _hex(public_key, KEY_SIZE, "public-key"), _time_ms(since)
    administrator = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        member = key_row(client, revoked).member
        authority = _administrator(client, administrator)
        body: dict[str, Value] = {
            "authority": authority,
            "member": member,
            "key": revoked,
            "from_ms": from_ms,
        }
        info = submit_final(client, administrator, [make_record("key.revoke/1", body)])
    _report(
        info,
        f"Khóa bị thu hồi / key revoked: {revoked.hex()} ({member}), từ / from {local_time(from_ms / 1000)}",
        {"member": member, "public_key": revoked.hex(), "disputed_from": iso_time(from_ms / 1000)},
        as_json=as_json,
    )


def _report(info: EntryInfo, message: str, found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found | {"entry": info.entry_id.hex(), "index": info.index, "height": info.height})
        return
    console.print(f"[bold green]{escape(message)}[/]")
    console.print(f"  mục / entry  {info.entry_id.hex()}, {info.index}")


def _roles(text: str) -> tuple[str, ...]:
    roles = tuple(sorted({word.strip() for word in text.split(",") if word.strip()}))
    unknown = [role for role in roles if role not in ROLES]
    if not roles or unknown:
        what = f"{unknown[0]!r} is not a role" if unknown else "name at least one role"
        raise UsageError("member.roles", f"{what}; the roles are {', '.join(sorted(ROLES))}")
    return roles


def _hex(text: str, size: int, option: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) != size:
        raise UsageError("arguments.hex", f"--{option} takes {2 * size} hexadecimal digits")
    return data


def _time_ms(text: str) -> int:
    """A time as people write it (ISO 8601; this machine's zone if none is named), in milliseconds since the epoch."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            "arguments.time", f"{text!r} is not a time such as 2026-03-01 or 2026-03-01T08:00+07:00"
        ) from error
    return int(moment.astimezone().timestamp() * 1000)
