"""Traces as SplitwiseSim makes and reads them (CSV): `arrival_timestamp` in seconds, `prompt_size`, `token_size`."""

from __future__ import annotations

from pathlib import Path

from simulator.workload.traces.plain_csv import read_csv_requests
from simulator.workload.traces.trace import STRICT, Trace, TraceColumns, TraceOptions

_COLUMNS = TraceColumns("arrival_timestamp", "prompt_size", "token_size")


def read_splitwise_sim(path: str | Path, *, options: TraceOptions = STRICT) -> Trace:
    """Return a trace with the arrivals as they stand in the file."""
    return read_csv_requests(path, _COLUMNS, options=options)
