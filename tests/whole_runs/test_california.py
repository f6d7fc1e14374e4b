"""California in 2022: carbon of CISO, prices of CAISO and weather of San Jose joined, with sun and battery or none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import simulator as sim
from benchmarks import california

WEEK = {"start": "2022-06-06T00:00:00Z", "duration_h": 168, "facility.plant_step_s": 300}
SHOWN = {"none": "grid alone", "sun": "photovoltaics", "both": "and battery, self-consumption"}


@pytest.fixture(scope="module")
def runs(shared: Path) -> dict[str, sim.Result]:
    pytest.importorskip("pvlib")
    return {name: california.run(shared, california.SUPPLIES[shown], **WEEK) for name, shown in SHOWN.items()}


def test_the_figures_of_the_study_are_those_of_the_summary(runs: dict[str, sim.Result]) -> None:
    for name, result in runs.items():
        case, summary = california.measured(name, result), result.summary
        assert case.import_kwh == pytest.approx(summary.grid_import_kwh, rel=1e-12)
        assert case.load_kwh == pytest.approx(summary.facility_energy_kwh, rel=1e-12)
        assert case.emissions_kg_co2e == pytest.approx(summary.scope2_location_kg_co2e, rel=1e-12)
        assert case.cost_usd == pytest.approx(summary.energy_cost_usd, rel=1e-12)
        assert case.worst_residual_w < 1e-9 * 1e5
        assert case.largest_gain_kwh <= 1e-9
        if name == "both":
            assert case.battery_loss_kwh == pytest.approx(summary.battery_loss_kwh, rel=1e-9)
            assert case.battery_cycles == pytest.approx(summary.battery_cycles, rel=1e-12)
            assert case.self_consumption_fraction == pytest.approx(summary.self_consumption_fraction, rel=1e-12)


def test_sources_are_uses_in_every_step(runs: dict[str, sim.Result]) -> None:
    for result in runs.values():
        table = result.supply
        sources = table.grid_import_w + table.solar_w + table.battery_discharge_w
        uses = table.load_w + table.battery_charge_w + table.grid_export_w + table.curtailed_w
        np.testing.assert_allclose(sources, uses, rtol=1e-9)
        assert result.audit.ok.all()
        assert result.summary.unserved_energy_kwh == 0.0


def test_sun_and_battery_save_import_and_emissions(runs: dict[str, sim.Result]) -> None:
    imports, emissions = {}, {}
    for name, result in runs.items():
        hours = (result.supply.end_s - result.supply.start_s) / 3600.0
        imports[name] = float((result.supply.grid_import_w * hours).sum()) / 1e3
        emissions[name] = float(
            (result.supply.grid_import_w * hours * result.facility.carbon_intensity_g_per_kwh).sum()
        )
    assert imports["none"] > imports["sun"] > imports["both"]
    assert emissions["none"] > emissions["sun"] > emissions["both"]
    assert runs["sun"].summary.curtailed_energy_kwh > runs["both"].summary.curtailed_energy_kwh
    assert runs["sun"].summary.self_consumption_fraction < runs["both"].summary.self_consumption_fraction


def test_the_battery_never_gains(runs: dict[str, sim.Result]) -> None:
    table = runs["both"].supply
    hours = (table.end_s - table.start_s) / 3600.0
    taken_kwh = (table.battery_charge_w * hours).cumsum() / 1e3
    given_kwh = (table.battery_discharge_w * hours).cumsum() / 1e3
    assert (given_kwh + table.battery_stored_kwh <= 200.0 + taken_kwh + 1e-9).all()
    assert runs["both"].summary.battery_cycles > 3.0


def test_the_sun_of_california_is_noted_as_estimated(runs: dict[str, sim.Result]) -> None:
    notes = runs["sun"].events[runs["sun"].events.kind == "note"].detail
    assert notes.str.contains("sunlight is estimated from cloud cover").any()
