"""The time of a measurement: windows that take longer than planned make later ones shorter, then fewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from calibration.measuring.closing import Wishes
from calibration.measuring.directory import MeasurementDirectory, read_measurement
from calibration.measuring.plan import PACES, Plan, PlannedWindow
from calibration.measuring.points import LEAST
from calibration.measuring.session import measure
from calibration.measuring.time_left import TimeLeft

PLAN = Plan("quick", 100.0, 1, 2.0, 1.0, 5, (), tuple(PlannedWindow(0, n) for n in range(20)), 5.0)
BUDGET_S = 300.0


def account(budget_s: float = 100.0, shortest_s: float = 0.5) -> TimeLeft:
    left = TimeLeft(PLAN, shortest_s, 2.0, budget_s, lambda *_: None)
    left.expect(PLAN.order)
    return left


def test_what_was_planned_for_fits_as_planned() -> None:
    """20 windows of 3 s with 2 s beside them are 100 s."""
    assert account().length_s() == pytest.approx(2.0)
    assert account(200.0).length_s() == 2.0


def test_learnt_overheads_shorten_what_is_left() -> None:
    """The first took 12 s in place of 5, 9 of them beside itself: 19 of 9 s + 1.5 x do not fit into 88 s."""
    left = account()
    left.leave_out(0)
    left.measured(0, 12.0, 2.0)
    assert left.length_s() == 0.5
    # Had it taken 5.5 s: 19 x (2.5 + 1.5 x) = 94.5.
    slower = account()
    slower.leave_out(0)
    slower.measured(0, 5.5, 2.0)
    assert slower.length_s() == pytest.approx((94.5 / 19 - 2.5) / 1.5)


def test_a_window_is_begun_only_if_it_fits() -> None:
    left = account(10.0, shortest_s=2.0)
    assert left.enough_for(0)
    left.spent(5.1)
    assert not left.enough_for(0)


def test_other_points_are_taken_for_the_mean_of_plan_and_measured() -> None:
    """Four parts of the plan's 2 s and one of the 7 s measured: 3 s."""
    told: list[tuple[float, float, str]] = []
    left = TimeLeft(PLAN, 0.5, 2.0, 1000.0, lambda *what: told.append(what))
    left.expect([PlannedWindow(1, 0)])
    left.measured(0, 10.0, 2.0)
    left.tell("next")
    assert told == [(10.0, pytest.approx(10.0 + 3.0 + 3.0), "next")]


@pytest.mark.parametrize("overhead_s", [0.1, 2.0, 6.0])
def test_a_slow_machine_keeps_the_time_and_the_points_that_a_fit_needs(
    tmp_path: Path, synthetic_bench: Callable, overhead_s: float
) -> None:
    """The last window and essential ones may overdraw the 300 s, and no window is below the shortest."""
    bench = synthetic_bench(overhead_s=overhead_s)
    record = measure(tmp_path, bench, Wishes("quick", 7, budget_s=BUDGET_S), lambda *_: None)
    plan, _ = MeasurementDirectory(tmp_path).read_plan()
    _, windows = read_measurement(tmp_path)
    needed = {point.name for point in plan.points if point.tier == LEAST}
    assert needed <= set(windows.point)
    assert windows.duration_s.min() >= PACES["cuda"].shortest_window_s
    assert record.protocol.window_s <= plan.window_s
    least_s = len(needed) * (overhead_s + 1.4 * 1.5)
    assert bench.clock.now_s() <= max(BUDGET_S + 1.0, least_s + 60.0)
    if overhead_s < 1.0:
        assert len(windows) == len(plan.order)


def test_windows_get_shorter_before_any_is_left_out(tmp_path: Path, synthetic_bench: Callable, monkeypatch) -> None:
    monkeypatch.setitem(PACES, "cuda", replace(PACES["cuda"], shortest_window_s=0.3, most_replicates=1))
    bench = synthetic_bench(overhead_s=2.0)
    record = measure(tmp_path, bench, Wishes("quick", 7, budget_s=BUDGET_S), lambda *_: None)
    plan, _ = MeasurementDirectory(tmp_path).read_plan()
    assert record.windows.rows == len(plan.order)
    assert 0.3 <= record.protocol.window_s < 0.8 * plan.window_s
    assert bench.clock.now_s() <= BUDGET_S + 1.0
