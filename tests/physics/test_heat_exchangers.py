"""Effectiveness against tabulated values, limits by hand, the published dry coolers, and what falls with flow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.dry_coolers import DryCooler, dry_cooler_for, dry_cooler_operation
from simulator.physics.evaporative import direct_evaporative_leaving_c, indirect_evaporative_leaving_c
from simulator.physics.heat_exchangers import Arrangement, Exchanger, effectiveness, exchanger_for
from simulator.physics.heat_reuse import heating_demand_w, reused_heat_w
from simulator.physics.roots import bounded_root

COUNTER, CROSS = Arrangement.COUNTERFLOW, Arrangement.CROSSFLOW
units = st.floats(0.01, 8.0)
ratios = st.floats(0.0, 1.0)


def marched(arrangement: Arrangement, ntu: float, ratio: float, cells: int = 400) -> float:
    """Return the effectiveness by marching both streams through cells, hot 1 and cold 0 at the inlets.

    The hot stream has the smaller rate. Crossflow: each cell of a square sees its neighbours' outlets. Counterflow:
    the cold outlet is found by shooting, which is linear.
    """
    if arrangement is CROSS:
        cells = 120
        cold = np.zeros(cells)
        leaving = 0.0
        for _ in range(cells):
            hot = 1.0
            for j in range(cells):
                # Trapezoidal in both streams, for strips of 1 / cells of each flow.
                difference = (hot - cold[j]) / (1.0 + 0.5 * ntu / cells * (1.0 + ratio))
                hot -= ntu / cells * difference
                cold[j] += ratio * ntu / cells * difference
            leaving += hot / cells
        return 1.0 - leaving

    def inlet_of_cold(outlet: float) -> tuple[float, float]:
        hot, cold = 1.0, outlet
        for _ in range(cells):
            difference = (hot - cold) / (1.0 + 0.5 * ntu / cells * (1.0 - ratio))
            hot, cold = hot - ntu / cells * difference, cold - ratio * ntu / cells * difference
        return cold, hot

    (low, _), (high, _) = inlet_of_cold(0.0), inlet_of_cold(1.0)
    return 1.0 - inlet_of_cold(-low / (high - low))[1]


@pytest.mark.parametrize("arrangement", list(Arrangement))
@pytest.mark.parametrize(("ntu", "ratio"), [(0.5, 0.2), (1.0, 1.0), (2.0, 0.5), (3.0, 0.75), (1.5, 0.0), (4.0, 1.0)])
def test_effectiveness_by_marching(arrangement: Arrangement, ntu: float, ratio: float) -> None:
    # The crossflow form is an approximation; the largest error of these is 0.006.
    tolerance = 1e-4 if arrangement is COUNTER else 0.01
    assert effectiveness(arrangement, ntu, ratio) == pytest.approx(marched(arrangement, ntu, ratio), abs=tolerance)


@given(st.sampled_from(Arrangement), units, ratios, st.floats(1.0, 3.0))
def test_more_surface_never_hurts_and_counterflow_is_best(
    arrangement: Arrangement, ntu: float, ratio: float, more: float
) -> None:
    small, large = effectiveness(arrangement, ntu, ratio), effectiveness(arrangement, ntu * more, ratio)
    assert 0.0 < small <= large * (1.0 + 1e-9) <= 1.0 + 1e-9
    assert effectiveness(CROSS, ntu, ratio) <= effectiveness(COUNTER, ntu, ratio) + 5e-3


@given(st.sampled_from(Arrangement), st.floats(0.05, 0.8), st.floats(0.2, 5.0), st.floats(0.0, 1.0))
def test_an_exchanger_gives_its_design(arrangement: Arrangement, wanted: float, ratio: float, share: float) -> None:
    rates = (1000.0, 1000.0 * ratio)
    least, most = min(rates), max(rates)
    if wanted >= effectiveness(arrangement, 100.0, least / most):
        return
    built = exchanger_for(arrangement, wanted * least, rates, hot_resistance_fraction=share, flow_exponent=0.6)
    assert built.heat_w_per_k(*rates) == pytest.approx(wanted * least, rel=1e-9)
    assert built.heat_w_per_k(0.0, rates[1]) == 0.0


def test_conductance_follows_the_films_by_hand() -> None:
    coil = Exchanger(CROSS, 100.0, 50.0, 80.0, 0.25, 0.6)
    assert coil.conductance_at(50.0, 80.0) == pytest.approx(100.0)
    assert coil.conductance_at(25.0, 40.0) == pytest.approx(100.0 * 0.5**0.6)
    assert coil.conductance_at(50.0, 40.0) == pytest.approx(100.0 / (0.25 + 0.75 * 0.5**-0.6))


@given(st.floats(0.05, 1.0), st.floats(0.02, 1.3))
def test_cold_rate_is_the_inverse_of_heat(hot: float, wanted: float) -> None:
    coil = exchanger_for(CROSS, 600.0, (1000.0, 900.0), hot_resistance_fraction=0.2, flow_exponent=0.6)
    low, high = 90.0, 900.0
    goal = wanted * coil.heat_w_per_k(1000.0 * hot, high)
    rate = coil.cold_rate_for(goal, 1000.0 * hot, low, high)
    if wanted >= 1.0:
        assert rate == high
    elif goal <= coil.heat_w_per_k(1000.0 * hot, low):
        assert rate == low
    else:
        assert coil.heat_w_per_k(1000.0 * hot, rate) == pytest.approx(goal, rel=1e-8)


# --- dry coolers ------------------------------------------------------------------------------------------------------


def bac(air_rate_ratio: float = 0.9, heat_w: float = 2.931e6) -> DryCooler:
    """BAC Trillium TDFS1238N-C60ET40B, as the Modelica Buildings library records it."""
    return dry_cooler_for(
        heat_w,
        (35.0, 46.11, 40.55),
        air_rate_ratio,
        fan_power_ratio_w_per_w=117.68 / 2931.0,
        fan_curve=(0.0, 0.0, 0.0, 1.0),
        minimum_air_fraction=0.1,
        water_resistance_fraction=0.2,
        flow_exponent=0.6,
    )


@pytest.mark.parametrize("air_rate_ratio", [0.7, 0.9, 1.2])
def test_the_sister_machine_is_predicted(air_rate_ratio: float) -> None:
    # C60ET30B: the same coil with smaller motors, 2,514.5 kW from 50 to 40 degC at 36.2 degC. Air by the fan law.
    cooler = bac(air_rate_ratio)
    water = 2514.5e3 / 10.0
    air = cooler.coil.cold_rate_w_per_k * (89.48 / 117.68) ** (1.0 / 3.0)
    predicted_w = cooler.coil.heat_w_per_k(water, air) * (50.0 - 36.2)
    assert predicted_w == pytest.approx(2514.5e3, rel=0.04)


def test_a_dry_cooler_at_its_rating_runs_flat_out() -> None:
    point = dry_cooler_operation(bac(), 2.931e6, 2.931e6 / 5.56, 35.0, 40.0)
    assert point.leaving_c == pytest.approx(40.55, abs=1e-6)
    assert (point.air_fraction, point.on_fraction) == (1.0, 1.0)
    assert point.fan_power_w == pytest.approx(117.68e3)


@given(st.floats(1e4, 2.9e6), st.floats(-30.0, 45.0), st.floats(15.0, 45.0))
def test_leaving_water_closes_on_the_coil(heat_w: float, air_c: float, setpoint_c: float) -> None:
    # Heat of the coil from temperatures and flows alone.
    cooler, water = bac(), 3e5
    point = dry_cooler_operation(cooler, heat_w, water, air_c, setpoint_c)
    entering_c = point.leaving_c + heat_w / water
    air = point.air_fraction * cooler.coil.cold_rate_w_per_k
    given_w = point.on_fraction * cooler.coil.heat_w_per_k(water, air) * (entering_c - air_c)
    assert given_w == pytest.approx(heat_w, rel=1e-6)
    assert point.leaving_c >= setpoint_c - 1e-9
    assert 0.0 <= point.fan_power_w <= cooler.fan_power_w * (1.0 + 1e-12)


@given(st.floats(1e4, 2.9e6), st.floats(-20.0, 40.0), st.floats(0.0, 5.0))
def test_fans_never_slow_down_in_warmer_air(heat_w: float, air_c: float, warmer_k: float) -> None:
    cold, warm = (dry_cooler_operation(bac(), heat_w, 3e5, t, 30.0) for t in (air_c, air_c + warmer_k))
    assert warm.fan_power_w >= cold.fan_power_w * (1.0 - 1e-8)
    assert warm.leaving_c >= cold.leaving_c - 1e-9


def test_without_heat_a_dry_cooler_stands_still() -> None:
    assert dry_cooler_operation(bac(), 0.0, 1e5, 20.0, 30.0).fan_power_w == 0.0


# --- evaporation and reuse --------------------------------------------------------------------------------------------


@given(st.floats(-10.0, 45.0), st.floats(0.0, 20.0), st.floats(0.0, 1.0))
def test_evaporative_air_lies_between_dry_and_wet_bulb(dry_c: float, depression_k: float, eps: float) -> None:
    wet_c = dry_c - depression_k
    for leaving_c in (
        direct_evaporative_leaving_c(dry_c, wet_c, eps),
        indirect_evaporative_leaving_c(dry_c, wet_c, eps),
    ):
        assert wet_c - 1e-9 <= leaving_c <= dry_c + 1e-9


def test_evaporative_air_by_hand() -> None:
    assert direct_evaporative_leaving_c(40.0, 20.0, 0.9) == pytest.approx(22.0)
    assert indirect_evaporative_leaving_c(40.0, 20.0, 0.7) == pytest.approx(26.0)
    with pytest.raises(ValueError, match="effectiveness"):
        direct_evaporative_leaving_c(40.0, 20.0, 1.1)


@given(st.floats(0.0, 2e6), st.floats(20.0, 60.0), st.floats(0.0, 2e6))
def test_reuse_never_exceeds_demand_supply_or_temperature(heat_w: float, water_c: float, demand_w: float) -> None:
    reused_w = reused_heat_w(heat_w, water_c, 1e5, demand_w, (40.0, 30.0), 3.0)
    assert 0.0 <= reused_w <= min(heat_w, demand_w)
    if water_c < 43.0:
        assert reused_w == 0.0
    assert reused_w <= max(1e5 * (water_c - 33.0), 0.0)


def test_the_heating_line() -> None:
    assert [heating_demand_w(100.0, t, -10.0, 15.0) for t in (-20.0, -10.0, 2.5, 15.0, 30.0)] == [100, 100, 50, 0, 0]


def test_roots_at_bounds_and_inside() -> None:
    assert bounded_root(lambda x: math.exp(x) - 2.0, 0.0, 5.0, 1e-12) == pytest.approx(math.log(2.0), rel=1e-11)
    assert bounded_root(lambda x: 1.0 - x, 2.0, 3.0, 1e-12) == 2.0
    assert bounded_root(lambda x: x - 9.0, 2.0, 3.0, 1e-12) == 3.0
