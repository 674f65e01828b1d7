"""What a node answers, read strictly into types that hold bytes.

Rules: an answer that is not of the agreed shape is an `ApiError` with code `node.answer`; members that this program does not
know are passed over, so that a newer node can be asked. Nothing here is believed: what matters is to be verified with a receipt
or a proof.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ledger.encoding import decode
from ledger.errors import FormatError, LedgerError
from ledger.state import StateProof

Status = Literal["final", "accepted", "refused"]


class ApiError(LedgerError):
    """A node's refusal, or no usable answer at all.

    `rule` is the problem's stable code. Without an answer `status` is None and the code `node.unreachable` (nothing came),
    `node.slow` (it came too slowly) or `node.answer` (what came cannot be read): then nothing is known about what was asked.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        title: str = "",
        retry: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """`status`: HTTP status; `retry`: whether the same request may succeed later; `retry_after`: after so many seconds."""
        super().__init__(code, detail)
        self.status = status
        self.title = title
        self.retry = retry
        self.retry_after = retry_after

    @property
    def code(self) -> str:
        """The problem's stable code."""
        return self.rule


def unusable(detail: str) -> ApiError:
    """An answer that is not of the agreed shape."""
    return ApiError("node.answer", f"the node's answer cannot be read: {detail}")


class Fields:
    """A JSON object of an answer; each method reads one member of the kind it names, or raises ApiError."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise unusable("an object was expected")
        self._members: Mapping[str, Any] = value

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Read JSON text."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise unusable("it is not JSON") from error
        return cls(value)

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self._members.get(name) is not None

    def text(self, name: str) -> str:
        """A text."""
        value = self._members.get(name)
        if not isinstance(value, str):
            raise unusable(f"{name} is not a text")
        return value

    def integer(self, name: str) -> int:
        """An integer that is not negative."""
        value = self._members.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise unusable(f"{name} is not a number")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._members.get(name)
        if not isinstance(value, bool):
            raise unusable(f"{name} is neither true nor false")
        return value

    def octets(self, name: str) -> bytes:
        """Bytes in base64."""
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError) as error:
            raise unusable(f"{name} is not base64") from error

    def digits(self, name: str) -> bytes:
        """Bytes in hexadecimal."""
        return from_hex(self.text(name))

    def fields(self, name: str) -> Fields:
        """An object."""
        return Fields(self._members.get(name))

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object, as it came."""
        value = self._members.get(name)
        if not isinstance(value, dict):
            raise unusable(f"{name} is not an object")
        return value

    def items(self, name: str) -> list[Any]:
        """A list."""
        value = self._members.get(name)
        if not isinstance(value, list):
            raise unusable(f"{name} is not a list")
        return value

    def hashes(self, name: str) -> tuple[bytes, ...]:
        """A list of bytes in hexadecimal."""
        return tuple(from_hex(item) for item in self.items(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(str(item) for item in self.items(name))

    def maybe_integer(self, name: str) -> int | None:
        """An integer, or None."""
        return self.integer(name) if self.has(name) else None

    def maybe_seconds(self, name: str) -> int | None:
        """Whole seconds, rounded down, or None."""
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or not 0 <= value < 2**53:
            raise unusable(f"{name} is no number of seconds")
        return int(value)


def from_hex(value: object) -> bytes:
    """Bytes from hexadecimal text. Raises ApiError."""
    try:
        return bytes.fromhex(value if isinstance(value, str) else "-")
    except ValueError as error:
        raise unusable("bytes in hexadecimal were expected") from error


def problem_error(fields: Fields, status: int, retry_after: float | None = None) -> ApiError:
    """The error that a problem object describes."""
    return ApiError(
        fields.text("code"),
        fields.text("detail"),
        status=status,
        title=fields.text("title"),
        retry=fields.flag("retry"),
        retry_after=retry_after,
    )


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a submitted entry."""

    status: Status
    entry_id: bytes | None
    """None if the bytes are no entry."""
    record_ids: tuple[bytes, ...] = ()
    index: int | None = None
    height: int | None = None
    late: bool = False
    problem: ApiError | None = None
    """Why it was refused."""

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From one result of `POST /v1/entries`."""
        problem = None
        if fields.has("problem"):
            inner = fields.fields("problem")
            problem = problem_error(inner, inner.integer("status"))
        return cls(
            status=_status(fields),
            entry_id=fields.digits("id") if fields.has("id") else None,
            record_ids=fields.hashes("records") if fields.has("records") else (),
            index=fields.maybe_integer("index"),
            height=fields.maybe_integer("height"),
            late=fields.has("late") and fields.flag("late"),
            problem=problem,
        )


def _status(fields: Fields) -> Status:
    known: dict[str, Status] = {"final": "final", "accepted": "accepted", "refused": "refused"}
    status = known.get(fields.text("status"))
    if status is None:
        raise unusable("the status of an entry is final, accepted or refused")
    return status


@dataclass(frozen=True, slots=True)
class EntryInfo:
    """An entry as a node describes it."""

    entry_id: bytes
    status: Status
    index: int | None = None
    height: int | None = None
    time_ms: int | None = None
    """Chain time of its block."""
    author_key: bytes | None = None
    claimed_ms: int | None = None
    late: bool = False
    leaf: bytes | None = None
    record_ids: tuple[bytes, ...] = ()
    refusal: ApiError | None = None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From the answer of `GET /v1/entries/{id}`."""
        refusal = None
        if fields.has("refusal"):
            inner = fields.fields("refusal")
            refusal = ApiError(inner.text("code"), inner.text("detail"), status=422)
        return cls(
            entry_id=fields.digits("id"),
            status=_status(fields),
            index=fields.maybe_integer("index"),
            height=fields.maybe_integer("height"),
            time_ms=fields.maybe_integer("time_ms"),
            author_key=fields.digits("author_key") if fields.has("author_key") else None,
            claimed_ms=fields.maybe_integer("claimed_ms"),
            late=fields.has("late") and fields.flag("late"),
            leaf=fields.octets("leaf") if fields.has("leaf") else None,
            record_ids=fields.hashes("records") if fields.has("records") else (),
            refusal=refusal,
        )


@dataclass(frozen=True, slots=True)
class RecordInfo:
    """A record as a node describes it, and where its subject stands."""

    record_id: bytes
    type: str
    authority: str
    authority_name: str | None
    raw: bytes
    """The record's canonical bytes."""
    entry_id: bytes
    index: int
    record_index: int
    height: int
    time_ms: int
    claimed_ms: int
    late: bool
    author_key: bytes
    subject_kind: str
    subject_id: str
    status: str
    since_ms: int
    records: int
    """How many records concern the subject."""

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From the answer of `GET /v1/records/{id}`."""
        subject = fields.fields("subject")
        return cls(
            record_id=fields.digits("id"),
            type=fields.text("type"),
            authority=fields.text("authority"),
            authority_name=fields.text("authority_name") if fields.has("authority_name") else None,
            raw=fields.octets("raw"),
            entry_id=fields.digits("entry"),
            index=fields.integer("index"),
            record_index=fields.integer("record_index"),
            height=fields.integer("height"),
            time_ms=fields.integer("time_ms"),
            claimed_ms=fields.integer("claimed_ms"),
            late=fields.flag("late"),
            author_key=fields.digits("author_key"),
            subject_kind=subject.text("kind"),
            subject_id=subject.text("id"),
            status=subject.text("status"),
            since_ms=subject.integer("since_ms"),
            records=subject.integer("records"),
        )


@dataclass(frozen=True, slots=True)
class StateInfo:
    """A state proof with what it hangs from: the last header's inclusion in the checkpoint. Nothing of it is verified yet."""

    proof: StateProof
    header_leaf: bytes
    header_index: int
    header_path: tuple[bytes, ...]
    checkpoint: str

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From the answer of `GET /v1/state/{key}`."""
        header = fields.fields("header")
        try:
            proof = StateProof.from_value(decode(fields.octets("proof")))
        except FormatError as error:
            raise unusable(error.detail) from error
        return cls(
            proof=proof,
            header_leaf=header.octets("leaf"),
            header_index=header.integer("index"),
            header_path=header.hashes("path"),
            checkpoint=fields.text("checkpoint"),
        )


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A member's key."""

    public_key: bytes
    roles: tuple[str, ...]
    registered_ms: int
    until_ms: int | None
    """After it the key signs nothing new."""
    retired_ms: int | None
    revoked_ms: int | None
    disputed_from_ms: int | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an item of a member's keys."""
        return cls(
            public_key=fields.digits("public_key"),
            roles=fields.texts("roles"),
            registered_ms=fields.integer("registered_ms"),
            until_ms=fields.maybe_integer("until_ms"),
            retired_ms=fields.maybe_integer("retired_ms"),
            revoked_ms=fields.maybe_integer("revoked_ms"),
            disputed_from_ms=fields.maybe_integer("disputed_from_ms"),
        )


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """A member of the ledger."""

    id: str
    name: str
    roles: tuple[str, ...]
    registered_ms: int
    ended_ms: int | None
    """When the authority ends, or ended."""
    predecessors: tuple[str, ...]
    successors: tuple[str, ...]
    keys: tuple[KeyInfo, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an item of `GET /v1/members`."""
        return cls(
            id=fields.text("id"),
            name=fields.text("name"),
            roles=fields.texts("roles"),
            registered_ms=fields.integer("registered_ms"),
            ended_ms=fields.maybe_integer("ended_ms"),
            predecessors=fields.texts("predecessors") if fields.has("predecessors") else (),
            successors=fields.texts("successors") if fields.has("successors") else (),
            keys=tuple(KeyInfo.read(Fields(key)) for key in fields.items("keys")),
        )


@dataclass(frozen=True, slots=True)
class GoodsInfo:
    """A product, place or lot as a member states it."""

    authority: str
    status: str
    body: Mapping[str, Any]
    """Fields of the newest record that describes it; bytes in hexadecimal."""
    record_id: bytes
    issue: bytes
    """Id of the first record, whose receipt shows where it stands."""

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an item of `GET /v1/products`, `/v1/places` or `/v1/lots`."""
        return cls(
            authority=fields.text("authority"),
            status=fields.text("status"),
            body=fields.mapping("fields"),
            record_id=fields.digits("record"),
            issue=fields.digits("issue"),
        )


@dataclass(frozen=True, slots=True)
class ProposalInfo:
    """A proposal and its tally, as a node describes it."""

    id: bytes
    proposer: str
    action_type: str
    action: Mapping[str, Any]
    """The proposed record's fields; bytes in hexadecimal."""
    proposed_ms: int
    expires_ms: int
    voters: tuple[str, ...]
    quorum: int
    approvals: tuple[str, ...]
    counted: tuple[str, ...]
    outcome: str
    decided_ms: int | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an item of `GET /v1/proposals`."""
        action = fields.fields("action")
        return cls(
            id=fields.digits("id"),
            proposer=fields.text("proposer"),
            action_type=action.text("type"),
            action=action.mapping("body"),
            proposed_ms=fields.integer("proposed_ms"),
            expires_ms=fields.integer("expires_ms"),
            voters=fields.texts("voters"),
            quorum=fields.integer("quorum"),
            approvals=fields.texts("approvals"),
            counted=fields.texts("counted"),
            outcome=fields.text("outcome"),
            decided_ms=fields.maybe_integer("decided_ms"),
        )


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """Another validator, as the node reaches it."""

    name: str
    reached_s: int | None
    """Whole seconds since it last answered; None if it never did."""
    problem: str
    size: int | None
    """Tree size that it is known to have cosigned last."""

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From one of the peers in the answer of `GET /v1/status`."""
        return cls(
            fields.text("name"),
            fields.maybe_seconds("reached_s"),
            fields.text("problem"),
            fields.maybe_integer("size"),
        )


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What a node says it is doing."""

    origin: str
    chain_id: bytes
    version: str
    height: int
    size: int
    root: bytes
    state_root: bytes
    block_time_ms: int
    status_as_of_s: int
    outbox: int
    mempool: int
    disk_free: int
    uptime_s: int
    ready: bool
    reasons: tuple[tuple[str, str], ...]
    """(code, detail) of whatever keeps the node from its work."""
    standing: str
    """`validator`, `waiting` or `copy`."""
    behind: int
    """Leaves that the other validators have cosigned and the node does not serve."""
    peers: tuple[PeerStatus, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From the answer of `GET /v1/status`."""
        reasons = [Fields(reason) for reason in fields.items("reasons")]
        return cls(
            origin=fields.text("origin"),
            chain_id=fields.digits("chain_id"),
            version=fields.text("version"),
            height=fields.integer("height"),
            size=fields.integer("size"),
            root=fields.digits("root"),
            state_root=fields.digits("state_root"),
            block_time_ms=fields.integer("block_time_ms"),
            status_as_of_s=fields.integer("status_as_of_s"),
            outbox=fields.integer("outbox"),
            mempool=fields.integer("mempool"),
            disk_free=fields.integer("disk_free"),
            uptime_s=fields.integer("uptime_s"),
            ready=fields.flag("ready"),
            reasons=tuple((reason.text("code"), reason.text("detail")) for reason in reasons),
            standing=fields.text("standing"),
            behind=fields.integer("behind"),
            peers=tuple(PeerStatus.read(Fields(peer)) for peer in fields.items("peers")),
        )


@dataclass(frozen=True, slots=True)
class FindingsPage:
    """A page of the findings of the whole ledger, by a node's word."""

    findings: tuple[dict[str, Any], ...]
    next: str | None
    """Where to go on; None at the ledger's beginning."""

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From the answer of `GET /v1/findings`."""
        findings = []
        for item in fields.items("findings"):
            if not isinstance(item, dict):
                raise unusable("a finding is an object")
            findings.append(item)
        return cls(tuple(findings), fields.text("next") if fields.has("next") else None)
