"""Arrival processes: when requests come."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import final

import numpy as np
from numpy.typing import NDArray

from simulator.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from simulator.workload.daily_rate import DailyRate

_BLOCK = 4096
_MOST_ARRIVALS = 2e8  # 5 GB as a table of requests; a run of so many takes days
LARGEST_VARIATION = 100.0
_BURSTINESS = (1e-6, LARGEST_VARIATION)  # beyond, gamma variates are all alike to rounding, or underflow
_WEEKDAYS, _DAYS_OF_WEEK = 5, 7


class ArrivalProcess(ABC):
    """A random set of instants. Open to subclassing; a process has no state and draws only from what it is given."""

    __slots__ = ()

    @abstractmethod
    def times(self, duration_s: float, generator: np.random.Generator) -> NDArray[np.float64]:
        """Return the arrivals in [0, duration_s), in seconds since the start of the scenario, not decreasing."""


@final
@dataclass(frozen=True, slots=True)
class PoissonArrivals(ArrivalProcess):
    """Arrivals that know nothing of each other: exponential times between them, coefficient of variation 1.

    Args:
        rate_per_s: mean rate, > 0.
    """

    rate_per_s: float

    def __post_init__(self) -> None:
        _require_positive("rate_per_s", self.rate_per_s)

    def times(self, duration_s: float, generator: np.random.Generator) -> NDArray[np.float64]:
        """Return the arrivals in [0, duration_s); a longer duration only adds to them."""
        _require_positive("duration_s", duration_s)
        arrivals = _unit_arrivals(self.rate_per_s * duration_s, 1.0, generator)
        return _in_order(arrivals / self.rate_per_s, duration_s)


@final
@dataclass(frozen=True, slots=True)
class GammaArrivals(ArrivalProcess):
    """Bursty (cv > 1) or regular (cv < 1) arrivals at a constant mean rate: independent gamma times between them.

    The time between arrivals has shape 1 / cv^2 and mean 1 / rate. The process is stationary (an equilibrium renewal
    process, D. R. Cox, Renewal Theory, 1962): the first arrival is that seen from a random instant. One that begins
    with a full time between arrivals tends to (cv^2 - 1) / 2 arrivals too many.

    Args:
        rate_per_s: mean rate, > 0.
        coefficient_of_variation: standard deviation of the time between arrivals over its mean, 1e-6 to 100.
    """

    rate_per_s: float
    coefficient_of_variation: float

    def __post_init__(self) -> None:
        _require_positive("rate_per_s", self.rate_per_s)
        _require_between("coefficient_of_variation", self.coefficient_of_variation, *_BURSTINESS)

    def times(self, duration_s: float, generator: np.random.Generator) -> NDArray[np.float64]:
        """Return the arrivals in [0, duration_s); a longer duration only adds to them."""
        _require_positive("duration_s", duration_s)
        arrivals = _unit_arrivals(self.rate_per_s * duration_s, self.coefficient_of_variation, generator)
        return _in_order(arrivals / self.rate_per_s, duration_s)


@final
@dataclass(frozen=True, slots=True)
class DiurnalArrivals(ArrivalProcess):
    """Arrivals whose rate follows the hour of the day and the day of the week.

    rate(x) = mean x factor of the day x (1 + (peak_to_mean - 1) cos(2 pi (x - peak) / day)), x the local time of day.
    The factor of a day is 1 on a weekday and `weekend_factor` on Saturday and Sunday. The arrivals are those of a
    process of rate 1 put through the exact inverse of the cumulative rate; a coefficient of variation other than 1
    holds in that clock.

    Args:
        mean_rate_per_s: mean over a weekday, > 0.
        peak_to_mean: peak rate of a day over its mean, 1 to 2; at 2 the rate touches zero opposite the peak.
        peak_hour: local time of the peak in hours, 0 to 24.
        start_utc: start of the scenario, with time zone.
        utc_offset_h: local time less UTC, -12 to 14; no daylight saving.
        weekend_factor: rate of a Saturday or Sunday over that of a weekday, >= 0.
        coefficient_of_variation: 1 for Poisson arrivals, above 1 for bursts, 1e-6 to 100.
    """

    mean_rate_per_s: float
    peak_to_mean: float
    peak_hour: float
    start_utc: datetime
    utc_offset_h: float = 0.0
    weekend_factor: float = 1.0
    coefficient_of_variation: float = 1.0

    def __post_init__(self) -> None:
        _require_positive("mean_rate_per_s", self.mean_rate_per_s)
        _require_between("coefficient_of_variation", self.coefficient_of_variation, *_BURSTINESS)
        _require_between("peak_to_mean", self.peak_to_mean, 1.0, 2.0)
        _require_between("peak_hour", self.peak_hour, 0.0, 24.0)
        _require_between("utc_offset_h", self.utc_offset_h, -12.0, 14.0)
        if not 0.0 <= self.weekend_factor < math.inf:
            raise ValueError(f"weekend_factor must be >= 0 and finite, got {self.weekend_factor}")
        if self.start_utc.tzinfo is None:
            raise ValueError(f"start_utc must have a time zone, got {self.start_utc}")

    def times(self, duration_s: float, generator: np.random.Generator) -> NDArray[np.float64]:
        """Return the arrivals in [0, duration_s); a longer duration only adds to them."""
        _require_positive("duration_s", duration_s)
        midnight_s, rate = self._rate(duration_s)
        first, last = rate.cumulative(np.array([midnight_s, midnight_s + duration_s]))
        arrivals = _unit_arrivals(float(last - first), self.coefficient_of_variation, generator)
        return _in_order(rate.inverse(first + arrivals) - midnight_s, duration_s)

    def expected_arrivals(self, duration_s: float) -> float:
        """Return the expected number of arrivals in [0, duration_s), the integral of the rate."""
        midnight_s, rate = self._rate(duration_s)
        first, last = rate.cumulative(np.array([midnight_s, midnight_s + duration_s]))
        return float(last - first)

    def _rate(self, duration_s: float) -> tuple[float, DailyRate]:
        """Return the local time of day of the start, and the rate from the midnight before it."""
        local = self.start_utc.astimezone(UTC) + timedelta(hours=self.utc_offset_h)
        midnight_s = (local - local.replace(hour=0, minute=0, second=0, microsecond=0)) / timedelta(seconds=1)
        days = math.floor((midnight_s + duration_s) / SECONDS_PER_DAY) + 1
        weekend = (local.weekday() + np.arange(days)) % _DAYS_OF_WEEK >= _WEEKDAYS
        day_rates = self.mean_rate_per_s * np.where(weekend, self.weekend_factor, 1.0)
        return midnight_s, DailyRate(day_rates, self.peak_to_mean - 1.0, self.peak_hour * SECONDS_PER_HOUR)


def _unit_arrivals(
    duration: float, coefficient_of_variation: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return the arrivals of a stationary gamma renewal process of rate 1 in [0, duration).

    The first is at U x G, U uniform and G of the gamma distribution weighted by length, whose shape is larger by one.
    Draws come in blocks of fixed length, so that a longer duration does not change the earlier ones.
    """
    if duration > _MOST_ARRIVALS:
        raise ValueError(f"would make {duration:,.0f} arrivals, more than {_MOST_ARRIVALS:,.0f}")
    shape = coefficient_of_variation**-2
    first = generator.uniform() * generator.standard_gamma(shape + 1.0) / shape
    blocks = [np.array([first])]
    while blocks[-1][-1] < duration:
        blocks.append(blocks[-1][-1] + np.cumsum(generator.standard_gamma(shape, _BLOCK)) / shape)
    arrivals = np.concatenate(blocks)
    return arrivals[: np.searchsorted(arrivals, duration, side="left")]


def _in_order(t_s: NDArray[np.float64], duration_s: float) -> NDArray[np.float64]:
    """Return instants that a change of clock may have carried a rounding past a bound or a neighbour, put right."""
    ordered: NDArray[np.float64] = np.maximum.accumulate(np.clip(t_s, 0.0, np.nextafter(duration_s, 0.0)))
    return ordered


def _require_positive(name: str, value: float) -> None:
    if not 0.0 < value < math.inf:
        raise ValueError(f"{name} must be > 0 and finite, got {value}")


def _require_between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be {low:g} to {high:g}, got {value}")
