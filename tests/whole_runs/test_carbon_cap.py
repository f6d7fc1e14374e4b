"""The policy that caps training while the grid is dirty: what it does to time, energy and emissions, by hand."""

from __future__ import annotations

from typing import Any

import pytest

import simulator as sim
from benchmarks.bases import scenario

CLEAN, DIRTY = 100.0, 500.0
PROFILE = [DIRTY] * 12 + [CLEAN] * 12
"""Dirty until noon."""


def job(hall: str, name: str, steps: int) -> dict[str, Any]:
    return {
        "kind": "training",
        "name": name,
        "model": "llama-3.1-8b",
        "servers": hall,
        "parallelism": {"data": 8},
        "method": {"kind": "full"},
        "sequence_tokens": 4096,
        "batch_sequences": 64,
        "recompute": "full",
        "length": {"kind": "steps", "steps": steps},
    }


def run(start_hour: int, policy: dict[str, Any] | None, steps: int = 400, jobs: int = 1) -> sim.Result:
    servers = [{"name": f"hall-{index}", "profile": "dgx-h100", "count": 1} for index in range(jobs)]
    workloads = [job(f"hall-{index}", f"job-{index}", steps) for index in range(jobs)]
    data = scenario("carbon-cap", servers, workloads, duration_h=6.0, end={"kind": "work_done"})
    data["start"] = f"2024-04-16T{start_hour:02d}:00:00Z"
    data["site"] = {**data["site"], "carbon_intensity": {"kind": "daily_profile", "g_per_kwh": PROFILE}}
    data["facility"] = {"kind": "published_pue", "pue": 1.1}
    if policy is not None:
        data["policies"] = {"power": {"kind": "carbon_cap", "above_g_per_kwh": 300, **policy}}
    return sim.run(sim.from_dict(data))


def test_in_clean_hours_nothing_happens() -> None:
    free, followed = run(12, None), run(12, {"gpu_power_cap_w": 400})
    assert followed.summary == free.summary
    assert not (followed.events.kind == "power_cap").any()


def test_in_dirty_hours_it_is_the_cap_of_the_hall() -> None:
    """A cap that never lifts is the cap of the hall from the start."""
    followed = run(0, {"gpu_power_cap_w": 400}, steps=300)
    data = scenario("by-hall", [{"name": "hall-0", "profile": "dgx-h100", "count": 1, "gpu_power_cap_w": 400}], [])
    data["workloads"] = [job("hall-0", "job-0", 300)]
    data["facility"] = {"kind": "published_pue", "pue": 1.1}
    data |= {"duration_h": 6.0, "end": {"kind": "work_done"}, "start": "2024-04-16T00:00:00Z"}
    by_hall = sim.run(sim.from_dict(data))
    assert followed.jobs.end_s[0] == pytest.approx(by_hall.jobs.end_s[0], rel=1e-9)
    assert followed.summary.accelerator_energy_kwh == pytest.approx(by_hall.summary.accelerator_energy_kwh, rel=1e-9)


def test_a_run_across_the_change_is_put_together_from_both() -> None:
    """From 11 h on: an hour of slow steps, and the rest at full speed; the end follows from the two step times."""
    free, slow = run(12, None), run(0, {"gpu_power_cap_w": 350})
    step_s = [result.jobs.end_s[0] / 400 for result in (free, slow)]
    assert step_s[1] > 1.1 * step_s[0], "energy is not free"
    steps = int(2.0 * 3600.0 / step_s[0])
    followed = run(11, {"gpu_power_cap_w": 350}, steps=steps)
    by_hand_s = 3600.0 + (steps - 3600.0 / step_s[1]) * step_s[0]
    assert followed.jobs.end_s[0] == pytest.approx(by_hand_s, rel=1e-9)
    told = followed.events[followed.events.kind == "power_cap"]
    assert list(told.t_s) == [0.0, 3600.0]
    assert list(told.detail) == ["350 W at 500 g/kWh", "700 W at 100 g/kWh"]


def test_less_is_emitted_and_the_same_is_done() -> None:
    free, followed = run(10, None, steps=2000), run(10, {"gpu_power_cap_w": 400}, steps=2000)
    assert followed.jobs.steps[0] == free.jobs.steps[0] == 2000
    assert followed.jobs.end_s[0] > free.jobs.end_s[0]
    tables = [result.workloads.set_index("workload") for result in (free, followed)]
    emitted_kg = [table.operational_emissions_kg_co2e["job-0"] for table in tables]
    assert emitted_kg[1] < 0.95 * emitted_kg[0]


def test_only_those_who_are_named() -> None:
    both = run(0, {"gpu_power_cap_w": 400, "workloads": ["job-1"]}, steps=300, jobs=2)
    ends_s = both.jobs.set_index("name").end_s
    assert ends_s["job-1"] > 1.05 * ends_s["job-0"]
    assert set(both.events[both.events.kind == "power_cap"].subject) == {"job-1"}


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            {"gpu_power_cap_w": 900},
            r"policies\.power\.gpu_power_cap_w: must be >= 200 and <= 700 for 'job-0' in 'hall-0', got 900",
        ),
        (
            {"gpu_power_cap_w": 400, "workloads": ["jop-0"]},
            r"policies\.power\.workloads\.0: no workload is called 'jop-0'; did you mean 'job-0'\?",
        ),
        ({"gpu_power_cap_w": 400, "workloads": []}, r"policies\.power\.workloads: must have >= 1 entries, got 0"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(policy: dict[str, Any], message: str) -> None:
    with pytest.raises(sim.InputError, match=message):
        run(0, policy)
