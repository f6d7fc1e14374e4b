"""Demand response events in a file: local clocks with daylight saving, durations and ends, and what no event is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulator.errors import InputError
from simulator.signals.grid_events import EventColumns, GridEvent, read_grid_events

PACIFIC = ZoneInfo("America/Los_Angeles")
WITH_ENDS = EventColumns("start", "end", None, 1.0, "kw", 0.0, float("inf"))
WITH_HOURS = EventColumns("start", None, "hours", 3600.0, "fraction", 0.0, 1.0)


def written(folder: Path, *rows: str) -> Path:
    path = folder / "events.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def utc(*clock: int) -> float:
    return datetime(*clock, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]


def test_a_season_of_events_on_the_local_clock(tmp_path: Path) -> None:
    """16:00 in California is 23:00 UTC in August and 00:00 UTC of the day after in December."""
    path = written(
        tmp_path,
        "event,start,end,kw",
        "b,2022-12-05 16:00,2022-12-05 21:00,300",
        "a,2022-08-31 16:00,2022-08-31 21:00,500",
    )
    events, notes = read_grid_events(path, WITH_ENDS, PACIFIC)
    assert events == (
        GridEvent(utc(2022, 8, 31, 23), utc(2022, 9, 1, 4), 500.0, 3),
        GridEvent(utc(2022, 12, 6, 0), utc(2022, 12, 6, 5), 300.0, 2),
    )
    assert notes == ()


def test_durations_are_elapsed_time_over_the_end_of_daylight_saving(tmp_path: Path) -> None:
    path = written(tmp_path, "start,hours,fraction", "2022-11-06T00:30,3,0.25")
    (event,), _ = read_grid_events(path, WITH_HOURS, PACIFIC)
    assert (event.start_utc_s, event.end_utc_s) == (utc(2022, 11, 6, 7, 30), utc(2022, 11, 6, 10, 30))
    to_the_clock = written(tmp_path, "start,end,kw", "2022-11-06T00:30,2022-11-06T03:30,1")
    (event,), _ = read_grid_events(to_the_clock, WITH_ENDS, PACIFIC)
    assert event.end_utc_s - event.start_utc_s == 4 * 3600.0, "the clock shows one hour twice"


def test_a_stamp_that_comes_twice_is_the_first_and_noted(tmp_path: Path) -> None:
    path = written(tmp_path, "start,hours,fraction", "2022-11-06T01:30,1,0.25")
    (event,), notes = read_grid_events(path, WITH_HOURS, PACIFIC)
    assert event.start_utc_s == utc(2022, 11, 6, 8, 30)
    assert notes == (
        f"{path}: line 2: 2022-11-06 01:30 comes twice on this clock but once in the file; taken as the first",
    )


def test_stamps_with_an_offset_need_no_zone(tmp_path: Path) -> None:
    path = written(tmp_path, "start,hours,fraction", "2022-06-01T10:00:00+02:00,1,1")
    assert read_grid_events(path, WITH_HOURS)[0][0].start_utc_s == utc(2022, 6, 1, 8)


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        (["2022-06-01T10:00Z,1,25"], ["2: fraction: '25' must be > 0 and <= 1"]),
        (["2022-06-01T10:00Z,1,0"], ["2: fraction: '0' must be > 0 and <= 1"]),
        (
            ["2022-06-01T10:00Z,,0.2", "2022-06-02T10:00Z,1,"],
            ["2: hours: '' is no value", "3: fraction: '' is no value"],
        ),
        (["2022-06-01T10:00Z,-1,0.2"], ["2: hours: '-1' does not come after the start"]),
        (["2022-06-01T10:00Z,two,0.2"], ["2: hours: 'two' is not a finite number"]),
        (["10 June,1,0.2"], ["2: start: '10 June' is not a date and time such as 2022-06-01 13:00:00+00:00"]),
        (["2022-06-01T10:00,1,0.2"], ["2: start: has stamps without an offset; state their time zone"]),
        (
            ["2022-06-01T10:00Z,2,0.2", "2022-06-01T11:00Z,2,0.2"],
            ["3: begins at 2022-06-01 11:00 UTC, before the event of line 2 ends"],
        ),
    ],
)  # fmt: skip
def test_what_no_event_is(tmp_path: Path, rows: list[str], faults: list[str]) -> None:
    path = written(tmp_path, "start,hours,fraction", *rows)
    with pytest.raises(InputError) as caught:
        read_grid_events(path, WITH_HOURS)
    said = str(caught.value).splitlines()
    assert len(said) == len(faults)
    for line, fault in zip(said, faults, strict=True):
        assert line.startswith(f"{path}:{fault}"), line


def test_an_hour_that_the_clock_skips(tmp_path: Path) -> None:
    path = written(tmp_path, "start,hours,fraction", "2022-03-13T02:30,1,0.2")
    with pytest.raises(InputError, match=r":2: 2022-03-13 02:30 is skipped by the clock of America/Los_Angeles"):
        read_grid_events(path, WITH_HOURS, PACIFIC)


def test_ends_or_durations() -> None:
    with pytest.raises(ValueError, match="either a column of ends or one of durations"):
        EventColumns("start", "end", "hours", 1.0, "kw", 0.0, 1.0)
