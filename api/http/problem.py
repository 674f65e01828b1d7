"""Errors as RFC 9457 problem details, each with a stable code.

Rules: the code of a problem is the `rule` of the error it comes from; the status follows from the error's family, with the few
exceptions that `STATUS_OF_CODE` lists. `retry` says whether the same request may succeed later. No detail repeats more than a
line of what was sent, and none speaks of the inside of the node.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.wire import PROBLEM
from ledger.errors import (
    CannotTellError,
    FormatError,
    LedgerError,
    RefusedError,
    StoreError,
    VerificationError,
)

MAX_DETAIL_LETTERS = 300

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "referrer-policy": "no-referrer",
}
"""On every answer that does not set its own."""

STATUS_OF_CODE = {
    "entry.size": 413,
    "epcis.events-many": 413,
    "batch.size": 413,
    "node.stopped": 503,
    "node.not-final": 503,
    "disk.low": 503,
    "mempool.full": 503,
    "paper.encrypted": 422,
    "paper.extra": 501,
    "paper.page": 422,
    "paper.signed": 422,
    "paper.size": 413,
    "paper.typeset": 500,
    "paper.unreadable": 422,
    "snapshot.gone": 404,
    "store.not-there": 404,
    "vault.erased": 410,
    "vault.unknown": 404,
    "witness.not-signed": 403,
    "witness.old-size-above": 400,
    "witness.unknown-ledger": 404,
}
"""Codes whose status is not that of their family."""

_RETRY_AFTER_SECONDS = {"node.stopped": 60, "disk.low": 300, "mempool.full": 2}

_TITLES = {
    400: "The request cannot be read",
    403: "This is not for you, or not from here",
    404: "There is no such thing here",
    405: "The address is right, the method is not",
    406: "There is no such form of this",
    408: "The request did not arrive in time",
    410: "This has been erased",
    413: "The request is too large",
    414: "The request's address is too long",
    415: "The request's format is not supported",
    422: "The rules do not admit this",
    429: "Too many requests",
    431: "The request's headers are too large",
    500: "The node failed",
    501: "The node is not equipped for this",
    503: "The node cannot do this now",
}

_log = structlog.get_logger("http")


class HttpError(LedgerError):
    """A refusal by the HTTP interface itself."""

    def __init__(self, code: str, detail: str, *, status: int, retry_after: float | None = None) -> None:
        """`status`: HTTP status; `retry_after`: seconds after which trying again makes sense."""
        super().__init__(code, detail)
        self.status = status
        self.retry_after = retry_after


def status_of(error: LedgerError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, HttpError):
        return error.status
    if error.rule in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.rule]
    if isinstance(error, FormatError):
        return 400
    if isinstance(error, VerificationError | CannotTellError | RefusedError):
        return 422
    return 500


def retry_after_of(error: LedgerError) -> int | None:
    """Seconds for the header Retry-After, or None."""
    if isinstance(error, HttpError) and error.retry_after is not None:
        return max(1, math.ceil(error.retry_after))
    return _RETRY_AFTER_SECONDS.get(error.rule)


def problem(code: str, detail: str, status: int, *, retry: bool) -> dict[str, object]:
    """A problem details object (RFC 9457 §3), with the extension members `code` and `retry`."""
    if len(detail) > MAX_DETAIL_LETTERS:
        detail = detail[: MAX_DETAIL_LETTERS - 1] + "…"
    return {
        "type": f"/docs/errors#{code}",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "retry": retry,
    }


def problem_of(error: LedgerError) -> dict[str, object]:
    """The problem object of an error."""
    status = status_of(error)
    retry = status in {408, 429, 503} or (isinstance(error, RefusedError) and not error.permanent)
    detail = error.detail
    if isinstance(error, StoreError) and status >= 500:
        # What lies where on the node's disk is for its operator, who finds it in the log.
        detail = "the node's store is not as it must be; its operator has to act, and finds what happened in the node's log"
    return problem(error.rule, detail, status, retry=retry)


def problem_response(body: dict[str, object], *, retry_after: int | None = None) -> Response:
    """The answer that carries a problem object."""
    headers = dict(SECURITY_HEADERS)
    headers["cache-control"] = "no-store"
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    status = body["status"]
    return Response(
        json.dumps(body).encode(),
        status_code=status if isinstance(status, int) else 500,
        headers=headers,
        media_type=PROBLEM,
    )


def error_response(error: LedgerError) -> Response:
    """The answer to a request that ended in `error`."""
    return problem_response(problem_of(error), retry_after=retry_after_of(error))


async def on_ledger_error(_: Request, error: Exception) -> Response:
    """Exception handler for the expected failures."""
    if not isinstance(error, LedgerError):
        raise error
    if status_of(error) == 500:
        _log.error("request failed", rule=error.rule, detail=error.detail)
    return error_response(error)


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Exception handler for what the framework refuses: unknown addresses and methods."""
    if not isinstance(error, HTTPException):
        raise error
    codes = {
        404: ("http.not-found", "nothing is served under this address; see /docs"),
        405: ("http.method", "this address does not take this method; see /docs"),
    }
    code, detail = codes.get(error.status_code, ("http.refused", str(error.detail)))
    response = problem_response(problem(code, detail, error.status_code, retry=False))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def on_invalid_request(_: Request, error: Exception) -> Response:
    """Exception handler for path and query parameters of the wrong form."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = " ".join(str(part) for part in first.get("loc", ()))
    return problem_response(
        problem("request.invalid", f"{where}: {first.get('msg', 'is not valid')}", 422, retry=False)
    )


async def on_unexpected(_: Request, error: Exception) -> Response:
    """Exception handler for mistakes of ours."""
    _log.error("unexpected failure", error=repr(error))
    return problem_response(
        problem(
            "node.unexpected", "the node failed in a way nobody foresaw; its log says more", 500, retry=False
        )
    )
