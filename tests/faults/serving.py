"""A `sogoc serve` process to be killed, and the plainest HTTP client there is, to talk to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from tests.processes import to_be_killed

CHECKOUT = Path(__file__).resolve().parents[2]
SERVE = (sys.executable, "-m", "api.cli", "serve")
SECONDS = 60.0
"""How long anything may take that must happen; a machine may be busy with other tests."""

Within: TypeAlias = Callable[[], AbstractContextManager[None]]
"""Puts the thread that asks for it onto another machine's network for a moment (`tests.network.wires`)."""

_ADDRESS = re.compile(rb"http://127\.0\.0\.1:(\d+)")


class GoneError(Exception):
    """The node gave no answer: it is not there (any more)."""


class Process(Protocol):
    """What is asked of a process, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, number: int, /) -> None: ...

    def terminate(self) -> None: ...


class Served:
    """A node's home, served by one process after another. What they say goes into one log file."""

    def __init__(self, home: Path, log: Path, *, options: tuple[str, ...] = ()) -> None:
        self.home = home
        self.log = log
        self.options = options
        self.program: tuple[str, ...] = (*SERVE, str(home), "--port", "0")
        self.within: Within = nullcontext
        self.environment: dict[str, str] = {}
        """What the next process finds in its environment beside what this one has."""
        self.launch: Callable[[Served], Process] | None = None
        """Another way to start a program that is `python -m …`."""
        self.process: Process | None = None
        self._said = 0

    def spawn(self) -> None:
        """Start a process; it is not ready yet."""
        with self.log.open("ab") as log, self.within():
            self._said = log.tell()
            if self.launch is not None and self.program[:2] == SERVE[:2]:
                self.process = self.launch(self)
                return
            self.process = subprocess.Popen(
                [*self.program, *self.options],
                cwd=CHECKOUT,
                env=to_be_killed(COLUMNS="200") | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def said(self) -> bytes:
        """What the newest process has said so far."""
        with self.log.open("rb") as log:
            log.seek(self._said)
            return log.read()

    def port(self) -> int:
        """The port of the newest process, once it listens."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = _ADDRESS.search(self.said())
            if found:
                return int(found[1])
            assert self.process is not None
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"the node does not serve:\n{self.said().decode(errors='replace')}")

    def start(self) -> int:
        """Start a process, wait until it listens, and return its port."""
        self.spawn()
        return self.port()

    @property
    def alive(self) -> bool:
        """Whether a process runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, as a service manager does; it must end well."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(SECONDS)
        assert code == 0, f"ended with {code}:\n{self.said().decode(errors='replace')}"

    def close(self) -> None:
        """Make sure that none is left, whatever happened."""
        if self.alive:
            self.kill()


class Http:
    """One connection to 127.0.0.1; for one thread."""

    def __init__(self, port: int, within: Within = nullcontext, *, timeout: float = SECONDS) -> None:
        """`within` says whose 127.0.0.1; `timeout` is in seconds."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self._within = within

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of the answer. Raises GoneError if none came, or only a part."""
        headers = {} if body is None else {"content-type": "application/msgpack"}
        try:
            if self._connection.sock is None:
                # A connection stays on the network on which it was begun.
                with self._within():
                    self._connection.connect()
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise GoneError(str(error)) from error

    def get(self, path: str) -> bytes:
        """The body of a 200."""
        status, body = self.ask("GET", path)
        assert status == 200, f"GET {path}: {status} {body[:500]!r}"
        return body

    def get_json(self, path: str) -> Any:  # noqa: ANN401  JSON
        """The same, read."""
        return json.loads(self.get(path))

    def wait_until_quiet(self) -> None:
        """Wait until no acknowledged entry is on its way any more."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            status = self.get_json("/v1/status")
            if status["outbox"] == 0 and status["mempool"] == 0:
                return
            time.sleep(0.01)
        raise AssertionError(f"entries wait for ever: {self.get_json('/v1/status')}")

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._connection.close()
