"""From what stands on the command line to a finished measurement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from calibration.measuring.bench import SensorChoice, open_bench
from calibration.measuring.closing import Wishes
from calibration.measuring.directory import MeasurementDirectory, read_measurement
from calibration.measuring.record import MeasurementRecord
from calibration.measuring.session import measure, replay
from calibration.measuring.time_left import Notify

RECORDED: Final = "recorded:"

__all__ = ["RECORDED", "Wishes", "run"]


def run(  # noqa: PLR0913 - what a command passes on
    out: Path,
    device: str,
    sensor: SensorChoice,
    threads: int | None,
    wishes: Wishes,
    *,
    shared: bool,
    notify: Notify,
    say: Callable[[str], None],
    nvml: Any = None,
) -> MeasurementRecord:
    """Measure into a directory, go on with what is there, or play a measurement back.

    Args:
        out: the directory.
        device: `auto`, `cuda`, `cuda:1`, `cpu`, or `recorded:DIRECTORY`.
        sensor: what tells energy.
        threads: of torch on a processor; None takes all cores.
        wishes: what is asked for.
        shared: measure although others use the device.
        notify: told how far it is.
        say: told what the user should know about the choice of device and sensor.
        nvml: the module `pynvml`; None imports it.

    Raises:
        InputError: the device, its sensor, the machine or the directory does not allow it.
    """
    if MeasurementDirectory(out).finished:
        say(f"{out} holds a finished measurement")
        return read_measurement(out)[0]
    if device.startswith(RECORDED):
        return replay(out, Path(device.removeprefix(RECORDED)), wishes, notify)
    bench = open_bench(device, sensor, threads, shared=shared, nvml=nvml)
    try:
        for note in bench.notes:
            say(note)
        return measure(out, bench, wishes, notify)
    finally:
        bench.sensor.close()
