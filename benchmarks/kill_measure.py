"""Kill a measurement again and again: ``python -m benchmarks.kill_measure [--kills 20] [--seed 1] [--json OUT]``.

`measure` runs on the processor in a process of its own, gets SIGKILL at a random moment, and is started again. After
each kill every file must be whole, and every window that was closed before must still be there, byte for byte. At the
end every window of the plan must be in the table, or be named in the record as left out for lack of time.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from calibration.measuring.directory import MeasurementDirectory, read_measurement

_LONGEST_WAIT_S = 300.0


class Running(Protocol):
    """A process that measures, as `subprocess.Popen` is one."""

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""
        ...

    def send_signal(self, sig: int, /) -> None:
        """Send a signal."""
        ...

    def wait(self) -> int:
        """Return its exit code when it has ended."""
        ...


def kill_and_go_on(
    path: Path, kills: int, seed: int, start: Callable[[Path], Running], window_gap_s: float = 1.5
) -> dict[str, Any]:
    """Return what happened.

    Args:
        path: directory of the measurement.
        kills: how often.
        seed: of the moments.
        start: starts the measurement in a process of its own.
        window_gap_s: a kill comes up to so long after the first or second new file of a run, wherever that falls.
    """
    rng = np.random.default_rng(seed)
    directory = MeasurementDirectory(path)
    known: dict[str, bytes] = {}
    lost, corrupt, parts, done = 0, 0, 0, 0
    while done < kills and not directory.finished:
        process = start(path)
        _until_new_files(path, known, process, int(rng.integers(0, 3)))
        time.sleep(float(rng.uniform(0.0, window_gap_s)))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        done += 1
        now = _windows(path)
        corrupt += sum(not _whole(data) for data in now.values())
        parts += len(list(path.rglob("*.part")))
        lost += sum(now.get(name) != data for name, data in known.items())
        known = now
    finished = directory.finished or start(path).wait() == 0
    record, table = read_measurement(path)
    plan, _ = directory.read_plan()
    left_out = sum("window" in entry.point for entry in record.skipped)
    kept = {json.loads(data)["window"]["window_id"] for data in known.values()}
    return {
        "kills": done,
        "windows_before_the_last_kill": len(known),
        "closed_windows_lost": lost + len(kept - set(table.window_id)),
        "corrupt_files": corrupt,
        "half_written_files_hidden": parts,
        "finished": finished,
        "planned_windows": len(plan.order),
        "windows_in_the_table": len(table),
        "windows_left_out_for_time": left_out,
        "every_window_accounted_for": len(table) + left_out == len(plan.order),
        "window_names_unique": bool(table.window_id.is_unique),
    }


def _start(path: Path, seed: int, budget_min: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "calibration.cli", "measure", str(path), "--quick", "--device", "cpu", "--shared"]
    command += ["--threads", "1", "--sensor", "none", "--seed", str(seed), "--budget", str(budget_min)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _until_new_files(path: Path, known: dict[str, bytes], process: Running, count: int) -> None:
    """Wait until a run has closed `count` windows, so that kills also fall into a plan that moves on."""
    end_s = time.monotonic() + _LONGEST_WAIT_S
    while process.poll() is None and time.monotonic() < end_s:
        if (path / "plan.json").is_file() and len(_names(path) - known.keys()) >= count:
            return
        time.sleep(0.005)


def _names(path: Path) -> set[str]:
    return {file.name for file in (path / "windows").glob("*.json")}


def _windows(path: Path) -> dict[str, bytes]:
    return {name: (path / "windows" / name).read_bytes() for name in _names(path)}


def _whole(data: bytes) -> bool:
    try:
        return {"window", "elapsed_s", "readings"} <= set(json.loads(data))
    except ValueError:
        return False


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Kill a measurement again and again.")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=1.0, help="minutes")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = kill_and_go_on(
            Path(folder) / "measurement",
            arguments.kills,
            arguments.seed,
            lambda path: _start(path, arguments.seed, arguments.budget),
        )
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
