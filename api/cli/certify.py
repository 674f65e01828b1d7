"""`sogoc certify`, `sogoc revoke` and `sogoc certificate …`: certificates, from a table to the holder's files, and after.

Rules: all rows are right, or nothing is signed. The plan is on the disk, and claims with their salts are in the node's vault,
before the first entry is submitted: so the same command can be run again after a crash and issues nothing twice, and nothing
final lacks its claims. What is said of a failure is exact: which rows are issued, which are not. Sheets of paper are made once
their certificates are final, and are stated on the ledger with one signature more.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.answers import ApiError
from api.certificates.issuing import (
    Issuing,
    Plan,
    Planned,
    free_indexes,
    last_day,
    plan_rows,
    save_plan,
    sign_batches,
)
from api.certificates.packs import HolderFolders, Pack, PackMaker
from api.certificates.schemas import FieldValueError, Schema, read_date, schemas
from api.certificates.sheets import SheetMaker, is_in_force, state_sheets
from api.certificates.table import Mistake, Table, read_table, write_table
from api.certificates.vaulting import VaultClaims, keeps_vault
from api.cli import passphrases, recovering
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.files import escape_path, read_policy
from api.cli.nodes import connect
from api.cli.output import (
    ExitCode,
    JsonOption,
    UsageError,
    console,
    error_console,
    iso_time,
    local_time,
    print_json,
    progress,
)
from api.cli.signing import chain_id_of, key_row, make_record, member_row, submit_final
from api.client import Client
from api.papers.signing import PdfSigner
from api.vault import VaultClient
from api.words import CERTIFICATE_REASONS, status_words
from ledger import days
from ledger.credentials import did, status_list, vc
from ledger.disclosure import MAX_FILE_BYTES, PROOF_SUFFIX, CertificateProof
from ledger.encoding import Value
from ledger.errors import FormatError, LedgerError, RefusedError
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.records.certificates import (
    CERTIFICATE_SIZE,
    REINSTATE,
    RENEW,
    REVOCATION_REASONS,
    REVOKE,
    SUSPEND,
    SUSPENSION_REASONS,
)
from ledger.roles import ISSUER
from node import keyfiles
from node.home import Home
from node.safe_files import put_file

PLAN_SUFFIX = ".sogoc-plan"
PLAN_NAME = f"ke-hoach{PLAN_SUFFIX}"
NO_DECISION = "-"
"""Always stated: without it, a record by an authority of four letters would have the 64 bytes that none may have."""
LIST_NAME = "danh-sach.csv"
_SHOWN_MISTAKES = 50

app = typer.Typer(
    help="Giấy chứng nhận: tạm đình chỉ, gia hạn, trích ra, danh sách tình trạng. Certificates, once they are issued.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the files of an issue are: in a folder with those for the holders, or beside the table if there are none."""

    plan: Path
    listed: Path
    folder: Path | None

    @classmethod
    def of(cls, output: Path | None, table: Path) -> _Place:
        if output is not None:
            return cls(output / PLAN_NAME, output / LIST_NAME, output)
        return cls(
            table.with_name(table.name + PLAN_SUFFIX), table.with_name(f"{table.name}.{LIST_NAME}"), None
        )


@dataclass(frozen=True, slots=True)
class _Desk:
    """What an issue is made with."""

    client: Client
    signer: SigningKey
    packs: PackMaker
    vault: VaultClaims | None
    folders: HolderFolders | None
    sheets: SheetMaker | None


