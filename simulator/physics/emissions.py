"""Operational emissions: scope 2 by location and by market, losses of the grid, fuel and refrigerant of a site."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.physics.domains import NumberT, require_positive, require_range

JOULES_PER_MMBTU = 1_055.05585262e6
"""International table Btu."""

DIESEL_CO2_KG_PER_MMBTU = 73.96
DIESEL_HEAT_MMBTU_PER_GALLON = 0.138
"""40 CFR 98 Table C-1, distillate fuel oil no. 2, higher heating value."""

DIESEL_CH4_KG_PER_MMBTU = 3.0e-3
DIESEL_N2O_KG_PER_MMBTU = 6.0e-4
"""40 CFR 98 Table C-2, petroleum products."""

CH4_WARMING_POTENTIAL = 28.0
N2O_WARMING_POTENTIAL = 265.0
"""Over 100 years, IPCC Fifth Assessment Report, without climate-carbon feedback."""


def scope2_location_based_kg(energy_j: ArrayLike, factor_kg_per_j: ArrayLike) -> float:
    """Return location-based scope 2 emissions (kg CO2e): interval by interval, never mean times total.

    Args:
        energy_j: energy drawn from the grid in each interval (J), at least 0.
        factor_kg_per_j: consumption factor of the grid in each interval (kg/J), or one factor.

    M = sum_t E(t) EF(t). GHG Protocol Scope 2 Guidance.

    >>> round(scope2_location_based_kg([3.6e9, 10.8e9], [600 / 3.6e9, 200 / 3.6e9]), 6)
    1200.0
    """
    energy, factor = np.broadcast_arrays(np.asarray(energy_j, dtype=float), np.asarray(factor_kg_per_j, dtype=float))
    require_range("energy_j", energy, 0.0)
    return float(np.sum(energy * factor))


def scope2_market_based_kg(
    energy_j: ArrayLike,
    instruments_j: ArrayLike,
    *,
    residual_kg_per_j: ArrayLike,
    instrument_kg_per_j: ArrayLike = 0.0,
    matching_periods: ArrayLike | None = None,
) -> float:
    """Return market-based scope 2 emissions (kg CO2e) with contractual instruments matched period by period.

    Args:
        energy_j: energy drawn from the grid in each interval (J), at least 0.
        instruments_j: energy covered by instruments of the same grid boundary, generated in each interval (J).
        residual_kg_per_j: factor of the residual mix (kg/J), one or for each interval.
        instrument_kg_per_j: factor of the instruments (kg/J), one or for each interval.
        matching_periods: integer label of each interval; intervals with equal labels are matched together (all equal:
            annual matching). None matches every interval alone.

    For each period m: matched = min(E_m, I_m), M_m = matched EF_instr + (E_m - matched) EF_residual, with factors
    weighted by instruments and by energy over the period; surplus does not carry to another period. GHG Protocol
    Scope 2 Guidance; hourly matching as proposed in October 2025.

    >>> need, clean = [10.0] * 4, [0.0, 20.0, 20.0, 0.0]
    >>> scope2_market_based_kg(need, clean, residual_kg_per_j=0.5)
    10.0
    >>> scope2_market_based_kg(need, clean, residual_kg_per_j=0.5, matching_periods=[0, 0, 0, 0])
    0.0
    """
    energy = np.atleast_1d(np.asarray(energy_j, dtype=float))
    instruments = np.asarray(instruments_j, dtype=float)
    if np.shape(instruments) != np.shape(energy_j):
        raise ValueError(f"instruments_j must have the shape of energy_j {np.shape(energy_j)}, got {instruments.shape}")
    require_range("energy_j", energy, 0.0)
    require_range("instruments_j", instruments, 0.0)
    labels = np.arange(energy.size) if matching_periods is None else np.asarray(matching_periods)
    if labels.shape != energy.shape:
        raise ValueError(f"matching_periods must have the shape of energy_j {energy.shape}, got {labels.shape}")
    _, period = np.unique(labels, return_inverse=True)
    needed, residual = _period_mean(energy, residual_kg_per_j, period)
    offered, clean = _period_mean(np.atleast_1d(instruments), instrument_kg_per_j, period)
    matched = np.minimum(needed, offered)
    return float(np.sum(matched * clean + (needed - matched) * residual))


def _period_mean(
    amounts: NDArray[np.float64], factors: ArrayLike, period: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return total amount and amount-weighted mean factor of each period (0 where the amount is 0)."""
    weighted = amounts * np.asarray(factors, dtype=float)
    totals: NDArray[np.float64] = np.bincount(period, weights=amounts).astype(np.float64)
    sums: NDArray[np.float64] = np.bincount(period, weights=weighted).astype(np.float64)
    return totals, np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0.0)


def consumption_factor(generation_factor: NumberT, loss_fraction: float) -> NumberT:
    """Return the emission factor at the meter from the factor at the generators.

    Args:
        generation_factor: emissions per generated energy, scalar or array.
        loss_fraction: transmission and distribution losses over generation, 0 to below 1.

    EF_consumption = EF_generation / (1 - l). The difference is scope 3 category 3 when scope 2 is stated on generation
    factors: count it once.

    >>> consumption_factor(380.0, 0.05)
    400.0
    """
    require_range("loss_fraction", loss_fraction, 0.0)
    require_positive("1 - loss_fraction", 1.0 - loss_fraction)
    return generation_factor / (1.0 - loss_fraction)


