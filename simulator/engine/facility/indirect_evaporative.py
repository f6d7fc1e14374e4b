"""Indirect evaporative cooling: hall air against outdoor air across a plate that can be wetted, and trim chillers."""

from __future__ import annotations

from typing import NamedTuple, final

from simulator.engine.facility.chiller_bank import AirCooledBank
from simulator.engine.facility.movers import AirMover
from simulator.engine.facility.plant import CoolingStep, Outdoors, SteadyPlant, mode_times
from simulator.physics import water
from simulator.physics.economizer import EconomizerMode
from simulator.physics.fans import fan_power_ratio, fan_power_w
from simulator.physics.heat_exchangers import Arrangement, Exchanger, exchanger_for
from simulator.physics.saturated_exit import evaporation_kg_per_j
from simulator.profiles.cooling_plants import IndirectEvaporativeParameters


class _Plate(NamedTuple):
    """What the heat exchanger does."""

    heat_w: float
    fan_power_w: float
    air_rate_w_per_k: float
    """Heat capacity rate of the outdoor air, mean over cycles of the fans."""
    wet: bool


@final
class IndirectEvaporativePlant(SteadyPlant):
    """A plant of air-to-air heat exchangers.

    Args:
        it_capacity_w: electric power of all IT equipment at full load (W).
        parameters: the plant per watt.
    """

    __slots__ = ("_bank", "_dry", "_fan_power_w", "_handlers", "_parameters", "_wet")

    def __init__(self, it_capacity_w: float, parameters: IndirectEvaporativeParameters) -> None:
        least = min(parameters.handlers.installed_ratio, parameters.trim.installed_ratio)
        super().__init__(least * parameters.design_heat_ratio * it_capacity_w)
        p = parameters
        self._parameters = p
        heat_w = p.design_heat_ratio * it_capacity_w
        self._handlers = AirMover(p.handlers, heat_w)
        rate = heat_w / p.handlers.temperature_rise_k
        self._dry, self._wet = (
            self._plate(effectiveness, rate) for effectiveness in (p.dry_effectiveness, p.wet_effectiveness)
        )
        flow_m3_per_s = rate / (p.handlers.density_kg_per_m3 * p.handlers.specific_heat_j_per_kg_k)
        self._fan_power_w = fan_power_w(flow_m3_per_s, p.scavenger_pressure_rise_pa, p.scavenger_fan_efficiency)
        self._bank = AirCooledBank(p.trim, self._handlers.design_heat_w, p.supply_air_c)

    def _plate(self, effectiveness: float, rate_w_per_k: float) -> Exchanger:
        return exchanger_for(
            Arrangement.CROSSFLOW,
            effectiveness * rate_w_per_k,
            (rate_w_per_k, rate_w_per_k),
            hot_resistance_fraction=0.5,
            flow_exponent=self._parameters.flow_exponent,
        )

    def operation(self, dt_s: float, heat_w: float, outdoors: Outdoors) -> CoolingStep:
        """Return a step: dry where that is enough, else wet, else wet with chillers."""
        p = self._parameters
        air = self._handlers.move(heat_w)
        return_c = p.supply_air_c + air.rise_k
        total_w = heat_w + air.fan_power_w
        plate = self._plates(total_w, air.rate_w_per_k, return_c, outdoors)
        target_c = p.supply_air_c - air.fan_power_w / air.rate_w_per_k
        bank = self._bank.cool(total_w - plate.heat_w, target_c, outdoors.dry_bulb_c)
        unmet_w = total_w - plate.heat_w - bank.load_w
        pump_w = p.pump_power_ratio * self._handlers.design_heat_w if plate.wet else 0.0
        evaporated = blowdown = 0.0
        if plate.wet:
            evaporated = self._evaporated_kg_per_s(plate, outdoors)
            blowdown = water.blowdown(evaporated, 0.0, p.cycles_of_concentration)
        mode = EconomizerMode.FREE
        if bank.load_w > 0.0:
            mode = EconomizerMode.PARTIAL if plate.heat_w > 0.0 else EconomizerMode.MECHANICAL
        supply_air_c = p.supply_air_c + unmet_w / air.rate_w_per_k
        return CoolingStep(
            duration_s=dt_s,
            heat_w=heat_w,
            crah_fan_power_w=air.fan_power_w,
            chiller_power_w=bank.power_w,
            scavenger_fan_power_w=plate.fan_power_w,
            media_pump_power_w=pump_w,
            heat_rejected_w=plate.heat_w + plate.fan_power_w + pump_w + bank.load_w + bank.power_w,
            unmet_heat_w=unmet_w,
            evaporated_water_kg=dt_s * evaporated,
            blowdown_water_kg=dt_s * blowdown,
            media_water_kg=dt_s * (evaporated + blowdown),
            chillers_running=float(bank.running),
            supply_air_c=supply_air_c,
            return_air_c=supply_air_c + air.rise_k,
            **mode_times(mode, dt_s),
        )

    def _plates(self, total_w: float, rate_w_per_k: float, return_c: float, outdoors: Outdoors) -> _Plate:
        """Return what the plates do: the least outdoor air that is enough, dry before wet."""
        dry_k, wet_k = return_c - outdoors.dry_bulb_c, return_c - outdoors.wet_bulb_c
        dry_w = self._dry.heat_w_per_k(rate_w_per_k, self._dry.cold_rate_w_per_k) * max(dry_k, 0.0)
        if dry_w >= total_w:
            return _Plate(total_w, *self._air(self._dry, total_w / dry_k, rate_w_per_k), wet=False)
        full = self._fan_power_w * self._curve(1.0), self._dry.cold_rate_w_per_k
        if outdoors.dry_bulb_c < self._parameters.lowest_wet_c or wet_k <= 0.0:
            return _Plate(dry_w, *(full if dry_w > 0.0 else (0.0, 0.0)), wet=False)
        wet_w = self._wet.heat_w_per_k(rate_w_per_k, self._wet.cold_rate_w_per_k) * wet_k
        if wet_w >= total_w:
            return _Plate(total_w, *self._air(self._wet, total_w / wet_k, rate_w_per_k), wet=True)
        return _Plate(wet_w, *full, wet=True)

    def _evaporated_kg_per_s(self, plate: _Plate, outdoors: Outdoors) -> float:
        """Return what evaporates from wet plates: for their heat, at most what saturates the outdoor air."""
        p = self._parameters
        air_kg_per_s = plate.air_rate_w_per_k / p.handlers.specific_heat_j_per_kg_k
        saturating = evaporation_kg_per_j(outdoors.dry_bulb_c, outdoors.wet_bulb_c, plate.heat_w / air_kg_per_s)
        return min(water.evaporation_by_heat_kg_per_s(plate.heat_w, p.latent_fraction), plate.heat_w * saturating)

    def _curve(self, fraction: float) -> float:
        return fan_power_ratio(fraction, self._parameters.scavenger_fan_curve)

    def _air(self, plate: Exchanger, wanted_w_per_k: float, rate_w_per_k: float) -> tuple[float, float]:
        """Return power and air of the outdoor fans that give a heat per kelvin; below their lowest speed they cycle."""
        least = self._parameters.scavenger_minimum_flow_fraction
        lowest = least * plate.cold_rate_w_per_k
        given = plate.heat_w_per_k(rate_w_per_k, lowest)
        if wanted_w_per_k <= given:
            running = wanted_w_per_k / given
            return running * self._fan_power_w * self._curve(least), running * lowest
        rate = plate.cold_rate_for(wanted_w_per_k, rate_w_per_k, lowest, plate.cold_rate_w_per_k)
        return self._fan_power_w * self._curve(rate / plate.cold_rate_w_per_k), rate
