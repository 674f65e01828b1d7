"""`sogoc member rotate-key`, `retire-key`, `revoke-key`: how keys are replaced and how they leave service.

Rules: a key replaces or ends itself; another key of the same member takes one that manages its keys; a key of another member
takes an administrator, and a quorum where there are several. The last key of a sole administrator is not ended by mistake.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.enacting import (
    DEFAULT_DAYS,
    DaysOption,
    Speaker,
    Wanted,
    administrator,
    administrators,
    enact,
    key_manager,
    report,
    speaker,
)
from api.cli.files import escape_path
from api.cli.members import (
    NewPassphraseOption,
    PublicKeyOption,
    hex_option,
    possession_of,
    time_ms,
)
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, iso_time, local_time
from api.cli.signing import chain_id_of, key_row
from api.client import Client
from ledger.entry import KEY_SIZE
from ledger.keys import SigningKey
from ledger.roles import ADMINISTRATOR
from node import keyfiles


def rotate_key(
    *,
    key: KeyOption,
    new_key: Annotated[Path, typer.Option("--new-key", help="Tệp cho khóa mới / file for the new key")],
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    new_passphrase_file: NewPassphraseOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Luân chuyển khóa: khóa mới thay khóa này, cùng vai trò. Put a new key in the place of this one, with the same roles."""
    if new_key.exists():
        raise UsageError("key-file.exists", f"{new_key} exists: a key file is never overwritten")
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        who = speaker(client, signer)
        passphrase = passphrases.new(new_passphrase_file, insecure=insecure_no_passphrase)
        # The new key is on the disk before the ledger knows of it: else a power cut would leave a member without either.
        fresh = keyfiles.generate(new_key, passphrase)
        proof = possession_of(fresh, chain_id_of(client), who.member)
        rotation: Wanted = (
            "key.rotate/1",
            {"authority": who.member, "key": fresh.public_key, "possession": proof},
        )
        done = enact(client, who, [rotation])
    report(
        done,
        f"Đã luân chuyển khóa / key rotated: {signer.public_key.hex()} → {fresh.public_key.hex()} ({who.member})",
        {
            "member": who.member,
            "public_key": fresh.public_key.hex(),
            "retired": signer.public_key.hex(),
            "file": str(new_key),
        },
        as_json=as_json,
    )
    if not as_json:
        console.print(f"  tệp khóa / key file  {escape_path(new_key)}")


def retire_key(
    *,
    key: KeyOption,
    public_key: PublicKeyOption,
    node: NodeOption = DEFAULT_NODE,
    days: DaysOption = DEFAULT_DAYS,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cho một khóa thôi dùng; những gì nó đã ký vẫn đúng. Retire a key: it signs nothing new, what it signed stays good."""
    retired = hex_option(public_key, KEY_SIZE, "public-key")
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        who, member = _who_ends(client, signer, retired)
        record: Wanted = (
            "key.retire/1",
            {"authority": who.member, "member": member, "key": retired},
        )
        done = enact(client, who, [record], days=days)
    report(
        done,
        f"Khóa thôi dùng / key retired: {retired.hex()} ({member})",
        {"member": member, "public_key": retired.hex()},
        as_json=as_json,
    )


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
    days: DaysOption = DEFAULT_DAYS,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Thu hồi khóa bị lộ hoặc mất. Revoke a key; verdicts then say that what it did from that time on is disputed."""
    revoked, from_ms = hex_option(public_key, KEY_SIZE, "public-key"), time_ms(since)
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        who, member = _who_ends(client, signer, revoked)
        record: Wanted = (
            "key.revoke/1",
            {"authority": who.member, "member": member, "key": revoked, "from_ms": from_ms},
        )
        done = enact(client, who, [record], days=days)
    report(
        done,
        f"Khóa bị thu hồi / key revoked: {revoked.hex()} ({member}), từ / from {local_time(from_ms / 1000)}",
        {"member": member, "public_key": revoked.hex(), "disputed_from": iso_time(from_ms / 1000)},
        as_json=as_json,
    )


def _who_ends(client: Client, signer: SigningKey, ended: bytes) -> tuple[Speaker, str]:
    """Who ends a key, and whose it is, told before anything is signed. Raises RefusedError, UsageError."""
    row = key_row(client, ended)
    who = speaker(client, signer)
    if ended != signer.public_key:
        who = key_manager(client, signer)
    if row.member != who.member:
        who = administrator(client, signer)
    _check_not_last(client, row.member, ended)
    return who, row.member


def _check_not_last(client: Client, member: str, ended: bytes) -> None:
    """A sole administrator keeps one key with which it can act."""
    if administrators(client) != (member,):
        return
    mine = next(one for one in client.members() if one.id == member)
    acting = {
        one.public_key
        for one in mine.keys
        if ADMINISTRATOR in one.roles and one.retired_ms is None and one.revoked_ms is None
    }
    if acting == {ended}:
        raise UsageError(
            "key.last-administrator",
            "this is the last key of the only administrator: put another in service first (`sogoc member add`)",
        )
