"""What `sogoc watch` has seen and has yet to do: durable, so that a power cut at any moment loses nothing.

Rules: each step is one synced batch. An entry is kept here, signed, before it is sent; after a crash it is sent again as it
is, and so it is the same entry. Losing the whole queue would cost time only: the ledger knows what it holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger.encoding import decode, encode
from ledger.entry import MAX_RECORDS, MAX_SUBMISSION_BYTES
from ledger.errors import FormatError, StoreCorruptError, StoreError, StoreLockedError
from ledger.store.database import Database, Row

_FILE, _ENTRY, _ABOUT = b"f", b"e", b"m"


class Step(StrEnum):
    """How far a file has come."""

    QUEUED = "queued"
    """Hashed; to be signed when the node can be reached."""
    SIGNED = "signed"
    """In an entry that is signed, and perhaps sent."""
    ANCHORED = "anchored"
    """On the ledger; its receipt is to be fetched."""
    DONE = "done"
    """Its receipt lies beside it."""
    REFUSED = "refused"
    """It cannot be anchored; `problem` says why. It is tried again when it changes."""


@dataclass(slots=True)
class Item:
    """One file."""

    name: bytes
    """Path below the folder, as the file system has it."""
    stamp: str
    step: Step
    file_hash: bytes = b""
    commitment: bytes = b""
    """Empty for a public paper."""
    record: bytes = b""
    """The record that anchors it, once it is known."""
    entry: bytes = b""
    """Id of the entry in which it was signed."""
    at_most: int = MAX_RECORDS
    """Documents that share an entry with it: fewer after an entry was refused, until the one at fault is alone."""
    problem: tuple[str, str] | None = field(default=None)
    """Rule and detail of what went wrong last."""

    @property
    def identifier(self) -> bytes:
        """What the ledger knows the document by."""
        return self.commitment or self.file_hash

    def encoded(self) -> bytes:
        """All but the name: a row of the queue."""
        rule, detail = self.problem or ("", "")
        return encode(
            [
                self.stamp,
                str(self.step),
                self.file_hash,
                self.commitment,
                self.record,
                self.entry,
                self.at_most,
                rule,
                detail,
            ]
        )

    @classmethod
    def parse(cls, name: bytes, data: bytes) -> Self:
        """Read a row. Raises StoreCorruptError."""
        try:
            value = decode(data)
        except FormatError as error:
            raise _damaged() from error
        match value:
            case [
                str(stamp),
                str(step),
                bytes(file_hash),
                bytes(commitment),
                bytes(record),
                bytes(entry),
                int(at_most),
                str(rule),
                str(detail),
            ] if step in set(Step):
                problem = (rule, detail) if rule else None
                return cls(name, stamp, Step(step), file_hash, commitment, record, entry, at_most, problem)
            case _:
                raise _damaged()


def _damaged() -> StoreCorruptError:
    return StoreCorruptError("watch.queue", "a row of the queue is not one that was written")


class Queue:
    """The queue of one folder. A context manager; one process at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.items: dict[bytes, Item] = {
            key[1:]: Item.parse(key[1:], value) for key, value in database.iterate(_FILE)
        }

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the queue in a directory, which is made if it is not there.

        Raises StoreError: `watch.running` if another process has it, `watch.queue` with what to do if it is damaged.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            database = Database.open(directory / "queue", create=True)
        except OSError as error:
            raise StoreError("watch.state", f"cannot write {directory}: {error.strerror}") from error
        except StoreLockedError as error:
            raise StoreLockedError(
                "watch.running", f"another `sogoc watch` looks after this folder already ({directory})"
            ) from error
        except StoreCorruptError as error:
            raise _beyond_repair(directory, error) from error
        try:
            return cls(database)
        except StoreCorruptError as error:
            database.close()
            raise _beyond_repair(directory, error) from error
        except BaseException:
            database.close()
            raise

    def about(self, name: str) -> bytes | None:
        """What is remembered under a name: the ledger's id, the authority."""
        return self._database.get(_ABOUT + name.encode())

    def remember(self, facts: Mapping[str, bytes]) -> None:
        """Remember facts under their names."""
        self._database.write([(_ABOUT + name.encode(), value) for name, value in facts.items()])

    def save(
        self,
        items: Iterable[Item] = (),
        *,
        entries: Mapping[bytes, bytes | None] | None = None,
        forget: Iterable[bytes] = (),
    ) -> None:
        """One step: files as they stand now, entries to keep (id to submission) or to drop (None), names to forget.

        All of it or nothing is on the disk, whatever happens.
        """
        rows: list[Row] = []
        for item in items:
            rows.append((_FILE + item.name, item.encoded()))
            self.items[item.name] = item
        for name in forget:
            rows.append((_FILE + name, None))
            self.items.pop(name, None)
        rows += [(_ENTRY + entry_id, submission) for entry_id, submission in (entries or {}).items()]
        if rows:
            self._database.write(rows)

    def submission(self, entry_id: bytes) -> bytes:
        """A signed entry as it is sent. Raises StoreCorruptError if it is not there."""
        data = self._database.get(_ENTRY + entry_id)
        if data is None or len(data) > MAX_SUBMISSION_BYTES:
            raise _damaged()
        return data

    def at(self, step: Step) -> list[Item]:
        """The files that have come so far, in order of name."""
        return sorted((item for item in self.items.values() if item.step == step), key=lambda item: item.name)

    def close(self) -> None:
        """Let go of the queue."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _beyond_repair(directory: Path, error: StoreError) -> StoreCorruptError:
    return StoreCorruptError(
        "watch.queue",
        f"the queue in {directory} is damaged ({error.detail.rstrip('.')}). Remove that directory and start again: the files "
        "are read anew, and what is on the ledger already is not signed again",
    )


def name_of(path: Path, folder: Path) -> bytes:
    """A file's name in the queue of `folder`."""
    return os.fsencode(path.relative_to(folder))


def path_of(name: bytes, folder: Path) -> Path:
    """The file that has a name in the queue of `folder`."""
    return folder / os.fsdecode(name)
