"""Facility profiles: cooling plants and electrical chains, per watt of IT."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.profiles.chilled_water import ChilledWaterParameters
from simulator.profiles.cooling_machines import EirCurves
from simulator.profiles.cooling_plants import (
    AirCooledChillerParameters,
    DryCoolerParameters,
    FacilityWaterParameters,
    IndirectEvaporativeParameters,
    LiquidParameters,
    OutsideAirParameters,
    RearDoorParameters,
)
from simulator.profiles.power_chain import PowerChainParameters


class CoolingRecord(Section):
    """A cooling plant."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-cooling"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: ChilledWaterParameters
    """The plant."""


class PowerChainRecord(Section):
    """An electrical chain."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-power-chain"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: PowerChainParameters
    """The chain."""


class AirCooledChillerRecord(Section):
    """Air handlers on chilled water from air-cooled chillers."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-air-cooled-chiller"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: AirCooledChillerParameters
    """The plant."""


class OutsideAirRecord(Section):
    """Outdoor air through the hall, with wet media or without."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-outside-air"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: OutsideAirParameters
    """The plant."""


class IndirectEvaporativeRecord(Section):
    """Hall air against outdoor air across plates that can be wetted."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-indirect-evaporative"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: IndirectEvaporativeParameters
    """The plant."""


class DryCoolerRecord(Section):
    """Air handlers on water from dry coolers."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-dry-cooler"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: DryCoolerParameters
    """The plant."""


class LiquidRecord(Section):
    """Liquid at the chips or around them."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-liquid"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: LiquidParameters
    """Coolant and distribution units."""


class RearDoorRecord(Section):
    """Coils in the rear doors of racks."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-rear-door"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: RearDoorParameters
    """Doors and their loop."""


class FacilityWaterRecord(Section):
    """Heat rejection of facility water."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-water"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: FacilityWaterParameters
    """Coolers, towers, chillers."""


class ChillerCurvesRecord(Section):
    """A chiller of published curves."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["facility-chiller-curves"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    parameters: EirCurves
    """The curves."""
