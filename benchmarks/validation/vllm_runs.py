"""Kind `vllm-runs`: recorded runs of vLLM, replayed request by request.

The device's profile is fitted to operator times of it, measured one by one; no run is in that fit. One number comes
from runs: the step overhead of a device, from the parts of its runs in which nothing is prefilled (`step_overhead`).
Engine limits are those of the run's `meta.json`, arrivals those of the engine's clock.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import simulator as sim
from benchmarks.bases import scenario
from benchmarks.validation.device_profile import DEVICES, Device, device, device_key, find_tables
from benchmarks.validation.report import Case, Report, reason
from benchmarks.validation.step_overhead import DecodeOnly, decode_only, step_overhead_s
from benchmarks.validation.vllm_run import Run, find_runs
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.errors import InputError
from simulator.physics.accelerator import HostOverhead
from simulator.physics.inference import inference_model
from simulator.physics.precision import KV_BYTES, PRECISIONS
from simulator.profiles import catalogue

METRICS = {"ttft": ("mean", "p50", "p99"), "tpot": ("mean", "p50", "p99"), "e2e": ("mean", "p99")}
"""Statistics compared, by latency."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A run with what it takes to simulate it.

    Args:
        run: the recorded run.
        device: its device.
        model: its model, for a scenario.
    """

    run: Run
    device: Device
    model: str


def validate(path: Path, tables: Path | None = None) -> Report:
    """Simulate every run at or below a folder that the simulator models, and compare latencies and makespan.

    Args:
        path: folder with runs, or with folders of them.
        tables: folder of operator tables; None: `hardware/llmservingsim_profiles` at or above the runs, if it exists.
    """
    report = Report("vllm-runs")
    runs, folder = find_runs(path), find_tables(path, tables)
    with TemporaryDirectory() as scratch:
        setups = _setups(runs, folder, Path(scratch), report)
        overheads = _overheads(setups, report)
        for setup in setups:
            try:
                predicted = predicted_latencies(setup, overheads.get(setup.device.key), Path(scratch))
            except InputError as error:
                report.skip(setup.run.case_id, reason(error))
                continue
            report.cases += _cases(setup.run, predicted)
    return report


def predicted_latencies(setup: Setup, overhead_s: float | None, scratch: Path) -> pd.DataFrame:
    """Return `arrival_s`, `ttft_s`, `tpot_s` and `e2e_s` by request, as simulated.

    Args:
        setup: the run.
        overhead_s: host time per iteration; None: that of the device's profile.
        scratch: folder for the trace.

    Raises:
        InputError: the simulator cannot do it.
    """
    run, table = setup.run, setup.run.requests
    trace = scratch / f"{run.case_id.replace('/', '_')}.csv"
    pd.DataFrame(
        {
            "arrival_s": table.queued_ts - table.queued_ts.min(),
            "prompt_tokens": table.input_toks.astype(int),
            "output_tokens": table.output_toks.astype(int),
        }
    ).to_csv(trace, index=False)
    found = sim.run(sim.from_dict(_scenario(setup, overhead_s, trace))).requests
    if len(found) != len(table) or not (found.outcome == "completed").all():
        unfinished = found.outcome[found.outcome != "completed"].value_counts().to_dict()
        raise InputError(f"requests that the run completed are {unfinished}")
    return pd.DataFrame(found[["arrival_s", "ttft_s", "tpot_s", "e2e_s"]])


def _setups(runs: list[Run], tables: Path | None, scratch: Path, report: Report) -> list[Setup]:
    devices: dict[str, Device] = {}
    setups = []
    for run in runs:
        refusal = run.refusal()
        key = device_key(run.device_names)
        if refusal is None and key is None:
            refusal = f"no profile for the device of '{run.device_names[0]}'"
        if refusal is not None or key is None:
            report.skip(run.case_id, str(refusal))
            continue
        try:
            model = _model(str(run.arguments["model"]), run.folder)
        except InputError as error:
            report.skip(run.case_id, reason(error))
            continue
        if key not in devices:
            devices[key] = device(key, tables, scratch)
            report.notes.append(devices[key].note)
        setups.append(Setup(run, devices[key], model))
    return setups


def _overheads(setups: list[Setup], report: Report) -> dict[str, float]:
    """Return the step overhead of each device whose runs have a part without prefill."""
    parts: dict[str, list[DecodeOnly]] = defaultdict(list)
    for setup in setups:
        try:
            part = decode_only(setup.run, _operators_alone(setup))
        except InputError:
            continue  # the run will say why it cannot be simulated
        if part is not None:
            parts[setup.device.key].append(part)
    for key in sorted({setup.device.key for setup in setups}):
        name = DEVICES[key][0]
        if key in parts:
            iterations = sum(part.iterations for part in parts[key])
            found = (
                f"{step_overhead_s(parts[key]) * 1e3:.3f} ms per step, from {iterations:,} iterations without prefill"
            )
        else:
            found = "step overhead of its profile, since no run ends with decode alone"
        report.notes.append(f"{name}: {found}")
    return {key: step_overhead_s(found) for key, found in parts.items()}


def _operators_alone(setup: Setup) -> IterationCost:
    """Return the iterations of a run without time of the host."""
    run, record = setup.run, setup.device.profile.record
    precision = PRECISIONS[str(run.precision)]
    number_format = record.format_for(precision)
    if number_format is None:
        raise InputError(f"{record.name} does not compute in {run.precision}")
    accelerator = replace(record.rates(number_format), host=HostOverhead(0.0, 0.0))
    sequences = int(run.setting("scheduler_config", "max_num_seqs", 256))
    model = catalogue.model(setup.model, Path()).record.transformer()
    kv_bytes = KV_BYTES[str(run.kv_precision)]
    inference = inference_model(model, accelerator, run.tensor_parallel, precision, kv_bytes, sequences, sequences)
    return IterationCost(inference, accelerator.power.cap_w)


def _cases(run: Run, predicted: pd.DataFrame) -> list[Case]:
    measured = run.latencies()
    cases = []
    for latency, statistics in METRICS.items():
        for statistic in statistics:
            here, there = (_statistic(table[f"{latency}_s"], statistic) for table in (predicted, measured))
            cases.append(Case(run.case_id, f"{latency}_{statistic}", "s", here, there))
    makespan_s = float((predicted.arrival_s + predicted.e2e_s).max() - predicted.arrival_s.min())
    return [*cases, Case(run.case_id, "makespan", "s", makespan_s, run.makespan_s)]


def _statistic(values: pd.Series, name: str) -> float:
    known = values.dropna().to_numpy(float)
    return float(known.mean() if name == "mean" else np.percentile(known, int(name[1:])))


def _model(name: str, folder: Path) -> str:
    """Return a model for a scenario: the catalogue's by name, else a config.json beside the run."""
    for tried in (name, name.rsplit("/", 1)[-1].lower()):
        try:
            return catalogue.model(tried, Path()).record.name
        except InputError:
            continue
    file = folder / "config.json"
    if file.is_file():
        return str(file)
    raise InputError(f"no model is called '{name}', and no config.json lies beside the run")


