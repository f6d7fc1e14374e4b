"""Fans: power against flow, of the plant and inside the server."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.physics.curves import polynomial
from simulator.physics.domains import INFINITY, NumberT, clip, require_positive, require_range

VARIABLE_SPEED_MOTOR = (0.0015302446, 0.0052080574, 1.1086242, -0.11635563)
"""EnergyPlus Input Output Reference, Fan:VariableVolume, variable speed motor: 2.1 times the cubic law at half flow."""

EC_PLUG_FAN = (0.06990146, 1.39500612, -3.35487336, 2.89232315)
"""EnergyPlus example 1ZoneDataCenterCRAC_wApproachTemp, for flow fractions of 0.05 and above."""

TOWER_FAN = (-0.00931516301535329, 0.0512333965844443, -0.0838364671381841, 1.04191823356909)
"""EnergyPlus example 2ZoneDataCenterHVAC_wEconomizer, CoolingTowerFanRatioCurve."""


def fan_power_ratio(flow_fraction: NumberT, coefficients: Sequence[float]) -> NumberT:
    """Return power over design power of a fan at a fraction of its design flow, never below zero.

    Args:
        flow_fraction: flow / design flow, at least 0, scalar or array.
        coefficients: c_0, c_1, ... of the polynomial, lowest order first.

    r = max(0, sum_i c_i phi^i). EnergyPlus Engineering Reference, Variable Volume Fan Model. The published cubics are
    fits: they need not pass through 1 at design flow, and the tower's turns negative below a flow fraction of 0.15.

    >>> round(fan_power_ratio(0.5, VARIABLE_SPEED_MOTOR), 4)
    0.2667
    """
    require_range("flow_fraction", flow_fraction, 0.0)
    return clip(polynomial(coefficients, flow_fraction), 0.0, INFINITY)


def affinity_power_ratio(speed_fraction: NumberT, exponent: float = 3.0) -> NumberT:
    """Return power over design power by the affinity law, for a closed loop without static head.

    Args:
        speed_fraction: speed (or flow) / design, at least 0, scalar or array.
        exponent: 3 by the law; 2 to 2.7 are seen where some static head remains.

    r = n^exponent.

    >>> round(affinity_power_ratio(0.8), 3)
    0.512
    """
    require_range("speed_fraction", speed_fraction, 0.0)
    result: NumberT = speed_fraction**exponent
    return result


def fan_power_w(flow_m3_per_s: NumberT, pressure_rise_pa: float, efficiency: float) -> NumberT:
    """Return the electric power of a fan.

    Args:
        flow_m3_per_s: volume flow (m3/s), scalar or array.
        pressure_rise_pa: total pressure rise (Pa).
        efficiency: air power / electric power, 0 to 1.

    P = V dp / eta.

    >>> round(fan_power_w(0.6909895, 300.0, 0.65), 1)
    318.9
    """
    require_range("flow_m3_per_s", flow_m3_per_s, 0.0)
    require_positive("efficiency", efficiency)
    return flow_m3_per_s * (pressure_rise_pa / efficiency)


def server_fan_flow_ratio(
    heat_ratio: NumberT,
    inlet_c: NumberT,
    *,
    reference_inlet_c: float,
    component_limit_c: float,
    heatsink_exponent: float = 0.8,
    minimum_flow_ratio: float = 0.3,
    maximum_flow_ratio: float = INFINITY,
) -> NumberT:
    """Return the air flow that keeps the hottest component at its limit, over the flow at the reference inlet.

    Args:
        heat_ratio: heat to the air / heat at the reference point, scalar or array.
        inlet_c: server inlet temperature (degC), below the component limit.
        reference_inlet_c: inlet temperature of the reference point (degC).
        component_limit_c: temperature that the fan control holds (degC).
        heatsink_exponent: p of R_th ~ flow^-p.
        minimum_flow_ratio: lowest fan flow over reference flow.
        maximum_flow_ratio: highest fan flow over reference flow.

    phi = clip([q (T_lim - T_ref) / (T_lim - T_in)]^(1/p)). docs/sources.md, server fans, where it is checked
    against measurements of two colocation sites (Coroama 2025, arXiv 2509.26163).

    >>> round(server_fan_flow_ratio(1.0, 30.0, reference_inlet_c=25.0, component_limit_c=85.0), 3)
    1.115
    """
    require_range("heat_ratio", heat_ratio, 0.0)
    margin_k = component_limit_c - inlet_c
    require_positive("component_limit_c - inlet_c", margin_k)
    demand: NumberT = (heat_ratio * (component_limit_c - reference_inlet_c) / margin_k) ** (1.0 / heatsink_exponent)
    return clip(demand, minimum_flow_ratio, maximum_flow_ratio)


def server_fan_power_ratio(
    heat_ratio: NumberT,
    inlet_c: NumberT,
    *,
    reference_inlet_c: float,
    component_limit_c: float,
    heatsink_exponent: float = 0.8,
    fan_exponent: float = 3.0,
    minimum_flow_ratio: float = 0.3,
    maximum_flow_ratio: float = INFINITY,
) -> NumberT:
    """Return server fan power over its power at the reference inlet and heat.

    Args:
        heat_ratio: heat to the air / heat at the reference point, scalar or array.
        inlet_c: server inlet temperature (degC), below the component limit.
        reference_inlet_c: inlet temperature of the reference point (degC).
        component_limit_c: temperature that the fan control holds (degC).
        heatsink_exponent: p of R_th ~ flow^-p.
        fan_exponent: power ~ flow^n, 2.5 to 3.
        minimum_flow_ratio: lowest fan flow over reference flow.
        maximum_flow_ratio: highest fan flow over reference flow.

    r = phi^n with phi of `server_fan_flow_ratio`.

    >>> round(server_fan_power_ratio(1.0, 30.0, reference_inlet_c=23.0, component_limit_c=85.0), 3)
    1.567
    """
    flow_ratio = server_fan_flow_ratio(
        heat_ratio,
        inlet_c,
        reference_inlet_c=reference_inlet_c,
        component_limit_c=component_limit_c,
        heatsink_exponent=heatsink_exponent,
        minimum_flow_ratio=minimum_flow_ratio,
        maximum_flow_ratio=maximum_flow_ratio,
    )
    result: NumberT = flow_ratio**fan_exponent
    return result
