"""Profiles of the thermal side: heat capacities of a hall, temperatures of boards, classes of air at the servers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simulator.documents.validation import Section
from simulator.physics.air_classes import AirClass
from simulator.profiles.accelerators import Fraction, NonNegative, Positive
from simulator.profiles.cooling_machines import HumidityLimits

AirClassName = Literal["A1", "A2", "A3", "A4", "H1"]
CoolingMedium = Literal["air", "cold_plate", "immersion"]


class AirClassFigures(Section):
    """Envelope of one class (degC)."""

    recommended_low_c: float
    """Lower end of the recommended range."""
    recommended_high_c: float
    """Its upper end."""
    allowable_low_c: float
    """Lower end of the allowable range."""
    allowable_high_c: float
    """Its upper end near sea level."""
    derating_m_per_k: Positive | None
    """Further height that lowers the upper end by a kelvin; null for none."""
    allowable_moisture: HumidityLimits | None
    """Moisture that the class allows; null where it is not known."""


class AirClassesRecord(Section):
    """Classes of air at the servers."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["air-classes"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    derating_above_m: NonNegative
    """Height from which the allowable upper end falls."""
    recommended_moisture: HumidityLimits
    """Moisture recommended for every class."""
    classes: dict[AirClassName, AirClassFigures]
    """Envelopes."""

    def air_class(self, name: AirClassName) -> AirClass:
        """Return the envelope of a class."""
        figures = self.classes[name]
        return AirClass(
            figures.recommended_low_c,
            figures.recommended_high_c,
            figures.allowable_low_c,
            figures.allowable_high_c,
            self.derating_above_m,
            figures.derating_m_per_k,
        )

    def moisture(self, name: AirClassName | Literal["recommended"]) -> HumidityLimits | None:
        """Return the moisture that is recommended, or that a class allows; None where it is not known."""
        return self.recommended_moisture if name == "recommended" else self.classes[name].allowable_moisture


class MediumFigures(Section):
    """What heat meets on its way from equipment through one medium."""

    equipment_time_constant_s: Positive
    """Heat capacity of the equipment over its conductance to the medium."""
    rise_k: Positive
    """Rise of the medium at rated power."""
    loop_j_per_k_per_w: Positive
    """Heat capacity of the loop that cools the medium, per watt of rated power."""
    die_rise_k: Positive
    """Die above the medium's supply at a board's limit as delivered and reference flow."""
    reference_c: float
    """Supply of the medium at which board power was measured: there leakage adds nothing."""


class ThermalRecord(Section):
    """Heat capacities and conductances of halls, temperatures of boards."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-thermal"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    equipment_j_per_k_per_w: Positive
    """Heat capacity of servers per watt of rated power."""
    room_air_m3_per_kw: Positive
    """Air of the hall per kilowatt of rated power."""
    air: MediumFigures
    """Servers in air."""
    cold_plate: MediumFigures
    """Liquid at the chips."""
    immersion: MediumFigures
    """Servers in a bath."""
    coolant_share_in_equipment: Fraction
    """Share of a liquid loop's heat capacity that stands behind the equipment, warmed."""
    board_limit_c: Positive
    """Die temperature at which a board throttles, where its profile names none."""
    leakage_share_per_k: Annotated[float, Field(ge=0, le=0.005)]
    """Power that leakage adds per kelvin of the die, over the board's limit."""
    trip_inlet_c: Positive
    """Inlet air at which servers switch off."""
    trip_coolant_c: Positive
    """Coolant at which servers switch off."""
    restart_margin_k: Positive
    """Below the tripping temperature by so much, servers are switched on again."""
    restart_s: NonNegative
    """From switching on to work."""

    @model_validator(mode="after")
    def _outlets_are_no_warmer_than_equipment(self) -> Self:
        faults = [
            f"{name}.equipment_time_constant_s must be >= equipment_j_per_k_per_w x {name}.rise_k = {least_s:g}, got "
            f"{medium.equipment_time_constant_s:g}: the medium would leave warmer than the equipment is"
            for name, medium in (("air", self.air), ("cold_plate", self.cold_plate), ("immersion", self.immersion))
            if medium.equipment_time_constant_s < (least_s := self.equipment_j_per_k_per_w * medium.rise_k)
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def medium(self, name: CoolingMedium) -> MediumFigures:
        """Return the figures of a medium."""
        return {"air": self.air, "cold_plate": self.cold_plate, "immersion": self.immersion}[name]
