"""`sogoc vault` and `sogoc erase`: what is kept about persons, who looked at it, and its destruction.

Rules: everything is asked of the node that keeps the vault, with an officer's key: keeping, looking (which is recorded on the
ledger first, with purpose and legal ground), erasing (a tombstone on the ledger first, then key and content are destroyed).
`rekey` works on the files of a stopped node.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.files import escape_path
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, print_json
from api.cli.signing import chain_id_of, key_row, make_record, submit_final
from api.client import Client
from api.vault import VaultClient
from ledger.encoding import Value
from ledger.keys import SigningKey
from ledger.records.certificates import CERTIFICATE, CERTIFICATE_SIZE
from ledger.records.documents import DOCUMENT
from ledger.records.privacy import ACCESS_LOG, LEGAL_GROUNDS, PURPOSES, TOMBSTONE, vault_item
from node.home import VAULT_KEY, Home
from node.safe_files import new_file
from node.vault import rekeying
from node.vault.store import MAX_CONTENT_BYTES

app = typer.Typer(
    help="Kho dữ liệu cá nhân: cất, xem (có ghi sổ), đổi khóa. The vault: keep, look (recorded), rekey.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CertificateOption = Annotated[
    str | None,
    typer.Option("--certificate", help="Mã chứng nhận / a certificate's id, 32 hexadecimal digits"),
]
DocumentOption = Annotated[
    str | None,
    typer.Option("--document", help="Cam kết của văn bản / a document's commitment, 64 hexadecimal digits"),
]
OwnerOption = Annotated[
    str | None,
    typer.Option("--owner", help="Cơ quan có kho; mặc định là của khóa / whose vault; the key's own member"),
]
GroundOption = Annotated[
    str, typer.Option("--legal-ground", help=f"Căn cứ / legal ground: {', '.join(sorted(LEGAL_GROUNDS))}")
]
LawOption = Annotated[
    str | None, typer.Option("--law", help="Số văn bản / number of the law, such as 91/2025/QH15")
]


@dataclass(frozen=True)
class _Officer:
    """An officer at work: the node, the key, for whom it acts, and what is asked about."""

    client: Client
    vault: VaultClient
    signer: SigningKey
    member: str
    owner: str
    item: bytes


@contextmanager
def _officer(
    node: str, key: Path, passphrase_file: Path | None, owner: str | None, subject: tuple[str, bytes]
) -> Iterator[_Officer]:
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        member = key_row(client, signer.public_key).member
        owner = owner or member
        yield _Officer(
            client,
            VaultClient(client, chain_id_of(client), signer),
            signer,
            member,
            owner,
            vault_item(owner, *subject),
        )


def _subject(certificate: str | None, document: str | None) -> tuple[str, bytes]:
    if (certificate is None) == (document is None):
        raise UsageError("vault.which", "name one: --certificate ID or --document COMMITMENT")
    kind, text, size = (
        (CERTIFICATE, certificate, CERTIFICATE_SIZE) if certificate else (DOCUMENT, document, 32)
    )
    try:
        identifier = bytes.fromhex(text or "")
    except ValueError:
        identifier = b""
    if len(identifier) != size:
        raise UsageError("vault.which", f"a {kind} is named by {2 * size} hexadecimal digits")
    return kind, identifier


@app.command("put")
def put(
    file: Annotated[Path, typer.Argument(help="Tệp cần cất / the file to keep")],
    *,
    key: KeyOption,
    certificate: CertificateOption = None,
    document: DocumentOption = None,
    owner: OwnerOption = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cất một tệp vào kho, mã hóa bằng khóa riêng. Keep a file in the vault, encrypted with a key of its own."""
    content = _read(file)
    with _officer(node, key, passphrase_file, owner, _subject(certificate, document)) as officer:
        officer.vault.store(officer.owner, officer.item, content)
    if as_json:
        print_json({"item": officer.item.hex(), "state": "held"})
    else:
        console.print(f"[bold green]Đã cất / kept:[/] {escape_path(file)} ({officer.item.hex()})")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_CONTENT_BYTES + 1)
    except OSError as error:
        raise UsageError("vault.read", f"cannot read {file}: {error.strerror}") from error
    if len(content) > MAX_CONTENT_BYTES:
        raise UsageError("vault.size", f"{file} has more than {MAX_CONTENT_BYTES} bytes")
    return content


