"""Repetition of a series of one year, real or typical, in the years that a scenario needs."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DAY_S = 86_400
_FEBRUARY = 1


@dataclass(frozen=True, slots=True, eq=False)
class Repetition:
    """A year of rows laid out over several years.

    Args:
        starts_utc_s: start of every repeated row in UTC seconds since 1970, increasing.
        rows: index of the source row of each.
        leap_years: years whose 29 February was filled with 28 February.
        common_years: years in which the 29 February of the source was left out.
    """

    starts_utc_s: NDArray[np.int64]
    rows: NDArray[np.int64]
    leap_years: tuple[int, ...]
    common_years: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Dates:
    """Places in a year: month (0 = January) and seconds since the start of the month, in order."""

    month: NDArray[np.int64]
    within_s: NDArray[np.int64]

    def in_february(self, first_day: int) -> NDArray[np.bool_]:
        """Return which fall in February on a day (1 = first) or later."""
        days: NDArray[np.bool_] = (self.month == _FEBRUARY) & (self.within_s >= (first_day - 1) * _DAY_S)
        return days


def repeat_yearly(starts_utc_s: NDArray[np.int64], utc_offset_s: int, window_utc_s: tuple[int, int]) -> Repetition:
    """Return the rows at the same month, day and time of day in every year that touches a window.

    Dates are those of the file's own clock (UTC + offset). A source without 29 February lends its 28 February; a source
    with one loses it in a common year. Days of the week are not aligned.

    Args:
        starts_utc_s: start of each source row in UTC seconds since 1970, increasing, shape (n,).
        utc_offset_s: offset of the file's clock from UTC, in seconds.
        window_utc_s: first and last instant needed.
    """
    local = (starts_utc_s + utc_offset_s).astype("datetime64[s]")
    month_start = local.astype("datetime64[M]")
    month = month_start.astype(np.int64) % 12
    within_s = (local - month_start.astype("datetime64[s]")).astype(np.int64)
    order = np.lexsort((within_s, month))
    dates = _Dates(month[order], within_s[order])
    twins = np.flatnonzero((np.diff(dates.month) == 0) & (np.diff(dates.within_s) == 0))
    if len(twins):
        twin = np.datetime_as_string(local[order[int(twins[0])]], unit="m")[5:].replace("T", " ")
        raise ValueError(f"has more than one value for the month, day and time {twin}, so it is longer than a year")

    first, last = (_year(t_s + utc_offset_s) for t_s in window_utc_s)
    years = [_one_year(year, dates) for year in range(first - 1, last + 2)]
    starts = np.concatenate([starts for starts, _ in years]) - utc_offset_s
    rows = order[np.concatenate([rows for _, rows in years])]
    lends = not dates.in_february(29).any()
    asked = range(first, last + 1)
    filled = tuple(year for year in asked if lends and isleap(year))
    return Repetition(starts, rows, filled, tuple(year for year in asked if not lends and not isleap(year)))


def _one_year(year: int, dates: _Dates) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return local starts and indices of the rows of one year."""
    leap_day = dates.in_february(29)
    rows = np.flatnonzero(~leap_day)
    extra = np.flatnonzero(leap_day)
    shift_s = 0
    if not len(extra):
        extra, shift_s = np.flatnonzero(dates.in_february(28)), _DAY_S
    if isleap(year):
        rows = np.concatenate((rows, extra))
    starts = (np.datetime64(f"{year:04d}-01", "M") + dates.month[rows]).astype("datetime64[s]").astype(np.int64)
    starts += dates.within_s[rows]
    starts[len(dates.month) - int(leap_day.sum()) :] += shift_s
    order = np.argsort(starts, kind="stable")
    return starts[order], rows[order]


def _year(local_s: int) -> int:
    return int(np.datetime64(local_s, "s").astype("datetime64[Y]").astype(np.int64)) + 1970
