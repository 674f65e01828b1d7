"""Signing records with a key file and putting them on the ledger: what every command that writes has in common."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from api.answers import EntryInfo
from api.client import Client
from ledger.encoding import Value
from ledger.entry import NONCE_SIZE, encode_record, sign_entry
from ledger.errors import CannotTellError, RefusedError
from ledger.genesis import parse_genesis_leaf
from ledger.keys import SigningKey
from ledger.records import parse_record
from ledger.rows import KeyRow, MemberRow, key_key, member_key


def make_record(record_type: str, body: dict[str, Value]) -> bytes:
    """A record's canonical bytes, checked against its field table. Raises RefusedError (`record.field-*`), FormatError."""
    record = encode_record(record_type, body)
    parse_record(record)
    return record


def chain_id_of(client: Client) -> bytes:
    """Which ledger the node serves; 32 bytes."""
    return parse_genesis_leaf(client.genesis()).chain_id


def key_row(client: Client, public_key: bytes) -> KeyRow:
    """A key's row, as the node has it; a lie would only be refused later. Raises RefusedError (`key.unknown`)."""
    value = client.state(key_key(public_key)).proof.value
    if value is None:
        raise RefusedError("key.unknown", f"the key {public_key.hex()} is not registered on this ledger")
    return KeyRow.parse(value)


def member_row(client: Client, member: str) -> MemberRow | None:
    """A member's row as the node has it, or None."""
    value = client.state(member_key(member)).proof.value
    return None if value is None else MemberRow.parse(value)


def submit_final(client: Client, signer: SigningKey, records: Sequence[bytes]) -> EntryInfo:
    """Sign one entry over `records` with this machine's clock, submit it, and wait until it is final.

    Raises ApiError (refused, or no answer: then it may be submitted again), CannotTellError (`node.not-final`).
    """
    entry = sign_entry(
        signer,
        chain_id=chain_id_of(client),
        nonce=secrets.token_bytes(NONCE_SIZE),
        time_ms=time.time_ns() // 1_000_000,
        records=records,
    )
    (outcome,) = client.submit(entry, wait_final=True)
    if outcome.problem is not None:
        raise outcome.problem
    info = client.wait_until_final(entry.id)
    if info.refusal is not None:
        raise info.refusal
    if info.status != "final":
        raise CannotTellError(
            "node.not-final", f"entry {entry.id.hex()} is accepted but not final yet: look again later"
        )
    return info
