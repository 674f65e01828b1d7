"""The application's verbs, driven as an engine would, right and wrong; `tests.chains.Chain` is its twin."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.block import SignedHeader, parse_signed_header
from ledger.entry import Entry, entry_from_parts
from ledger.errors import (
    CannotTellError,
    FormatError,
    LedgerError,
    RefusedError,
    StoreCorruptError,
    StoreError,
    VerificationError,
)
from ledger.hashing import leaf_hash
from ledger.store.ledger_store import LedgerStore
from node import application as module
from node.application import HEADER_RESERVE_BYTES, Application, ParsedCache, load_tip
from tests.chains import Chain, document, key
from tests.faults.failing import FailingLevelDB

HEADER_KEY = key("header 0")
PROPOSER = HEADER_KEY.public_key
LARGE = 10_000_000
Changes: TypeAlias = Any
"""Values for some of the parameters, in place of the usual ones."""


@pytest.fixture
def chain() -> Chain:
    """The twin: what the ledger must look like."""
    return Chain()


@pytest.fixture
def store(tmp_path: Path, chain: Chain) -> Iterator[LedgerStore]:
    opened = chain.write_store(tmp_path / "ledger", sign=False)
    yield opened
    opened.close()


@pytest.fixture
def proposer(store: LedgerStore) -> Application:
    return Application(store, HEADER_KEY)


@pytest.fixture
def validator(store: LedgerStore) -> Application:
    """Another application on the same state, which has executed nothing yet and proposes nothing."""
    return Application(store, None)


def prepare(application: Application, chain: Chain, entries: list[Entry], **changes: Changes) -> list[bytes]:
    proposal, refused = application.prepare(
        [entry.submission() for entry in entries], **({"max_bytes": LARGE} | turn(chain) | changes)
    )
    assert not refused
    return proposal


def turn(chain: Chain, **changes: Changes) -> dict[str, Any]:
    """Engine height and time of the twin's next block."""
    return {
        "engine_height": chain.tip.header.engine_height + 1,
        "time_ms": chain.next_time_ms,
    } | changes


def decide(application: Application, chain: Chain, proposal: list[bytes], **changes: Changes) -> bytes:
    """What an engine does with a proposal: process, finalize, commit; returns the application hash."""
    decided = turn(chain, proposer=PROPOSER) | changes
    application.process(proposal, **decided)
    app_hash = application.finalize(proposal, **decided).app_hash
    application.commit()
    return app_hash


# --- the normal path -----------------------------------------------------------------------------------------------------


def test_a_block_goes_through_the_verbs_and_is_the_twins(
    proposer: Application, store: LedgerStore, chain: Chain
) -> None:
    assert (proposer.info().engine_height, proposer.info().ledger_height) == (0, 0)
    for counts in ((1,), (2, 1, 3), (1, 1)):
        entries = [chain.entry(chain.documents(count)) for count in counts]
        proposal = prepare(proposer, chain, entries)
        assert proposal[1:] == [entry.submission() for entry in entries]
        app_hash = decide(proposer, chain, proposal)
        header = chain.add(entries)
        assert parse_signed_header(proposal[0]).header == header
        assert app_hash == leaf_hash(header.leaf()) == proposer.info().app_hash
        assert proposer.info().engine_height == header.engine_height
        assert proposer.info().ledger_height == header.height
        assert proposer.tip == chain.tip == load_tip(store)
        stored = store.block(header.height)
        assert stored.leaves == tuple(entry.leaf for entry in entries)
        assert stored.records == tuple(entry.records for entry in entries)
        header.verify_signature(stored.header_signature)


def test_nothing_is_stored_before_commit(proposer: Application, store: LedgerStore, chain: Chain) -> None:
    before = store.head
    proposal = prepare(proposer, chain, [chain.entry(chain.documents(1))])
    decided = turn(chain, proposer=PROPOSER)
    proposer.process(proposal, **decided)
    proposer.finalize(proposal, **decided)
    assert store.head == before
    assert proposer.info().ledger_height == 0
    block = proposer.commit()
    assert block is not None
    assert store.head.height == 1


