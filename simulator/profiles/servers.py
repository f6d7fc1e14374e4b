"""Server profiles: what stands around the accelerators in one node."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.profiles.accelerators import Fraction, NonNegative, Positive

EfficiencyPoint = tuple[Fraction, Fraction]


class HostPower(Section):
    """Processors, memory, board and local storage."""

    idle_w: NonNegative
    """All accelerators idle."""
    busy_w: NonNegative
    """All accelerators busy with training or serving; between the two, power follows the busy share."""
    storage_w: NonNegative
    """Local drives, whatever they do."""


class Fabric(Section):
    """Switch chips between the accelerators of the server, on whenever the server is."""

    power_w: NonNegative
    """All switch chips together."""


class Nics(Section):
    """Network adapters."""

    count: Annotated[int, Field(ge=0)]
    """Adapters per server."""
    bandwidth_bytes_per_s: Positive
    """Datasheet bandwidth of one adapter in one direction."""
    idle_w: NonNegative
    """One adapter without traffic."""
    busy_w: NonNegative
    """One adapter at full bandwidth."""
    startup_s: NonNegative
    """Constant part of a collective across servers."""
    rank_s: NonNegative
    """Added to a collective across servers for each further server."""
    achieved_fraction: Fraction
    """Achieved / datasheet bandwidth of a large message."""


class FanWall(Section):
    """Fans of an air-cooled server: flow follows the heat sinks, power follows flow."""

    kind: Literal["fans"]
    reference_power_w: Positive
    """Fan power at reference heat and inlet temperature."""
    reference_heat_w: Positive
    """Heat carried by air at the reference point."""
    reference_inlet_c: float
    """Inlet temperature of the reference point."""
    component_limit_c: float
    """Temperature that the heat sinks must hold."""
    heatsink_exponent: Positive
    """Thermal resistance falls with flow to this power."""
    fan_exponent: Positive
    """Fan power grows with flow to this power."""
    minimum_flow_fraction: Fraction
    """Lowest flow / reference flow."""
    maximum_flow_fraction: Annotated[float, Field(ge=1)]
    """Highest flow / reference flow."""


class NoFans(Section):
    """A server without fans: immersion, or liquid only."""

    kind: Literal["none"]


class PowerSupply(Section):
    """Power supplies of the server, sharing the load equally."""

    count: Annotated[int, Field(ge=1)]
    """Supplies that share the load, redundant ones included."""
    rated_w: Positive
    """Rated output of one supply."""
    efficiency_points: Annotated[tuple[EfficiencyPoint, ...], Field(min_length=2)]
    """Pairs (load fraction, output / input), by rising load; losses are interpolated between them."""


class ServerRecord(Section):
    """One server."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["server"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    title: str
    """Name for people."""
    accelerator: str | None
    """Name of the accelerator profile; null for a server with processors only."""
    accelerators: Annotated[int, Field(ge=0, le=1024)]
    """Accelerators per server."""
    link_group: Annotated[int, Field(ge=1)]
    """Accelerators that reach one another over the device link (a whole server, or a pair with bridges)."""
    host: HostPower
    """Processors, memory, board, storage."""
    fabric: Fabric
    """Switch chips."""
    nics: Nics
    """Network adapters."""
    liquid_fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the server's power that cold plates or a tank take; null: the server is built for air."""
    cooling: Annotated[FanWall | NoFans, Field(discriminator="kind")]
    """Fans."""
    power_supply: PowerSupply
    """Power supplies."""
    maximum_w: Positive
    """Highest input power by the datasheet, for sizing the hall and for a warning when a run exceeds it."""
    embodied_kg_co2e: Positive
    """Emissions of making the server without accelerators."""
    lifetime_years: Positive
    """Years over which embodied emissions are spread."""
