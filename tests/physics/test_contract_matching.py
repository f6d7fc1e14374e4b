"""Market-based matching with several instruments: a slow reference, and what finer periods can and cannot do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from simulator.physics.contracts import match_instruments
from simulator.physics.emissions import scope2_location_based_kg, scope2_market_based_kg

HOURS = 12
amounts = hnp.arrays(np.float64, HOURS, elements=st.floats(0.0, 100.0))
offers = hnp.arrays(np.float64, (3, HOURS), elements=st.floats(0.0, 100.0))
factors = st.lists(st.floats(0.0, 0.4), min_size=3, max_size=3)
DAYS = np.arange(HOURS) // 4


def slow(energy: np.ndarray, offered: np.ndarray, clean: list[float], dirty: np.ndarray, labels: np.ndarray) -> float:
    """One period after the other, one instrument after the other."""
    total = 0.0
    for period in sorted(set(labels.tolist())):
        rows = [hour for hour in range(HOURS) if labels[hour] == period]
        need = sum(energy[hour] for hour in rows)
        dirty_kg = sum(energy[hour] * dirty[hour] for hour in rows)
        rest = need
        for factor, offer in sorted(zip(clean, offered, strict=True), key=lambda pair: pair[0]):
            used = min(rest, sum(offer[hour] for hour in rows))
            total += used * factor
            rest -= used
        total += rest * (dirty_kg / need if need else 0.0)
    return total


@given(amounts, offers, factors, hnp.arrays(np.float64, HOURS, elements=st.floats(0.1, 0.9)))
def test_matches_the_slow_reference(
    energy: np.ndarray, offered: np.ndarray, clean: list[float], dirty: np.ndarray
) -> None:
    for labels in (np.arange(HOURS), DAYS, np.zeros(HOURS, dtype=int)):
        found = match_instruments(energy, offered, clean, dirty, labels)
        assert found.total_kg == pytest.approx(slow(energy, offered, clean, dirty, labels), rel=1e-12, abs=1e-9)


@given(amounts, offers, factors, st.floats(0.4, 1.0))
def test_hourly_never_reports_less_than_annual(
    energy: np.ndarray, offered: np.ndarray, clean: list[float], residual: float
) -> None:
    hourly, daily, annual = (
        match_instruments(energy, offered, clean, residual, labels).total_kg
        for labels in (np.arange(HOURS), DAYS, np.zeros(HOURS))
    )
    assert hourly >= daily - 1e-9 >= annual - 2e-9


@given(amounts, offers, factors, st.floats(0.1, 1.0))
def test_every_joule_is_matched_or_not_and_surplus_counts_for_nothing(
    energy: np.ndarray, offered: np.ndarray, clean: list[float], residual: float
) -> None:
    found = match_instruments(energy, offered, clean, residual, DAYS)
    assert found.matched_j.sum() + found.unmatched_j.sum() == pytest.approx(energy.sum(), rel=1e-12, abs=1e-9)
    assert found.matched_j.sum() + found.surplus_j.sum() == pytest.approx(offered.sum(), rel=1e-12, abs=1e-9)
    assert (found.matched_j <= found.needed_j + 1e-9).all()
    assert found.emissions_kg.min() >= 0.0
    # More surplus changes nothing: where an instrument covers a period in full, doubling it does not.
    full = match_instruments(energy, [energy], [0.0], residual, DAYS)
    double = match_instruments(energy, [2.0 * energy], [0.0], residual, DAYS)
    assert full.total_kg == double.total_kg == pytest.approx(0.0, abs=1e-9)


@given(amounts, amounts, st.floats(0.1, 1.0))
def test_one_instrument_is_the_plain_formula(energy: np.ndarray, clean: np.ndarray, residual: float) -> None:
    found = match_instruments(energy, [clean], [0.0], residual, DAYS)
    plain = scope2_market_based_kg(energy, clean, residual_kg_per_j=residual, matching_periods=DAYS)
    assert found.total_kg == pytest.approx(plain, rel=1e-12, abs=1e-9)


@given(amounts, hnp.arrays(np.float64, HOURS, elements=st.floats(0.1, 0.9)))
def test_without_instruments_every_matching_is_by_the_unmatched_factor(energy: np.ndarray, dirty: np.ndarray) -> None:
    for labels in (np.arange(HOURS), DAYS, np.zeros(HOURS)):
        found = match_instruments(energy, np.zeros((0, HOURS)), [], dirty, labels)
        assert found.total_kg == pytest.approx(scope2_location_based_kg(energy, dirty), rel=1e-12)


def test_a_residual_mix_that_varies_may_turn_the_order() -> None:
    # Hourly, the contract falls into the dirty hour; over the year it replaces the mean: 0 against 10 x 0.4.
    energy, clean, residual = [10.0, 10.0], [[10.0, 0.0]], [0.8, 0.0]
    hourly = match_instruments(energy, clean, [0.0], residual, [0, 1]).total_kg
    annual = match_instruments(energy, clean, [0.0], residual, [0, 0]).total_kg
    assert (hourly, annual) == (0.0, 4.0)


def test_the_cleanest_instrument_covers_first() -> None:
    found = match_instruments([10.0], [[8.0], [8.0]], [0.3, 0.0], 0.5, [0])
    assert found.matched_j[:, 0].tolist() == [2.0, 8.0]
    assert found.surplus_j[:, 0].tolist() == [6.0, 0.0]
    assert found.total_kg == pytest.approx(0.6)


def test_shapes_and_signs_are_checked() -> None:
    with pytest.raises(ValueError, match="one column for each of 2 intervals"):
        match_instruments([1.0, 2.0], [[1.0]], [0.0], 0.5, [0, 0])
    with pytest.raises(ValueError, match="energy_j"):
        match_instruments([-1.0], [[1.0]], [0.0], 0.5, [0])
    with pytest.raises(ValueError, match="offered_j"):
        match_instruments([1.0], [[-1.0]], [0.0], 0.5, [0])
