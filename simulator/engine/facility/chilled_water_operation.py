"""Operating point of a chilled-water plant in one mode of its economizer: no memory, no time.

Heat and work pass from stage to stage, so that each is the load of the next: air handlers, loop pumps, economizer and
chillers, condenser pumps, tower. The flows of air and chilled water follow the heat at their design temperature rises,
and the condenser flow follows the load of the loop, each down to a minimum. With the economizer on, the tower aims at
the setpoint of the chilled water less the heat exchanger's approach; with chillers alone, at the wet bulb plus the
design approach, not below a minimum. The least number of chillers that can carry the load runs.
"""

from __future__ import annotations

import math
from typing import NamedTuple, final

from simulator.engine.facility.chilled_water_sizing import (
    HEAT_PER_VOLUME_J_PER_M3_K,
    ChilledWaterSizing,
    carnot_machine,
    entering_machine,
)
from simulator.engine.facility.chiller_bank import PublishedCurves
from simulator.engine.facility.wet_towers import LEAST_CELL_LOAD
from simulator.physics import water
from simulator.physics.carnot_chillers import carnot_power_w, part_load_efficiency
from simulator.physics.domains import clip
from simulator.physics.economizer import EconomizerMode
from simulator.physics.fans import fan_power_ratio
from simulator.physics.pumps import loop_head_pa, pump_power_w
from simulator.physics.saturated_exit import evaporation_kg_per_j
from simulator.physics.towers import (
    TowerFan,
    TowerOperation,
    full_fan_approach_k,
    full_fan_curve,
    outside_correlation,
    tower_operation,
)
from simulator.physics.yorkcalc import WATER_FLOW_RATIO_RANGE, Slice
from simulator.profiles.chilled_water import ChilledWaterParameters

_TEMPERATURE_TOLERANCE_K = 1e-5
"""A millionth of the chillers' lift, and so of their work."""
_MAXIMUM_PASSES = 20


class Weather(NamedTuple):
    """Outdoor air of a step."""

    dry_bulb_c: float
    wet_bulb_c: float
    tower: Slice
    """The tower's correlation at the wet bulb."""


class Loop(NamedTuple):
    """Air side and chilled-water loop, whoever cools the loop."""

    fan_power_w: float
    air_rise_k: float
    pump_power_w: float
    heat_w: float
    heat_rate_w_per_k: float


class Condenser(NamedTuple):
    """The condenser loop and the setpoint of its water."""

    heat_rate_w_per_k: float
    pump_power_w: float
    wetted_share: float
    """Share of the tower's cells that get water; their fans run."""
    water_ratio: float
    """Water flow of a wetted cell over its reference flow."""
    setpoint_c: float


class Rejection(NamedTuple):
    """Chillers and tower at the water temperature on which they agree."""

    chiller_power_w: float
    chillers_running: int
    unmet_heat_w: float
    heat_w: float
    """Heat of the tower."""
    range_k: float
    leaving_c: float
    coldest_c: float
    """Leaving water at full fan."""


class OperatingPoint(NamedTuple):
    """Everything that the plant does in one mode."""

    loop: Loop
    condenser: Condenser
    rejection: Rejection
    tower_fan_power_w: float
    water_kg_per_s: tuple[float, float, float]
    """Evaporation, drift and blowdown."""
    chilled_supply_c: float
    chilled_return_c: float
    economizer_leaving_c: float
    outside_correlation: bool
    outside_curves: bool


