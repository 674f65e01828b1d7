"""What validators ask of each other: cosignatures, on a listener that only their certificates open.

Rules: one resource, `/v1/cosignatures`. Posting a checkpoint adds its signatures to what is gathered; getting it gives the
newest one. Whoever posts is known by certificate, but believed no more for it: each signature is checked.
"""

from __future__ import annotations

from typing import Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ledger.errors import LedgerError
from node.peers import PATH

MAX_BODY_BYTES = 64 * 1024
"""Bytes of a checkpoint with 64 signatures, several times over."""


class CosignatureSource(Protocol):
    """The node, as far as its peers see it."""

    def newest_cosigned(self) -> str | None:
        """The newest committed checkpoint with all signatures gathered for it."""

    def take_cosignatures(self, sender: str, text: str) -> None:
        """Take the signatures in a checkpoint. Raises LedgerError."""


def create_peer_app(node: CosignatureSource) -> Starlette:
    """The application behind a validator's peer listener."""

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

    return Starlette(routes=[Route(PATH, give, methods=["GET"]), Route(PATH, take, methods=["POST"])])
