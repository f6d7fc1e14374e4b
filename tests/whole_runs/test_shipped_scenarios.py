"""Every scenario that is shipped loads, can be put together, and closes all its balances in a shortened run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import simulator as sim

SCENARIOS = sorted((Path(__file__).resolve().parents[2] / "scenarios").glob("*.yaml"))

SHORTER: dict[str, dict[str, Any]] = {
    "azure-conv": {"workloads.chat.requests.max_requests": 300},
    "bert-training-and-inference": {"duration_h": 0.3, "workloads.pre-training.checkpoint.every_h": 0.1},
    "carbon-follow": {"duration_h": 0.5, "workloads.pre-training.length.steps": 30},
    "chat-day": {"duration_h": 0.1},
    "cooling-failure": {"duration_h": 0.3, "facility.cooling_failures": [{"start_h": 0.05, "duration_min": 10}]},
    "cost-of-a-token": {"duration_h": 0.1},
    "demand-response": {
        "duration_h": 0.5,
        "site.supply.grid.caps": [{"kind": "limit", "start": "2024-10-08T12:15:00Z", "hours": 0.1, "limit_kw": 45}],
    },
    "cooling-choice": {"duration_h": 6},
    "gpt3-training": {"workloads.gpt3.length.tokens": 1e9},
    "mixed-hall": {
        "duration_h": 0.5,
        "workloads.fine-tuning-a.submit_h": 0.1,
        "workloads.fine-tuning-b.submit_h": 0.2,
        "workloads.pre-training.checkpoint.every_h": 0.1,
    },
    "solar-battery": {"duration_h": 0.5, "site.supply.diesel.test.first_h": 0.1},
    "two-sites": {"duration_h": 0.3, "workloads.fine-tuning.submit_h": 0.05},
}
"""What is set to make a scenario short and yet show what it is about."""
WORK: dict[str, dict[str, int]] = {
    "azure-conv": {"requests_completed": 300},
    "bert-training-and-inference": {"requests_completed": 30_000, "training_steps": 100},
    "carbon-follow": {"requests_completed": 500, "training_steps": 30},
    "chat-day": {"requests_completed": 1000},
    "cooling-failure": {"requests_completed": 5000, "training_steps": 40},
    "cost-of-a-token": {"requests_completed": 500},
    "demand-response": {"requests_completed": 3000, "training_steps": 100},
    "cooling-choice": {"training_steps": 3000, "reused_heat_kwh": 100},
    "gpt3-training": {"jobs_completed": 1},
    "mixed-hall": {"requests_completed": 3000, "training_steps": 100},
    "solar-battery": {"training_steps": 10, "diesel_fuel_l": 1},
    "two-sites": {"requests_completed": 1500, "training_steps": 100},
}
"""At least this much happens."""
SUPPLY_AUDITS = {"solar-battery": 5, "demand-response": 2}
"""Balances of the supply: load and flows, and one for each battery and for the tank."""
TRACE = "data/llm_traces/azure_llm_inference_2023/AzureLLMInferenceTrace_conv.csv"


def test_every_scenario_is_tried() -> None:
    assert {path.stem for path in SCENARIOS} == set(SHORTER) == set(WORK)


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_a_shortened_run(path: Path, request: pytest.FixtureRequest) -> None:
    values = dict(SHORTER[path.stem])
    if "kind: azure" in path.read_text():
        values["workloads.chat.requests.file"] = str(request.getfixturevalue("shared") / TRACE)
    scenario = sim.load(path, values)
    assert scenario.name == path.stem
    sim.check(scenario)
    result = sim.run(scenario)
    assert result.audit.ok.all()
    assert len(result.audit) >= 9 + 15 * len(result.sites) + SUPPLY_AUDITS.get(path.stem, 0)
    for name, least in WORK[path.stem].items():
        assert getattr(result.summary, name) >= least, name
    assert 1.0 < result.summary.pue < 1.5
    # The shortened runs end as they should: when the work is done, or at the horizon.
    ends_with_work = scenario.record.end.kind == "work_done"
    assert (result.summary.simulated_h < scenario.record.duration_h) == ends_with_work


def test_a_scenario_that_needs_a_trace_says_so(root: Path) -> None:
    with pytest.raises(sim.InputError, match=r"azure-conv.yaml:\d+: workloads.* no such file: 'AzureLLM"):
        sim.load(root / "scenarios/azure-conv.yaml")
