"""Embodied emissions that conserve their total, bottom-up estimates, and uncertainties in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.embodied import Part, bottom_up_kg, embodied_by_use_kg, sci_embodied_kg, unallocated_kg
from simulator.physics.uncertainty import product_relative_uncertainty, sum_relative_uncertainty

FOUR_YEARS_S = 4 * 365 * 86_400.0


def test_worked_example_of_the_standard() -> None:
    # SCI specification (ISO/IEC 21031): "around 28 g" for an hour of a server of 1000 kg over four years.
    assert sci_embodied_kg(1000.0, FOUR_YEARS_S, 3600.0) == pytest.approx(0.028538812785388, rel=1e-12)
    # Reference vector emi-002: an eighth of an HGX board of 1312 kg.
    assert sci_embodied_kg(1312.0, FOUR_YEARS_S, 3600.0, 0.125) * 1e3 == pytest.approx(4.680365, abs=1e-6)


@given(st.lists(st.floats(0.0, FOUR_YEARS_S / 10), max_size=10))
def test_shares_and_rest_are_the_whole(uses_s: list[float]) -> None:
    shares = [sci_embodied_kg(1000.0, FOUR_YEARS_S, use) for use in uses_s]
    assert sum(shares) + unallocated_kg(1000.0, shares) == pytest.approx(1000.0, rel=1e-12)


def test_by_use_spreads_idle_time_over_busy_time() -> None:
    busy_s = 0.4 * FOUR_YEARS_S
    assert embodied_by_use_kg(1000.0, FOUR_YEARS_S, busy_s, 0.4) == pytest.approx(1000.0)
    assert sci_embodied_kg(1000.0, FOUR_YEARS_S, busy_s) == pytest.approx(400.0)


def test_more_than_the_whole_cannot_be_given_away() -> None:
    with pytest.raises(ValueError, match="total_kg - allocated_kg"):
        unallocated_kg(10.0, [6.0, 5.0])
    assert unallocated_kg(10.0, [5.0, 5.0 + 1e-12]) == 0.0


def test_gpu_from_its_parts() -> None:
    # Reference vector emi-007: Boavizta factors for an H100 SXM 80GB, without assembly and transport.
    parts = [
        Part(2810.4, 0.042592),
        Part(744.0, 0.18379),
        Part(296.37, 0.032549),
        Part(0.90077, 5.7412),
        Part(0.78923, 8.2542),
    ]
    assert bottom_up_kg(parts) == pytest.approx(277.7728, abs=1e-4)
    assert bottom_up_kg([]) == 0.0
    with pytest.raises(ValueError, match="amount"):
        bottom_up_kg([Part(-1.0, 1.0)])


def test_uncertainties() -> None:
    # Reference vector emi-006: IPCC 2006 Guidelines, volume 1, chapter 3, approach 1.
    assert product_relative_uncertainty([0.05, 0.1]) == pytest.approx(0.1118034, abs=1e-7)
    assert product_relative_uncertainty([0.1]) == pytest.approx(0.1)
    assert sum_relative_uncertainty([30.0, 10.0], [0.1, 0.4]) == pytest.approx((3.0**2 + 4.0**2) ** 0.5 / 40.0)
    # n equal independent terms: the relative uncertainty falls with the root of n.
    assert sum_relative_uncertainty([1.0] * 25, [0.5] * 25) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="must not be 0"):
        sum_relative_uncertainty([1.0, -1.0], [0.1, 0.1])
