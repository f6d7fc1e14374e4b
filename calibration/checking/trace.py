"""A user's own log of board power against what a profile says: `check --trace LOG.csv`.

The log is what `nvidia-smi --query-gpu=timestamp,index,power.draw --format=csv -l 1` writes; further columns are left
alone. Power is integrated by trapezoids. A pause longer than `GAP_FACTOR` times the commonest distance is a gap: it is
left out of time and energy, and counted. Sampled power misses what happens between samples, and boards average over a
second or less, so that means over minutes are worth more than single samples.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from simulator.errors import Fault, InputError, nearest_match

GAP_FACTOR: Final = 5.0
MOST_POWER_W: Final = 5000.0
_STAMPS: Final = ("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")
_MOST_FAULTS: Final = 20
_POWER = ("power.draw", "power.draw.instant", "power.draw.average")


@dataclass(frozen=True, slots=True)
class BoardTrace:
    """What a log says of one board.

    Args:
        board: its index in the log.
        samples: rows of it.
        duration_s: time covered, gaps left out.
        energy_j: integral of power over that time.
        lowest_w: 5th percentile of power: the board at rest, if it rested at all.
        highest_w: 95th percentile.
        gaps: pauses left out.
        active_s: part of the time in which power was above a threshold, all of it without one.
        active_j: energy of that part.
    """

    board: str
    samples: int
    duration_s: float
    energy_j: float
    lowest_w: float
    highest_w: float
    gaps: int
    active_s: float
    active_j: float

    @property
    def mean_w(self) -> float:
        """Mean power over the time covered."""
        return self.energy_j / self.duration_s


def read_trace(path: Path, active_above_w: float = -1.0) -> list[BoardTrace]:
    """Return what a log says, by board.

    Args:
        path: the log.
        active_above_w: power above which a board counts as active; between two samples both must be above it.

    Raises:
        InputError: with file and line of every row that cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream, skipinitialspace=True))
    except FileNotFoundError:
        raise InputError([Fault("no such file", str(path))]) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError([Fault(f"cannot be read: {error}", str(path))]) from None
    if not rows:
        raise InputError([Fault("is empty", str(path))])
    stamp, power, board = _columns(rows[0], str(path))
    samples: dict[str, list[tuple[float, float]]] = {}
    faults: list[Fault] = []
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        try:
            name = row[board].strip() if board is not None else "0"
            samples.setdefault(name, []).append((_seconds(row[stamp]), _watts(row[power])))
        except (IndexError, ValueError) as error:
            message = "the row has too few columns" if isinstance(error, IndexError) else str(error)
            faults.append(Fault(message, str(path), line))
    faults += [fault for name, found in samples.items() for fault in _unordered(name, found, str(path))]
    if faults:
        more = [Fault(f"and {len(faults) - _MOST_FAULTS:,} more", str(path))] if len(faults) > _MOST_FAULTS else []
        raise InputError([*faults[:_MOST_FAULTS], *more])
    traces = [_trace(name, found, active_above_w) for name, found in sorted(samples.items()) if len(found) > 1]
    if not traces:
        raise InputError([Fault("holds fewer than two samples of any board", str(path))])
    return traces


def _columns(header: list[str], file: str) -> tuple[int, int, int | None]:
    names = [re.sub(r"\s*\[.*\]$", "", name).strip().lower() for name in header]
    power = next((names.index(name) for name in _POWER if name in names), None)
    faults = []
    if "timestamp" not in names:
        faults.append(Fault(f"the header has no column 'timestamp'{nearest_match('timestamp', names)}", file, 1))
    if power is None:
        faults.append(Fault(f"the header has no column 'power.draw'{nearest_match('power.draw', names)}", file, 1))
    if faults or power is None:
        raise InputError(faults)
    return names.index("timestamp"), power, names.index("index") if "index" in names else None


def _seconds(text: str) -> float:
    for form in _STAMPS:
        try:
            return (datetime.strptime(text.strip(), form) - datetime(1970, 1, 1)).total_seconds()
        except ValueError:
            continue
    raise ValueError(f"'{text}' is no time stamp such as 2026/07/18 17:57:49.469")


def _watts(text: str) -> float:
    number = text.strip().removesuffix("W").strip()
    try:
        value = float(number)
    except ValueError:
        raise ValueError(f"power '{text}' is no number: the board does not tell it, or the row is cut") from None
    if not 0.0 <= value <= MOST_POWER_W:
        raise ValueError(f"power must be >= 0 and <= {MOST_POWER_W:g} W, got {value:g}")
    return value


def _unordered(name: str, samples: list[tuple[float, float]], file: str) -> Iterator[Fault]:
    times = np.array([t_s for t_s, _ in samples])
    if (np.diff(times) < 0.0).any():
        yield Fault(f"the time stamps of board {name} run backward", file)


def _trace(board: str, samples: list[tuple[float, float]], active_above_w: float) -> BoardTrace:
    times, watts = np.array(samples).T
    distances = np.diff(times)
    usual_s = float(np.median(distances))
    inside = distances <= GAP_FACTOR * usual_s
    joules = 0.5 * (watts[1:] + watts[:-1]) * distances
    active = inside & (np.minimum(watts[1:], watts[:-1]) > active_above_w)
    return BoardTrace(
        board=board,
        samples=len(times),
        duration_s=float(distances[inside].sum()),
        energy_j=float(joules[inside].sum()),
        lowest_w=float(np.quantile(watts, 0.05)),
        highest_w=float(np.quantile(watts, 0.95)),
        gaps=int((~inside).sum()),
        active_s=float(distances[active].sum()),
        active_j=float(joules[active].sum()),
    )
