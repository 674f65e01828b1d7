"""The files of certificates: `sogoc certificate schemas`, `refresh`, `disclose`, `status-list`, `did-document`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.certificates.schemas import Schema, schemas
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.certificate_common import DomainOption, ListsOption, issuing_authority, now_ms, say, vc_issuer
from api.cli.files import escape_path
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, print_json
from ledger.credentials import did, status_list, vc
from ledger.disclosure import MAX_FILE_BYTES, PROOF_SUFFIX, CertificateProof
from ledger.errors import RefusedError
from ledger.hashing import leaf_hash
from ledger.roles import ISSUER
from node.safe_files import put_file


def list_schemas(*, as_json: JsonOption = False) -> None:
    """Các mẫu giấy và cột của chúng. Schemas and their columns."""
    if as_json:
        print_json({"schemas": [_schema_json(form) for form in schemas().values()]})
        return
    for form in schemas().values():
        months = f", {form.valid_months} tháng / months" if form.valid_months else ""
        console.print(
            f"[bold]{escape(form.name)}[/]  {escape(form.label.vietnamese)} / {escape(form.label.english)}{months}"
        )
        for item in form.fields:
            marks = [item.kind, *(("bắt buộc / required",) if item.required else ())]
            marks += ("cá nhân / personal",) if item.personal else ()
            console.print(f"    {item.name:<16}{escape(item.label.vietnamese)}  [dim]({', '.join(marks)})[/]")


def _schema_json(form: Schema) -> dict[str, Any]:
    return {
        "name": form.name,
        "label": {"vi": form.label.vietnamese, "en": form.label.english},
        "valid_months": form.valid_months,
        "fields": [
            {
                "name": item.name,
                "label": {"vi": item.label.vietnamese, "en": item.label.english},
                "kind": item.kind,
                "required": item.required,
                "personal": item.personal,
            }
            for item in form.fields
        ],
    }


def refresh(
    proof: Annotated[Path, typer.Argument(help=f"Tệp {PROOF_SUFFIX}", exists=True, dir_okay=False)],
    *,
    node: NodeOption = DEFAULT_NODE,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Tệp mới; mặc định ghi đè / new file")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Lấy tình trạng mới nhất vào tệp bằng chứng: sau gia hạn, hay cho mới. Bring a proof up to date; claims stay."""
    old = read_proof(proof)
    issue, *_ = old.records
    with connect(node) as client:
        info = client.record(leaf_hash(issue.record))
        new = CertificateProof.parse(client.certificate_proof(bytes.fromhex(info.subject_id), info.authority))
    if not new.records or new.records[0] != issue:
        raise RefusedError("certificate.other", "the node answers with the proof of another certificate")
    target = proof if output is None else output
    put_file(target, new.with_claims(old.claims).encoded(), mode=0o600)
    say(as_json, f"Đã lưu / saved: {target}", {"proof": str(target), "records": len(new.records)})


def disclose(
    proof: Annotated[
        Path, typer.Argument(help=f"Tệp {PROOF_SUFFIX} đầy đủ / the holder's full proof", exists=True)
    ],
    *,
    claims: Annotated[
        str,
        typer.Option(
            "--claims", help="Tên các mục cho xem, cách nhau dấu phẩy; trống: không mục nào / what to show"
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Tệp để đưa cho người khác / file to show")],
    as_json: JsonOption = False,
) -> None:
    """Chỉ cho xem một số mục; các mục khác vẫn kín. Show chosen claims only: the rest stay hidden, the proof holds."""
    names = [name.strip() for name in claims.split(",") if name.strip()]
    shown = read_proof(proof).disclose(names)
    put_file(output, shown.encoded())
    say(
        as_json,
        f"Đã lưu / saved: {output} ({', '.join(names) or '—'})",
        {"proof": str(output), "claims": names},
    )


def read_proof(path: Path) -> CertificateProof:
    """A proof file. Raises UsageError if it cannot be read, FormatError, CannotTellError."""
    try:
        with path.open("rb") as stream:
            return CertificateProof.parse(stream.read(MAX_FILE_BYTES + 1))
    except OSError as error:
        raise UsageError("file.read", f"cannot read {path}: {error.strerror}") from error


def publish_status_list(
    *,
    key: KeyOption,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Thư mục, như status-lists trong nhà của nút / folder, such as status-lists in a node's home",
        ),
    ],
    node: NodeOption = DEFAULT_NODE,
    status_lists: ListsOption = None,
    domain: DomainOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ký và ghi danh sách tình trạng (W3C). Sign the Bitstring Status Lists of what this key's authority has issued."""
    signer = passphrases.load_key(key, passphrase_file)
    written: list[Path] = []
    with connect(node) as client:
        authority = issuing_authority(client, signer)
        issuer = vc_issuer(client, signer, authority, status_lists, domain, node)
        if issuer.status_lists is None:
            raise UsageError(
                "status-list.address", "say under which URL the lists are published: --status-lists"
            )
        number = 0
        while (found := client.status_list(authority, number)).count or number == 0:
            bits = {vc.REVOCATION: found.revocation, vc.SUSPENSION: found.suspension}
            for purpose, of_purpose in bits.items():
                indexes = [
                    index for index in range(len(of_purpose) * 8) if status_list.is_set(of_purpose, index)
                ]
                document = status_list.list_credential(
                    issuer, number, purpose, indexes, valid_from=vc.local_time(found.time_ms)
                )
                signed = vc.sign(document, signer, issuer.did, created=vc.local_time(now_ms()))
                path = output / f"{authority}.{number}.{purpose}.json"
                output.mkdir(parents=True, exist_ok=True)
                put_file(path, (json.dumps(signed, ensure_ascii=False, indent=2) + "\n").encode())
                written.append(path)
            number += 1
    if as_json:
        print_json({"authority": authority, "files": [str(path) for path in written]})
        return
    for path in written:
        console.print(f"[green]Đã ký / signed:[/] {escape_path(path)}")


def did_document(
    *,
    domain: Annotated[str, typer.Option("--domain", help="Tên miền / domain", envvar="SOGOC_DOMAIN")],
    member: Annotated[str, typer.Option("--member", help="Mã cơ quan / the authority's identifier")],
    node: NodeOption = DEFAULT_NODE,
) -> None:
    """Tài liệu DID để đặt ở /.well-known/did.json của tên miền. The DID document to publish for did:web."""
    with connect(node) as client:
        keys = [
            key.public_key
            for one in client.members()
            if one.id == member
            for key in one.keys
            if ISSUER in key.roles and key.revoked_ms is None
        ]
    if not keys:
        raise UsageError("member.unknown", f"{member!r} has no issuer's key on this ledger")
    print_json(did.did_document(did.did_web(domain), keys))
