"""Kind `mlperf-logs`: node power and duration of MLPerf Training submissions, from their own logs.

A folder holds `results/SYSTEM/BENCHMARK/` with `result_*.txt`, logs of runs, and `power/result_*/node_*.txt`, readings
of each node, as mlcommons/training_results_v4.0 and v5.0 publish them. Power is averaged between start and stop of a
run and over the nodes, then over runs; the rest is that of `mlperf-training`.
"""

from __future__ import annotations

import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.validation import mlperf_training
from benchmarks.validation.report import Case, Report, reason
from benchmarks.validation.rows import Row
from simulator.errors import InputError
from simulator.units import JOULES_PER_KWH

_ENTRY = re.compile(r":::MLLOG (\{.*\})")
_MILLISECONDS = 1e3
_ROUND = re.compile(r"v\d+\.\d+")
_WATER = ("SR780a",)
_IMMERSION = ("SMC",)


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """One run.

    Args:
        duration_s: from start to stop.
        node_w: mean power of a node.
        nodes: nodes with readings.
        round: round of the benchmark, from the folders above; empty where they do not say.
        batch: samples per step.
        samples: samples trained on; None where the log does not say.
    """

    duration_s: float
    node_w: float
    nodes: int
    round: str
    batch: str
    samples: int | None


def validate(path: Path) -> Report:
    """Compare the mean of the runs of each system, benchmark and kind of reading."""
    if not path.exists():
        raise SystemExit(f"{path}: no such folder")
    report = Report("mlperf-logs")
    groups: dict[tuple[str, str, str], list[LoggedRun]] = defaultdict(list)
    for log in sorted(path.rglob("result_*.txt")):
        readings = sorted((log.parent / "power" / log.stem).glob("node_*.txt"))
        if not readings:
            report.skip(log.stem, "no readings of power")
            continue
        measurement = "DC" if "dc-power" in str(log) else "AC"
        groups[log.parent.parent.name, log.parent.name, measurement].append(read_run(log, readings))
    if not groups:
        raise SystemExit(f"{path}: no table with the columns run_start, run_stop and power_reading")
    for (system, benchmark, measurement), runs in groups.items():
        case_id = f"{system} {benchmark} {measurement}, {len(runs)} runs"
        row = _row(system, benchmark, measurement, runs)
        if benchmark not in mlperf_training.RECIPES:
            report.skip(case_id, f"benchmark '{benchmark}' is no transformer that the simulator models")
            continue
        try:
            result = mlperf_training.run(row)
        except InputError as error:
            report.skip(case_id, reason(error))
            continue
        fitted = "H100" in system and benchmark == "llama2_70b_lora"
        watts, seconds = mlperf_training.node_power_w(row, result), float(result.manifest["simulated_s"])
        measured_w = statistics.fmean(run.node_w for run in runs)
        report.cases.append(Case(case_id, "node_power", "W", watts, measured_w, fitted))
        if row["samples_or_tokens"]:
            measured_s = statistics.fmean(run.duration_s for run in runs)
            report.cases.append(Case(case_id, "duration", "s", seconds, measured_s, fitted))
            nodes = int(row["n_nodes"])
            energy, measured = (nodes * w * s / JOULES_PER_KWH for w, s in ((watts, seconds), (measured_w, measured_s)))
            report.cases.append(Case(case_id, "nodes_energy", "kWh", energy, measured, fitted))
    return report


def read_run(log: Path, readings: list[Path]) -> LoggedRun:
    """Return what the logs of a run and of its nodes hold."""
    found: dict[str, dict[str, Any]] = {}
    for entry in _entries(log):
        found[entry["key"]] = entry
    start_ms, stop_ms = found["run_start"]["time_ms"], found["run_stop"]["time_ms"]
    means = []
    for file in readings:
        watts = [
            float(entry["value"])
            for entry in _entries(file)
            if entry["key"] == "power_reading" and start_ms <= entry["time_ms"] <= stop_ms
        ]
        means.append(statistics.fmean(watts))
    samples = found["run_stop"]["metadata"].get("samples_count")
    return LoggedRun(
        duration_s=(stop_ms - start_ms) / _MILLISECONDS,
        node_w=statistics.fmean(means),
        nodes=len(readings),
        round=next((part for part in reversed(log.parts) if _ROUND.fullmatch(part)), ""),
        batch=str(found["global_batch_size"]["value"]),
        samples=int(samples) if samples is not None else None,
    )


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            match = _ENTRY.search(line)
            if match:
                yield json.loads(match[1])


def _row(system: str, benchmark: str, measurement: str, runs: list[LoggedRun]) -> Row:
    cooling = "immersion" if any(name in system for name in _IMMERSION) else "air"
    if any(name in system for name in _WATER):
        cooling = "water-cooled"
    known = [run.samples for run in runs if run.samples is not None]
    return {
        "case_id": system, "benchmark": benchmark, "n_nodes": str(runs[0].nodes), "gpus_per_node": "8", "gpu": system,
        "cooling": cooling, "measurement": measurement, "global_batch": runs[0].batch,
        "round": runs[0].round,
        "samples_or_tokens": str(round(statistics.fmean(known))) if known else "",
    }  # fmt: skip
