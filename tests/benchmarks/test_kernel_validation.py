"""Kind `kernels`: errors on size bands that a fit never saw, and a reason for every row without a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.validation import kernels
from benchmarks.validation.report import Report

TABLES = "data/latency/aiconfigurator/h200_sxm_vllm0.22.0_{}_perf.parquet"


def errors(report: Report, metric: str, tables: pd.DataFrame) -> float:
    """Return the mean absolute error of kernels of 0.1 ms and more."""
    long = set(tables.index[tables.latency >= 0.1])
    found = [
        abs(case.relative_error)
        for case in report.cases
        if case.metric == metric and int(case.case_id.split(" ")[0].rpartition(":")[2]) in long
    ]
    assert len(found) == len(long)
    return float(np.mean(found))


def test_products_of_bands_left_out(shared: Path, tmp_path: Path) -> None:
    table = pd.read_parquet(shared / TABLES.format("gemm"))
    # All rows: power follows a pattern of two to four rows along the table, which every n-th row would alias.
    table = table[table.gemm_dtype == "bfloat16"].reset_index(drop=True)
    table.to_parquet(tmp_path / "anything.parquet")
    report = kernels.validate(tmp_path)
    assert not report.skipped
    assert len(report.cases) == 2 * len(table)
    assert errors(report, "latency", table) < 0.08
    assert errors(report, "power", table) < 0.08


def test_decode_attention_of_bands_left_out(shared: Path, tmp_path: Path) -> None:
    table = pd.read_parquet(shared / TABLES.format("generation_attention"))
    table = table[table.head_dim == 128].iloc[::3].reset_index(drop=True)
    table.to_parquet(tmp_path / "table.parquet")
    report = kernels.validate(tmp_path / "table.parquet")
    assert errors(report, "latency", table) < 0.12
    assert errors(report, "power", table) < 0.20


def gemm(**changes: Any) -> dict[str, Any]:
    row = {"device": "NVIDIA H100 80GB HBM3", "op_name": "gemm", "gemm_dtype": "bfloat16", "latency": 1.0}
    return row | {"m": 4096, "n": 4096, "k": 8192} | changes


def test_every_row_has_a_prediction_or_a_reason(tmp_path: Path) -> None:
    rows = [
        gemm(),
        gemm(device="NVIDIA GB300"),
        gemm(gemm_dtype="nvfp4"),
        gemm(gemm_dtype="int3"),
        gemm(latency=0.001),
        gemm(latency=float("nan")),
        gemm(m=-1),
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "gemm.csv", index=False)
    pd.DataFrame([{"op_name": "moe", "latency": 1.0}] * 2).to_csv(tmp_path / "moe.csv", index=False)
    report = kernels.validate(tmp_path)
    reasons = dict(report.skipped)
    assert [case.case_id.split(" ")[0] for case in report.cases] == ["gemm.csv:0"]
    assert set(reasons) == {f"gemm.csv:{row}" for row in range(1, 7)} | {"moe.csv:0", "moe.csv:1"}
    assert reasons["gemm.csv:1"] == "no shipped profile has the datasheet of 'NVIDIA GB300'"
    assert reasons["gemm.csv:2"] == "number format 'nvfp4' has no peak on this device"
    assert reasons["gemm.csv:3"] == "number format 'int3' has no peak on this device"
    assert "impossible" in reasons["gemm.csv:4"]
    assert reasons["gemm.csv:5"] == reasons["gemm.csv:6"] == "a size or time is no positive number"
    assert reasons["moe.csv:0"] == "operator 'moe' is not modelled"
    # One row allows no fit: the shipped profile predicts it, 4096 x 4096 x 8192 at 0.738 of 989 TFLOP/s and launches.
    time_ms = 2 * 4096**2 * 8192 / (0.738 * 989e12) * 1e3
    assert report.cases[0].predicted == pytest.approx(time_ms, rel=0.2)


def test_a_path_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such file"):
        kernels.validate(tmp_path / "absent.parquet")
