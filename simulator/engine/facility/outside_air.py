"""Outdoor air through the hall: an air-side economizer, with wet media or without, and trim chillers.

Where outdoor air is colder than what the hall needs it is mixed with return air. Where it is warmer, media cool it as
far as their effectiveness and the moisture of the hall allow, and chillers do the rest. Air that is too moist, too hot
or too cold stays outside, and the hall's own air is cooled. Air that is too dry stays outside too, or is moistened
where there are media; that cools it further. Coils never get so cold that they dry the air: where they must help,
moister air stays outside.
"""

from __future__ import annotations

from typing import NamedTuple, final

from simulator.engine.facility.chiller_bank import AirCooledBank
from simulator.engine.facility.movers import AirMover
from simulator.engine.facility.plant import CoolingStep, Outdoors, SteadyPlant, mode_times
from simulator.errors import Fault, InputError
from simulator.physics import psychrometrics, water
from simulator.physics.economizer import EconomizerMode
from simulator.physics.evaporative import direct_evaporative_leaving_c
from simulator.profiles.cooling_plants import OutsideAirParameters


class _Moisture(NamedTuple):
    """Humidity ratios of outdoor air and its limits, at the pressure of the site."""

    outdoor: float
    lowest: float
    highest: float
    highest_at_coils: float
    """Air that coils can cool without drying it."""
    saturated_c: float
    """Outdoor air after wet media."""
    saturated: float


class _Intake(NamedTuple):
    """How outdoor air is taken in."""

    mode: EconomizerMode
    share: float
    """Outdoor air over all air."""
    air_c: float
    """Outdoor air after the media."""
    evaporated: float
    """Water taken up by a kilogram of outdoor air (kg)."""


_CLOSED = _Intake(EconomizerMode.MECHANICAL, 0.0, 0.0, 0.0)


