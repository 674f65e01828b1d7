"""The gateway's journal: what was captured and is not on the ledger yet, and what became of everything.

Rules: one synced batch for each step, so a crash at any moment means that the step was done or was not. What is acknowledged is
in the journal. An event has one identity, its hash or its tag: what is here already, waiting or recorded, is not taken a second
time, and whoever captures it again is told what becomes of the first.

Rows: a waiting item under its number, an identity and what became of it, a signed entry until it is settled, a capture job.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ledger.encoding import Value, decode, encode
from ledger.entry import MAX_RECORDS, MAX_SUBMISSION_BYTES
from ledger.errors import FormatError, StoreCorruptError, StoreError, StoreLockedError
from ledger.store.database import Database, Row

_ITEM, _IDENTITY, _ENTRY, _JOB, _ABOUT = b"q", b"i", b"e", b"j", b"m"
MAX_WAITING: Final = 200_000
"""Events that wait at most: beyond, captures are refused until the node has taken some."""
MAX_ERRORS: Final = 1_000
"""Errors that a job remembers."""


class Kind(StrEnum):
    """What an item becomes on the ledger."""

    EVENT = "event"
    ERROR = "error"


@dataclass(slots=True)
class Item:
    """An event, or an error declaration, that waits."""

    number: int
    kind: Kind
    identity: bytes
    """Event hash or tag."""
    body: bytes
    """Its record's body, encoded, without the authority: that is known once a node has been asked."""
    jobs: tuple[tuple[int, int], ...]
    """Capture jobs that wait for it, each with its place in the document."""
    entry: bytes = b""
    """Id of the entry in which it was signed; empty until then."""
    at_most: int = MAX_RECORDS
    """Items that share an entry with it: fewer after an entry was refused, until the one at fault is alone."""

    @property
    def key(self) -> bytes:
        """Under which its fate is remembered."""
        return identity_key(self.kind, self.identity)

    def encoded(self) -> bytes:
        """All but the number."""
        jobs: list[Value] = [list(job) for job in self.jobs]
        return encode([str(self.kind), self.identity, self.body, jobs, self.entry, self.at_most])

    @classmethod
    def parse(cls, number: int, data: bytes) -> Self:
        """Read a row. Raises StoreCorruptError."""
        match _decoded(data):
            case [
                str() as kind,
                bytes() as identity,
                bytes() as body,
                list() as jobs,
                bytes() as entry,
                int() as at_most,
            ] if kind in set(Kind):
                return cls(
                    number, Kind(kind), identity, body, tuple(_pair(job) for job in jobs), entry, at_most
                )
            case _:
                raise _damaged()


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an identity."""

    number: int
    """Of the waiting item; 0 when it waits no longer."""
    record: bytes
    """Id of its record, once that is on the ledger; empty until then."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an event of a document was not captured."""

    place: int
    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Job:
    """One capture."""

    number: int
    created_ms: int
    proceed: bool
    """Whether the other events of a document are taken when one is refused."""
    total: int
    recorded: int = 0
    faults: tuple[Fault, ...] = ()
    """The first `MAX_ERRORS` of them."""
    finished_ms: int | None = None
    failed: int = 0
    """How many events were refused."""
    described: int = 0
    """Elements of master data in the document, which is not recorded."""

    @property
    def running(self) -> bool:
        """Whether something still waits."""
        return self.finished_ms is None

    def after(self, *, recorded: int, faults: Sequence[Fault], time_ms: int) -> Job:
        """The job once some of its events are settled."""
        job = replace(
            self,
            recorded=self.recorded + recorded,
            faults=(*self.faults, *faults)[:MAX_ERRORS],
            failed=self.failed + len(faults),
        )
        return replace(job, finished_ms=time_ms) if job.recorded + job.failed >= job.total else job

    def encoded(self) -> bytes:
        """All but the number."""
        faults: list[Value] = [[fault.place, fault.rule, fault.detail] for fault in self.faults]
        head: list[Value] = [self.created_ms, self.proceed, self.total, self.recorded, faults]
        return encode([*head, self.finished_ms, self.failed, self.described])

    @classmethod
    def parse(cls, number: int, data: bytes) -> Self:
        """Read a row. Raises StoreCorruptError."""
        match _decoded(data):
            case [
                int() as created,
                bool() as proceed,
                int() as total,
                int() as recorded,
                list() as faults,
                finished,
                int() as failed,
                int() as described,
            ] if finished is None or isinstance(finished, int):
                told = tuple(_fault(one) for one in faults)
                return cls(number, created, proceed, total, recorded, told, finished, failed, described)
            case _:
                raise _damaged()


@dataclass(frozen=True, slots=True)
class New:
    """An item to be taken."""

    kind: Kind
    identity: bytes
    body: bytes
    place: int
    """In its document."""


