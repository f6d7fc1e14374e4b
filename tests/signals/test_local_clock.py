"""Clocks with daylight saving, against the standard library and by hand."""

from __future__ import annotations

from calendar import timegm
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.local_clock import clock_to_utc, utc_to_clock

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [ZoneInfo(name) for name in ("America/New_York", "Europe/Brussels", "Australia/Lord_Howe", "Asia/Singapore")]


def seconds(*clock: int) -> int:
    return timegm(datetime(*clock).timetuple())  # type: ignore[arg-type]


def read(stamps: list[int], rule: CorruptRule = "refuse") -> tuple[list[datetime], list[bool], Findings]:
    findings = Findings("made-up.csv", rule)
    utc_s, exists = clock_to_utc(np.array(stamps), NEW_YORK, np.arange(2, 2 + len(stamps)), findings)
    return [datetime.fromtimestamp(int(s), UTC) for s in utc_s], exists.tolist(), findings


@given(st.sampled_from(ZONES), st.dates(date(2007, 4, 1), date(2036, 12, 31)), st.sampled_from([300, 900, 1800]))
def test_two_days_in_order_come_back_at_the_instants_of_the_standard_library(
    zone: ZoneInfo, start: date, step_s: int
) -> None:
    noon = datetime(start.year, start.month, start.day, 12, tzinfo=UTC)  # inside a double hour of none of the zones
    instants = [noon + timedelta(seconds=step_s * step) for step in range(2 * 86_400 // step_s)]
    shown = np.array([timegm(instant.astimezone(zone).timetuple()) for instant in instants])
    utc_s = np.array([int(instant.timestamp()) for instant in instants])
    np.testing.assert_array_equal(utc_to_clock(utc_s, zone), shown)
    findings = Findings("made-up.csv")
    back, exists = clock_to_utc(shown, zone, np.arange(len(shown)), findings)
    np.testing.assert_array_equal(back, utc_s)
    assert exists.all()
    assert findings.notes() == ()


def test_the_day_of_25_hours_by_the_order_of_the_file() -> None:
    hours = [0, 1, 1, 2]
    instants, exists, findings = read([seconds(2022, 11, 6, hour) for hour in hours])
    assert instants == [datetime(2022, 11, 6, hour, tzinfo=UTC) for hour in (4, 5, 6, 7)]
    assert all(exists)
    assert findings.notes() == ()


def test_a_double_hour_that_stands_once_is_the_first_and_is_noted() -> None:
    instants, _, findings = read([seconds(2022, 11, 6, hour) for hour in (0, 1, 2)])
    assert instants == [datetime(2022, 11, 6, hour, tzinfo=UTC) for hour in (4, 5, 7)]
    assert findings.notes() == (
        "made-up.csv: line 3: 2022-11-06 01:00 comes twice on this clock but once in the file; taken as the first",
    )


def test_an_hour_that_the_clock_skips_is_a_corrupt_row() -> None:
    stamps = [seconds(2022, 3, 13, hour) for hour in (1, 2, 3)]
    _, exists, findings = read(stamps)
    assert exists == [True, False, True]
    with pytest.raises(
        InputError, match=r"made-up\.csv:3: 2022-03-13 02:00 is skipped by the clock of America/New_York"
    ):
        findings.log.raise_if_any()
    instants, exists, findings = read(stamps, "repair")
    findings.log.raise_if_any()
    assert [instants[0], instants[2]] == [datetime(2022, 3, 13, hour, tzinfo=UTC) for hour in (6, 7)]
    assert findings.notes() == (
        "made-up.csv:3: 2022-03-13 02:00 is skipped by the clock of America/New_York; "
        "taken as missing by rule 'repair'",
    )


def test_a_mark_beats_the_order() -> None:
    stamps = np.array([seconds(2022, 11, 6, 1)] * 2)
    marks = np.array([True, False])
    utc_s, _ = clock_to_utc(stamps, NEW_YORK, np.array([2, 3]), Findings("x"), marks)
    assert (utc_s - seconds(2022, 11, 6)).tolist() == [6 * 3600, 5 * 3600]
