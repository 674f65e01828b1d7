"""The database: batches, reads, iteration, and what it does where LevelDB would say nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import plyvel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import StoreCorruptError, StoreError, StoreLockedError, StoreVersionError
from ledger.store import as_found, high_water
from ledger.store.database import FIRST_KEY, LAST_KEY, Database, translate
from tests.faults.failing import failing_database

KEYS = st.binary(max_size=3).map(lambda tail: b"k" + tail) | st.sampled_from(
    [b"a", b"k\xff", b"k\xff\xff", b"\xfe\xff"]
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "db", create=True) as opened:
        yield opened


def reopened(database: Database) -> Database:
    database.close()
    return Database.open(database.path, create=False)


def test_what_was_written_is_there_after_reopening(database: Database) -> None:
    database.write([(b"a", b"1"), (b"b", b""), (b"c", b"3")])
    database.write([(b"a", None), (b"c", b"33")])
    with reopened(database) as again:
        assert again.get_many([b"a", b"b", b"c"]) == [None, b"", b"33"]
        assert list(again.iterate()) == [(b"b", b""), (b"c", b"33")]


def test_a_batch_whose_rows_cannot_be_made_writes_nothing_and_spoils_nothing(database: Database) -> None:
    def rows() -> Iterator[tuple[bytes, bytes]]:
        yield b"a", b"1"
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  whatever the caller's generator raises
        database.write(rows())
    assert database.get(b"a") is None
    database.write([(b"b", b"2")])
    assert database.get(b"b") == b"2"


@given(
    rows=st.dictionaries(KEYS, st.binary(max_size=4), max_size=30),
    prefix=st.sampled_from([b"", b"k", b"k\x00", b"k\xff", b"a", b"z"]),
    bounds=st.tuples(KEYS | st.none(), KEYS | st.none()),
    reverse=st.booleans(),
)
def test_iteration_gives_what_a_sorted_dictionary_gives(
    tmp_path_factory: pytest.TempPathFactory,
    rows: dict[bytes, bytes],
    prefix: bytes,
    bounds: tuple[bytes | None, bytes | None],
    reverse: bool,
) -> None:
    start, stop = bounds
    wanted = [
        (key, rows[key])
        for key in sorted(rows, reverse=reverse)
        if key.startswith(prefix) and (start is None or key >= start) and (stop is None or key < stop)
    ]
    with Database.open(tmp_path_factory.mktemp("iterate") / "db", create=True) as database:
        database.write(rows.items())
        assert list(database.iterate(prefix, start=start, stop=stop, reverse=reverse)) == wanted
        with database.snapshot() as snapshot:
            assert list(snapshot.iterate(prefix, start=start, stop=stop, reverse=reverse)) == wanted


def test_a_snapshot_does_not_see_what_is_written_later(database: Database) -> None:
    database.write([(b"a", b"1"), (b"b", b"1")])
    with database.snapshot() as snapshot:
        database.write([(b"a", b"2"), (b"b", None), (b"c", b"2")])
        assert list(snapshot.iterate()) == [(b"a", b"1"), (b"b", b"1")]
        assert snapshot.get(b"c") is None
    assert list(database.iterate()) == [(b"a", b"2"), (b"c", b"2")]


def test_a_second_opening_is_refused_in_this_process_and_in_another(database: Database) -> None:
    with pytest.raises(StoreLockedError, match=str(database.path)) as caught:
        Database.open(database.path, create=False)
    assert caught.value.rule == "store.locked"
    assert "stop it first" in caught.value.detail
    program = (
        "import sys, pathlib\n"
        "from ledger.store.database import Database\n"
        "from ledger.errors import StoreLockedError\n"
        "try: Database.open(pathlib.Path(sys.argv[1]), create=True)\n"
        "except StoreLockedError: sys.exit(42)\n"
    )
    link = database.path.parent / "link"
    link.symlink_to(database.path)
    with pytest.raises(StoreLockedError):
        Database.open(link, create=False)
    # Refusing this process must not have freed the lock that keeps the others out.
    assert subprocess.run([sys.executable, "-c", program, database.path], check=False).returncode == 42
    database.write([(b"a", b"1")])
    assert not (database.path / as_found.KEPT).exists()


def test_no_database_is_not_made_by_opening(tmp_path: Path) -> None:
    with pytest.raises(StoreVersionError) as caught:
        Database.open(tmp_path / "db", create=False)
    assert caught.value.rule == "store.missing"
    assert not (tmp_path / "db").exists()


def test_somebody_elses_leveldb_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = plyvel.DB(str(tmp_path / "db"), create_if_missing=True)
    other.put(b"a", b"1")
    other.close()
    for create in (False, True):
        with pytest.raises(StoreVersionError) as caught:
            Database.open(tmp_path / "db", create=create)
        assert caught.value.rule == "store.not-ours"
    other = plyvel.DB(str(tmp_path / "db"))
    assert list(other) == [(b"a", b"1")]
    other.close()


def test_a_creation_that_was_cut_short_can_be_made_again(tmp_path: Path) -> None:
    # LevelDB's files were made, none of ours yet.
    plyvel.DB(str(tmp_path / "db"), create_if_missing=True).close()
    with Database.open(tmp_path / "db", create=True) as database:
        database.write([(b"a", b"1")])
        assert list(database.iterate()) == [(b"a", b"1")]


@pytest.mark.parametrize("persisted", [False, True], ids=["not persisted", "persisted"])
def test_after_a_failed_write_no_other_is_taken_until_reopened(database: Database, persisted: bool) -> None:
    database.write([(b"a", b"1")])
    failing = failing_database(database, persisted=persisted)
    with pytest.raises(StoreError) as caught:
        failing.write([(b"a", b"2"), (b"b", b"2")])
    assert caught.value.rule == "store.full"
    with pytest.raises(StoreError) as caught:
        failing.write([(b"c", b"3")])
    assert caught.value.rule == "store.in-doubt"
    assert failing.get(b"c") is None
    with reopened(failing) as again:
        wanted = [(b"a", b"2"), (b"b", b"2")] if persisted else [(b"a", b"1")]
        assert list(again.iterate()) == wanted
        again.write([(b"c", b"3")])
        assert again.get(b"c") == b"3"


# --- damage -----------------------------------------------------------------------------------------------------------


def in_a_table(database: Database) -> Path:
    """Close the database with all its rows in one table; return the table's file."""
    with reopened(database) as again:  # opening moves what is in the log to a table
        path = again.path
    (table,) = path.glob("*.ldb")
    return table


