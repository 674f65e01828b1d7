"""What each validator has cosigned last, as others know it: the newest, over restarts, also what came too late to count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import checkpoint as checkpoints
from ledger.genesis import cosigning_verifier
from ledger.store.ledger_store import LedgerStore
from node.cosigned import CosignedBook, Lag
from node.finality import Finality
from tests.chains import ORIGIN, Chain, sign_checkpoint

EARLY, LATE = 1_790_000_100, 1_790_000_200


@pytest.fixture(scope="module")
def chain() -> Chain:
    made = Chain(4)
    for _ in range(3):
        made.add_documents(1)
    return made


@pytest.fixture
def store(chain: Chain, tmp_path: Path) -> Iterator[LedgerStore]:
    opened = chain.write_store(tmp_path / "ledger", sign=False)
    yield opened
    opened.close()


def text(chain: Chain, store: LedgerStore, *validators: int, height: int = -1, time_s: int = EARLY) -> str:
    size = chain.headers[height].size
    return sign_checkpoint(size, store.checkpoint_root(size), validators=validators, time_s=time_s)


def finality(store: LedgerStore, book: CosignedBook) -> Finality:
    made = Finality(store, ORIGIN, dissented=lambda _: None, cosigned=book)
    made.committed(store.snapshot())
    return made


def known(chain: Chain, book: CosignedBook, number: int) -> tuple[int, int] | None:
    found = book.newest(chain.genesis.validators[number].cosigning_key)
    if found is None:
        return None
    (signature,) = checkpoints.parse(found.text).note.signatures
    key = cosigning_verifier(chain.genesis.validators[number])
    assert (
        checkpoints.verify_cosignature(checkpoints.parse(found.text).note.text, signature, key)
        == found.time_s
    )
    return found.size, found.time_s


def test_the_newest_is_known_also_if_it_came_too_late_to_count(chain: Chain, store: LedgerStore) -> None:
    book = CosignedBook(None)
    gathering = finality(store, book)
    last, before = chain.headers[-1].size, chain.headers[-2].size
    gathering.receive(text(chain, store, 0, 1, 2))
    assert gathering.final is not None
    assert known(chain, book, 3) is None
    # The others went on without it: what it has signed counts for nothing, and is the last that it ever signs.
    assert not gathering.receive(text(chain, store, 3, height=-2))
    assert [known(chain, book, number) for number in range(4)] == [*[(last, EARLY)] * 3, (before, EARLY)]
    gathering.receive(text(chain, store, 3, height=-3, time_s=LATE))
    assert known(chain, book, 3) == (before, EARLY), "a smaller one is no news"
    gathering.receive(text(chain, store, 3))
    gathering.receive(text(chain, store, 3, time_s=LATE))
    assert known(chain, book, 3) == (last, LATE)


def test_what_is_not_committed_here_yet_is_known_too(chain: Chain, store: LedgerStore) -> None:
    book = CosignedBook(None)
    gathering = finality(store, book)
    ahead = chain.size + 100
    gathering.receive(sign_checkpoint(ahead, bytes(32), validators=(2,), time_s=EARLY))
    assert known(chain, book, 2) == (ahead, EARLY)


def test_another_root_is_no_cosignature_of_this_ledger(chain: Chain, store: LedgerStore) -> None:
    book = CosignedBook(None)
    gathering = finality(store, book)
    for height in (-1, -2):
        size = chain.headers[height].size
        gathering.receive(sign_checkpoint(size, bytes(32), validators=(1,), time_s=EARLY))
    assert known(chain, book, 1) is None


def test_it_is_kept_over_a_restart(chain: Chain, store: LedgerStore, tmp_path: Path) -> None:
    path = tmp_path / "cosigned"
    book = CosignedBook(path)
    finality(store, book).receive(text(chain, store, 0, 3))
    book.save()
    again = CosignedBook(path)
    assert [known(chain, again, number) for number in range(4)] == [known(chain, book, n) for n in range(4)]
    written = path.stat().st_mtime_ns
    book.save()
    assert path.stat().st_mtime_ns == written, "what has not changed is not written again"
    path.write_bytes(b"\x93 something else")
    assert known(chain, CosignedBook(path), 0) is None


@pytest.mark.parametrize(
    ("sizes", "reached"), [((90, 50, 40), 50), ((90, 90, 90), 90), ((10**9, 3, 3), 3), ((7,), 0), ((), 0)]
)
def test_one_alone_does_not_say_how_far_the_others_are(
    chain: Chain, sizes: tuple[int, ...], reached: int
) -> None:
    book = CosignedBook(None)
    for number, size in enumerate(sizes, 1):
        found = checkpoints.parse(sign_checkpoint(size, bytes(32), validators=(number,), time_s=EARLY))
        key = cosigning_verifier(chain.genesis.validators[number])
        (signature,) = [one for one in found.note.signatures if one.key_id == key.key_id]
        book.heard(key, found, signature)
    assert book.reached(chain.genesis.validators[1:], 4) == reached


def test_a_node_is_behind_if_it_does_not_get_to_where_the_others_were() -> None:
    lag = Lag()
    for second in range(100):
        # Always a block behind, and always moving: nothing is wrong.
        lag.look(10 * second, 10 * second + 10, float(second))
        assert lag.seconds(10 * second, float(second)) == 0 or lag.seconds(10 * second, float(second)) <= 1
    lag.look(1_000, 2_000, 100.0)
    lag.look(1_500, 3_000, 131.0)
    assert lag.seconds(1_500, 131.0) == 31
    lag.look(2_000, 3_000, 140.0)
    assert lag.seconds(2_000, 141.0) == 1
    assert lag.seconds(3_000, 141.0) == 0
