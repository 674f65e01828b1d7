"""`sogoc demo`: a throw-away ledger, made and used with the very commands a person would type.

Rules: every step is a real command run as a process of its own, shown before it runs; a step that does not end as it
should ends the demo with an error. Everything lies in one temporary directory that is removed at the end.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli.demo_documents import write_documents
from api.cli.output import ExitCode, console
from api.client import ApiError, Client
from ledger.errors import LedgerError

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
OFFICE_NAME = "UBND phường Phú Sơn"
ORIGIN = "phuson.example/so-goc"


class DemoError(LedgerError):
    """A step of the demo did not end as it should."""


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Làm xong rồi thoát / do the job and exit")] = False,
    port: Annotated[int | None, typer.Option(help="Cổng / port; a free one by default")] = None,
) -> None:
    """Xem thử: lập sổ tạm, neo văn bản thật, kiểm tra. A throw-away ledger with real documents, verified."""
    stay = not once and sys.stdin.isatty() and sys.stdout.isatty()
    # Ended from outside it still stops its node and removes its files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    directory = Path(tempfile.mkdtemp(prefix="sogoc-demo-"))
    try:
        _Demo(directory, port if port is not None else _free_port()).run(stay=stay)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Demo:
    def __init__(self, directory: Path, port: int) -> None:
        self._directory = directory
        self._port = port
        self._url = f"http://127.0.0.1:{port}"

    def run(self, *, stay: bool) -> None:
        self._title("1. Lập sổ / make a ledger")
        self._sogoc("init", "office", "--origin", ORIGIN, "--name", OFFICE_NAME, "--insecure-no-passphrase")
        self._title("2. Chạy nút / run the node")
        with self._node():
            self._use()
            self._title("6. Xem tiếp / where to look")
            self._where_to_look(stay=stay)
            if stay:
                self._wait()

    def _use(self) -> None:
        pdf, picture, table = write_documents(self._directory)
        self._title("3. Neo văn bản / anchor documents")
        key = ("--node", self._url, "--key", "office/keys/office.pem")
        described = ("--number", "41", "--symbol", "BC-UBND", "--date", "2025-02-13")
        self._sogoc("anchor", *key, *described, "--abstract", "Báo cáo tiến độ hạ tầng số", pdf.name)
        self._sogoc("anchor", *key, picture.name, table.name)
        self._title("4. Kiểm tra ngoại tuyến / verify offline")
        policy = ("--policy", "office/policy")
        self._sogoc("verify", pdf.name, *policy)
        self._sogoc("verify", table.name, *policy)
        console.print("\n[dim]# sửa một chữ số trong bảng / change one digit in the table[/]")
        table.write_bytes(table.read_bytes().replace(b"95", b"96", 1))
        self._sogoc("verify", table.name, *policy, expect=ExitCode.DOES_NOT_MATCH)
        self._title("5. Kiểm toán toàn bộ sổ / audit the whole ledger")
        self._sogoc("audit", self._url, "--level", "full", "--workers", "2", *policy)

    def _where_to_look(self, *, stay: bool) -> None:
        for path, meaning in (
            ("/docs", "giao diện lập trình / the API, with examples"),
            ("/checkpoint", "điểm kiểm soát có chữ ký / the signed checkpoint"),
            ("/v1/status", "tình trạng nút / what the node is doing"),
        ):
            console.print(f"  {self._url}{path:<14} {meaning}")
        if stay:
            console.print(
                f"  {self._directory}   [dim]tệp của bản xem thử, sẽ được xóa / files, removed at the end[/]"
            )
            console.print("\nNút vẫn chạy; Ctrl-C để dừng. The node keeps running; Ctrl-C to stop.")
        else:
            console.print("\n[bold green]Xong / done.[/]")

    def _wait(self) -> None:
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            console.print()

    def _title(self, text: str) -> None:
        console.print(f"\n[bold cyan]{text}[/]")

    def _show(self, arguments: Sequence[str], tail: str = "") -> None:
        console.print(f"[dim]$[/] sogoc {escape(shlex.join(arguments))}{tail}")

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "api.cli", *arguments]

    def _sogoc(self, *arguments: str, expect: ExitCode = ExitCode.GOOD) -> None:
        self._show(arguments)
        code = subprocess.run(self._command(arguments), cwd=self._directory, check=False).returncode  # noqa: S603  our own program
        if code != expect:
            raise DemoError("demo.step", f"`sogoc {arguments[0]}` ended with {code}, not {int(expect)}")

    @contextmanager
    def _node(self) -> Iterator[None]:
        arguments = ("serve", "office", "--port", str(self._port))
        self._show(arguments, " &")
        log = (self._directory / "node.log").open("wb")
        process = subprocess.Popen(self._command(arguments), cwd=self._directory, stdout=log, stderr=log)  # noqa: S603  our own program
        try:
            self._await_node(process)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()

    def _await_node(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        with Client(self._url) as client:
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    client.checkpoint()
                except ApiError:
                    time.sleep(0.05)
                else:
                    return
        log = (self._directory / "node.log").read_text(encoding="utf-8", errors="replace")
        raise DemoError("demo.node", f"the node did not start:\n{log}")
