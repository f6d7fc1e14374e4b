"""The time of a measurement: what is spent, what windows to come will take, and how long they may be.

What a window takes beside its warming up and its measuring (making operands, reading the sensor, tries that did not
count, a machine that others use) is learnt point by point from the windows already measured. When that is more than
the plan took for it, windows get shorter, down to what the device's sensor resolves; what then still does not fit is
left out from the end of the plan, where no point has its first window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from calibration.measuring.plan import Plan, PlannedWindow

Notify = Callable[[float, float, str], None]
"""Told time done, time in all, and what happens now."""

_WEIGHT_OF_PLAN: Final = 4.0
"""Windows that the plan's own estimate counts for, beside those measured."""


@dataclass(slots=True)
class TimeLeft:
    """Accounts for the time of one measurement.

    Args:
        plan: the plan.
        shortest_s: length below which no window goes.
        overhead_s: time beside warming up and measuring, as the plan took it.
        budget_s: time in all.
        notify: told how far it is.
    """

    plan: Plan
    shortest_s: float
    overhead_s: float
    budget_s: float
    notify: Notify
    spent_s: float = 0.0
    _to_come: Counter[int] = field(default_factory=Counter)
    _learnt_s: dict[int, float] = field(default_factory=dict)
    _total_s: float = 0.0
    _counted: int = 0

    def expect(self, windows: Iterable[PlannedWindow]) -> None:
        """Take windows for those to come."""
        self._to_come = Counter(planned.point for planned in windows)

    def length_s(self) -> float:
        """Return how long the next window should be, so that all to come fit; never longer than planned."""
        count = self._to_come.total()
        if not count:
            return self.plan.window_s
        each_s = (self.budget_s - self.spent_s - self._overheads_s()) / count
        return min(max(each_s / self._stretch, self.shortest_s), self.plan.window_s)

    def enough_for(self, point: int) -> bool:
        """Return whether a window of a point still fits."""
        return self.spent_s + self._overhead_s(point) + self.length_s() * self._stretch <= self.budget_s

    def tell(self, label: str) -> None:
        """Tell what happens now."""
        count = self._to_come.total()
        wanted_s = self._overheads_s() + count * self.length_s() * self._stretch
        left_s = min(wanted_s, max(self.budget_s - self.spent_s, wanted_s / count if count else 0.0))
        self.notify(self.spent_s, self.spent_s + left_s, label)

    def spent(self, elapsed_s: float) -> None:
        """Count time beside windows."""
        self.spent_s += elapsed_s

    def leave_out(self, point: int) -> None:
        """Take a window of a point from those to come."""
        self._to_come[point] -= 1

    def measured(self, point: int, elapsed_s: float, duration_s: float) -> None:
        """Count a window and learn what its point takes.

        Args:
            point: place in the plan.
            elapsed_s: all that it took.
            duration_s: the window itself; what it lasted beyond the plan cannot be shortened and counts as overhead.
        """
        self.spent_s += elapsed_s
        beside_s = max(elapsed_s - self._stretch * min(duration_s, self.plan.window_s), 0.0)
        self._learnt_s[point] = beside_s
        self._total_s += beside_s
        self._counted += 1

    @property
    def _stretch(self) -> float:
        """Warming up and measuring / measuring."""
        return 1.0 + self.plan.warmup_s / self.plan.window_s

    def _overheads_s(self) -> float:
        return sum(count * self._overhead_s(point) for point, count in self._to_come.items())

    def _overhead_s(self, point: int) -> float:
        """Return what the last window of a point took beside itself, or the mean of all points."""
        if point in self._learnt_s:
            return self._learnt_s[point]
        return (_WEIGHT_OF_PLAN * self.overhead_s + self._total_s) / (_WEIGHT_OF_PLAN + self._counted)
