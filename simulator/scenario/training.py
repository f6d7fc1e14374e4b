"""Workloads of kind `training`: a job that trains a model on a gang of accelerators."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simulator.documents.validation import Section
from simulator.scenario.inference import PrecisionName
from simulator.scenario.names import Fraction, Name, NonNegative, Positive, Share

Ranks = Annotated[int, Field(ge=1, le=1_000_000)]


class TrainingParallelism(Section):
    """How the job spreads: data x tensor x pipeline x context accelerators."""

    data: Ranks = 1
    """Replicas of the model, each on its part of the batch."""
    tensor: Ranks = 1
    """Accelerators that share each layer."""
    pipeline: Ranks = 1
    """Stages of layers."""
    context: Ranks = 1
    """Accelerators that share each sequence."""
    expert: Ranks = 1
    """Accelerators, of those that differ in data or context, over which the experts of a layer are spread."""
    interleave: Annotated[int, Field(ge=1, le=64)] = 1
    """Chunks of layers per pipeline stage."""


class FullTraining(Section):
    """All weights are trained with Adam."""

    kind: Literal["full"]
    shard_optimizer: bool = True
    """Optimizer states are sharded over data-parallel replicas (ZeRO stage 1)."""
    shard_weights: bool = False
    """Weights and gradients are sharded over them as well (ZeRO stage 3, FSDP): they are exchanged layer by layer."""

    @model_validator(mode="after")
    def _weights_go_with_optimizer(self) -> Self:
        if self.shard_weights and not self.shard_optimizer:
            raise ValueError("shard_weights needs shard_optimizer: whoever shards weights shards their states")
        return self


class LoraTraining(Section):
    """The weights are frozen; low-rank adapters on the attention projections are trained."""

    kind: Literal["lora"]
    rank: Annotated[int, Field(ge=1, le=1024)]
    """Rank of the adapters."""


Method = Annotated[FullTraining | LoraTraining, Field(discriminator="kind")]


class ModelledRate(Section):
    """Speed follows from architecture, plan and device profile."""

    kind: Literal["modelled"]
    sustained_fraction: Share = 0.75
    """Sustained / modelled rate of the devices over a real run; fitted to four published runs (docs/validation.md)."""
    tensor_overlap: Fraction = 0.0
    """Share of the exchange among tensor-parallel ranks, and among those that share experts, hidden behind products."""
    data_overlap: Fraction = 0.8
    """Share of the last backward pass behind which gradient reduction can hide."""
    step_overhead_s: NonNegative = 0.17
    """Host work between steps, from the same fit; close to 0 where a whole step is captured as one graph."""
    host_layer_s: NonNegative = 0.0
    """Host time to launch one pass over a layer; no pass takes less. 0 where whole steps are captured as graphs."""


class AchievedRate(Section):
    """Speed is a published figure: model operations per second of one accelerator, averaged over the run."""

    kind: Literal["achieved"]
    tflop_per_s_per_accelerator: Positive
    """Model operations (10^12) per second and accelerator."""


Rate = Annotated[ModelledRate | AchievedRate, Field(discriminator="kind")]


class TokenLength(Section):
    """Train on a number of tokens."""

    kind: Literal["tokens"]
    tokens: Positive
    """Tokens in all."""


class SequenceLength(Section):
    """Train on a number of sequences."""

    kind: Literal["sequences"]
    sequences: Annotated[int, Field(ge=1)]
    """Sequences in all."""


class StepLength(Section):
    """Train for a number of optimizer steps."""

    kind: Literal["steps"]
    steps: Annotated[int, Field(ge=1)]
    """Steps."""


Length = Annotated[TokenLength | SequenceLength | StepLength, Field(discriminator="kind")]


class Evaluation(Section):
    """Forward passes over held-out sequences."""

    sequences: Annotated[int, Field(ge=1)]
    """Sequences in one evaluation."""
    every_steps: Annotated[int, Field(ge=1)]
    """Steps between evaluations."""
    first_step: Annotated[int, Field(ge=1)] | None = None
    """Step of the first one; absent: the first multiple of `every_steps`."""


class Checkpoint(Section):
    """Weights and optimizer states written to the shared storage while training pauses."""

    every_h: Positive
    """Time between checkpoints."""


class Interruptions(Section):
    """Failures, at random, after which the whole job starts again from its last checkpoint."""

    mean_accelerator_h: Positive = 50_700.0
    """Accelerator-hours between two of them: 419 in 54 days on 16,384 H100 (docs/sources.md, interruptions)."""
    restart_s: NonNegative = 660.0
    """Time until it steps again: median of automatic retries on 504 B200 (docs/sources.md, interruptions)."""


class TrainingWorkload(Section):
    """One training job."""

    kind: Literal["training"]
    name: Name
    """Name of the job."""
    model: str
    """Model, by name, alias, profile path or path of a Hugging Face config.json."""
    precision: PrecisionName = "bf16"
    """Format of the matrix products."""
    servers: Name
    """Hall that the job runs in."""
    submit_h: NonNegative = 0.0
    """When the job enters the queue."""
    parallelism: TrainingParallelism
    """Spread over accelerators."""
    method: Method
    """What is trained."""
    sequence_tokens: Annotated[int, Field(ge=1, le=10_000_000)]
    """Tokens per sequence."""
    batch_sequences: Annotated[int, Field(ge=1, le=100_000_000)]
    """Sequences per optimizer step, over all replicas."""
    microbatch_sequences: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Sequences that one replica processes at a time."""
    recompute: Literal["none", "full"] = "none"
    """Whether the backward pass recomputes activations."""
    length: Length
    """How long it trains."""
    rate: Rate = ModelledRate(kind="modelled")
    """Where its speed comes from."""
    startup_s: NonNegative = 0.0
    """Time at the start in which accelerators hold the job without training: loading, compiling, first slow steps."""
    evaluation: Evaluation | None = None
    """Evaluations during training."""
    checkpoint: Checkpoint | None = None
    """Checkpoints during training."""
    interruptions: Interruptions | None = None
    """Failures that stop the job; absent: nothing fails."""
