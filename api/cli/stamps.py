"""`sogoc document stamp`: copies of PDFs that bear the lookup code of their document, and are recorded as its stamped copies.

Rules: the originals are not touched and nothing of them is sent. All copies are made, under hidden names, before anything is
signed, so a PDF that cannot be stamped stops everything while nothing has happened. One signature then anchors what was not
anchored yet, together with the hash of each copy (`doc.paper/1`); a copy gets its name once that is final, so no code is handed
out that leads nowhere. Whatever ends a run early, the same command goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption, PolicyOption, check_files, policy_of
from api.cli.files import SALT_SUFFIX, beside, escape_path, read_policy, sha256_of
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, print_json, progress
from api.cli.papers import (
    Paper,
    anchors_of,
    keep_checked_receipt,
    keep_salts,
    mark_known,
    private_paper,
    public_paper,
    receipts_of,
    split,
)
from api.cli.signing import key_row, make_record, member_row, submit_final
from api.client import Client
from api.papers.stamping import MAX_BYTES, Stamp
from api.papers.stamping import stamp as stamped
from api.papers.typesetting import PaperError
from ledger.errors import RefusedError
from ledger.genesis import parse_genesis_leaf
from ledger.hashing import leaf_hash
from ledger.lookup_code import code_of, grouped
from ledger.policy import Trust
from ledger.records.base import IN_FORCE
from ledger.records.documents import DOCUMENT_PAPER
from node.safe_files import disk_error, put_file, sync_names

_WAITING_SUFFIX = ".sogoc-dau"


@dataclass(slots=True)
class _Copy:
    """A stamped copy on its way."""

    original: Paper
    target: Path
    digest: bytes = b""
    """SHA-256 of the copy."""
    record: bytes = b""
    """The record that states it is a copy of the original."""
    is_recorded: bool = False
    """Whether that record is on the ledger already."""

    @property
    def waiting(self) -> Path:
        """Where the copy lies until it is recorded: the name says which record its code leads to."""
        record = leaf_hash(self.original.record).hex()[:32]
        return self.target.with_name(f".{self.target.name[:100]}.{record}{_WAITING_SUFFIX}")

    @property
    def code(self) -> str:
        """The document's lookup code."""
        return code_of(leaf_hash(self.original.record))


def stamp(
    files: Annotated[list[Path], typer.Argument(help="Các tệp PDF / PDF files")],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Tệp mới; nhiều tệp: thư mục / the new file, or a folder for several"
        ),
    ],
    site: Annotated[
        str,
        typer.Option(
            "--site",
            help="Trang kiểm tra mà mã dẫn tới / address of the page that the code leads to: https://so-goc.example",
            envvar="SOGOC_SITE",
        ),
    ],
    key: KeyOption,
    private: Annotated[
        bool,
        typer.Option(
            "--private",
            help="Tệp chưa neo là giấy tờ về cá nhân / anchor by a salted commitment what is not anchored yet",
        ),
    ] = False,
    node: NodeOption = DEFAULT_NODE,
    policy: PolicyOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Đóng dấu mã tra cứu lên bản sao PDF, neo cả bản sao: một chữ ký. Stamp copies of PDFs with their codes, one signature."""
    check_files(files, None)
    targets = _targets(files, output)
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        trusted = read_policy(policy if policy is not None else policy_of(key), client)
        own = key_row(client, signer.public_key).member
        papers = [_paper(path, own, private=private) for path in files]
        mark_known(client, own, papers)
        for paper in papers:
            _check_standing(client, paper)
        copies = [_Copy(paper, target) for paper, target in zip(papers, targets, strict=True)]
        row = member_row(client, own)
        what = Stamp("", site, parse_genesis_leaf(client.genesis()).origin, own if row is None else row.name)
        with _dropped_on_failure(copies):
            _make(client, copies, own, what, quiet=as_json)
        keep_salts(paper for paper in papers if paper.known is None)
        for records in split(_groups(copies)):
            submit_final(client, signer, records)
        for copy in copies:
            _name(copy)
        _keep_receipts(client, [*papers, *(_as_paper(copy) for copy in copies)], trusted)
    _report(copies, as_json=as_json)


def _targets(files: Sequence[Path], output: Path) -> list[Path]:
    """Where each copy goes. Raises UsageError."""
    is_one = len(files) == 1 and not output.is_dir()
    targets = [output] if is_one else [output / path.name for path in files]
    if len(set(targets)) < len(targets):
        raise UsageError("file.same-name", "two of the files have the same name: stamp them one by one")
    originals = {path.resolve() for path in files}
    for target in targets:
        if target.resolve() in originals:
            raise UsageError("file.exists", f"{target} is an original: name another place for the copies")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError("file.write", f"cannot make {target.parent}: {error.strerror}") from error
    return targets


def _paper(path: Path, own: str, *, private: bool) -> Paper:
    is_private = private or beside(path, SALT_SUFFIX).exists()
    return (private_paper if is_private else public_paper)(path, own, {})


def _check_standing(client: Client, paper: Paper) -> None:
    """Raise RefusedError for what is no longer in force, or is another authority's."""
    if paper.known is not None:
        if paper.known.status != IN_FORCE:
            raise RefusedError(
                "document.not-in-force", f"{paper.path} is no longer in force: it is {paper.known.status}"
            )
        return
    others = sorted({info.authority for info in anchors_of(client, paper.identifier)})
    if others:
        raise RefusedError(
            "document.of-another", f"{paper.path} was anchored by {', '.join(others)}: only they stamp it"
        )


