"""Chilled-water plant: its operating point through time, with the memory of the economizer's mode."""

from __future__ import annotations

import math
from typing import final

from simulator.engine.facility.chilled_water_operation import ChilledWaterOperation, Loop, OperatingPoint, Weather
from simulator.engine.facility.chilled_water_sizing import ChilledWaterSizing, sized_for
from simulator.engine.facility.chiller_bank import PublishedCurves
from simulator.engine.facility.plant import CoolingPlant, CoolingStep, combined
from simulator.errors import InvariantError
from simulator.physics.economizer import DeadBands, EconomizerMode, wanted_mode
from simulator.physics.psychrometrics import STANDARD_PRESSURE_PA
from simulator.physics.yorkcalc import slice_at
from simulator.profiles.chilled_water import ChilledWaterParameters


@final
class ChilledWaterPlant(CoolingPlant):
    """A chilled-water plant, advanced by steps of any length.

    The plant is quasi-steady; its only memory is the mode of the economizer and how long a transition has been wanted.
    A transition fires inside a step at the moment when its waiting time ends, so that a step gives exactly what any
    division of it would. The first step starts in the mode in which its own weather would have left the plant.

    Args:
        parameters: the plant per watt.
        sizing: installed capacities.
        curves: published curves of chillers of any size; None for Carnot machines.
    """

    __slots__ = (
        "_bands",
        "_coil_approach_k",
        "_held_s",
        "_mode",
        "_operation",
        "_pending",
        "_setpoint_c",
        "_sizing",
        "_steady",
        "_wait_s",
    )

    def __init__(
        self, parameters: ChilledWaterParameters, sizing: ChilledWaterSizing, curves: PublishedCurves | None = None
    ) -> None:
        self._sizing = sizing
        self._setpoint_c = parameters.chilled_water_setpoint_c
        self._coil_approach_k = parameters.supply_air_c - parameters.chilled_water_setpoint_c
        self._wait_s = parameters.economizer_wait_s
        if curves is not None:
            tower_leaving_c = parameters.tower_design_wet_bulb_c + parameters.tower_design_approach_k
            curves = curves.sized(sizing.chiller_capacity_w, self._setpoint_c, tower_leaving_c)
        self._operation = ChilledWaterOperation(parameters, sizing, curves)
        self._bands = DeadBands(
            parameters.economizer_free_to_partial_k,
            parameters.economizer_partial_to_mechanical_k,
            parameters.economizer_mechanical_to_partial_k,
            parameters.economizer_partial_to_free_k,
        )
        self._mode: EconomizerMode | None = None
        self._pending: EconomizerMode | None = None
        self._held_s = 0.0
        self._steady = False

    @classmethod
    def sized_for(
        cls, it_capacity_w: float, parameters: ChilledWaterParameters, curves: PublishedCurves | None = None
    ) -> ChilledWaterPlant:
        """Return a plant sized for an IT capacity (W) at the design point of its parameters."""
        return cls(parameters, sized_for(it_capacity_w, parameters, curves), curves)

    @property
    def sizing(self) -> ChilledWaterSizing:
        """Installed capacities."""
        return self._sizing

    @property
    def settled(self) -> bool:
        """Whether the mode did not change in the last step, and no change is waited for."""
        return self._steady

    @property
    def capacity_w(self) -> float:
        """Heat from indoors that all installed chillers together can remove (W)."""
        sizing = self._sizing
        return sizing.chillers * sizing.chiller_capacity_w * sizing.heat_w / sizing.loop_heat_w

    def step(
        self,
        dt_s: float,
        heat_w: float,
        dry_bulb_c: float,
        wet_bulb_c: float,
        pressure_pa: float = STANDARD_PRESSURE_PA,  # noqa: ARG002  the correlations know no pressure
        liquid_heat_w: float = 0.0,  # noqa: ARG002  liquid-to-air units give it to the hall
    ) -> CoolingStep:
        """Advance by a step of any length; without heat the whole plant stands still."""
        if not (dt_s > 0.0 and 0.0 <= heat_w < math.inf):
            raise InvariantError(f"cooling step of {dt_s} s with {heat_w} W")
        if heat_w == 0.0:
            self._pending, self._held_s, self._steady = None, 0.0, True
            return CoolingStep(dt_s, heat_w, mode=self._mode)
        weather = Weather(dry_bulb_c, wet_bulb_c, slice_at(wet_bulb_c))
        loop = self._operation.loop(heat_w)
        if self._mode is None:
            self._mode = self._settled_mode(loop, weather)
        intervals = []
        remaining_s = dt_s
        while remaining_s > 0.0:
            mode = self._mode
            point = self._operation.point(mode, loop, weather)
            seconds = self._stay_s(mode, point, remaining_s)
            intervals.append(self._interval(seconds, heat_w, mode, point))
            remaining_s -= seconds
        self._steady = len(intervals) == 1 and self._pending is self._mode
        return intervals[0] if len(intervals) == 1 else combined(intervals)

    def _settled_mode(self, loop: Loop, weather: Weather) -> EconomizerMode:
        """Return the mode that the graph reaches from free cooling without waiting."""
        mode = EconomizerMode.FREE
        for _ in EconomizerMode:
            mode = self._wanted(mode, self._operation.point(mode, loop, weather))
        return mode

    def _wanted(self, mode: EconomizerMode, point: OperatingPoint) -> EconomizerMode:
        return wanted_mode(
            mode,
            self._bands,
            setpoint_c=self._setpoint_c,
            return_c=point.chilled_return_c,
            economizer_leaving_c=point.economizer_leaving_c,
        )

    def _stay_s(self, mode: EconomizerMode, point: OperatingPoint, remaining_s: float) -> float:
        """Return how long the plant stays at a point, at most the rest of the step; the next mode is set if it ends."""
        wanted = self._wanted(mode, point)
        if wanted is not self._pending:
            self._pending, self._held_s = wanted, 0.0
        if wanted is mode:
            return remaining_s
        left_s = max(self._wait_s - self._held_s, 0.0)
        if left_s > remaining_s:
            self._held_s += remaining_s
            return remaining_s
        self._mode, self._pending, self._held_s = wanted, None, 0.0
        return left_s

    def _interval(self, seconds: float, heat_w: float, mode: EconomizerMode, point: OperatingPoint) -> CoolingStep:
        loop, rejection = point.loop, point.rejection
        evaporated, drift, blowdown = point.water_kg_per_s
        supply_air_c = point.chilled_supply_c + self._coil_approach_k
        return CoolingStep(
            duration_s=seconds,
            heat_w=heat_w,
            crah_fan_power_w=loop.fan_power_w,
            chilled_water_pump_power_w=loop.pump_power_w,
            chiller_power_w=rejection.chiller_power_w,
            condenser_pump_power_w=point.condenser.pump_power_w,
            tower_fan_power_w=point.tower_fan_power_w,
            heat_rejected_w=rejection.heat_w + point.tower_fan_power_w,
            unmet_heat_w=rejection.unmet_heat_w,
            evaporated_water_kg=seconds * evaporated,
            drift_water_kg=seconds * drift,
            blowdown_water_kg=seconds * blowdown,
            mode=self._mode,
            free_s=seconds if mode is EconomizerMode.FREE else 0.0,
            partial_s=seconds if mode is EconomizerMode.PARTIAL else 0.0,
            mechanical_s=seconds if mode is EconomizerMode.MECHANICAL else 0.0,
            chillers_running=float(rejection.chillers_running),
            supply_air_c=supply_air_c,
            return_air_c=supply_air_c + loop.air_rise_k,
            chilled_water_supply_c=point.chilled_supply_c,
            chilled_water_return_c=point.chilled_return_c,
            condenser_water_c=rejection.leaving_c,
            outside_correlation_s=seconds if point.outside_correlation else 0.0,
            outside_curves_s=seconds if point.outside_curves else 0.0,
        )
