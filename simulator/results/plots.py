"""Plots of a run: power over time, and where the energy went."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from simulator.results.ledger import ACTIVITIES
from simulator.results.result import Result
from simulator.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

_COMPONENTS = {
    "accelerator_w": ("accelerators", "#1b5e8c"),
    "host_w": ("hosts", "#4c93c3"),
    "server_network_w": ("network in servers", "#8fc1de"),
    "server_storage_w": ("drives", "#c6deee"),
    "server_fan_w": ("server fans", "#7fbf9a"),
    "psu_loss_w": ("supply losses", "#e0b25c"),
    "switch_w": ("switches", "#6a51a3"),
    "shared_storage_w": ("shared storage", "#b3a2d1"),
    "cooling_w": ("cooling", "#3f9a72"),
    "distribution_loss_w": ("distribution losses", "#c98a2b"),
    "other_w": ("other", "#9a9a9a"),
}
_ACTIVITY_COLOURS = dict(
    zip(ACTIVITIES, ("#1b5e8c", "#4c93c3", "#c6deee", "#8fc1de", "#c98a2b", "#3f9a72", "#9a9a9a"), strict=True)
)
_MOST_POINTS = 400
_FIGURE_INCHES = (10.0, 5.0)
_DPI = 150


def save_plots(result: Result, directory: Path) -> list[Path]:
    """Write `power.png` and `energy.png` into a directory and return their paths."""
    files = [directory / "power.png", directory / "energy.png"]
    _power(result, files[0])
    _energy(result, files[1])
    return files


def _power(result: Result, file: Path) -> None:
    from matplotlib.figure import Figure

    table = _coarser(result.power)
    scale, unit = _scale(float(table.facility_power_w.max()))
    hours = table.end_s / SECONDS_PER_HOUR
    in_days = hours.max() > 72.0
    axis = np.repeat(np.r_[table.start_s.iloc[0], table.end_s] / (SECONDS_PER_DAY if in_days else SECONDS_PER_HOUR), 2)[
        1:-1
    ]
    figure = Figure(figsize=_FIGURE_INCHES, layout="constrained")
    axes = figure.subplots()
    shown = [name for name in _COMPONENTS if table[name].max() > 0.0]
    axes.stackplot(
        axis,
        [np.repeat(table[name].to_numpy() / scale, 2) for name in shown],
        labels=[_COMPONENTS[name][0] for name in shown],
        colors=[_COMPONENTS[name][1] for name in shown],
        linewidth=0,
    )
    axes.plot(
        axis,
        np.repeat(table.facility_power_w.to_numpy() / scale, 2),
        color="black",
        linewidth=0.8,
        label="at the meter",
    )
    axes.set(
        xlabel="day" if in_days else "hour",
        ylabel=f"power ({unit})",
        title=f"{result.name}: power by component",
        xlim=(axis[0], axis[-1]),
        ylim=(0.0, None),
    )
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=_DPI)


def _coarser(power: pd.DataFrame) -> pd.DataFrame:
    """Return at most about `_MOST_POINTS` rows, each the exact mean over the rows that it stands for."""
    group = len(power) // _MOST_POINTS + 1
    if group == 1:
        return power
    key = np.arange(len(power)) // group
    duration_s = power.end_s - power.start_s
    columns = [name for name in power.columns if name.endswith("_w")]
    energy = power[columns].mul(duration_s, axis=0).groupby(key).sum()
    result = energy.div(duration_s.groupby(key).sum(), axis=0)
    result.insert(0, "start_s", power.start_s.groupby(key).first())
    result.insert(1, "end_s", power.end_s.groupby(key).last())
    return result


def _energy(result: Result, file: Path) -> None:
    from matplotlib.figure import Figure

    ledger = result.energy.copy()
    ledger["bar"] = [
        f"{workload}\n{phase}" if workload else "unallocated"
        for workload, phase in zip(ledger.workload, ledger.phase, strict=True)
    ]
    pivot = ledger.pivot_table(index="bar", columns="activity", values="energy_kwh", aggfunc="sum").fillna(0.0)
    pivot = pivot.reindex(columns=[name for name in ACTIVITIES if name in pivot])
    pivot = pivot.loc[pivot.sum(axis=1).sort_values(ascending=True, kind="stable").index]
    scale, unit = _energy_scale(float(pivot.sum(axis=1).max()))
    figure = Figure(figsize=(_FIGURE_INCHES[0], max(2.5, 1.0 + 0.6 * len(pivot))), layout="constrained")
    axes = figure.subplots()
    left = np.zeros(len(pivot))
    for activity in pivot.columns:
        width = pivot[activity].to_numpy() / scale
        axes.barh(pivot.index, width, left=left, label=activity.replace("_", " "), color=_ACTIVITY_COLOURS[activity])
        left += width
    for place, total in enumerate(left):
        axes.annotate(f"{total:,.3g}", (total, place), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set(xlabel=f"energy at the meter ({unit})", title=f"{result.name}: energy by workload, phase and activity")
    axes.margins(x=0.1)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=_DPI)


def _scale(highest_w: float) -> tuple[float, str]:
    return (1e6, "MW") if highest_w >= 2e6 else (1e3, "kW") if highest_w >= 2e3 else (1.0, "W")


def _energy_scale(highest_kwh: float) -> tuple[float, str]:
    return (1e3, "MWh") if highest_kwh >= 2e3 else (1.0, "kWh")
