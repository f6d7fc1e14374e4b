"""Indicators: ratios of sums, their bounds, and the traps of published tools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import kpis

KWH = 3.6e6


def test_indicators_of_a_year() -> None:
    # Reference vectors kpi-001 to kpi-004 and kpi-007.
    facility_j, it_j = 11.5e6 * KWH, 10e6 * KWH
    assert kpis.pue(facility_j, it_j) == pytest.approx(1.15, abs=1e-12)
    assert kpis.wue_l_per_kwh(18_000.0, it_j) == pytest.approx(1.8, abs=1e-12)
    assert kpis.cue_kg_per_kwh(11.5e6 * 0.4, it_j) == pytest.approx(0.46, abs=1e-12)
    assert kpis.erf(2.3e6 * KWH, facility_j) == pytest.approx(0.2, abs=1e-12)
    assert kpis.ref(5.75e6 * KWH, facility_j) == pytest.approx(0.5, abs=1e-12)


def test_a_period_is_the_ratio_of_its_sums() -> None:
    # Reference vector kpi-005: the mean of the hourly ratios would be 1.35.
    assert kpis.pue(np.array([120.0, 75.0]), np.array([100.0, 50.0])) == pytest.approx(1.3, abs=1e-12)


@given(st.lists(st.tuples(st.floats(1.0, 1e3), st.floats(0.0, 1e3)), min_size=1, max_size=20))
def test_pue_is_at_least_one_and_between_its_hours(hours: list[tuple[float, float]]) -> None:
    it = np.array([h[0] for h in hours])
    facility = it + np.array([h[1] for h in hours])
    hourly = facility / it
    assert 1.0 <= kpis.pue(facility, it) <= hourly.max() * (1 + 1e-12)
    assert kpis.pue(facility, it) >= hourly.min() * (1 - 1e-12)


def test_fans_in_the_denominator_cannot_hide_from_tue() -> None:
    # The same computing power; warmer air halves the cooling and adds more fan power than that.
    cool, warm = {"it": 106.0, "facility": 116.0}, {"it": 112.0, "facility": 117.0}
    assert kpis.pue(warm["facility"], warm["it"]) < kpis.pue(cool["facility"], cool["it"])
    assert kpis.tue(warm["facility"], 100.0) > kpis.tue(cool["facility"], 100.0)
    assert kpis.tue(116.0, 100.0) == pytest.approx(kpis.pue(116.0, 106.0) * kpis.itue(106.0, 100.0))


def test_site_water_is_per_it_energy() -> None:
    # Reference vector kpi-006: multiplying WUE by PUE as well would give 597.6, all of it by PUE 662.4.
    assert kpis.operational_water_l(100 * KWH, 1.8, 1.2, 3.1) == pytest.approx(552.0, abs=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda: kpis.pue(90.0, 100.0),
        lambda: kpis.pue(100.0, 0.0),
        lambda: kpis.pue(float("nan"), 100.0),
        lambda: kpis.ref(120.0, 100.0),
        lambda: kpis.erf(-1.0, 100.0),
        lambda: kpis.itue(90.0, 100.0),
        lambda: kpis.operational_water_l(1.0, 1.0, 0.9, 1.0),
    ],
)
def test_what_cannot_be_is_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match="must be"):
        call()
