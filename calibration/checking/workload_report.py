"""A stated workload beside a log: power and energy of boards, throughput of an engine."""

from __future__ import annotations

from typing import Any, Final

from rich.table import Table

from calibration.checking.engine_log import EngineTrace
from calibration.checking.prediction import Interval
from calibration.checking.serving import Serving, predict_serving
from calibration.checking.trace import BoardTrace
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile

ACTIVE_FACTOR: Final = 1.25
"""A board counts as active above so many times its idle power with a context."""


def active_above_w(record: AcceleratorRecord) -> float:
    """Return the power above which a board is taken to work."""
    return ACTIVE_FACTOR * record.power.idle_context_w


def board_rows(boards: list[BoardTrace], profile: Profile[AcceleratorRecord], serving: Serving) -> list[dict[str, Any]]:
    """Return mean power and energy of the active time of each board, predicted and measured."""
    power_w = predict_serving(profile, serving).power_w
    rows = []
    for board in boards:
        row: dict[str, Any] = {"board": board.board, "active_s": board.active_s, "duration_s": board.duration_s}
        if board.active_s > 0.0:
            energy = Interval(power_w.value * board.active_s, power_w.half_width * board.active_s)
            row |= _figures("power_w", power_w, board.active_j / board.active_s)
            row |= _figures("energy_j", energy, board.active_j)
        rows.append(row)
    return rows


def engine_rows(trace: EngineTrace, profile: Profile[AcceleratorRecord], serving: Serving) -> list[dict[str, Any]]:
    """Return throughput by running sequences, predicted and measured, and over the whole log."""
    rows = []
    predicted, width = 0.0, 0.0
    for running, tokens_per_s in trace.tokens_per_s.items():
        found = predict_serving(profile, serving, batch=running).tokens_per_s
        share = trace.lines[running] / trace.lines_in_all
        predicted, width = predicted + share * found.value, width + share * found.half_width
        rows.append(
            {"running": running, "lines": trace.lines[running], **_figures("tokens_per_s", found, tokens_per_s)}
        )
    whole = _figures("tokens_per_s", Interval(predicted, width), trace.mean_tokens_per_s)
    return [*rows, {"running": "all", "lines": trace.lines_in_all, **whole}]


def table(rows: list[dict[str, Any]], serving: Serving, idle: str) -> Table:
    """Return rows of either kind as a table.

    Args:
        rows: of `board_rows` or `engine_rows`.
        serving: the workload.
        idle: what was left out, in words.
    """
    shown = Table(title=str(serving), title_justify="left", box=None, pad_edge=False)
    quantities = [
        name for name in ("power_w", "energy_j", "tokens_per_s") if any(f"{name}_error" in row for row in rows)
    ]
    first = "board" if "board" in rows[0] else "running"
    shown.add_column(first)
    shown.add_column("active s" if first == "board" else "lines", justify="right")
    for name in quantities:
        for what in ("predicted", "measured", "error"):
            shown.add_column(f"{_WORDS[name]}: {what}", justify="right")
    for row in rows:
        extent = f"{row['active_s']:.0f}" if first == "board" else str(row["lines"])
        shown.add_row(str(row[first]), extent, *(text for name in quantities for text in _texts(row, name)))
    shown.caption = f"{idle}; +- half widths of 95 % intervals from the profile's ranges"
    shown.caption_justify = "left"
    return shown


_WORDS: Final = {"power_w": "W", "energy_j": "J", "tokens_per_s": "tokens/s"}


def _figures(name: str, predicted: Interval, measured: float) -> dict[str, float]:
    return {
        f"{name}_predicted": predicted.value,
        f"{name}_predicted_half_width": predicted.half_width,
        f"{name}_measured": measured,
        f"{name}_error": predicted.value / measured - 1.0,
    }


def _texts(row: dict[str, Any], name: str) -> tuple[str, str, str]:
    if f"{name}_error" not in row:
        return "", "", ""
    predicted, width = row[f"{name}_predicted"], row[f"{name}_predicted_half_width"]
    shown = f"{predicted:,.4g}" + (f" +- {width:.2g}" if width > 0.0 else "")
    return shown, f"{row[f'{name}_measured']:,.4g}", f"{row[f'{name}_error']:+.1%}"
