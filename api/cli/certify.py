"""`sogoc certify`: certificates from a table to the holder's files.

Rules: all rows are right, or nothing is signed. The plan is on the disk, and claims with their salts are in the node's vault,
before the first entry is submitted: so the same command can be run again after a crash and issues nothing twice, and nothing
final lacks its claims. Sheets of paper are made once their certificates are final, and are stated on the ledger with one
signature more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from api.answers import ApiError
from api.certificates.issuing import (
    Issuing,
    Plan,
    Planned,
    free_indexes,
    plan_rows,
    save_plan,
    sign_batches,
)
from api.certificates.packs import HolderFolders, Pack, PackMaker
from api.certificates.schemas import Schema, schemas
from api.certificates.sheets import SheetMaker, is_in_force, state_sheets
from api.certificates.vaulting import VaultClaims, keeps_vault
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.certificate_common import (
    DomainOption,
    ListsOption,
    SiteOption,
    issuing_authority,
    now_ms,
    option_day,
    say,
    vc_issuer,
)
from api.cli.certify_report import (
    LIST_NAME,
    PLAN_NAME,
    PLAN_SUFFIX,
    Place,
    Progress,
    checked_table,
    print_report,
    print_stopped,
    write_list,
)
from api.cli.files import read_policy
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, error_console, progress
from api.cli.signing import chain_id_of
from api.client import Client
from api.papers.signing import PdfSigner
from api.vault import VaultClient
from ledger import days
from ledger.errors import LedgerError
from ledger.keys import SigningKey
from node import keyfiles
from node.home import Home

__all__ = ["LIST_NAME", "PLAN_NAME", "PLAN_SUFFIX", "certify"]


@dataclass(frozen=True, slots=True)
class _Desk:
    """What an issue is made with."""

    client: Client
    signer: SigningKey
    packs: PackMaker
    vault: VaultClaims | None
    folders: HolderFolders | None
    sheets: SheetMaker | None


def certify(
    *,
    schema: Annotated[
        str, typer.Option("--schema", help="Mẫu giấy; xem `sogoc certificate schemas` / what is certified")
    ],
    csv: Annotated[
        Path, typer.Option("--csv", help="Bảng CSV (UTF-8), mỗi dòng một giấy / one row for each certificate")
    ],
    key: KeyOption,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Thư mục cho hồ sơ trao cho từng người; có kho thì không bắt buộc / folder for the holders' files",
        ),
    ] = None,
    node: NodeOption = DEFAULT_NODE,
    valid_from: Annotated[
        str | None,
        typer.Option(
            "--valid-from", help="Có giá trị từ ngày; mặc định hôm nay / first day; today by default"
        ),
    ] = None,
    valid_until: Annotated[
        str | None,
        typer.Option("--valid-until", help="Có giá trị đến hết ngày / last day; by the schema if not given"),
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Chỉ kiểm tra bảng / only look for mistakes in the table")
    ] = False,
    vault: Annotated[
        bool | None,
        typer.Option(
            "--vault/--no-vault",
            help="Cất nội dung vào kho trước khi cấp; mặc định: có, nếu nút có kho / keep claims in the node's vault first",
        ),
    ] = None,
    papers: Annotated[
        bool, typer.Option("--papers", help="Làm bản giấy PDF và ghi sổ mã băm / make sheets, and state them")
    ] = False,
    site: SiteOption = None,
    pdf_key: Annotated[
        Path | None,
        typer.Option("--pdf-key", help="Khóa ký số PDF (PEM) / private key to sign the sheets with"),
    ] = None,
    pdf_cert: Annotated[
        Path | None, typer.Option("--pdf-cert", help="Chứng thư của khóa đó (PEM) / its certificate")
    ] = None,
    pdf_passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--pdf-passphrase-file", help="Tệp chứa mật khẩu của khóa đó (quyền 0600) / its passphrase"
        ),
    ] = None,
    status_lists: ListsOption = None,
    domain: DomainOption = None,
    policy: Annotated[
        Path | None, typer.Option(help="Chính sách để kiểm tra biên nhận / policy to check receipts with")
    ] = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cấp giấy hàng loạt từ bảng CSV: một chữ ký. Issue certificates from a table: one signature, files for each holder."""
    form = _schema(schema)
    data = _read(csv)
    first = option_day(valid_from, "--valid-from") or days.day_of(now_ms())
    last = option_day(valid_until, "--valid-until")
    table = checked_table(csv, data, form, as_json=as_json)
    if check_only:
        say(
            as_json,
            f"{len(table.rows)} dòng đều đúng / rows, no mistake",
            {"rows": len(table.rows), "mistakes": []},
        )
        return
    source = hashlib.sha256(data + f"\0{schema}\0{valid_from}\0{valid_until}".encode()).digest()
    if papers and (site is None or output is None):
        raise UsageError(
            "paper.where", "--papers needs --site, the address that the codes lead to, and a folder with -o"
        )
    pdf_signer = _pdf_signer(pdf_key, pdf_cert, pdf_passphrase_file, papers=papers)
    place = Place.of(output, csv)
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        trusted = read_policy(policy if policy is not None else _policy_of(key), client)
        authority = issuing_authority(client, signer)
        desk = _Desk(
            client,
            signer,
            PackMaker(
                client,
                trusted,
                signer,
                vc_issuer(client, signer, authority, status_lists, domain, node),
                form,
                authority,
                now_ms(),
            ),
            _vault(client, signer, authority, place, wanted=vault),
            None if output is None else HolderFolders(output, with_sheets=papers),
            None
            if not papers or site is None
            else SheetMaker(client, trusted, chain_id_of(client), form, authority, site, pdf_signer),
        )
        plan = _pending(place, source, authority, client)
        if plan is None:
            indexes = free_indexes(client, authority, len(table.rows))
            planned = plan_rows(table.rows, form, valid_from=first, valid_until=last, indexes=indexes)
            if desk.sheets is not None:
                desk.sheets.try_out(planned[0])
            plan = _new_plan(client, signer, planned, source, form, authority, place)
        done = _issue(desk, plan, place, quiet=as_json)
    print_report(done, place, in_vault=desk.vault is not None, as_json=as_json)


