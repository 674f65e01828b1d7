"""`/healthz`, `/readyz`, `/metrics`, `/v1/status`: for those who run the node."""

from __future__ import annotations

import time
from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.http.context import Context, context_of
from api.http.models import HealthAnswer, PeerAnswer, ReadyAnswer, Reason, StatusAnswer
from api.version import program_version
from ledger.block import parse_header_leaf
from ledger.errors import LedgerError
from ledger.policy import quorum_size
from node.receipts import FinalView
from node.service import Node

STALE_FACTOR = 3
"""A checkpoint should be cosigned again each `recosign_seconds`; after so many times that, something is wrong."""
STALE_MARGIN_SECONDS = 60
"""Maintenance looks twice a minute."""
AWAY_SECONDS = 30
"""A peer that has not answered for so long is taken for away."""
BEHIND_SECONDS = 30
"""A node that has not got to where the others were so long ago is behind; a block more or less is nothing."""
MAX_CLOCK_SECONDS = 300
"""A clock that is further off than this refuses good entries: one may be five minutes ahead of its block."""

router = APIRouter(tags=["operations"])


def proven_time_s(final: FinalView) -> int:
    """The time, seconds since the epoch, as of which the checkpoint's cosignatures prove the ledger's state; 0 for none."""
    return final.policy.check(final.checkpoint_text).status_as_of_s or 0


def reasons_not_ready(context: Context) -> list[Reason]:
    """Everything that keeps the node from taking entries or making them final now."""
    node = context.node
    if node.failure is not None:
        return [
            Reason(
                code="node.stopped",
                detail="the node has stopped and must be restarted by its operator; its log says why",
            )
        ]
    reasons = [*_of_this_machine(context)]
    try:
        node.check_intake()
    except LedgerError as error:
        reasons.append(Reason(code=error.rule, detail=error.detail))
    if node.engine.full and all(reason.code != "mempool.full" for reason in reasons):
        reasons.append(Reason(code="mempool.full", detail="the node has too many entries waiting"))
    try:
        final = node.final
    except LedgerError as error:
        return [*reasons, Reason(code=error.rule, detail=error.detail)]
    age = context.clock_ms() // 1000 - proven_time_s(final)
    away = _away(node)
    if away and (count := len(node.validators)) - len(away) < quorum_size(count):
        reasons.append(
            Reason(
                code="quorum.away",
                detail=f"too few validators can be reached for a quorum; not reached: {', '.join(away)}. What is served "
                f"was final {age} seconds ago: if they reach each other, the ledger goes on without it",
            )
        )
    elif node.behind_s > BEHIND_SECONDS:
        reasons.append(
            Reason(
                code="node.behind",
                detail=f"the other validators have cosigned {node.others_size} leaves, and for {node.behind_s:.0f} s this node "
                f"has not got to where they were then: it has {node.store.head.size}. It catches up, or its disk, processor or "
                "engine is too slow",
            )
        )
    if age > STALE_FACTOR * node.config.recosign_seconds + STALE_MARGIN_SECONDS:
        reasons.append(Reason(code="cosign.stale", detail=f"the newest cosignature is {age} seconds old"))
    return reasons


def _away(node: Node) -> list[str]:
    """Names of the ledger's other validators that are not reached. Who is admitted and has no vote yet is not missed."""
    if not node.peers:
        return []
    reached = {
        peer.name for peer in node.peers if peer.reached_s is not None and peer.reached_s <= AWAY_SECONDS
    }
    return [one.name for one in node.validators if one.name not in reached and one.name != node.name]


def _of_this_machine(context: Context) -> Iterator[Reason]:
    """What is wrong beside the node: its engine's process, and the clock."""
    node = context.node
    if node.engine.trouble:
        yield Reason(code="engine.trouble", detail=node.engine.trouble)
    if node.engine.held:
        yield Reason(code="engine.held", detail=node.engine.held)
    off = node.clock_off_s
    if off is not None and abs(off) > MAX_CLOCK_SECONDS:
        yield Reason(
            code="clock.off",
            detail=f"this machine's clock is {off:+.0f} s against the other validators': turn on time synchronisation",
        )


@router.get("/healthz", summary="Whether the process answers")
async def get_health() -> HealthAnswer:
    """200 as long as the process answers. Whether it does its work is `/readyz`."""
    return HealthAnswer(alive=True)


@router.get(
    "/readyz",
    summary="Whether the node does its work",
    response_model=ReadyAnswer,
    responses={503: {"model": ReadyAnswer, "description": "Not ready, and why"}},
)
def get_ready(request: Request) -> Response:
    """200 if entries are taken and made final; 503 with every reason if not."""
    context = context_of(request)
    reasons = reasons_not_ready(context)
    answer = ReadyAnswer(ready=not reasons, reasons=reasons)
    headers = {"cache-control": "no-store"}
    if reasons:
        headers["retry-after"] = "30"
    return JSONResponse(answer.model_dump(), status_code=503 if reasons else 200, headers=headers)


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
def get_metrics(request: Request) -> Response:
    """What the node counts."""
    context = context_of(request)
    node = context.node
    node.metrics.outbox_depth.set(node.outbox.depth)
    node.metrics.disk_free.set(node.free_bytes())
    node.metrics.ready.set(0 if reasons_not_ready(context) else 1)
    return Response(
        node.metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"}
    )


@router.get("/v1/status", summary="What the node is doing")
def get_status(request: Request) -> StatusAnswer:
    """Heights, roots, queues, disk, and whether the node is ready."""
    context = context_of(request)
    node, final = context.node, context.final
    head = final.view.head
    reasons = reasons_not_ready(context)
    return StatusAnswer(
        origin=node.genesis.origin,
        chain_id=node.chain_id.hex(),
        version=program_version(),
        height=head.height,
        size=head.size,
        root=head.root.hex(),
        state_root=head.state_root.hex(),
        block_time_ms=parse_header_leaf(final.view.header_leaf(head.height)).time_ms,
        status_as_of_s=proven_time_s(final),
        outbox=node.outbox.depth,
        mempool=node.engine.depth,
        disk_free=node.free_bytes(),
        uptime_s=int(time.monotonic() - context.started),
        ready=not reasons,
        reasons=reasons,
        standing=node.standing,
        behind=max(0, node.others_size - head.size) if node.peers else 0,
        peers=[*_peers(node)],
    )


def _peers(node: Node) -> Iterator[PeerAnswer]:
    keys = {one.name: one.cosigning_key for one in node.validators} if node.peers else {}
    for peer in node.peers:
        cosigned = node.cosigned.newest(keys[peer.name]) if peer.name in keys else None
        yield PeerAnswer(
            name=peer.name,
            reached_s=peer.reached_s,
            problem=peer.problem,
            size=None if cosigned is None else cosigned.size,
        )
