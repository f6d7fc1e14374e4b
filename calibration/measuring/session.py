"""A measurement from its plan to its record: begun, killed and gone on with as often as it takes."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from calibration.measuring.bench import Bench
from calibration.measuring.closing import Wishes, begin, finish, recorded_header, refuse_other_device
from calibration.measuring.directory import MeasurementDirectory, read_measurement
from calibration.measuring.measured_window import measure_window
from calibration.measuring.plan import PACES, Plan, PlannedWindow
from calibration.measuring.points import LEAST, Point
from calibration.measuring.prepared import CannotRunError, Prepared
from calibration.measuring.readings import Reading
from calibration.measuring.record import TIME_OVER, MeasurementRecord, SensorCharacter
from calibration.measuring.replay import replay_bench
from calibration.measuring.sensor_probe import characterise
from calibration.measuring.time_left import Notify, TimeLeft
from calibration.windows import Window
from simulator.errors import InputError

ATTEMPTS: Final = 3
"""Times that a window is tried before it is kept as invalid."""
SWITCHED_M: Final = {"cuda": 4096, "cpu": 512}
"""Smallest square product with which the sensor is tried: it fills the device and lasts milliseconds at most."""
MOST_INVALID_IN_A_ROW: Final = 3
"""Invalid windows after which a measurement stops: the device is not in a state to be measured."""


def replay(path: Path, source: Path, wishes: Wishes, notify: Notify) -> MeasurementRecord:
    """Play a finished measurement back into another directory and return the new record.

    Args:
        path: the new directory.
        source: directory of the measurement.
        wishes: licence and notes of the new record; the plan is that of the measurement.
        notify: told how far it is.

    Raises:
        InputError: there is no finished measurement at the source, or something else at the new directory.
    """
    bench, plan, record = replay_bench(source)
    directory = MeasurementDirectory(path)
    if directory.finished:
        return read_measurement(path)[0]
    directory.started()
    with directory.alone():
        header = recorded_header(record, wishes)
        directory.write_plan(plan, header)
        directory.write_sensor(record.sensor)
        recorded = frozenset(int(name) for name in read_measurement(source)[1].window_id)
        return _Session(directory, bench, plan, header, notify, only=recorded).run()


def measure(path: Path, bench: Bench, wishes: Wishes, notify: Notify) -> MeasurementRecord:
    """Measure, or go on with a measurement that was interrupted, and return the finished record.

    Args:
        path: directory of the measurement.
        bench: the device and its sensor.
        wishes: what is asked for; of a measurement that has begun, its own plan counts.
        notify: told how far it is.

    Raises:
        InputError: the directory holds something else, the device cannot be measured, or the disk is full.
    """
    directory = MeasurementDirectory(path)
    if directory.finished:
        directory.tidy()
        return read_measurement(path)[0]
    directory.started()
    with directory.alone():
        if not directory.started():
            begin(directory, bench, wishes)
        plan, header = directory.read_plan()
        refuse_other_device(path, header, bench)
        return _Session(directory, bench, plan, header, notify).run()


@dataclass(slots=True)
class _Session:
    """One go at a plan, or at some of its windows, which then may take what time they take."""

    directory: MeasurementDirectory
    bench: Bench
    plan: Plan
    header: dict[str, Any]
    notify: Notify
    only: frozenset[int] | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    invalid_in_a_row: int = 0

    def run(self) -> MeasurementRecord:
        measured = self.directory.windows()
        done = {number for number, (window, _, _) in measured.items() if window.valid}
        wanted = set(range(len(self.plan.order)) if self.only is None else self.only) - done
        windows = [(number, planned) for number, planned in enumerate(self.plan.order) if number in wanted]
        time_left = self._time_left(measured)
        time_left.expect(planned for _, planned in windows)
        bare = [entry for entry in windows if self.plan.points[entry[1].point].family == "idle"]
        for number, planned in bare:
            self._one(number, planned, time_left)
        self.bench.device.open()
        self.bench.watch.own_context_made()
        began_s = self.bench.clock.now_s()
        character = self.directory.read_sensor() or self._characterise(time_left)
        rest = [entry for entry in windows if entry not in bare]
        if rest:
            self._warm_device(time_left)
        time_left.spent(self.bench.clock.now_s() - began_s)
        for number, planned in rest:
            self._one(number, planned, time_left)
        return finish(self.directory, self.plan, self.header, character, self.skipped)

    def _one(self, number: int, planned: PlannedWindow, time_left: TimeLeft) -> None:
        point = self.plan.points[planned.point]
        needless = planned.replicate > 0 or point.tier > LEAST
        enough = not needless or time_left.enough_for(planned.point)
        if not enough:
            self.skipped[f"{point.name}, window {planned.replicate}"] = TIME_OVER
        length_s = time_left.length_s()
        time_left.tell(point.name)
        time_left.leave_out(planned.point)
        if point.name in self.skipped or not enough:
            return
        began_s = self.bench.clock.now_s()
        try:
            window, readings = self._attempts(number, planned, length_s)
        except CannotRunError as error:
            self.skipped[point.name] = str(error)
            time_left.spent(self.bench.clock.now_s() - began_s)
            return
        finally:
            self.bench.device.release()
        elapsed_s = self.bench.clock.now_s() - began_s
        self.directory.write_window(number, window, readings, elapsed_s)
        time_left.measured(planned.point, elapsed_s, window.duration_s)
        self._stop_if_hopeless(window)

    def _time_left(self, measured: dict[int, tuple[Window, list[Reading], float]]) -> TimeLeft:
        """Return the account of time, with what the windows measured so far took."""
        pace = PACES[self.bench.device.identity.kind]
        budget_s = self.plan.budget_s if self.only is None else math.inf
        shortest_s = min(pace.shortest_window_s, self.plan.window_s)
        time_left = TimeLeft(self.plan, shortest_s, pace.overhead_s, budget_s, self.notify)
        for number, (window, _, elapsed_s) in measured.items():
            time_left.measured(self.plan.order[number].point, elapsed_s, window.duration_s)
        return time_left

    def _attempts(self, number: int, planned: PlannedWindow, length_s: float) -> tuple[Window, list[Reading]]:
        """Return the first valid window of a few, or the last of them."""
        point, plan = self.plan.points[planned.point], self.plan
        seed = int(np.random.SeedSequence([plan.seed, number]).generate_state(1)[0])
        prepared = self.bench.device.prepare(point, seed)
        attempts = 0
        while True:
            prepared.warm_up(length_s * plan.warmup_s / plan.window_s)
            window, readings = measure_window(self.bench, prepared, point, planned.replicate, length_s, number)
            attempts += 1
            if window.valid or attempts == ATTEMPTS:
                return window, readings
            self.bench.clock.wait(length_s)

    def _stop_if_hopeless(self, window: Window) -> None:
        self.invalid_in_a_row = 0 if window.valid else self.invalid_in_a_row + 1
        if self.invalid_in_a_row < MOST_INVALID_IN_A_ROW:
            return
        good = sum(kept.valid for kept, _, _ in self.directory.windows().values())
        at = f" at {window.temperature_c:.0f} °C" if window.temperature_c is not None else ""
        raise InputError(
            f"the device cannot be measured now{at}: {window.invalid_reason}, in {MOST_INVALID_IN_A_ROW} windows in a "
            f"row; {good} good windows are kept, run the same command again when that is over"
        )

    def _products(self) -> list[Point]:
        """Return the products of the plan in the format that draws most power, light ones first."""
        products = [point for point in self.plan.points if point.family == "gemm" and point.inputs == "normal"]
        found = [point for point in products if point.number_format in {"bf16", "fp16"}] or products
        return sorted(found, key=lambda point: (point.m or 0) * (point.n or 0) * (point.k or 0))

    def _first_that_runs(self, points: list[Point]) -> Prepared | None:
        for point in points:
            with contextlib.suppress(CannotRunError):
                return self.bench.device.prepare(point, self.plan.seed)
        return None

    def _characterise(self, time_left: TimeLeft) -> SensorCharacter:
        """Return what the sensor does, found with a product that can be switched within milliseconds."""
        sensor = self.bench.sensor
        least = SWITCHED_M[self.bench.device.identity.kind]
        square = [point for point in self._products() if point.m == point.n == point.k and (point.m or 0) >= least]
        load = self._first_that_runs(square) if sensor.energy_from != "none" else None
        found = SensorCharacter(name=sensor.name, energy_from=sensor.energy_from, boundary=sensor.boundary)
        if load is not None:
            time_left.tell("finding out what the sensor does")
            load.warm_up(min(2.0, self.plan.budget_s / 50.0))
            found = characterise(self.bench, load, self.plan.budget_s / 12.0, self.plan.seed)
        del load
        self.bench.device.release()
        self.directory.write_sensor(found)
        return found

    def _warm_device(self, time_left: TimeLeft) -> None:
        """Bring the device near the temperature that it will have, so that the first windows are like the last."""
        heavy = self._first_that_runs(self._products()[::-1])
        if heavy is not None:
            time_left.tell("warming the device")
            heavy.warm_up(min(20.0, self.plan.budget_s / 25.0))
        del heavy
        self.bench.device.release()
