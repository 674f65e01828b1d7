"""Reading a request's body within limits, before anything parses it.

Rules: a declared length above the limit is refused unread; a body is counted as it arrives; a sender that stops sending is
let go; and all bodies that are being held together stay within one budget, so that many senders cannot exhaust the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request

from api.http.problem import HttpError

IDLE_SECONDS = 20.0
"""How long a sender may pause within a body."""
WHOLE_SECONDS = 300.0
"""How long a body may take altogether: 16 MB at half a megabit a second."""
BUDGET_BYTES = 256_000_000
"""Bytes of all bodies that are held at one time."""


class BodyBudget:
    """Counts the bytes of bodies in memory. Used from the event loop only."""

    def __init__(self, total: int = BUDGET_BYTES) -> None:
        self._left = total

    def take(self, size: int) -> None:
        """Raise HttpError 503, code `http.busy`, if there is no room for `size` more bytes."""
        if size > self._left:
            raise HttpError(
                "http.busy", "the node is receiving too much at this moment", status=503, retry_after=2
            )
        self._left -= size

    def give_back(self, size: int) -> None:
        """The bytes are no longer held."""
        self._left += size


class Body:
    """A body that is held: a context manager that returns its bytes to the budget."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._held = 0
        self.data = b""

    def __enter__(self) -> bytes:
        return self.data

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Return what is held."""
        self._budget.give_back(self._held)
        self._held = 0

    def hold(self, size: int) -> None:
        """Count `size` more bytes."""
        self._budget.take(size)
        self._held += size


def too_large(limit: int) -> HttpError:
    """The refusal of a body that is longer than `limit` bytes."""
    return HttpError("http.body-size", f"the body of this request may have at most {limit} bytes", status=413)


async def read_body(
    request: Request, budget: BodyBudget, limit: int, narrow: Callable[[bytes], int] | None = None
) -> Body:
    """The whole body, at most `limit` bytes; `narrow` may set a lower limit once it sees how the body begins.

    Raises HttpError: 413 `http.body-size`, 408 `http.body-timeout`, 400 `http.body-incomplete`, 503 `http.busy`.
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        raise too_large(limit)
    body = Body(budget)
    try:
        body.data = await _receive(request, body, limit, narrow)
    except BaseException:
        body.release()
        raise
    return body


async def _receive(request: Request, body: Body, limit: int, narrow: Callable[[bytes], int] | None) -> bytes:
    loop = asyncio.get_running_loop()
    end = loop.time() + WHOLE_SECONDS
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout_at(loop.time() + IDLE_SECONDS) as idle:
            while True:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise HttpError(
                        "http.body-incomplete", "the connection ended within the body", status=400
                    )
                chunk: bytes = message.get("body", b"")
                body.hold(len(chunk))
                chunks.append(chunk)
                size += len(chunk)
                if narrow is not None and size >= 2:
                    limit = min(limit, narrow(b"".join(chunks)[:2]))
                    narrow = None
                if size > limit:
                    raise too_large(limit)
                if not message.get("more_body", False):
                    break
                if chunk:
                    idle.reschedule(min(end, loop.time() + IDLE_SECONDS))
    except TimeoutError as error:
        raise HttpError(
            "http.body-timeout", "the body of the request did not arrive in time", status=408
        ) from error
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
