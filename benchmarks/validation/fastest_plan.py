"""The plan with which a run of unknown plan is fastest, among those that the software of its time could carry out.

Whoever trains for weeks tries plans and keeps the fastest. What could be tried changed:

* on GPU until 2022: tensor parallelism inside a server, pipeline stages, interleaved from 2021 (Narayanan et al. 2021,
  arXiv:2104.04473), sharded optimizer states, and full recomputation, because attention scores were kept otherwise;
* on GPU from 2023: weights sharded over replicas as well (FSDP), layers recomputed only where memory asks for it, and
  sequences of 8,192 tokens and more shared by up to four accelerators; from 2024 three of four exchanges of tensor
  parallelism hidden for the most part, as in the configurations of MLPerf Training v4.0 (`mlperf_training`);
* experts are spread over up to 64 replicas that divide them;
* on TPU: weights sharded, no pipeline, recomputation where memory asks for it (PaLM, arXiv:2204.02311).

A batch is the multiple of the replicas that is nearest to the usual one, at most twice as large. A tenth of the memory
is left to buffers and fragments.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.errors import InputError
from simulator.physics.accelerator import Accelerator
from simulator.physics.precision import PRECISIONS
from simulator.physics.training import training_step
from simulator.physics.training_plan import Network, TrainingPlan, memory_need_bytes
from simulator.physics.transformer import Transformer
from simulator.scenario.training import ModelledRate
from simulator.units import BYTES_PER_GB

_STAGES = (1, 2, 4, 8, 12, 16, 32, 35, 64)
_CHUNKS = (1, 2, 4, 8)
_EXPERT_RANKS = (1, 2, 4, 8, 16, 32, 64)
_MICROBATCHES = (1, 2, 4, 8, 16, 32, 64)
_USABLE_MEMORY = 0.9
_LEAST_USED = 0.95
"""Share of the accelerators that a plan must use; GPT-3's 10,000 are no multiple of anything."""
_LONG_SEQUENCE = 8192


@dataclass(frozen=True, slots=True)
class Software:
    """What the training software of a time can do.

    Args:
        interleave: stages may hold several chunks of layers.
        shard_weights: weights may be sharded over replicas.
        pipeline: there may be stages.
        must_recompute: layers are recomputed whether memory asks for it or not.
        tensor_overlap: share of tensor-parallel exchange hidden behind products.
    """

    interleave: bool
    shard_weights: bool
    pipeline: bool
    must_recompute: bool
    tensor_overlap: float = 0.0

    @classmethod
    def of(cls, year: int, tpu: bool) -> Software:
        """Return the software of a year."""
        if tpu:
            return cls(interleave=False, shard_weights=True, pipeline=False, must_recompute=False)
        recent = year >= 2023
        overlap = 0.6 if year >= 2024 else 0.0
        return cls(year >= 2021, recent, pipeline=True, must_recompute=not recent, tensor_overlap=overlap)


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a run has.

    Args:
        accelerator: rates in the run's precision.
        count: accelerators.
        per_server: accelerators of a server.
        network: links.
    """

    accelerator: Accelerator
    count: int
    per_server: int
    network: Network


def fastest_plan(
    model: Transformer,
    precision: str,
    sequence_tokens: int,
    batch_sequences: int,
    hardware: Hardware,
    software: Software,
) -> TrainingPlan:
    """Return the plan that needs the least accelerator time per sequence; of equals the first.

    Raises:
        InputError: no plan fits memory.
    """
    best: tuple[float, TrainingPlan] | None = None
    for plan in _plans(model, sequence_tokens, batch_sequences, hardware, software):
        if memory_need_bytes(model, plan, PRECISIONS[precision]) > _USABLE_MEMORY * hardware.accelerator.memory_bytes:
            continue
        step = training_step(model, plan, hardware.accelerator, hardware.network, PRECISIONS[precision])
        # Accelerators that a plan leaves idle are paid for all the same.
        cost = step.time_s * hardware.count / plan.batch_sequences
        if best is None or cost < best[0]:
            best = cost, plan
    if best is None:
        memory_gb = hardware.accelerator.memory_bytes / BYTES_PER_GB
        raise InputError(f"no plan of {hardware.count:,} accelerators fits into {memory_gb:.0f} GB each")
    return best[1]


def _plans(
    model: Transformer, sequence_tokens: int, batch_sequences: int, hardware: Hardware, software: Software
) -> Iterator[TrainingPlan]:
    rate = ModelledRate(kind="modelled")
    tensors = [count for count in (1, 2, 4, 8) if count <= hardware.per_server and model.heads % count == 0]
    contexts = (1, 2, 4) if sequence_tokens >= _LONG_SEQUENCE else (1,)
    stages = [count for count in _STAGES if count <= model.layers] if software.pipeline else [1]
    for recompute, tensor, pipeline, context in itertools.product(
        ("full",) if software.must_recompute else ("none", "full"), tensors, stages, contexts
    ):
        group = tensor * pipeline * context
        data = hardware.count // group
        if data < 1 or data > 2 * batch_sequences or group * data < _LEAST_USED * hardware.count:
            continue
        batch = max(round(batch_sequences / data), 1) * data
        chunks = [count for count in _CHUNKS if count * pipeline <= model.layers] if pipeline > 1 else [1]
        shard = (False, True) if software.shard_weights and pipeline == 1 else (False,)
        spreads = [count for count in _EXPERT_RANKS if model.experts % count == 0 and (data * context) % count == 0]
        for interleave, shard_weights, expert, microbatch in itertools.product(
            chunks if software.interleave else [1], shard, spreads, _MICROBATCHES
        ):
            if (batch // data) % microbatch == 0:
                yield TrainingPlan(
                    data, tensor, pipeline, context, interleave, sequence_tokens, batch, microbatch, None,
                    "full" if recompute == "full" else "none", True,
                    software.tensor_overlap, rate.data_overlap, rate.sustained_fraction, rate.step_overhead_s,
                    shard_weights, 0.0, expert,
                )  # fmt: skip
