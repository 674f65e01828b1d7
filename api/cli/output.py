"""How commands speak: Vietnamese first, English beside, JSON when asked; and which exit code means what."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from api.answers import ApiError
from api.cli.failures import in_vietnamese
from ledger.errors import CannotTellError, LedgerError, StoreLockedError
from node.config import ConfigError
from node.home import HomeError
from node.keyfiles import KeyFileError

JsonOption = Annotated[bool, typer.Option("--json", help="Kết quả dạng JSON / machine-readable output")]


class ExitCode(IntEnum):
    """What a command's exit code says."""

    GOOD = 0
    DOES_NOT_MATCH = 1
    USAGE = 2
    CANNOT_TELL = 3
    NO_LONGER_IN_FORCE = 4
    INTERRUPTED = 130


class UsageError(LedgerError):
    """Arguments that do not go together, or name what is not there."""


_NO_ANSWER = (None, 429, 503)
"""HTTP statuses, none included, that say nothing about the entry: the node could not be reached, or is busy."""
_NO_NODE = "node.answer"
"""The rule of an answer that is none of a node's: that says nothing about a ledger, whatever its status."""
_USAGE_ERRORS = (UsageError, ConfigError, HomeError, KeyFileError, StoreLockedError)

console = Console(highlight=False, soft_wrap=True)
error_console = Console(stderr=True, highlight=False, soft_wrap=True)


def exit_code_of(error: LedgerError) -> ExitCode:
    """The exit code of a command that failed with `error`."""
    if isinstance(error, _USAGE_ERRORS) or error.rule == "node.address":
        return ExitCode.USAGE
    if isinstance(error, ApiError) and (error.status in _NO_ANSWER or error.rule == _NO_NODE):
        return ExitCode.CANNOT_TELL
    if isinstance(error, CannotTellError):
        return ExitCode.CANNOT_TELL
    return ExitCode.DOES_NOT_MATCH


def print_error(error: LedgerError, *, as_json: bool) -> None:
    """Say what went wrong: to people on standard error, in both languages, and to programs as one JSON object."""
    if as_json:
        print_json({"error": {"code": error.rule, "detail": error.detail}})
    words = in_vietnamese(error.rule)
    said = error.detail if words is None else f"{words} / {error.detail}"
    error_console.print(f"[bold red]Lỗi / error:[/] {escape(said)} [dim]\\[{escape(error.rule)}][/]")


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def local_time(seconds: float) -> str:
    """A time for people, in this machine's zone, with its offset from UTC. `seconds` since the epoch."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%d/%m/%Y %H:%M:%S %z")


def iso_time(seconds: float) -> str:
    """A time for programs (RFC 3339, UTC)."""
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat().replace("+00:00", "Z")


class _RateColumn(ProgressColumn):
    """Steps per second, over the last half minute."""

    def render(self, task: Task) -> Text:
        """Nothing before there is a rate."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


@contextmanager
def progress(description: str, total: int | None, *, quiet: bool) -> Iterator[Any]:
    """A progress bar with a rate, on standard error; yields a function to call with how many steps are done, and of how many:
    0 or nothing while nobody knows.
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
        console=error_console,
        disable=quiet or not error_console.is_terminal,
    ) as bar:
        task = bar.add_task(description, total=total)

        def report(done: int, of: int | None = None) -> None:
            bar.update(task, completed=done, total=of or total)

        yield report
