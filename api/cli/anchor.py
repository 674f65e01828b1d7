"""`sogoc anchor` and `sogoc receipt`: put documents on the ledger with one signature, and get their proofs.

Rules: a file is read once, hashed on this machine and never sent; a secret one is not read. What is already anchored is not
signed again, and a number that is taken is refused before anything is signed. A receipt is checked before it is kept, and an
older receipt for other content is never thrown away. A paper whose key is disputed does not keep the others from theirs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli import passphrases, pdf_signatures
from api.cli.files import SALT_SUFFIX, beside, check_file, escape_path, read_policy, read_salt
from api.cli.finding import find
from api.cli.output import ExitCode, JsonOption, UsageError, console, error_console, print_json, progress
from api.cli.papers import (
    Paper,
    change_of,
    check_not_secret,
    check_number,
    default_book,
    described,
    first_of_each,
    identifier_of,
    keep_checked_receipt,
    keep_salts,
    kind_of,
    mark_known,
    private_paper,
    public_paper,
    receipts_of,
    split,
)
from api.cli.signing import key_row, make_record, submit_final
from api.client import Client
from ledger.encoding import Value
from ledger.errors import RefusedError
from ledger.fields import Date
from ledger.hashing import leaf_hash
from ledger.policy import Trust
from ledger.records import parse_record
from ledger.records.document_words import KINDS, SECRECIES, UNCLASSIFIED, URGENCIES
from ledger.records.documents import number_tag
from node.home import Home

DEFAULT_NODE = "http://127.0.0.1:8080"
NodeOption = Annotated[
    str, typer.Option("--node", help="Địa chỉ nút / the node's address", envvar="SOGOC_NODE")
]
KeyOption = Annotated[
    Path, typer.Option("--key", help="Tệp khóa ký / file of the signing key", envvar="SOGOC_KEY")
]
PolicyOption = Annotated[
    Path | None, typer.Option(help="Chính sách để kiểm tra biên nhận / policy to check receipts with")
]
NumberOption = Annotated[str | None, typer.Option(help="Số văn bản / document number, such as 41")]
SymbolOption = Annotated[str | None, typer.Option(help="Ký hiệu / symbol, such as BC-UBND")]
DateOption = Annotated[str | None, typer.Option(help="Ngày ban hành / date of issue, YYYY-MM-DD")]
BookOption = Annotated[
    str | None,
    typer.Option(
        help="Sổ cấp số, mặc định theo ký hiệu / register of the number; by default one for each symbol",
        envvar="SOGOC_BOOK",
    ),
]
SecretFileOption = Annotated[
    Path | None,
    typer.Option(
        "--office-secret",
        help="Tệp bí mật của cơ quan, để số của giấy tờ riêng cũng chỉ dùng một lần / office secret, see `document new-secret`",
        envvar="SOGOC_OFFICE_SECRET",
    ),
]


def _codes(words: Mapping[str, str]) -> str:
    return ", ".join(f"{code} ({word})" for code, word in words.items())


def anchor(
    files: Annotated[list[Path], typer.Argument(help="Các tệp cần neo / files to anchor")],
    *,
    key: Annotated[
        Path | None, typer.Option("--key", help="Tệp khóa ký / file of the signing key", envvar="SOGOC_KEY")
    ] = None,
    node: NodeOption = DEFAULT_NODE,
    number: NumberOption = None,
    symbol: SymbolOption = None,
    date: DateOption = None,
    book: BookOption = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help=f"Tên loại, mặc định theo ký hiệu / kind, by default from the symbol: {_codes(KINDS)}"
        ),
    ] = None,
    urgency: Annotated[str | None, typer.Option(help=f"Độ khẩn / urgency: {_codes(URGENCIES)}")] = None,
    secrecy: Annotated[
        str | None,
        typer.Option(
            help=f"Độ mật: văn bản mật bị từ chối / secret papers are refused: {_codes(SECRECIES)}. "
            f"'{UNCLASSIFIED}': tên tệp có dấu mật nhưng văn bản không mật / despite what the file's name says"
        ),
    ] = None,
    abstract: Annotated[
        str | None, typer.Option(help="Trích yếu / abstract, one line; public papers only")
    ] = None,
    private: Annotated[
        bool,
        typer.Option(
            "--private", help="Giấy tờ về cá nhân: chỉ neo cam kết có muối / anchor a salted commitment only"
        ),
    ] = False,
    office_secret: SecretFileOption = None,
    continues: Annotated[
        str | None,
        typer.Option(
            help="Tệp hoặc mã của bản trước có cùng số: bản này thay bản đó / earlier version that has this number"
        ),
    ] = None,
    supersedes: Annotated[
        list[str] | None,
        typer.Option(
            help="Tệp hoặc mã của văn bản bị thay thế / file or id of a document whose place this takes"
        ),
    ] = None,
    corrects: Annotated[
        list[str] | None,
        typer.Option(help="Tệp hoặc mã của văn bản được đính chính / file or id of a document this corrects"),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Chỉ hỏi đã neo chưa, không ký / only ask whether they are anchored"),
    ] = False,
    check_signatures: Annotated[
        bool,
        typer.Option(
            "--pdf-signatures",
            help="Kiểm tra và ghi lại chữ ký số trong PDF / check and record PDF signatures",
        ),
    ] = False,
    pdf_root: Annotated[
        list[Path] | None,
        typer.Option(
            help="Chứng thư gốc được tin cậy / trusted root certificate (PEM), for --pdf-signatures"
        ),
    ] = None,
    policy: PolicyOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Neo văn bản: một chữ ký, một biên nhận cạnh mỗi tệp. Anchor documents: one signature, a receipt beside each file."""
    check_files(files, secrecy)
    if check:
        _report_known(files, node, as_json=as_json)
        return
    fields = _fields(
        files,
        {
            "number": number,
            "symbol": symbol,
            "date": date,
            "book": book if number is not None else None,
            "kind": kind,
            "urgency": urgency,
            "secrecy": secrecy,
            "abstract": abstract,
        },
        private=private,
        office_secret=office_secret,
    )
    if continues is not None:
        fields["continues"] = identifier_of(continues)
    replaced = [("doc.supersede/1", identifier_of(reference)) for reference in supersedes or ()]
    replaced += [("doc.correct/1", identifier_of(reference)) for reference in corrects or ()]
    _check_one(files, fields, replaced)
    if check_signatures:
        _check_pdf_option(private=private)
    if key is None:
        raise UsageError("key.missing", "name the signing key with --key")
    signer = passphrases.load_key(key, passphrase_file)
    with Client(node) as client:
        trusted = read_policy(policy if policy is not None else policy_of(key), client)
        authority = key_row(client, signer.public_key).member
        papers = _read(files, authority, fields, private=private, quiet=as_json)
        mark_known(client, authority, papers)
        _warn_of_other_words(papers, fields)
        fresh = first_of_each(paper for paper in papers if paper.known is None)
        for paper in fresh:
            check_number(client, paper)
        for record_type, identifier in replaced:
            by = papers[0].identifier
            papers[0].further.append(
                change_of(client, authority, record_type, identifier, by, by_owner=authority)
            )
        findings = _examine(client, authority, papers, pdf_root or ()) if check_signatures else {}
        keep_salts(papers)
        groups = [paper.to_sign for paper in first_of_each(papers)]
        for records in split(group for group in groups if group):
            submit_final(client, signer, records)
        rows = collect(client, papers, trusted, quiet=as_json)
    _report(rows, len(fresh), findings, as_json=as_json)
    if any(paper.disputed for paper, _ in rows):
        raise typer.Exit(ExitCode.CANNOT_TELL)