def leveldb_is_silent(path: Path, count: int) -> bool:
    """Whether LevelDB's own iterator, asked for checksums, leaves rows out and reports nothing."""
    try:
        damaged = plyvel.DB(str(path), paranoid_checks=True)
        try:
            return sum(1 for _ in damaged.iterator(prefix=b"k", verify_checksums=True)) < count
        finally:
            damaged.close()
    except plyvel.Error:
        return False


def test_an_iteration_that_ends_in_damage_says_so(database: Database) -> None:
    random = Random(1)
    rows = [(b"k%05d" % number, random.randbytes(100)) for number in range(2_000)]
    database.write(rows)
    # LevelDB opens the tables of its newest level at once, and reports them; those of older levels only on the way.
    compacted = plyvel.DB(str(in_a_table(database).parent))
    compacted.compact_range(start=FIRST_KEY, stop=LAST_KEY)
    compacted.close()
    (table,) = database.path.glob("*.ldb")
    whole = table.read_bytes()
    silent = found = 0
    for distance in range(60, 2_000, 97):
        data = bytearray(whole)
        data[-distance] ^= 1
        table.write_bytes(data)
        silent += leveldb_is_silent(table.parent, len(rows))
        try:
            with Database.open(table.parent, create=False) as again:
                assert list(again.iterate()) == rows  # a Bloom filter is done without
        except StoreCorruptError:
            found += 1
    assert found >= silent > 0  # or this test tries nothing


