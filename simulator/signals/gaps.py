"""Gaps in a series: stretches of time without a value, the rule for them and the record of what was filled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.units import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time without a value.

    Args:
        start_utc_s: end of the last value before it, seconds since 1970-01-01 00:00 UTC.
        end_utc_s: start of the next value.
        line: line of the first empty field; None when the rows are missing or the format has no lines.
    """

    start_utc_s: int
    end_utc_s: int
    line: int | None

    @property
    def length_h(self) -> float:
        """Length in hours."""
        return (self.end_utc_s - self.start_utc_s) / SECONDS_PER_HOUR

    def __str__(self) -> str:
        return f"no value from {utc_text(self.start_utc_s)} to {utc_text(self.end_utc_s)} UTC ({self.length_h:g} h)"


@dataclass(frozen=True, slots=True)
class GapRule:
    """What to do with a gap inside the window of a scenario.

    Args:
        kind: refuse the file; fill on the straight line between the values on either side; or hold the value before.
        max_gap_h: longest gap that may be filled, in hours; None for refuse.
    """

    kind: Literal["refuse", "interpolate", "hold"] = "refuse"
    max_gap_h: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("refuse", "interpolate", "hold"):
            raise ValueError(f"kind must be refuse, interpolate or hold, got {self.kind!r}")
        if self.kind == "refuse" and self.max_gap_h is not None:
            raise ValueError(f"max_gap_h has no meaning when gaps are refused, got {self.max_gap_h}")
        if self.kind != "refuse" and (self.max_gap_h is None or not self.max_gap_h > 0.0):
            raise ValueError(f"max_gap_h must be > 0 to {self.kind}, got {self.max_gap_h}")

    def refusal(self, gap: Gap) -> str | None:
        """Return why a gap cannot be filled, None when it can."""
        if self.max_gap_h is None:
            return f"{gap}; state a rule for gaps (interpolate or hold, up to max_gap_h) to fill it"
        if gap.length_h > self.max_gap_h:
            return f"{gap}, longer than the max_gap_h of {self.max_gap_h:g}"
        return None


REFUSE_GAPS = GapRule()


@dataclass(frozen=True, slots=True)
class FilledGap:
    """A gap that was filled, for the report.

    Args:
        file: name of the file as given.
        quantity: name of the quantity, with its unit.
        gap: the stretch that was filled.
        kind: how, as in the rule.
    """

    file: str
    quantity: str
    gap: Gap
    kind: str

    def __str__(self) -> str:
        place = self.file if self.gap.line is None else f"{self.file}:{self.gap.line}"
        return f"{place}: {self.quantity}: {self.gap}, filled by rule '{self.kind}'"


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Rows of a series: where each starts, what it says and its line; each holds for `step_s` at most."""

    starts_utc_s: NDArray[np.int64]
    values: NDArray[np.float64]
    lines: NDArray[np.int64] | None
    step_s: int

    @property
    def end_utc_s(self) -> int:
        """End of the last value."""
        return int(self.starts_utc_s[-1]) + self.step_s

    def gaps(self) -> tuple[Gap, ...]:
        """Return the gaps between the rows, in order of time."""
        before = np.flatnonzero(np.diff(self.starts_utc_s) > self.step_s)
        return tuple(
            Gap(int(self.starts_utc_s[row]) + self.step_s, int(self.starts_utc_s[row + 1]), self._empty_line(int(row)))
            for row in before
        )

    def cut(self, start_utc_s: float, end_utc_s: float, margin: int = 0) -> Stretch:
        """Return the rows that hold inside a window, and `margin` more on either side."""
        first = int(np.searchsorted(self.starts_utc_s, start_utc_s, side="right")) - 1 - margin
        last = int(np.searchsorted(self.starts_utc_s, end_utc_s, side="left")) + margin
        rows = slice(max(first, 0), last)
        lines = None if self.lines is None else self.lines[rows]
        return Stretch(self.starts_utc_s[rows], self.values[rows], lines, self.step_s)

    def filled(self, gaps: tuple[Gap, ...], kind: str) -> Stretch:
        """Return the rows with one more for every step of the gaps, by the values on either side."""
        if not gaps:
            return self
        starts = np.concatenate([np.arange(gap.start_utc_s, gap.end_utc_s, self.step_s) for gap in gaps])
        position = np.searchsorted(self.starts_utc_s, starts)
        if kind == "interpolate":
            values = np.interp(starts, self.starts_utc_s, self.values)
        else:
            values = self.values[position - 1]
        return Stretch(
            np.insert(self.starts_utc_s, position, starts), np.insert(self.values, position, values), None, self.step_s
        )

    def _empty_line(self, row: int) -> int | None:
        """Return the line after a row if it is neither that of the next row nor, in a repeated year, beyond it."""
        if self.lines is None:
            return None
        line = int(self.lines[row]) + 1
        return line if line < self.lines[row + 1] else None


def utc_text(utc_s: float) -> str:
    """Return an instant as people write it, to the minute when it falls on one.

    >>> utc_text(1641376800)
    '2022-01-05 10:00'
    """
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%d %H:%M" if utc_s % 60 == 0 else "%Y-%m-%d %H:%M:%S")
