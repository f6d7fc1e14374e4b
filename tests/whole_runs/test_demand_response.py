"""Caps of the grid on a mixed hall, and controllers of the user's own."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import simulator as sim

HOUR_S = 3600.0
SCENARIO: dict[str, Any] = {
    "schema": 1,
    "name": "mixed",
    "seed": 3,
    "start": "2024-10-08T00:00:00Z",
    "duration_h": 3,
    "site": {
        "weather": {"kind": "constant", "dry_bulb_c": 18, "relative_humidity": 0.5},
        "carbon_intensity": {"kind": "daily_profile", "g_per_kwh": [200.0, 400.0] * 12},
        "price": {"kind": "constant", "usd_per_kwh": 0.1},
        "supply": {
            "grid": {
                "caps": [{"kind": "reduction", "start": "2024-10-08T01:00:00Z", "hours": 1, "reduction_fraction": 0.25}]
            }
        },
    },
    "facility": {"kind": "modelled", "it_capacity_kw": 24, "cooling": {"kind": "chilled_water"}},
    "servers": [{"name": "hall", "profile": "dgx-h100", "count": 2}],
    "network": {"kind": "none"},
    "workloads": [
        {
            "kind": "inference",
            "name": "chat",
            "model": "llama-3.1-8b",
            "precision": "fp8",
            "servers": "hall",
            "replicas": 2,
            "parallelism": {"tensor": 4},
            "requests": {
                "kind": "synthetic",
                "arrivals": {"kind": "poisson", "rate_per_s": 2},
                "prompt_tokens": {"kind": "constant", "tokens": 500},
                "output_tokens": {"kind": "constant", "tokens": 100},
            },
            "slo": {"ttft_s": 1.0, "tpot_s": 0.05},
        },
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
        },
    ],
}


def _scenario(**changes: Any) -> sim.Scenario:
    return sim.from_dict({**copy.deepcopy(SCENARIO), **changes})


@pytest.fixture(scope="module")
def free() -> sim.Result:
    return sim.run(_scenario(policies={"demand_response": {"kind": "none"}}))


@pytest.fixture(scope="module")
def followed() -> sim.Result:
    return sim.run(_scenario())


def _during(result: sim.Result) -> Any:
    table = result.supply
    return table[(table.start_s >= HOUR_S) & (table.end_s <= 2 * HOUR_S)]


def test_the_site_follows_within_one_plant_step(free: sim.Result, followed: sim.Result) -> None:
    asked_w = 0.75 * float(followed.supply[followed.supply.end_s <= HOUR_S].grid_import_w.mean())
    event = _during(followed)
    np.testing.assert_allclose(event.grid_cap_w, asked_w, rtol=1e-9)
    assert (event.grid_import_w <= asked_w).all(), "from the first step on"
    assert float(event.grid_import_w.mean()) > 0.93 * asked_w, "and not much lower than asked"
    assert followed.summary.grid_cap_exceeded_kwh == 0.0
    assert (_during(free).over_cap_w > 0.0).all()
    assert "grid_cap_exceeded" in free.events.kind.tolist()


def test_training_slows_and_nothing_is_free(free: sim.Result, followed: sim.Result) -> None:
    assert followed.jobs.steps[0] < 0.97 * free.jobs.steps[0]
    saved = 1.0 - followed.summary.facility_energy_kwh / free.summary.facility_energy_kwh
    lost = 1.0 - followed.jobs.steps[0] / free.jobs.steps[0]
    assert 0.0 < saved < 3.0 * lost


def test_serving_keeps_its_clock_while_training_can_give(free: sim.Result, followed: sim.Result) -> None:
    capped = set(followed.events[followed.events.kind == "power_cap"].subject)
    assert capped == {"job"}
    assert followed.summary.tpot_p99_s == free.summary.tpot_p99_s


def test_everything_returns_after_the_event(followed: sim.Result) -> None:
    table = followed.supply
    before, after = (
        float(table[(table.start_s >= start_s) & (table.end_s <= start_s + 0.5 * HOUR_S)].grid_import_w.mean())
        for start_s in (0.5 * HOUR_S, 2.2 * HOUR_S)
    )
    assert after == pytest.approx(before, rel=0.02)


def test_what_caps_cannot_give_is_told_and_serving_feels_it(free: sim.Result) -> None:
    data = copy.deepcopy(SCENARIO)
    data["site"]["supply"]["grid"]["caps"][0]["reduction_fraction"] = 0.6
    deep = sim.run(sim.from_dict(data))
    assert deep.summary.grid_cap_exceeded_kwh > 0.0
    assert {"chat", "job"} == set(deep.events[deep.events.kind == "power_cap"].subject)
    assert deep.summary.tpot_p99_s > free.summary.tpot_p99_s
    assert deep.summary.requests_completed + deep.summary.requests_in_flight == deep.summary.requests_arrived


def test_a_battery_gives_before_training_does(followed: sim.Result) -> None:
    data = copy.deepcopy(SCENARIO)
    battery = {"energy_kwh": 20, "power_kw": 10, "initial_fraction": 0.9, "policy": {"kind": "backup"}}
    data["site"]["supply"]["battery"] = battery
    result = sim.run(sim.from_dict(data))
    event = _during(result)
    assert float(event.battery_discharge_w.min()) > 0.0
    assert (event.over_cap_w <= 1e-6).all()
    assert result.jobs.steps[0] > followed.jobs.steps[0]


def test_both_engines_see_the_same_event() -> None:
    data = copy.deepcopy(SCENARIO)
    cap = data["site"]["supply"]["grid"]["caps"][0]
    cap |= {"start": "2024-10-08T00:05:00Z", "hours": 0.05, "baseline_h": 0.05, "reduction_fraction": 0.45}
    scenario = sim.from_dict({**data, "duration_h": 0.15})
    fast, slow = (sim.run(scenario, engine=engine) for engine in ("stretch", "iteration"))
    assert "chat" in fast.events[fast.events.kind == "power_cap"].subject.tolist()
    np.testing.assert_allclose(fast.supply.grid_import_w, slow.supply.grid_import_w, rtol=1e-9)
    assert fast.summary.tpot_p99_s == pytest.approx(slow.summary.tpot_p99_s, rel=1e-9)


class Watcher(sim.Controller):
    """Caps the job while the grid is dirty, and keeps what it has seen."""

    period_s = 600.0

    def __init__(self) -> None:
        self.seen: list[sim.View] = []

    def decide(self, view: sim.View) -> list[sim.SetPowerCap]:
        self.seen.append(view)
        dirty = view.carbon_intensity_g_per_kwh > 300.0
        return [sim.SetPowerCap("hall", 400.0 if dirty else 700.0, workload="job")]


def test_a_controller_of_ones_own() -> None:
    data = copy.deepcopy(SCENARIO)
    del data["site"]["supply"]
    watcher = Watcher()
    result = sim.run(sim.from_dict(data), controllers=[watcher])
    assert [view.t_s for view in watcher.seen] == [60.0, *(600.0 * k for k in range(1, 18))]
    hall = watcher.seen[3].site.halls[0]
    assert (hall.lowest_cap_w, hall.highest_cap_w) == (200.0, 700.0)
    chat, job = hall.workloads
    assert (chat.name, chat.kind, chat.accelerators) == ("chat", "inference", 8)
    assert (job.name, job.kind, job.gpu_power_cap_w) == ("job", "training", 700.0)
    curve = dict(job.power_under_w)
    assert curve[700.0] == pytest.approx(job.power_w, rel=1e-6), "a job that steps draws what its curve says"
    assert list(curve.values()) == sorted(curve.values())
    capped = result.power[(result.power.start_s >= HOUR_S + 60.0) & (result.power.end_s <= 2 * HOUR_S)]
    assert float(capped.accelerator_w.max()) < float(result.power.accelerator_w[:50].min())
    told = result.events[result.events.kind == "power_cap"]
    assert told.t_s.tolist() == [3600.0, 7200.0]
    assert told.detail.tolist() == ["400 W each, by Watcher", "700 W each, by Watcher"]


class Fixed(sim.Controller):
    period_s = 600.0

    def __init__(self, *commands: sim.SetPowerCap) -> None:
        self._commands = commands

    def decide(self, view: sim.View) -> tuple[sim.SetPowerCap, ...]:  # noqa: ARG002
        return self._commands


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (sim.SetPowerCap("hal", 400.0), "no hall is called 'hal'; did you mean 'hall'"),
        (sim.SetPowerCap("hall", 100.0), "gpu_power_cap_w must be >= 200 and <= 700 in 'hall', got 100"),
        (sim.SetPowerCap("hall", 400.0, "jib"), "no workload of 'hall' is called 'jib'; did you mean 'job'"),
    ],
)
def test_a_command_that_cannot_be_carried_out(command: sim.SetPowerCap, message: str) -> None:
    with pytest.raises(sim.InputError, match="controller Fixed") as caught:
        sim.run(_scenario(duration_h=0.1, site={**SCENARIO["site"], "supply": {}}), controllers=[Fixed(command)])
    assert message in str(caught.value)


def test_a_controller_needs_a_period() -> None:
    class Timeless(sim.Controller):
        def decide(self, view: sim.View) -> list[sim.SetPowerCap]:  # noqa: ARG002
            return []

    with pytest.raises(sim.InputError, match="period_s"):
        sim.run(_scenario(duration_h=0.1, site={**SCENARIO["site"], "supply": {}}), controllers=[Timeless()])
