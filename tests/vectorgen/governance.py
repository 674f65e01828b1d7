"""Good bodies of the types that members, governance and succession have, and what breaks their two kinds of field."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.hashing import sha256
from ledger.records.governance import ActionBytes
from ledger.records.succession import IdentifierList
from ledger.records.validators import PURPOSES

Body = dict[str, Value]
Wrong = tuple[str, Value, str]

_MEMBER = "truong-thcs-phu-son-huyen-ham-yen"
_KEY: Body = {"authority": "office", "key": sha256(b"a key"), "member": _MEMBER}
_ROLES: Body = {
    "authority": "office",
    "decision": "Quyết định 12/QĐ-UBND",
    "key": sha256(b"a key"),
    "member": _MEMBER,
    "possession": bytes(64),
    "roles": ["administrator", "auditor", "inspector", "office"],
}
_SUCCESSION: Body = {
    "authority": "office",
    "decision": "Nghị quyết về sắp xếp đơn vị hành chính cấp xã",
    "effective_ms": 1_751_302_800_000,
    "kind": "abolition",
    "successors": ["phuong-quang-trung"],
}

_VALIDATOR: Body = {
    "authority": "office",
    "decision": "Quy chế vận hành",
    "leaves": "Tên cũ có dấu",
    "set": 3,
    "validator": "thanh-tra.example/so-goc",
}
_VALIDATOR |= {f"{purpose}_key": sha256(f"a {purpose} key".encode()) for purpose in PURPOSES}
_VALIDATOR |= {f"{purpose}_possession": bytes(64) for purpose in PURPOSES}

BODIES: dict[str, Body] = {
    "governance.approve/1": {"authority": "office", "proposal": sha256(b"a proposal"), "proposer": "thi-xa"},
    "governance.propose/1": {
        "action": encode_record("key.retire/1", _KEY),
        "authority": "office",
        "expires_ms": 1_792_000_000_000,
    },
    "governance.withdraw/1": {"authority": "office", "proposal": sha256(b"a proposal")},
    "key.register/1": _KEY
    | {"possession": bytes(64), "roles": ["issuer", "office"], "until_ms": 1_800_000_000_000},
    "key.retire/1": _KEY,
    "key.revoke/1": _KEY | {"from_ms": 1_790_000_000_000},
    "key.rotate/1": {"authority": "office", "key": sha256(b"a new key"), "possession": bytes(64)},
    "member.register/1": _ROLES | {"name": "Trường THCS"},
    "member.roles/1": _ROLES,
    "parameter.set/1": {
        "authority": "office",
        "decision": "Quy chế vận hành",
        "name": "key-grace-ms",
        "value": 60_000,
    },
    "succession.cancel/1": {"authority": "office", "decision": "Nghị quyết", "predecessor": "phu-son"},
    "succession.declare/1": _SUCCESSION | {"predecessor": "phu-son"},
    "succession.handover/1": _SUCCESSION,
    "validator.set/1": _VALIDATOR,
}
"""One good body of each type, with every field that it may have."""


def wrong_actions(kind: ActionBytes) -> Iterator[Wrong]:
    """Values that are not the bytes of a record, by their length alone."""
    yield "empty", b"", "length"
    yield "too-long", bytes(kind.maximum + 1), "length"


def right_actions(kind: ActionBytes) -> Iterator[tuple[str, Value]]:
    """Values at the edge: what they say is for the rule to judge, not for whoever reads the record."""
    yield "shortest", b"\xc0"
    yield "longest", bytes(kind.maximum)


def wrong_lists(kind: IdentifierList) -> Iterator[Wrong]:
    """Values that are not a list of members in order."""
    yield "empty", [], "length"
    yield "too-many", [f"member-{number:03}" for number in range(kind.maximum + 1)], "length"
    yield "descending", ["b", "a"], "order"
    yield "twice", ["a", "a"], "order"
    yield "upper-case", ["Office"], "alphabet"
    yield "empty-name", [""], "length"
    yield "number-in-it", [1], "kind"


def right_lists(kind: IdentifierList) -> Iterator[tuple[str, Value]]:
    """Lists at the edge of what is allowed."""
    yield "one", ["a"]
    yield "most", [f"member-{number:03}" for number in range(kind.maximum)]
