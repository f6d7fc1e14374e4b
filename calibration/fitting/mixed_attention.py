"""Calls that prefill a chunk and decode sequences at once: what decode costs in them, fitted to time per repetition.

    t = prefill + K / (m B) + heads x sequences x (h + d x chunk)

with cached bytes read K, the prefill part from its own fit, and a chunk of so many tokens. Kernels that serve both
work on tiles of query tokens, one of which a decoding sequence leaves almost empty: its cache is read at a lower rate,
and the grid of thread blocks is as deep as the chunk for every sequence.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from calibration.amounts import AttentionShape, decode_attention, prefill_attention
from calibration.fitting.attention import attention_peak
from calibration.fitting.least_squares import Array, Fit, Groups, Mask, Parameter, fit
from calibration.fitting.rates import seconds
from simulator.profiles.accelerators import AcceleratorRecord


def fit_mixed_call(
    table: pd.DataFrame,
    base: AcceleratorRecord,
    prefill: Fit,
    groups: Groups | None = None,
    *,
    uncertainty: Array | None = None,
) -> Fit:
    """Fit the three `mixed_...` figures of attention.

    Args:
        table: windows of `mixed_attention`, one prompt in each.
        base: datasheet rates.
        prefill: fit of the prefill windows.
        groups: group of each row to leave out in turn.
        uncertainty: relative standard uncertainty of each row's time.
    """
    bandwidth = base.memory_bandwidth_bytes_per_s
    chunk, sequences = table.m.to_numpy(float), table.batch.to_numpy(float)
    cached = decode_attention(_shape(table, sequences, 1.0, table.context_tokens.to_numpy(float))).traffic_bytes
    part_s = _prefill_s(table, base, prefill.parameters)
    blocks = table.query_heads.to_numpy(float) * sequences

    def model(p: Array, rows: Mask) -> Array:
        reading = cached[rows] / (p[0] * bandwidth)
        return np.asarray(part_s[rows] + reading + blocks[rows] * (p[1] + p[2] * chunk[rows]), dtype=np.float64)

    parameters = [
        Parameter("mixed_decode_memory_fraction", 0.05, 0.5, 1.0),
        Parameter("mixed_sequence_head_overhead_s", 0.0, 3e-9, 1e-6),
        Parameter("mixed_chunk_head_overhead_s", 0.0, 1e-11, 1e-9),
    ]
    return fit(model, seconds(table), parameters, groups, uncertainty=uncertainty, clusters=table.point.to_numpy(str))


def _prefill_s(table: pd.DataFrame, base: AcceleratorRecord, rates: dict[str, float]) -> Array:
    chunk, before = table.m.to_numpy(float), table.k.to_numpy(float)
    part = prefill_attention(_shape(table, np.ones(len(table)), chunk, before))
    time_s = rates["call_overhead_s"] + part.flop / (rates["prefill_compute_fraction"] * attention_peak(table, base))
    time_s += part.traffic_bytes / (rates["prefill_memory_fraction"] * base.memory_bandwidth_bytes_per_s)
    return np.asarray(time_s + rates.get("prefill_key_s", 0.0) * (chunk + before), dtype=np.float64)


def _shape(table: pd.DataFrame, sequences: Array, new: Array | float, cached: Array) -> AttentionShape[Array]:
    two, ones = np.full(len(table), 2.0), np.ones(len(table))
    return AttentionShape(
        sequences=sequences,
        query_heads=table.query_heads.to_numpy(float),
        kv_heads=table.kv_heads.to_numpy(float),
        head_size=table.head_size.to_numpy(float),
        new_tokens=new * ones,
        context_tokens=cached,
        window_tokens=np.inf * ones,
        kv_value_bytes=two,
        value_bytes=two,
    )
