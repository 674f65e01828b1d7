"""`/van-phong`: the page of an office's desk, and what it needs beside the API.

Rules: the page is the same for everybody; who may sign what is decided by keys in the browser and by the ledger. Nothing here
takes a write. Its service worker is its own, so that a citizen's phone never loads the office's scripts.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api import qr
from api.certificates import schemas
from api.http.pages import HEADERS, page_response, worker_response
from api.http.problem import HttpError
from api.pages import words
from api.pages.assets import assets
from api.pages.joining import imports_of, later_imports_of, resolve

SCRIPT = "js/office/office.js"
SHEETS = ("tokens", "house", "verify", "office")
_PAGE = "/van-phong"
_INVITATION = re.compile(
    r"https?://[A-Za-z0-9.:\[\]-]{1,260}/(?:van-phong|san-xuat)#moi=[a-z0-9._,+-]{1,200}", re.ASCII
)
_QR_MILLIMETRES = 58.0

router = APIRouter(include_in_schema=False)


@cache
def modules(script: str = SCRIPT, *, later: bool = False) -> tuple[str, ...]:
    """A page's script and all that it imports at once, or `later` too, by path below the static files."""
    held = assets().files
    found: dict[str, None] = {}
    waiting = [script]
    while waiting:
        path = waiting.pop(0)
        if path not in found:
            found[path] = None
            source = held[path].data.decode()
            names = [*imports_of(source), *(later_imports_of(source) if later else ())]
            waiting += [resolve(path, name) for name in names]
    return tuple(found)


@router.api_route(_PAGE, methods=["GET", "HEAD"])
def get_office(
    request: Request, language: Annotated[str, Query(alias="lang", max_length=8)] = words.VIETNAMESE
) -> Response:
    """The page. What is behind `#` stays in the browser."""
    return page_response(
        request, "office.html", page="office", title="of.title", language=language, modules=modules()[1:]
    )


@router.api_route(f"{_PAGE}/schemas.json", methods=["GET", "HEAD"])
def get_schemas() -> Response:
    """The schemas of certificates, as the command line uses them."""
    return Response(_schemas(), media_type="application/json", headers=HEADERS)


@cache
def _schemas() -> bytes:
    folder = files(schemas)
    found = [json.loads(folder.joinpath(f"{name}.json").read_bytes()) for name in sorted(schemas.schemas())]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


@router.api_route(f"{_PAGE}/ma-moi.svg", methods=["GET", "HEAD"])
def get_invitation_code(link: Annotated[str, Query(max_length=500)]) -> Response:
    """An invitation to this page as a QR code. 422 `office.invitation` for any other link."""
    if not _INVITATION.fullmatch(link):
        raise HttpError("office.invitation", "this is no invitation to the office's page", status=422)
    return Response(
        qr.svg(qr.everyday_code(link), millimetres=_QR_MILLIMETRES),
        media_type="image/svg+xml",
        headers={**HEADERS, "cache-control": "no-store"},
    )


@router.api_route("/van-phong-sw.js", methods=["GET", "HEAD"])
def get_office_worker() -> Response:
    """The page's service worker, with the version and the list of what it keeps."""
    kept = [*modules(later=True), *(f"css/{sheet}.css" for sheet in SHEETS), "icons/mark.svg"]
    return worker_response("office-sw.js", {_PAGE: kept, f"{_PAGE}/schemas.json": ()})
