"""`/san-xuat`: a producer's page, and what it needs beside the API.

Rules: the page is the same for everybody; who may sign what is decided by keys in the browser and by the ledger. Nothing here
takes a write. Its service worker is its own, so that it opens in the field and loads nobody else's scripts.
"""

from __future__ import annotations

import json
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.http.office import modules
from api.http.pages import HEADERS, page_response
from api.pages import words
from api.pages.assets import assets

SCRIPT = "js/producer/producer.js"
SHEETS = ("tokens", "house", "verify", "office", "producer")
_PAGE = "/san-xuat"

router = APIRouter(include_in_schema=False)


@router.api_route(_PAGE, methods=["GET", "HEAD"])
def get_producer(
    request: Request, language: Annotated[str, Query(alias="lang", max_length=8)] = words.VIETNAMESE
) -> Response:
    """The page. What is behind `#` stays in the browser."""
    return page_response(
        request,
        "producer.html",
        page="producer",
        title="pr.title",
        language=language,
        modules=modules(SCRIPT)[1:],
    )


@router.api_route("/san-xuat-sw.js", methods=["GET", "HEAD"])
def get_producer_worker() -> Response:
    """The page's service worker, with the version and the list of what it keeps."""
    held = assets()
    kept = [held.address(path) for path in (*modules(SCRIPT), *(f"css/{sheet}.css" for sheet in SHEETS), "icons/mark.svg")]
    head = f"const VERSION = {json.dumps(held.version)};\nconst FILES = {json.dumps(kept)};\n"
    source = (FilePath(words.__file__).parent / "producer-sw.js").read_text(encoding="utf-8")
    return Response(head + source, media_type="text/javascript", headers=HEADERS)
