"""Network switches: how many a fat tree needs, and what one draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from simulator.physics.domains import require_positive, require_range

Levels: TypeAlias = Literal[2, 3]


def fat_tree_hosts(ports: int, levels: Levels) -> int:
    """Return the hosts of a full non-blocking fat tree of equal switches.

    Args:
        ports: ports k of a switch, even.
        levels: 2 (leaves and spines) or 3.

    Two levels k^2 / 2, three levels k^3 / 4. Al-Fares et al. 2008, SIGCOMM.

    >>> fat_tree_hosts(64, 3)
    65536
    """
    _require_even(ports)
    return ports**2 // 2 if levels == 2 else ports**3 // 4


def fat_tree_switches(ports: int, levels: Levels) -> int:
    """Return the switches of a full non-blocking fat tree of equal switches.

    Args:
        ports: ports k of a switch, even.
        levels: 2 (k leaves and k / 2 spines) or 3.

    Two levels 3 k / 2, three levels 5 k^2 / 4. Al-Fares et al. 2008, SIGCOMM.

    >>> fat_tree_switches(64, 2), fat_tree_switches(64, 3)
    (96, 5120)
    """
    _require_even(ports)
    return 3 * ports // 2 if levels == 2 else 5 * ports**2 // 4


@dataclass(frozen=True, slots=True)
class FatTree:
    """A fat tree sized for a number of host ports.

    Args:
        levels: 1 (a single switch), 2 or 3.
        switches: switches in all.
        ports_up: switch ports in use, both ends of every cable between switches counted.
        hops: switches on the longest shortest path between two hosts.
    """

    levels: int
    switches: int
    ports_up: int
    hops: int


def fat_tree_for(host_ports: int, ports: int, oversubscription: float = 1.0) -> FatTree:
    """Return the smallest fat tree of equal switches that joins a number of host ports.

    Args:
        host_ports: ports of hosts to join, at least 1.
        ports: ports k of a switch, even.
        oversubscription: downlink / uplink bandwidth of a leaf, at least 1.

    A leaf has k o / (1 + o) ports down; leaves reach spines, and with more than k leaves an aggregation level stands
    between. For full trees this gives the counts of `fat_tree_switches`.

    >>> fat_tree_for(65536, 64).switches, fat_tree_for(2048, 64).switches, fat_tree_for(40, 64).switches
    (5120, 96, 1)
    """
    _require_even(ports)
    require_range("host_ports", host_ports, 1)
    require_range("oversubscription", oversubscription, 1.0)
    if host_ports <= ports:
        return FatTree(1, 1, host_ports, 1)
    down = min(int(ports * oversubscription / (1.0 + oversubscription)), ports - 1)
    up = ports - down
    leaves = -(-host_ports // down)
    uplinks = leaves * up
    if leaves <= ports:
        return FatTree(2, leaves + -(-uplinks // ports), host_ports + 2 * uplinks, 3)
    half = ports // 2
    middle = -(-uplinks // half)
    core = -(-middle * half // ports)
    return FatTree(3, leaves + middle + core, host_ports + 2 * uplinks + 2 * middle * half, 5)


def _require_even(ports: int) -> None:
    if ports < 2 or ports % 2:
        raise ValueError(f"ports must be an even number >= 2, got {ports}")


@dataclass(frozen=True, slots=True)
class SwitchPower:
    """Measured power coefficients of a switch with one kind of port and transceiver.

    Args:
        base_w: the box with every port down (W).
        port_w: added for each port that is up (W).
        transceiver_in_w: added for each transceiver plugged in (W).
        transceiver_up_w: added for each transceiver that is up (W).
        energy_per_bit_j: of forwarded traffic (J).
        energy_per_packet_j: of forwarded traffic (J).
    """

    base_w: float
    port_w: float
    transceiver_in_w: float
    transceiver_up_w: float
    energy_per_bit_j: float
    energy_per_packet_j: float


def switch_power_w(switch: SwitchPower, ports_up: int, rate_bit_per_s: float, packet_bytes: float) -> float:
    """Return the power of a switch; transceivers are plugged in where ports are up.

    Args:
        switch: measured coefficients.
        ports_up: ports that are up, each with its transceiver.
        rate_bit_per_s: forwarded traffic of the whole switch (bit/s).
        packet_bytes: size of a packet (bytes).

    P = P_base + n (P_port + P_trx,in + P_trx,up) + E_bit R + E_pkt R / (8 L). ETH Zurich NSG, NetPowerBench. Traffic is
    the small term: ports and optics that are up draw most of what the box draws above its base.

    >>> cisco = SwitchPower(253.85, 0.935320, 0.350968, 0.207205, 3.200416e-12, 1.335646e-8)
    >>> round(switch_power_w(cisco, 32, 1.6e12, 1500), 2)
    308.54
    """
    require_range("ports_up", ports_up, 0)
    require_range("rate_bit_per_s", rate_bit_per_s, 0.0)
    require_positive("packet_bytes", packet_bytes)
    per_port_w = switch.port_w + switch.transceiver_in_w + switch.transceiver_up_w
    packets_per_s = rate_bit_per_s / (8.0 * packet_bytes)
    traffic_w = switch.energy_per_bit_j * rate_bit_per_s + switch.energy_per_packet_j * packets_per_s
    return switch.base_w + ports_up * per_port_w + traffic_w
