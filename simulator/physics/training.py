"""One optimizer step of distributed training: time, operations, traffic and energy of one accelerator.

The plan is data x tensor x pipeline x context parallelism. A microbatch passes a pipeline stage forward and backward;
the slowest stage sets the pace; the pipeline is empty for (p - 1) / v microbatches (1F1B, v interleaved chunks). Matrix
products, attention and elementwise work follow the calibrated roofline, backward at twice the forward operations (once
for frozen weights, 2.5 times for attention, whose scores are recomputed), collectives the calibrated links.

Sources: Narayanan et al. 2021 (arXiv:2104.04473) for the pipeline bubble; Korthikanti et al. 2022 (arXiv:2205.05198)
for sequence parallelism and recomputation; Rajbhandari et al. 2020 (arXiv:1910.02054) for sharded optimizer states.
"""

from __future__ import annotations

import math
from dataclasses import replace

from simulator.physics import transformer as tf
from simulator.physics.accelerator import Accelerator
from simulator.physics.links import collective_time_s, hierarchical_time_s, traffic_bytes
from simulator.physics.precision import Precision
from simulator.physics.roofline import elementwise_time_s, gemm_time_s, prefill_attention_time_s
from simulator.physics.training_plan import (
    GRADIENT_BYTES,
    Network,
    Step,
    TrainingPlan,
    Work,
    adapter_weights,
    held_parameters,
    logit_share,
    step_model_flop,
)

LOSS_BYTES_PER_LOGIT = 20.0
"""Traffic per logit of loss and gradient: written 2, softmax in 32 bits 4 + 4, gradient 4 + 4 + 2."""

ADAM_TRAFFIC_BYTES = 30.0
"""Per parameter: master weight and two moments in 32 bits, read and written (24), gradient (4), weight (2)."""


def training_step(
    model: tf.Transformer, plan: TrainingPlan, accelerator: Accelerator, network: Network, precision: Precision
) -> Step:
    """Return time and load of one optimizer step.

    T = (m + (p - 1) / v) t_stage + exposed gradient reduction + optimizer + overhead, with m microbatches and p stages;
    t_stage is the slowest stage's, or what the host needs to launch it where that is longer.

    Args:
        model: the model.
        plan: parallelism and batch.
        accelerator: rates for the precision.
        network: links of the job.
        precision: format of the products.
    """
    stage = _StageCost(model, plan, accelerator, network, precision)
    layers = math.ceil(model.layers / plan.pipeline)
    inner = stage.layer().times(layers)
    last = inner + stage.head()
    mean = stage.layer().times(model.layers / plan.pipeline) + stage.head().times(1.0 / plan.pipeline)
    hop = stage.hop()
    slowest_s = max(_busy_s(inner), _busy_s(last)) + _busy_s(hop)
    passes = 3.0 if plan.recompute == "full" else 2.0
    slowest_s = max(slowest_s, passes * layers * plan.host_layer_s)
    microbatches = plan.microbatches
    pipeline_s = (microbatches + (plan.pipeline - 1) / plan.interleave) * slowest_s
    gradient = stage.gradient_reduction(microbatches * slowest_s)
    optimizer = stage.optimizer()
    # Of p v chunks in a row all but the last send activations on and receive a gradient.
    stage_work = mean + hop.times(1.0 - 1.0 / (plan.pipeline * plan.interleave))
    work = stage_work.times(microbatches) + gradient + optimizer
    time_s = pipeline_s + _busy_s(gradient) + _busy_s(optimizer) + plan.step_overhead_s
    bubble_s = pipeline_s - microbatches * _busy_s(stage_work)
    return Step(work, bubble_s, plan.step_overhead_s, time_s, step_model_flop(model, plan))


def evaluation_pass(
    model: tf.Transformer, plan: TrainingPlan, accelerator: Accelerator, network: Network, precision: Precision
) -> Step:
    """Return time and load of evaluating one batch of data x microbatch sequences: the forward pass alone.

    The batch passes the stages one after the other; only the last has the output matrix.
    """
    stage = _StageCost(model, plan, accelerator, network, precision)
    head = stage.head(backward=False)
    sent = stage.hop().times(0.5 * (plan.pipeline - 1.0 / plan.interleave))
    chain = stage.layer(backward=False).times(model.layers) + head + sent
    work = chain.times(1.0 / plan.pipeline)
    time_s = max(_busy_s(chain), model.layers * plan.host_layer_s)
    tokens = float(plan.data * plan.microbatch_sequences * plan.sequence_tokens)
    flop = tf.forward_flop(model, tokens, plan.sequence_tokens, tokens * logit_share(model))
    return Step(work, time_s - _busy_s(work), 0.0, time_s, flop)


