"""Operations and memory that training needs, by hand and against published counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import transformer as tf
from simulator.physics.precision import PRECISIONS
from simulator.physics.training_plan import TrainingPlan, adapter_weights, memory_need_bytes, step_model_flop
from simulator.physics.transformer import Transformer
from simulator.profiles import catalogue

BF16 = PRECISIONS["bf16"]

TINY = Transformer("decoder", 2, 4, 2, 1, 2, 8, True, 10, False)
"""388 parameters: 2 x (48 of attention + 96 of the block + 8 of norms) + 40 + 40 + 4."""


def shipped(name: str) -> Transformer:
    return catalogue.model(name, Path()).record.transformer()


# --- operations


def test_gpt3_takes_the_published_operations(one_device: TrainingPlan) -> None:
    """Brown et al. 2020: 3.14e23 for 300 billion tokens, counted as 6 N; attention adds 1.4 % at 2,048 tokens."""
    plan = replace(one_device, sequence_tokens=2048, batch_sequences=1000)
    per_token = step_model_flop(shipped("gpt3-175b"), plan) / (1000 * 2048)
    assert per_token * 300e9 == pytest.approx(3.14e23, rel=0.03)
    # Attention by hand: 3 passes x 4 x 96 layers x 12,288 channels x 2,049 / 2 keys.
    assert per_token == pytest.approx(6 * 174.6e9 + 3 * 4 * 96 * 12288 * 1024.5, rel=2e-3)  # N in four digits.


@pytest.mark.parametrize("name", ["llama-2-7b", "llama-2-70b", "llama-3.1-405b"])
def test_a_decoder_takes_six_operations_per_weight_and_token(name: str, one_device: TrainingPlan) -> None:
    """Kaplan et al. 2020 (arXiv:2001.08361): 6 N D; a short sequence keeps attention below 1 %.

    N counts the input embedding, which only looks up: up to 2 % of Llama 2 7B.
    """
    model, plan = shipped(name), replace(one_device, sequence_tokens=128)
    assert step_model_flop(model, plan) / 128 == pytest.approx(6.0 * tf.parameter_count(model), rel=0.025)


@pytest.mark.parametrize("name", ["llama-2-7b", "llama-2-70b"])
def test_frozen_weights_take_four(name: str, one_device: TrainingPlan) -> None:
    """Forward 2 N and gradients of the inputs 2 N; no gradients of the weights. Adapters of rank 16 add 0.2 %."""
    model, plan = shipped(name), replace(one_device, sequence_tokens=128, lora_rank=16)
    assert step_model_flop(model, plan) / 128 == pytest.approx(4.0 * tf.parameter_count(model), rel=0.025)


def test_frozen_weights_spare_no_attention(one_device: TrainingPlan) -> None:
    """Scores and values have no weights: their backward pass costs two forward passes, frozen or not."""
    plan = replace(one_device, sequence_tokens=100, batch_sequences=3)
    lora = step_model_flop(TINY, replace(plan, lora_rank=5))
    weights = 2 * (48 + 96) + 40
    pairs = 3 * 100 * 101 / 2
    adapters = 2 * 5 * (4 + 8 + 4 + 4)
    assert step_model_flop(TINY, plan) == 3 * (2 * 300 * weights + 4 * 2 * 4 * pairs)
    assert lora == 2 * 2 * 300 * weights + 3 * 4 * 2 * 4 * pairs + 6 * 300 * adapters


def test_adapters_of_llama_by_hand() -> None:
    """Rank 16 on q, k, v and o of Llama 2 7B: 16 x (4,096 in + 3 x 4,096 out + 4,096 in + 4,096 out) per layer.

    Sharing the input of q, k and v makes one fused pair of three; as four pairs it would be 16 x 8 x 4,096.
    """
    assert adapter_weights(shipped("llama-2-7b"), 16) == 16 * (4096 + 3 * 4096 + 4096 + 4096)


def test_bert_predicts_masked_tokens_only(one_device: TrainingPlan) -> None:
    """Devlin et al. 2018: 15 % of the tokens; layers and attention of all, here BERT large at 512 tokens."""
    plan = replace(one_device, sequence_tokens=512)
    expected = 3 * (603_979_776 + 24 * 4 * 1024 * 512 + 0.15 * 2 * 1024 * 30522)
    assert step_model_flop(shipped("bert-large"), plan) / 512 == pytest.approx(expected, rel=1e-12)


@given(st.integers(1, 64), st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4, 8]))
def test_operations_do_not_depend_on_the_spread(data: int, tensor: int, pipeline: int) -> None:
    plan = TrainingPlan(1, 1, 1, 1, 1, 256, 64, 1, None, "none", False, 0.0, 0.0, 1.0, 0.0)
    spread = replace(plan, data=data, tensor=tensor, pipeline=pipeline, recompute="full")
    assert step_model_flop(TINY, spread) == step_model_flop(TINY, plan)
    assert spread.accelerators == data * tensor * pipeline


# --- memory


def test_memory_of_a_tiny_model_by_hand(one_device: TrainingPlan) -> None:
    """388 parameters x (2 weight + 2 gradient + 12 Adam) bytes, and the activations of 256 tokens in two layers.

    Per token and layer: norms 16, attention 8 + 2 x 8 + 2 x 4 + 4, block 8 + 2 x 24 + 4 bytes.
    """
    activations = 256 * 2 * (16 + 8 + 16 + 8 + 4 + 8 + 48 + 4)
    assert memory_need_bytes(TINY, one_device, BF16) == 388 * 16 + activations
    # Recomputation keeps the input of each layer: 4 channels of 2 bytes.
    assert memory_need_bytes(TINY, replace(one_device, recompute="full"), BF16) == 388 * 16 + 256 * 2 * 8
    # A wider microbatch keeps more, a larger batch of microbatches does not.
    wide = replace(one_device, batch_sequences=8, microbatch_sequences=4)
    assert memory_need_bytes(TINY, wide, BF16) == 388 * 16 + 4 * activations


def test_sharded_optimizer_of_the_paper(one_device: TrainingPlan) -> None:
    """Rajbhandari et al. 2020, figure 1: 7.5 B parameters take 120 GB on each of 64 ranks, with stage 1 31.4 GB."""
    hidden = 4096
    model = Transformer("decoder", 37, hidden, 32, 32, 128, 4 * hidden, False, 1, True)
    count = tf.parameter_count(model)
    plan = replace(one_device, data=64, batch_sequences=64, sequence_tokens=1, recompute="full")
    whole = memory_need_bytes(model, plan, BF16) / count * 7.5
    sharded = memory_need_bytes(model, replace(plan, shard_optimizer=True), BF16) / count * 7.5
    assert whole == pytest.approx(120.0, abs=0.05)
    assert sharded == pytest.approx(31.4, abs=0.05)
    # Context-parallel ranks hold the same weights, so they share the optimizer as well.
    spread = replace(plan, data=16, context=4, shard_optimizer=True)
    assert memory_need_bytes(model, spread, BF16) / count * 7.5 == pytest.approx(31.4, abs=0.05)


def test_frozen_weights_need_no_gradients(one_device: TrainingPlan) -> None:
    plan = replace(one_device, lora_rank=3, recompute="full")
    adapters = 2 * 3 * (4 + 8 + 4 + 4)
    assert memory_need_bytes(TINY, plan, BF16) == 388 * 2 + adapters * (2 + 12) + 256 * 2 * 8


@pytest.mark.parametrize(
    ("stages", "chunks", "microbatches", "held"),
    [
        (1, 1, 8, 1),
        (4, 1, 8, 4),  # 1F1B: the first stage runs ahead by as many microbatches as there are stages.
        (4, 1, 3, 3),
        (4, 2, 8, 4 + 3 / 2),  # Interleaved: a share of 1 + (p - 1) / (p v) more.
        (4, 3, 8, 4 + 3 / 3),
        (4, 2, 4, 4),
    ],
)
def test_first_stage_holds_microbatches_in_flight(
    one_device: TrainingPlan, stages: int, chunks: int, microbatches: int, held: float
) -> None:
    """Narayanan et al. 2021 (arXiv:2104.04473), section 2.2; NVIDIA/Megatron-LM, theoretical_memory_usage.py."""
    model = replace(TINY, layers=12)
    plan = replace(one_device, pipeline=stages, interleave=chunks, batch_sequences=microbatches, recompute="full")
    states = tf.parameter_count(model) * 16 / stages
    assert plan.microbatches == microbatches
    assert memory_need_bytes(model, plan, BF16) - states == pytest.approx(held * 12 / stages * 256 * 8, rel=1e-12)


@given(st.sampled_from([2, 4, 8]), st.sampled_from(["none", "full"]))
def test_tensor_parallel_ranks_share_everything(tensor: int, recompute: str) -> None:
    plan = TrainingPlan(1, 1, 1, 1, 1, 256, 1, 1, None, "none", False, 0.0, 0.0, 1.0, 0.0)
    plan = replace(plan, recompute=recompute)  # type: ignore[arg-type]
    alone = memory_need_bytes(TINY, plan, BF16)
    assert memory_need_bytes(TINY, replace(plan, tensor=tensor), BF16) == pytest.approx(alone / tensor, rel=1e-12)


def test_context_parallel_ranks_share_activations_only(one_device: TrainingPlan) -> None:
    alone = memory_need_bytes(TINY, one_device, BF16)
    shared = memory_need_bytes(TINY, replace(one_device, context=4), BF16)
    assert shared - 388 * 16 == pytest.approx((alone - 388 * 16) / 4, rel=1e-12)
