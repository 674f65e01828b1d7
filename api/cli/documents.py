"""`sogoc document`: what becomes of a document after it was anchored, certified copies, and finding what is there.

Rules: a document is named by its file (with the salt beside it, if it is a private one) or by its 64 digits. Whatever changes
a document is one signed record; then the file's receipt, if there is a file, is fetched anew, so that it says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import passphrases
from api.cli.anchor import (
    DEFAULT_NODE,
    BookOption,
    DateOption,
    KeyOption,
    NodeOption,
    NumberOption,
    PolicyOption,
    SecretFileOption,
    SymbolOption,
    check_files,
    collect,
    policy_of,
    private_fields,
    warn_of_dispute,
)
from api.cli.files import (
    SALT_SIZE,
    SALT_SUFFIX,
    beside,
    commitment_of,
    escape_path,
    read_policy,
    read_salt,
    sha256_of,
    write_private,
)
from api.cli.finding import Found, find, find_number
from api.cli.output import ExitCode, JsonOption, UsageError, console, print_json
from api.cli.papers import (
    Paper,
    anchored_by,
    change_of,
    check_number,
    default_book,
    identifier_of,
    keep_salts,
    kind_of,
    mark_known,
    owner_of,
    private_paper,
)
from api.cli.signing import key_row, make_record, submit_final
from api.client import Client
from ledger.encoding import Value
from ledger.errors import RefusedError
from ledger.fields import Date
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.policy import Trust
from ledger.records.document_words import REASONS
from ledger.records.documents import DOCUMENT_PAPER, number_key, number_tag

app = typer.Typer(
    help="Văn bản đã neo: tìm, thay thế, thu hồi, đính chính, chứng thực bản sao. Documents that were anchored.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Document = Annotated[str, typer.Argument(help="Tệp, hoặc mã 64 chữ số / file, or the document's 64 digits")]
_By = Annotated[
    str, typer.Option("--by", help="Tệp hoặc mã của văn bản kia, đã neo / file or id of the other document")
]
_Authority = Annotated[
    str | None, typer.Option(help="Cơ quan đã neo văn bản / the authority that anchored the document")
]
_Secrecy = Annotated[
    str | None, typer.Option(help="Độ mật; 'khong' nếu chỉ tên tệp có dấu mật / as with `anchor`")
]


@app.command("find")
def find_document(
    document: Annotated[
        str | None, typer.Argument(help="Tệp, hoặc mã 64 chữ số / file, or the document's 64 digits")
    ] = None,
    *,
    number: NumberOption = None,
    symbol: SymbolOption = None,
    date: DateOption = None,
    book: BookOption = None,
    authority: _Authority = None,
    office_secret: SecretFileOption = None,
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """Văn bản này, hay số này, đã neo chưa? Whether a document, or a number, is anchored: by whom, when, how it stands."""
    is_copy = False
    with Client(node) as client:
        if document is not None:
            identifier = identifier_of(document)
            found = find(client, identifier)
            if not found:
                found = _copied(client, identifier)
                is_copy = bool(found)
            found = [each for each in found if authority in (None, each.anchor.authority)]
        else:
            found = find_number(
                client, _number_key(authority, number, date, book or _book(symbol), office_secret)
            )
    if as_json:
        print_json({"anchors": [each.as_dictionary() for each in found], "is_stamped_copy": is_copy})
    else:
        if is_copy:
            console.print("[green]là bản đóng dấu của văn bản này / a stamped copy of this document:[/]")
        _print_found(found)
    if not found:
        raise typer.Exit(ExitCode.CANNOT_TELL)
    if not any(each.is_in_force for each in found):
        raise typer.Exit(ExitCode.NO_LONGER_IN_FORCE)


def _copied(client: Client, digest: bytes) -> list[Found]:
    """The documents of which a file of this hash is stated to be a stamped copy."""
    stated = {
        (info.authority, info.subject_id)
        for info in client.document(digest)
        if info.type == DOCUMENT_PAPER and info.subject_id != digest.hex()
    }
    return [
        each
        for authority, subject_id in sorted(stated)
        for each in find(client, bytes.fromhex(subject_id))
        if each.anchor.authority == authority
    ]


def _book(symbol: str | None) -> str | None:
    return default_book(symbol, kind_of(symbol))


def _number_key(
    authority: str | None, number: str | None, date: str | None, book: str | None, secret: Path | None
) -> bytes:
    if authority is None or number is None or date is None:
        raise UsageError(
            "document.reference",
            "name a file, or the number with --number, --date and --authority (and --symbol or --book)",
        )
    Date().check("date", date)
    body: dict[str, Value] = {"authority": authority, "number": number, "date": date}
    if secret is not None:
        body["number_tag"] = number_tag(read_salt(secret), book or "", int(date[:4]), number)
    elif book is not None:
        body["book"] = book
    key = number_key(body)
    if key is None:
        raise UsageError("document.reference", "name the number with --number")
    return key


def _print_found(found: Sequence[Found]) -> None:
    mark = "[green]đã neo / anchored[/]" if found else "[yellow]chưa neo / not anchored[/]"
    console.print(mark)
    for each in found:
        each.print()


@app.command("supersede")
def supersede(
    document: _Document,
    *,
    by: _By,
    key: KeyOption,
    node: NodeOption = DEFAULT_NODE,
    authority: _Authority = None,
    policy: PolicyOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Thay thế: văn bản kia có hiệu lực thay cho văn bản này. Another document takes this one's place."""
    _change_by(
        "doc.supersede/1",
        document,
        by,
        _Signing(key, node, policy, passphrase_file),
        authority,
        as_json=as_json,
    )


