"""Whole runs with generation, storage, outages and caps: what the tables say, and what is refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simulator as sim

SCENARIO: dict[str, Any] = {
    "schema": 1,
    "name": "supplied",
    "start": "2022-06-01T00:00:00Z",
    "duration_h": 24,
    "site": {
        "weather": {"kind": "constant", "dry_bulb_c": 20, "relative_humidity": 0.5},
        "carbon_intensity": {"kind": "daily_profile", "g_per_kwh": [400.0] * 12 + [100.0] * 12},
        "price": {"kind": "daily_profile", "usd_per_kwh": [0.05] * 6 + [0.1] * 12 + [0.3] * 6},
        "supply": {},
    },
    "facility": {"kind": "published_pue", "pue": 1.2},
    "servers": [{"name": "hall", "profile": "dgx-h100", "count": 2}],
    "network": {"kind": "none"},
    "workloads": [
        {
            "kind": "training",
            "name": "job",
            "model": "llama-3.1-8b",
            "precision": "bf16",
            "servers": "hall",
            "parallelism": {"data": 8},
            "method": {"kind": "full"},
            "sequence_tokens": 8192,
            "batch_sequences": 64,
            "recompute": "full",
            "length": {"kind": "steps", "steps": 100_000},
        }
    ],
}


def _run(supply: dict[str, Any], base: Path = Path(), **changes: Any) -> sim.Result:
    data = copy.deepcopy(SCENARIO)
    data["site"]["supply"] = supply
    return sim.run(sim.from_dict({**data, **changes}, base))


@pytest.fixture(scope="module")
def sun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with half a sine of 30 kW from 06:00 to 18:00."""
    folder = tmp_path_factory.mktemp("sun")
    hours = np.arange(24)
    power = np.maximum(30.0 * np.sin((hours + 0.5 - 6.0) / 12.0 * np.pi), 0.0)
    rows = [f"2022-06-01T{hour:02}:00:00Z,{kw:.3f}" for hour, kw in zip(hours, power, strict=True)]
    (folder / "sun.csv").write_text("time,kw\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return folder


SOLAR = {"kind": "csv", "capacity_kw": 30, "file": "sun.csv", "time_column": "time", "value_column": "kw"}
REDUCTION = {"kind": "reduction", "hours": 1, "reduction_fraction": 0.2}
BATTERY = {"energy_kwh": 80, "power_kw": 20, "policy": {"kind": "self_consumption"}}


def test_an_empty_section_changes_nothing() -> None:
    data = copy.deepcopy(SCENARIO)
    del data["site"]["supply"]
    plain, empty = sim.run(sim.from_dict(data)), _run({})
    left, right = plain.summary.as_dict(), empty.summary.as_dict()
    assert {name: value for name, value in left.items() if value is not None} == {
        name: right[name] for name, value in left.items() if value is not None
    }
    assert len(plain.supply) == 0
    np.testing.assert_array_equal(empty.supply.grid_import_w, empty.power.facility_power_w)


def test_sun_and_battery_against_none(sun: Path) -> None:
    bare, with_sun = _run({}), _run({"solar": SOLAR}, sun)
    both = _run({"solar": SOLAR, "battery": BATTERY}, sun)
    for result in (with_sun, both):
        table = result.supply
        sources = table[["grid_import_w", "solar_w", "battery_discharge_w"]].sum(axis=1)
        uses = table[["load_w", "battery_charge_w", "curtailed_w"]].sum(axis=1)
        np.testing.assert_allclose(sources, uses, rtol=1e-9, atol=1e-3)
        assert result.summary.unserved_energy_kwh == 0.0
    imports = [float(result.supply.grid_import_w.sum()) for result in (bare, with_sun, both)]
    assert imports[0] > imports[1] > imports[2]
    assert with_sun.summary.curtailed_energy_kwh > both.summary.curtailed_energy_kwh
    assert with_sun.summary.self_consumption_fraction < both.summary.self_consumption_fraction <= 1.0
    assert both.summary.battery_cycles > 0.3
    assert both.summary.battery_loss_kwh > 0.14 * both.summary.battery_discharged_kwh
    assert both.audit[both.audit.audit.str.startswith(("supply", "battery"))].shape[0] == 3


@pytest.mark.parametrize(("kind", "signal"), [("price_arbitrage", "price"), ("carbon_arbitrage", "carbon")])
def test_arbitrage_moves_import_to_where_it_is_cheap_or_clean(kind: str, signal: str) -> None:
    bare = _run({})
    moved = _run({"battery": {**BATTERY, "policy": {"kind": kind}}})
    column = {"price": "price_usd_per_kwh", "carbon": "carbon_intensity_g_per_kwh"}[signal]
    means = []
    for result in (bare, moved):
        weights = result.facility[column].to_numpy()
        import_w = result.supply.grid_import_w.to_numpy()
        means.append(float(weights @ import_w / import_w.sum()))
    assert means[1] < means[0]


def test_an_outage_is_carried_and_the_tests_of_generators_burn_fuel() -> None:
    supply = {
        "grid": {"outages": [{"start": "2022-06-01T10:00:30Z", "minutes": 20}]},
        "ups": {"power_kw": 30, "minutes": 5},
        "diesel": {"units": 2, "unit_kw": 20, "tank_l": 200, "test": {"first_h": 3, "every_days": 1}},
    }
    result = _run(supply)
    assert result.summary.unserved_energy_kwh == 0.0
    assert result.summary.grid_outage_h == pytest.approx(1 / 3)
    hours = result.supply.assign(hour=result.supply.start_s // 3600).groupby("hour").diesel_fuel_l.sum()
    assert hours[hours > 0.0].index.tolist() == [3.0, 10.0]
    assert result.summary.diesel_fuel_l == pytest.approx(float(hours.sum()))


def test_an_outage_that_nothing_carries_is_an_event() -> None:
    result = _run({"grid": {"outages": [{"start": "2022-06-01T10:00:00Z", "minutes": 2}]}})
    assert result.summary.unserved_energy_kwh > 0.0
    assert "unserved_energy" in result.events.kind.tolist()


def test_random_outages_come_from_the_seed() -> None:
    supply = {"grid": {"random_outages": {"per_year": 2000, "mean_minutes": 5}}}
    hours = [_run(supply, seed=seed).summary.grid_outage_h for seed in (1, 1, 2)]
    assert hours[0] == hours[1] != hours[2]
    assert 0.05 < hours[0] < 2.0, "some five outages of some five minutes"


def test_wind_from_a_weather_file(shared: Path) -> None:
    data = copy.deepcopy(SCENARIO)
    file = str(shared / "data/weather/open_meteo/DE-LU/2022.json")
    data["site"]["weather"] = {"kind": "open_meteo", "file": file}
    data["site"]["supply"] = {"wind": {"kind": "turbines", "capacity_kw": 100, "hub_height_m": 140}}
    result = sim.run(sim.from_dict(data))
    assert 0.0 < result.summary.wind_energy_kwh < 2400.0


@pytest.mark.parametrize(
    ("supply", "place", "message"),
    [
        (
            {"battery": {**BATTERY, "reserve_fraction": 0.01}},
            "supply.battery.reserve_fraction",
            "window of battery-lfp",
        ),
        ({"battery": {**BATTERY, "profile": "battery-lfq"}}, "supply.battery.profile", "battery-lfp"),
        (
            {"grid": {"outages": [{"start": "2022-05-01T00:00:00Z", "minutes": 1}]}},
            "supply.grid",
            "before the start",
        ),
        (
            {
                "grid": {
                    "caps": [
                        {"kind": "reduction", "start": "2022-06-01T00:10:00Z", "hours": 1, "reduction_fraction": 0.2}
                    ]
                }
            },
            "supply.grid",
            "baseline",
        ),
        (
            {"solar": {"kind": "array", "capacity_kw": 10, "mounting": {"kind": "fixed", "tilt_deg": 20}}},
            "supply.solar",
            "says nothing of sun and wind",
        ),
        ({"wind": {"kind": "turbines", "capacity_kw": 10}}, "supply.wind", "says nothing of sun and wind"),
        ({"solar": {**SOLAR, "capacity_kw": 5}}, "supply.solar.capacity_kw", "must be >= 29"),
        (
            {"grid": {"caps": [{"kind": "reduction", "start": "2022-06-01T02:00:00Z", "hours": 1}]}},
            "supply.grid",
            "must have either reduction_fraction or reduction_kw",
        ),
        (
            {
                "grid": {
                    "caps": [
                        {"kind": "events_csv", "file": "sun.csv", "value_column": "kw", "value": "limit_kw"},
                    ]
                }
            },
            "caps[0].duration_column",
            "must have either a column of ends or one of durations",
        ),
        (
            {
                "grid": {
                    "caps": [
                        {
                            "kind": "events_csv",
                            "file": "sun.csv",
                            "start_column": "time",
                            "duration_column": "kw",
                            "value_column": "kw",
                            "value": "limit_kw",
                            "time_zone": "Mars/Olympus",
                        },
                    ]
                }
            },
            "caps[0].time_zone",
            "Mars/Olympus",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(sun: Path, supply: dict[str, Any], place: str, message: str) -> None:
    with pytest.raises(sim.InputError) as caught:
        _run(supply, sun)
    said = str(caught.value)
    assert place in said, said
    assert message in said, said


def test_limits_of_the_grid_from_a_file(tmp_path: Path) -> None:
    """A row an hour; the empty field ends the limit of 4 kW, which is below what idle servers draw."""
    rows = ["time,limit_kw", "2022-06-01T01:00:00Z,4", "2022-06-01T02:00:00Z,", "2022-06-01T03:00:00Z,1000"]
    (tmp_path / "caps.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    caps = [{"kind": "csv", "file": "caps.csv", "time_column": "time", "value_column": "limit_kw"}]
    result = _run({"grid": {"caps": caps}}, tmp_path, duration_h=5, policies={"demand_response": {"kind": "none"}})
    hours = result.supply.assign(hour=result.supply.start_s // 3600).groupby("hour")
    assert hours.grid_cap_w.first().fillna(0.0).tolist() == [0.0, 4e3, 0.0, 1e6, 0.0]
    assert [value > 0.0 for value in hours.over_cap_w.max()] == [False, True, False, False, False]
    assert result.summary.grid_cap_exceeded_kwh == pytest.approx(float(hours.over_cap_w.mean()[1.0]) / 1e3)


def _demand_response(caps: list[dict[str, Any]], base: Path = Path()) -> sim.Result:
    return _run({"grid": {"caps": caps}}, base, duration_h=6)


def test_events_of_a_file_are_those_of_the_scenario(tmp_path: Path) -> None:
    """As a utility publishes them: two events on the local clock, 17 to 18 and 19:30 to 20:00 Mountain Time."""
    rows = [
        "date of event,end,reduction",
        "2022-05-31 19:30,2022-05-31 20:00,0.1",
        "2022-05-31 21:00,2022-05-31 22:00,0.3",
    ]
    (tmp_path / "events.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    events = {
        "kind": "events_csv",
        "file": "events.csv",
        "start_column": "date of event",
        "end_column": "end",
        "value_column": "reduction",
        "value": "reduction_fraction",
        "time_zone": "America/Denver",
    }
    written = [
        {"kind": "reduction", "start": "2022-06-01T01:30:00Z", "hours": 0.5, "reduction_fraction": 0.1},
        {"kind": "reduction", "start": "2022-06-01T03:00:00Z", "hours": 1, "reduction_fraction": 0.3},
    ]
    one, other = _demand_response([events], tmp_path), _demand_response(written)
    assert one.summary == other.summary
    np.testing.assert_array_equal(one.supply.grid_cap_w, other.supply.grid_cap_w)
    hours = one.supply.assign(hour=one.supply.start_s / 3600.0)
    capped = hours[hours.grid_cap_w.notna()]
    assert (capped.hour.min(), len(capped)) == (1.5, 90)
    assert "power_cap" in one.events.kind.tolist()


def test_a_reduction_by_power(tmp_path: Path) -> None:
    """The baseline is the hour before; 3 kW less is the same cap as the share that 3 kW are of it."""
    event = {"kind": "reduction", "start": "2022-06-01T02:00:00Z", "hours": 1}
    by_power = _demand_response([{**event, "reduction_kw": 3}])
    before = by_power.supply[(by_power.supply.start_s >= 3600.0) & (by_power.supply.end_s <= 7200.0)]
    baseline_w = float(before.grid_import_w.mean())
    cap_w = by_power.supply.grid_cap_w.dropna().to_numpy()
    np.testing.assert_allclose(cap_w, baseline_w - 3e3, rtol=1e-12)
    assert (by_power.supply.over_cap_w == 0.0).all()
    (tmp_path / "events.csv").write_text("start,minutes,kw\n2022-06-01T02:00Z,60,3\n2023-01-01T00:00Z,60,3\n")
    events = {
        "kind": "events_csv",
        "file": "events.csv",
        "duration_column": "minutes",
        "duration_unit": "minutes",
        "value_column": "kw",
        "value": "reduction_kw",
    }
    of_file = _demand_response([events], tmp_path)
    assert of_file.summary == by_power.summary
    assert any("1 of 2 events lie outside the run" in note for note in of_file.events.detail)


def test_who_draws_less_than_asked_can_draw_no_less_than_nothing() -> None:
    event = {"kind": "reduction", "start": "2022-06-01T02:00:00Z", "hours": 0.5, "reduction_kw": 500}
    assert (_demand_response([event]).supply.grid_cap_w.dropna() == 0.0).all()


def test_recorded_generation_on_the_clock_of_its_place(tmp_path: Path) -> None:
    """Hours of Berlin over the end of daylight saving: 25 rows, one a UTC hour; a corrupt one is repaired and told."""
    clock = [0, 1, 2, 2, *range(3, 24)]
    rows = [f"2022-10-30 {hour:02}:00,{index / 10:g}" for index, hour in enumerate(clock)]
    rows[5] = "2022-10-30 04:00,-9"
    (tmp_path / "sun.csv").write_text("\n".join(["time,kw", *rows]) + "\n", encoding="utf-8")
    solar = {**SOLAR, "time_zone": "Europe/Berlin", "corrupt": "repair", "gaps": {"fill": "interpolate"}}
    result = _run({"solar": solar}, tmp_path, start="2022-10-29T22:00:00Z", duration_h=25)
    hourly = result.supply.groupby(result.supply.start_s // 3600).solar_w.first() / 1e3
    np.testing.assert_allclose(hourly, np.arange(25) / 10, rtol=1e-12, atol=1e-12)
    told = "\n".join(result.events[result.events.kind == "note"].detail)
    assert "-9 is outside >= 0; taken as missing by rule 'repair'" in told
    assert "2022-10-30 03:00 to 2022-10-30 04:00 UTC (1 h), filled by rule 'interpolate'" in told
    for missing in ({"corrupt": "refuse"}, {"gaps": {"fill": "refuse"}}, {"time_zone": None}):
        with pytest.raises(sim.InputError, match=r"sun\.csv"):
            _run({"solar": {**solar, **missing}}, tmp_path, start="2022-10-29T22:00:00Z", duration_h=25)


def test_one_of_two_sites_has_a_battery() -> None:
    data = copy.deepcopy(SCENARIO)
    site, building = data.pop("site"), data.pop("facility")
    del site["supply"]
    supply = {"battery": {**BATTERY, "policy": {"kind": "price_arbitrage"}}}
    data["sites"] = [
        {**site, "name": "plain", "facility": building},
        {**site, "name": "stored", "facility": building, "supply": supply},
    ]
    data["servers"] = [
        {"name": "hall", "profile": "dgx-h100", "count": 2, "site": "stored"},
        {"name": "other", "profile": "dgx-h100", "count": 1, "site": "plain"},
    ]
    result = sim.run(sim.from_dict(data))
    assert set(result.supply.site) == {"stored"}
    assert result.summary.battery_cycles > 0.3
    assert result.audit.audit.str.startswith("stored: battery").sum() == 1
    stored = result.power[result.power.site == "stored"]
    np.testing.assert_allclose(result.supply.load_w, stored.facility_power_w, rtol=1e-12)


def test_a_ramp_limit_that_a_battery_holds() -> None:
    """The job starts after half an hour and raises the load at once; a full battery makes a slope of it."""
    limit = {"grid": {"ramp_kw_per_min": 0.5}}
    battery = {"energy_kwh": 80, "power_kw": 20, "initial_fraction": 0.95, "policy": {"kind": "backup"}}
    job = {**SCENARIO["workloads"][0], "submit_h": 0.5}
    bare, held = (_run({**limit, **more}, duration_h=2, workloads=[job]) for more in ({}, {"battery": battery}))
    assert "ramp_exceeded" in bare.events.kind.tolist()
    assert "ramp_exceeded" not in held.events.kind.tolist()
    steps_w = held.supply.grid_import_w.diff().abs().iloc[1:]
    assert 400.0 < float(steps_w.max()) <= 500.0 + 1e-6
