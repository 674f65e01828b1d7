"""`/truy-xuat`, the page that a label's address gives to people; `/kiem-tra`, the inspector's; `/chia-se`, which opens what was
shown to one reader.

Rules: the pages are the same for every thing, and say nothing about it: what is recorded is asked for and checked in the
browser. A label that was misread is a 400, and the page that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.http.pages import page_response
from api.pages import words
from ledger.gs1 import DigitalLink

router = APIRouter(include_in_schema=False)

Language = Annotated[str, Query(alias="lang", max_length=8)]


@router.api_route("/truy-xuat", methods=["GET", "HEAD"])
def get_trace_page(request: Request, language: Language = words.VIETNAMESE) -> Response:
    """The form; with a path behind `#/`, what is recorded of that thing."""
    return trace_page(request, language=language)


@router.api_route("/kiem-tra", methods=["GET", "HEAD"])
def get_inspector_page(request: Request, language: Language = words.VIETNAMESE) -> Response:
    """The inspector's page, which is open to everybody: what it shows is public."""
    return page_response(request, "inspector.html", page="inspector", title="in.title", language=language)


@router.api_route("/chia-se", methods=["GET", "HEAD"])
def get_share_page(request: Request, language: Language = words.VIETNAMESE) -> Response:
    """What hidden parts of an event a link or a file shows: the server never sees them."""
    return page_response(request, "share.html", page="share", title="sh.title", language=language)


def trace_page(
    request: Request,
    *,
    language: str,
    link: DigitalLink | None = None,
    wrong: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The buyer's page: of the thing that a label's address names; or the form, and `wrong`, why the address names nothing."""
    # A piece whose label names its lot is told by the lot: that is what has a journey, and recalls.
    item = "" if link is None else (link.lot or link.item).path
    response = page_response(
        request,
        "trace.html",
        page="trace",
        title="tr.title",
        language=language,
        status=400 if wrong else 200,
        item=item,
        serial=(link.item.serial or "") if link is not None else "",
        wrong=wrong,
    )
    for name, value in (headers or {}).items():
        known = response.headers.get(name)
        response.headers[name] = value if known is None else f"{known}, {value}"
    return response
