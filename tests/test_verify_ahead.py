"""What entries do, worked out ahead on a guess: taken when the guess holds, applied again when not, and never a third way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

import pytest

from ledger import verify
from ledger.encoding import Value
from ledger.entry import encode_record, entry_from_parts
from ledger.rules import ParsedEntry, apply_entries
from ledger.store import layout
from ledger.verify import AuditFailure, Level
from ledger.verify.ahead import Basis, NotedReads, Part, work_out
from ledger.verify.changes import changes_of, row_key, stored, value_of
from ledger.verify.lookups import SECRET_SIZE, sum_of
from ledger.verify.reading import read_start, segments, with_times
from ledger.verify.replay import Replay
from ledger.verify.segments import Job
from tests.chains import Chain, State, document
from tests.forgeries import relink

auditing = sys.modules["ledger.verify.audit"]


SECRET = bytes(SECRET_SIZE)


class AtOnce(Executor):
    """Runs a task when it is submitted."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:  # noqa: ANN401
        future: Future[Any] = Future()
        future.set_result(function(*args, **options))
        return future


def roles(*names: str) -> bytes:
    given: list[Value] = [*sorted(names)]
    return encode_record("member.roles/1", {"authority": "office", "member": "office", "roles": given})


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


def jobs_of(chain: Chain) -> list[Job]:
    found = with_times(segments(chain, read_start(chain, chain.policy), Level.FULL), chain.genesis)
    return [one for one in found if isinstance(one, Job)]


class Kept(State):
    """A scratch state in dictionaries."""

    def write(
        self, rows: dict[bytes, bytes], pages: dict[bytes, bytes], lookups: Iterable[tuple[bytes, bytes]]
    ) -> None:
        self.rows.update(rows)
        self.pages.update(pages)

    def get(self, key: bytes) -> bytes | None:
        row = self.rows.get(row_key(key))
        return None if row is None else value_of(row)


class Counting(Replay):
    """Says how many blocks had to be applied again."""

    again = 0

    def _apply(self, block: Any) -> Any:  # noqa: ANN401  as in the class above
        self.again += 1
        return super()._apply(block)


def stored_rows(rows: dict[bytes, bytes]) -> dict[bytes, bytes]:
    changes = changes_of(rows)
    return stored(changes.records(), changes.rows)


def applied_again(chain: Chain, *, behind: int, change: Callable[[Part], Part] = lambda part: part) -> int:
    """Replay a chain with what each segment does worked out so many segments ahead; check where it ends."""
    state = Kept()
    replay = Counting(chain.genesis, state)
    known = [dict(replay.known)] * behind
    for job in jobs_of(chain):
        known.append(dict(replay.known))
        ((result, parts),) = work_out([job], Basis(known.pop(0), None))
        assert result.finding is None
        replay.segment(job, map(change, parts))
        for fact in result.facts:
            replay.block(fact)
    assert replay.last == chain.tip.header
    assert state.rows == stored_rows(chain.state.rows)
    assert state.pages == chain.state.pages
    return replay.again


def long_busy_chain() -> Chain:
    """The same over several segments, with blocks that begin in one and end in the next."""
    chain = Chain()
    for number in range(30):
        chain.add_documents(*[1] * 9)
        more = ("auditor",) if number % 2 else ()
        chain.add([chain.entry([roles("administrator", "issuer", "office", *more)], by="admin")])
        chain.add_documents(*[1] * 13)
    return chain


LONG_BUSY = long_busy_chain()


@pytest.mark.parametrize("behind", [0, 1, 3])
@pytest.mark.parametrize("chain", [BUSY, LONG_BUSY], ids=["one segment", "some"])
def test_the_state_is_the_same_however_far_ahead(chain: Chain, behind: int) -> None:
    again = applied_again(chain, behind=behind)
    assert again < len(chain.headers)


def test_in_one_segment_every_block_sees_what_those_before_it_wrote() -> None:
    assert applied_again(BUSY, behind=0) == 0


def test_documents_alone_need_nothing_again() -> None:
    chain = Chain()
    for count in (5, 300, 7, 600, 100, 100):
        chain.add_documents(*[1] * count)
    assert applied_again(chain, behind=3) == 0


def another_row(part: Part) -> Part:
    key = next(iter(part.present))
    return part._replace(present={**part.present, key: b"another"})


WRONG: dict[str, Callable[[Part], Part]] = {
    "another time": lambda part: part._replace(time_ms=part.time_ms + 1),
    "an entry left out": lambda part: part._replace(end=part.end - 1),
    "begins too late": lambda part: part._replace(first=part.first + 1),
    "a row that was there taken to be another": another_row,
    "a row that was there taken not to be": lambda part: part._replace(absent=[*part.absent, *part.present]),
    "a row taken to be new that was not": lambda part: part._replace(new=part.new + 1),
    "a new row taken to be there": lambda part: part._replace(new=part.new - 1),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_hold_is_applied_again(name: str) -> None:
    assert applied_again(BUSY, behind=0, change=WRONG[name]) == len(BUSY.headers) - 1


def test_a_row_that_two_parts_of_a_block_both_set_is_not_taken_twice() -> None:
    # The worker that has the second part does not see that the first has changed the row it reads.
    chain = Chain()
    chain.add_documents(*[1] * 248)
    changed = [
        chain.entry([roles("administrator", "issuer", "office", *more)], by="admin")
        for more in ((), ("auditor",), (), ("auditor",), (), ("auditor",))
    ]
    chain.add([*changed[:3], *[chain.entry(chain.documents(1)) for _ in range(9)], *changed[3:]])
    assert applied_again(chain, behind=0) == 1


def test_what_was_worked_out_is_what_the_rules_give() -> None:
    (job,) = jobs_of(BUSY)
    state = State(dict(Chain().state.rows))
    ((_, parts),) = work_out([job], Basis(dict(state.rows), SECRET))
    assert len(parts) == len(BUSY.commits) - 1
    for part, commit in zip(parts, BUSY.commits[1:], strict=True):
        entries = [
            ParsedEntry.of(entry_from_parts(leaf, records))
            for leaf, records in zip(commit.leaves, commit.records, strict=True)
        ]
        true = apply_entries(state, BUSY.genesis.chain_id, commit.time_ms, commit.first_index, entries)
        assert part.changes == changes_of(true.rows)
        rest = [row for row in true.lookups if row not in part.lookups]
        assert part.lookup_sum == sum_of(rest, SECRET, layout.LOOKUP)
        state.rows.update(true.rows)


def test_nothing_is_worked_out_without_a_time_or_without_rows() -> None:
    job = jobs_of(LONG_BUSY)[0]
    known = Chain().state.rows
    ((result, parts),) = work_out([job], Basis(known, None))
    assert parts[-1].end == 256
    ((_, fewer),) = work_out([replace(job, next_time_ms=None)], Basis(known, None))
    assert [part.end for part in fewer] == [fact.index for fact in result.facts[1:]]
    assert work_out([job], None) == [(result, [])]
    assert work_out([job], Basis({}, None)) == [(result, [])]


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
