"""Every benchmark runs at a tiny size and gives the shape that the document and the plots are made of. No time is judged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import plots, tables
from benchmarks.measure import UnavailableError, in_turns, machine, quantile, ratio, summary
from benchmarks.questions import QUESTIONS
from benchmarks.scale import TINY, Workshop

# What must be in each result, by its path; "*" stands for every key or item.
SHAPES = {
    "audit-signatures-1": ("verify_us/*/median", "workers 0/ratio", "workers 1/audit_per_s/median"),
    "audit-signatures-100": (
        "workers 0/ratio_to_hashes",
        "workers 1/ratio_to_both",
    ),
    "audit-full": ("*/ratio", "*/us_per_record/*/median", "*/bare_updates_rows_per_s/median"),
    "ingest": ("*/records_per_s/median", "*/request/p99_ms", "*/node_peak_mb/median"),
    "network": (
        "loads/*/embedded/records_per_s/median",
        "loads/*/2/ratio_to_embedded",
        "loads/*/2/request/p99_ms",
        "loads/*/2/node_cpu_us_per_record/median",
        "loads/*/2/engine_cpu_us_per_record/median",
        "loads/*/2/between_validators_bytes_per_record/median",
        "idle/*/busy_cores/median",
        "follower/2/records_per_s/median",
    ),
    "receipts": ("*/in_process/p50_ms", "*/over_http/p99_ms", "*/verify_offline/p50_ms", "*/bytes/median"),
    "disk": ("*/compacted_bytes_per_record", "*/uncompressed_bytes_per_record/*"),
    "anchoring": ("anchor_s/median", "anchor_one_document_s/median"),
    "certificates": ("one/per_s/median", "batch/per_s/median", "batch, no vault/seconds/median", "command_s"),
    "receipt-sizes": ("sizes/*/validators/*/bytes/p99", "sizes/*/validators/*/verify_offline/p50_ms"),
    "trace": (
        "sizes/*/chains/*/trace_ms/median",
        "sizes/*/chains/*/findings_ms/median",
        "sizes/*/chains/*/proof_bytes",
        "sizes/*/over_http_ms/*/median",
        "sizes/*/findings_of_a_lot/*/findings_ms/median",
        "sizes/*/bytes_per_event",
    ),
    "epcis": (
        "capture/*/acknowledged_per_s/median",
        "capture/*/recorded_per_s/median",
        "bytes/*/record",
        "reading_us/*/median",
        "sizes/*/queries/*/p50_ms",
    ),
    "browser": (
        "receipts/full_speed/p50_ms",
        "receipts/first_ms",
        "receipts/slowed_down/p50_ms",
        "first_verdict/cold_ms_values/*",
        "first_verdict/bytes_over_the_network",
    ),
    "witness": (
        "growing/cosignatures_per_second/median",
        "resting/cosignatures_per_second/median",
        "growing/node_cpu_milliseconds_each/median",
        "growing/request_bytes_each",
        "book_bytes_per_ledger",
        "node_peak_mb",
    ),
    "following": (
        "sizes/*/blocks/records_per_s/median",
        "sizes/*/blocks/cpu_us_per_record/median",
        "sizes/*/blocks/peak_mb/median",
        "sizes/*/snapshot/seconds/median",
        "sizes/*/snapshot/rows",
    ),
    "alternatives": (
        "*/sogoc/append_records_per_s/median",
        "*/*/prove_ms/median",
        "*/*/proof_bytes/median",
        "*/*/verify_all_records_per_s/median",
    ),
    "growth": (
        "sizes/*/audit/full/seconds/median",
        "sizes/*/audit/signatures/anonymous_mb/median",
        "sizes/*/start_node_ms/median",
        "sizes/*/receipts/over_http/p50_ms",
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("benchmarks"), TINY)


def found_at(value: Any, path: str) -> Iterator[Any]:  # noqa: ANN401 - JSON
    name, _, rest = path.partition("/")
    if not name:
        yield value
        return
    keys = value if isinstance(value, dict) else range(len(value))
    inside = [value[key] for key in keys] if name == "*" else [value[name]]
    for one in inside:
        yield from found_at(one, rest)


@pytest.mark.parametrize("name", QUESTIONS)
def test_runs_and_gives_numbers(name: str, place: Workshop) -> None:
    try:
        found = QUESTIONS[name](place)
    except UnavailableError as error:
        pytest.skip(str(error))
    result = json.loads(json.dumps(found))
    for path in SHAPES[name]:
        numbers = list(found_at(result, path))
        assert numbers, path
        assert all(isinstance(number, int | float) and math.isfinite(number) for number in numbers), path
    if name in {
        "anchoring",
        "browser",
        "certificates",
        "network",
        "following",
        "receipt-sizes",
        "witness",
    }:  # the others' tables name the shapes of a full run
        assert tables.TABLES[name]({name: {"result": result}}).count("\n") > 2


def test_every_question_has_a_shape() -> None:
    assert set(SHAPES) == set(QUESTIONS)


def test_the_tables_in_the_document_are_those_of_the_results() -> None:
    document = tables.DOCUMENT.read_text(encoding="utf-8")
    assert tables.fill(document, tables.load(tables.RESULTS)) == document
    assert all(f"<!-- figures: {name} -->" in document for name in tables.TABLES)


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib belongs to the extra `benchmark`")
def test_plots_are_drawn_from_the_results_in_the_checkout(tmp_path: Path) -> None:
    results = Path(__file__).parent.parent / "benchmarks" / "results"
    plots.draw(results, tmp_path)
    asked = {name for name in plots.PLOTS if (results / f"{name}.json").exists()}
    assert asked >= {"alternatives", "audit-full", "growth", "ingest"}
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}.svg" for name in asked}


def test_measures() -> None:
    said: list[str] = []

    def run(name: str, value: float) -> float:
        said.append(name)
        return value

    values = in_turns(2, {"a": lambda: run("a", 3.0), "b": lambda: run("b", 1.5)})
    assert said == ["a", "b", "a", "b"]
    assert values == {"a": [3.0, 3.0], "b": [1.5, 1.5]}
    assert ratio(values["a"], values["b"]) == 2.0
    assert summary([4.0, 1.0, 2.00001]) == {
        "median": 2.0,
        "low": 1.0,
        "high": 4.0,
        "values": [4.0, 1.0, 2.0],
    }
    assert quantile([5.0, 1.0, 3.0], 0.5) == 3.0
    assert quantile([5.0, 1.0, 3.0], 0.99) == 5.0
    assert json.dumps(machine())