def _busy_s(work: Work) -> float:
    return work.compute_s + work.exposed_s


class _StageCost:
    """Costs of the parts of a step for one accelerator."""

    def __init__(
        self,
        model: tf.Transformer,
        plan: TrainingPlan,
        accelerator: Accelerator,
        network: Network,
        precision: Precision,
    ) -> None:
        self.model, self.plan, self.accelerator = model, plan, accelerator
        self.network, self.precision = network, precision
        self.tokens = plan.microbatch_sequences * plan.sequence_tokens / plan.context

    def layer(self, backward: bool = True) -> Work:
        """Return one layer for one microbatch, forward and, unless told otherwise, backward."""
        forward = self._products() + self._attention(1.0) + self._elementwise(1.0) + self._tensor_exchange(2.0)
        forward += self._context_exchange() + self._expert_exchange()
        if not backward:
            return self._sustained(forward) + self._shard_exchange(forward, backward=False)
        plan = self.plan
        products = 2.0 if plan.lora_rank is None else 1.0
        work = forward + self._products().times(products) + self._attention(2.5) + self._elementwise(2.0)
        work += self._tensor_exchange(2.0) + self._context_exchange().times(2.0) + self._expert_exchange()
        if plan.recompute == "full":
            work += forward
        if plan.lora_rank is not None:
            work += self._adapters()
        return self._sustained(work) + self._shard_exchange(work)

    def _products(self) -> Work:
        model, plan, accelerator = self.model, self.plan, self.accelerator
        flop = self.tokens * tf.matmul_flop_per_token(model) / model.layers / plan.tensor
        # Tokens of all ranks that share the experts come to the one expert that they chose, on one of the ranks.
        everyone = tf.layer_weights_read(model, plan.expert * self.tokens)
        experts = everyone - tf.layer_weights_read(model, 0.0)
        weights = everyone - experts + experts / plan.expert
        weights *= self.precision.weight_bytes / plan.tensor
        gemm, peak = accelerator.gemm, accelerator.peak_flop_per_s
        time_s = float(gemm_time_s(flop, weights, peak, accelerator.bandwidth_bytes_per_s, gemm))
        compute_s = time_s + gemm.layer_overhead_s
        clock_s = flop / (gemm.compute_fraction * peak)
        return Work(compute_s=compute_s, clock_s=min(clock_s, time_s), flop=flop, memory_bytes=weights)

    def _attention(self, factor: float) -> Work:
        model, plan, accelerator = self.model, self.plan, self.accelerator
        pairs = plan.microbatch_sequences * tf.sequence_pairs(model, float(plan.sequence_tokens)) / plan.context
        flop = factor * tf.attention_flop(model, pairs) / model.layers / plan.tensor
        channels = 2.0 * model.query_size + 2.0 * model.kv_size
        moved = factor * self.tokens * channels * self.precision.activation_bytes / plan.tensor
        peak, bandwidth = accelerator.sixteen_bit_flop_per_s, accelerator.bandwidth_bytes_per_s
        keys = factor * plan.sequence_tokens
        time_s = prefill_attention_time_s(flop, moved, peak, bandwidth, accelerator.attention, keys)
        clock_s = flop / (accelerator.attention.prefill_compute_fraction * peak)
        return Work(
            compute_s=time_s + accelerator.attention.call_overhead_s,
            clock_s=clock_s,
            sixteen_bit_flop=flop,
            memory_bytes=moved,
        )

    def _elementwise(self, factor: float) -> Work:
        # With sequence parallelism the norms and residuals are sharded like everything else.
        values = tf.elementwise_values_per_token(self.model) / self.plan.tensor
        moved = factor * self.tokens * values * self.precision.activation_bytes
        accelerator = self.accelerator
        time_s = elementwise_time_s(moved, accelerator.bandwidth_bytes_per_s, accelerator.gemm)
        return Work(compute_s=time_s, memory_bytes=moved)

    def _adapters(self) -> Work:
        """Return low-rank adapters, forward and backward: thin products, limited by what they move at usual ranks."""
        model, rank = self.model, self.plan.lora_rank or 0
        weights = adapter_weights(model, rank)
        flop = 6.0 * self.tokens * weights / self.plan.tensor
        channels = model.hidden_size + model.qkv_size + model.query_size + model.hidden_size
        moved = 3.0 * self.tokens * channels * self.precision.activation_bytes / self.plan.tensor
        accelerator = self.accelerator
        moving_s = elementwise_time_s(moved, accelerator.bandwidth_bytes_per_s, accelerator.gemm)
        clock_s = flop / (accelerator.gemm.compute_fraction * accelerator.sixteen_bit_flop_per_s)
        return Work(compute_s=max(moving_s, clock_s), clock_s=clock_s, sixteen_bit_flop=flop, memory_bytes=moved)

    def _tensor_exchange(self, all_reduces: float) -> Work:
        """Return tensor-parallel communication; a reduce-scatter and an all-gather cost what one all-reduce costs."""
        plan = self.plan
        if plan.tensor == 1:
            return Work()
        size = self.tokens * self.model.hidden_size * self.precision.activation_bytes
        groups = _groups(plan.tensor, self.network.group)
        links = (self.network.inside, self.network.across)
        time_s = all_reduces * hierarchical_time_s("all_reduce", size, groups, links)
        sent = all_reduces * traffic_bytes("all_reduce", size, plan.tensor)
        outside = all_reduces * traffic_bytes("all_reduce", size / groups[0], groups[1])
        return Work(exposed_s=time_s * (1.0 - plan.tensor_overlap), link_bytes=sent - outside, network_bytes=outside)

    def _context_exchange(self) -> Work:
        """Return the ring that passes keys and values around, as far as attention does not hide it."""
        plan = self.plan
        if plan.context == 1:
            return Work()
        size = plan.context * self.tokens * 2.0 * self.model.kv_size * self.precision.activation_bytes / plan.tensor
        outside = plan.tensor * plan.context > self.network.group
        link = self.network.across if outside else self.network.inside
        time_s = collective_time_s("all_gather", size, plan.context, link)
        sent = traffic_bytes("all_gather", size, plan.context)
        exposed_s = max(time_s - self._attention(1.0).compute_s, 0.0)
        return Work(exposed_s=exposed_s, link_bytes=0.0 if outside else sent, network_bytes=sent if outside else 0.0)

    def _expert_exchange(self) -> Work:
        """Return sending tokens to the ranks of their experts and back, in one pass."""
        plan, model = self.plan, self.model
        if plan.expert == 1:
            return Work()
        share = model.expert_layers / model.layers
        copies = self.tokens * min(model.experts_per_token, plan.expert) / plan.tensor
        size = share * copies * model.hidden_size * self.precision.activation_bytes
        inner = min(max(self.network.group // plan.tensor, 1), plan.expert)
        groups, links = (inner, math.ceil(plan.expert / inner)), (self.network.inside, self.network.across)
        time_s = 2.0 * hierarchical_time_s("all_to_all", size, groups, links)
        sent = 2.0 * traffic_bytes("all_to_all", size, plan.expert)
        outside = 2.0 * traffic_bytes("all_to_all", size, groups[1])
        exposed_s = time_s * (1.0 - plan.tensor_overlap)
        return Work(exposed_s=exposed_s, link_bytes=max(sent - outside, 0.0), network_bytes=outside)

    def _shard_exchange(self, work: Work, backward: bool = True) -> Work:
        """Return gathering the weights of a layer for each pass and reducing its gradients, where both are sharded.

        Prefetching hides a share of the layer's own work; what takes longer is exposed.
        """
        plan, model = self.plan, self.model
        ranks = plan.data * plan.context
        if not plan.shard_weights or ranks == 1:
            return Work()
        shard = held_parameters(model, plan) * plan.pipeline / model.layers
        trained = self._trained() * plan.pipeline / model.layers
        sizes = [shard * self.precision.weight_bytes] * (2 if backward else 1)
        sizes += [trained * GRADIENT_BYTES] if backward else []
        inner = min(max(self.network.group // plan.tensor, 1), ranks)
        groups, links = (inner, math.ceil(ranks / inner)), (self.network.inside, self.network.across)
        # A reduce-scatter takes as long as an all-gather.
        time_s = sum(hierarchical_time_s("all_gather", size, groups, links) for size in sizes)
        hidden_s = plan.data_overlap * work.compute_s / plan.sustained_fraction
        sent = sum(traffic_bytes("all_gather", size, ranks) for size in sizes)
        outside = sum(traffic_bytes("all_gather", size / inner, groups[1]) for size in sizes)
        return Work(exposed_s=max(time_s - hidden_s, 0.0), link_bytes=sent - outside, network_bytes=outside)

    def head(self, backward: bool = True) -> Work:
        """Return output matrix and loss of one microbatch, on the last stage."""
        model, plan, accelerator = self.model, self.plan, self.accelerator
        passes = 1.0 if not backward else 3.0 if plan.lora_rank is None else 2.0
        rows = self.tokens * logit_share(model)
        flop = rows * tf.head_flop_per_token(model) / plan.tensor
        weights = tf.head_weights(model) * max(self.precision.weight_bytes, 2.0) / plan.tensor
        logits = rows * model.vocabulary * LOSS_BYTES_PER_LOGIT / plan.tensor
        peak, bandwidth = accelerator.sixteen_bit_flop_per_s, accelerator.bandwidth_bytes_per_s
        time_s = float(gemm_time_s(flop, weights, peak, bandwidth, accelerator.gemm))
        clock_s = min(flop / (accelerator.gemm.compute_fraction * peak), time_s)
        product = Work(compute_s=time_s, clock_s=clock_s, sixteen_bit_flop=flop, memory_bytes=weights)
        loss = Work(compute_s=elementwise_time_s(logits, bandwidth, accelerator.gemm), memory_bytes=logits)
        return self._sustained(product.times(passes) + loss)

    def _sustained(self, work: Work) -> Work:
        """Return the work at the rate that a real run sustains."""
        share = self.plan.sustained_fraction
        return replace(work, compute_s=work.compute_s / share, clock_s=work.clock_s / share)

    def hop(self) -> Work:
        """Return sending activations to the next stage and their gradients back, for one microbatch."""
        plan = self.plan
        if plan.pipeline == 1:
            return Work()
        size = 2.0 * self.tokens * self.model.hidden_size * self.precision.activation_bytes / plan.tensor
        time_s = plan.interleave * 2.0 * collective_time_s("send", size / 2.0, 2, self.network.across)
        return Work(exposed_s=time_s, network_bytes=plan.interleave * size)

    def gradient_reduction(self, backward_window_s: float) -> Work:
        """Return the reduction of gradients over data-parallel ranks, as far as the backward pass does not hide it."""
        plan = self.plan
        ranks = plan.data * plan.context
        if ranks == 1 or plan.shard_weights:
            # Sharded gradients are reduced layer by layer.
            return Work()
        size = self._trained() * GRADIENT_BYTES
        # Ranks that differ only in their data index sit `tensor` apart: those of one server first.
        inner = min(max(self.network.group // plan.tensor, 1), ranks)
        groups = (inner, math.ceil(ranks / inner))
        time_s = hierarchical_time_s("all_reduce", size, groups, (self.network.inside, self.network.across))
        last_backward_s = backward_window_s / max(plan.microbatches, 1) * 2.0 / 3.0
        exposed_s = max(time_s - plan.data_overlap * last_backward_s, 0.0)
        sent = traffic_bytes("all_reduce", size, ranks)
        outside = traffic_bytes("all_reduce", size / inner, groups[1])
        return Work(exposed_s=exposed_s, link_bytes=sent - outside, network_bytes=outside)

    def optimizer(self) -> Work:
        """Return the update of the weights."""
        plan, accelerator = self.plan, self.accelerator
        share = plan.data * plan.context if plan.shard_optimizer else 1
        moved = self._trained() * ADAM_TRAFFIC_BYTES / share
        time_s = elementwise_time_s(moved, accelerator.bandwidth_bytes_per_s, accelerator.gemm)
        return Work(compute_s=time_s, memory_bytes=moved)

    def _trained(self) -> float:
        """Return the trained parameters that one accelerator holds."""
        plan, model = self.plan, self.model
        if plan.lora_rank is None:
            return held_parameters(model, plan)
        return model.layers * adapter_weights(model, plan.lora_rank) / (plan.tensor * plan.pipeline)


def _groups(ranks: int, group: int) -> tuple[int, int]:
    """Return (ranks inside a server, servers) of a group of neighbouring ranks."""
    inner = min(ranks, group)
    return inner, math.ceil(ranks / inner)
