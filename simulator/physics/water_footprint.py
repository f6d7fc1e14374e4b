"""Water beyond the site's pipe: at the power stations, and weighted by how scarce it is where it is consumed."""

from __future__ import annotations

from simulator.physics.domains import NumberT, require_range
from simulator.units import JOULES_PER_KWH


def source_water_l(grid_energy_j: NumberT, water_l_per_kwh: float) -> NumberT:
    """Return the water that power stations consume for the energy drawn from the grid.

    Args:
        grid_energy_j: energy drawn from the grid (J), scalar or array; it already holds the overhead of the site.
        water_l_per_kwh: water intensity of the grid's electricity, EWIF (l/kWh).

    W = E EWIF. Li et al. 2025, arXiv:2304.03271. No PUE appears: E is at the meter.

    >>> round(source_water_l(120.0 * 3.6e6, 3.1), 6)
    372.0
    """
    require_range("grid_energy_j", grid_energy_j, 0.0)
    require_range("water_l_per_kwh", water_l_per_kwh, 0.0)
    result: NumberT = grid_energy_j / JOULES_PER_KWH * water_l_per_kwh
    return result


def scarcity_weighted_l(consumed_l: NumberT, scarcity_factor: float) -> NumberT:
    """Return water consumed, in litres of the world average.

    Args:
        consumed_l: water that does not come back to its basin (l), scalar or array.
        scarcity_factor: AWARE factor of the basin, 0.1 to 100; 1 is the consumption-weighted world average.

    W_s = W CF. Boulay et al. 2018, Int. J. Life Cycle Assess. 23:368-378 (WULCA AWARE): it weights consumption, never
    withdrawal.

    >>> scarcity_weighted_l(100.0, 33.4)
    3340.0
    """
    require_range("consumed_l", consumed_l, 0.0)
    require_range("scarcity_factor", scarcity_factor, 0.1, 100.0)
    result: NumberT = consumed_l * scarcity_factor
    return result
