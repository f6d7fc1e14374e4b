"""Signals: quantities outside the simulation, such as carbon intensity or the weather, as functions of time."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from simulator.errors import InvariantError

_Numbers = Sequence[float] | NDArray[np.float64]


class Signal(ABC):
    """A quantity that the simulation reads and cannot change, in seconds since the start of the scenario.

    Open to subclassing. A signal is a pure function of time: no answer may depend on the questions before it. Coverage
    of the scenario is checked when a signal is made, so a question outside its span is a bug and raises InvariantError.
    """

    __slots__ = ()

    @abstractmethod
    def at(self, t_s: float) -> float:
        """Return the value at an instant; where it jumps, the value after the jump."""

    @abstractmethod
    def integral(self, start_s: float, end_s: float) -> float:
        """Return the exact integral of the value over time, in (unit of the value) x s."""

    @abstractmethod
    def next_change(self, t_s: float) -> float:
        """Return the first instant after `t_s` at which the value differs, infinity when it stays."""

    @abstractmethod
    def means(self, edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the means over the consecutive intervals between n + 1 increasing edges, shape (n,)."""

    @final
    def mean(self, start_s: float, end_s: float) -> float:
        """Return the mean over an interval; over an interval of no length, the value at its start."""
        if start_s == end_s:
            return self.at(start_s)
        return self.integral(start_s, end_s) / (end_s - start_s)


@final
class ConstantSignal(Signal):
    """The same value for ever.

    >>> ConstantSignal(0.11).integral(10.0, 30.0)
    2.2
    """

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        if not math.isfinite(value):
            raise ValueError(f"value must be finite, got {value}")
        self.value = float(value)

    def at(self, t_s: float) -> float:  # noqa: ARG002  a constant has no use for the time
        """Return the value."""
        return self.value

    def integral(self, start_s: float, end_s: float) -> float:
        """Return value x (end - start)."""
        if not start_s <= end_s:
            raise InvariantError(f"integral of a signal from {start_s} s to {end_s} s runs backward")
        return self.value * (end_s - start_s)

    def next_change(self, t_s: float) -> float:  # noqa: ARG002
        """Return infinity."""
        return math.inf

    def means(self, edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value once per interval."""
        return np.full(len(_increasing(edges_s)) - 1, self.value)


@final
class StepSignal(Signal):
    """A value that holds from each edge to the next.

    Args:
        edges_s: n + 1 increasing instants in seconds since the start of the scenario, from first to last of the span.
        values: n finite values. Equal neighbours are merged, so that every inner edge is a change.

    >>> step = StepSignal([0.0, 3600.0, 7200.0], [200.0, 350.0])
    >>> step.at(3600.0), step.mean(1800.0, 7200.0), step.next_change(0.0)
    (350.0, 300.0, 3600.0)
    """

    __slots__ = (
        "_cumulative",
        "_cumulative_list",
        "_edges_s",
        "_end_s",
        "_start_s",
        "_starts_list",
        "_values",
        "_values_list",
    )

    def __init__(
        self, edges_s: Sequence[float] | NDArray[np.float64], values: Sequence[float] | NDArray[np.float64]
    ) -> None:
        edges = np.array(edges_s, dtype=np.float64)
        levels = np.array(values, dtype=np.float64)
        if edges.ndim != 1 or levels.ndim != 1 or len(levels) == 0 or len(edges) != len(levels) + 1:
            raise ValueError(f"needs n >= 1 values and n + 1 edges, got shapes {levels.shape} and {edges.shape}")
        if not (np.isfinite(edges).all() and np.isfinite(levels).all()):
            raise ValueError("edges and values must be finite")
        if not (np.diff(edges) > 0.0).all():
            raise ValueError("edges must increase")
        changes = np.concatenate(([True], np.diff(levels) != 0.0))
        self._edges_s = np.concatenate((edges[:-1][changes], edges[-1:]))
        self._values = levels[changes]
        self._cumulative = np.concatenate(([0.0], np.cumsum(self._values * np.diff(self._edges_s))))
        for column in (self._edges_s, self._values, self._cumulative):
            column.flags.writeable = False
        # Lists beside the arrays: a scalar from a list costs a third of one from an array.
        self._starts_list: list[float] = self._edges_s[:-1].tolist()
        self._values_list: list[float] = self._values.tolist()
        self._cumulative_list: list[float] = self._cumulative.tolist()
        self._start_s = self._starts_list[0]
        self._end_s = float(self._edges_s[-1])

    @property
    def edges_s(self) -> NDArray[np.float64]:
        """Bounds of the steps after merging, shape (n + 1,), read-only."""
        return self._edges_s

    @property
    def values(self) -> NDArray[np.float64]:
        """Values of the steps after merging, shape (n,), read-only."""
        return self._values

    def at(self, t_s: float) -> float:
        """Return the value of the step that holds at `t_s`; at the very end, of the last step."""
        return self._values_list[self._step(t_s)]

    def integral(self, start_s: float, end_s: float) -> float:
        """Return the sum of value x time over the steps between two instants."""
        if not start_s <= end_s:
            raise InvariantError(f"integral of a signal from {start_s} s to {end_s} s runs backward")
        first, last = self._step(start_s), self._step(end_s)
        values, starts, cumulative = self._values_list, self._starts_list, self._cumulative_list
        if first == last:
            return values[first] * (end_s - start_s)
        head = values[first] * (starts[first + 1] - start_s)
        tail = values[last] * (end_s - starts[last])
        return head + (cumulative[last] - cumulative[first + 1]) + tail

    def next_change(self, t_s: float) -> float:
        """Return the first inner edge after `t_s`, infinity when there is none."""
        step = self._step(t_s) + 1
        return self._starts_list[step] if step < len(self._starts_list) else math.inf

    def means(self, edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the means over consecutive intervals, each as `mean` gives it."""
        edges = _increasing(edges_s)
        self._step(float(edges[0]))
        self._step(float(edges[-1]))
        steps = np.searchsorted(self._edges_s[:-1], edges, side="right") - 1
        first, last = steps[:-1], steps[1:]
        start_s, end_s = edges[:-1], edges[1:]
        # Head, whole steps and tail, as in `integral`; a difference of two long integrals would lose digits.
        head = self._values[first] * (self._edges_s[first + 1] - start_s)
        tail = self._values[last] * (end_s - self._edges_s[last])
        means = (head + (self._cumulative[last] - self._cumulative[first + 1]) + tail) / (end_s - start_s)
        return np.where(first == last, self._values[first], means)

    def _step(self, t_s: float) -> int:
        if not self._start_s <= t_s <= self._end_s:
            raise InvariantError(f"signal asked at {t_s} s, it covers {self._start_s} s to {self._end_s} s")
        return bisect_right(self._starts_list, t_s) - 1


def _increasing(edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
    edges = np.asarray(edges_s, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0.0).all():
        raise InvariantError("means of a signal need two or more increasing edges")
    return edges
