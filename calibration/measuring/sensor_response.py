"""What a power sensor does, from its readings under a load that is known: update period, averaging window, lag.

A reading is taken to be the mean of power over a window that ends a lag ago, kept until the next update. Under a load
that is either on or off, that mean is low + (high - low) x the busy share of the window, so width and lag are the two
numbers that make the readings linear in that share. Steps tell the window from above (a ramp as long as the window),
square waves from below (a wave shorter than the window disappears).

Method: Yang et al. 2024 (arXiv:2312.02741) found windows from 10 ms to 1 s and updates from 20 to 100 ms in this way.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_WINDOWS_S: Final = np.concatenate([[0.0], np.geomspace(0.005, 2.0, 80)])
_LAGS_S: Final = np.concatenate([[0.0], np.geomspace(0.002, 0.6, 40)])
_FINER_S: Final = (0.01, 0.003, 0.001)
"""Steps in which window and lag are tried again around the best of the grid."""
_FINER_STEPS: Final = 4
_FEWEST_CHANGES: Final = 8


@dataclass(frozen=True, slots=True)
class Response:
    """How a power sensor follows a load.

    Args:
        averaging_window_s: width of the window over which it averages.
        lag_s: age of the newest power in a reading.
        unexplained: root mean square of what the model leaves / the step between load and pause.
    """

    averaging_window_s: float
    lag_s: float
    unexplained: float


def update_period_s(instants_s: Sequence[float], values: Sequence[float]) -> float | None:
    """Return the time between two changes of a value, by the median; None where it changed too seldom to tell.

    A value that happens to repeat makes a change go unseen, which the median over many forgives.

    >>> held = [index // 5 for index in range(200)]
    >>> round(update_period_s([0.02 * index for index in range(200)], held), 3)
    0.1
    """
    changes = [
        after_s
        for (_, before), (after_s, after) in itertools.pairwise(zip(instants_s, values, strict=True))
        if after != before
    ]
    if len(changes) < _FEWEST_CHANGES:
        return None
    return float(np.median(np.diff(changes)))


def fit_response(
    instants_s: Sequence[float], power_w: Sequence[float], busy: Sequence[tuple[float, float]]
) -> Response | None:
    """Return how a sensor follows a load; None where its readings did not follow it at all.

    Args:
        instants_s: of the readings, rising.
        power_w: the readings.
        busy: intervals in which the load was on, in order.
    """
    times, watts = _updates(np.asarray(instants_s), np.asarray(power_w))
    if len(times) < _FEWEST_CHANGES:
        return None
    load = _BusyTime(busy)
    found = _best(load, times, watts, _WINDOWS_S, _LAGS_S)
    if found is None:
        return None
    for step_s in _FINER_S:
        around = step_s * np.arange(-_FINER_STEPS, _FINER_STEPS + 1, dtype=np.float64)
        windows_s: Array = np.maximum(found.averaging_window_s + around, 0.0)
        lags_s: Array = np.maximum(found.lag_s + around, 0.0)
        found = _best(load, times, watts, np.unique(windows_s), np.unique(lags_s)) or found
    return found


def _best(load: _BusyTime, times: Array, watts: Array, windows_s: Array, lags_s: Array) -> Response | None:
    """Return the window and the lag, of some to try, that leave least unexplained; None where none explains a rise."""
    best: tuple[float, float, float, float] | None = None
    for window_s in windows_s:
        for lag_s in lags_s:
            slope, rest = _line(load.share(times - lag_s, window_s), watts)
            if slope > 0.0 and (best is None or rest < best[0]):
                best = (rest, float(window_s), float(lag_s), slope)
    if best is None:
        return None
    rest, window_s, lag_s, slope = best
    return Response(window_s, lag_s, rest / slope)


class _BusyTime:
    """Time for which a load was on before an instant."""

    def __init__(self, busy: Sequence[tuple[float, float]]) -> None:
        edges = np.asarray(busy, dtype=np.float64)
        self._times = edges.ravel()
        lengths = edges[:, 1] - edges[:, 0]
        ends = np.cumsum(lengths)
        self._busy = np.stack([ends - lengths, ends], axis=1).ravel()
        self._edges = edges

    def share(self, until_s: Array, window_s: float) -> Array:
        """Return the busy share of the window that ends at each instant; of an instant, whether it is busy."""
        if window_s == 0.0:
            index = np.searchsorted(self._times, until_s, side="right")
            return (index % 2).astype(np.float64)
        before = np.interp(until_s - window_s, self._times, self._busy)
        return (np.interp(until_s, self._times, self._busy) - before) / window_s


def _updates(times: Array, watts: Array) -> tuple[Array, Array]:
    """Return the updates: values that differ from the one before, at the middle of the two readings.

    Only there is the age of a value known, to half the time between two readings.
    """
    changed = np.flatnonzero(np.diff(watts) != 0.0) + 1
    return 0.5 * (times[changed - 1] + times[changed]), watts[changed]


def _line(share: Array, watts: Array) -> tuple[float, float]:
    """Return slope and root mean square residual of watts against the busy share."""
    centred = share - share.mean()
    spread = float(centred @ centred)
    if spread <= 0.0:
        return 0.0, float(np.std(watts))
    slope = float(centred @ (watts - watts.mean())) / spread
    rest = watts - watts.mean() - slope * centred
    return slope, float(np.sqrt(np.mean(rest**2)))
