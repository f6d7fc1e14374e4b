"""The report of a run as text: tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.table import Table

from simulator.profiles.sourced import Profile
from simulator.results.comparison import unit_of
from simulator.results.report_layout import (
    CHAIN_HEADINGS,
    CHOICE_UNITS,
    CONTRACT_HEADINGS,
    HALL_HEADINGS,
    NOTES,
    SECTIONS,
    SITE_HEADINGS,
    WORKLOAD_TABLES,
    YEARLY_INDICATORS,
)
from simulator.results.result import Result

KINDS = ("measured", "datasheet", "estimated")


def report(result: Result) -> Iterator[RenderableType]:
    """Yield the parts of a run's report."""
    summary = result.summary.as_dict()
    start = datetime.fromisoformat(result.manifest["start_utc"])
    span = f"{summary['simulated_h']:,.4g} h from {start:%Y-%m-%d %H:%M} UTC"
    yield f"[bold]{result.name}[/bold]: {span}, simulated in {result.manifest['wall_s']:.1f} s"
    there = {"inference": summary["requests_arrived"], "training": len(result.jobs), "heat": len(result.halls)}
    for title, names in SECTIONS.items():
        if not there.get(title, 1):
            continue
        if any(summary[name] is not None for name in names):
            interim = result.summary.kpi_basis == "interim"
            basis = ": interim figures, of less than a year" if interim and title == "facility" else ""
            yield _scalars(title + basis, {name: summary[name] for name in names}, interim)
        if title == "inference":
            yield _latencies(summary)
    yield from _of_sites_and_workloads(result)
    if len(result.jobs):
        yield _frame("jobs", result.jobs[["name", "accelerators", "queue_s", "steps", "step_s", "mfu", "outcome"]])
    yield _signals(result.manifest.get("signals", {}))
    if len(result.events):
        yield _frame("events", result.events)
    yield from _figures(result.figures)
    yield _audits(result.audit)


def _of_sites_and_workloads(result: Result) -> Iterator[RenderableType]:
    for site, chain in result.power_chain.groupby("site", sort=True):
        place = f" of {site}" if len(result.sites) > 1 else ""
        yield _frame(f"electrical chain{place}", chain[list(CHAIN_HEADINGS)].rename(columns=CHAIN_HEADINGS))
    if len(result.contracts):
        names = {"site": "site", **CONTRACT_HEADINGS} if len(result.sites) > 1 else CONTRACT_HEADINGS
        yield _frame("contracts (kWh covered by matching)", result.contracts[list(names)].rename(columns=names))
    if len(result.sites) > 1:
        headings = {
            **SITE_HEADINGS,
            "pue": indicator("pue", result.summary.kpi_basis == "interim").replace("pue", "PUE"),
        }
        yield _frame("sites", result.sites[list(headings)].rename(columns=headings))
    if len(result.halls) > 1:
        yield _frame("halls", result.halls[["hall", *HALL_HEADINGS]].rename(columns=HALL_HEADINGS))
    if len(result.workloads) > 1:
        for title, headings in WORKLOAD_TABLES.items():
            known = {name: text for name, text in headings.items() if result.workloads[name].notna().any()}
            if known:
                rows = result.workloads.dropna(subset=list(known), how="all")
                yield _frame(title, rows[["workload", *known]].rename(columns=known))


def comparison(table: pd.DataFrame, interim: bool = False) -> RenderableType:
    """Return a comparison of runs as a table.

    Args:
        table: the comparison.
        interim: whether any of the runs is shorter than a year.
    """
    shown = Table(title="comparison", title_justify="left", box=None, pad_edge=False)
    for name in table.columns:
        shown.add_column(name, justify="left" if name in ("field", "unit") else "right", overflow="fold")
    for row in table.itertuples(index=False):
        cells = []
        for name, value in zip(table.columns, row, strict=True):
            if name in ("field", "unit"):
                cells.append(indicator(str(value), interim))
            elif name.startswith("change "):
                cells.append("" if value is None or math.isnan(value) else f"{value:+.2%}")
            else:
                cells.append(number(value))
        shown.add_row(*cells)
    return shown


def choices(table: pd.DataFrame) -> Iterator[RenderableType]:
    """Yield what can be said of each run as a choice against the first."""
    for row in table.to_dict("records"):
        known = {str(name): value for name, value in row.items() if name in CHOICE_UNITS and not pd.isna(value)}
        if known:
            shown = Table(title=f"{row['choice']} against {row['against']}", title_justify="left", box=None)
            shown.show_header = False
            shown.add_column(min_width=38)
            shown.add_column(justify="right", min_width=14)
            shown.add_column()
            for name, value in known.items():
                shown.add_row(name, number(value), CHOICE_UNITS[name])
            shown.caption, shown.caption_justify = str(row["note"]), "left"
            yield shown


