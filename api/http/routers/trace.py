"""`/v1/trace/{item}`: what a thing was made from, what was made from it, and what happened on the way.

Rules: an answer is made from one view, within limits, and says so where it had to stop. In words it is a description that
proves nothing; as `application/msgpack` it is the proof: the same trace with the whole history of each thing in it
(`ledger.origin.proof`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.http.context import context_of
from api.http.items import item_of
from api.http.models import Hash, Model, TimeMs
from api.wire import JSON, MSGPACK
from ledger.origin.findings import Judgement
from ledger.origin.graph import Limits
from ledger.origin.trace import as_dictionary
from ledger.rows import MemberRow, member_key
from node.origin import proof_of, trace_of
from node.receipts import FinalView

LIMITS = Limits()
MAX_DEPTH = 32

router = APIRouter(tags=["origin"])

Side = Literal["back", "forward", "both"]
ItemPath = Annotated[
    str,
    Path(
        description="Path of a lot, a piece or a logistic unit, its letters percent-encoded as on a label.",
        max_length=256,
        examples=["01/08938500000027/10/A1"],
    ),
]
Depth = Annotated[int, Query(description="How many layers in each direction.", ge=0, le=MAX_DEPTH)]


class TraceProduct(Model):
    """What a thing is, as its lot's owner registered it."""

    name: str
    authority: str
    category: str
    brand: str | None


class TraceLot(Model):
    """Somebody's word that it made a lot."""

    record: Hash
    owner: str
    produced: str | None
    expires: str | None


class TraceRecall(Model):
    """The recall that reaches a thing."""

    record: Hash
    by: str
    reason: str
    time_ms: TimeMs
    own: bool
    """Whether it names this very lot, rather than one that it was made from."""


class TraceNode(Model):
    """A thing of a trace."""

    item: str = Field(examples=["01/08938500000027/10/DS-2509%2F1"])
    layer: int = Field(
        description="Negative: what it was made from; positive: what was made from it, or holds it."
    )
    status: Literal["in-force", "recalled", "recalled-upstream", "unknown"]
    product: TraceProduct | None
    quantity: dict[str, str] | None = Field(
        description="Its sums: made, used, shipped, sold, left …, with their unit."
    )
    lots: list[TraceLot]
    recall: TraceRecall | None
    records: int = Field(description="How many records its history has.")


class TraceAmount(Model):
    """So much of an item."""

    item: str
    amount: str | None
    unit: str | None


class TracePlace(Model):
    """Where something happened."""

    id: str
    name: str | None


class TraceLink(Model):
    """An event, and what it leads from and to: the same things where it only sees them."""

    event: Hash
    kind: str
    action: str | None
    step: str | None
    from_: list[str] = Field(alias="from")
    to: list[str]
    amounts: list[TraceAmount]
    time_ms: int
    recorded_ms: TimeMs
    by: str
    by_name: str | None
    place: TracePlace | None


class TraceAnswer(Model):
    """A trace in words."""

    item: str
    direction: Side
    as_of_ms: TimeMs
    nodes: list[TraceNode]
    links: list[TraceLink]
    truncated: bool = Field(description="Whether a limit left something out.")


_BOTH: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The trace: in words, or with its proof.",
        "model": TraceAnswer,
        "content": {MSGPACK: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get(
    "/v1/trace/{item:path}",
    summary="What a thing was made from, and what was made from it",
    response_class=Response,
    responses=_BOTH,
)
def get_trace(
    request: Request,
    item: ItemPath,  # noqa: ARG001  read from the address as it came
    direction: Side = "both",
    depth: Depth = LIMITS.depth,
) -> Response:
    """`item` is the path of a lot, a piece or a logistic unit, such as `01/<gtin>/10/<lot>`. A thing that nobody recorded
    anything about is alone in its trace, with the status `unknown`. 400 `gs1.*`; 422 `trace.proof-size`.
    """
    path = item_of(request, 2).path
    final = context_of(request).final
    limits = limits_of(depth)
    headers = {"cache-control": "no-cache", "vary": "accept"}
    if MSGPACK in request.headers.get("accept", ""):
        proof = proof_of(final, path, direction, limits)
        return Response(proof.encoded(), media_type=MSGPACK, headers=headers)
    found, source = trace_of(final, path, direction, limits, check_hashes=False)
    answer = as_dictionary(found, Judgement(found.story), direction, source.as_of_ms)
    names = Names(final)
    for link in answer["links"]:
        link["by_name"] = names.of(link["by"])
    return JSONResponse(answer, media_type=JSON, headers=headers)


def limits_of(depth: int) -> Limits:
    """The limits of a request."""
    return Limits(depth, LIMITS.width, LIMITS.things, LIMITS.events, LIMITS.records)


class Names:
    """Members' names, each looked up once."""

    def __init__(self, final: FinalView) -> None:
        self._final = final
        self._names: dict[str, str | None] = {}

    def of(self, member: str) -> str | None:
        """The member's name; None if there is no such member."""
        if member not in self._names:
            row = self._final.view.get(member_key(member))
            self._names[member] = None if row is None else MemberRow.parse(row).name
        return self._names[member]