@dataclass(slots=True)
class _Progress:
    """What has been done when something stops."""

    plan: Plan
    packs: list[tuple[Pack, str]] = field(default_factory=list)
    """With the folder of each; an empty name where there is none."""
    sheets: dict[bytes, Path] = field(default_factory=dict)
    """By certificate."""


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
    first = _day(valid_from, "--valid-from") or days.day_of(_now_ms())
    last = _day(valid_until, "--valid-until")
    table = _table(csv, data, form, as_json=as_json)
    if check_only:
        _say(
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
    place = _Place.of(output, csv)
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        trusted = read_policy(policy if policy is not None else _policy_of(key), client)
        authority = _issuer(client, signer)
        desk = _Desk(
            client,
            signer,
            PackMaker(
                client,
                trusted,
                signer,
                _vc_issuer(client, signer, authority, status_lists, domain, node),
                form,
                authority,
                _now_ms(),
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
    _report(done, place, in_vault=desk.vault is not None, as_json=as_json)


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
    client: Client, signer: SigningKey, authority: str, place: _Place, *, wanted: bool | None
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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _day(text: str | None, option: str) -> str | None:
    if text is None:
        return None
    try:
        return read_date(text.strip())
    except FieldValueError as error:
        raise UsageError("certificate.day", f"{option} {error.english}") from error


def _table(path: Path, data: bytes, form: Schema, *, as_json: bool) -> Table:
    try:
        table = read_table(data, form)
    except FormatError as error:
        raise UsageError(error.rule, f"{path}: {error.detail}") from error
    if not table.mistakes:
        return table
    if as_json:
        print_json({"mistakes": [_mistake_json(mistake) for mistake in table.mistakes]})
    else:
        _print_mistakes(path, table.mistakes)
    raise typer.Exit(ExitCode.USAGE)


def _mistake_json(mistake: Mistake) -> dict[str, Any]:
    return {
        "row": mistake.row,
        "column": mistake.column,
        "vi": mistake.vietnamese,
        "en": mistake.english,
    }


def _print_mistakes(path: Path, mistakes: Sequence[Mistake]) -> None:
    error_console.print(
        f"[bold red]{escape_path(path)}: {len(mistakes)} lỗi, chưa cấp giấy nào / mistakes, nothing was issued[/]"
    )
    for mistake in mistakes[:_SHOWN_MISTAKES]:
        where = f"dòng / row {mistake.row}" + (f", cột / column “{mistake.column}”" if mistake.column else "")
        error_console.print(
            f"  {escape(where)}: {escape(mistake.vietnamese)} [dim]/ {escape(mistake.english)}[/]"
        )
    if len(mistakes) > _SHOWN_MISTAKES:
        error_console.print(f"  … và {len(mistakes) - _SHOWN_MISTAKES} lỗi nữa / and more")


def _issuer(client: Client, signer: SigningKey) -> str:
    """The authority that an issuer's key acts for. Raises RefusedError (`key.unknown`, `authority.role`)."""
    row = key_row(client, signer.public_key)
    if ISSUER not in row.roles:
        raise RefusedError(
            "authority.role",
            f"this key acts for {row.member!r} as {', '.join(row.roles)}: it takes an issuer's key",
        )
    return row.member


def _pending(place: _Place, source: bytes, authority: str, client: Client) -> Plan | None:
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
    place: _Place,
) -> Plan:
    chain_id = chain_id_of(client)
    batches = sign_batches(
        planned, signer, schema=form.name, authority=authority, chain_id=chain_id, time_ms=_now_ms()
    )
    plan = Plan(chain_id, source, form.name, authority, tuple(batches))
    try:
        place.plan.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("file.write", f"cannot make {place.plan.parent}: {error.strerror}") from error
    save_plan(place.plan, plan)
    return plan


def _vc_issuer(
    client: Client, signer: SigningKey, authority: str, lists: str | None, domain: str | None, node: str
) -> vc.Issuer:
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


def _issue(desk: _Desk, plan: Plan, place: _Place, *, quiet: bool) -> _Progress:
    issuing = Issuing(desk.client, desk.signer, plan, place.plan, clock_ms=_now_ms)
    done = _Progress(plan)
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
                _print_stopped(done, number, place)
                raise
            _write_list(done, place)
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
    desk: _Desk, maker: SheetMaker, folders: HolderFolders, issuing: Issuing, done: _Progress, *, quiet: bool
) -> None:
    """Sheets for what is in force, and packs that know of them."""
    packs = [pack for pack, _ in done.packs]
    try:
        with progress("Bản giấy / sheets", len(packs), quiet=quiet) as report:
            later = state_sheets(issuing, maker, folders, packs, report)
        maker_now = replace(desk.packs, now_ms=_now_ms())
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


def _print_stopped(done: _Progress, number: int, place: _Place) -> None:
    """Say exactly which rows are issued and which are not, when an entry fails."""
    batches = done.plan.batches
    waiting = [one.row for one in batches[number].planned]
    later = [one.row for batch in batches[number + 1 :] for one in batch.planned]
    lines = []
    if done.packs:
        rows = [pack.row for pack, _ in done.packs]
        lines.append(f"đã cấp và có hồ sơ / issued, files written: {_rows(rows)}")
    lines.append(f"dừng ở / stopped at: {_rows(waiting)} (tất cả hoặc không giấy nào / all of them or none)")
    if later:
        lines.append(f"chưa gửi / not submitted: {_rows(later)}")
    lines.append(
        f"chạy lại đúng lệnh này để tiếp tục, không cấp trùng / run the same command again to go on: {place.plan}"
    )
    for line in lines:
        error_console.print(f"  {escape(line)}")


def _rows(rows: Sequence[int]) -> str:
    return f"{len(rows)} giấy, dòng / rows {rows[0]}–{rows[-1]}"


def _write_list(done: _Progress, place: _Place) -> None:
    rows = ((pack.row, pack.certificate.hex(), pack.record_id.hex(), where) for pack, where in done.packs)
    text = write_table(("dòng / row", "mã giấy / certificate", "bản ghi / record", "thư mục / folder"), rows)
    put_file(place.listed, text.encode(), mode=0o600)


def _report(done: _Progress, place: _Place, *, in_vault: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "schema": done.plan.schema,
                "authority": done.plan.authority,
                "entries": len(done.plan.batches),
                "in_vault": in_vault,
                "certificates": [
                    {
                        "row": pack.row,
                        "certificate": pack.certificate.hex(),
                        "record_id": pack.record_id.hex(),
                        "folder": None if place.folder is None else str(place.folder / where),
                    }
                    | (
                        {"sheet": str(done.sheets[pack.certificate])}
                        if pack.certificate in done.sheets
                        else {}
                    )
                    for pack, where in done.packs
                ],
            }
        )
        return
    console.print(
        f"[bold green]Đã cấp {len(done.packs)} giấy / certificates issued[/], "
        f"{len(done.plan.batches)} chữ ký / signatures  →  {escape_path(place.folder or place.listed)}"
    )
    if in_vault:
        console.print(
            "  nội dung và muối đã ở trong kho của cơ quan / claims and salts are in the office's vault"
        )
    if place.folder is None:
        return
    if done.sheets:
        console.print(f"  {len(done.sheets)} bản giấy PDF đã ghi sổ / sheets, stated on the ledger")
    console.print(
        f"  trao cho từng người thư mục của họ; tệp {PROOF_SUFFIX} có muối, phải giữ kín / hand each folder to its holder; "
        f"{PROOF_SUFFIX} files hold salts: keep them secret"
    )


