"""Time and power of single kernels by a device's profile: the simulator's equations, where no curve can be fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.fitting.attention import attention_peak
from calibration.fitting.board_power import limited
from calibration.fitting.rates import LAYER_LAUNCHES, seconds
from simulator.physics.roofline import smooth_maximum
from simulator.profiles.accelerators import AcceleratorRecord

Array = NDArray[np.float64]


def profile_time_s(rows: pd.DataFrame, record: AcceleratorRecord) -> Array:
    """Return the time of kernels of one family.

    Args:
        rows: windows of products, decode or prefill attention.
        record: the device.
    """
    flop, traffic = rows.flop.to_numpy(float), rows.traffic_bytes.to_numpy(float)
    bandwidth, attention = record.memory_bandwidth_bytes_per_s, record.attention
    peak = attention_peak(rows, record)
    family = rows.family.iloc[0]
    if family == "gemm":
        fractions = {str(name): value for name, value in record.gemm.compute_fraction.items()}
        fraction = np.array([fractions[name] for name in rows.number_format])
        reading_s = traffic / (record.gemm.memory_fraction * bandwidth)
        product_s = smooth_maximum(flop / (fraction * peak), reading_s, record.gemm.sharpness)
        return np.asarray(product_s + record.gemm.layer_overhead_s / LAYER_LAUNCHES, dtype=np.float64)
    if family == "decode_attention":
        heads = (rows.batch * rows.query_heads).to_numpy(float)
        moving_s = traffic / (attention.decode_memory_fraction * bandwidth)
        return np.asarray(
            attention.call_overhead_s + moving_s + attention.sequence_head_overhead_s * heads, dtype=np.float64
        )
    computing_s = flop / (attention.prefill_compute_fraction * peak)
    moving_s = traffic / (attention.prefill_memory_fraction * bandwidth)
    return np.asarray(attention.call_overhead_s + computing_s + moving_s, dtype=np.float64)


def profile_power_w(rows: pd.DataFrame, record: AcceleratorRecord) -> Array:
    """Return the power of kernels at their measured rates.

    Args:
        rows: windows of one family.
        record: the device.
    """
    time_s, power = seconds(rows), record.power
    joules = {str(name): value for name, value in power.joules_per_flop.items()}
    per_flop = np.array([joules[name] for name in rows.number_format])
    dynamic_j = rows.flop.to_numpy(float) * per_flop + rows.traffic_bytes.to_numpy(float) * power.joules_per_byte
    given = rows.power_limit_w.to_numpy(float)
    cap_w = np.where(given > 0.0, given, power.cap_w)
    return limited(power.static_w + dynamic_j / time_s, cap_w)
