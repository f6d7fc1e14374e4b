"""What `show` prints and draws, from the shipped measurement and a shipped profile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from calibration.cli import app
from calibration.measuring.directory import read_measurement
from calibration.showing.plots import save_plots
from calibration.showing.residuals import ceiling_flop_per_s, residuals
from calibration.showing.tables import rates
from calibration.windows import Window, window_table
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord

SHIPPED = Path("calibration", "measurements", "cpu-amd-epyc", "2026-11-28")


def test_a_measurement(root: Path, tmp_path: Path) -> None:
    """Time only: a roofline, and no picture of power."""
    done = CliRunner().invoke(app, ["show", str(root / SHIPPED), "--png", str(tmp_path / "png")])
    assert done.exit_code == 0, done.output
    assert "none: only time was measured" in done.stdout
    assert [file.name for file in (tmp_path / "png").iterdir()] == ["roofline.png"]


def test_rates_are_work_over_time(root: Path) -> None:
    _, windows = read_measurement(root / SHIPPED)
    for row in rates(windows).itertuples():
        assert row.flop_per_s * row.duration_s == pytest.approx(row.flop * row.repetitions, rel=1e-12)


def test_a_profile_shows_every_figure() -> None:
    done = CliRunner().invoke(app, ["show", "h100-sxm-80gb"])
    assert done.exit_code == 0, done.output
    assert "memory_bandwidth_bytes_per_s" in done.stdout
    assert "datasheet" in done.stdout


def test_faults() -> None:
    assert CliRunner().invoke(app, ["show", "h100-sxm-80bg"]).exit_code == 2
    assert CliRunner().invoke(app, ["show", "h100-sxm-80gb", "--png", "x"]).exit_code == 2


@pytest.fixture
def h200() -> AcceleratorRecord:
    return catalogue.accelerator("h200-sxm-141gb", Path()).record


def by_hand(record: AcceleratorRecord, slower: float, hungrier: float) -> pd.DataFrame:
    """A product and a copy as the equations of the profile give them, but slower, and with more power."""
    gemm, power, bandwidth = record.gemm, record.power, record.memory_bandwidth_bytes_per_s
    flop, moved, streamed = 2.0 * 16 * 8192 * 8192, 2.0 * (16 * 8192 * 2 + 8192 * 8192), 2.0 * 2**30
    arithmetic_s = flop / (gemm.compute_fraction["bf16"] * record.peak_flop_per_s["bf16"])
    memory_s = moved / (gemm.memory_fraction * bandwidth)
    product_s = (arithmetic_s**gemm.sharpness + memory_s**gemm.sharpness) ** (1.0 / gemm.sharpness)
    stream_s = streamed / (gemm.elementwise_fraction * bandwidth)
    windows = []
    for family, number_format, time_s, work in (
        ("gemm", "bf16", product_s, (flop, moved)),
        ("copy", "", stream_s, (0.0, streamed)),
    ):
        taken_s = slower * (time_s + gemm.layer_overhead_s / 9)
        joules = power.joules_per_flop["bf16"] * work[0] + power.joules_per_byte * work[1]
        energy_j = hungrier * (power.static_w * taken_s + joules)
        windows.append(
            Window(family, family, family, 0, number_format, 100 * taken_s, 100, *work, energy_j=100 * energy_j)
        )
    return window_table(windows)


def test_residuals_are_those_put_in(h200: AcceleratorRecord) -> None:
    found = residuals(rates(by_hand(h200, slower=1.25, hungrier=0.8)), h200)
    assert list(found.family) == ["gemm", "copy"]
    assert found.time_error.to_numpy() == pytest.approx(-0.2, abs=1e-9)
    assert found.power_error.to_numpy() == pytest.approx(0.25, abs=1e-9)


def test_windows_in_the_cache_and_of_other_inputs_have_no_residual(h200: AcceleratorRecord) -> None:
    windows = by_hand(h200, 1.0, 1.0)
    windows.loc[0, "inputs"] = "zeros"
    windows.loc[1, "cached"] = True
    assert residuals(rates(windows), h200).empty


def test_roofs_are_memory_on_the_left_and_arithmetic_on_the_right(h200: AcceleratorRecord) -> None:
    low, high = ceiling_flop_per_s(h200, "bf16", np.array([0.01, 1e7]))
    assert low == pytest.approx(0.01 * h200.gemm.memory_fraction * h200.memory_bandwidth_bytes_per_s, rel=1e-3)
    assert high == pytest.approx(h200.gemm.compute_fraction["bf16"] * h200.peak_flop_per_s["bf16"], rel=1e-3)


def test_pictures_with_energy_and_a_profile(h200: AcceleratorRecord, tmp_path: Path) -> None:
    written = save_plots(by_hand(h200, 1.1, 1.0), "by hand", tmp_path, h200)
    assert [file.name for file in written] == ["roofline.png", "power.png", "residuals.png"]
    assert all(file.stat().st_size > 10_000 for file in written)


def test_a_measurement_against_a_profile(root: Path) -> None:
    done = CliRunner().invoke(app, ["show", str(root / SHIPPED), "--against", "h200-sxm-141gb"])
    assert done.exit_code == 0, done.output
    assert "h200-sxm-141gb on these windows" in done.stdout
