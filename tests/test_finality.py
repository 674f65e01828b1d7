"""Finality: four validators' cosignatures, in any order, early, late, repeated, wrong; and what a liar leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import pytest

from ledger import checkpoint as checkpoints
from ledger import evidence as evidences
from ledger import note as notes
from ledger.block import Header
from ledger.errors import FormatError, VerificationError
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, Note, NoteSignature, VerifierKey
from ledger.store.ledger_store import LedgerStore
from ledger.store.view import LedgerView
from node.evidence import MAX_OPEN, MAX_PROVED, PROVED_AT_ONCE, EvidenceBook, Kept, contradiction
from node.finality import MAX_EARLY, MAX_PENDING, Dissent, Finality
from tests.chains import ORIGIN, Chain, sign_checkpoint, validator_name

FOUR = range(4)


@dataclass
class Hall:
    """A chain of four validators, and one of their nodes."""

    chain: Chain
    store: LedgerStore
    dissents: list[Dissent] = field(default_factory=list)
    books: list[EvidenceBook] = field(default_factory=list)
    """Those that hear of signatures, as a node's does."""

    def __post_init__(self) -> None:
        self.finality = self.restarted()

    def restarted(self) -> Finality:
        self.finality = Finality(
            self.store, ORIGIN, dissented=self.dissents.append, signed=self._tell_of_signature
        )
        self.finality.committed(self.store.snapshot())
        return self.finality

    def _tell_of_signature(self, key: VerifierKey, size: int) -> None:
        for book in self.books:
            book.signed(key, size)

    def grow(self, *, tell: bool = True) -> Header:
        """One block more, in the chain and in the store."""
        header = self.chain.add_documents(1)
        self.store.commit(self.chain.commits[-1], header.engine_height)
        if tell:
            self.finality.committed(self.store.snapshot())
        return header

    def text(self, *validators: int, height: int = -1, time_s: int = 1_790_000_100) -> str:
        header = self.chain.headers[height]
        return sign_checkpoint(
            header.size, self.store.checkpoint_root(header.size), validators=validators, time_s=time_s
        )

    @property
    def final_size(self) -> int:
        final = self.finality.final
        return 0 if final is None else final.view.head.size


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    chain = Chain(4)
    chain.add_documents(2)
    store = chain.write_store(tmp_path / "ledger", sign=False)
    yield Hall(chain, store)
    store.close()


@pytest.mark.parametrize("order", list(permutations(FOUR, 3)))
def test_three_of_four_are_a_quorum_in_any_order(hall: Hall, order: tuple[int, ...]) -> None:
    for validator in order[:-1]:
        assert hall.finality.receive(hall.text(validator))
        assert hall.finality.final is None
    hall.finality.receive(hall.text(order[-1]))
    assert hall.final_size == hall.chain.size
    final = hall.finality.final
    assert final is not None
    checked = final.policy.check(final.checkpoint_text)
    assert {name for name, _ in checked.cosignatures} == {validator_name(number) for number in order}


def test_one_validator_counts_once(hall: Hall) -> None:
    assert hall.finality.receive(hall.text(1))
    assert not hall.finality.receive(hall.text(1))
    assert hall.finality.receive(hall.text(1, time_s=1_790_000_200))
    assert not hall.finality.receive(hall.text(1, time_s=1_790_000_150)), (
        "an older time replaces no newer one"
    )
    assert hall.finality.final is None
    assert set(hall.finality.missing()) == {validator_name(number) for number in (0, 2, 3)}


def test_a_larger_checkpoint_covers_the_smaller_ones(hall: Hall) -> None:
    for _ in range(3):
        hall.grow()
    hall.finality.receive(hall.text(0, 1, height=1))
    hall.finality.receive(hall.text(0, 1, 2))
    assert hall.final_size == hall.chain.size
    assert not hall.finality.receive(hall.text(2, height=1)), "what is covered is counted no more"


