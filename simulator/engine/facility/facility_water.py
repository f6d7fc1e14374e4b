"""Facility water: heat to whoever uses it, then outdoors by dry coolers or towers, then by chillers what is left.

Between its setpoint and its highest temperature the supply floats with the weather, fans at full speed; above, chillers
behind the coolers take what keeps it there. Chillers alone hold the setpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, final

from simulator.engine.facility.chiller_bank import AirCooledBank, PublishedCurves
from simulator.engine.facility.plant import Outdoors
from simulator.engine.facility.wet_towers import TowerRejection, WetTowers
from simulator.errors import InvariantError
from simulator.physics.domains import clip
from simulator.physics.dry_coolers import DryCooler, dry_cooler_for, dry_cooler_operation, full_fan_heat_w_per_k
from simulator.physics.economizer import EconomizerMode
from simulator.physics.heat_reuse import heating_demand_w, reused_heat_w
from simulator.physics.roots import bounded_root
from simulator.profiles.cooling_machines import DryCoolers
from simulator.profiles.cooling_plants import FacilityWaterParameters

_RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class HeatUser:
    """Somebody who uses heat.

    Args:
        demand_w: heat wanted at most (W).
        needed_c: temperature that is needed (degC).
        back_c: temperature at which the user's water comes back (degC).
        full_below_c: outdoor dry bulb at and below which all of it is wanted (degC); None: always.
        none_above_c: outdoor dry bulb above which nothing is wanted (degC); None: always.
    """

    demand_w: float
    needed_c: float
    back_c: float
    full_below_c: float | None = None
    none_above_c: float | None = None

    def wanted_w(self, dry_bulb_c: float) -> float:
        """Return the heat wanted at an outdoor dry bulb (degC)."""
        if self.full_below_c is None or self.none_above_c is None:
            return self.demand_w
        return heating_demand_w(self.demand_w, dry_bulb_c, self.full_below_c, self.none_above_c)


class WaterCooling(NamedTuple):
    """What it took to cool facility water."""

    supply_c: float
    reused_w: float
    reuse_pump_power_w: float
    dry_fan_power_w: float
    tower: TowerRejection | None
    chiller_power_w: float
    chillers_running: int
    outside_curves: bool
    unmet_w: float
    mode: EconomizerMode

    @property
    def power_w(self) -> float:
        """All machines (W)."""
        tower_w = self.tower.fan_power_w + self.tower.pump_power_w if self.tower is not None else 0.0
        return self.reuse_pump_power_w + self.dry_fan_power_w + tower_w + self.chiller_power_w


@final
class FacilityWater:
    """Heat rejection of facility water.

    Args:
        figures: machines per watt.
        heat_w: design heat (W).
        setpoint_c: supply that control aims at (degC).
        highest_c: supply above which chillers help (degC).
        user: who uses heat; None for nobody.
        curves: published curves for the chillers; None for Carnot machines.
    """

    __slots__ = ("_bank", "_dry", "_figures", "_highest_c", "_setpoint_c", "_towers", "_user")

    def __init__(
        self,
        figures: FacilityWaterParameters,
        heat_w: float,
        setpoint_c: float,
        highest_c: float,
        user: HeatUser | None = None,
        curves: PublishedCurves | None = None,
    ) -> None:
        self._figures = figures
        self._setpoint_c = setpoint_c
        self._highest_c = max(highest_c, setpoint_c)
        self._user = user
        self._dry = dry_coolers_for(figures.dry_coolers, heat_w) if figures.rejection == "dry_cooler" else None
        self._towers = WetTowers(figures.towers, heat_w) if figures.rejection == "tower" else None
        free = self._dry is not None or self._towers is not None
        self._bank = AirCooledBank(figures.chillers, heat_w, self._highest_c if free else setpoint_c, curves)

    def cool(self, heat_w: float, rate_w_per_k: float, outdoors: Outdoors) -> WaterCooling:
        """Return what it takes to cool facility water.

        Args:
            heat_w: heat of the water, its pumps included (W), above 0.
            rate_w_per_k: heat capacity rate of the water (W/K).
            outdoors: outdoor air.
        """
        user, reused_w = self._user, 0.0
        if user is not None:
            reused_w = reused_heat_w(
                heat_w,
                self._setpoint_c + heat_w / rate_w_per_k,
                rate_w_per_k,
                user.wanted_w(outdoors.dry_bulb_c),
                (user.needed_c, user.back_c),
                self._figures.reuse_approach_k,
            )
        reuse_pump_w = self._figures.reuse_pump_power_ratio * reused_w
        left_w = heat_w - reused_w
        if left_w <= 0.0:
            free = EconomizerMode.FREE
            return WaterCooling(self._setpoint_c, reused_w, reuse_pump_w, 0.0, None, 0.0, 0, False, 0.0, free)
        free_w, supply_c = self._split(left_w, rate_w_per_k, outdoors)
        bank = self._bank.cool(left_w - free_w, supply_c, outdoors.dry_bulb_c)
        unmet_w = left_w - free_w - bank.load_w
        if unmet_w > 0.0 and (self._dry is not None or self._towers is not None):
            # The chillers are at their limit: the water warms until the coolers take the rest.
            free_w, unmet_w = left_w - bank.load_w, 0.0
            supply_c = self._coldest_c(free_w, rate_w_per_k, outdoors) - bank.load_w / rate_w_per_k
        elif unmet_w > 0.0:
            supply_c += unmet_w / rate_w_per_k
        # Chillers stand behind the coolers, which see water that is warmer than the supply by what the chillers take.
        after_coolers_c = supply_c + bank.load_w / rate_w_per_k
        dry_fan_w, tower = 0.0, None
        if free_w > 0.0 and self._dry is not None:
            point = dry_cooler_operation(self._dry, free_w, rate_w_per_k, outdoors.dry_bulb_c, after_coolers_c)
            dry_fan_w = point.fan_power_w
        elif free_w > 0.0 and self._towers is not None:
            tower = self._towers.reject(free_w, outdoors, after_coolers_c)
        mode = EconomizerMode.FREE
        if bank.load_w > 0.0:
            mode = EconomizerMode.PARTIAL if free_w > 0.0 else EconomizerMode.MECHANICAL
        return WaterCooling(
            supply_c=supply_c,
            reused_w=reused_w,
            reuse_pump_power_w=reuse_pump_w,
            dry_fan_power_w=dry_fan_w,
            tower=tower,
            chiller_power_w=bank.power_w,
            chillers_running=bank.running,
            outside_curves=bank.outside_curves,
            unmet_w=unmet_w,
            mode=mode,
        )

    def _split(self, heat_w: float, rate_w_per_k: float, outdoors: Outdoors) -> tuple[float, float]:
        """Return the heat that the coolers take (W) and the supply that results (degC)."""
        if self._dry is None and self._towers is None:
            return 0.0, self._setpoint_c
        coldest_c = self._coldest_c(heat_w, rate_w_per_k, outdoors)
        if coldest_c <= self._highest_c:
            return heat_w, max(coldest_c, self._setpoint_c)
        return_c = self._highest_c + heat_w / rate_w_per_k
        if self._dry is not None:
            head_k = return_c - outdoors.dry_bulb_c
            return clip(full_fan_heat_w_per_k(self._dry, rate_w_per_k) * head_k, 0.0, heat_w), self._highest_c

        def surplus_w(taken_w: float) -> float:
            return rate_w_per_k * (return_c - self._coldest_c(taken_w, rate_w_per_k, outdoors)) - taken_w

        if surplus_w(0.0) <= 0.0:
            return 0.0, self._highest_c
        return bounded_root(surplus_w, 0.0, heat_w, _RELATIVE_TOLERANCE * heat_w), self._highest_c

    def _coldest_c(self, heat_w: float, rate_w_per_k: float, outdoors: Outdoors) -> float:
        """Return the coldest water that leaves the coolers at a heat (W), fans at full speed (degC)."""
        if self._dry is not None:
            full = full_fan_heat_w_per_k(self._dry, rate_w_per_k)
            return outdoors.dry_bulb_c + heat_w / full - heat_w / rate_w_per_k
        if self._towers is None:
            raise InvariantError("facility water without coolers has no coldest temperature")
        return self._towers.coldest_c(heat_w, outdoors)


def dry_coolers_for(figures: DryCoolers, heat_w: float) -> DryCooler:
    """Return dry coolers rated for a heat (W) at the design point of their figures."""
    return dry_cooler_for(
        heat_w,
        (figures.design_air_c, figures.design_entering_c, figures.design_leaving_c),
        figures.air_rate_ratio,
        fan_power_ratio_w_per_w=figures.fan_power_ratio,
        fan_curve=figures.fan_curve,
        minimum_air_fraction=figures.minimum_air_fraction,
        water_resistance_fraction=figures.water_resistance_fraction,
        flow_exponent=figures.flow_exponent,
    )


def water_fields(point: WaterCooling, heat_w: float, dt_s: float) -> dict[str, Any]:
    """Return the fields of a step that facility water fills, heat to the outdoors counted stream by stream.

    Args:
        point: operating point.
        heat_w: heat of the water, its pumps included (W).
        dt_s: length of the step (s).
    """
    tower = point.tower
    left_w = heat_w - point.reused_w - point.unmet_w
    return {
        "chiller_power_w": point.chiller_power_w,
        "dry_cooler_fan_power_w": point.dry_fan_power_w,
        "tower_fan_power_w": tower.fan_power_w if tower is not None else 0.0,
        "condenser_pump_power_w": tower.pump_power_w if tower is not None else 0.0,
        "heat_rejected_w": left_w + point.power_w,
        "reused_heat_w": point.reused_w,
        "unmet_heat_w": point.unmet_w,
        "evaporated_water_kg": dt_s * tower.evaporated_kg_per_s if tower is not None else 0.0,
        "drift_water_kg": dt_s * tower.drift_kg_per_s if tower is not None else 0.0,
        "blowdown_water_kg": dt_s * tower.blowdown_kg_per_s if tower is not None else 0.0,
        "chillers_running": float(point.chillers_running),
        "outside_correlation_s": dt_s if tower is not None and tower.outside_correlation else 0.0,
        "outside_curves_s": dt_s if point.outside_curves else 0.0,
    }
