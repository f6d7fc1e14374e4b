"""Scalars of a run of two steps, worked out by hand from its columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simulator.records import HallFacts, JobRecord, NetworkFacts, RequestLog, RunRecords
from simulator.results.context import RunContext, SiteContext
from simulator.results.latency import request_table
from simulator.results.ledger import Entry, Ledger
from simulator.results.metrics import summarize
from simulator.results.settlement import settle
from simulator.results.summary import SUMMARY_FIELDS, Summary
from simulator.signals.base import StepSignal

ENDS_S = [3600.0, 5400.0]
"""An hour and half an hour: a kilowatt is 1 kWh in the first step and 0.5 kWh in the second."""
HALL_A = HallFacts("a", 2, 16, 150.0, 1000.0, 4.0, 10_000.0)
HALL_B = HallFacts("b", 3, 0, 0.0, 800.0, 6.0, 1000.0)
SWITCHES = NetworkFacts(4, 90.0, 8.0)
COLUMNS = {
    "hall.a.accelerator_w": [5000.0, 600.0],
    "hall.a.host_w": [800.0, 300.0],
    "hall.b.host_w": [200.0, 100.0],
    "hall.a.fabric_w": [60.0, 60.0],
    "hall.a.nic_w": [140.0, 40.0],
    "hall.a.storage_w": [30.0, 30.0],
    "hall.a.fan_w": [500.0, 100.0],
    "hall.a.psu_loss_w": [350.0, 150.0],
    "hall.b.psu_loss_w": [50.0, 50.0],
    "hall.a.busy_share": [0.5, 0.25],
    "hall.b.busy_share": [1.0, 1.0],
    "network_w": [100.0, 100.0],
    "shared_storage_w": [170.0, 70.0],
    "power.it_power_w": [8000.0, 2000.0],
    "power.mechanical_power_w": [1400.0, 1200.0],
    "power.rack_loss_w": [10.0, 20.0],
    "power.busway_loss_w": [30.0, 60.0],
    "power.pdu_loss_w": [60.0, 120.0],
    "power.ups_loss_w": [200.0, 200.0],
    "power.ups_output_w": [8100.0, 2200.0],
    "power.transformer_loss_w": [100.0, 200.0],
    "power.other_power_w": [200.0, 200.0],
    "power.facility_power_w": [10_000.0, 4000.0],
    "cooling.makeup_water_kg": [12.0, 6.0],
    "cooling.consumed_water_kg": [9.0, 3.0],
    "cooling.free_s": [3600.0, 900.0],
    "cooling.partial_s": [0.0, 600.0],
    "cooling.mechanical_s": [0.0, 300.0],
    "cooling.unmet_heat_w": [0.0, 100.0],
    "cooling.reused_heat_w": [1000.0, 400.0],
    "cooling.outside_curves_s": [1800.0, 0.0],
}
ACCOUNTS = {
    ("a", "tune", "training"): np.array([1.0, 1.0, 1.0, 16 * 5400.0 * 0.75]),
    ("a", "", "idle"): np.array([1.0, 0.0, 0.0, 16 * 5400.0 * 0.25]),
}
JOBS = (
    JobRecord("x", "a", 8, 0.0, 10.0, 1.0, 0.4, 1e12, 600.0, 2400.0, 10.0, 1000.0, 3e15, outcome="completed"),
    JobRecord("y", "a", 4, 0.0, 10.0, 1.0, 0.4, 1e12, 3600.0, None, 2.5, 500.0, 1e15, outcome="running"),
    JobRecord("z", "a", 16, 0.0, 10.0, 1.0, 0.4, 1e12),
)
LEDGER = Ledger(
    {
        ("idle", ""): Entry(np.array([3.6e6, 0, 0, 0, 0, 0, 7.2e6])),
        ("training", "tune"): Entry(np.full(7, 3.6e6)),
        ("idle", "chat"): Entry(np.array([1.8e6, 0, 0, 0, 0, 0, 0])),
        ("inference", "chat"): Entry(np.array([0, 0, 0, 5.4e6, 0, 0, 0])),
    }
)
YEAR_S = 8760 * 3600.0
HALL_A_KG = (16 * 150 + 2 * 1000) / 4 * 5400 / YEAR_S
HALL_B_KG = 3 * 800 / 6 * 5400 / YEAR_S
SWITCHES_KG = 4 * 90 / 8 * 5400 / YEAR_S

BY_HAND = {
    "simulated_h": 1.5,
    "facility_energy_kwh": 12.0,
    "it_energy_kwh": 9.0,
    "accelerator_energy_kwh": 5.3,
    "host_energy_kwh": 1.0 + 0.2,
    "network_energy_kwh": 0.2 + 0.05 + 0.1 + 0.05,
    "storage_energy_kwh": 0.03 + 0.015 + 0.17 + 0.035,
    "server_fan_energy_kwh": 0.55,
    "cooling_energy_kwh": 2.0,
    # Supplies 0.4 + 0.1, distribution 0.4 + 0.3.
    "conversion_loss_kwh": 1.2,
    "other_energy_kwh": 0.3,
    "training_energy_kwh": 7.0,
    "inference_energy_kwh": 1.5,
    "idle_energy_kwh": 3.5,
    "mean_facility_power_kw": 8.0,
    "peak_facility_power_kw": 10.0,
    "mean_it_power_kw": 6.0,
    "pue": 12 / 9,
    # 9 kWh of IT less 0.55 of fans and 0.5 of supplies.
    "itue": 9 / 7.95,
    "tue": 12 / 7.95,
    "wue_l_per_kwh": 2.0,
    "water_withdrawn_l": 18.0,
    "water_consumed_l": 12.0,
    "free_cooling_fraction": 4500 / 5400,
    "unmet_heat_kwh": 0.05,
    # 1.0 + 0.2 kWh of 12 kWh.
    "erf": 0.1,
    "reused_heat_kwh": 1.2,
    "outside_curves_h": 0.5,
    # 10 kWh at 300 g, 1 kWh at 500 g, 1 kWh at 700 g.
    "operational_emissions_kg_co2e": 3.0 + 0.5 + 0.7,
    "mean_carbon_intensity_g_per_kwh": 350.0,
    "energy_cost_usd": 1.0 - 0.4,
    # At the output of the UPS 8.1 + 1.1 kWh, behind the PDU 0.12 kWh less.
    "pue_category_1": 12 / 9.2,
    "pue_category_2": 12 / 9.08,
    # 4.2 kg over 9 kWh of IT.
    "cue_kg_per_kwh": 4.2 / 9,
    "ref": 0.0,
    "grid_import_kwh": 12.0,
    "grid_export_kwh": 0.0,
    "scope1_kg_co2e": 0.0,
    "scope2_location_kg_co2e": 4.2,
    "embodied_emissions_low_kg_co2e": (HALL_A_KG + HALL_B_KG + SWITCHES_KG) / 1.6,
    "embodied_emissions_high_kg_co2e": (HALL_A_KG + HALL_B_KG + SWITCHES_KG) * 1.6,
    "running_cost_usd": 1.0 - 0.4,
    # The ledger made by hand gave no cost to anybody.
    "unallocated_cost_usd": 0.0,
    "embodied_emissions_kg_co2e": HALL_A_KG + HALL_B_KG + SWITCHES_KG,
    # A quarter of the accelerators is free; servers without accelerators are allocated to none.
    "embodied_unallocated_kg_co2e": HALL_A_KG / 4 + HALL_B_KG + SWITCHES_KG / 4,
    "jobs_completed": 1,
    "training_steps": 12.5,
    "training_tokens": 1500.0,
    # 4e15 operations in 8 x 1800 s and 4 x 1800 s at 1e12 per second; the queued job held nothing.
    "training_mfu": 4e15 / (12 * 1800 * 1e12),
    "energy_per_training_token_j": 7 * 3.6e6 / 1500,
    # Hall b has no accelerators that could be busy.
    "accelerator_busy_fraction": (0.5 * 3600 + 0.25 * 1800) / 5400,
}
MakeRecords = Callable[..., RunRecords]


@pytest.fixture
def context(make_context: Callable[..., RunContext]) -> RunContext:
    carbon = StepSignal([0.0, 3600.0, 4500.0, 7200.0], [300.0, 500.0, 700.0])
    price = StepSignal([0.0, 3600.0, 7200.0], [0.1, -0.2])
    return make_context(sites={"site": SiteContext(carbon, price)})


def summary_of(records: RunRecords, ledger: Ledger, context: RunContext) -> Summary:
    none = np.zeros(0, dtype=np.int64)
    (site,) = records.sites
    account = settle(site, ledger, context.sites[site.name], context.money, context.clock(site.name))
    return summarize(records, ledger, request_table("", RequestLog(none, none)), context, [account])


@pytest.fixture
def summary(make_records: MakeRecords, context: RunContext) -> Summary:
    facts: dict[str, Any] = {"halls": (HALL_A, HALL_B), "network": SWITCHES, "accounts": ACCOUNTS, "jobs": JOBS}
    return summary_of(make_records(ENDS_S, COLUMNS, **facts), LEDGER, context)


@pytest.mark.parametrize("name", BY_HAND)
def test_scalars_by_hand(summary: Summary, name: str) -> None:
    assert getattr(summary, name) == pytest.approx(BY_HAND[name], rel=1e-12)


def test_what_is_left_is_about_requests(summary: Summary) -> None:
    rest = {name: value for name, value in summary.as_dict().items() if name not in BY_HAND}
    counts = {name for name, value in rest.items() if value is not None}
    assert counts == {
        "requests_arrived", "requests_completed", "requests_rejected", "requests_in_flight", "prompt_tokens",
        "output_tokens", "output_tokens_per_s", "goodput_per_s", "preemptions",
    }  # fmt: skip
    assert not any(rest[name] for name in counts)
    assert set(rest) | set(BY_HAND) == set(SUMMARY_FIELDS)


def test_without_it_power_there_is_no_ratio(make_records: MakeRecords, context: RunContext) -> None:
    # A building whose lights are on and in which nothing runs.
    columns = {"power.facility_power_w": [200.0, 200.0], "power.other_power_w": [200.0, 200.0]}
    records = make_records(ENDS_S, columns, halls=(HALL_B,))
    summary = summary_of(records, Ledger({("idle", ""): Entry()}), context)
    absent = ("pue", "itue", "tue", "wue_l_per_kwh", "training_mfu", "accelerator_busy_fraction")
    assert [getattr(summary, name) for name in absent] == [None] * len(absent)
    assert summary.facility_energy_kwh == pytest.approx(0.3)
    assert summary.embodied_unallocated_kg_co2e == summary.embodied_emissions_kg_co2e == pytest.approx(HALL_B_KG)


def test_a_plant_without_modes_says_nothing_of_water(make_records: MakeRecords, context: RunContext) -> None:
    columns = {name: values for name, values in COLUMNS.items() if not name.startswith("cooling.")}
    summary = summary_of(make_records(ENDS_S, columns, halls=(HALL_A, HALL_B)), LEDGER, context)
    absent = (
        "wue_l_per_kwh", "water_withdrawn_l", "water_consumed_l", "free_cooling_fraction",
        "erf", "reused_heat_kwh", "outside_curves_h",
    )  # fmt: skip
    assert [getattr(summary, name) for name in absent] == [None] * len(absent)
    assert summary.unmet_heat_kwh == 0.0
    assert summary.pue == pytest.approx(12 / 9)


def test_a_dry_run_has_no_mean_carbon_intensity(make_records: MakeRecords, context: RunContext) -> None:
    summary = summary_of(make_records(ENDS_S, {}), Ledger({("idle", ""): Entry()}), context)
    assert summary.mean_carbon_intensity_g_per_kwh is None
    assert summary.operational_emissions_kg_co2e == 0.0
    assert summary.mean_facility_power_kw == 0.0
