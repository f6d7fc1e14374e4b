"""What is known beforehand of a site's supply: outages and caps of the grid, tests of generators, as one time line."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in seconds since the start of the scenario."""

    start_s: float
    end_s: float

    def holds(self, t_s: float) -> bool:
        """Whether an instant lies in it; its end does not."""
        return self.start_s <= t_s < self.end_s


@dataclass(frozen=True, slots=True)
class GridCap:
    """A request of the grid to draw less.

    Args:
        span: when it holds.
        limit_w: highest import; None where a reduction is asked for.
        reduction_fraction: share of the baseline that import must fall by; 0 beside `limit_w`.
        baseline_s: the baseline is mean import over so long before the start.
        reduction_w: power that it must fall by in place of a share.
    """

    span: Span
    limit_w: float | None
    reduction_fraction: float
    baseline_s: float
    reduction_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Regime:
    """Conditions that hold until the next change.

    Args:
        start_s: when it begins.
        end_s: when the next one begins.
        grid: whether the grid is there.
        generators: whether generators carry load, once they have started in an outage.
        test: whether generators are tested.
        cap: index of the grid's cap, -1 for none.
    """

    start_s: float
    end_s: float
    grid: bool
    generators: bool
    test: bool
    cap: int


class TimeLine:
    """The regimes of a run, in order.

    Args:
        outages: when the grid is away.
        caps: what the grid asks for.
        tests: when generators are tested; no test runs in an outage.
        start_s: from the failure of the grid until generators carry load; infinite without generators.
    """

    def __init__(self, outages: Sequence[Span], caps: Sequence[GridCap], tests: Sequence[Span], start_s: float) -> None:
        edges = {0.0}
        for span in (*outages, *tests, *(cap.span for cap in caps)):
            edges |= {span.start_s, span.end_s}
        if math.isfinite(start_s):
            edges |= {span.start_s + start_s for span in outages}
        self._starts_s = sorted(edge for edge in edges if edge >= 0.0)
        ends_s = [*self._starts_s[1:], math.inf]
        self._regimes = [
            _regime(start, end, outages, caps, tests, start_s)
            for start, end in zip(self._starts_s, ends_s, strict=True)
        ]

    def at(self, t_s: float) -> Regime:
        """Return the regime of an instant."""
        return self._regimes[bisect_right(self._starts_s, t_s) - 1]


def _regime(
    start_s: float,
    end_s: float,
    outages: Sequence[Span],
    caps: Sequence[GridCap],
    tests: Sequence[Span],
    generator_start_s: float,
) -> Regime:
    outage = next((span for span in outages if span.holds(start_s)), None)
    return Regime(
        start_s=start_s,
        end_s=end_s,
        grid=outage is None,
        generators=outage is not None and start_s >= outage.start_s + generator_start_s,
        test=outage is None and any(span.holds(start_s) for span in tests),
        cap=next((index for index, cap in enumerate(caps) if cap.span.holds(start_s)), -1),
    )
