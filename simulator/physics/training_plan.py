"""How a training job is spread over accelerators, and what it needs: operations and memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulator.physics import transformer as tf
from simulator.physics.links import Link
from simulator.physics.precision import Precision

ENCODER_LOGITS = 0.15
"""Share of an encoder's tokens that are masked and predicted (Devlin et al. 2018)."""

GRADIENT_BYTES = 2.0
"""Gradients are reduced in 16 bits."""

ADAM_STATE_BYTES = 12.0
"""Per parameter: master weight and two moments in 32 bits."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How a job is spread and what one step does.

    Args:
        data: data-parallel replicas.
        tensor: tensor-parallel ranks of a layer.
        pipeline: pipeline stages.
        context: context-parallel ranks of a sequence.
        interleave: chunks of layers per stage (virtual stages), at least 1.
        sequence_tokens: tokens per sequence.
        batch_sequences: sequences per optimizer step, over all replicas.
        microbatch_sequences: sequences per microbatch of one replica.
        lora_rank: rank of the adapters when the weights are frozen; None trains all weights.
        recompute: whether the backward pass recomputes the activations of a layer (``full``) or finds them stored.
        shard_optimizer: optimizer states are sharded over data-parallel ranks (ZeRO stage 1).
        tensor_overlap: share of tensor-parallel communication hidden behind products, 0 to 1.
        data_overlap: share of the backward pass behind which gradient reduction can hide, 0 to 1.
        sustained_fraction: sustained / modelled rate of the device over a real run (stalls, stragglers, kernels that
            the roofline does not know), 0 to 1.
        step_overhead_s: host work between steps.
        shard_weights: weights and gradients are sharded over data-parallel ranks as well (ZeRO stage 3, FSDP): each
            layer is gathered before its forward and its backward pass, and its gradients are reduced at once.
        host_layer_s: host time to launch one pass over a layer, forward or backward. The host launches ahead while the
            accelerator computes; a pass that computes faster waits for it.
        expert: ranks, of those that differ in data or context, over which the experts of a layer are spread.
    """

    data: int
    tensor: int
    pipeline: int
    context: int
    interleave: int
    sequence_tokens: int
    batch_sequences: int
    microbatch_sequences: int
    lora_rank: int | None
    recompute: Literal["none", "full"]
    shard_optimizer: bool
    tensor_overlap: float
    data_overlap: float
    sustained_fraction: float
    step_overhead_s: float
    shard_weights: bool = False
    host_layer_s: float = 0.0
    expert: int = 1

    @property
    def accelerators(self) -> int:
        """Accelerators of the job."""
        return self.data * self.tensor * self.pipeline * self.context

    @property
    def microbatches(self) -> int:
        """Microbatches of one replica in a step."""
        return self.batch_sequences // (self.data * self.microbatch_sequences)


@dataclass(frozen=True, slots=True)
class Network:
    """Links as a rank of the job sees them.

    Args:
        inside: link between accelerators of a server.
        across: link between servers, bandwidth of one accelerator's share of the adapters.
        group: accelerators of the job per server that the inside link joins.
    """

    inside: Link
    across: Link
    group: int


@dataclass(frozen=True, slots=True)
class Work:
    """Time and load of one accelerator in one part of a step.

    Args:
        compute_s: products, attention, elementwise work, launches.
        clock_s: part of `compute_s` that scales with the clock (arithmetic-bound products and attention).
        exposed_s: communication that nothing hides.
        flop: operations in the plan's precision.
        sixteen_bit_flop: operations of attention and output matrix.
        memory_bytes: device memory traffic.
        link_bytes: bytes sent inside the server.
        network_bytes: bytes sent across servers.
    """

    compute_s: float = 0.0
    clock_s: float = 0.0
    exposed_s: float = 0.0
    flop: float = 0.0
    sixteen_bit_flop: float = 0.0
    memory_bytes: float = 0.0
    link_bytes: float = 0.0
    network_bytes: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(*(getattr(self, name) + getattr(other, name) for name in _FIELDS))

    def times(self, factor: float) -> Work:
        """Return the work done `factor` times."""
        return Work(*(factor * getattr(self, name) for name in _FIELDS))


