"""A log of board power beside the states of a profile."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.table import Table

from calibration.checking.trace import BoardTrace
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.units import SECONDS_PER_HOUR


def as_dict(board: BoardTrace, record: AcceleratorRecord) -> dict[str, Any]:
    """Return the figures of a board, and where they stand between the profile's states."""
    return {**asdict(board), "mean_w": board.mean_w, **_states(record), "lowest_error": _lowest_error(board, record)}


def table(boards: list[BoardTrace], record: AcceleratorRecord) -> Table:
    """Return each board of a log against the profile: its rest against idle power, its highest against the limit."""
    shown = Table(title=f"log against {record.name}", title_justify="left", box=None, pad_edge=False)
    shown.add_column("board")
    for name in ("hours", "energy kWh", "mean W", "5 % W", "idle W", "error", "95 % W", "limit W", "gaps"):
        shown.add_column(name, justify="right")
    for board in boards:
        shown.add_row(
            board.board,
            f"{board.duration_s / SECONDS_PER_HOUR:.3g}",
            f"{board.energy_j / 3.6e6:.4g}",
            f"{board.mean_w:.1f}",
            f"{board.lowest_w:.1f}",
            f"{record.power.idle_context_w:.1f}",
            f"{_lowest_error(board, record):+.1%}",
            f"{board.highest_w:.1f}",
            f"{record.power.cap_w:.1f}",
            str(board.gaps),
        )
    shown.caption = (
        "error: idle power with a context / 5th percentile of the log - 1; it means something if the board rested for "
        "a twentieth of the log. Power beyond the limit for long means that the log is of another board."
    )
    shown.caption_justify = "left"
    return shown


def _states(record: AcceleratorRecord) -> dict[str, float]:
    power = record.power
    return {"idle_context_w": power.idle_context_w, "comm_wait_w": power.comm_wait_w, "cap_w": power.cap_w}


def _lowest_error(board: BoardTrace, record: AcceleratorRecord) -> float:
    return record.power.idle_context_w / board.lowest_w - 1.0 if board.lowest_w > 0.0 else float("inf")
