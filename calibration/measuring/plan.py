"""The plan of a measurement: which points, how often, how long, in which order; made once and kept in its file.

Order: randomised complete blocks. Every point comes once before any comes twice, in random order, in each block the
points of the smallest plan before the rest: drift of temperature meets all points alike, and time running out takes
last what a fit needs. Idle windows in between watch for drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from calibration.measuring.points import FULL, LEAST, QUICK, Point
from calibration.measuring.record import DeviceKind
from simulator.errors import InputError

Mode = Literal["quick", "full"]

BRACKET: Final = "idle_context"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take on a kind of device.

    Args:
        quick_budget_s: time of a quick measurement, characterisation of the sensor included.
        full_budget_s: of a full one.
        shortest_window_s: below it the sensor or the clock does not resolve a window.
        longest_window_s: beyond it a window only costs time.
        warmup_fraction: time for which a kernel runs before its window, of the window.
        overhead_s: making operands and reading the sensor, per window.
        start_s: characterisation and warming up, at most a quarter of the budget.
        bracket_s: time between two idle windows.
        most_replicates: windows of a point.
        sample_period_s: time between two readings.
    """

    quick_budget_s: float
    full_budget_s: float
    shortest_window_s: float
    longest_window_s: float
    warmup_fraction: float
    overhead_s: float
    start_s: float
    bracket_s: float
    most_replicates: int
    sample_period_s: float


PACES: Final[dict[DeviceKind, Pace]] = {
    # A counter that moves every 100 ms, with ticks known to 20 ms, resolves 1.5 s to about 1 %.
    "cuda": Pace(540.0, 2580.0, 1.5, 15.0, 0.4, 0.45, 60.0, 300.0, 3, 0.02),
    "cpu": Pace(240.0, 1500.0, 0.1, 2.0, 0.5, 0.2, 5.0, 60.0, 4, 0.02),
}
"""Quick stays within 10 minutes and full within 45, with what goes on outside windows."""


@dataclass(frozen=True, slots=True)
class PlannedWindow:
    """One window to come: a point, and which of its windows it is."""

    point: int
    replicate: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan.

    Args:
        mode: quick or full.
        budget_s: time that it was made for.
        seed: of order and inputs.
        window_s: shortest time of a window.
        warmup_s: time before it.
        replicates: windows of each point.
        points: in a fixed order.
        order: all windows, as they come.
        window_cost_s: estimated time of one window with all that belongs to it.
    """

    mode: Mode
    budget_s: float
    seed: int
    window_s: float
    warmup_s: float
    replicates: int
    points: tuple[Point, ...]
    order: tuple[PlannedWindow, ...]
    window_cost_s: float


def make_plan(points: Sequence[Point], kind: DeviceKind, mode: Mode, seed: int, budget_s: float | None = None) -> Plan:
    """Return the plan that makes the most of a budget: first more points, then a second and third window of each, then
    longer windows.

    Args:
        points: what the device can run, of all sizes of plan.
        kind: of the device.
        mode: quick or full; sets the budget and bounds the points.
        seed: of the random order.
        budget_s: another budget than that of the mode.

    Raises:
        InputError: not even the smallest plan fits into the budget.
    """
    pace = PACES[kind]
    budget = budget_s if budget_s is not None else pace.quick_budget_s if mode == "quick" else pace.full_budget_s
    usable_s = budget - min(pace.start_s, budget / 4.0)
    shortest_s = pace.shortest_window_s * (1.0 + pace.warmup_fraction) + pace.overhead_s
    tier = QUICK if mode == "quick" else FULL
    while tier > LEAST and 2 * _brackets(_count(points, tier), pace, usable_s) * shortest_s > usable_s:
        tier -= 1
    chosen = tuple(point for point in points if point.tier <= tier)
    windows = _brackets(len(chosen), pace, usable_s)
    replicates = min(int(usable_s / (windows * shortest_s)), pace.most_replicates)
    if replicates < 1:
        needed = windows * shortest_s * 4.0 / 3.0
        raise InputError(f"--budget must be >= {needed / 60:.2f} minutes for the smallest plan, got {budget / 60:.2f}")
    # The last of the replicates may have a little more than the shortest window; longer windows use what is left.
    window_s = (usable_s / (windows * replicates) - pace.overhead_s) / (1.0 + pace.warmup_fraction)
    window_s = min(max(window_s, pace.shortest_window_s), pace.longest_window_s)
    warmup_s = window_s * pace.warmup_fraction
    cost_s = window_s + warmup_s + pace.overhead_s
    order = random_order(chosen, replicates, seed, max(int(pace.bracket_s / cost_s), 1))
    return Plan(mode, budget, seed, window_s, warmup_s, replicates, chosen, order, cost_s)


def random_order(points: Sequence[Point], replicates: int, seed: int, bracket_every: int) -> tuple[PlannedWindow, ...]:
    """Return blocks of all points in random order; idle without context comes first, as it must.

    Args:
        points: the points.
        replicates: blocks.
        seed: of the order.
        bracket_every: windows between two idle windows.
    """
    rng = np.random.default_rng(seed)
    bare = [index for index, point in enumerate(points) if point.family == "idle"]
    rest = np.array([index for index, point in enumerate(points) if point.family != "idle"], dtype=int)
    tiers = np.array([points[index].tier for index in rest])
    bracket = next((index for index, point in enumerate(points) if point.name == BRACKET), None)
    order = [PlannedWindow(index, replicate) for replicate in range(replicates) for index in bare]
    extra = replicates
    for replicate in range(replicates):
        shuffled = rng.permutation(len(rest))
        shuffled = shuffled[np.argsort(tiers[shuffled] > LEAST, kind="stable")]
        for index in rest[shuffled].tolist():
            order.append(PlannedWindow(index, replicate))
            if bracket is not None and len(order) % bracket_every == 0:
                order.append(PlannedWindow(bracket, extra))
                extra += 1
    return tuple(order)


def _count(points: Sequence[Point], tier: int) -> int:
    return sum(point.tier <= tier for point in points)


def _brackets(count: int, pace: Pace, usable_s: float) -> int:
    """Return the windows of one block, with the idle windows between them."""
    return count + max(int(usable_s / pace.bracket_s / 2.0), 0)