@app.command("correct")
def correct(
    document: _Document,
    *,
    by: _By,
    key: KeyOption,
    node: NodeOption = DEFAULT_NODE,
    authority: _Authority = None,
    policy: PolicyOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Đính chính: văn bản này còn hiệu lực, như văn bản kia đính chính. Another document corrects this one."""
    _change_by(
        "doc.correct/1",
        document,
        by,
        _Signing(key, node, policy, passphrase_file),
        authority,
        as_json=as_json,
    )


@app.command("withdraw")
def withdraw(
    document: _Document,
    *,
    reason: Annotated[
        str,
        typer.Option(
            help="Lý do / reason: " + ", ".join(f"{code} ({words})" for code, words in REASONS.items())
        ),
    ],
    key: KeyOption,
    node: NodeOption = DEFAULT_NODE,
    authority: _Authority = None,
    policy: PolicyOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Thu hồi: văn bản này không còn hiệu lực. Withdraw a document: it is no longer in force."""
    identifier = identifier_of(document)
    with _Signing(key, node, policy, passphrase_file).open() as (client, signer, own, trusted):
        owner = owner_of(client, own, identifier, authority)
        record = make_record("doc.withdraw/1", {"authority": owner, "document": identifier, "reason": reason})
        submit_final(client, signer, [record])
        _report_change(client, document, identifier, owner, record, trusted, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Signing:
    """The options that say who signs, and where it goes."""

    key: Path
    node: str
    policy: Path | None
    passphrase_file: Path | None

    @contextmanager
    def open(self) -> Iterator[tuple[Client, SigningKey, str, Trust]]:
        """The node, the key, the member that it acts for, and the policy that receipts are checked with."""
        signer = passphrases.load_key(self.key, self.passphrase_file)
        with Client(self.node) as client:
            trusted = read_policy(self.policy if self.policy is not None else policy_of(self.key), client)
            yield client, signer, key_row(client, signer.public_key).member, trusted


def _change_by(
    record_type: str, document: str, by: str, signing: _Signing, authority: str | None, *, as_json: bool
) -> None:
    identifier, other = identifier_of(document), identifier_of(by)
    with signing.open() as (client, signer, own, trusted):
        owner = owner_of(client, own, identifier, authority)
        record = change_of(client, own, record_type, identifier, other, authority=owner)
        submit_final(client, signer, [record])
        _report_change(client, document, identifier, owner, record, trusted, as_json=as_json)


def _report_change(
    client: Client,
    document: str,
    identifier: bytes,
    owner: str,
    record: bytes,
    policy: Trust,
    *,
    as_json: bool,
) -> None:
    """Say where the document stands now, and renew the receipt beside its file."""
    anchored = anchored_by(client, owner, identifier)
    if anchored is None:
        raise RefusedError("document.unknown", f"the node no longer knows the document {identifier.hex()}")
    kept = _renew_receipt(client, Path(document), anchored.raw, policy)
    if as_json:
        answer: dict[str, Any] = {
            "document": identifier.hex(),
            "record_id": leaf_hash(record).hex(),
            "status": anchored.status,
            "receipt": None if kept is None else str(kept),
        }
        print_json(answer)
        return
    console.print(f"[green]Đã ghi sổ / recorded:[/] {leaf_hash(record).hex()}")
    for each in find(client, identifier):
        if each.anchor.authority == owner:
            each.print()
    if kept is not None:
        console.print(f"    biên nhận mới / new receipt: {escape_path(kept)}")


def _renew_receipt(client: Client, path: Path, anchoring: bytes, policy: Trust) -> Path | None:
    if not path.is_file():
        return None
    salt_file = beside(path, SALT_SUFFIX)
    salt = read_salt(salt_file) if salt_file.exists() else None
    commitment = None if salt is None else commitment_of(path, salt)
    paper = Paper(path, sha256_of(path)[0], anchoring, commitment, salt)
    ((_, kept),) = collect(client, [paper], policy, quiet=True)
    if paper.disputed:
        warn_of_dispute()
    return kept


@app.command("copy")
def certify_copy(
    file: Annotated[Path, typer.Argument(help="Tệp của bản sao / file of the copy")],
    *,
    key: KeyOption,
    number: NumberOption = None,
    date: DateOption = None,
    book: Annotated[str | None, typer.Option(help="Sổ chứng thực / register of the number")] = None,
    office_secret: SecretFileOption = None,
    original: Annotated[
        str | None,
        typer.Option(help="Tệp hoặc mã của bản chính, nếu đã neo / the original, if it was anchored"),
    ] = None,
    original_authority: Annotated[
        str | None, typer.Option(help="Cơ quan đã neo bản chính / the authority that anchored the original")
    ] = None,
    continues: Annotated[
        str | None, typer.Option(help="Bản sao trước có cùng số / earlier copy that has this number")
    ] = None,
    secrecy: _Secrecy = None,
    node: NodeOption = DEFAULT_NODE,
    policy: PolicyOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Chứng thực bản sao: chỉ neo cam kết có muối. Certify a copy: only a salted commitment is anchored."""
    check_files([file], secrecy)
    fields = private_fields({"number": number, "date": date, "book": book}, office_secret)
    if continues is not None:
        fields["continues"] = identifier_of(continues)
    with _Signing(key, node, policy, passphrase_file).open() as (client, signer, own, trusted):
        if original is not None:
            identifier = identifier_of(original)
            fields["original"] = identifier
            owner = owner_of(client, own, identifier, original_authority)
            if owner != own:
                fields["original_authority"] = owner
        paper = private_paper(file, own, fields, "doc.copy/1")
        mark_known(client, own, [paper])
        check_number(client, paper)
        keep_salts([paper])
        if paper.known is None:
            submit_final(client, signer, [paper.record])
        ((_, kept),) = collect(client, [paper], trusted, quiet=as_json)
    if as_json:
        print_json(
            {
                "document": paper.identifier.hex(),
                "record_id": leaf_hash(paper.record).hex(),
                "receipt": str(kept),
                "already_anchored": paper.known is not None,
            }
        )
        return
    console.print(f"[green]Đã chứng thực / certified:[/] {escape_path(file)}  →  {escape_path(kept)}")
    console.print(f"    giữ kín / keep secret: {escape_path(beside(file, SALT_SUFFIX))}")


@app.command("new-secret")
def new_secret(
    file: Annotated[Path, typer.Argument(help="Tệp sẽ ghi / file to write")], *, as_json: JsonOption = False
) -> None:
    """Tạo bí mật của cơ quan cho số của giấy tờ riêng. Make the office secret for the numbers of private papers."""
    if file.exists():
        raise UsageError(
            "file.exists", f"{file} exists: the old secret is needed for as long as its numbers count"
        )
    write_private(file, secrets.token_hex(SALT_SIZE) + "\n")
    if as_json:
        print_json({"file": str(file)})
    else:
        console.print(
            f"[green]Đã tạo / made:[/] {escape_path(file)}\n"
            "  Mọi cán bộ của cơ quan dùng chung tệp này; giữ kín / all officers share it; keep it secret"
        )
