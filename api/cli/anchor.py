"""`sogoc anchor` and `sogoc receipt`: put documents on the ledger with one signature, and get their proofs.

Rules: a file is read once, hashed on this machine and never sent. What is already anchored is not signed again. A receipt
is checked before it is kept, and an older receipt for other content is never thrown away.
"""

from __future__ import annotations

import mimetypes
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.files import (
    SALT_SIZE,
    SALT_SUFFIX,
    beside,
    commitment_of,
    escape_path,
    keep_receipt,
    read_policy,
    read_salt,
    sha256_of,
    write_private,
)
from api.cli.output import JsonOption, UsageError, console, print_json, progress
from api.cli.signing import key_row, make_record, submit_final
from api.client import Client
from ledger.encoding import Value
from ledger.entry import MAX_RECORDS, MAX_SUBMISSION_BYTES
from ledger.errors import RefusedError
from ledger.hashing import leaf_hash
from ledger.policy import Policy
from ledger.verdict import Verdict, judge_document
from node.home import Home

DEFAULT_NODE = "http://127.0.0.1:8080"
NodeOption = Annotated[
    str, typer.Option("--node", help="Địa chỉ nút / the node's address", envvar="SOGOC_NODE")
]
KeyOption = Annotated[
    Path, typer.Option("--key", help="Tệp khóa ký / file of the signing key", envvar="SOGOC_KEY")
]
_ENTRY_OVERHEAD_BYTES = 1_024
"""Room left in a submission for the leaf and the framing."""
_OCTETS = "application/octet-stream"


@dataclass(slots=True)
class _Document:
    """One file on its way to the ledger."""

    path: Path
    file_hash: bytes
    record: bytes
    commitment: bytes | None = None
    salt: bytes | None = None
    already: bool = False

    @property
    def identifier(self) -> bytes:
        """What the ledger knows the document by."""
        return self.file_hash if self.commitment is None else self.commitment


