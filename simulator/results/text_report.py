"""The report of a run as text: tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.table import Table

from simulator.profiles.sourced import Profile
from simulator.results.comparison import unit_of
from simulator.results.result import Result
from simulator.results.site_energy import SCALARS

KINDS = ("measured", "datasheet", "estimated")

_SECTIONS = {
    "energy": (
        "facility_energy_kwh",
        "it_energy_kwh",
        "accelerator_energy_kwh",
        "host_energy_kwh",
        "network_energy_kwh",
        "storage_energy_kwh",
        "server_fan_energy_kwh",
        "cooling_energy_kwh",
        "conversion_loss_kwh",
        "other_energy_kwh",
        "training_energy_kwh",
        "inference_energy_kwh",
        "idle_energy_kwh",
        "mean_facility_power_kw",
        "peak_facility_power_kw",
    ),
    "facility, carbon, cost": (
        "pue",
        "itue",
        "tue",
        "wue_l_per_kwh",
        "water_withdrawn_l",
        "free_cooling_fraction",
        "unmet_heat_kwh",
        "erf",
        "reused_heat_kwh",
        "outside_curves_h",
        "operational_emissions_kg_co2e",
        "mean_carbon_intensity_g_per_kwh",
        "embodied_emissions_kg_co2e",
        "embodied_unallocated_kg_co2e",
        "energy_cost_usd",
        "accelerator_busy_fraction",
    ),
    "site supply": SCALARS,
    "heat": (
        "peak_inlet_c",
        "peak_die_c",
        "hall_outside_recommended_h",
        "hall_outside_allowable_h",
        "hall_throttled_h",
        "hall_off_h",
    ),
    "inference": (
        "requests_arrived",
        "requests_completed",
        "requests_rejected",
        "requests_in_flight",
        "output_tokens",
        "output_tokens_per_s",
        "goodput_per_s",
        "slo_attainment",
        "preemptions",
        "energy_per_output_token_j",
        "accelerator_energy_per_output_token_j",
    ),
    "training": (
        "jobs_completed",
        "training_steps",
        "training_tokens",
        "training_mfu",
        "energy_per_training_token_j",
    ),
}


_SITE_HEADINGS = {
    "facility_energy_kwh": "kWh",
    "it_energy_kwh": "IT kWh",
    "pue": "PUE",
    "operational_emissions_kg_co2e": "kg CO2e",
    "energy_cost_usd": "USD",
    "water_withdrawn_l": "water l",
}

_HALL_HEADINGS = {
    "air_class": "class",
    "outside_recommended_h": "h outside recommended",
    "outside_allowable_h": "allowable",
    "inlet_peak_c": "peak inlet degC",
    "die_peak_c": "peak die degC",
    "throttled_h": "h throttled",
    "off_h": "off",
}

_WORKLOAD_HEADINGS = {
    "energy_kwh": "kWh",
    "idle_energy_kwh": "idle kWh",
    "operational_emissions_kg_co2e": "kg CO2e",
    "energy_cost_usd": "USD",
    "accelerator_h": "acc. h",
    "requests_completed": "requests",
    "output_tokens": "tokens out",
    "ttft_p50_s": "TTFT p50 s",
    "ttft_p99_s": "p99",
    "tpot_p50_s": "TPOT p50 s",
    "tpot_p99_s": "p99 ",
}


def report(result: Result) -> Iterator[RenderableType]:
    """Yield the parts of a run's report."""
    summary = result.summary.as_dict()
    yield f"[bold]{result.name}[/bold]: {summary['simulated_h']:,.4g} h simulated in {result.manifest['wall_s']:.1f} s"
    there = {"inference": summary["requests_arrived"], "training": len(result.jobs), "heat": len(result.halls)}
    for title, names in _SECTIONS.items():
        if not there.get(title, 1):
            continue
        if title == "site supply" and not len(result.supply):
            continue
        yield _scalars(title, {name: summary[name] for name in names})
        if title == "inference":
            yield _latencies(summary)
    if len(result.sites) > 1:
        yield _frame("sites", result.sites.rename(columns=_SITE_HEADINGS))
    if len(result.halls) > 1:
        yield _frame("halls", result.halls[["hall", *_HALL_HEADINGS]].rename(columns=_HALL_HEADINGS))
    if len(result.workloads) > 1:
        yield _frame("workloads", result.workloads.rename(columns=_WORKLOAD_HEADINGS))
    if len(result.jobs):
        yield _frame("jobs", result.jobs[["name", "accelerators", "queue_s", "steps", "step_s", "mfu", "outcome"]])
    yield _signals(result.manifest.get("signals", {}))
    if len(result.events):
        yield _frame("events", result.events)
    yield _figures(result.figures)
    yield _audits(result.audit)


def comparison(table: pd.DataFrame) -> RenderableType:
    """Return a comparison of runs as a table."""
    shown = Table(title="comparison", title_justify="left", box=None, pad_edge=False)
    for name in table.columns:
        shown.add_column(name, justify="left" if name in ("field", "unit") else "right", overflow="fold")
    for row in table.itertuples(index=False):
        cells = []
        for name, value in zip(table.columns, row, strict=True):
            if name in ("field", "unit"):
                cells.append(str(value))
            elif name.startswith("change "):
                cells.append("" if value is None or math.isnan(value) else f"{value:+.2%}")
            else:
                cells.append(number(value))
        shown.add_row(*cells)
    return shown


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


def _scalars(title: str, values: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(min_width=38)
    table.add_column(justify="right", min_width=14)
    table.add_column()
    for name, value in values.items():
        if value is not None:
            table.add_row(name, number(value), unit_of(name))
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


def _figures(figures: pd.DataFrame) -> Table:
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
    return table


def _audits(audit: pd.DataFrame) -> str:
    closed = int(audit.ok.sum())
    return f"balances: {closed} of {len(audit)} close"
