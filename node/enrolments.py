"""Keys that ask to be put in service: an officer's browser made one, and an administrator is to look at it.

Rules: a request names member, roles and key, and shows by the key's own signature that its owner holds it; nothing else is in
it, no name of a person. It waits here, in memory, for a week at most: it is no promise, and a browser that still waits asks
again.
The administrator compares the key's fingerprint with what the officer reads out, and only then signs `key.register/1`. So a
stranger's request is at worst a line that nobody approves, and pushes nobody else's out.

What this module does not do: put anything on the ledger.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ledger import keys
from ledger.errors import RefusedError, VerificationError
from ledger.fields import ChoiceList
from ledger.records.members import possession_message
from ledger.roles import ROLES
from ledger.rows import MemberRow, key_key, member_key
from node.receipts import FinalView

MAX_WAITING: Final = 500
MAX_FROM_ONE_ADDRESS: Final = 10
"""Requests from one address that wait: whoever has one machine fills no list."""
WAIT_MS: Final = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A key that asks to be put in service."""

    member: str
    roles: tuple[str, ...]
    public_key: bytes
    possession: bytes
    asked_ms: int
    address: str


class Enrolments:
    """The requests that wait. Thread-safe."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._waiting: OrderedDict[bytes, Enrolment] = OrderedDict()
        self._lock = threading.Lock()

    def ask(
        self,
        final: FinalView,
        chain_id: bytes,
        member: str,
        roles: list[str],
        public_key: bytes,
        possession: bytes,
        *,
        address: str,
    ) -> Enrolment:
        """Take a request, or the same one again, from a network address.

        Raises RefusedError: `record.field-*`, `member.unknown`, `key.roles`, `key.exists`, `key.possession`, `enrolment.full`.
        """
        ChoiceList(ROLES).check("roles", list(roles))
        data = final.view.get(member_key(member))
        if data is None:
            raise RefusedError("member.unknown", f"{member!r} is not a member")
        if not set(roles) <= set(MemberRow.parse(data).roles):
            raise RefusedError("key.roles", "a key can only have roles that its member has")
        if final.view.get(key_key(public_key)) is not None:
            raise RefusedError("key.exists", "the key is already registered")
        try:
            keys.check_public_key(public_key)
            keys.verify(public_key, possession, possession_message(chain_id, member, public_key))
        except VerificationError as error:
            raise RefusedError(
                "key.possession", f"the key does not show that its owner holds it: {error.detail}"
            ) from error
        one = Enrolment(member, tuple(roles), public_key, possession, self._clock_ms(), address)
        with self._lock:
            if public_key not in self._waiting:
                self._check_room(address)
            self._waiting[public_key] = one
        return one

    def waiting(self, final: FinalView) -> list[Enrolment]:
        """The requests that wait, oldest first; those whose key has been registered since are gone."""
        now = self._clock_ms()
        with self._lock:
            gone = [
                key
                for key, one in self._waiting.items()
                if now - one.asked_ms > WAIT_MS or final.view.get(key_key(key)) is not None
            ]
            for key in gone:
                del self._waiting[key]
            return list(self._waiting.values())

    def _check_room(self, address: str) -> None:
        """Whoever waits keeps the place: newer requests push nobody out."""
        now = self._clock_ms()
        self._waiting = OrderedDict(
            (key, one) for key, one in self._waiting.items() if now - one.asked_ms <= WAIT_MS
        )
        from_there = sum(one.address == address for one in self._waiting.values())
        if len(self._waiting) >= MAX_WAITING or from_there >= MAX_FROM_ONE_ADDRESS:
            raise RefusedError(
                "enrolment.full",
                "too many requests wait already: have the administrator look at them",
                permanent=False,
            )
