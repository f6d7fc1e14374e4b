"""Duration and energy of iterations: by hand for a model of a few channels, and stretches against single iterations."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.serving.batch import BatchLimits, Prefill
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.errors import InvariantError
from simulator.physics.accelerator import Accelerator, HostOverhead
from simulator.physics.accelerator_power import PowerModel
from simulator.physics.inference import inference_model
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS
from simulator.physics.roofline import AttentionEfficiency, GemmEfficiency
from simulator.physics.transformer import Transformer

TINY = Transformer("decoder", 2, 4, 2, 1, 2, 8, False, 10, True)
"""448 operations and 448 bytes of weights per token and pass, 240 bytes of elementwise work, 16 bytes of KV cache."""

SLOW = Accelerator(
    peak_flop_per_s=1000.0,
    sixteen_bit_flop_per_s=1000.0,
    bandwidth_bytes_per_s=100.0,
    memory_bytes=1e9,
    gemm=GemmEfficiency(1.0, 1.0, 1.0, 1.0, 0.25),
    attention=AttentionEfficiency(1.0, 1.0, 1.0, 0.5, 0.125, 1.5),
    link=Link(0.02, 0.01, 50.0),
    host=HostOverhead(0.75, 0.0625),
    power=PowerModel(4.0, 6.0, 8.0, 10.0, {"bf16": 0.01}, 0.05, 0.5, 0.002, 1e6, 12.0, 2.0),
    joules_per_flop=0.01,
    sixteen_bit_joules_per_flop=0.01,
)
"""One rounded number for each rate; sharpness 1 adds arithmetic and memory time; the limit is out of reach."""


def _tiny(tensor: int = 1, cap_w: float = 1e6, accelerator: Accelerator = SLOW) -> IterationCost:
    return IterationCost(inference_model(TINY, accelerator, tensor, PRECISIONS["bf16"], 2.0, 16, 8), cap_w)


def test_decode_by_hand() -> None:
    """Two sequences that attend to 7 tokens."""
    products_s = 2 * 448 / 1000 + 448 / 100
    elementwise_s = 2 * 240 / 100 + 2 * 0.25
    head_s = 2 * 80 / 1000 + 80 / 100 + 2 * 160 / 100
    attention_s = 2 * 0.5 + 2 * (2 * 2 * 0.125) + 7 * 16 / 100
    host_s = 0.75 + 2 * 0.0625
    running_s = products_s + elementwise_s + head_s + attention_s
    operations = 2 * 448 + 2 * 80 + 7 * 32
    traffic = 448 + 2 * 240 + 80 + 2 * 160 + 7 * 16
    energy_j = 10.0 * running_s + 6.0 * host_s + 0.01 * operations + 0.05 * traffic
    assert (running_s + host_s, energy_j) == pytest.approx((18.831, 269.61))
    assert _tiny().decode(2, 7) == pytest.approx((18.831, 269.61), rel=1e-12)


def test_mixed_iteration_by_hand() -> None:
    """One sequence that attends to 3 tokens; one prompt with 2 tokens done gets 4 more and ends."""
    products_s = 5 * 448 / 1000 + 448 / 100
    elementwise_s = 5 * 240 / 100 + 2 * 0.25
    head_s = 2 * 80 / 1000 + 80 / 100 + 2 * 160 / 100
    pairs, keys = 3 + 4 + 5 + 6, 6
    prefill_s = 1.0 + pairs * 32 / 1000 + 4 * 32 / 100 + keys * 16 / 100
    decode_s = 0.5 + 3 * 16 / 100
    host_s = 0.75 + 2 * 0.0625
    running_s = products_s + elementwise_s + head_s + 1.5 * (prefill_s + decode_s)
    operations = 5 * 448 + 2 * 80 + pairs * 32 + 3 * 32
    traffic = 448 + 5 * 240 + 80 + 2 * 160 + 4 * 32 + keys * 16 + 3 * 16
    energy_j = 10.0 * running_s + 6.0 * host_s + 0.01 * operations + 0.05 * traffic
    assert (running_s + host_s, energy_j) == pytest.approx((31.449, 457.71))
    prefill = Prefill(tokens=4, pairs=float(pairs), keys=keys, chunks=1, logits=1, longest_chunk=4, longest_keys=keys)
    assert _tiny().mixed(1, 3, prefill) == pytest.approx((31.449, 457.71), rel=1e-12)


def test_a_mixed_call_with_rates_of_its_own_by_hand() -> None:
    """As above on a device whose blocks of threads walk keys, read the cache at half rate and span the chunk."""
    own = replace(
        SLOW.attention,
        mixed_batch_factor=1.0,
        prefill_key_s=0.25,
        mixed_decode_memory_fraction=0.5,
        mixed_sequence_head_overhead_s=0.375,
        mixed_chunk_head_overhead_s=0.0625,
    )
    prefill = Prefill(tokens=4, pairs=18.0, keys=6, chunks=1, logits=1, longest_chunk=4, longest_keys=6)
    prefill_s = 1.0 + 18 * 32 / 1000 + 4 * 32 / 100 + 6 * 16 / 100
    common_s = _tiny().mixed(1, 3, prefill)[0] - 1.5 * (prefill_s + 0.5 + 3 * 16 / 100)
    expected_s = common_s + prefill_s + 2 * 0.25 * 6 + 2 * 2 * (0.375 + 0.0625 * 4) + 3 * 16 / 50
    cost = _tiny(accelerator=replace(SLOW, attention=own))
    assert cost.mixed(1, 3, prefill)[0] == pytest.approx(expected_s, rel=1e-12)
    assert cost.decode(2, 7) == pytest.approx(_tiny().decode(2, 7), rel=1e-12)


def test_prefill_alone_is_not_slowed_by_decode() -> None:
    """A prompt of 4 tokens by itself, which does not end: no logits, no factor for mixed batches."""
    running_s = 4 * 448 / 1000 + 448 / 100 + 4 * 240 / 100 + 0.5 + 1.0 + 10 * 32 / 1000 + 4 * 32 / 100 + 4 * 16 / 100
    time_s, _ = _tiny().mixed(0, 0, Prefill(4, 10.0, 4, 1, 0, 4, 4))
    assert time_s == pytest.approx(running_s + 0.75 + 0.0625, rel=1e-12)


def test_tensor_parallel_decode_by_hand() -> None:
    """Two ranks halve products and query heads; the one key head stands on both; four all-reduces of 8 n bytes."""
    n, context = 3, 9
    products_s = n * 224 / 1000 + 224 / 100
    elementwise_s = n * (2 * 2 * (32 + 28 / 2)) / 100 + 0.5
    sent = 4 * (2 * 0.5 * 8 * n)
    link_s = 4 * (0.02 + 0.01) + sent / 50
    head_s = n * 40 / 1000 + 40 / 100 + n * 80 / 100
    attention_s = 1.0 + n * 0.25 + context * 16 / 100
    host_s = 0.75 + n * 0.0625
    running_s = products_s + elementwise_s + link_s + head_s + attention_s
    operations = n * 224 + n * 40 + context * 16
    traffic = 224 + n * 184 + 40 + n * 80 + context * 16
    rank_j = 10.0 * running_s + 6.0 * host_s + 0.01 * operations + 0.05 * traffic + 0.002 * sent
    cost = _tiny(tensor=2)
    assert cost.decode(n, context) == pytest.approx((running_s + host_s, 2 * rank_j), rel=1e-12)
    assert cost.link_j[n] == pytest.approx(2 * 0.002 * sent, rel=1e-12)


def test_power_stays_at_the_delivered_limit_and_time_as_measured() -> None:
    free, limited = _tiny(), _tiny(cap_w=13.0, accelerator=replace(SLOW, power=replace(SLOW.power, cap_w=13.0)))
    time_s, energy_j = free.decode(2, 7)
    assert energy_j / time_s > 13.0
    assert limited.decode(2, 7) == pytest.approx((time_s, 13.0 * time_s), rel=1e-12)
    chunk = Prefill(4, 10.0, 4, 1, 0, 4, 4)
    assert limited.mixed(1, 3, chunk) == pytest.approx((free.mixed(1, 3, chunk)[0], 13.0 * free.mixed(1, 3, chunk)[0]))


@pytest.mark.parametrize("cap_w", [10.0, 1e6 + 1.0])
def test_a_cap_must_leave_room_for_work_and_stay_below_the_limit(cap_w: float) -> None:
    with pytest.raises(InvariantError, match="outside"):
        _tiny(cap_w=cap_w)


@given(
    shape=st.tuples(st.sampled_from(["cool", "hot", "crossing"]), st.sampled_from(["dense", "grouped", "experts"])),
    cap_w=st.sampled_from([400.0, 300.0, 180.0, 105.0]),
    count=st.integers(1, 64),
    context=st.integers(0, 4000),
    iterations=st.integers(1, 400),
)
def test_a_stretch_is_the_sum_of_its_iterations(
    bench: Any, shape: tuple[str, str], cap_w: float, count: int, context: int, iterations: int
) -> None:
    cost = bench.cost(BatchLimits(64, 64, 16, 10**6, 10**6), shape[1], shape[0], cap_w=cap_w)
    cached = count * (context + 1)
    single = [cost.decode(count, cached + count * done) for done in range(iterations)]
    total_s, total_j = (sum(column) for column in zip(*single, strict=True))
    # Sums of some hundred terms in another order.
    assert cost.stretch(count, cached, iterations) == pytest.approx((total_s, total_j), rel=1e-11)


@given(
    device=st.sampled_from(["cool", "hot"]),
    cap_w=st.sampled_from([400.0, 180.0, 105.0]),
    count=st.integers(1, 64),
    context=st.integers(0, 4000),
    share=st.floats(0.0, 1.0),
)
def test_iterations_until_is_the_fewest_that_last_so_long(
    bench: Any, device: str, cap_w: float, count: int, context: int, share: float
) -> None:
    cost = bench.cost(BatchLimits(64, 64, 16, 10**6, 10**6), "grouped", device, cap_w=cap_w)
    cached = count * (context + 1)
    elapsed_s = share * cost.stretch(count, cached, 300)[0]
    found = cost.iterations_until(count, cached, elapsed_s)
    margin_s = 1e-12 * elapsed_s
    assert cost.stretch(count, cached, found)[0] >= elapsed_s - margin_s
    assert found == 1 or cost.stretch(count, cached, found - 1)[0] < elapsed_s + margin_s


def test_stretches_cross_the_limit_in_both_directions(bench: Any) -> None:
    """Reading KV at 0.9 x 2 TB/s asks for 486 W: a batch that starts below the limit ends at it, and the converse."""
    limits = BatchLimits(64, 64, 16, 10**6, 10**6)
    rising = bench.cost(limits, "dense", "crossing")
    first, last = (energy_j / time_s for time_s, energy_j in (rising.decode(64, 64), rising.decode(64, 64 * 20_000)))
    assert first < 400.0 - 1.0
    assert last == pytest.approx(400.0, rel=1e-12)
    power_w = [rising.stretch(64, 64, count)[1] / rising.stretch(64, 64, count)[0] for count in (10, 5000, 20_000)]
    assert all(low < high for low, high in pairwise([first, *power_w, 400.0]))
    singles = [rising.decode(64, 64 + 64 * done) for done in range(5000)]
    assert rising.stretch(64, 64, 5000) == pytest.approx(
        [sum(column) for column in zip(*singles, strict=True)], rel=1e-10
    )
