"""Executing blocks: proposing and checking give the same header, and no field of it can be another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.block import NO_PARENT, NO_PROPOSER, Header
from ledger.entry import Entry
from ledger.errors import FormatError, LedgerError, RefusedError, VerificationError
from ledger.execution import (
    Executed,
    check_follows,
    check_same_header,
    execute_as,
    execute_genesis,
    seal,
    tip_after,
)
from ledger.hashing import sha256
from ledger.merkle import CompactRange
from ledger.rows import VALIDATORS_KEY, entry_key, genesis_rows
from ledger.rules import Effects, ParsedEntry, apply_entries
from tests import reference
from tests.chains import START_MS, Chain, document, key, make_genesis, small_chain
from tests.reference_state import ReferenceState

PROPOSER = key("header 0").public_key


def proposed(
    chain: Chain, entries: Sequence[Entry], *, time_ms: int | None = None, engine_height: int = 9
) -> Executed:
    """What a proposer makes of some entries, on top of a chain."""
    time_ms = chain.next_time_ms if time_ms is None else time_ms
    parsed = [ParsedEntry.of(entry) for entry in entries]
    effects = apply_entries(chain.state, chain.genesis.chain_id, time_ms, chain.tip.size, parsed)
    leaves = [entry.leaf for entry in entries]
    return seal(
        chain.state,
        chain.tip,
        leaves,
        effects,
        engine_height=engine_height,
        time_ms=time_ms,
        proposer=PROPOSER,
    )


def checked(chain: Chain, header: Header, entries: Sequence[Entry]) -> Executed:
    """What a validator makes of a proposal."""
    return execute_as(chain.state, chain.tip, header, [ParsedEntry.of(entry) for entry in entries])


def rule_of(chain: Chain, header: Header, entries: Sequence[Entry]) -> str:
    rows, pages = dict(chain.state.rows), dict(chain.state.pages)
    with pytest.raises(LedgerError) as caught:
        checked(chain, header, entries)
    assert (chain.state.rows, chain.state.pages) == (rows, pages)
    return caught.value.rule


def test_the_genesis_block_is_a_function_of_the_document() -> None:
    genesis = make_genesis(4)
    executed = execute_genesis(genesis)
    header = executed.header
    twin = ReferenceState(genesis_rows(genesis))
    assert header == Header(
        rules_version=1,
        chain_id=sha256(genesis.encoded()),
        height=0,
        engine_height=0,
        parent=NO_PARENT,
        time_ms=START_MS,
        first_index=0,
        entry_count=1,
        log_root=reference.mth([genesis.leaf()]),
        state_root=twin.root(),
        proposer=NO_PROPOSER,
    )
    assert executed.tip.size == 2
    assert executed.tip.log.root() == reference.mth([genesis.leaf(), header.leaf()])
    assert executed.lookups == []
    assert execute_genesis(genesis) == executed


def test_blocks_follow_each_other_by_the_definitions() -> None:
    chain = small_chain()
    twin = ReferenceState()
    for height, (header, commit) in enumerate(zip(chain.headers, chain.commits, strict=True)):
        twin.update(commit.state_rows)
        assert header.state_root == twin.root()
        assert header.height == height
        assert header.log_root == reference.mth(chain.leaves[: header.index])
        assert chain.leaves[header.index] == header.leaf()
        if height:
            before = chain.headers[height - 1]
            assert header.parent == before.hash() == reference.leaf(chain.leaves[before.index])
            assert header.first_index == before.index + 1
    assert chain.tip.log.root() == reference.mth(chain.leaves)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 10**9), st.integers(2, 10**6))
def test_a_validator_finds_the_proposer_s_header(counts: list[int], wait_ms: int, engine_height: int) -> None:
    chain = Chain()
    chain.add_documents(1)
    entries = [chain.entry(chain.documents(count)) for count in counts]
    time_ms = chain.tip.header.time_ms + wait_ms
    made = proposed(chain, entries, time_ms=time_ms, engine_height=engine_height)
    found = checked(chain, made.header, entries)
    assert found == made
    assert made.header.entry_count == len(counts)
    assert [made.rows[entry_key(entry.id)] for entry in entries]
    assert made.tip == tip_after(
        made.header, chain.tip.log.extend(reference.leaf(entry.leaf) for entry in entries)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rules_version", 2),
        ("chain_id", bytes(32)),
        ("height", 1),
        ("height", 3),
        ("parent", bytes(32)),
        ("first_index", 3),
        ("entry_count", 1),
        ("entry_count", 3),
        ("log_root", bytes(32)),
        ("state_root", bytes(32)),
    ],
)
def test_each_field_of_a_proposed_header_must_be_what_follows(name: str, value: int | bytes) -> None:
    chain = Chain()
    chain.add_documents(1)
    entries = [chain.entry(chain.documents(1)), chain.entry(chain.documents(2))]
    header = replace(proposed(chain, entries).header, **{name: value})  # type: ignore[arg-type]
    assert rule_of(chain, header, entries) == f"header.{name.replace('_', '-')}"


def test_a_mismatch_says_what_was_expected() -> None:
    header = execute_genesis(make_genesis()).header
    with pytest.raises(VerificationError) as caught:
        check_same_header(header, replace(header, state_root=bytes(32)))
    assert (caught.value.expected, caught.value.got) == (header.state_root, bytes(32))
    with pytest.raises(VerificationError, match="must be 0, not 7"):
        check_same_header(header, replace(header, height=7))
    check_same_header(header, header)


def test_time_and_engine_height_go_up() -> None:
    chain = Chain()
    tip = chain.tip
    entry = chain.entry(chain.documents(1))
    header = proposed(chain, [entry]).header
    assert rule_of(chain, replace(header, time_ms=tip.header.time_ms), [entry]) == "header.time"
    assert (
        rule_of(chain, replace(header, engine_height=tip.header.engine_height), [entry])
        == "header.engine-height"
    )
    check_follows(tip, engine_height=1, time_ms=tip.header.time_ms + 1)
    for engine_height, time_ms in ((1, tip.header.time_ms), (0, tip.header.time_ms + 1), (1, 0)):
        with pytest.raises(VerificationError):
            check_follows(tip, engine_height=engine_height, time_ms=time_ms)


def test_the_proposer_is_a_validator() -> None:
    chain = Chain(validators=2)
    entry = chain.entry(chain.documents(1))
    header = proposed(chain, [entry]).header
    checked(chain, replace(header, proposer=key("header 1").public_key), [entry])
    for name in ("header 2", "log 0", "cosigning 0", "admin"):
        assert rule_of(chain, replace(header, proposer=key(name).public_key), [entry]) == "header.proposer"
    assert rule_of(chain, replace(header, proposer=NO_PROPOSER), [entry]) == "header.proposer"


def test_a_state_without_validators_is_no_state() -> None:
    chain = Chain()
    entry = chain.entry(chain.documents(1))
    header = proposed(chain, [entry]).header
    del chain.state.rows[VALIDATORS_KEY]
    assert rule_of(chain, header, [entry]) == "state.missing"


def test_a_block_without_entries_is_none() -> None:
    chain = Chain()
    with pytest.raises(VerificationError) as caught:
        proposed(chain, [])
    assert caught.value.rule == "header.entry-count"
    header = replace(proposed(chain, [chain.entry(chain.documents(1))]).header, entry_count=0)
    assert rule_of(chain, header, []) == "header.entry-count"


def test_entries_in_another_order_are_another_block() -> None:
    chain = Chain()
    entries = [chain.entry(chain.documents(1)), chain.entry(chain.documents(1))]
    header = proposed(chain, entries).header
    assert rule_of(chain, header, list(reversed(entries))) == "header.log-root"
    assert rule_of(chain, header, entries[:1]) == "header.entry-count"
    assert rule_of(chain, header, [*entries, chain.entry(chain.documents(1))]) == "header.entry-count"


def test_another_signature_over_the_same_body_is_another_block() -> None:
    """The log holds the leaf with its signature, so a block names one of two."""
    chain = Chain()
    entry = chain.entry(chain.documents(1))
    header = proposed(chain, [entry]).header
    other = Entry(entry.body, bytes([1]) * 64, entry.records)
    assert rule_of(chain, header, [other]) == "header.log-root"


def test_an_entry_that_the_rules_refuse_spoils_the_block() -> None:
    chain = Chain()
    chain.add([chain.entry([document(1)])])
    good, bad = chain.entry(chain.documents(1)), chain.entry([document(1, symbol="BC")])
    header = proposed(chain, [good]).header
    with pytest.raises(RefusedError) as caught:
        checked(chain, header, [good, bad])
    assert caught.value.rule == "document.exists"


def test_a_time_that_javascript_cannot_hold_makes_no_header() -> None:
    chain = Chain()
    with pytest.raises(FormatError) as caught:
        proposed(chain, [chain.entry(chain.documents(1))], time_ms=2**53)
    assert caught.value.rule == "encoding.int-range"
    proposed(chain, [chain.entry(chain.documents(1))], time_ms=2**53 - 1)


def test_sealing_changes_nothing_it_was_given() -> None:
    chain = Chain()
    rows, pages = dict(chain.state.rows), dict(chain.state.pages)
    effects = Effects(rows={b"a": b"b"})
    seal(chain.state, chain.tip, [b"leaf"], effects, engine_height=1, time_ms=START_MS + 1, proposer=PROPOSER)
    assert (chain.state.rows, chain.state.pages) == (rows, pages)
    assert effects.rows == {b"a": b"b"}
    assert chain.tip.log == CompactRange(2, chain.tip.log.peaks)
