"""`/v1/blocks`, `/v1/state`, `/v1/policy`, `/v1/members`, `/v1/proposals`: the chain as it is, for whoever checks it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from api.http.context import context_of
from api.http.models import (
    ActionAnswer,
    BlockAnswer,
    BlockEntry,
    HeaderAnswer,
    KeyAnswer,
    MemberAnswer,
    MembersAnswer,
    ProposalAnswer,
    ProposalsAnswer,
    StateAnswer,
)
from api.http.problem import HttpError
from api.http.shapes import b64, header_inclusion
from api.wire import BLOCK_STREAM, MSGPACK, BlockFrame
from ledger.block import parse_header_leaf
from ledger.encoding import encode
from ledger.entry import entry_from_parts
from ledger.errors import FormatError
from ledger.records.governance import (
    PROPOSAL_LOOKUP,
    ProposalRow,
    parse_action,
    proposal_key,
)
from ledger.rows import ADMINISTRATORS_KEY, KeyRow, MemberRow, key_key, member_key, parse_administrators
from ledger.state import ics23_proof
from node.receipts import FinalView
from node.registered import registered_keys, registered_members

MAX_BLOCKS = 1_000
"""Blocks in one stream; a reader asks again from where it stands."""
MAX_STREAM_BYTES = 64_000_000
"""After so many bytes a stream ends behind the block in hand."""
MAX_STATE_KEY_BYTES = 512
MAX_HEIGHT = 2**53 - 1

MAX_PROPOSALS = 1_000
"""Proposals in one answer."""

PROTOBUF = "application/x-protobuf"
_STATE_KEY = re.compile(rf"(?:[0-9a-fA-F]{{2}}){{1,{MAX_STATE_KEY_BYTES}}}")

FirstHeight = Annotated[
    int, Query(alias="from", ge=0, le=MAX_HEIGHT, description="Height of the first block.", examples=[0])
]
BlockLimit = Annotated[int, Query(ge=1, le=MAX_BLOCKS, description="At most so many blocks.", examples=[100])]
Height = Annotated[int, Path(ge=0, le=MAX_HEIGHT, description="The block's height.", examples=[77])]
StateKey = Annotated[
    str,
    Path(
        description="The raw key in hexadecimal: `encode([kind, …])`.", examples=["91aa76616c696461746f7273"]
    ),
]
Form = Annotated[Literal["json", "ics23"], Query(alias="format", description="Form of the answer.")]
StillOpen = Annotated[
    bool, Query(alias="open", description="Only proposals that still take votes.", examples=[True])
]
Outcome = Literal["open", "expired", "executed", "withdrawn"]
OPEN: Outcome = "open"

router = APIRouter(tags=["chain"])


def _frame(final: FinalView, height: int) -> bytes:
    block = final.view.block(height)
    return BlockFrame.of(block.header_leaf, block.header_signature, block.leaves, block.records).encoded()


@router.get(
    "/v1/blocks",
    summary="A stream of blocks",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Frames: four bytes of length (big-endian), then msgpack "
            "`[header leaf, signature, [submission, …]]`. "
            "The header `sogoc-height` has the height of the newest final block.",
            "content": {BLOCK_STREAM: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def get_blocks(request: Request, first: FirstHeight = 0, limit: BlockLimit = MAX_BLOCKS) -> Response:
    """Final blocks in order of height, as many as `limit` and 64 MB allow. 404 `block.unknown` beyond the newest."""
    final = context_of(request).final
    head = final.view.head.height
    if first > head:
        raise HttpError("block.unknown", f"the newest final block is {head}", status=404)

    def frames() -> Iterator[bytes]:
        sent = 0
        for height in range(first, min(first + limit, head + 1)):
            frame = _frame(final, height)
            yield frame
            sent += len(frame)
            if sent >= MAX_STREAM_BYTES:
                return

    return StreamingResponse(
        frames(), media_type=BLOCK_STREAM, headers={"sogoc-height": str(head), "cache-control": "no-cache"}
    )


@router.get("/v1/blocks/{height}", summary="A block")
def get_block(request: Request, height: Height) -> BlockAnswer:
    """A block's header and the ids of its entries. 404 `block.unknown` for one that is not final yet."""
    final = context_of(request).final
    head = final.view.head.height
    if height > head:
        raise HttpError("block.unknown", f"the newest final block is {head}", status=404)
    block = final.view.block(height)
    header = parse_header_leaf(block.header_leaf)
    entries = (
        []
        if height == 0
        else [entry_from_parts(*pair) for pair in zip(block.leaves, block.records, strict=True)]
    )
    return BlockAnswer(
        header=HeaderAnswer(
            rules_version=header.rules_version,
            chain_id=header.chain_id.hex(),
            height=header.height,
            engine_height=header.engine_height,
            parent=header.parent.hex(),
            time_ms=header.time_ms,
            first_index=header.first_index,
            entry_count=header.entry_count,
            log_root=header.log_root.hex(),
            state_root=header.state_root.hex(),
            proposer=header.proposer.hex(),
        ),
        header_leaf=b64(block.header_leaf),
        header_hash=header.hash().hex(),
        signature=block.header_signature.hex(),
        entries=[
            BlockEntry(id=entry.id.hex(), index=header.first_index + offset, records=len(entry.records))
            for offset, entry in enumerate(entries)
        ],
    )


