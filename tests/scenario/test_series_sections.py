"""Every kind of weather, carbon intensity and price, from its section in a scenario to the signals of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import simulator as sim
from simulator.errors import InputError

HOURS = range(24)
START_S = 1_704_067_200  # 2024-01-01 00:00 UTC, start of the scenario


def csv(header: str, row: str) -> str:
    """Return a file with a row for each hour of a day, whose value is ten times the hour plus five."""
    return "\n".join([header, *(row.format(h=hour, next=hour + 1, v=10 * hour + 5) for hour in HOURS)])


FILES: dict[str, str] = {
    "eia.csv": csv("timestamp,avg_CI", "2024-01-01 {h:02d}:00:00+00:00,{v}"),
    "em.csv": csv(
        "Datetime (UTC),Zone id,Carbon intensity gCO₂eq/kWh (direct),Carbon intensity gCO₂eq/kWh (Life cycle)",
        "2024-01-01 {h:02d}:00:00,X,1,{v}",
    ),
    "plain.csv": csv("t,v", "2024-01-01 {h:02d}:00,{v}"),
    "market.csv": csv("Datetime (UTC),Price (USD/MWh)", "2024-01-01 {h:02d}:00:00+00:00,{v}"),
    "caiso.csv": csv("INTERVALSTARTTIME_GMT,NODE,LMP_TYPE,MW", "2024-01-01T{h:02d}:00:00-00:00,N,LMP,{v}"),
    "ercot.csv": csv(
        "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag", "01/01/2024,{next},H,{v},N"
    ),
    "nyiso.csv": csv("Time Stamp,Name,LBMP ($/MWHr)", "01/01/2024 {h:02d}:00,Z,{v}"),
    "pjm.csv": csv("datetime_beginning_utc,pnode_name,total_lmp_da", "1/1/2024 {h}:00:00,P,{v}"),
    "entsoe.csv": csv('"MTU (UTC)","Day-ahead Price (EUR/MWh)"', '"01/01/2024 {h:02d}:00:00 - x","{v}"'),
    "tmy3.csv": csv(
        'x,"name",ST,0,40,-80,100\nDate (MM/DD/YYYY),Time (HH:MM),Dry-bulb (C),RHum (%),Pressure (mbar)',
        "01/01/1990,{next:02d}:00,{h},50,1000",
    ),
    "gb.json": json.dumps(
        {
            "data": [
                {
                    "from": f"2024-01-01T{row // 2:02d}:{30 * (row % 2):02d}Z",
                    "to": f"2024-01-01T{(row + 1) // 2:02d}:{30 * ((row + 1) % 2):02d}Z",
                    "intensity": {"forecast": 1, "actual": 10 * (row // 2) + 5},
                }
                for row in range(47)
            ]
        }
    ),
}
CARBON = [
    {"kind": "eia", "file": "eia.csv"},
    {"kind": "electricity_maps", "file": "em.csv", "boundary": "life_cycle"},
    {"kind": "gb", "file": "gb.json", "use": "actual"},
    {"kind": "csv", "file": "plain.csv", "time_column": "t", "value_column": "v", "time_zone": "Europe/London"},
    {"kind": "parquet", "file": "plain.parquet"},
]
PRICES = [
    {"kind": "market_csv", "file": "market.csv"},
    {"kind": "caiso", "file": "caiso.csv", "node": "N"},
    {"kind": "ercot", "file": "ercot.csv", "settlement_point": "H"},
    {"kind": "nyiso", "file": "nyiso.csv", "name": "Z", "stamps": "start"},
    {"kind": "pjm", "file": "pjm.csv", "node": "P", "market": "day_ahead"},
    {"kind": "entsoe", "file": "entsoe.csv", "usd_per_eur": 1},
    {
        "kind": "csv",
        "file": "plain.csv",
        "time_column": "t",
        "value_column": "v",
        "unit": "usd_per_mwh",
        "time_zone": "UTC",
    },
]
BEHIND_UTC_H = {"ercot": 6, "nyiso": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    times = pa.array([START_S + 3600 * hour for hour in HOURS], pa.timestamp("s"))
    table = {"timestamp": times, "carbon_intensity": [10.0 * hour + 5.0 for hour in HOURS]}
    parquet.write_table(pa.table(table), folder / "plain.parquet")
    return folder


def run(root: Path, changes: dict[str, Any]) -> sim.Result:
    return sim.run(sim.load(root / "tests/scenario/tiny.yaml").replace(changes))


def located(section: dict[str, Any], folder: Path) -> dict[str, Any]:
    return {**section, "file": str(folder / section["file"])}


@pytest.mark.parametrize("section", CARBON, ids=lambda section: section["kind"])
def test_carbon(root: Path, folder: Path, section: dict[str, Any]) -> None:
    changes = {"site.carbon_intensity": located(section, folder), "start": "2024-01-01T07:00:00Z"}
    assert run(root, changes).summary.mean_carbon_intensity_g_per_kwh == pytest.approx(75.0, rel=1e-12)


@pytest.mark.parametrize("section", PRICES, ids=lambda section: section["kind"])
def test_price(root: Path, folder: Path, section: dict[str, Any]) -> None:
    hour = 7 + BEHIND_UTC_H.get(section["kind"], 0)
    summary = run(root, {"site.price": located(section, folder), "start": f"2024-01-01T{hour:02d}:00:00Z"}).summary
    assert summary.energy_cost_usd / summary.facility_energy_kwh == pytest.approx(0.075, rel=1e-12)


def test_weather(root: Path, folder: Path) -> None:
    changes = {"site.weather": located({"kind": "tmy3", "file": "tmy3.csv"}, folder), "start": "2030-01-01T07:00:00Z"}
    assert set(run(root, changes).facility.dry_bulb_c) == {7.0}


def test_marginal_rates_are_refused_in_the_inventory(root: Path, folder: Path) -> None:
    section = located({"kind": "watttime", "file": "moer.csv", "value_column": "v", "unit": "g_per_kwh"}, folder)
    (folder / "moer.csv").write_text(FILES["plain.csv"].replace("t,v", "time,v"))
    with pytest.raises(InputError, match=r"site\.carbon_intensity: a marginal factor says what a difference"):
        run(root, {"site.carbon_intensity": section})
