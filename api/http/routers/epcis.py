"""`/epcis/v2`: the standard's query interface over what the ledger holds (EPCIS 2.0 §12).

Rules: a node answers questions; it takes no events, because events are signed and no node has a producer's key. Whoever has
software that speaks EPCIS runs `sogoc gateway` beside it: that takes them, signs them and hands them on. Each answer is of one
view, and costs bounded work (`api.epcis.finding`): a page may hold less than was asked for, and its `Link` leads on.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.epcis.answering import collection, groups, one_event, results
from api.epcis.fields import name_written_out, read_extensions
from api.epcis.finding import event_of, find
from api.epcis.master_data import master_data
from api.epcis.query import MAX_PAGE, parse_query
from api.http.context import Context, context_of
from api.http.models import Problem
from api.http.negotiation import LD_JSON, VERSION_HEADERS, check_wishes, media_type
from api.http.problem import HttpError
from api.http.routers.epcis_parameters import PAGING, QUERY_PARAMETERS
from api.wire import JSON, PROBLEM
from ledger.epcis.model import KIND_OF_TYPE
from ledger.epcis.vocabulary import DISPOSITIONS
from ledger.errors import FormatError
from ledger.gs1 import format_link, parse_item
from ledger.records.events import STEP_LOOKUP
from ledger.records.lots import LOT_LOOKUP
from ledger.records.places import PLACE_LOOKUP
from ledger.rules import Place
from node.receipts import FinalView

_STEP_TAIL, _ID_TAIL = 40, 32
_RESOURCES: Final = (
    "events",
    "eventTypes",
    "epcs",
    "bizSteps",
    "bizLocations",
    "readPoints",
    "dispositions",
    "masterData",
)
_CORS = "GET, HEAD, OPTIONS"


def _check_wishes(request: Request) -> None:
    check_wishes(request.headers)


router = APIRouter(tags=["epcis"], prefix="/epcis/v2", dependencies=[Depends(_check_wishes)])


_DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "JSON-LD of EPCIS 2.0.", "content": {JSON: {}, LD_JSON: {}}},
    "default": {"description": "A problem", "model": Problem, "content": {PROBLEM: {}}},
}

EventId = Annotated[str, Path(description="The event's identifier.", max_length=1_024)]
Name = Annotated[str, Path(description="One of the names that are listed.", max_length=1_024)]


@router.get("", summary="What can be asked for here", response_class=Response, responses=_DOCUMENT)
def get_resources(request: Request) -> Response:
    """The names of the resources below this address."""
    _refuse_query(request)
    return _json(request, collection(list(_RESOURCES)))


# -- events ------------------------------------------------------------------------------------------------------------------


@router.get(
    "/events",
    summary="Events that answer a question",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=QUERY_PARAMETERS,
)
def get_events(request: Request) -> Response:
    """An EPCISQueryDocument. `recordTime` is chain time; `sogoc:records` beside the events names their records, whose receipts
    prove them. All parameters must hold; 400 `epcis.query-parameter` for one that is not known.
    """
    return _search(request, [])


@router.get("/events/{event_id:path}", summary="One event", response_class=Response, responses=_DOCUMENT)
def get_event(request: Request, event_id: EventId) -> Response:
    """The event with its context. The header `sogoc-record` names its record. 404 `epcis.event-unknown`."""
    context = context_of(request)
    final = context.final
    _refuse_query(request)
    found = event_of(final, event_id)
    if found is None:
        raise HttpError(
            "epcis.event-unknown",
            "this ledger has no event of that hash or tag; other identifiers are found by /epcis/v2/events?EQ_eventID=",
            status=404,
        )
    return _json(request, one_event(found, _time_of(context, final)), {"sogoc-record": found.record.id.hex()})


async def refuse_capture(_: Request) -> Response:
    """POST and GET of what captures: nodes do not."""
    raise HttpError(
        "epcis.capture-elsewhere",
        "a node takes no events, because they are signed with your key, which it must not have: run `sogoc gateway --key FILE "
        "--node URL` on your own machine, and send them there, to http://127.0.0.1:8585/epcis/v2/capture",
        status=403,
    )


async def refuse_queries(_: Request) -> Response:
    """Named queries and subscriptions: none are kept."""
    raise HttpError(
        "epcis.queries-none",
        "named queries and subscriptions are not kept here: ask /epcis/v2/events with the same parameters, and again with "
        "GE_recordTime for what is new",
        status=501,
    )


async def get_options(request: Request) -> Response:
    """Versions, and what may be done here."""
    capture = request.url.path.rstrip("/").endswith(("/capture", "/events"))
    headers = VERSION_HEADERS | {
        "allow": _CORS,
        "access-control-allow-methods": _CORS,
        "access-control-allow-origin": "*",
    }
    if capture:
        headers["gs1-epcis-capture-limit"] = "0"
    return Response(status_code=204, headers=headers)


# -- what there is -----------------------------------------------------------------------------------------------------------


@router.get("/eventTypes", summary="Types of events", response_class=Response, responses=_DOCUMENT)
def get_event_types(request: Request) -> Response:
    """All five, whether there are such events or not."""
    _refuse_query(request)
    return _json(request, collection(list(KIND_OF_TYPE)))


@router.get("/dispositions", summary="Dispositions", response_class=Response, responses=_DOCUMENT)
def get_dispositions(request: Request) -> Response:
    """The standard's, whether there are such events or not: no index is kept of them."""
    _refuse_query(request)
    return _json(request, collection(sorted(DISPOSITIONS.words)))


