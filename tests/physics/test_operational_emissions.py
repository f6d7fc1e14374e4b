"""Scope 2 by location and market, matching periods, and fuel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.emissions import (
    DIESEL_CO2_KG_PER_MMBTU,
    DIESEL_HEAT_MMBTU_PER_GALLON,
    consumption_factor,
    fuel_co2_per_volume,
    generator_co2_kg_per_j,
    scope2_location_based_kg,
    scope2_market_based_kg,
)


def test_location_based_is_hour_by_hour() -> None:
    # Reference vector emi-003: period means would give 1600.
    assert scope2_location_based_kg([1.0, 3.0], [600.0, 200.0]) == 1200.0
    assert scope2_location_based_kg([1.0, 3.0], 600.0) == 2400.0
    with pytest.raises(ValueError, match="energy_j"):
        scope2_location_based_kg([-1.0], [600.0])


def test_surplus_does_not_carry_between_periods() -> None:
    # Reference vector emi-004.
    need, clean = [10.0, 10.0, 10.0, 10.0], [0.0, 20.0, 20.0, 0.0]
    hourly = scope2_market_based_kg(need, clean, residual_kg_per_j=500.0)
    halves = scope2_market_based_kg(need, clean, residual_kg_per_j=500.0, matching_periods=[1, 1, 2, 2])
    assert hourly == 10_000.0
    assert halves == 0.0
    thirds = scope2_market_based_kg(need, clean, residual_kg_per_j=500.0, matching_periods=[1, 2, 2, 2])
    assert thirds == 5_000.0


def test_factors_are_weighted_inside_a_period() -> None:
    # One period: need 10 + 30, instruments 20; residual mean (10*400 + 30*200)/40 = 250, instruments (5*0 + 15*40)/20.
    found = scope2_market_based_kg(
        [10.0, 30.0],
        [5.0, 15.0],
        residual_kg_per_j=[400.0, 200.0],
        instrument_kg_per_j=[0.0, 40.0],
        matching_periods=[0, 0],
    )
    assert found == pytest.approx(20.0 * 30.0 + 20.0 * 250.0)


amounts = st.lists(st.floats(0.0, 100.0), min_size=8, max_size=8)


@given(amounts, amounts, st.floats(0.0, 1.0))
def test_finer_matching_never_reports_less(need: list[float], clean: list[float], factor: float) -> None:
    periods = np.arange(8)
    hourly, pairs, annual = (
        scope2_market_based_kg(need, clean, residual_kg_per_j=factor, matching_periods=labels)
        for labels in (None, periods // 2, periods * 0)
    )
    assert hourly >= pairs - 1e-9 >= annual - 2e-9


@given(amounts, st.floats(0.0, 1.0))
def test_without_instruments_market_is_location_with_the_residual_mix(need: list[float], factor: float) -> None:
    nothing = [0.0] * 8
    assert scope2_market_based_kg(need, nothing, residual_kg_per_j=factor) == pytest.approx(
        scope2_location_based_kg(need, factor), rel=1e-12, abs=1e-12
    )


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="instruments_j must have the shape"):
        scope2_market_based_kg([1.0, 2.0], [1.0], residual_kg_per_j=1.0)
    with pytest.raises(ValueError, match="matching_periods must have the shape"):
        scope2_market_based_kg([1.0, 2.0], [1.0, 1.0], residual_kg_per_j=1.0, matching_periods=[1])


def test_losses_raise_the_factor_at_the_meter() -> None:
    assert consumption_factor(380.0, 0.05) == pytest.approx(400.0)
    assert consumption_factor(np.array([380.0, 95.0]), 0.05).tolist() == pytest.approx([400.0, 100.0])
    with pytest.raises(ValueError, match="loss_fraction"):
        consumption_factor(380.0, 1.0)


def test_diesel() -> None:
    # 40 CFR 98 Table C-1: 10.206 kg/gal (the EPA hub prints 10.21).
    per_gallon = fuel_co2_per_volume(DIESEL_CO2_KG_PER_MMBTU, DIESEL_HEAT_MMBTU_PER_GALLON)
    assert per_gallon == pytest.approx(10.20648, abs=1e-9)
    # Efficiency of 30 to 40 % on the higher heating value is 0.6 to 0.8 kg/kWh, rounded outwards.
    assert generator_co2_kg_per_j(0.40) * 3.6e6 == pytest.approx(0.631, abs=1e-3)
    assert generator_co2_kg_per_j(0.30) * 3.6e6 == pytest.approx(0.841, abs=1e-3)