def test_what_is_final_stays_so_while_the_next_waits(hall: Hall) -> None:
    hall.finality.receive(hall.text(0, 1, 2))
    before = hall.final_size
    hall.grow()
    hall.finality.receive(hall.text(0, 1))
    assert hall.final_size == before
    hall.finality.receive(hall.text(3))
    assert hall.final_size == hall.chain.size > before


def test_what_comes_before_the_block_waits_for_it(hall: Hall) -> None:
    header = hall.chain.add_documents(1)
    root = hall.chain.image().root
    for validator in (1, 2, 3):
        assert hall.finality.receive(
            sign_checkpoint(header.size, root, validators=(validator,), time_s=1_790_000_100)
        )
    assert hall.finality.final is None
    hall.store.commit(hall.chain.commits[-1], header.engine_height)
    hall.finality.committed(hall.store.snapshot())
    assert hall.final_size == header.size


def test_signatures_survive_a_restart(hall: Hall) -> None:
    hall.finality.receive(hall.text(0))
    hall.finality.receive(hall.text(2))
    hall.restarted()
    assert hall.finality.final is None
    assert set(hall.finality.missing()) == {validator_name(1), validator_name(3)}
    hall.finality.receive(hall.text(1))
    assert hall.final_size == hall.chain.size
    hall.restarted()
    assert hall.final_size == hall.chain.size


def test_the_newest_text_holds_all_that_was_gathered(hall: Hall) -> None:
    assert hall.finality.newest_text() is None
    hall.finality.receive(hall.text(3))
    hall.finality.receive(hall.text(1))
    text = hall.finality.newest_text()
    assert text is not None
    names = {one.name for one in checkpoints.parse(text).note.signatures}
    assert names == {ORIGIN, validator_name(1), validator_name(3)}


def test_a_fresh_time_makes_the_status_fresh(hall: Hall) -> None:
    hall.finality.receive(hall.text(0, 1, 2, time_s=1_790_000_100))
    hall.finality.receive(hall.text(0, 1, 2, time_s=1_790_000_700))
    final = hall.finality.final
    assert final is not None
    assert final.policy.check(final.checkpoint_text).status_as_of_s == 1_790_000_700


def test_what_waits_is_bounded(hall: Hall) -> None:
    for _ in range(MAX_PENDING + 5):
        hall.grow()
    hall.finality.receive(hall.text(0, 1, 2, height=3))
    assert hall.finality.final is None, (
        "a checkpoint that was given up is covered by a larger one, or not at all"
    )
    hall.finality.receive(hall.text(0, 1, 2))
    assert hall.final_size == hall.chain.size
    size = hall.chain.size
    for number in range(3 * MAX_EARLY):
        hall.finality.receive(
            sign_checkpoint(size + 10 + number, bytes(32), validators=(1,), time_s=1_790_000_100)
        )
    assert all(len(kept) <= MAX_EARLY for kept in hall.finality._early.values())


# -- what is wrong -------------------------------------------------------------------------------------------------------


def test_a_signature_that_is_not_the_validators_is_refused(hall: Hall) -> None:
    good, other = hall.text(1), hall.text(1, time_s=5)
    body = good.partition("\n\n")[0]
    lines = other.partition("\n\n")[2].splitlines()
    forged = lines[1][:-8] + "AAAAAAA="
    with pytest.raises((VerificationError, FormatError)):
        hall.finality.receive(f"{body}\n\n{lines[0]}\n{forged}\n")
    assert hall.finality.newest_text() is None


def test_strangers_signatures_count_for_nothing(hall: Hall) -> None:
    assert not hall.finality.receive(hall.text(4, 5, 6))
    assert hall.finality.final is None


def test_another_ledgers_checkpoint_is_refused(hall: Hall) -> None:
    text = sign_checkpoint(5, bytes(32), time_s=5, origin="other.example/so")
    with pytest.raises(FormatError) as caught:
        hall.finality.receive(text)
    assert caught.value.rule == "finality.origin"


def test_another_root_is_a_dissent_and_never_counts(hall: Hall) -> None:
    lie = sign_checkpoint(hall.chain.size, b"\x07" * 32, validators=(2,), time_s=1_790_000_100)
    assert not hall.finality.receive(lie)
    (dissent,) = hall.dissents
    assert dissent.key.name == validator_name(2)
    hall.finality.receive(hall.text(0, 1))
    assert hall.finality.final is None


