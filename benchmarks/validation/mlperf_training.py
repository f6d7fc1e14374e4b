"""Kind `mlperf-training`: node power of MLPerf Training runs with power logs.

A row is a benchmark on a number of nodes, with the mean power of a node and the energy of all nodes. Samples, batch
and hardware are given; power, duration and energy are predicted. Rows of one benchmark and submitter that differ in
their number of nodes give a ratio of energies as well.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simulator as sim
from benchmarks.bases import scenario
from benchmarks.validation.plans import TrainingTask, plan_for
from benchmarks.validation.report import Case, Report, reason
from benchmarks.validation.rows import Row, read_rows
from simulator.errors import InputError
from simulator.profiles import catalogue
from simulator.units import JOULES_PER_KWH

COLUMNS = {"case_id", "n_nodes", "gpus_per_node", "gpu", "benchmark", "avg_node_w"}

SERVERS = {
    ("H100", "immersion"): "smc-h100-immersion",
    ("B200", "water"): "hgx-b200-water",
    ("A100", "air"): "dgx-a100",
    ("H100", "air"): "dgx-h100",
    ("H200", "air"): "dgx-h200",
    ("B200", "air"): "dgx-b200",
    ("MI300X", "air"): "mi300x-8",
    ("V100", "air"): "dgx-v100",
}
"""Server profile by GPU and cooling."""

USED_IN_FIT = {
    "mlperf-train-v4.0-sustainable-1n-llama2_70b_lora-ac",
    "mlperf-train-v4.0-sustainable-1n-llama2_70b_lora-dc",
    "mlperf-train-v4.0-sustainable-8n-llama2_70b_lora-ac",
    "mlperf-train-v4.0-sustainable-8n-llama2_70b_lora-dc",
}
"""Rows whose logs gave the host power of `smc-h100-immersion`, the slow first steps, and the host time of a layer."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the rules of a benchmark and the software of its submissions fix.

    Args:
        model: model of the catalogue.
        sequence_tokens: tokens per sequence.
        samples_per_sequence: samples packed into one sequence.
        method: what is trained.
        evaluation: held-out samples, samples before the first evaluation, samples between evaluations.
        rate: how the software differs from the defaults.
        startup_s: slow first steps.
    """

    model: str
    sequence_tokens: int
    samples_per_sequence: int
    method: dict[str, Any]
    evaluation: tuple[int, int, int] | None
    rate: dict[str, float]
    startup_s: float


RECIPES = {
    # Rank, samples and evaluations are in the result logs of Training v4.0 and v5.0. The logged configurations hide
    # three of four exchanges behind products (tp_comm_overlap_ag and _rs, but not _rs_dgrad); that about four fifths of
    # each are hidden is an estimate. The first 192 steps on one node of v4.0 take 20 s longer than later ones of these
    # runs. A step on eight nodes takes 0.656 s, of which the accelerators need 0.50 s: 4.1 ms of the host for each of
    # its 160 passes over a layer. Nothing else is added between steps.
    "llama2_70b_lora": Recipe(
        "llama-2-70b",
        8192,
        1,
        {"kind": "lora", "rank": 16},
        (173, 1536, 384),
        {"tensor_overlap": 0.6, "step_overhead_s": 0.0, "host_layer_s": 4.1e-3},
        20.0,
    ),
    # Configurations named 1x8x48x1_pack: 768 samples are 8 x 48 sequences. Whole iterations are captured as one graph.
    "bert": Recipe("bert-large", 512, 2, {"kind": "full"}, None, {"step_overhead_s": 0.0}, 0.0),
}
_FIRST, _WARMED_UP = "v4.0", "v5.0"
"""Rounds; from the second on the logs show a warm-up that ends before the run starts, and no slow first steps."""
STEPS_WITHOUT_SAMPLES = 500
"""Steps to run when a row does not say how many samples it took; only its power is compared."""
FP8 = {"H100", "H200", "B200", "MI300X"}
"""Devices on which the submissions train in 8 bits."""


def validate(path: Path) -> Report:
    """Run every row whose benchmark the simulator models."""
    report = Report("mlperf-training")
    runs: dict[tuple[str, ...], list[tuple[int, Row, sim.Result]]] = defaultdict(list)
    for row in read_rows(path, COLUMNS):
        if row["benchmark"] not in RECIPES:
            report.skip(row["case_id"], f"benchmark '{row['benchmark']}' is no transformer that the simulator models")
            continue
        try:
            result = run(row)
        except InputError as error:
            report.skip(row["case_id"], reason(error))
            continue
        report.cases += list(_cases(row, result))
        key = tuple(row.get(column, "") for column in ("round", "submitter", "benchmark", "gpu", "measurement"))
        runs[key].append((int(row["n_nodes"]), row, result))
    for group in runs.values():
        report.cases += _ratios(sorted(group, key=lambda entry: entry[0]))
    return report


def run(row: Row) -> sim.Result:
    """Run the scenario of a row.

    Raises:
        InputError: the simulator cannot do it.
    """
    return sim.run(sim.from_dict(scenario_of(row)))


def node_power_w(row: Row, result: sim.Result) -> float:
    """Return the mean power of a node where the row measured it: at the plug (AC), or behind the supplies (DC)."""
    parts = ["accelerator_w", "host_w", "server_network_w", "server_storage_w", "server_fan_w"]
    if row.get("measurement") != "DC":
        parts.append("psu_loss_w")
    seconds = result.power.end_s - result.power.start_s
    nodes_j = float(result.power[parts].sum(axis=1).to_numpy() @ seconds.to_numpy())
    return nodes_j / float(seconds.sum()) / int(row["n_nodes"])


def _duration_s(result: sim.Result) -> float:
    return float(result.manifest["simulated_s"])


def _cases(row: Row, result: sim.Result) -> list[Case]:
    case_id, seconds = row["case_id"], _duration_s(result)
    watts = node_power_w(row, result)
    fitted = case_id in USED_IN_FIT
    cases = [Case(case_id, "node_power", "W", watts, float(row["avg_node_w"]), fitted)]
    if row.get("samples_or_tokens"):
        if row.get("duration_s_mean"):
            cases.append(Case(case_id, "duration", "s", seconds, float(row["duration_s_mean"]), fitted))
        if row.get("node_energy_kwh_mean"):
            energy_kwh = int(row["n_nodes"]) * watts * seconds / JOULES_PER_KWH
            cases.append(Case(case_id, "nodes_energy", "kWh", energy_kwh, float(row["node_energy_kwh_mean"]), fitted))
    return cases


def _ratios(group: list[tuple[int, Row, sim.Result]]) -> list[Case]:
    """Return the energy of each larger run relative to the smallest one."""
    if len(group) < 2 or not all(
        row.get("samples_or_tokens") and row.get("node_energy_kwh_mean") for _, row, _ in group
    ):
        return []

    def energies(nodes: int, row: Row, result: sim.Result) -> tuple[float, float]:
        predicted_j = nodes * node_power_w(row, result) * _duration_s(result)
        return predicted_j / JOULES_PER_KWH, float(row["node_energy_kwh_mean"])

    base = energies(*group[0])
    cases = []
    for nodes, row, result in group[1:]:
        predicted, measured = energies(nodes, row, result)
        name = f"{row['case_id']} : {group[0][0]} nodes"
        fitted = row["case_id"] in USED_IN_FIT
        cases.append(Case(name, "energy_ratio", "1", predicted / base[0], measured / base[1], fitted))
    return cases


def scenario_of(row: Row) -> dict[str, Any]:
    """Return the scenario of a row.

    Raises:
        InputError: the simulator cannot do it.
    """
    recipe, gpu = RECIPES[row["benchmark"]], _gpu(row["gpu"])
    nodes, per_node = int(row["n_nodes"]), int(row["gpus_per_node"])
    precision = "fp8" if gpu in FP8 else "bf16"
    profile, memory_bytes = _server(row, gpu)
    model = catalogue.model(recipe.model, Path()).record.transformer()
    batch = int(float(row["global_batch"])) // recipe.samples_per_sequence
    task = TrainingTask(model, precision, recipe.sequence_tokens, batch, recipe.method.get("rank"))
    plan = plan_for(task, nodes * per_node, per_node, memory_bytes)
    workload = {
        "kind": "training",
        "name": "run",
        "model": recipe.model,
        "precision": precision,
        "servers": "hall",
        "parallelism": {
            "data": plan.data, "tensor": plan.tensor, "pipeline": plan.pipeline, "context": plan.context,
        },
        "method": recipe.method,
        "sequence_tokens": recipe.sequence_tokens,
        "batch_sequences": batch,
        "microbatch_sequences": plan.microbatch_sequences,
        "recompute": plan.recompute,
        "length": _length(row, recipe),
        "startup_s": recipe.startup_s if row.get("round", _FIRST) < _WARMED_UP else 0.0,
        "rate": {"kind": "modelled", **recipe.rate},
        **_evaluation(recipe, batch * recipe.samples_per_sequence),
    }  # fmt: skip
    network = {"kind": "fat_tree"} if nodes > 1 else {"kind": "none"}
    return scenario("mlperf", [{"name": "hall", "profile": profile, "count": nodes}], [workload], network=network)


def _server(row: Row, gpu: str) -> tuple[str, float]:
    """Return the server profile of a row and the memory of its accelerators.

    Raises:
        InputError: there is none.
    """
    cooling = next((name for name in ("immersion", "water") if name in row.get("cooling", "")), "air")
    profile = SERVERS.get((gpu, cooling)) or SERVERS.get((gpu, "air"))
    if profile is None:
        raise InputError(f"no server profile for '{row['gpu']}'")
    accelerator = catalogue.server(profile, Path()).record.accelerator
    assert accelerator is not None
    return profile, catalogue.accelerator(accelerator, Path()).record.memory_bytes


def _gpu(name: str) -> str:
    known = sorted({gpu for gpu, _ in SERVERS}, key=len, reverse=True)
    return next((gpu for gpu in known if gpu in name.upper()), name)


def _length(row: Row, recipe: Recipe) -> dict[str, Any]:
    samples = row.get("samples_or_tokens", "")
    if samples.isdigit():
        return {"kind": "sequences", "sequences": int(samples) // recipe.samples_per_sequence}
    return {"kind": "steps", "steps": STEPS_WITHOUT_SAMPLES}


def _evaluation(recipe: Recipe, batch: int) -> dict[str, Any]:
    if recipe.evaluation is None:
        return {}
    sequences, first, every = recipe.evaluation
    return {
        "evaluation": {
            "sequences": sequences,
            "first_step": max(round(first / batch), 1),
            "every_steps": max(round(every / batch), 1),
        }
    }
