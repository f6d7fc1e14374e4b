"""Finding out what a sensor does, before anything is measured: steps and square waves of a heavy load.

Half periods of the waves are drawn at random around their mean. A wave whose period is a multiple of the sensor's own
would keep one phase with it, and every reading would say the same, whatever the sensor does in between.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np

from calibration.measuring.bench import Bench
from calibration.measuring.prepared import Prepared
from calibration.measuring.readings import Reading
from calibration.measuring.record import SensorCharacter
from calibration.measuring.sensor_response import fit_response, update_period_s

STEPS: Final = 3
STEP_S: Final = 1.5
"""Longer than any averaging window that was found on a board."""
HALF_PERIODS_S: Final = (0.4, 0.2, 0.1, 0.05, 0.02)
"""Mean half periods of the square waves."""
JITTER: Final = 0.3
"""Share by which each half period differs at most from its mean."""
WAVE_S: Final = 1.6
"""Time of each square wave."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Readings under a load that was switched on and off.

    Args:
        readings: in order.
        busy: intervals in which the load was on.
    """

    readings: list[Reading]
    busy: list[tuple[float, float]]


def characterise(bench: Bench, load: Prepared, time_s: float, seed: int) -> SensorCharacter:
    """Return what the sensor of a bench does.

    Args:
        bench: the bench.
        load: something heavy, warmed up.
        time_s: time that it may take; less than the whole pattern takes shortens every part of it.
        seed: of the half periods.
    """
    sensor = bench.sensor
    if sensor.energy_from == "none":
        return SensorCharacter(name=sensor.name, energy_from="none", boundary=sensor.boundary)
    whole_s = 2 * STEPS * STEP_S + STEP_S + len(HALF_PERIODS_S) * WAVE_S
    probe = take_probe(bench, load, min(time_s / whole_s, 1.0), np.random.default_rng(seed))
    return evaluate(bench, probe)


def take_probe(bench: Bench, load: Prepared, scale: float, rng: np.random.Generator) -> Probe:
    """Return readings over steps and square waves, every part shortened by `scale`; half periods come from `rng`."""
    busy: list[tuple[float, float]] = []

    def burst(duration_s: float) -> None:
        began_s = bench.clock.now_s()
        load.run(duration_s)
        busy.append((began_s, bench.clock.now_s()))

    def pattern() -> None:
        bench.clock.wait(STEP_S * scale)
        for _ in range(STEPS):
            burst(STEP_S * scale)
            bench.clock.wait(STEP_S * scale)
        for half_s in HALF_PERIODS_S:
            end_s = bench.clock.now_s() + WAVE_S * scale
            while bench.clock.now_s() < end_s:
                burst(half_s * rng.uniform(1.0 - JITTER, 1.0 + JITTER))
                bench.clock.wait(half_s * rng.uniform(1.0 - JITTER, 1.0 + JITTER))

    _, _, readings = bench.probe_sampler.around(pattern)
    return Probe(readings, busy)


def evaluate(bench: Bench, probe: Probe) -> SensorCharacter:
    """Return what the readings of a probe say about the sensor."""
    sensor, readings = bench.sensor, probe.readings
    energy = [(reading.t_s, reading.energy_j) for reading in readings if reading.energy_j is not None]
    power = [(reading.t_s, reading.power_w) for reading in readings if reading.power_w is not None]
    average = [(reading.t_s, reading.average_power_w) for reading in readings if reading.average_power_w is not None]
    steps = [after - before for (_, before), (_, after) in itertools.pairwise(energy) if after > before]
    instant = fit_response(*_split(power), probe.busy) if power else None
    averaged = fit_response(*_split(average), probe.busy) if average else None
    return SensorCharacter(
        name=sensor.name,
        energy_from=sensor.energy_from,
        boundary=sensor.boundary,
        counter_period_s=update_period_s(*_split(energy)) if energy else None,
        counter_step_j=min(steps) if steps else None,
        update_period_s=update_period_s(*_split(power)) if power else None,
        averaging_window_s=instant.averaging_window_s if instant else None,
        lag_s=instant.lag_s if instant else None,
        response_unexplained=instant.unexplained if instant else None,
        average_power_window_s=averaged.averaging_window_s if averaged else None,
    )


def _split(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [first for first, _ in pairs], [second for _, second in pairs]