def test_a_validator_that_has_not_seen_it_executes_it_and_agrees(
    proposer: Application, validator: Application, chain: Chain
) -> None:
    entries = [chain.entry(chain.documents(2)), chain.entry(chain.documents(1))]
    proposal = prepare(proposer, chain, entries)
    assert validator.prepare([entries[0].submission()], max_bytes=LARGE, **turn(chain)) == ([], [])
    validator.process(proposal, **turn(chain, proposer=PROPOSER))
    assert decide(validator, chain, proposal) == leaf_hash(chain.add(entries).leaf())


def test_verbs_can_be_repeated_before_commit(
    proposer: Application, validator: Application, chain: Chain
) -> None:
    first, second = chain.entry(chain.documents(1)), chain.entry(chain.documents(1))
    one, other = prepare(proposer, chain, [first]), prepare(proposer, chain, [first, second])
    decided = turn(chain, proposer=PROPOSER)
    for application in (proposer, validator):
        for proposal in (one, other, one):
            application.process(proposal, **decided)
    assert validator.finalize(one, **decided) == validator.finalize(one, **decided)
    # The last decision counts; and what was finalized and not committed leaves no trace.
    assert validator.finalize(other, **decided).app_hash == leaf_hash(chain.add([first, second]).leaf())
    block = validator.commit()
    assert block is not None
    assert block.entries == (first, second)


def test_the_key_that_will_cosign_is_written_with_the_block(
    proposer: Application, store: LedgerStore, chain: Chain
) -> None:
    key_id = key("cosigning 0").public_key
    proposal = prepare(proposer, chain, [chain.entry(chain.documents(1))])
    decided = turn(chain, proposer=PROPOSER)
    proposer.finalize(proposal, **decided)
    proposer.commit(key_id)
    assert store.last_signed(key_id) == (store.head.size, store.head.root)


def test_an_empty_block_advances_the_engine_alone(
    proposer: Application, store: LedgerStore, chain: Chain
) -> None:
    before = proposer.info()
    proposer.process([], **turn(chain, proposer=PROPOSER))
    assert proposer.finalize([], engine_height=7, time_ms=1, proposer=PROPOSER).app_hash == before.app_hash
    assert proposer.commit() is None
    assert proposer.info() == replace(before, engine_height=7)
    assert store.head.engine_height == 7
    # The engine's own height goes on from there, and the next block says so.
    entry = chain.entry(chain.documents(1))
    proposal = prepare(proposer, chain, [entry], engine_height=8)
    decide(proposer, chain, proposal, engine_height=8)
    assert proposer.tip.header.engine_height == 8


def test_commit_without_a_decision_is_a_mistake_of_the_engine(proposer: Application, chain: Chain) -> None:
    with pytest.raises(VerificationError, match=r"engine\.order"):
        proposer.commit()
    decide(proposer, chain, prepare(proposer, chain, [chain.entry(chain.documents(1))]))
    with pytest.raises(VerificationError, match=r"engine\.order"):
        proposer.commit()


@pytest.mark.parametrize("persisted", [False, True])
def test_a_commit_that_fails_has_not_happened_here(
    tmp_path: Path, proposer: Application, store: LedgerStore, chain: Chain, persisted: bool
) -> None:
    proposal = prepare(proposer, chain, [chain.entry(chain.documents(1))])
    proposer.finalize(proposal, **turn(chain, proposer=PROPOSER))
    database = store._database
    database._leveldb = FailingLevelDB(database._leveldb, persisted=persisted)
    before = proposer.tip
    with pytest.raises(StoreError):
        proposer.commit()
    assert proposer.tip == before
    store.close()
    reopened = LedgerStore.open(tmp_path / "ledger")
    assert Application(reopened, HEADER_KEY).info().ledger_height == int(persisted)
    reopened.close()


# --- what a proposer leaves out ------------------------------------------------------------------------------------------


