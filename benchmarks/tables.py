"""The figures of `docs/performance.md`, written into it from the results, so that the two cannot differ.

    python -m benchmarks.tables

Each table stands between `<!-- figures: name -->` and `<!-- end -->`; all else in the document is prose, and left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import tables_of_goods
from benchmarks.cells import median, number, spread, table
from benchmarks.processes import CHECKOUT
from benchmarks.questions import QUESTIONS

DOCUMENT = CHECKOUT / "docs" / "performance.md"
RESULTS = CHECKOUT / "benchmarks" / "results"
_BLOCK = re.compile(r"(<!-- figures: ([a-z0-9-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Results = dict[str, dict[str, Any]]
"""What is in the files of results, by question."""


def load(folder: Path) -> Results:
    """Read the results in `folder`."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))}


def fill(document: str, results: Results) -> str:
    """The document with every table made again from the results."""

    def made_again(found: re.Match[str]) -> str:
        # A question that could not be asked, for want of a browser, leaves its table as it was.
        if found[2] in QUESTIONS and found[2] not in results:
            return found[0]
        return f"{found[1]}\n{TABLES[found[2]](results)}\n\n{found[3]}"

    return _BLOCK.sub(made_again, document)


def _machine(results: Results) -> str:
    first = min(results.values(), key=lambda one: str(one["machine"]["utc"]))["machine"]
    loads = [one["machine"]["load_average"][0] for one in results.values()]
    libraries = ", ".join(f"{name} {release}" for name, release in first["libraries"].items())
    return "\n".join(
        (
            f"- {first['processor']}, {first['cores']} cores (virtual), {first['memory_gb']} GB, {first['system']}",
            f"- Python {first['python']}, {libraries}",
            f"- begun {first['utc']}; one-minute load average when each question began: {min(loads):g}–{max(loads):g}",
            f"- {sum(one['seconds'] for one in results.values()) / 60:.0f} minutes for all questions",
        )
    )


def _goals(results: Results) -> str:
    single, batch = results["audit-signatures-1"]["result"], results["audit-signatures-100"]["result"]
    full, ingest = results["audit-full"]["result"], results["ingest"]["result"]
    loads = {name.partition(",")[0]: name for name in reversed(ingest)}
    rows: list[tuple[str, float, float, str]] = [
        (
            "audit `signatures`, 1 record per entry, ÷ bare Ed25519 loop, one process",
            0.9,
            single["workers 0"]["ratio"],
            "",
        ),
        ("… two workers", 0.9, single["workers 2"]["ratio"], ""),
        (
            "audit `signatures`, 100 records per entry, two workers",
            500_000,
            batch["workers 2"]["audit_per_s"]["median"],
            " records/s",
        ),
        (
            "audit `full` ÷ bare state updates, 100 per entry, two workers",
            0.8,
            full["100 per entry"]["ratio_2_workers"],
            "",
        ),
        ("… 1 per entry", 0.8, full["1 per entry"]["ratio_2_workers"], ""),
        (
            "ingest over HTTP, 1 record per entry",
            2_000,
            ingest[loads["1 per entry"]]["records_per_s"]["median"],
            " records/s",
        ),
        (
            "ingest over HTTP, 100 records per entry",
            20_000,
            ingest[loads["100 per entry"]]["records_per_s"]["median"],
            " records/s",
        ),
    ]
    return table(
        ("question", "goal", "measured", ""),
        [
            (
                what,
                f"≥ {number(goal)}{unit}",
                f"{number(value)}{unit}",
                "met" if value >= goal else "**missed**",
            )
            for what, goal, value, unit in rows
        ],
    )


def _single(results: Results) -> str:
    result = results["audit-signatures-1"]["result"]
    libraries = ", ".join(f"{name} {median(value)} µs" for name, value in result["verify_us"].items())
    rows = [
        (name, spread(value["audit_per_s"]), spread(value["bare_per_s"]), number(value["ratio"]))
        for name, value in result.items()
        if name.startswith("workers")
    ]
    return f"One verification: {libraries}.\n\n" + table(
        ("", "audit, records/s", "bare loop, signatures/s", "ratio"), rows
    )


