"""A disk that fails: stands where LevelDB stands in a `Database`."""

from __future__ import annotations

from pathlib import Path

import plyvel

from ledger.store.database import Database
from ledger.store.leveldb import LevelDB, LevelDBBatch, LevelDBIterator, LevelDBReader

FULL = b"IO error: /db/000003.log: No space left on device"


class FailingBatch:
    """A batch that writes, or does not, and says that it failed."""

    def __init__(self, batch: LevelDBBatch, disk: FailingLevelDB) -> None:
        self.batch = batch
        self.disk = disk

    def put(self, key: bytes, value: bytes) -> None:
        self.batch.put(key, value)

    def delete(self, key: bytes) -> None:
        self.batch.delete(key)

    def write(self) -> None:
        if self.disk.good_writes > 0:
            self.disk.good_writes -= 1
            self.batch.write()
            return
        if self.disk.persisted:
            self.batch.write()
        raise plyvel.IOError(FULL)


class FailingLevelDB:
    """Passes everything on, but fails each write after the first `good_writes`."""

    def __init__(self, leveldb: LevelDB, *, persisted: bool, good_writes: int = 0) -> None:
        self.leveldb = leveldb
        self.persisted = persisted
        self.good_writes = good_writes

    def get(self, key: bytes, *, verify_checksums: bool) -> bytes | None:
        return self.leveldb.get(key, verify_checksums=verify_checksums)

    def iterator(
        self, *, start: bytes | None = None, stop: bytes | None = None, reverse: bool, verify_checksums: bool
    ) -> LevelDBIterator:
        return self.leveldb.iterator(
            start=start, stop=stop, reverse=reverse, verify_checksums=verify_checksums
        )

    def compact_range(self, *, start: bytes, stop: bytes) -> None:
        self.leveldb.compact_range(start=start, stop=stop)

    def snapshot(self) -> LevelDBReader:
        return self.leveldb.snapshot()

    def write_batch(self, *, sync: bool) -> LevelDBBatch:
        assert sync
        return FailingBatch(self.leveldb.write_batch(sync=sync), self)

    def close(self) -> None:
        self.leveldb.close()


def failing_database(database: Database, *, persisted: bool, good_writes: int = 0) -> Database:
    """The same open database on a failing disk."""
    disk = FailingLevelDB(database._leveldb, persisted=persisted, good_writes=good_writes)
    failing = Database(disk, database.path, database._identity, database._high_water, database._sequence)
    database._closed = True  # the other one closes it
    return failing


class FailingOpener:
    """For `LedgerStore.open(…, opener=…)`."""

    def __init__(self, *, persisted: bool, good_writes: int = 0) -> None:
        self.persisted = persisted
        self.good_writes = good_writes

    def __call__(self, path: Path, create: bool) -> Database:
        opened = Database.open(path, create=create)
        return failing_database(opened, persisted=self.persisted, good_writes=self.good_writes)
