"""Variable-speed cooling tower: the fan that holds a leaving-water setpoint."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.physics.domains import clip, require_range
from simulator.physics.yorkcalc import (
    RANGE_RANGE_K,
    WATER_FLOW_RATIO_RANGE,
    WET_BULB_RANGE_C,
    Slice,
    approach_in,
    liquid_gas_ratio_in,
    range_curve,
    range_in,
    slice_at,
)

MINIMUM_AIR_FRACTION_RANGE = (0.16, 1.0)
"""The highest water ratio over the lowest of these stays inside the correlation's liquid-to-gas limit of 8."""


@dataclass(frozen=True, slots=True)
class TowerFan:
    """Limits of a tower's fan.

    Args:
        minimum_air_fraction: lowest air flow of the running fan over design air flow; below it the fan cycles.
        free_convection_fraction: capacity with the fan off over capacity at full fan and the same entering water.
    """

    minimum_air_fraction: float
    free_convection_fraction: float

    def __post_init__(self) -> None:
        require_range("minimum_air_fraction", self.minimum_air_fraction, *MINIMUM_AIR_FRACTION_RANGE)
        require_range("free_convection_fraction", self.free_convection_fraction, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class TowerOperation:
    """Operating point of a tower.

    Args:
        leaving_c: leaving water (degC); the setpoint, or warmer where the fan at full speed is not enough.
        air_fraction: air flow of the running fan over design air flow.
        on_fraction: fraction of time that the fan runs.
    """

    leaving_c: float
    air_fraction: float
    on_fraction: float


def design_water_flow_ratio(approach_k: float, range_k: float, wet_bulb_c: float) -> float:
    """Return the design water flow over the correlation's reference flow that gives a tower its design point.

    Args:
        approach_k: design approach (K).
        range_k: design range (K), 1.11 to 22.2.
        wet_bulb_c: design wet bulb, -34.4 to 26.67 degC.

    The ratio solves A(R, Twb, ratio / 1) = A_design at full air flow: EnergyPlus Engineering Reference, Variable Speed
    Cooling Towers, reference water flow. It must lie in 0.75 to 1.25, or the correlation cannot describe the tower.

    >>> round(design_water_flow_ratio(3.89, 5.56, 25.56), 3)
    1.01
    """
    require_range("range_k", range_k, *RANGE_RANGE_K)
    require_range("wet_bulb_c", wet_bulb_c, *WET_BULB_RANGE_C)
    ratio = liquid_gas_ratio_in(slice_at(wet_bulb_c), range_k, approach_k)
    require_range(f"water flow ratio of a tower with approach {approach_k:g} K", ratio, *WATER_FLOW_RATIO_RANGE)
    return ratio


def outside_correlation(wet_bulb_c: float, range_k: float, water_flow_ratio: float) -> bool:
    """Tell whether an operating point lies outside the correlation's limits, where inputs are bounded to them.

    >>> outside_correlation(28.0, 5.0, 1.0)
    True
    """
    return not (
        WET_BULB_RANGE_C[0] <= wet_bulb_c <= WET_BULB_RANGE_C[1]
        and RANGE_RANGE_K[0] <= range_k <= RANGE_RANGE_K[1]
        and WATER_FLOW_RATIO_RANGE[0] <= water_flow_ratio <= WATER_FLOW_RATIO_RANGE[1]
    )


def full_fan_curve(at: Slice, water_flow_ratio: float) -> tuple[float, float, float]:
    """Return the approach (K) at full fan as the coefficients of a quadratic in the range (K).

    Args:
        at: correlation at the wet bulb, from `slice_at`.
        water_flow_ratio: water flow / reference flow, bounded to the correlation's limits.

    >>> round(full_fan_approach_k(full_fan_curve(slice_at(10.0), 1.0), 5.56), 2)
    7.77
    """
    return range_curve(at, clip(water_flow_ratio, *WATER_FLOW_RATIO_RANGE))


def full_fan_approach_k(curve: tuple[float, float, float], range_k: float) -> float:
    """Return the lowest approach (K) that a tower reaches, at full fan.

    Args:
        curve: coefficients from `full_fan_curve`.
        range_k: entering - leaving water (K), bounded to the correlation's limits.

    A(R, Twb, LG) with LG = water flow ratio / 1.

    >>> round(full_fan_approach_k(full_fan_curve(slice_at(25.56), 1.0), 5.5556), 2)
    3.84
    """
    lowest_k, highest_k = RANGE_RANGE_K
    r = lowest_k if range_k < lowest_k else highest_k if range_k > highest_k else range_k
    return curve[0] + r * (curve[1] + r * curve[2])


def tower_operation(
    fan: TowerFan, at: Slice, wet_bulb_c: float, range_k: float, water_flow_ratio: float, setpoint_c: float
) -> TowerOperation:
    """Return the fan operation that brings the leaving water to a setpoint, or as near as the fan can.

    Args:
        fan: limits of the fan.
        at: correlation at the wet bulb, from `slice_at`.
        wet_bulb_c: wet bulb of the entering air (degC).
        range_k: entering - leaving water (K) of the heat to reject.
        water_flow_ratio: water flow / reference flow.
        setpoint_c: wanted leaving water (degC).

    In order (EnergyPlus Engineering Reference, Variable Speed Cooling Towers):
    full fan not enough: full fan, leaving water above the setpoint;
    free convection enough, f R_full(T_in) >= R at T_in = T_set + R: fan off (a bypass holds the setpoint);
    minimum fan more than enough: the fan cycles, on fraction (R - R_off) / (R_min - R_off) at the same T_in;
    else the air flow that gives the approach T_set - Twb.

    >>> fan = TowerFan(minimum_air_fraction=0.2, free_convection_fraction=0.125)
    >>> point = tower_operation(fan, slice_at(10.0), 10.0, 5.56, 1.0, setpoint_c=20.0)
    >>> round(point.leaving_c, 2), round(point.air_fraction, 3), point.on_fraction
    (20.0, 0.782, 1.0)
    """
    range_k = clip(range_k, *RANGE_RANGE_K)
    water_flow_ratio = clip(water_flow_ratio, *WATER_FLOW_RATIO_RANGE)
    wanted_k = setpoint_c - wet_bulb_c
    full_k = approach_in(at, range_k, water_flow_ratio)
    if full_k >= wanted_k:
        return TowerOperation(wet_bulb_c + full_k, 1.0, 1.0)
    free_range_k = fan.free_convection_fraction * range_in(at, water_flow_ratio, wanted_k + range_k)
    if free_range_k >= range_k:
        return TowerOperation(setpoint_c, 0.0, 0.0)
    air_fraction = water_flow_ratio / liquid_gas_ratio_in(at, range_k, wanted_k)
    if air_fraction >= fan.minimum_air_fraction:
        return TowerOperation(setpoint_c, air_fraction, 1.0)
    minimum_range_k = range_in(at, water_flow_ratio / fan.minimum_air_fraction, wanted_k + range_k)
    on_fraction = clip((range_k - free_range_k) / (minimum_range_k - free_range_k), 0.0, 1.0)
    return TowerOperation(setpoint_c, fan.minimum_air_fraction, on_fraction)
