"""Blocks applied ahead on a guess: taken when the guess holds, applied again when it does not, and never a third way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from ledger import verify
from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.rules import apply_entries
from ledger.verify import AuditFailure
from ledger.verify.ahead import Block, NotedReads, apply_ahead
from ledger.verify.replay import Replay
from tests.chains import Chain, State, document
from tests.test_verify_audit import relink

replaying = sys.modules["ledger.verify.replay"]


class AtOnce(Executor):
    """Runs a task when it is submitted."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:  # noqa: ANN401
        future: Future[Any] = Future()
        future.set_result(function(*args, **options))
        return future


def roles(*names: str) -> bytes:
    given: list[Value] = [*sorted(names)]
    return encode_record("member.roles/1", {"authority": "office", "member": "office", "roles": given})


def blocks_of(chain: Chain) -> list[Block]:
    return [
        Block(commit.time_ms, commit.first_index, commit.leaves, commit.records)
        for commit in chain.commits[1:]
    ]


def busy_chain() -> Chain:
    """Blocks that change what the next ones read: roles set again and again, and taken away and given back."""
    chain = Chain()
    for number in range(6):
        chain.add_documents(1, 2)
        more = ("auditor",) if number % 2 else ()
        chain.add([chain.entry([roles("administrator", "issuer", "office", *more)], by="admin")])
        chain.add_documents(1)
    return chain


BUSY = busy_chain()


def applied_again(chain: Chain, *, window: int, monkeypatch: pytest.MonkeyPatch, batch_bytes: int) -> int:
    """Replay a chain with everything applied ahead, and say how many blocks had to be applied again."""
    monkeypatch.setattr(replaying, "BATCH_BYTES", batch_bytes)
    again = 0

    class Counting(Replay):
        def _apply(self, block: Block) -> Any:  # noqa: ANN401  as in the class above
            nonlocal again
            again += 1
            return super()._apply(block)

    class Kept(State):
        def write(
            self, rows: dict[bytes, bytes], pages: dict[bytes, bytes], lookups: Iterable[tuple[bytes, bytes]]
        ) -> None:
            self.rows.update(rows)
            self.pages.update(pages)

    state = Kept()
    replay = Counting(chain.genesis, state, AtOnce(), window)
    for index, (leaf, items) in enumerate(zip(chain.leaves, chain.records, strict=True)):
        replay.leaf(index, leaf, items)
    replay.finish()
    assert replay.tip == chain.tip
    assert (state.rows, state.pages) == (chain.state.rows, chain.state.pages)
    return again


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("batch_bytes", [1, 2_000, 10**6])
def test_the_state_is_the_same_however_far_ahead(
    window: int, batch_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = applied_again(BUSY, window=window, monkeypatch=monkeypatch, batch_bytes=batch_bytes)
    # In one batch every block sees what those before it wrote; in several, some see what was there too early.
    assert again < len(BUSY.headers)
    assert (again == 0) == (batch_bytes == 10**6)


def test_documents_alone_need_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain()
    for _ in range(8):
        chain.add_documents(1, 3)
    again = applied_again(chain, window=3, monkeypatch=monkeypatch, batch_bytes=500)
    assert again == 0


def applied(chain: Chain, heights: range) -> tuple[State, list[Block]]:
    """The state before the first of `heights`, and the blocks at them."""
    before = Chain()
    state = State(dict(before.state.rows))
    blocks = blocks_of(chain)
    for block in blocks[: heights.start - 1]:
        state.rows.update(
            apply_entries(
                state, chain.genesis.chain_id, block.time_ms, block.first_index, block.parsed()
            ).rows
        )
    return state, blocks[heights.start - 1 : heights.stop - 1]


def test_with_the_whole_state_known_every_guess_is_what_the_rules_give() -> None:
    state, blocks = applied(BUSY, range(3, 9))
    guesses = apply_ahead(BUSY.genesis.chain_id, state.rows, tuple(blocks))
    assert len(guesses) == len(blocks)
    for block, guess in zip(blocks, guesses, strict=True):
        true = apply_entries(state, BUSY.genesis.chain_id, block.time_ms, block.first_index, block.parsed())
        assert guess.effects == true
        assert all(state.get(key) == value for key, value in guess.reads.items())
        state.rows.update(true.rows)


def test_what_an_earlier_block_of_the_batch_wrote_counts_as_read() -> None:
    state, blocks = applied(BUSY, range(2, 9))
    guesses = apply_ahead(BUSY.genesis.chain_id, state.rows, tuple(blocks))
    first, later = guesses[0], guesses[3]
    assert first.effects.rows.keys() & later.reads.keys()


def test_a_block_that_cannot_be_applied_ends_the_batch() -> None:
    state, blocks = applied(BUSY, range(2, 6))
    spoiled = Block(
        blocks[2].time_ms, blocks[2].first_index, blocks[2].leaves, ((b"no record",),) * len(blocks[2].leaves)
    )
    guesses = apply_ahead(BUSY.genesis.chain_id, state.rows, (*blocks[:2], spoiled, blocks[3]))
    assert len(guesses) == 2
    assert apply_ahead(BUSY.genesis.chain_id, {}, tuple(blocks)) == []


def test_reads_are_noted_with_what_was_there() -> None:
    noted = NotedReads({b"a": b"1"}, {b"b": b"2"})
    assert [noted.get(key) for key in (b"a", b"b", b"c")] == [b"1", b"2", None]
    assert noted.reads == {b"a": b"1", b"b": b"2", b"c": None}


def test_a_fault_in_a_waiting_block_comes_before_one_found_in_a_later_segment() -> None:
    chain = Chain()
    for _ in range(40):
        chain.add_documents(*[1] * 9)
    image = chain.image()
    # Found when block 2 is executed, which waits while the next segment is checked ...
    anew = chain.entry([document(1)])
    image.leaves[15], image.records[15] = anew.leaf, list(anew.records)
    relink(image)
    # ... where a leaf is changed.
    image.leaves[300] = image.leaves[300][:-1] + bytes((image.leaves[300][-1] ^ 1,))
    image.checkpoint_text = chain.checkpoint_text or image.checkpoint_text
    with AtOnce() as executor, pytest.raises(AuditFailure) as caught:
        verify.audit(image, executor=executor, window=4)
    assert (caught.value.rule, caught.value.height, caught.value.index) == ("document.exists", 2, 15)
