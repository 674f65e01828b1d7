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

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from api.epcis.answering import collection, groups, master_data, one_event, results
from api.epcis.finding import event_of, find
from api.epcis.query import MATCHES, MAX_PAGE, parse_query
from api.http.context import Context, context_of
from api.http.models import Problem
from api.http.problem import HttpError
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

LD_JSON: Final = "application/ld+json"
VERSION_HEADERS: Final = {
    "gs1-epcis-version": "2.0.0",
    "gs1-cbv-version": "2.0.0",
    "gs1-epcis-min": "2.0.0",
    "gs1-epcis-max": "2.0.0",
    "gs1-cbv-min": "2.0.0",
    "gs1-cbv-max": "2.0.0",
}
"""What OPTIONS and every answer say of the versions (EPCIS 2.0 §12.4)."""
_STEP_TAIL, _ID_TAIL = 40, 32
_CORS = "GET, HEAD, OPTIONS"

router = APIRouter(tags=["epcis"], prefix="/epcis/v2")


def _parameter(name: str, what: str, **schema: object) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": what,
        "schema": {"type": "string", "maxLength": 2_000} | schema,
    }


_MATCHED = [_parameter(name, "URIs of items, separated by commas.") for name in MATCHES]
_PAGING = [
    _parameter("perPage", f"Events of a page; at most {MAX_PAGE} come.", type="integer", minimum=1),
    _parameter("nextPageToken", "Out of an earlier page's `Link`."),
]
_PARAMETERS: Final = {
    "parameters": [
        _parameter("eventType", "Event types, separated by commas.", examples=["ObjectEvent"]),
        _parameter("GE_eventTime", "From this time on.", format="date-time"),
        _parameter("LT_eventTime", "Before this time.", format="date-time"),
        _parameter("GE_recordTime", "Recorded from this chain time on.", format="date-time"),
        _parameter("LT_recordTime", "Recorded before this chain time.", format="date-time"),
        _parameter("EQ_action", "ADD, OBSERVE or DELETE."),
        _parameter("EQ_bizStep", "Business steps: bare words, or addresses of your own."),
        _parameter("EQ_disposition", "Dispositions, likewise."),
        _parameter("EQ_readPoint", "URIs of places."),
        _parameter("EQ_bizLocation", "URIs of places."),
        _parameter("EQ_transformationID", "URIs."),
        _parameter(
            "EQ_eventID", "Identifiers of events: hashes are found at once, others by looking through."
        ),
        *_MATCHED,
        _parameter("EXISTS_errorDeclaration", "Only events that were declared to be in error."),
        _parameter("orderBy", "In which order.", enum=["eventTime", "recordTime"]),
        _parameter("orderDirection", "Newest first (DESC), or last.", enum=["ASC", "DESC"]),
        _parameter("WD_readPoint", "URIs of places: these, or places within them."),
        _parameter("WD_bizLocation", "URIs of places: these, or places within them."),
        _parameter("EQ_persistentDisposition_set", "Dispositions that the event sets."),
        _parameter("EQ_persistentDisposition_unset", "Dispositions that the event unsets."),
        _parameter(
            "GE_errorDeclarationTime", "Declared to be in error from this time on.", format="date-time"
        ),
        _parameter(
            "LT_errorDeclarationTime", "Declared to be in error before this time.", format="date-time"
        ),
        _parameter("EQ_errorReason", "Reasons for error declarations."),
        _parameter("EQ_correctiveEventID", "Identifiers of events that stand in place of the one in error."),
        _parameter(
            "maxEventCount",
            "Where more events answer, none are given: 413 `epcis.query-too-large`.",
            type="integer",
            minimum=1,
        ),
        _parameter("eventCountLimit", "Events of all pages together.", type="integer", minimum=1),
        *_PAGING,
    ]
}
_DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "JSON-LD of EPCIS 2.0.", "content": {JSON: {}, LD_JSON: {}}},
    "default": {"description": "A problem", "model": Problem, "content": {PROBLEM: {}}},
}

EventId = Annotated[str, Path(description="The event's identifier.", max_length=1_024)]
Name = Annotated[str, Path(description="One of the names that are listed.", max_length=1_024)]


