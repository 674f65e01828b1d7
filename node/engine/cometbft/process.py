"""The `cometbft` process beside a validator: found, started, watched, ended.

Rules: the process gets its private keys in files that live only until it has read them. It is watched by what it does, not
by how it ends: it exits with 0 when it loses the application, and can stand still while it runs. A process that ends, does not
answer for `SILENT_SECONDS`, or says that its consensus has failed (after which it answers for ever, and decides nothing) is
started again, at growing intervals; only this process's child is ever signalled.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from ledger.errors import LedgerError
from ledger.keys import SigningKey
from node.engine.cometbft.files import EngineFiles, remove_keys, write_keys
from node.engine.cometbft.rpc import EngineClient, EngineUnreachableError

VARIABLE: Final = "SOGOC_COMETBFT"
INSTALL: Final = "go install github.com/cometbft/cometbft/cmd/cometbft@v0.38.26"
"""How to get the program where Go is; there are release binaries too."""
SILENT_SECONDS: Final = 60.0
TROUBLE_SECONDS: Final = 30.0
"""An engine that has not answered for so long, or not yet since it was first started, is told of."""
_FAILED: Final = b"CONSENSUS FAILURE!!!"
"""What the engine prints when it gives up: an error is caught, told, and its consensus stands still from then on."""
_REASON: Final = re.compile(rb'err="((?:[^"\\]|\\.)*)"')
_MAX_REASON: Final = 300
_STOP_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.5
_STOP_LOOK_SECONDS: Final = 0.001
_MAX_PAUSE_SECONDS: Final = 30.0
_MAX_LOG_BYTES: Final = 16 * 1024 * 1024

_log = structlog.get_logger("engine")


class EngineMissingError(LedgerError):
    """There is no `cometbft` program."""


def find_program() -> Path:
    """The `cometbft` program: `$SOGOC_COMETBFT`, or the one on the PATH. Raises EngineMissingError, rule `engine.missing`."""
    named = os.environ.get(VARIABLE)
    found = named or shutil.which("cometbft")
    if found is None or not Path(found).is_file():
        raise EngineMissingError(
            "engine.missing",
            f"the program cometbft (v0.38) is not {'at ' + named if named else 'on the PATH'}: install it with "
            f"`{INSTALL}`, or from its releases, or name it in ${VARIABLE}",
        )
    return Path(found)


class EngineProcess:
    """One engine, kept running. `start` and `stop` are called by its owner, once each."""

    def __init__(self, program: Path, files: EngineFiles, *, keys: tuple[SigningKey, SigningKey]) -> None:
        """`keys` are the engine key and the peer key, which the process is shown each time it starts."""
        self._program = program
        self._files = files
        self._keys = keys
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._answered = time.monotonic()
        self._heard = time.monotonic()
        self._restarts = 0
        self._failure = ""
        self._height = 0
        self._thread = threading.Thread(target=self._keep_running, name="sogoc-engine-process", daemon=True)

    @property
    def silent_seconds(self) -> float:
        """Seconds since the engine last answered, or was last started."""
        return time.monotonic() - self._answered

    @property
    def trouble(self) -> str:
        """That the engine does not answer or has failed, in words; empty while it does its work."""
        if self._failure:
            return f"the engine's consensus has failed: {self._failure}; it was started again {self._restarts} times"
        seconds = time.monotonic() - self._heard
        if seconds < TROUBLE_SECONDS:
            return ""
        return (
            f"the engine (cometbft) has not answered for {seconds:.0f} s, and was started again {self._restarts} times; "
            f"its own words are in {self._files.log.name}"
        )

    @property
    def process_id(self) -> int | None:
        """The process's number, if it runs."""
        child = self._child
        return None if child is None or child.poll() is not None else child.pid

    @property
    def height(self) -> int:
        """The engine's height when it was last asked, 0 if it has not answered yet."""
        return self._height

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """The process does nothing at all while the block runs, which must be short. Raises EngineUnreachableError if it does
        not run, or not stop.
        """
        pid = self.process_id
        if pid is None:
            raise EngineUnreachableError("engine.unreachable", "the engine does not run")
        try:
            os.kill(pid, signal.SIGSTOP)
            _wait_until_stopped(pid)
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def start(self) -> None:
        """Start the process, and again whenever it ends."""
        self._thread.start()

    def stop(self) -> None:
        """End the process and wait for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep_running(self) -> None:
        pause = 1.0
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                self._run_once()
            except (OSError, LedgerError) as error:
                _log.error("the engine cannot be started", error=str(error))
            if self._stopping.is_set():
                return
            if time.monotonic() - started > SILENT_SECONDS:
                pause = 1.0
            self._restarts += 1
            _log.warning(
                "the engine ended and is started again", log=str(self._files.log), pause_seconds=pause
            )
            self._stopping.wait(pause)
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)

    def _run_once(self) -> None:
        write_keys(self._files, *self._keys)
        self._files.rpc_socket.unlink(missing_ok=True)
        if self._files.log.exists() and self._files.log.stat().st_size > _MAX_LOG_BYTES:
            self._files.log.replace(self._files.log.with_suffix(".log.1"))
        try:
            with self._files.log.open("ab") as output:
                said_before = output.tell()
                child = subprocess.Popen(  # noqa: S603  a program the operator chose, with our own arguments
                    [str(self._program), "start", "--home", str(self._files.home)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={"HOME": str(self._files.home), "PATH": os.environ.get("PATH", "")},
                )
            self._child = child
            self._answered = time.monotonic()
            with EngineClient(self._files.rpc_socket) as client, self._files.log.open("rb") as said:
                said.seek(said_before)
                self._watch(child, client, said)
            _end(child)
        finally:
            remove_keys(self._files)

    def _watch(self, child: subprocess.Popen[bytes], client: EngineClient, said: BinaryIO) -> None:
        keys_read = False
        while child.poll() is None and not self._stopping.wait(_LOOK_SECONDS):
            if self._files.rpc_socket.exists() and self._ask(client) and not keys_read:
                remove_keys(self._files)
                keys_read = True
            if (reason := _failure_in(said)) is not None:
                self._failure = reason
                _log.error("the engine's consensus has failed, it is ended", reason=reason)
                return
            if self.silent_seconds > SILENT_SECONDS:
                _log.error("the engine does not answer and is ended", seconds=round(self.silent_seconds))
                return

    def _ask(self, client: EngineClient) -> bool:
        """Whether the engine answers."""
        try:
            height = client.height()
        except EngineUnreachableError:
            return False
        self._answered = self._heard = time.monotonic()
        if height > self._height:
            # It decides again.
            self._height, self._failure = height, ""
        return True


def _wait_until_stopped(pid: int) -> None:
    """Wait until every thread of a child has stopped, which the system tells its parent."""
    end = time.monotonic() + _STOP_SECONDS
    while os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > end:
            raise EngineUnreachableError("engine.unreachable", "the engine's process does not stop")
        time.sleep(_STOP_LOOK_SECONDS)


def _failure_in(said: BinaryIO) -> str | None:
    """Why its consensus has failed, if the engine has said so in what it printed since the last look."""
    for line in said:
        if _FAILED in line:
            found = _REASON.search(line)
            return (found[1] if found else line).decode(errors="replace")[:_MAX_REASON]
    return None


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
