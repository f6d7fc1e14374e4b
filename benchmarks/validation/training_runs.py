"""Kind `training-runs`: accelerator-hours, power, energy and emissions of published training runs.

A row says what was trained, on what, and what came out. Rules give what it leaves out (`training_tasks`,
`fastest_plan`), and the whole run is simulated, failures included. What a row holds by arithmetic, hours times
nameplate power, is no measurement and is not compared; its hours are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simulator as sim
from benchmarks.bases import scenario
from benchmarks.validation.report import Case, Report, reason
from benchmarks.validation.rows import Row, number, read_rows
from benchmarks.validation.training_tasks import Task, task_of
from simulator.errors import InputError
from simulator.physics import transformer as tf
from simulator.physics.training_plan import ADAM_STATE_BYTES, TrainingPlan
from simulator.physics.transformer import Transformer
from simulator.profiles import catalogue
from simulator.scenario.training import Interruptions
from simulator.units import BYTES_PER_GB, SECONDS_PER_HOUR

COLUMNS = {"case_id", "params_b", "tokens_b", "accelerator", "accel_hours", "energy_basis"}

HOURS_IN_FIT = {"pythia-410m", "pythia-1.4b", "pythia-6.9b", "mtnlg-530b-280n"}
"""Runs whose steps gave the sustained rate and the host time of a step."""
POWER_IN_FIT = {"t5-11b", "meena-2.6b", "palm-540b", "glam-280b-tokens"}
"""Runs whose system power gave that of the TPU hosts."""

_LEAST_KG_PER_KWH = 0.01
"""No grid that a run took its energy from is cleaner; a row that implies less contradicts itself."""
_STEADY_POINTS = 2.0
"""A published utilization this many points above that of the hours is one of the steady phase."""
_WRITE_GB_PER_S = 2_000.0 / 24_000.0
"""Of one accelerator's share of the storage: 2 TB/s for the 24,000 H100 of Llama 3 (docs/sources.md, interruptions)."""
_STEPS_WITHOUT_TOKENS = 2_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the simulated run used.

    Args:
        accelerator_h: accelerator-hours of the job, failures and checkpoints included.
        mfu: model FLOP utilization of a step.
        board_w: mean power of an accelerator.
        host_w: mean power of its share of processors, memory and board.
        system_w: mean power of its share of the server, at the plug.
    """

    accelerator_h: float
    mfu: float
    board_w: float
    host_w: float
    system_w: float


def validate(path: Path) -> Report:
    """Simulate every row whose run the simulator models."""
    report = Report("training-runs")
    usual = Interruptions()
    report.notes.append(
        f"failures: one per {usual.mean_accelerator_h:,.0f} accelerator-hours, {usual.restart_s:.0f} s of restart, "
        f"checkpoints at {_WRITE_GB_PER_S:.3f} GB/s and accelerator as often as Young (1974) advises"
    )
    for row in read_rows(path, COLUMNS):
        try:
            task = task_of(row)
            outcome = run(task, row)
        except InputError as error:
            report.skip(row["case_id"], reason(error))
            continue
        cases = list(_cases(row, task, outcome, report))
        if not cases:
            report.skip(row["case_id"], "the row holds nothing measured that the simulator predicts")
        report.cases += cases
        plan = task.plan
        report.notes.append(
            f"{row['case_id']}: {task.model} on {task.server}, data {plan.data} x tensor {plan.tensor} x pipeline "
            f"{plan.pipeline} x context {plan.context}, experts over {plan.expert}, {plan.interleave} chunks, "
            f"recompute {plan.recompute}, weights {'' if plan.shard_weights else 'not '}sharded, "
            f"{plan.batch_sequences:,} x {plan.sequence_tokens:,} tokens"
        )
    return report


def run(task: Task, row: Row) -> Outcome:
    """Simulate a task."""
    result = sim.run(sim.from_dict(_scenario(task, row)))
    job = result.jobs.iloc[0]
    accelerators = task.plan.accelerators
    seconds = (result.power.end_s - result.power.start_s).to_numpy()

    def mean_w(*columns: str) -> float:
        return float(result.power[list(columns)].sum(axis=1).to_numpy() @ seconds) / float(seconds.sum())

    boards_w, host_w = mean_w("accelerator_w"), mean_w("host_w")
    rest_w = mean_w("server_network_w", "server_storage_w", "server_fan_w", "psu_loss_w")
    # The last server may be part of another job; it is idle here, and its share of a large run is small.
    return Outcome(
        accelerator_h=float(job.end_s - job.start_s) / SECONDS_PER_HOUR * accelerators,
        mfu=float(job.mfu),
        board_w=boards_w / accelerators,
        host_w=host_w / accelerators,
        system_w=(boards_w + host_w + rest_w) / accelerators,
    )


def _cases(row: Row, task: Task, outcome: Outcome, report: Report) -> list[Case]:
    case_id, cases = row["case_id"], []
    hours = number(row, "accel_hours")
    if hours and task.tokens:
        cases.append(Case(case_id, "accel_hours", "h", outcome.accelerator_h, hours, case_id in HOURS_IN_FIT))
    steady = _steady_mfu(row, task, hours)
    if steady is not None:
        cases.append(Case(case_id, "steady_mfu", "1", outcome.mfu, steady, case_id in HOURS_IN_FIT))
    if not row["energy_basis"].startswith("measured"):
        return cases
    scope = f"{row.get('avg_power_scope', '')} {row.get('energy_scope', '')}"
    watts = outcome.board_w if "GPU only" in scope or "GPU energy only" in scope else outcome.system_w
    if "GPU+CPU+DRAM" in scope:
        watts = outcome.board_w + outcome.host_w
    power_w, energy_mwh = number(row, "avg_power_w_per_accel"), number(row, "energy_mwh_reported")
    fitted = case_id in POWER_IN_FIT
    if power_w:
        cases.append(Case(case_id, "power", "W", watts, power_w, fitted))
    if energy_mwh and task.tokens:
        pue = number(row, "pue") or 1.0
        predicted_mwh = watts * outcome.accelerator_h * pue / 1e6
        cases.append(Case(case_id, "energy", "MWh", predicted_mwh, energy_mwh, fitted))
        cases += _emissions(row, predicted_mwh, energy_mwh, report)
    return cases


def _emissions(row: Row, predicted_mwh: float, energy_mwh: float, report: Report) -> list[Case]:
    tonnes, factor = number(row, "tco2e_reported"), number(row, "grid_kgco2e_per_kwh")
    if not tonnes or not factor:
        return []
    if tonnes / energy_mwh < _LEAST_KG_PER_KWH:
        report.skip(row["case_id"], "its emissions over its energy are below any grid's: the row contradicts itself")
        return []
    return [Case(row["case_id"], "emissions", "t", predicted_mwh * factor, tonnes, row["case_id"] in POWER_IN_FIT)]


def _steady_mfu(row: Row, task: Task, hours: float) -> float | None:
    """Return the published utilization of the steady phase, where the row has one beside that of the whole run."""
    parts = row.get("mfu_reported_pct", "").split("-")
    try:
        percent = sum(map(float, parts)) / len(parts)
    except ValueError:
        return None
    if not hours or not task.tokens:
        return percent / 100.0
    whole = 600.0 * task.parameters * task.tokens / (hours * SECONDS_PER_HOUR * task.peak_flop_per_s)
    return percent / 100.0 if percent > whole + _STEADY_POINTS else None


def checkpoint_h(plan: TrainingPlan, model: Transformer) -> float:
    """Return the interval between checkpoints that loses least: sqrt(2 x time of writing x time between failures).

    Young 1974, "A first order approximation to the optimum checkpoint interval".
    """
    bytes_per_s = plan.accelerators * _WRITE_GB_PER_S * BYTES_PER_GB
    written_h = tf.parameter_count(model) * (2.0 + ADAM_STATE_BYTES) / bytes_per_s / SECONDS_PER_HOUR
    return math.sqrt(2.0 * written_h * Interruptions().mean_accelerator_h / plan.accelerators)


def _model(task: Task) -> Transformer:
    return catalogue.model(task.model, Path()).record.transformer()


def _scenario(task: Task, row: Row) -> dict[str, Any]:
    plan = task.plan
    per_server = catalogue.server(task.server, Path()).record.accelerators
    servers = -(-plan.accelerators // per_server)
    length = (
        {"kind": "tokens", "tokens": task.tokens} if task.tokens else {"kind": "steps", "steps": _STEPS_WITHOUT_TOKENS}
    )
    workload = {
        "kind": "training",
        "name": "run",
        "model": task.model,
        "precision": task.precision,
        "servers": "hall",
        "parallelism": {
            "data": plan.data, "tensor": plan.tensor, "pipeline": plan.pipeline, "context": plan.context,
            "interleave": plan.interleave,
            "expert": plan.expert,
        },
        "method": {"kind": "full", "shard_weights": plan.shard_weights},
        "sequence_tokens": plan.sequence_tokens,
        "batch_sequences": plan.batch_sequences,
        "microbatch_sequences": plan.microbatch_sequences,
        "recompute": plan.recompute,
        "length": length,
        "rate": {"kind": "modelled", "tensor_overlap": plan.tensor_overlap},
        "checkpoint": {"every_h": checkpoint_h(plan, _model(task))},
        "interruptions": {},
    }  # fmt: skip
    # What the storage draws is in no published scope.
    return scenario(
        "training-run",
        [{"name": "hall", "profile": task.server, "count": servers}],
        [workload],
        duration_h=87_600,
        facility={"kind": "published_pue", "pue": number(row, "pue") or 1.0, "plant_step_s": 3600},
        network={"kind": "fat_tree"} if servers > 1 else {"kind": "none"},
        storage={"write_gb_per_s": plan.accelerators * _WRITE_GB_PER_S, "idle_kw": 0, "active_kw": 0},
    )
