from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.physics.psychrometrics import pressure_at_altitude_pa
from simulator.signals.epw import read_epw
from simulator.signals.gaps import GapRule
from simulator.signals.open_meteo import read_open_meteo
from simulator.signals.weather import WeatherSeries

HOUR = 3600


def faults_of(read: Callable[[Path], object], path: Path) -> list[tuple[int | None, str, str]]:
    with pytest.raises(InputError) as caught:
        read(path)
    return [(fault.line, fault.path, fault.message) for fault in caught.value.faults]


# A made-up EPW file: dry bulb = day + hour / 100, so that each hour tells its own place.


def epw_rows(days: int = 365, year: int = 2001) -> list[list[str]]:
    start = datetime(year, 1, 1)
    rows = []
    for index in range(24 * days):
        t = start + timedelta(hours=index)
        source_year = 1977 + t.month  # jumps from month to month, as in a typical year
        rows.append(
            [str(source_year), str(t.month), str(t.day), str(t.hour + 1), "0", "?9?9?9", f"{t.day + t.hour / 100:.2f}"]
            + ["-5.0", "50", "95000"]
            + ["0"] * 25
        )
    return rows


def write_epw(
    path: Path, rows: list[list[str]], *, offset: str = "-6.0", per_hour: str = "1", newline: str = "\n"
) -> Path:
    header = [
        f"LOCATION,Made Up,IL,USA,TMY3,000000,41.98,-87.92,{offset},201.0",
        "DESIGN CONDITIONS,0",
        "TYPICAL/EXTREME PERIODS,0",
        "GROUND TEMPERATURES,0",
        "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
        "COMMENTS 1,São Paulo written in Latin-1",
        "COMMENTS 2,",
        f"DATA PERIODS,1,{per_hour},Data,Sunday, 1/ 1,12/31",
    ]
    path.write_bytes(newline.join([*header, *(",".join(row) for row in rows)]).encode("latin-1"))
    return path


@pytest.fixture(scope="module")
def epw(tmp_path_factory: pytest.TempPathFactory) -> WeatherSeries:
    return read_epw(write_epw(tmp_path_factory.mktemp("epw") / "x.epw", epw_rows(), newline="\r\n"))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2033, 1, 1)))
@settings(deadline=None)
def test_an_hour_ends_at_its_number_in_local_standard_time(epw: WeatherSeries, moment: datetime) -> None:
    weather = epw.to_weather(moment.replace(tzinfo=UTC), 1.0).weather
    local = moment - timedelta(hours=6)
    day = 28 if (local.month, local.day) == (2, 29) else local.day
    assert weather.dry_bulb_c.at(0.0) == pytest.approx(day + local.hour / 100, abs=1e-12)
    assert weather.relative_humidity.at(0.0) == 0.5
    assert weather.pressure_pa.at(0.0) == 95_000.0


def test_a_half_hour_zone(tmp_path: Path) -> None:
    series = read_epw(write_epw(tmp_path / "x.epw", epw_rows(), offset="5.5"))
    weather = series.to_weather(datetime(2022, 4, 30, 18, 0, tzinfo=UTC), 2 * HOUR).weather
    assert weather.dry_bulb_c.edges_s.tolist() == [0.0, 1800.0, 5400.0, 7200.0]
    assert weather.dry_bulb_c.values.tolist() == [30.23, 1.0, 1.01]


def test_a_file_with_a_29_february_uses_it(tmp_path: Path) -> None:
    rows = epw_rows(366, 2000)
    for row in rows[59 * 24 : 60 * 24]:
        row[6] = "40.0"
    series = read_epw(write_epw(tmp_path / "x.epw", rows, offset="0"))
    reading = series.to_weather(datetime(2024, 2, 29, tzinfo=UTC), 24 * HOUR)
    assert reading.weather.dry_bulb_c.mean(0.0, 24 * HOUR) == 40.0
    assert not any("28 February" in note for note in reading.notes)
    common = series.to_weather(datetime(2023, 2, 28, 23, tzinfo=UTC), 2 * HOUR)
    assert common.weather.dry_bulb_c.values.tolist() == [28.23, 1.0]


def test_missing_codes_are_gaps_with_their_lines(tmp_path: Path) -> None:
    rows = epw_rows()
    rows[10][6], rows[20][8], rows[30][9], rows[40][6] = "99.9", "999", "999999", ""
    series = read_epw(write_epw(tmp_path / "x.epw", rows, offset="0"))
    assert [gap.line for gap in series.dry_bulb.gaps()] == [19, 49]
    assert [gap.line for gap in series.relative_humidity.gaps()] == [29]
    assert [gap.line for gap in series.pressure.gaps()] == [39]
    start = datetime(2023, 1, 1, tzinfo=UTC)
    with pytest.raises(InputError) as caught:
        series.to_weather(start, 48 * HOUR)
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [
        (19, "dry_bulb_c"),
        (49, "dry_bulb_c"),
        (29, "relative_humidity"),
        (39, "pressure_pa"),
    ]
    filled = series.to_weather(start, 48 * HOUR, GapRule("interpolate", 1.0))
    assert filled.weather.dry_bulb_c.at(10.5 * HOUR) == pytest.approx(0.5 * (1.09 + 1.11), abs=1e-12)
    assert len(filled.filled) == 4


