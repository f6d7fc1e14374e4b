"""Open towers behind a plate heat exchanger, as facility water sees them."""

from __future__ import annotations

import math
from typing import NamedTuple, final

from simulator.engine.facility.movers import PumpedLoop
from simulator.engine.facility.plant import Outdoors
from simulator.errors import Fault, InputError
from simulator.physics import water
from simulator.physics.fans import fan_power_ratio
from simulator.physics.saturated_exit import evaporation_kg_per_j
from simulator.physics.towers import (
    TowerFan,
    design_water_flow_ratio,
    full_fan_approach_k,
    full_fan_curve,
    outside_correlation,
    tower_operation,
)
from simulator.physics.yorkcalc import WATER_FLOW_RATIO_RANGE, slice_at
from simulator.profiles.cooling_machines import Towers

LEAST_CELL_LOAD = 0.5
"""Heat of a running cell over its design heat, at least: a load that needs no more shuts cells (assumed).

Air of idle cells would evaporate water by its own warmth and cool nothing.
"""


class TowerRejection(NamedTuple):
    """What the towers do."""

    leaving_c: float
    """Tower water leaving."""
    fan_power_w: float
    pump_power_w: float
    evaporated_kg_per_s: float
    drift_kg_per_s: float
    blowdown_kg_per_s: float
    outside_correlation: bool


@final
class WetTowers:
    """Towers of a size.

    Args:
        figures: the towers per watt.
        heat_w: design heat that crosses the heat exchanger (W).
    """

    __slots__ = ("_fan", "_fan_power_w", "_figures", "_loop", "_water_ratio")

    def __init__(self, figures: Towers, heat_w: float) -> None:
        self._figures = figures
        self._loop = PumpedLoop(figures.loop, heat_w)
        self._fan = TowerFan(figures.minimum_air_fraction, figures.free_convection_fraction)
        self._fan_power_w = figures.fan_power_ratio * self._loop.design_heat_w
        try:
            self._water_ratio = design_water_flow_ratio(
                figures.design_approach_k, figures.loop.temperature_rise_k, figures.design_wet_bulb_c
            )
        except ValueError as error:
            raise InputError([Fault(f"no such tower: {error}", path="towers.design_approach_k")]) from error

    def coldest_c(self, heat_w: float, outdoors: Outdoors) -> float:
        """Return the coldest facility water that the towers can give at a heat (W), fans at full speed (degC)."""
        flow = self._loop.circulate(heat_w)
        ratio = self._ratios(flow.rate_w_per_k)[0]
        curve = full_fan_curve(slice_at(outdoors.wet_bulb_c), ratio)
        range_k = (heat_w + flow.pump_power_w) / flow.rate_w_per_k
        return outdoors.wet_bulb_c + full_fan_approach_k(curve, range_k) + self._figures.exchanger_approach_k

    def reject(self, heat_w: float, outdoors: Outdoors, supply_c: float) -> TowerRejection:
        """Return what it takes to cool facility water.

        Args:
            heat_w: heat that crosses the heat exchanger (W), above 0.
            outdoors: outdoor air.
            supply_c: wanted facility water (degC); the towers give it, or the coldest that they can.
        """
        figures, at = self._figures, slice_at(outdoors.wet_bulb_c)
        flow = self._loop.circulate(heat_w)
        water_ratio, wetted = self._ratios(flow.rate_w_per_k)
        rejected_w = heat_w + flow.pump_power_w
        range_k = rejected_w / flow.rate_w_per_k
        setpoint_c = supply_c - figures.exchanger_approach_k
        point = tower_operation(self._fan, at, outdoors.wet_bulb_c, range_k, water_ratio, setpoint_c)
        fan_w = self._fan_power_w * wetted * point.on_fraction * fan_power_ratio(point.air_fraction, figures.fan_curve)
        use = figures.water
        blown = wetted * point.on_fraction * point.air_fraction
        blown_range_k = max(range_k, LEAST_CELL_LOAD * figures.loop.temperature_rise_k)
        share = blown_range_k * flow.rate_w_per_k / self._loop.design_heat_w
        air_heat = use.air_heat_j_per_kg * share / blown if blown > 0.0 else math.inf
        evaporated = rejected_w * evaporation_kg_per_j(
            outdoors.dry_bulb_c, outdoors.wet_bulb_c, air_heat, point.leaving_c + blown_range_k
        )
        drift = use.drift_fraction * flow.rate_w_per_k / water.SPECIFIC_HEAT_J_PER_KG_K
        blowdown = water.blowdown(evaporated, drift, use.cycles_of_concentration)
        outside = outside_correlation(outdoors.wet_bulb_c, range_k, water_ratio)
        return TowerRejection(point.leaving_c, fan_w, flow.pump_power_w, evaporated, drift, blowdown, outside)

    def _ratios(self, rate_w_per_k: float) -> tuple[float, float]:
        """Return water flow of a wetted cell over its reference flow, and the share of the cells that are wetted."""
        all_wetted = rate_w_per_k / self._loop.rate_w_per_k * self._water_ratio
        ratio = max(all_wetted, WATER_FLOW_RATIO_RANGE[0])
        return ratio, all_wetted / ratio
