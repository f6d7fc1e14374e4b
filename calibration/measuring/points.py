"""Points: what is measured, one kernel with one shape, one number format and one kind of input."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from calibration.measuring import work_counts as count
from calibration.windows import Family, Inputs
from simulator.physics import transformer as tf

LEAST, QUICK, FULL = 0, 1, 2
"""Size of plan from which on a point belongs to it."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point.

    Args:
        name: unique, and the same for all replicates.
        family: kernel.
        tier: smallest plan that has it: `LEAST`, `QUICK` or `FULL`.
        number_format: of operands; empty where nothing is computed.
        inputs: values of operands.
        m: rows of a product, tokens of a layer, new tokens per sequence of attention.
        n: columns.
        k: inner size.
        batch: sequences.
        query_heads: of attention.
        kv_heads: of attention.
        head_size: of attention.
        context_tokens: cached per sequence.
        hidden_size: of a layer.
        ffn_size: of a layer.
        values: elements of a copy or triad, beside a product or alone.
        duty: busy share of a duty cycle.
        cached: operands stay in the last-level cache on purpose.
    """

    name: str
    family: Family
    tier: int = LEAST
    number_format: str = ""
    inputs: Inputs = "normal"
    m: int | None = None
    n: int | None = None
    k: int | None = None
    batch: int | None = None
    query_heads: int | None = None
    kv_heads: int | None = None
    head_size: int | None = None
    context_tokens: int | None = None
    hidden_size: int | None = None
    ffn_size: int | None = None
    values: int | None = None
    duty: float | None = None
    cached: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the point for a plan file."""
        return asdict(self)

    def with_inputs(self, inputs: Inputs) -> Point:
        """Return the same point with other values of the operands."""
        return replace(self, inputs=inputs, name=f"{self.name}/{inputs}", tier=max(self.tier, QUICK))

    def shape(self) -> tf.Transformer:
        """Return the decoder layer that the point belongs to."""
        return tf.Transformer(
            "decoder", 1, need(self.hidden_size), need(self.query_heads), need(self.kv_heads), need(self.head_size),
            need(self.ffn_size), gated=True, vocabulary=1, tied_embeddings=True,
        )  # fmt: skip


STATES: Final = ("idle", "idle_context", "comm_wait")
"""Families that compute nothing."""


def need(value: int | None) -> int:
    """Return a figure that the family of a point always has."""
    if value is None:
        raise ValueError("this point lacks a figure that its family needs")
    return value


def work(point: Point) -> count.Work:
    """Return what one repetition of a point does."""
    if point.family in STATES:
        return count.NOTHING
    return _COUNTS[point.family](point)


def operand_bytes(point: Point) -> float:
    """Return the device memory that one set of operands and results takes."""
    if point.family in STATES:
        return 0.0
    done = work(point)
    if point.family == "decode_attention":
        return done.traffic_bytes * 1.1
    if point.family in {"layer", "elementwise"}:
        # Results of every kernel of the layer live at once at worst.
        return done.weight_bytes + 2.0 * done.elementwise_bytes
    return done.traffic_bytes


def _gemm(point: Point) -> count.Work:
    return count.gemm(need(point.m), need(point.n), need(point.k), point.number_format)


def _copy(point: Point) -> count.Work:
    return count.copy(need(point.values), STREAM_BYTES)


def _triad(point: Point) -> count.Work:
    return count.triad(need(point.values), STREAM_BYTES)


def _mixed(point: Point) -> count.Work:
    return _gemm(point) + _copy(point)


def _layer(point: Point) -> count.Work:
    return count.layer(point.shape(), need(point.m), point.number_format)


def _elementwise(point: Point) -> count.Work:
    return count.elementwise(point.shape(), need(point.m), count.RESULT_BYTES[point.number_format])


def _decode_attention(point: Point) -> count.Work:
    return count.decode_attention(
        need(point.batch), need(point.query_heads), need(point.kv_heads), need(point.head_size),
        need(point.context_tokens), count.VALUE_BYTES[point.number_format],
    )  # fmt: skip


def _prefill_attention(point: Point) -> count.Work:
    return count.prefill_attention(
        need(point.batch), need(point.query_heads), need(point.kv_heads), need(point.head_size),
        need(point.m), count.VALUE_BYTES[point.number_format],
    )  # fmt: skip


def _decode_gemm(point: Point) -> count.Work:
    products = count.layer_products(point.shape(), need(point.m), point.number_format)
    return products + _decode_attention(point)


STREAM_BYTES: Final = 4.0
"""Bytes per element of copies and triads."""

_COUNTS: Final = {
    "gemm": _gemm,
    "copy": _copy,
    "triad": _triad,
    "mixed": _mixed,
    "layer": _layer,
    "elementwise": _elementwise,
    "decode_attention": _decode_attention,
    "prefill_attention": _prefill_attention,
    "decode_gemm": _decode_gemm,
    "duty_cycle": _gemm,
}
