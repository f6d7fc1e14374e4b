"""Banks of equal chillers: how many run, what they draw, what they cannot take."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, final

from simulator.errors import Fault, InputError
from simulator.physics.bounded_chillers import OutOfRange, bounded_capacity_w, bounded_power_w
from simulator.physics.carnot_chillers import CarnotMachine, carnot_chiller_cop, part_load_efficiency
from simulator.physics.chillers import EirChiller, inside_box
from simulator.profiles.cooling_machines import AirCooledChillers


@dataclass(frozen=True, slots=True)
class PublishedCurves:
    """Published curves in place of a Carnot machine.

    Args:
        chiller: the machine.
        beyond: what is done outside the box of its curves.
    """

    chiller: EirChiller
    beyond: OutOfRange

    def sized(self, capacity_w: float, chilled_water_c: float, condenser_c: float) -> PublishedCurves:
        """Return the machine scaled so that it has a capacity (W) at the design temperatures (degC)."""
        factor = capacity_w / bounded_capacity_w(self.chiller, chilled_water_c, condenser_c)
        chiller = replace(self.chiller, reference_capacity_w=factor * self.chiller.reference_capacity_w)
        return PublishedCurves(chiller, self.beyond)

    def inside(self, chilled_water_c: float, condenser_c: float) -> bool:
        """Tell whether the curves hold at temperatures (degC)."""
        return inside_box(self.chiller, chilled_water_c, condenser_c)

    def capacity_w(self, chilled_water_c: float, condenser_c: float) -> float:
        """Return the highest load of one machine at temperatures (degC)."""
        available_w = bounded_capacity_w(self.chiller, chilled_water_c, condenser_c)
        return self.chiller.maximum_part_load_ratio * available_w

    def power_w(self, machine: CarnotMachine, load_w: float, chilled_water_c: float, condenser_c: float) -> float:
        """Return the power of one machine at a load (W).

        Args:
            machine: carries it beyond its box.
            load_w: its load (W).
            chilled_water_c: leaving chilled water (degC).
            condenser_c: entering condenser water, or outdoor air (degC).

        Raises:
            InputError: outside the box, where the scenario asks the run to stop.
        """
        try:
            return bounded_power_w(self.chiller, machine, load_w, chilled_water_c, condenser_c, beyond=self.beyond)
        except ValueError as error:
            raise InputError([Fault(str(error), path="facility.cooling.chiller.out_of_range")]) from error


class BankOperation(NamedTuple):
    """What a bank does."""

    power_w: float
    load_w: float
    """Heat taken."""
    running: int
    outside_curves: bool


_STANDING = BankOperation(0.0, 0.0, 0, False)


@final
class AirCooledBank:
    """Air-cooled chillers that share a load evenly; the least number that can carry it runs.

    Args:
        figures: the machines per watt.
        load_w: design load (W).
        cold_c: leaving cold medium at design (degC).
        curves: published curves; None for the Carnot machine.
    """

    __slots__ = ("_capacity_w", "_curves", "_figures", "_installed", "_machine")

    def __init__(
        self, figures: AirCooledChillers, load_w: float, cold_c: float, curves: PublishedCurves | None = None
    ) -> None:
        self._figures = figures
        self._machine = figures.machine()
        self._installed = figures.units + figures.redundant_units
        self._capacity_w = load_w / figures.units
        self._curves = curves.sized(self._capacity_w, cold_c, figures.design_outdoor_c) if curves is not None else None

    def cool(self, load_w: float, cold_c: float, outdoor_c: float) -> BankOperation:
        """Return what the bank does.

        Args:
            load_w: heat to take (W), at least 0.
            cold_c: leaving cold medium (degC).
            outdoor_c: outdoor dry bulb (degC).
        """
        if load_w <= 0.0:
            return _STANDING
        curves = self._curves
        capacity_w = self._capacity_w if curves is None else curves.capacity_w(cold_c, outdoor_c)
        taken_w = min(load_w, self._installed * capacity_w)
        running = min(math.ceil(taken_w / capacity_w), self._installed)
        if curves is not None:
            power_w = running * curves.power_w(self._machine, taken_w / running, cold_c, outdoor_c)
            return BankOperation(power_w, taken_w, running, not curves.inside(cold_c, outdoor_c))
        figures = self._figures
        ratio = taken_w / (running * capacity_w)
        efficiency = part_load_efficiency(ratio, figures.part_load_curve, figures.minimum_part_load_ratio)
        cop = carnot_chiller_cop(self._machine, cold_c, outdoor_c, efficiency)
        return BankOperation(taken_w / cop, taken_w, running, False)
