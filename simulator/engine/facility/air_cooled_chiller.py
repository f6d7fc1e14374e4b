"""Air handlers on chilled water from air-cooled chillers: no water is used, and no hour is free."""

from __future__ import annotations

from typing import final

from simulator.engine.facility.chiller_bank import AirCooledBank, PublishedCurves
from simulator.engine.facility.movers import AirMover, PumpedLoop
from simulator.engine.facility.plant import CoolingStep, Outdoors, SteadyPlant, mode_times
from simulator.physics.economizer import EconomizerMode
from simulator.profiles.cooling_plants import AirCooledChillerParameters


@final
class AirCooledChillerPlant(SteadyPlant):
    """A plant of air handlers and air-cooled chillers.

    Args:
        it_capacity_w: electric power of all IT equipment at full load (W).
        parameters: the plant per watt.
        curves: published curves; None for Carnot machines.
    """

    __slots__ = ("_bank", "_handlers", "_loop", "_parameters", "_setpoint_c")

    def __init__(
        self, it_capacity_w: float, parameters: AirCooledChillerParameters, curves: PublishedCurves | None = None
    ) -> None:
        least = min(parameters.handlers.installed_ratio, parameters.chillers.installed_ratio)
        super().__init__(least * parameters.design_heat_ratio * it_capacity_w)
        self._parameters = parameters
        self._setpoint_c = parameters.supply_air_c - parameters.coil_approach_k
        self._handlers = AirMover(parameters.handlers, parameters.design_heat_ratio * it_capacity_w)
        self._loop = PumpedLoop(parameters.chilled_water, self._handlers.design_heat_w)
        self._bank = AirCooledBank(parameters.chillers, self._loop.design_heat_w, self._setpoint_c, curves)

    def operation(self, dt_s: float, heat_w: float, outdoors: Outdoors) -> CoolingStep:
        """Return a step: each stage carries the stage before it and its movers."""
        air = self._handlers.move(heat_w)
        water = self._loop.circulate(heat_w + air.fan_power_w)
        load_w = heat_w + air.fan_power_w + water.pump_power_w
        bank = self._bank.cool(load_w, self._setpoint_c, outdoors.dry_bulb_c)
        unmet_w = load_w - bank.load_w
        supply_c = self._setpoint_c + unmet_w / water.rate_w_per_k
        supply_air_c = supply_c + self._parameters.coil_approach_k
        return CoolingStep(
            duration_s=dt_s,
            heat_w=heat_w,
            crah_fan_power_w=air.fan_power_w,
            chilled_water_pump_power_w=water.pump_power_w,
            chiller_power_w=bank.power_w,
            heat_rejected_w=bank.load_w + bank.power_w,
            unmet_heat_w=unmet_w,
            chillers_running=float(bank.running),
            supply_air_c=supply_air_c,
            return_air_c=supply_air_c + air.rise_k,
            chilled_water_supply_c=supply_c,
            chilled_water_return_c=supply_c + bank.load_w / water.rate_w_per_k,
            outside_curves_s=dt_s if bank.outside_curves else 0.0,
            **mode_times(EconomizerMode.MECHANICAL, dt_s),
        )
