"""A rate that swings over each day and differs from day to day, its integral and the exact inverse of that."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.units import SECONDS_PER_DAY

_OMEGA = 2.0 * math.pi / SECONDS_PER_DAY
_MOST_STEPS = 64
_ROUNDING_RAD = 4.0 * np.finfo(np.float64).eps * math.pi


@dataclass(frozen=True, slots=True, eq=False)
class DailyRate:
    """rate(u) = day_rate x (1 + swing cos(omega (u - peak))), omega = 2 pi a day, u in seconds since a local midnight.

    Args:
        day_rates_per_s: mean rate of each day, >= 0, shape (days,).
        swing: 0 to 1, so that the rate is never negative.
        peak_s: time of day of the highest rate.
    """

    day_rates_per_s: NDArray[np.float64]
    swing: float
    peak_s: float

    def cumulative(self, u_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the integral of the rate from 0 to `u_s`, within the days.

        Within a day: day_rate x (x + (swing / omega) (sin(omega (x - peak)) + sin(omega peak))); the swing of a whole
        day integrates to nothing.
        """
        day = np.clip((u_s // SECONDS_PER_DAY).astype(np.int64), 0, len(self.day_rates_per_s) - 1)
        x_s = u_s - day * SECONDS_PER_DAY
        swung_s = self.swing / _OMEGA * (np.sin(_OMEGA * (x_s - self.peak_s)) + math.sin(_OMEGA * self.peak_s))
        return self._at_midnights()[day] + self.day_rates_per_s[day] * (x_s + swung_s)

    def inverse(self, expected: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the u at which `cumulative` reaches given values.

        Within a day, E = omega (x - peak) - pi turns the equation into Kepler's, E - swing sin E = M, which has one
        solution for swing <= 1.
        """
        midnights = self._at_midnights()
        day = np.searchsorted(midnights[:-1], expected, side="right") - 1
        # A day of rate 0 holds no value of `expected` but its own start, and that goes to a later day.
        x_s = (expected - midnights[day]) / np.where(self.day_rates_per_s[day] > 0.0, self.day_rates_per_s[day], 1.0)
        mean = _OMEGA * (x_s - self.peak_s) - self.swing * math.sin(_OMEGA * self.peak_s) - math.pi
        return day * SECONDS_PER_DAY + self.peak_s + (_kepler(mean, self.swing) + math.pi) / _OMEGA

    def _at_midnights(self) -> NDArray[np.float64]:
        return np.concatenate(([0.0], np.cumsum(self.day_rates_per_s * SECONDS_PER_DAY)))


def _kepler(mean_rad: NDArray[np.float64], eccentricity: float) -> NDArray[np.float64]:
    """Return E with E - e sin E = M, by Newton's method kept inside its bracket by bisection.

    |E - M| <= e bounds the solution. Where a step would leave the bracket, which happens near M = 0 when e is 1 and the
    slope vanishes, the bracket is halved instead.
    """
    roots = mean_rad + eccentricity * np.sin(mean_rad)
    low, high = mean_rad - eccentricity, mean_rad + eccentricity
    open_rows = np.arange(len(mean_rad))
    for _ in range(_MOST_STEPS):
        root = roots[open_rows]
        error = root - eccentricity * np.sin(root) - mean_rad[open_rows]
        inexact = np.abs(error) > _ROUNDING_RAD
        open_rows, root, error = open_rows[inexact], root[inexact], error[inexact]
        if not len(open_rows):
            break
        low = np.where(error < 0.0, root, low[inexact])
        high = np.where(error > 0.0, root, high[inexact])
        slope = 1.0 - eccentricity * np.cos(root)
        step = root - error / np.where(slope > 0.0, slope, np.inf)
        roots[open_rows] = np.where((step > low) & (step < high), step, 0.5 * (low + high))
    return roots