_FIELDS = tuple(Work.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step as an average accelerator of the job sees it.

    Args:
        work: what it does, over all microbatches, with the optimizer.
        bubble_s: waiting for other stages.
        overhead_s: host work between steps.
        time_s: duration of the step.
        model_flop: operations that the model needs over all accelerators, without recomputation.
    """

    work: Work
    bubble_s: float
    overhead_s: float
    time_s: float
    model_flop: float

    def mfu(self, accelerators: int, peak_flop_per_s: float) -> float:
        """Return model FLOP utilization: needed operations / (time x accelerators x datasheet peak)."""
        return self.model_flop / (self.time_s * accelerators * peak_flop_per_s)


def step_model_flop(model: tf.Transformer, plan: TrainingPlan) -> float:
    """Return the operations that a step needs: 3 forward passes, or 2 when the weights are frozen (plus adapters)."""
    tokens = float(plan.batch_sequences * plan.sequence_tokens)
    forward = tf.forward_flop(model, tokens, plan.sequence_tokens, tokens * logit_share(model))
    if plan.lora_rank is None:
        return 3.0 * forward
    pairs = plan.batch_sequences * tf.sequence_pairs(model, float(plan.sequence_tokens))
    adapters = 6.0 * model.layers * adapter_weights(model, plan.lora_rank) * tokens
    return 2.0 * forward + tf.attention_flop(model, pairs) + adapters


def memory_need_bytes(model: tf.Transformer, plan: TrainingPlan, precision: Precision) -> float:
    """Return the device memory that the fullest accelerator needs: weights, gradients, optimizer, activations.

    The first pipeline stage holds the activations of as many microbatches as there are stages, p; with v interleaved
    chunks of p + (p - 1) / v (NVIDIA/Megatron-LM 00caa53, megatron/training/theoretical_memory_usage.py). With sharded
    weights a device holds its share of them and of their gradients, and two whole layers: one at work, one arriving.
    """
    shards = plan.tensor * plan.pipeline
    weights = held_parameters(model, plan)
    trained = weights if plan.lora_rank is None else model.layers * adapter_weights(model, plan.lora_rank) / shards
    optimizer = trained * ADAM_STATE_BYTES
    if plan.shard_optimizer:
        # Experts that are spread already are sharded over the ranks that hold the same ones.
        spread = held_experts(model, plan) if plan.lora_rank is None else 0.0
        replicas = plan.data * plan.context
        optimizer = ADAM_STATE_BYTES * ((trained - spread) / replicas + spread * plan.expert / replicas)
    tokens = float(plan.microbatch_sequences * plan.sequence_tokens) / plan.context
    kept = activation_bytes(model, tokens, plan.recompute == "full") / shards
    early = (plan.pipeline - 1) / plan.interleave if plan.interleave > 1 else 0.0
    in_flight = min(plan.pipeline + early, plan.microbatches)
    standing = weights * precision.weight_bytes + trained * GRADIENT_BYTES
    if plan.shard_weights:
        standing = standing / (plan.data * plan.context) + 2.0 * standing * plan.pipeline / model.layers
    return standing + optimizer + kept * in_flight


def activation_bytes(model: tf.Transformer, tokens: float, recompute: bool) -> float:
    """Return the activations that a training step keeps for its backward pass, over all layers, in 16-bit formats.

    Korthikanti et al. 2022 (arXiv:2205.05198), equations 1 to 4, without attention scores, which fused attention never
    stores: 34 bytes per token, hidden channel and layer for an ungated block of width 4 h; other widths are counted by
    their own channels (2 bytes per stored value, 1 per mask). With recomputation only the layer's input stays: 2 bytes.

    Args:
        model: the model.
        tokens: tokens of the microbatch.
        recompute: the backward pass recomputes each layer from its input.

    >>> gpt3 = tf.Transformer("decoder", 96, 12288, 96, 96, 128, 49152, False, 50257, True)
    >>> activation_bytes(gpt3, 1.0, False) / 96 / 12288
    34.0
    """
    hidden = float(model.hidden_size)
    if recompute:
        return 2.0 * tokens * hidden * model.layers
    attention = 2.0 * hidden + 2.0 * model.qkv_size + 2.0 * model.value_size + hidden
    inner = model.ffn_matrices * tf.ffn_channels(model)
    feed_forward = 2.0 * hidden + 2.0 * inner + hidden
    norms = 4.0 * hidden
    return tokens * (attention + feed_forward + norms) * model.layers


def held_experts(model: tf.Transformer, plan: TrainingPlan) -> float:
    """Return the parameters of experts that one accelerator holds."""
    if model.experts == 1:
        return 0.0
    return tf.expert_parameters(model) / (plan.tensor * plan.pipeline * plan.expert)


def held_parameters(model: tf.Transformer, plan: TrainingPlan) -> float:
    """Return the parameters that one accelerator holds before data-parallel sharding."""
    held = held_experts(model, plan)
    whole = tf.parameter_count(model) / (plan.tensor * plan.pipeline)
    return whole - held * plan.expert + held


def logit_share(model: tf.Transformer) -> float:
    """Return the share of tokens whose logits are computed in training."""
    return 1.0 if model.kind == "decoder" else ENCODER_LOGITS


def adapter_weights(model: tf.Transformer, rank: int) -> float:
    """Return the adapter weights of one layer: one low-rank pair on the fused q, k, v projection, one on the output."""
    inputs_and_outputs = model.hidden_size + model.qkv_size + model.query_size + model.hidden_size
    return float(rank * inputs_and_outputs)
