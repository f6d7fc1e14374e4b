"""Time of collective operations in the textbook forms: bandwidth bound, ring, double binary tree, two levels.

S is the whole buffer of one rank (bytes), n the number of ranks, B the bandwidth of one rank in one direction, alpha
the latency of one step.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, get_args

from simulator.physics.domains import NumberT, require_positive, require_range

Collective: TypeAlias = Literal["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "reduce"]


def bus_factor(operation: Collective, ranks: int) -> float:
    """Return the bytes that cross the slowest link of a rank, over the size of the buffer.

    Args:
        operation: the collective.
        ranks: participants n, at least 1; one rank moves nothing.

    All-reduce 2 (n-1) / n; all-gather, reduce-scatter and all-to-all (n-1) / n; broadcast and reduce 1.
    NVIDIA nccl-tests, doc/PERFORMANCE.md.

    >>> bus_factor("all_reduce", 8)
    1.75
    """
    _check(operation, ranks)
    if ranks == 1:
        return 0.0
    if operation in ("broadcast", "reduce"):
        return 1.0
    share = (ranks - 1) / ranks
    return 2.0 * share if operation == "all_reduce" else share


def ring_steps(operation: Collective, ranks: int) -> int:
    """Return the steps of a ring: 2 (n-1) for an all-reduce, n-1 for the others.

    >>> ring_steps("all_reduce", 16)
    30
    """
    _check(operation, ranks)
    return 2 * (ranks - 1) if operation == "all_reduce" else ranks - 1


def _check(operation: Collective, ranks: int) -> None:
    if operation not in get_args(Collective):
        raise ValueError(f"operation must be one of {', '.join(get_args(Collective))}, got {operation!r}")
    require_range("ranks", ranks, 1)


def bandwidth_bound_s(
    operation: Collective, size_bytes: NumberT, ranks: int, bus_bandwidth_bytes_per_s: float
) -> NumberT:
    """Return the time of a collective at a given bus bandwidth, without latency.

    Args:
        operation: the collective.
        size_bytes: whole buffer of one rank (bytes), scalar or array.
        ranks: participants, at least 1.
        bus_bandwidth_bytes_per_s: bus bandwidth (bytes/s); a measured one may exceed the link's where switches reduce
            in the network.

    t = f(n) S / B with f of `bus_factor`. NVIDIA nccl-tests, doc/PERFORMANCE.md.

    >>> round(bandwidth_bound_s("all_reduce", 1e9, 8, 450e9) * 1e3, 4)
    3.8889
    """
    require_range("size_bytes", size_bytes, 0.0)
    require_positive("bus_bandwidth_bytes_per_s", bus_bandwidth_bytes_per_s)
    return size_bytes * (bus_factor(operation, ranks) / bus_bandwidth_bytes_per_s)


def ring_s(
    operation: Collective, size_bytes: NumberT, ranks: int, bandwidth_bytes_per_s: float, latency_s: float
) -> NumberT:
    """Return the time of a collective on a ring.

    Args:
        operation: the collective.
        size_bytes: whole buffer of one rank (bytes), scalar or array.
        ranks: participants, at least 1.
        bandwidth_bytes_per_s: bandwidth of one rank in one direction (bytes/s).
        latency_s: latency of one step alpha (s).

    t = k alpha + f(n) S / B, with k of `ring_steps` and f of `bus_factor`; broadcast and reduce are pipelined along the
    ring, so that the last byte arrives n-1 steps after it leaves.

    >>> round(ring_s("all_reduce", 268_435_456, 16, 50e9, 5e-6) * 1e3, 4)
    10.2163
    """
    require_range("latency_s", latency_s, 0.0)
    transfer = bandwidth_bound_s(operation, size_bytes, ranks, bandwidth_bytes_per_s)
    return transfer + latency_s * ring_steps(operation, ranks)


def tree_all_reduce_s(size_bytes: NumberT, ranks: int, bandwidth_bytes_per_s: float, latency_s: float) -> NumberT:
    """Return the time of an all-reduce on a double binary tree: more bytes than a ring, far fewer steps.

    Args:
        size_bytes: whole buffer of one rank (bytes), scalar or array.
        ranks: participants, at least 1.
        bandwidth_bytes_per_s: bandwidth of one rank in one direction (bytes/s).
        latency_s: latency of one step alpha (s).

    t = 2 ceil(log2 n) alpha + 2 S / B; 0 for one rank.

    >>> round(tree_all_reduce_s(1e6, 1024, 50e9, 5e-6) * 1e6)
    140
    """
    require_range("ranks", ranks, 1)
    require_range("size_bytes", size_bytes, 0.0)
    require_positive("bandwidth_bytes_per_s", bandwidth_bytes_per_s)
    levels = math.ceil(math.log2(ranks))
    return size_bytes * (min(levels, 1) * 2.0 / bandwidth_bytes_per_s) + 2 * levels * latency_s


def hierarchical_all_reduce_s(
    size_bytes: NumberT,
    groups: tuple[int, int],
    bandwidths_bytes_per_s: tuple[float, float],
    latencies_s: tuple[float, float],
) -> NumberT:
    """Return the time of an all-reduce over two levels, each a ring.

    Args:
        size_bytes: whole buffer of one rank (bytes), scalar or array.
        groups: ranks in a group g, number of groups.
        bandwidths_bytes_per_s: of one rank inside its group, and across groups (bytes/s).
        latencies_s: of one step inside a group, and across (s).

    t = reduce-scatter of S inside + all-reduce of S / g across + all-gather of S inside.

    >>> round(hierarchical_all_reduce_s(1e9, (8, 4), (450e9, 50e9), (3e-6, 5e-6)) * 1e3, 3)
    7.711
    """
    inside, across = groups
    local = (bandwidths_bytes_per_s[0], latencies_s[0])
    remote = (bandwidths_bytes_per_s[1], latencies_s[1])
    scattered = ring_s("reduce_scatter", size_bytes, inside, *local)
    reduced = ring_s("all_reduce", size_bytes / inside, across, *remote)
    return scattered + reduced + ring_s("all_gather", size_bytes, inside, *local)
