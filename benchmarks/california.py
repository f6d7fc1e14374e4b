"""California in 2022, hour by hour: ``python -m benchmarks.california --data ../shared --json OUT``.

Carbon of CISO, prices of CAISO and weather of San Jose joined around the hall of ``scenarios/solar-battery.yaml``: the
whole year from the grid alone, with photovoltaics, and with photovoltaics and a battery of four hours under three
policies. Every figure is taken from the table of the supply, step by step, and not from the summary that it is beside.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import simulator as sim
from simulator.units import GRAMS_PER_KG, JOULES_PER_KWH

SCENARIO = Path(__file__).resolve().parents[1] / "scenarios/solar-battery.yaml"
YEAR = {
    "start": "2022-01-01T00:00:00Z",
    "duration_h": 8760,
    # The job of the scenario would end in spring.
    "workloads.pre-training.length.steps": 1_000_000_000,
}
SOLAR = {"kind": "array", "capacity_kw": 250, "mounting": {"kind": "fixed", "tilt_deg": 25}}
BATTERY = {"energy_kwh": 400, "power_kw": 100}


def _battery(policy: str) -> dict[str, Any]:
    return {"solar": SOLAR, "battery": {**BATTERY, "policy": {"kind": policy}}}


SUPPLIES: dict[str, dict[str, Any]] = {
    "grid alone": {},
    "photovoltaics": {"solar": SOLAR},
    "and battery, self-consumption": _battery("self_consumption"),
    "and battery, carbon arbitrage": _battery("carbon_arbitrage"),
    "and battery, price arbitrage": _battery("price_arbitrage"),
}
"""Sections `supply` by what they show."""


@dataclass(frozen=True, slots=True)
class Case:
    """A year with one supply.

    Args:
        supply: what the site has beside the grid.
        load_kwh: energy of the facility.
        import_kwh: drawn from the grid.
        solar_kwh: generated, curtailed energy included.
        curtailed_kwh: generation that nothing could take.
        self_consumption_fraction: generation used on site / all of it; None without generation.
        emissions_kg_co2e: scope 2 by location.
        cost_usd: energy drawn x price.
        battery_charged_kwh: taken by the battery.
        battery_discharged_kwh: given by it.
        battery_loss_kwh: taken less given and kept.
        battery_cycles: given / nameplate energy.
        steps: plant steps.
        worst_residual_w: largest difference between sources and uses in a step.
        largest_gain_kwh: largest excess of energy given and kept over energy brought and taken, at any step's end.
        balances: audits of the run, all of which close.
    """

    supply: str
    load_kwh: float
    import_kwh: float
    solar_kwh: float
    curtailed_kwh: float
    self_consumption_fraction: float | None
    emissions_kg_co2e: float
    cost_usd: float
    battery_charged_kwh: float
    battery_discharged_kwh: float
    battery_loss_kwh: float
    battery_cycles: float
    steps: int
    worst_residual_w: float
    largest_gain_kwh: float
    balances: int


def site(data: Path) -> dict[str, Any]:
    """Return what surrounds the hall, as values to set, from a user's copy of the published series.

    Weather begins at midnight of its own clock, seven hours into the UTC year, and repeats by date; an hour without
    generation data is filled between its neighbours.
    """
    return {
        "site.weather": {
            "kind": "open_meteo",
            "file": str((data / "data/weather/open_meteo/US-CAL-CISO/2022.json").resolve()),
            "repeat_yearly": True,
        },
        "site.carbon_intensity": {
            "kind": "eia",
            "file": str((data / "data/carbon/eia_us_2022/CISO_NG_&_avgCI.csv").resolve()),
            "gaps": {"fill": "interpolate", "longest_h": 24},
        },
        "site.price": {
            "kind": "market_csv",
            "file": str((data / "data/prices/US-CAL-CISO/2022/US-CAL-CISO_electricity_prices_2022.csv").resolve()),
        },
    }


def run(data: Path, supply: dict[str, Any], **values: Any) -> sim.Result:
    """Run the hall with one supply.

    Args:
        data: folder of published series.
        supply: section `supply`.
        values: further values to set, such as `duration_h`.
    """
    return sim.run(sim.load(SCENARIO, {**site(data), "site.supply": supply, **values}))


def measured(name: str, result: sim.Result) -> Case:
    """Return the figures of a run, step by step."""
    table = result.supply
    seconds = (table.end_s - table.start_s).to_numpy()

    def kwh(column: str) -> float:
        return float(table[column].to_numpy() @ seconds) / JOULES_PER_KWH

    sources_w = table[["grid_import_w", "solar_w", "battery_discharge_w"]].to_numpy().sum(axis=1)
    uses_w = table[["load_w", "battery_charge_w", "grid_export_w", "curtailed_w"]].to_numpy().sum(axis=1)
    taken_kwh, given_kwh = (
        np.cumsum(table[f"battery_{way}_w"].to_numpy() * seconds) / JOULES_PER_KWH for way in ("charge", "discharge")
    )
    stored_kwh = table.battery_stored_kwh.to_numpy()
    # Half full at the start, as the schema has it.
    initial_kwh = 0.5 * BATTERY["energy_kwh"] if stored_kwh.any() else 0.0
    solar_kwh, unused_kwh = kwh("solar_w"), kwh("curtailed_w") + kwh("grid_export_w")
    drawn_kwh = table.grid_import_w.to_numpy() * seconds / JOULES_PER_KWH
    return Case(
        supply=name,
        load_kwh=kwh("load_w"),
        import_kwh=float(drawn_kwh.sum()),
        solar_kwh=solar_kwh,
        curtailed_kwh=kwh("curtailed_w"),
        self_consumption_fraction=1.0 - unused_kwh / solar_kwh if solar_kwh else None,
        emissions_kg_co2e=float(drawn_kwh @ result.facility.carbon_intensity_g_per_kwh) / GRAMS_PER_KG,
        cost_usd=float(drawn_kwh @ result.facility.price_usd_per_kwh),
        battery_charged_kwh=float(taken_kwh[-1]),
        battery_discharged_kwh=float(given_kwh[-1]),
        battery_loss_kwh=float(taken_kwh[-1] - given_kwh[-1] - (stored_kwh[-1] - initial_kwh)),
        battery_cycles=float(given_kwh[-1]) / BATTERY["energy_kwh"],
        steps=len(table),
        worst_residual_w=float(np.abs(sources_w - uses_w).max()),
        largest_gain_kwh=float((given_kwh + stored_kwh - taken_kwh - initial_kwh).max()),
        balances=int(result.audit.ok.sum()),
    )


def main() -> None:
    """Run the year with every supply and print what it saves."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.california")
    parser.add_argument("--data", type=Path, default=Path("../shared"), help="folder of published series")
    parser.add_argument("--hours", type=float, default=8760.0, help="length of the run from the start of 2022")
    parser.add_argument("--step", type=float, default=300.0, help="plant step in seconds")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    values = {**YEAR, "duration_h": arguments.hours, "facility.plant_step_s": arguments.step}
    cases: list[Case] = []
    notes: list[str] = []
    for name, supply in SUPPLIES.items():
        result = run(arguments.data, supply, **values)
        cases.append(case := measured(name, result))
        notes = list(dict.fromkeys([*notes, *result.events[result.events.kind == "note"].detail]))
        kept = f"{case.self_consumption_fraction:5.1%}" if case.self_consumption_fraction is not None else ""
        print(
            f"{name:<31} import {case.import_kwh:8,.0f} of {case.load_kwh:,.0f} kWh, "
            f"curtailed {case.curtailed_kwh:7,.0f}, self-consumption {kept:>6}, "
            f"{case.emissions_kg_co2e:7,.0f} kg CO2e, {case.cost_usd:7,.0f} USD, "
            f"battery loses {case.battery_loss_kwh:6,.0f} kWh in {case.battery_cycles:3.0f} cycles, "
            f"residual {case.worst_residual_w:.0e} W in {case.steps:,} steps"
        )
    for note in notes:
        print("note:", note)
    if arguments.json is not None:
        rows = {"cases": [asdict(case) for case in cases], "notes": notes}
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
