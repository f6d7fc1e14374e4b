"""The directory of a measurement: whole files or none, whatever kills the process.

    plan.json          what is to be measured, in which order; written once, and kept
    sensor.json        what the sensor was found to do
    windows/0007.json  one window with its readings; one file per window
    windows.parquet, samples.parquet, measurement.json   at the end, the record last

Every file is written under a temporary name, synced and renamed, and a rename is atomic: a file is there whole or not
there. So a crash loses the open window and nothing has to be repaired. Rejected: one JSONL file with a checked tail,
which is torn between the crash and the next start, and which every reader would have to know how to mend.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pandas as pd

from calibration.measuring.plan import Plan, PlannedWindow
from calibration.measuring.points import Point
from calibration.measuring.readings import Reading
from calibration.measuring.record import (
    RECORD_FILE,
    SAMPLES_FILE,
    WINDOWS_FILE,
    MeasurementRecord,
    RawFile,
    SensorCharacter,
)
from calibration.windows import Window, window_table
from simulator.errors import InputError

PLAN_FILE: Final = "plan.json"
SENSOR_FILE: Final = "sensor.json"
WINDOWS_FOLDER: Final = "windows"
LOCK_FILE: Final = ".lock"

_FULL_DISK: Final = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
_FORMAT: Final = 1


class MeasurementDirectory:
    """Reads and writes the files of one measurement.

    Args:
        path: the directory; made when the plan is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.windows_path = path / WINDOWS_FOLDER

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from measuring into the directory, and drop what a killed one left half written.

        Raises:
            InputError: another process measures into it.
        """
        with _writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path / LOCK_FILE, os.O_CREAT | os.O_RDWR)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(f"another process measures into {self.path}; wait until it has ended") from None
            for part in self.path.rglob(".*.part"):
                part.unlink(missing_ok=True)
            yield
        finally:
            os.close(lock)

    @property
    def finished(self) -> bool:
        """Whether the record is there."""
        return (self.path / RECORD_FILE).is_file()

    def started(self) -> bool:
        """Return whether the directory holds a plan.

        Raises:
            InputError: it holds other things and no plan.
        """
        if (self.path / PLAN_FILE).is_file():
            return True
        with _writing(self.path):
            strange = self.path.exists() and (not self.path.is_dir() or any(_lasting(self.path)))
        if strange and not self.finished:
            raise InputError(f"{self.path} is not empty and holds no measurement; choose another directory")
        return False

    def write_plan(self, plan: Plan, header: dict[str, Any]) -> None:
        """Write the plan, with what it was made for."""
        with _writing(self.path):
            self.windows_path.mkdir(parents=True, exist_ok=True)
        data = {"format": _FORMAT, "header": header, "plan": asdict(plan)}
        write_whole(self.path / PLAN_FILE, json.dumps(data).encode())

    def read_plan(self) -> tuple[Plan, dict[str, Any]]:
        """Return the plan and its header."""
        data = _read_json(self.path / PLAN_FILE)
        if data.get("format") != _FORMAT:
            raise InputError(
                f"{self.path / PLAN_FILE}: format {data.get('format')} is not {_FORMAT}; measure again elsewhere"
            )
        plan = data["plan"]
        points = tuple(Point(**point) for point in plan.pop("points"))
        order = tuple(PlannedWindow(**entry) for entry in plan.pop("order"))
        return Plan(**plan, points=points, order=order), data["header"]

    def write_sensor(self, character: SensorCharacter) -> None:
        """Write what the sensor does."""
        write_whole(self.path / SENSOR_FILE, character.model_dump_json(indent=1).encode())

    def read_sensor(self) -> SensorCharacter | None:
        """Return what the sensor does, if it was found."""
        file = self.path / SENSOR_FILE
        return SensorCharacter.model_validate_json(file.read_bytes()) if file.is_file() else None

    def write_window(self, number: int, window: Window, readings: list[Reading], elapsed_s: float) -> None:
        """Write one window of the plan with its readings.

        Args:
            number: place in the order of the plan.
            window: the window.
            readings: in it, with instants from its beginning.
            elapsed_s: all that it took, with making operands and warming up.
        """
        data = {"window": asdict(window), "elapsed_s": elapsed_s, "readings": _columns(readings)}
        write_whole(self.windows_path / f"{number:04d}.json", json.dumps(data).encode())

    def windows(self) -> dict[int, tuple[Window, list[Reading], float]]:
        """Return the windows measured so far, by place in the order: window, readings, time taken."""
        found = {}
        for file in sorted(self.windows_path.glob("*.json")):
            data = _read_json(file)
            found[int(file.stem)] = (Window(**data["window"]), _readings(data["readings"]), float(data["elapsed_s"]))
        return found

    def finish(self, make_record: Callable[[RawFile, RawFile | None], MeasurementRecord]) -> MeasurementRecord:
        """Write the tables and then the record, and drop the files that they replace.

        Args:
            make_record: gives the record from the description of both tables.
        """
        measured = self.windows()
        ordered = [measured[number] for number in sorted(measured)]
        windows = self._table(WINDOWS_FILE, window_table([window for window, _, _ in ordered]))
        samples = _samples(ordered)
        described = self._table(SAMPLES_FILE, samples) if len(samples) else None
        record = make_record(windows, described)
        write_whole(self.path / RECORD_FILE, (record.model_dump_json(indent=2, by_alias=True) + "\n").encode())
        self.tidy()
        return record

    def tidy(self) -> None:
        """Drop the single files of a finished measurement."""
        if self.finished:
            shutil.rmtree(self.windows_path, ignore_errors=True)
            (self.path / SENSOR_FILE).unlink(missing_ok=True)

    def _table(self, name: str, table: pd.DataFrame) -> RawFile:
        data = table.to_parquet(index=False, compression="zstd")
        write_whole(self.path / name, data)
        return RawFile(path=name, sha256=hashlib.sha256(data).hexdigest(), rows=len(table))


def read_measurement(path: Path) -> tuple[MeasurementRecord, pd.DataFrame]:
    """Return the record and the windows of a finished measurement.

    Raises:
        InputError: there is none, it is not finished, or a table is not the one that the record describes.
    """
    directory = MeasurementDirectory(path)
    if not directory.finished:
        unfinished = (path / PLAN_FILE).is_file()
        what = "a measurement that is not finished; run measure again to go on" if unfinished else "no measurement"
        raise InputError(f"{path} holds {what}")
    record = MeasurementRecord.model_validate_json((path / RECORD_FILE).read_bytes())
    return record, pd.read_parquet(_verified(path, record.windows))


def read_samples(path: Path, record: MeasurementRecord) -> pd.DataFrame | None:
    """Return the readings of a finished measurement, None where there was no sensor."""
    return None if record.samples is None else pd.read_parquet(_verified(path, record.samples))


def write_whole(file: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut.

    Raises:
        InputError: the disk is full, or may not be written to.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    with _writing(file):
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = _FULL_DISK.get(error.errno or 0, f"{error.strerror or error}")
        raise InputError(
            f"{place} cannot be written: {why}; windows measured so far are kept, run the same command again to go on"
        ) from None


def _lasting(path: Path) -> Iterator[Path]:
    """Yield what lies in a directory, apart from what a killed process left behind."""
    for entry in path.iterdir():
        if entry.name == WINDOWS_FOLDER and entry.is_dir() and not any(entry.iterdir()):
            continue
        if entry.name != LOCK_FILE and not (entry.name.startswith(".") and entry.name.endswith(".part")):
            yield entry


def _verified(path: Path, described: RawFile) -> Path:
    file = path / described.path
    if not file.is_file():
        raise InputError(f"{file} is missing, though the record names it")
    if hashlib.sha256(file.read_bytes()).hexdigest() != described.sha256:
        raise InputError(f"{file} is not the table that the record describes: its checksum differs")
    return file


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None
    return data


_READING_FIELDS: Final = tuple(Reading.__dataclass_fields__)


def _columns(readings: list[Reading]) -> dict[str, list[Any]]:
    columns = {name: [getattr(reading, name) for reading in readings] for name in _READING_FIELDS}
    return {name: values for name, values in columns.items() if any(value not in (None, ()) for value in values)}


def _readings(columns: dict[str, list[Any]]) -> list[Reading]:
    count = len(columns.get("t_s", ()))
    rows = [{name: values[index] for name, values in columns.items()} for index in range(count)]
    return [Reading(**{**row, "throttle": tuple(row.get("throttle", ()))}) for row in rows]


def _samples(measured: list[tuple[Window, list[Reading], float]]) -> pd.DataFrame:
    rows = [
        {"window_id": window.window_id, **asdict(reading), "throttle": "+".join(reading.throttle)}
        for window, readings, _ in measured
        for reading in readings
        if reading.energy_j is not None or reading.power_w is not None
    ]
    return pd.DataFrame(rows, columns=["window_id", *_READING_FIELDS])
