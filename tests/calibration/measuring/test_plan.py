"""The plan: blocks in random order, everything once before anything twice, and the budget kept."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.measuring.plan import PACES, make_plan
from calibration.measuring.point_sets import gpu_points, processor_points
from calibration.measuring.points import LEAST
from simulator.errors import InputError

POINTS = {"cuda": gpu_points(50e6, "bf16"), "cpu": processor_points(32e6, ("fp32", "bf16"))}


@given(kind=st.sampled_from(["cuda", "cpu"]), mode=st.sampled_from(["quick", "full"]), seed=st.integers(0, 1 << 31))
def test_blocks_are_complete_and_in_order(kind, mode, seed: int) -> None:
    plan = make_plan(POINTS[kind], kind, mode, seed)
    numbers = {index for index, point in enumerate(plan.points) if point.family != "idle"}
    bracket = next(index for index, point in enumerate(plan.points) if point.name == "idle_context")
    blocks = [
        [entry.point for entry in plan.order if entry.replicate == replicate and entry.point in numbers]
        for replicate in range(plan.replicates)
    ]
    for block in blocks:
        assert Counter(block) == Counter(numbers)
    ordered = [e.replicate for e in plan.order if e.point in numbers and e.point != bracket]
    assert all(later >= earlier for earlier, later in pairwise(ordered))
    assert len({(entry.point, entry.replicate) for entry in plan.order}) == len(plan.order)


@given(kind=st.sampled_from(["cuda", "cpu"]), mode=st.sampled_from(["quick", "full"]))
def test_idle_without_context_comes_before_a_context_is_made(kind, mode) -> None:
    plan = make_plan(POINTS[kind], kind, mode, 1)
    families = [plan.points[entry.point].family for entry in plan.order]
    assert set(families[: plan.replicates]) == {"idle"}
    assert "idle" not in families[plan.replicates :]


@given(kind=st.sampled_from(["cuda", "cpu"]), minutes=st.floats(8.0, 200.0), seed=st.integers(0, 99))
def test_the_windows_fit_into_the_budget(kind, minutes: float, seed: int) -> None:
    plan = make_plan(POINTS[kind], kind, "full", seed, minutes * 60.0)
    assert len(plan.order) * plan.window_cost_s + PACES[kind].start_s <= minutes * 60.0 * 1.05
    assert PACES[kind].shortest_window_s <= plan.window_s <= PACES[kind].longest_window_s


@pytest.mark.parametrize(("mode", "most_s"), [("quick", 600.0), ("full", 2700.0)])
@pytest.mark.parametrize("kind", ["cuda", "cpu"])
def test_the_modes_keep_their_promise(kind, mode, most_s: float) -> None:
    plan = make_plan(POINTS[kind], kind, mode, 1)
    assert len(plan.order) * plan.window_cost_s + PACES[kind].start_s <= most_s
    assert plan.replicates >= 2


def test_the_seed_is_the_order() -> None:
    one, again, other = (make_plan(POINTS["cuda"], "cuda", "quick", seed).order for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_a_budget_too_small_is_refused_with_the_smallest() -> None:
    with pytest.raises(
        InputError, match=r"--budget must be >= (\d+\.\d+) minutes for the smallest plan, got 0\.50"
    ) as caught:
        make_plan(POINTS["cuda"], "cuda", "quick", 1, 30.0)
    smallest_min = float(str(caught.value.faults[0].message).split(">= ")[1].split()[0]) + 0.01
    plan = make_plan(POINTS["cuda"], "cuda", "quick", 1, smallest_min * 60.0)
    assert {point.tier for point in plan.points} == {LEAST}
