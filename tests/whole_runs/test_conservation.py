"""Over random small datacenters: balances close, nothing is negative, and physical bounds hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simulator as sim
from benchmarks.bases import scenario

DEVICES = {
    # Accelerators per server, and the power limit of one as delivered, in W.
    "dgx-h100": (8, 700.0),
    "dgx-a100": (8, 400.0),
    "l40s-pcie-4": (4, 350.0),
}
constant = st.integers(1, 600).map(lambda tokens: {"kind": "constant", "tokens": tokens})
lognormal = st.integers(20, 400).map(
    lambda median: {"kind": "lognormal", "median_tokens": median, "mean_tokens": 1.5 * median, "maximum_tokens": 3000}
)
empirical = st.just({"kind": "empirical", "tokens": [1, 30, 7000], "weights": [1, 5, 1]})
lengths = st.one_of(constant, lognormal, empirical)
arrivals = st.one_of(
    st.floats(0.05, 3.0).map(lambda rate: {"kind": "poisson", "rate_per_s": rate}),
    st.tuples(st.floats(0.05, 2.0), st.floats(0.2, 5.0)).map(
        lambda pair: {"kind": "gamma", "rate_per_s": pair[0], "coefficient_of_variation": pair[1]}
    ),
)
requests = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("synthetic"), "arrivals": arrivals, "prompt_tokens": lengths, "output_tokens": lengths}
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("closed_loop"),
            "clients": st.integers(1, 6),
            "requests": st.integers(1, 200),
            "think_time_s": st.sampled_from([0.0, 1.5]),
            "prompt_tokens": lengths,
            "output_tokens": lengths,
        }
    ),
)
reuse = st.fixed_dictionaries(
    {"demand_kw": st.sampled_from([5, 500]), "needed_c": st.sampled_from([22, 36]), "back_c": st.just(18)}
)
air_coolings = st.one_of(
    st.fixed_dictionaries({"kind": st.just("chilled_water"), "supply_air_c": st.floats(18, 27)}),
    st.just({"kind": "chilled_water", "chiller": {"kind": "eir", "curves": "carrier-19xr"}}),
    st.sampled_from(
        ["air_cooled_chiller", "dry_cooler", "air_economizer", "direct_evaporative", "indirect_evaporative"]
    ).map(lambda kind: {"kind": kind}),
    st.fixed_dictionaries(
        {
            "kind": st.just("rear_door"),
            "rejection": st.sampled_from(["dry_cooler", "tower", "chiller"]),
            "heat_reuse": reuse,
        }
    ),
)
coolings = st.one_of(
    air_coolings,
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["direct_to_chip", "immersion"]),
            "rejection": st.sampled_from(["dry_cooler", "tower", "chiller"]),
            "air": air_coolings,
            "heat_reuse": reuse,
        }
    ),
)
redundancies = st.sampled_from(["N", "N+1", "2N"])
facilities = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("modelled"),
            "it_capacity_kw": st.sampled_from([40, 120]),
            "cooling": coolings,
            "power_chain": st.fixed_dictionaries(
                {
                    "ups": st.sampled_from(["double_conversion", "eco"]),
                    "ups_redundancy": redundancies,
                    "busway_redundancy": redundancies,
                    "transformer_redundancy": redundancies,
                }
            ),
            "plant_step_s": st.sampled_from([17, 60, 300]),
        }
    ),
    st.fixed_dictionaries({"kind": st.just("published_pue"), "pue": st.floats(1.0, 2.0)}),
)


def service(draw: st.DrawFn, name: str, hall: str) -> dict[str, Any]:
    tensor = draw(st.sampled_from([1, 2]))
    engine: dict[str, Any] = {"max_sequences": draw(st.sampled_from([2, 64])), "max_batch_tokens": 512}
    if draw(st.booleans()):
        engine["kv_blocks"] = 150
    return {
        "kind": "inference",
        "name": name,
        "model": "llama-3.2-1b",
        "servers": hall,
        "replicas": 2 // tensor,
        "parallelism": {"tensor": tensor},
        "engine": engine,
        "requests": draw(requests),
        "slo": {"ttft_s": 0.1},
        "ramp_fraction": draw(st.sampled_from([0.0, 0.2])),
    }


def job(draw: st.DrawFn, name: str, hall: str, storage: bool) -> dict[str, Any]:
    # A small hall of four accelerators has room for a job of two beside its service, no more.
    data = draw(st.sampled_from([1, 2]))
    workload: dict[str, Any] = {
        "kind": "training",
        "name": name,
        "model": "bert-large",
        "servers": hall,
        "submit_h": draw(st.sampled_from([0.0, 0.01, 0.15])),
        "parallelism": {"data": data},
        "method": {"kind": "full"},
        "sequence_tokens": 512,
        "batch_sequences": 8 * data,
        "microbatch_sequences": draw(st.sampled_from([1, 8])),
        "length": {"kind": "steps", "steps": draw(st.integers(1, 3000))},
        "startup_s": draw(st.sampled_from([0.0, 33.0])),
    }
    if draw(st.booleans()):
        workload["evaluation"] = {"sequences": 64, "every_steps": 40}
    if storage and draw(st.booleans()):
        workload["checkpoint"] = {"every_h": 0.02}
    return workload


@st.composite
def datacenters(draw: st.DrawFn) -> dict[str, Any]:
    """One to three halls, up to two services and three jobs, some of which the end of the run cuts short."""
    halls = draw(st.lists(st.sampled_from(sorted(DEVICES)), min_size=1, max_size=2))
    servers = [{"name": f"hall-{i}", "profile": halls[i], "count": draw(st.integers(1, 2))} for i in range(len(halls))]
    for group in servers:
        if draw(st.booleans()):
            group["gpu_power_cap_w"] = draw(st.integers(250, 350))
        group["inlet_offset_k"] = draw(st.sampled_from([0.0, 4.0]))
    if draw(st.booleans()):
        servers.append({"name": "office", "profile": "cpu-2socket", "count": 2})
    names = [f"hall-{i}" for i in range(len(halls))]
    storage = draw(st.booleans())
    workloads = [service(draw, f"service-{name}", name) for name in names if draw(st.booleans())]
    workloads += [
        job(draw, f"job-{i}", draw(st.sampled_from(names)), storage)
        for i in range(draw(st.integers(0 if workloads else 1, 3)))
    ]
    site = {
        "weather": {
            "kind": "daily_cycle",
            "mean_c": draw(st.integers(0, 28)),
            "amplitude_k": 5,
            "warmest_hour_utc": 14,
            "dew_point_c": -8,
        },
        "carbon_intensity": {
            "kind": "daily_profile",
            "g_per_kwh": draw(st.lists(st.integers(0, 900), min_size=24, max_size=24)),
        },
        "price": {"kind": "constant", "usd_per_kwh": draw(st.sampled_from([-0.02, 0.0, 0.1]))},
    }
    changes: dict[str, Any] = {
        "seed": draw(st.integers(0, 1000)),
        # Shortly before a full hour, so that even the shortest run sees carbon intensity and weather change.
        "start": "2022-06-01T09:59:00Z",
        "duration_h": draw(st.sampled_from([0.03, 0.2])),
        "end": {"kind": draw(st.sampled_from(["horizon", "work_done"]))},
        "site": site,
        "facility": draw(facilities),
        "network": draw(st.sampled_from([{"kind": "none"}, {"kind": "fat_tree"}])),
        "policies": {
            "router": draw(st.sampled_from(["round_robin", "least_loaded"])),
            "placement": draw(st.sampled_from(["pack", "spread"])),
        },
    }
    if storage:
        changes["storage"] = {"write_gb_per_s": 1, "idle_kw": 0.2, "active_kw": 0.5}
    return scenario("random", servers, workloads, **changes)


def mean_g_per_kwh(values: list[float], start_s: float, end_s: float) -> float:
    """Mean of hourly values over an interval of the run, by cutting it at each full hour."""
    first_s = 9 * 3600.0 + 59 * 60.0
    total, t_s = 0.0, start_s
    while t_s < end_s:
        hour = int((first_s + t_s) // 3600)
        until_s = min(end_s, (hour + 1) * 3600.0 - first_s)
        total += values[hour % 24] * (until_s - t_s)
        t_s = until_s
    return total / (end_s - start_s)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(datacenters())
def test_conservation(data: dict[str, Any]) -> None:
    result = sim.run(sim.from_dict(data))
    summary, power, facility = result.summary, result.power, result.facility
    assert result.audit.ok.all()
    watts = [name for name in power.columns if name.endswith("_w")]
    assert (power[watts] >= 0.0).all(axis=None)
    assert (result.energy.energy_kwh >= 0.0).all()
    # Equal at a published PUE of exactly 1.
    assert summary.it_energy_kwh <= summary.facility_energy_kwh * (1.0 + 1e-12)
    assert summary.pue >= 1.0 - 1e-12
    assert 1.0 < summary.itue < summary.tue * (1.0 + 1e-12)
    if data["facility"]["kind"] == "published_pue":
        assert summary.pue == pytest.approx(data["facility"]["pue"], rel=1e-12)

    hours = ((facility.end_s - facility.start_s) / 3600.0).to_numpy()
    values = data["site"]["carbon_intensity"]["g_per_kwh"]
    intensity = [mean_g_per_kwh(values, row.start_s, row.end_s) for row in facility.itertuples()]
    emissions_kg = float((facility.facility_power_w.to_numpy() * hours / 1e3) @ np.array(intensity)) / 1e3
    assert summary.operational_emissions_kg_co2e == pytest.approx(emissions_kg, rel=1e-9)
    assert summary.energy_cost_usd == pytest.approx(
        data["site"]["price"]["usd_per_kwh"] * summary.facility_energy_kwh, rel=1e-9
    )

    limit_w = sum(
        group["count"] * DEVICES[group["profile"]][0] * group.get("gpu_power_cap_w", DEVICES[group["profile"]][1])
        for group in data["servers"]
        if group["profile"] in DEVICES
    )
    assert power.accelerator_w.max() <= limit_w * (1.0 + 1e-9)
    assert 0.0 <= summary.accelerator_busy_fraction <= 1.0
    installed = sum(group["count"] * DEVICES.get(group["profile"], (0, 0))[0] for group in data["servers"])
    assert result.workloads.accelerator_h.sum() == pytest.approx(installed * summary.simulated_h, rel=1e-9)
    assert 0.0 <= summary.embodied_unallocated_kg_co2e <= summary.embodied_emissions_kg_co2e
    _check_requests(result)
    _check_jobs(result)


def _check_requests(result: sim.Result) -> None:
    requests, end_s = result.requests, result.summary.simulated_h * 3600.0
    done = requests[requests.outcome == "completed"]
    assert (done.generated_tokens == done.output_tokens).all()
    assert (requests.generated_tokens <= requests.output_tokens).all()
    assert done[["queue_s", "ttft_s", "e2e_s"]].notna().all(axis=None)
    assert (done.queue_s >= 0.0).all()
    assert (done.queue_s < done.ttft_s).all()
    assert (done.ttft_s <= done.e2e_s).all()
    assert (done.arrival_s + done.e2e_s <= end_s * (1.0 + 1e-12)).all()
    assert (done.tpot_s.isna() == (done.output_tokens == 1)).all()
    refused = requests[requests.outcome.str.startswith("longer")]
    assert (refused.generated_tokens == 0).all()
    assert (refused.accelerator_energy_j == 0.0).all()
    assert (done.accelerator_energy_j > 0.0).all()


def _check_jobs(result: sim.Result) -> None:
    jobs, end_s = result.jobs, result.summary.simulated_h * 3600.0
    for job_row in jobs.itertuples():
        assert job_row.steps <= job_row.steps_asked * (1.0 + 1e-12)
        if job_row.outcome == "queued":
            assert np.isnan(job_row.start_s)
            assert job_row.accelerator_energy_j == job_row.steps == 0.0
            continue
        last_s = end_s if np.isnan(job_row.end_s) else job_row.end_s
        assert job_row.submit_s <= job_row.start_s <= last_s <= end_s * (1.0 + 1e-12)
        # Steps, evaluations and checkpoints fit into the time for which it held its accelerators.
        spent_s = job_row.steps * job_row.step_s + job_row.evaluation_s + job_row.checkpoint_s
        assert spent_s <= (last_s - job_row.start_s) * (1.0 + 1e-9)
        assert (job_row.outcome == "completed") == (job_row.steps == job_row.steps_asked)
