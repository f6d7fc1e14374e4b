"""Sensible heat carried by an air stream."""

from __future__ import annotations

from simulator.physics.domains import NumberT, require_positive, require_range

AIR_DENSITY_KG_PER_M3 = 1.2
AIR_SPECIFIC_HEAT_J_PER_KG_K = 1005.0
"""Air at room conditions near sea level, as in reference vector air-001; scale the density with the site's pressure."""


def air_volume_flow_m3_per_s(
    heat_w: NumberT,
    temperature_rise_k: NumberT | float,
    *,
    density_kg_per_m3: float = AIR_DENSITY_KG_PER_M3,
    specific_heat_j_per_kg_k: float = AIR_SPECIFIC_HEAT_J_PER_KG_K,
) -> NumberT:
    """Return the air flow that carries a sensible heat at a temperature rise.

    Args:
        heat_w: sensible heat (W), scalar or array.
        temperature_rise_k: outlet - inlet temperature (K), above 0.
        density_kg_per_m3: air density (kg/m3).
        specific_heat_j_per_kg_k: specific heat (J/kg K).

    V = Q / (rho cp dT).

    >>> round(air_volume_flow_m3_per_s(10_000.0, 12.0), 4)
    0.691
    """
    require_range("heat_w", heat_w, 0.0)
    require_positive("temperature_rise_k", temperature_rise_k)
    result: NumberT = heat_w / (density_kg_per_m3 * specific_heat_j_per_kg_k * temperature_rise_k)
    return result


def air_temperature_rise_k(
    heat_w: NumberT,
    flow_m3_per_s: NumberT | float,
    *,
    density_kg_per_m3: float = AIR_DENSITY_KG_PER_M3,
    specific_heat_j_per_kg_k: float = AIR_SPECIFIC_HEAT_J_PER_KG_K,
) -> NumberT:
    """Return the temperature rise of an air flow that takes up a sensible heat.

    Args:
        heat_w: sensible heat (W), scalar or array.
        flow_m3_per_s: air flow (m3/s), above 0.
        density_kg_per_m3: air density (kg/m3).
        specific_heat_j_per_kg_k: specific heat (J/kg K).

    dT = Q / (rho cp V).

    >>> round(air_temperature_rise_k(10_000.0, 0.5), 2)
    16.58
    """
    require_range("heat_w", heat_w, 0.0)
    require_positive("flow_m3_per_s", flow_m3_per_s)
    result: NumberT = heat_w / (density_kg_per_m3 * specific_heat_j_per_kg_k * flow_m3_per_s)
    return result
