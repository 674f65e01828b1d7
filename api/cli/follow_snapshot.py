"""`sogoc follow --snapshot`: a copy that serves the state before it has the blocks behind it.

Rules: three steps, each of which goes on where a kill has left it: the snapshot is received and checked; it is served, and
followed, while the blocks behind it are fetched and executed into the copy's own store; then the snapshot is thrown away, and
the copy is one like any other. What is wrong with a snapshot ends the command with its rule, and nothing of it is served.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog
import typer

from api.cli.output import console, progress
from api.cli.serve import configure_logging
from api.client import Client
from api.remote_log import RemoteLog
from ledger.checkpoint import parse as parse_checkpoint
from ledger.errors import LedgerError
from ledger.policy import Policy
from ledger.store.from_snapshot import discard
from ledger.store.ledger_store import LedgerStore
from node.config import load_config
from node.following import FollowPart, catch_up, keep_trying
from node.home import Home
from node.service import Node
from node.snapshot import SnapshotHome, receive, snapshot_path
from node.threads import Background

_ATTEMPTS = 3
"""How often a snapshot is begun again that the node has let go of meanwhile."""

_log = structlog.get_logger("follow")


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy's home, whom it follows, and by which policy."""

    home: Home
    client: Client
    policy: Policy
    url: str

    def source(self) -> RemoteLog:
        """The source as it is now."""
        return RemoteLog(self.client)


def serve_from_snapshot(copy: Copy, *, host: str | None, port: int | None, quiet: bool) -> bool:
    """Serve from a snapshot until the blocks behind it are here; False if a signal came before.

    Raises what `node.snapshot.receive` raises, and typer.Exit if the node fails.
    """
    store = LedgerStore.open(copy.home.ledger)
    size = store.head.size
    store.close()
    if parse_checkpoint(copy.source().checkpoint()).size <= size:
        discard(snapshot_path(copy.home))
        return True
    if not snapshot_path(copy.home).exists():
        _receive(copy, size, quiet=quiet)
    configure_logging()
    node = Node(
        SnapshotHome(copy.home.path),
        load_config(copy.home.config),
        {},
        follow=FollowPart(copy.url, copy.source, copy.policy, from_snapshot=True),
    )
    filling = _Filling(copy, node)
    try:
        serve_copy(node, host=host, port=port, over=filling.done, beside=filling)
    finally:
        filling.stop()
    if filling.done.is_set():
        discard(snapshot_path(copy.home))
    return filling.done.is_set()


def serve_copy(
    node: Node,
    *,
    host: str | None,
    port: int | None,
    over: threading.Event | None = None,
    beside: _Filling | None = None,
) -> None:
    """Serve a node that follows until a signal comes or `over` is set. Raises typer.Exit if it fails."""
    import uvloop  # noqa: PLC0415  with the web framework, which no other command needs

    from api.cli.server import run_servers  # noqa: PLC0415  as above

    config = node.config
    try:
        if beside is not None:
            beside.start()
        uvloop.run(
            run_servers(
                node,
                vault=None,
                host=host or config.host,
                port=config.port if port is None else port,
                tls=None,
                over=over,
            )
        )
    finally:
        node.stop()
    if node.failure is not None:
        raise typer.Exit(1)


def _receive(copy: Copy, size: int, *, quiet: bool) -> None:
    with progress("Trạng thái / state, pages", None, quiet=quiet) as report:
        received = _receive_newest(copy, size, report, attempts=_ATTEMPTS)
    if not quiet:
        console.print(f"[bold green]Đã có trạng thái tại / state received, at[/] {received}")


def _receive_newest(copy: Copy, size: int, report: Callable[[int, int], None], *, attempts: int) -> int:
    genesis = copy.home.read_genesis()
    try:
        return receive(copy.home, copy.source(), copy.policy, genesis, at_least=size, report=report)
    except LedgerError as error:
        if error.rule != "snapshot.gone" or attempts == 1:
            raise
        return _receive_newest(copy, size, report, attempts=attempts - 1)


class _Filling(Background):
    """Fetches the blocks behind a snapshot while its node serves."""

    def __init__(self, copy: Copy, node: Node) -> None:
        super().__init__("sogoc-backfill")
        self.done = threading.Event()
        """Set once the copy's own store has all that the snapshot has."""
        self._copy = copy
        self._node = node

    def _run(self) -> None:
        store = LedgerStore.open(self._copy.home.ledger)
        try:
            keep_trying(lambda: self._fill(store), self._stopping, _note, self._node.failed)
        finally:
            store.close()
        # Only now: whoever sees it opens the store.
        if self._filled:
            self.done.set()

    _filled = False

    def _fill(self, store: LedgerStore) -> bool:
        reached = catch_up(
            store,
            self._copy.source(),
            self._copy.policy,
            self._node.genesis,
            stopping=self._stopping.is_set,
        )
        if reached is not None:
            store.put_signatures(reached.size, reached.text)
            self._filled = reached.size >= self._node.final_size
        return self._filled


def _note(error: LedgerError) -> None:
    _log.warning("the blocks behind the snapshot cannot be fetched now", rule=error.rule, detail=error.detail)
