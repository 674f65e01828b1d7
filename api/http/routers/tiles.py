"""`/checkpoint`, `/tile/…`, `/genesis`: the log as C2SP tlog-tiles, for any client that reads those.

Rules: what is served lies under the newest final checkpoint. A tile of a given width never changes, so any cache may keep it
for ever. Bundles are compressed for those who take gzip; hashes do not compress.
"""

from __future__ import annotations

import gzip
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.http.context import context_of
from api.http.problem import HttpError
from ledger.errors import FormatError
from ledger.store.view import LedgerView
from ledger.tiles import TilePath, parse_tile_path, tile_width

IMMUTABLE = "public, max-age=31536000, immutable"
_OCTETS = "application/octet-stream"
_BYTES: dict[int | str, dict[str, object]] = {
    200: {
        "description": "The bytes",
        "content": {_OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }
}

TileName = Annotated[
    str,
    Path(
        description="`<level>/<N>[.p/<W>]`, `entries/<N>[.p/<W>]` or `records/<N>[.p/<W>]`, as tlog-tiles spells them.",
        examples=["0/000.p/2", "entries/x001/234.p/7", "records/000"],
    ),
]

router = APIRouter(tags=["log"])


@router.get(
    "/checkpoint",
    summary="The newest final checkpoint",
    response_class=PlainTextResponse,
    responses={
        200: {
            "description": "A cosigned C2SP checkpoint",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
def get_checkpoint(request: Request) -> Response:
    """A C2SP checkpoint: origin, tree size and root, signed as the log and cosigned by the validators."""
    return PlainTextResponse(context_of(request).final.checkpoint_text, headers={"cache-control": "no-cache"})


@router.get(
    "/tile/{path:path}", summary="A tile or bundle of the log", response_class=Response, responses=_BYTES
)
def get_tile(
    request: Request,
    path: TileName,
) -> Response:
    """Hash tiles, entry bundles (C2SP tlog-tiles), and beside these the records bundles. 404 `tile.unknown` for any other."""
    try:
        wanted = parse_tile_path(f"tile/{path}")
    except FormatError as error:
        raise HttpError("tile.unknown", "this is not the path of a tile", status=404) from error
    view = context_of(request).final.view
    if wanted.width > tile_width(wanted.level, wanted.n, view.head.size):
        raise HttpError("tile.unknown", f"the log has {view.head.size} leaves and no such tile", status=404)
    data = _read(view, wanted)
    headers = {"cache-control": IMMUTABLE}
    if isinstance(wanted.level, str):
        headers["vary"] = "accept-encoding"
        if takes_gzip(request.headers.get("accept-encoding", "")):
            headers["content-encoding"] = "gzip"
            # No time stamp inside: the same bytes for everyone.
            data = gzip.compress(data, compresslevel=6, mtime=0)
    return Response(data, media_type=_OCTETS, headers=headers)


def _read(view: LedgerView, wanted: TilePath) -> bytes:
    if wanted.level == "entries":
        return view.entry_bundle(wanted.n, wanted.width)
    if wanted.level == "records":
        return view.records_bundle(wanted.n, wanted.width)
    return view.tile(int(wanted.level), wanted.n, wanted.width)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header (RFC 9110 §12.5.3) takes gzip by name."""
    for item in accepted.split(","):
        name, _, weight = item.partition(";")
        if name.strip().lower() in {"gzip", "x-gzip"}:
            return weight.replace(" ", "").lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


@router.get("/genesis", summary="The genesis leaf", response_class=Response, responses=_BYTES)
def get_genesis(request: Request) -> Response:
    """Leaf 0 of the log, `[2, genesis document]`: SHA-256 of the document is the chain id."""
    return Response(
        context_of(request).genesis_leaf, media_type=_OCTETS, headers={"cache-control": IMMUTABLE}
    )
