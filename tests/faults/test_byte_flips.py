"""Every single-byte change to a small ledger is found by an audit, or changes nothing that the ledger holds.

First on the rows, as if the database had handed out a wrong byte without noticing; then on the files of an export; then on
the database's own files, where LevelDB's checksums, the high-water mark or the audit must notice. There some bytes are
harmless, and the audit may pass, if every row is as it was, however it is read: the text of LOG; HIGH-WATER, which says
everything twice, and the gap in it; and in tables the filters (LevelDB goes without one that is damaged) and padding.

Each byte is changed once here, and which way goes by its place. With SOGOC_DEEP=1 each byte is changed in nine ways, and
every byte of the database's files instead of a sample.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from ledger.encoding import encode
from ledger.errors import LedgerError
from ledger.policy import Policy
from ledger.store import layout
from ledger.store.database import Reader
from ledger.store.ledger_store import LedgerStore
from ledger.store.rebuild import content_digest
from ledger.verify import LogSource, audit
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.stored import StoreSource, open_store
from tests import chains
from tests.chains import Chain
from tests.changing import Changing

DEEP = bool(os.environ.get("SOGOC_DEEP"))
MASKS = (1, 2, 4, 8, 16, 32, 64, 128, 255)


def masks(position: int) -> Iterable[int]:
    return MASKS if DEEP else (MASKS[position % len(MASKS)],)


def changes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """`data` with one byte changed, again and again, and what was changed."""
    for position, byte in enumerate(data):
        for mask in masks(position):
            changed = bytearray(data)
            changed[position] = byte ^ mask
            yield f"byte {position} ^ {mask:#04x}", bytes(changed)


def small() -> Chain:
    """Two blocks after the genesis block: an entry of one record, an entry of two."""
    chain = Chain()
    chain.add_documents(1)
    chain.add_documents(2)
    return chain


CHAIN = small()
POLICY = CHAIN.policy


@pytest.fixture
def store(written: Path, tmp_path: Path) -> Path:
    """A copy of the store: LevelDB moves rows from its log to a table whenever it opens."""
    return shutil.copytree(written, tmp_path / "ledger")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store, opened once before so that some of it lies in a table and some in a log."""
    path = tmp_path_factory.mktemp("flips") / "written"
    CHAIN.write_store(path).close()
    with closing(LedgerStore.open(path)) as opened:
        opened.advance_engine(opened.head.engine_height + 1)
        opened.record_intent_to_sign(chains.key("cosigning 0").public_key, opened.head.size, opened.head.root)
        opened.put_signatures(opened.head.size, CHAIN.signed())
    return path


@dataclass
class Flipped(Reader):
    """A database that hands out one wrong value, or none (None), or has a row too many (`added`)."""

    true: Reader
    row: bytes = b""
    value: bytes | None = None
    added: bool = False

    @property
    def path(self) -> Path:
        return self.true.path

    def get(self, key: bytes) -> bytes | None:
        return self.value if key == self.row else self.true.get(key)

    def get_many(self, keys: Iterable[bytes]) -> list[bytes | None]:
        return [self.get(key) for key in keys]

    def iterate(
        self,
        prefix: bytes = b"",
        *,
        start: bytes | None = None,
        stop: bytes | None = None,
        reverse: bool = False,
        at_once: int = 100,
    ) -> Iterator[tuple[bytes, bytes]]:
        rows = list(self.true.iterate(prefix, start=start, stop=stop, reverse=reverse, at_once=at_once))
        inside = (
            self.row.startswith(prefix)
            and (start is None or self.row >= start)
            and (stop is None or self.row < stop)
        )
        if self.added and inside:
            rows = sorted([*rows, (self.row, b"")], reverse=reverse)
        for key, value in rows:
            if key != self.row:
                yield key, value
            elif self.value is not None:
                yield key, self.value


KINDS = [
    value
    for name, value in vars(layout).items()
    if name.isupper() and isinstance(value, bytes) and value not in (layout.VALIDATOR_CHANGE, layout.ARRIVING)
]
"""Kinds of rows of a whole ledger whose validators never changed."""


def test_every_kind_of_row_is_tried(store: Path) -> None:
    with open_store(store) as source:
        present = {key[:1] for key, _ in source.reader.iterate()}
    assert present == set(KINDS)


