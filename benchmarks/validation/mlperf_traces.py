"""Kind `mlperf-traces`: node power over time of MLPerf Training runs, as a distribution and at rest.

A row is an instant of a run: mean power of its nodes, and whether it lies before, in or after the run. The run is
simulated as `mlperf-training` does it, in steps of the meter's two seconds, and what a planner sizes by is compared:
mean, median and 5 and 95 % over the run, the power before it (weights loaded), and the lowest after it (no process).
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import simulator as sim
from benchmarks.validation import mlperf_training
from benchmarks.validation.report import Case, Report, reason
from benchmarks.validation.rows import Row, read_rows
from simulator.errors import InputError

COLUMNS = {"case", "measurement", "t_s", "phase", "mean_node_w"}

_CASE = re.compile(r"v[\d.]+ (\S+) (\d+)x(\d+) (\S+) (.+)")
_COOLING = {"SMC": "single-phase immersion", "Lenovo": "water-cooled"}
_BENCHMARKS = {"Llama2-70B LoRA": ("llama2_70b_lora", "8", "3072"), "BERT-large": ("bert", "768", "")}
"""Benchmark, samples per step and samples in all, by name in the table."""
_USED_IN_FIT = "x8 H100 Llama2-70B LoRA"
"""One node gave the host of `smc-h100-immersion` and the slow first steps, eight the host time of a layer."""
_METER_S = 2.0
_REST_S = 10.0
_AT_REST = 1.2
"""95 % of the readings before a run below this many medians: nothing has run."""

Watts = NDArray[np.float64]


def validate(path: Path) -> Report:
    """Compare every run whose benchmark the simulator models."""
    report = Report("mlperf-traces")
    runs: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in read_rows(path, COLUMNS):
        runs[row["case"], row["measurement"]].append(row)
    for (name, measurement), rows in runs.items():
        case_id = f"{name} {measurement}"
        try:
            scenario_row = _row(name, measurement)
            run_w, idle_w, loaded_w = simulate(scenario_row)
        except InputError as error:
            report.skip(case_id, reason(error))
            continue
        fitted = _USED_IN_FIT in name
        measured = {phase: _watts(rows, phase) for phase in ("pre", "run", "post")}
        for statistic, predicted, value in (
            ("mean", float(run_w.mean()), float(measured["run"].mean())),
            ("p05", float(np.quantile(run_w, 0.05)), float(np.quantile(measured["run"], 0.05))),
            ("p50", float(np.quantile(run_w, 0.5)), float(np.quantile(measured["run"], 0.5))),
            ("p95", float(np.quantile(run_w, 0.95)), float(np.quantile(measured["run"], 0.95))),
        ):
            report.cases.append(Case(case_id, statistic, "W", predicted, value, fitted))
        before_w = measured["pre"]
        if len(before_w) and np.quantile(before_w, 0.95) < _AT_REST * np.median(before_w):
            report.cases.append(Case(case_id, "loaded_before", "W", loaded_w, float(np.median(before_w)), fitted))
        elif len(before_w):
            report.skip(f"{case_id}, before", "boards warm up before the run, which no recipe states")
        if len(measured["post"]):
            report.cases.append(Case(case_id, "idle_after", "W", idle_w, float(measured["post"].min()), fitted))
    return report


def simulate(row: Row) -> tuple[Watts, float, float]:
    """Return the power of a node over the run, at rest, and with weights loaded."""
    parts = mlperf_training.scenario_of(row)
    parts["facility"]["plant_step_s"] = _METER_S
    (job,) = parts["workloads"]
    # The hall rests first; then the job holds its boards for as long before it begins.
    job["submit_h"] = _REST_S / 3600.0
    held_s = job["startup_s"] + _REST_S
    result = sim.run(sim.from_dict(parts | {"workloads": [job | {"startup_s": held_s}]}))
    columns = ["accelerator_w", "host_w", "server_network_w", "server_storage_w", "server_fan_w"]
    columns += ["psu_loss_w"] if row["measurement"] == "AC" else []
    node_w = result.power[columns].sum(axis=1).to_numpy() / int(row["n_nodes"])
    start_s = result.power.start_s.to_numpy()
    loaded = (start_s >= _REST_S) & (start_s < 2.0 * _REST_S)
    running = start_s >= 2.0 * _REST_S
    return node_w[running], float(node_w[start_s < _REST_S - _METER_S].mean()), float(node_w[loaded].mean())


def _row(name: str, measurement: str) -> Row:
    match = _CASE.fullmatch(name)
    if match is None or match[5] not in _BENCHMARKS:
        raise InputError(f"'{name}' is no run of a transformer that the simulator models")
    submitter, nodes, per_node, gpu, title = match.groups()
    benchmark, batch, samples = _BENCHMARKS[title]
    return {
        "benchmark": benchmark, "n_nodes": nodes, "gpus_per_node": per_node, "gpu": gpu,
        "cooling": _COOLING.get(submitter, "air"), "measurement": measurement, "global_batch": batch,
        "samples_or_tokens": samples,
    }  # fmt: skip


def _watts(rows: list[Row], phase: str) -> Watts:
    """Return the readings of a phase; evaluations are part of the run."""
    wanted = {"run", "eval"} if phase == "run" else {phase}
    return np.array([float(row["mean_node_w"]) for row in rows if row["phase"] in wanted])
