"""What a check predicts: the simulator's own iteration, and widths from the ranges of a profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from calibration.checking.phases import GPU_MODEL, GPU_PHASES, Phase
from calibration.checking.prediction import Iteration, iteration_cost, number_format, predict
from simulator.engine.serving.batch import Prefill
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.physics.inference import inference_model
from simulator.physics.precision import PRECISIONS
from simulator.physics.transformer import parameter_count
from simulator.profiles import catalogue
from simulator.profiles.sourced import Provenance

PROFILE = catalogue.accelerator("h200-sxm-141gb", Path())


def without_range(source: Provenance) -> Provenance:
    return source.model_copy(update={"low": None, "high": None})


def test_the_model_has_about_a_billion_parameters() -> None:
    assert parameter_count(GPU_MODEL) == pytest.approx(1.03e9, rel=0.05)


@pytest.mark.parametrize("phase", [phase for phase in GPU_PHASES if phase.kind == "decode"], ids=lambda p: p.name)
def test_it_is_the_engine_s_iteration_without_host_time(phase: Phase) -> None:
    """The engine's cost of the same iteration, with a host that takes no time."""
    rates = PROFILE.record.rates("bf16")
    rates = replace(rates, host=replace(rates.host, step_s=0.0, sequence_s=0.0))
    count, tokens = phase.sequences, phase.sequences * phase.tokens
    model = inference_model(GPU_MODEL, rates, 1, PRECISIONS["bf16"], 2.0, tokens, count)
    time_s, energy_j = IterationCost(model, PROFILE.record.power.cap_w).decode(count, tokens)
    predicted = predict(PROFILE, GPU_MODEL, phase, "bf16")
    assert predicted.time_s == pytest.approx(time_s, rel=1e-9)
    assert predicted.energy_j == pytest.approx(energy_j, rel=1e-9)


@pytest.mark.parametrize(
    ("count", "context", "prompts", "prompt"), [(0, 0, 2, 512), (15, 700, 1, 512), (60, 90, 4, 300)]
)
def test_an_iteration_with_prefill_is_the_engine_s(count: int, context: int, prompts: int, prompt: int) -> None:
    """Prompts alone, and prompts that join a decoding batch."""
    rates = PROFILE.record.rates("bf16")
    rates = replace(rates, host=replace(rates.host, step_s=0.0, sequence_s=0.0))
    tokens, pairs = prompts * prompt, prompts * prompt * (prompt + 1) // 2
    model = inference_model(GPU_MODEL, rates, 1, PRECISIONS["bf16"], 2.0, count + tokens, count + prompts)
    chunks = Prefill(tokens=tokens, pairs=pairs, keys=tokens, chunks=prompts, logits=prompts, longest_keys=prompt,
                     longest_chunk=prompt)  # fmt: skip
    expected = IterationCost(model, PROFILE.record.power.cap_w).mixed(count, count * context, chunks)
    found = iteration_cost(rates, GPU_MODEL, PRECISIONS["bf16"], 1, Iteration(count, context, prompts, prompt))
    assert found == pytest.approx(expected, rel=1e-9)


def test_no_phase_beats_the_datasheet() -> None:
    """2 operations per parameter and token, six in training; and the weights are read at least once."""
    peak, bandwidth = PROFILE.record.peak_flop_per_s["bf16"], PROFILE.record.memory_bandwidth_bytes_per_s
    embedding = GPU_MODEL.vocabulary * GPU_MODEL.hidden_size
    weights = parameter_count(GPU_MODEL) - 2 * embedding
    for phase in GPU_PHASES:
        tokens = phase.sequences * (1 if phase.kind == "decode" else phase.tokens)
        passes = 3.0 if phase.kind == "training" else 1.0
        least_s = max(passes * 2.0 * weights * tokens / peak, 2.0 * weights / bandwidth)
        assert predict(PROFILE, GPU_MODEL, phase, "bf16").time_s > least_s, phase.name


def test_widths_follow_the_ranges_of_figures() -> None:
    """Decode at batch 1 reads weights: its time is as uncertain as the bandwidth that it reaches."""
    fraction = PROFILE.record.gemm.memory_fraction
    narrow = Provenance(kind="measured", source="made up", low=0.96 * fraction, high=min(1.04 * fraction, 1.0))
    known = {path: without_range(source) for path, source in PROFILE.sources.items()}
    phase = Phase("decode", 1, 64)
    predicted = predict(replace(PROFILE, sources={**known, "gemm.memory_fraction": narrow}), GPU_MODEL, phase, "bf16")
    assert 0.005 < predicted.time_u_s / predicted.time_s < 0.04
    certain = replace(PROFILE, sources=known)
    assert predict(certain, GPU_MODEL, phase, "bf16").time_u_s == 0.0


def test_formats() -> None:
    assert number_format(PROFILE.record, "cuda") == "bf16"
    assert number_format(PROFILE.record, "cpu") == "fp32"
