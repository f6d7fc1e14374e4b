"""Energy of a training step, by hand on a device of round numbers, under caps and at published rates."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.accelerator import Accelerator
from simulator.physics.training_energy import StepUse, step_use
from simulator.physics.training_plan import Step, Work

# Of the device: 50 W idle, 80 W idle with its context, 200 W polling, 100 W static, at most 400 W; 1 pJ per operation,
# 100 pJ per byte (three quarters of it follow the clock), 10 pJ per byte sent; exponent 2.5.


def step(work: Work, bubble_s: float = 0.0, overhead_s: float = 0.0) -> Step:
    time_s = work.compute_s + work.exposed_s + bubble_s + overhead_s
    return Step(work, bubble_s, overhead_s, time_s, model_flop=1e15)


WORK = Work(
    compute_s=10.0,
    clock_s=10.0,
    exposed_s=2.0,
    flop=0.8e15,
    sixteen_bit_flop=0.2e15,
    memory_bytes=4e12,
    link_bytes=1e12,
    network_bytes=3e9,
)
STEP = step(WORK, bubble_s=3.0, overhead_s=1.0)


def test_energy_by_hand(ideal: Accelerator) -> None:
    """10 s x 100 W + 1e15 x 1 pJ + 4e12 x 100 pJ; 2 s x 200 W + 1e12 x 10 pJ; 3 s x 200 W + 1 s x 80 W."""
    use = step_use(STEP, ideal, 400.0)
    assert use.compute_j == pytest.approx(1000 + 1000 + 400, rel=1e-12)
    assert use.transfer_j == pytest.approx(400 + 10, rel=1e-12)
    assert use.wait_j == pytest.approx(600 + 80, rel=1e-12)
    assert use.energy_j == pytest.approx(3490, rel=1e-12)
    assert (use.time_s, use.busy_s, use.network_bytes) == (16.0, 12.0, 3e9)


def test_formats_have_their_own_energy(ideal: Accelerator) -> None:
    narrow = replace(ideal, joules_per_flop=0.5e-12)
    assert step_use(STEP, ideal, 400.0).compute_j - step_use(STEP, narrow, 400.0).compute_j == pytest.approx(400.0)


def test_energy_beyond_the_delivered_limit_is_cut(ideal: Accelerator) -> None:
    """5e15 operations ask for 5 kJ in 10 s; 400 W leave 3 kJ above static power, and the measured time stays."""
    use = step_use(step(replace(WORK, flop=5e15)), ideal, 400.0)
    assert use.compute_j == pytest.approx(4000.0, rel=1e-12)
    assert use.busy_s == 12.0


def test_a_cap_slows_arithmetic_and_the_pipeline_with_it(ideal: Accelerator) -> None:
    """Arithmetic alone at 140 W above static: half of that takes 2^(1/2.5) as long, and whoever waits waits so long."""
    work = Work(compute_s=10.0, clock_s=10.0, flop=1.4e15)
    use = step_use(step(work, bubble_s=3.0, overhead_s=1.0), ideal, 170.0)
    slower = 2.0 ** (1.0 / 2.5)
    assert use.busy_s == pytest.approx(10.0 * slower, rel=1e-12)
    assert use.time_s == pytest.approx(13.0 * slower + 1.0, rel=1e-12)
    assert use.compute_j == pytest.approx(170.0 * 10.0 * slower, rel=1e-12)


def test_exposed_time_dilutes_the_slowdown_of_waiting_stages(ideal: Accelerator) -> None:
    """Stages wait for their neighbours, whose exchanges a cap does not slow: 10 of 30 s take 2^(1/2.5) as long."""
    work = Work(compute_s=10.0, clock_s=10.0, exposed_s=20.0, flop=1.4e15)
    use = step_use(step(work, bubble_s=6.0), ideal, 170.0)
    busy_s = 20.0 + 10.0 * 2.0**0.4
    assert use.busy_s == pytest.approx(busy_s, rel=1e-12)
    assert use.time_s == pytest.approx(busy_s * 1.2, rel=1e-12)


def test_polling_draws_no_more_than_the_cap(ideal: Accelerator) -> None:
    """Kernels that spin at 200 W are held to 150 W like all others."""
    use = step_use(step(Work(compute_s=1.0, exposed_s=2.0), bubble_s=3.0), ideal, 150.0)
    assert use.transfer_j == pytest.approx(2.0 * 150.0, rel=1e-12)
    assert use.wait_j == pytest.approx(3.0 * 150.0, rel=1e-12)


def test_a_memory_bound_step_saves_energy_at_the_same_speed(ideal: Accelerator) -> None:
    """20e12 bytes of 100 pJ: 1,500 J follow the clock, 500 J do not. At 200 W, 500 J remain of the 1,500 J."""
    use = step_use(step(Work(compute_s=10.0, memory_bytes=20e12)), ideal, 200.0)
    assert use.time_s == 10.0
    assert use.compute_j == pytest.approx(2000.0, rel=1e-12)


@given(st.floats(1.0, 20.0))
def test_a_published_rate_stretches_time_and_keeps_operations(ideal: Accelerator, factor: float) -> None:
    """Longer by a factor: static power and polling last so much longer, operations and traffic cost what they cost."""
    use = step_use(STEP, ideal, 400.0, stretched_to_s=factor * 16.0)
    assert use.time_s == pytest.approx(factor * 16.0, rel=1e-12)
    assert use.busy_s == pytest.approx(factor * 12.0, rel=1e-12)
    assert use.compute_j == pytest.approx(factor * 1000 + 1400, rel=1e-12)
    assert use.transfer_j == pytest.approx(factor * 400 + 10, rel=1e-12)
    assert use.wait_j == pytest.approx(factor * 680, rel=1e-12)
    assert use.network_bytes == 3e9


def test_a_faster_published_rate_stays_within_the_limit(ideal: Accelerator) -> None:
    """At a quarter of the time, 1,400 J in 2.5 s would be 660 W: the limit of 400 W is what the board has."""
    use = step_use(STEP, ideal, 400.0, stretched_to_s=4.0)
    assert use.time_s == pytest.approx(4.0, rel=1e-12)
    assert use.compute_j == pytest.approx(400.0 * 2.5, rel=1e-12)


def test_a_cap_slows_a_published_rate_too(ideal: Accelerator) -> None:
    work = Work(compute_s=10.0, clock_s=10.0, flop=2.8e15)
    use = step_use(step(work), ideal, 170.0, stretched_to_s=20.0)
    assert use.time_s == pytest.approx(20.0 * 2.0**0.4, rel=1e-12)


@given(st.floats(150.0, 400.0), st.floats(150.0, 400.0))
def test_a_lower_cap_is_never_faster(ideal: Accelerator, one_w: float, other_w: float) -> None:
    hot = step(replace(WORK, flop=2.5e15, clock_s=7.0), bubble_s=3.0)
    slow, fast = (step_use(hot, ideal, cap_w) for cap_w in sorted((one_w, other_w)))
    assert slow.time_s >= fast.time_s * (1.0 - 1e-12)
    for use, cap_w in zip((slow, fast), sorted((one_w, other_w)), strict=True):
        assert mean_w(use) <= cap_w * (1.0 + 1e-12) + 10.0 / use.time_s  # 10 J of the link come on top.


def mean_w(use: StepUse) -> float:
    return use.energy_j / use.time_s


def test_a_step_without_waiting_waits_for_nothing(ideal: Accelerator) -> None:
    use = step_use(step(Work(compute_s=1.0)), ideal, math.inf)
    assert (use.transfer_j, use.wait_j) == (0.0, 0.0)
    assert mean_w(use) == 100.0
