"""From the rows of a trace to requests: the checks and the choices that every format shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simulator.documents.csv_rows import Layout, Rows, read_header, read_rows
from simulator.documents.text_file import NS_PER_S, FaultLog, checked_text_file, column_position, refuse
from simulator.workload.requests import RequestTable

_MAX_TOKENS = 2**53  # whole numbers are read as float64, exact up to here
_NS_PER_US = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Lines = range | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TraceColumns:
    """Names of the columns of a trace."""

    arrival: str
    prompt_tokens: str
    output_tokens: str

    @property
    def all(self) -> tuple[str, str, str]:
        """The three names."""
        return self.arrival, self.prompt_tokens, self.output_tokens

    def __post_init__(self) -> None:
        if len({self.arrival, self.prompt_tokens, self.output_tokens}) < 3:
            raise ValueError(f"columns of a trace must differ, got {self}")


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """What may be done to a trace instead of refusing it.

    Args:
        zero_tokens: refuse a request without input or without output tokens, or drop it and count it.
        sort: put requests in order of arrival, those of the same instant in the order of the file; without it an
            arrival before that of the row above is a fault.
    """

    zero_tokens: Literal["refuse", "drop"] = "refuse"
    sort: bool = False

    def __post_init__(self) -> None:
        if self.zero_tokens not in ("refuse", "drop"):
            raise ValueError(f"zero_tokens must be refuse or drop, got {self.zero_tokens!r}")


STRICT = TraceOptions()


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A trace as read.

    Args:
        file: name of the file as given.
        requests: its requests.
        origin_utc_ns: the instant that is 0 s in `requests`, nanoseconds since 1970-01-01 00:00 UTC; None when the file
            counts seconds, or has stamps of which nobody stated the time zone.
        dropped: number of requests without input or output tokens that were left out.
        moved: number of requests that stood after a later one and were put in order.
    """

    file: str
    requests: RequestTable
    origin_utc_ns: int | None
    dropped: int
    moved: int

    def between(self, start_utc: datetime, duration_s: float) -> RequestTable:
        """Return the requests of a stretch of real time with its start as 0 s; InputError when there are none."""
        if start_utc.tzinfo is None:
            raise ValueError(f"start_utc must have a time zone, got {start_utc}")
        if self.origin_utc_ns is None:
            raise refuse(self.file, "has no instants to align with; state the time zone of its stamps")
        start_ns = (start_utc - _EPOCH) // timedelta(microseconds=1) * _NS_PER_US
        arrival_s = self.requests.arrival_s - (start_ns - self.origin_utc_ns) / NS_PER_S
        inside = (arrival_s >= 0.0) & (arrival_s < duration_s)
        if not inside.any():
            first = _EPOCH + timedelta(microseconds=self.origin_utc_ns // _NS_PER_US)
            last = first + timedelta(seconds=float(self.requests.arrival_s[-1]))
            raise refuse(self.file, f"has requests from {first} to {last}, none within {duration_s:g} s of {start_utc}")
        return RequestTable.make(
            arrival_s[inside], self.requests.prompt_tokens[inside], self.requests.output_tokens[inside]
        )


def read_stamped_trace(
    path: str | Path, columns: TraceColumns, time_zone: timezone | None, options: TraceOptions
) -> Trace:
    """Return a trace whose arrivals are dates and times, counted from its first request."""
    rows, log = _read(path, columns, stamped=True)
    known = rows.zoned or time_zone is not None
    offset_s = 0 if rows.zoned or time_zone is None else time_zone.utcoffset(None) // timedelta(seconds=1)
    kept = _keep(rows, rows.stamps_ns, columns, options, log)
    origin_ns = int(kept.arrivals[0]) - offset_s * NS_PER_S
    arrival_s = _frozen((kept.arrivals - kept.arrivals[0]) / NS_PER_S)
    requests = RequestTable.make(arrival_s, kept.prompt_tokens, kept.output_tokens)
    return Trace(log.file, requests, origin_ns if known else None, kept.dropped, kept.moved)


def read_timed_trace(
    path: str | Path, columns: TraceColumns, options: TraceOptions, where: Mapping[str, str] | None = None
) -> Trace:
    """Return a trace whose arrivals are seconds since its start, as they stand in the file.

    Args:
        path: the file.
        columns: names of the columns.
        options: what may be done to the trace.
        where: keep only rows with these texts, by name of the column.
    """
    rows, log = _read(path, columns, stamped=False, where=where)
    return timed_trace(rows, columns, options, log)


def timed_trace(rows: Rows, columns: TraceColumns, options: TraceOptions, log: FaultLog, unit_s: float = 1.0) -> Trace:
    """Return the trace of rows of numbers: arrival, prompt tokens, output tokens.

    Args:
        rows: the rows.
        columns: names of the columns, for messages.
        options: what may be done to the trace.
        log: takes what is wrong.
        unit_s: unit of the arrivals.
    """
    arrivals = rows.numbers[0]
    log.add_rows(arrivals < 0.0, lambda row: (f"{arrivals[row]:g} is below 0 s", int(rows.lines[row])), columns.arrival)
    kept = _keep(rows, arrivals, columns, options, log)
    requests = RequestTable.make(kept.arrivals * unit_s, kept.prompt_tokens, kept.output_tokens)
    return Trace(log.file, requests, None, kept.dropped, kept.moved)


def read_token_columns(
    path: str | Path, prompt_column: str, output_column: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the prompt and output tokens of a file of lengths without arrivals."""
    file = checked_text_file(path)
    log = FaultLog(str(path))
    names = read_header(file)
    numbers = tuple(column_position(names, name, log) for name in (prompt_column, output_column))
    log.raise_if_any()
    rows = read_rows(file, Layout(names, 2, None, numbers), log)
    prompt, output = rows.numbers
    _check_tokens(prompt, 1, rows.lines, prompt_column, log)
    _check_tokens(output, 1, rows.lines, output_column, log)
    log.raise_if_any()
    return prompt.astype(np.int64), output.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """Sound rows in order of arrival, and the numbers of those dropped and moved on the way."""

    arrivals: NDArray[Any]
    prompt_tokens: NDArray[np.int64]
    output_tokens: NDArray[np.int64]
    dropped: int
    moved: int


def _read(
    path: str | Path, columns: TraceColumns, *, stamped: bool, where: Mapping[str, str] | None = None
) -> tuple[Rows, FaultLog]:
    """Return the rows of a trace, whatever its size: the text passes in blocks, only numbers stay."""
    file = checked_text_file(path)
    log = FaultLog(str(path))
    names = read_header(file)
    arrival, prompt, output = (column_position(names, name, log) for name in columns.all)
    kept = tuple((column_position(names, name, log), text) for name, text in (where or {}).items())
    log.raise_if_any()
    numbers = (prompt, output) if stamped else (arrival, prompt, output)
    return read_rows(file, Layout(names, 2, arrival if stamped else None, numbers, where=kept), log), log


def _keep(rows: Rows, arrivals: NDArray[Any], columns: TraceColumns, options: TraceOptions, log: FaultLog) -> _Kept:
    prompt, output = rows.numbers[-2:]
    lowest = 1 if options.zero_tokens == "refuse" else 0
    _check_tokens(prompt, lowest, rows.lines, columns.prompt_tokens, log)
    _check_tokens(output, lowest, rows.lines, columns.output_tokens, log)
    whole = (prompt != 0.0) & (output != 0.0)
    dropped = len(whole) - int(whole.sum())
    if dropped == len(whole) > 0 and options.zero_tokens == "drop":
        log.add("has no request with both input and output tokens")
    if dropped:
        arrivals, prompt, output = arrivals[whole], prompt[whole], output[whole]
    moved = 0
    if options.sort:
        moved = int((arrivals < np.maximum.accumulate(arrivals)).sum())
    else:
        _check_order(arrivals, rows.lines, whole, columns.arrival, log)
    log.raise_if_any()
    if moved:
        order = np.argsort(arrivals, kind="stable")
        arrivals, prompt, output = arrivals[order], prompt[order], output[order]
    return _Kept(arrivals, _frozen(prompt.astype(np.int64)), _frozen(output.astype(np.int64)), dropped, moved)


def _frozen(column: NDArray[Any]) -> NDArray[Any]:
    """Return an array as read-only, so that a table of requests takes it without a copy."""
    column.flags.writeable = False
    return column


def _check_tokens(tokens: NDArray[np.float64], lowest: int, lines: _Lines, column: str, log: FaultLog) -> None:
    bad = (tokens < lowest) | (tokens > _MAX_TOKENS) | (tokens % 1.0 != 0.0)
    rule = f"must be a whole number from {lowest} to 2^53"
    log.add_rows(bad, lambda row: (f"{rule}, got {tokens[row]:.17g}", int(lines[row])), column)


def _check_order(arrivals: NDArray[Any], lines: _Lines, whole: NDArray[np.bool_], column: str, log: FaultLog) -> None:
    message = "arrives before the request above it; state sort to put the trace in order"

    def describe(row: int) -> tuple[str, int]:
        return message, int(lines[int(np.flatnonzero(whole)[row + 1])])

    log.add_rows(np.diff(arrivals) < 0, describe, column)
