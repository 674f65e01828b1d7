"""`sogoc watch`: what appears in a folder is anchored, with one signature for all that is ready, also after being offline.

Rules: the passphrase is asked for once, at the start. What is queued is durable; stopping the command, or the power, at any
moment loses nothing and anchors nothing twice. The queue is kept outside the folder, which may lie on a shared drive.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.answers import ApiError
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, NodeOption, PolicyOption, policy_of
from api.cli.files import escape_path, read_policy
from api.cli.output import ExitCode, JsonOption, UsageError, console, error_console, print_json
from api.cli.watch_queue import Queue, Step, path_of
from api.cli.watcher import Options, Watcher
from api.client import Client
from ledger.errors import StoreLockedError
from ledger.hashing import sha256
from node.safe_files import put_file

_STATUS_FILE = "status.json"
_SETTLE_SECONDS, _INTERVAL_SECONDS = 3.0, 5.0
_ONCE_PATIENCE = 10
"""With --once, unfinished files are waited for so many times as long as a file must stay the same."""


def watch(
    folder: Annotated[Path, typer.Argument(help="Thư mục cần theo dõi / folder to watch")],
    *,
    key: Annotated[
        Path | None, typer.Option("--key", help="Tệp khóa ký / file of the signing key", envvar="SOGOC_KEY")
    ] = None,
    node: NodeOption = DEFAULT_NODE,
    once: Annotated[
        bool,
        typer.Option("--once", help="Làm hết những gì đang có rồi dừng / do what there is, then stop"),
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Chỉ cho biết còn gì phải làm / only say what is left to do")
    ] = False,
    private: Annotated[
        bool,
        typer.Option(
            "--private", help="Mọi tệp là giấy tờ về cá nhân / every file is a paper about a person"
        ),
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Thử lại cả những tệp đã bị từ chối / try refused files again")
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            min=0.0, help="Tệp phải đứng yên bao nhiêu giây / seconds that a file must stay the same"
        ),
    ] = _SETTLE_SECONDS,
    interval: Annotated[
        float, typer.Option(min=0.05, help="Bao nhiêu giây xem lại một lần / seconds between two looks")
    ] = _INTERVAL_SECONDS,
    state: Annotated[
        Path | None,
        typer.Option(help="Nơi giữ hàng đợi, mặc định trong thư mục người dùng / where the queue is kept"),
    ] = None,
    policy: PolicyOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Theo dõi thư mục: tệp nào xong thì neo, mất mạng thì xếp hàng. Anchor what appears in a folder; queue while offline."""
    if not folder.is_dir():
        raise UsageError("watch.folder", f"there is no folder {folder}")
    folder = folder.resolve()
    directory = state_directory(folder) if state is None else state.resolve()
    if directory == folder or directory.is_relative_to(folder):
        raise UsageError(
            "watch.state", "the queue is kept outside the folder: name another --state directory"
        )
    if status:
        report_status(folder, directory, as_json=as_json)
        return
    if key is None:
        raise UsageError("key.missing", "name the signing key with --key")
    signer = passphrases.load_key(key, passphrase_file)
    trusted = policy if policy is not None else policy_of(key)
    if trusted is not None:
        read_policy(trusted)
    with Queue.open(directory) as queue:
        watcher = Watcher(
            Options(folder, private=private, settle_seconds=settle),
            queue,
            signer,
            connect=lambda: Client(node, repeats=0),
            policy_of=lambda client: read_policy(trusted, client),
            events=_Printed(folder, quiet=as_json),
        )
        if retry:
            watcher.retry_refused()
        if not as_json:
            console.print(f"Theo dõi / watching: {escape_path(folder)}  →  {escape(node)}")
        if once:
            _once(watcher, directory, min(interval, max(settle, 0.05)))
        else:
            _for_ever(watcher, directory, interval)
        summary = _summary(queue, folder, len(watcher.settling))
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)
    raise typer.Exit(_exit_code(summary))


def state_directory(folder: Path) -> Path:
    """Where the queue of a folder is kept unless the user says otherwise: $XDG_STATE_HOME/sogoc, by the folder's path."""
    base = os.environ.get("XDG_STATE_HOME", "")
    home = Path(base) if base else Path.home() / ".local" / "state"
    return home / "sogoc" / f"watch-{sha256(os.fsencode(folder)).hex()[:16]}"


def _once(watcher: Watcher, directory: Path, interval: float) -> None:
    """Go on until nothing is left to do, or the node does not answer; files that do not finish are not waited for for ever."""
    deadline = watcher.clock() + max(1.0, watcher.options.settle_seconds * _ONCE_PATIENCE)
    while True:
        watcher.look()
        if watcher.settling and watcher.clock() < deadline:
            time.sleep(interval)
            continue
        answered = watcher.send()
        _write_status(watcher, directory)
        stuck = any(item.problem for item in watcher.queue.at(Step.ANCHORED))
        if not answered or not watcher.has_work or stuck or watcher.clock() >= deadline + 60:
            return


