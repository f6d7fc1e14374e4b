"""YorkCalc, its inverses, and the fan that holds a setpoint."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulator.physics import yorkcalc
from simulator.physics.towers import (
    TowerFan,
    design_water_flow_ratio,
    full_fan_approach_k,
    full_fan_curve,
    outside_correlation,
    tower_operation,
)

FAN = TowerFan(minimum_air_fraction=0.2, free_convection_fraction=0.125)

wet_bulbs = st.floats(-34.0, 26.6)
ranges = st.floats(1.2, 12.0)
water_ratios = st.floats(0.75, 1.25)


@pytest.mark.parametrize(
    ("range_k", "wet_bulb_c", "ratio", "expected_k"),
    [
        # Reference vectors twr-001 and twr-002, computed from the published table.
        (5.5556, 25.56, 1.0, 3.84014),
        (5.56, 15.0, 1.25, 8.09),
    ],
)
def test_published_correlation(range_k: float, wet_bulb_c: float, ratio: float, expected_k: float) -> None:
    # Printed to five digits or fewer.
    assert yorkcalc.approach_k(range_k, wet_bulb_c, ratio) == pytest.approx(expected_k, abs=1e-5)


def test_every_coefficient_stands_at_its_place() -> None:
    # The order printed by EnergyPlus: wet bulb runs fastest, then range, then liquid/gas ratio.
    t, r, ratio = 11.0, 4.0, 1.7
    flat = [c for by_range in yorkcalc.COEFFICIENTS for by_wet_bulb in by_range for c in by_wet_bulb]
    total = sum(c * ratio ** (i // 9) * r ** (i // 3 % 3) * t ** (i % 3) for i, c in enumerate(flat))
    assert len(flat) == 27
    assert flat[:4] == [-0.359741205, -0.055053608, 0.0023850432, 0.173926877]
    assert flat[9] == 2.84765801111111
    assert flat[26] == -0.000001516821552
    assert yorkcalc.approach_k(r, t, ratio) == pytest.approx(total, rel=1e-12)
    assert yorkcalc.approach_in(yorkcalc.slice_at(t), r, ratio) == pytest.approx(total, rel=1e-12)


def test_arrays_give_what_scalars_give() -> None:
    r, t, ratio = np.array([2.0, 5.56, 20.0]), np.array([-10.0, 15.0, 25.0]), np.array([0.8, 1.0, 5.0])
    together = yorkcalc.approach_k(r, t, ratio)
    assert together.tolist() == pytest.approx(
        [yorkcalc.approach_k(float(a), float(b), float(c)) for a, b, c in zip(r, t, ratio, strict=True)], rel=1e-12
    )


@pytest.mark.parametrize(
    ("range_k", "wet_bulb_c", "ratio"), [(1.0, 15.0, 1.0), (22.3, 15.0, 1.0), (5.0, 26.8, 1.0), (5.0, 15.0, 8.1)]
)
def test_outside_its_limits_the_correlation_is_refused(range_k: float, wet_bulb_c: float, ratio: float) -> None:
    with pytest.raises(ValueError, match=r"must be in \["):
        yorkcalc.approach_k(range_k, wet_bulb_c, ratio)


@given(wet_bulbs, st.floats(1.2, 7.0), st.floats(0.3, 6.0))
def test_liquid_gas_ratio_is_the_inverse_of_the_approach(wet_bulb_c: float, range_k: float, ratio: float) -> None:
    at = yorkcalc.slice_at(wet_bulb_c)
    found = yorkcalc.liquid_gas_ratio_in(at, range_k, yorkcalc.approach_in(at, range_k, ratio))
    assert found == pytest.approx(ratio, rel=1e-9)


@given(wet_bulbs, st.floats(1.2, 20.0), water_ratios)
def test_range_is_the_inverse_of_entering_water(wet_bulb_c: float, range_k: float, ratio: float) -> None:
    at = yorkcalc.slice_at(wet_bulb_c)
    entering_k = range_k + yorkcalc.approach_in(at, range_k, ratio)
    assert yorkcalc.range_in(at, ratio, entering_k) == pytest.approx(range_k, rel=1e-9)


def test_an_approach_that_no_air_flow_gives_returns_the_highest() -> None:
    at = yorkcalc.slice_at(0.0)
    highest = yorkcalc.liquid_gas_ratio_in(at, 12.0, 1e3)
    values = [yorkcalc.approach_in(at, 12.0, x) for x in np.linspace(0.5, 8.0, 400)]
    assert yorkcalc.approach_in(at, 12.0, highest) == pytest.approx(max(values), rel=1e-5)


def test_nominal_tower_runs_at_its_reference_flow() -> None:
    # Modelica Buildings, CoolingTowers.YorkCalc: approach 3.89 K at 25.55 degC and a range of 5.56 K.
    assert design_water_flow_ratio(3.89, 5.56, 25.55) == pytest.approx(1.01, abs=0.01)


def test_a_tower_beyond_the_correlation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"water flow ratio of a tower with approach 1.5 K must be in \[0.75, 1.25\]"):
        design_water_flow_ratio(1.5, 5.56, 25.0)


@given(wet_bulbs, ranges, water_ratios, st.floats(0.5, 40.0))
def test_setpoint_is_met_exactly_or_the_fan_is_full(
    wet_bulb_c: float, range_k: float, water_ratio: float, above_k: float
) -> None:
    at = yorkcalc.slice_at(wet_bulb_c)
    point = tower_operation(FAN, at, wet_bulb_c, range_k, water_ratio, wet_bulb_c + above_k)
    full_c = wet_bulb_c + full_fan_approach_k(full_fan_curve(at, water_ratio), range_k)
    assert 0.0 <= point.on_fraction <= 1.0
    if full_c >= wet_bulb_c + above_k:
        assert (point.leaving_c, point.air_fraction, point.on_fraction) == (full_c, 1.0, 1.0)
    else:
        assert point.leaving_c == wet_bulb_c + above_k
    if FAN.minimum_air_fraction < point.air_fraction < 1.0:
        # The modulating fan gives the wanted approach by the correlation itself, not by its inverse.
        given_k = yorkcalc.approach_in(at, range_k, water_ratio / point.air_fraction)
        assert given_k == pytest.approx(above_k, rel=1e-9, abs=1e-9)


@given(wet_bulbs, ranges, water_ratios, st.floats(0.5, 38.0), st.floats(0.0, 5.0))
def test_a_warmer_setpoint_never_needs_more_fan(
    wet_bulb_c: float, range_k: float, water_ratio: float, above_k: float, warmer_k: float
) -> None:
    at = yorkcalc.slice_at(wet_bulb_c)

    def work(setpoint_k: float) -> float:
        point = tower_operation(FAN, at, wet_bulb_c, range_k, water_ratio, wet_bulb_c + setpoint_k)
        return point.on_fraction * point.air_fraction**3

    assert work(above_k + warmer_k) <= work(above_k) + 1e-9


def test_four_branches_in_the_order_of_energyplus() -> None:
    at = yorkcalc.slice_at(10.0)
    assert tower_operation(FAN, at, 10.0, 5.56, 1.0, 15.0).air_fraction == 1.0
    modulating = tower_operation(FAN, at, 10.0, 5.56, 1.0, 20.0)
    assert 0.2 < modulating.air_fraction < 1.0
    cycling = tower_operation(FAN, at, 10.0, 1.5, 1.0, 28.0)
    assert cycling.air_fraction == 0.2
    assert 0.0 < cycling.on_fraction < 1.0
    off = tower_operation(FAN, at, 10.0, 1.2, 1.0, 34.0)
    assert (off.air_fraction, off.on_fraction, off.leaving_c) == (0.0, 0.0, 34.0)


def test_cycling_rejects_the_heat_on_average() -> None:
    # Independent of the inverse: mix the ranges of fan off and fan at its minimum, each found by bisection.
    wet_bulb_c, range_k, setpoint_c = 10.0, 1.5, 28.0
    at = yorkcalc.slice_at(wet_bulb_c)

    def range_at(ratio: float) -> float:
        low, high = 0.0, 30.0
        for _ in range(80):
            middle = 0.5 * (low + high)
            entering = wet_bulb_c + yorkcalc.approach_in(at, middle, ratio) + middle
            low, high = (middle, high) if entering < setpoint_c + range_k else (low, middle)
        return low

    point = tower_operation(FAN, at, wet_bulb_c, range_k, 1.0, setpoint_c)
    off_k, on_k = FAN.free_convection_fraction * range_at(1.0), range_at(1.0 / FAN.minimum_air_fraction)
    assert point.air_fraction == FAN.minimum_air_fraction
    assert point.on_fraction * on_k + (1.0 - point.on_fraction) * off_k == pytest.approx(range_k, rel=1e-9)


def test_inputs_outside_the_correlation_are_bounded_and_told() -> None:
    at = yorkcalc.slice_at(30.0)
    assert at == yorkcalc.slice_at(26.67)
    assert outside_correlation(30.0, 5.0, 1.0)
    assert outside_correlation(20.0, 1.0, 1.0)
    assert outside_correlation(20.0, 5.0, 1.3)
    assert not outside_correlation(20.0, 5.0, 1.0)
    assert full_fan_approach_k(full_fan_curve(at, 1.0), 0.1) == full_fan_approach_k(full_fan_curve(at, 1.0), 1.11)


def test_minimum_air_must_stay_inside_the_liquid_gas_limit() -> None:
    with pytest.raises(ValueError, match="minimum_air_fraction"):
        TowerFan(minimum_air_fraction=0.1, free_convection_fraction=0.125)


@given(wet_bulbs, ranges, water_ratios)
def test_leaving_water_never_falls_with_heat(wet_bulb_c: float, range_k: float, water_ratio: float) -> None:
    # In the box and at the water ratios of a tower the approach at full fan grows with the range.
    assume(range_k < 11.0)
    curve = full_fan_curve(yorkcalc.slice_at(wet_bulb_c), water_ratio)
    assert full_fan_approach_k(curve, range_k * 1.05) >= full_fan_approach_k(curve, range_k)
