"""Calibrated roofline: how long a device takes for matrix products, attention and what lies between them.

Form and accuracy: five numbers per device reproduce 18,531 published layer times within 4 to 5 %, also for models and
tensor-parallel degrees that the fit never saw (docs/validation.md). All fractions are at
most 1, so no time is ever shorter than the datasheet's peak rates allow.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class GemmEfficiency:
    """Achieved fractions and overheads of the matrix products and elementwise work of one layer.

    Args:
        compute_fraction: achieved / peak operations per second of a large product, 0 to 1.
        memory_fraction: achieved / peak memory bandwidth of reading weights, 0 to 1.
        sharpness: exponent q >= 1 of the smooth maximum; infinite is the ideal roofline, 1 is the sum.
        elementwise_fraction: achieved / peak memory bandwidth of elementwise work, 0 to 1.
        layer_overhead_s: launches and gaps of one layer (s).
    """

    compute_fraction: float
    memory_fraction: float
    sharpness: float
    elementwise_fraction: float
    layer_overhead_s: float

    def __post_init__(self) -> None:
        _check_fractions(self)
        if self.sharpness < 1.0:
            raise ValueError(f"sharpness must be >= 1, got {self.sharpness}")


@dataclass(frozen=True, slots=True)
class AttentionEfficiency:
    """Achieved fractions and overheads of the attention kernels.

    Args:
        decode_memory_fraction: achieved / peak bandwidth of reading the KV cache in decode, 0 to 1.
        prefill_compute_fraction: achieved / peak operations per second in prefill, 0 to 1.
        prefill_memory_fraction: achieved / peak bandwidth in prefill, 0 to 1.
        call_overhead_s: launch of one attention call of one layer (s).
        sequence_head_overhead_s: added per sequence and query head of a decode call (s).
        mixed_batch_factor: time of a call with prefill and decode tokens over the sum of the two parts, >= 1.
        prefill_key_s: added per key of the longest chunk, which thread blocks walk one tile after the other (s).
        mixed_decode_memory_fraction: as `decode_memory_fraction`, in a call that prefills as well; None: the same.
        mixed_sequence_head_overhead_s: as `sequence_head_overhead_s`, in such a call (s); None: the same.
        mixed_chunk_head_overhead_s: added in such a call per decoding sequence, query head and token of the longest
            chunk, since the grid of thread blocks is as deep as that chunk for every sequence (s).
    """

    decode_memory_fraction: float
    prefill_compute_fraction: float
    prefill_memory_fraction: float
    call_overhead_s: float
    sequence_head_overhead_s: float
    mixed_batch_factor: float
    prefill_key_s: float = 0.0
    mixed_decode_memory_fraction: float | None = None
    mixed_sequence_head_overhead_s: float | None = None
    mixed_chunk_head_overhead_s: float = 0.0

    def __post_init__(self) -> None:
        _check_fractions(self)
        if self.mixed_batch_factor < 1.0:
            raise ValueError(f"mixed_batch_factor must be >= 1, got {self.mixed_batch_factor}")


def _check_fractions(record: GemmEfficiency | AttentionEfficiency) -> None:
    for entry in fields(record):
        value = getattr(record, entry.name)
        if value is None:
            continue
        if entry.name.endswith("_fraction") and not 0.0 < value <= 1.0:
            raise ValueError(f"{entry.name} must be > 0 and <= 1, got {value}")
        if entry.name.endswith("_s") and value < 0.0:
            raise ValueError(f"{entry.name} must be >= 0, got {value}")


def smooth_maximum(first: Number, second: Number, sharpness: float) -> Number:
    """Return (a^q + b^q)^(1/q): at least max(a, b), at most a + b.

    Two resources that overlap imperfectly. Scaled by the larger term, so that nothing under- or overflows.

    Args:
        first: non-negative, scalar or array.
        second: non-negative, same shape.
        sharpness: q >= 1.

    >>> float(smooth_maximum(3.0, 4.0, 2.0))
    5.0
    """
    larger = np.maximum(first, second)
    ratio = np.minimum(first, second) / np.where(larger > 0.0, larger, 1.0)
    result: Number = larger * (1.0 + ratio**sharpness) ** (1.0 / sharpness)
    return result


def gemm_time_s(
    flop: Number,
    weight_bytes: Number,
    peak_flop_per_s: float,
    bandwidth_bytes_per_s: float,
    efficiency: GemmEfficiency,
) -> Number:
    """Return the time of a group of matrix products.

    T = ((F / (c P))^q + (W / (m B))^q)^(1/q)

    Args:
        flop: operations F, scalar or array.
        weight_bytes: bytes of the weights read W, same shape.
        peak_flop_per_s: datasheet peak P for the number format (dense).
        bandwidth_bytes_per_s: datasheet memory bandwidth B.
        efficiency: the device's fractions c, m and sharpness q.

    >>> e = GemmEfficiency(0.7, 0.8, 1.5, 0.6, 40e-6)
    >>> float(round(gemm_time_s(4e12, 1e9, 312e12, 2.039e12, e) * 1e3, 3))
    18.39
    """
    compute_s = flop / (efficiency.compute_fraction * peak_flop_per_s)
    memory_s = weight_bytes / (efficiency.memory_fraction * bandwidth_bytes_per_s)
    return smooth_maximum(compute_s, memory_s, efficiency.sharpness)


def elementwise_time_s(values_bytes: Number, bandwidth_bytes_per_s: float, efficiency: GemmEfficiency) -> Number:
    """Return the time of norms, residuals and activation functions: bytes / (fraction x bandwidth)."""
    return values_bytes / (efficiency.elementwise_fraction * bandwidth_bytes_per_s)


def decode_attention_s_per_byte(
    bytes_per_flop: float,
    peak_flop_per_s: float,
    bandwidth_bytes_per_s: float,
    efficiency: AttentionEfficiency,
    mixed: bool = False,
) -> float:
    """Return the decode attention time per byte of KV cache read.

    The slower of reading the cache and computing with it: max(1 / (m B), (1 / bytes_per_flop) / (c P)). Computing only
    counts when very many query heads share one key head.

    Args:
        bytes_per_flop: KV bytes read per operation.
        peak_flop_per_s: datasheet peak P.
        bandwidth_bytes_per_s: datasheet memory bandwidth B.
        efficiency: the device's fractions.
        mixed: the call prefills as well.
    """
    fraction = efficiency.decode_memory_fraction
    if mixed and efficiency.mixed_decode_memory_fraction is not None:
        fraction = efficiency.mixed_decode_memory_fraction
    reading = 1.0 / (fraction * bandwidth_bytes_per_s)
    computing = 1.0 / (bytes_per_flop * efficiency.prefill_compute_fraction * peak_flop_per_s)
    return max(reading, computing)


def prefill_attention_time_s(
    flop: Number,
    traffic_bytes: Number,
    peak_flop_per_s: float,
    bandwidth_bytes_per_s: float,
    efficiency: AttentionEfficiency,
    longest_keys: float = 0.0,
) -> Number:
    """Return the time of prefill attention without its call overhead: F / (c P) + bytes / (m B) + w keys.

    Args:
        flop: operations of scores and values, scalar or array.
        traffic_bytes: bytes of queries, keys, values and outputs, same shape.
        peak_flop_per_s: datasheet peak P.
        bandwidth_bytes_per_s: datasheet memory bandwidth B.
        efficiency: the device's fractions.
        longest_keys: keys of the longest sequence, for devices whose time w per key is known.
    """
    compute_s = flop / (efficiency.prefill_compute_fraction * peak_flop_per_s)
    moving_s = traffic_bytes / (efficiency.prefill_memory_fraction * bandwidth_bytes_per_s)
    return compute_s + moving_s + efficiency.prefill_key_s * longest_keys
