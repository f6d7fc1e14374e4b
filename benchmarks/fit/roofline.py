"""Rates: matrix products, attention and collectives, fitted with the calibration's own code to published tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from calibration.fitting import attention, links
from calibration.fitting.least_squares import Fit
from calibration.fitting.rates import fit_rates
from calibration.published import aiconfigurator, vidur
from calibration.windows import window_table
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord

PROFILES = {"a100": "a100-sxm-80gb", "h100": "h100-sxm-80gb", "h200": "h200-sxm-141gb"}
"""Boards of the tables, whose datasheet rates count."""


def base(gpu: str) -> AcceleratorRecord:
    """Return the shipped profile of a board."""
    return catalogue.accelerator(PROFILES[gpu], Path()).record


def fit_layer(data: Path, gpu: str) -> Fit:
    """Fit the time of a layer without attention to Vidur's tables of Llama 2 7B and 70B, tensor parallel 1 to 8."""
    folder = data / "hardware/vidur_profiling/compute" / gpu / "meta-llama"
    table = window_table(vidur.read_windows([folder / f"Llama-2-{size}-hf/mlp.csv" for size in ("7b", "70b")]))
    fitted = fit_rates(table, base(gpu), groups=table.k.to_numpy(int))
    names = {name: name.removesuffix(".bf16") for name in fitted.parameters}
    return replace(fitted, parameters={names[name]: value for name, value in fitted.parameters.items()})


def fit_decode_attention(data: Path) -> Fit:
    """Fit decode attention of grouped-query models to the H200 kernel table (bf16, 128 channels per head)."""
    table = _grouped_query_windows(data, "generation_attention")
    return attention.fit_decode_attention(table, base("h200"), groups=table.query_heads.to_numpy(int))


def fit_prefill_attention(data: Path) -> Fit:
    """Fit prefill attention of grouped-query models to the H200 kernel table (bf16, 128 channels per head)."""
    table = _grouped_query_windows(data, "context_attention")
    return attention.fit_prefill_attention(table, base("h200"), groups=table.query_heads.to_numpy(int))


def _grouped_query_windows(data: Path, operator: str) -> pd.DataFrame:
    path = data / f"latency/aiconfigurator/h200_sxm_vllm0.22.0_{operator}_perf.parquet"
    table = aiconfigurator.kernel_table([path])
    grouped = table.query_heads / table.kv_heads
    plain = (table.head_size == 128) & (table.cache_format == "bf16") & (table.window_tokens == 0)
    return table[plain & grouped.isin([4, 8])].reset_index(drop=True)


def fit_all_reduce(data: Path, gpu: str) -> Fit:
    """Fit all-reduce inside a DGX server to Vidur's table (2, 4 and 8 ranks)."""
    path = data / f"hardware/vidur_profiling/network/{gpu}_dgx/all_reduce.csv"
    table = window_table(vidur.read_windows([path]))
    return links.fit_all_reduce(table, base(gpu), groups=table.ranks.to_numpy(int))
