"""Section `facility`: the building between the grid and the servers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.names import Positive

PlantStep = Annotated[float, Field(ge=1, le=3600)]


class ChilledWaterCooling(Section):
    """Computer-room air handlers, chilled water, water-cooled chillers, towers, water-side economizer."""

    kind: Literal["chilled_water"]
    profile: str = "chilled-water"
    """Facility profile with the plant's parameters, by name or path."""
    supply_air_c: Annotated[float, Field(ge=10, le=35)] = 24.0
    """Air temperature delivered to the servers."""


class PowerChain(Section):
    """Distribution from the grid to the servers: transformer, UPS, PDU."""

    profile: str = "power-chain"
    """Facility profile with the loss laws, by name or path."""
    ups: Literal["double_conversion", "eco"] | None = None
    """Mode of the UPS; absent: from the profile."""
    ups_redundancy: Literal["N", "N+1", "2N"] | None = None
    """Active units share the load, so redundancy lowers the load of each; absent: from the profile."""


class ModelledFacility(Section):
    """Cooling and power distribution are computed from weather and load."""

    kind: Literal["modelled"]
    it_capacity_kw: Positive
    """IT power that the building was designed for; plant and power chain are sized for it."""
    cooling: Annotated[ChilledWaterCooling, Field(discriminator=None)]
    """Cooling plant."""
    power_chain: PowerChain = PowerChain()
    """Electrical distribution."""
    other_fraction: Annotated[float, Field(ge=0, le=0.1)] | None = None
    """Lighting, offices and the like, as a share of the IT capacity, at all times; absent: from the profile."""
    plant_step_s: PlantStep = 60.0
    """Step of plant and power chain, which see the mean IT power of the step."""


class PublishedPue(Section):
    """A building of which only the published PUE is known, for reproducing published runs; it says nothing of water."""

    kind: Literal["published_pue"]
    pue: Annotated[float, Field(ge=1, le=5)]
    """Facility energy / IT energy, as published."""
    supply_air_c: Annotated[float, Field(ge=10, le=35)] = 24.0
    """Air temperature delivered to the servers."""
    plant_step_s: PlantStep = 60.0
    """Step at which power is recorded."""


Facility = Annotated[ModelledFacility | PublishedPue, Field(discriminator="kind")]