def test_faults_of_rows(tmp_path: Path) -> None:
    rows = epw_rows()
    rows[0][6] = "75"
    rows[1][6] = "-90.5"
    rows[2][8] = "101"
    rows[3][9] = "1013"
    rows[4][6] = "cold"
    rows[5].pop()
    rows[6][1] = "13"
    rows[7][3] = "0"
    rows[8][1], rows[8][2] = "2", "30"
    rows[9][2] = "1.5"
    rows[10] = rows[10] + ["1"]
    rows[12] = list(rows[11])
    rows[14] = list(rows[3])
    rows[14][9] = "95000"
    assert faults_of(read_epw, write_epw(tmp_path / "x.epw", rows)) == [
        (9, "dry bulb", "75 is outside -90 to 60"),
        (10, "dry bulb", "-90.5 is outside -90 to 60"),
        (11, "relative humidity", "101 is outside 0 to 100"),
        (12, "atmospheric station pressure", "1013 is outside 31000 to 120000"),
        (13, "dry bulb", "'cold' is not a finite number"),
        (14, "", "has 34 fields, expected 35"),
        (15, "", "month 13, day 1, hour 7 is no hour of a year"),
        (16, "", "month 1, day 1, hour 0 is no hour of a year"),
        (17, "", "month 2, day 30, hour 9 is no hour of a year"),
        (18, "", "month 1, day 1.5, hour 10 is no hour of a year"),
        (19, "", "has 36 fields, expected 35"),
        (21, "", "stamp 2001-01-01 17:00 UTC repeats that of the row before, with nothing new"),
        (23, "", "stamp 2001-01-01 09:00 UTC goes back from that of the row before, 2001-01-01 19:00"),
    ]


def test_wrong_epw_headers(tmp_path: Path) -> None:
    path = tmp_path / "x.epw"
    path.write_text("Date,Temperature\n2022-01-01,5\n")
    assert faults_of(read_epw, path) == [
        (1, "", "reads 'Date,Temperature', expected LOCATION and nine fields as in an EPW file"),
        (8, "", "reads '', expected DATA PERIODS as in an EPW file"),
    ]
    assert faults_of(read_epw, write_epw(path, epw_rows(1), offset="west")) == [
        (1, "time zone", "'west' is not a finite number")
    ]
    assert faults_of(read_epw, write_epw(path, epw_rows(1), offset="15")) == [
        (1, "time zone", "15 is outside -12 to 14 h")
    ]
    assert faults_of(read_epw, write_epw(path, epw_rows(1), per_hour="4")) == [
        (8, "", "states '4' records an hour, only 1 is supported")
    ]
    assert faults_of(read_epw, write_epw(path, [])) == [(9, "", "has no rows of data")]


# Made-up Open-Meteo files.


def open_meteo(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "utc_offset_seconds": -25_200,
        "elevation": 1609.0,
        "hourly_units": {"time": "iso8601", "temperature_2m": "°C", "relative_humidity_2m": "%"},
        "hourly": {
            "time": [f"2022-01-01T{hour:02d}:00" for hour in range(4)],
            "temperature_2m": [5.9, -3, 7.25, 8.0],
            "relative_humidity_2m": [88, 100, 0, 55.5],
        },
    }
    for path, value in changes.items():
        place, *rest = path.split("__")
        if rest:
            content[place][rest[0]] = value
        else:
            content[place] = value
    return content


def write_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def test_open_meteo_is_local_time_with_one_fixed_offset(tmp_path: Path) -> None:
    series = read_open_meteo(write_json(tmp_path / "x.json", open_meteo()))
    assert series.dry_bulb.starts_utc_s[0] == datetime(2022, 1, 1, 7, tzinfo=UTC).timestamp()
    reading = series.to_weather(datetime(2022, 1, 1, 8, tzinfo=UTC), 3 * HOUR)
    weather = reading.weather
    assert [weather.dry_bulb_c.at(t) for t in (0.0, 3600.0, 7200.0)] == [-3.0, 7.25, 8.0]
    np.testing.assert_allclose(
        [weather.relative_humidity.at(t) for t in (0.0, 3600.0, 7200.0)], [1.0, 0.0, 0.555], rtol=1e-15
    )
    assert weather.pressure_pa.at(0.0) == pressure_at_altitude_pa(1609.0)
    assert reading.notes == (
        f"{tmp_path}/x.json: pressure is that of the standard atmosphere at 1609 m",
        f"{tmp_path}/x.json: times are local with one offset for the whole file, UTC -7 h",
    )


