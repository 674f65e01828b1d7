"""`/san-xuat`: a producer's page, and what it needs beside the API.

Rules: the page is the same for everybody; who may sign what is decided by keys in the browser and by the ledger. Nothing here
takes a write. Its service worker is its own, so that it opens in the field and loads nobody else's scripts.

Labels are made for whoever asks, as what they say is public: of lots only that the ledger has and that are not recalled, and
one file at a time, since setting them takes a processor a second or two.
"""

from __future__ import annotations

import threading
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.http.context import context_of
from api.http.items import read_item
from api.http.office import modules
from api.http.pages import HEADERS, page_response, worker_response
from api.http.problem import HttpError
from api.pages import words
from api.papers.labels import LotFacts, label_sheets, layout_named, lot_labels
from ledger.records.base import IN_FORCE
from ledger.records.goods import goods as goods_name
from ledger.records.lots import lot
from ledger.records.products import product
from node.goods import created, registered
from node.receipts import FinalView
from node.vault.access import member_row

SCRIPT = "js/producer/producer.js"
SHEETS = ("tokens", "house", "verify", "office", "producer")
_PAGE = "/san-xuat"
_SETTING = threading.BoundedSemaphore(1)
_WAIT_SECONDS = 10.0

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
    kept = [*modules(SCRIPT, later=True), *(f"css/{sheet}.css" for sheet in SHEETS), "icons/mark.svg"]
    return worker_response("producer-sw.js", {_PAGE: kept})


@router.get(f"{_PAGE}/tem.pdf")
def get_labels(
    request: Request,
    owner: Annotated[str, Query(max_length=64)],
    item: Annotated[str, Query(max_length=200)],
    site: Annotated[str, Query(max_length=300)],
    sheet: Annotated[str, Query(max_length=20)],
    count: Annotated[int, Query()],
    used: Annotated[int, Query()] = 0,
    first: Annotated[int | None, Query(ge=0, le=999_999_999)] = None,
) -> Response:
    """Labels of a lot. `owner` created it; `site` is how the page is reached, so that codes lead there.

    400 `label.*`, `gs1.*`, `qr.*`; 404 `label.unknown`; 422 `label.recalled`; 501 `paper.extra`; 503 `http.busy`.
    """
    if site not in {f"{scheme}://{request.url.netloc}" for scheme in ("http", "https")}:
        raise HttpError(
            "request.invalid", "labels lead to the site that is asked for them, and to no other", status=422
        )
    layout_named(sheet)
    facts = _facts(context_of(request).final, owner, read_item(item).path)
    labels = lot_labels(facts, site=site, count=count, first=first)
    if not _SETTING.acquire(timeout=_WAIT_SECONDS):
        raise HttpError("http.busy", "other labels are being made", status=503, retry_after=_WAIT_SECONDS)
    try:
        pdf = label_sheets(
            labels, layout=sheet, site=site, used=used, time_s=context_of(request).clock_ms() // 1000
        )
    finally:
        _SETTING.release()
    return Response(
        pdf,
        media_type="application/pdf",
        headers={
            **HEADERS,
            "cache-control": "no-store",
            "content-disposition": 'attachment; filename="tem.pdf"',
        },
    )


def _facts(final: FinalView, owner: str, path: str) -> LotFacts:
    """Raises HttpError: `label.unknown`, `label.recalled`."""
    found = created(final, lot(owner, path))
    member = member_row(final, owner)
    if found is None or member is None:
        raise HttpError("label.unknown", "this ledger has no such lot of this member", status=404)
    if found.row.status != IN_FORCE:
        raise HttpError(
            "label.recalled", f"the lot is {found.row.status}: no more labels are made of it", status=422
        )
    goods = registered(final, product(owner, goods_name(found.record.body)))
    return LotFacts(found.record.body, None if goods is None else goods.record.body, member.name)
