"""The kind `mlperf-traces`: what a trace of node power is compared with."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.validation.mlperf_traces import validate
from benchmarks.validation.report import Report

BERT = "v4.0 SMC 1x8 H100 BERT-large"


def report_of(tmp_path: Path, name: str, before_w: list[float]) -> Report:
    rng = np.random.default_rng(3)
    readings = [("pre", watts) for watts in before_w]
    readings += [("run", watts) for watts in rng.uniform(6800.0, 7000.0, 50)]
    readings += [("eval", 5000.0), ("post", 2600.0), ("post", 2100.0)]
    path = tmp_path / "trace.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "measurement", "t_s", "phase", "n_nodes", "mean_node_w"])
        writer.writerows([name, "AC", 2 * at, phase, 1, watts] for at, (phase, watts) in enumerate(readings))
    return validate(path)


def test_statistics_are_those_of_the_run_with_its_evaluations(tmp_path: Path) -> None:
    cases = {case.metric: case for case in report_of(tmp_path, BERT, [2500.0] * 5).cases}
    assert set(cases) == {"mean", "p05", "p50", "p95", "loaded_before", "idle_after"}
    assert 6800.0 < cases["p50"].measured < 7000.0
    assert cases["mean"].measured < 6900.0, "the evaluation is part of the run"
    assert cases["idle_after"].measured == 2100.0


def test_power_at_rest_and_at_work_is_close_to_the_published_log(tmp_path: Path) -> None:
    """MLPerf Training v4.0: 2,513 W with weights loaded, 2,096 W without a process, 6,941 W in training."""
    cases = {case.metric: case for case in report_of(tmp_path, BERT, [2513.0] * 5).cases}
    assert cases["loaded_before"].predicted == pytest.approx(2513.0, rel=0.02)
    assert cases["idle_after"].predicted == pytest.approx(2096.0, rel=0.02)
    assert cases["p50"].predicted == pytest.approx(6941.0, rel=0.05)


def test_warming_up_is_not_taken_for_rest(tmp_path: Path) -> None:
    report = report_of(tmp_path, BERT, [2500.0] * 5 + [7000.0])
    assert "loaded_before" not in {case.metric for case in report.cases}
    assert "warm up" in report.skipped[0][1]


def test_other_runs_are_skipped(tmp_path: Path) -> None:
    assert report_of(tmp_path, "v4.0 SMC 9x8 H100 UNet3D", [2500.0]).skipped[0][1].endswith("models")
