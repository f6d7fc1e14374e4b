"""The smooth maximum and the times that are built on it: bounds, limits, and what their records refuse."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.accelerator_power import StepLoad
from simulator.physics.roofline import (
    AttentionEfficiency,
    GemmEfficiency,
    decode_attention_s_per_byte,
    elementwise_time_s,
    gemm_time_s,
    prefill_attention_time_s,
    smooth_maximum,
)

GEMM = GemmEfficiency(0.7, 0.8, 1.5, 0.6, 40e-6)
ATTENTION = AttentionEfficiency(0.9, 0.65, 0.5, 9e-6, 3.5e-9, 1.2)

times = st.one_of(st.just(0.0), st.floats(1e-12, 1e6))
sharpnesses = st.one_of(st.just(1.0), st.just(math.inf), st.floats(1.0, 64.0))


@given(times, times, sharpnesses)
def test_smooth_maximum_lies_between_maximum_and_sum(a: float, b: float, q: float) -> None:
    both = float(smooth_maximum(a, b, q))
    slack = 1e-12 * (a + b)  # Two powers and a root, each good to a few units of the last place.
    assert max(a, b) - slack <= both <= a + b + slack
    assert both == float(smooth_maximum(b, a, q))


@given(times, times, st.floats(1.0, 32.0))
def test_smooth_maximum_falls_with_sharpness_and_scales(a: float, b: float, q: float) -> None:
    slack = 1e-12 * (a + b)
    assert float(smooth_maximum(a, b, 1.5 * q)) <= float(smooth_maximum(a, b, q)) + slack
    assert float(smooth_maximum(4.0 * a, 4.0 * b, q)) == pytest.approx(4.0 * float(smooth_maximum(a, b, q)), rel=1e-12)


def test_limits_of_the_smooth_maximum() -> None:
    assert float(smooth_maximum(3.0, 4.0, 1.0)) == 7.0
    assert float(smooth_maximum(3.0, 4.0, 2.0)) == 5.0
    assert float(smooth_maximum(3.0, 4.0, math.inf)) == 4.0
    assert float(smooth_maximum(4.0, 4.0, math.inf)) == 4.0
    # The definition itself, (a^q + b^q)^(1/q), would overflow here.
    assert float(smooth_maximum(1e300, 1e300, 2.0)) == pytest.approx(math.sqrt(2.0) * 1e300)
    assert smooth_maximum(np.array([0.0, 3.0]), np.array([0.0, 4.0]), 2.0).tolist() == [0.0, 5.0]


@given(times, times, sharpnesses)
def test_power_model_uses_the_same_smooth_maximum(a: float, b: float, q: float) -> None:
    load = StepLoad(a, b, q, 0.0, 0.0, 0.0, 0.0)
    assert load.time_s() == pytest.approx(float(smooth_maximum(a, b, q)), rel=1e-12)


def test_ideal_products_are_the_textbook_roofline() -> None:
    """Williams et al. 2009: min(peak, bandwidth x intensity); 100 Tflop/s and 1 TB/s have their ridge at 100."""
    ideal = GemmEfficiency(1.0, 1.0, math.inf, 1.0, 0.0)
    for intensity, attained in ((1.0, 1e12), (50.0, 50e12), (100.0, 100e12), (1000.0, 100e12)):
        time_s = float(gemm_time_s(intensity * 1e9, 1e9, 100e12, 1e12, ideal))
        assert intensity * 1e9 / time_s == pytest.approx(attained, rel=1e-12)


def test_products_by_hand() -> None:
    """a = 7e12 / (0.7 x 100e12) = 0.1 s; b = 0.08e12 / (0.8 x 1e12) = 0.1 s; (2 x 0.1^1.5)^(2/3) = 0.1 x 2^(2/3)."""
    assert float(gemm_time_s(7e12, 0.08e12, 100e12, 1e12, GEMM)) == pytest.approx(0.1 * 2 ** (2 / 3), rel=1e-12)
    assert elementwise_time_s(3e9, 1e12, GEMM) == pytest.approx(5e-3, rel=1e-12)


def test_decode_attention_is_limited_by_arithmetic_only_where_many_heads_share_a_key() -> None:
    """100 Tflop/s x 0.65 and 1 TB/s x 0.9: reading limits above 65 / 0.9 = 72.2 operations per byte."""
    reading = 1.0 / 0.9e12
    assert decode_attention_s_per_byte(1.0 / 8.0, 100e12, 1e12, ATTENTION) == pytest.approx(reading, rel=1e-12)
    assert decode_attention_s_per_byte(1.0 / 72.0, 100e12, 1e12, ATTENTION) == pytest.approx(reading, rel=1e-12)
    assert decode_attention_s_per_byte(1.0 / 144.4, 100e12, 1e12, ATTENTION) == pytest.approx(144.4 / 65e12, rel=1e-12)


def test_prefill_attention_by_hand() -> None:
    assert prefill_attention_time_s(6.5e12, 1e9, 100e12, 1e12, ATTENTION) == pytest.approx(0.1 + 0.002, rel=1e-12)
    walking = replace(ATTENTION, prefill_key_s=1e-6)
    time_s = prefill_attention_time_s(6.5e12, 1e9, 100e12, 1e12, walking, longest_keys=4000.0)
    assert time_s == pytest.approx(0.1 + 0.002 + 0.004, rel=1e-12)


def test_decode_beside_a_prompt_reads_at_its_own_rate_where_one_is_known() -> None:
    assert decode_attention_s_per_byte(1.0, 100e12, 1e12, ATTENTION, mixed=True) == pytest.approx(1 / 0.9e12)
    slower = replace(ATTENTION, mixed_decode_memory_fraction=0.45)
    assert decode_attention_s_per_byte(1.0, 100e12, 1e12, slower, mixed=True) == pytest.approx(1 / 0.45e12)
    assert decode_attention_s_per_byte(1.0, 100e12, 1e12, slower) == pytest.approx(1 / 0.9e12)


@pytest.mark.parametrize(
    ("record", "change", "complaint"),
    [
        (GEMM, {"compute_fraction": 1.2}, "compute_fraction must be > 0 and <= 1, got 1.2"),
        (GEMM, {"memory_fraction": 0.0}, "memory_fraction must be > 0 and <= 1, got 0.0"),
        (GEMM, {"elementwise_fraction": math.nan}, "elementwise_fraction must be > 0 and <= 1, got nan"),
        (GEMM, {"sharpness": 0.9}, "sharpness must be >= 1, got 0.9"),
        (GEMM, {"layer_overhead_s": -1e-6}, "layer_overhead_s must be >= 0, got -1e-06"),
        (ATTENTION, {"prefill_compute_fraction": 1.08}, "prefill_compute_fraction must be > 0 and <= 1, got 1.08"),
        (ATTENTION, {"call_overhead_s": -1.0}, "call_overhead_s must be >= 0, got -1.0"),
        (
            ATTENTION,
            {"mixed_decode_memory_fraction": 1.01},
            "mixed_decode_memory_fraction must be > 0 and <= 1, got 1.01",
        ),
        (ATTENTION, {"prefill_key_s": -1e-9}, "prefill_key_s must be >= 0, got -1e-09"),
        (ATTENTION, {"mixed_batch_factor": 0.99}, "mixed_batch_factor must be >= 1, got 0.99"),
    ],
)
def test_what_would_beat_the_datasheet_is_refused(
    record: GemmEfficiency | AttentionEfficiency, change: dict[str, float], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(record, **change)