def _batch(results: Results) -> str:
    result = results["audit-signatures-100"]["result"]
    return table(
        (
            "",
            "audit, records/s",
            "bare SHA-256, records/s",
            "ratio",
            "SHA-256 and signatures, records/s",
            "ratio",
        ),
        [
            (
                name,
                spread(value["audit_per_s"]),
                median(value["hashes_per_s"]),
                number(value["ratio_to_hashes"]),
                median(value["hashes_and_signatures_per_s"]),
                number(value["ratio_to_both"]),
            )
            for name, value in result.items()
            if name.startswith("workers")
        ],
    )


def _full(results: Results) -> str:
    result = results["audit-full"]["result"]
    rates = table(
        (
            "",
            "bare updates, rows/s",
            "full, one process, records/s",
            "ratio",
            "full, two workers, records/s",
            "ratio",
        ),
        [
            (
                name,
                spread(value["bare_updates_rows_per_s"]),
                spread(value["audit_records_per_s"]),
                number(value["ratio"]),
                spread(value["audit_records_per_s_2_workers"]),
                number(value["ratio_2_workers"]),
            )
            for name, value in result.items()
        ],
    )
    parts = list(result["1 per entry"]["us_per_record"])
    return (
        rates
        + "\n\nMicroseconds a record, in one process:\n\n"
        + table(
            ("", *parts),
            [
                (name, *(median(value["us_per_record"][part]) for part in parts))
                for name, value in result.items()
            ],
        )
    )


def _ingest(results: Results) -> str:
    return table(
        (
            "load",
            "records/s",
            "request p50, ms",
            "p99, ms",
            "node's CPU, µs a record",
            "one verification alone, before and after, µs",
            "blocks",
        ),
        [
            (
                name,
                spread(value["records_per_s"]),
                number(value["request"]["p50_ms"]),
                number(value["request"]["p99_ms"]),
                median(value["node_cpu_us_per_record"]),
                spread(value["verification_us"]),
                median(value["blocks"]),
            )
            for name, value in results["ingest"]["result"].items()
        ],
    )


def _network(results: Results) -> str:
    result = results["network"]["result"]
    heads = (
        "validators",
        "records/s",
        "÷ embedded",
        "request p50, ms",
        "p99, ms",
        "CPU, µs a record: nodes",
        "engines",
        "cores busy",
        "bytes a record between validators",
        "blocks",
    )
    parts = []
    for name, load in result["loads"].items():
        rows = [
            (
                kind,
                spread(value["records_per_s"]),
                number(value["ratio_to_embedded"]),
                number(value["request"]["p50_ms"]),
                number(value["request"]["p99_ms"]),
                median(value["node_cpu_us_per_record"]),
                median(value["engine_cpu_us_per_record"]),
                median(value["busy_cores"]),
                median(value["between_validators_bytes_per_record"]) if kind != "embedded" else "–",
                median(value["blocks"]),
            )
            for kind, value in load.items()
            if isinstance(value, dict)
        ]
        parts.append(f"{name} ({number(load['records'])} records):\n\n{table(heads, rows)}")
    rest = table(
        ("validators", "idle: cores busy", "idle: bytes/s on the wire", "a follower copies, records/s"),
        [
            (
                kind,
                median(value["busy_cores"]),
                median(value["loopback_bytes_per_s"]),
                spread(result["follower"][kind]["records_per_s"]) if kind in result["follower"] else "–",
            )
            for kind, value in result["idle"].items()
        ],
    )
    plot = "![Records a second, latency, processor time and bytes, by the number of validators](performance/network.svg)"
    return "\n\n".join((*parts, rest, plot))


def _receipts(results: Results) -> str:
    return table(
        (
            "ledger",
            "made in process, p50 / p99 ms",
            "over HTTP, p50 / p99 ms",
            "verified offline, p50 / p99 ms",
            "bytes",
        ),
        [
            (
                name,
                *(
                    f"{number(value[what]['p50_ms'])} / {number(value[what]['p99_ms'])}"
                    for what in ("in_process", "over_http", "verify_offline")
                ),
                number(value["bytes"]["median"]),
            )
            for name, value in results["receipts"]["result"].items()
        ],
    )


