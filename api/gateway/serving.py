"""The gateway's HTTP interface: capture, jobs, and the node's answers to queries, on this machine only.

Rules: it listens on the loopback interface, and answers only requests that were addressed to it by a loopback name: a page in a
browser that was tricked into asking another host's name here gets nothing, nor does one of another origin. 202 means that every
event is on this machine's disk. Queries go to the node as they are.

What this module does not do: sign or send (`api.gateway.sending`), which a thread does beside it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlsplit

import anyio.to_thread
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.answers import ApiError
from api.gateway.capturing import Capturer, CaptureRefusedError
from api.gateway.journal import Fault, Job, Journal
from api.gateway.sending import Sender
from api.http.body import BodyBudget, read_body
from api.http.negotiation import VERSION_HEADERS, check_content, check_wishes
from api.http.problem import HttpError, error_response, problem, problem_response
from api.wire import JSON
from ledger.epcis.document import MAX_DOCUMENT_BYTES, MAX_EVENTS
from ledger.epcis.times import write_time
from ledger.errors import FormatError, LedgerError, StoreError

BASE: Final = "/epcis/v2"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_BEHAVIOURS: Final = {"rollback": False, "proceed": True}
_MAX_ANSWER_BYTES: Final = 64_000_000
_PROXY_SECONDS: Final = 30.0
_SINGLE_SECONDS: Final = 20.0
"""How long a single event's capture waits for the ledger, before it answers that it waits."""
_PAGE: Final = 30
_PASSED: Final = ("content-type", "link", "sogoc-record", "retry-after")
_BUDGET_BYTES: Final = 64_000_000
_LIMITS: Final = {
    "gs1-epcis-capture-limit": str(MAX_EVENTS),
    "gs1-epcis-capture-file-size-limit": str(MAX_DOCUMENT_BYTES),
}
"""What one document may hold: OPTIONS says it, and whoever sent more is told."""
_AS_SENT: Final = "/%:;,@!$&'()*+=~"
"""Letters of a path that go to the node as they came; others, which no address may have, are percent-encoded."""

_Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Gateway:
    """What the endpoints share. `woken` tells the sending thread that there is work."""

    capturer: Capturer
    sender: Sender
    node: str
    now_ms: Callable[[], int]
    transport: httpx.AsyncBaseTransport | None = None
    woken: threading.Event = field(default_factory=threading.Event)
    bodies: BodyBudget = field(default_factory=lambda: BodyBudget(_BUDGET_BYTES))

    @property
    def journal(self) -> Journal:
        """Where captured events wait."""
        return self.capturer.journal


def create_gateway_app(gateway: Gateway) -> Starlette:
    """The application."""
    ours: list[tuple[str, str, Callable[[Gateway, Request], Awaitable[Response]]]] = [
        ("POST", "/capture", _capture),
        ("GET", "/capture", _jobs),
        ("GET", "/capture/{number}", _job),
        ("POST", "/events", _capture_one),
        ("OPTIONS", "", _options),
        ("OPTIONS", "/{path:path}", _options),
        ("GET", "", _ask_node),
        ("GET", "/{path:path}", _ask_node),
    ]
    routes = [
        Route(BASE + path, _guarded(gateway, endpoint), methods=[method]) for method, path, endpoint in ours
    ]
    routes.append(Route("/healthz", _guarded(gateway, _health), methods=["GET"]))
    routes.append(Route("/{path:path}", _guarded(gateway, _nowhere)))
    return Starlette(routes=routes)


def _guarded(gateway: Gateway, endpoint: Callable[[Gateway, Request], Awaitable[Response]]) -> _Endpoint:
    async def serve(request: Request) -> Response:
        try:
            _check_origin(request)
            check_wishes(request.headers)
            return await endpoint(gateway, request)
        except CaptureRefusedError as error:
            return _refused(error)
        except StoreError as error:
            # The disk is full, or too much waits: nothing was taken, and it may be sent again.
            return problem_response(problem(error.rule, error.detail, 503, retry=True), retry_after=30)
        except LedgerError as error:
            answer = error_response(error)
            if answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                answer.headers.update(_LIMITS)
            return answer

    return serve


