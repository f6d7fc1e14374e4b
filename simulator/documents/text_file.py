"""Text files from outside: what is checked before a byte is believed, and how the faults of one file are collected."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.errors import Fault, InputError, nearest_match

SHOWN_FAULTS = 20
NS_PER_S = 1_000_000_000

_KEPT_FAULTS = 10 * SHOWN_FAULTS
_SNIFFED_BYTES = 65_536
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_STAMP = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[ T](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?)?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


RowDescription = Callable[[int], tuple[str, int | None]]


class FaultLog:
    """The faults of one file: all are counted, the first in the file are kept, and they are raised together."""

    __slots__ = ("_count", "_kept", "file")

    def __init__(self, file: str) -> None:
        self.file = file
        self._count = 0
        self._kept: list[Fault] = []

    @property
    def count(self) -> int:
        """Number of faults recorded."""
        return self._count

    def first(self) -> tuple[Fault, ...]:
        """Return the first faults in order of line, as many as are shown."""
        return tuple(sorted(self._kept, key=lambda fault: fault.line or 0)[:SHOWN_FAULTS])

    def add(self, message: str, line: int | None = None, path: str = "") -> None:
        """Record one fault."""
        self._count += 1
        if len(self._kept) < _KEPT_FAULTS:
            self._kept.append(Fault(message, self.file, line, path))

    def add_rows(self, bad: NDArray[np.bool_], describe: RowDescription, path: str = "") -> None:
        """Record a fault for every true element of `bad`; `describe` gives message and line of an index."""
        rows = np.flatnonzero(bad)
        for row in rows[:SHOWN_FAULTS]:
            self.add(*describe(int(row)), path)
        self._count += max(0, len(rows) - SHOWN_FAULTS)

    def raise_if_any(self) -> None:
        """Raise one InputError with the first faults in order of line and a count of the rest."""
        if not self._count:
            return
        shown = list(self.first())
        if self._count > len(shown):
            shown.append(Fault(f"and {self._count - len(shown):,} more faults in this file", self.file))
        raise InputError(shown)


def refuse(file: str, message: str, line: int | None = None, path: str = "") -> InputError:
    """Return the error of a file with a single fault, ready to be raised."""
    return InputError([Fault(message, file, line, path)])


def checked_file(path: str | Path, limit_bytes: int | None = None) -> Path:
    """Return `path` if it names a regular file that can be opened, is not empty and is not over the limit."""
    file = Path(path)
    try:
        status = file.stat()
        if stat.S_ISREG(status.st_mode):
            file.open("rb").close()
    except FileNotFoundError:
        raise refuse(str(path), "there is no such file") from None
    except (OSError, ValueError) as error:
        raise refuse(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(status.st_mode):
        raise refuse(str(path), "is a folder, expected a file")
    if not stat.S_ISREG(status.st_mode):
        raise refuse(str(path), "is not a regular file")
    if status.st_size == 0:
        raise refuse(str(path), "is empty")
    if limit_bytes is not None and status.st_size > limit_bytes:
        size = f"{status.st_size / 1e6:,.0f} MB"
        raise refuse(str(path), f"has {size}, more than the {limit_bytes / 1e6:,.0f} MB allowed for this kind of file")
    return file


def checked_text_file(path: str | Path, limit_bytes: int | None = None) -> Path:
    """Return `path` if it passes `checked_file` and begins like text, not like a binary format."""
    file = checked_file(path, limit_bytes)
    with file.open("rb") as handle:
        position = handle.read(_SNIFFED_BYTES).find(0)
    if position >= 0:
        raise refuse(str(path), f"is a binary file (byte 0 at position {position}), expected UTF-8 text")
    return file


def parse_number(text: str) -> float:
    """Return a finite decimal number; raise ValueError for anything else.

    >>> parse_number(" -1.5e3")
    -1500.0
    """
    text = text.strip()
    value = float(text) if _NUMBER.fullmatch(text) else float("nan")
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]!r} is not a finite number" if text else "is empty, expected a number")
    return value


def parse_stamp(text: str) -> tuple[int, bool]:
    """Return (nanoseconds since 1970-01-01 00:00, whether the text has an offset) of an ISO 8601 date and time.

    With an offset the nanoseconds are UTC, without one they are the clock time as written. Up to nine decimals of a
    second are kept: `datetime` would cut the seven that some traces have.

    >>> parse_stamp("1970-01-01 02:00:00.0000001+01:00")
    (3600000000100, True)
    """
    text = text.strip()
    match = _STAMP.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a date and time such as 2022-06-01 13:00:00+00:00")
    day = date.fromisoformat(match["day"]).toordinal() - _EPOCH_DAY
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text!r} has a time of day outside 00:00:00 to 23:59:59")
    seconds = ((day * 24 + hour) * 60 + minute) * 60 + second - _offset_s(match["zone"])
    return seconds * NS_PER_S + int((match["fraction"] or "0").ljust(9, "0")), match["zone"] is not None


def _offset_s(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"offset {zone!r} is outside -23:59 to +23:59")
    return (-1 if zone[0] == "-" else 1) * (hours * 3600 + minutes * 60)


def column_position(names: Sequence[str], wanted: str, log: FaultLog) -> int:
    """Return the position of a column in a header; record a fault and return -1 when it is missing or not unique."""
    positions = [position for position, name in enumerate(names) if name == wanted]
    if len(positions) == 1:
        return positions[0]
    if positions:
        log.add(f"the header names column {wanted!r} {len(positions)} times", line=1)
    else:
        log.add(f"the header has no column {wanted!r}{nearest_match(wanted, names)}", line=1)
    return -1
