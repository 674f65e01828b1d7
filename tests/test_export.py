"""Exports: the paths and bytes of a served ledger, complete or not there, and never of something that does not fit its root."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint, tiles
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.hashing import leaf_hashes
from ledger.verify.audit import audit
from ledger.verify.report import Level
from ledger.verify.sources.base import LogSource
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.stored import open_store
from node.export import README_PATH, _TileWriter, export
from node.home import Home
from node.log_blocks import read_blocks, read_bundles
from node.safe_files import OccupiedError
from tests.support import document_record, put, running_node, sign

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A ledger of more than one bundle, with entries of one record and of many."""
    with running_node(tmp_path_factory.mktemp("export")) as node:
        put(node, *[sign(node) for _ in range(290)])
        put(node, sign(node, [document_record() for _ in range(40)]))
        put(node, sign(node))
        return node.home


@contextmanager
def source_of(home: Home) -> Iterator[LogSource]:
    with open_store(home.ledger) as store:
        yield store


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_export_has_the_paths_and_bytes_of_the_served_log(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "export"
    with open_store(home.ledger) as store:
        size = store.head.size
        exported = export(store, out)
        wanted = {
            tiles.tile_path(*tile): store.tile(int(tile.level), tile.n, tile.width)
            for tile in tiles.tiles(size)
        }
        for n in range(-(-size // 256)):
            width = tiles.tile_width("entries", n, size)
            wanted[tiles.tile_path("entries", n, width)] = store.entry_bundle(n, width)
            wanted[tiles.tile_path("records", n, width)] = store.records_bundle(n, width)
        wanted["checkpoint"] = store.checkpoint().encode()
        wanted["genesis"] = store.leaf(0)
    wanted["policy"] = home.policy.read_bytes()
    found = files_of(out)
    readme = found.pop(README_PATH).decode()
    assert found == wanted
    assert size > 256
    assert exported.size == size
    assert exported.genesis.chain_id.hex() in readme
    assert exported.checked.checkpoint.root.hex() in readme


def test_an_export_is_audited_without_a_node(home: Home, tmp_path: Path) -> None:
    with source_of(home) as source:
        export(source, tmp_path / "export")
    report = audit(ExportSource(tmp_path / "export"), level=Level.FULL)
    assert report.records == 290 + 40 + 1


def test_an_export_of_an_export_is_the_same(home: Home, tmp_path: Path) -> None:
    with source_of(home) as source:
        export(source, tmp_path / "one")
    export(ExportSource(tmp_path / "one"), tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_progress_goes_from_nothing_to_all(home: Home, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    with source_of(home) as source:
        exported = export(source, tmp_path / "export", lambda done, of: heard.append((done, of)))
    assert heard == [(done, exported.size) for done, _ in heard]
    assert [done for done, _ in heard] == [*range(0, exported.size, 256), exported.size]


@pytest.mark.parametrize("occupied", ["folder", "file", "link"])
def test_nothing_is_overwritten(home: Home, tmp_path: Path, occupied: str) -> None:
    out = tmp_path / "export"
    if occupied == "folder":
        out.mkdir()
        (out / "kept").write_text("mine")
    elif occupied == "file":
        out.write_text("mine")
    else:
        out.symlink_to(tmp_path / "elsewhere")
    with source_of(home) as source, pytest.raises(OccupiedError):
        export(source, out)
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_an_empty_folder_is_filled(home: Home, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    with source_of(home) as source:
        export(source, tmp_path / "export")
    assert (tmp_path / "export" / "checkpoint").is_file()
    # A web server must be able to read it.
    assert (tmp_path / "export").stat().st_mode & 0o777 == 0o755


@dataclass
class Changed:
    """A source that gives something else than what is there."""

    source: LogSource
    entries: dict[int, bytes] = field(default_factory=dict)
    records: dict[int, bytes] = field(default_factory=dict)
    text: str = ""
    failing: LedgerError | None = None

    def checkpoint(self) -> str:
        return self.text or self.source.checkpoint()

    def tile(self, level: int, n: int, width: int) -> bytes:
        return self.source.tile(level, n, width)

    def entry_bundle(self, n: int, width: int) -> bytes:
        if n == 1 and self.failing is not None:
            raise self.failing
        return self.entries.get(n) or self.source.entry_bundle(n, width)

    def records_bundle(self, n: int, width: int) -> bytes:
        return self.records.get(n) or self.source.records_bundle(n, width)


def test_a_changed_leaf_is_not_exported(home: Home, tmp_path: Path) -> None:
    with source_of(home) as source:
        leaves = tiles.decode_entry_bundle(source.entry_bundle(0, 256))
        # The signature's last byte: the entry is still one, with the same records.
        leaves[10] = leaves[10][:-1] + bytes((leaves[10][-1] ^ 1,))
        with pytest.raises(VerificationError) as caught:
            export(Changed(source, entries={0: tiles.encode_entry_bundle(leaves)}), tmp_path / "export")
    assert caught.value.rule == "export.root"
    assert list(tmp_path.iterdir()) == []


def test_a_changed_record_is_not_exported(home: Home, tmp_path: Path) -> None:
    with source_of(home) as source:
        records = tiles.decode_records_bundle(source.records_bundle(0, 256))
        at = next(index for index in range(3, 256) if records[index] and len(records[index][0]) > 64)
        records[at][0] = records[at][0][:-1] + bytes((records[at][0][-1] ^ 1,))
        with pytest.raises(VerificationError) as caught:
            export(Changed(source, records={0: tiles.encode_records_bundle(records)}), tmp_path / "export")
    assert caught.value.rule == "entry.records-root"
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_without_its_cosignature_is_not_exported(home: Home, tmp_path: Path) -> None:
    with source_of(home) as source:
        lines = source.checkpoint().splitlines(keepends=True)
        with pytest.raises(CannotTellError) as caught:
            export(Changed(source, text="".join(lines[:-1])), tmp_path / "export")
    assert caught.value.rule == "policy.quorum-missing"
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_half_way_leaves_nothing(home: Home, tmp_path: Path) -> None:
    with source_of(home) as source, pytest.raises(FormatError):
        export(Changed(source, failing=FormatError("test.lost", "gone")), tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_has_its_name_only_when_it_is_whole(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash before the rename: nothing has the name, and what was begun is hidden beside it."""

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", crash)
    with source_of(home) as source, pytest.raises(KeyboardInterrupt):
        export(source, tmp_path / "export")
    assert not (tmp_path / "export").exists()


class Folder:
    """A sink in memory, which takes each path once."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def add(self, path: str, data: bytes) -> None:
        assert path not in self.files
        self.files[path] = data


@given(st.integers(1, 1400))
def test_the_tiles_of_any_size_are_those_of_the_format(size: int) -> None:
    hashes = leaf_hashes(number.to_bytes(4, "big") for number in range(size))
    folder = Folder()
    writer = _TileWriter(folder)
    for first in range(0, size, 256):
        writer.append(first, hashes[first : first + 256])
    writer.finish()
    wanted = tiles.new_tiles(0, hashes, lambda *_: b"")
    assert folder.files == {
        tiles.tile_path(level, n, len(tile) // 32): tile for (level, n), tile in wanted.items()
    }


@given(start=st.integers(0, 330))
def test_bundles_are_read_from_anywhere(module_source: LogSource, start: int) -> None:
    size = checkpoint.parse(module_source.checkpoint()).size
    every = [leaf for _, leaves, _ in read_bundles(module_source, 0, size) for leaf in leaves]
    some: list[bytes] = []
    for first, leaves, records in read_bundles(module_source, start, size):
        assert first == start + len(some)
        assert len(leaves) == len(records)
        some += leaves
    assert some == every[start:]


def test_blocks_are_those_of_the_store(home: Home) -> None:
    with open_store(home.ledger) as store:
        blocks = list(read_blocks(store, 0, 0, store.head.size))
        assert blocks == [store.block(height) for height in range(store.head.height + 1)]
        last = blocks[-1]
        assert list(read_blocks(store, last.height, last.first_index, store.head.size)) == [last]
        with pytest.raises(FormatError, match="middle of a block"):
            list(read_blocks(store, 0, 0, store.head.size - 1))


@pytest.fixture(scope="module")
def module_source(home: Home) -> LogSource:
    """An export of its own, so that the store stays free for the other tests."""
    folder = home.path.parent / "for-reading"
    with source_of(home) as source:
        export(source, folder)
    return ExportSource(folder)
