"""Small ledgers made in memory, the same on every run: keys, nonces and times follow from counters.

A `Chain` executes real blocks with `ledger.execution`, without a node, a thread or a clock. It is a source of the log in
its own right (`checkpoint`, `tile`, `entry_bundle`, `records_bundle`), and can be written to the disk as a store or as an
export. An `Image` is a log made of any leaves and records, right or wrong: what a forger would serve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger import checkpoint, note, tiles
from ledger.block import Header
from ledger.encoding import Value
from ledger.entry import Entry, encode_record, sign_entry
from ledger.errors import FormatError
from ledger.execution import Executed, Tip, execute_genesis, seal
from ledger.genesis import Genesis, GenesisKey, GenesisMember, Validator, genesis_policy
from ledger.hashing import leaf_hashes, sha256
from ledger.keys import SigningKey
from ledger.merkle import root_of_hashes
from ledger.note import Note
from ledger.policy import Policy
from ledger.roles import ADMINISTRATOR, ISSUER, OFFICE
from ledger.rules import ParsedEntry, apply_entries
from ledger.store.commit import BlockCommit
from ledger.store.ledger_store import LedgerStore
from node.application import block_commit, genesis_commit

ORIGIN = "phuson.example/so-goc"
START_MS = 1_790_000_000_000
"""Time of the genesis block; each block after it is a second later."""


def key(name: str) -> SigningKey:
    """The key that the tests call `name`."""
    return SigningKey.from_seed(sha256(b"tests/chains " + name.encode()))


def validator_name(number: int) -> str:
    return f"{ORIGIN}/v{number}"


def make_genesis(validators: int = 1, *, origin: str = ORIGIN, nonce: bytes = bytes(16)) -> Genesis:
    """A genesis document: the member `office` with the keys `admin` and `office`, and some validators."""
    roles = tuple(sorted((ADMINISTRATOR, ISSUER, OFFICE)))
    acting = (
        GenesisKey(key("admin").public_key, "office", (ADMINISTRATOR,)),
        GenesisKey(key("office").public_key, "office", tuple(sorted((ISSUER, OFFICE)))),
    )
    return Genesis(
        origin=origin,
        nonce=nonce,
        rules_version=1,
        time_ms=START_MS,
        members=(GenesisMember("office", "Văn phòng xã Phú Sơn", roles),),
        keys=tuple(sorted(acting, key=lambda one: one.public_key)),
        validators=tuple(
            Validator(
                validator_name(number),
                *(key(f"{what} {number}").public_key for what in ("engine", "header", "log", "cosigning")),
            )
            for number in range(validators)
        ),
    )


def document(number: int, **fields: Value) -> bytes:
    """A `doc.anchor/1` record of a paper that no other number has."""
    body: dict[str, Value] = {
        "authority": "office",
        "hash": sha256(b"paper %d" % number),
        "media_type": "application/pdf",
        "size": 1000 + number,
    }
    return encode_record("doc.anchor/1", body | fields)


def sign_checkpoint(
    size: int, root: bytes, *, validators: Sequence[int] = (0,), time_s: int, origin: str = ORIGIN
) -> str:
    """The checkpoint of (size, root), signed as the log and cosigned by each of `validators`."""
    body = checkpoint.body(origin, size, root)
    lines = [note.sign_log(body, origin, key(f"log {number}")) for number in validators]
    lines += [
        checkpoint.cosign(body, validator_name(number), key(f"cosigning {number}"), time_s)
        for number in validators
    ]
    return note.format(Note(body, tuple(lines)))


@dataclass
class Image:
    """A log of any leaves and records, with tiles that fit them, and any checkpoint."""

    leaves: list[bytes]
    records: list[list[bytes]]
    checkpoint_text: str = ""
    _hashes: list[bytes] = field(default_factory=list, init=False)

    @property
    def size(self) -> int:
        return len(self.leaves)

    @property
    def root(self) -> bytes:
        return root_of_hashes(self._leaf_hashes(self.size))

    def sign(self, *, validators: Sequence[int] = (0,), time_s: int = START_MS // 1000 + 60) -> Image:
        """This image under a checkpoint of its own root: its validators agree with whatever it holds."""
        self.checkpoint_text = sign_checkpoint(self.size, self.root, validators=validators, time_s=time_s)
        return self

    def _leaf_hashes(self, size: int) -> list[bytes]:
        if len(self._hashes) < size:
            self._hashes += leaf_hashes(self.leaves[len(self._hashes) :])
        return self._hashes[:size]

    def checkpoint(self) -> str:
        return self.checkpoint_text

    def tile(self, level: int, n: int, width: int) -> bytes:
        if not 0 < width <= tiles.tile_width(level, n, self.size):
            raise FormatError("test.missing", f"there is no tile {level}/{n} of width {width}")
        span = 256**level
        first = n * 256 * span
        hashes = self._leaf_hashes(self.size)
        return b"".join(
            root_of_hashes(hashes[start : start + span]) for start in range(first, first + width * span, span)
        )

    def entry_bundle(self, n: int, width: int) -> bytes:
        return tiles.encode_entry_bundle(self.leaves[n * 256 : n * 256 + width])

    def records_bundle(self, n: int, width: int) -> bytes:
        return tiles.encode_records_bundle(self.records[n * 256 : n * 256 + width])


def write_export(source: Image, genesis: Genesis, folder: Path) -> Path:
    """A folder of static files under the same paths as a node serves them."""
    for tile in tiles.tiles(source.size):
        _write(folder, tiles.tile_path(*tile), source.tile(*map(int, tile)))
        if tile.level == 0:
            _write(
                folder,
                tiles.tile_path("entries", tile.n, tile.width),
                source.entry_bundle(tile.n, tile.width),
            )
            _write(
                folder,
                tiles.tile_path("records", tile.n, tile.width),
                source.records_bundle(tile.n, tile.width),
            )
    _write(folder, "checkpoint", source.checkpoint().encode())
    _write(folder, "genesis", genesis.leaf())
    _write(folder, "policy", genesis_policy(genesis).format().encode())
    return folder


def _write(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@dataclass
class State:
    """Rows and pages in dictionaries: the state that blocks are executed on."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    pages: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def page(self, path: bytes) -> bytes | None:
        return self.pages.get(path)


