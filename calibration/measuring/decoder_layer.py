"""One decoder layer in torch: RMS norms, grouped queries, rotary positions, gated feed-forward block.

Written so that autograd can pass through it: `check` trains it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from calibration.measuring.operands import Operands
from simulator.physics.transformer import Transformer


@dataclass(slots=True)
class LayerWeights:
    """Weights of one layer, inputs first: x @ w."""

    qkv: torch.Tensor
    out: torch.Tensor
    gate_up: torch.Tensor
    down: torch.Tensor
    attention_norm: torch.Tensor
    ffn_norm: torch.Tensor

    def tensors(self) -> tuple[torch.Tensor, ...]:
        """Return all weights."""
        return (self.qkv, self.out, self.gate_up, self.down, self.attention_norm, self.ffn_norm)


@dataclass(slots=True)
class Rotary:
    """Cosines and sines of positions, [tokens, 1, head_size / 2]."""

    cosine: torch.Tensor
    sine: torch.Tensor


def make_weights(shape: Transformer, operands: Operands, dtype: torch.dtype) -> LayerWeights:
    """Return random weights of a layer, scaled so that activations keep their size."""
    hidden, queries, inner = shape.hidden_size, shape.query_size, shape.ffn_size
    return LayerWeights(
        qkv=operands.make(hidden, shape.qkv_size, dtype=dtype, scale=1.0 / math.sqrt(hidden)),
        out=operands.make(queries, hidden, dtype=dtype, scale=1.0 / math.sqrt(queries)),
        gate_up=operands.make(hidden, 2 * inner, dtype=dtype, scale=1.0 / math.sqrt(hidden)),
        down=operands.make(inner, hidden, dtype=dtype, scale=1.0 / math.sqrt(inner)),
        attention_norm=torch.ones(hidden, dtype=dtype, device=operands.device),
        ffn_norm=torch.ones(hidden, dtype=dtype, device=operands.device),
    )


def make_rotary(positions: torch.Tensor, head_size: int, dtype: torch.dtype) -> Rotary:
    """Return the rotation of positions (one for each token)."""
    half = head_size // 2
    exponents = torch.arange(half, dtype=torch.float32, device=positions.device) / half
    angles = positions.to(torch.float32)[:, None, None] * torch.pow(10000.0, -exponents)
    return Rotary(angles.cos().to(dtype), angles.sin().to(dtype))


def rotate(heads: torch.Tensor, rotary: Rotary) -> torch.Tensor:
    """Return heads [tokens, heads, head_size] turned by their positions: 7 kernels."""
    first, second = heads.chunk(2, dim=-1)
    cosine, sine = rotary.cosine, rotary.sine
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def projections(
    x: torch.Tensor, weights: LayerWeights, shape: Transformer, rotary: Rotary
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return queries, keys (both rotated) and values of tokens x [tokens, hidden], as [tokens, heads, head_size]."""
    normed = functional.rms_norm(x, (shape.hidden_size,), weights.attention_norm)
    heads = (normed @ weights.qkv).view(x.shape[0], shape.heads + 2 * shape.kv_heads, shape.head_dim)
    turned = rotate(heads[:, : shape.heads + shape.kv_heads], rotary)
    return turned[:, : shape.heads], turned[:, shape.heads :], heads[:, shape.heads + shape.kv_heads :]


def after_attention(x: torch.Tensor, attended: torch.Tensor, weights: LayerWeights, shape: Transformer) -> torch.Tensor:
    """Return the layer's output from its input and its attention output [tokens, query channels]."""
    x = x + attended @ weights.out
    normed = functional.rms_norm(x, (shape.hidden_size,), weights.ffn_norm)
    gate, up = (normed @ weights.gate_up).chunk(2, dim=-1)
    return x + (functional.silu(gate) * up) @ weights.down


def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, causal: bool) -> torch.Tensor:
    """Return attention of [batch, heads, tokens, head_size], keys and values shared by groups of query heads."""
    return functional.scaled_dot_product_attention(
        query, key, value, is_causal=causal, enable_gqa=query.shape[1] != key.shape[1]
    )
