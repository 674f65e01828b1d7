"""`sogoc trace` and `sogoc findings`: where a thing comes from and where it went, checked before it is shown.

Rules: the node's answer is believed in nothing: it comes with the whole history of each thing, which is verified against a
policy, and the trace and its findings are made again from these. A proof that was saved is checked again without a network.
Only the ledger-wide list of findings is the node's word, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.answers import unusable
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, NodeOption
from api.cli.files import escape_path, read_policy
from api.cli.output import ExitCode, JsonOption, UsageError, console, iso_time, local_time, print_json
from api.cli.reporting import Signing, write_report
from api.client import Client
from api.exports.forms import FORMS
from api.exports.passport import step_name
from ledger.errors import VerificationError
from ledger.gs1 import Item, gtin14, parse_item, parse_link
from ledger.origin import words
from ledger.origin.findings import Judgement
from ledger.origin.graph import Direction, Limits
from ledger.origin.model import Finding
from ledger.origin.proof import MAX_PROOF_BYTES, CheckedTrace, check
from ledger.origin.recall import RECALLED, RECALLED_UPSTREAM
from ledger.origin.trace import as_dictionary

_DEPTH = Limits().depth

ThingArgument = Annotated[
    str | None,
    typer.Argument(
        help="GTIN, đường dẫn 01/…, 00/…, code/…, hoặc liên kết trên tem / GTIN, item path, or the link on a label"
    ),
]
LotArgument = Annotated[str | None, typer.Argument(help="Số lô, khi đã ghi GTIN / lot, behind a GTIN")]
TrustOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        help="Chính sách tin cậy; mặc định hỏi nút / the trust policy; the node's own by default",
        envvar="SOGOC_POLICY",
    ),
]
DepthOption = Annotated[int, typer.Option(help="Số tầng mỗi hướng / layers in each direction", min=0, max=32)]
_SEVERITIES = {
    "serious": "[bold red]nghiêm trọng / serious[/]",
    "warning": "[yellow]cảnh báo / warning[/]",
    "info": "thông tin / info",
}
_STATUS = {
    "in-force": "[green]còn lưu hành / in force[/]",
    RECALLED: "[bold red]ĐÃ THU HỒI / recalled[/]",
    RECALLED_UPSTREAM: "[bold red]LIÊN QUAN LÔ THU HỒI / recalled upstream[/]",
    "unknown": "[dim]không có bản ghi / nothing recorded[/]",
}


def item_of(thing: str, lot: str | None) -> str:
    """The item path that somebody means. Raises UsageError, or FormatError (`gs1.*`) for what is no number of GS1."""
    if lot is not None:
        return Item(gtin=gtin14(thing), lot=lot).path
    if "://" in thing:
        return parse_link(thing).item.path
    if "/" in thing:
        return parse_item(thing).path
    if len(thing) == 18 and thing.isascii() and thing.isdigit():
        return Item(sscc=thing).path
    raise UsageError("trace.thing", "name a lot behind the GTIN, or an item path such as 01/<gtin>/10/<lot>")


def trace(
    thing: ThingArgument = None,
    lot: LotArgument = None,
    *,
    back: Annotated[bool, typer.Option("--back", help="Chỉ truy ngược / backward only")] = False,
    forward: Annotated[bool, typer.Option("--forward", help="Chỉ truy xuôi / forward only")] = False,
    depth: DepthOption = _DEPTH,
    svg: Annotated[Path | None, typer.Option("--svg", help="Tệp sơ đồ / file for the picture")] = None,
    proof: Annotated[
        Path | None, typer.Option("--proof", help="Tệp bằng chứng để kiểm tra lại / file for the proof")
    ] = None,
    checked_file: Annotated[
        Path | None,
        typer.Option(
            "--check", help="Kiểm tra tệp bằng chứng đã lưu, không cần mạng / check a saved proof, offline"
        ),
    ] = None,
    export: Annotated[
        str | None, typer.Option("--export", help=f"Xuất ra tệp / export: {', '.join(FORMS)}")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Tệp của --export / file of --export")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Theo lời nút, không kiểm tra / by the node's word, without its proof"),
    ] = False,
    policy: TrustOption = None,
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """Truy ngược, truy xuôi một lô hàng, đã kiểm tra là đủ. Trace a lot both ways, every record proved, none left out."""
    _check_export(export, output)
    direction: Direction = "both" if back == forward else "back" if back else "forward"
    if quick:
        if thing is None or any(one is not None for one in (svg, proof, checked_file, export)):
            raise UsageError("trace.quick", "--quick names a lot, and writes and checks nothing")
        _quick(item_of(thing, lot), (direction, depth), node, as_json=as_json)
        return
    got = _get(thing, lot, (direction, depth), (checked_file, policy, node))
    if proof is not None:
        _write(proof, got.proof)
    if svg is not None:
        _write(svg, FORMS["trace.svg"].make(got.checked.exploration, got.name))
    if export is not None and output is not None:
        _write(output, FORMS[export].make(got.checked.exploration, got.name))
    judgement = Judgement(got.checked.exploration.story)
    if as_json:
        print_json(_described(got.checked, judgement))
    else:
        _print(as_dictionary(got.checked.exploration, judgement, direction, got.checked.as_of_ms), got.name)
        _print_findings(got.checked.findings)
        _print_checked(got.checked)
        for path in (proof, svg, output):
            if path is not None:
                console.print(f"[green]Đã lưu / saved:[/] {escape_path(path)}")
    if judgement.status(got.checked.exploration.start) in {RECALLED, RECALLED_UPSTREAM}:
        raise typer.Exit(ExitCode.NO_LONGER_IN_FORCE)


def _check_export(export: str | None, output: Path | None) -> None:
    if export is not None and export not in FORMS:
        raise UsageError("trace.export", f"--export is one of {', '.join(FORMS)}")
    if (export is None) != (output is None):
        raise UsageError("trace.export", "--export and --output go together")


def findings(
    thing: ThingArgument = None,
    lot: LotArgument = None,
    *,
    severity: Annotated[
        str | None, typer.Option(help="Chỉ mức này / only of this weight: info, warning, serious")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="Chỉ quy tắc này / only of this rule or family")] = None,
    member: Annotated[
        str | None, typer.Option(help="Toàn sổ: chỉ của thành viên này / ledger-wide: only of this member")
    ] = None,
    depth: DepthOption = _DEPTH,
    checked_file: Annotated[
        Path | None,
        typer.Option(
            "--check", help="Từ tệp bằng chứng đã lưu, không cần mạng / from a saved proof, offline"
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Thư mục cho biên bản (JSON, PDF, bằng chứng) / folder for a report with its proof"
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", help="Khóa ký để neo biên bản / key that anchors the report", envvar="SOGOC_KEY"
        ),
    ] = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    policy: TrustOption = None,
    node: NodeOption = DEFAULT_NODE,
    as_json: JsonOption = False,
) -> None:
    """Những điều không khớp về một lô, hoặc trên toàn sổ. What does not add up about a lot, or on the whole ledger."""
    if severity is not None and severity not in _SEVERITIES:
        raise UsageError("findings.severity", "--severity is info, warning or serious")
    if thing is None and checked_file is None:
        _ledger_wide(node, {"severity": severity, "rule": rule, "member": member}, as_json=as_json)
        return
    if member is not None:
        raise UsageError("findings.member", "--member narrows the ledger-wide list; leave out the lot")
    got = _get(thing, lot, ("both", depth), (checked_file, policy, node))
    found = [
        one
        for one in got.checked.findings
        if (severity is None or one.severity == severity)
        and (rule is None or one.rule == rule or one.rule.startswith(f"{rule}."))
    ]
    if as_json:
        print_json(
            {
                "item": got.checked.exploration.start,
                "as_of": iso_time(got.checked.as_of_ms / 1000),
                "complete": not got.checked.exploration.truncated,
                "findings": [one.as_dictionary() for one in found],
            }
        )
    else:
        _print_findings(found)
        _print_checked(got.checked)
    if report is not None:
        with Client(node) as client:
            signer = None if key is None else passphrases.load_key(key, passphrase_file)
            paths = write_report(
                report,
                (got.checked, got.proof, got.name),
                None if signer is None else Signing(client, signer, read_policy(policy, client)),
            )
        if not as_json:
            for path in paths:
                console.print(f"[green]Đã lưu / saved:[/] {escape_path(path)}")


# -- getting it ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Got:
    checked: CheckedTrace
    proof: bytes
    name: Callable[[str], str]


def _get(
    thing: str | None,
    lot: str | None,
    how: tuple[Direction, int],
    where: tuple[Path | None, Path | None, str],
) -> _Got:
    saved, policy, node = where
    if saved is not None:
        if thing is not None:
            raise UsageError(
                "trace.check", "--check names the file, and the file names the thing: leave out the lot"
            )
        data = _read(saved)
        return _Got(check(data, read_policy(policy)), data, lambda member: member)
    if thing is None:
        raise UsageError("trace.thing", "name a lot: GTIN and lot, or an item path")
    item, (direction, depth) = item_of(thing, lot), how
    with Client(node) as client:
        data = client.trace_proof(item, direction=direction, depth=depth)
        checked = check(data, read_policy(policy, client))
        names = {member.id: member.name for member in client.members()}
    if (checked.exploration.start, checked.direction, checked.limits.depth) != (item, direction, depth):
        raise VerificationError("trace.other", "the node answered with the trace of something else")
    return _Got(checked, data, lambda member: names.get(member, member))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_PROOF_BYTES + 1)
    except OSError as error:
        raise UsageError("trace.read", f"cannot read {path}: {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError("file.write", f"cannot write {path}: {error.strerror}") from error


# -- saying it -----------------------------------------------------------------------------------------------------------


def _described(checked: CheckedTrace, judgement: Judgement) -> dict[str, Any]:
    return as_dictionary(checked.exploration, judgement, checked.direction, checked.as_of_ms) | {
        "findings": [one.as_dictionary() for one in checked.findings],
        "proof": {
            "origin": checked.checked.checkpoint.origin,
            "size": checked.checked.checkpoint.size,
            "histories": checked.histories,
            "records": checked.records,
        },
    }


def _step(said: str) -> str:
    """A step in both languages, and in words that a narrow table can break."""
    name, plain = step_name(said), said.replace("_", " ")
    return plain if name is None else f"{name} / {plain}"


def _print(shown: Mapping[str, Any], name: Callable[[str], str]) -> None:
    """The things and events of a trace as two tables; `shown` as in its JSON."""
    things = _table("Tầng / layer", "Mã / item", "Sản phẩm / product", "Tình trạng / status")
    for node in shown["nodes"]:
        product = "" if node["product"] is None else str(node["product"]["name"])
        things.add_row(
            str(node["layer"]), escape(str(node["item"])), escape(product), _STATUS.get(node["status"], "")
        )
    console.print(things)
    table = _table("Lúc / when", "Việc / step", "Từ / from", "Thành / to", "Ai / who", "Ở đâu / where")
    for link in shown["links"]:
        place = link["place"]
        table.add_row(
            words.moment(int(link["time_ms"])),
            escape(_step(str(link["step"] or link["kind"]))),
            escape(", ".join(link["from"])),
            "" if link["from"] == link["to"] else escape(", ".join(link["to"])),
            escape(name(str(link["by"]))),
            "" if place is None else escape(str(place["name"] or place["id"])),
        )
    console.print(table)


def _quick(item: str, how: tuple[Direction, int], node: str, *, as_json: bool) -> None:
    with Client(node) as client:
        shown = client.trace_words(item, direction=how[0], depth=how[1])
    if as_json:
        print_json({"verified": False} | shown)
        return
    try:
        names = {link["by"]: link["by_name"] or link["by"] for link in shown["links"]}
        _print(shown, lambda member: str(names.get(member, member)))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise unusable("it is no trace") from error
    console.print(
        "[yellow]theo lời nút, chưa kiểm tra[/] / by the node's word: leave out --quick to have it proved"
    )


def _table(*heads: str) -> Table:
    """A table whose cells go on in the next line: half of a number names nothing."""
    table = Table()
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _print_findings(found: Sequence[Finding]) -> None:
    if not found:
        console.print("[green]không thấy điều gì bất thường / nothing that does not add up[/]")
    for one in found:
        console.print(f"{_SEVERITIES[one.severity]}  {escape(one.vi)}  [dim]\\[{one.rule}][/]")
        console.print(f"    [dim]{escape(one.en)}[/]")


def _print_checked(checked: CheckedTrace) -> None:
    if checked.exploration.truncated:
        console.print("[yellow]chưa hết: vượt giới hạn / not all of it: a limit was reached[/]")
    console.print(
        f"[green]đủ {checked.records} bản ghi của {checked.histories} lịch sử, đã kiểm tra[/] / all {checked.records} "
        f"records of {checked.histories} histories, verified complete"
    )
    console.print(f"  tính đến / as of  {local_time(checked.as_of_ms / 1000)}")


def _ledger_wide(node: str, query: dict[str, str | None], *, as_json: bool) -> None:
    asked = {name: value for name, value in query.items() if value is not None}
    pages: list[dict[str, Any]] = []
    with Client(node) as client:
        before: str | None = None
        while True:
            page = client.findings_page(asked | ({} if before is None else {"before": before}))
            pages += page.findings
            if page.next is None or page.next == before:
                break
            before = page.next
    if as_json:
        print_json({"verified": False, "findings": pages})
        return
    for one in pages:
        mark = _SEVERITIES.get(str(one.get("severity")), "")
        console.print(f"{mark}  {escape(str(one.get('vi')))}  [dim]\\[{escape(str(one.get('rule')))}][/]")
    console.print(
        f"{len(pages)} điều; đây là lời của nút, kiểm tra từng lô bằng `sogoc findings GTIN LÔ` / {len(pages)} findings by the "
        "node's word: check each lot with `sogoc findings GTIN LOT`"
    )
