"""Who may use a vault: an officer who signs a fresh challenge, and has said on the ledger why.

Rules:

* nothing but signatures opens a vault: no password, no session, no administrator. A challenge is 32 random bytes, good for one
  use and for a minute; what is signed names ledger, challenge, verb and all that the verb is about (`ledger.records.privacy`);
* the key must be in service, its member not ended, and one of its roles `issuer` or `office`; it opens what its own member
  keeps, or one that this member succeeds;
* before an item is read, an `access.log/1` record by that very key names it and is final. It opens the item once, within a
  quarter of an hour.

What this module does not do: HTTP, and keeping anything for longer than a challenge lasts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ledger import keys
from ledger.block import parse_header_leaf
from ledger.entry import parse_leaf
from ledger.errors import RefusedError, VerificationError
from ledger.records import Record, parse_record
from ledger.records.privacy import ACCESS_LOG, vault_message
from ledger.roles import ISSUER, OFFICE
from ledger.rows import KeyRow, MemberRow, key_key, member_key
from ledger.succession import acts_for, line_of
from node.receipts import FinalView

CHALLENGE_MS: Final = 60_000
"""How long a challenge is good, milliseconds."""
ACCESS_MS: Final = 15 * 60_000
"""How long after its block a recorded access opens its item, milliseconds."""

_ROLES = frozenset({ISSUER, OFFICE})


@dataclass(frozen=True, slots=True)
class Signed:
    """What comes with every request: who asks, and the signature over the challenge."""

    key: bytes
    challenge: bytes
    signature: bytes


class Challenges:
    """Challenges: nothing is kept of those given out, so nobody can fill them up; those used are remembered. Thread-safe.

    One is its end (8 bytes, milliseconds), 8 random bytes, and 16 bytes of an HMAC over both under a key of this process.
    """

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._key = secrets.token_bytes(32)
        self._used: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def give(self) -> tuple[bytes, int]:
        """A new challenge, 32 bytes, and when it ends, milliseconds since the epoch."""
        end = self._clock_ms() + CHALLENGE_MS
        head = end.to_bytes(8, "big") + secrets.token_bytes(8)
        return head + self._mark(head), end

    def check(self, challenge: bytes) -> None:
        """Raise RefusedError (`vault.challenge`) unless a challenge was given here, is not too old and is not used."""
        head, end = challenge[:16], int.from_bytes(challenge[:8], "big")
        with self._lock:
            is_used = challenge in self._used
        if is_used or not hmac.compare_digest(challenge[16:], self._mark(head)) or end <= self._clock_ms():
            raise _not_given()

    def use(self, challenge: bytes) -> None:
        """Use up a challenge that was checked. Raises RefusedError (`vault.challenge`) if another was quicker."""
        now = self._clock_ms()
        with self._lock:
            if challenge in self._used:
                raise _not_given()
            self._used = {one: end for one, end in self._used.items() if end > now}
            self._used[challenge] = int.from_bytes(challenge[:8], "big")

    def _mark(self, head: bytes) -> bytes:
        return hmac.digest(self._key, head, hashlib.sha256)[:16]


def _not_given() -> RefusedError:
    return RefusedError(
        "vault.challenge", "this challenge was never given, is used, or is too old: ask for a new one"
    )


def check_officer(
    final: FinalView, chain_id: bytes, signed: Signed, verb: str, *about: bytes | str
) -> KeyRow:
    """Check the signature and who made it; returns the key's row.

    Raises RefusedError: `vault.signature`, `vault.key` (not in service), `vault.role`.
    """
    try:
        keys.verify(signed.key, signed.signature, vault_message(chain_id, signed.challenge, verb, *about))
    except VerificationError as error:
        raise RefusedError(
            "vault.signature", f"the request is not signed by this key: {error.detail}"
        ) from error
    data = final.view.get(key_key(signed.key))
    row = None if data is None else KeyRow.parse(data)
    now_ms = parse_header_leaf(final.view.header_leaf(final.view.head.height)).time_ms
    if (
        row is None
        or row.retired_ms is not None
        or row.revoked_ms is not None
        or _is_past(row.until_ms, now_ms)
    ):
        raise RefusedError("vault.key", "this key is not in service on the ledger")
    member = member_row(final, row.member)
    if member is None or _is_past(member.ended_ms, now_ms):
        raise RefusedError("vault.key", "the member for which this key acts is not in service")
    if not _ROLES & set(row.roles) & set(member.roles):
        raise RefusedError("vault.role", "a vault is opened by a key with the role issuer or office")
    return row


def _is_past(end_ms: int | None, now_ms: int) -> bool:
    return end_ms is not None and end_ms < now_ms


def member_row(final: FinalView, member: str) -> MemberRow | None:
    """A member's row in the final state, or None."""
    data = final.view.get(member_key(member))
    return None if data is None else MemberRow.parse(data)


def check_owner(final: FinalView, member: str, owner: str) -> None:
    """Raise RefusedError (`vault.owner`) unless `member` may open what `owner` keeps."""
    now_ms = parse_header_leaf(final.view.header_leaf(final.view.head.height)).time_ms
    rows: Mapping[str, MemberRow] = line_of(owner, lambda name: member_row(final, name))
    if not acts_for(member, owner, rows, now_ms):
        raise RefusedError("vault.owner", f"{member!r} does not open the vault of {owner!r}")


def recorded_access(final: FinalView, record_id: bytes, key: bytes, now_ms: int) -> Record:
    """The `access.log/1` record that lets `key` read now.

    Raises RefusedError: `vault.not-recorded`, `vault.other-officer`, `vault.access-old`.
    """
    place = final.place(record_id)
    record = None if place is None else parse_record(final.record(place))
    if place is None or record is None or record.type.name != ACCESS_LOG:
        raise RefusedError(
            "vault.not-recorded",
            "record the access on the ledger first, and wait until it is final",
            permanent=False,
        )
    if parse_leaf(final.view.leaf(place.index))[0].author_key != key:
        raise RefusedError("vault.other-officer", "another key recorded this access")
    height = final.view.height_of_index(place.index)
    if now_ms - parse_header_leaf(final.view.header_leaf(height)).time_ms > ACCESS_MS:
        raise RefusedError("vault.access-old", "this access was recorded too long ago: record it again")
    return record