def _for_ever(watcher: Watcher, directory: Path, interval: float) -> None:
    """Until somebody stops the command."""
    while True:
        watcher.look()
        watcher.send()
        _write_status(watcher, directory)
        try:
            time.sleep(interval)
        except KeyboardInterrupt:
            return


# -- saying how things stand -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Printed:
    """Tells people at the terminal what happens."""

    folder: Path
    quiet: bool

    def anchored(self, path: Path, receipt: Path) -> None:
        """A file's receipt lies beside it."""
        self._print(f"[green]đã neo / anchored[/]  {self._name(path)}  →  {escape(receipt.name)}")

    def refused(self, path: Path, rule: str, detail: str) -> None:
        """Something about a file went wrong."""
        error_console.print(
            f"[bold red]không neo được / not anchored[/]  {self._name(path)}: {escape(detail)} [dim]\\[{escape(rule)}][/]"
        )

    def signed(self, count: int) -> None:
        """Papers were signed."""
        self._print(f"một chữ ký cho {count} văn bản / one signature for {count} documents")

    def unreachable(self, error: ApiError, seconds: float) -> None:
        """The node does not answer."""
        error_console.print(
            f"[yellow]chưa gửi được / not sent[/]  {escape(error.detail)} [dim]\\[{escape(error.rule)}][/]; đã xếp hàng, không "
            f"mất gì / queued, nothing is lost; thử lại sau / again in {seconds:.0f} s"
        )

    def _name(self, path: Path) -> str:
        return escape_path(path.relative_to(self.folder))

    def _print(self, line: str) -> None:
        if not self.quiet:
            console.print(line)


def _summary(queue: Queue, folder: Path, settling: int) -> dict[str, Any]:
    counts = Counter(str(item.step) for item in queue.items.values())
    return {
        "folder": str(folder),
        "unfinished": settling,
        **{str(step): counts[step] for step in Step},
        "problems": [
            {
                "file": str(path_of(item.name, folder)),
                "step": str(item.step),
                "code": item.problem[0],
                "detail": item.problem[1],
            }
            for item in sorted(queue.items.values(), key=lambda item: item.name)
            if item.problem is not None
        ],
    }


def _write_status(watcher: Watcher, directory: Path) -> None:
    """Leave word for `--status`, which cannot open the queue while it is in use."""
    summary = _summary(watcher.queue, watcher.options.folder, len(watcher.settling))
    summary["time_s"] = int(time.time())
    put_file(directory / _STATUS_FILE, json.dumps(summary, ensure_ascii=False).encode(), mode=0o600)


def report_status(folder: Path, directory: Path, *, as_json: bool) -> None:
    """Say what is done and what is left, whether a watcher is at work or not."""
    running = False
    summary: dict[str, Any]
    if not (directory / "queue").is_dir():
        summary = {"folder": str(folder), "unfinished": 0, **{str(step): 0 for step in Step}, "problems": []}
    else:
        try:
            with Queue.open(directory) as queue:
                summary = _summary(queue, folder, 0)
        except StoreLockedError:
            running = True
            summary = _read_status(directory)
    summary["running"] = running
    if as_json:
        print_json(summary)
    else:
        mark = "[green]đang chạy / running[/]" if running else "[yellow]không chạy / not running[/]"
        console.print(f"{mark}  {escape_path(folder)}")
        _print_summary(summary)


def _read_status(directory: Path) -> dict[str, Any]:
    try:
        summary = json.loads((directory / _STATUS_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError("watch.status", "the watcher has just started: ask again in a moment") from error
    if not isinstance(summary, dict):
        raise UsageError("watch.status", f"{directory / _STATUS_FILE} is not what a watcher writes")
    return summary


def _print_summary(summary: dict[str, Any]) -> None:
    for label, names in (
        ("đã neo / anchored", ("done",)),
        ("đang chờ / waiting", ("queued", "signed", "anchored")),
        ("chưa ghi xong / unfinished", ("unfinished",)),
        ("bị từ chối / refused", ("refused",)),
    ):
        console.print(f"  {label:<28}{sum(int(summary[name]) for name in names)}")
    for problem in summary["problems"]:
        console.print(
            f"    {escape_path(Path(problem['file']))}: {escape(problem['detail'])} [dim]\\[{escape(problem['code'])}][/]"
        )


def _exit_code(summary: dict[str, Any]) -> ExitCode:
    if any(summary[str(step)] for step in (Step.QUEUED, Step.SIGNED, Step.ANCHORED)):
        return ExitCode.CANNOT_TELL
    return ExitCode.DOES_NOT_MATCH if summary[str(Step.REFUSED)] else ExitCode.GOOD
