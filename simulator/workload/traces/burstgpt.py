"""BurstGPT traces 1 to 3 (CSV): requests to GPT models of a campus, in seconds from the midnight before the first.

Columns used: `Timestamp`, `Request tokens`, `Response tokens`, and `Model` and `Log Type` to choose. Traps. No response
tokens mean that the request failed: such rows must be dropped, or the files without failures used. Two models and two
ways of access are mixed. File 3 has more columns and stamps with decimals.
"""

from __future__ import annotations

from pathlib import Path

from simulator.workload.traces.trace import STRICT, Trace, TraceColumns, TraceOptions, read_timed_trace

_COLUMNS = TraceColumns("Timestamp", "Request tokens", "Response tokens")


def read_burstgpt(
    path: str | Path, *, model: str | None = None, log_type: str | None = None, options: TraceOptions = STRICT
) -> Trace:
    """Return a trace with the arrivals as they stand in the file; files of any size are read block by block.

    Args:
        path: the file.
        model: keep only requests to this model, such as ChatGPT or GPT-4.
        log_type: keep only requests of this type, such as Conversation log or API log.
        options: whether to drop requests without tokens, and to sort.
    """
    chosen = {"Model": model, "Log Type": log_type}
    return read_timed_trace(path, _COLUMNS, options, {name: text for name, text in chosen.items() if text is not None})
