"""What one accelerator does in an iteration besides attention and output matrix, by the number of tokens.

Matrix products, elementwise work, launches, and exchanges between the accelerators of a replica:

* tensor parallelism: two all-reduces per layer in each group, after the attention output and after the feed-forward
  block; experts spread over the same accelerators need no other exchange, since all of them have every token;
* data-parallel attention: tokens are sent to the accelerators of their experts and the results back (two all-to-alls
  per layer with experts), in place of the second all-reduce.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.physics import expert_routing
from simulator.physics import transformer as tf
from simulator.physics.accelerator import Accelerator
from simulator.physics.expert_routing import EXPERT_RATE, copies_per_token, routed_tokens, touched_experts
from simulator.physics.links import Link, Operation, collective_time_s, traffic_bytes
from simulator.physics.precision import Precision
from simulator.physics.roofline import elementwise_time_s, smooth_maximum
from simulator.physics.serving_plan import ServingPlan

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankTable:
    """Parts of a token table, for groups of data-parallel attention that have unequal numbers of tokens.

    Args:
        shared_compute_s: arithmetic of what every token passes, by the tokens of one group.
        shared_memory_s: memory time of the same.
        shared_other_s: elementwise work, launches and exchanges, by the tokens of one group.
        expert_compute_s: arithmetic of the experts, by the tokens of all groups.
        expert_memory_s: memory time of the experts, by the tokens of all groups.
    """

    shared_compute_s: Array
    shared_memory_s: Array
    shared_other_s: Array
    expert_compute_s: Array
    expert_memory_s: Array

    def times_s(self, tokens: int, most_tokens: int) -> tuple[float, float, float]:
        """Return (arithmetic, memory, other) time of an iteration whose largest group decides.

        Args:
            tokens: tokens of all groups.
            most_tokens: tokens of the group that has most.
        """
        return (
            float(self.shared_compute_s[most_tokens] + self.expert_compute_s[tokens]),
            float(self.shared_memory_s[most_tokens] + self.expert_memory_s[tokens]),
            float(self.shared_other_s[most_tokens]),
        )


@dataclass(frozen=True, slots=True)
class TokenTable:
    """What depends on the number of tokens n in the iteration; arrays indexed by n from 0 to the largest batch.

    Times are those of the accelerator that has most to do, operations and bytes those of the mean one.

    Args:
        gemm_compute_s: time of the matrix products if only arithmetic limited them.
        gemm_memory_s: time of the same if only memory limited them.
        gemm_s: their smooth maximum.
        other_s: elementwise work, launches and collectives.
        flop: operations of the matrix products.
        traffic_bytes: device memory traffic.
        link_bytes: bytes sent to other accelerators of the replica.
        ranks: the parts, with data-parallel attention.
    """

    gemm_compute_s: Array
    gemm_memory_s: Array
    gemm_s: Array
    other_s: Array
    flop: Array
    traffic_bytes: Array
    link_bytes: Array
    ranks: RankTable | None = None


def token_table(
    model: tf.Transformer, accelerator: Accelerator, plan: ServingPlan, precision: Precision, max_tokens: int
) -> TokenTable:
    """Return the table of a replica.

    Args:
        model: the model.
        accelerator: rates of the device for the precision.
        plan: how accelerators share the model.
        precision: format of weights and arithmetic.
        max_tokens: most tokens in one iteration, of all groups.
    """
    tokens = np.arange(max_tokens + 1, dtype=np.float64)
    group_tokens = np.ceil(tokens / plan.data)
    empty = tokens == 0.0
    shared = _Shared(model, accelerator, plan, precision, tokens)
    experts = _Experts(model, accelerator, plan, precision, tokens)
    place = group_tokens.astype(np.int64)
    compute_s = shared.compute_s[place] + experts.compute_s
    memory_s = shared.memory_s[place] + experts.memory_s
    sharpness = accelerator.gemm.sharpness
    return TokenTable(
        gemm_compute_s=compute_s,
        gemm_memory_s=memory_s,
        gemm_s=np.where(empty, 0.0, smooth_maximum(compute_s, memory_s, sharpness)),
        other_s=shared.other_s[place],
        flop=tokens / plan.data * shared.token_flop + experts.flop,
        traffic_bytes=np.where(
            empty, 0.0, shared.weight_bytes + tokens / plan.data * shared.token_bytes + experts.weight_bytes
        ),
        link_bytes=shared.link_bytes / plan.data if plan.data > 1 else shared.link_bytes,
        ranks=None
        if plan.data == 1
        else RankTable(shared.compute_s, shared.memory_s, shared.other_s, experts.compute_s, experts.memory_s),
    )


class _Shared:
    """What every token passes, by the tokens of one group of tensor-parallel ranks."""

    def __init__(
        self,
        model: tf.Transformer,
        accelerator: Accelerator,
        plan: ServingPlan,
        precision: Precision,
        tokens: Array,
    ) -> None:
        gemm, bandwidth = accelerator.gemm, accelerator.bandwidth_bytes_per_s
        weights = tf.shared_matmul_weights(model)
        self.token_flop = 2.0 * weights / plan.tensor
        self.weight_bytes = weights * precision.weight_bytes / plan.tensor
        values = model.layers * tf.elementwise_values_per_token(model, plan.tensor)
        self.token_bytes = values * precision.activation_bytes
        self.compute_s = tokens * self.token_flop / (gemm.compute_fraction * accelerator.peak_flop_per_s)
        empty = tokens == 0.0
        self.memory_s = np.where(empty, 0.0, self.weight_bytes / (gemm.memory_fraction * bandwidth))
        overhead_s = model.layers * gemm.layer_overhead_s
        if model.experts > 1:
            overhead_s += model.expert_layers * expert_routing.overhead_s(precision)
        link_s, self.link_bytes = _exchanges(model, plan, precision, tokens, accelerator)
        work_s = elementwise_time_s(self.token_bytes * tokens, bandwidth, gemm)
        self.other_s = np.where(empty, 0.0, work_s + overhead_s + link_s)


class _Experts:
    """Routed experts, by the tokens of all groups."""

    def __init__(
        self,
        model: tf.Transformer,
        accelerator: Accelerator,
        plan: ServingPlan,
        precision: Precision,
        tokens: Array,
    ) -> None:
        if model.experts == 1:
            self.flop = self.weight_bytes = self.compute_s = self.memory_s = np.zeros_like(tokens)
            return
        gemm, split = accelerator.gemm, plan.expert_tensor
        weights = model.expert_layers * tf.expert_weights(model) / split
        mean_pairs, most_pairs = routed_tokens(model, tokens, plan.expert)
        mean_touched, most_touched = touched_experts(model, tokens, plan.expert)
        rate = EXPERT_RATE * gemm.compute_fraction * accelerator.peak_flop_per_s
        bandwidth = gemm.memory_fraction * accelerator.bandwidth_bytes_per_s
        self.flop = 2.0 * weights * mean_pairs
        self.weight_bytes = weights * precision.expert_bytes * mean_touched
        self.compute_s = 2.0 * weights * most_pairs / rate
        self.memory_s = weights * precision.expert_bytes * most_touched / bandwidth


def _exchanges(
    model: tf.Transformer, plan: ServingPlan, precision: Precision, tokens: Array, accelerator: Accelerator
) -> tuple[Array, Array]:
    """Return time and bytes sent of all exchanges between accelerators, by the tokens of one group."""
    message = model.hidden_size * precision.activation_bytes * tokens
    reductions = 2.0 * model.layers - (model.expert_layers if plan.data > 1 else 0.0)
    link, quick = accelerator.link, accelerator.low_latency_link
    time_s, sent = _collective("all_reduce", message, plan.tensor, link, reductions)
    if quick is not None:
        time_s = np.minimum(time_s, _collective("all_reduce", message, plan.tensor, quick, reductions)[0])
    if plan.data == 1:
        return time_s, sent
    mean, most = routed_tokens(model, tokens * plan.data, plan.expert)
    uneven = np.where(tokens > 0.0, most / np.maximum(mean, 1e-300), 1.0)
    copies = copies_per_token(model, plan.expert, plan.expert_tensor)
    buffer = message / plan.tensor * copies
    calls = 2.0 * model.expert_layers
    slowest_s, _ = _collective("all_to_all", buffer * uneven, plan.accelerators, link, calls)
    _, exchanged = _collective("all_to_all", buffer, plan.accelerators, link, calls)
    return time_s + slowest_s, sent + exchanged


def _collective(operation: Operation, message: Array, ranks: int, link: Link, calls: float) -> tuple[Array, Array]:
    if ranks == 1:
        return np.zeros_like(message), np.zeros_like(message)
    sent = traffic_bytes(operation, 1.0, ranks) * message
    time_s = collective_time_s(operation, 0.0, ranks, link) + sent / link.bandwidth_bytes_per_s
    return calls * time_s, calls * sent