def test_a_lie_told_early_is_found_when_the_block_is_there(hall: Hall) -> None:
    size = hall.chain.size + 2
    assert hall.finality.receive(sign_checkpoint(size, b"\x07" * 32, validators=(2,), time_s=1_790_000_100))
    assert hall.dissents == []
    assert hall.grow().size == size
    assert [dissent.key.name for dissent in hall.dissents] == [validator_name(2)]


def test_a_lie_about_what_is_long_final_is_found(hall: Hall) -> None:
    old = hall.chain.headers[0].size
    hall.finality.receive(hall.text(0, 1, 2))
    hall.grow()
    hall.finality.receive(hall.text(0, 1, 2))
    hall.finality.receive(sign_checkpoint(old, b"\x07" * 32, validators=(3,), time_s=1_790_000_100))
    assert [dissent.key.name for dissent in hall.dissents] == [validator_name(3)]


# -- evidence ------------------------------------------------------------------------------------------------------------


def _book(hall: Hall, tmp_path: Path) -> EvidenceBook:
    book = EvidenceBook(tmp_path / "evidence")
    hall.books[:] = [book]
    return book


def _lie(hall: Hall, validator: int, size: int, root: bytes = b"\x07" * 32) -> Dissent:
    hall.finality.receive(sign_checkpoint(size, root, validators=(validator,), time_s=1_790_000_100))
    return hall.dissents[-1]


@pytest.mark.parametrize("old", [False, True])
def test_who_signs_two_histories_is_proved_a_liar(hall: Hall, tmp_path: Path, *, old: bool) -> None:
    size = hall.chain.headers[0 if old else -1].size
    hall.finality.receive(hall.text(0, 1, 2))
    book = _book(hall, tmp_path)
    kept = book.report(_lie(hall, 2, size), hall.store)
    assert kept is not None
    assert (kept.signer, kept.size, kept.proved) == (validator_name(2), size, True)
    evidence = evidences.parse(kept.text)
    evidences.verify(evidence)
    assert evidences.accused_by(evidence, hall.chain.policy) == validator_name(2)
    assert book.report(hall.dissents[-1], hall.store) is None, "one lie is one file"
    assert book.all() == [kept]


