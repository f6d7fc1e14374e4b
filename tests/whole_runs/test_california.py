"""California in 2022: carbon of CISO, prices of CAISO and weather of San Jose joined, with sun and battery or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simulator as sim

WEEK = {"start": "2022-06-06T00:00:00Z", "duration_h": 168, "facility.plant_step_s": 300}
SOLAR = {"kind": "array", "capacity_kw": 250, "mounting": {"kind": "fixed", "tilt_deg": 25}}
BATTERY = {"energy_kwh": 400, "power_kw": 100, "policy": {"kind": "self_consumption"}}


@pytest.fixture(scope="module")
def runs(root: Path, shared: Path) -> dict[str, sim.Result]:
    pytest.importorskip("pvlib")
    data = shared / "data"
    place = {
        "site.weather": {"kind": "open_meteo", "file": str(data / "weather/open_meteo/US-CAL-CISO/2022.json")},
        "site.carbon_intensity": {
            "kind": "eia",
            "file": str(data / "carbon/eia_us_2022/CISO_NG_&_avgCI.csv"),
            "gaps": {"fill": "interpolate"},
        },
        "site.price": {
            "kind": "market_csv",
            "file": str(data / "prices/US-CAL-CISO/2022/US-CAL-CISO_electricity_prices_2022.csv"),
        },
    }
    supplies: dict[str, dict[str, Any]] = {
        "none": {},
        "sun": {"solar": SOLAR},
        "both": {"solar": SOLAR, "battery": BATTERY},
    }
    return {
        name: sim.run(sim.load(root / "scenarios/solar-battery.yaml", {**WEEK, **place, "site.supply": supply}))
        for name, supply in supplies.items()
    }


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