# -- events ------------------------------------------------------------------------------------------------------------------


@router.get(
    "/events",
    summary="Events that answer a question",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=_PARAMETERS,
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
    openapi_extra={"parameters": _PAGING},
)
def get_steps(request: Request) -> Response:
    """Those of the standard that an event names."""
    return _names(request, STEP_LOOKUP, _STEP_TAIL, str)


@router.get(
    "/epcs",
    summary="Lots that somebody registered",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra={"parameters": _PAGING},
)
def get_epcs(request: Request) -> Response:
    """Addresses of lots. Pieces and logistic units have events, but no list."""
    return _names(request, LOT_LOOKUP, _ID_TAIL, lambda path: format_link(parse_item(path)))


@router.get(
    "/bizLocations",
    summary="Places that somebody registered",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra={"parameters": _PAGING},
)
def get_locations(request: Request) -> Response:
    """Addresses of places, as `bizLocation` and `readPoint` name them."""
    return _names(request, PLACE_LOOKUP, _ID_TAIL, _place_address)


@router.get(
    "/readPoints",
    summary="Places that somebody registered",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra={"parameters": _PAGING},
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
    openapi_extra=_PARAMETERS,
)
def get_events_of_type(request: Request, name: Name) -> Response:
    """As `/events?eventType=`."""
    return _search(request, [("eventType", name)])


@router.get(
    "/bizSteps/{name:path}/events",
    summary="Events of a business step",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=_PARAMETERS,
)
def get_events_of_step(request: Request, name: Name) -> Response:
    """As `/events?EQ_bizStep=`."""
    return _search(request, [("EQ_bizStep", name)])


@router.get(
    "/dispositions/{name:path}/events",
    summary="Events with a disposition",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=_PARAMETERS,
)
def get_events_of_disposition(request: Request, name: Name) -> Response:
    """As `/events?EQ_disposition=`."""
    return _search(request, [("EQ_disposition", name)])


@router.get(
    "/bizLocations/{name:path}/events",
    summary="Events at a business location",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=_PARAMETERS,
)
def get_events_at_location(request: Request, name: Name) -> Response:
    """As `/events?EQ_bizLocation=`."""
    return _search(request, [("EQ_bizLocation", name)])


@router.get(
    "/readPoints/{name:path}/events",
    summary="Events at a read point",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=_PARAMETERS,
)
def get_events_at_read_point(request: Request, name: Name) -> Response:
    """As `/events?EQ_readPoint=`."""
    return _search(request, [("EQ_readPoint", name)])


@router.get(
    "/epcs/{name:path}/events",
    summary="Events that name an item",
    response_class=Response,
    responses=_DOCUMENT,
    openapi_extra=_PARAMETERS,
)
def get_events_of_item(request: Request, name: Name) -> Response:
    """Events in which the item stands anywhere: among the EPCs, the classes, or as a parent."""
    return _search(request, [("MATCH_any", name)])


# -- within ------------------------------------------------------------------------------------------------------------------


def _search(request: Request, fixed: list[tuple[str, str]]) -> Response:
    context = context_of(request)
    final = context.final
    asked = request.query_params.multi_items()
    query = parse_query([*fixed, *asked])
    page = find(final, query)
    if page.too_large:
        raise HttpError(
            "epcis.query-too-large",
            f"more than {query.most} events answer: ask for fewer, or page through them without maxEventCount",
            status=413,
        )
    headers = {}
    if page.following is not None:
        rest = [(name, value) for name, value in asked if name != "nextPageToken"]
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
    wanted = request.headers.get("accept", "")
    media_type = LD_JSON if LD_JSON in wanted else JSON
    return Response(
        data, media_type=media_type, headers=VERSION_HEADERS | {"cache-control": "no-cache"} | (headers or {})
    )


PLAIN_ROUTES: Final = (
    *(
        (f"/epcis/v2/{name}", get_options, ["OPTIONS"])
        for name in ("capture", "events", "epcs", "bizSteps", "eventTypes")
    ),
    ("/epcis/v2/capture", refuse_capture, ["GET", "POST"]),
    ("/epcis/v2/events", refuse_capture, ["POST"]),
)
"""Addresses that need no description: what capture would be, and what OPTIONS says."""
