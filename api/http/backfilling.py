"""What a copy answers while it has a state and not yet the blocks behind it: what follows from the state, and nothing else.

Rules: a list of what is answered, not of what is not: an address that is added is refused here until somebody has thought about
it. What would need the past is 503 `node.backfilling`, never an answer that leaves something out.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problem import HttpError, error_response

ANSWERED: Final = frozenset(
    {
        "/checkpoint",
        "/genesis",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/readyz",
        "/v1/policy",
        "/v1/status",
    }
)
ANSWERED_BELOW: Final = ("/docs", "/v1/state/")
RETRY_SECONDS: Final = 60


class Backfilling:
    """The layer around the application of a copy that began with a snapshot."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or is_answered(scope["path"]):
            await self._app(scope, receive, send)
            return
        error = HttpError(
            "node.backfilling",
            "this copy began with a snapshot and is still fetching the blocks behind it: ask again later, or another node",
            status=503,
            retry_after=RETRY_SECONDS,
        )
        await error_response(error)(scope, receive, send)


def is_answered(path: str) -> bool:
    """Whether an address is answered from the state alone."""
    return path in ANSWERED or path.startswith(ANSWERED_BELOW)
