"""Real series of a place joined in one run: local weather, prices and carbon on UTC, gaps, negative, corrupt hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from benchmarks.bases import scenario
from simulator.errors import InputError

HOUR = 3600
FACILITY = {"kind": "modelled", "it_capacity_kw": 15, "cooling": {"kind": "chilled_water", "supply_air_c": 24}}
SERVICE = {
    "kind": "inference",
    "name": "chat",
    "model": "llama-3.1-8b",
    "servers": "hall",
    "replicas": 1,
    "requests": {
        "kind": "synthetic",
        "arrivals": {"kind": "diurnal", "mean_rate_per_s": 0.003, "peak_to_mean": 1.8, "peak_hour_utc": 20},
        "prompt_tokens": {"kind": "constant", "tokens": 800},
        "output_tokens": {"kind": "constant", "tokens": 200},
    },
}


def run(start: str, duration_h: float, site: dict[str, Any]) -> sim.Result:
    servers = [{"name": "hall", "profile": "dgx-h100", "count": 1}]
    changes = {"start": start, "duration_h": duration_h, "end": {"kind": "horizon"}, "facility": FACILITY, "site": site}
    return sim.run(sim.from_dict(scenario("joined", servers, [SERVICE], **changes)))


def notes(result: sim.Result) -> list[str]:
    return [str(text) for text in result.events.query("kind == 'note'").detail]


def hourly_energy_kwh(result: sim.Result) -> pd.Series:
    """Energy at the meter by hour of the run, from the power of each plant step."""
    power = result.power
    assert (power.end_s - power.start_s == 60.0).all()
    energy_kwh = power.facility_power_w * 60.0 / 3.6e6
    return energy_kwh.groupby((power.start_s // HOUR).astype(int)).sum()


def column_of(path: Path, stamps: str, value: str, start: datetime, hours: int) -> np.ndarray:
    """The hours of a file from a start on, read by another reader."""
    table = pd.read_csv(path)
    first = int(np.flatnonzero(pd.to_datetime(table[stamps], utc=True) == pd.Timestamp(start))[0])
    return table[value].to_numpy()[first : first + hours]


def test_the_cold_week_of_texas(shared: Path) -> None:
    start, hours = datetime(2022, 12, 20, tzinfo=UTC), 168
    carbon = shared / "data/carbon/eia_us_2022/ERCO_NG_&_avgCI.csv"
    price = shared / "data/prices/US-TEX-ERCO/2022/US-TEX-ERCO_electricity_prices_2022.csv"
    weather = shared / "data/weather/open_meteo/US-TEX-ERCO/2022.json"
    site = {
        "weather": {"kind": "open_meteo", "file": str(weather)},
        "carbon_intensity": {"kind": "eia", "file": str(carbon)},
        "price": {"kind": "market_csv", "file": str(price)},
    }
    result = run(start.isoformat(), hours, site)
    energy_kwh = hourly_energy_kwh(result).to_numpy()
    usd_per_mwh = column_of(price, "Datetime (UTC)", "Price (USD/MWh)", start, hours)
    g_per_kwh = column_of(carbon, "timestamp", "avg_CI", start, hours)
    assert result.summary.energy_cost_usd == pytest.approx(float(energy_kwh @ usd_per_mwh) / 1000, rel=1e-9)
    assert result.summary.operational_emissions_kg_co2e == pytest.approx(float(energy_kwh @ g_per_kwh) / 1000, rel=1e-9)

    # The coldest hour is 07:00 on 23 December on the file's clock, UTC - 5 h; the dearest is 13:00 UTC on the 24th.
    facility = result.facility
    coldest_s = facility.start_s[facility.dry_bulb_c.idxmin()]
    assert start + timedelta(seconds=float(coldest_s)) == datetime(2022, 12, 23, 12, tzinfo=UTC)
    assert facility.dry_bulb_c.min() == -11.2
    dearest = facility[facility.price_usd_per_kwh == facility.price_usd_per_kwh.max()]
    assert dearest.price_usd_per_kwh.iloc[0] == pytest.approx(2.456685, rel=1e-12)
    assert start + timedelta(seconds=float(dearest.start_s.min())) == datetime(2022, 12, 24, 13, tzinfo=UTC)
    assert len(dearest) == 60
    assert any(note.endswith("times are local with one offset for the whole file, UTC -5 h") for note in notes(result))
    assert not any("below 0" in note or "filled" in note for note in notes(result))


def test_negative_prices_and_a_missing_hour_of_california(shared: Path) -> None:
    start, hours = datetime(2022, 6, 13, 12, tzinfo=UTC), 168
    carbon = shared / "data/carbon/eia_us_2022/CISO_NG_&_avgCI.csv"
    price = shared / "data/prices/US-CAL-CISO/2022/US-CAL-CISO_electricity_prices_2022.csv"
    site = {
        "weather": {"kind": "open_meteo", "file": str(shared / "data/weather/open_meteo/US-CAL-CISO/2022.json")},
        "carbon_intensity": {"kind": "eia", "file": str(carbon)},
        "price": {"kind": "market_csv", "file": str(price)},
    }
    with pytest.raises(
        InputError, match=r"avgCI\.csv:3932: carbon_intensity_g_per_kwh: no value from 2022-06-13 18:00"
    ):
        run(start.isoformat(), hours, site)
    site["carbon_intensity"]["gaps"] = {"fill": "interpolate", "longest_h": 1}  # type: ignore[index]
    result = run(start.isoformat(), hours, site)
    energy_kwh = hourly_energy_kwh(result).to_numpy()
    usd_per_mwh = column_of(price, "Datetime (UTC)", "Price (USD/MWh)", start, hours)
    g_per_kwh = pd.Series(column_of(carbon, "timestamp", "avg_CI", start, hours)).interpolate().to_numpy()
    assert result.summary.energy_cost_usd == pytest.approx(float(energy_kwh @ usd_per_mwh) / 1000, rel=1e-9)
    assert result.summary.operational_emissions_kg_co2e == pytest.approx(float(energy_kwh @ g_per_kwh) / 1000, rel=1e-9)
    told = notes(result)
    low = int((usd_per_mwh < 0).sum())
    assert low > 0
    assert f"{price}: price_usd_per_kwh: {low} of {hours} values of the run are below 0, " in "\n".join(told)
    gap = "no value from 2022-06-13 18:00 to 2022-06-13 19:00 UTC (1 h), filled by rule 'interpolate'"
    assert f"{carbon}:3932: carbon_intensity_g_per_kwh: {gap}" in told
    assert result.manifest["signals"]["site"]["carbon_intensity"]["basis"] == "average_generation"


def pjm_file(path: Path) -> Path:
    """Two days around the end of daylight saving on Eastern time alone, with hours as such files come."""
    clock = [
        f"11/{day}/2022 {(hour - 1) % 12 + 1}:00:00 {'AM' if hour < 12 else 'PM'}"
        for day in (5, 6)
        for hour in range(24)
    ]
    rows = [f"{stamp},DOM,{20 + hour}" for hour, stamp in enumerate(clock)]
    rows[5] = rows[5].rsplit(",", 1)[0] + ",#N/A"  # 05:00 on the 5th
    rows[8] = rows[8].rsplit(",", 1)[0] + ",99999999"  # 08:00, absurd
    del rows[12]  # 12:00 is missing
    rows.insert(30, rows[29])  # a row of the 6th written twice
    rows.insert(25, "11/6/2022 1:00:00 AM,DOM,-7")  # the second 01:00, by the order of the file
    path.write_text("\n".join(["datetime_beginning_ept,pnode_name,total_lmp_da", *rows]))
    return path


def test_corrupt_hours_in_the_style_of_pjm(tmp_path: Path) -> None:
    path = pjm_file(tmp_path / "made_up_da_hrl_lmps.csv")
    price: dict[str, Any] = {"kind": "pjm", "file": str(path), "node": "DOM", "market": "day_ahead"}
    site = {
        "weather": {"kind": "constant", "dry_bulb_c": 10, "relative_humidity": 0.6},
        "carbon_intensity": {"kind": "constant", "g_per_kwh": 400},
        "price": price,
    }
    start = "2022-11-05T04:00:00+00:00"  # midnight in Virginia
    with pytest.raises(InputError) as caught:
        run(start, 49, site)
    assert [fault.line for fault in caught.value.faults] == [7, 10, 33]
    price["corrupt"] = "repair"
    with pytest.raises(InputError) as caught:
        run(start, 49, site)
    assert len(caught.value.faults) == 3
    price["gaps"] = {"fill": "interpolate", "longest_h": 1}
    result = run(start, 49, site)
    told = "\n".join(notes(result))
    assert told.count("taken as missing by rule 'repair'") == 2
    assert told.count("filled by rule 'interpolate'") == 3
    assert "rows repeat a stamp with nothing new" in told
    assert "1 of 49 values of the run are below 0, the lowest -0.007 from 2022-11-06 06:00 UTC" in told
    hourly = result.facility.groupby((result.facility.start_s // HOUR).astype(int)).price_usd_per_kwh.first()
    plain = [20.0 + hour for hour in range(26)] + [-7.0] + [46.0 + hour for hour in range(22)]
    np.testing.assert_allclose(1000 * hourly.to_numpy(), plain, rtol=1e-12)
