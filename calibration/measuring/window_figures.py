"""Energy, power and clock of a window, from the readings taken inside it.

Counters are stale: they move once in their update period (about 100 ms on NVIDIA boards), so their difference over a
window is off by up to one period at each end. The energy used here is the difference between the first and the last
*tick* inside the window, scaled to the window: the load is steady, ticks are known to the sampling period, and the
error falls from period / window to sampling period / window.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from calibration.measuring.readings import EnergyFrom, Reading

FEWEST_TICKS: Final = 5
"""Ticks of the counter below which its plain difference is used."""


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """What the readings of a window say; None where the sensor does not know.

    Args:
        energy_j: of the window, from what the sensor offers best.
        mean_power_w: mean of instant power, by trapezoids, as a cross-check.
        temperature_c: last.
        clock_mhz: mean.
    """

    energy_j: float | None
    mean_power_w: float | None
    temperature_c: float | None
    clock_mhz: float | None


def window_figures(
    readings: Sequence[Reading], began_s: float, ended_s: float, energy_from: EnergyFrom
) -> WindowFigures:
    """Return the figures of a window.

    Args:
        readings: in order of time, from before to after the window.
        began_s: first synchronisation.
        ended_s: second synchronisation.
        energy_from: what the sensor's energy rests on.
    """
    mean_power_w = mean_power(readings, began_s, ended_s)
    energy_j: float | None = None
    if energy_from == "counter":
        energy_j = counter_energy_j(readings, began_s, ended_s)
    elif energy_from == "power_integral" and mean_power_w is not None:
        energy_j = mean_power_w * (ended_s - began_s)
    clocks = [reading.clock_mhz for reading in readings if reading.clock_mhz is not None]
    temperatures = [reading.temperature_c for reading in readings if reading.temperature_c is not None]
    return WindowFigures(
        energy_j=energy_j,
        mean_power_w=mean_power_w,
        temperature_c=temperatures[-1] if temperatures else None,
        clock_mhz=sum(clocks) / len(clocks) if clocks else None,
    )


def counter_energy_j(readings: Sequence[Reading], began_s: float, ended_s: float) -> float | None:
    """Return the energy between two instants from a counter that moves in ticks.

    Args:
        readings: in order of time.
        began_s: first instant.
        ended_s: last instant.

    >>> stale = [Reading(t / 50, energy_j=300.0 * (t // 5) / 10) for t in range(51)]  # 300 W, a tick each 0.1 s
    >>> round(counter_energy_j(stale, 0.05, 0.97), 3)
    276.0
    """
    known = [(reading.t_s, reading.energy_j) for reading in readings if reading.energy_j is not None]
    if len(known) < 2:
        return None
    ticks = [
        after for before, after in itertools.pairwise(known) if after[1] != before[1] and began_s <= after[0] <= ended_s
    ]
    if len(ticks) >= FEWEST_TICKS:
        (first_s, first_j), (last_s, last_j) = ticks[0], ticks[-1]
        return (last_j - first_j) / (last_s - first_s) * (ended_s - began_s)
    return known[-1][1] - known[0][1]


def mean_power(readings: Sequence[Reading], began_s: float, ended_s: float) -> float | None:
    """Return the mean of instant power between two instants, by trapezoids; None where nothing was read inside."""
    known = [
        (reading.t_s, reading.power_w)
        for reading in readings
        if reading.power_w is not None and began_s <= reading.t_s <= ended_s
    ]
    if not known:
        return None
    if len(known) == 1:
        return known[0][1]
    area = sum(0.5 * (p + q) * (v - u) for (u, p), (v, q) in itertools.pairwise(known))
    return area / (known[-1][0] - known[0][0])