def anchor(
    files: Annotated[list[Path], typer.Argument(help="Các tệp cần neo / files to anchor")],
    *,
    key: KeyOption,
    node: NodeOption = DEFAULT_NODE,
    number: Annotated[str | None, typer.Option(help="Số văn bản / document number, such as 41")] = None,
    symbol: Annotated[str | None, typer.Option(help="Ký hiệu / symbol, such as BC-UBND")] = None,
    date: Annotated[str | None, typer.Option(help="Ngày ban hành / date of issue, YYYY-MM-DD")] = None,
    abstract: Annotated[
        str | None, typer.Option(help="Trích yếu / abstract, one line; public papers only")
    ] = None,
    private: Annotated[
        bool,
        typer.Option(
            "--private", help="Giấy tờ về cá nhân: chỉ neo cam kết có muối / anchor a salted commitment only"
        ),
    ] = False,
    policy: Annotated[
        Path | None, typer.Option(help="Chính sách để kiểm tra biên nhận / policy to check receipts with")
    ] = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Neo văn bản: một chữ ký, một biên nhận cạnh mỗi tệp. Anchor documents: one signature, a receipt beside each file."""
    described = {"number": number, "symbol": symbol, "date": date, "abstract": abstract}
    _check_arguments(files, described, private=private)
    signer = passphrases.load_key(key, passphrase_file)
    with Client(node) as client:
        trusted = read_policy(policy if policy is not None else _policy_of(key), client)
        authority = key_row(client, signer.public_key).member
        documents = _read(files, authority, described, private=private, quiet=as_json)
        _mark_known(client, authority, documents)
        fresh = _first_of_each(document for document in documents if not document.already)
        for records in _split([document.record for document in fresh]):
            submit_final(client, signer, records)
        rows = _collect(client, documents, trusted, quiet=as_json)
    _report(rows, len(fresh), as_json=as_json)


def _check_arguments(files: Sequence[Path], described: dict[str, str | None], *, private: bool) -> None:
    for path in files:
        if not path.is_file():
            raise UsageError("file.missing", f"there is no file {path}")
    given = [name for name, value in described.items() if value is not None]
    if given and private:
        raise UsageError(
            "document.commitment-discloses", f"--private hides what a paper is: leave out --{given[0]}"
        )
    if given and len(files) > 1:
        raise UsageError("document.one", f"--{given[0]} describes one document; anchor it by itself")


def _policy_of(key: Path) -> Path | None:
    """The policy of the home that the key lies in, if it lies in one."""
    path = Home(key.resolve().parent.parent).policy
    return path if path.is_file() else None


def _read(
    files: Sequence[Path], authority: str, described: dict[str, str | None], *, private: bool, quiet: bool
) -> list[_Document]:
    documents = []
    with progress("Băm / hashing", len(files), quiet=quiet) as report:
        for count, path in enumerate(files, 1):
            if private:
                documents.append(_private_document(path, authority))
            else:
                documents.append(_public_document(path, authority, described))
            report(count)
    return documents


def _public_document(path: Path, authority: str, described: dict[str, str | None]) -> _Document:
    digest, size = sha256_of(path)
    body: dict[str, Value] = {
        "authority": authority,
        "hash": digest,
        "media_type": (mimetypes.guess_type(path.name)[0] or _OCTETS).lower(),
        "size": size,
    }
    # The chain never judges normalisation; so what is signed is normalised here.
    body |= {
        name: unicodedata.normalize("NFC", value) for name, value in described.items() if value is not None
    }
    return _Document(path, digest, make_record("doc.anchor/1", body))


def _private_document(path: Path, authority: str) -> _Document:
    salt_file = beside(path, SALT_SUFFIX)
    salt = read_salt(salt_file) if salt_file.exists() else secrets.token_bytes(SALT_SIZE)
    commitment = commitment_of(path, salt)
    return _Document(
        path,
        sha256_of(path)[0],
        make_record("doc.anchor/1", {"authority": authority, "commitment": commitment}),
        commitment,
        salt,
    )


def _mark_known(client: Client, authority: str, documents: Sequence[_Document]) -> None:
    """Find out which documents this authority has anchored before, so that they are not signed again."""
    for document in documents:
        for anchored in client.document(document.identifier):
            if anchored.authority == authority:
                document.already = True
                document.record = anchored.raw
                break


def _first_of_each(documents: Iterable[_Document]) -> list[_Document]:
    """Files of equal content are one document."""
    return list({document.identifier: document for document in documents}.values())


def _split(records: Sequence[bytes]) -> list[list[bytes]]:
    """Records in as few entries as their limits allow."""
    batches: list[list[bytes]] = []
    room = 0
    for record in records:
        size = len(record) + 8
        if not batches or len(batches[-1]) == MAX_RECORDS or size > room:
            batches.append([])
            room = MAX_SUBMISSION_BYTES - _ENTRY_OVERHEAD_BYTES
        batches[-1].append(record)
        room -= size
    return batches


def _collect(
    client: Client, documents: Sequence[_Document], policy: Policy, *, quiet: bool
) -> list[tuple[_Document, Path]]:
    texts = client.receipts([leaf_hash(document.record) for document in documents])
    rows = []
    with progress("Biên nhận / receipts", len(documents), quiet=quiet) as report:
        for count, document in enumerate(documents, 1):
            text = texts[leaf_hash(document.record)]
            judgement = judge_document(document.file_hash, text, policy, commitment=document.commitment)
            if judgement.verdict in (Verdict.DOES_NOT_MATCH, Verdict.CANNOT_TELL):
                raise RefusedError(
                    judgement.rule,
                    f"the node's receipt for {document.path} does not hold: {judgement.reason}",
                )
            if document.salt is not None:
                write_private(beside(document.path, SALT_SUFFIX), document.salt.hex() + "\n")
            rows.append((document, keep_receipt(document.path, text)))
            report(count)
    return rows


def _report(rows: Sequence[tuple[_Document, Path]], signed: int, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "signed": signed,
                "documents": [
                    {
                        "file": str(document.path),
                        "record_id": leaf_hash(document.record).hex(),
                        "receipt": str(receipt_path),
                        "already_anchored": document.already,
                    }
                    for document, receipt_path in rows
                ],
            }
        )
        return
    for document, receipt_path in rows:
        mark = "[yellow]đã neo từ trước / already[/]" if document.already else "[green]đã neo / anchored[/]"
        console.print(f"{mark}  {escape_path(document.path)}  →  {escape_path(receipt_path)}")
        if document.salt is not None:
            console.print(f"    giữ kín / keep secret: {escape_path(beside(document.path, SALT_SUFFIX))}")
    if len(rows) > 1:
        console.print(f"{len(rows)} tệp / files, {signed} văn bản mới / new documents")


def receipt(
    record_id: Annotated[str, typer.Argument(help="Mã bản ghi (64 chữ số thập lục phân) / record id in hex")],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Tệp biên nhận / file to write")],
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """Lấy biên nhận của một bản ghi. Fetch the receipt of one record."""
    try:
        identifier = bytes.fromhex(record_id)
    except ValueError as error:
        raise UsageError("record.id", "a record id is 64 hexadecimal digits") from error
    with Client(node) as client:
        text = client.receipt(identifier)
    output.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"receipt": str(output)})
    else:
        console.print(f"[green]Đã lưu / saved:[/] {escape_path(output)}")
