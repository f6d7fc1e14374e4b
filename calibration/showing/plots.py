"""Plots of a measurement: roofline with its points, power against what was achieved, residuals of a profile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calibration.showing.residuals import Array, ceiling_flop_per_s, residuals
from calibration.showing.tables import rates
from simulator.errors import InputError
from simulator.profiles.accelerators import AcceleratorRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FIGURE_INCHES = (9.0, 5.5)
_DPI = 150
_STROKES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
_MARKS = ("o", "s", "^", "D", "v", "P")
_TERA, _GIGA = 1e12, 1e9


def save_plots(
    windows: pd.DataFrame, title: str, directory: Path, record: AcceleratorRecord | None = None
) -> list[Path]:
    """Write `roofline.png`, where energy was measured `power.png`, with a profile `residuals.png`; return their paths.

    Args:
        windows: of a measurement.
        title: on top of each.
        directory: made where it is missing.
        record: profile whose roofs are drawn in place of the best rates measured, and whose residuals are shown.

    Raises:
        InputError: the directory cannot be written.
    """
    usable = rates(windows)
    figures = {"roofline.png": roofline_figure(usable, title, record)}
    if usable.power_w.notna().any():
        figures["power.png"] = power_figure(usable, title)
    if record is not None:
        figures["residuals.png"] = residual_figure(usable, title, record)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(directory / name, dpi=_DPI)
    except OSError as error:
        raise InputError(f"{directory} cannot be written: {error.strerror}") from None
    return [directory / name for name in figures]


def roofline_figure(usable: pd.DataFrame, title: str, record: AcceleratorRecord | None = None) -> Figure:
    """Return achieved operations per second against operations per byte, under the roofs of a profile or the best."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_FIGURE_INCHES, layout="constrained")
    axes = figure.subplots()
    computing = usable[(usable.flop > 0.0) & (usable.family != "duty_cycle")]
    unit, name = (_TERA, "TFLOP/s") if computing.flop_per_s.max() > _TERA else (_GIGA, "GFLOP/s")
    _scatter(axes, computing, computing.flop_per_byte, computing.flop_per_s / unit)
    roofs = zip(_roofs(usable, computing, record), itertools.cycle(_STROKES), strict=False)
    for (label, intensity, roof), stroke in roofs:
        axes.plot(intensity, roof / unit, linestyle=stroke, color="black", linewidth=1.0, label=label)
    axes.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel=name, title=f"{title}: roofline")
    _legend(axes)
    return figure


def _scatter(axes: Axes, rows: pd.DataFrame, across: pd.Series, up: pd.Series) -> None:
    """Draw windows: colour by family, mark by number format, hollow where operands were not random."""
    families, formats = sorted(set(rows.family)), sorted(set(rows.number_format) - {""})
    for index, family in enumerate(families):
        axes.plot([], [], "o", markersize=5, color=f"C{index}", label=family)
        for place, number_format in enumerate(formats or [""]):
            # What has no format is drawn as the first.
            own = (rows.family == family) & rows.number_format.isin([number_format] if place else [number_format, ""])
            for random in (True, False):
                part = own & ((rows.inputs == "normal") == random)
                fill = f"C{index}" if random else "none"
                style = {"markersize": 5, "alpha": 0.7, "color": f"C{index}", "markerfacecolor": fill}
                axes.plot(across[part], up[part], _MARKS[place % len(_MARKS)], **style)  # type: ignore[arg-type]
    for place, number_format in enumerate(formats if len(formats) > 1 else ()):
        axes.plot([], [], _MARKS[place % len(_MARKS)], markersize=5, color="black", label=number_format)
    if (rows.inputs != "normal").any():
        axes.plot([], [], "o", markersize=5, color="black", markerfacecolor="none", label="zeros or of low entropy")


def _legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _roofs(
    usable: pd.DataFrame, computing: pd.DataFrame, record: AcceleratorRecord | None
) -> Iterator[tuple[str, Array, Array]]:
    """Yield label, intensity and rate of the roof of each number format."""
    if computing.empty:
        return
    intensity = np.geomspace(computing.flop_per_byte.min(), computing.flop_per_byte.max(), 200)
    streams = usable[usable.family.isin(["copy", "triad"]) & ~usable.cached]
    for number_format, products in usable[usable.family == "gemm"].groupby("number_format"):
        name = str(number_format)
        if record is not None:
            if name in record.peak_flop_per_s:
                yield f"roof of {name} by the profile", intensity, ceiling_flop_per_s(record, name, intensity)
        elif len(streams):
            peak, bandwidth = products.flop_per_s.max(), streams.bytes_per_s.max()
            yield f"best {name} and stream measured", intensity, np.minimum(intensity * bandwidth, peak)


def residual_figure(usable: pd.DataFrame, title: str, record: AcceleratorRecord) -> Figure:
    """Return the errors of a profile on single products and streams against their time."""
    from matplotlib.figure import Figure

    found = residuals(usable, record)
    figure = Figure(figsize=_FIGURE_INCHES, layout="constrained")
    axes = figure.subplots()
    for family, group in found.groupby("family"):
        (drawn,) = axes.semilogx(group.repetition_s * 1e6, group.time_error * 100, "o", label=f"{family}: time")
        if group.power_error.notna().any():
            powers = (group.repetition_s * 1e6, group.power_error * 100)
            axes.semilogx(*powers, "x", color=drawn.get_color(), label=f"{family}: power")
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set(xlabel="time of a repetition (µs)", ylabel="predicted / measured - 1 (%)")
    axes.set_title(f"{title}: residuals of {record.name}")
    _legend(axes)
    return figure


def power_figure(usable: pd.DataFrame, title: str) -> Figure:
    """Return mean power of windows against achieved operations and bytes per second."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_FIGURE_INCHES, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    unit, name = (_TERA, "TFLOP/s") if usable.flop_per_s.max() > _TERA else (_GIGA, "GFLOP/s")
    _scatter(left, usable, usable.flop_per_s / unit, usable.power_w)
    _scatter(right, usable, usable.bytes_per_s / _GIGA, usable.power_w)
    left.set(xlabel=name, ylabel="W", ylim=(0.0, None))
    left.spines[["top", "right"]].set_visible(False)
    right.set(xlabel="GB/s")
    _legend(right)
    figure.suptitle(f"{title}: power")
    return figure
