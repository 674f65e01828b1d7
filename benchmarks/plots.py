"""Plots of the results, as SVG: drawn from the JSON files alone, so that they can be drawn again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

_COLOURS = ("#1b6ca8", "#c4462b", "#3a8a4d", "#8a6d1b")
_STYLE = {
    "svg.hashsalt": "sogoc",  # the same results give the same file
    "svg.fonttype": "none",  # text stays text: a quarter of the bytes
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(results: Path, folder: Path) -> None:
    """Draw what there are results for into `folder`. Needs matplotlib, of the extra `benchmark`."""
    matplotlib: Any = import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update(_STYLE)
    folder.mkdir(parents=True, exist_ok=True)
    for name, plot in PLOTS.items():
        file = results / f"{name}.json"
        if file.exists():
            figure = plot(json.loads(file.read_text(encoding="utf-8"))["result"])
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")


def _figure(columns: int, width: float, height: float) -> tuple[Any, Sequence[Any]]:
    figure: Any = import_module("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, axes


def _growth(result: dict[str, Any]) -> Any:  # noqa: ANN401  matplotlib is typed only where it is installed
    figure, axes = _figure(4, 13, 3)
    panels: tuple[tuple[str, str, Sequence[tuple[str, Callable[[Any], float]]]], ...] = (
        (
            "Audit time",
            "seconds",
            (
                ("full", lambda size: size["audit"]["full"]["seconds"]["median"]),
                ("signatures", lambda size: size["audit"]["signatures"]["seconds"]["median"]),
            ),
        ),
        (
            "Audit memory (all processes)",
            "MB",
            (
                ("full", lambda size: size["audit"]["full"]["anonymous_mb"]["median"]),
                ("signatures", lambda size: size["audit"]["signatures"]["anonymous_mb"]["median"]),
            ),
        ),
        (
            "Receipt",
            "milliseconds, p50",
            (
                ("over HTTP", lambda size: size["receipts"]["over_http"]["p50_ms"]),
                ("in process", lambda size: size["receipts"]["in_process"]["p50_ms"]),
            ),
        ),
        (
            "Start-up",
            "milliseconds",
            (
                ("node answers", lambda size: size["start_node_ms"]["median"]),
                ("store open", lambda size: size["open_store_ms"]["median"]),
            ),
        ),
    )
    for axis, (title, unit, lines) in zip(axes, panels, strict=True):
        for (label, value), colour in zip(lines, _COLOURS, strict=False):
            for per_entry, style in ((100, "-o"), (1, "--s")):
                sizes = [size for size in result["sizes"] if size["per_entry"] == per_entry]
                axis.plot(
                    [size["records"] for size in sizes],
                    [value(size) for size in sizes],
                    style,
                    color=colour,
                    markersize=4,
                    label=f"{label}, {per_entry} per entry",
                )
        axis.set(xscale="log", yscale="log", title=title, xlabel="records", ylabel=unit)
        if unit != "seconds":
            low, high = axis.get_ylim()
            axis.set_ylim(low / 4, high * 6)
        axis.legend(fontsize=6.5, frameon=False)
    return figure


def _ingest(result: dict[str, Any]) -> Any:  # noqa: ANN401
    figure, (axis,) = _figure(1, 7, 2)
    names = list(result)
    medians = [result[name]["records_per_s"]["median"] for name in names]
    spread = [
        [median - result[name]["records_per_s"]["low"] for name, median in zip(names, medians, strict=True)],
        [result[name]["records_per_s"]["high"] - median for name, median in zip(names, medians, strict=True)],
    ]
    axis.barh(names, medians, xerr=spread, color=_COLOURS[0], ecolor="#444", height=0.6)
    axis.set(xscale="log", xlabel="final, synced records a second (median, lowest and highest run)")
    axis.set_xlim(left=100)
    for goal in (2_000, 20_000):
        axis.axvline(goal, color=_COLOURS[1], linewidth=1, linestyle=":")
    axis.invert_yaxis()
    return figure


def _parts(result: dict[str, Any]) -> Any:  # noqa: ANN401
    figure, (axis,) = _figure(1, 7, 1.9)
    for row, shape in enumerate(result):
        left = 0.0
        parts = {name: value for name, value in result[shape]["us_per_record"].items() if name != "full"}
        for colour, (name, value) in zip((*_COLOURS, "#777"), parts.items(), strict=True):
            width = max(0.0, value["median"])
            axis.barh(row, width, left=left, color=colour, height=0.6, label=name if row == 0 else None)
            left += width
    axis.set(xlabel="µs a record, one process", yticks=range(len(result)), yticklabels=list(result))
    axis.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.45), ncols=3)
    return figure


def _peers(result: dict[str, Any]) -> Any:  # noqa: ANN401
    measures = {
        "append_records_per_s": "appended records/s",
        "prove_ms": "prove one record, ms",
        "proof_bytes": "proof, bytes",
        "verify_all_records_per_s": "verify all, records/s",
        "bytes_per_record": "bytes a record",
    }
    figure, axes = _figure(len(measures), 14, 2.6)
    for axis, (what, title) in zip(axes, measures.items(), strict=True):
        for offset, (shape, colour) in enumerate(zip(result, _COLOURS, strict=False)):
            names = list(result[shape])
            values = [result[shape][name][what]["median"] for name in names]
            rows = [row + 0.4 * offset for row in range(len(names))]
            axis.barh(rows, values, height=0.38, color=colour, label=shape)
            axis.set_yticks(
                [row + 0.2 for row in range(len(names))], names if axis is axes[0] else [""] * len(names)
            )
        axis.set(xscale="log", title=title)
        axis.invert_yaxis()
    axes[0].legend(fontsize=7, frameon=False)
    return figure


def _network(result: dict[str, Any]) -> Any:  # noqa: ANN401  matplotlib's figure, which is imported where it is there
    panels: tuple[tuple[str, str, Callable[[Any], float]], ...] = (
        ("Final records a second", "records/s", lambda one: one["records_per_s"]["median"]),
        ("Latency of a request", "ms, p50", lambda one: one["request"]["p50_ms"]),
        (
            "Processor time, all validators",
            "µs a record",
            lambda one: one["node_cpu_us_per_record"]["median"] + one["engine_cpu_us_per_record"]["median"],
        ),
        (
            "Between validators",
            "bytes a record",
            lambda one: one["between_validators_bytes_per_record"]["median"],
        ),
    )
    figure, axes = _figure(len(panels), 13, 3)
    for axis, (title, unit, value) in zip(axes, panels, strict=True):
        for (name, load), colour in zip(result["loads"].items(), _COLOURS, strict=False):
            # One validator has nobody to say anything to.
            first = 2 if unit == "bytes a record" else 1
            kinds = [kind for kind in load if kind.isdigit() and int(kind) >= first]
            axis.plot(
                list(map(int, kinds)),
                [value(load[kind]) for kind in kinds],
                "-o",
                color=colour,
                markersize=4,
                label=name.rpartition(",")[0],
            )
            if unit != "bytes a record":
                axis.axhline(value(load["embedded"]), color=colour, linewidth=1, linestyle=":")
        axis.set(title=title, xlabel="validators (dotted: embedded engine)", ylabel=unit, yscale="log")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, frameon=False, loc="outside lower center", ncols=4)
    return figure


def _trace(result: dict[str, Any]) -> Any:  # noqa: ANN401  matplotlib is typed only where it is installed
    figure, axes = _figure(3, 11, 3)
    sizes = result["sizes"]
    events = [size["events"] for size in sizes]
    for name, colour in zip(result["chains"], _COLOURS, strict=False):
        axes[0].plot(
            events, [size["over_http_ms"][name]["median"] for size in sizes], "-o", color=colour, label=name
        )
        axes[1].plot(
            events,
            [size["chains"][name]["findings_ms"]["median"] for size in sizes],
            "-o",
            color=colour,
            label=name,
        )
    for size, colour in zip(sizes, _COLOURS, strict=False):
        lots = size["findings_of_a_lot"]
        axes[2].plot(
            [int(count) for count in lots],
            [found["findings_ms"]["median"] for found in lots.values()],
            "-o",
            color=colour,
            label=f"{size['events']:,} events on the ledger",
        )
    axes[0].axhline(1_000, color=_COLOURS[1], linewidth=1, linestyle=":")
    axes[0].set(title="Trace over HTTP", xlabel="events on the ledger", ylabel="milliseconds")
    axes[1].set(title="Trace with findings, in process", xlabel="events on the ledger", ylabel="milliseconds")
    axes[2].set(title="Findings of one lot", xlabel="events of the lot", ylabel="milliseconds")
    for axis in axes:
        axis.set(xscale="log", yscale="log")
        axis.legend(fontsize=6.5, frameon=False)
    return figure


PLOTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "growth": _growth,
    "ingest": _ingest,
    "network": _network,
    "audit-full": _parts,
    "trace": _trace,
    "alternatives": _peers,
}
"""Questions with a plot."""
