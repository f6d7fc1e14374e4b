"""Routers: which replica takes a request."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from typing import Protocol


class Server(Protocol):
    """What a router sees of a replica."""

    outstanding: int
    """Requests submitted and not finished."""


class Router(ABC):
    """Chooses among the replicas of one workload.

    Args:
        replicas: the replicas, in a fixed order.
    """

    def __init__(self, replicas: list[Server]) -> None:
        self._replicas = replicas

    @abstractmethod
    def choose(self, request: int) -> int:
        """Return the index of the replica that takes a request."""
        ...

    def finished(self, replica: int) -> None:  # noqa: B027 - most routers need not know
        """Hear that a replica has finished a request."""


class RoundRobin(Router):
    """Each replica in turn."""

    def __init__(self, replicas: list[Server]) -> None:
        super().__init__(replicas)
        self._next = 0

    def choose(self, request: int) -> int:  # noqa: ARG002
        """Return the next replica in turn."""
        chosen, self._next = self._next, (self._next + 1) % len(self._replicas)
        return chosen


class LeastLoaded(Router):
    """The replica with fewest requests outstanding; the first of equals.

    A heap holds (outstanding, replica) as last seen. A number that has changed since is refreshed when it comes up; a
    replica that finishes a request is entered anew, so the smallest valid entry is always the true minimum.
    """

    def __init__(self, replicas: list[Server]) -> None:
        super().__init__(replicas)
        self._heap = [(0, index) for index in range(len(replicas))]

    def choose(self, request: int) -> int:  # noqa: ARG002
        """Return the least loaded replica."""
        heap, replicas = self._heap, self._replicas
        while True:
            outstanding, index = heap[0]
            if replicas[index].outstanding == outstanding:
                # The caller submits at once, so the entry that will be valid next is known.
                heapq.heapreplace(heap, (outstanding + 1, index))
                return index
            heapq.heappop(heap)

    def finished(self, replica: int) -> None:
        """Enter the replica with its new number."""
        if len(self._heap) > 64 + 4 * len(self._replicas):
            self._heap = [(entry.outstanding, index) for index, entry in enumerate(self._replicas)]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (self._replicas[replica].outstanding, replica))
