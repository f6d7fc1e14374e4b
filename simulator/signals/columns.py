"""Columns of a file on their way to a series: the time axis and the values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.signals.quantities import Quantity


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """The time axis of a file.

    Args:
        starts_utc_s: start of each row, seconds since 1970-01-01 00:00 UTC, shape (n,).
        lines: line of each row, None when the format has no lines.
        step_s: how long a value holds; None for the commonest distance between rows.
        utc_offset_s: offset of the file's own clock from UTC.
        typical_year: whether the year of the stamps means nothing.
    """

    starts_utc_s: NDArray[np.int64]
    lines: NDArray[np.int64] | None
    step_s: int | None = None
    utc_offset_s: int = 0
    typical_year: bool = False

    def line(self, row: int) -> int | None:
        """Return the line of a row."""
        return None if self.lines is None else int(self.lines[row])

    def place(self, row: int) -> str:
        """Return a prefix that names a row where the format has no lines."""
        return "" if self.lines is not None else f"row {row + 1}: "

    def named(self, row: int) -> str:
        """Return how a message calls a row."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def taken(self, rows: NDArray[np.int64]) -> Clock:
        """Return the clock of some of the rows, in the order given."""
        lines = None if self.lines is None else self.lines[rows]
        return replace(self, starts_utc_s=self.starts_utc_s[rows], lines=lines)


@dataclass(frozen=True, slots=True, eq=False)
class ValueColumn:
    """A column of a file.

    Args:
        quantity: what it becomes.
        values: as in the file, NaN where a field is empty, shape (n,).
        factor: what turns the file's unit into that of the quantity.
        name: how the file calls it.
    """

    quantity: Quantity
    values: NDArray[np.float64]
    factor: float
    name: str
