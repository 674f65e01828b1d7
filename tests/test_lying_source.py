"""A source that answers with too much: whoever follows it says what is wrong, and has no more memory for it than was agreed.

The follower is a process of its own, whose peak memory is measured; the source is an honest one over HTTP, of which one
resource lies.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from api.client import MAX_BUNDLE_BYTES
from ledger.encoding import encode
from ledger.errors import FormatError
from ledger.state.transfer import MAX_PART_BYTES, PART_PAGES
from ledger.tiles import MAX_ITEM_BYTES, encode_entry_bundle
from node import following, log_blocks
from node.log_blocks import MAX_BLOCK_BYTES, read_blocks
from tests.chains import Image, chain_of
from tests.faults.serving import CHECKOUT
from tests.processes import to_be_killed
from tests.source_over_http import Answer, Source
from tests.test_snapshot import Keeper

MEGA = 1_000_000
PIECE = bytes(65_536)
CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Lie:
    """What is answered instead of one resource."""

    resource: str
    """How its path begins."""
    rule: str
    body: Callable[[], Iterable[bytes]]
    headers: dict[str, str] = field(default_factory=dict)
    megabytes: float = 2.5 * MAX_PART_BYTES / MEGA
    """How much more memory it may cost than an honest answer."""
    snapshot: bool = True


@cache
def _zeros(megabytes: int) -> bytes:
    """So many megabytes of zeros, in a thousandth of it."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join([*(squeeze.compress(bytes(MEGA)) for _ in range(megabytes)), squeeze.flush()])


def _noise() -> bytes:
    """Pages of the shape of pages, with as many rows as there may be and as large as a part lets them be."""
    rows: list[bytes] = [b"x" * 900] * 64
    return encode([[b"", b"\x01" * 900, list(rows)] for _ in range(PART_PAGES)])


def _leaves() -> bytes:
    """No header among them: a block that does not end."""
    return encode_entry_bundle([b"\x93" + bytes(MAX_ITEM_BYTES - 1)] * LEAVES)


def _records() -> bytes:
    """Beside each leaf as much as fits into the largest bundle."""
    item = MAX_ITEM_BYTES.to_bytes(2, "big") + bytes(MAX_ITEM_BYTES)
    items = MAX_BUNDLE_BYTES // LEAVES // len(item)
    return (items.to_bytes(2, "big") + item * items) * LEAVES


BLOCKS, ENTRIES = 4, 60
LEAVES = 2 + BLOCKS * (ENTRIES + 1)
SNAPSHOT = "/v1/snapshot/"
HONEST = "honest"
BUNDLE = 2.5 * MAX_BUNDLE_BYTES / MEGA
"""The bytes and what is made of them."""

LIES = {
    "a part without end": Lie(SNAPSHOT, "node.answer", lambda: repeat(PIECE)),
    "a part of a terabyte": Lie(
        SNAPSHOT, "node.answer", lambda: repeat(PIECE), {"content-length": str(10**12)}
    ),
    "a part that is four hundred megabytes of zeros": Lie(
        SNAPSHOT, "node.answer", lambda: [_zeros(400)], {"content-encoding": "gzip"}
    ),
    "a part that is compressed twice": Lie(
        SNAPSHOT, "node.answer", lambda: [gzip.compress(_zeros(400))], {"content-encoding": "gzip, gzip"}
    ),
    "a part of four billion pages": Lie(
        SNAPSHOT, "encoding.too-many-items", lambda: [b"\xdd\xff\xff\xff\xff"]
    ),
    "a part of thirty million pages": Lie(
        SNAPSHOT,
        "encoding.too-many-items",
        lambda: [b"\xdd" + (30 * MEGA).to_bytes(4, "big"), b"\xc0" * (30 * MEGA)],
    ),
    "a part of large pages": Lie(SNAPSHOT, "snapshot.page", lambda: [_noise()]),
    "a checkpoint without end": Lie("/v1/snapshot", "node.answer", lambda: repeat(PIECE), megabytes=20),
    "leaves without end": Lie(
        "/tile/entries/", "node.answer", lambda: repeat(PIECE), snapshot=False, megabytes=60
    ),
    "a tile without end": Lie("/tile/0/", "node.answer", lambda: repeat(PIECE), megabytes=20),
    "records without end": Lie(
        "/tile/records/", "node.answer", lambda: repeat(PIECE), snapshot=False, megabytes=BUNDLE
    ),
    "records as large as any": Lie(
        "/tile/records/", "log.block", lambda: [_records()], snapshot=False, megabytes=BUNDLE
    ),
}


