"""Experts spread over ranks: coverage, unevenness and exchanged bytes against drawing the routing at random."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulator.physics.accelerator import Accelerator
from simulator.physics.expert_routing import copies_per_token, routed_tokens, touched_experts
from simulator.physics.inference import inference_model, rank_weight_bytes
from simulator.physics.links import collective_time_s
from simulator.physics.precision import PRECISIONS
from simulator.physics.serving_plan import ServingPlan
from simulator.physics.transformer import Transformer, parameter_count
from simulator.profiles import catalogue

SHAPES = [("gpt-oss-120b", 1), ("gpt-oss-120b", 4), ("qwen3-30b-a3b", 8), ("minimax-m2", 4), ("deepseek-v3", 8)]
BATCHES = (1, 2, 8, 32, 256, 2048)


@pytest.fixture
def h100() -> Accelerator:
    return catalogue.accelerator("h100-sxm-80gb", Path()).record.rates("bf16")


def model(name: str) -> Transformer:
    return catalogue.model(name, Path()).record.transformer()


def routed(shape: Transformer, tokens: int, rng: np.random.Generator) -> np.ndarray:
    """Return the experts of each token, drawn without replacement."""
    return np.argsort(rng.random((tokens, shape.experts)), axis=1)[:, : shape.experts_per_token]


@pytest.mark.parametrize(("name", "ranks"), SHAPES)
def test_coverage_and_load_of_the_fullest_rank(name: str, ranks: int) -> None:
    """128 experts with 4 or 8 of a token, and 256 with 8, from a single decode token to a chunk of a prompt."""
    shape, rng = model(name), np.random.default_rng(7)
    mean_touched, most_touched = touched_experts(shape, np.array(BATCHES, dtype=float), ranks)
    mean_load, most_load = routed_tokens(shape, np.array(BATCHES, dtype=float), ranks)
    held = shape.experts // ranks
    for place, tokens in enumerate(BATCHES):
        draws = [routed(shape, tokens, rng) for _ in range(300 if tokens < 100 else 20)]
        touched = [[len(np.unique(e[e // held == rank])) for rank in range(ranks)] for e in draws]
        load = [np.bincount(e.ravel() // held, minlength=ranks) for e in draws]
        assert mean_touched[place] == pytest.approx(np.mean(touched), rel=0.06)
        assert mean_load[place] == pytest.approx(np.mean(load), rel=1e-12)
        # A single token's handful of experts is no normal variable.
        error = 0.12 if tokens < 8 else 0.06
        assert most_touched[place] == pytest.approx(np.mean(np.max(touched, axis=1)), rel=error)
        assert most_load[place] == pytest.approx(np.mean(np.max(load, axis=1)), rel=error)


@pytest.mark.parametrize(("name", "ranks"), [shape for shape in SHAPES if shape[1] > 1])
def test_a_token_is_sent_to_each_rank_that_holds_one_of_its_experts(name: str, ranks: int) -> None:
    shape = model(name)
    held = shape.experts // ranks
    chosen = routed(shape, 20_000, np.random.default_rng(1)) // held
    reached = np.mean([len(set(row)) for row in chosen])
    assert copies_per_token(shape, ranks, 1) == pytest.approx(reached, rel=0.01)
    assert copies_per_token(shape, ranks, 2) == 2.0 * copies_per_token(shape, ranks, 1)


def test_weights_of_the_ranks_are_those_of_the_model_and_its_copies() -> None:
    """DeepSeek-V3 in fp8 over 8 accelerators: experts once, attention as often as there are groups."""
    shape, fp8 = model("deepseek-v3"), PRECISIONS["fp8"]
    tensor = rank_weight_bytes(shape, fp8, ServingPlan(8, 1, 8))
    assert 8 * tensor == pytest.approx(parameter_count(shape), rel=1e-12)
    assert rank_weight_bytes(shape, fp8, ServingPlan(8)) == tensor
    groups = rank_weight_bytes(shape, fp8, ServingPlan(1, 8, 8))
    experts = 58 * 256 * 3 * 7168 * 2048
    rest = parameter_count(shape) - experts
    assert groups == pytest.approx(experts / 8 + rest, rel=1e-12)


def test_only_experts_are_stored_in_four_bits() -> None:
    """gpt-oss-120b is 65 GB as published (60.8 GiB): 114.7 B parameters at 4.25 bits, 2.1 B at 16."""
    total = rank_weight_bytes(model("gpt-oss-120b"), PRECISIONS["mxfp4"], ServingPlan(1))
    assert total / 2**30 == pytest.approx(60.8, rel=0.01)


def test_data_parallel_attention_exchanges_what_its_tokens_ask_for(h100: Accelerator) -> None:
    """Dispatch and combine of one layer by hand, over 4 accelerators with one group each."""
    shape = replace(model("qwen3-30b-a3b"), layers=1)
    link = h100.link
    built = inference_model(shape, h100, ServingPlan(1, 4, 4), PRECISIONS["bf16"], 2.0, 64, 16).tokens
    copies = copies_per_token(shape, 4, 1)
    buffer = 16 * 2048 * 2 * copies
    assert built.link_bytes[64] == pytest.approx(2 * 0.75 * buffer, rel=1e-12)
    alone = inference_model(shape, h100, ServingPlan(1, 1, 1), PRECISIONS["bf16"], 2.0, 64, 16).tokens
    mean, most = routed_tokens(shape, np.array([64.0]), 4)
    expected_s = 2 * collective_time_s("all_to_all", buffer * float(most[0] / mean[0]), 4, link)
    assert built.other_s[64] - alone.other_s[16] == pytest.approx(expected_s, rel=1e-9)


def test_groups_share_the_work_of_attention_and_of_experts(h100: Accelerator) -> None:
    """What four accelerators do in all is what one does, but for weights of attention, which each reads."""
    shape = model("qwen3-30b-a3b")
    one = inference_model(shape, h100, 1, PRECISIONS["bf16"], 2.0, 64, 16)
    four = inference_model(shape, h100, ServingPlan(1, 4, 4), PRECISIONS["bf16"], 2.0, 64, 16)
    assert 4 * four.tokens.flop == pytest.approx(one.tokens.flop, rel=1e-12)
    assert 4 * four.head.flop == pytest.approx(one.head.flop, rel=1e-12)
    for name in ("decode_flop", "decode_bytes", "pair_flop", "chunk_bytes", "context_bytes", "sequence_s"):
        assert 4 * getattr(four.attention, name) == pytest.approx(getattr(one.attention, name), rel=1e-12)
    assert four.cached_bytes == pytest.approx(one.cached_bytes, rel=1e-12)
    # The group with a whole chunk does four times the mean; evenly spread chunks do the mean.
    assert four.unevenness(16, 16) == 4.0
    assert four.unevenness(64, 16) == 1.0
    assert one.unevenness(16, 16) == 1.0


def test_one_group_with_all_tokens_is_slower_than_even_groups(h100: Accelerator) -> None:
    built = inference_model(model("qwen3-30b-a3b"), h100, ServingPlan(1, 4, 4), PRECISIONS["bf16"], 2.0, 64, 16)
    even = built.uneven_products_s(0, 64, 16)
    uneven = built.uneven_products_s(0, 64, 64)
    assert even is not None
    assert uneven is not None
    assert even == pytest.approx(
        (built.tokens.gemm_compute_s[64], built.tokens.gemm_memory_s[64], built.tokens.other_s[64]), rel=1e-12
    )
    assert uneven[0] > even[0]
    assert uneven[1] == pytest.approx(even[1], rel=1e-12)
