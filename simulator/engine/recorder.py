"""What plant steps yield, kept as rows until a chapter is full, then as columns.

A year of minutes has half a million steps and may see thousands of workloads, so readings of accounts are handed on
chapter by chapter; only their sums stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter, is_

import numpy as np
from numpy.typing import NDArray

from simulator.engine.compute.heat_guard import HeatReading
from simulator.engine.compute.server_power import HallPower
from simulator.engine.facility.coupling import FacilityStep
from simulator.records import ACCOUNT_FIELDS, COOLING_MACHINES, AccountKey, Chapter, StepColumns

CHAPTER_STEPS = 2048

_HALL_FIELDS = tuple(entry.name for entry in fields(HallPower))
_COOLING_FIELDS = (
    "heat_w",
    *COOLING_MACHINES,
    "heat_rejected_w",
    "reused_heat_w",
    "liquid_heat_w",
    "unmet_heat_w",
    "makeup_water_kg",
    "consumed_water_kg",
    "media_water_kg",
    "free_s",
    "partial_s",
    "mechanical_s",
    "chillers_running",
    "outside_correlation_s",
    "outside_curves_s",
)
_POWER_FIELDS = (
    "it_power_w",
    "rack_loss_w",
    "busway_loss_w",
    "pdu_loss_w",
    "ups_output_w",
    "ups_loss_w",
    "mechanical_power_w",
    "other_power_w",
    "transformer_loss_w",
    "facility_power_w",
    "residual_w",
)
_SITE_FIELDS = ("heat_residual_j", "network_w", "shared_storage_w", "dry_bulb_c", "wet_bulb_c")

_hall_values = attrgetter(*_HALL_FIELDS)
_cooling_values = attrgetter(*_COOLING_FIELDS)
_power_values = attrgetter(*_POWER_FIELDS)


@dataclass(slots=True)
class _Reading:
    """What was read of an account: from a step of the chapter on, so many times."""

    first: int
    times: int
    values: tuple[float, ...]


class Recorder:
    """Collects what plant steps yield.

    Args:
        halls: names of the halls, in the order in which `step` is given them.
        on_chapter: takes the readings of the accounts, chapter by chapter.
        has_rooms: whether temperatures of the halls are recorded.
    """

    def __init__(self, halls: Sequence[str], on_chapter: Callable[[Chapter], None], has_rooms: bool = False) -> None:
        self._names = [f"hall.{hall}.{field}" for hall in halls for field in _HALL_FIELDS]
        self._names += [f"room.{hall}.{field}" for hall in halls for field in HeatReading._fields if has_rooms]
        self._names += [f"cooling.{field}" for field in _COOLING_FIELDS]
        self._names += [f"power.{field}" for field in _POWER_FIELDS]
        self._names += _SITE_FIELDS
        self._on_chapter = on_chapter
        self._rows: list[tuple[float, ...]] = []
        self._times: list[int] = []
        """How often each row came in succession: a constant load repeats the same step."""
        self._parts: tuple[HallPower | FacilityStep | HeatReading, ...] = ()
        self._beside: tuple[float, ...] = ()
        self._ends_s: list[float] = []
        self._accounts: dict[AccountKey, list[_Reading]] = {}
        self._storage: dict[str, list[_Reading]] = {}
        self._chapters: list[StepColumns] = []
        self._totals: dict[AccountKey, NDArray[np.float64]] = {}
        self.last_end_s = 0.0
        """End of the last step recorded, 0 before the first."""

    def add_columns(self, names: Iterable[str]) -> None:
        """Expect further values with each step, before the first."""
        self._names += names

    def account(self, key: AccountKey, reading: tuple[float, ...]) -> None:
        """Record the reading of an account over the step that ends now."""
        if any(reading):
            _append(self._accounts.setdefault(key, []), len(self._ends_s), reading)

    def storage(self, workload: str, energy_j: float) -> None:
        """Record the energy of shared storage that a workload caused over the step that ends now."""
        if energy_j:
            _append(self._storage.setdefault(workload, []), len(self._ends_s), (energy_j,))

    def step(
        self,
        end_s: float,
        halls: Sequence[HallPower],
        facility: FacilityStep,
        site: tuple[float, float, float, float],
        more: tuple[float, ...] = (),
        rooms: Sequence[HeatReading] = (),
    ) -> None:
        """Record the step that ends now; call it after its accounts.

        Args:
            end_s: end of the step.
            halls: servers of each hall.
            facility: what surrounds them.
            site: power of the network and of shared storage, dry bulb, wet bulb.
            more: values of the columns added.
            rooms: temperatures of each hall, where they are recorded.
        """
        parts: tuple[HallPower | FacilityStep | HeatReading, ...] = (*halls, *rooms, facility)
        beside = (*site, *more)
        # What a step yields is handed on as it is while nothing changes, so that its identity tells.
        if self._rows and beside == self._beside and all(map(is_, parts, self._parts)):
            self._times[-1] += 1
        else:
            row = tuple(value for hall in halls for value in _hall_values(hall))
            row += tuple(value for room in rooms for value in room)
            row += _cooling_values(facility.cooling) + _power_values(facility.power)
            self._rows.append((*row, facility.heat_residual_j, *beside))
            self._times.append(1)
            self._parts, self._beside = parts, beside
        self._ends_s.append(end_s)
        self.last_end_s = end_s
        if len(self._ends_s) == CHAPTER_STEPS:
            self._close_chapter()

    def finish(self) -> tuple[StepColumns, dict[AccountKey, NDArray[np.float64]]]:
        """Close the last chapter; return the columns of the whole run and the sum of each account's readings."""
        if self._ends_s:
            self._close_chapter()
        chapters = self._chapters
        columns = {name: np.concatenate([chapter.columns[name] for chapter in chapters]) for name in self._names}
        return StepColumns(0.0, np.concatenate([chapter.ends_s for chapter in chapters]), columns), self._totals

    def _close_chapter(self) -> None:
        count = len(self._ends_s)
        table = np.repeat(np.array(self._rows, dtype=np.float64).T, self._times, axis=1)
        start_s = float(self._chapters[-1].ends_s[-1]) if self._chapters else 0.0
        steps = StepColumns(start_s, np.array(self._ends_s), dict(zip(self._names, table, strict=True)))
        accounts = {key: _dense(readings, count) for key, readings in self._accounts.items()}
        storage_j = {name: _dense(readings, count)[0] for name, readings in self._storage.items()}
        for key, readings in accounts.items():
            self._totals[key] = self._totals.get(key, np.zeros(len(ACCOUNT_FIELDS))) + readings.sum(axis=1)
        self._on_chapter(Chapter(steps, accounts, storage_j))
        self._chapters.append(steps)
        self._rows, self._times, self._ends_s, self._accounts, self._storage = [], [], [], {}, {}


def _append(readings: list[_Reading], step: int, values: tuple[float, ...]) -> None:
    """Note a reading; one that repeats the step before is counted."""
    if readings:
        last = readings[-1]
        if last.first + last.times == step and last.values == values:
            last.times += 1
            return
    readings.append(_Reading(step, 1, values))


def _dense(readings: list[_Reading], steps: int) -> NDArray[np.float64]:
    """Return readings as columns of all steps, shape (values, steps)."""
    table = np.zeros((len(readings[0].values), steps))
    times = np.array([reading.times for reading in readings])
    first = np.repeat([reading.first for reading in readings], times)
    # Steps of one run of repetitions count on from its first.
    where = first + np.arange(len(first)) - np.repeat(np.cumsum(times) - times, times)
    table[:, where] = np.repeat(np.array([reading.values for reading in readings]).T, times, axis=1)
    return table
