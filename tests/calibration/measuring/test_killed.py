"""SIGKILL at random moments of a measurement (`benchmarks.kill_measure` kills one of the processor 20 times)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from benchmarks.kill_measure import kill_and_go_on
from benchmarks.synthetic_board import synthetic_board
from benchmarks.synthetic_windows import Truth
from calibration.measuring.closing import Wishes
from calibration.measuring.session import measure

KILLS = 6


class Child:
    """A fork of this process that measures a synthetic board: started at once, with nothing to import."""

    def __init__(self, path: Path) -> None:
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                measure(path, synthetic_board(1, Truth()), Wishes("quick", 1, budget_s=200.0), lambda *_: None)
                code = 0
            finally:
                os._exit(code)

    def poll(self) -> int | None:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_it_goes_on_and_loses_no_closed_window(tmp_path: Path) -> None:
    codes: list[Child] = []

    def start(path: Path) -> Child:
        codes.append(Child(path))
        return codes[-1]

    found = kill_and_go_on(tmp_path / "measurement", KILLS, seed=5, start=start, window_gap_s=0.03)
    assert found["kills"] == KILLS
    assert [child.code for child in codes] == [-signal.SIGKILL] * KILLS + [0]
    assert found["windows_before_the_last_kill"] > 0
    assert found["closed_windows_lost"] == 0
    assert found["corrupt_files"] == 0
    assert found["finished"]
    assert found["every_window_accounted_for"]
    assert found["window_names_unique"]