def profile(loaded: Profile[Any]) -> RenderableType:
    """Return a profile with the source of every figure as a table."""
    record = loaded.record.model_dump()
    shown = Table(title=f"{record['name']}: {record.get('title', record['profile'])}", title_justify="left", box=None)
    for name in ("figure", "value", "kind", "range", "source"):
        shown.add_column(name, justify="right" if name == "value" else "left", overflow="fold")
    for path, source in loaded.figures().items():
        value: Any = record
        for part in path.split("."):
            value = value[part]
        limits = f"{number(source.low)} to {number(source.high)}" if source.low is not None else ""
        text = source.source + (f" ({source.error})" if source.error else "")
        shown.add_row(path, number(value), source.kind, limits, text)
    return shown


def number(value: Any) -> str:
    """Return a number in at most five significant digits, with thousands separated.

    >>> number(1234567.8), number(0.00123456), number(None), number(12)
    ('1,234,600', '0.0012346', '', '12')
    """
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, list | tuple):
        return ", ".join(number(item) for item in value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    rounded = float(f"{value:.4e}")
    if 1e-4 <= abs(rounded) < 1e12:
        return f"{rounded:,.{max(4 - math.floor(math.log10(abs(rounded))), 0)}f}"
    return f"{value:.4e}"


def indicator(name: str, interim: bool) -> str:
    """Return how a figure is called: indicators that are defined for a year are interim in a shorter run.

    >>> indicator("pue", interim=True), indicator("facility_energy_kwh", interim=True)
    ('interim pue', 'facility_energy_kwh')
    """
    return f"interim {name}" if interim and name in YEARLY_INDICATORS else name


def _scalars(title: str, values: dict[str, Any], interim: bool = False) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(min_width=38)
    table.add_column(justify="right", min_width=14)
    table.add_column()
    for name, value in values.items():
        if value is not None:
            table.add_row(indicator(name, interim), number(value), NOTES.get(name, unit_of(name)))
    return table


def _latencies(summary: dict[str, Any]) -> Table:
    table = Table(title="latency of completed requests (s)", title_justify="left", box=None, pad_edge=False)
    table.add_column("", min_width=38)
    for statistic in ("mean", "p50", "p90", "p99"):
        table.add_column(statistic, justify="right", min_width=7)
    names = {"ttft": "time to first token", "tpot": "time per further token", "e2e": "time to last token"}
    for name, title in names.items():
        table.add_row(title, *(number(summary[f"{name}_{statistic}_s"]) for statistic in ("mean", "p50", "p90", "p99")))
    return table


def _frame(title: str, frame: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[name]):
            table.add_column(name, justify="right", no_wrap=True)
        else:
            table.add_column(name, overflow="fold")
    for row in frame.head(40).itertuples(index=False):
        table.add_row(*(number(value) for value in row))
    if len(frame) > 40:
        table.caption = f"the first 40 of {len(frame):,}; all are in the saved table"
    return table


def _signals(sites: dict[str, dict[str, dict[str, Any]]]) -> Table:
    table = Table(title="signals", title_justify="left", box=None, pad_edge=False)
    for name in ("site", "signal", "from", "every s", "counts"):
        table.add_column(name, justify="right" if name == "every s" else "left", overflow="fold")
    for site, signals in sites.items():
        for signal, origin in signals.items():
            counts = ", ".join(str(origin[key]) for key in ("basis", "boundary") if key in origin)
            table.add_row(site, signal, str(origin["provider"]), number(origin["resolution_s"]), counts)
    return table


def _figures(figures: pd.DataFrame) -> Iterator[Table]:
    table = Table(title="figures that this run rests on", title_justify="left", box=None, pad_edge=False)
    table.add_column("profile", min_width=38, overflow="fold")
    for kind in KINDS:
        table.add_column(kind, justify="right")
    counts = pd.crosstab(figures.profile, figures.kind).reindex(columns=list(KINDS), fill_value=0)
    for name, row in counts.iterrows():
        table.add_row(str(name), *(str(row[kind]) for kind in KINDS))
    total = counts.sum()
    table.add_row("[bold]all[/bold]", *(f"[bold]{total[kind]}[/bold]" for kind in KINDS))
    table.caption = "each with its source: table figures, or `wattline profiles NAME`"
    table.caption_justify = "left"
    yield table
    ranges = figures[(figures.kind == "measured") & figures.low.notna()]
    if len(ranges):
        yield _ranges(ranges)


def _ranges(figures: pd.DataFrame) -> Table:
    table = Table(title="measured figures with a range", title_justify="left", box=None, pad_edge=False)
    table.add_column("figure", min_width=38, overflow="fold")
    for name in ("value", "low", "high"):
        table.add_column(name, justify="right")
    for row in figures.itertuples():
        table.add_row(f"{row.profile}: {row.name}", number(row.value), number(row.low), number(row.high))
    table.caption = "the 95 % interval where a calibration gave it"
    table.caption_justify = "left"
    return table


def _audits(audit: pd.DataFrame) -> str:
    closed = int(audit.ok.sum())
    return f"balances: {closed} of {len(audit)} close"
