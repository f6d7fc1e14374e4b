"""Section `facility.cooling`: the kinds of cooling plants."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simulator.documents.validation import Section
from simulator.scenario.names import Positive

SupplyAir = Annotated[float, Field(ge=10, le=35)]
FacilityWaterTemperature = Annotated[float, Field(ge=10, le=60)]
Rejection = Literal["dry_cooler", "tower", "chiller"]
Moisture = Literal["recommended", "A1", "A2", "A3", "A4"]
Cycles = Annotated[float, Field(gt=1, le=100)]


class CarnotChiller(Section):
    """A chiller of constant Carnot effectiveness, good at any temperature."""

    kind: Literal["carnot"]


class EirChiller(Section):
    """A chiller of published EnergyPlus curves, scaled to the plant; hours outside its curves are counted."""

    kind: Literal["eir"]
    curves: str
    """Profile of the curves, by name or path: `carrier-19xr` (water-cooled), `carrier-30rb` (air-cooled)."""
    out_of_range: Literal["error", "clamp", "carnot"] = "carnot"
    """Outside the curves: stop the run, read them at the nearest temperatures, or scale from there as Carnot does."""


Chiller = Annotated[CarnotChiller | EirChiller, Field(discriminator="kind")]
CARNOT = CarnotChiller(kind="carnot")


class HeatReuse(Section):
    """Heat of the facility water that somebody uses before the rest goes outdoors."""

    demand_kw: Positive
    """Heat wanted at most."""
    needed_c: Annotated[float, Field(ge=10, le=90)]
    """Temperature that the user needs; the facility water must return warmer by the approach of the exchanger."""
    back_c: Annotated[float, Field(ge=5, le=80)]
    """Temperature at which the user's water comes back."""
    full_below_c: Annotated[float, Field(ge=-40, le=40)] | None = None
    """Outdoor temperature at and below which all of it is wanted; absent, with the next: always."""
    none_above_c: Annotated[float, Field(ge=-30, le=50)] | None = None
    """Outdoor temperature above which nothing is wanted; the demand is linear in between."""

    @model_validator(mode="after")
    def _temperatures_in_order(self) -> Self:
        if not self.back_c < self.needed_c:
            raise ValueError(f"back_c must be below needed_c ({self.needed_c:g}), got {self.back_c:g}")
        if (self.full_below_c is None) != (self.none_above_c is None):
            raise ValueError("full_below_c and none_above_c go together")
        if self.full_below_c is not None and self.none_above_c is not None and self.full_below_c >= self.none_above_c:
            raise ValueError(f"full_below_c must be below none_above_c ({self.none_above_c:g})")
        return self


class ChilledWaterCooling(Section):
    """Computer-room air handlers, chilled water, water-cooled chillers, towers, water-side economizer."""

    kind: Literal["chilled_water"]
    profile: str = "chilled-water"
    """Facility profile with the plant's parameters, by name or path."""
    supply_air_c: SupplyAir = 24.0
    """Air temperature delivered to the servers."""
    cycles_of_concentration: Cycles | None = None
    """Salt in the basins over salt in the make-up water, which its treatment decides; absent: from the profile."""
    chiller: Chiller = CARNOT
    """Model of the chillers."""


class AirCooledChillerCooling(Section):
    """Computer-room air handlers, chilled water, air-cooled chillers; no water is used and no hour is free."""

    kind: Literal["air_cooled_chiller"]
    profile: str = "air-cooled-chiller"
    """Facility profile with the plant's parameters, by name or path."""
    supply_air_c: SupplyAir | None = None
    """Air temperature delivered to the servers; absent: from the profile."""
    chiller: Chiller = CARNOT
    """Model of the chillers."""


class DryCoolerCooling(Section):
    """Computer-room air handlers on water from dry coolers, with air-cooled chillers for warm hours."""

    kind: Literal["dry_cooler"]
    profile: str = "dry-cooler"
    """Facility profile with the plant's parameters, by name or path."""
    supply_air_c: SupplyAir | None = None
    """Air temperature delivered to the servers; absent: from the profile."""
    facility_water: str = "facility-water"
    """Facility profile of dry coolers and chillers, by name or path."""
    chiller: Chiller = CARNOT
    """Model of the chillers."""


class AirEconomizerCooling(Section):
    """Outdoor air through the hall where it is cool and neither too dry nor too moist; chillers for the rest."""

    kind: Literal["air_economizer"]
    profile: str = "air-economizer"
    """Facility profile with the plant's parameters, by name or path."""
    supply_air_c: SupplyAir | None = None
    """Air temperature delivered to the servers; absent: from the profile."""
    moisture: Moisture | None = None
    """Moisture that outdoor air may bring: recommended by ASHRAE TC 9.9 or allowed in a class; absent: profile's."""


