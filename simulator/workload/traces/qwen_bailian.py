"""Qwen-Bailian traces (JSON lines): `timestamp` in seconds from the start, `input_length`, `output_length`, `type`.

Traps. Types of requests are mixed. Turns of a chat are requests of their own, whose prompts hold what was said before.
The hashes of prefix blocks, `hash_ids`, are not read: replicas do not share prefixes yet.
"""

from __future__ import annotations

from pathlib import Path

from simulator.workload.traces.json_trace import read_json_trace
from simulator.workload.traces.trace import STRICT, Trace, TraceColumns, TraceOptions

_COLUMNS = TraceColumns("timestamp", "input_length", "output_length")


def read_qwen_bailian(path: str | Path, *, request_type: str | None = None, options: TraceOptions = STRICT) -> Trace:
    """Return a trace with the arrivals as they stand in the file.

    Args:
        path: the file.
        request_type: keep only requests of this type, such as text.
        options: whether to drop requests without tokens, and to sort.
    """
    where = {} if request_type is None else {"type": request_type}
    return read_json_trace(path, _COLUMNS, options, where=where)
