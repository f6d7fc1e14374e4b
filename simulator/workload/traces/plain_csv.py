"""Requests in any CSV file with a header, arrivals in seconds."""

from __future__ import annotations

from pathlib import Path

from simulator.workload.lengths import EmpiricalPairs
from simulator.workload.traces.trace import (
    STRICT,
    Trace,
    TraceColumns,
    TraceOptions,
    read_timed_trace,
    read_token_columns,
)

DEFAULT_COLUMNS = TraceColumns("arrival_s", "prompt_tokens", "output_tokens")


def read_csv_requests(
    path: str | Path, columns: TraceColumns = DEFAULT_COLUMNS, *, options: TraceOptions = STRICT
) -> Trace:
    """Return the requests of a file, with the arrivals as they stand in it.

    Args:
        path: the file, comma-separated UTF-8 text with a header line.
        columns: names of the columns; arrivals are seconds >= 0.
        options: whether to drop requests without tokens, and to sort.
    """
    return read_timed_trace(path, columns, options)


def read_csv_pairs(path: str | Path, prompt_column: str, output_column: str) -> EmpiricalPairs:
    """Return the prompt and output lengths of a file, to be drawn in pairs; other columns are not read."""
    return EmpiricalPairs.of(*read_token_columns(path, prompt_column, output_column))
