"""Time and load of a training step: closed forms on a device without losses, a pipeline that runs, conservation."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import transformer as tf
from simulator.physics.accelerator import Accelerator
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS
from simulator.physics.training import evaluation_pass, training_step
from simulator.physics.training_plan import Network, TrainingPlan
from simulator.physics.transformer import Transformer

BF16 = PRECISIONS["bf16"]
PEAK = 100e12

LAYERS = 8 * 10_485_760
"""Weights of the layers of `eight_layers`."""
CHANNELS = 8 * 1024
"""Layers x query channels of the same."""


def one_f_one_b(stages: int, microbatches: int, forward_s: float, backward_s: float) -> float:
    """Run the 1F1B schedule: warm up, then one forward and one backward in turn, then drain; return its duration."""
    orders = []
    for stage in range(stages):
        ahead = min(stages - 1 - stage, microbatches)
        steady = [step for i in range(microbatches - ahead) for step in (("f", ahead + i), ("b", i))]
        drain = [("b", i) for i in range(microbatches - ahead, microbatches)]
        orders.append([("f", i) for i in range(ahead)] + steady + drain)
    done: dict[tuple[str, int, int], float] = {}
    free = [0.0] * stages
    while any(orders):
        for stage, order in enumerate(orders):
            if not order:
                continue
            kind, batch = order[0]
            neighbour = stage - 1 if kind == "f" else stage + 1
            needed = (kind, neighbour, batch) if 0 <= neighbour < stages else None
            if needed is not None and needed not in done:
                continue
            start = max(free[stage], done[needed] if needed else 0.0)
            free[stage] = done[kind, stage, batch] = start + (forward_s if kind == "f" else backward_s)
            order.pop(0)
    return max(free)


# --- one device


@pytest.mark.parametrize(
    ("change", "weights", "attention", "head"),
    [
        # Passes over weights, over scores (the backward pass recomputes them: 2.5), over the output matrix.
        ({}, 3.0, 3.5, 3.0),
        ({"recompute": "full"}, 4.0, 4.5, 3.0),
        ({"lora_rank": 8}, 2.0, 3.5, 2.0),
        ({"lora_rank": 8, "recompute": "full"}, 3.0, 4.5, 2.0),
    ],
)
def test_passes_of_one_microbatch(
    ideal: Accelerator,
    free_network: Network,
    one_device: TrainingPlan,
    eight_layers: Transformer,
    change: dict[str, object],
    weights: float,
    attention: float,
    head: float,
) -> None:
    """256 tokens attend to 128.5 keys each; adapters of rank 8 have 8 x (1,024 + 1,536 + 1,024 + 1,024) weights."""
    plan = replace(one_device, **change)
    model = replace(eight_layers, vocabulary=5000)
    step = training_step(model, plan, ideal, free_network, BF16)
    adapters = 6 * 8 * 8 * 4608 * 256 if plan.lora_rank else 0
    flop = 256 * 2 * weights * LAYERS
    beside = 256 * 4 * CHANNELS * 128.5 * attention + 256 * 2 * head * 1024 * 5000 + adapters
    assert step.work.flop == pytest.approx(flop, rel=1e-12)
    assert step.work.sixteen_bit_flop == pytest.approx(beside, rel=1e-12)
    assert step.time_s == pytest.approx((flop + beside) / PEAK, rel=1e-12)
    assert step.work.clock_s == pytest.approx(step.time_s, rel=1e-12)
    assert step.bubble_s == 0.0
    assert step.mfu(1, PEAK) == pytest.approx(step.model_flop / (flop + beside), rel=1e-12)


def test_memory_traffic_and_overheads_by_hand(
    ideal: Accelerator, free_network: Network, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """A device that computes at once and moves 1 TB/s shows what is moved.

    Weights of 2 bytes in three passes; q, k, v and outputs (2 x 1,024 + 2 x 256 channels) in 3.5; elementwise values
    (8 x 1,024 + 1,536 + 1,024 + 3 x 2,560) in three; output matrix of one token in three, 20 bytes for its one logit;
    30 bytes per parameter for Adam.
    """
    eager = replace(ideal, peak_flop_per_s=1e30, sixteen_bit_flop_per_s=1e30, bandwidth_bytes_per_s=1e12)
    step = training_step(eight_layers, one_device, eager, free_network, BF16)
    layer = 3 * 2 * 10_485_760 + 3.5 * 256 * 2 * 2560 + 3 * 256 * 2 * 18432
    moved = 8 * layer + 3 * 2 * 1024 + 20 * 256 + 30 * tf.parameter_count(eight_layers)
    assert step.work.memory_bytes == pytest.approx(moved, rel=1e-12)
    assert step.time_s == pytest.approx(moved / 1e12, rel=1e-9)  # 1e30 is not infinite.
    slow = replace(
        eager,
        gemm=replace(ideal.gemm, layer_overhead_s=40e-6),
        attention=replace(ideal.attention, call_overhead_s=10e-6),
    )
    later = training_step(eight_layers, replace(one_device, step_overhead_s=0.25), slow, free_network, BF16)
    # Launches: three passes of products per layer, and attention forward and backward.
    assert later.time_s - step.time_s == pytest.approx(8 * (3 * 40e-6 + 2 * 10e-6) + 0.25, rel=1e-9)
    assert later.overhead_s == 0.25


def test_sustained_fraction_slows_layers_and_head(
    ideal: Accelerator, free_network: Network, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    full = training_step(eight_layers, one_device, ideal, free_network, BF16)
    half = training_step(eight_layers, replace(one_device, sustained_fraction=0.5), ideal, free_network, BF16)
    assert half.time_s == pytest.approx(2.0 * full.time_s, rel=1e-12)
    assert half.work.flop == full.work.flop


def test_large_adapters_cannot_beat_the_peak(
    ideal: Accelerator, free_network: Network, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """At rank 1,024 the adapters of a narrow model do as much as its weights."""
    plan = replace(one_device, lora_rank=1024)
    step = training_step(eight_layers, plan, ideal, free_network, BF16)
    assert step.time_s >= step.model_flop / PEAK


# --- data and pipeline parallelism


@pytest.mark.parametrize("microbatch", [1, 4])
def test_time_falls_with_replicas_at_a_fixed_batch(
    ideal: Accelerator, free_network: Network, one_device: TrainingPlan, eight_layers: Transformer, microbatch: int
) -> None:
    plan = replace(one_device, batch_sequences=64, microbatch_sequences=microbatch)
    alone = training_step(eight_layers, plan, ideal, free_network, BF16)
    for data in (2, 4, 16):
        step = training_step(eight_layers, replace(plan, data=data), ideal, free_network, BF16)
        assert step.time_s == pytest.approx(alone.time_s / data, rel=1e-12)
        assert step.model_flop == alone.model_flop


@pytest.mark.parametrize(("stages", "microbatches"), list(product([1, 2, 4, 8], [1, 4, 8, 32])))
def test_pipeline_takes_as_long_as_one_that_runs(
    ideal: Accelerator,
    free_network: Network,
    one_device: TrainingPlan,
    eight_layers: Transformer,
    stages: int,
    microbatches: int,
) -> None:
    """Narayanan et al. 2021: bubble / ideal time = (p - 1) / m for equal stages; the same from a schedule run here."""
    plan = replace(one_device, pipeline=stages, batch_sequences=microbatches)
    step = training_step(eight_layers, plan, ideal, free_network, BF16)
    busy_s = step.work.compute_s
    # The output matrix of a vocabulary of one token makes the last stage longer by 2e-5 of a stage at most.
    assert step.bubble_s / busy_s == pytest.approx((stages - 1) / microbatches, rel=2e-4, abs=2e-4)
    stage_s = busy_s / microbatches
    assert one_f_one_b(stages, microbatches, stage_s / 3, 2 * stage_s / 3) == pytest.approx(step.time_s, rel=2e-4)


@pytest.mark.parametrize("chunks", [1, 2, 4])
def test_interleaving_divides_the_bubble(
    ideal: Accelerator, free_network: Network, one_device: TrainingPlan, eight_layers: Transformer, chunks: int
) -> None:
    plan = replace(one_device, pipeline=4, batch_sequences=8, interleave=chunks)
    step = training_step(eight_layers, plan, ideal, free_network, BF16)
    assert step.bubble_s / step.work.compute_s == pytest.approx(3 / 8 / chunks, rel=1e-3)  # Head as above.


def test_the_longest_stage_sets_the_pace(
    ideal: Accelerator, free_network: Network, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """Ten layers on four stages: three on the longest; and an output matrix as heavy as a layer on the last."""
    plan = replace(one_device, pipeline=4, batch_sequences=8)
    layer_s = training_step(replace(eight_layers, layers=1), one_device, ideal, free_network, BF16).time_s
    uneven = training_step(replace(eight_layers, layers=10), plan, ideal, free_network, BF16)
    assert uneven.time_s == pytest.approx(11 * 3 * layer_s, rel=1e-3)
    assert uneven.work.compute_s == pytest.approx(8 * 2.5 * layer_s, rel=1e-3)
    headed = training_step(replace(eight_layers, vocabulary=10_240), plan, ideal, free_network, BF16)
    head_s = 256 * 3 * 2 * 1024 * 10_240 / PEAK
    assert headed.time_s == pytest.approx(11 * (2 * layer_s + head_s), rel=1e-3)


@given(
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2]),
    st.sampled_from([None, 16]),
)
def test_operations_of_all_devices_are_those_of_one(
    ideal: Accelerator,
    free_network: Network,
    one_device: TrainingPlan,
    eight_layers: Transformer,
    data: int,
    tensor: int,
    pipeline: int,
    context: int,
    rank: int | None,
) -> None:
    model, plan = replace(eight_layers, vocabulary=3000), replace(one_device, batch_sequences=8, lora_rank=rank)
    spread = replace(plan, data=data, tensor=tensor, pipeline=pipeline, context=context)
    for cost in (training_step, evaluation_pass):
        # An evaluation takes one microbatch per replica, so data parallel ranks multiply its work.
        repeated = data if cost is evaluation_pass else 1
        one = cost(model, plan, ideal, free_network, BF16)
        all_devices = cost(model, spread, ideal, free_network, BF16).work.times(float(spread.accelerators))
        assert all_devices.flop == pytest.approx(repeated * one.work.flop, rel=1e-12)
        assert all_devices.sixteen_bit_flop == pytest.approx(repeated * one.work.sixteen_bit_flop, rel=1e-12)


# --- evaluation


@pytest.mark.parametrize("stages", [1, 2, 8])
def test_evaluation_is_a_forward_pass_through_all_stages(
    ideal: Accelerator, free_network: Network, one_device: TrainingPlan, eight_layers: Transformer, stages: int
) -> None:
    model, plan = replace(eight_layers, vocabulary=3000), replace(one_device, pipeline=stages)
    step = evaluation_pass(model, plan, ideal, free_network, BF16)
    flop = 256 * (2 * LAYERS + 4 * CHANNELS * 128.5 + 2 * 1024 * 3000)
    assert step.model_flop == pytest.approx(flop, rel=1e-12)
    assert step.time_s == pytest.approx(flop / PEAK, rel=1e-12)
    assert step.work.compute_s == pytest.approx(flop / PEAK / stages, rel=1e-12)
    assert step.bubble_s == pytest.approx(step.time_s * (1 - 1 / stages), abs=1e-15)


def test_activations_hop_once_between_stages_of_an_evaluation(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    network = Network(Link(0.0, 0.0, math.inf), Link(1e-3, 0.0, math.inf), 1)
    plan = replace(one_device, pipeline=4)
    hopping = evaluation_pass(eight_layers, plan, ideal, network, BF16)
    quiet = evaluation_pass(eight_layers, replace(plan, pipeline=1), ideal, network, BF16)
    assert hopping.time_s - quiet.time_s == pytest.approx(3e-3, rel=1e-9)
    # 256 tokens x 1,024 channels x 2 bytes, three times, over four devices.
    assert 4 * hopping.work.network_bytes == pytest.approx(3 * 256 * 1024 * 2, rel=1e-12)


def test_no_pass_is_faster_than_the_host_launches_it(
    ideal: Accelerator, free_network: Network, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """Eight layers, forward and backward: 16 launches, 24 with recomputation, 8 in an evaluation."""
    bf16 = PRECISIONS["bf16"]
    free = training_step(eight_layers, one_device, ideal, free_network, bf16)
    slow = replace(one_device, host_layer_s=free.time_s)
    held = training_step(eight_layers, slow, ideal, free_network, bf16)
    assert held.time_s == pytest.approx(16.0 * free.time_s)
    assert held.bubble_s == pytest.approx(15.0 * free.time_s)
    assert held.work == free.work, "waiting changes no work"
    again = training_step(eight_layers, replace(slow, recompute="full"), ideal, free_network, bf16)
    assert again.time_s == pytest.approx(24.0 * free.time_s)
    assert evaluation_pass(eight_layers, slow, ideal, free_network, bf16).time_s == pytest.approx(8.0 * free.time_s)
    hidden = replace(one_device, host_layer_s=free.time_s / 16.1)
    assert training_step(eight_layers, hidden, ideal, free_network, bf16) == free
