"""Experts in a batch: how many are touched, how uneven ranks are, and what crosses between them.

Routing is uniform and independent by token. What a rank gets is then a sum of many draws; the most that any of R ranks
gets is expected to be its mean plus q standard deviations, q the quantile (R - 3/8) / (R + 1/4) of the normal
distribution (Blom 1958; 1.05 of 4 ranks, 1.43 of 8). A router that prefers some experts, for good or for one text,
makes ranks more uneven than that and touches fewer experts, which is not modelled.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from simulator.physics import transformer as tf
from simulator.physics.precision import Precision

Array = NDArray[np.float64]

EXPERT_RATE = 0.65
"""Rate of the products of a large batch with its experts / rate of plain products of a large batch. Measured: fused
experts of vLLM 0.20 on H100 (AIConfigurator, campaign_checkpoints/h100_sxm/moe_perf.txt, Apache-2.0) gain 473 TFLOP/s
between 8,192 and 16,384 tokens in bf16 (384 experts of 7,168 x 1,024) and 825 in fp8 (256 of 6,144 x 2,048), 0.48 and
0.42 of the peak where plain products reach 0.74 and 0.65."""

EXPERT_OVERHEAD_S = 18e-6
"""Sorting tokens by expert and launching their products, per layer. Measured: what remains of 90, 163 and 307 us for 1,
2 and 4 tokens when 256 experts of 3,072 x 1,536 (bf16, 8 per token) are read at 0.93 of the bandwidth (same table)."""

QUANTIZING_OVERHEAD_S = 20e-6
"""Added where activations are quantized in blocks before each product, as published fp8 checkpoints with experts want
it. Measured: 69, 83 and 128 us for 1, 2 and 4 tokens and 256 experts of 6,144 x 512 (fp8_block, 8 per token) leave 45,
35 and 34 us (same table)."""


def overhead_s(precision: Precision) -> float:
    """Return the time of a layer with experts beside its products, in a format."""
    return EXPERT_OVERHEAD_S + (QUANTIZING_OVERHEAD_S if precision.name == "fp8" else 0.0)


def touched_experts(model: tf.Transformer, tokens: Array, ranks: int) -> tuple[Array, Array]:
    """Return the experts of a layer that a batch touches on a rank: on the mean rank, and on the one with most.

    Args:
        model: the model.
        tokens: tokens of the batch, of all ranks.
        ranks: groups over which experts are spread.

    >>> import numpy as np
    >>> shape = dict(layers=1, hidden_size=8, heads=1, kv_heads=1, head_dim=8, ffn_size=8, gated=True, vocabulary=9)
    >>> model = tf.Transformer("decoder", **shape, tied_embeddings=True, experts=128, experts_per_token=4)
    >>> [round(float(touched[0]), 2) for touched in touched_experts(model, np.array([16.0]), 4)]
    [12.75, 15.65]
    """
    held = model.experts / ranks
    mean = tf.expected_experts(model, tokens) / ranks
    share = mean / held
    most = np.minimum(mean + _excess(held * share * (1.0 - share), ranks), held)
    return mean, most


def routed_tokens(model: tf.Transformer, tokens: Array, ranks: int) -> tuple[Array, Array]:
    """Return the pairs of token and expert that meet on a rank: on the mean rank, and on the one with most.

    Of the k experts of a token a rank has a hypergeometric number.
    """
    chosen, experts = model.experts_per_token, model.experts
    mean = tokens * chosen / ranks
    if ranks == 1:
        return mean, mean
    variance = mean * (1.0 - 1.0 / ranks) * (experts - chosen) / (experts - 1)
    return mean, np.minimum(mean + _excess(variance, ranks), tokens * min(chosen, experts // ranks))


def _excess(variance: Array, ranks: int) -> Array:
    if ranks == 1:
        return np.zeros_like(variance)
    quantile = NormalDist().inv_cdf((ranks - 0.375) / (ranks + 0.25))
    excess: Array = quantile * np.sqrt(variance)
    return excess


def copies_per_token(model: tf.Transformer, expert_ranks: int, expert_tensor: int) -> float:
    """Return to how many accelerators a token is sent: those of each group that holds one of its experts.

    A group with E/R of the experts is missed by all k of a token with probability C(E - E/R, k) / C(E, k).
    """
    elsewhere = model.experts - model.experts // expert_ranks
    missed = math.comb(elsewhere, model.experts_per_token) / math.comb(model.experts, model.experts_per_token)
    return expert_tensor * expert_ranks * (1.0 - missed)
