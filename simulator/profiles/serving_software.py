"""Profiles of serving software: the host time of an engine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.physics.serving_software import ServingSoftware
from simulator.profiles.accelerators import NonNegative


class ServingSoftwareRecord(Section):
    """What an engine's own work adds to every iteration (see `simulator.physics.serving_software`)."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["serving-software"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    title: str
    """Name for people."""
    step_s: NonNegative
    """Host time of an iteration in which the accelerators wait."""
    rank_s: NonNegative
    """The same for each further accelerator of the replica."""
    sequence_s: NonNegative
    """The same for each sequence of the iteration."""
    layer_s: NonNegative
    """Launches of one layer, which run beside the device: only what exceeds its own time is seen."""
    cache_reads: Annotated[float, Field(ge=1)]
    """Times that decode moves the KV cache, relative to a fused kernel that reads it once."""

    def software(self) -> ServingSoftware:
        """Return the figures as the arithmetic takes them."""
        return ServingSoftware(self.step_s, self.rank_s, self.sequence_s, self.layer_s, self.cache_reads)