def grid_loss_kg(scope2_kg: NumberT, loss_fraction: float) -> NumberT:
    """Return what the losses of the grid add when scope 2 is stated on generation factors (scope 3 category 3).

    Args:
        scope2_kg: emissions of the energy at the meter by generation factors (kg CO2e), scalar or array.
        loss_fraction: transmission and distribution losses over generation, 0 to below 1.

    M_l = M l / (1 - l), so that both together are energy x `consumption_factor`. GHG Protocol Scope 3 Standard,
    category 3.

    >>> round(grid_loss_kg(380.0, 0.05), 9)
    20.0
    """
    return consumption_factor(scope2_kg, loss_fraction) * loss_fraction


def marginal_difference_kg(change_j: ArrayLike, marginal_kg_per_j: ArrayLike) -> float:
    """Return how much emissions change when a demand does. It is no inventory and is never added to one.

    Args:
        change_j: energy drawn with the change - without it, in each interval (J), of either sign.
        marginal_kg_per_j: marginal factor of the grid in each interval (kg/J), or one factor.

    dM = sum_t dE(t) MEF(t). GHG Protocol for Project Accounting, grid-connected electricity.

    >>> marginal_difference_kg([-2.0, 2.0], [0.9, 0.4])
    -1.0
    """
    change, factor = np.broadcast_arrays(np.asarray(change_j, dtype=float), np.asarray(marginal_kg_per_j, dtype=float))
    return float(np.sum(change * factor))


def refrigerant_leak_kg(
    charge_kg: float, leak_fraction_per_year: float, warming_potential: float, years: float
) -> float:
    """Return the emissions of refrigerant that leaks from the chillers (scope 1).

    Args:
        charge_kg: refrigerant in the machines (kg).
        leak_fraction_per_year: share of the charge lost in a year, 0 to 1.
        warming_potential: of the refrigerant over 100 years, kg CO2e per kg.
        years: time (years).

    M = m l GWP t. Screening method B of the Measuring Emissions guide of New Zealand, appendix B.

    >>> round(refrigerant_leak_kg(500.0, 0.02, 1300.0, 0.5), 6)
    6500.0
    """
    require_range("charge_kg", charge_kg, 0.0)
    require_range("leak_fraction_per_year", leak_fraction_per_year, 0.0, 1.0)
    require_range("warming_potential", warming_potential, 0.0)
    require_range("years", years, 0.0)
    return charge_kg * leak_fraction_per_year * warming_potential * years


def fuel_co2_per_volume(co2_per_heat: NumberT, heat_per_volume: NumberT | float) -> NumberT:
    """Return CO2 per volume of a fuel, in the units of the two factors.

    Args:
        co2_per_heat: CO2 per heat of combustion, for example kg/mmBtu.
        heat_per_volume: heat of combustion per volume on the same (higher or lower) basis, for example mmBtu/gal.

    EF_V = EF_H HV. 40 CFR 98 subpart C, Table C-1.

    >>> round(fuel_co2_per_volume(DIESEL_CO2_KG_PER_MMBTU, DIESEL_HEAT_MMBTU_PER_GALLON), 3)
    10.206
    """
    require_range("co2_per_heat", co2_per_heat, 0.0)
    require_range("heat_per_volume", heat_per_volume, 0.0)
    result: NumberT = co2_per_heat * heat_per_volume
    return result


def generator_co2_kg_per_j(efficiency: NumberT, co2_kg_per_mmbtu: float = DIESEL_CO2_KG_PER_MMBTU) -> NumberT:
    """Return CO2 per electric energy of a generator set (scope 1).

    Args:
        efficiency: electric energy / heat of combustion on the higher heating value, above 0, usually 0.3 to 0.4.
        co2_kg_per_mmbtu: CO2 of the fuel per heat of combustion on the higher heating value (kg/mmBtu).

    EF = EF_H / eta.

    >>> round(generator_co2_kg_per_j(0.35) * 3.6e6, 3)
    0.721
    """
    require_range("efficiency", efficiency, 1e-9, 1.0)
    result: NumberT = co2_kg_per_mmbtu / JOULES_PER_MMBTU / efficiency
    return result


def fuel_co2e_kg_per_j(
    co2_kg_per_mmbtu: float = DIESEL_CO2_KG_PER_MMBTU,
    ch4_kg_per_mmbtu: float = DIESEL_CH4_KG_PER_MMBTU,
    n2o_kg_per_mmbtu: float = DIESEL_N2O_KG_PER_MMBTU,
) -> float:
    """Return CO2e per heat of combustion of a fuel, on the higher heating value (scope 1); by default of diesel.

    Args:
        co2_kg_per_mmbtu: CO2 per heat (kg/mmBtu).
        ch4_kg_per_mmbtu: methane per heat (kg/mmBtu).
        n2o_kg_per_mmbtu: nitrous oxide per heat (kg/mmBtu).

    EF = EF_CO2 + 28 EF_CH4 + 265 EF_N2O. 40 CFR 98 Tables C-1 and C-2; warming potentials of IPCC AR5.

    >>> round(fuel_co2e_kg_per_j() * JOULES_PER_MMBTU, 3)
    74.203
    """
    require_range("co2_kg_per_mmbtu", co2_kg_per_mmbtu, 0.0)
    require_range("ch4_kg_per_mmbtu", ch4_kg_per_mmbtu, 0.0)
    require_range("n2o_kg_per_mmbtu", n2o_kg_per_mmbtu, 0.0)
    others = CH4_WARMING_POTENTIAL * ch4_kg_per_mmbtu + N2O_WARMING_POTENTIAL * n2o_kg_per_mmbtu
    return (co2_kg_per_mmbtu + others) / JOULES_PER_MMBTU
