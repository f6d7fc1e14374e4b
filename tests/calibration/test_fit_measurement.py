"""From a measurement directory to a profile: the shipped example, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.cli import app
from calibration.fitting.measurement import fit_measurement
from calibration.measuring.record import RECORD_FILE
from simulator.errors import InputError
from simulator.profiles import catalogue

NOW = "2026-01-31T12:00:00Z"


@pytest.fixture
def example(root: Path, tmp_path: Path) -> Path:
    """Return a copy of a measurement of a processor that ships with the project."""
    source = next((root / "calibration/measurements").rglob(RECORD_FILE)).parent
    return Path(shutil.copytree(source, tmp_path / "example"))


def test_a_processor_becomes_a_profile_that_says_what_it_is(example: Path) -> None:
    done = CliRunner().invoke(app, ["fit", str(example), "--samples", "0"])
    assert done.exit_code == 0, done.output
    assert "time only: figures of power are those of a10g" in done.output
    profile = catalogue.accelerator("profile.json", example)
    assert any("only time was measured" in note for note in profile.notes)
    peak = profile.source_of("peak_flop_per_s.fp32")
    assert (peak.kind, peak.source) == ("measured", "highest rate of any window; no datasheet was used")
    assert profile.source_of("power.static_w") == catalogue.accelerator("a10g", Path()).source_of("power.static_w")
    # Its windows are beside it, and a changed table is noticed.
    (example / "windows.parquet").write_bytes(b"other")
    with pytest.raises(InputError, match="it is not what was fitted"):
        catalogue.accelerator("profile.json", example)


def test_the_same_windows_give_the_same_profile(example: Path) -> None:
    first, second = (fit_measurement(example, "a10g", NOW, samples=3) for _ in range(2))
    assert first == second


def test_fractions_of_a_datasheet_are_taken_where_asked(example: Path) -> None:
    profile = fit_measurement(example, "l40s", NOW, peaks="datasheet", samples=0)
    shipped = catalogue.accelerator("l40s", Path()).record
    assert profile.accelerator.peak_flop_per_s == shipped.peak_flop_per_s
    # A processor reaches a hundredth of the board's rate, and the fit says so instead of stopping at a bound.
    assert profile.accelerator.gemm.compute_fraction["fp32"] < 0.05


def test_what_is_no_finished_measurement_is_refused(example: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        fit_measurement(tmp_path / "absent", None, NOW)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no finished measurement"):
        fit_measurement(tmp_path / "empty", None, NOW)
    record = json.loads((example / RECORD_FILE).read_text())
    (example / RECORD_FILE).write_text(json.dumps({**record, "licence": 3}))
    with pytest.raises(InputError, match="licence: must be text"):
        fit_measurement(example, None, NOW)
    (example / RECORD_FILE).write_text(json.dumps(record))
    (example / "windows.parquet").write_bytes(b"torn")
    with pytest.raises(InputError, match="checksum differs"):
        fit_measurement(example, None, NOW)


def test_a_device_without_datasheet_asks_for_one(example: Path) -> None:
    record = json.loads((example / RECORD_FILE).read_text())
    record["device"] |= {"kind": "cuda", "name": "NVIDIA X9000"}
    (example / RECORD_FILE).write_text(json.dumps(record))
    done = CliRunner().invoke(app, ["fit", str(example)])
    assert done.exit_code == 2
    with pytest.raises(InputError, match="no shipped profile is known for 'NVIDIA X9000'"):
        fit_measurement(example, None, NOW)