def test_what_is_refused_is_left_out_with_its_reason(proposer: Application, chain: Chain) -> None:
    good = chain.entry(chain.documents(2))
    (paper,) = chain.documents(1)
    first, rival = chain.entry([paper]), chain.entry([paper])
    stranger = chain.entry(chain.documents(1), by="stranger")
    elsewhere = chain.entry(chain.documents(1), chain_id=bytes(32))
    early = chain.entry(chain.documents(1), time_ms=chain.next_time_ms + 400_000)
    spoilt = bytearray(good.submission())
    spoilt[-1] ^= 1
    given_in = [
        b"",
        bytes(spoilt),
        *(e.submission() for e in (stranger, first, early, rival, good, first, elsewhere)),
    ]
    proposal, refused = proposer.prepare(given_in, max_bytes=LARGE, **turn(chain))
    assert proposal[1:] == [first.submission(), good.submission()]
    reasons = [(given_in.index(submission), error.rule) for submission, error in refused]
    assert [at for at, _ in reasons] == [0, 1, 2, 4, 5, 3, 8]
    assert [rule for _, rule in reasons[2:]] == [
        "key.unknown",
        "entry.time-ahead",
        "document.exists",
        "entry.duplicate",
        "entry.chain",
    ]
    assert [error.permanent for _, error in refused if isinstance(error, RefusedError)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    decide(proposer, chain, proposal)
    assert chain.add([first, good]) == proposer.tip.header


def test_a_refused_entry_leaves_no_trace_in_the_block(proposer: Application, chain: Chain) -> None:
    papers = chain.documents(2)
    whole = chain.entry(papers)
    half = chain.entry([*chain.documents(1), papers[0]])
    proposal, refused = proposer.prepare(
        [whole.submission(), half.submission()], max_bytes=LARGE, **turn(chain)
    )
    assert len(refused) == 1
    decide(proposer, chain, proposal)
    assert chain.add([whole]) == proposer.tip.header


def test_a_proposal_stays_within_its_bytes(proposer: Application, chain: Chain) -> None:
    entries = [chain.entry(chain.documents(1 + number % 3)) for number in range(12)]
    submissions = [entry.submission() for entry in entries]
    for room in (0, 300, 700, 900, 1_500, 2_500, 100_000):
        proposal, refused = proposer.prepare(
            submissions, max_bytes=HEADER_RESERVE_BYTES + room, **turn(chain)
        )
        assert not refused  # what has no room is not refused: it comes next time
        assert sum(map(len, proposal)) <= HEADER_RESERVE_BYTES + room
        assert [item for item in submissions if item in proposal] == proposal[1:]
    assert len(prepare(proposer, chain, entries)) == 13


def test_without_entries_there_is_no_proposal(proposer: Application, chain: Chain) -> None:
    assert proposer.prepare([], max_bytes=LARGE, **turn(chain)) == ([], [])
    proposal, refused = proposer.prepare([b"nothing"], max_bytes=LARGE, **turn(chain))
    assert proposal == []
    assert len(refused) == 1


def test_a_blocks_time_is_the_engines_but_later_than_its_parents(proposer: Application, chain: Chain) -> None:
    entry = chain.entry(chain.documents(1), time_ms=chain.tip.header.time_ms)
    parent_ms = chain.tip.header.time_ms
    for engine_ms, expected in (
        (0, parent_ms + 1),
        (parent_ms, parent_ms + 1),
        (parent_ms + 77, parent_ms + 77),
    ):
        proposal = prepare(proposer, chain, [entry], time_ms=engine_ms)
        assert parse_signed_header(proposal[0]).header.time_ms == expected
        proposer.process(proposal, **turn(chain, time_ms=engine_ms, proposer=PROPOSER))


# --- what a validator rejects --------------------------------------------------------------------------------------------


def rejected(application: Application, proposal: list[bytes], decided: dict[str, Any]) -> str:
    """The rule that every verb names; nothing is decided by it."""
    rejections = (VerificationError, FormatError, RefusedError, CannotTellError)
    with pytest.raises(rejections) as caught:
        application.process(proposal, **decided)
    with pytest.raises(rejections):
        application.finalize(proposal, **decided)
    with pytest.raises(VerificationError, match=r"engine\.order"):
        application.commit()
    return caught.value.rule


@pytest.mark.parametrize("seen_before", [False, True])
@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"engine_height": 2}, "header.engine-height"),
        ({"engine_height": 0}, "header.engine-height"),
        ({"time_ms": 1_790_000_001_001}, "header.time"),
        ({"time_ms": 0}, "header.time"),
        ({"proposer": key("header 1").public_key}, "header.proposer"),
        ({"proposer": bytes(32)}, "header.proposer"),
    ],
)
def test_what_the_engine_decided_is_not_the_proposers_to_choose(
    proposer: Application,
    validator: Application,
    chain: Chain,
    changes: dict[str, Any],
    rule: str,
    seen_before: bool,
) -> None:
    proposal = prepare(proposer, chain, [chain.entry(chain.documents(1))])
    decided = turn(chain, proposer=PROPOSER)
    if (
        seen_before
    ):  # a candidate that was executed for another height, time or proposer is not taken for this one
        validator.process(proposal, **decided)
    assert rejected(validator, proposal, decided | changes) == rule
    assert rejected(proposer, proposal, decided | changes) == rule
    validator.process(proposal, **decided)


