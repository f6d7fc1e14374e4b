"""Carbon intensity of Great Britain from the API of its system operator (JSON), half-hourly, in gCO2/kWh.

Layout: `{"data": [{"from": "2018-01-20T12:00Z", "to": ..., "intensity": {"forecast": 266, "actual": 263}}]}`. What it
counts, after the methodology of NESO: emissions of power stations, interconnector imports, and transmission and
distribution losses, so that no losses may be added to it.

Traps. `actual` is null until it is settled, and sometimes for good. Forecast and actual are two series: the scenario
has to choose, and may ask for the forecast where there is no actual.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simulator.documents.json_file import is_number, load_json_object
from simulator.documents.text_file import NS_PER_S, checked_text_file, parse_stamp
from simulator.signals.checked_series import checked_series
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.origin import EmissionFactor
from simulator.signals.quantities import CARBON_INTENSITY
from simulator.signals.series import LIMIT_BYTES, Series

Choice = Literal["actual", "forecast", "actual_or_forecast"]
_HALF_HOUR_S = 1800


def read_gb_carbon(path: str | Path, use: Choice, corrupt: CorruptRule = "refuse") -> Series:
    """Return the carbon intensity in g/kWh; a null value is a gap.

    Args:
        path: the file, as the API answers.
        use: which of the two series; `actual_or_forecast` takes the forecast where there is no actual, and counts it.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    rows = load_json_object(file, log.file, "a file of carbon intensities").get("data")
    if not isinstance(rows, list) or not rows:
        log.add("must be a list with rows", path="data")
        log.raise_if_any()
        rows = []
    starts = np.zeros(len(rows), np.int64)
    values = {name: np.full(len(rows), np.nan) for name in ("forecast", "actual")}
    unplaced = 0
    for row, entry in enumerate(rows):
        try:
            starts[row], intensity = _row(entry)
        except ValueError as error:
            log.add(f"row {row + 1}: {error}", path="data")
            unplaced += 1
            continue
        for name, column in values.items():
            column[row] = _value(intensity.get(name), f"row {row + 1}", f"data.intensity.{name}", findings)
    if unplaced:
        log.raise_if_any()
    findings.remark("the values contain transmission and distribution losses")
    chosen = values["forecast"] if use == "forecast" else values["actual"]
    if use == "actual_or_forecast":
        chosen = _filled(chosen, values["forecast"], findings)
    name = "data.intensity.forecast" if use == "forecast" else "data.intensity.actual"
    taken = ValueColumn(CARBON_INTENSITY, chosen, 1.0, name)
    series = checked_series(taken, Clock(starts, None, _HALF_HOUR_S), findings)
    return series.described(f"NESO Carbon Intensity API, {use}", EmissionFactor("average_consumption", "direct"))


def _row(entry: object) -> tuple[int, Mapping[str, Any]]:
    """Return the start in seconds UTC and the intensities of a row of half an hour."""
    if not isinstance(entry, dict) or not isinstance(entry.get("intensity"), dict):
        raise ValueError("must have from, to and intensity")
    (start_ns, zoned), (end_ns, _) = parse_stamp(str(entry.get("from"))), parse_stamp(str(entry.get("to")))
    if not zoned or end_ns - start_ns != _HALF_HOUR_S * NS_PER_S:
        raise ValueError(f"{entry['from']} to {entry['to']} is not half an hour in UTC")
    return start_ns // NS_PER_S, entry["intensity"]


def _value(value: object, place: str, path: str, findings: Findings) -> float:
    if value is not None and not is_number(value):
        findings.rows.add(f"{place}: {value!r} is not a finite number", path=path)
        return float("nan")
    return float("nan") if value is None else float(value)


def _filled(actual: NDArray[np.float64], forecast: NDArray[np.float64], findings: Findings) -> NDArray[np.float64]:
    missing = np.isnan(actual) & ~np.isnan(forecast)
    if missing.any():
        findings.remark(f"{int(missing.sum()):,} of {len(actual):,} values are forecasts for want of an actual")
    return np.where(np.isnan(actual), forecast, actual)
