"""A bench for steps of training: a device of round numbers without losses, free links, the plainest plan."""

from __future__ import annotations

import math

import pytest

from simulator.physics.accelerator import Accelerator, HostOverhead
from simulator.physics.accelerator_power import PowerModel
from simulator.physics.links import Link
from simulator.physics.roofline import AttentionEfficiency, GemmEfficiency
from simulator.physics.training_plan import Network, TrainingPlan
from simulator.physics.transformer import Transformer

FREE = Link(startup_s=0.0, rank_s=0.0, bandwidth_bytes_per_s=math.inf)


@pytest.fixture(scope="session")
def ideal() -> Accelerator:
    """100 Tflop/s, memory of endless bandwidth, every fraction 1: only arithmetic takes time."""
    return Accelerator(
        peak_flop_per_s=100e12,
        sixteen_bit_flop_per_s=100e12,
        bandwidth_bytes_per_s=math.inf,
        memory_bytes=80e9,
        gemm=GemmEfficiency(1.0, 1.0, math.inf, 1.0, 0.0),
        attention=AttentionEfficiency(1.0, 1.0, 1.0, 0.0, 0.0, 1.0),
        link=FREE,
        host=HostOverhead(0.0, 0.0),
        power=PowerModel(50.0, 80.0, 200.0, 100.0, {"bf16": 1e-12}, 1e-10, 0.75, 1e-11, 400.0, 150.0, 2.5),
        joules_per_flop=1e-12,
        sixteen_bit_joules_per_flop=1e-12,
    )


@pytest.fixture(scope="session")
def free_network() -> Network:
    """Links that cost nothing, eight accelerators per server."""
    return Network(FREE, FREE, 8)


@pytest.fixture(scope="session")
def one_device() -> TrainingPlan:
    """One accelerator, one microbatch of one sequence of 256 tokens, nothing recomputed, nothing hidden."""
    return TrainingPlan(
        data=1,
        tensor=1,
        pipeline=1,
        context=1,
        interleave=1,
        sequence_tokens=256,
        batch_sequences=1,
        microbatch_sequences=1,
        lora_rank=None,
        recompute="none",
        shard_optimizer=False,
        tensor_overlap=0.0,
        data_overlap=0.0,
        sustained_fraction=1.0,
        step_overhead_s=0.0,
    )


@pytest.fixture(scope="session")
def eight_layers() -> Transformer:
    """A decoder of eight layers with 10,485,760 weights each and so few tokens that its output matrix is nothing."""
    return Transformer("decoder", 8, 1024, 16, 4, 64, 2560, True, 1, True)