@dataclass(slots=True)
class _Batch:
    """Rows of one step, and the jobs that it touches."""

    rows: list[Row] = field(default_factory=list)
    recorded: dict[int, int] = field(default_factory=dict)
    faults: dict[int, list[Fault]] = field(default_factory=dict)


class Journal:
    """The journal of one gateway. A context manager; one process at a time; all methods from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._waiting: dict[int, Item] = {}
        for key, value in database.iterate(_ITEM):
            number = int.from_bytes(key[1:], "big")
            self._waiting[number] = Item.parse(number, value)
        self._next_item = 1 + max(self._waiting, default=self._counted("items"))
        self._next_job = 1 + self._counted("jobs")

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the journal in a directory, which is made if it is not there.

        Raises StoreError: `gateway.running` if another process has it.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            database = Database.open(directory / "journal", create=True)
        except OSError as error:
            raise StoreError("gateway.state", f"cannot write {directory}: {error.strerror}") from error
        except StoreLockedError as error:
            raise StoreLockedError(
                "gateway.running", f"another `sogoc gateway` uses {directory} already"
            ) from error
        try:
            return cls(database)
        except BaseException:
            database.close()
            raise

    # -- taking ----------------------------------------------------------------------------------------------------------

    def fate(self, kind: Kind, identity: bytes) -> Fate | None:
        """What became of an event or an error declaration; None if it never came, or was refused."""
        with self._mutex:
            return self._fate(identity_key(kind, identity))

    def take(
        self,
        items: Sequence[New],
        faults: Sequence[Fault],
        *,
        total: int,
        proceed: bool,
        time_ms: int,
        described: int = 0,
    ) -> Job:
        """Make a document's events durable, as one job; on return they are on the disk. `described`: elements of master data.

        Raises StoreError, rule `gateway.full` when too many wait; then nothing was taken.
        """
        with self._mutex:
            if len(self._waiting) + len(items) > MAX_WAITING:
                raise StoreError(
                    "gateway.full", f"{len(self._waiting)} events wait for the node: capture again later"
                )
            job = Job(self._next_job, time_ms, proceed, total, described=described)
            batch = _Batch()
            numbers: dict[bytes, int] = {}
            taken: dict[int, Item] = {}
            number = self._next_item
            for new in items:
                key = identity_key(new.kind, new.identity)
                fate = self._fate(key)
                if fate is not None and not fate.number:
                    batch.recorded[job.number] = batch.recorded.get(job.number, 0) + 1
                    continue
                known = fate.number if fate is not None else numbers.get(key)
                if known is None:
                    numbers[key] = number
                    taken[number] = Item(number, new.kind, new.identity, new.body, ((job.number, new.place),))
                    number += 1
                else:
                    item = taken.get(known) or replace(self._waiting[known])
                    taken[known] = replace(item, jobs=(*item.jobs, (job.number, new.place)))
            job = job.after(recorded=batch.recorded.get(job.number, 0), faults=faults, time_ms=time_ms)
            rows: list[Row] = [(_item_key(item.number), item.encoded()) for item in taken.values()]
            rows += [(_IDENTITY + key, encode([at, b""])) for key, at in numbers.items()]
            rows.append((_JOB + job.number.to_bytes(8, "big"), job.encoded()))
            rows += [
                (_ABOUT + b"items", (number - 1).to_bytes(8, "big")),
                (_ABOUT + b"jobs", job.number.to_bytes(8, "big")),
            ]
            self._database.write(rows)
            self._waiting |= taken
            self._next_item, self._next_job = number, job.number + 1
            return job

    # -- settling --------------------------------------------------------------------------------------------------------

    def queued(self) -> list[Item]:
        """What is not signed yet, in the order in which it came."""
        with self._mutex:
            return [
                self._waiting[number] for number in sorted(self._waiting) if not self._waiting[number].entry
            ]

    def signed(self) -> dict[bytes, list[Item]]:
        """What is signed and not settled, by entry."""
        found: dict[bytes, list[Item]] = {}
        with self._mutex:
            for number in sorted(self._waiting):
                item = self._waiting[number]
                if item.entry:
                    found.setdefault(item.entry, []).append(item)
        return found

    def depth(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def submission(self, entry_id: bytes) -> bytes:
        """A signed entry as it is sent. Raises StoreCorruptError if it is not there."""
        data = self._database.get(_ENTRY + entry_id)
        if data is None or len(data) > MAX_SUBMISSION_BYTES:
            raise _damaged()
        return data

    def sign(self, items: Iterable[Item], entry_id: bytes, submission: bytes) -> None:
        """These items are in this entry: durable before it is sent."""
        with self._mutex:
            changed = [replace(self._waiting[item.number], entry=entry_id) for item in items]
            self._database.write(
                [
                    (_ENTRY + entry_id, submission),
                    *((_item_key(item.number), item.encoded()) for item in changed),
                ]
            )
            self._waiting |= {item.number: item for item in changed}

    def unsign(self, items: Iterable[Item], entry_id: bytes, *, at_most: int) -> None:
        """An entry was refused whole: its items wait again, to be tried in smaller ones."""
        with self._mutex:
            changed = [replace(self._waiting[item.number], entry=b"", at_most=at_most) for item in items]
            self._database.write(
                [
                    (_ENTRY + entry_id, None),
                    *((_item_key(item.number), item.encoded()) for item in changed),
                ]
            )
            self._waiting |= {item.number: item for item in changed}

    def settle(self, records: Mapping[int, bytes], entry_id: bytes, *, time_ms: int) -> None:
        """These items, by number, are on the ledger under these record ids."""
        with self._mutex:
            batch = _Batch([(_ENTRY + entry_id, None)])
            for number, record in records.items():
                item = self._waiting[number]
                batch.rows += [(_item_key(number), None), (_IDENTITY + item.key, encode([0, record]))]
                for job, _ in item.jobs:
                    batch.recorded[job] = batch.recorded.get(job, 0) + 1
            self._write(batch, records, time_ms)

    def refuse(self, item: Item, rule: str, detail: str, *, time_ms: int, entry_id: bytes = b"") -> None:
        """An item will never be on the ledger, and why. It may be captured again."""
        with self._mutex:
            known = self._waiting[item.number]
            batch = _Batch([(_item_key(item.number), None), (_IDENTITY + item.key, None)])
            if entry_id:
                batch.rows.append((_ENTRY + entry_id, None))
            for job, place in known.jobs:
                batch.faults.setdefault(job, []).append(Fault(place, rule, detail))
            self._write(batch, (item.number,), time_ms)

    def _write(self, batch: _Batch, settled: Iterable[int], time_ms: int) -> None:
        rows = list(batch.rows)
        for number in {*batch.recorded, *batch.faults}:
            job = self._job(number)
            if job is not None:
                job = job.after(
                    recorded=batch.recorded.get(number, 0),
                    faults=batch.faults.get(number, ()),
                    time_ms=time_ms,
                )
                rows.append((_JOB + number.to_bytes(8, "big"), job.encoded()))
        self._database.write(rows)
        for number in settled:
            self._waiting.pop(number, None)

    # -- looking ---------------------------------------------------------------------------------------------------------

    def job(self, number: int) -> Job | None:
        """A capture job, or None."""
        with self._mutex:
            return self._job(number)

    def jobs(self, *, before: int | None = None, limit: int = 30) -> list[Job]:
        """The newest jobs, those with numbers below `before`."""
        stop = None if before is None else _JOB + before.to_bytes(8, "big")
        found = []
        with self._mutex:
            for key, value in self._database.iterate(_JOB, stop=stop, reverse=True):
                found.append(Job.parse(int.from_bytes(key[1:], "big"), value))
                if len(found) == limit:
                    break
        return found

    def about(self, name: str) -> bytes | None:
        """What is remembered under a name: the ledger's id, the authority."""
        return self._database.get(_ABOUT + name.encode())

    def remember(self, facts: Mapping[str, bytes]) -> None:
        """Remember facts under their names."""
        self._database.write([(_ABOUT + name.encode(), value) for name, value in facts.items()])

    def close(self) -> None:
        """Let go of the journal."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _fate(self, key: bytes) -> Fate | None:
        data = self._database.get(_IDENTITY + key)
        if data is None:
            return None
        match _decoded(data):
            case [int() as number, bytes() as record]:
                return Fate(number, record)
            case _:
                raise _damaged()

    def _job(self, number: int) -> Job | None:
        data = self._database.get(_JOB + number.to_bytes(8, "big"))
        return None if data is None else Job.parse(number, data)

    def _counted(self, name: str) -> int:
        return int.from_bytes(self._database.get(_ABOUT + name.encode()) or b"", "big")


def identity_key(kind: Kind, identity: bytes) -> bytes:
    """Under which an identity's fate is remembered: an event and its error declaration have the same identity."""
    return kind.value[:2].encode() + identity


def _item_key(number: int) -> bytes:
    return _ITEM + number.to_bytes(8, "big")


def _decoded(data: bytes) -> Value:
    try:
        return decode(data)
    except FormatError as error:
        raise _damaged() from error


def _pair(value: Value) -> tuple[int, int]:
    match value:
        case [int() as job, int() as place]:
            return job, place
        case _:
            raise _damaged()


def _fault(value: Value) -> Fault:
    match value:
        case [int() as place, str() as rule, str() as detail]:
            return Fault(place, rule, detail)
        case _:
            raise _damaged()


def _damaged() -> StoreCorruptError:
    return StoreCorruptError("gateway.journal", "a row of the gateway's journal is not one that was written")