class DirectEvaporativeCooling(Section):
    """Outdoor air through wet media and the hall; chillers for what is left."""

    kind: Literal["direct_evaporative"]
    profile: str = "direct-evaporative"
    """Facility profile with the plant's parameters, by name or path."""
    supply_air_c: SupplyAir | None = None
    """Air temperature delivered to the servers; absent: from the profile."""
    moisture: Moisture | None = None
    """Moisture that outdoor air may bring: recommended by ASHRAE TC 9.9 or allowed in a class; absent: profile's."""
    cycles_of_concentration: Cycles | None = None
    """Salt in the sumps over salt in the make-up water, which its treatment decides; absent: from the profile."""


class IndirectEvaporativeCooling(Section):
    """Hall air against outdoor air across plates that are wetted in warm hours; chillers for what is left."""

    kind: Literal["indirect_evaporative"]
    profile: str = "indirect-evaporative"
    """Facility profile with the plant's parameters, by name or path."""
    supply_air_c: SupplyAir | None = None
    """Air temperature delivered to the servers; absent: from the profile."""
    cycles_of_concentration: Cycles | None = None
    """Salt in the sumps over salt in the make-up water, which its treatment decides; absent: from the profile."""


class RearDoorCooling(Section):
    """Coils in the rear doors of racks, on facility water."""

    kind: Literal["rear_door"]
    profile: str = "rear-door"
    """Facility profile with the plant's parameters, by name or path."""
    supply_air_c: SupplyAir | None = None
    """Air temperature delivered to the servers; absent: from the profile."""
    facility_water: str = "facility-water"
    """Facility profile of coolers, towers and chillers, by name or path."""
    rejection: Rejection | None = None
    """What rejects the heat of the facility water; absent: from its profile."""
    highest_facility_water_c: FacilityWaterTemperature | None = None
    """Facility water above which chillers help; absent: from the profile."""
    chiller: Chiller = CARNOT
    """Model of the chillers."""
    heat_reuse: HeatReuse | None = None
    """Who uses heat; absent: nobody."""


AirCooling = Annotated[
    ChilledWaterCooling
    | AirCooledChillerCooling
    | DryCoolerCooling
    | AirEconomizerCooling
    | DirectEvaporativeCooling
    | IndirectEvaporativeCooling
    | RearDoorCooling,
    Field(discriminator="kind"),
]
_BESIDE = ChilledWaterCooling(kind="chilled_water")


class DirectToChipCooling(Section):
    """Cold plates and coolant distribution units on facility water; what air still carries has a plant of its own."""

    kind: Literal["direct_to_chip"]
    profile: str = "direct-to-chip"
    """Facility profile of coolant and distribution units, by name or path."""
    facility_water: str = "facility-water"
    """Facility profile of coolers, towers and chillers, by name or path."""
    rejection: Rejection | None = None
    """What rejects the heat of the facility water; absent: from its profile."""
    facility_water_c: FacilityWaterTemperature | None = None
    """Setpoint of the facility water supply; absent: from the profile."""
    highest_facility_water_c: FacilityWaterTemperature | None = None
    """Facility water above which chillers help; absent: from the profile."""
    chiller: Chiller = CARNOT
    """Model of the chillers of the facility water."""
    air: AirCooling = _BESIDE
    """Plant for the heat that air carries."""
    heat_reuse: HeatReuse | None = None
    """Who uses heat; absent: nobody."""


class ImmersionCooling(Section):
    """Servers without fans in tanks of dielectric liquid on facility water; the room has a plant of its own."""

    kind: Literal["immersion"]
    profile: str = "immersion"
    """Facility profile of tanks and distribution units, by name or path."""
    facility_water: str = "facility-water"
    """Facility profile of coolers, towers and chillers, by name or path."""
    rejection: Rejection | None = None
    """What rejects the heat of the facility water; absent: from its profile."""
    facility_water_c: FacilityWaterTemperature | None = None
    """Setpoint of the facility water supply; absent: from the profile."""
    highest_facility_water_c: FacilityWaterTemperature | None = None
    """Facility water above which chillers help; absent: from the profile."""
    chiller: Chiller = CARNOT
    """Model of the chillers of the facility water."""
    air: AirCooling = _BESIDE
    """Plant for the heat of the rooms: losses, lighting, switches."""
    heat_reuse: HeatReuse | None = None
    """Who uses heat; absent: nobody."""


Cooling = Annotated[
    ChilledWaterCooling
    | AirCooledChillerCooling
    | DryCoolerCooling
    | AirEconomizerCooling
    | DirectEvaporativeCooling
    | IndirectEvaporativeCooling
    | RearDoorCooling
    | DirectToChipCooling
    | ImmersionCooling,
    Field(discriminator="kind"),
]
