"""Rates: matrix products, attention and collectives, fitted with the simulator's own equations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.fit.least_squares import Array, Fit, Mask, Parameter, fit
from simulator.physics import transformer as tf
from simulator.physics.links import traffic_bytes
from simulator.physics.roofline import smooth_maximum

PEAKS = {"a100": (312e12, 2.039e12), "h100": (989e12, 3.35e12)}
"""Dense 16-bit peak (FLOP/s) and memory bandwidth (bytes/s) of the boards in Vidur's tables (80 GB SXM)."""

_PRODUCTS = ("attn_pre_proj", "attn_post_proj", "mlp_up_proj", "mlp_down_proj")
_ELEMENTWISE = ("input_layernorm", "attn_rope", "post_attention_layernorm", "mlp_act", "add")


def fit_layer(data: Path, gpu: str) -> Fit:
    """Fit the time of a layer without attention to Vidur's tables of Llama 2 7B and 70B, tensor parallel 1 to 8."""
    folder = data / "hardware/vidur_profiling/compute" / gpu / "meta-llama"
    parts = []
    for name in ("Llama-2-7b-hf", "Llama-2-70b-hf"):
        table = pd.read_csv(folder / name / "mlp.csv")
        parts.append(_layer_rows(table, name))
    rows = pd.concat(parts, ignore_index=True)
    peak, bandwidth = PEAKS[gpu]
    flop, weights = rows.flop.to_numpy(), rows.weight_bytes.to_numpy()
    values = rows.elementwise_bytes.to_numpy()

    def model(p: Array, mask: Mask) -> Array:
        compute, memory = flop[mask] / (p[0] * peak), weights[mask] / (p[1] * bandwidth)
        return np.asarray(
            smooth_maximum(compute, memory, p[2]) + values[mask] / (p[3] * bandwidth) + p[4], dtype=np.float64
        )

    return fit(
        model,
        rows.time_s.to_numpy(),
        [
            Parameter("compute_fraction", 0.1, 0.7, 1.0),
            Parameter("memory_fraction", 0.1, 0.8, 1.0),
            Parameter("sharpness", 1.02, 1.4, 12.0),
            Parameter("elementwise_fraction", 0.1, 0.6, 1.0),
            Parameter("layer_overhead_s", 0.0, 35e-6, 2e-4),
        ],
        groups=rows.model.to_numpy(),
    )


def _layer_rows(table: pd.DataFrame, name: str) -> pd.DataFrame:
    first = table.iloc[0]
    heads, hidden = int(first.n_head), int(first.n_embd)
    model = tf.Transformer(
        "decoder", 1, hidden, heads, int(first.n_kv_head), hidden // heads, int(first.n_expanded_embd),
        bool(first.use_gated_mlp), int(first.vocab_size), tied_embeddings=False,
    )  # fmt: skip
    shards = table.num_tensor_parallel_workers
    weights = tf.layer_weights_read(model, 1.0) / shards
    moved = [2.0 * tf.elementwise_values_per_token(model, int(count)) for count in shards]
    operators = (*_PRODUCTS, *_ELEMENTWISE)
    return pd.DataFrame(
        {
            "model": name,
            "flop": 2.0 * table.num_tokens * weights,
            "weight_bytes": 2.0 * weights,
            "elementwise_bytes": np.array(moved) * table.num_tokens,
            "time_s": sum(table[f"time_stats.{operator}.median"] for operator in operators) * 1e-3,
        }
    )