def _pdf_signer(
    key: Path | None, certificate: Path | None, passphrase_file: Path | None, *, papers: bool
) -> PdfSigner | None:
    if key is None and certificate is None:
        return None
    if key is None or certificate is None or not papers:
        raise UsageError("paper.key", "--pdf-key and --pdf-cert go together, with --papers")
    passphrase = None if passphrase_file is None else keyfiles.resolve_passphrase(file=passphrase_file)
    return PdfSigner.load(key, certificate, passphrase)


def _vault(
    client: Client, signer: SigningKey, authority: str, place: Place, *, wanted: bool | None
) -> VaultClaims | None:
    """The node's vault, unless there is none or it is not wanted. Raises UsageError (`vault.needed`), ApiError."""
    try:
        is_used = wanted is not False and keeps_vault(client)
    except ApiError as error:
        if error.code != "vault.insecure":
            raise
        raise UsageError("vault.insecure", f"{error.detail}; --no-vault leaves it out") from error
    if is_used:
        return VaultClaims(VaultClient(client, chain_id_of(client), signer), authority)
    if wanted:
        raise UsageError("vault.none", "this node keeps no vault")
    if place.folder is None:
        raise UsageError(
            "vault.needed",
            "without the node's vault, the claims would be nowhere: name a folder for the holders' files with -o",
        )
    return None


def _policy_of(key: Path) -> Path | None:
    """The policy of the home that the key lies in, if it lies in one."""
    path = Home(key.resolve().parent.parent).policy
    return path if path.is_file() else None


