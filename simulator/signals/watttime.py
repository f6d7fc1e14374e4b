"""Marginal operating emission rates of WattTime (MOER) in CSV files: a stamp in UTC every five minutes and a rate.

Columns: `time`, `timestamp` or `point_time`, and a column of values, which the files of the provider call `MOER` or
`value` and derived files call by the region; the scenario names it. Trap. The provider publishes lb/MWh (documentation
of the WattTime API, units lbs_co2_per_mwh), derived files often g/kWh, and no column says so: the scenario has to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from simulator.documents.text_file import NS_PER_S, checked_text_file, parse_stamp
from simulator.documents.text_table import header_fields, read_text_table
from simulator.signals.checked_series import checked_series
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.origin import EmissionFactor
from simulator.signals.quantities import CARBON_INTENSITY
from simulator.signals.series import LIMIT_BYTES, Series
from simulator.units import GRAMS_PER_POUND

_TIMES = ("point_time", "timestamp", "time")
_KWH_PER_MWH = 1000.0
_FACTORS = {"g_per_kwh": 1.0, "lb_per_mwh": GRAMS_PER_POUND / _KWH_PER_MWH}


def read_watttime(
    path: str | Path,
    value_column: str,
    unit: Literal["g_per_kwh", "lb_per_mwh"],
    corrupt: CorruptRule = "refuse",
) -> Series:
    """Return a marginal emission rate in g/kWh, which has no place in an inventory.

    Args:
        path: the file.
        value_column: header of the rates.
        unit: unit of the rates.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    names = header_fields(file)
    time = next((name for name in _TIMES if name in names), _TIMES[0])
    table = read_text_table(file, (time, value_column), findings.log)
    starts = table.instants((time,), _utc_s, findings.log)
    values = table.numbers(value_column, findings.rows)
    column = ValueColumn(CARBON_INTENSITY, values, _FACTORS[unit], value_column)
    series = checked_series(column, Clock(starts, table.lines), findings)
    return series.described(f"WattTime, {value_column}", EmissionFactor("marginal", "direct"))


def _utc_s(text: str) -> int:
    stamp_ns, _ = parse_stamp(text)
    if stamp_ns % NS_PER_S:
        raise ValueError(f"{text!r} is not a whole second")
    return stamp_ns // NS_PER_S
