"""Rate limits: token buckets for each address and for each signing key.

Rules:

* memory is bounded: the buckets not used for longest make room, and a full bucket is as good as none;
* an address pays for each request; a static tile, which any cache can answer, costs a tenth;
* a signing key pays for entries that were taken, after they were verified, and for the work of judging those that were
  refused behind its good signature: nobody can use up another's quota with forgeries, nor with copies of entries that are on
  the ledger already;
* an address pays for the work of judging whatever came from it and was not taken: forgeries, copies, refused entries. Whoever
  has used that up may still read;
* a bucket may be overdrawn by what was under way at that moment;
* a limit of 0 means none.

What this module does not do: judge entries. The clock is monotonic and passed in.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from api.http.problem import HttpError
from node.config import Config

MAX_BUCKETS = 65_536
"""Buckets of one kind that are kept: some megabytes."""
MINUTE, DAY = 60.0, 86_400.0
TILE_COST = 0.1
JUDGED_BYTES = 1_000
"""An entry of so many bytes takes as much work to judge as a small one: most of either is its signature, or its records."""

_KEY_AT = slice(44, 76)
_KEY_FRAME = {0: b"\x93\x00\xc4", 4: b"\x93\x00\x97\x01\xc4\x20", 42: b"\xc4\x20"}
"""Where the author's key stands in every canonical submission, and the bytes around it: its leaf has less than 256 bytes."""


class Buckets:
    """Token buckets under many names. Thread-safe."""

    def __init__(
        self,
        amount: float,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_buckets: int = MAX_BUCKETS,
    ) -> None:
        """Each bucket holds `amount` tokens and fills up again within `seconds`."""
        self._amount = amount
        self._per_second = amount / seconds
        self._clock = clock
        self._max_buckets = max_buckets
        self._levels: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def _level(self, name: bytes, now: float) -> float:
        level, since = self._levels.get(name, (self._amount, now))
        return min(self._amount, level + (now - since) * self._per_second)

    def seconds_until(self, name: bytes, cost: float) -> float:
        """Seconds until `cost` tokens are there, or would be in a bucket without a rim; 0 if they are."""
        if not self._amount:
            return 0.0
        with self._lock:
            missing = cost - self._level(name, self._clock())
        return max(0.0, missing / self._per_second)

    def take(self, name: bytes, cost: float) -> None:
        """Take `cost` tokens, whether or not they are there."""
        if not self._amount:
            return
        with self._lock:
            now = self._clock()
            self._levels[name] = (self._level(name, now) - cost, now)
            self._levels.move_to_end(name)
            while len(self._levels) > self._max_buckets:
                self._levels.popitem(last=False)

    def try_take(self, name: bytes, cost: float) -> float:
        """Take `cost` tokens if they are there and return 0, or return the seconds until they will be."""
        if not self._amount:
            return 0.0
        with self._lock:
            now = self._clock()
            level = self._level(name, now)
            if level < cost:
                return (cost - level) / self._per_second
            self._levels[name] = (level - cost, now)
            self._levels.move_to_end(name)
            if len(self._levels) > self._max_buckets:
                self._levels.popitem(last=False)
        return 0.0

    def __len__(self) -> int:
        return len(self._levels)


class Limits:
    """The limits of one node."""

    def __init__(self, config: Config, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests = Buckets(config.requests_per_address_per_minute, MINUTE, clock=clock)
        self._judged = Buckets(config.requests_per_address_per_minute, MINUTE, clock=clock)
        self._entries = Buckets(config.entries_per_key_per_minute, MINUTE, clock=clock)
        self._bytes = Buckets(config.megabytes_per_key_per_day * 1_000_000, DAY, clock=clock)

    def check_address(self, address: str, *, cost: float = 1.0) -> None:
        """Count a request from an address. Raises HttpError 429, code `limit.address`."""
        wait = self._requests.try_take(address_name(address), cost)
        if wait:
            raise HttpError(
                "limit.address", "this address sends too many requests", status=429, retry_after=wait
            )

    def check_sender(self, address: str | None) -> None:
        """Raise HttpError 429, code `limit.address-refused`, if nothing more is judged for an address now; None is a socket."""
        wait = 0.0 if address is None else self._judged.seconds_until(address_name(address), 1)
        if wait:
            raise HttpError(
                "limit.address-refused",
                "this address has sent too many entries that were not taken",
                status=429,
                retry_after=wait,
            )

    def charge_sender(self, address: str | None, size: int) -> None:
        """Count `size` bytes of entries from an address that were judged and not taken."""
        if address is not None:
            self._judged.take(address_name(address), judging_cost(size))

    def check_key(self, author_key: bytes, *, entries: int, size: int) -> None:
        """Raise HttpError 429 (`limit.key-entries`, `limit.key-bytes`) if a key may not put `entries` of `size` bytes now."""
        wait = self._entries.seconds_until(author_key, entries)
        if wait:
            raise HttpError(
                "limit.key-entries",
                "this key has signed too many entries for now",
                status=429,
                retry_after=wait,
            )
        wait = self._bytes.seconds_until(author_key, size)
        if wait:
            raise HttpError(
                "limit.key-bytes", "this key has used up its bytes for now", status=429, retry_after=wait
            )

    def charge_key(self, author_key: bytes, size: int) -> None:
        """Count an entry of `size` bytes that was taken from a key."""
        self._entries.take(author_key, 1)
        self._bytes.take(author_key, size)

    def charge_refused(self, author_key: bytes, size: int) -> None:
        """Count an entry of `size` bytes that a key signed and that was judged and refused."""
        self._entries.take(author_key, judging_cost(size))


def judging_cost(size: int) -> float:
    """The work of judging an entry of `size` bytes, in small entries."""
    return max(1.0, size / JUDGED_BYTES)


def address_name(address: str) -> bytes:
    """Whose bucket an address uses: an IPv4 address its own, an IPv6 address that of its /64 network."""
    try:
        packed = ipaddress.ip_address(address).packed
    except ValueError:
        return address.encode()[:64]
    return packed if len(packed) == 4 else packed[:8]


def author_key_of(submission: bytes) -> bytes | None:
    """The key that a submission names as its author's, before anything is verified; None if it is no submission."""
    if (
        all(submission.startswith(frame, at) for at, frame in _KEY_FRAME.items())
        and len(submission) >= _KEY_AT.stop
    ):
        return submission[_KEY_AT]
    return None
