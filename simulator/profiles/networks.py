"""Network profiles: a switch with its ports and optics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.physics.switches import SwitchPower
from simulator.profiles.accelerators import NonNegative, Positive


class SwitchFigures(Section):
    """Power of one switch (see `simulator.physics.switches`)."""

    base_w: NonNegative
    """The box with every port down."""
    port_w: NonNegative
    """Added for each port that is up, without transceiver."""
    transceiver_w: NonNegative
    """Added for each transceiver that is plugged in and up; 0 for passive copper."""
    energy_per_bit_j: NonNegative
    """Energy per bit of forwarded traffic."""
    energy_per_packet_j: NonNegative
    """Energy per packet of forwarded traffic."""


class NetworkRecord(Section):
    """The switches of one network."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["network"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    title: str
    """Name for people."""
    ports: Annotated[int, Field(ge=2, multiple_of=2)]
    """Ports of one switch."""
    port_bandwidth_bytes_per_s: Positive
    """Datasheet bandwidth of one port in one direction."""
    power: SwitchFigures
    """Power of one switch."""
    embodied_kg_co2e: Positive
    """Emissions of making one switch with its optics."""
    lifetime_years: Positive
    """Years over which embodied emissions are spread."""

    def switch_power(self) -> SwitchPower:
        """Return the power coefficients as the arithmetic takes them."""
        return SwitchPower(
            base_w=self.power.base_w,
            port_w=self.power.port_w,
            transceiver_in_w=0.0,
            transceiver_up_w=self.power.transceiver_w,
            energy_per_bit_j=self.power.energy_per_bit_j,
            energy_per_packet_j=self.power.energy_per_packet_j,
        )