def _disk(results: Results) -> str:
    result = results["disk"]["result"]
    parts = list(result["1 per entry"]["uncompressed_bytes_per_record"])
    return table(
        ("bytes a record", *result),
        [
            (
                "on the disk, as written",
                *(number(one["as_written_bytes_per_record"]) for one in result.values()),
            ),
            (
                "on the disk, compacted",
                *(number(one["compacted_bytes_per_record"]) for one in result.values()),
            ),
            *(
                (
                    f"before compression: {part}",
                    *(number(one["uncompressed_bytes_per_record"][part]) for one in result.values()),
                )
                for part in parts
            ),
        ],
    )


def _growth(results: Results) -> str:
    return table(
        (
            "records",
            "per entry",
            "audit `signatures`, s",
            "memory, MB",
            "audit `full`, s",
            "memory, MB",
            "open store, ms",
            "start node, ms",
            "receipt p50, ms",
            "over HTTP, ms",
        ),
        [
            (
                f"{size['records']:,}",
                str(size["per_entry"]),
                median(size["audit"]["signatures"]["seconds"]),
                median(size["audit"]["signatures"]["anonymous_mb"]),
                median(size["audit"]["full"]["seconds"]),
                median(size["audit"]["full"]["anonymous_mb"]),
                median(size["open_store_ms"]),
                median(size["start_node_ms"]),
                number(size["receipts"]["in_process"]["p50_ms"]),
                number(size["receipts"]["over_http"]["p50_ms"]),
            )
            for size in results["growth"]["result"]["sizes"]
        ],
    )


def _anchoring(results: Results) -> str:
    result = results["anchoring"]["result"]
    return table(
        ("`sogoc anchor`", "seconds"),
        [
            (
                f"{result['documents']} new files, one signature, a checked receipt beside each",
                spread(result["anchor_s"]),
            ),
            ("one new file", spread(result["anchor_one_document_s"])),
            (
                f"the same {result['documents']} files again: nothing to sign, newer receipts",
                spread(result["anchor_again_s"]),
            ),
        ],
    )


def _certificates(results: Results) -> str:
    result = results["certificates"]["result"]
    batch = f"{result['certificates']:,}"
    rows = [
        (what, spread(result[name]["per_s"]), spread(result[name]["seconds"]))
        for what, name in (
            ("one, with a signature of its own", "one"),
            ("… without the vault", "one, no vault"),
            (f"{batch} with one signature", "batch"),
            ("… without the vault", "batch, no vault"),
        )
    ]
    if "sheets" in result:
        sheets = result["sheets"]
        rows.append(
            (
                f"{sheets['count']} with one signature, and a sheet for each",
                spread(sheets["per_s"]),
                spread(sheets["seconds"]),
            )
        )
    seconds = result["command_s"]
    rows.append(
        (
            f"{batch} from the shell, Python's start included",
            number(result["certificates"] / seconds),
            number(seconds),
        )
    )
    return table(("`sogoc certify`", "certificates/s", "seconds"), rows)


def _receipt_sizes(results: Results) -> str:
    def versions(found: dict[str, Any]) -> str:
        low, high = found["versions"][0], found["versions"][-1]
        return f"{low}" if low == high else f"{low}–{high}"

    return table(
        (
            "state rows",
            "validators",
            "bytes, mean",
            "p99",
            "largest",
            "code version",
            "fit a code",
            "verified, p50 ms",
        ),
        [
            (
                f"{size['leaves']:,}",
                validators,
                *(number(found["bytes"][what]) for what in ("mean", "p99", "max")),
                versions(found) if found["versions"] else "–",
                found["held_by_a_code"],
                number(found["verify_offline"]["p50_ms"]),
            )
            for size in results["receipt-sizes"]["result"]["sizes"]
            for validators, found in size["validators"].items()
        ],
    )


