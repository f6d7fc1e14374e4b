"""The directory of a measurement: whole files, one owner, a full disk said in one sentence."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from calibration.measuring import directory as module
from calibration.measuring.closing import Wishes
from calibration.measuring.directory import MeasurementDirectory, read_measurement, read_samples, write_whole
from calibration.measuring.readings import Reading
from calibration.measuring.session import measure
from calibration.windows import Window
from simulator.errors import InputError


def window(number: int) -> Window:
    return Window(f"{number:04d}", "copy", "copy/1MiB", 0, "", 0.5, 100, 0.0, 2e6, energy_j=300.0)


def test_a_window_comes_back_as_it_was(tmp_path: Path) -> None:
    there = MeasurementDirectory(tmp_path)
    there.windows_path.mkdir()
    readings = [Reading(0.1, 5.0, 300.0, None, 55.0, 1500.0, ("sw_power_cap",)), Reading(0.2, 6.0, 310.5)]
    there.write_window(3, window(3), readings, 0.7)
    assert there.windows() == {3: (window(3), readings, 0.7)}


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_a_disk_that_refuses_leaves_the_old_file_and_no_part(
    tmp_path: Path, monkeypatch, step: str, code: int, words: str
) -> None:
    file = tmp_path / "0001.json"
    write_whole(file, b"old")

    def refuse(*arguments: object, **keywords: object) -> None:
        raise OSError(code, "Read-only file system")

    class FullStream:
        def __init__(self, stream) -> None:
            self.stream = stream

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            self.stream.close()

        def write(self, data: bytes) -> None:
            self.stream.write(data[: len(data) // 2])
            self.stream.flush()
            refuse()

    if step == "write":
        opened = Path.open
        monkeypatch.setattr(Path, "open", lambda path, *rest: FullStream(opened(path, *rest)))
    elif step == "fsync":
        monkeypatch.setattr(module.os, "fsync", refuse)
    else:
        monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InputError, match=words) as caught:
        write_whole(file, b"new and longer")
    monkeypatch.undo()
    assert len(caught.value.faults) == 1
    assert "windows measured so far are kept" in str(caught.value)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_killed_process_left_is_dropped(tmp_path: Path) -> None:
    there = MeasurementDirectory(tmp_path)
    there.windows_path.mkdir()
    (there.windows_path / ".0007.json.4711.part").write_bytes(b'{"window": {"wind')
    with there.alone():
        assert list(there.windows_path.iterdir()) == []
    assert there.windows() == {}


def test_two_processes_do_not_measure_into_one_directory(tmp_path: Path) -> None:
    with (
        MeasurementDirectory(tmp_path).alone(),
        pytest.raises(InputError, match="another process measures into"),
        MeasurementDirectory(tmp_path).alone(),
    ):
        pass


def test_a_directory_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("dear")
    with pytest.raises(InputError, match="is not empty and holds no measurement; choose another"):
        MeasurementDirectory(tmp_path).started()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_reading_says_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no measurement"):
        read_measurement(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(InputError, match="not finished; run measure again to go on"):
        read_measurement(tmp_path)


def test_a_plan_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match="format 99 is not 1"):
        MeasurementDirectory(tmp_path).read_plan()
    (tmp_path / "plan.json").write_text('{"format": 1, "he')
    with pytest.raises(InputError, match="cannot be read"):
        MeasurementDirectory(tmp_path).read_plan()


def test_a_changed_table_is_refused(tmp_path: Path, synthetic_bench) -> None:
    record = measure(tmp_path, synthetic_bench(), Wishes("quick", 1, budget_s=200.0), lambda *_: None)
    assert len(read_samples(tmp_path, record)) == record.samples.rows
    (tmp_path / "samples.parquet").unlink()
    with pytest.raises(InputError, match=r"samples\.parquet is missing, though the record names it"):
        read_samples(tmp_path, record)
    table = tmp_path / "windows.parquet"
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="its checksum differs"):
        read_measurement(tmp_path)
