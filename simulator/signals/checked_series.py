"""From the columns of a file to a series: the checks that every format shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from simulator.documents.csv_rows import Rows
from simulator.documents.text_file import NS_PER_S, FaultLog
from simulator.signals.gaps import utc_text
from simulator.signals.quantities import Quantity
from simulator.signals.series import Series


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """The time axis of a file.

    Args:
        starts_utc_s: start of each row, seconds since 1970-01-01 00:00 UTC, shape (n,).
        lines: line of each row, None when the format has no lines.
        step_s: how long a value holds; None for the commonest distance between rows.
        utc_offset_s: offset of the file's own clock from UTC.
        typical_year: whether the year of the stamps means nothing.
    """

    starts_utc_s: NDArray[np.int64]
    lines: NDArray[np.int64] | None
    step_s: int | None = None
    utc_offset_s: int = 0
    typical_year: bool = False

    def line(self, row: int) -> int | None:
        """Return the line of a row."""
        return None if self.lines is None else int(self.lines[row])

    def place(self, row: int) -> str:
        """Return a prefix that names a row where the format has no lines."""
        return "" if self.lines is not None else f"row {row + 1}: "


@dataclass(frozen=True, slots=True, eq=False)
class ValueColumn:
    """A column of a file.

    Args:
        quantity: what it becomes.
        values: as in the file, NaN where a field is empty, shape (n,).
        factor: what turns the file's unit into that of the quantity.
        name: how the file calls it.
    """

    quantity: Quantity
    values: NDArray[np.float64]
    factor: float
    name: str


def csv_clock(rows: Rows, time_zone: timezone | None, step_s: int | None, log: FaultLog) -> Clock:
    """Return the time axis of a CSV file.

    Stamps without an offset need a time zone stated by the caller, by whose dates a year repeats; others repeat by UTC.
    """
    stamps_ns, offset_s = rows.stamps_ns, 0
    if not rows.zoned:
        if time_zone is None and len(rows.lines):
            log.add("has stamps without an offset; state their time zone (UTC or a fixed offset)", int(rows.lines[0]))
        offset_s = 0 if time_zone is None else offset_seconds(time_zone)
        stamps_ns = stamps_ns - offset_s * NS_PER_S
    log.add_rows(
        stamps_ns % NS_PER_S != 0, lambda row: ("has a stamp that is not a whole second", int(rows.lines[row]))
    )
    return Clock(stamps_ns // NS_PER_S, np.asarray(rows.lines), step_s, offset_s)


def offset_seconds(time_zone: timezone) -> int:
    """Return a fixed offset from UTC in whole seconds."""
    return time_zone.utcoffset(None) // timedelta(seconds=1)


def check_order(clock: Clock, log: FaultLog) -> None:
    """Record every stamp that repeats the one before it or goes back."""
    starts = clock.starts_utc_s

    def describe(row: int) -> tuple[str, int | None]:
        verb = "repeats" if starts[row] == starts[row - 1] else "goes back from"
        stamp, before = utc_text(int(starts[row])), utc_text(int(starts[row - 1]))
        return f"{clock.place(row)}stamp {stamp} UTC {verb} that of the row before, {before}", clock.line(row)

    log.add_rows(np.concatenate(([False], np.diff(starts) <= 0)), describe)


def check_range(column: ValueColumn, clock: Clock, log: FaultLog) -> None:
    """Record every value outside the range of its quantity, in the unit of the file."""
    low, high = column.quantity.low / column.factor, column.quantity.high / column.factor
    allowed = f">= {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"

    def describe(row: int) -> tuple[str, int | None]:
        return f"{clock.place(row)}{column.values[row]:g} is outside {allowed}", clock.line(row)

    log.add_rows((column.values < low) | (column.values > high), describe, column.name)


def make_series(column: ValueColumn, clock: Clock, log: FaultLog, notes: tuple[str, ...] = ()) -> Series:
    """Return the series of a column that has passed its checks; rows with an empty field are left out."""
    present = ~np.isnan(column.values)
    if len(present) and not present.any():
        log.add("has no value", path=column.name)
    if clock.step_s is None and len(present) == 1:
        log.add("has one row; state step_s, how long its value holds")
    log.raise_if_any()
    return Series(
        file=log.file,
        quantity=column.quantity,
        starts_utc_s=clock.starts_utc_s[present],
        values=column.values[present] * column.factor,
        lines=None if clock.lines is None else clock.lines[present],
        step_s=commonest_step_s(clock.starts_utc_s) if clock.step_s is None else clock.step_s,
        utc_offset_s=clock.utc_offset_s,
        typical_year=clock.typical_year,
        notes=notes,
    )


def checked_series(column: ValueColumn, clock: Clock, log: FaultLog, notes: tuple[str, ...] = ()) -> Series:
    """Return the series of a file with one column of values, or raise all of its faults."""
    check_order(clock, log)
    check_range(column, clock, log)
    return make_series(column, clock, log, notes)


def commonest_step_s(starts_utc_s: NDArray[np.int64]) -> int:
    """Return the commonest distance between rows, the shortest of them on a tie.

    >>> commonest_step_s(np.array([0, 900, 1800, 5400]))
    900
    """
    steps, counts = np.unique(np.diff(starts_utc_s), return_counts=True)
    return int(steps[np.argmax(counts)])
