"""Water that a tower evaporates when its air leaves saturated, from tables: cheap enough for a step."""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cache, lru_cache

from simulator.physics import psychrometrics
from simulator.physics.domains import require_positive, require_range

_LOWEST_C, _STEP_C, _COUNT = -60.0, 0.5, 311
_DRY_AIR_J_PER_KG_K = 1006.0
_VAPOUR_AT_ZERO_J_PER_KG = 2.501e6
_VAPOUR_J_PER_KG_K = 1860.0
"""Enthalpy of moist air, ASHRAE Handbook Fundamentals 2017, ch. 1, eq. 30."""
_LEAST_AIR_HEAT_J_PER_KG = 1e3
"""Where water is no warmer than saturated air, which cannot then cool it; keeps the quotient finite."""


@cache
def _saturated_air() -> tuple[list[float], list[float]]:
    """Return temperatures (degC) and enthalpies of saturated air (J/kg of dry air) at the standard pressure."""
    temperatures_c = [_LOWEST_C + _STEP_C * index for index in range(_COUNT)]
    return temperatures_c, [float(psychrometrics.saturated_air_enthalpy_j_per_kg(t)) for t in temperatures_c]


def _interpolated(x: float, xs: list[float], ys: list[float]) -> float:
    index = min(max(bisect_right(xs, x), 1), len(xs) - 1)
    low, high = xs[index - 1], xs[index]
    return ys[index - 1] + (x - low) / (high - low) * (ys[index] - ys[index - 1])


def _humidity_ratio(temperature_c: float, enthalpy_j_per_kg: float) -> float:
    sensible = _DRY_AIR_J_PER_KG_K * temperature_c
    return (enthalpy_j_per_kg - sensible) / (_VAPOUR_AT_ZERO_J_PER_KG + _VAPOUR_J_PER_KG_K * temperature_c)


@lru_cache(maxsize=64)
def _entering(dry_bulb_c: float, wet_bulb_c: float) -> tuple[float, float]:
    """Return humidity ratio and enthalpy (J/kg of dry air) of entering air; weather stays while load changes."""
    require_range("dry_bulb_c", dry_bulb_c, -90.0, 70.0)
    temperatures_c, enthalpies = _saturated_air()
    at_wet_bulb = _interpolated(wet_bulb_c, temperatures_c, enthalpies)
    added = 4186.0 * wet_bulb_c if wet_bulb_c > 0.0 else -333_400.0 + 2100.0 * wet_bulb_c
    vapour = _VAPOUR_AT_ZERO_J_PER_KG + _VAPOUR_J_PER_KG_K * dry_bulb_c
    unsaturated = at_wet_bulb - _humidity_ratio(wet_bulb_c, at_wet_bulb) * added
    ratio = max((unsaturated - _DRY_AIR_J_PER_KG_K * dry_bulb_c) / (vapour - added), 0.0)
    return ratio, _DRY_AIR_J_PER_KG_K * dry_bulb_c + ratio * vapour


def evaporation_kg_per_j(
    dry_bulb_c: float, wet_bulb_c: float, air_heat_j_per_kg: float, warmest_c: float = math.inf
) -> float:
    """Return the water that evaporates per heat that a tower rejects.

    Args:
        dry_bulb_c: dry bulb of the entering air, -60 to 60 degC.
        wet_bulb_c: wet bulb of the entering air (degC).
        air_heat_j_per_kg: heat that a kilogram of dry air takes up (J/kg), above 0; infinite where no fan moves it.
        warmest_c: the water's temperature where it is warmest, which the air cannot leave above (degC).

    h_in + (w_s - w_in) h_f = h_s at the wet bulb, with water or ice of h_f; h_sat(T_out) = h_in + q;
    E = (w_out - w_in) / q. EnergyPlus Engineering Reference, Cooling Tower Makeup Water Usage, Saturated Exit, at sea
    level; `water.evaporation_by_saturated_exit_kg_per_s` is the same without tables.

    >>> round(evaporation_kg_per_j(30.0, 20.0, 25e3) * 2.43e6, 1)
    1.1
    """
    temperatures_c, enthalpies = _saturated_air()
    entering_ratio, entering = _entering(dry_bulb_c, wet_bulb_c)
    leaving = entering + air_heat_j_per_kg
    if warmest_c < math.inf:
        # Less air than the heat needs cannot be: the rest of it comes by natural draught.
        highest = _interpolated(warmest_c, temperatures_c, enthalpies)
        leaving = min(leaving, max(highest, entering + _LEAST_AIR_HEAT_J_PER_KG))
    require_positive("air_heat_j_per_kg", leaving - entering)
    leaving_c = _interpolated(leaving, enthalpies, temperatures_c)
    gained = _humidity_ratio(leaving_c, leaving) - entering_ratio
    return max(gained, 0.0) / (leaving - entering)