def passes(open_source: Callable[[], LogSource], policy: Policy | None) -> bool:
    try:
        audit(open_source(), policy)
    except LedgerError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_every_changed_byte_of_every_value_is_found(store: Path, kind: bytes) -> None:
    with open_store(store) as source:
        assert passes(partial(StoreSource, Flipped(source.reader)), POLICY)
        for row, value in source.reader.iterate(kind):
            for what, changed in changes(value):
                flipped = Flipped(source.reader, row, changed)
                assert not passes(partial(StoreSource, flipped), POLICY), f"{row.hex()}: {what}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_missing_row_and_every_row_too_many_is_found(store: Path, kind: bytes) -> None:
    with open_store(store) as source:
        for row, value in source.reader.iterate(kind):
            # A follower has no key of its own, so that this row is missing tells nothing.
            if kind != layout.COSIGNED:
                assert not passes(partial(StoreSource, Flipped(source.reader, row, None)), POLICY), row.hex()
            for extra in (row + b"\0", row[:-1] + bytes((row[-1] ^ 0x80,)), row[:1] + b"\xfe" * 8):
                added = Flipped(source.reader, extra, value)
                added.added = True
                assert not passes(partial(StoreSource, added), POLICY), extra.hex()


def test_a_row_of_a_snapshot_that_still_arrives_is_found_in_a_whole_ledger(store: Path) -> None:
    with open_store(store) as source:
        added = Flipped(source.reader, layout.ARRIVING, encode([b"", None]))
        added.added = True
        assert not passes(partial(StoreSource, added), POLICY)


def test_every_change_of_a_row_about_validators_is_found(tmp_path: Path) -> None:
    changing = Changing()
    changing.documents()
    changing.rotate(0)
    changing.documents()
    with closing(changing.chain.write_store(tmp_path / "changed", sign=False)) as made:
        for header in changing.chain.headers:
            signers = changing.sets[sum(header.size > size for size in changing.closings)]
            made.put_signatures(header.size, changing.sign(header.size, signers))
    with open_store(tmp_path / "changed") as source:
        policy = changing.policy
        assert passes(partial(StoreSource, Flipped(source.reader)), policy)
        rows = list(source.reader.iterate(layout.VALIDATOR_CHANGE))
        assert rows
        for row, value in rows:
            for what, altered in [*changes(value), ("missing", None)]:
                flipped = Flipped(source.reader, row, altered)
                assert not passes(partial(StoreSource, flipped), policy), f"{row.hex()}: {what}"
            added = Flipped(source.reader, row + b"\0", value)
            added.added = True
            assert not passes(partial(StoreSource, added), policy)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_every_changed_byte_of_an_export_is_found(tmp_path: Path) -> None:
    export = CHAIN.export(tmp_path / "export")
    assert passes(lambda: ExportSource(export), POLICY)
    for path in files_of(export):
        data = path.read_bytes()
        for what, changed in changes(data):
            path.write_bytes(changed)
            if passes(lambda: ExportSource(export), POLICY):
                # A space made a tab, say, leaves the same policy, and the audit compares what it means.
                assert path.name == "policy", f"{path}: {what}"
                assert Policy.parse(changed) == POLICY
        path.write_bytes(data)


def test_every_missing_file_of_an_export_but_two_is_found(tmp_path: Path) -> None:
    export = CHAIN.export(tmp_path / "export")
    for path in files_of(export):
        data = path.read_bytes()
        path.unlink()
        # A mirror of the log alone can be audited too: the policy is the reader's, the genesis document is leaf 0.
        assert passes(lambda: ExportSource(export), POLICY) == (path.name in {"policy", "genesis"})
        path.write_bytes(data)


def digest(path: Path) -> bytes:
    with open_store(path) as source:
        assert all(source.reader.get(row) == value for row, value in source.reader.iterate())
        return content_digest(source.reader)


def open_and_audit(path: Path) -> None:
    with open_store(path) as source:
        audit(source, POLICY)


@pytest.mark.parametrize("name", ["table", "log", "MANIFEST", "CURRENT", "HIGH-WATER", "LOG"])
def test_changed_bytes_of_the_database_files_are_found_or_change_no_row(
    written: Path, store: Path, tmp_path: Path, name: str
) -> None:
    true = digest(store)
    pattern = {"table": "db/*.ldb", "log": "db/*.log", "MANIFEST": "db/MANIFEST-*"}.get(name, f"db/{name}")
    originals = sorted(written.glob(pattern))
    assert originals
    copy = tmp_path / "copy"
    for original in originals:
        for position, changed in samples(original.read_bytes(), 40):
            shutil.copytree(written, copy)
            (copy / "db" / original.name).write_bytes(changed)
            try:
                open_and_audit(copy)
            except LedgerError:
                pass
            else:
                assert digest(copy) == true, f"byte {position} of {original.name} changed a row unnoticed"
            shutil.rmtree(copy)


def samples(data: bytes, count: int) -> Iterator[tuple[int, bytes]]:
    """`data` with one byte changed, at every place, or at `count` places at equal distances, the first and the last."""
    distance = 1 if DEEP else max(1, len(data) // count)
    places = {*range(0, len(data), distance), *range(min(4, len(data))), len(data) - 1}
    for position in sorted(places):
        for mask in masks(position):
            changed = bytearray(data)
            changed[position] ^= mask
            yield position, bytes(changed)
