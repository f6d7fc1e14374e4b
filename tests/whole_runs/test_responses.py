"""What a change of one input does to a whole run: directions that physics fixes, and exact proportions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from benchmarks.bases import scenario

SERVICE: dict[str, Any] = {
    "kind": "inference",
    "name": "chat",
    "model": "llama-3.1-8b",
    "servers": "hall",
    "replicas": 2,
    "requests": {
        "kind": "closed_loop",
        "clients": 40,
        "requests": 200,
        "prompt_tokens": {"kind": "lognormal", "median_tokens": 1000, "mean_tokens": 1500, "maximum_tokens": 6000},
        "output_tokens": {"kind": "lognormal", "median_tokens": 100, "mean_tokens": 150, "maximum_tokens": 800},
    },
}
OPEN_SERVICE = {
    **SERVICE,
    "requests": {
        "kind": "synthetic",
        "arrivals": {"kind": "poisson", "rate_per_s": 2.0},
        "prompt_tokens": {"kind": "constant", "tokens": 800},
        "output_tokens": {"kind": "constant", "tokens": 60},
    },
}
JOB: dict[str, Any] = {
    "kind": "training",
    "name": "tune",
    "model": "llama-3.1-8b",
    "servers": "hall",
    "parallelism": {"data": 1, "tensor": 4},
    "method": {"kind": "lora", "rank": 16},
    "sequence_tokens": 4096,
    "batch_sequences": 8,
    "length": {"kind": "steps", "steps": 300},
}


def run(workloads: list[dict[str, Any]], hall: dict[str, Any] | None = None, **changes: Any) -> sim.Result:
    servers = [{"name": "hall", "profile": "dgx-h100", "count": 1, **(hall or {})}]
    changes = {"duration_h": 0.5, "facility": FACILITY, **changes}
    return sim.run(sim.from_dict(scenario("response", servers, workloads, **changes)))


FACILITY = {"kind": "modelled", "it_capacity_kw": 15, "cooling": {"kind": "chilled_water", "supply_air_c": 24}}


def site(**changes: Any) -> dict[str, Any]:
    plain = {
        "weather": {"kind": "constant", "dry_bulb_c": 18, "relative_humidity": 0.6},
        "carbon_intensity": {"kind": "constant", "g_per_kwh": 400},
        "price": {"kind": "constant", "usd_per_kwh": 0.1},
    }
    return {**plain, **changes}


def constant_carbon(g_per_kwh: float) -> dict[str, Any]:
    return site(carbon_intensity={"kind": "constant", "g_per_kwh": g_per_kwh})


@pytest.mark.parametrize("g_per_kwh", [0.0, 23.0, 715.0])
def test_constant_carbon_intensity_times_energy(g_per_kwh: float) -> None:
    summary = run([JOB], site=constant_carbon(g_per_kwh)).summary
    assert summary.operational_emissions_kg_co2e * 1e3 == pytest.approx(g_per_kwh * summary.facility_energy_kwh)
    assert summary.mean_carbon_intensity_g_per_kwh == pytest.approx(g_per_kwh)


def test_a_dirtier_grid_changes_emissions_only() -> None:
    hours = [300 + 10 * hour for hour in range(24)]
    profile = site(carbon_intensity={"kind": "daily_profile", "g_per_kwh": hours})
    one_hour_dirtier = site(carbon_intensity={"kind": "daily_profile", "g_per_kwh": [hours[0] + 1, *hours[1:]]})
    base, dirtier = (run([JOB, SERVICE], site=each) for each in (profile, one_hour_dirtier))
    changes = sim.compare(base, dirtier).set_index("field")["change response (2)"].astype(float).dropna()
    assert set(changes[changes != 0.0].index) == {
        "operational_emissions_kg_co2e", "scope2_location_kg_co2e", "mean_carbon_intensity_g_per_kwh",
        "cue_kg_per_kwh", "sci_kg_co2e_per_million_tokens", "sci_kg_co2e_per_request", "sci_kg_co2e_per_training_run",
    }  # fmt: skip
    # The run lies in the hour from 300 to 301 g/kWh.
    assert changes["operational_emissions_kg_co2e"] == pytest.approx(1 / 300)


@pytest.mark.parametrize("workload", [JOB, SERVICE], ids=["training", "serving"])
def test_a_lower_cap_never_shortens_and_never_raises_the_peak(workload: dict[str, Any]) -> None:
    caps_w = [700, 600, 500, 400, 300, 200]
    results = [run([workload], {"gpu_power_cap_w": cap_w}, end={"kind": "work_done"}) for cap_w in caps_w]
    for cap_w, result in zip(caps_w, results, strict=True):
        assert result.power.accelerator_w.max() <= 8 * cap_w
    for higher, lower in pairwise(result.summary for result in results):
        assert lower.simulated_h >= higher.simulated_h
        assert lower.peak_facility_power_kw <= higher.peak_facility_power_kw * (1.0 + 1e-12)
    slowest, fastest = results[-1].summary, results[0].summary
    assert slowest.simulated_h > 1.2 * fastest.simulated_h
    assert slowest.peak_facility_power_kw < 0.9 * fastest.peak_facility_power_kw


def test_hot_and_humid_weather_costs_cooling_energy_and_water() -> None:
    def summary(dry_bulb_c: float) -> sim.Summary:
        weather = {"kind": "constant", "dry_bulb_c": dry_bulb_c, "relative_humidity": 0.7}
        return run([JOB], site=site(weather=weather)).summary

    cold, mild, hot = (summary(dry_bulb_c) for dry_bulb_c in (-5.0, 15.0, 34.0))
    assert cold.it_energy_kwh == mild.it_energy_kwh == hot.it_energy_kwh
    assert cold.cooling_energy_kwh <= mild.cooling_energy_kwh < 0.5 * hot.cooling_energy_kwh
    assert cold.pue < hot.pue
    # No chiller runs in the cold, one always runs in the heat.
    assert (cold.free_cooling_fraction, hot.free_cooling_fraction) == (1.0, 0.0)
    assert cold.water_withdrawn_l < hot.water_withdrawn_l


def test_warmer_air_to_the_servers_makes_their_fans_work() -> None:
    cool, warm = (run([JOB], {"inlet_offset_k": offset_k}).summary for offset_k in (0.0, 8.0))
    assert warm.server_fan_energy_kwh > 1.05 * cool.server_fan_energy_kwh
    # Boards leak more: 0.1 % of their limit per kelvin while they are busy (docs/sources.md, thermal states).
    assert cool.accelerator_energy_kwh < warm.accelerator_energy_kwh < 1.02 * cool.accelerator_energy_kwh


@pytest.mark.parametrize("pue", [1.0, 1.1, 1.58])
def test_a_published_pue_multiplies_it_energy(pue: float) -> None:
    modelled = run([JOB]).summary
    summary = run([JOB], facility={"kind": "published_pue", "pue": pue}).summary
    # A modelled plant may supply air a little above its setpoint while it cools without chillers, and boards feel it.
    assert summary.it_energy_kwh == pytest.approx(modelled.it_energy_kwh, rel=1e-3)
    assert summary.facility_energy_kwh == pytest.approx(pue * summary.it_energy_kwh)
    assert summary.cooling_energy_kwh == pytest.approx((pue - 1.0) * summary.it_energy_kwh, abs=1e-9)


def test_redundant_supplies_lose_more() -> None:
    losses = []
    for redundancy in ("N", "N+1", "2N"):
        chain = {"ups": "double_conversion", "ups_redundancy": redundancy}
        losses.append(run([JOB], facility={**FACILITY, "power_chain": chain}).summary.conversion_loss_kwh)
    assert losses[0] < losses[1] < losses[2]


def test_the_plant_step_does_not_change_what_servers_do() -> None:
    fine, coarse = (run([JOB, SERVICE], facility={**FACILITY, "plant_step_s": step_s}) for step_s in (7, 300))
    # Energy is booked as it is used, so only the curved parts (fans, supplies, plant) see the length of the step.
    # Leakage and fans see the air of the step before.
    assert coarse.summary.accelerator_energy_kwh == pytest.approx(fine.summary.accelerator_energy_kwh, rel=5e-3)
    fields = ["accelerator_energy_per_output_token_j", "host_energy_kwh", "ttft_p99_s", "tpot_mean_s", "training_steps"]
    for name in fields:
        assert getattr(coarse.summary, name) == pytest.approx(getattr(fine.summary, name), rel=1e-9), name
    assert coarse.summary.facility_energy_kwh == pytest.approx(fine.summary.facility_energy_kwh, rel=0.005)
    assert coarse.summary.peak_facility_power_kw <= fine.summary.peak_facility_power_kw


def test_the_end_of_a_run_does_not_reach_back() -> None:
    # What has happened after twenty minutes is the same whether or not the run goes on.
    short, long = (run([JOB, OPEN_SERVICE], duration_h=hours) for hours in (1 / 3, 0.5))
    end_s = 1200.0
    early = long.requests[long.requests.arrival_s <= end_s]
    assert len(early) == len(short.requests) < len(long.requests)
    columns = ["arrival_s", "queue_s", "prompt_tokens", "output_tokens", "replica"]
    there = short.requests.queue_s.notna().to_numpy()
    pd.testing.assert_frame_equal(early[columns][there], short.requests[columns][there])
    ended = (early.arrival_s + early.e2e_s <= end_s).to_numpy()
    assert (short.requests.outcome[ended] == "completed").all()
    assert early.e2e_s[ended].to_numpy() == pytest.approx(short.requests.e2e_s[ended].to_numpy(), rel=1e-12)
    same_steps = long.power.end_s <= end_s
    powers = [table.drop(columns="site").to_numpy() for table in (long.power[same_steps], short.power)]
    assert powers[0] == pytest.approx(powers[1], rel=1e-9)


def test_twice_the_servers_twice_the_idle_power() -> None:
    one, two = (run([SERVICE], {"count": count}) for count in (1, 2))
    # The second server idles: what it draws is constant over time.
    added_w = two.power.accelerator_w - one.power.accelerator_w
    assert added_w.to_numpy() == pytest.approx(added_w[0], rel=1e-9)
    assert two.summary.embodied_emissions_kg_co2e == pytest.approx(2 * one.summary.embodied_emissions_kg_co2e)
    np.testing.assert_allclose(two.requests.e2e_s, one.requests.e2e_s, rtol=1e-12)


def test_the_slow_reference_tells_the_same_story() -> None:
    data = scenario("reference", [{"name": "hall", "profile": "dgx-h100", "count": 1}], [SERVICE, JOB], duration_h=0.05)
    fast, slow = (sim.run(sim.from_dict(data), engine=engine) for engine in ("stretch", "iteration"))
    assert (fast.manifest["serving_engine"], slow.manifest["serving_engine"]) == ("stretch", "iteration")
    assert fast.manifest["kernel_events"] < slow.manifest["kernel_events"]
    for name, value in fast.summary.as_dict().items():
        expected = None if value is None else pytest.approx(value, rel=1e-9)
        assert getattr(slow.summary, name) == expected, name


def test_progress_is_told_at_every_plant_step() -> None:
    told: list[float] = []
    data = scenario("told", [{"name": "hall", "profile": "dgx-h100", "count": 1}], [JOB], duration_h=0.1)
    result = sim.run(sim.from_dict(data), progress=told.append)
    # The last step ends with the run.
    assert [*told, result.summary.simulated_h * 3600.0] == result.power.end_s.tolist()
