"""Steps under a power cap: closed forms, conservation of energy and work, limits."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulator.physics.accelerator_power import (
    MINIMUM_CLOCK,
    StepLoad,
    energy_roofline_j,
    run_step,
    two_term_power_w,
)

STATIC_W = 100.0
EXPONENT = 2.5

seconds = st.one_of(st.just(0.0), st.floats(1e-5, 10.0))
loads = st.builds(
    StepLoad,
    gemm_compute_s=seconds,
    gemm_memory_s=seconds,
    sharpness=st.sampled_from([1.0, 1.4, 3.0, math.inf]),
    compute_s=seconds,
    fixed_s=st.floats(1e-4, 10.0),
    core_energy_j=st.floats(0.0, 1e4),
    other_energy_j=st.floats(0.0, 1e3),
)
exponents = st.floats(1.1, 4.0)
caps = st.floats(STATIC_W + 1.0, 3000.0)


def compute_bound(power_w: float, other_w: float = 0.0) -> StepLoad:
    """One second of arithmetic whose core and other dynamic power add up to `power_w` above static."""
    return StepLoad(1.0, 0.0, math.inf, 0.0, 0.0, core_energy_j=power_w - other_w, other_energy_j=other_w)


# --- properties


@given(loads, exponents, caps)
def test_the_cap_holds_and_energy_is_that_of_its_parts(load: StepLoad, exponent: float, cap_w: float) -> None:
    outcome = run_step(load, STATIC_W, exponent, cap_w)
    # The clock is bisected to the last place, so power meets the cap to rounding and never passes it by more.
    assert outcome.energy_j <= cap_w * outcome.time_s * (1.0 + 1e-12)
    assert outcome.energy_j >= STATIC_W * outcome.time_s * (1.0 - 1e-12)
    core_j = load.core_energy_j * outcome.clock ** (exponent - 1.0)
    parts_j = STATIC_W * outcome.time_s + core_j + load.other_energy_j
    assert outcome.energy_j == pytest.approx(parts_j, rel=1e-12)
    assert MINIMUM_CLOCK <= outcome.clock <= 1.0
    assert outcome.time_s >= load.time_s() * (1.0 - 1e-12)


@given(loads, exponents, caps)
def test_a_clock_below_one_solves_its_equation(load: StepLoad, exponent: float, cap_w: float) -> None:
    outcome = run_step(load, STATIC_W, exponent, cap_w)
    free = run_step(load, STATIC_W, exponent, math.inf)
    if outcome.clock == 1.0:
        # Either the cap does not bind, or the energy above static is not the core's to save.
        assert free.energy_j <= cap_w * free.time_s * (1.0 + 1e-12)
        assert outcome == free
    else:
        # The last place of the clock moves power by a few units of its own last place.
        assert outcome.energy_j / outcome.time_s == pytest.approx(cap_w, rel=1e-12)


@given(loads, exponents, caps, caps)
def test_a_lower_cap_is_never_faster(load: StepLoad, exponent: float, one_w: float, other_w: float) -> None:
    low, high = sorted((one_w, other_w))
    slow, fast = (run_step(load, STATIC_W, exponent, cap) for cap in (low, high))
    assert slow.time_s >= fast.time_s * (1.0 - 1e-12)
    assert slow.clock <= fast.clock


@given(loads, exponents, caps, st.floats(0.01, 100.0))
def test_twice_the_work_takes_twice_as_long(load: StepLoad, exponent: float, cap_w: float, factor: float) -> None:
    times = {name: factor * getattr(load, name) for name in load.__dataclass_fields__ if name != "sharpness"}
    one = run_step(load, STATIC_W, exponent, cap_w)
    scaled = run_step(replace(load, **times), STATIC_W, exponent, cap_w)
    assume(one.time_s > 0.0)
    # Scaling rounds each part on its own, which moves the clock in its last places.
    assert scaled.time_s == pytest.approx(factor * one.time_s, rel=1e-9)
    assert scaled.energy_j == pytest.approx(factor * one.energy_j, rel=1e-9)


# --- closed forms


@pytest.mark.parametrize("cap_w", [150.0, 300.0, 599.0])
@pytest.mark.parametrize("exponent", [2.0, 2.5, 3.0])
def test_arithmetic_alone_follows_the_power_law(cap_w: float, exponent: float) -> None:
    """Time ~ 1/g and energy ~ g^(x-1) give power ~ g^x: g = ((cap - static) / (P - static))^(1/x), T = 1/g."""
    outcome = run_step(compute_bound(500.0), STATIC_W, exponent, cap_w)
    clock = ((cap_w - STATIC_W) / 500.0) ** (1.0 / exponent)
    assert outcome.clock == pytest.approx(clock, rel=1e-12)
    assert outcome.time_s == pytest.approx(1.0 / clock, rel=1e-12)
    assert outcome.energy_j == pytest.approx(cap_w / clock, rel=1e-12)


@pytest.mark.parametrize("cap_w", [150.0, 300.0])
def test_memory_bound_work_saves_energy_without_taking_longer(cap_w: float) -> None:
    """Time stays 1 s while the core's energy falls as g^(x-1): g = ((cap - static - other) / core)^(1/(x-1))."""
    load = StepLoad(0.1, 1.0, math.inf, 0.0, 0.0, core_energy_j=480.0, other_energy_j=20.0)
    outcome = run_step(load, STATIC_W, EXPONENT, cap_w)
    assert outcome.clock == pytest.approx(((cap_w - STATIC_W - 20.0) / 480.0) ** (1.0 / (EXPONENT - 1.0)), rel=1e-12)
    assert outcome.time_s == 1.0
    assert outcome.energy_j == pytest.approx(cap_w, rel=1e-12)