@app.command("get")
def get(
    out: Annotated[
        Path, typer.Argument(help="Tệp sẽ ghi ra, chưa có / the file to write, which must not exist")
    ],
    *,
    key: KeyOption,
    purpose: Annotated[str, typer.Option("--purpose", help=f"Mục đích / why: {', '.join(sorted(PURPOSES))}")],
    legal_ground: GroundOption,
    law: LawOption = None,
    certificate: CertificateOption = None,
    document: DocumentOption = None,
    owner: OwnerOption = None,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Xem một mục trong kho; lần xem được ghi lên sổ trước. Look at an item; the access is recorded on the ledger first."""
    if out.exists():
        raise UsageError("vault.out", f"{out} exists: name another file; nothing is overwritten")
    with _officer(node, key, passphrase_file, owner, _subject(certificate, document)) as officer:
        body: dict[str, Value] = {
            "authority": officer.member,
            "owner": officer.owner,
            "item": officer.item,
            "nonce": secrets.token_bytes(16),
            "purpose": purpose,
            "legal_ground": legal_ground,
        }
        access = submit_final(officer.client, officer.signer, [make_record(ACCESS_LOG, _with_law(body, law))])
        content = officer.vault.read(access.record_ids[0])
    with new_file(out) as stream:
        stream.write(content)
    if as_json:
        print_json({"item": officer.item.hex(), "access": access.record_ids[0].hex(), "file": str(out)})
    else:
        console.print(f"[bold green]Đã ghi lần xem lên sổ / access recorded:[/] {access.record_ids[0].hex()}")
        console.print(f"  {escape_path(out)}")


def _with_law(body: dict[str, Value], law: str | None) -> dict[str, Value]:
    return body if law is None else body | {"law": law}


@app.command("rekey")
def rekey(
    directory: Annotated[Path, typer.Argument(help="Thư mục của nút đã dừng / the home of a stopped node")],
    *,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Đổi khóa của kho: bản sao lưu cũ không mở được nữa. Change the vault's key: what old copies of the key open, ends."""
    home = Home(directory)
    home.read_genesis()
    count = rekeying.rekey(home, passphrases.existing(passphrase_file))
    kept = home.key(f"{VAULT_KEY}-old")
    if as_json:
        print_json({"items": count, "old_key": str(kept)})
    else:
        console.print(f"[bold green]Đã đổi khóa kho / rekeyed:[/] {count} mục / items")
        console.print(
            f"  Hủy {escape_path(kept)} khi bản sao lưu cũ hết hạn (30 ngày) / destroy it once old backups have expired"
        )


def erase(
    *,
    key: KeyOption,
    legal_ground: GroundOption,
    law: LawOption = None,
    certificate: CertificateOption = None,
    document: DocumentOption = None,
    owner: OwnerOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Không hỏi lại / do not ask again")] = False,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Xóa vĩnh viễn dữ liệu cá nhân trong kho; biên nhận cũ vẫn đúng. Destroy personal data for good; proofs stay true."""
    subject = _subject(certificate, document)
    if not yes:
        typer.confirm(
            "Xóa vĩnh viễn khóa, muối và nội dung của mục này? Không lấy lại được. / Destroy this for good?",
            abort=True,
        )
    with _officer(node, key, passphrase_file, owner, subject) as officer:
        body: dict[str, Value] = {
            "authority": officer.owner,
            "item": officer.item,
            "legal_ground": legal_ground,
        }
        tombstone = submit_final(
            officer.client, officer.signer, [make_record(TOMBSTONE, _with_law(body, law))]
        )
        officer.vault.carry_out()
        state = officer.vault.state(officer.owner, officer.item)
    if as_json:
        print_json({"item": officer.item.hex(), "tombstone": tombstone.record_ids[0].hex(), "state": state})
    else:
        console.print(f"[bold green]Đã xóa / erased:[/] {officer.item.hex()}")
        console.print(f"  bia mộ trên sổ / tombstone on the ledger: {tombstone.record_ids[0].hex()}")
