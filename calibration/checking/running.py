"""From what stands on the command line to a finished check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from calibration.checking import report
from calibration.checking.comparison import FULL, QUICK, Checked, Notify, check
from calibration.measuring.bench import SensorChoice, open_bench
from calibration.measuring.torch_device import TorchDevice
from simulator.errors import InputError
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished check.

    Args:
        checked: what was found.
        profile: name of the profile.
        device: what was measured.
        sensor: what energy rests on; empty where only time was measured.
    """

    checked: Checked
    profile: str
    device: str
    sensor: str

    def as_dict(self) -> dict[str, Any]:
        """Return everything for a file."""
        return {
            "profile": self.profile,
            "device": self.device,
            "sensor": self.sensor or None,
            "phases": [row.as_dict() for row in self.checked.rows],
            "skipped": self.checked.skipped,
        }


def run(
    profile: Profile[AcceleratorRecord],
    device: str,
    sensor: SensorChoice,
    threads: int | None,
    *,
    quick: bool,
    shared: bool,
    notify: Notify,
    say: Callable[[str], None],
) -> Finished:
    """Check a profile on a device.

    Args:
        profile: what predicts.
        device: `auto`, `cuda`, `cuda:1` or `cpu`.
        sensor: what tells energy.
        threads: of torch on a processor; None takes all cores.
        quick: shorter windows.
        shared: measure although others use the device.
        notify: told how far it is.
        say: told what the user should know about the choice of device and sensor.

    Raises:
        InputError: the device, its sensor or the profile does not allow it.
    """
    bench = open_bench(device, sensor, threads, shared=shared)
    if not isinstance(bench.device, TorchDevice):
        raise InputError("check runs a transformer: it needs a device, not a recording")
    try:
        for note in bench.notes:
            say(note)
        checked = check(profile, bench, bench.device.runtime, QUICK if quick else FULL, notify)
        energy = "" if bench.sensor.energy_from == "none" else bench.sensor.boundary
        return Finished(checked, profile.record.name, bench.device.identity.name, energy)
    finally:
        bench.sensor.close()


def table(found: Finished) -> Table:
    """Return a finished check as a table."""
    return report.table(found.checked, found.sensor)
