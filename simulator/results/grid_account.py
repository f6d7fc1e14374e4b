"""What the meter of a site tells after the run: contracts matched by hour, month and year, and billed peaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from simulator.physics.contracts import Matched, match_instruments
from simulator.physics.finance import peak_by_period_w
from simulator.results.accounting import Accounting, DemandCharge, Instrument, Matching
from simulator.results.meter_clock import Labels, MeterClock
from simulator.signals.base import Signal
from simulator.units import GRAMS_PER_KG, JOULES_PER_KWH, WATTS_PER_KW

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Metered:
    """Energy drawn from the grid by metering interval.

    Args:
        clock: the clock of the meter.
        end_s: end of the run.
        drawn_j: energy by interval, shape (n,).
        unmatched_kg: its emissions by interval if no instrument covered any, shape (n,).
    """

    clock: MeterClock
    end_s: float
    drawn_j: Array
    unmatched_kg: Array

    @property
    def count(self) -> int:
        """Number of intervals."""
        return len(self.drawn_j)

    def labels(self, matching: Matching) -> Labels:
        """Return the hour, month or year of each interval (UTC)."""
        if matching == "hourly":
            return self.clock.hours(self.count)
        return self.clock.months(self.count) if matching == "monthly" else self.clock.years(self.count)


def matched(metered: Metered, accounting: Accounting, matching: Matching) -> Matched:
    """Return what the contracts of a site cover; those from elsewhere cover nothing and have rows of zero."""
    offers = [
        offered_j(metered, instrument, matching) if instrument.same_grid else np.zeros(metered.count)
        for instrument in accounting.instruments
    ]
    factors = [instrument.g_per_kwh / (GRAMS_PER_KG * JOULES_PER_KWH) for instrument in accounting.instruments]
    unmatched = np.divide(
        metered.unmatched_kg, metered.drawn_j, out=np.zeros(metered.count), where=metered.drawn_j > 0.0
    )
    offered = np.array(offers).reshape(len(factors), metered.count)
    return match_instruments(metered.drawn_j, offered, factors, unmatched, metered.labels(matching))


def offered_j(metered: Metered, instrument: Instrument, matching: Matching) -> Array:
    """Return the energy that an instrument offers by interval; certificates match years only, with the run's share."""
    if instrument.output is not None:
        return instrument.rated_w * _integrals(instrument.output, metered)
    offers = np.zeros(metered.count)
    if matching == "annual":
        years = metered.labels("annual")
        for year, share in metered.clock.shares_of_years(metered.end_s).items():
            mine = years == year
            offers[mine] = instrument.yearly_j * share / mine.sum()
    return offers


def _integrals(signal: Signal, metered: Metered) -> Array:
    """Return the integral of a signal over each interval, cut at the ends of the run."""
    edges_s = metered.clock.edges_s(0, metered.count - 1)
    edges_s[0], edges_s[-1] = 0.0, metered.end_s
    return signal.means(edges_s) * np.diff(edges_s)


@dataclass(frozen=True, slots=True, eq=False)
class Peak:
    """The peak of a month under a demand charge.

    Args:
        charge: name of the charge.
        month: label of the month.
        peak_w: highest mean power of a metering interval.
        intervals: intervals of the meter clock in which it fell.
        usd: what the run pays: the month's charge x the share of the month that it covers.
    """

    charge: str
    month: int
    peak_w: float
    intervals: NDArray[np.int64]
    usd: float


def peaks(metered: Metered, charge: DemandCharge, zone: tzinfo) -> list[Peak]:
    """Return the peaks that a demand charge bills.

    Args:
        metered: energy from the grid.
        charge: the charge.
        zone: time zone of the tariff.

    A month that the run covers in part pays its part of the charge, on the peak that the run saw of it.
    """
    clock, count = metered.clock, metered.count
    blocks = (clock.starts_utc_s(count) // charge.interval_s).astype(np.int64)
    blocks -= blocks[0]
    energy_j = np.bincount(blocks, weights=metered.drawn_j)
    starts = np.searchsorted(blocks, np.arange(blocks[-1] + 1))
    hour, months = clock.hours_of_day(count, zone)[starts], clock.months(count, zone)[starts]
    counted = _in_window(hour, charge)
    if not counted.any():
        return []
    labels, peaks_w = peak_by_period_w(energy_j[counted], charge.interval_s, months[counted])
    shares = clock.shares_of_months(metered.end_s, zone)
    found = []
    for month, peak_w in zip(labels.tolist(), peaks_w.tolist(), strict=True):
        top = np.flatnonzero(counted & (months == month) & (energy_j / charge.interval_s == peak_w))[0]
        usd = charge.usd_per_kw * max(peak_w, 0.0) / WATTS_PER_KW * shares.get(month, 0.0)
        found.append(Peak(charge.name, month, peak_w, np.flatnonzero(blocks == top), usd))
    return found


def _in_window(hour: Array, charge: DemandCharge) -> NDArray[np.bool_]:
    if charge.from_hour <= charge.to_hour:
        return (hour >= charge.from_hour) & (hour < charge.to_hour)
    return (hour >= charge.from_hour) | (hour < charge.to_hour)
