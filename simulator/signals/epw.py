"""EnergyPlus weather files (EPW): eight header lines, then 35 fields an hour, of a typical year.

Source of the layout, the missing codes and the ranges: EnergyPlus Auxiliary Programs, "EnergyPlus Weather File (EPW)
Data Dictionary": a field is missing when it is at or above its code. Two departures. A relative humidity over 100 % is
refused where the dictionary allows 110. A missing field is a gap, where EnergyPlus puts a value of its own.

Traps. The year column is that of the month's source and jumps from month to month, so it is not read at all. Hour h is
the hour that ends at h o'clock in local standard time, whose offset stands in line 1; there is no daylight saving.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.documents.csv_rows import Layout, Rows, read_rows
from simulator.documents.text_file import FaultLog, checked_text_file, parse_number
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.quantities import DRY_BULB, PRESSURE, RELATIVE_HUMIDITY, Quantity
from simulator.signals.series import LIMIT_BYTES
from simulator.signals.typical_year import TypicalHours, hours_of_a_year
from simulator.signals.weather import WeatherSeries, checked_weather

_HEADER_LINES = 8
_FIELDS = 35
_MONTH, _DAY, _HOUR, _DRY_BULB, _RELATIVE_HUMIDITY, _PRESSURE = 1, 2, 3, 6, 8, 9
_NAMES = {
    _MONTH: "month",
    _DAY: "day",
    _HOUR: "hour",
    _DRY_BULB: "dry bulb",
    _RELATIVE_HUMIDITY: "relative humidity",
    _PRESSURE: "atmospheric station pressure",
}
_LAYOUT = Layout(
    names=tuple(_NAMES.get(position, f"field {position + 1}") for position in range(_FIELDS)),
    first_line=_HEADER_LINES + 1,
    stamp=None,
    numbers=(_MONTH, _DAY, _HOUR, _DRY_BULB, _RELATIVE_HUMIDITY, _PRESSURE),
    optional=frozenset({_DRY_BULB, _RELATIVE_HUMIDITY, _PRESSURE}),
)
_MISSING_FROM = {_DRY_BULB: 99.9, _RELATIVE_HUMIDITY: 999.0, _PRESSURE: 999_999.0}


def read_epw(path: str | Path, corrupt: CorruptRule = "refuse") -> WeatherSeries:
    """Return the dry bulb, relative humidity and pressure of an EPW file, to be repeated in any year."""
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    utc_offset_s = header_offset_s(file, log)
    log.raise_if_any()
    rows, starts_utc_s = _starts(read_rows(file, _LAYOUT, log, findings.rows), utc_offset_s, log)
    columns = (
        _column(rows, _DRY_BULB, DRY_BULB, 1.0),
        _column(rows, _RELATIVE_HUMIDITY, RELATIVE_HUMIDITY, 0.01),
        _column(rows, _PRESSURE, PRESSURE, 1.0),
    )
    clock = Clock(starts_utc_s, np.asarray(rows.lines), 3600, utc_offset_s, typical_year=True)
    findings.remark("a typical year, repeated by date")
    findings.remark(f"hours are of local standard time, UTC {utc_offset_s / 3600:+g} h, without daylight saving")
    return checked_weather(columns, clock, findings, "EnergyPlus weather file")


def _column(rows: Rows, position: int, quantity: Quantity, factor: float) -> ValueColumn:
    values = rows.numbers[_LAYOUT.numbers.index(position)]
    present = np.where(values >= _MISSING_FROM[position], np.nan, values)
    return ValueColumn(quantity, present, factor, _NAMES[position])


def header_offset_s(file: Path, log: FaultLog) -> int:
    """Return the offset of the file's clock from UTC, once the header is found to be that of an EPW file."""
    with file.open(encoding="utf-8-sig", errors="replace") as handle:
        header = [handle.readline(65_536).strip().split(",") for _ in range(_HEADER_LINES)]
    location, periods = header[0], header[-1]
    if periods[0].upper() != "DATA PERIODS" or len(periods) < 3:
        log.add(f"reads {','.join(periods)[:60]!r}, expected DATA PERIODS as in an EPW file", line=_HEADER_LINES)
    elif periods[2].strip() != "1":
        log.add(f"states {periods[2].strip()!r} records an hour, only 1 is supported", line=_HEADER_LINES)
    if location[0].upper() != "LOCATION" or len(location) != 10:
        log.add(f"reads {','.join(location)[:60]!r}, expected LOCATION and nine fields as in an EPW file", line=1)
        return 0
    try:
        offset_h = parse_number(location[8])
        if not -12.0 <= offset_h <= 14.0:
            raise ValueError(f"{offset_h:g} is outside -12 to 14 h")
    except ValueError as error:
        log.add(str(error), 1, "time zone")
        return 0
    return round(offset_h * 60.0) * 60


def _starts(rows: Rows, utc_offset_s: int, log: FaultLog) -> tuple[Rows, NDArray[np.int64]]:
    """Return the rows that name an hour of a year, and the start of each in UTC seconds of the stand-in year."""
    month, day, hour = rows.numbers[:3]
    sound, starts_utc_s = hours_of_a_year(TypicalHours(month, day, hour, np.asarray(rows.lines)), utc_offset_s, log)
    numbers = tuple(column[sound] for column in rows.numbers)
    return Rows(np.asarray(rows.lines)[sound], rows.stamps_ns, False, numbers), starts_utc_s
