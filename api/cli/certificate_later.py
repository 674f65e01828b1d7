"""Certificates after they were issued: `sogoc certificate show`, `suspend`, `reinstate`, `renew`, and `sogoc revoke`.

Rules: each change is one signed record with a reason out of a list, never free text. `show` tells what a node says; `sogoc
verify` proves it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.certificates.issuing import last_day
from api.certificates.schemas import schemas
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.certificate_common import (
    AuthorityOption,
    CertificateArgument,
    issuing_authority,
    option_day,
    parse_identifier,
    say,
)
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, iso_time, local_time, print_json
from api.cli.signing import make_record, submit_final
from api.words import CERTIFICATE_REASONS, status_words
from ledger.encoding import Value
from ledger.errors import RefusedError
from ledger.hashing import leaf_hash
from ledger.records.base import IN_FORCE
from ledger.records.certificates import (
    REINSTATE,
    RENEW,
    REVOCATION_REASONS,
    REVOKE,
    SUSPEND,
    SUSPENSION_REASONS,
)

NO_DECISION = "-"
"""Always stated: without it, a record by an authority of four letters would have the 64 bytes that none may have."""


def show(
    certificate: CertificateArgument, *, node: NodeOption = DEFAULT_NODE, as_json: JsonOption = False
) -> None:
    """Tình trạng của một giấy, theo lời nút. Where a certificate stands, as a node says; `sogoc verify` proves it."""
    identifier = parse_identifier(certificate)
    with connect(node) as client:
        found = client.certificate(identifier)
    if not found:
        raise RefusedError("certificate.not-found", "this ledger has no such certificate")
    if as_json:
        print_json(
            {
                "certificates": [
                    {
                        "certificate": one.certificate.hex(),
                        "authority": one.authority,
                        "issuer": one.issuer_name,
                        "successors": list(one.successors),
                        "schema": one.schema,
                        "status": one.status,
                        "reason": one.reason,
                        "valid_from": one.valid_from,
                        "valid_until": one.valid_until,
                        "issued": iso_time(one.issued_ms / 1000),
                        "changed": iso_time(one.changed_ms / 1000),
                        "papers": [paper.hex() for paper in one.papers],
                        "records": [record.hex() for record in one.records],
                    }
                    for one in found
                ]
            }
        )
        return
    for one in found:
        form = schemas().get(one.schema)
        console.print(
            f"[bold]{escape(form.label.vietnamese if form else one.schema)}[/]  {one.certificate.hex()}"
        )
        console.print(f"  do / by                 {escape(one.issuer_name)}")
        console.print(f"  tình trạng / status     {escape(status_words(one.status))}")
        if one.reason is not None:
            console.print(
                f"  lý do / reason          {escape(CERTIFICATE_REASONS.get(one.reason, one.reason))}"
            )
        console.print(f"  thời hạn / valid        {one.valid_from or '…'} – {one.valid_until or '…'}")
        console.print(f"  từ / since              {local_time(one.issued_ms / 1000)}")


def revoke(
    certificate: CertificateArgument,
    *,
    key: KeyOption,
    reason: Annotated[
        str, typer.Option("--reason", help=f"Lý do / reason: {', '.join(sorted(REVOCATION_REASONS))}")
    ],
    node: NodeOption = DEFAULT_NODE,
    authority: AuthorityOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Thu hồi một giấy, vĩnh viễn. Revoke a certificate, for ever."""
    _check_reason(reason, REVOCATION_REASONS)
    _append(REVOKE, certificate, {"reason": reason}, key, passphrase_file, node, authority, as_json=as_json)


def suspend(
    certificate: CertificateArgument,
    *,
    key: KeyOption,
    reason: Annotated[
        str, typer.Option("--reason", help=f"Lý do / reason: {', '.join(sorted(SUSPENSION_REASONS))}")
    ],
    node: NodeOption = DEFAULT_NODE,
    authority: AuthorityOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tạm đình chỉ một giấy. Suspend a certificate until it is reinstated."""
    _check_reason(reason, SUSPENSION_REASONS)
    _append(SUSPEND, certificate, {"reason": reason}, key, passphrase_file, node, authority, as_json=as_json)


def reinstate(
    certificate: CertificateArgument,
    *,
    key: KeyOption,
    decision: Annotated[
        str, typer.Option("--decision", help="Số quyết định, không dấu / number of the decision")
    ] = NO_DECISION,
    node: NodeOption = DEFAULT_NODE,
    authority: AuthorityOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cho một giấy có hiệu lực trở lại. Reinstate a suspended certificate."""
    _append(
        REINSTATE, certificate, {"decision": decision}, key, passphrase_file, node, authority, as_json=as_json
    )


def renew(
    certificate: CertificateArgument,
    *,
    key: KeyOption,
    valid_until: Annotated[
        str | None, typer.Option("--until", help="Ngày cuối mới / the new last day")
    ] = None,
    months: Annotated[
        int | None,
        typer.Option("--months", min=1, max=1200, help="Hoặc thêm số tháng / or so many months more"),
    ] = None,
    node: NodeOption = DEFAULT_NODE,
    authority: AuthorityOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Gia hạn một giấy. Renew a certificate; `sogoc certificate refresh` then brings its proof up to date."""
    until = option_day(valid_until, "--until")
    if (until is None) == (months is None):
        raise UsageError("certificate.renewal", "say until when: --until or --months, one of the two")
    if until is None and months is not None:
        until = last_day(_last_day_of(certificate, node, authority), months)
    _append(
        RENEW, certificate, {"valid_until": until}, key, passphrase_file, node, authority, as_json=as_json
    )


def _last_day_of(certificate: str, node: str, authority: str | None) -> str:
    with connect(node) as client:
        found = client.certificate(parse_identifier(certificate))
    days_found = [one.valid_until for one in found if authority in (None, one.authority)]
    if len(days_found) != 1 or days_found[0] is None:
        raise UsageError(
            "certificate.no-end", "the ledger knows no last day of this certificate: use --until"
        )
    return days_found[0]


def _check_reason(reason: str, known: frozenset[str]) -> None:
    if reason not in known:
        raise UsageError("certificate.reason", f"the reason is one of: {', '.join(sorted(known))}")


def _append(
    record_type: str,
    certificate: str,
    fields: dict[str, Value],
    key: Path,
    passphrase_file: Path | None,
    node: str,
    authority: str | None,
    *,
    as_json: bool,
) -> None:
    identifier = parse_identifier(certificate)
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        body: dict[str, Value] = {
            "authority": authority or issuing_authority(client, signer),
            "certificate": identifier,
        }
        record = make_record(record_type, body | fields)
        submit_final(client, signer, [record])
        (found,) = [one for one in client.certificate(identifier) if one.authority == body["authority"]]
    say(
        as_json,
        f"{identifier.hex()}: {status_words(found.status)}"
        # The last day of what is not in force any more would read as the day on which it is again.
        + (f", đến / until {found.valid_until}" if found.valid_until and found.status == IN_FORCE else ""),
        {
            "certificate": identifier.hex(),
            "record_id": leaf_hash(record).hex(),
            "status": found.status,
            "valid_until": found.valid_until,
        },
    )
