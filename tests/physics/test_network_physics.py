"""Collectives in their textbook forms, fat trees and switch power."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import collectives, switches

ONE_WAY = ("all_gather", "reduce_scatter", "all_to_all")


def test_bandwidth_bound_of_nccl_tests() -> None:
    # NVIDIA nccl-tests, doc/PERFORMANCE.md: t = S / B * 2 (n-1) / n; reference vector net-001.
    assert collectives.bandwidth_bound_s("all_reduce", 1e9, 8, 450e9) == pytest.approx(0.0038888889, abs=1e-10)
    for operation in ONE_WAY:
        assert collectives.bandwidth_bound_s(operation, 1e9, 8, 450e9) == pytest.approx(7 / 8 * 1e9 / 450e9)
    for operation in ("broadcast", "reduce"):
        assert collectives.bandwidth_bound_s(operation, 1e9, 8, 450e9) == pytest.approx(1e9 / 450e9)


def test_ring_with_latency() -> None:
    # Reference vector net-002: 30 steps of 5 us and 2 * 15/16 * 256 MiB at 50 GB/s.
    assert collectives.ring_s("all_reduce", 268_435_456, 16, 50e9, 5e-6) == pytest.approx(0.0102163296, abs=1e-10)
    assert collectives.ring_s("all_gather", 0.0, 16, 50e9, 5e-6) == pytest.approx(15 * 5e-6)
    assert collectives.ring_s("broadcast", 1e9, 16, 50e9, 5e-6) == pytest.approx(15 * 5e-6 + 0.02)


@given(st.floats(0.0, 1e12), st.integers(1, 4096), st.floats(0.0, 1e-3))
def test_an_all_reduce_is_a_reduce_scatter_and_an_all_gather(size: float, ranks: int, latency_s: float) -> None:
    parts = sum(
        collectives.ring_s(operation, size, ranks, 50e9, latency_s) for operation in ("reduce_scatter", "all_gather")
    )
    assert collectives.ring_s("all_reduce", size, ranks, 50e9, latency_s) == pytest.approx(parts, rel=1e-12)


def test_one_rank_moves_nothing() -> None:
    for operation in ("all_reduce", *ONE_WAY, "broadcast", "reduce"):
        assert collectives.ring_s(operation, 1e9, 1, 50e9, 5e-6) == 0.0
    assert collectives.tree_all_reduce_s(1e9, 1, 50e9, 5e-6) == 0.0


def test_tree_wins_for_small_messages_and_ring_for_large() -> None:
    def tree_over_ring(size_bytes: float) -> float:
        ring = collectives.ring_s("all_reduce", size_bytes, 512, 50e9, 5e-6)
        return collectives.tree_all_reduce_s(size_bytes, 512, 50e9, 5e-6) / ring

    assert tree_over_ring(1e4) < 0.05
    assert tree_over_ring(1e13) == pytest.approx(512 / 511, rel=1e-3)
    assert collectives.tree_all_reduce_s(0.0, 1000, 50e9, 5e-6) == pytest.approx(2 * math.ceil(math.log2(1000)) * 5e-6)


def test_two_levels_with_one_group_are_one_level() -> None:
    one = collectives.hierarchical_all_reduce_s(1e9, (8, 1), (450e9, 50e9), (3e-6, 5e-6))
    assert one == pytest.approx(collectives.ring_s("all_reduce", 1e9, 8, 450e9, 3e-6))
    across = collectives.hierarchical_all_reduce_s(1e9, (1, 8), (450e9, 50e9), (3e-6, 5e-6))
    assert across == pytest.approx(collectives.ring_s("all_reduce", 1e9, 8, 50e9, 5e-6))


def test_unknown_collectives_and_ranks_are_refused() -> None:
    with pytest.raises(ValueError, match="operation must be one of all_reduce"):
        collectives.bus_factor("all_of_it", 8)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ranks"):
        collectives.ring_s("all_reduce", 1e9, 0, 50e9, 5e-6)


@pytest.mark.parametrize(
    ("ports", "levels", "hosts", "count"), [(64, 3, 65_536, 5120), (64, 2, 2048, 96), (4, 3, 16, 20), (4, 2, 8, 6)]
)
def test_fat_trees(ports: int, levels: switches.Levels, hosts: int, count: int) -> None:
    # k^3/4 and 5k^2/4, k^2/2 and 3k/2; k = 4 is the tree of 16 hosts and 20 switches that textbooks draw.
    assert switches.fat_tree_hosts(ports, levels) == hosts
    assert switches.fat_tree_switches(ports, levels) == count


@pytest.mark.parametrize("ports", [0, 1, 63])
def test_fat_trees_need_an_even_number_of_ports(ports: int) -> None:
    with pytest.raises(ValueError, match="ports must be an even number"):
        switches.fat_tree_hosts(ports, 3)


CISCO_8201 = switches.SwitchPower(
    253.85, 0.9353195187165753, 0.35096774193548463, 0.20720454545454636, 3.200416136547381e-12, 1.335646478625022e-08
)
"""ETH Zurich NSG, NetPowerBench: Cisco 8201-32FH with 100G passive copper."""


def test_switch_power() -> None:
    # Reference vector net-004.
    assert switches.switch_power_w(CISCO_8201, 32, 1.6e12, 1500) == pytest.approx(308.54327, abs=1e-4)
    assert switches.switch_power_w(CISCO_8201, 0, 0.0, 1500) == 253.85
    # docs/sources.md, network devices: 3.2 Tb/s adds 14 W to 302 W.
    idle = switches.switch_power_w(CISCO_8201, 32, 0.0, 1500)
    assert idle == pytest.approx(302.0, abs=0.5)
    assert switches.switch_power_w(CISCO_8201, 32, 3.2e12, 1500) - idle == pytest.approx(14.0, abs=0.3)


def test_small_packets_cost_more() -> None:
    assert switches.switch_power_w(CISCO_8201, 32, 1e12, 64) > switches.switch_power_w(CISCO_8201, 32, 1e12, 1500)
