"""Weights sharded over data-parallel ranks (ZeRO stage 3): what they exchange and what they hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.physics.accelerator import Accelerator
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS
from simulator.physics.training import training_step
from simulator.physics.training_plan import Network, TrainingPlan, memory_need_bytes
from simulator.physics.transformer import Transformer, parameter_count

BF16 = PRECISIONS["bf16"]
SLOW = Link(startup_s=0.0, rank_s=0.0, bandwidth_bytes_per_s=1e9)
NETWORK = Network(SLOW, SLOW, 8)


def test_exchange_is_three_halves_of_an_all_reduce(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """Rajbhandari et al. 2020, section 7: 3 Psi elements against 2 Psi, in each microbatch."""
    plain = replace(one_device, data=8, batch_sequences=8, shard_optimizer=True)
    steps = [
        training_step(eight_layers, plan, ideal, NETWORK, BF16) for plan in (plain, replace(plain, shard_weights=True))
    ]
    sent = [step.work.link_bytes for step in steps]
    assert sent[1] / sent[0] == pytest.approx(1.5, rel=1e-3)
    assert steps[1].work.exposed_s == pytest.approx(1.5 * steps[0].work.exposed_s, rel=1e-3)


def test_prefetching_hides_the_exchange_behind_the_layers(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    plan = replace(one_device, data=8, batch_sequences=8, shard_optimizer=True, shard_weights=True)
    open_s = training_step(eight_layers, plan, ideal, NETWORK, BF16)
    hidden = training_step(eight_layers, replace(plan, data_overlap=1.0), ideal, NETWORK, BF16)
    assert open_s.work.exposed_s - hidden.work.exposed_s == pytest.approx(hidden.work.compute_s, rel=1e-3)
    fast = Network(*[replace(SLOW, bandwidth_bytes_per_s=1e15)] * 2, 8)
    assert training_step(eight_layers, replace(plan, data_overlap=1.0), ideal, fast, BF16).work.exposed_s == 0.0


def test_memory_is_sixteen_bytes_over_the_ranks_and_two_layers(
    one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    """Rajbhandari et al. 2020: 16 Psi / N_d; two layers whole, with their gradients."""
    plan = replace(one_device, data=64, batch_sequences=64, recompute="full", shard_optimizer=True, shard_weights=True)
    need = memory_need_bytes(eight_layers, plan, BF16)
    weights = parameter_count(eight_layers)
    activations = 2.0 * 256 * 1024 * 8
    assert need == pytest.approx(16.0 * weights / 64 + 2.0 * 4.0 * weights / 8 + activations, rel=1e-6)


def test_alone_there_is_nothing_to_exchange(
    ideal: Accelerator, one_device: TrainingPlan, eight_layers: Transformer
) -> None:
    alone = replace(one_device, shard_optimizer=True, shard_weights=True)
    assert training_step(eight_layers, alone, ideal, NETWORK, BF16).work.exposed_s == 0.0