@router.get(
    "/bizSteps",
    summary="Business steps of recorded events",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra={"parameters": PAGING},
)
def get_steps(request: Request) -> Response:
    """Those of the standard that an event names."""
    return _names(request, STEP_LOOKUP, _STEP_TAIL, str)


@router.get(
    "/epcs",
    summary="Lots that somebody registered",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra={"parameters": PAGING},
)
def get_epcs(request: Request) -> Response:
    """Addresses of lots. Pieces and logistic units have events, but no list."""
    return _names(request, LOT_LOOKUP, _ID_TAIL, lambda path: format_link(parse_item(path)))


@router.get(
    "/bizLocations",
    summary="Places that somebody registered",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra={"parameters": PAGING},
)
def get_locations(request: Request) -> Response:
    """Addresses of places, as `bizLocation` and `readPoint` name them."""
    return _names(request, PLACE_LOOKUP, _ID_TAIL, _place_address)


@router.get(
    "/readPoints",
    summary="Places that somebody registered",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra={"parameters": PAGING},
)
def get_read_points(request: Request) -> Response:
    """As `/bizLocations`: the ledger's places are both."""
    return _names(request, PLACE_LOOKUP, _ID_TAIL, _place_address)


@router.get(
    "/masterData", summary="Products and places as master data", response_class=Response, responses=_DOCUMENT
)
def get_master_data(request: Request) -> Response:
    """An EPCISDocument without events whose header describes registered products and places (CBV 2.0 §9)."""
    context = context_of(request)
    final = context.final
    _refuse_query(request)
    return _json(request, master_data(final, created_ms=final.view.head.time_ms))


@router.get(
    "/eventTypes/{name}/events",
    summary="Events of a type",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=QUERY_PARAMETERS,
)
def get_events_of_type(request: Request, name: Name) -> Response:
    """As `/events?eventType=`."""
    return _search(request, [("eventType", name)])


@router.get(
    "/bizSteps/{name:path}/events",
    summary="Events of a business step",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=QUERY_PARAMETERS,
)
def get_events_of_step(request: Request, name: Name) -> Response:
    """As `/events?EQ_bizStep=`."""
    return _search(request, [("EQ_bizStep", name)])


@router.get(
    "/dispositions/{name:path}/events",
    summary="Events with a disposition",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=QUERY_PARAMETERS,
)
def get_events_of_disposition(request: Request, name: Name) -> Response:
    """As `/events?EQ_disposition=`."""
    return _search(request, [("EQ_disposition", name)])


@router.get(
    "/bizLocations/{name:path}/events",
    summary="Events at a business location",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=QUERY_PARAMETERS,
)
def get_events_at_location(request: Request, name: Name) -> Response:
    """As `/events?EQ_bizLocation=`."""
    return _search(request, [("EQ_bizLocation", name)])


@router.get(
    "/readPoints/{name:path}/events",
    summary="Events at a read point",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=QUERY_PARAMETERS,
)
def get_events_at_read_point(request: Request, name: Name) -> Response:
    """As `/events?EQ_readPoint=`."""
    return _search(request, [("EQ_readPoint", name)])


