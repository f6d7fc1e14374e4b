"""From section `facility.cooling` to a cooling plant, kind by kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulator.assembly.faults import part
from simulator.engine.facility.air_cooled_chiller import AirCooledChillerPlant
from simulator.engine.facility.chilled_water import ChilledWaterPlant
from simulator.engine.facility.chiller_bank import PublishedCurves
from simulator.engine.facility.dry_cooler import DryCoolerPlant
from simulator.engine.facility.facility_water import HeatUser
from simulator.engine.facility.indirect_evaporative import IndirectEvaporativePlant
from simulator.engine.facility.liquid import LiquidPlant
from simulator.engine.facility.outside_air import OutsideAirPlant
from simulator.engine.facility.plant import CoolingPlant
from simulator.engine.facility.rear_door import RearDoorPlant
from simulator.errors import InputError
from simulator.physics.bounded_chillers import OutOfRange
from simulator.profiles import catalogue
from simulator.profiles import facilities as records
from simulator.profiles.cooling_machines import HumidityLimits
from simulator.profiles.cooling_plants import FacilityWaterParameters, OutsideAirParameters
from simulator.profiles.sourced import Profile
from simulator.scenario import cooling as section
from simulator.units import WATTS_PER_KW


@dataclass(frozen=True, slots=True)
class LiquidCapture:
    """What the facility takes from servers by liquid.

    Args:
        fraction: share of a server's power, for servers whose profile says nothing.
        removes_server_fans: whether servers lose their fans.
    """

    fraction: float = 0.0
    removes_server_fans: bool = False


@dataclass(frozen=True, slots=True)
class PlantSpec:
    """A plant and what else of it matters.

    Args:
        plant: the plant.
        supply_air_c: air to the servers (degC).
        capture: what it takes by liquid.
        profiles: profiles that it rests on.
    """

    plant: CoolingPlant
    supply_air_c: float
    capture: LiquidCapture
    profiles: tuple[Profile[Any], ...]


def plant_spec(
    described: section.Cooling, it_capacity_w: float, base: Path, air_classes: str = "air-classes"
) -> PlantSpec:
    """Return the plant of a section, sized for an IT capacity (W).

    Args:
        described: the section.
        it_capacity_w: electric power of all IT equipment at full load (W).
        base: folder that paths of profiles are relative to.
        air_classes: profile of the classes of air, by name or path.

    Raises:
        InputError: with what keeps the plant from being built.
    """
    return _Builder(it_capacity_w, base, air_classes).plant(described)


class _Builder:
    def __init__(self, it_capacity_w: float, base: Path, air_classes: str) -> None:
        self._capacity_w = it_capacity_w
        self._base = base
        self._air_classes = air_classes
        self._profiles: list[Profile[Any]] = []

    def plant(self, described: section.Cooling) -> PlantSpec:
        match described:
            case section.DirectToChipCooling() | section.ImmersionCooling():
                return self._liquid(described)
            case _:
                plant, supply_air_c = self._air(described)
                return PlantSpec(plant, supply_air_c, LiquidCapture(), tuple(self._profiles))

    def _air(self, described: section.AirCooling) -> tuple[CoolingPlant, float]:
        match described:
            case section.ChilledWaterCooling():
                chilled = self._record(records.CoolingRecord, described.profile).parameters
                chilled = replace(chilled, supply_air_c=described.supply_air_c)
                if described.cycles_of_concentration is not None:
                    chilled = replace(chilled, cycles_of_concentration=described.cycles_of_concentration)
                curves = self._curves(described.chiller)
                return ChilledWaterPlant.sized_for(self._capacity_w, chilled, curves), described.supply_air_c
            case section.AirCooledChillerCooling():
                parameters = self._supplied(records.AirCooledChillerRecord, described)
                curves = self._curves(described.chiller)
                return AirCooledChillerPlant(self._capacity_w, parameters, curves), parameters.supply_air_c
            case section.DryCoolerCooling():
                parameters = self._supplied(records.DryCoolerRecord, described)
                water, curves = self._water(described.facility_water, None), self._curves(described.chiller)
                return DryCoolerPlant(self._capacity_w, parameters, water, curves), parameters.supply_air_c
            case section.AirEconomizerCooling() | section.DirectEvaporativeCooling():
                parameters = self._outside_air(described)
                return OutsideAirPlant(self._capacity_w, parameters), parameters.supply_air_c
            case section.IndirectEvaporativeCooling():
                parameters = self._supplied(records.IndirectEvaporativeRecord, described)
                if described.cycles_of_concentration is not None:
                    cycles = {"cycles_of_concentration": described.cycles_of_concentration}
                    parameters = parameters.model_copy(update=cycles)
                return IndirectEvaporativePlant(self._capacity_w, parameters), parameters.supply_air_c
            case section.RearDoorCooling():
                parameters = self._supplied(records.RearDoorRecord, described)
                if described.highest_facility_water_c is not None:
                    highest = {"highest_facility_water_c": described.highest_facility_water_c}
                    parameters = parameters.model_copy(update=highest)
                water, curves = (
                    self._water(described.facility_water, described.rejection),
                    self._curves(described.chiller),
                )
                user = _user(described.heat_reuse)
                return RearDoorPlant(self._capacity_w, parameters, water, user, curves), parameters.supply_air_c

    def _liquid(self, described: section.DirectToChipCooling | section.ImmersionCooling) -> PlantSpec:
        parameters = self._record(records.LiquidRecord, described.profile).parameters
        changes = {
            name: value
            for name in ("facility_water_c", "highest_facility_water_c")
            if (value := getattr(described, name)) is not None
        }
        parameters = parameters.model_copy(update=changes)
        if parameters.highest_facility_water_c < parameters.facility_water_c:
            with part("highest_facility_water_c"):
                raise InputError(
                    f"must be at or above facility_water_c = {parameters.facility_water_c:g}, "
                    f"got {parameters.highest_facility_water_c:g}"
                )
        if (described.kind == "immersion") != parameters.removes_server_fans:
            with part("profile"):
                word = "keeps" if described.kind == "immersion" else "removes"
                raise InputError(f"'{described.profile}' is not for {described.kind}: it {word} the servers' fans")
        water, curves = self._water(described.facility_water, described.rejection), self._curves(described.chiller)
        with part("air"):
            air, supply_air_c = self._air(described.air)
        plant = LiquidPlant(self._capacity_w, parameters, water, air, _user(described.heat_reuse), curves)
        capture = LiquidCapture(parameters.capture_fraction, parameters.removes_server_fans)
        return PlantSpec(plant, supply_air_c, capture, tuple(self._profiles))

    def _record(self, record: type[Any], name: str) -> Any:
        with part("profile"):
            profile = catalogue.facility(record, name, self._base)
        self._profiles.append(profile)
        return profile.record

    def _supplied(self, record: type[Any], described: Any) -> Any:
        """Return the parameters of a profile with the supply air of the scenario, where it says one."""
        parameters = self._record(record, described.profile).parameters
        if described.supply_air_c is None:
            return parameters
        return parameters.model_copy(update={"supply_air_c": described.supply_air_c})

    def _outside_air(
        self, described: section.AirEconomizerCooling | section.DirectEvaporativeCooling
    ) -> OutsideAirParameters:
        parameters: OutsideAirParameters = self._supplied(records.OutsideAirRecord, described)
        self._check_media(described, parameters.media is not None)
        changes: dict[str, Any] = {}
        if described.moisture is not None:
            changes["humidity"] = self._moisture(described.moisture)
        if isinstance(described, section.DirectEvaporativeCooling) and parameters.media is not None:
            cycles = described.cycles_of_concentration
            if cycles is not None:
                changes["media"] = parameters.media.model_copy(update={"cycles_of_concentration": cycles})
        return parameters.model_copy(update=changes)

    def _moisture(self, name: section.Moisture) -> HumidityLimits:
        with part("moisture"):
            profile = catalogue.air_classes(self._air_classes, self._base)
            limits = profile.record.moisture(name)
            if limits is None:
                raise InputError(f"'{self._air_classes}' names no moisture for class {name}")
        return limits

    def _water(self, name: str, rejection: str | None) -> FacilityWaterParameters:
        with part("facility_water"):
            profile = catalogue.facility(records.FacilityWaterRecord, name, self._base)
        self._profiles.append(profile)
        parameters = profile.record.parameters
        return parameters if rejection is None else parameters.model_copy(update={"rejection": rejection})

    def _curves(self, described: section.Chiller) -> PublishedCurves | None:
        if isinstance(described, section.CarnotChiller):
            return None
        with part("chiller"), part("curves"):
            profile = catalogue.facility(records.ChillerCurvesRecord, described.curves, self._base)
        self._profiles.append(profile)
        return PublishedCurves(profile.record.parameters.chiller(), OutOfRange(described.out_of_range))

    def _check_media(
        self, described: section.AirEconomizerCooling | section.DirectEvaporativeCooling, media: bool
    ) -> None:
        wanted = isinstance(described, section.DirectEvaporativeCooling)
        if wanted is not media:
            with part("profile"):
                raise InputError(f"'{described.profile}' has {'no ' if wanted else ''}wet media")


def _user(described: section.HeatReuse | None) -> HeatUser | None:
    if described is None:
        return None
    return HeatUser(
        described.demand_kw * WATTS_PER_KW,
        described.needed_c,
        described.back_c,
        described.full_below_c,
        described.none_above_c,
    )
