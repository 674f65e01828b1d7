"""`/v1/records`, `/v1/receipts` and `/v1/documents`: what was recorded, and the proof of it."""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.http.body import read_body
from api.http.context import Context, context_of, parse_id
from api.http.models import DocumentAnswer, ReceiptsAnswer, RecordAnswer
from api.http.problem import HttpError, error_response
from api.http.shapes import record_answer
from api.wire import JSON, MAX_RECEIPTS
from ledger.errors import FormatError, LedgerError
from ledger.records.documents import HASH_LOOKUP
from ledger.rules import Place
from node.receipts import FinalView, parse_place

MAX_ANCHORS = 500
"""Records that are shown of one document: one for each authority, and what became of it."""
MAX_RECEIPTS_LETTERS = 16_000_000
"""After so many letters of receipts an answer ends and names the rest."""
_MAX_BODY_BYTES = 128 * MAX_RECEIPTS

router = APIRouter(tags=["records"])

RecordId = Annotated[str, Path(description="The record's id, 64 hexadecimal digits.", examples=["1b" * 32])]
DocumentHash = Annotated[
    str,
    Path(
        description="SHA-256 of the file, or its salted commitment; 64 hexadecimal digits.",
        examples=["2c" * 32],
    ),
]


def _place(final: FinalView, record_id: bytes) -> Place:
    place = final.place(record_id)
    if place is None:
        raise HttpError("record.unknown", "this ledger has no such record", status=404)
    return place


@router.get("/v1/records/{record_id}", summary="A record and the standing of its subject")
def get_record(request: Request, record_id: RecordId) -> RecordAnswer:
    """The record, where it stands, and whether what it is about is in force. 404 `record.unknown`."""
    context = context_of(request)
    final = context.final
    return record_answer(context, final, _place(final, parse_id(record_id, "a record id")))


@router.get(
    "/v1/records/{record_id}/receipt",
    summary="A record's receipt",
    response_class=PlainTextResponse,
    responses={
        200: {"description": "A C2SP tlog-proof", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
)
def get_receipt(request: Request, record_id: RecordId) -> Response:
    """Everything it takes to check the record offline, as a `.tlog-proof` file. 404 `record.unknown`."""
    final = context_of(request).final
    place = _place(final, parse_id(record_id, "a record id"))
    return PlainTextResponse(final.receipt(place).text(), headers={"cache-control": "no-cache"})


async def post_receipts(request: Request) -> Response:
    """Receipts of many records at once; see `POST_DESCRIPTION`."""
    context = context_of(request)
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise HttpError("http.media-type", "send application/json", status=415)
        with await read_body(request, context.bodies, _MAX_BODY_BYTES) as body:
            return await anyio.to_thread.run_sync(_receipts, context, body)
    except LedgerError as error:
        return error_response(error)


def _receipts(context: Context, body: bytes) -> Response:
    wanted = _wanted(body)
    final = context.final
    places: dict[Place, str] = {}
    unknown: list[str] = []
    for record_id in wanted:
        place = final.place(record_id)
        if place is None:
            unknown.append(record_id.hex())
        else:
            places[place] = record_id.hex()
    receipts: dict[str, str] = {}
    letters = 0
    for place, receipt in final.receipts(places):
        receipts[places.pop(place)] = text = receipt.text()
        letters += len(text)
        if letters > MAX_RECEIPTS_LETTERS:
            break
    rest = list(places.values())
    answer = {"receipts": receipts, "unknown": unknown, "rest": rest}
    return Response(json.dumps(answer, separators=(",", ":")).encode(), media_type=JSON)


def _wanted(body: bytes) -> list[bytes]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FormatError("request.json", "the body is not JSON") from error
    records = value.get("records") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(records, list) or not 1 <= len(records) <= MAX_RECEIPTS:
        raise FormatError("request.json", f'send {{"records": [id, …]}} with 1 to {MAX_RECEIPTS} record ids')
    return list(
        dict.fromkeys(parse_id(item if isinstance(item, str) else "", "a record id") for item in records)
    )


@router.get("/v1/documents/{document_hash}", summary="Who anchored a document, and where it stands")
def get_document(
    request: Request,
    document_hash: DocumentHash,
) -> DocumentAnswer:
    """Every record about the document, of every authority, each with its standing. 404 `document.unknown` if there is none."""
    context = context_of(request)
    wanted = parse_id(document_hash, "a document's hash")
    final = context.final
    rows = list(islice(final.view.lookup(HASH_LOOKUP + wanted), MAX_ANCHORS + 1))
    if not rows:
        raise HttpError("document.unknown", "nobody has anchored this document on this ledger", status=404)
    places = sorted(
        (parse_place(value) for _, value in rows[:MAX_ANCHORS]),
        key=lambda place: (place.index, place.record_index),
    )
    return DocumentAnswer(
        hash=wanted.hex(),
        anchors=[record_answer(context, final, place) for place in places],
        more=len(rows) > MAX_ANCHORS,
        size=final.size,
    )


POST_DESCRIPTION: dict[str, object] = {
    "tags": ["records"],
    "operationId": "post_receipts",
    "summary": "Receipts of many records at once",
    "description": f"At most {MAX_RECEIPTS} record ids. Ask again for those under `rest`.",
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["records"],
                    "additionalProperties": False,
                    "properties": {
                        "records": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MAX_RECEIPTS,
                            "items": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
                        }
                    },
                },
                "example": {"records": ["1b" * 32]},
            }
        },
    },
    "responses": {
        "200": {
            "description": "The receipts, by record id.",
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/ReceiptsAnswer"}}},
        }
    },
}
POST_MODELS = (ReceiptsAnswer,)