# -- before anything is read -------------------------------------------------------------------------------------------


def check_files(files: Sequence[Path], secrecy: str | None) -> None:
    """Raise UsageError for a file that is not there, RefusedError (`document.secret`) for one that is marked secret."""
    if secrecy is not None and secrecy in SECRECIES and secrecy != UNCLASSIFIED:
        raise RefusedError(
            "document.secret",
            "a paper marked secret is not anchored: it was not read, and nothing about it left this machine",
        )
    for path in files:
        check_file(path)
        if secrecy is None:
            check_not_secret(path)


def _fields(
    files: Sequence[Path], given: dict[str, str | None], *, private: bool, office_secret: Path | None
) -> dict[str, Value]:
    """What the options say of the paper, as fields of its record."""
    named = [name for name, value in given.items() if value is not None]
    if named and len(files) > 1 and named != ["secrecy"]:
        raise UsageError("document.one", f"--{named[0]} describes one document; anchor it by itself")
    if given["kind"] is None:
        given["kind"] = kind_of(given["symbol"])
    if given["number"] is not None and given["book"] is None:
        given["book"] = default_book(given["symbol"], given["kind"])
    if private:
        return private_fields(given, office_secret)
    return described(given)


def private_fields(given: Mapping[str, str | None], office_secret: Path | None) -> dict[str, Value]:
    """What may be said of a private paper: a tag of its number. Raises UsageError for more, or where the secret is missing."""
    disclosing = [
        name
        for name in ("number", "symbol", "date", "abstract", "urgency", "kind", "book")
        if given.get(name) is not None
    ]
    number, date = given.get("number"), given.get("date")
    if office_secret is None:
        if disclosing:
            raise UsageError(
                "document.commitment-discloses",
                f"--private hides what a paper is: leave out --{disclosing[0]} (with --office-secret, --number, --date, "
                "--symbol and --book only make the tag by which the number is used once)",
            )
        return {}
    if number is None or date is None:
        raise UsageError("document.number-date", "--office-secret needs --number and --date")
    for name in ("abstract", "urgency"):
        if given.get(name) is not None:
            raise UsageError(
                "document.commitment-discloses", f"--private hides what a paper is: leave out --{name}"
            )
    Date().check("date", date)
    book = unicodedata.normalize("NFC", given.get("book") or "")
    return {
        "number_tag": number_tag(
            read_salt(office_secret), book, int(date[:4]), unicodedata.normalize("NFC", number)
        )
    }


