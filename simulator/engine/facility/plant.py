"""What every cooling plant is: given a step's mean heat and weather, it says what it took to remove the heat."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, final

from simulator.errors import InvariantError
from simulator.physics.economizer import EconomizerMode
from simulator.physics.psychrometrics import STANDARD_PRESSURE_PA


@dataclass(frozen=True, slots=True)
class CoolingStep:
    """What a cooling plant did in a step; powers, heats and temperatures are means over the step.

    Powers of parts that a plant does not have are 0; temperatures that it does not have, or that nothing defines while
    it stands still, are None.

    Args:
        duration_s: length of the step (s).
        heat_w: heat given to the plant, indoors (W).
        crah_fan_power_w: fans of the air handlers (W).
        chilled_water_pump_power_w: pumps of the chilled-water loop (W).
        chiller_power_w: compressors (W).
        condenser_pump_power_w: pumps of the condenser loop (W).
        tower_fan_power_w: fans of the heat rejection (W).
        overhead_power_w: power of a plant that is known by its total only (W).
        coolant_pump_power_w: pumps of the coolant between servers or tanks and the distribution units (W).
        facility_water_pump_power_w: pumps of the facility water (W).
        dry_cooler_fan_power_w: fans of dry coolers (W).
        scavenger_fan_power_w: fans of the outdoor side of air-to-air heat exchangers (W).
        media_pump_power_w: sump pumps of wet media and wetted plates (W).
        heat_rejected_w: heat to the outdoors, the work of the plant included (W).
        reused_heat_w: heat given to somebody who uses it (W).
        liquid_heat_w: part of the heat that came by liquid (W).
        unmet_heat_w: heat that the plant could not take (W).
        evaporated_water_kg: water evaporated (kg).
        drift_water_kg: water lost as droplets (kg).
        blowdown_water_kg: water drained to hold the cycles of concentration (kg).
        media_water_kg: part of these three that wet media and plates took; towers took the rest (kg).
        mode: mode of the economizer at the end of the step, None for a plant without one.
        free_s: time in the economizer's free mode (s).
        partial_s: time in its partial mode (s).
        mechanical_s: time in its mechanical mode (s).
        chillers_running: number of chillers, mean over time.
        supply_air_c: air to the servers (degC).
        return_air_c: air from the servers (degC).
        chilled_water_supply_c: chilled water to the coils (degC).
        chilled_water_return_c: chilled water from the coils (degC).
        condenser_water_c: water leaving the tower (degC).
        facility_water_c: facility water to distribution units and doors (degC).
        coolant_supply_c: coolant to servers or tanks (degC).
        outside_correlation_s: time with an input of the tower's correlation bounded to its limits (s).
        outside_curves_s: time with a running chiller outside the box of its published curves (s).
    """

    duration_s: float
    heat_w: float
    crah_fan_power_w: float = 0.0
    chilled_water_pump_power_w: float = 0.0
    chiller_power_w: float = 0.0
    condenser_pump_power_w: float = 0.0
    tower_fan_power_w: float = 0.0
    overhead_power_w: float = 0.0
    coolant_pump_power_w: float = 0.0
    facility_water_pump_power_w: float = 0.0
    dry_cooler_fan_power_w: float = 0.0
    scavenger_fan_power_w: float = 0.0
    media_pump_power_w: float = 0.0
    heat_rejected_w: float = 0.0
    reused_heat_w: float = 0.0
    liquid_heat_w: float = 0.0
    unmet_heat_w: float = 0.0
    evaporated_water_kg: float = 0.0
    drift_water_kg: float = 0.0
    blowdown_water_kg: float = 0.0
    media_water_kg: float = 0.0
    mode: EconomizerMode | None = None
    free_s: float = 0.0
    partial_s: float = 0.0
    mechanical_s: float = 0.0
    chillers_running: float = 0.0
    supply_air_c: float | None = None
    return_air_c: float | None = None
    chilled_water_supply_c: float | None = None
    chilled_water_return_c: float | None = None
    condenser_water_c: float | None = None
    facility_water_c: float | None = None
    coolant_supply_c: float | None = None
    outside_correlation_s: float = 0.0
    outside_curves_s: float = 0.0

    @property
    def air_side_power_w(self) -> float:
        """Power of what moves air, chilled water and coolant through the hall, which a site may put on its UPS (W)."""
        return self.crah_fan_power_w + self.chilled_water_pump_power_w + self.coolant_pump_power_w

    @property
    def power_w(self) -> float:
        """Electric power of the whole plant (W)."""
        return (
            self.crah_fan_power_w
            + self.chilled_water_pump_power_w
            + self.chiller_power_w
            + self.condenser_pump_power_w
            + self.tower_fan_power_w
            + self.overhead_power_w
            + self.coolant_pump_power_w
            + self.facility_water_pump_power_w
            + self.dry_cooler_fan_power_w
            + self.scavenger_fan_power_w
            + self.media_pump_power_w
        )

    @property
    def makeup_water_kg(self) -> float:
        """Water taken in: the withdrawal (kg)."""
        return self.evaporated_water_kg + self.drift_water_kg + self.blowdown_water_kg

    @property
    def consumed_water_kg(self) -> float:
        """Water that does not come back: evaporation and drift (kg)."""
        return self.evaporated_water_kg + self.drift_water_kg

    @property
    def residual_w(self) -> float:
        """Heat and work in, less heat out and heat left: zero but for rounding (W)."""
        return self.heat_w + self.power_w - self.heat_rejected_w - self.reused_heat_w - self.unmet_heat_w


_SUMMED = frozenset(
    {
        "duration_s",
        "evaporated_water_kg",
        "drift_water_kg",
        "blowdown_water_kg",
        "media_water_kg",
        "free_s",
        "partial_s",
        "mechanical_s",
        "outside_correlation_s",
        "outside_curves_s",
    }
)


def combined(steps: Sequence[CoolingStep]) -> CoolingStep:
    """Return one step for several that follow one another: amounts and times add up, the rest are means over time.

    A temperature that one of them does not have is not defined over the whole either.

    >>> first, second = CoolingStep(60.0, 100.0, free_s=60.0), CoolingStep(180.0, 300.0, mechanical_s=180.0)
    >>> whole = combined([first, second])
    >>> whole.duration_s, whole.heat_w, whole.free_s
    (240.0, 250.0, 60.0)
    """
    duration_s = math.fsum(step.duration_s for step in steps)
    values: dict[str, Any] = {"mode": steps[-1].mode}
    for name in (field.name for field in fields(CoolingStep) if field.name != "mode"):
        parts = [getattr(step, name) for step in steps]
        if name in _SUMMED:
            values[name] = math.fsum(parts)
        elif None in parts:
            values[name] = None
        else:
            weighted = math.fsum(step.duration_s * part for step, part in zip(steps, parts, strict=True))
            values[name] = weighted / duration_s
    return CoolingStep(**values)


class Outdoors(NamedTuple):
    """Outdoor air of a step."""

    dry_bulb_c: float
    wet_bulb_c: float
    pressure_pa: float


class CoolingPlant(ABC):
    """A cooling plant, quasi-steady: every step it is at the operating point of that step's mean heat and weather.

    A kind of cooling is one file with one final subclass. What servers give to liquid goes into the air of the hall
    where a plant has no liquid loop, as with a liquid-to-air distribution unit.
    """

    __slots__ = ()

    @property
    def settled(self) -> bool:
        """Whether the last step, given once more, would be the same."""
        return True

    @property
    def capacity_w(self) -> float:
        """Heat from indoors that the installed plant can remove by design (W); infinite where none is known."""
        return math.inf

    @abstractmethod
    def step(
        self,
        dt_s: float,
        heat_w: float,
        dry_bulb_c: float,
        wet_bulb_c: float,
        pressure_pa: float = STANDARD_PRESSURE_PA,
        liquid_heat_w: float = 0.0,
    ) -> CoolingStep:
        """Advance by a step of any length.

        Args:
            dt_s: length of the step (s), above 0.
            heat_w: *mean* heat over the step, from all that is indoors (W), at least 0.
            dry_bulb_c: outdoor dry bulb (degC).
            wet_bulb_c: outdoor wet bulb (degC).
            pressure_pa: outdoor pressure (Pa).
            liquid_heat_w: part of the heat that servers give to liquid (W).
        """


class SteadyPlant(CoolingPlant):
    """A cooling plant without memory; the operating point of the last inputs is kept, since inputs repeat.

    Args:
        capacity_w: heat from indoors that the installed plant can remove by design (W).
    """

    __slots__ = ("_capacity_w", "_inputs", "_last")

    def __init__(self, capacity_w: float) -> None:
        self._capacity_w = capacity_w
        self._inputs: tuple[float, ...] | None = None
        self._last = CoolingStep(1.0, 0.0)

    @property
    @final
    def capacity_w(self) -> float:
        """Heat from indoors that the installed plant can remove by design (W), redundant machines included."""
        return self._capacity_w

    @final
    def step(
        self,
        dt_s: float,
        heat_w: float,
        dry_bulb_c: float,
        wet_bulb_c: float,
        pressure_pa: float = STANDARD_PRESSURE_PA,
        liquid_heat_w: float = 0.0,
    ) -> CoolingStep:
        """Advance by a step of any length; without heat the whole plant stands still."""
        inputs = (dt_s, heat_w, dry_bulb_c, wet_bulb_c, pressure_pa, liquid_heat_w)
        if inputs != self._inputs:
            if not (dt_s > 0.0 and 0.0 <= heat_w < math.inf):
                raise InvariantError(f"cooling step of {dt_s} s with {heat_w} W")
            outdoors = Outdoors(dry_bulb_c, wet_bulb_c, pressure_pa)
            self._last = self.operation(dt_s, heat_w, outdoors) if heat_w > 0.0 else CoolingStep(dt_s, heat_w)
            self._inputs = inputs
        return self._last

    @abstractmethod
    def operation(self, dt_s: float, heat_w: float, outdoors: Outdoors) -> CoolingStep:
        """Return a step at a heat (W) above 0."""


def mode_times(mode: EconomizerMode, dt_s: float) -> dict[str, Any]:
    """Return the fields of a step that stays in one mode.

    >>> mode_times(EconomizerMode.FREE, 60.0)["free_s"]
    60.0
    """
    return {
        "mode": mode,
        "free_s": dt_s if mode is EconomizerMode.FREE else 0.0,
        "partial_s": dt_s if mode is EconomizerMode.PARTIAL else 0.0,
        "mechanical_s": dt_s if mode is EconomizerMode.MECHANICAL else 0.0,
    }
