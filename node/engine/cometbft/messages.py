"""ABCI 2.0 messages of the CometBFT v0.38 line, as far as this application speaks it.

Rules: the wire form is Protocol Buffers, read and written by its own runtime; the tables below name the fields by number as
the published interface does (`tendermint/abci/types.proto`, v0.38). Fields that this application neither reads nor sets are
left out: the runtime skips them. What comes out of here are plain values, so that nothing else in the project knows of
protobuf.

What this module does not do: sockets, or deciding what to answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from google.protobuf.message import DecodeError, Message

from ledger.errors import FormatError

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE: Final = "tendermint.abci"
_TIME: Final = ".google.protobuf.Timestamp"

_SCALARS: Final = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "enum": _Field.TYPE_INT32,  # an enumeration and a 32-bit integer look alike on the wire
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}

_MESSAGES: Final[Mapping[str, Mapping[str, tuple[int, str]]]] = {
    # name: {field: (number, type)}; a type is a scalar, `*scalar` or `*Message` when repeated, or a message's name
    "PublicKey": {"ed25519": (1, "bytes")},
    "ValidatorUpdate": {"pub_key": (1, "PublicKey"), "power": (2, "int64")},
    "Validator": {"address": (1, "bytes"), "power": (3, "int64")},
    "Misbehavior": {
        "type": (1, "enum"),
        "validator": (2, "Validator"),
        "height": (3, "int64"),
        "time": (4, _TIME),
    },
    "ExecTxResult": {"code": (1, "uint32"), "log": (3, "string"), "codespace": (8, "string")},
    "RequestEcho": {"message": (1, "string")},
    "RequestFlush": {},
    "RequestInfo": {"version": (1, "string"), "abci_version": (4, "string")},
    "RequestInitChain": {
        "time": (1, _TIME),
        "chain_id": (2, "string"),
        "validators": (4, "*ValidatorUpdate"),
        "initial_height": (6, "int64"),
    },
    "RequestQuery": {"path": (2, "string")},
    "RequestCheckTx": {"tx": (1, "bytes"), "type": (2, "enum")},
    "RequestCommit": {},
    "RequestListSnapshots": {},
    "RequestOfferSnapshot": {},
    "RequestLoadSnapshotChunk": {},
    "RequestApplySnapshotChunk": {},
    "RequestPrepareProposal": {
        "max_tx_bytes": (1, "int64"),
        "txs": (2, "*bytes"),
        "misbehavior": (4, "*Misbehavior"),
        "height": (5, "int64"),
        "time": (6, _TIME),
        "proposer_address": (8, "bytes"),
    },
    "RequestProcessProposal": {
        "txs": (1, "*bytes"),
        "misbehavior": (3, "*Misbehavior"),
        "height": (5, "int64"),
        "time": (6, _TIME),
        "proposer_address": (8, "bytes"),
    },
    "RequestExtendVote": {},
    "RequestVerifyVoteExtension": {},
    "RequestFinalizeBlock": {
        "txs": (1, "*bytes"),
        "misbehavior": (3, "*Misbehavior"),
        "height": (5, "int64"),
        "time": (6, _TIME),
        "proposer_address": (8, "bytes"),
    },
    "Request": {
        "echo": (1, "RequestEcho"),
        "flush": (2, "RequestFlush"),
        "info": (3, "RequestInfo"),
        "init_chain": (5, "RequestInitChain"),
        "query": (6, "RequestQuery"),
        "check_tx": (8, "RequestCheckTx"),
        "commit": (11, "RequestCommit"),
        "list_snapshots": (12, "RequestListSnapshots"),
        "offer_snapshot": (13, "RequestOfferSnapshot"),
        "load_snapshot_chunk": (14, "RequestLoadSnapshotChunk"),
        "apply_snapshot_chunk": (15, "RequestApplySnapshotChunk"),
        "prepare_proposal": (16, "RequestPrepareProposal"),
        "process_proposal": (17, "RequestProcessProposal"),
        "extend_vote": (18, "RequestExtendVote"),
        "verify_vote_extension": (19, "RequestVerifyVoteExtension"),
        "finalize_block": (20, "RequestFinalizeBlock"),
    },
    "ResponseException": {"error": (1, "string")},
    "ResponseEcho": {"message": (1, "string")},
    "ResponseFlush": {},
    "ResponseInfo": {
        "data": (1, "string"),
        "version": (2, "string"),
        "app_version": (3, "uint64"),
        "last_block_height": (4, "int64"),
        "last_block_app_hash": (5, "bytes"),
    },
    "ResponseInitChain": {"app_hash": (3, "bytes")},
    "ResponseQuery": {"code": (1, "uint32"), "log": (3, "string"), "codespace": (10, "string")},
    "ResponseCheckTx": {
        "code": (1, "uint32"),
        "log": (3, "string"),
        "gas_wanted": (5, "int64"),
        "codespace": (8, "string"),
    },
    "ResponseCommit": {"retain_height": (3, "int64")},
    "ResponseListSnapshots": {},
    "ResponseOfferSnapshot": {"result": (1, "enum")},
    "ResponseLoadSnapshotChunk": {},
    "ResponseApplySnapshotChunk": {"result": (1, "enum")},
    "ResponsePrepareProposal": {"txs": (1, "*bytes")},
    "ResponseProcessProposal": {"status": (1, "enum")},
    "ResponseExtendVote": {},
    "ResponseVerifyVoteExtension": {"status": (1, "enum")},
    "ResponseFinalizeBlock": {
        "tx_results": (2, "*ExecTxResult"),
        "validator_updates": (3, "*ValidatorUpdate"),
        "app_hash": (5, "bytes"),
    },
    "Response": {
        "exception": (1, "ResponseException"),
        "echo": (2, "ResponseEcho"),
        "flush": (3, "ResponseFlush"),
        "info": (4, "ResponseInfo"),
        "init_chain": (6, "ResponseInitChain"),
        "query": (7, "ResponseQuery"),
        "check_tx": (9, "ResponseCheckTx"),
        "commit": (12, "ResponseCommit"),
        "list_snapshots": (13, "ResponseListSnapshots"),
        "offer_snapshot": (14, "ResponseOfferSnapshot"),
        "load_snapshot_chunk": (15, "ResponseLoadSnapshotChunk"),
        "apply_snapshot_chunk": (16, "ResponseApplySnapshotChunk"),
        "prepare_proposal": (17, "ResponsePrepareProposal"),
        "process_proposal": (18, "ResponseProcessProposal"),
        "extend_vote": (19, "ResponseExtendVote"),
        "verify_vote_extension": (20, "ResponseVerifyVoteExtension"),
        "finalize_block": (21, "ResponseFinalizeBlock"),
    },
}

ACCEPT: Final = 1
"""Status of an accepted proposal."""
REJECT: Final = 2
"""Status of a rejected proposal; and, for vote extensions and snapshots, of what this application does not take."""
RECHECK: Final = 1
"""Type of a `check_tx` that asks again, after a block, about an entry already in the mempool."""

_NANOSECONDS_IN_MILLISECOND: Final = 1_000_000

Fields = Mapping[str, object]
"""What a message holds, by field: int, str, bytes, `Fields`, or a list of those."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the engine asks: the verb, and the fields of its message that were set."""

    verb: str
    fields: Fields

    def octets(self, name: str) -> bytes:
        """A field of bytes; empty if it was not set."""
        value = self.fields.get(name, b"")
        return value if isinstance(value, bytes) else b""

    def integer(self, name: str) -> int:
        """A whole number; 0 if it was not set."""
        value = self.fields.get(name, 0)
        return value if isinstance(value, int) else 0

    def text(self, name: str) -> str:
        """A text; empty if it was not set."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    def many_octets(self, name: str) -> list[bytes]:
        """A list of byte strings."""
        value = self.fields.get(name, [])
        return [item for item in value if isinstance(item, bytes)] if isinstance(value, list) else []

    def many_fields(self, name: str) -> list[Fields]:
        """A list of messages."""
        value = self.fields.get(name, [])
        return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _file() -> descriptor_pb2.FileDescriptorProto:
    described = descriptor_pb2.FileDescriptorProto(
        name="sogoc/abci.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[timestamp_pb2.DESCRIPTOR.name],
    )
    for name, fields in _MESSAGES.items():
        message = described.message_type.add(name=name)
        verbs = name in ("Request", "Response")
        if verbs:
            message.oneof_decl.add(name="value")
        for field_name, (number, kind) in fields.items():
            field = message.field.add(name=field_name, number=number)
            scalar = _SCALARS.get(kind.removeprefix("*"))
            field.label = _Field.LABEL_REPEATED if kind.startswith("*") else _Field.LABEL_OPTIONAL
            if scalar is not None:
                field.type = scalar
            else:
                field.type = _Field.TYPE_MESSAGE
                field.type_name = kind if kind == _TIME else f".{_PACKAGE}.{kind.removeprefix('*')}"
            if verbs:
                field.oneof_index = 0
    return described


def _classes() -> tuple[type[Message], type[Message]]:
    # A pool of its own, so that another library's description of the same package is never in the way.
    pool = descriptor_pool.DescriptorPool()
    time_file = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(time_file)
    pool.Add(time_file)
    pool.Add(_file())
    request, response = (pool.FindMessageTypeByName(f"{_PACKAGE}.{name}") for name in ("Request", "Response"))
    return message_factory.GetMessageClass(request), message_factory.GetMessageClass(response)


_REQUEST, _RESPONSE = _classes()


def parse_request(data: bytes) -> Request:
    """Read one request. Raises FormatError, rule `abci.message` or `abci.verb`."""
    return _parse(_REQUEST, data)


def parse_response(data: bytes) -> Request:
    """Read one response, in the same plain form: for whoever plays the engine. Raises as `parse_request`."""
    return _parse(_RESPONSE, data)


def format_request(verb: str, fields: Fields) -> bytes:
    """Write one request: for whoever plays the engine."""
    return _format(_REQUEST, verb, fields)


def format_response(verb: str, fields: Fields) -> bytes:
    """Write one response; `verb` may be `exception`."""
    return _format(_RESPONSE, verb, fields)


def time_ms(fields: Fields, name: str = "time") -> int:
    """A time in milliseconds since the epoch, floored; 0 if it was not set."""
    value = fields.get(name)
    if not isinstance(value, dict):
        return 0
    seconds, nanoseconds = value.get("seconds", 0), value.get("nanos", 0)
    if not isinstance(seconds, int) or not isinstance(nanoseconds, int):
        return 0
    return seconds * 1000 + nanoseconds // _NANOSECONDS_IN_MILLISECOND


def _parse(kind: type[Message], data: bytes) -> Request:
    try:
        message = kind.FromString(data)
    except DecodeError as error:
        raise FormatError("abci.message", f"a message of the engine cannot be read: {error}") from error
    verb = message.WhichOneof("value")
    if verb is None:
        raise FormatError("abci.verb", "the engine asks for something this application does not know")
    return Request(verb, _plain(getattr(message, verb)))


def _plain(message: Message) -> dict[str, object]:
    plain: dict[str, object] = {}
    for field, value in message.ListFields():
        if field.is_repeated:
            plain[field.name] = [_plain(item) if isinstance(item, Message) else item for item in value]
        else:
            plain[field.name] = _plain(value) if isinstance(value, Message) else value
    return plain


def _format(kind: type[Message], verb: str, fields: Fields) -> bytes:
    message = kind()
    chosen = getattr(message, verb)
    chosen.SetInParent()
    _fill(chosen, fields)
    return message.SerializeToString()


def _fill(message: Message, fields: Fields) -> None:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            getattr(message, name).SetInParent()
            _fill(getattr(message, name), value)
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
            target = getattr(message, name)
            for item in value:
                if isinstance(item, Mapping):
                    _fill(target.add(), item)
                else:
                    target.append(item)
        else:
            setattr(message, name, value)
