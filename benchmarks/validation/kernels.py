"""Kind `kernels`: time and power of measured kernels in AIConfigurator's format (Apache-2.0), size band by size band.

Each row is predicted by a fit that never saw its size band: products by their rows (under 64, under 1,024, above),
decode calls by the cached tokens that they read, prefill calls by their new tokens. A class (device, software,
operator, formats, head size) has its own curve (`calibration.fitting.kernel_curves`); classes too small for that are
fitted together, and what is still too small is predicted by the device's shipped profile.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.validation.kernel_profiles import profile_power_w, profile_time_s
from benchmarks.validation.report import Case, Report
from calibration.fitting.bases import base_for
from calibration.fitting.kernel_curves import CURVES, SHORT_S, fit_power_curve
from calibration.fitting.rates import seconds
from calibration.published.aiconfigurator import FORMATS, impossible, kernels
from calibration.published.tables import Table, find_tables
from simulator.errors import InputError
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord

Array = NDArray[np.float64]

OTHER: Final = frozenset(("op_name", "latency"))
"""Columns of tables of operators that are no kernels of the project's models."""
CLASS: Final = ["device", "kernel", "family", "published_format", "cache_format"]
_FINE: Final = {"gemm": [], "decode_attention": ["head_size"], "prefill_attention": ["head_size", "windowed"]}
"""What tells classes apart beside that, by family."""
FEWEST: Final = 60
"""Rows that a class must have outside a size band for a curve of its own."""


def validate(path: Path) -> Report:
    """Predict every row of every table below a path.

    Raises:
        SystemExit: there is no such file, or none in the format.
    """
    report = Report("kernels")
    try:
        tables = find_tables([path], {**FORMATS, "other": OTHER})
    except InputError as error:
        raise SystemExit(str(error)) from None
    parts = [rows for table in tables for rows in _known_rows(table, report)]
    if not parts:
        return report
    rows = pd.concat(parts, ignore_index=True)
    rows["windowed"] = rows.window_tokens > 0
    found = [_predicted(own, str(device)) for device, own in rows.groupby("device", sort=False)]
    results = pd.concat(found).sort_index()
    report.cases += _cases(rows, results)
    report.notes += _summary(rows, results)
    return report


def _known_rows(table: Table, report: Report) -> Iterator[pd.DataFrame]:
    """Yield the rows that can be predicted; the others are skipped with a reason."""
    name = Path(table.name).name
    if table.kind == "other":
        for row, operator in table.rows.op_name.items():
            report.skip(f"{name}:{row}", f"operator '{operator}' is not modelled")
        return
    wrong = impossible(table)
    for row in table.rows.index[wrong]:
        report.skip(f"{name}:{row}", "a size or time is no positive number")
    rows = kernels(Table(table.kind, table.name, table.rows[~wrong]))
    reasons = pd.Series("", index=rows.index)
    for device in rows.device.unique():
        base = base_for(device)
        own = rows.device == device
        if base is None:
            reasons[own] = f"no shipped profile has the datasheet of '{device}'"
            continue
        record = catalogue.accelerator(base, Path()).record
        peaks = {str(key): value for key, value in record.peak_flop_per_s.items()}
        peak = rows.number_format.map(peaks).astype(float)
        missing = own & peak.isna()
        reasons[missing] = "number format '" + rows.published_format[missing] + "' has no peak on this device"
        unknown = own & rows.traffic_bytes.isna() & ~missing
        reasons[unknown] = "cache format '" + rows.cache_format[unknown] + "' is not known"
        fast = own & (rows.flop / seconds(rows) > peak)
        reasons[fast] = "faster than the device's peak: impossible as published"
    for window, why in zip(rows.window_id[reasons != ""], reasons[reasons != ""], strict=True):
        report.skip(window, why)
    yield rows[reasons == ""]


