"""One good body of each record type, and what its type makes of values that a field by itself would take."""

from __future__ import annotations

from ledger.encoding import Value
from ledger.hashing import sha256
from tests.vectorgen import goods, governance

Body = dict[str, Value]

PUBLIC: Body = {
    "abstract": "Báo cáo tình hình kinh tế – xã hội tháng 7",
    "authority": "office",
    "book": "di-2026",
    "continues": sha256(b"an earlier paper"),
    "date": "2026-07-31",
    "hash": sha256(b"a paper"),
    "kind": "bao-cao",
    "media_type": "application/pdf",
    "number": "41",
    "secrecy": "khong",
    "size": 250_113,
    "symbol": "BC-UBND",
    "urgency": "khan",
}
PRIVATE: Body = {
    "authority": "office",
    "commitment": sha256(b"a commitment"),
    "number_tag": sha256(b"a number"),
}
_CERTIFICATE: Body = {"authority": "phuong-quang-trung", "certificate": sha256(b"a certificate")[:16]}
_DOCUMENT: Body = {"authority": "office", "document": sha256(b"a paper")}
_BY: Body = _DOCUMENT | {"by": sha256(b"another paper"), "by_authority": "phuong-quang-trung"}
_ITEM: Body = {
    "authority": "office",
    "item": sha256(b"an item"),
    "law": "91/2025/QH15",
    "legal_ground": "data-subject-request",
}

BODIES: dict[str, Body] = {
    "access.log/1": _ITEM | {"nonce": bytes(range(16)), "owner": "phu-son", "purpose": "citizen-request"},
    "cert.issue/1": _CERTIFICATE
    | {
        "claims_count": 10,
        "claims_root": sha256(b"claims"),
        "schema": "ocop.1",
        "status_index": 4_711,
    },
    "cert.paper/1": _CERTIFICATE | {"hash": sha256(b"a signed sheet")},
    "cert.reinstate/1": _CERTIFICATE | {"decision": "12/QD-UBND"},
    "cert.renew/1": _CERTIFICATE | {"valid_until": "2031-03-13"},
    "cert.revoke/1": _CERTIFICATE | {"reason": "issued-in-error"},
    "cert.suspend/1": _CERTIFICATE | {"reason": "under-review"},
    "checkpoint.witness/1": {
        "authority": "tinh",
        "cosigned_s": 1_790_000_000,
        "origin": "phường-1.example/sổ-gốc",
        "root": sha256(b"a root"),
        "size": 4_711,
    },
    "doc.anchor/1": PUBLIC,
    "doc.copy/1": PRIVATE
    | {
        "continues": sha256(b"an earlier copy"),
        "original": sha256(b"a paper"),
        "original_authority": "truong-thcs-phu-son",
    },
    "doc.correct/1": _BY,
    "doc.paper/1": _DOCUMENT | {"hash": sha256(b"a stamped copy")},
    "doc.signatures/1": _DOCUMENT
    | {
        "certificate": sha256(b"a signer's certificate"),
        "changes": "none",
        "count": 3,
        "coverage": "whole-file",
        "integrity": "intact",
        "position": 1,
        "signed_ms": 1_790_000_000_000,
        "trust": "trusted",
    },
    "doc.supersede/1": _BY,
    "doc.withdraw/1": _DOCUMENT | {"reason": "wrong-content"},
    "erase.tombstone/1": _ITEM,
    **goods.BODIES,
    **governance.BODIES,
}
"""One good body of each type. A type without one fails the tests."""

OTHER_BASES: dict[tuple[str, str], Body] = {
    ("doc.anchor/1", "commitment"): PRIVATE,
    ("doc.anchor/1", "number_tag"): PRIVATE,
    **goods.OTHER_BASES,
}
"""Where a field is none of the good body's: the body to try it in, if that is not the good one."""

REFUSED_ALL_THE_SAME: dict[tuple[str, str, str], str] = {
    ("doc.anchor/1", "secrecy", "last-word"): "document.secret",
    ("doc.signatures/1", "count", "smallest"): "document.signature-fields",
    ("doc.signatures/1", "position", "largest"): "document.signature-position",
    ("succession.declare/1", "kind", "last-word"): "succession.kind",
    ("succession.handover/1", "kind", "last-word"): "succession.kind",
    **goods.REFUSED_ALL_THE_SAME,
}
"""Type, field and value that the field's rule allows and the type does not, and by which rule."""