def _lied(path: str) -> Answer | None:
    """The lie whose number the path begins with, if it is about what is asked."""
    _, number, rest = path.split("/", 2)
    if number == HONEST:
        return None
    lie, asked = list(LIES.values())[int(number)], f"/{rest}"
    if asked.startswith(lie.resource) and (lie.resource != "/v1/snapshot" or asked == lie.resource):
        return lie.headers, lie.body()
    return None


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """How a follower ended: with the honest source, and then with each lie."""
    if not CLEAR_REFS.exists():
        pytest.skip("the peak memory of a process is read from /proc, as Linux has it")
    folder = tmp_path_factory.mktemp("lied-to")
    chain = chain_of(BLOCKS, ENTRIES, 1)
    policy = folder / "policy"
    policy.write_text(chain.policy.format(), encoding="utf-8")
    source = Source(Keeper(chain), _lied)
    try:
        addresses = [source.address(HONEST)]
        for number, lie in enumerate(LIES.values()):
            addresses.append(source.address(str(number)) + ("#snapshot" if lie.snapshot else ""))
        done = subprocess.run(
            [sys.executable, "-m", "tests.lied_to", str(folder), str(policy), *addresses],
            cwd=CHECKOUT,
            env=to_be_killed(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        yield [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, done.stderr
    finally:
        source.close()


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_named_and_costs_no_more_memory_than_was_agreed(
    told: list[dict[str, Any]], lie: str
) -> None:
    honest, *answers = told
    assert (honest["code"], honest["rule"]) == (0, "")
    expected, answer = LIES[lie], answers[list(LIES).index(lie)]
    assert answer["rule"] == expected.rule
    assert (answer["peak"] - honest["peak"]) / MEGA < expected.megabytes


# -- blocks --------------------------------------------------------------------------------------------------------------


class NoHeader:
    """A log of large leaves, none of which is a header."""

    def __init__(self) -> None:
        self.asked = 0

    def entry_bundle(self, _n: int, width: int) -> bytes:
        self.asked += 1
        return encode_entry_bundle([b"\x93" + bytes(MAX_ITEM_BYTES - 1)] * width)

    def records_bundle(self, _n: int, width: int) -> bytes:
        return b"\0\0" * width


def test_a_block_that_does_not_end_is_read_no_further_than_any_block_is_long() -> None:
    source = NoHeader()
    with pytest.raises(FormatError, match="no block is as large") as caught:
        next(read_blocks(source, 1, 0, 256 * 1_000))  # type: ignore[arg-type]
    assert caught.value.rule == "log.block"
    assert source.asked == -(-MAX_BLOCK_BYTES // (256 * (MAX_ITEM_BYTES + 32)))


def test_leaves_without_bytes_fill_a_block_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Holding them costs memory, though they weigh nothing."""
    monkeypatch.setattr(log_blocks, "MAX_BLOCK_BYTES", 10_000)
    source = Image([b"\x93\x00"] * 200, [[b""] for _ in range(200)])
    with pytest.raises(FormatError, match="no block is as large"):
        next(read_blocks(source, 1, 0, 200))


def test_what_is_proved_together_is_bounded_by_its_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = chain_of(20, 3, 1)
    blocks = list(read_blocks(chain, 0, 0, chain.size))
    monkeypatch.setattr(following, "CHUNK_BYTES", 2_000)
    chunks = list(following._chunks(iter(blocks)))
    assert [block for chunk in chunks for block in chunk] == blocks
    assert len(chunks) > 5
