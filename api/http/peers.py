"""What validators ask of each other: cosignatures and the engine's data, on a listener that only their certificates open.

Rules: `/v1/cosignatures`: posting a checkpoint adds its signatures to what is gathered; getting it gives the newest one. Who
posts is known by certificate, but believed no more for it: each signature is checked. `/v1/engine` says where this node's
engine is, `/v1/engine/data` gives its data to one that joins or was restored, one at a time. All else is what all may ask.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.errors import LedgerError
from node.engine.cometbft.copying import archive
from node.peer_engine import ENGINE_PATH, STORES_PATH, CopiedEngine
from node.peers import PATH

MAX_BODY_BYTES = 64 * 1024
"""Bytes of a checkpoint with 64 signatures, several times over."""


class CosignatureSource(Protocol):
    """The node, as far as its peers see it."""

    def newest_cosigned(self) -> str | None:
        """The newest committed checkpoint with all signatures gathered for it."""

    def take_cosignatures(self, sender: str, text: str) -> None:
        """Take the signatures in a checkpoint. Raises LedgerError."""


class _Archive(StreamingResponse):
    """Sends an engine's stores, and takes the copy away whatever becomes of the connection."""

    def __init__(self, folder: Path, copy: ExitStack) -> None:
        super().__init__(archive(folder), media_type="application/x-tar")
        self._copy = copy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._copy.close()


def create_peer_app(node: CosignatureSource, engine: CopiedEngine, public: ASGIApp) -> Starlette:
    """The application behind a validator's peer listener; `public` answers what everybody may ask."""

    async def give(_: Request) -> Response:
        text = await run_in_threadpool(node.newest_cosigned)
        return PlainTextResponse(text or "")

    async def take(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                return PlainTextResponse("http.too-large: a checkpoint is never as large as this\n", 413)
        sender = request.client.host if request.client else ""
        try:
            await run_in_threadpool(node.take_cosignatures, sender, body.decode("utf-8"))
        except UnicodeDecodeError:
            return PlainTextResponse("note.utf8: a checkpoint is a text in UTF-8\n", 400)
        except LedgerError as error:
            return PlainTextResponse(f"{error.rule}: {error.detail}\n", 400)
        return Response(status_code=204)

    async def tell_engine(_: Request) -> Response:
        try:
            height = await run_in_threadpool(engine.height)
        except LedgerError as error:
            return _refusal(error)
        return JSONResponse({"height": height, "votes": not engine.held})

    async def give_stores(_: Request) -> Response:
        with ExitStack() as copy:
            try:
                folder = await run_in_threadpool(copy.enter_context, engine.stores())
            except (LedgerError, OSError) as error:
                return _refusal(error)
            return _Archive(folder, copy.pop_all())

    return Starlette(
        routes=[
            Route(PATH, give, methods=["GET"]),
            Route(PATH, take, methods=["POST"]),
            Route(ENGINE_PATH, tell_engine, methods=["GET"]),
            Route(STORES_PATH, give_stores, methods=["GET"]),
            Mount("/", public),
        ]
    )


def _refusal(error: Exception) -> Response:
    return PlainTextResponse(f"{error}\n", 503)
