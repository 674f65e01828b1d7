"""What is served on the node's Unix socket and nowhere else: its rows at one moment, for an audit or a backup.

Rules: these addresses are no part of the application that the network reaches; there they are 404. Whoever may open the socket,
which the file system decides, may read every row of the store and of the outbox. All of it could be read from the disk if the
node were stopped; nothing can be written. An answer is one page (`api.row_pages`), so that the node never holds much of what it
hands out, and no more than a few pages are made at a time.

| request | does |
|---|---|
| `POST /control/snapshots` | pins a moment: `{"id": …}` |
| `POST /control/snapshots/{id}/rows` | `[prefix, start, stop, reverse, most]`: rows in order; `start` and `stop` may be null |
| `POST /control/snapshots/{id}/get` | `[key, …]`: those of these rows that are there, in this order |
| `POST /control/snapshots/{id}/waiting` | `[after]`: waiting entries with higher numbers; the number is the key, 8 bytes |
| `DELETE /control/snapshots/{id}` | lets go of it |

Bodies are in the canonical encoding.

What this module does not do: know what the rows mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http import problem
from api.http.body import read_body
from api.http.context import Context
from api.http.guard import Guard
from api.http.problem import HttpError
from api.row_pages import MAX_KEYS, PAGE_ROWS, ROWS, Row, encode_page
from ledger.encoding import Value, decode
from ledger.errors import FormatError, LedgerError
from node.pinned import MAX_PINNED, PinError, Pinned

_PREFIX = "/control/"
_MAX_BODY_BYTES = MAX_KEYS * 1_100
"""Room for as many keys as may be asked for: the longest are those of lookups."""

_T = TypeVar("_T")
_Reading = Callable[[Pinned, Value], bytes]


class Control:
    """The application of the Unix socket: these addresses, and everything that `app` serves beside them."""

    def __init__(self, app: FastAPI, context: Context) -> None:
        self._app = app
        self._context = context
        self._threads = anyio.CapacityLimiter(MAX_PINNED)
        routes = [
            Route("/control/snapshots", self._pin, methods=["POST"]),
            Route("/control/snapshots/{name}", self._release, methods=["DELETE"]),
        ]
        for what, read in (("rows", _rows), ("get", _get), ("waiting", _waiting)):
            endpoint = partial(self._read, read)
            routes.append(Route(f"/control/snapshots/{{name}}/{what}", endpoint, methods=["POST"]))
        handlers = {
            LedgerError: problem.on_ledger_error,
            HTTPException: problem.on_http_exception,
            Exception: problem.on_unexpected,
        }
        self._control: ASGIApp = Guard(Starlette(routes=routes, exception_handlers=handlers), context.limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        ours = scope["type"] == "http" and scope["path"].startswith(_PREFIX)
        await (self._control if ours else self._app)(scope, receive, send)

    async def _pin(self, _: Request) -> Response:
        name = await self._on_thread(self._context.node.pins.pin)
        return JSONResponse({"id": name}, status_code=201)

    async def _release(self, request: Request) -> Response:
        await self._on_thread(partial(self._context.node.pins.release, request.path_params["name"]))
        return Response(status_code=204)

    async def _read(self, read: _Reading, request: Request) -> Response:
        with await read_body(request, self._context.bodies, _MAX_BODY_BYTES) as body:
            wanted = decode(body, max_bytes=_MAX_BODY_BYTES)

            def page() -> bytes:
                with self._context.node.pins.reading(request.path_params["name"]) as pinned:
                    return read(pinned, wanted)

            return Response(await self._on_thread(page), media_type=ROWS)

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._threads)
        except PinError as error:
            if error.rule == "snapshot.limit":
                raise HttpError("snapshot.limit", error.detail, status=503, retry_after=10) from error
            raise HttpError("snapshot.unknown", error.detail, status=404) from error


def _rows(pinned: Pinned, wanted: Value) -> bytes:
    match wanted:
        case [bytes(prefix), start, stop, bool(reverse), int(most)] if (
            isinstance(start, bytes | None) and isinstance(stop, bytes | None) and 0 < most <= PAGE_ROWS
        ):
            return encode_page(pinned.rows.iterate(prefix, start=start, stop=stop, reverse=reverse), most)
        case _:
            raise _malformed("[prefix, start, stop, reverse, most]")


def _get(pinned: Pinned, wanted: Value) -> bytes:
    if not isinstance(wanted, list) or len(wanted) > MAX_KEYS:
        raise _malformed("a list of keys")
    keys = [key for key in wanted if isinstance(key, bytes) and key]
    if len(keys) != len(wanted):
        raise _malformed("a list of keys")
    return encode_page(_found(pinned, keys))


def _found(pinned: Pinned, keys: Sequence[bytes]) -> Iterator[Row]:
    for key in keys:
        value = pinned.rows.get(key)
        if value is not None:
            yield key, value


def _waiting(pinned: Pinned, wanted: Value) -> bytes:
    match wanted:
        case [int(after)] if 0 <= after < 2**53 - 1:
            return encode_page(
                (waiting.sequence.to_bytes(8, "big"), waiting.encoded())
                for waiting in pinned.outbox.waiting(after)
            )
        case _:
            raise _malformed("[after]")


def _malformed(shape: str) -> FormatError:
    return FormatError("control.request", f"the body of this request is {shape} in the canonical encoding")
