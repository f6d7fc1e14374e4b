"""Fuel with all its gases, leaks, losses of the grid, differences, water beyond the pipe, and bounds by a factor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import kpis
from simulator.physics.emissions import (
    JOULES_PER_MMBTU,
    consumption_factor,
    fuel_co2e_kg_per_j,
    grid_loss_kg,
    marginal_difference_kg,
    refrigerant_leak_kg,
    scope2_location_based_kg,
)
from simulator.physics.solar_shape import clear_sky_output, sine_of_elevation
from simulator.physics.uncertainty import lognormal_bounds
from simulator.physics.water_footprint import scarcity_weighted_l, source_water_l


def test_diesel_with_methane_and_nitrous_oxide() -> None:
    # 40 CFR 98 Tables C-1 and C-2: 73.96 kg, 3 g, 0.6 g per mmBtu; AR5: 28 and 265.
    assert fuel_co2e_kg_per_j() * JOULES_PER_MMBTU == pytest.approx(73.96 + 0.084 + 0.159)
    assert fuel_co2e_kg_per_j(73.96, 0.0, 0.0) * JOULES_PER_MMBTU == pytest.approx(73.96)


def test_a_leak_of_the_whole_charge_is_the_charge() -> None:
    assert refrigerant_leak_kg(300.0, 1.0, 1430.0, 1.0) == 429_000.0
    with pytest.raises(ValueError, match="leak_fraction_per_year"):
        refrigerant_leak_kg(300.0, 1.5, 1430.0, 1.0)


@given(st.floats(0.0, 1e6), st.floats(0.0, 0.9))
def test_losses_are_counted_once(scope2_kg: float, loss: float) -> None:
    # What stands in scope 2 by generation factors and in scope 3 together is the energy by its factor at the meter.
    both = scope2_kg + grid_loss_kg(scope2_kg, loss)
    assert both == pytest.approx(consumption_factor(scope2_kg, loss), rel=1e-12, abs=1e-12)


@given(st.lists(st.tuples(st.floats(0.0, 1e3), st.floats(0.0, 1e3), st.floats(0.0, 1.0)), min_size=1, max_size=20))
def test_a_difference_is_the_difference_of_two_sums(rows: list[tuple[float, float, float]]) -> None:
    before, after, factor = (np.array(column) for column in zip(*rows, strict=True))
    expected = scope2_location_based_kg(after, factor) - scope2_location_based_kg(before, factor)
    assert marginal_difference_kg(after - before, factor) == pytest.approx(expected, abs=1e-9)
    assert marginal_difference_kg(before - after, factor) == pytest.approx(-expected, abs=1e-9)


def test_water_at_the_source_carries_the_pue_already() -> None:
    # Reference vector kpi-006 in two parts: 100 kWh of IT at WUE 1.8, PUE 1.2, 3.1 l/kWh are 552 l.
    at_the_site_l = 100.0 * 1.8
    assert at_the_site_l + source_water_l(1.2 * 100.0 * 3.6e6, 3.1) == pytest.approx(552.0)
    assert at_the_site_l + source_water_l(1.2 * 100.0 * 3.6e6, 3.1) == pytest.approx(
        kpis.operational_water_l(100.0 * 3.6e6, 1.8, 1.2, 3.1)
    )


def test_scarcity_stays_inside_the_range_of_the_method() -> None:
    assert scarcity_weighted_l(50.0, 1.0) == 50.0
    for factor in (0.05, 150.0):
        with pytest.raises(ValueError, match="scarcity_factor"):
            scarcity_weighted_l(50.0, factor)


@given(st.floats(0.0, 1e9), st.floats(1.0, 10.0))
def test_bounds_lie_a_factor_either_way(median: float, factor: float) -> None:
    low, high = lognormal_bounds(median, factor)
    assert low <= median <= high
    assert low * high == pytest.approx(median**2, rel=1e-12)


def test_bounds_hold_nine_tenths_of_a_lognormal() -> None:
    draws = np.random.default_rng(5).lognormal(math.log(164.0), math.log(1.6) / 1.6448536269514722, 200_000)
    low, high = lognormal_bounds(164.0, 1.6)
    assert np.mean((draws >= low) & (draws <= high)) == pytest.approx(0.9, abs=0.003)


def test_sun_at_the_equinox_and_the_solstice() -> None:
    # Spring equinox, n = 81: the declination is 0, noon elevation is 90 deg less the latitude, the day has 12 hours.
    assert float(sine_of_elevation(40.0, 81.0, 12.0)) == pytest.approx(math.cos(math.radians(40.0)), abs=1e-9)
    assert float(sine_of_elevation(40.0, 81.0, 6.0)) == pytest.approx(0.0, abs=1e-9)
    # Summer solstice: half the day is acos(-tan phi tan delta) / 15 deg.
    half_day_h = math.degrees(math.acos(-math.tan(math.radians(40.0)) * math.tan(math.radians(23.45)))) / 15.0
    assert float(sine_of_elevation(40.0, 172.0, 12.0 - half_day_h)) == pytest.approx(0.0, abs=1e-4)


@given(st.floats(-60.0, 60.0), st.floats(-180.0, 180.0), st.floats(0.05, 0.3))
def test_a_year_of_sun_has_its_capacity_factor(latitude: float, longitude: float, factor: float) -> None:
    # Finer than the quarters of an hour that the scale is taken from, which cut dawn and dusk a little differently.
    hours = np.arange(0.05, 8760.0, 0.1)
    output = clear_sky_output(latitude, longitude, factor, hours // 24 + 1.0, hours % 24)
    assert output.mean() == pytest.approx(factor, rel=1e-3)
    assert output.min() == 0.0
    assert output.max() <= 1.0
