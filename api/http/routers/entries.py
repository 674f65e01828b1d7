"""`/v1/entries`: submitting entries, and asking what became of one.

Rules: a repeat is never an error: it is answered with the first one's place. The endpoint that takes entries reads the body
itself and writes its answer itself; what the OpenAPI description says of it stands in `POST_DESCRIPTION` and is held true by
the tests.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from api.http import intake
from api.http.body import read_body
from api.http.context import Context, context_of, parse_id
from api.http.gathering import Gathering
from api.http.models import BatchResult, EntryAnswer, EntryResult
from api.http.problem import HttpError, error_response, problem_response
from api.http.shapes import entry_answer, entry_index, refused_answer
from api.wire import JSON, MSGPACK
from ledger.errors import FormatError, LedgerError
from node.outcomes import Ended, Final

WAIT_SECONDS = 30.0
"""How long `wait=final` waits before it answers 202."""
_INLINE_ITEMS = 16
"""Up to so many results are shaped on the event loop: cheaper than to hand them to a thread."""

EntryId = Annotated[str, Path(description="The entry's id, 64 hexadecimal digits.", examples=["9f" * 32])]

_encode = json.JSONEncoder(separators=(",", ":")).encode

router = APIRouter(tags=["entries"])


class TakeEntries:
    """The endpoint that takes one entry or a batch; see `POST_DESCRIPTION`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gathering: Gathering | None = None

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        loop = asyncio.get_running_loop()
        gathering = self._gathering
        if gathering is None or gathering.loop is not loop:
            gathering = self._gathering = Gathering(self._context, loop)
        return await post_entries(request, self._context, gathering)


async def post_entries(request: Request, context: Context, gathering: Gathering) -> Response:
    """Read, judge and answer."""
    try:
        is_waiting = _wait_wanted(request)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        limit = intake.body_limit(media_type)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise HttpError(
                "http.content-encoding", "send the body as it is, without compression", status=415
            )
        narrow = intake.narrowed_limit if media_type == MSGPACK else None
        with await read_body(request, context.bodies, limit, narrow) as body:
            # After the whole body, all that there is to receive is that the sender is gone.
            address = request.client.host if request.client else None
            posted = intake.Posted(body, media_type, is_waiting, address)
            taken = await gathering.submit(posted, WAIT_SECONDS, request.receive)
    except LedgerError as error:
        return error_response(error)
    if not taken.is_batch:
        return _single(context, taken.items[0])
    if len(taken.items) <= _INLINE_ITEMS:
        return _batch(context, taken.items)
    return await anyio.to_thread.run_sync(_batch, context, taken.items)


def _wait_wanted(request: Request) -> bool:
    query = request.scope["query_string"]
    if not query:
        return False
    if query != b"wait=final":
        raise FormatError("request.query", "the only parameter here is wait=final")
    return True


def _single(context: Context, item: intake.Item) -> Response:
    outcome = item.outcome
    if isinstance(outcome, LedgerError):
        return error_response(outcome)
    if isinstance(outcome, Ended):
        return problem_response(intake.refusal_problem(outcome.refusal))
    answer = intake.result(context, context.final, item)
    return _json(answer, 200 if isinstance(outcome, Final) else 202)


def _batch(context: Context, items: list[intake.Item]) -> Response:
    final = context.final
    results = [intake.result(context, final, item) for item in items]
    return _json({"results": results}, intake.status_of_batch(items))


def _json(value: object, status: int) -> Response:
    return Response(_encode(value).encode(), status_code=status, media_type=JSON)


@router.get("/v1/entries/{entry_id}", response_model_exclude_none=True, summary="What became of an entry")
def get_entry(request: Request, entry_id: EntryId) -> EntryAnswer:
    """A final entry with its place and its records' ids, an accepted one that is not final yet, or how it was refused.

    404 `entry.unknown` if this node has never heard of it.
    """
    context = context_of(request)
    wanted = parse_id(entry_id, "an entry id")
    final = context.final
    index = entry_index(final, wanted)
    if index is None:
        outcome = context.node.outcome(wanted)
        if outcome is None:
            raise HttpError("entry.unknown", "this node knows no such entry", status=404)
        if isinstance(outcome, Ended):
            return refused_answer(wanted, outcome.refusal)
        if not isinstance(outcome, Final):
            return EntryAnswer(id=wanted.hex(), status="accepted")
        # It became final between the two questions.
        final, index = context.final, outcome.index
    return entry_answer(context, final, index)


POST_DESCRIPTION: dict[str, object] = {
    "tags": ["entries"],
    "operationId": "post_entries",
    "summary": "Submit one signed entry, or a batch",
    "description": (
        "`application/msgpack`: the submission `[0, leaf, [record, …]]`, at most 700,000 bytes, or the batch "
        "`[1, [submission, …]]`, at most 16 MB and 4,096 entries. `application/json`: the same in base64. "
        "A repeat, also under a second signature, is answered with the first one's place. With `wait=final` the answer comes "
        f"when the entries are final, or after {WAIT_SECONDS:.0f} seconds as it stands then.\n\n"
        "One entry: 200 final, 202 accepted (journalled and synced: never lost), or a problem. A batch: 200 if all are final, "
        "202 if all are taken, 207 if any was refused; `results` has one for each, in order."
    ),
    "parameters": [
        {
            "name": "wait",
            "in": "query",
            "required": False,
            "schema": {"type": "string", "enum": ["final"]},
            "description": "Wait until final.",
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            MSGPACK: {"schema": {"type": "string", "format": "binary"}},
            JSON: {
                "schema": {
                    "oneOf": [
                        {"$ref": "#/components/schemas/JsonEntry"},
                        {
                            "type": "object",
                            "required": ["entries"],
                            "additionalProperties": False,
                            "properties": {
                                "entries": {
                                    "type": "array",
                                    "minItems": 1,
                                    "maxItems": 4096,
                                    "items": {"$ref": "#/components/schemas/JsonEntry"},
                                }
                            },
                        },
                    ]
                },
            },
        },
    },
    "responses": {
        "200": {
            "description": "Final.",
            "content": {
                JSON: {
                    "schema": {
                        "oneOf": [
                            {"$ref": "#/components/schemas/EntryResult"},
                            {"$ref": "#/components/schemas/BatchResult"},
                        ]
                    },
                }
            },
        },
        "202": {
            "description": "Accepted, not final yet.",
            "content": {
                JSON: {
                    "schema": {
                        "oneOf": [
                            {"$ref": "#/components/schemas/EntryResult"},
                            {"$ref": "#/components/schemas/BatchResult"},
                        ]
                    },
                }
            },
        },
        "207": {
            "description": "A batch of which at least one entry was refused.",
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/BatchResult"}}},
        },
    },
}
JSON_ENTRY_SCHEMA: dict[str, object] = {
    "type": "object",
    "title": "JsonEntry",
    "required": ["leaf", "records"],
    "additionalProperties": False,
    "properties": {
        "leaf": {"type": "string", "contentEncoding": "base64"},
        "records": {
            "type": "array",
            "maxItems": 4096,
            "items": {"type": "string", "contentEncoding": "base64"},
        },
    },
}
POST_MODELS = (EntryResult, BatchResult)
"""Models that only the description above refers to."""
