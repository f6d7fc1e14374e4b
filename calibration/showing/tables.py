"""What a profile rests on, and what a measurement found, as tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.table import Table

from calibration.measuring.points import STATES
from calibration.showing.residuals import residuals as errors_of
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile


def profile(loaded: Profile[AcceleratorRecord]) -> Table:
    """Return every figure of a profile with its range, kind and source."""
    shown = Table(title=f"profile {loaded.record.name}", title_justify="left", box=None, pad_edge=False)
    for name in ("figure", "value", "low", "high"):
        shown.add_column(name, justify="left" if name == "figure" else "right", no_wrap=True)
    shown.add_column("kind")
    shown.add_column("source", overflow="fold")
    values = loaded.record.model_dump()
    for path, source in loaded.figures().items():
        value = _number(_figure(values, path))
        shown.add_row(path, value, _number(source.low), _number(source.high), source.kind, source.source)
    return shown


def rates(windows: pd.DataFrame) -> pd.DataFrame:
    """Return usable windows with seconds of a repetition, achieved rates, intensity and mean power."""
    usable = windows[windows.valid & ~windows.family.isin(STATES)].copy()
    usable["repetition_s"] = usable.duration_s / usable.repetitions
    usable["flop_per_s"] = usable.flop / usable.repetition_s
    usable["bytes_per_s"] = usable.traffic_bytes / usable.repetition_s
    usable["flop_per_byte"] = usable.flop / usable.traffic_bytes
    usable["power_w"] = usable.energy_j / usable.duration_s
    return usable


def families(windows: pd.DataFrame) -> Table:
    """Return the highest rates and power of each family, and how far windows of one point lie apart."""
    usable = rates(windows)
    shown = Table(title="usable windows", title_justify="left", box=None, pad_edge=False)
    for name in ("family", "format", "windows", "points", "GFLOP/s", "GB/s", "W", "apart"):
        shown.add_column(name, justify="left" if name in {"family", "format"} else "right")
    for (family, number_format), group in usable.groupby(["family", "number_format"], sort=True):
        points = group.groupby("point").repetition_s
        several = (points.max() / points.min() - 1.0)[points.size() > 1]
        power_w = group.power_w.max()
        shown.add_row(
            str(family), str(number_format), str(len(group)), str(group.point.nunique()),
            f"{group.flop_per_s.max() / 1e9:,.1f}", f"{group.bytes_per_s.max() / 1e9:,.1f}",
            "" if pd.isna(power_w) else f"{power_w:.0f}", f"{several.median():.1%}" if len(several) else "",
        )  # fmt: skip
    return shown


def residuals(usable: pd.DataFrame, record: AcceleratorRecord) -> Table:
    """Return the mean absolute error of a profile on single products and streams, by family and number format."""
    shown = Table(title=f"{record.name} on these windows", title_justify="left", box=None, pad_edge=False)
    for name in ("family", "format", "windows", "error of time", "error of power"):
        shown.add_column(name, justify="left" if name in {"family", "format"} else "right")
    for (family, number_format), group in errors_of(usable, record).groupby(["family", "number_format"], sort=True):
        errors = (group.time_error.abs().mean(), group.power_error.abs().mean())
        texts = ("" if pd.isna(error) else f"{error:.1%}" for error in errors)
        shown.add_row(str(family), str(number_format), str(len(group)), *texts)
    shown.caption = "mean absolute (predicted / measured - 1) of single products and streams from memory"
    shown.caption_justify = "left"
    return shown


def _figure(values: Any, path: str) -> float:
    for key in path.split("."):
        values = values[int(key) if isinstance(values, (list, tuple)) else key]
    return float(values)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