def _scenario(setup: Setup, overhead_s: float | None, trace: Path) -> dict[str, Any]:
    run = setup.run
    engine: dict[str, Any] = {
        "max_batch_tokens": int(run.setting("scheduler_config", "max_num_batched_tokens", 8192)),
        "max_sequences": int(run.setting("scheduler_config", "max_num_seqs", 256)),
        "block_tokens": run.block_tokens,
        "memory_fraction": run.memory_fraction,
        "whole_prompts": bool(run.setting("scheduler_config", "scheduler_reserve_full_isl", True)),
    }
    if run.kv_blocks is not None:
        # What the engine found when it started counts, not what the simulator would leave beside weights.
        engine |= {"kv_blocks": run.kv_blocks, "memory_fraction": 1.0}
    if overhead_s is not None:
        engine |= {"step_overhead_s": overhead_s, "sequence_overhead_s": 0.0}
    workload = {
        "kind": "inference",
        "name": "serving",
        "model": setup.model,
        "precision": run.precision,
        "kv_precision": run.kv_precision,
        "servers": "hall",
        "replicas": run.replicas,
        "parallelism": {"tensor": run.tensor_parallel},
        "engine": engine,
        "requests": {"kind": "csv", "file": str(trace)},
    }
    hall = {"name": "hall", "profile": setup.device.server, "accelerator": setup.device.accelerator, "count": 1}
    return scenario("vllm-run", [hall], [workload])
