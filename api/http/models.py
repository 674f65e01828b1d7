"""The shapes of JSON answers, which the OpenAPI description is made from.

Rules: identifiers, hashes, keys and signatures are lowercase hexadecimal; longer bytes are base64; times are milliseconds
since the epoch unless the name says seconds. The answer to `POST /v1/entries` is written without these models, for speed, and
tested against them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from node.outcomes import Standing

HEX_32 = r"^[0-9a-f]{64}$"

Hash = Annotated[str, Field(pattern=HEX_32, examples=["9f" * 32])]
Base64 = Annotated[str, Field(examples=["kwDEQA=="], json_schema_extra={"contentEncoding": "base64"})]
TimeMs = Annotated[
    int, Field(ge=0, description="Milliseconds since the epoch.", examples=[1_795_000_000_000])
]
Status = Literal["final", "accepted", "refused"]


class Model(BaseModel):
    """Common settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(Model):
    """RFC 9457 problem details."""

    type: str = Field(examples=["/docs/errors#entry.chain"])
    title: str
    status: int = Field(examples=[422])
    code: str = Field(description="Stable code of the rule that was broken.", examples=["entry.chain"])
    detail: str = Field(examples=["the entry was signed for another ledger"])
    retry: bool = Field(description="Whether the same request may succeed later.")


class EntryResult(Model):
    """What became of one submitted entry."""

    id: Hash | None = Field(default=None, description="The entry's id; absent if the bytes are no entry.")
    status: Status
    records: list[Hash] | None = Field(default=None, description="Ids of its records, in order.")
    index: int | None = Field(default=None, description="Index of its leaf in the log, once final.")
    height: int | None = Field(default=None, description="Height of its block, once final.")
    late: bool | None = Field(
        default=None, description="Whether its claimed time is over a day behind its block's."
    )
    problem: Problem | None = Field(default=None, description="Why it was refused.")


class BatchResult(Model):
    """One result for each entry, in the order in which they were sent."""

    results: list[EntryResult]


class Refusal(Model):
    """How an acknowledged entry ended without reaching the ledger."""

    code: str
    detail: str
    height: int
    time_ms: TimeMs


class EntryAnswer(Model):
    """An entry."""

    id: Hash
    status: Status
    index: int | None = None
    height: int | None = None
    time_ms: TimeMs | None = Field(default=None, description="Chain time of its block.")
    author_key: Hash | None = None
    claimed_ms: TimeMs | None = Field(default=None, description="The author's own clock: a claim.")
    late: bool | None = None
    leaf: Base64 | None = None
    records: list[Hash] | None = None
    refusal: Refusal | None = None


class SubjectAnswer(Model):
    """What a record is about, and where that stands at the checkpoint."""

    kind: str
    authority: str
    id: str = Field(description="Text as it is, bytes in hexadecimal.")
    status: str
    since_ms: TimeMs = Field(description="Chain time of the subject's first record.")
    records: int = Field(description="How many records concern it.")


class RecordAnswer(Model):
    """A record, where it stands, and the standing of its subject."""

    id: Hash
    type: str
    authority: str
    authority_name: str | None
    body: dict[str, Any] = Field(description="The record's fields; bytes in hexadecimal.")
    raw: Base64 = Field(description="The record's canonical bytes: what the id is the leaf hash of.")
    entry: Hash
    index: int
    record_index: int
    height: int
    time_ms: TimeMs
    claimed_ms: TimeMs
    late: bool
    author_key: Hash
    subject: SubjectAnswer


class DocumentAnswer(Model):
    """The records about a document, of whatever authority, in order of the log; behind them those that name its file as a
    paper of something.
    """

    hash: Hash
    anchors: list[RecordAnswer]
    more: bool = Field(description="Whether there are more than are shown.")
    size: int = Field(description="Tree size of the checkpoint that this answer is of.")


class ReceiptsAnswer(Model):
    """Receipts by record id."""

    receipts: dict[str, str]
    unknown: list[Hash] = Field(description="Ids of no record of this ledger.")
    rest: list[Hash] = Field(description="Ids to ask for again: the answer was long enough without them.")


class HeaderAnswer(Model):
    """The fields of a block header."""

    rules_version: int
    chain_id: Hash
    height: int
    engine_height: int
    parent: Hash
    time_ms: TimeMs
    first_index: int
    entry_count: int
    log_root: Hash
    state_root: Hash
    proposer: Hash


