"""The whole protocol on a board whose figures are known: measured, fitted, fitted again from other replicates."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import real_gpu
from benchmarks.real_gpu import Agreement, agreement, halves, misses
from benchmarks.synthetic_board import board_cost, synthetic_board
from benchmarks.synthetic_windows import Truth
from calibration.checking.comparison import Checked, PhaseCheck
from calibration.fitting.measurement import apart, fit_measurement
from calibration.measuring.closing import Wishes
from calibration.measuring.directory import read_measurement
from calibration.measuring.point_sets import gpu_points
from calibration.measuring.session import measure
from calibration.showing.plots import save_plots
from simulator.errors import InputError
from simulator.profiles.calibrated import CalibratedProfile

BASE = "h100-sxm-80gb"
TRUTH = Truth()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a quick measurement whose sensor reads 2 % too much."""
    folder = tmp_path_factory.mktemp("board") / "measurement"
    measure(folder, synthetic_board(3, TRUTH, gain=1.02), Wishes("quick", 3), lambda *_: None)
    return folder


@pytest.fixture(scope="module")
def profile(measured: Path) -> CalibratedProfile:
    return fit_measurement(measured, BASE, "2026-01-31T12:00:00Z", samples=10)


def test_the_quick_protocol_finds_what_is_true(profile: CalibratedProfile) -> None:
    """18 figures, of which one may lie outside its 95 % interval; three would in 6 of 100 measurements."""
    found = {entry.name: entry for entry in profile.model.parameters}
    known = dict(TRUTH.items())
    assert set(known) <= set(found)
    outside = [name for name, true in known.items() if not found[name].low <= true <= found[name].high]
    assert len(outside) <= 2, outside
    for name, true in known.items():
        assert found[name].value == pytest.approx(true, rel=0.06, abs=2e-9), name
    # Formats of which only few points are measured are in every bootstrap sample, and have intervals too.
    assert all(entry.bootstrap_low is not None for entry in profile.model.parameters if entry.fit == "board power")


def test_windows_in_the_cache_are_in_no_fit(profile: CalibratedProfile) -> None:
    """They are five times as fast; with them the error on families left out is 9 %."""
    assert any("operands that stay in the cache" in note for note in profile.notes)
    products = next(report for report in profile.fit if report.name == "products and elementwise")
    assert products.holdout_mape < 0.02


def test_zeros_over_random_values_is_what_it_is(profile: CalibratedProfile) -> None:
    (zeros, random) = (
        board_cost(point, TRUTH).watts
        for name in ("gemm/bf16/m8192-n8192-k8192/zeros", "gemm/bf16/m8192-n8192-k8192")
        for point in gpu_points(50e6, "bf16")
        if point.name == name
    )
    assert profile.uncertainty.data_toggle == pytest.approx(zeros / random, rel=0.06)


def test_all_pictures_are_drawn(measured: Path, profile: CalibratedProfile, tmp_path: Path) -> None:
    _, windows = read_measurement(measured)
    written = save_plots(windows, "synthetic", tmp_path, profile.accelerator)
    assert [file.name for file in written] == ["roofline.png", "power.png", "residuals.png"]
    assert all(file.stat().st_size > 30_000 for file in written)


def test_a_second_fit_from_other_replicates_agrees(measured: Path) -> None:
    agreed = agreement(measured, BASE)
    assert {entry.figure for entry in agreed} > {"gemm.memory_fraction", "power.static_w", "power.joules_per_byte"}
    assert sum(entry.inside for entry in agreed) >= 0.95 * len(agreed)
    # Both halves hold the same points, and each point repeats to a few tenths of a percent in time.
    times = [entry for entry in agreed if entry.figure.endswith("_fraction") or "compute_fraction" in entry.figure]
    assert all(entry.second == pytest.approx(entry.first, rel=0.01) for entry in times)
    assert any(entry.second != entry.first for entry in times)


def test_the_study_of_a_recording(measured: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Everything but the check, which needs a device, from the command line."""
    out = tmp_path / "found.json"
    command = ["real_gpu", str(tmp_path / "played"), "--device", f"recorded:{measured}", "--base", BASE]
    monkeypatch.setattr(sys, "argv", [*command, "--quick", "--samples", "0", "--json", str(out)])
    with pytest.raises(SystemExit) as ended:
        real_gpu.main()
    printed = capsys.readouterr().out
    assert ended.value.code == 0, printed
    assert "figures of the second fit lie in the intervals of the first" in printed
    assert "nothing that is asked for is missed" in printed
    found = json.loads(out.read_text())
    assert (found["device"], found["phases"], found["misses"]) == ("Synthetic H100", None, [])
    assert (tmp_path / "played" / "profile.json").is_file()


def row(time_s: float, energy_j: float | None) -> PhaseCheck:
    return PhaseCheck("prefill", "prefill", 1.0, 0.1, time_s, 0.1, 100.0, 5.0, energy_j, 1.0)


def test_what_is_missed_is_said() -> None:
    good = Agreement("gemm.memory_fraction", 0.8, 0.7, 0.9, 0.85)
    bad = Agreement("gemm.memory_fraction", 0.8, 0.7, 0.9, 0.95)
    assert misses([good] * 20, Checked((row(1.05, 105.0),), {})) == []
    assert misses([good] * 19 + [bad], None) == []
    assert misses([good] * 18 + [bad] * 2, None) == [
        "18 of 20 figures of the second fit lie in the intervals of the first"
    ]
    assert misses([], Checked((row(0.9, 80.0),), {})) == [
        "prefill: time +11.1%, at most 8%", "prefill: energy +25.0%, at most 10%",
    ]  # fmt: skip
    assert misses([], Checked((row(1.0, None),), {})) == []


def test_one_window_of_each_point_makes_no_second_fit() -> None:
    with pytest.raises(InputError, match="one window of each point: a second fit needs more time"):
        halves(pd.DataFrame({"replicate": [0, 0], "valid": True}))


def test_windows_that_lie_apart_are_noted() -> None:
    rows = pd.DataFrame({"point": ["a", "a", "b", "b"], "duration_s": [1.0, 1.05, 1.0, 1.3], "repetitions": 1})
    assert apart(rows.iloc[:2]) == []
    assert "lie 18% apart" in apart(rows)[0]
    assert apart(rows.iloc[[0, 2]]) == []
