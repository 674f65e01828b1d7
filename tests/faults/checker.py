"""An independent checker: compares the book of what a node said before it was killed with what its successor serves.

It reads HTTP answers only, and trusts only the genesis document. It keeps its own copy of the ledger from one round to the
next, executes every block itself, and demands that nothing it has once seen ever changes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise

from api.wire import read_frames
from ledger import proofs, tiles
from ledger.block import parse_header_leaf
from ledger.checkpoint import parse as parse_checkpoint
from ledger.entry import entry_from_parts
from ledger.errors import LedgerError
from ledger.execution import execute_as, execute_genesis
from ledger.genesis import Genesis, genesis_policy
from ledger.hashing import leaf_hash
from ledger.policy import Trust
from ledger.receipt import verify
from ledger.rules import ParsedEntry
from tests.chains import State
from tests.faults.load import Line
from tests.faults.serving import Http

MAX_PAIRS = 12
"""Pairs of checkpoints in a round whose consistency is proved from the node's tiles; all others by their roots."""


@dataclass(slots=True)
class Figures:
    """What happened. The last five must be zero."""

    kills: int = 0
    restarts: int = 0
    offered: int = 0
    acknowledged: int = 0
    final: int = 0
    refused: int = 0
    checkpoints: int = 0
    lost: int = 0
    duplicated: int = 0
    two_roots: int = 0
    went_back: int = 0
    other: int = 0

    def add(self, other: Figures) -> None:
        """Sum up."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


class Tiles:
    """The node's tiles; each is fetched once."""

    def __init__(self, node: Http) -> None:
        self._node = node
        self._known: dict[str, bytes] = {}

    def tile(self, level: int, n: int, width: int) -> bytes:
        """Hashes of a tile."""
        path = "/" + tiles.tile_path(level, n, width)
        if path not in self._known:
            self._known[path] = self._node.get(path)
        return self._known[path]


