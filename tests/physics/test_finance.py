"""Money over time against closed forms, tables of annuity factors, and cash flows added up one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.finance import (
    capital_recovery_factor,
    peak_by_period_w,
    present_capital_usd,
    present_yearly_usd,
    simple_payback_years,
)

rates, years = st.floats(0.0, 0.3), st.integers(1, 40)


@pytest.mark.parametrize(
    ("rate", "length", "factor"),
    # Capital recovery factors as interest tables print them.
    [(0.05, 10, 0.1295), (0.07, 20, 0.0944), (0.10, 5, 0.2638), (0.12, 15, 0.1468), (0.0, 8, 0.125)],
)
def test_factors_of_interest_tables(rate: float, length: float, factor: float) -> None:
    assert capital_recovery_factor(rate, length) == pytest.approx(factor, abs=5e-5)


@given(rates, years)
def test_payments_repay_the_capital(rate: float, length: int) -> None:
    payment = capital_recovery_factor(rate, length)
    paid = sum(payment / (1.0 + rate) ** year for year in range(1, length + 1))
    assert paid == pytest.approx(1.0, rel=1e-9)
    assert present_yearly_usd(payment, rate, length) == pytest.approx(1.0, rel=1e-12)


@given(st.floats(1e-12, 1e-7), st.floats(0.5, 40.0))
def test_a_rate_near_zero_is_straight_line(rate: float, length: float) -> None:
    assert capital_recovery_factor(rate, length) == pytest.approx(1.0 / length, rel=1e-5)


@given(rates, years, st.integers(1, 5))
def test_lives_that_fill_the_horizon_leave_nothing(rate: float, length: int, lives: int) -> None:
    # Bought k times and never sold: the same as the yearly payments over the whole horizon.
    found = present_capital_usd(1000.0, length, rate, length * lives)
    payments = present_yearly_usd(1000.0 * capital_recovery_factor(rate, length), rate, length * lives)
    assert found == pytest.approx(payments, rel=1e-9)


@given(st.floats(0.5, 20.0), st.floats(0.5, 40.0))
def test_without_interest_capital_is_worn_by_time(lifetime: float, horizon: float) -> None:
    assert present_capital_usd(100.0, lifetime, 0.0, horizon) == pytest.approx(100.0 * horizon / lifetime, rel=1e-9)


@given(rates, st.floats(1.0, 20.0), st.floats(0.5, 40.0))
def test_capital_by_cash_flows(rate: float, lifetime: float, horizon: float) -> None:
    flows, start = [], 0.0
    while start < horizon - 1e-9 * lifetime:
        flows.append((start, 100.0))
        start += lifetime
    flows.append((horizon, -100.0 * max(start - horizon, 0.0) / lifetime))
    expected = math.fsum(amount / (1.0 + rate) ** when for when, amount in flows)
    assert present_capital_usd(100.0, lifetime, rate, horizon) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_payback() -> None:
    assert simple_payback_years(1200.0, 300.0) == 4.0
    assert simple_payback_years(1200.0, 0.0) is None
    assert simple_payback_years(0.0, 10.0) == 0.0
    assert simple_payback_years(-100.0, 10.0) == 0.0
    assert simple_payback_years(-100.0, -10.0) is None


def test_peaks_are_of_intervals_and_not_of_instants() -> None:
    quarter_s = 900.0
    power_w = np.array([100.0, 400.0, 200.0, 300.0, 50.0])
    months, peaks_w = peak_by_period_w(power_w * quarter_s, quarter_s, [3, 3, 3, 4, 4])
    assert months.tolist() == [3, 4]
    assert peaks_w.tolist() == [400.0, 300.0]
    # A site that sells at night has a peak below zero: it is the mean of the interval, not clipped.
    assert peak_by_period_w([-900.0], 900.0, [0])[1].tolist() == [-1.0]


@given(st.lists(st.floats(0.0, 1e6), min_size=4, max_size=40))
def test_a_longer_interval_never_has_a_higher_peak(power_w: list[float]) -> None:
    even = np.array(power_w[: len(power_w) // 2 * 2])
    labels = np.zeros(len(even), dtype=int)
    _, short = peak_by_period_w(even * 900.0, 900.0, labels)
    _, long = peak_by_period_w(even.reshape(-1, 2).sum(axis=1) * 900.0, 1800.0, labels[::2])
    assert long[0] <= short[0] * (1 + 1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: capital_recovery_factor(-0.01, 5.0),
        lambda: capital_recovery_factor(0.05, 0.0),
        lambda: present_capital_usd(1.0, 0.0, 0.1, 5.0),
        lambda: present_capital_usd(1.0, 5.0, 0.1, 0.0),
        lambda: peak_by_period_w([1.0], 0.0, [0]),
    ],
)
def test_what_cannot_be_is_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match="must be"):
        call()
