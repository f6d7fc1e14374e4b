"""What sections of series have in common: the file, and the rules for what is missing or wrong in it."""

from __future__ import annotations

from typing import Literal

from simulator.documents.validation import Section
from simulator.scenario.names import FilePath, Positive

HOURS_OF_DAY = 24


class Gaps(Section):
    """What to do about missing hours of a series inside the run; every filled gap is listed in the events."""

    fill: Literal["refuse", "interpolate", "hold"] = "refuse"
    """Refuse the file, interpolate linearly, or hold the last value."""
    longest_h: Positive = 3.0
    """Longest gap that may be filled."""


Corrupt = Literal["refuse", "repair"]


class FileSeries(Section):
    """A series in a file."""

    file: FilePath
    """The file."""
    gaps: Gaps = Gaps()
    """Missing values."""
    corrupt: Corrupt = "refuse"
    """Rows that cannot be right: refuse the file, or take their values as missing, sort rows and keep repeated rows
    once; every repair is listed in the events."""


class DatedSeries(FileSeries):
    """A series of real dates in a file."""

    repeat_yearly: bool = False
    """Use the file's year for any year, matched by month, day and hour."""