def test_a_changed_byte_in_a_table_is_found_by_reading_and_by_the_sweep(database: Database) -> None:
    database.write([(b"k%05d" % number, bytes(100)) for number in range(2_000)])
    table = in_a_table(database)
    data = bytearray(table.read_bytes())
    data[100] ^= 1
    table.write_bytes(data)
    with pytest.raises(StoreCorruptError, match="restore"):
        Database.open(table.parent, create=False)  # the database's own first row is in that block
    data[100] ^= 1
    data[len(data) // 2] ^= 1
    table.write_bytes(data)
    with Database.open(table.parent, create=False) as again, pytest.raises(StoreCorruptError):
        again.check_files()


def test_no_read_gives_a_changed_value(database: Database) -> None:
    # Values that do not compress are in the table as they are, so nothing but the checksum tells.
    random = Random(2)
    rows = {b"k%05d" % number: random.randbytes(100) for number in range(500)}
    database.write(rows.items())
    table = in_a_table(database)
    data = bytearray(table.read_bytes())
    data[data.index(rows[b"k00250"]) + 50] ^= 1
    table.write_bytes(data)
    with Database.open(table.parent, create=False) as again, again.snapshot() as snapshot:
        reads: list[Callable[[bytes], object]] = [
            again.get,
            lambda key: again.get_many([key])[0],
            snapshot.get,
            lambda key: dict(again.iterate(key))[key],
            lambda key: dict(again.iterate(key, reverse=True))[key],
        ]
        for read in reads:
            assert read(b"k00010") == rows[b"k00010"]
            with pytest.raises(StoreCorruptError):
                read(b"k00250")


def test_a_lost_table_is_found_on_opening(database: Database) -> None:
    database.write([(b"a", b"1")])
    table = in_a_table(database)
    table.unlink()
    with pytest.raises(StoreCorruptError) as caught:
        Database.open(table.parent, create=False)
    assert caught.value.rule == "store.corrupt"


@pytest.mark.parametrize("name", ["CURRENT", high_water.FILE_NAME])
def test_a_lost_small_file_is_found_on_opening(database: Database, name: str) -> None:
    database.write([(b"a", b"1")])
    database.close()
    (database.path / name).unlink()
    for create in (False, True):
        with pytest.raises(StoreCorruptError):
            Database.open(database.path, create=create)


def log_of(database: Database) -> Path:
    (log,) = database.path.glob("*.log")
    return log


def test_a_log_cut_at_the_end_of_a_record_is_found_and_the_files_are_kept(database: Database) -> None:
    database.write([(b"a", b"1")])
    size = log_of(database).stat().st_size
    database.write([(b"b", b"2")])
    database.close()
    log = log_of(database)
    log.write_bytes(log.read_bytes()[:size])
    plain = log.read_bytes()
    for _ in range(2):  # and again, since opening has changed LevelDB's files
        with pytest.raises(StoreCorruptError) as caught:
            Database.open(database.path, create=False)
        assert caught.value.rule == "store.rolled-back"
    assert (database.path / as_found.KEPT / log.name).read_bytes() == plain


def test_a_log_cut_to_nothing_is_found(database: Database) -> None:
    database.write([(b"a", b"1")])
    database.close()
    log_of(database).write_bytes(b"")
    for create in (False, True):
        with pytest.raises(StoreCorruptError):
            Database.open(database.path, create=create)


def test_a_write_cut_short_by_a_crash_is_dropped_and_the_rest_is_there(database: Database) -> None:
    database.write([(b"a", b"1")])
    number = log_of(database).stat().st_size
    slots = (database.path / high_water.FILE_NAME).read_bytes()
    database.write([(b"b", bytes(1_000))])
    database.close()
    log = log_of(database)
    data = log.read_bytes()
    for keep in (1, 6, 7, 8, 500, len(data) - number - 1):
        log.write_bytes(data[: number + keep])
        # A crash comes before the number of the batch is noted.
        (database.path / high_water.FILE_NAME).write_bytes(slots)
        with Database.open(database.path, create=False) as again:
            assert list(again.iterate()) == [(b"a", b"1")]
        assert not (database.path / as_found.KEPT).exists()
        for table in database.path.glob("*.ldb"):
            table.unlink()
        restore(database.path, log.name, data)


def restore(path: Path, log: str, data: bytes) -> None:
    """Put the log back as it was, alone: LevelDB's manifest of a new database knows no tables."""
    for child in path.iterdir():
        if child.is_file() and child.name != high_water.FILE_NAME:
            child.unlink()
    fresh = path.parent / "fresh"
    Database.open(fresh, create=True).close()
    for child in fresh.iterdir():
        if child.name.startswith(("CURRENT", "MANIFEST")):
            child.rename(path / child.name)
    for child in fresh.iterdir():
        child.unlink()
    fresh.rmdir()
    (path / log).write_bytes(data)


@pytest.mark.parametrize("kind", ["*.log", "MANIFEST-*"])
def test_every_changed_length_in_a_log_is_found_before_leveldb_drops_what_follows(
    database: Database, kind: str
) -> None:
    for number in range(3):
        database.write([(b"k%d" % number, bytes(20 * number))])
    database.close()
    (path,) = database.path.glob(kind)
    data = path.read_bytes()
    found = 0
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 6], "little")
        for wrong in (length ^ 1, length ^ 64, length ^ 0x8000, length + 1_000, 0xFFFF):
            path.write_bytes(data[: at + 4] + wrong.to_bytes(2, "little") + data[at + 6 :])
            with pytest.raises(StoreCorruptError):
                Database.open(database.path, create=False)
            found += 1
        at += 7 + length
    assert found >= 10
    path.write_bytes(data)
    with Database.open(database.path, create=False) as again:
        assert len(list(again.iterate())) == 3


