"""Kind `ml-energy`: vLLM serving at a constant batch with measured board power, ML.ENERGY v3 (Apache-2.0).

Each row is a model on H100 or B200 with so many sequences at once. Compared are the median and the mean time between
tokens, the power of all boards, and energy per output token. Prompt lengths are not published with the rows: those of
text tasks are assumed (`benchmarks.fit.power`), other tasks are skipped.

The host of this engine needs far more time per sequence than that of the profiles, the stream of tokens to the client
included. Its two numbers are fitted to the rows of one small model on one H100 (`HOST_MODEL`) and hold for all
others; the split was chosen after the errors of all rows had been seen. Rows that a parameter was fitted to are marked:
these, and dense ones to which board power was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.fit.power import PROMPT_TOKENS
from benchmarks.validation.report import Case, Report
from benchmarks.validation.rows import Row, read_rows
from benchmarks.validation.steady_state import SteadyState, steady_state
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.errors import InputError
from simulator.physics.accelerator import HostOverhead
from simulator.physics.inference import inference_model
from simulator.physics.precision import KV_BYTES, PRECISIONS
from simulator.physics.serving_plan import ServingPlan
from simulator.profiles import catalogue

COLUMNS = {"model_id", "gpu_model", "num_gpus", "avg_batch_size", "avg_output_len", "median_itl_ms", "avg_power_watts"}
ACCELERATORS: Final = {"H100": "h100-sxm-80gb", "B200": "b200-sxm-180gb"}
FORMATS: Final = {"bfloat16": "bf16", "fp8": "fp8", "mxfp4": "mxfp4"}
HOST_MODEL: Final = ("meta-llama/Llama-3.1-8B-Instruct", "H100", "1")
"""Model, board and number of boards whose times tell those of the host."""
_NO_HOST: Final = HostOverhead(0.0, 0.0)
_FITTED: Final = {"H100": {"lm-arena-chat", "gpqa"}, "B200": {"lm-arena-chat"}}


@dataclass(frozen=True, slots=True)
class _Setup:
    """What the costs of a replica depend on."""

    model: str
    accelerator: str
    plan: ServingPlan
    precision: str
    host: HostOverhead


def validate(path: Path) -> Report:
    """Compare every row whose model and task are known.

    Raises:
        SystemExit: there is no such file, or none in the format.
    """
    report = Report("ml-energy")
    known: list[Row] = []
    for row in read_rows(path, COLUMNS):
        refusal = _not_modelled(row)
        if refusal is None:
            known.append(row)
        else:
            report.skip(_name(row), refusal)
    host = host_overhead([row for row in known if _tells_host(row)])
    for row in known:
        report.cases += _cases(row, _name(row), steady_state_of(row, host))
    report.notes += [
        _PROMPTS,
        f"host time, fitted to {HOST_MODEL[0]} on {HOST_MODEL[1]}: {1e3 * host.step_s:.2f} ms and "
        f"{1e6 * host.sequence_s:.1f} us per sequence",
    ]
    return report


def host_overhead(rows: Sequence[Row]) -> HostOverhead:
    """Return the host time that makes median times between tokens agree best, in relative terms; none without rows."""
    if len(rows) < 2:
        return _NO_HOST
    measured_s = np.array([1e-3 * float(row["median_itl_ms"]) for row in rows])
    rest_s = measured_s - [steady_state_of(row, _NO_HOST).median_s for row in rows]
    sequences = np.array([float(row["avg_batch_size"]) for row in rows])
    terms = np.column_stack([np.ones_like(sequences), sequences]) / measured_s[:, None]
    step_s, sequence_s = np.linalg.lstsq(terms, rest_s / measured_s, rcond=None)[0]
    return HostOverhead(max(float(step_s), 0.0), max(float(sequence_s), 0.0))


_PROMPTS: Final = "prompt lengths are assumed: " + ", ".join(
    f"{task} {tokens:.0f} tokens" for task, tokens in PROMPT_TOKENS.items() if task in ("lm-arena-chat", "gpqa")
)


def steady_state_of(row: Row, host: HostOverhead) -> SteadyState:
    """Return the steady state of a row with a given host time."""
    groups = int(row["data_parallel"])
    plan = ServingPlan(int(row["num_gpus"]) // groups, groups, int(row["expert_parallel"]))
    setup = _Setup(row["model_id"], ACCELERATORS[row["gpu_model"]], plan, FORMATS[row["weight_precision"]], host)
    return steady_state(
        _cost(setup),
        max(round(float(row["avg_batch_size"])), 1),
        round(PROMPT_TOKENS[row["task"]]),
        float(row["avg_output_len"]),
    )


@lru_cache(maxsize=64)
def _cost(setup: _Setup) -> IterationCost:
    model = catalogue.model(setup.model, Path()).record
    record = catalogue.accelerator(setup.accelerator, Path()).record
    precision = PRECISIONS[setup.precision]
    rates = replace(record.rates(record.format_for(precision) or "bf16"), host=setup.host)
    inference = inference_model(model.transformer(), rates, setup.plan, precision, KV_BYTES["bf16"], 16_384, 8_192)
    return IterationCost(inference, record.power.cap_w)


def _not_modelled(row: Row) -> str | None:
    if row["task"] not in PROMPT_TOKENS:
        return f"prompt lengths of task '{row['task']}' are not known"
    if row["gpu_model"] not in ACCELERATORS:
        return f"no accelerator profile for '{row['gpu_model']}'"
    if row["weight_precision"] not in FORMATS:
        return f"number format '{row['weight_precision']}' is not modelled"
    if row["gpu_model"] == "B200" and row["task"] == "gpqa":
        return (
            "the host sets the pace: small models take 25 to 45 ms between tokens on these boards, and 5 to 9 in chat"
        )
    try:
        catalogue.model(row["model_id"], Path())
    except InputError:
        return f"no profile of the model '{row['model_id']}'"
    return None


def _tells_host(row: Row) -> bool:
    return (row["model_id"], row["gpu_model"], row["num_gpus"]) == HOST_MODEL


def _cases(row: Row, name: str, state: SteadyState) -> list[Case]:
    sequences, watts = float(row["avg_batch_size"]), float(row["avg_power_watts"])
    fitted = row["architecture"] == "Dense Transformer" and row["task"] in _FITTED[row["gpu_model"]]
    fitted &= row["weight_precision"] == "bfloat16" and not row["model_id"].startswith("google/gemma-3")
    per_token_j = state.mean_j / sequences
    measured_s = sequences / float(row["output_throughput_tokens_per_sec"])
    return [
        Case(name, "itl_median", "ms", 1e3 * state.median_s, float(row["median_itl_ms"]), _tells_host(row)),
        Case(name, "itl_mean", "ms", 1e3 * state.mean_s, 1e3 * measured_s),
        Case(name, "power", "W", state.mean_j / state.mean_s, watts, fitted),
        Case(name, "energy_per_token", "J", per_token_j, float(row["energy_per_token_joules"]), fitted),
    ]


def _name(row: Row) -> str:
    boards = f"{row['num_gpus']}x{row['gpu_model']}"
    return f"{row['task']} {row['model_id']} {boards} ep{row['expert_parallel']} bs{row['max_num_seqs']}"
