"""What every request passes on its way in, and every answer on its way out: one small ASGI layer.

Rules: the address's rate limit and the sizes of path, query and headers come before anything else; every answer gets the
security headers it did not set itself; reads are public, so any page may make them, without credentials. A request is logged
at debug level by method, path, status and duration: never a query, a header or a body.
"""

from __future__ import annotations

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.limits import TILE_COST, Limits
from api.http.problem import SECURITY_HEADERS, HttpError, error_response

MAX_PATH_BYTES = 2_048
MAX_QUERY_BYTES = 4_096
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32_768

_DEFAULTS = tuple((name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items())
_PUBLIC = ((b"access-control-allow-origin", b"*"), (b"cross-origin-resource-policy", b"cross-origin"))
_READS = frozenset({"GET", "HEAD"})

_log = structlog.get_logger("http")


class Guard:
    """The layer; pure ASGI, since a request and its answer pass it once each way."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        extra = _DEFAULTS + _PUBLIC if scope["method"] in _READS else _DEFAULTS

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                present = {name for name, _ in headers}
                headers += [header for header in extra if header[0] not in present]
            await send(message)

        try:
            self._check(scope)
        except HttpError as error:
            await error_response(error)(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)
        _log.debug(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )

    def _check(self, scope: Scope) -> None:
        client = scope.get("client")
        path: str = scope["path"]
        # No address: a Unix socket, which file permissions guard.
        if client:
            self._limits.check_address(client[0], cost=TILE_COST if path.startswith("/tile/") else 1.0)
        if len(path) > MAX_PATH_BYTES or len(scope.get("query_string", b"")) > MAX_QUERY_BYTES:
            raise HttpError("http.address-size", "the address of the request is too long", status=414)
        headers = scope["headers"]
        if (
            len(headers) > MAX_HEADERS
            or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES
        ):
            raise HttpError("http.headers-size", "the headers of the request are too large", status=431)
