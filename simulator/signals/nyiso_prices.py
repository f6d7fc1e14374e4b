"""Zonal and generator prices of the New York ISO (CSV), in USD/MWh.

Columns used: `Time Stamp`, `Name`, `LBMP ($/MWHr)`. Traps. Stamps are Eastern Prevailing Time without a mark: the
double hour of autumn stands twice, first daylight saving. Day-ahead and hourly files stamp the start of the hour; the
five-minute real-time files stamp the end of the interval, and have stamps between when dispatch was run again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from simulator.documents.clock_stamps import month_first_s
from simulator.documents.text_file import checked_text_file
from simulator.documents.text_table import read_text_table
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.local_clock import clock_to_utc
from simulator.signals.price_table import PriceRows, starts_of_endings
from simulator.signals.series import LIMIT_BYTES, Series

_ZONE = ZoneInfo("America/New_York")
_TIME, _NAME, _PRICE = "Time Stamp", "Name", "LBMP ($/MWHr)"


def read_nyiso_prices(
    path: str | Path, name: str, stamps: Literal["start", "end"], corrupt: CorruptRule = "refuse"
) -> Series:
    """Return the price of a zone or generator in USD/kWh.

    Args:
        path: the file, unpacked.
        name: as in column Name, such as N.Y.C.
        stamps: whether a stamp is the start of its interval (day-ahead, hourly) or its end (real-time).
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    table = read_text_table(file, (_TIME, _PRICE), findings.log, where={_NAME: name})
    prices = table.numbers(_PRICE, findings.rows)
    local_s = table.instants((_TIME,), month_first_s, findings.log)
    instants, exists = clock_to_utc(local_s, _ZONE, table.lines, findings, present=~np.isnan(prices))
    starts = starts_of_endings(instants) if stamps == "end" else instants
    rows = PriceRows(_PRICE, prices, starts, exists, table.lines)
    return rows.to_series(_ZONE, findings).described(f"NYISO, {name}")
