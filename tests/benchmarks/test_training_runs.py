"""The kind `training-runs`: what rows leave out is given by rules, and what is no measurement is not compared."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.validation.fastest_plan import Hardware, Software, fastest_plan
from benchmarks.validation.report import Report
from benchmarks.validation.training_runs import checkpoint_h, validate
from benchmarks.validation.training_tasks import task_of
from simulator.errors import InputError
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS
from simulator.physics.training_plan import Network, memory_need_bytes
from simulator.profiles import catalogue

# Biderman et al. 2023, Table 5: the run whose steps gave the sustained rate.
PYTHIA = {
    "case_id": "pythia-410m", "model": "Pythia 410M", "year": "2023", "params_b": "0.4053",
    "active_params_b": "0.4053", "tokens_b": "299.893", "flops_total": "", "accelerator": "A100-SXM-40GB",
    "n_accel": "32", "accel_hours": "2540", "mfu_reported_pct": "", "energy_basis": "none",
    "avg_power_w_per_accel": "", "avg_power_scope": "", "energy_scope": "", "energy_mwh_reported": "", "pue": "",
    "grid_kgco2e_per_kwh": "", "tco2e_reported": "", "notes": "",
}  # fmt: skip


def report_of(tmp_path: Path, *changes: dict[str, str]) -> Report:
    rows = [PYTHIA | change for change in changes]
    path = tmp_path / "runs.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(PYTHIA))
        writer.writeheader()
        writer.writerows(rows)
    return validate(path)


def test_hours_of_a_run_whose_plan_is_published(tmp_path: Path) -> None:
    (case,) = report_of(tmp_path, {}).cases
    assert (case.metric, case.used_in_fit) == ("accel_hours", True)
    assert abs(case.relative_error) < 0.05


def test_nameplate_arithmetic_is_not_compared(tmp_path: Path) -> None:
    stated = {"energy_mwh_reported": "1.016", "avg_power_w_per_accel": "400", "pue": "1.0"}
    report = report_of(
        tmp_path, stated | {"energy_basis": "tdp_x_hours"}, stated | {"energy_basis": "measured_gpu_only"}
    )
    assert [case.metric for case in report.cases] == ["accel_hours", "accel_hours", "power", "energy"]


def test_emissions_that_contradict_the_energy_are_skipped(tmp_path: Path) -> None:
    row = {"energy_basis": "measured_gpu_only", "energy_scope": "GPU only", "energy_mwh_reported": "1"}
    report = report_of(tmp_path, row | {"grid_kgco2e_per_kwh": "0.4", "tco2e_reported": "0.003"})
    assert "contradicts itself" in report.skipped[0][1]
    assert {case.metric for case in report.cases} == {"accel_hours", "energy"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"accelerator": "TITAN X"}, "no server profile"),
        ({"model": "?", "case_id": "?", "params_b": ""}, "no number of parameters"),
        ({"model": "?", "case_id": "?", "active_params_b": "0.1"}, "model of experts"),
        ({"n_accel": "", "tokens_b": ""}, "neither accelerators nor tokens"),
        ({"n_accel": "32 to 64"}, "'n_accel' is no number: '32 to 64'"),
        ({"year": ""}, "does not say when"),
    ],
)
def test_rows_that_lack_what_no_rule_gives_are_refused(change: dict[str, str], why: str) -> None:
    with pytest.raises(InputError, match=why):
        task_of(PYTHIA | change)


def test_checkpoints_come_at_the_interval_of_young() -> None:
    """14 bytes x 405.9 billion at 16,384 x 83 MB/s: 4.2 s; 50,700 h / 16,384: 11,140 s; sqrt(2 x 4.2 x 11,140)."""
    model = catalogue.model("llama-3.1-405b", Path()).record.transformer()
    plan = replace(task_of(PYTHIA).plan, data=16_384)
    assert checkpoint_h(plan, model) * 3600.0 == pytest.approx(305.0, rel=0.01)


@pytest.mark.parametrize(("year", "tpu"), [(2020, False), (2022, False), (2024, False), (2022, True)])
def test_plans_use_what_their_time_had(year: int, tpu: bool) -> None:
    model = catalogue.model("decoder-13b", Path()).record.transformer()
    rates = catalogue.accelerator("a100-sxm-80gb", Path()).record.rates("bf16")
    hardware = Hardware(rates, 256, 8, Network(rates.link, Link(3e-5, 2e-6, 2e10), 8))
    software = Software.of(year, tpu)
    plan = fastest_plan(model, "bf16", 2048, 1024, hardware, software)
    assert plan.data * plan.tensor * plan.pipeline * plan.context == 256
    assert memory_need_bytes(model, plan, PRECISIONS["bf16"]) <= 0.9 * 80e9
    assert plan.interleave == 1 or year >= 2021
    assert not plan.shard_weights or year >= 2023 or tpu
    assert plan.recompute == "full" or year >= 2023 or tpu