def test_memory_bound_work_hardly_slows_where_arithmetic_does() -> None:
    """At 60 % of 500 W above static: arithmetic takes (1/0.6)^(1/2.5) = 1.227 as long, reading below 2 % more."""
    arithmetic = run_step(compute_bound(500.0), STATIC_W, EXPONENT, 400.0)
    reading = run_step(
        StepLoad(0.1, 1.0, 1.5, 0.0, 0.0, core_energy_j=500.0, other_energy_j=0.0), STATIC_W, EXPONENT, 400.0
    )
    assert arithmetic.time_s == pytest.approx(1.227, abs=5e-4)
    free_s = (1.0 + 0.1**1.5) ** (1.0 / 1.5)
    assert 1.0 < reading.time_s / free_s < 1.02


def test_other_time_that_follows_the_clock_counts_like_products() -> None:
    products = run_step(compute_bound(500.0), STATIC_W, EXPONENT, 300.0)
    attention = run_step(
        StepLoad(0.0, 0.0, 1.5, 1.0, 0.0, core_energy_j=500.0, other_energy_j=0.0), STATIC_W, EXPONENT, 300.0
    )
    assert attention.time_s == pytest.approx(products.time_s, rel=1e-12)


def test_work_below_the_lowest_clock_is_duty_cycled() -> None:
    """Core energy at the lowest clock is 500 x 0.15^1.5 = 29.05 J; with 60 J beside it and 5 W to spare: 17.81 s."""
    load = compute_bound(560.0, other_w=60.0)
    outcome = run_step(load, STATIC_W, EXPONENT, STATIC_W + 5.0)
    assert outcome.clock == MINIMUM_CLOCK
    assert outcome.time_s == pytest.approx((500.0 * 0.15**1.5 + 60.0) / 5.0, rel=1e-12)
    assert outcome.energy_j == pytest.approx(105.0 * outcome.time_s, rel=1e-12)
    assert outcome.time_s > load.time_s(MINIMUM_CLOCK)


def test_time_does_not_jump_where_duty_cycling_begins() -> None:
    """At the lowest clock 1 s of arithmetic takes 1 / 0.15 s; the cap that asks for exactly that is the border."""
    load = compute_bound(500.0)
    border_w = STATIC_W + 500.0 * MINIMUM_CLOCK**EXPONENT
    for cap_w in (border_w * (1.0 - 1e-9), border_w * (1.0 + 1e-9)):
        assert run_step(load, STATIC_W, EXPONENT, cap_w).time_s == pytest.approx(1.0 / MINIMUM_CLOCK, rel=1e-5)


