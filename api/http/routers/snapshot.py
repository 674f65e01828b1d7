"""`/v1/snapshot`: the state of one moment, page by page, for followers that begin with it.

Rules: all who begin within ten minutes read one moment, and a node keeps two (`node.moments`). A part is about a megabyte. What
is handed out is all in the public ledger; whoever receives it believes nothing but a quorum's checkpoint.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.http.context import context_of
from api.wire import MSGPACK
from ledger.errors import FormatError
from ledger.state.pages import page_path
from ledger.state.transfer import MAX_DIGITS, make_part

_PREFIX = re.compile(rf"[0-9a-f]{{0,{MAX_DIGITS}}}")

Size = Annotated[int, Path(ge=1, le=2**53 - 1, description="Tree size of the snapshot.", examples=[1024])]
After = Annotated[
    str | None,
    Query(description="Prefix of the last page that came; without it: from the first.", examples=["3f"]),
]

router = APIRouter(tags=["chain"])


@router.get(
    "/v1/snapshot",
    summary="The state that is handed out now",
    response_class=PlainTextResponse,
    responses={
        200: {
            "description": "A cosigned C2SP checkpoint",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
def get_snapshot(request: Request) -> Response:
    """The checkpoint under whose last header's state root the pages stand that `/v1/snapshot/{size}` gives."""
    moment = context_of(request).node.moments.newest()
    return PlainTextResponse(moment.checkpoint_text, headers={"cache-control": "no-store"})


@router.get(
    "/v1/snapshot/{size}",
    summary="Pages of a state, with their rows",
    response_class=Response,
    responses={
        200: {
            "description": "`[[prefix, page, [key, value, …]], …]`: pages of the state tree in order of depth and prefix, "
            "the next 512 of them or about a megabyte; with a leaf page its rows. Empty behind the last one.",
            "content": {MSGPACK: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def get_snapshot_part(request: Request, size: Size, after: After = None) -> Response:
    """The next pages. 404 `snapshot.gone` for a state that is not handed out any more: begin with the newest."""
    if after is not None and not _PREFIX.fullmatch(after):
        raise FormatError(
            "request.prefix", f"a prefix is written as at most {MAX_DIGITS} hexadecimal digits, in lower case"
        )
    view = context_of(request).node.moments.at(size).view
    behind = b"" if after is None else page_path(after.encode())
    return Response(
        make_part(view.pages_behind(behind), view.read_row),
        media_type=MSGPACK,
        headers={"cache-control": "no-store"},
    )
