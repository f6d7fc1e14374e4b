"""Shared storage: checkpoints are written one after the other at full bandwidth."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence

from simpy import Environment, Event


class Storage:
    """Shared storage and the energy that it uses, by workload.

    Args:
        env: the simulation environment.
        write_bytes_per_s: bandwidth of writing.
        idle_w: power without traffic.
        active_w: power while writing.
        writers: workloads that may write.
    """

    def __init__(
        self, env: Environment, write_bytes_per_s: float, idle_w: float, active_w: float, writers: Sequence[str]
    ) -> None:
        self._env = env
        self._write_bytes_per_s = write_bytes_per_s
        self._idle_w = idle_w
        self._active_w = active_w
        self._turn: deque[Event] = deque()
        self._writer = ""
        self._booked_s = env.now
        self._energy_j = dict.fromkeys(["", *writers], 0.0)

    def write(self, workload: str, size_bytes: float) -> Generator[Event, None, None]:
        """Write for a workload, after the writes that were asked for before; a process yields from this."""
        turn = self._env.event()
        self._turn.append(turn)
        if len(self._turn) == 1:
            turn.succeed()
        yield turn
        self._become(workload)
        yield self._env.timeout(size_bytes / self._write_bytes_per_s)
        self._become("")
        self._turn.popleft()
        if self._turn:
            self._turn[0].succeed()

    def read(self, now_s: float) -> dict[str, float]:
        """Return energy since the last reading by workload; idle power under the empty name."""
        self._book(now_s)
        reading = dict(self._energy_j)
        self._energy_j = dict.fromkeys(reading, 0.0)
        return reading

    def _become(self, writer: str) -> None:
        self._book(self._env.now)
        self._writer = writer

    def _book(self, now_s: float) -> None:
        duration_s, self._booked_s = now_s - self._booked_s, now_s
        self._energy_j[""] += self._idle_w * duration_s
        if self._writer:
            active_j = (self._active_w - self._idle_w) * duration_s
            self._energy_j[self._writer] += active_j
