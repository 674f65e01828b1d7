"""What an audit finds and where it says it is; and that neither the source nor whoever does the work changes that."""

from __future__ import annotations

import dataclasses
import re
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
from ledger.block import Header, parse_header_leaf
from ledger.encoding import encode
from ledger.entry import Entry, encode_record, entry_from_parts
from ledger.errors import CannotTellError, FormatError, LedgerError
from ledger.genesis import genesis_policy
from ledger.hashing import EMPTY_ROOT, leaf_hash
from ledger.merkle import root, root_of_hashes
from ledger.policy import Policy
from ledger.store import layout
from ledger.store.database import Database, Row
from ledger.verify import AuditFailure, Level, LogSource, reading
from ledger.verify.linking import UpperTiles
from ledger.verify.segments import Job
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.stored import StoreSource, open_store
from tests.chains import ORIGIN, Chain, Image, document, key, make_genesis, sign_checkpoint, small_chain
from tests.reference_audit import Twin

auditing = sys.modules["ledger.verify.audit"]
"""The module; its function has the same name, and is what the package shows."""

pytestmark = pytest.mark.usefixtures("no_network")

SMALL = small_chain()
"""Leaves: 0 genesis, 1 header | 2 entry, 3 header | 4 5 entries, 6 header | 7 8 9 entries, 10 header."""

POLICY = SMALL.policy


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


def relink(image: Image) -> Image:
    """Write every header again so that places, parents and log roots follow, sign it, and have the rest cosigned."""
    parent, next_index = bytes(32), 0
    for index, leaf in enumerate(image.leaves):
        if leaf[:2] != b"\x92\x01":
            continue
        header = dataclasses.replace(
            parse_header_leaf(leaf),
            first_index=next_index,
            entry_count=index - next_index,
            parent=parent,
            log_root=root(image.leaves[:index]),
        )
        put_header(image, index, header)
        parent, next_index = header.hash(), index + 1
    return image.sign()


def changed(header: Header, **fields: Any) -> Header:  # noqa: ANN401  whatever the fields hold
    return dataclasses.replace(header, **fields)


def put_header(image: Image, index: int, header: Header, signer: str = "header 0") -> None:
    image.leaves[index] = header.leaf()
    image.records[index] = [header.sign(key(signer))] if header.height else []


def with_header(index: int, signer: str = "header 0", **changes: object) -> Callable[[], Image]:
    def forge() -> Image:
        image = SMALL.image()
        header = changed(parse_header_leaf(image.leaves[index]), **changes)
        put_header(image, index, header, signer)
        return image.sign()

    return forge


def with_entry(index: int, entry: Callable[[], Entry], *, again: bool = True) -> Callable[[], Image]:
    """The small chain with another entry at `index`, and everything after it made to fit."""

    def forge() -> Image:
        image = SMALL.image()
        made = entry()
        image.leaves[index], image.records[index] = made.leaf, list(made.records)
        return relink(image) if again else image

    return forge


def entry_of(records: Sequence[bytes], **options: Any) -> Callable[[], Entry]:  # noqa: ANN401  as `Chain.entry` has them
    return lambda: SMALL.entry(records, **options)


def with_records(index: int, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[], Image]:
    def forge() -> Image:
        image = SMALL.image()
        image.records[index] = change(image.records[index])
        return image

    return forge


def with_leaf(index: int, change: Callable[[bytes], bytes]) -> Callable[[], Image]:
    def forge() -> Image:
        image = SMALL.image()
        image.leaves[index] = change(image.leaves[index])
        return relink(image)

    return forge


def other_signature(leaf: bytes) -> bytes:
    return leaf[:-1] + bytes((leaf[-1] ^ 1,))


def of_another_ledger() -> Image:
    other = Chain(nonce=b"another ledger..")
    for counts in ((1,), (1, 3), (2, 1, 1)):
        other.add_documents(*counts)
    image = other.image()
    image.checkpoint_text = SMALL.checkpoint()
    return image


def with_another_end() -> Image:
    chain = small_chain()
    chain.add_documents(1)
    image = chain.image()
    image.checkpoint_text = sign_checkpoint(chain.size, SMALL.root, time_s=1_800_000_000)
    return image


def without(*indexes: int) -> Callable[[], Image]:
    def forge() -> Image:
        image = SMALL.image()
        for index in sorted(indexes, reverse=True):
            del image.leaves[index], image.records[index]
        return image.sign()

    return forge


@dataclasses.dataclass(frozen=True)
class Forgery:
    make: Callable[[], Image]
    rule: str
    height: int | None
    index: int | None
    record: int | None = None
    level: Level = Level.LINKS
    """The first level that finds it."""


