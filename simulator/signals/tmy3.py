"""Typical years of the U.S. NREL in their own form (TMY3 CSV): a line of the station, a header, then a row an hour.

Source of the layout: S. Wilcox and W. Marion, "Users Manual for TMY3 Data Sets", NREL/TP-581-43156 (2008).

Traps. The year of a row is that of the month's source and jumps, so it is not read. Time HH:MM, 01:00 to 24:00, is the
end of the hour in local standard time, whose offset stands in line 1; there is no daylight saving. A missing number is
-9900. Pressure is in mbar, relative humidity in percent.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from simulator.documents.text_file import FaultLog, checked_text_file, parse_number
from simulator.documents.text_table import TextTable, header_fields, read_text_table
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.quantities import DRY_BULB, PRESSURE, RELATIVE_HUMIDITY
from simulator.signals.series import LIMIT_BYTES
from simulator.signals.typical_year import TypicalHours, hours_of_a_year
from simulator.signals.weather import WeatherSeries, checked_weather

DATE, TIME = "Date (MM/DD/YYYY)", "Time (HH:MM)"
_DRY_BULB, _HUMIDITY, _PRESSURE = "Dry-bulb (C)", "RHum (%)", "Pressure (mbar)"
MISSING = frozenset({"", "-9900", "-9900.0"})
_PA_PER_MBAR = 100.0
_MONTH_AND_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/\d{4}", re.ASCII)
_HOUR = re.compile(r"(\d{1,2}):00", re.ASCII)


def read_tmy3(path: str | Path, corrupt: CorruptRule = "refuse") -> WeatherSeries:
    """Return the dry bulb, relative humidity and pressure of a TMY3 file, to be repeated in any year."""
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    utc_offset_s = header_offset_s(file, log)
    log.raise_if_any()
    wanted = (DATE, TIME, _DRY_BULB, _HUMIDITY, _PRESSURE)
    table = read_text_table(file, wanted, log, header_line=2)
    sound, starts_utc_s = hours_of_a_year(hours_of(table, log), utc_offset_s, log)
    values = {name: table.numbers(name, findings.rows, MISSING)[sound] for name in wanted[2:]}
    clock = Clock(starts_utc_s, table.lines[sound], 3600, utc_offset_s, typical_year=True)
    columns = (
        ValueColumn(DRY_BULB, values[_DRY_BULB], 1.0, _DRY_BULB),
        ValueColumn(RELATIVE_HUMIDITY, values[_HUMIDITY], 0.01, _HUMIDITY),
        ValueColumn(PRESSURE, values[_PRESSURE], _PA_PER_MBAR, _PRESSURE),
    )
    findings.remark("a typical year, repeated by date")
    findings.remark(f"hours are of local standard time, UTC {utc_offset_s / 3600:+g} h, without daylight saving")
    return checked_weather(columns, clock, findings, "NREL TMY3")


def header_offset_s(file: Path, log: FaultLog) -> int:
    """Return the offset of the file's clock from UTC, as the line of the station has it."""
    station = header_fields(file)
    if len(station) != 7:
        log.add(f"has {len(station)} fields, expected the 7 of a TMY3 station (code, name, state, time zone, ...)", 1)
        return 0
    try:
        offset_h = parse_number(station[3])
        if not -12.0 <= offset_h <= 14.0:
            raise ValueError(f"{offset_h:g} is outside -12 to 14 h")
    except ValueError as error:
        log.add(str(error), 1, "time zone")
        return 0
    return round(offset_h * 60.0) * 60


def hours_of(table: TextTable, log: FaultLog) -> TypicalHours:
    """Return month, day and hour of the rows; what cannot be read is recorded and raised."""
    month, day, hour = (np.zeros(len(table.lines)) for _ in range(3))
    rows = zip(table.columns[DATE], table.columns[TIME], strict=True)
    for row, (date, time) in enumerate(rows):
        on, at = _MONTH_AND_DAY.fullmatch(date), _HOUR.fullmatch(time)
        if on is None or at is None:
            log.add(f"{date} {time!r} is not a date and time such as 01/31/1990 24:00", int(table.lines[row]), DATE)
            continue
        month[row], day[row], hour[row] = int(on[1]), int(on[2]), int(at[1])
    log.raise_if_any()
    return TypicalHours(month, day, hour, table.lines)
