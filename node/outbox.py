"""The outbox: a durable journal of entries that were acknowledged and are not yet final.

Rules: `append` returns only after the journal is synced, so that a 202 is never lost. Each journalled entry ends in one of
two ways, both of which its sender can ask for: it is on the ledger (the state says where), or it was refused with a rule.

Every write is synced, and few are made: requests that arrive together share one, the first writing for all who wait; and
what is final is struck off together with the next write. Until then a crash only means that it is struck off after the
restart, since the ledger says that it is final.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from ledger.encoding import Value, decode, encode
from ledger.entry import MAX_SUBMISSION_BYTES
from ledger.errors import FormatError, StoreCorruptError, StoreError
from ledger.store.database import Database, Row, Snapshot

_log = structlog.get_logger("outbox")

_QUEUE, _BY_ID, _REFUSED = b"q", b"i", b"r"
_MAX_STRUCK_ROWS = 20_000
"""Rows to be deleted that are kept in memory at most, when nothing new is journalled that would take them along."""
WAIT_LIMIT_MS = 30 * 24 * 3600 * 1000
"""How long an acknowledged entry waits for something that never comes, and how long a refusal is remembered."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that waits to be put on the ledger."""

    sequence: int
    entry_id: bytes
    received_ms: int
    submission: bytes

    def encoded(self) -> bytes:
        """All but the sequence number: a row of the journal."""
        return encode([self.entry_id, self.received_ms, self.submission])

    @classmethod
    def parse(cls, sequence: int, data: bytes) -> Self:
        """Read a row of the journal. Raises StoreCorruptError (`outbox.row`)."""
        try:
            value = decode(data, max_bytes=MAX_SUBMISSION_BYTES + 128)
        except FormatError as error:
            raise _damaged() from error
        match value:
            case [bytes(entry_id), int(received_ms), bytes(submission)]:
                return cls(sequence, entry_id, received_ms, submission)
            case _:
                raise _damaged()


@dataclass(frozen=True, slots=True)
class Refusal:
    """How an acknowledged entry ended without reaching the ledger."""

    rule: str
    detail: str
    height: int
    """Ledger height at which it was refused."""
    time_ms: int


@dataclass(slots=True)
class _Ticket:
    items: Sequence[tuple[bytes, bytes]]
    received_ms: int
    done: bool = False
    error: Exception | None = field(default=None)


