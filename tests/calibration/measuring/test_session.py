"""A whole measurement of a synthetic GPU: energy against its true power; interrupted, gone on with, played back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

from calibration.measuring import directory as module
from calibration.measuring.closing import Wishes
from calibration.measuring.directory import MeasurementDirectory, read_measurement
from calibration.measuring.record import MeasurementRecord
from calibration.measuring.session import measure, replay
from simulator.errors import InputError

IDLE_W, CONTEXT_W, BUSY_W = 70.0, 90.0, 650.0
WISHES = Wishes("quick", 7, budget_s=300.0, cooling="air", licence="CC0-1.0")


def quiet(*_: object) -> None:
    pass


class StoppedError(Exception):
    pass


def stop_after(monkeypatch: pytest.MonkeyPatch, windows: int) -> None:
    """Let the process die while window number `windows` is written."""
    written = [0]
    whole = module.write_whole

    def write(file: Path, data: bytes) -> None:
        written[0] += file.parent.name == "windows"
        if written[0] > windows:
            raise StoppedError
        whole(file, data)

    monkeypatch.setattr(module, "write_whole", write)


def test_energy_of_every_window_is_that_of_the_true_power(tmp_path: Path, synthetic_bench) -> None:
    """A counter of 100 ms read each 20 ms: 1.5 s windows are right within 0.02 / 1.3."""
    record = measure(tmp_path, synthetic_bench(), WISHES, quiet)
    _, windows = read_measurement(tmp_path)
    true_w = windows.family.map({"idle": IDLE_W, "idle_context": CONTEXT_W}).fillna(BUSY_W)
    error = windows.energy_j / (true_w * windows.duration_s) - 1.0
    assert error.abs().max() < 0.016
    assert windows.valid.all()
    assert record.sensor.counter_period_s == pytest.approx(0.1, abs=0.005)
    plan, _ = MeasurementDirectory(tmp_path).read_plan()
    assert record.windows.rows == len(plan.order) == len(windows)


def test_the_record_fits_its_schema(tmp_path: Path, synthetic_bench) -> None:
    measure(tmp_path, synthetic_bench(), WISHES, quiet)
    content = json.loads((tmp_path / "measurement.json").read_text())
    jsonschema.validate(content, MeasurementRecord.model_json_schema())
    assert (content["environment"]["cooling"], content["licence"], content["device"]["name"]) == (
        "air",
        "CC0-1.0",
        "Synthetic 9",
    )


def test_interrupted_it_goes_on_in_the_same_order(tmp_path: Path, synthetic_bench, monkeypatch) -> None:
    measure(tmp_path / "whole", synthetic_bench(), WISHES, quiet)
    part, prepared = tmp_path / "part", []
    for windows in (5, 10, 20):
        bench = synthetic_bench()
        with monkeypatch.context() as dying:
            stop_after(dying, windows)
            with pytest.raises(StoppedError):
                measure(part, bench, WISHES, quiet)
        kept = MeasurementDirectory(part).windows()
        prepared.append(len(kept))
        assert sorted(kept) == list(range(len(kept)))
    assert prepared == [5, 15, 35]
    before = {file.name: file.read_bytes() for file in (part / "windows").iterdir()}
    measure(part, synthetic_bench(), WISHES, quiet)
    whole, gone_on = (read_measurement(tmp_path / name)[1] for name in ("whole", "part"))
    same = ["window_id", "point", "replicate", "repetitions", "flop", "traffic_bytes"]
    pd.testing.assert_frame_equal(whole[same], gone_on[same])
    kept = [json.loads(data)["window"] for data in before.values()]
    rows = gone_on.set_index("window_id").started_utc
    assert all(rows[entry["window_id"]] == entry["started_utc"] for entry in kept)


def test_finished_it_is_not_done_again(tmp_path: Path, synthetic_bench) -> None:
    first = measure(tmp_path, synthetic_bench(), WISHES, quiet)
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    again = synthetic_bench()
    assert measure(tmp_path, again, Wishes("full", 99), quiet) == first
    assert again.device.prepared == []
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_another_device_or_sensor_is_refused(tmp_path: Path, synthetic_bench, monkeypatch) -> None:
    with monkeypatch.context() as dying:
        stop_after(dying, 3)
        with pytest.raises(StoppedError):
            measure(tmp_path, synthetic_bench(), WISHES, quiet)
    with pytest.raises(InputError, match=r"holds a measurement of another device \(Synthetic 9\)"):
        measure(tmp_path, synthetic_bench(uuid_hash="f" * 16), WISHES, quiet)
    with pytest.raises(InputError, match="was begun with --sensor nvml, this is nvml-power"):
        measure(tmp_path, synthetic_bench(name="nvml-power"), WISHES, quiet)
    assert len(MeasurementDirectory(tmp_path).windows()) == 3


def test_heat_makes_windows_invalid_and_stops_after_three(tmp_path: Path, synthetic_bench) -> None:
    """Each is tried three times; the three kept ones are tried again by the next run."""
    hot = synthetic_bench(throttle=("sw_power_cap", "hw_thermal"))
    with pytest.raises(
        InputError,
        match=r"cannot be measured now at 71 °C: its clock was held down \(hw_thermal\), in 3 windows in a row; 0 good",
    ):
        measure(tmp_path, hot, WISHES, quiet)
    kept = MeasurementDirectory(tmp_path).windows()
    assert [window.valid for window, _, _ in kept.values()] == [False] * 3
    record = measure(tmp_path, synthetic_bench(throttle=("sw_power_cap",)), WISHES, quiet)
    assert record.invalid_windows == 0


@dataclass
class VisitedOnce:
    """Somebody else computes during the third window, at its first attempt."""

    windows: int = 0

    def own_context_made(self) -> None:
        pass

    def begin(self) -> None:
        self.windows += 1

    def verdict(self) -> str:
        return "another process ran on the device (4711)" if self.windows == 3 else ""


def test_a_disturbed_window_is_measured_again(tmp_path: Path, synthetic_bench) -> None:
    watch = VisitedOnce()
    record = measure(tmp_path, synthetic_bench(watch=watch), WISHES, quiet)
    assert record.invalid_windows == 0
    assert watch.windows == record.windows.rows + 1


def test_a_replay_gives_the_same_windows(tmp_path: Path, synthetic_bench) -> None:
    measure(tmp_path / "measured", synthetic_bench(), WISHES, quiet)
    replay(tmp_path / "played", tmp_path / "measured", Wishes("quick", 1), quiet)
    measured, played = (read_measurement(tmp_path / name)[1] for name in ("measured", "played"))
    pd.testing.assert_frame_equal(measured.drop(columns="started_utc"), played.drop(columns="started_utc"), rtol=1e-9)


def test_a_replay_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no measurement"):
        replay(tmp_path / "played", tmp_path / "nothing", WISHES, quiet)
    assert not (tmp_path / "played").exists()
