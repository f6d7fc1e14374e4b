"""Runs side by side: changes by hand, units by name, and figures that one of the runs does not have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.results.comparison import unit_of
from simulator.results.summary import SUMMARY_FIELDS


def named(result: sim.Result, name: str, **fields: Any) -> sim.Result:
    return replace(result, manifest={**result.manifest, "scenario": name}, summary=replace(result.summary, **fields))


def row(table: pd.DataFrame, field: str) -> pd.Series:
    (found,) = [entry for _, entry in table.iterrows() if entry.field == field]
    return found


def test_changes_by_hand(result: sim.Result) -> None:
    base = named(result, "base", facility_energy_kwh=800.0, requests_arrived=50, pue=1.25)
    less = named(result, "less", facility_energy_kwh=600.0, requests_arrived=50, pue=1.5)
    more = named(result, "more", facility_energy_kwh=1000.0, requests_arrived=75, pue=None)
    table = sim.compare(base, less, more)
    assert list(table.columns) == ["field", "unit", "base", "less", "more", "change less", "change more"]
    energy = row(table, "facility_energy_kwh")
    assert (energy.unit, energy.base, energy["less"]) == ("kWh", 800.0, 600.0)
    assert (energy["change less"], energy["change more"]) == (-0.25, 0.25)
    assert row(table, "requests_arrived")[["change less", "change more"]].tolist() == [0.0, 0.5]
    assert row(table, "pue")["change less"] == pytest.approx(0.2)
    assert pd.isna(row(table, "pue")["change more"])


@pytest.mark.parametrize(
    ("base", "other", "change"),
    [
        (0.0, 5.0, None),
        (0.0, 0.0, None),
        (5.0, 0.0, -1.0),
        # A bill below zero that shrinks to half of its size has risen: the sign of a change is that of the difference.
        (-10.0, -5.0, 0.5),
        (-10.0, -15.0, -0.5),
        (-10.0, 10.0, 2.0),
        (None, 5.0, None),
        (5.0, None, None),
    ],
)
def test_changes_at_the_edges(
    result: sim.Result, base: float | None, other: float | None, change: float | None
) -> None:
    table = sim.compare(named(result, "a", energy_cost_usd=base), named(result, "b", energy_cost_usd=other))
    found = row(table, "energy_cost_usd")["change b"]
    assert pd.isna(found) if change is None else found == pytest.approx(change)


def test_fields_that_no_run_has_are_left_out(result: sim.Result) -> None:
    # The scenario has no contracts, no tariff, no prices and no water beyond its pipe.
    never = {name for name, value in result.summary.as_dict().items() if value is None}
    absent = {"training_mfu": None, "slo_attainment": None}
    table = sim.compare(named(result, "a", **absent), named(result, "b", **absent))
    assert set(SUMMARY_FIELDS) - set(table.field) == set(absent) | never
    assert "training_mfu" in set(sim.compare(named(result, "a", **absent), named(result, "b", training_mfu=0.3)).field)
    # Rows stay in the order of the summary.
    assert table.field.tolist() == [name for name in SUMMARY_FIELDS if name not in absent and name not in never]


def test_runs_of_the_same_name_are_told_apart(result: sim.Result) -> None:
    table = sim.compare(*[named(result, "day", facility_energy_kwh=energy) for energy in (100.0, 110.0, 90.0)])
    assert list(table.columns[2:]) == ["day", "day (2)", "day (3)", "change day (2)", "change day (3)"]
    assert row(table, "facility_energy_kwh")[["change day (2)", "change day (3)"]].tolist() == pytest.approx(
        [0.1, -0.1]
    )


def test_one_run_has_nothing_to_compare_with(result: sim.Result) -> None:
    table = sim.compare(result)
    assert list(table.columns) == ["field", "unit", "mixed"]


def test_a_run_compared_with_itself_changes_nothing(result: sim.Result) -> None:
    changes = sim.compare(result, result)["change mixed (2)"].astype(float)
    assert changes.dropna().abs().max() == 0.0
    table = sim.compare(result, result)
    # A share of a temperature says nothing: its zero is arbitrary.
    silent = (table.mixed.astype(float) == 0.0) | (table.unit == "degC")
    assert (changes.isna() == silent).all()


UNITS = {
    "kWh": [name for name in SUMMARY_FIELDS if "energy_kwh" in name] + [
        "conversion_loss_kwh", "unmet_heat_kwh", "grid_import_kwh", "grid_export_kwh", "reused_heat_kwh",
        "battery_discharged_kwh", "battery_loss_kwh", "grid_cap_exceeded_kwh",
    ],
    "kW": ["mean_facility_power_kw", "peak_facility_power_kw", "mean_it_power_kw", "peak_grid_import_kw"],
    "h": [
        "simulated_h", "outside_curves_h", "grid_outage_h",
        *(name for name in SUMMARY_FIELDS if name.startswith("hall_")),
    ],
    "degC": ["peak_inlet_c", "peak_die_c"],
    "L": [
        "water_withdrawn_l", "water_consumed_l", "source_water_l", "scarcity_weighted_site_water_l",
        "scarcity_weighted_source_water_l", "diesel_fuel_l",
    ],
    "L/kWh": ["wue_l_per_kwh"],
    "g/kWh": ["mean_carbon_intensity_g_per_kwh"],
    "kg CO2e": [name for name in SUMMARY_FIELDS if name.endswith("_kg_co2e")],
    "kg CO2e/M tokens": ["sci_kg_co2e_per_million_tokens"],
    "kg CO2e/request": ["sci_kg_co2e_per_request"],
    "kg CO2e/run": ["sci_kg_co2e_per_training_run"],
    "kg/kWh": ["cue_kg_per_kwh"],
    "USD": [name for name in SUMMARY_FIELDS if name.endswith("_usd")],
    "USD/M tokens": ["running_usd_per_million_tokens", "total_usd_per_million_tokens"],
    "USD/run": ["running_usd_per_training_run", "total_usd_per_training_run"],
    "s": [f"{what}_{which}_s" for what in ("ttft", "tpot", "e2e") for which in ("mean", "p50", "p90", "p99")],
    "tokens": ["prompt_tokens", "output_tokens", "training_tokens"],
    "tokens/s": ["output_tokens_per_s"],
    "1/s": ["goodput_per_s"],
    "J": ["energy_per_output_token_j", "accelerator_energy_per_output_token_j", "energy_per_training_token_j"],
    "": [
        "pue", "itue", "tue", "pue_category_1", "pue_category_2", "ref", "hourly_matched_fraction", "erf",
        "free_cooling_fraction", "requests_arrived", "requests_completed",
        "requests_rejected", "requests_in_flight", "slo_attainment", "preemptions", "jobs_completed",
        "training_steps", "training_mfu", "accelerator_busy_fraction", "self_consumption_fraction",
        "self_sufficiency_fraction", "battery_cycles",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("unit", "fields"), UNITS.items())
def test_every_field_has_its_unit(unit: str, fields: list[str]) -> None:
    assert {unit_of(field) for field in fields} == {unit}


def test_the_list_of_units_covers_the_summary() -> None:
    assert sorted(np.concatenate(list(UNITS.values()))) == sorted(SUMMARY_FIELDS)
