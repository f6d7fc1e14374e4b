"""A check as a table."""

from __future__ import annotations

import math

from rich.table import Table

from calibration.checking.comparison import Checked, PhaseCheck

_SHOWN_DIGITS = 4


def table(checked: Checked, sensor: str) -> Table:
    """Return predicted, measured and error of every phase.

    Args:
        checked: what was found.
        sensor: what energy rests on; empty where only time was measured.
    """
    title = "check on a transformer that no fit has seen" + ("" if sensor else ": time only, no energy sensor")
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    shown.add_column("phase")
    names = ["predicted", "measured", "error"]
    for quantity in ("time", "energy") if sensor else ("time",):
        for name in names:
            shown.add_column(f"{quantity}: {name}", justify="right")
    for row in checked.rows:
        shown.add_row(row.phase, *_time(row), *(_energy(row) if sensor else ()))
    notes = [f"{name} was not run: {reason}" for name, reason in checked.skipped.items()]
    notes.append("+- half widths of 95 % intervals: predicted from the profile's ranges, measured from the replicates")
    shown.caption = "\n".join(notes)
    shown.caption_justify = "left"
    return shown


def _time(row: PhaseCheck) -> tuple[str, str, str]:
    return (
        _with_width(row.predicted_s * 1e3, row.predicted_u_s * 1e3, "ms"),
        _with_width(row.measured_s * 1e3, row.measured_u_s * 1e3, "ms"),
        f"{row.time_error:+.1%}",
    )


def _energy(row: PhaseCheck) -> tuple[str, str, str]:
    predicted = _with_width(row.predicted_j, row.predicted_u_j, "J")
    if row.measured_j is None or row.measured_u_j is None or row.energy_error is None:
        return predicted, "", ""
    return predicted, _with_width(row.measured_j, row.measured_u_j, "J"), f"{row.energy_error:+.1%}"


def _with_width(value: float, width: float, unit: str) -> str:
    """Return a value with the half width of its interval, where there is one.

    >>> _with_width(12.3456, 0.25, "ms"), _with_width(12.3456, float("nan"), "ms"), _with_width(164.0, 3710.0, "ms")
    ('12.35 +- 0.25 ms', '12.35 ms', '164 +- 3,700 ms')
    """
    if math.isnan(width) or width == 0.0:
        return f"{value:.{_SHOWN_DIGITS}g} {unit}"
    return f"{value:.{_SHOWN_DIGITS}g} +- {float(f'{width:.2g}'):,.12g} {unit}"
