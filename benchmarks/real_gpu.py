"""All of it on a GPU that is there: ``python -m benchmarks.real_gpu DIR [--quick] [--device cuda] [--json OUT]``.

1. measure DIR (45 minutes, with --quick 10), or go on with what it holds;
2. fit all windows, and each half of the replicates by itself: does one half's fit lie in the other's intervals?
3. check the profile of all windows on the transformer that no fit has seen (7 minutes, with --quick 2).

Printed and written beside the bounds that are asked for: time within 8 %, energy within 10 % in every phase, and the
second fit inside the intervals of the first. Exit code 1 where one of them is missed. Of a recording (`--device
recorded:DIR`) only the first two steps can be done.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from calibration.checking import running as checking
from calibration.checking.comparison import Checked
from calibration.fitting.measurement import fit_measurement
from calibration.fitting.writing import write_profile
from calibration.measuring import running as measuring
from calibration.measuring.directory import read_measurement
from simulator.errors import InputError
from simulator.profiles import catalogue
from simulator.profiles.calibrated import CalibratedProfile

MOST_TIME_ERROR: Final = 0.08
MOST_ENERGY_ERROR: Final = 0.10
CLAIMED: Final = 0.95
"""Share of true values that intervals of 95 % should hold."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One figure, fitted to one half of the replicates and to the other.

    Args:
        figure: path in the profile.
        first: value of the first half.
        low: of its 95 % interval.
        high: of its 95 % interval.
        second: value of the second half.
    """

    figure: str
    first: float
    low: float
    high: float
    second: float

    @property
    def inside(self) -> bool:
        """Whether the second value lies in the first's interval."""
        return self.low <= self.second <= self.high


def halves(windows: pd.DataFrame) -> tuple[frozenset[int], frozenset[int]]:
    """Return replicates of even and of odd number: both halves saw the beginning and the end of the measurement.

    Raises:
        InputError: there is one window of each point only.
    """
    numbers = {int(number) for number in windows[windows.valid].replicate}
    first = frozenset(number for number in numbers if number % 2 == 0)
    second = frozenset(number for number in numbers if number % 2 == 1)
    if not second:
        raise InputError("the measurement holds one window of each point: a second fit needs more time")
    return first, second


def agreement(folder: Path, base: str | None) -> list[Agreement]:
    """Return every figure that both halves of a measurement's replicates tell.

    The gain of the sensor is in the intervals of energies and common to both halves, so that their agreement says
    little of it; that of times and of ratios of energies says how far the protocol repeats.
    """
    _, windows = read_measurement(folder)
    first, second = (
        {entry.name: entry for entry in _fitted(folder, base, half).model.parameters} for half in halves(windows)
    )
    return [
        Agreement(name, entry.value, entry.low, entry.high, second[name].value)
        for name, entry in first.items()
        if name in second
    ]


def _fitted(folder: Path, base: str | None, replicates: frozenset[int] | None, samples: int = 0) -> CalibratedProfile:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return fit_measurement(folder, base, now, samples=samples, replicates=replicates)


def misses(agreed: list[Agreement], checked: Checked | None) -> list[str]:
    """Return what is missed of what is asked for, in words."""
    found = []
    inside = sum(entry.inside for entry in agreed)
    if inside < math.floor(CLAIMED * len(agreed)):
        found.append(f"{inside} of {len(agreed)} figures of the second fit lie in the intervals of the first")
    for row in checked.rows if checked is not None else ():
        if abs(row.time_error) > MOST_TIME_ERROR:
            found.append(f"{row.phase}: time {row.time_error:+.1%}, at most {MOST_TIME_ERROR:.0%}")
        if row.energy_error is not None and abs(row.energy_error) > MOST_ENERGY_ERROR:
            found.append(f"{row.phase}: energy {row.energy_error:+.1%}, at most {MOST_ENERGY_ERROR:.0%}")
    return found


def study(folder: Path, device: str, base: str | None, *, quick: bool, shared: bool, samples: int) -> dict[str, Any]:
    """Measure, fit three times and check; return all figures.

    Args:
        folder: directory of the measurement.
        device: as of `wattline-calibrate measure`.
        base: profile of what was not measured; None for that of the device's name.
        quick: the quick protocol.
        shared: measure although others use the device.
        samples: bootstrap samples of the profile.
    """
    wishes = measuring.Wishes("quick" if quick else "full", seed=1)
    began_s = time.monotonic()
    record = measuring.run(folder, device, "auto", None, wishes, shared=shared, notify=_quiet, say=_say)
    measured_s = time.monotonic() - began_s
    write_profile(_fitted(folder, base, None, samples), folder / "profile.json")
    agreed = agreement(folder, base)
    checked, checked_s = None, None
    if not device.startswith(measuring.RECORDED):
        profile, began_s = catalogue.accelerator("profile.json", folder), time.monotonic()
        found = checking.run(profile, device, "auto", None, quick=quick, shared=shared, notify=_quiet, say=_say)
        checked, checked_s = found.checked, time.monotonic() - began_s
    return {
        "device": record.device.name,
        "sensor": record.sensor.name,
        "windows": record.windows.rows,
        "invalid_windows": record.invalid_windows,
        "measured_s": measured_s,
        "checked_s": checked_s,
        "agreement": [asdict(entry) | {"inside": entry.inside} for entry in agreed],
        "phases": None if checked is None else [row.as_dict() for row in checked.rows],
        "skipped": None if checked is None else checked.skipped,
        "misses": misses(agreed, checked),
    }


def _say(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


def _quiet(_done: float, _total: float, _label: str) -> None:
    """Say nothing: the study prints at its end."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_gpu", description=__doc__)
    parser.add_argument("directory", type=Path, help="of the measurement; one that has begun is gone on with")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, cpu, or recorded:DIRECTORY")
    parser.add_argument("--base", help="profile of what was not measured; by default that of the device's name")
    parser.add_argument("--quick", action="store_true", help="at most 10 minutes of measuring")
    parser.add_argument("--shared", action="store_true", help="measure although others use the device")
    parser.add_argument("--samples", type=int, default=200, help="bootstrap samples of the profile")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    try:
        found = study(
            given.directory, given.device, given.base, quick=given.quick, shared=given.shared, samples=given.samples
        )
    except InputError as error:
        sys.exit(f"{error}")
    inside = sum(entry["inside"] for entry in found["agreement"])
    print(f"{found['device']}: {found['windows']:,} windows in {found['measured_s'] / 60:.1f} minutes")
    for entry in found["agreement"]:
        where = "" if entry["inside"] else "  OUTSIDE"
        print(f"{entry['figure']:<42} {entry['first']:.4g} [{entry['low']:.4g}, {entry['high']:.4g}]   "
              f"second {entry['second']:.4g}{where}")  # fmt: skip
    print(f"{inside} of {len(found['agreement'])} figures of the second fit lie in the intervals of the first")
    for row in found["phases"] or ():
        energy = "time only" if row["energy_error"] is None else f"energy {row['energy_error']:+.1%}"
        print(f"{row['phase']:<34} time {row['time_error']:+.1%}, {energy}")
    for name, reason in (found["skipped"] or {}).items():
        print(f"{name} was not run: {reason}")
    print("\n".join(f"missed: {miss}" for miss in found["misses"]) or "nothing that is asked for is missed")
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    sys.exit(1 if found["misses"] else 0)


if __name__ == "__main__":
    main()
