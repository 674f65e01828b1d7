"""LevelDB, with its silent failures made loud. No other module knows it.

Rules:

* One write is one atomic batch, synced to the disk before `write` returns.
* Every read checks the checksum of the block it comes from; opening checks those of the log, the manifest and the
  indexes.
* A row that is not there is None from `get`, and LevelDB says the same of some rows that were there and are lost.
  Whoever knows that a row must exist asks for it by its key and treats None as corruption; nobody learns what
  exists by iterating.
* An iteration that runs into damage at its end would just stop. So the database keeps a first and a last row of its
  own, every iteration goes on until it meets a key beyond its range, and one that does not is an error.
* Every batch is numbered, and the number of the last acknowledged one is kept beside the database (`high_water`): a
  database that has lost its end is not opened, and the files as they were before LevelDB touched them are kept.
* One process has a database open, once. LevelDB's lock keeps other processes out, but the system frees it as soon
  as this process closes any handle on the file `LOCK`, and LevelDB itself does so when it refuses a second opening
  in the same process. So that is refused here first, and no code may open that file (a copy of a live directory
  leaves it out).
* After a write that failed, nobody knows whether it is on the disk. No other write is taken until the database is
  opened again: opening finds either all of it or none.

Not here: what the rows mean. Keys given to `write` begin with a byte from 0x01 to 0xfe.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self, TypeAlias

import plyvel

from ledger.errors import StoreCorruptError, StoreError, StoreVersionError
from ledger.store.as_found import KEPT, drop_files, keep_files
from ledger.store.high_water import FILE_NAME as HIGH_WATER_NAME
from ledger.store.high_water import HighWater
from ledger.store.leveldb import LevelDB, LevelDBReader
from ledger.store.log_tail import check_logs
from ledger.store.open_once import OPEN_DIRECTORIES, Identity, locked

Row: TypeAlias = tuple[bytes, bytes | None]
"""A key and the value to put under it; None deletes the key."""

FIRST_KEY: Final = b"\x00"
"""Before every other row; holds the number of the newest batch, 8 bytes."""
LAST_KEY: Final = b"\xff"
"""After every other row; its value means nothing."""

_SEQUENCE_SIZE: Final = 8
_AT_ONCE: Final = 100
"""Rows of an iteration that are fetched together; a row of records may have 700 kB."""
_OPTIONS: Final[dict[str, object]] = {
    # Checksums of the log, the manifest, table indexes and filters are checked, and damage there is not skipped
    # over.
    "paranoid_checks": True,
    # Memory, in bytes: recent rows not yet in a table (and so the most that is read again on opening), and read
    # blocks.
    "write_buffer_size": 16 << 20,
    "lru_cache_size": 32 << 20,
    # 200 tables stay below the 1,024 open files that systems allow by default, with room for the node's sockets.
    "max_file_size": 8 << 20,
    "max_open_files": 200,
    # Most state reads ask for keys that are not there yet: ten bits a key spare 99 % of their disk reads.
    "bloom_filter_bits": 10,
}

_FEWEST_FILES: Final = 74
"""The smallest `max_open_files` that LevelDB takes: 64 tables, which it maps whole, and ten others."""

READ_ONCE: Final[Mapping[str, object]] = {"lru_cache_size": 4 << 20, "max_open_files": _FEWEST_FILES}
"""Options for going through a database once, in order: little of it is worth keeping."""

THROWN_AWAY: Final[Mapping[str, object]] = {
    "write_buffer_size": 8 << 20,
    "lru_cache_size": 4 << 20,
    "max_file_size": 2 << 20,
    "max_open_files": _FEWEST_FILES,
    # It is gone in a few minutes: the time counts, and not the size.
    "compression": None,
}
"""Options for a database that lasts as long as a computation: little memory, whatever is in it."""


class Reader:
    """Reading, from the database as it is or from a snapshot of it. Any number of threads may read at once."""

    def __init__(self, source: LevelDBReader, path: Path) -> None:
        self._source = source
        self._path = path

    @property
    def path(self) -> Path:
        """The database's directory."""
        return self._path

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None. Raises StoreError."""
        try:
            return self._source.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise translate(error, self._path) from error

    def get_many(self, keys: Iterable[bytes]) -> list[bytes | None]:
        """The values under `keys`, in their order, None where there is none. Raises StoreError."""
        get = self._source.get
        try:
            return [get(key, verify_checksums=True) for key in keys]
        except plyvel.Error as error:
            raise translate(error, self._path) from error

    def iterate(
        self,
        prefix: bytes = b"",
        *,
        start: bytes | None = None,
        stop: bytes | None = None,
        reverse: bool = False,
        at_once: int = _AT_ONCE,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Rows whose keys begin with `prefix` and lie from `start` (inclusive) to `stop` (exclusive), in order of
        key.

        Without a prefix: all rows but the database's own two. `at_once`: how many to fetch together, for whoever knows how
        many there are. Raises StoreError, StoreCorruptError
        (`store.cut-short`) if the database ends before its last row.
        """
        low = prefix if start is None else max(start, prefix)
        high = _after(prefix) if stop is None else min(stop, _after(prefix))
        if low == b"":
            low = b"\x01"
        return self._between(low, high, reverse=reverse, at_once=at_once)

    def check_files(self) -> int:
        """Read every row, and with it every block of every table, so that damage in any is found; return their
        number.

        Raises StoreCorruptError, StoreError.
        """
        return sum(1 for _ in self.iterate())

    def _between(
        self, low: bytes, high: bytes, *, reverse: bool, at_once: int
    ) -> Iterator[tuple[bytes, bytes]]:
        if low >= high:
            return
        bound = {"stop": high} if reverse else {"start": low}
        try:
            with closing(self._source.iterator(**bound, reverse=reverse, verify_checksums=True)) as rows:
                each = iter(rows)
                # The first by itself, since some ask for no more. Then many at once, which is twice as fast as one by one.
                some = list(islice(each, 1))
                while some and low <= some[0][0] < high and low <= some[-1][0] < high:
                    yield from some
                    some = list(islice(each, at_once))
                if some:
                    yield from [row for row in some if low <= row[0] < high]
                    return
        except plyvel.Error as error:
            raise translate(error, self._path) from error
        raise StoreCorruptError(
            "store.cut-short", _what_now(f"The database in {self._path} ends before its last row.")
        )


