"""The step that a replica is in: one iteration with prefill, or a stretch of decode iterations."""

from __future__ import annotations

from simulator.engine.serving.batch import Prefill
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.engine.serving.replica_meter import ReplicaMeter


class Step:
    """Duration, energy and booking of the current step of a replica.

    A step is booked when it ends; `settle` books the part up to an instant inside it, at constant power within an
    iteration, so that readings between steps are exact as well.

    Args:
        cost: duration and energy of iterations.
        meter: where they are booked.
    """

    __slots__ = (
        "_attended",
        "_booked_j",
        "_booked_link_j",
        "_booked_s",
        "_cost",
        "_count",
        "_growth",
        "_meter",
        "_started_s",
        "duration_s",
        "energy_j",
        "iterations",
        "tokens",
    )

    def __init__(self, cost: IterationCost, meter: ReplicaMeter) -> None:
        self._cost = cost
        self._meter = meter
        self._started_s, self._count, self._attended, self._growth = 0.0, 0, 0, 0
        self._booked_s = self._booked_j = self._booked_link_j = 0.0
        self.iterations = 0
        """Iterations of a stretch; 0 in an iteration with prefill."""
        self.tokens = 0
        """Tokens processed per iteration."""
        self.duration_s = 0.0
        self.energy_j = 0.0

    def recost(self, cost: IterationCost) -> None:
        """Take other costs, from the next step on."""
        self._cost = cost

    def begin_stretch(self, now_s: float, count: int, attended: int, iterations: int, growth: int) -> None:
        """Start a stretch of `iterations` decode iterations of `count` sequences (see `IterationCost.stretch`)."""
        self._started_s, self._count, self._attended, self._growth = now_s, count, attended, growth
        self._booked_s = self._booked_j = self._booked_link_j = 0.0
        self.iterations, self.tokens = iterations, count
        self.duration_s, self.energy_j = self._cost.stretch(count, attended, iterations, growth)

    def begin_mixed(self, now_s: float, count: int, attended: int, prefill: Prefill) -> None:
        """Start one iteration with prefill and `count` decoding sequences."""
        self._started_s, self._count, self._attended = now_s, count, attended
        self._booked_s = self._booked_j = self._booked_link_j = 0.0
        self.iterations, self.tokens = 0, count + prefill.tokens
        self.duration_s, self.energy_j = self._cost.mixed(count, attended, prefill)

    def shorten(self, now_s: float) -> float | None:
        """End a stretch at the iteration boundary at or after now.

        Returns:
            Seconds from now to that boundary, or None when the stretch ended there anyway.
        """
        growth = self._growth
        iterations = self._cost.iterations_until(self._count, self._attended, now_s - self._started_s, growth)
        if iterations >= self.iterations:
            return None
        self.iterations = iterations
        self.duration_s, self.energy_j = self._cost.stretch(self._count, self._attended, iterations, growth)
        return max(self._started_s + self.duration_s - now_s, 0.0)

    def finish(self) -> None:
        """Book what is not booked yet."""
        link_j = (self.iterations or 1) * self._cost.link_j[self.tokens]
        self._meter.work(self.duration_s - self._booked_s, self.energy_j - self._booked_j, link_j - self._booked_link_j)

    def settle(self, now_s: float) -> None:
        """Book the part up to now."""
        whole, share, energy_j = self.progress(now_s)
        self._book(now_s - self._started_s, energy_j, (whole + share) * self._cost.link_j[self.tokens])

    def progress(self, now_s: float) -> tuple[int, float, float]:
        """Return (whole iterations done, share of the current one, energy so far)."""
        elapsed_s = now_s - self._started_s
        if not self.iterations:
            share = elapsed_s / self.duration_s
            return 0, share, share * self.energy_j
        cost, count, attended, growth = self._cost, self._count, self._attended, self._growth
        whole = cost.iterations_until(count, attended, elapsed_s, growth) - 1
        before_s, before_j = cost.stretch(count, attended, whole, growth) if whole else (0.0, 0.0)
        current_s, current_j = cost.decode(count, attended + growth * whole)
        share = min((elapsed_s - before_s) / current_s, 1.0)
        return whole, share, before_j + share * current_j

    def _book(self, elapsed_s: float, energy_j: float, link_j: float) -> None:
        self._meter.work(elapsed_s - self._booked_s, energy_j - self._booked_j, link_j - self._booked_link_j)
        self._booked_s, self._booked_j, self._booked_link_j = elapsed_s, energy_j, link_j
