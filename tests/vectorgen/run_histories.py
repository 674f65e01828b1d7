"""What the families `history`, `compact-receipt` and `lookup-code` ask for; see `tests.vectorgen.run`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger import lookup_code
from ledger.compact_form import from_digits, to_digits
from ledger.compact_receipt import verify as verify_compact
from ledger.history import verify as verify_history
from ledger.policy import Policy

Fields = dict[str, Any]


def _subject(kind: str, authority: str, identifier: str | bytes) -> list[Any]:
    return [kind, authority, {"hex": identifier.hex()} if isinstance(identifier, bytes) else identifier]


def _history(inputs: Fields) -> Fields:
    found = verify_history(map(bytes.fromhex, inputs["parts"]), Policy.parse(inputs["policy"]))
    return {
        "subject": _subject(*found.subject),
        "status": found.status,
        "size": found.header.size,
        "existed_by_s": found.checked.existed_by_s,
        "status_as_of_s": found.checked.status_as_of_s,
        "records": [
            {
                "type": one.record.type.name,
                "record_id": one.record_id.hex(),
                "entry_id": one.entry_id.hex(),
                "index": one.index,
                "record_index": one.record_index,
                "height": one.height,
                "time_ms": one.time_ms,
                "claimed_ms": one.claimed_ms,
                "author_key": one.author_key.hex(),
            }
            for one in found.records
        ],
    }


def _compact(inputs: Fields) -> Fields:
    data = from_digits(inputs["digits"]) if "digits" in inputs else bytes.fromhex(inputs["hex"])
    proved = verify_compact(data, Policy.parse(inputs["policy"]), bytes.fromhex(inputs["chain_id"]))
    return {
        "digits": to_digits(data),
        "type": proved.record.type.name,
        "record_id": proved.record_id.hex(),
        "subject": _subject(*proved.record.subject),
        "status": proved.status,
        "time_ms": proved.row.time_ms,
        "changed_ms": proved.row.changed_ms,
        "count": proved.row.history.size,
        "origin": proved.origin,
        "size": proved.header.size,
        "root": proved.root.hex(),
        "cosignatures": [list(one) for one in proved.cosignatures],
        "existed_by_s": proved.existed_by_s,
        "status_as_of_s": proved.status_as_of_s,
        "claims": [list(claim) for claim in proved.claims],
        "salt": None if proved.salt is None else proved.salt.hex(),
    }


def _lookup_code(inputs: Fields) -> Fields:
    if "record_id" in inputs:
        code = lookup_code.code_of(bytes.fromhex(inputs["record_id"]))
    else:
        code = lookup_code.parse(inputs["typed"])
    return {
        "code": code,
        "printed": lookup_code.grouped(code),
        "prefix": lookup_code.prefix_of(code).hex(),
    }


RUNNERS: dict[str, Callable[[Fields], Fields]] = {
    "history": _history,
    "compact-receipt": _compact,
    "lookup-code": _lookup_code,
}
