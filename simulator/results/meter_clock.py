"""The clock of the grid's meter: intervals aligned to the hour, and sums of energy over them.

Contracts are matched and peaks are billed by intervals of the clock, whatever the plant step is. A step that reaches
into two intervals gives each its part, as its power is its mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from simulator.errors import InvariantError
from simulator.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS_PER_YEAR = 12


@dataclass(frozen=True, slots=True)
class MeterClock:
    """Intervals of the meter, counted from the one in which the run starts.

    Args:
        start_utc: first instant of the run.
        interval_s: length of an interval, a divisor of an hour.
    """

    start_utc: datetime
    interval_s: int

    def __post_init__(self) -> None:
        if self.interval_s <= 0 or SECONDS_PER_HOUR % self.interval_s:
            raise InvariantError(f"a metering interval of {self.interval_s} s does not divide an hour")

    @property
    def phase_s(self) -> float:
        """Time from the start of the first interval to the start of the run."""
        return self._start_s % self.interval_s

    @property
    def _start_s(self) -> float:
        return (self.start_utc - _EPOCH) / timedelta(seconds=1)

    def edges_s(self, first: int, last: int) -> Array:
        """Return the edges of intervals `first` to `last` (inclusive), in seconds since the start of the run."""
        edges: Array = np.arange(first, last + 2, dtype=np.float64) * self.interval_s - self.phase_s
        return edges

    def index(self, t_s: float) -> int:
        """Return the interval that begins at or holds an instant."""
        return int((t_s + self.phase_s) // self.interval_s)

    def count(self, end_s: float) -> int:
        """Return the number of intervals up to the end of a run."""
        last = self.index(end_s)
        return last + int(self.edges_s(last, last)[0] < end_s)

    def sums(self, edges_s: Array, amounts: Array) -> tuple[int, Array]:
        """Return the first interval that steps touch, and the sum of their amounts over it and the following ones.

        Args:
            edges_s: edges of the steps, n + 1, rising.
            amounts: amount of each step, spread evenly over it, shape (n,).
        """
        first = self.index(float(edges_s[0]))
        grid_s = self.edges_s(first, max(self.count(float(edges_s[-1])) - 1, first))
        return first, np.diff(np.interp(grid_s, edges_s, np.concatenate([[0.0], np.cumsum(amounts)])))

    def starts_utc_s(self, count: int) -> Array:
        """Return the starts of the first intervals, in seconds since 1970 UTC."""
        starts: Array = self._start_s - self.phase_s + np.arange(count, dtype=np.float64) * self.interval_s
        return starts

    def hours(self, count: int) -> Labels:
        """Return the hour of each interval, counted from 1970."""
        return (self.starts_utc_s(count) // SECONDS_PER_HOUR).astype(np.int64)

    def months(self, count: int, zone: tzinfo = UTC) -> Labels:
        """Return the month in which each interval begins, counted from 1970."""
        return self._civil(count, zone).astype("datetime64[M]").astype(np.int64)

    def years(self, count: int, zone: tzinfo = UTC) -> Labels:
        """Return the year in which each interval begins, counted from 1970."""
        return self._civil(count, zone).astype("datetime64[Y]").astype(np.int64)

    def hours_of_day(self, count: int, zone: tzinfo = UTC) -> Array:
        """Return the hour of the day at which each interval begins, such as 13.25."""
        seconds = self._civil(count, zone).astype(np.int64) % int(SECONDS_PER_DAY)
        return seconds.astype(np.float64) / SECONDS_PER_HOUR

    def _civil(self, count: int, zone: tzinfo) -> NDArray[np.datetime64]:
        """Return the starts of the intervals as the clocks of a zone show them."""
        starts_s = self.starts_utc_s(count).astype(np.int64)
        if zone is UTC:
            return starts_s.astype("datetime64[s]")
        offsets = [datetime.fromtimestamp(start_s, zone).utcoffset() for start_s in starts_s.tolist()]
        offsets_s = [round(offset / timedelta(seconds=1)) if offset is not None else 0 for offset in offsets]
        return (starts_s + np.array(offsets_s, dtype=np.int64)).astype("datetime64[s]")

    def shares_of_months(self, end_s: float, zone: tzinfo = UTC) -> dict[int, float]:
        """Return the share of each month that the run covers, by month counted from 1970."""
        return self._shares(end_s, zone, 1)

    def shares_of_years(self, end_s: float, zone: tzinfo = UTC) -> dict[int, float]:
        """Return the share of each year that the run covers, by year counted from 1970."""
        return self._shares(end_s, zone, _MONTHS_PER_YEAR)

    def _shares(self, end_s: float, zone: tzinfo, months: int) -> dict[int, float]:
        first = self.start_utc.astimezone(zone)
        label = ((first.year - _EPOCH.year) * _MONTHS_PER_YEAR + first.month - 1) // months
        start_s, stop_s, shares = self._start_s, self._start_s + end_s, dict[int, float]()
        while (left_s := _month_start_s(label * months, zone)) < stop_s:
            right_s = _month_start_s((label + 1) * months, zone)
            shares[label] = (min(right_s, stop_s) - max(left_s, start_s)) / (right_s - left_s)
            label += 1
        return shares


def _month_start_s(month: int, zone: tzinfo) -> float:
    year, index = divmod(month, _MONTHS_PER_YEAR)
    return datetime(_EPOCH.year + year, index + 1, 1, tzinfo=zone).timestamp()


@dataclass(slots=True)
class IntervalSeries:
    """Sums over the intervals of a meter clock, kept only where something was added.

    Args:
        chunks: first interval and sums of consecutive intervals; chunks may overlap.
    """

    chunks: list[tuple[int, Array]] = field(default_factory=list)

    def add(self, first: int, sums: Array) -> None:
        """Add sums of consecutive intervals."""
        if sums.any():
            self.chunks.append((first, sums))

    def dense(self, count: int) -> Array:
        """Return the sum of each of the first `count` intervals."""
        total = np.zeros(count)
        for first, sums in self.chunks:
            total[first : first + len(sums)] += sums
        return total

    def items(self) -> Iterator[tuple[int, float]]:
        """Yield (interval, amount) of everything added, in order of addition."""
        for first, sums in self.chunks:
            yield from enumerate(sums.tolist(), start=first)
