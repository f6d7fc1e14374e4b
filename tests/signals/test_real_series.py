# ruff: noqa: PD011  the values are those of our own records, not of a data frame
"""The readers on real files of the reference data, against figures that their READMEs or another reader give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simulator.errors import InputError
from simulator.physics.psychrometrics import pressure_at_altitude_pa, wet_bulb_c
from simulator.signals.carbon_parquet import read_parquet_carbon
from simulator.signals.eia_carbon import read_eia_carbon
from simulator.signals.epw import read_epw
from simulator.signals.gaps import GapRule
from simulator.signals.market_prices import read_market_prices
from simulator.signals.open_meteo import read_open_meteo

HOUR = 3600
YEAR_H = 8760
NEW_YEAR = datetime(2022, 1, 1, tzinfo=UTC)


def test_three_empty_hours_of_california(shared: Path) -> None:
    path = shared / "data/carbon/eia_us_2022/CISO_NG_&_avgCI.csv"
    series = read_eia_carbon(path)
    assert len(series.values) == YEAR_H - 3
    assert [gap.line for gap in series.gaps()] == [108, 3284, 3932]
    with pytest.raises(InputError) as caught:
        series.to_signal(NEW_YEAR, YEAR_H * HOUR)
    assert [fault.line for fault in caught.value.faults] == [108, 3284, 3932]
    reading = series.to_signal(NEW_YEAR, YEAR_H * HOUR, GapRule("interpolate", 1.0))
    assert [gap.gap.start_utc_s for gap in reading.filled] == [
        datetime(2022, 1, 5, 10, tzinfo=UTC).timestamp(),
        datetime(2022, 5, 17, 18, tzinfo=UTC).timestamp(),
        datetime(2022, 6, 13, 18, tzinfo=UTC).timestamp(),
    ]


@pytest.mark.parametrize("region", ["CISO", "ERCO", "NYIS", "AZPS"])
def test_the_intensity_is_that_of_the_generation(shared: Path, region: str) -> None:
    path = shared / f"data/carbon/eia_us_2022/{region}_NG_&_avgCI.csv"
    generation_mwh = pd.read_csv(path).dropna()
    factors = {"WND": 11, "SUN": 41, "WAT": 24, "OIL": 650, "NG": 490, "COL": 820, "NUC": 12, "OTH": 230}
    emitted = sum(factor * generation_mwh[fuel] for fuel, factor in factors.items())
    expected = emitted / generation_mwh[list(factors)].sum(axis=1)
    series = read_eia_carbon(path)
    np.testing.assert_allclose(series.values, expected, rtol=1e-14)  # the file's own formula, in float64


def test_a_signal_of_a_year_has_the_mean_of_the_file(shared: Path) -> None:
    path = shared / "data/carbon/eia_us_2022/ERCO_NG_&_avgCI.csv"
    signal = read_eia_carbon(path).to_signal(NEW_YEAR, YEAR_H * HOUR).signal
    column = pd.read_csv(path)["avg_CI"]
    assert signal.mean(0.0, YEAR_H * HOUR) == pytest.approx(column.mean(), rel=1e-12)  # 8,760 additions of float64
    np.testing.assert_allclose(signal.means(HOUR * np.arange(YEAR_H + 1.0)), column, rtol=1e-15)


@pytest.mark.parametrize(("zone", "negative"), [("DE-LU", 70), ("US-TEX-ERCO", None), ("US-CAL-CISO", None)])
def test_prices(shared: Path, zone: str, negative: int | None) -> None:
    series = read_market_prices(shared / f"data/prices/{zone}/2022/{zone}_electricity_prices_2022.csv")
    assert len(series.values) == YEAR_H
    assert series.gaps() == ()
    assert series.quantity.name == "price_usd_per_kwh"
    if negative is not None:
        assert int((series.values < 0.0).sum()) == negative
    if zone == "US-TEX-ERCO":
        assert series.values.max() == pytest.approx(2.457, abs=0.0005)  # 2,457 USD/MWh as its README states


def test_opendc_parquet(shared: Path) -> None:
    folder = shared / "data/carbon/opendc_eu_2022"
    netherlands = read_parquet_carbon(folder / "2022-01-01_2022-12-31_NL.parquet")
    assert (len(netherlands.values), netherlands.step_s, netherlands.gaps()) == (34_944, 900, ())
    france = read_parquet_carbon(folder / "2022-01-01_2022-12-31_FR.parquet")
    assert (len(france.values), france.step_s) == (8_735, HOUR)
    assert [gap.length_h for gap in france.gaps()] == [1.0]
    with pytest.raises(InputError, match="covers 2022-01-01 00:00 to 2022-12-31 00:00 UTC"):
        netherlands.to_signal(NEW_YEAR, YEAR_H * HOUR)


def test_chicago(shared: Path) -> None:
    series = read_epw(shared / "data/weather/epw_tmy3/USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw")
    assert len(series.dry_bulb.values) == YEAR_H
    assert series.dry_bulb.gaps() == ()
    assert (series.dry_bulb.values.min(), series.dry_bulb.values.max()) == (-22.8, 35.0)
    # First row: hour 1 of 1 January, -12.2 deg C, 73 %, 99,500 Pa, from 06:00 UTC. The row before it is the last.
    weather = series.to_weather(datetime(2023, 1, 1, 5, tzinfo=UTC), 3 * HOUR).weather
    assert weather.dry_bulb_c.values.tolist() == [-6.1, -12.2, -11.7]
    assert weather.relative_humidity.at(1.5 * HOUR) == pytest.approx(0.73, rel=1e-15)
    assert weather.pressure_pa.at(1.5 * HOUR) == 99_500.0
    assert weather.wet_bulb_c.at(1.5 * HOUR) == wet_bulb_c(-12.2, 0.73, 99_500.0)


def test_a_leap_year_of_tucson(shared: Path) -> None:
    series = read_epw(shared / "data/weather/epw_tmy3/USA_AZ_Davis-Monthan.AFB.722745_TMY3.epw")
    reading = series.to_weather(datetime(2024, 1, 1, tzinfo=UTC), 366 * 24 * HOUR)
    assert [note.split(": ")[1] for note in reading.notes] == [
        "a typical year, repeated by date",
        "hours are of local standard time, UTC -7 h, without daylight saving",
        "29 February 2024 uses the values of 28 February",
    ]
    hours = HOUR * np.arange(366 * 24 + 1.0)
    dry_bulb, wet_bulb = reading.weather.dry_bulb_c.means(hours), reading.weather.wet_bulb_c.means(hours)
    assert (wet_bulb <= dry_bulb + 0.001).all()  # PsychroLib stops within 0.001 K
    assert dry_bulb.max() == 42.0


@pytest.mark.parametrize(
    ("zone", "offset_h", "first", "elevation_m"),
    [
        ("US-CAL-CISO", -7, (5.9, 0.88), 7.0),
        ("US-TEX-ERCO", -5, (18.2, 0.98), 142.0),
        ("DE-LU", 1, (9.5, 0.93), 111.0),
        ("SG", 8, (23.7, 0.92), 19.0),
    ],
)
def test_open_meteo(shared: Path, zone: str, offset_h: int, first: tuple[float, float], elevation_m: float) -> None:
    series = read_open_meteo(shared / f"data/weather/open_meteo/{zone}/2022.json")
    assert len(series.dry_bulb.values) == YEAR_H
    start = NEW_YEAR - timedelta(hours=offset_h)
    weather = series.to_weather(start, YEAR_H * HOUR).weather
    dry_bulb, humidity = weather.dry_bulb_c.at(0.0), weather.relative_humidity.at(0.0)
    assert (dry_bulb, humidity) == pytest.approx(first, rel=1e-15)
    assert weather.pressure_pa.at(0.0) == pressure_at_altitude_pa(elevation_m)
    assert weather.wet_bulb_c.at(0.0) == wet_bulb_c(dry_bulb, humidity, pressure_at_altitude_pa(elevation_m))
