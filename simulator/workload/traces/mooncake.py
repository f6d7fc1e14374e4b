"""Mooncake traces (JSON lines): `timestamp` in milliseconds from the start, `input_length`, `output_length`.

Traps. Stamps of the production traces are rounded to steps of about 3 s, so that ten requests arrive together. The
hashes of prefix blocks, `hash_ids`, are not read: replicas do not share prefixes yet, every prompt is computed whole.
"""

from __future__ import annotations

from pathlib import Path

from simulator.workload.traces.json_trace import read_json_trace
from simulator.workload.traces.trace import STRICT, Trace, TraceColumns, TraceOptions

_COLUMNS = TraceColumns("timestamp", "input_length", "output_length")
_MILLISECOND = 1e-3


def read_mooncake(path: str | Path, *, options: TraceOptions = STRICT) -> Trace:
    """Return a trace with the arrivals as they stand in the file.

    Args:
        path: the file.
        options: whether to drop requests without tokens, and to sort.
    """
    return read_json_trace(path, _COLUMNS, options, unit_s=_MILLISECOND)
