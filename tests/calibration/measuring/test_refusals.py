"""What the device, its driver or the machine does not allow: one sentence, exit code 2, nothing half written."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

import jsonschema
import pynvml
import pytest
from typer.testing import CliRunner

from calibration.cli import app
from calibration.measuring import identity
from calibration.measuring import nvml as nvml_module
from calibration.measuring.clock import VirtualClock
from calibration.measuring.directory import MeasurementDirectory
from calibration.measuring.nvml import Board
from calibration.measuring.nvml_sensor import REASON_BITS, NvmlSensor
from simulator.errors import InputError

ENERGY, INIT = "nvmlDeviceGetTotalEnergyConsumption", "nvmlInit"
NOT_SUPPORTED, NO_PERMISSION, NOT_LOADED, NO_LIBRARY, LOST, MISMATCH, UNKNOWN = 3, 4, 9, 12, 15, 18, 999


def measure(out: Path, *options: str, device: str = "cuda"):
    return CliRunner().invoke(app, ["measure", str(out), "--quick", "--device", device, *options])


def refused(out: Path, message: str, *options: str, device: str = "cuda") -> None:
    """Expect exit 2, one line that says `message`, and no directory."""
    done = measure(out, *options, device=device)
    lines = done.stderr.strip().splitlines()
    assert (done.exit_code, len(lines)) == (2, 1), done.output
    assert re.search(message, lines[0]), lines[0]
    assert done.stdout == ""
    assert not out.exists()


@pytest.mark.parametrize(
    ("function", "code", "message"),
    [
        (INIT, NO_LIBRARY, r"no NVIDIA driver is installed .*; measure the processor with --device cpu"),
        (INIT, NOT_LOADED, r"driver is installed but not loaded"),
        (INIT, MISMATCH, r"its library does not fit the loaded kernel module; restart the host"),
        (INIT, NO_PERMISSION, r"no permission to read the driver"),
        ("nvmlDeviceGetHandleByIndex", LOST, r"fell off the bus"),
        ("nvmlDeviceGetHandleByIndex", NO_PERMISSION, r"no permission to read GPU 0: run as a user"),
        (
            ENERGY,
            NOT_SUPPORTED,
            r"energy counter is not available on this board \(N/A\): integrate .* --sensor nvml-power",
        ),
        (ENERGY, NO_PERMISSION, r"no permission to read the energy counter"),
        (ENERGY, UNKNOWN, r"the energy counter cannot be read from the NVIDIA driver: code 999"),
    ],
)
def test_driver(tmp_path: Path, fake_gpu, function: str, code: int, message: str) -> None:
    fake_gpu.fails[function] = code
    refused(tmp_path / "out", message)


def test_no_gpu(tmp_path: Path, fake_gpu) -> None:
    fake_gpu.boards = 0
    refused(tmp_path / "out", r"driver sees no GPU; measure the processor with --device cpu")


def test_torch_without_a_gpu(tmp_path: Path) -> None:
    """The real probe of this machine's torch, where it has no GPU."""
    if identity.torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    refused(tmp_path / "out", r"built without CUDA|finds no GPU|no NVIDIA driver", "--sensor", "none")


def test_torch_finds_none_though_the_driver_does(tmp_path: Path, fake_gpu, monkeypatch) -> None:
    def probe(_index: int) -> None:
        raise InputError("torch finds no GPU (none is visible); measure the processor with --device cpu")

    monkeypatch.setattr(identity, "probe_gpu", probe)
    refused(tmp_path / "out", r"torch finds no GPU")


def test_no_power_reading_either(tmp_path: Path, fake_gpu) -> None:
    fake_gpu.fails = {
        ENERGY: NOT_SUPPORTED,
        "nvmlDeviceGetFieldValues": NOT_SUPPORTED,
        "nvmlDeviceGetPowerUsage": NOT_SUPPORTED,
    }
    refused(tmp_path / "out", r"instant power is not available .* --sensor none", "--sensor", "nvml-power")


def test_busy_by_a_process(tmp_path: Path, fake_gpu) -> None:
    fake_gpu.processes = [4711, 815]
    refused(tmp_path / "out", r"GPU 0 is busy: process 815, 4711 computes on it; wait until it has ended")


def test_busy_by_somebody_hidden(tmp_path: Path, fake_gpu) -> None:
    fake_gpu.busy_percent = 37
    refused(tmp_path / "out", r"GPU 0 is busy \(37% of the time\) with a process that the driver does not show")


def test_divided(tmp_path: Path, fake_gpu) -> None:
    fake_gpu.mig = (1, 1)
    refused(tmp_path / "out", r"divided by MIG")


@pytest.mark.parametrize(
    ("options", "device", "message"),
    [
        ((), "cuda:x", r"--device must be auto, cuda, cuda:NUMBER, cpu or recorded:DIRECTORY, got 'cuda:x'"),
        (("--sensor", "nvml"), "cpu", r"--sensor nvml reads a GPU"),
        (("--sensor", "rapl"), "cuda", r"--sensor rapl reads a processor"),
        (("--sensor", "none", "--shared", "--budget", "0.02"), "cpu", r"--budget must be >= [\d.]+ minutes"),
    ],
)
def test_options(tmp_path: Path, options: tuple[str, ...], device: str, message: str) -> None:
    done = measure(tmp_path / "out", *options, device=device)
    assert done.exit_code == 2
    assert re.search(message, done.stderr)
    assert not (tmp_path / "out" / "plan.json").exists()


def test_heat(tmp_path: Path, fake_gpu) -> None:
    """The board is at 88 °C and its clock is held down: three windows, then the end, and no record."""
    fake_gpu.reasons = 0x4 | 0x40
    done = measure(tmp_path / "out", "--budget", "0.02")
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "cannot be measured now at 88 °C: its clock was held down (hw_thermal), in 3 windows in a row" in done.stderr
    there = MeasurementDirectory(tmp_path / "out")
    assert not there.finished
    assert [window.valid for window, _, _ in there.windows().values()] == [False] * 3


