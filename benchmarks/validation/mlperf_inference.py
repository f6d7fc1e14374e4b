"""Kind `mlperf-inference`: wall power of servers in MLPerf Inference with a calibrated analyzer (Apache-2.0).

A row is a benchmark on one server. Offline rows are served to as many clients as fill the boards; in server rows
requests arrive at the measured rate, so that only power is predicted there. Rest before the run is compared with the
same server without work. Lengths of prompts and number formats are not in the rows and were not read in a document:
they are assumed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simulator as sim
from benchmarks.bases import scenario
from benchmarks.validation.report import Case, Report, reason
from benchmarks.validation.rows import Row, read_rows
from benchmarks.validation.serving_point import lengths
from simulator.errors import InputError

COLUMNS = {"case_id", "n_accel", "accelerator", "benchmark", "scenario", "avg_wall_w", "pre_run_min_w"}

SERVERS = {
    ("A100-PCIe-80GB", "8", "air"): "a100-pcie-8",
    ("A100-SXM-80GB", "8", "air"): "dgx-a100",
    ("H100-SXM-80GB", "8", "air"): "dgx-h100",
    ("H200-SXM-141GB", "8", "air"): "dgx-h200",
    ("B200-SXM-180GB", "8", "air"): "dgx-b200",
    ("B200-SXM-180GB", "8", "water"): "hgx-b200-water",
}
"""Server profile by accelerator, how many of them, and cooling."""

IN_A_FIT = {"a100-pcie-8", "dgx-h200"}
"""Servers whose host and fans were solved from rows of this table."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a benchmark asks.

    Args:
        model: model of the catalogue.
        prompt_tokens: mean length of prompts.
        output_tokens: length of answers where the row does not tell it.
        formats: number format of the products by accelerator; the first that its name contains.
        clients: requests in flight on one replica, offline.
    """

    model: str
    prompt_tokens: int
    output_tokens: int
    formats: tuple[tuple[str, str], ...]
    clients: int


_SQUAD_TOKENS = 178
"""Estimate: mean of the development set of SQuAD 1.1 in word pieces with question; padding to 384 is left out."""
_INT8 = (("A100", "int8"), ("H100", "int8"), ("H200", "int8"), ("B200", "fp8"))
_FP16 = (("A100", "fp16"), ("H100", "fp8"), ("H200", "fp8"), ("B200", "fp8"))
_FP8 = (("A100", "int8"), ("H100", "fp8"), ("H200", "fp8"), ("B200", "fp4"))

TASKS = {
    "bert-99": Task("bert-large", _SQUAD_TOKENS, 1, _INT8, 256),
    "bert-99.9": Task("bert-large", _SQUAD_TOKENS, 1, _FP16, 256),
    # OpenOrca: about 294 tokens in and out (estimate; the rows say 291 out).
    "llama2-70b-99": Task("llama-2-70b", 294, 294, _FP8, 768),
    "llama2-70b-99.9": Task("llama-2-70b", 294, 294, _FP8, 768),
    # CNN/DailyMail: about 778 tokens in (estimate), 128 out.
    "llama3.1-8b": Task("llama-3.1-8b", 778, 128, _FP8, 1024),
    # OpenOrca, GSM8K and MBXP: about 145 tokens out of 300 in (estimate).
    "mixtral-8x7b": Task("mixtral-8x7b", 300, 145, _FP8, 768),
}

_RACK = 16
"""Servers of which the idle one is a mean."""
SECONDS = 400.0
"""Length of a run at the measured rate, for decoders; encoders answer far more requests and run a tenth of it."""


def validate(path: Path) -> Report:
    """Run every row whose benchmark and server the simulator models."""
    report = Report("mlperf-inference")
    for row in read_rows(path, COLUMNS):
        name = row["case_id"]
        server = SERVERS.get((row["accelerator"], row["n_accel"], "water" if row["cooling"] == "water" else "air"))
        if server is None:
            report.skip(name, f"no server profile for {row['n_accel']} x {row['accelerator']}")
            continue
        fitted = server in IN_A_FIT
        if row["pre_run_min_w"]:
            report.cases.append(Case(name, "idle", "W", idle_w(server), float(row["pre_run_min_w"]), fitted))
        task = TASKS.get(row["benchmark"])
        if task is None or not row["samples_per_s"]:
            report.skip(name, f"benchmark '{row['benchmark']}' ({row['scenario']}) is no transformer with a rate")
            continue
        try:
            report.cases += _cases(row, task, server, fitted)
        except InputError as error:
            report.skip(name, reason(error))
    report.notes.append("host power of a100-pcie-8 and dgx-h200 was solved from idle and capped rows of this table")
    return report


def idle_w(server: str) -> float:
    """Return the wall power of a server without work: that of sixteen, of which one board has answered a request."""
    one = {"kind": "constant", "tokens": 1}
    asked = {"kind": "closed_loop", "clients": 1, "requests": 1, "prompt_tokens": one, "output_tokens": one}
    work = {"kind": "inference", "name": "serving", "model": "llama-3.2-1b", "servers": "hall", "replicas": 1}
    hall = {"name": "hall", "profile": server, "count": _RACK}
    content = scenario("idle", [hall], [work | {"requests": asked}], duration_h=0.2, end={"kind": "horizon"})
    return _wall(sim.run(sim.from_dict(content)))[0] / _RACK


def _cases(row: Row, task: Task, server: str, fitted: bool) -> list[Case]:
    result = sim.run(sim.from_dict(_scenario(row, task, server)))
    wall_w, requests_per_s = _wall(result)
    name, measured_w, rate = row["case_id"], float(row["avg_wall_w"]), float(row["samples_per_s"])
    cases = [Case(name, "wall_power", "W", wall_w, measured_w, fitted)]
    if row["scenario"] == "offline":
        cases.append(Case(name, "throughput", "1/s", requests_per_s, rate))
    cases.append(Case(name, "energy_sample", "J", wall_w / requests_per_s, measured_w / rate))
    return cases


def _wall(result: sim.Result) -> tuple[float, float]:
    """Return mean power at the plug and requests per second between two fifths and nine tenths of the run.

    Before, no batch is full of requests of every age, so that fewer are answered than are served.
    """
    parts = ["accelerator_w", "host_w", "server_network_w", "server_storage_w", "server_fan_w", "psu_loss_w"]
    whole_s = float(result.power.end_s.max())
    table = result.power[(result.power.start_s >= 0.4 * whole_s) & (result.power.end_s <= 0.9 * whole_s)]
    seconds = (table.end_s - table.start_s).to_numpy()
    ended_s = result.requests.arrival_s + result.requests.e2e_s
    answered = float(((ended_s > table.start_s.min()) & (ended_s <= table.end_s.max())).sum())
    return float(table[parts].sum(axis=1).to_numpy() @ seconds) / float(seconds.sum()), answered / float(seconds.sum())


def _scenario(row: Row, task: Task, server: str) -> dict[str, Any]:
    rate, encoder = float(row["samples_per_s"]), task.output_tokens == 1
    precision = next((name for gpu, name in task.formats if gpu in row["accelerator"]), "bf16")
    seconds = SECONDS / 10.0 if encoder else SECONDS
    output = task.output_tokens
    if not encoder and row["output_tokens_per_s"]:
        output = round(float(row["output_tokens_per_s"]) / rate)
    answers = lengths(output, 0.0 if output in (1, 128) else 0.9)
    prompts = {"kind": "constant", "tokens": task.prompt_tokens}
    replicas = int(row["n_accel"])
    requests: dict[str, Any] = {
        "kind": "closed_loop",
        "clients": task.clients * replicas,
        "requests": int(rate * seconds),
    }
    if row["scenario"] == "server":
        requests = {"kind": "synthetic", "arrivals": {"kind": "poisson", "rate_per_s": rate}}
    workload = {
        "kind": "inference",
        "name": "serving",
        "model": task.model,
        "precision": precision,
        "kv_precision": "fp8" if precision in ("fp8", "fp4") else "fp16",
        "servers": "hall",
        "replicas": replicas,
        "engine": {
            "max_sequences": task.clients,
            "max_batch_tokens": 8192 if not encoder else task.clients * task.prompt_tokens,
        },
        "requests": requests | {"prompt_tokens": prompts, "output_tokens": answers},
    }
    hall: dict[str, Any] = {"name": "hall", "profile": server, "count": 1}
    if row["accel_power_limit_w"]:
        hall["gpu_power_cap_w"] = float(row["accel_power_limit_w"])
    content = scenario("mlperf", [hall], [workload])
    content["facility"] = content["facility"] | {"plant_step_s": 1.0 if encoder else 5.0}
    if row["scenario"] == "server":
        content |= {"duration_h": seconds / 3600.0, "end": {"kind": "horizon"}}
    return content