def resigned(proposal: list[bytes], *, by: str = "header 0", **changes: Changes) -> list[bytes]:
    """The proposal with another header, rightly signed."""
    header = replace(parse_signed_header(proposal[0]).header, **changes)
    return [SignedHeader(header, header.sign(key(by))).encoded(), *proposal[1:]]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"height": 2}, "header.height"),
        ({"chain_id": bytes(32)}, "header.chain-id"),
        ({"parent": bytes(32)}, "header.parent"),
        ({"time_ms": 1_790_000_001_001}, "header.time"),
        ({"engine_height": 2}, "header.engine-height"),
        ({"first_index": 3}, "header.first-index"),
        ({"entry_count": 3}, "header.entry-count"),
        ({"log_root": bytes(32)}, "header.log-root"),
        ({"state_root": bytes(32)}, "header.state-root"),
        ({"proposer": key("header 1").public_key, "by": "header 1"}, "header.proposer"),
    ],
)
def test_every_field_of_the_header_must_be_what_follows(
    proposer: Application, validator: Application, chain: Chain, changes: dict[str, Any], rule: str
) -> None:
    proposal = prepare(proposer, chain, [chain.entry(chain.documents(1)) for _ in range(2)])
    decided = turn(chain, proposer=PROPOSER)
    assert rejected(validator, resigned(proposal, **changes), decided) == rule
    validator.process(resigned(proposal), **decided)


def test_a_validator_who_is_not_in_the_state_cannot_propose_by_naming_itself(
    proposer: Application, validator: Application, chain: Chain
) -> None:
    proposal = resigned(
        prepare(proposer, chain, [chain.entry(chain.documents(1))]),
        by="header 1",
        proposer=key("header 1").public_key,
    )
    decided = turn(chain, proposer=key("header 1").public_key)
    assert rejected(validator, proposal, decided) == "header.proposer"


Spoil = Callable[[Chain, list[bytes], list[Entry]], list[bytes]]


def _flip(data: bytes, at: int) -> bytes:
    spoilt = bytearray(data)
    spoilt[at] ^= 1
    return bytes(spoilt)


def _with_record(entry: Entry, record: bytes) -> bytes:
    return Entry(entry.body, entry.signature, (record, *entry.records[1:])).submission()


