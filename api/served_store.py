"""The store of a node that is being served, read over its Unix socket: one pinned moment, as if it were a local snapshot.

Rules: whoever reads does all the work; the node only hands out rows, page by page. What the store says of itself when a row
cannot be read (a checksum that does not fit) is raised here as the same error. An answer that cannot be understood is ApiError,
and a moment that the node no longer holds is CannotTellError (`snapshot.unknown`): neither says anything about the ledger.

What this module does not do: judge rows (`ledger.verify`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.answers import ApiError, Fields, unusable
from api.client import Client
from api.row_pages import MAX_KEYS, MAX_PAGE_BYTES, PAGE_ROWS, Page, Row, decode_page
from ledger.encoding import Value, encode
from ledger.errors import CannotTellError, FormatError
from ledger.store import layout, swap
from ledger.store.database import Reader
from ledger.verify.sources.stored import StoreSource
from node.home import Home
from node.outbox import Waiting

_AHEAD_ROWS: Final = 256
_NUMBERED: Final = frozenset((layout.BLOCK, layout.CHECKPOINT, layout.LEAF, layout.RECORDS, layout.TILE))
"""Kinds that are asked for one by one in ascending order: then some more are fetched at once."""


class ServedClient(Client):
    """A client on a node's Unix socket: what the node shows to its own machine only."""

    def pin(self) -> str:
        """Have the node hold this moment; returns its name. Raises ApiError, CannotTellError (`node.older`)."""
        try:
            return Fields.of(self._request("POST", "/control/snapshots")).text("id")
        except ApiError as error:
            if error.code != "http.not-found":
                raise
            detail = "the node that serves this home is of an older version, which shows no rows: restart it, or stop it"
            raise CannotTellError("node.older", detail) from error

    def release(self, name: str) -> None:
        """Have it let go. Raises ApiError."""
        self._request("DELETE", f"/control/snapshots/{name}")

    def page(self, name: str, what: str, wanted: Value) -> Page:
        """A page of rows. Raises ApiError, CannotTellError (`snapshot.unknown`)."""
        try:
            body = self._request(
                "POST",
                f"/control/snapshots/{name}/{what}",
                content=encode(wanted),
                max_bytes=MAX_PAGE_BYTES,
            )
        except ApiError as error:
            if error.code == "snapshot.unknown":
                raise CannotTellError(error.code, error.detail) from error
            raise
        try:
            return decode_page(body)
        except FormatError as error:
            raise unusable(error.detail) from error


@dataclass(frozen=True, slots=True)
class _Window:
    """Rows of one kind that were fetched together: all there are from `low` to `high`, both inclusive."""

    low: bytes
    high: bytes | None
    """None: to the last of this kind."""
    rows: dict[bytes, bytes]

    def covers(self, key: bytes) -> bool:
        """Whether it tells what is under `key`, a key of its kind."""
        return self.low <= key and (self.high is None or key <= self.high)


class ServedRows(Reader):
    """The rows of one moment of a served store. For one thread."""

    def __init__(self, client: ServedClient, name: str, path: Path) -> None:
        """`path`: of the database, for messages. All that `Reader` does with its database is done by the node."""
        self._client = client
        self._name = name
        self._path = path
        self._windows: dict[bytes, _Window] = {}

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None. Raises StoreError, ApiError, CannotTellError."""
        kind = key[:1]
        if kind not in _NUMBERED:
            return self.get_many((key,))[0]
        window = self._windows.get(kind)
        if window is None or not window.covers(key):
            window = self._fetch(kind, key)
            if window is None:
                return self.get_many((key,))[0]
            self._windows[kind] = window
        return window.rows.get(key)

    def _fetch(self, kind: bytes, key: bytes) -> _Window | None:
        """The row at `key` and those after it; None if the first of them cannot be read."""
        page = self._client.page(self._name, "rows", [kind, key, None, False, _AHEAD_ROWS])
        if page.is_last and page.fault is None:
            return _Window(key, None, dict(page.rows))
        return _Window(key, page.rows[-1][0], dict(page.rows)) if page.rows else None

    def get_many(self, keys: Iterable[bytes]) -> list[bytes | None]:
        """The values under `keys`, in their order, None where there is none. Raises as `get`."""
        wanted = list(keys)
        found: dict[bytes, bytes] = {}
        left = list(dict.fromkeys(wanted))
        while left:
            asked = left[:MAX_KEYS]
            page = self._client.page(self._name, "get", list(asked))
            found.update(page.rows)
            if page.fault is not None:
                raise page.fault
            if page.is_last:
                left = left[MAX_KEYS:]
                continue
            last = page.rows[-1][0] if page.rows else None
            if last not in asked:
                raise unusable("a page that is not the last has nothing that was asked for")
            left = left[asked.index(last) + 1 :]
        return [found.get(key) for key in wanted]

    def iterate(
        self,
        prefix: bytes = b"",
        *,
        start: bytes | None = None,
        stop: bytes | None = None,
        reverse: bool = False,
        at_once: int = PAGE_ROWS,  # noqa: ARG002  the node's pages have a size of their own
    ) -> Iterator[Row]:
        """Rows in order of key, as `Reader.iterate`. Raises as `get`."""
        while True:
            page = self._client.page(self._name, "rows", [prefix, start, stop, reverse, PAGE_ROWS])
            yield from page.rows
            if page.fault is not None:
                raise page.fault
            if page.is_last:
                return
            if not page.rows:
                raise unusable("a page that is not the last is empty")
            last = page.rows[-1][0]
            if reverse:
                stop = last
            else:
                start = last + b"\0"


@dataclass(frozen=True, slots=True)
class ServedStore:
    """One moment of a served home."""

    source: StoreSource
    """Its ledger, every row of it."""
    client: ServedClient
    name: str

    def waiting(self) -> Iterator[Waiting]:
        """What waited in its outbox, oldest first. Raises StoreError, ApiError, CannotTellError.

        Every entry that was acknowledged before this moment is here, or final in `source`, or was refused. One that became
        final while the moment was pinned may be in both.
        """
        after = 0
        while True:
            page = self.client.page(self.name, "waiting", [after])
            for key, value in page.rows:
                after = int.from_bytes(key, "big")
                yield Waiting.parse(after, value)
            if page.fault is not None:
                raise page.fault
            if page.is_last:
                return
            if not page.rows:
                raise unusable("a page that is not the last is empty")


@contextmanager
def open_served(home: Home, client: ServedClient) -> Iterator[ServedStore]:
    """Pin this moment of the home that `client`'s node serves, for as long as the block lasts.

    Raises ApiError, CannotTellError, StoreVersionError, StoreCorruptError.
    """
    name = client.pin()
    try:
        source = StoreSource(ServedRows(client, name, home.ledger / swap.CURRENT))
        yield ServedStore(source, client, name)
    finally:
        # It is let go in any case after a while, and whatever ended the block is worth more than a failure here.
        with suppress(ApiError):
            client.release(name)