class Snapshot(Reader):
    """The database as it was at one moment, whatever is written meanwhile. A context manager; close it when done."""

    def close(self) -> None:
        """Let go of the moment, so that LevelDB may drop what only this snapshot still saw."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Database(Reader):
    """An open database; `open` makes one. One process at a time, any number of its threads."""

    def __init__(
        self, leveldb: LevelDB, path: Path, identity: Identity, high_water: HighWater, sequence: int
    ) -> None:
        super().__init__(leveldb, path)
        self._leveldb = leveldb
        self._identity = identity
        self._high_water = high_water
        self._sequence = sequence
        self._writing = threading.Lock()
        self._in_doubt = False
        self._closed = False

    @classmethod
    def open(cls, path: Path, *, create: bool, options: Mapping[str, object] = MappingProxyType({})) -> Self:
        """Open the database in the directory `path`; `create` makes one where there is none (the parent must exist).

        `options`: of LevelDB, where they are to be other than a node's.

        Raises StoreLockedError if another process has it open, StoreVersionError (`store.missing`,
        `store.not-ours`) if there is no database or one that this class did not make, StoreCorruptError if
        something is lost or changed, and StoreError (`store.full`, `store.read-only`, `store.io`) if the disk
        refuses.
        """
        try:
            if not (path / "CURRENT").exists():
                _check_creatable(path, create=create)
                path.mkdir(mode=0o700, exist_ok=True)
            identity = OPEN_DIRECTORIES.claim(path)
        except OSError as error:
            raise translate(error, path) from error
        try:
            leveldb = _open_leveldb(path, create=create, options=options)
            try:
                database = cls._opened(leveldb, path, identity, may_create=create)
            except BaseException:
                leveldb.close()
                raise
        except BaseException:
            OPEN_DIRECTORIES.free(identity)
            raise
        drop_files(path)
        return database

    @classmethod
    def _opened(cls, leveldb: LevelDB, path: Path, identity: Identity, *, may_create: bool) -> Self:
        try:
            first = leveldb.get(FIRST_KEY, verify_checksums=True)
            last = leveldb.get(LAST_KEY, verify_checksums=True)
            if first is None and last is None and may_create and not _any_row(leveldb):
                return cls._begun(leveldb, path, identity)
            if first is None or last is None or len(first) != _SEQUENCE_SIZE:
                if (path / HIGH_WATER_NAME).exists():
                    raise StoreCorruptError(
                        "store.cut-short", _what_now(f"The database in {path} has lost its own rows.")
                    )
                detail = (
                    f"The LevelDB database in {path} was not made by this program. Name another directory."
                )
                raise StoreVersionError("store.not-ours", detail)
            high_water = HighWater.open(path)
        except (plyvel.Error, OSError) as error:
            raise translate(error, path) from error
        sequence = int.from_bytes(first, "big")
        if sequence < high_water.number:
            detail = (
                f"The database in {path} has lost its end: {high_water.number} writes were acknowledged and it "
                f"holds {sequence}. Do not go on from here: what was lost may have been signed. Check the disk, "
                f"then restore from a backup or from the peers. The files as they were are in {path / KEPT}."
            )
            high_water.close()
            raise StoreCorruptError("store.rolled-back", detail)
        return cls(leveldb, path, identity, high_water, sequence)

    @classmethod
    def _begun(cls, leveldb: LevelDB, path: Path, identity: Identity) -> Self:
        if (path / HIGH_WATER_NAME).exists():
            high_water = HighWater.open(path)
            if high_water.number > 0:
                high_water.close()
                detail = _what_now(f"The database in {path} has lost all its rows.")
                raise StoreCorruptError("store.rolled-back", detail)
        else:
            high_water = HighWater.create(path)
        try:
            sync_directory(path)
            database = cls(leveldb, path, identity, high_water, 0)
            database.write([(LAST_KEY, b"")])
        except BaseException:
            high_water.close()
            raise
        return database

    def write(self, rows: Iterable[Row], *, synced: bool = True) -> None:
        """Write all `rows` or none of them, on the disk when this returns.

        `synced=False` leaves that to the system: only for a database that nobody relies on before it has been synced
        whole. Raises StoreError: what the disk said, or `store.in-doubt` after an earlier write failed.
        """
        with self._writing:
            self.check_settled()
            sequence = self._sequence + 1
            batch = self._leveldb.write_batch(sync=synced)
            put = batch.put
            for key, value in rows:
                if value is None:
                    batch.delete(key)
                else:
                    put(key, value)
            put(FIRST_KEY, sequence.to_bytes(_SEQUENCE_SIZE, "big"))
            self._in_doubt = True
            try:
                batch.write()
                self._high_water.record(sequence)
            except (plyvel.Error, OSError) as error:
                raise translate(error, self._path) from error
            self._sequence = sequence
            self._in_doubt = False

    def compact(self) -> None:
        """Write all files of the database anew, so that what was deleted or replaced is in none of them.

        Raises StoreError.
        """
        # LevelDB merges each level into the next one down, and leaves the lowest as it is. What is still in memory goes down
        # with the first round; in the second, two new rows at both ends force every table there is to be merged with them.
        for _ in range(2):
            self.write([(LAST_KEY, b"")])
            try:
                self._leveldb.compact_range(start=FIRST_KEY, stop=LAST_KEY)
            except plyvel.Error as error:
                raise translate(error, self._path) from error

    def check_settled(self) -> None:
        """Raise StoreError (`store.in-doubt`) if an earlier write failed: then what is read may not be on the
        disk.
        """
        if self._in_doubt:
            detail = (
                f"An earlier write to {self._path} failed, and whether it is on the disk is not known. Mend what that "
                "error named, then start the node again: opening the database settles it."
            )
            raise StoreError("store.in-doubt", detail)

    def distrust(self) -> None:
        """Take no further write until the database is opened again: what was written did not read back."""
        self._in_doubt = True

    def snapshot(self) -> Snapshot:
        """The database as it is now, to read from while others write. Close it."""
        return Snapshot(self._leveldb.snapshot(), self._path)

    def approximate_size(self) -> int:
        """Bytes that the database's files take on the disk, its log included."""
        total = 0
        for entry in os.scandir(self._path):
            try:
                total += entry.stat().st_size if entry.is_file() else 0
            except FileNotFoundError:  # a table that LevelDB has just merged into another
                continue
        return total

    def close(self) -> None:
        """Close the database and free its lock. No thread may be reading: LevelDB does not survive that."""
        with self._writing:
            if not self._closed:
                self._closed = True
                self._leveldb.close()
                self._high_water.close()
                OPEN_DIRECTORIES.free(self._identity)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def translate(error: Exception, path: Path) -> StoreError:
    """The StoreError for what LevelDB or the system said about the directory `path`, with what to do about it."""
    text = _text(error)
    if text.startswith("IO error: lock "):
        return locked(path, "by another process")
    if _is_about(text, errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        detail = (
            f"No room is left to write in {path} ({text}). Free some or move the directory, then start the node "
            "again; nothing that was acknowledged is lost."
        )
        return StoreError("store.full", detail)
    if _is_about(text, errno.EROFS, errno.EACCES, errno.EPERM):
        detail = (
            f"{path} may not be written ({text}). Check who owns it, its permissions, and that the file system is "
            "not mounted read-only (a system does that by itself after disk errors), then start the node again."
        )
        return StoreError("store.read-only", detail)
    # LevelDB names a table or log that is gone "NotFound"; of a missing key it makes None, which never comes here.
    if isinstance(error, plyvel.CorruptionError) or text.startswith(("Corruption", "NotFound")):
        return StoreCorruptError("store.corrupt", _what_now(f"The database in {path} is damaged ({text})."))
    detail = f"The disk refused an operation in {path} ({text}). Check the disk, then start the node again."
    return StoreError("store.io", detail)


def sync_directory(path: Path) -> None:
    """Make the names in the directory `path` durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_leveldb(path: Path, *, create: bool, options: Mapping[str, object]) -> LevelDB:
    kept = False
    try:
        if (path / "CURRENT").exists():
            check_logs(path)
            kept = keep_files(path)
        leveldb: LevelDB = plyvel.DB(str(path), create_if_missing=create, **{**_OPTIONS, **options})
    except (plyvel.Error, OSError) as error:
        if kept:  # LevelDB deletes nothing unless it opens
            drop_files(path)
        raise translate(error, path) from error
    return leveldb


def _text(error: Exception) -> str:
    first = error.args[0] if error.args else b""
    if isinstance(error, plyvel.Error) and isinstance(first, bytes):
        return first.decode(errors="replace")
    return str(error)


def _is_about(text: str, *codes: int) -> bool:
    return any(os.strerror(code) in text for code in codes)


def _what_now(what: str) -> str:
    return (
        f"{what} Stop here, check the disk, and restore from a backup or from the peers; nothing was deleted."
    )


def _after(prefix: bytes) -> bytes:
    """The smallest key above every key that begins with `prefix`."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes((trimmed[-1] + 1,)) if trimmed else LAST_KEY


def _any_row(leveldb: LevelDB) -> bool:
    with closing(leveldb.iterator(reverse=False, verify_checksums=True)) as rows:
        return any(True for _ in rows)


def _check_creatable(path: Path, *, create: bool) -> None:
    """Where LevelDB's own first file is missing: is this a new place, no database at all, or the remains of one?"""
    if path.is_dir() and any(
        child.name == HIGH_WATER_NAME or child.suffix in {".ldb", ".log"} for child in path.iterdir()
    ):
        raise StoreCorruptError(
            "store.file-missing", _what_now(f"{path / 'CURRENT'} is missing, but other files are there.")
        )
    if not create:
        raise StoreVersionError(
            "store.missing", f"There is no database in {path}. Check the name of the directory."
        )