SPOILT: dict[str, tuple[Spoil, str]] = {
    "another order": (lambda _, proposal, __: [proposal[0], *proposal[:0:-1]], "header.log-root"),
    "one left out": (lambda _, proposal, __: proposal[:-1], "header.entry-count"),
    "one twice": (lambda _, proposal, __: [*proposal, proposal[1]], "entry.duplicate"),
    "one more": (
        lambda chain, proposal, _: [*proposal, chain.entry(chain.documents(1)).submission()],
        "header.",
    ),
    "one that is not allowed": (
        lambda chain, proposal, _: [*proposal, chain.entry(chain.documents(1), by="stranger").submission()],
        "key.unknown",
    ),
    "one for another ledger": (
        lambda chain, proposal, _: [
            *proposal,
            chain.entry(chain.documents(1), chain_id=bytes(32)).submission(),
        ],
        "entry.chain",
    ),
    "one whose signature is wrong": (
        lambda _, proposal, entries: [
            *proposal[:-1],
            replace(entries[-1], signature=_flip(entries[-1].signature, 0)).submission(),
        ],
        "signature.",
    ),
    "one with another record": (
        lambda _, proposal, entries: [*proposal[:-1], _with_record(entries[-1], document(999))],
        "entry.records-root",
    ),
    "no entries": (lambda _, proposal, __: proposal[:1], "proposal.empty"),
    "no header": (lambda _, proposal, __: proposal[1:], ""),
    "a header whose signature is wrong": (
        lambda _, proposal, __: [_flip(proposal[0], len(proposal[0]) - 1), *proposal[1:]],
        "signature.",
    ),
    "bytes after the header": (lambda _, proposal, __: [proposal[0] + b"\0", *proposal[1:]], "encoding."),
    "bytes for an entry": (lambda _, proposal, __: [*proposal[:-1], b"\xc1"], "encoding."),
    "nothing at all for a header": (lambda _, proposal, __: [b"", *proposal[1:]], "encoding."),
}


@pytest.mark.parametrize("seen_before", [False, True])
@pytest.mark.parametrize("spoilt", list(SPOILT))
def test_what_breaks_a_rule_is_rejected_with_the_rule(
    proposer: Application, validator: Application, chain: Chain, spoilt: str, seen_before: bool
) -> None:
    entries = [chain.entry(chain.documents(2)) for _ in range(3)]
    proposal = prepare(proposer, chain, entries)
    decided = turn(chain, proposer=PROPOSER)
    if seen_before:
        validator.process(proposal, **decided)
    spoil, rule = SPOILT[spoilt]
    assert rejected(validator, spoil(chain, list(proposal), entries), decided).startswith(rule)
    validator.process(proposal, **decided)


def test_a_signature_that_was_not_the_one_committed_to_is_not_taken_from_memory(
    proposer: Application, validator: Application, chain: Chain
) -> None:
    # Two submissions of one entry, one good and one forged, have the same entry id.
    entry = chain.entry(chain.documents(1))
    proposal = prepare(proposer, chain, [entry])
    validator.process(proposal, **turn(chain, proposer=PROPOSER))
    forged = replace(entry, signature=_flip(entry.signature, 40))
    assert forged.id == entry.id
    with pytest.raises(VerificationError, match="signature"):
        validator.process([proposal[0], forged.submission()], **turn(chain, proposer=PROPOSER))
    with pytest.raises(VerificationError, match="signature"):
        validator.check(forged.submission(), chain.next_time_ms)


def test_an_old_proposal_is_of_no_use_after_its_block(
    proposer: Application, validator: Application, chain: Chain
) -> None:
    entries = [chain.entry(chain.documents(1))]
    proposal = prepare(proposer, chain, entries)
    decided = turn(chain, proposer=PROPOSER)
    decide(proposer, chain, proposal)
    chain.add(entries)
    for again in (decided, turn(chain, proposer=PROPOSER)):
        with pytest.raises(LedgerError):
            proposer.process(proposal, **again)
    assert rejected(
        proposer,
        resigned(proposal, engine_height=2, time_ms=chain.next_time_ms),
        turn(chain, proposer=PROPOSER),
    ) in {
        "entry.duplicate",
        "header.height",
        "header.parent",
    }


def test_only_the_newest_candidates_are_kept_and_the_others_executed_again(
    proposer: Application, validator: Application, chain: Chain
) -> None:
    entries = [chain.entry(chain.documents(1)) for _ in range(8)]
    proposals = [prepare(proposer, chain, entries[: count + 1]) for count in range(8)]
    decided = turn(chain, proposer=PROPOSER)
    for proposal in proposals + proposals:
        validator.process(proposal, **decided)
        assert len(validator._candidates) <= module._CACHE_CANDIDATES
    assert decide(validator, chain, proposals[0]) == leaf_hash(chain.add(entries[:1]).leaf())


# --- admission -----------------------------------------------------------------------------------------------------------


