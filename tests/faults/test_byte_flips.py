"""Every single-byte change to a small ledger is found by an audit, or changes nothing that the ledger holds.

First on the rows, as if the database had handed out a wrong byte without noticing; then on the files of an export; then on
the database's own files, where LevelDB's checksums, the high-water mark or the audit must notice, and where some bytes
hold nothing (its LOG, the gaps of HIGH-WATER): there the audit may pass only if every row is as it was.

Each byte is changed once here, and which way goes by its place. With SOGOC_DEEP=1 each byte is changed in nine ways, and
every byte of the database's files instead of a sample.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.errors import LedgerError
from ledger.policy import Policy
from ledger.store import layout
from ledger.store.database import Database, Reader
from ledger.store.ledger_store import LedgerStore
from ledger.store.rebuild import content_digest
from ledger.verify import audit
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.stored import StoreSource, open_store
from node.cosigning import genesis_policy
from tests.chains import Chain, key

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


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store, opened once before so that some of it lies in a table and some in a log."""
    path = tmp_path_factory.mktemp("flips") / "ledger"
    chain = small()
    chain.write_store(path).close()
    with closing(LedgerStore.open(path)) as opened:
        opened.advance_engine(opened.head.engine_height + 1)
        opened.record_intent_to_sign(key("cosigning 0").public_key, opened.head.size, opened.head.root)
        opened.put_signatures(opened.head.size, chain.signed())
    return path


@dataclass
class Flipped(Reader):
    """A database that hands out one wrong value."""

    true: Reader
    row: bytes = b""
    value: bytes | None = None

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
    ) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self.true.iterate(prefix, start=start, stop=stop, reverse=reverse):
            if key != self.row:
                yield key, value
            elif self.value is not None:
                yield key, self.value


KINDS = [value for name, value in vars(layout).items() if name.isupper() and isinstance(value, bytes)]


def rows_of(reader: Reader, kind: bytes) -> list[tuple[bytes, bytes]]:
    return list(reader.iterate(kind))


def test_every_kind_of_row_is_tried(store: Path) -> None:
    with open_store(store) as source:
        present = {key[:1] for key, _ in source.reader.iterate()}
    assert present == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_changed_byte_of_every_value_is_found(store: Path, kind: bytes) -> None:
    harmless = []
    with open_store(store) as source:
        policy = genesis_policy(small().genesis)
        audit(StoreSource(Flipped(source.reader)), policy)
        for row, value in rows_of(source.reader, kind):
            for what, changed in changes(value):
                if passes(lambda reader=Flipped(source.reader, row, changed): StoreSource(reader), policy):  # type: ignore[misc]
                    harmless.append((row, what))
    assert harmless == []


def passes(open_source: Callable[[], StoreSource | ExportSource], policy: Policy | None) -> bool:
    try:
        audit(open_source(), policy)
    except LedgerError:
        return False
    return True