def test_lost_while_measuring(tmp_path: Path, fake_gpu, monkeypatch) -> None:
    """The board answers for a while and then falls off the bus: what was measured is there."""
    answer, left = type(fake_gpu)._nvmlDeviceGetTotalEnergyConsumption, [12]

    def dying(board, handle: int) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise board.NVMLError(LOST)
        return answer(board, handle)

    monkeypatch.setattr(type(fake_gpu), "_nvmlDeviceGetTotalEnergyConsumption", dying)
    done = measure(tmp_path / "out", "--budget", "0.02")
    assert done.exit_code == 2
    assert "fell off the bus while the energy counter was read; windows measured so far are kept" in done.stderr
    assert 1 <= len(MeasurementDirectory(tmp_path / "out").windows()) <= 6


def test_disk_full(tmp_path: Path, fake_gpu, monkeypatch) -> None:
    """The fifth file finds no room: four are whole, and nothing else is there."""
    synced, left = os.fsync, [8]

    def fsync(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    done = measure(tmp_path / "out", "--budget", "0.02")
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "the disk is full; windows measured so far are kept, run the same command again to go on" in done.stderr
    files = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert len(files - {".lock"}) == 4
    assert not [name for name in files if name.endswith(".part")]
    for name in files - {".lock"}:
        json.loads((tmp_path / "out" / name).read_text())


def test_nothing_is_ever_set(tmp_path: Path, fake_gpu) -> None:
    """Clocks, limits, persistence and MIG are read at most: no function that sets or resets is called."""
    fake_gpu.reasons = 0x40
    measure(tmp_path / "out", "--budget", "0.02")
    assert fake_gpu.calls
    assert not [name for name in fake_gpu.calls if re.search(r"Set|Reset|Clear|Enable|Disable", name)]


def test_units_of_a_reading(nvml) -> None:
    """Millijoules and milliwatts of NVML become joules and watts; the field of instant power wins over the average."""
    reading = NvmlSensor(Board(0, nvml), VirtualClock()).read()
    assert reading.energy_j == pytest.approx(nvml.millijoules / 1000.0)
    assert (reading.power_w, reading.average_power_w) == pytest.approx((431.186, 431.185))
    assert (reading.temperature_c, reading.clock_mhz, reading.throttle) == (88.0, 1320.0, ("sw_power_cap",))


def test_power_before_hopper(nvml) -> None:
    """Boards without the fields answer the older call."""
    nvml.fails["nvmlDeviceGetFieldValues"] = NOT_SUPPORTED
    reading = NvmlSensor(Board(0, nvml), VirtualClock()).read()
    assert (reading.power_w, reading.average_power_w) == (420.0, None)


def test_a_driver_that_is_older_than_the_module(tmp_path: Path, fake_gpu) -> None:
    """Before R535 it knows the older name of the reasons only; before R510 it lists processes by another call."""
    fake_gpu.fails["nvmlDeviceGetCurrentClocksEventReasons"] = 13
    fake_gpu.mismatched.add("nvmlDeviceGetComputeRunningProcesses")
    fake_gpu.reasons = 0x4 | 0x40
    done = measure(tmp_path / "out", "--budget", "0.02")
    assert "its clock was held down (hw_thermal)" in done.stderr
    assert "note: the driver does not list processes: nobody watches whether others use the GPU" in done.stderr


def test_a_driver_that_says_nothing_of_clocks(tmp_path: Path, fake_gpu) -> None:
    for name in ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
        fake_gpu.fails[name] = NOT_SUPPORTED
    done = measure(tmp_path / "out", "--budget", "0.02")
    assert "note: the driver does not say why the clock is held down: throttled windows are not found" in done.stderr


def test_the_bits_are_those_of_the_module() -> None:
    """Names of nvidia-ml-py for every bit that it knows; none is missing."""
    known = {
        value
        for name, value in vars(pynvml).items()
        if re.match("nvmlClocks(Event|Throttle)Reason", name) and not name.endswith(("All", "None"))
    }
    assert known == set(REASON_BITS.values())
    assert REASON_BITS["sw_power_cap"] == pynvml.nvmlClocksEventReasonSwPowerCap
    assert REASON_BITS["hw_thermal"] == pynvml.nvmlClocksEventReasonHwThermalSlowdown
    assert REASON_BITS["sw_thermal"] == pynvml.nvmlClocksEventReasonSwThermalSlowdown


def test_the_calls_are_those_of_the_module() -> None:
    """Every name of NVML in the code is one of nvidia-ml-py."""
    folder = Path(nvml_module.__file__).parent
    text = "".join((folder / name).read_text() for name in ("nvml.py", "nvml_sensor.py", "board_watch.py"))
    names = set(re.findall(r"\b(?:NVML_[A-Z_]+|nvml[A-Z]\w+|NVML[A-Z][a-z]\w+|NVMLError)\b", text))
    names -= {"nvmlReturn", "nvmlClocksEventReasons"}  # of a structure; of a comment
    assert len(names) > 20
    assert [name for name in sorted(names) if not hasattr(pynvml, name)] == []


def test_schema_verb() -> None:
    done = CliRunner().invoke(app, ["schema", "measurement"])
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"device", "sensor", "protocol", "windows"} <= set(schema["required"])


def test_schema_of_no_file() -> None:
    done = CliRunner().invoke(app, ["schema", "measuremnt"])
    assert done.exit_code == 2
    assert "no file is called 'measuremnt'" in done.stderr
    assert "measurement" in done.stderr.split("'measuremnt'")[1]
