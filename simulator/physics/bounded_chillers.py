"""Published chiller curves where they hold, and what is done outside their box."""

from __future__ import annotations

from enum import StrEnum

from simulator.physics.carnot_chillers import CarnotMachine
from simulator.physics.chillers import EirChiller, eir_operation, inside_box
from simulator.physics.curves import biquadratic
from simulator.physics.domains import clip
from simulator.units import ZERO_CELSIUS_K


class OutOfRange(StrEnum):
    """What is done at temperatures for which the curves of a chiller were not made."""

    ERROR = "error"
    """The run stops."""
    CLAMP = "clamp"
    """The curves are read at the nearest temperatures of the box; the machine gains nothing beyond it."""
    CARNOT = "carnot"
    """The machine at the edge of the box, scaled by the COP of a Carnot machine there over that here."""


def bounded_capacity_w(chiller: EirChiller, chilled_water_leaving_c: float, condenser_entering_c: float) -> float:
    """Return the capacity of a chiller (W), at the nearest temperatures of its box.

    Args:
        chiller: curves and box.
        chilled_water_leaving_c: leaving chilled water (degC).
        condenser_entering_c: entering condenser water, or outdoor air (degC).
    """
    cold_c = clip(chilled_water_leaving_c, *chiller.chilled_water_range_c)
    hot_c = clip(condenser_entering_c, *chiller.condenser_range_c)
    return chiller.reference_capacity_w * biquadratic(chiller.capacity_curve, cold_c, hot_c)


def bounded_power_w(
    chiller: EirChiller,
    machine: CarnotMachine,
    load_w: float,
    chilled_water_leaving_c: float,
    condenser_entering_c: float,
    *,
    beyond: OutOfRange,
) -> float:
    """Return the power of a chiller of published curves inside its box, and by a rule outside.

    Args:
        chiller: curves and box.
        machine: Carnot machine that carries the chiller beyond its box; its condenser approach spans from *entering*
            condenser water, or outdoor air, to condensation.
        load_w: heat to take from the chilled water (W), at least 0.
        chilled_water_leaving_c: leaving chilled water (degC).
        condenser_entering_c: entering condenser water, or outdoor air (degC).
        beyond: rule outside the box; `ERROR` raises ValueError.

    P = P_EIR at the nearest point of the box; with `CARNOT` times COP_Carnot(box) / COP_Carnot(here), lifts not below
    the lowest, so that power is continuous at the edge; and never below load / COP_max outside.

    >>> from simulator.physics.chillers import CARRIER_19XR_1407KW as machine_19xr
    >>> carnot = CarnotMachine(0.62, 1.5, 7.0, minimum_lift_k=10.0, maximum_cop=14.0)
    >>> warm = bounded_power_w(machine_19xr, carnot, 1e6, 18.0, 25.0, beyond=OutOfRange.CARNOT)
    >>> held = bounded_power_w(machine_19xr, carnot, 1e6, 18.0, 25.0, beyond=OutOfRange.CLAMP)
    >>> warm < held
    True
    """
    if load_w <= 0.0:
        return 0.0
    if beyond is OutOfRange.CARNOT:
        return _carried_power_w(chiller, machine, load_w, chilled_water_leaving_c, condenser_entering_c)
    cold_c = clip(chilled_water_leaving_c, *chiller.chilled_water_range_c)
    hot_c = clip(condenser_entering_c, *chiller.condenser_range_c)
    if not inside_box(chiller, chilled_water_leaving_c, condenser_entering_c) and beyond is OutOfRange.ERROR:
        low, high = chiller.chilled_water_range_c, chiller.condenser_range_c
        raise ValueError(
            f"chilled water of {chilled_water_leaving_c:.2f} degC and {condenser_entering_c:.2f} degC at the condenser "
            f"lie outside the chiller's curves, which hold from {low[0]:g} to {low[1]:g} and from {high[0]:g} to "
            f"{high[1]:g} degC"
        )
    return eir_operation(chiller, load_w, cold_c, hot_c).power_w


def _carried_power_w(
    chiller: EirChiller,
    machine: CarnotMachine,
    load_w: float,
    chilled_water_leaving_c: float,
    condenser_entering_c: float,
) -> float:
    if inside_box(chiller, chilled_water_leaving_c, condenser_entering_c):
        return eir_operation(chiller, load_w, chilled_water_leaving_c, condenser_entering_c).power_w
    cold_c = clip(chilled_water_leaving_c, *chiller.chilled_water_range_c)
    # Controls hold condensation up so that the lift stays: below that temperature a colder condenser changes nothing.
    approaches_k = machine.evaporator_approach_k + machine.condenser_approach_k
    held_c = max(condenser_entering_c, chilled_water_leaving_c + machine.minimum_lift_k - approaches_k)
    hot_c = clip(held_c, *chiller.condenser_range_c)
    power_w = eir_operation(chiller, load_w, cold_c, hot_c).power_w
    scale = _lift_ratio(machine, chilled_water_leaving_c, held_c) / _lift_ratio(machine, cold_c, hot_c)
    return max(scale * power_w, load_w / machine.maximum_cop)


def _lift_ratio(machine: CarnotMachine, chilled_water_leaving_c: float, condenser_entering_c: float) -> float:
    """Return lift over evaporating temperature, both in kelvin: the reciprocal of the Carnot COP."""
    evaporating_k = chilled_water_leaving_c - machine.evaporator_approach_k + ZERO_CELSIUS_K
    condensing_k = condenser_entering_c + machine.condenser_approach_k + ZERO_CELSIUS_K
    return max(condensing_k - evaporating_k, machine.minimum_lift_k) / evaporating_k
