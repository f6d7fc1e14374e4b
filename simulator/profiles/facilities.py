"""Facility profiles: cooling plants and electrical chains, per watt of IT."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.profiles.chilled_water import ChilledWaterParameters
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
