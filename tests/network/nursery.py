"""Where nodes are born quickly: a process that has read the modules of `sogoc`, and forks for each `python -m …` that serves.

What runs then is the same program in a process of its own, with files and sockets of its own; only the two or three seconds
of reading modules are not spent again for each of the dozens of starts that these tests need. All networks of a run of tests
have one nursery.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from node.engine.cometbft import engine

KEEP = "TEST_KEEP_SECONDS"
"""In the environment of a node that is born here: for how long its engine keeps blocks."""
_LOOK_SECONDS = 0.01


class Nursery:
    """Starts and waits for processes."""

    def __init__(self, checkout: Path) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.network.nursery"],
            cwd=checkout,
            env=os.environ | {"COLUMNS": "200"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, question: Mapping[str, object]) -> Any:  # noqa: ANN401  JSON
        """A question as `main` takes it, and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def run(
        self, module: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str], network: str
    ) -> Child:
        """`python -m` a module with these arguments; `network` is the path of a network namespace, or empty."""
        question = {
            "module": module,
            "arguments": list(arguments),
            "log": str(log),
            "environment": dict(environment),
            "network": network,
        }
        return Child(self, int(self.ask(question)))

    def close(self) -> None:
        """End it; whom it bore runs on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@cache
def nursery(checkout: Path) -> Nursery:
    """The one for this process and checkout; it ends when this process does."""
    made = Nursery(checkout)
    atexit.register(made.close)
    return made


class Child:
    """One of its processes, as far as `subprocess.Popen` would be asked."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self._code is None:
            self._code = self._nursery.ask({"poll": self.pid})
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """The same once it has ended."""
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            assert end is None or time.monotonic() < end, f"process {self.pid} goes on"
            time.sleep(_LOOK_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing if it has ended: its number is nobody else's before that is known here."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)


def main() -> None:
    """Answer questions, one JSON line each, until there are no more."""
    # What is imported only when it is called; only this process is to be slow.
    from api.cli import app, serve, server  # noqa: F401, PLC0415

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in iter(sys.stdin.readline, ""):
        question = json.loads(line)
        if "poll" in question:
            pid, status = os.waitpid(question["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if not answer:
                _settle(question)
                sys.argv[1:] = question["arguments"]
                runpy.run_module(question["module"], run_name="__main__", alter_sys=True)
                sys.exit()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _settle(question: dict[str, Any]) -> None:
    """Become a process like any other."""
    log = os.open(question["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.closerange(3, 64)
    os.environ.update(question["environment"])
    if KEEP in question["environment"]:
        vars(engine)["KEEP_SECONDS"] = int(question["environment"][KEEP])
    if question["network"]:
        network = os.open(question["network"], os.O_RDONLY)
        if ctypes.CDLL(None).setns(network, 0):
            os._exit(70)
        os.close(network)


if __name__ == "__main__":
    main()
