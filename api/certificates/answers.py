"""What a node answers about certificates, read strictly (`api.answers`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from api.answers import Fields, unusable
from ledger.credentials.status_list import decode_list
from ledger.errors import LedgerError


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """Where a certificate stands, as a node says."""

    certificate: bytes
    authority: str
    issuer_name: str
    issuer_ended_ms: int | None
    successors: tuple[str, ...]
    status: str
    reason: str | None
    schema: str
    claims_count: int
    valid_from: str | None
    valid_until: str | None
    issued_ms: int
    changed_ms: int
    papers: tuple[bytes, ...]
    records: tuple[bytes, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From one certificate of the answer of `GET /v1/certificates/{id}`."""
        issuer = fields.fields("issuer")
        return cls(
            certificate=fields.digits("certificate"),
            authority=fields.text("authority"),
            issuer_name=issuer.text("name"),
            issuer_ended_ms=issuer.maybe_integer("ended_ms"),
            successors=issuer.texts("successors"),
            status=fields.text("status"),
            reason=_maybe_text(fields, "reason"),
            schema=fields.text("schema_name"),
            claims_count=fields.integer("claims_count"),
            valid_from=_maybe_text(fields, "valid_from"),
            valid_until=_maybe_text(fields, "valid_until"),
            issued_ms=fields.integer("issued_ms"),
            changed_ms=fields.integer("changed_ms"),
            papers=fields.hashes("papers"),
            records=fields.hashes("records"),
        )


@dataclass(frozen=True, slots=True)
class StatusListInfo:
    """An authority's status list as a node says the ledger has it: bit strings."""

    issued: bytes
    revocation: bytes
    suspension: bytes
    count: int
    time_ms: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From the answer of `GET /v1/status-lists/{authority}/{number}`."""
        return cls(
            issued=_bits(fields, "issued"),
            revocation=_bits(fields, "revocation"),
            suspension=_bits(fields, "suspension"),
            count=fields.integer("count"),
            time_ms=fields.integer("time_ms"),
        )


def _bits(fields: Fields, name: str) -> bytes:
    try:
        return decode_list(fields.text(name))
    except LedgerError as error:
        raise unusable(f"{name} is no status list: {error.detail}") from error


def _maybe_text(fields: Fields, name: str) -> str | None:
    return fields.text(name) if fields.has(name) else None
