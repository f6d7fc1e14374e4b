"""Signals made from one day that repeats: hourly profiles, and weather of a cosine at constant moisture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.physics.psychrometrics import saturation_humidity_ratio, wet_bulb_from_dew_point_c
from simulator.signals.base import ConstantSignal, StepSignal
from simulator.signals.quantities import DRY_BULB, PRESSURE
from simulator.signals.weather import Weather
from simulator.units import SECONDS_PER_HOUR

HOURS_PER_DAY = 24


def daily_profile(hourly_values: Sequence[float], start_utc: datetime, duration_s: float) -> StepSignal:
    """Return 24 values, one for each hour of the day in UTC from 00:00 on, repeated every day.

    Args:
        hourly_values: 24 values.
        start_utc: start of the scenario, with time zone.
        duration_s: length of the scenario.

    >>> from datetime import UTC, datetime
    >>> daily_profile(range(24), datetime(2022, 6, 1, 22, 30, tzinfo=UTC), 7200.0).values.tolist()
    [22.0, 23.0, 0.0]
    """
    if len(hourly_values) != HOURS_PER_DAY:
        raise ValueError(f"needs {HOURS_PER_DAY} hourly values, got {len(hourly_values)}")
    if start_utc.tzinfo is None:
        raise ValueError(f"start_utc must have a time zone, got {start_utc}")
    if not 0.0 < duration_s < math.inf:
        raise ValueError(f"duration_s must be > 0 and finite, got {duration_s}")
    start = start_utc.astimezone(UTC)
    into_hour_s = (start - start.replace(minute=0, second=0, microsecond=0)) / timedelta(seconds=1)
    hours = math.ceil((into_hour_s + duration_s) / SECONDS_PER_HOUR)
    inner_s = SECONDS_PER_HOUR * np.arange(1, hours) - into_hour_s
    edges_s = np.concatenate(([0.0], inner_s, [duration_s]))
    profile = np.asarray(hourly_values, dtype=np.float64)
    return StepSignal(edges_s, profile[(start.hour + np.arange(hours)) % HOURS_PER_DAY])


@dataclass(frozen=True, slots=True)
class DailyCycle:
    """A day of weather: T(h) = mean + amplitude cos(2 pi (h - warmest) / 24) in hourly steps, at a constant dew point.

    Args:
        mean_c: mean dry bulb.
        amplitude_k: half of the difference between the warmest and the coldest hour, >= 0.
        warmest_hour_utc: hour of the day, 0 to 23, that is warmest.
        dew_point_c: dew point, at most the dry bulb of the coldest hour.
        pressure_pa: atmospheric pressure.
    """

    mean_c: float
    amplitude_k: float
    warmest_hour_utc: int
    dew_point_c: float
    pressure_pa: float

    def __post_init__(self) -> None:
        coldest_c, warmest_c = self.mean_c - self.amplitude_k, self.mean_c + self.amplitude_k
        if not self.amplitude_k >= 0.0:
            raise ValueError(f"amplitude_k must be >= 0, got {self.amplitude_k}")
        if not (DRY_BULB.low <= coldest_c and warmest_c <= DRY_BULB.high):
            raise ValueError(f"dry bulb must be {DRY_BULB.low:g} to {DRY_BULB.high:g}, got {coldest_c} to {warmest_c}")
        if not 0 <= self.warmest_hour_utc < HOURS_PER_DAY:
            raise ValueError(f"warmest_hour_utc must be 0 to {HOURS_PER_DAY - 1}, got {self.warmest_hour_utc}")
        if not DRY_BULB.low <= self.dew_point_c <= coldest_c:
            raise ValueError(f"dew_point_c must be {DRY_BULB.low:g} to {coldest_c:g}, got {self.dew_point_c}")
        if not PRESSURE.low <= self.pressure_pa <= PRESSURE.high:
            raise ValueError(f"pressure_pa must be {PRESSURE.low:g} to {PRESSURE.high:g}, got {self.pressure_pa}")

    def to_weather(self, start_utc: datetime, duration_s: float) -> Weather:
        """Return the weather of a scenario's window, from 0 s."""
        hour = np.arange(HOURS_PER_DAY)
        swing = np.cos(2.0 * math.pi * (hour - self.warmest_hour_utc) / HOURS_PER_DAY)
        dry_bulbs_c = np.maximum(self.mean_c + self.amplitude_k * swing, self.dew_point_c)  # rounding of the cosine
        dew_points_c = np.full(HOURS_PER_DAY, self.dew_point_c)
        wet_bulbs_c = wet_bulb_from_dew_point_c(dry_bulbs_c, dew_points_c, self.pressure_pa)
        humidities = self._vapour_pressure_pa(dew_points_c) / self._vapour_pressure_pa(dry_bulbs_c)
        return Weather(
            dry_bulb_c=daily_profile(dry_bulbs_c.tolist(), start_utc, duration_s),
            wet_bulb_c=daily_profile(wet_bulbs_c.tolist(), start_utc, duration_s),
            relative_humidity=daily_profile(humidities.tolist(), start_utc, duration_s),
            pressure_pa=ConstantSignal(self.pressure_pa),
        )

    def _vapour_pressure_pa(self, temperature_c: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pressure of saturated vapour from its humidity ratio, w = 0.621945 p_v / (p - p_v)."""
        ratio = saturation_humidity_ratio(temperature_c, self.pressure_pa)
        return self.pressure_pa * ratio / (0.621945 + ratio)
