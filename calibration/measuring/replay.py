"""A measurement played back: the bench of a finished measurement, whose device only lets recorded time pass.

Everything after the reading of the sensor runs as in the measurement itself (energy of windows, validity, files, fit,
check), without the device. A replay of an unchanged measurement gives the same windows.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.measuring.bench import Bench
from calibration.measuring.clock import VirtualClock
from calibration.measuring.directory import MeasurementDirectory, read_measurement, read_samples
from calibration.measuring.plan import Plan
from calibration.measuring.points import Point
from calibration.measuring.prepared import CannotRunError, Prepared
from calibration.measuring.readings import EnergyFrom, Reading
from calibration.measuring.record import DeviceIdentity, MeasurementRecord, PowerLimits, SensorName

_OTHERS = ("another process", "other processes")


class RecordedSensor:
    """Says what the sensor of a measurement said.

    Args:
        record: of the measurement.
        clock: the virtual clock.
    """

    def __init__(self, record: MeasurementRecord, clock: VirtualClock) -> None:
        self.name: SensorName = record.sensor.name
        self.energy_from: EnergyFrom = record.sensor.energy_from
        self.boundary = record.sensor.boundary
        self.clock, self._record = clock, record

    def read(self) -> Reading:
        """Return the instant: readings belong to windows, and the sampler hands them out."""
        return Reading(self.clock.now_s())

    def power_limits(self) -> PowerLimits | None:
        """Return the limits that were read."""
        return self._record.device.power_limits

    def close(self) -> None:
        """Do nothing."""


class _Recording:
    """The window that is being played, shared by device, sampler and watch."""

    def __init__(self, samples: pd.DataFrame | None) -> None:
        groups = {} if samples is None else dict(tuple(samples.groupby("window_id", sort=False)))
        self._samples: dict[str, pd.DataFrame] = {str(name): group for name, group in groups.items()}
        self.row: dict[str, Any] = {}

    def readings(self, began_s: float) -> list[Reading]:
        group = self._samples.get(str(self.row.get("window_id")))
        if group is None:
            return []
        rows = group.drop(columns="window_id").to_dict("records")
        return [_reading({str(key): value for key, value in row.items()}, began_s) for row in rows]


class RecordedDevice:
    """Lets the recorded time of windows pass.

    Args:
        identity: of the device that was measured.
        windows: the table.
        clock: the virtual clock.
        recording: where the current window is kept.
    """

    def __init__(
        self, identity: DeviceIdentity, windows: pd.DataFrame, clock: VirtualClock, recording: _Recording
    ) -> None:
        self.identity, self.clock, self._recording = identity, clock, recording
        self._left: dict[str, deque[dict[str, Any]]] = defaultdict(deque)
        for row in windows.to_dict("records"):
            self._left[str(row["point"])].append({str(key): value for key, value in row.items()})

    def open(self) -> None:
        """Do nothing."""

    def prepare(self, point: Point, seed: int) -> Prepared:  # noqa: ARG002 - a recording has its inputs
        """Return the next recorded window of a point.

        Raises:
            CannotRunError: none is left.
        """
        if not self._left[point.name]:
            raise CannotRunError("not in the recording")
        return _RecordedWindow(self._left[point.name], self.clock, self._recording)

    def release(self) -> None:
        """Do nothing."""


class _RecordedWindow:
    def __init__(self, left: deque[dict[str, Any]], clock: VirtualClock, recording: _Recording) -> None:
        self._left, self._clock, self._recording = left, clock, recording
        self._row: dict[str, Any] | None = None

    def warm_up(self, duration_s: float) -> None:
        self._clock.wait(duration_s)

    def run(self, duration_s: float) -> int:  # noqa: ARG002 - it lasts as long as it lasted
        # Taken when it runs, and once: what only warms the device up uses no window, what is tried again is the same.
        if self._row is None:
            self._row = self._left.popleft()
        self._recording.row = self._row
        self._clock.wait(float(self._row["duration_s"]))
        return int(self._row["repetitions"])


class _RecordedSampler:
    def __init__(self, clock: VirtualClock, recording: _Recording) -> None:
        self._clock, self._recording = clock, recording

    def around(self, work: Callable[[], None]) -> tuple[float, float, list[Reading]]:
        began_s = self._clock.now_s()
        work()
        ended_s = began_s + float(self._recording.row["duration_s"])
        return began_s, ended_s, self._recording.readings(began_s)


class _RecordedWatch:
    def __init__(self, recording: _Recording) -> None:
        self._recording = recording

    def own_context_made(self) -> None:
        """Do nothing."""

    def begin(self) -> None:
        """Do nothing."""

    def verdict(self) -> str:
        parts = str(self._recording.row.get("invalid_reason", "")).split("; ")
        return "; ".join(part for part in parts if part.startswith(_OTHERS))


def replay_bench(path: Path) -> tuple[Bench, Plan, MeasurementRecord]:
    """Return the bench that plays a finished measurement back, with its plan and its record.

    Raises:
        InputError: there is no finished measurement, or its tables are not those of its record.
    """
    record, windows = read_measurement(path)
    plan, _ = MeasurementDirectory(path).read_plan()
    clock = VirtualClock()
    recording = _Recording(read_samples(path, record))
    sampler = _RecordedSampler(clock, recording)
    bench = Bench(
        device=RecordedDevice(record.device, windows, clock, recording),
        sensor=RecordedSensor(record, clock),
        sampler=sampler,
        probe_sampler=sampler,
        clock=clock,
        watch=_RecordedWatch(recording),
        notes=(f"played back from {path}: nothing runs on a device",),
    )
    return bench, plan, record


def _reading(row: dict[str, Any], began_s: float) -> Reading:
    known = {key: None if pd.isna(value) else value for key, value in row.items() if key not in {"t_s", "throttle"}}
    throttle = tuple(name for name in str(row["throttle"]).split("+") if name)
    return Reading(t_s=began_s + float(row["t_s"]), throttle=throttle, **known)
