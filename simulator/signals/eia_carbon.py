"""Carbon intensity from hourly generation of the U.S. EIA (form EIA-930), as prepared for Carbon Explorer and dc-rl.

Columns: `timestamp` (UTC), generation by fuel in MWh, `avg_CI` in gCO2eq/kWh (average, generation-based, life-cycle
factors). An hour without data has all columns empty: it is a gap, never zero.
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from simulator.signals.findings import CorruptRule
from simulator.signals.origin import EmissionFactor
from simulator.signals.plain_csv import CsvColumns, read_csv_series
from simulator.signals.quantities import CARBON_INTENSITY
from simulator.signals.series import Series

_COLUMNS = CsvColumns(time="timestamp", value="avg_CI")
_FACTOR = EmissionFactor("average_generation", "life_cycle")


def read_eia_carbon(path: str | Path, corrupt: CorruptRule = "refuse") -> Series:
    """Return the average carbon intensity of a balancing authority in g/kWh."""
    series = read_csv_series(path, _COLUMNS, CARBON_INTENSITY, time_zone=UTC, corrupt=corrupt)
    return series.described("U.S. EIA, form EIA-930, with factors by fuel", _FACTOR)
