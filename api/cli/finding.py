"""What the ledger has of a document: anchored by whom and when, where it stands, and what has taken its place.

What this module does not do: verify. It repeats the node's word, to save people from signing twice; a verdict takes a receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape

from api.answers import RecordInfo
from api.cli.output import console, iso_time, local_time
from api.cli.papers import ANCHORING, holder_of_number
from api.client import Client
from ledger.fields import Body
from ledger.records import parse_record
from ledger.records.base import IN_FORCE, text
from ledger.records.document_words import KINDS, REASONS
from ledger.records.documents import SUPERSEDED, WITHDRAWN, number_key

STATUS_WORDS = {IN_FORCE: "còn hiệu lực", SUPERSEDED: "đã thay thế", WITHDRAWN: "đã thu hồi"}


@dataclass(frozen=True, slots=True)
class Found:
    """One authority's document, as the node describes it."""

    anchor: RecordInfo
    body: Body
    replaced_by: str | None = None
    """Hash or commitment, in hexadecimal."""
    corrected_by: tuple[str, ...] = ()
    reason: str | None = None
    """Why it was withdrawn, as a code."""
    signatures: int | None = None
    """How many signatures its author found in it; None if nothing was stated."""

    @property
    def is_in_force(self) -> bool:
        """Whether the node has it as in force."""
        return self.anchor.status == IN_FORCE

    def as_dictionary(self) -> dict[str, Any]:
        """For programs."""
        anchor = self.anchor
        return {
            "document": anchor.subject_id,
            "record_id": anchor.record_id.hex(),
            "record_type": anchor.type,
            "authority": anchor.authority,
            "authority_name": anchor.authority_name,
            "anchored": iso_time(anchor.time_ms / 1000),
            "status": anchor.status,
            "replaced_by": self.replaced_by,
            "corrected_by": list(self.corrected_by),
            "withdrawal_reason": self.reason,
            "signatures": self.signatures,
            "fields": {
                name: value.hex() if isinstance(value, bytes) else value for name, value in self.body.items()
            },
        }

    def print(self) -> None:
        """For people."""
        anchor = self.anchor
        colour = "green" if self.is_in_force else "magenta"
        words = STATUS_WORDS.get(anchor.status, anchor.status)
        rows = [
            ("do / by", f"{anchor.authority_name or anchor.authority} ({anchor.authority})"),
            ("neo lúc / anchored", local_time(anchor.time_ms / 1000)),
            ("mã / document", anchor.subject_id),
        ]
        if "number" in self.body:
            number = "/".join(str(self.body[name]) for name in ("number", "symbol") if name in self.body)
            rows.append(("số, ký hiệu / number", f"{number}, {text(self.body, 'date')}"))
        if "kind" in self.body:
            rows.append(("tên loại / kind", KINDS.get(str(self.body["kind"]), str(self.body["kind"]))))
        if self.replaced_by is not None:
            rows.append(("thay bởi / replaced by", self.replaced_by))
        rows += [("đính chính / corrected by", identifier) for identifier in self.corrected_by]
        if self.reason is not None:
            rows.append(("lý do / reason", f"{REASONS.get(self.reason, '')} ({self.reason})"))
        if self.signatures is not None:
            rows.append(("chữ ký / signatures", str(self.signatures)))
        console.print(f"  [{colour}]{escape(words)}[/] — {escape(anchor.status)}")
        for label, value in rows:
            console.print(f"    {label:<26}{escape(value)}")


def find(client: Client, identifier: bytes) -> list[Found]:
    """What each authority that anchored the document has on record about it; nothing if none did."""
    records = [info for info in client.document(identifier) if info.subject_id == identifier.hex()]
    return [
        _found(client, info, [other for other in records if other.authority == info.authority])
        for info in records
        if info.type in ANCHORING
    ]


def find_number(client: Client, key: bytes) -> list[Found]:
    """The document that has the number whose row stands under `key`, if one has."""
    holder = holder_of_number(client, key)
    if holder is None:
        return []
    return [
        found
        for found in find(client, bytes.fromhex(holder.subject_id))
        if found.anchor.authority == holder.authority
    ]


def _found(client: Client, anchor: RecordInfo, records: Sequence[RecordInfo]) -> Found:
    body = parse_record(anchor.raw).body
    replaced: str | None = None
    corrected: list[str] = []
    reason: str | None = None
    signatures: int | None = None
    for info in records:
        said = parse_record(info.raw).body
        by = said.get("by")
        if info.type == "doc.supersede/1" and isinstance(by, bytes):
            replaced = by.hex()
        elif info.type == "doc.correct/1" and isinstance(by, bytes):
            corrected.append(by.hex())
        elif info.type == "doc.withdraw/1":
            reason = str(said["reason"])
        elif info.type == "doc.signatures/1" and isinstance(said["count"], int):
            signatures = said["count"]
    if replaced is None and anchor.status != IN_FORCE:
        replaced = _newest_of_number(client, anchor, body)
    return Found(anchor, body, replaced, tuple(corrected), reason, signatures)


def _newest_of_number(client: Client, anchor: RecordInfo, body: Body) -> str | None:
    """The document that continues this one: it has the number now."""
    key = number_key(body)
    holder = None if key is None else holder_of_number(client, key)
    return None if holder is None or holder.subject_id == anchor.subject_id else holder.subject_id