def _schema(name: str) -> Schema:
    known = schemas()
    if name not in known:
        raise UsageError("schema.unknown", f"there is no schema {name!r}; there are: {', '.join(known)}")
    return known[name]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError("file.read", f"cannot read {path}: {error.strerror}") from error


def _pending(place: Place, source: bytes, authority: str, client: Client) -> Plan | None:
    """The plan that an earlier run left, if it is for the same rows. Raises UsageError if not."""
    path = place.plan
    if not path.exists():
        if place.listed.exists():
            raise UsageError(
                "output.exists",
                f"{place.listed} lists certificates that were issued before: choose another folder",
            )
        return None
    plan = Plan.parse(_read(path))
    if (plan.source, plan.authority, plan.chain_id) != (source, authority, chain_id_of(client)):
        raise UsageError(
            "plan.other",
            f"{path} is the plan of another command that was not finished: run that one again, or choose another folder",
        )
    return plan


def _new_plan(
    client: Client,
    signer: SigningKey,
    planned: Sequence[Planned],
    source: bytes,
    form: Schema,
    authority: str,
    place: Place,
) -> Plan:
    chain_id = chain_id_of(client)
    batches = sign_batches(
        planned, signer, schema=form.name, authority=authority, chain_id=chain_id, time_ms=now_ms()
    )
    plan = Plan(chain_id, source, form.name, authority, tuple(batches))
    try:
        place.plan.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("file.write", f"cannot make {place.plan.parent}: {error.strerror}") from error
    save_plan(place.plan, plan)
    return plan


def _issue(desk: _Desk, plan: Plan, place: Place, *, quiet: bool) -> Progress:
    issuing = Issuing(desk.client, desk.signer, plan, place.plan, clock_ms=now_ms)
    done = Progress(plan)
    with progress("Cấp giấy / issuing", plan.count, quiet=quiet) as report:
        number = 0
        while number < len(issuing.plan.batches):
            try:
                if desk.vault is not None:
                    desk.vault.keep(issuing.plan.batches[number].planned)
                packs = desk.packs.make(issuing.issue(number))
                done.packs += _kept(desk, packs)
            except LedgerError:
                done.plan = issuing.plan
                print_stopped(done, number, place)
                raise
            write_list(done, place)
            report(len(done.packs))
            number += 1
    done.plan = issuing.plan
    if desk.sheets is not None and desk.folders is not None:
        _make_sheets(desk, desk.sheets, desk.folders, issuing, done, quiet=quiet)
    if desk.folders is not None:
        desk.folders.flush()
    # Last: from here on there is nothing left to resume.
    place.plan.unlink()
    return done


def _kept(desk: _Desk, packs: Sequence[Pack]) -> list[tuple[Pack, str]]:
    return [(pack, "" if desk.folders is None else desk.folders.put(pack)) for pack in packs]


def _make_sheets(
    desk: _Desk, maker: SheetMaker, folders: HolderFolders, issuing: Issuing, done: Progress, *, quiet: bool
) -> None:
    """Sheets for what is in force, and packs that know of them."""
    packs = [pack for pack, _ in done.packs]
    try:
        with progress("Bản giấy / sheets", len(packs), quiet=quiet) as report:
            later = state_sheets(issuing, maker, folders, packs, report)
        maker_now = replace(desk.packs, now_ms=now_ms())
        renewed = [pack for batch in issuing.plan.batches for pack in maker_now.make(batch, later)]
    except LedgerError:
        error_console.print(
            "  mọi giấy đã cấp, bản giấy chưa xong; chạy lại đúng lệnh này để tiếp tục / all certificates are issued, their "
            "sheets are not done: run the same command again to go on"
        )
        raise
    done.packs = _kept(desk, renewed)
    done.sheets = {pack.certificate: folders.sheet(pack) for pack in renewed if pack.certificate in later}
    for pack in packs:
        if not is_in_force(pack):
            error_console.print(
                f"  dòng / row {pack.row}: không còn hiệu lực nên không có bản giấy / no longer in force, so it has no sheet"
            )
