from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.signals.gaps import FilledGap, Gap, GapRule
from simulator.signals.quantities import CARBON_INTENSITY, Quantity
from simulator.signals.series import Series

HOUR = 3600
START = datetime(2022, 3, 1, tzinfo=UTC)
START_S = int(START.timestamp())


def series(hours: list[int], values: list[float] | None = None, lines: list[int] | None = None) -> Series:
    """A series with values at given hours after the start, in a file with the header in line 1."""
    return Series(
        file="made-up.csv",
        quantity=CARBON_INTENSITY,
        starts_utc_s=START_S + HOUR * np.array(hours, dtype=np.int64),
        values=np.array(hours if values is None else values, dtype=np.float64),
        lines=np.array([2 + hour for hour in hours] if lines is None else lines, dtype=np.int64),
        step_s=HOUR,
    )


def test_a_window_inside_the_series_is_cut_out() -> None:
    reading = series([0, 1, 2, 3]).to_signal(START + timedelta(minutes=90), 1.25 * HOUR)
    assert reading.signal.edges_s.tolist() == [0.0, 1800.0, 4500.0]
    assert reading.signal.values.tolist() == [1.0, 2.0]
    assert reading.filled == ()
    assert reading.notes == ()


def test_the_start_may_be_in_any_time_zone() -> None:
    local = START.astimezone(timezone(timedelta(hours=-5))) + timedelta(hours=2)
    assert series([0, 1, 2, 3]).to_signal(local, HOUR).signal.at(0.0) == 2.0


@pytest.mark.parametrize(("offset_h", "duration_h"), [(-1, 2), (3, 2), (-2, 1), (9, 1)])
def test_a_window_beyond_the_series_is_refused(offset_h: int, duration_h: int) -> None:
    with pytest.raises(InputError, match="covers 2022-03-01 00:00 to 2022-03-01 04:00 UTC, the scenario needs"):
        series([0, 1, 2, 3]).to_signal(START + timedelta(hours=offset_h), duration_h * HOUR)


def test_the_last_value_holds_for_one_step() -> None:
    assert series([0, 1]).to_signal(START, 2 * HOUR).signal.mean(0.0, 2 * HOUR) == 0.5


def test_gaps_are_refused_by_default_and_all_named() -> None:
    with pytest.raises(InputError) as caught:
        series([0, 2, 3, 6]).to_signal(START, 7 * HOUR)
    first, second = caught.value.faults
    assert (first.line, second.line) == (3, 6)
    assert "no value from 2022-03-01 01:00 to 2022-03-01 02:00 UTC (1 h)" in first.message
    assert "no value from 2022-03-01 04:00 to 2022-03-01 06:00 UTC (2 h)" in second.message
    assert second.path == "carbon_intensity_g_per_kwh"


def test_the_line_of_a_gap_is_that_of_the_empty_field_and_none_when_rows_are_missing() -> None:
    empty_field = series([0, 2], lines=[2, 4])
    missing_row = series([0, 2], lines=[2, 3])
    gap = Gap(START_S + HOUR, START_S + 2 * HOUR, 3)
    assert empty_field.gaps() == (gap,)
    assert missing_row.gaps() == (Gap(gap.start_utc_s, gap.end_utc_s, None),)


def test_a_gap_outside_the_window_does_no_harm() -> None:
    with_gaps = series([0, 2, 3, 4, 7, 8])
    assert with_gaps.to_signal(START + timedelta(hours=2), 3 * HOUR).signal.values.tolist() == [2.0, 3.0, 4.0]


def test_interpolation_and_holding() -> None:
    with_gap = series([0, 1, 4, 5], [10.0, 20.0, 50.0, 0.0])
    line = with_gap.to_signal(START, 6 * HOUR, GapRule("interpolate", 2.0))
    assert line.signal.values.tolist() == [10.0, 20.0, 30.0, 40.0, 50.0, 0.0]
    held = with_gap.to_signal(START, 6 * HOUR, GapRule("hold", 2.0))
    assert held.signal.values.tolist() == [10.0, 20.0, 50.0, 0.0]
    assert held.signal.edges_s.tolist() == [0.0, HOUR, 4 * HOUR, 5 * HOUR, 6 * HOUR]
    gap = Gap(START_S + 2 * HOUR, START_S + 4 * HOUR, 4)
    assert line.filled == (FilledGap("made-up.csv", "carbon_intensity_g_per_kwh", gap, "interpolate"),)
    assert held.filled[0].kind == "hold"
    assert str(line.filled[0]) == (
        "made-up.csv:4: carbon_intensity_g_per_kwh: no value from 2022-03-01 02:00 to 2022-03-01 04:00 UTC (2 h), "
        "filled by rule 'interpolate'"
    )


def test_a_gap_longer_than_the_rule_allows_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(3 h\), longer than the max_gap_h of 2.5"):
        series([0, 4]).to_signal(START, 5 * HOUR, GapRule("interpolate", 2.5))


@pytest.mark.parametrize("offset_h", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("duration_h", [0.25, 1.0])
def test_a_window_inside_a_gap_is_filled_from_both_sides(offset_h: float, duration_h: float) -> None:
    reading = series([0, 4], [0.0, 40.0]).to_signal(
        START + timedelta(hours=offset_h), duration_h * HOUR, GapRule("interpolate", 3.0)
    )
    assert reading.signal.at(0.0) == 10.0 * int(offset_h)
    assert len(reading.filled) == 1


@given(st.sets(st.integers(1, 46)), st.integers(0, 30), st.integers(1, 16))
def test_filling_restores_a_straight_line(missing: set[int], first: int, length: int) -> None:
    kept = [hour for hour in range(48) if hour not in missing]
    values = [3.0 * hour + 1.0 for hour in kept]
    reading = series(kept, values).to_signal(
        START + timedelta(hours=first), length * HOUR, GapRule("interpolate", 48.0)
    )
    edges = HOUR * np.arange(length + 1.0)
    # np.interp is exact to rounding of numbers below 150.
    np.testing.assert_allclose(reading.signal.means(edges), 3.0 * np.arange(first, first + length) + 1.0, rtol=1e-13)
    filled_h = sum(gap.gap.length_h for gap in reading.filled)
    assert filled_h >= len(missing & set(range(first, first + length)))


def test_values_at_shorter_distances_than_the_step_are_no_gap() -> None:
    assert series([0, 1, 2]).gaps() == ()
    uneven = Series("x.csv", Quantity("price_usd_per_kwh"), np.array([0, 900, 3600]), np.ones(3), None, HOUR)
    assert uneven.gaps() == ()


@pytest.mark.parametrize(
    ("kind", "max_gap_h", "message"),
    [
        ("refuse", 1.0, "no meaning"),
        ("hold", None, "max_gap_h must be > 0"),
        ("interpolate", 0.0, "max_gap_h must be > 0"),
        ("guess", 1.0, "refuse, interpolate or hold"),
    ],
)
def test_impossible_rules_are_refused(kind: str, max_gap_h: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GapRule(kind, max_gap_h)  # type: ignore[arg-type]


def test_impossible_windows_and_series_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        series([0, 1]).to_signal(START.replace(tzinfo=None), HOUR)
    with pytest.raises(ValueError, match="duration_s must be > 0"):
        series([0, 1]).to_signal(START, 0.0)
    with pytest.raises(ValueError, match="0 starts and 0 values"):
        series([])
    with pytest.raises(ValueError, match="low must be below high"):
        Quantity("dry_bulb_c", 60.0, -90.0)
