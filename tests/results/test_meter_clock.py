"""The meter's clock: intervals that lie on the hour, civil months, and sums by overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import InvariantError
from simulator.results.meter_clock import IntervalSeries, MeterClock

PACIFIC = ZoneInfo("America/Los_Angeles")
starts = st.datetimes(datetime(2019, 1, 1), datetime(2030, 1, 1)).map(lambda t: t.replace(microsecond=0, tzinfo=UTC))
intervals_s = st.sampled_from([300, 600, 900, 1800, 3600])


def test_intervals_lie_on_the_clock() -> None:
    clock = MeterClock(datetime(2024, 3, 5, 10, 50, tzinfo=UTC), 900)
    assert clock.phase_s == 300.0
    assert clock.edges_s(0, 1).tolist() == [-300.0, 600.0, 1500.0]
    assert [clock.index(t_s) for t_s in (0.0, 599.0, 600.0, 1500.0)] == [0, 0, 1, 2]
    assert [clock.count(t_s) for t_s in (1.0, 600.0, 601.0)] == [1, 1, 2]
    assert np.diff(clock.hours(6)).tolist() == [1, 0, 0, 0, 1]
    assert clock.hours_of_day(2).tolist() == [10.75, 11.0]


@given(starts, intervals_s, st.lists(st.tuples(st.floats(1.0, 4000.0), st.floats(0.0, 1e6)), min_size=1, max_size=8))
def test_sums_are_overlaps(start: datetime, interval_s: int, steps: list[tuple[float, float]]) -> None:
    clock = MeterClock(start, interval_s)
    edges_s = np.concatenate([[0.0], np.cumsum([length for length, _ in steps])])
    amounts = np.array([amount for _, amount in steps])
    first, sums = clock.sums(edges_s, amounts)
    assert first == 0
    assert len(sums) == clock.count(float(edges_s[-1]))
    assert sums.sum() == pytest.approx(amounts.sum(), rel=1e-12, abs=1e-9)
    for index, total in enumerate(sums):
        left_s, right_s = clock.edges_s(index, index)
        overlap_s = np.clip(np.minimum(edges_s[1:], right_s) - np.maximum(edges_s[:-1], left_s), 0.0, None)
        assert total == pytest.approx(float((amounts * overlap_s / np.diff(edges_s)).sum()), rel=1e-9, abs=1e-6)


@given(starts, st.floats(1.0, 800 * 86_400.0))
def test_shares_of_months_and_years_cover_the_run(start: datetime, duration_s: float) -> None:
    clock = MeterClock(start, 3600)
    for zone in (UTC, PACIFIC):
        for months, shares in (
            (1, clock.shares_of_months(duration_s, zone)),
            (12, clock.shares_of_years(duration_s, zone)),
        ):
            covered_s = 0.0
            for label, share in shares.items():
                year, month = divmod(label * months, 12)
                end_year, end_month = divmod((label + 1) * months, 12)
                whole = datetime(1970 + end_year, end_month + 1, 1, tzinfo=zone).timestamp()
                covered_s += share * (whole - datetime(1970 + year, month + 1, 1, tzinfo=zone).timestamp())
                assert 0.0 < share <= 1.0
            # Seconds since 1970 have seven digits behind the point.
            assert covered_s == pytest.approx(duration_s, rel=1e-9, abs=1e-6)


def test_a_leap_february_and_a_month_with_a_change_of_clocks() -> None:
    day_s = 86_400.0
    february = MeterClock(datetime(2024, 2, 1, tzinfo=UTC), 3600).shares_of_months(29 * day_s)
    assert list(february.values()) == [1.0]
    # March 2024 in Los Angeles has one hour less.
    march = MeterClock(datetime(2024, 3, 1, 8, tzinfo=UTC), 3600).shares_of_months(31 * day_s - 3600.0, PACIFIC)
    assert list(march.values()) == pytest.approx([1.0])


def test_hours_of_the_day_follow_the_zone() -> None:
    clock = MeterClock(datetime(2024, 3, 10, 8, tzinfo=UTC), 3600)
    # Clocks go from 02:00 to 03:00 that night in Los Angeles.
    assert clock.hours_of_day(4, PACIFIC).tolist() == [0.0, 1.0, 3.0, 4.0]
    fixed = timezone(timedelta(hours=-8))
    assert clock.hours_of_day(4, fixed).tolist() == [0.0, 1.0, 2.0, 3.0]
    late = MeterClock(datetime(2024, 5, 1, 3, tzinfo=UTC), 3600)
    assert late.months(1, PACIFIC).tolist() == [54 * 12 + 3]
    assert late.months(1).tolist() == [54 * 12 + 4]
    assert late.years(1).tolist() == [54]


def test_a_series_keeps_only_what_was_added() -> None:
    series = IntervalSeries()
    series.add(2, np.array([1.0, 2.0]))
    series.add(3, np.array([10.0]))
    series.add(7, np.zeros(3))
    assert series.dense(5).tolist() == [0.0, 0.0, 1.0, 12.0, 0.0]
    assert list(series.items()) == [(2, 1.0), (3, 2.0), (3, 10.0)]


def test_an_interval_must_divide_the_hour() -> None:
    with pytest.raises(InvariantError, match="does not divide an hour"):
        MeterClock(datetime(2024, 1, 1, tzinfo=UTC), 1000)
