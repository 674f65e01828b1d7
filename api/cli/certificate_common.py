"""What the commands about certificates share: their options, who issues, how days and identifiers are read.

What this module does not do: any command.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.certificates.schemas import FieldValueError, read_date
from api.cli.output import UsageError, console, print_json
from api.cli.signing import key_row, member_row
from api.client import Client
from ledger.credentials import did, vc
from ledger.errors import RefusedError
from ledger.keys import SigningKey
from ledger.records.certificates import CERTIFICATE_SIZE
from ledger.roles import ISSUER

CertificateArgument = Annotated[
    str, typer.Argument(help="Mã giấy (32 chữ số thập lục phân) / the certificate's identifier in hex")
]
AuthorityOption = Annotated[
    str | None,
    typer.Option(
        "--authority",
        help="Cơ quan đã cấp, nếu là cơ quan tiền nhiệm / the authority that issued it, if not one's own",
    ),
]
ListsOption = Annotated[
    str | None,
    typer.Option(
        "--status-lists",
        help="Địa chỉ công bố danh sách tình trạng / URL under which status lists are published",
        envvar="SOGOC_STATUS_LISTS",
    ),
]
SiteOption = Annotated[
    str | None,
    typer.Option(
        "--site",
        help="Trang kiểm tra mà mã dẫn tới / address of the page that codes lead to: https://so-goc.example",
        envvar="SOGOC_SITE",
    ),
]
DomainOption = Annotated[
    str | None,
    typer.Option(
        "--domain", help="Tên miền cho did:web; mặc định did:key / domain for did:web", envvar="SOGOC_DOMAIN"
    ),
]


def now_ms() -> int:
    """This machine's clock, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def option_day(text: str | None, option: str) -> str | None:
    """The day that an option names, `YYYY-MM-DD`. Raises UsageError (`certificate.day`)."""
    if text is None:
        return None
    try:
        return read_date(text.strip())
    except FieldValueError as error:
        raise UsageError("certificate.day", f"{option} {error.english}") from error


def parse_identifier(text: str) -> bytes:
    """A certificate's 16 bytes. Raises UsageError (`certificate.id`)."""
    try:
        identifier = bytes.fromhex(text)
    except ValueError:
        identifier = b""
    if len(identifier) != CERTIFICATE_SIZE:
        raise UsageError(
            "certificate.id", f"a certificate's identifier is {2 * CERTIFICATE_SIZE} hexadecimal digits"
        )
    return identifier


def issuing_authority(client: Client, signer: SigningKey) -> str:
    """The authority that an issuer's key acts for. Raises RefusedError (`key.unknown`, `authority.role`)."""
    row = key_row(client, signer.public_key)
    if ISSUER not in row.roles:
        raise RefusedError(
            "authority.role",
            f"this key acts for {row.member!r} as {', '.join(row.roles)}: it takes an issuer's key",
        )
    return row.member


def vc_issuer(
    client: Client, signer: SigningKey, authority: str, lists: str | None, domain: str | None, node: str
) -> vc.Issuer:
    """Who signs credentials with this key, and where their statuses are published. Raises FormatError (`did.domain`)."""
    row = member_row(client, authority)
    # What is written into a credential outlives this run: an address that only works here has no place in it.
    base = f"{node.rstrip('/')}/v1/status-lists" if node.startswith("https://") else None
    if lists is not None:
        base = lists.rstrip("/")
    return vc.Issuer(
        did.did_web(domain) if domain is not None else did.did_key(signer.public_key),
        authority if row is None else row.name,
        None if base is None else f"{base}/{authority}",
    )


def say(as_json: bool, message: str, found: dict[str, Any]) -> None:
    """Print a message, or what was found as JSON."""
    if as_json:
        print_json(found)
    else:
        console.print(f"[bold green]{escape(message)}[/]")
