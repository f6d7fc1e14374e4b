"""Operations and bytes of kernels: what a measured or published kernel does, from its shape.

Windows carry these amounts, so that kernels measured here and published elsewhere mean the same by them. All functions
take scalars or arrays of one shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Amounts(Generic[Number]):
    """What one repetition of a kernel does.

    Args:
        flop: operations, a multiply-add being two.
        traffic_bytes: device memory traffic without reuse in caches.
    """

    flop: Number
    traffic_bytes: Number


@dataclass(frozen=True, slots=True)
class AttentionShape(Generic[Number]):
    """Shape of an attention call.

    Args:
        sequences: sequences of the batch.
        query_heads: heads of the queries.
        kv_heads: heads of keys and values.
        head_size: channels of a head.
        new_tokens: query tokens of each sequence; 1 in decode.
        context_tokens: tokens of each sequence that were cached before.
        window_tokens: keys that a query may see, infinite for all before it.
        kv_value_bytes: bytes per value of the cache.
        value_bytes: bytes per value of queries and outputs.
    """

    sequences: Number
    query_heads: Number
    kv_heads: Number
    head_size: Number
    new_tokens: Number
    context_tokens: Number
    window_tokens: Number
    kv_value_bytes: Number
    value_bytes: Number


def product(m: Number, n: Number, k: Number, value_bytes: tuple[Number, Number, Number]) -> Amounts[Number]:
    """Return the amounts of C (m x n) = A (m x k) B (k x n).

    Args:
        m: rows.
        n: columns.
        k: inner size.
        value_bytes: bytes per value of A, B and C.

    >>> product(64.0, 4096.0, 4096.0, (2.0, 2.0, 2.0))
    Amounts(flop=2147483648.0, traffic_bytes=34603008.0)
    """
    left, right, result = value_bytes
    return Amounts(2.0 * m * n * k, left * m * k + right * k * n + result * m * n)


def decode_attention(shape: AttentionShape[Number]) -> Amounts[Number]:
    """Return the amounts of a decode call; traffic is that of the cache, beside which queries and outputs are nothing.

    >>> float(decode_attention(AttentionShape(8.0, 32.0, 8.0, 128.0, 1.0, 1024.0, np.inf, 2.0, 2.0)).traffic_bytes)
    33554432.0
    """
    seen: Number = np.minimum(shape.context_tokens, shape.window_tokens)
    cached = shape.sequences * seen
    return Amounts(
        4.0 * cached * shape.query_heads * shape.head_size,
        2.0 * cached * shape.kv_heads * shape.head_size * shape.kv_value_bytes,
    )


def prefill_attention(shape: AttentionShape[Number]) -> Amounts[Number]:
    """Return the amounts of a causal prefill call: pairs of a query and a key that it may see; all tensors once.

    >>> shape = AttentionShape(1.0, 32.0, 8.0, 128.0, 1024.0, 0.0, np.inf, 2.0, 2.0)
    >>> float(prefill_attention(shape).flop / (4 * 32 * 128)) == 1024 * 1025 / 2
    True
    """
    read: Number = shape.new_tokens + np.minimum(shape.context_tokens, shape.window_tokens)
    queries = 2.0 * shape.new_tokens * shape.query_heads * shape.value_bytes
    cache = 2.0 * read * shape.kv_heads * shape.kv_value_bytes
    pairs = visible_pairs(shape.new_tokens, shape.context_tokens, shape.window_tokens)
    return Amounts(
        4.0 * shape.sequences * shape.query_heads * shape.head_size * pairs,
        shape.sequences * shape.head_size * (queries + cache),
    )


def visible_pairs(new_tokens: Number, context_tokens: Number, window_tokens: Number) -> Number:
    """Return the query-key pairs of one sequence under a causal mask and a sliding window of keys.

    Query i (from 1) sees min(context + i, window) keys: the first ones see fewer than a window.

    >>> [float(visible_pairs(4.0, cached, window)) for cached, window in ((0.0, np.inf), (10.0, np.inf), (0.0, 2.0))]
    [10.0, 50.0, 7.0]
    """
    growing: Number = np.minimum(np.maximum(window_tokens - context_tokens, 0.0), new_tokens)
    limited = new_tokens - growing
    beyond: Number = limited * np.minimum(window_tokens, 1e18)
    return growing * context_tokens + growing * (growing + 1.0) / 2.0 + beyond