@pytest.mark.parametrize("cap_w", [99.0, 100.0])
def test_a_cap_without_room_for_work_is_refused(cap_w: float) -> None:
    with pytest.raises(ValueError, match=r"cap_w must exceed the static power 100.0 W, got"):
        run_step(compute_bound(500.0), STATIC_W, EXPONENT, cap_w)


# --- the delivered limit


def test_fitted_energy_above_the_limit_is_cut_to_it() -> None:
    """2 s at 400 W, 100 W of them static, leave 600 J: half of 1,200 J; both kinds shrink alike and time stays."""
    load = StepLoad(1.0, 0.0, 1.5, 0.0, 1.0, core_energy_j=900.0, other_energy_j=300.0)
    within = load.within(STATIC_W, 400.0)
    assert within == replace(load, core_energy_j=450.0, other_energy_j=150.0)
    assert load.within(STATIC_W, 700.0) is load


@given(loads, exponents, caps)
def test_within_the_limit_the_clock_stays_at_one(load: StepLoad, exponent: float, cap_w: float) -> None:
    outcome = run_step(load.within(STATIC_W, cap_w), STATIC_W, exponent, cap_w * (1.0 + 1e-9))
    assert outcome.clock == 1.0
    assert outcome.time_s == load.time_s()
    assert outcome.energy_j <= cap_w * outcome.time_s * (1.0 + 1e-12)


# --- reference vectors


def test_energy_roofline() -> None:
    """Reference vector gpu-001 (Choi et al. 2013); 1.2 J + 0.2 J + 120 W x 4e12 / 989e12 s."""
    energy_j = energy_roofline_j(4e12, 1e10, (989e12, 4.8e12), (3e-13, 2e-11, 120.0))
    assert energy_j == pytest.approx(1.8853387, abs=1e-6)  # The tolerance of the vector.
    # Sixteen times the traffic turns the kernel memory-bound: 1.2 J + 3.2 J + 120 W x 1.6e11 / 4.8e12 s.
    assert energy_roofline_j(4e12, 1.6e11, (989e12, 4.8e12), (3e-13, 2e-11, 120.0)) == pytest.approx(8.4, rel=1e-12)


def test_two_term_power() -> None:
    """Reference vector gpu-002: 110 + 0.9 x 430 + 0.4 x 170 W; at full activity of both the cap of 700 W holds."""
    assert two_term_power_w((0.9, 0.4), (430.0, 170.0), 110.0, 700.0) == pytest.approx(565.0, abs=1e-9)
    assert two_term_power_w((1.0, 1.0), (430.0, 170.0), 110.0, 700.0) == 700.0
    assert two_term_power_w((0.0, 0.0), (430.0, 170.0), 110.0, 700.0) == 110.0


def test_below_the_floor_of_the_voltage_energy_per_operation_stays() -> None:
    """Above the floor P ~ f^3, below it P ~ f: 400 W of arithmetic draw 50 W at the floor of 0.5, 20 W at 0.2."""
    load = compute_bound(400.0)
    for cap_w, clock in ((STATIC_W + 400.0 * 0.8**3, 0.8), (STATIC_W + 50.0, 0.5), (STATIC_W + 20.0, 0.2)):
        outcome = run_step(load, STATIC_W, 3.0, cap_w, 0.5)
        assert outcome.clock == pytest.approx(clock, rel=1e-9)
        assert outcome.time_s == pytest.approx(1.0 / clock, rel=1e-9)
        assert outcome.energy_j / outcome.time_s == pytest.approx(cap_w, rel=1e-9)


@given(loads, exponents, caps, st.floats(0.0, 1.0))
def test_a_floor_never_speeds_a_step_up(load: StepLoad, exponent: float, cap_w: float, floor: float) -> None:
    free, held = run_step(load, STATIC_W, exponent, cap_w), run_step(load, STATIC_W, exponent, cap_w, floor)
    assert held.time_s >= free.time_s * (1.0 - 1e-12)
    assert held.energy_j <= cap_w * held.time_s * (1.0 + 1e-12)
