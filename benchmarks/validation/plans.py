"""How a published training run was probably spread, when it does not say: the plan that keeps exchanges cheapest.

Tensor parallelism is the smallest with which whole sequences fit memory, inside a server; pipeline stages follow when
it does not suffice; what is left is data parallelism as far as the batch goes, then context parallelism. Microbatches
are as large as memory allows. The rule gives the plans that NVIDIA published for Llama 2 70B LoRA in MLPerf Training
v4.0: tensor 4 on a server of 8 H100, tensor 4 and context 2 on 128 servers, tensor 2 on a server of 8 H200
(mlcommons/training_results_v4.0, names of the configurations).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.errors import InputError
from simulator.physics.precision import PRECISIONS
from simulator.physics.training_plan import TrainingPlan, memory_need_bytes
from simulator.physics.transformer import Transformer


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """What is trained.

    Args:
        model: the model.
        precision: format of the products.
        sequence_tokens: tokens per sequence.
        batch_sequences: sequences per step.
        lora_rank: rank of adapters; None trains all weights.
    """

    model: Transformer
    precision: str
    sequence_tokens: int
    batch_sequences: int
    lora_rank: int | None


def plan_for(task: TrainingTask, accelerators: int, per_server: int, memory_bytes: float) -> TrainingPlan:
    """Return the plan of a task on a number of accelerators.

    Raises:
        InputError: no plan fits memory.
    """
    for recompute in ("none", "full"):
        for pipeline in _powers(accelerators // per_server or 1):
            for tensor in _powers(min(per_server, accelerators)):
                if task.model.heads % tensor or (pipeline > 1 and tensor < per_server):
                    continue
                plan = _spread(task, accelerators, tensor, pipeline, recompute)
                if plan is not None and _fits(task, plan, memory_bytes):
                    return _largest_microbatch(task, plan, memory_bytes)
    raise InputError(f"no plan of {accelerators} accelerators fits into {memory_bytes / 1e9:.0f} GB each")


def _powers(limit: int) -> list[int]:
    return [2**exponent for exponent in range(limit.bit_length()) if 2**exponent <= limit]


def _spread(task: TrainingTask, accelerators: int, tensor: int, pipeline: int, recompute: str) -> TrainingPlan | None:
    groups, rest = divmod(accelerators, tensor * pipeline)
    if rest:
        return None
    data = max(count for count in range(1, groups + 1) if _divides(count, groups, task.batch_sequences))
    return TrainingPlan(
        data=data,
        tensor=tensor,
        pipeline=pipeline,
        context=groups // data,
        interleave=1,
        sequence_tokens=task.sequence_tokens,
        batch_sequences=task.batch_sequences,
        microbatch_sequences=1,
        lora_rank=task.lora_rank,
        recompute="full" if recompute == "full" else "none",
        shard_optimizer=task.lora_rank is None,
        tensor_overlap=0.0,
        data_overlap=0.0,
        sustained_fraction=1.0,
        step_overhead_s=0.0,
    )


def _divides(data: int, groups: int, batch: int) -> bool:
    return groups % data == 0 and batch % data == 0


def _fits(task: TrainingTask, plan: TrainingPlan, memory_bytes: float) -> bool:
    whole = replace(plan, context=1)
    return memory_need_bytes(task.model, whole, PRECISIONS[task.precision]) <= memory_bytes


def _largest_microbatch(task: TrainingTask, plan: TrainingPlan, memory_bytes: float) -> TrainingPlan:
    share = plan.batch_sequences // plan.data
    if plan.pipeline > 1:
        return plan
    fitting = [plan]
    for size in range(2, share + 1):
        if share % size == 0:
            larger = replace(plan, microbatch_sequences=size)
            if _fits(task, larger, memory_bytes):
                fitting.append(larger)
    return fitting[-1]
