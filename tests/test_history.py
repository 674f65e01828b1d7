"""Histories: all of a subject's records or none; whatever is left out, added, moved or exchanged is found offline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle
from ledger.block import parse_header_leaf
from ledger.encoding import Value, decode, encode
from ledger.entry import REFUSED_RECORD_BYTES, Entry, encode_record
from ledger.errors import (
    CannotTellError,
    FormatError,
    LedgerError,
    RefusedError,
    StoreCorruptError,
    VerificationError,
)
from ledger.hashing import leaf_hash, leaf_hashes, sha256
from ledger.history import next_first, verify
from ledger.history_form import (
    MAX_PART_BYTES,
    MAX_PART_RECORDS,
    HistoryPart,
    RecordPart,
)
from ledger.merkle import CompactRange
from ledger.records import Subject, parse_record
from ledger.roles import ADMINISTRATOR, ROLES
from ledger.rows import SubjectRow, history_leaf, subject_key
from ledger.rules import SUBJECT_LOOKUP, Overlay, ParsedEntry, Place, apply_entry, subject_lookup
from ledger.state import StateProof
from ledger.store import swap
from ledger.store.ledger_store import LedgerStore, open_database
from node.histories import history_part, subject_of
from node.receipts import FinalView
from tests.chains import START_MS, document
from tests.vectorgen.histories import NOBODY, SCHOOL, flat, history_of, roles, school, school_years, without
from tests.vectorgen.ledgers import QUORUM, Ledger, register_member

pytestmark = pytest.mark.usefixtures("no_network")

POLICY = school().policy


def refused(part: HistoryPart | bytes, family: type[LedgerError] = VerificationError) -> str:
    """The rule by which a history is refused."""
    with pytest.raises(LedgerError) as caught:
        verify(part if isinstance(part, bytes) else part.encoded(), POLICY)
    assert type(caught.value) is family, caught.value
    return caught.value.rule


# --- honest histories -------------------------------------------------------------------------------------------------


def test_all_records_in_order_with_the_times_of_their_blocks() -> None:
    ledger = school()
    history = verify(history_of(ledger, SCHOOL).encoded(), POLICY)
    assert history.subject == SCHOOL
    assert history.status == "in-force"
    assert [one.record.type.name for one in history.records] == ["member.register/1"] + 7 * ["member.roles/1"]
    heights = {header.index: header for header in ledger.headers}
    for one in history.records:
        header = next(header for index, header in sorted(heights.items()) if index > one.index)
        assert (one.time_ms, one.height) == (header.time_ms, header.height)
        assert ledger.records[one.index][one.record_index] == one.record.raw
        assert one.record_id == leaf_hash(one.record.raw)
    assert history.row is not None
    assert (history.row.time_ms, history.row.changed_ms) == (
        history.records[0].time_ms,
        history.records[-1].time_ms,
    )
    assert history.header == ledger.headers[-1]
    assert history.checked.status_as_of_s == ledger.headers[-1].time_ms // 1000 + 1


def test_nothing_was_recorded_about_it() -> None:
    history = verify(history_of(school(), NOBODY).encoded(), POLICY)
    assert (history.row, history.status, history.records) == (None, None, ())


def test_one_record_and_the_newest_block() -> None:
    last = Subject("document", "office", sha256(b"paper 1"))
    history = verify(history_of(school(), last).encoded(), POLICY)
    assert [one.height for one in history.records] == [school().headers[-1].height]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8])
def test_a_history_in_parts(most: int) -> None:
    whole = verify(history_of(school(), SCHOOL).encoded(), POLICY)
    parts = [history_of(school(), SCHOOL, first, most).encoded() for first in range(0, 8, most)]
    assert verify(parts, POLICY) == whole


def test_parts_may_be_fetched_while_the_ledger_grows() -> None:
    young, old = school_years(3), school_years(6)
    parts = [history_of(young, SCHOOL, 0, 3).encoded(), history_of(old, SCHOOL, 3).encoded()]
    assert len(verify(parts, POLICY).records) == 8


def test_what_is_encoded_reads_back() -> None:
    for subject in (SCHOOL, NOBODY):
        part = history_of(school(), subject)
        assert HistoryPart.parse(part.encoded()) == part


# --- a lying server ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(8))
def test_leaving_any_one_record_out_is_caught(number: int) -> None:
    part = history_of(school(), SCHOOL)
    assert refused(without(part, flat(part)[number])) == "history.count"


@pytest.mark.parametrize("kept", range(8))
def test_cutting_the_end_is_caught(kept: int) -> None:
    assert refused(history_of(school(), SCHOOL, 0, kept)) == "history.count"


@given(st.integers(0, 254))
def test_no_choice_of_some_records_passes_for_all(mask: int) -> None:
    part = history_of_school()
    for number, place in reversed(list(enumerate(flat(part)))):
        if not mask >> number & 1:
            part = without(part, place)
    assert refused(part) == "history.count"


@given(st.permutations(range(7)))
def test_no_other_order_of_blocks_passes(order: list[int]) -> None:
    part = history_of_school()
    changed = replace(part, blocks=tuple(part.blocks[number] for number in order))
    if order == list(range(7)):
        verify(changed.encoded(), POLICY)
    else:
        assert refused(changed) == "history.order"


@given(st.sets(st.integers(1, 7)))
def test_wherever_it_is_cut_into_parts_it_is_the_same(cuts: set[int]) -> None:
    starts = [0, *sorted(cuts)]
    lengths = [b - a for a, b in zip(starts, [*starts[1:], 8], strict=True)]
    parts = [part_of_school(a, length).encoded() for a, length in zip(starts, lengths, strict=True)]
    assert verify(parts, POLICY) == verify(history_of_school().encoded(), POLICY)


@cache
def part_of_school(first: int, most: int) -> HistoryPart:
    return history_of(school(), SCHOOL, first, most)


def history_of_school() -> HistoryPart:
    return part_of_school(0, 8)


def test_claiming_that_nothing_is_there_is_caught() -> None:
    part = history_of(school(), SCHOOL)
    absent = replace(part, blocks=(), state=StateProof.from_value(school().prove(subject_key(*NOBODY))))
    assert refused(absent) == "state-proof.key"
    nothing = replace(part.state, value=None)
    assert refused(replace(part, blocks=(), state=nothing)) == "state-proof.root-mismatch"


def test_an_older_state_is_complete_and_says_of_when_it_is() -> None:
    young, old = school_years(3), school_years(6)
    stale = verify(history_of(young, SCHOOL).encoded(), POLICY)
    fresh = verify(history_of(old, SCHOOL).encoded(), POLICY)
    assert len(stale.records) < len(fresh.records)
    assert stale.checked.status_as_of_s is not None
    assert fresh.checked.status_as_of_s is not None
    assert stale.checked.status_as_of_s < fresh.checked.status_as_of_s
    # The records of the old state under the new checkpoint, or the other way round, do not pass for either.
    mixed = history_of(old, SCHOOL, 0, len(stale.records))
    assert refused(mixed) == "history.count"
    assert refused(replace(history_of(old, SCHOOL), state=history_of(young, SCHOOL).state)) == (
        "state-proof.root-mismatch"
    )


def test_adding_a_record_is_caught() -> None:
    part = history_of(school(), SCHOOL)
    other = history_of(school(), Subject("document", "office", sha256(b"paper 1")))
    assert refused(replace(part, blocks=part.blocks + other.blocks)) == "history.count"


def test_a_record_of_another_subject_is_caught() -> None:
    part = history_of(school(), SCHOOL)
    other = history_of(school(), Subject("document", "office", sha256(b"paper 1")))
    exchanged = replace(without(part, flat(part)[-1]), blocks=part.blocks[:-1] + other.blocks)
    assert refused(exchanged) == "history.root"


def test_records_beside_those_that_are_about_the_subject_are_caught() -> None:
    ledger = school()
    part = history_of(ledger, SCHOOL)
    entry = part.blocks[0].entries[0]
    ids = leaf_hashes(ledger.records[entry.index])
    beside = RecordPart(ledger.records[entry.index][1], 1, tuple(merkle.inclusion_path(ids, 1)))
    changed = replace(part.blocks[0], entries=(replace(entry, records=(beside,)),))
    assert refused(replace(part, blocks=(changed, *part.blocks[1:]))) == "history.root"


def test_another_order_is_caught() -> None:
    part = history_of(school(), SCHOOL)
    swapped = (*part.blocks[:2], part.blocks[3], part.blocks[2], *part.blocks[4:])
    assert refused(replace(part, blocks=swapped)) == "history.order"
    twice = (*part.blocks[:2], part.blocks[1], *part.blocks[3:])
    assert refused(replace(part, blocks=twice)) == "history.order"
    at = next(b for b, e, r in flat(part) if r == 1)
    block = part.blocks[at]
    entry = replace(block.entries[0], records=block.entries[0].records[::-1])
    inside = (*part.blocks[:at], replace(block, entries=(entry,)), *part.blocks[at + 1 :])
    assert refused(replace(part, blocks=inside)) == "history.order"


def test_the_history_of_another_subject_is_caught() -> None:
    part = history_of(school(), SCHOOL)
    assert refused(replace(part, subject=Subject("member", "office", "office"))) == "state-proof.key"
    bare = replace(part, subject=Subject("member", "school", b"school"))
    assert refused(bare) == "state-proof.key"


def test_an_entry_in_another_block_would_have_another_time() -> None:
    part = history_of(school(), SCHOOL)
    one, two = part.blocks[1], part.blocks[2]
    for wrong in (replace(two, entries=one.entries), replace(one, entries=two.entries)):
        assert refused(replace(part, blocks=(part.blocks[0], wrong, *part.blocks[2:]))) == "history.block"


def test_a_header_that_is_not_where_it_says() -> None:
    part = history_of(school(), SCHOOL)
    block = part.blocks[0]
    moved = replace(block, index=block.index - 1)
    assert refused(replace(part, blocks=(moved, *part.blocks[1:]))).startswith("proof.")
    forged = replace(parse_header_leaf(block.header_leaf), time_ms=START_MS).leaf()
    assert refused(replace(part, blocks=(replace(block, header_leaf=forged), *part.blocks[1:]))) == (
        "proof.root-mismatch"
    )


def test_a_missing_part_is_not_a_forgery_and_a_cut_one_is() -> None:
    parts = [history_of(school(), SCHOOL, first, 3).encoded() for first in (0, 3, 6)]
    for wrong in ([parts[1], parts[2]], [parts[0], parts[2]], parts[::-1]):
        with pytest.raises(CannotTellError) as caught:
            verify(wrong, POLICY)
        assert caught.value.rule == "history.part-missing"
    with pytest.raises(VerificationError) as wrong_count:
        verify(parts[:2], POLICY)
    assert wrong_count.value.rule == "history.count"
    with pytest.raises(FormatError) as nothing:
        verify([], POLICY)
    assert nothing.value.rule == "history.shape"


def test_leaving_a_record_out_of_a_part_is_caught_at_the_end() -> None:
    first, second = history_of(school(), SCHOOL, 0, 4), history_of(school(), SCHOOL, 4)
    cut = without(first, flat(first)[1])
    shifted = replace(second, first=3)
    with pytest.raises(VerificationError) as caught:
        verify([cut.encoded(), shifted.encoded()], POLICY)
    assert caught.value.rule == "history.count"


def test_parts_about_different_subjects_do_not_go_together() -> None:
    key_of_school = Subject("key", "school", parse_record(school().records[4][1]).subject.identifier)
    parts = [history_of(school(), SCHOOL, 0, 1), replace(history_of(school(), key_of_school), first=1)]
    with pytest.raises(VerificationError) as caught:
        verify([part.encoded() for part in parts], POLICY)
    assert caught.value.rule == "history.subject"


def test_parts_of_two_ledgers_do_not_go_together() -> None:
    twin = Ledger(nonce=b"another ledger!!")
    twin.place([register_member("school", "Trường", "office")], by="admin")
    twin.place([roles("issuer", "office")], by="admin")
    parts = [history_of(school(), SCHOOL, 0, 1), history_of(twin, SCHOOL, 1)]
    with pytest.raises(VerificationError) as caught:
        verify([part.encoded() for part in parts], POLICY)
    assert caught.value.rule == "history.chain"


def test_too_few_cosignatures_and_unknown_versions_are_no_forgery() -> None:
    part = history_of(school(), SCHOOL)
    few = replace(part, checkpoint_text=school().checkpoint_by(range(QUORUM - 1)))
    assert refused(few, CannotTellError) == "policy.quorum-missing"
    value = items(decode(part.encoded()))
    assert refused(encode([2, *value[1:]]), CannotTellError) == "history.version"
    assert refused(encode([True, *value[1:]]), CannotTellError) == "history.version"


def items(value: Value) -> list[Value]:
    assert isinstance(value, list)
    return value


# --- a quorum that signs what is not so -------------------------------------------------------------------------------


def test_a_row_that_does_not_fit_the_records_is_caught() -> None:
    ledger = school_years(1)
    row = SubjectRow.parse(ledger.state.rows[subject_key(*SCHOOL)])
    for wrong in (
        replace(row, issue=sha256(b"another record")),
        replace(row, time_ms=row.time_ms - 1),
        replace(row, changed_ms=row.changed_ms + 1),
    ):
        forged = school_years(1)
        entry = forged.entry([document(5)])
        forged.force(entry.leaf, entry.records, {subject_key(*SCHOOL): wrong.encoded()})
        assert refused(history_of(forged, SCHOOL)) == "history.row"


def test_a_signature_that_is_wrong_is_caught() -> None:
    ledger = Ledger()
    entry = ledger.entry([document(5)])
    forged = Entry(entry.body, bytes(64), entry.records)
    subject = parse_record(document(5)).subject
    leaf = history_leaf(entry.id, 0, entry.record_ids[0])
    time_ms = ledger.next_time_ms
    row = SubjectRow("in-force", entry.record_ids[0], time_ms, time_ms, CompactRange().append(leaf))
    ledger.force(forged.leaf, entry.records, {subject_key(*subject): row.encoded()})
    assert refused(history_of(ledger, subject)).startswith("signature.")


# --- form -------------------------------------------------------------------------------------------------------------


SHAPES: list[tuple[Callable[[list[Any]], Any], str]] = [
    (lambda v: v[:6], "history.shape"),
    (lambda v: [*v, None], "history.shape"),
    (lambda v: {"history": v[1]}, "history.shape"),
    (lambda v: [v[0], v[1][:2], *v[2:]], "history.shape"),
    (lambda v: [v[0], ["member", 1, "school"], *v[2:]], "history.subject"),
    (lambda v: [*v[:2], v[2].encode(), *v[3:]], "history.shape"),
    (lambda v: [*v[:3], v[3][:1], *v[4:]], "history.shape"),
    (lambda v: [*v[:3], [v[3][0], [bytes(31)]], *v[4:]], "history.path"),
    (lambda v: [*v[:3], [v[3][0], [bytes(32)] * 65], *v[4:]], "history.path"),
    (lambda v: [*v[:4], None, *v[5:]], "state-proof.shape"),
    (lambda v: [*v[:5], -1, v[6]], "history.shape"),
    (lambda v: [*v[:5], False, v[6]], "history.shape"),
    (lambda v: [*v[:6], None], "history.shape"),
    (lambda v: [*v[:6], [v[6][0][:3]]], "history.shape"),
    (lambda v: [*v[:6], [[*v[6][0][:3], [[b"", 0, [], [[bytes(64), 0, []]]]]]]], "record.size-64"),
    (lambda v: [*v[:6], [[*v[6][0][:3], [[b"", 0, [], [[b"x", 0, []]] * 501]]]]], "history.limit"),
]


@pytest.mark.parametrize(("change", "rule"), SHAPES, ids=range(len(SHAPES)))
def test_what_is_not_of_the_form_is_no_forgery(change: Callable[[list[Any]], Any], rule: str) -> None:
    value = change(items(decode(history_of(school(), SCHOOL).encoded())))
    assert refused(encode(value), FormatError) == rule


def test_a_part_has_a_largest_size() -> None:
    assert refused(bytes(MAX_PART_BYTES + 1), FormatError) == "encoding.too-large"


def nothing_to_spare() -> bytes:
    """A history whose checkpoint has one log signature and just as many cosignatures as the policy asks for."""
    part = history_of(school(), SCHOOL)
    text, lines = part.checkpoint_text.split("\n\n")
    log, *_, first, second, third = lines.splitlines(keepends=True)
    return replace(part, checkpoint_text=f"{text}\n\n{log}{first}{second}{third}").encoded()


HONEST = nothing_to_spare()


@given(st.integers(0, len(HONEST) - 1), st.integers(0, 7))
def test_every_bit_is_bound(at: int, bit: int) -> None:
    verify(HONEST, POLICY)
    changed = HONEST[:at] + bytes([HONEST[at] ^ 1 << bit]) + HONEST[at + 1 :]
    with pytest.raises(LedgerError):
        verify(changed, POLICY)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises((FormatError, CannotTellError)):
        verify(data, POLICY)


# --- made by a node ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def final(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinalView]:
    ledger = school()
    store = ledger.write_store(tmp_path_factory.mktemp("history") / "ledger")
    yield FinalView(store, ledger.checkpoint_by(range(QUORUM)))
    store.close()


def test_a_node_makes_what_the_log_says(final: FinalView) -> None:
    subjects = {parse_record(raw).subject for items in school().records for raw in items if len(raw) != 64}
    assert len(subjects) > 10
    for subject in [*subjects, NOBODY]:
        part = history_part(final, subject)
        assert part == history_of(school(), subject)
        assert next_first(part) is None
        verify(part.encoded(), POLICY)


@pytest.mark.parametrize("most", [1, 3, 4])
def test_a_node_makes_the_same_in_parts(final: FinalView, most: int) -> None:
    parts: list[HistoryPart] = []
    first: int | None = 0
    while first is not None:
        parts.append(history_part(final, SCHOOL, first=first, most=most))
        assert parts[-1] == history_of(school(), SCHOOL, first, most)
        first = next_first(parts[-1])
    assert len(verify([part.encoded() for part in parts], POLICY).records) == 8


def test_a_part_ends_where_it_is_full(final: FinalView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.histories.FULL_BYTES", 150)
    part = history_part(final, SCHOOL)
    assert 0 < len(flat(part)) < 8
    assert next_first(part) == len(flat(part))


def test_behind_the_last_record_there_is_nothing(final: FinalView) -> None:
    part = history_part(final, SCHOOL, first=8)
    assert (part.blocks, next_first(part)) == ((), None)


def test_the_subject_of_a_record(final: FinalView) -> None:
    assert subject_of(final, leaf_hash(roles("office"))) == SCHOOL
    assert subject_of(final, bytes(32)) is None


@pytest.mark.parametrize("lost", [0, 3, 6])
def test_an_index_that_lost_a_record_is_noticed(tmp_path: Path, lost: int) -> None:
    ledger = school()
    ledger.write_store(tmp_path / "ledger").close()
    with closing(open_database(tmp_path / "ledger" / swap.CURRENT, create=False)) as database:
        keys = [key for key, _ in database.iterate(b"i" + SUBJECT_LOOKUP)]
        assert len(keys) == 7, "a record that begins its subject's history has no row of its own here"
        database.write([(keys[lost], None)])
    store = LedgerStore.open(tmp_path / "ledger")
    try:
        with pytest.raises(StoreCorruptError) as caught:
            history_part(FinalView(store, ledger.checkpoint_by(range(QUORUM))), SCHOOL)
        assert caught.value.rule == "index.subject"
    finally:
        store.close()


# --- the index behind it ----------------------------------------------------------------------------------------------


def parameter(value: int) -> bytes:
    body: dict[str, Value] = {"authority": "office", "name": "entry-time-ahead-ms", "value": value}
    return encode_record("parameter.set/1", body)


def proposal(action: bytes, ledger: Ledger) -> bytes:
    body: dict[str, Value] = {
        "authority": "office",
        "action": action,
        "expires_ms": ledger.next_time_ms + 86_400_000,
    }
    return encode_record("governance.propose/1", body)


@contextmanager
def final_of(ledger: Ledger, path: Path) -> Iterator[FinalView]:
    """The ledger as a node has it on its disk."""
    with closing(ledger.write_store(path)) as store:
        yield FinalView(store, ledger.checkpoint_by(range(QUORUM)))


def verified_by_node(ledger: Ledger, path: Path, *subjects: Subject) -> list[list[str]]:
    """The types of the records that a node shows of each subject, once they are verified."""
    with final_of(ledger, path) as final:
        return [
            [
                one.record.type.name
                for one in verify(history_part(final, subject).encoded(), ledger.policy).records
            ]
            for subject in subjects
        ]


def test_a_record_of_another_subject_that_joined_this_one_s_history(tmp_path: Path) -> None:
    """With a sole administrator a proposal is done at once: that record is the first that concerns the new member."""
    ledger = Ledger()
    made = proposal(register_member("branch", "Chi nhánh", "office"), ledger)
    ledger.place([made], by="admin")
    change: dict[str, Value] = {"authority": "office", "member": "branch", "roles": ["auditor"]}
    ledger.place([encode_record("member.roles/1", change)], by="admin")
    branch = Subject("member", "branch", "branch")
    shown = verified_by_node(ledger, tmp_path / "ledger", branch, parse_record(made).subject)
    assert shown == [["governance.propose/1", "member.roles/1"], ["governance.propose/1"]]


def test_a_first_record_that_comes_again_word_for_word(tmp_path: Path) -> None:
    ledger = Ledger()
    values = (300_001, 600_000, 300_001, 300_001)
    places = [ledger.place([parameter(value)], by="admin") for value in values]
    subject = Subject("parameter", "entry-time-ahead-ms", "entry-time-ahead-ms")
    with final_of(ledger, tmp_path / "ledger") as final:
        history = verify(history_part(final, subject).encoded(), ledger.policy)
        assert [one.record.body["value"] for one in history.records] == list(values)
        assert [one.index for one in history.records] == places
        # Its id goes on leading to where it stood first.
        assert final.place(leaf_hash(parameter(values[0]))) == Place(places[0], 0)


def test_most_records_cost_the_index_nothing() -> None:
    ledger = school()
    rows = [key for commit in ledger.commits for key, _ in commit.lookups if key.startswith(SUBJECT_LOOKUP)]
    assert len(rows) == 7
    assert all(len(key) == len(SUBJECT_LOOKUP) + 20 for key in rows)
    documents = school_years(0)
    assert not [
        key for commit in documents.commits for key, _ in commit.lookups if key.startswith(SUBJECT_LOOKUP)
    ]


def test_what_is_refused_leaves_nothing_in_the_index() -> None:
    ledger = school_years(1)
    overlay = Overlay(ledger.state, ledger.genesis.chain_id, ledger.next_time_ms)
    joins_and_fails = ledger.entry(
        [roles("issuer", "office"), register_member("school", "Trường", "office")], by="admin"
    )
    with pytest.raises(RefusedError):
        apply_entry(overlay, ParsedEntry.of(joins_and_fails), ledger.size)
    lookups = apply_entry(overlay, ParsedEntry.of(ledger.entry([document(77)])), ledger.size)
    assert not [key for key, _ in lookups if key.startswith(SUBJECT_LOOKUP)]
    lookups = apply_entry(
        overlay, ParsedEntry.of(ledger.entry([roles("office", "producer")], by="admin")), ledger.size + 1
    )
    assert [key for key, _ in lookups if key.startswith(SUBJECT_LOOKUP)] == [
        subject_lookup(subject_key(*SCHOOL), 2)
    ]


def test_a_long_history_is_read_and_verified_in_parts(tmp_path: Path) -> None:
    """Every choice of roles but administrator, five times over: hundreds of records of one member in five entries."""
    ledger = Ledger()
    ledger.place([register_member("school", "Trường THCS Phú Sơn", "office")], by="admin")
    every = sorted(ROLES - {ADMINISTRATOR})
    made = [
        roles(*(word for at, word in enumerate(every) if bits >> at & 1))
        for bits in range(1, 1 << len(every))
    ]
    choices = [record for record in made if len(record) != REFUSED_RECORD_BYTES]
    for _ in range(5):
        ledger.place(choices, by="admin")
    records = 1 + 5 * len(choices)
    assert records > MAX_PART_RECORDS
    with final_of(ledger, tmp_path / "ledger") as final:
        parts: list[bytes] = []
        first: int | None = 0
        while first is not None:
            part = history_part(final, SCHOOL, first=first)
            parts.append(part.encoded())
            first = next_first(part)
    assert len(parts) == -(-records // MAX_PART_RECORDS)
    assert max(map(len, parts)) < MAX_PART_BYTES
    assert len(verify(parts, ledger.policy).records) == records
    with pytest.raises(VerificationError) as caught:
        verify(parts[:-1], ledger.policy)
    assert caught.value.rule == "history.count"
