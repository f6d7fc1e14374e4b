"""The ledger by hand: two halls, two workloads, switches, shared storage and a facility around them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from simulator.records import Chapter, StepColumns
from simulator.results.ledger import ACTIVITIES, LedgerBuilder
from simulator.results.meter_clock import MeterClock
from simulator.signals.base import ConstantSignal, Signal, StepSignal

STEP_S = 10.0
CARBON = ConstantSignal(360.0)
"""360 g/kWh are 1e-7 kg/J."""
PRICE = ConstantSignal(0.36)
"""0.36 USD/kWh are 1e-7 USD/J."""


def hall(
    name: str, watts: tuple[float, float, float, float, float, float], leakage_w: float = 0.0
) -> dict[str, list[float]]:
    parts = ("host_w", "storage_w", "fabric_w", "nic_w", "fan_w", "psu_loss_w", "leakage_w")
    return {f"hall.{name}.{part}": [value] for part, value in zip(parts, (*watts, leakage_w), strict=True)}


def chapter(
    columns: dict[str, list[float]],
    accounts: dict[tuple[str, str, str], tuple[float, float, float, float]],
    storage_j: dict[str, float],
    start_s: float = 0.0,
) -> Chapter:
    """A chapter of one step of ten seconds, all of whose energy comes through the meter."""
    booked_j = sum(sum(reading[:3]) for reading in accounts.values()) + sum(storage_j.values())
    columns = {**columns, "power.facility_power_w": [sum(value for (value,) in columns.values()) + booked_j / STEP_S]}
    steps = StepColumns(
        start_s, np.array([start_s + STEP_S]), {name: np.array(values) for name, values in columns.items()}
    )
    readings = {key: np.array(reading, dtype=float)[:, None] for key, reading in accounts.items()}
    return Chapter(steps, readings, {name: np.array([energy_j]) for name, energy_j in storage_j.items()})


SITE = {
    "network_w": [100.0],
    "power.mechanical_power_w": [445.2],
    "power.rack_loss_w": [1.13],
    "power.busway_loss_w": [3.0],
    "power.pdu_loss_w": [7.0],
    "power.ups_loss_w": [22.26],
    "power.transformer_loss_w": [11.13],
    "power.other_power_w": [22.26],
}
"""Cooling as large as IT, losses of a tenth and other uses of a twentieth of it."""
COLUMNS = {**hall("a", (40, 4, 8, 2, 13.4, 26.8)), **hall("b", (10, 0, 0, 5, 14, 7)), **SITE}
ACCOUNTS = {
    ("a", "chat", "inference"): (600.0, 100.0, 0.0, 30.0),
    ("a", "", "idle"): (100.0, 0.0, 0.0, 10.0),
    ("b", "tune", "training"): (1000.0, 200.0, 50.0, 60.0),
}
STORAGE_J = {"": 20.0, "tune": 80.0}

# Chat holds 30 of the 40 accelerator-seconds of hall a, so three quarters of host (400 J), drives (40 J), switch chips
# (80 J) and adapters (20 J). Behind the supplies it draws 700 + 405 = 1105 J of 1340 J, and so causes 110.5 J of 134 J
# of fans and 221 J of 268 J of supply losses. Of 1000 J of switches it takes 30 of 100 held accelerator-seconds.
IT_J = {
    ("inference", "chat"): (600.0, 100 + 60 + 15 + 300.0, 30.0, 300.0, 221.0, 110.5, 0.0),
    ("idle", ""): (100.0, 20 + 5 + 100.0, 10 + 20.0, 100.0, 47.0, 23.5, 0.0),
    ("training", "tune"): (1000.0, 200 + 50 + 600.0, 80.0, 100.0, 70.0, 140.0, 50.0),
}
ADDED = {"cooling": 1.0, "conversion_loss": 0.1, "other": 0.05}


def build(*chapters: Chapter, carbon: Signal = CARBON, price: Signal = PRICE) -> LedgerBuilder:
    builder = LedgerBuilder(carbon, price, MeterClock(datetime(2024, 1, 1, tzinfo=UTC), 3600))
    for part in chapters:
        builder.add(part)
    return builder


def test_the_hand_computed_parts_add_up_to_the_plugs() -> None:
    # What is checked below is itself consistent: 4452 J of IT, and 115 % of it on top.
    assert sum(sum(row) for row in IT_J.values()) == pytest.approx(4452.0)
    assert sum(SITE["power.mechanical_power_w"]) * STEP_S == pytest.approx(4452.0 * ADDED["cooling"])


@pytest.mark.parametrize("key", IT_J)
def test_shares_by_hand(key: tuple[str, str]) -> None:
    entry = build(chapter(COLUMNS, ACCOUNTS, STORAGE_J)).ledger.entries[key]
    it_j = sum(IT_J[key])
    for activity, by_hand_j, energy_j in zip(ACTIVITIES, IT_J[key], entry.energy_j, strict=True):
        assert energy_j == pytest.approx(by_hand_j + ADDED.get(activity, 0.0) * it_j), activity
    assert entry.emissions_kg_co2e == pytest.approx(2.15 * it_j * 1e-7)
    assert entry.cost_usd == pytest.approx(2.15 * it_j * 1e-7)
    held_s = {"chat": 30.0, "": 10.0, "tune": 60.0}
    assert entry.accelerator_s == held_s[key[1]]


def test_totals_by_phase_and_the_table() -> None:
    ledger = build(chapter(COLUMNS, ACCOUNTS, STORAGE_J)).ledger
    assert ledger.total_j() == pytest.approx(4452.0 * 2.15)
    assert ledger.total_j("training") == pytest.approx(2290.0 * 2.15)
    assert ledger.total_j("inference") == pytest.approx(1736.5 * 2.15)
    table = ledger.table()
    assert list(table.columns) == ["phase", "activity", "workload", "energy_kwh"]
    assert table.energy_kwh.sum() * 3.6e6 == pytest.approx(4452.0 * 2.15)
    assert (table.energy_kwh > 0.0).all()
    first = table.iloc[0]
    assert (first.phase, first.activity, first.workload) == ("idle", "compute", "")
    assert first.energy_kwh * 3.6e6 == pytest.approx(100.0)


def test_a_step_in_which_nothing_is_held_falls_to_none() -> None:
    # Two steps in one chapter: in the second one, no account has a reading, as in a hall without accelerators.
    columns = {name: [value, value] for name, (value,) in COLUMNS.items()}
    columns["power.facility_power_w"] = [sum(values) for values in zip(*columns.values(), strict=True)]
    steps = StepColumns(0.0, np.array([10.0, 20.0]), {name: np.array(value) for name, value in columns.items()})
    accounts = {key: np.array([[value, 0.0] for value in reading]) for key, reading in ACCOUNTS.items()}
    two = Chapter(steps, accounts, {name: np.array([value, 0.0]) for name, value in STORAGE_J.items()})
    ledger = build(two).ledger
    for key in (("inference", "chat"), ("training", "tune")):
        once = build(chapter(COLUMNS, ACCOUNTS, STORAGE_J)).ledger.entries[key]
        assert ledger.entries[key].energy_j == pytest.approx(once.energy_j)
    # The second step: servers without their accelerators, the switches, and the whole of the facility.
    servers_j = 10.0 * (40 + 4 + 8 + 2 + 13.4 + 26.8 + 10 + 5 + 14 + 7)
    facility_j = servers_j + 1000.0 + 4452.0 * 1.15
    gained = ledger.total_j("idle") - 425.5 * 2.15
    assert gained == pytest.approx(facility_j)


def test_a_dark_step_still_has_lights_and_losses() -> None:
    columns = {**hall("a", (0, 0, 0, 0, 0, 0)), **SITE, "network_w": [0.0]}
    ledger = build(chapter(columns, {}, {})).ledger
    assert set(ledger.entries) == {("idle", "")}
    by_activity = dict(zip(ACTIVITIES, ledger.entries["idle", ""].energy_j, strict=True))
    assert by_activity["cooling"] == pytest.approx(4452.0)
    assert by_activity["conversion_loss"] == pytest.approx(445.2)
    assert by_activity["other"] == pytest.approx(222.6)
    assert ledger.total_j() == pytest.approx(4452.0 * 1.15)


def test_emissions_follow_the_hour_in_which_energy_is_used() -> None:
    carbon = StepSignal([0.0, 10.0, 20.0], [360.0, 720.0])
    price = StepSignal([0.0, 15.0, 20.0], [0.36, -0.36])
    parts = [chapter(COLUMNS, ACCOUNTS, STORAGE_J, start_s) for start_s in (0.0, 10.0)]
    entry = build(*parts, carbon=carbon, price=price).ledger.entries["inference", "chat"]
    step_j = 1736.5 * 2.15
    assert entry.emissions_kg_co2e == pytest.approx(step_j * (1e-7 + 2e-7))
    # The price of the second step changes its sign halfway, so the step costs nothing.
    assert entry.cost_usd == pytest.approx(step_j * 1e-7)


def test_a_workload_in_two_halls_has_one_entry() -> None:
    accounts = {**ACCOUNTS, ("b", "chat", "inference"): (500.0, 0.0, 0.0, 60.0)}
    ledger = build(chapter(COLUMNS, accounts, {})).ledger
    # Of the switches, 90 of 160 accelerator-seconds; of the adapters of hall b, half of 50 J.
    transfer_j = ledger.entries["inference", "chat"].energy_j[ACTIVITIES.index("data_transfer")]
    assert transfer_j == pytest.approx(100 + 60 + 15 + 25.0 + 1000.0 * 90 / 160)
    assert ledger.entries["inference", "chat"].accelerator_s == 90.0


def test_leakage_follows_the_energy_of_busy_accelerators() -> None:
    """Chat draws 300 J and training 900 J; the idle accelerator has no part in 40 J, whether they are more or less."""
    accounts = {
        ("a", "chat", "inference"): (250.0, 50.0, 0.0, 10.0),
        ("a", "tune", "training"): (600.0, 200.0, 100.0, 10.0),
        ("a", "", "idle"): (100.0, 0.0, 0.0, 10.0),
    }
    dark = {name: [0.0] for name in SITE}
    for leakage_w in (4.0, -4.0):
        columns = {**hall("a", (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), leakage_w), **dark}
        entries = build(chapter(columns, accounts, {})).ledger.entries
        compute = ACTIVITIES.index("compute")
        assert entries["inference", "chat"].energy_j[compute] == pytest.approx(250.0 + 2.5 * leakage_w, rel=1e-12)
        assert entries["training", "tune"].energy_j[compute] == pytest.approx(600.0 + 7.5 * leakage_w, rel=1e-12)
        assert entries["idle", ""].energy_j[compute] == pytest.approx(100.0, rel=1e-12)
