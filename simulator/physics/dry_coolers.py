"""Dry cooler: a coil in outdoor air whose fans hold the temperature of the water that leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.physics.fans import fan_power_ratio
from simulator.physics.heat_exchangers import Arrangement, Exchanger, exchanger_for


@dataclass(frozen=True, slots=True)
class DryCooler:
    """A dry cooler of a size.

    Args:
        coil: water (hot) against outdoor air (cold).
        fan_power_w: power of all fans at full speed (W).
        fan_curve: power over full power, polynomial in the air flow fraction, lowest order first.
        minimum_air_fraction: lowest air flow of a running fan over design flow; below it the fans cycle.
    """

    coil: Exchanger
    fan_power_w: float
    fan_curve: tuple[float, ...]
    minimum_air_fraction: float


@dataclass(frozen=True, slots=True)
class DryCoolerOperation:
    """Operating point of a dry cooler.

    Args:
        leaving_c: water leaving (degC): the setpoint, or warmer where fans at full speed are not enough.
        air_fraction: air flow of the running fans over design flow.
        on_fraction: share of the time for which they run.
        fan_power_w: their power (W).
    """

    leaving_c: float
    air_fraction: float
    on_fraction: float
    fan_power_w: float


def dry_cooler_for(
    heat_w: float,
    design_c: tuple[float, float, float],
    air_rate_ratio: float,
    *,
    fan_power_ratio_w_per_w: float,
    fan_curve: Sequence[float],
    minimum_air_fraction: float,
    water_resistance_fraction: float,
    flow_exponent: float,
) -> DryCooler:
    """Return the dry cooler that rejects a heat at its design point.

    Args:
        heat_w: design heat (W).
        design_c: outdoor air, entering water, leaving water at design (degC).
        air_rate_ratio: heat capacity rate of the air over that of the water at design.
        fan_power_ratio_w_per_w: fan power at full speed over design heat.
        fan_curve: power over full power in the air flow fraction.
        minimum_air_fraction: lowest air flow of a running fan over design flow.
        water_resistance_fraction: share of the thermal resistance on the water side.
        flow_exponent: film coefficients follow flow to this power.

    >>> cooler = dry_cooler_for(2.931e6, (35.0, 46.11, 40.55), 1.0, fan_power_ratio_w_per_w=0.0402,
    ...     fan_curve=(0.0, 0.0, 0.0, 1.0), minimum_air_fraction=0.1, water_resistance_fraction=0.2, flow_exponent=0.6)
    >>> round(dry_cooler_operation(cooler, 2.931e6, 2.931e6 / 5.56, 35.0, 30.0).leaving_c, 2)
    40.55
    """
    air_c, entering_c, leaving_c = design_c
    water_rate = heat_w / (entering_c - leaving_c)
    coil = exchanger_for(
        Arrangement.CROSSFLOW,
        heat_w / (entering_c - air_c),
        (water_rate, air_rate_ratio * water_rate),
        hot_resistance_fraction=water_resistance_fraction,
        flow_exponent=flow_exponent,
    )
    return DryCooler(coil, fan_power_ratio_w_per_w * heat_w, tuple(fan_curve), minimum_air_fraction)


def full_fan_heat_w_per_k(cooler: DryCooler, water_rate_w_per_k: float) -> float:
    """Return heat per kelvin between entering water and outdoor air with fans at full speed (W/K)."""
    return cooler.coil.heat_w_per_k(water_rate_w_per_k, cooler.coil.cold_rate_w_per_k)


def dry_cooler_operation(
    cooler: DryCooler, heat_w: float, water_rate_w_per_k: float, air_c: float, setpoint_c: float
) -> DryCoolerOperation:
    """Return the fans that bring the leaving water to a setpoint, or as near as they can.

    Args:
        cooler: coil and fans.
        heat_w: heat to reject (W), at least 0.
        water_rate_w_per_k: heat capacity rate of the water (W/K), above 0.
        air_c: outdoor dry bulb (degC).
        setpoint_c: wanted leaving water (degC).

    With T_in = T_set + Q / C the coil must give Q / (T_in - T_air) per kelvin. Where full speed gives less, the water
    leaves at T_air + Q / (eps C_min) - Q / C. Where the lowest speed gives more, fans cycle: on fraction =
    wanted / given at the lowest speed.
    """
    range_k = heat_w / water_rate_w_per_k
    if heat_w <= 0.0:
        return DryCoolerOperation(setpoint_c, 0.0, 0.0, 0.0)
    coil, full = cooler.coil, full_fan_heat_w_per_k(cooler, water_rate_w_per_k)
    head_k = setpoint_c + range_k - air_c
    if head_k <= 0.0 or heat_w / head_k >= full:
        power_w = cooler.fan_power_w * fan_power_ratio(1.0, cooler.fan_curve)
        return DryCoolerOperation(air_c + heat_w / full - range_k, 1.0, 1.0, power_w)
    wanted = heat_w / head_k
    lowest = cooler.minimum_air_fraction * coil.cold_rate_w_per_k
    given = coil.heat_w_per_k(water_rate_w_per_k, lowest)
    if wanted <= given:
        on = wanted / given
        power_w = on * cooler.fan_power_w * fan_power_ratio(cooler.minimum_air_fraction, cooler.fan_curve)
        return DryCoolerOperation(setpoint_c, cooler.minimum_air_fraction, on, power_w)
    rate = coil.cold_rate_for(wanted, water_rate_w_per_k, lowest, coil.cold_rate_w_per_k)
    fraction = rate / coil.cold_rate_w_per_k
    power_w = cooler.fan_power_w * fan_power_ratio(fraction, cooler.fan_curve)
    return DryCoolerOperation(setpoint_c, fraction, 1.0, power_w)