FORGERIES = {
    # what stands in a header
    "header: rules of tomorrow": Forgery(with_header(6, rules_version=2), "header.rules-version", 2, 6),
    "header: another ledger's": Forgery(with_header(6, chain_id=bytes(32)), "header.chain-id", 2, 6),
    "header: height": Forgery(with_header(6, height=3), "header.height", 2, 6),
    "header: height 0 again, unsigned": Forgery(with_header(6, height=0), "header.height", 2, 6),
    "header: engine height": Forgery(with_header(6, engine_height=1), "header.engine-height", 2, 6),
    "header: parent": Forgery(with_header(6, parent=bytes(32)), "header.parent", 2, 6),
    "header: time": Forgery(with_header(6, time_ms=SMALL.headers[1].time_ms), "header.time", 2, 6),
    "header: place": Forgery(with_header(6, first_index=5), "header.first-index", 2, 6),
    "header: begins too early": Forgery(
        with_header(6, first_index=3, entry_count=3), "header.first-index", 2, 6
    ),
    "header: begins too late": Forgery(
        with_header(6, first_index=5, entry_count=1), "header.first-index", 2, 6
    ),
    "header: log root": Forgery(with_header(6, log_root=EMPTY_ROOT), "header.log-root", 2, 6),
    "header: no validator proposed it": Forgery(
        with_header(6, signer="nobody", proposer=key("nobody").public_key), "header.proposer", 2, 6
    ),
    "header: signed by another": Forgery(with_header(6, signer="office"), "signature.mismatch", 2, 6),
    "header: state root": Forgery(
        with_header(10, state_root=bytes(32)), "header.state-root", 3, 10, None, Level.FULL
    ),
    "header: no signature": Forgery(with_records(6, lambda _: []), "header.signature", 2, 6),
    "header: two signatures": Forgery(with_records(6, lambda items: items * 2), "header.signature", 2, 6),
    "genesis header: signed": Forgery(with_records(1, lambda _: [bytes(64)]), "header.signature", 0, 1),
    "genesis header: state root": Forgery(with_header(1, state_root=bytes(32)), "header.state-root", 0, 1),
    "genesis: with records": Forgery(with_records(0, lambda _: [b"x"]), "genesis.records", 0, 0),
    "genesis: a second one": Forgery(with_leaf(5, lambda _: SMALL.genesis.leaf()), "leaf.genesis", 2, 5),
    "leaf: of an unknown kind": Forgery(with_leaf(5, lambda leaf: b"\x93\x07" + leaf[2:]), "leaf.tag", 2, 5),
    "block: dropped from the middle": Forgery(without(4, 5, 6), "header.first-index", 2, 7),
    "block: without entries": Forgery(without(2), "header.first-index", 1, 2),
    "entry: dropped": Forgery(without(5), "header.first-index", 2, 5),
    "log: ends with an entry": Forgery(without(10), "log.end", None, 9),
    # what stands in an entry
    "entry: signature": Forgery(
        with_leaf(5, other_signature), "signature.mismatch", 2, 5, None, Level.SIGNATURES
    ),
    "entry: not canonical": Forgery(
        with_leaf(5, lambda leaf: leaf[:99] + b"\xcc\x03" + leaf[100:]),
        "encoding.int-not-shortest",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: version of tomorrow": Forgery(
        with_leaf(5, lambda leaf: leaf[:3] + b"\x02" + leaf[4:]),
        "entry.version",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: for another ledger": Forgery(
        with_entry(5, entry_of([document(70)], chain_id=bytes(32))),
        "entry.chain",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: records swapped": Forgery(
        with_records(5, lambda items: [items[1], items[0], items[2]]),
        "entry.records-root",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: record changed": Forgery(
        with_records(5, lambda items: [items[0], items[1] + b"x", items[2]]),
        "entry.records-root",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: record dropped": Forgery(
        with_records(5, lambda items: items[:2]), "entry.count", 2, 5, None, Level.SIGNATURES
    ),
    "entry: record empty": Forgery(
        with_records(5, lambda items: [items[0], b"", items[2]]), "record.size", 2, 5, 1, Level.SIGNATURES
    ),
    "entry: record like a node": Forgery(
        with_records(5, lambda items: [items[0], items[1], bytes(64)]),
        "record.size-64",
        2,
        5,
        2,
        Level.SIGNATURES,
    ),
    # what the chain rules say
    "rules: another entry than the state has": Forgery(
        with_entry(5, entry_of([document(70)])), "header.state-root", 2, 6, None, Level.FULL
    ),
    "rules: key not registered": Forgery(
        with_entry(5, entry_of([document(70)], by="nobody")), "key.unknown", 2, 5, None, Level.FULL
    ),
    "rules: ahead of its time": Forgery(
        with_entry(5, entry_of([document(70)], time_ms=SMALL.next_time_ms + 10**6)),
        "entry.time-ahead",
        2,
        5,
        None,
        Level.FULL,
    ),
    "rules: role": Forgery(
        with_entry(5, entry_of([document(70)], by="admin")), "authority.role", 2, 5, 0, Level.FULL
    ),
    "rules: not acting for the authority": Forgery(
        with_entry(5, entry_of([document(70), document(71, authority="tax")])),
        "authority.not-acting",
        2,
        5,
        1,
        Level.FULL,
    ),
    "rules: document anchored before": Forgery(
        with_entry(5, entry_of([document(70), document(0, size=1)])), "document.exists", 2, 5, 1, Level.FULL
    ),
    "rules: the same record twice": Forgery(
        with_entry(5, entry_of([document(70), document(71), document(70)])),
        "entry.records-repeat",
        2,
        5,
        2,
        Level.FULL,
    ),
    "rules: the same entry twice": Forgery(
        with_entry(8, lambda: entry_from_parts(SMALL.leaves[4], SMALL.records[4])),
        "entry.duplicate",
        3,
        8,
        None,
        Level.FULL,
    ),
    "rules: field table": Forgery(
        with_entry(5, entry_of([document(70), document(71, size=-1)])),
        "record.field-range",
        2,
        5,
        1,
        Level.FULL,
    ),
    "rules: record type of tomorrow": Forgery(
        with_entry(5, entry_of([document(70), encode_record("doc.anchor/9", {})])),
        "record.type-unknown",
        2,
        5,
        1,
        Level.FULL,
    ),
    "rules: record not canonical": Forgery(
        with_entry(5, entry_of([b"\x92\xd9\x01x\x80"])), "encoding.str-not-shortest", 2, 5, 0, Level.FULL
    ),
    # the checkpoint
    "checkpoint: of another ledger": Forgery(of_another_ledger, "checkpoint.root", 3, None),
    "checkpoint: of another root": Forgery(with_another_end, "checkpoint.root", 4, None),
}


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


