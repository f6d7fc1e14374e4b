"""Typical years in the TMY3 form, made up from a published EPW file of the same data set."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from simulator.errors import InputError
from simulator.signals.epw import read_epw
from simulator.signals.gaps import GapRule
from simulator.signals.tmy3 import read_tmy3

HOUR = 3600
HEADER = "Date (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2),Dry-bulb (C),Dry-bulb source,RHum (%),Pressure (mbar)"
STATION = '725300,"CHICAGO OHARE INTL AP",IL,-6.0,41.983,-87.917,201'


def write(path: Path, rows: list[str], station: str = STATION) -> Path:
    path.write_text("\n".join([station, HEADER, *rows]) + "\n")
    return path


def test_the_same_year_as_in_the_epw_file(shared: Path, tmp_path: Path) -> None:
    source = shared / "data/weather/epw_tmy3/USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw"
    rows = []
    for line in source.read_text().splitlines()[8:]:
        year, month, day, hour, _, _, dry_bulb, _, humidity, pressure = line.split(",")[:10]
        stamp = f"{int(month):02d}/{int(day):02d}/{year},{int(hour):02d}:00"
        rows.append(f"{stamp},0,{dry_bulb},A,{humidity},{float(pressure) / 100!r}")
    series, expected = read_tmy3(write(tmp_path / "made_up_725300TYA.csv", rows)), read_epw(source)
    for name in ("dry_bulb", "relative_humidity", "pressure"):
        here, there = getattr(series, name), getattr(expected, name)
        np.testing.assert_array_equal(here.starts_utc_s, there.starts_utc_s)
        np.testing.assert_allclose(here.values, there.values, rtol=1e-12)
        assert (here.utc_offset_s, here.typical_year, here.step_s) == (-6 * HOUR, True, HOUR)


def test_missing_hours_are_gaps_and_hours_end_at_their_time(tmp_path: Path) -> None:
    rows = [f"01/01/1988,{hour:02d}:00,0,{-9900 if hour == 3 else hour},A,50,990" for hour in range(1, 25)]
    series = read_tmy3(write(tmp_path / "x.csv", rows))
    assert [(gap.line, gap.length_h) for gap in series.dry_bulb.gaps()] == [(5, 1.0)]
    start = datetime(2024, 1, 1, 6, tzinfo=UTC)  # midnight of the station
    with pytest.raises(InputError, match="no value from 2024-01-01 08:00 to 2024-01-01 09:00 UTC"):
        series.to_weather(start, 5 * HOUR)
    weather = series.to_weather(start, 5 * HOUR, GapRule("interpolate", 1.0)).weather
    assert [weather.dry_bulb_c.at(HOUR * hour) for hour in range(5)] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert weather.pressure_pa.at(0.0) == 99_000.0


@pytest.mark.parametrize(
    ("station", "row", "message"),
    [
        (
            STATION.replace("-6.0", "central"),
            "01/01/1988,01:00,0,1,A,50,990",
            "1: time zone: 'central' is not a finite",
        ),
        ("a,b", "01/01/1988,01:00,0,1,A,50,990", "1: has 2 fields, expected the 7 of a TMY3 station"),
        (STATION, "1988-01-01,01:00,0,1,A,50,990", "3: Date (MM/DD/YYYY): 1988-01-01 '01:00' is not a date and time"),
        (STATION, "02/30/1988,01:00,0,1,A,50,990", "3: month 2, day 30, hour 1 is no hour of a year"),
        (STATION, "01/01/1988,25:00,0,1,A,50,990", "3: month 1, day 1, hour 25 is no hour of a year"),
        (STATION, "01/01/1988,01:00,0,1,A,150,990", "3: RHum (%): 150 is outside 0 to 100"),
    ],
)
def test_faults(tmp_path: Path, station: str, row: str, message: str) -> None:
    path = write(tmp_path / "x.csv", [row, "01/01/1988,02:00,0,1,A,50,990"], station)
    with pytest.raises(InputError) as caught:
        read_tmy3(path)
    assert f"{path}:{message}" in str(caught.value)
