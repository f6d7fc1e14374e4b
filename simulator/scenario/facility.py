"""Section `facility`: the building between the grid and the servers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.cooling import Cooling
from simulator.scenario.names import Positive

Redundancy = Literal["N", "N+1", "2N"]
PlantStep = Annotated[float, Field(ge=1, le=3600)]


class PowerChain(Section):
    """Distribution from the grid to the servers: transformers, UPS, PDU, busways, racks.

    Active units of a stage share its load, so redundancy lowers the load of each.
    """

    profile: str = "power-chain"
    """Facility profile with the loss laws, by name or path."""
    ups: Literal["double_conversion", "eco"] | None = None
    """Mode of the UPS; absent: from the profile."""
    ups_redundancy: Redundancy | None = None
    """Units of the UPS; absent: from the profile."""
    rack_redundancy: Redundancy | None = None
    """Rack distribution units; absent: from the profile."""
    busway_redundancy: Redundancy | None = None
    """Busways; absent: from the profile."""
    pdu_redundancy: Redundancy | None = None
    """Power distribution units; absent: from the profile."""
    transformer_redundancy: Redundancy | None = None
    """Transformers; absent: from the profile."""


class Thermal(Section):
    """Heat capacities of halls, temperatures of boards, classes of air."""

    profile: str = "thermal"
    """Profile of heat capacities, conductances and temperatures, by name or path."""
    air_classes: str = "air-classes"
    """Profile of the envelopes of air at the servers, by name or path."""


class CoolingFailure(Section):
    """A time in which the cooling plant has lost capacity."""

    start_h: Annotated[float, Field(ge=0)]
    """From when, in hours since the start of the scenario."""
    duration_min: Positive
    """For how long."""
    capacity_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Part of the installed capacity that is left."""


class ModelledFacility(Section):
    """Cooling and power distribution are computed from weather and load."""

    kind: Literal["modelled"]
    it_capacity_kw: Positive
    """IT power that the building was designed for; plant and power chain are sized for it."""
    cooling: Cooling
    """Cooling plant."""
    power_chain: PowerChain = PowerChain()
    """Electrical distribution."""
    other_fraction: Annotated[float, Field(ge=0, le=0.1)] | None = None
    """Lighting, offices and the like, as a share of the IT capacity, at all times; absent: from the profile."""
    plant_step_s: PlantStep = 60.0
    """Step of plant and power chain, which see the mean IT power of the step."""
    thermal: Thermal = Thermal()
    """Temperatures of halls and boards."""
    cooling_failures: tuple[CoolingFailure, ...] = ()
    """Times in which the cooling plant has lost capacity; the rooms warm up, and servers throttle or switch off."""


class PublishedPue(Section):
    """A building of which only the published PUE is known, for reproducing published runs; it says nothing of water."""

    kind: Literal["published_pue"]
    pue: Annotated[float, Field(ge=1, le=5)]
    """Facility energy / IT energy, as published."""
    supply_air_c: Annotated[float, Field(ge=10, le=35)] = 24.0
    """Air temperature delivered to the servers."""
    plant_step_s: PlantStep = 60.0
    """Step at which power is recorded."""
    thermal: Thermal = Thermal()
    """Temperatures of halls and boards."""


Facility = Annotated[ModelledFacility | PublishedPue, Field(discriminator="kind")]
