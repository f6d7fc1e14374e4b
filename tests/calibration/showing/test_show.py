"""What `show` prints and draws, from the shipped measurement and a shipped profile."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.cli import app
from calibration.measuring.directory import read_measurement
from calibration.showing.tables import rates

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
