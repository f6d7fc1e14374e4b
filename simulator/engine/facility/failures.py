"""Failures of a cooling plant: when it can remove how much of what it was built for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CoolingFailure:
    """A time in which a plant has part of its capacity.

    Args:
        start_s: from when.
        end_s: until when.
        capacity_fraction: part of the installed capacity that is left, 0 to 1.
    """

    start_s: float
    end_s: float
    capacity_fraction: float


class FailurePlan:
    """All failures of a plant. Where they overlap, the one that leaves least counts.

    Args:
        failures: in any order.
    """

    def __init__(self, failures: Sequence[CoolingFailure] = ()) -> None:
        self._failures = tuple(failures)
        self._edges_s = sorted({edge for failure in failures for edge in (failure.start_s, failure.end_s)})

    def __bool__(self) -> bool:
        """Return whether there is any failure."""
        return bool(self._failures)

    def intervals(self, start_s: float, duration_s: float) -> Iterator[tuple[float, float]]:
        """Yield (duration, capacity fraction) of the parts of a step, cut where a failure begins or ends."""
        end_s = start_s + duration_s
        cuts = [start_s, *(edge for edge in self._edges_s if start_s < edge < end_s), end_s]
        if len(cuts) == 2:
            yield duration_s, self._fraction_at(start_s, end_s)
            return
        for low_s, high_s in itertools.pairwise(cuts):
            yield high_s - low_s, self._fraction_at(low_s, high_s)

    def changes(self, start_s: float, end_s: float) -> Iterator[tuple[float, CoolingFailure, bool]]:
        """Yield (instant, failure, whether it begins) of what changes after `start_s`, up to and at `end_s`."""
        for failure in self._failures:
            if start_s < failure.start_s <= end_s or (start_s == 0.0 == failure.start_s):
                yield failure.start_s, failure, True
            if start_s < failure.end_s <= end_s:
                yield failure.end_s, failure, False

    def _fraction_at(self, low_s: float, high_s: float) -> float:
        middle_s = 0.5 * (low_s + high_s)
        return min(
            (failure.capacity_fraction for failure in self._failures if failure.start_s <= middle_s < failure.end_s),
            default=1.0,
        )
