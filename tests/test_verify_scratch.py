"""The scratch state, in memory and spilled to the disk; and that an audit's memory does not grow with the ledger."""

from __future__ import annotations

import sys
import tracemalloc
from functools import partial
from pathlib import Path

import pytest

from ledger import verify
from ledger.block import Header
from ledger.store import layout
from ledger.verify import Level
from ledger.verify.quick import check
from ledger.verify.replay import Replay
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.scratch import Scratch
from ledger.verify.sources.stored import open_store
from tests.chains import Chain, chain_of
from tests.test_verify_ahead import jobs_of

scratch_module = sys.modules["ledger.verify.sources.scratch"]
auditing = sys.modules["ledger.verify.audit"]


def replayed(chain: Chain, replay: Replay) -> Header:
    """Replay a chain without anything worked out ahead; return the header that it ends with."""
    for job in jobs_of(chain):
        replay.segment(job, ())
        for fact in check(job).facts:
            replay.block(fact)
    return replay.last


@pytest.mark.parametrize("page_limit", [0, 5_000, 10**9])
@pytest.mark.parametrize("limit", [0, 5_000, 10**9])
def test_it_holds_the_rows_that_a_store_holds_wherever_they_are(
    limit: int, page_limit: int, tmp_path: Path
) -> None:
    chain = chain_of(6, 5, 3)
    chain.write_store(tmp_path / "store").close()
    with (
        Scratch(limit, tmp_path, page_limit=page_limit) as scratch,
        open_store(tmp_path / "store") as source,
    ):
        assert replayed(chain, Replay(chain.genesis, scratch)) == chain.tip.header
        kinds = (layout.LOOKUP, layout.STATE_PAGE, layout.STATE_ROW)
        for kind in kinds:
            assert list(scratch.rows(kind)) == list(source.reader.iterate(kind))
        for key, value in chain.state.rows.items():
            assert scratch.get(key) == value
        for path, page in chain.state.pages.items():
            assert scratch.page(path) == page
        assert scratch.get(b"no such key") is None
        assert scratch.page(b"\x04ffff") is None
        assert len(list(tmp_path.glob("sogoc-audit-*"))) == (min(limit, page_limit) < 10**9)
    assert list(tmp_path.glob("sogoc-audit-*")) == []


@pytest.mark.parametrize("limit", [0, 5_000, 10**9])
def test_an_audit_says_the_same_wherever_it_executes(limit: int, tmp_path: Path) -> None:
    chain = chain_of(6, 5, 3)
    chain.write_store(tmp_path / "store").close()
    with open_store(tmp_path / "store") as source:
        verify.audit(source, scratch=partial(Scratch, limit, tmp_path, page_limit=limit))


@pytest.mark.parametrize("kind", ["rows", "pages", "lookups"])
@pytest.mark.parametrize("size", [20, 200, 2_000])
def test_what_it_counts_is_what_python_takes(kind: str, size: int, tmp_path: Path) -> None:
    limit = 2_000_000
    tracemalloc.start()
    try:
        with Scratch(limit, tmp_path, page_limit=limit) as scratch:
            before, most = tracemalloc.get_traced_memory()[0], 0
            for number in range(3 * limit // (size + 200)):
                one = {b"key %d" % number: bytes(size)}
                given: dict[str, dict[bytes, bytes]] = {"rows": {}, "pages": {}, "lookups": {}, kind: one}
                scratch.write(given["rows"], given["pages"], given["lookups"].items())
                most = max(most, tracemalloc.get_traced_memory()[0] - before)
            # It did spill, more than once, and before that it held what it may and little more.
            assert list(tmp_path.glob("sogoc-audit-*"))
            assert limit / 2 < most < 1.25 * limit
    finally:
        tracemalloc.stop()


def peak_of(export: Path, level: Level, tmp_path: Path) -> int:
    tracemalloc.start()
    try:
        small = partial(Scratch, 100_000, tmp_path, page_limit=100_000)
        verify.audit(ExportSource(export), level=level, window=2, scratch=small)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("level", [Level.SIGNATURES, Level.FULL])
def test_memory_does_not_grow_with_the_ledger(
    level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A small ledger must fill what a large one may use, so that may be little.
    monkeypatch.setattr(auditing, "TASK_BYTES", 1)
    monkeypatch.setattr(scratch_module, "_NEAR_PATH", 2)
    chain = Chain()
    exports = []
    for blocks in (60, 120):
        for _ in range(blocks):
            chain.add_documents(*[1] * 15)
        exports.append(chain.export(tmp_path / str(blocks)))
    assert chain.size > 11 * 256
    small, large = (peak_of(export, level, tmp_path) for export in exports)
    assert large < 1.2 * small
