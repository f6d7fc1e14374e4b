"""Who else uses the device: processor time of other processes on a host."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final, Protocol

from simulator.errors import InputError

PROC_STAT: Final = Path("/proc/stat")
MOST_FOREIGN: Final = 0.10
"""Cores that other processes may use beside a window; what an idle desktop or a monitoring agent takes."""


class Watch(Protocol):
    """Tells whether somebody else used the device during a window."""

    def own_context_made(self) -> None:
        """Learn what belongs to this process."""
        ...

    def begin(self) -> None:
        """Begin a window."""
        ...

    def verdict(self) -> str:
        """Return who else used the device since `begin`, in words; empty when nobody did."""
        ...


class NobodyWatches:
    """For devices that do not tell who uses them, and for users who know that others do."""

    def own_context_made(self) -> None:
        """Do nothing."""

    def begin(self) -> None:
        """Do nothing."""

    def verdict(self) -> str:
        """Return nothing."""
        return ""


class ProcessorWatch:
    """Compares the busy time of all cores with that of this process.

    Args:
        stat: the kernel's counters.
        most_foreign: cores that others may use.
    """

    def __init__(self, stat: Path = PROC_STAT, most_foreign: float = MOST_FOREIGN) -> None:
        self.stat, self.most_foreign = stat, most_foreign
        self._tick_s = 1.0 / os.sysconf("SC_CLK_TCK")
        self._began = self._now()

    def own_context_made(self) -> None:
        """Do nothing: own time is known by itself."""

    def begin(self) -> None:
        """Remember the counters."""
        self._began = self._now()

    def verdict(self) -> str:
        """Return how many cores others used, if they were more than is allowed beyond the grain of the counters."""
        wall_s, busy_s, own_s = (now - then for now, then in zip(self._now(), self._began, strict=True))
        if wall_s <= 0.0:
            return ""
        grain_s = 2.0 * self._tick_s * (os.cpu_count() or 1)
        foreign = max(busy_s - own_s - grain_s, 0.0) / wall_s
        return f"other processes used {foreign:.2f} cores" if foreign > self.most_foreign else ""

    def _now(self) -> tuple[float, float, float]:
        """Return wall time, busy time of all cores and of this process."""
        counts = [int(count) for count in self.stat.read_text().split("\n", 1)[0].split()[1:9]]
        user, nice, system, _idle, _wait, irq, soft_irq, steal = counts
        return time.perf_counter(), (user + nice + system + irq + soft_irq + steal) * self._tick_s, time.process_time()


def processor_watch() -> Watch:
    """Return a watch over the host, or none where the kernel does not show its counters."""
    return ProcessorWatch() if PROC_STAT.is_file() else NobodyWatches()


def refuse_busy_host(watch: Watch, wait_s: float = 1.0) -> None:
    """Refuse to measure a processor that others use.

    Raises:
        InputError: others used it during the last moment.
    """
    watch.begin()
    time.sleep(wait_s)
    found = watch.verdict()
    if found:
        raise InputError(
            f"the processor is busy: {found} in the last {wait_s:g} s; wait until they have ended, or measure all the "
            "same with --shared, which the record then says"
        )
