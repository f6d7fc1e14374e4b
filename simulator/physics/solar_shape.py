"""The shape of a solar plant's output under a clear sky, for contracts whose plant is known by its place alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.physics.domains import Number, require_range

Array = NDArray[np.float64]

_DEGREES_PER_HOUR = 15.0
_SAMPLES_PER_HOUR = 4
_HOURS_PER_YEAR = 8760


def sine_of_elevation(latitude_deg: float, day_of_year: Number, solar_hour: Number) -> Number:
    """Return the sine of the sun's elevation, negative at night.

    Args:
        latitude_deg: latitude, north positive (degrees).
        day_of_year: 1 to 366, scalar or array.
        solar_hour: hours since solar midnight, scalar or array.

    delta = 23.45 deg sin(360 deg (284 + n) / 365) (Cooper 1969); sin a = sin phi sin delta + cos phi cos delta cos w,
    w = 15 deg (h - 12). Second-hand, after Duffie and Beckman, Solar Engineering of Thermal Processes.

    >>> round(float(sine_of_elevation(43.0, 44, 9.5)), 3)
    0.399
    """
    require_range("latitude_deg", latitude_deg, -90.0, 90.0)
    declination = np.radians(23.45) * np.sin(np.radians(360.0 * (284.0 + np.asarray(day_of_year)) / 365.0))
    hour_angle = np.radians(_DEGREES_PER_HOUR * (np.asarray(solar_hour) - 12.0))
    latitude = np.radians(latitude_deg)
    sine: Number = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    return sine


def clear_sky_output(
    latitude_deg: float, longitude_deg: float, capacity_factor: float, day_of_year: Array, hour_utc: Array
) -> Array:
    """Return the output of a solar plant over its rated power: the same clear day after day.

    Args:
        latitude_deg: latitude, north positive (degrees).
        longitude_deg: longitude, east positive (degrees); it sets solar time, without the equation of time.
        capacity_factor: mean output of a year over rated power, above 0, at most 0.4.
        day_of_year: day of each instant (UTC), 1 to 366, shape (n,).
        hour_utc: hours since midnight UTC of each instant, shape (n,).

    p = min(s max(sin a, 0), 1) with s such that the mean over a year is the capacity factor. It has the hours of the
    day and the seasons of a real plant and no clouds: its best hours are too regular.

    >>> noon, midnight = clear_sky_output(35.0, -120.0, 0.25, np.array([172.0, 172.0]), np.array([20.0, 8.0])).tolist()
    >>> round(noon, 3), midnight
    (0.959, 0.0)
    """
    require_range("longitude_deg", longitude_deg, -180.0, 180.0)
    require_range("capacity_factor", capacity_factor, 1e-6, 0.4)
    hours = (np.arange(_SAMPLES_PER_HOUR * _HOURS_PER_YEAR) + 0.5) / _SAMPLES_PER_HOUR
    year = np.maximum(np.asarray(sine_of_elevation(latitude_deg, hours // 24 + 1.0, hours % 24)), 0.0)
    scale = _scale_to_mean(year, capacity_factor)
    solar_hour = hour_utc + longitude_deg / _DEGREES_PER_HOUR
    sine = np.asarray(sine_of_elevation(latitude_deg, day_of_year, solar_hour), dtype=np.float64)
    return np.minimum(scale * np.maximum(sine, 0.0), 1.0)


def _scale_to_mean(shape: Array, mean: float) -> float:
    """Return the factor at which the shape, cut off at 1, has the mean; bisection on a rising function."""
    low, high = 0.0, 1.0
    while float(np.minimum(high * shape, 1.0).mean()) < mean:
        high *= 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float(np.minimum(middle * shape, 1.0).mean()) < mean:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
