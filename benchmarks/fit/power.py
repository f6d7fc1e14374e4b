"""Power: static part and energies per operation and byte, fitted to measured serving runs and kernels.

Serving rows give throughput, batch and mean board power. Operations and traffic follow from the model's arithmetic at
the *measured* rate, so the fit does not depend on the time model; only the share of time in which kernels run does
(the rest is drawn at idle power with context). Static power is hard to tell from the rest, so a weak prior holds it at
22.5 % of the limit, where A100's own fit puts it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.fitting.least_squares import Array, Fit, Mask, Parameter, fit
from simulator.errors import InputError
from simulator.physics.inference import inference_model
from simulator.physics.precision import PRECISIONS
from simulator.profiles import catalogue

STATIC_SHARE = 0.225
PROMPT_TOKENS = {"chat": 200.0, "code": 200.0, "lm-arena-chat": 150.0, "gpqa": 250.0}
"""Mean prompt length by task: not published with the rows; ShareGPT-like and EvalPlus-like lengths."""
_SHARPNESS = 12.0
"""Exponent of the smooth minimum that keeps the limit differentiable."""


def fit_serving(rows: pd.DataFrame, profile: str) -> Fit:
    """Fit the power of one accelerator to serving rows (see `mlenergy_v2` and `mlenergy_v3`)."""
    record = catalogue.accelerator(profile, Path()).record
    power = record.power_model()
    table = pd.DataFrame([_load(row, profile) for row in rows.itertuples()])
    running = table.running.to_numpy()
    flop, moved = table.flop_per_s.to_numpy(), table.bytes_per_s.to_numpy()

    def model(p: Array, mask: Mask) -> Array:
        raw = p[0] * running[mask] + power.idle_context_w * (1.0 - running[mask])
        raw = raw + p[1] * flop[mask] + p[2] * moved[mask]
        return _limited(raw, power.cap_w)

    return fit(model, rows.watts.to_numpy(float), _parameters(record, power.cap_w), groups=rows.model.to_numpy())


def fit_kernels(data: Path, profile: str = "h200-sxm-141gb") -> Fit:
    """Fit the power of H200 to its measured 16-bit matrix products of 0.1 ms and more."""
    record = catalogue.accelerator(profile, Path()).record
    power = record.power_model()
    table = pd.read_parquet(data / "latency/aiconfigurator/h200_sxm_vllm0.22.0_gemm_perf.parquet")
    table = table[(table.gemm_dtype == "bfloat16") & (table.latency >= 0.1)]
    m, n, k, time_s = (table[name].to_numpy(float) for name in ("m", "n", "k", "latency"))
    time_s = time_s * 1e-3
    flop, moved = 2.0 * m * n * k / time_s, 2.0 * (m * k + n * k + m * n) / time_s
    possible = (flop < record.peak_flop_per_s["bf16"]) & (moved < record.memory_bandwidth_bytes_per_s)
    flop, moved, watts = flop[possible], moved[possible], table.power.to_numpy(float)[possible]
    size_band = np.digitize(m[possible], [64, 1024])

    def model(p: Array, mask: Mask) -> Array:
        return _limited(p[0] + p[1] * flop[mask] + p[2] * moved[mask], power.cap_w)

    return fit(model, watts, _parameters(record, power.cap_w), groups=size_band)


def mlenergy_v2(data: Path) -> pd.DataFrame:
    """Return the serving rows of ML.ENERGY v2 on A100-40GB whose model is in the catalogue."""
    rows = []
    for file in sorted((data / "power/ml_energy_v2/llm_text_generation").glob("*/A100*/**/bs*.json")):
        entry = json.loads(file.read_text())
        group = entry["TP"] * entry["PP"]
        energy_per_token_j = entry["Energy/req (J)"] / entry["Avg Output Tokens"]
        rows.append(
            {
                "model": entry["Model"],
                "group": group,
                "pipeline": entry["PP"],
                "batch": entry["Avg BS (reqs)"],
                "output_tokens": entry["Avg Output Tokens"],
                "tokens_per_s": entry["Token tput (tok/s)"],
                "prompt_tokens": PROMPT_TOKENS[file.relative_to(data).parts[3]],
                "watts": energy_per_token_j * entry["Token tput (tok/s)"] / group,
            }
        )
    table = pd.DataFrame(rows)
    return _known(table[table.pipeline == 1])


def mlenergy_v3(reference: Path, gpu: str) -> pd.DataFrame:
    """Return the dense text rows of ML.ENERGY v3 on one GPU whose model is in the catalogue.

    B200's reasoning rows are left out: their token times are those of the host, not of the board. So is Gemma 3, whose
    layers have windows: it and the models with experts check the fit (`benchmarks.validation ml-energy`).
    """
    table = pd.read_csv(reference / "mlenergy_v3_llm_open.csv")
    tasks = ["lm-arena-chat", "gpqa"] if gpu == "H100" else ["lm-arena-chat"]
    dense = (table.architecture == "Dense Transformer") & (table.weight_precision == "bfloat16")
    dense &= ~table.model_id.str.startswith("google/gemma-3")
    table = table[dense & (table.gpu_model == gpu) & table.task.isin(tasks) & (table.data_parallel == 1)]
    return _known(
        pd.DataFrame(
            {
                "model": table.model_id,
                "group": table.num_gpus,
                "batch": table.avg_batch_size,
                "output_tokens": table.avg_output_len,
                "tokens_per_s": table.output_throughput_tokens_per_sec,
                "prompt_tokens": table.task.map(PROMPT_TOKENS),
                "watts": table.avg_power_watts / table.num_gpus,
            }
        )
    )


def _known(table: pd.DataFrame) -> pd.DataFrame:
    return table[[_in_catalogue(name) for name in table.model]].reset_index(drop=True)


def _in_catalogue(name: str) -> bool:
    try:
        catalogue.model(name, Path())
    except InputError:
        return False
    return True


def _load(row: object, profile: str) -> dict[str, float]:
    """Return achieved operations and bytes per second of one board, and the share of time in which kernels run."""
    batch, group = float(row.batch), int(row.group)  # type: ignore[attr-defined]
    output, prompt = float(row.output_tokens), float(row.prompt_tokens)  # type: ignore[attr-defined]
    iteration_s = batch / float(row.tokens_per_s)  # type: ignore[attr-defined]
    model = catalogue.model(str(row.model), Path()).record.transformer()  # type: ignore[attr-defined]
    record = catalogue.accelerator(profile, Path()).record
    tokens = batch * (1.0 + prompt / output)
    cached = batch * (prompt + output / 2.0)
    costs = inference_model(
        model, record.rates("bf16"), group, PRECISIONS["bf16"], 2.0, int(tokens) + 2, int(batch) + 2
    )
    sizes = np.arange(len(costs.tokens.flop))
    rows = np.arange(len(costs.head.flop))

    def at(values: Array, index: NDArray[np.int64], place: float) -> float:
        return float(np.interp(place, index, values))

    attention = costs.attention
    if costs.span is not None:
        # No sequence of these rows is longer than a window.
        cached *= costs.span.units_per_token
    kernel_s = at(costs.tokens.gemm_s + costs.tokens.other_s, sizes, tokens) + at(costs.head.time_s, rows, batch)
    kernel_s += attention.call_s + attention.decode_s * cached + attention.sequence_s * batch
    flop = at(costs.tokens.flop, sizes, tokens) + at(costs.head.flop, rows, batch) + attention.decode_flop * cached
    moved = at(costs.tokens.traffic_bytes, sizes, tokens) + at(costs.head.traffic_bytes, rows, batch)
    moved += attention.decode_bytes * cached
    return {
        "flop_per_s": flop / iteration_s,
        "bytes_per_s": moved / iteration_s,
        "running": min(kernel_s / iteration_s, 1.0),
    }


def _parameters(record: object, cap_w: float) -> list[Parameter]:
    peak = record.peak_flop_per_s["bf16"]  # type: ignore[attr-defined]
    bandwidth = record.memory_bandwidth_bytes_per_s  # type: ignore[attr-defined]
    static_w = STATIC_SHARE * cap_w
    return [
        Parameter("static_w", 0.05 * cap_w, static_w, 0.6 * cap_w, prior=(static_w, 0.1)),
        Parameter("joules_per_flop", 0.0, 1.0 * cap_w / peak, 10.0 * cap_w / peak),
        Parameter("joules_per_byte", 0.0, 0.5 * cap_w / bandwidth, 5.0 * cap_w / bandwidth),
    ]


def _limited(raw: Array, cap_w: float) -> Array:
    # Boards hold about 1.5 % below their limit.
    limited: Array = (raw**-_SHARPNESS + (0.985 * cap_w) ** -_SHARPNESS) ** (-1.0 / _SHARPNESS)
    return limited
