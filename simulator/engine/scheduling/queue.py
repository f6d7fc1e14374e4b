"""The queue of jobs that wait for accelerators."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from simpy import Environment, Event

from simulator.engine.compute.hall import Hall, Placement
from simulator.engine.scheduling.placement import PlacementPolicy


@dataclass(frozen=True, slots=True)
class GangRequest:
    """Accelerators that a job asks for, all at once.

    Args:
        hall: where.
        accelerators: how many.
        unit: how many of them must share a server.
        granted: succeeds with the placement.
    """

    hall: Hall
    accelerators: int
    unit: int
    granted: Event


class FifoQueue:
    """First come, first served, per hall: the first job in line blocks those behind it until it fits.

    Args:
        env: the simulation environment.
        placement: chooses servers.
    """

    def __init__(self, env: Environment, placement: PlacementPolicy) -> None:
        self._env = env
        self._placement = placement
        self._waiting: dict[str, deque[GangRequest]] = {}

    def request(self, hall: Hall, accelerators: int, unit: int) -> Event:
        """Return an event that succeeds, with the placement as value, when the gang has been given its accelerators."""
        granted = self._env.event()
        self._waiting.setdefault(hall.name, deque()).append(GangRequest(hall, accelerators, unit, granted))
        self._serve(hall)
        return granted

    def release(self, hall: Hall, placement: Placement) -> None:
        """Take accelerators back and start the jobs that now fit."""
        hall.release(placement, self._env.now)
        self._serve(hall)

    def _serve(self, hall: Hall) -> None:
        waiting = self._waiting.get(hall.name, deque())
        while waiting:
            first = waiting[0]
            placement = self._placement.place(hall, first.accelerators, first.unit)
            if placement is None:
                return
            waiting.popleft()
            hall.occupy(placement, self._env.now)
            first.granted.succeed(placement)
