"""Demand response events in a CSV file, a row each: when they begin and end, and how much is asked for.

Programmes publish them as a date and times on the local clock, with the reduction as a power or a share of a baseline.
A file of events is small and each row is a demand, so a row that cannot be right has no repair.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.documents.text_file import NS_PER_S, FaultLog, checked_text_file, parse_stamp
from simulator.documents.text_table import TextTable, read_text_table
from simulator.signals.checked_series import offset_seconds
from simulator.signals.findings import Findings
from simulator.signals.gaps import utc_text
from simulator.signals.local_clock import clock_to_utc
from simulator.signals.series import LIMIT_BYTES


@dataclass(frozen=True, slots=True)
class EventColumns:
    """The columns of a file of events.

    Args:
        start: name of the column of dates and times (ISO 8601) at which events begin.
        end: the same for their ends; None where the file has durations.
        duration: name of the column of durations; None where the file has ends.
        duration_unit_s: unit of the durations.
        value: name of the column of what is asked for.
        low: values must be above.
        high: values must not be above.
    """

    start: str
    end: str | None
    duration: str | None
    duration_unit_s: float
    value: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if (self.end is None) == (self.duration is None):
            raise ValueError("must have either a column of ends or one of durations")


@dataclass(frozen=True, slots=True)
class GridEvent:
    """An event.

    Args:
        start_utc_s: when it begins, seconds since 1970-01-01 00:00 UTC.
        end_utc_s: when it ends.
        value: what is asked for, in the file's unit.
        line: line of its row.
    """

    start_utc_s: float
    end_utc_s: float
    value: float
    line: int


def read_grid_events(
    path: str | Path, columns: EventColumns, time_zone: timezone | ZoneInfo | None = None
) -> tuple[tuple[GridEvent, ...], tuple[str, ...]]:
    """Return the events of a file in order of time, and what was assumed.

    Args:
        path: the file, comma-separated UTF-8 text with a header line.
        columns: its columns.
        time_zone: UTC, a fixed offset or a zone with daylight saving, for stamps that carry none; ignored for others.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path))
    log = findings.log
    last = columns.end or columns.duration or ""
    table = read_text_table(file, (columns.start, last, columns.value), log)
    starts_utc_s = _instants(table, columns.start, time_zone, findings)
    if columns.end is not None:
        ends_utc_s = _instants(table, columns.end, time_zone, findings)
    else:
        ends_utc_s = starts_utc_s + columns.duration_unit_s * table.numbers(last, log)
    values = table.numbers(columns.value, log)
    log.raise_if_any()
    _check(table, (starts_utc_s, ends_utc_s, values), columns, log)
    log.raise_if_any()
    rows = zip(starts_utc_s.tolist(), ends_utc_s.tolist(), values.tolist(), table.lines.tolist(), strict=True)
    events = sorted((GridEvent(*row) for row in rows), key=lambda event: event.start_utc_s)
    for before, event in pairwise(events):
        if event.start_utc_s < before.end_utc_s:
            log.add(
                f"begins at {utc_text(event.start_utc_s)} UTC, before the event of line {before.line} ends", event.line
            )
    log.raise_if_any()
    return tuple(events), findings.notes()


def _instants(
    table: TextTable, name: str, time_zone: timezone | ZoneInfo | None, findings: Findings
) -> NDArray[np.float64]:
    """Return a column of stamps as seconds UTC; what is none is recorded and raised."""
    local_s = table.instants((name,), lambda text: parse_stamp(text)[0] // NS_PER_S, findings.log)
    zoned = np.array([parse_stamp(text)[1] for text in table.columns[name]])
    bare = ~zoned
    if bare.any() and time_zone is None:
        line = int(table.lines[bare][0])
        findings.log.add("has stamps without an offset; state their time zone (UTC, an offset or a name)", line, name)
        findings.log.raise_if_any()
    utc_s = local_s.astype(np.float64)
    if isinstance(time_zone, ZoneInfo):
        utc_s[bare] = clock_to_utc(local_s[bare], time_zone, table.lines[bare], findings)[0]
    elif time_zone is not None:
        utc_s[bare] -= offset_seconds(time_zone)
    return utc_s


def _check(table: TextTable, read: tuple[NDArray[np.float64], ...], columns: EventColumns, log: FaultLog) -> None:
    starts_utc_s, ends_utc_s, values = read
    last = columns.end or columns.duration or ""

    def said(text: str, name: str, bad: NDArray[np.bool_]) -> None:
        log.add_rows(bad, lambda row: (f"{table.columns[name][row]!r} {text}", int(table.lines[row])), name)

    said("is no value", columns.value, np.isnan(values))
    said(
        f"must be > {columns.low:g} and <= {columns.high:g}",
        columns.value,
        (values <= columns.low) | (values > columns.high),
    )
    said("is no value", last, np.isnan(ends_utc_s))
    said("does not come after the start", last, ends_utc_s <= starts_utc_s)
