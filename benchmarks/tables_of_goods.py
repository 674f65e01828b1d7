"""The tables about goods: what a trace, its findings and its proof take, and what capturing and asking for events take."""

from __future__ import annotations

from typing import Any

from benchmarks.cells import median, number, spread, table

Results = dict[str, dict[str, Any]]


def trace(results: Results) -> str:
    """Milliseconds by shape of the trace and size of the ledger; findings by events of a lot."""
    sizes = results["trace"]["result"]["sizes"]
    chains = table(
        (
            "events on the ledger",
            "trace",
            "things in it",
            "over HTTP, ms",
            "in process, ms",
            "with findings, ms",
            "proof, kB",
            "checked, ms",
        ),
        [
            (
                f"{size['events']:,}",
                name,
                f"{chain['things']:,}",
                spread(size["over_http_ms"][name]),
                median(chain["trace_ms"]),
                median(chain["findings_ms"]),
                number(chain["proof_bytes"] / 1e3),
                number(chain["check_ms"]),
            )
            for size in sizes
            for name, chain in size["chains"].items()
        ],
    )
    counts = list(sizes[0]["findings_of_a_lot"])
    lots = table(
        (
            "events on the ledger",
            *(f"findings of a lot of {int(count):,} events, ms" for count in counts),
            "bytes an event",
        ),
        [
            (
                f"{size['events']:,}",
                *(spread(size["findings_of_a_lot"][count]["findings_ms"]) for count in counts),
                number(size["bytes_per_event"]),
            )
            for size in sizes
        ],
    )
    return f"{chains}\n\n{lots}"


def epcis(results: Results) -> str:
    """Events captured a second, bytes and microseconds an event, and milliseconds of each kind of query."""
    result = results["epcis"]["result"]
    capture = table(
        ("captured at a gateway", "acknowledged, events/s", "on the ledger, final, events/s"),
        [
            (name, spread(found["acknowledged_per_s"]), spread(found["recorded_per_s"]))
            for name, found in result["capture"].items()
        ],
    )
    parts = table(
        (
            "one event",
            "bytes sent",
            "canonical",
            "record",
            "its share of an entry of 100",
            "read, checked, hashed, prepared, µs",
        ),
        [
            (
                name,
                number(found["sent"]),
                number(found["canonical"]),
                number(found["record"]),
                number(found["submission_of_100"]),
                median(result["reading_us"][name]),
            )
            for name, found in result["bytes"].items()
        ],
    )
    kinds = list(result["sizes"][0]["queries"])
    queries = table(
        ("query over HTTP, p50 / p99 ms", *(f"{size['events']:,} events" for size in result["sizes"])),
        [
            (
                kind,
                *(
                    f"{number(size['queries'][kind]['p50_ms'])} / {number(size['queries'][kind]['p99_ms'])}"
                    for size in result["sizes"]
                ),
            )
            for kind in kinds
        ],
    )
    return f"{capture}\n\n{parts}\n\n{queries}"
