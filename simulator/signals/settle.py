"""Rows in order of time, every stamp once, every value inside its range: checked, or under `repair` brought about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulator.documents.text_file import FaultLog
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import Findings
from simulator.signals.gaps import utc_text

Settled = tuple[tuple[ValueColumn, ...], Clock]


def settle(columns: tuple[ValueColumn, ...], clock: Clock, findings: Findings) -> Settled:
    """Return the columns with their rows in order of time, every stamp once, and no value outside its range.

    What breaks these rules is recorded: as a fault, or under `repair` as a value that is missing or a row put in order.
    """
    if findings.repairs:
        columns, clock = _in_order(columns, clock, findings)
        columns, clock = _once(columns, clock, findings)
    else:
        _check_order(columns, clock, findings.log)
    return tuple(_within_range(column, clock, findings) for column in columns), clock


def _check_order(columns: tuple[ValueColumn, ...], clock: Clock, log: FaultLog) -> None:
    """Record every stamp that repeats the one before it or goes back."""
    starts = clock.starts_utc_s

    def describe(row: int) -> tuple[str, int | None]:
        stamp, before = utc_text(int(starts[row])), utc_text(int(starts[row - 1]))
        if starts[row] == starts[row - 1]:
            told = f"stamp {stamp} UTC repeats that of the row before, {_compared(columns, row)}"
        else:
            told = f"stamp {stamp} UTC goes back from that of the row before, {before}"
        return clock.place(row) + told, clock.line(row)

    log.add_rows(np.concatenate(([False], np.diff(starts) <= 0)), describe)


def _compared(columns: tuple[ValueColumn, ...], row: int) -> str:
    """Return how the values of a row compare with those of the row before."""
    for column in columns:
        here, before = column.values[row], column.values[row - 1]
        if bool(_differ(here, before)):
            return f"with {_text(here)} after {_text(before)} for {column.name}"
    return "with nothing new"


def _in_order(columns: tuple[ValueColumn, ...], clock: Clock, findings: Findings) -> Settled:
    """Return the rows sorted by time; those of the same stamp stay in the order of the file."""
    starts = clock.starts_utc_s
    moved = np.flatnonzero(starts < np.maximum.accumulate(starts))
    if not len(moved):
        return columns, clock
    count, first = len(moved), clock.named(int(moved[0]))
    findings.remark(f"{count:,} rows stand after a later one (first: {first}), put in order by rule 'repair'")
    return _taken(columns, clock, np.argsort(starts, kind="stable"))


def _once(columns: tuple[ValueColumn, ...], clock: Clock, findings: Findings) -> Settled:
    """Return one row for each stamp; a value about which rows of the same stamp disagree is missing."""
    starts = clock.starts_utc_s
    repeats = np.flatnonzero(np.concatenate(([False], np.diff(starts) == 0)))
    if not len(repeats):
        return columns, clock
    first = np.searchsorted(starts, starts[repeats])
    agree = np.ones(len(repeats), dtype=bool)
    settled = []
    for column in columns:
        differs = _differ(column.values[repeats], column.values[first])
        marked = np.zeros(len(starts), dtype=bool)
        marked[repeats[differs]] = True
        findings.doubt(marked, _disagreement(column, clock), column.name)
        values = column.values.copy()
        values[first[differs]] = np.nan
        settled.append(replace(column, values=values))
        agree &= ~differs
    if agree.any():
        count, place = int(agree.sum()), clock.named(int(repeats[agree][0]))
        findings.remark(f"{count:,} rows repeat a stamp with nothing new (first: {place}), left out by rule 'repair'")
    return _taken(tuple(settled), clock, np.setdiff1d(np.arange(len(starts)), repeats))


def _disagreement(column: ValueColumn, clock: Clock) -> Callable[[int], tuple[str, int | None]]:
    def describe(row: int) -> tuple[str, int | None]:
        stamp = int(clock.starts_utc_s[row])
        first = int(np.searchsorted(clock.starts_utc_s, stamp))
        return (
            f"{clock.place(row)}{_text(column.values[row])} disagrees with {_text(column.values[first])} in "
            f"{clock.named(first)} about {utc_text(stamp)} UTC",
            clock.line(row),
        )

    return describe


def _within_range(column: ValueColumn, clock: Clock, findings: Findings) -> ValueColumn:
    """Return the column without values outside the range of its quantity, which are recorded in the file's unit."""
    low, high = column.quantity.low / column.factor, column.quantity.high / column.factor
    allowed = f">= {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"
    outside = (column.values < low) | (column.values > high)

    def describe(row: int) -> tuple[str, int | None]:
        return f"{clock.place(row)}{column.values[row]:g} is outside {allowed}", clock.line(row)

    findings.doubt(outside, describe, column.name)
    return replace(column, values=np.where(outside, np.nan, column.values)) if findings.repairs else column


def _taken(columns: tuple[ValueColumn, ...], clock: Clock, rows: NDArray[np.int64]) -> Settled:
    return tuple(replace(column, values=column.values[rows]) for column in columns), clock.taken(rows)


def _differ(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where values differ; two missing values do not."""
    differ: NDArray[np.bool_] = (one != other) & ~(np.isnan(one) & np.isnan(other))
    return differ


def _text(value: float) -> str:
    return "no value" if np.isnan(value) else f"{value:g}"
