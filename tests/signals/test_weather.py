from __future__ import annotations

import itertools
from datetime import UTC, datetime

import numpy as np
import pytest

from simulator.errors import InputError
from simulator.physics.psychrometrics import wet_bulb_c
from simulator.signals.gaps import GapRule
from simulator.signals.quantities import DRY_BULB, PRESSURE, RELATIVE_HUMIDITY, Quantity
from simulator.signals.series import Series
from simulator.signals.weather import OutdoorMeans, WeatherSeries, constant_weather

HOUR = 3600
START = datetime(2022, 7, 1, tzinfo=UTC)


def series(quantity: Quantity, values: list[float | None]) -> Series:
    present = [hour for hour, value in enumerate(values) if value is not None]
    return Series(
        file="made-up.epw",
        quantity=quantity,
        starts_utc_s=int(START.timestamp()) + HOUR * np.array(present),
        values=np.array([value for value in values if value is not None]),
        lines=np.array(present) + 9,
        step_s=HOUR,
    )


def test_the_wet_bulb_of_every_hour_is_that_of_its_state() -> None:
    dry, humidity, pressure = [30.0, 7.0, 30.0, -20.0], [0.5, 0.61, 0.5, 0.9], [101_325.0, 100_000.0, 101_325.0, 9e4]
    weather = WeatherSeries(
        series(DRY_BULB, [*dry]), series(RELATIVE_HUMIDITY, [*humidity]), series(PRESSURE, [*pressure])
    )
    read = weather.to_weather(START, 4 * HOUR).weather
    for hour in range(4):
        t = (hour + 0.5) * HOUR
        assert (read.dry_bulb_c.at(t), read.relative_humidity.at(t), read.pressure_pa.at(t)) == (
            dry[hour], humidity[hour], pressure[hour],
        )  # fmt: skip
        assert read.wet_bulb_c.at(t) == wet_bulb_c(dry[hour], humidity[hour], pressure[hour])
    # PsychroLib's own test value at 7 C, 61 %, 100 kPa, which it states to 0.1 %.
    assert read.wet_bulb_c.at(HOUR) == pytest.approx(3.92667, abs=0.004)


def test_a_gap_in_one_quantity_is_filled_before_the_wet_bulb_is_computed() -> None:
    weather = WeatherSeries(
        series(DRY_BULB, [10.0, 10.0, 10.0]), series(RELATIVE_HUMIDITY, [0.4, None, 0.8]), series(PRESSURE, [1e5] * 3)
    )
    with pytest.raises(InputError) as caught:
        weather.to_weather(START, 3 * HOUR)
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [(10, "relative_humidity")]
    reading = weather.to_weather(START, 3 * HOUR, GapRule("interpolate", 1.0))
    assert reading.weather.wet_bulb_c.at(1.5 * HOUR) == wet_bulb_c(10.0, 0.4 + 0.5 * (0.8 - 0.4), 1e5)
    assert [gap.quantity for gap in reading.filled] == ["relative_humidity"]


def test_the_same_fault_of_three_series_is_shown_once() -> None:
    weather = WeatherSeries(
        series(DRY_BULB, [10.0, 10.0]), series(RELATIVE_HUMIDITY, [0.4, 0.4]), series(PRESSURE, [1e5] * 2)
    )
    with pytest.raises(InputError) as caught:
        weather.to_weather(START, 3 * HOUR)
    assert len(caught.value.faults) == 1
    missing_hour = WeatherSeries(
        series(DRY_BULB, [1.0, None, 1.0, 1.0]),
        series(RELATIVE_HUMIDITY, [0.4, None, 0.4, 0.4]),
        series(PRESSURE, [1e5] * 4),
    )
    with pytest.raises(InputError) as caught:
        missing_hour.to_weather(START, 4 * HOUR)
    assert [fault.path for fault in caught.value.faults] == ["dry_bulb_c", "relative_humidity"]


def test_constant_weather() -> None:
    weather = constant_weather(18.0, 0.6, 95_000.0)
    assert weather.wet_bulb_c.at(1e6) == wet_bulb_c(18.0, 0.6, 95_000.0)
    assert weather.dry_bulb_c.mean(0.0, 10.0) == 18.0
    assert (weather.relative_humidity.at(0.0), weather.pressure_pa.at(0.0)) == (0.6, 95_000.0)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ((60.1, 0.5, 1e5), "dry_bulb_c must be -90 to 60, got 60.1"),
        ((20.0, 50.0, 1e5), "relative_humidity must be 0 to 1, got 50"),
        ((20.0, 0.5, 1013.0), "pressure_pa must be 31000 to 120000, got 1013"),
        ((float("nan"), 0.5, 1e5), "dry_bulb_c"),
    ],
)
def test_impossible_weather_is_refused(state: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        constant_weather(*state)


@pytest.mark.parametrize("humidity", [0.0, 1.0])
@pytest.mark.parametrize("dry_bulb", [-60.0, -90.0, 0.0, 60.0])
def test_the_corners_of_the_range_have_a_wet_bulb(dry_bulb: float, humidity: float) -> None:
    wet_bulb = constant_weather(dry_bulb, humidity, 31_000.0).wet_bulb_c.at(0.0)
    assert wet_bulb <= dry_bulb + 0.001  # PsychroLib stops within 0.001 K
    if humidity == 1.0:
        assert wet_bulb == pytest.approx(dry_bulb, abs=0.001)


def test_means_over_steps_are_those_of_the_signals() -> None:
    weather = (
        WeatherSeries(
            series(DRY_BULB, [10.0, 14.0, 14.0]),
            series(RELATIVE_HUMIDITY, [0.4, 0.5, 0.5]),
            series(PRESSURE, [1e5, 1e5, 9.9e4]),
        )
        .to_weather(START, 3 * HOUR)
        .weather
    )
    outdoors, edges_s = OutdoorMeans(weather), [0.0, 900.0, 1800.0, 4000.0, 7200.0, 7200.5, 10_000.0, 10_800.0]
    for start_s, end_s in itertools.pairwise(edges_s):
        signals = (weather.dry_bulb_c, weather.wet_bulb_c, weather.pressure_pa)
        expected = [signal.mean(start_s, end_s) for signal in signals]
        assert outdoors.over(start_s, end_s) == pytest.approx(expected, rel=1e-15)
    # The same step is handed on as it is, and an earlier one is not taken for it.
    assert outdoors.over(8000.0, 9000.0) is outdoors.over(9000.0, 10_000.0)
    assert outdoors.over(0.0, 60.0)[0] == 10.0