def test_a_surface_pressure_is_used_when_it_is_there(tmp_path: Path) -> None:
    content = open_meteo(hourly__surface_pressure=[830.0, 831.5, None, 833.0], hourly_units__surface_pressure="hPa")
    series = read_open_meteo(write_json(tmp_path / "x.json", content))
    assert series.pressure.values.tolist() == [83_000.0, 83_150.0, 83_300.0]
    assert not any("standard atmosphere" in note for note in series.pressure.notes)
    assert [gap.length_h for gap in series.pressure.gaps()] == [1.0]


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.floats(-60, 50)), st.integers(0, 100)), min_size=3, max_size=30),
    st.integers(-12, 14),
)
@settings(deadline=None)
def test_open_meteo_round_trip(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[float | None, int]], offset_h: int
) -> None:
    if all(dry_bulb is None for dry_bulb, _ in values):
        return
    start = datetime(2022, 5, 1, tzinfo=UTC)
    local = [start + timedelta(hours=offset_h + hour) for hour in range(len(values))]
    content = open_meteo(
        utc_offset_seconds=offset_h * HOUR,
        hourly__time=[t.strftime("%Y-%m-%dT%H:%M") for t in local],
        hourly__temperature_2m=[dry_bulb for dry_bulb, _ in values],
        hourly__relative_humidity_2m=[humidity for _, humidity in values],
    )
    series = read_open_meteo(write_json(tmp_path_factory.mktemp("meteo") / "x.json", content))
    present = [hour for hour, (dry_bulb, _) in enumerate(values) if dry_bulb is not None]
    assert series.dry_bulb.starts_utc_s.tolist() == [start.timestamp() + HOUR * hour for hour in present]
    assert series.dry_bulb.values.tolist() == [values[hour][0] for hour in present]
    assert series.relative_humidity.values.tolist() == [humidity * 0.01 for _, humidity in values]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"elevation": None}, ("elevation", "must be a number, got None")),
        ({"elevation": 20_000}, ("elevation", "20000 is outside -1000 to 9999.9")),
        ({"utc_offset_seconds": True}, ("utc_offset_seconds", "must be a number, got True")),
        ({"hourly": []}, ("hourly", "must be a JSON object")),
        ({"hourly_units__temperature_2m": "°F"}, ("hourly_units.temperature_2m", "must be '°C', got '°F'")),
        ({"hourly_units__time": "unixtime"}, ("hourly_units.time", "must be 'iso8601', got 'unixtime'")),
        ({"hourly__temperature_2m": [1, 2]}, ("hourly.temperature_2m", "has 2 values for 4 times")),
        ({"hourly__temperature_2m": "warm"}, ("hourly.temperature_2m", "must be a list with values")),
        ({"hourly__temperature_2m": [1, "2", 3, 4]}, ("hourly.temperature_2m", "row 2: '2' is not a finite number")),
        ({"hourly__temperature_2m": [1, True, 3, 4]}, ("hourly.temperature_2m", "row 2: True is not a finite number")),
        (
            {"hourly__temperature_2m": [1, float("nan"), 3, 4]},
            ("hourly.temperature_2m", "row 2: nan is not a finite number"),
        ),
        ({"hourly__temperature_2m": [1, 2, 61, 4]}, ("hourly.temperature_2m", "row 3: 61 is outside -90 to 60")),
        (
            {"hourly__relative_humidity_2m": [1, 2, 3, 101]},
            ("hourly.relative_humidity_2m", "row 4: 101 is outside 0 to 100"),
        ),
        ({"hourly__relative_humidity_2m": [None] * 4}, ("hourly.relative_humidity_2m", "has no value")),
        (
            {"hourly__time": ["2022-01-01T00:00", "2022-01-01T01:00Z", "2022-01-01T02:00", "2022-01-01T03:00"]},
            ("hourly.time", "row 2: '2022-01-01T01:00Z' has an offset, expected local time"),
        ),
        (
            {"hourly__time": ["2022-01-01T00:00", "2022-01-01T01:00", "2022-01-01T01:00", "2022-01-01T03:00"]},
            (
                "",
                "row 3: stamp 2022-01-01 08:00 UTC repeats that of the row before, "
                "with 7.25 after -3 for hourly.temperature_2m",
            ),
        ),
    ],
)
def test_faults_of_open_meteo_files(tmp_path: Path, changes: dict[str, Any], fault: tuple[str, str]) -> None:
    path = write_json(tmp_path / "x.json", open_meteo(**changes))
    assert faults_of(read_open_meteo, path) == [(None, *fault)]


def test_missing_parts_of_open_meteo_files(tmp_path: Path) -> None:
    path = write_json(tmp_path / "x.json", {})
    assert [fault[1:] for fault in faults_of(read_open_meteo, path)] == [
        (key, "is missing") for key in ("utc_offset_seconds", "elevation", "hourly", "hourly_units")
    ]
    path.write_text('{"a": 1,\n "b": }')
    assert faults_of(read_open_meteo, path) == [(2, "", "is not JSON: Expecting value")]
    path.write_text("[1, 2]")
    assert faults_of(read_open_meteo, path) == [(None, "", "is not a weather file: expected a JSON object at the top")]
    path.write_bytes(b'{"a": "\xff"}')
    assert faults_of(read_open_meteo, path) == [(None, "", "is not UTF-8 text: byte 7 is 0xff")]
    path.write_text("[" * 100_000)
    assert faults_of(read_open_meteo, path) == [(None, "", "is not a weather file: it is nested too deeply")]