def test_a_dissent_is_proved_once_the_signer_comes_back_to_us(hall: Hall, tmp_path: Path) -> None:
    book = _book(hall, tmp_path)
    dissent = _lie(hall, 2, hall.chain.size)
    assert contradiction(dissent, hall.store, hall.chain.size) is None
    kept = book.report(dissent, hall.store)
    assert kept is not None
    assert not kept.proved
    assert book.look_again(hall.store) == []
    hall.grow()
    hall.finality.receive(hall.text(0, 2, 3))
    (proved,) = book.look_again(hall.store)
    assert proved.proved
    assert proved.signer == validator_name(2)
    assert EvidenceBook(tmp_path / "evidence").all() == [proved], "a dissent that was proved is told once"
    assert book.look_again(hall.store) == []


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the kept checkpoints that are read to look for a contradiction."""
    found: list[int] = []
    honest = LedgerView.signed_backwards

    def counted(self: LedgerView, below: int) -> Iterator[tuple[int, str]]:
        for size, text in honest(self, below):
            found.append(size)
            yield size, text

    monkeypatch.setattr(LedgerView, "signed_backwards", counted)
    return found


def _old_signature(hall: Hall, validator: int, blocks: int) -> list[int]:
    """A validator that signs one checkpoint and then nothing for some blocks; returns all sizes."""
    others = [number for number in FOUR if number != validator]
    hall.finality.receive(hall.text(*FOUR))
    for _ in range(blocks):
        hall.grow()
        hall.finality.receive(hall.text(*others))
    return list(hall.store.signed_sizes())


def test_an_old_contradiction_is_found_after_a_restart_a_little_at_a_time(
    hall: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[int]
) -> None:
    monkeypatch.setattr("node.evidence.WALKED_AT_ONCE", 4)
    sizes = _old_signature(hall, 2, 21)
    # The process that heard these signatures is gone.
    book = _book(hall, tmp_path)
    old = hall.chain.headers[0].size
    kept = book.report(_lie(hall, 2, old), hall.store)
    assert kept is not None
    assert not kept.proved
    proved: list[Kept] = []
    while not proved:
        assert len(reads) % 4 == 0
        before = len(reads)
        proved = book.look_again(hall.store)
        assert 0 < len(reads) - before <= 4
    assert [one.signer for one in proved] == [validator_name(2)]
    assert reads == sizes[::-1], "each is read once, from the newest on"
    assert book.look_again(hall.store) == []
    assert len(reads) == len(sizes), "where nothing is open nothing is read"


def test_what_cannot_be_found_is_not_looked_for_again(hall: Hall, tmp_path: Path, reads: list[int]) -> None:
    for _ in range(10):
        hall.grow()
        hall.finality.receive(hall.text(0, 1, 3))
    book = _book(hall, tmp_path)
    for size in (hall.chain.headers[4].size, hall.chain.headers[7].size):
        assert book.report(_lie(hall, 2, size), hall.store) is not None
    assert len(reads) == len(set(reads))
    done = len(reads)
    for _ in range(3):
        hall.grow()
        hall.finality.receive(hall.text(0, 1, 3))
        assert book.look_again(hall.store) == []
    assert len(reads) == done


def test_a_flood_of_lies_is_kept_within_bounds_and_hides_nothing(hall: Hall, tmp_path: Path) -> None:
    for _ in range(MAX_OPEN + 4):
        hall.grow()
        hall.finality.receive(hall.text(0, 1, 3))
    book = _book(hall, tmp_path)
    sizes = [header.size for header in hall.chain.headers]
    for root in (b"\x07" * 32, b"\x08" * 32):
        for size in reversed(sizes):
            book.report(_lie(hall, 2, size, root), hall.store)
    waiting = [one.size for one in book.all()]
    assert sorted(waiting) == sorted(2 * sizes)[:MAX_OPEN], "the smallest, which are proved first"
    assert book.report(_lie(hall, 2, sizes[-1], b"\x09" * 32), hall.store) is None
    assert book.report(_lie(hall, 2, sizes[0], b"\x09" * 32), hall.store) is not None
    assert len(book.all()) == MAX_OPEN
    # The flood of one hides no lie of another's.
    other = book.report(_lie(hall, 3, sizes[-1]), hall.store)
    assert other is not None
    assert (other.signer, other.proved) == (validator_name(3), True)
    # And as soon as it signs what we have, it is proved.
    hall.grow()
    hall.finality.receive(hall.text(0, 1, 2))
    proved = book.look_again(hall.store)
    assert 0 < len(proved) <= PROVED_AT_ONCE
    for one in proved:
        evidences.verify(evidences.parse(one.text))
        assert one.signer == validator_name(2)
    while book.look_again(hall.store):
        pass
    for number in range(2 * MAX_PROVED):
        dissent = _lie(hall, 2, sizes[number % len(sizes)], bytes([number + 16]) * 32)
        book.report(dissent, hall.store)
    against = [one for one in book.all() if one.signer == validator_name(2) and one.proved]
    assert len(against) == MAX_PROVED
    # A new process knows what is there.
    again = EvidenceBook(tmp_path / "evidence")
    assert again.report(_lie(hall, 2, sizes[1], b"\x63" * 32), hall.store) is None
    assert again.all() == book.all()


def test_a_full_directory_still_takes_the_first_of_each_key(
    hall: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.evidence.MAX_KEPT", 2)
    for _ in range(4):
        hall.grow()
    book = _book(hall, tmp_path)
    sizes = [header.size for header in hall.chain.headers]
    assert book.report(_lie(hall, 2, sizes[2]), hall.store) is not None
    assert book.report(_lie(hall, 2, sizes[3]), hall.store) is not None
    assert book.report(_lie(hall, 2, sizes[4]), hall.store) is None
    assert book.report(_lie(hall, 3, sizes[4]), hall.store) is not None
    assert book.report(_lie(hall, 2, sizes[1]), hall.store) is not None, "in the place of a larger one"
    assert sorted((one.signer, one.size) for one in book.all()) == [
        (validator_name(2), sizes[1]),
        (validator_name(2), sizes[2]),
        (validator_name(3), sizes[4]),
    ]
    hall.grow()
    hall.finality.receive(hall.text(2, 3))
    assert {one.signer for one in book.look_again(hall.store)} == {validator_name(2), validator_name(3)}


def test_an_honest_validators_old_checkpoints_are_no_dissent(hall: Hall) -> None:
    for _ in range(3):
        hall.grow()
        hall.finality.receive(hall.text(0, 1, 2, 3))
    for height in range(len(hall.chain.headers)):
        hall.finality.receive(hall.text(3, height=height))
    assert hall.dissents == []


# -- witnesses that are in no quorum ---------------------------------------------------------------------------------------

OUTSIDE = SigningKey.from_seed(b"\x0f" * 32)
OUTSIDE_KEY = VerifierKey("tinh.example/witness", COSIGNING_KEY, OUTSIDE.public_key)


def outside(hall: Hall, size: int, root: bytes | None = None, time_s: int = 1_790_000_150) -> NoteSignature:
    body = checkpoints.body(ORIGIN, size, root or hall.store.checkpoint_root(size) or b"")
    return checkpoints.cosign(body, OUTSIDE_KEY.name, OUTSIDE, time_s)


def witnessed(hall: Hall) -> Finality:
    hall.finality = Finality(hall.store, ORIGIN, dissented=hall.dissents.append, outside=[OUTSIDE_KEY])
    hall.finality.committed(hall.store.snapshot())
    return hall.finality


def signers(text: str | None) -> set[str]:
    return {one.name for one in checkpoints.parse(text or "").note.signatures}


def test_an_outside_witness_counts_for_nothing_and_is_kept(hall: Hall) -> None:
    finality = witnessed(hall)
    size = hall.chain.size
    finality.receive(hall.text(0, 1))
    finality.keep_outside(size, OUTSIDE_KEY, outside(hall, size))
    assert hall.final_size == 0
    finality.receive(hall.text(2))
    assert hall.final_size == size
    assert OUTSIDE_KEY.name in signers(finality.newest_text())
    # What is kept is known after a restart, and one who asks this witness no more does not mind it.
    assert OUTSIDE_KEY.name in signers(hall.store.signed_checkpoint(size))
    again = witnessed(hall).final
    assert again is not None
    assert OUTSIDE_KEY.name in signers(again.checkpoint_text)
    assert hall.restarted().final is not None


def test_an_outside_witness_that_is_slow_is_kept_with_what_it_has_cosigned(hall: Hall) -> None:
    finality = witnessed(hall)
    size = hall.chain.size
    finality.receive(hall.text(0, 1, 2))
    hall.grow()
    finality.receive(hall.text(0, 1, 2))
    for time_s in (1_790_000_150, 1_790_000_250):
        finality.keep_outside(size, OUTSIDE_KEY, outside(hall, size, time_s=time_s))
    kept = hall.store.signed_checkpoint(size)
    assert OUTSIDE_KEY.name in signers(kept)
    assert (
        len([one for one in checkpoints.parse(kept or "").note.signatures if one.name == OUTSIDE_KEY.name])
        == 1
    )
    assert finality.final is not None
    assert OUTSIDE_KEY.name not in signers(finality.final.checkpoint_text)


def test_an_outside_witness_of_another_history_is_reported(hall: Hall) -> None:
    finality = witnessed(hall)
    size = hall.chain.size
    body = checkpoints.body(ORIGIN, size, bytes(32))
    text = notes.format(Note(body, (outside(hall, size, bytes(32)),)))
    finality.receive(text)
    assert [one.key for one in hall.dissents] == [OUTSIDE_KEY]
