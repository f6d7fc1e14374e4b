"""Calibrated time of collectives between accelerators, inside a server and across servers.

Form: t = a + b (p - 1) + f(p) S / B, fitted to published all-reduce tables within about 10 % (docs/validation.md). The
bandwidth factor f is the one of the textbook ring: all-reduce 2 (p-1)/p; all-gather, reduce-scatter and all-to-all
(p-1)/p; send 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operation = Literal["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send"]


@dataclass(frozen=True, slots=True)
class Link:
    """A level of the network as a rank sees it.

    Args:
        startup_s: constant part of a collective (s).
        rank_s: added for each further rank (s).
        bandwidth_bytes_per_s: achieved bandwidth of one rank in one direction.
    """

    startup_s: float
    rank_s: float
    bandwidth_bytes_per_s: float


def traffic_bytes(operation: Operation, size_bytes: float, ranks: int) -> float:
    """Return the bytes that one rank sends in a collective.

    Args:
        operation: the collective.
        size_bytes: the whole message S (bytes): the reduced, gathered or exchanged buffer of one rank.
        ranks: participants p >= 1.

    >>> traffic_bytes("all_reduce", 8e6, 4)
    12000000.0
    """
    if ranks == 1:
        return 0.0
    if operation == "send":
        return float(size_bytes)
    share = (ranks - 1) / ranks * size_bytes
    return 2.0 * share if operation == "all_reduce" else share


def collective_time_s(operation: Operation, size_bytes: float, ranks: int, link: Link) -> float:
    """Return the time of a collective: a + b (p - 1) + traffic / B; 0 for one rank.

    Args:
        operation: the collective.
        size_bytes: the whole message (bytes).
        ranks: participants p >= 1.
        link: startup a, per-rank time b and bandwidth B.

    >>> round(collective_time_s("all_reduce", 67_108_864, 8, Link(28.1e-6, 0.4e-6, 0.78 * 450e9)) * 1e3, 4)
    0.3655
    """
    if ranks == 1:
        return 0.0
    return (
        link.startup_s
        + link.rank_s * (ranks - 1)
        + traffic_bytes(operation, size_bytes, ranks) / link.bandwidth_bytes_per_s
    )


def hierarchical_time_s(
    operation: Operation, size_bytes: float, groups: tuple[int, int], links: tuple[Link, Link]
) -> float:
    """Return the time of a collective over `groups` = (ranks in a server, servers), inner level first.

    An all-reduce is a reduce-scatter inside the server, an all-reduce of the shard across servers, and an all-gather
    inside; all-gather and reduce-scatter run their two levels one after the other with the shard of size S / inner
    across servers. An all-to-all combines nothing: all that is meant for other servers crosses.

    Args:
        operation: the collective.
        size_bytes: the whole message (bytes).
        groups: ranks per server and number of servers.
        links: inside the server, across servers (bandwidth of one rank's share of the server's network).
    """
    inner, outer = groups
    inside, across = links
    if outer == 1:
        return collective_time_s(operation, size_bytes, inner, inside)
    shard = size_bytes / inner
    if operation == "all_reduce":
        local = collective_time_s("reduce_scatter", size_bytes, inner, inside)
        local += collective_time_s("all_gather", size_bytes, inner, inside)
        return local + collective_time_s("all_reduce", shard, outer, across)
    if operation == "send":
        return collective_time_s("send", size_bytes, 2, across)
    across_bytes = size_bytes if operation == "all_to_all" else shard
    local = collective_time_s(operation, size_bytes, inner, inside)
    return local + collective_time_s(operation, across_bytes, outer, across)
