"""What a fit found, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from simulator.profiles.calibrated import CalibratedProfile


def profile_tables(profile: CalibratedProfile) -> Iterator[RenderableType]:
    """Yield figures with their intervals, errors of the fits, and notes."""
    figures = Table(title=f"{profile.id}: fitted figures", title_justify="left", box=None, pad_edge=False)
    figures.add_column("figure", overflow="fold")
    for name in ("value", "95 % low", "high", "unit"):
        figures.add_column(name, justify="right")
    figures.add_column("fit")
    for entry in profile.model.parameters:
        where = f"{entry.fit}, on its bound" if entry.at_bound else entry.fit
        figures.add_row(entry.name, f"{entry.value:.4g}", f"{entry.low:.4g}", f"{entry.high:.4g}", entry.unit, where)
    yield figures
    errors = Table(title="errors", title_justify="left", box=None, pad_edge=False)
    for name in ("fit", "form"):
        errors.add_column(name)
    for name in ("windows", "MAPE", "held out"):
        errors.add_column(name, justify="right")
    errors.add_column("left out in turn")
    for report in profile.fit:
        held_out = "" if report.holdout_mape is None else f"{report.holdout_mape:.1%}"
        errors.add_row(report.name, report.form, f"{report.n:,}", f"{report.mape:.1%}", held_out, report.groups)
    yield errors
    if not any(report.quantity == "energy" for report in profile.fit):
        yield f"time only: figures of power are those of {profile.base.profile}"
    yield from profile.notes
