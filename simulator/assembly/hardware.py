"""From sections `servers`, `network` and `storage` to what the engine builds on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simulator.assembly.cooling import LiquidCapture
from simulator.assembly.faults import FaultCollector
from simulator.engine.compute.boards import Boards
from simulator.engine.compute.hall import Hall
from simulator.engine.compute.server_power import LiquidSide
from simulator.engine.site import NetworkPower
from simulator.physics.links import Link
from simulator.physics.switches import fat_tree_for
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.networks import NetworkRecord
from simulator.profiles.servers import ServerRecord
from simulator.profiles.sourced import Profile
from simulator.records import HallFacts, NetworkFacts
from simulator.scenario.hardware import FatTreeNetwork, Network, ServerGroup

PACKET_BYTES = 4096.0
"""Size of the packets of a large transfer: the usual InfiniBand and RoCE payload."""


@dataclass(frozen=True, slots=True)
class HallSpec:
    """A hall with its profiles.

    Args:
        group: section of the scenario.
        server: profile of the servers.
        accelerator: profile of their accelerators; None for servers with processors only.
        cap_w: power cap of each accelerator.
        inlet_c: air temperature at the servers' inlet.
        liquid: what liquid does for the servers.
    """

    group: ServerGroup
    server: Profile[ServerRecord]
    accelerator: Profile[AcceleratorRecord] | None
    cap_w: float
    inlet_c: float
    liquid: LiquidSide

    @property
    def accelerators(self) -> int:
        """Accelerators of the hall."""
        return self.group.count * self.server.record.accelerators

    def hall(self, boards: Boards | None) -> Hall:
        """Return the hall for the engine, with the thermal side of its accelerators."""
        accelerator = self.accelerator.record if self.accelerator is not None else None
        group, server = self.group, self.server.record
        return Hall(group.name, server, accelerator, group.count, self.cap_w, self.inlet_c, self.liquid, boards)

    def facts(self) -> HallFacts:
        """Return what the results must know."""
        server = self.server.record
        return HallFacts(
            name=self.group.name,
            servers=self.group.count,
            accelerators=self.accelerators,
            accelerator_embodied_kg_co2e=self.accelerator.record.embodied_kg_co2e if self.accelerator else 0.0,
            server_embodied_kg_co2e=server.embodied_kg_co2e,
            lifetime_years=server.lifetime_years,
            maximum_w=server.maximum_w,
        )


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """The network between servers.

    Args:
        profile: profile of its switches.
        switches: how many there are.
        power: their power.
        oversubscription: downlink / uplink bandwidth of a leaf.
    """

    profile: Profile[NetworkRecord]
    switches: int
    power: NetworkPower
    oversubscription: float

    def facts(self) -> NetworkFacts:
        """Return what the results must know."""
        record = self.profile.record
        return NetworkFacts(self.switches, record.embodied_kg_co2e, record.lifetime_years)

    def link(self, server: ServerRecord) -> Link:
        """Return the link between servers as one accelerator of a server sees it: its share of the adapters."""
        nics = server.nics
        port_bytes_per_s = min(nics.bandwidth_bytes_per_s, self.profile.record.port_bandwidth_bytes_per_s)
        share = nics.count * port_bytes_per_s * nics.achieved_fraction / max(server.accelerators, 1)
        return Link(nics.startup_s, nics.rank_s, share / self.oversubscription)


def hall_specs(
    groups: Sequence[ServerGroup], supply_air_c: float, capture: LiquidCapture, base: Path, faults: FaultCollector
) -> dict[str, HallSpec]:
    """Return the halls by name; what is wrong goes to `faults`.

    Args:
        groups: sections of the scenario.
        supply_air_c: air to the servers (degC).
        capture: what the facility takes by liquid from servers whose profile and section say nothing of it.
        base: folder that relative file names refer to.
        faults: takes what is wrong.
    """
    specs: dict[str, HallSpec] = {}
    for group in groups:
        place = ("servers", group.name)
        with faults.at((*place, "profile")):
            server = _supplied(group, catalogue.server(group.profile, base), faults)
            accelerator = None
            name = group.accelerator or server.record.accelerator
            if name is not None and server.record.accelerators:
                accelerator = catalogue.accelerator(name, base)
            inlet_c = supply_air_c + group.inlet_offset_k
            cap_w, liquid = _cap_w(group, accelerator, faults), _liquid(group, server.record, capture)
            specs[group.name] = HallSpec(group, server, accelerator, cap_w, inlet_c, liquid)
    return specs


def _supplied(group: ServerGroup, server: Profile[ServerRecord], faults: FaultCollector) -> Profile[ServerRecord]:
    """Return the servers with as many active supplies as the scenario asks for; too few for them are a fault."""
    if group.power_supplies is None:
        return server
    record, supply = server.record, server.record.power_supply
    load, efficiency = supply.efficiency_points[-1]
    least = math.ceil(record.maximum_w / (supply.rated_w * load / efficiency) - 1e-9)
    if group.power_supplies < least:
        message = f"must be >= {least} to carry the {record.maximum_w:g} W of {record.name}, got {group.power_supplies}"
        faults.add(("servers", group.name, "power_supplies"), message)
        return server
    changed = supply.model_copy(update={"count": group.power_supplies})
    return replace(server, record=record.model_copy(update={"power_supply": changed}))


def _liquid(group: ServerGroup, server: ServerRecord, capture: LiquidCapture) -> LiquidSide:
    """Return what liquid does for servers: the scenario says it, else their profile, else the facility."""
    stated = (group.liquid_fraction, server.liquid_fraction, capture.fraction)
    fraction = next(value for value in stated if value is not None)
    return LiquidSide(fraction, capture.removes_server_fans)


def _cap_w(group: ServerGroup, accelerator: Profile[AcceleratorRecord] | None, faults: FaultCollector) -> float:
    place = ("servers", group.name, "gpu_power_cap_w")
    if accelerator is None:
        if group.gpu_power_cap_w is not None:
            faults.add(place, "these servers have no accelerators to cap")
        return 0.0
    power = accelerator.record.power
    if group.gpu_power_cap_w is None:
        return power.cap_w
    if not power.minimum_cap_w <= group.gpu_power_cap_w <= power.cap_w:
        allowed = f">= {power.minimum_cap_w:g} and <= {power.cap_w:g}"
        faults.add(place, f"must be {allowed} for {accelerator.record.name}, got {group.gpu_power_cap_w:g}")
        return power.cap_w
    return group.gpu_power_cap_w


def network_spec(
    network: Network, halls: dict[str, HallSpec], base: Path, faults: FaultCollector
) -> NetworkSpec | None:
    """Return the network that joins the servers of a site, or None when there is none."""
    if not isinstance(network, FatTreeNetwork):
        return None
    ports = sum(spec.group.count * spec.server.record.nics.count for spec in halls.values())
    if not ports:
        if halls:
            faults.add(("network",), "no server has a network adapter to join")
        return None
    with faults.at(("network", "profile")):
        profile = catalogue.network(network.profile, base)
        record = profile.record
        tree = fat_tree_for(ports, record.ports, network.oversubscription)
        power = record.power
        idle_w = tree.switches * power.base_w + tree.ports_up * (power.port_w + power.transceiver_w)
        per_byte_j = tree.hops * (8.0 * power.energy_per_bit_j + power.energy_per_packet_j / PACKET_BYTES)
        return NetworkSpec(profile, tree.switches, NetworkPower(idle_w, per_byte_j), network.oversubscription)
    return None