class BlockEntry(Model):
    """An entry of a block."""

    id: Hash
    index: int
    records: int


class BlockAnswer(Model):
    """A block."""

    header: HeaderAnswer
    header_leaf: Base64
    header_hash: Hash
    signature: str = Field(
        description="The proposer's signature over the header, 128 digits; empty in block 0."
    )
    entries: list[BlockEntry]


class InclusionAnswer(Model):
    """A leaf of the log with its inclusion path under the checkpoint."""

    leaf: Base64
    index: int
    path: list[Hash]


class StateAnswer(Model):
    """A state key's value, or its absence, with all it takes to check that."""

    key: str
    present: bool
    value: Base64 | None
    proof: Base64 = Field(description="Canonical bytes of the state proof; see the specification.")
    header: InclusionAnswer = Field(description="The header whose state root the proof leads to.")
    checkpoint: str


class KeyAnswer(Model):
    """A member's key."""

    public_key: Hash
    roles: list[str]
    registered_ms: TimeMs
    until_ms: TimeMs | None = Field(description="Chain time after which it signs nothing new.")
    retired_ms: TimeMs | None
    revoked_ms: TimeMs | None
    disputed_from_ms: TimeMs | None


class MemberAnswer(Model):
    """A member of the ledger."""

    id: str
    name: str
    roles: list[str]
    registered_ms: TimeMs
    ended_ms: TimeMs | None = Field(description="Chain time at which the authority ends, or ended.")
    predecessors: list[str] = Field(description="Members whose business it takes over.")
    successors: list[str] = Field(description="Members that take over its business.")
    keys: list[KeyAnswer]


class MembersAnswer(Model):
    """All members, in order of id."""

    members: list[MemberAnswer]
    size: int


class ActionAnswer(Model):
    """The record that is proposed."""

    type: str
    body: dict[str, Any] = Field(description="The record's fields; bytes in hexadecimal.")


class ProposalAnswer(Model):
    """A proposal, and its tally."""

    id: Hash
    proposer: str
    action: ActionAnswer
    proposed_ms: TimeMs
    expires_ms: TimeMs
    voters: list[str] = Field(description="The members that were administrators when it was proposed.")
    quorum: int = Field(description="How many of them it takes.")
    approvals: list[str] = Field(description="Who has approved, in order.")
    counted: list[str] = Field(description="Those of them that still are administrators: only they count.")
    outcome: Literal["open", "expired", "executed", "withdrawn"] = Field(
        description="As of the newest final block's time."
    )
    decided_ms: TimeMs | None


class ProposalsAnswer(Model):
    """Proposals, the newest first."""

    proposals: list[ProposalAnswer]
    size: int = Field(description="Tree size of the checkpoint that this answer is of.")


class Reason(Model):
    """Why the node is not ready."""

    code: str
    detail: str


class ReadyAnswer(Model):
    """Whether the node takes entries and makes them final."""

    ready: bool
    reasons: list[Reason]


class PeerAnswer(Model):
    """Another validator, as this node reaches it."""

    name: str
    reached_s: float | None = Field(description="Seconds since it last answered; null if it never did.")
    problem: str = Field(description="Why it was not reached the last time; empty if it was.")
    size: int | None = Field(description="Tree size that it is known to have cosigned last; null if none.")


class StatusAnswer(Model):
    """What the node is doing."""

    origin: str
    chain_id: Hash
    version: str
    height: int
    size: int
    root: Hash
    state_root: Hash
    block_time_ms: TimeMs
    status_as_of_s: int = Field(description="Proven time of the newest checkpoint, seconds since the epoch.")
    outbox: int = Field(description="Acknowledged entries that are not final yet.")
    mempool: int
    disk_free: int = Field(description="Bytes.")
    uptime_s: int
    ready: bool
    reasons: list[Reason]
    standing: Standing = Field(
        description="`validator`; `waiting`: the ledger does not name this node's keys, and it has no vote; `copy`."
    )
    behind: int = Field(
        description="Leaves that the other validators have cosigned and this node does not serve."
    )
    peers: list[PeerAnswer] = Field(description="The other validators; empty for a node that orders alone.")


class HealthAnswer(Model):
    """The process answers; nothing more is said."""

    alive: bool
