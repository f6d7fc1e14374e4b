"""The kernels of each family: for a point, the calls whose repetition is measured.

Where operands are to come from memory, several sets of them are used in turn, together larger than the last-level
cache; repeating over one set would measure the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch.nn import functional

from calibration.measuring import decoder_layer as decoder
from calibration.measuring.operands import DTYPES, Operands
from calibration.measuring.points import Point, need, operand_bytes

Call = Callable[[], object]

CACHES_TO_FILL: Final = 3.0
"""Size of all operand sets together, in last-level caches."""
MOST_SETS: Final = 64


def operand_sets(point: Point, cache_bytes: float) -> int:
    """Return how many sets of operands a point uses in turn."""
    if point.cached:
        return 1
    return min(max(math.ceil(CACHES_TO_FILL * cache_bytes / max(operand_bytes(point), 1.0)), 1), MOST_SETS)


def calls(point: Point, operands: Operands, sets: int) -> list[Call]:
    """Return one call for each set of operands; repetitions go round them.

    Args:
        point: what to run.
        operands: makes tensors on the device.
        sets: number of sets.
    """
    build = _BUILDERS[point.family]
    return [build(point, operands) for _ in range(sets)]


def product(operands: Operands, m: int, n: int, k: int, number_format: str) -> Call:
    """Return a call of C[m, n] = A[m, k] B[k, n]."""
    dtype = DTYPES[number_format]
    left = operands.make(m, k, dtype=dtype)
    if number_format == "fp8":
        # The unit wants the second operand stored by columns.
        right = operands.make(n, k, dtype=dtype).t()
        one = torch.ones((), dtype=torch.float32, device=operands.device)
        return lambda: torch._scaled_mm(
            left, right, scale_a=one, scale_b=one, out_dtype=torch.bfloat16, use_fast_accum=True
        )
    right = operands.make(k, n, dtype=dtype)
    result = torch.empty(m, n, dtype=dtype, device=operands.device)
    return lambda: torch.mm(left, right, out=result)


def _gemm(point: Point, operands: Operands) -> Call:
    return product(operands, need(point.m), need(point.n), need(point.k), point.number_format)


def _copy(point: Point, operands: Operands) -> Call:
    source = operands.make(need(point.values), dtype=torch.float32)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def _triad(point: Point, operands: Operands) -> Call:
    first = operands.make(need(point.values), dtype=torch.float32)
    second = operands.make(need(point.values), dtype=torch.float32)
    target = torch.empty_like(first)
    return lambda: torch.add(first, second, alpha=0.5, out=target)


def _in_turn(parts: list[Call]) -> Call:
    def run() -> None:
        for part in parts:
            part()

    return run


def _mixed(point: Point, operands: Operands) -> Call:
    return _in_turn([_gemm(point, operands), _copy(point, operands)])


def _tokens(point: Point, operands: Operands) -> tuple[torch.dtype, torch.Tensor, decoder.Rotary]:
    dtype, rows = DTYPES[point.number_format], need(point.m)
    x = operands.make(rows, need(point.hidden_size), dtype=dtype)
    rotary = decoder.make_rotary(torch.arange(rows, device=operands.device), need(point.head_size), dtype)
    return dtype, x, rotary


def _layer(point: Point, operands: Operands) -> Call:
    shape = point.shape()
    dtype, x, rotary = _tokens(point, operands)
    weights = decoder.make_weights(shape, operands, dtype)

    def run() -> None:
        queries, _, _ = decoder.projections(x, weights, shape, rotary)
        decoder.after_attention(x, queries.flatten(1), weights, shape)

    return run


def _elementwise(point: Point, operands: Operands) -> Call:
    shape = point.shape()
    dtype, x, rotary = _tokens(point, operands)
    rows = need(point.m)
    norm = torch.ones(shape.hidden_size, dtype=dtype, device=operands.device)
    heads = operands.make(rows, shape.heads + shape.kv_heads, shape.head_dim, dtype=dtype)
    added = operands.make(rows, shape.hidden_size, dtype=dtype)
    gate_up = operands.make(rows, 2 * shape.ffn_size, dtype=dtype)

    def run() -> None:
        functional.rms_norm(x, (shape.hidden_size,), norm)
        decoder.rotate(heads, rotary)
        residual = x + added
        functional.rms_norm(residual, (shape.hidden_size,), norm)
        gate, up = gate_up.chunk(2, dim=-1)
        functional.silu(gate) * up
        residual + added

    return run


def _decode_attention(point: Point, operands: Operands) -> Call:
    dtype, size = DTYPES[point.number_format], need(point.head_size)
    batch, context = need(point.batch), need(point.context_tokens)
    query = operands.make(batch, need(point.query_heads), 1, size, dtype=dtype)
    key = operands.make(batch, need(point.kv_heads), context, size, dtype=dtype)
    value = operands.make(batch, need(point.kv_heads), context, size, dtype=dtype)
    return lambda: decoder.attention(query, key, value, causal=False)


def _prefill_attention(point: Point, operands: Operands) -> Call:
    dtype, size = DTYPES[point.number_format], need(point.head_size)
    batch, tokens = need(point.batch), need(point.m)
    query = operands.make(batch, need(point.query_heads), tokens, size, dtype=dtype)
    key = operands.make(batch, need(point.kv_heads), tokens, size, dtype=dtype)
    value = operands.make(batch, need(point.kv_heads), tokens, size, dtype=dtype)
    return lambda: decoder.attention(query, key, value, causal=True)


def _decode_gemm(point: Point, operands: Operands) -> Call:
    shape, rows, number_format = point.shape(), need(point.m), point.number_format
    queries, out, gate_up, down = (
        product(operands, rows, n, k, number_format)
        for n, k in (
            (shape.qkv_size, shape.hidden_size),
            (shape.hidden_size, shape.query_size),
            (2 * shape.ffn_size, shape.hidden_size),
            (shape.hidden_size, shape.ffn_size),
        )
    )
    return _in_turn([queries, _decode_attention(point, operands), out, gate_up, down])


_BUILDERS: Final[dict[str, Callable[[Point, Operands], Call]]] = {
    "gemm": _gemm,
    "duty_cycle": _gemm,
    "copy": _copy,
    "triad": _triad,
    "mixed": _mixed,
    "layer": _layer,
    "elementwise": _elementwise,
    "decode_attention": _decode_attention,
    "prefill_attention": _prefill_attention,
    "decode_gemm": _decode_gemm,
}