# --- the twin ---------------------------------------------------------------------------------------------------------


def other_byte(data: bytes, at: int, mask: int) -> bytes:
    position = at % len(data)
    return data[:position] + bytes((data[position] ^ mask,)) + data[position + 1 :]


CHANGES: dict[str, Callable[[Image, int, int, int], None]] = {}


def change(function: Callable[[Image, int, int, int], None]) -> Callable[[Image, int, int, int], None]:
    CHANGES[function.__name__] = function
    return function


@change
def a_byte_of_a_leaf(image: Image, index: int, at: int, mask: int) -> None:
    image.leaves[index] = other_byte(image.leaves[index], at, mask)


@change
def a_byte_of_what_stands_beside(image: Image, index: int, at: int, mask: int) -> None:
    for which, item in enumerate(image.records[index][:1]):
        image.records[index][which] = other_byte(item, at, mask)


@change
def two_leaves_swapped(image: Image, index: int, at: int, mask: int) -> None:
    other = at % image.size
    image.leaves[index], image.leaves[other] = image.leaves[other], image.leaves[index]
    image.records[index], image.records[other] = image.records[other], image.records[index]


@change
def a_leaf_twice(image: Image, index: int, at: int, mask: int) -> None:
    image.leaves.insert(index, image.leaves[index])
    image.records.insert(index, list(image.records[index]))


@change
def a_leaf_dropped(image: Image, index: int, at: int, mask: int) -> None:
    del image.leaves[index], image.records[index]


@change
def the_end_dropped(image: Image, index: int, at: int, mask: int) -> None:
    del image.leaves[max(2, index) :], image.records[max(2, index) :]


@change
def a_field_of_a_header(image: Image, index: int, at: int, mask: int) -> None:
    headers = [index for index, leaf in enumerate(image.leaves) if leaf[:2] == b"\x92\x01"]
    which = headers[index % len(headers)]
    header = parse_header_leaf(image.leaves[which])
    name = list(Header.__dataclass_fields__)[1 + at % 10]
    old = getattr(header, name)
    new = other_byte(old, at, mask) if isinstance(old, bytes) else old ^ mask
    put_header(image, which, changed(header, **{name: new}))


@change
def an_entry_that_is_signed(image: Image, index: int, at: int, mask: int) -> None:
    records = [document(at), document(mask)] if at % 2 else [document(1)]
    if image.leaves[index][:2] == b"\x93\x00":
        made = SMALL.entry(records, by="office" if at % 3 else "admin")
        image.leaves[index], image.records[index] = made.leaf, list(made.records)


@given(
    st.sampled_from(sorted(CHANGES)),
    st.integers(0, SMALL.size - 1),
    st.integers(0, 300),
    st.sampled_from([1, 2, 128]),
    st.booleans(),
    st.sampled_from(Level),
)
def test_the_audit_and_its_twin_find_the_same_place(
    name: str, index: int, at: int, mask: int, everything_again: bool, level: Level
) -> None:
    image = SMALL.image()
    CHANGES[name](image, index, at, mask)
    if everything_again:
        try:
            relink(image)
        except LedgerError:
            image.sign()
    else:
        image.sign()
    hashes = [leaf_hash(leaf) for leaf in image.leaves]
    twin = Twin(image.leaves, image.records, hashes, level).first_fault()
    assert where(image, level) == twin


def where(image: Image, level: Level) -> tuple[int, int] | None:
    try:
        verify.audit(image, POLICY, level=level)
    except AuditFailure as failure:
        if failure.rule == "log.end":
            return len([leaf for leaf in image.leaves if leaf[:2] == b"\x92\x01"]), image.size - 1
        if failure.height is None or failure.index is None:
            return None
        return failure.height, failure.index
    except CannotTellError as error:
        found = re.match(r"block (\d+), log index (\d+)", error.detail)
        assert found
        return int(found[1]), int(found[2])
    return None


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