@final
class OutsideAirPlant(SteadyPlant):
    """A plant that cools with outdoor air.

    Args:
        it_capacity_w: electric power of all IT equipment at full load (W).
        parameters: the plant per watt.
    """

    __slots__ = ("_bank", "_handlers", "_moisture", "_outdoors", "_parameters")

    def __init__(self, it_capacity_w: float, parameters: OutsideAirParameters) -> None:
        least = min(parameters.handlers.installed_ratio, parameters.trim.installed_ratio)
        super().__init__(least * parameters.design_heat_ratio * it_capacity_w)
        coldest_c = parameters.humidity.lowest_dew_point_c + parameters.trim.evaporator_approach_k
        if parameters.supply_air_c <= coldest_c:
            # The coils would dry even the driest air that the hall may have: the model has no latent load.
            of = "the lowest dew point and the approach of the trim coils"
            raise InputError(
                [Fault(f"must be above {coldest_c:g}, {of}, got {parameters.supply_air_c:g}", path="supply_air_c")]
            )
        self._parameters = parameters
        self._handlers = AirMover(parameters.handlers, parameters.design_heat_ratio * it_capacity_w)
        self._bank = AirCooledBank(parameters.trim, self._handlers.design_heat_w, parameters.supply_air_c)
        self._outdoors: Outdoors | None = None
        self._moisture = _Moisture(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    def operation(self, dt_s: float, heat_w: float, outdoors: Outdoors) -> CoolingStep:
        """Return a step: outdoor air, media, coils."""
        p = self._parameters
        air = self._handlers.move(heat_w)
        return_c = p.supply_air_c + air.rise_k
        # Fans stand behind the coils and warm what these have cooled.
        target_c = p.supply_air_c - air.fan_power_w / air.rate_w_per_k
        intake = self._intake(return_c, target_c, outdoors)
        load_w = 0.0
        if intake.mode is EconomizerMode.PARTIAL:
            load_w = air.rate_w_per_k * (intake.air_c - target_c)
        elif intake.mode is EconomizerMode.MECHANICAL:
            load_w = air.rate_w_per_k * (return_c - target_c)
        bank = self._bank.cool(load_w, target_c, outdoors.dry_bulb_c)
        unmet_w = load_w - bank.load_w
        taken_kg_per_s = intake.share * air.rate_w_per_k / p.handlers.specific_heat_j_per_kg_k
        evaporated_kg_per_s = taken_kg_per_s * intake.evaporated
        # What leaves with the hall's air: warmer than the air that came in, and where it was moistened, moister.
        exhaust_w = intake.share * air.rate_w_per_k * (return_c - intake.air_c)
        if intake.air_c == outdoors.dry_bulb_c:
            exhaust_w += evaporated_kg_per_s * water.HEAT_OF_VAPORIZATION_J_PER_KG
        pump_w = 0.0
        blowdown_kg_per_s = 0.0
        if p.media is not None and intake.evaporated > 0.0:
            pump_w = p.media.pump_power_ratio * self._handlers.design_heat_w
            blowdown_kg_per_s = water.blowdown(evaporated_kg_per_s, 0.0, p.media.cycles_of_concentration)
        supply_air_c = p.supply_air_c + unmet_w / air.rate_w_per_k
        return CoolingStep(
            duration_s=dt_s,
            heat_w=heat_w,
            crah_fan_power_w=air.fan_power_w,
            chiller_power_w=bank.power_w,
            media_pump_power_w=pump_w,
            heat_rejected_w=exhaust_w + bank.load_w + bank.power_w + pump_w,
            unmet_heat_w=unmet_w,
            evaporated_water_kg=dt_s * evaporated_kg_per_s,
            blowdown_water_kg=dt_s * blowdown_kg_per_s,
            media_water_kg=dt_s * (evaporated_kg_per_s + blowdown_kg_per_s),
            chillers_running=float(bank.running),
            supply_air_c=supply_air_c,
            return_air_c=supply_air_c + air.rise_k,
            **mode_times(intake.mode, dt_s),
        )

    def _intake(self, return_c: float, target_c: float, outdoors: Outdoors) -> _Intake:
        p, outdoor_c = self._parameters, outdoors.dry_bulb_c
        moisture = self._moisture_of(outdoors)
        too_dry = moisture.outdoor < moisture.lowest
        if (
            moisture.outdoor > moisture.highest
            or (too_dry and p.media is None)
            or outdoor_c < p.lowest_outdoor_c
            or (p.highest_outdoor_c is not None and outdoor_c > p.highest_outdoor_c)
        ):
            return _CLOSED
        total_k = return_c - target_c
        if outdoor_c <= target_c:
            added = moisture.lowest - moisture.outdoor if too_dry else 0.0
            cooled_k = added * water.HEAT_OF_VAPORIZATION_J_PER_KG / p.handlers.specific_heat_j_per_kg_k
            return _Intake(EconomizerMode.FREE, total_k / (return_c - outdoor_c + cooled_k), outdoor_c, added)
        air_c, added = self._wetted(outdoor_c, target_c, moisture, moisture.highest)
        if air_c <= target_c + 1e-9:
            return _Intake(EconomizerMode.FREE, total_k / (return_c - air_c), air_c, added)
        if moisture.outdoor > moisture.highest_at_coils:
            return _CLOSED
        air_c, added = self._wetted(outdoor_c, target_c, moisture, moisture.highest_at_coils)
        return _Intake(EconomizerMode.PARTIAL, 1.0, air_c, added) if air_c < return_c else _CLOSED

    def _wetted(self, outdoor_c: float, target_c: float, moisture: _Moisture, highest: float) -> tuple[float, float]:
        """Return warm outdoor air after the media (degC) and what it took up: to the target, within limits."""
        if self._parameters.media is None or moisture.saturated <= moisture.outdoor:
            return outdoor_c, 0.0
        room = moisture.saturated - moisture.outdoor
        least = min(max((moisture.lowest - moisture.outdoor) / room, 0.0), 1.0)
        most = min((highest - moisture.outdoor) / room, 1.0)
        wet = min(max((outdoor_c - target_c) / (outdoor_c - moisture.saturated_c), least), most)
        return outdoor_c - wet * (outdoor_c - moisture.saturated_c), wet * room

    def _moisture_of(self, outdoors: Outdoors) -> _Moisture:
        if outdoors != self._outdoors:
            p, pressure_pa = self._parameters, outdoors.pressure_pa
            dry_c, wet_c = outdoors.dry_bulb_c, min(outdoors.wet_bulb_c, outdoors.dry_bulb_c)
            outdoor = psychrometrics.humidity_ratio_from_wet_bulb(dry_c, wet_c, pressure_pa)
            saturated_c, saturated = dry_c, outdoor
            if p.media is not None:
                saturated_c = direct_evaporative_leaving_c(dry_c, wet_c, p.media.effectiveness)
                saturated = psychrometrics.humidity_ratio_from_wet_bulb(saturated_c, wet_c, pressure_pa)
            limits, supply_c = p.humidity, p.supply_air_c
            lowest = max(
                psychrometrics.saturation_humidity_ratio(limits.lowest_dew_point_c, pressure_pa),
                psychrometrics.humidity_ratio(supply_c, limits.lowest_relative_humidity, pressure_pa),
            )
            highest = min(
                psychrometrics.saturation_humidity_ratio(limits.highest_dew_point_c, pressure_pa),
                psychrometrics.humidity_ratio(supply_c, limits.highest_relative_humidity, pressure_pa),
            )
            # Fans at full speed warm the air behind the coils most.
            fan_rise_k = self._handlers.fan_power_w / self._handlers.rate_w_per_k
            coldest_c = supply_c - fan_rise_k - p.trim.evaporator_approach_k
            at_coils = min(highest, psychrometrics.saturation_humidity_ratio(coldest_c, pressure_pa))
            self._outdoors = outdoors
            self._moisture = _Moisture(outdoor, lowest, highest, at_coils, saturated_c, saturated)
        return self._moisture
