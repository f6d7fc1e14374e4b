"""A calibrated profile of a synthetic device, made once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from benchmarks.synthetic_windows import Truth, windows
from calibration.fitting.profile import Measured, calibrated_profile
from calibration.fitting.window_fits import Options, Sensor, fit_windows, usable
from calibration.fitting.writing import write_profile
from calibration.windows import COLUMNS
from simulator.profiles import catalogue
from simulator.profiles.calibrated import Device, Environment, Method, PowerLimit, Raw


@pytest.fixture(scope="session")
def profile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a profile of a synthetic H100 whose parameters are `Truth()`, with its windows beside it."""
    folder = tmp_path_factory.mktemp("calibrated")
    base = catalogue.accelerator("h100-sxm-80gb", Path())
    table = windows(1, Truth())
    table.to_parquet(folder / "windows.parquet")
    rows, notes = usable(table, base.record)
    options = Options(sensor=Sensor(), samples=5)
    limit = PowerLimit(default=700.0, enforced=700.0, min=200.0, max=700.0)
    measured = Measured(
        id="synthetic-h100",
        device=Device(
            vendor="NVIDIA", model="NVIDIA H100 80GB HBM3", form_factor="SXM", memory_bytes=8e10,
            power_limit_w=limit, vbios="", driver="", runtime="", uuid_hash="",
        ),
        environment=Environment(host_hash="", cooling="air", ambient_c=25.0, other_tenants=False),
        method=Method(
            sensor="nvml", update_period_s=0.1, averaging_window_s=0.025, counter_period_s=0.1, warmup_s=2.0,
            window_s=15.0, replicates=3, inputs="normal (0, 1)",
        ),
        created_utc="2026-01-31T12:00:00Z",
        notes=tuple(notes),
    )  # fmt: skip
    digest = hashlib.sha256((folder / "windows.parquet").read_bytes()).hexdigest()
    raw = Raw(path="windows.parquet", sha256=digest, columns=COLUMNS)
    fits = fit_windows(rows, base.record, options)
    write_profile(calibrated_profile(fits, rows, base, measured, options, raw), folder / "profile.json")
    return folder / "profile.json"
