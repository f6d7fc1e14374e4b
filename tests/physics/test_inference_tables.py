"""Tables of a serving iteration, by hand for Llama 3 8B on devices without losses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulator.physics import transformer as tf
from simulator.physics.accelerator import Accelerator
from simulator.physics.inference import InferenceModel, inference_model, peak_activation_bytes
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS
from simulator.physics.transformer import Transformer
from simulator.profiles import catalogue

LAYER_WEIGHTS = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336
HEAD_WEIGHTS = 4096 * 128256


@pytest.fixture(scope="session")
def llama() -> Transformer:
    return catalogue.model("llama-3-8b", Path()).record.transformer()


def built(model: Transformer, accelerator: Accelerator, tensor: int, precision: str = "bf16") -> InferenceModel:
    return inference_model(model, accelerator, tensor, PRECISIONS[precision], 2.0, 64, 16)


@pytest.fixture(scope="session")
def terabyte(ideal: Accelerator) -> Accelerator:
    """100 Tflop/s and 1 TB/s, links of 100 GB/s that start in 10 us and take 1 us per further rank."""
    return replace(ideal, bandwidth_bytes_per_s=1e12, link=Link(10e-6, 1e-6, 100e9))


@pytest.mark.parametrize("tensor", [1, 2, 8])
def test_products_of_one_iteration(llama: Transformer, terabyte: Accelerator, tensor: int) -> None:
    table = built(llama, terabyte, tensor).tokens
    tokens = np.arange(65)
    assert table.flop == pytest.approx(tokens * 2 * 32 * LAYER_WEIGHTS / tensor, rel=1e-12)
    assert table.gemm_compute_s == pytest.approx(table.flop / 100e12, rel=1e-12)
    weights_s = 32 * LAYER_WEIGHTS * 2 / 1e12 / tensor
    assert table.gemm_memory_s[1:] == pytest.approx(weights_s, rel=1e-12)
    # 2 operations per weight of 2 bytes, and a ridge of 100 operations per byte: 64 tokens stay memory-bound.
    assert table.gemm_s[1:] == pytest.approx(weights_s, rel=1e-12)


def test_nothing_costs_nothing(llama: Transformer, terabyte: Accelerator) -> None:
    model = built(llama, terabyte, 2)
    tables = (model.tokens, model.head)
    arrays = [getattr(table, name) for table in tables for name in table.__dataclass_fields__ if name != "ranks"]
    assert [array[0] for array in arrays] == [0.0] * 10
    assert model.tokens.ranks is None


def test_quantized_weights_shorten_reading_but_not_the_output_matrix(llama: Transformer, terabyte: Accelerator) -> None:
    wide, narrow = built(llama, terabyte, 1), built(llama, terabyte, 1, "fp8")
    assert narrow.tokens.gemm_memory_s[1:] == pytest.approx(wide.tokens.gemm_memory_s[1:] / 2, rel=1e-12)
    assert narrow.head.time_s == pytest.approx(wide.head.time_s, rel=1e-12)
    assert narrow.weight_bytes == 8_030_261_248  # Meta's count of parameters, a byte each.
    # One row of logits: 2 bytes per weight, and 16 bytes of traffic for each of 128,256 logits.
    assert wide.head.time_s[1] == pytest.approx((2 * HEAD_WEIGHTS + 16 * 128256) / 1e12, rel=1e-12)
    assert wide.head.flop[3] == 3 * 2 * HEAD_WEIGHTS
    assert wide.head.traffic_bytes[3] == 2 * HEAD_WEIGHTS + 3 * 16 * 128256


def test_32_bit_output_matrix_is_read_in_32_bits(llama: Transformer, terabyte: Accelerator) -> None:
    assert built(llama, terabyte, 1, "fp32").head.traffic_bytes[1] == 4 * HEAD_WEIGHTS + 16 * 128256


@pytest.mark.parametrize("tensor", [2, 4, 8])
def test_two_all_reduces_per_layer(llama: Transformer, terabyte: Accelerator, tensor: int) -> None:
    """64 reductions of 4,096 channels of 2 bytes per token: 10 us + (p-1) us + 2 (p-1)/p x 8,192 n / 100e9 s each."""
    alone = built(llama, replace(terabyte, link=Link(0.0, 0.0, float("inf"))), tensor).tokens
    table = built(llama, terabyte, tensor).tokens
    tokens = np.arange(1, 65)
    sent = 64 * 2 * (tensor - 1) / tensor * 8192 * tokens
    assert table.link_bytes[1:] == pytest.approx(sent, rel=1e-12)
    expected = 64 * (10e-6 + (tensor - 1) * 1e-6) + sent / 100e9
    assert table.other_s[1:] - alone.other_s[1:] == pytest.approx(expected, rel=1e-9)


def test_one_device_sends_nothing(llama: Transformer, terabyte: Accelerator) -> None:
    assert not built(llama, terabyte, 1).tokens.link_bytes.any()


@pytest.mark.parametrize(("tensor", "key_heads"), [(1, 8), (4, 2), (8, 1), (16, 1), (32, 1)])
def test_key_heads_are_copied_once_ranks_outnumber_them(
    llama: Transformer, terabyte: Accelerator, tensor: int, key_heads: int
) -> None:
    """32 layers x 2 x 128 channels x 2 bytes per key head; query heads stay shared: 4 x 32 x 4,096 operations."""
    terms = built(llama, terabyte, tensor).attention
    assert terms.decode_bytes == terms.context_bytes == 32 * 2 * 128 * 2 * key_heads
    assert terms.decode_flop == terms.pair_flop == 4 * 32 * 4096 / tensor
    assert terms.decode_s == pytest.approx(terms.decode_bytes / 1e12, rel=1e-12)
    assert terms.pair_s == pytest.approx(terms.pair_flop / 100e12, rel=1e-12)
    # Queries are read and outputs written: 32 layers x 2 x 4,096 channels of 2 bytes.
    assert terms.chunk_bytes == 32 * 2 * 4096 * 2 / tensor
    assert terms.chunk_s == pytest.approx(terms.chunk_bytes / 1e12, rel=1e-12)
    assert terms.context_s == pytest.approx(terms.context_bytes / 1e12, rel=1e-12)


def test_overheads_count_layers_and_heads(llama: Transformer, terabyte: Accelerator) -> None:
    slow = replace(
        terabyte,
        gemm=replace(terabyte.gemm, layer_overhead_s=30e-6),
        attention=replace(terabyte.attention, call_overhead_s=9e-6, sequence_head_overhead_s=3e-9),
    )
    model, ideal = built(llama, slow, 4), built(llama, terabyte, 4)
    assert (model.tokens.other_s - ideal.tokens.other_s)[1:] == pytest.approx(32 * 30e-6, rel=1e-9)
    assert model.attention.call_s == pytest.approx(32 * 9e-6, rel=1e-12)
    # Per sequence: 32 layers x 32 heads / 4 ranks.
    assert model.attention.sequence_s == pytest.approx(32 * 3e-9 * 32 / 4, rel=1e-12)


def test_peak_activations_by_hand(llama: Transformer) -> None:
    """8,192 tokens x 2 bytes x (2 x 4,096 + 3 x 14,336 / 2 channels) and 256 rows of 128,256 logits of 24 bytes / 2."""
    expected = 8192 * 2 * (2 * 4096 + 3 * 14336 / 2) + 256 * 128256 * 24 / 2
    assert peak_activation_bytes(llama, 2, 8192, 256) == expected
    # Two of eight experts keep two gates and two inner results each, and one product at a time.
    mixtral = catalogue.model("mixtral-8x7b", Path()).record.transformer()
    assert peak_activation_bytes(mixtral, 1, 100, 1) == 100 * 2 * (2 * 4096 + 5 * 14336) + 24 * 32000


def test_a_recorded_engine_kept_as_much_memory_free(llama: Transformer) -> None:
    """vLLM 0.19 on an RTX 4090 of 25.25 GB found 2,588 blocks of 16 tokens (LLMServingSim's recorded run, MIT)."""
    weights = tf.weight_bytes(llama, 2.0)
    free = 0.9 * 25_250_627_584 - weights - peak_activation_bytes(llama, 1, 2048, 256)
    assert free // (16 * tf.kv_bytes_per_token(llama, 2.0)) == pytest.approx(2588, rel=0.05)
