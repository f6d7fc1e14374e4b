"""A time series as a file gives it, and the signal that a scenario makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.documents.text_file import FaultLog, refuse
from simulator.signals.base import StepSignal
from simulator.signals.gaps import REFUSE_GAPS, FilledGap, Gap, GapRule, Stretch, utc_text
from simulator.signals.origin import EmissionFactor
from simulator.signals.quantities import Quantity
from simulator.signals.yearly import repeat_yearly as repeated_yearly

LIMIT_BYTES = 200_000_000
"""Largest file of a series that is read: three years of a value a second, far beyond any series of weather or grid."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SignalReading:
    """A signal and what its file did not say: the gaps that were filled and the notes for the report."""

    signal: StepSignal
    filled: tuple[FilledGap, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Values of a scenario's window: n + 1 edges in seconds since its start, n values, and what was filled."""

    edges_s: NDArray[np.float64]
    values: NDArray[np.float64]
    filled: tuple[FilledGap, ...]
    notes: tuple[str, ...]

    def at(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values that hold at instants inside the window."""
        return self.values[np.searchsorted(self.edges_s[:-1], t_s, side="right") - 1]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values of one quantity, each holding from its start until the next, the last for one step.

    Args:
        file: name of the file as given.
        quantity: what the values are, with the unit in its name.
        starts_utc_s: seconds since 1970-01-01 00:00 UTC, strictly increasing, shape (n,).
        values: shape (n,), finite and inside the range of the quantity. Empty fields of the file have no element.
        lines: line of each value in the file, counted from 1, shape (n,); None when the format has no lines.
        step_s: how long a value may hold; a longer distance to the next value is a gap.
        utc_offset_s: offset of the file's own clock from UTC, by which dates are matched when a year is repeated.
        typical_year: whether the year of the stamps means nothing, so that the series always repeats yearly.
        notes: what the reader had to assume, for the report.
        provider: who publishes the values.
        factor: what a carbon intensity counts; None for other quantities.
    """

    file: str
    quantity: Quantity
    starts_utc_s: NDArray[np.int64]
    values: NDArray[np.float64]
    lines: NDArray[np.int64] | None
    step_s: int
    utc_offset_s: int = 0
    typical_year: bool = False
    notes: tuple[str, ...] = ()
    provider: str = "unstated"
    factor: EmissionFactor | None = None

    def __post_init__(self) -> None:
        if not len(self.starts_utc_s) == len(self.values) > 0:
            raise ValueError(f"{self.file}: {len(self.starts_utc_s)} starts and {len(self.values)} values")
        if self.step_s <= 0:
            raise ValueError(f"{self.file}: step_s must be > 0, got {self.step_s}")

    def described(self, provider: str, factor: EmissionFactor | None = None) -> Series:
        """Return the series with the name of its publisher and, for a carbon intensity, what it counts."""
        return replace(self, provider=provider, factor=factor)

    def gaps(self) -> tuple[Gap, ...]:
        """Return every stretch inside the file for which it has no value."""
        return self._stretch().gaps()

    def to_signal(
        self, start_utc: datetime, duration_s: float, gap_rule: GapRule = REFUSE_GAPS, *, repeat_yearly: bool = False
    ) -> SignalReading:
        """Return the values of a scenario's window as a signal that begins at 0 s.

        Raises InputError when the series does not cover the window, or has a gap in it that the rule does not fill.

        Args:
            start_utc: start of the scenario, with time zone.
            duration_s: length of the scenario.
            gap_rule: what to do with a gap inside the window.
            repeat_yearly: take the value of the same month, day and time of day from whatever year the series has.
        """
        steps = self.to_steps(start_utc, duration_s, gap_rule, repeat_yearly=repeat_yearly)
        return SignalReading(StepSignal(steps.edges_s, steps.values), steps.filled, steps.notes)

    def to_steps(
        self, start_utc: datetime, duration_s: float, gap_rule: GapRule = REFUSE_GAPS, *, repeat_yearly: bool = False
    ) -> Steps:
        """Return the same as `to_signal`, as arrays."""
        if start_utc.tzinfo is None:
            raise ValueError(f"start_utc must have a time zone, got {start_utc}")
        if not 0.0 < duration_s < math.inf:
            raise ValueError(f"duration_s must be > 0 and finite, got {duration_s}")
        start_s = (start_utc - _EPOCH) / timedelta(seconds=1)
        end_s = start_s + duration_s
        rows, notes = self._stretch(), self.notes
        if repeat_yearly or self.typical_year:
            rows, repeat_notes = self._repeated(start_s, end_s)
            notes += repeat_notes
        self._check_coverage(rows, start_s, end_s)
        rows, filled = self._fill(rows.cut(start_s, end_s, margin=1), start_s, end_s, gap_rule)
        rows = rows.cut(start_s, end_s)
        edges_s = np.concatenate(([0.0], rows.starts_utc_s[1:] - start_s, [duration_s]))
        return Steps(edges_s, rows.values, filled, (*notes, *self._low_values(rows)))

    def _stretch(self) -> Stretch:
        return Stretch(self.starts_utc_s, self.values, self.lines, self.step_s)

    def _repeated(self, start_s: float, end_s: float) -> tuple[Stretch, tuple[str, ...]]:
        try:
            year = repeated_yearly(self.starts_utc_s, self.utc_offset_s, (math.floor(start_s), math.ceil(end_s)))
        except ValueError as error:
            raise refuse(self.file, f"cannot be repeated yearly: it {error}") from None
        lines = None if self.lines is None else self.lines[year.rows]
        source = f"{utc_text(int(self.starts_utc_s[0]))} to {utc_text(self._stretch().end_utc_s)} UTC"
        repeated = () if self.typical_year else (f"{self.file}: the values of {source} are repeated by date",)
        leap_days = tuple(
            f"{self.file}: 29 February {leap_year} uses the values of 28 February"
            for leap_year in year.leap_years
            if self._touches(leap_year, (2, 29), start_s, end_s)
        )
        left_out = tuple(
            f"{self.file}: 29 February of the file is left out in {common_year}"
            for common_year in year.common_years
            if self._touches(common_year, (3, 1), start_s, end_s)
        )
        return Stretch(year.starts_utc_s, self.values[year.rows], lines, self.step_s), repeated + leap_days + left_out

    def _low_values(self, rows: Stretch) -> tuple[str, ...]:
        low = rows.values < self.quantity.noted_below
        if not low.any():
            return ()
        lowest = int(np.argmin(rows.values))
        return (
            f"{self.file}: {self.quantity.name}: {int(low.sum()):,} of {len(low):,} values of the run are below "
            f"{self.quantity.noted_below:g}, the lowest {rows.values[lowest]:g} from "
            f"{utc_text(int(rows.starts_utc_s[lowest]))} UTC",
        )

    def _touches(self, year: int, month_and_day: tuple[int, int], start_s: float, end_s: float) -> bool:
        day_start_s = (datetime(year, *month_and_day, tzinfo=UTC) - _EPOCH) / timedelta(seconds=1) - self.utc_offset_s
        return start_s < day_start_s + _DAY.total_seconds() and end_s > day_start_s

    def _check_coverage(self, rows: Stretch, start_s: float, end_s: float) -> None:
        first_s, last_s = int(rows.starts_utc_s[0]), rows.end_utc_s
        if first_s <= start_s and end_s <= last_s:
            return
        raise refuse(
            self.file,
            f"covers {utc_text(first_s)} to {utc_text(last_s)} UTC, "
            f"the scenario needs {utc_text(start_s)} to {utc_text(end_s)} UTC; "
            "repeat_yearly would take the values of another year",
        )

    def _fill(
        self, rows: Stretch, start_s: float, end_s: float, rule: GapRule
    ) -> tuple[Stretch, tuple[FilledGap, ...]]:
        gaps = tuple(gap for gap in rows.gaps() if gap.end_utc_s > start_s and gap.start_utc_s < end_s)
        log = FaultLog(self.file)
        for gap in gaps:
            refusal = rule.refusal(gap)
            if refusal is not None:
                log.add(refusal, gap.line, self.quantity.name)
        log.raise_if_any()
        filled = tuple(FilledGap(self.file, self.quantity.name, gap, rule.kind) for gap in gaps)
        return rows.filled(gaps, rule.kind), filled
