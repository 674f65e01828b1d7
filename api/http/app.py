"""The application: routers, limits and error handlers put together around a node.

Rules: every error is problem+json; every answer passes the guard. The two endpoints that take bodies are plain routes that
read them within limits, so that nothing parses what has not been counted; their description is added to the OpenAPI document
here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http import examples, office, pages, problem, producer, tracing
from api.http.backfilling import Backfilling
from api.http.context import Context
from api.http.control import Control
from api.http.guard import Guard
from api.http.limits import Limits
from api.http.models import Problem
from api.http.routers import (
    certificates,
    chain,
    digital_link,
    enrolments,
    entries,
    epcis,
    events,
    evidence,
    exports,
    findings,
    histories,
    identity,
    operations,
    papers,
    products,
    records,
    reference,
    registers,
    snapshot,
    tiles,
    trace,
)
from api.http.routers import vault as vault_routes
from api.http.routers import witness as witness_routes
from api.version import program_version
from api.wire import PROBLEM
from ledger.errors import LedgerError
from ledger.witnessing import PATH
from node.enrolments import Enrolments
from node.service import Node, clock_ms
from node.vault.keeper import VaultKeeper
from node.witness.acting import Witness

_REFERENCE = "#/components/schemas/{model}"
_TITLE = "Sổ Gốc"
_DESCRIPTION = (
    "A ledger for documents, certificates and origin whose every answer can be checked offline. Reads need no account; writes "
    "are entries signed by a registered key. Errors are problem+json with a stable `code`; each is listed at `/docs/errors`."
)


class _App(FastAPI):
    """The application, with a short way in for entries: the framework's own layers would take as long as judging one."""

    entries: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        entries = self.entries
        if (
            entries
            and scope["type"] == "http"
            and scope["path"] == "/v1/entries"
            and scope["method"] == "POST"
        ):
            await entries(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _short_way(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request)
        except Exception as error:  # noqa: BLE001  as the framework's outermost layer does
            response = await problem.on_unexpected(request, error)
        await response(scope, receive, send)

    return serve


def create_app(
    node: Node,
    *,
    vault: VaultKeeper | None = None,
    witness: Witness | None = None,
    clock_ms: Callable[[], int] = clock_ms,
) -> FastAPI:
    """The HTTP interface of a node, its vault and its witness, which the caller starts and stops.

    `clock_ms` tells the age of cosignatures.
    """
    app = _App(
        title=_TITLE,
        version=program_version(),
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        responses={"default": {"model": Problem, "description": "A problem", "content": {PROBLEM: {}}}},
    )
    context = app.state.context = Context(
        node=node,
        limits=Limits(node.config),
        clock_ms=clock_ms,
        vault=vault,
        witness=witness,
        genesis_leaf=node.genesis.leaf(),
        enrolments=Enrolments(clock_ms),
    )
    take_entries = entries.TakeEntries(context)
    app.entries = Guard(_short_way(take_entries), context.limits)
    # The same once more as a route, so that other methods under this address are answered as what they are.
    app.add_route("/v1/entries", take_entries, methods=["POST"], include_in_schema=False)
    app.add_route("/v1/receipts", records.post_receipts, methods=["POST"], include_in_schema=False)
    app.add_route("/v1/enrolments", enrolments.post_enrolment, methods=["POST"], include_in_schema=False)
    app.add_route(PATH, witness_routes.post_checkpoint, methods=["POST"], include_in_schema=False)
    for path, endpoint, _ in (*vault_routes.POST_ROUTES, *papers.POST_ROUTES):
        app.add_route(path, endpoint, methods=["POST"], include_in_schema=False)
    for path, plain_endpoint, methods in epcis.PLAIN_ROUTES:
        app.add_route(path, plain_endpoint, methods=methods, include_in_schema=False)
    for module in (
        entries,
        records,
        certificates,
        identity,
        histories,
        products,
        digital_link,
        chain,
        snapshot,
        tiles,
        operations,
        evidence,
        events,
        registers,
        trace,
        findings,
        exports,
        enrolments,
        epcis,
        vault_routes,
        witness_routes,
        pages,
        office,
        producer,
        tracing,
    ):
        app.include_router(module.router)
    document = openapi_document(app)
    openapi_answer = JSONResponse(document)
    reference.add_pages(app, document)

    async def get_openapi_document(_: object) -> Response:
        return openapi_answer

    app.add_route("/openapi.json", get_openapi_document, methods=["GET"], include_in_schema=False)
    app.add_exception_handler(LedgerError, problem.on_ledger_error)
    app.add_exception_handler(HTTPException, problem.on_http_exception)
    app.add_exception_handler(RequestValidationError, problem.on_invalid_request)
    app.add_exception_handler(Exception, problem.on_unexpected)
    if node.backfilling:
        app.add_middleware(Backfilling)
    app.add_middleware(Guard, limits=context.limits)
    return app


def create_control_app(app: FastAPI) -> ASGIApp:
    """What is served on the node's Unix socket: all of `app`, which `create_app` made, and what only this machine may ask."""
    return Control(app, app.state.context)


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description of everything the application serves."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    default = {
        "description": "A problem",
        "content": {PROBLEM: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
    schemas = document["components"]["schemas"]
    for model in (*entries.POST_MODELS, *records.POST_MODELS, Problem):
        _add_model(schemas, model)
    schemas["JsonEntry"] = entries.JSON_ENTRY_SCHEMA
    paths = document["paths"]
    paths.setdefault("/v1/entries", {})["post"] = entries.POST_DESCRIPTION
    paths.setdefault("/v1/receipts", {})["post"] = records.POST_DESCRIPTION
    paths.setdefault("/v1/enrolments", {})["post"] = enrolments.POST_DESCRIPTION
    paths.setdefault(PATH, {})["post"] = witness_routes.POST_DESCRIPTION
    for path, _, description in (*vault_routes.POST_ROUTES, *papers.POST_ROUTES):
        paths.setdefault(path, {})["post"] = description
    examples.add_examples(paths)
    for operation in _operations(paths):
        # What FastAPI would describe as its own validation error is a problem here like any other.
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = default
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["paths"] = dict(sorted(paths.items()))
    app.openapi_schema = document
    return document


def _operations(paths: dict[str, dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return [operation for methods in paths.values() for operation in methods.values()]


def _add_model(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    schema = model.model_json_schema(ref_template=_REFERENCE)
    for name, definition in schema.pop("$defs", {}).items():
        schemas.setdefault(name, definition)
    schemas.setdefault(model.__name__, schema)