def _check_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        page = "localhost" if origin is None else urlsplit(origin).hostname
    except ValueError:
        host = page = None  # such as half an IPv6 address
    if host not in _LOOPBACK or page not in _LOOPBACK:
        raise HttpError(
            "gateway.not-local", "the gateway serves this machine only, under a loopback address", status=403
        )


# -- capturing -------------------------------------------------------------------------------------------------------------


async def _capture(gateway: Gateway, request: Request) -> Response:
    job, _ = await _take(gateway, request)
    return _location(job)


async def _capture_one(gateway: Gateway, request: Request) -> Response:
    """One event: answered when it is on the ledger, or as a job if that takes long."""
    job, names = await _take(gateway, request, single=True)
    waited = 0.0
    while waited < _SINGLE_SECONDS and not gateway.sender.problem:
        known = gateway.journal.job(job.number)
        if known is not None and not known.running:
            if known.faults:
                raise CaptureRefusedError(known.faults)
            return Response(
                status_code=201,
                headers=VERSION_HEADERS | {"location": f"{BASE}/events/{quote(names[0], safe='')}"},
            )
        await anyio.sleep(0.05)
        waited += 0.05
    return _location(job)


async def _take(gateway: Gateway, request: Request, *, single: bool = False) -> tuple[Job, tuple[str, ...]]:
    check_content(request.headers)
    behaviour = request.headers.get("gs1-capture-error-behaviour", "rollback").strip().lower()
    if behaviour not in _BEHAVIOURS:
        raise FormatError("gateway.behaviour", "GS1-Capture-Error-Behaviour is rollback or proceed")
    with await read_body(request, gateway.bodies, MAX_DOCUMENT_BYTES) as data:
        taken = await anyio.to_thread.run_sync(
            partial(
                gateway.capturer.capture,
                data,
                proceed=_BEHAVIOURS[behaviour] and not single,
                single=single,
                time_ms=gateway.now_ms(),
            )
        )
    gateway.woken.set()
    return taken


def _location(job: Job) -> Response:
    return Response(status_code=202, headers=VERSION_HEADERS | {"location": f"{BASE}/capture/{name_of(job)}"})


def _refused(error: CaptureRefusedError) -> Response:
    body = problem(error.rule, error.detail, 400, retry=False)
    body["errors"] = [_fault(fault) for fault in error.faults[:100]]
    return problem_response(body)


# -- jobs ------------------------------------------------------------------------------------------------------------------


def name_of(job: Job) -> str:
    """What a job is called."""
    return f"{job.number:016x}"


async def _jobs(gateway: Gateway, request: Request) -> Response:
    known = dict(request.query_params)
    token = known.pop("nextPageToken", None)
    size = known.pop("perPage", str(_PAGE))
    if known or not (size.isascii() and size.isdigit() and len(size) < 5 and int(size)):
        raise FormatError(
            "epcis.query-parameter", "this list takes perPage and nextPageToken, and nothing else"
        )
    limit = min(int(size), 100)
    jobs = gateway.journal.jobs(before=None if token is None else _number(token), limit=limit)
    headers = {}
    if len(jobs) == limit:
        headers["link"] = f'<{BASE}/capture?perPage={limit}&nextPageToken={name_of(jobs[-1])}>; rel="next"'
    return _json([_job_answer(job) for job in jobs], headers)


async def _job(gateway: Gateway, request: Request) -> Response:
    number = _number(request.path_params["number"])
    job = gateway.journal.job(number)
    if job is None:
        raise HttpError("gateway.job-unknown", "this gateway has had no such capture job", status=404)
    answer = _job_answer(job)
    if job.running and gateway.sender.problem is not None:
        answer["waitingBecause"] = {
            "code": gateway.sender.problem.rule,
            "detail": gateway.sender.problem.detail,
        }
    return _json(answer)


def _number(text: str) -> int:
    if len(text) != 16 or not set("0123456789abcdef").issuperset(text):
        raise HttpError("gateway.job-unknown", "a capture job is called by 16 hexadecimal digits", status=404)
    return int(text, 16)


