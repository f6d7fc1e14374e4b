"""Exchanges of a training step, by hand: tensor, context and data parallelism, and what overlaps with computing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import transformer as tf
from simulator.physics.accelerator import Accelerator
from simulator.physics.links import Link, traffic_bytes
from simulator.physics.precision import PRECISIONS
from simulator.physics.training import training_step
from simulator.physics.training_plan import Network, Step, TrainingPlan
from simulator.physics.transformer import Transformer

BF16 = PRECISIONS["bf16"]
FREE = Link(0.0, 0.0, math.inf)
INSIDE = Link(10e-6, 1e-6, 100e9)
ACROSS = Link(30e-6, 2e-6, 10e9)
NETWORK = Network(INSIDE, ACROSS, 4)

ACTIVATIONS = 256 * 1024 * 2
"""Bytes of one microbatch between layers: 256 tokens of 1,024 channels in 16 bits."""


@pytest.mark.parametrize(("change", "per_layer"), [({}, 4), ({"recompute": "full"}, 6), ({"lora_rank": 4}, 4)])
def test_tensor_parallel_layers_reduce_after_attention_and_block(
    ideal: Accelerator,
    one_device: TrainingPlan,
    eight_layers: Transformer,
    change: dict[str, object],
    per_layer: int,
) -> None:
    """Two all-reduces forward, two backward, two more where the forward pass runs again (Shoeybi et al. 2019)."""
    plan = replace(one_device, tensor=4, batch_sequences=3, **change)
    step = training_step(eight_layers, plan, ideal, NETWORK, BF16)
    ring_s = 10e-6 + 3 * 1e-6 + 2 * 3 / 4 * ACTIVATIONS / 100e9
    assert step.work.exposed_s == pytest.approx(3 * 8 * per_layer * ring_s, rel=1e-12)
    assert step.work.link_bytes == pytest.approx(3 * 8 * per_layer * 1.5 * ACTIVATIONS, rel=1e-12)
    assert step.work.network_bytes == 0.0
    hidden = training_step(eight_layers, replace(plan, tensor_overlap=0.75), ideal, NETWORK, BF16)
    assert hidden.work.exposed_s == pytest.approx(step.work.exposed_s / 4, rel=1e-12)
    assert hidden.work.link_bytes == step.work.link_bytes
    assert hidden.time_s == pytest.approx(step.time_s - 0.75 * step.work.exposed_s, rel=1e-12)


def test_tensor_parallel_ranks_in_two_servers_send_their_shard_across(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """Eight ranks, four per server: scatter and gather inside, and an all-reduce of a quarter between two servers."""
    step = training_step(eight_layers, replace(one_device, tensor=8), ideal, NETWORK, BF16)
    inside_s = 2 * (10e-6 + 3 * 1e-6 + 3 / 4 * ACTIVATIONS / 100e9)
    across_s = 30e-6 + 2e-6 + ACTIVATIONS / 4 / 10e9
    assert step.work.exposed_s == pytest.approx(8 * 4 * (inside_s + across_s), rel=1e-12)
    assert step.work.network_bytes == pytest.approx(8 * 4 * ACTIVATIONS / 4, rel=1e-12)
    assert step.work.link_bytes == pytest.approx(8 * 4 * 2 * 3 / 4 * ACTIVATIONS, rel=1e-12)


def gradients(
    ideal: Accelerator, one_device: TrainingPlan, model: Transformer, network: Network, **change: object
) -> tuple[Step, Step]:
    """Return the step of a data-parallel plan, and the same with free links."""
    plan = replace(one_device, **change)
    free = Network(FREE, FREE, network.group)
    return training_step(model, plan, ideal, network, BF16), training_step(model, plan, ideal, free, BF16)


def test_gradients_of_one_server_are_reduced_in_a_ring(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    step, free = gradients(ideal, one_device, eight_layers, NETWORK, data=4, batch_sequences=8)
    size = 2.0 * tf.parameter_count(eight_layers)
    ring_s = 10e-6 + 3e-6 + 1.5 * size / 100e9
    assert step.time_s - free.time_s == pytest.approx(ring_s, rel=1e-9)
    assert (step.work.link_bytes, step.work.network_bytes) == pytest.approx((1.5 * size, 0.0))


def test_gradients_of_many_servers_are_scattered_inside_first(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """16 replicas, four per server: a quarter crosses between four servers, 2 x 3/4 of it."""
    step, free = gradients(ideal, one_device, eight_layers, NETWORK, data=16, batch_sequences=16)
    size = 2.0 * tf.parameter_count(eight_layers)
    inside_s, across_s = 2 * (13e-6 + 0.75 * size / 100e9), 36e-6 + 1.5 * size / 4 / 10e9
    assert step.time_s - free.time_s == pytest.approx(inside_s + across_s, rel=1e-9)
    assert step.work.network_bytes == pytest.approx(1.5 * size / 4, rel=1e-12)
    assert step.work.link_bytes == pytest.approx(1.5 * size, rel=1e-12)


def test_tensor_parallel_ranks_fill_the_server_first(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """Four tensor-parallel ranks take a server of four, so replicas meet across servers only, each with its quarter."""
    step, _ = gradients(ideal, one_device, eight_layers, NETWORK, data=8, tensor=4, batch_sequences=8)
    size = 2.0 * tf.parameter_count(eight_layers) / 4
    assert step.work.network_bytes == pytest.approx(2 * 7 / 8 * size, rel=1e-12)


@given(st.sampled_from([2, 3, 4, 8, 12, 32]), st.sampled_from([1, 2, 4]))
def test_reduction_moves_the_bytes_of_one_ring_however_it_is_spread(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer, data: int, group: int
) -> None:
    network = replace(NETWORK, group=group)
    step, _ = gradients(ideal, one_device, eight_layers, network, data=data, batch_sequences=data)
    size = 2.0 * tf.parameter_count(eight_layers)
    sent = step.work.link_bytes + step.work.network_bytes
    assert sent == pytest.approx(traffic_bytes("all_reduce", size, data), rel=1e-12)
    assert (step.work.network_bytes > 0.0) == (data > group)


def test_the_backward_pass_of_the_last_microbatch_hides_reduction(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """Backward is two thirds of a microbatch; at an overlap of a half, a third of it hides that much, never more."""
    half = {"data": 4, "batch_sequences": 16, "data_overlap": 0.5}
    step, free = gradients(ideal, one_device, eight_layers, NETWORK, **half)
    ring_s = 13e-6 + 1.5 * 2.0 * tf.parameter_count(eight_layers) / 100e9
    microbatch_s = free.time_s / 4
    assert ring_s > microbatch_s / 3
    assert step.work.exposed_s == pytest.approx(ring_s - microbatch_s / 3, rel=1e-9)
    fast = Network(Link(0.0, 0.0, 1e13), ACROSS, 4)
    hidden, free = gradients(ideal, one_device, eight_layers, fast, **half)
    assert hidden.time_s == free.time_s
    assert hidden.work.link_bytes == step.work.link_bytes


def test_frozen_weights_reduce_adapters_only(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    step, _ = gradients(ideal, one_device, eight_layers, NETWORK, data=4, batch_sequences=4, lora_rank=2)
    assert step.work.link_bytes == pytest.approx(1.5 * 2 * 8 * 2 * 4608, rel=1e-12)


def test_stages_send_activations_and_gradients_to_their_neighbours(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """Between four stages are three borders; each passes a microbatch forward and its gradient back."""
    plan = replace(one_device, pipeline=4, batch_sequences=10)
    step = training_step(eight_layers, plan, ideal, NETWORK, BF16)
    assert 4 * step.work.network_bytes == pytest.approx(3 * 10 * 2 * ACTIVATIONS, rel=1e-12)
    quiet = training_step(eight_layers, plan, ideal, Network(FREE, FREE, 4), BF16)
    # Every microbatch of the 10 + 3 that pass the slowest stage waits for one message each way.
    hop_s = 2 * (32e-6 + ACTIVATIONS / 10e9)
    assert step.time_s - quiet.time_s == pytest.approx(13 * hop_s, rel=1e-9)
    interleaved = training_step(eight_layers, replace(plan, interleave=2), ideal, NETWORK, BF16)
    # Two chunks per stage: seven borders.
    assert 4 * interleaved.work.network_bytes == pytest.approx(7 * 10 * 2 * ACTIVATIONS, rel=1e-12)
    shared = training_step(eight_layers, replace(plan, tensor=2), ideal, Network(FREE, ACROSS, 8), BF16)
    assert shared.work.network_bytes == pytest.approx(step.work.network_bytes / 2, rel=1e-12)


@pytest.mark.parametrize(("context", "outside"), [(2, False), (4, False), (8, True)])
def test_context_parallel_ranks_pass_keys_and_values_around(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer, context: int, outside: bool
) -> None:
    """A rank sees all 256 keys and values of 2 x 256 channels: forward once, backward twice; gradients come on top."""
    step = training_step(eight_layers, replace(one_device, context=context), ideal, NETWORK, BF16)
    ring = 3 * 8 * (context - 1) / context * 256 * 2 * 256 * 2
    size = 2.0 * tf.parameter_count(eight_layers)
    inner = min(context, 4)
    across = traffic_bytes("all_reduce", size / inner, context // inner)
    inside = traffic_bytes("all_reduce", size, context) - across
    expected = (inside, across + ring) if outside else (inside + ring, across)
    assert (step.work.link_bytes, step.work.network_bytes) == pytest.approx(expected, rel=1e-12)


def test_attention_hides_the_ring_of_keys_and_values(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """Long sequences compute longer than they send: squared against linear (Liu et al. 2023, arXiv:2310.01889)."""
    network = Network(Link(0.0, 0.0, 100e9), ACROSS, 4)
    quiet = Network(FREE, ACROSS, 4)
    for tokens, exposed in ((256, True), (65_536, False)):
        plan = replace(one_device, context=2, sequence_tokens=tokens, data_overlap=0.0, lora_rank=1)
        step = training_step(eight_layers, plan, ideal, network, BF16)
        adapters_s = traffic_bytes("all_reduce", 2 * 8 * 4608, 2) / 100e9
        waited_s = step.time_s - training_step(eight_layers, plan, ideal, quiet, BF16).time_s
        assert (waited_s > adapters_s * (1 + 1e-6)) == exposed
