"""The rule that guesses unpublished plans gives the plans that were published."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.validation.plans import TrainingTask, plan_for
from simulator.errors import InputError
from simulator.physics.precision import PRECISIONS
from simulator.physics.training_plan import memory_need_bytes
from simulator.profiles import catalogue

H100_BYTES, H200_BYTES, V100_BYTES = 80e9, 141e9, 32e9


def task(model: str, precision: str, sequence: int, batch: int, rank: int | None = None) -> TrainingTask:
    return TrainingTask(catalogue.model(model, Path()).record.transformer(), precision, sequence, batch, rank)


LORA = task("llama-2-70b", "fp8", 8192, 8, 16)


@pytest.mark.parametrize(
    ("accelerators", "memory_bytes", "batch", "tensor", "context", "data"),
    [
        # Names of NVIDIA's configurations for Llama 2 70B LoRA in mlcommons/training_results_v4.0.
        (8, H100_BYTES, 8, 4, 1, 2),
        (1024, H100_BYTES, 128, 4, 2, 128),
        (8, H200_BYTES, 8, 2, 1, 4),
    ],
)
def test_published_plans(
    accelerators: int, memory_bytes: float, batch: int, tensor: int, context: int, data: int
) -> None:
    plan = plan_for(task("llama-2-70b", "fp8", 8192, batch, 16), accelerators, 8, memory_bytes)
    assert (plan.tensor, plan.context, plan.data, plan.pipeline) == (tensor, context, data, 1)
    assert plan.recompute == "none"


def test_a_small_model_needs_data_parallelism_only() -> None:
    # MLPerf BERT on one node: 1 x 8 x 48 sequences in the name of the configuration.
    plan = plan_for(task("bert-large", "fp8", 512, 384), 8, 8, H100_BYTES)
    assert (plan.data, plan.tensor, plan.pipeline, plan.context) == (8, 1, 1, 1)
    assert plan.microbatch_sequences == 48


def test_a_large_model_becomes_stages_of_whole_servers() -> None:
    work = task("gpt3-175b", "fp16", 2048, 1536)
    plan = plan_for(work, 1024, 8, V100_BYTES)
    assert plan.tensor == 8
    # The weights alone, 175e9 x 2 bytes over 8 accelerators a stage, need this many.
    assert plan.pipeline >= 175e9 * 2 / 8 / V100_BYTES
    assert memory_need_bytes(work.model, plan, PRECISIONS["fp16"]) <= V100_BYTES
    assert plan.data * plan.tensor * plan.pipeline * plan.context == 1024


@pytest.mark.parametrize("accelerators", [8, 16, 64, 256])
@pytest.mark.parametrize("rank", [None, 16])
def test_a_plan_uses_all_and_fits(accelerators: int, rank: int | None) -> None:
    work = task("llama-3.1-8b", "bf16", 4096, 256, rank)
    plan = plan_for(work, accelerators, 8, H100_BYTES)
    assert plan.data * plan.tensor * plan.pipeline * plan.context == accelerators
    assert plan.batch_sequences % (plan.data * plan.microbatch_sequences) == 0
    assert memory_need_bytes(work.model, plan, PRECISIONS["bf16"]) <= H100_BYTES


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="no plan of 8 accelerators fits into 16 GB each"):
        plan_for(task("gpt3-175b", "fp16", 2048, 1536), 8, 8, 16e9)


def test_a_number_that_nothing_divides_is_refused() -> None:
    with pytest.raises(InputError, match="no plan of 7 accelerators"):
        plan_for(task("llama-2-70b", "fp8", 8192, 8, 16), 7, 8, H100_BYTES)