def _check_one(
    files: Sequence[Path], fields: Mapping[str, Value], replaced: Sequence[tuple[str, bytes]]
) -> None:
    if len(files) > 1 and ("continues" in fields or replaced):
        raise UsageError("document.one", "what takes another's place is one document; anchor it by itself")


def _check_pdf_option(*, private: bool) -> None:
    pdf_signatures.check_installed()
    if private:
        raise UsageError(
            "document.commitment-discloses",
            "--private hides what a paper is, and the certificates in it would say who signed: leave out --pdf-signatures",
        )


def _warn_of_other_words(papers: Sequence[Paper], fields: Mapping[str, Value]) -> None:
    """Say so if a paper was anchored before with another description: the ledger keeps that one."""
    for paper in papers:
        said = parse_record(paper.record).body
        if paper.known is not None and any(said.get(name) != value for name, value in fields.items()):
            error_console.print(
                f"[yellow]Cảnh báo / warning:[/] {escape_path(paper.path)} đã neo từ trước với mô tả khác; mô tả lần này không "
                "được ghi / was anchored before with another description, which stands"
            )


def policy_of(key: Path) -> Path | None:
    """The policy of the home that the key lies in, if it lies in one."""
    path = Home(key.resolve().parent.parent).policy
    return path if path.is_file() else None


# -- reading, signing, collecting --------------------------------------------------------------------------------------


def _read(
    files: Sequence[Path], authority: str, fields: Mapping[str, Value], *, private: bool, quiet: bool
) -> list[Paper]:
    papers = []
    with progress("Băm / hashing", len(files), quiet=quiet) as report:
        for count, path in enumerate(files, 1):
            papers.append((private_paper if private else public_paper)(path, authority, fields))
            report(count)
    return papers


def _examine(
    client: Client, authority: str, papers: Sequence[Paper], roots: Sequence[Path]
) -> dict[Path, tuple[pdf_signatures.Finding, ...]]:
    """Look at the signatures of each PDF, and state what was found unless that has been stated before."""
    findings = {}
    for paper in papers:
        if not pdf_signatures.is_pdf(paper.path):
            continue
        found = findings[paper.path] = pdf_signatures.examine(paper.path, roots)
        if paper.known is not None and any(
            info.type == "doc.signatures/1" and info.authority == authority
            for info in client.document(paper.identifier)
        ):
            continue
        paper.further += [
            make_record("doc.signatures/1", body)
            for body in pdf_signatures.statements(authority, paper.identifier, found)
        ]
    return findings


def collect(
    client: Client, papers: Sequence[Paper], policy: Trust, *, quiet: bool
) -> list[tuple[Paper, Path]]:
    """Fetch, check and keep the receipts of papers that are on the ledger; `disputed` is set where one shows that."""
    texts = receipts_of(client, papers)
    rows = []
    with progress("Biên nhận / receipts", len(papers), quiet=quiet) as report:
        for count, paper in enumerate(papers, 1):
            text = texts[leaf_hash(paper.record)]
            rows.append((paper, keep_checked_receipt(paper, text, policy, disputed_too=True)))
            report(count)
    return rows


