"""Azure LLM inference traces of 2023 and 2024: `TIMESTAMP`, `ContextTokens`, `GeneratedTokens`.

Trap. The files of 2023 write seven decimals of a second and no time zone, those of 2024 six decimals and `+00:00`.
"""

from __future__ import annotations

from datetime import timezone
from pathlib import Path

from simulator.workload.traces.trace import STRICT, Trace, TraceColumns, TraceOptions, read_stamped_trace

_COLUMNS = TraceColumns("TIMESTAMP", "ContextTokens", "GeneratedTokens")


def read_azure_llm(path: str | Path, *, time_zone: timezone | None = None, options: TraceOptions = STRICT) -> Trace:
    """Return a trace counted from its first request; files of any size are read block by block.

    Args:
        path: the file.
        time_zone: UTC or a fixed offset of stamps that carry none. Without it such a trace has no `origin_utc_ns` and
            cannot be aligned with real time. Ignored for stamps with an offset.
        options: whether to drop requests without tokens, and to sort.
    """
    return read_stamped_trace(path, _COLUMNS, time_zone, options)
