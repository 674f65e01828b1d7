"""A node served on a real port and on its Unix socket by threads of this process, and commands run against it."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvicorn
from typer.testing import CliRunner

from api.cli.app import app
from api.cli.output import exit_code_of, print_error
from api.http.app import create_app, create_control_app
from ledger.errors import LedgerError
from node.service import Node
from node.vault.keeper import VaultKeeper
from node.witness.acting import Witness


@dataclass(frozen=True)
class Done:
    """What a command did: its exit code, what it printed, and the rule of the error that ended it."""

    code: int
    output: str
    rule: str = ""

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever the command printed
        return json.loads(self.output)


@pytest.fixture(scope="module", autouse=True)
def quiet_logs() -> Iterator[None]:
    """No log lines, which would mix with a command's output, or go to a stream that has been closed since."""
    _be_quiet()
    yield
    structlog.reset_defaults()


def _be_quiet() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )


def sogoc(*arguments: str | Path) -> Done:
    """Run a command in this process, as `api.cli.main` does."""
    try:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    finally:
        _be_quiet()
    if isinstance(result.exception, LedgerError):
        print_error(result.exception, as_json=False)
        return Done(exit_code_of(result.exception), result.stdout, result.exception.rule)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout)


@contextmanager
def serving(node: Node, *, vault: VaultKeeper | None = None, witness: Witness | None = None) -> Iterator[str]:
    """The node's address, while it, its vault and its witness are served there and on the socket in its home."""
    application = create_app(node, vault=vault, witness=witness)
    servers = [
        _server(application, host="127.0.0.1", port=0),
        _server(create_control_app(application), uds=str(node.home.socket)),
    ]
    threads = [threading.Thread(target=server.run, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + 20
        while not all(server.started for server in servers):
            assert time.monotonic() < deadline, "the servers did not start"
            time.sleep(0.01)
        port = servers[0].servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        for server in servers:
            server.should_exit = True
        for thread in threads:
            thread.join(20)
        node.home.socket.unlink(missing_ok=True)


def _server(application: Any, **place: Any) -> uvicorn.Server:  # noqa: ANN401  uvicorn's own options
    return uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False, **place))
