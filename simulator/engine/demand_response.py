"""Demand response by power caps: while the grid asks a site to draw less, training slows first, then serving.

At the end of every plant step the power that the boards may draw is found from what the building drew: a watt less at
the boards is at least a watt less at the meter, and as much more as fans, supplies, distribution and cooling have shown
since the event began. Caps come from the power of training under caps, which is known, and from the bound that boards
under a cap draw no more than it, for serving.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import final

from simulator.engine.control import Command, Controller, HallView, SetPowerCap, SiteView, View, WorkloadView

_STEP_W = 5.0
"""Caps are set in such steps."""

_BISECTIONS = 20
_LEAST_CHANGE = 0.02
"""Change of board power, relative, from which what it did at the meter can be read."""

_MOST_GAIN = 2.0
"""A watt at the boards is worth at most so many at the meter."""


@dataclass(slots=True)
class _Event:
    """What is remembered while the grid's cap holds.

    Args:
        uncapped_w: power of serving boards before the event.
        gain: watts at the meter for a watt at the boards.
        last: power at the meter and of the boards at the last decision.
        touched: halls and workloads whose caps were set.
    """

    uncapped_w: dict[str, float]
    gain: float = 1.0
    last: tuple[float, float] | None = None
    touched: set[tuple[str, str]] = field(default_factory=set)


@final
class DemandResponse(Controller):
    """Holds each site's import at what its grid asks for.

    Args:
        period_s: the plant step.
        margin_fraction: share of the grid's cap kept free, for load that comes within a step.
    """

    def __init__(self, period_s: float, margin_fraction: float) -> None:
        self.period_s = period_s
        self._margin = margin_fraction
        self._events: dict[str, _Event] = {}

    def decide(self, view: View) -> Sequence[Command]:
        """Return the caps that hold every site at its grid's cap, or lift those of events that are over."""
        commands: list[Command] = []
        for site in view.sites:
            if site.grid_cap_w is None:
                commands += self._lift(site)
            else:
                commands += self._hold(site, site.grid_cap_w)
        return commands

    def _lift(self, site: SiteView) -> Iterator[Command]:
        event = self._events.pop(site.name, None)
        highest_w = {hall.name: hall.highest_cap_w for hall in site.halls}
        for hall, workload in sorted(event.touched) if event is not None else ():
            yield SetPowerCap(hall, highest_w[hall], workload)

    def _hold(self, site: SiteView, cap_w: float) -> Iterator[Command]:
        event = self._events.get(site.name)
        if event is None:
            event = self._events[site.name] = _Event({w.name: w.power_w for _, w in _workloads(site)})
        boards_w = sum(workload.power_w for _, workload in _workloads(site))
        self._learn_gain(event, site.facility_power_w, boards_w)
        allowed_w = (1.0 - self._margin) * cap_w + site.generation_w + site.sustained_battery_w
        budget_w = boards_w + (allowed_w - site.facility_power_w) / event.gain
        training = [(hall, workload) for hall, workload in _workloads(site) if workload.kind == "training"]
        serving = [(hall, workload) for hall, workload in _workloads(site) if workload.kind == "inference"]
        free_w = sum(_power_w(workload, hall.highest_cap_w, event) for hall, workload in serving)
        least_w = sum(_power_w(workload, hall.lowest_cap_w, event) for hall, workload in training)
        yield from self._share(training, budget_w - free_w, event)
        yield from self._share(serving, budget_w - least_w, event)

    def _share(
        self, workloads: Sequence[tuple[HallView, WorkloadView]], budget_w: float, event: _Event
    ) -> Iterator[Command]:
        """Cap workloads at one level between lowest and highest, the highest at which they keep within a budget."""
        low, high = 0.0, 1.0

        def total_w(level: float) -> float:
            return sum(_power_w(workload, _at(hall, level), event) for hall, workload in workloads)

        if total_w(1.0) > budget_w:
            for _ in range(_BISECTIONS):
                middle = 0.5 * (low + high)
                low, high = (low, middle) if total_w(middle) > budget_w else (middle, high)
        else:
            low = 1.0
        for hall, workload in workloads:
            cap_w = _at(hall, low)
            if low < 1.0:
                cap_w = max(cap_w // _STEP_W * _STEP_W, hall.lowest_cap_w)
            if cap_w != workload.gpu_power_cap_w:
                event.touched.add((hall.name, workload.name))
                yield SetPowerCap(hall.name, cap_w, workload.name)

    def _learn_gain(self, event: _Event, facility_w: float, boards_w: float) -> None:
        if event.last is not None:
            fell_w, boards_fell_w = event.last[0] - facility_w, event.last[1] - boards_w
            if abs(boards_fell_w) > _LEAST_CHANGE * max(boards_w, 1.0):
                event.gain = min(max(fell_w / boards_fell_w, 1.0), _MOST_GAIN)
        event.last = (facility_w, boards_w)


def _workloads(site: SiteView) -> Iterator[tuple[HallView, WorkloadView]]:
    for hall in site.halls:
        for workload in hall.workloads:
            yield hall, workload


def _at(hall: HallView, level: float) -> float:
    return hall.lowest_cap_w + level * (hall.highest_cap_w - hall.lowest_cap_w)


def _power_w(workload: WorkloadView, cap_w: float, event: _Event) -> float:
    """Return what a workload would draw under a cap."""
    points = workload.power_under_w
    if not points:
        free_w = max(event.uncapped_w.get(workload.name, 0.0), workload.power_w)
        return min(free_w, workload.accelerators * cap_w)
    if cap_w <= points[0][0]:
        return points[0][1]
    for (low, low_w), (high, high_w) in pairwise(points):
        if cap_w <= high:
            return low_w + (high_w - low_w) * (cap_w - low) / (high - low) if high > low else high_w
    return points[-1][1]
