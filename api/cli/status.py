"""`sogoc status` and `sogoc doctor`: what a node is doing; what is wrong with it, and what to do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from api.answers import MemberInfo
from api.cli import passphrases
from api.cli.nodes import connect, is_address, is_served
from api.cli.output import ExitCode, JsonOption, UsageError, console, iso_time, local_time, print_json
from api.client import NodeStatus
from ledger import checkpoint
from ledger.epochs import stored_epochs
from ledger.errors import LedgerError
from ledger.roles import ADMINISTRATOR
from ledger.store.ledger_store import LedgerStore
from node import keyfiles
from node.doctor import (
    Finding,
    Severity,
    check_administrators,
    check_clock,
    check_clock_against,
    error,
    examine,
    good,
    is_deciding,
    warning,
)
from node.home import Home
from node.outbox import Outbox

_MARKS = {
    Severity.GOOD: "[green]✓ tốt / good   [/]",
    Severity.WARNING: "[yellow]! cảnh báo / warning[/]",
    Severity.ERROR: "[bold red]✗ lỗi / error  [/]",
}
_STANDINGS = {
    "validator": "nút xác thực / validator",
    "waiting": "chờ được nhận, chưa có phiếu / waiting: the ledger does not name its keys, so it has no vote",
    "copy": "bản sao / copy",
}
_TIMEOUT_SECONDS = 10.0


def status(
    target: Annotated[str, typer.Argument(help="Thư mục của nút, hoặc URL / a node's home, or an address")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Nút đang làm gì: chiều cao, hàng chờ, lần ký cuối, đĩa. What a node is doing."""
    if is_address(target) or is_served(Home(Path(target))):
        with connect(target) as client:
            found = _running(client.status())
    else:
        found = _stopped(Home(Path(target)))
    if as_json:
        print_json(found)
    else:
        _print_status(found)


def _running(answer: NodeStatus) -> dict[str, Any]:
    return {
        "running": True,
        "ready": answer.ready,
        "reasons": [{"code": code, "detail": detail} for code, detail in answer.reasons],
        "origin": answer.origin,
        "chain_id": answer.chain_id.hex(),
        "version": answer.version,
        "height": answer.height,
        "size": answer.size,
        "root": answer.root.hex(),
        "block_time": iso_time(answer.block_time_ms / 1000),
        "cosigned": iso_time(answer.status_as_of_s) if answer.status_as_of_s else None,
        "outbox": answer.outbox,
        "mempool": answer.mempool,
        "disk_free": answer.disk_free,
        "uptime_s": answer.uptime_s,
        "standing": answer.standing,
        "behind": answer.behind,
        "peers": [
            {"name": one.name, "reached_s": one.reached_s, "problem": one.problem, "size": one.size}
            for one in answer.peers
        ],
    }


def _stopped(home: Home) -> dict[str, Any]:
    genesis = home.read_genesis()
    held = home.cosign_hold.exists()
    store = LedgerStore.open(home.ledger)
    try:
        head, text = store.head, store.signed_checkpoint()
        epochs = stored_epochs(store, genesis)
    finally:
        store.close()
    outbox = Outbox.open(home.outbox, create=False)
    try:
        depth = outbox.depth
    finally:
        outbox.close()
    cosigned, size = None, 0
    if text is not None:
        size = checkpoint.parse(text).size
        cosigned = epochs.policy_at(size).check(text).status_as_of_s
    reasons = (
        [{"code": "cosign.held", "detail": f"restored, and must not cosign yet: {home.cosign_hold}"}]
        if held
        else []
    )
    return {
        "running": False,
        "ready": False,
        "reasons": reasons,
        "origin": genesis.origin,
        "chain_id": genesis.chain_id.hex(),
        "height": head.height,
        "size": head.size,
        "root": head.root.hex(),
        "cosigned_size": size,
        "block_time": iso_time(head.time_ms / 1000),
        "cosigned": None if cosigned is None else iso_time(cosigned),
        "outbox": depth,
        "disk_free": shutil.disk_usage(home.ledger).free,
    }


def _print_status(found: dict[str, Any]) -> None:
    if not found["running"]:
        console.print(f"[bold yellow]Không chạy / not running[/] — {escape(found['origin'])}")
    elif found["ready"]:
        console.print(f"[bold green]Đang chạy, sẵn sàng / running and ready[/] — {escape(found['origin'])}")
    else:
        console.print(
            f"[bold red]Đang chạy, chưa sẵn sàng / running, not ready[/] — {escape(found['origin'])}"
        )
    for reason in found["reasons"]:
        console.print(f"  [red]{escape(reason['detail'])}[/] [dim]\\[{escape(reason['code'])}][/]")
    rows = [
        ("khối / height", f"{found['height']:,}"),
        ("lá / size", f"{found['size']:,}"),
        ("gốc / root", found["root"]),
        ("khối cuối / last block", _local(found["block_time"])),
        ("ký lần cuối / cosigned", _local(found["cosigned"])),
        ("sổ chờ / outbox", f"{found['outbox']:,}"),
        ("đĩa trống / free disk", f"{found['disk_free'] // 1_000_000:,} MB"),
    ]
    if "uptime_s" in found:
        rows.append(("chạy được / uptime", _duration(found["uptime_s"])))
        rows.append(("phiên bản / version", found["version"]))
        rows.append(("vai trò / standing", _STANDINGS.get(found["standing"], found["standing"])))
        rows += _peer_rows(found)
    for label, value in rows:
        console.print(f"  {label:<24}{escape(value)}")