app.command("recover")(recovering.recover)


@app.command("schemas")
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


@app.command("show")
def show(
    certificate: CertificateArgument, *, node: NodeOption = DEFAULT_NODE, as_json: JsonOption = False
) -> None:
    """Tình trạng của một giấy, theo lời nút. Where a certificate stands, as a node says; `sogoc verify` proves it."""
    identifier = _identifier(certificate)
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


def _identifier(text: str) -> bytes:
    try:
        identifier = bytes.fromhex(text)
    except ValueError:
        identifier = b""
    if len(identifier) != CERTIFICATE_SIZE:
        raise UsageError(
            "certificate.id", f"a certificate's identifier is {2 * CERTIFICATE_SIZE} hexadecimal digits"
        )
    return identifier


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


@app.command("suspend")
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


@app.command("reinstate")
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


@app.command("renew")
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
    until = _day(valid_until, "--until")
    if (until is None) == (months is None):
        raise UsageError("certificate.renewal", "say until when: --until or --months, one of the two")
    if until is None and months is not None:
        until = last_day(_last_day_of(certificate, node, authority), months)
    _append(
        RENEW, certificate, {"valid_until": until}, key, passphrase_file, node, authority, as_json=as_json
    )


def _last_day_of(certificate: str, node: str, authority: str | None) -> str:
    with connect(node) as client:
        found = client.certificate(_identifier(certificate))
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
    identifier = _identifier(certificate)
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        body: dict[str, Value] = {
            "authority": authority or _issuer(client, signer),
            "certificate": identifier,
        }
        record = make_record(record_type, body | fields)
        submit_final(client, signer, [record])
        (found,) = [one for one in client.certificate(identifier) if one.authority == body["authority"]]
    _say(
        as_json,
        f"{identifier.hex()}: {status_words(found.status)}"
        + (f", đến / until {found.valid_until}" if found.valid_until else ""),
        {
            "certificate": identifier.hex(),
            "record_id": leaf_hash(record).hex(),
            "status": found.status,
            "valid_until": found.valid_until,
        },
    )


@app.command("refresh")
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
    _say(as_json, f"Đã lưu / saved: {target}", {"proof": str(target), "records": len(new.records)})


@app.command("disclose")
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
    _say(
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


@app.command("status-list")
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
        authority = _issuer(client, signer)
        issuer = _vc_issuer(client, signer, authority, status_lists, domain, node)
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
                signed = vc.sign(document, signer, issuer.did, created=vc.local_time(_now_ms()))
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


@app.command("did-document")
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


def _say(as_json: bool, message: str, found: dict[str, Any]) -> None:
    if as_json:
        print_json(found)
    else:
        console.print(f"[bold green]{escape(message)}[/]")
