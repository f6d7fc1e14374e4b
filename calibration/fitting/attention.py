"""Attention: the simulator's equations for decode, prefill and mixed calls, fitted to time per repetition.

decode   t = t0 + K / (m B) + h (sequences x query heads)
prefill  t = t0 + F / (c P) + Q / (m B) [+ w k]
mixed    t = x (decode + prefill), x >= 1, with the call's t0 once; or by its own rates (`mixed_attention`)

with cached bytes read K, operations F, traffic Q and keys of the longest sequence k.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from calibration.fitting.least_squares import Array, Fit, Groups, Mask, Parameter, fit
from calibration.fitting.rates import highest_overhead_s, lowest_fraction, seconds
from simulator.profiles.accelerators import AcceleratorRecord


def fit_decode_attention(
    table: pd.DataFrame,
    base: AcceleratorRecord,
    groups: Groups | None = None,
    *,
    uncertainty: Array | None = None,
) -> Fit:
    """Fit `call_overhead_s`, `decode_memory_fraction` and `sequence_head_overhead_s` to decode windows.

    Args:
        table: windows of `decode_attention`.
        base: datasheet rates.
        groups: group of each row to leave out in turn.
        uncertainty: relative standard uncertainty of each row's time.
    """
    bandwidth = base.memory_bandwidth_bytes_per_s
    cached, pairs = table.traffic_bytes.to_numpy(float), (table.batch * table.query_heads).to_numpy(float)

    def model(p: Array, rows: Mask) -> Array:
        return np.asarray(p[0] + cached[rows] / (p[1] * bandwidth) + p[2] * pairs[rows], dtype=np.float64)

    time_s = seconds(table)
    parameters = [
        Parameter("call_overhead_s", 0.0, 9e-6, highest_overhead_s(time_s, 1e-4)),
        Parameter("decode_memory_fraction", lowest_fraction(cached / bandwidth / time_s), 0.9, 1.0),
        Parameter("sequence_head_overhead_s", 0.0, 3e-9, highest_overhead_s(time_s / pairs, 1e-7)),
    ]
    return fit(model, seconds(table), parameters, groups, uncertainty=uncertainty, clusters=table.point.to_numpy(str))


def fit_prefill_attention(
    table: pd.DataFrame,
    base: AcceleratorRecord,
    groups: Groups | None = None,
    *,
    uncertainty: Array | None = None,
    walks_keys: bool = False,
) -> Fit:
    """Fit `call_overhead_s`, `prefill_compute_fraction` and `prefill_memory_fraction` to prefill windows.

    Args:
        table: windows of `prefill_attention`; operations count only pairs of a query and a key that it may see.
        base: datasheet rates.
        groups: group of each row to leave out in turn.
        uncertainty: relative standard uncertainty of each row's time.
        walks_keys: fit `prefill_key_s` as well, the time that a block of threads needs for a key; it shows in calls too
            small to fill the device.
    """
    peak, bandwidth = attention_peak(table, base), base.memory_bandwidth_bytes_per_s
    flop, moved = table.flop.to_numpy(float), table.traffic_bytes.to_numpy(float)
    keys = (table.m + table.context_tokens).to_numpy(float)

    def model(p: Array, rows: Mask) -> Array:
        computing, moving = flop[rows] / (p[1] * peak[rows]), moved[rows] / (p[2] * bandwidth)
        walking = p[3] * keys[rows] if walks_keys else 0.0
        return np.asarray(p[0] + computing + moving + walking, dtype=np.float64)

    time_s = seconds(table)
    parameters = [
        Parameter("call_overhead_s", 0.0, 9e-6, highest_overhead_s(time_s, 1e-4)),
        Parameter("prefill_compute_fraction", lowest_fraction(flop / peak / time_s), 0.7, 1.0),
        Parameter("prefill_memory_fraction", lowest_fraction(moved / bandwidth / time_s, 0.05), 0.5, 1.0),
    ]
    if walks_keys:
        parameters.append(Parameter("prefill_key_s", 0.0, 2e-8, 1e-6))
    return fit(model, seconds(table), parameters, groups, uncertainty=uncertainty, clusters=table.point.to_numpy(str))


def attention_peak(table: pd.DataFrame, base: AcceleratorRecord) -> Array:
    """Return the peak rate of each row's arithmetic: that of its format, or of 16 bits where none is given."""
    peaks = {str(name): value for name, value in base.peak_flop_per_s.items()}
    sixteen = peaks[base.attention_format("bf16")]
    return np.array([peaks.get(name, sixteen) for name in table.number_format])


def merged_overhead(decode: Fit, prefill: Fit) -> Fit:
    """Return the decode fit with the mean call overhead of both, weighted by their certainty: a profile has one.

    Without covariances, or where one of them is 0, decode decides: its short calls tell the overhead best.
    """
    name = "call_overhead_s"
    if decode.covariance is None or prefill.covariance is None:
        return decode
    spreads = np.array([fitted.standard_uncertainty(name)[0] for fitted in (decode, prefill)])
    if not (spreads > 0.0).all():
        return decode
    share = spreads**-2 / (spreads**-2).sum()
    mean = share[0] * decode.parameters[name] + share[1] * prefill.parameters[name]
    return replace(decode, parameters=decode.parameters | {name: float(mean)})
