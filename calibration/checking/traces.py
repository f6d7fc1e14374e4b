"""`check --trace`: tells what log it is, and sets it beside the profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from calibration.checking import trace_report, workload_report
from calibration.checking.engine_log import is_engine_log, read_engine_log
from calibration.checking.serving import parse
from calibration.checking.trace import read_trace
from simulator.errors import InputError
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile


@dataclass(frozen=True, slots=True)
class CheckedTrace:
    """A log beside a profile.

    Args:
        table: for the terminal.
        figures: for a file.
    """

    table: Table
    figures: dict[str, Any]


def checked_trace(path: Path, profile: Profile[AcceleratorRecord], workload: str | None) -> CheckedTrace:
    """Compare a log with a profile.

    A power log without a workload is compared with the profile's states; with one, power and energy of the time in
    which the board worked are compared with what the workload should draw. An engine's log needs a workload, and its
    throughput is compared.

    Args:
        path: log of nvidia-smi (CSV), or of vLLM.
        profile: what predicts.
        workload: what ran, as on the command line; None for not stated.

    Raises:
        InputError: the log cannot be read, or the workload is wrong or missing.
    """
    serving = None if workload is None else parse(workload, Path())
    if is_engine_log(path):
        if serving is None:
            raise InputError("the log of an engine says tokens, not of what: state it with --workload")
        trace = read_engine_log(path)
        rows = workload_report.engine_rows(trace, profile, serving)
        left_out = f"{trace.idle_lines} lines without running sequences or answers left out"
        return CheckedTrace(workload_report.table(rows, serving, left_out), {"workload": str(serving), "rows": rows})
    if serving is None:
        boards = read_trace(path)
        figures = [trace_report.as_dict(board, profile.record) for board in boards]
        return CheckedTrace(trace_report.table(boards, profile.record), {"boards": figures})
    threshold_w = workload_report.active_above_w(profile.record)
    rows = workload_report.board_rows(read_trace(path, threshold_w), profile, serving)
    left_out = f"time below {threshold_w:.0f} W left out: the board rests"
    return CheckedTrace(workload_report.table(rows, serving, left_out), {"workload": str(serving), "rows": rows})