@contextmanager
def _dropped_on_failure(copies: Sequence[_Copy]) -> Iterator[None]:
    """If one copy cannot be made, the others made meanwhile go away: nothing has been signed."""
    before = {copy.waiting for copy in copies if copy.waiting.exists()}
    try:
        yield
    except Exception:
        for copy in copies:
            if copy.waiting not in before:
                copy.waiting.unlink(missing_ok=True)
        raise


def _make(client: Client, copies: Sequence[_Copy], own: str, what: Stamp, *, quiet: bool) -> None:
    """Make the copies that are not there from a run before, and find out which are recorded."""
    with progress("Đóng dấu / stamping", len(copies), quiet=quiet) as report:
        for count, copy in enumerate(copies, 1):
            file = _file_of(copy, what)
            copy.digest, _ = sha256_of(file)
            copy.record = make_record(
                DOCUMENT_PAPER,
                {"authority": own, "document": copy.original.identifier, "hash": copy.digest},
            )
            copy.is_recorded = _is_recorded(client, copy)
            if file == copy.target and not copy.is_recorded:
                raise UsageError(
                    "file.exists", f"{copy.target} exists: name another file; nothing is overwritten"
                )
            report(count)


def _file_of(copy: _Copy, what: Stamp) -> Path:
    if copy.target.exists():
        return copy.target
    if not copy.waiting.exists():
        pdf = _read(copy.original.path)
        panel = Stamp(copy.code, what.site, what.origin, what.issuer)
        put_file(copy.waiting, stamped(pdf, panel, time_s=int(time.time())), mode=_mode_of(copy.original))
    return copy.waiting


def _mode_of(original: Paper) -> int:
    return 0o644 if original.commitment is None else 0o600


def _is_recorded(client: Client, copy: _Copy) -> bool:
    return any(info.raw == copy.record for info in client.document(copy.digest))


def _groups(copies: Iterable[_Copy]) -> list[list[bytes]]:
    """What is to be signed: a document and its copies stay together, the document first."""
    groups: dict[bytes, list[bytes]] = {}
    for copy in copies:
        if not copy.is_recorded:
            groups.setdefault(copy.original.identifier, copy.original.to_sign).append(copy.record)
    return list(groups.values())


def _name(copy: _Copy) -> None:
    """Give the copy its name, now that it is recorded."""
    if copy.target.exists():
        return
    try:
        copy.waiting.rename(copy.target)
        sync_names(copy.target.parent)
    except OSError as error:
        raise disk_error(error, copy.target) from error


def _as_paper(copy: _Copy) -> Paper:
    """The copy as a file that has a receipt of its own."""
    return Paper(copy.target, copy.digest, copy.record)


def _keep_receipts(client: Client, papers: Sequence[Paper], policy: Trust) -> None:
    texts = receipts_of(client, papers)
    for paper in papers:
        # Of an original whose key is disputed, a copy that is stamped with another key is how the office stands by it.
        keep_checked_receipt(paper, texts[leaf_hash(paper.record)], policy, disputed_too=True)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            pdf = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError("file.read", f"cannot read {file}: {error.strerror}") from error
    if len(pdf) > MAX_BYTES:
        raise PaperError("paper.size", f"a PDF to be stamped has at most {MAX_BYTES} bytes")
    return pdf


def _report(copies: Sequence[_Copy], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "documents": [
                    {
                        "file": str(copy.original.path),
                        "stamped": str(copy.target),
                        "code": grouped(copy.code),
                        "record_id": leaf_hash(copy.original.record).hex(),
                        "paper_record_id": leaf_hash(copy.record).hex(),
                        "already_anchored": copy.original.known is not None,
                        "already_stamped": copy.is_recorded,
                    }
                    for copy in copies
                ]
            }
        )
        return
    for copy in copies:
        console.print(f"[green]Đã đóng dấu / stamped:[/] {escape_path(copy.target)}  {grouped(copy.code)}")
    console.print(
        "  bản đóng dấu đã ghi sổ cùng văn bản, biên nhận cạnh tệp / each copy is recorded with its document; receipts beside"
    )