def test_check_judges_against_what_is_committed(proposer: Application, chain: Chain) -> None:
    now = chain.next_time_ms
    (paper,) = chain.documents(1)
    entry, rival = chain.entry([paper]), chain.entry([paper])
    for one in (entry, rival):
        assert proposer.check(one.submission(), now).entry == one
    decide(proposer, chain, prepare(proposer, chain, [entry]))
    chain.add([entry])
    refusals = {}
    for name, submission, at in (
        ("again", entry.submission(), now),
        ("rival", rival.submission(), now),
        ("stranger", chain.entry(chain.documents(1), by="stranger").submission(), now),
        ("ahead", chain.entry(chain.documents(1), time_ms=now + 301_001).submission(), now + 1_000),
        ("for another authority", chain.entry([document(77, authority="xa-ben")]).submission(), now),
    ):
        with pytest.raises(RefusedError) as caught:
            proposer.check(submission, at)
        refusals[name] = (caught.value.rule, caught.value.permanent)
    assert refusals == {
        "again": ("entry.duplicate", True),
        "rival": ("document.exists", True),
        "stranger": ("key.unknown", False),
        "ahead": ("entry.time-ahead", False),
        "for another authority": ("authority.not-acting", True),
    }
    # The clock of this machine does not count behind the chain's.
    proposer.check(
        chain.entry(chain.documents(1), time_ms=chain.tip.header.time_ms + 300_000).submission(), 0
    )


def test_what_was_parsed_is_remembered_by_its_very_bytes(
    proposer: Application, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = chain.entry(chain.documents(1)).submission()
    parsed = proposer.parse(submission)
    monkeypatch.setattr(Entry, "verify_signature", lambda _: pytest.fail("checked twice"))
    assert proposer.parse(bytes(bytearray(submission))) is parsed


def test_the_memory_of_what_was_parsed_is_bounded(proposer: Application, chain: Chain) -> None:
    cache = ParsedCache(max_bytes=3_000)
    submissions = [chain.entry(chain.documents(1)).submission() for _ in range(30)]
    for submission in submissions:
        cache.put(submission, proposer.parse(submission))
        cache.put(submission, proposer.parse(submission))
        assert sum(len(one) for one in submissions if cache.get(one)) <= 3_000
    assert cache.get(submissions[-1]) is not None
    assert cache.get(submissions[0]) is None


def test_a_head_that_does_not_fit_the_log_stops_the_node(
    store: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_head", replace(store.head, root=bytes(32)))
    with pytest.raises(StoreCorruptError, match="rebuild"):
        Application(store, None)


# --- against the twin ----------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(
    blocks=st.lists(st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=3), max_size=4), max_size=4)
)
def test_any_blocks_end_in_the_twins_ledger(
    blocks: list[list[list[int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Entries over any papers: those that repeat a paper are refused, here as there, and nothing else is.
    chain = Chain()
    path = tmp_path_factory.mktemp("twin") / "ledger"
    store = chain.write_store(path, sign=False)
    proposer, validator = Application(store, HEADER_KEY), Application(store, None)
    anchored: set[int] = set()
    for papers in blocks:
        entries = [chain.entry([document(number) for number in numbers]) for numbers in papers]
        proposal, refused = proposer.prepare(
            [entry.submission() for entry in entries], max_bytes=LARGE, **turn(chain)
        )
        expected = []
        for numbers, entry in zip(papers, entries, strict=True):
            if len(set(numbers)) == len(numbers) and not anchored & set(numbers):
                anchored |= set(numbers)
                expected.append(entry)
        assert proposal[1:] == [entry.submission() for entry in expected]
        assert len(refused) == len(entries) - len(expected)
        if not proposal:
            continue
        validator.process(proposal, **turn(chain, proposer=PROPOSER))
        decide(proposer, chain, proposal)
        validator = Application(store, None)
        assert chain.add(expected) == proposer.tip.header == validator.tip.header
        stored = store.block(proposer.tip.header.height)
        assert [
            entry_from_parts(*pair) for pair in zip(stored.leaves, stored.records, strict=True)
        ] == expected
    store.close()
    shutil.rmtree(path.parent)
