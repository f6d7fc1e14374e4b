"""Run every phase of the transformer, measure it, and set prediction and measurement side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import torch

from calibration.checking.decoder import Decoder
from calibration.checking.phases import CPU_MODEL, CPU_PHASES, GPU_MODEL, GPU_PHASES, Phase
from calibration.checking.prediction import Prediction, number_format, predict
from calibration.measuring.bench import Bench
from calibration.measuring.operands import DTYPES
from calibration.measuring.prepared import CannotRunError, KernelLoop
from calibration.measuring.runtime import Runtime
from calibration.measuring.torch_device import guarded
from calibration.measuring.window_figures import window_figures
from simulator.physics.transformer import Transformer
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile

_T95: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""97.5 % quantiles of Student's t for 1 to 9 degrees of freedom (any table of the distribution)."""

Notify = Callable[[float, float, str], None]
"""Told windows done, windows in all, and the phase under way."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How long and how often.

    Args:
        warm_up_s: before each phase.
        window_s: shortest window.
        replicates: windows of a phase.
    """

    warm_up_s: float
    window_s: float
    replicates: int


FULL: Final = Protocol(10.0, 10.0, 5)
QUICK: Final = Protocol(3.0, 4.0, 3)


@dataclass(frozen=True, slots=True)
class PhaseCheck:
    """One phase, predicted and measured; per repetition.

    Args:
        phase: its name.
        kind: prefill, decode or training.
        predicted_s: time predicted.
        predicted_u_s: half width of its 95 % interval.
        measured_s: time measured.
        measured_u_s: half width of its 95 % interval, from the replicates.
        predicted_j: board energy predicted.
        predicted_u_j: half width.
        measured_j: board energy measured; None without a sensor.
        measured_u_j: half width.
    """

    phase: str
    kind: str
    predicted_s: float
    predicted_u_s: float
    measured_s: float
    measured_u_s: float
    predicted_j: float
    predicted_u_j: float
    measured_j: float | None
    measured_u_j: float | None

    @property
    def time_error(self) -> float:
        """Predicted / measured time - 1."""
        return self.predicted_s / self.measured_s - 1.0

    @property
    def energy_error(self) -> float | None:
        """Predicted / measured energy - 1; None without a sensor."""
        return None if self.measured_j is None else self.predicted_j / self.measured_j - 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return figures and errors for a file."""
        return asdict(self) | {"time_error": self.time_error, "energy_error": self.energy_error}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Args:
        rows: phases that ran.
        skipped: reason for each phase that did not, by name.
    """

    rows: tuple[PhaseCheck, ...]
    skipped: dict[str, str]


def check(
    profile: Profile[AcceleratorRecord],
    bench: Bench,
    runtime: Runtime,
    protocol: Protocol,
    notify: Notify,
) -> Checked:
    """Measure a transformer that no fit has seen, and compare.

    Args:
        profile: what predicts.
        bench: device and sensor.
        runtime: of the device.
        protocol: how long and how often.
        notify: told how far it is.

    Raises:
        InputError: the device has failed, or the profile has no format for it.
    """
    shape, phases = (GPU_MODEL, GPU_PHASES) if runtime.kind == "cuda" else (CPU_MODEL, CPU_PHASES)
    name = number_format(profile.record, runtime.kind)
    bench.device.open()
    bench.watch.own_context_made()
    rows: list[PhaseCheck] = []
    skipped: dict[str, str] = {}
    for index, phase in enumerate(phases):
        notify(index * protocol.replicates, len(phases) * protocol.replicates, phase.name)
        try:
            durations, energies = guarded(lambda p=phase: _measured(shape, p, DTYPES[name], bench, runtime, protocol))  # type: ignore[misc]
        except CannotRunError as error:
            skipped[phase.name] = str(error)
            continue
        finally:
            bench.device.release()
        rows.append(_row(phase, predict(profile, shape, phase, name), durations, energies))
    return Checked(tuple(rows), skipped)


def _measured(
    shape: Transformer, phase: Phase, dtype: torch.dtype, bench: Bench, runtime: Runtime, protocol: Protocol
) -> tuple[list[float], list[float]]:
    """Return time and energy per repetition of each window; no energies where no sensor gave any."""
    decoder = Decoder(shape, runtime.device, dtype, seed=1)
    call = decoder.call(phase)
    # Serving engines replay recorded iterations; a training step allocates and frees, and is launched kernel by kernel.
    replay = runtime.record([call]) if phase.kind != "training" else None
    loop = KernelLoop([replay or call], _Unrecorded(runtime), bench.clock)
    loop.warm_up(protocol.warm_up_s)
    durations, energies = [], []
    for _ in range(protocol.replicates):
        counted = [0]

        def run(counted: list[int] = counted) -> None:
            counted[0] = loop.run(protocol.window_s)

        bench.watch.begin()
        began_s, ended_s, readings = bench.sampler.around(run)
        others = bench.watch.verdict()
        if others:
            raise CannotRunError(others)
        durations.append((ended_s - began_s) / counted[0])
        energy_j = window_figures(readings, began_s, ended_s, bench.sensor.energy_from).energy_j
        if energy_j is not None:
            energies.append(energy_j / counted[0])
    return durations, energies


class _Unrecorded:
    """A runtime that records nothing more: a recording cannot be recorded."""

    def __init__(self, runtime: Runtime) -> None:
        self.kind, self.device = runtime.kind, runtime.device
        self.synchronize = runtime.synchronize
        self.open, self.free_bytes = runtime.open, runtime.free_bytes
        self.spin, self.release = runtime.spin, runtime.release

    def record(self, calls: Sequence[Callable[[], object]]) -> None:  # noqa: ARG002
        """Return None: nothing is recorded."""
        return


def _row(phase: Phase, predicted: Prediction, durations: list[float], energies: list[float]) -> PhaseCheck:
    measured_s, measured_u_s = _mean(durations)
    measured_j, measured_u_j = _mean(energies) if len(energies) == len(durations) else (None, None)
    return PhaseCheck(
        phase.name,
        phase.kind,
        predicted.time_s,
        predicted.time_u_s,
        measured_s,
        measured_u_s,
        predicted.energy_j,
        predicted.energy_u_j,
        measured_j,
        measured_u_j,
    )


def _mean(values: list[float]) -> tuple[float, float]:
    """Return the mean and the half width of its 95 % interval (no width from a single value)."""
    count = len(values)
    if count < 2:
        return values[0], math.nan
    quantile = _T95[min(count - 2, len(_T95) - 1)]
    return float(np.mean(values)), quantile * float(np.std(values, ddof=1)) / math.sqrt(count)
