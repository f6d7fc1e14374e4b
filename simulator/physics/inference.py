"""One iteration of a serving engine: time, operations and traffic of a batch of decode and prefill tokens.

An iteration with n tokens, of which some sequences decode against K cached tokens in all and others prefill a chunk:

    T = gemm(n) + elementwise(n) + collectives(n) + head(rows) + attention(K, chunks) + host

All but the matrix products is linear in K, so k iterations of an unchanged batch have a closed form. The tables hold
what depends on n alone; `DecodeAttention` and `PrefillAttention` hold the factors of the rest. Every figure is for one
accelerator of a tensor-parallel group; the group's energy is that times its size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.physics import transformer as tf
from simulator.physics.accelerator import Accelerator
from simulator.physics.links import collective_time_s, traffic_bytes
from simulator.physics.precision import Precision
from simulator.physics.roofline import (
    decode_attention_s_per_byte,
    elementwise_time_s,
    gemm_time_s,
)

Array = NDArray[np.float64]

LOGIT_BYTES = 16.0
"""Traffic per logit: written in 16 bits, softmax in 32 bits, sampler: 2 + 4 + 4 + 4 + 2."""

PEAK_LOGIT_BYTES = 24.0
"""Memory per logit at the peak of a sampler that sorts: logits, sorted logits, probabilities and their running sum in
32 bits, the order in 64 bits (4 + 4 + 4 + 4 + 8). Estimated; a recorded vLLM 0.19 on an RTX 4090 (2,048 tokens, 256
sequences, Llama 3.1 8B) found 1.24 GB to keep free beside weights and cache, of which this rule explains 1.00."""


@dataclass(frozen=True, slots=True)
class TokenTable:
    """What depends on the number of tokens n in the iteration; arrays indexed by n from 0 to the largest batch.

    Args:
        gemm_compute_s: time of the matrix products if only arithmetic limited them.
        gemm_memory_s: time of the same if only memory limited them.
        gemm_s: their smooth maximum.
        other_s: elementwise work, launches and collectives.
        flop: operations of the matrix products.
        traffic_bytes: device memory traffic.
        link_bytes: bytes sent to other accelerators of the group.
    """

    gemm_compute_s: Array
    gemm_memory_s: Array
    gemm_s: Array
    other_s: Array
    flop: Array
    traffic_bytes: Array
    link_bytes: Array


@dataclass(frozen=True, slots=True)
class HeadTable:
    """The output matrix and the sampler; arrays indexed by the number of tokens whose logits are needed."""

    time_s: Array
    flop: Array
    traffic_bytes: Array


@dataclass(frozen=True, slots=True)
class AttentionTerms:
    """Factors of attention, all layers together.

    Args:
        call_s: overhead of one call per layer.
        sequence_s: per decoding sequence.
        decode_s: per cached token read.
        decode_flop: per cached token read.
        decode_bytes: per cached token read.
        pair_s: per query-key pair of a prefill chunk.
        pair_flop: per query-key pair.
        chunk_s: per query token of a prefill chunk (queries read, outputs written).
        chunk_bytes: per query token.
        context_s: per key of a prefill chunk (its own tokens and those cached before).
        context_bytes: per key.
        longest_s: per key of the longest chunk.
        mixed_sequence_s: as `sequence_s`, in a call that prefills as well.
        mixed_decode_s: as `decode_s`, in a call that prefills as well.
        mixed_chunk_s: in such a call, per decoding sequence and token of the longest chunk.
        mixed_factor: time of a call with both kinds over the sum of the two.
    """

    call_s: float
    sequence_s: float
    decode_s: float
    decode_flop: float
    decode_bytes: float
    pair_s: float
    pair_flop: float
    chunk_s: float
    chunk_bytes: float
    context_s: float
    context_bytes: float
    longest_s: float
    mixed_sequence_s: float
    mixed_decode_s: float
    mixed_chunk_s: float
    mixed_factor: float

    def prefill_s(self, tokens: int, pairs: float, keys: int, longest_keys: int) -> tuple[float, float]:
        """Return the time of a call's prefill part without its launch: what no clock changes, and what the clock does.

        Args:
            tokens: query tokens of all chunks.
            pairs: query-key pairs of these tokens.
            keys: keys that the chunks attend to, summed over chunks.
            longest_keys: keys of the chunk that has most.
        """
        moving = self.chunk_s * tokens + self.context_s * keys + self.longest_s * longest_keys
        return moving, self.pair_s * pairs

    def mixed_part_s(self, count: int, cached_tokens: int, longest_chunk: int) -> float:
        """Return what `count` decoding sequences add to a call that prefills as well.

        Args:
            count: decoding sequences.
            cached_tokens: tokens that they attend to, summed.
            longest_chunk: query tokens of the longest chunk.
        """
        sequence_s = self.mixed_sequence_s + self.mixed_chunk_s * longest_chunk
        return sequence_s * count + self.mixed_decode_s * cached_tokens


@dataclass(frozen=True, slots=True)
class InferenceModel:
    """Everything that the serving engine needs to cost an iteration of one replica."""

    tokens: TokenTable
    head: HeadTable
    attention: AttentionTerms
    accelerator: Accelerator
    tensor_parallel: int
    kv_bytes_per_token: float
    weight_bytes: float


def inference_model(
    model: tf.Transformer,
    accelerator: Accelerator,
    tensor_parallel: int,
    precision: Precision,
    kv_value_bytes: float,
    max_tokens: int,
    max_sequences: int,
) -> InferenceModel:
    """Return the iteration model of a replica.

    Args:
        model: the transformer served.
        accelerator: rates of the device for the precision.
        tensor_parallel: accelerators that share each layer.
        precision: format of weights and arithmetic.
        kv_value_bytes: bytes per value of the KV cache.
        max_tokens: most tokens in one iteration.
        max_sequences: most sequences in one iteration.
    """
    return InferenceModel(
        tokens=_token_table(model, accelerator, tensor_parallel, precision, max_tokens),
        head=_head_table(model, accelerator, tensor_parallel, precision, max_sequences),
        attention=_attention_terms(model, accelerator, tensor_parallel, precision, kv_value_bytes),
        accelerator=accelerator,
        tensor_parallel=tensor_parallel,
        kv_bytes_per_token=tf.kv_bytes_per_token(model, kv_value_bytes),
        weight_bytes=tf.weight_bytes(model, precision.weight_bytes),
    )


def _token_table(
    model: tf.Transformer, accelerator: Accelerator, tensor_parallel: int, precision: Precision, max_tokens: int
) -> TokenTable:
    tokens = np.arange(max_tokens + 1, dtype=np.float64)
    flop = tokens * tf.matmul_flop_per_token(model) / tensor_parallel
    weights = model.layers * tf.layer_weights_read(model, tokens) * precision.weight_bytes / tensor_parallel
    values = (
        model.layers * tf.elementwise_values_per_token(model, tensor_parallel) * precision.activation_bytes * tokens
    )
    peak, bandwidth, gemm = accelerator.peak_flop_per_s, accelerator.bandwidth_bytes_per_s, accelerator.gemm
    link_bytes = np.zeros_like(tokens)
    link_s = np.zeros_like(tokens)
    if tensor_parallel > 1:
        # Two all-reduces per layer: after the attention output and after the feed-forward block.
        message = model.hidden_size * precision.activation_bytes * tokens
        calls = 2.0 * model.layers
        link_bytes = calls * np.array([traffic_bytes("all_reduce", size, tensor_parallel) for size in message])
        link_s = calls * np.array(
            [collective_time_s("all_reduce", size, tensor_parallel, accelerator.link) for size in message]
        )
    empty = tokens == 0.0
    return TokenTable(
        gemm_compute_s=flop / (gemm.compute_fraction * peak),
        gemm_memory_s=np.where(empty, 0.0, weights / (gemm.memory_fraction * bandwidth)),
        gemm_s=np.where(empty, 0.0, gemm_time_s(flop, weights, peak, bandwidth, gemm)),
        other_s=np.where(
            empty, 0.0, elementwise_time_s(values, bandwidth, gemm) + model.layers * gemm.layer_overhead_s + link_s
        ),
        flop=flop,
        traffic_bytes=np.where(empty, 0.0, weights + values),
        link_bytes=link_bytes,
    )


def _head_table(
    model: tf.Transformer, accelerator: Accelerator, tensor_parallel: int, precision: Precision, max_sequences: int
) -> HeadTable:
    rows = np.arange(max_sequences + 1, dtype=np.float64)
    flop = rows * tf.head_flop_per_token(model) / tensor_parallel
    # The output matrix stays in 16 bits in the common quantized checkpoints.
    weights = np.where(rows == 0.0, 0.0, tf.head_weights(model) * max(precision.weight_bytes, 2.0) / tensor_parallel)
    logits = rows * model.vocabulary * LOGIT_BYTES / tensor_parallel
    bandwidth = accelerator.bandwidth_bytes_per_s
    time_s = gemm_time_s(flop, weights, accelerator.sixteen_bit_flop_per_s, bandwidth, accelerator.gemm)
    time_s = time_s + elementwise_time_s(logits, bandwidth, accelerator.gemm)
    return HeadTable(time_s=time_s, flop=flop, traffic_bytes=weights + logits)


def _attention_terms(
    model: tf.Transformer,
    accelerator: Accelerator,
    tensor_parallel: int,
    precision: Precision,
    kv_value_bytes: float,
) -> AttentionTerms:
    # Key heads are replicated once there are fewer of them than ranks, so a rank never reads less than one head.
    kv_share = max(1.0 / tensor_parallel, 1.0 / model.kv_heads)
    attention, bandwidth = accelerator.attention, accelerator.bandwidth_bytes_per_s
    peak = accelerator.sixteen_bit_flop_per_s
    token_bytes = tf.kv_bytes_per_token(model, kv_value_bytes) * kv_share
    pair_flop = tf.attention_flop(model, 1.0) / tensor_parallel
    query_bytes = 2.0 * model.layers * model.query_size * precision.activation_bytes / tensor_parallel
    prefill_s_per_byte = 1.0 / (attention.prefill_memory_fraction * bandwidth)
    layer_heads = model.layers * model.heads / tensor_parallel
    mixed_sequence_head_s = attention.mixed_sequence_head_overhead_s
    if mixed_sequence_head_s is None:
        mixed_sequence_head_s = attention.sequence_head_overhead_s
    intensity = token_bytes / pair_flop
    return AttentionTerms(
        call_s=model.layers * attention.call_overhead_s,
        sequence_s=layer_heads * attention.sequence_head_overhead_s,
        decode_s=token_bytes * decode_attention_s_per_byte(intensity, peak, bandwidth, attention),
        decode_flop=pair_flop,
        decode_bytes=token_bytes,
        pair_s=pair_flop / (attention.prefill_compute_fraction * peak),
        pair_flop=pair_flop,
        chunk_s=query_bytes * prefill_s_per_byte,
        chunk_bytes=query_bytes,
        context_s=token_bytes * prefill_s_per_byte,
        context_bytes=token_bytes,
        longest_s=model.layers * attention.prefill_key_s,
        mixed_sequence_s=layer_heads * mixed_sequence_head_s,
        mixed_decode_s=token_bytes * decode_attention_s_per_byte(intensity, peak, bandwidth, attention, mixed=True),
        mixed_chunk_s=layer_heads * attention.mixed_chunk_head_overhead_s,
        mixed_factor=attention.mixed_batch_factor,
    )


def peak_activation_bytes(model: tf.Transformer, tensor_parallel: int, tokens: int, sequences: int) -> float:
    """Return the device memory that the activations of the largest iteration need.

    The widest point of a layer (residual stream, its copy, and the inner channels of the feed-forward block, in 16
    bits) and the logits of all sequences with the sampler's copies: what an engine finds when it profiles its memory at
    start.

    Args:
        model: the model.
        tensor_parallel: accelerators that share each layer.
        tokens: most tokens in one iteration.
        sequences: most sequences in one iteration.
    """
    inner = (model.ffn_matrices - 1) * model.ffn_size * model.experts_per_token + model.ffn_size
    layer = 2.0 * tokens * (2.0 * model.hidden_size + inner / tensor_parallel)
    return layer + PEAK_LOGIT_BYTES * sequences * model.vocabulary / tensor_parallel
