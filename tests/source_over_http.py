"""A chain's log and state over HTTP as a node serves them, and whatever else a test wants to be answered instead."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

from ledger.tiles import parse_tile_path
from tests.test_snapshot import Keeper

Answer: TypeAlias = tuple[dict[str, str], Iterable[bytes]]
"""Headers, and a body that ends with the connection."""


class Source:
    """Listens on a port of its own. A path may begin with any name, by which `instead` knows who asks."""

    def __init__(self, keeper: Keeper, instead: Callable[[str], Answer | None] = lambda _: None) -> None:
        """`instead` is asked first, with the whole path, for another answer than the honest one."""
        self.keeper = keeper
        self.instead = instead
        self.asked: list[str] = []
        """All paths, in order."""
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source.asked.append(self.path)
                headers, body = source.instead(self.path) or ({}, [source.honest(self.path)])
                self.close_connection = True
                self.send_response(200)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                # Whoever has heard enough hangs up.
                with contextlib.suppress(OSError):
                    for piece in body:
                        self.wfile.write(piece)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def address(self, name: str) -> str:
        """Where it is, for whoever asks under this name."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def honest(self, path: str) -> bytes:
        """What an honest node answers."""
        keeper, path = self.keeper, "/" + path.split("/", 2)[2].partition("?")[0]
        if path == "/checkpoint":
            return keeper.checkpoint().encode()
        if path == "/v1/policy/epochs":
            return b""
        if path == "/v1/snapshot":
            return keeper.snapshot().encode()
        if path.startswith("/v1/snapshot/"):
            return keeper.snapshot_part(keeper.size, None)
        tile = parse_tile_path(path[1:])
        if tile.level == "entries":
            return keeper.entry_bundle(tile.n, tile.width)
        if tile.level == "records":
            return keeper.records_bundle(tile.n, tile.width)
        return keeper.tile(int(tile.level), tile.n, tile.width)

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def served(keeper: Keeper, instead: Callable[[str], Answer | None] = lambda _: None) -> Iterator[Source]:
    """A source for as long as the block runs."""
    source = Source(keeper, instead)
    try:
        yield source
    finally:
        source.close()
