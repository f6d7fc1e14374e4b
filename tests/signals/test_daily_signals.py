from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.physics.psychrometrics import dew_point_c, wet_bulb_c
from simulator.signals.daily import DailyCycle, daily_profile

HOUR = 3600.0
START = datetime(2022, 6, 1, tzinfo=UTC)


@settings(deadline=None)
@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.floats(1.0, 90.0 * HOUR))
def test_every_hour_has_its_value(start: datetime, duration_s: float) -> None:
    values = [float(hour) for hour in range(24)]
    signal = daily_profile(values, start.replace(tzinfo=UTC), duration_s)
    assert signal.edges_s[0] == 0.0
    assert signal.edges_s[-1] == duration_s
    for t in np.linspace(0.0, duration_s, 50)[:-1].tolist():
        moment = start + timedelta(seconds=t)
        seconds = moment.minute * 60 + moment.second
        if 1 < seconds < 3599:  # the microseconds of timedelta do not decide
            assert signal.at(t) == moment.hour


def test_the_mean_of_a_day_is_that_of_the_values() -> None:
    values = np.random.default_rng(1).uniform(0.0, 500.0, 24)
    start = START.astimezone(timezone(timedelta(hours=-7))) + timedelta(hours=5, minutes=20)
    signal = daily_profile(values.tolist(), start, 3 * 24 * HOUR)
    assert signal.mean(0.0, 3 * 24 * HOUR) == pytest.approx(values.mean(), rel=1e-13)  # 72 additions


def test_a_daily_cycle_of_weather() -> None:
    weather = DailyCycle(20.0, 8.0, 15, 9.0, 95_000.0).to_weather(START, 48 * HOUR)
    for hour in (0, 3, 9, 15, 20, 39):
        t = (hour + 0.5) * HOUR
        dry_bulb = 20.0 + 8.0 * math.cos(2.0 * math.pi * (hour - 15) / 24.0)
        humidity = weather.relative_humidity.at(t)
        assert weather.dry_bulb_c.at(t) == pytest.approx(dry_bulb, rel=1e-14)
        # Moisture is constant: the dew point of every hour is the one given. PsychroLib solves both to 0.001 K.
        assert dew_point_c(dry_bulb, humidity) == pytest.approx(9.0, abs=0.002)
        assert weather.wet_bulb_c.at(t) == pytest.approx(wet_bulb_c(dry_bulb, humidity, 95_000.0), abs=0.002)
    assert weather.dry_bulb_c.at(15.5 * HOUR) == 28.0
    assert weather.dry_bulb_c.mean(0.0, 48 * HOUR) == pytest.approx(20.0, rel=1e-14)
    assert weather.pressure_pa.at(0.0) == 95_000.0


def test_saturated_weather_is_as_wet_as_it_is_warm() -> None:
    weather = DailyCycle(12.0, 0.0, 15, 12.0, 101_325.0).to_weather(START, HOUR)
    assert weather.relative_humidity.at(0.0) == 1.0
    assert weather.wet_bulb_c.at(0.0) == pytest.approx(12.0, abs=0.001)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((20.0, 8.0, 15, 12.5, 1e5), "dew_point_c must be -90 to 12, got 12.5"),
        ((20.0, -1.0, 15, 9.0, 1e5), "amplitude_k must be >= 0"),
        ((55.0, 8.0, 15, 9.0, 1e5), "dry bulb must be -90 to 60, got 47.0 to 63.0"),
        ((20.0, 8.0, 24, 9.0, 1e5), "warmest_hour_utc must be 0 to 23, got 24"),
        ((20.0, 8.0, 15, 9.0, 1000.0), "pressure_pa must be 31000 to 120000"),
    ],
)
def test_impossible_cycles_are_refused(arguments: tuple[float, float, int, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DailyCycle(*arguments)


def test_impossible_profiles_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 24 hourly values, got 23"):
        daily_profile([1.0] * 23, START, HOUR)
    with pytest.raises(ValueError, match="time zone"):
        daily_profile([1.0] * 24, START.replace(tzinfo=None), HOUR)
    with pytest.raises(ValueError, match="duration_s must be > 0"):
        daily_profile([1.0] * 24, START, 0.0)
