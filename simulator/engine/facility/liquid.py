"""Liquid at the chips or around them, behind coolant distribution units; the rest of the heat goes to an air plant."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, final

from simulator.engine.facility.chiller_bank import PublishedCurves
from simulator.engine.facility.facility_water import FacilityWater, HeatUser, water_fields
from simulator.engine.facility.movers import PumpedLoop
from simulator.engine.facility.plant import CoolingPlant, CoolingStep, Outdoors
from simulator.errors import InvariantError
from simulator.physics.economizer import EconomizerMode
from simulator.physics.heat_exchangers import Arrangement, exchanger_for
from simulator.physics.psychrometrics import STANDARD_PRESSURE_PA
from simulator.profiles.cooling_plants import FacilityWaterParameters, LiquidParameters

_ADDED = (
    "chiller_power_w",
    "condenser_pump_power_w",
    "tower_fan_power_w",
    "dry_cooler_fan_power_w",
    "heat_rejected_w",
    "reused_heat_w",
    "unmet_heat_w",
    "evaporated_water_kg",
    "drift_water_kg",
    "blowdown_water_kg",
    "chillers_running",
)
"""Fields to which both parts of the plant contribute."""


@final
class LiquidPlant(CoolingPlant):
    """Direct-to-chip or immersion cooling with an air plant beside it.

    Args:
        it_capacity_w: electric power of all IT equipment at full load (W).
        parameters: coolant and distribution units per watt.
        facility_water: heat rejection per watt.
        air: plant for what liquid does not take.
        user: who uses heat of the facility water; None for nobody.
        curves: published curves for the chillers of the facility water; None for Carnot machines.
    """

    __slots__ = ("_air", "_coolant", "_exchanger", "_inputs", "_last", "_last_air", "_liquid_w", "_loop", "_water")

    def __init__(
        self,
        it_capacity_w: float,
        parameters: LiquidParameters,
        facility_water: FacilityWaterParameters,
        air: CoolingPlant,
        user: HeatUser | None = None,
        curves: PublishedCurves | None = None,
    ) -> None:
        p = parameters
        self._air = air
        self._liquid_w = p.design_heat_ratio * it_capacity_w
        self._coolant = PumpedLoop(p.coolant, self._liquid_w, p.coolant_heat_j_per_m3_k)
        heat_w = self._coolant.design_heat_w
        self._loop = PumpedLoop(p.facility_water, heat_w)
        rates = self._coolant.rate_w_per_k, self._loop.rate_w_per_k
        self._exchanger = exchanger_for(
            Arrangement.COUNTERFLOW,
            heat_w / (p.exchanger_approach_k + heat_w / rates[0]),
            rates,
            hot_resistance_fraction=0.5,
            flow_exponent=p.exchanger_flow_exponent,
        )
        self._water = FacilityWater(
            facility_water, self._loop.design_heat_w, p.facility_water_c, p.highest_facility_water_c, user, curves
        )
        self._inputs: tuple[float, ...] | None = None
        self._last_air: CoolingStep | None = None
        self._last = CoolingStep(1.0, 0.0)

    @property
    def capacity_w(self) -> float:
        """Heat from indoors that coolant and air plant can remove by design (W)."""
        return self._liquid_w + self._air.capacity_w

    @property
    def settled(self) -> bool:
        """Whether the last step, given once more, would be the same: liquid has no memory, the air plant may."""
        return self._air.settled

    def step(
        self,
        dt_s: float,
        heat_w: float,
        dry_bulb_c: float,
        wet_bulb_c: float,
        pressure_pa: float = STANDARD_PRESSURE_PA,
        liquid_heat_w: float = 0.0,
    ) -> CoolingStep:
        """Advance by a step of any length; a loop without heat stands still."""
        if not (dt_s > 0.0 and 0.0 <= heat_w < math.inf and liquid_heat_w >= 0.0):
            raise InvariantError(f"cooling step of {dt_s} s with {heat_w} W, {liquid_heat_w} W of it in liquid")
        liquid_w = min(liquid_heat_w, heat_w)
        air = self._air.step(dt_s, heat_w - liquid_w, dry_bulb_c, wet_bulb_c, pressure_pa)
        if liquid_w == 0.0:
            return air
        inputs = (dt_s, heat_w, dry_bulb_c, wet_bulb_c, pressure_pa, liquid_w)
        if inputs != self._inputs or air is not self._last_air:
            self._last = self._joined(dt_s, heat_w, liquid_w, air, Outdoors(dry_bulb_c, wet_bulb_c, pressure_pa))
            self._inputs, self._last_air = inputs, air
        return self._last

    def _joined(self, dt_s: float, heat_w: float, liquid_w: float, air: CoolingStep, outdoors: Outdoors) -> CoolingStep:
        coolant = self._coolant.circulate(liquid_w)
        crossing_w = liquid_w + coolant.pump_power_w
        water = self._loop.circulate(crossing_w)
        load_w = crossing_w + water.pump_power_w
        point = self._water.cool(load_w, water.rate_w_per_k, outdoors)
        across = self._exchanger.heat_w_per_k(coolant.rate_w_per_k, water.rate_w_per_k)
        fields = water_fields(point, load_w, dt_s)
        added: dict[str, Any] = {name: getattr(air, name) + fields[name] for name in _ADDED}
        return replace(
            air,
            heat_w=heat_w,
            liquid_heat_w=liquid_w,
            coolant_pump_power_w=coolant.pump_power_w,
            facility_water_pump_power_w=air.facility_water_pump_power_w + water.pump_power_w + point.reuse_pump_power_w,
            facility_water_c=point.supply_c,
            coolant_supply_c=point.supply_c + crossing_w / across - crossing_w / coolant.rate_w_per_k,
            outside_correlation_s=max(air.outside_correlation_s, fields["outside_correlation_s"]),
            outside_curves_s=max(air.outside_curves_s, fields["outside_curves_s"]),
            **added,
            **_mode_of_both(air, point.mode, dt_s),
        )


def _mode_of_both(air: CoolingStep, water: EconomizerMode, dt_s: float) -> dict[str, Any]:
    """Return the mode of a plant of two parts: free or mechanical while both are, partial otherwise."""
    if air.heat_w == 0.0:
        free, mechanical = (dt_s if water is mode else 0.0 for mode in (EconomizerMode.FREE, EconomizerMode.MECHANICAL))
        return {"mode": water, "free_s": free, "mechanical_s": mechanical, "partial_s": dt_s - free - mechanical}
    free = air.free_s if water is EconomizerMode.FREE else 0.0
    mechanical = air.mechanical_s if water is EconomizerMode.MECHANICAL else 0.0
    mode = water if air.mode is water else EconomizerMode.PARTIAL
    return {"mode": mode, "free_s": free, "mechanical_s": mechanical, "partial_s": dt_s - free - mechanical}
