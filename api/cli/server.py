"""Servers in one process, the node's address, its Unix socket and its peers' listener, until a signal comes or the node
fails.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from rich.markup import escape
from starlette.types import ASGIApp

from api.cli.output import error_console
from api.http.app import create_app, create_control_app
from api.http.peers import create_peer_app
from ledger.errors import CannotTellError
from node.engine.cometbft.engine import CometBftEngine
from node.network import split_address
from node.network_part import NetworkPart
from node.service import Node
from node.vault.keeper import VaultKeeper
from node.witness.acting import Witness
from node.witness.anchoring import Anchoring

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MAX_SOCKET_PATH = 100
"""Bytes: Linux allows 107 in a Unix socket's path."""


class _Server(uvicorn.Server):
    """A server that leaves signals to us: two of them share one process."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen; on a Unix socket to this user alone: whoever may open it reads the store row by row."""
        await super().startup(sockets)
        if self.config.uds is not None and self.started:
            os.chmod(self.config.uds, 0o600)  # noqa: PTH101  one system call

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: `run_servers` handles them."""
        yield


class _PinnedConfig(uvicorn.Config):
    """Settings of the listener for the other validators, with TLS as the network makes it."""

    def __init__(self, app: ASGIApp, network: NetworkPart) -> None:
        host, port = split_address(network.settings.peer_listen)
        super().__init__(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            limit_concurrency=100,
        )
        self._network = network

    def load(self) -> None:
        """Put everything together; the base class knows certificates by their files only."""
        super().load()
        self.ssl = self._network.listener_context()


async def run_servers(
    node: Node,
    *,
    vault: VaultKeeper | None,
    host: str,
    port: int,
    tls: tuple[str, str] | None,
    network: NetworkPart | None = None,
    witness: Witness | None = None,
    anchoring: Anchoring | None = None,
    over: threading.Event | None = None,
) -> None:
    """Serve until a signal comes, the node fails, or `over` is set; with a `network`, the other validators too, on a listener
    of their own.
    """
    app = create_app(node, vault=vault, witness=witness)
    if host not in _LOOPBACK:
        error_console.print(f"[yellow]Cảnh báo / warning:[/] mở cho mạng / open to the network: {host}")
        if tls is None:
            error_console.print(
                "[yellow]Không có TLS / no TLS:[/] trình duyệt sẽ không kiểm tra được / browsers cannot verify over plain HTTP"
            )
    # Before anything begins: what cannot be reached is not to start.
    sockets: list[list[socket.socket] | None] = [_listen(host, port)]
    servers = [_Server(_config(app, host=host, port=port, tls=tls))]
    # Through the socket commands read the store row by row: of one that is not whole they would say that rows are lost.
    if len(os.fsencode(node.home.socket.resolve())) <= _MAX_SOCKET_PATH and not node.backfilling:
        node.home.socket.unlink(missing_ok=True)
        servers.append(_Server(_config(create_control_app(app), uds=str(node.home.socket.resolve()))))
        sockets.append(None)
    if network is not None:
        if not isinstance(node.engine, CometBftEngine):
            raise TypeError("a validator among several has an engine of its own process")
        sockets.append(_listen(*split_address(network.settings.peer_listen)))
        servers.append(_Server(_PinnedConfig(create_peer_app(node, node.engine, app), network)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, servers)
    node.start()
    if vault is not None:
        vault.start()
    if anchoring is not None:
        anchoring.start()
    watcher = asyncio.create_task(_watch(node, servers, over))
    announcer = asyncio.create_task(_announce(servers[0], "https" if tls else "http", host))
    try:
        await asyncio.gather(*(server.serve(on) for server, on in zip(servers, sockets, strict=True)))
    finally:
        watcher.cancel()
        announcer.cancel()
        node.home.socket.unlink(missing_ok=True)


def _listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on each address of `host`. Raises CannotTellError, rule `node.listen`.

    The web server would do it as well, and end the process with a traceback where it cannot.
    """
    made: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            one = socket.socket(family, kind, protocol)
            made.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            one.listen()
    except OSError as error:
        for one in made:
            one.close()
        detail = f"cannot listen on {host}, port {port}: {error.strerror or error}. Another program may be there: see --port"
        raise CannotTellError("node.listen", detail) from error
    return made


def _config(
    app: ASGIApp, *, host: str = "", port: int = 0, uds: str | None = None, tls: tuple[str, str] | None = None
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host or "127.0.0.1",
        port=port,
        uds=uds,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        limit_concurrency=1_000,
    )


def _stop(servers: list[_Server]) -> None:
    for server in servers:
        server.should_exit = True


async def _watch(node: Node, servers: list[_Server], over: threading.Event | None) -> None:
    # A store that failed stays failed: the process ends so that its supervisor and its operator notice.
    while node.failure is None:
        if over is not None and over.is_set():
            _stop(servers)
            return
        await asyncio.sleep(0.5)
    error_console.print(f"[bold red]Nút dừng / the node stops:[/] {escape(str(node.failure))}")
    await asyncio.sleep(1)
    _stop(servers)


async def _announce(server: _Server, scheme: str, host: str) -> None:
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    address = f"[{host}]" if ":" in host else host
    error_console.print(
        f"[bold green]Nút đang chạy / node running:[/] {scheme}://{address}:{port}  (Ctrl-C để dừng / to stop)"
    )
