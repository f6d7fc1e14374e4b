"""Traces as Vidur processes them: `arrived_at` in seconds, `num_prefill_tokens`, `num_decode_tokens`."""

from __future__ import annotations

from pathlib import Path

from simulator.workload.lengths import EmpiricalPairs
from simulator.workload.traces.plain_csv import read_csv_pairs, read_csv_requests
from simulator.workload.traces.trace import STRICT, Trace, TraceColumns, TraceOptions

_COLUMNS = TraceColumns("arrived_at", "num_prefill_tokens", "num_decode_tokens")


def read_vidur(path: str | Path, *, options: TraceOptions = STRICT) -> Trace:
    """Return a trace with the arrivals as they stand in the file."""
    return read_csv_requests(path, _COLUMNS, options=options)


def read_vidur_lengths(path: str | Path) -> EmpiricalPairs:
    """Return the prompt and output lengths of a file that need not have arrivals."""
    return read_csv_pairs(path, _COLUMNS.prompt_tokens, _COLUMNS.output_tokens)
