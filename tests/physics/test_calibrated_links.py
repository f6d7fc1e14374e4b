"""Collectives on calibrated links, against the ring that runs, hand arithmetic and conservation of bytes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import collectives
from simulator.physics.links import Link, Operation, collective_time_s, hierarchical_time_s, traffic_bytes

NVLINK = Link(12e-6, 0.4e-6, 309e9)
"""vLLM's all-reduce on H100: 12 us, 0.4 us per rank, 309 GB/s."""
ADAPTER = Link(20e-6, 2e-6, 36e9)
COUNTER = Link(0.0, 0.0, 1.0)
"""A link on which the time is the number of bytes."""

ONE_WAY: tuple[Operation, ...] = ("all_gather", "reduce_scatter", "all_to_all")


def ring_all_reduce(data: list[list[float]]) -> tuple[list[list[float]], int, int]:
    """Run a ring on rows of chunks; return the rows afterwards, the chunks that each rank sent and the steps."""
    ranks, sent, steps = len(data), 0, 0
    rows = [list(row) for row in data]
    for phase in ("reduce", "gather"):
        for step in range(ranks - 1):
            shift = step if phase == "reduce" else step - 1
            moved = [(rank, (rank - shift) % ranks, rows[rank][(rank - shift) % ranks]) for rank in range(ranks)]
            for rank, chunk, value in moved:
                target = rows[(rank + 1) % ranks]
                target[chunk] = target[chunk] + value if phase == "reduce" else value
            sent, steps = sent + 1, steps + 1
    return rows, sent, steps


@pytest.mark.parametrize("ranks", [2, 3, 4, 8, 13])
def test_bytes_and_steps_are_those_of_a_ring_that_reduces(ranks: int) -> None:
    data = np.random.default_rng(3).integers(0, 100, (ranks, ranks)).astype(float)
    rows, sent, steps = ring_all_reduce(data.tolist())
    assert rows == [data.sum(axis=0).tolist()] * ranks
    chunk_bytes = 4096.0
    assert traffic_bytes("all_reduce", ranks * chunk_bytes, ranks) == pytest.approx(sent * chunk_bytes, rel=1e-12)
    assert collectives.bus_factor("all_reduce", ranks) * ranks == pytest.approx(sent, rel=1e-12)
    assert collectives.ring_steps("all_reduce", ranks) == steps


def test_all_reduce_by_hand() -> None:
    """8 ranks, 64 MiB: 12 us + 7 x 0.4 us + 2 x 7/8 x 67,108,864 / 309e9 s = 14.8 us + 380.06 us."""
    assert collective_time_s("all_reduce", 67_108_864, 8, NVLINK) == pytest.approx(394.86e-6, abs=0.01e-6)
    # Two ranks exchange the whole message once: 2 x 1/2 x S.
    assert collective_time_s("all_reduce", 309e6, 2, NVLINK) == pytest.approx(12.4e-6 + 1e-3, rel=1e-12)
    assert collective_time_s("send", 36e6, 2, ADAPTER) == pytest.approx(22e-6 + 1e-3, rel=1e-12)


@given(st.floats(1.0, 1e12), st.integers(2, 4096))
def test_halves_of_an_all_reduce(size: float, ranks: int) -> None:
    whole = traffic_bytes("all_reduce", size, ranks)
    assert traffic_bytes("all_gather", size, ranks) == traffic_bytes("reduce_scatter", size, ranks)
    assert 2.0 * traffic_bytes("all_gather", size, ranks) == pytest.approx(whole, rel=1e-12)
    assert whole <= 2.0 * size
    for operation in ONE_WAY:
        bandwidth_bound = collectives.bandwidth_bound_s(operation, size, ranks, NVLINK.bandwidth_bytes_per_s)
        time_s = collective_time_s(operation, size, ranks, NVLINK)
        assert time_s - bandwidth_bound == pytest.approx(12e-6 + 0.4e-6 * (ranks - 1), rel=1e-6, abs=1e-12 * time_s)


@pytest.mark.parametrize("operation", ["all_reduce", *ONE_WAY, "send"])
def test_one_rank_has_nobody_to_talk_to(operation: Operation) -> None:
    assert traffic_bytes(operation, 1e9, 1) == 0.0
    assert collective_time_s(operation, 1e9, 1, NVLINK) == 0.0
    assert hierarchical_time_s(operation, 1e9, (1, 1), (NVLINK, ADAPTER)) == 0.0


@given(st.integers(2, 64), st.floats(0.0, 1e10))
def test_one_server_needs_no_second_level(ranks: int, size: float) -> None:
    for operation in ("all_reduce", *ONE_WAY):
        flat = collective_time_s(operation, size, ranks, NVLINK)
        assert hierarchical_time_s(operation, size, (ranks, 1), (NVLINK, ADAPTER)) == flat


@given(st.integers(2, 256), st.floats(0.0, 1e10))
def test_servers_of_one_rank_need_no_first_level(servers: int, size: float) -> None:
    for operation in ("all_reduce", *ONE_WAY, "send"):
        ranks = 2 if operation == "send" else servers
        flat = collective_time_s(operation, size, ranks, ADAPTER)
        assert hierarchical_time_s(operation, size, (1, servers), (NVLINK, ADAPTER)) == pytest.approx(flat, rel=1e-12)


@given(st.integers(1, 16), st.integers(1, 512), st.floats(1.0, 1e10))
def test_two_levels_move_the_bytes_of_one_ring(inner: int, servers: int, size: float) -> None:
    """What a rank must send does not depend on the order: 2 (p-1)/p S, or (p-1)/p S for gathering and scattering."""
    ranks = inner * servers
    for operation in ("all_reduce", "all_gather", "reduce_scatter"):
        sent = hierarchical_time_s(operation, size, (inner, servers), (COUNTER, COUNTER))
        assert sent == pytest.approx(traffic_bytes(operation, size, ranks), rel=1e-12)


@given(st.integers(1, 16), st.integers(2, 512), st.floats(1.0, 1e10))
def test_what_an_all_to_all_sends_to_other_servers_crosses(inner: int, servers: int, size: float) -> None:
    """S / p goes to each of p ranks; those outside are p - g of them."""
    ranks = inner * servers
    fast_inside = Link(0.0, 0.0, math.inf)
    across = hierarchical_time_s("all_to_all", size, (inner, servers), (fast_inside, COUNTER))
    assert across == pytest.approx((ranks - inner) * size / ranks, rel=1e-12)


def test_two_levels_by_hand() -> None:
    """1 GB on 4 servers of 8: 2 x (14.8 us + 7/8 x 1e9 / 309e9) + 20 us + 6 us + 2 x 3/4 x 125e6 / 36e9."""
    time_s = hierarchical_time_s("all_reduce", 1e9, (8, 4), (NVLINK, ADAPTER))
    assert time_s == pytest.approx(2 * (14.8e-6 + 0.875e9 / 309e9) + 26e-6 + 1.5 * 125e6 / 36e9, rel=1e-12)
    assert time_s < collective_time_s("all_reduce", 1e9, 32, ADAPTER) / 4


@given(st.sampled_from(["all_reduce", *ONE_WAY]), st.integers(1, 512), st.floats(0.0, 1e10), st.floats(1.0, 4.0))
def test_more_bytes_and_more_ranks_never_take_less(
    operation: Operation, ranks: int, size: float, factor: float
) -> None:
    time_s = collective_time_s(operation, size, ranks, NVLINK)
    assert collective_time_s(operation, factor * size, ranks, NVLINK) >= time_s
    assert collective_time_s(operation, size, ranks + 1, NVLINK) >= time_s
