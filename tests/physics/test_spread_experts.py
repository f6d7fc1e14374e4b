"""Experts spread over replicas: what each holds, reads and sends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.physics.accelerator import Accelerator
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS
from simulator.physics.training import training_step
from simulator.physics.training_plan import Network, TrainingPlan, held_parameters, memory_need_bytes
from simulator.physics.transformer import Transformer, expert_parameters, expert_weights, parameter_count

BF16 = PRECISIONS["bf16"]
SLOW = Link(startup_s=0.0, rank_s=0.0, bandwidth_bytes_per_s=1e9)
NETWORK = Network(SLOW, SLOW, 8)


@pytest.fixture(scope="module")
def sparse(eight_layers: Transformer) -> Transformer:
    """Sixteen experts, two for each token."""
    return replace(eight_layers, experts=16, experts_per_token=2)


def test_a_rank_holds_its_share_of_the_experts_and_all_of_the_rest(
    sparse: Transformer, one_device: TrainingPlan
) -> None:
    plan = replace(one_device, data=8, batch_sequences=8)
    rest = parameter_count(sparse) - expert_parameters(sparse)
    assert held_parameters(sparse, plan) == parameter_count(sparse)
    assert held_parameters(sparse, replace(plan, expert=8)) == pytest.approx(rest + expert_parameters(sparse) / 8)
    # 2 bytes of weight, 2 of gradient, 12 of optimizer: spread experts save fifteen sixteenths of an eighth each.
    saved = memory_need_bytes(sparse, plan, BF16) - memory_need_bytes(sparse, replace(plan, expert=8), BF16)
    assert saved == pytest.approx(16.0 * expert_parameters(sparse) * 7 / 8, rel=1e-9)


def test_sharded_states_are_the_same_however_experts_are_spread(sparse: Transformer, one_device: TrainingPlan) -> None:
    """ZeRO stage 1 divides 12 bytes by the replicas of a parameter: eight of all, or one of each expert."""
    plan = replace(one_device, data=8, batch_sequences=8, shard_optimizer=True)
    saved = memory_need_bytes(sparse, plan, BF16) - memory_need_bytes(sparse, replace(plan, expert=8), BF16)
    assert saved == pytest.approx(4.0 * expert_parameters(sparse) * 7 / 8, rel=1e-9)


def test_tokens_go_to_their_experts_and_back_in_both_passes(
    ideal: Accelerator, sparse: Transformer, one_device: TrainingPlan
) -> None:
    """256 tokens, two copies, 1,024 channels of 2 bytes, 7/8 of them to others, four ways, in each of eight layers."""
    plan = replace(one_device, data=8, batch_sequences=8)
    plain, spread = (training_step(sparse, replace(plan, expert=expert), ideal, NETWORK, BF16) for expert in (1, 8))
    tokens_bytes = 8 * 4.0 * 256 * 2 * 1024 * 2.0 * 7 / 8
    fewer_gradients = 2.0 * 7 / 8 * 2.0 * expert_parameters(sparse) * 7 / 8
    assert spread.work.link_bytes - plain.work.link_bytes == pytest.approx(tokens_bytes - fewer_gradients, rel=1e-9)
    assert spread.work.flop == plain.work.flop, "spreading moves tokens, and saves no operation"


def test_a_rank_reads_few_experts_for_the_tokens_of_all(
    ideal: Accelerator, sparse: Transformer, one_device: TrainingPlan
) -> None:
    """2,048 tokens touch every expert; a rank reads its two of sixteen, three times, instead of all."""
    plan = replace(one_device, data=8, batch_sequences=8)
    plain, spread = (training_step(sparse, replace(plan, expert=expert), ideal, NETWORK, BF16) for expert in (1, 8))
    read = 3.0 * 8 * expert_weights(sparse) * 2.0
    states = 30.0 * expert_parameters(sparse) * 7 / 8
    assert plain.work.memory_bytes - spread.work.memory_bytes == pytest.approx(read * 14 + states, rel=1e-6)
