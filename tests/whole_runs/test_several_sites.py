"""Several sites: each is what it would be alone, the whole is their sum, and every misplaced hall is a fault."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import simulator as sim

WEATHER = {
    "cool": {"kind": "daily_cycle", "mean_c": 8, "amplitude_k": 4, "warmest_hour_utc": 13, "dew_point_c": 3},
    "hot": {"kind": "daily_cycle", "mean_c": 30, "amplitude_k": 6, "warmest_hour_utc": 20, "dew_point_c": 18},
}
CARBON = {"cool": 50.0, "hot": 600.0}


def place(name: str) -> dict[str, Any]:
    return {
        "weather": WEATHER[name],
        "carbon_intensity": {"kind": "constant", "g_per_kwh": CARBON[name]},
        "price": {"kind": "constant", "usd_per_kwh": 0.1},
    }


FACILITY = {"kind": "modelled", "it_capacity_kw": 15, "cooling": {"kind": "chilled_water", "supply_air_c": 24}}


def work(name: str) -> list[dict[str, Any]]:
    lengths = {"kind": "lognormal", "median_tokens": 200, "mean_tokens": 300, "maximum_tokens": 3000}
    requests = {
        "kind": "synthetic",
        "arrivals": {"kind": "poisson", "rate_per_s": 1.0},
        "prompt_tokens": lengths,
        "output_tokens": lengths,
    }
    hall = f"hall-{name}"
    chat = {"kind": "inference", "name": f"chat-{name}", "model": "llama-3.1-8b", "servers": hall}
    tune = {
        "kind": "training",
        "name": f"tune-{name}",
        "model": "llama-3.1-8b",
        "servers": hall,
        "checkpoint": {"every_h": 0.05},
    }
    return [
        {**chat, "replicas": 2, "requests": requests},
        {
            **tune,
            "checkpoint": {"every_h": 0.05},
            "parallelism": {"data": 1, "tensor": 4},
            "method": {"kind": "lora", "rank": 16},
            "sequence_tokens": 4096,
            "batch_sequences": 8,
            "length": {"kind": "steps", "steps": 100},
        },
    ]


def hall(name: str, **more: Any) -> dict[str, Any]:
    return {"name": f"hall-{name}", "profile": "dgx-h100", "count": 1, **more}


COMMON: dict[str, Any] = {
    "schema": 1,
    "name": "sites",
    "seed": 4,
    "start": "2024-05-01T12:00:00Z",
    "duration_h": 0.25,
    "network": {"kind": "fat_tree", "profile": "infiniband-ndr"},
    "storage": {"write_gb_per_s": 2, "idle_kw": 0.5, "active_kw": 0.8},
}


def alone(name: str) -> dict[str, Any]:
    return {**COMMON, "site": place(name), "facility": FACILITY, "servers": [hall(name)], "workloads": work(name)}


def together(*names: str) -> dict[str, Any]:
    return {
        **COMMON,
        "sites": [{"name": name, **place(name), "facility": FACILITY} for name in names],
        "servers": [hall(name, site=name) for name in names],
        "workloads": [workload for name in names for workload in work(name)],
    }


@pytest.fixture(scope="module")
def both() -> sim.Result:
    return sim.run(sim.from_dict(together("cool", "hot")))


@pytest.mark.parametrize("name", ["cool", "hot"])
def test_a_site_is_what_it_would_be_alone(both: sim.Result, name: str) -> None:
    """Random streams go by the name of the workload, so the same requests arrive in both runs."""
    single = sim.run(sim.from_dict(alone(name)))
    row = both.sites.set_index("site").loc[name]
    for field in ("facility_energy_kwh", "it_energy_kwh", "pue", "operational_emissions_kg_co2e", "energy_cost_usd"):
        assert row[field] == pytest.approx(getattr(single.summary, field), rel=1e-12), field
    for table in ("power", "facility"):
        mine = getattr(both, table)[getattr(both, table).site == name].drop(columns="site")
        other = getattr(single, table).drop(columns="site")
        assert mine.to_numpy(float) == pytest.approx(other.to_numpy(float), rel=1e-12, nan_ok=True), table
    requests = both.requests[both.requests.workload == f"chat-{name}"]
    assert requests.e2e_s.to_numpy() == pytest.approx(single.requests.e2e_s.to_numpy(), rel=1e-12, nan_ok=True)


def test_the_whole_is_the_sum_of_the_sites(both: sim.Result) -> None:
    summary, sites = both.summary, both.sites
    assert sites.site.tolist() == ["cool", "hot"]
    for field in ("facility_energy_kwh", "it_energy_kwh", "operational_emissions_kg_co2e", "energy_cost_usd"):
        assert getattr(summary, field) == pytest.approx(sites[field].sum(), rel=1e-12), field
    assert summary.pue == pytest.approx(sites.facility_energy_kwh.sum() / sites.it_energy_kwh.sum(), rel=1e-12)
    by_hand_kg = (sites.facility_energy_kwh * sites.site.map(CARBON)).sum() / 1e3
    assert summary.operational_emissions_kg_co2e == pytest.approx(by_hand_kg, rel=1e-12)
    assert both.energy.groupby("site").energy_kwh.sum().tolist() == pytest.approx(
        sites.facility_energy_kwh.tolist(), rel=1e-9
    )
    peak_w = both.power.groupby("end_s").facility_power_w.sum().max()
    assert summary.peak_facility_power_kw == pytest.approx(peak_w / 1e3, rel=1e-12)
    assert sites.pue[0] < sites.pue[1], "the hot site cools harder"
    assert {name.split(":")[0] for name in both.audit.audit[:20]} == {"cool", "hot"}


def test_the_order_of_sites_does_not_matter(both: sim.Result) -> None:
    data = together("hot", "cool")
    other = sim.run(sim.from_dict(data))
    assert other.summary == both.summary
    for table in ("power", "energy", "sites", "requests", "jobs"):
        assert getattr(other, table).equals(getattr(both, table)), table


def test_one_named_site_needs_no_reference() -> None:
    data = together("cool")
    del data["servers"][0]["site"]
    sim.check(sim.from_dict(data))


def faults(change: Any) -> list[str]:
    data = copy.deepcopy(together("cool", "hot"))
    change(data)
    with pytest.raises(sim.InputError) as caught:
        sim.check(sim.from_dict(data))
    return [f"{fault.path}: {fault.message}" for fault in caught.value.faults]


def test_faults_of_sites_and_halls() -> None:
    def misplace(data: dict[str, Any]) -> None:
        data["servers"][0]["site"] = "coool"
        del data["servers"][1]["site"]
        data["sites"][1]["facility"] = {**FACILITY, "plant_step_s": 30}

    assert faults(misplace) == [
        "servers.hall-cool.site: no site is called 'coool'; did you mean 'cool'?",
        "servers.hall-hot: required key 'site' is missing; known: cool, hot",
        "sites.hot.facility.plant_step_s: plant_step_s must be the same at all sites: the first has its default",
    ]
    assert faults(lambda data: data.update(site=place("cool"))) == [
        "sites: stands in place of 'site': give one or the other"
    ]
    assert "sites.cool.name: the name 'cool' is taken by another entry of sites" in faults(
        lambda data: data["sites"][1].update(name="cool")
    )


def test_a_site_without_servers_is_refused() -> None:
    def empty(data: dict[str, Any]) -> None:
        data["servers"] = [hall("cool", site="cool")]
        data["workloads"] = work("cool")

    assert faults(empty) == ["sites.hot: no servers stand here"]


def test_a_fault_in_one_building_is_found_there() -> None:
    def wrong(data: dict[str, Any]) -> None:
        data["sites"][1]["facility"] = {**FACILITY, "cooling": {"kind": "chilled_water", "profile": "chilled-wter"}}

    (fault,) = faults(wrong)
    assert fault.startswith("sites.hot.facility.cooling.profile: no facility profile is called 'chilled-wter'")


def test_without_sites_there_is_nothing_to_refer_to() -> None:
    data = alone("cool")
    data["servers"][0]["site"] = "cool"
    del data["facility"]
    with pytest.raises(sim.InputError) as caught:
        sim.from_dict(data)
    assert {f"{fault.path}: {fault.message}" for fault in caught.value.faults} == {
        ": required key 'facility' is missing",
        "servers.hall-cool.site: there is no section 'sites' in which 'cool' could stand",
    }