def _browser(results: Results) -> str:
    result = results["browser"]["result"]
    receipts, first = result["receipts"], result["first_verdict"]
    times = f"The first of all, modules and policy included: {number(receipts['first_ms'])} ms.\n\n" + table(
        ("a receipt in Chromium", "p50, ms", "p99, ms"),
        [
            (name, *(number(receipts[what][figure]) for figure in ("p50_ms", "p99_ms")))
            for name, what in (("full speed", "full_speed"), ("processor ÷ 4", "slowed_down"))
        ],
    )
    cold = sorted(first["cold_ms_values"])
    again = sorted(first["second_visit_ms_values"])
    return f"{times}\n\n" + table(
        (f"first verdict ({first['profile']})", "median, ms", "slowest, ms", "over the network, KB"),
        [
            (
                f"first visit, nothing cached (goal: {number(first['goal_ms'])} ms)",
                number(cold[len(cold) // 2]),
                number(cold[-1]),
                number(first["bytes_over_the_network"] / 1e3),
            ),
            ("second visit", number(again[len(again) // 2]), number(again[-1]), ""),
        ],
    )


def _alternatives(results: Results) -> str:
    return "\n\n".join(
        f"{shape}:\n\n"
        + table(
            (
                "",
                "append, records/s",
                "prove one, ms",
                "proof, bytes",
                "verify all, records/s",
                "bytes a record",
            ),
            [
                (
                    name,
                    median(value["append_records_per_s"]),
                    median(value["prove_ms"]),
                    median(value["proof_bytes"]),
                    median(value["verify_all_records_per_s"]),
                    median(value["bytes_per_record"]) if value["bytes_per_record"]["median"] else "–",
                )
                for name, value in peers.items()
            ],
        )
        for shape, peers in results["alternatives"]["result"].items()
    )


def _following(results: Results) -> str:
    return table(
        (
            "records",
            "per entry",
            "all blocks, s",
            "records/s",
            "CPU, µs a record",
            "memory, MB",
            "snapshot, s",
            "rows/s",
            "memory, MB",
        ),
        [
            (
                f"{size['records']:,}",
                str(size["per_entry"]),
                spread(size["blocks"]["seconds"]),
                spread(size["blocks"]["records_per_s"]),
                median(size["blocks"]["cpu_us_per_record"]),
                median(size["blocks"]["peak_mb"]),
                spread(size["snapshot"]["seconds"]),
                median(size["snapshot"]["rows_per_s"]),
                median(size["snapshot"]["peak_mb"]),
            )
            for size in results["following"]["result"]["sizes"]
        ],
    )


def _witness(results: Results) -> str:
    result = results["witness"]["result"]
    return table(
        (
            f"{result['ledgers']} ledgers",
            "cosignatures",
            "cosignatures/s",
            "node's CPU each, ms",
            "request, bytes",
            "answer, bytes",
        ),
        [
            (
                what,
                f"{result[name]['cosignatures']:,}",
                spread(result[name]["cosignatures_per_second"]),
                spread(result[name]["node_cpu_milliseconds_each"]),
                number(result[name]["request_bytes_each"]),
                number(result[name]["answer_bytes_each"]),
            )
            for what, name in (
                ("each has grown by a hundred leaves", "growing"),
                ("each is as it was", "resting"),
            )
        ],
    )


TABLES: dict[str, Callable[[Results], str]] = {
    "machine": _machine,
    "goals": _goals,
    "audit-signatures-1": _single,
    "audit-signatures-100": _batch,
    "audit-full": _full,
    "ingest": _ingest,
    "network": _network,
    "receipts": _receipts,
    "disk": _disk,
    "growth": _growth,
    "anchoring": _anchoring,
    "certificates": _certificates,
    "receipt-sizes": _receipt_sizes,
    "browser": _browser,
    "trace": tables_of_goods.trace,
    "epcis": tables_of_goods.epcis,
    "following": _following,
    "witness": _witness,
    "alternatives": _alternatives,
}


def write() -> None:
    """Fill the document in the checkout from the results in the checkout."""
    DOCUMENT.write_text(fill(DOCUMENT.read_text(encoding="utf-8"), load(RESULTS)), encoding="utf-8")


if __name__ == "__main__":
    write()
