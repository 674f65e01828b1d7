"""`/add-checkpoint` and `/v1/witness`: cosigning other ledgers' checkpoints (c2sp.org/tlog-witness), and who cosigns ours.

Rules: the first is served under the address that the protocol gives it, with the statuses and bodies that it asks for; what it
leaves open is answered by problem details, as everywhere here.
"""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.http.body import read_body
from api.http.context import context_of
from api.http.models import Hash, Model
from api.http.problem import HttpError, error_response
from ledger.errors import LedgerError
from ledger.witnessing import MAX_REQUEST_BYTES, SIZE_TYPE, format_size
from node.witness.acting import WitnessConflictError

router = APIRouter(tags=["witnesses"])


class WitnessedItem(Model):
    """A ledger that is witnessed here."""

    origin: str
    size: int = Field(description="Tree size that was cosigned last.")
    root: Hash
    cosigned_s: int = Field(description="When it first was, seconds since the epoch.")
    checkpoint: str = Field(description="The checkpoint, with its ledger's signatures.")


class OutsideItem(Model):
    """A witness that this ledger's node asks."""

    name: str
    url: str
    size: int = Field(
        description="Tree size of this ledger that it has cosigned last; 0 if not since the start."
    )
    cosigned_s: int | None = Field(description="When, seconds since the epoch.")
    problem: str = Field(description="Why it did not the last time; empty if it did.")


class WitnessAnswer(Model):
    """Witnessing, both ways."""

    vkey: str | None = Field(
        description="The key by which this node cosigns other ledgers; null if it does not."
    )
    ledgers: list[WitnessedItem]
    outside: list[OutsideItem]


@router.get("/v1/witness", summary="Ledgers witnessed here, and witnesses asked from here")
def get_witness(request: Request) -> WitnessAnswer:
    """What this node has cosigned of other ledgers, and how the outside witnesses are doing that it asks."""
    context = context_of(request)
    witness = context.witness
    return WitnessAnswer(
        vkey=None if witness is None else witness.key.vkey,
        ledgers=[
            WitnessedItem(
                origin=one.origin,
                size=one.size,
                root=one.root.hex(),
                cosigned_s=one.cosigned_s,
                checkpoint=one.text,
            )
            for one in (() if witness is None else witness.seen())
        ],
        outside=[
            OutsideItem(
                name=one.name, url=one.url, size=one.size, cosigned_s=one.cosigned_s, problem=one.problem
            )
            for one in context.node.outside
        ],
    )


async def post_checkpoint(request: Request) -> Response:
    """Cosign another ledger's checkpoint; see `POST_DESCRIPTION`."""
    context = context_of(request)
    try:
        if context.witness is None:
            raise HttpError("witness.none", "this node is no witness", status=404)
        with await read_body(request, context.bodies, MAX_REQUEST_BYTES) as body:
            line = await run_in_threadpool(context.witness.add_checkpoint, body)
    except WitnessConflictError as error:
        # As a header of its own: to a media type of text the framework adds a charset, which the protocol does not have.
        return Response(format_size(error.size), status_code=409, headers={"content-type": SIZE_TYPE})
    except LedgerError as error:
        return error_response(error)
    return Response(line, media_type="text/plain; charset=utf-8", headers={"cache-control": "no-store"})


POST_DESCRIPTION: dict[str, object] = {
    "tags": ["witnesses"],
    "operationId": "post_checkpoint",
    "summary": "Have another ledger's checkpoint cosigned",
    "description": (
        "`add-checkpoint` of c2sp.org/tlog-witness: the line `old N`, the consistency path from N, an empty line, the signed "
        "checkpoint. 404: the ledger is not witnessed here. 403: not signed as its policy asks. 422: the path does not hold."
    ),
    "requestBody": {
        "required": True,
        "content": {"text/plain": {"schema": {"type": "string", "maxLength": MAX_REQUEST_BYTES}}},
    },
    "responses": {
        "200": {
            "description": "The cosignature's line.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        "409": {
            "description": "This witness knows the ledger at another size (the answer), or another root there.",
            "content": {SIZE_TYPE: {"schema": {"type": "string"}}},
        },
    },
}