# -- saying what was done ----------------------------------------------------------------------------------------------


def _report(
    rows: Sequence[tuple[Paper, Path]],
    signed: int,
    findings: Mapping[Path, Sequence[pdf_signatures.Finding]],
    *,
    as_json: bool,
) -> None:
    if as_json:
        print_json(
            {
                "signed": signed,
                "documents": [
                    {
                        "file": str(paper.path),
                        "document": paper.identifier.hex(),
                        "record_id": leaf_hash(paper.record).hex(),
                        "receipt": str(receipt_path),
                        "already_anchored": paper.known is not None,
                        "disputed": paper.disputed,
                    }
                    | (
                        {"signatures": [_as_dictionary(finding) for finding in findings[paper.path]]}
                        if paper.path in findings
                        else {}
                    )
                    for paper, receipt_path in rows
                ],
            }
        )
        return
    for paper, receipt_path in rows:
        mark = (
            "[green]đã neo / anchored[/]" if paper.known is None else "[yellow]đã neo từ trước / already[/]"
        )
        console.print(f"{mark}  {escape_path(paper.path)}  →  {escape_path(receipt_path)}")
        if paper.disputed:
            warn_of_dispute()
        if paper.salt is not None:
            console.print(f"    giữ kín / keep secret: {escape_path(beside(paper.path, SALT_SUFFIX))}")
        for finding in findings.get(paper.path, ()):
            _print_finding(finding)
        if paper.path in findings and not findings[paper.path]:
            console.print("    PDF không có chữ ký số / the PDF holds no signature")
    if len(rows) > 1:
        console.print(f"{len(rows)} tệp / files, {signed} văn bản mới / new documents")


def warn_of_dispute() -> None:
    """Say that the key that anchored a paper is disputed, and how the office can stand by the paper."""
    error_console.print(
        "    [yellow]đang có tranh chấp / disputed:[/] khóa đã neo văn bản này bị thu hồi, tính từ trước lúc neo. Cơ quan vẫn "
        "đứng tên thì dùng khóa khác: neo một bản mới với --supersedes, hoặc sogoc document stamp / the key that anchored it "
        "was revoked, from before that. To stand by it use another key: a newer version with --supersedes, or document stamp"
    )


def _as_dictionary(finding: pdf_signatures.Finding) -> dict[str, str | int | None]:
    return {
        "position": finding.position,
        "signer": finding.signer,
        "certificate": None if finding.certificate is None else finding.certificate.hex(),
        "signed_ms": finding.signed_ms,
        "integrity": finding.integrity,
        "coverage": finding.coverage,
        "changes": finding.changes,
        "trust": finding.trust,
    }


def _print_finding(finding: pdf_signatures.Finding) -> None:
    mark = "[green]chữ ký khớp / intact[/]" if finding.is_sound else "[bold red]chữ ký hỏng / broken[/]"
    console.print(
        f"    {mark}  {finding.position}. {escape(finding.signer)}  ({finding.coverage}, changes: {finding.changes}, "
        f"trust: {finding.trust})"
    )
    if not finding.is_sound:
        error_console.print(
            "[yellow]Cảnh báo / warning:[/] chữ ký trong PDF không khớp; điều đó đã được ghi vào sổ / a signature in the PDF "
            "does not fit it, and the ledger says so"
        )


def _report_known(files: Sequence[Path], node: str, *, as_json: bool) -> None:
    with Client(node) as client:
        found = [(path, find(client, identifier_of(str(path)))) for path in files]
    if as_json:
        print_json(
            {
                "documents": [
                    {"file": str(path), "anchors": [each.as_dictionary() for each in anchors]}
                    for path, anchors in found
                ]
            }
        )
    else:
        for path, anchors in found:
            mark = "[green]đã neo / anchored[/]" if anchors else "[yellow]chưa neo / not anchored[/]"
            console.print(f"{mark}  {escape_path(path)}")
            for each in anchors:
                each.print()
    if not all(anchors for _, anchors in found):
        raise typer.Exit(ExitCode.CANNOT_TELL)
    if not all(any(each.is_in_force for each in anchors) for _, anchors in found):
        raise typer.Exit(ExitCode.NO_LONGER_IN_FORCE)


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
