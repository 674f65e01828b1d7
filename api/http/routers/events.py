"""`/v1/events`: new checkpoints as server-sent events.

Rules: the number of open streams is bounded, and each ends by itself after an hour (a browser connects again). There is no
queue to overflow: a reader that is slow, or was away, gets the newest checkpoint, which tells it how far the ledger has come.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.http.context import Context, context_of
from api.http.problem import HttpError
from node.receipts import FinalView

MAX_LISTENERS = 200
POLL_SECONDS = 0.25
"""How soon a new checkpoint is told: a look at one attribute, so that the node need not know who listens."""
COMMENT_SECONDS = 15.0
"""A quiet stream gets a comment this often, so that nothing on the way takes it for dead."""
STREAM_SECONDS = 3_600.0
MAX_EVENTS = 1_000_000

EventLimit = Annotated[int, Query(ge=1, le=MAX_EVENTS, description="End after so many events.", examples=[1])]

router = APIRouter(tags=["operations"])


@router.get(
    "/v1/events",
    summary="New checkpoints, as they come",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events named `checkpoint`: the newest at once, then each newer one.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def get_events(
    request: Request,
    limit: EventLimit = MAX_EVENTS,
) -> Response:
    """`data` is `{"height", "size", "root", "checkpoint"}`; the event id is the tree size.

    503 `events.full` if too many listen.
    """
    context = context_of(request)
    if context.listeners >= MAX_LISTENERS:
        raise HttpError("events.full", "too many listen to this node's events", status=503, retry_after=60)
    return StreamingResponse(
        _events(context, limit), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


async def _events(context: Context, limit: int) -> AsyncIterator[bytes]:
    context.listeners += 1
    try:
        loop = asyncio.get_running_loop()
        end = loop.time() + STREAM_SECONDS
        said = loop.time()
        last = ""
        yield b"retry: 5000\n\n"
        while limit and loop.time() < end and context.node.failure is None:
            final = context.final
            if final.checkpoint_text != last:
                last, said = final.checkpoint_text, loop.time()
                limit -= 1
                yield _event(final)
            elif loop.time() - said >= COMMENT_SECONDS:
                said = loop.time()
                yield b": quiet\n\n"
            if limit:
                await asyncio.sleep(POLL_SECONDS)
    finally:
        context.listeners -= 1


def _event(final: FinalView) -> bytes:
    head = final.view.head
    data = {
        "height": head.height,
        "size": head.size,
        "root": head.root.hex(),
        "checkpoint": final.checkpoint_text,
    }
    return f"event: checkpoint\nid: {head.size}\ndata: {json.dumps(data)}\n\n".encode()
