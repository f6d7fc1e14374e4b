"""Series in any CSV file with a header, whose columns and units the caller names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from simulator.documents.csv_rows import Layout, read_header, read_rows
from simulator.documents.text_file import checked_text_file, column_position
from simulator.signals.checked_series import checked_series, csv_clock
from simulator.signals.columns import ValueColumn
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.local_clock import named_time_zone
from simulator.signals.quantities import Quantity
from simulator.signals.series import LIMIT_BYTES, Series

_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """The columns of a series in a CSV file.

    Args:
        time: name of the column of dates and times (ISO 8601).
        value: name of the column of values.
        factor: what turns the file's unit into that of the quantity, such as 0.001 from USD/MWh to USD/kWh.
    """

    time: str
    value: str
    factor: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.factor < math.inf:
            raise ValueError(f"factor must be > 0 and finite, got {self.factor}")
        if self.time == self.value:
            raise ValueError(f"time and value name the same column, {self.time!r}")


def fixed_time_zone(text: str) -> timezone:
    """Return the time zone of `UTC` or a fixed offset such as `+02:00`; raise ValueError for anything else.

    >>> fixed_time_zone("-05:30").utcoffset(None)
    datetime.timedelta(days=-1, seconds=66600)
    """
    if text in ("UTC", "Z"):
        return UTC
    if not _OFFSET.fullmatch(text):
        raise ValueError(f"must be UTC or an offset such as +02:00, got {text!r}")
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def stated_time_zone(text: str) -> timezone | ZoneInfo:
    """Return the time zone of `UTC`, of a fixed offset such as `+02:00` or of a name such as `Europe/Berlin`."""
    return fixed_time_zone(text) if text in ("UTC", "Z") or text[:1] in ("+", "-") else named_time_zone(text)


def read_csv_series(
    path: str | Path,
    columns: CsvColumns,
    quantity: Quantity,
    *,
    time_zone: timezone | ZoneInfo | None = None,
    step_s: int | None = None,
    corrupt: CorruptRule = "refuse",
) -> Series:
    """Return the series in two columns of a CSV file; an empty value is a gap.

    Args:
        path: the file, comma-separated UTF-8 text with a header line.
        columns: names of the columns and the factor to the unit of the quantity.
        quantity: what the values are.
        time_zone: UTC, a fixed offset or a zone with daylight saving, for stamps that carry none; ignored for others.
        step_s: how long a value holds; the commonest distance between rows when None.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    names = read_header(file)
    time, value = (column_position(names, name, log) for name in (columns.time, columns.value))
    log.raise_if_any()
    rows = read_rows(file, Layout(names, 2, time, (value,), frozenset({value})), log, findings.rows)
    clock, exists = csv_clock(rows, time_zone, step_s, findings)
    values = rows.numbers[0][exists]
    return checked_series(ValueColumn(quantity, values, columns.factor, columns.value), clock, findings)
