"""What the demo is played on: commands shown and run as processes of their own, a node in the background, a folder.

Rules: a command is shown before it runs; one that does not end as it should ends the demo, with what it said. A node that was
started is stopped, whatever happens.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

import httpx
from rich.markup import escape

from api.cli.output import ExitCode, console, error_console
from api.client import ApiError, Client
from ledger.errors import LedgerError

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0


class DemoError(LedgerError):
    """A step of the demo did not end as it should."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stage:
    """A folder to work in, and the environment that commands find there."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        # What somebody has set for another ledger has no place here.
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("SOGOC_")
        }

    def title(self, text: str) -> None:
        """Begin a part."""
        console.print(f"\n[bold cyan]{escape(text)}[/]")

    def say(self, text: str) -> None:
        """A remark between commands."""
        console.print(f"[dim]# {escape(text)}[/]")

    def export(self, **variables: str) -> None:
        """Set variables for all commands from here on, as a shell would."""
        self._environment |= variables
        shown = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        console.print(f"[dim]$[/] export {escape(shown)}")

    def run(self, *arguments: str, expect: ExitCode = ExitCode.GOOD) -> None:
        """Run one command with all that it says."""
        self._show(arguments)
        code = self._start(arguments, None).wait()
        if code != expect:
            raise DemoError("demo.step", f"`sogoc {arguments[0]}` ended with {code}, not {int(expect)}")

    def prepare(self, *commands: Sequence[str]) -> list[Mapping[str, Any]]:
        """Run commands that do not wait for one another side by side, and return what each answers with `--json`."""
        started = []
        try:
            for arguments in commands:
                self._show(arguments)
                started.append((arguments, self._start([*arguments, "--json"], subprocess.PIPE)))
            return [self._answer(arguments, process) for arguments, process in started]
        finally:
            for _, process in started:
                process.kill()
                process.wait()

    def _answer(self, arguments: Sequence[str], process: subprocess.Popen[bytes]) -> Mapping[str, Any]:
        out, err = process.communicate()
        if process.returncode != ExitCode.GOOD:
            error_console.print(escape((err or out).decode(errors="replace").rstrip()))
            raise DemoError(
                "demo.step",
                f"`sogoc {arguments[0]}` ended with {process.returncode}, not {int(ExitCode.GOOD)}",
            )
        answer: Mapping[str, Any] = json.loads(out)
        return answer

    @contextmanager
    def node(self, home: str) -> Iterator[None]:
        """A node that runs until the block ends."""
        arguments = ("serve", home, "--port", str(self._port))
        self._show(arguments, " &")
        with (self.folder / "node.log").open("wb") as log:
            process = self._start(arguments, log)
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

    def _await_node(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        with Client(self.url) as client:
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    client.checkpoint()
                except ApiError:
                    time.sleep(0.05)
                else:
                    return
        log = (self.folder / "node.log").read_text(encoding="utf-8", errors="replace")
        raise DemoError("demo.node", f"the node did not start:\n{log}")

    def capture(self, key: str, document: bytes) -> None:
        """Hand an EPCIS document to a gateway that signs with `key`, and wait until all of it is on the ledger."""
        port = free_port()
        arguments = ("gateway", "--key", key, "--port", str(port), "--state", f"gateway-{Path(key).stem}")
        self._show(arguments, " &")
        address = f"http://127.0.0.1:{port}/epcis/v2/capture"
        console.print(f"[dim]$[/] curl --data @events.json -H content-type:application/json {address}")
        log = self.folder / "gateway.log"
        with log.open("wb") as output:
            process = self._start(arguments, output)
            try:
                done = self._captured(process, address, document)
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if not done:
            said = log.read_text(encoding="utf-8", errors="replace")
            raise DemoError("demo.gateway", f"the gateway did not bring the events to the ledger:\n{said}")

    def _captured(self, process: subprocess.Popen[bytes], address: str, document: bytes) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        job: str | None = None
        with httpx.Client(timeout=_STOP_SECONDS) as http:
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    if job is None:
                        answer = http.post(
                            address, content=document, headers={"content-type": "application/json"}
                        )
                        if answer.status_code != HTTPStatus.ACCEPTED:
                            return False
                        job = answer.headers["location"].rpartition("/")[2]
                    state = http.get(f"{address}/{job}").json()
                except httpx.TransportError:
                    time.sleep(0.1)
                    continue
                if not state["running"]:
                    return bool(state["success"])
                time.sleep(0.1)
        return False

    def _show(self, arguments: Sequence[str], tail: str = "") -> None:
        console.print(f"[dim]$[/] sogoc {escape(shlex.join(arguments))}{tail}")

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "api.cli", *arguments]

    def _start(self, arguments: Sequence[str], output: int | BinaryIO | None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  our own program
            self._command(arguments),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