def _predicted(rows: pd.DataFrame, device: str) -> pd.DataFrame:
    """Return predicted time and power of each row of one device, and how it was predicted, by row."""
    record = catalogue.accelerator(str(base_for(device)), Path()).record
    parts = []
    for family, own in rows.groupby("family", sort=False):
        fine = [*CLASS, *_FINE[str(family)]]
        time_s = _held_out(own, fine, record, "time")
        metered = own[own.energy_j.notna()]
        power_w = _held_out(metered, fine, record, "power").reindex(own.index)
        parts.append(pd.DataFrame({"time_s": time_s, "power_w": power_w}))
    return pd.concat(parts)


def _held_out(rows: pd.DataFrame, fine: list[str], record: AcceleratorRecord, quantity: str) -> pd.Series:
    """Return predictions by fits that left the row's size band out, by the finest class that is large enough."""
    found = pd.Series(np.nan, index=rows.index)
    for columns in (fine, CLASS, ["family"]):
        left = rows[found.isna()]
        for _, group in left.groupby(columns, sort=False):
            for part in _regimes(group, quantity):
                found = found.fillna(_curve(part, record, quantity))
    left = rows[found.isna()]
    if len(left):
        predict = profile_time_s if quantity == "time" else profile_power_w
        found = found.fillna(pd.Series(predict(left, record), index=left.index))
    return found


def _regimes(rows: pd.DataFrame, quantity: str) -> Iterator[pd.DataFrame]:
    """Yield all rows for time; for power, kernels that the sensor saw and those that are mostly gap."""
    if quantity == "time":
        yield rows
        return
    short = seconds(rows) < CURVES[rows.family.iloc[0]].shortest_s
    yield rows[~short]
    yield rows[short]


def _curve(rows: pd.DataFrame, record: AcceleratorRecord, quantity: str) -> pd.Series:
    """Return the predictions of one class; NaN where too few rows lie outside a band."""
    empty = pd.Series(np.nan, index=rows.index)
    if len(rows) < 2 * FEWEST:
        return empty
    curve = CURVES[rows.family.iloc[0]]
    bands = curve.bands(rows)
    if len(rows) - np.unique(bands, return_counts=True)[1].max() < FEWEST:
        return empty
    table = rows.reset_index(drop=True)
    if quantity == "time":
        fitted = curve.time(table, record, bands)
    else:
        fitted = fit_power_curve(table, record, bands, curve.outlier)
    return empty if fitted.held_out is None else pd.Series(fitted.held_out, index=rows.index)


def _cases(rows: pd.DataFrame, results: pd.DataFrame) -> Iterator[Case]:
    names = rows.window_id + " " + rows.point
    time_s, power_w = seconds(rows), rows.mean_power_w.to_numpy(float)
    predicted = zip(names, results.time_s, time_s, results.power_w, power_w, strict=True)
    for name, time, measured_s, power, measured_w in predicted:
        yield Case(name, "latency", "ms", float(time) * 1e3, float(measured_s) * 1e3)
        if not np.isnan(measured_w):
            yield Case(name, "power", "W", float(power), float(measured_w))


def _summary(rows: pd.DataFrame, results: pd.DataFrame) -> Iterator[str]:
    """Yield the errors by operator, format and duration; totals weigh long kernels as a run does."""
    time_s, power_w = seconds(rows), rows.mean_power_w.to_numpy(float)
    found = pd.DataFrame(
        {
            "family": rows.family.to_numpy(),
            "formats": (rows.published_format + " " + rows.cache_format).str.strip().to_numpy(),
            "duration": np.where(time_s >= SHORT_S, "0.1 ms and more", "under 0.1 ms"),
            "time": np.abs(results.time_s.to_numpy() / time_s - 1.0),
            "power": np.abs(results.power_w.to_numpy() / power_w - 1.0),
            "energy": results.power_w.to_numpy() * time_s,
            "measured": power_w * time_s,
        }
    )
    yield "mean absolute errors, each row predicted without its size band:"
    for names, part in found.groupby(["family", "formats", "duration"]):
        metered = part[part.power.notna()]
        line = f"{' '.join(map(str, names)):<56} latency {part.time.mean():6.1%} of {len(part):,} rows"
        if len(metered):
            energy = metered.energy.sum() / metered.measured.sum() - 1.0
            line += f", power {metered.power.mean():6.1%} of {len(metered):,}, energy of all {energy:+.1%}"
        yield line