class Chain(Image):
    """A ledger that grows by real blocks; every signature is real."""

    def __init__(self, validators: int = 1, *, nonce: bytes = bytes(16)) -> None:
        super().__init__([], [])
        self.genesis = make_genesis(validators, nonce=nonce)
        self.validators = range(validators)
        self.state = State()
        self.commits: list[BlockCommit] = []
        self.headers: list[Header] = []
        self._nonces = 0
        self._documents = 0
        executed = execute_genesis(self.genesis)
        self.tip: Tip = executed.tip
        self._keep(executed, genesis_commit(executed, self.genesis.leaf()), b"")

    @property
    def policy(self) -> Policy:
        return genesis_policy(self.genesis)

    @property
    def next_time_ms(self) -> int:
        return self.tip.header.time_ms + 1000

    def documents(self, count: int) -> list[bytes]:
        """`count` records that are not on the ledger yet."""
        first = self._documents
        self._documents += count
        return [document(number) for number in range(first, first + count)]

    def entry(
        self,
        records: Sequence[bytes],
        *,
        by: str = "office",
        time_ms: int | None = None,
        chain_id: bytes = b"",
    ) -> Entry:
        """A signed entry with a nonce of its own; its time is the next block's unless said otherwise."""
        self._nonces += 1
        return sign_entry(
            key(by),
            chain_id=chain_id or self.genesis.chain_id,
            nonce=self._nonces.to_bytes(16, "big"),
            time_ms=self.next_time_ms if time_ms is None else time_ms,
            records=records,
        )

    def add(
        self, entries: Sequence[Entry], *, proposer: str = "header 0", time_ms: int | None = None
    ) -> Header:
        """Execute a block of `entries`; raises what the rules raise."""
        executed = seal(
            self.state,
            self.tip,
            [entry.leaf for entry in entries],
            apply_entries(
                self.state,
                self.genesis.chain_id,
                self.next_time_ms if time_ms is None else time_ms,
                self.tip.size,
                [ParsedEntry.of(entry) for entry in entries],
            ),
            engine_height=self.tip.header.engine_height + 1,
            time_ms=self.next_time_ms if time_ms is None else time_ms,
            proposer=key(proposer).public_key,
        )
        signature = executed.header.sign(key(proposer))
        self._keep(executed, block_commit(executed, signature, entries), signature)
        return executed.header

    def add_documents(self, *counts: int) -> Header:
        """A block with one entry for each of `counts`, of so many documents."""
        return self.add([self.entry(self.documents(count)) for count in counts])

    def _keep(self, executed: Executed, commit: BlockCommit, signature: bytes) -> None:
        self.state.rows.update(executed.rows)
        self.state.pages.update(executed.pages)
        self.leaves += [*commit.leaves, commit.header_leaf]
        self.records += [*map(list, commit.records), [signature] if signature else []]
        self.commits.append(commit)
        self.headers.append(executed.header)
        self.tip = executed.tip

    def signed(self, height: int | None = None) -> str:
        """The checkpoint after the block at `height` (the last), with every validator's signatures."""
        header = self.headers[-1 if height is None else height]
        root = root_of_hashes(self._leaf_hashes(header.size))
        return sign_checkpoint(
            header.size, root, validators=self.validators, time_s=header.time_ms // 1000 + 1
        )

    def checkpoint(self) -> str:
        return self.checkpoint_text or self.signed()

    def image(self) -> Image:
        """The log as it is, to be changed."""
        return Image(list(self.leaves), [list(items) for items in self.records], self.signed())

    def write_store(self, path: Path, *, sign: bool = True) -> LedgerStore:
        """The chain in a store on the disk, as a node would have left it; open."""
        store = LedgerStore.create(path, self.commits[0])
        for height, commit in enumerate(self.commits):
            header = self.headers[height]
            cosigner = key("cosigning 0").public_key
            if height:
                store.commit(commit, header.engine_height, cosign_key_id=cosigner)
            if sign:
                store.record_intent_to_sign(cosigner, store.head.size, store.head.root)
                store.put_signatures(header.size, self.signed(height))
        return store

    def export(self, folder: Path) -> Path:
        """The chain as an export."""
        return write_export(self, self.genesis, folder)


def small_chain(validators: int = 1) -> Chain:
    """Three blocks, of entries with one record and with more: 11 leaves."""
    chain = Chain(validators)
    chain.add_documents(1)
    chain.add_documents(1, 3)
    chain.add_documents(2, 1, 1)
    return chain


def chain_of(
    blocks: int, entries: int, records: int, *, each: Callable[[int], None] = lambda _: None
) -> Chain:
    """`blocks` blocks of `entries` entries of `records` documents."""
    chain = Chain()
    for number in range(blocks):
        chain.add_documents(*[records] * entries)
        each(number)
    return chain
