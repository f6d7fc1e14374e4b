"""Hours of a typical year, whose months come from different years: month, day and ending hour in standard time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.documents.text_file import FaultLog

_COMMON_YEAR, _LEAP_YEAR = 2001, 2000
"""Stand for the typical year, the second when the file has a 29 February; the series repeats by date anyway."""

_MONTH_LENGTHS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@dataclass(frozen=True, slots=True, eq=False)
class TypicalHours:
    """Columns of a file: month 1 to 12, day of the month, hour 1 to 24 at which the row ends, and line."""

    month: NDArray[np.float64]
    day: NDArray[np.float64]
    hour: NDArray[np.float64]
    lines: NDArray[np.int64]


def hours_of_a_year(
    hours: TypicalHours, utc_offset_s: int, log: FaultLog
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which rows name an hour of a year, and the start of each such row in UTC seconds of the stand-in year."""
    month, day, hour = hours.month, hours.day, hours.hour
    in_year = np.isin(month, np.arange(1, 13))
    length = _MONTH_LENGTHS[np.where(in_year, month, 0).astype(np.int64)]
    sound = in_year & (day >= 1) & (day <= length) & (day % 1 == 0) & np.isin(hour, np.arange(1, 25))

    def describe(row: int) -> tuple[str, int]:
        return f"month {month[row]:g}, day {day[row]:g}, hour {hour[row]:g} is no hour of a year", int(hours.lines[row])

    log.add_rows(~sound, describe)
    month, day, hour = (column[sound].astype(np.int64) for column in (month, day, hour))
    year = _LEAP_YEAR if ((month == 2) & (day == 29)).any() else _COMMON_YEAR
    months = (np.datetime64(f"{year}-01", "M") + (month - 1)).astype("datetime64[s]").astype(np.int64)
    return sound, months + ((day - 1) * 24 + hour - 1) * 3600 - utc_offset_s
