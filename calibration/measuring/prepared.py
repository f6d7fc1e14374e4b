"""Things that can be run for a while: loops of kernels, pauses, spinning, and duty cycles of loop and pause."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np

from calibration.measuring.clock import Clock
from calibration.measuring.kernels import Call
from calibration.measuring.runtime import Runtime

GRAPH_BELOW_S: Final = 1e-3
"""Calls shorter than this are recorded once and replayed, so that launching does not hold them up."""
GRAPH_S: Final = 2e-3
"""Time that a recording should last at least."""
MOST_CALLS_IN_GRAPH: Final = 256
SHORTER_BY: Final = 0.1
"""Share of its time that a loop may end early; making it up costs a synchronisation in the middle."""

_SHORTEST_PERIOD_S: Final = 1.0
_LONGEST_PERIOD_S: Final = 2.0
"""Periods of a duty cycle: above the second over which some boards average, and never twice the same."""
_FEWEST_PERIODS: Final = 4


class CannotRunError(Exception):
    """A point that this device cannot run; the message says why."""


class Prepared(Protocol):
    """A point made ready on a device."""

    def warm_up(self, duration_s: float) -> None:
        """Run unmeasured for about a time and learn how long a repetition takes; ends synchronised."""
        ...

    def run(self, duration_s: float) -> int:
        """Run for a time or a little longer, end synchronised, and return the repetitions done."""
        ...


class KernelLoop:
    """Repetitions of calls, in turn.

    Args:
        calls: what is repeated, one call a repetition.
        runtime: of the device.
        clock: the measuring clock.
    """

    def __init__(self, calls: Sequence[Call], runtime: Runtime, clock: Clock) -> None:
        self.calls, self.runtime, self.clock = list(calls), runtime, clock
        self.repetition_s = 0.0
        self._next = 0
        self._replay: Callable[[], None] | None = None
        self._grain = 1

    def warm_up(self, duration_s: float) -> None:
        """Learn how long a repetition takes, record a graph if it is short, and fill the time."""
        began_s = self.clock.now_s()
        if self.repetition_s == 0.0:
            self._learn()
        # Timed again over a tenth of the time: the first repetitions of a kernel are never its steady ones.
        self.repetition_s = self._timed(duration_s / 10.0)
        self.repetition_s = self._timed(duration_s - (self.clock.now_s() - began_s))

    def run(self, duration_s: float) -> int:
        """Run for a time and return the repetitions.

        What runs faster now than when it was timed is launched again, so that no window is much shorter than asked for.
        """
        began_s, done = self.clock.now_s(), 0
        remaining_s = duration_s
        while True:
            launches = self._launches(remaining_s)
            for _ in range(launches):
                self._launch()
            self.runtime.synchronize()
            done += launches * self._grain
            elapsed_s = self.clock.now_s() - began_s
            remaining_s = duration_s - elapsed_s
            if remaining_s <= SHORTER_BY * duration_s:
                return done
            self.repetition_s = elapsed_s / done

    def _learn(self) -> None:
        self._launch()
        self.runtime.synchronize()
        self.repetition_s = self._timed(0.0)
        if self.repetition_s >= GRAPH_BELOW_S:
            return
        rounds = max(math.ceil(GRAPH_S / (self.repetition_s * len(self.calls))), 1)
        rounds = min(rounds, max(MOST_CALLS_IN_GRAPH // len(self.calls), 1))
        self._replay = self.runtime.record([*self.calls] * rounds)
        if self._replay is not None:
            self._grain = len(self.calls) * rounds
            self.repetition_s = self._timed(0.0)

    def _launches(self, duration_s: float) -> int:
        return max(math.ceil(duration_s / (self.repetition_s * self._grain)), 1) if self.repetition_s > 0.0 else 1

    def _timed(self, duration_s: float) -> float:
        began_s = self.clock.now_s()
        repetitions = self.run(duration_s)
        return (self.clock.now_s() - began_s) / repetitions

    def _launch(self) -> None:
        if self._replay is not None:
            self._replay()
            return
        self.calls[self._next]()
        self._next = (self._next + 1) % len(self.calls)


class Pause:
    """Nothing runs.

    Args:
        clock: the measuring clock.
        settle_s: time after which the device has come down from what ran before.
    """

    def __init__(self, clock: Clock, settle_s: float) -> None:
        self.clock, self.settle_s = clock, settle_s

    def warm_up(self, duration_s: float) -> None:
        """Let the device calm down."""
        self.clock.wait(max(duration_s, self.settle_s))

    def run(self, duration_s: float) -> int:
        """Wait; the wait counts as one repetition."""
        self.clock.wait(duration_s)
        return 1


class Spin:
    """Kernels that poll, as those of a collective that waits for other ranks.

    Args:
        runtime: of the device.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def warm_up(self, duration_s: float) -> None:
        """Spin."""
        self.run(duration_s)

    def run(self, duration_s: float) -> int:
        """Spin for a time; it counts as one repetition."""
        self.runtime.spin(duration_s)
        self.runtime.synchronize()
        return 1


class DutyCycle:
    """A loop with pauses: busy for a share of every period, and no two periods are equal.

    A fixed period would alias with the sensor, which looks at a part of each of its own periods.

    Args:
        loop: what runs.
        share: busy share of a period.
        clock: the measuring clock.
        seed: of the periods.
    """

    def __init__(self, loop: KernelLoop, share: float, clock: Clock, seed: int) -> None:
        self.loop, self.share, self.clock = loop, share, clock
        self._rng = np.random.default_rng(seed)

    def warm_up(self, duration_s: float) -> None:
        """Learn how long a repetition takes, then run some periods."""
        self.loop.warm_up(duration_s / 2.0)
        self.run(duration_s / 2.0)

    def run(self, duration_s: float) -> int:
        """Run whole periods until the time is over and return the repetitions."""
        began_s, repetitions = self.clock.now_s(), 0
        longest_s = min(_LONGEST_PERIOD_S, duration_s / _FEWEST_PERIODS)
        shortest_s = longest_s * _SHORTEST_PERIOD_S / _LONGEST_PERIOD_S
        while self.clock.now_s() - began_s < duration_s:
            period_s = self._rng.uniform(shortest_s, longest_s)
            from_s = self.clock.now_s()
            repetitions += self.loop.run(self.share * period_s)
            # The pause follows from what the busy part really took, so that the share holds.
            busy_s = self.clock.now_s() - from_s
            self.clock.wait(busy_s * (1.0 / self.share - 1.0))
        return repetitions
