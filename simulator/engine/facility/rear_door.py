"""Rear-door heat exchangers: coils in the doors of racks, on facility water, so that the room sees no heat."""

from __future__ import annotations

from typing import final

from simulator.engine.facility.chiller_bank import PublishedCurves
from simulator.engine.facility.facility_water import FacilityWater, HeatUser, water_fields
from simulator.engine.facility.movers import PumpedLoop
from simulator.engine.facility.plant import CoolingStep, Outdoors, SteadyPlant, mode_times
from simulator.physics.domains import clip
from simulator.physics.fans import fan_power_ratio
from simulator.physics.heat_exchangers import Arrangement, exchanger_for
from simulator.profiles.cooling_plants import FacilityWaterParameters, RearDoorParameters


@final
class RearDoorPlant(SteadyPlant):
    """Doors that hold the air behind the racks at the supply temperature; all heat of the hall crosses them.

    Args:
        it_capacity_w: electric power of all IT equipment at full load (W).
        parameters: the doors per watt.
        facility_water: heat rejection per watt.
        user: who uses heat; None for nobody.
        curves: published curves for the chillers; None for Carnot machines.
    """

    __slots__ = ("_air_rate_w_per_k", "_door", "_fan_power_w", "_heat_w", "_loop", "_parameters", "_water")

    def __init__(
        self,
        it_capacity_w: float,
        parameters: RearDoorParameters,
        facility_water: FacilityWaterParameters,
        user: HeatUser | None = None,
        curves: PublishedCurves | None = None,
    ) -> None:
        super().__init__(parameters.design_heat_ratio * it_capacity_w)
        p = parameters
        self._parameters = p
        self._heat_w = p.design_heat_ratio * it_capacity_w
        self._fan_power_w = p.fan_power_ratio * self._heat_w
        coil_w = self._heat_w + self._fan_power_w * fan_power_ratio(1.0, p.fan_curve)
        self._loop = PumpedLoop(p.facility_water, coil_w)
        self._air_rate_w_per_k = self._heat_w / p.exhaust_rise_k
        setpoint_c = p.supply_air_c - p.door_approach_k
        self._door = exchanger_for(
            Arrangement.CROSSFLOW,
            coil_w / (coil_w / self._air_rate_w_per_k + p.door_approach_k),
            (self._air_rate_w_per_k, self._loop.rate_w_per_k),
            hot_resistance_fraction=1.0 - p.water_resistance_fraction,
            flow_exponent=p.flow_exponent,
        )
        self._water = FacilityWater(
            facility_water, self._loop.design_heat_w, setpoint_c, p.highest_facility_water_c, user, curves
        )

    def operation(self, dt_s: float, heat_w: float, outdoors: Outdoors) -> CoolingStep:
        """Return a step: doors, loop, heat rejection.

        Valves keep the supply air from falling below its setpoint; above it the air follows the water:
        T_exhaust = T_water + Q / (eps C_min).
        """
        p = self._parameters
        fraction = clip(heat_w / self._heat_w, p.minimum_flow_fraction, 1.0)
        fan_w = self._fan_power_w * fan_power_ratio(fraction, p.fan_curve) if self._fan_power_w else 0.0
        coil_w = heat_w + fan_w
        water = self._loop.circulate(coil_w)
        load_w = coil_w + water.pump_power_w
        point = self._water.cool(load_w, water.rate_w_per_k, outdoors)
        air_rate = fraction * self._air_rate_w_per_k
        entering_c = point.supply_c + coil_w / self._door.heat_w_per_k(air_rate, water.rate_w_per_k)
        supply_air_c = max(entering_c - coil_w / air_rate, p.supply_air_c)
        return CoolingStep(
            duration_s=dt_s,
            heat_w=heat_w,
            crah_fan_power_w=fan_w,
            facility_water_pump_power_w=water.pump_power_w + point.reuse_pump_power_w,
            supply_air_c=supply_air_c,
            return_air_c=supply_air_c + heat_w / air_rate,
            facility_water_c=point.supply_c,
            **water_fields(point, load_w, dt_s),
            **mode_times(point.mode, dt_s),
        )
