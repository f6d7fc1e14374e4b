"""Diesel generators: fuel by load, and how many run.

What burning it emits is the subject of `simulator.physics.emissions`, per heat of combustion.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.physics.domains import require_positive, require_range
from simulator.physics.emissions import DIESEL_HEAT_MMBTU_PER_GALLON, JOULES_PER_MMBTU

LITRES_PER_GALLON = 3.785411784

HEAT_J_PER_L = DIESEL_HEAT_MMBTU_PER_GALLON * JOULES_PER_MMBTU / LITRES_PER_GALLON
"""Higher heating value of a litre of distillate fuel oil no. 2 (40 CFR 98 Table C-1)."""


def fuel_l_per_s(load_w: float, rated_w: float, curve: Sequence[tuple[float, float]]) -> float:
    """Return the fuel that one running generator burns.

    Args:
        load_w: power that it delivers (W), 0 to rated.
        rated_w: rated power (W).
        curve: (load / rated load, litres per joule of *rated* energy) in rising order of load, the last at 1: points of
            a data sheet in litres per hour, over rated power and 3,600 s. Below the first point the first two are
            prolonged.

    Litres per hour, not efficiency, are interpolated: a Willans line is straight in fuel, and bent in efficiency.

    >>> curve = [(0.25, 2.25e-8), (1.0, 7.46e-8)]
    >>> round(fuel_l_per_s(2e6, 2e6, curve) * 3600.0, 1), round(fuel_l_per_s(0.0, 2e6, curve) * 3600.0, 1)
    (537.1, 37.0)
    """
    require_positive("rated_w", rated_w)
    require_range("load_w", load_w, 0.0, rated_w * (1.0 + 1e-9))
    share = load_w / rated_w
    for index in range(1, len(curve)):
        (low, fuel_low), (high, fuel_high) = curve[index - 1], curve[index]
        if share <= high or index == len(curve) - 1:
            return rated_w * max(fuel_low + (share - low) * (fuel_high - fuel_low) / (high - low), 0.0)
    raise ValueError(f"a fuel curve needs two or more points, got {len(curve)}")


def running_units(load_w: float, unit_w: float, units: int) -> int:
    """Return how many of several equal generators run for a load: as few as carry it, at least one.

    >>> running_units(4.1e6, 2e6, 4), running_units(9e6, 2e6, 4), running_units(0.0, 2e6, 4)
    (3, 4, 1)
    """
    require_positive("unit_w", unit_w)
    whole = -(-load_w // unit_w)
    return int(min(max(whole, 1), units))
