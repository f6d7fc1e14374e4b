"""Money over time: capital spread over a lifetime, demand charges, payback and present value of a choice."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.physics.domains import require_positive, require_range


def capital_recovery_factor(rate: float, years: float) -> float:
    """Return the yearly payment over the capital that it repays, with interest.

    Args:
        rate: discount rate per year, at least 0; 0 is straight line.
        years: lifetime (years), above 0.

    CRF = r / (1 - (1 + r)^-n), 1/n at r = 0. It is an annuity paid at the end of each year.

    >>> round(capital_recovery_factor(0.07, 20.0), 6), capital_recovery_factor(0.0, 4.0)
    (0.094393, 0.25)
    """
    require_range("rate", rate, 0.0)
    require_positive("years", years)
    # expm1 and log1p: the plain form loses all digits at a rate near 0.
    discount = -math.expm1(-years * math.log1p(rate))
    return rate / discount if rate > 0.0 else 1.0 / years


def present_capital_usd(capital_usd: float, lifetime_years: float, rate: float, horizon_years: float) -> float:
    """Return today's value of buying a device now and again whenever its life ends, up to a horizon.

    Args:
        capital_usd: price of the device.
        lifetime_years: its lifetime (years), above 0.
        rate: discount rate per year, at least 0.
        horizon_years: length of the study (years), above 0.

    PV = sum_k C (1 + r)^(-k n) over purchases before the horizon, less the unused part of the last one's life, by
    straight line, at the horizon: C (1 - used / n) (1 + r)^-N. Life-cycle costing with residual value.

    >>> present_capital_usd(100.0, 4.0, 0.0, 6.0)
    150.0
    """
    require_positive("lifetime_years", lifetime_years)
    require_range("rate", rate, 0.0)
    require_positive("horizon_years", horizon_years)
    # A lifetime that fits the horizon a whole number of times needs no purchase at its end.
    purchases = max(math.ceil(horizon_years / lifetime_years - 1e-9), 1)
    paid = sum((1.0 + rate) ** (-k * lifetime_years) for k in range(purchases))
    unused = purchases - horizon_years / lifetime_years
    return float(capital_usd * (paid - max(unused, 0.0) * (1.0 + rate) ** -horizon_years))


def present_yearly_usd(yearly_usd: float, rate: float, years: float) -> float:
    """Return today's value of an amount paid at the end of each year.

    Args:
        yearly_usd: amount per year, of either sign.
        rate: discount rate per year, at least 0.
        years: number of years, above 0.

    PV = A / CRF(r, n).

    >>> round(present_yearly_usd(100.0, 0.05, 10.0), 2)
    772.17
    """
    return yearly_usd / capital_recovery_factor(rate, years)


def simple_payback_years(extra_capital_usd: float, yearly_saving_usd: float) -> float | None:
    """Return after how many years an extra outlay has come back, None if it never does.

    Args:
        extra_capital_usd: capital of the choice - capital of the base.
        yearly_saving_usd: running cost of the base - running cost of the choice, per year.

    t = dC / dA; 0 where the choice costs no more and saves.

    >>> simple_payback_years(1000.0, 400.0), simple_payback_years(1000.0, -1.0), simple_payback_years(-5.0, 1.0)
    (2.5, None, 0.0)
    """
    if extra_capital_usd <= 0.0:
        return 0.0 if yearly_saving_usd >= 0.0 else None
    return extra_capital_usd / yearly_saving_usd if yearly_saving_usd > 0.0 else None


def peak_by_period_w(
    energy_j: ArrayLike, interval_s: float, labels: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the labels of the periods, rising, and the highest mean power of a metering interval in each.

    Args:
        energy_j: energy drawn in each metering interval (J), shape (n,).
        interval_s: length of an interval (s); an interval that the run covers in part counts with its whole length.
        labels: integer label of each interval, such as its month, shape (n,).

    P_m = max_{t in m} E(t) / dt: what demand charges are billed on.

    >>> months, peaks_w = peak_by_period_w([900.0, 1800.0, 450.0], 900.0, [1, 1, 2])
    >>> months.tolist(), peaks_w.tolist()
    ([1, 2], [2.0, 0.5])
    """
    require_positive("interval_s", interval_s)
    energy = np.asarray(energy_j, dtype=float)
    periods, period = np.unique(np.asarray(labels, dtype=np.int64), return_inverse=True)
    peaks = np.full(len(periods), -np.inf)
    np.maximum.at(peaks, period, energy / interval_s)
    return periods, peaks