def _job_answer(job: Job) -> dict[str, Any]:
    """A capture job as EPCIS 2.0 §12.5 has it; `recorded` and `total` are ours."""
    answer: dict[str, Any] = {
        "captureID": name_of(job),
        "createdAt": write_time(job.created_ms),
        "running": job.running,
        "success": not job.failed,
        "captureErrorBehaviour": "proceed" if job.proceed else "rollback",
        "errors": [_fault(fault) for fault in job.faults],
        "recorded": job.recorded,
        "total": job.total,
    }
    if job.failed > len(job.faults):
        answer["errorsInAll"] = job.failed
    if job.described:
        answer["masterData"] = {
            "elements": job.described,
            "recorded": 0,
            "detail": "master data in a document is not recorded: a product or a place is registered under its owner's name, "
            "by `sogoc product` and `sogoc place`, and /epcis/v2/masterData serves what is registered",
        }
    if job.finished_ms is not None:
        answer["finishedAt"] = write_time(job.finished_ms)
    return answer


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "type": f"/docs/errors#{fault.rule}",
        "title": "The event was not captured",
        "status": 400,
        "code": fault.rule,
        "detail": fault.detail,
        "instance": f"/epcisBody/eventList/{fault.place}",
    }


def _json(value: object, headers: Mapping[str, str] | None = None) -> Response:
    data = json.dumps(value, ensure_ascii=False).encode()
    return Response(
        data, media_type=JSON, headers={**VERSION_HEADERS, "cache-control": "no-store", **(headers or {})}
    )


# -- the rest --------------------------------------------------------------------------------------------------------------


async def _options(_: Gateway, request: Request) -> Response:
    captures = request.url.path in (f"{BASE}/capture", f"{BASE}/events")
    allowed = "GET, HEAD, OPTIONS, POST" if captures else "GET, HEAD, OPTIONS"
    return Response(
        status_code=204,
        headers={
            **VERSION_HEADERS,
            "allow": allowed,
            **_LIMITS,
            "gs1-capture-error-behaviour": "rollback, proceed",
        },
    )


async def _health(gateway: Gateway, _: Request) -> Response:
    problem_now = gateway.sender.problem
    return _json(
        {
            "alive": True,
            "waiting": gateway.journal.depth(),
            "problem": None
            if problem_now is None
            else {"code": problem_now.rule, "detail": problem_now.detail},
        }
    )


async def _nowhere(_: Gateway, __: Request) -> Response:
    raise HttpError("http.not-found", f"nothing is served under this address; see {BASE}", status=404)


async def _ask_node(gateway: Gateway, request: Request) -> Response:
    """A query, answered by the node."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    path = quote(raw.partition(b"?")[0], safe=_AS_SENT)
    query = request.scope["query_string"].decode("ascii", "replace")
    wishes = {name: value for name, value in request.headers.items() if name.startswith("gs1-")}
    wishes["accept"] = request.headers.get("accept", JSON)
    try:
        async with (
            httpx.AsyncClient(
                base_url=gateway.node, timeout=_PROXY_SECONDS, transport=gateway.transport
            ) as client,
            client.stream("GET", f"{path}?{query}" if query else path, headers=wishes) as answer,
        ):
            data = b""
            async for chunk in answer.aiter_bytes():
                data += chunk
                if len(data) > _MAX_ANSWER_BYTES:
                    raise ApiError("node.answer", "the node's answer is too long")
    except httpx.InvalidURL as error:
        raise HttpError("http.not-found", "no node serves such an address", status=404) from error
    except httpx.HTTPError as error:
        raise HttpError(
            "node.unreachable",
            f"{gateway.node} does not answer: {str(error) or type(error).__name__}; what is captured waits here",
            status=503,
            retry_after=10,
        ) from error
    headers = {name: answer.headers[name] for name in _PASSED if name in answer.headers}
    return Response(data, status_code=answer.status_code, headers={**VERSION_HEADERS, **headers})
