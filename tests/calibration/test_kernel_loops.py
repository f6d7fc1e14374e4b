"""Loops of kernels on a clock that the test moves: repetitions, operands out of cache, recordings, duty cycles."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from calibration.measuring.clock import VirtualClock
from calibration.measuring.kernels import operand_sets
from calibration.measuring.operands import DRAWN_VALUES, Operands
from calibration.measuring.plan import make_plan
from calibration.measuring.point_sets import gpu_points, processor_points
from calibration.measuring.points import LEAST, operand_bytes
from calibration.measuring.prepared import MOST_CALLS_IN_GRAPH, DutyCycle, KernelLoop


class Recorder:
    """A runtime that replays calls, as a GPU does."""

    kind: Any = "cuda"
    device = torch.device("cpu")

    def __init__(self, *, records: bool) -> None:
        self.records, self.recorded = records, list[int]()

    def synchronize(self) -> None:
        pass

    def record(self, calls: Sequence[Callable[[], object]]) -> Callable[[], None] | None:
        if not self.records:
            return None
        self.recorded.append(len(calls))
        return lambda: [call() for call in calls] and None

    def open(self) -> None:
        pass

    def free_bytes(self) -> float:
        return 0.0

    def spin(self, duration_s: float) -> None:
        pass

    def release(self) -> None:
        pass


@pytest.mark.parametrize("records", [True, False], ids=["recorded", "launched"])
@pytest.mark.parametrize("repetition_s", [2e-6, 3e-4, 0.02])
def test_repetitions_are_the_calls_made(records: bool, repetition_s: float) -> None:
    clock, made = VirtualClock(), [0, 0, 0]

    def call(index: int) -> Callable[[], None]:
        def run() -> None:
            made[index] += 1
            clock.wait(repetition_s)

        return run

    loop = KernelLoop([call(index) for index in range(3)], Recorder(records=records), clock)
    loop.warm_up(0.1)
    assert loop.repetition_s == pytest.approx(repetition_s)
    before, began_s = sum(made), clock.now_s()
    repetitions = loop.run(1.0)
    assert repetitions == sum(made) - before
    assert clock.now_s() - began_s == pytest.approx(repetitions * repetition_s)
    # At most one recording too long.
    assert 1.0 - 1e-9 <= clock.now_s() - began_s <= 1.0 + MOST_CALLS_IN_GRAPH * min(repetition_s, 1e-3) + repetition_s
    assert max(made) - min(made) <= 1


def test_only_short_calls_are_recorded_and_once() -> None:
    clock = VirtualClock()
    short, long = Recorder(records=True), Recorder(records=True)
    for runtime, repetition_s in ((short, 1e-4), (long, 5e-3)):
        loop = KernelLoop([lambda wait=repetition_s: clock.wait(wait)], runtime, clock)
        loop.warm_up(0.05)
        loop.warm_up(0.05)
    assert (len(short.recorded), len(long.recorded)) == (1, 0)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_duty_cycle_is_busy_for_its_share_and_never_regular(share: float) -> None:
    clock = VirtualClock()
    busy: list[tuple[float, float]] = []

    def call() -> None:
        began_s = clock.now_s()
        clock.wait(1e-4)
        busy.append((began_s, clock.now_s()))

    cycle = DutyCycle(KernelLoop([call], Recorder(records=False), clock), share, clock, seed=5)
    cycle.warm_up(4.0)
    busy.clear()
    began_s = clock.now_s()
    repetitions = cycle.run(12.0)
    assert repetitions * 1e-4 / (clock.now_s() - began_s) == pytest.approx(share, rel=1e-6)
    starts = [began for (_, ended), (began, _) in itertools.pairwise(busy) if began - ended > 1e-9]
    periods = [after - before for before, after in itertools.pairwise(starts)]
    assert len({round(period, 4) for period in periods}) == len(periods) >= 4
    assert all(1.0 <= period <= 2.1 for period in periods)


def test_operands_come_from_memory_unless_they_are_to_stay_in_the_cache() -> None:
    cache_bytes = 60e6
    for point in gpu_points(cache_bytes, "bf16"):
        if point.family in {"idle", "idle_context", "comm_wait"}:
            continue
        sets = operand_sets(point, cache_bytes)
        if point.cached:
            assert sets == 1
            assert operand_bytes(point) < cache_bytes
        else:
            # The smallest points would need thousands of sets; none of them is in a plan's fit of memory rates.
            assert sets * operand_bytes(point) >= 3 * cache_bytes or sets == 64


@pytest.mark.parametrize(("inputs", "values"), [("zeros", {0.0}), ("low_entropy", {-1.0, 1.0})])
def test_values_of_operands(inputs: Any, values: set[float]) -> None:
    made = Operands(torch.device("cpu"), inputs, seed=1).make(33, 65, dtype=torch.bfloat16)
    assert set(made.float().unique().tolist()) == values


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float8_e4m3fn])
def test_normal_operands_have_unit_variance_and_a_place_of_their_own(dtype: torch.dtype) -> None:
    operands = Operands(torch.device("cpu"), "normal", seed=1)
    first, second = (operands.make(300, 300, dtype=dtype) for _ in range(2))
    assert first.float().std().item() == pytest.approx(1.0, abs=0.02)
    assert first.float().mean().item() == pytest.approx(0.0, abs=0.02)
    assert first.data_ptr() != second.data_ptr()
    again = Operands(torch.device("cpu"), "normal", seed=1).make(300, 300, dtype=dtype)
    assert torch.equal(first.float(), again.float())


def test_large_operands_repeat_a_drawn_block() -> None:
    made = Operands(torch.device("cpu"), "normal", seed=1).make(DRAWN_VALUES + 7, dtype=torch.float32)
    assert torch.equal(made[DRAWN_VALUES:], made[:7])


@pytest.mark.parametrize("kind", ["cuda", "cpu"])
def test_time_running_out_takes_no_point_that_a_fit_needs(kind: Any) -> None:
    points = gpu_points(60e6, "bf16") if kind == "cuda" else processor_points(32e6, ("fp32",))
    plan = make_plan(points, kind, "full", seed=4)
    firsts = [plan.points[entry.point] for entry in plan.order if entry.replicate == 0]
    tiers = [point.tier > LEAST for point in firsts if point.family != "idle"]
    assert tiers == sorted(tiers)
    assert 0 < sum(tiers) < len(tiers)
