"""Operations and bytes of every kernel, against sums over its loops and against the tensors that it really touches."""

from __future__ import annotations

import pytest
import torch

from calibration.measuring import work_counts as count
from calibration.measuring.decoder_layer import make_weights
from calibration.measuring.operands import Operands
from calibration.measuring.point_sets import gpu_points, processor_points
from calibration.measuring.points import STATES, work
from simulator.physics.transformer import Transformer

SHAPE = Transformer(
    kind="decoder", layers=1, hidden_size=48, heads=6, kv_heads=2, head_dim=8, ffn_size=80, gated=True, vocabulary=1,
    tied_embeddings=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("number_format", "value", "result"),
    [("fp32", 4, 4), ("tf32", 4, 4), ("bf16", 2, 2), ("fp16", 2, 2), ("fp8", 1, 2)],
)
def test_product(number_format: str, value: int, result: int) -> None:
    """An add and a multiply for each of m n k terms; A and B are read, C is written."""
    m, n, k = 7, 11, 13
    flop = sum(2 for _ in range(m) for _ in range(n) for _ in range(k))
    done = count.gemm(m, n, k, number_format)
    assert done.flop == flop
    assert done.traffic_bytes == value * (m * k + k * n) + result * m * n
    assert done.weight_bytes == value * k * n


@pytest.mark.parametrize(("tokens", "context"), [(1, 0), (5, 0), (17, 0)])
def test_prefill_attention_counts_pairs_below_the_diagonal(tokens: int, context: int) -> None:
    batch, heads, kv_heads, size = 3, 4, 2, 8
    pairs = sum(1 for query in range(tokens) for key in range(tokens) if key <= query)
    done = count.prefill_attention(batch, heads, kv_heads, size, tokens, 2.0)
    assert done.flop == batch * heads * pairs * (2 * size + 2 * size)
    queries_and_outputs = 2 * batch * heads * tokens * size
    keys_and_values = 2 * batch * kv_heads * tokens * size
    assert done.traffic_bytes == 2.0 * (queries_and_outputs + keys_and_values)


def test_decode_attention_reads_the_cache_once() -> None:
    batch, heads, kv_heads, size, context = 3, 8, 2, 16, 100
    cache = [torch.zeros(batch, kv_heads, context, size, dtype=torch.bfloat16) for _ in ("keys", "values")]
    done = count.decode_attention(batch, heads, kv_heads, size, context, 2.0)
    assert done.traffic_bytes == sum(part.nbytes for part in cache)
    assert done.flop == batch * heads * context * 4 * size


def test_streams() -> None:
    assert count.copy(1000, 4.0).traffic_bytes == 2 * torch.zeros(1000).nbytes
    triad = count.triad(1000, 4.0)
    assert (triad.traffic_bytes, triad.flop) == (3 * torch.zeros(1000).nbytes, 2000)


def test_weights_of_a_layer_are_those_of_its_tensors() -> None:
    made = make_weights(SHAPE, Operands(torch.device("cpu"), "normal", 1), torch.float32)
    products = (made.qkv, made.out, made.gate_up, made.down)
    done = count.layer(SHAPE, 5, "fp32")
    assert done.weight_bytes == sum(matrix.nbytes for matrix in products)
    assert done.flop == sum(2 * 5 * matrix.numel() for matrix in products)
    assert done.traffic_bytes == done.weight_bytes + done.elementwise_bytes


@pytest.mark.parametrize(
    "points", [gpu_points(50e6, "bf16"), processor_points(32e6, ("fp32", "bf16"))], ids=["gpu", "cpu"]
)
def test_every_point_of_a_plan_counts(points) -> None:
    assert len({point.name for point in points}) == len(points)
    for point in points:
        done = work(point)
        if point.family in STATES:
            assert done == count.NOTHING
        else:
            assert done.traffic_bytes > 0.0, point.name
            assert (done.flop > 0.0) == (point.family not in {"copy", "elementwise"}), point.name
