"""Plots of a run: power over time, and where the energy went."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from simulator.results.ledger import ACTIVITIES
from simulator.results.result import Result
from simulator.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
_ACTIVITY_COLOURS = {
    "compute": "#1b5e8c",
    "data_transfer": "#8fc1de",
    "storage": "#c6deee",
    "host": "#4c93c3",
    "conversion_loss": "#c98a2b",
    "cooling": "#3f9a72",
    "other": "#9a9a9a",
}
"""What both pictures show has the same colour in both."""
_MOST_POINTS = 400
_MOST_BARS = 20
_HOURS_AS_DAYS = 48.0
_FIGURE_INCHES = (10.0, 5.0)
_DPI = 150


def save_plots(result: Result, directory: Path) -> list[Path]:
    """Write `power.png`, `energy.png` and, for a site with a section `supply`, `supply.png`; return their paths."""
    figures = {"power.png": power_figure(result), "energy.png": energy_figure(result)}
    if len(result.supply):
        figures["supply.png"] = supply_figure(result)
    for name, figure in figures.items():
        figure.savefig(directory / name, dpi=_DPI)
    return [directory / name for name in figures]


def power_figure(result: Result) -> Figure:
    """Return mean power by component over time, stacked, under the line of the meter."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    table = _coarser(result.power)
    scale, unit = _scale(float(table.facility_power_w.max()))
    in_days = table.end_s.iloc[-1] > _HOURS_AS_DAYS * SECONDS_PER_HOUR
    edges = np.r_[table.start_s.iloc[0], table.end_s] / (SECONDS_PER_DAY if in_days else SECONDS_PER_HOUR)
    axis = np.repeat(edges, 2)[1:-1]
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
    meter = np.repeat(table.facility_power_w.to_numpy() / scale, 2)
    axes.plot(axis, meter, color="black", linewidth=0.8, label="at the meter")
    axes.set(
        xlabel=_time_label(result, in_days),
        ylabel=f"power ({unit})",
        title=f"{result.name}: power by component",
        xlim=(axis[0], axis[-1]),
        ylim=(0.0, None),
    )
    if not in_days:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 3, 6, 10]))
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


_SUPPLY_SOURCES = {
    "grid_import_w": ("grid", "#9a9a9a"),
    "solar_w": ("sun", "#f2b134"),
    "wind_w": ("wind", "#6fb1d6"),
    "battery_discharge_w": ("battery", "#3f9a72"),
    "ups_discharge_w": ("UPS", "#7fbf9a"),
    "diesel_w": ("diesel", "#8c4b2a"),
    "unserved_w": ("unserved", "#c0392b"),
}
_SUPPLY_USES = {
    "battery_charge_w": ("into the battery", "#3f9a72"),
    "ups_charge_w": ("into the UPS", "#7fbf9a"),
    "grid_export_w": ("sold", "#6a51a3"),
    "curtailed_w": ("curtailed", "#e8d9a8"),
}


def supply_figure(result: Result) -> Figure:
    """Return sources above the axis and uses beside the load below it, stacked over time, with the load as a line."""
    from matplotlib.figure import Figure

    table = _coarser(result.supply.drop(columns="grid_cap_w"))
    scale, unit = _scale(float(table[list(_SUPPLY_SOURCES)].sum(axis=1).max()))
    in_days = table.end_s.iloc[-1] > _HOURS_AS_DAYS * SECONDS_PER_HOUR
    edges = np.r_[table.start_s.iloc[0], table.end_s] / (SECONDS_PER_DAY if in_days else SECONDS_PER_HOUR)
    axis = np.repeat(edges, 2)[1:-1]
    figure = Figure(figsize=_FIGURE_INCHES, layout="constrained")
    axes = figure.subplots()
    for side, parts in ((1.0, _SUPPLY_SOURCES), (-1.0, _SUPPLY_USES)):
        shown = [name for name in parts if table[name].max() > 0.0]
        if shown:
            axes.stackplot(
                axis,
                [side * np.repeat(table[name].to_numpy() / scale, 2) for name in shown],
                labels=[parts[name][0] for name in shown],
                colors=[parts[name][1] for name in shown],
                linewidth=0,
            )
    axes.plot(axis, np.repeat(table.load_w.to_numpy() / scale, 2), color="black", linewidth=0.8, label="load")
    axes.axhline(0.0, color="black", linewidth=0.5)
    axes.set(xlabel=_time_label(result, in_days), ylabel=f"power ({unit})", title=f"{result.name}: supply of the site")
    axes.set_xlim(axis[0], axis[-1])
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _time_label(result: Result, in_days: bool) -> str:
    start = datetime.fromisoformat(result.manifest["start_utc"])
    return f"{'days' if in_days else 'hours'} since {start:%Y-%m-%d %H:%M} UTC"


def _coarser(power: pd.DataFrame) -> pd.DataFrame:
    """Return all sites together in at most about `_MOST_POINTS` rows, each the exact mean over what it stands for."""
    if len(power.site.unique()) > 1:
        power = power.drop(columns="site").groupby(["start_s", "end_s"], as_index=False).sum()
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


def energy_figure(result: Result) -> Figure:
    """Return energy at the meter by workload and phase as bars, each divided by activity."""
    from matplotlib.figure import Figure

    bars = _bars(result.energy)
    scale, unit = _energy_scale(float(bars.sum(axis=1).max()))
    figure = Figure(figsize=(_FIGURE_INCHES[0], max(2.5, 1.0 + 0.6 * len(bars))), layout="constrained")
    axes = figure.subplots()
    left = np.zeros(len(bars))
    for activity in bars.columns:
        width = bars[activity].to_numpy() / scale
        axes.barh(bars.index, width, left=left, label=activity.replace("_", " "), color=_ACTIVITY_COLOURS[activity])
        left += width
    for place, total in enumerate(left):
        text = f"{total:,.0f}" if total >= 100.0 else f"{total:,.3g}"
        axes.annotate(text, (total, place), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set(xlabel=f"energy at the meter ({unit})", title=f"{result.name}: energy by workload, phase and activity")
    axes.margins(x=0.12)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _bars(energy: pd.DataFrame) -> pd.DataFrame:
    """Return energy in kWh by bar and activity, largest bar last; many small ones become one."""
    names = [
        f"{workload}\n{phase}" if workload else "unallocated"
        for workload, phase in zip(energy.workload, energy.phase, strict=True)
    ]
    bars = energy.assign(bar=names).pivot_table(index="bar", columns="activity", values="energy_kwh", aggfunc="sum")
    bars = bars.fillna(0.0).reindex(columns=[name for name in ACTIVITIES if name in bars])
    bars = bars.loc[bars.sum(axis=1).sort_values(kind="stable").index]
    if len(bars) <= _MOST_BARS:
        return bars
    small, large = bars.iloc[: 1 - _MOST_BARS], bars.iloc[1 - _MOST_BARS :]
    return pd.concat([small.sum().to_frame(f"{len(small):,} others").T, large])


def _scale(highest_w: float) -> tuple[float, str]:
    return (1e6, "MW") if highest_w >= 2e6 else (1e3, "kW") if highest_w >= 2e3 else (1.0, "W")


def _energy_scale(highest_kwh: float) -> tuple[float, str]:
    return (1e3, "MWh") if highest_kwh >= 2e3 else (1.0, "kWh")
