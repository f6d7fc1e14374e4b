"""Operations and bytes of each kernel family, exact for its shape; the kernels are checked against them.

A multiply-add is two operations. Traffic is what has to cross device memory once: every operand read, every result
written, nothing twice; of decode attention the cache alone (see `calibration.amounts`). Softmax, exponentials and
norms are not counted as operations, as in `simulator.physics.transformer`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from calibration import amounts
from calibration.amounts import product
from simulator.physics import transformer as tf

VALUE_BYTES: Final[dict[str, float]] = {"fp32": 4.0, "tf32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0}
"""Bytes of an operand, by number format; tf32 is stored in 32 bits and rounded inside the unit."""

RESULT_BYTES: Final[dict[str, float]] = {"fp32": 4.0, "tf32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 2.0}
"""Bytes of a result; products of fp8 are written in bf16."""

LAYER_LAUNCHES: Final = 17
"""Kernels of one decoder layer without attention: 4 products, 2 norms, 2 residual sums, 7 of rotary positions, 2 of
the activation function (see `calibration.measuring.decoder_layer`)."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one repetition does (see `calibration.windows.Window`)."""

    flop: float = 0.0
    traffic_bytes: float = 0.0
    weight_bytes: float = 0.0
    elementwise_bytes: float = 0.0
    launches: int = 1

    def __add__(self, other: Work) -> Work:
        return Work(
            self.flop + other.flop,
            self.traffic_bytes + other.traffic_bytes,
            self.weight_bytes + other.weight_bytes,
            self.elementwise_bytes + other.elementwise_bytes,
            self.launches + other.launches,
        )

    def times(self, count: int) -> Work:
        """Return the work done `count` times."""
        return Work(
            self.flop * count,
            self.traffic_bytes * count,
            self.weight_bytes * count,
            self.elementwise_bytes * count,
            self.launches * count,
        )


NOTHING: Final = Work(launches=0)
"""The work of an idle window."""


def gemm(m: int, n: int, k: int, number_format: str) -> Work:
    """Return the work of C[m, n] = A[m, k] B[k, n], with B the weights.

    >>> gemm(2, 3, 4, "bf16")
    Work(flop=48.0, traffic_bytes=52.0, weight_bytes=24.0, elementwise_bytes=0.0, launches=1)
    """
    value, result = VALUE_BYTES[number_format], RESULT_BYTES[number_format]
    done = product(float(m), float(n), float(k), (value, value, result))
    return Work(done.flop, done.traffic_bytes, value * k * n)


def copy(values: int, value_bytes: float) -> Work:
    """Return the work of b = a over `values` elements: one read and one write.

    >>> copy(10, 4.0).traffic_bytes
    80.0
    """
    return Work(traffic_bytes=2.0 * values * value_bytes)


def triad(values: int, value_bytes: float) -> Work:
    """Return the work of a = b + s c over `values` elements: two reads, one write, a multiply-add (STREAM's triad).

    >>> triad(10, 4.0)
    Work(flop=20.0, traffic_bytes=120.0, weight_bytes=0.0, elementwise_bytes=0.0, launches=1)
    """
    return Work(flop=2.0 * values, traffic_bytes=3.0 * values * value_bytes)


def decode_attention(
    batch: int, query_heads: int, kv_heads: int, head_size: int, context_tokens: int, value_bytes: float
) -> Work:
    """Return the work of one new token per sequence that attends to `context_tokens` cached ones.

    >>> decode_attention(1, 8, 2, 64, 100, 2.0)
    Work(flop=204800.0, traffic_bytes=51200.0, weight_bytes=0.0, elementwise_bytes=0.0, launches=1)
    """
    done = amounts.decode_attention(
        _attention(batch, query_heads, kv_heads, head_size, (1, context_tokens), value_bytes)
    )
    return Work(float(done.flop), float(done.traffic_bytes))


def prefill_attention(
    batch: int, query_heads: int, kv_heads: int, head_size: int, tokens: int, value_bytes: float
) -> Work:
    """Return the work of causal attention of whole prompts: s (s + 1) / 2 query-key pairs per head and sequence.

    >>> prefill_attention(1, 1, 1, 64, 3, 2.0)
    Work(flop=1536.0, traffic_bytes=1536.0, weight_bytes=0.0, elementwise_bytes=0.0, launches=1)
    """
    done = amounts.prefill_attention(_attention(batch, query_heads, kv_heads, head_size, (tokens, 0), value_bytes))
    return Work(float(done.flop), float(done.traffic_bytes))


def _attention(
    batch: int, query_heads: int, kv_heads: int, head_size: int, new_and_cached: tuple[int, int], value_bytes: float
) -> amounts.AttentionShape[float]:
    new, cached = new_and_cached
    return amounts.AttentionShape(
        float(batch), float(query_heads), float(kv_heads), float(head_size), float(new), float(cached), math.inf,
        value_bytes, value_bytes,
    )  # fmt: skip


def elementwise(shape: tf.Transformer, tokens: int, value_bytes: float) -> Work:
    """Return the work of a layer's norms, residuals, rotary positions and activation, counted as the simulator does."""
    moved = tf.elementwise_values_per_token(shape) * tokens * value_bytes
    return Work(traffic_bytes=moved, elementwise_bytes=moved, launches=LAYER_LAUNCHES - 4)


def layer_products(shape: tf.Transformer, tokens: int, number_format: str) -> Work:
    """Return the four products of a layer: query, key and value together, output, gate and up together, down."""
    hidden, inner = shape.hidden_size, shape.ffn_size
    products = (
        gemm(tokens, shape.qkv_size, hidden, number_format),
        gemm(tokens, hidden, shape.query_size, number_format),
        gemm(tokens, (shape.ffn_matrices - 1) * inner, hidden, number_format),
        gemm(tokens, hidden, inner, number_format),
    )
    total = NOTHING
    for part in products:
        total += part
    return total


def layer(shape: tf.Transformer, tokens: int, number_format: str) -> Work:
    """Return the work of one decoder layer without attention.

    Traffic is weights and elementwise values, as in `simulator.physics.inference`: operands and results of the
    products are the values that the elementwise work is counted to move.
    """
    products = layer_products(shape, tokens, number_format)
    values = elementwise(shape, tokens, RESULT_BYTES[number_format])
    return Work(
        products.flop,
        products.weight_bytes + values.traffic_bytes,
        products.weight_bytes,
        values.traffic_bytes,
        LAYER_LAUNCHES,
    )
