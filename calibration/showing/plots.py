"""Plots of a measurement: roofline with its points, and power against what was achieved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calibration.showing.tables import rates
from simulator.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FIGURE_INCHES = (9.0, 5.5)
_DPI = 150


def save_plots(windows: pd.DataFrame, title: str, directory: Path) -> list[Path]:
    """Write `roofline.png` and, where energy was measured, `power.png`; return their paths.

    Raises:
        InputError: the directory cannot be written.
    """
    usable = rates(windows)
    figures = {"roofline.png": roofline_figure(usable, title)}
    if usable.power_w.notna().any():
        figures["power.png"] = power_figure(usable, title)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(directory / name, dpi=_DPI)
    except OSError as error:
        raise InputError(f"{directory} cannot be written: {error.strerror}") from None
    return [directory / name for name in figures]


def roofline_figure(usable: pd.DataFrame, title: str) -> Figure:
    """Return achieved operations per second against operations per byte, under the best that was measured."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_FIGURE_INCHES, layout="constrained")
    axes = figure.subplots()
    computing = usable[(usable.flop > 0.0) & (usable.family != "duty_cycle")]
    for family, group in computing.groupby("family"):
        axes.loglog(group.flop_per_byte, group.flop_per_s / 1e9, "o", markersize=5, alpha=0.7, label=str(family))
    streams = usable[usable.family.isin(["copy", "triad"]) & ~usable.cached]
    for number_format, products in usable[usable.family == "gemm"].groupby("number_format"):
        if len(streams):
            peak, bandwidth = products.flop_per_s.max(), streams.bytes_per_s.max()
            intensity = np.geomspace(computing.flop_per_byte.min(), computing.flop_per_byte.max(), 200)
            roof = np.minimum(intensity * bandwidth, peak) / 1e9
            axes.loglog(intensity, roof, linewidth=1.0, label=f"best {number_format} and stream measured")
    axes.set(xlabel="operations per byte", ylabel="GFLOP/s", title=f"{title}: roofline")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def power_figure(usable: pd.DataFrame, title: str) -> Figure:
    """Return mean power of windows against achieved operations and bytes per second."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_FIGURE_INCHES, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for family, group in usable.groupby("family"):
        left.plot(group.flop_per_s / 1e12, group.power_w, "o", markersize=5, alpha=0.7, label=str(family))
        right.plot(group.bytes_per_s / 1e9, group.power_w, "o", markersize=5, alpha=0.7, label=str(family))
    left.set(xlabel="TFLOP/s", ylabel="W", ylim=(0.0, None), title=f"{title}: power")
    right.set(xlabel="GB/s")
    right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