@router.get(
    "/epcs/{name:path}/events",
    summary="Events that name an item",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=QUERY_PARAMETERS,
)
def get_events_of_item(request: Request, name: Name) -> Response:
    """Events in which the item stands anywhere: among the EPCs, the classes, or as a parent."""
    return _search(request, [("MATCH_any", name)])


# -- within ------------------------------------------------------------------------------------------------------------------


def _search(request: Request, fixed: list[tuple[str, str]]) -> Response:
    context = context_of(request)
    final = context.final
    asked = request.query_params.multi_items()
    for name, _ in fixed:
        if name in request.query_params:
            raise FormatError(
                "epcis.query-conflict",
                f"the address says already what {name} must be: leave it out of the query, or ask /epcis/v2/events",
            )
    prefixes = read_extensions(request.headers.get("gs1-extensions", ""))
    query = parse_query([*fixed, *asked], prefixes)
    page = find(final, query)
    if page.too_large:
        raise HttpError(
            "epcis.query-too-large",
            f"more than {query.most} events answer: ask for fewer, or page through them without maxEventCount",
            status=413,
        )
    headers = {}
    if page.following is not None:
        # Names are written out, so that whoever follows the link need not repeat what the prefixes stand for.
        rest = [
            (name_written_out(name, prefixes), value)
            for name, value in asked
            if name.lower() != "nextpagetoken"
        ]
        link = urlencode([*rest, ("nextPageToken", page.following.encoded())])
        headers["link"] = f'<{request.url.path}?{link}>; rel="next"'
    return _json(
        request, results(page.found, _time_of(context, final), created_ms=final.view.head.time_ms), headers
    )


def _time_of(context: Context, final: FinalView) -> Any:  # noqa: ANN401  a function
    def time_of(place: Place) -> int:
        return context.places.find(final.view, place.index).time_ms

    return time_of


def _names(request: Request, prefix: bytes, tail: int, write: Any) -> Response:  # noqa: ANN401  a function
    final = context_of(request).final
    known = dict(request.query_params)
    limit = _number(known.pop("perPage", "30"))
    after = _name_of_token(known.pop("nextPageToken", ""))
    if known:
        raise FormatError(
            "epcis.query-parameter", "this list takes perPage and nextPageToken, and nothing else"
        )
    found = groups(final, prefix, tail, after=after, limit=limit)
    headers = {}
    if len(found) == limit:
        token = base64.urlsafe_b64encode(found[-1].encode()).decode()
        headers["link"] = (
            f'<{request.url.path}?{urlencode([("perPage", str(limit)), ("nextPageToken", token)])}>; rel="next"'
        )
    return _json(request, collection([write(name) for name in found]), headers)


def _place_address(name: str) -> str:
    """`<gln or code>/<member>` as events name the place."""
    identifier, _, member = name.partition("/")
    is_number = len(identifier) == 13 and identifier.isdigit()
    return f"https://id.gs1.org/414/{identifier}" if is_number else f"urn:sogoc:place:{member}:{identifier}"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) >= 1):
        raise FormatError("epcis.query-value", "perPage is a number from 1 on")
    return min(int(text), MAX_PAGE)


def _name_of_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise FormatError(
            "epcis.query-token", "nextPageToken is what an earlier page's link holds, unchanged"
        ) from error


def _refuse_query(request: Request) -> None:
    if request.query_params:
        raise FormatError("epcis.query-parameter", "this address takes no parameters")


def _json(request: Request, data: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(
        data,
        media_type=media_type(request.headers),
        headers=VERSION_HEADERS | {"cache-control": "no-cache", "vary": "accept"} | (headers or {}),
    )


_QUERIES: Final = ["GET", "POST", "PUT", "DELETE"]
PLAIN_ROUTES: Final = (
    *(
        (path, get_options, ["OPTIONS"])
        for path in sorted({route.path for route in router.routes if isinstance(route, Route)})
    ),
    ("/epcis/v2/capture", get_options, ["OPTIONS"]),
    ("/epcis/v2/queries", get_options, ["OPTIONS"]),
    ("/epcis/v2/queries", refuse_queries, _QUERIES),
    ("/epcis/v2/queries/{rest:path}", refuse_queries, _QUERIES),
    ("/epcis/v2/capture", refuse_capture, ["GET", "POST"]),
    ("/epcis/v2/capture/{job}", refuse_capture, ["GET"]),
    ("/epcis/v2/events", refuse_capture, ["POST"]),
)
"""Addresses that need no description: what capture would be, and what OPTIONS says."""