def test_either_slot_of_the_high_water_may_be_damaged_but_not_both(database: Database) -> None:
    for number in range(3):
        database.write([(b"a", b"%d" % number)])
    database.close()
    file = database.path / high_water.FILE_NAME
    data = file.read_bytes()
    for position in (3, 12, 4096 + 7, 4096 + 15):
        changed = bytearray(data)
        changed[position] ^= 1
        file.write_bytes(changed)
        opened = high_water.HighWater.open(database.path)
        assert opened.number in {3, 4}  # one write makes the database
        opened.close()
    changed = bytearray(data)
    changed[3] ^= 1
    changed[4096 + 3] ^= 1
    file.write_bytes(changed)
    with pytest.raises(StoreCorruptError) as caught:
        Database.open(database.path, create=False)
    assert caught.value.rule == "store.high-water"


@pytest.mark.parametrize(
    ("error", "kind", "rule"),
    [
        (
            plyvel.IOError(b"IO error: lock /x/LOCK: already held by process"),
            StoreLockedError,
            "store.locked",
        ),
        (plyvel.IOError(b"IO error: /x/LOCK: Read-only file system"), StoreError, "store.read-only"),
        (plyvel.IOError(b"IO error: /x/3.log: No space left on device"), StoreError, "store.full"),
        (plyvel.IOError(b"IO error: /x/3.log: File too large"), StoreError, "store.full"),
        (plyvel.IOError(b"IO error: /x/3.log: Disk quota exceeded"), StoreError, "store.full"),
        (plyvel.IOError(b"IO error: /x/3.log: Permission denied"), StoreError, "store.read-only"),
        (plyvel.IOError(b"IO error: /x/3.log: Input/output error"), StoreError, "store.io"),
        (
            plyvel.Error(b"NotFound: /x/000005.ldb: No such file or directory"),
            StoreCorruptError,
            "store.corrupt",
        ),
        (plyvel.CorruptionError(b"Corruption: block checksum mismatch"), StoreCorruptError, "store.corrupt"),
        (OSError(28, "No space left on device"), StoreError, "store.full"),
        (PermissionError(13, "Permission denied"), StoreError, "store.read-only"),
    ],
)
def test_what_the_disk_said_becomes_what_to_do(error: Exception, kind: type[StoreError], rule: str) -> None:
    translated = translate(error, Path("/x"))
    assert type(translated) is kind
    assert translated.rule == rule
    assert "/x" in translated.detail
    assert translated.detail.endswith((".", "lost."))


def test_the_databases_own_rows_stay_out_of_sight(database: Database) -> None:
    assert database.get(FIRST_KEY) is not None
    assert database.get(LAST_KEY) is not None
    assert list(database.iterate()) == []
    assert list(database.iterate(reverse=True)) == []
    assert database.approximate_size() > 0
