"""Request traces of JSON objects, one a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from simulator.documents.json_lines import read_json_lines
from simulator.documents.text_file import FaultLog, checked_text_file
from simulator.workload.traces.trace import Trace, TraceColumns, TraceOptions, timed_trace


def read_json_trace(
    path: str | Path,
    columns: TraceColumns,
    options: TraceOptions,
    *,
    where: Mapping[str, str] | None = None,
    unit_s: float = 1.0,
) -> Trace:
    """Return the requests of a file, whatever its size: the text passes line by line, only numbers stay.

    Args:
        path: the file.
        columns: keys of the three numbers.
        options: what may be done to the trace.
        where: keep only objects with these texts, by key.
        unit_s: unit of the arrivals.
    """
    file = checked_text_file(path)
    log = FaultLog(str(path))
    return timed_trace(read_json_lines(file, columns.all, log, where), columns, options, log, unit_s)
