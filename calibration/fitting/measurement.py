"""Fit a measurement directory: its record and windows become a calibrated profile."""

from __future__ import annotations

import hashlib
from collections.abc import Container
from dataclasses import replace
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from calibration.fitting.bases import base_profile, measured_peaks
from calibration.fitting.profile import Measured, calibrated_profile, data_toggle
from calibration.fitting.window_fits import Options, Sensor, fit_windows, usable
from calibration.measuring.record import RECORD_FILE, MeasurementRecord
from calibration.windows import COLUMNS
from simulator.documents.validation import try_validate
from simulator.documents.yaml_source import read_yaml
from simulator.errors import Fault, InputError
from simulator.profiles.calibrated import CalibratedProfile, Device, Environment, Method, PowerLimit, Raw
from simulator.profiles.sourced import Provenance

MOST_APART: Final = 0.10
"""Distance of two windows of one point, (longest / shortest) - 1, above which a profile warns its reader."""
COUNTER_PERIOD_S = 0.1
"""Refresh of the energy counter where the measurement could not tell it (Zeus blog: about every 100 ms)."""


def fit_measurement(
    folder: Path,
    base: str | None,
    created_utc: str,
    *,
    git: str = "",
    peaks: str = "auto",
    samples: int = 200,
    replicates: Container[int] | None = None,
) -> CalibratedProfile:
    """Return the profile of a finished measurement.

    Args:
        folder: directory with record and windows.
        base: profile of what was not measured; by default that of the device's name.
        created_utc: instant, ISO 8601.
        git: commit of the program.
        peaks: `datasheet`, `measured`, or `auto` (measured for processors).
        samples: bootstrap samples.
        replicates: windows of each point that count; None for all.

    Raises:
        InputError: there is no finished measurement, its files do not fit its record, or nothing can be fitted.
    """
    record = read_record(folder)
    table = read_windows(folder, record)
    if replicates is not None:
        table = table[[number in replicates for number in table.replicate]].reset_index(drop=True)
    own_peaks = peaks == "measured" or (peaks == "auto" and record.device.kind == "cpu")
    named = base or (_PROCESSOR_BASE if record.device.kind == "cpu" else None)
    profile = base_profile(named, record.device.name)
    overrides: dict[str, tuple[float, Provenance]] = _board_figures(record)
    if own_peaks:
        datasheet, found = measured_peaks(table[table.valid], profile)
        overrides |= found
    else:
        datasheet = profile.record
    limits = record.device.power_limits
    if limits is not None and limits.enforced_w is not None:
        table["power_limit_w"] = limits.enforced_w
    rows, notes = usable(table, datasheet)
    notes += apart(rows)
    period_s = record.sensor.counter_period_s
    sensor = Sensor(counter_period_s=COUNTER_PERIOD_S if period_s is None else period_s)
    options = Options(sensor=sensor, samples=samples, seed=record.protocol.seed)
    fits = fit_windows(rows, datasheet, options)
    measured = replace(_measured(record, created_utc, git, notes, overrides), data_toggle=data_toggle(table))
    raw = Raw(path=record.windows.path, sha256=record.windows.sha256, columns=COLUMNS)
    return calibrated_profile(fits, rows, replace(profile, record=datasheet), measured, options, raw)


def apart(rows: pd.DataFrame) -> list[str]:
    """Return a note where windows of one point lie further apart than windows of a device of one's own.

    Args:
        rows: usable windows.
    """
    times = rows.assign(each=rows.duration_s / rows.repetitions).groupby("point").each
    median = float((times.max() / times.min() - 1.0)[times.size() > 1].median())
    if not median > MOST_APART:
        return []
    return [
        f"windows of one point lie {median:.0%} apart in the median, {MOST_APART:.0%} at most on a device that nobody "
        "else uses: these figures hold for no other moment; measure alone"
    ]


_PROCESSOR_BASE = "a10g"
"""Base of a processor, of which only what was not measured remains; nothing ships that is nearer."""


def read_record(folder: Path) -> MeasurementRecord:
    """Return the record of a measurement.

    Raises:
        InputError: it is missing or not valid.
    """
    path = folder / RECORD_FILE
    if folder.is_dir() and not path.is_file():
        raise InputError([Fault(f"holds no finished measurement (no {RECORD_FILE})", str(folder))])
    record, faults = try_validate(MeasurementRecord, read_yaml(path))
    if record is None or faults:
        raise InputError(faults)
    return record


def read_windows(folder: Path, record: MeasurementRecord) -> pd.DataFrame:
    """Return the windows of a measurement, whose checksum is that of its record.

    Raises:
        InputError: the table is missing, changed, or lacks columns.
    """
    path = folder / record.windows.path
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != record.windows.sha256:
            raise InputError([Fault(f"is not the table that {RECORD_FILE} describes (checksum differs)", str(path))])
        table = pd.read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError([Fault(f"cannot be read: {' '.join(str(error).split())}", str(path))]) from None
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise InputError([Fault(f"lacks the columns {', '.join(missing)}", str(path))])
    return table


def _board_figures(record: MeasurementRecord) -> dict[str, tuple[float, Provenance]]:
    device = record.device
    read = Provenance(kind="datasheet", source=f"read from the device ({record.sensor.name})")
    found = {"memory_bytes": (device.memory_bytes, read)}
    limits = device.power_limits
    if limits is not None:
        # The measured rates contain whatever limit was in force.
        if limits.enforced_w is not None:
            found["power.cap_w"] = (limits.enforced_w, read)
        if limits.minimum_w is not None:
            found["power.minimum_cap_w"] = (limits.minimum_w, read)
    return found


def _measured(
    record: MeasurementRecord,
    created_utc: str,
    git: str,
    notes: list[str],
    overrides: dict[str, tuple[float, Provenance]],
) -> Measured:
    device, limits, sensor = record.device, record.device.power_limits, record.sensor
    power_limit = PowerLimit(
        default=limits.default_w if limits else None,
        enforced=limits.enforced_w if limits else None,
        min=limits.minimum_w if limits else None,
        max=limits.maximum_w if limits else None,
    )
    return Measured(
        id=record.id,
        device=Device(
            vendor=device.vendor,
            model=device.name,
            form_factor="",
            memory_bytes=device.memory_bytes,
            power_limit_w=power_limit,
            vbios=device.vbios,
            driver=device.driver,
            runtime=device.runtime,
            uuid_hash=device.uuid_hash,
        ),
        environment=Environment(
            host_hash=record.environment.host_hash,
            cooling=record.environment.cooling,
            ambient_c=record.environment.ambient_c,
            other_tenants=None,
        ),
        method=Method(
            sensor=sensor.name,
            update_period_s=sensor.update_period_s,
            averaging_window_s=sensor.averaging_window_s,
            counter_period_s=sensor.counter_period_s,
            warmup_s=record.protocol.warmup_s,
            window_s=record.protocol.window_s,
            replicates=record.protocol.replicates,
            inputs="normal (0, 1)",
        ),
        created_utc=created_utc,
        git=git,
        licence=record.licence,
        notes=tuple([record.notes] if record.notes else []) + tuple(notes),
        overrides=overrides,
    )