def fit_decode_attention(data: Path, peak_bandwidth: float = 4.8e12) -> Fit:
    """Fit decode attention of grouped-query models to the H200 kernel table (bf16, 128 channels per head)."""
    rows = _attention_rows(data, "generation_attention")
    kv = 4.0 * rows.batch_size * (rows.isl + rows.step) * rows.num_key_value_heads * rows.head_dim
    kv_bytes, sequence_heads = kv.to_numpy(float), (rows.batch_size * rows.num_heads).to_numpy(float)

    def model(p: Array, mask: Mask) -> Array:
        return np.asarray(
            p[0] + kv_bytes[mask] / (p[1] * peak_bandwidth) + p[2] * sequence_heads[mask], dtype=np.float64
        )

    return fit(
        model,
        rows.latency.to_numpy(float) * 1e-3,
        [
            Parameter("call_overhead_s", 0.0, 9e-6, 1e-4),
            Parameter("decode_memory_fraction", 0.1, 0.9, 1.0),
            Parameter("sequence_head_overhead_s", 0.0, 3e-9, 1e-7),
        ],
        groups=rows.num_heads.to_numpy(),
    )


def fit_prefill_attention(data: Path, peak: float = 989e12, peak_bandwidth: float = 4.8e12) -> Fit:
    """Fit prefill attention of grouped-query models to the H200 kernel table (bf16, 128 channels per head)."""
    rows = _attention_rows(data, "context_attention")
    pairs = rows.isl * rows.step + rows.isl * (rows.isl + 1) / 2.0
    flop = (4.0 * rows.batch_size * rows.num_heads * rows.head_dim * pairs).to_numpy(float)
    queries = 2.0 * rows.isl * rows.num_heads
    keys = 2.0 * (rows.isl + rows.step) * rows.num_key_value_heads
    moved = (2.0 * rows.batch_size * rows.head_dim * (queries + keys)).to_numpy(float)

    def model(p: Array, mask: Mask) -> Array:
        return np.asarray(p[0] + flop[mask] / (p[1] * peak) + moved[mask] / (p[2] * peak_bandwidth), dtype=np.float64)

    return fit(
        model,
        rows.latency.to_numpy(float) * 1e-3,
        [
            Parameter("call_overhead_s", 0.0, 9e-6, 1e-4),
            Parameter("prefill_compute_fraction", 0.1, 0.7, 1.0),
            Parameter("prefill_memory_fraction", 0.05, 0.5, 1.0),
        ],
        groups=rows.num_heads.to_numpy(),
    )


def _attention_rows(data: Path, operator: str) -> pd.DataFrame:
    table = pd.read_parquet(data / f"latency/aiconfigurator/h200_sxm_vllm0.22.0_{operator}_perf.parquet")
    grouped = table.num_heads / table.num_key_value_heads
    plain = (table.head_dim == 128) & (table.kv_cache_dtype == "bfloat16") & (table.window_size == 0)
    return table[plain & grouped.isin([4, 8])].reset_index(drop=True)


def fit_all_reduce(data: Path, gpu: str) -> Fit:
    """Fit all-reduce inside a DGX server to Vidur's table (2, 4 and 8 ranks)."""
    table = pd.read_csv(data / f"hardware/vidur_profiling/network/{gpu}_dgx/all_reduce.csv", index_col=0)
    table = table[(table.devices_per_node == table.num_workers) & (table.num_workers > 1)]
    column = "time_stats.all_reduce.median"
    table = table[["num_workers", "size", column]].groupby(["num_workers", "size"]).median().reset_index()
    ranks = table.num_workers.to_numpy(float)
    sent = np.array([traffic_bytes("all_reduce", s, int(n)) for s, n in zip(table["size"], ranks, strict=True)])
    link = {"a100": 300e9, "h100": 450e9}[gpu]

    def model(p: Array, mask: Mask) -> Array:
        return np.asarray(p[0] + p[1] * (ranks[mask] - 1.0) + sent[mask] / (p[2] * link), dtype=np.float64)

    return fit(
        model,
        table[column].to_numpy(float) * 1e-3,
        [
            Parameter("startup_s", 0.0, 3e-5, 2e-4),
            Parameter("rank_s", 0.0, 1e-6, 2e-5),
            Parameter("achieved_fraction", 0.05, 0.7, 1.0),
        ],
        groups=ranks,
    )
