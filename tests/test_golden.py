"""The golden blocks come out byte for byte: a change of the rules is never an accident.

The blocks are replayed from their files alone. Whoever has to make them anew has changed the ledger, and says so in an ADR.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ledger import merkle
from ledger.block import Header, parse_header_leaf
from ledger.encoding import decode
from ledger.entry import entry_from_parts
from ledger.errors import LedgerError, RefusedError, VerificationError
from ledger.execution import Executed, Tip, execute_as, execute_genesis
from ledger.genesis import parse_genesis_leaf
from ledger.records import parse_record, record_types
from ledger.records.governance import action_of
from ledger.rules import ParsedEntry
from tests.chains import State
from tests.reference_state import ReferenceState

pytestmark = pytest.mark.usefixtures("no_network")

GOLDEN = Path(__file__).parent / "vectors" / "golden"
Block = dict[str, Any]


@cache
def blocks() -> tuple[Block, ...]:
    return tuple(json.loads(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("*.json")))


def unhex(block: Block, name: str) -> bytes:
    return bytes.fromhex(block[name])


def parsed_entries(block: Block) -> list[ParsedEntry]:
    """The entries of a block, with all that can be checked without a state."""
    entries = []
    for item in block["entries"]:
        entry = entry_from_parts(bytes.fromhex(item["leaf"]), [bytes.fromhex(raw) for raw in item["records"]])
        entry.check_records_root()
        entry.verify_signature()
        assert entry.leaf.hex() == item["leaf"]
        entries.append(ParsedEntry.of(entry))
    return entries


class Replay:
    """A state and a tip that golden blocks are executed on."""

    def __init__(self) -> None:
        self.state = State()
        self.tip: Tip = self.keep(
            execute_genesis(parse_genesis_leaf(bytes.fromhex(blocks()[0]["entries"][0]["leaf"])))
        )

    def keep(self, executed: Executed) -> Tip:
        self.state.rows.update(executed.rows)
        self.state.pages.update(executed.pages)
        self.tip = executed.tip
        return executed.tip

    def execute(self, block: Block, header: Header | None = None) -> Executed:
        if header is None:
            header = parse_header_leaf(unhex(block, "header_leaf"))
            header.verify_signature(unhex(block, "header_signature"))
        return execute_as(self.state, self.tip, header, parsed_entries(block))

    def up_to(self, height: int) -> Replay:
        for block in blocks()[1:height]:
            self.keep(self.execute(block))
        return self


def test_the_golden_blocks_come_out_byte_for_byte() -> None:
    replay = Replay()
    twin = ReferenceState()
    leaves: list[bytes] = []
    for height, block in enumerate(blocks()):
        if height:
            executed = replay.execute(block)
            replay.keep(executed)
        else:
            executed = execute_genesis(parse_genesis_leaf(bytes.fromhex(block["entries"][0]["leaf"])))
        header = executed.header
        assert header.height == height
        assert header.leaf() == unhex(block, "header_leaf")
        assert header.hash() == unhex(block, "header_hash")
        assert header.state_root == unhex(block, "state_root")
        assert header.log_root == unhex(block, "log_root")
        assert {key.hex(): value.hex() for key, value in sorted(executed.rows.items())} == block["rows"]
        twin.update(executed.rows)
        assert twin.root() == header.state_root
        leaves += [bytes.fromhex(item["leaf"]) for item in block["entries"]]
        assert merkle.root(leaves) == header.log_root
        leaves.append(header.leaf())
        assert executed.tip.size == len(leaves) == block["size"]
        assert executed.tip.log.root() == merkle.root(leaves) == unhex(block, "tree_root")


def test_the_golden_blocks_use_every_record_type() -> None:
    records = [
        bytes.fromhex(raw) for block in blocks() for item in block["entries"] for raw in item["records"]
    ]
    parsed = [parse_record(raw) for raw in records]
    names = {record.type.name for record in parsed} | {action_of(record).type.name for record in parsed}
    assert names == set(record_types())
    said = [one for raw in records for one in (parse_record(raw), action_of(parse_record(raw)))]
    used = {(one.type.name, name) for one in said for name in one.body}
    assert used == {(kind.name, field.name) for kind in record_types().values() for field in kind.fields}
    counts = {len(item["records"]) for block in blocks()[1:] for item in block["entries"]}
    assert {1, 2, 3, 20} <= counts


def test_the_scenario_tells_the_blocks() -> None:
    text = (GOLDEN / "scenario.md").read_text(encoding="utf-8")
    for block in blocks():
        assert block["desc"] in text
    assert blocks()[-1]["tree_root"] in text
    assert blocks()[-1]["state_root"] in text


def test_a_golden_block_stands_at_its_own_height_only() -> None:
    replay = Replay()
    with pytest.raises(VerificationError) as caught:
        replay.execute(blocks()[3] | {"entries": blocks()[1]["entries"]})
    assert caught.value.rule.startswith("header.")
    replay.up_to(3)
    with pytest.raises(LedgerError):
        replay.execute(blocks()[2])


@pytest.mark.parametrize("name", Header.__dataclass_fields__)
def test_a_golden_header_with_one_field_changed_is_refused_by_that_field(name: str) -> None:
    replay = Replay().up_to(5)
    block = blocks()[5]
    header = parse_header_leaf(unhex(block, "header_leaf"))
    value = getattr(header, name)
    # A block may have any later time and engine height, so there the change is one to the parent's.
    parent = replay.tip.header
    other = {
        "time_ms": parent.time_ms,
        "engine_height": parent.engine_height,
        "proposer": replay.tip.header.chain_id,
    }.get(name, bytes(32) if isinstance(value, bytes) else value + 1)
    with pytest.raises(VerificationError) as caught:
        replay.execute(block, replace(header, **{name: other}))  # type: ignore[arg-type]  # one field's own type
    assert caught.value.rule == {"time_ms": "header.time"}.get(name, f"header.{name.replace('_', '-')}")


def test_an_entry_of_an_earlier_golden_block_is_a_duplicate() -> None:
    replay = Replay().up_to(7)
    header = parse_header_leaf(unhex(blocks()[7], "header_leaf"))
    with pytest.raises(RefusedError) as caught:
        replay.execute(blocks()[2], header)
    assert caught.value.rule == "entry.duplicate"


ROW_KINDS = {
    "administrators",
    "certificate-until",
    "entry",
    "event-things",
    "key",
    "lot-recall",
    "member",
    "number",
    "number-tag",
    "parameters",
    "proposal",
    "status-index",
    "subject",
    "succession",
    "validator-key",
    "validators",
    "validators-before",
    "witnessed",
}


def test_the_rows_decode_and_are_of_every_kind() -> None:
    seen = set()
    for block in blocks():
        for key, value in block["rows"].items():
            kind = decode(bytes.fromhex(key))
            assert isinstance(kind, list)
            seen.add(kind[0])
            decode(bytes.fromhex(value))
    assert seen == ROW_KINDS


def rows_at(height: int) -> dict[str, Any]:
    """All rows as they are after a block, by the words of their keys."""
    rows: dict[str, Any] = {}
    for block in blocks()[: height + 1]:
        for raw, value in block["rows"].items():
            key = decode(bytes.fromhex(raw))
            assert isinstance(key, list)
            words = (item.hex() if isinstance(item, bytes) else str(item) for item in key)
            rows[" ".join(words)] = decode(bytes.fromhex(value))
    return rows


def height_of(word: str) -> int:
    (found,) = (height for height, block in enumerate(blocks()) if word in block["desc"])
    return found


def test_the_story_ends_as_it_is_told() -> None:
    """Else a change of the story could quietly do nothing."""
    rows = rows_at(len(blocks()) - 1)
    assert rows["administrators"] == ["office", "thanh-tra", "tinh"]
    assert rows["parameters"] == [["entry-time-ahead-ms", 120_000], ["key-grace-ms", 14 * 24 * 3600 * 1000]]
    district, school = rows["member huyen-cu"], rows["member truong-thcs"]
    assert (district[5], school[5]) == (["office", "truong-lien-cap"], ["truong-lien-cap"])
    assert school[3] < parse_header_leaf(unhex(blocks()[-1], "header_leaf")).time_ms
    assert rows["member truong-lien-cap"][4] == ["huyen-cu", "truong-thcs"]
    outcomes = [row[7] for name, row in rows.items() if name.startswith("proposal ")]
    assert sorted(outcomes) == [*["executed"] * 5, "withdrawn"]
    names = [row[0] for row in rows["validators"]]
    assert (len(names), "thanh-tra.example/so-goc" in names) == (4, True)
    assert sorted(map(len, rows["validators"])) == [5, 5, 6, 6]
    assert len(rows["validators-before"][1]) == 4
    statuses = {row[0] for name, row in rows.items() if name.startswith("subject ")}
    assert statuses >= {
        "in-force",
        "superseded",
        "withdrawn",
        "revoked",
        "retired",
        "executed",
        "erased",
        "logged",
        "declared-error",
        "ended",
    }
    fresh, dried = "01/08938500000010/10/DG-1120", "01/08938500000027/10/DSD%2F1121"
    # Of the fresh lot: created, harvested, dried, inspected, the last declared an error, recalled. Of the dried one: created,
    # dried, packed, the last declared an error, recalled twice and released twice.
    assert [rows[f"subject thing * {path}"][4] for path in (fresh, dried)] == [6, 8]
    assert [rows[f"subject lot htx-nga-my {path}"][0] for path in (fresh, dried)] == ["recalled", "in-force"]
    assert rows[f"lot-recall htx-nga-my {fresh}"] == [True, None]
    assert rows[f"lot-recall htx-nga-my {dried}"] == [False, None]
    # The second of three votes does nothing yet.
    before = rows_at(height_of("all must agree"))
    assert before["parameters"][0] == ["entry-time-ahead-ms", 300_000]
