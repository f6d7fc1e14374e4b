from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.signals.gaps import GapRule
from simulator.signals.quantities import CARBON_INTENSITY
from simulator.signals.series import Series

HOUR = 3600


def year_of(
    year: int, *, utc_offset_h: float = 0.0, typical: bool = False, step_s: int = HOUR, days: int | None = None
) -> Series:
    """Values that tell their own local month, day and hour: 10000 month + 100 day + hour."""
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    end = end if days is None else start + timedelta(days=days)
    local = [start + timedelta(seconds=s) for s in range(0, int((end - start).total_seconds()), HOUR)]
    offset_s = round(utc_offset_h * HOUR)
    return Series(
        file="made-up.csv",
        quantity=CARBON_INTENSITY,
        starts_utc_s=np.array([int(t.timestamp()) - offset_s for t in local]),
        values=np.array([10_000.0 * t.month + 100.0 * t.day + t.hour for t in local]),
        lines=np.arange(2, 2 + len(local)),
        step_s=HOUR,
        utc_offset_s=offset_s,
        typical_year=typical,
    )


@settings(deadline=None)  # each example lays out four years of hours
@given(
    source=st.sampled_from([2021, 2022, 2024]),
    offset_h=st.sampled_from([-7.0, -6.0, 0.0, 5.5, 8.0]),
    start=st.datetimes(datetime(2019, 1, 1), datetime(2032, 12, 31)),
)
def test_every_hour_has_the_value_of_its_own_date(source: int, offset_h: float, start: datetime) -> None:
    reading = year_of(source, utc_offset_h=offset_h).to_signal(start.replace(tzinfo=UTC), 50 * HOUR, repeat_yearly=True)
    for elapsed_s in range(0, 50 * HOUR, 600):
        local = start + timedelta(seconds=elapsed_s, hours=offset_h)
        day = 28 if (local.month, local.day) == (2, 29) and source != 2024 else local.day
        assert reading.signal.at(float(elapsed_s)) == 10_000 * local.month + 100 * day + local.hour


def test_29_february_uses_28_february_and_says_so() -> None:
    reading = year_of(2022).to_signal(datetime(2024, 2, 29, tzinfo=UTC), 24 * HOUR, repeat_yearly=True)
    assert reading.signal.values.tolist() == [20_800.0 + 2000.0 + hour for hour in range(24)]
    assert reading.notes == (
        "made-up.csv: the values of 2022-01-01 00:00 to 2023-01-01 00:00 UTC are repeated by date",
        "made-up.csv: 29 February 2024 uses the values of 28 February",
    )
    before = year_of(2022).to_signal(datetime(2024, 2, 27, tzinfo=UTC), 48 * HOUR, repeat_yearly=True)
    assert before.notes == reading.notes[:1]


def test_a_leap_year_keeps_its_own_29_february_and_loses_it_in_a_common_year() -> None:
    leap = year_of(2024)
    assert leap.to_signal(datetime(2028, 2, 29, tzinfo=UTC), HOUR, repeat_yearly=True).signal.at(0.0) == 22_900.0
    common = leap.to_signal(datetime(2023, 2, 28, 23, tzinfo=UTC), 2 * HOUR, repeat_yearly=True)
    assert common.signal.values.tolist() == [22_823.0, 30_100.0]
    assert common.filled == ()


def test_several_years_in_a_row() -> None:
    reading = year_of(2022).to_signal(datetime(2023, 1, 1, tzinfo=UTC), (365 + 366) * 24 * HOUR, repeat_yearly=True)
    assert reading.signal.at((365 + 31) * 24.0 * HOUR) == 20_100.0
    assert len(reading.notes) == 2


def test_a_typical_year_repeats_without_being_asked() -> None:
    assert year_of(2001, typical=True).to_signal(datetime(2030, 7, 4, 12, tzinfo=UTC), HOUR).signal.at(0.0) == 70_412.0
    with pytest.raises(InputError, match="covers 2022"):
        year_of(2022).to_signal(datetime(2030, 7, 4, tzinfo=UTC), HOUR)


def test_part_of_a_year_serves_the_same_part_only() -> None:
    january = year_of(2022, days=31)
    assert (
        january.to_signal(datetime(2026, 1, 30, tzinfo=UTC), 48 * HOUR, repeat_yearly=True).signal.at(0.0) == 13_000.0
    )
    with pytest.raises(InputError, match="no value from 2026-02-01 00:00 to 2027-01-01 00:00 UTC"):
        january.to_signal(datetime(2026, 1, 30, tzinfo=UTC), 72 * HOUR, repeat_yearly=True)


def test_a_year_that_ends_early_is_filled_by_rule_across_new_year() -> None:
    short = year_of(2022, days=364)
    reading = short.to_signal(datetime(2023, 12, 31, tzinfo=UTC), 24 * HOUR, GapRule("hold", 24.0), repeat_yearly=True)
    assert reading.signal.values.tolist() == [123_023.0]
    assert [gap.gap.line for gap in reading.filled] == [None]


def test_more_than_a_year_cannot_be_repeated() -> None:
    with pytest.raises(InputError, match="more than one value for the month, day and time 01-01 00:00"):
        year_of(2022, days=366).to_signal(datetime(2025, 5, 1, tzinfo=UTC), HOUR, repeat_yearly=True)