class OutboxSnapshot:
    """What waited at one moment, whatever ends meanwhile. A context manager; close it when done."""

    def __init__(self, snapshot: Snapshot, places: dict[bytes, int], struck: frozenset[bytes]) -> None:
        self._snapshot = snapshot
        self._places = places
        self._struck = struck

    def waiting(self, after: int = 0) -> Iterator[Waiting]:
        """What waited, oldest first, beyond the sequence number `after`.

        Raises StoreCorruptError if the journal lost a row (`outbox.missing`) or has another (`outbox.row`).
        """
        expected = {entry_id: sequence for entry_id, sequence in self._places.items() if sequence > after}
        for key, value in self._snapshot.iterate(_QUEUE, start=_QUEUE + (after + 1).to_bytes(8, "big")):
            if key in self._struck:
                continue
            waiting = Waiting.parse(int.from_bytes(key[1:], "big"), value)
            if expected.pop(waiting.entry_id, None) != waiting.sequence:
                detail = f"row {waiting.sequence} of the outbox journal is not the one that was written"
                raise StoreCorruptError("outbox.row", detail)
            yield waiting
        if expected:
            detail = f"{len(expected)} acknowledged entries are missing from the outbox journal"
            raise StoreCorruptError("outbox.missing", detail)

    def close(self) -> None:
        """Let go of the moment."""
        self._snapshot.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Outbox:
    """The journal. All methods may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._writer = threading.Lock()
        self._tickets: list[_Ticket] = []
        self._places: dict[bytes, int] = {}
        # Rows of entries that are final, to be deleted with the next write.
        self._struck: dict[bytes, None] = {}
        self._next = 1
        for key, value in database.iterate(_BY_ID):
            self._places[key[1:]] = int.from_bytes(value, "big")
        if self._places:
            self._next = max(self._places.values()) + 1

    @classmethod
    def open(cls, path: Path, *, create: bool) -> Self:
        """Open the journal's directory. Raises StoreError."""
        return cls(Database.open(path, create=create))

    @property
    def depth(self) -> int:
        """How many entries wait."""
        return len(self._places)

    def holds(self, entry_id: bytes) -> bool:
        """Whether the entry waits here."""
        return entry_id in self._places

    def append(self, items: Sequence[tuple[bytes, bytes]], received_ms: int) -> None:
        """Journal `(entry id, submission)` pairs; on return they are on the disk. Those that already wait are skipped.

        Raises StoreError; then nothing was acknowledged.
        """
        ticket = _Ticket(items, received_ms)
        with self._mutex:
            self._tickets.append(ticket)
        with self._writer:
            if not ticket.done:
                with self._mutex:
                    tickets, self._tickets = self._tickets, []
                self._write(tickets)
        if ticket.error is not None:
            raise ticket.error

    def _write(self, tickets: Sequence[_Ticket]) -> None:
        rows: list[Row] = []
        places: dict[bytes, int] = {}
        for ticket in tickets:
            for entry_id, submission in ticket.items:
                if entry_id in self._places or entry_id in places:
                    continue
                waiting = Waiting(self._next, entry_id, ticket.received_ms, submission)
                self._next += 1
                places[entry_id] = waiting.sequence
                sequence = waiting.sequence.to_bytes(8, "big")
                rows.append((_QUEUE + sequence, waiting.encoded()))
                rows.append((_BY_ID + entry_id, sequence))
                rows.append((_REFUSED + entry_id, None))
        error: Exception | None = None
        try:
            if rows:
                self._write_rows(rows)
                self._places.update(places)
        except Exception as failure:  # noqa: BLE001  every waiter must hear of it, whatever it was
            error = failure
        for ticket in tickets:
            ticket.error = error
            ticket.done = True

    def _write_rows(self, rows: Sequence[Row]) -> None:
        """Write `rows`, and before them in the same batch what was struck off. The caller holds `_writer`."""
        # An entry may be journalled again after it was struck off, under the same id: deletions first.
        self._database.write([*((key, None) for key in self._struck), *rows])
        self._struck.clear()

    def snapshot(self) -> OutboxSnapshot:
        """What waits now, to read from while entries come and go. Close it.

        An entry that was acknowledged before and is not in it is final, or was refused.
        """
        with self._writer:
            return OutboxSnapshot(self._database.snapshot(), dict(self._places), frozenset(self._struck))

    def waiting(self) -> Iterator[Waiting]:
        """All that waits at this moment, oldest first. Raises StoreCorruptError as `OutboxSnapshot.waiting`."""
        with self.snapshot() as snapshot:
            yield from snapshot.waiting()

    def finish(self, entry_ids: Sequence[bytes]) -> None:
        """Forget entries that are on the ledger. Raises StoreError."""
        with self._writer:
            for entry_id in entry_ids:
                sequence = self._places.pop(entry_id, None)
                if sequence is not None:
                    self._struck[_QUEUE + sequence.to_bytes(8, "big")] = None
                    self._struck[_BY_ID + entry_id] = None
            if len(self._struck) > _MAX_STRUCK_ROWS:
                self._write_rows(())

    def refuse(self, entry_id: bytes, refusal: Refusal) -> None:
        """End an entry with a refusal, which stays to be asked for. Raises StoreError; then the entry still waits."""
        with self._writer:
            sequence = self._places.get(entry_id)
            row: Value = [refusal.rule, refusal.detail, refusal.height, refusal.time_ms]
            rows: list[Row] = [(_REFUSED + entry_id, encode(row)), (_BY_ID + entry_id, None)]
            if sequence is not None:
                rows.append((_QUEUE + sequence.to_bytes(8, "big"), None))
            self._write_rows(rows)
            self._places.pop(entry_id, None)

    def refusal(self, entry_id: bytes) -> Refusal | None:
        """How an entry was refused, if it was."""
        data = self._database.get(_REFUSED + entry_id)
        if data is None:
            return None
        return _refusal(data)

    def forget_refusals(self, before_ms: int) -> None:
        """Drop refusals older than `before_ms`."""
        with self._writer:
            rows: list[Row] = [
                (key, None)
                for key, value in self._database.iterate(_REFUSED)
                if _refusal(value).time_ms < before_ms
            ]
            if rows:
                self._write_rows(rows)

    def close(self) -> None:
        """Close the journal; what is final is struck off before. No thread may be using it."""
        try:
            with self._writer:
                if self._struck:
                    self._write_rows(())
        except StoreError as error:
            # After a write that failed the journal takes no other; the next opening strikes them off.
            _log.warning("outbox not tidied", error=str(error))
        finally:
            self._database.close()


def _refusal(data: bytes) -> Refusal:
    value = decode(data)
    if not isinstance(value, list) or len(value) != 4:
        raise StoreCorruptError("outbox.refusal", "a refusal in the outbox journal is damaged")
    rule, detail, height, time_ms = value
    return Refusal(str(rule), str(detail), _number(height), _number(time_ms))


def _number(value: Value) -> int:
    if not isinstance(value, int):
        raise _damaged()
    return value


def _damaged() -> StoreCorruptError:
    return StoreCorruptError("outbox.row", "a row of the outbox journal is damaged")
