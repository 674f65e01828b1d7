"""What an audit finds and where it says it is; and that neither the source nor whoever does the work changes that."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import verify
from ledger.encoding import encode
from ledger.errors import CannotTellError, FormatError
from ledger.genesis import genesis_policy
from ledger.merkle import root, root_of_hashes
from ledger.policy import Policy
from ledger.store import layout
from ledger.store.database import Database, Row
from ledger.verify import AuditFailure, Level, LogSource, reading
from ledger.verify.linking import UpperTiles
from ledger.verify.segments import Job
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.stored import StoreSource, open_store
from tests.chains import ORIGIN, Chain, Image, key, make_genesis, sign_checkpoint, small_chain
from tests.forgeries import (
    FORGERIES,
    POLICY,
    SMALL,
)

auditing = sys.modules["ledger.verify.audit"]
"""The module; its function has the same name, and is what the package shows."""

pytestmark = pytest.mark.usefixtures("no_network")


def long_chain() -> Chain:
    """Two segments and a bit; blocks that begin in one and end in the next, an entry of very many records."""
    chain = Chain()
    for number in range(60):
        chain.add_documents(*[1 + (number + n) % 3 for n in range(8)])
    chain.add_documents(127, 128, 257, 1)
    return chain


LONG = long_chain()


# --- ledgers that are right -------------------------------------------------------------------------------------------


def counted(chain: Chain) -> tuple[int, int]:
    """Entries and records of a chain."""
    entries = [
        items for leaf, items in zip(chain.leaves, chain.records, strict=True) if leaf[:2] == b"\x93\x00"
    ]
    return len(entries), sum(map(len, entries))


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("chain", [SMALL, LONG, Chain()], ids=["small", "long", "genesis alone"])
def test_a_ledger_that_is_right_passes_in_memory_as_an_export_and_as_a_store(
    chain: Chain, level: Level, tmp_path: Path
) -> None:
    chain.export(tmp_path / "export")
    chain.write_store(tmp_path / "store").close()
    entries, records = counted(chain)
    reports = [verify.audit(chain, chain.policy, level=level)]
    reports.append(verify.audit(ExportSource(tmp_path / "export"), level=level))
    with open_store(tmp_path / "store") as source:
        reports.append(verify.audit(source, level=level))
    for report in reports:
        assert (report.level, report.size, report.height) == (level, chain.size, chain.headers[-1].height)
        assert (report.root, report.chain_id, report.origin) == (chain.root, chain.genesis.chain_id, ORIGIN)
        assert (report.entries, report.records) == (entries, records if level > Level.LINKS else 0)
        assert report.checkpoint.checkpoint.size == chain.size


def test_a_snapshot_of_a_store_that_goes_on_growing_is_audited_as_it_was(tmp_path: Path) -> None:
    chain = small_chain()
    store = chain.write_store(tmp_path / "store")
    with store.snapshot() as snapshot:
        header = chain.add_documents(1)
        store.commit(chain.commits[-1], header.engine_height)
        assert verify.audit(StoreSource.of_view(snapshot)).size == SMALL.size
    # The new block is whole; it has no checkpoint yet, so that one still covers the blocks before it.
    store.close()
    with open_store(tmp_path / "store") as source:
        report = verify.audit(source)
    assert (report.size, report.checkpoint.checkpoint.size) == (chain.size, SMALL.size)


def test_an_older_checkpoint_covers_the_log_as_it_was() -> None:
    image = SMALL.image()
    image.checkpoint_text = SMALL.signed(2)
    assert verify.audit(image, POLICY).height == 2


def test_progress_is_told_in_leaves() -> None:
    told: list[tuple[int, int]] = []
    verify.audit(LONG, level=Level.LINKS, progress=lambda done, total: told.append((done, total)))
    assert told == [(256, LONG.size), (512, LONG.size), (LONG.size, LONG.size)]


def test_several_validators_and_their_quorum() -> None:
    chain = small_chain(4)
    assert verify.audit(chain).checkpoint.cosignatures
    header = chain.headers[-1]
    for signers, enough in (((0, 1, 2), True), ((0, 1), False)):
        image = chain.image()
        image.checkpoint_text = sign_checkpoint(
            header.size, chain.root, validators=signers, time_s=1_800_000_000
        )
        if enough:
            verify.audit(image)
        else:
            with pytest.raises(CannotTellError, match=r"policy\.quorum-missing"):
                verify.audit(image)


def test_a_store_hangs_from_its_newest_checkpoint_that_has_a_quorum(tmp_path: Path) -> None:
    chain = small_chain(4)
    store = chain.write_store(tmp_path / "store")
    for height, signers in ((3, (0, 1)), (2, (1,))):
        size = chain.headers[height].size
        root_there = store.checkpoint_root(size)
        store.put_signatures(
            size, sign_checkpoint(size, root_there, validators=signers, time_s=1_800_000_000)
        )
    store.close()
    with open_store(tmp_path / "store") as source:
        report = verify.audit(source)
        assert (report.size, report.checkpoint.checkpoint.size) == (chain.size, chain.headers[1].size)
    with (
        open_store(tmp_path / "store") as source,
        pytest.raises(CannotTellError, match=r"policy\.quorum-missing"),
    ):
        verify.audit(source, replace_threshold(chain.policy))


def replace_threshold(policy: Policy) -> Policy:
    """A policy that asks for a validator who never signed."""
    strangers = genesis_policy(make_genesis(5))
    (group,) = strangers.groups
    return dataclasses.replace(strangers, groups=(dataclasses.replace(group, threshold=5),), logs=policy.logs)


# --- forgeries --------------------------------------------------------------------------------------------------------


UNKNOWN = {"header.rules-version", "leaf.tag", "entry.version", "record.type-unknown"}


def place(failure: AuditFailure) -> tuple[int | None, int | None, int | None]:
    return failure.height, failure.index, failure.record_index


def failure_of(
    source: LogSource, level: Level = Level.FULL, *, executor: Executor | None = None
) -> AuditFailure:
    with pytest.raises(AuditFailure) as caught:
        verify.audit(source, POLICY, level=level, executor=executor, window=2)
    return caught.value


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found_where_it_is_at_its_level_and_not_before(name: str) -> None:
    forgery = FORGERIES[name]
    for level in Level:
        if level < forgery.level:
            verify.audit(forgery.make(), POLICY, level=level)
            continue
        with pytest.raises(CannotTellError if forgery.rule in UNKNOWN else AuditFailure) as caught:
            verify.audit(forgery.make(), POLICY, level=level)
        assert caught.value.rule == forgery.rule
        if isinstance(caught.value, AuditFailure):
            assert place(caught.value) == (forgery.height, forgery.index, forgery.record)
        else:
            assert caught.value.detail.startswith(f"block {forgery.height}, log index {forgery.index}")


def test_a_failure_says_where_and_why() -> None:
    failure = failure_of(FORGERIES["rules: field table"].make())
    assert str(failure) == (
        "block 2, log index 5, record 1: field 'size' must be from 0 to 9007199254740991, not -1 [record.field-range]"
    )


def test_a_checkpoint_under_another_name_or_by_nobody_trusted() -> None:
    image = SMALL.image()
    image.checkpoint_text = sign_checkpoint(
        SMALL.size, SMALL.root, time_s=1_800_000_000, origin="other.example/log"
    )
    with pytest.raises(CannotTellError, match=r"policy\.no-log-signature"):
        verify.audit(image)
    trusting_both = genesis_policy(make_genesis(origin="other.example/log"))
    with pytest.raises(AuditFailure, match=r"checkpoint\.origin"):
        verify.audit(image, trusting_both)
    image.checkpoint_text = image.checkpoint_text.replace("\n11\n", "\n10\n")
    with pytest.raises(AuditFailure, match=r"signature\.mismatch"):
        verify.audit(image, trusting_both)


@pytest.mark.parametrize("size", [0, 1, 5, 10])
def test_a_checkpoint_at_which_no_block_ends(size: int) -> None:
    image = SMALL.image()
    image.checkpoint_text = sign_checkpoint(size, root(image.leaves[:size]), time_s=1_800_000_000)
    assert failure_of(image).rule in {"checkpoint.size", "log.end"}


# --- what is served does not fit --------------------------------------------------------------------------------------


@dataclasses.dataclass
class Served:
    """A log of which some files are not those that belong to it."""

    image: Image
    changed: dict[tuple[str, int], Callable[[bytes], bytes]]

    def checkpoint(self) -> str:
        return self.image.checkpoint()

    def tile(self, level: int, n: int, width: int) -> bytes:
        return self._serve(str(level), n, self.image.tile(level, n, width))

    def entry_bundle(self, n: int, width: int) -> bytes:
        return self._serve("entries", n, self.image.entry_bundle(n, width))

    def records_bundle(self, n: int, width: int) -> bytes:
        return self._serve("records", n, self.image.records_bundle(n, width))

    def _serve(self, kind: str, n: int, data: bytes) -> bytes:
        change = self.changed.get((kind, n))
        return data if change is None else change(data)


def flip(position: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:position] + bytes((data[position] ^ 1,)) + data[position + 1 :]


def offset_of(leaves: Sequence[bytes], index: int) -> int:
    """Where in an entry bundle a leaf begins."""
    return sum(2 + len(leaf) for leaf in leaves[:index]) + 2


FAULTS: dict[str, tuple[tuple[str, int], Callable[[bytes], bytes], str, int | None]] = {
    "a leaf of the first segment": (("entries", 0), flip(offset_of(LONG.leaves, 100) + 50), "leaf.hash", 100),
    "a leaf of the last segment": (
        ("entries", 2),
        flip(offset_of(LONG.leaves[512:], 3) + 50),
        "leaf.hash",
        515,
    ),
    "a hash of a full tile": (("0", 1), flip(32 * 7), "tile.hash", 256 + 7),
    "a hash of the last tile": (("0", 2), flip(32 * 3), "tile.hash", 512 + 3),
    "a hash of level 1": (("1", 0), flip(33), "tile.hash", 511),
    "a tile cut short": (("0", 1), lambda data: data[:-32], "tiles.length", None),
    "a tile of level 1 cut short": (("1", 0), lambda data: data[:-1], "tiles.length", None),
    "leaves cut short": (("entries", 1), lambda data: data[:-1], "tiles.truncated", 511),
    "leaves that follow the last": (("entries", 1), lambda data: data + b"\0\1x", "tiles.bundle-width", 511),
    "records cut short": (("records", 1), lambda data: data[:-1], "tiles.truncated", 511),
    "records that follow the last": (("records", 1), lambda data: data + b"\0\0", "tiles.bundle-width", 511),
    "no leaves at all": (("entries", 1), lambda _: b"", "tiles.truncated", 256),
    "no records at all": (("records", 1), lambda _: b"", "tiles.truncated", 256),
    "a genesis document that is none": (("entries", 0), flip(3), "genesis.leaf", 0),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("level", Level)
def test_a_file_that_does_not_belong_is_named(name: str, level: Level) -> None:
    file, change, rule, index = FAULTS[name]
    failure = failure_of(Served(LONG, {file: change}), level)
    assert (failure.rule, failure.index) == (rule, index)
    if index is not None:
        assert failure.height == next(header.height for header in LONG.headers if header.index >= index)


def test_the_first_of_many_faults_is_named() -> None:
    files = [name for name, (_, _, _, index) in FAULTS.items() if index is not None]
    for first in files:
        for second in files:
            faults = [FAULTS[first], FAULTS[second]]
            if faults[0][0] == faults[1][0]:
                continue
            failure = failure_of(Served(LONG, {file: change for file, change, _, _ in faults}), Level.LINKS)
            # A tile of level 1 that is wrong is noticed where the segment ends whose root it has.
            assert failure.index == min(index for _, _, _, index in faults if index is not None)


class Levels(Image):
    """A log of which only the upper tiles are asked for."""

    def __init__(self, nodes: list[bytes]) -> None:
        super().__init__([], [])
        full = [root_of_hashes(nodes[start : start + 256]) for start in range(0, len(nodes) - 255, 256)]
        self.tiles = {(2, 0): b"".join(full[:256])}

    def tile(self, level: int, n: int, width: int) -> bytes:
        return self.tiles[level, n][: 32 * width]


@pytest.mark.parametrize("changed", [None, 0, 40, 95])
def test_tiles_above_level_one_are_made_again_and_compared(changed: int | None) -> None:
    nodes = [bytes((n >> 8, n & 255)) * 16 for n in range(3 * 256 + 5)]
    source = Levels(nodes)
    if changed is not None:
        source.tiles[2, 0] = flip(changed)(source.tiles[2, 0])
    upper = UpperTiles(source)
    for node in nodes:
        upper.add(1, node)
    if changed is None:
        upper.finish()
    else:
        with pytest.raises(AuditFailure, match=r"tile/2/000\.p/3"):
            upper.finish()


# --- a store's own faults ---------------------------------------------------------------------------------------------


def rewritten(path: Path, *rows: Row) -> AuditFailure:
    """Write rows into a store behind its back, and audit it."""
    with Database.open(path / "db", create=False) as database:
        database.write(rows)
    with open_store(path) as source:
        return failure_of(source)


def test_a_store_that_lost_its_last_block_knows_that_it_signed_it(tmp_path: Path) -> None:
    store = SMALL.write_store(tmp_path / "whole")
    store.close()
    shorter = Chain()
    shorter.add_documents(1)
    shorter.add_documents(1, 3)
    store = shorter.write_store(tmp_path / "store")
    store.learn_signed(key("cosigning 0").public_key, SMALL.size, SMALL.root)
    store.close()
    with open_store(tmp_path / "store") as source:
        failure = failure_of(source)
    assert failure.rule == "store.behind-cosigned"
    assert "has signed size 11, and the store ends at 7" in failure.detail


@pytest.mark.parametrize(
    ("row", "rule", "words"),
    [
        ((layout.numbered(layout.LEAF, 5), None), "store.row-missing", "leaf 5"),
        ((layout.numbered(layout.RECORDS, 7), None), "store.row-missing", "records of leaf 7"),
        ((layout.numbered(layout.LEAF, 11), b"x"), "store.row-extra", "leaf 11"),
        ((layout.numbered(layout.BLOCK, 2), layout.block_row(4, 3)), "store.row-differs", "row of block 2"),
        ((layout.numbered(layout.BLOCK, 4), layout.block_row(11, 1)), "store.row-extra", "row of block 4"),
        (
            (layout.numbered(layout.CHECKPOINT, 7), bytes(32)),
            "store.row-differs",
            "root of the log at size 7",
        ),
        ((layout.numbered(layout.CHECKPOINT, 9), bytes(32)), "store.row-extra", "root of the log at size 9"),
        ((layout.numbered(layout.SIGNED, 4), None), "store.row-differs", "summary of signed checkpoints"),
        ((layout.numbered(layout.SIGNED, 5), b"x"), "note.no-signatures", "signed checkpoint of size 5"),
        ((layout.tile_key(0, 1), bytes(32)), "store.row-extra", "tile 00"),
        ((layout.tile_key(0, 0), bytes(32 * 12)), "tile.hash", "tile/0/000.p/11"),
        ((layout.STATE_ROW + b"x", b"y"), "store.row-extra", "state row 78"),
        ((layout.STATE_PAGE + b"\0", None), "store.row-missing", "state page 00"),
        ((layout.LOOKUP + b"zz", b"y"), "store.row-extra", "lookup row 7a7a"),
        ((layout.COSIGNED + bytes(32), encode([11, SMALL.root])), "store.row-extra", "no validator"),
        ((b"zz", b"y"), "store.row-extra", "row 7a 7a"),
    ],
)
def test_a_row_of_a_store_is_named(row: Row, rule: str, words: str, tmp_path: Path) -> None:
    SMALL.write_store(tmp_path / "store").close()
    failure = rewritten(tmp_path / "store", row)
    assert failure.rule == rule
    assert words in failure.detail


def test_a_tile_that_is_too_long_is_found(tmp_path: Path) -> None:
    SMALL.write_store(tmp_path / "store").close()
    with open_store(tmp_path / "store") as source:
        tile = source.tile(0, 0, SMALL.size)
    failure = rewritten(tmp_path / "store", (layout.tile_key(0, 0), tile + bytes(32)))
    assert failure.rule == "store.row-differs"


def test_a_store_without_any_signed_checkpoint_hangs_from_nothing(tmp_path: Path) -> None:
    SMALL.write_store(tmp_path / "store", sign=False).close()
    with open_store(tmp_path / "store") as source:
        assert failure_of(source).rule == "store.row-missing"


def test_an_export_whose_files_do_not_belong_together(tmp_path: Path) -> None:
    export = SMALL.export(tmp_path / "export")
    (export / "genesis").write_bytes(make_genesis(2).leaf())
    assert failure_of(ExportSource(export)).rule == "export.genesis"
    (export / "genesis").unlink()
    (export / "policy").write_text(genesis_policy(make_genesis(2)).format())
    assert failure_of(ExportSource(export)).rule == "export.policy"
    (export / "policy").unlink()
    (export / "tile/entries/000.p/11").unlink()
    assert failure_of(ExportSource(export)).rule == "export.missing"
    with pytest.raises(FormatError, match=r"export\.missing"):
        ExportSource(tmp_path)


# --- who does the work ------------------------------------------------------------------------------------------------


class LastFirst(Executor):
    """Does nothing until somebody waits, and then the newest task first."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def submit(self, function: Any, /, *args: Any, **options: Any) -> Future[Any]:  # noqa: ANN401
        executor = self

        class Lazy(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:  # noqa: ANN401  as in the class above
                while executor.waiting:
                    executor.waiting.pop()()
                return super().result(timeout)

        future: Future[Any] = Lazy()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                future.set_result(function(*args, **options))

        self.waiting.append(run)
        return future


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture(params=["threads", "processes", "the last first"])
def executor(request: pytest.FixtureRequest, processes: Executor) -> Iterator[Executor]:
    makers: dict[str, Callable[[], Executor]] = {
        "threads": lambda: ThreadPoolExecutor(3),
        "the last first": LastFirst,
    }
    if request.param == "processes":
        yield processes
        return
    with makers[request.param]() as made:
        yield made


@pytest.mark.parametrize("window", [1, 3])
def test_any_executor_gives_the_same_report(
    executor: Executor, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "TASK_BYTES", 1)
    for level in Level:
        alone = verify.audit(LONG, level=level)
        assert verify.audit(LONG, level=level, executor=executor, window=window) == alone


def test_any_executor_names_the_same_fault(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "TASK_BYTES", 1)
    for file, change, rule, index in FAULTS.values():
        source = Served(LONG, {file: change, ("entries", 2): flip(700)})
        failure = failure_of(source, executor=executor)
        assert (failure.rule, failure.index) == (rule, index)


def test_any_executor_names_the_same_forgery(executor: Executor) -> None:
    for forgery in FORGERIES.values():
        if forgery.rule not in UNKNOWN:
            failure = failure_of(forgery.make(), executor=executor)
            assert failure.rule == forgery.rule
            assert place(failure) == (forgery.height, forgery.index, forgery.record)


@given(st.integers(1, 400), st.integers(1, 256), st.integers(1, 40), st.sampled_from([0, 1_000, 200_000]))
def test_tasks_are_small_at_both_ends_and_leave_nothing_out(
    segments: int, last: int, window: int, size: int
) -> None:
    some = next(job for job in reading.segments(LONG, reading.read_start(LONG, None), Level.LINKS))
    assert isinstance(some, Job)
    jobs = [
        dataclasses.replace(
            some, number=n, width=last if n == segments - 1 else 256, entries=bytes(size), records=b""
        )
        for n in range(segments)
    ]
    left = sum(job.width for job in jobs)
    tasks = [
        task.jobs for task in auditing._tasks(jobs, auditing._Shares(left, window), lambda: None, LastFirst())
    ]
    assert [job for task in tasks for job in task] == jobs
    assert len(tasks[0]) == 1
    for task in tasks:
        share = max(1, left // max(1, window // 2))
        # A segment less, and it would have been too small.
        assert sum(job.width for job in task[:-1]) < share
        assert sum(job.size for job in task[:-1]) < auditing.TASK_BYTES
        left -= sum(job.width for job in task)