def _peer_rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    """How far the other validators are, and how this node reaches them."""
    if not found["peers"]:
        return []
    rows = [("chậm hơn / behind", f"{found['behind']:,} lá / leaves")]
    for peer in found["peers"]:
        size = "chưa rõ / not known" if peer["size"] is None else f"{peer['size']:,} lá / leaves"
        if peer["reached_s"] is None:
            reached = "chưa gặp / never reached"
        else:
            reached = f"gặp {peer['reached_s']} giây trước / reached {peer['reached_s']} s ago"
        problem = f"; {peer['problem']}" if peer["problem"] else ""
        rows.append((f"  {peer['name'].rpartition('/')[2]}", f"{size}; {reached}{problem}"))
    return rows


def _local(time_text: str | None) -> str:
    if time_text is None:
        return "chưa / not yet"
    return local_time(datetime.fromisoformat(time_text).timestamp())


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    return f"{days} d {hours:02}:{rest // 60:02}:{rest % 60:02}"


def doctor(
    directory: Annotated[Path, typer.Argument(help="Thư mục của nút / the node's home")],
    *,
    node: Annotated[
        str | None,
        typer.Option(
            "--node", help="Địa chỉ một nút khác để so đồng hồ / another node to compare clocks with"
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Cảnh báo cũng là mã thoát 1 / warnings make the exit code 1 too")
    ] = False,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Nút có gì sai, và phải làm gì. What is wrong with a node, and what to do about it; exit code 1 if something is."""
    if not directory.is_dir():
        raise UsageError("home.missing", f"there is no directory {directory}")
    home = Home(directory)
    served = is_served(home)
    findings = list(
        examine(
            home,
            now_s=time.time(),
            served=served,
            passphrase=lambda: keyfiles.resolve_passphrase(file=passphrase_file),
        )
    )
    if served:
        findings += _ask_running(home)
    if node is not None:
        findings.append(_compare_clocks(node))
    wrong = [finding for finding in findings if finding.severity is Severity.ERROR]
    doubtful = [finding for finding in findings if finding.severity is Severity.WARNING]
    if as_json:
        print_json(
            {
                "verdict": "wrong" if wrong else "warning" if doubtful else "good",
                "running": served,
                "findings": [
                    {
                        "check": one.check,
                        "severity": one.severity.value,
                        "message": one.message,
                        "remedy": one.remedy,
                    }
                    for one in findings
                ],
            }
        )
    else:
        _print_findings(findings, len(wrong), len(doubtful))
    if wrong or (strict and doubtful):
        raise typer.Exit(ExitCode.DOES_NOT_MATCH)


def _print_findings(findings: list[Finding], wrong: int, doubtful: int) -> None:
    for one in findings:
        console.print(f"{_MARKS[one.severity]} {escape(one.message)} [dim]\\[{escape(one.check)}][/]")
        if one.remedy:
            console.print(f"      → {escape(one.remedy)}")
    if wrong:
        console.print(f"[bold red]{wrong} lỗi / errors[/], {doubtful} cảnh báo / warnings")
    elif doubtful:
        console.print(f"[bold yellow]{doubtful} cảnh báo / warnings[/]")
    else:
        console.print("[bold green]Không có gì sai / nothing is wrong[/]")


def _ask_running(home: Home) -> Iterator[Finding]:
    """What the node that serves this home says of itself."""
    try:
        with connect(str(home.path)) as client:
            answer = client.status()
            members = client.members()
    except LedgerError as failure:
        yield error(
            "node.answer",
            f"nút có đó nhưng trả lời lỗi / a node is there and does not answer well: {failure.detail}",
            "xem nhật ký nút, rồi khởi động lại / look at the node's log, then restart it",
        )
        return
    yield good(
        "node.answer",
        f"nút đang chạy / the node runs: khối / height {answer.height:,}, lá / size {answer.size:,}",
    )
    for code, detail in answer.reasons:
        yield error(
            f"node.{code}",
            f"chưa sẵn sàng / not ready: {detail}",
            "làm như thông báo nói / do as the message says",
        )
    yield check_administrators(_administrators(members, answer.block_time_ms))
    yield check_clock(answer.block_time_ms / 1000, time.time())


def _administrators(members: Sequence[MemberInfo], now_ms: int) -> dict[str, int]:
    """The administrators as the node lists them, with the number of their keys that vote."""
    return {
        one.id: sum(
            is_deciding(key.roles, key.until_ms, key.retired_ms, key.revoked_ms, now_ms) for key in one.keys
        )
        for one in members
        if ADMINISTRATOR in one.roles and (one.ended_ms is None or now_ms < one.ended_ms)
    }


def _compare_clocks(address: str) -> Finding:
    """This machine's clock against the Date that a server puts on its answers (RFC 9110 §6.6.1), good to a second."""
    if not is_address(address):
        raise UsageError("node.address", f"{address!r} is not the address of a node")
    try:
        answer = httpx.get(f"{address.rstrip('/')}/healthz", timeout=_TIMEOUT_SECONDS)
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError) as failure:
        return warning(
            "clock.other",
            f"không so được đồng hồ / clocks were not compared: {address} does not tell the time ({failure})",
            "kiểm tra địa chỉ và mạng / check the address and the network",
        )
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    return check_clock_against(theirs.timestamp(), time.time(), address)