@final
class ChilledWaterOperation:
    """The plant as a function of mode, heat and weather.

    Args:
        parameters: the plant per watt.
        sizing: installed capacities.
        curves: published curves of chillers, sized for the plant; None for Carnot machines.
    """

    __slots__ = (
        "_air_rate_w_per_k",
        "_beyond",
        "_curves",
        "_machine",
        "_parameters",
        "_setpoint_c",
        "_sizing",
        "_tower_fan",
    )

    def __init__(
        self, parameters: ChilledWaterParameters, sizing: ChilledWaterSizing, curves: PublishedCurves | None = None
    ) -> None:
        self._parameters = parameters
        self._sizing = sizing
        self._air_rate_w_per_k = (
            parameters.air_density_kg_per_m3 * parameters.air_specific_heat_j_per_kg_k * sizing.air_flow_m3_per_s
        )
        self._setpoint_c = parameters.chilled_water_setpoint_c
        self._machine = carnot_machine(parameters)
        self._curves = curves
        self._beyond = entering_machine(parameters)
        self._tower_fan = TowerFan(parameters.tower_minimum_air_fraction, parameters.tower_free_convection_fraction)

    def loop(self, heat_w: float) -> Loop:
        """Return air side and chilled water at a heat indoors (W); fan and pump work joins the heat of the loop."""
        p, s = self._parameters, self._sizing
        air_fraction = heat_w / (self._air_rate_w_per_k * p.air_temperature_rise_k)
        air_fraction = clip(air_fraction, p.crah_minimum_flow_fraction, 1.0)
        fan_w = s.crah_fan_power_w * fan_power_ratio(air_fraction, p.crah_fan_curve)
        coil_w = heat_w + fan_w
        fraction = clip(coil_w / s.coil_heat_w, p.chilled_water_minimum_flow_fraction, 1.0)
        flow_m3_per_s = fraction * s.chilled_water_flow_m3_per_s
        head_pa = loop_head_pa(fraction, p.chilled_water_head_pa, p.chilled_water_static_head_fraction)
        pump_w = pump_power_w(flow_m3_per_s, head_pa, p.chilled_water_pump_efficiency)
        air_rise_k = heat_w / (self._air_rate_w_per_k * air_fraction)
        return Loop(fan_w, air_rise_k, pump_w, coil_w + pump_w, HEAT_PER_VOLUME_J_PER_M3_K * flow_m3_per_s)

    def point(self, mode: EconomizerMode, loop: Loop, weather: Weather) -> OperatingPoint:
        """Return the operating point in a mode."""
        p = self._parameters
        condenser = self._condenser(mode, loop, weather)
        rejection = self._rejection(mode, loop, condenser, weather)
        # With chillers alone it is what the economizer would give: the tower at full fan with the present load.
        from_tower_c = rejection.coldest_c if mode is EconomizerMode.MECHANICAL else rejection.leaving_c
        economizer_c = from_tower_c + p.economizer_approach_k
        unmet_w = rejection.unmet_heat_w
        supply_c = max(self._setpoint_c, economizer_c) if mode is EconomizerMode.FREE else self._setpoint_c
        supply_c += unmet_w / loop.heat_rate_w_per_k
        return_c = supply_c + (loop.heat_w - unmet_w) / loop.heat_rate_w_per_k
        tower = self._tower(weather, rejection.range_k, condenser)
        fan_w = self._tower_fan_power_w(tower, condenser)
        outside = outside_correlation(weather.wet_bulb_c, rejection.range_k, condenser.water_ratio)
        used = self._water_kg_per_s(rejection, tower, condenser, weather)
        curves = self._curves
        outside_curves = (
            curves is not None
            and rejection.chillers_running > 0
            and not curves.inside(self._setpoint_c, rejection.leaving_c)
        )
        return OperatingPoint(
            loop, condenser, rejection, fan_w, used, supply_c, return_c, economizer_c, outside, outside_curves
        )

    def _condenser(self, mode: EconomizerMode, loop: Loop, weather: Weather) -> Condenser:
        p, s = self._parameters, self._sizing
        fraction = clip(loop.heat_w / s.loop_heat_w, p.condenser_minimum_flow_fraction, 1.0)
        flow_m3_per_s = fraction * s.condenser_flow_m3_per_s
        head_pa = loop_head_pa(fraction, p.condenser_head_pa, p.condenser_static_head_fraction)
        # A tower of many cells, as many of them wetted as keep each at or above the correlation's lowest water flow.
        all_wetted_ratio = fraction * s.tower_water_ratio
        water_ratio = max(all_wetted_ratio, WATER_FLOW_RATIO_RANGE[0])
        if mode is EconomizerMode.MECHANICAL:
            setpoint_c = max(p.condenser_water_minimum_c, weather.wet_bulb_c + p.tower_design_approach_k)
        else:
            setpoint_c = self._setpoint_c - p.economizer_approach_k
        pump_w = pump_power_w(flow_m3_per_s, head_pa, p.condenser_pump_efficiency)
        rate = HEAT_PER_VOLUME_J_PER_M3_K * flow_m3_per_s
        return Condenser(rate, pump_w, all_wetted_ratio / water_ratio, water_ratio, setpoint_c)

    def _rejection(self, mode: EconomizerMode, loop: Loop, condenser: Condenser, weather: Weather) -> Rejection:
        """Return chillers and tower in agreement.

        Where the fan is at full speed, leaving water and compressor work depend on each other: T = g(T), with a slope
        of a few percent. The secant through the last two passes finds T in three; the first guess leaves out the
        compressor work. A jump in the number of chillers can leave no T at all, and then the last pass stands.
        """
        s = self._sizing
        curve = full_fan_curve(weather.tower, condenser.water_ratio)
        rate, setpoint_c = condenser.heat_rate_w_per_k, condenser.setpoint_c
        without_work_w = loop.heat_w + condenser.pump_power_w
        guess_c = max(setpoint_c, weather.wet_bulb_c + full_fan_approach_k(curve, without_work_w / rate))
        before_c = before_k = 0.0
        for passes in range(_MAXIMUM_PASSES):
            wanted_w = self._left_for_chillers_w(mode, loop, guess_c)
            capacity_w = self._capacity_w(guess_c)
            load_w = min(wanted_w, s.chillers * capacity_w)
            cooled_w = without_work_w - (wanted_w - load_w)
            # The least number that can carry the load.
            running = min(math.ceil(load_w / capacity_w), s.chillers)
            power_w = self._compressor_power_w(load_w, running, guess_c, rate, cooled_w) if running else 0.0
            range_k = (cooled_w + power_w) / rate
            coldest_c = weather.wet_bulb_c + full_fan_approach_k(curve, range_k)
            leaving_c = max(setpoint_c, coldest_c)
            change_k = leaving_c - guess_c
            if -_TEMPERATURE_TOLERANCE_K < change_k < _TEMPERATURE_TOLERANCE_K:
                break
            step_k = change_k
            if passes > 0 and change_k != before_k:
                step_k *= (guess_c - before_c) / (before_k - change_k)
            before_c, before_k = guess_c, change_k
            guess_c += step_k
        return Rejection(power_w, running, wanted_w - load_w, cooled_w + power_w, range_k, leaving_c, coldest_c)

    def _left_for_chillers_w(self, mode: EconomizerMode, loop: Loop, condenser_c: float) -> float:
        """Return the part of the loop's heat that the economizer leaves, with condenser water of a temperature."""
        if mode is EconomizerMode.FREE:
            return 0.0
        if mode is EconomizerMode.MECHANICAL:
            return loop.heat_w
        left_k = condenser_c + self._parameters.economizer_approach_k - self._setpoint_c
        return clip(loop.heat_rate_w_per_k * left_k, 0.0, loop.heat_w)

    def _capacity_w(self, condenser_c: float) -> float:
        """Return the highest load of one chiller with condenser water of a temperature."""
        if self._curves is None:
            return self._sizing.chiller_capacity_w
        return self._curves.capacity_w(self._setpoint_c, condenser_c)

    def _compressor_power_w(
        self, load_w: float, running: int, condenser_c: float, rate_w_per_k: float, cooled_w: float
    ) -> float:
        """Return the work of the running chillers, which share the load evenly."""
        p = self._parameters
        if self._curves is not None:
            return running * self._curves.power_w(self._beyond, load_w / running, self._setpoint_c, condenser_c)
        ratio = load_w / (running * self._sizing.chiller_capacity_w)
        return carnot_power_w(
            self._machine,
            load_w,
            self._setpoint_c,
            condenser_c,
            condenser_heat_rate_w_per_k=rate_w_per_k,
            other_condenser_heat_w=cooled_w,
            part_load_efficiency=part_load_efficiency(
                ratio, p.chiller_part_load_curve, p.chiller_minimum_part_load_ratio
            ),
        )

    def _tower(self, weather: Weather, range_k: float, condenser: Condenser) -> TowerOperation:
        return tower_operation(
            self._tower_fan, weather.tower, weather.wet_bulb_c, range_k, condenser.water_ratio, condenser.setpoint_c
        )

    def _tower_fan_power_w(self, tower: TowerOperation, condenser: Condenser) -> float:
        full_w = self._sizing.tower_fan_power_w * condenser.wetted_share
        return full_w * tower.on_fraction * fan_power_ratio(tower.air_fraction, self._parameters.tower_fan_curve)

    def _water_kg_per_s(
        self, rejection: Rejection, tower: TowerOperation, condenser: Condenser, weather: Weather
    ) -> tuple[float, float, float]:
        """Return evaporation, drift and blowdown (kg/s)."""
        p = self._parameters
        blown = condenser.wetted_share * tower.on_fraction * tower.air_fraction
        range_k = max(rejection.range_k, LEAST_CELL_LOAD * p.condenser_water_temperature_rise_k)
        share = range_k * condenser.heat_rate_w_per_k / self._sizing.rejected_heat_w
        air_heat = p.tower_air_heat_j_per_kg * share / blown if blown > 0.0 else math.inf
        evaporated = rejection.heat_w * evaporation_kg_per_j(
            weather.dry_bulb_c, weather.wet_bulb_c, air_heat, rejection.leaving_c + range_k
        )
        drift = p.drift_fraction * condenser.heat_rate_w_per_k / water.SPECIFIC_HEAT_J_PER_KG_K
        return evaporated, drift, water.blowdown(evaporated, drift, p.cycles_of_concentration)