@router.get(
    "/v1/state/{key}",
    summary="A row of the state, with its proof",
    response_model=StateAnswer,
    responses={
        200: {
            "description": "The value or its absence; with `format=ics23` an ICS-23 CommitmentProof in protobuf.",
            "content": {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def get_state(request: Request, key: StateKey, form: Form = "json") -> StateAnswer | Response:
    """The value under a key at the newest checkpoint, or the proof that there is none; never 404."""
    if not _STATE_KEY.fullmatch(key):
        raise FormatError(
            "request.state-key", f"a state key is 1 to {MAX_STATE_KEY_BYTES} bytes in hexadecimal"
        )
    raw = bytes.fromhex(key)
    final = context_of(request).final
    view = final.view
    if form == "ics23":
        proof_bytes = ics23_proof(view, view.head.state_root, raw, view.read_row)
        headers = {"sogoc-height": str(view.head.height), "sogoc-size": str(final.size)}
        return Response(proof_bytes, media_type=PROTOBUF, headers=headers)
    proof = final.prove(raw)
    return StateAnswer(
        key=raw.hex(),
        present=proof.value is not None,
        value=None if proof.value is None else b64(proof.value),
        proof=b64(encode(proof.to_value())),
        header=header_inclusion(final),
        checkpoint=final.checkpoint_text,
    )


@router.get(
    "/v1/policy",
    summary="The trust policy",
    response_class=PlainTextResponse,
    responses={
        200: {"description": "A C2SP tlog-policy", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
)
def get_policy(request: Request) -> Response:
    """The policy that judges the newest checkpoint. Take it from the office, not from a server you are about to check."""
    return PlainTextResponse(context_of(request).policy_text)


@router.get(
    "/v1/policy/epochs",
    summary="How the validators have changed",
    response_class=Response,
    responses={
        200: {
            "description": "`[1, policy, [transition, …]]` (docs/spec.md, Policy epochs)",
            "content": {MSGPACK: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def get_policy_epochs(request: Request) -> Response:
    """Every change of validators, each proved by those before it: whoever trusts one policy can follow to the newest."""
    found = context_of(request).node.transitions()
    return Response(found.encoded(), media_type=MSGPACK, headers={"cache-control": "no-cache"})


@router.get("/v1/members", summary="Members and their keys")
def get_members(request: Request) -> MembersAnswer:
    """Every member with its roles and keys, also retired and revoked ones, as the newest checkpoint has them."""
    context = context_of(request)
    final = context.final
    names = registered_members(final.view, context.node.genesis)
    keys = registered_keys(final.view, context.node.genesis)
    by_member: dict[str, list[KeyAnswer]] = {name: [] for name in names}
    for public_key in sorted(keys):
        data = final.view.get(key_key(public_key))
        if data is not None:
            row = KeyRow.parse(data)
            by_member.setdefault(row.member, []).append(_key_answer(public_key, row))
    members = []
    for name in sorted(by_member):
        data = final.view.get(member_key(name))
        if data is not None:
            member = MemberRow.parse(data)
            members.append(
                MemberAnswer(
                    id=name,
                    name=member.name,
                    roles=list(member.roles),
                    registered_ms=member.registered_ms,
                    ended_ms=member.ended_ms,
                    predecessors=list(member.predecessors),
                    successors=list(member.successors),
                    keys=by_member[name],
                )
            )
    return MembersAnswer(members=members, size=final.size)


@router.get("/v1/proposals", summary="Proposals and their tallies")
def get_proposals(request: Request, still_open: StillOpen = False) -> ProposalsAnswer:
    """What administrators have proposed, who may vote, who has, and what became of it; the newest 1,000."""
    final = context_of(request).final
    view = final.view
    administrators = _administrators(final)
    rows = []
    for key, _ in view.lookup(PROPOSAL_LOOKUP):
        proposal = key[len(PROPOSAL_LOOKUP) :]
        data = view.get(proposal_key(proposal))
        if data is not None:
            row = ProposalRow.parse(data)
            if not still_open or _outcome(row, view.head.time_ms) == OPEN:
                rows.append((proposal, row))
    rows.sort(key=lambda pair: (pair[1].proposed_ms, pair[0]), reverse=True)
    return ProposalsAnswer(
        proposals=[
            _proposal_answer(proposal, row, administrators, view.head.time_ms)
            for proposal, row in rows[:MAX_PROPOSALS]
        ],
        size=final.size,
    )


def _administrators(final: FinalView) -> tuple[str, ...]:
    """The members that are administrators at the newest block's time."""
    data = final.view.get(ADMINISTRATORS_KEY)
    found = []
    for name in () if data is None else parse_administrators(data):
        row = final.view.get(member_key(name))
        ended_ms = None if row is None else MemberRow.parse(row).ended_ms
        if row is not None and (ended_ms is None or final.view.head.time_ms < ended_ms):
            found.append(name)
    return tuple(found)


def _outcome(row: ProposalRow, time_ms: int) -> Outcome:
    match row.outcome:
        case "executed":
            return "executed"
        case "withdrawn":
            return "withdrawn"
        case _:
            return "expired" if time_ms > row.expires_ms else OPEN


def _proposal_answer(
    proposal: bytes, row: ProposalRow, administrators: tuple[str, ...], time_ms: int
) -> ProposalAnswer:
    action = parse_action(row.action)
    return ProposalAnswer(
        id=proposal.hex(),
        proposer=row.proposer,
        action=ActionAnswer(
            type=action.type.name,
            body={
                name: value.hex() if isinstance(value, bytes) else value
                for name, value in action.body.items()
            },
        ),
        proposed_ms=row.proposed_ms,
        expires_ms=row.expires_ms,
        voters=list(row.voters),
        quorum=row.quorum,
        approvals=list(row.approvals),
        counted=list(row.counted(administrators)),
        outcome=_outcome(row, time_ms),
        decided_ms=row.decided_ms,
    )


def _key_answer(public_key: bytes, row: KeyRow) -> KeyAnswer:
    return KeyAnswer(
        public_key=public_key.hex(),
        roles=list(row.roles),
        registered_ms=row.registered_ms,
        until_ms=row.until_ms,
        retired_ms=row.retired_ms,
        revoked_ms=row.revoked_ms,
        disputed_from_ms=row.disputed_from_ms,
    )
