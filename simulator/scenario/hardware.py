"""Sections `servers`, `network` and `storage`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.names import Count, Name, NonNegative, Positive


class ServerGroup(Section):
    """A hall: servers of one kind."""

    name: Name
    """Name of the hall."""
    site: Name | None = None
    """Site that it stands at; needed when there are several."""
    profile: str
    """Server profile, by name or path."""
    accelerator: str | None = None
    """Accelerator profile, by name or path, in place of the one that the server profile names."""
    count: Count
    """Servers."""
    gpu_power_cap_w: Positive | None = None
    """Power cap of each accelerator; absent: the limit as delivered."""
    power_supplies: Annotated[int, Field(ge=1, le=64)] | None = None
    """Active power supplies of each server, redundant ones included, which share its load; absent: from the profile."""
    liquid_fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the servers' power that liquid takes; absent: from the server profile, else from the cooling plant."""
    inlet_offset_k: Annotated[float, Field(ge=0, le=15)] = 0.0
    """Server inlet above supply air, through recirculation."""
    air_class: Literal["A1", "A2", "A3", "A4", "H1"] = "A2"
    """Class of air that the servers may breathe (ASHRAE TC 9.9): hours outside it are counted."""


class FatTreeNetwork(Section):
    """Switches that join the servers of a site, as a fat tree of equal switches; each site has its own."""

    kind: Literal["fat_tree"]
    profile: str = "infiniband-ndr"
    """Network profile, by name or path."""
    oversubscription: Annotated[float, Field(ge=1, le=16)] = 1.0
    """Downlink / uplink bandwidth of a leaf switch."""


class NoNetwork(Section):
    """Servers are not joined, or their network is outside the boundary of the study."""

    kind: Literal["none"]


Network = Annotated[FatTreeNetwork | NoNetwork, Field(discriminator="kind")]


class Storage(Section):
    """Shared storage that holds checkpoints; each site has its own."""

    write_gb_per_s: Positive
    """Bandwidth of writing, all clients together (10^9 bytes per second)."""
    idle_kw: NonNegative
    """Power without traffic."""
    active_kw: NonNegative
    """Power while writing."""
