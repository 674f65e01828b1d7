"""`/v1/records`, `/v1/receipts` and `/v1/documents`: what was recorded, and the proof of it."""

from __future__ import annotations

import json
from collections.abc import Callable
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
from api.http.shapes import record_answer, subject_row
from api.wire import JSON, MAX_RECEIPTS
from ledger.errors import FormatError, LedgerError
from ledger.records import parse_record
from ledger.records.documents import AUTHORITY_TAG_SIZE, HASH_LOOKUP, PAPER_LOOKUP
from ledger.rules import Place
from node.receipts import FinalView, parse_place

MAX_AUTHORITIES = 50
"""Authorities whose records about one file are shown …"""
MAX_ANCHORS = 500
"""… so many records of all of them together, in equal shares …"""
MAX_ANCHORS_EACH = 100
"""… of a document that one of them anchored: its first and its newest …"""
MAX_PAPERS_EACH = 5
"""… and of papers that one of them says the file is. So nobody's records crowd out another's."""
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
    """The records about the document, of every authority, each with its standing; then those that say that the file is a
    paper of something. 404 `document.unknown` if there is none.
    """
    context = context_of(request)
    wanted = parse_id(document_hash, "a document's hash")
    final = context.final
    anchors, more_anchors = _of_each(final, HASH_LOOKUP + wanted, _about_document)
    papers, more_papers = _of_each(final, PAPER_LOOKUP + wanted, _about_papers)
    places = list(dict.fromkeys([*anchors, *papers]))
    if not places:
        raise HttpError("document.unknown", "nobody has anchored this document on this ledger", status=404)
    return DocumentAnswer(
        hash=wanted.hex(),
        anchors=[record_answer(context, final, place) for place in places],
        more=more_anchors or more_papers,
        size=final.size,
    )


def _of_each(
    final: FinalView, prefix: bytes, find: Callable[[FinalView, bytes, int], tuple[list[Place], bool]]
) -> tuple[list[Place], bool]:
    """The records that each authority has under a lookup prefix, in order of the log, and whether there are more."""
    groups = list(islice(final.view.lookup_groups(prefix, AUTHORITY_TAG_SIZE), MAX_AUTHORITIES + 1))
    more = len(groups) > MAX_AUTHORITIES
    places: list[Place] = []
    for group in groups[:MAX_AUTHORITIES]:
        found, is_cut = find(final, prefix + group, MAX_ANCHORS // min(len(groups), MAX_AUTHORITIES))
        places += found
        more |= is_cut
    return sorted(places, key=lambda place: (place.index, place.record_index)), more


def _about_document(final: FinalView, prefix: bytes, most: int) -> tuple[list[Place], bool]:
    """One authority's records about its document: the one that began it, and of the others the newest."""
    most = min(most, MAX_ANCHORS_EACH)
    _, value = next(final.view.lookup(prefix))
    subject = parse_record(final.record(parse_place(value))).subject
    count = subject_row(final, subject).history.size
    newest = range(max(1, count - most + 1), count)
    found: dict[bytes, Place] = {}
    for place in final.places(subject, (0, *newest)):
        raw = final.record(place)
        # What is mainly about another document joins this one's history too; what was said twice is shown once.
        if parse_record(raw).subject == subject:
            found.setdefault(raw, place)
    return list(found.values()), newest.start > 1


def _about_papers(final: FinalView, prefix: bytes, most: int) -> tuple[list[Place], bool]:
    """One authority's records that say that a file is a paper of something."""
    most = min(most, MAX_PAPERS_EACH)
    rows = list(islice(final.view.lookup(prefix), most + 1))
    return [parse_place(value) for _, value in rows[:most]], len(rows) > most


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
