"""The one rule for rows that cannot be right: refused with file, line and value, or repaired and listed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.signals.gaps import GapRule
from simulator.signals.market_prices import read_market_prices
from simulator.signals.open_meteo import read_open_meteo

HOUR = 3600
START = datetime(2022, 1, 1, tzinfo=UTC)
HEADER = "Datetime (UTC),Datetime (Local),Price (USD/MWh)"


def stamp(hour: int) -> str:
    return (START + timedelta(hours=hour)).strftime("%Y-%m-%d %H:%M:%S+00:00")


def write(path: Path, rows: list[tuple[int, str]]) -> Path:
    path.write_text("\n".join([HEADER, *(f"{stamp(hour)},,{value}" for hour, value in rows)]))
    return path


CORRUPT = [
    (0, "10"),
    (1, "NaN"),
    (2, "30"),
    (3, "1e9"),
    (4, "50"),
    (4, "50"),
    (5, "60"),
    (5, "61"),
    (7, "80"),
    (6, "70"),
]
"""An hour of text, an absurd one, one written twice, one written twice differently, two in the wrong order."""


def test_corrupt_hours_are_refused_with_file_line_and_value(tmp_path: Path) -> None:
    path = write(tmp_path / "pjm_style.csv", CORRUPT)
    with pytest.raises(InputError) as caught:
        read_market_prices(path)
    assert str(caught.value).splitlines() == [
        f"{path}:3: Price (USD/MWh): 'NaN' is not a finite number",
        f"{path}:5: Price (USD/MWh): 1e+09 is outside -5000 to 50000",
        f"{path}:7: stamp 2022-01-01 04:00 UTC repeats that of the row before, with nothing new",
        f"{path}:9: stamp 2022-01-01 05:00 UTC repeats that of the row before, with 61 after 60 for Price (USD/MWh)",
        f"{path}:11: stamp 2022-01-01 06:00 UTC goes back from that of the row before, 2022-01-01 07:00",
    ]


def test_corrupt_hours_are_repaired_when_asked_and_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "pjm_style.csv", CORRUPT)
    series = read_market_prices(path, "repair")
    assert (1000 * series.values).round().tolist() == [10, 30, 50, 70, 80]
    assert series.notes == (
        f"{path}: 1 rows stand after a later one (first: line 11), put in order by rule 'repair'",
        f"{path}: 1 rows repeat a stamp with nothing new (first: line 7), left out by rule 'repair'",
        f"{path}:3: Price (USD/MWh): 'NaN' is not a finite number; taken as missing by rule 'repair'",
        f"{path}:5: Price (USD/MWh): 1e+09 is outside -5000 to 50000; taken as missing by rule 'repair'",
        f"{path}:9: Price (USD/MWh): 61 disagrees with 60 in line 8 about 2022-01-01 05:00 UTC; "
        "taken as missing by rule 'repair'",
    )
    with pytest.raises(InputError, match="state a rule for gaps"):  # what is missing still needs a rule of its own
        series.to_signal(START, 8 * HOUR)
    reading = series.to_signal(START, 8 * HOUR, GapRule("interpolate", 1.0))
    np.testing.assert_allclose(reading.signal.means(HOUR * np.arange(9.0)), np.arange(10, 90, 10) / 1000, rtol=1e-12)
    assert [gap.gap.length_h for gap in reading.filled] == [1.0, 1.0, 1.0]


def test_a_long_list_is_cut_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", [(hour, "bad" if hour % 2 else "1") for hour in range(100)])
    notes = read_market_prices(path, "repair").notes
    assert len(notes) == 21
    assert notes[-1] == f"{path}: and 30 more corrupt values, taken as missing by rule 'repair'"


@settings(deadline=None)  # each example writes a file
@given(st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["1", "2", "x", "1e9", ""])), min_size=3, max_size=30))
def test_repair_keeps_exactly_the_hours_that_are_told_one_way(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]]
) -> None:
    path = write(tmp_path_factory.mktemp("repair") / "x.csv", rows)
    told = {hour: {_readable(value) for at, value in rows if at == hour} for hour in range(12)}
    expected = {hour: next(iter(v)) for hour, v in told.items() if len(v) == 1 and v.isdisjoint({None, 1e9})}
    if len(expected) == 0 or len({hour for hour, _ in rows}) < 2:
        return
    series = read_market_prices(path, "repair")
    hours = (series.starts_utc_s - int(START.timestamp())) // HOUR
    assert dict(zip(hours.tolist(), (1000 * series.values).round().tolist(), strict=True)) == expected
    assert all(a < b for a, b in pairwise(series.starts_utc_s.tolist()))


def _readable(value: str) -> float | None:
    """Return the number in a field, if there is one."""
    return None if value in ("", "x") else float(value)


def test_negative_prices_are_allowed_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", [(0, "5"), (1, "-3"), (2, "-40"), (3, "8"), (4, "-9")])
    reading = read_market_prices(path).to_signal(START, 4 * HOUR)
    assert reading.signal.at(2.0 * HOUR) == -0.04
    assert reading.notes == (
        f"{path}: price_usd_per_kwh: 2 of 4 values of the run are below 0, the lowest -0.04 from 2022-01-01 02:00 UTC",
    )


def test_weather_is_repaired_by_the_same_rule(tmp_path: Path) -> None:
    path = tmp_path / "weather.json"
    path.write_text(
        """{"utc_offset_seconds": 0, "elevation": 0, "hourly_units": {"time": "iso8601", "temperature_2m": "°C",
        "relative_humidity_2m": "%"}, "hourly": {"time": ["2022-01-01T00:00", "2022-01-01T01:00", "2022-01-01T02:00"],
        "temperature_2m": [10, 999, 20], "relative_humidity_2m": [50, 60, 70]}}"""
    )
    with pytest.raises(InputError, match=r"hourly\.temperature_2m: row 2: 999 is outside -90 to 60"):
        read_open_meteo(path)
    series = read_open_meteo(path, "repair")
    weather = series.to_weather(START, 3 * HOUR, GapRule("interpolate", 1.0)).weather
    assert weather.dry_bulb_c.at(1.5 * HOUR) == 15.0
    assert weather.relative_humidity.at(1.5 * HOUR) == 0.6
