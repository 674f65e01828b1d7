"""Which members and keys a ledger knows: those of its genesis document, and those that its records put in service."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.fields import Body
from ledger.genesis import Genesis
from ledger.records import parse_record
from ledger.records.governance import action_of
from ledger.records.members import KEY_LOOKUP, MEMBER_LOOKUP
from ledger.store.view import LedgerView
from node.receipts import parse_place


def registered_members(view: LedgerView, genesis: Genesis) -> set[str]:
    """Identifiers of all members that there are or were."""
    names = {member.id for member in genesis.members}
    return names | {str(body["member"]) for body in _registered(view, MEMBER_LOOKUP)}


def registered_keys(view: LedgerView, genesis: Genesis) -> set[bytes]:
    """All public keys that are or were in service; one that was only proposed may be among them, without a row."""
    keys = {key.public_key for key in genesis.keys}
    found = (body["key"] for body in _registered(view, KEY_LOOKUP))
    return keys | {key for key in found if isinstance(key, bytes)}


def _registered(view: LedgerView, prefix: bytes) -> Iterator[Body]:
    # In order of the log, so that no entry is read twice.
    places = sorted(
        (parse_place(value) for _, value in view.lookup(prefix)),
        key=lambda place: (place.index, place.record_index),
    )
    for place in places:
        yield action_of(parse_record(view.records(place.index)[place.record_index])).body
