"""Clocks: the wall clock of a measurement, and one that only moves when told, for replays and tests."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds, and waiting."""

    def now_s(self) -> float:
        """Return seconds since some fixed instant."""
        ...

    def wait(self, duration_s: float) -> None:
        """Wait."""
        ...


class WallClock:
    """Real time."""

    def now_s(self) -> float:
        """Return seconds of the monotonic clock of the host."""
        return time.perf_counter()

    def wait(self, duration_s: float) -> None:
        """Sleep."""
        if duration_s > 0.0:
            time.sleep(duration_s)


class VirtualClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        """Return seconds waited in all."""
        return self._now_s

    def wait(self, duration_s: float) -> None:
        """Let time pass."""
        self._now_s += max(duration_s, 0.0)
