"""`sogoc audit`: verify a whole ledger, wherever it lies: a node's home (also while it is served), a URL, or an export."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli.files import read_pinned
from api.cli.output import JsonOption, console, iso_time, local_time, print_json, progress
from api.cli.sources import open_source
from api.cli.workers import cluster, worker_processes
from ledger import checkpoint
from ledger.errors import CannotTellError
from ledger.verify.audit import WINDOW
from ledger.verify.audit import audit as audit_ledger
from ledger.verify.report import AuditFailure, AuditReport, Level
from ledger.verify.sources.base import LogSource

_WORTH_WORKERS = 2_048
"""Leaves below which an audit is over before its workers have started."""


class LevelName(StrEnum):
    """Levels as they are written on the command line."""

    LINKS = "links"
    SIGNATURES = "signatures"
    FULL = "full"


def audit(
    target: Annotated[
        str, typer.Argument(help="Thư mục nút, URL, hoặc bản xuất / a node's home, a URL, or an export")
    ],
    *,
    level: Annotated[
        LevelName,
        typer.Option(
            help="Mức / links: headers and roots; signatures: every entry too; full: re-execute everything"
        ),
    ] = LevelName.FULL,
    workers: Annotated[
        int, typer.Option(min=0, help="Số tiến trình / processes; 0 works in this one")
    ] = os.cpu_count() or 1,
    executor: Annotated[
        str | None,
        typer.Option(
            "--executor",
            help="Cụm máy có sẵn, thay cho --workers / a running cluster instead of --workers, such as dask://host:8786",
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy", help="Chính sách tin cậy / trust policy; else the ledger's own genesis document"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Kiểm toán toàn bộ sổ. Verify the whole ledger; names the first thing that is wrong."""
    trusted = None if policy is None else read_pinned(policy)
    started = time.perf_counter()
    try:
        with (
            open_source(target, quiet=as_json) as source,
            _executor(workers, executor, source) as (pool, tasks),
            progress("Kiểm toán / audit", None, quiet=as_json) as report,
        ):
            check = partial(audit_ledger, source, trusted, level=Level[level.name], progress=report)
            try:
                result = check(executor=pool, window=max(WINDOW, 2 * tasks))
            except AuditFailure as failure:
                if executor is not None:
                    _confirm(failure, check)
                raise
    except AuditFailure as failure:
        _report_failure(failure, as_json=as_json)
        raise typer.Exit(1) from failure
    _report(result, time.perf_counter() - started, as_json=as_json, own_policy=policy is None)


@contextmanager
def _executor(workers: int, address: str | None, source: LogSource) -> Iterator[tuple[Executor | None, int]]:
    """Who shares the work, and how many tasks they take at a time."""
    if address is not None:
        with cluster(address) as found:
            yield found
        return
    if workers == 0 or checkpoint.parse(source.checkpoint()).size < _WORTH_WORKERS:
        yield None, 0
        return
    with worker_processes(workers) as pool:
        yield pool, workers


def _confirm(failure: AuditFailure, check: Callable[[], AuditReport]) -> None:
    """Audit again on this machine what others have found wrong: that a ledger is wrong is nobody else's word.

    Raises the AuditFailure that is found here, or CannotTellError (`audit.worker`).
    """
    check()
    raise CannotTellError(
        "audit.worker",
        f"the cluster says {failure.rule!r}, and this machine finds the ledger sound: do not rely on that cluster",
    ) from failure


def _report_failure(failure: AuditFailure, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "verdict": "wrong",
                "code": failure.rule,
                "detail": failure.detail,
                "height": failure.height,
                "index": failure.index,
                "record_index": failure.record_index,
            }
        )
        return
    console.print(f"[bold red]SAI / WRONG:[/] {escape(failure.detail)} [dim]\\[{escape(failure.rule)}][/]")


def _report(result: AuditReport, seconds: float, *, as_json: bool, own_policy: bool) -> None:
    rate = result.records / seconds if result.records else 0.0
    as_of = result.checkpoint.status_as_of_s
    if as_json:
        print_json(
            {
                "verdict": "sound",
                "level": result.level.name.lower(),
                "origin": result.origin,
                "chain_id": result.chain_id.hex(),
                "height": result.height,
                "size": result.size,
                "root": result.root.hex(),
                "entries": result.entries,
                "records": result.records,
                "as_of": None if as_of is None else iso_time(as_of),
                "seconds": round(seconds, 3),
                "records_per_second": round(rate),
            }
        )
        return
    console.print(f"[bold green]TOÀN VẸN / SOUND[/] — {escape(result.origin)}, {result.level.name.lower()}")
    rows = [
        ("khối / blocks", f"{result.height + 1:,}"),
        ("mục / entries", f"{result.entries:,}"),
        ("bản ghi / records", f"{result.records:,}"),
        ("gốc / root", f"{result.root.hex()} ({result.size:,})"),
    ]
    if as_of is not None:
        rows.append(("tính đến / as of", local_time(as_of)))
    rows.append(("thời gian / time", f"{seconds:.2f} s, {rate:,.0f} bản ghi/giây / records/s"))
    for label, value in rows:
        console.print(f"  {label:<24}{escape(value)}")
    if own_policy:
        console.print(
            "  [dim]kiểm theo khóa mà chính sổ nêu; dùng --policy để kiểm theo chính sách anh/chị tin / judged by the keys the "
            "ledger itself names: give --policy for those you trust[/]"
        )
