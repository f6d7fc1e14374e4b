"""Water of a cooling tower: evaporation, drift, blowdown and make-up.

Make-up is what the site withdraws; evaporation and drift are what it consumes. Blowdown goes back as waste water.
"""

from __future__ import annotations

from simulator.physics import psychrometrics
from simulator.physics.domains import INFINITY, NumberT, clip, require_positive, require_range

DENSITY_KG_PER_M3 = 995.586
SPECIFIC_HEAT_J_PER_KG_K = 4184.0
"""Liquid water of constant properties, as in Modelica Buildings, Media.Water (specific heat at 20 degC)."""

HEAT_OF_VAPORIZATION_J_PER_KG = 2.43e6
"""Near 30 degC; docs/sources.md, towers and water."""


def evaporation_by_heat_kg_per_s(
    heat_w: NumberT,
    latent_fraction: NumberT | float,
    heat_of_vaporization_j_per_kg: float = HEAT_OF_VAPORIZATION_J_PER_KG,
) -> NumberT:
    """Return the water that evaporates to reject a heat.

    Args:
        heat_w: heat from the water to the air (W), scalar or array.
        latent_fraction: share of that heat carried by vapour: about 0.75 in cold and 1 in hot weather, above 1 where
            dry hot air also gives heat to the water.
        heat_of_vaporization_j_per_kg: latent heat (J/kg).

    E = f_lat Q / h_fg.

    >>> round(evaporation_by_heat_kg_per_s(1e6, 0.9), 4)
    0.3704
    """
    require_range("heat_w", heat_w, 0.0)
    require_range("latent_fraction", latent_fraction, 0.0)
    require_positive("heat_of_vaporization_j_per_kg", heat_of_vaporization_j_per_kg)
    result: NumberT = heat_w * latent_fraction / heat_of_vaporization_j_per_kg
    return result


def evaporation_by_loss_factor(flow: NumberT, range_k: NumberT, loss_factor_per_k: NumberT | float) -> NumberT:
    """Return evaporation as a share of the circulating flow, in the unit of that flow.

    Args:
        flow: circulating water flow (m3/s or kg/s), scalar or array.
        range_k: entering - leaving water (K).
        loss_factor_per_k: evaporated share of the flow per K, EnergyPlus default 0.002, usual 0.0015 to 0.0027; the
            default exceeds the 0.00172 per K of purely latent cooling.

    E = k R V. EnergyPlus Engineering Reference, Cooling Tower Makeup Water Usage.

    >>> round(evaporation_by_loss_factor(0.1, 5.56, 0.002), 6)
    0.001112
    """
    require_range("flow", flow, 0.0)
    require_range("range_k", range_k, 0.0)
    require_range("loss_factor_per_k", loss_factor_per_k, 0.0)
    result: NumberT = loss_factor_per_k * range_k * flow
    return result


def qureshi_zubair_loss_factor_per_k(dry_bulb_c: NumberT, relative_humidity: NumberT) -> NumberT:
    """Return the evaporation loss factor of an evaporative fluid cooler, per K of range.

    Args:
        dry_bulb_c: dry-bulb temperature of the entering air (degC), scalar or array.
        relative_humidity: relative humidity of that air, 0 to 1.

    k = (113 - 8.417 phi + 1.6147 T) 1e-5. Qureshi and Zubair 2007, Applied Thermal Engineering 27:520-527, as printed
    in the EnergyPlus Engineering Reference.

    >>> round(qureshi_zubair_loss_factor_per_k(30.0, 0.5), 7)
    0.0015723
    """
    require_range("relative_humidity", relative_humidity, 0.0, 1.0)
    return (113.0 - 8.417 * relative_humidity + 1.6147 * dry_bulb_c) * 1e-5


def evaporation_by_saturated_exit_kg_per_s(
    heat_w: float, air_flow_kg_per_s: float, dry_bulb_c: float, wet_bulb_c: float, pressure_pa: float
) -> float:
    """Return the water that evaporates when the air leaves the tower saturated: the reference for a latent fraction.

    Args:
        heat_w: heat from the water to the air (W), at least 0.
        air_flow_kg_per_s: dry-air mass flow (kg/s), above 0.
        dry_bulb_c: dry bulb of the entering air (degC).
        wet_bulb_c: wet bulb of the entering air (degC).
        pressure_pa: station pressure (Pa).

    h_out = h_in + Q / m with h_sat(T_out) = h_out; E = m (w_sat(T_out) - w_in). EnergyPlus Engineering Reference,
    Cooling Tower Makeup Water Usage, Saturated Exit.

    >>> evaporated = evaporation_by_saturated_exit_kg_per_s(1e6, 40.0, 30.0, 20.0, 101_325.0)
    >>> round(evaporated * HEAT_OF_VAPORIZATION_J_PER_KG / 1e6, 2)
    1.1
    """
    require_range("heat_w", heat_w, 0.0)
    require_positive("air_flow_kg_per_s", air_flow_kg_per_s)
    entering_ratio = psychrometrics.humidity_ratio_from_wet_bulb(dry_bulb_c, wet_bulb_c, pressure_pa)
    entering_j_per_kg = psychrometrics.moist_air_enthalpy_j_per_kg(dry_bulb_c, entering_ratio)
    leaving_j_per_kg = entering_j_per_kg + heat_w / air_flow_kg_per_s
    low_c, high_c = wet_bulb_c - 1.0, 95.0
    for _ in range(60):
        middle_c = 0.5 * (low_c + high_c)
        if psychrometrics.saturated_air_enthalpy_j_per_kg(middle_c, pressure_pa) < leaving_j_per_kg:
            low_c = middle_c
        else:
            high_c = middle_c
    leaving_ratio = psychrometrics.saturation_humidity_ratio(0.5 * (low_c + high_c), pressure_pa)
    return air_flow_kg_per_s * (leaving_ratio - entering_ratio)


def blowdown(evaporation: NumberT, drift: NumberT | float, cycles_of_concentration: float) -> NumberT:
    """Return the blowdown that keeps the cycles of concentration, in the unit of the evaporation, never below zero.

    Args:
        evaporation: evaporated water (m3/s, kg/s or an amount), scalar or array.
        drift: water carried away as droplets, in the same unit; it purges salts as blowdown does.
        cycles_of_concentration: salt in the basin over salt in the make-up water, above 1, usually 3 to 5.

    B = max(E / (CoC - 1) - D, 0). EnergyPlus Engineering Reference, Cooling Tower Makeup Water Usage.

    >>> round(blowdown(0.001112, 1e-5, 4.0), 9)
    0.000360667
    """
    require_range("evaporation", evaporation, 0.0)
    require_range("drift", drift, 0.0)
    require_positive("cycles_of_concentration - 1", cycles_of_concentration - 1.0)
    purged: NumberT = evaporation / (cycles_of_concentration - 1.0) - drift
    return clip(purged, 0.0, INFINITY)


def makeup(evaporation: NumberT, drift: NumberT | float, cycles_of_concentration: float) -> NumberT:
    """Return the make-up water, in the unit of the evaporation.

    Args:
        evaporation: evaporated water, scalar or array.
        drift: water carried away as droplets, in the same unit.
        cycles_of_concentration: salt in the basin over salt in the make-up water, above 1.

    M = E + D + B; without drift this is E CoC / (CoC - 1).

    >>> round(makeup(3.0, 0.0, 4.0), 9)
    4.0
    """
    total: NumberT = evaporation + drift + blowdown(evaporation, drift, cycles_of_concentration)
    return total
