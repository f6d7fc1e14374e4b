"""Power supplies and three-term losses: certified points, interpolation in loss, redundancy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.electrical import (
    PLATINUM_230V,
    TITANIUM_230V,
    psu_input_w,
    psu_loss_w,
    three_term_input_w,
    three_term_loss_w,
)

DOUBLE_CONVERSION = (0.008, 0.012, 0.010)


@pytest.mark.parametrize(
    ("load", "input_w"), [(0.1, 333.3333), (0.2, 638.2979), (0.5, 1562.5), (1.0, 3296.7033), (0.35, 1100.399)]
)
def test_titanium_supply(load: float, input_w: float) -> None:
    # 80 PLUS points of the reference vectors psu-001 to psu-004 and 3000 W / 0.91; 0.35 is interpolated in loss.
    assert psu_input_w(load, 3000.0, TITANIUM_230V) == pytest.approx(input_w, abs=1e-3)


def test_interpolation_is_in_loss_and_not_in_efficiency() -> None:
    by_efficiency = 0.75 * 3000.0 * (1.0 / 0.935 - 1.0)
    by_loss = 0.5 * (62.5 + 3000.0 * (1.0 / 0.91 - 1.0))
    assert psu_loss_w(0.75, 3000.0, TITANIUM_230V) == pytest.approx(by_loss)
    assert abs(by_loss - by_efficiency) > 20.0


def test_below_the_first_point_the_loss_is_held() -> None:
    first = 0.2 * (1.0 / 0.90 - 1.0) * 2000.0
    for load in (0.0, 0.05, 0.2):
        assert psu_loss_w(load, 2000.0, PLATINUM_230V) == pytest.approx(first)


@given(st.floats(0.0, 1.0), st.floats(100.0, 1e4))
def test_a_supply_always_loses(load: float, rated_w: float) -> None:
    for table in (TITANIUM_230V, PLATINUM_230V):
        assert psu_loss_w(load, rated_w, table) > 0.0
        assert psu_input_w(load, rated_w, table) > load * rated_w


def test_supply_arrays() -> None:
    loads = np.array([0.05, 0.35, 1.0])
    assert psu_input_w(loads, 3000.0, TITANIUM_230V).tolist() == [
        psu_input_w(float(x), 3000.0, TITANIUM_230V) for x in loads
    ]


def test_overload_and_broken_tables_are_refused() -> None:
    with pytest.raises(ValueError, match=r"load_fraction must be in \[0, 1\], got 1.01"):
        psu_loss_w(1.01, 3000.0, TITANIUM_230V)
    with pytest.raises(ValueError, match="efficiency of the table"):
        psu_loss_w(0.5, 3000.0, [(0.5, 96.0)])
    with pytest.raises(ValueError, match="load fraction of the table"):
        psu_loss_w(0.5, 3000.0, [(0.5, 0.96), (0.2, 0.94), (1.0, 0.91)])


@pytest.mark.parametrize(
    ("load", "efficiency"), [(0.10, 0.915), (0.25, 0.956), (0.50, 0.968), (0.75, 0.971), (1.00, 0.971)]
)
def test_modern_double_conversion(load: float, efficiency: float) -> None:
    # docs/sources.md, power chain: printed to a tenth of a percent.
    assert load * 1e6 / three_term_input_w(load * 1e6, 1e6, DOUBLE_CONVERSION) == pytest.approx(efficiency, abs=6e-4)


def test_ups_of_the_reference_vector() -> None:
    assert three_term_input_w(500e3, 1e6, DOUBLE_CONVERSION) == pytest.approx(516_500.0, abs=1e-6)


def test_redundancy_is_more_units_at_a_lower_load() -> None:
    # Two modules of 500 kW are one of 1 MW; four of them lose what two lose at half load, twice.
    two = three_term_loss_w(400e3, 500e3, DOUBLE_CONVERSION, units=2)
    assert two == three_term_loss_w(400e3, 1e6, DOUBLE_CONVERSION)
    assert three_term_loss_w(800e3, 500e3, DOUBLE_CONVERSION, units=4) == pytest.approx(2.0 * two)
    # A second unit doubles the no-load loss and halves the square-law loss.
    assert three_term_loss_w(500e3, 500e3, (0.01, 0.0, 0.0), units=2) == pytest.approx(2 * 5000.0)
    assert three_term_loss_w(500e3, 500e3, (0.0, 0.01, 0.0), units=2) == pytest.approx(5000.0)
    assert three_term_loss_w(500e3, 500e3, (0.0, 0.0, 0.01), units=2) == pytest.approx(5000.0 / 2)


@given(st.floats(0.0, 2e6), st.integers(1, 8))
def test_every_stage_draws_more_than_it_gives(load_w: float, units: int) -> None:
    assert three_term_input_w(load_w, 1e6, DOUBLE_CONVERSION, units) > load_w


def test_impossible_loads_are_refused() -> None:
    with pytest.raises(ValueError, match="load_w must be in"):
        three_term_loss_w(-1.0, 1e6, DOUBLE_CONVERSION)
    with pytest.raises(ValueError, match="rated_w must be > 0"):
        three_term_loss_w(1.0, 0.0, DOUBLE_CONVERSION)
