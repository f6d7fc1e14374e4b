"""What the price files of market operators share: money per MWh, and rows that need not be in order of time."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.signals.checked_series import checked_series, commonest_step_s
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import Findings
from simulator.signals.local_clock import standard_offset_s
from simulator.signals.quantities import PRICE
from simulator.signals.series import Series
from simulator.units import JOULES_PER_KWH, JOULES_PER_MWH

PER_MWH = JOULES_PER_KWH / JOULES_PER_MWH
"""From money per MWh to money per kWh."""


@dataclass(frozen=True, slots=True, eq=False)
class PriceRows:
    """Prices as a file gives them, in its order; arrays of shape (n,).

    Args:
        name: how the file calls the price.
        prices_per_mwh: NaN where there is none.
        starts_utc_s: start of each row, seconds since 1970-01-01 00:00 UTC.
        exists: whether a row has an instant; one in an hour that the clock skips has none.
        lines: line of each row.
    """

    name: str
    prices_per_mwh: NDArray[np.float64]
    starts_utc_s: NDArray[np.int64]
    exists: NDArray[np.bool_]
    lines: NDArray[np.int64]

    def to_series(
        self, zone: ZoneInfo | None, findings: Findings, usd_per_unit: float = 1.0, step_s: int | None = None
    ) -> Series:
        """Return the checked series in USD/kWh.

        Args:
            zone: zone of the market, by whose standard time a year repeats; None for UTC.
            findings: takes what is wrong.
            usd_per_unit: value of the file's currency.
            step_s: how long a price holds; the commonest distance between rows when None.
        """
        starts, lines = self.starts_utc_s[self.exists], self.lines[self.exists]
        clock = Clock(starts, lines, step_s, 0 if zone is None else standard_offset_s(zone))
        column = ValueColumn(PRICE, self.prices_per_mwh[self.exists], PER_MWH * usd_per_unit, self.name)
        return checked_series(column, clock, findings)

    def sorted(self) -> PriceRows:
        """Return the rows in order of time, for formats that promise no order."""
        order = np.argsort(self.starts_utc_s, kind="stable")
        return PriceRows(
            self.name, self.prices_per_mwh[order], self.starts_utc_s[order], self.exists[order], self.lines[order]
        )


def starts_of_endings(ends_s: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the starts of intervals from their ends: one step before, and no earlier than the end before it.

    >>> starts_of_endings(np.array([300, 600, 700, 900, 1800])).tolist()
    [0, 300, 600, 700, 1500]
    """
    step_s = commonest_step_s(ends_s) if len(ends_s) > 1 else 0
    starts = ends_s - step_s
    later = np.diff(ends_s) > 0
    starts[1:] = np.where(later, np.maximum(starts[1:], ends_s[:-1]), starts[1:])
    return starts
