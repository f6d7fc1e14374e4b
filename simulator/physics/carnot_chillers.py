"""Chillers of constant Carnot effectiveness: the default, because published curves stop at 10 to 15.6 degC water."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.physics.curves import polynomial
from simulator.physics.domains import INFINITY, NumberT, clip, require_positive, require_range
from simulator.units import ZERO_CELSIUS_K


def carnot_limit_cop(cold_c: NumberT, hot_c: NumberT) -> NumberT:
    """Return the highest COP that any chiller can reach between two temperatures (degC), hot above cold.

    COP = T_cold / (T_hot - T_cold) in kelvin.

    >>> round(carnot_limit_cop(18.0, 35.0), 2)
    17.13
    """
    lift_k = hot_c - cold_c
    require_positive("hot_c - cold_c", lift_k)
    return (cold_c + ZERO_CELSIUS_K) / lift_k


@dataclass(frozen=True, slots=True)
class CarnotMachine:
    """A chiller of constant Carnot effectiveness.

    Args:
        effectiveness: COP over the Carnot COP between the refrigerant temperatures at full load, 0 to 1.
        evaporator_approach_k: leaving chilled water - evaporating temperature (K).
        condenser_approach_k: condensing temperature - leaving condenser water, or - outdoor air (K).
        minimum_lift_k: lowest lift that the machine can run with, condensing - evaporating (K).
        maximum_cop: no machine is credited with more.
    """

    effectiveness: float
    evaporator_approach_k: float
    condenser_approach_k: float
    minimum_lift_k: float
    maximum_cop: float

    def __post_init__(self) -> None:
        require_range("effectiveness", self.effectiveness, 0.0, 1.0)
        require_positive("effectiveness", self.effectiveness)
        require_range("evaporator_approach_k", self.evaporator_approach_k, 0.0)
        require_range("condenser_approach_k", self.condenser_approach_k, 0.0)
        require_positive("minimum_lift_k", self.minimum_lift_k)
        require_positive("maximum_cop", self.maximum_cop)


def carnot_chiller_cop(
    machine: CarnotMachine,
    chilled_water_leaving_c: NumberT,
    condenser_leaving_c: NumberT,
    part_load_efficiency: NumberT | float = 1.0,
) -> NumberT:
    """Return the COP of a chiller of constant Carnot effectiveness.

    Args:
        machine: effectiveness, approaches and bounds.
        chilled_water_leaving_c: leaving chilled water (degC), scalar or array.
        condenser_leaving_c: *leaving* condenser water, or outdoor dry bulb of an air-cooled machine (degC).
        part_load_efficiency: effectiveness over its full-load value.

    COP = min(eta T_e / max(T_c - T_e, lift_min) eta_PL, COP_max) in kelvin, T_e = T_l - dT_e, T_c = T_cond + dT_c.
    Modelica Buildings, Fluid.Chillers.BaseClasses.Carnot, with its approaches held constant; lift floor and cap from
    the docs/sources.md, chillers.

    >>> machine = CarnotMachine(0.6, 2.0, 2.0, minimum_lift_k=10.0, maximum_cop=14.0)
    >>> round(carnot_chiller_cop(machine, 18.0, 35.0), 3)
    8.261
    """
    evaporating_k = chilled_water_leaving_c - machine.evaporator_approach_k + ZERO_CELSIUS_K
    condensing_k = condenser_leaving_c + machine.condenser_approach_k + ZERO_CELSIUS_K
    lift_k = clip(condensing_k - evaporating_k, machine.minimum_lift_k, INFINITY)
    cop: NumberT = machine.effectiveness * evaporating_k / lift_k * part_load_efficiency
    return clip(cop, 0.0, machine.maximum_cop)


def part_load_efficiency(
    part_load_ratio: NumberT, part_load_curve: Sequence[float], minimum_part_load_ratio: float
) -> NumberT:
    """Return effectiveness at part load over its full-load value.

    Args:
        part_load_ratio: load over capacity, at least 0, scalar or array.
        part_load_curve: EIRFPLR, power over full-load power as a polynomial in the part load ratio.
        minimum_part_load_ratio: the machine cycles below it, at the effectiveness it has there.

    eta_PL = PLR' / EIRFPLR(PLR') with PLR' = max(PLR, PLR_min). A fit need not pass through 1 at full load.

    >>> round(part_load_efficiency(0.3, (0.118888, 0.6723542, 0.2068754), 0.2), 3)
    0.884
    """
    require_range("part_load_ratio", part_load_ratio, 0.0)
    ratio = clip(part_load_ratio, minimum_part_load_ratio, INFINITY)
    efficiency: NumberT = ratio / polynomial(part_load_curve, ratio)
    return efficiency


def carnot_power_w(
    machine: CarnotMachine,
    load_w: float,
    chilled_water_leaving_c: float,
    condenser_entering_c: float,
    *,
    condenser_heat_rate_w_per_k: float,
    other_condenser_heat_w: float,
    part_load_efficiency: float = 1.0,
) -> float:
    """Return the power of a water-cooled Carnot machine whose own work warms the condenser water that it sees.

    Args:
        machine: effectiveness, approaches and bounds.
        load_w: heat to take from the chilled water (W), at least 0.
        chilled_water_leaving_c: leaving chilled water (degC).
        condenser_entering_c: *entering* condenser water (degC).
        condenser_heat_rate_w_per_k: mass flow times specific heat of the condenser water (W/K).
        other_condenser_heat_w: all heat given to that water except the compressor's work: load, pumps, economizer (W).
        part_load_efficiency: effectiveness over its full-load value.

    P = Q lift / (eta T_e) with lift = T_in + (X + P) / C + dT_c - T_e is linear in P, hence
    P = Q L_0 / (eta T_e - Q / C) with L_0 = T_in + X / C + dT_c - T_e, and never below Q lift_min / (eta T_e) or
    Q / COP_max. The bounds commute with the solution because the right-hand side grows with P more slowly than P.

    >>> machine = CarnotMachine(0.6, 2.0, 2.0, minimum_lift_k=10.0, maximum_cop=14.0)
    >>> power = carnot_power_w(machine, 1e6, 18.0, 29.0, condenser_heat_rate_w_per_k=2e5, other_condenser_heat_w=1e6)
    >>> leaving = 29.0 + (1e6 + power) / 2e5
    >>> abs(power * carnot_chiller_cop(machine, 18.0, leaving) - 1e6) < 1e-6
    True
    """
    if load_w == 0.0:
        return 0.0
    evaporating_c = chilled_water_leaving_c - machine.evaporator_approach_k
    scale_k = machine.effectiveness * part_load_efficiency * (evaporating_c + ZERO_CELSIUS_K)
    margin_k = scale_k - load_w / condenser_heat_rate_w_per_k
    require_positive("eta T_e - Q / C (condenser flow too small for the load)", margin_k)
    lift_k = (
        condenser_entering_c
        + other_condenser_heat_w / condenser_heat_rate_w_per_k
        + machine.condenser_approach_k
        - evaporating_c
    )
    floor_w = max(load_w * machine.minimum_lift_k / scale_k, load_w / machine.maximum_cop)
    return max(load_w * lift_k / margin_k, floor_w)
