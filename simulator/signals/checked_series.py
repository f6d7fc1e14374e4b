"""From the columns of a file to a series: the checks that every format shares."""

from __future__ import annotations

from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.documents.csv_rows import Rows
from simulator.documents.text_file import NS_PER_S
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import Findings
from simulator.signals.local_clock import clock_to_utc, standard_offset_s
from simulator.signals.series import Series
from simulator.signals.settle import settle


def csv_clock(
    rows: Rows, time_zone: timezone | ZoneInfo | None, step_s: int | None, findings: Findings
) -> tuple[Clock, NDArray[np.bool_]]:
    """Return the time axis of a CSV file, and which rows have an instant: one in an hour that a clock skips has none.

    Stamps without an offset need a time zone stated by the caller, by whose standard time a year repeats; others repeat
    by UTC.
    """
    stamps_ns, lines, log = rows.stamps_ns, np.asarray(rows.lines), findings.log
    log.add_rows(stamps_ns % NS_PER_S != 0, lambda row: ("has a stamp that is not a whole second", int(lines[row])))
    stamps_s, exists = stamps_ns // NS_PER_S, np.ones(len(stamps_ns), dtype=bool)
    if rows.zoned:
        return Clock(stamps_s, lines, step_s), exists
    if isinstance(time_zone, ZoneInfo):
        utc_s, exists = clock_to_utc(stamps_s, time_zone, lines, findings)
        return Clock(utc_s[exists], lines[exists], step_s, standard_offset_s(time_zone)), exists
    if time_zone is None and len(lines):
        log.add("has stamps without an offset; state their time zone (UTC, an offset or a name)", int(lines[0]))
    offset_s = 0 if time_zone is None else offset_seconds(time_zone)
    return Clock(stamps_s - offset_s, lines, step_s, offset_s), exists


def offset_seconds(time_zone: timezone) -> int:
    """Return a fixed offset from UTC in whole seconds."""
    return time_zone.utcoffset(None) // timedelta(seconds=1)


def make_series(column: ValueColumn, clock: Clock, findings: Findings) -> Series:
    """Return the series of a column that has passed its checks; rows with an empty field are left out."""
    log = findings.log
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
        notes=findings.notes(),
    )


def checked_series(column: ValueColumn, clock: Clock, findings: Findings) -> Series:
    """Return the series of a file with one column of values, or raise all of its faults."""
    (column,), clock = settle((column,), clock, findings)
    return make_series(column, clock, findings)


def commonest_step_s(starts_utc_s: NDArray[np.int64]) -> int:
    """Return the commonest distance between rows, the shortest of them on a tie.

    >>> commonest_step_s(np.array([0, 900, 1800, 5400]))
    900
    """
    steps, counts = np.unique(np.diff(starts_utc_s), return_counts=True)
    return int(steps[np.argmax(counts)])
