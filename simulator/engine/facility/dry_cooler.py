"""Air handlers on water from dry coolers, with trim chillers behind them for warm hours."""

from __future__ import annotations

from typing import final

from simulator.engine.facility.chiller_bank import PublishedCurves
from simulator.engine.facility.facility_water import FacilityWater, water_fields
from simulator.engine.facility.movers import AirMover, PumpedLoop
from simulator.engine.facility.plant import CoolingStep, Outdoors, SteadyPlant, mode_times
from simulator.profiles.cooling_plants import DryCoolerParameters, FacilityWaterParameters


@final
class DryCoolerPlant(SteadyPlant):
    """A plant of air handlers and dry coolers.

    Args:
        it_capacity_w: electric power of all IT equipment at full load (W).
        parameters: the plant per watt.
        facility_water: heat rejection per watt; dry coolers whatever it names.
        curves: published curves for the trim chillers; None for Carnot machines.
    """

    __slots__ = ("_handlers", "_loop", "_parameters", "_water")

    def __init__(
        self,
        it_capacity_w: float,
        parameters: DryCoolerParameters,
        facility_water: FacilityWaterParameters,
        curves: PublishedCurves | None = None,
    ) -> None:
        super().__init__(parameters.design_heat_ratio * it_capacity_w)
        self._parameters = parameters
        setpoint_c = parameters.supply_air_c - parameters.coil_approach_k
        self._handlers = AirMover(parameters.handlers, parameters.design_heat_ratio * it_capacity_w)
        self._loop = PumpedLoop(parameters.water, self._handlers.design_heat_w)
        dry = facility_water.model_copy(update={"rejection": "dry_cooler"})
        self._water = FacilityWater(dry, self._loop.design_heat_w, setpoint_c, setpoint_c, curves=curves)

    def operation(self, dt_s: float, heat_w: float, outdoors: Outdoors) -> CoolingStep:
        """Return a step: air handlers, loop, coolers, chillers."""
        air = self._handlers.move(heat_w)
        water = self._loop.circulate(heat_w + air.fan_power_w)
        load_w = heat_w + air.fan_power_w + water.pump_power_w
        point = self._water.cool(load_w, water.rate_w_per_k, outdoors)
        supply_air_c = point.supply_c + self._parameters.coil_approach_k
        return CoolingStep(
            duration_s=dt_s,
            heat_w=heat_w,
            crah_fan_power_w=air.fan_power_w,
            chilled_water_pump_power_w=water.pump_power_w,
            supply_air_c=supply_air_c,
            return_air_c=supply_air_c + air.rise_k,
            chilled_water_supply_c=point.supply_c,
            chilled_water_return_c=point.supply_c + load_w / water.rate_w_per_k,
            **water_fields(point, load_w, dt_s),
            **mode_times(point.mode, dt_s),
        )
