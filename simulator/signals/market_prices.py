"""Hourly wholesale electricity prices with the columns `Datetime (UTC)` and `Price (USD/MWh)`; they may be negative."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from simulator.signals.findings import CorruptRule
from simulator.signals.plain_csv import CsvColumns, read_csv_series
from simulator.signals.quantities import PRICE
from simulator.signals.series import Series
from simulator.units import JOULES_PER_KWH, JOULES_PER_MWH

_COLUMNS = CsvColumns(time="Datetime (UTC)", value="Price (USD/MWh)", factor=JOULES_PER_KWH / JOULES_PER_MWH)


def read_market_prices(path: str | Path, corrupt: CorruptRule = "refuse") -> Series:
    """Return the price in USD/kWh."""
    series = read_csv_series(path, _COLUMNS, PRICE, time_zone=UTC, corrupt=corrupt)
    return series.described("wholesale market, hourly table in USD")
