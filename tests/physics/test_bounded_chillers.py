"""Published curves inside their box, and the three rules outside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.bounded_chillers import OutOfRange, bounded_capacity_w, bounded_power_w
from simulator.physics.carnot_chillers import CarnotMachine, carnot_limit_cop
from simulator.physics.chillers import CARRIER_19XR_1407KW, CARRIER_30RB_1326KW, EirChiller, eir_operation, inside_box

WATER = (CARRIER_19XR_1407KW, CarnotMachine(0.62, 1.5, 1.5 + 5.56, minimum_lift_k=10.0, maximum_cop=14.0))
AIR = (CARRIER_30RB_1326KW, CarnotMachine(0.42, 2.0, 12.0, minimum_lift_k=10.0, maximum_cop=14.0))
machines = st.sampled_from([WATER, AIR])
rules = st.sampled_from([OutOfRange.CLAMP, OutOfRange.CARNOT])


def power(
    machine: tuple[EirChiller, CarnotMachine], load: float, cold_c: float, hot_c: float, rule: OutOfRange
) -> float:
    """Return the power at a load over reference capacity."""
    chiller, carnot = machine
    return bounded_power_w(chiller, carnot, load * chiller.reference_capacity_w, cold_c, hot_c, beyond=rule)


@given(machines, st.sampled_from(OutOfRange), st.floats(0.01, 1.0), st.floats(0, 1), st.floats(0, 1))
def test_inside_the_box_all_rules_are_the_curves(
    machine: tuple[EirChiller, CarnotMachine], rule: OutOfRange, load: float, u: float, v: float
) -> None:
    chiller, _ = machine
    (low_c, high_c), (cool_c, hot_c) = chiller.chilled_water_range_c, chiller.condenser_range_c
    # The ends themselves belong to the box; rounding of their product must not leave it.
    cold_c, condenser_c = min(low_c + u * (high_c - low_c), high_c), min(cool_c + v * (hot_c - cool_c), hot_c)
    assert inside_box(chiller, cold_c, condenser_c)
    expected_w = eir_operation(chiller, load * chiller.reference_capacity_w, cold_c, condenser_c).power_w
    assert power(machine, load, cold_c, condenser_c, rule) == expected_w


@given(machines, st.floats(0.05, 1.0), st.floats(4.0, 40.0), st.floats(-20.0, 55.0), st.floats(0.0, 5.0))
def test_power_never_falls_with_the_condenser_by_more_than_the_fit(
    machine: tuple[EirChiller, CarnotMachine], load: float, cold_c: float, hot_c: float, warmer_k: float
) -> None:
    # The published fit dips by up to 1 % per kelvin at the cold edge of its box; beyond it the scale by
    # Carnot adds no dip of its own, down to water that is about to freeze.
    cool, warm = (power(machine, load, cold_c, t, OutOfRange.CARNOT) for t in (hot_c, hot_c + warmer_k))
    assert warm >= cool * (1.0 - 0.01 * warmer_k - 1e-9)


@given(machines, rules, st.floats(0.01, 1.0), st.floats(1.0, 1.3), st.floats(0.0, 40.0), st.floats(-20.0, 55.0))
def test_power_never_falls_with_load(
    machine: tuple[EirChiller, CarnotMachine], rule: OutOfRange, load: float, more: float, cold_c: float, hot_c: float
) -> None:
    less_w, more_w = (power(machine, x, cold_c, hot_c, rule) for x in (load, load * more))
    assert more_w >= less_w * (1.0 - 1e-12)


@given(machines, st.floats(0.05, 1.0), st.floats(2.0, 30.0), st.floats(-10.0, 50.0))
def test_second_law(machine: tuple[EirChiller, CarnotMachine], load: float, cold_c: float, hot_c: float) -> None:
    if hot_c <= cold_c:
        return
    chiller, carnot = machine
    load_w = min(load * chiller.reference_capacity_w, bounded_capacity_w(chiller, cold_c, hot_c))
    cop = load_w / bounded_power_w(chiller, carnot, load_w, cold_c, hot_c, beyond=OutOfRange.CARNOT)
    assert cop <= min(carnot_limit_cop(cold_c, hot_c), max(carnot.maximum_cop, chiller.reference_cop * 3.0))


@pytest.mark.parametrize("machine", [WATER, AIR])
def test_carnot_is_continuous_at_the_edge(machine: tuple[EirChiller, CarnotMachine]) -> None:
    chiller, _ = machine
    high_c, cool_c = chiller.chilled_water_range_c[1], chiller.condenser_range_c[0]
    at, beyond = (power(machine, 0.7, high_c + d, cool_c - d, OutOfRange.CARNOT) for d in (0.0, 1e-6))
    assert beyond == pytest.approx(at, rel=1e-6)
    assert power(machine, 0.7, high_c + 8.0, cool_c, OutOfRange.CARNOT) < 0.9 * at
    assert power(machine, 0.7, high_c + 8.0, cool_c, OutOfRange.CLAMP) == at


def test_error_names_the_box() -> None:
    with pytest.raises(ValueError, match=r"18.00 degC and 25.00 degC .* from 4.44 to 10 and from 12.78 to 32.22"):
        power(WATER, 0.5, 18.0, 25.0, OutOfRange.ERROR)


def test_no_load_no_power() -> None:
    assert power(WATER, 0.0, 7.0, 25.0, OutOfRange.ERROR) == 0.0
