"""Stamps of a clock that follows daylight saving, as instants.

Stated rules. The hour that such a clock shows twice must be told apart: by a mark of the format where it has one, else
by the order of the file, first daylight saving, then standard time. An hour that the clock never shows cannot be right:
it is a corrupt row. A day therefore has 23, 24 or 25 hours, and a series in UTC has no jump.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.signals.findings import Findings


def named_time_zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name such as America/Chicago; raise ValueError for anything else."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"must be UTC, an offset such as +02:00 or the name of a zone such as America/Chicago, got {name!r}"
        ) from None


def standard_offset_s(zone: ZoneInfo) -> int:
    """Return the offset of a zone's standard time from UTC, the smaller of those of January and July 2022."""
    offsets = [datetime(2022, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)]
    return min(round(offset.total_seconds()) for offset in offsets if offset is not None)


def clock_to_utc(
    local_s: NDArray[np.int64],
    zone: ZoneInfo,
    lines: NDArray[np.int64],
    findings: Findings,
    second: NDArray[np.bool_] | None = None,
    present: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return seconds UTC of each row, and which rows have an hour that exists.

    Args:
        local_s: clock time as written, seconds since 1970-01-01 00:00 on the same clock, shape (n,).
        zone: time zone of the clock.
        lines: line of each row.
        findings: takes rows of hours that do not exist, and what was assumed about hours that stand once.
        second: whether a row belongs to the second of two equal hours, where the format says so; its other rows are of
            the first. None: by the order of rows of the same stamp.
        present: whether a row has a value; one without, in an hour that does not exist, says nothing. None: all have.
    """
    stamps = pd.DatetimeIndex(local_s.astype("datetime64[s]"))
    unsure = pd.isna(stamps.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward"))
    if second is None:
        occurrence = pd.Series(local_s).groupby(local_s).cumcount().to_numpy()
        later = occurrence > 0
        _remark_single_hours(local_s, unsure, lines, findings)
    else:
        later = second
    located = stamps.tz_localize(zone, ambiguous=~later, nonexistent="NaT")
    exists = ~pd.isna(located)

    def describe(row: int) -> tuple[str, int]:
        return f"{stamps[row]:%Y-%m-%d %H:%M} is skipped by the clock of {zone.key}", int(lines[row])

    findings.doubt(~exists if present is None else ~exists & present, describe)
    utc_s = np.where(exists, located.tz_convert("UTC").tz_localize(None).as_unit("s").asi8, 0)
    return utc_s.astype(np.int64), exists


def _remark_single_hours(
    local_s: NDArray[np.int64], unsure: NDArray[np.bool_], lines: NDArray[np.int64], findings: Findings
) -> None:
    """Say of stamps of a double hour that stand once in the file which of the two was taken."""
    stamps, first, counts = np.unique(local_s[unsure], return_index=True, return_counts=True)
    for stamp, row, count in zip(stamps, first, counts, strict=True):
        if count == 1:
            line = int(lines[unsure][row])
            told = f"{np.datetime64(int(stamp), 's')}".replace("T", " ")[:16]
            findings.remark(f"line {line}: {told} comes twice on this clock but once in the file; taken as the first")


def utc_to_clock(utc_s: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Return what the clock of a zone shows, seconds since 1970-01-01 00:00 on that clock."""
    shown = pd.DatetimeIndex(utc_s.astype("datetime64[s]")).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return np.asarray(shown.as_unit("s").asi8, dtype=np.int64)
