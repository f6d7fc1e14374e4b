"""What real training steps take beside the modelled ones: a sustained share of the rate, and host time per step.

Two numbers, fitted to the steps of four published runs whose plan is published as well and in which the speed of the
network matters little. Stalls, stragglers and kernels that the roofline ignores slow everything by the first; data
loading, launches, gradient clipping and logging take the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.fitting.least_squares import Array, Fit, Mask, Parameter, fit
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS
from simulator.physics.training import training_step
from simulator.physics.training_plan import Network, TrainingPlan
from simulator.physics.transformer import Transformer
from simulator.profiles import catalogue
from simulator.scenario.training import ModelledRate

_ACROSS = Link(startup_s=29e-6, rank_s=2e-6, bandwidth_bytes_per_s=0.8 * 25e9)
"""A 200 Gbit/s adapter per accelerator."""

MT_NLG = Transformer(
    "decoder", 105, 20480, 128, 128, 160, 81920, False, 51200, True,
    positions=2048, attention_bias="all", ffn_bias=True, norm_parameters=2,
)  # fmt: skip
"""Megatron-Turing NLG 530B (Smith et al. 2022, arXiv:2201.11990): layers, width, heads."""


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A run whose plan and duration of a step are published.

    Args:
        name: name of the run.
        model: the model.
        accelerator: profile of the accelerators.
        precision: format of the products.
        spread: data, tensor and pipeline parallelism.
        batch: sequences per step, sequences per microbatch.
        step_s: measured duration of a step.
    """

    name: str
    model: Transformer
    accelerator: str
    precision: str
    spread: tuple[int, int, int]
    batch: tuple[int, int]
    step_s: float

    def modelled_s(self, sustained_fraction: float, step_overhead_s: float) -> float:
        """Return the modelled duration of a step."""
        rate = ModelledRate(kind="modelled")
        data, tensor, pipeline = self.spread
        plan = TrainingPlan(
            data, tensor, pipeline, 1, 1, 2048, *self.batch, None, "full", True,
            rate.tensor_overlap, rate.data_overlap, sustained_fraction, step_overhead_s,
        )  # fmt: skip
        accelerator = catalogue.accelerator(self.accelerator, Path()).record.rates(self.precision)
        network = Network(accelerator.link, _ACROSS, 8)
        return training_step(self.model, plan, accelerator, network, PRECISIONS[self.precision]).time_s


def _pythia(name: str, spread: tuple[int, int, int], microbatch: int, wall_h: float) -> PublishedRun:
    """Return a run of Biderman et al. 2023 (arXiv:2304.01373, Table 5); plan from EleutherAI/pythia, models/*.yml."""
    steps = 143_000
    model = catalogue.model(name, Path()).record.transformer()
    return PublishedRun(name, model, "a100-sxm-40gb", "fp16", spread, (1024, microbatch), wall_h * 3600.0 / steps)


def published_runs() -> list[PublishedRun]:
    """Return the runs of the fit."""
    return [
        _pythia("pythia-410m", (32, 1, 1), 32, 79.4),
        _pythia("pythia-1.4b", (64, 1, 1), 16, 111.2),
        _pythia("pythia-6.9b", (64, 2, 1), 8, 261.7),
        PublishedRun("mt-nlg-530b", MT_NLG, "a100-sxm-80gb", "bf16", (8, 8, 35), (1920, 1), 60.1),
    ]


def fit_training_rate() -> Fit:
    """Fit the sustained fraction and the host time of a step; each run is left out once."""
    runs = published_runs()

    def model(p: Array, mask: Mask) -> Array:
        chosen = [run for run, wanted in zip(runs, mask, strict=True) if wanted]
        return np.array([run.modelled_s(float(p[0]), float(p[1])) for run in chosen])

    measured = np.array([run.step_s for run in runs])
    parameters = [Parameter("sustained_fraction", 0.3, 0.8, 1.0), Parameter("step_overhead_s", 0.0, 0.05, 1.0)]
    return fit(model, measured, parameters, groups=np.arange(len(runs), dtype=np.float64))