@dataclass
class Checker:
    """One ledger, through all its rounds."""

    genesis: Genesis
    trust: Trust | None = None
    """Who keeps up with changes of the validators; without it they are those of the genesis document for ever."""
    figures: Figures = field(default_factory=Figures)
    faults: list[str] = field(default_factory=list)
    """What is wrong, in words."""
    places: dict[str, int] = field(default_factory=dict)
    """Entry id to log index, of every entry on the ledger."""
    roots: dict[int, bytes] = field(default_factory=dict)
    """Tree size to root, after each block."""
    signed: dict[tuple[str, bytes, int], bytes] = field(default_factory=dict)
    """(key name, key id, tree size) to the root that this key signed there."""

    def __post_init__(self) -> None:
        self.policy: Trust = self.trust or genesis_policy(self.genesis)
        self._state = State()
        self._leaves: list[bytes] = [self.genesis.leaf()]
        executed = execute_genesis(self.genesis)
        self._tip = executed.tip
        self._state.rows.update(executed.rows)
        self._state.pages.update(executed.pages)
        self._end_block(executed.header.leaf())
        self._read = 0
        self._size = 0
        self._refused: set[str] = set()
        self._wrong: set[str] = set()

    def check(self, node: Http, book: list[Line]) -> None:
        """Compare; the book is the one of the round before and may only have grown. Fills `figures` and `faults`."""
        new = book[self._read :]
        self._read = len(book)
        text = node.get("/checkpoint").decode()
        self._follow(node)
        self._check_log(node, text)
        self._check_checkpoints(node, [line["checkpoint"] for line in new if "checkpoint" in line] + [text])
        self._check_entries(node, new)
        self._check_receipts(node)
        self.figures.final = len(self.places)
        self.figures.refused = len(self._refused)

    def _fault(self, kind: str, words: str) -> None:
        setattr(self.figures, kind, getattr(self.figures, kind) + 1)
        self.faults.append(f"{kind}: {words}")

    # -- the chain ---------------------------------------------------------------------------------------------------

    def _follow(self, node: Http) -> None:
        """Execute every block that is new, and demand its header."""
        head = node.get_json("/v1/status")["height"]
        while self._tip.header.height < head:
            before = self._tip.header.height
            data = node.get(f"/v1/blocks?from={before + 1}&limit=1000")
            for frame in read_frames([data]):
                header = parse_header_leaf(frame.header_leaf)
                header.verify_signature(frame.signature)
                parsed = []
                for leaf, records in frame.parts():
                    entry = entry_from_parts(leaf, records)
                    entry.check_records_root()
                    entry.verify_signature()
                    parsed.append(ParsedEntry.of(entry))
                executed = execute_as(self._state, self._tip, header, parsed)
                for one in parsed:
                    entry_id = one.entry.id.hex()
                    if entry_id in self.places:
                        self._fault(
                            "duplicated",
                            f"entry {entry_id} at {self.places[entry_id]} and {len(self._leaves)}",
                        )
                    self.places[entry_id] = len(self._leaves)
                    self._leaves.append(one.entry.leaf)
                self._state.rows.update(executed.rows)
                self._state.pages.update(executed.pages)
                self._tip = executed.tip
                self._end_block(frame.header_leaf)
            assert self._tip.header.height > before, "the stream of blocks is empty"

    def _end_block(self, header_leaf: bytes) -> None:
        self._leaves.append(header_leaf)
        self.roots[self._tip.size] = self._tip.log.root()
        assert self._tip.size == len(self._leaves)

    def _check_log(self, node: Http, text: str) -> None:
        """The log as its tiles serve it is the log of the blocks, leaf by leaf, also where it was seen before."""
        size = parse_checkpoint(text).size
        if size > len(self._leaves):
            self._fault("other", f"a checkpoint of size {size} and blocks for {len(self._leaves)} leaves")
            return
        served: list[bytes] = []
        for n in range((size + 255) // 256):
            width = min(256, size - n * 256)
            served += tiles.decode_entry_bundle(node.get("/" + tiles.tile_path("entries", n, width)), width)
        for index, (leaf, known) in enumerate(zip(served, self._leaves, strict=False)):
            if leaf != known:
                self._fault("lost", f"leaf {index} is another one than the block's")
                return
        hashes = Tiles(node)
        for n in range((size + 255) // 256):
            width = min(256, size - n * 256)
            if hashes.tile(0, n, width) != b"".join(map(leaf_hash, served[n * 256 : n * 256 + width])):
                self._fault("other", f"hash tile {n} does not fit its entries")

    # -- what was signed ---------------------------------------------------------------------------------------------

    def _check_checkpoints(self, node: Http, texts: list[str]) -> None:
        self.figures.checkpoints += len(texts)
        seen: dict[int, bytes] = {}
        for text, times in Counter(texts).items():
            self._check_signed(text, times)
            checkpoint = parse_checkpoint(text)
            seen[checkpoint.size] = checkpoint.root
        source = Tiles(node)
        sizes = sorted(seen)
        pairs = list(pairwise(sizes))
        for smaller, larger in pairs[:: max(1, len(pairs) // MAX_PAIRS)]:
            path = tiles.consistency_proof(source, smaller, larger)
            try:
                proofs.verify_consistency(smaller, larger, path, seen[smaller], seen[larger])
            except LedgerError as error:
                self._fault("two_roots", f"{smaller} and {larger}: {error}")

    def _check_signed(self, text: str, times: int) -> None:
        try:
            checkpoint = self.policy.check(text).checkpoint
        except LedgerError as error:
            self._fault("other", f"a checkpoint that the policy does not pass: {error}\n{text}")
            return
        if self.roots.get(checkpoint.size) != checkpoint.root:
            self._fault(
                "two_roots",
                f"size {checkpoint.size} was signed {times} times with a root that is not the ledger's",
            )
        for signature in checkpoint.note.signatures:
            key = (signature.name, signature.key_id, checkpoint.size)
            if self.signed.setdefault(key, checkpoint.root) != checkpoint.root:
                self._fault("two_roots", f"{signature.name} signed two roots at size {checkpoint.size}")

    def check_stored(self, texts: Iterator[str]) -> None:
        """The same for checkpoints that the node has kept."""
        for text in texts:
            self._check_signed(text, 1)

    # -- what was acknowledged ---------------------------------------------------------------------------------------

    def _check_entries(self, node: Http, new: list[Line]) -> None:
        self.figures.offered += sum("offered" in line for line in new)
        rivals = {line["offered"] for line in new if line.get("rival")}
        self._wrong |= {line["wrong"] for line in new if "wrong" in line}
        acknowledged = {line["acknowledged"]: None for line in new if "acknowledged" in line}
        self.figures.acknowledged += len(acknowledged)
        for line in new:
            if "checkpoint" in line:
                size = parse_checkpoint(line["checkpoint"]).size
                if size < self._size:
                    self._fault("went_back", f"a checkpoint of size {size} after one of {self._size}")
                self._size = max(self._size, size)
            if line.get("index") is not None and self.places.get(line["acknowledged"]) != line["index"]:
                self._fault("lost", f"entry {line['acknowledged']} was said to stand at {line['index']}")
        for entry_id in acknowledged:
            answer = self._outcome(node, entry_id)
            if answer.get("status") == "refused" and entry_id in rivals and entry_id not in self.places:
                self._refused.add(entry_id)
            elif answer.get("status") != "final" or self.places.get(entry_id) != answer.get("index"):
                self._fault("lost", f"entry {entry_id} was acknowledged and now: {answer}")
        for entry_id in self._wrong & self.places.keys():
            self._fault("other", f"entry {entry_id} must never have entered the ledger")

    def check_refused_again(self, node: Http) -> None:
        """A refusal stays to be asked for."""
        for entry_id in self._refused:
            answer = self._outcome(node, entry_id)
            if answer.get("status") != "refused":
                self._fault("lost", f"entry {entry_id} was refused and now: {answer}")

    def _outcome(self, node: Http, entry_id: str) -> dict[str, object]:
        status, body = node.ask("GET", f"/v1/entries/{entry_id}")
        answer = json.loads(body)
        assert status in {200, 404}, answer
        return dict(answer)

    def _check_receipts(self, node: Http) -> None:
        """The last entries can be proved, offline."""
        for index in list(self.places.values())[-2:]:
            entry_id = next(name for name, place in reversed(self.places.items()) if place == index)
            record = node.get_json(f"/v1/entries/{entry_id}")["records"][0]
            verified = verify(node.get(f"/v1/records/{record}/receipt"), self.policy)
            if verified.index != index:
                self._fault("other", f"the receipt of entry {entry_id} names another place")
