"""Temperatures of halls and boards: a table by plant step, and what a run makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.records import HallFacts, RunRecords, SiteRecords
from simulator.units import SECONDS_PER_HOUR

Array = NDArray[np.float64]

_TEMPERATURES = ("inlet_c", "inlet_peak_c", "equipment_c", "return_c", "coolant_c", "die_c")
_TIMES = ("throttled_s", "off_s")
_COLUMNS = (
    "site",
    "hall",
    "start_s",
    "end_s",
    *_TEMPERATURES,
    *_TIMES,
    "outside_recommended_s",
    "outside_allowable_s",
)


def thermal_table(records: RunRecords) -> pd.DataFrame:
    """Return temperatures by site, hall and plant step, and the time outside the envelopes of the hall's class of air.

    A step whose mean inlet lies outside counts whole. A hall without accelerators has no die.
    """
    tables = [_hall_table(site, hall) for site, hall in _rooms(records)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(_COLUMNS))


def hall_climate_table(records: RunRecords) -> pd.DataFrame:
    """Return a row per hall: its class of air, hours outside it, peaks, hours throttled and off."""
    rows = [_climate(site, hall) for site, hall in _rooms(records)]
    columns = (
        "site",
        "hall",
        "air_class",
        "allowable_high_c",
        "outside_recommended_h",
        "outside_allowable_h",
        "inlet_mean_c",
        "inlet_peak_c",
        "die_peak_c",
        "throttle_c",
        "throttled_h",
        "off_h",
    )
    return pd.DataFrame(rows, columns=list(columns))


def thermal_summary(records: RunRecords) -> dict[str, float | None]:
    """Return the scalars of all halls: sums of hours, highest temperatures; None where nothing was recorded."""
    climates = [_climate(site, hall) for site, hall in _rooms(records)]
    hours = ("outside_recommended_h", "outside_allowable_h", "throttled_h", "off_h")
    peaks = {"peak_inlet_c": "inlet_peak_c", "peak_die_c": "die_peak_c"}
    summary: dict[str, float | None] = {}
    for name in hours:
        summary[f"hall_{name}"] = float(sum(row[name] for row in climates)) if climates else None
    for name, column in peaks.items():
        values = [row[column] for row in climates if row[column] is not None]
        summary[name] = max(values, default=None)
    return summary


def _rooms(records: RunRecords) -> Iterator[tuple[SiteRecords, HallFacts]]:
    """Yield the halls whose temperatures were recorded."""
    for site in records.sites:
        for hall in site.facts.halls:
            if f"room.{hall.name}.inlet_c" in site.steps.columns:
                yield site, hall


def _column(site: SiteRecords, hall: HallFacts, name: str) -> Array:
    return site.steps.columns[f"room.{hall.name}.{name}"]


def _outside(inlet_c: Array, limits_c: tuple[float, float], durations_s: Array) -> Array:
    low_c, high_c = limits_c
    outside: Array = np.where((inlet_c < low_c) | (inlet_c > high_c), durations_s, 0.0)
    return outside


def _hall_table(site: SiteRecords, hall: HallFacts) -> pd.DataFrame:
    steps, durations_s = site.steps, site.steps.durations_s
    inlet_c = _column(site, hall, "inlet_c")
    temperatures = {name: _column(site, hall, name) for name in _TEMPERATURES}
    if hall.throttle_c is None:
        temperatures["die_c"] = np.full_like(inlet_c, np.nan)
    return pd.DataFrame(
        {
            "site": site.name,
            "hall": hall.name,
            "start_s": steps.edges_s[:-1],
            "end_s": steps.ends_s,
            **temperatures,
            **{name: _column(site, hall, name) for name in _TIMES},
            "outside_recommended_s": _outside(inlet_c, hall.recommended_c, durations_s),
            "outside_allowable_s": _outside(inlet_c, hall.allowable_c, durations_s),
        }
    )


def _climate(site: SiteRecords, hall: HallFacts) -> dict[str, Any]:
    durations_s, inlet_c = site.steps.durations_s, _column(site, hall, "inlet_c")

    def hours(seconds: Array) -> float:
        return float(seconds.sum()) / SECONDS_PER_HOUR

    return {
        "site": site.name,
        "hall": hall.name,
        "air_class": hall.air_class,
        "allowable_high_c": hall.allowable_c[1],
        "outside_recommended_h": hours(_outside(inlet_c, hall.recommended_c, durations_s)),
        "outside_allowable_h": hours(_outside(inlet_c, hall.allowable_c, durations_s)),
        "inlet_mean_c": float(inlet_c @ durations_s) / float(durations_s.sum()),
        "inlet_peak_c": float(_column(site, hall, "inlet_peak_c").max()),
        "die_peak_c": float(_column(site, hall, "die_c").max()) if hall.throttle_c is not None else None,
        "throttle_c": hall.throttle_c,
        "throttled_h": hours(_column(site, hall, "throttled_s")),
        "off_h": hours(_column(site, hall, "off_s")),
    }
