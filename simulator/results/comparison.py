"""Compare runs: their summaries side by side, with the change against the first."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simulator.results.result import Result
from simulator.results.summary import SUMMARY_FIELDS

_UNITS = {
    "kwh": "kWh",
    "kw": "kW",
    "h": "h",
    "s": "s",
    "j": "J",
    "l": "L",
    "usd": "USD",
    "c": "degC",
}
_COMPOUND_UNITS = {
    "_kg_co2e_per_million_tokens": "kg CO2e/M tokens",
    "_kg_co2e_per_request": "kg CO2e/request",
    "_kg_co2e_per_training_run": "kg CO2e/run",
    "_usd_per_million_tokens": "USD/M tokens",
    "_usd_per_training_run": "USD/run",
    "_kg_per_kwh": "kg/kWh",
    "_kg_co2e": "kg CO2e",
    "_g_per_kwh": "g/kWh",
    "_l_per_kwh": "L/kWh",
    "_tokens_per_s": "tokens/s",
    "_per_s": "1/s",
    "_tokens": "tokens",
}


def unit_of(field: str) -> str:
    """Return the unit that the name of a summary field ends with; empty for counts and ratios.

    >>> unit_of("facility_energy_kwh"), unit_of("wue_l_per_kwh"), unit_of("pue")
    ('kWh', 'L/kWh', '')
    """
    for suffix, unit in _COMPOUND_UNITS.items():
        if field.endswith(suffix):
            return unit
    return _UNITS.get(field.rpartition("_")[2], "")


def compare(*results: Result) -> pd.DataFrame:
    """Return one row per summary field that any run has.

    Columns: `field`, `unit`, one per run (named after it), and for each run after the first `change NAME`, relative to
    the size of the first run's figure (missing where that is zero or absent, and for temperatures, whose zero is
    arbitrary).
    """
    names = distinct_names(results)
    rows = []
    for field in SUMMARY_FIELDS:
        values = [getattr(result.summary, field) for result in results]
        if all(value is None for value in values):
            continue
        row: dict[str, object] = {"field": field, "unit": unit_of(field), **dict(zip(names, values, strict=True))}
        base = values[0]
        for name, value in zip(names[1:], values[1:], strict=True):
            known = base and value is not None and unit_of(field) != "degC"
            row[f"change {name}"] = (value - base) / abs(base) if known else None
        rows.append(row)
    return pd.DataFrame(rows)


def distinct_names(results: Sequence[Result]) -> list[str]:
    """Return the names of the scenarios, numbered where they repeat."""
    names: list[str] = []
    for result in results:
        name, count = result.name, 2
        while name in names:
            name, count = f"{result.name} ({count})", count + 1
        names.append(name)
    return names
