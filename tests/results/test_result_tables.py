"""Tables of a run: every column in its place, and every table telling the same story."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.records import JobRecord, RunRecords
from simulator.results.audits import Audit
from simulator.results.tables import job_table

ROUNDING = 1e-12
COMPONENTS = [
    "accelerator_w", "host_w", "server_network_w", "server_storage_w", "server_fan_w", "psu_loss_w", "switch_w",
    "shared_storage_w", "cooling_w", "distribution_loss_w", "other_w",
]  # fmt: skip


def hours(table: pd.DataFrame) -> np.ndarray:
    return ((table.end_s - table.start_s) / 3600.0).to_numpy()


def test_components_add_up_to_the_meter_in_every_step(result: sim.Result) -> None:
    power = result.power
    assert list(power.columns) == ["site", "start_s", "end_s", *COMPONENTS, "facility_power_w"]
    assert (power[COMPONENTS] >= 0.0).all(axis=None)
    assert power[COMPONENTS].sum(axis=1).to_numpy() == pytest.approx(power.facility_power_w.to_numpy(), rel=ROUNDING)


def test_steps_follow_one_another(result: sim.Result) -> None:
    for table in (result.power, result.facility):
        assert table.start_s.iloc[0] == 0.0
        assert table.end_s.iloc[-1] == result.summary.simulated_h * 3600.0
        assert (table.start_s.to_numpy()[1:] == table.end_s.to_numpy()[:-1]).all()
        assert (table.end_s > table.start_s).all()


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        (["accelerator_w"], "accelerator_energy_kwh"),
        (["host_w"], "host_energy_kwh"),
        (["server_network_w", "switch_w"], "network_energy_kwh"),
        (["server_storage_w", "shared_storage_w"], "storage_energy_kwh"),
        (["server_fan_w"], "server_fan_energy_kwh"),
        (["cooling_w"], "cooling_energy_kwh"),
        (["psu_loss_w", "distribution_loss_w"], "conversion_loss_kwh"),
        (["other_w"], "other_energy_kwh"),
        (["facility_power_w"], "facility_energy_kwh"),
        (COMPONENTS[:8], "it_energy_kwh"),
    ],
)
def test_power_over_time_is_the_energy_of_the_summary(result: sim.Result, columns: list[str], field: str) -> None:
    energy_kwh = float(result.power[columns].sum(axis=1).to_numpy() @ hours(result.power)) / 1e3
    assert energy_kwh == pytest.approx(getattr(result.summary, field), rel=ROUNDING)


def test_the_facility_adds_up(result: sim.Result) -> None:
    table = result.facility
    parts = ["it_power_w", "cooling_power_w", "loss_power_w", "other_power_w"]
    assert table[parts].sum(axis=1).to_numpy() == pytest.approx(table.facility_power_w.to_numpy(), rel=ROUNDING)
    machines = [
        "crah_fan_power_w", "chilled_water_pump_power_w", "chiller_power_w", "condenser_pump_power_w",
        "tower_fan_power_w", "overhead_power_w",
    ]  # fmt: skip
    assert table[machines].sum(axis=1).to_numpy() == pytest.approx(table.cooling_power_w.to_numpy(), rel=ROUNDING)
    assert table.makeup_water_l.sum() == pytest.approx(result.summary.water_withdrawn_l)
    assert (table.consumed_water_l <= table.makeup_water_l).all()


def test_emissions_and_cost_from_the_facility_table(result: sim.Result) -> None:
    table = result.facility
    energy_kwh = table.facility_power_w.to_numpy() / 1e3 * hours(table)
    emissions_kg = float(energy_kwh @ table.carbon_intensity_g_per_kwh.to_numpy()) / 1e3
    assert emissions_kg == pytest.approx(result.summary.operational_emissions_kg_co2e, rel=ROUNDING)
    cost_usd = float(energy_kwh @ table.price_usd_per_kwh.to_numpy())
    assert cost_usd == pytest.approx(result.summary.energy_cost_usd, rel=1e-9)
    # The run begins at 10:30: half an hour at 220 g and 0.25 USD, then half an hour at 410 g and -0.05 USD.
    assert set(table.carbon_intensity_g_per_kwh[:30]) == {220.0}
    assert set(table.carbon_intensity_g_per_kwh[30:]) == {410.0}
    assert table.price_usd_per_kwh.iloc[[29, 30]].tolist() == [0.25, -0.05]


def test_workloads_share_everything(result: sim.Result) -> None:
    table, summary = result.workloads, result.summary
    assert table.workload.tolist() == ["(none)", "batch", "chat", "first", "second", "third"]
    totals = {
        "energy_kwh": summary.facility_energy_kwh,
        "idle_energy_kwh": summary.idle_energy_kwh,
        "operational_emissions_kg_co2e": summary.operational_emissions_kg_co2e,
        "energy_cost_usd": summary.energy_cost_usd,
        # 3 servers of 8 H100 and 2 of 8 A100 for an hour.
        "accelerator_h": 40.0,
        "requests_completed": summary.requests_completed,
        "output_tokens": summary.output_tokens,
    }
    for name, total in totals.items():
        assert table[name].sum() == pytest.approx(total, rel=1e-9), name
    services = table.set_index("workload").loc[["batch", "chat"]]
    others = table.set_index("workload").drop(index=["batch", "chat"])
    latencies = ["ttft_p50_s", "ttft_p99_s", "tpot_p50_s", "tpot_p99_s"]
    assert services[latencies].notna().all(axis=None)
    assert others[[*latencies, "requests_completed", "output_tokens"]].isna().all(axis=None)
    assert (table.idle_energy_kwh <= table.energy_kwh).all()


def test_latencies_by_workload_are_those_of_the_request_table(result: sim.Result) -> None:
    chat = result.requests[result.requests.workload == "chat"]
    # Its ramp leaves out the first tenth of its arrivals.
    counted = chat[(chat.request >= 0.1 * len(chat)) & (chat.outcome == "completed")]
    row = result.workloads.set_index("workload").loc["chat"]
    assert row.ttft_p99_s == np.percentile(counted.ttft_s, 99)
    assert row.tpot_p50_s == np.percentile(counted.tpot_s.dropna(), 50)
    assert len(counted) < len(chat)


def test_energy_of_requests_and_jobs_is_in_the_ledger(result: sim.Result) -> None:
    ledger = result.energy
    assert ledger.energy_kwh.sum() == pytest.approx(result.summary.facility_energy_kwh, rel=ROUNDING)
    # Hosts, switches, supplies and the building come on top of the accelerators.
    by_workload = ledger.groupby("workload").energy_kwh.sum() * 3.6e6
    requests_j = result.requests.groupby("workload").accelerator_energy_j.sum()
    jobs_j = result.jobs.set_index("name").accelerator_energy_j
    for name, accelerators_j in [*requests_j.items(), *jobs_j.items()]:
        assert 0.0 < accelerators_j < by_workload[name]


def test_jobs(result: sim.Result) -> None:
    jobs = result.jobs.set_index("name")
    assert jobs.outcome.tolist() == ["completed", "running", "completed"]
    # The second waits until the first one gives back two servers of eight.
    assert jobs.queue_s["second"] == pytest.approx(jobs.end_s["first"] - 0.05 * 3600.0)
    assert jobs.queue_s["first"] == jobs.queue_s["third"] == 0.0
    assert np.isnan(jobs.end_s["second"])
    assert jobs.steps["first"] == 300.0
    assert jobs.tokens["third"] == pytest.approx(4e7)
    assert (jobs.checkpoints[["first", "second"]] > 0).all()
    assert jobs.evaluation_s["second"] > 0.0


def test_a_job_that_never_ran_has_missing_times(make_records: Callable[..., RunRecords]) -> None:
    queued = JobRecord("late", "hall", 8, 7200.0, 100.0, 2.0, 0.3, 1e15)
    table = job_table(make_records([3600.0], {}, jobs=(queued,)))
    assert table[["start_s", "queue_s", "end_s"]].isna().all(axis=None)
    assert table.outcome.tolist() == ["queued"]
    assert job_table(make_records([3600.0], {})).empty


def test_events_and_notes(result: sim.Result) -> None:
    kinds = result.events.kind.value_counts().to_dict()
    assert kinds["job_started"] == 3
    assert kinds["job_completed"] == 2
    assert result.events.t_s.is_monotonic_increasing


def test_figures_carry_kind_and_source(result: sim.Result) -> None:
    assert set(result.figures.kind) <= {"measured", "datasheet", "estimated"}
    assert (result.figures.source.str.len() > 0).all()
    assert {"dgx-h100", "dgx-a100", "llama-3.1-8b", "bert-large", "chilled-water"} <= set(result.figures.profile)
    assert not result.figures.duplicated(["profile", "name"]).any()


def test_an_audit_is_within_its_tolerance_or_not() -> None:
    assert Audit("x", 1.0, 1.5, 0.5).ok
    assert not Audit("x", 1.5, 1.0, 0.49).ok
    assert not Audit("x", float("nan"), 1.0, 1e9).ok
    assert Audit("x", 1.0, 1.5, 0.5).residual == -0.5
